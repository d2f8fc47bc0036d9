//! The same as the pages say, for programs.

use coditect_ports::Journal;
use coditect_runtime::ShellError;
use coditect_types::MissionId;
use serde_json::{Value, json};

use crate::moments::Moment;
use crate::pages::list::Chosen;

/// Records that are given where nobody says how many, and at most; and bytes of them, about.
const FEW: usize = 100;
const MANY: usize = 1_000;
const BYTES: usize = 8 << 20;

/// The missions.
pub(crate) fn list(chosen: &[Chosen], all: usize) -> Value {
    let missions: Vec<Value> = chosen.iter().map(entry).collect();
    json!({ "missions": missions, "all": all })
}

fn entry(one: &Chosen) -> Value {
    let end = one.entry.end.as_ref();
    json!({
        "mission": one.entry.mission,
        "status": one.standing,
        "request": one.entry.request,
        "workspace": one.entry.workspace,
        "owner": one.entry.owner,
        "submitted_at_ms": one.entry.submitted_at_ms,
        "ended_at_ms": end.map(|end| end.at_ms),
        "summary": end.map(|end| &end.summary),
        "wall_ms": end.map(|end| end.wall_ms),
        "model_calls": end.map(|end| end.ledger.model_calls),
        "micro_usd": end.map(|end| end.ledger.micro_usd),
        "candidates": end.map(|end| end.ledger.candidates),
        "last_seq": one.entry.last_seq,
    })
}

/// One mission, as `coditect show --json` has it, with what speaks for and against its work.
pub(crate) fn mission(moment: &Moment, is_running: bool) -> Value {
    let mut object = serde_json::to_value(&moment.view).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        let evidence = &moment.evidence;
        fields.insert("running".to_owned(), json!(is_running));
        fields.insert("newest_seq".to_owned(), json!(moment.newest_seq));
        fields.insert("at_ms".to_owned(), json!(moment.at_ms));
        fields.insert("needs".to_owned(), json!(evidence.needs));
        fields.insert("attempts".to_owned(), json!(evidence.attempts));
        fields.insert("violations".to_owned(), json!(evidence.violations));
        fields.insert("receipts".to_owned(), json!(evidence.receipts));
    }
    object
}

/// Records as the journal has them, byte for byte, and where the next ones begin.
pub(crate) fn records(
    journal: &dyn Journal,
    mission: &MissionId,
    (from, limit): (Option<u64>, Option<usize>),
    newest: u64,
) -> Result<String, ShellError> {
    let from = from.unwrap_or(1).max(1);
    let mut next = from;
    let mut out = String::from("{\"records\":[");
    for (seq, bytes) in journal.read(mission, from, limit.unwrap_or(FEW).clamp(1, MANY))? {
        // One is given in any case, so that whoever reads on gets on.
        if next > from && out.len() + bytes.len() > BYTES {
            break;
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| ShellError::BadRecord {
            mission: mission.clone(),
            seq,
            cause: error.to_string(),
        })?;
        if next > from {
            out.push(',');
        }
        out.push_str(text);
        next = seq + 1;
    }
    let more = if next <= newest { next.to_string() } else { "null".to_owned() };
    out.push_str(&format!("],\"next\":{more},\"newest_seq\":{newest}}}\n"));
    Ok(out)
}
