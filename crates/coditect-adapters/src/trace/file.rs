//! A trace as a file that a person can open without any server: the Trace Event Format that Chromium (`chrome://tracing`) and
//! Perfetto read ("Trace Event Format", Google, 2016).

use std::collections::BTreeMap;
use std::io::Write;

use coditect_types::MissionId;
use serde_json::json;

use super::Piece;

/// Writes a trace. `until_us`: where the journal ends, which is where a piece without an end is cut off.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn write(
    out: &mut impl Write,
    mission: &MissionId,
    pieces: &[Piece],
    until_us: u64,
) -> std::io::Result<()> {
    let mut events = vec![json!({
        "ph": "M", "pid": 1, "name": "process_name", "args": { "name": format!("coditect {mission}") },
    })];
    let mut lanes = Lanes::default();
    for piece in pieces {
        let (start_us, end_us) = (piece.at_us.0, piece.at_us.1.unwrap_or(until_us).max(piece.at_us.0));
        let (lane, is_new) = lanes.take(&piece.row, start_us, end_us);
        if is_new {
            events.push(json!({
                "ph": "M", "pid": 1, "tid": lane, "name": "thread_name", "args": { "name": piece.row },
            }));
        }
        let mut args = piece.args.clone();
        if piece.at_us.1.is_none() {
            args.insert("coditect.open".to_owned(), json!(true));
        }
        events.push(json!({
            "ph": "X", "pid": 1, "tid": lane, "cat": "coditect", "name": piece.name,
            "ts": start_us, "dur": end_us - start_us, "args": args,
        }));
        for (at_us, name, args) in &piece.events {
            events.push(json!({
                "ph": "i", "s": "t", "pid": 1, "tid": lane, "cat": "coditect", "name": name,
                "ts": at_us, "args": args,
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
    fn take(&mut self, row: &str, start_us: u64, end_us: u64) -> (u64, bool) {
        let lanes = self.taken.entry(row.to_owned()).or_default();
        if let Some((lane, until)) = lanes.iter_mut().find(|(_, until)| *until <= start_us) {
            *until = end_us;
            return (*lane, false);
        }
        self.next += 1;
        lanes.push((self.next, end_us));
        (self.next, true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use serde_json::{Map, Value};

    use super::*;

    fn piece(row: &str, start_us: u64, end_us: Option<u64>) -> Piece {
        Piece {
            name: format!("{row} \"at\" work"),
            row: row.to_owned(),
            id: format!("{row}-{start_us}"),
            above: None,
            at_us: (start_us, end_us),
            is_call: false,
            error: None,
            args: Map::new(),
            events: vec![(start_us, "violation".to_owned(), Map::new())],
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
        assert_eq!(spans, [(1, 0, 20), (2, 1, 4), (3, 2, 7), (2, 5, 2)]);
        assert_eq!(events.iter().filter(|event| event["name"] == "thread_name").count(), 3);
        assert_eq!(events.iter().filter(|event| event["ph"] == "i").count(), 4);
        assert_eq!(events[2]["args"]["coditect.open"], true, "it had not ended");
    }
}
