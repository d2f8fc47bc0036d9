//! What a stranger may bring: odd repositories, odd files, damaged state. The end is clear, nothing of theirs is
//! changed, nothing is left behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::io::BufRead;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use world::{CALC, REQUEST, World, objects};

/// The state directory's temporary directories, and those of `/tmp` that this test's processes would use.
fn left_behind(world: &World) -> Vec<String> {
    let names = |dir: &str| {
        let entries = fs::read_dir(world.path(dir)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path().display().to_string()).collect::<Vec<_>>()
    };
    [names("home/tmp"), names("tmp")].concat()
}

#[test]
fn an_interrupt_leaves_no_temporary_directory() {
    let world = World::new();
    fs::create_dir(world.path("tmp")).unwrap();
    let run = world.begun();
    kill(Pid::from_raw(run.child.id().cast_signed()), Signal::SIGKILL).unwrap();
    let output = run.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), None);
    let run = world.begun();
    kill(Pid::from_raw(run.child.id().cast_signed()), Signal::SIGINT).unwrap();
    let (_, code, _) = run.end();
    assert_eq!(code, 130);
    // A guest that was stopped in the middle may still have written into its directory: the next start ends that.
    assert_eq!(world.coditect(&["run", REQUEST]).status.code(), Some(0));
    assert_eq!(left_behind(&world), Vec::<String>::new());
}

#[test]
fn a_cancel_that_waits_is_carried_out_by_whoever_resumes() {
    let world = World::new();
    let run = world.begun();
    let mission = run.mission.clone();
    kill(Pid::from_raw(run.child.id().cast_signed()), Signal::SIGINT).unwrap();
    run.end();
    let inbox = world.path("home/inbox").join(&mission);
    fs::create_dir_all(&inbox).unwrap();
    let command = coditect_types::Command::CancelMission { reason: "enough".to_owned() };
    fs::write(inbox.join("0.json"), serde_json::to_vec(&command).unwrap()).unwrap();
    let output = world.coditect(&["resume", &mission, "--json"]);
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!((&last["status"], output.status.code()), (&"cancelled".into(), Some(130)), "{last}");
    assert_eq!(fs::read_dir(&inbox).unwrap().count(), 0, "kept in the journal, so the letter can go");
}

#[test]
fn a_file_in_latin_1_keeps_its_bytes() {
    for sandbox in ["wasm", "os"] {
        let world = World::new();
        let mut text = b"# -*- coding: latin-1 -*-\nNAME = \"caf\xe9\"\n\n\n".to_vec();
        text.extend(CALC.as_bytes());
        fs::write(world.path("project/calc.py"), &text).unwrap();
        let tests = fs::read_to_string(world.path("project/test_calc.py")).unwrap();
        let more = "    def test_name(self):\n        self.assertEqual(len(calc.NAME), 4)\n\n\nif __name__";
        fs::write(world.path("project/test_calc.py"), tests.replace("\nif __name__", more)).unwrap();
        let output = world.coditect(&["run", "--json", "--sandbox", sandbox, REQUEST]);
        let last = objects(&output.stdout).pop().unwrap();
        assert_eq!(output.status.code(), Some(0), "{sandbox}: {last}");
        world.text(&["apply", "last"]);
        let fixed = fs::read(world.path("project/calc.py")).unwrap();
        let changed = text.iter().zip(&fixed).filter(|(old, new)| old != new).count();
        assert_eq!((fixed.len(), changed), (text.len(), 1), "{sandbox}: one sign became another");
    }
}

#[test]
fn an_encoding_that_cannot_be_kept_is_said() {
    let world = World::new();
    fs::write(world.path("project/calc.py"), [b"# coding: cp1252\n# \x80\n", CALC.as_bytes()].concat())
        .unwrap();
    let output = world.coditect(&["run", "--json", REQUEST]);
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!(output.status.code(), Some(1), "{last}");
    let summary = last["summary"].as_str().unwrap();
    assert!(summary.contains("`calc.py` is written in `cp1252`"), "{summary}");
}

#[test]
fn a_module_behind_a_link_out_of_the_tree_is_named() {
    let world = World::new();
    fs::rename(world.path("project/calc.py"), world.path("calc.py")).unwrap();
    symlink("../calc.py", world.path("project/calc.py")).unwrap();
    let output = world.coditect(&["run", "--json", REQUEST]);
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!(output.status.code(), Some(1), "{last}");
    let hint = last["hint"].as_str().unwrap();
    assert!(hint.contains("leaves out `calc.py: link out of the tree"), "{hint}");
    assert_eq!(fs::read_to_string(world.path("calc.py")).unwrap(), CALC);
}

#[test]
fn a_repository_that_takes_no_branch_gets_a_patch() {
    let world = World::new();
    world.git(&["branch", "coditect"]);
    let output = world.coditect(&["run", "--json", REQUEST]);
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!(output.status.code(), Some(0), "{last}");
    assert_eq!(last["branch"], serde_json::Value::Null);
    let patch = last["patch"].as_str().unwrap();
    let text = fs::read_to_string(patch).unwrap();
    assert!(text.starts_with("There is no branch `coditect/m-"), "{text}");
    world.git(&["apply", "--check", patch]);
    assert!(world.text(&["apply", "last"]).contains("calc.py"));
}

#[test]
fn a_bisect_is_not_moved_by_an_apply() {
    let world = World::new();
    for number in ["1", "2"] {
        fs::write(world.path("project/number"), number).unwrap();
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "-m", number]);
    }
    world.git(&["bisect", "start", "HEAD", "HEAD~2"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    assert_eq!(world.coditect(&["run", REQUEST]).status.code(), Some(0));
    assert!(world.text(&["apply", "last"]).contains("patch to the working tree"));
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_mission_that_lost_records_is_not_gone_on_with() {
    let world = World::new();
    let mut run = world.begun();
    let mission = run.mission.clone();
    for _ in 0..8 {
        run.lines.read_line(&mut String::new()).unwrap();
    }
    kill(Pid::from_raw(run.child.id().cast_signed()), Signal::SIGINT).unwrap();
    run.end();
    // A byte in the middle of what was kept is another one now.
    let segment = world.path("home/journal/lanes/0000/00000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    let sign = b"attempt.ended";
    let at = bytes.windows(sign.len()).position(|window| window == sign).unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    for verb in ["resume", "cancel"] {
        let output = world.coditect(&[verb, &mission]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("the journal is damaged"), "{told}");
    }
    for verb in ["list", "log"] {
        let args: &[&str] = if verb == "list" { &["list"] } else { &["log", "last"] };
        let told = String::from_utf8(world.coditect(args).stderr).unwrap();
        assert!(told.contains("are damaged: records"), "{verb}: {told}");
    }
    assert_eq!(world.coditect(&["run", REQUEST]).status.code(), Some(0), "others are not touched by it");
}

#[test]
fn a_state_directory_in_the_project_is_passed_over() {
    let world = World::new();
    let run = |home: &str| world.command(&["run", REQUEST]).env("CODITECT_HOME", home).output().unwrap();
    for home in ["state/one", "state/two"] {
        assert_eq!(run(home).status.code(), Some(0));
        assert_eq!(world.git(&["status", "--porcelain"]), "", "{home}");
    }
    for home in [".", ".git", ".git/state"] {
        let refused = run(home);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("--home"), "{refused:?}");
    }
    assert!(!world.path("project/journal").exists() && !world.path("project/.git/journal").exists());
    assert!(!world.path("project/.gitignore").exists());
}

#[test]
fn names_of_any_bytes_are_kept() {
    let world = World::new();
    for name in [&b"new\nline"[..], b"-dash", b"quo\"te", b"\xff\xfe", b" lead", b"$(touch x)"] {
        fs::write(world.path("project").join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    world.git(&["add", "-A", "--", "-dash", " lead"]);
    let before = world.git(&["status", "--porcelain"]);
    assert_eq!(world.coditect(&["run", REQUEST]).status.code(), Some(0));
    assert_eq!(world.git(&["status", "--porcelain"]), before);
}

/// Runs `unittest` on a module named with dots, and gives a file as the branch has it.
fn repaired(world: &World, file: &str, tests: &str) -> String {
    let command = format!("python -m unittest -q {tests}");
    let output = world.coditect(&["run", "--json", "--test-command", &command, REQUEST]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let last = objects(&output.stdout).pop().unwrap();
    world.git(&["show", &format!("{}:{file}", last["branch"].as_str().unwrap())])
}

#[test]
fn a_module_that_does_not_parse_is_mended_where_the_command_names_its_tests_with_dots() {
    let world = World::new();
    let text = "def total(numbers):\n    result = 0\n    for number in numbers\n        result = result + number\n    return result\n\n\ndef mean(numbers):\n    return total(numbers) / len(numbers)\n";
    fs::write(world.path("project/calc.py"), text).unwrap();
    assert_eq!(
        repaired(&world, "calc.py", "test_calc"),
        text.replace("in numbers\n", "in numbers:\n").trim_end()
    );
}

#[test]
fn a_program_that_its_tests_run_by_its_path_is_repaired() {
    let world = World::new();
    let program = "height = int(input())\nfor row in range(height):\n    print('*' * row)\n";
    let tests = "import io, runpy, unittest\nfrom contextlib import redirect_stdout\nfrom unittest.mock import patch\n\n\ndef run(text):\n    out = io.StringIO()\n    with patch('sys.stdin', io.StringIO(text)), redirect_stdout(out):\n        runpy.run_path('stairs.py', run_name='__main__')\n    return out.getvalue()\n\n\nclass Stairs(unittest.TestCase):\n    def test_three(self):\n        self.assertEqual(run('3'), '*\\n**\\n***\\n')\n\n    def test_one(self):\n        self.assertEqual(run('1'), '*\\n')\n";
    fs::write(world.path("project/stairs.py"), program).unwrap();
    fs::write(world.path("project/test_stairs.py"), tests).unwrap();
    assert_eq!(repaired(&world, "stairs.py", "test_stairs").lines().count(), 3);
}

#[test]
fn a_command_whose_python_lacks_its_module_is_no_red_test() {
    let world = World::new();
    let doctor = world.json(&["doctor", "--json"]);
    let tiers = doctor["sandboxes"].as_array().unwrap();
    if !tiers.iter().any(|tier| tier["tier"] == "os" && tier["usable"] == true) {
        return;
    }
    let output =
        world.coditect(&["run", "--json", REQUEST, "--test-command", "python3 -m no_such_checker --all ."]);
    assert_eq!(output.status.code(), Some(1));
    let last = objects(&output.stdout).pop().unwrap();
    assert!(last["summary"].as_str().unwrap().contains("has no module `no_such_checker`"), "{last}");
    assert!(last["hint"].as_str().unwrap().contains("pip install no_such_checker"), "{last}");
}
