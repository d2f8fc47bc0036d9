//! `coditect repair` with the real program: what goes where, what it is narrowed to, what it leaves alone, how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use world::{TESTS, World};

const FIXED: &str = "         result = result + number\n";

/// A world whose one commit has these files in place of the usual ones.
fn world(files: &[(&str, &str)]) -> World {
    let world = World::new();
    for (name, text) in files {
        let path = world.path("project").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "--allow-empty", "-m", "other files"]);
    world
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

fn object(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Nothing of the person's is changed and no branch was made.
fn is_untouched(world: &World) -> bool {
    world.git(&["status", "--porcelain"]).is_empty() && world.git(&["branch", "--list"]) == "* main"
}

#[test]
fn the_patch_goes_to_standard_output_and_nothing_else_changes() {
    let world = World::new();
    let output = world.coditect(&["repair"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let patch = String::from_utf8(output.stdout).unwrap();
    assert!(patch.starts_with("diff --git a/calc.py b/calc.py\n"), "{patch}");
    assert!(is_untouched(&world));
    fs::write(world.path("fix.patch"), patch).unwrap();
    world.git(&["apply", world.path("fix.patch").to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("place    calc.py:4 in `total`"), "{said}");
    let again = world.coditect(&["repair", "--quiet"]);
    assert_eq!((code(&again), again.stdout.as_slice()), (0, &b""[..]), "nothing is red any more");
}

#[test]
fn every_patch_comes_with_its_evidence() {
    let world = World::new();
    let output = world.coditect(&["repair", "--json", "--all"]);
    let told = object(&output);
    assert_eq!((code(&output), &told["status"]), (0, &json!("verified")), "{told}");
    let best = &told["patches"][0];
    assert!(best["diff"].as_str().unwrap().contains(&format!("+{FIXED}")[..9]), "{best}");
    assert_eq!(
        best["evidence"]["turned_green"],
        json!(["test_calc.py::Total::test_mean", "test_calc.py::Total::test_some"])
    );
    assert_eq!(best["evidence"]["left_red"], json!([]));
    assert_eq!(best["places"][0]["path"], "calc.py");
    for other in told["patches"].as_array().unwrap().iter().skip(1) {
        assert_eq!(other["evidence"]["proved_in_fresh_sandbox"], true, "{other}");
    }
    assert!(is_untouched(&world));
    // As text, the others are comments: the whole of it is still one patch.
    let text = world.coditect(&["repair", "--all", "--quiet"]);
    fs::write(world.path("all.patch"), text.stdout).unwrap();
    world.git(&["apply", "--check", world.path("all.patch").to_str().unwrap()]);
}

#[test]
fn a_search_keeps_to_what_it_is_narrowed_to() {
    let world = World::new();
    let wrong = world.coditect(&["repair", "--function", "mean", "--max-candidates", "300", "--json"]);
    let told = object(&wrong);
    assert_ne!(code(&wrong), 0, "the bug is elsewhere: {told}");
    for patch in told["patches"].as_array().unwrap() {
        assert!(
            patch["places"].as_array().unwrap().iter().all(|place| place["function"] == "mean"),
            "{patch}"
        );
    }
    let right = world.coditect(&[
        "repair",
        "--function",
        "total",
        "--file",
        "calc.py",
        "--test",
        "test_some",
        "--json",
    ]);
    assert_eq!((code(&right), &object(&right)["status"]), (0, &json!("verified")));
    for (args, expect, cause) in [
        (&["--function", "totl"][..], 2, "no function is called `totl`"),
        (&["--test", "test_other"], 2, "There is no test `test_other`"),
        (&["--file", "other.py"], 2, "there is no file `other.py`"),
        (&["--file", "../home"], 2, "is not below"),
        (&["--test", ""], 2, "has an empty name"),
    ] {
        let output = world.coditect(&[&["repair"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), expect, "{args:?}: {said}");
        assert!(said.contains(cause), "{args:?}: {said}");
    }
}

#[test]
fn apply_brings_a_verified_change_into_the_tree() {
    let world = World::new();
    let output = world.coditect(&["repair", "--apply", "--json"]);
    assert_eq!((code(&output), &object(&output)["applied"]["files"]), (0, &json!(["calc.py"])), "{output:?}");
    let now = fs::read_to_string(world.path("project/calc.py")).unwrap();
    assert!(now.contains("result + number") || now.contains("result += number"), "{now}");
    assert_eq!(world.git(&["branch", "--list"]), "* main");
}

const TWO: &str = "\
def total(numbers):
    result = 1
    for number in numbers:
        result = result + number
    return result


def largest(numbers):
    best = numbers[0]
    for number in numbers:
        if number < best:
            best = number
    return best
";

fn two_tests(more: &str) -> String {
    format!(
        "import unittest\n\nimport calc\n\n\nclass T(unittest.TestCase):\n    def test_total(self):\n        \
         self.assertEqual(calc.total([1, 2]), 3)\n        self.assertEqual(calc.total([]), 0)\n\n    \
         def test_largest(self):\n        self.assertEqual(calc.largest([1, 5, 3]), 5)\n        \
         self.assertEqual(calc.largest([-1, -5]), -1)\n{more}"
    )
}

#[test]
fn several_bugs_are_repaired_together() {
    let world = world(&[("calc.py", TWO), ("test_calc.py", &two_tests(""))]);
    let output = world.coditect(&["repair", "--json", "--max-candidates", "1200"]);
    let told = object(&output);
    assert_eq!((code(&output), &told["status"]), (0, &json!("verified")), "{told}");
    let lines: Vec<&Value> =
        told["patches"][0]["places"].as_array().unwrap().iter().map(|p| &p["line"]).collect();
    assert_eq!(lines, [2, 11], "{told}");
}

#[test]
fn what_cannot_be_repaired_is_left_by_name() {
    // The first of the red tests, so that a search that asks about it alone learns nothing.
    let never = "\n\nclass First(unittest.TestCase):\n    def test_never(self):\n        self.fail(\"whatever the program does\")\n";
    let world = world(&[("calc.py", TWO), ("test_calc.py", &two_tests(never))]);
    let output = world.coditect(&["repair", "--json", "--max-candidates", "900"]);
    let told = object(&output);
    assert_eq!((code(&output), &told["status"]), (1, &json!("partly_verified")), "{told}");
    let evidence = &told["patches"][0]["evidence"];
    let left = evidence["left_red"].as_array().unwrap();
    assert!(left.contains(&json!("test_calc.py::First::test_never")), "{evidence}");
    assert!(!evidence["turned_green"].as_array().unwrap().is_empty(), "{evidence}");
    assert!(told["caveats"][0].as_str().unwrap().contains("test_never"), "{told}");
    assert!(is_untouched(&world));
}

#[test]
fn an_interrupt_ends_with_what_there_is_and_the_next_run_goes_on() {
    let never = "import unittest\n\nimport calc\n\n\nclass T(unittest.TestCase):\n    def test_never(self):\n        \
                 self.assertEqual(calc.total([1]), 1)\n        self.fail(\"whatever the program does\")\n";
    let world = world(&[("test_calc.py", never)]);
    let mut child =
        world.command(&["repair", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let home = world.path("home/journal");
    // It searches as soon as its journal says so; before that it would end just as well, only with nothing to go on from.
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    loop {
        let log = world.coditect(&["log", "last", "--json"]);
        let judged = String::from_utf8_lossy(&log.stdout).contains("seek_change: reflex");
        if home.exists() && judged {
            break;
        }
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    let mut said = String::new();
    lines.read_line(&mut said).ok();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told} {said}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["status"], &told["patches"]), (&json!("cancelled"), &json!([])), "{told}");
    assert!(is_untouched(&world));
}

#[test]
fn what_a_budget_covered_is_not_tried_again() {
    let never = "import unittest\n\nimport calc\n\n\nclass T(unittest.TestCase):\n    def test_never(self):\n        \
                 self.assertEqual(calc.total([1]), 1)\n        self.fail(\"whatever the program does\")\n";
    let world = world(&[("test_calc.py", never)]);
    let ground = |args: &[&str]| {
        let output = world.coditect(&[&["repair", "--json", "--max-candidates", "100"], args].concat());
        assert_eq!(code(&output), 4, "{output:?}");
        let log = world.coditect(&["log", "last", "--json"]);
        let log = String::from_utf8(log.stdout).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut grounds = events.filter_map(|event| Some(event.pointer("/outcome/ground")?.clone()));
        let ground = grounds.next_back().unwrap();
        ground["judged"].as_u64().unwrap()
    };
    let first = ground(&[]);
    let second = ground(&[]);
    assert!(second > first, "{second} after {first}");
    assert_eq!(ground(&["--seed", "7"]), first, "another seed is another order");
}

#[test]
fn a_red_test_can_be_named_among_others() {
    let never = TESTS.replace(
        "if __name__",
        "class Other(unittest.TestCase):\n    def test_never(self):\n        self.fail()\n\n\nif __name__",
    );
    let world = world(&[("test_calc.py", &never)]);
    let output = world.coditect(&["repair", "--json", "--test", "Total"]);
    let told = object(&output);
    let told_of = (code(&output), &told["status"]);
    // A class is named with its file, or from its own name on to the end of the id.
    assert_eq!(told_of.0, 2, "{told}");
    let output = world.coditect(&["repair", "--json", "--test", "test_calc.py::Total"]);
    let told = object(&output);
    assert_eq!((code(&output), &told["status"]), (0, &json!("verified")), "{told}");
    assert!(told["caveats"].to_string().contains("test_never"), "{told}");
}

#[test]
fn outside_of_wasm_candidates_are_forks_of_few_processes() {
    let calc = "import itertools\n\n\ndef total(numbers):\n    result = 0\n    for number in itertools.chain(numbers):\n        \
                result = result - number\n    return result\n";
    let tests = "import threading\nimport unittest\nfrom calc import total\n\nclass T(unittest.TestCase):\n    \
                 def test_total(self):\n        self.assertEqual(total([1, 2, 3]), 6)\n    def test_none(self):\n        \
                 self.assertEqual(total([]), 0)\n    def test_thread(self):\n        \
                 thread = threading.Thread(target=total, args=([],))\n        thread.start()\n        thread.join()\n";
    let world = world(&[("calc.py", calc), ("test_calc.py", tests)]);
    let doctor = world.json(&["doctor", "--json"]);
    let tiers = doctor["sandboxes"].as_array().unwrap();
    if !tiers.iter().any(|tier| tier["tier"] == "os" && tier["usable"] == true) {
        eprintln!("skipped: the OS sandbox is not usable here");
        return;
    }
    let output = world.coditect(&["repair", "--json"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let said = object(&output);
    assert!(
        said["patches"][0]["diff"].as_str().unwrap().contains("+        result = result + number\n"),
        "{said}"
    );
    let ledger = &said["ledger"];
    let (candidates, runs) =
        (ledger["candidates"].as_u64().unwrap(), ledger["sandbox_runs"].as_u64().unwrap());
    assert!(candidates > 3 * runs, "{ledger}");
    assert!(is_untouched(&world));
}
