//! The real program: help, usage errors, settings and empty homes, with everything it prints kept as snapshots.
//!
//! `INSTA_UPDATE=always cargo test -p coditect` writes the snapshots anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod told;

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;
use told::snapshot;

/// A home, a configuration directory and a project, all empty.
struct World {
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "config", "project"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn coditect(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("coditect").unwrap();
        command.env_clear().current_dir(self.path("project")).args(args);
        // Where lines are counted, the count is written there and not into the project.
        command.envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE"));
        command.env("CODITECT_HOME", self.path("home")).env("XDG_CONFIG_HOME", self.path("config"));
        command.env("HOME", self.dir.path());
        command
    }

    /// Exit code, standard output and standard error of a run, with this machine's paths taken out.
    fn run(&self, args: &[&str]) -> String {
        self.told(&mut self.coditect(args))
    }

    fn told(&self, command: &mut Command) -> String {
        told::told(command, self.dir.path())
    }
}

fn json(text: &str) -> serde_json::Value {
    let stdout = text.split("--- stdout\n").nth(1).unwrap().split("--- stderr").next().unwrap();
    serde_json::from_str(stdout).unwrap()
}

#[test]
fn help() {
    let world = World::new();
    snapshot!("help", world, &["--help"]);
    for command in [
        "run",
        "repair",
        "list",
        "show",
        "log",
        "why",
        "resume",
        "apply",
        "cancel",
        "clean",
        "doctor",
        "init",
        "config",
        "completions",
        "graph",
        "bench",
    ] {
        insta::assert_snapshot!(format!("help_{command}"), world.run(&[command, "--help"]));
    }
    snapshot!("help_bench_tasks", world, &["bench", "tasks", "--help"]);
}

#[test]
fn wrong_calls_end_with_2_and_say_what_to_do() {
    let world = World::new();
    snapshot!("usage_nothing", world, &[]);
    snapshot!("usage_unknown_command", world, &["rnu"]);
    snapshot!("usage_unknown_flag", world, &["run", "--tests-command", "x", "y"]);
    snapshot!("usage_no_request", world, &["run"]);
    snapshot!("usage_empty_request", world, &["run", "  "]);
    snapshot!("usage_request_twice", world, &["run", "-f", "x", "y"]);
    snapshot!("usage_no_file", world, &["run", "-f", "none.txt"]);
    snapshot!("usage_no_dir", world, &["run", "-C", "none", "make the failing tests pass"]);
    snapshot!("usage_dir_is_file", world, &["run", "-C", "/dev/null", "make the failing tests pass"]);
    snapshot!("usage_progress_needs_json", world, &["run", "--progress", "x"]);
    snapshot!("usage_clean_what", world, &["clean"]);
    snapshot!("usage_clean_age", world, &["clean", "--older-than", "soon"]);
    snapshot!("usage_bad_flag_value", world, &["run", "--seed", "x", "fix the tests"]);
    snapshot!("usage_bad_sandbox", world, &["config", "--sandbox", "vm"]);
    let long = "x".repeat(64 * 1024 + 1);
    let mut command = world.coditect(&["run", "-"]);
    insta::assert_snapshot!("usage_long_request", world.told(command.write_stdin(long)));
    let mut command = world.coditect(&["run", "-"]);
    insta::assert_snapshot!("usage_request_not_utf8", world.told(command.write_stdin(vec![0xff, 0xfe])));
}

#[test]
fn an_error_is_an_object_too() {
    let world = World::new();
    snapshot!("error_json", world, &["show", "last", "--json"]);
}

#[test]
fn an_empty_home_is_no_error_to_look_at() {
    let world = World::new();
    snapshot!("empty_list", world, &["list"]);
    snapshot!("empty_list_json", world, &["list", "--json"]);
    snapshot!("empty_show", world, &["show", "m-abc"]);
    snapshot!("empty_log", world, &["log", "last"]);
    snapshot!("empty_why", world, &["why", "last"]);
    snapshot!("empty_resume", world, &["resume", "last"]);
    snapshot!("empty_apply", world, &["apply", "last"]);
    snapshot!("empty_cancel", world, &["cancel", "last"]);
    snapshot!("empty_clean", world, &["clean", "--all"]);
    snapshot!("empty_clean_json", world, &["clean", "--all", "--json"]);
    let left: Vec<_> = std::fs::read_dir(world.path("home")).unwrap().collect();
    assert!(left.is_empty(), "looking makes nothing: {left:?}");
}

#[test]
fn a_home_that_does_not_exist_is_an_empty_one() {
    let world = World::new();
    let home = world.path("none");
    let listed = world.run(&["list", "--home", home.to_str().unwrap()]);
    assert!(listed.starts_with("exit 0"), "{listed}");
    assert!(!home.exists());
}

#[test]
fn config_tells_the_source_of_each_value() {
    let world = World::new();
    snapshot!("config_default", world, &["config"]);
    world.write("config/coditect/config.toml", "# mine\nagents = 1\nwaive = [\"memory\"]\n");
    world.write("project/coditect.toml", "timeout_s = 20\nbudget_s = 999999\nwaive = [\"network\"]\n");
    let args = ["config", "--test-command", "python -m pytest 'a b'"];
    let mut command = world.coditect(&args);
    insta::assert_snapshot!("config_layers", world.told(command.env("CODITECT_SEED", "7")));
    let mut command = world.coditect(&["config", "--json"]);
    let told = world.told(command.env("CODITECT_SEED", "7"));
    insta::assert_json_snapshot!("config_json", json(&told));
}

#[test]
fn settings_files_are_checked() {
    let world = World::new();
    world.write("project/coditect.toml", "\nsandbx = \"wasm\"\n");
    snapshot!("settings_unknown_key", world, &["config"]);
    snapshot!("settings_unknown_key_in_run", world, &["run", "fix the tests"]);
    world.write("project/coditect.toml", "seed = \"x\"\n");
    snapshot!("settings_bad_type", world, &["config"]);
    world.write("project/coditect.toml", "seed = \n");
    snapshot!("settings_bad_toml", world, &["config"]);
}

#[test]
fn init_writes_once() {
    let world = World::new();
    snapshot!("init", world, &["init"]);
    let written = std::fs::read_to_string(world.path("project/coditect.toml")).unwrap();
    insta::assert_snapshot!("init_file", written);
    snapshot!("init_again", world, &["init"]);
    assert_eq!(std::fs::read_to_string(world.path("project/coditect.toml")).unwrap(), written);
    assert!(world.run(&["config"]).starts_with("exit 0"));
}

#[test]
fn completions_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let told = world.run(&["completions", shell]);
        assert!(told.starts_with("exit 0") && told.contains("test-command"), "{shell}: {told}");
    }
}

/// A reader that goes away early is a quiet end: no panic, nothing on standard error.
#[test]
fn a_closed_pipe_is_quiet() {
    let world = World::new();
    let script = format!(
        "{} completions bash | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}",
        assert_cmd::cargo::cargo_bin("coditect").display()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("CODITECT_HOME", world.path("home"))
        .current_dir(Path::new("/"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let world = World::new();
    let stdout = |args: &[&str], env: Option<(&str, &str)>| {
        let mut command = world.coditect(args);
        command.envs(env);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let escape = '\u{1b}';
    assert!(!stdout(&["config"], None).contains(escape), "a pipe");
    assert!(stdout(&["config", "--color", "always"], None).contains(escape));
    assert!(!stdout(&["config", "--color", "never"], Some(("CLICOLOR_FORCE", "1"))).contains(escape));
    assert!(!stdout(&["config"], Some(("NO_COLOR", "1"))).contains(escape));
}
