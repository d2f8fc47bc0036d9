//! What is kept of a mission: its situation, what was tried, and what was accepted. A fold over its journal, so that memory can
//! be made anew from journals at any time.

use coditect_ports::memory::PastEdit;
use coditect_types::event::Response;
use coditect_types::limits::Verdict;
use coditect_types::outcome::Proposal;
use coditect_types::{Event, MissionId, MissionStatus, Outcome, Record, Rung, TestResult, TestStatus};

/// Red tests that are kept of a situation.
const MOST_RED: usize = 20;
/// Characters of what a test says that are kept.
const SAID: usize = 400;
/// Edits of one change; what is larger is no pattern for anything.
const MOST_EDITS: usize = 8;

/// A red test of a situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// Its id.
    pub test: String,
    /// The error's type.
    pub error: String,
    /// What it said, shortened.
    pub said: String,
}

/// A mission that has ended, as far as it is worth remembering.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The mission.
    pub id: MissionId,
    /// The person's directory.
    pub workspace: String,
    /// When it ended, ms since 1970.
    pub ended_ms: u64,
    /// How.
    pub status: MissionStatus,
    /// The request.
    pub request: String,
    /// The project's language.
    pub language: String,
    /// The red tests that it began with.
    pub symptoms: Vec<Symptom>,
    /// What was proposed and not taken, with the reason.
    pub refused: Vec<String>,
    /// What was accepted, where something was.
    pub accepted: Option<Accepted>,
    /// Milliseconds that it took.
    pub wall_ms: u64,
}

/// A change with a receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The rung that found it.
    pub rung: Rung,
    /// What was wrong.
    pub explanation: String,
    /// The change, as a unified diff.
    pub diff: String,
}

impl Episode {
    /// What these records of one mission say. None: it has not ended, or never began to work.
    #[must_use]
    pub fn of(records: &[Record]) -> Option<Self> {
        let Event::MissionSubmitted { mission, request, workspace, .. } = &records.first()?.event else {
            return None;
        };
        let mut episode = Self {
            id: mission.clone(),
            workspace: workspace.path.clone(),
            ended_ms: 0,
            status: MissionStatus::Failed,
            request: request.clone(),
            language: String::new(),
            symptoms: Vec::new(),
            refused: Vec::new(),
            accepted: None,
            wall_ms: 0,
        };
        let (mut stands, mut is_over) = (None, false);
        for record in records {
            if let Event::AttemptEnded { outcome, .. } = &record.event {
                episode.learn(outcome, &mut stands);
            } else if let Event::ViolationFound { response: Response::Replan, observed, .. } = &record.event {
                episode.refuse(stands.take(), observed);
            } else if let Event::ApprovalGiven { verdict: Verdict::Denied, why, .. } = &record.event {
                episode.refuse(stands.take(), why);
            } else if let Event::MissionCompleted { status, wall_ms, .. } = &record.event
                && !is_over
            {
                is_over = true;
                (episode.status, episode.wall_ms, episode.ended_ms) = (*status, *wall_ms, record.at_ms);
            }
        }
        let proved = matches!(episode.status, MissionStatus::Verified | MissionStatus::PartlyVerified);
        episode.accepted = stands.filter(|_| proved).map(|proposal: Proposal| Accepted {
            rung: proposal.rung,
            explanation: proposal.explanation,
            diff: proposal.diff,
        });
        is_over.then_some(episode)
    }

    fn learn(&mut self, outcome: &Outcome, stands: &mut Option<Proposal>) {
        if let Outcome::BaselineMeasured { project, report, .. } = outcome {
            self.language.clone_from(&project.language);
            self.symptoms = symptoms(report.red());
        } else if let Outcome::ChangeProposed { proposal, .. }
        | Outcome::ChangesMerged { proposal: Some(proposal), .. } = outcome
        {
            *stands = Some(proposal.clone());
        }
    }

    fn refuse(&mut self, proposal: Option<Proposal>, why: &str) {
        if let Some(proposal) = proposal {
            self.refused.push(format!("{}: {why}", proposal.explanation));
        }
    }

    /// The parts of the accepted change. None where it is too large to be a pattern, or was cut.
    #[must_use]
    pub fn edits(&self) -> Option<Vec<PastEdit>> {
        let edits = hunks(&self.accepted.as_ref()?.diff)?;
        (!edits.is_empty() && edits.len() <= MOST_EDITS).then_some(edits)
    }
}

/// What red tests say, a few of them.
pub(crate) fn symptoms<'t>(red: impl Iterator<Item = &'t TestResult>) -> Vec<Symptom> {
    red.filter(|test| test.status != TestStatus::NotRun)
        .take(MOST_RED)
        .map(|test| Symptom {
            test: test.id.clone(),
            error: test.error_type.clone(),
            said: test.message.chars().take(SAID).collect(),
        })
        .collect()
}

/// The hunks of a unified diff, each with the lines around it. None where it is no whole diff.
fn hunks(diff: &str) -> Option<Vec<PastEdit>> {
    let mut edits: Vec<PastEdit> = Vec::new();
    let mut path = String::new();
    let mut left = (0_usize, 0_usize);
    for line in diff.lines() {
        if left == (0, 0) {
            if let Some(name) = line.strip_prefix("+++ ") {
                name.strip_prefix("b/").unwrap_or(name).clone_into(&mut path);
            } else if let Some(head) = line.strip_prefix("@@ ") {
                left = (lines_of(head, '-')?, lines_of(head, '+')?);
                edits.push(PastEdit { path: path.clone(), before: String::new(), after: String::new() });
            }
            continue;
        }
        let edit = edits.last_mut()?;
        let (mark, text) = (line.chars().next().unwrap_or(' '), line.get(1..).unwrap_or_default());
        let both = |mark| (mark != '+', mark != '-');
        match mark {
            ' ' | '+' | '-' => {
                let (old, new) = both(mark);
                for (to, wanted, left) in
                    [(&mut edit.before, old, &mut left.0), (&mut edit.after, new, &mut left.1)]
                {
                    if wanted {
                        to.push_str(text);
                        to.push('\n');
                        *left = left.checked_sub(1)?;
                    }
                }
            }
            // `\ No newline at end of file`
            '\\' => {}
            _ => return None,
        }
    }
    (left == (0, 0)).then_some(edits)
}

/// `-3,13 +3,13 @@ def f` has 13 lines on either side; where no count is said, it is 1.
fn lines_of(head: &str, side: char) -> Option<usize> {
    let range = head.split(' ').find_map(|part| part.strip_prefix(side))?;
    range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_falls_into_its_hunks() {
        let diff = "diff --git a/m.py b/m.py\n--- a/m.py\n+++ b/m.py\n@@ -1,3 +1,3 @@\n def f(x):\n-    return x - 1\n+    return x + 1\n \n@@ -9 +9,2 @@ def g():\n     pass\n+    -- x\n";
        let edits = hunks(diff).unwrap_or_default();
        assert_eq!(edits.len(), 2);
        assert_eq!(
            (edits[0].before.as_str(), edits[0].after.as_str()),
            ("def f(x):\n    return x - 1\n\n", "def f(x):\n    return x + 1\n\n")
        );
        assert_eq!((edits[1].path.as_str(), edits[1].after.as_str()), ("m.py", "    pass\n    -- x\n"));
        // One that was cut is no pattern.
        assert_eq!(hunks(&diff[..diff.len() - 20]), None);
    }
}
