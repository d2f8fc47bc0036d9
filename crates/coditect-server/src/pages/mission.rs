//! One mission, as it stands or as it stood at a record.

use askama::Template;
use coditect_runtime::said::{count, count_of, grouped, kind, moment, percent, span};
use coditect_runtime::view::ApprovalView;
use coditect_runtime::{MissionView, ShellError, TaskView, said};
use coditect_types::event::Diagnosis;
use coditect_types::model::dollars;
use coditect_types::{Record, TaskId};

use super::Who;
use super::change::{Diff, diffs};
use super::proof::{ReceiptRow, Tests, receipts, tests};
use crate::evidence::{Attempt, Violation};
use crate::graph::{self, Graph};
use crate::house::House;
use crate::moments::{Moment, each};
use crate::names::{mood, name, standing, words};
use crate::refusal::Oops;
use crate::routes::When;
use crate::text::brief;

/// Records of the timeline on a page.
const WINDOW: u64 = 100;
/// Tasks in the table, the newest.
const TASKS: usize = 200;
/// Sentences of a record, and characters of one.
const SENTENCES: usize = 40;
const LETTERS: usize = 2_000;

#[derive(Debug)]
struct TaskRow {
    id: TaskId,
    role: String,
    what: String,
    state: String,
    state_name: String,
    after: String,
    attempts: u32,
    took: String,
    cost: String,
    why: String,
}

#[derive(Debug)]
struct Line {
    task: String,
    tells: &'static str,
    text: String,
}

#[derive(Debug)]
struct RecordRow {
    seq: u64,
    at: String,
    after: String,
    kind: &'static str,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Timeline {
    rows: Vec<RecordRow>,
    first: u64,
    last: u64,
    older: Option<String>,
    newer: Option<String>,
    /// New records belong at its end.
    is_at_end: bool,
}

#[derive(Debug)]
struct AttemptRow {
    seq: u64,
    task: TaskId,
    attempt: String,
    action: String,
    expected: Vec<String>,
    outcome: String,
}

#[derive(Debug)]
struct ViolationRow {
    seq: u64,
    task: TaskId,
    attempt: String,
    kind: String,
    expected: String,
    observed: String,
    confidence: String,
    response: String,
    diagnosis: String,
}

#[derive(Debug)]
struct Question {
    number: u32,
    is_open: bool,
    task: TaskId,
    kind: String,
    expected: String,
    observed: String,
    confidence: String,
    until: String,
    answer: String,
}

#[derive(Debug)]
struct RungRow {
    rung: String,
    candidates: String,
    proposals: u64,
    took: String,
}

#[derive(Debug)]
struct ModelRow {
    model: String,
    calls: u64,
    tokens: String,
    took: String,
    money: String,
}

#[derive(Debug)]
struct Ledger {
    rungs: Vec<RungRow>,
    models: Vec<ModelRow>,
    sum: String,
}

#[derive(Debug)]
struct Slider {
    at: u64,
    newest: u64,
    is_past: bool,
    moment: String,
    back: Option<u64>,
    forward: Option<u64>,
}

#[derive(Template)]
#[template(path = "mission.html")]
struct MissionPage<'a> {
    view: &'a MissionView,
    who: &'a Who<'a>,
    standing: String,
    mood: &'static str,
    is_running: bool,
    is_live: bool,
    can_cancel: bool,
    begun: String,
    took: String,
    slider: Slider,
    open: Vec<Question>,
    answered: Vec<Question>,
    graph: Graph,
    graph_says: String,
    tasks: Vec<TaskRow>,
    tasks_before: usize,
    timeline: Timeline,
    tests: Tests,
    diffs: Vec<Diff>,
    receipts: Vec<ReceiptRow>,
    attempts: Vec<AttemptRow>,
    violations: Vec<ViolationRow>,
    left_out: String,
    ledger: Ledger,
}

/// The page.
pub(crate) fn make(house: &dyn House, moment: &Moment, when: When, who: &Who<'_>) -> Result<String, Oops> {
    let (view, evidence) = (&moment.view, &moment.evidence);
    let is_running = view.status.is_none() && house.is_running(&view.mission);
    let is_past = moment.is_past();
    let standing = match is_past {
        true if view.status.is_none() => "under way then".to_owned(),
        true | false => standing(view.status, is_running).replace('_', " "),
    };
    let (open, answered) = questions(view, is_past);
    let page = MissionPage {
        who,
        standing,
        mood: mood(view.status),
        is_running,
        is_live: !is_past && view.status.is_none(),
        can_cancel: !is_past && view.status.is_none(),
        begun: said::moment(view.submitted_at_ms),
        took: span(view.wall_ms),
        slider: slider(moment),
        open,
        answered,
        graph: graph::draw(&view.tasks, evidence),
        graph_says: graph::says(&view.tasks),
        tasks: task_rows(moment),
        tasks_before: view.tasks.len().saturating_sub(TASKS),
        timeline: timeline(house, moment, when)?,
        tests: tests(view, evidence),
        diffs: diffs(view),
        receipts: receipts(evidence),
        attempts: evidence.attempts.iter().rev().map(|one| attempt(house, one)).collect(),
        violations: evidence.violations.iter().rev().map(violation).collect(),
        left_out: left_out(moment),
        ledger: ledger(view),
        view,
    };
    page.render().map_err(|error| {
        Oops::new(coditect_types::ErrorKind::Bug, format!("the page cannot be made: {error}"))
    })
}

/// What is in the timeline only, since there is much of it.
fn left_out(moment: &Moment) -> String {
    let evidence = &moment.evidence;
    let more = [
        (evidence.counts.0 as usize - evidence.attempts.len(), "older attempt"),
        (evidence.counts.1 as usize - evidence.violations.len(), "older violation"),
        (evidence.counts.2 as usize - evidence.receipts.len(), "older receipt"),
    ];
    let told: Vec<String> = more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count_of(*n, what)).collect();
    told.join(", ")
}

fn slider(of: &Moment) -> Slider {
    let (at, newest) = (of.view.last_seq, of.newest_seq);
    Slider {
        at,
        newest,
        is_past: of.is_past(),
        moment: moment(of.at_ms),
        back: (at > 1).then(|| at - 1),
        forward: (at < newest).then(|| at + 1),
    }
}

fn task_rows(moment: &Moment) -> Vec<TaskRow> {
    let tasks = &moment.view.tasks;
    let shown = tasks[tasks.len().saturating_sub(TASKS)..].iter();
    shown.map(|task| task_row(task, moment.evidence.needs.get(&task.id))).collect()
}

fn task_row(task: &TaskView, needs: Option<&Vec<TaskId>>) -> TaskRow {
    let after: Vec<String> = needs.into_iter().flatten().map(ToString::to_string).collect();
    let strand = task.strand.map_or_else(String::new, |strand| format!(" ({strand})"));
    TaskRow {
        id: task.id,
        role: words(&task.role),
        what: format!("{}{strand}", task.intent.replace('_', " ")),
        state: words(&task.state),
        state_name: name(&task.state),
        after: after.join(", "),
        attempts: task.attempts,
        took: span(task.wall_ms),
        cost: cost(&task.ledger),
        why: brief(&task.why, 300),
    }
}

/// What a task cost beside time, as far as it is anything.
fn cost(of: &coditect_types::Ledger) -> String {
    let calls = format!("{} ({})", count(of.model_calls, "model call"), dollars(of.micro_usd));
    let (tried, runs) = (count(of.candidates, "candidate"), count(of.sandbox_runs, "sandbox run"));
    let parts = [(of.model_calls, calls), (of.candidates, tried), (of.sandbox_runs, runs)];
    let told: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, told)| told).collect();
    told.join(", ")
}

/// The part of the timeline that is asked for, and the addresses of the parts beside it.
fn timeline(house: &dyn House, moment: &Moment, when: When) -> Result<Timeline, ShellError> {
    let end = moment.view.last_seq;
    let newest_window = end.saturating_sub(WINDOW - 1).max(1);
    let first = when.from.unwrap_or(newest_window).clamp(1, end.max(1));
    let last = end.min(first + WINDOW - 1);
    let begun = moment.view.submitted_at_ms;
    let mut rows = Vec::new();
    each(house.journal(), &moment.view.mission, (first, last), |record| {
        rows.push(record_row(house, record, begun))
    })?;
    let at = when.at.map_or_else(String::new, |at| format!("&at={at}"));
    let address = |from: u64| format!("/missions/{}?from={from}{at}#timeline", moment.view.mission);
    Ok(Timeline {
        rows,
        first,
        last,
        older: (first > 1).then(|| address(first.saturating_sub(WINDOW).max(1))),
        newer: (last < end).then(|| address(last + 1)),
        is_at_end: last == end && !moment.is_past(),
    })
}

fn record_row(house: &dyn House, record: &Record, begun_ms: u64) -> RecordRow {
    let story = house.story(record);
    let lines = story.into_iter().take(SENTENCES).map(|one| Line {
        task: one.task.map_or_else(String::new, |task| task.to_string()),
        tells: one.tells,
        text: one.text.chars().take(LETTERS).collect(),
    });
    RecordRow {
        seq: record.seq,
        at: moment(record.at_ms),
        after: span(record.at_ms.saturating_sub(begun_ms)),
        kind: kind(&record.event),
        lines: lines.collect(),
    }
}

fn attempt(house: &dyn House, one: &Attempt) -> AttemptRow {
    AttemptRow {
        seq: one.seq,
        task: one.task,
        attempt: one.attempt.to_string(),
        action: one.action.replace('_', " "),
        expected: one.expectations.iter().map(|expectation| house.expectation(expectation)).collect(),
        outcome: one.outcome.clone().unwrap_or_else(|| "under way, or lost".to_owned()),
    }
}

fn violation(one: &Violation) -> ViolationRow {
    ViolationRow {
        seq: one.seq,
        task: one.task,
        attempt: one.attempt.to_string(),
        kind: words(&one.kind),
        expected: one.expected.clone(),
        observed: one.observed.clone(),
        confidence: percent(one.confidence),
        response: words(&one.response),
        diagnosis: one.diagnosis.as_ref().map_or_else(String::new, diagnosed),
    }
}

fn diagnosed(of: &Diagnosis) -> String {
    let runs =
        if of.runs > 0 { format!(", after {}", count(u64::from(of.runs), "run")) } else { String::new() };
    format!("{}: {} ({} sure{runs})", words(&of.cause), of.evidence, percent(of.confidence))
}

/// The questions that wait, and the others. Nothing waits in the past.
fn questions(view: &MissionView, is_past: bool) -> (Vec<Question>, Vec<Question>) {
    let all = view.approvals.iter().map(|asked| question(view, asked, is_past));
    all.partition(|question| question.is_open)
}

fn question(view: &MissionView, asked: &ApprovalView, is_past: bool) -> Question {
    let answer = match (&asked.verdict, &asked.by) {
        (Some(verdict), Some(by)) if asked.why.is_empty() => format!("{} by {by}", words(verdict)),
        (Some(verdict), Some(by)) => format!("{} by {by}: {}", words(verdict), asked.why),
        (Some(verdict), None) => format!("{}, since nobody answered in time", words(verdict)),
        (None, _) if asked.is_open(view) => "open then".to_owned(),
        (None, _) => "what it was about ended without an answer".to_owned(),
    };
    Question {
        number: asked.approval.0,
        is_open: asked.is_open(view) && !is_past,
        task: asked.task,
        kind: words(&asked.kind),
        expected: asked.expected.clone(),
        observed: asked.observed.clone(),
        confidence: percent(asked.confidence),
        until: moment(asked.until_ms),
        answer,
    }
}

fn ledger(view: &MissionView) -> Ledger {
    let of = &view.ledger;
    let rungs = of.rungs.iter().map(|(rung, cost)| RungRow {
        rung: words(rung),
        candidates: grouped(cost.candidates),
        proposals: cost.proposals,
        took: span(cost.wall_ms),
    });
    let models = of.models.iter().map(|(model, cost)| ModelRow {
        model: model.clone(),
        calls: cost.calls,
        tokens: format!("{} in, {} out", grouped(cost.tokens_in), grouped(cost.tokens_out)),
        took: span(cost.wall_ms),
        money: dollars(cost.micro_usd),
    });
    let solved = of.solved_by.map_or_else(String::new, |rung| format!("; solved by {}", words(&rung)));
    let sum = format!(
        "{} ({}), {} candidates, {} sandbox runs{solved}",
        count(of.model_calls, "model call"),
        dollars(of.micro_usd),
        grouped(of.candidates),
        grouped(of.sandbox_runs),
    );
    Ledger { rungs: rungs.collect(), models: models.collect(), sum }
}
