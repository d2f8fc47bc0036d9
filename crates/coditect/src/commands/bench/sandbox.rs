//! A fresh isolated CPython: made, used for nothing, and gone; beside the same as an ordinary process.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox, Stop, Writes};
use coditect_types::{ErrorKind, Limits, Tier};
use serde_json::json;

use super::{Figure, Measured};
use crate::environment::{Environment, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::wiring;

/// Runs before the first that counts: the first ones fill caches.
const WARM_UP: usize = 20;

pub(super) fn measure(env: &Environment, site: &Site, quick: bool) -> Result<Measured, Report> {
    let runs = if quick { 200 } else { 2000 };
    let wasm = wiring::sandbox(site, Tier::Wasm)?;
    let view =
        tempfile::tempdir().map_err(|error| PortError::from_io("the view", &error)).doing("measuring")?;
    let mut measured = Measured::default();
    measured.params.insert("runs", json!(runs));
    measured.params.insert("threads", json!(host::cores()));
    let fresh = || request("pass");
    repeat(wasm.as_ref(), view.path(), &fresh(), WARM_UP)?;
    let mut alone = repeat(wasm.as_ref(), view.path(), &fresh(), runs)?;
    measured.results.insert("fresh_python", Figure::spread("ms", &mut alone));
    let per_s = crowd(&wasm, view.path(), &fresh(), runs)?;
    measured.results.insert("fresh_python_per_s", Figure::One { unit: "1/s", value: per_s });
    let few = runs / 20;
    if let Some(mut times) = process_python(env, few)? {
        let figure = Figure::spread("ms", &mut times);
        measured.results.insert("process_python", figure.clone());
        measured.compared.insert("process_python", figure);
        let os = wiring::sandbox(site, Tier::Os)?;
        if os.probe().usable {
            let argv = ["python3", "-c", "pass"].map(str::to_owned).to_vec();
            let program = Program::Command { argv, env: Vec::new() };
            repeat(os.as_ref(), view.path(), &program, 2)?;
            let mut times = repeat(os.as_ref(), view.path(), &program, few)?;
            measured.results.insert("os_sandbox_python", Figure::spread("ms", &mut times));
        }
    }
    Ok(measured)
}

/// The ms that each of so many processes `python3 -c pass` took, where there is one.
pub(super) fn process_python(env: &Environment, runs: usize) -> Result<Option<Vec<f64>>, Report> {
    host::tool(env, "python3").map(|python3| processes(&behind(&python3.path), runs)).transpose()
}

/// Runs this text.
pub(super) fn request(code: &str) -> Program {
    let request = json!({ "op": "exec", "code": code }).to_string();
    Program::Python { request, interpreter: None }
}

/// One run under the limits of a suite, which may write nothing.
pub(super) fn run_once(sandbox: &dyn Sandbox, view: &Path, program: &Program) -> Result<Ran, Report> {
    let (limits, stop) = (Limits::default(), Stop::new());
    let job = Job {
        program,
        view,
        directory: "",
        writes: Writes::Refused,
        stdin: b"",
        limits: &limits,
        waived: &[],
        stop: &stop,
    };
    sandbox.run(&job, &mut |_| ControlFlow::Continue(())).doing("running in the sandbox")
}

/// One run after the other; the ms that each took.
fn repeat(sandbox: &dyn Sandbox, view: &Path, program: &Program, runs: usize) -> Result<Vec<f64>, Report> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let began = Instant::now();
        let ran = run_once(sandbox, view, program)?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        if ran.exit != Exit::Code(0) {
            let said = String::from_utf8_lossy(&ran.stderr).chars().take(500).collect::<String>();
            let cause = format!("a program that does nothing ended as {:?}: {said}", ran.exit);
            return Err(Report::new(ErrorKind::Bug, "running in the sandbox", cause));
        }
    }
    Ok(times)
}

/// All cores at once: runs a second.
fn crowd(sandbox: &Arc<dyn Sandbox>, view: &Path, program: &Program, runs: usize) -> Result<f64, Report> {
    let threads = host::cores();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let work = || repeat(sandbox.as_ref(), view, program, runs);
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|one| match one.join() {
            Ok(done) => done.map(drop),
            Err(_) => Err(Report::new(ErrorKind::Bug, "running in the sandbox", "a thread broke")),
        })
    })?;
    let seconds = began.elapsed().as_secs_f64();
    // Runs are thousands at most, which a double holds exactly.
    #[allow(clippy::cast_precision_loss, reason = "see the line above")]
    let total = (threads * runs) as f64;
    Ok(total / seconds)
}

/// The interpreter itself where `python3` is a script that looks for one, as version managers install.
fn behind(python3: &Path) -> PathBuf {
    let asked = Command::new(python3)
        .args(["-I", "-c", "import sys; print(sys.executable)"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let said = asked.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let path = PathBuf::from(said.trim());
    if path.is_file() { path } else { python3.to_owned() }
}

/// `python3 -c pass`, each in a process; the ms that each took.
fn processes(python3: &Path, runs: usize) -> Result<Vec<f64>, Report> {
    let once = || {
        let began = Instant::now();
        Command::new(python3)
            .args(["-c", "pass"])
            .env_clear()
            .stdin(Stdio::null())
            .status()
            .map_err(|error| PortError::from_io("python3", &error))
            .map(|_| began.elapsed().as_secs_f64() * 1000.0)
    };
    (0..runs).map(|_| once()).collect::<Result<_, _>>().doing("starting a process")
}
