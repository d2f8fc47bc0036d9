//! Red tests that may be so by luck: what was known of them before is held against how often they are red now.
//!
//! Of a test that fails now and then, one red run says little, and each further one says more: this is the sequential
//! probability ratio test (Wald, "Sequential Tests of Statistical Hypotheses", 1945) between "it is broken" and "it is as
//! flaky as it was".

use std::collections::BTreeMap;

use coditect_types::{TestReport, TestStatus};

use crate::belief;
use crate::state::State;

/// Runs after which it is decided whatever they say.
const MOST_RUNS: u32 = 30;

/// Passes and runs.
type Ends = (u32, u32);

/// How often a test passed of the times it ran on one tree, before the change, where it did not end alike each time.
pub(crate) fn known(state: &State, id: &str) -> Option<Ends> {
    let of_baseline =
        state.world.baseline.as_deref().and_then(|report| {
            report.flaky().find(|test| test.id == id).and_then(|test| test.passes_of_runs)
        });
    let of_proposal =
        state.world.proposal.as_deref().and_then(|proposal| proposal.evidence.flaky.get(id).copied());
    of_baseline.or(of_proposal).or_else(|| state.policy.history.unsteady.get(id).copied())
}

/// How likely such a test is to be red by luck, as far as its runs tell: the mean of what they leave possible, where nothing
/// was believed before.
pub(crate) fn by_luck((passed, ran): Ends) -> f64 {
    f64::from(ran.saturating_sub(passed) + 1) / f64::from(ran + 2)
}

/// How sure it is that such a test is broken that was red in each of `times` runs.
pub(crate) fn broken(holds: f64, shows: f64, ends: Ends, times: u32) -> f64 {
    belief::wrong(holds, shows, by_luck(ends), times)
}

/// Runs in a row that must be red before it is sure enough to act on: for each test that is known to be unsteady.
pub(crate) fn runs_needed(state: &State, holds: f64, shows: f64) -> BTreeMap<String, u32> {
    let act_from = f64::from(state.policy.thresholds.act_from) / 100.0;
    let tests = state.world.baseline.as_deref().into_iter().flat_map(|report| &report.tests);
    tests
        .filter_map(|test| Some((test.id.clone(), known(state, &test.id)?)))
        .map(|(id, ends)| {
            let enough = (1..MOST_RUNS).find(|times| broken(holds, shows, ends, *times) >= act_from);
            (id, enough.unwrap_or(MOST_RUNS))
        })
        .collect()
}

/// Tests that earlier missions saw pass and fail on one tree count as unsteady still, with all of their runs; of those that are
/// red in each run of this baseline, the ones that luck explains well enough.
pub(crate) fn remember(report: &mut TestReport, history: &BTreeMap<String, Ends>, shows: f64) {
    for test in &mut report.tests {
        let Some(&(passed, ran)) = history.get(&test.id) else { continue };
        let (now_passed, now_ran) = test.passes_of_runs.unwrap_or((0, 1));
        let is_known = match test.status {
            TestStatus::Passed => true,
            // People seldom break just the test that is flaky anyway; what is likelier to be broken all the same is looked into.
            TestStatus::Failed | TestStatus::Errored => {
                now_passed > 0 || broken(0.8, shows, (passed, ran), now_ran) < 0.5
            }
            TestStatus::TimedOut | TestStatus::Skipped | TestStatus::NotRun => false,
        };
        if is_known {
            let now_passed = if test.status == TestStatus::Passed { now_passed.max(1) } else { now_passed };
            test.passes_of_runs = Some((passed.saturating_add(now_passed), ran.saturating_add(now_ran)));
        }
    }
}

#[cfg(test)]
mod tests {
    use coditect_types::TestResult;

    use super::*;

    #[test]
    fn the_rarer_a_test_fails_the_sooner_it_is_broken() {
        let needed = |ends| (1..50).find(|n| broken(0.97, 0.95, ends, *n) >= 0.8);
        let (often, seldom) = (needed((4, 8)), needed((19, 20)));
        assert!(often > seldom, "{often:?} {seldom:?}");
        assert_eq!(seldom, Some(3));
    }

    #[test]
    fn a_test_that_is_red_by_luck_stays_unsteady() {
        let report = |ends: Ends| {
            let test = TestResult {
                id: "t".into(),
                status: TestStatus::Failed,
                us: 1,
                message: String::new(),
                error_type: String::new(),
                frames: Vec::new(),
                passes_of_runs: Some(ends),
            };
            TestReport { tests: vec![test], ..TestReport::default() }
        };
        let known = BTreeMap::from([("t".to_owned(), (5, 10))]);
        let of = |ends| {
            let mut report = report(ends);
            remember(&mut report, &known, 0.95);
            report.tests.remove(0).passes_of_runs
        };
        assert_eq!(of((0, 2)), Some((5, 12)));
        // Nobody is as unlucky as that.
        assert_eq!(of((0, 7)), Some((0, 7)));
    }
}
