//! Red tests that take most of the time a run of the suite may take: they are waited for where everything else is right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;

use serde_json::{Value, json};
use world::World;

/// One test that fails at once, and one that computes for longer than a single test is given at first.
const SLOW: &str = "\
import time
import unittest

import calc


class Total(unittest.TestCase):
    def test_some(self):
        self.assertEqual(calc.total([1, 2, 3]), 6)

    def test_after_a_while(self):
        time.sleep(4.2)
        self.assertEqual(calc.total([4, 5]), 9)
";

#[test]
fn a_test_that_is_slow_and_does_not_hang_is_waited_for() {
    let world = World::new();
    fs::write(world.path("project/test_calc.py"), SLOW).unwrap();
    let output = world.coditect(&["repair", "--json", "--timeout-s", "8"]);
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!((output.status.code(), &told["status"]), (Some(0), &json!("verified")), "{told}");
    assert_eq!(
        told["patches"][0]["files"],
        json!([{ "path": "calc.py", "added": 1, "removed": 1 }]),
        "{told}"
    );
}
