//! A person who commits while a mission is at work: what they are handed, and that nothing of theirs is touched.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use world::{CALC, TESTS, World};

/// The action during which the person commits: it takes longest.
const SEARCH: &str = "seek_change: reflex";

/// Runs a mission during which the person does this, each time that an action of this name begins.
fn meanwhile(world: &World, action: &str, person: impl Fn(&World, usize)) -> (Vec<Value>, i32) {
    let mut child = world
        .command(&["run", "--json", world::REQUEST])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut records, mut times) = (Vec::new(), 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if record["type"] == "attempt.started" && record["action"] == action {
            person(world, times);
            times += 1;
        }
        records.push(record);
    }
    (records, child.wait().unwrap().code().unwrap())
}

fn commit(world: &World, path: &str, text: &str) {
    std::fs::write(world.path("project").join(path), text).unwrap();
    world.git(&["add", path]);
    world.git(&["commit", "-q", "-m", "meanwhile"]);
}

fn caveat<'r>(end: &'r Value, part: &str) -> &'r str {
    let caveats = end["caveats"].as_array().unwrap();
    let found = caveats.iter().filter_map(Value::as_str).find(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no caveat says `{part}`: {end:#}"))
}

fn violations<'r>(records: &'r [Value], kind: &str) -> Vec<&'r Value> {
    let is_it = |record: &&Value| record["type"] == "violation.found" && record["kind"] == kind;
    records.iter().filter(is_it).collect()
}

#[test]
fn a_change_that_goes_with_a_newer_commit_stands_on_it_and_is_proved_there() {
    let world = World::new();
    let (records, code) = meanwhile(&world, SEARCH, |world, time| {
        if time == 0 {
            commit(world, "README.md", "# Sums\n");
            // And what is not committed stays what it is.
            std::fs::write(world.path("project/notes.txt"), "to do\n").unwrap();
        }
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (0, Some("verified")), "{end:#}");
    let (branch, head) = (end["branch"].as_str().unwrap(), world.git(&["rev-parse", "main"]));
    assert_eq!(world.git(&["rev-parse", &format!("{branch}^")]), head, "one commit on top of the newer one");
    assert_eq!(world.git(&["diff", "--name-only", "main", branch]), "calc.py");
    let tree = world.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    assert_eq!(end["receipt"]["tree"], tree, "the receipt is of what is handed over");
    assert!(end["summary"].as_str().unwrap().contains(&head[..12]), "{end:#}");
    assert!(caveat(end, "the whole suite was run there").contains(&head[..12]));
    let told = caveat(end, "you changed");
    assert!(told.contains("notes.txt") && !told.contains("other file"), "only what is not committed: {told}");
    let found = violations(&records, "concurrent_change");
    assert!(found.iter().all(|found| found["diagnosis"]["cause"] == "concurrent_change"), "{found:?}");
    assert_eq!(std::fs::read_to_string(world.path("project/calc.py")).unwrap(), CALC);
    assert_eq!(std::fs::read_to_string(world.path("project/notes.txt")).unwrap(), "to do\n");
    assert_eq!(world.git(&["status", "--porcelain"]), "?? notes.txt");
    // It is one step from where the person is.
    world.text(&["apply", "last"]);
    assert_eq!(world.git(&["rev-parse", "main"]), world.git(&["rev-parse", branch]));
}

#[test]
fn other_lines_of_the_same_file_are_put_together() {
    let world = World::new();
    let theirs = format!("\"\"\"Sums.\"\"\"\n\n\n{CALC}");
    let (records, code) = meanwhile(&world, SEARCH, |world, time| {
        if time == 0 {
            commit(world, "calc.py", &theirs);
        }
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (0, Some("verified")), "{end:#}");
    let branch = end["branch"].as_str().unwrap();
    let text = world.git(&["show", &format!("{branch}:calc.py")]);
    assert!(text.starts_with("\"\"\"Sums.\"\"\"") && text.contains("result + number"), "{text}");
}

#[test]
fn a_change_that_does_not_fit_is_handed_over_as_it_was_proved_and_a_person_decides() {
    let world = World::new();
    let begun = world.git(&["rev-parse", "main"]);
    let theirs = CALC.replace("result = result - number", "result = result - number  # mine");
    let (records, code) = meanwhile(&world, SEARCH, |world, time| {
        if time == 0 {
            commit(world, "calc.py", &theirs);
        }
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (3, Some("needs_person")), "{end:#}");
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["rev-parse", &format!("{branch}^")]), begun);
    let tree = world.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    assert_eq!(end["receipt"]["tree"], tree);
    assert!(caveat(end, "was not put on top of it").contains("calc.py"));
    assert!(end["hint"].as_str().unwrap().contains("merge the branch by hand"), "{end:#}");
    let found = violations(&records, "concurrent_change");
    assert!(!found.is_empty() && found[0]["diagnosis"]["evidence"].as_str().unwrap().contains("calc.py"));
    assert_eq!(std::fs::read_to_string(world.path("project/calc.py")).unwrap(), theirs);
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    // It can be asked for all the same, and overwrites nothing.
    let applied = world.coditect(&["apply", "last"]);
    let said = String::from_utf8(applied.stderr).unwrap();
    assert!(!applied.status.success() && said.contains("not on what you committed meanwhile"), "{said}");
    assert_eq!(std::fs::read_to_string(world.path("project/calc.py")).unwrap(), theirs);
}

#[test]
fn a_change_with_which_the_suite_is_red_there_is_handed_over_as_it_was_proved() {
    let world = World::new();
    let begun = world.git(&["rev-parse", "main"]);
    let theirs = TESTS.replace(
        "    def test_mean(self):",
        "    def test_more(self):\n        self.assertEqual(calc.total([1]), 2)\n\n    def test_mean(self):",
    );
    let (records, code) = meanwhile(&world, SEARCH, |world, time| {
        if time == 0 {
            commit(world, "test_calc.py", &theirs);
        }
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (3, Some("needs_person")), "{end:#}");
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["rev-parse", &format!("{branch}^")]), begun);
    // The evidence is that of the tree that is handed over, and green.
    let tree = world.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    assert_eq!(
        (&end["receipt"]["tree"], &end["receipt"]["exit_code"]),
        (&Value::from(tree), &Value::from(0))
    );
    assert!(caveat(end, "was not put on top of it").contains("test_more"));
    assert_eq!(violations(&records, "test_expectation"), Vec::<&Value>::new(), "the change itself is right");
}

#[test]
fn a_person_who_goes_on_committing_is_followed_and_not_for_ever() {
    let world = World::new();
    // Each proof takes long enough for a commit to be made in it.
    let slow = TESTS.replace("import unittest", "import time\nimport unittest").replace(
        "        self.assertEqual(calc.total([]), 0)",
        "        time.sleep(0.7)\n        self.assertEqual(calc.total([]), 0)",
    );
    commit(&world, "test_calc.py", &slow);
    let (records, code) = meanwhile(&world, "verify_change", |world, time| {
        commit(world, &format!("note_{time}.md"), "more\n");
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (0, Some("verified")), "{end:#}");
    let proofs = records.iter().filter(|record| record["action"] == "verify_change").count();
    assert_eq!(proofs, 4, "the first, and one for each of three commits");
    // The fourth came too late: the branch stands on the third, and says so.
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["rev-parse", &format!("{branch}^")]), world.git(&["rev-parse", "main^"]));
    assert!(caveat(end, "you changed").contains("note_3.md"));
}

#[test]
fn what_is_committed_to_another_branch_is_no_matter() {
    let world = World::new();
    let (records, code) = meanwhile(&world, SEARCH, |world, _| {
        let commit = world.git(&["commit-tree", "main^{tree}", "-p", "main", "-m", "elsewhere"]);
        world.git(&["update-ref", "refs/heads/side", &commit]);
    });
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (0, Some("verified")), "{end:#}");
    assert_eq!(violations(&records, "concurrent_change"), Vec::<&Value>::new());
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["rev-parse", &format!("{branch}^")]), world.git(&["rev-parse", "main"]));
}
