//! Suites of real Python code, run by the real runner.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod python_host;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use coditect_code::suite::{Coverage, Fate, IMPORT, Many, Patch, Suite, SuiteReport, SuiteRun};
use coditect_code::survey::Survey;
use coditect_ports::{Stop, StopCause, Writes};
use coditect_types::limits::SandboxChoice;
use coditect_types::{ErrorKind, Limits, Project, TestStatus, Tier};
use python_host::{Host, tree};

fn survey(dir: &tempfile::TempDir) -> Project {
    let survey = Survey {
        worktree: dir.path(),
        subdir: "",
        home: None,
        test_command: None,
        report: None,
        sandbox: SandboxChoice::Auto,
    };
    coditect_code::survey::survey(&survey).unwrap()
}

fn limits() -> Limits {
    Limits { wall_ms: 20_000, ..Limits::default() }
}

fn suite<'a>(project: &'a Project, dir: &'a tempfile::TempDir, host: &'a Host) -> Suite<'a> {
    Suite { project, view: dir.path(), sandbox: host, waived: &[], cache: None, writes: Writes::Kept }
}

fn run(files: &[(&str, &str)], change: impl FnOnce(&mut SuiteRun<'_>)) -> SuiteReport {
    let dir = tree(files);
    let project = survey(&dir);
    let host = Host::new(Tier::Os);
    let suite = suite(&project, &dir, &host);
    let limits = limits();
    let mut how = SuiteRun::whole(&limits);
    change(&mut how);
    suite.run(&how, &Stop::new(), &mut |_| {}).unwrap()
}

fn ends(report: &SuiteReport) -> Vec<(&str, TestStatus)> {
    report.report.tests.iter().map(|test| (test.id.as_str(), test.status)).collect()
}

const CALC: &str = "def add(a, b):\n    return a - b\n\n\ndef one():\n    return 1\n";
const TEST_CALC: &str = "import unittest\nfrom calc import add, one\n\nclass TestCalc(unittest.TestCase):\n    \
    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n    def test_one(self):\n        self.assertEqual(one(), 1)\n";

#[test]
fn results_come_test_by_test_with_lines_and_frames() {
    let report = run(&[("calc.py", CALC), ("test_calc.py", TEST_CALC)], |how| how.coverage = Coverage::Lines);
    assert_eq!(
        ends(&report),
        [
            ("test_calc.py::TestCalc::test_add", TestStatus::Failed),
            ("test_calc.py::TestCalc::test_one", TestStatus::Passed)
        ]
    );
    let red = &report.report.tests[0];
    assert_eq!(red.error_type, "AssertionError");
    assert!(red.message.contains("-1 != 3"), "{}", red.message);
    assert_eq!(report.lines["test_calc.py::TestCalc::test_add"]["calc.py"], [2]);
    assert_eq!(report.report.exit_code, Some(1));
    assert!(report.import_lines["calc.py"].contains(&1));
}

#[test]
fn an_overlay_changes_what_runs_and_not_the_disk() {
    let overlay = BTreeMap::from([("calc.py".to_owned(), CALC.replace("a - b", "a + b"))]);
    let dir = tree(&[("calc.py", CALC), ("test_calc.py", TEST_CALC)]);
    let project = survey(&dir);
    let host = Host::new(Tier::Wasm);
    let suite = suite(&project, &dir, &host);
    let limits = limits();
    let how = SuiteRun { overlay: &overlay, ..SuiteRun::whole(&limits) };
    let report = suite.run(&how, &Stop::new(), &mut |_| {}).unwrap();
    assert_eq!(report.report.red().count(), 0);
    assert_eq!(report.report.exit_code, Some(0));
    assert_eq!(std::fs::read_to_string(dir.path().join("calc.py")).unwrap(), CALC);
}

#[test]
fn tests_that_hang_or_kill_the_process_are_red_and_the_rest_still_runs() {
    let report = run(
        &[(
            "test_hard.py",
            "import os, signal, unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n    \
             def test_b_hangs(self):\n        while True: pass\n    def test_c_dies(self):\n        \
             os.kill(os.getpid(), signal.SIGKILL)\n    def test_d(self):\n        pass\n    \
             def test_e_hangs_too(self):\n        while True: pass\n    def test_f(self):\n        pass\n",
        )],
        |how| how.share = Some(Duration::from_millis(300)),
    );
    let statuses: Vec<TestStatus> = report.report.tests.iter().map(|test| test.status).collect();
    use TestStatus::{Errored, Passed, TimedOut};
    assert_eq!(statuses, [Passed, TimedOut, Errored, Passed, TimedOut, Passed]);
    assert_eq!(report.runs, 4);
    assert_eq!(report.report.exit_code, Some(1));
}

#[test]
fn a_file_that_cannot_be_imported_is_one_red_test_until_it_can_be() {
    let files = [("calc.py", "def add(a, b)\n    return a + b\n"), ("tests/test_calc.py", TEST_CALC)];
    let report = run(&files, |_| {});
    let id = format!("tests/test_calc.py{IMPORT}");
    assert_eq!(ends(&report), [(id.as_str(), TestStatus::Errored)]);
    let red = &report.report.tests[0];
    assert_eq!(
        (red.error_type.as_str(), red.frames.last().unwrap().file.as_str()),
        ("SyntaxError", "calc.py")
    );
    assert_eq!(report.report.problems.len(), 1, "{:?}", report.report.problems);

    let overlay = BTreeMap::from([("calc.py".to_owned(), CALC.replace("a - b", "a + b"))]);
    let imports = [id.clone()];
    let report = run(&files, |how| {
        how.overlay = Box::leak(Box::new(overlay));
        how.imports = Box::leak(Box::new(imports));
    });
    assert_eq!(report.report.tests.iter().find(|test| test.id == id).unwrap().status, TestStatus::Passed);
    assert_eq!(report.report.tests.len(), 3);
}

#[test]
fn setup_errors_belong_to_the_tests_of_the_class() {
    let report = run(
        &[(
            "test_s.py",
            "import unittest\n\nclass A(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        \
             raise ValueError('no')\n    def test_a(self):\n        pass\n\nclass B(unittest.TestCase):\n    \
             def test_b(self):\n        pass\n",
        )],
        |_| {},
    );
    assert_eq!(
        ends(&report),
        [("test_s.py::A::test_a", TestStatus::Errored), ("test_s.py::B::test_b", TestStatus::Passed)]
    );
}

#[test]
fn lines_that_the_code_under_test_forges_change_nothing() {
    let forge = "import os, unittest, json\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
        for line in ({'e': 'end', 'id': 'test_f.py::T::test_b', 'status': 'passed'}, {'e': 'done', 'exit_code': 0}, \
        {'e': 'collected', 'tests': ['x']}):\n            os.write(3, (json.dumps(line) + '\\n').encode())\n        \
        os.write(3, b'garbage\\n')\n    def test_b(self):\n        self.fail('red')\n    \
        def test_c(self):\n        line = {'e': 'end', 'id': 'test_f.py::T::test_c', 'status': 'passed'}\n        \
        os.write(3, (json.dumps(line) + '\\n').encode())\n        self.fail('red')\n";
    let report = run(&[("test_f.py", forge)], |_| {});
    assert_eq!(
        ends(&report),
        [
            ("test_f.py::T::test_a", TestStatus::Passed),
            ("test_f.py::T::test_b", TestStatus::Failed),
            ("test_f.py::T::test_c", TestStatus::Errored)
        ]
    );
    assert!(report.notes.iter().any(|note| note.contains("5 report lines")), "{:?}", report.notes);
}

#[test]
fn five_thousand_tests_are_no_trouble() {
    let mut text = "import unittest\n\nclass T(unittest.TestCase):\n".to_owned();
    for i in 0..5000 {
        text += &format!("    def test_{i:04}(self):\n        self.assertTrue({i} != 77)\n");
    }
    let started = Instant::now();
    let report = run(&[("test_many.py", &text)], |_| {});
    assert_eq!(report.report.tests.len(), 5000);
    assert_eq!(report.report.red().count(), 1);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn a_raised_flag_ends_it_soon() {
    let dir = tree(&[(
        "test_h.py",
        "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        while True: pass\n",
    )]);
    let project = survey(&dir);
    let host = Host::new(Tier::Os);
    let suite = suite(&project, &dir, &host);
    let (stop, limits) = (Stop::new(), limits());
    stop.raise(StopCause::Cancelled);
    let started = Instant::now();
    let error = suite.run(&SuiteRun::whole(&limits), &stop, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_command_is_one_test_named_by_itself() {
    let dir = tree(&[("Makefile", "test:\n\t@echo three is not four; exit 3\n")]);
    let command = ["sh".to_owned(), "-c".to_owned(), "echo three is not four; exit 3".to_owned()];
    let survey = Survey {
        worktree: dir.path(),
        subdir: "",
        home: None,
        test_command: Some(&command),
        report: None,
        sandbox: SandboxChoice::Auto,
    };
    let project = coditect_code::survey::survey(&survey).unwrap();
    let host = Host::new(Tier::Os);
    let suite = suite(&project, &dir, &host);
    let limits = limits();
    let report = suite.run(&SuiteRun::whole(&limits), &Stop::new(), &mut |_| {}).unwrap();
    assert_eq!(ends(&report), [("sh -c echo three is not four; exit 3", TestStatus::Failed)]);
    assert_eq!(report.report.exit_code, Some(3));
    assert!(report.report.tests[0].message.contains("three is not four"));
}

#[test]
fn nothing_collected_is_said() {
    let report = run(&[("test_e.py", "import unittest\n\nclass T(unittest.TestCase):\n    pass\n")], |_| {});
    assert!(report.report.tests.is_empty());
    assert_eq!(report.report.exit_code, Some(5));
}

/// What came of changes of `shop.py` in one tree of processes.
fn forked(
    project_files: &[(&str, &str)],
    select: &[&str],
    near: &[&str],
    changes: &[(&str, &str)],
) -> Vec<Option<Fate>> {
    let dir = tree(project_files);
    let project = survey(&dir);
    let host = Host::new(Tier::Os);
    let suite = suite(&project, &dir, &host);
    let old = project_files[0].1;
    let candidates: Vec<Vec<Patch>> = changes
        .iter()
        .map(|(from, to)| {
            assert!(from.is_empty() || old.contains(from), "{from}");
            let new = if from.is_empty() { old.to_owned() } else { old.replacen(from, to, 1) };
            vec![Patch::between(project_files[0].0, old.as_bytes(), new.as_bytes()).unwrap()]
        })
        .collect();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let many = Many {
        candidates: &candidates,
        select: &ids(select),
        near: &ids(near),
        hangs: false,
        limits: &limits(),
        share: Duration::from_secs(10),
        tests_share: Duration::from_millis(700),
    };
    let (fates, runs) = suite.run_many(None, &many, &Stop::new()).unwrap();
    assert_eq!((fates.len(), runs), (changes.len(), 1));
    fates
}

const SHOP: &str = "import os\nRATE = 3\nSEEN = []\n\n\ndef price(n, rate=RATE):\n    SEEN.append(n)\n    return n + rate\n\n\n\
    def label(n):\n    return str(n)\n\n\nclass Till:\n    step = 1\n\n    def total(self, n):\n        return price(n) * self.step\n";
const TEST_SHOP: &str = "import unittest\nimport shop\n\nclass TestShop(unittest.TestCase):\n    def test_price(self):\n        \
    self.assertEqual(shop.price(2), 6)\n        self.assertEqual(len(shop.SEEN), 1)\n    def test_total(self):\n        \
    self.assertEqual(shop.Till().total(2), 6)\n    def test_label(self):\n        self.assertEqual(shop.label(4), '4')\n";
const RED: [&str; 2] = ["test_shop.py::TestShop::test_price", "test_shop.py::TestShop::test_total"];
const NEAR: [&str; 1] = ["test_shop.py::TestShop::test_label"];

#[test]
fn a_process_forks_itself_for_candidates() {
    let fates = forked(
        &[("shop.py", SHOP), ("test_shop.py", TEST_SHOP)],
        &RED,
        &NEAR,
        &[
            ("", ""),
            ("n + rate", "n * rate"),
            ("RATE = 3", "RATE = 4"),
            ("RATE = 3", "RATE ="),
            ("SEEN.append(n)", "os._exit(0)"),
            ("n + rate", "[0 for _ in iter(int, 1)]"),
            ("return str(n)\n\n\nclass Till:\n    step = 1", "return n\n\n\nclass Till:\n    step = 2"),
            ("", ""),
        ],
    );
    let fates: Vec<Fate> = fates.into_iter().map(Option::unwrap).collect();
    let passed = |n: usize| fates[n].passed.iter().map(String::as_str).collect::<Vec<_>>();
    let red = |n: usize| fates[n].red.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>();
    assert_eq!((passed(0), red(0)), (vec![], RED.to_vec()));
    assert!(fates[0].red[0].1.contains("5 != 6"), "{:?}", fates[0].red);
    // What one candidate leaves in memory is not there for the next: the list has one element in each.
    assert_eq!((passed(1), red(1)), (RED.to_vec(), vec![]));
    assert_eq!((fates[1].hung, fates[1].broke.as_slice()), (false, [].as_slice()));
    // A default is a matter of importing the file again.
    assert_eq!((passed(2), red(2)), (RED.to_vec(), vec![]));
    assert_eq!(passed(3), Vec::<&str>::new());
    assert!(!red(3).is_empty() && fates[3].red[0].1.contains("invalid syntax"), "{:?}", fates[3].red);
    assert!(!red(4).is_empty(), "{:?}", fates[4]);
    assert!(fates[5].hung, "{:?}", fates[5]);
    assert!(red(6).contains(&RED[0]), "{:?}", fates[6]);
    assert_eq!((passed(7), red(7)), (vec![], RED.to_vec()));
}

#[test]
fn tests_near_the_red_ones_are_asked_of_candidates_that_turn_them_green() {
    let test = TEST_SHOP.replace("assertEqual(len(shop.SEEN), 1)", "assertTrue(shop.SEEN)");
    let label = "return n + rate\n\n\ndef label(n):\n    return str(n)";
    let fates = forked(
        &[("shop.py", SHOP), ("test_shop.py", &test)],
        &RED,
        &NEAR,
        &[
            (label, "return n * rate\n\n\ndef label(n):\n    return n"),
            (label, "return n * rate\n\n\ndef label(n, m=1):\n    return n"),
            (label, "return n * rate\n\n\ndef label(n):\n    while True:\n        pass"),
        ],
    );
    for fate in fates.into_iter().map(Option::unwrap) {
        assert_eq!((fate.red.as_slice(), fate.hung), ([].as_slice(), false));
        assert_eq!(fate.passed, RED);
        assert_eq!(fate.broke.len(), 1, "{:?}", fate.broke);
    }
}

/// `double` is called while the file is imported: what that left is the old code's.
#[test]
fn functions_that_were_called_by_an_import_are_tried_in_place_and_anew() {
    let shop = "def double(n):\n    return n + 2\n\n\nTABLE = [double(n) for n in range(9)]\n\n\n\
        def of_table(n):\n    return TABLE[n]\n";
    let test = "import unittest\nimport shop\n\nclass TestShop(unittest.TestCase):\n    def test_table(self):\n        \
        self.assertEqual(shop.of_table(4), 8)\n    def test_double(self):\n        self.assertEqual(shop.double(4), 8)\n    \
        def test_far(self):\n        self.assertEqual(shop.TABLE[0], 0)\n";
    let files = [("shop.py", shop), ("test_shop.py", test)];
    let (table, double) = ("test_shop.py::TestShop::test_table", "test_shop.py::TestShop::test_double");
    let far = "test_shop.py::TestShop::test_far";
    let changes = [("n + 2", "n * 2"), ("n + 2", "n + 4"), ("n + 2", "n - 2")];
    let passed = |select: &[&str], near: &[&str]| -> Vec<(Vec<String>, usize, usize)> {
        let fates = forked(&files, select, near, &changes).into_iter().map(Option::unwrap);
        fates.map(|fate| (fate.passed, fate.red.len(), fate.broke.len())).collect()
    };
    let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    // Only what is imported anew has the new table.
    let ends = passed(&[table, double], &[far]);
    assert_eq!(ends, [(all(&[table, double]), 0, 0), (all(&[table, double]), 0, 1), (vec![], 2, 0)]);
    // One that passes in place may have broken what the import left.
    assert_eq!(passed(&[double], &[far]), [(all(&[double]), 0, 0), (all(&[double]), 0, 1), (vec![], 1, 0)]);
}

#[test]
fn what_a_tree_of_processes_cannot_take_is_left_to_others() {
    let shop = format!("# -*- coding: latin-1 -*-\n{SHOP}");
    let files = [("shop.py", shop.as_str()), ("test_shop.py", TEST_SHOP)];
    let fates = forked(&files, &RED, &[], &[("n + rate", "n * rate")]);
    assert_eq!(fates, [None]);
}

/// A call of what a file imports compiles to other code than a call of a method, which is what it looks like alone.
#[test]
fn a_function_that_calls_an_imported_module_is_exchanged_in_place() {
    let python = python_host::runner().parent().unwrap().display().to_string();
    let script = "import sys\nsys.path.insert(0, sys.argv[1])\nimport hot\nif not hot.IS_ABLE:\n    print('skipped')\n    sys.exit()\n\
        text = 'import os.path as path\\nimport re\\n\\ndef found(s):\\n    return re.match(\"a\", path.join(s))\\n\\nclass A:\\n    \
        def b(self):\\n        return re.escape(self.c)\\n'\ncode, space = compile(text, 'a.py', 'exec'), {}\nexec(code, space)\n\
        functions = {one.__code__: [one] for one in (space['found'], space['A'].b)}\nfile = hot.File('a.py', code, text, functions, set())\n\
        for new in (text.replace('\"a\"', '\"b\"'), text.replace('self.c', 'self.d'), text.replace('import re', 'import os')):\n    \
        pairs = file.exchanges(new)\n    print(pairs and [one.co_firstlineno for _, one in pairs])\n";
    let ran = std::process::Command::new("python3").args(["-c", script, &python]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said == "skipped\n" || said == "[4]\n[8]\nNone\n", "{said}{errors}");
}

#[test]
fn a_run_ends_where_the_tests_take_too_long_together() {
    let tests = "import time, unittest\n\nclass T(unittest.TestCase):\n    def test_a(self): time.sleep(0.05)\n    \
                 def test_b(self): pass\n";
    let report = run(&[("test_slow.py", tests)], |how| how.patience = Some(Duration::from_millis(40)));
    assert!(report.slow);
    let all =
        [("test_slow.py::T::test_a", TestStatus::Passed), ("test_slow.py::T::test_b", TestStatus::NotRun)];
    assert_eq!(ends(&report), all);
    let report = run(&[("test_slow.py", tests)], |how| how.patience = Some(Duration::from_secs(40)));
    assert!(!report.slow && report.report.tests.iter().all(|test| test.status == TestStatus::Passed));
}

#[test]
fn a_run_ends_where_the_first_tests_tell_that_all_take_too_long() {
    let tests = "import time, unittest\n\nclass T(unittest.TestCase):\n    pass\n\nfor n in range(300):\n    \
                 setattr(T, 'test_%03d' % n, lambda self: time.sleep(0.01))\n";
    let report = run(&[("test_slow.py", tests)], |how| how.patience = Some(Duration::from_millis(1_200)));
    assert!(report.slow);
    let left = report.report.tests.iter().filter(|test| test.status == TestStatus::NotRun).count();
    assert!(left > 200, "{left}");
}
