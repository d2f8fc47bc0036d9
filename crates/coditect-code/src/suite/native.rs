//! Suites of languages whose tests are programs of a toolchain: built first, then run unit by unit.
//!
//! A [`Driver`] knows one framework: which commands build the tests, which programs there are then, and what their
//! report lines mean. Everything else (rounds, tests that hang or take the process down, what is believed) is the
//! same for all of them and for Python.

use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use coditect_ports::sandbox::{Cache, Reports, Tool};
use coditect_ports::{Exit, Job, PortError, Program, Ran, Stop};
use coditect_types::project::Toolchain;
use coditect_types::{ErrorKind, Limits, Project, TestStatus};

use super::protocol::Line;
use super::tally::{Heard, Tally};
use super::watch::Watch;
use super::{
    Coverage, MOST_ROUNDS, Progress, Round, SIGKILL, Suite, SuiteReport, SuiteRun, WALLS, millis, progress,
    share_of,
};
use crate::trace::hits;

/// What is said where rounds are spent.
const TOO_MANY: &str = "too many tests hang or break their process: the rest was not run";

mod cargo;
mod driver;
mod go;
mod java;
pub(super) mod many;
pub(crate) mod node;
mod picks;

pub use driver::{Arm, Built, Fitting, Variant};
pub(super) use driver::{Autopsy, Broken, Driver, Ear, Step, Unit, driver};
pub use many::{Fate, Many, Patch};
pub use picks::Picked;

/// The id of the test that stands for all tests of a project that cannot be built. It is green once the project is
/// built, has tests, and none of them is red.
pub const BUILD: &str = "<build>";
/// Under this name the lines of a test are the numbers of blocks that it reached, see [`crate::trace`].
pub const HITS: &str = "<hits>";
/// The class of error of a project that lacks what is not its own: a dependency that was never fetched. Its message has
/// the next step on its second line.
pub const LACKS: &str = "MissingDependency";
/// Tests that are named one by one on a command line; for more, the whole unit is run.
const MOST_NAMED: usize = 1_000;
/// What a build may use at least, where the limits of a run are lower.
const BUILD_MEMORY: u64 = 6 << 30;
const BUILD_OUTPUT: u64 = 64 << 20;
const BUILD_PROCESSES: u32 = 1_024;
/// Bytes kept of what a compiler says.
const MESSAGE_BYTES: usize = 8 << 10;

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

    pub(super) fn tells_lines(&self) -> bool {
        self.driver.tells_lines()
    }

    /// Builds the tests of what is on the disk and lists them. `only`: no others are asked for.
    pub(super) fn build(
        &self,
        only: Option<&[String]>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Built, PortError> {
        let narrowed = only
            .filter(|ids| !ids.iter().any(|id| id == BUILD))
            .and_then(|ids| self.driver.narrowed(self.suite.project, ids));
        self.build_project(narrowed.as_ref().unwrap_or(self.suite.project), limits, stop)
    }

    /// Builds a project into which candidates are woven. What can be told of them is in the second part of the answer, see
    /// [`Suite::build_woven`].
    pub(super) fn build_woven(
        &self,
        only: Option<&[String]>,
        (arms, variants): (&[Arm], &[Variant<'_>]),
        limits: &Limits,
        stop: &Stop,
    ) -> Result<(Built, Fitting), PortError> {
        let Some(steps) = self.driver.woven(self.suite.project, arms, variants) else {
            return Ok((self.build(only, limits, stop)?, Fitting::new()));
        };
        let (built, last) = self.build_steps(self.suite.project, steps, limits, stop)?;
        let fitting = last.map_or_else(Fitting::new, |ran| self.driver.fitting(&ran));
        Ok((built, fitting))
    }

    fn build_project(&self, project: &Project, limits: &Limits, stop: &Stop) -> Result<Built, PortError> {
        Ok(self.build_steps(project, self.driver.builds(project), limits, stop)?.0)
    }

    fn build_steps(
        &self,
        project: &Project,
        steps: Vec<Step>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<(Built, Option<Ran>), PortError> {
        let limits = &for_builds(limits);
        let mut built = Built::default();
        let mut last = None;
        for step in steps {
            let ran =
                self.run(step, true, Reports::None, limits, &[], stop, &mut |_| ControlFlow::Continue(()))?;
            built.take(&ran);
            let ended = matches!(ran.exit, Exit::Code(_));
            if !ended {
                let message = format!("the build did not end by itself: {}", how(&ran.exit));
                built.broken = Some(Broken { message, ..Broken::default() });
                built.exit = Some(ran.exit);
                return Ok((built, None));
            }
            let failed = ran.exit != Exit::Code(0);
            last = Some(ran);
            if failed {
                break;
            }
        }
        let root = self.suite.view.join(&project.root);
        match self.driver.built(project, &root, last.as_ref()) {
            Ok(units) => built.units = units,
            Err(broken) => {
                if let Some(error) = self.driver.lacks(project, &root, last.as_ref()) {
                    return Err(error);
                }
                built.units = self.driver.rest(project, &root, last.as_ref());
                built.broken = Some(broken);
            }
        }
        built.notes = self.driver.notes(project, &root, last.as_ref());
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
        Ok((built, last))
    }

    /// Builds other texts of files beside what is built, see [`Driver::variants`].
    pub(super) fn build_variants(
        &self,
        variants: &[Variant<'_>],
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<Fitting>, PortError> {
        let Some(step) = self.driver.variants(self.suite.project, variants) else { return Ok(None) };
        let limits = for_builds(limits);
        let ran =
            self.run(step, true, Reports::None, &limits, &[], stop, &mut |_| ControlFlow::Continue(()))?;
        Ok(Some(self.driver.fitting(&ran)))
    }

    /// See [`Suite::formatted`].
    pub(super) fn formatted(
        &self,
        (old, new): (&str, &str),
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<String>, PortError> {
        let Some(step) = self.driver.format(old, new) else { return Ok(None) };
        let ran =
            self.run(step, false, Reports::None, limits, &[], stop, &mut |_| ControlFlow::Continue(()))?;
        let is_whole = ran.exit == Exit::Code(0) && ran.dropped == 0 && !ran.stdout.is_empty();
        Ok(String::from_utf8(ran.stdout).ok().filter(|_| is_whole))
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
        let built = self.build(how.select, &limits, stop)?;
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
        for note in &built.notes {
            tally.note(note.clone());
        }
        let mut problems = Vec::new();
        let mut sum = Sum { exit: built.exit.clone(), enforced: built.enforced.clone(), code: 0, runs: 0 };
        if let Some(broken) = &built.broken {
            let error_type = if broken.lacks { LACKS } else { "CompileError" };
            tally.keep(BUILD.to_owned(), TestStatus::Errored, error_type, broken.message.clone(), 0);
            tally.framed(BUILD, broken.frames.clone());
            sum.code = 101;
        }
        let mut share = how.share.unwrap_or(share_of(how.limits));
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
        answer_for_units(&mut tally, built, how);
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
        let code = if tally.ends.values().any(|test| test.status.is_red()) { 101 } else { sum.code };
        let ended = matches!(ran.exit, Exit::Code(_));
        let mut report = self.suite.report(how, tally, problems, ran, sum.runs, started.elapsed());
        report.report.exit_code = ended.then_some(code);
        report.notes.extend(built.units.iter().flat_map(|unit| unit.notes.iter().cloned()));
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
        let compiling = if unit.compiling.is_zero() { 0 } else { how.build_ms };
        let most_ms = how.limits.wall_ms.saturating_add(compiling);
        let all = Duration::from_millis(most_ms) * WALLS;
        let mut asked = asked(unit, how);
        let mut ended: Option<Vec<String>> = None;
        if asked.as_ref().is_some_and(Vec::is_empty) {
            return Ok(false);
        }
        if let Some(tests) = asked.clone().or_else(|| unit.tests()) {
            tally.take(Line::Collected { tests, lines: Default::default() });
        }
        for round in 1..=how.rounds.min(MOST_ROUNDS) {
            let left = all.saturating_sub(started.elapsed());
            let wall_ms = most_ms.min(millis(left)).max(1);
            let limits = Limits { wall_ms, ..how.limits.clone() };
            tally.begin_round();
            let (ran, hung) = self.process(
                unit,
                (asked.as_deref(), ended.as_deref()),
                &limits,
                *share,
                how,
                env,
                tally,
                stop,
                on_progress,
            )?;
            sum.take(&ran);
            // Where somebody killed it, that was not the test.
            if unit.opaque && (round > 1 || ran.exit != Exit::Signal(SIGKILL)) {
                return Ok(self.opaque(unit, &ran, tally) && how.stop_on_red);
            }
            match self.settle(unit, tally, &ran, hung, share, how.stop_on_red) {
                Round::Over => return Ok(how.stop_on_red && tally.red > 0),
                Round::Killed
                    if round < how.rounds.min(MOST_ROUNDS)
                        && !tally.order.iter().any(|id| is_of(unit, id)) => {}
                Round::Killed | Round::Again
                    if unit.names.is_none()
                        && asked.is_none()
                        && round < how.rounds.min(MOST_ROUNDS)
                        && self.driver.resume(unit, &[]).is_some() =>
                {
                    ended = Some(tally.ends.keys().cloned().collect());
                }
                Round::Killed | Round::Again if round < how.rounds.min(MOST_ROUNDS) && !left.is_zero() => {
                    let mut rest = tally.remaining();
                    rest.retain(|id| is_of(unit, id));
                    if rest.is_empty() {
                        return Ok(false);
                    }
                    asked = Some(rest);
                }
                Round::Killed | Round::Again => {
                    problems.push(TOO_MANY.to_owned());
                    return Ok(false);
                }
                // Nothing could even be loaded.
                Round::Stuck(why)
                    if unit.name.is_empty() && tally.order.is_empty() && tally.errors.is_empty() =>
                {
                    tally.keep(BUILD.to_owned(), TestStatus::Errored, "LoadError", why, 0);
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

    /// What a process came to; a test that broke it is told by what the process left, where that can be read.
    fn settle(
        &self,
        unit: &Unit,
        tally: &mut Tally,
        ran: &Ran,
        hung: bool,
        share: &mut Duration,
        stop_on_red: bool,
    ) -> Round {
        let victim = tally.under_way.clone();
        let end = self.suite.settle(tally, ran, hung, share, stop_on_red);
        let broke = !hung && matches!(ran.exit, Exit::Code(_) | Exit::Signal(_));
        if let (Some(victim), true) = (victim, broke)
            && let Some(found) = self.driver.autopsy(unit, ran)
        {
            tally.explain(&victim, found.error_type, found.message, found.frames);
        }
        end
    }

    #[expect(clippy::too_many_arguments, reason = "the state of the loop above, each part of it used once")]
    fn process(
        &self,
        unit: &Unit,
        (select, ended): (Option<&[String]>, Option<&[String]>),
        limits: &Limits,
        share: Duration,
        how: &SuiteRun<'_>,
        env: &[(String, String)],
        tally: &mut Tally,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(Ran, bool), PortError> {
        let resumed = ended.and_then(|ended| self.driver.resume(unit, ended));
        let traced =
            select.filter(|_| how.coverage == Coverage::Lines).and_then(|ids| self.driver.traced(unit, ids));
        let is_traced = traced.is_some();
        let named = select.filter(|ids| ids.len() <= self.driver.most_named());
        let mut step = resumed.or(traced).unwrap_or_else(|| self.driver.launch(unit, named));
        if let (Some(seed), false) = (how.order, unit.opaque) {
            self.driver.order(unit, &mut step, seed);
        }
        let watch = Watch::new(share + unit.compiling);
        let mut ear = self.driver.ear(unit, select);
        let ran = watch.over(stop, || {
            self.run(step, unit.builds, self.driver.reports(), limits, env, watch.stop(), &mut |line| {
                tally.hash_line(line);
                let mut red = false;
                let mut take = |said| match tally.take(said) {
                    Heard::Nothing => {}
                    Heard::Began => watch.begin(),
                    Heard::Ended(bad) => {
                        watch.end();
                        red |= bad;
                        on_progress(progress(tally));
                    }
                };
                match &mut ear {
                    Some(ear) => ear.hear(line, &mut take),
                    None => self.driver.hear(unit, line, &mut take),
                }
                let enough = watch.is_hung() || (how.stop_on_red && red);
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests ran"));
        }
        tally.hash_more(&ran.stderr);
        // An instrumented program says what it reached; with one test alone, that is the test's.
        let told = is_traced || self.driver.tells_lines();
        if let (Coverage::Lines, Some([only]), false) = (how.coverage, select, told) {
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
        let id = unit.whole.clone().unwrap_or_else(|| unit.name.clone());
        let red = status.is_red();
        let message = if red { said(ran) } else { String::new() };
        tally.take(Line::Collected { tests: vec![id.clone()], lines: Default::default() });
        tally.keep(id.clone(), status, error_type, message, ran.wall_us);
        if let Some(found) = self.driver.autopsy(unit, ran).filter(|_| red) {
            tally.explain(&id, found.error_type, found.message, found.frames);
        }
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
        mut step: Step,
        build: bool,
        reports: Reports,
        limits: &Limits,
        env: &[(String, String)],
        stop: &Stop,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        // Tests of runners that compile as they go may be stopped as others may: one that hangs is no broken build.
        let compiles = build && reports == Reports::None;
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
        self.driver.fit(&mut step, limits);
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
            writes: self.suite.writes,
            stdin: &[],
            limits,
            waived: self.suite.waived,
            stop,
        };
        let ran = if compiles {
            self.suite.unless_killed(&job).map(|(ran, _)| ran)
        } else {
            self.suite.sandbox.run(&job, on_report)
        }?;
        if stop.is_raised() && compiles {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests were built"));
        }
        Ok(ran)
    }
}

/// A compiler is not the code under test: it needs more of the machine, and is as trusted as the machine's own.
fn for_builds(limits: &Limits) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes.max(BUILD_MEMORY),
        output_bytes: limits.output_bytes.max(BUILD_OUTPUT),
        processes: limits.processes.max(BUILD_PROCESSES),
        file_bytes: limits.file_bytes.max(BUILD_MEMORY),
        ..limits.clone()
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
        Some(ids) if !ids.iter().any(|id| id == BUILD || unit.whole.as_ref() == Some(id)) => {
            Some(ids.iter().filter(|id| is_of(unit, id)).filter(wanted).cloned().collect())
        }
        _ if how.deselect.is_empty() => None,
        _ => unit.tests().map(|tests| tests.iter().filter(wanted).cloned().collect()),
    }
}

/// Answers for units whose tests had no names, where that is asked for.
fn answer_for_units(tally: &mut Tally, built: &Built, how: &SuiteRun<'_>) {
    for unit in &built.units {
        let Some(whole) = &unit.whole else { continue };
        let asked = how.imports.iter().chain(how.select.into_iter().flatten()).any(|id| id == whole);
        if !asked || tally.ends.contains_key(whole) {
            continue;
        }
        let tests: Vec<String> = unit.tests().unwrap_or_default();
        let ends = || tests.iter().filter_map(|id| tally.ends.get(id));
        let (status, message) = match ends().find(|test| test.status.is_red()) {
            Some(red) => (TestStatus::Failed, format!("`{}` is red: {}", red.id, red.message)),
            None if ends().count() < tests.len().max(1) => {
                (TestStatus::NotRun, "not all of its tests were run".to_owned())
            }
            None => (TestStatus::Passed, String::new()),
        };
        tally.keep(whole.clone(), status, "", message, 0);
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
    if unit.whole.as_deref() == Some(id) {
        return true;
    }
    if unit.opaque {
        return unit.whole.is_none() && id == unit.name;
    }
    match &unit.names {
        Some(names) if unit.nests => {
            let Some((_, name)) = id.rsplit_once("::") else { return false };
            let (top, rest) = unit.split(name);
            names.get(top).is_some_and(|known| id.strip_suffix(rest) == Some(known))
        }
        Some(names) => names.values().any(|test| test == id),
        None if !unit.files.is_empty() => unit.files.contains(id.split("::").next().unwrap_or(id)),
        None if unit.name.is_empty() => true,
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
