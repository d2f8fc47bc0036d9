//! What the records of missions come to: counts that only grow.

use std::collections::BTreeMap;

use coditect_types::event::{Cause, TaskEnd, ViolationKind};
use coditect_types::figure::Spread;
use coditect_types::limits::Verdict;
use coditect_types::plan::Role;
use coditect_types::receipt::RungCost;
use coditect_types::words::words;
use coditect_types::{AttemptId, Event, Ledger, MissionStatus, Record, Rung, TaskId};

use super::models::{self, Models};
use crate::names::name;

/// Counts that only grow.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) submitted: u64,
    pub(super) forked: u64,
    pub(super) resumed: u64,
    pub(super) ended: BTreeMap<String, u64>,
    pub(super) attempts: u64,
    pub(super) expectations: u64,
    pub(super) ignored: u64,
    pub(super) settled: BTreeMap<String, u64>,
    pub(super) violations: BTreeMap<String, u64>,
    pub(super) diagnoses: BTreeMap<String, u64>,
    pub(super) asked: u64,
    pub(super) given: BTreeMap<String, u64>,
    pub(super) spent: Ledger,
    /// Calls of models, by their names.
    pub(super) models: Models,
    /// How long attempts took, by role.
    pub(super) attempt_ms: BTreeMap<String, Spread>,
    /// How long missions were at work.
    pub(super) mission_ms: Spread,
    /// How long the first attempt of a mission let wait.
    pub(super) assignment_ms: Spread,
}

impl Counts {
    /// Nothing yet of each that there can be: a counter that begins with its first event would hide that one from who looks at
    /// how much it grew.
    pub(super) fn zeros() -> Self {
        let none = |names: Vec<String>| names.into_iter().map(|name| (name, 0)).collect();
        let verdicts = words::<Verdict>().into_iter().chain([NOBODY.to_owned()]).collect();
        Self {
            ended: none(words::<MissionStatus>()),
            settled: none(words::<TaskEnd>()),
            violations: none(words::<ViolationKind>()),
            diagnoses: none(words::<Cause>()),
            given: none(verdicts),
            spent: Ledger {
                rungs: RUNGS.map(|rung| (rung, RungCost::default())).into(),
                ..Ledger::default()
            },
            attempt_ms: words::<Role>().into_iter().map(|role| (role, Spread::default())).collect(),
            ..Self::default()
        }
    }
}

/// The verdict of a question that nobody answered in time.
const NOBODY: &str = "nobody";
/// The rungs on which candidates are tried.
const RUNGS: [Rung; 5] = [Rung::Memory, Rung::Recipe, Rung::Reflex, Rung::SmallModel, Rung::LargeModel];

/// What must be known of a mission to say how long something took.
#[derive(Debug, Default)]
pub(super) struct Times {
    submitted_ms: u64,
    /// How long the shared part of a fork was at work, ms.
    shared_ms: u64,
    is_assigned: bool,
    roles: BTreeMap<TaskId, Role>,
    /// Which model a task asks.
    models: BTreeMap<TaskId, String>,
    open: BTreeMap<AttemptId, (TaskId, u64)>,
}

impl Times {
    /// The shared part of a fork is over, which was at work so long.
    pub(super) fn shared(&mut self, ms: u64) {
        self.shared_ms = ms;
    }

    /// Takes a record, whether it counts here or not.
    pub(super) fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::MissionSubmitted { .. } => self.submitted_ms = record.at_ms,
            Event::PlanMade { tasks, .. } => {
                self.roles.extend(tasks.iter().map(|task| (task.id, task.role)));
                let asks =
                    tasks.iter().filter_map(|task| Some((task.id, task.intent.asks_model()?.to_owned())));
                self.models.extend(asks);
            }
            Event::AttemptStarted { task, attempt, .. } => {
                self.is_assigned = true;
                self.open.insert(*attempt, (*task, record.at_ms));
            }
            Event::AttemptEnded { attempt, .. } => {
                self.open.remove(attempt);
            }
            Event::MissionForked { .. } | Event::MissionCompleted { .. } => self.open.clear(),
            Event::MissionResumed { lost } => self.open.retain(|attempt, _| !lost.contains(attempt)),
            Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. }
            | Event::TaskSettled { .. } => {}
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
                let asked = times.open.get(attempt).and_then(|(task, _)| times.models.get(task));
                if let Some(model) = asked {
                    models::take(&mut self.models, model, outcome);
                }
                if let Some((task, began_ms)) = times.open.get(attempt)
                    && let Some(role) = times.roles.get(task)
                {
                    let spread = self.attempt_ms.entry(name(role)).or_default();
                    spread.see(record.at_ms.saturating_sub(*began_ms));
                }
            }
            Event::OutcomeIgnored { .. } => self.ignored += 1,
            Event::TaskSettled { end, .. } => *self.settled.entry(name(end)).or_default() += 1,
            Event::ViolationFound { kind, diagnosis, .. } => {
                *self.violations.entry(name(kind)).or_default() += 1;
                if let Some(diagnosis) = diagnosis {
                    *self.diagnoses.entry(name(&diagnosis.cause)).or_default() += 1;
                }
            }
            Event::ApprovalAsked { .. } => self.asked += 1,
            Event::ApprovalGiven { verdict, by, .. } => {
                let verdict = if by.is_some() { name(verdict) } else { NOBODY.to_owned() };
                *self.given.entry(verdict).or_default() += 1;
            }
            Event::MissionCompleted { status, wall_ms, .. } => {
                *self.ended.entry(name(status)).or_default() += 1;
                self.mission_ms.see(wall_ms.saturating_sub(times.shared_ms));
            }
            Event::MissionConcluding {}
            | Event::PlanMade { .. }
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. } => {}
        }
    }

    pub(super) fn add(&mut self, more: &Self) {
        let add = |sum: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>| {
            more.iter().for_each(|(key, n)| *sum.entry(key.clone()).or_default() += n);
        };
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
            self.attempt_ms.entry(role.clone()).or_default().add(spread);
        }
        models::add(&mut self.models, &more.models);
        self.mission_ms.add(&more.mission_ms);
        self.assignment_ms.add(&more.assignment_ms);
    }
}
