//! Traces of missions: spans of the runtime as the adapters take them, and a collector that hears of them while a mission runs.

use std::io::{BufWriter, Write};
use std::time::Duration;

use coditect_runtime::trace::{Attributes, Of, Span, Tracer, spans};
use coditect_types::{Event, MissionId, Record};
use serde_json::{Map, Value, json};

use crate::environment::Environment;
use crate::wiring::{Exporter, Piece, ROOT, Target, write_trace};

/// What waits for a collector at the end of a mission gets this much time.
const SENT_WITHIN: Duration = Duration::from_secs(3);

/// Writes the trace of these records, and gives how many spans it has.
pub(crate) fn write(out: impl Write, mission: &MissionId, records: &[Record]) -> std::io::Result<usize> {
    let pieces: Vec<Piece> = spans(records).into_iter().map(piece).collect();
    let until_ms = records.last().map_or(0, |record| record.at_ms);
    write_trace(&mut BufWriter::new(out), mission, &pieces, until_ms)?;
    Ok(pieces.len())
}

fn piece(span: Span) -> Piece {
    let is_model = span.name.starts_with("chat ");
    let (row, id) = match span.of {
        Of::Mission => ("mission", ROOT.to_owned()),
        Of::Approval(approval) => ("person", format!("question {approval}")),
        Of::Attempt(attempt) if is_model => ("model", attempt.to_string()),
        Of::Attempt(attempt) => {
            (span.name.strip_prefix("invoke_agent ").unwrap_or("agent"), attempt.to_string())
        }
    };
    let mut args = map(&span.attributes);
    args.extend(span.error.as_ref().map(|error| ("coditect.error".to_owned(), json!(error))));
    let events = span.events.iter().map(|event| (event.at_ms, event.name.to_owned(), map(&event.attributes)));
    Piece {
        id,
        row: row.to_owned(),
        at_ms: (span.start_ms, span.end_ms),
        is_call: is_model || matches!(span.of, Of::Approval(_)),
        events: events.collect(),
        error: span.error,
        name: span.name,
        args,
    }
}

fn map(attributes: &Attributes) -> Map<String, Value> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// Sends the spans of a mission to a collector as they end.
pub(crate) struct Telemetry {
    tracer: Tracer,
    exporter: Exporter,
    collector: String,
    /// Spans that ended by this record belong to the mission that this one was forked from.
    shared: u64,
}

impl Telemetry {
    /// As the standard `OTEL_*` variables want it; None: they do not, or want what cannot be. These variables are often set for
    /// other programs, so they stop no mission: what is wrong with them is given as a note.
    pub(crate) fn open(env: &Environment) -> (Option<Self>, Option<String>) {
        let variable = |name: &str| env.get(name).and_then(|value| value.to_str()).map(str::to_owned);
        let started = Target::from_variables(variable).and_then(|target| {
            let start = |target: Target| {
                let collector = target.shown();
                Ok(Self {
                    tracer: Tracer::default(),
                    exporter: Exporter::start(target)?,
                    collector,
                    shared: 0,
                })
            };
            target.map(start).transpose()
        });
        match started {
            Ok(telemetry) => (telemetry, None),
            Err(error) => {
                let hint = error.hint.map_or(String::new(), |hint| format!("; {hint}"));
                (None, Some(format!("no traces are sent: {}{hint}", error.cause)))
            }
        }
    }

    /// Takes the next record. All of a mission's spans are sent, also those of a process before this one: nobody knows which of
    /// them came through, and one that comes twice is the same span.
    pub(crate) fn take(&mut self, record: &Record) {
        if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
            self.shared = fork.at_seq;
        }
        for span in self.tracer.take(record) {
            if record.seq > self.shared {
                self.exporter.offer(&record.mission, piece(span));
            }
        }
    }

    /// Sends what waits, and says how much was not sent. It takes some seconds at most.
    pub(crate) fn finish(self) -> Option<String> {
        let (sent, dropped) = self.exporter.finish(SENT_WITHIN);
        let told = |dropped: u64| {
            format!("the collector at {} did not take {dropped} of {} spans", self.collector, sent + dropped)
        };
        (dropped > 0).then(|| told(dropped))
    }
}
