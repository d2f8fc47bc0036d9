//! A real `nats-server` for tests: a child process on a free port of 127.0.0.1, with its store in a directory of its
//! own. It ends with the value.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a server that does not start ends the test")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::stopped;

/// What tests say that need a server where there is none.
pub const SKIPPED: &str = "skipped: no nats-server on PATH";

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    program: PathBuf,
    dir: tempfile::TempDir,
    /// What stands in its configuration beside the port and the store.
    more: String,
    /// Its port.
    port: u16,
    /// Its monitoring port.
    monitor: u16,
}

/// Whether there is a `nats-server` on the PATH. None: there is none, and the test says [`SKIPPED`].
#[must_use]
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("nats-server")).find(|file| file.is_file())
}

impl Server {
    /// Starts one with JetStream; None where it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with("", "")
    }

    /// Starts one: `jetstream` stands in the block of that name, `more` beside it.
    #[must_use]
    pub fn start_with(jetstream: &str, more: &str) -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let more = format!("jetstream {{ store_dir: {store:?}\n{jetstream} }}\n{more}\n");
        Some(Self::launch(program, dir, more))
    }

    /// Starts one with this configuration and no JetStream, unless it says so.
    #[must_use]
    pub fn start_bare(more: &str) -> Option<Self> {
        Some(Self::launch(program()?, tempfile::tempdir().unwrap(), more.to_owned()))
    }

    /// Starts a cluster of three with JetStream; None where it is not installed. It needs some seconds until it has a
    /// leader.
    #[must_use]
    pub fn start_cluster() -> Option<Vec<Self>> {
        let program = program()?;
        // Routes are named before anyone listens, so ports are looked for that are free. All at once, so that they differ.
        let listeners: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let routes: Vec<_> = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let start = |(n, port): (usize, &u16)| {
            let dir = tempfile::tempdir().unwrap();
            let store = dir.path().join("store");
            let more = format!(
                "server_name: n{n}\njetstream {{ store_dir: {store:?} }}\n\
                 cluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n",
                routes.join(", ")
            );
            Self::launch(program.clone(), dir, more)
        };
        Some(ports.iter().enumerate().map(start).collect())
    }

    fn launch(program: PathBuf, dir: tempfile::TempDir, more: String) -> Self {
        let (child, port, monitor) = run(&program, dir.path(), &more, 0, 0);
        Self { child, program, dir, more, port, monitor }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The address of its monitoring port.
    #[must_use]
    pub fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        // One that is dead already is what is wanted.
        self.child.kill().ok();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port and store.
    pub fn restart(&mut self) {
        let (child, ..) = run(&self.program, self.dir.path(), &self.more, self.port, self.monitor);
        self.child = child;
    }

    /// Stops it where it is (SIGSTOP), as a machine that hangs.
    pub fn pause(&self) {
        stopped::pause(&self.child);
    }

    /// Lets it go on (SIGCONT).
    pub fn go_on(&self) {
        stopped::go_on(&self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server on these ports (0: any) and waits until it says that it is ready. Gives its ports.
fn run(program: &Path, dir: &Path, more: &str, port: u16, monitor: u16) -> (Child, u16, u16) {
    let any = |port: u16| if port == 0 { -1 } else { i32::from(port) };
    let text = format!("listen: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n{more}", any(port), any(monitor));
    let file = dir.join("server.conf");
    std::fs::write(&file, text).unwrap();
    let mut child = Command::new(program)
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nats-server starts");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut port, mut monitor, mut said) = (port, monitor, String::new());
    let at = |line: &str| line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    loop {
        let Some(Ok(line)) = lines.next() else {
            child.kill().ok();
            child.wait().unwrap();
            panic!("nats-server ended before it was ready:\n{said}");
        };
        if line.contains("Listening for client connections on") {
            port = at(&line).unwrap();
        } else if line.contains("Starting http monitor on") {
            monitor = at(&line).unwrap();
        } else if line.contains("Server is ready") {
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    // A pipe that nobody reads would stop the server.
    std::thread::spawn(move || lines.for_each(drop));
    (child, port, monitor)
}
