//! Projects of Rust with the real program: a bug in a closure of a crate's root, whose unit tests stand in the same file and
//! whose documentation has an example. Where there is no `cargo`, the test says so and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::path::PathBuf;

use world::{REQUEST, World, objects};

const MANIFEST: &str = "[package]\nname = \"longest\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

const LIBRARY: &str = r#"/// The longest word of a text.
///
/// ```
/// assert_eq!(longest::word("a bcd ef"), "bcd");
/// ```
pub fn word(text: &str) -> &str {
    let mut best = "";
    text.split(' ').for_each(|word| {
        if word.len() < best.len() {
            best = word;
        }
    });
    best
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_longest_of_three() {
        assert_eq!(super::word("ab abc a"), "abc");
    }

    #[test]
    fn none_of_nothing() {
        assert_eq!(super::word(""), "");
    }
}
"#;

#[test]
fn a_root_with_unit_tests_and_an_example_is_repaired() {
    if std::process::Command::new("cargo").arg("--version").output().is_err() {
        eprintln!("skipped: no cargo on PATH");
        return;
    }
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    let other = "#[test]\nfn one() {\n    assert_eq!(longest::word(\"\"), \"\");\n}\n";
    for (name, text) in [("Cargo.toml", MANIFEST), ("src/lib.rs", LIBRARY), ("tests/other.rs", other)] {
        let path = world.path("project").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command = world.command(&["run", "--json", REQUEST]);
    // The toolchain is found through its own home, where it has one.
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
        command.env(name, std::env::var_os(name).map_or(home.join(folder), PathBuf::from));
    }
    let output = command.output().unwrap();
    let records = objects(&output.stdout);
    let last = records.last().expect("records");
    assert_eq!(last["status"], "verified", "{last}");
    let text = world.git(&["show", &format!("{}:src/lib.rs", last["branch"].as_str().unwrap())]);
    let right = LIBRARY.replace("word.len() < best.len()", "word.len() > best.len()");
    assert_eq!(text.trim(), right.trim(), "the tests in the file are as they were");
    let said = serde_json::to_string(&records).unwrap();
    assert!(said.contains("doc::src/lib.rs - word"), "the example is one of the tests: {said}");
}
