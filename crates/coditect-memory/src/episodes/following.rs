//! The index of episodes, brought to what is on the shelves.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::shelves::{Embedded, Removals, Row};
use coditect_ports::{PortError, Shelves};
use coditect_types::memory::Standing;
use coditect_types::{EpisodeId, ErrorKind};

use super::{Embedding, told};
use crate::episode::Episode;
use crate::index::{Index, Part};
use crate::redact::redact;

/// From so many episodes on it is worth to learn what their words mean, and again when they are so many times as many.
const LEARNS_FROM: usize = 50;
const LEARNS_AGAIN: usize = 4;
/// Episodes that an index may lack before it is worth to keep it anew.
const LACKING: usize = 64;
/// Texts that vectors are asked for together, and kept.
const TO_ASK: usize = 32;
/// How often it is tried whether what was away is back: everybody who searches waits for it.
const LOOKS_AGAIN: Duration = Duration::from_secs(5);
/// Episodes that are added together.
const TOGETHER: usize = 256;

pub(super) struct Known {
    index: Index,
    /// What gave the texts their vectors; empty where they are learnt here.
    space: String,
    /// The number of each text of the index on the shelves, ascending.
    numbers: Vec<u64>,
    /// How many texts there were when it learnt last.
    learnt_from: usize,
    /// How many episodes had been removed when it was made.
    removals: Removals,
    /// How many texts there were when it was kept.
    kept: usize,
    /// Some texts have not the vectors that they could have: it is not worth keeping.
    is_short: bool,
    /// The numbers of those that could not be read, since what is put away was away: it is not worth keeping either.
    away: Vec<u64>,
    /// When it was last tried whether they are back, and how often so far.
    looked: Option<Instant>,
    looks: usize,
}

/// An episode as it is found.
struct Said {
    id: EpisodeId,
    number: u64,
    request: String,
    symptoms: String,
    change: String,
}

impl Said {
    fn of(row: Row) -> Option<Self> {
        let episode = Episode::from_kept(&row.kept)?;
        let (symptoms, change) = (told(&episode.symptoms), changed(&episode));
        Some(Self {
            id: row.kept.id,
            number: row.standing.number,
            request: episode.request,
            symptoms,
            change,
        })
    }

    fn text(&self) -> String {
        [&self.request, &self.symptoms, &self.change].map(|part| part.trim()).join("\n")
    }
}

impl Known {
    pub(super) fn new(space: &str) -> Self {
        Self {
            index: if space.is_empty() { Index::default() } else { Index::of_given() },
            space: space.to_owned(),
            numbers: Vec::new(),
            learnt_from: 0,
            removals: Removals::default(),
            kept: 0,
            is_short: false,
            away: Vec::new(),
            looked: None,
            looks: 0,
        }
    }

    /// Has it tried at once whether what was away is back.
    #[cfg(test)]
    pub(super) fn look_again(&mut self) {
        self.looked = None;
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Brings the index to what is on the shelves.
    pub(super) fn follow(
        &mut self,
        shelves: &dyn Shelves,
        embedding: Option<&Embedding>,
    ) -> Result<(), PortError> {
        let removals = shelves.removals()?;
        if self.removals != removals {
            if self.removals.forgotten == removals.forgotten {
                self.let_go(&shelves.standings()?);
            } else {
                // The words of what was forgotten are in it.
                *self = Self::new(&self.space);
            }
            self.removals = removals;
        }
        if embedding.is_some_and(|embedding| !embedding.has_size(self.index.given_size())) {
            // Another model answers under the same name.
            *self = Self { removals, ..Self::new(&self.space) };
        }
        // Texts stand in the order of their numbers: what comes back has its place between the others.
        if self.are_back(shelves)? {
            *self = Self { removals, looked: self.looked, looks: self.looks, ..Self::new(&self.space) };
        }
        let mut asks = Asks { shelves, embedding, left: embedding.map_or(0, |embedding| embedding.most) };
        let mut some: Vec<Said> = Vec::new();
        let mut done = Ok(());
        let after = self.numbers.last().max(self.away.last()).copied().unwrap_or(0);
        let away = shelves.each_in_reach(after, &mut |row| {
            some.extend(Said::of(row));
            if some.len() == TOGETHER {
                done = self.add(&std::mem::take(&mut some), &mut asks);
            }
            done.is_ok()
        })?;
        done?;
        self.add(&some, &mut asks)?;
        self.away.extend(away);
        let all = self.numbers.len();
        // What only some texts have a vector for is not learnt from.
        if !self.is_short && all >= LEARNS_FROM && all >= self.learnt_from.saturating_mul(LEARNS_AGAIN) {
            self.index.learn();
            self.learnt_from = all;
            // What was learnt is worth keeping.
            self.kept = 0;
        }
        Ok(())
    }

    /// Whether something that was away is back, as far as one of them tells. It is another one each time: the first may be lost for good.
    fn are_back(&mut self, shelves: &dyn Shelves) -> Result<bool, PortError> {
        let is_due = self.looked.is_none_or(|looked| looked.elapsed() >= LOOKS_AGAIN);
        let Some(one) = self.away.get(self.looks % self.away.len().max(1)).filter(|_| is_due) else {
            return Ok(false);
        };
        let back = shelves.fetch(&[*one])?;
        self.looked = Some(Instant::now());
        self.looks = self.looks.wrapping_add(1);
        Ok(!back.is_empty())
    }

    /// Keeps the index where that is worth it.
    pub(super) fn keep(&mut self, shelves: &dyn Shelves) {
        let is_new = self.kept == 0 && self.learnt_from > 0;
        if self.is_short || !self.away.is_empty() || !(is_new || self.numbers.len() >= self.kept + LACKING) {
            return;
        }
        self.kept = self.numbers.len();
        // It is made anew in a moment where it cannot be kept.
        if let Err(error) = shelves.save_index(&self.to_bytes(), self.removals.forgotten) {
            tracing::warn!(%error, "the index of memory is not kept");
        }
    }

    /// Forgets what is not on the shelves any more.
    fn let_go(&mut self, there: &[Standing]) {
        let there: Vec<u64> = there.iter().map(|standing| standing.number).collect();
        let gone = |number: &u64| there.binary_search(number).is_err();
        let lost = self.numbers.iter().filter(|number| gone(number)).count();
        if lost * 4 > self.numbers.len() || self.numbers.last() > there.last() {
            *self = Self::new(&self.space);
        }
        self.away.retain(|number| !gone(number));
        for (text, number) in (0_u32..).zip(&self.numbers) {
            if gone(number) {
                self.index.remove(text);
            }
        }
    }

    fn add(&mut self, some: &[Said], asks: &mut Asks<'_>) -> Result<(), PortError> {
        let vectors = asks.vectors(some)?;
        for (at, said) in some.iter().enumerate() {
            let vector = vectors.get(&at).map(Vec::as_slice);
            self.is_short |= asks.embedding.is_some() && vector.is_none();
            let vector = vector.filter(|vector| !vector.is_empty());
            let parts = [(&said.request, 2), (&said.symptoms, 1), (&said.change, 1)];
            self.index.insert_with(&parts.map(|(text, weight)| Part { text, weight }), vector);
            self.numbers.push(said.number);
        }
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Removals { all, forgotten } = self.removals;
        for count in [self.numbers.len() as u64, self.learnt_from as u64, all, forgotten] {
            bytes.extend(count.to_le_bytes());
        }
        bytes.extend(blake3::hash(self.space.as_bytes()).as_bytes());
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.index.to_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8], space: &str) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<32>()?;
        let (counts, _) = head.as_chunks::<8>();
        let [count, learnt_from, all, forgotten] =
            [counts[0], counts[1], counts[2], counts[3]].map(u64::from_le_bytes);
        let removals = Removals { all, forgotten };
        let (of_space, rest) = rest.split_first_chunk::<32>()?;
        let (numbers, rest) = rest.split_at_checked(usize::try_from(count).ok()?.checked_mul(8)?)?;
        let numbers: Vec<u64> =
            numbers.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
        let index = Index::from_bytes(rest)?;
        let fits = index.texts() == numbers.len()
            && numbers.is_sorted_by(|a, b| a < b)
            && blake3::hash(space.as_bytes()) == *of_space
            && index.is_of_given() != space.is_empty();
        let (kept, learnt_from) = (numbers.len(), usize::try_from(learnt_from).ok()?);
        fits.then(|| Self { index, numbers, learnt_from, removals, kept, ..Self::new(space) })
    }
}

/// What was changed, as words: the lines around it tell what the code is about.
fn changed(episode: &Episode) -> String {
    let Some(accepted) = &episode.accepted else { return String::new() };
    format!("{}\n{}", accepted.explanation, accepted.diff)
}

/// Asks for vectors, as far as that may go.
struct Asks<'a> {
    shelves: &'a dyn Shelves,
    embedding: Option<&'a Embedding>,
    /// Texts that may still be asked for.
    left: usize,
}

impl Asks<'_> {
    /// The vectors of these, by their places: those that are kept, and those that can be had. An empty one is of a text that has none.
    fn vectors(&mut self, some: &[Said]) -> Result<BTreeMap<usize, Vec<f32>>, PortError> {
        let Some(embedding) = self.embedding.filter(|_| !some.is_empty()) else { return Ok(BTreeMap::new()) };
        let space = embedding.embedder.name();
        let texts: Vec<String> = some.iter().map(Said::text).collect();
        let hashes: Vec<[u8; 32]> =
            texts.iter().map(|text| *blake3::hash(text.as_bytes()).as_bytes()).collect();
        let wanted: Vec<(EpisodeId, [u8; 32])> =
            some.iter().zip(&hashes).map(|(said, hash)| (said.id.clone(), *hash)).collect();
        let kept = self.shelves.vectors(space, &wanted)?.into_iter();
        let mut kept: BTreeMap<EpisodeId, Vec<f32>> = kept
            .filter(|of| of.vector.is_empty() || embedding.has_size(of.vector.len()))
            .map(|of| (of.id, of.vector))
            .collect();
        let mut vectors: BTreeMap<usize, Vec<f32>> =
            some.iter().enumerate().filter_map(|(at, said)| Some((at, kept.remove(&said.id)?))).collect();
        let mut lacking: Vec<usize> = (0..some.len()).filter(|at| !vectors.contains_key(at)).collect();
        lacking.truncate(self.left);
        for lacking in lacking.chunks(TO_ASK) {
            let asked: Vec<String> = lacking.iter().filter_map(|at| texts.get(*at).cloned()).collect();
            let Some(given) = embedding.of(&asked) else {
                // It is not asked again for the rest of them.
                self.left = 0;
                break;
            };
            self.left = self.left.saturating_sub(lacking.len());
            let new: Vec<Embedded> = lacking
                .iter()
                .zip(&given)
                .filter_map(|(at, vector)| {
                    let ((id, text), vector) = (wanted.get(*at)?.clone(), vector.clone());
                    Some(Embedded { id, text, vector })
                })
                .collect();
            // They are there all the same; another process asks for them again.
            if let Err(error) = self.shelves.keep_vectors(space, &new) {
                tracing::warn!(%error, "vectors of texts are not kept");
            }
            vectors.extend(lacking.iter().copied().zip(given));
        }
        Ok(vectors)
    }
}

impl Embedding {
    /// Whether vectors of this length are comparable to those that it gives, as far as is known.
    fn has_size(&self, size: usize) -> bool {
        let own = self.size.load(Ordering::Relaxed);
        own == 0 || size == 0 || own == size
    }

    fn failed(&self) -> MutexGuard<'_, Option<PortError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vectors of texts. What cannot be had is remembered as such.
    fn of(&self, texts: &[String]) -> Option<Vec<Vec<f32>>> {
        match self.each(texts) {
            Ok(vectors) => {
                *self.failed() = None;
                Some(vectors)
            }
            Err(error) => {
                tracing::warn!(%error, "memory has no vectors of texts");
                *self.failed() = Some(error);
                None
            }
        }
    }

    /// The same. A text that is refused by itself has an empty one: the others do not suffer for it.
    fn each(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        match self.embedder.embed(texts) {
            Ok(vectors) => {
                if let Some(vector) = vectors.first() {
                    self.size.store(vector.len(), Ordering::Relaxed);
                }
                Ok(vectors)
            }
            Err(error) if error.kind == ErrorKind::Invalid && texts.len() > 1 => {
                let (some, others) = texts.split_at(texts.len() / 2);
                Ok([self.each(some)?, self.each(others)?].concat())
            }
            Err(error) if error.kind == ErrorKind::Invalid => {
                tracing::warn!(%error, "a text has no vector");
                Ok(vec![Vec::new()])
            }
            Err(error) => Err(error),
        }
    }

    /// The vector of a query, in which secrets are blotted out as in texts.
    pub(super) fn of_query(&self, query: &str) -> Option<Vec<f32>> {
        match self.each(&[redact(query)]) {
            Ok(mut vectors) => vectors.pop().filter(|vector| !vector.is_empty()),
            Err(error) => {
                tracing::warn!(%error, "a query has no vector");
                *self.failed() = Some(error);
                None
            }
        }
    }
}
