//! Whole missions with the real program on a small repository: run, look, apply, stop, resume, cancel, clean.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value};

use world::{CALC, REQUEST, World, objects};

/// Kinds in place of values, so that a snapshot keeps the shape and no figures.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        // Whether a list of plain values is empty is no matter of shape.
        Value::Array(items) => match items.first() {
            Some(Value::Object(_)) => items.iter().take(1).map(shape).collect(),
            Some(_) | None => "list".into(),
        },
        Value::Object(fields) => {
            let by_test = fields.keys().any(|key| key.contains("::"));
            let fields = fields.iter().take(if by_test { 1 } else { usize::MAX });
            let name = |key: &String| if by_test { "TEST".to_owned() } else { key.clone() };
            Value::Object(fields.map(|(key, value)| (name(key), shape(value))).collect::<Map<_, _>>())
        }
    }
}

#[test]
fn from_a_request_to_a_branch_and_on() {
    let world = World::new();
    let before = (world.git(&["rev-parse", "HEAD"]), world.git(&["status", "--porcelain"]));
    let output = world.coditect(&["run", "--json", REQUEST]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let records = objects(&output.stdout);
    let last = records.last().unwrap();
    let mission = last["mission"].as_str().unwrap();
    assert_eq!((&last["type"], &last["status"]), (&"mission.completed".into(), &"verified".into()));
    assert_eq!(last["ledger"]["model_calls"], 0);
    for (record, seq) in records.iter().zip(1_u64..) {
        assert_eq!((record["seq"].as_u64().unwrap(), record["mission"].as_str().unwrap()), (seq, mission));
    }
    insta::assert_json_snapshot!("completed_shape", shape(last));
    let branch = format!("coditect/{mission}");
    assert_eq!(last["branch"], branch.as_str());
    assert_eq!(world.git(&["rev-parse", &branch]), last["commit"].as_str().unwrap());
    assert_eq!(before, (world.git(&["rev-parse", "HEAD"]), world.git(&["status", "--porcelain"])));

    looks(&world, mission);

    assert!(world.text(&["apply", "last"]).contains("calc.py"));
    assert_ne!(std::fs::read_to_string(world.path("project/calc.py")).unwrap(), CALC);
    assert_eq!(world.git(&["diff", "--stat", &branch]), "", "the tree is the one that was verified");
    let again = world.coditect(&["resume", mission, "--json"]);
    assert_eq!((again.status.code(), objects(&again.stdout)), (Some(0), records.clone()));
    let refused = world.coditect(&["cancel", mission]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(world.text(&["clean", "--all"]), "removed 1 mission\n");
    assert_eq!(world.json(&["list", "--json"])["missions"], Value::Array(Vec::new()));
    assert_eq!(world.git(&["rev-parse", &branch]), last["commit"].as_str().unwrap(), "the branch stays");
}

/// Every way of looking at a mission that has ended.
fn looks(world: &World, mission: &str) {
    insta::assert_json_snapshot!("list_shape", shape(&world.json(&["list", "--json"])));
    insta::assert_json_snapshot!("show_shape", shape(&world.json(&["show", "last", "--json"])));
    insta::assert_json_snapshot!("why_shape", shape(&world.json(&["why", "last", "--json"])));
    let prefix = &mission[2..7];
    assert!(world.text(&["list"]).contains("verified"));
    let shown = world.text(&["show", prefix]);
    for part in ["3 tests: 3 passed, 2 were red before", "@@ -", "coditect apply"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(world.text(&["log", prefix]).lines().count() > 10);
    let why = world.text(&["why", prefix]);
    for part in ["expected", "seen", "decided", "3 tests: 1 passed, 2 failed", "Red: test_calc.py"] {
        assert!(why.contains(part), "{part} is not in\n{why}");
    }
    assert!(world.text(&["why", prefix, "t3"]).contains("Of attempt"));
    let none = world.coditect(&["why", prefix, "t99"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn an_interrupted_mission_goes_on() {
    let world = World::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let run = world.begun();
        let mission = run.mission.clone();
        assert_eq!(world.json(&["list", "--json"])["missions"][0]["status"], "running");
        let running = world.coditect(&["resume", &mission]);
        assert_eq!(running.status.code(), Some(1), "another process has it: {running:?}");
        let began = Instant::now();
        kill(Pid::from_raw(run.child.id().cast_signed()), signal).unwrap();
        let (_, code, stderr) = run.end();
        assert_eq!(code, 130);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(stderr.contains(&format!("coditect resume {mission}")), "{stderr}");
        assert_eq!(world.json(&["list", "--json"])["missions"][0]["status"], "stopped");
        let resumed = objects(&world.coditect(&["resume", &mission, "--json"]).stdout);
        assert_eq!(resumed.last().unwrap()["status"], "verified");
        assert!(resumed.iter().any(|record| record["type"] == "mission.resumed"));
    }
}

#[test]
fn a_reader_that_goes_away_stops_the_mission_quietly() {
    let world = World::new();
    let mut run = world.begun();
    drop(run.lines);
    let status = run.child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(world.json(&["list", "--json"])["missions"][0]["status"], "stopped");
    assert_eq!(world.text(&["cancel", "last"]), format!("cancelled {}\n", run.mission));
    assert_eq!(world.json(&["list", "--json"])["missions"][0]["status"], "cancelled");
}

#[test]
fn a_mission_is_cancelled_from_another_process() {
    let world = World::new();
    let run = world.begun();
    let told = world.json(&["cancel", &run.mission, "--json", "-m", "enough"]);
    let (records, code, _) = run.end();
    let last = records.last().unwrap();
    if told["status"] == "cancelled" {
        assert_eq!((&last["status"], code), (&"cancelled".into(), 130));
    } else {
        // The mission was faster.
        assert_eq!(last["status"], told["status"]);
    }
}

#[test]
fn what_cannot_be_done_is_told_with_its_exit_code() {
    let world = World::new();
    let output = world.coditect(&["run", "--json", "add a function that multiplies"]);
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!((output.status.code(), &last["status"]), (Some(3), &"needs_person".into()), "{last}");
    std::fs::remove_file(world.path("project/test_calc.py")).unwrap();
    let output = world.coditect(&["run", REQUEST]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("--test-command"), "{told}");
}

#[test]
fn doctor_tells_whether_a_sandbox_is_usable() {
    let world = World::new();
    let output = world.coditect(&["doctor", "--json"]);
    let found = objects(&output.stdout).pop().unwrap();
    let usable = found["usable"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(if usable { 0 } else { 5 }));
    let tiers: Vec<_> =
        found["sandboxes"].as_array().unwrap().iter().map(|tier| tier["tier"].clone()).collect();
    assert_eq!(tiers, ["wasm", "os", "container"]);
    assert!(!world.path("home").exists(), "looking makes nothing");
}

/// The README names the examples: each must end verified, in the sandbox that it is an example of.
#[test]
fn the_examples_end_verified_in_their_sandboxes() {
    for (example, tier) in [("ledger", "wasm"), ("router", "wasm"), ("inventory", "os")] {
        let world = World::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
        // Below the top of a repository, as in this one.
        let copied =
            Command::new("cp").arg("-r").arg(&from).arg(world.path("project/apps")).status().unwrap();
        assert!(copied.success());
        let output = world.coditect(&["run", "--json", "-C", "apps", REQUEST]);
        let last = objects(&output.stdout).pop().unwrap();
        assert_eq!(output.status.code(), Some(0), "{example}: {last}");
        assert_eq!(last["receipt"]["tier"], tier, "{example}");
        let changed = world.git(&[
            "diff",
            "--stat",
            &format!("{0}~1", last["branch"].as_str().unwrap()),
            last["branch"].as_str().unwrap(),
        ]);
        assert!(changed.contains("1 file changed, 1 insertion(+), 1 deletion(-)"), "{example}: {changed}");
    }
}
