//! What speaks for and against a mission's work: attempts with what was expected of them, violations, receipts.

use std::collections::{BTreeMap, VecDeque};

use coditect_types::event::{Diagnosis, Response, ViolationKind};
use coditect_types::{AttemptId, Event, Expectation, Outcome, Receipt, Record, TaskId};
use serde::Serialize;

use crate::names::name;

/// Attempts, violations and receipts that are kept, the newest of each. Older ones are in the timeline.
const ATTEMPTS: usize = 200;
const VIOLATIONS: usize = 200;
const RECEIPTS: usize = 12;
/// Tests of which it is kept what they said when they were red.
const MESSAGES: usize = 500;

/// An attempt at a task.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    /// The record that began it.
    pub(crate) seq: u64,
    /// Its task.
    pub(crate) task: TaskId,
    /// Its id.
    pub(crate) attempt: AttemptId,
    /// What it does.
    pub(crate) action: String,
    /// What is expected of it.
    pub(crate) expectations: Vec<Expectation>,
    /// The kind of outcome, once there is one.
    pub(crate) outcome: Option<String>,
}

/// A violation that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Violation {
    /// The record that tells it.
    pub(crate) seq: u64,
    /// When, ms since 1970.
    pub(crate) at_ms: u64,
    /// The task.
    pub(crate) task: TaskId,
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// Its kind.
    pub(crate) kind: ViolationKind,
    /// What was expected.
    pub(crate) expected: String,
    /// What was observed.
    pub(crate) observed: String,
    /// How sure it is, 0 to 1.
    pub(crate) confidence: f64,
    /// What was done about it.
    pub(crate) response: Response,
    /// Why it is so, as far as is known.
    pub(crate) diagnosis: Option<Diagnosis>,
}

/// A receipt, and the record that holds it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Taken {
    /// The record.
    pub(crate) seq: u64,
    /// What was tested: `the snapshot` or `the change`.
    pub(crate) of: &'static str,
    /// The receipt.
    pub(crate) receipt: Receipt,
}

/// The fold.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Evidence {
    /// Which tasks each one waits for.
    pub(crate) needs: BTreeMap<TaskId, Vec<TaskId>>,
    /// The first task of each plan, in their order.
    pub(crate) plans: Vec<TaskId>,
    /// The newest attempts, oldest first.
    pub(crate) attempts: VecDeque<Attempt>,
    /// The newest violations, oldest first.
    pub(crate) violations: VecDeque<Violation>,
    /// The newest receipts, oldest first.
    pub(crate) receipts: VecDeque<Taken>,
    /// What red tests said in the newest run that had them red.
    pub(crate) said: BTreeMap<String, String>,
    /// Attempts, violations and receipts in all.
    pub(crate) counts: (u64, u64, u64),
}

/// Puts something at the end, and takes away from the front what is too much.
fn keep<T>(all: &mut VecDeque<T>, most: usize, one: T, count: &mut u64) {
    if all.len() >= most {
        all.pop_front();
    }
    all.push_back(one);
    *count += 1;
}

impl Evidence {
    /// Takes the next record.
    pub(crate) fn take(&mut self, record: &Record) {
        match &record.event {
            Event::PlanMade { tasks, .. } => {
                self.plans.extend(tasks.first().map(|spec| spec.id));
                let needs = tasks.iter().filter(|spec| !spec.needs.is_empty());
                self.needs.extend(needs.map(|spec| (spec.id, spec.needs.clone())));
            }
            Event::AttemptStarted { task, attempt, action, expectations, .. } => {
                let (task, attempt, action) = (*task, *attempt, action.clone());
                let expectations = expectations.clone();
                let began = Attempt { seq: record.seq, task, attempt, action, expectations, outcome: None };
                keep(&mut self.attempts, ATTEMPTS, began, &mut self.counts.0);
            }
            Event::AttemptEnded { attempt, outcome, .. } => self.ended(record.seq, *attempt, outcome),
            Event::ViolationFound { .. } => self.violated(record),
            Event::MissionSubmitted { .. }
            | Event::MissionForked { .. }
            | Event::MissionResumed { .. }
            | Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. }
            | Event::TaskSettled { .. }
            | Event::MissionCompleted { .. } => {}
        }
    }

    fn ended(&mut self, seq: u64, attempt: AttemptId, outcome: &Outcome) {
        if let Some(of) = self.attempts.iter_mut().rev().find(|of| of.attempt == attempt) {
            of.outcome = Some(outcome_name(outcome));
        }
        if let Outcome::BaselineMeasured { receipt, report, .. }
        | Outcome::ChangeVerified { receipt, report, .. } = outcome
        {
            let is_baseline = matches!(outcome, Outcome::BaselineMeasured { .. });
            let of = if is_baseline { "the snapshot" } else { "the change" };
            let taken = Taken { seq, of, receipt: receipt.clone() };
            keep(&mut self.receipts, RECEIPTS, taken, &mut self.counts.2);
            for test in report.red().filter(|test| !test.message.is_empty()) {
                if self.said.len() < MESSAGES || self.said.contains_key(&test.id) {
                    self.said.insert(test.id.clone(), test.message.clone());
                }
            }
        }
    }

    fn violated(&mut self, record: &Record) {
        let Event::ViolationFound {
            task,
            attempt,
            kind,
            expected,
            observed,
            confidence,
            response,
            diagnosis,
        } = &record.event
        else {
            return;
        };
        let found = Violation {
            seq: record.seq,
            at_ms: record.at_ms,
            task: *task,
            attempt: *attempt,
            kind: *kind,
            expected: expected.clone(),
            observed: observed.clone(),
            confidence: *confidence,
            response: *response,
            diagnosis: diagnosis.clone(),
        };
        keep(&mut self.violations, VIOLATIONS, found, &mut self.counts.1);
    }
}

/// The kind of an outcome, as in its JSON.
fn outcome_name(outcome: &Outcome) -> String {
    let kind = match outcome {
        Outcome::SnapshotTaken { .. } => "snapshot taken",
        Outcome::ProjectSurveyed { .. } => "project surveyed",
        Outcome::BaselineMeasured { .. } => "baseline measured",
        Outcome::ChangeProposed { .. } => "change proposed",
        Outcome::NoChangeFound { .. } => "no change found",
        Outcome::NeedsFirst { .. } => "delegated a part first",
        Outcome::ContextGathered { .. } => "context gathered",
        Outcome::ModelAnswered { .. } => "model answered",
        Outcome::ReplyRefused { .. } => "reply refused",
        Outcome::SpecificationWritten { .. } => "tests written",
        Outcome::ChangesMerged { .. } => "changes merged",
        Outcome::ChangeReviewed { .. } => "change reviewed",
        Outcome::ChangeVerified { .. } => "suite run on the change",
        Outcome::HeadMoved { .. } => "branch moved on",
        Outcome::HandedOver { .. } => "handed over",
        Outcome::NothingDone => "nothing done",
        Outcome::Failed { failure, .. } => return format!("failed: {}", name(&failure.kind)),
    };
    kind.to_owned()
}
