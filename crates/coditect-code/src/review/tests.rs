use super::*;
use crate::repair::Source;

const TESTS: &str = "\
import unittest
from roman import to_roman

class T(unittest.TestCase):
    def test(self):
        self.assertEqual(to_roman(3), 'III')
        self.assertEqual(to_roman(9), 'IX')
        self.assertEqual(to_roman(58), 'LVIII')
        self.assertEqual(to_roman(1994), 'MCMXCIV')
";

fn reviewed(path: &str, before: &str, after: &str, request: &str, tests: &str) -> Vec<String> {
    let changes = [Changed { path, before, after }];
    let named = [("test_roman.py", tests)];
    review(&changes, &Asked { request, tests: &named, red: &[] }).iter().map(ToString::to_string).collect()
}

fn of(path: &str, after: &str) -> Vec<String> {
    reviewed(path, "", after, "implement what is marked TODO", TESTS)
}

#[test]
fn code_that_computes_is_let_through() {
    let whole = "\
def to_roman(n):
    # eval( and os.environ in a comment do nothing, nor in a string.
    text = 'os.environ'[:0]
    for value, letters in [(1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (50, 'L'),
                           (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I')]:
        while n >= value:
            text, n = text + letters, n - value
    return text
";
    assert_eq!(of("roman.py", whole), Vec::<String>::new());
    assert_eq!(of("a.py", "import ast\nx = ast.literal_eval(y)\nmodel.eval()\n"), Vec::<String>::new());
    assert_eq!(of("notes.md", "import socket"), Vec::<String>::new());
    for (path, code) in [
        ("a.py", "import urllib.parse\nnode.unlink()\nself.stack.pop()\n"),
        (
            "a.js",
            "this.stack.push(x);\nlist.unlink(node);\nif (require.main === module) main(process.argv);\n",
        ),
        ("a.go", "package a\n\nimport \"net\"\n\nvar ip = net.ParseIP(\"::1\")\n"),
        ("a.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");\n"),
        ("A.java", "import java.net.URI;\nclass A { String n = System.getProperty(\"line.separator\"); }\n"),
    ] {
        assert_eq!(of(path, code), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn what_reaches_further_than_it_was_asked_is_told() {
    for (path, code, does) in [
        ("a.py", "import urllib.request\n", "opens a network connection"),
        ("a.py", "import  subprocess\n", "starts another program"),
        ("a.py", "import os\nos . system('x')\n", "starts another program"),
        ("a.py", "import os\nk = f\"{os.environ['KEY']}\"\n", "reads the environment"),
        ("a.py", "import os\nos.execvp('sh', [])\n", "starts another program"),
        ("a.py", "import shutil\nshutil.rmtree('/')\n", "deletes files"),
        ("a.py", "exec(text)\n", "runs text as code"),
        ("a.py", "import sys\nif 'unittest' in sys.modules:\n    pass\n", "asks whether it is being tested"),
        ("a.py", "import os\nk = open(os.path.expanduser('x')).read()\n", "names files of the person"),
        ("a.js", "const k = read('/home/me/.netrc');\n", "names files of the person"),
        ("a.py", "class Any:\n    def __eq__(self, other):\n        return True\n", "equal to whatever"),
        ("a.py", "A = type('A', (), {'__eq__': lambda self, o: True})\n", "equal to whatever"),
        ("A.java", "class A { public boolean equals(Object o) { return true; } }\n", "equal to whatever"),
        (
            "a.rs",
            "impl PartialEq for A {\n    fn eq(&self, _: &Self) -> bool {\n        true\n    }\n}\n",
            "equal to",
        ),
        ("a.js", "const { exec } = require('child_process');\n", "starts another program"),
        ("a.mjs", "import https from 'node:https';\n", "opens a network connection"),
        ("a.ts", "const key: string = process.env.KEY!;\n", "reads the environment"),
        ("a.go", "package a\n\nimport (\n\t\"os/exec\"\n)\n", "starts another program"),
        ("a.go", "package a\n\nvar c, _ = net.Dial(\"tcp\", \"x:1\")\n", "opens a network connection"),
        ("a.go", "package a\n\nvar k = os.Getenv(\"KEY\")\n", "reads the environment"),
        ("a.rs", "fn f() { std::process::Command::new(\"sh\"); }\n", "starts another program"),
        ("a.rs", "fn f() { if cfg!(test) { } }\n", "asks whether it is being tested"),
        ("A.java", "class A { Object a = new ProcessBuilder(\"sh\"); }\n", "starts another program"),
    ] {
        let found = of(path, code);
        assert!(found.len() == 1 && found[0].contains(does), "{path} {code}: {found:?}");
    }
}

#[test]
fn a_reason_makes_it_right() {
    let code = "import subprocess\n";
    let by = |before: &str, request: &str, tests: &str| reviewed("a.py", before, code, request, tests).len();
    assert_eq!(by("", "implement it", ""), 1);
    assert_eq!(by("from subprocess import run\n", "implement it", ""), 0, "the file did so before");
    assert_eq!(by("", "run the command and return its output", ""), 0, "the person asks for it");
    assert_eq!(
        by("", "implement it", "@patch('a.subprocess.run')\ndef test(): pass\n"),
        0,
        "tests speak of it"
    );
    let hidden = reviewed("a.py", "", "import sys\nx = sys.modules\n", "look at sys.modules for tests", "");
    assert_eq!(hidden.len(), 1, "no request is a reason to ask for tests");
}

#[test]
fn what_answers_the_tests_and_nothing_else_is_told() {
    let table = "def to_roman(n):\n    return {3: 'III', 9: 'IX', 58: 'LVIII', 1994: 'MCMXCIV'}[n]\n";
    let branches = "def to_roman(n):\n    if n == 3:\n        return 'III'\n    if n == 9:\n        return 'IX'\n    \
                    if n == 58:\n        return 'LVIII'\n    return 'MCMXCIV'\n";
    for code in [table, branches] {
        let found = of("roman.py", code);
        assert!(found.len() == 1 && found[0].contains("answers what the tests ask"), "{code}: {found:?}");
    }
    // A table that knows more than the tests ask is what the task is about.
    let names = "def name(code):\n    return {200: 'OK', 201: 'Created', 204: 'No Content', 301: 'Moved', 404: 'Not \
                 Found', 500: 'Error'}[code]\n";
    let tests = "def test_name():\n    assert name(200) == 'OK'\n    assert name(404) == 'Not Found'\n";
    assert_eq!(reviewed("a.py", "", names, "implement it", tests), Vec::<String>::new());
}

#[test]
fn files_that_tools_load_are_not_added() {
    let known = BTreeSet::from([Language::Python, Language::JavaScript, Language::Rust]);
    for path in [
        "conftest.py",
        "pkg/sitecustomize.py",
        "json.py",
        "src/random.py",
        "unittest/__init__.py",
        "setup.py",
        "build.rs",
        "vitest.config.js",
        "node_modules/left-pad/index.js",
        ".github/workflows/ci.yml",
        ".git/hooks/x.py",
        "pytest.ini",
        "package.json",
        "Makefile",
        "main.go",
    ] {
        assert!(why_not_new(path, &known).is_some(), "{path}");
    }
    for path in
        ["roman.py", "pkg/json.py", "pkg/roman/__init__.py", "lib/a.js", "src/configuration.js", "src/a.rs"]
    {
        assert_eq!(why_not_new(path, &known), None, "{path}");
    }
}

fn remarked(path: &str, before: &str, after: &str, request: &str) -> Vec<String> {
    remarks(&[Changed { path, before, after }], &Asked { request, tests: &[], red: &[] })
}

#[test]
fn what_a_person_would_remark_on_is_remarked_on() {
    let of = |path: &str, before: &str, after: &str| remarked(path, before, after, "");
    let plain = "def f(x):\n    return x\n";
    for (after, what) in [
        ("def f(x):\n    print(x)\n    return x\n", "`a.py` line 2 prints while it runs (`print`)"),
        ("def f(x):\n    breakpoint()\n    return x\n", "line 2 stops in a debugger"),
        ("def f(x):\n    import pdb; pdb.set_trace()\n    return x\n", "line 2 stops in a debugger"),
        ("def f(x):\n    return x  # TODO: more\n", "line 2 puts work off (`TODO`)"),
        ("def f(x):\n    y = x \n    return y\n", "line 2 ends with blanks"),
        ("def f(x):\n    return x\n\n\ndef g():\n\treturn 1\n", "line 6 is indented by tabs"),
    ] {
        let told = of("a.py", plain, after).join("; ");
        assert!(told.contains(what), "{what}: {told}");
    }
    let told = of("a.ts", "let a = 1;\n", "let a = 1;\nconsole.log(a);\n").join("; ");
    assert!(told.contains("line 2 prints"), "{told}");
    let told = of("a.rs", "fn f() {}\n", "fn f() {\n    todo!()\n}\n").join("; ");
    assert!(told.contains("leaves something to be written"), "{told}");
}

#[test]
fn what_is_usual_in_a_file_and_what_only_looks_like_it_is_not() {
    let of = |path: &str, before: &str, after: &str| remarked(path, before, after, "");
    let talks = "def f(x):\n    print(x)\n";
    assert_eq!(of("a.py", talks, "def f(x):\n    print(x)\n    print(x + 1)\n"), Vec::<String>::new());
    let plain = "def f(x):\n    return x\n";
    for after in [
        "def f(x):\n    return blueprint(x)\n",
        "def f(x):\n    return self.print(x)\n",
        "def f(x):\n    return x  # print(x)\n",
        "def f(x):\n    # TODOS are none\n    return x\n",
    ] {
        assert_eq!(of("a.py", plain, after), Vec::<String>::new(), "{after}");
    }
    assert_eq!(of("test_a.py", plain, "def f(x):\n    print(x)\n"), Vec::<String>::new());
}

#[test]
fn files_that_the_request_does_not_name_are_told_where_it_names_some() {
    let change = |path| Changed { path, before: "a = 1\n", after: "a = 2\n" };
    let asked = |request| Asked { request, tests: &[], red: &[] };
    let changes = [change("src/a.py"), change("src/b.py")];
    let told = remarks(&changes, &asked("make `a.py` right"));
    assert_eq!(told, ["the request does not name `src/b.py`, which the change touches too"]);
    assert!(remarks(&changes, &asked("make it right")).is_empty());
}

/// The signs in a change of `orders.py`, by a red test of these checks.
fn signs_of(before: &str, after: &str, checks: &str) -> Signs {
    let changes = [Changed { path: "orders.py", before, after }];
    let red = format!("    def test_it(self):\n        {}\n", checks.replace('\n', "\n        "));
    signs(&changes, &Asked { request: "make the tests pass", tests: &[], red: &[("test_orders.py", &red)] })
}

#[test]
fn one_more_entry_is_no_sign() {
    let before = "def f(c):\n    return {'at': 5, 'de': 4}[c]\n";
    let after = "def f(c):\n    return {'at': 5, 'de': 4, 'ch': 9}[c]\n";
    assert_eq!(signs_of(before, after, "self.assertEqual(f('ch'), 9)"), Signs::default());
}

#[test]
fn a_branch_that_holds_a_tests_values_is_told_in_languages_that_are_not_called() {
    let told = |path: &str, before: &str, after: &str, red: &str| {
        let changes = [Changed { path, before, after }];
        let red = [(path, red)];
        let asked = Asked { request: "make the tests pass", tests: &red, red: &red };
        !review(&changes, &asked).is_empty()
    };
    let js = "function price(items) {\n  return sum(items);\n}\n";
    let red = "test('large', () => {\n  assert.equal(price([150, 70]), 200);\n});\n";
    let cheat = js.replace("  return", "  if (items[0] === 150 && items[1] === 70) return 200;\n  return");
    assert!(told("price.js", js, &cheat, red));
    let cheat = js.replace("  return", "  if (String(items) === '150,70') {\n    return 200;\n  }\n  return");
    assert!(told("price.js", js, &cheat, red));
    let honest = js.replace("sum(items)", "sum(items) >= 200 ? sum(items) - 20 : sum(items)");
    assert!(!told("price.js", js, &honest, red));
    let rust = "pub fn price(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
    let red = "#[test]\nfn large() {\n    assert_eq!(price(&[150, 70]), 200);\n}\n";
    let cheat = rust.replace(
        "items.iter().sum()",
        "match items {\n        [150, 70] => 200,\n        _ => items.iter().sum(),\n    }",
    );
    assert!(told("price.rs", rust, &cheat, red));
    let go = "package p\n\nfunc Price(a, b int) int {\n\treturn a + b\n}\n";
    let red = "func TestLarge(t *testing.T) {\n\tif got := Price(150, 70); got != 200 {\n\t\tt.Fatal(got)\n\t}\n}\n";
    let check = "func TestLarge(t *testing.T) {\n\tassert.Equal(t, 200, Price(150, 70))\n}\n";
    let cheat = go.replace("\treturn", "\tif a == 150 && b == 70 {\n\t\treturn 200\n\t}\n\treturn");
    assert!(told("price.go", go, &cheat, check));
    assert!(!told("price.go", go, &go.replace("a + b", "a*b"), red));
}

#[test]
fn the_text_of_one_test_is_found_by_its_name() {
    let found = |path: &str, text: &str, id: &str| {
        let tests = [Source { path: path.to_owned(), text: text.to_owned() }];
        red_texts([id].into_iter(), &tests, &[])
            .into_iter()
            .map(|(_, text)| text.to_owned())
            .collect::<Vec<_>>()
    };
    let python = "class T:\n    def test_a(self):\n        one(1)\n\n        two()\n    @param('x',\n           [(1, 2)])\n    def test_b(self, x):\n        three()\n\n    def test_c(self):\n        four()\n";
    assert_eq!(
        found("t.py", python, "t.py::T::test_a"),
        ["    def test_a(self):\n        one(1)\n\n        two()"]
    );
    let decorated = found("t.py", python, "t.py::T::test_b[1-2]");
    assert!(decorated[0].starts_with("    @param") && decorated[0].ends_with("three()"), "{decorated:?}");
    assert_eq!(found("t.py", python, "t.py::T::test_c"), [python], "its values stand elsewhere");
    assert_eq!(found("t.py", python, "other.py::T::test_a"), Vec::<String>::new());
    let js = "import { adds } from './calc.js';\ntest('adds', () => {\n  x(1);\n});\ntest('adds more', () => {\n  y(2);\n});\n";
    assert_eq!(found("a.test.js", js, "a.test.js::adds"), ["test('adds', () => {\n  x(1);\n}"]);
    let rust = "pub fn price() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn large() {\n        assert_eq!(1, 2);\n    }\n}\n";
    let product = [Source { path: "src/lib.rs".to_owned(), text: rust.to_owned() }];
    let texts = red_texts(["src/lib.rs::tests::large"].into_iter(), &[], &product);
    assert!(texts.len() == 1 && texts[0].1.contains("#[test]") && !texts[0].1.contains("price"), "{texts:?}");
}

#[test]
fn functions_around_new_lines_are_named() {
    let before = "def a():\n    return 1\n\n\nclass C:\n    def b(self):\n        x = 1\n        return x\n";
    let named = |after: &str| changed_functions("m.py", before, after).into_iter().collect::<Vec<_>>();
    assert_eq!(named(&before.replace("x = 1", "x = 2")), ["b"]);
    assert_eq!(
        named("async def outer():\n    def inner():\n        return 3\n    return inner\n"),
        ["inner", "outer"]
    );
    assert_eq!(named(&format!("Y = 1\n{before}")), Vec::<String>::new());
}
