//! A record as one line for a person.

use coditect_types::{Event, Record};

use crate::out::{brief, paint, painted};
use crate::phrase;

/// Characters of what a record says.
const WIDTH: usize = 160;

/// Number, time since `first_ms`, type, task, and what it says in short.
pub(crate) fn full_line_of(record: &Record, first_ms: u64) -> String {
    let seq = painted(paint::DIM, &format!("{:>4}", record.seq));
    let kind = painted(paint::NAME, &format!("{:<18}", kind(&record.event)));
    let after = phrase::span(record.at_ms.saturating_sub(first_ms));
    format!("{seq} {after:>9}  {kind} {}", said(record))
}

/// Time since `first_ms` and what it says in short. The shortest form: for progress.
pub(crate) fn line_of(record: &Record, first_ms: u64) -> String {
    let after = phrase::span(record.at_ms.saturating_sub(first_ms));
    format!("{after:>9}  {}", said(record))
}

fn said(record: &Record) -> String {
    let (task, text) = says(&record.event);
    let task = task.map_or(String::new(), |task| format!("{task:<3} "));
    format!("{task}{}", brief(&text, WIDTH))
}

/// The type of an event, as in its JSON.
pub(crate) fn kind(event: &Event) -> &'static str {
    match event {
        Event::MissionSubmitted { .. } => "mission.submitted",
        Event::MissionResumed { .. } => "mission.resumed",
        Event::MissionConcluding {} => "mission.concluding",
        Event::PlanMade { .. } => "plan.made",
        Event::AttemptStarted { .. } => "attempt.started",
        Event::AttemptEnded { .. } => "attempt.ended",
        Event::OutcomeIgnored { .. } => "outcome.ignored",
        Event::ViolationFound { .. } => "violation.found",
        Event::TaskSettled { .. } => "task.settled",
        Event::MissionCompleted { .. } => "mission.completed",
    }
}

/// The task of an event, and what it says.
fn says(event: &Event) -> (Option<String>, String) {
    let of = |task: &coditect_types::TaskId| Some(task.to_string());
    match event {
        Event::MissionSubmitted { mission, request, .. } => (None, format!("{mission}: {}", request.trim())),
        Event::MissionResumed { lost } => {
            (None, format!("resumed; {} lost", phrase::count_of(lost.len(), "attempt")))
        }
        Event::MissionConcluding {} => (None, "the person wants what there is".to_owned()),
        Event::PlanMade { tasks, reason } => {
            (None, format!("planned {}: {reason}", phrase::count_of(tasks.len(), "task")))
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
        Event::TaskSettled { task, end, why } => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            (of(task), format!("{}{why}", phrase::task_end(*end)))
        }
        Event::MissionCompleted { status, summary, .. } => {
            (None, format!("{}: {summary}", phrase::status(*status)))
        }
    }
}
