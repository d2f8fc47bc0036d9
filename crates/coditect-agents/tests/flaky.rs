//! Tests whose end is luck, beside a defect that they have nothing to do with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "test code")]

#[path = "../../coditect-code/tests/python_host/mod.rs"]
mod python_host;
mod world;

use coditect_types::limits::SandboxChoice;
use coditect_types::{Outcome, Rung, TestStatus, Tier};
use python_host::Host;
use world::{Baseline, World};

const CALC: &str = "def add(a, b):\n    return a - b\n";
const LUCK: &str = "test_calc.py::Luck::test_now_and_then";

/// Green as often as a short suite is run before work begins.
const LONG_LUCK: &str = "n < 6";

/// A defect, and a test that is green where this says so of how often it was run.
fn world(green: &str) -> (World, Baseline, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let counter = place.path().join("count");
    let test = format!(
        "import unittest\nfrom calc import add\n\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
         self.assertEqual(add(2, 3), 5)\n\n    def test_nothing(self):\n        self.assertEqual(add(0, 0), 0)\n\n\n\
         class Luck(unittest.TestCase):\n    def test_now_and_then(self):\n        with open({counter:?}, 'a+') as f:\n            \
         f.write('x')\n            f.flush()\n            f.seek(0)\n            n = len(f.read())\n        self.assertTrue({green}, n)\n"
    );
    let world = World::new(&[("calc.py", CALC), ("test_calc.py", &test)], vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    (world, baseline, place)
}

fn ends(baseline: &Baseline) -> TestStatus {
    baseline.report.tests.iter().find(|test| test.id == LUCK).unwrap().status
}

#[test]
fn a_green_test_that_fails_when_a_short_suite_is_run_again_is_known_before_work_begins() {
    let (_world, baseline, _place) = world("n == 1");
    assert_eq!(ends(&baseline), TestStatus::Passed);
    let flaky: Vec<_> = baseline.report.flaky().map(|test| (test.id.as_str(), test.passes_of_runs)).collect();
    assert_eq!(flaky, [(LUCK, Some((1, 4)))]);
    assert_eq!(baseline.receipt.flaky[LUCK], (1, 4));
}

#[test]
fn the_right_change_is_not_refuted_by_a_test_that_was_green_by_luck() {
    let (world, baseline, _place) = world(LONG_LUCK);
    assert_eq!(ends(&baseline), TestStatus::Passed);
    assert_eq!(baseline.report.flaky().count(), 0);
    let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.seek(Rung::Reflex)) else {
        panic!("the search finds it")
    };
    assert!(proposal.diff.contains("+    return a + b\n"), "{}", proposal.diff);
    let (passed, ran) = proposal.evidence.flaky[LUCK];
    assert!(passed >= 1 && passed < ran, "{passed} of {ran}");
}

#[test]
fn the_tester_looks_at_the_unchanged_tree_before_it_refutes() {
    // Red for a while, and green again while the tester looks whether it can be with the change.
    let (world, baseline, _place) = world("n < 6 or n > 12");
    let commit = world.commit(&baseline.snapshot, "calc.py", &CALC.replace('-', "+"));
    let Outcome::ChangeVerified { receipt, report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    let (passed, ran) = receipt.flaky[LUCK];
    assert!(passed >= 1 && passed < ran, "{passed} of {ran}");
    assert_eq!(report.flaky().count(), 1);
}

#[test]
fn a_test_that_is_flaky_without_a_change_excuses_none_with_which_it_is_never_green() {
    let (world, baseline, _place) = world(LONG_LUCK);
    let commit = world.commit(&baseline.snapshot, "calc.py", &CALC.replace('-', "+"));
    let Outcome::ChangeVerified { receipt, report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    assert_eq!((receipt.flaky.get(LUCK), report.flaky().count()), (None, 0));
    let red: Vec<&str> = report.red().map(|test| test.id.as_str()).collect();
    assert_eq!(red, [LUCK], "nobody saw it green with the change, in {:?}", report.tests);
}

#[test]
fn what_tests_share_is_repaired_in_the_order_that_shows_it() {
    let product = "def collect(message, lines=[]):\n    lines.append(message.strip())\n    return lines\n";
    let test = "import unittest\nfrom log import collect\n\n\nclass Log(unittest.TestCase):\n    \
                def test_given(self):\n        self.assertEqual(collect('c', ['a']), ['a', 'c'])\n\n    \
                def test_one(self):\n        self.assertEqual(collect(' a '), ['a'])\n\n    \
                def test_two(self):\n        self.assertEqual(collect('b'), ['b'])\n";
    let world = World::new(&[("log.py", product), ("test_log.py", test)], vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    assert_eq!(baseline.report.order_dependent, ["test_log.py::Log::test_two"]);
    assert_eq!(baseline.report.flaky().count(), 0);
    let found =
        [Rung::Recipe, Rung::Reflex].into_iter().find_map(|rung| match world.perform(&baseline.seek(rung)) {
            Outcome::ChangeProposed { proposal, .. } => Some(proposal),
            _ => None,
        });
    let proposal = found.expect("one of the rungs finds it");
    assert!(proposal.diff.contains("lines=None"), "{}", proposal.diff);
    let Outcome::ChangeVerified { receipt, .. } = world.perform(&baseline.verify(&proposal.commit)) else {
        panic!("the tester answers")
    };
    assert_eq!((receipt.exit_code, receipt.flaky.len()), (0, 0));
    // A change that does nothing for it is red there still, also where it is green alone.
    let commit = world.commit(&baseline.snapshot, "log.py", &format!("{product}\n"));
    let Outcome::ChangeVerified { receipt, report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    assert_eq!((report.order_dependent.len(), receipt.flaky.len()), (1, 0));
}

/// A test that only passes behind another, and a defect in what that other one calls.
fn with_order() -> (World, Baseline) {
    let product =
        "import os\n\n\ndef double(n):\n    os.environ['CALC_MODE'] = 'fast'\n    return n + n + 1\n";
    let first = "import unittest\nfrom calc import double\n\n\nclass A(unittest.TestCase):\n    def test_double(self):\n        \
                 self.assertEqual(double(2), 4)\n";
    let second = "import os\nimport unittest\n\n\nclass B(unittest.TestCase):\n    def test_mode(self):\n        \
                  self.assertEqual(os.environ.get('CALC_MODE'), 'fast')\n\n    def test_steady(self):\n        self.assertTrue(True)\n";
    let files = [("calc.py", product), ("test_a.py", first), ("test_b.py", second)];
    let world = World::new(&files, vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    (world, baseline)
}

#[test]
fn a_test_that_a_change_cannot_reach_is_looked_at_in_other_orders() {
    let (world, baseline) = with_order();
    let red: Vec<&str> = baseline.report.red().map(|test| test.id.as_str()).collect();
    assert_eq!((red, baseline.report.orders.len()), (vec!["test_a.py::A::test_double"], 0));
    // Right, and without what the other test lives on.
    let commit = world.commit(&baseline.snapshot, "calc.py", "def double(n):\n    return n + n\n");
    let Outcome::ChangeVerified { report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    let seen = &report.orders[0];
    assert_eq!((report.orders.len(), seen.test.as_str(), seen.green), (1, "test_b.py::B::test_mode", false));
    assert!((1..=4).contains(&seen.seed), "{seen:?}");
    // A model's change that does so is for the tester to tell.
    let answer = "calc.py\n```\ndef double(n):\n    return n + n\n```\n";
    let outcome = world.perform(&baseline.try_reply(answer, &[]));
    assert!(matches!(outcome, Outcome::ChangeProposed { .. }), "{outcome:?}");
    // What the change reaches is its own business: the same test with the module at hand.
    let reaching = "import os\nimport unittest\nimport calc\n\n\nclass B(unittest.TestCase):\n    def test_mode(self):\n        \
                    self.assertEqual(os.environ.get('CALC_MODE'), 'fast', calc.double)\n";
    let product =
        "import os\n\n\ndef double(n):\n    os.environ['CALC_MODE'] = 'fast'\n    return n + n + 1\n";
    let first = "import unittest\nfrom calc import double\n\n\nclass A(unittest.TestCase):\n    def test_double(self):\n        \
                 self.assertEqual(double(2), 4)\n";
    let files = [("calc.py", product), ("test_a.py", first), ("test_b.py", reaching)];
    let world = World::new(&files, vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    let commit = world.commit(&baseline.snapshot, "calc.py", "def double(n):\n    return n + n\n");
    let Outcome::ChangeVerified { report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    assert_eq!(report.orders, []);
}

#[test]
fn what_is_red_behind_others_is_green_in_another_order_whose_seed_is_told() {
    let product = "def collect(message, lines=[]):\n    lines.append(message.strip())\n    return lines\n";
    let test = "import unittest\nfrom log import collect\n\n\nclass Log(unittest.TestCase):\n    def test_one(self):\n        \
                self.assertEqual(collect(' a '), ['a'])\n\n    def test_two(self):\n        self.assertEqual(collect('b'), ['b'])\n";
    let world = World::new(&[("log.py", product), ("test_log.py", test)], vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    let two = baseline.report.orders.iter().find(|seen| seen.test == "test_log.py::Log::test_two").unwrap();
    // In the order in which it comes first the other one is red.
    let one = baseline.report.orders.iter().find(|seen| seen.test == "test_log.py::Log::test_one").unwrap();
    assert_eq!((two.green, one.green, one.seed), (true, false, two.seed));
}
