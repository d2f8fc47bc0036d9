//! Memory, with the real program: what was right once is tried first where code of the same form is wrong in the same way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;

use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// The same mistake as in the world's own project, in other words.
const SHOP: &str = "\
class Basket:
    def __init__(self, goods):
        self.goods = goods

    def price(self):
        amount = 0
        for good in self.goods:
            amount = amount - good
        return amount
";

const SHOP_TESTS: &str = "\
import unittest

import shop


class Price(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(shop.Basket([]).price(), 0)

    def test_two(self):
        self.assertEqual(shop.Basket([3, 4]).price(), 7)

    def test_one(self):
        self.assertEqual(shop.Basket([5]).price(), 5)
";

/// Other files in a repository of their own, with the same home.
fn other_project(world: &World, code: &str, tests: &str) {
    let dir = world.path("other");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("shop.py"), code).unwrap();
    fs::write(dir.join("test_shop.py"), tests).unwrap();
}

fn run(world: &World, dir: &str, flags: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = world.coditect(&[&["run", "--json", "-C", dir], flags, &[REQUEST]].concat());
    (objects(&output.stdout), output.status.code())
}

fn rung(records: &[Value]) -> &Value {
    &records.last().unwrap()["ledger"]["solved_by"]
}

#[test]
fn what_was_right_once_is_tried_first_elsewhere() {
    let world = World::new();
    let own = world.path("project");
    let (first, code) = run(&world, own.to_str().unwrap(), &[]);
    assert_eq!((rung(&first), code), (&json!("reflex"), Some(0)), "{:?}", first.last());
    other_project(&world, SHOP, SHOP_TESTS);
    let other = world.path("other");
    let (second, code) = run(&world, other.to_str().unwrap(), &[]);
    assert_eq!((rung(&second), code), (&json!("memory"), Some(0)), "{:?}", second.last());
    let proposed = second.iter().find(|record| record["outcome"]["outcome"] == "change_proposed").unwrap();
    assert!(
        proposed["outcome"]["proposal"]["diff"]
            .as_str()
            .unwrap()
            .contains("+            amount = amount + good")
    );
    // Who wants to do without it can.
    let (third, code) = run(&world, other.to_str().unwrap(), &["--rungs", "recipe,reflex"]);
    assert_eq!((rung(&third), code), (&json!("reflex"), Some(0)), "{:?}", third.last());

    let stats = world.json(&["memory", "stats", "--json"]);
    assert_eq!((&stats["episodes"], &stats["patterns"]), (&json!(3), &json!(3)), "{stats}");
    let found = world.json(&["memory", "search", "price of a basket", "--json"]);
    let ids: Vec<&Value> = found["found"].as_array().unwrap().iter().map(|hit| &hit["workspace"]).collect();
    assert_eq!(ids[0], &json!(other), "{found}");
    let text = world.text(&["memory", "show", "last"]);
    assert!(text.contains("accepted") && text.contains("+            amount = amount + good"), "{text}");
    assert!(world.text(&["memory", "search", "sum of numbers"]).contains("verified"));
    assert!(world.text(&["memory", "stats"]).contains("3 episodes"));
}

#[test]
fn what_fits_and_is_wrong_here_is_not_taken() {
    let world = World::new();
    let own = world.path("project");
    run(&world, own.to_str().unwrap(), &[]);
    // Here the minus is right, and the start is wrong.
    let code = SHOP.replace("amount = 0", "amount = 1");
    let tests = SHOP_TESTS
        .replace("price(), 0)", "price(), 100)")
        .replace("price(), 7)", "price(), 93)")
        .replace("price(), 5)", "price(), 95)");
    let code = code.replace("amount = 1", "amount = 10");
    other_project(&world, &code, &tests);
    let (records, _) = run(&world, world.path("other").to_str().unwrap(), &["--search-s", "20"]);
    assert_ne!(rung(&records), &json!("memory"), "{:?}", records.last());
    let tried = records.iter().find(|record| {
        record["outcome"]["outcome"] == "no_change_found" && record["outcome"]["rung"] == "memory"
    });
    assert!(
        tried.unwrap()["outcome"]["account"].as_str().unwrap().contains("none is right here"),
        "{tried:?}"
    );
}

#[test]
fn an_empty_memory_says_so() {
    let world = World::new();
    assert!(world.text(&["memory", "search", "anything"]).contains("nothing yet"));
    assert!(world.text(&["memory", "stats"]).contains("0 episodes"));
    assert_eq!(world.coditect(&["memory", "search", " "]).status.code(), Some(2));
}
