//! The shelves of memory: where episodes are kept, at hand (warm) and put away (cold).

use std::fmt;

use coditect_types::memory::{Shelf, Standing};
use coditect_types::{EpisodeId, Reused};

use crate::PortError;

/// An episode as it is put on a shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub id: EpisodeId,
    /// The person's directory.
    pub workspace: String,
    /// The project's language.
    pub language: String,
    /// How it ended.
    pub status: String,
    /// The rung that found the change; empty where none was proved.
    pub rung: String,
    /// The request.
    pub request: String,
    /// When it ended, ms since 1970.
    pub ended_ms: u64,
    /// What it took, ms.
    pub wall_ms: u64,
    /// Episodes with the same text here are one, that was seen more often. Empty: it is like no other.
    pub sameness: String,
    /// Episodes whose changes it tried again.
    pub reused: Vec<Reused>,
    /// All of it, as its writer reads it again.
    pub body: Vec<u8>,
}

/// An episode as it stands on a shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands, and what became of it.
    pub standing: Standing,
    /// How many episodes were the same, this one among them.
    pub seen: u32,
    /// It.
    pub kept: Kept,
}

/// What came of putting episodes on a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// That are kept now.
    pub new: usize,
    /// That were the same as one that is kept.
    pub same: usize,
    /// That were refused, since a person had them forgotten.
    pub forgotten: usize,
}

/// The vector of an episode's text, as an [`crate::Embedder`] gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// The episode.
    pub id: EpisodeId,
    /// The hash of the text that it is of (BLAKE3).
    pub text: [u8; 32],
    /// The numbers.
    pub vector: Vec<f32>,
}

/// How many episodes are no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// In any way.
    pub all: u64,
    /// That were forgotten.
    pub forgotten: u64,
}

/// How much a shelf has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShelfSize {
    /// Episodes.
    pub episodes: u64,
    /// Those of them with a change that was proved.
    pub proved: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the first and the last ended, ms since 1970.
    pub ended_ms: Option<(u64, u64)>,
}

/// Keeps episodes on two shelves, each on one of them.
///
/// # Promises
/// - An episode is on exactly one shelf from the moment that `put` has it until it is dropped or forgotten, whenever the
///   process is killed. Several processes may use the same shelves at once.
/// - Numbers grow in the order of `put`, and none is given twice.
/// - After `forget` the bytes of the episode are in no file of the shelves, and its name is refused by `put` from then on.
/// - The use of an episode by another is counted once, however often the other is put.
///
/// # May
/// Wait for another process for some seconds; where it moves or forgets episodes, for a minute. Lose what `save_index` kept.
///
/// # Must not
/// Look into bodies.
///
/// # When it fails
/// With nothing of the call done, or all of it; a move may have been done for some, and what was forgotten, and cannot be erased
/// everywhere now, is told so and erased by whoever opens the shelves next. Shelves of a newer version are refused, and left as they are.
pub trait Shelves: fmt::Debug + Send + Sync {
    /// Puts episodes at hand, the oldest first. Those that are known, or were dropped or forgotten, are passed over.
    fn put(&self, episodes: &[Kept]) -> Result<Put, PortError>;

    /// Those of the names that `put` would not pass over.
    fn lacking(&self, names: Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError>;

    /// The names of the episode with this number: its own, and those of the ones that were the same.
    fn names(&self, number: u64) -> Result<Vec<EpisodeId>, PortError>;

    /// How many episodes were ever dropped or forgotten. It grows with each.
    fn removals(&self) -> Result<Removals, PortError>;

    /// Every episode as it stands, in the order of numbers.
    fn standings(&self) -> Result<Vec<Standing>, PortError>;

    /// The episodes with these numbers, as far as they are there and can be read, in the order asked for.
    fn fetch(&self, numbers: &[u64]) -> Result<Vec<Row>, PortError>;

    /// Every episode with a number above `after`, in the order of numbers, until `take` is satisfied (gives false). One that cannot be
    /// read just now is an error.
    fn each(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<(), PortError>;

    /// The same without those that cannot be read just now, since what is put away is elsewhere and that is away. Gives their numbers.
    fn each_in_reach(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<Vec<u64>, PortError> {
        self.each(after, take).map(|()| Vec::new())
    }

    /// The number that a name has.
    fn number(&self, id: &EpisodeId) -> Result<Option<u64>, PortError>;

    /// Moves episodes to a shelf. Those that are there already stay, and so do those that cannot be read. Gives how many were moved.
    fn move_to(&self, shelf: Shelf, numbers: &[u64]) -> Result<usize, PortError>;

    /// Drops episodes. Where `forget`, their bytes are erased; their names are refused from then on in any case.
    fn remove(&self, numbers: &[u64], forget: bool) -> Result<(), PortError>;

    /// Has these episodes, the oldest first, in place of all that are kept with numbers up to `through`. Those that were forgotten
    /// stay so.
    fn refill(&self, episodes: &[Kept], through: u64) -> Result<Put, PortError>;

    /// Keeps an index of the episodes, in place of an older one. Nothing is kept where more than `forgotten` were forgotten since.
    fn save_index(&self, bytes: &[u8], forgotten: u64) -> Result<(), PortError>;

    /// The index that was kept, if it is whole.
    fn index(&self) -> Result<Option<Vec<u8>>, PortError>;

    /// Those of the vectors of `space` that are kept of these episodes with these texts, in any order.
    fn vectors(&self, space: &str, wanted: &[(EpisodeId, [u8; 32])]) -> Result<Vec<Embedded>, PortError>;

    /// Keeps vectors of `space`, each in place of an older one of its episode. They go with their episodes.
    fn keep_vectors(&self, space: &str, vectors: &[Embedded]) -> Result<(), PortError>;

    /// How many vectors of `space` are kept.
    fn count_vectors(&self, space: &str) -> Result<u64, PortError>;

    /// How much is at hand, and how much is put away.
    fn sizes(&self) -> Result<[(Shelf, ShelfSize); 2], PortError>;
}
