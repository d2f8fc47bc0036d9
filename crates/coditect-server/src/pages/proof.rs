//! Tests before and after, and receipts.

use std::collections::BTreeMap;

use coditect_runtime::MissionView;
use coditect_runtime::said::{count_of, enforced, moment, span};
use coditect_types::{Receipt, TestStatus};

use crate::evidence::Evidence;
use crate::names::words;

/// Tests that are shown one by one.
const MOST: usize = 500;

/// A test, before the change and after it.
#[derive(Clone, Debug)]
pub(crate) struct TestRow {
    /// Its name.
    pub(crate) id: String,
    /// How it ended on the snapshot.
    pub(crate) before: String,
    /// How it ended on the tested tree; empty: nothing was changed yet.
    pub(crate) after: String,
    /// Its colour.
    pub(crate) mood: &'static str,
    /// What it said when it was red.
    pub(crate) said: String,
}

/// The tests of the newest receipt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tests {
    /// How many ended how.
    pub(crate) summary: String,
    /// Those that are or were red, or that changed.
    pub(crate) telling: Vec<TestRow>,
    /// The others.
    pub(crate) steady: Vec<TestRow>,
    /// Tests that are not shown.
    pub(crate) left_out: usize,
}

/// Tests of the newest receipt, those first that say something.
pub(crate) fn tests(view: &MissionView, evidence: &Evidence) -> Tests {
    let newest = evidence.receipts.back().map(|taken| &taken.receipt);
    let Some(receipt) = view.receipt.as_ref().or(newest) else { return Tests::default() };
    let mut ids: Vec<&String> = receipt.before.keys().chain(receipt.after.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut tests = Tests { summary: summary(receipt), ..Tests::default() };
    for id in ids {
        let (before, after) = (receipt.before.get(id), receipt.after.get(id));
        let is_red = |status: Option<&TestStatus>| status.is_some_and(|status| status.is_red());
        let is_telling = is_red(before) || is_red(after) || before != after;
        let shown = if is_telling { &mut tests.telling } else { &mut tests.steady };
        if shown.len() >= MOST {
            tests.left_out += 1;
            continue;
        }
        shown.push(TestRow {
            id: id.clone(),
            before: before.map_or("not there".to_owned(), words),
            after: after.map_or("gone".to_owned(), words),
            mood: mood(before.copied(), after.copied()),
            said: if is_telling { evidence.said.get(id).cloned().unwrap_or_default() } else { String::new() },
        });
    }
    tests
}

fn mood(before: Option<TestStatus>, after: Option<TestStatus>) -> &'static str {
    let is_red = |status: Option<TestStatus>| status.is_some_and(TestStatus::is_red);
    match (is_red(before), is_red(after), after) {
        (_, true, _) => "bad",
        (true, false, Some(_)) => "good",
        (_, false, None) => "warn",
        (false, false, Some(_)) => "calm",
    }
}

/// `33 tests: 30 passed, 3 failed, before; 33 passed after`.
fn summary(receipt: &Receipt) -> String {
    let counts = |all: &BTreeMap<String, TestStatus>| {
        let mut counts: BTreeMap<TestStatus, usize> = BTreeMap::new();
        all.values().for_each(|status| *counts.entry(*status).or_default() += 1);
        let parts: Vec<String> = counts.iter().map(|(status, n)| format!("{n} {}", words(status))).collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    };
    let all = count_of(receipt.before.len().max(receipt.after.len()), "test");
    format!("{all}; before: {}; after: {}.", counts(&receipt.before), counts(&receipt.after))
}

/// A receipt.
#[derive(Clone, Debug)]
pub(crate) struct ReceiptRow {
    /// What was tested, by which record.
    pub(crate) of: String,
    /// The command.
    pub(crate) command: String,
    /// The directory in which it ran, below the top.
    pub(crate) directory: String,
    /// The tree.
    pub(crate) tree: String,
    /// The exit code.
    pub(crate) exit_code: i32,
    /// Its tests.
    pub(crate) tests: String,
    /// Where it ran, and what was enforced.
    pub(crate) sandbox: String,
    /// What could not be had.
    pub(crate) missing: Vec<String>,
    /// The hash of its output.
    pub(crate) output: String,
    /// When, and how long.
    pub(crate) when: String,
}

/// Every receipt that is kept, the newest first.
pub(crate) fn receipts(evidence: &Evidence) -> Vec<ReceiptRow> {
    evidence
        .receipts
        .iter()
        .rev()
        .map(|taken| row(&taken.receipt, format!("of {}, record {}", taken.of, taken.seq)))
        .collect()
}

fn row(receipt: &Receipt, of: String) -> ReceiptRow {
    ReceiptRow {
        of,
        command: receipt.command.join(" "),
        directory: if receipt.directory.is_empty() {
            "the top".to_owned()
        } else {
            receipt.directory.clone()
        },
        tree: receipt.tree.clone(),
        exit_code: receipt.exit_code,
        tests: summary(receipt),
        sandbox: format!("{}: {}", words(&receipt.tier), enforced(&receipt.enforced)),
        missing: receipt.enforced.missing.clone(),
        output: receipt.output_hash.clone(),
        when: format!("{} UTC, in {}", moment(receipt.taken_at_ms), span(receipt.wall_ms)),
    }
}
