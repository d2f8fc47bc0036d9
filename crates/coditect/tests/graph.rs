//! `coditect graph`, as people and programs call it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod told;

use std::path::Path;
use std::process::Command as Git;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use told::snapshot;

const LEDGER: &str = "from money import round_up\n\n\nclass Ledger:\n    def add(self, n):\n        return self.keep(round_up(n))\n\n    \
                      def keep(self, n):\n        return n\n\n\ndef never():\n    pass\n";
const MONEY: &str = "def round_up(n):\n    return cents(n)\n\n\ndef cents(n):\n    return n\n";
const TESTS: &str = "from ledger import Ledger\nfrom money import cents\n\n\ndef test_add():\n    ledger = Ledger()\n    assert ledger.add(1) == 1\n\n\n\
                     def test_cents():\n    assert cents(1) == 1\n";

struct World {
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.dir.path().join("project")).unwrap();
        for (name, text) in [("ledger.py", LEDGER), ("money.py", MONEY), ("test_ledger.py", TESTS)] {
            world.write(name, text);
        }
        world
    }

    fn project(&self) -> std::path::PathBuf {
        self.dir.path().join("project")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.project().join(name), text).unwrap();
    }

    fn git(&self, args: &[&str]) {
        let ran = Git::new("git")
            .current_dir(self.project())
            .args([
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.com",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(args)
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("coditect").unwrap();
        command.env_clear().current_dir(self.project()).arg("graph").args(args);
        command.envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE" || name == "PATH"));
        command.env("CODITECT_HOME", self.dir.path().join("home")).env("HOME", self.dir.path());
        command
    }

    fn told(&self, command: &mut Command) -> String {
        told::told(command, self.dir.path())
    }

    fn run(&self, args: &[&str]) -> String {
        self.told(&mut self.command(args))
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The program in another directory than the project, with any command.
    fn elsewhere(&self, dir: &Path, args: &[&str]) -> String {
        let mut command = Command::cargo_bin("coditect").unwrap();
        command.env_clear().current_dir(dir).args(args);
        command.envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE" || name == "PATH"));
        command.env("CODITECT_HOME", self.dir.path().join("home")).env("HOME", self.dir.path());
        self.told(&mut command)
    }

    /// What `tests --diff -` answers to a diff, for people and for programs.
    fn tests_of(&self, diff: &str) -> (String, Value) {
        let told = self.told(self.command(&["tests", "--diff", "-"]).write_stdin(diff));
        let output = self.command(&["tests", "--diff", "-", "--json"]).write_stdin(diff).output().unwrap();
        (told, serde_json::from_slice(&output.stdout).unwrap())
    }

    /// What git says of the project's state against its commit.
    fn diff(&self, flags: &[&str]) -> String {
        self.git(&["add", "-A"]);
        let args = [&["diff", "--cached"], flags].concat();
        let ran = Git::new("git").current_dir(self.project()).args(args).output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    }

    fn graph_file(&self) -> std::path::PathBuf {
        let mut files = std::fs::read_dir(self.dir.path().join("home/graphs")).unwrap();
        files.next().unwrap().unwrap().path()
    }
}

#[test]
fn every_question_has_an_answer_for_people() {
    let world = World::new();
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "begin"]);
    snapshot!("graph_summary", world, &[]);
    snapshot!("graph_impact", world, &["impact", "cents"]);
    snapshot!("graph_tests", world, &["tests", "money.py::round_up"]);
    let cause = world.run(&["cause", "test_add"]);
    assert!(
        cause.starts_with("exit 0") && cause.contains("Ledger::add") && cause.contains(" begin"),
        "{cause}"
    );
    snapshot!("graph_path", world, &["path", "test_add", "cents"]);
    snapshot!("graph_path_back", world, &["path", "cents", "test_add"]);
    snapshot!("graph_similar", world, &["similar", "round_up", "-n", "2"]);
    snapshot!("graph_owners", world, &["owners", "money.py"]);
    snapshot!("graph_hot", world, &["hot"]);
    snapshot!("graph_dead", world, &["dead"]);
    snapshot!("graph_query", world, &["query", "Ledger.add"]);
    snapshot!("graph_dot", world, &["export", "--around", "cents", "--depth", "1"]);
}

#[test]
fn every_question_has_an_answer_for_programs() {
    let world = World::new();
    let of = |value: &Value, list: &str| -> Vec<String> {
        value[list].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let summary = world.json(&[]);
    assert_eq!((summary["files"].as_u64(), summary["tests"].as_u64()), (Some(3), Some(2)));
    let impact = world.json(&["impact", "cents"]);
    assert_eq!(of(&impact, "tests"), ["test_ledger.py::test_cents", "test_ledger.py::test_add"]);
    assert_eq!(impact["tests"][1]["from"]["name"], "ledger.py::Ledger::add");
    assert_eq!(of(&world.json(&["tests", "keep"]), "tests"), ["test_ledger.py::test_add"]);
    assert_eq!(of(&world.json(&["cause", "test_add"]), "candidates")[0], "ledger.py::Ledger::add");
    assert_eq!(world.json(&["path", "test_add", "cents"])["steps"].as_array().unwrap().len(), 4);
    assert!(!of(&world.json(&["similar", "round_up"]), "similar").is_empty());
    assert_eq!(world.json(&["owners", "."])["files"], 3);
    assert_eq!(world.json(&["hot"])["hot"].as_array().unwrap().len(), 0);
    assert_eq!(of(&world.json(&["dead"]), "dead"), ["ledger.py::never"]);
    assert_eq!(
        world.json(&["query", "cents", "--way", "in", "--edge", "calls"])["found"][0]["edges"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let part = world.json(&["export", "--all"]);
    assert!(part["nodes"].as_array().unwrap().len() >= 11 && part["left_out"] == 0);
    let out = world.dir.path().join("all.svg");
    let told = world.run(&["export", "--format", "svg", "-o", out.to_str().unwrap()]);
    assert!(told.starts_with("exit 0"), "{told}");
    assert!(std::fs::read_to_string(out).unwrap().contains("ledger.py"));
}

#[test]
fn each_neighbour_stands_beside_what_its_edge_says() {
    let world = World::new();
    world.write("use.py", "from money import cents, round_up\n\ndef both(n):\n    keep = cents\n    return cents(n) + round_up(n)\n");
    let found = world.json(&["query", "both", "--way", "out"]);
    let edges = found["found"][0]["edges"].as_array().unwrap();
    let told: Vec<String> = edges
        .iter()
        .map(|edge| format!("{} {}", edge["kind"].as_str().unwrap(), edge["node"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(told, ["calls money.py::cents", "calls money.py::round_up", "uses money.py::cents"]);
}

#[test]
fn how_far_a_picture_reaches_has_a_limit() {
    let world = World::new();
    let depth = |depth: &str| world.run(&["export", "--around", "cents", "--depth", depth]);
    assert!(depth("32").starts_with("exit 0") && depth("0").starts_with("exit 0"));
    for wrong in ["33", "4294967295", "99999999999999999999", "two"] {
        let told = depth(wrong);
        assert!(told.starts_with("exit 2") && told.contains("--depth"), "{told}");
    }
}

#[test]
fn a_diff_comes_from_a_file_or_from_standard_input() {
    let world = World::new();
    world.write("money.py", &MONEY.replace("return n", "return n + 0"));
    let diff =
        "--- a/money.py\n+++ b/money.py\n@@ -5,2 +5,2 @@\n def cents(n):\n-    return n\n+    return n + 0\n";
    let piped = world.told(world.command(&["tests", "--diff", "-"]).write_stdin(diff));
    assert!(piped.contains("test_ledger.py::test_cents\ntest_ledger.py::test_add\n"), "{piped}");
    world.write("change.diff", diff);
    assert_eq!(world.run(&["tests", "--diff", "change.diff"]), piped);
    let none = world.told(world.command(&["tests", "--diff", "-"]).write_stdin("nothing\n"));
    insta::assert_snapshot!("graph_no_diff", none);
}

#[test]
fn every_diff_has_an_answer() {
    let world = World::new();
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "begin"]);
    let (told, json) = world.tests_of("");
    insta::assert_snapshot!("graph_empty_diff", told);
    assert_eq!((json["tests"].as_array().unwrap().len(), json["notes"].as_array().unwrap().len()), (0, 1));
    world.write("README.md", "more\n");
    let (told, json) = world.tests_of(&world.diff(&[]));
    insta::assert_snapshot!("graph_readme_diff", told);
    assert_eq!(json["notes"].as_array().unwrap().len(), 2, "{json}");
    let impact = world.told(world.command(&["impact", "--diff", "-"]).write_stdin(world.diff(&[])));
    assert!(impact.starts_with("exit 0") && impact.contains("0 tests"), "{impact}");
    let mode = "diff --git a/money.py b/money.py\nold mode 100644\nnew mode 100755\n";
    assert!(world.tests_of(mode).0.starts_with("exit 0"));
}

#[test]
fn tests_of_a_file_that_is_no_more_are_those_that_needed_it() {
    let world = World::new();
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "begin"]);
    std::fs::remove_file(world.project().join("money.py")).unwrap();
    let diff = world.diff(&[]);
    // Nobody has asked the graph while the file was there.
    let (told, json) = world.tests_of(&diff);
    insta::assert_snapshot!("graph_deleted_diff", told);
    assert_eq!(json["notes"].as_array().unwrap().len(), 1, "{json}");
    // Where git leaves out what stood in it, who imports it is known still.
    let (told, _) = world.tests_of(&world.diff(&["-D"]));
    assert!(told.contains("test_ledger.py::test_cents\n"), "{told}");
    // Tests that are no more cannot be run.
    std::fs::remove_file(world.project().join("test_ledger.py")).unwrap();
    let (told, _) = world.tests_of(&world.diff(&[]));
    assert!(told.starts_with("exit 0\n--- stdout\n--- stderr\nnote: "), "{told}");
    // Not even where nothing is left that is read.
    std::fs::remove_file(world.project().join("ledger.py")).unwrap();
    let (told, _) = world.tests_of(&world.diff(&[]));
    assert!(told.starts_with("exit 0\n--- stdout\n--- stderr\nnote: "), "{told}");
    assert!(world.run(&["tests", "ledger.py"]).starts_with("exit 2"));
}

#[test]
fn tests_of_a_file_that_has_another_name_are_those_that_needed_the_old_one() {
    let world = World::new();
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "begin"]);
    std::fs::rename(world.project().join("money.py"), world.project().join("cash.py")).unwrap();
    let diff = world.diff(&["-M"]);
    assert!(diff.contains("similarity index 100%"), "{diff}");
    let (told, json) = world.tests_of(&diff);
    insta::assert_snapshot!("graph_renamed_diff", told);
    assert_eq!(json["tests"].as_array().unwrap().len(), 2, "{json}");
    // A function that went on the way is found by the name that it had.
    world.write("cash.py", &MONEY.replace("def cents", "def pennies").replace("cents(n)", "pennies(n)"));
    let diff = world.diff(&["-M20%"]);
    assert!(diff.contains("rename from money.py"), "{diff}");
    let (told, _) = world.tests_of(&diff);
    assert!(told.contains("test_ledger.py::test_cents\n"), "{told}");
}

#[test]
fn paths_are_those_from_where_the_person_stands() {
    let world = World::new();
    world.git(&["init", "-q"]);
    let shop = world.project().join("shop");
    std::fs::create_dir(&shop).unwrap();
    world.write("shop/cart.py", "def total(n):\n    return n\n");
    world.write("shop/money.py", "def alone():\n    pass\n");
    world.write("test_cart.py", "from shop.cart import total\n\ndef test_total():\n    assert total(1)\n");
    let here = |args: &[&str]| world.elsewhere(&shop, &[&["graph"], args].concat());
    let expected = "exit 0\n--- stdout\ntest_cart.py::test_total\n--- stderr\n";
    let absolute = shop.join("cart.py");
    for name in
        ["cart.py", "./cart.py", "../shop/cart.py", "cart.py:1-2", "cart.py::total", "shop/cart.py", "total"]
    {
        assert_eq!(here(&["tests", name]), expected, "{name}");
    }
    assert_eq!(here(&["tests", absolute.to_str().unwrap()]), expected);
    assert_eq!(world.run(&["tests", absolute.to_str().unwrap()]), expected);
    assert_eq!(world.run(&["-C", "shop", "tests", "cart.py"]), expected, "as a mission on it sees it");
    let top = world.elsewhere(world.dir.path(), &["graph", "-C", "project", "tests", "shop/cart.py"]);
    assert_eq!(top, expected);
    // Of two files of one name the one that stands here is meant.
    assert!(here(&["query", "money.py"]).contains("shop/money.py"));
    assert!(here(&["dead", "."]).contains("alone") && here(&["dead", "cart.py"]).contains("nothing"));
    assert!(here(&["cause", "../test_cart.py::test_total", "--changed", "cart.py"]).contains("total"));
    let diff = "--- a/cart.py\n+++ b/cart.py\n@@ -2 +2 @@\n-    return 0\n+    return n\n";
    std::fs::write(world.dir.path().join("relative.diff"), diff).unwrap();
    std::fs::write(world.dir.path().join("top.diff"), diff.replace("cart.py", "shop/cart.py")).unwrap();
    for diff in ["../../relative.diff", "../../top.diff"] {
        assert_eq!(here(&["tests", "--diff", diff]), expected, "{diff}");
    }
    let outside = here(&["tests", "/no/such.py"]);
    assert!(outside.starts_with("exit 2") && outside.contains("is not below"), "{outside}");
    assert_eq!(std::fs::read_dir(world.dir.path().join("home/graphs")).unwrap().count(), 1, "one graph");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let world = World::new();
    snapshot!("graph_no_line", world, &["impact", "money.py:9999"]);
    for lines in ["0", "0-3", "5-2", "3-7", "99999999999999999999999"] {
        let told = world.run(&["tests", &format!("money.py:{lines}")]);
        assert!(told.starts_with("exit 2") && told.contains("6 lines"), "{told}");
    }
    assert!(world.run(&["tests", "money.py:1-6"]).starts_with("exit 0"));
    snapshot!("graph_dead_nowhere", world, &["dead", "nosuch"]);
    std::fs::create_dir(world.project().join("docs")).unwrap();
    assert!(world.run(&["dead", "docs"]).contains("nothing, as far as names tell"));
    snapshot!("graph_cause_of_several", world, &["cause", "test_"]);
    assert!(world.run(&["cause", "test_a"]).starts_with("exit 0"));
    let nowhere = world.dir.path().join("none/all.svg");
    let told = world.run(&["export", "-o", nowhere.to_str().unwrap()]);
    assert!(told.starts_with("exit 1") && told.contains("hint: "), "{told}");
}

#[test]
fn graphs_of_directories_that_are_gone_are_cleaned_away() {
    let world = World::new();
    world.run(&[]);
    let file = world.graph_file();
    let clean = |flags: &[&str]| world.elsewhere(world.dir.path(), &[&["clean", "--all"], flags].concat());
    assert!(!clean(&[]).contains("graph") && file.exists());
    std::fs::rename(world.project(), world.dir.path().join("other")).unwrap();
    assert!(clean(&["--dry-run"]).contains("would remove 1 graph ") && file.exists());
    assert!(clean(&["--json"]).contains("\"graphs\":1") && !file.exists());
}

#[test]
fn every_question_has_examples_that_fit_a_narrow_window() {
    let world = World::new();
    for question in
        ["impact", "tests", "cause", "path", "similar", "owners", "hot", "dead", "query", "export"]
    {
        let help = world.run(&[question, "--help"]);
        let examples: Vec<&str> =
            help.lines().filter(|line| line.contains(&format!("coditect graph {question}"))).collect();
        assert!(help.contains("Examples:") && examples.len() > 2, "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 98), "{help}");
    }
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let world = World::new();
    snapshot!("graph_unknown", world, &["impact", "no_such"]);
    snapshot!("graph_nothing_asked", world, &["impact"]);
    snapshot!("graph_bad_edge", world, &["query", "cents", "--edge", "knows"]);
    world.write("other.py", "def cents(n):\n    return n\n");
    snapshot!("graph_ambiguous", world, &["similar", "cents"]);
    snapshot!("graph_not_a_test", world, &["cause", "round_up"]);
    snapshot!("graph_no_dir", world, &["-C", "none"]);
    std::fs::create_dir(world.project().join("empty")).unwrap();
    snapshot!("graph_no_code", world, &["--workspace", "empty"]);
}

#[test]
fn a_graph_that_cannot_be_read_is_made_anew_and_that_is_said() {
    let world = World::new();
    let first = world.run(&[]);
    let file = world.graph_file();
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut newer = whole.clone();
    newer[8] = 99;
    for (bytes, why) in [
        (damaged, "it is damaged"),
        (newer, "a newer version"),
        (whole[..30].to_vec(), "it is damaged"),
        (Vec::new(), "it is damaged"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let told = world.run(&[]);
        assert!(told.starts_with("exit 0") && told.contains(why) && told.contains("made anew"), "{told}");
        assert_eq!(world.run(&[]), first, "and kept");
    }
}

#[test]
fn an_edit_is_seen_at_once_and_only_what_changed_is_read() {
    let world = World::new();
    world.run(&[]);
    world.write("money.py", &format!("{MONEY}\n\ndef more():\n    return round_up(1)\n"));
    let summary = world.json(&[]);
    assert_eq!(summary["read_again"], 1);
    std::fs::remove_file(world.project().join("ledger.py")).unwrap();
    let summary = world.json(&[]);
    assert_eq!((summary["gone"].as_u64(), summary["files"].as_u64()), (Some(1), Some(2)));
}

#[test]
fn two_processes_at_once_leave_a_whole_graph() {
    let world = World::new();
    for n in 0..60 {
        world.write(&format!("m{n}.py"), &format!("def f{n}():\n    pass\n").repeat(20));
    }
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("coditect"));
            command
                .current_dir(world.project())
                .args(["graph", "--json"])
                .env("CODITECT_HOME", world.dir.path().join("home"));
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let told = world.run(&[]);
    assert!(told.contains("63 files") && !told.contains("anew"), "{told}");
    let left: Vec<_> = std::fs::read_dir(world.dir.path().join("home/graphs")).unwrap().collect();
    assert_eq!(left.len(), 1, "no file for a while is left");
}

#[test]
fn code_that_is_broken_or_no_text_is_no_trouble() {
    let world = World::new();
    world.write("broken.py", "def half(:\n    x = (\nclass\n");
    std::fs::write(world.project().join("bytes.py"), [0xff, 0xfe, 0, b'd']).unwrap();
    std::fs::write(world.project().join("empty.rs"), "").unwrap();
    std::os::unix::fs::symlink(Path::new("loop.py"), world.project().join("loop.py")).unwrap();
    world.write("huge.py", &"x = 1\n".repeat(500_000));
    let summary = world.json(&[]);
    assert_eq!(summary["broken"], 1);
    let passed: Vec<_> =
        summary["passed_over"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(passed, ["huge.py", "bytes.py"]);
    // A name that tries to steer the terminal is data.
    world.write("steer\u{1b}[2J.py", "def steer(): pass\n");
    let told = world.run(&["query", "steer"]);
    assert!(told.starts_with("exit 0") && !told.contains('\u{1b}'), "{told}");
}
