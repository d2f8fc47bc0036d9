//! Requests that no test shows: tests come first, then the change that makes them pass. By the real program, against a
//! server that speaks the protocol of real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use coditect_testkit::provider::Provider;
use serde_json::{Value, json};

use world::World;
use world::roman::{asked, server};

const WISH: &str = "add a function `shout(name)` to greet.py that greets in capital letters";
const GREET: &str = "def greet(name):\n    return f'Hello, {name}!'\n";
const TEST_GREET: &str = "import unittest\nfrom greet import greet\n\n\nclass T(unittest.TestCase):\n    def \
    test_greet(self):\n        self.assertEqual(greet('Ada'), 'Hello, Ada!')\n";
const TESTS: &str = "test_shout.py\n```python\nimport unittest\nimport greet\n\n\nclass TestShout(unittest.TestCase):\n    def \
    test_shout(self):\n        self.assertEqual(greet.shout('Ada'), 'HELLO, ADA!')\n\n    def test_empty(self):\n        \
    self.assertEqual(greet.shout(''), 'HELLO, !')\n```\n";
const CODE: &str = "greet.py\n```python\ndef greet(name):\n    return f'Hello, {name}!'\n\n\ndef shout(name):\n    return \
    greet(name).upper()\n```\n";
/// Green as the code is.
const IDLE: &str = "test_more.py\n```python\nimport unittest\nimport greet\n\n\nclass TestMore(unittest.TestCase):\n    def \
    test_greet(self):\n        self.assertEqual(greet.greet('Bo'), 'Hello, Bo!')\n```\n";
/// Weaker tests in place of those that are there.
const WEAKER: &str = "test_greet.py\n```python\nimport unittest\n\n\nclass T(unittest.TestCase):\n    def \
    test_nothing(self):\n        pass\n```\n";

fn there(provider: &Provider) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    std::fs::write(world.path("project/greet.py"), GREET).unwrap();
    std::fs::write(world.path("project/test_greet.py"), TEST_GREET).unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "a greeting"]);
    let settings = format!(
        "reply_cache = \"off\"\nmodels = [\"mine\"]\n[model.mine]\nurl = \"{}\"\n",
        provider.url("chat")
    );
    world::roman::person(&world, &settings);
    world
}

fn completed(world: &World, flags: &[&str]) -> (Value, i32) {
    asked(world, WISH, flags)
}

#[test]
fn tests_come_first_and_the_change_after_them() {
    let provider = server(&[TESTS, CODE]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 2);
    let caveats = end["caveats"].to_string();
    assert!(caveats.contains("wrote the tests that prove it (`test_shout.py`)"), "{end}");
    // Both are in one commit upon what the person had, and nothing of theirs is touched.
    let branch = end["branch"].as_str().unwrap();
    let files = world.git(&["diff", "--name-only", "HEAD", branch]);
    assert_eq!(files.lines().collect::<Vec<_>>(), ["greet.py", "test_shout.py"]);
    assert_eq!(world.git(&["rev-list", "--count", &format!("HEAD..{branch}")]).trim(), "1");
    let message = world.git(&["log", "-1", "--format=%B", branch]);
    assert!(
        message.starts_with("add a function `shout(name)`") && message.contains("Tests came first"),
        "{message}"
    );
    assert_eq!(world.git(&["status", "--porcelain"]).trim(), "");
    let after = end["receipt"]["after"].as_object().unwrap();
    assert_eq!(after.len(), 3, "{end}");
    // The first is asked for tests, the second is told of them and may not change them.
    let heard = provider.asked();
    let said = |n: usize| heard[n].body["messages"].to_string();
    assert!(
        said(0).contains("writes tests before the code") && said(0).contains("test_greet.py"),
        "{}",
        said(0)
    );
    assert!(
        said(1).contains("test_shout.py") && said(1).contains("Tests (not to be changed)"),
        "{}",
        said(1)
    );
}

#[test]
fn the_report_shows_the_tests_and_the_change() {
    let provider = server(&[TESTS, CODE]);
    let world = there(&provider);
    let output = world.coditect(&["run", "--quiet", WISH]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["tests    test_shout.py  +", "+class TestShout", "changed  greet.py  +", "+def shout(name):"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let view = world.json(&["show", "last", "--json"]);
    assert!(view.to_string().contains("\"specification\":{"), "{view}");
}

#[test]
fn tests_that_show_nothing_are_asked_for_again() {
    let provider = server(&[IDLE, WEAKER, TESTS, CODE]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["ledger"]["model_calls"]), (0, &json!(4)), "{end}");
    let heard = provider.asked();
    let said = |n: usize| heard[n].body["messages"].to_string();
    assert!(said(1).contains("pass already"), "{}", said(1));
    assert!(said(2).contains("takes away lines of tests"), "{}", said(2));
}

#[test]
fn without_tests_that_show_it_a_person_is_needed() {
    let provider = server(&[CODE]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (3, &json!("needs_person")), "{end}");
    assert!(end["summary"].as_str().unwrap().contains("no file of tests by its name"), "{end}");
    assert_eq!((provider.asked().len(), &end["branch"]), (3, &Value::Null));
    // Within what was allowed, and it says what more would take.
    let (end, code) = completed(&world, &["--max-calls", "1"]);
    assert_eq!((code, &end["ledger"]["model_calls"]), (4, &json!(1)), "{end}");
    assert!(end["hint"].as_str().unwrap().contains("--max-calls"), "{end}");
}

#[test]
fn code_that_does_not_pass_the_tests_is_not_handed_over() {
    let provider = server(&[
        TESTS,
        "greet.py\n```python\ndef greet(name):\n    return f'Hello, {name}!'\n\n\ndef shout(name):\n    return 1\n```\n",
    ]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"], &end["branch"]), (1, &json!("failed"), &Value::Null), "{end}");
    // There is nothing that such tests prove.
    assert!(!end["caveats"].to_string().contains("wrote the tests that prove it"), "{end}");
}
