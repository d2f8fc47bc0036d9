#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::path::Path;

use coditect_types::limits::SandboxChoice;
use coditect_types::{ErrorKind, Failure, Project, Tier};

use super::{dialect, stdlib};
use crate::survey::{Survey, survey};

const CASE: &str = "import unittest\nfrom calc import add\n\nclass TestAdd(unittest.TestCase):\n    def test_a(self): pass\n";
const BARE: &str = "from calc import add\n\ndef test_a():\n    assert add(1, 1) == 2\n";
const CALC: &str = "def add(a, b):\n    return a + b\n";

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn look(top: &Path, subdir: &str, command: Option<&str>) -> Result<Project, Failure> {
    let words: Option<Vec<String>> = command.map(|c| c.split(' ').map(str::to_owned).collect());
    survey(&Survey {
        worktree: top,
        subdir,
        home: None,
        test_command: words.as_deref(),
        report: None,
        sandbox: SandboxChoice::Auto,
    })
}

/// `framework | command | root | import paths | targets`
#[track_caller]
fn check(files: &[(&str, &str)], subdir: &str, expected: &str) {
    let dir = tree(files);
    assert_eq!(line(&look(dir.path(), subdir, None).unwrap()), expected);
}

#[track_caller]
fn check_command(files: &[(&str, &str)], command: &str, expected: &str) {
    let dir = tree(files);
    assert_eq!(line(&look(dir.path(), "", Some(command)).unwrap()), expected);
}

fn line(project: &Project) -> String {
    let tier = if project.tier == Tier::Os { " | os" } else { "" };
    format!(
        "{:?} | {} | {:?} | {} | {}{tier}",
        project.framework,
        project.command.join(" "),
        project.root,
        project.import_paths.join(":"),
        project.targets.join(" ")
    )
}

#[test]
fn unittest_layouts() {
    check(
        &[("calc.py", CALC), ("test_calc.py", CASE)],
        "",
        "Unittest | python3 -m unittest discover | \"\" |  | ",
    );
    check(
        &[("calc.py", CALC), ("tests/__init__.py", ""), ("tests/test_calc.py", CASE)],
        "",
        "Unittest | python3 -m unittest discover | \"\" |  | ",
    );
    check(
        &[("calc.py", CALC), ("tests/test_calc.py", CASE)],
        "",
        "Unittest | python3 -m unittest discover -s tests | \"\" |  | tests",
    );
    check(
        &[("src/calc/__init__.py", CALC), ("tests/test_calc.py", CASE), ("pyproject.toml", "")],
        "",
        "Unittest | env PYTHONPATH=src python3 -m unittest discover -s tests | \"\" | :src | tests",
    );
    check(
        &[("lib/calc.py", CALC), ("checks/calc_test.py", CASE), ("setup.cfg", "")],
        "",
        "Unittest | env PYTHONPATH=lib python3 -m unittest checks/calc_test.py | \"\" | :lib | checks/calc_test.py",
    );
    check(
        &[("a/calc.py", CALC), ("a/test_a.py", CASE), ("b/test_b.py", CASE), ("setup.py", "")],
        "",
        "Unittest | env PYTHONPATH=a python3 -m unittest a/test_a.py b/test_b.py | \"\" | :a | a/test_a.py b/test_b.py",
    );
    // The base class is the project's own, in a file beside the tests, and nothing is named `Test`.
    let base = "import unittest\n\nclass Shop(unittest.TestCase):\n    def setUp(self): pass\n";
    let derived =
        "import unittest\nfrom .shop import Shop\n\nclass Tills(Shop):\n    def test_a(self): pass\n";
    check(
        &[
            ("calc.py", CALC),
            ("tests/__init__.py", ""),
            ("tests/shop.py", base),
            ("tests/test_tills.py", derived),
        ],
        "",
        "Unittest | python3 -m unittest discover | \"\" |  | ",
    );
}

#[test]
fn pytest_is_seen_in_settings_imports_and_bare_tests() {
    let pytest = "Pytest | python3 -m pytest | \"\" |  | ";
    check(&[("calc.py", CALC), ("test_calc.py", BARE)], "", pytest);
    check(&[("calc.py", CALC), ("test_calc.py", CASE), ("pytest.ini", "[pytest]\n")], "", pytest);
    check(&[("calc.py", CALC), ("test_calc.py", CASE), ("setup.cfg", "[tool:pytest]\n")], "", pytest);
    check(
        &[("calc.py", CALC), ("test_calc.py", CASE), ("pyproject.toml", "[tool.pytest.ini_options]\n")],
        "",
        pytest,
    );
    check(&[("calc.py", CALC), ("test_calc.py", CASE), ("conftest.py", "")], "", pytest);
    check(&[("calc.py", CALC), ("test_calc.py", &format!("import pytest\n{CASE}"))], "", pytest);
    check(&[("calc.py", CALC), ("test_calc.py", "class TestX:\n    def test_a(self): pass\n")], "", pytest);
}

#[test]
fn doctests_and_scripts() {
    let examples = "def add(a, b):\n    \"\"\"\n    >>> add(1, 2)\n    3\n    \"\"\"\n    return a + b\n";
    check(
        &[("calc.py", examples), ("other.py", "x = 1\n")],
        "",
        "Doctest | python3 -m doctest calc.py | \"\" |  | calc.py",
    );
    check(
        &[("calc.py", CALC), ("test_calc.py", "from calc import add\nassert add(1, 1) == 2\n")],
        "",
        "Command | python3 test_calc.py | \"\" |  |  | os",
    );
}

#[test]
fn one_project_below_is_taken_and_several_are_a_question() {
    check(
        &[("README", ""), ("py/calc/calc.py", CALC), ("py/calc/test_calc.py", CASE)],
        "",
        "Unittest | python3 -m unittest discover | \"py/calc\" |  | ",
    );
    let dir = tree(&[("a/calc.py", CALC), ("a/test_a.py", CASE), ("b/calc.py", CALC), ("b/test_b.py", CASE)]);
    let failure = look(dir.path(), "", None).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Invalid);
    assert!(failure.cause.contains("`a`, `b`"), "{}", failure.cause);
    assert_eq!(look(dir.path(), "b", None).unwrap().root, "b");
}

#[test]
fn a_package_without_tests_is_tested_from_above() {
    check(
        &[("calc/__init__.py", CALC), ("tests/test_calc.py", CASE), ("setup.py", "")],
        "calc",
        "Unittest | python3 -m unittest discover -s tests | \"\" |  | tests",
    );
}

#[test]
fn tests_inside_a_package_start_above_it() {
    check(
        &[
            ("calc/__init__.py", ""),
            ("calc/core.py", CALC),
            (
                "calc/test_core.py",
                "import unittest\nfrom calc.core import add\nclass T(unittest.TestCase): pass\n",
            ),
        ],
        "",
        "Unittest | python3 -m unittest discover | \"\" |  | ",
    );
}

#[test]
fn commands_are_read_test_by_test() {
    let files = &[("calc.py", CALC), ("tests/test_calc.py", CASE), ("tests/check_calc.py", CASE)][..];
    for (command, expected) in [
        ("python -m unittest -q tests.test_calc", "Unittest | | tests.test_calc"),
        ("python3 -m unittest discover -s tests", "Unittest | | tests"),
        ("python3 -m unittest discover -s tests -p check_*.py", "Unittest | | tests/check_calc.py"),
        ("python3 -m unittest", "Unittest | | "),
        ("python3 -m pytest tests -k add -q", "Pytest | | tests -k add"),
        ("pytest -x --tb=short ./tests/", "Pytest | | tests"),
        ("pytest --noconftest tests", "Pytest | | --noconftest tests"),
        ("python -m doctest -v calc.py", "Doctest | | calc.py"),
        ("env PYTHONPATH=lib python3 -m pytest", "Pytest |lib| "),
        ("python3.12 -m pytest", "Pytest | |  | os"),
        ("make test", "Command | |  | os"),
        ("python3 run_tests.py --all", "Command | |  | os"),
        ("pytest --unheard-of", "Command | |  | os"),
        ("DJANGO=1 python3 -m pytest", "Command | |  | os"),
    ] {
        let (framework, rest) = expected.split_once(" |").unwrap();
        let (paths, targets) = rest.split_once('|').unwrap();
        let paths = if paths.trim().is_empty() { String::new() } else { format!(":{paths}") };
        check_command(files, command, &format!("{framework} | {command} | \"\" | {paths} |{targets}"));
    }
}

#[test]
fn nothing_found_says_what_was_looked_at() {
    let dir = tree(&[("calc.py", CALC)]);
    let failure = look(dir.path(), "", None).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NotFound);
    assert!(failure.cause.contains("1 Python files"), "{}", failure.cause);
    assert!(failure.hint.unwrap().contains("--test-command"));
}

#[test]
fn the_virtual_environment_of_the_person_is_used() {
    let home = tree(&[(".venv/pyvenv.cfg", ""), (".venv/bin/python", "")]);
    let dir = tree(&[("calc.py", CALC), ("test_calc.py", CASE)]);
    let project = survey(&Survey {
        worktree: dir.path(),
        subdir: "",
        home: Some(home.path()),
        test_command: None,
        report: None,
        sandbox: SandboxChoice::Auto,
    })
    .unwrap();
    assert_eq!(project.interpreter.unwrap(), home.path().join(".venv/bin/python").display().to_string());
}

#[test]
fn only_one_tier_may_be_allowed() {
    let dir = tree(&[("test_x.py", "assert True\n")]);
    let failure = survey(&Survey {
        worktree: dir.path(),
        subdir: "",
        home: None,
        test_command: None,
        report: None,
        sandbox: SandboxChoice::Only(Tier::Wasm),
    })
    .unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Denied);
}

#[test]
fn links_are_not_followed() {
    let outside = tree(&[("test_secret.py", CASE)]);
    let dir = tree(&[("calc.py", CALC)]);
    std::os::unix::fs::symlink(outside.path(), dir.path().join("tests")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("test_secret.py"), dir.path().join("test_link.py"))
        .unwrap();
    assert!(look(dir.path(), "", None).is_err());
}

#[test]
fn slips_of_the_keyboard() {
    assert!(stdlib::is_slip("maths", "math"));
    assert!(stdlib::is_slip("jsno", "json"));
    assert!(stdlib::is_slip("itertool", "itertools"));
    assert!(!stdlib::is_slip("json", "json"));
    assert!(!stdlib::is_slip("numpy", "numbers"));
    for package in ["numpy", "requests", "yaml", "pytest", "django", "flask", "attr", "hypothesis"] {
        assert!(!stdlib::is_slip_of_stdlib(package), "{package}");
    }
    assert!(stdlib::is_stdlib("collections") && !stdlib::is_stdlib("numpy"));
}

#[test]
fn files_of_tests() {
    for path in ["tests/util.py", "test_a.py", "pkg/a_test.py", "conftest.py", "pkg/tests/data/x.py"] {
        assert!(dialect::is_test_path(path), "{path}");
    }
    for path in ["pkg/contest.py", "latest.py", "testament.py", "attest/core.py"] {
        assert!(!dialect::is_test_path(path), "{path}");
    }
    assert_eq!(
        dialect::examples("a\n>>> f()\n3\n\nb\n    >>> g()\n    4\n    \"\"\"\n"),
        [">>> f()", "3", ">>> g()", "4"]
    );
}
