//! The roles on real repositories, with the real runner under the machine's own Python.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "test code")]

#[path = "../../coditect-code/tests/python_host/mod.rs"]
mod python_host;
mod world;

use coditect_ports::StopCause;
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::run::MOST_TOLD;
use coditect_types::{Action, ErrorKind, Failure, Limits, Outcome, Rung, TestStatus, Tier};
use python_host::Host;
use world::{Baseline, World};

const CALC: &str = "def total(xs):\n    result = 0\n    for x in xs:\n        result += x\n    return result\n\n\n\
                    def largest(xs):\n    best = xs[0]\n    for x in xs:\n        if x < best:\n            best = x\n    \
                    return best\n";
const TEST_CALC: &str = "import unittest\nfrom calc import largest, total\n\n\nclass TestCalc(unittest.TestCase):\n    \
    def test_total(self):\n        self.assertEqual(total([1, 2, 3]), 6)\n\n    def test_largest(self):\n        \
    self.assertEqual(largest([3, 9, 2]), 9)\n\n    def test_largest_of_one(self):\n        \
    self.assertEqual(largest([4]), 4)\n";

fn project() -> Vec<(&'static str, &'static str)> {
    vec![("calc.py", CALC), ("tests/test_calc.py", TEST_CALC)]
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed { failure, .. } => failure,
        other => panic!("it was not to succeed: {other:?}"),
    }
}

/// Each run that an attempt counts went through a sandbox, and is told with its end, in order.
fn tells_its_runs(spent: &Spent, tier: Tier) {
    let counted: u64 = spent.runs.ends.iter().map(|count| count.runs).sum();
    assert!(counted >= spent.sandbox_runs && counted > 0, "{spent:?}");
    assert!(spent.runs.ends.iter().all(|count| count.tier == tier && count.took_us > 0), "{spent:?}");
    let told = &spent.runs.told;
    assert_eq!(told.len(), usize::try_from(counted).unwrap().min(MOST_TOLD));
    assert!(told.windows(2).all(|two| two[0].after_us <= two[1].after_us), "{spent:?}");
}

/// From the person's directory to a branch, through all four roles.
fn from_red_to_branch(tier: Tier) {
    let world = World::new(&project(), vec![Host::new(tier)]);
    let baseline = world.baseline_with(SandboxChoice::Only(tier));
    assert_eq!(baseline.tier, tier);
    let red: Vec<&str> = baseline.report.red().map(|test| test.id.as_str()).collect();
    assert_eq!(red, ["tests/test_calc.py::TestCalc::test_largest"]);
    // Quick ones are run more often than twice again.
    assert!(baseline.report.tests[0].passes_of_runs.is_some_and(|(passed, ran)| passed == 0 && ran >= 3));
    assert_eq!(baseline.suspects[0].file, "calc.py");
    assert!(baseline.suspects[..6].iter().any(|suspect| suspect.line == 11), "{:?}", baseline.suspects);
    assert_eq!(baseline.receipt.exit_code, 1);
    assert!(baseline.spent.sandbox_runs >= 3);
    tells_its_runs(&baseline.spent, tier);
    assert_eq!(baseline.receipt.tree, baseline.snapshot.tree);

    match world.perform(&baseline.seek(Rung::Recipe)) {
        Outcome::NoChangeFound { rung: Rung::Recipe, at_limit: false, .. } => {}
        other => panic!("no recipe fits: {other:?}"),
    }
    let Outcome::ChangeProposed { proposal, spent } = world.perform(&baseline.seek(Rung::Reflex)) else {
        panic!("the search finds it")
    };
    assert!(proposal.diff.contains("-        if x < best:\n"), "{}", proposal.diff);
    assert_eq!(proposal.files.len(), 1);
    // One process tries many candidates where it can fork.
    let least = if tier == Tier::Wasm { spent.candidates } else { 1 };
    assert!(spent.candidates > 0 && spent.sandbox_runs >= least);
    tells_its_runs(&spent, tier);
    assert!(proposal.confidence > 0.0 && proposal.confidence <= 1.0);

    let Outcome::ChangeVerified { receipt, report, spent } =
        world.perform(&baseline.verify(&proposal.commit))
    else {
        panic!("the tester answers")
    };
    tells_its_runs(&spent, tier);
    assert_eq!(receipt.exit_code, 0);
    assert_eq!(receipt.tree, proposal.tree);
    assert!(report.tests.is_empty() && report.problems.is_empty());
    assert_eq!(receipt.before["tests/test_calc.py::TestCalc::test_largest"], TestStatus::Failed);
    assert!(receipt.after.values().all(|status| *status == TestStatus::Passed));
    assert_eq!((receipt.after.len(), receipt.output_hash.len()), (3, 64));
    assert!(receipt.taken_at_ms > 0);

    // Meanwhile the person goes on: with a new file, one that the change has too, and one that is theirs alone.
    let theirs = world.edited("calc.py", "# mine\n");
    world.edited("notes.txt", "to do\n");
    let Outcome::HandedOver { branch: Some(branch), commit: Some(_), patch: None, moved } =
        world.perform(&baseline.hand_over(&proposal.commit))
    else {
        panic!("the person gets a branch")
    };
    assert_eq!(moved, ["calc.py", "notes.txt"]);
    assert_eq!(world.edited("calc.py", ""), theirs, "it is as the person left it");
    assert!(world.git(&["show", &format!("{branch}:calc.py")]).contains("if x > best:"));
    assert!(world.notices() > 5);
}

#[test]
fn from_red_to_branch_by_overlays() {
    from_red_to_branch(Tier::Wasm);
}

#[test]
fn from_red_to_branch_on_the_disk() {
    from_red_to_branch(Tier::Os);
}

/// The search runs only the files of red tests where that says the same. Here it does not.
#[test]
fn a_test_file_that_leans_on_another_is_run_with_it() {
    let prepares = "import builtins\nimport unittest\nbuiltins.expected = 9\n\n\nclass TestA(unittest.TestCase):\n    \
                    def test_a(self): pass\n";
    let leans = "import builtins\nimport unittest\nfrom calc import largest\n\n\nclass TestB(unittest.TestCase):\n    \
                 def test_largest(self):\n        self.assertEqual(largest([3, 9, 2]), builtins.expected)\n";
    let files = [("calc.py", CALC), ("tests/test_a.py", prepares), ("tests/test_b.py", leans)];
    let world = World::new(&files, vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    assert_eq!(baseline.report.red().count(), 1);
    let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.seek(Rung::Reflex)) else {
        panic!("the search finds it")
    };
    assert!(proposal.diff.contains("-        if x < best:\n"), "{}", proposal.diff);
}

#[test]
fn a_project_below_the_top_is_repaired_where_it_lies() {
    let files: Vec<(String, &str)> =
        project().into_iter().map(|(path, text)| (format!("py/{path}"), text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let world = World::new(&files, vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    assert_eq!(baseline.project.root, "py");
    let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.seek(Rung::Reflex)) else {
        panic!("the search finds it")
    };
    assert_eq!(proposal.files[0].path, "py/calc.py");
}

const NO_SQLITE: &str = "import sys\nsys.modules['sqlite3'] = None\n";
const USES_SQLITE: &str = "import sqlite3, unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                           self.assertTrue(sqlite3.connect(':memory:'))\n    def test_b(self):\n        self.fail('red')\n";

#[test]
fn what_wasm_lacks_runs_in_the_os_sandbox() {
    let hosts = vec![Host::new(Tier::Wasm).with_prelude(NO_SQLITE), Host::new(Tier::Os)];
    let world = World::new(&[("test_db.py", USES_SQLITE)], hosts);
    let baseline = world.baseline();
    assert_eq!((baseline.tier, baseline.project.tier), (Tier::Os, Tier::Os));
    assert!(baseline.project.tier_reason.contains("`sqlite3`"), "{}", baseline.project.tier_reason);
    assert_eq!(baseline.report.red().count(), 1);
}

#[test]
fn where_no_other_sandbox_is_allowed_that_is_said() {
    let hosts = vec![Host::new(Tier::Wasm).with_prelude(NO_SQLITE), Host::new(Tier::Os)];
    let world = World::new(&[("test_db.py", USES_SQLITE)], hosts);
    let failure = failure(world.measure(SandboxChoice::Only(Tier::Wasm)));
    assert_eq!(failure.kind, ErrorKind::Denied);
    assert!(failure.cause.contains("sqlite3") && failure.hint.unwrap().contains("--sandbox auto"));
}

#[test]
fn a_module_that_nothing_has_is_named() {
    let hosts = vec![Host::new(Tier::Wasm), Host::new(Tier::Os)];
    let files = [("requirements.txt", "zebrafish\n"), ("test_z.py", "import unittest, zebrafish\n")];
    let files = [
        files[0],
        files[1],
        ("test_y.py", "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"),
    ];
    let world = World::new(&files, hosts);
    let failure = failure(world.measure(SandboxChoice::Auto));
    // The file that imports it has no test class that a survey could see, so unittest's own discovery names it.
    assert_eq!(failure.kind, ErrorKind::NotFound);
    assert!(failure.cause.contains("`zebrafish`"), "{}", failure.cause);
    assert!(failure.hint.unwrap().contains("pip install -r requirements.txt"));
}

#[test]
fn a_misspelt_import_is_a_defect_to_be_repaired() {
    let hosts = vec![Host::new(Tier::Wasm), Host::new(Tier::Os)];
    let files = [
        ("calc.py", "import maths\n\ndef root(x):\n    return maths.sqrt(x)\n"),
        (
            "test_calc.py",
            "import unittest\nfrom calc import root\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(root(4), 2)\n",
        ),
    ];
    let world = World::new(&files, hosts);
    let baseline = world.baseline();
    assert_eq!(baseline.tier, Tier::Wasm);
    assert_eq!(baseline.report.tests[0].id, "test_calc.py::<import>");
    assert_eq!(baseline.report.tests[0].error_type, "ModuleNotFoundError");
}

const READ_ONLY: &str = "import builtins, errno\n_open = builtins.open\ndef guarded(file, mode='r', *rest, **named):\n    \
                     if 'w' in mode: raise OSError(errno.EROFS, 'Read-only file system', str(file))\n    \
                     return _open(file, mode, *rest, **named)\nbuiltins.open = guarded\n";

#[test]
fn a_test_that_writes_below_the_project_runs_in_the_os_sandbox() {
    let hosts = vec![Host::new(Tier::Wasm).with_prelude(READ_ONLY), Host::new(Tier::Os)];
    let test = "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                with open('out.txt', 'w') as f: f.write('x')\n    def test_b(self):\n        self.fail('red')\n";
    let world = World::new(&[("test_w.py", test)], hosts);
    let baseline = world.baseline();
    assert_eq!(baseline.tier, Tier::Os);
    assert!(
        baseline.project.tier_reason.contains("writes below the project"),
        "{}",
        baseline.project.tier_reason
    );
    assert_eq!(baseline.report.red().count(), 1);
}

#[test]
fn a_defect_behind_a_write_is_seen_in_the_os_sandbox() {
    let store =
        "def save(path, items):\n    with open(path, 'w') as f:\n        f.write(' '.join(items[1:]))\n";
    let test = "import unittest\nfrom store import save\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                save('out.txt', ['a', 'b'])\n        self.assertEqual(open('out.txt').read(), 'a b')\n";
    let hosts = vec![Host::new(Tier::Wasm).with_prelude(READ_ONLY), Host::new(Tier::Os)];
    let world = World::new(&[("store.py", store), ("test_w.py", test)], hosts);
    let baseline = world.baseline();
    assert_eq!(baseline.tier, Tier::Os);
    assert_eq!(baseline.report.tests[0].error_type, "AssertionError");
}

#[test]
fn a_test_that_fails_now_and_then_is_told_from_one_that_always_fails() {
    let place = tempfile::tempdir().unwrap();
    let counter = place.path().join("count");
    let test = format!(
        "import unittest\n\nclass T(unittest.TestCase):\n    def test_now_and_then(self):\n        \
         with open({counter:?}, 'a+') as f:\n            f.write('x')\n            f.seek(0)\n            n = len(f.read())\n        \
         self.assertNotEqual(n, 1)\n    def test_always(self):\n        self.fail('red')\n"
    );
    let world = World::new(&[("test_f.py", &test)], vec![Host::new(Tier::Os)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    assert_eq!(
        baseline.report.flaky().map(|test| (test.id.as_str(), test.passes_of_runs)).collect::<Vec<_>>(),
        [("test_f.py::T::test_now_and_then", Some((3, 4)))]
    );
    assert_eq!(baseline.receipt.flaky["test_f.py::T::test_now_and_then"], (3, 4));
    assert_eq!(baseline.report.red().count(), 2);
}

#[test]
fn a_green_suite_has_a_receipt_of_its_own() {
    let fixed = CALC.replace("x < best", "x > best");
    let world =
        World::new(&[("calc.py", &fixed), ("tests/test_calc.py", TEST_CALC)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    assert_eq!((baseline.report.red().count(), baseline.suspects.len()), (0, 0));
    assert_eq!((baseline.receipt.exit_code, baseline.receipt.after.len()), (0, 3));
    assert_eq!(baseline.spent.sandbox_runs, 1);
}

#[test]
fn a_suite_without_tests_is_no_success() {
    let empty = "import unittest\n\nclass TestA(unittest.TestCase):\n    pass\n";
    let world = World::new(&[("test_e.py", empty)], vec![Host::new(Tier::Wasm)]);
    let failure = failure(world.measure(SandboxChoice::Auto));
    assert_eq!(failure.kind, ErrorKind::NotFound);
    assert!(failure.cause.contains("found no tests"), "{}", failure.cause);
}

#[test]
fn a_syntax_error_is_suspected_at_its_line_and_repaired_as_one_import() {
    let broken = CALC.replace("x < best:", "x > best");
    let world =
        World::new(&[("calc.py", &broken), ("tests/test_calc.py", TEST_CALC)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    assert_eq!(baseline.report.tests[0].id, "tests/test_calc.py::<import>");
    assert_eq!(baseline.report.problems.len(), 1);
    assert_eq!((baseline.suspects[0].file.as_str(), baseline.suspects[0].line), ("calc.py", 11));
    let fixed = CALC.replace("x < best", "x > best");
    let commit = world.commit(&baseline.snapshot, "calc.py", &fixed);
    let Outcome::ChangeVerified { receipt, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    assert_eq!(receipt.after["tests/test_calc.py::<import>"], TestStatus::Passed);
    assert_eq!((receipt.exit_code, receipt.after.len()), (0, 4));
}

#[test]
fn a_change_that_breaks_a_green_test_is_refuted() {
    let world = World::new(&project(), vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    let bad = CALC.replace("x < best", "x > best").replace("result += x", "result -= x");
    let commit = world.commit(&baseline.snapshot, "calc.py", &bad);
    let Outcome::ChangeVerified { receipt, report, .. } = world.perform(&baseline.verify(&commit)) else {
        panic!("the tester answers")
    };
    assert_eq!(receipt.exit_code, 1);
    assert_eq!(receipt.after["tests/test_calc.py::TestCalc::test_total"], TestStatus::Failed);
    assert_eq!(report.red().count(), 1);
}

#[test]
fn a_command_is_judged_by_its_exit_code() {
    let script = "from calc import largest\nassert largest([3, 9, 2]) == 9\n";
    let world = World::new(&[("calc.py", CALC), ("test_calc.py", script)], vec![Host::new(Tier::Os)]);
    let baseline = world.baseline();
    assert_eq!(baseline.report.tests[0].id, "python3 test_calc.py");
    let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.seek(Rung::Reflex)) else {
        panic!("the search finds it")
    };
    assert!(proposal.diff.contains("calc.py"));
}

#[test]
fn whoever_is_stopped_says_so() {
    let world = World::new(&project(), vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline();
    world.stop.raise(StopCause::Cancelled);
    let actions = [
        Action::TakeSnapshot { workspace: world.workspace() },
        world.measure_action(&baseline.snapshot, baseline.project.clone(), SandboxChoice::Auto),
        baseline.seek(Rung::Recipe),
        baseline.seek(Rung::Reflex),
        baseline.verify(&baseline.snapshot.commit),
        baseline.hand_over(&baseline.snapshot.commit),
    ];
    for action in actions {
        assert_eq!(failure(world.perform(&action)).kind, ErrorKind::Interrupted, "{action:?}");
    }
}

#[test]
fn a_missing_sandbox_is_denied_with_a_way_on() {
    let world = World::new(&project(), vec![]);
    let failure = failure(world.measure(SandboxChoice::Auto));
    assert_eq!(failure.kind, ErrorKind::NoSandbox);
    assert!(failure.hint.unwrap().contains("coditect doctor"));
}

#[test]
fn a_hanging_test_is_red_and_does_not_stop_the_others() {
    let hangs = "def wait(n):\n    while n > 0:\n        n = n\n    return n\n\ndef one():\n    return 1\n";
    let test = "import unittest\nfrom calc import one, wait\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                self.assertEqual(wait(2), 0)\n    def test_b(self):\n        self.assertEqual(one(), 1)\n";
    let world = World::new(&[("calc.py", hangs), ("test_calc.py", test)], vec![Host::new(Tier::Wasm)]);
    let Baseline { report, .. } = world.baseline_within(&Limits { wall_ms: 4_000, ..Limits::default() });
    let statuses: Vec<TestStatus> = report.tests.iter().map(|test| test.status).collect();
    assert_eq!(statuses, [TestStatus::TimedOut, TestStatus::Passed]);
}

/// The red tests and those of their file stand for a suite that takes most of the search's time: it runs for the proof, or,
/// where there is no time for that, in the tester's hands alone.
#[test]
fn a_suite_that_takes_long_is_not_run_for_each_candidate() {
    let place = tempfile::tempdir().unwrap();
    let counter = place.path().join("count");
    let slow = format!(
        "import unittest\n\nclass Slow(unittest.TestCase):\n    def test_slow(self):\n        \
         with open({counter:?}, 'a') as f:\n            f.write('x')\n"
    );
    let files = [("calc.py", CALC), ("test_calc.py", TEST_CALC), ("test_slow.py", &slow)];
    let world = World::new(&files, vec![Host::new(Tier::Os)]);
    let mut baseline = world.baseline_with(SandboxChoice::Only(Tier::Os));
    let runs = || std::fs::read_to_string(&counter).unwrap_or_default().len();
    let mut counted = |wall_ms: u64| {
        baseline.report.wall_ms = wall_ms;
        let before = runs();
        let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.seek(Rung::Reflex)) else {
            panic!("the search finds it")
        };
        assert!(proposal.diff.contains("+        if x > best:\n"), "{}", proposal.diff);
        runs() - before
    };
    // The search takes a minute: one proof fits, none does, and as many runs as there are survivors.
    assert_eq!([counted(30_000), counted(61_000)], [1, 0]);
    assert!(counted(100) > 1);
}
