//! A real `redis-server` for tests: a child process on a free port of 127.0.0.1, which keeps nothing on a disk. It ends with the value.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a server that does not start ends the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stopped;

/// What tests say that need a server where there is none.
pub const SKIPPED: &str = "skipped: no redis-server on PATH";
/// What hangs is no answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    program: PathBuf,
    dir: tempfile::TempDir,
    more: Vec<String>,
    port: u16,
    password: Option<String>,
}

/// Whether there is a `redis-server` on the PATH. None: there is none, and the test says [`SKIPPED`].
#[must_use]
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file())
}

impl Server {
    /// Starts one; None where it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same, with more of its options.
    #[must_use]
    pub fn start_with(more: &[&str]) -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().unwrap();
        let more: Vec<String> = more.iter().map(|&option| option.to_owned()).collect();
        let password =
            more.iter().position(|option| option == "--requirepass").map(|at| more[at + 1].clone());
        Some(Self::launch(program, dir, more, password, ports(1)[0]))
    }

    fn launch(
        program: PathBuf,
        dir: tempfile::TempDir,
        more: Vec<String>,
        password: Option<String>,
        port: u16,
    ) -> Self {
        let child = run(&program, dir.path(), port, &more);
        let mut server = Self { child, program, dir, more, port, password };
        server.answers();
        server
    }

    /// Starts a cluster of three, each of which has a third of the slots; None where it is not installed.
    #[must_use]
    pub fn start_cluster() -> Option<Vec<Self>> {
        let program = program()?;
        let ports = ports(6);
        let buses: Vec<String> = ports[3..].iter().map(u16::to_string).collect();
        let start = |(port, bus): (&u16, &String)| {
            let more = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes", "--cluster-port", bus];
            let more = more.iter().map(|&option| option.to_owned()).collect();
            Self::launch(program.clone(), tempfile::tempdir().unwrap(), more, None, *port)
        };
        let servers: Vec<Self> = ports.iter().zip(&buses).map(start).collect();
        let third = SLOTS / 3;
        for (n, server) in (0..).zip(&servers) {
            let last = if n == 2 { SLOTS - 1 } else { (n + 1) * third - 1 };
            let added = server.ask(&format!("CLUSTER ADDSLOTSRANGE {} {last}", n * third));
            assert!(added.starts_with("+OK"), "{added}");
        }
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            let met = servers[0].ask(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port));
            assert!(met.starts_with("+OK"), "{met}");
        }
        let begun = Instant::now();
        let is_well = |server: &Self| {
            let info = server.ask("CLUSTER INFO");
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        while !servers.iter().all(is_well) {
            assert!(begun.elapsed() < PATIENCE, "the cluster is not there");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Some(servers)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        let login = self.password.as_ref().map_or(String::new(), |password| format!(":{password}@"));
        format!("redis://{login}127.0.0.1:{}", self.port)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says a command, and gives what comes of it, as its protocol has it.
    #[must_use]
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap()
    }

    fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let login = self.password.as_ref().map_or(String::new(), |password| format!("AUTH {password}\r\n"));
        write!(stream, "{login}{command}\r\nQUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let login = if login.is_empty() { "" } else { "+OK\r\n" };
        Ok(answer.strip_prefix(login).unwrap_or(&answer).to_owned())
    }

    /// Waits until it does.
    fn answers(&mut self) {
        let begun = Instant::now();
        while !self.try_ask("PING").is_ok_and(|answer| answer.starts_with("+PONG")) {
            if let Some(ended) = self.child.try_wait().unwrap() {
                let mut said = String::new();
                let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
                lines.for_each(|line| said.push_str(&line.unwrap_or_default()));
                panic!("redis-server ended before it was ready ({ended}): {said}");
            }
            assert!(begun.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Kills it (SIGKILL): all that it has is lost.
    pub fn kill(&mut self) {
        // One that is dead already is what is wanted.
        self.child.kill().ok();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, with nothing in it.
    pub fn restart(&mut self) {
        self.child = run(&self.program, self.dir.path(), self.port, &self.more);
        self.answers();
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

/// Free ports. All at once, so that they differ.
fn ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn run(program: &std::path::Path, dir: &std::path::Path, port: u16, more: &[String]) -> Child {
    Command::new(program)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .args(["--port", &port.to_string()])
        .arg("--dir")
        .arg(dir)
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server starts")
}
