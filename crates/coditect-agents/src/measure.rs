//! A whole run of the suite, with its red tests run again alone: what fails every time is told from what fails now
//! and then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coditect_code::suite::{BUILD, Coverage, IMPORT, Suite, SuiteReport, SuiteRun};
use coditect_ports::{PortError, Sandbox, Work, Writes};
use coditect_types::project::Framework;
use coditect_types::{Limits, Project, TestReport, TestResult, TestStatus, Tier};

use crate::Tools;
use crate::notices::Notices;
use crate::orders;

/// Times that a red test is run again, and as many as this where they are quick and it is red each time: one that is red by
/// luck in half of its runs is red three times in a row often enough.
const AGAIN: u32 = 2;
const MOST_TIMES: u32 = 6;
/// Runs of the whole suite at least, for tests that are red in it and green by themselves.
const TOGETHER: u32 = 3;
const QUICK: Duration = Duration::from_secs(1);
/// A suite that takes no longer is run so many times more before work begins.
const SHORT: Duration = Duration::from_millis(500);
const GREEN_AGAIN: u32 = 3;
/// Tests that were killed at their limit are run again once, for this long at most, and only the first one:
/// each costs its whole limit, and they mostly hang in the same place.
const AGAIN_AFTER_HANG: Duration = Duration::from_secs(2);
const MOST_HUNG_AGAIN: usize = 1;
/// Red tests that are run again at most: a tree on which more are red is not flaky but broken.
const MOST_AGAIN: usize = 500;
/// Processes that were killed from outside, as far as they are named.
const MOST_KILLED: usize = 20;
/// Green tests that take longer than this are not traced, us.
const MOST_US: u64 = 500_000;
/// Green tests beside which red ones are traced, and what they may take together.
const MOST_GREEN: usize = 200;
const MOST_GREEN_TIME: Duration = Duration::from_secs(2);
/// Wall clock of a build at least, ms: the limit is meant for tests, and dependencies are built only once.
pub(crate) const BUILD_MS: u64 = 900_000;

/// The tests of a report that stand for others, of a file that could not be imported or a build that failed: no run names
/// them by itself once it can be, so they must be asked for.
pub(crate) fn stand_ins(report: &TestReport) -> Vec<String> {
    let ids = report.tests.iter().map(|test| &test.id);
    ids.filter(|id| stands_for_others(id)).cloned().collect()
}

pub(crate) fn stands_for_others(id: &str) -> bool {
    id.ends_with(IMPORT) || id == BUILD
}

/// What a run of these tests selects: nothing, so that all are run, where one of them stands for others, which have no names yet.
pub(crate) fn selectable(tests: &[String]) -> Option<&[String]> {
    (!tests.is_empty() && !tests.iter().any(|id| stands_for_others(id))).then_some(tests)
}

/// Where a suite is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) work: &'a Work,
    /// The commit whose files are tested.
    pub(crate) commit: &'a str,
    /// Tells the worktree apart from others of the commit.
    pub(crate) purpose: &'a str,
    /// The same of the one in which the unchanged commit is run, where that is needed.
    pub(crate) unchanged: &'a str,
    pub(crate) project: &'a Project,
    pub(crate) sandbox: &'a dyn Sandbox,
    pub(crate) limits: &'a Limits,
    pub(crate) waived: &'a [String],
    /// What the tests may take before a faster tier is tried, where there is one.
    pub(crate) patience: Option<Duration>,
}

/// What a measurement found.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The whole run; red tests carry how often they passed when run again.
    pub(crate) suite: SuiteReport,
    /// Processes that it took, those of the runs again included.
    pub(crate) runs: u64,
}

impl Place<'_> {
    /// A worktree of the commit with its exact content.
    pub(crate) fn fresh(&self) -> Result<PathBuf, PortError> {
        self.tools.workspace.worktree(&self.work.mission, self.commit, self.purpose)
    }

    /// One run of the suite in a fresh worktree.
    pub(crate) fn run(
        &self,
        how: &SuiteRun<'_>,
        notices: &mut Notices<'_>,
    ) -> Result<SuiteReport, PortError> {
        let view = self.fresh()?;
        self.run_in(&view, how, notices)
    }

    /// The same, where its progress is nobody's.
    pub(crate) fn run_quietly(&self, how: &SuiteRun<'_>) -> Result<SuiteReport, PortError> {
        let (view, cache) = (self.fresh()?, self.cache()?);
        self.suite(&view, cache.as_deref()).run(how, &self.work.stop, &mut |_| {})
    }

    /// Whether it is the unchanged project that is measured.
    fn is_first(&self) -> bool {
        self.purpose == "baseline"
    }

    /// Where one more run tells the lines of all tests, it tells how the red ones end too.
    fn times_again(&self, coverage: Coverage) -> u32 {
        let is_traced =
            matches!(self.project.framework, Framework::Jest | Framework::Mocha | Framework::Vitest);
        if coverage == Coverage::Lines && is_traced { AGAIN - 1 } else { AGAIN }
    }

    /// Whether lines are recorded for the red tests and some green ones only: before 3.12 Python is some times slower
    /// while it tells them, and there is no telling which version a sandbox has.
    fn samples_lines(&self) -> bool {
        let python =
            matches!(self.project.framework, Framework::Pytest | Framework::Unittest | Framework::Doctest);
        python && self.project.tier != Tier::Wasm
    }

    fn run_in(
        &self,
        view: &Path,
        how: &SuiteRun<'_>,
        notices: &mut Notices<'_>,
    ) -> Result<SuiteReport, PortError> {
        let cache = self.cache()?;
        let suite = self.suite(view, cache.as_deref());
        let report = suite.run(how, &self.work.stop, &mut |progress| notices.tests(progress))?;
        let (tier, wall, runs) = (report.tier, report.wall, report.runs);
        tracing::debug!(?tier, ?wall, runs, selected = ?how.select.map(<[String]>::len), "tests were run");
        Ok(report)
    }

    fn suite<'b>(&'b self, view: &'b Path, cache: Option<&'b Path>) -> Suite<'b> {
        Suite {
            project: self.project,
            view,
            sandbox: self.sandbox,
            waived: self.waived,
            cache,
            writes: Writes::Kept,
        }
    }

    /// The directory for what is built, for a project that is built. That of the baseline has run the person's own code
    /// and nothing else, so others begin as copies of it.
    fn cache(&self) -> Result<Option<PathBuf>, PortError> {
        let workspace = &self.tools.workspace;
        let like = Some("baseline").filter(|like| *like != self.purpose);
        let make = |_| workspace.cache(&self.work.mission, self.purpose, like);
        self.project.toolchain().map(make).transpose()
    }

    /// The whole suite, then what was red again. `imports`: see [`IMPORT`].
    pub(crate) fn measure(
        &self,
        coverage: Coverage,
        imports: &[String],
        notices: &mut Notices<'_>,
    ) -> Result<Measured, PortError> {
        let sampled = coverage == Coverage::Lines && self.samples_lines();
        let how = SuiteRun {
            coverage: if sampled { Coverage::None } else { coverage },
            imports,
            patience: self.patience,
            // All of it is run again in the tier that has it.
            stop_on_lack: self.project.tier == Tier::Wasm,
            build_ms: BUILD_MS.max(self.limits.wall_ms),
            ..if self.is_first() { SuiteRun::whole(self.limits) } else { SuiteRun::proof(self.limits) }
        };
        let suite = self.run(&how, notices)?;
        let mut measured = Measured { runs: u64::from(suite.runs), suite };
        let lacks = measured.suite.unsupported.is_some() && self.project.tier == Tier::Wasm;
        if lacks || measured.suite.slow {
            return Ok(measured);
        }
        if sampled && measured.suite.report.red().any(|test| test.id.ends_with(IMPORT)) {
            // What keeps files from being imported is in no test's lines, and such a run is short.
            measured.suite = self.run(&SuiteRun { coverage, ..how.clone() }, notices)?;
            measured.runs += u64::from(measured.suite.runs);
        }
        let sampled = sampled && measured.suite.lines.is_empty();
        let mut alone = Alone::new();
        let (mut built, began) = (None, Instant::now());
        for round in 0..MOST_TIMES {
            let mut again = again(&measured.suite, round);
            if round >= self.times_again(coverage) {
                again.retain(|id| was_never_green(&measured.suite.report, id));
            }
            if again.is_empty() || (round >= self.times_again(coverage) && began.elapsed() > QUICK) {
                break;
            }
            notices.doing(format!("running {} red tests again", again.len()));
            let hung = measured.suite.report.tests.iter().any(|test| test.status == TestStatus::TimedOut);
            let share = hung.then(|| AGAIN_AFTER_HANG.min(Duration::from_millis(self.limits.wall_ms / 6)));
            let build_ms = BUILD_MS.max(self.limits.wall_ms);
            let mut select = again.clone();
            let traced = sampled && round == 0;
            if traced {
                let most = Some(MOST_GREEN_TIME);
                select.extend(contrast(&measured.suite.report, &again, MOST_GREEN, most));
            }
            let coverage = if traced { coverage } else { Coverage::None };
            let how =
                SuiteRun { select: Some(&select), share, build_ms, coverage, ..SuiteRun::whole(self.limits) };
            let view = self.fresh()?;
            let cache = self.cache()?;
            let suite = self.suite(&view, cache.as_deref());
            if built.is_none() {
                // Those of the second round are among those of the first, and what was built stays in the cache.
                built = suite.build_for(
                    Some(&again),
                    &Limits { wall_ms: build_ms, ..self.limits.clone() },
                    &self.work.stop,
                )?;
            }
            let second = match &built {
                Some(built) => suite.run_built(built, &how, &[], &self.work.stop)?,
                None => suite.run(&how, &self.work.stop, &mut |_| {})?,
            };
            tracing::debug!(round, traced, wall = ?second.wall, "red tests were run again");
            measured.runs += u64::from(second.runs);
            count(&mut measured.suite, &second, &again);
            if select == again {
                count_alone(&mut alone, &select, &second);
            }
            if traced {
                measured.suite.lines = second.lines;
                measured.suite.import_lines = second.import_lines;
            }
        }
        self.look_at_company(&mut measured, alone, &how, notices)?;
        Ok(measured)
    }

    /// A short suite is run some times more: tests that were green may be flaky, too, and would then speak against a
    /// change that has nothing to do with them.
    fn look_at_green(
        &self,
        measured: &mut Measured,
        how: &SuiteRun<'_>,
        notices: &Notices<'_>,
    ) -> Result<(), PortError> {
        let began = Instant::now();
        if !self.is_first() || measured.suite.report.red().next().is_none() || measured.suite.wall > SHORT {
            return Ok(());
        }
        notices.doing("running the suite again");
        let mut passes: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for _ in 0..GREEN_AGAIN {
            if began.elapsed() > QUICK {
                break;
            }
            let run = self.run_quietly(how)?;
            measured.runs += u64::from(run.runs);
            count_killed(&mut measured.suite, &run);
            let is_green = |test: &TestResult| test.status == TestStatus::Passed;
            for test in run.report.tests.iter().filter(|test| test.status.is_red() || is_green(test)) {
                let (passed, ran) = passes.entry(test.id.clone()).or_insert((1, 1));
                *passed += u32::from(is_green(test));
                *ran += 1;
            }
        }
        // Of those that were green each time, nothing need be kept.
        passes.retain(|_, (passed, ran)| passed < ran);
        for test in &mut measured.suite.report.tests {
            if let (TestStatus::Passed, Some(ends)) = (test.status, passes.get(&test.id)) {
                test.passes_of_runs = Some(*ends);
            }
        }
        Ok(())
    }

    /// Tests that were red, and green each time that the red ones were run without the others: where they are red in the
    /// whole suite once more, and each time, they are not flaky. Something that an earlier test left behind makes them red.
    fn look_at_company(
        &self,
        measured: &mut Measured,
        alone: Alone,
        how: &SuiteRun<'_>,
        notices: &Notices<'_>,
    ) -> Result<(), PortError> {
        let mut open = green_alone(alone);
        let (began, mut runs) = (Instant::now(), 0);
        let how = SuiteRun { coverage: Coverage::None, patience: None, ..how.clone() };
        while !open.is_empty() && runs < if began.elapsed() < QUICK { MOST_TIMES } else { TOGETHER } {
            notices.doing(format!("running {} tests again beside the others", open.len()));
            let run = self.run_quietly(&how)?;
            measured.runs += u64::from(run.runs);
            runs += 1;
            let is_red = |id: &String| run.report.red().any(|test| test.id == *id);
            count(&mut measured.suite, &run, &open);
            open.retain(is_red);
        }
        for test in measured.suite.report.tests.iter_mut().filter(|test| open.contains(&test.id)) {
            // What counts from here on is how it ends beside the others.
            test.passes_of_runs = Some((0, 1 + runs));
        }
        if self.is_first() && !open.is_empty() {
            notices.doing("running the suite in other orders");
            let orders = orders::look(self, &measured.suite.report, &open)?;
            measured.runs += orders.runs;
            measured.suite.report.orders = orders.seen;
        }
        measured.suite.report.order_dependent = open;
        self.look_at_green(measured, &how, notices)
    }
}

/// Red tests that were run without the others: how often each passed, and how often it ran, by how many were run. Two of
/// them may share something, too.
type Alone = BTreeMap<String, BTreeMap<usize, (u32, u32)>>;

fn count_alone(alone: &mut Alone, select: &[String], run: &SuiteReport) {
    for test in run.report.tests.iter().filter(|test| test.status != TestStatus::NotRun) {
        let (passed, ran) = alone.entry(test.id.clone()).or_default().entry(select.len()).or_default();
        *passed += u32::from(test.status == TestStatus::Passed);
        *ran += 1;
    }
}

/// Those that passed each time beside some others, and ended as they ended the time before beside the same ones.
fn green_alone(alone: Alone) -> Vec<String> {
    let is_steady = |(passed, ran): &(u32, u32)| *passed == 0 || passed == ran;
    let is_green = |(passed, _): &(u32, u32)| *passed > 0;
    let holds = |by: &BTreeMap<usize, (u32, u32)>| by.values().all(is_steady) && by.values().any(is_green);
    alone.into_iter().filter(|(_, by)| holds(by)).map(|(id, _)| id).collect()
}

/// Adds a run of red tests that was made for another purpose.
pub(crate) fn count_run(measured: &mut Measured, run: &SuiteReport) {
    let again = again(&measured.suite, 0);
    count(&mut measured.suite, run, &again);
}

/// The red tests to run again. What hangs is tried once more only, and a file that cannot be imported not at all.
fn again(suite: &SuiteReport, round: u32) -> Vec<String> {
    let mut hung = 0;
    let mut again: Vec<String> = suite
        .report
        .red()
        .filter(|test| !test.id.ends_with(IMPORT) && test.id != BUILD)
        .filter(|test| {
            let hangs = test.status == TestStatus::TimedOut;
            hung += usize::from(hangs);
            !hangs || (round == 0 && hung <= MOST_HUNG_AGAIN)
        })
        .map(|test| test.id.clone())
        .collect();
    if again.len() > MOST_AGAIN {
        again.clear();
    }
    again
}

fn was_never_green(report: &TestReport, id: &str) -> bool {
    let test = report.tests.iter().find(|test| test.id == id);
    test.is_some_and(|test| test.passes_of_runs.is_none_or(|(passed, _)| passed == 0))
}

/// What was killed in a later run is a fact of the measurement as well.
fn count_killed(first: &mut SuiteReport, second: &SuiteReport) {
    let killed = &mut first.report.killed;
    killed.extend(second.report.killed.iter().take(MOST_KILLED.saturating_sub(killed.len())).cloned());
}

/// Adds the ends of a run of red tests to what is known of them.
fn count(first: &mut SuiteReport, second: &SuiteReport, again: &[String]) {
    count_killed(first, second);
    let order_dependent = &first.report.order_dependent;
    let counts = |test: &&mut TestResult| again.contains(&test.id) && !order_dependent.contains(&test.id);
    for test in first.report.tests.iter_mut().filter(counts) {
        let Some(end) = second.report.tests.iter().find(|end| end.id == test.id) else { continue };
        if matches!(end.status, TestStatus::NotRun | TestStatus::Skipped) {
            continue;
        }
        let (passed, ran) = test.passes_of_runs.unwrap_or((0, 1));
        test.passes_of_runs = Some((passed + u32::from(end.status == TestStatus::Passed), ran + 1));
    }
}

/// True where the project's tests are known one by one.
pub(crate) fn is_test_by_test(project: &Project) -> bool {
    project.framework != Framework::Command
}

/// Green tests that are traced, the most telling first: those in the files of red ones, then those in their folders,
/// then others. Those that take long are left out, and those that do not fit `within` a time that is for all of them.
pub(crate) fn contrast(
    report: &TestReport,
    red: &[String],
    most: usize,
    within: Option<Duration>,
) -> Vec<String> {
    let file = |id: &str| id.split("::").next().unwrap_or_default().to_owned();
    let folder = |id: &str| file(id).rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let files: BTreeSet<String> = red.iter().map(|id| file(id)).collect();
    let folders: BTreeSet<String> = red.iter().map(|id| folder(id)).collect();
    let mut rings = [Vec::new(), Vec::new(), Vec::new()];
    let most_us = within.map_or(MOST_US, |within| u64::try_from(within.as_micros()).unwrap_or(MOST_US) / 20);
    let passed = |test: &&TestResult| test.status == TestStatus::Passed && test.us < most_us;
    for test in report.tests.iter().filter(passed) {
        let ring = match test.id.as_str() {
            id if files.contains(&file(id)) => 0,
            id if folders.contains(&folder(id)) => 1,
            _ => 2,
        };
        rings[ring].push(test.id.clone());
    }
    let mut chosen = Vec::new();
    for ring in rings {
        // Some room is left for those further away.
        let share = ((most - chosen.len()) * 3 / 4).max(1);
        let step = ring.len().div_ceil(share).max(1);
        chosen.extend(ring.into_iter().step_by(step));
    }
    let Some(within) = within else { return chosen };
    let times: BTreeMap<&str, u64> = report.tests.iter().map(|test| (test.id.as_str(), test.us)).collect();
    let mut sum = 0;
    chosen.retain(|id| {
        sum += times.get(id.as_str()).copied().unwrap_or_default();
        u128::from(sum) <= within.as_micros()
    });
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(id: &str) -> TestResult {
        TestResult {
            id: id.to_owned(),
            status: TestStatus::Passed,
            us: 1,
            message: String::new(),
            error_type: String::new(),
            frames: Vec::new(),
            passes_of_runs: None,
        }
    }

    #[test]
    fn tests_near_the_red_ones_tell_most() {
        let mut tests: Vec<TestResult> = (0..500).map(|n| passed(&format!("far/x_test.go::T{n}"))).collect();
        tests.extend([passed("a/y_test.go::Near"), passed("a/x_test.go::Same")]);
        let report = TestReport { tests, ..TestReport::default() };
        let red = ["a/x_test.go::Red".to_owned()];
        let chosen = contrast(&report, &red, 80, None);
        assert_eq!(chosen[..2], ["a/x_test.go::Same", "a/y_test.go::Near"]);
        assert!((40..=80).contains(&chosen.len()), "{}", chosen.len());
    }

    #[test]
    fn what_is_green_alone_each_time_may_be_red_beside_others() {
        let rates = [
            // Alone, then beside one more.
            ("a", vec![(1, (2, 2)), (2, (0, 1))]),
            ("b", vec![(2, (1, 2))]),
            ("c", vec![(2, (0, 2))]),
            ("d", vec![(3, (1, 1))]),
        ];
        let alone = rates.map(|(id, by)| (id.to_owned(), by.into_iter().collect()));
        assert_eq!(green_alone(alone.into_iter().collect()), ["a", "d"]);
    }

    #[test]
    fn what_was_green_once_is_known_to_be_flaky() {
        let rates = [None, Some((0, 3)), Some((1, 3))];
        let test = |(n, rate): (usize, &Option<(u32, u32)>)| TestResult {
            status: TestStatus::Failed,
            passes_of_runs: *rate,
            ..passed(&format!("a.py::t{n}"))
        };
        let tests = rates.iter().enumerate().map(test).collect();
        let report = TestReport { tests, ..TestReport::default() };
        assert!(was_never_green(&report, "a.py::t0") && was_never_green(&report, "a.py::t1"));
        assert!(!was_never_green(&report, "a.py::t2"));
    }

    #[test]
    fn green_tests_fit_the_time_that_there_is_for_all_of_them() {
        let test = |(n, us): (usize, u64)| TestResult { us, ..passed(&format!("a/x.py::t{n}")) };
        let tests = [30, 30, 101, 30, 30].into_iter().enumerate().map(test).collect();
        let report = TestReport { tests, ..TestReport::default() };
        let chosen = contrast(&report, &[], 80, Some(Duration::from_micros(100 * 20)));
        assert_eq!(chosen, ["a/x.py::t0", "a/x.py::t1", "a/x.py::t3", "a/x.py::t4"]);
        let tests = (0..50).map(|n| test((n, 90))).collect();
        let report = TestReport { tests, ..TestReport::default() };
        let chosen = contrast(&report, &[], 80, Some(Duration::from_micros(100 * 20)));
        assert_eq!(chosen.len(), 22);
    }
}
