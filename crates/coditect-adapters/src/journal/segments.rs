//! The embedded journal: segment files, and one fdatasync for everyone who waits.
//!
//! **Lanes.** Several processes may use one directory at the same time. Each process that writes owns a lane, a
//! directory of segments under a lock; every process reads all lanes. A stream may have parts in several lanes,
//! when one process began it and another went on; its records are ordered by their numbers.
//!
//! **Leases.** From its first append until `release`, a process holds a stream's lock file. So `expected_seq` is
//! checked against the truth, and two processes cannot both go on with one mission. A process that dies holds
//! nothing any more.
//!
//! **After a crash** the next process that opens the journal for writing cuts torn ends off lanes that nobody
//! holds, keeps the cut bytes in a `.torn` file, and says so in [`Segments::findings`]. Readers stop at a torn end
//! without a word: another process may be writing it. Damage before the end is a finding too; the records before
//! it stay readable, and so do other streams' records after it.
//!
//! **When the disk is full** an append is `NotKept`, what was written of it is taken back, and later appends are
//! kept once there is room. **When an fsync fails** the commit is taken back, which must succeed durably: then it
//! is `NotKept` and the next commit goes to a new segment. If even that fails it is `Unknown`, and the journal
//! keeps nothing more until it is opened again.
//!
//! Another process may see records a moment before they are durable; this one never does.
//!
//! Start reading at [`format`] for the bytes, at [`commit`] for the way of an append, at [`scan`] for the way back.

mod checkpoint;
mod commit;
mod forget;
mod format;
mod index;
mod layout;
mod lease;
mod load;
mod lock;
mod queue;
mod read;
mod recover;
mod saved;
mod scan;
mod sidecar;
mod window;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use coditect_ports::journal::{BoxFuture, Saved, StreamInfo};
use coditect_ports::{AppendError, Journal, PortError};
use coditect_types::{ErrorKind, MissionId};
use tokio::sync::{Semaphore, oneshot};

use self::commit::Committer;
use self::index::Index;
use self::layout::Layout;
use self::lease::{Leases, hold};
use self::load::at;
use self::lock::{Ends, LockFile, Locking};
use self::queue::{Pending, Queue};
use self::read::Fault;
pub use self::recover::Finding;
use self::writer::{Active, Sync, Writer};

/// Length at which a segment is finished, bytes.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Memory that waiting appends may take, KiB.
const ROOM_KIB: u32 = 64 << 10;
/// Lanes there may be: processes that write at the same time.
const LANES: u32 = 1000;

/// The journal in a directory. See the module's documentation.
#[derive(Debug)]
pub struct Segments {
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
}

/// What the callers and the committer have in common.
#[derive(Debug)]
struct Shared {
    layout: Layout,
    /// The lane that this process writes to; None: it only reads.
    lane: Option<(u32, LockFile)>,
    index: Mutex<Index>,
    leases: Leases,
    queue: Queue,
    room: Arc<Semaphore>,
    cut: Vec<Finding>,
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_lane(&self) -> Option<u32> {
        self.lane.as_ref().map(|(lane, _)| *lane)
    }
}

impl Segments {
    /// Opens the journal in `dir` for reading and writing, and makes it if need be. Takes a lane; recovers lanes
    /// whose processes died; finishes what they were removing.
    ///
    /// # Errors
    /// The directory cannot be used, or a segment was written by a newer version.
    pub fn open(dir: &Path) -> Result<Self, PortError> {
        Self::open_with(dir, SEGMENT_BYTES)
    }

    /// The same with segments that are finished at `segment_bytes`.
    ///
    /// # Errors
    /// As for [`Segments::open`].
    pub fn open_with(dir: &Path, segment_bytes: u64) -> Result<Self, PortError> {
        Self::open_on(dir, segment_bytes, File::sync_data)
    }

    fn open_on(dir: &Path, segment_bytes: u64, sync: Sync) -> Result<Self, PortError> {
        let layout = Layout::new(dir);
        layout.create().map_err(|error| at("making the journal", dir, &error))?;
        // Before anything is read: a stream that is removed meanwhile shows at the next look.
        let forgotten =
            layout.forgotten_count().map_err(|error| at("reading", &layout.forgotten(), &error))?;
        let mut index = Index { forgotten, ..Index::default() };
        let mut cut = Vec::new();
        let lane = take_lane(&layout, &mut index, &mut cut)?;
        load::refresh(&layout, &mut index, Some(lane.0))?;
        let writer = writer_for(&layout, &index, lane.0, segment_bytes, sync)?;
        let shared = Arc::new(Shared::new(layout, Some(lane), index, cut));
        let committer = Committer::new(Arc::clone(&shared), writer);
        let committer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || committer.run())
            .map_err(|error| PortError::from_io("starting the journal's thread", &error))?;
        let journal = Self { shared, committer: Some(committer) };
        forget::finish(&journal.shared);
        Ok(journal)
    }

    /// Opens the journal in `dir` for reading only. Changes nothing; a directory that does not exist is an empty
    /// journal.
    ///
    /// # Errors
    /// As for [`Segments::open`].
    pub fn open_read_only(dir: &Path) -> Result<Self, PortError> {
        let layout = Layout::new(dir);
        let mut index = Index::default();
        load::refresh(&layout, &mut index, None)?;
        Ok(Self { shared: Arc::new(Shared::new(layout, None, index, Vec::new())), committer: None })
    }

    /// What a person should know of the journal's files: torn ends that were cut off on opening, and damage.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.shared.cut.clone();
        findings.extend(recover::damage_in(&self.shared.layout, &self.shared.index()));
        findings
    }

    /// The lane that this process writes to, if it does.
    #[must_use]
    pub fn lane(&self) -> Option<u32> {
        self.shared.own_lane()
    }

    /// The directory of a lane, where one looks for its files.
    #[must_use]
    pub fn lane_dir(&self, lane: u32) -> std::path::PathBuf {
        self.shared.layout.lane(lane)
    }

    async fn keep(
        &self,
        stream: &MissionId,
        expected: u64,
        records: Vec<Vec<u8>>,
    ) -> Result<u64, AppendError> {
        let shared = &self.shared;
        if shared.lane.is_none() {
            let error = PortError::new(ErrorKind::Denied, "the journal was opened for reading only");
            return Err(AppendError::NotKept(error));
        }
        let count = records.len() as u32;
        let body = format::body_of(&records).ok_or_else(too_large)?;
        drop(records);
        let body_check = crc32fast::hash(&body);
        let (lease, turn) = loop {
            let lease = hold(shared, stream)?;
            // Nearly always nobody else is at it.
            let turn = match Arc::clone(&lease.turn).try_lock_owned() {
                Ok(turn) => turn,
                Err(_) => Arc::clone(&lease.turn).lock_owned().await,
            };
            // It may have been given up while we waited for our turn.
            if turn.is_held() {
                break (lease, turn);
            }
        };
        if turn.last != expected {
            return Err(AppendError::Conflict { expected, actual: turn.last });
        }
        if count == 0 {
            return Ok(expected);
        }
        let closed =
            || AppendError::NotKept(PortError::new(ErrorKind::Unavailable, "the journal was closed"));
        // `BODY_MAX` is half the room, so that every append fits.
        let room = (body.len() >> 10) as u32 + 1;
        // What is given back goes to those who wait before it can be taken here, so nobody is overtaken.
        let room = match Arc::clone(&shared.room).try_acquire_many_owned(room) {
            Ok(room) => room,
            Err(_) => Arc::clone(&shared.room).acquire_many_owned(room).await.map_err(|_| closed())?,
        };
        let (done, answer) = oneshot::channel();
        let stream = stream.clone();
        let pending = Pending { stream, count, body, body_check, turn, lease, done, _room: room };
        shared.queue.push(pending).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| {
            Err(AppendError::Unknown(PortError::new(ErrorKind::Bug, "the journal's thread is gone")))
        })
    }

    /// Reads once; `fault` tells what stood in the way, `records` has what came before it.
    fn try_read(
        &self,
        stream: &MissionId,
        from: u64,
        limit: usize,
        records: &mut Vec<(u64, Vec<u8>)>,
    ) -> Result<(), Fault> {
        let shared = &self.shared;
        let wanted = {
            let mut index = shared.index();
            // Nobody else writes to a stream that we hold, and our own committer keeps the index.
            if !shared.leases.holds(stream) {
                load::refresh(&shared.layout, &mut index, shared.own_lane()).map_err(Fault::Error)?;
            }
            read::select(&shared.layout, &index, stream, from, limit)?
        };
        read::records(&shared.layout, &wanted, stream, from, limit, records)
    }

    /// Streams that are being removed.
    fn leaving(&self) -> Result<BTreeSet<MissionId>, PortError> {
        let layout = &self.shared.layout;
        let leaving = layout.tombstones().map_err(|error| at("reading", &layout.forgetting(), &error))?;
        Ok(leaving.into_iter().collect())
    }
}

impl Shared {
    fn new(layout: Layout, lane: Option<(u32, LockFile)>, index: Index, cut: Vec<Finding>) -> Self {
        Self {
            layout,
            lane,
            index: Mutex::new(index),
            leases: Leases::default(),
            queue: Queue::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
            cut,
        }
    }
}

impl Journal for Segments {
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(self.keep(stream, expected_seq, records))
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        let from = from.max(1);
        let mut records = Vec::new();
        if !self.shared.leases.holds(stream) && self.leaving()?.contains(stream) {
            return Ok(records);
        }
        // Once to read a sidecar's segment itself, once to look at everything anew, once to be sure.
        for left in (0..3).rev() {
            records.clear();
            match self.try_read(stream, from, limit, &mut records) {
                Ok(()) => return Ok(records),
                Err(Fault::List(segment)) if left > 0 => {
                    load::rescan(&self.shared.layout, &mut self.shared.index(), segment)?;
                }
                // Another process may have moved or erased what the index speaks of.
                Err(Fault::Mismatch { .. }) if left > 0 => {
                    load::rebuild(&self.shared.layout, &mut self.shared.index(), self.shared.own_lane())?;
                }
                Err(_) if !records.is_empty() => return Ok(records),
                Err(Fault::Mismatch { segment, offset }) => {
                    return Err(read::damaged(&self.shared.layout, stream, from, segment, offset));
                }
                Err(Fault::List(segment)) => {
                    return Err(read::damaged(&self.shared.layout, stream, from, segment, 0));
                }
                Err(Fault::Error(error)) => return Err(error),
            }
        }
        Ok(records)
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        let leaving = self.leaving()?;
        let mut index = self.shared.index();
        load::refresh(&self.shared.layout, &mut index, self.shared.own_lane())?;
        let streams = index.streams.iter().filter(|(stream, _)| !leaving.contains(stream));
        Ok(streams
            .map(|(stream, known)| StreamInfo { stream: stream.clone(), last_seq: known.last() })
            .collect())
    }

    fn release(&self, stream: &MissionId) {
        self.shared.leases.release(stream);
    }

    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
        saved::write(&self.shared.layout, stream, saved)
    }

    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError> {
        saved::read(&self.shared.layout, stream)
    }

    fn forget(&self, stream: &MissionId) -> Result<(), PortError> {
        forget::forget(&self.shared, stream)
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.shared.room.close();
        self.shared.queue.close();
        // The committer finishes what waits. Its panic has been reported where it happened.
        if let Some(Err(_)) = self.committer.take().map(JoinHandle::join) {
            tracing::error!("the journal's thread ended with a panic");
        }
    }
}

/// Takes the first lane that nobody holds, or makes one. Free lanes are recovered on the way.
fn take_lane(
    layout: &Layout,
    index: &mut Index,
    cut: &mut Vec<Finding>,
) -> Result<(u32, LockFile), PortError> {
    let lanes = layout.lane_numbers().map_err(|error| at("reading", &layout.lanes(), &error))?;
    let mut own = None;
    for lane in lanes {
        if let Locking::Taken(lock) = lock_lane(layout, lane)? {
            cut.extend(recover::recover(layout, index, lane)?);
            if own.is_none() {
                own = Some((lane, lock));
            }
        }
    }
    if let Some(own) = own {
        return Ok(own);
    }
    for lane in 0..LANES {
        let dir = layout.lane(lane);
        layout::make_dir(&dir).map_err(|error| at("making", &dir, &error))?;
        layout::sync_dir(&layout.lanes()).map_err(|error| at("syncing", &layout.lanes(), &error))?;
        if let Locking::Taken(lock) = lock_lane(layout, lane)? {
            cut.extend(recover::recover(layout, index, lane)?);
            return Ok((lane, lock));
        }
    }
    Err(PortError::new(ErrorKind::Exhausted, format!("{LANES} processes write to this journal already")))
}

fn lock_lane(layout: &Layout, lane: u32) -> Result<Locking, PortError> {
    let path = layout.lane_lock(lane);
    lock::take(&path, Ends::Kept).map_err(|error| at("locking", &path, &error))
}

/// A writer that goes on where the lane ends.
fn writer_for(
    layout: &Layout,
    index: &Index,
    lane: u32,
    segment_bytes: u64,
    sync: Sync,
) -> Result<Writer, PortError> {
    let newest = index.lane(lane).last();
    let number = newest.map_or(0, |(key, _)| key.number);
    // A segment whose heads are gone has no salt: a new one is begun.
    let usable = newest.filter(|(_, segment)| !segment.sealed && segment.damage.iter().all(|d| d.offset > 0));
    let active = usable.map(|(key, segment)| {
        Active::reopen(layout, key, segment.salt, segment.scanned)
            .map_err(|error| at("opening", &layout.segment(key), &error))
    });
    let layout = layout.clone();
    Ok(Writer::new(layout, lane, active.transpose()?, number, segment_bytes, sync))
}

fn too_large() -> AppendError {
    let text = format!("one append may have {} MiB at most", format::BODY_MAX >> 20);
    AppendError::NotKept(PortError::new(ErrorKind::Invalid, text))
}
