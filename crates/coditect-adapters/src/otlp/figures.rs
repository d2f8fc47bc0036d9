//! Figures, sent every so often, and once more at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::figure::{Amount, Family, Figure, Kind, Point, Spread};
use serde_json::{Value, json};

use super::queue::Sending;
use super::send::Sender;
use super::{Resource, SCOPE, Tally, Target};

/// Reads the figures; None: they cannot be had just now.
pub type Read = Box<dyn FnMut() -> Option<Vec<Figure>> + Send>;
/// Unix time, ms.
type Now = fn() -> u64;

/// Sends figures, on a thread of its own.
#[derive(Debug)]
pub struct Meter(Sending<()>);

impl Meter {
    /// Starts the thread, which reads and sends as often as the variables say. `since_ms`: when the sums began to count, Unix time;
    /// None: nobody knows, as with those of journals that others began.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        target: Target,
        (since_ms, now_ms): (Option<u64>, Now),
        mut read: Read,
    ) -> Result<Self, PortError> {
        let send = move |closed: &Receiver<()>, tally: &Tally| {
            send_all(&target, closed, tally, (since_ms, now_ms), &mut read);
        };
        Sending::start(1, send).map(Self)
    }

    /// What becomes of the figures.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(self.0.tally())
    }

    /// Begins to send them a last time.
    pub fn close(&self) {
        self.0.close();
    }

    /// Sends them a last time, for at most `within`, and gives how many were sent, and how many were not.
    pub fn finish(&self, within: Duration) -> (u64, u64) {
        self.0.finish(within)
    }
}

fn send_all(
    target: &Target,
    closed: &Receiver<()>,
    tally: &Tally,
    (since_ms, now_ms): (Option<u64>, Now),
    read: &mut Read,
) {
    let Some(sender) = Sender::open(target) else { return };
    loop {
        let is_last = !matches!(closed.recv_timeout(target.interval), Err(RecvTimeoutError::Timeout));
        if let Some(figures) = read() {
            let count = figures.iter().map(|figure| figure.points.len() as u64).sum();
            tally.offered.fetch_add(count, Ordering::Relaxed);
            let body = body(target, &figures, (since_ms, now_ms()));
            tally.settle(target.signal, target, count, sender.send(target, body));
        }
        if is_last {
            return;
        }
    }
}

fn nanos(ms: u64) -> String {
    (u128::from(ms) * 1_000_000).to_string()
}

/// From when on sums count, and when they were read.
type Times = (Option<u64>, u64);

/// The body of a request.
fn body(target: &Target, figures: &[Figure], at_ms: Times) -> Vec<u8> {
    let metrics: Vec<Value> = figures.iter().map(|figure| metric(figure, at_ms)).collect();
    let body = json!({ "resourceMetrics": [{
        "resource": Resource::of(target),
        "scopeMetrics": [{ "scope": SCOPE, "metrics": metrics }],
    }] });
    body.to_string().into_bytes()
}

fn metric(figure: &Figure, at_ms: Times) -> Value {
    let Family { name, kind, unit, help } = figure.family;
    let points: Vec<Value> = figure.points.iter().map(|of| point(of, at_ms)).collect();
    // 2: cumulative.
    let (form, data) = match kind {
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Counter => {
            ("sum", json!({ "dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true }))
        }
        Kind::Histogram => ("histogram", json!({ "dataPoints": points, "aggregationTemporality": 2 })),
    };
    json!({ "name": name, "unit": unit, "description": help, form: data })
}

fn point(of: &Point, (since_ms, now_ms): Times) -> Value {
    let labels: Vec<Value> = of
        .labels
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect();
    let mut point = match &of.amount {
        Amount::Count(n) => json!({ "asInt": n.to_string() }),
        Amount::Part { n, per } => json!({ "asDouble": of_unit(*n, *per) }),
        Amount::Spread(spread) => self::spread(spread),
    };
    if let Some(fields) = point.as_object_mut() {
        fields.insert("attributes".to_owned(), labels.into());
        fields.extend(since_ms.map(|since_ms| ("startTimeUnixNano".to_owned(), nanos(since_ms).into())));
        fields.insert("timeUnixNano".to_owned(), nanos(now_ms).into());
    }
    point
}

fn spread(spread: &Spread) -> Value {
    let ends: Vec<f64> = spread.ends().iter().map(|end| of_unit(*end, spread.per())).collect();
    let counts: Vec<String> = spread.counts().iter().map(u64::to_string).collect();
    json!({
        "count": spread.counts().iter().sum::<u64>().to_string(),
        "sum": of_unit(spread.sum(), spread.per()),
        "bucketCounts": counts,
        "explicitBounds": ends,
    })
}

// Figures are for people to look at: past 2^53 the last digits are nobody's concern.
fn of_unit(n: u64, per: u64) -> f64 {
    n as f64 / per as f64
}
