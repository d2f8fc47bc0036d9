//! Parts of a suite: which tests are built together, and which of them are run for every candidate.

use std::collections::BTreeSet;

use coditect_types::project::Framework;
use coditect_types::{TestReport, TestResult, TestStatus};

/// What the tests near the red ones take together at most, ms, and each of them, us.
pub(super) const NEAR_MS: u64 = 300;
/// Where the whole suite is dear they stand for it: this part of what it takes, and no more ms than this.
const NEAR_OF_DEAR: u64 = 20;
const MOST_NEAR_MS: u64 = 3_000;
/// Whole suites in the time of a search below which one is dear.
const DEAR: u64 = 8;
const NEAR_EACH_US: u64 = 50_000;

/// The red tests, where they lie in a part of what is built for the whole suite.
#[derive(Clone, Debug)]
pub(super) struct Part {
    framework: Framework,
    ids: Vec<String>,
}

impl Part {
    /// None: the red tests need all that the others need, or this framework builds all of them at once.
    pub(super) fn of(framework: Framework, baseline: &TestReport) -> Option<Self> {
        if !matches!(framework, Framework::GoTest | Framework::CargoTest) {
            return None;
        }
        let groups = |ids: &mut dyn Iterator<Item = &TestResult>| -> BTreeSet<String> {
            ids.map(|test| group(framework, &test.id).to_owned()).collect()
        };
        let ids: Vec<String> = baseline
            .red()
            .filter(|test| !is_built_by_itself(framework, &test.id))
            .map(|test| test.id.clone())
            .collect();
        let red = groups(&mut baseline.red().filter(|test| ids.contains(&test.id)));
        let all = groups(&mut baseline.tests.iter());
        (!ids.is_empty() && red.len() < all.len()).then_some(Self { framework, ids })
    }

    /// What to build.
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Whether a test is built with these.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|other| group(self.framework, other) == group(self.framework, id))
    }
}

/// Whether a test is no part of what is built for the others, but compiled when it is run, from the files as they are
/// then: an example in Rust's documentation.
pub(super) fn is_built_by_itself(framework: Framework, id: &str) -> bool {
    framework == Framework::CargoTest && id.starts_with("doc::")
}

/// What is built together: the tests of a package of Go, those of a target of Rust.
fn group(framework: Framework, id: &str) -> &str {
    let file = file_of(id);
    match framework {
        Framework::CargoTest => file,
        Framework::GoTest
        | Framework::Unittest
        | Framework::Pytest
        | Framework::Doctest
        | Framework::NodeTest
        | Framework::Jest
        | Framework::Vitest
        | Framework::Mocha
        | Framework::Junit
        | Framework::Command => file.rsplit_once('/').map_or("", |(folder, _)| folder),
    }
}

/// See [`Bench::near`]; so many ms of them at most.
pub(super) fn near(baseline: &TestReport, most_ms: u64) -> Vec<String> {
    let files: BTreeSet<&str> = baseline.red().map(|test| file_of(&test.id)).collect();
    let mut short: Vec<&TestResult> = baseline
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Passed && test.passes_of_runs.is_none())
        .filter(|test| test.us <= NEAR_EACH_US && files.contains(file_of(&test.id)))
        .collect();
    short.sort_by_key(|test| test.us);
    let mut left_us = most_ms * 1_000;
    let fits = |test: &&TestResult| {
        left_us = left_us.saturating_sub(test.us.max(100));
        left_us > 0
    };
    short.into_iter().take_while(fits).map(|test| test.id.clone()).collect()
}

/// What one run of the whole suite takes with a repair, ms: tests that hang will not.
pub(super) fn suite_ms(baseline: &TestReport) -> u64 {
    let hang = baseline.tests.iter().filter(|test| test.status == TestStatus::TimedOut);
    baseline.wall_ms.saturating_sub(hang.map(|test| test.us / 1_000).sum())
}

/// Whether so much of a search goes into one run of the whole suite that candidates are asked for a part of it only: the rest
/// is for the proof.
pub(super) fn is_dear(baseline: &TestReport, search_ms: u64) -> bool {
    suite_ms(baseline).saturating_mul(DEAR) > search_ms
}

/// What the tests near the red ones may take where the whole suite is dear, ms.
pub(super) fn near_of_dear(baseline: &TestReport) -> u64 {
    (suite_ms(baseline) / NEAR_OF_DEAR).clamp(NEAR_MS, MOST_NEAR_MS)
}

/// The files that these tests are in, with repetitions.
pub(super) fn files_of(ids: &[String]) -> impl Iterator<Item = &str> {
    ids.iter().map(|id| file_of(id))
}

fn file_of(id: &str) -> &str {
    id.split("::").next().unwrap_or(id)
}

#[cfg(test)]
mod tests;
