//! What a mission has under way: by its state, where there is one, and by its records for whoever reads these alone.

use coditect_core::State;
use coditect_core::tasks::TaskState;
use coditect_ports::{Attempted, UnderWay};
use coditect_types::{AttemptId, Event, Record, TaskId, TaskSpec};

/// What a state has under way.
pub(crate) struct OfState<'s>(pub(crate) &'s State);

impl UnderWay for OfState<'_> {
    fn attempt(&self, attempt: AttemptId) -> Option<Attempted<'_>> {
        let running = self.0.running.get(&attempt)?;
        let task = self.0.task(running.task)?.spec;
        Some(Attempted { task, since_ms: running.started_ms })
    }

    fn at(&self, task: TaskId) -> Option<AttemptId> {
        match self.0.task(task)?.state {
            TaskState::Running(attempt) => Some(attempt),
            TaskState::Waiting { .. } | TaskState::Asked(_) | TaskState::Settled(_) => None,
        }
    }

    fn attempts(&self) -> Vec<AttemptId> {
        self.0.running.keys().copied().collect()
    }

    fn newest_ms(&self) -> u64 {
        self.0.newest_ms
    }
}

/// The same for whoever reads records, and no more of the mission than is needed for that.
#[derive(Debug, Default)]
pub struct Table {
    /// In the order of their numbers, which is that of planning.
    tasks: Vec<TaskSpec>,
    /// As little as a mission has slots, so it is looked through.
    open: Vec<Open>,
    newest_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    attempt: AttemptId,
    task: TaskId,
    since_ms: u64,
}

impl Table {
    /// Takes the next record.
    pub fn hear(&mut self, record: &Record) {
        self.newest_ms = self.newest_ms.max(record.at_ms);
        match &record.event {
            Event::PlanMade { tasks, .. } => tasks.iter().for_each(|spec| self.plan(spec)),
            Event::AttemptStarted { task, attempt, .. } => {
                self.open.retain(|open| open.attempt != *attempt);
                self.open.push(Open { attempt: *attempt, task: *task, since_ms: record.at_ms });
            }
            Event::AttemptEnded { attempt, .. } => self.open.retain(|open| open.attempt != *attempt),
            // What was under way in what a fork shares went on elsewhere.
            Event::MissionForked { .. } | Event::MissionCompleted { .. } => self.open.clear(),
            Event::MissionResumed { lost } => self.open.retain(|open| !lost.contains(&open.attempt)),
            // Of an attempt that was under way for it nothing more is heard.
            Event::TaskSettled { task, .. } => self.open.retain(|open| open.task != *task),
            Event::MissionSubmitted { .. }
            | Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. } => {}
        }
    }

    fn plan(&mut self, spec: &TaskSpec) {
        match self.tasks.binary_search_by_key(&spec.id, |known| known.id) {
            Ok(place) => self.tasks[place] = spec.clone(),
            // The end, as a rule.
            Err(place) => self.tasks.insert(place, spec.clone()),
        }
    }

    fn task(&self, id: TaskId) -> Option<&TaskSpec> {
        let place = self.tasks.binary_search_by_key(&id, |known| known.id).ok()?;
        self.tasks.get(place)
    }
}

impl UnderWay for Table {
    fn attempt(&self, attempt: AttemptId) -> Option<Attempted<'_>> {
        let open = self.open.iter().find(|open| open.attempt == attempt)?;
        Some(Attempted { task: self.task(open.task)?, since_ms: open.since_ms })
    }

    fn at(&self, task: TaskId) -> Option<AttemptId> {
        self.open.iter().find(|open| open.task == task).map(|open| open.attempt)
    }

    fn attempts(&self) -> Vec<AttemptId> {
        self.open.iter().map(|open| open.attempt).collect()
    }

    fn newest_ms(&self) -> u64 {
        self.newest_ms
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use coditect_types::{Command, Input, MissionId, Outcome, Workers};

    use super::*;
    use crate::Cell;

    /// What of these there is, as text.
    fn said(of: &dyn UnderWay, tasks: u32) -> String {
        let attempts = of.attempts();
        let known: Vec<String> =
            attempts.iter().map(|attempt| format!("{:?}", of.attempt(*attempt).unwrap())).collect();
        let at: Vec<Option<AttemptId>> = (0..=tasks + 1).map(|task| of.at(TaskId(task))).collect();
        format!("{attempts:?} {known:?} {at:?} {}", of.newest_ms())
    }

    #[test]
    fn records_alone_tell_what_the_state_has_under_way() {
        let mission = MissionId::parse("m-abc").unwrap();
        let (mut cell, mut table, mut now_ms) = (Cell::new(mission.clone()), Table::default(), 1_000);
        let mut take = |cell: &mut Cell, input: &Input| {
            now_ms += 10;
            let step = cell.step(now_ms, input).unwrap();
            let (before, records, _) = cell.exchange(step);
            assert_eq!(said(&table, 5), said(&OfState(&before), 5));
            records.for_each(|record| table.hear(&record));
            assert_eq!(said(&table, 5), said(&OfState(cell.state()), 5));
        };
        take(&mut cell, &Input::Command(Command::SubmitNoOps { mission, steps: 5 }));
        take(&mut cell, &Input::Resume(Workers::Own));
        for _ in 0..5 {
            let attempt = *cell.state().running.keys().next().unwrap();
            take(&mut cell, &Input::Outcome { attempt, outcome: Outcome::NothingDone });
        }
        assert!(cell.state().end.is_some() && cell.state().running.is_empty());
    }
}
