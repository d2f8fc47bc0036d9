//! Warm guests: they say what a fresh one says, over and over, and nothing of one run is seen by the next.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "test code")]

mod wasm_harness;

use std::ops::ControlFlow;

use coditect_ports::{Exit, Job, Program, Ran, Sandbox, Stop};
use coditect_sandbox::wasm::WasmSandbox;
use coditect_types::Limits;
use serde_json::{Value, json};
use wasm_harness::{PYTHON, Project};

const CALC: &str = "import json\nSEEN = []\n\ndef add(a, b):\n    SEEN.append(a)\n    return a - b\n";
const UNITTEST: &str = "import unittest\nimport calc\nimport state\n\nclass Add(unittest.TestCase):\n    \
                        def test_add(self):\n        self.assertEqual(calc.add(1, 2), 3)\n        \
                        self.assertEqual(calc.SEEN, [1])\n        self.assertEqual(state.touched(), 1)\n";
const PYTEST: &str = "import calc, state\n\ndef test_add(tmp_path):\n    (tmp_path / 'x').write_text('x')\n    \
                      assert calc.add(1, 2) == 3\n    assert calc.SEEN == [1]\n    assert state.touched() == 1\n";
/// Leaves traces in the library and in the directory for temporary files.
const STATE: &str = "import json, os\n\ndef touched():\n    json.touched = getattr(json, 'touched', 0) + 1\n    \
                     assert not os.path.exists('/tmp/trace')\n    open('/tmp/trace', 'w').close()\n    \
                     return json.touched\n";
const GOOD: &str = "SEEN = []\n\ndef add(a, b):\n    SEEN.append(a)\n    return a + b\n";

struct Bench {
    project: Project,
    sandbox: WasmSandbox,
    framework: &'static str,
    id: &'static str,
}

impl Bench {
    fn new(framework: &'static str) -> Self {
        let (test, id) = match framework {
            "pytest" => (PYTEST, "test_calc.py::test_add"),
            _ => (UNITTEST, "test_calc.py::Add::test_add"),
        };
        let project = Project::new(&[("calc.py", CALC), ("state.py", STATE), ("test_calc.py", test)]);
        Self { project, sandbox: WasmSandbox::new(PYTHON.clone()), framework, id }
    }

    /// One trial: how it ended, and the lines of its reports.
    fn run(&self, calc: Option<&str>, warm: bool, limits: &Limits, stop_at: &str) -> (Ran, Vec<Value>) {
        let mut request = json!({
            "op": "test", "framework": self.framework, "paths": [""], "targets": [], "select": [self.id],
            "coverage": "none", "replace": {}, "max_output": 4096,
        });
        if let Some(text) = calc {
            request["replace"] = json!({"calc.py": text});
        }
        if warm {
            request["warm"] = json!({"select": [self.id]});
        }
        let program = Program::Python { request: request.to_string(), interpreter: None };
        let job = Job {
            program: &program,
            view: self.project.dir.path(),
            directory: "",
            writes: coditect_ports::Writes::Refused,
            stdin: &[],
            limits,
            waived: &[],
            stop: &Stop::new(),
        };
        let mut lines = Vec::new();
        let ran = self.sandbox.run(&job, &mut |line| {
            lines.push(serde_json::from_str::<Value>(line).unwrap());
            let enough = !stop_at.is_empty() && line.contains(stop_at);
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (ran.unwrap(), lines)
    }

    fn verdict(&self, calc: Option<&str>, warm: bool) -> (Exit, String, String) {
        let (ran, lines) = self.run(calc, warm, &Limits::default(), "");
        let end = lines.iter().find(|line| line["e"] == "end").cloned().unwrap_or_default();
        (ran.exit, end["status"].to_string(), end["message"].to_string())
    }
}

#[test]
fn a_warm_guest_says_what_a_fresh_one_says() {
    for framework in ["unittest", "pytest"] {
        let bench = Bench::new(framework);
        let broken = "def add(a, b)\n    return a + b\n";
        let exits = "import os\n\ndef add(a, b):\n    os._exit(0)\n";
        for calc in [None, Some(GOOD), Some(CALC), Some(broken), Some(exits), Some(GOOD), None, Some(GOOD)] {
            let fresh = bench.verdict(calc, false);
            assert_eq!(bench.verdict(calc, true), fresh, "{framework} {calc:?}");
            assert_eq!(fresh.1 == "\"passed\"", calc == Some(GOOD), "{framework} {calc:?} {fresh:?}");
        }
    }
}

/// A fresh interpreter counts one import of the project. A warm one has the library of the run that made it warm, so it
/// counts two; and as it is rewound, never more.
#[test]
fn a_warm_guest_is_kept_and_rewound() {
    let mut bench = Bench::new("unittest");
    let counts = format!(
        "import json\njson.count = getattr(json, 'count', 0) + 1\nprint('count', json.count)\n{GOOD}"
    );
    let test = "import json, unittest, calc\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
                print('count', json.count)\n";
    bench.project = Project::new(&[("calc.py", &counts), ("test_calc.py", test)]);
    let said = |warm| {
        let (_, lines) = bench.run(None, warm, &Limits::default(), "");
        let end = lines.iter().find(|line| line["e"] == "end").unwrap();
        end["output"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(false), "count 1\n");
    for _ in 0..5 {
        assert_eq!(said(true), "count 2\n");
    }
}

/// Such a candidate is not for a hot guest, and a warm one makes its code of what it has compiled already.
#[test]
fn functions_that_ran_while_files_were_imported_are_changed_too() {
    let mut bench = Bench::new("unittest");
    let calc = "class Scale:\n    factor = 1\n\n    def __init__(self, by):\n        self.by = by * self.factor\n\n\n\
                def doubled(n):\n    return n + n\n\n\nONE = doubled(Scale(1).by)\n";
    let test = "import unittest, calc\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
                self.assertEqual([calc.ONE, calc.doubled(2)], [3, 6])\n";
    bench.project = Project::new(&[("calc.py", calc), ("test_calc.py", test)]);
    let changes = [
        ("n + n", "n * 3"),
        ("n + n", "n *"),
        ("by * self.factor", "by + 0.5"),
        ("by * self.factor", "missing"),
        ("factor = 1", "factor = 1.5"),
        ("doubled(Scale(1).by)", "3"),
        ("n + n", "(\n        n * 3\n    )"),
    ];
    let passing = changes.map(|(old, new)| {
        let changed = calc.replace(old, new);
        let fresh = bench.verdict(Some(&changed), false);
        assert_eq!(bench.verdict(Some(&changed), true), fresh, "{new}");
        fresh.1 == "\"passed\""
    });
    assert_eq!(passing, [true, false, false, false, false, false, true]);
}

/// They have one name and one line: which of them a candidate changes cannot be told by these.
#[test]
fn of_two_like_lambdas_of_a_line_the_one_that_changes_is_changed() {
    let mut bench = Bench::new("unittest");
    let calc = "PAIR = (lambda n: n + 1, lambda n: n + 1)\n";
    let test = "import unittest, calc\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
                self.assertEqual([one(1) for one in calc.PAIR], [2, 3])\n";
    bench.project = Project::new(&[("calc.py", calc), ("test_calc.py", test)]);
    let second = "PAIR = (lambda n: n + 1, lambda n: n + 2)\n";
    let first = "PAIR = (lambda n: n + 2, lambda n: n + 1)\n";
    for (text, status) in [(second, "\"passed\""), (first, "\"failed\"")] {
        for warm in [false, true] {
            assert_eq!(bench.verdict(Some(text), warm).1, status, "{warm} {text}");
        }
    }
}

/// A project may call its modules as we call ours.
#[test]
fn modules_of_the_project_are_its_own_whatever_their_names() {
    let names = ["app", "hot", "many", "parts", "runner", "wit_world"];
    let mut files: Vec<(String, String)> = names
        .iter()
        .map(|name| (format!("{name}.py"), format!("WHO = 'the {name} of the project'\n")))
        .collect();
    files.push(("calc.py".to_owned(), CALC.to_owned()));
    let all = names.join(", ");
    for framework in ["unittest", "pytest"] {
        let mut bench = Bench::new(framework);
        let test = format!(
            "import unittest, calc, {all}\n\ndef ours():\n    return [one.WHO for one in ({all})]\n\n\
             class Add(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(len(ours()), 6)\n"
        );
        files.push(("test_calc.py".to_owned(), test));
        let listed: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        bench.project = Project::new(&listed);
        bench.id = "test_calc.py::Add::test_add";
        files.pop();
        for warm in [false, true] {
            let verdict = bench.verdict(Some(GOOD), warm);
            assert_eq!(verdict.1, "\"passed\"", "{framework} {warm} {verdict:?}");
        }
    }
}

#[test]
fn a_kept_guest_counts_no_references_of_what_stays() {
    let mut bench = Bench::new("unittest");
    let test = "import json, sys, unittest, calc\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
                many = [n for n in (json.loads, calc.add, calc.add.__code__) if sys.getrefcount(n) > 1 << 30]\n        \
                print(len(many), sys.getrefcount([]) < 5)\n";
    bench.project = Project::new(&[("calc.py", CALC), ("test_calc.py", test)]);
    let said = |warm| {
        let (_, lines) = bench.run(None, warm, &Limits::default(), "");
        let end = lines.iter().find(|line| line["e"] == "end").unwrap();
        end["output"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(false), "0 True\n");
    assert_eq!(said(true), "3 True\n");
}

#[test]
fn a_candidate_that_never_ends_costs_a_guest_and_nothing_else() {
    let bench = Bench::new("unittest");
    let endless = "def add(a, b):\n    while True:\n        pass\n";
    let limits = Limits { wall_ms: 400, ..Limits::default() };
    for _ in 0..2 {
        assert_eq!(bench.run(Some(endless), true, &limits, "").0.exit, Exit::TimedOut);
        assert_eq!(bench.verdict(Some(GOOD), true).1, "\"passed\"");
    }
    let greedy = "def add(a, b):\n    held = []\n    while True:\n        held.append(bytes(1 << 20))\n";
    bench.run(Some(greedy), true, &Limits::default(), "");
    assert_eq!(bench.verdict(Some(GOOD), true).1, "\"passed\"");
}

#[test]
fn a_warm_guest_that_is_told_that_enough_is_known_ends_by_itself() {
    let bench = Bench::new("unittest");
    let (ran, lines) = bench.run(None, true, &Limits::default(), "\"failed\"");
    assert_eq!(ran.exit, Exit::Enough);
    assert_eq!(lines.last().unwrap()["e"], "end");
    assert_eq!(bench.verdict(Some(GOOD), true).1, "\"passed\"");
}

#[test]
fn where_no_guest_can_be_warm_a_fresh_one_serves() {
    let mut bench = Bench::new("unittest");
    bench.project = Project::new(&[
        ("calc.py", CALC),
        ("state.py", STATE),
        ("test_calc.py", &UNITTEST.replace("import state\n", "import state, time\ntime.sleep(3)\n")),
    ]);
    let limits = Limits { wall_ms: 300, ..Limits::default() };
    assert_eq!(bench.run(None, true, &limits, "").0.exit, Exit::TimedOut);
    assert_eq!(bench.verdict(Some(GOOD), true).1, "\"passed\"");
}
