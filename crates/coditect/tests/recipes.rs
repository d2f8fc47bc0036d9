//! The rung of recipes with the real program: what error messages name, one answer on top of the other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::path::PathBuf;

use serde_json::Value;
use world::{REQUEST, World, objects};

/// A world whose project has these files and no others.
fn project(files: &[(&str, &str)]) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    for (name, text) in files {
        let path = world.path("project").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    world
}

/// Runs a mission to its end: the last record, and the text of a file on its branch.
fn mended(world: &World, file: &str) -> (Value, String) {
    mended_by(world, &[], file)
}

/// The same with more arguments.
fn mended_by(world: &World, more: &[&str], file: &str) -> (Value, String) {
    let mut command = world.command(&["run", "--json", REQUEST]);
    command.args(more);
    // The toolchain of Rust is found through its own home, where it has one.
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
        command.env(name, std::env::var_os(name).map_or(home.join(folder), PathBuf::from));
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!(last["status"], "verified", "{last}");
    let text = world.git(&["show", &format!("{}:{file}", last["branch"].as_str().unwrap())]);
    (last, text)
}

const TEST: &str = "import unittest\nimport m\n\n\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(m.f(1), 3)\n\n    def test_g(self):\n        self.assertEqual(m.g('\"a.txt\"'), 'a')\n";
const G: &str = "\n\ndef g(path):\n    return os.path.splitext(json.loads(path))[0]\n";

#[test]
fn imports_that_are_missing_are_added_one_after_the_other() {
    let world = project(&[("m.py", &format!("def f(a):\n    return a + 2\n{G}")), ("test_m.py", TEST)]);
    let (last, text) = mended(&world, "m.py");
    assert!(text.contains("import json\n") && text.contains("import os\n"), "{text}");
    assert_eq!(last["ledger"]["solved_by"], "recipe", "{last}");
}

#[test]
fn conflicts_are_settled_by_the_tests() {
    let conflict = "def f(a):\n<<<<<<< HEAD\n    return a + 1\n=======\n    return a + 2\n>>>>>>> topic\n";
    let other = "<<<<<<< HEAD\n    return path[1:2]\n||||||| base\n    return path\n=======\n    return path\n>>>>>>> topic\n";
    let text = format!("{conflict}\n\ndef g(path):\n{other}");
    let world = project(&[("m.py", &text), ("test_m.py", TEST)]);
    let (_, text) = mended(&world, "m.py");
    assert_eq!(text, "def f(a):\n    return a + 2\n\n\ndef g(path):\n    return path[1:2]");
}

#[test]
fn what_the_compiler_of_rust_suggests_is_tried() {
    if std::process::Command::new("cargo").arg("--version").output().is_err() {
        eprintln!("skipped: no cargo on PATH");
        return;
    }
    let manifest = "[package]\nname = \"ex\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let library = "/// How often each word stands in a text.\npub fn counts(text: &str) -> HashMap<String, usize> {\n    let mut found = HashMap::new();\n    for word in text.split_whitespace() {\n        *found.entry(word.to_lowercas()).or_insert(0) += 1;\n    }\n    found\n}\n";
    let test = "#[test]\nfn words_are_counted() {\n    assert_eq!(ex::counts(\"A a b\")[\"a\"], 2);\n}\n";
    let world = project(&[("Cargo.toml", manifest), ("src/lib.rs", library), ("tests/t.rs", test)]);
    let doctor = world.json(&["doctor", "--json"]);
    let tiers = doctor["sandboxes"].as_array().unwrap();
    if !tiers.iter().any(|tier| tier["tier"] == "os" && tier["usable"] == true) {
        eprintln!("skipped: the OS sandbox is not usable here");
        return;
    }
    let (last, text) = mended(&world, "src/lib.rs");
    let expected = library.replace("lowercas()", "lowercase()");
    assert_eq!(text, format!("use std::collections::HashMap;\n\n{}", expected.trim_end()));
    assert_eq!(last["ledger"]["solved_by"], "recipe", "{last}");
}

#[test]
fn a_formatter_that_objects_is_asked_to_mend() {
    if std::process::Command::new("cargo").args(["fmt", "--version"]).output().is_err() {
        eprintln!("skipped: no cargo on PATH");
        return;
    }
    let manifest = "[package]\nname = \"ex\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let library = "pub fn one( ) -> u8 {\n1\n}\n\npub fn two() -> u8 {\n    2\n}\n";
    let world = project(&[("Cargo.toml", manifest), ("src/lib.rs", library)]);
    let doctor = world.json(&["doctor", "--json"]);
    let tiers = doctor["sandboxes"].as_array().unwrap();
    if !tiers.iter().any(|tier| tier["tier"] == "os" && tier["usable"] == true) {
        eprintln!("skipped: the OS sandbox is not usable here");
        return;
    }
    let (last, text) = mended_by(&world, &["--test-command", "cargo fmt -- --check"], "src/lib.rs");
    assert_eq!(text, "pub fn one() -> u8 {\n    1\n}\n\npub fn two() -> u8 {\n    2\n}");
    assert_eq!(last["ledger"]["solved_by"], "recipe", "{last}");
    let kept = std::fs::read_to_string(world.path("project/src/lib.rs")).unwrap();
    assert_eq!(kept, library, "the person's own files stay as they are");
}

/// A linter for the test: it objects to `bad` in `m.py` or `m.js`, and makes `good` of it where it is told to mend.
const LINTER: &str = "import sys\nname = [word for word in sys.argv[1:] if word.startswith('m.')][0]\ntext = open(name).read()\nif '--fix' in sys.argv:\n    text = text.replace('bad', 'good')\n    open(name, 'w').write(text)\nsys.exit(1 if 'bad' in text else 0)\n";

/// Puts the linter into a folder of the project that is not under version control.
fn installed(world: &World, at: &str, interpreter: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = world.path("project").join(at);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!{interpreter}\n{LINTER}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_linter_of_the_virtual_environment_is_asked_to_mend() {
    let world = project(&[("m.py", "bad = 1\nother = 2\n"), (".gitignore", ".venv\n")]);
    let environment = world.path("project").join(".venv");
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&environment)
        .output()
        .unwrap();
    if !made.status.success() {
        eprintln!("skipped: no module venv");
        return;
    }
    installed(&world, ".venv/bin/ruff", environment.join("bin/python").to_str().unwrap());
    let (last, text) = mended_by(&world, &["--test-command", ".venv/bin/ruff check m.py"], "m.py");
    assert_eq!(text, "good = 1\nother = 2");
    assert_eq!(last["ledger"]["solved_by"], "recipe", "{last}");
}

#[test]
fn scripts_are_followed_to_the_linter_that_mends() {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&paths).any(|folder| folder.join("npm").is_file()) {
        eprintln!("skipped: no npm on PATH");
        return;
    }
    let manifest = "{\"name\": \"ex\", \"version\": \"1.0.0\", \"scripts\": {\"lint\": \"eslint m.js\"}}\n";
    let files =
        [("package.json", manifest), ("m.js", "exports.bad = 1;\n"), (".gitignore", "node_modules\n")];
    for command in ["npm run lint", "npx eslint m.js", "node_modules/.bin/eslint m.js"] {
        let world = project(&files);
        installed(&world, "node_modules/.bin/eslint", "/usr/bin/env python3");
        let (last, text) = mended_by(&world, &["--test-command", command], "m.js");
        assert_eq!(text, "exports.good = 1;", "{command}");
        assert_eq!(last["ledger"]["solved_by"], "recipe", "{last}");
    }
}

/// The command says which files are tests, also where their names do not.
#[test]
fn a_script_that_the_command_runs_is_never_changed() {
    let check = "import sys\nfrom lib import mean\nerrors = 0\nfor xs, want in (([1, 2, 3], 2), ([], 0), ([5], 5)):\n    \
                 try:\n        got = mean(xs)\n    except Exception as e:\n        got = e\n    if got != want:\n        \
                 errors += 1\nsys.exit(1 if errors else 0)\n";
    let lib = "def mean(xs):\n    if not xs:\n        return 0\n    return sum(xs) / (len(xs) - 1)\n";
    let files = [("lib.py", lib), ("check.py", check), ("Makefile", "test:\n\t@python3 check.py\n")];
    let mut commands = vec!["python3 check.py"];
    if std::process::Command::new("make").arg("--version").output().is_ok() {
        commands.push("make test");
    }
    for command in commands {
        let world = project(&files);
        let output = world.coditect(&["run", "--json", "--test-command", command, REQUEST]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let last = objects(&output.stdout).pop().unwrap();
        let branch = last["branch"].as_str().unwrap();
        assert_eq!(world.git(&["diff", "--name-only", &format!("{branch}~1"), branch]), "lib.py");
    }
}
