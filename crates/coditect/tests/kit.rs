//! The operations kit: what is in `deploy/observability` holds together, and a real Prometheus reads a real dashboard with it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::collections::BTreeSet;
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

/// What Prometheus answers at an address of its API.
fn told(port: u16, address: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET /api/v1/{address} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut all = String::new();
    stream.read_to_string(&mut all).ok()?;
    let answer: Value = serde_json::from_str(all.split_once("\r\n\r\n")?.1).ok()?;
    Some(answer["data"].clone())
}

/// What Prometheus says to a query.
fn asked(port: u16, query: &str) -> Option<Value> {
    let data = told(port, &format!("query?query={query}"))?;
    let rows = data["result"].as_array()?;
    rows.first().map(|row| row["value"][1].clone())
}

/// Metrics that rules or dashboards name and that are not always there, each with the reason.
const CONDITIONAL: [(&str, &str); 3] = [
    ("coditect_queue_orders", "there is a queue where a NATS server is named"),
    ("coditect_queue_oldest_seconds", "there is a queue where a NATS server is named"),
    ("coditect_grpc_call_duration_seconds_bucket", "nobody has called yet"),
];

/// The metrics that a text names, apart from what rules record.
fn metrics_in(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(move |c| !is_part(c)).map(|word| word.trim_end_matches(':'));
    words.filter(|word| word.starts_with("coditect_") && !word.contains(':')).map(str::to_owned)
}

/// The metrics that rules and dashboards name.
fn named() -> BTreeSet<String> {
    let files =
        ["rules", "dashboards"].into_iter().flat_map(|dir| std::fs::read_dir(kit().join(dir)).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "yml" || end == "json"));
    let texts: Vec<String> = paths.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.iter().flat_map(|text| metrics_in(text)).collect()
}

/// The names that no target has told, of those that are always there.
fn missing(port: u16, has_worker: bool) -> Vec<String> {
    let there = told(port, "label/__name__/values").unwrap_or_default();
    let there: BTreeSet<&str> = there.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_expected = |name: &String| {
        let is_conditional = CONDITIONAL.iter().any(|(of, _)| of == name);
        !is_conditional && (has_worker || !name.starts_with("coditect_worker_"))
    };
    named().into_iter().filter(is_expected).filter(|name| !there.contains(name.as_str())).collect()
}

/// A server for a team, with both of its doors, that the token of this file scrapes; and where.
fn serve(world: &World, token: &Path) -> (Running, String) {
    world.json(&["token", "add", "root", "--role", "admin", "--json"]);
    let doors = ["serve", "--json", "--no-takeover", "--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let mut command = world.command(&doors);
    command.arg("--metrics-token-file").arg(token).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut serve = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serve.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let address = told["url"].as_str().unwrap().strip_prefix("http://").unwrap().trim_end_matches('/');
    (serve, address.to_owned())
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
fn a_real_prometheus_scrapes_the_dashboard_a_server_and_a_worker() {
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

    let (_serve, server_address) = serve(&world, &token);

    // The kit's own file, with these addresses and a shorter wait.
    let text = std::fs::read_to_string(kit().join("prometheus.yml")).unwrap();
    let text = text.replace("\"127.0.0.1:7077\"", &format!("\"{address}\", \"{server_address}\""));
    let text = text.replace("interval: 15s", "interval: 1s");
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
    let until = |query: &str, wanted: &str| {
        let last = (0..120).find(|_| {
            std::thread::park_timeout(Duration::from_millis(500));
            asked(port, query) == Some(wanted.into())
        });
        assert!(last.is_some(), "{query} is {:?}, and not {wanted}", asked(port, query));
    };
    // With the token of the file, both of them. They look at the same missions.
    until("sum(up%7Bjob%3D%22coditect%22%7D)", "2");
    until("sum(coditect_missions%7Bstatus%3D%22verified%22%7D)", "2");
    if server.is_some() {
        until("coditect_worker_slots", "3");
        until("up%7Bjob%3D%22coditect-worker%22%7D", "1");
    } else {
        eprintln!("{SKIPPED}: no worker is scraped");
    }
    // What rules and dashboards look at is there, and not only in the reference.
    let has_all = (0..60).any(|_| {
        std::thread::park_timeout(Duration::from_millis(500));
        missing(port, server.is_some()).is_empty()
    });
    assert!(has_all, "nobody tells {:?}", missing(port, server.is_some()));
}

#[test]
fn metrics_that_are_named_are_told_from_what_rules_record() {
    let text = "expr: coditect_a_total{x=\"1\"} / on (job) instance:coditect_b:ratio1h > rate(coditect_c_bucket[5m])";
    assert_eq!(metrics_in(text).collect::<Vec<_>>(), ["coditect_a_total", "coditect_c_bucket"]);
    let named = named();
    assert!(named.contains("coditect_build_info") && named.contains("coditect_records_total"), "{named:?}");
    for (name, why) in CONDITIONAL {
        assert!(named.contains(name), "nobody names `{name}` ({why}) any more");
    }
}
