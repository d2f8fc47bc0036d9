//! Tests, and how they ended whenever they ran.

use std::collections::BTreeMap;
use std::sync::Arc;

use coditect_types::TestStatus;

use super::Files;
use crate::belief;

/// What is known of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFacts {
    /// Its id.
    pub id: Arc<str>,
    /// Times it ran to an end of its own.
    pub runs: u32,
    /// Times it passed.
    pub passed: u32,
    /// How it ended last.
    pub last: TestStatus,
    /// When that was, ms since 1970.
    pub seen_ms: u64,
    /// How its last ends were, the newest in the lowest bit: 1 is passed.
    pub history: u64,
    /// How many of them are in it, 64 at most.
    pub kept: u32,
    /// How long it takes, µs: a mean in which the newest runs weigh most.
    pub us: u64,
    /// Of the tree on which its ends differed most: times it passed, times it ran.
    pub unsteady: Option<(u32, u32)>,
    /// The trees that it ran on last, with the same two numbers, the newest last.
    on_trees: Vec<(Arc<str>, u32, u32)>,
}

impl TestFacts {
    /// How sure it is that it is flaky: it passed and failed on one tree.
    #[must_use]
    pub fn flaky(&self) -> f64 {
        let steady = || self.on_trees.last().map_or((0, 0), |(_, passed, ran)| (*passed, *ran));
        let (passed, ran) = self.unsteady.unwrap_or_else(steady);
        belief::flaky(passed, ran)
    }

    /// How often it passes, of the times that it ran.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.runs == 0 { 0.0 } else { f64::from(self.passed) / f64::from(self.runs) }
    }
}

/// How a test ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) status: TestStatus,
    /// How long it took, µs; 0 where nobody kept it.
    pub(super) us: u64,
    /// Times it passed, times it ran, where it ran more than once.
    pub(super) runs: Option<(u32, u32)>,
}

/// The weight of the newest run in the mean of its time, 1 / this.
const NEWEST: u64 = 4;
/// Trees of a test that are told apart: a mission runs it on what was there and on what is to be.
const TREES: usize = 4;
/// Ends that a history holds.
const HISTORY: u32 = 64;
/// It must be this sure for a test to be told as flaky.
const SURE: f64 = 0.5;

/// The tests of a workspace.
#[derive(Clone, Debug, Default)]
pub struct Tests {
    known: BTreeMap<Arc<str>, u32>,
    all: Vec<TestFacts>,
    by_file: Vec<Vec<u32>>,
    flaky: Vec<u32>,
    /// When a whole suite ran last, ms since 1970: what was not in it is there no more.
    whole_ms: u64,
}

impl Tests {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is known of a test.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&TestFacts> {
        self.all.get(*self.known.get(id)? as usize)
    }

    /// The tests that were red when they ran last.
    pub fn red(&self) -> impl Iterator<Item = &TestFacts> {
        self.all.iter().filter(|test| test.last.is_red() && test.seen_ms >= self.whole_ms)
    }

    /// The tests that passed and failed on one tree, and most likely do so by themselves.
    pub fn flaky(&self) -> impl Iterator<Item = &TestFacts> {
        self.flaky.iter().map(|at| &self.all[*at as usize]).filter(|test| test.flaky() >= SURE)
    }

    /// All tests, in the order in which they were first seen.
    pub fn all(&self) -> impl Iterator<Item = &TestFacts> {
        self.all.iter()
    }

    pub(super) fn whole_suite_at(&mut self, at_ms: u64) {
        self.whole_ms = self.whole_ms.max(at_ms);
    }

    pub(super) fn in_file(&self, file: usize) -> impl Iterator<Item = &str> {
        self.by_file.get(file).into_iter().flatten().map(|at| &*self.all[*at as usize].id)
    }

    /// Takes in how a test ended on this tree.
    pub(super) fn ended(&mut self, id: &str, result: Ended, tree: &Arc<str>, at_ms: u64, files: &Files) {
        let at = self.place(id, files);
        let test = &mut self.all[at as usize];
        test.last = result.status;
        test.seen_ms = test.seen_ms.max(at_ms);
        if matches!(result.status, TestStatus::Skipped | TestStatus::NotRun) {
            return;
        }
        let (passed, ran) = result.runs.unwrap_or((u32::from(!result.status.is_red()), 1));
        test.runs = test.runs.saturating_add(ran);
        test.passed = test.passed.saturating_add(passed);
        test.history = (test.history << 1) | u64::from(!result.status.is_red());
        test.us = match (test.us, result.us) {
            (known, 0) => known,
            (0, us) => us,
            (known, us) => known - known / NEWEST + us / NEWEST,
        };
        test.kept = (test.kept + 1).min(HISTORY);
        let known = test.on_trees.iter().position(|(of, ..)| of == tree);
        let (of, before_passed, before_ran) = match known {
            Some(at) => test.on_trees.remove(at),
            None => (Arc::clone(tree), 0, 0),
        };
        let (passed, ran) = (before_passed.saturating_add(passed), before_ran.saturating_add(ran));
        if test.on_trees.len() == TREES {
            test.on_trees.remove(0);
        }
        test.on_trees.push((of, passed, ran));
        if passed > 0 && passed < ran {
            if test.unsteady.is_none() {
                self.flaky.push(at);
            }
            let odd = |(passed, ran): (u32, u32)| passed.min(ran - passed);
            let test = &mut self.all[at as usize];
            if test.unsteady.is_none_or(|known| odd(known) <= odd((passed, ran))) {
                test.unsteady = Some((passed, ran));
            }
        }
    }

    fn place(&mut self, id: &str, files: &Files) -> u32 {
        if let Some(at) = self.known.get(id) {
            return *at;
        }
        let at = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let id: Arc<str> = Arc::from(id);
        self.known.insert(Arc::clone(&id), at);
        // Some ids name no file: a command, a class.
        if let Some(file) = files.known_id(id.split("::").next().unwrap_or_default()) {
            let file = file as usize;
            if self.by_file.len() <= file {
                self.by_file.resize_with(file + 1, Vec::new);
            }
            self.by_file[file].push(at);
        }
        self.all.push(TestFacts {
            id,
            runs: 0,
            passed: 0,
            last: TestStatus::NotRun,
            seen_ms: 0,
            history: 0,
            kept: 0,
            us: 0,
            unsteady: None,
            on_trees: Vec::new(),
        });
        at
    }
}
