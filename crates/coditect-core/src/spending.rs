//! What a mission costs: how the ledger grows, for the state and for whoever wants to know that alone.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::model::Usage;
use coditect_types::outcome::Spent;
use coditect_types::plan::Intent;
use coditect_types::{AttemptId, Event, Ledger, ModelSpec, Outcome, Rung, TaskId};

/// A fold over the events of a mission that knows what it cost, and nothing else: the ledger of its state, without which rung
/// solved it, and that of each task, whose sum it is.
#[derive(Clone, Debug, Default)]
pub struct Spending {
    ledger: Ledger,
    /// What each task cost that cost anything.
    tasks: BTreeMap<TaskId, Ledger>,
    models: Vec<ModelSpec>,
    /// Tasks that ask a model, and which.
    asks: BTreeMap<TaskId, String>,
    /// Tasks that are about tests to be written.
    specifies: BTreeSet<TaskId>,
    /// Calls under way: as few as a mission has slots.
    calls: Vec<(AttemptId, TaskId)>,
}

impl Spending {
    /// What it cost so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether more than the outcomes of tasks of this kind tells what they cost.
    #[must_use]
    pub fn is_moved_by(intent: &Intent) -> bool {
        intent.asks_model().is_some() || is_specification(intent)
    }

    /// What each task cost so far; one that cost nothing may be missing. Together they cost what the mission did.
    #[must_use]
    pub fn tasks(&self) -> &BTreeMap<TaskId, Ledger> {
        &self.tasks
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::MissionSubmitted { policy, .. } => self.models.clone_from(&policy.models),
            Event::MissionForked { fork } => {
                self.models.clone_from(&fork.policy.models);
                // What was under way was another mission's, which pays for it.
                self.calls.clear();
            }
            Event::PlanMade { tasks, .. } => {
                for spec in tasks {
                    self.asks.extend(spec.intent.asks_model().map(|model| (spec.id, model.to_owned())));
                    if is_specification(&spec.intent) {
                        self.specifies.insert(spec.id);
                    }
                }
            }
            Event::AttemptStarted { task, attempt, .. } => {
                if self.asks.contains_key(task) {
                    self.calls.push((*attempt, *task));
                }
            }
            Event::AttemptEnded { task, attempt, outcome } => self.ended(*task, *attempt, outcome),
            Event::MissionResumed { lost } => self.lose(|attempt, _| lost.contains(&attempt)),
            Event::TaskSettled { task, .. } => self.lose(|_, of| of == *task),
            Event::MissionCompleted { .. } => self.calls.clear(),
            Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. } => {}
        }
    }

    fn model(&self, task: TaskId) -> Option<&ModelSpec> {
        let name = self.asks.get(&task)?;
        self.models.iter().find(|spec| spec.name == *name)
    }

    /// Calls whose answer nobody will see.
    fn lose(&mut self, is_lost: impl Fn(AttemptId, TaskId) -> bool) {
        if self.calls.is_empty() {
            return;
        }
        let calls = std::mem::take(&mut self.calls).into_iter();
        let (lost, left): (Vec<_>, Vec<_>) = calls.partition(|(attempt, task)| is_lost(*attempt, *task));
        self.calls = left;
        for (_, task) in lost {
            if let Some(name) = self.model(task).map(|spec| spec.name.clone()) {
                self.pay(task, |ledger| lose_call(ledger, &name));
            }
        }
    }

    /// Takes something into the ledger, and into that of the task that it was for.
    fn pay(&mut self, task: TaskId, pay: impl Fn(&mut Ledger)) {
        pay(&mut self.ledger);
        pay(self.tasks.entry(task).or_default());
    }

    fn ended(&mut self, task: TaskId, attempt: AttemptId, outcome: &Outcome) {
        if let Some(at) = self.calls.iter().position(|(call, _)| *call == attempt) {
            let (_, asked) = self.calls.swap_remove(at);
            if let Some(model) = self.model(asked).cloned() {
                self.pay(asked, |ledger| {
                    pay_call(ledger, &model, outcome);
                });
            }
        }
        match outcome {
            Outcome::ChangeProposed { proposal, spent } => {
                self.pay(task, |ledger| pay_rung(ledger, proposal.rung, spent, 1));
            }
            Outcome::NoChangeFound { rung, spent, .. } | Outcome::ReplyRefused { rung, spent, .. } => {
                self.pay(task, |ledger| pay_rung(ledger, *rung, spent, 0));
            }
            Outcome::SpecificationWritten { spent, .. } if self.specifies.contains(&task) => {
                self.pay(task, |ledger| pay(ledger, spent));
            }
            Outcome::BaselineMeasured { spent, .. }
            | Outcome::NeedsFirst { spent, .. }
            | Outcome::ChangeVerified { spent, .. }
            | Outcome::ChangesMerged { spent, .. }
            | Outcome::Failed { spent, .. } => self.pay(task, |ledger| pay(ledger, spent)),
            Outcome::SnapshotTaken { .. }
            | Outcome::ProjectSurveyed { .. }
            | Outcome::ContextGathered { .. }
            | Outcome::ModelAnswered { .. }
            | Outcome::SpecificationWritten { .. }
            | Outcome::ChangeReviewed { .. }
            | Outcome::HeadMoved { .. }
            | Outcome::HandedOver { .. }
            | Outcome::NothingDone => {}
        }
    }
}

/// Whether it is about tests to be written.
fn is_specification(intent: &Intent) -> bool {
    matches!(intent, Intent::AskForTests { .. } | Intent::TrySpecification { .. })
}

/// Takes a call of a model into the ledger, whatever came of it. Gives what was used and paid, millionths of a US dollar; None: the
/// answer was kept from an earlier call, or the outcome is none of a call.
pub(crate) fn pay_call(ledger: &mut Ledger, model: &ModelSpec, outcome: &Outcome) -> Option<(Usage, u64)> {
    let (usage, spent, kept) = if let Outcome::ModelAnswered { reply, spent, .. } = outcome {
        (reply.usage, spent, reply.kept)
    } else if let Outcome::Failed { failure, spent } = outcome
        && !failure.unasked
    {
        (spent.usage.unwrap_or_default(), spent, false)
    } else {
        return None;
    };
    let cost = ledger.models.entry(model.name.clone()).or_default();
    cost.wall_ms += spent.wall_ms;
    ledger.rungs.entry(model.rung).or_default().wall_ms += spent.wall_ms;
    if kept {
        cost.kept += 1;
        return None;
    }
    let micro_usd = model.price.of(&usage);
    cost.calls += 1;
    cost.failed += u64::from(matches!(outcome, Outcome::Failed { .. }));
    cost.tokens_in += usage.tokens_in;
    cost.tokens_cached += usage.tokens_cached;
    cost.tokens_out += usage.tokens_out;
    cost.micro_usd += micro_usd;
    ledger.model_calls += 1;
    ledger.tokens_in += usage.tokens_in;
    ledger.tokens_out += usage.tokens_out;
    ledger.micro_usd += micro_usd;
    Some((usage, micro_usd))
}

/// Takes a call of a model into the ledger whose answer nobody will see.
pub(crate) fn lose_call(ledger: &mut Ledger, model: &str) {
    ledger.model_calls += 1;
    let cost = ledger.models.entry(model.to_owned()).or_default();
    cost.calls += 1;
    cost.lost += 1;
}

/// Takes an attempt on a rung into the ledger, with the proposals that came of it.
pub(crate) fn pay_rung(ledger: &mut Ledger, rung: Rung, spent: &Spent, proposals: u64) {
    pay(ledger, spent);
    let cost = ledger.rungs.entry(rung).or_default();
    cost.candidates += spent.candidates;
    cost.wall_ms += spent.wall_ms;
    cost.proposals += proposals;
}

/// Takes what an attempt used into the ledger.
pub(crate) fn pay(ledger: &mut Ledger, spent: &Spent) {
    ledger.candidates += spent.candidates;
    ledger.sandbox_runs += spent.sandbox_runs;
}
