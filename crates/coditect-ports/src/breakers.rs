//! Where circuit breakers are kept, so that what one process learnt of a remote thing is known to the others.

use std::fmt::Debug;

use coditect_types::breaker::{BreakerSeen, Remote, Standing};

/// Keeps where breakers stand. When one opens and closes is the core's to say.
///
/// # Promises
/// What one caller kept is what the next one finds, whatever thread or process it is in: of two that move the same breaker at the same
/// time, the second one moves what the first one left.
///
/// # May
/// Forget a breaker that was never moved. Keep names and times where other processes of the same person find them.
///
/// # Must not
/// Wait for others for longer than a moment, or call `change` more than once.
///
/// # When it fails
/// Each process goes by what it has seen itself: a call is never refused for want of a place to keep that in.
pub trait Breakers: Debug + Send + Sync {
    /// Lets `change` move a breaker from where it stands, and keeps where it is then.
    fn change(&self, of: &Remote, change: &mut dyn FnMut(Standing) -> Standing);

    /// Those that were ever moved, by what they are before.
    fn all(&self) -> Vec<BreakerSeen>;
}
