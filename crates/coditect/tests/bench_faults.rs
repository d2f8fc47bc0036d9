//! `coditect bench faults` with the real program: what is noticed of faults, and of what only looks like one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use serde_json::{Value, json};

use world::World;

const FAULTS: &[&str] = &[
    "needs_module",
    "tests_contradict",
    "agent_breaks",
    "agent_answers_something_else",
    "receipt_of_another_tree",
    "change_edits_a_test",
    "change_does_nothing",
    "person_edits_the_same_file",
];
const BENIGN: &[&str] = &["plain", "warnings", "agrees_twice", "person_touches_a_file"];

/// What comes from outside: other processes, models, and a person who commits.
const FROM_OUTSIDE: &[&str] = &[
    "process_is_killed",
    "outcome_comes_twice",
    "outcome_comes_late",
    "model_answers_off_contract",
    "model_breaks_off",
    "person_commits_another_file",
    "person_commits_the_same_lines",
    "person_commits_what_breaks",
];
const NOT_FROM_OUTSIDE: &[&str] = &["model_answers", "model_is_wrong_once", "person_commits_elsewhere"];

#[test]
fn what_is_wrong_is_noticed_named_and_mended_and_nothing_else_is_said() {
    are_told(FAULTS, BENIGN);
}

#[test]
fn what_comes_from_outside_is_noticed_named_and_mended_and_nothing_else_is_said() {
    are_told(FROM_OUTSIDE, NOT_FROM_OUTSIDE);
}

fn are_told(faulty: &[&str], benign: &[&str]) {
    let world = World::new();
    let mut args = vec!["bench", "faults", "--seed", "11", "--each", "1", "--json"];
    for kind in faulty.iter().chain(benign) {
        args.extend(["--kind", kind]);
    }
    let corpus = world.json(&args);
    let (faults, all) = (faulty.len(), faulty.len() + benign.len());
    assert_eq!(corpus["missed"], json!([]), "{corpus:#}");
    for (figure, of) in
        [("precision", faults), ("recall", faults), ("diagnosis_right", faults), ("recovered", faults)]
    {
        assert_eq!(corpus[figure], json!({ "value": 1.0, "of": of }), "{figure}");
    }
    assert_eq!(corpus["benign_verified"], json!({ "value": 1.0, "of": benign.len() }));
    assert_eq!(corpus["false_success"], 0);
    let cases: u64 =
        corpus["kinds"].as_object().unwrap().values().filter_map(|kind| kind["cases"].as_u64()).sum();
    assert_eq!(cases, all as u64);
    // None of it is the person's.
    assert_eq!(world.json(&["list", "--json"])["missions"], json!([]));
}

#[test]
fn a_kind_that_is_not_there_is_refused_with_those_that_are() {
    let world = World::new();
    let output = world.coditect(&["bench", "faults", "--kind", "bad_luck", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap_or_default();
    let said = format!("{told} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bad_luck") && said.contains("flaky_test"), "{said}");
}
