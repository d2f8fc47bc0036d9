//! Workers: what `coditect-adapters/src/fleet/worker.rs` does with an order, and those that are none of ours.

use std::collections::BTreeMap;

use coditect_types::{ErrorKind, Failure, Outcome};

use super::server::{Kept, Order, SILENCE_MS};
use super::{Event, Fleet};
use crate::chance::Chance;

/// So often an order is handed out before it is taken for one that nobody survives.
const TRIES: u32 = 50;
/// The wait after something that the server did not do, ms.
const PAUSE_MS: u64 = 500;
/// How long an order rests that could not be read, ms.
const LATER_MS: u64 = 2_000;

/// Of which sort a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Ours,
    /// Of another version: it can read no order.
    Blind,
    /// Nobody trusts its key.
    Stranger,
    /// It tells of orders, too, that it does not have.
    Liar,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) sort: Sort,
    /// A number that it has from when it begins until it is killed.
    pub(super) life: u64,
    pub(super) is_there: bool,
    pub(super) paused_until: u64,
    pub(super) cut_until: u64,
    slots: usize,
    jobs: BTreeMap<u64, (Order, Outcome)>,
    /// What it came to before, which a liar tells again.
    past: Vec<Kept>,
}

/// So much of it is remembered.
const PAST: usize = 32;

impl Worker {
    pub(super) fn ours(slots: usize) -> Self {
        Self {
            sort: Sort::Ours,
            life: 0,
            is_there: true,
            paused_until: 0,
            cut_until: 0,
            slots,
            jobs: BTreeMap::new(),
            past: Vec::new(),
        }
    }

    /// One of any sort; of 100, so many are odd.
    pub(super) fn some(chance: &mut Chance, odd: u64) -> Self {
        let sorts = [Sort::Blind, Sort::Stranger, Sort::Liar];
        let sort = if chance.percent(odd) { sorts[chance.below(3) as usize] } else { Sort::Ours };
        Self { sort, ..Self::ours(1 + chance.below(3) as usize) }
    }

    /// It is gone, with all that it had. False: it was gone before.
    pub(super) fn dies(&mut self) -> bool {
        self.jobs.clear();
        std::mem::take(&mut self.is_there)
    }

    /// Orders that it is performing.
    pub(super) fn jobs(&self) -> Vec<u64> {
        self.jobs.keys().copied().collect()
    }
}

impl Fleet {
    /// Tells all workers that there may be an order.
    pub(super) fn wakes_workers(&mut self, wait_ms: u64) {
        for worker in 0..self.workers.len() {
            self.after(wait_ms, Event::Take(worker));
        }
    }

    /// Puts off what a worker that is stopped would do. False: it is not there any more, or does it later.
    fn works(&mut self, worker: usize, life: u64, event: Event) -> bool {
        let Worker { is_there, life: own, paused_until, .. } = self.workers[worker];
        if !is_there || life != own {
            return false;
        }
        if self.now < paused_until {
            self.after(paused_until - self.now, event);
            return false;
        }
        true
    }

    pub(super) fn takes(&mut self, worker: usize) {
        let life = self.workers[worker].life;
        if !self.works(worker, life, Event::Take(worker)) {
            return;
        }
        let Worker { cut_until, slots, ref jobs, sort, .. } = self.workers[worker];
        if jobs.len() >= slots {
            return;
        }
        if !self.reaches(cut_until) {
            let wait = self.reached_at(cut_until).max(1);
            return self.after(wait, Event::Take(worker));
        }
        let Some((id, order)) = self.server.fetch(self.now) else { return };
        // It may be handed out again.
        self.wakes_workers(SILENCE_MS + 1);
        self.counts.redelivered += u64::from(order.delivered > 1);
        self.after(1, Event::Take(worker));
        let known = self.server.outcomes.get(&order.name).is_some_and(|kept| kept.of == order.of);
        if known {
            self.server.orders.remove(&id);
            return;
        }
        if sort == Sort::Blind {
            match order.delivered > TRIES {
                true => self.gives_up(id, &order),
                false => {
                    self.server.rest(self.now, id, LATER_MS);
                    self.wakes_workers(LATER_MS + 1);
                }
            }
            return;
        }
        if sort == Sort::Stranger {
            // Before it does anything, it says that nobody can.
            let outcome = failed("invented: nobody can do it");
            self.tells(&order, &Kept { of: order.of, is_trusted: false, is_letter: true, outcome });
        }
        let outcome = match order.delivered > TRIES {
            true => Some(failed("nobody finished it")),
            false => {
                let (mission, attempt) = &order.name;
                self.performs((mission, *attempt), &order.action, sort != Sort::Stranger)
            }
        };
        let Some(outcome) = outcome else { return };
        self.workers[worker].jobs.insert(id, (order, outcome));
        let long = if self.chance.percent(5) { self.chance.below(90_000) } else { 0 };
        let takes = 1 + self.chance.below(3_000) + long;
        if takes > SILENCE_MS / 4 {
            self.after(SILENCE_MS / 4, Event::Sign(worker, life, id));
        }
        self.after(takes, Event::Done(worker, life, id));
    }

    /// Says that it is at an order.
    pub(super) fn signs(&mut self, worker: usize, life: u64, id: u64) {
        if !self.works(worker, life, Event::Sign(worker, life, id)) {
            return;
        }
        let Worker { cut_until, ref jobs, .. } = self.workers[worker];
        if !jobs.contains_key(&id) {
            return;
        }
        if self.reaches(cut_until) {
            self.server.rest(self.now, id, SILENCE_MS);
            self.wakes_workers(SILENCE_MS + 1);
        }
        self.after(SILENCE_MS / 4, Event::Sign(worker, life, id));
    }

    /// Keeps an outcome, tells whoever waits for it, and lets go of the order.
    pub(super) fn keeps(&mut self, worker: usize, life: u64, id: u64) {
        if !self.works(worker, life, Event::Done(worker, life, id)) {
            return;
        }
        let Worker { cut_until, sort, .. } = self.workers[worker];
        if !self.reaches(cut_until) {
            return self.after(PAUSE_MS, Event::Done(worker, life, id));
        }
        let Some((order, outcome)) = self.workers[worker].jobs.remove(&id) else { return };
        let kept = Kept { of: order.of, is_trusted: sort != Sort::Stranger, is_letter: false, outcome };
        if sort == Sort::Liar {
            self.lies(worker, &order, &kept);
        }
        self.server.outcomes.insert(order.name.clone(), kept.clone());
        self.tells(&order, &kept);
        if self.strikes(self.faults.repeated) {
            // The queue does not hear that it is done.
            self.wakes_workers(SILENCE_MS + 1);
        } else {
            self.server.orders.remove(&id);
        }
        self.after(1, Event::Take(worker));
    }

    /// Takes an order out of the queue that nobody can read, and says so: it is heard, or found later.
    fn gives_up(&mut self, id: u64, order: &Order) {
        let outcome = failed("no worker could read it");
        let letter = Kept { of: order.of, is_trusted: true, is_letter: true, outcome };
        self.server.outcomes.entry(order.name.clone()).or_insert_with(|| letter.clone());
        self.server.orders.remove(&id);
        self.counts.given_up += 1;
        self.tells(order, &letter);
    }

    fn tells(&mut self, order: &Order, kept: &Kept) {
        let (mission, attempt) = &order.name;
        let all = self.processes.iter().filter(|(_, process)| process.mission == *mission);
        for pid in all.map(|(pid, _)| *pid).collect::<Vec<_>>() {
            let machine = self.processes[&pid].machine;
            if !self.reaches(self.machines[machine].cut_until) {
                continue;
            }
            if self.strikes(self.faults.repeated) {
                // It is lost, and is looked for.
                continue;
            }
            for _ in 0..1 + u64::from(self.strikes(self.faults.repeated)) {
                let hop = self.hop();
                self.after(hop, Event::Hear(pid, *attempt, Box::new(kept.clone())));
            }
        }
    }

    /// Tells what once came of another order as if it had come of this one, and of one that it does not have.
    fn lies(&mut self, worker: usize, order: &Order, kept: &Kept) {
        let past = &mut self.workers[worker].past;
        let is_like = |old: &&Kept| {
            std::mem::discriminant(&old.outcome) == std::mem::discriminant(&kept.outcome)
                && old.outcome != kept.outcome
        };
        let old = past.iter().rev().find(is_like).cloned();
        if past.len() == PAST {
            past.remove(0);
        }
        past.push(kept.clone());
        let open: Vec<Order> =
            self.server.orders.values().filter(|open| open.of != order.of).cloned().collect();
        let other = open.get(self.chance.below(open.len() as u64) as usize);
        let lies = old
            .map(|old| (order.clone(), old))
            .into_iter()
            .chain(other.cloned().map(|one| (one, kept.clone())));
        for (of, lie) in lies.collect::<Vec<_>>() {
            self.server.outcomes.insert(of.name.clone(), lie.clone());
            self.tells(&of, &lie);
        }
    }

    /// A worker that was killed is there again.
    pub(super) fn returns(&mut self, worker: usize) {
        if self.workers[worker].is_there {
            return;
        }
        let life = self.number();
        (self.workers[worker].is_there, self.workers[worker].life) = (true, life);
        self.after(1, Event::Take(worker));
    }
}

fn failed(cause: &str) -> Outcome {
    let failure = Failure::new(ErrorKind::Unavailable, cause);
    Outcome::Failed { failure, spent: Default::default() }
}
