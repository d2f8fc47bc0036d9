//! What the records of missions come to: counts that only grow.

use std::collections::BTreeMap;

use coditect_runtime::kinds::Kinds;
use coditect_types::event::{Cause, TaskEnd, ViolationKind};
use coditect_types::figure::Spread;
use coditect_types::limits::Verdict;
use coditect_types::plan::Role;
use coditect_types::receipt::RungCost;
use coditect_types::words::every;
use coditect_types::{AttemptId, Event, Ledger, MissionStatus, Record, Rung, TaskId, TaskSpec};

use super::models::{self, Models};

/// How many there were of each kind.
pub(super) type Tallied<K> = BTreeMap<K, u64>;

/// Counts that only grow.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) submitted: u64,
    pub(super) forked: u64,
    pub(super) resumed: u64,
    pub(super) ended: Tallied<MissionStatus>,
    pub(super) attempts: u64,
    pub(super) expectations: u64,
    pub(super) ignored: u64,
    pub(super) settled: Tallied<TaskEnd>,
    pub(super) violations: Tallied<ViolationKind>,
    pub(super) diagnoses: Tallied<Cause>,
    pub(super) asked: u64,
    /// By the verdict; None: nobody gave one in time.
    pub(super) given: Tallied<Option<Verdict>>,
    pub(super) spent: Ledger,
    /// Calls of models, by their names.
    pub(super) models: Models,
    /// How long attempts took, by role.
    pub(super) attempt_ms: BTreeMap<Role, Spread>,
    /// How long missions were at work.
    pub(super) mission_ms: Spread,
    /// How long the first attempt of a mission let wait.
    pub(super) assignment_ms: Spread,
}

impl Counts {
    /// Nothing yet of each that there can be: a counter that begins with its first event would hide that one from who looks at
    /// how much it grew.
    pub(super) fn zeros() -> Self {
        fn none<K: Ord>(all: impl IntoIterator<Item = K>) -> Tallied<K> {
            all.into_iter().map(|one| (one, 0)).collect()
        }
        Self {
            ended: none(every()),
            settled: none(every()),
            violations: none(every()),
            diagnoses: none(every()),
            given: none(every().map(Some).chain([None])),
            spent: Ledger {
                rungs: RUNGS.map(|rung| (rung, RungCost::default())).into(),
                ..Ledger::default()
            },
            attempt_ms: every().map(|role| (role, Spread::default())).collect(),
            ..Self::default()
        }
    }
}

/// The rungs on which candidates are tried.
const RUNGS: [Rung; 5] = [Rung::Memory, Rung::Recipe, Rung::Reflex, Rung::SmallModel, Rung::LargeModel];

/// What must be known of a mission to say how long something took.
#[derive(Debug, Default)]
pub(super) struct Times {
    submitted_ms: u64,
    /// How long the shared part of a fork was at work, ms.
    shared_ms: u64,
    is_assigned: bool,
    /// Whose each task is, and which model it asks.
    tasks: Kinds<(Role, Option<Box<str>>)>,
    /// What is under way: as little as a mission has slots, so it is looked through.
    open: Vec<(AttemptId, TaskId, u64)>,
}

impl Times {
    /// The shared part of a fork is over, which was at work so long.
    pub(super) fn shared(&mut self, ms: u64) {
        self.shared_ms = ms;
    }

    fn plan(&mut self, spec: &TaskSpec) {
        self.tasks.set(spec.id, (spec.role, spec.intent.asks_model().map(Box::from)));
    }

    /// Whose an attempt under way is, which model it asks, and when it began.
    fn of(&self, attempt: AttemptId) -> Option<(Role, Option<&str>, u64)> {
        let (_, task, began_ms) = self.open.iter().find(|(id, ..)| *id == attempt)?;
        let (role, model) = self.tasks.get(*task)?;
        Some((*role, model.as_deref(), *began_ms))
    }

    /// Takes a record, whether it counts here or not.
    pub(super) fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::MissionSubmitted { .. } => self.submitted_ms = record.at_ms,
            Event::PlanMade { tasks, .. } => tasks.iter().for_each(|spec| self.plan(spec)),
            Event::AttemptStarted { task, attempt, .. } => {
                self.is_assigned = true;
                self.open.retain(|(id, ..)| id != attempt);
                self.open.push((*attempt, *task, record.at_ms));
            }
            Event::AttemptEnded { attempt, .. } => self.open.retain(|(id, ..)| id != attempt),
            Event::MissionForked { .. } | Event::MissionCompleted { .. } => self.open.clear(),
            Event::MissionResumed { lost } => self.open.retain(|(id, ..)| !lost.contains(id)),
            Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. } => {}
            // Of an attempt that was under way for it nothing more is heard.
            Event::TaskSettled { task, .. } => self.open.retain(|(_, of, _)| of != task),
        }
    }
}

impl Counts {
    /// Counts a record; `times` has heard all before it.
    pub(super) fn take(&mut self, record: &Record, times: &Times) {
        self.records += 1;
        match &record.event {
            Event::MissionSubmitted { .. } => self.submitted += 1,
            Event::MissionForked { .. } => self.forked += 1,
            Event::MissionResumed { .. } => self.resumed += 1,
            Event::AttemptStarted { expectations, .. } => {
                self.attempts += 1;
                self.expectations += expectations.len() as u64;
                if !times.is_assigned {
                    self.assignment_ms.see(record.at_ms.saturating_sub(times.submitted_ms));
                }
            }
            Event::AttemptEnded { attempt, outcome, .. } => {
                let Some((role, model, began_ms)) = times.of(*attempt) else { return };
                if let Some(model) = model {
                    models::take(&mut self.models, model, outcome);
                }
                let took_ms = record.at_ms.saturating_sub(began_ms);
                self.attempt_ms.entry(role).or_default().see(took_ms);
            }
            Event::OutcomeIgnored { .. } => self.ignored += 1,
            Event::TaskSettled { end, .. } => *self.settled.entry(*end).or_default() += 1,
            Event::ViolationFound { kind, diagnosis, .. } => {
                *self.violations.entry(*kind).or_default() += 1;
                if let Some(diagnosis) = diagnosis {
                    *self.diagnoses.entry(diagnosis.cause).or_default() += 1;
                }
            }
            Event::ApprovalAsked { .. } => self.asked += 1,
            Event::ApprovalGiven { verdict, by, .. } => {
                *self.given.entry(by.as_ref().map(|_| *verdict)).or_default() += 1;
            }
            Event::MissionCompleted { status, wall_ms, .. } => {
                *self.ended.entry(*status).or_default() += 1;
                self.mission_ms.see(wall_ms.saturating_sub(times.shared_ms));
            }
            Event::MissionConcluding {}
            | Event::PlanMade { .. }
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. } => {}
        }
    }

    pub(super) fn add(&mut self, more: &Self) {
        fn add<K: Ord + Copy>(sum: &mut Tallied<K>, more: &Tallied<K>) {
            more.iter().for_each(|(key, n)| *sum.entry(*key).or_default() += n);
        }
        self.records += more.records;
        self.submitted += more.submitted;
        self.forked += more.forked;
        self.resumed += more.resumed;
        self.attempts += more.attempts;
        self.expectations += more.expectations;
        self.ignored += more.ignored;
        self.asked += more.asked;
        add(&mut self.ended, &more.ended);
        add(&mut self.settled, &more.settled);
        add(&mut self.violations, &more.violations);
        add(&mut self.diagnoses, &more.diagnoses);
        add(&mut self.given, &more.given);
        self.spent += &more.spent;
        for (role, spread) in &more.attempt_ms {
            self.attempt_ms.entry(*role).or_default().add(spread);
        }
        models::add(&mut self.models, &more.models);
        self.mission_ms.add(&more.mission_ms);
        self.assignment_ms.add(&more.assignment_ms);
    }
}
