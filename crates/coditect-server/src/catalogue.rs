//! The list of missions: what the first and the last record of each say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use coditect_ports::journal::StreamInfo;
use coditect_ports::{Journal, PortError};
use coditect_runtime::cell;
use coditect_types::{Event, MissionId, MissionStatus, Record};
use serde::Serialize;

use crate::text::cut;

/// Missions that are listed, the newest. More are in the journal, and are said to be.
pub(crate) const MOST: usize = 10_000;
/// Bytes of a request and of a summary that the list holds, so that it has a bound; all of it is on the mission's page.
const REQUEST_BYTES: usize = 4 << 10;
const SUMMARY_BYTES: usize = 1 << 10;
/// Records that may stand behind the end of a mission: outcomes that came late.
const BEHIND: u64 = 16;

/// How a mission ended.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct End {
    /// How.
    pub(crate) status: MissionStatus,
    /// When, ms since 1970.
    pub(crate) at_ms: u64,
    /// What happened.
    pub(crate) summary: String,
    /// Time at work, ms.
    pub(crate) wall_ms: u64,
    /// Calls of models.
    pub(crate) model_calls: u64,
    /// Money for models, millionths of a US dollar.
    pub(crate) micro_usd: u64,
    /// Candidates tried.
    pub(crate) candidates: u64,
}

/// A mission in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) mission: MissionId,
    /// The request.
    pub(crate) request: String,
    /// The person's directory.
    pub(crate) workspace: String,
    /// When it was submitted, ms since 1970.
    pub(crate) submitted_at_ms: u64,
    /// The number of its newest record.
    pub(crate) last_seq: u64,
    /// How it ended; None: it has not.
    pub(crate) end: Option<End>,
}

/// What is known of the missions; each is read again only where it has grown.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    known: Mutex<BTreeMap<MissionId, Entry>>,
}

impl Catalogue {
    /// The newest missions, newest first, and how many there are in all.
    pub(crate) fn list(&self, journal: &dyn Journal) -> Result<(Vec<Entry>, usize), PortError> {
        let streams = journal.streams()?;
        let all = streams.len();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = BTreeMap::new();
        // Ids begin with the second of submission, so the newest are the last.
        for info in streams.into_iter().rev().take(MOST) {
            let kept = known.remove(&info.stream).filter(|entry| entry.last_seq == info.last_seq);
            let entry = match kept {
                Some(entry) => Some(entry),
                // One that is damaged does not hide the others; the page tells what is damaged.
                None => read(journal, &info).unwrap_or_else(|error| {
                    tracing::warn!(mission = %info.stream, %error, "a mission is left out of the list");
                    None
                }),
            };
            next.extend(entry.map(|entry| (info.stream, entry)));
        }
        *known = next;
        let mut entries: Vec<Entry> = known.values().cloned().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.submitted_at_ms));
        Ok((entries, all))
    }
}

/// What the list says of one mission; None where its first record cannot be read.
fn read(journal: &dyn Journal, info: &StreamInfo) -> Result<Option<Entry>, PortError> {
    let record = |seq: u64| -> Result<Option<Record>, PortError> {
        let records = journal.read(&info.stream, seq, 1)?;
        Ok(records.first().and_then(|(_, bytes)| cell::decode(bytes).ok()))
    };
    let Some(first) = record(1)? else { return Ok(None) };
    let Event::MissionSubmitted { request, workspace, .. } = first.event else { return Ok(None) };
    let mut end = None;
    for seq in (info.last_seq.saturating_sub(BEHIND).max(1)..=info.last_seq).rev() {
        match record(seq)?.map(|record| (record.at_ms, record.event)) {
            Some((at_ms, Event::MissionCompleted { status, summary, ledger, wall_ms, .. })) => {
                end = Some(End {
                    status,
                    at_ms,
                    summary: cut(summary, SUMMARY_BYTES),
                    wall_ms,
                    model_calls: ledger.model_calls,
                    micro_usd: ledger.micro_usd,
                    candidates: ledger.candidates,
                });
                break;
            }
            Some((_, Event::OutcomeIgnored { .. })) => {}
            Some(_) | None => break,
        }
    }
    Ok(Some(Entry {
        mission: info.stream.clone(),
        request: cut(request, REQUEST_BYTES),
        workspace: workspace.path,
        submitted_at_ms: first.at_ms,
        last_seq: info.last_seq,
        end,
    }))
}
