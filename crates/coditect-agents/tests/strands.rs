//! Strands on a real repository: what tests need, answers that are tried side by side, changes that are put together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "test code")]

#[path = "../../coditect-code/tests/python_host/mod.rs"]
mod python_host;
mod world;

use coditect_types::action::StrandChange;
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Proposal;
use coditect_types::{Action, Limits, Outcome, Strand, StrandId, Tier};
use python_host::Host;
use world::{Baseline, World};

const NAMES: [&str; 4] = ["area", "roman", "word", "zero"];

/// Four modules with a function that is to be written, and a green test that no two of them may be called `owner`.
fn begun() -> (World, Baseline) {
    let mut files = Vec::new();
    for name in NAMES {
        files.push((
            format!("{name}.py"),
            "def solve(n):\n    raise NotImplementedError  # TODO\n".to_owned(),
        ));
        let text = format!(
            "import unittest\nfrom {name} import solve\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        \
             self.assertEqual(solve(2), 2)\n"
        );
        files.push((format!("tests/test_{name}.py"), text));
    }
    let sum = "import unittest\nimport area, roman, word, zero\n\n\nclass Sum(unittest.TestCase):\n    def test_owner(self):\n        \
               owners = [m for m in (area, roman, word, zero) if hasattr(m, 'owner')]\n        self.assertLess(len(owners), 2)\n";
    files.push(("tests/test_sum.py".to_owned(), sum.to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::new(&files, vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    (world, baseline)
}

fn strand(n: usize) -> Strand {
    Strand {
        id: StrandId(u32::try_from(n).unwrap() + 1),
        tests: vec![format!("tests/test_{}.py::T::test_it", NAMES[n])],
        files: vec![format!("{}.py", NAMES[n])],
    }
}

/// The trial of this text of a module for its strand.
fn try_for(baseline: &Baseline, n: usize, path: &str, text: &str) -> Action {
    let mut action = baseline.try_reply(&format!("{path}\n```\n{text}```\n"), &[]);
    if let Action::TryReply { strand: of, .. } = &mut action {
        *of = Some(strand(n));
    }
    action
}

fn proposal(outcome: Outcome) -> Proposal {
    match outcome {
        Outcome::ChangeProposed { proposal, .. } => proposal,
        other => panic!("it is right: {other:?}"),
    }
}

/// A right change of each module; those named by `owners` are called `owner` too.
fn changes(world: &World, baseline: &Baseline, owners: &[usize]) -> Vec<StrandChange> {
    let one = |n: usize| {
        let owner = if owners.contains(&n) { "\n\nowner = True\n" } else { "" };
        let text = format!("def solve(n):\n    return n\n{owner}");
        let action = try_for(baseline, n, &format!("{}.py", NAMES[n]), &text);
        StrandChange { strand: strand(n), proposal: proposal(world.perform(&action)) }
    };
    std::thread::scope(|scope| {
        let tries: Vec<_> = (0..NAMES.len()).map(|n| scope.spawn(move || one(n))).collect();
        tries.into_iter().map(|done| done.join().unwrap()).collect()
    })
}

fn merge(baseline: &Baseline, changes: &[StrandChange], contradicted: Option<&[&str]>) -> Action {
    Action::MergeStrands {
        snapshot: baseline.snapshot.clone(),
        project: baseline.project.clone(),
        baseline: baseline.report.clone(),
        changes: changes.to_vec(),
        contradicted: contradicted.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
        halving_ms: 0,
        limits: Limits::default(),
        focus: Default::default(),
        waived: Vec::new(),
    }
}

#[test]
fn what_each_red_test_needs_is_gathered() {
    let (world, baseline) = begun();
    let action = baseline.gather("implement what is marked TODO");
    let Outcome::ContextGathered { context } = world.perform(&action) else { panic!("it is gathered") };
    let told: Vec<String> = context
        .reach
        .iter()
        .map(|one| format!("{} {} {}", one.tests.join(" "), one.test_files.join(" "), one.files.join(" ")))
        .collect();
    let expect: Vec<String> = NAMES
        .iter()
        .map(|name| format!("tests/test_{name}.py::T::test_it tests/test_{name}.py {name}.py"))
        .collect();
    assert_eq!(told, expect);
}

#[test]
fn an_answer_is_judged_by_the_tests_of_its_strand_and_by_what_was_green() {
    let (world, baseline) = begun();
    for (path, text, why) in [
        ("area.py", "def solve(n):\n    return 3\n", "test_area.py::T::test_it` is red"),
        ("roman.py", "def solve(n):\n    return n\n", "none of the files that may be changed here"),
        ("tests/test_area.py", "x = 1\n", "tests are not changed"),
    ] {
        let outcome = world.perform(&try_for(&baseline, 0, path, text));
        let Outcome::ReplyRefused { account, feedback, .. } = outcome else { panic!("{path}: {outcome:?}") };
        assert!(account.contains(why), "{path}: {account}");
        assert!(!feedback.contains("test_roman.py::T"), "what others work on is not told: {feedback}");
    }
    // The first of these runs the tests of its strand and nothing else.
    let outcome = world.perform(&try_for(&baseline, 0, "area.py", "def solve(n):\n    return 3\n"));
    assert!(
        matches!(&outcome, Outcome::ReplyRefused { spent, .. } if spent.sandbox_runs == 1),
        "{outcome:?}"
    );
    let right = try_for(&baseline, 0, "area.py", "def solve(n):\n    return n\n");
    let Outcome::ChangeProposed { proposal, spent } = world.perform(&right) else { panic!("it is right") };
    // Its tests, all tests, and what it does for other inputs than theirs: gathered, without it and with it.
    assert_eq!((spent.sandbox_runs, proposal.files.len()), (5, 1));
}

#[test]
fn answers_that_are_tried_at_once_do_not_meet_and_become_one_change() {
    let (world, baseline) = begun();
    let changes = changes(&world, &baseline, &[]);
    let Outcome::ChangesMerged { proposal: Some(merged), left_out, spent } =
        world.perform(&merge(&baseline, &changes, None))
    else {
        panic!("they are merged")
    };
    assert_eq!((left_out.len(), spent.sandbox_runs, merged.files.len()), (0, 0, 4));
    assert!(merged.evidence.left_red.is_empty(), "{:?}", merged.evidence.left_red);
    let Outcome::ChangeVerified { receipt, .. } = world.perform(&baseline.verify(&merged.commit)) else {
        panic!("it is verified")
    };
    assert_eq!((receipt.exit_code, &receipt.tree), (0, &merged.tree));
    // Without one of them, what it is for stays red.
    let Outcome::ChangesMerged { proposal: Some(merged), .. } =
        world.perform(&merge(&baseline, &changes[1..], None))
    else {
        panic!("they are merged")
    };
    assert_eq!(merged.evidence.left_red, ["tests/test_area.py::T::test_it"]);
}

#[test]
fn the_change_that_does_not_go_with_those_before_it_is_found_by_halving() {
    let (world, baseline) = begun();
    let changes = changes(&world, &baseline, &[1, 2]);
    for red in [&["tests/test_sum.py::Sum::test_owner"][..], &[]] {
        let outcome = world.perform(&merge(&baseline, &changes, Some(red)));
        let Outcome::ChangesMerged { proposal: Some(merged), left_out, .. } = outcome else {
            panic!("they are merged: {outcome:?}")
        };
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        assert_eq!(left_out[0].strand, StrandId(3));
        assert!(
            left_out[0]
                .why
                .contains("beside the strands before it, `tests/test_sum.py::Sum::test_owner` is red")
        );
        assert_eq!(merged.files.len(), 3);
        let Outcome::ChangeVerified { report, .. } = world.perform(&baseline.verify(&merged.commit)) else {
            panic!("it is verified")
        };
        let red: Vec<&str> = report.red().map(|test| test.id.as_str()).collect();
        assert_eq!(red, ["tests/test_word.py::T::test_it"]);
    }
    // What was red by chance leaves nobody out.
    let outcome =
        world.perform(&merge(&baseline, &changes[..2], Some(&["tests/test_sum.py::Sum::test_owner"])));
    let Outcome::ChangesMerged { proposal: Some(merged), left_out, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((merged.files.len(), left_out.len()), (2, 0));
}

#[test]
fn of_a_change_that_does_not_go_with_the_others_a_part_may() {
    let (world, baseline) = begun();
    let changes = changes(&world, &baseline, &[1, 2]);
    for red in [&["tests/test_sum.py::Sum::test_owner"][..], &[]] {
        let mut action = merge(&baseline, &changes, Some(red));
        if let Action::MergeStrands { halving_ms, .. } = &mut action {
            *halving_ms = 60_000;
        }
        let outcome = world.perform(&action);
        let Outcome::ChangesMerged { proposal: Some(merged), left_out, .. } = outcome else {
            panic!("they are merged: {outcome:?}")
        };
        // What is asked for is all there, and one line is not.
        assert_eq!((left_out.len(), merged.files.len()), (0, 4));
        assert!(merged.evidence.left_red.is_empty(), "{:?}", merged.evidence.left_red);
        assert_eq!(merged.diff.matches("+owner = True").count(), 1, "{}", merged.diff);
        let halved = merged.evidence.halved.expect("a part was left out");
        assert_eq!(halved.parts[0].breaks, ["tests/test_sum.py::Sum::test_owner"]);
        assert!(halved.parts[0].places[0].starts_with("word.py:"), "{halved:?}");
        let Outcome::ChangeVerified { report, .. } = world.perform(&baseline.verify(&merged.commit)) else {
            panic!("it is verified")
        };
        assert_eq!(report.red().count(), 0);
    }
}
