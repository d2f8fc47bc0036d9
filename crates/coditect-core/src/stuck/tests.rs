use coditect_types::outcome::Spent;
use coditect_types::{Failure, Rung, Snapshot, TaskId};

use super::*;
use crate::plan::chain;
use crate::state::State;

const TRY: Intent = Intent::TryReply { rung: Rung::LargeModel };

fn refused(diff: &str) -> Outcome {
    Outcome::ReplyRefused {
        rung: Rung::SmallModel,
        account: "A test is red.".into(),
        feedback: "no".into(),
        diff: diff.into(),
        halved: None,
        // What it cost is no difference.
        spent: Spent { wall_ms: diff.len() as u64, ..Spent::default() },
    }
}

fn failed(kind: ErrorKind, retry_after_ms: Option<u64>) -> Outcome {
    let failure = Failure { retry_after_ms, ..Failure::new(kind, "no") };
    Outcome::Failed { failure, spent: Spent::default() }
}

/// How many of these ends in a row are said to close a circle.
fn circles(intent: &Intent, ends: &[Outcome]) -> Vec<usize> {
    let mut state = State::default();
    state.tasks.add(&chain(0, [intent.clone()]));
    let mut found = Vec::new();
    for (n, outcome) in ends.iter().enumerate() {
        let task = state.task(TaskId(1)).unwrap();
        let violation = violation(&state, &task, outcome);
        note(&mut state, (intent, None), None, outcome);
        if violation.is_some() {
            found.push(n);
            super::found(&mut state, (intent, None));
        }
    }
    found
}

#[test]
fn the_same_end_of_the_same_work_three_times_is_a_circle() {
    let (a, b) = (refused("a"), refused("b"));
    assert_eq!(circles(&TRY, &[a.clone(), a.clone()]), [0_usize; 0]);
    assert_eq!(circles(&TRY, &[a.clone(), a.clone(), a.clone()]), [2]);
    // It may lead through others, and begins anew once it was found.
    assert_eq!(circles(&TRY, &[a.clone(), b.clone(), a.clone(), b.clone(), a.clone(), a.clone()]), [4]);
    assert_eq!(circles(&TRY, &[a, b, refused("c"), refused("d")]), [0_usize; 0]);
}

#[test]
fn answers_that_are_drawn_may_be_alike_more_often() {
    let drawn = Intent::TryReply { rung: Rung::SmallModel };
    let a = refused("a");
    let b = refused("b");
    let drawn_so = |ends: &str| {
        let ends: Vec<Outcome> =
            ends.chars().map(|end| if end == 'a' { a.clone() } else { b.clone() }).collect();
        circles(&drawn, &ends)
    };
    assert_eq!(drawn_so("abaabab"), [0_usize; 0]);
    assert_eq!(drawn_so("aabaabaa"), [7]);
    assert_eq!(drawn_so("abaaa"), [4], "three in a row are one");
    let broken = failed(ErrorKind::Bug, None);
    assert_eq!(circles(&drawn, &vec![broken; 3]), [2], "what breaks is not drawn");
}

#[test]
fn whoever_waits_or_gets_on_is_in_no_circle() {
    let busy = failed(ErrorKind::Unavailable, None);
    let limited = failed(ErrorKind::Exhausted, Some(60_000));
    let stopped = failed(ErrorKind::Interrupted, None);
    for waits in [busy, limited, stopped] {
        assert_eq!(circles(&TRY, &vec![waits; 20]), [0_usize; 0]);
    }
    let broken = failed(ErrorKind::Bug, None);
    assert_eq!(circles(&TRY, &[broken.clone(), broken.clone(), broken.clone()]), [2]);
    let on = Outcome::NothingDone;
    assert_eq!(circles(&TRY, &[broken.clone(), broken.clone(), on, broken.clone(), broken]), [0_usize; 0]);
}

#[test]
fn on_another_tree_or_for_another_strand_it_is_another_matter() {
    let mut state = State::default();
    state.tasks.add(&chain(0, [TRY]));
    let end = refused("a");
    for _ in 0..2 {
        note(&mut state, (&TRY, None), None, &end);
    }
    let closes = |state: &State| violation(state, &state.task(TaskId(1)).unwrap(), &end).is_some();
    assert!(closes(&state));
    let snapshot: Snapshot = serde_json::from_value(serde_json::json!({
        "kind": "git", "commit": "c", "tree": "t", "head": null, "branch": null, "uncommitted": false, "subdir": "",
        "files": 1, "left_out": [],
    }))
    .unwrap_or_else(|error| panic!("{error}"));
    let mut moved = state.clone();
    moved.world.snapshot = Some(std::sync::Arc::new(snapshot));
    assert!(!closes(&moved));
    let other = Some(StrandId(1));
    let mut beside = State { tasks: state.tasks.clone(), ..State::default() };
    for _ in 0..2 {
        note(&mut beside, (&TRY, other), None, &end);
    }
    assert!(!closes(&beside));
}

#[test]
fn what_begins_again_is_stopped_and_the_model_in_it_is_not_asked() {
    let mut state = State::default();
    state.tasks.add(&chain(0, [TRY]));
    let needs = Outcome::NeedsFirst {
        needs: vec![Intent::GatherMore { files: vec!["a.py".into()] }],
        why: "to see it".into(),
        spent: Spent::default(),
    };
    for _ in 0..2 {
        note(&mut state, (&TRY, None), None, &needs);
    }
    let closed = violation(&state, &state.task(TaskId(1)).unwrap(), &needs).unwrap();
    assert_eq!((closed.kind, closed.response), (ViolationKind::Stuck, Response::Stop));
    assert!(closed.observed.contains("3 times on the same tree"), "{}", closed.observed);
    let ends = Arc::make_mut(&mut state.circles).ends.get_mut(&("try_reply", None)).unwrap();
    ends.model = Some("mine".into());
    found(&mut state, (&TRY, None));
    assert!(state.circles.is_stuck(None, "mine") && !state.circles.is_stuck(Some(StrandId(1)), "mine"));
}
