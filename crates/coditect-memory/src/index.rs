//! Texts that are found again: by their words, and by what they are about.

use crate::lexical::{Lexical, Scored};
use crate::semantic::{Semantic, Weighted};
use crate::text;

mod given;
mod stored;

use given::{Given, Packed};

/// How much likeness in meaning counts beside likeness in words, whose best is 1.
const MEANING: f32 = 0.4;
/// The same where vectors are given.
const GIVEN: f32 = 1.0;
/// Texts that each of the two ways hands on.
const EACH: usize = 100;
/// From so many texts on the two ways are gone side by side: before, a thread costs more than it saves.
const SIDE_BY_SIDE: usize = 50_000;
/// Texts that are learnt from, spread over all of them.
const LEARNT_FROM: usize = 20_000;

/// Numbers of given vectors that are learnt from, all texts together.
const LEARNT_NUMBERS: usize = 8_000_000;

/// A part of a text, and what a word of it counts.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What it says.
    pub text: &'a str,
    /// How often each of its words counts, from 1.
    pub weight: u8,
}

/// A text that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its number.
    pub text: u32,
    /// How well it fits; the best in words alone has 1 and a part for its meaning.
    pub score: f32,
}

/// Texts by number, and the ways to them.
#[derive(Clone, Debug, Default)]
pub struct Index {
    lexical: Lexical,
    semantic: Semantic,
    spellings: Vec<Box<str>>,
    /// The terms of all texts, one behind the other.
    terms: Vec<u32>,
    counts: Vec<u8>,
    ends: Vec<usize>,
    gone: Vec<bool>,
    /// Where what texts mean is told by vectors that are given with them.
    given: Option<Given>,
}

/// A question, as both ways ask it.
struct Question {
    terms: Vec<(u32, f32)>,
    vector: crate::semantic::Vector,
    /// Its vector as it was given, where one was.
    given: Option<Packed>,
}

impl Index {
    /// An empty index of texts whose vectors are given with them, such as those of a model.
    #[must_use]
    pub fn of_given() -> Self {
        Self { given: Some(Given::default()), ..Self::default() }
    }

    /// Whether vectors are given with its texts.
    #[must_use]
    pub fn is_of_given(&self) -> bool {
        self.given.is_some()
    }

    /// How many numbers the vectors have that were given with its texts; 0: none was given.
    #[must_use]
    pub fn given_size(&self) -> usize {
        self.given.as_ref().map_or(0, Given::size)
    }

    /// How many texts are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lexical.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lexical.is_empty()
    }

    /// How many texts were ever there: the number of the next one.
    #[must_use]
    pub fn texts(&self) -> usize {
        self.ends.len()
    }

    /// Adds a text. Gives its number.
    pub fn insert(&mut self, parts: &[Part<'_>]) -> u32 {
        self.insert_with(parts, None)
    }

    /// Adds a text with its vector, which counts in an index of given ones. Without, it is found by its words there.
    pub fn insert_with(&mut self, parts: &[Part<'_>], vector: Option<&[f32]>) -> u32 {
        let mut bag: Vec<(u32, u8)> = Vec::new();
        for part in parts {
            text::terms(part.text, &mut |term| {
                let number = self.lexical.intern(term);
                if number as usize == self.spellings.len() {
                    self.spellings.push(term.into());
                }
                bag.push((number, part.weight));
            });
        }
        bag.sort_unstable_by_key(|(term, _)| *term);
        bag.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        let number = self.lexical.insert(&bag);
        self.terms.extend(bag.iter().map(|(term, _)| *term));
        self.counts.extend(bag.iter().map(|(_, count)| *count));
        self.ends.push(self.terms.len());
        self.gone.push(false);
        let vector = match &mut self.given {
            None => self.semantic.vector(&self.weighted(&bag), &|term| self.spelling(term)),
            Some(given) => {
                given.push(vector);
                self.semantic.vector(&given.weighted(number as usize), &nameless)
            }
        };
        self.semantic.insert(&vector);
        number
    }

    /// Forgets a text: it is not found from now on, and nothing of it is left once the index is made anew.
    pub fn remove(&mut self, text: u32) {
        if let Some(gone) = self.gone.get_mut(text as usize).filter(|gone| !**gone) {
            *gone = true;
            self.lexical.remove(text);
        }
    }

    /// Learns from the texts what terms mean. Worth it once, when there are many, and again when they are many times as many.
    pub fn learn(&mut self) {
        let all = self.ends.len();
        let numbers = self.given.as_ref().map_or(0, |given| all.saturating_mul(given.size()));
        let step = all.div_ceil(LEARNT_FROM).max(numbers.div_ceil(LEARNT_NUMBERS)).max(1);
        let texts: Vec<Weighted> =
            (0..all).step_by(step).map(|text| self.meant(text)).filter(|text| !text.is_empty()).collect();
        if let Some(given) = &self.given {
            // The numbers of vectors are terms without a name: what is learnt are their leading directions.
            self.semantic.learn(&texts, given.size(), &nameless);
            for text in 0..all {
                let vector = self.semantic.vector(&given.weighted(text), &nameless);
                self.semantic.insert(&vector);
            }
            return;
        }
        let spellings = std::mem::take(&mut self.spellings);
        let spelling =
            |term: u32| spellings.get(term as usize).map_or_else(String::new, |term| term.to_string());
        self.semantic.learn(&texts, spellings.len(), &spelling);
        for text in 0..all {
            let vector = self.semantic.vector(&self.weighted(&self.bag(text)), &spelling);
            self.semantic.insert(&vector);
        }
        self.spellings = spellings;
    }

    /// The best `most` texts, the best first.
    #[must_use]
    pub fn search(&self, query: &str, most: usize) -> Vec<Hit> {
        self.search_with(query, None, most)
    }

    /// The same with the vector of the query, which counts in an index of given ones.
    #[must_use]
    pub fn search_with(&self, query: &str, vector: Option<&[f32]>, most: usize) -> Vec<Hit> {
        let question = self.question(query, vector);
        let is_gone = |text: u32| self.gone[text as usize];
        let each = EACH.max(most);
        let by_words = || self.lexical.search(&question.terms, each, &is_gone);
        let by_meaning = || self.semantic.search(&question.vector, each, &is_gone);
        let (by_words, by_meaning) = if self.ends.len() < SIDE_BY_SIDE {
            (by_words(), by_meaning())
        } else {
            std::thread::scope(|scope| {
                let beside = scope.spawn(by_words);
                let by_meaning = by_meaning();
                // It broke off for a defect of ours; what the other found is there.
                (beside.join().unwrap_or_default(), by_meaning)
            })
        };
        self.together(&question, by_words, by_meaning, most)
    }

    /// The same by a look at every text: what a search is measured against.
    #[must_use]
    pub fn exact(&self, query: &str, most: usize) -> Vec<Hit> {
        let question = self.question(query, None);
        let is_gone = |text: u32| self.gone[text as usize];
        let by_meaning = self.semantic.exact(&question.vector, self.ends.len(), &is_gone);
        self.together(&question, Vec::new(), by_meaning, most)
    }

    /// The best `most` texts by their words alone.
    #[must_use]
    pub fn by_words(&self, query: &str, most: usize) -> Vec<Hit> {
        let question = self.question(query, None);
        let found = self.lexical.search(&question.terms, most, &|text| self.gone[text as usize]);
        found.into_iter().map(|Scored { score, text }| Hit { text, score }).collect()
    }

    fn question(&self, query: &str, vector: Option<&[f32]>) -> Question {
        let terms: Vec<(u32, f32)> = text::query(query)
            .into_iter()
            .filter_map(|(term, weight)| Some((self.lexical.term(&term)?, weight)))
            .collect();
        if self.given.is_some() {
            let own = vector.map(given::weighted).unwrap_or_default();
            let given = vector.map(Packed::of);
            return Question { terms, vector: self.semantic.vector(&own, &nameless), given };
        }
        // Words that stand for others are for the match of words: what they mean, the vectors know.
        let own: Weighted = terms
            .iter()
            .filter(|(_, weight)| *weight >= 1.0)
            .map(|(term, weight)| (*term, weight * self.lexical.idf(*term)))
            .collect();
        let vector = self.semantic.vector(&own, &|term| self.spelling(term));
        Question { terms, vector, given: None }
    }

    fn together(
        &self,
        question: &Question,
        by_words: Vec<Scored>,
        by_meaning: Vec<Scored>,
        most: usize,
    ) -> Vec<Hit> {
        let mut texts: Vec<u32> = by_words.iter().chain(&by_meaning).map(|scored| scored.text).collect();
        texts.sort_unstable();
        texts.dedup();
        let words: Vec<(u32, f32)> = texts
            .iter()
            .map(|text| (*text, self.lexical.score(&question.terms, *text, self.of_text(*text as usize))))
            .collect();
        let best = words.iter().map(|(_, score)| *score).fold(0.0, f32::max).max(f32::MIN_POSITIVE);
        let mut hits: Vec<Scored> = words
            .into_iter()
            .map(|(text, score)| {
                let meaning = match (&self.given, &question.given) {
                    (Some(given), Some(asked)) => GIVEN * given.alike(asked, text),
                    _ => MEANING * self.semantic.alike(&question.vector, text),
                };
                Scored { score: score / best + meaning, text }
            })
            .collect();
        hits.sort_unstable();
        hits.truncate(most);
        hits.into_iter().map(|Scored { score, text }| Hit { text, score }).collect()
    }

    /// The terms of a text, sorted, and what each counts.
    fn of_text(&self, text: usize) -> (&[u32], &[u8]) {
        let begin = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = begin..self.ends[text];
        (&self.terms[range.clone()], &self.counts[range])
    }

    /// A text as its meaning is learnt from.
    fn meant(&self, text: usize) -> Weighted {
        self.given.as_ref().map_or_else(|| self.weighted(&self.bag(text)), |given| given.weighted(text))
    }

    fn bag(&self, text: usize) -> Vec<(u32, u8)> {
        let (terms, counts) = self.of_text(text);
        terms.iter().copied().zip(counts.iter().copied()).collect()
    }

    fn weighted(&self, bag: &[(u32, u8)]) -> Weighted {
        bag.iter()
            .map(|(term, count)| (*term, (1.0 + f32::from(*count).ln()) * self.lexical.idf(*term)))
            .collect()
    }

    fn spelling(&self, term: u32) -> String {
        self.spellings.get(term as usize).map_or_else(String::new, |term| term.to_string())
    }
}

/// What has no letters.
fn nameless(_: u32) -> String {
    String::new()
}

#[cfg(test)]
mod tests;
