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
    "process_is_killed",
    "outcome_comes_twice",
    "outcome_comes_late",
    "model_answers_off_contract",
    "model_breaks_off",
];
const BENIGN: &[&str] =
    &["plain", "warnings", "agrees_twice", "person_touches_a_file", "model_answers", "model_is_wrong_once"];

#[test]
fn what_is_wrong_is_noticed_named_and_mended_and_nothing_else_is_said() {
    let world = World::new();
    let mut args = vec!["bench", "faults", "--seed", "11", "--each", "1", "--json"];
    for kind in FAULTS.iter().chain(BENIGN) {
        args.extend(["--kind", kind]);
    }
    let corpus = world.json(&args);
    let (faults, all) = (FAULTS.len(), FAULTS.len() + BENIGN.len());
    assert_eq!(corpus["missed"], json!([]), "{corpus:#}");
    for (figure, of) in
        [("precision", faults), ("recall", faults), ("diagnosis_right", faults), ("recovered", faults)]
    {
        assert_eq!(corpus[figure], json!({ "value": 1.0, "of": of }), "{figure}");
    }
    assert_eq!(corpus["benign_verified"], json!({ "value": 1.0, "of": BENIGN.len() }));
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
