//! The lines that single tests run, for projects that are built: from one instrumented build, test by test.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use coditect_code::languages::is_test_path;
use coditect_code::python::Listing;
use coditect_code::suite::{BUILD, Built, Coverage, HITS, Suite, SuiteRun};
use coditect_code::trace::Trace;
use coditect_ports::PortError;
use coditect_types::TestStatus;

use crate::coder::{sources, trees};
use crate::measure::{BUILD_MS, Measured, Place};
use crate::notices::Notices;

/// Red tests that are traced at most.
const MOST_RED: usize = 20;
/// Green ones, spread over the suite: they tell what is suspicious from what everything runs.
const MOST_GREEN: usize = 80;
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
    let green: Vec<String> = report
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Passed)
        .map(|test| test.id.clone())
        .collect();
    let step = green.len().div_ceil(MOST_GREEN).max(1);
    if suite.tells_lines() {
        return all_at_once(place, measured, &suite, &built, &trace);
    }
    let started = Instant::now();
    let ids = red.iter().map(|id| (id, true)).chain(green.iter().step_by(step).map(|id| (id, false)));
    for (id, is_red) in ids {
        if !is_red && started.elapsed() > ENOUGH {
            break;
        }
        let only = std::slice::from_ref(id);
        let how = SuiteRun {
            select: Some(only),
            coverage: Coverage::Lines,
            rounds: 1,
            ..SuiteRun::whole(place.limits)
        };
        let run = suite.run_built(&built, &how, &[], &place.work.stop)?;
        measured.runs += u64::from(run.runs);
        if let Some(hits) = run.lines.get(id).and_then(|lines| lines.get(HITS)) {
            measured.suite.lines.insert(id.clone(), trace.lines(hits));
        }
    }
    add_loading(measured, &trace, &red);
    Ok(())
}

/// One run of the whole suite, where each test's end says what it reached.
fn all_at_once(
    place: &Place<'_>,
    measured: &mut Measured,
    suite: &Suite<'_>,
    built: &Built,
    trace: &Trace,
) -> Result<(), PortError> {
    let how = SuiteRun { coverage: Coverage::Lines, ..SuiteRun::whole(place.limits) };
    let run = suite.run_built(built, &how, &[], &place.work.stop)?;
    measured.runs += u64::from(run.runs);
    for (id, lines) in &run.lines {
        if let Some(hits) = lines.get(HITS) {
            measured.suite.lines.insert(id.clone(), trace.lines(hits));
        }
    }
    let red: Vec<String> = measured.suite.report.red().map(|test| test.id.clone()).collect();
    add_loading(measured, trace, &red);
    Ok(())
}

/// Lines that run when a file is loaded belong to all tests: those of files that a red test reaches, or of all.
fn add_loading(measured: &mut Measured, trace: &Trace, red: &[String]) {
    let lines = &measured.suite.lines;
    let reached: BTreeSet<&str> = red
        .iter()
        .filter_map(|id| lines.get(id))
        .flat_map(|lines| lines.keys().map(String::as_str))
        .collect();
    let files: Vec<&str> = match reached.is_empty() {
        true => trace.files.keys().map(String::as_str).collect(),
        false => reached.into_iter().collect(),
    };
    measured.suite.import_lines = trace.lines_of_loading(&files);
}
