//! A mission as a trace: spans that are folded from its records, so that a trace is complete wherever its work was done, and can be
//! made long after.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`), and ours
//! (`coditect.*`). Requests, prompts, answers, code and paths are in none of them.

use coditect_core::Spending;
use coditect_core::decide::intent_name;
use coditect_ports::{Attempted, UnderWay};
use coditect_types::event::TaskEnd;
use coditect_types::model::provider;
use coditect_types::plan::Intent;
use coditect_types::run::MOST_TOLD;
pub use coditect_types::span::{Attributes, Happened, Of, Span, Value};
use coditect_types::{
    ApprovalId, AttemptId, Event, Fork, Ledger, MissionId, Outcome, Policy, Record, Role, Run, TaskId,
    TaskSpec,
};
use serde::Serialize;

use crate::under_way::Table;

/// Events of one span that are kept: collectors take no spans of any size.
const MOST_EVENTS: usize = 1_000;

/// A question to a person that waits.
#[derive(Clone, Debug)]
struct Question {
    of: ApprovalId,
    since_ms: u64,
    kind: String,
}

/// The fold. What is under way is not kept here: whoever tells of a record says it. What of this is looked at with each record is small, since
/// there are those of all other missions between two of one.
#[derive(Debug, Default)]
pub struct Tracer {
    mission: Option<Box<Span>>,
    questions: Vec<Question>,
    /// What happened in attempts that go on.
    happened: Vec<(AttemptId, Happened)>,
    /// The models that are known, and how much they answer at most.
    models: Vec<(String, u64)>,
    /// What a fork has spent by the last record that it shares, with the number of that: it was spent elsewhere.
    shared: Option<(u64, Box<Spending>)>,
    before: Option<Box<Ledger>>,
}

/// The spans that ended in a step, those within others before these: more of that step may be about them, such as a violation.
#[derive(Debug, Default)]
pub struct Closing {
    spans: Vec<Span>,
    /// Attempts that were no call of anybody, and are over.
    silent: Vec<AttemptId>,
    /// What was under way before is another mission's.
    is_forked: bool,
}

impl Closing {
    /// All of them, once the step is over.
    #[must_use]
    pub fn spans(self) -> Vec<Span> {
        self.spans
    }

    fn has(&self, attempt: AttemptId) -> bool {
        self.silent.contains(&attempt) || self.spans.iter().any(|span| span.of == Of::Attempt(attempt))
    }

    /// An attempt that is under way as yet.
    fn open<'a>(&self, attempt: AttemptId, known: &'a dyn UnderWay) -> Option<Attempted<'a>> {
        if self.is_forked || self.has(attempt) { None } else { known.attempt(attempt) }
    }
}

impl Tracer {
    /// Takes the next record of a step. `known`: what was under way before it, or before the step.
    pub fn take(&mut self, closing: &mut Closing, record: &Record, known: &dyn UnderWay) {
        self.hear(closing, record, known);
        self.share(record);
        if matches!(record.event, Event::MissionCompleted { .. }) {
            self.complete(closing, record, known);
        }
    }

    /// Takes records that stand in a journal, of which nobody says where their steps end: what was decided at another time was decided in
    /// another one. Each step is told with its spans, before `table` knows of its last record.
    pub fn read(&mut self, table: &mut Table, records: &[Record], mut tell: impl FnMut(&Record, Vec<Span>)) {
        let is_one = |one: &Record, next: &Record| {
            next.at_ms <= one.at_ms && !matches!(next.event, Event::MissionForked { .. })
        };
        for step in records.chunk_by(is_one) {
            let mut closing = Closing::default();
            for record in step {
                self.take(&mut closing, record, table);
                table.hear(record);
                // The table knows by now that what a fork shares is not under way here.
                closing.is_forked = false;
            }
            step.last().into_iter().for_each(|last| tell(last, std::mem::take(&mut closing).spans));
        }
    }

    fn hear(&mut self, closing: &mut Closing, record: &Record, known: &dyn UnderWay) {
        match &record.event {
            Event::MissionSubmitted { mission, policy, fork, .. } => {
                self.begin(record, mission, policy, fork.as_deref());
            }
            Event::MissionForked { fork } => {
                self.run_under(&fork.policy);
                // What was under way went on elsewhere; a question waits here too.
                closing.is_forked = true;
                self.happened.clear();
            }
            Event::MissionResumed { lost } => {
                self.in_mission(record, "coditect.mission.resumed", Vec::new());
                lost.iter().for_each(|attempt| self.end(closing, record, (*attempt, known), lose));
            }
            Event::PlanMade { tasks, .. } => {
                let count = vec![("coditect.plan.tasks", Value::Count(tasks.len() as u64))];
                self.in_mission(record, "coditect.plan.made", count);
            }
            // What asked nobody was no call.
            Event::AttemptEnded { attempt, outcome: Outcome::Failed { failure, .. }, .. }
                if failure.unasked =>
            {
                closing.silent.push(*attempt);
                self.happened.retain(|(of, _)| of != attempt);
            }
            Event::AttemptEnded { attempt, outcome, .. } => {
                self.runs(closing, record, (*attempt, known), outcome);
                self.end(closing, record, (*attempt, known), |span| ended(span, outcome));
            }
            Event::ViolationFound { .. } => self.violated(closing, record, known),
            Event::ApprovalAsked { approval, kind, .. } => {
                self.questions.retain(|question| question.of != *approval);
                self.questions.push(Question { of: *approval, since_ms: record.at_ms, kind: word(kind) });
            }
            Event::ApprovalGiven { approval, verdict, by, .. } => {
                let verdict = if by.is_some() { word(verdict) } else { "nobody".to_owned() };
                self.answer(closing, record, *approval, |span| {
                    span.set("coditect.approval.verdict", verdict)
                });
            }
            Event::TaskSettled { task, end, .. } => self.settled(closing, record, (*task, *end), known),
            Event::MissionConcluding {} => {
                self.in_mission(record, "coditect.mission.concluding", Vec::new());
            }
            Event::OutcomeIgnored { .. } => {
                self.in_mission(record, "coditect.outcome.ignored", Vec::new());
            }
            Event::StagesPlanned { stages, .. } => {
                let count = vec![("coditect.plan.stages", Value::Count(stages.len() as u64))];
                self.in_mission(record, "coditect.stages.planned", count);
            }
            Event::StageEnded { end, .. } => {
                let how = vec![("coditect.task.end", Value::from(word(end)))];
                self.in_mission(record, "coditect.stage.ended", how);
            }
            // It is under way from now on, which is known where what is under way is known.
            Event::AttemptStarted { .. } | Event::MissionCompleted { .. } => {}
        }
    }

    /// What a fork shares with another mission was spent there.
    fn share(&mut self, record: &Record) {
        let Some((last, spending)) = &mut self.shared else { return };
        spending.take(&record.event);
        if record.seq >= *last {
            self.before = Some(Box::new(spending.ledger().clone()));
            self.shared = None;
        }
    }

    /// What has not ended: the mission last. `known`: what is under way.
    #[must_use]
    pub fn open(&self, known: &dyn UnderWay) -> Vec<Span> {
        let attempts = known.attempts().into_iter();
        let attempts = attempts.filter_map(|attempt| {
            let mut span = self.span(attempt, known.attempt(attempt)?);
            let own = self.happened.iter().filter(|(of, _)| *of == attempt);
            span.events.extend(own.map(|(_, happened)| happened.clone()));
            Some(span)
        });
        let mut open: Vec<Span> = attempts.chain(self.questions.iter().map(asked)).collect();
        open.sort_by_key(|span| span.of);
        open.extend(self.mission.as_deref().cloned());
        open
    }

    fn violated(&mut self, closing: &mut Closing, record: &Record, known: &dyn UnderWay) {
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
        // It may have ended in this step.
        let of = Of::Attempt(*attempt);
        let happened = Happened { at_ms: record.at_ms, name: "coditect.violation", attributes: told };
        if let Some(span) = closing.spans.iter_mut().rev().find(|span| span.of == of) {
            add(&mut span.events, happened);
        } else if closing.open(*attempt, known).is_some() {
            if self.happened.len() < MOST_EVENTS {
                self.happened.push((*attempt, happened));
            }
        } else if let Some(mission) = &mut self.mission {
            add(&mut mission.events, happened);
        }
    }

    fn settled(
        &mut self,
        closing: &mut Closing,
        record: &Record,
        (task, end): (TaskId, TaskEnd),
        known: &dyn UnderWay,
    ) {
        if end == TaskEnd::Failed {
            let told = vec![("coditect.task.id", Value::from(task))];
            self.in_mission(record, "coditect.task.failed", told);
        }
        // What is under way for it is under way for nobody any more.
        if let Some(attempt) = known.at(task) {
            self.end(closing, record, (attempt, known), lose);
        }
    }

    fn begin(&mut self, record: &Record, mission: &MissionId, policy: &Policy, fork: Option<&Fork>) {
        let mut span = Span::new(Of::Mission, "invoke_agent coditect", micros(record.at_ms));
        span.set("gen_ai.operation.name", "invoke_agent");
        span.set("gen_ai.agent.name", "coditect");
        span.set("gen_ai.conversation.id", mission.to_string());
        span.set("coditect.mission.id", mission.to_string());
        if let Some(fork) = fork {
            span.set("coditect.mission.forked_from", fork.from.to_string());
        }
        self.shared = fork.map(|fork| (fork.at_seq, Box::default()));
        self.mission = Some(Box::new(span));
        self.run_under(policy);
    }

    fn run_under(&mut self, policy: &Policy) {
        self.models = policy.models.iter().map(|model| (model.name.clone(), model.output_tokens)).collect();
    }

    /// The span of an attempt, with what is known of it.
    fn span(&self, attempt: AttemptId, Attempted { task, since_ms }: Attempted<'_>) -> Span {
        let mut span = self.of_task(Of::Attempt(attempt), micros(since_ms), task);
        span.set("coditect.intent", intent_name(&task.intent));
        span.set("coditect.task.id", task.id);
        span.set("coditect.attempt.id", attempt);
        if let Some(strand) = task.strand {
            span.set("coditect.strand.id", strand.to_string());
        }
        span
    }

    fn of_task(&self, of: Of, start_us: u64, task: &TaskSpec) -> Span {
        let mut span = match task.intent.asks_model() {
            Some(model) => {
                let mut span = Span::new(of, format!("chat {model}"), start_us);
                span.set("gen_ai.operation.name", "chat");
                span.set("gen_ai.request.model", model.to_owned());
                if let Some(provider) = provider(model) {
                    span.set("gen_ai.provider.name", provider.to_owned());
                }
                if let Some((_, most)) = self.models.iter().find(|(name, _)| name == model) {
                    span.set("gen_ai.request.max_tokens", *most);
                }
                span
            }
            None => {
                let mut span = Span::new(of, invoked(task.role), start_us);
                span.set("gen_ai.operation.name", "invoke_agent");
                span.set("gen_ai.agent.name", task.role.name());
                span
            }
        };
        if let Intent::TurnTestsGreen { rung }
        | Intent::TryReply { rung }
        | Intent::TrySpecification { rung } = &task.intent
        {
            span.set("coditect.rung", word(rung));
        }
        span
    }

    /// Something happened within the mission.
    fn in_mission(&mut self, record: &Record, name: &'static str, attributes: Attributes) {
        if let Some(mission) = &mut self.mission {
            add(&mut mission.events, Happened { at_ms: record.at_ms, name, attributes });
        }
    }

    /// The runs in a sandbox that an attempt tells of as it ends.
    fn runs(
        &self,
        closing: &mut Closing,
        record: &Record,
        (attempt, known): (AttemptId, &dyn UnderWay),
        outcome: &Outcome,
    ) {
        let told = outcome.spent().map_or(&[][..], |spent| &spent.runs.told);
        let Some(open) = closing.open(attempt, known).filter(|_| !told.is_empty()) else { return };
        let within = (micros(open.since_ms), micros(record.at_ms));
        let told = told.iter().take(MOST_TOLD).zip(0..);
        closing.spans.extend(told.map(|(run, n)| in_sandbox(run, (attempt, n), within)));
    }

    fn end(
        &mut self,
        closing: &mut Closing,
        record: &Record,
        (attempt, known): (AttemptId, &dyn UnderWay),
        told: impl FnOnce(&mut Span),
    ) {
        let Some(attempted) = closing.open(attempt, known) else { return };
        let mut span = self.span(attempt, attempted);
        if !self.happened.is_empty() {
            let own = self.happened.extract_if(.., |(of, _)| *of == attempt);
            span.events.extend(own.map(|(_, happened)| happened));
        }
        span.end_us = Some(micros(record.at_ms));
        told(&mut span);
        closing.spans.push(span);
    }

    fn answer(
        &mut self,
        closing: &mut Closing,
        record: &Record,
        approval: ApprovalId,
        told: impl FnOnce(&mut Span),
    ) {
        let Some(at) = self.questions.iter().position(|question| question.of == approval) else { return };
        let mut span = asked(&self.questions.swap_remove(at));
        span.end_us = Some(micros(record.at_ms));
        told(&mut span);
        closing.spans.push(span);
    }

    fn complete(&mut self, closing: &mut Closing, record: &Record, known: &dyn UnderWay) {
        let Event::MissionCompleted { status, trouble, ledger, .. } = &record.event else { return };
        known.attempts().into_iter().for_each(|attempt| self.end(closing, record, (attempt, known), lose));
        let mut questions: Vec<ApprovalId> = self.questions.iter().map(|question| question.of).collect();
        questions.sort_unstable();
        questions.into_iter().for_each(|of| self.answer(closing, record, of, lose));
        let Some(mut span) = self.mission.take() else { return };
        let own = self.before.as_ref().map(|before| ledger.since(before));
        let own = own.as_ref().unwrap_or(ledger);
        span.end_us = Some(micros(record.at_ms));
        span.set("coditect.mission.status", word(status));
        span.set("gen_ai.usage.input_tokens", own.tokens_in);
        span.set("gen_ai.usage.output_tokens", own.tokens_out);
        span.set("coditect.model_calls", own.model_calls);
        span.set("coditect.cost_usd", own.micro_usd as f64 / 1e6);
        span.set("coditect.candidates", own.candidates);
        span.set("coditect.sandbox_runs", own.sandbox_runs);
        span.error = trouble.map(|kind| word(&kind));
        closing.spans.push(*span);
    }
}

/// The span of a question.
fn asked(question: &Question) -> Span {
    let mut span = Span::new(Of::Approval(question.of), "ask a person", micros(question.since_ms));
    span.set("coditect.violation.kind", question.kind.clone());
    span
}

fn add(events: &mut Vec<Happened>, happened: Happened) {
    if events.len() < MOST_EVENTS {
        events.push(happened);
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

/// A run in a sandbox. It is told by the clock of whoever performed the attempt, which is not that of the records: it is never outside of
/// its attempt, whatever they say.
fn in_sandbox(run: &Run, (attempt, n): (AttemptId, u32), (start_us, end_us): (u64, u64)) -> Span {
    let end_us = end_us.max(start_us);
    let begun_us = start_us.saturating_add(run.after_us).min(end_us);
    let mut span = Span::new(Of::Run(attempt, n), "execute_tool sandbox", begun_us);
    span.end_us = Some(begun_us.saturating_add(run.took_us).min(end_us));
    span.set("gen_ai.operation.name", "execute_tool");
    span.set("gen_ai.tool.name", "sandbox");
    span.set("coditect.sandbox.tier", run.tier.word());
    span.set("coditect.sandbox.end", run.end.word());
    span.set("coditect.attempt.id", attempt);
    if run.end.is_killed() {
        span.set("error.type", run.end.word());
        span.error = Some(run.end.word().to_owned());
    }
    span
}

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(1_000)
}

/// Nobody will see what came of it.
fn lose(span: &mut Span) {
    span.error = Some("lost".to_owned());
}

/// What came of an attempt.
fn ended(span: &mut Span, outcome: &Outcome) {
    if let Some(spent) = outcome.spent() {
        let counts =
            [("coditect.candidates", spent.candidates), ("coditect.sandbox_runs", spent.sandbox_runs)];
        counts.into_iter().filter(|(_, n)| *n > 0).for_each(|(name, n)| span.set(name, n));
    }
    match outcome {
        Outcome::Failed { failure, .. } => {
            span.set("error.type", word(&failure.kind));
            span.error = Some(word(&failure.kind));
        }
        Outcome::ModelAnswered { reply, .. } => {
            span.set("gen_ai.usage.input_tokens", reply.usage.tokens_in);
            span.set("gen_ai.usage.output_tokens", reply.usage.tokens_out);
            span.set("gen_ai.response.finish_reasons", vec![word(&reply.finish)]);
        }
        Outcome::BaselineMeasured { report, .. } | Outcome::ChangeVerified { report, .. } => {
            let red = report.red().count() as u64;
            span.set("coditect.tests.red", red);
            span.set("coditect.tests", report.tests.len() as u64);
        }
        Outcome::ChangeProposed { proposal, .. } => {
            span.set("coditect.proposal.confidence", proposal.confidence);
            span.set("coditect.proposal.files", proposal.files.len() as u64);
        }
        Outcome::NoChangeFound { .. }
        | Outcome::ReplyRefused { .. }
        | Outcome::NeedsFirst { .. }
        | Outcome::SnapshotTaken { .. }
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
    let (mut tracer, mut table, mut spans) = (Tracer::default(), Table::default(), Vec::new());
    tracer.read(&mut table, records, |_, over| spans.extend(over));
    spans.extend(tracer.open(&table));
    spans.sort_by_key(|span| (span.start_us, span.of));
    spans
}

#[cfg(test)]
mod tests;
