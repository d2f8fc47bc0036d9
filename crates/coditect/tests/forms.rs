//! Requests that no red test describes and that something else can judge: a new name, documents, code that is to do what it
//! did, tests for what is there. By the real program; where a model is asked, against a server of its protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use serde_json::json;

use world::roman::{asked, server};
use world::shop::{SHOP, TEST_SHOP, there};

#[test]
fn a_name_is_replaced_without_a_model() {
    let world = there(None);
    let (end, code) = asked(&world, "rename `total` to `sum_of`", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 0);
    let branch = end["branch"].as_str().unwrap();
    let show = |file: &str| world.git(&["show", &format!("{branch}:{file}")]);
    assert_eq!(show("shop.py"), SHOP.replace("total", "sum_of").trim_end());
    assert_eq!(show("test_shop.py"), TEST_SHOP.replace("total", "sum_of").trim_end());
    assert_eq!(show("README.md"), "Call `sum_of` for the total.");
    let message = world.git(&["log", "-1", "--format=%B", branch]);
    assert!(
        message.starts_with("rename `total` to `sum_of`\n") && !message.contains("Turned green"),
        "{message}"
    );
    assert_eq!(world.git(&["status", "--porcelain"]).trim(), "");
}

#[test]
fn a_name_that_two_things_have_is_left_to_the_person() {
    let world = there(None);
    std::fs::write(world.path("project/other.py"), "def total():\n    return 1\n").unwrap();
    let (end, code) = asked(&world, "rename `total` to `sum_of`", &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    let summary = end["summary"].as_str().unwrap();
    assert!(
        summary.contains("more than one thing is called `total` (other.py line 1, shop.py line 1)"),
        "{end}"
    );
}

const CODE_TOO: &str =
    "shop.py\n```python\ndef total(xs):\n    \"\"\"The sum of all.\"\"\"\n    return sum(xs)\n```\n";
const DOCUMENTED: &str = "shop.py\n```python\ndef total(xs):\n    \"\"\"The sum of all.\"\"\"\n    s = 0\n    for x in xs:\n        s += x\n    \
    return s\n```\n";

#[test]
fn where_documents_are_asked_for_no_code_changes() {
    let provider = server(&[CODE_TOO, DOCUMENTED]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, "add a docstring to `total`", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 2);
    assert!(end["caveats"].to_string().contains("no code changed"), "{end}");
    let heard = provider.asked();
    let said = |n: usize| heard[n].body["messages"].to_string();
    assert!(
        said(0).contains("changes no code") && said(1).contains("every line of code stays"),
        "{}",
        said(1)
    );
}

const SIMPLER: &str = "shop.py\n```python\ndef total(xs):\n    return sum(xs)\n```\n";
const WRONG: &str = "shop.py\n```python\ndef total(xs):\n    return max(xs)\n```\n";

#[test]
fn code_that_is_written_another_way_does_what_it_did() {
    let provider = server(&[WRONG, SIMPLER]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, "refactor `total` so that it is shorter", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 2);
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["show", &format!("{branch}:shop.py")]), "def total(xs):\n    return sum(xs)");
    assert!(end["caveats"].to_string().contains("only you can say"), "{end}");
}

const MORE: &str = "test_more.py\n```python\nimport unittest\nfrom shop import total\n\n\nclass TestMore(unittest.TestCase):\n    def \
    test_none(self):\n        self.assertEqual(total([]), 0)\n```\n";
const MISTAKEN: &str = "test_more.py\n```python\nimport unittest\nfrom shop import total\n\n\nclass TestMore(unittest.TestCase):\n    def \
    test_none(self):\n        self.assertIsNone(total([]))\n```\n";

#[test]
fn tests_for_what_is_there_pass_on_it() {
    let provider = server(&[MISTAKEN, MORE]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, "write tests for `total`", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let branch = end["branch"].as_str().unwrap();
    assert_eq!(world.git(&["diff", "--name-only", "HEAD", branch]).trim(), "test_more.py");
    assert_eq!(end["receipt"]["after"].as_object().unwrap().len(), 2, "{end}");
    let heard = provider.asked();
    assert!(heard[1].body["messages"].to_string().contains("these tests of yours do not pass on it"));
}

#[test]
fn nothing_that_does_comes_of_it() {
    let provider = server(&[CODE_TOO]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, "document `total`", &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    let summary = end["summary"].as_str().unwrap();
    assert!(summary.contains("changes code where only documents were asked for"), "{end}");
    assert!(end["branch"].is_null());
}
