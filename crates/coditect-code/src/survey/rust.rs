//! Rust projects: a crate or a workspace, tested by `cargo test`.

use coditect_types::project::Framework;
use coditect_types::{Failure, Project};

use super::{Look, native};

/// Flags of `cargo test` that choose what is built and take a value.
const WITH_VALUE: &[&str] = &[
    "-p",
    "--package",
    "--features",
    "-F",
    "--exclude",
    "--bin",
    "--test",
    "--example",
    "--bench",
    "--manifest-path",
];
/// The same without a value, and those that change only what is printed.
const ALONE: &[&str] = &[
    "--workspace",
    "--all",
    "--lib",
    "--bins",
    "--tests",
    "--examples",
    "--benches",
    "--all-targets",
    "--all-features",
    "--no-default-features",
    "--release",
];
const QUIET: &[&str] = &[
    "-q",
    "--quiet",
    "-v",
    "--verbose",
    "--no-fail-fast",
    "--locked",
    "--frozen",
    "--offline",
    "--nocapture",
    "--no-capture",
];

pub(super) fn found(look: &Look<'_>, root: &str) -> Result<Project, Failure> {
    project(look, root, vec!["cargo".to_owned(), "test".to_owned()], Vec::new())
}

pub(super) fn commanded(look: &Look<'_>, given: &[String]) -> Option<Result<Project, Failure>> {
    let mut words = given.iter().map(String::as_str).peekable();
    words.next().filter(|word| *word == "cargo")?;
    match words.next()? {
        "test" | "t" => {}
        "nextest" => {
            words.next().filter(|word| matches!(*word, "run" | "r"))?;
        }
        _ => return None,
    }
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or(word);
        if ALONE.contains(&word) || (word.contains('=') && WITH_VALUE.contains(&name)) {
            flags.push(word.to_owned());
        } else if WITH_VALUE.contains(&word) {
            flags.push(word.to_owned());
            flags.push(words.next()?.to_owned());
        } else if word == "--" {
            // What the test programs are told beyond what is printed chooses tests, which is not understood.
            if words.any(|word| !QUIET.contains(&word)) {
                return None;
            }
        } else if !QUIET.contains(&word) {
            return None;
        }
    }
    let root = look.survey.subdir.to_owned();
    Some(project(look, &root, given.to_vec(), flags))
}

fn project(
    look: &Look<'_>,
    root: &str,
    command: Vec<String>,
    flags: Vec<String>,
) -> Result<Project, Failure> {
    native(look, ("rust", "Rust"), Framework::CargoTest, root, (command, flags))
}
