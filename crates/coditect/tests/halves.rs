//! Missions whose model does what it is asked for and breaks something beside it, by the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use serde_json::json;

use world::roman::{completed, server, world};

const TEST: &str = "\
import unittest
from roman import count, to_roman


class T(unittest.TestCase):
    def test_small(self):
        self.assertEqual(to_roman(3), 'III')

    def test_count(self):
        self.assertEqual(count('III'), 3)
";
const CODE: &str = "\
def count(text):
    return len(text)


def to_roman(n):
    raise NotImplementedError  # TODO
";
/// Right, with an improvement beside it that is none.
const AND_MORE: &str = "\
roman.py
```python
def count(text):
    return len(set(text))


def to_roman(n):
    return 'I' * n
```
";
/// What breaks `count` is needed.
const ENTANGLED: &str = "\
roman.py
```python
def count(text):
    return 'I' * text


def to_roman(n):
    return count(n)
```
";

fn there(url: &str, more: &str) -> world::World {
    let world = world(url, more);
    std::fs::write(world.path("project/roman.py"), CODE).unwrap();
    std::fs::write(world.path("project/test_roman.py"), TEST).unwrap();
    world
}

#[test]
fn the_part_of_an_answer_that_breaks_what_was_green_is_left_out_and_named() {
    let provider = server(&[AND_MORE]);
    let world = there(&provider.url("chat"), "");
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 1, "no second answer was needed");
    let says = "left out of it: `roman.py:2`; `roman.py:2` breaks `test_roman.py::T::test_count`";
    assert!(end["summary"].as_str().unwrap().contains(says), "{end}");
    let why = String::from_utf8(world.coditect(&["why", "last"]).stdout).unwrap();
    assert!(why.contains("red with roman.py:2 and not without"), "{why}");
    let code = world.git(&["show", &format!("{}:roman.py", end["branch"].as_str().unwrap())]);
    assert!(code.contains("def to_roman") && !code.contains("len(set(text))"), "{code}");
}

#[test]
fn what_breaks_what_is_told_the_model_that_is_asked_next() {
    let provider = server(&[ENTANGLED, ENTANGLED, ENTANGLED, AND_MORE]);
    let url = provider.url("chat");
    let world = there(&url, "");
    let settings = world.path(".config/coditect/config.toml");
    let text = std::fs::read_to_string(&settings).unwrap().replace("[\"mine\"]", "[\"mine\", \"large\"]");
    let large = format!("[model.large]\nurl = \"{url}\"\napi_key_command = \"echo k\"\nsize = \"large\"\n");
    std::fs::write(&settings, format!("{text}\n{large}")).unwrap();
    let (end, code) = completed(&world, &["--rungs", "small_model,large_model"]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let said: Vec<String> = provider.asked().iter().map(|asked| asked.body["messages"].to_string()).collect();
    let says = "`roman.py:2` breaks `test_roman.py::T::test_count`";
    assert!(!said[0].contains(says) && said[1].contains(says), "{}", said[1]);
    // The next one was not there when that was found out.
    let last = said.last().unwrap();
    assert!(last.contains("# What was found out") && last.contains(says), "{last}");
}
