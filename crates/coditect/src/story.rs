//! A mission's story: what was expected, what was seen, what was decided, in plain sentences from its records.

use coditect_types::event::{Diagnosis, TaskEnd, ViolationKind};
use coditect_types::{Event, Fork, Outcome, Record, Stage, Strand, TaskId, TaskSpec};
use serde::Serialize;

use crate::phrase;

/// What a sentence of the story tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tells {
    /// What the person asked.
    Asked,
    /// What was planned, and by which rule.
    Planned,
    /// What was expected of an action before it began.
    Expected,
    /// What was observed.
    Seen,
    /// What was concluded or done about it.
    Decided,
    /// How it ended.
    Ended,
}

impl Tells {
    /// The label in print.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Planned => "planned",
            Self::Expected => "expected",
            Self::Seen => "seen",
            Self::Decided => "decided",
            Self::Ended => "ended",
        }
    }
}

/// A sentence of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sentence {
    /// The record that it comes from.
    pub(crate) seq: u64,
    /// When, ms since 1970.
    pub(crate) at_ms: u64,
    /// The task that it is about, if one.
    pub(crate) task: Option<TaskId>,
    /// What it tells.
    pub(crate) tells: Tells,
    /// The sentence.
    pub(crate) text: String,
}

/// The story of a mission, or of one task of it.
pub(crate) fn tell(records: &[Record], only: Option<TaskId>) -> Vec<Sentence> {
    records.iter().flat_map(sentences).filter(|s| only.is_none() || s.task == only).collect()
}

/// Makes sentences of a record.
fn said_by(record: &Record) -> impl Fn(Option<TaskId>, Tells, String) -> Sentence {
    let (seq, at_ms) = (record.seq, record.at_ms);
    move |task, tells, text| Sentence { seq, at_ms, task, tells, text }
}

fn sentences(record: &Record) -> Vec<Sentence> {
    let say = said_by(record);
    match &record.event {
        Event::MissionSubmitted { request, workspace, fork, .. } => {
            asked(&say, request, &workspace.path, fork.as_deref())
        }
        Event::MissionForked { .. } => {
            let text = "From here on the fork goes its own way; what was under way starts again.";
            vec![say(None, Tells::Decided, text.to_owned())]
        }
        Event::MissionResumed { lost } => {
            let lost = if lost.is_empty() {
                "nothing that was under way is lost".to_owned()
            } else {
                format!("{} under way then start again", phrase::count_of(lost.len(), "attempt"))
            };
            vec![say(None, Tells::Decided, format!("The mission goes on after a stop; {lost}."))]
        }
        Event::MissionConcluding {} => {
            let text = "Come to an end with what there is.".to_owned();
            vec![say(None, Tells::Asked, text)]
        }
        Event::PlanMade { tasks, reason, strands } => planned(&say, tasks, reason, strands),
        Event::StagesPlanned { stages, reason } => divided(&say, stages, reason),
        Event::StageEnded { stage, end, why, .. } => {
            let text = format!("Stage {stage}: {}: {}.", phrase::task_end(*end), why.trim_end_matches('.'));
            vec![say(None, Tells::Decided, text)]
        }
        Event::AttemptStarted { task, attempt, expectations, .. } => {
            let expected: Vec<_> = expectations.iter().map(phrase::expectation).collect();
            vec![say(Some(*task), Tells::Expected, format!("Of attempt {attempt}: {}.", expected.join("; ")))]
        }
        Event::AttemptEnded { task, outcome, .. } => {
            let mut all = vec![say(Some(*task), Tells::Seen, format!("It {}.", phrase::outcome(outcome)))];
            all.extend(details(outcome).into_iter().map(|text| say(Some(*task), Tells::Seen, text)));
            all
        }
        Event::OutcomeIgnored { attempt, reason } => {
            let text = format!("An outcome of attempt {attempt} changed nothing: {reason}.");
            vec![say(None, Tells::Decided, text)]
        }
        Event::ViolationFound { task, kind, expected, observed, confidence, response, diagnosis, .. } => {
            let found = contradiction(*kind, expected, observed, *confidence);
            let text = format!("{found}{}{}.", phrase::response(*response), because(diagnosis.as_ref()));
            vec![say(Some(*task), Tells::Decided, text)]
        }
        Event::ApprovalAsked { approval, task, confidence, .. } => {
            let sure = phrase::percent(*confidence);
            let text = format!(
                "It is {sure} sure that this is wrong, which is too little to act on and too much to ignore: a person is asked (question {approval})."
            );
            vec![say(Some(*task), Tells::Decided, text)]
        }
        Event::ApprovalGiven { approval, verdict, by, why } => {
            let why = if why.is_empty() { String::new() } else { format!(": {}", why.trim_end_matches('.')) };
            let text = format!(
                "Question {approval} was {} {}{why}.",
                phrase::verdict(*verdict),
                phrase::by(by.as_deref())
            );
            vec![say(None, Tells::Decided, text)]
        }
        Event::TaskSettled { task, end, why } => {
            vec![say(Some(*task), Tells::Decided, settled(*task, *end, why))]
        }
        Event::MissionCompleted { .. } => {
            ending(&record.event).into_iter().map(|text| say(None, Tells::Ended, text)).collect()
        }
    }
}

/// What was asked, and of a fork where it comes from.
fn asked(
    say: &impl Fn(Option<TaskId>, Tells, String) -> Sentence,
    request: &str,
    dir: &str,
    fork: Option<&Fork>,
) -> Vec<Sentence> {
    let asked = format!("\"{}\" on {dir}.", request.trim());
    let forked = fork.map(|fork| {
        let (from, seq) = (&fork.from, fork.at_seq);
        format!("Forked from {from} behind its record {seq}: what comes up to there is told of both.")
    });
    [asked].into_iter().chain(forked).map(|text| say(None, Tells::Asked, text)).collect()
}

/// The cause of a violation, as the end of a sentence.
fn because(diagnosis: Option<&Diagnosis>) -> String {
    let Some(Diagnosis { cause, evidence, confidence, runs }) = diagnosis else { return String::new() };
    let runs = match runs {
        0 => String::new(),
        n => format!(", after {}", phrase::count_of(*n as usize, "run")),
    };
    format!("; the cause is {} ({evidence}; confidence {confidence:.2}{runs})", phrase::cause(*cause))
}

/// What was planned, why, and who is to do it.
fn planned(
    say: &impl Fn(Option<TaskId>, Tells, String) -> Sentence,
    tasks: &[TaskSpec],
    reason: &str,
    strands: &[Strand],
) -> Vec<Sentence> {
    let mut all = vec![say(None, Tells::Planned, format!("{}.", reason.trim_end_matches('.')))];
    let strand = |one| say(None, Tells::Planned, format!("{}.", capital(&phrase::strand(one))));
    all.extend(strands.iter().map(strand));
    all.extend(tasks.iter().map(|spec| {
        let needs: Vec<_> = spec.needs.iter().map(ToString::to_string).collect();
        let after = if needs.is_empty() { String::new() } else { format!(" after {}", needs.join(", ")) };
        let (what, strand) = (phrase::intent(&spec.intent), phrase::of_strand(spec.strand));
        say(Some(spec.id), Tells::Planned, format!("The {} is to {what}{strand}{after}.", spec.role.name()))
    }));
    all
}

/// The stages of a request, and who divided it so.
fn divided(
    say: &impl Fn(Option<TaskId>, Tells, String) -> Sentence,
    stages: &[Stage],
    reason: &str,
) -> Vec<Sentence> {
    let mut all = vec![say(None, Tells::Planned, format!("{}.", capital(reason.trim_end_matches('.'))))];
    let stage = |one| say(None, Tells::Planned, format!("{}.", capital(&phrase::stage(one))));
    all.extend(stages.iter().map(stage));
    all
}

/// How it ended, what limits that, what to do next, and what it took.
fn ending(event: &Event) -> Vec<String> {
    let Event::MissionCompleted { status, summary, hint, caveats, ledger, wall_ms, .. } = event else {
        return Vec::new();
    };
    let mut all = vec![format!("{}: {summary}", phrase::status(*status))];
    all.extend(caveats.iter().map(|caveat| format!("Caveat: {caveat}.")));
    all.extend(hint.iter().map(|hint| format!("Next: {hint}.")));
    all.push(format!(
        "It took {}, {}, {} and {}.",
        phrase::span(*wall_ms),
        phrase::count(ledger.candidates, "candidate"),
        phrase::count(ledger.sandbox_runs, "sandbox run"),
        phrase::count(ledger.model_calls, "model call"),
    ));
    all
}

fn contradiction(kind: ViolationKind, expected: &str, observed: &str, confidence: f64) -> String {
    format!(
        "{} (confidence {confidence:.2}): expected was that {expected}, seen was: {observed}; so ",
        capital(phrase::violation(kind))
    )
}

fn settled(task: TaskId, end: TaskEnd, why: &str) -> String {
    if why.is_empty() {
        format!("Task {task} is {}.", phrase::task_end(end))
    } else {
        format!("Task {task} is {}: {}.", phrase::task_end(end), why.trim_end_matches('.'))
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What a reader wants to know beyond the counts: the red tests with what they said, where suspicion points.
fn details(outcome: &Outcome) -> Vec<String> {
    const SHOWN: usize = 10;
    let mut lines = Vec::new();
    if let Outcome::BaselineMeasured { report, suspects, .. } = outcome {
        for test in report.red().take(SHOWN) {
            let said = test.message.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            let flaky = test
                .passes_of_runs
                .filter(|(passed, _)| *passed > 0)
                .map_or_else(String::new, |(passed, ran)| format!(" (flaky: passed {passed} of {ran} runs)"));
            lines.push(format!("Red: {}{flaky}{said}", test.id));
        }
        let more = report.red().count().saturating_sub(SHOWN);
        if more > 0 {
            lines.push(format!("Red: {more} more."));
        }
        lines.extend(report.problems.iter().take(SHOWN).map(|problem| format!("Problem: {problem}.")));
        lines.extend(suspects.iter().take(3).map(|suspect| {
            format!("Suspicious: {}:{} (Ochiai score {:.2}).", suspect.file, suspect.line, suspect.score)
        }));
    }
    if let Outcome::ContextGathered { context } = outcome {
        for failing in context.values.iter().take(SHOWN) {
            let frames = failing.frames.iter();
            lines.extend(frames.map(|frame| format!("Values of {} {}.", failing.test, frame.says())));
            let smallest = failing.smallest.iter();
            lines.extend(smallest.map(|smallest| format!("Of {}, {}.", failing.test, smallest.says())));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use coditect_types::event::Response;
    use coditect_types::{AttemptId, ErrorKind, Expectation, Failure, MissionId, Policy, WorkspaceRef};

    use super::*;

    fn records(events: Vec<Event>) -> Vec<Record> {
        let mission = MissionId::parse("m-1").unwrap();
        let record = |(event, seq)| Record { mission: mission.clone(), seq, at_ms: seq * 1000, event };
        events.into_iter().zip(1..).map(record).collect()
    }

    #[test]
    fn a_story_tells_expected_seen_and_decided() {
        let (task, attempt) = (TaskId(1), AttemptId(1));
        let records = records(vec![
            Event::MissionSubmitted {
                mission: MissionId::parse("m-1").unwrap(),
                request: "fix it\n".to_owned(),
                workspace: WorkspaceRef { path: "/x".to_owned() },
                policy: Policy::default(),
                fork: None,
            },
            Event::AttemptStarted {
                task,
                attempt,
                action: "take_snapshot".to_owned(),
                expectations: vec![
                    Expectation::Succeeds { probability: 0.98 },
                    Expectation::EndsWithin { ms: 60_000, probability: 0.98 },
                ],
                deadline_ms: 0,
            },
            Event::AttemptEnded {
                task,
                attempt,
                outcome: Outcome::Failed {
                    failure: Failure::new(ErrorKind::Unavailable, "the disk is away"),
                    spent: Default::default(),
                },
            },
            Event::ViolationFound {
                task,
                attempt,
                kind: ViolationKind::ActionFailed,
                expected: "the action succeeds".to_owned(),
                observed: "the disk is away".to_owned(),
                confidence: 0.98,
                response: Response::Retry,
                diagnosis: None,
            },
        ]);
        let story: Vec<_> =
            tell(&records, None).into_iter().map(|s| format!("{}: {}", s.tells.label(), s.text)).collect();
        assert_eq!(
            story,
            [
                "asked: \"fix it\" on /x.",
                "expected: Of attempt a1: it succeeds (98 %); it ends within 1 min 0 s (98 %).",
                "seen: It could not: the disk is away.",
                "decided: The action failed (confidence 0.98): expected was that the action succeeds, seen was: \
                 the disk is away; so the same was tried again.",
            ]
        );
        assert_eq!(tell(&records, Some(task)).len(), 3);
        assert!(tell(&records, Some(TaskId(2))).is_empty());
    }
}
