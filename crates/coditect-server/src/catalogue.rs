//! The list of missions: what the first and the last record of each say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use coditect_ports::journal::StreamInfo;
use coditect_ports::{Journal, PortError};
use coditect_runtime::MissionView;
use coditect_runtime::entry::{End, Entry, entry};
use coditect_types::MissionId;

use crate::text::cut;

/// Missions that are listed, the newest. More are in the journal, and are said to be.
pub(crate) const MOST: usize = 10_000;
/// Bytes of a request and of a summary that the list holds, so that it has a bound; all of it is on the mission's page.
const REQUEST_BYTES: usize = 4 << 10;
const SUMMARY_BYTES: usize = 1 << 10;
/// Glances that are kept; one more, and they are taken anew.
const GLANCES: usize = 1_000;

/// What is known of the missions; each is read again only where it has grown.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    known: Mutex<BTreeMap<MissionId, Entry>>,
    /// Of missions that have not ended, with the record at which they were taken.
    glances: Mutex<BTreeMap<MissionId, (u64, Glance)>>,
}

/// What the list says of a mission that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// What goes on.
    pub(crate) summary: String,
    /// Time at work, ms.
    pub(crate) wall_ms: u64,
    /// Money for models so far, millionths of a US dollar.
    pub(crate) micro_usd: u64,
    /// Questions that wait for a person.
    pub(crate) questions: usize,
}

impl Glance {
    fn of(view: MissionView) -> Self {
        let questions = view.approvals.iter().filter(|asked| asked.is_open(&view)).count();
        let (wall_ms, micro_usd) = (view.wall_ms, view.ledger.micro_usd);
        Self { summary: cut(view.summary, SUMMARY_BYTES), wall_ms, micro_usd, questions }
    }
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

    /// A look into a mission that has not ended, by `view` where it has grown since the last one: a list with many such
    /// missions does not fold them all each time. None: it cannot be read.
    pub(crate) fn glance(&self, of: &Entry, view: impl FnOnce() -> Option<MissionView>) -> Option<Glance> {
        let glances = || self.glances.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seq, glance)) = glances().get(&of.mission)
            && *seq == of.last_seq
        {
            return Some(glance.clone());
        }
        let view = view()?;
        let (seq, glance) = (view.last_seq, Glance::of(view));
        let mut glances = glances();
        if glances.len() >= GLANCES {
            glances.clear();
        }
        glances.insert(of.mission.clone(), (seq, glance.clone()));
        Some(glance)
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::house::House;
    use crate::moments::Moments;
    use crate::trial::{HOSTILE, Trial, hostile, id, submitted};

    #[test]
    fn a_mission_is_looked_into_again_only_where_it_has_grown() {
        let (trial, catalogue, moments) = (Trial::default(), Catalogue::default(), Moments::default());
        let (mission, looks) = (id("m-1"), Cell::new(0));
        let questions = || {
            let (entries, _) = catalogue.list(trial.journal()).unwrap();
            let view = || {
                looks.set(looks.get() + 1);
                Some(moments.now(trial.journal(), &mission).unwrap().view)
            };
            catalogue.glance(&entries[0], view).unwrap().questions
        };
        let mut events = hostile(&mission);
        let asked = events.pop().unwrap();
        trial.append(&mission, events);
        assert_eq!((questions(), questions(), looks.get()), (0, 0, 1));
        trial.append(&mission, vec![asked]);
        assert_eq!((questions(), questions(), looks.get()), (1, 1, 2));
    }

    #[test]
    fn what_the_list_holds_has_a_bound() {
        let (trial, catalogue, mission) = (Trial::default(), Catalogue::default(), id("m-1"));
        trial.append(&mission, vec![submitted(&mission, &HOSTILE.repeat(1_000))]);
        let (entries, all) = catalogue.list(trial.journal()).unwrap();
        assert_eq!((entries.len(), all), (1, 1));
        assert!(entries[0].request.len() <= REQUEST_BYTES && entries[0].request.starts_with(HOSTILE));
    }
}
