//! BM25 over terms with counts: which texts have the words of a query.
//!
//! The formula is that of Robertson and Zaragoza ("The Probabilistic Relevance Framework: BM25 and Beyond", 2009) with parts of
//! a text counted by their weights, as BM25F does. The search skips what cannot be among the best: MaxScore (Turtle and Flood,
//! "Query Evaluation: Strategies and Optimizations", 1995). It finds exactly what a look at every text finds.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

const K: f32 = 1.2;
const B: f32 = 0.75;

/// Where a term occurs.
#[derive(Clone, Debug, Default)]
struct Postings {
    /// Texts, ascending.
    texts: Vec<u32>,
    counts: Vec<u8>,
    /// Counts, ascending, each with the shortest text that has it: what the term adds at most follows from these.
    shortest: Vec<(u8, u16)>,
}

/// Texts by their terms.
#[derive(Clone, Debug, Default)]
pub struct Lexical {
    terms: HashMap<Box<str>, u32>,
    postings: Vec<Postings>,
    /// Of each text: the sum of its counts.
    lengths: Vec<u16>,
    /// The sum over texts that are there, and how many there are.
    total: u64,
    live: u32,
}

/// A text and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Its score; more is better.
    pub score: f32,
    /// Its number.
    pub text: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    /// Better ones come first, and of two that are as good, the older.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.text.cmp(&other.text))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A place in a list of postings.
struct Cursor<'a> {
    postings: &'a Postings,
    at: usize,
    /// The text there; behind the last one, none has this number.
    text: u32,
    /// What a count is multiplied with, and what the term adds to a score at most.
    weight: f32,
    bound: f32,
}

/// Behind the last text.
const END: u32 = u32::MAX;

impl Cursor<'_> {
    fn count(&self) -> u8 {
        self.postings.counts.get(self.at).copied().unwrap_or_default()
    }

    fn step(&mut self) {
        self.at += 1;
        self.text = self.postings.texts.get(self.at).copied().unwrap_or(END);
    }

    /// Goes on to the first text that is not before this one: in doubling steps, then by halves.
    fn seek(&mut self, text: u32) {
        let texts = &self.postings.texts;
        let mut step = 1;
        while self.at + step < texts.len() && texts[self.at + step] < text {
            self.at += step;
            step *= 2;
        }
        let end = (self.at + step + 1).min(texts.len());
        self.at += texts[self.at.min(end)..end].partition_point(|known| *known < text);
        self.text = texts.get(self.at).copied().unwrap_or(END);
    }
}

impl Lexical {
    /// How many texts are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The number of a term, if it occurs.
    #[must_use]
    pub fn term(&self, term: &str) -> Option<u32> {
        self.terms.get(term).copied()
    }

    /// The number of a term that may be new.
    pub fn intern(&mut self, term: &str) -> u32 {
        if let Some(known) = self.terms.get(term) {
            return *known;
        }
        let number = u32::try_from(self.postings.len()).unwrap_or(u32::MAX);
        self.terms.insert(term.into(), number);
        self.postings.push(Postings::default());
        number
    }

    /// Adds the next text. `bag`: its terms, each once, with what they count.
    pub fn insert(&mut self, bag: &[(u32, u8)]) -> u32 {
        let text = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        let length: u64 = bag.iter().map(|(_, count)| u64::from(*count)).sum();
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        for (term, count) in bag {
            let Some(postings) = self.postings.get_mut(*term as usize) else { continue };
            postings.texts.push(text);
            postings.counts.push(*count);
            match postings.shortest.binary_search_by_key(count, |(known, _)| *known) {
                Ok(at) => postings.shortest[at].1 = postings.shortest[at].1.min(length),
                Err(at) => postings.shortest.insert(at, (*count, length)),
            }
        }
        self.lengths.push(length);
        self.total += u64::from(length);
        self.live += 1;
        text
    }

    /// Counts a text no longer. Its postings stay until the index is made anew.
    pub fn remove(&mut self, text: u32) {
        if let Some(length) = self.lengths.get(text as usize) {
            self.total -= u64::from(*length);
            self.live -= 1;
        }
    }

    /// How much a term tells: the fewer texts have it, the more.
    #[must_use]
    pub fn idf(&self, term: u32) -> f32 {
        let has = self.postings.get(term as usize).map_or(0, |postings| postings.texts.len()) as f32;
        let all = (self.live as f32).max(has);
        (1.0 + (all - has + 0.5) / (has + 0.5)).ln()
    }

    fn mean(&self) -> f32 {
        (self.total as f32 / self.live.max(1) as f32).max(1.0)
    }

    fn gain(count: u8, length: u16, mean: f32) -> f32 {
        let count = f32::from(count);
        count * (K + 1.0) / (count + K * (1.0 - B + B * f32::from(length) / mean))
    }

    /// The score of one text, from its own terms, which are sorted.
    #[must_use]
    pub fn score(&self, query: &[(u32, f32)], text: u32, (terms, counts): (&[u32], &[u8])) -> f32 {
        let mean = self.mean();
        let Some(length) = self.lengths.get(text as usize) else { return 0.0 };
        query
            .iter()
            .filter_map(|(term, weight)| {
                let count = counts.get(terms.binary_search(term).ok()?)?;
                Some(weight * self.idf(*term) * Self::gain(*count, *length, mean))
            })
            .sum()
    }

    /// The best `most` texts for the terms of a query, the best first. `is_gone`: those that do not count.
    #[must_use]
    pub fn search(
        &self,
        query: &[(u32, f32)],
        most: usize,
        is_gone: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Scored> {
        let mean = self.mean();
        let mut cursors: Vec<Cursor<'_>> = query
            .iter()
            .filter_map(|(term, weight)| {
                let postings =
                    self.postings.get(*term as usize).filter(|postings| !postings.texts.is_empty())?;
                let weight = weight * self.idf(*term);
                let gains = postings.shortest.iter().map(|(count, length)| Self::gain(*count, *length, mean));
                let bound = weight * gains.fold(0.0, f32::max);
                let text = postings.texts.first().copied().unwrap_or(END);
                Some(Cursor { postings, at: 0, text, weight, bound })
            })
            .collect();
        cursors.sort_by(|a, b| a.bound.total_cmp(&b.bound));
        let sums: Vec<f32> = cursors
            .iter()
            .scan(0.0, |sum, cursor| {
                *sum += cursor.bound;
                Some(*sum)
            })
            .collect();
        let mut best: BinaryHeap<Scored> = BinaryHeap::with_capacity(most + 1);
        // A text that has none of the cursors from here on cannot be among the best.
        let mut needed = 0;
        while needed < cursors.len() && most > 0 {
            let text = cursors[needed..].iter().map(|cursor| cursor.text).min().unwrap_or(END);
            if text == END {
                break;
            }
            let length = self.lengths[text as usize];
            let mut score = 0.0;
            for cursor in &mut cursors[needed..] {
                if cursor.text == text {
                    score += cursor.weight * Self::gain(cursor.count(), length, mean);
                    cursor.step();
                }
            }
            let worst =
                if best.len() < most { f32::MIN } else { best.peek().map_or(f32::MIN, |worst| worst.score) };
            for n in (0..needed).rev() {
                if score + sums[n] <= worst {
                    break;
                }
                let cursor = &mut cursors[n];
                cursor.seek(text);
                if cursor.text == text {
                    score += cursor.weight * Self::gain(cursor.count(), length, mean);
                }
            }
            if score > worst && !is_gone(text) {
                best.push(Scored { score, text });
                if best.len() > most {
                    best.pop();
                }
                if best.len() == most {
                    let worst = best.peek().map_or(f32::MIN, |worst| worst.score);
                    while needed < cursors.len() && sums[needed] <= worst {
                        needed += 1;
                    }
                }
            }
        }
        best.into_sorted_vec()
    }
}
