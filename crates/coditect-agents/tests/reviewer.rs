//! The reviewer on real commits: what it objects to, what it remarks, and what it lets through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "test code")]

#[path = "../../coditect-code/tests/python_host/mod.rs"]
mod python_host;
mod world;

use coditect_types::{Action, Aim, Focus, Outcome, Tier};
use python_host::Host;
use world::{Baseline, World};

const CALC: &str =
    "def total(xs):\n    result = 0\n    for x in xs:\n        result -= x\n    return result\n";
const RIGHT: &str =
    "def total(xs):\n    result = 0\n    for x in xs:\n        result += x\n    return result\n";
const TEST_CALC: &str = "import unittest\nfrom calc import total\n\n\nclass TestCalc(unittest.TestCase):\n    \
    def test_total(self):\n        self.assertEqual(total([1, 2, 3]), 6)\n";

/// What the reviewer says of a commit that gives one file this text: objections and remarks.
fn reviewed(
    world: &World,
    baseline: &Baseline,
    path: &str,
    text: &str,
    aim: Aim,
) -> (Vec<String>, Vec<String>) {
    let action = Action::ReviewChange {
        snapshot: baseline.snapshot.clone(),
        commit: world.commit(&baseline.snapshot, path, text),
        files: vec![path.into()],
        project: baseline.project.clone(),
        baseline: baseline.report.clone(),
        request: "make `total` add".into(),
        focus: Focus { aim, ..Focus::default() },
    };
    match world.perform(&action) {
        Outcome::ChangeReviewed { objections, remarks } => (objections, remarks),
        other => panic!("it is reviewed: {other:?}"),
    }
}

#[test]
fn what_tests_cannot_tell_is_objected_to() {
    let world =
        World::new(&[("calc.py", CALC), ("tests/test_calc.py", TEST_CALC)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    let of = |path: &str, text: &str, aim: Aim| reviewed(&world, &baseline, path, text, aim);
    assert_eq!(of("calc.py", RIGHT, Aim::TurnTestsGreen), (Vec::new(), Vec::new()));
    let loud = RIGHT.replace("    return", "    print(result)\n    return");
    let (objections, remarks) = of("calc.py", &loud, Aim::TurnTestsGreen);
    assert!(
        objections.is_empty() && remarks[0].contains("prints while it runs"),
        "{objections:?} {remarks:?}"
    );
    let network = format!(
        "import urllib.request\n\n\n{RIGHT}\n\ndef more():\n    return urllib.request.urlopen('http://x')\n"
    );
    let weaker = TEST_CALC.replace("6)", "total([1, 2, 3]))");
    for (path, text, aim, why) in [
        ("calc.py", network.as_str(), Aim::TurnTestsGreen, "neither the request nor the tests speak of that"),
        ("tests/test_calc.py", weaker.as_str(), Aim::TurnTestsGreen, "holds tests, and they were changed"),
        ("calc.py", RIGHT, Aim::KeepCode, "has other code from line 4 on"),
    ] {
        let (objections, _) = of(path, text, aim);
        assert!(objections.iter().any(|said| said.contains(why)), "{why}: {objections:?}");
    }
    let documented = CALC.replace("xs):\n", "xs):\n    \"\"\"The sum.\"\"\"\n");
    assert_eq!(of("calc.py", &documented, Aim::KeepCode).0, Vec::<String>::new());
    // Tests that are asked for may be added to a file of tests.
    let more = format!("{TEST_CALC}\n    def test_none(self):\n        self.assertEqual(total([]), 0)\n");
    assert_eq!(of("tests/test_calc.py", &more, Aim::AddTests).0, Vec::<String>::new());
}
