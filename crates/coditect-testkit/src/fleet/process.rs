//! The process of a mission: what `coditect-runtime/src/actor.rs` does with a cell, and `coditect-adapters/src/fleet/boss.rs` with an action
//! that travels, step by step in place of tasks and threads.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use coditect_ports::Journal;
use coditect_ports::journal::AppendError;
use coditect_runtime::cell::{Cell, Step, decode};
use coditect_types::{Action, AttemptId, Effect, ErrorKind, Failure, Input, MissionId, Outcome, Record};

use super::server::{BEAT_MS, Kept, Name};
use super::{Canary, Event, Fleet, Pid};
use crate::memory_journal::Fate;
use crate::sim::Broken;

/// Appends are tried so often, with a wait that doubles, ms.
const APPEND_TRIES: u32 = 6;
const APPEND_WAIT_MS: u64 = 50;
/// How often an outcome is looked for that nobody told of, ms.
const SEARCH_MS: u64 = 2_000;
/// The wait before something is tried again that the server did not do, ms.
const PAUSE_MS: u64 = 500;
/// How long an append is tried, and a read, ms.
const PATIENCE_MS: u64 = 20_000;

#[derive(Debug)]
pub(super) struct Process {
    pub(super) machine: usize,
    pub(super) mission: MissionId,
    /// None: it has not read the journal yet.
    pub(super) cell: Option<Cell>,
    pub(super) paused_until: u64,
    inbox: VecDeque<Input>,
    /// What it does not know to be kept.
    unsure: Option<Unsure>,
    errands: BTreeMap<AttemptId, Errand>,
    under_way: BTreeSet<AttemptId>,
    /// Attempts that were under way when it read the journal first.
    old: BTreeSet<AttemptId>,
    /// When its timer rings.
    alarm: Option<u64>,
}

/// A step that is not known to be kept.
#[derive(Debug)]
struct Unsure {
    input: Input,
    first_seq: u64,
    records: Vec<Vec<u8>>,
    tries: u32,
    doing: Doing,
    /// It is given up then.
    until: u64,
    /// It is looked at again from then on.
    at: u64,
}

/// What is being done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// The server is not there: the append is tried until it is.
    Appending,
    /// The append failed: what is there is read before anything is decided anew.
    Looking,
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Kept,
    Unknown,
    /// The process is not there any more.
    Ended,
}

/// An attempt that workers perform.
#[derive(Clone, Debug)]
struct Errand {
    action: Arc<Action>,
    of: u64,
    is_handed_out: bool,
}

impl Fleet {
    /// Whether a process of this machine has the mission: it holds a lock there, also while it is stopped.
    pub(super) fn has_process(&self, machine: usize, mission: &MissionId) -> bool {
        self.processes.values().any(|process| process.machine == machine && process.mission == *mission)
    }

    /// Begins a process for a mission.
    pub(super) fn begin(&mut self, machine: usize, mission: &MissionId, first: Input) {
        let pid = self.number();
        let process = Process {
            machine,
            mission: mission.clone(),
            cell: None,
            paused_until: 0,
            inbox: VecDeque::from([first]),
            unsure: None,
            errands: BTreeMap::new(),
            under_way: BTreeSet::new(),
            old: BTreeSet::new(),
            alarm: None,
        };
        self.processes.insert(pid, process);
        let starts = 200 + self.chance.below(3_000);
        self.after(starts, Event::Turn(pid));
        self.after(starts + 100, Event::Say(pid));
    }

    /// What is kept of a mission.
    pub(super) fn records(&self, mission: &MissionId) -> Result<Vec<Record>, Broken> {
        let kept = self.server.journal().read(mission, 1, usize::MAX);
        let kept = kept.map_err(|error| self.broken(error.to_string()))?;
        kept.iter().map(|(_, bytes)| decode(bytes).map_err(|error| self.broken(error.to_string()))).collect()
    }

    /// Hands an input to a process.
    fn push(&mut self, pid: Pid, input: Input) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.inbox.push_back(input);
        self.after(1, Event::Turn(pid));
    }

    pub(super) fn command(&mut self, pid: Pid, command: coditect_types::Command) {
        self.push(pid, Input::Command(command));
    }

    /// Puts off what a process that is stopped would do. False: it is not there any more, or does it later.
    fn is_up(&mut self, pid: Pid, event: impl FnOnce() -> Event) -> bool {
        let Some(process) = self.processes.get(&pid) else { return false };
        if self.now < process.paused_until {
            let wait = process.paused_until - self.now;
            self.after(wait, event());
            return false;
        }
        true
    }

    /// A process that was stopped goes on.
    pub(super) fn wakes(&mut self, pid: Pid) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.paused_until = now;
        let turns = process.inbox.len() + 1;
        let errands: Vec<AttemptId> = process.errands.keys().copied().collect();
        (0..turns).for_each(|_| self.after(1, Event::Turn(pid)));
        self.after(1, Event::Say(pid));
        errands.into_iter().for_each(|attempt| self.after(1, Event::Errand(pid, attempt)));
    }

    pub(super) fn turn(&mut self, pid: Pid) -> Result<(), Broken> {
        if !self.is_up(pid, || Event::Turn(pid)) {
            return Ok(());
        }
        let Some(process) = self.processes.get(&pid) else { return Ok(()) };
        let reaches = self.reaches(self.machines[process.machine].cut_until);
        if process.cell.is_none() {
            let mission = process.mission.clone();
            return match reaches {
                true => self.reads(pid, &mission),
                false => {
                    self.ends(pid);
                    Ok(())
                }
            };
        }
        match process.unsure.as_ref().map(|unsure| unsure.at) {
            Some(at) if self.now < at => {
                self.after(at - self.now, Event::Turn(pid));
                Ok(())
            }
            Some(_) => self.goes_on(pid, reaches),
            None => match self.processes.get_mut(&pid).and_then(|process| process.inbox.pop_front()) {
                Some(input) => self.take(pid, input, 0),
                None => Ok(()),
            },
        }
    }

    /// The first thing that a process does.
    fn reads(&mut self, pid: Pid, mission: &MissionId) -> Result<(), Broken> {
        let records = self.records(mission)?;
        let cell = Cell::replay(mission.clone(), &records);
        let Some(process) = self.processes.get_mut(&pid) else { return Ok(()) };
        let begins = matches!(process.inbox.front(), Some(Input::Command(_)));
        let machine = process.machine;
        let has_files =
            |story: &super::Story| story.homes.contains(&machine) || self.server.packs.contains(mission);
        let is_adopted =
            cell.state().world.snapshot.is_none() || self.stories.get(mission).is_some_and(has_files);
        // Somebody was faster, it is over, or what it works on cannot be had here.
        if cell.state().end.is_some() || begins != records.is_empty() || !is_adopted {
            self.ends(pid);
            return Ok(());
        }
        process.old = cell.state().running.keys().copied().collect();
        process.cell = Some(cell);
        if let Some(story) = self.stories.get_mut(mission) {
            story.homes.insert(machine);
        }
        self.turn(pid)
    }

    /// Decide, keep, tell, act.
    fn take(&mut self, pid: Pid, input: Input, tries: u32) -> Result<(), Broken> {
        let Some(process) = self.processes.get(&pid) else { return Ok(()) };
        let (wall, reaches) =
            (self.wall(process.machine), self.reaches(self.machines[process.machine].cut_until));
        let Some(cell) = &process.cell else { return Ok(()) };
        let Ok(step) = cell.step(wall, &input) else { return Ok(()) };
        if step.is_empty() {
            return self.kept(pid, step);
        }
        let (first_seq, records) = (cell.seq() + 1, step.encode());
        if !reaches {
            let (at, until) = (self.now, self.now + PATIENCE_MS);
            let unsure = Unsure { input, first_seq, records, tries, doing: Doing::Appending, until, at };
            self.waits(pid, unsure);
            return Ok(());
        }
        match self.appends(pid, first_seq, &records)? {
            Answer::Kept => self.kept(pid, step),
            Answer::Ended => Ok(()),
            Answer::Unknown => {
                self.unknown(pid, (input, first_seq, records), tries + 1);
                Ok(())
            }
        }
    }

    /// Sends records to the journal.
    fn appends(&mut self, pid: Pid, first_seq: u64, records: &[Vec<u8>]) -> Result<Answer, Broken> {
        let Some(process) = self.processes.get(&pid) else { return Ok(Answer::Ended) };
        let mission = process.mission.clone();
        if self.strikes(self.faults.journal) {
            let fates = [Fate::NotKept, Fate::UnknownKept, Fate::UnknownNotKept];
            let n = self.chance.below(4) as usize;
            let Some(fate) = fates.get(n) else {
                // It is on its way, and nobody knows.
                let most = if self.chance.percent(50) { 120 } else { 30_000 };
                let late = self.chance.below(most);
                self.after(late, Event::Lands(mission, first_seq - 1, records.to_vec()));
                return Ok(Answer::Unknown);
            };
            self.server.journal().next_fate(*fate);
        }
        let is_unfenced = self.faults.canary == Some(Canary::Unfenced);
        let answer = self.server.append(&mission, first_seq - 1, records.to_vec(), is_unfenced);
        self.notes_end(&mission, records, first_seq);
        match answer {
            Ok(()) => {
                let (newest, last) = (self.server.newest(&mission), first_seq - 1 + records.len() as u64);
                if newest != last {
                    return Err(self.broken(format!("{mission}: record {last} stands at place {newest}")));
                }
                if self.strikes(self.faults.kill / 10) {
                    // Between keeping and telling.
                    self.counts.killed_missions += 1;
                    self.processes.remove(&pid);
                    return Ok(Answer::Ended);
                }
                Ok(Answer::Kept)
            }
            Err(AppendError::Conflict { .. }) => {
                self.counts.stepped_down += 1;
                self.ends(pid);
                Ok(Answer::Ended)
            }
            Err(AppendError::Held(error)) => Err(self.broken(error.to_string())),
            Err(AppendError::Unknown(_) | AppendError::NotKept(_)) => Ok(Answer::Unknown),
        }
    }

    /// An append whose answer was lost is kept late, if nothing else came meanwhile.
    pub(super) fn lands(&mut self, mission: &MissionId, expected_seq: u64, records: Vec<Vec<u8>>) {
        let landed = self.server.append(mission, expected_seq, records.clone(), false);
        if landed.is_ok() {
            self.counts.landed += 1;
            self.notes_end(mission, &records, expected_seq + 1);
        }
    }

    fn unknown(&mut self, pid: Pid, (input, first_seq, records): (Input, u64, Vec<Vec<u8>>), tries: u32) {
        if tries >= APPEND_TRIES {
            return self.ends(pid);
        }
        let at = self.now + (APPEND_WAIT_MS << tries);
        let until = at + PATIENCE_MS;
        self.waits(pid, Unsure { input, first_seq, records, tries, doing: Doing::Looking, until, at });
    }

    fn waits(&mut self, pid: Pid, unsure: Unsure) {
        let wait = unsure.at.saturating_sub(self.now).max(1);
        if let Some(process) = self.processes.get_mut(&pid) {
            process.unsure = Some(unsure);
            self.after(wait, Event::Turn(pid));
        }
    }

    /// Goes on with what is not known to be kept.
    fn goes_on(&mut self, pid: Pid, reaches: bool) -> Result<(), Broken> {
        let Some(process) = self.processes.get_mut(&pid) else { return Ok(()) };
        let Some(unsure) = process.unsure.take() else { return Ok(()) };
        let cut_until = self.machines[process.machine].cut_until;
        if !reaches {
            if self.now >= unsure.until {
                match unsure.doing {
                    Doing::Appending => {
                        self.unknown(pid, (unsure.input, unsure.first_seq, unsure.records), unsure.tries + 1);
                    }
                    // A read has its patience, too.
                    Doing::Looking => self.ends(pid),
                }
                return Ok(());
            }
            let at = (self.now + self.reached_at(cut_until)).min(unsure.until);
            self.waits(pid, Unsure { at, ..unsure });
            return Ok(());
        }
        if unsure.doing == Doing::Looking {
            return self.looks_again(pid, unsure);
        }
        // What was decided is sent as it was.
        let Unsure { input, first_seq, records, tries, .. } = unsure;
        match self.appends(pid, first_seq, &records)? {
            Answer::Kept => self.takes_up_kept(pid)?,
            Answer::Ended => {}
            Answer::Unknown => self.unknown(pid, (input, first_seq, records), tries + 1),
        }
        Ok(())
    }

    /// What a process sent before it lost the server is kept: it goes on from there.
    fn takes_up_kept(&mut self, pid: Pid) -> Result<(), Broken> {
        if self.reads_again(pid)? {
            self.carries_out(pid);
            self.after(1, Event::Turn(pid));
        }
        Ok(())
    }

    /// Makes the mission anew of what the journal has. False: it is over, and the process with it.
    fn reads_again(&mut self, pid: Pid) -> Result<bool, Broken> {
        let Some(process) = self.processes.get(&pid) else { return Ok(false) };
        let mission = process.mission.clone();
        let cell = Cell::replay(mission.clone(), &self.records(&mission)?);
        let is_over = cell.state().end.is_some();
        if let Some(process) = self.processes.get_mut(&pid) {
            process.cell = Some(cell);
        }
        if is_over {
            self.ends(pid);
        }
        Ok(!is_over)
    }

    /// Whether a mission's end is among records that may have been kept.
    fn notes_end(&mut self, mission: &MissionId, records: &[Vec<u8>], first_seq: u64) {
        let Some(story) = self.stories.get_mut(mission) else { return };
        for (record, seq) in records.iter().zip(first_seq..) {
            let is_end = record.windows(17).any(|part| part == b"mission.completed");
            if !is_end {
                continue;
            }
            let kept = self.server.journal().read(mission, seq, 1).unwrap_or_default();
            let kept = kept.first().and_then(|(_, bytes)| decode(bytes).ok());
            if let Some(Record { event: coditect_types::Event::MissionCompleted { status, .. }, .. }) = kept {
                story.end = Some(status);
            }
        }
    }

    /// What may have been kept is read before anything is decided anew.
    fn looks_again(&mut self, pid: Pid, unsure: Unsure) -> Result<(), Broken> {
        let Some(process) = self.processes.get_mut(&pid) else { return Ok(()) };
        let mission = process.mission.clone();
        let there = self.server.journal().read(&mission, unsure.first_seq, unsure.records.len());
        let there = there.map_err(|error| self.broken(error.to_string()))?;
        if there.iter().map(|(_, bytes)| bytes).eq(&unsure.records) {
            return self.takes_up_kept(pid);
        }
        if !there.is_empty() {
            self.counts.stepped_down += 1;
            self.ends(pid);
            return Ok(());
        }
        if self.reads_again(pid)? {
            self.take(pid, unsure.input, unsure.tries)?;
            self.after(1, Event::Turn(pid));
        }
        Ok(())
    }

    fn kept(&mut self, pid: Pid, step: Step) -> Result<(), Broken> {
        let Some(process) = self.processes.get_mut(&pid) else { return Ok(()) };
        let Some(cell) = &mut process.cell else { return Ok(()) };
        let was_empty = step.is_empty();
        drop(cell.kept(step));
        let is_over = cell.state().end.is_some();
        // Replaying after every step costs the square of the journal's length, so one seed in eight pays it.
        if !was_empty && (is_over || self.seed.is_multiple_of(8)) {
            self.agrees(pid)?;
        }
        self.carries_out(pid);
        if is_over {
            self.ends(pid);
        }
        Ok(())
    }

    /// What a process has in memory is what a replay gives.
    fn agrees(&self, pid: Pid) -> Result<(), Broken> {
        let Some(Process { mission, cell: Some(cell), .. }) = self.processes.get(&pid) else { return Ok(()) };
        let replayed = Cell::replay(mission.clone(), &self.records(mission)?);
        let (live, again) = (format!("{:?}", cell.state()), format!("{:?}", replayed.state()));
        match live == again {
            true => Ok(()),
            false => {
                Err(self
                    .broken(format!("{mission}: replay differs from live\nlive   {live}\nreplay {again}")))
            }
        }
    }

    /// It is not there any more. What workers are at goes on without it.
    pub(super) fn ends(&mut self, pid: Pid) {
        let Some(process) = self.processes.remove(&pid) else { return };
        if self.reaches(self.machines[process.machine].cut_until) {
            self.server.releases(pid);
        }
    }

    /// Makes what is under way equal to what the state says is to be under way.
    fn carries_out(&mut self, pid: Pid) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let (machine, mission) = (process.machine, process.mission.clone());
        let wall = now.saturating_add_signed(self.machines[machine].offset_ms);
        let effects = process.cell.as_ref().map(Cell::effects).unwrap_or_default();
        let rings = effects.iter().find_map(|effect| match effect {
            Effect::ArmTimer { at_ms } => Some(now + at_ms.saturating_sub(wall).max(1)),
            Effect::PerformAction { .. } => None,
        });
        let is_set_anew = rings.is_some() && rings != process.alarm;
        process.alarm = rings;
        let listed: BTreeSet<AttemptId> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::PerformAction { attempt, .. } => Some(*attempt),
                Effect::ArmTimer { .. } => None,
            })
            .collect();
        process.under_way.retain(|attempt| listed.contains(attempt));
        let over: Vec<AttemptId> =
            process.errands.keys().filter(|attempt| !listed.contains(attempt)).copied().collect();
        over.iter().for_each(|attempt| drop(process.errands.remove(attempt)));
        let fresh: Vec<_> = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::PerformAction { attempt, action, .. } => {
                    process.under_way.insert(attempt).then_some((attempt, action))
                }
                Effect::ArmTimer { .. } => None,
            })
            .collect();
        if let Some(at) = rings.filter(|_| is_set_anew) {
            self.after(at - now, Event::Alarm(pid, at));
        }
        if self.reaches(self.machines[machine].cut_until) {
            over.into_iter().for_each(|attempt| self.server.take_back(&(mission.clone(), attempt)));
        }
        for (attempt, action) in fresh {
            self.starts(pid, (mission.clone(), attempt), action);
        }
    }

    fn starts(&mut self, pid: Pid, name: Name, action: Arc<Action>) {
        let attempt = name.1;
        if action.travels() {
            let mut digest = std::hash::DefaultHasher::new();
            format!("{name:?} {action:?}").hash(&mut digest);
            let errand = Errand { action, of: digest.finish(), is_handed_out: false };
            if let Some(process) = self.processes.get_mut(&pid) {
                process.errands.insert(attempt, errand);
            }
            self.after(1, Event::Errand(pid, attempt));
            return;
        }
        let Some(outcome) = self.performs((&name.0, attempt), &action, true) else { return };
        let takes = 1 + self.chance.below(3_000);
        if let (Action::HandOver { commit, .. }, Outcome::HandedOver { .. }) = (&*action, &outcome) {
            let within = self.chance.below(takes);
            self.after(within, Event::Hands(pid, commit.clone()));
        }
        self.after(takes, Event::Own(pid, attempt, Box::new(outcome)));
    }

    /// A commit comes into the person's repository. Who is killed after that has not said so.
    pub(super) fn hands(&mut self, pid: Pid, commit: String) {
        let again = commit.clone();
        if !self.is_up(pid, || Event::Hands(pid, again)) {
            return;
        }
        let Some(process) = self.processes.get(&pid) else { return };
        if let Some(story) = self.stories.get_mut(&process.mission) {
            story.handed.push(commit);
        }
    }

    /// An action that was performed here is done.
    pub(super) fn own(&mut self, pid: Pid, attempt: AttemptId, outcome: Outcome) {
        let again = Box::new(outcome.clone());
        if !self.is_up(pid, || Event::Own(pid, attempt, again)) {
            return;
        }
        // What was put off while the process was stopped comes before it says that it is done.
        if let Outcome::HandedOver { commit: Some(commit), .. } = &outcome
            && let Some(story) =
                self.processes.get(&pid).and_then(|process| self.stories.get_mut(&process.mission))
            && !story.handed.contains(commit)
        {
            story.handed.push(commit.clone());
        }
        self.push(pid, Input::Outcome { attempt, outcome });
    }

    /// Hands an order out, and looks for its outcome.
    pub(super) fn errand(&mut self, pid: Pid, attempt: AttemptId) {
        if !self.is_up(pid, || Event::Errand(pid, attempt)) {
            return;
        }
        let Some(process) = self.processes.get(&pid) else { return };
        let Some(errand) = process.errands.get(&attempt).cloned() else { return };
        let name: Name = (process.mission.clone(), attempt);
        if !self.reaches(self.machines[process.machine].cut_until) {
            return self.after(PAUSE_MS, Event::Errand(pid, attempt));
        }
        if let Some(kept) = self.server.outcomes.get(&name).cloned() {
            self.hear(pid, attempt, kept);
        } else if !errand.is_handed_out {
            let id = self.number();
            self.server.publish(id, name, (errand.action, errand.of));
            self.wakes_workers(1);
            // Where the answer is lost it is handed out again.
            let is_handed_out = !self.strikes(self.faults.repeated);
            if let Some(errand) = self.processes.get_mut(&pid).and_then(|p| p.errands.get_mut(&attempt)) {
                errand.is_handed_out = is_handed_out;
            }
        }
        self.after(SEARCH_MS, Event::Errand(pid, attempt));
    }

    /// An outcome came: of this order, and of somebody who is trusted, or it is none.
    pub(super) fn hear(&mut self, pid: Pid, attempt: AttemptId, kept: Kept) {
        let again = Box::new(kept.clone());
        if !self.is_up(pid, || Event::Hear(pid, attempt, again)) {
            return;
        }
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let Some(errand) = process.errands.get(&attempt) else { return };
        let is_credulous = self.faults.canary == Some(Canary::Credulous);
        let is_trusting = self.faults.canary == Some(Canary::Trusting);
        if kept.of != errand.of && !is_credulous {
            self.counts.refused += 1;
            return;
        }
        // A dead letter by nobody who is trusted ends nothing.
        if kept.is_letter && !kept.is_trusted && !is_trusting {
            self.counts.refused += 1;
            return;
        }
        process.errands.remove(&attempt);
        self.counts.kept_on += u64::from(process.old.contains(&attempt));
        let outcome = match kept.is_trusted || is_trusting {
            true => kept.outcome,
            false => {
                self.counts.refused += 1;
                let failure = Failure::new(ErrorKind::Denied, "its worker is not trusted here");
                Outcome::Failed { failure, spent: Default::default() }
            }
        };
        if self.strikes(self.faults.repeated) {
            self.push(pid, Input::Outcome { attempt, outcome: outcome.clone() });
        }
        self.push(pid, Input::Outcome { attempt, outcome });
    }

    pub(super) fn alarm(&mut self, pid: Pid, at: u64) {
        if !self.is_up(pid, || Event::Alarm(pid, at)) {
            return;
        }
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if process.alarm == Some(at) {
            process.alarm = None;
            self.push(pid, Input::Tick);
        }
    }

    pub(super) fn say(&mut self, pid: Pid) {
        if !self.is_up(pid, || Event::Say(pid)) {
            return;
        }
        let Some(process) = self.processes.get(&pid) else { return };
        if self.reaches(self.machines[process.machine].cut_until) && process.cell.is_some() {
            let said = (process.mission.clone(), process.machine);
            self.server.says(self.now, pid, said);
        }
        self.after(BEAT_MS, Event::Say(pid));
    }
}
