//! What a collector is sent: spans, figures and lines of the log, as OTLP over HTTP in its binary encoding (OpenTelemetry Protocol 1.x,
//! `http/protobuf`), configured by the standard `OTEL_*` variables.
//!
//! Work never waits for a collector. What it cannot take in time is dropped, and counted: in [`Tally`], which is a figure itself.
//!
//! Start reading at [`target`] for the variables (and [`variables`] for those that nothing goes by), at [`queue`] for the way out; [`spans`], [`figures`] and [`logs`] have the bodies, and
//! [`wire`] what they are written with.

mod figures;
mod logs;
mod queue;
mod sampler;
mod send;
mod spans;
mod target;
mod trust;
mod variables;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_types::figure::{Family, Figure, Point};

pub use figures::{Meter, Read};
pub use logs::{Line, Severity};
pub use queue::{Exporter, Parcel};
pub use sampler::Sampler;
pub use spans::Span;
pub use target::Target;
pub use variables::unheeded_notes;
pub use wire::read_varint;

/// A kind of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Figures.
    Metrics,
    /// Lines of the log.
    Logs,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// Its name in addresses and in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// What one of it is called, for people.
    #[must_use]
    pub fn things(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "figures",
            Self::Logs => "lines of the log",
        }
    }
}

/// The name of every thread that sends: what is logged there is of no interest to a collector that may be the reason.
pub const THREAD: &str = "otlp";

/// What became of what was handed over.
#[derive(Debug, Default)]
pub struct Tally {
    offered: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    /// What the collector took.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// What it did not take, or was not sent since too much waited already.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts a batch of so many of which so many were not wanted, or all where none came through.
    fn settle(&self, signal: Signal, target: &Target, count: u64, done: Result<u64, String>) {
        let rejected = match done {
            Ok(rejected) => rejected.min(count),
            Err(cause) => {
                let collector = target.shown();
                tracing::warn!(collector, cause, signal = signal.name(), "a collector takes nothing");
                count
            }
        };
        self.sent.fetch_add(count - rejected, Ordering::Relaxed);
        self.dropped.fetch_add(rejected, Ordering::Relaxed);
    }
}

const SENT: Family = Family::counter(
    "coditect_telemetry_sent_total",
    "1",
    "Spans, figures and lines of the log that a collector took, by kind.",
);
const DROPPED: Family = Family::counter(
    "coditect_telemetry_dropped_total",
    "1",
    "Spans, figures and lines of the log that no collector took, by kind.",
);

/// What became of what was to be sent, as figures. A kind that is not sent has nothing.
#[must_use]
pub fn figures(tallies: &[(Signal, Arc<Tally>)]) -> [Figure; 2] {
    let of = |family: Family, count: fn(&Tally) -> u64| {
        let sum = |signal: Signal| {
            tallies.iter().filter(|(of, _)| *of == signal).map(|(_, tally)| count(tally)).sum()
        };
        let points = Signal::ALL.map(|signal| Point::labelled("signal", signal.name(), sum(signal)));
        Figure { family, points: points.to_vec() }
    };
    [of(SENT, Tally::sent), of(DROPPED, Tally::dropped)]
}

#[cfg(test)]
mod tests;
