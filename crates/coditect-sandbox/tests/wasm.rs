//! The WASM tier: what a guest can do, what it cannot, and how each run ends.

mod wasm_harness;

use coditect_sandbox::wasm::Ended;
use serde_json::{Value, json};
use wasm_harness::{Project, frames, lines};

const CALC: &str = "\
LIMIT = 10

def add(a, b):
    if a > LIMIT:
        return a - b
    return a + b
";

fn calc() -> Project {
    Project::new(&[
        ("calc.py", CALC),
        (
            "test_calc.py",
            "import unittest
from calc import add

class Add(unittest.TestCase):
    def test_small(self):
        print('said')
        self.assertEqual(add(1, 2), 3)

    def test_large(self):
        self.assertEqual(add(20, 2), 22)

    @unittest.skip('later')
    def test_skipped(self):
        pass
",
        ),
    ])
}

#[test]
fn a_unittest_suite_is_reported_test_by_test() {
    let run = calc().test(json!({"framework": "unittest", "coverage": "lines"}));
    assert_eq!(run.statuses(), ["test_large failed", "test_skipped skipped", "test_small passed"]);
    let red = run.end_of("test_calc.py::Add::test_large");
    assert_eq!(red["message"], "18 != 22");
    assert_eq!(red["error_type"], "AssertionError");
    assert_eq!((&red["actual"], &red["expected"]), (&json!("18"), &json!("22")));
    assert_eq!(frames(red), ["test_calc.py:10 test_large"]);
    assert_eq!(lines(red), ["calc.py [4, 5]"]);
    let green = run.end_of("test_calc.py::Add::test_small");
    assert_eq!(green["output"], "said\n");
    assert_eq!(lines(green), ["calc.py [4, 6]"]);
    assert_eq!(run.exit_code(), 1);
}

#[test]
fn a_selection_runs_in_its_order() {
    let wanted = ["test_calc.py::Add::test_small", "test_calc.py::Add::test_large"];
    let run = calc().test(json!({"framework": "unittest", "select": wanted}));
    assert_eq!(run.statuses(), ["test_small passed", "test_large failed"]);
    let run = calc().test(json!({"framework": "unittest", "deselect": wanted}));
    assert_eq!(run.statuses(), ["test_skipped skipped"]);
    let run = calc().test(json!({"framework": "unittest", "list_only": true}));
    assert_eq!((run.statuses().len(), run.collected().len()), (0, 3));
}

#[test]
fn an_overlay_replaces_modules_without_touching_the_disk() {
    let project = calc();
    let fixed = CALC.replace("a - b", "a + b");
    for framework in ["unittest", "pytest"] {
        let run = project.test(json!({"framework": framework, "replace": {"calc.py": fixed}}));
        assert_eq!(run.exit_code(), 0, "{run:?}");
    }
    let broken = "def add(a, b):\n    raise ValueError('new')\n";
    let run = project.test(json!({"framework": "unittest", "replace": {"calc.py": broken}}));
    assert_eq!(
        frames(run.end_of("test_calc.py::Add::test_small")),
        ["test_calc.py:7 test_small", "calc.py:2 add"]
    );
    let added = "from calc import add\ndef test_new():\n    assert add(1, 1) == 3\n";
    let run = project.test(json!({
        "framework": "unittest", "targets": ["test_extra.py"],
        "replace": {"test_extra.py": format!("import unittest\nclass New(unittest.TestCase):\n  def test_it(self): pass\n{added}")},
    }));
    assert_eq!(run.statuses(), ["test_it passed"]);
    assert_eq!(project.read("calc.py"), CALC);
}

#[test]
fn an_overlay_is_what_programs_read_too() {
    let reads =
        "import io, runpy, unittest\nfrom pathlib import Path\nfrom contextlib import redirect_stdout\n
class Main(unittest.TestCase):
    def test_run(self):
        out = io.StringIO()
        with redirect_stdout(out):
            runpy.run_path('main.py', run_name='__main__')
        self.assertEqual(out.getvalue(), 'new\\n')

    def test_read(self):
        self.assertIn('new', Path('main.py').read_text())
        with open('main.py', 'rb') as file:
            exec(compile(file.read(), 'main.py', 'exec'), {})
";
    let project = Project::new(&[("main.py", "print('old')\n"), ("test_main.py", reads)]);
    let test = |replace: Value| project.test(json!({"framework": "unittest", "replace": replace}));
    assert_eq!(test(json!({})).exit_code(), 1);
    let run = test(json!({"main.py": "print('new')\n"}));
    assert_eq!(run.exit_code(), 0, "{run:?}");
    assert_eq!(project.read("main.py"), "print('old')\n");
}

#[test]
fn a_pytest_suite_with_fixtures_settings_and_absent_plugins() {
    let project = Project::new(&[
        ("calc.py", CALC),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = '-ra --cov=calc -n auto'\nmarkers = ['slow: x']\n",
        ),
        ("tests/conftest.py", "import pytest\n@pytest.fixture\ndef ten():\n    return 10\n"),
        (
            "tests/test_calc.py",
            "import os, sys
import pytest
from calc import add

@pytest.mark.parametrize('a,b', [(1, 2), (20, 2)])
def test_add(a, b):
    assert add(a, b) == a + b

@pytest.mark.slow
def test_tools(ten, tmp_path, monkeypatch, capsys):
    (tmp_path / 'f').write_text('x')
    monkeypatch.setenv('A', 'b')
    print('hi')
    assert capsys.readouterr().out == 'hi\\n' and ten == 10

@pytest.fixture
def broken():
    raise OSError('fixture')

def test_broken(broken):
    pass

@pytest.mark.xfail
def test_xfail():
    assert False

def test_interrupt():
    raise KeyboardInterrupt

def test_exit():
    os._exit(3)

def test_unknown(nothing):
    pass
",
        ),
    ]);
    let run = project.test(json!({"framework": "pytest", "coverage": "lines"}));
    assert_eq!(
        run.statuses(),
        [
            "test_add[1-2] passed",
            "test_add[20-2] failed",
            "test_tools passed",
            "test_broken errored",
            "test_xfail xfailed",
            "test_interrupt errored",
            "test_exit errored",
            "test_unknown errored",
        ]
    );
    let red = run.end_of("tests/test_calc.py::test_add[20-2]");
    assert_eq!((&red["actual"], &red["expected"]), (&json!("18"), &json!("22")));
    assert_eq!(lines(red), ["calc.py [4, 5]"]);
    assert_eq!(run.end_of("tests/test_calc.py::test_unknown")["message"], "fixture 'nothing' not found");
    assert!(run.notes().iter().any(|note| note.contains("pytest_cov")), "{run:?}");
    let run = project.test(json!({"framework": "pytest", "select": ["tests/test_calc.py::test_add[20-2]"]}));
    assert_eq!(run.statuses(), ["test_add[20-2] failed"]);
}

#[test]
fn doctests_of_modules() {
    let project = Project::new(&[(
        "pkg/mod.py",
        "def one():\n    '''\n    >>> one()\n    1\n    >>> one()\n    2\n    '''\n    return 1\n",
    )]);
    let run = project.test(json!({"framework": "doctest"}));
    let red = run.end_of("pkg/mod.py::doctest::pkg.mod.one");
    assert_eq!((&red["expected"], &red["actual"]), (&json!("2"), &json!("1")));
    assert_eq!(frames(red), ["pkg/mod.py:5 pkg.mod.one"]);
}

#[test]
fn what_breaks_a_class_or_a_file_is_told() {
    let project = Project::new(&[
        (
            "test_a.py",
            "import unittest, threading, subprocess, sys
class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError('no')
    def test_x(self): pass
    def test_y(self): pass
class Hosts(unittest.TestCase):
    def test_thread(self): threading.Thread(target=print).start()
    def test_process(self): subprocess.run(['ls'])
    def test_exit(self): sys.exit(0)
    def test_z(self): sys.stdout = None
    def test_zz(self): pass
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertLess(i, 2)
",
        ),
        ("test_b.py", "import numpy\n"),
        ("test_c.py", "import ctypes\n"),
        ("test_d.py", "def broken(:\n"),
    ]);
    let run = project.test(json!({"framework": "unittest"}));
    assert_eq!(
        run.statuses(),
        [
            "test_x errored",
            "test_y errored",
            "test_exit errored",
            "test_process errored",
            "test_sub failed",
            "test_thread errored",
            "test_z passed",
            "test_zz passed",
        ]
    );
    assert_eq!(run.end_of("test_a.py::Broken::test_y")["message"], "no");
    assert_eq!(run.end_of("test_a.py::Hosts::test_thread")["unsupported"], "threads");
    assert_eq!(run.end_of("test_a.py::Hosts::test_process")["unsupported"], "subprocess");
    let errors = run.all("error");
    assert_eq!(errors.len(), 3, "{run:?}");
    assert_eq!((&errors[0]["where"], &errors[0]["missing_module"]), (&json!("test_b.py"), &json!("numpy")));
    assert_eq!((&errors[1]["where"], &errors[1]["unsupported"]), (&json!("test_c.py"), &json!("ctypes")));
    assert_eq!(frames(errors[2]), ["test_d.py:1 <module>"]);
    let run = project.test(json!({"framework": "pytest"}));
    assert_eq!(run.all("error").len(), 3, "{run:?}");
    assert!(run.all("error").iter().any(|error| error["missing_module"] == "numpy"));
}

#[test]
fn coroutines_run() {
    let project = Project::new(&[(
        "test_async.py",
        "import asyncio, unittest
class Sleep(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        await asyncio.gather(asyncio.sleep(0.001), asyncio.sleep(0.002))
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(5), 0.001)
",
    )]);
    assert_eq!(project.test(json!({"framework": "unittest"})).statuses(), ["test_it passed"]);
}

#[test]
fn a_script_is_executed_with_its_output_kept() {
    let run =
        Project::new(&[]).exec("import sys\nprint(INPUT['n'] + 1)\nsys.exit(7)", json!({"input": {"n": 1}}));
    let answer = run.answer();
    assert_eq!((&answer["stdout"], &answer["exit_code"]), (&json!("2\n"), &json!(7)));
    let answer = Project::new(&[]).exec("1/0", json!({})).answer();
    assert_eq!(answer["error"]["error_type"], "ZeroDivisionError");
    assert!(matches!(run.run.ended, Ended::Finished));
}
