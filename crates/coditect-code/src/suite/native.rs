//! Suites of languages whose tests are programs of a toolchain: built first, then run unit by unit.
//!
//! A [`Driver`] knows one framework: which commands build the tests, which programs there are then, and what their
//! report lines mean. Everything else (rounds, tests that hang or take the process down, what is believed) is the
//! same for all of them and for Python.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use coditect_ports::sandbox::{Cache, Reports, Tool};
use coditect_ports::{Exit, Job, PortError, Program, Ran, Stop};
use coditect_types::project::{Framework, Toolchain};
use coditect_types::testing::Frame;
use coditect_types::{ErrorKind, Limits, Project, TestStatus};

use super::protocol::Line;
use super::tally::{Heard, Tally};
use super::watch::Watch;
use super::{
    Coverage, MOST_ROUNDS, Progress, Round, SHARE, Suite, SuiteReport, SuiteRun, WALLS, millis, progress,
};
use crate::trace::hits;

mod cargo;

/// The id of the test that stands for all tests of a project that cannot be built. It is green once the project is
/// built, has tests, and none of them is red.
pub const BUILD: &str = "<build>";
/// Under this name the lines of a test are the numbers of blocks that it reached, see [`crate::trace`].
pub const HITS: &str = "<hits>";
/// Tests that are named one by one on a command line; for more, the whole unit is run.
const MOST_NAMED: usize = 1_000;
/// What a build may use at least, where the limits of a run are lower.
const BUILD_MEMORY: u64 = 6 << 30;
const BUILD_OUTPUT: u64 = 64 << 20;
const BUILD_PROCESSES: u32 = 1_024;
/// Bytes kept of what a compiler says.
const MESSAGE_BYTES: usize = 8 << 10;

/// A command, as a driver wants it run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Program first.
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// Below the project's root.
    pub(super) directory: String,
    /// Read-only files for it, see [`Tool::files`].
    pub(super) files: Vec<(String, String)>,
}

/// Tests that one process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// What their ids begin with, without the `::`: a file, as far as there is one.
    pub(super) name: String,
    /// What starts it.
    pub(super) step: Step,
    /// It knows no single tests: its exit code is all that it says.
    pub(super) opaque: bool,
    /// It builds while it runs, so that it must write to the cache.
    pub(super) builds: bool,
    /// Its tests, where they are known before it runs: their ids, by what the framework calls them.
    pub(super) names: Option<BTreeMap<String, String>>,
}

impl Unit {
    /// The id of a test that the framework calls by `name`.
    pub(super) fn id(&self, name: &str) -> String {
        let known = self.names.as_ref().and_then(|names| names.get(name));
        known.cloned().unwrap_or_else(|| format!("{}::{name}", self.name))
    }

    /// What the framework calls the tests with these ids.
    pub(super) fn named<'a>(&'a self, ids: &'a [String]) -> Vec<&'a str> {
        match &self.names {
            Some(names) => {
                let asked = |(_, id): &(&String, &String)| ids.contains(id);
                names.iter().filter(asked).map(|(name, _)| name.as_str()).collect()
            }
            None => ids.iter().filter_map(|id| id.strip_prefix(&self.name)?.strip_prefix("::")).collect(),
        }
    }

    fn tests(&self) -> Option<Vec<String>> {
        self.names.as_ref().map(|names| names.values().cloned().collect())
    }
}

/// Why a project cannot be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    /// What the compiler says.
    pub(super) message: String,
    /// Where, innermost last.
    pub(super) frames: Vec<Frame>,
}

/// A built suite: its units can be run any number of times, as long as its cache is left alone.
#[derive(Clone, Debug, Default)]
pub struct Built {
    pub(super) units: Vec<Unit>,
    pub(super) broken: Option<Broken>,
    /// What the build itself printed, for the hash of the evidence.
    said: Vec<u8>,
    /// Processes that it took.
    pub(super) runs: u32,
    /// How the last one ended, where it was not by itself.
    exit: Option<Exit>,
    enforced: coditect_types::Enforced,
}

impl Built {
    /// What the compiler said, where the project cannot be built: the text, and the places that it names.
    #[must_use]
    pub fn broken(&self) -> Option<(&str, &[Frame])> {
        self.broken.as_ref().map(|broken| (broken.message.as_str(), broken.frames.as_slice()))
    }
}

/// One framework.
pub(super) trait Driver: Sync {
    /// The commands that build the tests, in order. None where there is nothing to build.
    fn builds(&self, project: &Project) -> Vec<Step>;

    /// What the last of them left. `root` is the project's root on the disk.
    fn built(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken>;

    /// A command that lists the tests of a unit, where there is one.
    fn list(&self, _unit: &Unit) -> Option<Step> {
        None
    }

    /// What it listed, see [`Unit::names`]. None: the unit knows no single tests.
    fn listed(&self, _unit: &Unit, _ran: &Ran) -> Option<BTreeMap<String, String>> {
        None
    }

    /// The command that runs a unit, or of it only the tests with these ids.
    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step;

    /// Where report lines come from.
    fn reports(&self) -> Reports;

    /// What a report line means.
    fn hear(&self, unit: &Unit, line: &str, take: &mut dyn FnMut(Line));
}

/// The driver of a framework.
pub(super) fn driver(framework: Framework) -> Option<(&'static dyn Driver, Toolchain)> {
    let driver: &dyn Driver = match framework {
        Framework::CargoTest => &cargo::Cargo,
        _ => return None,
    };
    framework.toolchain().map(|toolchain| (driver, toolchain))
}

/// A suite with its driver.
pub(super) struct Native<'a> {
    suite: &'a Suite<'a>,
    driver: &'static dyn Driver,
    toolchain: Toolchain,
}

impl<'a> Native<'a> {
    pub(super) fn of(suite: &'a Suite<'a>) -> Option<Self> {
        let (driver, toolchain) = driver(suite.project.framework)?;
        Some(Self { suite, driver, toolchain })
    }

    /// Builds the tests of what is on the disk and lists them.
    pub(super) fn build(&self, limits: &Limits, stop: &Stop) -> Result<Built, PortError> {
        // A compiler is not the code under test: it needs more of the machine, and is as trusted as the machine's own.
        let limits = &Limits {
            memory_bytes: limits.memory_bytes.max(BUILD_MEMORY),
            output_bytes: limits.output_bytes.max(BUILD_OUTPUT),
            processes: limits.processes.max(BUILD_PROCESSES),
            file_bytes: limits.file_bytes.max(BUILD_MEMORY),
            ..limits.clone()
        };
        let mut built = Built::default();
        let mut last = None;
        for step in self.driver.builds(self.suite.project) {
            let ran =
                self.run(step, true, Reports::None, limits, &[], stop, &mut |_| ControlFlow::Continue(()))?;
            built.take(&ran);
            let ended = matches!(ran.exit, Exit::Code(_));
            if !ended {
                let message = format!("the build did not end by itself: {}", how(&ran.exit));
                built.broken = Some(Broken { message, frames: Vec::new() });
                built.exit = Some(ran.exit);
                return Ok(built);
            }
            let failed = ran.exit != Exit::Code(0);
            last = Some(ran);
            if failed {
                break;
            }
        }
        let root = self.suite.view.join(&self.suite.project.root);
        match self.driver.built(self.suite.project, &root, last.as_ref()) {
            Ok(units) => built.units = units,
            Err(broken) => built.broken = Some(broken),
        }
        for n in 0..built.units.len() {
            let Some(step) = self.driver.list(&built.units[n]) else { continue };
            let ran = self.run(step, built.units[n].builds, Reports::None, limits, &[], stop, &mut |_| {
                ControlFlow::Continue(())
            })?;
            built.runs += 1;
            let listed = self.driver.listed(&built.units[n], &ran);
            built.units[n].opaque |= listed.is_none();
            built.units[n].names = listed;
        }
        Ok(built)
    }

    /// Builds, then runs.
    pub(super) fn build_and_run(
        &self,
        how: &SuiteRun<'_>,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<SuiteReport, PortError> {
        let started = Instant::now();
        let limits = Limits { wall_ms: how.build_ms, ..how.limits.clone() };
        let built = self.build(&limits, stop)?;
        let mut report = self.run_built(&built, how, &[], stop, on_progress)?;
        report.runs += built.runs;
        report.wall = started.elapsed();
        report.build = started.elapsed().saturating_sub(Duration::from_millis(report.report.wall_ms));
        Ok(report)
    }

    /// Runs what was built. `env` is for the tests' processes.
    pub(super) fn run_built(
        &self,
        built: &Built,
        how: &SuiteRun<'_>,
        env: &[(String, String)],
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<SuiteReport, PortError> {
        let started = Instant::now();
        let mut tally = Tally::new(true, how.coverage);
        tally.open_end();
        tally.hash_more(&built.said);
        let mut problems = Vec::new();
        let mut sum = Sum { exit: built.exit.clone(), enforced: built.enforced.clone(), code: 0, runs: 0 };
        if let Some(broken) = &built.broken {
            tally.keep(BUILD.to_owned(), TestStatus::Errored, "CompileError", broken.message.clone(), 0);
            tally.framed(BUILD, broken.frames.clone());
            sum.code = 101;
        }
        let mut share = how.share.unwrap_or(Duration::from_millis(how.limits.wall_ms.max(6)) / SHARE);
        for unit in &built.units {
            if self.is_asked_for(unit, how) {
                let over = self.unit(
                    unit,
                    how,
                    env,
                    &mut share,
                    (&mut tally, &mut problems, &mut sum),
                    stop,
                    on_progress,
                )?;
                if over {
                    break;
                }
            }
        }
        answer_for_build(&mut tally, how);
        let ran = Ran {
            exit: sum.exit.unwrap_or(Exit::Code(sum.code)),
            stdout: Vec::new(),
            stderr: Vec::new(),
            dropped: 0,
            wall_us: 0,
            peak_memory: None,
            enforced: sum.enforced,
        };
        // Each process knows its own tests alone, so the code of the whole is told here.
        let code = tally.ends.values().any(|test| test.status.is_red()).then_some(101).unwrap_or(sum.code);
        let ended = matches!(ran.exit, Exit::Code(_));
        let mut report = self.suite.report(how, tally, problems, ran, sum.runs, started.elapsed());
        report.report.exit_code = ended.then_some(code);
        Ok(report)
    }

    fn is_asked_for(&self, unit: &Unit, how: &SuiteRun<'_>) -> bool {
        match how.select {
            Some(ids) if !ids.iter().any(|id| id == BUILD) => ids.iter().any(|id| is_of(unit, id)),
            _ => true,
        }
    }

    /// One unit, in as many processes as it takes. True: the run is over.
    #[expect(clippy::too_many_arguments, reason = "the state of the loop above, each part of it used once")]
    fn unit(
        &self,
        unit: &Unit,
        how: &SuiteRun<'_>,
        env: &[(String, String)],
        share: &mut Duration,
        (tally, problems, sum): (&mut Tally, &mut Vec<String>, &mut Sum),
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<bool, PortError> {
        let started = Instant::now();
        let all = Duration::from_millis(how.limits.wall_ms) * WALLS;
        let mut asked = asked(unit, how);
        if asked.as_ref().is_some_and(Vec::is_empty) {
            return Ok(false);
        }
        if let Some(tests) = asked.clone().or_else(|| unit.tests()) {
            tally.take(Line::Collected { tests, lines: Default::default() });
        }
        for round in 1..=how.rounds.min(MOST_ROUNDS) {
            let left = all.saturating_sub(started.elapsed());
            let wall_ms = how.limits.wall_ms.min(millis(left)).max(1);
            let limits = Limits { wall_ms, ..how.limits.clone() };
            tally.begin_round();
            let (ran, hung) =
                self.process(unit, asked.as_deref(), &limits, *share, how, env, tally, stop, on_progress)?;
            sum.take(&ran);
            if unit.opaque {
                return Ok(self.opaque(unit, &ran, tally) && how.stop_on_red);
            }
            match self.suite.settle(tally, &ran, hung, share, how.stop_on_red) {
                Round::Over => return Ok(how.stop_on_red && tally.red > 0),
                Round::Again if round < how.rounds.min(MOST_ROUNDS) && !left.is_zero() => {
                    let rest = tally.remaining();
                    let rest: Vec<String> = rest.into_iter().filter(|id| is_of(unit, id)).collect();
                    if rest.is_empty() {
                        return Ok(false);
                    }
                    asked = Some(rest);
                }
                Round::Again => {
                    problems
                        .push("too many tests hang or break their process: the rest was not run".to_owned());
                    return Ok(false);
                }
                Round::Stuck(why) => {
                    problems.push(format!("`{}`: {why}", unit.name));
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    #[expect(clippy::too_many_arguments, reason = "the state of the loop above, each part of it used once")]
    fn process(
        &self,
        unit: &Unit,
        select: Option<&[String]>,
        limits: &Limits,
        share: Duration,
        how: &SuiteRun<'_>,
        env: &[(String, String)],
        tally: &mut Tally,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(Ran, bool), PortError> {
        let step = self.driver.launch(unit, select.filter(|ids| ids.len() <= MOST_NAMED));
        let watch = Watch::new(share);
        let ran = watch.over(stop, || {
            self.run(step, unit.builds, self.driver.reports(), limits, env, watch.stop(), &mut |line| {
                tally.hash_line(line);
                let mut red = false;
                self.driver.hear(unit, line, &mut |said| match tally.take(said) {
                    Heard::Nothing => {}
                    Heard::Began => watch.begin(),
                    Heard::Ended(bad) => {
                        watch.end();
                        red |= bad;
                        on_progress(progress(tally));
                    }
                });
                let enough = watch.is_hung() || (how.stop_on_red && red);
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests ran"));
        }
        tally.hash_more(&ran.stderr);
        // An instrumented program says what it reached; with one test alone, that is the test's.
        if let (Coverage::Lines, Some([only])) = (how.coverage, select) {
            tally.lines.insert(only.clone(), [(HITS.to_owned(), hits(&ran.stderr))].into());
        }
        Ok((ran, watch.is_hung()))
    }

    /// A unit without single tests is one test, and its exit code says how it ended. True: red.
    fn opaque(&self, unit: &Unit, ran: &Ran, tally: &mut Tally) -> bool {
        let (status, error_type) = match &ran.exit {
            Exit::Code(0) => (TestStatus::Passed, ""),
            Exit::Code(_) => (TestStatus::Failed, ""),
            Exit::TimedOut | Exit::Stopped => (TestStatus::TimedOut, "TimeoutError"),
            Exit::OutOfMemory => (TestStatus::Errored, "MemoryError"),
            Exit::Signal(_) | Exit::Enough | Exit::Crashed(_) => (TestStatus::Errored, "SystemExit"),
        };
        let id = unit.name.clone();
        let red = status.is_red();
        let message = if red { said(ran) } else { String::new() };
        tally.take(Line::Collected { tests: vec![id.clone()], lines: Default::default() });
        tally.keep(id, status, error_type, message, ran.wall_us);
        if red {
            tally.red += 1;
        } else {
            tally.green += 1;
        }
        red
    }

    #[expect(clippy::too_many_arguments, reason = "what a step is run with, each part of another origin")]
    fn run(
        &self,
        step: Step,
        build: bool,
        reports: Reports,
        limits: &Limits,
        env: &[(String, String)],
        stop: &Stop,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let project = self.suite.project;
        let cache = self.suite.cache.ok_or_else(|| {
            PortError::new(ErrorKind::Bug, "a suite that is built was given no directory for what is built")
        })?;
        fs::create_dir_all(cache)
            .map_err(|error| PortError::from_io("make a directory for builds", &error))?;
        let root = self.suite.view.join(&project.root);
        for lent in &project.lent {
            let at = root.join(&lent.at);
            fs::create_dir_all(&at)
                .map_err(|error| PortError::from_io("make room for dependencies", &error))?;
        }
        let mut env: Vec<(String, String)> = env.to_vec();
        env.extend(step.env);
        let program = Program::Tool(Tool {
            toolchain: self.toolchain,
            argv: step.argv,
            env,
            files: step.files,
            reports,
            cache: Some(Cache { path: cache.to_owned(), writable: build }),
            lent: project.lent.clone(),
        });
        let directory = joined(&project.root, &step.directory);
        let job = Job {
            program: &program,
            view: self.suite.view,
            directory: &directory,
            writable: true,
            stdin: &[],
            limits,
            waived: self.suite.waived,
            stop,
        };
        let ran = self.suite.sandbox.run(&job, on_report)?;
        if stop.is_raised() && build {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests were built"));
        }
        Ok(ran)
    }
}

impl Built {
    fn take(&mut self, ran: &Ran) {
        self.runs += 1;
        self.said.extend_from_slice(&ran.stdout);
        self.enforced = ran.enforced.clone();
    }
}

/// What the processes of a run came to together.
struct Sum {
    exit: Option<Exit>,
    enforced: coditect_types::Enforced,
    code: i32,
    runs: u32,
}

impl Sum {
    fn take(&mut self, ran: &Ran) {
        self.runs += 1;
        self.enforced = ran.enforced.clone();
        match ran.exit {
            Exit::Code(code) => self.code = self.code.max(code),
            Exit::TimedOut => self.exit = Some(Exit::TimedOut),
            Exit::Enough | Exit::Stopped => {}
            Exit::Signal(_) | Exit::OutOfMemory | Exit::Crashed(_) => self.code = self.code.max(1),
        }
    }
}

/// The tests of a unit that a run asks for; None: all that it has.
fn asked(unit: &Unit, how: &SuiteRun<'_>) -> Option<Vec<String>> {
    let wanted = |id: &&String| !how.deselect.contains(id);
    match how.select {
        Some(ids) if !ids.iter().any(|id| id == BUILD) => {
            Some(ids.iter().filter(|id| is_of(unit, id)).filter(wanted).cloned().collect())
        }
        _ if how.deselect.is_empty() => None,
        _ => unit.tests().map(|tests| tests.iter().filter(wanted).cloned().collect()),
    }
}

/// Answers for [`BUILD`] where it is asked for.
pub(super) fn answer_for_build(tally: &mut Tally, how: &SuiteRun<'_>) {
    let asked = how.imports.iter().chain(how.select.into_iter().flatten()).any(|id| id == BUILD);
    if !asked || tally.ends.contains_key(BUILD) {
        return;
    }
    let (status, message) = match tally.ends.values().find(|test| test.status.is_red()) {
        Some(red) => (TestStatus::Failed, format!("`{}` is red: {}", red.id, red.message)),
        None if tally.ends.is_empty() => (TestStatus::NotRun, "the project has no tests".to_owned()),
        None => (TestStatus::Passed, String::new()),
    };
    tally.keep(BUILD.to_owned(), status, "", message, 0);
}

fn is_of(unit: &Unit, id: &str) -> bool {
    if unit.opaque {
        return id == unit.name;
    }
    match &unit.names {
        Some(names) => names.values().any(|test| test == id),
        None => id.strip_prefix(unit.name.as_str()).is_some_and(|rest| rest.starts_with("::")),
    }
}

fn joined(root: &str, directory: &str) -> String {
    match (root, directory) {
        ("", below) => below.to_owned(),
        (root, "") => root.to_owned(),
        (root, below) => format!("{root}/{below}"),
    }
}

fn how(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("it ended with code {code}"),
        Exit::Signal(signal) => format!("it was killed by signal {signal}"),
        Exit::TimedOut => "it was killed at the limit of time".to_owned(),
        Exit::OutOfMemory => "it used more memory than it may".to_owned(),
        Exit::Enough | Exit::Stopped => "it was stopped".to_owned(),
        Exit::Crashed(cause) => cause.clone(),
    }
}

/// The end of what a process printed.
fn said(ran: &Ran) -> String {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MESSAGE_BYTES / 4)..]).trim().to_owned()
    };
    format!("{}\n{}", text(&ran.stderr), text(&ran.stdout)).trim().to_owned()
}
