//! The operations kit: what is in `deploy/observability` holds together, and a real Prometheus reads a real dashboard with it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coditect_testkit::nats::{SKIPPED, Server};
use serde_json::Value;
use world::{REQUEST, World};

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/observability")
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn rules_runbooks_and_dashboards_name_what_there_is() {
    let check = Command::new("python3").arg(kit().join("check.py")).output().unwrap();
    assert!(
        check.status.success(),
        "{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
}

/// What Prometheus says to a query.
fn asked(port: u16, query: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut all = String::new();
    stream.read_to_string(&mut all).ok()?;
    let answer: Value = serde_json::from_str(all.split_once("\r\n\r\n")?.1).ok()?;
    let rows = answer["data"]["result"].as_array()?;
    rows.first().map(|row| row["value"][1].clone())
}

/// A worker that can be scraped, and where.
fn worker(world: &World, url: &str) -> (Running, String) {
    let args =
        ["serve", "--role", "worker", "--json", "--slots", "3", "--nats", url, "--metrics", "127.0.0.1:0"];
    let mut command = world.command(&args);
    command.env("CODITECT_HOME", world.path("of-worker")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut worker = Running(command.spawn().unwrap());
    let mut lines = BufReader::new(worker.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find_map(|line| {
        let said: Value = serde_json::from_str(&line).unwrap();
        (said["type"] == "worker.metrics").then(|| said["what"].as_str().unwrap().to_owned())
    });
    let said = said.expect("the worker says where it can be scraped");
    let address = said.split("http://").nth(1).unwrap().trim_end_matches("/metrics").to_owned();
    (worker, address)
}

#[test]
fn a_real_prometheus_scrapes_the_dashboard_and_a_worker() {
    if Command::new("prometheus").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: `prometheus` is not installed");
    }
    let world = World::new();
    assert_eq!(world.coditect(&["run", REQUEST]).status.code(), Some(0));
    let token = world.path("coditect.token");
    let mut command = world.command(&["ui", "--json", "--metrics-token-file", token.to_str().unwrap()]);
    let mut ui = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(ui.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = serde_json::from_str::<Value>(&line).unwrap()["address"].as_str().unwrap().to_owned();

    // The kit's own file, with this address and a shorter wait.
    let text = std::fs::read_to_string(kit().join("prometheus.yml")).unwrap();
    let text = text.replace("127.0.0.1:7077", &address).replace("interval: 15s", "interval: 1s");
    let text = text.replace("rules/", &format!("{}/rules/", kit().display()));
    // A worker beside it, where there is a server for it to meet on.
    let server = Server::start();
    let _worker = server.as_ref().map(|server| {
        let (worker, address) = worker(&world, &server.url());
        std::fs::write(world.path("workers.yml"), format!("- targets: [\"{address}\"]\n")).unwrap();
        worker
    });
    let config = world.path("prometheus.yml");
    std::fs::write(&config, text).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", world.path("tsdb").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _prometheus = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let found = (0..120).find_map(|_| {
        std::thread::park_timeout(Duration::from_millis(500));
        asked(port, "coditect_missions%7Bstatus%3D%22verified%22%7D")
    });
    assert_eq!(found, Some("1".into()), "it was scraped with the token of the file");
    let up = |job: &str| asked(port, &format!("up%7Bjob%3D%22{job}%22%7D"));
    assert_eq!(up("coditect"), Some("1".into()));
    if server.is_none() {
        return eprintln!("{SKIPPED}: no worker is scraped");
    }
    let slots = (0..120).find_map(|_| {
        std::thread::park_timeout(Duration::from_millis(500));
        asked(port, "coditect_worker_slots")
    });
    assert_eq!((slots, up("coditect-worker")), (Some("3".into()), Some("1".into())));
}
