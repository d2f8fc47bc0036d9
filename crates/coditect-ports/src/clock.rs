//! Time and chance, for the shell only.

use std::fmt::Debug;

/// The time.
///
/// # Promises
/// `now_ms` is Unix time in ms; `monotonic_us` never goes back within a process.
///
/// # May
/// Jump in `now_ms`, as wall clocks do.
///
/// # Must not
/// Block.
///
/// # When it fails
/// It does not.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> u64;
    /// Microseconds since some moment in this process.
    fn monotonic_us(&self) -> u64;
}

/// Chance.
///
/// # Promises
/// Numbers that do not repeat within a process, and are not the same in two processes unless seeded so.
///
/// # May
/// Be seeded, in simulation.
///
/// # Must not
/// Be used for secrets.
///
/// # When it fails
/// It does not.
pub trait Entropy: Debug + Send + Sync {
    /// 64 bits.
    fn next_u64(&self) -> u64;
}
