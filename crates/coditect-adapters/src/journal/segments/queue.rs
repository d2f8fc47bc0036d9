//! Appends that wait for the committer.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use coditect_ports::AppendError;
use coditect_types::MissionId;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, oneshot};

use super::format::{FRAME_FIXED, FrameHead};
use super::lease::{Lease, Position};

/// One append on its way to the disk. It has its stream's turn until it is settled, also when nobody waits for
/// it any more.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) stream: MissionId,
    pub(super) count: u32,
    pub(super) body: Vec<u8>,
    pub(super) body_check: u32,
    pub(super) turn: OwnedMutexGuard<Position>,
    pub(super) lease: Arc<Lease>,
    pub(super) done: oneshot::Sender<Result<u64, AppendError>>,
    /// Its share of the memory that waiting appends may take.
    pub(super) _room: OwnedSemaphorePermit,
}

impl Pending {
    /// Bytes of its frame.
    pub(super) fn frame_len(&self) -> usize {
        FRAME_FIXED + self.stream.as_str().len() + self.body.len()
    }

    /// The head of its frame.
    pub(super) fn head(&self, synced: u64) -> FrameHead {
        FrameHead {
            erased: false,
            stream: self.stream.clone(),
            first: self.turn.last + 1,
            count: self.count,
            body_len: self.body.len() as u32,
            body_check: self.body_check,
            synced: synced as u32,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    appends: VecDeque<Pending>,
    /// The committer sleeps and nobody has woken it yet. Waking it when it is awake would cost a system call an
    /// append.
    asleep: bool,
    closed: bool,
}

/// The queue. What bounds it is the room that each append takes before it comes here.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

impl Queue {
    /// Hands an append over; gives it back where nobody takes appends any more.
    pub(super) fn push(&self, pending: Pending) -> Result<(), Box<Pending>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.closed {
            return Err(Box::new(pending));
        }
        waiting.appends.push_back(pending);
        let wake = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for appends and puts as many as fit in `most` bytes into the batch, which is empty: one at least.
    /// False: the queue is closed and empty.
    pub(super) fn take(&self, most: usize, batch: &mut VecDeque<Pending>) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.appends.is_empty() {
            if waiting.closed {
                return false;
            }
            waiting.asleep = true;
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.asleep = false;
        let (mut bytes, mut fit) = (0, 0);
        for pending in &waiting.appends {
            bytes += pending.frame_len();
            if fit > 0 && bytes > most {
                break;
            }
            fit += 1;
        }
        if fit == waiting.appends.len() && batch.is_empty() {
            // The two take turns, so that neither has to grow again.
            std::mem::swap(batch, &mut waiting.appends);
        } else {
            batch.extend(waiting.appends.drain(..fit));
        }
        true
    }

    /// No more appends are taken; those that wait still are.
    pub(super) fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.ready.notify_all();
    }

    /// Drops what waits: their callers learn that nobody knows.
    pub(super) fn clear(&self) {
        let dropped =
            std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).appends);
        drop(dropped);
    }
}
