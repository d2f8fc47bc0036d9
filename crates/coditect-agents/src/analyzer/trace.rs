//! The lines that single tests run, for projects that are built: from one instrumented build, test by test.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use coditect_code::languages::is_test_path;
use coditect_code::python::Listing;
use coditect_code::suite::{BUILD, Coverage, HITS, Suite, SuiteRun};
use coditect_code::trace::Trace;
use coditect_ports::PortError;
use coditect_types::{TestReport, TestResult, TestStatus};

use crate::coder::{sources, trees};
use crate::measure::{BUILD_MS, Measured, Place};
use crate::notices::Notices;

/// Red tests that are traced at most.
const MOST_RED: usize = 20;
/// Green ones, spread over the suite: they tell what is suspicious from what everything runs.
const MOST_GREEN: usize = 80;
/// The same where one process runs many.
const MANY_GREEN: usize = 400;
/// Of them, such as take longer than this are passed over, us.
const MOST_US: u64 = 500_000;
/// Tests of one process, where it tells them apart.
const AT_ONCE: usize = 100;
/// The green ones end after this long.
const ENOUGH: Duration = Duration::from_secs(10);

/// Adds to a measurement the lines that its tests run. What cannot be traced (an instrumented project that does not
/// build) stays without: the search then looks at every line.
pub(super) fn add_lines(
    place: &Place<'_>,
    measured: &mut Measured,
    notices: &mut Notices<'_>,
) -> Result<(), PortError> {
    let report = &measured.suite.report;
    let steady = |passes: Option<(u32, u32)>| passes.is_none_or(|(passed, _)| passed == 0);
    let red: Vec<String> = report
        .red()
        .filter(|test| steady(test.passes_of_runs) && test.id != BUILD && test.status != TestStatus::TimedOut)
        .take(MOST_RED)
        .map(|test| test.id.clone())
        .collect();
    if place.project.framework.toolchain().is_none() || red.is_empty() {
        return Ok(());
    }
    notices.doing("finding out which lines the red tests run");
    let workspace = &place.tools.workspace;
    let view = workspace.worktree(&place.work.mission, place.commit, "trace")?;
    let cache = workspace.cache(&place.work.mission, "trace", Some("baseline"))?;
    let root = view.join(&place.project.root);
    let io = |error: std::io::Error| PortError::from_io("instrument the sources", &error);
    let files = Listing::load(&root).map_err(io)?;
    let mut sources = sources::read(&root, &files, place.project.framework, report, &[]).product;
    sources.retain(|source| !is_test_path(&source.path));
    let trace = Trace::of(&sources);
    for (path, text) in &trace.files {
        let at = root.join(path);
        if let Some(folder) = at.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        trees::replace(&at, text.as_bytes()).map_err(io)?;
    }
    let suite = Suite {
        project: place.project,
        view: &view,
        sandbox: place.sandbox,
        waived: place.waived,
        cache: Some(&cache),
    };
    let limits = coditect_types::Limits { wall_ms: BUILD_MS, ..place.limits.clone() };
    let Some(built) = suite.build(&limits, &place.work.stop)? else { return Ok(()) };
    measured.runs += 1;
    if built.broken().is_some() {
        return Ok(());
    }
    let (at_once, most_green) = if suite.takes_many() { (AT_ONCE, MANY_GREEN) } else { (1, MOST_GREEN) };
    let ids: Vec<String> = red.iter().cloned().chain(green(report, &red, most_green)).collect();
    let (reds, greens) = ids.split_at(red.len());
    let mut greens_began = None;
    let batches = reds.chunks(at_once).map(|ids| (ids, true));
    for (ids, is_red) in batches.chain(greens.chunks(at_once).map(|ids| (ids, false))) {
        if !is_red && greens_began.get_or_insert_with(Instant::now).elapsed() > ENOUGH {
            break;
        }
        let how = SuiteRun {
            select: Some(ids),
            coverage: Coverage::Lines,
            rounds: 1,
            ..SuiteRun::whole(place.limits)
        };
        let run = suite.run_built(&built, &how, &[], &place.work.stop)?;
        measured.runs += u64::from(run.runs);
        for id in ids {
            if let Some(hits) = run.lines.get(id).and_then(|lines| lines.get(HITS)) {
                measured.suite.lines.insert(id.clone(), trace.lines(hits));
            }
        }
    }
    Ok(())
}

/// Green tests to compare the red ones with: half of them from the same files, which run much the same code, the others
/// from all over the suite. Those that take long are left out.
fn green(report: &TestReport, red: &[String], most: usize) -> Vec<String> {
    let file = |id: &str| id.split("::").next().unwrap_or(id).to_owned();
    let files: BTreeSet<String> = red.iter().map(|id| file(id)).collect();
    let passed = |test: &&TestResult| test.status == TestStatus::Passed && test.us < MOST_US;
    let (near, far): (Vec<&TestResult>, Vec<&TestResult>) =
        report.tests.iter().filter(passed).partition(|test| files.contains(&file(&test.id)));
    let spread = |tests: Vec<&TestResult>, most: usize| {
        let step = tests.len().div_ceil(most).max(1);
        tests.into_iter().step_by(step).map(|test| test.id.clone()).collect::<Vec<String>>()
    };
    let mut ids = spread(near, most / 2);
    let rest = most - ids.len();
    ids.extend(spread(far, rest));
    ids
}
