//! A fleet from a seed: machines whose doors look after missions, a process for each mission, workers, and the server that has the
//! journal, the queue and the outcomes. Processes are killed and stopped, links are cut and slow, the server is away, answers are lost,
//! deliveries come twice and late, clocks jump, workers cannot read what they are sent or send what nobody ordered.
//!
//! What decides is the product's: [`Cell`], [`Lookout`] and which actions travel. What is modelled are the promises of the server
//! (NATS JetStream: appends under an expected number, a work queue that delivers at least once, messages that age) and the ways of
//! `coditect-adapters/src/fleet`, with its times. Each seed switches whole kinds of fault on or off, as in [`crate::sim`], and at some
//! moment everything heals: from then on every mission has to come to its end, and what was kept has to keep every rule ([`verdict`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_runtime::lookout::{LOOK_EVERY_MS, Lookout};
use coditect_types::{
    Action, AttemptId, Command, Input, MissionId, MissionStatus, Outcome, Policy, WorkspaceRef,
};

use crate::chance::Chance;
use crate::invent::Truth;
use crate::sim::Broken;

mod chaos;
mod crew;
mod doors;
mod process;
mod server;
mod verdict;

use crew::Worker;
use process::Process;
use server::{Kept, Server};

/// How long after everything has healed a mission may take, ms. The longest that a person lets one wait is a part of it.
const ENDS_WITHIN_MS: u64 = 12 * 3_600_000;
/// How long it goes on behind the last end, ms: whoever was stopped meanwhile wakes up, and must not spoil it.
const DRAINS_FOR_MS: u64 = 150_000;
/// Things that happen in one run at most.
const MOST_EVENTS: u64 = 200_000;

/// Which kinds of fault a run has. Unless said otherwise, how often one strikes at each stroke of chaos, of 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A process is killed: a mission's, a door, a worker, or all of a machine.
    pub kill: u64,
    /// A process is stopped for a while, and goes on as if nothing had been.
    pub pause: u64,
    /// A machine or a worker cannot reach the server for a while.
    pub cut: u64,
    /// Nobody can reach the server for a while.
    pub away: u64,
    /// A machine's clock jumps, by seconds or hours.
    pub clock: u64,
    /// Of 100 messages, so many come late.
    pub slow: u64,
    /// Of 100 messages, so many come twice, or their answer is lost.
    pub repeated: u64,
    /// Of 100 appends, so many are refused, or nobody knows whether they were kept.
    pub journal: u64,
    /// Of 100 workers, so many are none of ours: they cannot read orders, are not trusted, or tell of orders that they do not have.
    pub odd: u64,
    /// A person cancels a mission; of 100 looks of theirs.
    pub cancel: u64,
    /// A promise that is broken, which the rules have to see.
    pub canary: Option<Canary>,
}

/// A promise that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// The journal keeps what does not follow its newest record.
    Unfenced,
    /// A process takes an outcome of whichever order it is.
    Credulous,
    /// A process takes an outcome by whomever it is.
    Trusting,
}

impl Faults {
    /// The kinds that this seed has.
    #[must_use]
    pub fn of(chance: &mut Chance) -> Self {
        let mut some = |often: u64| if chance.percent(50) { often } else { 0 };
        Self {
            kill: some(30),
            pause: some(20),
            cut: some(20),
            away: some(5),
            clock: some(10),
            slow: some(10),
            repeated: some(10),
            journal: some(5),
            odd: some(40),
            cancel: some(1),
            canary: None,
        }
    }
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Things that happened.
    pub events: u64,
    /// Processes of missions that were killed.
    pub killed_missions: u64,
    /// Doors that were killed.
    pub killed_doors: u64,
    /// Workers that were killed.
    pub killed_workers: u64,
    /// Processes that were stopped for a while.
    pub paused: u64,
    /// Links that were cut.
    pub cut: u64,
    /// Appends that were kept after their answer was lost.
    pub landed: u64,
    /// Missions that a door took up.
    pub taken_up: u64,
    /// Attempts whose outcome came to another process than the one that began them.
    pub kept_on: u64,
    /// Processes that another writer was ahead of.
    pub stepped_down: u64,
    /// Orders that were handed out again.
    pub redelivered: u64,
    /// Outcomes of another order, or of somebody who is not trusted, that came to a process.
    pub refused: u64,
    /// Orders that were given up, since nobody could read them.
    pub given_up: u64,
    /// Missions that a person had to go on with.
    pub by_hand: u64,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The end of each mission.
    pub ends: Vec<MissionStatus>,
    /// What happened on the way.
    pub counts: Counts,
}

/// A number that no other process of a run has.
type Pid = u64;

/// What happens at a moment.
#[derive(Debug)]
enum Event {
    /// Somebody asks for a mission.
    Submit(MissionId),
    /// A process takes its next input.
    Turn(Pid),
    /// Its timer rings, if it is still set to this moment.
    Alarm(Pid, u64),
    /// It sees to an attempt that travels.
    Errand(Pid, AttemptId),
    /// It hears of an outcome.
    Hear(Pid, AttemptId, Box<Kept>),
    /// An action that does not travel is done.
    Own(Pid, AttemptId, Box<Outcome>),
    /// In the middle of one, a commit comes into the person's repository.
    Hands(Pid, String),
    /// An append whose answer was lost is kept after all, if it still follows the newest record.
    Lands(MissionId, u64, Vec<Vec<u8>>),
    /// It says which mission it has.
    Say(Pid),
    /// A worker looks for orders.
    Take(usize),
    /// It says that it is at one.
    Sign(usize, u64, u64),
    /// It has done one, and keeps what came of it.
    Done(usize, u64, u64),
    /// It is there again.
    Returns(usize),
    /// The door of a machine looks after missions.
    Look(usize),
    /// It is there again.
    Opens(usize),
    /// Something breaks.
    Chaos,
    /// A person looks at their missions.
    Person,
}

/// A machine on which missions run.
#[derive(Debug)]
struct Machine {
    /// How far its clock is off, ms.
    offset_ms: i64,
    cut_until: u64,
    /// None: it was killed.
    door: Option<Door>,
}

#[derive(Debug)]
struct Door {
    lookout: Lookout,
    since: u64,
    paused_until: u64,
}

/// A mission, as whoever knows everything sees it.
#[derive(Debug)]
struct Story {
    truth: Truth,
    policy: Policy,
    /// What agents really came to, in each attempt.
    made: BTreeMap<AttemptId, Vec<Outcome>>,
    /// Commits that were handed over.
    handed: Vec<String>,
    end: Option<MissionStatus>,
    /// Machines that have what it works on.
    homes: BTreeSet<usize>,
    /// Since when no process has it, ms.
    alone_since: Option<u64>,
}

struct Fleet {
    seed: u64,
    chance: Chance,
    faults: Faults,
    /// ms, of a clock that nobody has.
    now: u64,
    heals_at: u64,
    server: Server,
    machines: Vec<Machine>,
    processes: BTreeMap<Pid, Process>,
    workers: Vec<Worker>,
    stories: BTreeMap<MissionId, Story>,
    agenda: BTreeMap<(u64, u64), Event>,
    /// The newest number given: to events, processes and lives of workers.
    newest: u64,
    counts: Counts,
}

/// Runs the fleet of a seed with the faults of that seed.
pub fn run(seed: u64) -> Result<Run, Broken> {
    let mut chance = Chance::new(seed ^ 0xF1EE7);
    let faults = Faults::of(&mut chance);
    run_with(seed, faults)
}

/// Runs the fleet of a seed with these faults.
pub fn run_with(seed: u64, faults: Faults) -> Result<Run, Broken> {
    Fleet::new(seed, faults).play()
}

impl Fleet {
    fn new(seed: u64, faults: Faults) -> Self {
        let mut chance = Chance::new(seed ^ 0x5EED);
        let now = 1_000_000_000;
        let heals_at = now + 20_000 + chance.below(280_000);
        let missions = 1 + chance.below(3);
        let mut stories = BTreeMap::new();
        for n in 0..missions {
            let truth = Truth::of(&mut chance);
            let policy = truth.policy(&mut chance);
            let story = Story {
                truth,
                policy,
                made: BTreeMap::new(),
                handed: Vec::new(),
                end: None,
                homes: BTreeSet::new(),
                alone_since: None,
            };
            stories.insert(MissionId::from_parts(seed, n), story);
        }
        let door = || Some(Door { lookout: Lookout::default(), since: now, paused_until: 0 });
        let machines = (0..2 + chance.below(2)).map(|_| Machine { offset_ms: 0, cut_until: 0, door: door() });
        let machines = machines.collect();
        let mut workers = vec![Worker::ours(1 + chance.below(3) as usize)];
        workers.extend((0..1 + chance.below(3)).map(|_| Worker::some(&mut chance, faults.odd)));
        Self {
            seed,
            chance,
            faults,
            now,
            heals_at,
            server: Server::default(),
            machines,
            processes: BTreeMap::new(),
            workers,
            stories,
            agenda: BTreeMap::new(),
            newest: 0,
            counts: Counts::default(),
        }
    }

    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken { seed: self.seed, what: what.into() }
    }

    fn play(mut self) -> Result<Run, Broken> {
        for mission in self.stories.keys().cloned().collect::<Vec<_>>() {
            let at = self.chance.below(5_000);
            self.after(at, Event::Submit(mission));
        }
        for machine in 0..self.machines.len() {
            let at = self.chance.below(LOOK_EVERY_MS);
            self.after(at, Event::Look(machine));
        }
        for worker in 0..self.workers.len() {
            self.after(0, Event::Take(worker));
        }
        self.after(2_000, Event::Chaos);
        self.after(5_000, Event::Person);
        let mut drained_at = None;
        loop {
            if self.stories.values().all(|story| story.end.is_some()) {
                let until = *drained_at.get_or_insert(self.now + DRAINS_FOR_MS);
                if self.now >= until || self.processes.is_empty() {
                    break;
                }
            }
            let Some(((at, _), event)) = self.agenda.pop_first() else {
                return Err(self.broken("nothing happens any more"));
            };
            self.now = self.now.max(at);
            self.counts.events += 1;
            let is_late = self.counts.events > MOST_EVENTS || self.now > self.heals_at + ENDS_WITHIN_MS;
            if is_late && drained_at.is_none() {
                let open = self.stories.iter().filter(|(_, story)| story.end.is_none());
                let open: Vec<_> = open.map(|(mission, _)| mission.to_string()).collect();
                return Err(self.broken(format!("{} does not end", open.join(", "))));
            }
            self.happens(event)?;
        }
        verdict::check(&self)?;
        let ends = self.stories.values().filter_map(|story| story.end).collect();
        Ok(Run { ends, counts: self.counts })
    }

    fn happens(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Submit(mission) => self.submit(&mission),
            Event::Turn(pid) => return self.turn(pid),
            Event::Alarm(pid, at) => self.alarm(pid, at),
            Event::Errand(pid, attempt) => self.errand(pid, attempt),
            Event::Hear(pid, attempt, kept) => self.hear(pid, attempt, *kept),
            Event::Own(pid, attempt, outcome) => self.own(pid, attempt, *outcome),
            Event::Hands(pid, commit) => self.hands(pid, commit),
            Event::Lands(mission, expected_seq, records) => self.lands(&mission, expected_seq, records),
            Event::Say(pid) => self.say(pid),
            Event::Take(worker) => self.takes(worker),
            Event::Sign(worker, life, order) => self.signs(worker, life, order),
            Event::Done(worker, life, order) => self.keeps(worker, life, order),
            Event::Returns(worker) => self.returns(worker),
            Event::Look(machine) => return self.look(machine),
            Event::Opens(machine) => self.opens(machine),
            Event::Chaos => self.chaos(),
            Event::Person => self.person(),
        }
        Ok(())
    }

    fn after(&mut self, wait_ms: u64, event: Event) {
        let key = (self.now + wait_ms, self.number());
        self.agenda.insert(key, event);
    }

    fn number(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }

    /// How long a message takes.
    fn hop(&mut self) -> u64 {
        let late = if self.strikes(self.faults.slow) { self.chance.below(5_000) } else { 0 };
        1 + self.chance.below(20) + late
    }

    /// Whether a fault strikes that is so frequent. None does once everything has healed.
    fn strikes(&mut self, percent: u64) -> bool {
        self.now < self.heals_at && self.chance.percent(percent)
    }

    /// The time on the clock of a machine, ms.
    fn wall(&self, machine: usize) -> u64 {
        self.now.saturating_add_signed(self.machines[machine].offset_ms)
    }

    /// Whether something whose link was cut until then reaches the server.
    fn reaches(&self, cut_until: u64) -> bool {
        self.now >= cut_until && self.now >= self.server.away_until
    }

    /// When whatever was lost of a link is there again.
    fn reached_at(&self, cut_until: u64) -> u64 {
        cut_until.max(self.server.away_until).saturating_sub(self.now)
    }

    /// What an agent comes to. It is noted, so that nothing else is taken for it; that of a stranger is not to be taken.
    fn performs(
        &mut self,
        (mission, attempt): (&MissionId, AttemptId),
        action: &Arc<Action>,
        is_trusted: bool,
    ) -> Option<Outcome> {
        let story = self.stories.get_mut(mission)?;
        // What a stranger makes up is not of this world.
        let outcome = match is_trusted {
            true => story.truth.perform(action, &mut self.chance),
            false => story.truth.clone().perform(action, &mut self.chance),
        };
        if is_trusted {
            story.made.entry(attempt).or_default().push(outcome.clone());
        }
        Some(outcome)
    }

    /// Somebody asks for a mission, of whichever door answers; where the answer is lost they ask again, also of another one.
    fn submit(&mut self, mission: &MissionId) {
        let machine = self.chance.below(self.machines.len() as u64) as usize;
        let Machine { cut_until, door, .. } = &self.machines[machine];
        let answers =
            door.as_ref().is_some_and(|door| self.now >= door.paused_until) && self.reaches(*cut_until);
        let is_there = self.server.newest(mission) > 0;
        if !is_there && answers && !self.has_process(machine, mission) {
            let Some(story) = self.stories.get(mission) else { return };
            let command = Command::SubmitMission {
                mission: mission.clone(),
                request: story.truth.request().into(),
                workspace: WorkspaceRef { path: "/simulated".into() },
                policy: story.policy.clone(),
            };
            self.begin(machine, mission, Input::Command(command));
        }
        // Its beginning is in the journal, or it is asked for once more.
        if !is_there {
            let wait = 1_000 + self.chance.below(5_000);
            self.after(wait, Event::Submit(mission.clone()));
        }
    }
}
