//! Processes that an agent started and that somebody kills in the middle: its task goes on, and what was under way is asked again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::disallowed_methods, reason = "what is waited for is another program's")]

mod world;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use world::World;

/// Every test takes long enough to be met.
const SLOW: &str = "\
import time
import unittest

import calc


class Total(unittest.TestCase):
    def test_nothing(self):
        time.sleep(0.7)
        self.assertEqual(calc.total([]), 0)

    def test_some(self):
        time.sleep(0.7)
        self.assertEqual(calc.total([1, 2, 3]), 6)
";

/// The processes below this one, the outermost first, as `(pid, parent)`.
fn below(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn kill(pid: u32) {
    Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
}

/// Runs a mission and kills a process below it while each of these tasks tests: the innermost, or the outermost.
fn killed_at(actions: &[&str], innermost: bool) -> (Vec<Value>, i32, u32) {
    let world = World::new();
    std::fs::write(world.path("project/test_calc.py"), SLOW).unwrap();
    let mut child = world
        .command(&["run", "--json", "--sandbox", "os", world::REQUEST])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut records, mut kills) = (Vec::new(), 0);
    for line in lines {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let is_begun = record["type"] == "attempt.started"
            && actions.iter().any(|action| record["action"].as_str() == Some(action));
        records.push(record);
        if !is_begun {
            continue;
        }
        // The sandbox has a process outside and one inside; the third is the program.
        let ends = Instant::now() + Duration::from_secs(20);
        while Instant::now() < ends {
            let pids = below(child.id());
            if pids.len() >= 3 {
                // It has to come to a test.
                std::thread::sleep(Duration::from_millis(300));
                let pids = below(child.id());
                if let Some(pid) = if innermost { pids.last() } else { pids.first() } {
                    kill(*pid);
                    kills += 1;
                    break;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    (records, child.wait().unwrap().code().unwrap(), kills)
}

fn goes_on(innermost: bool) {
    let (records, code, kills) = killed_at(&["measure_baseline", "verify_change"], innermost);
    assert_eq!(kills, 2);
    let end = records.last().unwrap();
    assert_eq!((code, end["status"].as_str()), (0, Some("verified")), "{end}");
    let told: Vec<&Value> = records
        .iter()
        .filter(|record| record["type"] == "violation.found" && record["kind"] == "process_killed")
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|told| told["diagnosis"]["cause"] == "infrastructure"), "{told:?}");
    let before = &end["receipt"]["before"];
    assert_eq!(before["test_calc.py::Total::test_nothing"], "passed", "{before}");
    assert_eq!(before["test_calc.py::Total::test_some"], "failed", "{before}");
}

#[test]
fn a_program_that_is_killed_is_started_again() {
    goes_on(true);
}

#[test]
fn a_sandbox_that_is_killed_is_made_again() {
    goes_on(false);
}
