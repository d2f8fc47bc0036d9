//! A fleet with real processes on a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use coditect_testkit::nats::{SKIPPED, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// A worker process, and what it says.
struct Worker {
    child: Child,
    said: Receiver<Value>,
    /// What it signs with.
    key: String,
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
        Self::start_with(world, url, name, &[])
    }

    fn start_with(world: &World, url: &str, name: &str, flags: &[&str]) -> Self {
        let home = world.path(&format!("of-{name}"));
        std::fs::create_dir_all(&home).unwrap();
        let mut child = world
            .command(&["serve", "--role", "worker", "--slots", "1", "--json", "--name", name, "--nats", url])
            .args(flags)
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
        let mut worker = Self { child, said, key: String::new() };
        let joined = worker.next();
        assert_eq!(joined["type"], "worker.joined");
        worker.key = joined["what"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
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
    let there = world.json(&["fleet", "--json", "--nats", &url]);
    let names: Vec<_> = there["workers"].as_array().unwrap().iter().map(|worker| &worker["name"]).collect();
    assert_eq!(names, ["one", "two"], "{there}");
    assert_eq!((&there["workers"][0]["busy"], &there["queue"]["waiting"]), (&json!(0), &json!(0)));
    let told = world.text(&["fleet", "--nats", &url]);
    assert!(told.contains("2 workers") && told.contains("0 of 1 slot, heard "), "{told}");
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
    let left = world.json(&["fleet", "--json", "--nats", &url]);
    assert_eq!((&left["workers"], &left["trouble"]), (&json!([]), &Value::Null));
}

/// A dashboard on a server, as a program asks it.
struct Ui(Child, Value);

impl Drop for Ui {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Ui {
    fn open(world: &World, url: &str) -> Self {
        let mut command = world.command(&["ui", "--json", "--nats", url]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, serde_json::from_str(&line).unwrap())
    }

    /// What it says of the fleet, once that is so.
    fn fleet(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let address = self.1["address"].as_str().unwrap();
        let token = self.1["url"].as_str().unwrap().rsplit('=').next().unwrap();
        let began = Instant::now();
        loop {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(
                stream,
                "GET /api/fleet HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
            )
            .unwrap();
            let mut told = String::new();
            stream.read_to_string(&mut told).unwrap();
            let fleet: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
            if is_so(&fleet) {
                return fleet;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "it does not come: {fleet}");
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_dashboard_tells_who_is_at_work_and_who_has_become_silent() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let url = server.url();
    let ui = Ui::open(&world, &url);
    // Looking makes nothing on the server.
    let nobody = ui.fleet(|_| true);
    assert!(nobody["queue"].is_null() && nobody["trouble"].is_null(), "{nobody}");
    let mut worker = Worker::start(&world, &url, "only");
    let mut run = world
        .command(&["run", "--json", "--nats", &url, "--fleet", "on", REQUEST])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The task, the worker that has it, and the process of the mission.
    let of_worker = |fleet: &Value| fleet["missions"][0]["tasks"][0]["worker"] == "only";
    let busy = ui.fleet(of_worker);
    let (seen, mission) = (&busy["workers"][0], &busy["missions"][0]);
    assert_eq!((&seen["standing"], &seen["busy"], &seen["slots"]), (&json!("here"), &json!(1), &json!(1)));
    assert_eq!(seen["jobs"][0]["mission"], mission["mission"]);
    assert_eq!((&mission["held"]["process"], &mission["held"]["machine"]), (&json!(run.id()), &Value::Null));
    worker.signal(Signal::SIGKILL);
    worker.child.wait().unwrap();
    let silent = ui.fleet(|fleet| fleet["workers"][0]["standing"] == "silent");
    assert_eq!(silent["workers"][0]["jobs"], json!([]));
    run.kill().unwrap();
    run.wait().unwrap();
    // Somebody who comes now knows only those who answer.
    assert_eq!(world.json(&["fleet", "--json", "--nats", &url])["workers"], json!([]));
}

#[test]
fn only_workers_that_are_listed_are_believed() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let (url, list) = (server.url(), world.path("trusted"));
    std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
    let settings = format!("fleet_trust = {:?}\n", list.display());
    std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
    let missions = world.json(&["fleet", "--key", "--json"])["key"].as_str().unwrap().to_owned();
    assert_eq!(world.text(&["fleet", "--key"]).trim(), missions, "it stays");
    std::fs::write(&list, format!("{missions} # this machine's missions\n")).unwrap();
    let worker = Worker::start(&world, &url, "one");
    let run = || world.coditect(&["run", "--json", "--nats", &url, "--fleet", "on", REQUEST]);
    let refused = run();
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        !refused.status.success() && said.contains(&worker.key) && said.contains("not trusted"),
        "{said}"
    );
    assert_eq!(world.git(&["branch", "--list", "coditect/*"]), "");
    std::fs::write(&list, format!("{missions}\n{} # one\n", worker.key)).unwrap();
    let ran = run();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    // Who does not list the missions' key performs nothing for them.
    std::fs::write(&list, format!("{}\n", worker.key)).unwrap();
    let doing = world
        .command(&["run", "--json", "--progress", "--nats", &url, "--fleet", "on", REQUEST])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut doing = doing.unwrap();
    let lines = BufReader::new(doing.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find(|line| line.contains("`one` does not perform it"));
    assert!(told.is_some_and(|told| told.contains(&missions)));
    doing.kill().unwrap();
    doing.wait().unwrap();
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
fn what_a_worker_is_at_is_not_lost_with_the_process_that_ordered_it() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let url = server.url();
    std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
    let settings = format!("nats = \"{url}\"\nfleet = \"on\"\n");
    std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
    let worker = Worker::start(&world, &url, "only");
    let mut run = world.begun();
    worker.took("analyzer");
    // The suite is measured: neither that nor its outcome is to be faster than what follows.
    worker.took("analyzer");
    worker.signal(Signal::SIGSTOP);
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    worker.signal(Signal::SIGCONT);
    let resumed = world.coditect(&["resume", "--json", &run.mission]);
    assert_eq!(resumed.status.code(), Some(0), "{resumed:?}");
    let records = objects(&world.coditect(&["log", "--json", &run.mission]).stdout);
    let at = records.iter().position(|record| record["type"] == "mission.resumed").unwrap();
    assert_eq!(records[at]["lost"], json!([]), "{records:?}");
    let ended = records[at..].iter().find(|record| record["type"] == "attempt.ended").unwrap();
    let began = |record: &Value| record["type"] == "attempt.started" && record["attempt"] == ended["attempt"];
    assert!(records[..at].iter().any(began), "{ended}");
}

/// What a worker's door answers, by its status.
fn asked(at: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {at}\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_worker_is_ready_while_its_server_answers() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = World::new();
    let worker = Worker::start_with(&world, &server.url(), "only", &["--metrics", "127.0.0.1:0"]);
    let told = worker.next();
    let what = told["what"].as_str().unwrap();
    let (_, at) = what.split_once("http://").unwrap();
    let at = at.trim_end_matches("/metrics");
    let until = |status: u16| {
        let began = Instant::now();
        while asked(at, "/health/ready") != status {
            assert!(began.elapsed() < Duration::from_secs(120), "it does not become {status}");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    };
    until(200);
    server.pause();
    until(503);
    assert_eq!((asked(at, "/health/startup"), asked(at, "/health/live")), (200, 200));
    server.go_on();
    until(200);
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
