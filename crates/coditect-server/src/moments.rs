//! Missions as they stand, or as they stood at one of their records: folds over the journal, the newest of them kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::Journal;
use coditect_runtime::{Fold, MissionView, ShellError, cell};
use coditect_types::{Ledger, MissionId, Record};

use crate::evidence::Evidence;

/// Records that are read at a time: a fold never holds more of them, however long the mission is.
const PAGE: usize = 256;
/// Missions whose folds are kept, so that a page that is looked at again reads only what is new.
const KEPT: usize = 16;

/// A mission at one of its records.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// As a person wants to see it; its ledger is the one of that moment.
    pub(crate) view: MissionView,
    /// What speaks for and against its work.
    pub(crate) evidence: Evidence,
    /// The newest record that there is.
    pub(crate) newest_seq: u64,
    /// When the record of this moment was decided, ms since 1970.
    pub(crate) at_ms: u64,
}

impl Moment {
    /// Whether later records are left out.
    pub(crate) fn is_past(&self) -> bool {
        self.view.last_seq < self.newest_seq
    }
}

/// A fold that goes on, with what speaks for and against the work.
#[derive(Debug)]
pub(crate) struct Folded {
    fold: Fold,
    evidence: Evidence,
}

impl Folded {
    /// Of a mission of which nothing was read.
    pub(crate) fn new(mission: MissionId) -> Self {
        Self { fold: Fold::new(mission), evidence: Evidence::default() }
    }

    /// Takes the next record.
    pub(crate) fn take(&mut self, record: &Record) {
        self.fold.take(record);
        self.evidence.take(record);
    }

    /// The number of its newest record.
    pub(crate) fn seq(&self) -> u64 {
        self.fold.seq()
    }

    /// What it cost so far.
    pub(crate) fn spent(&self) -> &Ledger {
        self.fold.spent()
    }

    /// The view, with what it cost so far. None: nothing was submitted.
    pub(crate) fn view(&self) -> Option<MissionView> {
        self.fold.view()
    }

    fn moment(&self, newest_seq: u64) -> Result<Moment, ShellError> {
        let gone = || ShellError::NoSuchMission(self.fold.mission().clone());
        let view = self.view().ok_or_else(gone)?;
        Ok(Moment { view, evidence: self.evidence.clone(), newest_seq, at_ms: self.fold.at_ms() })
    }
}

/// Reads a mission's records from number `from` on, up to and with number `to`, and hands each on.
pub(crate) fn each(
    journal: &dyn Journal,
    mission: &MissionId,
    (from, to): (u64, u64),
    mut take: impl FnMut(&Record),
) -> Result<(), ShellError> {
    let mut next = from.max(1);
    while next <= to {
        let most = usize::try_from(to - next).unwrap_or(PAGE).saturating_add(1).min(PAGE);
        let page = journal.read(mission, next, most)?;
        let is_last = page.len() < most;
        for (seq, bytes) in page {
            take(&decoded(mission, seq, &bytes)?);
            next = seq + 1;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

/// A record from the journal's bytes.
pub(crate) fn decoded(mission: &MissionId, seq: u64, bytes: &[u8]) -> Result<Record, ShellError> {
    cell::decode(bytes).map_err(|error| ShellError::BadRecord {
        mission: mission.clone(),
        seq,
        cause: error.to_string(),
    })
}

type Kept = (MissionId, Arc<Mutex<Folded>>);

/// The folds that are kept.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    kept: Mutex<VecDeque<Kept>>,
}

impl Moments {
    /// A mission as it stands.
    pub(crate) fn now(&self, journal: &dyn Journal, mission: &MissionId) -> Result<Moment, ShellError> {
        let fold = self.fold_of(mission);
        let mut fold = fold.lock().unwrap_or_else(PoisonError::into_inner);
        let known = fold.seq();
        let mut is_there = known == 0;
        // From the newest one that is known: where that is gone, the mission was removed.
        each(journal, mission, (known, u64::MAX), |record| {
            is_there |= record.seq == known;
            if record.seq > known {
                fold.take(record);
            }
        })?;
        if !is_there || fold.seq() == 0 {
            drop(fold);
            self.forget(mission);
            return Err(ShellError::NoSuchMission(mission.clone()));
        }
        fold.moment(fold.seq())
    }

    /// A mission as it stood at its record `seq`; beyond the newest one, as it stands.
    pub(crate) fn at(
        &self,
        journal: &dyn Journal,
        mission: &MissionId,
        seq: u64,
    ) -> Result<Moment, ShellError> {
        let now = self.now(journal, mission)?;
        if seq >= now.newest_seq {
            return Ok(now);
        }
        let mut fold = Folded::new(mission.clone());
        each(journal, mission, (1, seq.max(1)), |record| fold.take(record))?;
        fold.moment(now.newest_seq)
    }

    /// The fold of a mission, the newest in the row; the one that was not looked at longest makes room.
    fn fold_of(&self, mission: &MissionId) -> Arc<Mutex<Folded>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(of, _)| of == mission).and_then(|at| kept.remove(at));
        let one =
            found.unwrap_or_else(|| (mission.clone(), Arc::new(Mutex::new(Folded::new(mission.clone())))));
        let fold = Arc::clone(&one.1);
        kept.push_back(one);
        while kept.len() > KEPT {
            kept.pop_front();
        }
        fold
    }

    fn forget(&self, mission: &MissionId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _)| of != mission);
    }
}

#[cfg(test)]
mod tests;
