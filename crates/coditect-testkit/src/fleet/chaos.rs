//! What breaks.

use super::{Event, Fleet};

/// How often something may break, ms.
const STROKE_MS: u64 = 2_000;

impl Fleet {
    /// One stroke: each kind of fault may strike somewhere.
    pub(super) fn chaos(&mut self) {
        if self.now >= self.heals_at {
            return self.heals();
        }
        self.after(STROKE_MS, Event::Chaos);
        if self.strikes(self.faults.kill) {
            self.kills();
        }
        if self.strikes(self.faults.pause) {
            self.pauses();
        }
        if self.strikes(self.faults.cut) {
            self.cuts();
        }
        if self.strikes(self.faults.away) {
            self.server.away_until = self.now + 1_000 + self.chance.below(20_000);
            if self.chance.percent(50) {
                self.server.forgets(self.server.away_until);
            }
        }
        if self.strikes(self.faults.clock) {
            let machine = self.chance.below(self.machines.len() as u64) as usize;
            let most = if self.chance.percent(10) { 2 * 3_600_000 } else { 10_000 };
            self.machines[machine].offset_ms = self.chance.below(2 * most) as i64 - most as i64;
        }
    }

    fn some_machine(&mut self) -> usize {
        self.chance.below(self.machines.len() as u64) as usize
    }

    fn some_worker(&mut self) -> usize {
        self.chance.below(self.workers.len() as u64) as usize
    }

    fn some_process(&mut self) -> Option<u64> {
        let pids: Vec<u64> = self.processes.keys().copied().collect();
        let n = self.chance.below(pids.len() as u64) as usize;
        pids.get(n).copied()
    }

    fn kills(&mut self) {
        let returns = 500 + self.chance.below(15_000);
        match self.chance.below(10) {
            0..4 => {
                if let Some(pid) = self.some_process() {
                    self.counts.killed_missions += 1;
                    self.processes.remove(&pid);
                }
            }
            4..7 => {
                let worker = self.some_worker();
                self.counts.killed_workers += u64::from(self.workers[worker].dies());
                self.after(returns, Event::Returns(worker));
            }
            n => {
                let machine = self.some_machine();
                self.counts.killed_doors += u64::from(self.machines[machine].door.take().is_some());
                self.after(returns, Event::Opens(machine));
                // The whole machine, or its door alone.
                if n == 9 {
                    let before = self.processes.len();
                    self.processes.retain(|_, process| process.machine != machine);
                    self.counts.killed_missions += (before - self.processes.len()) as u64;
                }
            }
        }
    }

    fn pauses(&mut self) {
        let long = if self.chance.percent(30) { 120_000 } else { 10_000 };
        let until = self.now + 500 + self.chance.below(long);
        self.counts.paused += 1;
        match self.chance.below(3) {
            0 => {
                if let Some(process) = self.some_process().and_then(|pid| self.processes.get_mut(&pid)) {
                    process.paused_until = until;
                }
            }
            1 => {
                let worker = self.some_worker();
                self.workers[worker].paused_until = until;
            }
            _ => {
                let machine = self.some_machine();
                if let Some(door) = &mut self.machines[machine].door {
                    door.paused_until = until;
                }
            }
        }
    }

    fn cuts(&mut self) {
        let long = if self.chance.percent(30) { 90_000 } else { 8_000 };
        let until = self.now + 200 + self.chance.below(long);
        self.counts.cut += 1;
        if self.chance.percent(50) {
            let machine = self.some_machine();
            self.machines[machine].cut_until = until;
        } else {
            let worker = self.some_worker();
            self.workers[worker].cut_until = until;
        }
    }

    /// Everything is there again. Clocks stay as wrong as they are.
    fn heals(&mut self) {
        let now = self.now;
        self.server.away_until = now;
        for machine in 0..self.machines.len() {
            self.machines[machine].cut_until = now;
            if let Some(door) = &mut self.machines[machine].door {
                door.paused_until = now;
            }
            self.opens(machine);
        }
        // What they would do was put off, and is done at once.
        for pid in self.processes.keys().copied().collect::<Vec<_>>() {
            self.wakes(pid);
        }
        for worker in 0..self.workers.len() {
            (self.workers[worker].cut_until, self.workers[worker].paused_until) = (now, now);
            self.returns(worker);
            let life = self.workers[worker].life;
            for order in self.workers[worker].jobs() {
                self.after(1, Event::Done(worker, life, order));
            }
        }
        self.wakes_workers(1);
    }
}
