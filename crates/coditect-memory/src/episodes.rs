//! The memory of missions: episodes on their shelves, and the ways to find them again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use coditect_ports::memory::{Recalled, Situation};
use coditect_ports::shelves::{Kept, Put, Row};
use coditect_ports::{Memory, PortError, Shelves};
use coditect_types::EpisodeId;
use coditect_types::memory::Standing;

use crate::episode::{Episode, Symptom, symptoms};
use crate::index::{Index, Part};

/// From so many episodes on it is worth to learn what their words mean, and again when they are so many times as many.
const LEARNS_FROM: usize = 50;
const LEARNS_AGAIN: usize = 4;
/// Episodes that are looked at for one answer, for each that is asked for.
const DEEPER: usize = 5;
/// Episodes that an index may lack before it is worth to keep it anew.
const LACKING: usize = 64;
/// Episodes that are put together.
const TOGETHER: usize = 1_000;
/// After so long an episode counts half, and no less than this in the end.
const HALF_MS: f64 = 365.0 * 86_400_000.0;
const LEAST_BY_AGE: f64 = 0.25;

/// Gives those of some names that are lacking.
pub type Lacking<'a> = &'a dyn Fn(Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError>;
/// Reads the episodes of missions that ended and are lacking, the oldest first.
pub type Load = Box<dyn Fn(Lacking<'_>) -> Result<Vec<Episode>, PortError> + Send + Sync>;

/// Episodes and the way to them. What the shelves lack is read, and the index is made or read, when something is asked for the
/// first time.
pub struct Episodes {
    shelves: Arc<dyn Shelves>,
    load: Load,
    known: OnceLock<Known>,
}

#[derive(Default)]
struct Known {
    index: Index,
    /// The number of each text of the index on the shelves, ascending.
    numbers: Vec<u64>,
    /// How many texts there were when it learnt last.
    learnt_from: usize,
    /// How many episodes had been removed when it was made.
    removals: u64,
}

impl fmt::Debug for Episodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Episodes").field("known", &self.known.get().map(|known| known.index.len())).finish()
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
        Self { shelves, load, known: OnceLock::new() }
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
            put = Put { new: put.new + one.new, same: put.same + one.same };
        }
        Ok(put)
    }

    /// Makes all that is kept anew: from what `load` gives of everything, and of those on the shelves that are not among it.
    pub fn rebuild(&self) -> Result<Put, PortError> {
        let mut all: Vec<Kept> = (self.load)(&|names| Ok(names))?.iter().map(Episode::kept).collect();
        let names: BTreeSet<EpisodeId> = all.iter().map(|kept| kept.id.clone()).collect();
        self.shelves.each(0, &mut |row| {
            if !names.contains(&row.kept.id) {
                all.push(row.kept);
            }
            true
        })?;
        all.sort_by_key(|kept| kept.ended_ms);
        self.shelves.refill(&all)
    }

    /// The episodes that fit a query best, the best first.
    pub fn search(&self, query: &str, most: usize) -> Result<Vec<Found>, PortError> {
        let known = self.known()?;
        let hits = known.index.search(query, most);
        let numbers: Vec<u64> =
            hits.iter().filter_map(|hit| known.numbers.get(hit.text as usize).copied()).collect();
        let rows = self.shelves.fetch(&numbers)?;
        let mut found: Vec<Found> = Vec::with_capacity(rows.len());
        for row in rows {
            let at = known.numbers.partition_point(|number| *number < row.standing.number);
            let hit = hits.iter().find(|hit| hit.text as usize == at);
            if let (Some(hit), Some(episode)) = (hit, Episode::from_kept(&row.kept)) {
                found.push(Found { episode, row, score: hit.score });
            }
        }
        Ok(found)
    }

    fn known(&self) -> Result<&Known, PortError> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        self.absorb()?;
        let kept = self.shelves.index()?;
        let mut known = kept.as_deref().and_then(Known::from_bytes).unwrap_or_default();
        if known.follow(&*self.shelves)? {
            // It is made anew in a moment where it cannot be kept.
            if let Err(error) = self.shelves.save_index(&known.to_bytes()) {
                tracing::warn!(%error, "the index of memory is not kept");
            }
        }
        // Whoever was faster read the same.
        Ok(self.known.get_or_init(|| known))
    }
}

impl Known {
    /// Brings the index to what is on the shelves. Gives whether it is worth to keep it.
    fn follow(&mut self, shelves: &dyn Shelves) -> Result<bool, PortError> {
        let removals = shelves.removals()?;
        if std::mem::replace(&mut self.removals, removals) != removals {
            self.let_go(&shelves.standings()?);
        }
        let before = self.numbers.len();
        shelves.each(self.numbers.last().copied().unwrap_or(0), &mut |row| {
            self.add(&row);
            true
        })?;
        let new = self.numbers.len() - before;
        let all = self.numbers.len();
        let learns = all >= LEARNS_FROM && all >= self.learnt_from.saturating_mul(LEARNS_AGAIN);
        if learns {
            self.index.learn();
            self.learnt_from = all;
        }
        Ok(learns || new >= LACKING)
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
        for count in [self.numbers.len() as u64, self.learnt_from as u64, self.removals] {
            bytes.extend(count.to_le_bytes());
        }
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.index.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<24>()?;
        let (counts, _) = head.as_chunks::<8>();
        let [count, learnt_from, removals] = [counts[0], counts[1], counts[2]].map(u64::from_le_bytes);
        let (numbers, rest) = rest.split_at_checked(usize::try_from(count).ok()?.checked_mul(8)?)?;
        let numbers: Vec<u64> =
            numbers.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
        let index = Index::from_bytes(rest)?;
        let fits = index.texts() == numbers.len() && numbers.is_sorted_by(|a, b| a < b);
        fits.then_some(Self { index, numbers, learnt_from: usize::try_from(learnt_from).ok()?, removals })
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

impl Memory for Episodes {
    fn recall(&self, situation: &Situation<'_>, most: usize) -> Result<Vec<Recalled>, PortError> {
        let query = format!("{}\n{}", situation.request, told(&symptoms(situation.red.iter())));
        let found = self.search(&query, most * DEEPER)?;
        let best = found.first().map_or(1.0, |first| first.score.max(f32::MIN_POSITIVE));
        let fits = found.into_iter().filter(|found| found.episode.language == situation.language);
        let recalled = fits.filter_map(|Found { episode, row, score }| {
            let likeness = f64::from((score / best).clamp(0.05, 1.0)) * trust(&row, situation.now_ms);
            Some(Recalled { edits: episode.edits()?, episode: episode.id, likeness })
        });
        let mut recalled: Vec<Recalled> = recalled.collect();
        recalled.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        recalled.truncate(most);
        Ok(recalled)
    }
}

#[cfg(test)]
mod tests;
