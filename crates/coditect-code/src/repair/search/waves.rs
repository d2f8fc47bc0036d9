//! Single edits, likeliest first, made a wave at a time so that memory stays bounded.
//!
//! Where the regions that suspicion touches make more candidates than a wave has room for, all of them are gone through
//! for each wave, and what is less likely is left for the next: a likely edit of a region that is a little less suspicious
//! must not wait until the most suspicious ones have nothing left.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::making::STACK;
use crate::repair::grammars::{Grammars, Unit};
use crate::repair::pool::LIKELIEST;
use crate::repair::{Candidate, Problem, recipes};

/// Candidates of a wave, where more are left for the next one. The first wave is small: what is likely is found soon, and a
/// judge that is slow never gets further.
const FIRST_WAVE: usize = 4_000;
const WAVE: usize = 15_000;
/// What candidates of the first wave score, as a share of how suspicious the first region is.
const FIRST_SCORE: f64 = 0.03;
/// Regions that are looked at together at first, and at most: a file is walked once for all of its own, but the likeliest
/// candidates of a few regions tell which of the others need not be made.
const FIRST_REGIONS: usize = 4;
const MOST_REGIONS: usize = 32;
/// Regions that are less suspicious than this share of the first are gone through later.
const SUSPICIOUS: f64 = 0.05;

/// Recipes and single edits in the order in which they are tried.
pub(super) struct Waves<'p> {
    grammars: Grammars<'p>,
    /// Regions to come, the most suspicious last.
    units: Vec<Unit>,
    /// Regions that are gone through now, the most suspicious first.
    group: Vec<Unit>,
    /// Candidates of theirs with this score or more have been made.
    made: f64,
    /// Candidates of this wave, the best last.
    ready: Vec<Candidate>,
    seed: u64,
    threads: usize,
}

impl<'p> Waves<'p> {
    pub(super) fn new(problem: &'p Problem<'p>, threads: usize) -> Self {
        let began = std::time::Instant::now();
        let grammars = Grammars::read(problem);
        let mut units = grammars.units();
        units.reverse();
        let mut ready = recipes(problem);
        ready.reverse();
        tracing::debug!(units = units.len(), took = ?began.elapsed(), "sources were read");
        Self { grammars, units, group: Vec::new(), made: f64::INFINITY, ready, seed: problem.seed, threads }
    }

    /// The next candidate.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        while self.ready.is_empty() && !(self.group.is_empty() && self.units.is_empty()) {
            self.wave();
        }
        self.ready.pop()
    }

    fn wave(&mut self) {
        let began = std::time::Instant::now();
        if self.group.is_empty() {
            let least = self.units.last().map_or(0.0, |unit| SUSPICIOUS * unit.weight());
            while let Some(unit) = self.units.pop_if(|unit| unit.weight() >= least) {
                self.group.push(unit);
            }
            self.made = f64::INFINITY;
        }
        let (found, least) = if self.made.is_infinite() {
            let top = self.group.first().map_or(0.0, Unit::weight);
            self.likeliest(FIRST_WAVE, FIRST_SCORE * top)
        } else {
            self.likeliest(WAVE, 0.0)
        };
        self.made = least;
        if least <= 0.0 {
            self.group.clear();
        }
        self.ready = found;
        tracing::debug!(candidates = self.ready.len(), units = self.group.len(), took = ?began.elapsed(), "a wave was made");
        let seed = self.seed;
        self.ready.sort_by_cached_key(|candidate| (candidate.score.to_bits(), shuffled(seed, candidate)));
    }

    /// The likeliest candidates of the group that were not made before, `wave` of them and more where so many score `least`,
    /// and the least score of those; 0 where there are no others. Which score that is depends on the threads, the order of
    /// all candidates does not.
    fn likeliest(&self, wave: usize, least: f64) -> (Vec<Candidate>, f64) {
        let shared = Mutex::new(Shared { left: &self.group, take: FIRST_REGIONS, found: Vec::new(), least });
        let work = || loop {
            let (units, least) = {
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let units = shared.next();
                (units, shared.least)
            };
            if units.is_empty() {
                return;
            }
            if units.iter().any(|unit| unit.most() * LIKELIEST >= least) {
                let made = self.grammars.candidates(units, &(least..self.made));
                shared.lock().unwrap_or_else(PoisonError::into_inner).add(made, wave);
            }
        };
        thread::scope(|scope| {
            let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            let others: Vec<_> = (1..self.threads).map(spawn).collect();
            work();
            for other in others.into_iter().flatten() {
                if let Err(panic) = other.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        let Shared { found, least, .. } = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        (found, least)
    }
}

/// A wave that several threads make.
struct Shared<'w> {
    /// Regions to come.
    left: &'w [Unit],
    /// How many of them are taken next.
    take: usize,
    found: Vec<Candidate>,
    /// What a candidate scores at least.
    least: f64,
}

impl<'w> Shared<'w> {
    /// The next regions; none at the end.
    fn next(&mut self) -> &'w [Unit] {
        let (units, rest) = self.left.split_at(self.take.min(self.left.len()));
        self.left = rest;
        self.take = (2 * self.take).min(MOST_REGIONS);
        units
    }

    /// Adds what was made of some of them, as far as it is still wanted.
    fn add(&mut self, made: Vec<Candidate>, wave: usize) {
        let least = self.least;
        self.found.extend(made.into_iter().filter(|candidate| candidate.score >= least));
        self.least = fullest(&mut self.found, wave).max(least);
    }
}

/// Where there are far more candidates than a wave has room for: leaves the likeliest, and gives the least score of those.
fn fullest(found: &mut Vec<Candidate>, wave: usize) -> f64 {
    if found.len() <= 2 * wave {
        return 0.0;
    }
    let mut scores: Vec<f64> = found.iter().map(|candidate| candidate.score).collect();
    let (_, least, _) = scores.select_nth_unstable_by(wave, |a, b| b.total_cmp(a));
    let least = *least;
    found.retain(|candidate| candidate.score >= least);
    least
}

/// A number that puts equally likely candidates in an order of their own for each seed (FNV-1a).
fn shuffled(seed: u64, candidate: &Candidate) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for edit in &candidate.edits {
        edit.path.bytes().for_each(&mut eat);
        edit.range.start.to_le_bytes().into_iter().for_each(&mut eat);
        edit.new.bytes().for_each(&mut eat);
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use coditect_types::Suspect;

    use super::*;
    use crate::repair::Source;

    #[test]
    fn the_order_is_the_same_however_many_threads_make_it() {
        let (mut text, mut suspects) = (String::new(), Vec::new());
        for n in 0..60_u32 {
            write!(
                text,
                "def f{n}(a, b, items):\n    if a < b and items:\n        items.append(a + b * {n})\n    return a\n    b = 1\n"
            )
            .unwrap();
            let score = 0.2 + 0.8 / f64::from(1 + n % 7);
            suspects.extend((1..=5).map(|line| Suspect {
                file: "m.py".to_owned(),
                line: 5 * n + line,
                score,
            }));
        }
        let sources = [Source { path: "m.py".to_owned(), text }];
        let problem = Problem { sources: &sources, suspects: &suspects, ..Problem::default() };
        let order = |threads| {
            let mut waves = Waves::new(&problem, threads);
            let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
            while let Some(candidate) = waves.next() {
                let edits: Vec<_> =
                    candidate.edits.iter().map(|e| (e.range.start, e.range.end, e.new.clone())).collect();
                // What comes again is left out by the search.
                if seen.insert(edits.clone()) {
                    order.push((candidate.score.to_bits(), edits));
                }
            }
            order
        };
        let one = order(1);
        assert!(one.len() > 2 * (FIRST_WAVE + WAVE), "{}", one.len());
        assert!(one.windows(2).all(|two| two[0].0 >= two[1].0));
        for threads in [2, 3] {
            assert!(order(threads) == one);
        }
    }
}
