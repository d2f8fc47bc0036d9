//! What `coditect repair` says of a change: the patch byte for byte, the place by its own function, and why there is none.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::process::Output;

use serde_json::Value;

use world::World;

const TEST_ADD: &str = "import unittest\nimport m\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                        self.assertEqual(m.add(2, 3), 5)\n\n    def test_b(self):\n        \
                        self.assertEqual(m.add(0, 7), 7)\n";

/// A world with these files and no others.
fn world(files: &[(&str, &[u8])]) -> World {
    let world = World::new();
    world.git(&["rm", "-q", "calc.py", "test_calc.py"]);
    for (name, bytes) in files {
        fs::write(world.path("project").join(name), bytes).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "other files"]);
    world
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_patch_of_a_file_in_latin_1_is_its_bytes() {
    let text = b"# -*- coding: latin-1 -*-\n# Gr\xfc\xdfe\ndef add(a, b):\n    name = \"M\xfcller\"\n    return a - b\n";
    let world = world(&[("m.py", text), ("test_m.py", TEST_ADD.as_bytes())]);
    let output = world.coditect(&["repair"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::write(world.path("fix.patch"), &output.stdout).unwrap();
    world.git(&["apply", world.path("fix.patch").to_str().unwrap()]);
    let now = fs::read(world.path("project/m.py")).unwrap();
    assert!(now.starts_with(&text[..text.len() - 6]) && now.ends_with(b"return a + b\n"), "{now:?}");
    world.git(&["checkout", "-q", "."]);
    let told = told(&world.coditect(&["repair", "--json"]));
    let caveat = told["caveats"].to_string();
    assert!(caveat.contains("`patch_file` is"), "{caveat}");
    let exact = fs::read(told["patch_file"].as_str().unwrap()).unwrap();
    assert!(exact.windows(7).any(|window| window == b"M\xfcller\""));
}

#[test]
fn a_byte_order_mark_joins_no_lines() {
    let text = "\u{feff}def add(a, b)\n    return a + b\n";
    let world = world(&[("m.py", text.as_bytes()), ("test_m.py", TEST_ADD.as_bytes())]);
    let told = told(&world.coditect(&["repair", "--json"]));
    let diff = told["patches"][0]["diff"].as_str().unwrap();
    assert!(diff.ends_with("+\u{feff}def add(a, b):\n     return a + b\n"), "{diff}");
    assert_eq!(told["patches"][0]["places"][0]["function"], "add");
}

#[test]
fn a_change_of_a_first_line_is_its_functions_own() {
    let text = "class A:\n    def __init__(self):\n        self.n = 0\n\n    def put(n):\n        self.n += n\n        return self.n\n\n\n\
                def add(a, b):\n    x = A()\n    x.put(a)\n    return x.put(b)\n";
    let world = world(&[("m.py", text.as_bytes()), ("test_m.py", TEST_ADD.as_bytes())]);
    let output = world.coditect(&["repair"]);
    let said = said(&output);
    assert!(said.contains("`self,` was added in `m.py` line 5, function `put`"), "{said}");
    assert!(said.contains("Verified, in patch file"), "{said}");
}

#[test]
fn uncommitted_work_is_in_no_branch_where_none_is_made() {
    let world = world(&[("m.py", b"def add(a, b):\n    return 7\n"), ("test_m.py", TEST_ADD.as_bytes())]);
    fs::write(world.path("project/m.py"), "def add(a, b):\n    return a - b\n").unwrap();
    let told = told(&world.coditect(&["repair", "--json"]));
    let caveats = told["caveats"].to_string();
    assert!(caveats.contains("uncommitted work; the patch is against it"), "{caveats}");
    assert!(!caveats.contains("branch"), "{caveats}");
}

#[test]
fn what_a_flag_names_and_nothing_has_is_a_mistake_of_usage() {
    let world = World::new();
    for flags in
        [["--function", "nope"], ["--test", "nope"], ["--file", "nope.py"], ["--file", "test_calc.py"]]
    {
        let output = world.coditect(&[&["repair"][..], &flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
        let output = world.coditect(&[&["repair", "--json"][..], &flags].concat());
        let object = told(&output);
        let own = object.get("exit_code").unwrap_or(&object["error"]["exit_code"]);
        assert_eq!((output.status.code(), own.as_u64()), (Some(2), Some(2)), "{object}");
    }
    let output = world.coditect(&["repair", "--budget-s", "-1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("`-1` is not a whole number from 1"), "{output:?}");
    for home in ["/proc/none", "/sys/none"] {
        let output = world.command(&["repair"]).env("CODITECT_HOME", home).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains(home) && said(&output).contains("--home DIR"), "{output:?}");
    }
}

#[test]
fn a_quiet_search_in_vain_says_why_in_a_line() {
    let test = "import unittest\nimport m\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                self.assertEqual(m.word(), 'a word that is nowhere')\n";
    let world = world(&[("m.py", b"def word():\n    pass\n"), ("test_m.py", test.as_bytes())]);
    let output = world.coditect(&["repair", "--quiet", "--max-candidates", "3"]);
    assert!(output.stdout.is_empty() && output.status.code() != Some(0), "{output:?}");
    let said = said(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("No change was found"), "{said}");
}
