//! A command of the person's own: one test, named by the command, or as many as its report tells.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use coditect_ports::sandbox::{Cache, Reports, Tool};
use coditect_ports::{Exit, Job, PortError, Program, Ran, Stop};
use coditect_types::project::Toolchain;
use coditect_types::{ErrorKind, Limits, TestStatus};

use super::SIGKILL;
use super::native::{BUILD, answer_for_build};
use super::reports::{self, Reported, Unread};
use super::tally::Tally;
use super::{Progress, Suite, SuiteReport, SuiteRun, last_lines};

/// Bytes kept of standard output at least where the report is read from it.
const REPORT_BYTES: u64 = 16 << 20;

/// The module that the command itself names (`python3 -m pytest`) and that its Python does not have: no test was run then.
/// One that the project itself has, or should, is its tests' business.
fn lacking<'c>(command: &'c [String], ran: &Ran, root: &Path) -> Option<&'c str> {
    let at = command.iter().position(|word| word == "-m")?;
    let module = command.get(at + 1)?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let is_it = ran.exit == Exit::Code(1) && said.trim().ends_with(&format!(": No module named {module}"));
    let top = module.split('.').next().unwrap_or(module);
    let is_own = root.join(top).exists() || root.join(format!("{top}.py")).exists();
    (is_it && ran.stdout.is_empty() && !is_own).then_some(module)
}

fn no_module(command: &[String], module: &str) -> PortError {
    let cause = format!("`{}`: Python has no module `{module}`", command.join(" "));
    let hint = format!(
        "make a virtual environment in the project and name its Python: `python3 -m venv .venv && .venv/bin/pip install \
         {module}`, `--test-command \".venv/bin/python -m {module} ...\"`"
    );
    PortError::new(ErrorKind::NotFound, cause).with_hint(hint)
}

impl Suite<'_> {
    /// Runs it once. Which tests it runs is its own affair: those that were not asked for are not told.
    pub(super) fn run_command(
        &self,
        how: &SuiteRun<'_>,
        stop: &Stop,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<SuiteReport, PortError> {
        if !how.overlay.is_empty() {
            return Err(PortError::new(
                ErrorKind::Bug,
                "a command reads the disk: an overlay does not reach it",
            ));
        }
        let started = Instant::now();
        let program = self.program_of_command();
        let root = self.view.join(&self.project.root);
        let source = self.project.report.as_ref();
        let limits = match source {
            Some(source) if source.path.is_none() => {
                Limits { output_bytes: how.limits.output_bytes.max(REPORT_BYTES), ..how.limits.clone() }
            }
            Some(_) | None => how.limits.clone(),
        };
        let before = source.map(|source| reports::before(source, &root)).unwrap_or_default();
        let job = self.job(&program, &limits, &root, how, stop);
        let (ran, killed) = self.unless_killed(&job)?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while the tests ran"));
        }
        if let Some(module) = lacking(&self.project.command, &ran, &root) {
            return Err(no_module(&self.project.command, module));
        }
        let mut tally = Tally::default();
        if killed {
            tally.pardon();
        }
        tally.hash_more(&ran.stdout);
        tally.hash_more(&ran.stderr);
        let mut problems = Vec::new();
        match source {
            None => self.one_test(&mut tally, &ran),
            Some(source) => {
                let cut = ran.stdout.len() as u64 >= limits.output_bytes;
                let read = reports::read(source, &root, &before, (&ran.stdout, cut));
                self.many_tests(&mut tally, &mut problems, &ran, read, how);
            }
        }
        if let Exit::Code(code) = ran.exit {
            tally.done = Some(code);
        }
        let red = tally.ends.values().filter(|test| test.status.is_red()).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let all = tally.ends.len();
        on_progress(Progress { green: count(all - red), red: count(red), of: count(all) });
        Ok(self.report(how, tally, problems, ran, 1, started.elapsed()))
    }

    /// The command as the sandbox is given it: with its toolchain, where such programs live in a home directory.
    fn program_of_command(&self) -> Program {
        let mut argv = self.project.command.clone();
        self.find_in_environment(&mut argv);
        // Compiled files are told apart by size and second: a candidate of the same size would not be seen.
        let mut env = vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())];
        match self.project.toolchain() {
            // An answer from Go's own cache of results is no run.
            Some(Toolchain::Go) => env.push(("GOFLAGS".to_owned(), "-buildvcs=false -count=1".to_owned())),
            // A report below `target` is read where the person's own cargo would have put it.
            Some(Toolchain::Rust)
                if self.project.report.as_ref().is_some_and(|report| report.path.is_some()) =>
            {
                env.push(("CARGO_TARGET_DIR".to_owned(), "target".to_owned()));
            }
            _ => {}
        }
        match self.project.toolchain() {
            Some(toolchain) => {
                let (files, lent) = (Vec::new(), self.project.lent.clone());
                let cache = self.cache.map(|path| Cache { path: path.to_owned(), writable: true });
                Program::Tool(Tool { toolchain, argv, env, files, reports: Reports::None, cache, lent })
            }
            None => Program::Command { argv, env },
        }
    }

    /// A program of the person's virtual environment (`.venv/bin/ruff`) is not in the snapshot: it is named where it lies.
    fn find_in_environment(&self, argv: &mut [String]) {
        let Some(python) = self.project.interpreter.as_ref().map(Path::new) else { return };
        let program = argv.iter_mut().find(|word| *word != "env" && !word.contains('='));
        if let Some((program, folder)) = program.zip(python.parent())
            && let Some(named) = Path::new(program.as_str()).parent().filter(|named| *named != Path::new(""))
            && folder.ends_with(named)
            && let Some(name) = Path::new(program.as_str()).file_name()
        {
            *program = folder.join(name).display().to_string();
        }
    }

    /// Runs a program whose lines nobody hears; once more where it is killed from outside, which is told.
    pub(super) fn unless_killed(&self, job: &Job<'_>) -> Result<(Ran, bool), PortError> {
        let run = || self.sandbox.run(job, &mut |_| ControlFlow::Continue(()));
        let ran = run()?;
        let killed = ran.exit == Exit::Signal(SIGKILL) && !job.stop.is_raised();
        Ok((if killed { run()? } else { ran }, killed))
    }

    /// Its exit code is all that it says.
    fn one_test(&self, tally: &mut Tally, ran: &Ran) {
        let green = ran.exit == Exit::Code(0);
        let (status, error_type) = if green { (TestStatus::Passed, "") } else { ended_badly(&ran.exit) };
        let id = self.project.command.join(" ");
        let said = if status.is_red() { said(ran) } else { String::new() };
        tally.order.push(id.clone());
        tally.keep(id, status, error_type, said, ran.wall_us);
    }

    /// What its report says, as far as it was asked for.
    fn many_tests(
        &self,
        tally: &mut Tally,
        problems: &mut Vec<String>,
        ran: &Ran,
        read: Result<Reported, Unread>,
        how: &SuiteRun<'_>,
    ) {
        let select: Option<BTreeSet<&str>> = how.select.map(|ids| ids.iter().map(String::as_str).collect());
        let asked = |id: &str| select.as_ref().is_none_or(|ids| ids.contains(id) || ids.contains(BUILD));
        let command = self.project.command.join(" ");
        let mut any_red = false;
        let trouble = match read {
            Ok(reported) => {
                problems.extend(reported.problems);
                for case in reported.cases {
                    any_red |= case.status.is_red();
                    if asked(&case.id) {
                        tally.order.push(case.id.clone());
                        tally.keep(case.id.clone(), case.status, &case.error_type, case.message, case.us);
                        tally.framed(&case.id, case.frames);
                    }
                }
                let by_itself = matches!(ran.exit, Exit::Code(_));
                let explained = by_itself && (any_red || !problems.is_empty());
                let odd = ran.exit != Exit::Code(0) && !explained;
                odd.then(|| {
                    format!("`{command}` {}, and no test of its report is red", how_it_ended(&ran.exit))
                })
            }
            Err(unread) => {
                let why = format!("`{command}` {}: {}", how_it_ended(&ran.exit), unread.why());
                // A command that broke off in the project's own files says where, as compilers and tracebacks do.
                let by_itself = matches!(ran.exit, Exit::Code(_));
                let root = self.view.join(&self.project.root);
                if matches!(unread, Unread::Wrong(_))
                    || (by_itself && reports::places(&said(ran), &root).is_empty())
                {
                    // No test of the project's fails here: what was said of the report does not fit.
                    problems.push(format!("{why}\n{}", said(ran)).trim().to_owned());
                    let (status, kind) = (TestStatus::Errored, "ReportError");
                    for id in select.iter().flatten() {
                        tally.keep((*id).to_owned(), status, kind, why.clone(), 0);
                    }
                    return;
                }
                Some(why)
            }
        };
        if let Some(why) = trouble {
            let (status, error_type) = ended_badly(&ran.exit);
            let message = format!("{why}\n{}", said(ran));
            let frames = reports::places(&message, &self.view.join(&self.project.root));
            tally.keep(BUILD.to_owned(), status, error_type, message.trim().to_owned(), ran.wall_us);
            tally.framed(BUILD, frames);
        }
        answer_for_build(tally, how);
    }
}

fn ended_badly(exit: &Exit) -> (TestStatus, &'static str) {
    match exit {
        Exit::Code(_) => (TestStatus::Failed, ""),
        Exit::TimedOut => (TestStatus::TimedOut, "TimeoutError"),
        Exit::OutOfMemory => (TestStatus::Errored, "MemoryError"),
        Exit::Signal(_) | Exit::Enough | Exit::Stopped | Exit::Crashed(_) => {
            (TestStatus::Errored, "SystemExit")
        }
    }
}

fn how_it_ended(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with code {code}"),
        Exit::Signal(signal) => format!("was killed by signal {signal}"),
        Exit::TimedOut => "was killed at the limit of time".to_owned(),
        Exit::OutOfMemory => "used more memory than it may".to_owned(),
        Exit::Enough | Exit::Stopped => "was stopped".to_owned(),
        Exit::Crashed(cause) => format!("broke: {cause}"),
    }
}

fn said(ran: &Ran) -> String {
    format!("{}\n{}", last_lines(&ran.stderr), last_lines(&ran.stdout)).trim().to_owned()
}
