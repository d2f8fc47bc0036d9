//! A mission as a trace: spans that are folded from its records, so that a trace is complete wherever its work was done, and can be
//! made long after.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`), and ours
//! (`coditect.*`). Requests, prompts, answers, code and paths are in none of them.

use std::collections::BTreeMap;

use coditect_core::decide::intent_name;
use coditect_types::event::TaskEnd;
use coditect_types::outcome::Spent;
use coditect_types::plan::Intent;
use coditect_types::{
    ApprovalId, AttemptId, Event, Ledger, MissionId, Outcome, Policy, Record, TaskId, TaskSpec,
};
use serde::Serialize;

use crate::cell::Cell;

/// Events of one span that are kept: collectors take no spans of any size.
const MOST_EVENTS: usize = 1_000;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A word of ours, or a name.
    Text(String),
    /// A count.
    Count(u64),
    /// A measure.
    Measure(f64),
}

/// Attributes, in the order in which they were set.
pub type Attributes = Vec<(&'static str, Value)>;

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The whole mission: the root.
    Mission,
    /// An attempt.
    Attempt(AttemptId),
    /// A question to a person.
    Approval(ApprovalId),
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When, ms since 1970.
    pub at_ms: u64,
    /// What.
    pub name: &'static str,
    /// More of it.
    pub attributes: Attributes,
}

/// A piece of work with a beginning and an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it is of.
    pub of: Of,
    /// Its name.
    pub name: String,
    /// When it began, ms since 1970.
    pub start_ms: u64,
    /// When it ended; None: it has not.
    pub end_ms: Option<u64>,
    /// What is known of it.
    pub attributes: Attributes,
    /// What happened meanwhile.
    pub events: Vec<Happened>,
    /// Why it is taken for a failure, if it is.
    pub error: Option<String>,
}

impl Span {
    fn new(of: Of, name: String, start_ms: u64) -> Self {
        Self { of, name, start_ms, end_ms: None, attributes: Vec::new(), events: Vec::new(), error: None }
    }

    fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push((name, value.into()));
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Measure(n)
    }
}

/// The fold.
#[derive(Debug, Default)]
pub struct Tracer {
    mission: Option<Span>,
    tasks: BTreeMap<TaskId, TaskSpec>,
    policy: Policy,
    open: BTreeMap<Of, Span>,
    /// Which task an attempt is at that is under way.
    at: BTreeMap<AttemptId, TaskId>,
    /// What ended in the newest step: more of that step may be about it, such as a violation.
    closing: Vec<Span>,
    newest_ms: u64,
    /// A fork's state before it goes its own way: what was spent by then was spent elsewhere.
    shared: Option<Cell>,
    before: Ledger,
}

impl Tracer {
    /// Takes the next record. Gives the spans that are over, those within others before these.
    pub fn take(&mut self, record: &Record) -> Vec<Span> {
        let over = match record.at_ms > self.newest_ms {
            true => std::mem::take(&mut self.closing),
            false => Vec::new(),
        };
        self.newest_ms = record.at_ms;
        if let Some(shared) = &mut self.shared {
            shared.hear(record);
        }
        self.hear(record);
        if !matches!(record.event, Event::MissionCompleted { .. }) {
            return over;
        }
        self.complete(record);
        over.into_iter().chain(std::mem::take(&mut self.closing)).collect()
    }

    fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::MissionSubmitted { mission, policy, fork, .. } => {
                self.begin(record, mission, policy, fork.as_ref().map(|fork| &fork.from));
            }
            Event::MissionForked { fork } => {
                self.policy = fork.policy.clone();
                self.before = self.shared.take().map(|cell| cell.state().ledger.clone()).unwrap_or_default();
                // What was under way went on elsewhere; a question waits here too.
                self.open.retain(|of, _| matches!(of, Of::Approval(_)));
                self.at.clear();
                self.closing.clear();
            }
            Event::MissionResumed { lost } => {
                self.happened(record, Of::Mission, "coditect.mission.resumed", Vec::new());
                lost.iter().for_each(|attempt| self.end(record, Of::Attempt(*attempt), lose));
            }
            Event::PlanMade { tasks, .. } => {
                self.tasks.extend(tasks.iter().map(|task| (task.id, task.clone())));
                let count = vec![("coditect.plan.tasks", Value::Count(tasks.len() as u64))];
                self.happened(record, Of::Mission, "coditect.plan.made", count);
            }
            Event::AttemptStarted { task, attempt, .. } => self.start(record, *task, *attempt),
            Event::AttemptEnded { attempt, outcome, .. } => {
                self.end(record, Of::Attempt(*attempt), |span| ended(span, outcome));
            }
            Event::ViolationFound { .. } => self.violated(record),
            Event::ApprovalAsked { approval, kind, .. } => {
                let of = Of::Approval(*approval);
                let mut span = Span::new(of, "ask a person".to_owned(), record.at_ms);
                span.set("coditect.violation.kind", word(kind));
                self.open.insert(of, span);
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

    /// What has not ended, and what did in the newest step: the mission last.
    #[must_use]
    pub fn open(&self) -> Vec<Span> {
        self.closing.iter().chain(self.open.values()).chain(&self.mission).cloned().collect()
    }

    fn violated(&mut self, record: &Record) {
        let Event::ViolationFound { task, attempt, kind, response, confidence, diagnosis, .. } =
            &record.event
        else {
            return;
        };
        let mut told = vec![
            ("coditect.task.id", Value::from(task.to_string())),
            ("coditect.attempt.id", Value::from(attempt.to_string())),
            ("coditect.violation.kind", Value::from(word(kind))),
            ("coditect.violation.response", Value::from(word(response))),
            ("coditect.violation.confidence", Value::from(*confidence)),
        ];
        told.extend(diagnosis.as_ref().map(|of| ("coditect.violation.cause", Value::from(word(&of.cause)))));
        self.happened(record, Of::Attempt(*attempt), "coditect.violation", told);
    }

    fn settled(&mut self, record: &Record, task: TaskId, end: TaskEnd) {
        if end == TaskEnd::Failed {
            let told = vec![("coditect.task.id", Value::from(task.to_string()))];
            self.happened(record, Of::Mission, "coditect.task.failed", told);
        }
        // What is under way for it is under way for nobody any more.
        let of_task = self.at.iter().filter(|(_, of)| **of == task).map(|(attempt, _)| *attempt);
        let of_task: Vec<AttemptId> = of_task.collect();
        of_task.into_iter().for_each(|attempt| self.end(record, Of::Attempt(attempt), lose));
    }

    fn begin(&mut self, record: &Record, mission: &MissionId, policy: &Policy, of: Option<&MissionId>) {
        let mut span = Span::new(Of::Mission, "invoke_agent coditect".to_owned(), record.at_ms);
        span.set("gen_ai.operation.name", "invoke_agent");
        span.set("gen_ai.agent.name", "coditect");
        span.set("gen_ai.conversation.id", mission.to_string());
        span.set("coditect.mission.id", mission.to_string());
        if let Some(of) = of {
            span.set("coditect.mission.forked_from", of.to_string());
        }
        self.shared = of.map(|_| Cell::replay(mission.clone(), [record]));
        (self.policy, self.mission) = (policy.clone(), Some(span));
    }

    fn start(&mut self, record: &Record, task: TaskId, attempt: AttemptId) {
        let Some(spec) = self.tasks.get(&task) else { return };
        self.at.insert(attempt, task);
        let (of, intent) = (Of::Attempt(attempt), intent_name(&spec.intent));
        let mut span = match spec.intent.asks_model() {
            Some(model) => {
                let mut span = Span::new(of, format!("chat {model}"), record.at_ms);
                span.set("gen_ai.operation.name", "chat");
                span.set("gen_ai.request.model", model);
                if let Some((provider, _)) = model.split_once('/') {
                    span.set("gen_ai.provider.name", provider);
                }
                if let Some(known) = self.policy.models.iter().find(|known| known.name == model) {
                    span.set("gen_ai.request.max_tokens", known.output_tokens);
                }
                span
            }
            None => {
                let role = word(&spec.role);
                let mut span = Span::new(of, format!("invoke_agent {role}"), record.at_ms);
                span.set("gen_ai.operation.name", "invoke_agent");
                span.set("gen_ai.agent.name", role);
                span
            }
        };
        if let Intent::TurnTestsGreen { rung }
        | Intent::TryReply { rung }
        | Intent::TrySpecification { rung } = &spec.intent
        {
            span.set("coditect.rung", word(rung));
        }
        span.set("coditect.intent", intent);
        span.set("coditect.task.id", task.to_string());
        span.set("coditect.attempt.id", attempt.to_string());
        if let Some(strand) = spec.strand {
            span.set("coditect.strand.id", strand.to_string());
        }
        self.open.insert(of, span);
    }

    /// Something happened within a span that is open, or ended in this step; else within the mission.
    fn happened(&mut self, record: &Record, of: Of, name: &'static str, attributes: Attributes) {
        let ended = self.closing.iter_mut().rev().find(|span| span.of == of);
        let span = self.open.get_mut(&of).or(ended).or(self.mission.as_mut());
        if let Some(span) = span.filter(|span| span.events.len() < MOST_EVENTS) {
            span.events.push(Happened { at_ms: record.at_ms, name, attributes });
        }
    }

    fn end(&mut self, record: &Record, of: Of, told: impl FnOnce(&mut Span)) {
        if let Of::Attempt(attempt) = of {
            self.at.remove(&attempt);
        }
        let Some(mut span) = self.open.remove(&of) else { return };
        span.end_ms = Some(record.at_ms);
        told(&mut span);
        self.closing.push(span);
    }

    fn complete(&mut self, record: &Record) {
        let Event::MissionCompleted { status, trouble, ledger, .. } = &record.event else { return };
        let open: Vec<Of> = self.open.keys().copied().collect();
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
