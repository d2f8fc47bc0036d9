//! One project's test suite in one worktree on one sandbox: run it, and hear test by test what came of it.
//!
//! A run goes on over tests that hang, that take the interpreter down or that end the process: each of those is
//! one red test, and the rest is run again without it. What is believed of the runner's lines is decided in
//! [`tally`]; the watch over single tests is in [`watch`].
//!
//! Knows nothing of missions. Starts nothing but what the sandbox runs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox, Stop, Writes};
use coditect_types::project::Framework;
use coditect_types::{Enforced, ErrorKind, Limits, Project, TestReport, TestResult, TestStatus, Tier};

mod checks;
mod command;
mod forks;
mod imports;
mod native;
mod order;
mod protocol;
mod reports;
mod scripts;
mod snapshots;
mod tally;
mod watch;

pub use checks::{Mending, mending};
pub use imports::IMPORT;
pub(crate) use native::node::Told;
pub use native::{Arm, BUILD, Built, Fate, Fitting, HITS, LACKS, Many, Patch, Picked, Variant};
pub use order::{can_order, orders_selected, shuffled};
pub use scripts::scripts;
pub use snapshots::{is_snapshot, refreshing};
pub use tally::CollectError;

use native::Native;
use protocol::{Request, Warm};
use tally::{Heard, Tally};
use watch::Watch;

/// Processes that one run of a suite takes at most.
const MOST_ROUNDS: u32 = 40;
/// All rounds together may take this many times the limit of one.
const WALLS: u32 = 2;
/// A test gets this part of the limit of the whole run; where that is short, half of it, up to so much: one test that takes
/// nearly all of the time is no rarity in a small suite.
const SHARE: u32 = 6;
const HALF_UP_TO: Duration = Duration::from_secs(10);
/// Where nothing is thought to hang, all of it, up to so much.
const PROOF_UP_TO: Duration = Duration::from_secs(30);
/// Once tests have hung, the others get this long, or as many times the slowest one that ended: whole suites of
/// small tests hang on one loop, and the first of them has shown it.
const SHARE_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(1)];
const SLOWEST_TIMES: u32 = 20;
/// Output that the runner keeps of one test.
const OUTPUT_BYTES: u64 = 4 << 10;

/// Covered lines by file, relative to the project's root.
pub type Lines = BTreeMap<String, Vec<u32>>;

/// Whether lines are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// Not.
    #[default]
    None,
    /// The lines of the project that each test runs.
    Lines,
}

/// Where and how a suite is run.
#[derive(Clone, Debug)]
pub struct Suite<'a> {
    /// The project.
    pub project: &'a Project,
    /// The worktree's top.
    pub view: &'a Path,
    /// The sandbox.
    pub sandbox: &'a dyn Sandbox,
    /// Protections that the person gave up, by name.
    pub waived: &'a [String],
    /// A directory outside the worktree for what is built; what must be built cannot be run without one.
    pub cache: Option<&'a Path>,
    /// What becomes of what runs write to the worktree.
    pub writes: Writes<'a>,
}

/// What one run is to do.
#[derive(Clone, Debug)]
pub struct SuiteRun<'a> {
    /// Only these tests; None: all.
    pub select: Option<&'a [String]>,
    /// A seed: in another order than the suite's own, where [`can_order`] says so; the same seed, the same order. Python's tests
    /// run in the order in which they are selected, see [`shuffled`].
    pub order: Option<u64>,
    /// Without these tests.
    pub deselect: &'a [String],
    /// Whether lines are recorded.
    pub coverage: Coverage,
    /// Text of files in place of what is on the disk, by path below the project's root.
    pub overlay: &'a BTreeMap<String, String>,
    /// End at the first red test.
    pub stop_on_red: bool,
    /// End once a test shows that the tier lacks what the project needs.
    pub stop_on_lack: bool,
    /// End once the tests that ended by themselves took this long together, or a part of it that says they will take far
    /// longer: another tier may be faster.
    pub patience: Option<Duration>,
    /// Limits of the run; `wall_ms` of each round.
    pub limits: &'a Limits,
    /// Wall clock of a build, ms.
    pub build_ms: u64,
    /// The longest that one test may take. None: a sixth of the limit, and half of a short one.
    pub share: Option<Duration>,
    /// Processes that it may take: one, and one more for each test that hangs or breaks it.
    pub rounds: u32,
    /// `<import>` tests that are to be answered for, see [`IMPORT`].
    pub imports: &'a [String],
    /// Tests that may have run before in the same interpreter, on the files as they are on the disk: a sandbox that can
    /// then keeps one that has, and rewinds it to that moment before each run. What such a run says is a hint, no proof.
    pub warm: Option<&'a [String]>,
    /// Tests that are run in such an interpreter too, but not to get it ready: they do not end.
    pub hanging: &'a [String],
}

impl<'a> SuiteRun<'a> {
    /// The whole suite as it is on the disk.
    #[must_use]
    pub fn whole(limits: &'a Limits) -> Self {
        const NO_OVERLAY: &BTreeMap<String, String> = &BTreeMap::new();
        Self {
            select: None,
            order: None,
            deselect: &[],
            coverage: Coverage::None,
            overlay: NO_OVERLAY,
            stop_on_red: false,
            stop_on_lack: false,
            patience: None,
            limits,
            build_ms: limits.wall_ms,
            share: None,
            rounds: MOST_ROUNDS,
            imports: &[],
            warm: None,
            hanging: &[],
        }
    }

    /// The same, where nothing is thought to hang and what is slow is waited for.
    #[must_use]
    pub fn proof(limits: &'a Limits) -> Self {
        let wall = Duration::from_millis(limits.wall_ms.max(6));
        Self { share: Some(share_of(limits).max(wall.min(PROOF_UP_TO))), ..Self::whole(limits) }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tests that ended green.
    pub green: u32,
    /// Tests that ended red.
    pub red: u32,
    /// Tests that were collected.
    pub of: u32,
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// Test by test.
    pub report: TestReport,
    /// The lines that each test ran, by its id.
    pub lines: BTreeMap<String, Lines>,
    /// The lines that ran while files were imported.
    pub import_lines: Lines,
    /// What kept files from being collected or tests from being set up.
    pub errors: Vec<CollectError>,
    /// How the last process ended.
    pub exit: Exit,
    /// What was enforced.
    pub enforced: Enforced,
    /// Where it ran.
    pub tier: Tier,
    /// A module that could not be imported, as the runner names it.
    pub missing_module: Option<String>,
    /// Something that the tier cannot do, as the runner names it.
    pub unsupported: Option<String>,
    /// It was ended since its tests take long, see [`SuiteRun::patience`].
    pub slow: bool,
    /// What was noticed beside the tests.
    pub notes: Vec<String>,
    /// Processes that it took.
    pub runs: u32,
    /// BLAKE3 of every report line and of what was printed (hex).
    pub output_hash: String,
    /// Wall clock of all of it.
    pub wall: Duration,
    /// How much of that went into building.
    pub build: Duration,
}

/// What a round came to.
enum Round {
    /// The suite is through, or was told to end.
    Over,
    /// One test was settled from outside; the rest is to be run.
    Again,
    /// The process was killed from outside: what has no end yet is to be run.
    Killed,
    /// It cannot go on; why.
    Stuck(String),
}

impl Suite<'_> {
    /// Runs the suite. `on_progress` is called as tests end.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is raised; else what the sandbox says when it cannot run anything. Whatever the
    /// project does wrong is in the report.
    pub fn run(
        &self,
        how: &SuiteRun<'_>,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<SuiteReport, PortError> {
        if self.project.framework == Framework::Command {
            return self.run_command(how, stop, on_progress);
        }
        if let Some(native) = Native::of(self) {
            return native.build_and_run(how, stop, on_progress);
        }
        let started = Instant::now();
        let mut tally = Tally::new(self.project.framework == Framework::Unittest, how.coverage);
        let mut problems = Vec::new();
        let mut runs = 0;
        let mut share = how.share.unwrap_or(share_of(how.limits));
        let ran = loop {
            let left = Duration::from_millis(how.limits.wall_ms) * WALLS;
            let limits = Limits {
                wall_ms: how.limits.wall_ms.min(millis(left.saturating_sub(started.elapsed()))).max(1),
                ..how.limits.clone()
            };
            runs += 1;
            tally.begin_round();
            let (ran, hung) = self.round(how, runs, share, &limits, &mut tally, stop, on_progress)?;
            let round = self.settle(&mut tally, &ran, hung, &mut share, how.stop_on_red);
            match round {
                Round::Over => break ran,
                Round::Again if tally.remaining().is_empty() => break ran,
                Round::Killed | Round::Again if runs < how.rounds && started.elapsed() < left => {}
                Round::Killed | Round::Again => {
                    problems.push(
                        "too many tests hang or break the interpreter: the rest was not run".to_owned(),
                    );
                    break ran;
                }
                Round::Stuck(why) => {
                    problems.push(why);
                    break ran;
                }
            }
        };
        Ok(self.report(how, tally, problems, ran, runs, started.elapsed()))
    }

    /// Builds the tests of what is on the disk. None: this framework builds nothing.
    ///
    /// # Errors
    /// As [`Suite::run`]. What a compiler says is in what is built, see [`Built::broken`].
    pub fn build(&self, limits: &Limits, stop: &Stop) -> Result<Option<Built>, PortError> {
        self.build_for(None, limits, stop)
    }

    /// The same where only these tests will be asked for, so that others need not be built.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn build_for(
        &self,
        only: Option<&[String]>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<Built>, PortError> {
        Native::of(self).map(|native| native.build(only, limits, stop)).transpose()
    }

    /// Builds a project into which candidates are woven (`arms`), and variants beside it as [`Suite::build_variants`] does,
    /// in one process. The second part of the answer says which variants fit, and which arms and variants do not compile:
    /// such arms were taken out. One that is told of neither way is built as [`Suite::build_for`] would, and says so by
    /// what is broken. None: this framework builds nothing.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn build_woven(
        &self,
        only: Option<&[String]>,
        candidates: (&[Arm], &[Variant<'_>]),
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<(Built, Fitting)>, PortError> {
        Native::of(self).map(|native| native.build_woven(only, candidates, limits, stop)).transpose()
    }

    /// Whether one run tells what each of its tests reached, see [`HITS`].
    #[must_use]
    pub fn tells_lines(&self) -> bool {
        Native::of(self).is_some_and(|native| native.tells_lines())
    }

    /// A changed file as the language's own formatter writes it. None where there is no formatter, or where the file was
    /// not in that format before, so that more than the change would be written anew.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn formatted(
        &self,
        old: &str,
        new: &str,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<String>, PortError> {
        Native::of(self).map_or(Ok(None), |native| native.formatted((old, new), limits, stop))
    }

    /// Runs what [`Suite::build`] built, with `env` in the tests' environment.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn run_built(
        &self,
        built: &Built,
        how: &SuiteRun<'_>,
        env: &[(String, String)],
        stop: &Stop,
    ) -> Result<SuiteReport, PortError> {
        match Native::of(self) {
            Some(native) => native.run_built(built, how, env, stop, &mut |_| {}),
            None => Err(PortError::new(ErrorKind::Bug, "this framework builds nothing that could be run")),
        }
    }

    /// Tries candidates of a woven build, by their numbers (see [`crate::repair::schemata`]) in one process, each with the
    /// tests that are selected (where they are many, up to the first red one), and those that turn them all green with
    /// the tests in `near`. Those that are missing in the answer were not reached. None: they must be run one by one.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn run_picks(
        &self,
        built: &Built,
        picks: &[u32],
        near: &[String],
        how: &SuiteRun<'_>,
        stop: &Stop,
    ) -> Result<Option<Picked>, PortError> {
        Native::of(self).map_or(Ok(None), |native| native.run_picks(built, picks, near, how, stop))
    }

    /// Builds other texts of some files, each beside what [`Suite::build`] built last, under its number. The answer says
    /// which can be run under their numbers like candidates of a woven build, and which do not compile; one that is
    /// missing in it must be built by itself. None: this framework cannot.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn build_variants(
        &self,
        variants: &[Variant<'_>],
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<Fitting>, PortError> {
        Native::of(self).map_or(Ok(None), |native| native.build_variants(variants, limits, stop))
    }

    /// Whether one process takes many: candidates (see [`Suite::run_picks`]), variants, and tests to be traced, which a
    /// run with [`Coverage::Lines`] then tells apart.
    #[must_use]
    pub fn takes_many(&self) -> bool {
        self.project.framework == Framework::Junit
    }

    /// Tries candidates, many in a process, where the framework can; gives for each how its tests went, and the number of
    /// processes. None: nothing is known of this one. What is said is a hint: candidates of a process may touch one another.
    ///
    /// # Errors
    /// As [`Suite::run`].
    pub fn run_many(
        &self,
        built: Option<&Built>,
        many: &Many<'_>,
        stop: &Stop,
    ) -> Result<(Vec<Option<Fate>>, u32), PortError> {
        match (Native::of(self), built) {
            (Some(native), Some(built)) => native.run_many(built, many, stop),
            (None, None) if self.forks() => self.run_forks(many, stop),
            _ => Ok((vec![None; many.candidates.len()], 0)),
        }
    }

    /// One process: the whole request at first, then what is left.
    #[expect(clippy::too_many_arguments, reason = "the state of the loop above, each part of it used once")]
    fn round(
        &self,
        how: &SuiteRun<'_>,
        number: u32,
        share: Duration,
        limits: &Limits,
        tally: &mut Tally,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(Ran, bool), PortError> {
        let left = tally.remaining();
        let (select, deselect) = if number == 1 || tally.order.is_empty() {
            (how.select, how.deselect)
        } else {
            (Some(left.as_slice()), Default::default())
        };
        let program = Program::Python {
            request: self.request(how, select, deselect)?,
            interpreter: self.project.interpreter.as_ref().map(PathBuf::from),
        };
        let watch = Watch::new(share);
        let root = self.view.join(&self.project.root);
        let job = self.job(&program, limits, &root, how, watch.stop());
        let ran = watch.over(stop, || {
            self.sandbox.run(&job, &mut |line| {
                let heard = tally.hear(line);
                match heard {
                    Heard::Nothing => {}
                    Heard::Began => watch.begin(),
                    Heard::Ended(_) => {
                        watch.end();
                        on_progress(progress(tally));
                    }
                }
                let lacks = how.stop_on_lack && tally.unsupported.is_some();
                let slow = how.patience.is_some_and(|patience| is_slow(tally, patience));
                tally.slow |= slow;
                let enough =
                    watch.is_hung() || lacks || slow || (how.stop_on_red && heard == Heard::Ended(true));
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests ran"));
        }
        tally.hash_more(&ran.stdout);
        tally.hash_more(&ran.stderr);
        if ran.dropped > 0 {
            tally.note(format!("{} bytes of output past the limit were dropped", ran.dropped));
        }
        Ok((ran, watch.is_hung()))
    }

    fn job<'b>(
        &'b self,
        program: &'b Program,
        limits: &'b Limits,
        root: &'b Path,
        how: &SuiteRun<'b>,
        stop: &'b Stop,
    ) -> Job<'b> {
        let job = Job {
            program,
            view: self.view,
            directory: "",
            writes: Writes::Refused,
            stdin: &[],
            limits,
            waived: self.waived,
            stop,
        };
        if self.sandbox.tier() == Tier::Wasm {
            // Its guests start at the top of what they see, so they see no more than the project.
            return Job { view: root, ..job };
        }
        // An overlay is tried many times on the same directory; what is on the disk was put there for one run.
        let writes = if how.overlay.is_empty() { self.writes } else { Writes::Refused };
        Job { directory: &self.project.root, writes, ..job }
    }

    fn request(
        &self,
        how: &SuiteRun<'_>,
        select: Option<&[String]>,
        deselect: &[String],
    ) -> Result<String, PortError> {
        serde_json::to_string(&self.tests_request(how, select, deselect))
            .map_err(|error| PortError::new(ErrorKind::Bug, format!("write the runner's request: {error}")))
    }

    fn tests_request<'b>(
        &'b self,
        how: &SuiteRun<'b>,
        select: Option<&'b [String]>,
        deselect: &'b [String],
    ) -> Request<'b> {
        Request {
            op: "test",
            framework: match self.project.framework {
                Framework::Unittest => "unittest",
                Framework::Pytest => "pytest",
                Framework::Doctest
                | Framework::CargoTest
                | Framework::NodeTest
                | Framework::Jest
                | Framework::Vitest
                | Framework::Mocha
                | Framework::GoTest
                | Framework::Junit
                | Framework::Command => "doctest",
            },
            paths: &self.project.import_paths,
            targets: &self.project.targets,
            select,
            deselect,
            coverage: match how.coverage {
                Coverage::None => "none",
                Coverage::Lines => "lines",
            },
            stop_on_failure: how.stop_on_red,
            max_output: OUTPUT_BYTES,
            replace: how.overlay,
            list_only: false,
            warm: how
                .warm
                .filter(|_| self.sandbox.tier() == Tier::Wasm)
                .map(|select| Warm { select, files: select.iter().chain(how.hanging).collect() }),
        }
    }

    /// Decides what the end of a round means for the test that was under way.
    fn settle(
        &self,
        tally: &mut Tally,
        ran: &Ran,
        hung: bool,
        share: &mut Duration,
        stop_on_red: bool,
    ) -> Round {
        let us = ran.wall_us;
        if hung || ran.exit == Exit::TimedOut {
            let seconds = share.as_secs_f64();
            *share = (*share).min(share_after(tally));
            let why = format!("killed: it did not end within {seconds:.1} s");
            let settled = tally.settle(TestStatus::TimedOut, "TimeoutError", why, us);
            return match settled {
                true if stop_on_red => Round::Over,
                true => Round::Again,
                false if tally.done.is_some() => Round::Over,
                false => Round::Stuck(format!(
                    "the suite was killed after {:.1} s, outside any test (while files were imported, or in a fixture of \
                     a class or module)",
                    Duration::from_micros(us).as_secs_f64()
                )),
            };
        }
        if tally.done.is_some() || ran.exit == Exit::Enough {
            return Round::Over;
        }
        if ran.exit == Exit::Signal(SIGKILL) && tally.pardon() {
            return Round::Killed;
        }
        let how = match &ran.exit {
            Exit::Code(code) => format!("the process ended with code {code}"),
            Exit::Signal(signal) => format!("the process was killed by signal {signal}"),
            Exit::OutOfMemory => "the process used more memory than it may".to_owned(),
            Exit::Crashed(cause) => format!("the interpreter broke: {cause}"),
            Exit::TimedOut | Exit::Enough | Exit::Stopped => "the process was stopped".to_owned(),
        };
        let said = last_lines(&ran.stderr);
        let error_type = if ran.exit == Exit::OutOfMemory { "MemoryError" } else { "SystemExit" };
        if tally.settle(TestStatus::Errored, error_type, format!("{how} in this test\n{said}"), us) {
            return if stop_on_red { Round::Over } else { Round::Again };
        }
        Round::Stuck(format!("{how} outside any test {said}").trim_end().to_owned())
    }

    fn report(
        &self,
        how: &SuiteRun<'_>,
        mut tally: Tally,
        mut problems: Vec<String>,
        ran: Ran,
        runs: u32,
        wall: Duration,
    ) -> SuiteReport {
        imports::name_files(&mut tally, self);
        imports::blame(&mut tally, how);
        for id in tally.remaining() {
            tally.keep(id, TestStatus::NotRun, "", String::new(), 0);
        }
        tally.close();
        problems.extend(tally.errors.iter().map(imports::problem));
        let tests: Vec<TestResult> = std::mem::take(&mut tally.ends).into_values().collect();
        let bad = |test: &TestResult| test.status.is_red() || test.status == TestStatus::NotRun;
        let exit_code = match tally.done {
            // A process that ended by itself, and was the only one, has said it.
            Some(code) if runs == 1 => Some(code),
            _ if runs > 1 => Some(i32::from(tests.iter().any(bad) || !problems.is_empty())),
            _ => None,
        };
        SuiteReport {
            report: TestReport {
                tests,
                problems,
                exit_code,
                wall_ms: millis(wall),
                order_dependent: Vec::new(),
                orders: Vec::new(),
                conflicts: Vec::new(),
                killed: tally.killed(),
            },
            output_hash: tally.hash(),
            lines: tally.lines,
            import_lines: tally.import_lines,
            errors: tally.errors,
            exit: ran.exit,
            enforced: ran.enforced,
            tier: self.sandbox.tier(),
            missing_module: tally.missing_module,
            unsupported: tally.unsupported,
            slow: tally.slow,
            notes: tally.notes,
            runs,
            wall,
            build: Duration::ZERO,
        }
    }
}

/// The signal that nothing can refuse, by its number on Linux: somebody killed the process, or the kernel did for want of memory.
const SIGKILL: i32 = 9;

/// What a test gets as long as none has hung.
fn share_of(limits: &Limits) -> Duration {
    let wall = Duration::from_millis(limits.wall_ms.max(6));
    (wall / SHARE).max((wall / 2).min(HALF_UP_TO))
}

/// What a test gets once others have hung.
fn share_after(tally: &Tally) -> Duration {
    let hung = tally.ends.values().filter(|test| test.status == TestStatus::TimedOut).count();
    let least = SHARE_AFTER[hung.min(SHARE_AFTER.len() - 1)];
    least.max(Duration::from_micros(tally.slowest_us) * SLOWEST_TIMES)
}

fn progress(tally: &Tally) -> Progress {
    Progress { green: tally.green, red: tally.red, of: u32::try_from(tally.order.len()).unwrap_or(u32::MAX) }
}

/// Part of the patience after which the tests that ended tell how long all will take, how many these are at least, and how
/// many times the patience is then too long: tests differ, and a few that are red may loop.
const EARLY: u128 = 5;
const TELLING: u128 = 50;
const FAR: u128 = 2;

/// True where the tests that ended took longer than `patience`, or a part of it and so far that all of them will.
fn is_slow(tally: &Tally, patience: Duration) -> bool {
    let (took, patience) = (u128::from(tally.took_us), patience.as_micros());
    let ended = u128::from(tally.green) + u128::from(tally.red);
    let in_all = took * tally.order.len() as u128 / ended.max(1);
    took > patience || (took > patience / EARLY && ended >= TELLING && in_all > patience * FAR)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The last lines of what was printed, 2 KiB at most.
fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2 << 10)..]);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests;
