//! Spans for a collector: OTLP over HTTP in its JSON encoding (OpenTelemetry Protocol 1.x), configured by the standard `OTEL_*`
//! variables. Work never waits for a collector: what it cannot take in time is dropped, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};
use serde_json::{Map, Value, json};

use super::{Piece, ROOT};

/// Spans that wait to be sent.
const WAITING: usize = 4_096;
/// Spans of one request, and how long the first of them waits for others.
const BATCH: usize = 512;
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// Tries of one batch, and the wait before the second, which doubles.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait that a collector may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a collector may take where nobody says: the standard's own value.
const TIMEOUT_MS: u64 = 10_000;

/// Where spans are sent, and as whose.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    resource: Vec<(String, String)>,
}

impl Target {
    /// What the standard variables say; None: nothing is to be sent. `get` reads one variable.
    ///
    /// # Errors
    /// `Invalid` where one of them cannot be what it is, or asks for what is not spoken here.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, PortError> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let either = |traces: &str, all: &str| get(traces).or_else(|| get(all));
        // Any other exporter is one that we do not have.
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
            || get("OTEL_TRACES_EXPORTER").is_some_and(|text| text != "otlp");
        let own = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let Some(base) = own.clone().or_else(|| get("OTEL_EXPORTER_OTLP_ENDPOINT")).filter(|_| !is_off)
        else {
            return Ok(None);
        };
        let protocol = either("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
        if let Some(protocol) = protocol.filter(|protocol| !protocol.starts_with("http/")) {
            let cause = format!("OTEL_EXPORTER_OTLP_PROTOCOL: `{protocol}` is not spoken here");
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("use `http/json` and the collector's HTTP port, as a rule 4318"));
        }
        // What it says is not told: a login may stand in it.
        let bad =
            |cause: &str| PortError::new(ErrorKind::Invalid, format!("OTEL_EXPORTER_OTLP_ENDPOINT: {cause}"));
        let mut url = Url::parse(&base).map_err(|error| bad(&format!("it is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("it begins with neither `http://` nor `https://`"));
        }
        if own.is_none() {
            let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        let headers = either("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
        let timeout = either("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT");
        let timeout = match timeout.map(|text| text.parse::<u64>()) {
            // For as long as it takes is too long.
            None | Some(Ok(0)) => TIMEOUT_MS,
            Some(Ok(ms)) => ms,
            Some(Err(error)) => {
                let cause = format!("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds: {error}");
                return Err(PortError::new(ErrorKind::Invalid, cause));
            }
        };
        Ok(Some(Self {
            url,
            headers: self::headers(headers.as_deref().unwrap_or_default())?,
            timeout: Duration::from_millis(timeout),
            resource: resource(get("OTEL_SERVICE_NAME"), get("OTEL_RESOURCE_ATTRIBUTES")),
        }))
    }

    /// The address without what may be secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        // An address of HTTP can be without a login.
        url.set_username("").and_then(|()| url.set_password(None)).ok();
        url.to_string()
    }
}

/// `key=value,key=value`, each in percent encoding.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((unescaped(name.trim()), unescaped(value.trim())))
    })
}

fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        let code = (*first == b'%').then(|| more.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn headers(text: &str) -> Result<HeaderMap, PortError> {
    let mut all = HeaderMap::new();
    for (name, value) in pairs(text) {
        let pair = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
        let Some((header, mut value)) = pair else {
            let cause = format!("OTEL_EXPORTER_OTLP_HEADERS: `{name}` and its value are no header");
            return Err(PortError::new(ErrorKind::Invalid, cause).with_hint("write `name=value,name=value`"));
        };
        value.set_sensitive(true);
        all.insert(header, value);
    }
    Ok(all)
}

/// Who the spans are of. `OTEL_SERVICE_NAME` beats what the attributes say.
fn resource(service: Option<String>, attributes: Option<String>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = pairs(&attributes.unwrap_or_default()).collect();
    if let Some(service) = service {
        all.retain(|(name, _)| name != "service.name");
        all.push(("service.name".to_owned(), service));
    } else if !all.iter().any(|(name, _)| name == "service.name") {
        all.push(("service.name".to_owned(), "coditect".to_owned()));
    }
    all.push(("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    all
}

/// The trace of a mission: the same wherever a span of it comes from.
#[must_use]
pub fn trace_id(mission: &MissionId) -> String {
    hex(&blake3::hash(format!("coditect.trace {mission}").as_bytes()).as_bytes()[..16])
}

fn span_id(mission: &MissionId, id: &str) -> String {
    hex(&blake3::hash(format!("coditect.span {mission} {id}").as_bytes()).as_bytes()[..8])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// An attribute's value as OTLP has it: 64-bit numbers are texts in its JSON.
fn any(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!({ "boolValue": flag }),
        Value::Number(n) if n.is_f64() => json!({ "doubleValue": n }),
        Value::Number(n) => json!({ "intValue": n.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Null | Value::Array(_) | Value::Object(_) => json!({ "stringValue": value.to_string() }),
    }
}

fn attributes(args: &Map<String, Value>) -> Vec<Value> {
    args.iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

fn nanos(ms: u64) -> String {
    (u128::from(ms) * 1_000_000).to_string()
}

fn span(mission: &MissionId, piece: &Piece) -> Value {
    let (start_ms, end_ms) = piece.at_ms;
    let events: Vec<Value> = piece
        .events
        .iter()
        .map(|(at_ms, name, args)| {
            json!({ "timeUnixNano": nanos(*at_ms), "name": name, "attributes": attributes(args) })
        })
        .collect();
    let mut span = json!({
        "traceId": trace_id(mission),
        "spanId": span_id(mission, &piece.id),
        "name": piece.name,
        // 3 is a client's call, 1 is work of our own.
        "kind": if piece.is_call { 3 } else { 1 },
        "startTimeUnixNano": nanos(start_ms),
        "endTimeUnixNano": nanos(end_ms.unwrap_or(start_ms)),
        "attributes": attributes(&piece.args),
        "events": events,
        "status": match &piece.error {
            Some(error) => json!({ "code": 2, "message": error }),
            None => json!({}),
        },
    });
    if let (true, Some(fields)) = (piece.id != ROOT, span.as_object_mut()) {
        fields.insert("parentSpanId".to_owned(), json!(span_id(mission, ROOT)));
    }
    span
}

/// The body of a request.
fn body(resource: &[(String, String)], spans: &[(MissionId, Piece)]) -> Value {
    let resource: Vec<Value> = resource
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect();
    let spans: Vec<Value> = spans.iter().map(|(mission, piece)| span(mission, piece)).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "coditect", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] })
}

/// Sends spans, on a thread of its own.
#[derive(Debug)]
pub struct Exporter {
    door: Option<SyncSender<(MissionId, Piece)>>,
    offered: AtomicU64,
    sent: Arc<AtomicU64>,
    sender: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts the thread. Nothing is sent before there is a span.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(target: Target) -> Result<Self, PortError> {
        let (door, spans) = sync_channel(WAITING);
        let sent = Arc::new(AtomicU64::new(0));
        let own = Arc::clone(&sent);
        let sender = std::thread::Builder::new()
            .name("otlp".to_owned())
            .spawn(move || send_all(&target, &spans, &own))
            .map_err(|error| PortError::from_io("starting the thread that sends traces", &error))?;
        Ok(Self { door: Some(door), offered: AtomicU64::new(0), sent, sender: Some(sender) })
    }

    /// Hands a span over. Never waits: where too many wait already, it is dropped.
    pub fn offer(&self, mission: &MissionId, piece: Piece) {
        let Some(door) = &self.door else { return };
        self.offered.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = door.try_send((mission.clone(), piece)) {
            tracing::debug!(%error, "a span is dropped");
        }
    }

    /// Sends what waits, for at most `within`, and gives how many spans were sent, and how many of those that were handed over
    /// were not, for whatever reason.
    #[must_use]
    pub fn finish(mut self, within: Duration) -> (u64, u64) {
        self.door = None;
        let until = Instant::now() + within;
        if let Some(sender) = self.sender.take() {
            while !sender.is_finished() && Instant::now() < until {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            // One that is not done by then ends with the process, and what it has is not sent.
            if sender.is_finished() && sender.join().is_err() {
                tracing::warn!("the thread that sends traces broke");
            }
        }
        let sent = self.sent.load(Ordering::Relaxed);
        (sent, self.offered.load(Ordering::Relaxed).saturating_sub(sent))
    }
}

fn send_all(target: &Target, spans: &Receiver<(MissionId, Piece)>, sent: &AtomicU64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(target.timeout)
        .default_headers(target.headers.clone())
        .build();
    let (Ok(runtime), Ok(client)) = (runtime, client) else { return };
    while let Ok(first) = spans.recv() {
        let batch = gather(first, spans);
        let count = batch.len() as u64;
        match runtime.block_on(send(&client, target, &batch)) {
            Ok(()) => {
                sent.fetch_add(count, Ordering::Relaxed);
            }
            // Whoever began this is told how many were not sent.
            Err(cause) => tracing::warn!(collector = target.shown(), cause, "a collector takes no spans"),
        }
    }
}

/// The first, and what comes soon after it.
fn gather(first: (MissionId, Piece), spans: &Receiver<(MissionId, Piece)>) -> Vec<(MissionId, Piece)> {
    let mut batch = vec![first];
    let until = Instant::now() + GATHERED_FOR;
    while batch.len() < BATCH {
        match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    batch
}

/// Sends a batch, again where the standard says that this may help.
async fn send(client: &Client, target: &Target, batch: &[(MissionId, Piece)]) -> Result<(), String> {
    let body = body(&target.resource, batch).to_string();
    let mut wait = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let request =
            client.post(target.url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone());
        let (cause, asked) = match request.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let asked =
                    answer.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok()?.parse().ok());
                let passes = [
                    StatusCode::TOO_MANY_REQUESTS,
                    StatusCode::BAD_GATEWAY,
                    StatusCode::SERVICE_UNAVAILABLE,
                    StatusCode::GATEWAY_TIMEOUT,
                ];
                if !passes.contains(&status) {
                    return Err(format!("it answers {status}"));
                }
                (format!("it answers {status}"), asked.map(Duration::from_secs))
            }
            Err(error) => (error.without_url().to_string(), None),
        };
        if tries >= TRIES {
            return Err(cause);
        }
        tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
        tries += 1;
        wait *= 2;
    }
}

#[cfg(test)]
mod tests;
