//! Telemetry of a fleet of real processes on a real server: one trace of all of them, figures and lines of the log, at a real endpoint.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use coditect_testkit::nats::{SKIPPED, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use world::collector::{Collector, attribute};
use world::{REQUEST, World, objects};

/// A worker process with settings of its own.
struct Worker {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Worker {
    fn start(world: &World, (url, name): (&str, &str), more: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = world.path(&format!("of-{name}"));
        std::fs::create_dir_all(&home).unwrap();
        let args = ["serve", "--role", "worker", "--slots", "1", "--json", "--name", name, "--nats", url];
        let mut child = world
            .command(&[&args[..], more].concat())
            .env("CODITECT_HOME", home.join("state"))
            .envs(variables.iter().copied())
            .current_dir(&home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut worker = Self { child, said };
        assert_eq!(worker.next()["type"], "worker.joined");
        worker
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the worker says {line:?}"))
    }

    /// Ends it as a supervisor does, and gives what it said on standard error.
    fn leaves(&mut self) -> String {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        let mut errors = String::new();
        // Until it is told to end it may write there, and nobody may stand in its way.
        std::io::copy(&mut self.said, &mut std::io::sink()).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{errors}");
        errors
    }
}

#[test]
fn a_mission_and_its_workers_are_one_trace_from_request_to_receipt() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let (world, collector, url) = (World::new(), Collector::start(), server.url());
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())];
    let mut workers = ["one", "two"].map(|name| Worker::start(&world, (url.as_str(), name), &[], &endpoint));
    let mut run = world.command(&["run", "--json", "--nats", &url, "--fleet", "on", REQUEST]);
    let ran = run.envs(endpoint).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(!String::from_utf8_lossy(&ran.stderr).contains("collector"), "all was sent: {ran:?}");
    for worker in &mut workers {
        let said = worker.leaves();
        assert!(!said.contains("collector"), "all was sent: {said}");
    }
    let records = objects(&ran.stdout);
    let heard = collector.heard();
    let spans = heard.spans();

    // One trace, and every span but the root is below one that came.
    let traces: BTreeSet<&str> = spans.iter().map(|(_, span)| span["traceId"].as_str().unwrap()).collect();
    assert_eq!(traces.len(), 1, "{traces:?}");
    let by_id: BTreeMap<&str, &Value> =
        spans.iter().map(|(_, span)| (span["spanId"].as_str().unwrap(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "each came once");
    let roots: Vec<_> = spans.iter().filter(|(_, span)| span.get("parentSpanId").is_none()).collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].1["name"], "invoke_agent coditect");
    assert_eq!(attribute(&roots[0].1, "coditect.mission.status").as_deref(), Some("verified"));
    for (_, span) in &spans {
        let above = span.get("parentSpanId").and_then(Value::as_str);
        assert!(above.is_none_or(|above| by_id.contains_key(above)), "{span} hangs in the air");
    }

    // The mission and each attempt, from the one who runs it; each order below its attempt, from a worker.
    let (by_worker, by_run): (Vec<_>, Vec<_>) =
        spans.iter().partition(|(whose, _)| attribute(whose, "coditect.worker").is_some());
    runs_are_below_their_attempts(&by_run, &by_id, &records);
    orders_are_below_their_attempts(&by_worker, &by_id);
    assert!(by_worker.iter().any(|(_, span)| span["name"] == "fetch commits"));
    // What took the proof is there, too: from the request to the receipt.
    let intents: BTreeSet<String> =
        by_run.iter().filter_map(|(_, span)| attribute(span, "coditect.intent")).collect();
    for intent in ["survey_project", "measure_baseline", "verify_change", "hand_over"] {
        assert!(intents.contains(intent), "{intent} is not in {intents:?}");
    }

    // Figures of the mission and of the workers, and nothing of the project in any of it.
    let taken = heard
        .metrics()
        .into_iter()
        .filter(|(_, metric)| metric["name"] == "coditect_worker_orders_taken_total");
    assert!(taken.count() >= 2, "each worker sends its figures");
    assert_eq!(heard.amount("coditect_missions_ended_total", "verified"), Some(1));
    let text = format!("{:?}", heard.0);
    for private in [REQUEST, "calc.py", "test_calc", world.path("project").to_str().unwrap()] {
        assert!(!text.contains(private), "{private} was sent");
    }
}

fn of(span: &Value, name: &str) -> String {
    attribute(span, name).unwrap_or_else(|| panic!("no {name} in {span}"))
}

/// A worker tells of each order below the attempt that it is for, and of what it does for it below that.
fn orders_are_below_their_attempts(by_worker: &[&(Value, Value)], by_id: &BTreeMap<&str, &Value>) {
    // On a busy machine one may be taken a second time, and is known then.
    let is_done = |span: &Value| attribute(span, "coditect.order.end").as_deref() == Some("done");
    let orders: Vec<_> = by_worker.iter().filter(|(_, span)| is_done(span)).collect();
    for (whose, order) in &orders {
        let attempt = by_id[order["parentSpanId"].as_str().unwrap()];
        assert_eq!(of(attempt, "coditect.attempt.id"), of(order, "coditect.attempt.id"));
        let name = of(whose, "service.instance.id");
        assert!(["one", "two"].contains(&name.as_str()) && of(order, "coditect.worker") == name);
        assert_eq!(of(whose, "service.name"), "coditect");
        let below: BTreeSet<&str> = by_worker
            .iter()
            .filter(|(_, span)| span["parentSpanId"] == order["spanId"])
            .map(|(_, span)| span["name"].as_str().unwrap())
            .collect();
        for step in ["wait for a worker", "perform in the sandbox", "send the outcome"] {
            assert!(below.contains(step), "{step} is not in {below:?}");
        }
    }
    let roles: BTreeSet<&str> = orders.iter().map(|(_, span)| span["name"].as_str().unwrap()).collect();
    assert!(roles.contains("order tester") && roles.contains("order coder"), "{roles:?}");
}

/// Whoever has the mission tells of it, of each attempt, and of the runs that a worker made for one, each below its attempt.
fn runs_are_below_their_attempts(
    by_run: &[&(Value, Value)],
    by_id: &BTreeMap<&str, &Value>,
    records: &[Value],
) {
    let (runs, others): (Vec<_>, Vec<_>) =
        by_run.iter().copied().partition(|(_, span)| span["name"] == "execute_tool sandbox");
    let attempts = records.iter().filter(|record| record["type"] == "attempt.started").count();
    assert_eq!(others.len(), attempts + 1);
    let told = records.iter().filter_map(|record| record["outcome"]["spent"]["runs"]["told"].as_array());
    assert_eq!(runs.len(), told.flatten().count());
    assert!(!runs.is_empty());
    for (_, run) in &runs {
        let attempt = by_id[run["parentSpanId"].as_str().unwrap()];
        let id = attribute(run, "coditect.attempt.id");
        assert!(id.is_some() && id == attribute(attempt, "coditect.attempt.id"), "{run} {attempt}");
    }
}

#[test]
fn a_worker_is_scraped_and_says_what_it_did() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let (world, url) = (World::new(), server.url());
    let outside = world
        .command(&["serve", "--role", "worker", "--nats", &url, "--metrics", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert_eq!(outside.status.code(), Some(3), "{outside:?}");
    assert!(String::from_utf8_lossy(&outside.stderr).contains("--metrics-token-file"), "{outside:?}");
    let mut worker = Worker::start(&world, (url.as_str(), "one"), &["--metrics", "127.0.0.1:0"], &[]);
    let said = worker.next();
    assert_eq!(said["type"], "worker.metrics");
    let address = said["what"].as_str().unwrap().split("http://").nth(1).unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let before = scraped(address);
    assert_eq!(value(&before, "coditect_worker_orders_ended_total{role=\"tester\",end=\"done\"}"), 0.0);
    assert_eq!(value(&before, "coditect_telemetry_dropped_total{signal=\"traces\"}"), 0.0);
    let ran = world.coditect(&["run", "--json", "--nats", &url, "--fleet", "on", REQUEST]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let after = scraped(address);
    for row in [
        "coditect_worker_orders_taken_total{role=\"coder\"}",
        "coditect_worker_orders_ended_total{role=\"tester\",end=\"done\"}",
        "coditect_worker_order_duration_seconds_count{role=\"tester\"}",
        "coditect_worker_order_wait_seconds_count",
        "coditect_worker_commits_total{from=\"server\"}",
        "coditect_worker_commits_total{from=\"here\"}",
        "coditect_worker_fetched_bytes_total",
        "coditect_worker_sent_bytes_total",
        "coditect_worker_sandbox_runs_total{tier=\"wasm\",end=\"exited\"}",
    ] {
        assert!(value(&after, row) >= 1.0, "{row} in {after}");
    }
    assert_eq!(value(&after, "coditect_worker_slots"), 1.0);
    assert!(!after.contains("calc") && !after.contains(REQUEST), "{after}");
    worker.leaves();
}

/// What a worker says when it is asked as Prometheus does.
fn scraped(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 200"), "{all}");
    all
}

#[track_caller]
fn value(text: &str, row: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{row} in {text}")).parse().unwrap()
}

/// A worker that warns: its lines are JSON on standard error, and go to the collector without what is the project's.
#[test]
fn warnings_of_a_worker_have_the_ids_of_the_mission_that_they_are_about() {
    let Some(mut server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let (world, collector, url) = (World::new(), Collector::start(), server.url());
    let variables = [
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", format!("{}/v1/logs", collector.url)),
        ("CODITECT_LOG", "warn".to_owned()),
        ("CODITECT_LOG_FORMAT", "json".to_owned()),
    ];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut worker = Worker::start(&world, (url.as_str(), "one"), &[], &variables);
    let errors = BufReader::new(worker.child.stderr.take().unwrap());
    let mut run = world.command(&["run", "--quiet", "--nats", &url, "--fleet", "on", REQUEST]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The server is gone while the worker is at it: it cannot keep what it comes to.
    let mission = loop {
        let said = worker.next()["what"].as_str().unwrap().to_owned();
        if let Some(of) = said.strip_prefix("took ").filter(|of| of.ends_with("coder")) {
            break of.split(' ').next().unwrap().to_owned();
        }
    };
    server.kill();
    let trace = blake3::hash(format!("coditect.trace {mission}").as_bytes()).to_hex()[..32].to_owned();
    let line = errors.lines().map_while(Result::ok).find_map(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        (line["trace_id"] == trace.as_str()).then_some(line)
    });
    let line = line.expect("a line is about the mission");
    assert_eq!((&line["level"], &line["mission"]), (&Value::from("WARN"), &Value::from(mission)));
    let sent = (0..600).find_map(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        let heard = collector.heard();
        assert!(heard.spans().is_empty() && heard.metrics().is_empty(), "only logs were asked for");
        heard.lines().into_iter().find(|(_, sent)| sent["traceId"] == trace.as_str())
    });
    let (whose, sent) = sent.expect("the line was sent");
    assert_eq!(attribute(&whose, "coditect.worker").as_deref(), Some("one"));
    assert_eq!((&sent["severityText"], &sent["spanId"]), (&Value::from("WARN"), &line["span_id"]));
    run.kill().unwrap();
    run.wait().unwrap();
}
