//! The memory of missions: episodes on their shelves, and the ways to find them again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use coditect_ports::memory::{Example, Recalled, Situation};
use coditect_ports::shelves::{Kept, Put, Row};
use coditect_ports::{Embedder, Memory, PortError, Shelves};
use coditect_types::EpisodeId;

use crate::episode::{Episode, Symptom, symptoms};
use crate::index::Index;

mod following;
mod superseded;

use following::Known;
use superseded::is_superseded;

/// Episodes that are looked at for one answer, for each that is asked for.
const DEEPER: usize = 5;
/// And where none of them helps, so many times as many.
const DEEPEST: usize = DEEPER * DEEPER;
/// Bytes of a diff that is shown as an example.
const LARGEST_EXAMPLE: usize = 4_096;
/// Episodes that are put together.
const TOGETHER: usize = 1_000;
/// How sure the search must have been of a change that is tried again.
const SURE: f64 = 0.69;
/// After so long an episode counts half, and no less than this in the end.
const HALF_MS: f64 = 365.0 * 86_400_000.0;
const LEAST_BY_AGE: f64 = 0.25;

/// Gives those of some names that are lacking.
pub type Lacking<'a> = &'a dyn Fn(Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError>;
/// Reads the episodes of missions that ended and are lacking, the oldest first.
pub type Load = Box<dyn Fn(Lacking<'_>) -> Result<Vec<Episode>, PortError> + Send + Sync>;

/// Episodes and the way to them. What the shelves lack is read, and the index is brought to what is on them, whenever something is
/// asked.
pub struct Episodes {
    shelves: Arc<dyn Shelves>,
    load: Load,
    embedding: Option<Embedding>,
    /// None: nothing was asked yet.
    known: RwLock<Option<Known>>,
}

/// What gives texts their vectors, and how it is used.
#[derive(Debug)]
struct Embedding {
    embedder: Arc<dyn Embedder>,
    /// New texts that it is asked for at a time.
    most: usize,
    /// Why it gave none, where it did not.
    failed: Mutex<Option<PortError>>,
    /// How many numbers its vectors have, once it gave one; 0 before.
    size: AtomicUsize,
}

impl fmt::Debug for Episodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Episodes").field("shelves", &self.shelves).finish_non_exhaustive()
    }
}

/// An episode that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// It.
    pub episode: Episode,
    /// Where it is, and what became of it.
    pub row: Row,
    /// How well it fits, see [`crate::index::Hit::score`].
    pub score: f32,
}

impl Episodes {
    /// A memory on these shelves, of these and of what `load` gives.
    #[must_use]
    pub fn new(shelves: Arc<dyn Shelves>, load: Load) -> Self {
        Self { shelves, load, embedding: None, known: RwLock::new(None) }
    }

    /// The same, whose texts are also found by the vectors of `embedder`. It is asked for the vectors of `most` texts at a time that
    /// have none yet.
    #[must_use]
    pub fn with(mut self, embedder: Arc<dyn Embedder>, most: usize) -> Self {
        self.embedding =
            Some(Embedding { embedder, most, failed: Mutex::default(), size: AtomicUsize::new(0) });
        self
    }

    /// Why texts are found by their words alone, where vectors of them are wanted and cannot be had just now.
    #[must_use]
    pub fn lacks_vectors(&self) -> Option<PortError> {
        self.embedding.as_ref()?.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The shelves.
    #[must_use]
    pub fn shelves(&self) -> &dyn Shelves {
        &*self.shelves
    }

    /// Puts the episodes of missions that ended since the last time on the shelves.
    pub fn absorb(&self) -> Result<Put, PortError> {
        let new = (self.load)(&|names| self.shelves.lacking(names))?;
        let mut put = Put::default();
        for episodes in new.chunks(TOGETHER) {
            let kept: Vec<Kept> = episodes.iter().map(Episode::kept).collect();
            let one = self.shelves.put(&kept)?;
            put = Put {
                new: put.new + one.new,
                same: put.same + one.same,
                forgotten: put.forgotten + one.forgotten,
            };
        }
        Ok(put)
    }

    /// Makes all that is kept anew: from what `load` gives of everything, and of those on the shelves that are not among it.
    pub fn rebuild(&self) -> Result<Put, PortError> {
        let mut all: Vec<Kept> = (self.load)(&|names| Ok(names))?.iter().map(Episode::kept).collect();
        let names: BTreeSet<EpisodeId> = all.iter().map(|kept| kept.id.clone()).collect();
        let mut through = 0;
        self.shelves.each(0, &mut |row| {
            through = row.standing.number;
            if !names.contains(&row.kept.id) {
                all.push(row.kept);
            }
            true
        })?;
        all.sort_by_key(|kept| kept.ended_ms);
        self.shelves.refill(&all, through)
    }

    /// The episodes that fit a query best, the best first.
    pub fn search(&self, query: &str, most: usize) -> Result<Vec<Found>, PortError> {
        let vector = self.embedding.as_ref().and_then(|embedding| embedding.of_query(query));
        let hits: Vec<(u64, f32)> = self.asking(|index, numbers| {
            let hits = index.search_with(query, vector.as_deref(), most).into_iter();
            hits.filter_map(|hit| Some((*numbers.get(hit.text as usize)?, hit.score))).collect()
        })?;
        let numbers: Vec<u64> = hits.iter().map(|(number, _)| *number).collect();
        let mut found: Vec<Found> = Vec::with_capacity(hits.len());
        for row in self.shelves.fetch(&numbers)? {
            let hit = hits.iter().find(|(number, _)| *number == row.standing.number);
            if let (Some((_, score)), Some(episode)) = (hit, Episode::from_kept(&row.kept)) {
                found.push(Found { episode, row, score: *score });
            }
        }
        Ok(found)
    }

    /// Asks the index, which has everything that is on the shelves and what missions that ended brought since. The second of what is
    /// given is the number of each of its texts on the shelves.
    pub fn asking<T>(&self, ask: impl FnOnce(&Index, &[u64]) -> T) -> Result<T, PortError> {
        self.absorb()?;
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let known = match &mut *known {
                Some(known) => known,
                none => none.insert(self.read()?),
            };
            known.follow(&*self.shelves, self.embedding.as_ref())?;
            known.keep(&*self.shelves);
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let nothing = Known::new("");
        let known = known.as_ref().unwrap_or(&nothing);
        Ok(ask(known.index(), known.numbers()))
    }

    /// The index that was kept, if it is of the space that texts are looked for in, or an empty one.
    fn read(&self) -> Result<Known, PortError> {
        let space = self.embedding.as_ref().map_or("", |embedding| embedding.embedder.name());
        let kept = self.shelves.index()?;
        Ok(kept
            .as_deref()
            .and_then(|bytes| Known::from_bytes(bytes, space))
            .unwrap_or_else(|| Known::new(space)))
    }
}

/// What red tests say, as words.
fn told(symptoms: &[Symptom]) -> String {
    let lines: Vec<String> =
        symptoms.iter().map(|of| format!("{} {} {}", of.test, of.error, of.said)).collect();
    lines.join("\n")
}

/// How far an episode is to be trusted, above 0 to 1: how often its change was right when it was tried again (with one and a
/// half tries behind it that nobody made, Laplace's rule of succession), and how long ago that was.
#[must_use]
pub fn trust(row: &Row, now_ms: u64) -> f64 {
    let (uses, held) = row.standing.uses;
    let record = (1.5 * (f64::from(held) + 1.0) / (f64::from(uses) + 1.5)).min(1.0);
    let age = now_ms.saturating_sub(row.standing.ended_ms.max(row.standing.used_ms)) as f64;
    record * 0.5_f64.powf(age / HALF_MS).max(LEAST_BY_AGE)
}

impl Episodes {
    /// Episodes of the same language in situations like this one whose changes can be taken for right, the best first.
    fn fitting(&self, situation: &Situation<'_>, most: usize) -> Result<Vec<Found>, PortError> {
        let query = format!("{}\n{}", situation.request, told(&symptoms(situation.red.iter())));
        let mut depth = most;
        loop {
            let mut found = self.search(&query, depth)?;
            let is_all = found.len() < depth;
            let is_right = |one: &Found| {
                is_sure(one) && found.iter().all(|other| !is_superseded(&one.episode, &other.episode))
            };
            let mut right = found.iter().map(is_right).collect::<Vec<_>>().into_iter();
            found.retain(|one| right.next() == Some(true) && one.episode.language == situation.language);
            // What failed again and again is like this one, too, and stands before what would help.
            if !found.is_empty() || is_all || depth >= most * DEEPEST {
                return Ok(found);
            }
            depth *= DEEPER;
        }
    }
}

/// A change that merely passed the tests, as far as its search could tell, is no example, until it was right elsewhere too.
fn is_sure(found: &Found) -> bool {
    let confidence = found.episode.accepted.as_ref().map_or(0.0, |accepted| accepted.confidence);
    confidence >= SURE || found.row.standing.uses.1 > 0
}

impl Memory for Episodes {
    fn recall(&self, situation: &Situation<'_>, most: usize) -> Result<Vec<Recalled>, PortError> {
        let fits = self.fitting(situation, most * DEEPER)?;
        let best = fits.iter().map(|found| found.score).fold(f32::MIN_POSITIVE, f32::max);
        let recalled = fits.into_iter().filter_map(|Found { episode, row, score }| {
            let likeness = f64::from((score / best).clamp(0.05, 1.0)) * trust(&row, situation.now_ms);
            Some(Recalled { edits: episode.edits()?, episode: episode.id, likeness })
        });
        let mut recalled: Vec<Recalled> = recalled.collect();
        recalled.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        recalled.truncate(most);
        Ok(recalled)
    }

    fn examples(
        &self,
        situation: &Situation<'_>,
        workspaces: &[String],
        most: usize,
    ) -> Result<Vec<Example>, PortError> {
        let is_here = |found: &Found| workspaces.contains(&found.episode.workspace);
        let here = self.fitting(situation, most * DEEPER * DEEPER)?.into_iter().filter(is_here);
        let examples = here.filter_map(|found| {
            let Episode { id: episode, request, accepted, .. } = found.episode;
            Some(Example { episode, request, diff: accepted?.diff })
        });
        Ok(examples.filter(|example| example.diff.len() <= LARGEST_EXAMPLE).take(most).collect())
    }
}

#[cfg(test)]
mod tests;
