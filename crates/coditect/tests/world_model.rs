//! What all missions on a directory have shown, asked from the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use world::{REQUEST, World};

#[test]
fn missions_leave_a_world_model_behind() {
    let world = World::new();
    let none = world.coditect(&["world"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no mission has worked on"), "{none:?}");

    world.text(&["run", "--quiet", REQUEST]);
    let all = world.json(&["world", "--json"]);
    assert_eq!((&all["missions"], &all["ends"]["verified"]), (&1.into(), &1.into()), "{all}");
    assert_eq!((&all["files"], &all["tests"]), (&2.into(), &3.into()), "{all}");
    assert_eq!(all["environment"]["framework"], "unittest");
    assert!(all["agents"].as_array().unwrap().iter().any(|agent| agent["role"] == "tester"), "{all}");

    let impact = world.json(&["world", "impact", "./calc.py", "nowhere.py", "--json"]);
    assert_eq!(impact["files"], serde_json::json!(["calc.py", "test_calc.py"]));
    assert_eq!(impact["tests"].as_array().unwrap().len(), 3);
    assert!(impact["symbols"].as_array().unwrap().contains(&"total".into()), "{impact}");
    assert_eq!(impact["unknown"], serde_json::json!(["nowhere.py"]));
    let unknown = world.coditect(&["world", "impact", "nowhere.py"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");

    // Red before the change, green with it: on two trees, so it is not flaky.
    let test = world.json(&["world", "test", "test_some", "--json"]);
    assert_eq!((&test["last"], &test["passed"]), (&"passed".into(), &1.into()), "{test}");
    assert!(test["runs"].as_u64().unwrap() >= 2 && test["flaky"].as_f64().unwrap() < 0.5, "{test}");
    assert!(world.text(&["world", "test", "test_some"]).contains("-+  (+ passed"));
    assert_eq!(world.coditect(&["world", "test", "test_"]).status.code(), Some(2), "it fits three");
    assert!(world.text(&["world", "flaky"]).contains("no test passed and failed"));
    assert!(world.text(&["world", "red"]).contains("no test was red"));
    assert!(world.text(&["world", "troubles"]).contains("nothing went wrong"));
    assert!(world.text(&["world"]).contains("1 mission: 1 verified"));
}
