//! The candidates of a woven build, many in one process: which thread runs which, and what came of each.
//!
//! The search asks for one candidate at a time, from several threads. Whoever asks first runs a share of the batch in
//! one process, and the answers of the others lie ready when they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use coditect_code::suite::{Picked, SuiteReport};
use coditect_ports::PortError;

/// Candidates of one process at least, where so many are left: it starts once for all of them.
const LEAST: usize = 8;

/// A batch that is tried.
#[derive(Debug, Default)]
pub(super) struct Picks {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The tests that are run, once they are known.
    ids: Vec<String>,
    /// Candidates of one process.
    share: usize,
    left: BTreeSet<u32>,
    under_way: BTreeSet<u32>,
    done: BTreeMap<u32, SuiteReport>,
}

impl Picks {
    /// A new batch, for so many threads.
    pub(super) fn begin(&self, numbers: BTreeSet<u32>, threads: usize) {
        let share = numbers.len().div_ceil(threads.max(1)).max(LEAST);
        *self.lock() = State { share, left: numbers, ..State::default() };
    }

    /// What came of a candidate with these tests, up to the first red one. `run` tries some candidates in one process.
    /// None: it must be run by itself.
    pub(super) fn report(
        &self,
        number: u32,
        ids: &[String],
        run: impl Fn(&[u32]) -> Result<Option<Picked>, PortError>,
    ) -> Result<Option<SuiteReport>, PortError> {
        let mut state = self.lock();
        if state.ids.is_empty() {
            state.ids = ids.to_vec();
        }
        if state.ids != ids {
            return Ok(None);
        }
        loop {
            if let Some(report) = state.done.get(&number) {
                return Ok(Some(report.clone()));
            }
            if !state.left.contains(&number) && !state.under_way.contains(&number) {
                return Ok(None);
            }
            let Some(mine) = state.take(number) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let running = Running { picks: self, mine: &mine };
            let picked = run(&mine);
            state = self.lock();
            // In one step with what is left: what another takes from now on is under way there.
            running.ends(&mut state);
            match &picked {
                Ok(Some(picked)) => state.settle(&mine, picked),
                // None of them can be tried so.
                Ok(None) => state.left.clear(),
                Err(_) => {}
            }
            picked?;
        }
    }

    /// What came of a candidate that was tried.
    pub(super) fn known(&self, number: u32) -> Option<SuiteReport> {
        self.lock().done.get(&number).cloned()
    }

    /// A lock that stays usable: each step of the state stands for itself.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Candidates for one process: this one first if nobody has it, else others, while it is under way elsewhere.
    fn take(&mut self, number: u32) -> Option<Vec<u32>> {
        let mut mine: Vec<u32> = self.left.take(&number).into_iter().collect();
        while mine.len() < self.share {
            let Some(next) = self.left.pop_first() else { break };
            mine.push(next);
        }
        self.under_way.extend(&mine);
        (!mine.is_empty()).then_some(mine)
    }

    /// Keeps what is known. What was not reached is left for another process; one that was the first of its process
    /// and was not reached either is run by itself.
    fn settle(&mut self, mine: &[u32], picked: &Picked) {
        self.done.extend(picked.reports.iter().map(|(number, report)| (*number, report.clone())));
        let none = picked.reports.is_empty();
        let unreached = mine.iter().skip(usize::from(none)).filter(|n| !picked.reports.contains_key(n));
        self.left.extend(unreached);
    }
}

/// Takes candidates off the list of those under way, also where a run unwinds: others wait for them.
struct Running<'a> {
    picks: &'a Picks,
    mine: &'a [u32],
}

impl Running<'_> {
    fn ends(mut self, state: &mut State) {
        self.end(state);
        self.mine = &[];
    }

    fn end(&self, state: &mut State) {
        for number in self.mine {
            state.under_way.remove(number);
        }
        self.picks.changed.notify_all();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.mine.is_empty() {
            self.end(&mut self.picks.lock());
        }
    }
}

#[cfg(test)]
mod tests;
