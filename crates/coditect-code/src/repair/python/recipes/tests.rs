use coditect_types::testing::Frame;
use coditect_types::{TestResult, TestStatus};

use crate::repair::{Problem, Source, recipes};

/// The texts of `m.py` that the answers to a message would give, likeliest first.
fn answers(text: &str, message: &str, error_type: &str, line: u32) -> Vec<String> {
    let sources = [
        Source { path: "m.py".to_owned(), text: text.to_owned() },
        Source { path: "pkg/shapes.py".to_owned(), text: "class Circle:\n    radius = 1\n".to_owned() },
    ];
    let red = [TestResult {
        id: "t".to_owned(),
        status: TestStatus::Errored,
        us: 0,
        message: message.to_owned(),
        error_type: error_type.to_owned(),
        frames: vec![Frame { file: "m.py".to_owned(), line, function: "f".to_owned() }],
        passes_of_runs: None,
    }];
    let problem = Problem {
        sources: &sources,
        others: &[],
        suspects: &[],
        red: &red,
        request: "",
        refused: &[],
        seed: 0,
    };
    let found = recipes(&problem);
    assert!(found.windows(2).all(|two| two[0].score >= two[1].score));
    found.iter().filter_map(|candidate| candidate.apply(&sources)?.remove("m.py")).collect()
}

#[track_caller]
fn check(old: &str, message: &str, error_type: &str, line: u32, new: &str) {
    let found = answers(old, message, error_type, line);
    assert!(found.iter().any(|text| text == new), "{message}: {found:#?}");
}

#[test]
fn imports_that_are_missing() {
    let missing = "name 'math' is not defined. Did you forget to import 'math'?";
    check(
        "\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\n\nx = 1\ndef f():\n    return math.pi\n",
        missing,
        "NameError",
        6,
        "\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\n\nimport math\nx = 1\ndef f():\n    return math.pi\n",
    );
    let found = answers("def f():\r\n    return math.pi\r\n", missing, "NameError", 2);
    assert_eq!(found[0], "import math\r\ndef f():\r\n    return math.pi\r\n");
    let from = "name 'defaultdict' is not defined";
    check(
        "d = defaultdict(int)\n",
        from,
        "NameError",
        1,
        "from collections import defaultdict\nd = defaultdict(int)\n",
    );
    let own = "name 'Circle' is not defined";
    check("c = Circle()\n", own, "NameError", 1, "from pkg.shapes import Circle\nc = Circle()\n");
}

#[test]
fn names_that_are_misspelt() {
    check(
        "def f(length):\n    return lenght + 1\n",
        "name 'lenght' is not defined. Did you mean: 'length'?",
        "NameError",
        2,
        "def f(length):\n    return length + 1\n",
    );
    check(
        "x = 'a'.uper()\n",
        "'str' object has no attribute 'uper'. Did you mean: 'upper'?",
        "AttributeError",
        1,
        "x = 'a'.upper()\n",
    );
    check(
        "from maths import pi\n",
        "No module named 'maths'",
        "ModuleNotFoundError",
        1,
        "from math import pi\n",
    );
    check(
        "def totl(x):\n    return x\n",
        "cannot import name 'total' from 'm' (/m.py)",
        "ImportError",
        1,
        "def total(x):\n    return x\n",
    );
}

#[test]
fn arguments_that_do_not_fit() {
    check(
        "class C:\n    def area():\n        return 1\n",
        "C.area() takes 0 positional arguments but 1 was given",
        "TypeError",
        2,
        "class C:\n    def area(self):\n        return 1\n",
    );
    check(
        "def g(a, b):\n    return a\n\ndef f(b):\n    return g(1)\n",
        "g() missing 1 required positional argument: 'b'",
        "TypeError",
        5,
        "def g(a, b):\n    return a\n\ndef f(b):\n    return g(1, b)\n",
    );
    check(
        "def g(colour):\n    return colour\n\nx = g(color=1)\n",
        "g() got an unexpected keyword argument 'color'",
        "TypeError",
        4,
        "def g(colour):\n    return colour\n\nx = g(colour=1)\n",
    );
}

#[test]
fn slips_of_syntax() {
    for (old, message, line, new) in [
        ("def f()\n    return 1\n", "expected ':' (m.py, line 1)", 1, "def f():\n    return 1\n"),
        (
            "def f(x):\n    if x = 1:\n        return 2\n",
            "invalid syntax (m.py, line 2)",
            2,
            "def f(x):\n    if x == 1:\n        return 2\n",
        ),
        ("x = (1 + 2\ny = 3\n", "'(' was never closed (m.py, line 1)", 1, "x = (1 + 2)\ny = 3\n"),
        ("x = foo(1))\n", "unmatched ')' (m.py, line 1)", 1, "x = foo(1)\n"),
        ("x = 'abc\n", "unterminated string literal (detected at line 1) (m.py, line 1)", 1, "x = 'abc'\n"),
        (
            "def f():\nreturn 1\n",
            "expected an indented block after function definition on line 1 (m.py, line 2)",
            2,
            "def f():\n    return 1\n",
        ),
        (
            "def f():\n    x = 1\n      return x\n",
            "unexpected indent (m.py, line 3)",
            3,
            "def f():\n    x = 1\n    return x\n",
        ),
        (
            "def f(x):\n    if x:\n        return 1\n    else if y:\n        return 2\n",
            "expected ':' (m.py, line 4)",
            4,
            "def f(x):\n    if x:\n        return 1\n    elif y:\n        return 2\n",
        ),
        ("x = [1 2]\n", "invalid syntax. Perhaps you forgot a comma? (m.py, line 1)", 1, "x = [1, 2]\n"),
        ("print 'hello'\n", "Missing parentheses in call to 'print' (m.py, line 1)", 1, "print('hello')\n"),
        (
            "def f(x):\n    if x:\n\treturn 1\n",
            "inconsistent use of tabs and spaces in indentation (m.py, line 3)",
            3,
            "def f(x):\n    if x:\n        return 1\n",
        ),
    ] {
        check(old, message, "SyntaxError", line, new);
    }
}

#[test]
fn a_message_full_of_oddities_does_no_harm() {
    for message in [
        "name '",
        "name ''",
        "() ",
        "f() missing 1 required positional argument: ",
        "\u{1F600}, line 99999999999",
        "has no attribute '\u{e9}'",
    ] {
        answers("\u{e9} = 1\n", message, "SyntaxError", u32::MAX);
    }
}

#[test]
fn a_name_without_a_value_is_given_one_before_the_loop() {
    let old = "def f(items):\n    for item in items:\n        found.append(item)\n    return found\n";
    check(
        old,
        "name 'found' is not defined",
        "NameError",
        3,
        &old.replace("    for", "    found = []\n    for"),
    );
    let old = "def f(items):\n    for item in items:\n        count += item\n    return count\n";
    let local = "cannot access local variable 'count' where it is not associated with a value";
    check(old, local, "UnboundLocalError", 3, &old.replace("    for", "    count = 0\n    for"));
}

#[test]
fn a_constant_of_another_language_becomes_one_of_python() {
    let old = "def f(a):\n    return false\n";
    let found = answers(old, "name 'false' is not defined", "NameError", 2);
    for literal in ["True", "False", "None"] {
        assert!(found.contains(&old.replace("false", literal)), "{found:?}");
    }
    assert!(!found.iter().any(|text| text.contains("false =")), "{found:?}");
}

#[test]
fn keys_that_are_missing() {
    for (line, mended) in [
        ("counts[word] += 1", "counts[word] = counts.get(word, 0) + 1"),
        ("self.all[a, b] += 'x'  # so", "self.all[a, b] = self.all.get((a, b), '') + 'x'"),
        ("groups[key(x)].append(x)", "groups.setdefault(key(x), []).append(x)"),
        ("tree[a][b] = 1", "tree.setdefault(a, {})[b] = 1"),
        ("return prices[name] * 2", "return prices.get(name, 0) * 2"),
    ] {
        let program = |line: &str| format!("def f(self, counts, word):\n    {line}\n    return counts\n");
        check(&program(line), "'a'", "KeyError", 2, &program(mended));
    }
}

#[test]
fn a_name_of_the_module_that_a_function_assigns_to() {
    let message = "cannot access local variable 'total' where it is not associated with a value";
    check(
        "total = 0\n\n\ndef add(n):\n    \"\"\"Adds.\n\n    More.\n    \"\"\"\n    total += n\n    return total\n",
        message,
        "UnboundLocalError",
        9,
        "total = 0\n\n\ndef add(n):\n    \"\"\"Adds.\n\n    More.\n    \"\"\"\n    global total\n    total += n\n    return total\n",
    );
}
