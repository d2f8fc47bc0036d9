//! What tests said, one by one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// Passed, or failed where it was expected to fail.
    Passed,
    /// An assertion did not hold.
    Failed,
    /// It broke before or outside an assertion.
    Errored,
    /// The suite left it out.
    Skipped,
    /// It did not end within its limit and was killed.
    TimedOut,
    /// It was collected but never ran, since the run ended before.
    NotRun,
}

impl TestStatus {
    /// True for the ends that a person calls red.
    #[must_use]
    pub fn is_red(self) -> bool {
        matches!(self, Self::Failed | Self::Errored | Self::TimedOut)
    }
}

/// A place in a traceback or report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// File, relative to the project's root.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Function, where known.
    pub function: String,
}

/// One test's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestResult {
    /// The test's id, such as `tests/test_calc.py::TestAdd::test_carry`.
    pub id: String,
    /// How it ended.
    pub status: TestStatus,
    /// How long it took, µs.
    #[serde(default)]
    pub us: u64,
    /// The first lines of what it said when it was red (at most 4 KiB).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Class of the error (`AssertionError`), where known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error_type: String,
    /// Its traceback within the project, innermost last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// Times it passed / times it ran, where it was run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_of_runs: Option<(u32, u32)>,
}

/// One run of a suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestReport {
    /// Every test, sorted by id.
    pub tests: Vec<TestResult>,
    /// What kept files from being collected or the suite from ending, a line each.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Exit code of the command, where the suite ran to its end.
    pub exit_code: Option<i32>,
    /// How long it took, ms.
    pub wall_ms: u64,
    /// Red tests that are red each time beside the others and green by themselves: something that tests share is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_dependent: Vec<String>,
    /// Tests that end otherwise in another order than in the suite's own (at most 20).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderSeen>,
    /// Pairs of tests that ask for what cannot both be (at most 20).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Tests that were under way when somebody killed their process from outside, each of them run again; an empty name
    /// where none was (at most 20).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub killed: Vec<String>,
}

/// A test that ended otherwise in a shuffled order of the suite than in its own, each time that it was run so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSeen {
    /// The test.
    pub test: String,
    /// The seed of the order.
    pub seed: u64,
    /// It is green in that order, and red in the suite's own; else the other way round.
    pub green: bool,
}

/// Two tests that ask for what cannot both be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// What both ask about, such as `add(1, 2)`.
    pub about: String,
    /// The first test, and what it asks for.
    pub one: (String, String),
    /// The other.
    pub other: (String, String),
}

impl TestReport {
    /// Counts by status.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<TestStatus, usize> {
        let mut counts = BTreeMap::new();
        for test in &self.tests {
            *counts.entry(test.status).or_insert(0) += 1;
        }
        counts
    }

    /// The red tests, in the order of the report.
    pub fn red(&self) -> impl Iterator<Item = &TestResult> {
        self.tests.iter().filter(|test| test.status.is_red())
    }

    /// Tests whose end changed between runs of the same tree.
    pub fn flaky(&self) -> impl Iterator<Item = &TestResult> {
        self.tests.iter().filter(|t| t.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran))
    }
}

/// A line that failing tests point at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// File, relative to the project's root.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Ochiai score, 0 to 1 (Abreu et al., "On the Accuracy of Spectrum-based Fault Localization", 2007).
    pub score: f64,
}
