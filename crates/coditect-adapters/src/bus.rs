//! Announcements within one process.

use std::sync::Arc;

use coditect_ports::{Bus, Notice, UnderWay};
use coditect_types::Record;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};

/// Notices that a watcher may be behind before it misses some.
const WAITING: usize = 4096;

/// Tells every watcher in this process. Never waits: a watcher that is too slow misses the oldest notices, and
/// learns how many.
#[derive(Clone, Debug)]
pub struct LocalBus {
    sender: Sender<Arc<Notice>>,
}

impl LocalBus {
    /// A bus that keeps 4,096 notices for slow watchers.
    #[must_use]
    pub fn new() -> Self {
        Self::with_waiting(WAITING)
    }

    /// A bus that keeps `waiting` notices for slow watchers, rounded up to a power of two.
    #[must_use]
    pub fn with_waiting(waiting: usize) -> Self {
        Self { sender: Sender::new(waiting.max(1)) }
    }

    /// A watcher of everything that is announced from now on.
    #[must_use]
    pub fn subscribe(&self) -> Watcher {
        Watcher { receiver: self.sender.subscribe(), missed: 0 }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn announce(&self, notice: Notice) {
        // Where nobody watches there is nothing to share. A watcher that comes now sees what is announced from
        // now on, so this notice is not its loss.
        if self.sender.receiver_count() == 0 {
            return;
        }
        // An error means that the last watcher has just gone, which is nobody's loss either.
        drop(self.sender.send(Arc::new(notice)));
    }

    fn announce_step(&self, records: &mut dyn Iterator<Item = Record>, _before: &dyn UnderWay) {
        // Nothing is made for nobody.
        if self.sender.receiver_count() == 0 {
            return records.for_each(drop);
        }
        records.for_each(|record| self.announce(Notice::Recorded(Box::new(record))));
    }
}

/// Sees the notices of a [`LocalBus`].
#[derive(Debug)]
pub struct Watcher {
    receiver: Receiver<Arc<Notice>>,
    missed: u64,
}

impl Watcher {
    /// Waits for the next notice. None: the bus is gone.
    pub async fn next(&mut self) -> Option<Arc<Notice>> {
        loop {
            match self.receiver.recv().await {
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The same for a thread of its own. Panics within an async task, as tokio's blocking calls do.
    pub fn next_blocking(&mut self) -> Option<Arc<Notice>> {
        loop {
            match self.receiver.blocking_recv() {
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next notice if there is one now.
    pub fn try_next(&mut self) -> Option<Arc<Notice>> {
        loop {
            match self.receiver.try_recv() {
                Ok(notice) => return Some(notice),
                Err(TryRecvError::Lagged(missed)) => self.missed += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// Notices that came too fast for this watcher.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests;
