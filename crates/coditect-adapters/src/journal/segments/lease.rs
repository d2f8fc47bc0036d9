//! Who may write to a stream: one process, from its first append until it lets go.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::{AppendError, PortError};
use coditect_types::{ErrorKind, MissionId};

use super::Shared;
use super::format::SegmentKey;
use super::load::{at, refresh};
use super::lock::{Ends, LockFile, Locking, name_of, take};

/// Where a stream is, known for sure since nobody else can write to it.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) last: u64,
    /// None once the stream was given up: then `last` says nothing.
    lock: Option<LockFile>,
}

impl Position {
    pub(super) fn is_held(&self) -> bool {
        self.lock.is_some()
    }
}

/// A stream that this process holds.
#[derive(Debug)]
pub(super) struct Lease {
    /// Appends to one stream take turns.
    pub(super) turn: Arc<tokio::sync::Mutex<Position>>,
    /// To be given up as soon as no append is under way.
    pub(super) let_go: AtomicBool,
}

/// The streams that this process holds.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<MissionId, Arc<Lease>>>,
    /// Taken while a lease is taken, so that two tasks do not find each other's lock.
    taking: Mutex<()>,
}

impl Leases {
    fn find(&self, stream: &MissionId) -> Option<Arc<Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    /// True while this process holds the stream.
    pub(super) fn holds(&self, stream: &MissionId) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(stream)
    }

    /// Gives the stream up, at once or after the append that is under way.
    pub(super) fn release(&self, stream: &MissionId) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lease) = held.get(stream) else {
            return;
        };
        lease.let_go.store(true, Ordering::SeqCst);
        let idle = lease.turn.try_lock().map(|mut position| position.lock = None).is_ok();
        if idle {
            held.remove(stream);
        }
    }
}

/// Takes the stream for this process, if nobody else has it. Touches the disk on the first call for a stream.
pub(super) fn hold(shared: &Shared, stream: &MissionId) -> Result<Arc<Lease>, AppendError> {
    let leases = &shared.leases;
    if let Some(lease) = leases.find(stream) {
        lease.let_go.store(false, Ordering::SeqCst);
        return Ok(lease);
    }
    let taking = leases.taking.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lease) = leases.find(stream) {
        return Ok(lease);
    }
    let lock = lock_stream(shared, stream)?;
    let last = position(shared, stream).map_err(AppendError::NotKept)?;
    let lease = Arc::new(Lease {
        turn: Arc::new(tokio::sync::Mutex::new(Position { last, lock: Some(lock) })),
        let_go: AtomicBool::new(false),
    });
    let mut held = leases.held.lock().unwrap_or_else(PoisonError::into_inner);
    held.insert(stream.clone(), Arc::clone(&lease));
    drop(held);
    drop(taking);
    Ok(lease)
}

/// The stream's lock file.
pub(super) fn lock_stream(shared: &Shared, stream: &MissionId) -> Result<LockFile, AppendError> {
    let path = shared.layout.lease(stream);
    match take(&path, Ends::Removed) {
        Ok(Locking::Taken(lock)) => Ok(lock),
        Ok(Locking::HeldBy(holder)) => {
            let error =
                PortError::new(ErrorKind::Conflict, format!("`{stream}` is held by {}", name_of(holder)))
                    .with_hint("wait until it is done, or end that process");
            Err(AppendError::Held(error))
        }
        Err(error) => Err(AppendError::NotKept(at("locking", &path, &error))),
    }
}

/// Where the stream is now that nobody else writes to it.
fn position(shared: &Shared, stream: &MissionId) -> Result<u64, PortError> {
    let (last, end) = {
        let mut index = shared.index();
        refresh(&shared.layout, &mut index, shared.own_lane())?;
        (index.last(stream), index.streams.get(stream).and_then(super::index::Stream::end_segment))
    };
    // The process that wrote the stream's end may have died before its fsync. What we add stands on it, so it
    // is made durable first.
    if let Some(end) = end.filter(|end| Some(end.lane) != shared.own_lane()) {
        sync_segment(shared, end)?;
    }
    Ok(last)
}

fn sync_segment(shared: &Shared, key: SegmentKey) -> Result<(), PortError> {
    let path = shared.layout.segment(key);
    File::open(&path).and_then(|file| file.sync_data()).map_err(|error| at("syncing", &path, &error))
}
