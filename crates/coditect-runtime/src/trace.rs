//! A mission as a trace: spans that are folded from its records, so that a trace is complete wherever its work was done, and can be
//! made long after.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`), and ours
//! (`coditect.*`). Requests, prompts, answers, code and paths are in none of them.

use coditect_core::Spending;
use coditect_core::decide::intent_name;
use coditect_types::event::TaskEnd;
use coditect_types::outcome::Spent;
use coditect_types::plan::Intent;
pub use coditect_types::span::{Attributes, Happened, Of, Span, Value};
use coditect_types::{
    AttemptId, Event, Fork, Ledger, MissionId, Outcome, Policy, Record, Role, Rung, StrandId, TaskId,
    TaskSpec,
};
use serde::Serialize;

use crate::kinds::Kinds;

/// Events of one span that are kept: collectors take no spans of any size.
const MOST_EVENTS: usize = 1_000;

/// What a trace needs to know of a task.
#[derive(Debug, PartialEq)]
struct Task {
    role: Role,
    intent: &'static str,
    /// The rung on which it looks for a change.
    rung: Option<Rung>,
    /// The model that it asks.
    model: Option<Box<str>>,
    strand: Option<StrandId>,
}

impl Task {
    fn of(spec: &TaskSpec) -> Self {
        let rung = if let Intent::TurnTestsGreen { rung }
        | Intent::TryReply { rung }
        | Intent::TrySpecification { rung } = &spec.intent
        {
            Some(*rung)
        } else {
            None
        };
        let model = spec.intent.asks_model().map(Box::from);
        Self { role: spec.role, intent: intent_name(&spec.intent), rung, model, strand: spec.strand }
    }
}

/// A span that has not ended. There are as many of these as missions have work under way, and whoever looks at one again has not seen it
/// for long: so it is small, and what is known of its task is said when it ends.
#[derive(Clone, Debug)]
struct Open {
    of: Of,
    start_ms: u64,
    /// The task that an attempt is at.
    task: Option<TaskId>,
    told: Attributes,
    events: Vec<Happened>,
}

impl Open {
    fn new(of: Of, start_ms: u64, task: Option<TaskId>) -> Self {
        Self { of, start_ms, task, told: Vec::new(), events: Vec::new() }
    }
}

/// The fold.
#[derive(Debug, Default)]
pub struct Tracer {
    mission: Option<Span>,
    tasks: Kinds<Task>,
    /// The models that are known, and how much they answer at most.
    models: Vec<(String, u64)>,
    /// What has not ended: as little as is under way at the same time, so it is looked through.
    open: Vec<Open>,
    /// What ended in the newest step: more of that step may be about it, such as a violation.
    closing: Vec<Span>,
    newest_ms: u64,
    /// What a fork has spent by the last record that it shares, with the number of that: it was spent elsewhere.
    shared: Option<(u64, Box<Spending>)>,
    before: Ledger,
}

impl Tracer {
    /// Takes the next record. Gives the spans that are over, those within others before these.
    pub fn take(&mut self, record: &Record) -> Vec<Span> {
        let is_next = record.at_ms > self.newest_ms || matches!(record.event, Event::MissionForked { .. });
        let over = if is_next { self.step_over() } else { Vec::new() };
        self.newest_ms = record.at_ms;
        self.hear(record);
        self.share(record);
        if !matches!(record.event, Event::MissionCompleted { .. }) {
            return over;
        }
        self.complete(record);
        over.into_iter().chain(self.step_over()).collect()
    }

    /// A step is over: gives the spans that ended in it, which nothing is said of any more.
    pub fn step_over(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.closing)
    }

    fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::MissionSubmitted { mission, policy, fork, .. } => {
                self.begin(record, mission, policy, fork.as_deref());
            }
            Event::MissionForked { fork } => {
                self.run_under(&fork.policy);
                // What was under way went on elsewhere; a question waits here too.
                self.open.retain(|span| matches!(span.of, Of::Approval(_)));
            }
            Event::MissionResumed { lost } => {
                self.happened(record, Of::Mission, "coditect.mission.resumed", Vec::new());
                lost.iter().for_each(|attempt| self.end(record, Of::Attempt(*attempt), lose));
            }
            Event::PlanMade { tasks, .. } => {
                tasks.iter().for_each(|spec| self.tasks.set(spec.id, Task::of(spec)));
                let count = vec![("coditect.plan.tasks", Value::Count(tasks.len() as u64))];
                self.happened(record, Of::Mission, "coditect.plan.made", count);
            }
            Event::AttemptStarted { task, attempt, .. } => self.start(record, *task, *attempt),
            // What asked nobody was no call.
            Event::AttemptEnded { attempt, outcome: Outcome::Failed { failure, .. }, .. }
                if failure.unasked =>
            {
                self.open.retain(|span| span.of != Of::Attempt(*attempt));
            }
            Event::AttemptEnded { attempt, outcome, .. } => {
                self.end(record, Of::Attempt(*attempt), |span| ended(span, outcome));
            }
            Event::ViolationFound { .. } => self.violated(record),
            Event::ApprovalAsked { approval, kind, .. } => {
                let mut span = Open::new(Of::Approval(*approval), record.at_ms, None);
                span.told.push(("coditect.violation.kind", word(kind).into()));
                self.begun(span);
            }
            Event::ApprovalGiven { approval, verdict, by, .. } => {
                let verdict = if by.is_some() { word(verdict) } else { "nobody".to_owned() };
                self.end(record, Of::Approval(*approval), |span| {
                    span.set("coditect.approval.verdict", verdict);
                });
            }
            Event::TaskSettled { task, end, .. } => self.settled(record, *task, *end),
            Event::MissionConcluding {} => {
                self.happened(record, Of::Mission, "coditect.mission.concluding", Vec::new());
            }
            Event::OutcomeIgnored { .. } => {
                self.happened(record, Of::Mission, "coditect.outcome.ignored", Vec::new());
            }
            Event::StagesPlanned { stages, .. } => {
                let count = vec![("coditect.plan.stages", Value::Count(stages.len() as u64))];
                self.happened(record, Of::Mission, "coditect.stages.planned", count);
            }
            Event::StageEnded { end, .. } => {
                let how = vec![("coditect.task.end", Value::from(word(end)))];
                self.happened(record, Of::Mission, "coditect.stage.ended", how);
            }
            Event::MissionCompleted { .. } => {}
        }
    }

    /// What a fork shares with another mission was spent there.
    fn share(&mut self, record: &Record) {
        let Some((last, spending)) = &mut self.shared else { return };
        spending.take(&record.event);
        if record.seq >= *last {
            self.before = spending.ledger().clone();
            self.shared = None;
        }
    }

    /// What has not ended, and what did in the newest step: the mission last.
    #[must_use]
    pub fn open(&self) -> Vec<Span> {
        let mut open: Vec<Span> = self.open.iter().cloned().map(|open| self.span(open)).collect();
        open.sort_by_key(|span| span.of);
        self.closing.iter().chain(&open).chain(&self.mission).cloned().collect()
    }

    /// A span begins; one of the same name is over.
    fn begun(&mut self, span: Open) {
        match self.open.iter_mut().find(|open| open.of == span.of) {
            Some(open) => *open = span,
            None => self.open.push(span),
        }
    }

    fn violated(&mut self, record: &Record) {
        let Event::ViolationFound { task, attempt, kind, response, confidence, diagnosis, .. } =
            &record.event
        else {
            return;
        };
        let mut told = vec![
            ("coditect.task.id", Value::from(*task)),
            ("coditect.attempt.id", Value::from(*attempt)),
            ("coditect.violation.kind", Value::from(word(kind))),
            ("coditect.violation.response", Value::from(word(response))),
            ("coditect.violation.confidence", Value::from(*confidence)),
        ];
        told.extend(diagnosis.as_ref().map(|of| ("coditect.violation.cause", Value::from(word(&of.cause)))));
        self.happened(record, Of::Attempt(*attempt), "coditect.violation", told);
    }

    fn settled(&mut self, record: &Record, task: TaskId, end: TaskEnd) {
        if end == TaskEnd::Failed {
            let told = vec![("coditect.task.id", Value::from(task))];
            self.happened(record, Of::Mission, "coditect.task.failed", told);
        }
        // What is under way for it is under way for nobody any more.
        let of_task = self.open.iter().filter(|span| span.task == Some(task)).map(|span| span.of);
        let of_task: Vec<Of> = of_task.collect();
        of_task.into_iter().for_each(|of| self.end(record, of, lose));
    }

    fn begin(&mut self, record: &Record, mission: &MissionId, policy: &Policy, fork: Option<&Fork>) {
        let mut span = Span::new(Of::Mission, "invoke_agent coditect", record.at_ms);
        span.set("gen_ai.operation.name", "invoke_agent");
        span.set("gen_ai.agent.name", "coditect");
        span.set("gen_ai.conversation.id", mission.to_string());
        span.set("coditect.mission.id", mission.to_string());
        if let Some(fork) = fork {
            span.set("coditect.mission.forked_from", fork.from.to_string());
        }
        self.shared = fork.map(|fork| (fork.at_seq, Box::default()));
        self.mission = Some(span);
        self.run_under(policy);
    }

    fn run_under(&mut self, policy: &Policy) {
        self.models = policy.models.iter().map(|model| (model.name.clone(), model.output_tokens)).collect();
    }

    fn start(&mut self, record: &Record, task: TaskId, attempt: AttemptId) {
        if self.tasks.get(task).is_some() {
            self.begun(Open::new(Of::Attempt(attempt), record.at_ms, Some(task)));
        }
    }

    /// A span with what is known of it.
    fn span(&self, open: Open) -> Span {
        let Open { of, start_ms, task, told, events } = open;
        let known = task.and_then(|id| Some((id, self.tasks.get(id)?)));
        let mut span = match (of, known) {
            (Of::Attempt(attempt), Some((id, task))) => {
                let mut span = self.of_task(of, start_ms, task);
                span.set("coditect.intent", task.intent);
                span.set("coditect.task.id", id);
                span.set("coditect.attempt.id", attempt);
                if let Some(strand) = task.strand {
                    span.set("coditect.strand.id", strand.to_string());
                }
                span
            }
            (Of::Mission | Of::Attempt(_) | Of::Approval(_), _) => Span::new(of, "ask a person", start_ms),
        };
        span.attributes.extend(told);
        span.events = events;
        span
    }

    fn of_task(&self, of: Of, start_ms: u64, task: &Task) -> Span {
        let mut span = match task.model.as_deref() {
            Some(model) => {
                let mut span = Span::new(of, format!("chat {model}"), start_ms);
                span.set("gen_ai.operation.name", "chat");
                span.set("gen_ai.request.model", model.to_owned());
                if let Some((provider, _)) = model.split_once('/') {
                    span.set("gen_ai.provider.name", provider.to_owned());
                }
                if let Some((_, most)) = self.models.iter().find(|(name, _)| name == model) {
                    span.set("gen_ai.request.max_tokens", *most);
                }
                span
            }
            None => {
                let mut span = Span::new(of, invoked(task.role), start_ms);
                span.set("gen_ai.operation.name", "invoke_agent");
                span.set("gen_ai.agent.name", task.role.name());
                span
            }
        };
        if let Some(rung) = task.rung {
            span.set("coditect.rung", word(&rung));
        }
        span
    }

    /// Something happened within a span that is open, or ended in this step; else within the mission.
    fn happened(&mut self, record: &Record, of: Of, name: &'static str, attributes: Attributes) {
        let ended = self.closing.iter_mut().rev().find(|span| span.of == of).map(|span| &mut span.events);
        let open = self.open.iter_mut().find(|span| span.of == of).map(|span| &mut span.events);
        let events = open.or(ended).or(self.mission.as_mut().map(|span| &mut span.events));
        if let Some(events) = events.filter(|events| events.len() < MOST_EVENTS) {
            events.push(Happened { at_ms: record.at_ms, name, attributes });
        }
    }

    fn end(&mut self, record: &Record, of: Of, told: impl FnOnce(&mut Span)) {
        let Some(at) = self.open.iter().position(|span| span.of == of) else { return };
        let open = self.open.swap_remove(at);
        let mut span = self.span(open);
        span.end_ms = Some(record.at_ms);
        told(&mut span);
        self.closing.push(span);
    }

    fn complete(&mut self, record: &Record) {
        let Event::MissionCompleted { status, trouble, ledger, .. } = &record.event else { return };
        let mut open: Vec<Of> = self.open.iter().map(|span| span.of).collect();
        open.sort_unstable();
        open.into_iter().for_each(|of| self.end(record, of, lose));
        let Some(mut span) = self.mission.take() else { return };
        let own = ledger.since(&self.before);
        span.end_ms = Some(record.at_ms);
        span.set("coditect.mission.status", word(status));
        span.set("gen_ai.usage.input_tokens", own.tokens_in);
        span.set("gen_ai.usage.output_tokens", own.tokens_out);
        span.set("coditect.model_calls", own.model_calls);
        span.set("coditect.cost_usd", own.micro_usd as f64 / 1e6);
        span.set("coditect.candidates", own.candidates);
        span.set("coditect.sandbox_runs", own.sandbox_runs);
        span.error = trouble.map(|kind| word(&kind));
        self.closing.push(span);
    }
}

/// The name of the span of an agent in this role.
fn invoked(role: Role) -> &'static str {
    match role {
        Role::Orchestrator => "invoke_agent orchestrator",
        Role::Analyzer => "invoke_agent analyzer",
        Role::Coder => "invoke_agent coder",
        Role::Documenter => "invoke_agent documenter",
        Role::Reviewer => "invoke_agent reviewer",
        Role::Tester => "invoke_agent tester",
        Role::Deployer => "invoke_agent deployer",
    }
}

/// Nobody will see what came of it.
fn lose(span: &mut Span) {
    span.error = Some("lost".to_owned());
}

/// What came of an attempt.
fn ended(span: &mut Span, outcome: &Outcome) {
    let mut spent = |of: &Spent| {
        if of.candidates > 0 {
            span.set("coditect.candidates", of.candidates);
        }
        if of.sandbox_runs > 0 {
            span.set("coditect.sandbox_runs", of.sandbox_runs);
        }
    };
    match outcome {
        Outcome::Failed { failure, spent: of } => {
            spent(of);
            span.set("error.type", word(&failure.kind));
            span.error = Some(word(&failure.kind));
        }
        Outcome::ModelAnswered { reply, .. } => {
            span.set("gen_ai.usage.input_tokens", reply.usage.tokens_in);
            span.set("gen_ai.usage.output_tokens", reply.usage.tokens_out);
            span.set("gen_ai.response.finish_reasons", word(&reply.finish));
        }
        Outcome::BaselineMeasured { report, spent: of, .. }
        | Outcome::ChangeVerified { report, spent: of, .. } => {
            spent(of);
            let red = report.red().count() as u64;
            span.set("coditect.tests.red", red);
            span.set("coditect.tests", report.tests.len() as u64);
        }
        Outcome::ChangeProposed { proposal, spent: of } => {
            spent(of);
            span.set("coditect.proposal.confidence", proposal.confidence);
            span.set("coditect.proposal.files", proposal.files.len() as u64);
        }
        Outcome::NoChangeFound { spent: of, .. }
        | Outcome::ReplyRefused { spent: of, .. }
        | Outcome::NeedsFirst { spent: of, .. } => spent(of),
        Outcome::SnapshotTaken { .. }
        | Outcome::ProjectSurveyed { .. }
        | Outcome::ContextGathered { .. }
        | Outcome::SpecificationWritten { .. }
        | Outcome::ChangesMerged { .. }
        | Outcome::ChangeReviewed { .. }
        | Outcome::HeadMoved { .. }
        | Outcome::HandedOver { .. }
        | Outcome::NothingDone => {}
    }
    span.set("coditect.outcome", outcome_word(outcome));
}

/// The kind of an outcome, as in its JSON.
fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::SnapshotTaken { .. } => "snapshot_taken",
        Outcome::ProjectSurveyed { .. } => "project_surveyed",
        Outcome::BaselineMeasured { .. } => "baseline_measured",
        Outcome::ChangeProposed { .. } => "change_proposed",
        Outcome::NoChangeFound { .. } => "no_change_found",
        Outcome::NeedsFirst { .. } => "needs_first",
        Outcome::ContextGathered { .. } => "context_gathered",
        Outcome::ModelAnswered { .. } => "model_answered",
        Outcome::ReplyRefused { .. } => "reply_refused",
        Outcome::SpecificationWritten { .. } => "specification_written",
        Outcome::ChangesMerged { .. } => "changes_merged",
        Outcome::ChangeReviewed { .. } => "change_reviewed",
        Outcome::ChangeVerified { .. } => "change_verified",
        Outcome::HeadMoved { .. } => "head_moved",
        Outcome::HandedOver { .. } => "handed_over",
        Outcome::NothingDone => "nothing_done",
        Outcome::Failed { .. } => "failed",
    }
}

/// A value that is a word in JSON, as that word.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// All spans of a mission, in the order in which they began.
#[must_use]
pub fn spans(records: &[Record]) -> Vec<Span> {
    let mut tracer = Tracer::default();
    let mut spans: Vec<Span> = records.iter().flat_map(|record| tracer.take(record)).collect();
    spans.extend(tracer.open());
    spans.sort_by_key(|span| (span.start_ms, span.of));
    spans
}

#[cfg(test)]
mod tests;
