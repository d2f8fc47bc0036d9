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
        let shared = Mutex::new((self.group.as_slice(), FIRST_REGIONS, Vec::new(), least));
        let work = || loop {
            let (units, least) = {
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let (units, rest) = shared.0.split_at(shared.1.min(shared.0.len()));
                if units.is_empty() {
                    return;
                }
                shared.0 = rest;
                shared.1 = (2 * shared.1).min(MOST_REGIONS);
                (units, shared.3)
            };
            if units.iter().all(|unit| unit.most() * LIKELIEST < least) {
                continue;
            }
            let made = self.grammars.candidates(units, &(least..self.made));
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.2.extend(made);
            let least = shared.3;
            shared.2.retain(|candidate: &Candidate| candidate.score >= least);
            shared.3 = fullest(&mut shared.2, wave).max(least);
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
        let (_, _, found, least) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        (found, least)
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
