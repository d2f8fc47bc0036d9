//! What is told of one task, and of all of them. Names and shape are fixed: other programs read them.

use std::collections::BTreeMap;

use coditect_runtime::MissionView;
use coditect_types::outcome::ChangedFile;
use coditect_types::{MissionStatus, Rung};
use serde::{Deserialize, Serialize};

use super::folder::{Bad, Task};
use crate::commands::bench::at_rank;
use crate::host::Host;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Its mission was verified.
    Solved,
    /// Its mission ended otherwise.
    Unsolved,
    /// It could not be begun, or its solution not be written.
    Failed,
    /// A part of ours broke.
    Crashed,
}

impl End {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Unsolved => "unsolved",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        }
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Its id; the name of its folder, where that is no task.
    pub(super) id: String,
    /// The name of its folder.
    pub(super) folder: String,
    /// How it ended.
    pub(super) status: End,
    /// Why it is not solved, or what was wrong and what was changed.
    pub(super) summary: String,
    /// How its mission ended, if it had one.
    pub(super) mission_status: Option<MissionStatus>,
    /// The rung that solved it.
    pub(super) rung: Option<Rung>,
    /// How sure the search is that its change is the right one, 0 to 1.
    pub(super) confidence: Option<f64>,
    /// Wall clock of the mission, s.
    pub(super) seconds: f64,
    /// Of that, looking for a change, s.
    pub(super) search_s: f64,
    /// Candidates tried.
    pub(super) candidates: u64,
    /// Runs in a sandbox.
    pub(super) sandbox_runs: u64,
    /// The files of the change.
    pub(super) files: Vec<ChangedFile>,
    /// Lines of the change; a line that was replaced counts once.
    pub(super) lines_changed: u64,
    /// Files of tests that differ between the task and its solution.
    pub(super) tests_touched: u64,
    /// Calls of language models.
    #[serde(default)]
    pub(super) model_calls: u64,
    /// Tokens sent to them.
    #[serde(default)]
    pub(super) tokens_in: u64,
    /// Tokens written by them.
    #[serde(default)]
    pub(super) tokens_out: u64,
    /// Money, US dollars.
    #[serde(default, alias = "cost_usd")]
    pub(super) money_usd: f64,
    /// The models that could be asked.
    #[serde(default)]
    pub(super) models: Vec<String>,
    /// The time that it was given, s.
    pub(super) budget_s: u64,
    /// It was asked that no model be used.
    pub(super) no_model: bool,
    /// A name for what its folder held (BLAKE3, hex); empty where that is no task.
    pub(super) content: String,
    /// It was done in an earlier run.
    #[serde(default)]
    pub(super) resumed: bool,
}

impl Row {
    /// A row that says only how it ended and why.
    pub(super) fn bare(task: &Task, status: End, why: impl Into<String>) -> Self {
        Self {
            id: task.id.clone(),
            content: task.content.clone(),
            status,
            ..Self::bad(&Bad { folder: task.folder.clone(), cause: why.into() })
        }
    }

    /// The row of a folder that is no task.
    pub(super) fn bad(bad: &Bad) -> Self {
        Self {
            id: bad.folder.clone(),
            folder: bad.folder.clone(),
            status: End::Failed,
            summary: bad.cause.clone(),
            mission_status: None,
            rung: None,
            confidence: None,
            seconds: 0.0,
            search_s: 0.0,
            candidates: 0,
            sandbox_runs: 0,
            files: Vec::new(),
            lines_changed: 0,
            tests_touched: 0,
            model_calls: 0,
            tokens_in: 0,
            tokens_out: 0,
            money_usd: 0.0,
            models: Vec::new(),
            budget_s: 0,
            no_model: false,
            content: String::new(),
            resumed: false,
        }
    }

    /// The row of a mission that has ended.
    pub(super) fn of(task: &Task, view: &MissionView) -> Self {
        let solved = view.status == Some(MissionStatus::Verified);
        let proposal = view.proposal.as_ref().filter(|_| solved);
        let search_ms: u64 = view.ledger.rungs.values().map(|cost| cost.wall_ms).sum();
        Self {
            mission_status: view.status,
            rung: view.ledger.solved_by.filter(|_| solved),
            confidence: proposal.map(|proposal| proposal.confidence),
            seconds: seconds(view.wall_ms),
            search_s: seconds(search_ms),
            candidates: view.ledger.candidates,
            sandbox_runs: view.ledger.sandbox_runs,
            files: proposal.map(|proposal| proposal.files.clone()).unwrap_or_default(),
            lines_changed: proposal.map_or(0, |proposal| lines_of(&proposal.diff)),
            model_calls: view.ledger.model_calls,
            tokens_in: view.ledger.tokens_in,
            tokens_out: view.ledger.tokens_out,
            money_usd: dollars(view.ledger.micro_usd),
            models: view.policy.models.iter().map(|model| model.name.clone()).collect(),
            // What a verified mission says of itself ends with a place that is gone by now.
            summary: proposal.map_or_else(|| view.summary.clone(), |proposal| proposal.explanation.clone()),
            ..Self::bare(task, if solved { End::Solved } else { End::Unsolved }, "")
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "times are far below 2^52 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[allow(clippy::cast_precision_loss, reason = "sums are far below 2^52 millionths")]
fn dollars(micro_usd: u64) -> f64 {
    micro_usd as f64 / 1_000_000.0
}

/// Lines that a unified diff changes: in each run of removed and added lines the larger number.
pub(super) fn lines_of(diff: &str) -> u64 {
    let (mut all, mut removed, mut added) = (0, 0, 0_u64);
    let mut in_hunk = false;
    for line in diff.lines() {
        in_hunk = line.starts_with("@@") || (in_hunk && !line.starts_with("diff "));
        match line.as_bytes().first() {
            Some(b'-') if in_hunk => removed += 1,
            Some(b'+') if in_hunk => added += 1,
            // `\ No newline at end of file` stands within a run.
            Some(b'\\') => {}
            _ => {
                all += removed.max(added);
                (removed, added) = (0, 0);
            }
        }
    }
    all + removed.max(added)
}

/// All tasks.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(super) tasks: usize,
    pub(super) solved: usize,
    pub(super) unsolved: usize,
    pub(super) failed: usize,
    pub(super) crashed: usize,
    /// Wall clock of a task that had a mission, s.
    pub(super) seconds: Spread,
    pub(super) candidates: u64,
    /// Candidates by the time spent looking for changes.
    pub(super) candidates_per_s: f64,
    /// Solved tasks by the rung that solved them.
    pub(super) solved_by: BTreeMap<Rung, usize>,
    /// The median over solved tasks.
    pub(super) lines_changed: Option<u64>,
    pub(super) tests_touched: u64,
    pub(super) model_calls: u64,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
    pub(super) money_usd: f64,
    /// Tokens of all tasks by the tasks that were solved.
    pub(super) tokens_per_solved: Option<f64>,
    /// Tasks that were done in an earlier run.
    pub(super) resumed: usize,
    #[serde(flatten)]
    pub(super) how: How,
}

/// How the tasks were worked on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct How {
    pub(super) budget_s: u64,
    pub(super) no_model: bool,
    /// Tasks at the same time.
    pub(super) jobs: usize,
    /// Threads of each.
    pub(super) threads: usize,
    /// Wall clock of this run, s.
    pub(super) wall_s: f64,
    pub(super) version: &'static str,
    /// True for a build without optimisation, whose figures mean little.
    pub(super) debug_build: bool,
    pub(super) host: Host,
}

/// A distribution; None: there are no samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
}

impl Summary {
    /// Counts.
    pub(super) fn of(rows: &[Row], how: How) -> Self {
        let count = |end| rows.iter().filter(|row| row.status == end).count();
        let mut times: Vec<f64> =
            rows.iter().filter(|row| row.mission_status.is_some()).map(|row| row.seconds).collect();
        times.sort_by(f64::total_cmp);
        let solved = || rows.iter().filter(|row| row.status == End::Solved);
        let mut lines: Vec<u64> = solved().map(|row| row.lines_changed).collect();
        lines.sort_unstable();
        let mut solved_by = BTreeMap::new();
        for rung in solved().filter_map(|row| row.rung) {
            *solved_by.entry(rung).or_insert(0) += 1;
        }
        let candidates: u64 = rows.iter().map(|row| row.candidates).sum();
        let search_s: f64 = rows.iter().map(|row| row.search_s).sum();
        #[allow(clippy::cast_precision_loss, reason = "candidates are far below 2^52")]
        let candidates_per_s = if search_s > 0.0 { candidates as f64 / search_s } else { 0.0 };
        Self {
            tasks: rows.len(),
            solved: count(End::Solved),
            unsolved: count(End::Unsolved),
            failed: count(End::Failed),
            crashed: count(End::Crashed),
            seconds: Spread { p50: at_rank(&times, 50), p95: at_rank(&times, 95) },
            candidates,
            candidates_per_s,
            solved_by,
            lines_changed: at_rank(&lines, 50),
            tests_touched: rows.iter().map(|row| row.tests_touched).sum(),
            model_calls: rows.iter().map(|row| row.model_calls).sum(),
            tokens_in: rows.iter().map(|row| row.tokens_in).sum(),
            tokens_out: rows.iter().map(|row| row.tokens_out).sum(),
            money_usd: rows.iter().map(|row| row.money_usd).sum(),
            tokens_per_solved: per_solved(rows, count(End::Solved)),
            resumed: rows.iter().filter(|row| row.resumed).count(),
            how,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "tokens are far below 2^52")]
fn per_solved(rows: &[Row], solved: usize) -> Option<f64> {
    let tokens: u64 = rows.iter().map(|row| row.tokens_in + row.tokens_out).sum();
    (solved > 0).then(|| tokens as f64 / solved as f64)
}

/// A line for programs: a row, or the summary, which comes last.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    /// A task has ended.
    Task(&'a Row),
    /// All have.
    Summary(&'a Summary),
}

#[cfg(test)]
mod tests;
