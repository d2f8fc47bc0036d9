//! Small projects, drawn from a seed: a module with functions of which one has a bug, and the tests that show it.

use std::collections::BTreeMap;

use coditect_memory::numbers::Numbers;

/// What the cases of a seed are drawn with.
#[derive(Clone, Debug)]
pub(super) struct Chance(Numbers);

impl Chance {
    /// Of a seed, and of a number that tells cases of one seed apart.
    pub(super) fn of(seed: u64, case: u64) -> Self {
        let mut numbers = Numbers::of(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        numbers.bits();
        Self(numbers)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        // The remainder is below `n`, which is a `usize`.
        usize::try_from(self.0.below(n as u64)).unwrap_or(0)
    }

    /// One of these; None where there are none.
    pub(super) fn pick<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.below(all.len()))
    }
}

/// A function that a module may have.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Its text as it should be.
    text: &'static str,
    /// What its bugs replace, and by what.
    bugs: &'static [(&'static str, &'static str)],
    /// Expressions and what they are to be: those that the project tests.
    tests: &'static [(&'static str, &'static str)],
    /// Others, which tell whether a change means what it should.
    held_back: &'static [(&'static str, &'static str)],
}

const FUNCTIONS: &[Function] = &[
    Function {
        name: "clamp",
        text: "def clamp(x, low, high):\n    if x < low:\n        return low\n    if x > high:\n        return high\n    return x\n",
        bugs: &[("x > high", "x < high"), ("        return low", "        return high")],
        tests: &[("clamp(5, 1, 3)", "3"), ("clamp(0, 1, 3)", "1"), ("clamp(2, 1, 3)", "2")],
        held_back: &[("clamp(-4, -2, 9)", "-2"), ("clamp(99, 0, 10)", "10"), ("clamp(7, 0, 10)", "7")],
    },
    Function {
        name: "mean",
        text: "def mean(values):\n    total = 0\n    for value in values:\n        total += value\n    return total / len(values)\n",
        bugs: &[("total += value", "total -= value"), ("total = 0", "total = 1")],
        tests: &[("mean([1, 2, 3])", "2"), ("mean([4])", "4"), ("mean([2, 8])", "5")],
        held_back: &[("mean([10, 20])", "15"), ("mean([-1, 1])", "0")],
    },
    Function {
        name: "is_leap",
        text: "def is_leap(year):\n    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)\n",
        bugs: &[("0 and (", "0 or ("), ("400 == 0", "400 != 0")],
        tests: &[
            ("is_leap(2000)", "True"),
            ("is_leap(1900)", "False"),
            ("is_leap(2023)", "False"),
            ("is_leap(2024)", "True"),
        ],
        held_back: &[("is_leap(2100)", "False"), ("is_leap(2400)", "True"), ("is_leap(2001)", "False")],
    },
    Function {
        name: "initials",
        text: "def initials(name):\n    return \"\".join(word[0].upper() for word in name.split())\n",
        bugs: &[("word[0]", "word[1]"), (".upper()", ".lower()")],
        tests: &[("initials('ada lovelace')", "'AL'"), ("initials('Grace Brewster Hopper')", "'GBH'")],
        held_back: &[("initials('alan turing')", "'AT'")],
    },
    Function {
        name: "gcd",
        text: "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n",
        bugs: &[("    return a", "    return b")],
        tests: &[("gcd(12, 18)", "6"), ("gcd(7, 5)", "1"), ("gcd(9, 3)", "3")],
        held_back: &[("gcd(100, 75)", "25"), ("gcd(4, 0)", "4")],
    },
    Function {
        name: "count_words",
        text: "def count_words(text):\n    counts = {}\n    for word in text.lower().split():\n        counts[word] = counts.get(word, 0) + 1\n    return counts\n",
        bugs: &[("+ 1", "+ 2"), ("get(word, 0)", "get(word, 1)")],
        tests: &[("count_words('a b a')", "{'a': 2, 'b': 1}"), ("count_words('')", "{}")],
        held_back: &[("count_words('X x y')", "{'x': 2, 'y': 1}")],
    },
    Function {
        name: "second_largest",
        text: "def second_largest(values):\n    return sorted(set(values))[-2]\n",
        bugs: &[("[-2]", "[-1]"), ("[-2]", "[-3]")],
        tests: &[("second_largest([1, 5, 3])", "3"), ("second_largest([9, 9, 4, 1, 7])", "7")],
        held_back: &[("second_largest([10, 20, 30, 40])", "30")],
    },
    Function {
        name: "to_seconds",
        text: "def to_seconds(hours, minutes):\n    return hours * 3600 + minutes * 60\n",
        bugs: &[("+ minutes", "- minutes")],
        tests: &[("to_seconds(1, 1)", "3660"), ("to_seconds(0, 2)", "120"), ("to_seconds(2, 0)", "7200")],
        held_back: &[("to_seconds(3, 30)", "12600")],
    },
    Function {
        name: "is_palindrome",
        text: "def is_palindrome(text):\n    letters = [c.lower() for c in text if c.isalpha()]\n    return letters == letters[::-1]\n",
        bugs: &[("letters == letters", "letters != letters")],
        tests: &[
            ("is_palindrome('Anna')", "True"),
            ("is_palindrome('ab')", "False"),
            ("is_palindrome('A man, a plan')", "False"),
        ],
        held_back: &[("is_palindrome('Never odd or even')", "True"), ("is_palindrome('xy')", "False")],
    },
    Function {
        name: "factorial",
        text: "def factorial(n):\n    result = 1\n    for i in range(2, n + 1):\n        result *= i\n    return result\n",
        bugs: &[("n + 1", "n"), ("result = 1", "result = 0")],
        tests: &[("factorial(0)", "1"), ("factorial(5)", "120"), ("factorial(3)", "6")],
        held_back: &[("factorial(6)", "720"), ("factorial(1)", "1")],
    },
];

const MODULES: &[&str] = &["tools", "helpers", "sums", "kit", "basics"];

/// A project that was drawn.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) files: BTreeMap<String, String>,
    pub(super) module: &'static str,
    /// The file of its tests.
    pub(super) test_file: String,
    /// True for tests of pytest's kind, functions without a class.
    pub(super) is_pytest: bool,
    /// What must hold of the module once it is mended, as Python.
    pub(super) truth: String,
    /// A function that has no bug, and one of its tests.
    pub(super) sound: (&'static str, (&'static str, &'static str)),
    /// The function that has one, with it and without.
    pub(super) broken: (String, &'static str),
}

impl Project {
    /// Draws one: three functions, a bug in one of them.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let module = chance.pick(MODULES).copied().unwrap_or("tools");
        let mut chosen: Vec<&Function> = Vec::new();
        while chosen.len() < 3 {
            let function = chance.pick(FUNCTIONS).unwrap_or(&FUNCTIONS[0]);
            if chosen.iter().all(|one| one.name != function.name) {
                chosen.push(function);
            }
        }
        let broken = chance.below(chosen.len());
        let is_pytest = chance.below(2) == 0;
        let in_folder = chance.below(2) == 0;
        let mut code = String::from("\"\"\"Small helpers.\"\"\"\n");
        let mut truth = String::new();
        let mut with_bug = String::new();
        for (n, function) in chosen.iter().enumerate() {
            let (from, to) = chance.pick(function.bugs).copied().unwrap_or_default();
            let text =
                if n == broken { function.text.replacen(from, to, 1) } else { function.text.to_owned() };
            code += &format!("\n\n{text}");
            if n == broken {
                with_bug = text;
            }
            for (call, value) in function.tests.iter().chain(function.held_back) {
                truth += &format!("assert {call} == {value}\n");
            }
        }
        let test_file = if in_folder { "tests/test_main.py" } else { "test_main.py" }.to_owned();
        let sound = chosen.iter().enumerate().find(|(n, _)| *n != broken).map_or(chosen[0], |(_, one)| one);
        let tests = tests(module, &chosen, is_pytest);
        let mut files = BTreeMap::from([
            (format!("{module}.py"), code),
            (test_file.clone(), tests),
            ("README.md".to_owned(), "# Helpers\n".to_owned()),
        ]);
        if in_folder && !is_pytest {
            files.insert("tests/__init__.py".to_owned(), String::new());
        }
        if in_folder && is_pytest {
            files.insert("conftest.py".to_owned(), String::new());
        }
        let sound = (sound.name, sound.tests[0]);
        Self { files, module, test_file, is_pytest, truth, sound, broken: (with_bug, chosen[broken].text) }
    }

    /// The file of the module.
    pub(super) fn code(&self) -> String {
        format!("{}.py", self.module)
    }

    /// The module as it should be.
    pub(super) fn mended(&self) -> String {
        let text = self.files.get(&self.code()).cloned().unwrap_or_default();
        text.replacen(&self.broken.0, self.broken.1, 1)
    }

    /// Leaves the body of the function with the bug to be written: a search over small changes does not find it.
    pub(super) fn leave_out(&mut self) {
        let head = self.broken.0.lines().next().unwrap_or_default();
        let left = format!("{head}\n    raise NotImplementedError\n");
        if let Some(text) = self.files.get_mut(&format!("{}.py", self.module)) {
            *text = text.replacen(&self.broken.0, &left, 1);
            self.broken.0 = left;
        }
    }

    /// Adds lines to the module, and what must hold of them.
    pub(super) fn add_code(&mut self, lines: &str, truth: &str) {
        *self.files.entry(self.code()).or_default() += lines;
        self.truth += truth;
    }

    /// Adds a test to the tests that are there. `body` is indented by four.
    pub(super) fn add_test(&mut self, name: &str, body: &str) {
        let is_pytest = self.is_pytest;
        let text = self.files.entry(self.test_file.clone()).or_default();
        if is_pytest {
            *text += &format!("\n\ndef {name}():\n{body}");
        } else {
            let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
            *text +=
                &format!("\n\nclass {}(unittest.TestCase):\n    def {name}(self):\n{indented}", camel(name));
        }
    }

    /// Puts lines above everything else in the file of the tests.
    pub(super) fn above_tests(&mut self, lines: &str) {
        let text = self.files.entry(self.test_file.clone()).or_default();
        *text = format!("{lines}{text}");
    }
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default())
        .collect()
}

fn tests(module: &str, functions: &[&Function], is_pytest: bool) -> String {
    let names: Vec<&str> = functions.iter().map(|function| function.name).collect();
    let mut text = if is_pytest { String::new() } else { "import unittest\n\n".to_owned() };
    text += &format!("from {module} import {}\n", names.join(", "));
    for function in functions {
        if !is_pytest {
            text += &format!("\n\nclass {}Test(unittest.TestCase):", camel(function.name));
        }
        for (n, (call, value)) in function.tests.iter().enumerate() {
            text += &match is_pytest {
                true => format!("\n\ndef test_{}_{n}():\n    assert {call} == {value}\n", function.name),
                false => format!("\n    def test_{n}(self):\n        self.assertEqual({call}, {value})\n"),
            };
        }
    }
    text
}

#[cfg(test)]
mod tests_of_projects {
    use super::*;

    #[test]
    fn each_bug_is_one() {
        for function in FUNCTIONS {
            for (from, to) in function.bugs {
                assert!(function.text.contains(from) && from != to, "{}: {from}", function.name);
            }
            assert!(function.tests.len() > 1 && !function.held_back.is_empty(), "{}", function.name);
        }
    }

    #[test]
    fn a_seed_gives_the_same_project_each_time_and_others_give_others() {
        let draw = |seed, case| Project::draw(&mut Chance::of(seed, case)).files;
        assert_eq!(draw(1, 2), draw(1, 2));
        assert!((0..20).map(|case| draw(1, case)).collect::<std::collections::BTreeSet<_>>().len() > 10);
        assert_ne!(draw(1, 0), draw(2, 0));
    }
}
