use coditect_types::TestStatus;
use coditect_types::testing::Frame;

use super::*;

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

fn red(id: &str, frames: &[&str]) -> TestResult {
    let frame = |file: &&str| Frame { file: (*file).to_owned(), line: 1, function: String::new() };
    TestResult {
        id: id.to_owned(),
        status: TestStatus::Failed,
        us: 0,
        message: String::new(),
        error_type: String::new(),
        frames: frames.iter().map(frame).collect(),
        passes_of_runs: None,
    }
}

/// `tests in test files: files, raised in`, a line for those that need the same.
#[track_caller]
fn check(product: &[(&str, &str)], tests: &[(&str, &str)], red: &[TestResult], expect: &[&str]) {
    let report = TestReport { tests: red.to_vec(), ..TestReport::default() };
    let all: Vec<&TestResult> = red.iter().collect();
    let told: Vec<String> = reach(&sources(product), &sources(tests), &report, &all)
        .iter()
        .map(|one| {
            let functions: Vec<&str> = one.tests.iter().map(|id| function_of(id)).collect();
            let raised = if one.raised.is_empty() {
                String::new()
            } else {
                format!(", raised in {}", one.raised.join(" "))
            };
            format!(
                "{} in {}: {}{raised}",
                functions.join(" "),
                one.test_files.join(" "),
                one.files.join(" ")
            )
        })
        .collect();
    assert_eq!(told, expect);
}

#[test]
fn tests_need_what_they_import_and_what_that_imports() {
    let product = [
        ("area.py", "import util\n\ndef solve(a, b):\n    return util.times(a, b)\n"),
        ("roman.py", "def solve(n):\n    raise NotImplementedError\n"),
        ("util.py", "def times(a, b):\n    return a * b\n"),
        ("other.py", "def other():\n    pass\n"),
    ];
    let tests = [
        ("test_area.py", "from area import solve\n\ndef test_one():\n    assert solve(2, 3) == 6\n"),
        (
            "test_roman.py",
            "from roman import solve\n\ndef test_three():\n    assert solve(3) == 'III'\n\ndef test_four():\n    assert solve(4) == 'IV'\n",
        ),
    ];
    let red = [
        red("test_area.py::test_one", &[]),
        red("test_roman.py::test_three", &["test_roman.py", "roman.py"]),
        red("test_roman.py::test_four", &["test_roman.py", "roman.py"]),
    ];
    check(
        &product,
        &tests,
        &red,
        &[
            "test_one in test_area.py: area.py util.py",
            "test_three test_four in test_roman.py: roman.py, raised in roman.py",
        ],
    );
}

#[test]
fn of_one_file_of_tests_each_test_needs_what_its_own_lines_use() {
    let product = [
        (
            "pkg/__init__.py",
            "from .area import area\nfrom .roman import solve\nfrom .word import solve as spell\n",
        ),
        ("pkg/area.py", "def area(a, b):\n    return a + b\n"),
        ("pkg/roman.py", "def solve(n):\n    pass\n"),
        ("pkg/word.py", "def solve(n):\n    pass\n"),
    ];
    let text = "import pytest\nfrom pkg import area, solve, spell\nfrom pkg.roman import solve as again\n\n\n\
        class TestAll:\n    def test_area(self):\n        assert area(2, 3) == 6\n\n    def test_roman(self):\n        \
        assert solve(3) == 'III'\n\n    def test_word(self):\n        assert spell(3) == 'three'\n\n    \
        def test_again(self):\n        assert again(3)\n";
    let ids = ["test_area", "test_roman", "test_word[3]", "test_again"]
        .map(|name| red(&format!("tests/test_all.py::TestAll::{name}"), &[]));
    check(
        &product,
        &[("tests/test_all.py", text)],
        &ids,
        &[
            "test_area in tests/test_all.py: pkg/__init__.py pkg/area.py",
            "test_roman test_again in tests/test_all.py: pkg/__init__.py pkg/roman.py",
            "test_word in tests/test_all.py: pkg/__init__.py pkg/word.py",
        ],
    );
}

#[test]
fn other_languages_have_their_own_ways_to_name_files() {
    check(
        &[
            ("src/area.js", "exports.area = (a, b) => a + b;\n"),
            ("src/roman.js", "function roman(n) {}\nmodule.exports = { roman };\n"),
        ],
        &[
            ("test/a.test.js", "const { area } = require('../src/area');\ntest('x', () => area(1, 2));\n"),
            ("test/r.test.js", "import { roman } from '../src/roman.js';\ntest('y', () => roman(1));\n"),
        ],
        &[red("test/a.test.js::x", &[]), red("test/r.test.js::y", &[])],
        &["x in test/a.test.js: src/area.js", "y in test/r.test.js: src/roman.js"],
    );
    check(
        &[
            ("a.go", "package p\n\nfunc Area(a, b int) int { return a }\n"),
            ("b.go", "package p\n\nfunc Roman(n int) string { return \"\" }\n"),
        ],
        &[(
            "p_test.go",
            "package p\n\nimport \"testing\"\n\nfunc TestArea(t *testing.T) { Area(1, 2) }\n\nfunc TestRoman(t *testing.T) { Roman(1) }\n",
        )],
        &[red("p_test.go::TestArea", &[]), red("p_test.go::TestRoman", &[])],
        &["TestArea in p_test.go: a.go", "TestRoman in p_test.go: b.go"],
    );
    check(
        &[
            ("src/lib.rs", "pub mod area;\npub mod roman;\n"),
            ("src/area.rs", "pub fn solve() {}\n"),
            ("src/roman.rs", "pub fn solve() {}\n"),
        ],
        &[("tests/area.rs", "use shapes::area::solve;\n\n#[test]\nfn one() { solve() }\n")],
        &[red("tests/area.rs::one", &[]), red("src/lib.rs::roman::tests::two", &[])],
        &["one in tests/area.rs: src/area.rs", "two in : src/roman.rs"],
    );
}

#[test]
fn what_leads_nowhere_is_said_to_be_unknown() {
    let product = [("area.py", "def area():\n    pass\n")];
    let tests = [("test_x.py", "import os\n\ndef test_x():\n    assert os.system('make') == 0\n")];
    check(&product, &tests, &[red("test_x.py::test_x", &[])], &["test_x in test_x.py: "]);
}
