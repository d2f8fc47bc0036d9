#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use super::*;
use crate::{Ledger, Rung};

fn mission() -> MissionId {
    MissionId::parse("m-abc").unwrap()
}

/// What is written is read back as it was, and every key stands in it once.
#[track_caller]
fn check(event: Event) -> String {
    let record = Record { mission: mission(), seq: 7, at_ms: 1_700_000_000_000, event };
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
    text
}

#[test]
fn a_submitted_mission_is_read_back() {
    // The record has `mission` already: the event's own id may not stand beside it under the same name.
    let text = check(Event::MissionSubmitted {
        mission: mission(),
        request: "make the failing tests pass".to_owned(),
        workspace: WorkspaceRef { path: "/project".to_owned() },
        policy: Policy::default(),
        fork: None,
    });
    assert!(!text.contains("fork"), "what is no fork says nothing of one: {text}");
    assert_eq!(text.matches(r#""mission":"#).count(), 1, "{text}");
    assert!(text.contains(r#""type":"mission.submitted","id":"m-abc""#), "{text}");
}

#[test]
fn a_fork_is_read_back_with_where_it_begins() {
    let policy = Policy { seed: 7, ..Policy::default() };
    let fork =
        Fork { from: MissionId::parse("m-origin").unwrap(), at_seq: 12, at_ms: 1_700_000_000_000, policy };
    check(Event::MissionSubmitted {
        mission: mission(),
        request: "make the failing tests pass".to_owned(),
        workspace: WorkspaceRef { path: "/project".to_owned() },
        policy: Policy::default(),
        fork: Some(Box::new(fork.clone())),
    });
    check(Event::MissionForked { fork: Box::new(fork) });
}

#[test]
fn a_completed_mission_is_read_back_with_its_costs() {
    let mut ledger = Ledger { solved_by: Some(Rung::Reflex), ..Ledger::default() };
    ledger.rungs.entry(Rung::Reflex).or_default().candidates = 12;
    let text = check(Event::MissionCompleted {
        status: MissionStatus::Verified,
        summary: "33 of 33 tests are green".to_owned(),
        trouble: None,
        hint: None,
        caveats: Vec::new(),
        branch: Some("coditect/m-abc".to_owned()),
        commit: None,
        patch: None,
        receipt: None,
        ledger,
        wall_ms: 900,
    });
    assert!(text.contains(r#""rungs":{"reflex":{"candidates":12"#), "{text}");
}

#[test]
fn an_outcome_is_read_back() {
    check(Event::AttemptEnded { task: TaskId(1), attempt: AttemptId(2), outcome: Outcome::NothingDone });
}
