//! A journal on a server, with a mark on this machine for each mission that a process of it has under way.
//!
//! The server fences writers by number and knows no holder. On one machine people want more: `list` tells what
//! runs, `cancel` and `approve` reach the process that does, and `resume` does not take a mission from it. So the
//! process holds a lock file from its first append on, as with segment files. Other machines do not see it.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use coditect_ports::journal::{BoxFuture, Saved, StreamInfo};
use coditect_ports::{AppendError, Journal, PortError};
use coditect_types::{ErrorKind, MissionId};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Marked<J> {
    journal: J,
    /// Where the lock files are.
    dir: PathBuf,
    held: Mutex<HashMap<MissionId, File>>,
}

impl<J> Marked<J> {
    /// Marks are in the directory `leases` of `dir`, where whoever looks for a holder looks too.
    pub(super) fn open(journal: J, dir: &Path) -> Result<Self, PortError> {
        let dir = dir.join("leases");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|error| PortError::from_io(&format!("`{}`", dir.display()), &error))?;
        Ok(Self { journal, dir, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<MissionId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, mission: &MissionId) -> PathBuf {
        self.dir.join(format!("{mission}.lock"))
    }

    /// Marks the mission as ours, unless another process of this machine has it.
    fn hold(&self, mission: &MissionId) -> Result<(), AppendError> {
        let mut held = self.held();
        if held.contains_key(mission) {
            return Ok(());
        }
        let path = self.path(mission);
        let failed = |error: std::io::Error| {
            AppendError::NotKept(PortError::from_io(&format!("locking `{}`", path.display()), &error))
        };
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let named = (&mut file).take(16).read_to_string(&mut text).is_ok_and(|read| read > 0);
                let holder =
                    if named { format!("process {}", text.trim()) } else { "another process".to_owned() };
                let error = PortError::new(ErrorKind::Conflict, format!("`{mission}` is held by {holder}"))
                    .with_hint("wait until it is done, or end that process");
                return Err(AppendError::Held(error));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let named = file.set_len(0).and_then(|()| file.rewind());
        named.and_then(|()| file.write_all(std::process::id().to_string().as_bytes())).map_err(failed)?;
        held.insert(mission.clone(), file);
        Ok(())
    }
}

impl<J: Journal> Journal for Marked<J> {
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        match self.hold(stream) {
            Ok(()) => self.journal.append(stream, expected_seq, records),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        self.journal.read(stream, from, limit)
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        self.journal.streams()
    }

    fn release(&self, stream: &MissionId) {
        self.journal.release(stream);
        // Closing unlocks. The file stays until the mission is forgotten: a name that nobody removes needs no care.
        drop(self.held().remove(stream));
    }

    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
        self.journal.save(stream, saved)
    }

    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError> {
        self.journal.saved(stream)
    }

    fn forget(&self, stream: &MissionId) -> Result<(), PortError> {
        self.hold(stream).map_err(|error| match error {
            AppendError::Held(error) | AppendError::Unknown(error) | AppendError::NotKept(error) => error,
            AppendError::Conflict { .. } => PortError::new(ErrorKind::Bug, error.to_string()),
        })?;
        let forgotten = self.journal.forget(stream);
        if let Err(error) = std::fs::remove_file(self.path(stream)) {
            tracing::debug!(mission = %stream, %error, "a lock file stays");
        }
        self.release(stream);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::sync::Arc;

    use coditect_testkit::conformance;
    use coditect_testkit::memory_journal::MemoryJournal;

    use super::*;

    #[test]
    fn conforms() {
        let dir = tempfile::tempdir().unwrap();
        let count = std::cell::Cell::new(0);
        conformance::journal(|| {
            count.set(count.get() + 1);
            Arc::new(Marked::open(MemoryJournal::new(), &dir.path().join(count.get().to_string())).unwrap())
        });
    }

    #[test]
    fn a_mission_is_one_processs_of_this_machine_until_it_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Marked::open(MemoryJournal::new(), dir.path()).unwrap();
        let (one, two) = (open(), open());
        let mission = MissionId::from_parts(1_700_000_000_000, 1);
        let append = |journal: &Marked<MemoryJournal>| {
            conformance::wait_for(journal.append(&mission, 0, vec![b"a".to_vec()]))
        };
        assert_eq!(append(&one), Ok(1));
        let refused = append(&two);
        let says = format!("is held by process {}", std::process::id());
        assert!(
            matches!(&refused, Err(AppendError::Held(error)) if error.cause.contains(&says)),
            "{refused:?}"
        );
        assert_eq!(two.forget(&mission).unwrap_err().kind, ErrorKind::Conflict);
        one.release(&mission);
        assert_eq!(append(&two), Ok(1));
        drop(two);
        one.forget(&mission).unwrap();
        assert!(!one.path(&mission).exists());
    }
}
