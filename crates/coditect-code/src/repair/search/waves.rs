//! Single edits, likeliest first, made a wave of regions at a time so that memory stays bounded.

use crate::repair::grammars::{Grammars, Unit};
use crate::repair::{Candidate, Problem, recipes};

/// Candidates at which a wave takes no further region.
const WAVE: usize = 30_000;
/// Regions that are looked at together: a file is walked once for all of its own.
const REGIONS: usize = 4;
/// A wave takes no region that is less suspicious than this share of its first.
const SUSPICIOUS: f64 = 0.05;

/// Recipes and single edits in the order in which they are tried.
pub(super) struct Waves<'p> {
    grammars: Grammars<'p>,
    /// Regions to come, the most suspicious last.
    units: Vec<Unit>,
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
        Self { grammars, units, ready, seed: problem.seed }
    }

    /// The next candidate.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        while self.ready.is_empty() && !self.units.is_empty() {
            self.wave();
        }
        self.ready.pop()
    }

    fn wave(&mut self) {
        let least = self.units.last().map_or(0.0, |unit| SUSPICIOUS * unit.weight());
        while self.ready.len() < WAVE {
            let mut units = Vec::with_capacity(REGIONS);
            while units.len() < REGIONS {
                let Some(unit) = self.units.pop_if(|unit| unit.weight() >= least) else { break };
                units.push(unit);
            }
            if units.is_empty() {
                break;
            }
            self.ready.extend(self.grammars.candidates(&units));
        }
        let seed = self.seed;
        self.ready.sort_by_cached_key(|candidate| (candidate.score.to_bits(), shuffled(seed, candidate)));
    }
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
