//! How far a search has come in the order of single edits, so that another one can begin there.
//!
//! The order depends on nothing but the problem: not on threads, not on what was judged before. So a number is enough.

use super::batch::Verdict;
use crate::repair::{EditKind, Problem, SeekLimits};

/// Numbers that are kept of candidates that did something.
const MOST_NEAR: usize = 256;

/// The ground that was covered.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// The number of the next single edit.
    pub(super) next: u64,
    /// Numbers of the batch under way, by place; empty for pairs.
    numbers: Vec<u64>,
    /// The first one that was not judged.
    missed: Option<u64>,
    near: Vec<u64>,
}

impl Ground {
    /// A batch begins; `next` is the number behind it.
    pub(super) fn begin(&mut self, next: u64, numbers: Vec<u64>) {
        self.next = next;
        self.numbers = numbers;
    }

    /// Only the first `len` of the batch are judged.
    pub(super) fn cut(&mut self, len: usize) {
        if len < self.numbers.len() {
            self.missed(len);
        }
    }

    /// The one at `place` of the batch was judged.
    pub(super) fn judged(&mut self, place: usize, verdict: &Verdict) {
        let did_something = match verdict {
            Verdict::Killed { green, moved, .. } => *green > 0 || *moved,
            Verdict::Broke | Verdict::Survived => true,
            Verdict::Hung => false,
        };
        if let (true, Some(number)) = (did_something && self.near.len() < MOST_NEAR, self.numbers.get(place))
        {
            self.near.push(*number);
        }
    }

    /// The one at `place` of the batch was not judged.
    pub(super) fn missed(&mut self, place: usize) {
        if let (None, Some(number)) = (self.missed, self.numbers.get(place)) {
            self.missed = Some(*number);
        }
    }

    /// How many were judged from the first on, and which of them did something.
    pub(super) fn told(&self) -> (u64, Vec<u64>) {
        let judged = self.missed.unwrap_or(self.next);
        (judged, self.near.iter().copied().filter(|number| *number < judged).collect())
    }
}

/// A name for all that decides the order of single candidates and what is asked of them (BLAKE3, hex): two searches of the
/// same name try the same candidates in the same order.
#[must_use]
pub fn problem_name(problem: &Problem<'_>, limits: &SeekLimits) -> String {
    let mut hash = blake3::Hasher::new();
    let mut eat = |part: &str| {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    };
    eat(env!("CARGO_PKG_VERSION"));
    for kind in EditKind::ALL {
        eat(&format!("{kind:?} {} {}", kind.prior(), kind.trust()));
    }
    for source in problem.sources.iter().chain(problem.others) {
        eat(&source.path);
        eat(&source.text);
    }
    for suspect in problem.suspects {
        eat(&format!("{} {} {}", suspect.file, suspect.line, suspect.score));
    }
    for test in problem.red {
        eat(&test.id);
    }
    eat(problem.request);
    eat(&format!("{} {:?} {:?}", problem.seed, limits.within, limits.keep_passing));
    hash.finalize().to_hex().to_string()
}
