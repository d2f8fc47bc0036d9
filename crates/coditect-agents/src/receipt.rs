//! The receipt of a run of the whole suite.

use std::collections::BTreeMap;

use coditect_types::{Project, Receipt, TestReport, TestStatus};

use crate::measure::Measured;

/// Tests by name and how each ended. A test that never ran has no end.
pub(crate) fn ends(report: &TestReport) -> BTreeMap<String, TestStatus> {
    let ran = report.tests.iter().filter(|test| test.status != TestStatus::NotRun);
    ran.map(|test| (test.id.clone(), test.status)).collect()
}

/// Tests whose end changed between runs, with passes and runs.
pub(crate) fn flaky(report: &TestReport) -> BTreeMap<String, (u32, u32)> {
    report.flaky().filter_map(|test| Some((test.id.clone(), test.passes_of_runs?))).collect()
}

/// The receipt of a measured tree. `before`: what the suite said of the snapshot; None where this run is the one
/// that says it.
pub(crate) fn of(
    project: &Project,
    tree: String,
    before: Option<&TestReport>,
    measured: &Measured,
    taken_at_ms: u64,
) -> Receipt {
    let report = &measured.suite.report;
    let mut after = ends(report);
    for test in report.tests.iter().filter(|test| test.status == TestStatus::NotRun) {
        after.insert(test.id.clone(), TestStatus::NotRun);
    }
    // What was flaky before is so still: its runs there count as well.
    let mut unsteady = before.map(flaky).unwrap_or_default();
    for test in &report.tests {
        if let Some((passed, ran)) = unsteady.get_mut(&test.id) {
            let (more_passed, more_ran) =
                test.passes_of_runs.unwrap_or((u32::from(test.status == TestStatus::Passed), 1));
            *passed += more_passed;
            *ran += more_ran;
        }
    }
    for (id, rate) in flaky(report) {
        unsteady.entry(id).or_insert(rate);
    }
    Receipt {
        command: project.command.clone(),
        directory: project.root.clone(),
        tree,
        exit_code: exit_code(report),
        before: ends(before.unwrap_or(report)),
        after,
        flaky: unsteady,
        output_hash: measured.suite.output_hash.clone(),
        tier: measured.suite.tier,
        enforced: measured.suite.enforced.clone(),
        taken_at_ms,
        wall_ms: report.wall_ms,
    }
}

/// The exit code that the suite gave; where it was killed before it could give one, 1: it is not green.
fn exit_code(report: &TestReport) -> i32 {
    report.exit_code.unwrap_or(1)
}
