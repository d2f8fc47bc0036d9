//! Moves episodes between the shelves of memory, as the core's policy says.

use coditect_ports::{PortError, Shelves};
use coditect_types::memory::{MemoryLimits, Moves, Shelf};

/// How many episodes were moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Put away.
    pub away: usize,
    /// At hand again.
    pub back: usize,
    /// Dropped.
    pub dropped: usize,
}

/// Moves what is to be moved, until nothing is. A process that is killed in it loses nothing: the shelves do one step or none.
pub fn round(shelves: &dyn Shelves, limits: &MemoryLimits, now_ms: u64) -> Result<Moved, PortError> {
    let mut moved = Moved::default();
    loop {
        let moves = coditect_core::memory::moves(&shelves.standings()?, limits, now_ms);
        if moves == Moves::default() {
            return Ok(moved);
        }
        let away = shelves.move_to(Shelf::Cold, &moves.demote)?;
        let back = shelves.move_to(Shelf::Warm, &moves.promote)?;
        if !moves.evict.is_empty() {
            shelves.remove(&moves.evict, false)?;
        }
        moved.away += away;
        moved.back += back;
        moved.dropped += moves.evict.len();
        // What cannot be read cannot be moved, however often it is asked for.
        if away + back + moves.evict.len() == 0 {
            return Ok(moved);
        }
    }
}
