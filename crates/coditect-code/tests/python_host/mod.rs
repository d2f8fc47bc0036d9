//! The runner under the machine's own `python3`, without any isolation: for tests of what stands above a sandbox.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code shared by several test binaries"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use coditect_ports::sandbox::{OVERLAY, Probe};
use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox, Writes};
use coditect_types::{Enforced, ErrorKind, Tier};

/// Runs the runner and commands as plain processes.
#[derive(Debug)]
pub struct Host {
    /// The tier that it says it is.
    pub tier: Tier,
    /// Put before the sources of the runner, to make an interpreter that lacks something.
    pub prelude: String,
    /// Runs so far.
    pub runs: AtomicU64,
}

impl Host {
    pub fn new(tier: Tier) -> Self {
        Self { tier, prelude: String::new(), runs: AtomicU64::new(0) }
    }

    pub fn with_prelude(mut self, prelude: &str) -> Self {
        prelude.clone_into(&mut self.prelude);
        self
    }
}

pub fn runner() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../coditect-sandbox/python/runner.py")
}

fn python_arguments(prelude: &str) -> Vec<String> {
    let runner = runner().display().to_string();
    if prelude.is_empty() {
        return vec![runner];
    }
    let code = format!("{prelude}\nimport runpy\nrunpy.run_path({runner:?}, run_name='__main__')");
    vec!["-c".to_owned(), code]
}

fn start(host: &Host, job: &Job<'_>) -> (Child, Vec<u8>, bool) {
    let place = job.view.join(job.directory);
    match job.program {
        Program::Python { request, interpreter } => {
            let mut request: serde_json::Value = serde_json::from_str(request).unwrap();
            request["root"] = place.display().to_string().into();
            let interpreter = interpreter.clone().unwrap_or_else(|| PathBuf::from("python3"));
            let child = Command::new("sh")
                .args(["-c", "exec \"$@\" 3>&1 1>&2", "sh"])
                .arg(interpreter)
                .args(python_arguments(&host.prelude))
                .env("CODITECT_REPORT_FD", "3")
                .current_dir(&place)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("sh starts");
            (child, request.to_string().into_bytes(), true)
        }
        Program::Command { argv, env } => {
            let child = Command::new(&argv[0])
                .args(&argv[1..])
                .envs(env.iter().cloned())
                .current_dir(&place)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command starts");
            (child, job.stdin.to_vec(), false)
        }
        Program::Tool(_) => unreachable!("this host has no toolchains"),
    }
}

impl Sandbox for Host {
    fn tier(&self) -> Tier {
        self.tier
    }

    fn probe(&self) -> Probe {
        Probe { tier: self.tier, usable: true, enforced: Enforced::default(), facts: vec![], advice: vec![] }
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        if matches!(job.writes, Writes::Dropped { .. }) {
            return Err(PortError::new(ErrorKind::NoSandbox, format!("this host has no `{OVERLAY}`")));
        }
        self.runs.fetch_add(1, Ordering::SeqCst);
        let started = Instant::now();
        let (mut child, input, reports) = start(self, job);
        let (mut stdin, stdout, mut stderr) =
            (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let child = Mutex::new(child);
        let (over, wait) = mpsc::sync_channel::<()>(1);
        let limit = Duration::from_millis(job.limits.wall_ms);
        let (mut exit, mut said, mut errors) = (None, Vec::new(), Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(&input));
            let errors = &mut errors;
            scope.spawn(move || stderr.read_to_end(errors));
            let child = &child;
            let killer = scope.spawn(move || {
                loop {
                    let cause = if job.stop.is_raised() {
                        Exit::Stopped
                    } else if started.elapsed() > limit {
                        Exit::TimedOut
                    } else if wait.recv_timeout(Duration::from_millis(5))
                        == Err(mpsc::RecvTimeoutError::Timeout)
                    {
                        continue;
                    } else {
                        return None;
                    };
                    child.lock().unwrap().kill().unwrap();
                    return Some(cause);
                }
            });
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if !reports {
                    said.extend(line);
                    said.push(b'\n');
                } else if on_report(&String::from_utf8_lossy(&line)).is_break() {
                    exit = Some(Exit::Enough);
                    child.lock().unwrap().kill().unwrap();
                    break;
                }
            }
            drop(over);
            exit = exit.take().or(killer.join().unwrap());
        });
        let status = child.lock().unwrap().wait().unwrap();
        let ended = status.code().map_or(Exit::Crashed("signal".to_owned()), Exit::Code);
        Ok(Ran {
            exit: exit.unwrap_or(ended),
            stdout: said,
            stderr: errors,
            dropped: 0,
            wall_us: u64::try_from(started.elapsed().as_micros()).unwrap(),
            peak_memory: None,
            enforced: Enforced { by: vec!["none".to_owned()], ..Enforced::default() },
        })
    }
}

/// A directory with these files.
pub fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}
