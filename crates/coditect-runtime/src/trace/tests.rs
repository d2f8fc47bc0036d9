#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use coditect_types::outcome::Spent;
use coditect_types::{Command, Input, RunEnd, Runs, Tier, Workers};

use super::*;
use crate::Cell;
use crate::under_way::OfState;

/// A mission of three chores of which `done` were done, stopped and taken up again in between.
fn records(done: u32) -> Vec<Record> {
    let mission = MissionId::parse("m-abc").unwrap();
    let (mut cell, mut records, mut now_ms) = (Cell::new(mission.clone()), Vec::new(), 1_000);
    let mut take = |cell: &mut Cell, input: &Input| {
        now_ms += 10;
        let step = cell.step(now_ms, input).unwrap();
        records.extend(cell.kept(step).0);
    };
    take(&mut cell, &Input::Command(Command::SubmitNoOps { mission, steps: 3 }));
    take(&mut cell, &Input::Resume(Workers::Own));
    for _ in 0..done {
        let attempt = *cell.state().running.keys().next().unwrap();
        take(&mut cell, &Input::Outcome { attempt, outcome: Outcome::NothingDone });
    }
    records
}

#[test]
fn every_attempt_is_a_span_within_the_mission() {
    let records = records(3);
    let spans = spans(&records);
    let started =
        records.iter().filter(|record| matches!(record.event, Event::AttemptStarted { .. })).count();
    assert_eq!(spans.len(), started + 1);
    let root = &spans[0];
    assert_eq!((root.of, &*root.name), (Of::Mission, "invoke_agent coditect"));
    for span in &spans {
        let end = span.end_us.unwrap();
        assert!(span.start_us <= end && end <= root.end_us.unwrap(), "{span:?}");
    }
    let lost = spans.iter().filter(|span| span.error.as_deref() == Some("lost")).count();
    assert_eq!(lost, 1, "what the stop took away");
    assert!(
        root.attributes.contains(&("coditect.mission.status", Value::from("verified")))
            || root.end_us.is_some()
    );
    assert!(root.events.iter().any(|event| event.name == "coditect.mission.resumed"));
    let text = format!("{spans:?}");
    assert!(!text.contains("do nothing"), "the request is in no trace: {text}");
}

#[test]
fn the_span_of_an_agent_has_the_name_of_its_role() {
    for role in coditect_types::words::every::<Role>() {
        assert_eq!(invoked(role), format!("invoke_agent {}", role.name()));
    }
}

/// What a fork of a fork spent is neither what the first mission spent, nor what the second one did.
#[test]
fn a_fork_tells_its_own_cost() {
    let mission = MissionId::parse("m-abc").unwrap();
    let policy = Policy::default();
    let fork = |at_seq: u64| Fork { from: mission.clone(), at_seq, at_ms: 5, policy: policy.clone() };
    let spent = |candidates: u64| Outcome::Failed {
        failure: coditect_types::Failure::new(coditect_types::ErrorKind::Unavailable, "away"),
        spent: Spent { candidates, ..Spent::default() },
    };
    let ended = |attempt: u32, candidates: u64| Event::AttemptEnded {
        task: TaskId(1),
        attempt: AttemptId(attempt),
        outcome: spent(candidates),
    };
    let mut begun = records(0).remove(0);
    if let Event::MissionSubmitted { fork: of, .. } = &mut begun.event {
        *of = Some(Box::new(fork(4)));
    }
    let mut completed = records(3).pop().unwrap();
    if let Event::MissionCompleted { ledger, .. } = &mut completed.event {
        ledger.candidates = 111;
    }
    let forked = |at_seq: u64| Event::MissionForked { fork: Box::new(fork(at_seq)) };
    let events =
        [begun.event, ended(1, 1), forked(2), ended(2, 10), forked(4), ended(3, 100), completed.event];
    let all = events.into_iter().zip(1..);
    let all: Vec<Record> =
        all.map(|(event, seq)| Record { mission: mission.clone(), seq, at_ms: 1_000 * seq, event }).collect();
    let root = spans(&all).remove(0);
    assert_eq!(root.of, Of::Mission);
    assert!(root.attributes.contains(&("coditect.candidates", Value::Count(100))), "{root:?}");
}

#[test]
fn what_has_not_ended_has_no_end() {
    let spans = spans(&records(1));
    let open: Vec<Of> = spans.iter().filter(|span| span.end_us.is_none()).map(|span| span.of).collect();
    assert_eq!(open.len(), 2, "the mission, and the chore under way: {open:?}");
}

#[test]
fn spans_are_given_once_as_they_end() {
    let records = records(3);
    let (mut tracer, mut table, mut given) = (Tracer::default(), Table::default(), Vec::new());
    tracer.read(&mut table, &records, |_, over| given.extend(over.into_iter().map(|span| span.of)));
    assert_eq!(given.last(), Some(&Of::Mission), "the root is the last to end");
    let all = given.len();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), all);
    assert!(tracer.open(&table).is_empty());
}

/// As a mission goes, what its state has under way is that of before the step; who reads its journal knows no more than its records.
#[test]
fn whoever_decides_tells_the_same_spans_as_the_journal() {
    let mission = MissionId::parse("m-abc").unwrap();
    let (mut cell, mut now_ms) = (Cell::new(mission.clone()), 1_000);
    let (mut tracer, mut live, mut records) = (Tracer::default(), Vec::new(), Vec::new());
    let mut take = |cell: &mut Cell, input: &Input| {
        now_ms += 10;
        let step = cell.step(now_ms, input).unwrap();
        let (before, step, _) = cell.exchange(step);
        let (mut closing, begun) = (Closing::default(), records.len());
        records.extend(step);
        for record in &records[begun..] {
            tracer.take(&mut closing, record, &OfState(&before));
        }
        live.extend(closing.spans());
    };
    take(&mut cell, &Input::Command(Command::SubmitNoOps { mission, steps: 3 }));
    take(&mut cell, &Input::Resume(Workers::Own));
    for _ in 0..3 {
        let attempt = *cell.state().running.keys().next().unwrap();
        take(&mut cell, &Input::Outcome { attempt, outcome: Outcome::NothingDone });
    }
    live.sort_by_key(|span| (span.start_us, span.of));
    assert_eq!(live, spans(&records));
}

/// An attempt that lasted 10 ms and tells of these runs, with the spans of its mission in the order in which they are given.
fn told(told: Vec<Run>) -> (Span, Vec<Span>) {
    let mut records = records(1);
    let end = records.iter().position(|record| matches!(record.event, Event::AttemptEnded { .. })).unwrap();
    let Event::AttemptEnded { attempt, outcome, .. } = &mut records[end].event else { unreachable!() };
    let of = Of::Attempt(*attempt);
    *outcome = Outcome::Failed {
        failure: coditect_types::Failure::new(coditect_types::ErrorKind::Unavailable, "secret words"),
        spent: Spent { runs: Runs { ends: Vec::new(), told }, ..Spent::default() },
    };
    let (mut tracer, mut given) = (Tracer::default(), Vec::new());
    tracer.read(&mut Table::default(), &records, |_, over| given.extend(over));
    (given.iter().find(|span| span.of == of).unwrap().clone(), given)
}

fn run(end: RunEnd, after_us: u64, took_us: u64) -> Run {
    Run { tier: Tier::Os, end, after_us, took_us }
}

#[test]
fn a_run_that_an_attempt_tells_of_is_a_span_below_it() {
    let (attempt, given) = told(vec![
        run(RunEnd::Exited, 1_000, 2_500),
        // By another clock than that of the records.
        run(RunEnd::TimedOut, 4_000, u64::MAX),
        run(RunEnd::Enough, u64::MAX, 5),
    ]);
    let (start_us, end_us) = (attempt.start_us, attempt.end_us.unwrap());
    assert_eq!(end_us - start_us, 10_000);
    let runs: Vec<&Span> = given.iter().filter(|span| span.of.above() == Some(attempt.of)).collect();
    let times: Vec<(u64, u64)> =
        runs.iter().map(|span| (span.start_us - start_us, span.end_us.unwrap() - start_us)).collect();
    assert_eq!(times, [(1_000, 3_500), (4_000, 10_000), (10_000, 10_000)], "none is outside of the attempt");
    let errors: Vec<Option<&str>> = runs.iter().map(|span| span.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("timed_out"), None], "what was asked for is no failure");
    assert_eq!(runs[1].name, "execute_tool sandbox");
    for attribute in [
        ("gen_ai.operation.name", Value::from("execute_tool")),
        ("gen_ai.tool.name", Value::from("sandbox")),
        ("coditect.sandbox.tier", Value::from("os")),
        ("coditect.sandbox.end", Value::from("timed_out")),
        ("error.type", Value::from("timed_out")),
    ] {
        assert!(runs[1].attributes.contains(&attribute), "{attribute:?} is not in {:?}", runs[1]);
    }
    let place = |of: Of| given.iter().position(|span| span.of == of).unwrap();
    assert!(runs.iter().all(|run| place(run.of) < place(attempt.of)), "those within others before these");
    assert!(!format!("{given:?}").contains("secret words"));
}

#[test]
fn of_an_attempt_that_tells_too_much_the_beginning_is_told() {
    let (attempt, given) = told(vec![run(RunEnd::Exited, 1, 1); MOST_TOLD + 5]);
    let runs = given.iter().filter(|span| span.of.above() == Some(attempt.of));
    let all: std::collections::BTreeSet<String> = runs.map(|span| span.of.to_string()).collect();
    assert_eq!(all.len(), MOST_TOLD, "each by a name of its own: {all:?}");
}

#[test]
fn calls_of_models_are_told_as_the_conventions_have_it() {
    use coditect_types::ModelReply;
    use coditect_types::model::{Finish, Usage};
    let intent = Intent::AskModel { model: "gemini/gemini-2.5-flash".to_owned() };
    let task =
        TaskSpec { id: TaskId(1), role: Role::Coder, intent, needs: Vec::new(), strand: None, parent: None };
    let mut span = Tracer::default().of_task(Of::Attempt(AttemptId(1)), 0, &task);
    assert!(span.attributes.contains(&("gen_ai.provider.name", Value::from("gcp.gemini".to_owned()))));
    let usage = Usage::default();
    let reply = ModelReply { text: "secret words".into(), finish: Finish::Length, usage, kept: false };
    ended(&mut span, &Outcome::ModelAnswered { model: "x".into(), reply, spent: Spent::default() });
    let (_, reasons) =
        span.attributes.iter().find(|(name, _)| *name == "gen_ai.response.finish_reasons").unwrap();
    assert_eq!(serde_json::to_value(reasons).unwrap(), serde_json::json!(["length"]));
}

#[test]
fn a_violation_is_told_within_the_attempt_that_gave_cause_for_it() {
    use coditect_types::event::{Response, ViolationKind};
    let mut records = records(1);
    let end = records.iter().position(|record| matches!(record.event, Event::AttemptEnded { .. })).unwrap();
    let Event::AttemptEnded { task, attempt, .. } = records[end].event else { unreachable!() };
    let event = Event::ViolationFound {
        task,
        attempt,
        kind: ViolationKind::TestExpectation,
        expected: "secret words".into(),
        observed: "secret words".into(),
        confidence: 0.9,
        response: Response::Replan,
        diagnosis: None,
    };
    // In the same step, behind the end of the attempt, as the core has it.
    records.insert(end + 1, Record { event, ..records[end].clone() });
    let spans = spans(&records);
    let span = spans.iter().find(|span| span.of == Of::Attempt(attempt)).unwrap();
    assert!(span.events.iter().any(|event| event.name == "coditect.violation"), "{span:?}");
    assert!(!format!("{spans:?}").contains("secret words"));
}
