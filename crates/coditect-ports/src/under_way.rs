//! What a mission has under way, for whoever is told of its records and keeps no state of it.

use coditect_types::{AttemptId, TaskId, TaskSpec};

/// An attempt under way.
#[derive(Clone, Copy, Debug)]
pub struct Attempted<'a> {
    /// The task that it is at.
    pub task: &'a TaskSpec,
    /// When it began, ms since 1970.
    pub since_ms: u64,
}

/// What is under way as a record is decided: what the record is about is known there, and not yet changed by it.
///
/// Whoever follows a thousand missions at once has seen none of them for long when the next record of it comes. What they would keep of
/// each would have to be fetched from memory again; the one who decides has it at hand.
pub trait UnderWay {
    /// An attempt; None: it is not under way.
    fn attempt(&self, attempt: AttemptId) -> Option<Attempted<'_>>;

    /// The attempt at a task; None: nobody is at it.
    fn at(&self, task: TaskId) -> Option<AttemptId>;

    /// All attempts, in the order in which they began.
    fn attempts(&self) -> Vec<AttemptId>;

    /// When the newest record was decided, ms since 1970; 0: there is none.
    fn newest_ms(&self) -> u64;
}
