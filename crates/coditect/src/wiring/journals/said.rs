//! A journal that says which missions this process has under way, where others listen.

use std::sync::Arc;

use coditect_ports::journal::{BoxFuture, Saved, StreamInfo};
use coditect_ports::{AppendError, Journal, PortError};
use coditect_runtime::holders::Sayer;
use coditect_types::MissionId;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Said {
    journal: Arc<dyn Journal>,
    sayer: Sayer,
}

impl Said {
    pub(super) fn new(journal: Arc<dyn Journal>, sayer: Sayer) -> Self {
        Self { journal, sayer }
    }
}

impl Journal for Said {
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        self.sayer.has(stream);
        self.journal.append(stream, expected_seq, records)
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        self.journal.read(stream, from, limit)
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        self.journal.streams()
    }

    fn release(&self, stream: &MissionId) {
        self.journal.release(stream);
        self.sayer.let_go(stream);
    }

    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
        self.journal.save(stream, saved)
    }

    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError> {
        self.journal.saved(stream)
    }

    fn forget(&self, stream: &MissionId) -> Result<(), PortError> {
        let forgotten = self.journal.forget(stream);
        self.sayer.let_go(stream);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use coditect_ports::WorldStore;
    use coditect_runtime::holders::Process;
    use coditect_testkit::conformance;
    use coditect_testkit::memory_journal::MemoryJournal;
    use coditect_testkit::memory_world::MemoryWorld;

    use super::*;

    #[test]
    fn conforms() {
        conformance::journal(|| {
            let world = Arc::new(MemoryWorld::default());
            let open = Arc::new(move || Ok(Arc::clone(&world) as Arc<dyn WorldStore>));
            let sayer = Sayer::begin(open, Process::this("here".to_owned())).unwrap();
            Arc::new(Said::new(Arc::new(MemoryJournal::new()), sayer))
        });
    }
}
