//! A collector of traces, metrics and logs that really listens, and keeps what it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;

pub(crate) struct Collector {
    pub(crate) url: String,
    heard: Receiver<(String, Value)>,
}

impl Collector {
    /// It takes requests as long as the test lives.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heard) = sync_channel(10_000);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, tell) = (stream.unwrap(), tell.clone());
                // A connection that breaks off tells nothing more.
                std::thread::spawn(move || take(stream, &tell));
            }
        });
        Self { url, heard }
    }

    /// What came so far and was not looked at yet.
    pub(crate) fn heard(&self) -> Heard {
        Heard(self.heard.try_iter().collect())
    }
}

fn take(stream: TcpStream, tell: &SyncSender<(String, Value)>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut path) = (String::new(), 0, String::new());
        while reader.read_line(&mut line).ok()? > 2 {
            if path.is_empty() {
                path = line.split(' ').nth(1)?.to_owned();
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        if path.is_empty() {
            return None;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let read = coditect_testkit::otlp::read(&path, &body)?;
        tell.send((path, read)).ok()?;
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// What came: addresses and bodies.
pub(crate) struct Heard(pub(crate) Vec<(String, Value)>);

impl Heard {
    /// Each thing of a kind, with whose it is.
    fn of(&self, path: &str, [outer, scope, things]: [&str; 3]) -> Vec<(Value, Value)> {
        let mut all = Vec::new();
        for (_, body) in self.0.iter().filter(|(of, _)| of == path) {
            let source = &body[outer][0];
            let each = source[scope][0][things].as_array().unwrap().iter();
            all.extend(each.map(|thing| (source["resource"].clone(), thing.clone())));
        }
        all
    }

    /// Spans, each with its resource.
    pub(crate) fn spans(&self) -> Vec<(Value, Value)> {
        self.of("/v1/traces", ["resourceSpans", "scopeSpans", "spans"])
    }

    /// Metrics, each with its resource.
    pub(crate) fn metrics(&self) -> Vec<(Value, Value)> {
        self.of("/v1/metrics", ["resourceMetrics", "scopeMetrics", "metrics"])
    }

    /// Lines of the log, each with its resource.
    pub(crate) fn lines(&self) -> Vec<(Value, Value)> {
        self.of("/v1/logs", ["resourceLogs", "scopeLogs", "logRecords"])
    }

    /// The newest sum or gauge of a metric, over all of its points that have this value of some label; of a histogram, how many.
    pub(crate) fn amount(&self, name: &str, label: &str) -> Option<u64> {
        let (_, metric) = self.metrics().into_iter().rev().find(|(_, metric)| metric["name"] == name)?;
        let points = ["sum", "gauge", "histogram"]
            .iter()
            .find_map(|form| metric[form]["dataPoints"].as_array().cloned())?;
        let is_wanted =
            |point: &&Value| label.is_empty() || attributes(point).iter().any(|(_, value)| value == label);
        let n = |point: &Value| {
            let n = point
                .get("asInt")
                .or(point.get("count"))
                .and_then(Value::as_str)
                .and_then(|n| n.parse::<u64>().ok());
            n.unwrap_or(0)
        };
        Some(points.iter().filter(is_wanted).map(n).sum())
    }
}

/// The attributes of a span, a point, a line or a resource, as texts.
pub(crate) fn attributes(of: &Value) -> Vec<(String, String)> {
    let all = of["attributes"].as_array().into_iter().flatten();
    let text = |value: &Value| match value.as_object().and_then(|value| value.values().next()) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    };
    all.map(|one| (one["key"].as_str().unwrap().to_owned(), text(&one["value"]))).collect()
}

/// One attribute.
pub(crate) fn attribute(of: &Value, name: &str) -> Option<String> {
    attributes(of).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
