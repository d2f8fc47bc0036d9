//! A small repository with one bug, and the real program to run on it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) mod collector;
pub(crate) mod roman;
pub(crate) mod shop;

pub(crate) const CALC: &str = "\
def total(numbers):
    result = 0
    for number in numbers:
        result = result - number
    return result


def mean(numbers):
    return total(numbers) / len(numbers)
";

pub(crate) const TESTS: &str = "\
import unittest

import calc


class Total(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(calc.total([]), 0)

    def test_some(self):
        self.assertEqual(calc.total([1, 2, 3]), 6)

    def test_mean(self):
        self.assertEqual(calc.mean([2, 4]), 3)


if __name__ == \"__main__\":
    unittest.main()
";

/// One test that fails each time, and one that passes now and then as long as the first one fails.
pub(crate) const UNSTEADY: &str = "\
import random
import unittest

import calc


class Total(unittest.TestCase):
    def test_some(self):
        self.assertEqual(calc.total([1, 2, 3]), 6)

    def test_now_and_then(self):
        self.assertTrue(calc.total([1, 2, 3]) == -6 and random.random() < 0.5)
";

/// A repository with one bug, and a home.
pub(crate) struct World {
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.path("project")).unwrap();
        std::fs::write(world.path("project/calc.py"), CALC).unwrap();
        std::fs::write(world.path("project/test_calc.py"), TESTS).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "-m", "begin"]);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// One of several projects, each a repository with the same easy fault.
    pub(crate) fn one_of(&self, n: usize) -> PathBuf {
        let dir = self.path("projects").join(format!("p{n}"));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("calc.py"), format!("{CALC}\n# project {n}\n")).unwrap();
        std::fs::write(dir.join("test_calc.py"), TESTS).unwrap();
        for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-qm", "begin"]] {
            assert!(self.git_in(&dir, args).0);
        }
        dir
    }

    /// Git in one of them: whether it did it, and what it said.
    pub(crate) fn git_in(&self, dir: &Path, args: &[&str]) -> (bool, String) {
        let output = self.git_output(dir, args);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn git_output(&self, dir: &Path, args: &[&str]) -> Output {
        Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@localhost"])
            .args(args)
            .current_dir(dir)
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.git_output(&self.path("project"), args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coditect"));
        command.env_clear().current_dir(self.path("project")).args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.dir.path()).env("CODITECT_HOME", self.path("home"));
        // Where a measured build writes what ran: anywhere else it would lie in the person's project.
        if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", profile);
        }
        if self.path("tmp").exists() {
            command.env("TMPDIR", self.path("tmp"));
        }
        // Kept between tests and runs: the interpreter is compiled once.
        command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command
    }

    pub(crate) fn coditect(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.coditect(args);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
    }

    pub(crate) fn text(&self, args: &[&str]) -> String {
        let output = self.coditect(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Begins a mission and waits for its first record.
    pub(crate) fn begun(&self) -> Begun {
        let mut child = self
            .command(&["run", "--json", REQUEST])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let mission = first["mission"].as_str().unwrap().to_owned();
        Begun { child, lines, mission }
    }
}

pub(crate) struct Begun {
    pub(crate) child: Child,
    pub(crate) lines: BufReader<ChildStdout>,
    pub(crate) mission: String,
}

impl Begun {
    /// What comes after the first line, the exit code and standard error.
    pub(crate) fn end(mut self) -> (Vec<Value>, i32, String) {
        let lines =
            (&mut self.lines).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        let output = self.child.wait_with_output().unwrap();
        (lines, output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

pub(crate) const REQUEST: &str = "make the failing tests pass";

pub(crate) fn objects(stdout: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
