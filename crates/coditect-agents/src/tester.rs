//! The tester: proves, or refutes, that a changed tree passes its tests. It never made the change itself. Where no test
//! shows what is asked for, it adds tests to the snapshot that do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use coditect_code::suite::{Coverage, SuiteRun};
use coditect_ports::{Agent, PortError, Work};
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::testing::OrderSeen;
use coditect_types::{
    Action, Failure, Limits, Outcome, Project, Snapshot, TestReport, TestResult, TestStatus,
};

use crate::doubt::Doubts;
use crate::measure::{Measured, Place, count_run, is_test_by_test, stand_ins};
use crate::notices::Notices;
use crate::{Tools, failed, not_mine, receipt};

mod specifying;

use specifying::Specify;

/// Runs the whole suite on a fresh worktree of the changed commit and writes the receipt.
#[derive(Clone, Debug)]
pub struct Tester {
    tools: Tools,
}

/// What runs of unsteady tests may take together.
const LUCK: Duration = Duration::from_secs(30);

/// Runs in which a test that is flaky without a change has the chance to be green with it.
const MOST_TRIES: u32 = 12;

/// A change to be verified, with what was known before it.
struct Case<'a> {
    snapshot: &'a Snapshot,
    commit: &'a str,
    project: &'a Project,
    baseline: &'a TestReport,
    unsteady: &'a BTreeMap<String, u32>,
    limits: &'a Limits,
    waived: &'a [String],
}

impl Tester {
    /// A tester that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    fn verify(&self, case: &Case<'_>, work: &Work, spent: &mut Spent) -> Result<Outcome, Failure> {
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing("running the whole suite on the changed tree");
        let place = Place {
            tools: &self.tools,
            work,
            commit: case.commit,
            purpose: "verify",
            unchanged: "baseline",
            patience: None,
            project: case.project,
            sandbox: self.tools.sandbox(case.project.tier)?,
            limits: case.limits,
            waived: case.waived,
        };
        // Files that could not be imported before must be answered for by name.
        let imports = stand_ins(case.baseline);
        let mut measured = place.measure(Coverage::None, &imports, &mut notices)?;
        try_luck(&place, case, &mut measured, &mut notices)?;
        doubt(&place, case, &mut measured, &mut notices)?;
        spent.sandbox_runs += measured.runs;
        let tree = self.tools.workspace.tree_of(&work.mission, case.commit).map_err(as_failure)?;
        let receipt =
            receipt::of(case.project, tree, Some(case.baseline), &measured, self.tools.clock.now_ms());
        // The receipt names every test; the report need only say what a person has to look at.
        let report = &mut measured.suite.report;
        report.tests.retain(|test| {
            test.status.is_red() || test.status == TestStatus::NotRun || test.passes_of_runs.is_some()
        });
        Ok(Outcome::ChangeVerified { receipt, report: measured.suite.report, spent: spent.clone() })
    }
}

/// Tests that were unsteady before and were red each time with the change are run until one is green, or was red as often in a
/// row as luck hardly explains.
fn try_luck(
    place: &Place<'_>,
    case: &Case<'_>,
    measured: &mut Measured,
    notices: &mut Notices<'_>,
) -> Result<(), Failure> {
    if !is_test_by_test(case.project) {
        return Ok(());
    }
    let began = Instant::now();
    loop {
        let open: Vec<String> = measured
            .suite
            .report
            .red()
            .filter(|test| {
                let (passed, ran) = test.passes_of_runs.unwrap_or((0, 1));
                passed == 0 && case.unsteady.get(&test.id).is_some_and(|needed| ran < *needed)
            })
            .map(|test| test.id.clone())
            .collect();
        if open.is_empty() || began.elapsed() > LUCK {
            return Ok(());
        }
        notices.doing(format!("running {} again: red so far, and unsteady before", open.join(", ")));
        let how = SuiteRun { select: Some(&open), ..SuiteRun::whole(case.limits) };
        let run = place.run(&how, notices)?;
        measured.runs += u64::from(run.runs);
        let counts = |id: &String| {
            run.report.tests.iter().any(|test| test.id == *id && test.status != TestStatus::NotRun)
        };
        if !open.iter().all(counts) {
            // A run that says nothing of them says nothing the next time either.
            return Ok(());
        }
        let before = runs_of(measured, &open);
        count_run(measured, &run);
        if runs_of(measured, &open) == before {
            return Ok(());
        }
    }
}

/// How often these tests ran, all of them together.
fn runs_of(measured: &Measured, ids: &[String]) -> u32 {
    let tests = measured.suite.report.tests.iter().filter(|test| ids.contains(&test.id));
    tests.map(|test| test.passes_of_runs.map_or(1, |(_, ran)| ran)).sum()
}

/// Tests that were green and are red on the changed tree, every time and alone as well: before they refute the change, the
/// suite is run again on both trees.
fn doubt(
    place: &Place<'_>,
    case: &Case<'_>,
    measured: &mut Measured,
    notices: &mut Notices<'_>,
) -> Result<(), PortError> {
    let unsteady = |id: &str| case.baseline.flaky().any(|test| test.id == id);
    let was_green =
        |id: &str| case.baseline.tests.iter().any(|test| test.id == id && test.status == TestStatus::Passed);
    let known = |id: &str| measured.suite.report.flaky().any(|test| test.id == id) || unsteady(id);
    let red: Vec<String> = measured
        .suite
        .report
        .red()
        .map(|test| &test.id)
        .filter(|id| was_green(id) && !known(id))
        .cloned()
        .collect();
    if red.is_empty() {
        return Ok(());
    }
    let mut doubts = Doubts::default();
    doubts.again(&red, place, case.snapshot, case.baseline, notices)?;
    measured.runs += doubts.runs();
    let seen = |(test, seed): (&String, &u64)| OrderSeen { test: test.clone(), seed: *seed, green: false };
    measured.suite.report.orders = doubts.ordered().iter().map(seen).collect();
    excuse(place, doubts.flaky(), measured, notices)
}

/// Tests that turned out to be flaky without the change, and were red each time with it. One that is green with it once is as
/// flaky as it was; one that never is has been broken, however flaky it is otherwise: that excuses nothing.
fn excuse(
    place: &Place<'_>,
    flaky: &BTreeMap<String, (u32, u32)>,
    measured: &mut Measured,
    notices: &mut Notices<'_>,
) -> Result<(), PortError> {
    let mut rates = flaky.clone();
    let mut open: Vec<String> =
        if is_test_by_test(place.project) { rates.keys().cloned().collect() } else { Vec::new() };
    let began = Instant::now();
    for _ in 0..MOST_TRIES {
        if open.is_empty() || began.elapsed() > LUCK {
            break;
        }
        notices.doing(format!(
            "running {} again: flaky without the change, and red so far with it",
            open.join(", ")
        ));
        let how = SuiteRun { select: Some(&open), ..SuiteRun::whole(place.limits) };
        let run = place.run(&how, notices)?;
        measured.runs += u64::from(run.runs);
        for id in &open {
            let is_green = |test: &TestResult| test.id == *id && test.status == TestStatus::Passed;
            let green = u32::from(run.report.tests.iter().any(is_green));
            rates.entry(id.clone()).and_modify(|(passed, ran)| (*passed, *ran) = (*passed + green, *ran + 1));
        }
        open.retain(|id| rates.get(id).map(|rate| rate.0) == flaky.get(id).map(|rate| rate.0));
    }
    for test in measured.suite.report.tests.iter_mut().filter(|test| !open.contains(&test.id)) {
        if let Some(rate) = rates.get(&test.id) {
            test.passes_of_runs = Some(*rate);
        }
    }
    Ok(())
}

fn as_failure(error: PortError) -> Failure {
    error.into()
}

impl Agent for Tester {
    fn roles(&self) -> &[Role] {
        &[Role::Tester]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        self.tools.noting(|tools| Self { tools }.work_at(action, work))
    }
}

impl Tester {
    fn work_at(&self, action: &Action, work: &Work) -> Outcome {
        let started = self.tools.clock.monotonic_us();
        let mut spent = Spent::default();
        let outcome =
            if let Action::VerifyChange { snapshot, commit, project, baseline, unsteady, limits, waived } =
                action
            {
                let case = Case { snapshot, commit, project, baseline, unsteady, limits, waived };
                self.verify(&case, work, &mut spent)
            } else if let Some(of) = specify(action) {
                self.specify(&of, work, &mut spent)
            } else {
                return not_mine(action, "tester");
            };
        let wall_ms = self.tools.clock.monotonic_us().saturating_sub(started) / 1000;
        match outcome {
            Ok(Outcome::ChangeVerified { receipt, report, spent }) => {
                Outcome::ChangeVerified { receipt, report, spent: Spent { wall_ms, ..spent } }
            }
            Ok(Outcome::SpecificationWritten { model, snapshot, tests, files, diff, .. }) => {
                let spent = Spent { wall_ms, ..spent };
                Outcome::SpecificationWritten { model, snapshot, tests, files, diff, spent }
            }
            Ok(Outcome::ChangeProposed { proposal, .. }) => {
                Outcome::ChangeProposed { proposal, spent: Spent { wall_ms, ..spent } }
            }
            Ok(Outcome::ReplyRefused { rung, account, feedback, diff, halved, .. }) => {
                let spent = Spent { wall_ms, ..spent };
                Outcome::ReplyRefused { rung, account, feedback, diff, halved, spent }
            }
            Ok(other) => other,
            Err(failure) => failed(work, failure, Spent { wall_ms, ..spent }),
        }
    }
}

/// What an action asks to be specified. None: it is for others.
fn specify(action: &Action) -> Option<Specify<'_>> {
    let Action::TrySpecification {
        rung,
        model,
        reply,
        request,
        snapshot,
        project,
        baseline,
        as_it_is,
        limits,
        waived,
    } = action
    else {
        return None;
    };
    let (rung, as_it_is) = (*rung, *as_it_is);
    Some(Specify { rung, model, reply, request, snapshot, project, baseline, as_it_is, limits, waived })
}
