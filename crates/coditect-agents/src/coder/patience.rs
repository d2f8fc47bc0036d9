//! Tests that did not end on the unchanged project, and may only be slow.
//!
//! A candidate gets half a second for each of them, since most of them loop. One that turns all the others green gets the
//! time of a whole run once: where such a test ends, what it took is its time from then on.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use coditect_code::repair::{Scope, Trial};
use coditect_code::suite::SuiteRun;
use coditect_ports::PortError;
use coditect_types::{Limits, TestReport, TestResult, TestStatus};

use super::judge::{Bench, trial};

/// Candidates that are waited for, in one search.
const MOST_WAITS: usize = 3;

impl Bench<'_> {
    /// A trial of red tests in which nothing was red but what did not end before, either: made again with patience.
    pub(super) fn waited(
        &self,
        overlay: &BTreeMap<String, String>,
        scope: Scope<'_>,
        first: Trial,
    ) -> Result<Trial, PortError> {
        let Scope::Tests { ids, stop_at_red } = scope else { return Ok(first) };
        let hung = |id: &String| self.hangs(id) && self.known_time(id).is_none();
        let only_hung =
            first.timed_out && !first.passed.is_empty() && first.red.iter().all(|(id, _)| hung(id));
        let others_pass = ids.iter().all(|id| self.hangs(id) || first.passed.contains(id));
        let slow: Vec<String> = ids.iter().filter(|id| self.hangs(id)).cloned().collect();
        // Of several that hang, most hang in the same loop.
        if !only_hung || !others_pass || slow.len() != 1 || overlay.is_empty() || self.stop.is_wanted() {
            return Ok(first);
        }
        {
            let mut waited = self.waited_for.lock().unwrap_or_else(PoisonError::into_inner);
            if waited.len() >= MOST_WAITS || waited.contains(overlay) {
                return Ok(first);
            }
            waited.push(overlay.clone());
        }
        // What is left of the search is all that there is.
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let left_ms = left.map_or(u64::MAX, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let limits = Limits { wall_ms: self.limits.wall_ms.min(left_ms.max(1)), ..self.limits.clone() };
        let how = SuiteRun { select: Some(&slow), stop_on_red: stop_at_red, ..SuiteRun::proof(&limits) };
        let run = self.run(overlay, &how, self.project)?;
        self.learn_times(&run.report);
        tracing::debug!(wall = ?run.wall, red = run.report.red().count(), "tests that had hung were waited for");
        let mut second = trial(run, scope);
        second.passed.extend(first.passed);
        Ok(second)
    }

    fn hangs(&self, id: &str) -> bool {
        self.baseline.tests.iter().any(|test| test.id == id && test.status == TestStatus::TimedOut)
    }

    /// What a test took that did not end before, since it ended once.
    pub(super) fn known_time(&self, id: &str) -> Option<Duration> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn learn_times(&self, report: &TestReport) {
        // One that fails after a while may have run into a limit of another kind.
        let ends = |test: &&TestResult| test.status == TestStatus::Passed;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.extend(
            report.tests.iter().filter(ends).map(|test| (test.id.clone(), Duration::from_micros(test.us))),
        );
    }
}
