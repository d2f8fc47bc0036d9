//! The examples are kept with their mistakes in: their tests fail as they stand, and pass after one small change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// An example, its mistake, and what was meant.
struct Example {
    name: &'static str,
    file: &'static str,
    wrong: &'static str,
    right: &'static str,
    /// How its tests are run.
    module: &'static str,
    /// How many tests there are, and how many of them are red.
    tests: usize,
    red: usize,
}

const EXAMPLES: [Example; 3] = [
    Example {
        name: "ledger",
        file: "ledger/periods.py",
        wrong: "return self.first <= as_date(day) < self.last\n",
        right: "return self.first <= as_date(day) <= self.last\n",
        module: "unittest",
        tests: 33,
        red: 3,
    },
    Example {
        name: "router",
        file: "src/router/patterns.py",
        wrong: "\"/\".join(given[index + 1:])\n",
        right: "\"/\".join(given[index:])\n",
        module: "pytest",
        tests: 44,
        red: 4,
    },
    Example {
        name: "inventory",
        file: "inventory/stock.py",
        wrong: "if quantity >= free:\n",
        right: "if quantity > free:\n",
        module: "unittest",
        tests: 15,
        red: 3,
    },
];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Runs the tests by the machine's own Python: tests and red ones. None where it cannot run them.
fn run(directory: &Path, module: &str) -> Option<(usize, usize)> {
    let python = |args: &[&str]| {
        let mut command = Command::new("python3");
        command.args(args).current_dir(directory).env("PYTHONDONTWRITEBYTECODE", "1").output().ok()
    };
    if !python(&["-c", &format!("import {module}")])?.status.success() {
        return None;
    }
    let quiet: &[&str] = if module == "pytest" { &["-q", "-p", "no:cacheprovider"] } else { &[] };
    let out = python(&[&["-m", module], quiet].concat())?;
    let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    let closing: Vec<&str> = text.lines().rev().take(5).collect();
    // `Ran 33 tests in 0.004s`, `FAILED (failures=2, errors=1)` or `4 failed, 40 passed in 0.06s`.
    let joined = closing.join(" ").replace(['=', '(', ')', ','], " ");
    let words: Vec<&str> = joined.split_whitespace().collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
    let place = |word: &str| words.iter().position(|found| *found == word);
    let before = |word: &str| place(word).map_or(0, |at| number(at.wrapping_sub(1)));
    let after = |word: &str| place(word).map_or(0, |at| number(at + 1));
    if module == "pytest" {
        return Some((before("passed") + before("failed"), before("failed")));
    }
    Some((before("tests"), after("failures") + after("errors")))
}

#[test]
fn each_mistake_is_in_its_place_and_nowhere_else() {
    for example in EXAMPLES {
        let path = examples().join(example.name).join(example.file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(example.wrong).count(), 1, "{} has no {:?}", path.display(), example.wrong);
        assert_eq!(text.matches(example.right).count(), 0, "{} is mended", path.display());
    }
}

#[test]
fn tests_fail_as_they_stand_and_pass_once_the_mistake_is_mended() {
    for example in EXAMPLES {
        let top = tempfile::tempdir().unwrap();
        let directory = top.path().join(example.name);
        copy(&examples().join(example.name), &directory);
        let Some(before) = run(&directory, example.module) else { continue };
        assert_eq!(before, (example.tests, example.red), "{}", example.name);

        let path = directory.join(example.file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(example.wrong, example.right)).unwrap();
        assert_eq!(run(&directory, example.module), Some((example.tests, 0)), "{} mended", example.name);
    }
}

#[test]
fn the_readme_tells_the_numbers() {
    let readme = std::fs::read_to_string(examples().join("README.md")).unwrap();
    for example in EXAMPLES {
        let told = format!("`python3 -m {}`, {} tests, {} red", example.module, example.tests, example.red);
        assert!(readme.contains(&told), "{} lacks: {told}", example.name);
    }
}
