#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod certificates;
mod heeded;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::figure::{Amount, Family, Figure, Point, Spread};
use coditect_types::{ErrorKind, MissionId};
use serde_json::{Map, Value, json};

use super::queue::{BATCH, Batch, WAITING};
use super::wire::Head;
use super::*;
use crate::trace::{Context, MissionTrace, Piece, ROOT};

fn target(variables: &[(&str, &str)]) -> Result<Option<Target>, PortError> {
    of(Signal::Traces, variables)
}

fn of(signal: Signal, variables: &[(&str, &str)]) -> Result<Option<Target>, PortError> {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Target::from_variables(signal, move |name| {
        variables.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
    })
}

fn mission() -> MissionId {
    MissionId::parse("m-abc").unwrap()
}

fn span(id: &str) -> Span {
    Span::of_mission(&mission(), piece(id))
}

fn piece(id: &str) -> Piece {
    let mut args = Map::new();
    args.insert("gen_ai.usage.input_tokens".to_owned(), json!(9_007_199_254_740_993_u64));
    args.insert("coditect.cost_usd".to_owned(), json!(0.25));
    args.insert("coditect.outcome".to_owned(), json!("change_proposed"));
    Piece {
        id: id.to_owned(),
        above: None,
        name: format!("work {id}"),
        row: "coder".to_owned(),
        at_us: (1_795_415_467_000_000, Some(1_795_415_468_500_000)),
        is_call: id == "a2",
        error: (id == "a3").then(|| "unavailable".to_owned()),
        args,
        events: vec![(1_795_415_467_100_000, "coditect.violation".to_owned(), Map::new())],
    }
}

#[test]
fn the_standard_variables_say_where_and_as_whose() {
    assert!(target(&[]).unwrap().is_none());
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
    let one = target(&[base]).unwrap().unwrap();
    assert_eq!((one.url.as_str(), one.timeout), ("http://127.0.0.1:4318/v1/traces", Duration::from_secs(10)));
    assert_eq!(one.resource["service.name"], "coditect");
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:hush@collector/own?key=hush");
    let more = [
        base,
        own,
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush, x-team = blue"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=lab%2C1"),
        ("OTEL_SERVICE_NAME", "mine"),
    ];
    let two = target(&more).unwrap().unwrap();
    assert_eq!(two.url.path(), "/own");
    assert!(
        !two.shown().contains("hush") && !format!("{:?}", two.headers).contains("hush"),
        "{}",
        two.shown()
    );
    assert_eq!(
        (&two.headers["authorization"], &two.headers["x-team"]),
        (&"Bearer hush".parse().unwrap(), &"blue".parse().unwrap())
    );
    assert_eq!(two.timeout, Duration::from_millis(1_500));
    let two = two.with_resource("service.name", "ours").with_resource("service.instance.id", "w1");
    assert_eq!(two.resource["service.name"], "mine", "what the person says is not overruled");
    assert_eq!(two.resource["service.instance.id"], "w1");
    assert_eq!(two.resource["deployment.environment"], "lab,1");
    assert!(target(&[base, ("OTEL_TRACES_EXPORTER", "console, otlp")]).unwrap().is_some());
    for off in
        [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "console")]
    {
        assert!(target(&[base, off]).unwrap().is_none(), "{off:?}");
    }
    for bad in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
    ] {
        assert_eq!(target(&[bad, base]).unwrap_err().kind, ErrorKind::Invalid, "{bad:?}");
    }
}

#[test]
fn each_kind_has_its_own_variables() {
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let metrics = of(Signal::Metrics, &[base]).unwrap().unwrap();
    assert_eq!((metrics.url.path(), metrics.interval), ("/v1/metrics", Duration::from_secs(60)));
    let often = [base, ("OTEL_METRIC_EXPORT_INTERVAL", "1500"), ("OTEL_METRICS_EXPORTER", "otlp")];
    assert_eq!(of(Signal::Metrics, &often).unwrap().unwrap().interval, Duration::from_millis(1_500));
    assert!(of(Signal::Metrics, &[base, ("OTEL_METRICS_EXPORTER", "none")]).unwrap().is_none());
    assert!(of(Signal::Logs, &[base, ("OTEL_METRICS_EXPORTER", "none")]).unwrap().is_some());
    assert!(of(Signal::Logs, &[base, ("OTEL_LOGS_EXPORTER", "none")]).unwrap().is_none());
    let own = [("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1/mine")];
    assert_eq!(of(Signal::Logs, &own).unwrap().unwrap().url.path(), "/mine");
    assert!(of(Signal::Traces, &own).unwrap().is_none() && of(Signal::Metrics, &own).unwrap().is_none());
    let wrong = [base, ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc")];
    let error = of(Signal::Logs, &wrong).unwrap_err();
    assert!(error.cause.starts_with("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"), "{error}");
}

#[test]
fn spans_of_a_mission_are_one_trace_below_its_root() {
    let other = MissionId::parse("m-other").unwrap();
    let attempt = Context::of_piece(&mission(), "a2");
    let all = [
        span(ROOT),
        span("a2"),
        span("a3"),
        Span::of_mission(&other, piece("a2")),
        Span::below(attempt, piece("fetch")),
    ];
    let body = json_of(&target(&[ENDPOINT]).unwrap().unwrap(), &all);
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let [root, call, failed, elsewhere, below] = &spans[..] else { panic!("{body}") };
    assert_eq!(root["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(root["spanId"].as_str().unwrap().len(), 16);
    assert!(root.get("parentSpanId").is_none());
    assert_eq!((&call["parentSpanId"], &call["traceId"]), (&root["spanId"], &root["traceId"]));
    assert_eq!((&below["parentSpanId"], &below["traceId"]), (&call["spanId"], &root["traceId"]));
    assert_ne!(elsewhere["traceId"], root["traceId"]);
    assert_ne!(elsewhere["spanId"], call["spanId"]);
    assert_eq!((&call["kind"], &root["kind"]), (&json!(3), &json!(1)));
    assert_eq!((&failed["status"]["code"], &root["status"]), (&json!(2), &json!({})));
    assert_eq!(root["endTimeUnixNano"], "1795415468500000000");
    assert_eq!(
        body["resourceSpans"][0]["resource"]["attributes"][0],
        json!({ "key": "service.name", "value": { "stringValue": "coditect" } })
    );
    let value = |name: &str| {
        root["attributes"].as_array().unwrap().iter().find(|one| one["key"] == name).unwrap()["value"].clone()
    };
    assert_eq!(value("gen_ai.usage.input_tokens"), json!({ "intValue": "9007199254740993" }));
    assert_eq!(value("coditect.cost_usd"), json!({ "doubleValue": 0.25 }));
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

fn json_of<T: Parcel>(target: &Target, things: &[T]) -> Value {
    let (head, mut batch) = (Head::new(target), Batch::default());
    for one in things {
        batch.add(&head, |out| one.write(out));
    }
    let (body, count) = batch.end(&head);
    assert_eq!(count, things.len() as u64);
    coditect_testkit::otlp::read(target.url.path(), &body).unwrap()
}

/// A span alone, as it is sent.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let target = target(&[ENDPOINT]).unwrap().unwrap();
    let (head, mut batch) = (Head::new(&target), Batch::default());
    batch.add(&head, write);
    let body = coditect_testkit::otlp::read("/v1/traces", &batch.end(&head).0).unwrap();
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone()
}

/// What is written without a copy in between is what the copy would say, but for the order of attributes.
#[test]
fn a_span_of_a_mission_is_written_as_its_piece_is() {
    use coditect_types::span::{Happened, Of, Span as MissionSpan};
    use coditect_types::{ApprovalId, AttemptId, TaskId};
    let all = [
        (Of::Mission, "invoke_agent coditect", None),
        (Of::Attempt(AttemptId(12)), "chat acme/large \"1\"", Some("lost\n".to_owned())),
        (Of::Approval(ApprovalId(3)), "ask a person", None),
        (Of::Run(AttemptId(12), 31), "execute_tool sandbox", None),
    ];
    let trace = MissionTrace::new(&mission());
    for (of, name, error) in all {
        let mut span = MissionSpan::new(of, name.to_owned(), 1_795_415_467_000_001);
        span.end_us = error.is_none().then_some(1_795_415_468_500_999);
        span.error = error;
        span.set("coditect.task.id", TaskId(7));
        span.set("coditect.attempt.id", AttemptId(4_294_967_295));
        span.set("coditect.cost_usd", 0.25);
        span.set("coditect.tests", 9_007_199_254_740_993_u64);
        span.set("gen_ai.response.finish_reasons", vec!["length".to_owned(), "é\"".to_owned()]);
        span.set("coditect.outcome", "back\\slash \"quoted\" \u{1}é");
        let attributes = vec![("coditect.plan.tasks", 0_u64.into())];
        span.events.push(Happened { at_ms: 0, name: "coditect.plan.made", attributes: attributes.clone() });
        span.events.push(Happened { at_ms: 5, name: "coditect.plan.made", attributes: Vec::new() });
        let args = |all: &[(&str, coditect_types::span::Value)]| -> Map<String, Value> {
            all.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
        };
        let mut told = args(&span.attributes);
        told.extend(span.error.iter().map(|error| ("coditect.error".to_owned(), json!(error))));
        let piece = Piece {
            id: of.to_string(),
            above: of.above().map(|above| above.to_string()),
            name: name.to_owned(),
            row: String::new(),
            at_us: (span.start_us, span.end_us),
            is_call: span.is_call(),
            error: span.error.clone(),
            args: told,
            events: vec![
                (0, "coditect.plan.made".to_owned(), args(&attributes)),
                (5_000, "coditect.plan.made".to_owned(), Map::new()),
            ],
        };
        let (own, above) = (trace.span(&mission(), of), trace.above(&mission(), of));
        let mut straight = written(|out| spans::write_of_mission(out, (own, above), &span));
        straight["attributes"].as_array_mut().unwrap().sort_by_key(|one| one["key"].to_string());
        assert_eq!(straight, written(|out| Span::of_mission(&mission(), piece).write(out)));
        let above = above.map(|above| Value::from(above.span_id()));
        assert_eq!(straight.get("parentSpanId"), above.as_ref(), "{of}");
        let attributes = straight["attributes"].as_array().unwrap();
        let reasons = attributes.iter().find(|one| one["key"] == "gen_ai.response.finish_reasons").unwrap();
        let texts = json!({ "values": [{ "stringValue": "length" }, { "stringValue": "é\"" }] });
        assert_eq!(reasons["value"]["arrayValue"], texts);
    }
}

#[test]
fn what_comes_at_once_goes_at_once() {
    let (url, taking) = collector(&["200 OK", "200 OK"]);
    let exporter = exporter(&url);
    // One more than one request takes.
    let many = BATCH + 1;
    (0..many).for_each(|n| exporter.offer(span(&format!("a{n}"))));
    assert_eq!(exporter.finish(Duration::from_secs(30)), (many as u64, 0));
    exporter.offer(span("late"));
    assert_eq!((exporter.tally().sent(), exporter.tally().dropped()), (many as u64, 1), "it is closed");
    let bodies = taking.join().unwrap();
    let names =
        bodies.iter().flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap());
    let names: Vec<&str> = names.map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        (0..many).map(|n| format!("work a{n}")).collect::<Vec<_>>(),
        "each came once, in order"
    );
}

/// A collector that takes everything. Gives how many spans it has, and how many requests these came with.
fn open_collector() -> (String, Arc<[AtomicU64; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counts = Arc::<[AtomicU64; 2]>::default();
    let own = Arc::clone(&counts);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let body = one(stream.unwrap(), "200 OK", b"");
            let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len();
            own[1].fetch_add(1, Ordering::SeqCst);
            own[0].fetch_add(spans as u64, Ordering::SeqCst);
        }
    });
    (url, counts)
}

#[test]
fn what_threads_hand_over_at_the_end_is_sent_or_counted() {
    let (url, counts) = open_collector();
    let mut sent = 0;
    for round in 0..20 {
        let exporter = exporter(&url);
        let (threads, each) = (4, BATCH as u64 / 2 + 97 * round);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..each).for_each(|n| exporter.offer(span(&format!("a{n}")))));
            }
            // It is closed while they are at it.
            while exporter.tally().offered.load(Ordering::SeqCst) < each {
                thread::yield_now();
            }
            exporter.close();
        });
        let (taken, left) = exporter.finish(Duration::from_secs(60));
        assert_eq!(taken + left, threads * each);
        let tally = exporter.tally();
        assert_eq!((tally.sent(), tally.dropped()), (taken, left), "what is not sent is counted as dropped");
        sent += taken;
    }
    until_it_has(&counts, sent);
}

/// A collector reads what it was sent after it has said that it has it.
fn until_it_has(counts: &[AtomicU64; 2], spans: u64) {
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while counts[0].load(Ordering::SeqCst) != spans {
        assert!(std::time::Instant::now() < until, "{counts:?}, not {spans}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn what_several_threads_have_goes_with_one_request_as_far_as_it_fits() {
    let (url, counts) = open_collector();
    let exporter = exporter(&url);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..10).for_each(|n| exporter.offer(span(&format!("a{n}")))));
        }
    });
    assert_eq!(exporter.finish(Duration::from_secs(60)), (60, 0));
    until_it_has(&counts, 60);
    // One, unless the machine stood still for a second.
    assert!(counts[1].load(Ordering::SeqCst) < 6, "{counts:?}");
}

#[test]
fn what_nobody_hands_over_to_any_more_is_sent_all_the_same() {
    let (url, taking) = collector(&["200 OK"]);
    let exporter = exporter(&url);
    exporter.offer(span("a2"));
    drop(exporter);
    assert_eq!(taking.join().unwrap().len(), 1);
}

#[test]
fn a_line_of_the_log_says_in_which_span_it_was_said() {
    let within = Context::of_mission(&mission());
    let mut line = Line {
        at_us: 1_795_415_467_000_001,
        severity: Severity::Warn,
        said: "an order is handed back".to_owned(),
        args: Map::new(),
        within: Some(within),
    };
    line.args.insert("tries".to_owned(), json!(3));
    let without = Line { within: None, severity: Severity::Error, ..line.clone() };
    let body = json_of(&of(Signal::Logs, &[ENDPOINT]).unwrap().unwrap(), &[line, without]);
    let records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(records[0]["traceId"], within.trace_id());
    assert_eq!(records[0]["spanId"], within.span_id());
    assert_eq!(records[0]["timeUnixNano"], "1795415467000001000");
    assert_eq!((&records[0]["severityNumber"], &records[1]["severityNumber"]), (&json!(13), &json!(17)));
    assert_eq!(records[0]["body"], json!({ "stringValue": "an order is handed back" }));
    assert_eq!(records[0]["attributes"][0], json!({ "key": "tries", "value": { "intValue": "3" } }));
    assert!(records[1].get("traceId").is_none());
}

/// A collector that answers each request with the next of these statuses, and gives what it was sent.
fn collector(statuses: &[&'static str]) -> (String, thread::JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let statuses = statuses.to_vec();
    let taking = thread::spawn(move || {
        let mut bodies = Vec::new();
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            bodies.push(one(stream, status, b""));
        }
        bodies
    });
    (url, taking)
}

fn one(stream: impl Read + Write, status: &str, said: &[u8]) -> Value {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut kind, mut path) = (String::new(), 0, String::new(), String::new());
    let mut is_packed = false;
    while reader.read_line(&mut line).unwrap() > 2 {
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap().to_owned();
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some(value) = lower.strip_prefix("content-type:") {
            kind = value.trim().to_owned();
        }
        is_packed |= lower.trim() == "content-encoding: gzip";
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if is_packed {
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut whole).unwrap();
        assert!(length < whole.len(), "it is smaller on its way");
        body = whole;
    }
    assert_eq!(kind, "application/x-protobuf");
    let length = said.len();
    let stream = reader.get_mut();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").unwrap();
    stream.write_all(said).unwrap();
    coditect_testkit::otlp::read(&path, &body).unwrap()
}

fn exporter(url: &str) -> Exporter<Span> {
    Exporter::start(target(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).unwrap().unwrap()).unwrap()
}

#[test]
fn what_a_collector_cannot_take_for_a_moment_is_sent_again() {
    let (url, taking) = collector(&["503 Service Unavailable", "200 OK"]);
    let exporter = exporter(&url);
    exporter.offer(span(ROOT));
    exporter.offer(span("a2"));
    assert_eq!(exporter.finish(Duration::from_secs(30)), (2, 0));
    let bodies = taking.join().unwrap();
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_collector_refuses_is_dropped_and_counted() {
    let (url, taking) = collector(&["400 Bad Request"]);
    let exporter = exporter(&url);
    exporter.offer(span(ROOT));
    assert_eq!(exporter.finish(Duration::from_secs(30)), (0, 1));
    taking.join().unwrap();
}

#[test]
fn nobody_waits_for_a_collector_that_takes_nothing() {
    // It listens and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = exporter(&format!("http://{}", listener.local_addr().unwrap()));
    let many = 3 * WAITING as u64;
    for n in 0..many {
        exporter.offer(span(&format!("a{n}")));
    }
    let (sent, dropped) = exporter.finish(Duration::from_millis(50));
    assert_eq!((sent, dropped), (0, many), "what was not sent is counted, wherever it is");
}

#[test]
fn what_a_collector_takes_only_in_part_is_counted_as_it_says() {
    // `rejected_spans` is 1, alone and behind a message; and what is no answer of this protocol says nothing of it.
    let answers: [(&[u8], u64); 3] =
        [(b"\x0a\x02\x08\x01", 1), (b"\x0a\x07\x12\x03old\x08\x01", 1), (b"{}", 0)];
    for (said, rejected) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taking = thread::spawn(move || one(listener.accept().unwrap().0, "200 OK", said));
        let exporter = exporter(&url);
        exporter.offer(span(ROOT));
        exporter.offer(span("a2"));
        let tally = exporter.tally();
        assert_eq!(exporter.finish(Duration::from_secs(30)), (2 - rejected, rejected));
        assert_eq!((tally.sent(), tally.dropped()), (2 - rejected, rejected));
        taking.join().unwrap();
    }
}

const DONE: Family = Family::counter("coditect_done_total", "{thing}", "Things that were done.");
const COST: Family = Family::counter("coditect_cost_usd_total", "{USD}", "What it cost.");
const OPEN: Family = Family::gauge("coditect_open", "{thing}", "Things that are open.");
const TOOK: Family = Family::histogram("coditect_took_seconds", "s", "How long it took.");

fn figures() -> Vec<Figure> {
    let mut spread = Spread::default();
    [4, 30, 5_000_000].into_iter().for_each(|ms| spread.see(ms));
    let part = Point { labels: Vec::new(), amount: Amount::Part { n: 1_500_000, per: 1_000_000 } };
    let took = Point { labels: vec![("role", "coder".to_owned())], amount: Amount::Spread(spread) };
    vec![
        Figure { family: DONE, points: vec![Point::labelled("end", "failed", u64::MAX), Point::plain(1)] },
        Figure { family: COST, points: vec![part] },
        Figure { family: OPEN, points: vec![Point::plain(3)] },
        Figure { family: TOOK, points: vec![took] },
    ]
}

#[test]
fn figures_are_sent_every_so_often_and_once_more_at_the_end() {
    let (url, taking) = collector(&["200 OK", "503 Service Unavailable", "200 OK"]);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_METRIC_EXPORT_INTERVAL", "100")];
    let target = of(Signal::Metrics, &variables).unwrap().unwrap();
    // Twice by itself; from then on there are none.
    let (tell, read) = std::sync::mpsc::sync_channel(10);
    let mut left = 2;
    let figures = move || {
        tell.try_send(()).ok();
        left -= 1;
        (left >= 0).then(figures)
    };
    let meter = Meter::start(target, (Some(5), || 7), Box::new(figures)).unwrap();
    (0..3).for_each(|_| read.recv().unwrap());
    assert_eq!(meter.finish(Duration::from_secs(30)), (10, 0));
    read.recv().unwrap();
    let bodies = taking.join().unwrap();
    let metrics = bodies[0]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let [done, cost, open, took] = &metrics[..] else { panic!("{metrics:?}") };
    assert_eq!((&done["name"], &done["unit"]), (&json!("coditect_done_total"), &json!("{thing}")));
    let points = &done["sum"]["dataPoints"];
    assert_eq!(points[0]["asInt"], u64::MAX.to_string());
    assert_eq!(points[0]["attributes"][0], json!({ "key": "end", "value": { "stringValue": "failed" } }));
    assert_eq!(
        (&points[1]["startTimeUnixNano"], &points[1]["timeUnixNano"]),
        (&json!("5000000"), &json!("7000000"))
    );
    assert_eq!(
        (&done["sum"]["isMonotonic"], &done["sum"]["aggregationTemporality"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(cost["sum"]["dataPoints"][0]["asDouble"], 1.5);
    assert_eq!(open["gauge"]["dataPoints"][0]["asInt"], "3");
    let spread = &took["histogram"]["dataPoints"][0];
    assert_eq!((&spread["count"], &spread["sum"]), (&json!("3"), &json!(5_000.034)));
    let (ends, counts) =
        (spread["explicitBounds"].as_array().unwrap(), spread["bucketCounts"].as_array().unwrap());
    assert_eq!((ends.len() + 1, ends[0].as_f64()), (counts.len(), Some(0.005)));
    assert_eq!((&counts[0], &counts[3], counts.last().unwrap()), (&json!("1"), &json!("1"), &json!("1")));
}

#[test]
fn figures_that_cannot_be_read_are_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = of(Signal::Metrics, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).unwrap().unwrap();
    let meter = Meter::start(target, (None, || 7), Box::new(|| None)).unwrap();
    assert_eq!(meter.finish(Duration::from_secs(30)), (0, 0));
}
