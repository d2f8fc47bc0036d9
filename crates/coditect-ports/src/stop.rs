//! Stopping work that is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

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

#[derive(Debug, Default)]
struct Flags {
    cause: AtomicU8,
    hurry: AtomicBool,
}

/// A flag that whoever does long work looks at often (every few ms). Cloning shares the flag.
///
/// Beside it there is a softer one: work that could go on for long comes to an end by itself, with what it has. What
/// does not know of that goes on as ever.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Flags>);

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
        let first = self.0.cause.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        debug_assert!(first.is_ok() || self.is_raised());
    }

    /// The cause, once the flag is raised.
    #[must_use]
    pub fn cause(&self) -> Option<StopCause> {
        match self.0.cause.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(StopCause::Cancelled),
            2 => Some(StopCause::Shutdown),
            _ => Some(StopCause::Deadline),
        }
    }

    /// True once the flag is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.cause.load(Ordering::Relaxed) != 0
    }

    /// Asks for an end with what there is.
    pub fn hurry(&self) {
        self.0.hurry.store(true, Ordering::Relaxed);
    }

    /// True once the flag is raised, or an end with what there is was asked for.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.is_raised() || self.0.hurry.load(Ordering::Relaxed)
    }
}
