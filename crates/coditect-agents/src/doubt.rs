//! Whether a test that is red with a change is so because of the change.
//!
//! The baseline is one run: a test that passes now and then may have been green in it by luck, and then refutes the right
//! change as often as a wrong one. So before a change is refuted for a few tests, the suite is run again without the
//! change and with it. Not these tests alone: what a change breaks in others by what it leaves behind would be green then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use coditect_code::suite::{BUILD, IMPORT, SuiteRun, can_order};
use coditect_ports::PortError;
use coditect_types::project::Framework;
use coditect_types::{Snapshot, TestReport, TestStatus};

use crate::measure::{BUILD_MS, Place};
use crate::notices::Notices;
use crate::orders;

/// Tests that are doubted together: where a change breaks more, that is no luck.
const MOST: usize = 3;
/// Runs without the change, at least, and as many as this where they are quick. They are made once for all tests.
const BEFORE: usize = 4;
const MOST_BEFORE: usize = 8;
/// Runs with the change, likewise, for each test once.
const AFTER: usize = 3;
const MOST_AFTER: usize = 5;
/// What runs past the least may take.
const QUICK: Duration = Duration::from_millis(500);
/// Suites that take longer are not run whole for this, only the files of the tests in doubt, ms.
const LONG_MS: u64 = 2_000;

/// One more run of the suite for tests in doubt.
pub(crate) type Run<'a> = &'a mut dyn FnMut() -> Result<TestReport, PortError>;

/// What is known of tests that were doubted.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// How each test ended in each run without the change.
    before: Vec<BTreeMap<String, bool>>,
    flaky: BTreeMap<String, (u32, u32)>,
    steady: BTreeSet<String>,
    /// Tests that are red in another order on the unchanged tree, too, and that the change cannot reach: the seed of that order.
    ordered: BTreeMap<String, u64>,
    spent: Duration,
    runs: u64,
    /// What may be spent.
    allowance: Option<Duration>,
}

impl Doubts {
    /// Tests that turned out to pass and fail on the same tree: passes, runs.
    pub(crate) fn flaky(&self) -> &BTreeMap<String, (u32, u32)> {
        &self.flaky
    }

    /// Tests whose end depends on what ran before them, also without the change, which they do not lead to: the seed of an order in
    /// which they are red on the unchanged tree.
    pub(crate) fn ordered(&self) -> &BTreeMap<String, u64> {
        &self.ordered
    }

    /// Tests that do not refute a change by themselves: the flaky ones, and those whose end is a matter of order.
    pub(crate) fn excused(&self) -> BTreeMap<String, (u32, u32)> {
        let ordered = self.ordered.keys().map(|id| (id.clone(), (0, 0)));
        self.flaky.iter().map(|(id, rate)| (id.clone(), *rate)).chain(ordered).collect()
    }

    /// From now on no more than this is spent beside what is spent already. What is in doubt then stays red.
    pub(crate) fn allow(&mut self, allowance: Duration) {
        self.allowance = Some(self.spent + allowance);
    }

    /// Whether the tests that are red with a change say nothing against it, all of them. Each is looked into once.
    pub(crate) fn settle(
        &mut self,
        red: &[String],
        baseline: &TestReport,
        before: Run<'_>,
        after: Run<'_>,
    ) -> Result<bool, PortError> {
        let mut open: Vec<&String> = red.iter().filter(|id| !self.flaky.contains_key(*id)).collect();
        let is_named = |id: &&String| !id.ends_with(IMPORT) && *id != BUILD && !id.starts_with('(');
        let are_few = open.len() <= MOST && open.iter().all(is_named);
        if !are_few || open.iter().any(|id| self.steady.contains(*id)) {
            return Ok(open.is_empty());
        }
        self.without(&open, baseline, before)?;
        open.retain(|id| !self.flaky.contains_key(*id));
        // What was red every time and is red with the change has nothing to clear it of.
        let (green, asked): (Vec<&String>, Vec<&String>) =
            open.into_iter().partition(|id| was_green(baseline, id));
        let left = self.with(green, baseline, after)?;
        let settled = left.is_empty() && asked.is_empty();
        if self.is_allowed() {
            self.steady.extend(left.into_iter().chain(asked).cloned());
        }
        Ok(settled)
    }

    /// The same, in worktrees of the snapshot and of the change.
    pub(crate) fn again(
        &mut self,
        red: &[String],
        changed: &Place<'_>,
        snapshot: &Snapshot,
        baseline: &TestReport,
        notices: &mut Notices<'_>,
    ) -> Result<bool, PortError> {
        if changed.project.framework == Framework::Command {
            return Ok(false);
        }
        notices
            .doing(format!("running {} again, on the unchanged tree and on the changed one", red.join(", ")));
        // What was built for the baseline is there still.
        let unchanged = Place { commit: &snapshot.commit, purpose: changed.unchanged, ..*changed };
        let company = company(red, baseline);
        let build_ms = BUILD_MS.max(changed.limits.wall_ms);
        let how = SuiteRun { select: company.as_deref(), build_ms, ..SuiteRun::whole(changed.limits) };
        let run =
            |place: &Place<'_>| -> Result<TestReport, PortError> { Ok(place.run_quietly(&how)?.report) };
        let settled = self.settle(red, baseline, &mut || run(&unchanged), &mut || run(changed))?;
        if settled {
            return Ok(true);
        }
        self.in_other_orders(red, changed, (snapshot, baseline), notices)?;
        Ok(false)
    }

    /// Tests that are red with the change each time: where it cannot reach them, something else makes them so, and another order
    /// on the unchanged tree may show it.
    fn in_other_orders(
        &mut self,
        red: &[String],
        changed: &Place<'_>,
        (snapshot, baseline): (&Snapshot, &TestReport),
        notices: &mut Notices<'_>,
    ) -> Result<(), PortError> {
        let is_open = |id: &&String| !self.flaky.contains_key(*id) && was_green(baseline, id);
        let open: Vec<String> = red.iter().filter(is_open).cloned().collect();
        if open.is_empty() || open.len() > MOST || !self.is_allowed() || !can_order(changed.project) {
            return Ok(());
        }
        let beyond = orders::out_of_reach(changed, snapshot, baseline, &open)?;
        let known = baseline.orders.iter().filter(|one| !one.green && beyond.contains(&one.test));
        self.ordered.extend(known.map(|one| (one.test.clone(), one.seed)));
        let beyond: Vec<String> = beyond.into_iter().filter(|id| !self.ordered.contains_key(id)).collect();
        if beyond.is_empty() {
            return Ok(());
        }
        notices.doing(format!("running the unchanged suite in other orders for {}", beyond.join(", ")));
        let began = Instant::now();
        let unchanged = Place { commit: &snapshot.commit, purpose: changed.unchanged, ..*changed };
        let seen = orders::look(&unchanged, baseline, &beyond)?;
        self.runs += seen.runs;
        self.spent += began.elapsed();
        let of_them = seen.seen.into_iter().filter(|one| !one.green && beyond.contains(&one.test));
        self.ordered.extend(of_them.map(|one| (one.test, one.seed)));
        Ok(())
    }

    /// Runs so far.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    /// Runs without the change: a test that ends now so and now so is flaky.
    fn without(&mut self, open: &[&String], baseline: &TestReport, run: Run<'_>) -> Result<(), PortError> {
        let began = Instant::now();
        loop {
            for id in open {
                if self.differs(id, baseline) {
                    self.flaky.insert((*id).clone(), self.rate(id, baseline));
                }
            }
            let known = |id: &&&String| self.before.iter().filter(|ends| ends.contains_key(**id)).count();
            let least = open.iter().filter(|id| !self.flaky.contains_key(**id)).map(|id| known(&id)).min();
            let enough = if began.elapsed() < QUICK { MOST_BEFORE } else { BEFORE };
            if least.is_none_or(|least| least >= enough) || !self.is_allowed() {
                return Ok(());
            }
            let report = self.timed(&mut *run)?;
            let ran = report.tests.iter().filter(|test| ended(test.status));
            let ends: BTreeMap<String, bool> =
                ran.map(|test| (test.id.clone(), !test.status.is_red())).collect();
            if !open.iter().all(|id| ends.contains_key(*id)) {
                // A run that says nothing of them says nothing the next time either.
                return Ok(());
            }
            self.before.push(ends);
        }
    }

    /// Runs with the change: a test that was green before and is green again is flaky. Gives those that are red each time.
    fn with<'i>(
        &mut self,
        mut open: Vec<&'i String>,
        baseline: &TestReport,
        run: Run<'_>,
    ) -> Result<Vec<&'i String>, PortError> {
        let began = Instant::now();
        let mut runs = 0;
        while !open.is_empty() && self.is_allowed() {
            if runs >= if began.elapsed() < QUICK { MOST_AFTER } else { AFTER } {
                break;
            }
            let report = self.timed(&mut *run)?;
            runs += 1;
            open.retain(|id| {
                let green = |test: &&coditect_types::TestResult| test.id == **id && !test.status.is_red();
                let is_green = report.tests.iter().filter(|test| ended(test.status)).any(|test| green(&test));
                if is_green {
                    let (passed, ran) = self.rate(id, baseline);
                    let with = u32::try_from(runs).unwrap_or(u32::MAX);
                    // The run that put it in doubt, and those since: the last of them was green.
                    self.flaky
                        .insert((*id).clone(), (passed + 1, ran.saturating_add(with).saturating_add(1)));
                }
                !is_green
            });
        }
        Ok(open)
    }

    fn timed(&mut self, run: Run<'_>) -> Result<TestReport, PortError> {
        let began = Instant::now();
        let report = run();
        self.runs += 1;
        self.spent += began.elapsed();
        report
    }

    fn is_allowed(&self) -> bool {
        self.allowance.is_none_or(|allowance| self.spent < allowance)
    }

    /// Whether it ended otherwise than in the baseline in a run without the change.
    fn differs(&self, id: &str, baseline: &TestReport) -> bool {
        let was = was_green(baseline, id);
        self.before.iter().any(|ends| ends.get(id).is_some_and(|green| *green != was))
    }

    /// Passes and runs without the change.
    fn rate(&self, id: &str, baseline: &TestReport) -> (u32, u32) {
        let known = baseline.tests.iter().find(|test| test.id == id);
        let first =
            known.and_then(|test| test.passes_of_runs).unwrap_or((u32::from(was_green(baseline, id)), 1));
        self.before
            .iter()
            .filter_map(|ends| ends.get(id))
            .fold(first, |(passed, ran), green| (passed + u32::from(*green), ran + 1))
    }
}

fn was_green(baseline: &TestReport, id: &str) -> bool {
    baseline.tests.iter().any(|test| test.id == id && !test.status.is_red())
}

fn ended(status: TestStatus) -> bool {
    match status {
        TestStatus::Passed | TestStatus::Failed | TestStatus::Errored | TestStatus::TimedOut => true,
        TestStatus::Skipped | TestStatus::NotRun => false,
    }
}

/// The tests that are run again for some that are in doubt. None: the whole suite.
pub(crate) fn company(red: &[String], baseline: &TestReport) -> Option<Vec<String>> {
    if baseline.wall_ms <= LONG_MS {
        return None;
    }
    let file = |id: &str| id.split("::").next().unwrap_or_default().to_owned();
    let files: BTreeSet<String> = red.iter().map(|id| file(id)).collect();
    let ids = baseline.tests.iter().map(|test| &test.id);
    Some(ids.filter(|id| files.contains(&file(id)) && !id.ends_with(IMPORT)).cloned().collect())
}

#[cfg(test)]
mod tests;
