//! Stopping work that is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why work is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A person cancelled the mission, or it ended another way.
    Cancelled,
    /// The process is to end; the mission goes on with `resume`.
    Shutdown,
    /// The attempt's deadline has passed.
    Deadline,
}

/// A flag that whoever does long work looks at often (every few ms). Cloning shares the flag.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag. The first cause stays.
    pub fn raise(&self, cause: StopCause) {
        let code = match cause {
            StopCause::Cancelled => 1,
            StopCause::Shutdown => 2,
            StopCause::Deadline => 3,
        };
        // A lost race means that another cause was first, which is what the caller would read anyway.
        let first = self.0.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        debug_assert!(first.is_ok() || self.is_raised());
    }

    /// The cause, once the flag is raised.
    #[must_use]
    pub fn cause(&self) -> Option<StopCause> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(StopCause::Cancelled),
            2 => Some(StopCause::Shutdown),
            _ => Some(StopCause::Deadline),
        }
    }

    /// True once the flag is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}
