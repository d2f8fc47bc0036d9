//! Which files a change may add: what tools load without being asked would run beside the tests, and later on the person's machine.

use std::collections::BTreeSet;

use crate::languages::Language;
use crate::repair::STANDARD_MODULES;

use super::lines::Line;

/// Files that a tool or an interpreter loads by itself.
const LOADED: &[&str] = &[
    "conftest.py",
    "sitecustomize.py",
    "usercustomize.py",
    "setup.py",
    "noxfile.py",
    "fabfile.py",
    "gulpfile.js",
    "Gruntfile.js",
    "build.rs",
];

/// Modules beside those of Python's standard library that the tests themselves load.
const FRAMEWORKS: &[&str] = &[
    "builtins",
    "codecs",
    "dis",
    "doctest",
    "gc",
    "linecache",
    "py",
    "pytest",
    "runpy",
    "site",
    "token",
    "tokenize",
    "unittest",
];

/// Directories that hold what others wrote.
const OTHERS: &[&str] = &["node_modules", "vendor", "site-packages", "third_party", "target"];

/// Why a change may not add this file; None: it may. `known` are the languages of the files that may be changed.
#[must_use]
pub fn why_not_new(path: &str, known: &BTreeSet<Language>) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    if parts.iter().any(|part| part.starts_with('.')) {
        return Some("it is hidden");
    }
    if parts.iter().any(|part| OTHERS.contains(part)) {
        return Some("it is among files that others wrote");
    }
    let Some(language) = Language::of_path(path).filter(|language| known.contains(language)) else {
        return Some("it is no source file of a language that the project is written in");
    };
    if LOADED.contains(&name) || (language.is_script() && name.contains(".config.")) {
        return Some("tools load it without being asked");
    }
    let is_top = |at: usize| at == 0 || (at == 1 && matches!(parts[0], "src" | "lib"));
    let shadows = language == Language::Python
        && parts
            .iter()
            .enumerate()
            .any(|(at, part)| is_top(at) && is_taken(if at + 1 == parts.len() { stem } else { part }));
    shadows.then_some("it would be taken for a module of the standard library")
}

/// The line that names a file of tests, or all files that are called like tests.
pub(super) fn named_tests(added: &[(usize, &Line)], tests: &[(&str, &str)]) -> Option<(usize, String)> {
    let files: Vec<&str> = tests.iter().filter_map(|(path, _)| path.rsplit('/').next()).collect();
    let stem = |name: &'_ str| -> String { name.split('.').next().unwrap_or_default().to_owned() };
    // `tests` and `latest` are words; `test_orders` is a name.
    let is_name = |part: &str| {
        files.contains(&part) || (part.contains(['_', '-']) && files.iter().any(|file| stem(file) == part))
    };
    let is_pattern = |part: &str| {
        let mut words = part.split(['*', '.', '_', '-', '[', ']', '?']);
        part.contains('*')
            && words.any(|word| ["test", "tests", "spec"].contains(&word.to_lowercase().as_str()))
    };
    let names = |text: &&String| {
        let parts = text.split(['/', '\\']);
        !text.contains(char::is_whitespace) && parts.into_iter().any(|part| is_name(part) || is_pattern(part))
    };
    added.iter().find_map(|(number, line)| Some((*number, line.literals.iter().find(names)?.clone())))
}

/// Whether the tests load a module of this name: a file would be taken in its place.
fn is_taken(name: &str) -> bool {
    STANDARD_MODULES.contains(&name) || FRAMEWORKS.contains(&name)
}
