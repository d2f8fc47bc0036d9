//! Figures, sent every so often, and once more at the end.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::figure::{Amount, Family, Figure, Kind, Point, Spread};

use super::queue::Sending;
use super::send::Sender;
use super::wire::{Head, bytes, double, fixed, message, nanos, number, text, thing};
use super::{Tally, Target};

/// Reads the figures; None: they cannot be had just now.
pub type Read = Box<dyn FnMut() -> Option<Vec<Figure>> + Send>;
/// Unix time, ms.
type Now = fn() -> u64;

/// Sends figures, on a thread of its own.
#[derive(Debug)]
pub struct Meter {
    sending: Sending,
    /// Whoever closes it ends the thread, once it has sent a last time.
    door: Mutex<Option<SyncSender<()>>>,
}

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
        let (door, closed) = sync_channel(1);
        let send = move |tally: &Tally| send_all(&target, &closed, tally, (since_ms, now_ms), &mut read);
        Ok(Self { sending: Sending::start(send)?, door: Mutex::new(Some(door)) })
    }

    /// What becomes of the figures.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(self.sending.tally())
    }

    /// Begins to send them a last time.
    pub fn close(&self) {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Sends them a last time, for at most `within`, and gives how many were sent, and how many were not.
    pub fn finish(&self, within: Duration) -> (u64, u64) {
        self.close();
        self.sending.finish(within)
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
            tally.settle(target.signal, target, count, sender.send(target, body.into()));
        }
        if is_last {
            return;
        }
    }
}

/// From when on sums count, and when they were read, ms since 1970.
type Times = (Option<u64>, u64);

/// The body of a request.
fn body(target: &Target, figures: &[Figure], at_ms: Times) -> Vec<u8> {
    let (head, mut body) = (Head::new(target), Vec::new());
    head.begin(&mut body);
    figures.iter().for_each(|figure| thing(&mut body, |out| metric(out, figure, at_ms)));
    head.end(&mut body);
    body
}

/// What was counted up to now counts since the beginning.
const CUMULATIVE: u64 = 2;

fn metric(out: &mut Vec<u8>, figure: &Figure, at_ms: Times) {
    let Family { name, kind, unit, help } = figure.family;
    bytes(out, 1, name.as_bytes());
    bytes(out, 2, help.as_bytes());
    bytes(out, 3, unit.as_bytes());
    let points = |out: &mut Vec<u8>| {
        figure.points.iter().for_each(|of| message(out, 1, |out| point(out, of, at_ms)));
    };
    match kind {
        Kind::Gauge => message(out, 5, points),
        Kind::Counter => message(out, 7, |out| {
            points(out);
            number(out, 2, CUMULATIVE);
            // It never falls.
            number(out, 3, 1);
        }),
        Kind::Histogram => message(out, 9, |out| {
            points(out);
            number(out, 2, CUMULATIVE);
        }),
    }
}

fn point(out: &mut Vec<u8>, of: &Point, (since_ms, now_ms): Times) {
    if let Some(since_ms) = since_ms {
        fixed(out, 2, nanos(since_ms));
    }
    fixed(out, 3, nanos(now_ms));
    let labels = match &of.amount {
        Amount::Count(n) => {
            fixed(out, 6, *n);
            7
        }
        Amount::Part { n, per } => {
            double(out, 4, of_unit(*n, *per));
            7
        }
        Amount::Spread(of) => {
            spread(out, of);
            9
        }
    };
    of.labels.iter().for_each(|(name, value)| text(out, labels, name, value));
}

fn spread(out: &mut Vec<u8>, of: &Spread) {
    fixed(out, 4, of.counts().iter().sum());
    double(out, 5, of_unit(of.sum(), of.per()));
    message(out, 6, |out| of.counts().iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes())));
    let ends = of.ends().iter().map(|end| of_unit(*end, of.per()));
    message(out, 7, |out| ends.for_each(|end| out.extend_from_slice(&end.to_le_bytes())));
}

// Figures are for people to look at: past 2^53 the last digits are nobody's concern.
fn of_unit(n: u64, per: u64) -> f64 {
    n as f64 / per as f64
}
