//! The suite in other orders: a test that ends otherwise in one of them, and each time in that one, depends on what ran before
//! it. One that is red now and then in any order is flaky.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use coditect_code::python::Listing;
use coditect_code::reach::reach;
use coditect_code::suite::{IMPORT, SuiteRun, can_order, orders_selected, shuffled};
use coditect_ports::PortError;
use coditect_types::testing::OrderSeen;
use coditect_types::{Snapshot, TestReport, TestStatus};

use crate::coder::sources;
use crate::measure::Place;

/// Orders that are tried, by their seeds.
const SEEDS: [u64; 4] = [1, 2, 3, 4];
/// What is tried takes no longer than this together, of a suite that takes longer than a second six times that; and suites that take
/// longer than this are not run for it, ms.
const ALL: Duration = Duration::from_secs(6);
const LONG_MS: u64 = 15_000;
/// Tests that are told.
const MOST: usize = 20;

/// What other orders showed.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Tests that ended otherwise than in the suite's own order, twice in the same one.
    pub(crate) seen: Vec<OrderSeen>,
    /// Runs of the suite.
    pub(crate) runs: u64,
}

/// Runs the suite in other orders until each of the `wanted` tests has ended otherwise than in `report`, a few times at most.
pub(crate) fn look(place: &Place<'_>, report: &TestReport, wanted: &[String]) -> Result<Orders, PortError> {
    let mut orders = Orders::default();
    if !can_order(place.project) || report.wall_ms > LONG_MS || wanted.is_empty() {
        return Ok(orders);
    }
    let ended = |status| matches!(status, TestStatus::Passed | TestStatus::Failed | TestStatus::Errored);
    let unsteady = |id: &str| report.flaky().any(|test| test.id == id);
    let known: BTreeMap<&str, bool> = report
        .tests
        .iter()
        .filter(|test| ended(test.status) && !unsteady(&test.id) && !test.id.ends_with(IMPORT))
        .map(|test| (test.id.as_str(), test.status.is_red()))
        .collect();
    let ids: Vec<String> = known.keys().map(|id| (*id).to_owned()).collect();
    let within = ALL.max(Duration::from_millis(report.wall_ms) * 6);
    let began = Instant::now();
    for seed in SEEDS {
        let is_open = |id: &&String| !orders.seen.iter().any(|seen| seen.test == **id);
        if wanted.iter().find(is_open).is_none() || began.elapsed() > within {
            break;
        }
        let order = shuffled(&ids, seed);
        let how = if orders_selected(place.project) {
            SuiteRun { select: Some(&order), ..SuiteRun::whole(place.limits) }
        } else {
            SuiteRun { order: Some(seed), ..SuiteRun::whole(place.limits) }
        };
        let mut others: Option<Vec<String>> = None;
        // A test that is only flaky seldom ends otherwise twice.
        for _ in 0..2 {
            let run = place.run_quietly(&how)?;
            orders.runs += u64::from(run.runs);
            let now: BTreeMap<&str, bool> = run
                .report
                .tests
                .iter()
                .filter(|test| ended(test.status))
                .map(|test| (test.id.as_str(), test.status.is_red()))
                .collect();
            let differs = |id: &&str| now.get(id).is_some_and(|red| known.get(id) != Some(red));
            let differing: Vec<String> = known.keys().copied().filter(differs).map(str::to_owned).collect();
            let both = |id: &String| others.as_ref().is_none_or(|before| before.contains(id));
            others = Some(differing.into_iter().filter(both).collect());
            if others.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        for test in others.unwrap_or_default() {
            if orders.seen.len() < MOST && orders.seen.iter().all(|seen| seen.test != test) {
                let green = known.get(test.as_str()).copied().unwrap_or_default();
                orders.seen.push(OrderSeen { test, seed, green });
            }
        }
    }
    Ok(orders)
}

/// Those of the tests whose files lead to nothing that a change changes, as far as their text tells.
pub(crate) fn out_of_reach(
    changed: &Place<'_>,
    snapshot: &Snapshot,
    baseline: &TestReport,
    ids: &[String],
) -> Result<Vec<String>, PortError> {
    let unchanged = Place { commit: &snapshot.commit, purpose: changed.unchanged, ..*changed };
    let read = |top: &Path| -> Result<sources::Sources, PortError> {
        let root = top.join(&changed.project.root);
        let files =
            Listing::load(&root).map_err(|error| PortError::from_io("list the project's files", &error))?;
        Ok(sources::read(&root, &files, changed.project, baseline, &[]))
    };
    let (before, after) = (read(&unchanged.fresh()?)?, read(&changed.fresh()?)?);
    let texts = |sources: &sources::Sources| -> BTreeMap<String, String> {
        let all = sources.product.iter().chain(&sources.tests);
        all.map(|source| (source.path.clone(), source.text.clone())).collect()
    };
    let (old, new) = (texts(&before), texts(&after));
    // A file that is new may stand in the place of anything, such as a module of the library.
    if new.keys().any(|path| !old.contains_key(path)) {
        return Ok(Vec::new());
    }
    let is_changed = |path: &String| old.get(path) != new.get(path);
    let tests: Vec<_> = baseline.tests.iter().filter(|test| ids.contains(&test.id)).collect();
    let found = reach(&before.product, &before.tests, baseline, &tests);
    let beyond = found.into_iter().filter(|one| {
        // A test whose file was not found may need anything.
        !one.test_files.is_empty() && !one.files.iter().chain(&one.test_files).any(is_changed)
    });
    Ok(beyond.flat_map(|one| one.tests).collect())
}
