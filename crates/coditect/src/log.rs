//! A record as one line for a person.

use std::collections::BTreeMap;

use coditect_runtime::said::kind;
use coditect_types::{Event, Record, StrandId, TaskId};

use crate::out::{brief, paint, painted};
use crate::phrase;

/// Characters of what a record says.
const WIDTH: usize = 160;

/// Tells the records of one mission, in their order. It knows from the plan which strand a task is for.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    strands: BTreeMap<TaskId, StrandId>,
}

impl Teller {
    /// Number, time since `first_ms`, type, task, and what it says in short.
    pub(crate) fn full_line_of(&mut self, record: &Record, first_ms: u64) -> String {
        let seq = painted(paint::DIM, &format!("{:>4}", record.seq));
        let kind = painted(paint::NAME, &format!("{:<18}", kind(&record.event)));
        let after = phrase::span(record.at_ms.saturating_sub(first_ms));
        format!("{seq} {after:>9}  {kind} {}", self.said(record))
    }

    /// Time since `first_ms` and what it says in short. The shortest form: for progress.
    pub(crate) fn line_of(&mut self, record: &Record, first_ms: u64) -> String {
        let after = phrase::span(record.at_ms.saturating_sub(first_ms));
        format!("{after:>9}  {}", self.said(record))
    }

    /// Takes note of a record that is not told.
    pub(crate) fn hear(&mut self, record: &Record) {
        if let Event::PlanMade { tasks, .. } = &record.event {
            self.strands.extend(tasks.iter().filter_map(|spec| Some((spec.id, spec.strand?))));
        }
    }

    fn said(&mut self, record: &Record) -> String {
        self.hear(record);
        let (task, text) = says(&record.event);
        let strand = task.and_then(|task| self.strands.get(&task));
        let strand = strand.map_or(String::new(), |strand| format!("strand {strand}: "));
        let task = task.map_or(String::new(), |task| format!("{:<3} ", task.to_string()));
        format!("{task}{strand}{}", brief(&text, WIDTH))
    }
}

/// The task of an event, and what it says.
fn says(event: &Event) -> (Option<TaskId>, String) {
    let of = |task: &TaskId| Some(*task);
    match event {
        Event::MissionSubmitted { mission, request, .. } => (None, format!("{mission}: {}", request.trim())),
        Event::MissionForked { .. } => (None, "a fork from here on".to_owned()),
        Event::MissionResumed { lost } => {
            (None, format!("resumed; {} lost", phrase::count_of(lost.len(), "attempt")))
        }
        Event::MissionConcluding {} => (None, "the person wants what there is".to_owned()),
        Event::PlanMade { tasks, reason, .. } => {
            (None, format!("planned {}: {reason}", phrase::count_of(tasks.len(), "task")))
        }
        Event::StagesPlanned { reason, .. } => (None, reason.clone()),
        Event::StageEnded { stage, end, why, .. } => {
            (None, format!("stage {stage} {}: {why}", phrase::task_end(*end)))
        }
        Event::AttemptStarted { task, attempt, action, .. } => {
            (of(task), format!("started {} ({attempt})", action.replace('_', " ")))
        }
        Event::AttemptEnded { task, outcome, .. } => (of(task), phrase::outcome(outcome)),
        Event::OutcomeIgnored { attempt, reason } => {
            (None, format!("an outcome of {attempt} changed nothing: {reason}"))
        }
        Event::ViolationFound { task, kind, observed, response, .. } => {
            (of(task), format!("{}: {observed}; {}", phrase::violation(*kind), phrase::response(*response)))
        }
        Event::ApprovalAsked { approval, task, observed, confidence, .. } => {
            let sure = phrase::percent(*confidence);
            (
                of(task),
                format!("asks a person (question {approval}, {sure} sure that it is wrong): {observed}"),
            )
        }
        Event::ApprovalGiven { approval, verdict, by, why } => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            (
                None,
                format!(
                    "question {approval} was {} {}{why}",
                    phrase::verdict(*verdict),
                    phrase::by(by.as_deref())
                ),
            )
        }
        Event::TaskSettled { task, end, why } => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            (of(task), format!("{}{why}", phrase::task_end(*end)))
        }
        Event::MissionCompleted { status, summary, .. } => {
            (None, format!("{}: {summary}", phrase::status(*status)))
        }
    }
}
