//! The lines that single tests run, for projects that are built: from one instrumented build, test by test.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use coditect_code::languages::is_test_path;
use coditect_code::python::Listing;
use coditect_code::suite::{BUILD, Built, Coverage, HITS, Suite, SuiteRun};
use coditect_code::trace::Trace;
use coditect_ports::PortError;
use coditect_types::{TestResult, TestStatus};

use crate::coder::{sources, trees};
use crate::measure::{BUILD_MS, Measured, Place, contrast, count_run};
use crate::notices::Notices;

/// Red tests that are traced at most.
const MOST_RED: usize = 20;
/// Green ones, spread over the suite: they tell what is suspicious from what everything runs.
const MOST_GREEN: usize = 80;
/// The same where one process runs many.
const MANY_GREEN: usize = 400;
/// Tests of one process, where it tells them apart.
const AT_ONCE: usize = 100;
/// The green ones end after this long.
const ENOUGH: Duration = Duration::from_secs(10);
/// So many green ones are worth three times as long.
const FEW: usize = 16;

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
    let mut sources = sources::read(&root, &files, place.project, report, &[]).product;
    sources.retain(|source| !is_test_path(&source.path));
    let trace = Trace::of(&sources);
    put(&trace, &root).map_err(io)?;
    let suite = Suite {
        project: place.project,
        view: &view,
        sandbox: place.sandbox,
        waived: place.waived,
        cache: Some(&cache),
        writes: coditect_ports::Writes::Kept,
    };
    let limits = coditect_types::Limits { wall_ms: BUILD_MS, ..place.limits.clone() };
    let Some(built) = suite.build_for(Some(&red), &limits, &place.work.stop)? else { return Ok(()) };
    measured.runs += 1;
    if built.broken().is_some() {
        return Ok(());
    }
    if suite.tells_lines() {
        return all_at_once(place, measured, &suite, &built, &trace);
    }
    let (at_once, most_green) = if suite.takes_many() { (AT_ONCE, MANY_GREEN) } else { (1, MOST_GREEN) };
    let green = contrast(report, &red, most_green, None);
    let mut greens_began = None;
    let batches = red.chunks(at_once).map(|ids| (ids, None));
    let greens = green.chunks(at_once).enumerate().map(|(n, ids)| (ids, Some(n * at_once)));
    for (ids, green) in batches.chain(greens) {
        let waited = |n| {
            let began = *greens_began.get_or_insert_with(Instant::now);
            began.elapsed() > if n < FEW { ENOUGH * 3 } else { ENOUGH }
        };
        if green.is_some_and(waited) {
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
    add_loading(measured, &trace, &red);
    Ok(())
}

/// Writes the instrumented files over a worktree.
fn put(trace: &Trace, root: &Path) -> std::io::Result<()> {
    for (path, text) in &trace.files {
        let at = root.join(path);
        if let Some(folder) = at.parent() {
            std::fs::create_dir_all(folder)?;
        }
        trees::replace(&at, text.as_bytes())?;
    }
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
    let report = &measured.suite.report;
    let hung = report.tests.iter().filter(|test| test.status == TestStatus::TimedOut).count();
    let ends = |test: &&TestResult| !matches!(test.status, TestStatus::TimedOut | TestStatus::NotRun);
    let ids: Vec<String> = report.tests.iter().filter(ends).map(|test| test.id.clone()).collect();
    // A test that hangs never says what it reached, and each costs its whole limit.
    let select = (hung > 1 && !ids.is_empty()).then_some(ids.as_slice());
    let how = SuiteRun { select, coverage: Coverage::Lines, ..SuiteRun::whole(place.limits) };
    let run = suite.run_built(built, &how, &[], &place.work.stop)?;
    measured.runs += u64::from(run.runs);
    count_run(measured, &run);
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
