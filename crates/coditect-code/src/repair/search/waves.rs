//! Single edits, likeliest first, made a wave at a time so that memory stays bounded.
//!
//! Where the regions that suspicion touches make more candidates than a wave has room for, all of them are gone through
//! for each wave, and what is less likely is left for the next: a likely edit of a region that is a little less suspicious
//! must not wait until the most suspicious ones have nothing left.

use crate::repair::grammars::{Grammars, Unit};
use crate::repair::{Candidate, Problem, recipes};

/// Candidates of a wave, where more are left for the next one.
const WAVE: usize = 15_000;
/// Regions that are looked at together: a file is walked once for all of its own.
const REGIONS: usize = 4;
/// Regions that are less suspicious than this share of the first are gone through later.
const SUSPICIOUS: f64 = 0.05;
/// No candidate is likelier than its region is suspicious, times this.
const LIKELIEST: f64 = 1.6;

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
}

impl<'p> Waves<'p> {
    pub(super) fn new(problem: &'p Problem<'p>) -> Self {
        let grammars = Grammars::read(problem);
        let mut units = grammars.units();
        units.reverse();
        let mut ready = recipes(problem);
        ready.reverse();
        Self { grammars, units, group: Vec::new(), made: f64::INFINITY, ready, seed: problem.seed }
    }

    /// The next candidate.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        while self.ready.is_empty() && !(self.group.is_empty() && self.units.is_empty()) {
            self.wave();
        }
        self.ready.pop()
    }

    fn wave(&mut self) {
        if self.group.is_empty() {
            let least = self.units.last().map_or(0.0, |unit| SUSPICIOUS * unit.weight());
            while let Some(unit) = self.units.pop_if(|unit| unit.weight() >= least) {
                self.group.push(unit);
            }
            self.made = f64::INFINITY;
        }
        let (mut least, mut found) = (0.0, Vec::new());
        for units in self.group.chunks(REGIONS) {
            if units.iter().all(|unit| unit.most() * LIKELIEST < least) {
                continue;
            }
            let made = self.made;
            let wanted = |candidate: &Candidate| candidate.score < made && candidate.score >= least;
            found.extend(self.grammars.candidates(units).into_iter().filter(wanted));
            least = fullest(&mut found).max(least);
        }
        self.made = least;
        if least <= 0.0 {
            self.group.clear();
        }
        self.ready = found;
        let seed = self.seed;
        self.ready.sort_by_cached_key(|candidate| (candidate.score.to_bits(), shuffled(seed, candidate)));
    }
}

/// Where there are far more candidates than a wave has room for: leaves the likeliest, and gives the least score of those.
fn fullest(found: &mut Vec<Candidate>) -> f64 {
    if found.len() <= 2 * WAVE {
        return 0.0;
    }
    let mut scores: Vec<f64> = found.iter().map(|candidate| candidate.score).collect();
    let (_, least, _) = scores.select_nth_unstable_by(WAVE, |a, b| b.total_cmp(a));
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
