//! A trace as a file that a person can open without any server: the Trace Event Format that Chromium (`chrome://tracing`) and
//! Perfetto read ("Trace Event Format", Google, 2016).

use std::collections::BTreeMap;
use std::io::Write;

use coditect_types::MissionId;
use serde_json::json;

use super::Piece;

/// Writes a trace. `until_ms`: where the journal ends, which is where a piece without an end is cut off.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn write(
    out: &mut impl Write,
    mission: &MissionId,
    pieces: &[Piece],
    until_ms: u64,
) -> std::io::Result<()> {
    let mut events = vec![json!({
        "ph": "M", "pid": 1, "name": "process_name", "args": { "name": format!("coditect {mission}") },
    })];
    let mut lanes = Lanes::default();
    for piece in pieces {
        let (start_ms, end_ms) = (piece.at_ms.0, piece.at_ms.1.unwrap_or(until_ms).max(piece.at_ms.0));
        let (lane, is_new) = lanes.take(&piece.row, start_ms, end_ms);
        if is_new {
            events.push(json!({
                "ph": "M", "pid": 1, "tid": lane, "name": "thread_name", "args": { "name": piece.row },
            }));
        }
        let mut args = piece.args.clone();
        if piece.at_ms.1.is_none() {
            args.insert("coditect.open".to_owned(), json!(true));
        }
        events.push(json!({
            "ph": "X", "pid": 1, "tid": lane, "cat": "coditect", "name": piece.name,
            "ts": start_ms.saturating_mul(1_000), "dur": (end_ms - start_ms).saturating_mul(1_000), "args": args,
        }));
        for (at_ms, name, args) in &piece.events {
            events.push(json!({
                "ph": "i", "s": "t", "pid": 1, "tid": lane, "cat": "coditect", "name": name,
                "ts": at_ms.saturating_mul(1_000), "args": args,
            }));
        }
    }
    serde_json::to_writer(&mut *out, &json!({ "displayTimeUnit": "ms", "traceEvents": events }))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Rows in which no two pieces stand at the same time.
#[derive(Debug, Default)]
struct Lanes {
    /// By row: its lanes, and until when each is taken.
    taken: BTreeMap<String, Vec<(u64, u64)>>,
    next: u64,
}

impl Lanes {
    /// A lane of this row that is free then, and whether it is a new one.
    fn take(&mut self, row: &str, start_ms: u64, end_ms: u64) -> (u64, bool) {
        let lanes = self.taken.entry(row.to_owned()).or_default();
        if let Some((lane, until)) = lanes.iter_mut().find(|(_, until)| *until <= start_ms) {
            *until = end_ms;
            return (*lane, false);
        }
        self.next += 1;
        lanes.push((self.next, end_ms));
        (self.next, true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use serde_json::{Map, Value};

    use super::*;

    fn piece(row: &str, start_ms: u64, end_ms: Option<u64>) -> Piece {
        Piece {
            name: format!("{row} \"at\" work"),
            row: row.to_owned(),
            id: format!("{row}-{start_ms}"),
            at_ms: (start_ms, end_ms),
            is_call: false,
            error: None,
            args: Map::new(),
            events: vec![(start_ms, "violation".to_owned(), Map::new())],
        }
    }

    #[test]
    fn pieces_that_stand_side_by_side_have_rows_of_their_own() {
        let pieces = [
            piece("mission", 0, None),
            piece("coder", 1, Some(5)),
            piece("coder", 2, Some(9)),
            piece("coder", 5, Some(7)),
        ];
        let mut out = Vec::new();
        write(&mut out, &MissionId::parse("m-abc").unwrap(), &pieces, 20).unwrap();
        let trace: Value = serde_json::from_slice(&out).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let spans: Vec<(u64, u64, u64)> = events
            .iter()
            .filter(|event| event["ph"] == "X")
            .map(|event| {
                let number = |name: &str| event[name].as_u64().unwrap();
                (number("tid"), number("ts"), number("dur"))
            })
            .collect();
        assert_eq!(spans, [(1, 0, 20_000), (2, 1_000, 4_000), (3, 2_000, 7_000), (2, 5_000, 2_000)]);
        assert_eq!(events.iter().filter(|event| event["name"] == "thread_name").count(), 3);
        assert_eq!(events.iter().filter(|event| event["ph"] == "i").count(), 4);
        assert_eq!(events[2]["args"]["coditect.open"], true, "it had not ended");
    }
}
