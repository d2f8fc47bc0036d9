#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Shown, put_in};
use crate::written::{Applied, apply_in_part, read_functions};

const FILE: &str = r#""""Numbers."""
from __future__ import annotations

import os
from math import (
    floor,
    sqrt,
)

SIZES = [1, 2]


def half(x):
    """Half of it."""
    return x / 3


# What is twice.
@cached
def twice(x):
    # TODO
    raise NotImplementedError


class Box:
    """Has a side."""

    edge = 1

    def __init__(self, side):
        self._side = side

    @property
    def side(self):
        return self._side

    @side.setter
    def side(self, value):
        self._side = value + 1

    def half(self):
        return self._side


class Other:
    def area(self):
        return 0


if os.name == "nt":
    def sep():
        return "\\"
else:
    def sep():
        return "/"
"#;

const ALL: &[(usize, usize)] = &[];

#[track_caller]
fn becomes(part: &str, old: &str, new: &str) {
    assert_eq!(FILE.matches(old).count(), 1);
    assert_eq!(put_in(FILE, part, ALL).unwrap(), FILE.replace(old, new), "{part}");
}

#[track_caller]
fn is_refused(part: &str, why: &str) {
    is_refused_in(FILE, part, why);
}

#[track_caller]
fn is_refused_in(file: &str, part: &str, why: &str) {
    let said = put_in(file, part, ALL).unwrap_err();
    assert!(said.contains(why), "{part}: {said}");
}

#[test]
fn a_function_takes_the_place_of_the_one_of_its_name_and_a_method_of_the_one_in_its_class() {
    becomes("def half(x):\n    return x / 2\n", "    return x / 3", "    return x / 2");
    // A text of its own is what it says.
    becomes(
        "def half(x):\n    'Half.'\n    return x / 2\n",
        "    \"\"\"Half of it.\"\"\"\n    return x / 3",
        "    'Half.'\n    return x / 2",
    );
    becomes(
        "class Box:\n    \"\"\"Has a side.\"\"\"\n    ...\n    # ... other methods\n    def half(self):\n        return self._side / 2\n",
        "        return self._side\n\n\nclass Other",
        "        return self._side / 2\n\n\nclass Other",
    );
    becomes("class Other():  # noqa\n    def area(self):\n        return 1", "return 0", "return 1");
    // Texts of several lines stay as they are.
    becomes(
        "def half(x):\n    return '''a\n  b\n''' * x\n",
        "    return x / 3",
        "    return '''a\n  b\n''' * x",
    );
    // A constant that stands once is what it is given.
    becomes("SIZES = [1]\n", "SIZES = [1, 2]", "SIZES = [1]");
}

#[test]
fn a_class_can_be_answered_method_by_method() {
    let part = "class Box:\n    def half(self):\n        return 1\n\n\nclass Box:\n    def __init__(self, side):\n        self._side = side + 1\n";
    let text = put_in(FILE, part, ALL).unwrap();
    assert!(
        text.contains("self._side = side + 1") && text.contains("def half(self):\n        return 1\n"),
        "{text}"
    );
    is_refused(&part.replace("def __init__(self, side)", "def half(self)"), "`half` is answered twice");
}

#[test]
fn decorators_stay_where_the_answer_has_none_and_are_its_own_where_it_has() {
    becomes(
        "def twice(x):\n    return x + x\n",
        "    # TODO\n    raise NotImplementedError",
        "    return x + x",
    );
    becomes(
        "@cached(9)\ndef twice(x):\n    return x + x\n",
        "@cached\ndef twice(x):\n    # TODO\n    raise NotImplementedError",
        "@cached(9)\ndef twice(x):\n    return x + x",
    );
    becomes(
        "class Box:\n    @side.setter\n    def side(self, value):\n        self._side = value\n",
        "        self._side = value + 1",
        "        self._side = value",
    );
    is_refused("class Box:\n    def side(self):\n        return 1\n", "`side` stands 2 times");
    // A setter is no getter.
    let file = "class A:\n    @property\n    def s(self):\n        return 1\n";
    is_refused_in(
        file,
        "class A:\n    @s.setter\n    def s(self, v):\n        self.v = v\n",
        "`s` is decorated otherwise",
    );
}

#[test]
fn what_was_shown_is_not_taken_for_what_is_to_be() {
    // Heads, and what stands beside them as it was shown.
    let part = "import os\nfrom math import (floor,\n    sqrt,)\nSIZES = [1, 2]\ndef half(x):\n    ...\n\nclass Box:\n    edge = 1\n    \
                def __init__(self, side):\n        \"\"\"Makes one.\"\"\"\n        ...\n    def side(self): ...\n";
    assert_eq!(put_in(FILE, part, ALL).unwrap(), FILE);
    becomes(
        "def half(x):\n    return x / 2\n\nif __name__ == \"__main__\":\n    print(half(2))\n",
        "    return x / 3",
        "    return x / 2",
    );
    for half in [
        "a = 3\n    ...",
        "...\n    return x",
        "pass  # unchanged",
        "if x:\n        ...\n    return 1",
        "\"\"\"Half.\"\"\"",
        "a = x\n    # ... rest of the code\n    return a",
    ] {
        is_refused(&format!("def half(x):\n    {half}\n"), "is not whole");
    }
    // Who did not see a function cannot know what it does beside.
    let at = FILE.find("    return x / 3").unwrap();
    let said = put_in(FILE, "def half(x):\n    return 1\n", &[(at, at + 9)]).unwrap_err();
    assert!(said.contains("`half` was not shown"), "{said}");
    let seen = put_in(FILE, "def twice(x):\n    return 1\n", &[(at, at + 9)]);
    assert!(seen.is_ok());
    assert!(put_in(FILE, "def half(x):\n    return 1\n", &[(0, usize::MAX)]).is_err());
}

#[test]
fn new_functions_constants_and_imports_are_added() {
    becomes(
        "import re\n\nWORD = re.compile('a')\n\n\ndef _is_word(x):\n    return WORD.match(x)\n\n\ndef twice(x):\n    return _is_word(x)\n",
        "    sqrt,\n)\n\nSIZES = [1, 2]\n\n\ndef half(x):\n    \"\"\"Half of it.\"\"\"\n    return x / 3\n\n\n# What is twice.\n@cached\ndef twice(x):\n    # TODO\n    raise NotImplementedError",
        "    sqrt,\n)\nimport re\n\nSIZES = [1, 2]\n\n\ndef half(x):\n    \"\"\"Half of it.\"\"\"\n    return x / 3\n\n\nWORD = re.compile('a')\n\n\ndef _is_word(x):\n    return WORD.match(x)\n\n\n# What is twice.\n@cached\ndef twice(x):\n    return _is_word(x)",
    );
    becomes(
        "class Other:\n    def edge(self):\n        return 4\n",
        "        return 0\n",
        "        return 0\n\n    def edge(self):\n        return 4\n",
    );
    for (file, part, after) in [
        (
            "def a():\n    pass\n",
            "import os\ndef a():\n    return os\n",
            "import os\ndef a():\n    return os\n",
        ),
        ("", "def a():\n    return 1\n", "\n\ndef a():\n    return 1\n"),
        ("\"\"\"Doc.\"\"\"", "import os\n", "\"\"\"Doc.\"\"\"\nimport os\n"),
        (
            "#!/bin/python\n# -*- coding: latin-1 -*-\ndef a():\n    pass\n",
            "import os\ndef a():\n    return os\n",
            "#!/bin/python\n# -*- coding: latin-1 -*-\nimport os\ndef a():\n    return os\n",
        ),
        (
            "import sys  # noqa\nX = 1\nimport zlib\n",
            "import re\nimport re\nfrom sys import argv\n",
            "import sys  # noqa\nimport re\nfrom sys import argv\nX = 1\nimport zlib\n",
        ),
        // What is new stands above the class that uses it.
        (
            "class A:\n    def f(self):\n        return 1\n",
            "LIMIT = 5\nclass A:\n    def g(self, n=LIMIT):\n        return n\n",
            "LIMIT = 5\n\n\nclass A:\n    def f(self):\n        return 1\n\n    def g(self, n=LIMIT):\n        return n\n",
        ),
        (
            "X = 2  # type: ignore\n",
            "def b():\n    return X\n",
            "X = 2  # type: ignore\n\n\ndef b():\n    return X\n",
        ),
    ] {
        assert_eq!(put_in(file, part, ALL).unwrap(), after, "{part}");
    }
}

#[test]
fn what_can_be_read_two_ways_is_refused() {
    is_refused("def area(self):\n    return 1\n", "its class is not answered around it");
    is_refused("def peek(self):\n    return 1\n", "its class is not answered around it");
    is_refused("def area(x):\n    return 1\n", "`area` stands in it within something else");
    is_refused("def sep():\n    return 1\n", "`sep` stands in it within something else");
    is_refused("def half(x):\n    return 1\n\ndef half(x):\n    return 2\n", "`half` is answered twice");
    is_refused(
        "def half(x):\n    if x:\n        a = 1\n    return 1\n\ndef half(x):\n    if x:\n        a = 1\n        return 1\n",
        "`half` is answered twice",
    );
    is_refused("class Box(Other):\n    def half(self):\n        return 1\n", "the head of the class `Box`");
    is_refused("class Box:\n  def half(self):\n    return 1\n", "`half` is indented otherwise");
    is_refused("def half(x):\n  return 1\n", "`half` is indented otherwise");
    is_refused("def half(x): return 1\n", "`half` is indented otherwise");
    is_refused("print(half(1))\nSIZES = [1]\n", "`print(half(1))` would change something else");
    is_refused("Box = 1\n", "would change something else");
    is_refused("class Box:\n    edge = 2\n", "would change something else");
    is_refused("def Box():\n    return 1\n", "`Box` is no function in it");
    is_refused("class half:\n    pass\n", "`half` is no class in it");
    is_refused("def half(x:\n", "not Python");
    is_refused("from __future__ import division\n", "would change something else");
    // A name that is imported would be another thing for all others.
    is_refused("from posix import path as os\n", "would change something else");
    is_refused("from math import half\n", "would change something else");
    // Above what is changed it would not find what it needs.
    is_refused(
        "class Cube(Box):\n    pass\n\n\ndef half(x):\n    return Cube(x)\n",
        "`Box` is not there yet",
    );
    is_refused_in(
        "class E(Exception): pass\n",
        "class E(Exception):\n    def f(self):\n        return 1\n",
        "is written in one line",
    );
    is_refused_in("def half(:\n", "def half():\n    pass\n", "not Python as it is");
}

#[test]
fn blocks_of_one_file_are_one_answer_and_what_is_refused_changes_nothing() {
    let made = |answer: &str, file: &str| -> Applied {
        let known = BTreeSet::from(["a.py".to_owned(), "c.py".to_owned()]);
        let current = |path: &str| (path == "a.py").then(|| file.to_owned());
        apply_in_part(&read_functions(answer, &known), &current, &|path| {
            path.ends_with(".py").then_some(Shown::But(ALL))
        })
    };
    // The path is said once, a heading is none, and how it is called is no part of it.
    let two = "a.py\n```python\ndef half(x):\n    return x / 2\n```\nBox.twice\n```python\ndef twice(x):\n    return 2 * x\n```\n\
               Use it:\n```python\nprint(twice(1))\n```\n```sh\npython a.py\n```\n";
    let applied = made(two, FILE);
    assert_eq!(applied.refused, []);
    let text = &applied.files["a.py"];
    assert!(
        text.contains("    return x / 2\n") && text.contains("@cached\ndef twice(x):\n    return 2 * x\n")
    );
    let twice = two.replace("def twice(x):\n    return 2 * x", "def half(x):\n    return x");
    let applied = made(&twice, FILE);
    assert!(applied.files.is_empty());
    assert!(applied.refused[0].why.contains("answered twice"));
    // What was left away is left away whatever ends lines.
    let (file, hidden) = (format!("\u{feff}{}", FILE.replace('\n', "\r\n")), "return x / 3");
    let at = file.find(hidden).unwrap();
    let gaps = [(at, at + hidden.len())];
    let of = |answer: &str| {
        let known = BTreeSet::from(["a.py".to_owned()]);
        apply_in_part(&read_functions(answer, &known), &|_| Some(file.clone()), &|_| Some(Shown::But(&gaps)))
    };
    assert!(of("a.py\n```\ndef half(x):\n    return 1\n```\n").refused[0].why.contains("was not shown"));
    assert_eq!(of("a.py\n```\ndef twice(x):\n    return 1\n```\n").refused, []);
    // A file is answered in one way.
    let both = "a.py\n```\n<<<<<<< SEARCH\nSIZES = [1, 2]\n=======\nSIZES = [1]\n>>>>>>> REPLACE\n```\na.py\n```\ndef twice(x):\n    return 1\n```\n";
    assert!(made(both, FILE).refused[0].why.contains("in two ways"));
    // A file keeps how its lines end.
    let crlf = made(two, &FILE.replace('\n', "\r\n"));
    assert_eq!(crlf.files["a.py"], text.replace('\n', "\r\n"));
    // A new file is whole whatever is said.
    let other = made("b.py\n```python\nX = 1\n```\n", FILE);
    assert_eq!(other.files["b.py"], "X = 1\n");
}

proptest! {
    /// Each function put in by itself, and all of them, gives the file.
    #[test]
    fn parts_of_a_file_change_nothing_of_it(bodies in prop::collection::vec("[a-z]{1,5}( \\+ [0-9]{1,3}){0,3}", 1..8), which in 0..8_usize) {
        let functions: Vec<String> =
            bodies.iter().enumerate().map(|(n, body)| format!("def f{n}(x):\n    # {n}\n    return {body}\n")).collect();
        prop_assume!(!bodies.iter().any(|body| KEYWORDS.contains(&body.split(' ').next().unwrap())));
        let file = format!("import os\n\n\n{}", functions.join("\n\n"));
        prop_assert_eq!(put_in(&file, &file, ALL).unwrap(), file.clone());
        prop_assert_eq!(put_in(&file, &functions[which % functions.len()], ALL).unwrap(), file);
    }

    /// Whatever is answered, nothing panics, and what comes of it is Python.
    #[test]
    fn any_answer_is_put_in_or_refused(part in "(def [a-c]\\(\\):\n    (pass|return 1|\\.\\.\\.)\n|class A:\n    x = 1\n|@d\n|    |import os\n|é|\\(\n){0,8}") {
        if let Ok(text) = put_in(FILE, &part, ALL) {
            prop_assert!(text.contains("def half(x):"));
        }
    }
}

const KEYWORDS: &[&str] = &[
    "as", "if", "in", "is", "or", "def", "del", "for", "not", "try", "and", "elif", "else", "from", "pass",
    "with", "async", "await", "break", "class", "raise", "while", "yield", "print", "exec", "match", "case",
    "type",
];
