//! Traces of missions: spans of the runtime as the adapters take them.

use std::io::{BufWriter, Write};

use coditect_runtime::trace::{Attributes, Of, Span, spans};
use coditect_types::{MissionId, Record};
use serde_json::{Map, Value, json};

use crate::wiring::{Piece, write_trace};

/// Writes the trace of these records, and gives how many spans it has.
pub(crate) fn write(out: impl Write, mission: &MissionId, records: &[Record]) -> std::io::Result<usize> {
    let pieces: Vec<Piece> = spans(records).into_iter().map(piece).collect();
    let until_ms = records.last().map_or(0, |record| record.at_ms);
    write_trace(&mut BufWriter::new(out), mission, &pieces, micros(until_ms))?;
    Ok(pieces.len())
}

/// A span as it is drawn.
fn piece(span: Span) -> Piece {
    let is_call = span.is_call();
    let row = match span.of {
        Of::Mission => "mission",
        Of::Approval(_) => "person",
        Of::Attempt(_) if is_call => "model",
        Of::Attempt(_) => span.name.strip_prefix("invoke_agent ").unwrap_or("agent"),
        Of::Run(..) => "sandbox",
    }
    .to_owned();
    let mut args = map(span.attributes);
    args.extend(span.error.as_ref().map(|error| ("coditect.error".to_owned(), json!(error))));
    let events = span.events.into_iter();
    let events = events.map(|event| (micros(event.at_ms), event.name.to_owned(), map(event.attributes)));
    Piece {
        id: span.of.to_string(),
        above: span.of.above().map(|above| above.to_string()),
        row,
        at_us: (span.start_us, span.end_us),
        is_call,
        events: events.collect(),
        error: span.error,
        name: span.name.into_owned(),
        args,
    }
}

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(1_000)
}

fn map(attributes: Attributes) -> Map<String, Value> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}
