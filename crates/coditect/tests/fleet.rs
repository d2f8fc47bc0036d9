//! A fleet with real processes on a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use coditect_testkit::nats::{SKIPPED, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use world::{REQUEST, World, objects};

/// A worker process, and what it says.
struct Worker {
    child: Child,
    said: Receiver<Value>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Worker {
    /// A worker on a machine of its own: it has another home, and knows nothing of the person's directory.
    fn start(world: &World, url: &str, name: &str) -> Self {
        let home = world.path(&format!("of-{name}"));
        std::fs::create_dir_all(&home).unwrap();
        let mut child = world
            .command(&["serve", "--role", "worker", "--slots", "1", "--json", "--name", name, "--nats", url])
            .env("CODITECT_HOME", home.join("state"))
            .current_dir(&home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, said) = sync_channel(1_000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test may have ended.
                tell.send(serde_json::from_str(&line).unwrap()).ok();
            }
        });
        let worker = Self { child, said };
        assert_eq!(worker.next()["type"], "worker.joined");
        worker
    }

    fn next(&self) -> Value {
        self.said.recv_timeout(Duration::from_secs(120)).expect("the worker says nothing")
    }

    /// Waits until it says that it took an order of a role.
    fn took(&self, role: &str) {
        loop {
            let said = self.next();
            let what = said["what"].as_str().unwrap();
            if what.starts_with("took ") && what.ends_with(role) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

#[test]
fn a_mission_is_done_by_workers_that_know_nothing_of_the_directory() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let url = server.url();
    let mut workers = [Worker::start(&world, &url, "one"), Worker::start(&world, &url, "two")];
    let ran = world.coditect(&["run", "--json", "--progress", "--nats", &url, "--fleet", "on", REQUEST]);
    let lines = objects(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines.iter().rev().find_map(|line| line["status"].as_str()), Some("verified"));
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.contains("at work on `one`") || said.contains("at work on `two`"), "{said}");
    // The change is in the person's repository, on a branch, and nothing else is touched.
    let branch = world.git(&["branch", "--list", "coditect/*", "--format=%(refname:short)"]);
    assert!(world.git(&["show", &format!("{branch}:calc.py")]).contains("result + number"));
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    assert!(!world.path("of-one/state/missions").exists(), "a worker keeps nothing of its own in its home");
    // They leave when they are told to.
    for worker in &mut workers {
        worker.signal(Signal::SIGTERM);
        assert_eq!(worker.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn what_a_killed_worker_had_is_done_by_another() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let url = server.url();
    let mut first = Worker::start(&world, &url, "first");
    let run = world
        .command(&["run", "--json", "--nats", &url, "--fleet", "on", REQUEST])
        .stdout(Stdio::piped())
        .spawn();
    first.took("analyzer");
    first.took("analyzer");
    first.signal(Signal::SIGKILL);
    first.child.wait().unwrap();
    let _second = Worker::start(&world, &url, "second");
    let ran = run.unwrap().wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let ended = objects(&ran.stdout);
    assert_eq!(ended.iter().rev().find_map(|line| line["status"].as_str()), Some("verified"));
}

#[test]
fn a_fleet_without_a_server_is_an_error_that_says_how_to_name_one() {
    let world = World::new();
    for args in [vec!["serve", "--role", "worker"], vec!["run", "--fleet", "on", REQUEST]] {
        let output = world.coditect(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said.contains("--nats nats://HOST:4222"), "{said}");
    }
    let output = world.coditect(&["serve", "--role", "worker", "--nats", "nats://127.0.0.1:1"]);
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("cannot be reached")
    );
    std::fs::write(world.path("project/coditect.toml"), "fleet = \"on\"\n").unwrap();
    let config = world.coditect(&["config"]);
    assert!(String::from_utf8_lossy(&config.stderr).contains("a project may not choose"), "{config:?}");
}
