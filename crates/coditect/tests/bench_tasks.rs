//! `coditect bench tasks` with the real program: solved, unsolved and broken tasks, stops, and what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use world::{CALC, TESTS, World, objects};

/// A task folder: the file under test, its tests and what is asked.
fn task(dir: &Path, id: &str, code: &str, tests: &str) {
    let folder = dir.join(id);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("calc.py"), code).unwrap();
    fs::write(folder.join("test_calc.py"), tests).unwrap();
    let about = json!({
        "id": id,
        "request": "Fix the bug in calc.py so that the tests pass.",
        "test_command": ["python", "-m", "unittest", "-q", "test_calc"],
        "timeout_s": 10,
    });
    fs::write(folder.join("TASK.json"), about.to_string()).unwrap();
}

/// Nothing that a search could find makes this green.
const HOPELESS: &str = "\
import unittest

import calc


class Total(unittest.TestCase):
    def test_never(self):
        self.assertEqual(calc.total, calc.mean)
        self.fail(\"whatever the program does\")
";

fn row<'a>(lines: &'a [Value], id: &str) -> &'a Value {
    lines.iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no row for {id}: {lines:?}"))
}

const ARGS: &[&str] = &["bench", "tasks", "../tasks", "--out", "../solutions", "--no-model", "--json"];

#[test]
fn each_task_ends_in_a_row_and_a_solution() {
    let world = World::new();
    let tasks = world.path("tasks");
    task(&tasks, "solvable", CALC, TESTS);
    task(&tasks, "hopeless", CALC, HOPELESS);
    task(&tasks, "broken", CALC, TESTS);
    fs::write(tasks.join("broken/TASK.json"), "{").unwrap();
    fs::create_dir(tasks.join("solvable/.git")).unwrap();
    let output = world.coditect(&[ARGS, &["--budget-s", "20", "--jobs", "2"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = objects(&output.stdout);
    assert_eq!(lines.len(), 4, "{lines:?}");

    let solved = row(&lines, "solvable");
    assert_eq!((&solved["status"], &solved["rung"]), (&json!("solved"), &json!("reflex")), "{solved}");
    assert_eq!((&solved["lines_changed"], &solved["tests_touched"]), (&json!(1), &json!(0)));
    assert_eq!(solved["files"], json!([{ "path": "calc.py", "added": 1, "removed": 1 }]));
    let hopeless = row(&lines, "hopeless");
    assert_eq!((&hopeless["status"], &hopeless["rung"]), (&json!("unsolved"), &Value::Null), "{hopeless}");
    let broken = row(&lines, "broken");
    assert_eq!(broken["status"], "failed");
    assert!(broken["summary"].as_str().unwrap().contains("TASK.json"), "{broken}");
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "summary");
    for (field, expect) in [("tasks", 3), ("solved", 1), ("unsolved", 1), ("failed", 1), ("crashed", 0)] {
        assert_eq!(last[field], expect, "{field}: {last}");
    }
    assert_eq!((&last["tokens_in"], &last["tests_touched"]), (&json!(0), &json!(0)));
    assert_eq!(last["solved_by"], json!({ "reflex": 1 }));
    insta::assert_json_snapshot!("row_fields", solved.as_object().unwrap().keys().collect::<Vec<_>>());
    insta::assert_json_snapshot!("summary_fields", last.as_object().unwrap().keys().collect::<Vec<_>>());

    let read = |path: &str| fs::read_to_string(world.path(path)).unwrap();
    assert!(read("solutions/solvable/calc.py").contains("result + number"));
    assert_eq!(read("solutions/hopeless/calc.py"), CALC);
    for file in ["test_calc.py", "TASK.json"] {
        assert_eq!(read(&format!("solutions/solvable/{file}")), read(&format!("tasks/solvable/{file}")));
    }
    assert_eq!(read("tasks/solvable/calc.py"), CALC, "the task is only read");
    assert!(!world.path("solutions/solvable/.git").exists());
    assert!(!world.path("solutions/broken").exists());
    // The person's list of missions is theirs, and nothing is left in the state directory.
    assert_eq!(world.json(&["list", "--json"])["missions"], json!([]));
    assert_eq!(fs::read_dir(world.path("home/tmp")).unwrap().count(), 0);

    goes_on(&world);
}

/// A bench works in a directory of its own, which goes; what was paid for stays with the person's.
#[test]
fn answers_that_are_kept_outlive_the_bench() {
    let provider = world::roman::server(&[world::roman::RIGHT]);
    let world = world::roman::world(&provider.url("chat"), "");
    let folder = world.path("tasks/roman");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("roman.py"), world::roman::ROMAN).unwrap();
    fs::write(folder.join("test_roman.py"), world::roman::TESTS).unwrap();
    let about = json!({
        "id": "roman",
        "request": world::roman::WISH,
        "test_command": ["python", "-m", "unittest", "-q", "test_roman"],
        "timeout_s": 10,
    });
    fs::write(folder.join("TASK.json"), about.to_string()).unwrap();
    for out in ["../one", "../two"] {
        let args =
            ["bench", "tasks", "../tasks", "--out", out, "--model", "mine", "--reply-cache", "on", "--json"];
        let lines = objects(&world.coditect(&args).stdout);
        assert_eq!(row(&lines, "roman")["status"], "solved", "{lines:?}");
    }
    assert_eq!(provider.asked().len(), 1);
}

/// What is recorded is not done again, unless its folder has changed or it is asked for.
fn goes_on(world: &World) {
    let resumed = |lines: &[Value], id| row(lines, id)["resumed"].as_bool().unwrap();
    task(&world.path("tasks"), "hopeless", CALC, TESTS);
    let lines = objects(&world.coditect(ARGS).stdout);
    assert_eq!((resumed(&lines, "solvable"), resumed(&lines, "hopeless")), (true, false));
    assert_eq!(row(&lines, "hopeless")["status"], "solved", "its folder is another one now");
    assert_eq!(lines.last().unwrap()["resumed"], 1);
    let told = world.text(&ARGS[..ARGS.len() - 1]);
    for part in
        ["3: 2 solved, 0 unsolved, 1 failed", "reflex 2", "(earlier run)", "median 1", "tests touched  0"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let lines = objects(&world.coditect(&[ARGS, &["--again"]].concat()).stdout);
    assert_eq!((resumed(&lines, "solvable"), resumed(&lines, "hopeless")), (false, false));
}

#[test]
fn a_stop_keeps_what_was_done() {
    let world = World::new();
    for n in 1..=3 {
        task(&world.path("tasks"), &format!("t{n}"), CALC, TESTS);
    }
    let mut child = world
        .command(&[ARGS, &["--jobs", "1"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the same command goes on"), "{output:?}");
    let lines = objects(&world.coditect(ARGS).stdout);
    let last = lines.last().unwrap();
    assert_eq!((&last["tasks"], &last["solved"]), (&json!(3), &json!(3)), "{last}");
    assert!(last["resumed"].as_u64().unwrap() >= 1, "{last}");
    assert_eq!(row(&lines, "t1")["resumed"], true);
    // A mission that a person asked to keep is in the list.
    task(&world.path("more"), "t9", CALC, TESTS);
    let home = world.path("kept");
    let home = home.to_str().unwrap();
    let kept = world.coditect(&["bench", "tasks", "../more", "--out", "../more-out", "--home", home]);
    assert_eq!(kept.status.code(), Some(0), "{kept:?}");
    assert_eq!(world.json(&["list", "--json", "--home", home])["all"], 1);
}

#[test]
fn what_cannot_be_worked_on_is_told() {
    let world = World::new();
    task(&world.path("tasks"), "t1", CALC, TESTS);
    fs::create_dir(world.path("empty")).unwrap();
    fs::write(world.path("file"), "").unwrap();
    let check = |dir: &str, out: &str, part: &str| {
        let output = world.coditect(&["bench", "tasks", dir, "--out", out]);
        assert_eq!(output.status.code(), Some(2), "{dir} {out}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(part), "{part} is not in\n{told}");
    };
    check("../none", "../out", "there is no such directory");
    check("../empty", "../out", "it holds no folder");
    check("../tasks/t1", "../out", "it holds no folder");
    check("../tasks", "../tasks", "lie one in the other");
    check("../tasks", "../tasks/out", "lie one in the other");
    check("../tasks", "..", "lie one in the other");
    check("../tasks", "../project", "holds other files");
    check("../tasks", "../file", "is not a directory");
    assert!(!world.path("tasks/out").exists() && !world.path("out").exists(), "a refusal makes nothing");
}
