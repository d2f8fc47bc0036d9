//! Tries candidates in the project's sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use coditect_code::python::command::options_of;
use coditect_code::python::dialect::examples;
use coditect_code::repair::behaviour::{Behaviour, Inquiry};
use coditect_code::repair::{self, Candidate, Means, Scope, Source, Trial};
use coditect_code::suite::{Built, IMPORT, Suite, SuiteReport, SuiteRun};
use coditect_ports::{Exit, PortError, Sandbox, Stop, Writes};
use coditect_types::project::Framework;
use coditect_types::{Limits, Project, TestReport, TestResult, TestStatus};

use super::batches::{Batches, Later};
use super::parts::{NEAR_MS, files_of, is_built_by_itself, near, near_of_dear};
use super::sources::{Script, Sources};
use super::trees::Trees;
use super::woven::{self, Member, Woven, picked};
use crate::doubt::Doubts;
use crate::measure::{BUILD_MS, stand_ins};

/// A test may take this many times as long as it took before.
const TIMES: u32 = 10;
/// And always this long: a busy machine stalls for a moment now and then.
const AT_LEAST: Duration = Duration::from_millis(500);
/// Processes of one trial: the first, and one more after a test that hangs.
const ROUNDS: u32 = 2;
/// Candidates of the first batch that is built together, and of the largest one. A build costs about the same for few
/// as for many, but the first ones are the likeliest and should not wait for the others.
const FIRST_BATCH: usize = 64;
const LARGEST_BATCH: usize = 256;

/// Where the files of a candidate are put.
#[derive(Debug)]
pub(super) enum Stage<'a> {
    /// Handed to the runner: the disk is left alone, and all trials share one worktree.
    Overlay(&'a Path),
    /// Put on the disk, in a place that the trial has for itself.
    Disk(Trees<'a>),
}

/// Judges candidates by the project's tests.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) project: &'a Project,
    pub(super) baseline: &'a TestReport,
    /// Tests that were red with a candidate, and whether that was luck.
    pub(super) doubts: Mutex<Doubts>,
    /// Beside which tests the red ones are red, where they are not so alone, see [`TestReport::order_dependent`].
    pub(super) company: Option<Vec<String>>,
    pub(super) sandbox: &'a dyn Sandbox,
    pub(super) stage: Stage<'a>,
    /// Limits of one run of the suite; no trial gets more.
    pub(super) limits: &'a Limits,
    pub(super) waived: &'a [String],
    pub(super) stop: &'a Stop,
    /// What a run takes beside its tests: starting, importing.
    pub(super) overhead: Duration,
    /// What the run of the whole suite took beside its tests.
    beside: Duration,
    times: BTreeMap<&'a str, Duration>,
    /// Tests that did not end before and did with a candidate, and the candidates that were waited for.
    pub(super) ended: Mutex<BTreeMap<String, Duration>>,
    pub(super) waited_for: Mutex<Vec<BTreeMap<String, String>>>,
    /// When the search is to be over. None: no search.
    pub(super) until: Option<Instant>,
    imports: Vec<String>,
    /// Some tests may be red in spite of a repair: flaky ones, and those that nobody asked for.
    may_be_red: bool,
    pub(super) product: &'a [Source],
    pub(super) script: &'a Script,
    /// Files of tests that say the same when they are run alone as in the whole suite.
    alone: BTreeSet<String>,
    /// Where batches of candidates are built, for languages whose builds take seconds.
    pub(super) woven: Option<Woven>,
    /// Where many candidates are tried in one process, for runners that can load a project again.
    pub(super) batches: OnceLock<Batches>,
    /// Where batches are worth their preparation only once there are several candidates: what it takes.
    pub(super) later: OnceLock<Later<'a>>,
    /// Red tests of the search.
    pub(super) red: usize,
    /// Whether interpreters are kept warm.
    is_warm: bool,
    /// Red tests that say the same in an interpreter that ran them before, see [`SuiteRun::warm`].
    warm: Vec<String>,
    /// Red tests that do not end: they are no part of making an interpreter warm.
    hanging: Vec<String>,
    /// Green tests in the files of the red ones, short ones: most of what a candidate breaks, it breaks there.
    pub(super) near: Vec<String>,
    /// Where the whole suite is dear: the tests that stand for it.
    stand_in: Option<Vec<String>>,
    pub(super) runs: AtomicU64,
    /// The first red suite was looked at in a worktree of its own, too.
    confirmed: AtomicBool,
    /// Candidates of the next batch that is built together.
    next_batch: AtomicUsize,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        project: &'a Project,
        sandbox: &'a dyn Sandbox,
        stage: Stage<'a>,
        baseline: &'a TestReport,
        sources: &'a Sources,
        (limits, waived, stop): (&'a Limits, &'a [String], &'a Stop),
    ) -> Self {
        let took = |test: &TestResult| match test.status {
            // How long it would have taken is not known.
            TestStatus::TimedOut | TestStatus::NotRun => Duration::ZERO,
            TestStatus::Passed | TestStatus::Failed | TestStatus::Errored | TestStatus::Skipped => {
                Duration::from_micros(test.us)
            }
        };
        Self {
            project,
            baseline,
            doubts: Mutex::default(),
            company: None,
            sandbox,
            stage,
            limits,
            waived,
            stop,
            overhead: AT_LEAST,
            beside: Duration::from_millis(baseline.wall_ms)
                .saturating_sub(baseline.tests.iter().map(took).sum()),
            times: baseline.tests.iter().map(|test| (test.id.as_str(), took(test))).collect(),
            ended: Mutex::default(),
            waited_for: Mutex::default(),
            until: None,
            imports: stand_ins(baseline),
            may_be_red: baseline.flaky().next().is_some(),
            product: &sources.product,
            script: &sources.script,
            alone: BTreeSet::new(),
            woven: None,
            is_warm: false,
            batches: OnceLock::new(),
            later: OnceLock::new(),
            red: baseline.red().count(),
            warm: Vec::new(),
            hanging: Vec::new(),
            near: near(baseline, NEAR_MS),
            stand_in: None,
            runs: AtomicU64::new(0),
            confirmed: AtomicBool::new(false),
            next_batch: AtomicUsize::new(FIRST_BATCH),
        }
    }

    /// Some red tests are not asked for.
    pub(super) fn lets_some_stay_red(&mut self) {
        self.may_be_red = true;
    }

    fn may_be_red(&self) -> bool {
        self.may_be_red || self.any_flaky()
    }

    /// Has the red tests and those near them stand for the whole suite, which is left to the proof.
    pub(super) fn spare_the_suite(&mut self, red: &[TestResult]) {
        self.near = near(self.baseline, near_of_dear(self.baseline));
        let ids = red.iter().map(|test| test.id.clone());
        self.stand_in = Some(ids.chain(self.near.iter().cloned()).collect());
    }

    /// Whether a candidate that the search takes has not run the whole suite.
    pub(super) fn spares_the_suite(&self) -> bool {
        self.stand_in.is_some()
    }

    /// Processes so far.
    pub(super) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Counts a process that others start.
    pub(super) fn count_run(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// What all tests took together.
    pub(super) fn all_tests(&self) -> Duration {
        self.times.values().sum()
    }

    /// A file's text as the runner takes it.
    pub(super) fn for_runner(&self, path: &str, text: &str) -> String {
        self.script.for_runner(path, text)
    }

    /// The files of an overlay as they are written below the worktree's top.
    pub(super) fn on_disk(&self, overlay: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
        let below_top = |path: &String| match self.project.root.as_str() {
            "" => path.clone(),
            root => format!("{root}/{path}"),
        };
        // `judge` has refused what cannot be written.
        let bytes = |path: &String, text: &String| self.script.bytes(path, text).unwrap_or_default();
        overlay.iter().map(|(path, text)| (below_top(path), bytes(path, text))).collect()
    }

    /// Finds out how long a run takes beside its tests, on the unchanged project.
    pub(super) fn calibrate(&mut self, red: &[TestResult]) -> Result<(), PortError> {
        if matches!(self.project.framework, Framework::Jest | Framework::Mocha | Framework::Vitest) {
            // One process ran all of them, and each start of it takes seconds.
            self.overhead = self.beside.max(AT_LEAST);
            return Ok(());
        }
        if self.forks() && self.narrower(red).is_some() {
            // Each start imports all test files; what that takes, the run of the whole suite has told.
            self.overhead = self.beside.max(AT_LEAST);
            return Ok(());
        }
        if let Some(woven) = &self.woven {
            let limits = Limits { wall_ms: BUILD_MS, ..self.limits.clone() };
            let suite = self.suite(self.project, &woven.tree, Some(&woven.cache), Writes::Kept);
            let runs = woven.build_base(&suite, &limits, self.stop)?;
            self.runs.fetch_add(u64::from(runs), Ordering::Relaxed);
        }
        let is_built = |id: &str| self.woven.as_ref().is_none_or(|woven| woven.has(id));
        let quick = self
            .times
            .iter()
            .filter(|(id, time)| **time > Duration::ZERO && !id.ends_with(IMPORT) && is_built(id))
            .filter(|(id, _)| !is_built_by_itself(self.project.framework, id));
        let Some((id, time)) =
            quick.min_by_key(|(_, time)| **time).map(|(id, time)| ((*id).to_owned(), *time))
        else {
            return Ok(());
        };
        let how = SuiteRun { select: Some(std::slice::from_ref(&id)), ..SuiteRun::whole(self.limits) };
        let mut run = self.try_out(&BTreeMap::new(), &how, self.project)?;
        // It was green in the baseline. What is built into the worktree itself, for one, goes with a layer.
        if run.report.red().next().is_some() && self.give_up_layers() {
            run = self.try_out(&BTreeMap::new(), &how, self.project)?;
        }
        self.overhead = run.wall.saturating_sub(run.build + time);
        Ok(())
    }

    /// Finds out, on the unchanged project, how the trials of these red tests can be made shorter: their files run alone,
    /// their interpreter kept warm.
    ///
    /// All test files are imported before one test is run. A file that is imported by itself may lack what discovery
    /// would have put on the path, and one that is imported twice may trip over itself; so the tests must first say the
    /// same.
    pub(super) fn shorten(&mut self, red: &[TestResult]) -> Result<(), PortError> {
        if red.iter().any(|test| test.id.ends_with(IMPORT)) {
            return Ok(());
        }
        let hangs = |test: &&TestResult| test.status == TestStatus::TimedOut;
        let hanging: Vec<String> = red.iter().filter(hangs).map(|test| test.id.clone()).collect();
        let all = red;
        let red: Vec<TestResult> = all.iter().filter(|test| !hangs(test)).cloned().collect();
        let ids: Vec<String> = red.iter().map(|test| test.id.clone()).collect();
        let how = SuiteRun { select: Some(&ids), ..SuiteRun::whole(self.limits) };
        if let Some((files, project)) = self.narrower(all) {
            // A test that was green: what is built into the worktree itself, for one, goes with a layer.
            let mut select = ids.clone();
            select.extend(self.near.first().cloned());
            let how = SuiteRun { select: Some(&select), ..how.clone() };
            let mut run = self.run(&BTreeMap::new(), &how, &project)?;
            let broke = run.report.red().any(|test| !ids.contains(&test.id));
            if broke && self.give_up_layers() {
                run = self.run(&BTreeMap::new(), &how, &project)?;
            }
            let is_green = !run.report.red().any(|test| !ids.contains(&test.id));
            if is_green && says_the_same(&red, &run.report) {
                self.alone = files;
            }
        }
        if matches!(self.stage, Stage::Overlay(_)) && self.project.framework != Framework::Command {
            let warm = SuiteRun { warm: Some(&ids), hanging: &hanging, ..how };
            let narrowed = self.narrowed(&ids);
            // Twice: the second run is the first one that was rewound to.
            for _ in 0..2 {
                let run = self.run(&BTreeMap::new(), &warm, narrowed.as_ref().unwrap_or(self.project))?;
                if !says_the_same(&red, &run.report) {
                    return Ok(());
                }
            }
            self.warm = ids;
            self.hanging = hanging;
            self.is_warm = true;
        }
        Ok(())
    }

    /// The files of these tests, and the project with only these as targets, where that is less than all.
    fn narrower(&self, red: &[TestResult]) -> Option<(BTreeSet<String>, Project)> {
        let framework = self.project.framework;
        if !matches!(framework, Framework::Unittest | Framework::Pytest)
            || red.iter().any(|t| t.id.ends_with(IMPORT))
        {
            return None;
        }
        let ids: Vec<String> = red.iter().map(|test| test.id.clone()).collect();
        let files: BTreeSet<String> = files_of(&ids).map(str::to_owned).collect();
        let project = self.with_targets(&files);
        // pytest without targets is run on the files of its tests anyway.
        let narrower = framework == Framework::Unittest
            || (project.targets != self.project.targets
                && self.project.targets != options_of(&self.project.targets));
        narrower.then_some((files, project))
    }

    /// The project with only the files of red tests as targets, where these tests say the same then. All of them, also
    /// where fewer would do, so that warm interpreters serve all trials.
    pub(super) fn narrowed(&self, ids: &[String]) -> Option<Project> {
        let known = !self.alone.is_empty() && files_of(ids).all(|file| self.alone.contains(file));
        known.then(|| self.with_targets(&self.alone))
    }

    fn with_targets(&self, files: &BTreeSet<String>) -> Project {
        let options = self.project.framework == Framework::Pytest;
        let mut targets = if options { options_of(&self.project.targets) } else { Vec::new() };
        targets.extend(files.iter().cloned());
        Project { targets, ..self.project.clone() }
    }

    /// The files of a change in the language's own format, where they were in it before.
    pub(super) fn tidy(&self, changed: &mut [Source]) -> Result<(), PortError> {
        let Some(woven) = &self.woven else { return Ok(()) };
        let suite = self.suite(self.project, &woven.tree, Some(&woven.cache), Writes::Refused);
        for source in changed {
            let Some(old) = self.product.iter().find(|old| old.path == source.path) else { continue };
            if let Some(text) = suite.formatted(&old.text, &source.text, self.limits, self.stop)? {
                source.text = text;
            }
        }
        Ok(())
    }

    /// The whole suite under the person's own limits.
    pub(super) fn whole(&self, overlay: &BTreeMap<String, String>) -> Result<SuiteReport, PortError> {
        let how = SuiteRun { imports: &self.imports, ..SuiteRun::proof(self.limits) };
        self.run(overlay, &how, self.project)
    }

    pub(super) fn run(
        &self,
        overlay: &BTreeMap<String, String>,
        how: &SuiteRun<'_>,
        project: &Project,
    ) -> Result<SuiteReport, PortError> {
        let how = SuiteRun { build_ms: BUILD_MS, ..how.clone() };
        let report = match &self.stage {
            Stage::Overlay(view) => {
                let text =
                    |(path, text): (&String, &String)| (path.clone(), self.script.for_runner(path, text));
                let overlay: BTreeMap<String, String> = overlay.iter().map(text).collect();
                let how = SuiteRun { overlay: &overlay, ..how };
                self.suite(project, view, None, Writes::Refused).run(&how, self.stop, &mut |_| {})?
            }
            Stage::Disk(trees) => trees.with(&self.on_disk(overlay), |tree| {
                let suite = self.suite(project, tree.path(), tree.cache(), tree.writes());
                suite.run(&how, self.stop, &mut |_| {})
            })?,
        };
        self.runs.fetch_add(u64::from(report.runs), Ordering::Relaxed);
        Ok(report)
    }

    pub(super) fn suite<'b>(
        &'b self,
        project: &'b Project,
        view: &'b Path,
        cache: Option<&'b Path>,
        writes: Writes<'b>,
    ) -> Suite<'b> {
        Suite { project, view, sandbox: self.sandbox, waived: self.waived, cache, writes }
    }

    /// From now on each trial has a worktree of its own. False: they had one before.
    fn give_up_layers(&self) -> bool {
        match &self.stage {
            Stage::Disk(trees) if trees.are_layered() => {
                trees.give_up_layers();
                true
            }
            Stage::Disk(_) | Stage::Overlay(_) => false,
        }
    }

    /// A run of a candidate: in the build of its batch, where it has one.
    fn try_out(
        &self,
        overlay: &BTreeMap<String, String>,
        how: &SuiteRun<'_>,
        project: &Project,
    ) -> Result<SuiteReport, PortError> {
        let (Some(woven), Stage::Disk(trees)) = (&self.woven, &self.stage) else {
            return self.run(overlay, how, project);
        };
        let Some(Member::Built(mut built, number)) = woven.member(overlay) else {
            return self.run(overlay, how, project);
        };
        let by_itself = |id: &str| is_built_by_itself(project.framework, id);
        if how.select.is_some_and(|ids| ids.iter().all(|id| by_itself(id))) {
            return self.run(overlay, how, project);
        }
        if how.select.is_none() && woven.is_partial() {
            let suite = self.suite(project, &woven.tree, Some(&woven.cache), Writes::Kept);
            let limits = Limits { wall_ms: BUILD_MS, ..self.limits.clone() };
            let Some(whole) = woven.whole(&suite, &limits, self.stop)? else {
                return self.run(overlay, how, project);
            };
            built = whole;
        }
        if let Some(report) = self.pick(woven, trees, &built, number, how)? {
            return Ok(report);
        }
        let report = trees.with(&BTreeMap::new(), |tree| {
            let suite = self.suite(project, tree.path(), Some(&woven.cache), tree.writes());
            suite.run_built(&built, how, &picked(number), self.stop)
        })?;
        self.runs.fetch_add(u64::from(report.runs), Ordering::Relaxed);
        let others: Vec<String> =
            self.times.keys().filter(|id| by_itself(id)).map(|id| (*id).to_owned()).collect();
        if how.select.is_some() || others.is_empty() || report.report.red().next().is_some() {
            return Ok(report);
        }
        // What is compiled as it runs knows nothing of a batch: it needs the candidate's files.
        let mut rest = self.run(overlay, &SuiteRun { select: Some(&others), ..how.clone() }, project)?;
        rest.report.tests.extend(report.report.tests);
        rest.runs += report.runs;
        Ok(rest)
    }

    /// What came of a candidate in a process that tries many. None: it is run by itself.
    fn pick(
        &self,
        woven: &Woven,
        trees: &Trees<'_>,
        built: &Built,
        number: usize,
        how: &SuiteRun<'_>,
    ) -> Result<Option<SuiteReport>, PortError> {
        let Ok(number) = u32::try_from(number) else { return Ok(None) };
        let Some(ids) = how.select else {
            // A test near the red ones that broke is enough to know.
            let counts = |id: &String| self.near.contains(id) && !self.is_known_flaky(id);
            let broke = |test: &TestResult| test.status.is_red() && counts(&test.id);
            return Ok(woven.picks.known(number).filter(|known| known.report.tests.iter().any(broke)));
        };
        let only = |mut report: SuiteReport| {
            report.report.tests.retain(|test| ids.contains(&test.id));
            report
        };
        if !how.stop_on_red {
            let all = |known: &SuiteReport| known.report.tests.iter().all(|t| t.status != TestStatus::NotRun);
            return Ok(woven.picks.known(number).filter(all).map(only));
        }
        let report = woven.picks.report(number, ids, |numbers| {
            let each = how.limits.wall_ms.saturating_add(NEAR_MS * u64::from(TIMES));
            let wall_ms = each.saturating_mul(numbers.len() as u64);
            let limits = Limits { wall_ms, ..how.limits.clone() };
            let how = SuiteRun { limits: &limits, ..how.clone() };
            let picked = trees.with(&BTreeMap::new(), |tree| {
                let suite = self.suite(self.project, tree.path(), Some(&woven.cache), tree.writes());
                suite.run_picks(built, numbers, &self.near, &how, self.stop)
            })?;
            let runs = picked.as_ref().map_or(0, |picked| picked.runs);
            self.runs.fetch_add(u64::from(runs), Ordering::Relaxed);
            Ok(picked)
        })?;
        Ok(report.map(only))
    }

    /// How long a run of these tests may take, and any one of them.
    pub(super) fn allowance(&self, ids: &mut dyn Iterator<Item = &str>) -> (Limits, Duration) {
        let (mut all, mut longest, mut slow) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for id in ids {
            let time = self.times.get(id).copied().unwrap_or_default();
            all += time;
            longest = longest.max(time);
            // What is as slow as that is not waited for ten times as long.
            let ended = self.known_time(id).unwrap_or_default();
            slow += ended * 2;
        }
        let wall = AT_LEAST * 2 + self.overhead * 5 + all * TIMES + slow;
        let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX).min(self.limits.wall_ms);
        (Limits { wall_ms, ..self.limits.clone() }, AT_LEAST.max(longest * TIMES).max(slow))
    }

    /// A doctest's expected output lies in the file under test: a candidate must not change it.
    fn changes_examples(&self, overlay: &BTreeMap<String, String>) -> bool {
        let old = |path: &str| self.product.iter().find(|source| source.path == path);
        self.project.framework == Framework::Doctest
            && overlay
                .iter()
                .any(|(path, new)| old(path).is_none_or(|old| examples(&old.text) != examples(new)))
    }

    pub(super) fn try_tests(
        &self,
        overlay: &BTreeMap<String, String>,
        ids: &[String],
        stop_at_red: bool,
    ) -> Result<SuiteReport, PortError> {
        if self.company.is_some() {
            return self.try_in_company(overlay, ids);
        }
        // A test that is compiled when it is run costs a thousand others: it has its say in the whole suite.
        let quick: Vec<String> =
            ids.iter().filter(|id| !is_built_by_itself(self.project.framework, id)).cloned().collect();
        let ids = if quick.is_empty() { ids } else { &quick };
        let (limits, share) = self.allowance(&mut ids.iter().map(String::as_str));
        let base = SuiteRun {
            stop_on_red: stop_at_red,
            share: Some(share),
            rounds: ROUNDS,
            build_ms: BUILD_MS,
            ..SuiteRun::whole(&limits)
        };
        let native = self.project.framework.toolchain().is_some();
        if native
            || self.project.framework == Framework::Command
            || !ids.iter().any(|id| id.ends_with(IMPORT))
        {
            let narrowed = self.narrowed(ids);
            let known =
                self.is_warm && ids.iter().all(|id| self.warm.contains(id) || self.hanging.contains(id));
            let warm = known.then_some(self.warm.as_slice());
            let how = SuiteRun { select: Some(ids), warm, hanging: &self.hanging, ..base };
            return self.try_out(overlay, &how, narrowed.as_ref().unwrap_or(self.project));
        }
        // Tests of a file that cannot be imported have no names to select them by: the whole file is run.
        let files: BTreeSet<String> = files_of(ids).map(str::to_owned).collect();
        let (limits, share) = self.allowance(&mut self.times.keys().copied());
        let how = SuiteRun { limits: &limits, share: Some(share), ..base };
        let run = |files: &BTreeSet<String>| {
            let in_files =
                |id: &&String| files_of(std::slice::from_ref(*id)).all(|file| files.contains(file));
            let imports: Vec<String> =
                ids.iter().filter(|id| id.ends_with(IMPORT)).filter(in_files).cloned().collect();
            self.run(overlay, &SuiteRun { imports: &imports, ..how.clone() }, &self.with_targets(files))
        };
        let first = ids.iter().find(|id| id.ends_with(IMPORT)).map(std::slice::from_ref);
        let first: BTreeSet<String> = files_of(first.unwrap_or_default()).map(str::to_owned).collect();
        if stop_at_red && first.len() < files.len() {
            // Most of what keeps one file from being imported keeps all of them.
            let report = run(&first)?;
            if report.report.red().next().is_some() {
                return Ok(report);
            }
        }
        run(&files)
    }

    pub(super) fn try_whole(&self, overlay: &BTreeMap<String, String>) -> Result<SuiteReport, PortError> {
        if let Some(ids) = &self.stand_in {
            return self.try_tests(overlay, ids, !self.may_be_red());
        }
        let (limits, share) = self.allowance(&mut self.times.keys().copied());
        let how = SuiteRun {
            // One red test refutes a candidate, unless tests are known to be red now and then.
            stop_on_red: !self.may_be_red(),
            share: Some(share),
            rounds: ROUNDS,
            build_ms: BUILD_MS,
            imports: &self.imports,
            ..SuiteRun::whole(&limits)
        };
        let report = self.try_out(overlay, &how, self.project)?;
        // A suite may do what a layer cannot (rename a directory that is checked in). A candidate that is refuted for that
        // would be lost, so the first red suite is looked at without. What is built is not asked: it would take a build.
        let red = report.report.red().count();
        let Stage::Disk(trees) = &self.stage else { return Ok(report) };
        let may_differ = trees.are_layered() && self.project.framework.toolchain().is_none();
        if red == 0 || !may_differ || self.confirmed.swap(true, Ordering::Relaxed) {
            return Ok(report);
        }
        let second = trees.alone(&self.on_disk(overlay), |tree| {
            let suite = self.suite(self.project, tree.path(), tree.cache(), tree.writes());
            suite.run(&how, self.stop, &mut |_| {})
        })?;
        self.runs.fetch_add(u64::from(second.runs), Ordering::Relaxed);
        if second.report.red().count() < red {
            trees.give_up_layers();
            return Ok(second);
        }
        Ok(report)
    }
}

impl repair::Judge for Bench<'_> {
    fn ready(&self, batch: &[(&Candidate, &BTreeMap<String, String>)]) -> Result<(), PortError> {
        self.ready_on(self.product, batch)
    }

    fn ready_on(
        &self,
        sources: &[Source],
        batch: &[(&Candidate, &BTreeMap<String, String>)],
    ) -> Result<(), PortError> {
        self.prepare_now()?;
        if let Some(batches) = self.batches.get() {
            return self.try_batch(batches, batch);
        }
        let Some(woven) = &self.woven else { return Ok(()) };
        let limits = Limits { wall_ms: BUILD_MS, ..self.limits.clone() };
        let suite = self.suite(self.project, &woven.tree, Some(&woven.cache), Writes::Kept);
        let changed = woven::changed(self.product, sources);
        let runs = woven.build(&suite, (sources, &changed), batch, &limits, self.stop)?;
        self.runs.fetch_add(u64::from(runs), Ordering::Relaxed);
        self.next_batch.store((batch.len() * 3 / 2).clamp(FIRST_BATCH, LARGEST_BATCH), Ordering::Relaxed);
        Ok(())
    }

    fn batch(&self, made: u64) -> usize {
        if let Some(batches) = self.batches.get() {
            return batches.size();
        }
        if self.woven.is_some() { self.next_batch.load(Ordering::Relaxed) } else { repair::batch_after(made) }
    }

    fn knows(&self, overlay: &BTreeMap<String, String>) -> bool {
        self.batches.get().is_some_and(|batches| batches.has(overlay))
    }

    fn spares_starts(&self) -> bool {
        self.batches.get().is_some() || self.later.get().is_some_and(Later::is_open)
    }

    fn compare(&self, inquiry: &Inquiry<'_>, means: &Means<'_>) -> Result<Option<Behaviour>, PortError> {
        super::probe::compare(self, inquiry, means)
    }

    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        if self.changes_examples(overlay) {
            let red = vec![("::doctest::".to_owned(), "the candidate changes an example".to_owned())];
            return Ok(Trial { red, complete: true, ..Trial::default() });
        }
        if overlay.iter().any(|(path, text)| self.script.bytes(path, text).is_none()) {
            let red = vec![("(encoding)".to_owned(), "its encoding has no byte for a letter".to_owned())];
            return Ok(Trial { red, complete: true, ..Trial::default() });
        }
        if let Some(Member::Refused(why)) = self.woven.as_ref().and_then(|woven| woven.member(overlay)) {
            let red = vec![("(build)".to_owned(), why)];
            return Ok(Trial { red, complete: true, ..Trial::default() });
        }
        let trial = self.tried(overlay, scope)?;
        if let (Scope::Whole, Some(batches)) = (scope, self.batches.get()) {
            batches.learn(&trial);
        }
        Ok(trial)
    }
}

/// Whether these tests, and no others, ran and are as red as they were.
fn says_the_same(red: &[TestResult], report: &TestReport) -> bool {
    let same = |test: &TestResult| {
        report
            .tests
            .iter()
            .any(|now| now.id == test.id && now.status == test.status && now.error_type == test.error_type)
    };
    report.tests.len() == red.len() && red.iter().all(same)
}

/// What a run says to the search.
pub(super) fn trial(suite: SuiteReport, scope: Scope<'_>) -> Trial {
    let timed_out =
        suite.exit == Exit::TimedOut || suite.report.tests.iter().any(|t| t.status == TestStatus::TimedOut);
    let mut trial = Trial { timed_out, ..Trial::default() };
    let mut all_ran = true;
    for test in suite.report.tests {
        match test.status {
            TestStatus::Passed | TestStatus::Skipped => trial.passed.push(test.id),
            TestStatus::Failed | TestStatus::Errored | TestStatus::TimedOut => {
                let message = if test.error_type.is_empty() || test.message.starts_with(&test.error_type) {
                    test.message
                } else {
                    format!("{}: {}", test.error_type, test.message)
                };
                trial.red.push((test.id, message));
            }
            TestStatus::NotRun => all_ran = false,
        }
    }
    // Trouble outside any test (a fixture that breaks at its end, a file that is no longer imported) is red too.
    if matches!(scope, Scope::Whole) && trial.red.is_empty() {
        let broken = suite.report.problems.first();
        trial.red.extend(broken.map(|problem| ("(outside any test)".to_owned(), problem.clone())));
    }
    trial.complete = all_ran || !trial.red.is_empty();
    trial
}
