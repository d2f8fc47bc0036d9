//! The simulator: whole missions from a seed, with crashes, lost, late and repeated outcomes, a slow and failing
//! journal, and agents that fail. It drives the same [`Cell`] as the product, without threads or clocks.
//!
//! Each seed switches whole kinds of fault on or off (swarm testing: Groce et al., 2012), so that a run without
//! crashes can find what crashes would hide. The oracle is a set of rules that hold at every moment; see
//! [`rules`]. A journal that breaks its promise ([`Faults::canary`]) must be caught, or the oracle is blind.

use std::collections::BTreeSet;

use coditect_ports::Journal;
use coditect_ports::journal::AppendError;
use coditect_runtime::Spending;
use coditect_runtime::cell::{Cell, decode, encode};
use coditect_runtime::fork::shared;
use coditect_types::limits::Verdict;
use coditect_types::{
    AttemptId, Command, Effect, Input, Ledger, MissionId, MissionStatus, Outcome, Policy, Record, Workers,
    WorkspaceRef,
};

use crate::chance::Chance;
use crate::invent::Truth;
use crate::memory_journal::{Fate, MemoryJournal};
use crate::rules;

/// Which kinds of fault a run has, each with how often it strikes, of 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The process dies: before keeping, between keeping and telling, or at rest.
    pub crash: u64,
    /// An outcome never arrives.
    pub lost: u64,
    /// An outcome arrives twice.
    pub repeated: u64,
    /// The journal refuses, or does not know.
    pub journal: u64,
    /// The wall clock goes back.
    pub clock: u64,
    /// A person cancels.
    pub cancel: u64,
    /// The journal says `kept` and lies. Off in honest runs.
    pub canary: u64,
}

impl Faults {
    /// The kinds that this seed has.
    #[must_use]
    pub fn of(chance: &mut Chance) -> Self {
        let mut some = |often: u64| if chance.percent(50) { often } else { 0 };
        Self {
            crash: some(8),
            lost: some(10),
            repeated: some(15),
            journal: some(15),
            clock: some(10),
            cancel: some(1),
            canary: 0,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The mission's end.
    pub status: MissionStatus,
    /// Every record, as the journal has them.
    pub records: Vec<Record>,
    /// Times the process died.
    pub crashes: u32,
    /// Inputs handed in.
    pub inputs: u32,
    /// Strands that the work fell into.
    pub strands: usize,
    /// The most attempts that were under way at once.
    pub at_once: usize,
    /// Behind each step, in a run that is watched.
    pub moments: Vec<Moment>,
}

/// A run behind one of its steps.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The number of the step's last record.
    pub seq: u64,
    /// The state that was live then, as text.
    pub state: String,
    /// The world, before anything happened in it that the step began.
    pub truth: Truth,
}

/// A rule that did not hold, with what shows it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// The rule and the evidence.
    pub what: String,
}

struct Sim {
    seed: u64,
    chance: Chance,
    faults: Faults,
    truth: Truth,
    journal: MemoryJournal,
    mission: MissionId,
    cell: Cell,
    now_ms: u64,
    /// Outcomes on their way: due time, attempt, outcome.
    post: Vec<(u64, AttemptId, Outcome)>,
    started: BTreeSet<AttemptId>,
    policy: Policy,
    crashes: u32,
    inputs: u32,
    at_once: usize,
    /// Filled where the run is watched.
    moments: Option<Vec<Moment>>,
}

/// Runs the mission of a seed with the faults of that seed.
pub fn run(seed: u64) -> Result<Run, Broken> {
    let mut chance = Chance::new(seed);
    let faults = Faults::of(&mut chance);
    run_with(seed, faults)
}

/// Runs the mission of a seed with these faults.
pub fn run_with(seed: u64, faults: Faults) -> Result<Run, Broken> {
    let mut chance = Chance::new(seed ^ 0x5EED);
    let truth = Truth::of(&mut chance);
    let policy = truth.policy(&mut chance);
    new(seed, faults, chance, truth, policy).play()
}

/// The same, and keeps every moment of it.
pub fn run_watched(seed: u64, faults: Faults, truth: &Truth, policy: &Policy) -> Result<Run, Broken> {
    let mut sim = new(seed, faults, Chance::new(seed ^ 0x5EED), truth.clone(), policy.clone());
    sim.moments = Some(Vec::new());
    sim.play()
}

/// Goes on from a moment of a run in a fork of its mission, without faults; the seed decides how long things take.
pub fn run_fork(seed: u64, records: &[Record], moment: &Moment, policy: &Policy) -> Result<Run, Broken> {
    let mut sim = new(seed, Faults::default(), Chance::new(seed), moment.truth.clone(), policy.clone());
    let at_ms = records.last().map_or(0, |record| record.at_ms);
    sim.now_ms = at_ms + sim.chance.below(1_000_000);
    let shared = shared(records, moment.seq, &sim.mission, (sim.now_ms, policy.clone()));
    let bytes = shared.iter().map(encode).collect();
    sim.journal.append_now(&sim.mission, 0, bytes).map_err(|error| sim.broken(error.to_string()))?;
    sim.reload()?;
    sim.take(&Input::Resume(Workers::Own))?;
    sim.go_on()
}

/// Runs a mission in this world under this policy; the seed decides how long things take and which faults strike when.
pub fn run_in(seed: u64, faults: Faults, truth: &Truth, policy: &Policy) -> Result<Run, Broken> {
    new(seed, faults, Chance::new(seed ^ 0x5EED), truth.clone(), policy.clone()).play()
}

fn new(seed: u64, faults: Faults, chance: Chance, truth: Truth, policy: Policy) -> Sim {
    let mission = MissionId::from_parts(seed, seed);
    let cell = Cell::new(mission.clone());
    Sim {
        seed,
        chance,
        faults,
        truth,
        journal: MemoryJournal::new(),
        mission,
        cell,
        now_ms: 1_000_000,
        post: Vec::new(),
        started: BTreeSet::new(),
        policy,
        crashes: 0,
        inputs: 0,
        at_once: 0,
        moments: None,
    }
}

impl Sim {
    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken { seed: self.seed, what: what.into() }
    }

    fn play(&mut self) -> Result<Run, Broken> {
        let submit = Command::SubmitMission {
            mission: self.mission.clone(),
            request: self.truth.request().into(),
            workspace: WorkspaceRef { path: "/simulated".into() },
            policy: self.policy.clone(),
        };
        while self.cell.seq() == 0 {
            self.take(&Input::Command(submit.clone()))?;
        }
        self.go_on()
    }

    /// On to the end of the mission.
    fn go_on(&mut self) -> Result<Run, Broken> {
        while self.cell.state().end.is_none() {
            if self.inputs > 2_000 {
                return Err(self.broken("the mission does not end"));
            }
            let input = self.next_input();
            self.take(&input)?;
        }
        let records = self.kept_records()?;
        rules::check(self.seed, &records, &self.truth)?;
        let status = self.cell.state().end.ok_or_else(|| self.broken("no end"))?;
        let strands = self.cell.state().world.strands.len();
        let (crashes, inputs, at_once) = (self.crashes, self.inputs, self.at_once);
        let moments = self.moments.take().unwrap_or_default();
        Ok(Run { status, records, crashes, inputs, strands, at_once, moments })
    }

    /// What happens next: an outcome arrives, time passes, a person cancels, the process dies.
    fn next_input(&mut self) -> Input {
        if self.chance.percent(self.faults.crash) {
            self.crash();
            return Input::Resume(Workers::Own);
        }
        if self.faults.cancel > 0 && self.chance.below(400) < self.faults.cancel {
            return Input::Command(Command::CancelMission { reason: "simulated".into() });
        }
        if self.chance.percent(self.faults.clock) {
            self.now_ms = self.now_ms.saturating_sub(self.chance.below(5_000));
        }
        if let Some(approval) = self.cell.state().approvals.keys().next().copied()
            && self.chance.percent(30)
        {
            let verdict = if self.chance.percent(50) { Verdict::Approved } else { Verdict::Denied };
            let (by, why) = ("simulated".to_owned(), String::new());
            return Input::Command(Command::AnswerApproval { approval, verdict, by, why });
        }
        self.post.sort_by_key(|(due, attempt, _)| (*due, *attempt));
        let tick = self.cell.effects().into_iter().find_map(|effect| match effect {
            Effect::ArmTimer { at_ms } => Some(at_ms),
            Effect::PerformAction { .. } => None,
        });
        let due = self.post.first().map(|(due, ..)| *due);
        match (due, tick) {
            (Some(due), tick) if tick.is_none_or(|tick| due <= tick) => {
                let (due, attempt, outcome) = self.post.remove(0);
                self.now_ms = self.now_ms.max(due);
                Input::Outcome { attempt, outcome }
            }
            (_, tick) => {
                // A little past it, as a real timer is.
                self.now_ms = self.now_ms.max(tick.unwrap_or(self.now_ms)) + self.chance.below(2_500);
                Input::Tick
            }
        }
    }

    /// Decide, keep, tell, act: with a death at any of the joints.
    fn take(&mut self, input: &Input) -> Result<(), Broken> {
        self.inputs += 1;
        self.now_ms += 1;
        let Ok(step) = self.cell.step(self.now_ms, input) else { return Ok(()) };
        if !step.is_empty() {
            if self.chance.percent(self.faults.crash) {
                self.crash();
                return self.take_up();
            }
            if self.chance.percent(self.faults.journal) {
                let fates = [Fate::NotKept, Fate::UnknownKept, Fate::UnknownNotKept];
                self.journal.next_fate(fates[self.chance.below(3) as usize]);
            }
            if self.chance.percent(self.faults.canary) {
                self.journal.next_fate(Fate::Lied);
            }
            match self.journal.append_now(&self.mission, self.cell.seq(), step.encode()) {
                Ok(_) => {}
                Err(AppendError::Conflict { expected, actual }) => {
                    return Err(self.broken(format!("the journal is at {actual}, the mission at {expected}")));
                }
                Err(AppendError::Held(_)) => return Err(self.broken("the only writer is locked out")),
                Err(AppendError::Unknown(_) | AppendError::NotKept(_)) => {
                    self.reload()?;
                    self.carry_out();
                    return Ok(());
                }
            }
            if self.chance.percent(self.faults.crash) {
                self.crash();
                return self.take_up();
            }
        }
        let (_records, _reply) = self.cell.kept(step);
        if let Some(moments) = &mut self.moments {
            let (seq, state) = (self.cell.seq(), format!("{:?}", self.cell.state()));
            moments.push(Moment { seq, state, truth: self.truth.clone() });
        }
        self.at_once = self.at_once.max(self.cell.state().running.len());
        self.carry_out();
        // Replaying after every step costs the square of the journal's length, so one seed in eight pays it.
        if self.seed.is_multiple_of(8) || self.cell.state().end.is_some() { self.agree() } else { Ok(()) }
    }

    fn take_up(&mut self) -> Result<(), Broken> {
        if self.cell.seq() > 0 && self.cell.state().end.is_none() {
            self.take(&Input::Resume(Workers::Own))
        } else {
            Ok(())
        }
    }

    /// All that is in memory is gone. Outcomes of the dead process' agents may still come, late.
    fn crash(&mut self) {
        self.crashes += 1;
        self.started.clear();
        if self.chance.percent(70) {
            self.post.clear();
        }
        // A fold of what is kept is all that the next process has.
        if let Ok(records) = self.kept_records() {
            self.cell = Cell::replay(self.mission.clone(), &records);
        }
        self.now_ms += self.chance.below(100_000);
    }

    fn reload(&mut self) -> Result<(), Broken> {
        let records = self.kept_records()?;
        self.cell = Cell::replay(self.mission.clone(), &records);
        Ok(())
    }

    fn kept_records(&self) -> Result<Vec<Record>, Broken> {
        let kept = self.journal.read(&self.mission, 1, usize::MAX).map_err(|e| self.broken(e.to_string()))?;
        kept.iter().map(|(_, bytes)| decode(bytes).map_err(|e| self.broken(e.to_string()))).collect()
    }

    /// Starts what the state says is to be under way.
    fn carry_out(&mut self) {
        for effect in self.cell.effects() {
            let Effect::PerformAction { attempt, action, .. } = effect else { continue };
            if !self.started.insert(attempt) {
                continue;
            }
            let outcome = self.truth.perform(&action, &mut self.chance);
            let due = self.now_ms + 1 + self.chance.below(3_000);
            if self.chance.percent(self.faults.repeated) {
                self.post.push((due + self.chance.below(5_000), attempt, outcome.clone()));
            }
            if !self.chance.percent(self.faults.lost) {
                self.post.push((due, attempt, outcome));
            }
        }
    }

    /// What is in memory is what a replay gives, who folds the costs alone comes to the same, what the tasks cost is the sum of it, and
    /// every attempt under way is among the effects.
    fn agree(&self) -> Result<(), Broken> {
        let records = self.kept_records()?;
        let replayed = Cell::replay(self.mission.clone(), &records);
        let mut spending = Spending::default();
        records.iter().for_each(|record| spending.take(&record.event));
        let ledger = Ledger { solved_by: None, ..replayed.state().ledger.clone() };
        if *spending.ledger() != ledger {
            return Err(self.broken(format!("costs {:?}, but the state has {ledger:?}", spending.ledger())));
        }
        if rules::sleeps(replayed.state()) {
            return Err(self.broken("nothing but its deadline wakes it".to_owned()));
        }
        let mut sum = Ledger::default();
        spending.tasks().values().for_each(|task| sum += task);
        if sum != ledger {
            return Err(self.broken(format!("its tasks cost {sum:?}, but the mission {ledger:?}")));
        }
        let (live, again) = (format!("{:?}", self.cell.state()), format!("{:?}", replayed.state()));
        if live != again {
            return Err(self.broken(format!("replay differs from live\nlive   {live}\nreplay {again}")));
        }
        let listed: BTreeSet<AttemptId> = self
            .cell
            .effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::PerformAction { attempt, .. } => Some(attempt),
                Effect::ArmTimer { .. } => None,
            })
            .collect();
        let running: BTreeSet<AttemptId> = self.cell.state().running.keys().copied().collect();
        if listed != running {
            return Err(self.broken(format!("under way {running:?}, but the effects are {listed:?}")));
        }
        if self.cell.state().end.is_some() && !listed.is_empty() {
            return Err(self.broken("something is under way after the end"));
        }
        Ok(())
    }
}
