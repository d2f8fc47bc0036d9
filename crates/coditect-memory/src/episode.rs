//! What is kept of a mission: its situation, what was tried, and what was accepted. A fold over its journal, so that memory can
//! be made anew from journals at any time.

use std::collections::BTreeMap;

use coditect_ports::memory::PastEdit;
use coditect_ports::shelves::Kept;
use coditect_types::event::Response;
use coditect_types::limits::Verdict;
use coditect_types::outcome::Proposal;
use coditect_types::{
    EpisodeId, Event, MissionStatus, Outcome, Record, Reused, Rung, TestResult, TestStatus,
};
use serde::{Deserialize, Serialize};

use crate::diff::{self, Part};
use crate::redact::redact;

/// Red tests that are kept of a situation.
const MOST_RED: usize = 20;
/// Characters of what a test says that are kept.
const SAID: usize = 400;
/// Diagnoses that are kept.
const MOST_DIAGNOSES: usize = 20;
/// The status, and the rung, of what was learnt from a commit.
pub const LEARNT: &str = "learnt";
/// Edits of one change; what is larger is no pattern for anything.
const MOST_EDITS: usize = 8;

/// A red test of a situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symptom {
    /// Its id.
    pub test: String,
    /// The error's type.
    pub error: String,
    /// What it said, shortened.
    pub said: String,
}

/// A mission that has ended, as far as it is worth remembering. Secrets are blotted out of its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The mission, or the commit that it was learnt from.
    pub id: EpisodeId,
    /// The person's directory.
    pub workspace: String,
    /// When it ended, ms since 1970.
    pub ended_ms: u64,
    /// How. None: it is no mission, but a commit that a person made.
    pub status: Option<MissionStatus>,
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
    /// What was found out on the way, a line each.
    #[serde(default)]
    pub diagnoses: Vec<String>,
    /// Episodes whose changes it tried again.
    #[serde(default)]
    pub reused: Vec<Reused>,
    /// Tokens of models that it took.
    #[serde(default)]
    pub tokens: u64,
    /// The tree that its receipt is for (git, hex); empty where there is none.
    #[serde(default)]
    pub tree: String,
    /// Milliseconds that it took.
    pub wall_ms: u64,
}

/// A change with a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The rung that found it. None: a person did.
    pub rung: Option<Rung>,
    /// How sure the search was that it is the right change, 0 to 1; a person was sure.
    #[serde(default = "sure")]
    pub confidence: f64,
    /// What was wrong.
    pub explanation: String,
    /// The change, as a unified diff.
    pub diff: String,
}

/// A commit that a person made, with the tests for it.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its hash.
    pub hash: String,
    /// When it was made, ms since 1970.
    pub at_ms: u64,
    /// The first line of what it says.
    pub subject: String,
    /// The language of the code.
    pub language: String,
    /// The change of the code, as a unified diff.
    pub diff: String,
    /// The files of the tests.
    pub tests: Vec<String>,
}

impl Episode {
    /// What is learnt from a commit that a person made. None: its change is no pattern.
    #[must_use]
    pub fn learnt(workspace: &str, commit: Commit) -> Option<Self> {
        let told = |test: String| Symptom { test, error: String::new(), said: String::new() };
        let episode = Self {
            id: EpisodeId::parse(&format!("c-{}", commit.hash)).ok()?,
            workspace: workspace.to_owned(),
            ended_ms: commit.at_ms,
            status: None,
            request: redact(&commit.subject),
            language: commit.language,
            symptoms: commit.tests.into_iter().take(MOST_RED).map(told).collect(),
            refused: Vec::new(),
            accepted: Some(Accepted {
                rung: None,
                confidence: sure(),
                explanation: redact(&commit.subject),
                diff: redact(&commit.diff),
            }),
            diagnoses: Vec::new(),
            reused: Vec::new(),
            tokens: 0,
            tree: String::new(),
            wall_ms: 0,
        };
        episode.edits().is_some().then_some(episode)
    }

    /// What these records of one mission say. None: it has not ended, or never began to work.
    #[must_use]
    pub fn of(records: &[Record]) -> Option<Self> {
        let Event::MissionSubmitted { mission, request, workspace, fork, .. } = &records.first()?.event
        else {
            return None;
        };
        let mut episode = Self {
            id: EpisodeId::from(mission),
            workspace: workspace.path.clone(),
            ended_ms: 0,
            status: None,
            request: redact(request),
            language: String::new(),
            symptoms: Vec::new(),
            refused: Vec::new(),
            accepted: None,
            diagnoses: Vec::new(),
            reused: Vec::new(),
            tokens: 0,
            tree: String::new(),
            wall_ms: 0,
        };
        // What a fork shares was remembered with the mission that it was forked from.
        let shared = fork.as_ref().map_or(0, |fork| fork.at_seq);
        let (mut stands, mut is_over) = (None, false);
        for record in records {
            if record.seq == shared + 1 {
                episode.reused.clear();
                episode.diagnoses.clear();
                episode.refused.clear();
            }
            if let Event::AttemptEnded { outcome, .. } = &record.event {
                episode.learn(outcome, &mut stands);
            } else if let Event::ViolationFound { response, observed, diagnosis, .. } = &record.event {
                if let Some(diagnosis) = diagnosis
                    && episode.diagnoses.len() < MOST_DIAGNOSES
                {
                    let said = format!("{:?}: {}", diagnosis.cause, diagnosis.evidence);
                    episode.diagnoses.push(shortened(&said));
                }
                if *response == Response::Replan {
                    episode.refuse(stands.take(), observed);
                }
            } else if let Event::ApprovalGiven { verdict: Verdict::Denied, why, .. } = &record.event {
                episode.refuse(stands.take(), why);
            } else if let Event::MissionCompleted { status, wall_ms, ledger, receipt, .. } = &record.event
                && !is_over
            {
                is_over = true;
                (episode.status, episode.wall_ms, episode.ended_ms) = (Some(*status), *wall_ms, record.at_ms);
                episode.tokens = ledger.tokens_in + ledger.tokens_out;
                episode.tree = receipt.as_ref().map_or_else(String::new, |receipt| receipt.tree.clone());
            }
        }
        let proved = matches!(episode.status, Some(MissionStatus::Verified | MissionStatus::PartlyVerified));
        episode.accepted = stands.filter(|_| proved).map(|proposal: Proposal| Accepted {
            rung: Some(proposal.rung),
            confidence: proposal.confidence,
            explanation: redact(&proposal.explanation),
            diff: redact(&proposal.diff),
        });
        episode.judge_reuse();
        is_over.then_some(episode)
    }

    /// What passed every test in the search and was given up later did not hold.
    fn judge_reuse(&mut self) {
        let by_memory = self.accepted.as_ref().is_some_and(|accepted| accepted.rung == Some(Rung::Memory));
        let mut known: BTreeMap<EpisodeId, bool> = BTreeMap::new();
        for Reused { episode, held } in self.reused.drain(..) {
            *known.entry(episode).or_default() |= held && by_memory;
        }
        self.reused = known.into_iter().map(|(episode, held)| Reused { episode, held }).collect();
    }

    /// It without any secret, wherever one may stand.
    fn clean(&self) -> Self {
        let all = |texts: &[String]| texts.iter().map(|text| redact(text)).collect();
        Self {
            workspace: redact(&self.workspace),
            request: redact(&self.request),
            language: redact(&self.language),
            symptoms: self
                .symptoms
                .iter()
                .map(|of| Symptom {
                    test: redact(&of.test),
                    error: redact(&of.error),
                    said: redact(&of.said),
                })
                .collect(),
            refused: all(&self.refused),
            diagnoses: all(&self.diagnoses),
            accepted: self.accepted.as_ref().map(|accepted| Accepted {
                explanation: redact(&accepted.explanation),
                diff: redact(&accepted.diff),
                ..accepted.clone()
            }),
            ..self.clone()
        }
    }

    /// It as a shelf keeps it, without its secrets.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.clean().as_kept()
    }

    fn as_kept(&self) -> Kept {
        Kept {
            id: self.id.clone(),
            workspace: self.workspace.clone(),
            language: self.language.clone(),
            status: self.status.map_or_else(|| LEARNT.to_owned(), |status| named(&status)),
            rung: self.accepted.as_ref().map_or_else(String::new, |accepted| {
                accepted.rung.map_or_else(|| LEARNT.to_owned(), |rung| named(&rung))
            }),
            request: self.request.clone(),
            ended_ms: self.ended_ms,
            wall_ms: self.wall_ms,
            sameness: self.sameness(),
            reused: self.reused.clone(),
            // Texts and numbers under names: nothing here cannot be written.
            body: serde_json::to_vec(self).unwrap_or_default(),
        }
    }

    /// The episode that a shelf kept. None: another version wrote it in a way that this one does not read.
    #[must_use]
    pub fn from_kept(kept: &Kept) -> Option<Self> {
        let episode: Self = serde_json::from_slice(&kept.body).ok()?;
        (episode.id == kept.id).then_some(Self { ended_ms: kept.ended_ms, ..episode })
    }

    /// The same change for the same request on the same directory is one episode, however often it was made.
    fn sameness(&self) -> String {
        let Some(accepted) = &self.accepted else { return String::new() };
        let request: Vec<String> = self.request.split_whitespace().map(str::to_lowercase).collect();
        let mut hash = blake3::Hasher::new();
        for part in [&self.workspace, &self.language, &request.join(" "), &accepted.diff] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().to_hex()[..32].to_owned()
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
        if let Outcome::ChangeProposed { spent, .. } | Outcome::NoChangeFound { spent, .. } = outcome {
            self.reused.extend(spent.reused.iter().cloned());
        }
    }

    fn refuse(&mut self, proposal: Option<Proposal>, why: &str) {
        if let Some(proposal) = proposal {
            self.refused.push(redact(&format!("{}: {why}", proposal.explanation)));
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
            said: shortened(&test.message),
        })
        .collect()
}

fn shortened(text: &str) -> String {
    redact(text).chars().take(SAID).collect()
}

fn sure() -> f64 {
    1.0
}

/// The name that a value has in events.
fn named(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// The hunks of a unified diff, each with the lines around it. None where it is no whole diff.
fn hunks(diff: &str) -> Option<Vec<PastEdit>> {
    let mut edits: Vec<PastEdit> = Vec::new();
    let mut path = String::new();
    let put = |text: &mut String, line: &str| text.extend([line, "\n"]);
    for part in diff::parts(diff) {
        match part {
            // A file that is no more keeps the name that it had.
            Part::Before(named) | Part::After(named) => {
                if let Some(named) = named {
                    path = named.into_owned();
                }
            }
            Part::From(_) | Part::To(_) | Part::Deleted(_) => {}
            Part::Hunk(_) => {
                edits.push(PastEdit { path: path.clone(), before: String::new(), after: String::new() });
            }
            Part::Same(line) => {
                let edit = edits.last_mut()?;
                put(&mut edit.before, line);
                put(&mut edit.after, line);
            }
            Part::Gone(line) => put(&mut edits.last_mut()?.before, line),
            Part::New(line) => put(&mut edits.last_mut()?.after, line),
            Part::Broken => return None,
        }
    }
    Some(edits)
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
