//! A journal in memory that can be told to fail.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use coditect_ports::PortError;
use coditect_ports::journal::{AppendError, BoxFuture, Journal, Saved, StreamInfo};
use coditect_types::MissionId;

/// What happens to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept, and said so.
    Kept,
    /// It is refused and not kept.
    NotKept,
    /// It is kept, and the answer is that nobody knows.
    UnknownKept,
    /// It is not kept, and the answer is that nobody knows.
    UnknownNotKept,
    /// Another writer was faster, and the answer is that nobody knows.
    UnknownOvertaken,
    /// It is said to be kept and is not: a broken promise, for canaries.
    Lied,
}

#[derive(Debug, Default)]
struct Inner {
    streams: BTreeMap<MissionId, Vec<Vec<u8>>>,
    saved: BTreeMap<MissionId, Saved>,
    fates: Vec<Fate>,
}

/// A journal in memory. Appends meet the fates given to it, last one first, then are kept.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Inner>);

impl MemoryJournal {
    /// An empty one that keeps every promise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next append meets this fate.
    pub fn next_fate(&self, fate: Fate) {
        self.inner().fates.push(fate);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The append itself, at once: what the port does, for callers that do not wait.
    pub fn append_now(
        &self,
        stream: &MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> Result<u64, AppendError> {
        let mut inner = self.inner();
        let fate = inner.fates.pop().unwrap_or(Fate::Kept);
        let trouble = |what: &str| PortError::new(coditect_types::ErrorKind::Unavailable, what);
        let kept = inner.streams.entry(stream.clone()).or_default();
        let actual = kept.len() as u64;
        if actual != expected_seq {
            return Err(AppendError::Conflict { expected: expected_seq, actual });
        }
        let after = actual + records.len() as u64;
        match fate {
            Fate::Kept => kept.extend(records),
            Fate::UnknownKept => {
                kept.extend(records);
                return Err(AppendError::Unknown(trouble("the answer was lost")));
            }
            Fate::UnknownOvertaken => {
                // The same to whoever reads it, and not the same bytes.
                kept.extend(records.into_iter().map(|record| [record.as_slice(), b" "].concat()));
                return Err(AppendError::Unknown(trouble("the answer was lost")));
            }
            Fate::NotKept => return Err(AppendError::NotKept(trouble("refused"))),
            Fate::UnknownNotKept => return Err(AppendError::Unknown(trouble("the question was lost"))),
            Fate::Lied => {}
        }
        Ok(after)
    }
}

impl Journal for MemoryJournal {
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async move { self.append_now(stream, expected_seq, records) })
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        let inner = self.inner();
        let records = inner.streams.get(stream).map_or(&[][..], Vec::as_slice);
        Ok((1_u64..).zip(records.iter().cloned()).skip(from.saturating_sub(1) as usize).take(limit).collect())
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        let inner = self.inner();
        let known = inner.streams.iter().filter(|(_, records)| !records.is_empty());
        Ok(known.map(|(s, r)| StreamInfo { stream: s.clone(), last_seq: r.len() as u64 }).collect())
    }

    fn release(&self, _stream: &MissionId) {}

    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
        self.inner().saved.insert(stream.clone(), saved.clone());
        Ok(())
    }

    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError> {
        Ok(self.inner().saved.get(stream).cloned())
    }

    fn forget(&self, stream: &MissionId) -> Result<(), PortError> {
        let mut inner = self.inner();
        inner.streams.remove(stream);
        inner.saved.remove(stream);
        Ok(())
    }
}
