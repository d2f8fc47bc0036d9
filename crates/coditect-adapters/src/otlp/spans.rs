//! Spans.

use coditect_types::MissionId;
use coditect_types::span::{Span as MissionSpan, Value as Known};

use super::queue::Parcel;
use super::wire::{bytes, fixed, known, message, nanos, number, text, values};
use crate::trace::{Context, Piece, ROOT};

/// A span in its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    own: Context,
    above: Option<Context>,
    piece: Piece,
}

impl Span {
    /// A piece of a mission, as its journal tells it: below the mission, or below another piece of it.
    #[must_use]
    pub fn of_mission(mission: &MissionId, piece: Piece) -> Self {
        let above = piece.above.as_deref().unwrap_or(ROOT);
        let above = (piece.id != ROOT).then(|| Context::of_piece(mission, above));
        Self { own: Context::of_piece(mission, &piece.id), above, piece }
    }

    /// A piece below a span of any process.
    #[must_use]
    pub fn below(above: Context, piece: Piece) -> Self {
        Self { own: above.below(&piece.id), above: Some(above), piece }
    }
}

impl Parcel for Span {
    fn write(&self, out: &mut Vec<u8>) {
        let Self { own, above, piece } = self;
        let (start_us, end_us) = piece.at_us;
        let head = Top {
            own: *own,
            above: *above,
            name: &piece.name,
            is_call: piece.is_call,
            at: [of_micros(start_us), of_micros(end_us.unwrap_or(start_us))],
        };
        head.write(out);
        values(out, 9, &piece.args);
        for (at_us, name, args) in &piece.events {
            message(out, 11, |out| {
                fixed(out, 1, of_micros(*at_us));
                bytes(out, 2, name.as_bytes());
                values(out, 3, args);
            });
        }
        status(out, piece.error.as_deref());
    }
}

/// Writes a span of a mission as the one of [`Span::of_mission`] is written: there are many of these. `above`: what it is a part of.
pub(super) fn write_of_mission(
    out: &mut Vec<u8>,
    (own, above): (Context, Option<Context>),
    span: &MissionSpan,
) {
    let head = Top {
        own,
        above,
        name: &span.name,
        is_call: span.is_call(),
        at: [of_micros(span.start_us), of_micros(span.end_us.unwrap_or(span.start_us))],
    };
    head.write(out);
    known(out, 9, pairs(&span.attributes));
    if let Some(error) = &span.error {
        text(out, 9, "coditect.error", error);
    }
    for event in &span.events {
        message(out, 11, |out| {
            fixed(out, 1, nanos(event.at_ms));
            bytes(out, 2, event.name.as_bytes());
            known(out, 3, pairs(&event.attributes));
        });
    }
    status(out, span.error.as_deref());
}

fn pairs<'a>(all: &'a [(&'static str, Known)]) -> impl Iterator<Item = (&'a str, &'a Known)> {
    all.iter().map(|(name, value)| (*name, value))
}

/// Times in nanoseconds, from µs.
fn of_micros(us: u64) -> u64 {
    us.saturating_mul(1_000)
}

/// What every span has.
struct Top<'a> {
    own: Context,
    above: Option<Context>,
    name: &'a str,
    is_call: bool,
    /// When it began and ended, ns since 1970.
    at: [u64; 2],
}

impl Top<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        bytes(out, 1, self.own.trace_bytes());
        bytes(out, 2, self.own.span_bytes());
        if let Some(above) = &self.above {
            bytes(out, 4, above.span_bytes());
        }
        bytes(out, 5, self.name.as_bytes());
        // 3 is a client's call, 1 is work of our own.
        number(out, 6, if self.is_call { 3 } else { 1 });
        let [start, end] = self.at;
        fixed(out, 7, start);
        fixed(out, 8, end);
    }
}

/// Nothing of it is the standard's "unset"; 2 is an error.
fn status(out: &mut Vec<u8>, error: Option<&str>) {
    if let Some(error) = error {
        message(out, 15, |out| {
            bytes(out, 2, error.as_bytes());
            number(out, 3, 2);
        });
    }
}
