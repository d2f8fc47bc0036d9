#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;

fn target(variables: &[(&str, &str)]) -> Result<Option<Target>, PortError> {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Target::from_variables(move |name| {
        variables.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
    })
}

fn mission() -> MissionId {
    MissionId::parse("m-abc").unwrap()
}

fn piece(id: &str) -> Piece {
    let mut args = Map::new();
    args.insert("gen_ai.usage.input_tokens".to_owned(), json!(9_007_199_254_740_993_u64));
    args.insert("coditect.cost_usd".to_owned(), json!(0.25));
    args.insert("coditect.outcome".to_owned(), json!("change_proposed"));
    Piece {
        id: id.to_owned(),
        name: format!("work {id}"),
        row: "coder".to_owned(),
        at_ms: (1_795_415_467_000, Some(1_795_415_468_500)),
        is_call: id == "a2",
        error: (id == "a3").then(|| "unavailable".to_owned()),
        args,
        events: vec![(1_795_415_467_100, "coditect.violation".to_owned(), Map::new())],
    }
}

#[test]
fn the_standard_variables_say_where_and_as_whose() {
    assert!(target(&[]).unwrap().is_none());
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
    let one = target(&[base]).unwrap().unwrap();
    assert_eq!((one.url.as_str(), one.timeout), ("http://127.0.0.1:4318/v1/traces", Duration::from_secs(10)));
    assert!(one.resource.contains(&("service.name".to_owned(), "coditect".to_owned())));
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
    let names: Vec<_> = two.resource.iter().filter(|(name, _)| name == "service.name").collect();
    assert_eq!(names, [&("service.name".to_owned(), "mine".to_owned())]);
    assert!(two.resource.contains(&("deployment.environment".to_owned(), "lab,1".to_owned())));
    for off in
        [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "console")]
    {
        assert!(target(&[base, off]).unwrap().is_none(), "{off:?}");
    }
    for bad in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
    ] {
        assert_eq!(target(&[bad, base]).unwrap_err().kind, ErrorKind::Invalid, "{bad:?}");
    }
}

#[test]
fn spans_of_a_mission_are_one_trace_below_its_root() {
    let other = MissionId::parse("m-other").unwrap();
    let all =
        [(mission(), piece(ROOT)), (mission(), piece("a2")), (mission(), piece("a3")), (other, piece("a2"))];
    let body = body(&[("service.name".to_owned(), "coditect".to_owned())], &all);
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let [root, call, failed, elsewhere] = &spans[..] else { panic!("{body}") };
    assert_eq!(root["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(root["spanId"].as_str().unwrap().len(), 16);
    assert!(root.get("parentSpanId").is_none());
    assert_eq!((&call["parentSpanId"], &call["traceId"]), (&root["spanId"], &root["traceId"]));
    assert_ne!(elsewhere["traceId"], root["traceId"]);
    assert_ne!(elsewhere["spanId"], call["spanId"]);
    assert_eq!((&call["kind"], &root["kind"]), (&json!(3), &json!(1)));
    assert_eq!((&failed["status"]["code"], &root["status"]), (&json!(2), &json!({})));
    assert_eq!(root["endTimeUnixNano"], "1795415468500000000");
    let value = |name: &str| {
        root["attributes"].as_array().unwrap().iter().find(|one| one["key"] == name).unwrap()["value"].clone()
    };
    assert_eq!(value("gen_ai.usage.input_tokens"), json!({ "intValue": "9007199254740993" }));
    assert_eq!(value("coditect.cost_usd"), json!({ "doubleValue": 0.25 }));
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
            bodies.push(one(stream, status));
        }
        bodies
    });
    (url, taking)
}

fn one(stream: TcpStream, status: &str) -> Value {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut kind) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some(value) = lower.strip_prefix("content-type:") {
            kind = value.trim().to_owned();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    assert_eq!(kind, "application/json");
    write!(reader.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn exporter(url: &str) -> Exporter {
    Exporter::start(target(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).unwrap().unwrap()).unwrap()
}

#[test]
fn what_a_collector_cannot_take_for_a_moment_is_sent_again() {
    let (url, taking) = collector(&["503 Service Unavailable", "200 OK"]);
    let exporter = exporter(&url);
    exporter.offer(&mission(), piece(ROOT));
    exporter.offer(&mission(), piece("a2"));
    assert_eq!(exporter.finish(Duration::from_secs(30)), (2, 0));
    let bodies = taking.join().unwrap();
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_collector_refuses_is_dropped_and_counted() {
    let (url, taking) = collector(&["400 Bad Request"]);
    let exporter = exporter(&url);
    exporter.offer(&mission(), piece(ROOT));
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
        exporter.offer(&mission(), piece(&format!("a{n}")));
    }
    let (sent, dropped) = exporter.finish(Duration::from_millis(50));
    assert_eq!((sent, dropped), (0, many), "what was not sent is counted, wherever it is");
}
