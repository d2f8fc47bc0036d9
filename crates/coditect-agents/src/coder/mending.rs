//! An answer of a model that is nearly right is where a search begins: small slips in code that is otherwise as it should
//! be are what reflex repair is best at, and it asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use coditect_code::review;
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Work};
use coditect_types::outcome::{Proposal, Spent};
use coditect_types::{Failure, Outcome, Rung, Snapshot, Suspect, TestReport, TestStatus};

use super::proposing::cut;
use super::replying::PASSES;
use super::seats::Seat;
use super::{Case, Coder};

/// Below this confidence a change of a change says more of the tests than of what was wanted.
const LEAST: f64 = 0.3;
/// Where more of the red tests are red still than are green, an answer is hardly one small slip from right: what is left of the time is
/// better spent on another answer. It gets this part of the search's time.
const FAR: u64 = 6;

/// An answer that was made a change, and what refuted it.
pub(super) struct Nearly<'a> {
    pub(super) model: &'a str,
    pub(super) change: &'a Change,
    pub(super) edits: &'a [FileEdit],
    /// What the whole suite said of it.
    pub(super) report: &'a TestReport,
}

impl Nearly<'_> {
    /// Whether at least half of what was red is green with it.
    fn is_near(&self, case: &Case<'_>) -> bool {
        let red: BTreeSet<&str> = case.baseline.red().map(|test| test.id.as_str()).collect();
        let green = self.report.tests.iter().filter(|test| test.status == TestStatus::Passed);
        let turned = green.filter(|test| red.contains(test.id.as_str())).count();
        2 * turned >= red.len()
    }
}

impl Coder {
    /// Looks for what the answer lacks, first by what the error messages name. The account of what was tried where
    /// nothing was found.
    pub(super) fn mend_nearly(
        &self,
        case: &Case<'_>,
        nearly: &Nearly<'_>,
        (work, seat): (&Work, &Seat<'_>),
        spent: &mut Spent,
    ) -> Result<Result<Proposal, String>, Failure> {
        if case.budget.search_ms == 0 || work.stop.is_wanted() {
            return Ok(Err(String::new()));
        }
        let snapshot = Snapshot {
            commit: nearly.change.commit.clone(),
            tree: nearly.change.tree.clone(),
            ..case.snapshot.clone()
        };
        let Some(suspects) = self.suspects(case, nearly, work, seat)? else { return Ok(Err(String::new())) };
        let began_us = self.tools.clock.monotonic_us();
        let within_ms = case.budget.search_ms / if nearly.is_near(case) { 1 } else { FAR };
        let mut tried = 0;
        for rung in [Rung::Recipe, Rung::Reflex] {
            let past_ms = self.tools.clock.monotonic_us().saturating_sub(began_us) / 1_000;
            let mut budget = case.budget.clone();
            budget.search_ms = within_ms.saturating_sub(past_ms);
            budget.candidates = budget.candidates.saturating_sub(tried);
            let from = Case {
                rung,
                snapshot: &snapshot,
                baseline: nearly.report,
                suspects: &suspects,
                refused: &[],
                budget: &budget,
                ..*case
            };
            let mut used = Spent::default();
            let sought = self.seek(&from, work, &mut used);
            tried += used.candidates;
            spent.candidates += used.candidates;
            spent.sandbox_runs += used.sandbox_runs;
            match sought {
                Ok(Outcome::ChangeProposed { proposal, .. })
                    if proposal.evidence.left_red.is_empty() && proposal.confidence >= LEAST =>
                {
                    return self.as_one_change(case, nearly, proposal, (work, seat)).map(Ok);
                }
                Ok(_) => {}
                Err(failure) if work.stop.is_raised() => return Err(failure),
                // What a search cannot start from says nothing of the answer.
                Err(failure) => tracing::debug!(cause = %failure.cause, "an answer could not be mended"),
            }
        }
        Ok(Err(match tried {
            0 => String::new(),
            n => format!("None of {n} small changes of it passes."),
        }))
    }

    /// The lines that the model wrote: what is wrong is among them. None: a search that hides one of them from the tests
    /// must not be made.
    fn suspects(
        &self,
        case: &Case<'_>,
        nearly: &Nearly<'_>,
        work: &Work,
        seat: &Seat<'_>,
    ) -> Result<Option<Vec<Suspect>>, PortError> {
        let before =
            self.tools.workspace.worktree(&work.mission, &case.snapshot.commit, &seat.purpose("reply"))?;
        let mut suspects = Vec::new();
        for edit in nearly.edits {
            let Some(after) = &edit.content else { continue };
            let old = std::fs::read(before.join(&edit.path)).unwrap_or_default();
            let (old, after) = (String::from_utf8_lossy(&old), String::from_utf8_lossy(after));
            let known: BTreeSet<&str> = old.lines().map(str::trim).collect();
            let written = after.lines().zip(1..).filter(|(line, _)| {
                let line = line.trim();
                !line.is_empty() && !known.contains(line)
            });
            let file = case.below_root(&edit.path);
            for (text, line) in written {
                if review::ends_the_program(text) {
                    return Ok(None);
                }
                suspects.push(Suspect { file: file.to_owned(), line, score: 1.0 });
            }
        }
        Ok(Some(suspects))
    }

    /// The mended answer as one change of what the person had.
    fn as_one_change(
        &self,
        case: &Case<'_>,
        nearly: &Nearly<'_>,
        found: Proposal,
        (work, seat): (&Work, &Seat<'_>),
    ) -> Result<Proposal, Failure> {
        let view = self.tools.workspace.worktree(&work.mission, &found.commit, &seat.purpose("reply"))?;
        let mut contents: BTreeMap<String, Option<Vec<u8>>> =
            nearly.edits.iter().map(|edit| (edit.path.clone(), edit.content.clone())).collect();
        for file in &found.files {
            let bytes = std::fs::read(view.join(&file.path))
                .map_err(|error| PortError::from_io("read the mended file", &error))?;
            contents.insert(file.path.clone(), Some(bytes));
        }
        let edits: Vec<FileEdit> =
            contents.into_iter().map(|(path, content)| FileEdit { path, content }).collect();
        let explanation =
            format!("{}; what `{}` wrote was mended by a search", found.explanation, nearly.model);
        let parent = &case.snapshot.commit;
        let change = self.tools.workspace.commit(&work.mission, parent, &edits, &explanation)?;
        Ok(Proposal {
            rung: case.rung,
            commit: change.commit,
            tree: change.tree,
            diff: cut(change.diff),
            files: change.files,
            explanation,
            confidence: found.confidence.min(PASSES),
            // They are changes of a change.
            runners_up: Vec::new(),
            evidence: found.evidence,
        })
    }
}
