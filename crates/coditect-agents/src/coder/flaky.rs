//! Tests that pass and fail on the same tree say nothing about a candidate, see [`Doubts`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use coditect_code::repair::{Scope, Trial};
use coditect_code::suite::{SuiteReport, SuiteRun};
use coditect_ports::PortError;
use coditect_types::project::Framework;
use coditect_types::{TestReport, TestResult};

use super::judge::{Bench, Stage, trial};
use super::parts::files_of;
use super::woven::{Member, picked};
use crate::doubt::{Doubts, company};

/// Part of the time of a search that tests in doubt may take, in hundredths.
const DOUBTS: u64 = 10;

impl Bench<'_> {
    /// Tests that turned out to pass and fail on the same tree: passes, runs.
    pub(super) fn flaky(&self) -> BTreeMap<String, (u32, u32)> {
        self.doubts().flaky().clone()
    }

    pub(super) fn is_known_flaky(&self, id: &str) -> bool {
        self.doubts().flaky().contains_key(id)
    }

    pub(super) fn any_flaky(&self) -> bool {
        !self.doubts().flaky().is_empty()
    }

    /// Holds what tests in doubt take to a part of the search.
    pub(super) fn doubt_within(&self, search_ms: u64) {
        self.doubts().allow(Duration::from_millis(search_ms / 100 * DOUBTS));
    }

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A trial in which tests that are known to be flaky ended green: so they are nobody's reason to refuse it.
    pub(super) fn without_flaky(&self, mut trial: Trial) -> Trial {
        let doubts = self.doubts();
        if doubts.flaky().is_empty() {
            return trial;
        }
        let (flaky, red): (Vec<_>, Vec<_>) =
            trial.red.into_iter().partition(|(id, _)| doubts.flaky().contains_key(id));
        trial.red = red;
        trial.passed.extend(flaky.into_iter().map(|(id, _)| id));
        trial
    }

    /// Whether tests that are red with a candidate, which is right but for them, say nothing against it. Looks into those
    /// that nobody looked into so far.
    pub(super) fn are_flaky(
        &self,
        overlay: &BTreeMap<String, String>,
        red: &[String],
    ) -> Result<bool, PortError> {
        if self.project.framework == Framework::Command {
            return Ok(false);
        }
        let company = company(red, self.baseline);
        let again = |overlay: &BTreeMap<String, String>| -> Result<TestReport, PortError> {
            let how = SuiteRun { select: company.as_deref(), ..SuiteRun::whole(self.limits) };
            Ok(self.anew(overlay, &how)?.report)
        };
        let unchanged = BTreeMap::new();
        // Others that have the same doubt wait for what this finds.
        let all =
            self.doubts().settle(red, self.baseline, &mut || again(&unchanged), &mut || again(overlay))?;
        tracing::debug!(?red, all, "tests in doubt were run again");
        Ok(all)
    }

    /// A run of a candidate in the build of its batch, where it has one, whatever that is known to say of it.
    fn anew(&self, overlay: &BTreeMap<String, String>, how: &SuiteRun<'_>) -> Result<SuiteReport, PortError> {
        if let (Some(woven), Stage::Disk(trees)) = (&self.woven, &self.stage)
            && !woven.is_partial()
            && let Some(Member::Built(built, number)) = woven.member(overlay)
        {
            self.count_run();
            return trees.with(&BTreeMap::new(), |tree| {
                let suite = self.suite(self.project, tree.path(), Some(&woven.cache), tree.writes());
                suite.run_built(&built, how, &picked(number), self.stop)
            });
        }
        self.run(overlay, how, self.project)
    }

    /// A candidate's trial. In one of the whole suite, tests that are red now and then are told from those that it broke.
    pub(super) fn tried(
        &self,
        overlay: &BTreeMap<String, String>,
        scope: Scope<'_>,
    ) -> Result<Trial, PortError> {
        let known = match self.batches.get() {
            Some(batches) => self.of_batch(batches, overlay, scope)?,
            None => None,
        };
        let trial = match known {
            Some(known) => known,
            None => self.tried_alone(overlay, scope)?,
        };
        let trial = self.without_flaky(trial);
        let red: Vec<String> = trial.red.iter().map(|(id, _)| id.clone()).collect();
        let is_doubtful =
            matches!(scope, Scope::Whole) && !red.is_empty() && !overlay.is_empty() && !self.stop.is_wanted();
        if !is_doubtful || !self.are_flaky(overlay, &red)? {
            return Ok(trial);
        }
        // The run may have ended at the first of them.
        Ok(self.without_flaky(self.tried_alone(overlay, scope)?))
    }

    fn tried_alone(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        let suite = match scope {
            Scope::Tests { ids, stop_at_red } => {
                // Whatever comes after one that counts for nothing is to be known too.
                self.try_tests(overlay, ids, stop_at_red && !ids.iter().any(|id| self.is_known_flaky(id)))?
            }
            Scope::Whole => self.try_whole(overlay)?,
        };
        let (wall, runs) = (suite.wall, suite.runs);
        let trial = trial(suite, scope);
        tracing::debug!(
            whole = matches!(scope, Scope::Whole),
            ?wall,
            runs,
            red = trial.red.len(),
            passed = trial.passed.len(),
            timed_out = trial.timed_out,
            "a candidate was tried"
        );
        self.waited(overlay, scope, trial)
    }

    /// Where red tests are so only beside others, each trial of red tests takes the others along: those of their files,
    /// where that does, or else all. False: there are none.
    pub(super) fn seek_company(&mut self, red: &[TestResult]) -> Result<bool, PortError> {
        let shared = |id: &&String| self.baseline.order_dependent.contains(id);
        let shared: Vec<String> = red.iter().map(|test| &test.id).filter(shared).cloned().collect();
        if shared.is_empty() {
            return Ok(false);
        }
        let ids: Vec<String> = red.iter().map(|test| test.id.clone()).collect();
        let files: BTreeSet<&str> = files_of(&ids).collect();
        let beside = |id: &&String| files_of(std::slice::from_ref(*id)).all(|file| files.contains(file));
        let all = self.baseline.tests.iter().map(|test| &test.id);
        let company: Vec<String> = all.filter(beside).cloned().collect();
        self.company = Some(company);
        let run = self.try_in_company(&BTreeMap::new(), &shared)?;
        if run.report.red().count() < shared.len() {
            self.company = Some(Vec::new());
        }
        Ok(true)
    }

    /// How these tests end beside the others.
    pub(super) fn try_in_company(
        &self,
        overlay: &BTreeMap<String, String>,
        ids: &[String],
    ) -> Result<SuiteReport, PortError> {
        let select = self.company.as_deref().filter(|company| !company.is_empty());
        let all = self.baseline.tests.iter().map(|test| test.id.as_str());
        let (limits, share) = self.allowance(&mut all.into_iter());
        let how = SuiteRun { select, share: Some(share), ..SuiteRun::whole(&limits) };
        let mut run = self.anew(overlay, &how)?;
        run.report.tests.retain(|test| ids.contains(&test.id));
        Ok(run)
    }
}
