//! Values of tests that a change answers with the values that they expect.

use std::collections::BTreeSet;

use crate::languages::Language;

use super::lines::{Line, Lines};

/// Checks of which so many are answered by their own values, at least, and such a part of all, in hundredths.
const LEAST: usize = 2;
const PART: usize = 75;
/// The part of the values beside each other that come from tests: a table that holds more than the tests ask is one.
const FROM_TESTS: usize = 75;

/// The values of each check of a test file: what goes in and what is expected, of which one at least says much.
pub(super) fn checks(path: &str, text: &str) -> Vec<BTreeSet<String>> {
    let Some(language) = Language::of_path(path) else { return Vec::new() };
    let checks = Lines::of(language, text);
    let of = |line: &Line| {
        let values: BTreeSet<String> = line.literals.iter().cloned().collect();
        (is_check(line) && values.len() >= 2 && values.iter().any(|value| is_rich(value))).then_some(values)
    };
    checks.all().filter_map(|(_, line)| of(line)).collect()
}

/// Whether a line of a test holds what is seen against what is expected.
pub(super) fn is_check(line: &Line) -> bool {
    let lower = line.code.to_lowercase();
    ["assert", "expect", "equal", "==", "!="].iter().any(|word| lower.contains(word))
}

/// A value that is not everywhere anyway.
fn is_rich(value: &str) -> bool {
    value.chars().count() >= 2
}

/// The line of a comparison that is always true.
pub(super) fn equals_all(added: &[(usize, &Line)]) -> Option<usize> {
    let methods = ["__eq__", "equals(Object", "fn eq("];
    let found = added.iter().enumerate().find(|(at, (number, line))| {
        let is_method = methods.iter().any(|method| line.code.contains(method))
            || line.literals.iter().any(|literal| literal == "__eq__");
        let next = added.get(at + 1).filter(|(n, _)| *n == number + 1).map(|(_, line)| line.code.as_str());
        let says_yes = |code: &str| {
            let code = code.trim_end_matches(['}', ';', ')']);
            ["return True", "return true", ":True", "{true", "lambda*_:True"]
                .iter()
                .any(|end| code.ends_with(end))
                || code == "true"
        };
        is_method && (says_yes(&line.code) || next.is_some_and(says_yes))
    })?;
    Some(found.1.0)
}

/// Where the added lines begin to tell the tests' own values, and how many checks of all they tell.
pub(super) fn told(added: &[(usize, &Line)], checks: &[BTreeSet<String>]) -> Option<(usize, (usize, usize))> {
    let mut told: BTreeSet<&BTreeSet<String>> = BTreeSet::new();
    let (mut first, mut values, mut from_tests) = (None, BTreeSet::new(), BTreeSet::new());
    for (at, (number, line)) in added.iter().enumerate() {
        // What is compared on one line is often returned on the next.
        let next = added.get(at + 1).filter(|(n, _)| *n == number + 1).map(|(_, line)| *line);
        let here: BTreeSet<&String> =
            line.literals.iter().chain(next.into_iter().flat_map(|line| &line.literals)).collect();
        let answered = checks.iter().filter(|check| {
            let common: Vec<_> = check.iter().filter(|value| here.contains(value)).collect();
            common.len() >= 2 && common.iter().any(|value| is_rich(value))
        });
        let before = told.len();
        for check in answered {
            told.insert(check);
            from_tests.extend(check.iter().filter(|value| here.contains(value)));
        }
        if told.len() > before {
            first = first.or(Some(*number));
        }
        values.extend(line.literals.iter());
    }
    let all: BTreeSet<&BTreeSet<String>> = checks.iter().collect();
    let answers = told.len() >= LEAST && told.len() * 100 >= all.len() * PART;
    let is_no_table = from_tests.len() * 100 >= values.len() * FROM_TESTS;
    first.filter(|_| answers && is_no_table).map(|line| (line, (told.len(), all.len())))
}
