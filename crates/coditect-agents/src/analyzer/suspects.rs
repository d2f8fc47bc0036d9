//! From what the tests ran to the lines that the red ones point at.

use std::collections::BTreeSet;

use coditect_code::languages::is_test_path;
use coditect_code::repair::localise::{self, Trace};
use coditect_code::suite::{Lines, SuiteReport};
use coditect_types::{Suspect, TestStatus};

/// Suspects kept.
const MOST: usize = 1_500;

/// Suspicious lines of product files, likeliest first.
pub(super) fn rank(suite: &SuiteReport) -> Vec<Suspect> {
    let nothing = Lines::new();
    let mut per_test: Vec<(bool, &Lines)> = Vec::new();
    let mut traces: Vec<Trace<'_>> = Vec::new();
    for test in &suite.report.tests {
        let ran = matches!(
            test.status,
            TestStatus::Passed | TestStatus::Failed | TestStatus::Errored | TestStatus::TimedOut
        );
        // A test that now passes and now fails points at no line.
        let unsteady = test.passes_of_runs.is_some_and(|(passed, _)| passed > 0);
        if !ran || unsteady {
            continue;
        }
        let red = test.status.is_red();
        let lines = suite.lines.get(&test.id).unwrap_or(&nothing);
        per_test.push((red, lines));
        if red {
            traces.push(Trace { frames: &test.frames, is_all: lines.is_empty() });
        }
    }
    let mut suspects = localise::rank(&per_test, &traces);
    add_imported(&mut suspects, &suite.import_lines, &per_test);
    let tests: BTreeSet<&str> = suite.report.tests.iter().filter_map(|test| file_of(&test.id)).collect();
    // Rust's tests stand in the very files that they test.
    let is_tested = |file: &str| !file.ends_with(".rs") && tests.contains(file);
    suspects.retain(|suspect| !is_test_path(&suspect.file) && !is_tested(&suspect.file));
    suspects.truncate(MOST);
    suspects
}

/// Lines of import time (constants, defaults, definitions) come last: every test depends on them, red or green.
fn add_imported(suspects: &mut Vec<Suspect>, imported: &Lines, per_test: &[(bool, &Lines)]) {
    let red = per_test.iter().filter(|(red, _)| *red).count();
    if red == 0 {
        return;
    }
    // Ochiai of a line that every test runs, and less than any line that was found by difference.
    #[expect(clippy::cast_precision_loss, reason = "counts of tests are far below 2^52")]
    let everywhere = (red as f64 / per_test.len() as f64).sqrt() / 2.0;
    let lowest = suspects.last().map_or(everywhere, |last| last.score).min(everywhere) * 0.9;
    let known: BTreeSet<(String, u32)> =
        suspects.iter().map(|suspect| (suspect.file.clone(), suspect.line)).collect();
    for (file, lines) in imported {
        for line in lines.iter().filter(|line| !known.contains(&(file.clone(), **line))) {
            suspects.push(Suspect { file: file.clone(), line: *line, score: lowest });
        }
    }
}

/// The file of a test; a doctest lives in the file that it tests, which is no test file.
fn file_of(id: &str) -> Option<&str> {
    if id.contains("::doctest::") { None } else { id.split("::").next() }
}
