//! Making batches of candidates, also while another batch is judged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use super::batch::Prepared;
use super::prepare::Preparer;
use super::waves::Waves;
use crate::repair::{Candidate, Means, Problem};

/// Stack of the thread that makes batches, in bytes: walks over trees recurse, and generated code is deep.
pub(super) const STACK: usize = 16 << 20;

/// Candidates to be judged together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// New ones that parse, the likeliest first.
    pub(super) members: Vec<Prepared>,
    /// Their numbers among all single edits; empty for pairs.
    pub(super) numbers: Vec<u64>,
    /// The number behind them; None for pairs, which have none.
    pub(super) next: Option<u64>,
    /// What an earlier search judged, and which did nothing.
    pub(super) passed_over: Vec<Candidate>,
    /// What was left out on the way, since another had the same text or since it does not parse.
    pub(super) dropped: u64,
    /// What would have come next is not likely enough to be looked at.
    pub(super) is_last: bool,
}

impl Batch {
    /// Leaves out what is less likely than `floor`, which was not known when the batch was made.
    pub(super) fn above(mut self, floor: Option<f64>) -> Self {
        let below = |member: &Prepared| floor.is_some_and(|floor| member.candidate.score < floor);
        if let Some(at) = self.members.iter().position(below) {
            // What is cut was not judged.
            self.next = self.numbers.get(at).copied().or(self.next);
            self.members.truncate(at);
            self.numbers.truncate(at);
            self.is_last = true;
        }
        self
    }
}

/// Makes batches. What it makes depends on the problem and on nothing that was judged, but for the floor.
pub(super) struct Maker<'a> {
    means: Means<'a>,
    preparer: Preparer<'a>,
    waves: Waves<'a>,
    /// The number of the next single edit, in an order that only the problem decides.
    next: u64,
    /// Members of all batches.
    made: u64,
}

impl<'a> Maker<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, means: Means<'a>) -> Self {
        let preparer = Preparer::new(problem, means.limits.threads);
        Self { means, preparer, waves: Waves::new(problem, means.limits.threads), next: 0, made: 0 }
    }

    /// True where nothing can be parsed.
    pub(super) fn is_blind(&self) -> bool {
        self.preparer.is_blind()
    }

    /// The next single edits. What an earlier search judged is passed over, as far as it did nothing.
    pub(super) fn singles(&mut self, floor: Option<f64>) -> Batch {
        let most = self.means.judge.batch(self.made);
        self.singles_of(most, floor, &AtomicBool::new(false))
    }

    fn singles_of(&mut self, most: usize, floor: Option<f64>, over: &AtomicBool) -> Batch {
        let Self { means, preparer, waves, next, made } = self;
        let covered = means.limits.covered.as_ref();
        let mut batch = Batch::default();
        let (mut numbers, mut passed_over) = (Vec::new(), Vec::new());
        let next_one = || if over.load(Ordering::Relaxed) { None } else { waves.next() };
        fill(means, preparer, next_one, (most, floor), &mut batch, &mut |candidate| {
            let number = *next;
            *next += 1;
            let known = covered.is_some_and(|(judged, near)| number < *judged && !near.contains(&number));
            if known {
                passed_over.push(candidate.clone());
            } else {
                numbers.push(number);
            }
            !known
        });
        *made += batch.members.len() as u64;
        Batch { numbers, passed_over, next: Some(*next), ..batch }
    }

    /// The next of other candidates.
    pub(super) fn others(&mut self, others: impl FnMut() -> Option<Candidate>, floor: Option<f64>) -> Batch {
        let mut batch = Batch::default();
        let most = self.means.judge.batch(self.made);
        fill(&self.means, &mut self.preparer, others, (most, floor), &mut batch, &mut |_| true);
        self.made += batch.members.len() as u64;
        batch
    }

    /// Makes the next single edits on a thread of its own while `work` is done: a judge does not wait for candidates then.
    /// `work` says whether the search goes on; where it does not, there is no batch.
    pub(super) fn meanwhile(&mut self, floor: Option<f64>, work: impl FnOnce() -> bool) -> Option<Batch> {
        let most = self.means.judge.batch(self.made);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let builder = thread::Builder::new().stack_size(STACK);
            let (this, over) = (&mut *self, &over);
            let spawned = builder.spawn_scoped(scope, move || this.singles_of(most, floor, over));
            let goes_on = work();
            over.store(!goes_on, Ordering::Relaxed);
            match spawned.map(ScopedJoinHandle::join) {
                Ok(Ok(batch)) => goes_on.then_some(batch),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread can be had: it is made when it is wanted.
                Err(_) => None,
            }
        })
    }
}

/// Fills a batch with what comes next, is new, parses and scores `floor` at least, until it has `most` members.
fn fill(
    means: &Means<'_>,
    preparer: &mut Preparer<'_>,
    mut next: impl FnMut() -> Option<Candidate>,
    (most, floor): (usize, Option<f64>),
    batch: &mut Batch,
    wanted: &mut dyn FnMut(&Candidate) -> bool,
) {
    let before = preparer.dropped();
    let mut is_over = false;
    while batch.members.len() < most && !is_over {
        let mut applied = Vec::with_capacity(most - batch.members.len());
        while batch.members.len() + applied.len() < most {
            // Many in a row may be duplicates: the flag is looked at for each.
            let candidate = if means.stop.is_wanted() { None } else { next() };
            let Some(candidate) = candidate else {
                is_over = true;
                break;
            };
            if floor.is_some_and(|floor| candidate.score < floor) {
                batch.is_last = true;
                is_over = true;
                break;
            }
            if means.limits.within.as_ref().is_none_or(|within| within.allows(&candidate)) {
                applied.extend(preparer.apply(candidate));
            }
        }
        let parsed = preparer.that_parse(applied);
        batch.members.extend(parsed.into_iter().filter(|prepared| wanted(&prepared.candidate)));
    }
    batch.dropped = preparer.dropped() - before;
}
