#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use coditect_types::{Command, Input, Workers};

use super::*;
use crate::Cell;

/// A mission of chores, some of which were done, and its records.
fn chores(done: u32) -> (Cell, Vec<Record>) {
    let mission = MissionId::parse("m-origin").unwrap();
    let (mut cell, mut records) = (Cell::new(mission.clone()), Vec::new());
    let mut now_ms = 1_000;
    let mut take = |cell: &mut Cell, input: &Input| {
        now_ms += 10;
        let step = cell.step(now_ms, input).unwrap();
        records.extend(cell.kept(step).0);
    };
    take(&mut cell, &Input::Command(Command::SubmitNoOps { mission, steps: 3 }));
    for _ in 0..done {
        let attempt = *cell.state().running.keys().next().unwrap();
        take(&mut cell, &Input::Outcome { attempt, outcome: coditect_types::Outcome::NothingDone });
    }
    (cell, records)
}

#[test]
fn what_was_decided_together_is_shared_together() {
    let (cell, records) = chores(1);
    let first_step = records.iter().take_while(|record| record.at_ms == records[0].at_ms).count() as u64;
    assert!(first_step > 1 && first_step < cell.seq());
    for at in 1..=first_step {
        assert_eq!(begins_behind(&records, at).unwrap(), first_step);
    }
    assert_eq!(begins_behind(&records, first_step + 1).unwrap(), cell.seq());
}

#[test]
fn a_moment_that_is_none_or_the_end_is_refused_with_where_to_fork() {
    let (cell, records) = chores(3);
    assert!(cell.state().end.is_some());
    for at in [0, cell.seq() + 1] {
        assert_eq!(begins_behind(&records, at).unwrap_err().kind, ErrorKind::Invalid, "{at}");
    }
    let refused = begins_behind(&records, cell.seq()).unwrap_err();
    let end_ms = records.last().unwrap().at_ms;
    let before = records.iter().filter(|record| record.at_ms < end_ms).count() as u64;
    assert_eq!(refused.hint, Some(format!("fork at {before} or before")));
    assert_eq!(begins_behind(&records, before).unwrap(), before);
}

#[test]
fn a_fork_stands_where_the_other_one_stood_and_goes_on_under_its_own_policy() {
    let (cell, records) = chores(1);
    let into = MissionId::parse("m-fork").unwrap();
    let policy = Policy { seed: 77, ..Policy::default() };
    let copied = shared(&records, cell.seq(), &into, (9_000_000, policy));
    assert!(copied.iter().all(|record| record.mission == into));
    let mut fork = Cell::replay(into.clone(), &copied);
    assert_eq!(fork.state().policy.seed, 0, "the shared part was run as it was run");
    assert_eq!(fork.state().running.len(), cell.state().running.len());

    let step = fork.step(9_000_010, &Input::Resume(Workers::Own)).unwrap();
    let own: Vec<Record> = fork.kept(step).0.collect();
    assert!(matches!(own[0].event, Event::MissionForked { .. }), "{:?}", own[0]);
    assert_eq!(fork.state().policy.seed, 77);
    assert!(fork.state().running.keys().all(|attempt| !cell.state().running.contains_key(attempt)));
    assert!(fork.state().active_ms(9_000_010) < 100, "the time between does not count");

    // A fork of the fork, from behind where it began: each policy holds from its own moment on.
    let all: Vec<Record> = copied.iter().chain(&own).cloned().collect();
    let second = MissionId::parse("m-second").unwrap();
    let until = begins_behind(&all, fork.seq()).unwrap();
    let copied = shared(&all, until, &second, (9_500_000, Policy { seed: 78, ..Policy::default() }));
    let mut again = Cell::replay(second, &copied);
    assert_eq!(again.state().policy.seed, 77);
    let step = again.step(9_500_010, &Input::Resume(Workers::Own)).unwrap();
    again.kept(step).0.for_each(drop);
    assert_eq!(again.state().policy.seed, 78);
    // Taken up once more after that, it is a mission like any other.
    let step = again.step(9_600_000, &Input::Resume(Workers::Own)).unwrap();
    assert!(again.kept(step).0.any(|record| matches!(record.event, Event::MissionResumed { .. })));
}

#[test]
fn the_tasks_of_a_fork_cost_what_they_cost_in_it() {
    let (cell, mut records) = chores(0);
    let task = *cell.state().running.values().map(|running| &running.task).next().unwrap();
    let mut take = |event: Event| {
        let (seq, mission) = (records.len() as u64 + 1, records[0].mission.clone());
        records.push(Record { mission, seq, at_ms: 2_000 + seq * 100, event });
    };
    let ended = |attempt: u32, candidates: u64| Event::AttemptEnded {
        task,
        attempt: coditect_types::AttemptId(attempt),
        outcome: coditect_types::Outcome::Failed {
            failure: coditect_types::Failure::new(ErrorKind::Unavailable, "away"),
            spent: coditect_types::outcome::Spent { candidates, ..Default::default() },
        },
    };
    take(ended(1, 7));
    let own = view(&records).unwrap();
    assert_eq!(own.tasks[0].ledger.candidates, 7);
    let tasks = own_tasks(&records, &own);
    assert_eq!((tasks[0].ledger.candidates, tasks.len()), (7, own.tasks.len()));

    let until = begins_behind(&records, records.len() as u64).unwrap();
    let into = MissionId::parse("m-fork").unwrap();
    let mut forked = shared(&records, until, &into, (9_000_000, Policy::default()));
    assert!(own_tasks(&forked, &view(&forked).unwrap()).is_empty(), "nothing was done in it yet");
    forked.push(Record { mission: into, seq: until + 1, at_ms: 9_000_100, event: ended(2, 30) });
    let whole = view(&forked).unwrap();
    let tasks = own_tasks(&forked, &whole);
    assert_eq!((whole.tasks[0].ledger.candidates, tasks[0].ledger.candidates), (37, 30));
}
