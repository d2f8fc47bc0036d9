//! The memory of missions: episodes on their shelves, and the ways to find them again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use coditect_ports::memory::{Example, Recalled, Situation};
use coditect_ports::shelves::{Kept, Put, Removals, Row};
use coditect_ports::{Memory, PortError, Shelves};
use coditect_types::EpisodeId;
use coditect_types::memory::Standing;

use crate::episode::{Episode, Symptom, symptoms};
use crate::index::{Index, Part};

mod superseded;

use superseded::is_superseded;

/// From so many episodes on it is worth to learn what their words mean, and again when they are so many times as many.
const LEARNS_FROM: usize = 50;
const LEARNS_AGAIN: usize = 4;
/// Episodes that are looked at for one answer, for each that is asked for.
const DEEPER: usize = 5;
/// Episodes that an index may lack before it is worth to keep it anew.
const LACKING: usize = 64;
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
    /// None: nothing was asked yet.
    known: RwLock<Option<Known>>,
}

#[derive(Default)]
struct Known {
    index: Index,
    /// The number of each text of the index on the shelves, ascending.
    numbers: Vec<u64>,
    /// How many texts there were when it learnt last.
    learnt_from: usize,
    /// How many episodes had been removed when it was made.
    removals: Removals,
    /// How many texts there were when it was kept.
    kept: usize,
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
        Self { shelves, load, known: RwLock::new(None) }
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
        let hits: Vec<(u64, f32)> = self.asking(|index, numbers| {
            let hits = index.search(query, most).into_iter();
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
            let has_learnt = known.follow(&*self.shelves)?;
            if has_learnt || known.numbers.len() >= known.kept + LACKING {
                known.kept = known.numbers.len();
                // It is made anew in a moment where it cannot be kept.
                if let Err(error) = self.shelves.save_index(&known.to_bytes(), known.removals.forgotten) {
                    tracing::warn!(%error, "the index of memory is not kept");
                }
            }
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let nothing = Known::default();
        let known = known.as_ref().unwrap_or(&nothing);
        Ok(ask(&known.index, &known.numbers))
    }

    /// The index that was kept, or an empty one.
    fn read(&self) -> Result<Known, PortError> {
        let kept = self.shelves.index()?;
        Ok(kept.as_deref().and_then(Known::from_bytes).unwrap_or_default())
    }
}

impl Known {
    /// Brings the index to what is on the shelves. Gives whether it learnt anew what words mean.
    fn follow(&mut self, shelves: &dyn Shelves) -> Result<bool, PortError> {
        let removals = shelves.removals()?;
        if self.removals != removals {
            if self.removals.forgotten == removals.forgotten {
                self.let_go(&shelves.standings()?);
            } else {
                // The words of what was forgotten are in it.
                *self = Self::default();
            }
            self.removals = removals;
        }
        shelves.each(self.numbers.last().copied().unwrap_or(0), &mut |row| {
            self.add(&row);
            true
        })?;
        let all = self.numbers.len();
        let learns = all >= LEARNS_FROM && all >= self.learnt_from.saturating_mul(LEARNS_AGAIN);
        if learns {
            self.index.learn();
            self.learnt_from = all;
        }
        Ok(learns)
    }

    /// Forgets what is not on the shelves any more.
    fn let_go(&mut self, there: &[Standing]) {
        let there: Vec<u64> = there.iter().map(|standing| standing.number).collect();
        let gone = |number: &u64| there.binary_search(number).is_err();
        let lost = self.numbers.iter().filter(|number| gone(number)).count();
        if lost * 4 > self.numbers.len() || self.numbers.last() > there.last() {
            *self = Self::default();
        }
        for (text, number) in (0_u32..).zip(&self.numbers) {
            if gone(number) {
                self.index.remove(text);
            }
        }
    }

    fn add(&mut self, row: &Row) {
        let Some(episode) = Episode::from_kept(&row.kept) else { return };
        let (said, change) = (told(&episode.symptoms), changed(&episode));
        self.index.insert(&[
            Part { text: &episode.request, weight: 2 },
            Part { text: &said, weight: 1 },
            Part { text: &change, weight: 1 },
        ]);
        self.numbers.push(row.standing.number);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Removals { all, forgotten } = self.removals;
        for count in [self.numbers.len() as u64, self.learnt_from as u64, all, forgotten] {
            bytes.extend(count.to_le_bytes());
        }
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.index.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<32>()?;
        let (counts, _) = head.as_chunks::<8>();
        let [count, learnt_from, all, forgotten] =
            [counts[0], counts[1], counts[2], counts[3]].map(u64::from_le_bytes);
        let removals = Removals { all, forgotten };
        let (numbers, rest) = rest.split_at_checked(usize::try_from(count).ok()?.checked_mul(8)?)?;
        let numbers: Vec<u64> =
            numbers.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
        let index = Index::from_bytes(rest)?;
        let fits = index.texts() == numbers.len() && numbers.is_sorted_by(|a, b| a < b);
        let (kept, learnt_from) = (numbers.len(), usize::try_from(learnt_from).ok()?);
        fits.then_some(Self { index, numbers, learnt_from, removals, kept })
    }
}

/// What red tests say, as words.
fn told(symptoms: &[Symptom]) -> String {
    let lines: Vec<String> =
        symptoms.iter().map(|of| format!("{} {} {}", of.test, of.error, of.said)).collect();
    lines.join("\n")
}

/// What was changed, as words: the lines around it tell what the code is about.
fn changed(episode: &Episode) -> String {
    let Some(accepted) = &episode.accepted else { return String::new() };
    format!("{}\n{}", accepted.explanation, accepted.diff)
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
        let mut found = self.search(&query, most)?;
        let is_right = |one: &Found| {
            is_sure(one) && found.iter().all(|other| !is_superseded(&one.episode, &other.episode))
        };
        let mut right = found.iter().map(is_right).collect::<Vec<_>>().into_iter();
        found.retain(|one| right.next() == Some(true) && one.episode.language == situation.language);
        Ok(found)
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
