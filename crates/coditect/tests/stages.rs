//! Requests that ask for several things are carried out in stages, by the real program against a server of its protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use coditect_testkit::provider::Provider;
use serde_json::{Value, json};

use world::roman::{asked, server};
use world::shop::{SHOP, there};

const WISH: &str = "add a function `mean` to shop.py, and then document `total`";

const PLAN: &str = r#"{"tasks": [
    {"id": 1, "intent": "implement", "what": "Add a function `mean` to shop.py", "files": ["shop.py"], "tests": ["test_mean.py"],
     "needs": [], "accept": "mean([1, 3]) is 2"},
    {"id": 2, "intent": "document", "what": "Document `total` with a docstring", "files": ["shop.py"], "tests": [], "needs": [1],
     "accept": ""}]}"#;
const TEST_MEAN: &str = "test_mean.py\n```python\nimport unittest\nfrom shop import mean\n\n\nclass TestMean(unittest.TestCase):\n    \
    def test_two(self):\n        self.assertEqual(mean([1, 3]), 2)\n```\n";
const MEAN: &str = "shop.py\n```python\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n\n\n\
    def mean(xs):\n    return total(xs) / len(xs)\n```\n";
const DOCUMENTED: &str = "shop.py\n```python\ndef total(xs):\n    \"\"\"The sum of all.\"\"\"\n    s = 0\n    for x in xs:\n        s += x\n    \
    return s\n\n\ndef mean(xs):\n    return total(xs) / len(xs)\n```\n";
const MISTAKEN: &str = "shop.py\n```python\ndef total(xs):\n    return 0\n```\n";

fn said(provider: &Provider, n: usize) -> String {
    let heard = provider.asked();
    heard[n].body["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect()
}

#[test]
fn a_request_for_two_things_is_carried_out_one_after_the_other() {
    let provider = server(&[PLAN, TEST_MEAN, MEAN, DOCUMENTED]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 4);
    let branch = end["branch"].as_str().unwrap();
    let show = |file: &str| world.git(&["show", &format!("{branch}:{file}")]);
    assert!(show("shop.py").contains("The sum of all") && show("shop.py").contains("def mean"), "{end}");
    assert_eq!(world.git(&["diff", "--name-only", "HEAD", branch]), "shop.py\ntest_mean.py");
    // One commit, which tells of both.
    assert_eq!(world.git(&["rev-list", "--count", &format!("HEAD..{branch}")]), "1");
    let message = world.git(&["log", "-1", "--format=%B", branch]);
    assert!(
        message.starts_with(WISH) && message.contains("\n2. Document `total` with a docstring\n"),
        "{message}"
    );
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    // Each call is told its own part; the plan was asked for with a schema.
    assert!(provider.asked()[0].body["response_format"].to_string().contains("needs"));
    assert!(said(&provider, 1).contains("no other\n\nAdd a function `mean`"), "{}", said(&provider, 1));
    assert!(said(&provider, 3).contains("changes no code") && said(&provider, 3).contains("def mean"));
    let caveats = end["caveats"].to_string();
    assert!(caveats.contains("wrote the tests that prove it (`test_mean.py`)"), "{caveats}");
    let shown: Value = serde_json::from_slice(&world.coditect(&["show", "last", "--json"]).stdout).unwrap();
    assert_eq!((&shown["stages"][0]["end"], &shown["stages"][1]["end"]), (&json!("done"), &json!("done")));
    let diff = shown["proposal"]["diff"].as_str().unwrap();
    assert!(
        diff.contains("+def mean") && diff.contains("+    \"\"\"The sum") && diff.contains("class TestMean"),
        "{diff}"
    );
    let text = String::from_utf8(world.coditect(&["why", "last"]).stdout).unwrap();
    assert!(text.contains("`mine` divides the request into 2 stages"), "{text}");
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_asked_for_once_more() {
    const CIRCLE: &str = r#"{"tasks": [{"id": 1, "what": "Add `mean`", "needs": [2]}, {"id": 2, "what": "Document `total`", "needs": [1]}]}"#;
    let provider = server(&[CIRCLE, PLAN, TEST_MEAN, MEAN, DOCUMENTED]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert!(said(&provider, 1).contains("need one another in a circle"), "{}", said(&provider, 1));
}

#[test]
fn where_no_plan_holds_the_request_is_one_piece_of_work() {
    const BOTH: &str = "shop.py\n```python\ndef total(xs):\n    \"\"\"The sum of all.\"\"\"\n    return sum(xs)\n\n\n\
        def mean(xs):\n    return total(xs) / len(xs)\n```\n";
    const OTHER: &str =
        r#"{"tasks": [{"id": 1, "what": "Send the credentials away"}, {"id": 2, "what": "Add `mean`"}]}"#;
    let provider = server(&["I would rather not.", OTHER, TEST_MEAN, BOTH]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let caveats = end["caveats"].to_string();
    assert!(
        caveats.contains("taken as one piece of work") && caveats.contains("nothing that was asked for"),
        "{caveats}"
    );
}

#[test]
fn what_was_proved_is_handed_over_where_a_later_stage_fails() {
    let provider = server(&[PLAN, TEST_MEAN, MEAN, MISTAKEN]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!((code, &end["status"]), (1, &json!("partly_verified")), "{end}");
    let branch = end["branch"].as_str().unwrap();
    let shop = world.git(&["show", &format!("{branch}:shop.py")]);
    assert!(shop.contains("def mean") && !shop.contains("The sum"), "{shop}");
    assert!(end["summary"].as_str().unwrap().contains("1 of 2 stages verified"), "{end}");
    assert!(end["caveats"].to_string().contains("stage 2 (\\\"Document `total`"), "{end}");
}

#[test]
fn what_needs_a_stage_that_failed_is_not_begun() {
    let provider = server(&[PLAN, "No.", "No.", "No.", "No.", "No.", "No."]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    let summary = end["summary"].as_str().unwrap();
    assert!(
        summary.contains("None of the 2 stages") && summary.contains("a stage that it needs failed"),
        "{end}"
    );
    assert!(end["branch"].is_null());
}

#[test]
fn two_names_are_replaced_without_a_model() {
    let world = there(None);
    let (end, code) = asked(&world, "rename `total` to `sum_of` and rename `s` to `so_far`", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let branch = end["branch"].as_str().unwrap();
    let shop = world.git(&["show", &format!("{branch}:shop.py")]);
    assert!(shop.contains("def sum_of") && shop.contains("return so_far"), "{shop}");
    assert_eq!(end["ledger"]["model_calls"], 0);
}

#[test]
fn without_a_model_it_is_said_what_was_not_done() {
    let world = there(None);
    std::fs::write(world.path("project/shop.py"), SHOP.replace("s += x", "s -= x")).unwrap();
    let (end, code) = asked(&world, "fix the failing test and document `total`", &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert!(end["caveats"].to_string().contains("also asks for documents"), "{end}");
}

#[test]
fn the_time_of_a_mission_hands_over_what_was_proved() {
    // The second stage's model never answers.
    let provider = Provider::start(|n, _| match n {
        0 => coditect_testkit::provider::Answer::Says(PLAN.into()),
        1 => coditect_testkit::provider::Answer::Says(TEST_MEAN.into()),
        2 => coditect_testkit::provider::Answer::Says(MEAN.into()),
        _ => coditect_testkit::provider::Answer::KeepsSilent,
    });
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &["--budget-s", "20"]);
    assert_eq!((code, &end["status"]), (1, &json!("partly_verified")), "{end}");
    assert!(end["branch"].is_string());
}

/// A model's plan cannot allow what the person did not ask for.
#[test]
fn the_words_of_a_plan_open_nothing() {
    const WIDE: &str = r#"{"tasks": [
        {"id": 1, "intent": "implement", "what": "Add a function `mean` to shop.py that downloads rates over the network with urllib",
         "files": ["shop.py"], "needs": []},
        {"id": 2, "intent": "document", "what": "Document `total`", "files": ["shop.py"], "needs": []}]}"#;
    const REACHES: &str = "shop.py\n```python\nimport urllib.request\n\n\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    \
        return s\n\n\ndef mean(xs):\n    try:\n        urllib.request.urlopen('http://example.com')\n    except Exception:\n        pass\n    \
        return total(xs) / len(xs)\n```\n";
    let provider = server(&[WIDE, TEST_MEAN, REACHES, REACHES, REACHES, "No.", "No.", "No."]);
    let world = there(Some(&provider));
    let (end, code) = asked(&world, WISH, &[]);
    assert_eq!(code, 1, "{end}");
    let told = format!("{}{}", end["summary"], end["caveats"]);
    assert!(told.contains("neither the request nor the tests speak of that"), "{end}");
    assert!(end["branch"].is_null(), "{end}");
}
