//! Folds report lines into how each test ended. What a line says is believed only where it fits what was said
//! before: the code under test runs in the same interpreter as the runner and could write lines of its own.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::testing::Frame;
use coditect_types::{TestResult, TestStatus};

use super::protocol::{End, Line, Trouble};
use super::{Coverage, Lines};

/// Bytes kept of one test's message.
const MESSAGE_BYTES: usize = 4 << 10;
/// Frames kept of one traceback, innermost last.
const MOST_FRAMES: usize = 60;
/// Tests that one suite may have.
const MOST_TESTS: usize = 100_000;
/// Covered lines kept over all tests; past it coverage is dropped and a note says so.
const MOST_COVERED: usize = 20_000_000;
/// Notes kept.
const MOST_NOTES: usize = 50;
/// Processes of one run that may be killed from outside.
const MOST_INTERRUPTED: usize = 8;
/// Errors of collection kept.
const MOST_ERRORS: usize = 1_000;

/// What kept a file from being collected or a group of tests from being set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectError {
    /// `collect`, `import` or `setup`.
    pub stage: String,
    /// The file, class or module, as the runner names it.
    pub place: String,
    /// Class of the error.
    pub error_type: String,
    /// What it said.
    pub message: String,
    /// Traceback within the project, innermost last.
    pub frames: Vec<Frame>,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing that concerns the watch.
    Nothing,
    /// A test began.
    Began,
    /// A test ended; true where it was red.
    Ended(bool),
}

/// Everything heard so far, over the rounds of one run of the suite.
#[derive(Debug, Default)]
pub(super) struct Tally {
    collected: BTreeSet<String>,
    /// In the order of collection: rounds after the first keep it.
    pub(super) order: Vec<String>,
    pub(super) ends: BTreeMap<String, TestResult>,
    pub(super) lines: BTreeMap<String, Lines>,
    pub(super) import_lines: Lines,
    pub(super) errors: Vec<CollectError>,
    pub(super) notes: Vec<String>,
    pub(super) missing_module: Option<String>,
    pub(super) unsupported: Option<String>,
    pub(super) under_way: Option<String>,
    pub(super) done: Option<i32>,
    pub(super) green: u32,
    pub(super) red: u32,
    pub(super) slowest_us: u64,
    /// What tests took that ended by themselves.
    pub(super) took_us: u64,
    /// They took longer than anybody wants to wait.
    pub(super) slow: bool,
    hash: blake3::Hasher,
    covered: usize,
    /// Tests that were under way when their process was killed from outside; an empty name where none was.
    interrupted: BTreeSet<String>,
    began: bool,
    open: bool,
    odd_lines: u64,
    strict_xpass: bool,
    coverage: Coverage,
}

impl Tally {
    /// `strict_xpass`: a test that passes although it was expected to fail is red (unittest has it so).
    pub(super) fn new(strict_xpass: bool, coverage: Coverage) -> Self {
        Self { strict_xpass, coverage, ..Self::default() }
    }

    /// Begins a round: a new process that knows nothing of the one before.
    pub(super) fn begin_round(&mut self) {
        self.under_way = None;
        self.done = None;
        self.began = false;
    }

    /// Takes one line.
    pub(super) fn hear(&mut self, line: &str) -> Heard {
        self.hash_line(line);
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            self.odd_lines += 1;
            return Heard::Nothing;
        };
        self.take(line)
    }

    /// Adds a line to the evidence.
    pub(super) fn hash_line(&mut self, line: &str) {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
    }

    /// Tests may come to be known at any time: there are several processes, each with tests of its own.
    pub(super) fn open_end(&mut self) {
        self.open = true;
    }

    /// The places that a test's end names.
    pub(super) fn framed(&mut self, id: &str, frames: Vec<Frame>) {
        if let Some(test) = self.ends.get_mut(id) {
            test.frames = frames;
        }
    }

    /// What broke the process of a test that could not say it itself.
    pub(super) fn explain(&mut self, id: &str, error_type: String, message: String, frames: Vec<Frame>) {
        if let Some(test) = self.ends.get_mut(id) {
            test.error_type = error_type;
            test.message = cut(message, MESSAGE_BYTES);
            test.frames = frames.into_iter().rev().take(MOST_FRAMES).rev().collect();
        }
    }

    /// Takes what a line means.
    pub(super) fn take(&mut self, line: Line) -> Heard {
        match line {
            Line::Collected { tests, lines } => self.collected(tests, lines),
            Line::Start { id } => return self.start(id),
            Line::End(end) => return self.end(*end),
            Line::Paused { id } => {
                self.under_way = self.under_way.take().filter(|under_way| *under_way != id)
            }
            Line::Error(trouble) => self.trouble(*trouble),
            Line::Note { text } => self.note(text),
            Line::Done { exit_code } if self.done.is_none() && self.under_way.is_none() => {
                self.done = Some(exit_code)
            }
            Line::Done { .. } => self.odd_lines += 1,
            Line::Answer {} => {}
        }
        Heard::Nothing
    }

    /// Hash of every line so far (hex).
    pub(super) fn hash(&self) -> String {
        self.hash.finalize().to_hex().to_string()
    }

    /// Adds what else belongs to the evidence.
    pub(super) fn hash_more(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// Tests that were collected and have no end yet.
    pub(super) fn remaining(&self) -> Vec<String> {
        self.order.iter().filter(|id| !self.ends.contains_key(*id)).cloned().collect()
    }

    /// The test under way ends in a way that it cannot report itself.
    pub(super) fn settle(&mut self, status: TestStatus, error_type: &str, message: String, us: u64) -> bool {
        let Some(id) = self.under_way.take() else { return false };
        self.red += 1;
        self.keep(id, status, error_type, message, us);
        true
    }

    /// The process was killed, and not by us: whether the test under way may have another chance. A program that kills itself
    /// does so again.
    pub(super) fn pardon(&mut self) -> bool {
        let victim = self.under_way.clone().unwrap_or_default();
        let is_first = self.interrupted.len() < MOST_INTERRUPTED && self.interrupted.insert(victim.clone());
        if is_first {
            let test = if victim.is_empty() { "no test".to_owned() } else { format!("`{victim}`") };
            self.note(format!("the process was killed from outside while {test} ran, and started again"));
            self.under_way = None;
        }
        is_first
    }

    /// What was under way whenever a process was killed and another one begun.
    pub(super) fn killed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.interrupted).into_iter().collect()
    }

    /// A test that has no end ends this way.
    pub(super) fn keep(
        &mut self,
        id: String,
        status: TestStatus,
        error_type: &str,
        message: String,
        us: u64,
    ) {
        let result = TestResult {
            id: id.clone(),
            status,
            us,
            message: cut(message, MESSAGE_BYTES),
            error_type: error_type.to_owned(),
            frames: Vec::new(),
            passes_of_runs: None,
        };
        self.ends.entry(id).or_insert(result);
    }

    /// Keeps a remark, up to a cap.
    pub(super) fn note(&mut self, text: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(cut(text, 1024));
        }
    }

    /// Says what was not believed.
    pub(super) fn close(&mut self) {
        if self.odd_lines > 0 {
            let odd = self.odd_lines;
            self.note(format!("{odd} report lines did not fit and were ignored: the code under test may write to the runner's channel"));
        }
    }

    fn collected(&mut self, tests: Vec<String>, lines: Lines) {
        // A later process knows only the tests that it was told to run; nothing new can come in then, and
        // nothing once a test has begun.
        if self.began && !self.open {
            self.odd_lines += 1;
            return;
        }
        if self.import_lines.is_empty() && self.coverage == Coverage::Lines {
            self.import_lines = lines;
        }
        for id in tests {
            if self.order.len() >= MOST_TESTS {
                return self.note(format!("only the first {MOST_TESTS} tests are looked at"));
            }
            if self.collected.insert(id.clone()) {
                self.order.push(id);
            }
        }
    }

    fn start(&mut self, id: String) -> Heard {
        let known = self.collected.contains(&id) && !self.ends.contains_key(&id);
        if !known || self.under_way.is_some() || self.done.is_some() {
            self.odd_lines += 1;
            return Heard::Nothing;
        }
        self.began = true;
        self.under_way = Some(id);
        Heard::Began
    }

    fn end(&mut self, end: End) -> Heard {
        let status = self.status(&end.status);
        if self.under_way.as_deref() != Some(end.id.as_str()) || self.done.is_some() {
            self.odd_lines += 1;
            self.contradict(&end.id, status);
            return Heard::Nothing;
        }
        self.under_way = None;
        self.slowest_us = self.slowest_us.max(end.us);
        self.took_us = self.took_us.saturating_add(end.us);
        if status == TestStatus::Passed {
            self.green += 1;
        } else if status.is_red() {
            self.red += 1;
        }
        if status.is_red() {
            self.lacks(end.missing_module, end.unsupported);
        }
        self.cover(&end.id, end.lines);
        let red = status.is_red();
        let message = if red || status == TestStatus::Skipped {
            message(end.message, end.expected, end.actual)
        } else {
            String::new()
        };
        let result = TestResult {
            id: end.id.clone(),
            status,
            us: end.us,
            message,
            error_type: if red { end.error_type.unwrap_or_default() } else { String::new() },
            frames: if red { frames(end.frames) } else { Vec::new() },
            passes_of_runs: None,
        };
        self.ends.insert(end.id, result);
        Heard::Ended(red)
    }

    fn status(&self, said: &str) -> TestStatus {
        match said {
            "passed" | "xfailed" => TestStatus::Passed,
            "xpassed" if !self.strict_xpass => TestStatus::Passed,
            "failed" | "xpassed" => TestStatus::Failed,
            "skipped" => TestStatus::Skipped,
            _ => TestStatus::Errored,
        }
    }

    /// A second end of a test that has one. One of the two was forged, so the red one counts.
    fn contradict(&mut self, id: &str, status: TestStatus) {
        if let Some(first) = self.ends.get_mut(id)
            && status.is_red()
            && !first.status.is_red()
        {
            first.status = TestStatus::Errored;
            "two reports say that this test ended, and contradict each other".clone_into(&mut first.message);
            self.red += 1;
            self.green = self.green.saturating_sub(1);
        }
    }

    fn cover(&mut self, id: &str, lines: Lines) {
        if self.coverage == Coverage::None || lines.is_empty() {
            return;
        }
        let count: usize = lines.values().map(Vec::len).sum();
        if self.covered < MOST_COVERED && self.covered + count >= MOST_COVERED {
            self.note("coverage is cut: the suite runs very many lines".to_owned());
        }
        self.covered += count;
        if self.covered < MOST_COVERED {
            self.lines.insert(id.to_owned(), lines);
        }
    }

    /// Keeps the first module that is missing, and the first thing that the tier cannot do.
    fn lacks(&mut self, module: Option<String>, what: Option<String>) {
        self.missing_module = self.missing_module.take().or(module.filter(|module| !module.is_empty()));
        self.unsupported = self.unsupported.take().or(what.filter(|what| !what.is_empty()));
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.lacks(trouble.missing_module, trouble.unsupported);
        let error = CollectError {
            stage: trouble.stage,
            place: trouble.place,
            error_type: trouble.error_type.unwrap_or_default(),
            message: cut(trouble.message.unwrap_or_default(), MESSAGE_BYTES),
            frames: frames(trouble.frames),
        };
        if self.errors.len() < MOST_ERRORS && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

fn frames(raw: Vec<(String, u32, String)>) -> Vec<Frame> {
    let skip = raw.len().saturating_sub(MOST_FRAMES);
    raw.into_iter().skip(skip).map(|(file, line, function)| Frame { file, line, function }).collect()
}

/// The message, and the two sides of a comparison where the message does not show them.
fn message(message: Option<String>, expected: Option<String>, actual: Option<String>) -> String {
    let mut text = cut(message.unwrap_or_default(), MESSAGE_BYTES);
    for (name, value) in [("expected", expected), ("actual", actual)] {
        if let Some(value) = value
            && !text.contains(&value)
            && text.len() + value.len() + 16 < MESSAGE_BYTES
        {
            text = format!("{text}\n{name}: {value}");
        }
    }
    text
}

/// The first `most` bytes at most, at a boundary of characters.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}
