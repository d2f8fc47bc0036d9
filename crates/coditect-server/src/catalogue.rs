//! The list of missions: what the first and the last record of each say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use coditect_ports::journal::StreamInfo;
use coditect_ports::{Journal, PortError};
use coditect_runtime::entry::{End, Entry, entry};
use coditect_types::MissionId;

use crate::text::cut;

/// Missions that are listed, the newest. More are in the journal, and are said to be.
pub(crate) const MOST: usize = 10_000;
/// Bytes of a request and of a summary that the list holds, so that it has a bound; all of it is on the mission's page.
const REQUEST_BYTES: usize = 4 << 10;
const SUMMARY_BYTES: usize = 1 << 10;
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

/// What the list says of one mission, within bounds; None where its first record cannot be understood.
fn read(journal: &dyn Journal, info: &StreamInfo) -> Result<Option<Entry>, PortError> {
    let within = |entry: Entry| Entry {
        request: cut(entry.request, REQUEST_BYTES),
        end: entry.end.map(|end| End { summary: cut(end.summary, SUMMARY_BYTES), ..end }),
        ..entry
    };
    Ok(entry(journal, info)?.map(within))
}
