//! Runs with everything that a test may want to change, and a look at processes.

#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use coditect_ports::{Job, PortError, Program, Ran, Sandbox, Stop, Writes};
use coditect_sandbox::os::{OsSandbox, Settings};
use coditect_types::Limits;

/// Names another place of the launcher, for a test that runs again as another user.
pub(crate) const LAUNCHER: &str = "CODITECT_TEST_LAUNCHER";

pub(crate) fn sandbox() -> OsSandbox {
    let path = std::env::var_os("PATH").unwrap_or_default();
    OsSandbox::new(Settings {
        launcher: std::env::var_os(LAUNCHER)
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_coditect-sandbox-init")), PathBuf::from),
        search_path: std::env::split_paths(&path).collect(),
        home: std::env::home_dir(),
        variables: Default::default(),
        toolchains: Vec::new(),
    })
}

/// One run.
pub(crate) struct Case<'a> {
    pub(crate) view: &'a Path,
    pub(crate) directory: String,
    pub(crate) writes: Writes<'a>,
    pub(crate) stdin: &'a [u8],
    pub(crate) limits: Limits,
    pub(crate) stop: Stop,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) waived: Vec<String>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(view: &'a Path) -> Self {
        Self {
            view,
            directory: String::new(),
            writes: Writes::Kept,
            stdin: b"",
            limits: Limits { wall_ms: 60_000, ..Limits::default() },
            stop: Stop::new(),
            env: Vec::new(),
            waived: Vec::new(),
        }
    }

    pub(crate) fn run(&self, argv: &[&str]) -> Result<Ran, PortError> {
        self.run_in(&sandbox(), argv)
    }

    pub(crate) fn run_in(&self, sandbox: &dyn Sandbox, argv: &[&str]) -> Result<Ran, PortError> {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let program = Program::Command { argv, env: self.env.clone() };
        sandbox.run(&self.job(&program), &mut |_| ControlFlow::Continue(()))
    }

    /// A request to the runner, ended after `enough` report lines. Gives the lines.
    pub(crate) fn python(&self, request: &str, enough: usize) -> (Ran, Vec<String>) {
        let mut lines = Vec::new();
        let ran = self.python_with(request, &mut |line| {
            lines.push(line.to_owned());
            if lines.len() >= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (ran.unwrap(), lines)
    }

    pub(crate) fn python_with(
        &self,
        request: &str,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let program = Program::Python { request: request.to_owned(), interpreter: None };
        sandbox().run(&self.job(&program), on_report)
    }

    pub(crate) fn run_program(
        &self,
        sandbox: &dyn Sandbox,
        program: &Program,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        sandbox.run(&self.job(program), on_report)
    }

    fn job<'b>(&'b self, program: &'b Program) -> Job<'b> {
        Job {
            program,
            view: self.view,
            directory: &self.directory,
            writes: self.writes,
            stdin: self.stdin,
            limits: &self.limits,
            waived: &self.waived,
            stop: &self.stop,
        }
    }
}

pub(crate) fn view() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until something holds, for at most a minute.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came about");
        std::thread::yield_now();
    }
}

/// Children of this thread, which starts sandboxes and nothing else.
pub(crate) fn own_children() -> Vec<u32> {
    numbers("/proc/thread-self/children")
}

fn numbers(path: &str) -> Vec<u32> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// All processes below one.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children: Vec<u32> =
        tasks.flat_map(|task| numbers(&task.path().join("children").to_string_lossy())).collect();
    let below: Vec<u32> = children.iter().flat_map(|child| descendants(*child)).collect();
    children.into_iter().chain(below).collect()
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Runs a test of this file again under another program. True in that second run, in which the test goes on.
pub(crate) fn again_under(program: &[&str], test: &str) -> bool {
    const AGAIN: &str = "CODITECT_TEST_AGAIN";
    if std::env::var_os(AGAIN).is_some() {
        return true;
    }
    let out = Command::new(program[0])
        .args(&program[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(AGAIN, "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}{}", text(&out.stdout), text(&out.stderr));
    false
}
