//! Questions to a person, with the real program: a change that may have broken a test which was unsteady before.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use world::{REQUEST, UNSTEADY, World, objects};

fn world() -> World {
    let world = World::new();
    fs::write(world.path("project/test_calc.py"), UNSTEADY).unwrap();
    world
}

/// A mission that asks about whatever is not quite sure, and what it tells.
struct Asking {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    mission: String,
    records: Vec<Value>,
}

impl Asking {
    fn begin(world: &World, verb: &[&str]) -> Self {
        let mut command = world.command(verb);
        command.env("CODITECT_ACT_FROM", "100").env("USER", "ada");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, mission: String::new(), records: Vec::new() }
    }

    /// Reads up to a record of this kind.
    fn until(&mut self, kind: &str) -> Value {
        for line in self.lines.by_ref() {
            let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
            self.mission = record["mission"].as_str().unwrap().to_owned();
            self.records.push(record.clone());
            if record["type"] == kind {
                return record;
            }
        }
        panic!("there is no {kind} in {:#?}", self.records)
    }

    /// One that has asked, and its question. Chance may have it that the test which passes now and then is steady as long as
    /// it is looked at, so that there is nothing to ask: then another one is begun, which remembers what the first one saw.
    fn that_asks(world: &World, verb: &[&str]) -> (Self, Value) {
        for _ in 0..6 {
            let mut asking = Self::begin(world, verb);
            let mut records =
                asking.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
            if let Some(asked) = records.find(|record| record["type"] == "approval.asked") {
                asking.mission = asked["mission"].as_str().unwrap().to_owned();
                return (asking, asked);
            }
            asking.child.wait().unwrap();
        }
        panic!("no mission had a question")
    }

    fn end(mut self) -> (Value, Option<i32>) {
        let end = self.until("mission.completed");
        (end, self.child.wait().unwrap().code())
    }
}

fn answer(world: &World, args: &[&str]) -> Value {
    let output = world.command(args).env("USER", "ada").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    objects(&output.stdout).remove(0)
}

#[test]
fn a_change_that_breaks_an_unsteady_test_is_not_taken() {
    let world = world();
    // As for a question: one mission may have no luck to see.
    let found = (0..6).find_map(|_| {
        let output = world.coditect(&["run", "--json", "--search-s", "20", REQUEST]);
        let records = objects(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{}", records.last().unwrap());
        let is_broken =
            |record: &Value| record["type"] == "violation.found" && record["kind"] == "test_expectation";
        records.into_iter().find(is_broken)
    });
    let found = found.expect("no mission had a test that its change broke");
    assert!(found["confidence"].as_f64().unwrap() >= 0.8, "{found}");
    assert_eq!(
        (&found["response"], &found["diagnosis"]["cause"]),
        (&json!("replan"), &json!("wrong_change"))
    );
    // Luck was tried first.
    assert!(found["diagnosis"]["runs"].as_u64().unwrap() >= 5, "{found}");
}

#[test]
fn a_person_is_asked_where_it_is_not_sure_and_the_answer_counts() {
    let world = world();
    let (asking, asked) = Asking::that_asks(&world, &["run", "--json", "--search-s", "20", REQUEST]);
    assert_eq!(asked["approval"], 1, "{asked}");
    let open = world.json(&["approvals", "--json"]);
    let [question] = open["approvals"].as_array().unwrap().as_slice() else { panic!("{open}") };
    assert_eq!((&question["mission"], &question["open"]), (&json!(asking.mission), &json!(true)));
    assert_eq!(question["question"]["observed"], asked["observed"]);
    let text = world.text(&["approvals"]);
    assert!(text.contains(&format!("coditect approve {} 1", asking.mission)), "{text}");
    assert!(world.text(&["show", "last"]).contains("Waits for a person's answer"));
    let told = answer(&world, &["approve", "last", "-m", "it was random before", "--json"]);
    assert_eq!(told["answer"], "approved");
    let (end, code) = asking.end();
    // There is no proof of it.
    assert_eq!((&end["status"], code), (&json!("unverified"), Some(1)), "{end}");
    assert!(end["caveats"].to_string().contains("approved by ada"), "{end}");
    // Who is late is told so.
    let late = world.coditect(&["deny", "last"]);
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(String::from_utf8_lossy(&late.stderr).contains("it has ended already"), "{late:?}");
    assert!(world.text(&["approvals", "last"]).contains("approved by ada: it was random before"));
    assert!(world.text(&["approvals"]).contains("nothing waits"));
}

#[test]
fn an_answer_to_a_stopped_mission_waits_for_it() {
    let world = world();
    let (mut asking, _) = Asking::that_asks(&world, &["run", "--json", "--search-s", "20", REQUEST]);
    Command::new("kill").args(["-INT", &asking.child.id().to_string()]).status().unwrap();
    assert_eq!(asking.child.wait().unwrap().code(), Some(130));
    assert!(world.text(&["approvals"]).contains("coditect resume"));
    let nobody = world.coditect(&["deny", "last", "7"]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("it has no question 7"), "{nobody:?}");
    let told = answer(&world, &["deny", "last", "1", "--json"]);
    assert_eq!(told["answer"], "kept");
    let mut again = Asking::begin(&world, &["resume", "--json", "last"]);
    let given = again.until("approval.given");
    assert_eq!((&given["verdict"], &given["by"]), (&json!("denied"), &json!("ada")), "{given}");
    // It was proposed once, and not again.
    Command::new("kill").args(["-INT", &again.child.id().to_string()]).status().unwrap();
    again.child.wait().unwrap();
    let open = world.json(&["approvals", "--json", "last"]);
    assert_eq!(open["approvals"][0]["question"]["verdict"], "denied", "{open}");
}

#[test]
fn earlier_missions_are_remembered() {
    let world = world();
    let is_known = || world.json(&["world", "--json", "flaky"]).to_string().contains("test_now_and_then");
    // It may be green four times in a row.
    let seen = (0..8).any(|_| {
        world.coditect(&["run", "--json", "--search-s", "1", REQUEST]);
        is_known()
    });
    assert!(seen, "it was as steady as no coin is");
    // A mission that begins with that knowledge has it in its journal.
    let output = world.coditect(&["run", "--json", "--search-s", "1", REQUEST]);
    let first = objects(&output.stdout).remove(0);
    let known = &first["policy"]["history"];
    assert!(known["unsteady"]["test_calc.py::Total::test_now_and_then"].is_array(), "{known}");
    assert!(known["attempts"][0].as_u64().unwrap() > 3, "{known}");
}
