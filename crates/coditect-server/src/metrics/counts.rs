//! What the records of missions come to: counts that only grow.

use std::collections::BTreeMap;

use coditect_ports::{Attempted, UnderWay};
use coditect_types::event::{Cause, TaskEnd, ViolationKind};
use coditect_types::figure::Spread;
use coditect_types::limits::Verdict;
use coditect_types::plan::Role;
use coditect_types::receipt::RungCost;
use coditect_types::words::every;
use coditect_types::{Event, Ledger, MissionStatus, Outcome, Record, RunEnd, Rung, Tier};

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
    /// Runs in a sandbox, by tier and end; None: their record does not tell, as those of older builds.
    pub(super) runs: Tallied<Option<(Tier, RunEnd)>>,
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
            runs: none([None].into_iter().chain(ways().map(Some))),
            attempt_ms: every().map(|role| (role, Spread::default())).collect(),
            ..Self::default()
        }
    }
}

/// Where a run may be, and how it may end there.
fn ways() -> impl Iterator<Item = (Tier, RunEnd)> {
    every::<Tier>().flat_map(|tier| every::<RunEnd>().map(move |end| (tier, end)))
}

/// The rungs on which candidates are tried.
const RUNGS: [Rung; 5] = [Rung::Memory, Rung::Recipe, Rung::Reflex, Rung::SmallModel, Rung::LargeModel];

/// What must be known of a mission, beside what it has under way, to say how long something took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    submitted_ms: u64,
    /// How long the shared part of a fork was at work, ms.
    shared_ms: u64,
    is_assigned: bool,
}

impl Since {
    /// The shared part of a fork is over, which was at work so long.
    pub(super) fn shared(&mut self, ms: u64) {
        self.shared_ms = ms;
    }

    /// Takes a record, whether it counts here or not.
    pub(super) fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::MissionSubmitted { .. } => self.submitted_ms = record.at_ms,
            Event::AttemptStarted { .. } => self.is_assigned = true,
            Event::AttemptEnded { .. }
            | Event::MissionForked { .. }
            | Event::MissionCompleted { .. }
            | Event::MissionResumed { .. }
            | Event::MissionConcluding {}
            | Event::PlanMade { .. }
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
    /// Counts a record; `since` has heard all before it, and `known` is what was under way before it, or before its step.
    pub(super) fn take(&mut self, record: &Record, since: &Since, known: &dyn UnderWay) {
        self.records += 1;
        match &record.event {
            Event::MissionSubmitted { .. } => self.submitted += 1,
            Event::MissionForked { .. } => self.forked += 1,
            Event::MissionResumed { .. } => self.resumed += 1,
            Event::AttemptStarted { expectations, .. } => {
                self.attempts += 1;
                self.expectations += expectations.len() as u64;
                if !since.is_assigned {
                    self.assignment_ms.see(record.at_ms.saturating_sub(since.submitted_ms));
                }
            }
            Event::AttemptEnded { attempt, outcome, .. } => {
                self.ran(outcome);
                let Some(Attempted { task, since_ms }) = known.attempt(*attempt) else { return };
                if let Some(model) = task.intent.asks_model() {
                    models::take(&mut self.models, model, outcome);
                }
                let took_ms = record.at_ms.saturating_sub(since_ms);
                self.attempt_ms.entry(task.role).or_default().see(took_ms);
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
                self.mission_ms.see(wall_ms.saturating_sub(since.shared_ms));
            }
            Event::MissionConcluding {}
            | Event::PlanMade { .. }
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. } => {}
        }
    }

    /// Counts the runs of an attempt: as it tells of them, else those that it merely counted.
    fn ran(&mut self, outcome: &Outcome) {
        let Some(spent) = outcome.spent() else { return };
        for count in &spent.runs.ends {
            *self.runs.entry(Some((count.tier, count.end))).or_default() += count.runs;
        }
        if spent.runs.is_empty() && spent.sandbox_runs > 0 {
            *self.runs.entry(None).or_default() += spent.sandbox_runs;
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
        add(&mut self.runs, &more.runs);
        self.spent += &more.spent;
        for (role, spread) in &more.attempt_ms {
            self.attempt_ms.entry(*role).or_default().add(spread);
        }
        models::add(&mut self.models, &more.models);
        self.mission_ms.add(&more.mission_ms);
        self.assignment_ms.add(&more.assignment_ms);
    }
}
