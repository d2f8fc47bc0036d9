//! A value in parts, each behind a lock of its own, for what many threads add to all the time (a sharded lock): a thread has a part by
//! itself as a rule, so nobody waits for it, and its memory stays with one processor.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts of one value. More threads than these share some of them.
const PARTS: usize = 8;

/// A value in parts, which whoever reads it puts together.
#[derive(Debug)]
pub struct Shards<T> {
    parts: [Part<T>; PARTS],
}

/// No two of these are on one line of a cache, nor on two that are read together.
#[derive(Debug)]
#[repr(align(128))]
struct Part<T>(Mutex<T>);

impl<T> Shards<T> {
    /// With parts that are made so.
    pub fn new(mut make: impl FnMut() -> T) -> Self {
        Self { parts: std::array::from_fn(|_| Part(Mutex::new(make()))) }
    }

    /// The part of this thread.
    pub fn own(&self) -> MutexGuard<'_, T> {
        locked(&self.parts[place()])
    }

    /// All of them, one after the other: only what is looked at is locked.
    pub fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.parts.iter().map(locked)
    }
}

fn locked<T>(part: &Part<T>) -> MutexGuard<'_, T> {
    part.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of this thread's part, below [`PARTS`].
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.get().unwrap_or_else(|| {
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % PARTS;
        OWN.set(Some(place));
        place
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;

    #[test]
    fn what_threads_add_is_there_whichever_part_they_have() {
        let sum = Shards::new(|| 0_u64);
        let parts = Mutex::new(std::collections::BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..3 * PARTS {
                scope.spawn(|| {
                    (0..1_000).for_each(|_| *sum.own() += 1);
                    parts.lock().unwrap().insert(place());
                });
            }
        });
        assert_eq!(sum.all().map(|part| *part).sum::<u64>(), 3_000 * PARTS as u64);
        assert!(parts.into_inner().unwrap().len() > 1, "threads do not share one part alone");
    }
}
