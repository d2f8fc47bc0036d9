//! Outcomes: what really came of an action.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::ErrorKind;
use crate::focus::Ground;
use crate::ids::StrandId;
use crate::memory::Reused;
use crate::model::{ModelReply, Usage};
use crate::plan::Intent;
use crate::project::{Project, SourceFile};
use crate::receipt::{Receipt, Rung};
use crate::run::Runs;
use crate::sandbox::{Enforced, Tier};
use crate::testing::{Suspect, TestReport};
use crate::workspace::Snapshot;

/// Bytes of a diff at most, wherever one is told. The patch itself is whole.
pub const DIFF_BYTES: usize = 64 << 10;

/// Why an action could not be performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What to do about it.
    pub kind: ErrorKind,
    /// The cause, in a sentence for a person (lower case, no full stop).
    pub cause: String,
    /// The next step for a person, if there is one.
    pub hint: Option<String>,
    /// Before this much time nothing is gained by asking again, ms, where the other side said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Nobody was asked: the other side had failed before, and is left alone. It costs nothing, and is no try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unasked: bool,
}

impl Failure {
    /// A failure with no hint.
    #[must_use]
    pub fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), hint: None, retry_after_ms: None, unasked: false }
    }

    /// The same with the next step for a person.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Newer commits that one mission follows: a person who commits again and again while the suite runs is not run after for ever.
pub const MOST_HEADS: usize = 3;

/// A change on top of a commit that the person made while the mission was at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Carried {
    /// Their commit (hex).
    pub head: String,
    /// The branch that names it; None: HEAD does, without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The change on top of it, in the mission's own store (hex). None: it does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tree of that (hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Files that both change in the same place (at most 100).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// A file that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedFile {
    /// Path below the snapshot's top.
    pub path: String,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

/// A candidate change that an agent stands for, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The rung that found it.
    pub rung: Rung,
    /// Its commit in the mission's own store.
    pub commit: String,
    /// Its tree (git, hex).
    pub tree: String,
    /// The change as a unified diff (at most 64 KiB).
    pub diff: String,
    /// The files it touches.
    pub files: Vec<ChangedFile>,
    /// What was wrong and what was changed, in a sentence or two.
    pub explanation: String,
    /// How sure the search is that it is the right change and not merely one that passes, 0 to 1.
    pub confidence: f64,
    /// Other changes that passed too, as diffs, best first (at most 5).
    pub runners_up: Vec<String>,
    /// What speaks for it.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Proposal {
    /// Changes that were made one upon the other, as one: the tree of the last, all files and diffs, the lowest confidence and the
    /// highest rung. None where there is none.
    pub fn in_sequence<'a>(parts: impl Iterator<Item = &'a Self>) -> Option<Self> {
        parts.cloned().reduce(|mut sum, next| {
            for file in &next.files {
                match sum.files.iter_mut().find(|known| known.path == file.path) {
                    Some(known) => {
                        known.added += file.added;
                        known.removed += file.removed;
                    }
                    None => sum.files.push(file.clone()),
                }
            }
            Self {
                files: sum.files,
                diff: sum.diff + &next.diff,
                explanation: format!("{}. {}", sum.explanation.trim_end_matches('.'), next.explanation),
                confidence: sum.confidence.min(next.confidence),
                rung: sum.rung.max(next.rung),
                ..next
            }
        })
    }
}

/// What speaks for a change, beside that it passes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Evidence {
    /// What kind of mistake it mends, in a phrase.
    pub kind: String,
    /// Where it changes the program.
    pub places: Vec<ChangedPlace>,
    /// Other changes that every test accepts too.
    pub others_passing: u64,
    /// The red tests that were to turn green and that it leaves red. Empty: none.
    pub left_red: Vec<String>,
    /// Tests that turned out to pass and fail on the same tree while it was looked for: passes, runs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flaky: BTreeMap<String, (u32, u32)>,
    /// It is a part of what was proposed first: what was left out of that, since it breaks what was green.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halved: Option<Halved>,
    /// The other changes, best first, where all were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherChange>,
}

/// What was found out about a change that does what it is for and breaks something else, by trying parts of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Halved {
    /// The parts that break something (at most 8).
    pub parts: Vec<HarmfulPart>,
    /// Where the part that was taken does without the change: `calc.py:12-14` (at most 24). Empty: no part was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Runs of tests that it took.
    pub runs: u32,
}

impl Halved {
    /// What is left out of the part that was taken, and which parts break what, as the end of an explanation.
    #[must_use]
    pub fn says(&self) -> String {
        let mut said = String::new();
        if !self.left_out.is_empty() {
            let places: Vec<String> = self.left_out.iter().map(|place| format!("`{place}`")).collect();
            said = format!("; left out of it: {}", places.join(", "));
        }
        self.parts.iter().fold(said, |said, part| format!("{said}; {}", part.says()))
    }
}

/// A part of a change that breaks tests which were green.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HarmfulPart {
    /// Where it is: `calc.py:12-14`, one for each place, by the lines of the changed file.
    pub places: Vec<String>,
    /// What it changes, with `-` and `+` before the lines (at most 1 KiB).
    pub text: String,
    /// The tests that are red with it (at most 5).
    pub breaks: Vec<String>,
}

impl HarmfulPart {
    /// `` `calc.py:12` breaks `test_a` ``.
    #[must_use]
    pub fn says(&self) -> String {
        let names = |all: &[String]| all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let verb = if self.places.len() == 1 { "breaks" } else { "together break" };
        format!("{} {verb} {}", names(&self.places), names(&self.breaks))
    }
}

/// A place that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedPlace {
    /// Path below the snapshot's top.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// The function, `""` outside any.
    pub function: String,
}

/// Another change that every test accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherChange {
    /// The change as a unified diff (at most 64 KiB).
    pub diff: String,
    /// What was wrong and what was changed.
    pub explanation: String,
    /// What kind of mistake it mends, in a phrase.
    pub kind: String,
    /// Where it changes the program.
    pub places: Vec<ChangedPlace>,
    /// How sure the search is of it, 0 to 1.
    pub confidence: f64,
    /// Whether the whole suite was run on it once more, in a fresh sandbox, and was as green as with the best one.
    pub proved: bool,
}

/// What an attempt cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Spent {
    /// Candidates tried.
    pub candidates: u64,
    /// Runs in a sandbox.
    pub sandbox_runs: u64,
    /// Wall clock, ms.
    pub wall_ms: u64,
    /// Tokens of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Where the time of a search went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchTime>,
    /// Episodes whose changes were tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reused: Vec<Reused>,
    /// What became of its runs in a sandbox. Empty: there were none, or an older build performed it.
    #[serde(skip_serializing_if = "Runs::is_empty")]
    pub runs: Runs,
}

/// Where the time of a search went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SearchTime {
    /// Wall clock of all of it, µs.
    pub wall_us: u64,
    /// Wall clock of making candidates (edited, told from those that were there, parsed) that were not made while others
    /// were judged, µs.
    pub making_us: u64,
    /// Wall clock of judging batches of them on all threads, µs.
    pub judging_us: u64,
    /// Time of single trials, summed over the threads, µs.
    pub trials_us: u64,
    /// Runs of tests.
    pub trials: u64,
    /// Candidates that were dropped unjudged: the text or the syntax tree was there before, or they do not parse.
    pub deduplicated: u64,
}

/// A strand whose change does not go with those of the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The strand.
    pub strand: StrandId,
    /// Why, as the end of "it was left out:".
    pub why: String,
}

/// What came of an action.
#[expect(clippy::large_enum_variant, reason = "seldom many alive at once; boxes would only clutter")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The snapshot is kept.
    SnapshotTaken {
        /// What was kept.
        snapshot: Snapshot,
    },
    /// The project and its tests were found.
    ProjectSurveyed {
        /// What was found.
        project: Project,
        /// Its source files and what they need of one another; none where there are too many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<SourceFile>,
    },
    /// The suite ran on the snapshot.
    BaselineMeasured {
        /// The project, with the tier that could really host it.
        project: Project,
        /// What the tests said.
        report: TestReport,
        /// Suspicious lines, likeliest first (at most 500).
        suspects: Vec<Suspect>,
        /// Where it ran.
        tier: Tier,
        /// What the sandbox enforced.
        enforced: Enforced,
        /// The receipt of this very run, for a mission whose tests are green already.
        receipt: Receipt,
        /// What it cost.
        spent: Spent,
    },
    /// A change was found.
    ChangeProposed {
        /// The change.
        proposal: Proposal,
        /// What it cost.
        spent: Spent,
    },
    /// The rung is spent and found nothing.
    NoChangeFound {
        /// The rung.
        rung: Rung,
        /// What was tried and how near it came, in a sentence or two.
        account: String,
        /// The search ended at a limit and not at its end.
        at_limit: bool,
        /// How far it came, where another search can begin there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ground: Option<Ground>,
        /// What it cost.
        spent: Spent,
    },
    /// The agent delegates what is not its own to do: the attempt begins again once others have done it.
    NeedsFirst {
        /// What must be done first.
        needs: Vec<Intent>,
        /// For what, in a phrase.
        why: String,
        /// What it cost so far.
        spent: Spent,
    },
    /// What a model must know was gathered.
    ContextGathered {
        /// What.
        context: Context,
    },
    /// A model answered.
    ModelAnswered {
        /// The model.
        model: String,
        /// Its answer.
        reply: ModelReply,
        /// What it cost beside tokens.
        spent: Spent,
    },
    /// What a model answered is no change that the tests accept.
    ReplyRefused {
        /// The rung on which the model stands.
        rung: Rung,
        /// Why, in a sentence.
        account: String,
        /// What is told the model, so that it can do better: edits that did not apply, tests that are red with it.
        feedback: String,
        /// The change, where it could be made, as a unified diff (at most 64 KiB).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        diff: String,
        /// The parts of it that break what was green, where it does what it is for beside that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        halved: Option<Halved>,
        /// What it cost.
        spent: Spent,
    },
    /// Tests show what is asked for: they are red on the snapshot with them.
    SpecificationWritten {
        /// The model that wrote them.
        model: String,
        /// The snapshot with these tests.
        snapshot: Snapshot,
        /// The tests that are red on it, by name.
        tests: Vec<String>,
        /// The files that hold them.
        files: Vec<ChangedFile>,
        /// What was added, as a unified diff (at most 64 KiB).
        diff: String,
        /// What it cost.
        spent: Spent,
    },
    /// The changes of the strands are one change.
    ChangesMerged {
        /// It; None: none of them is left.
        proposal: Option<Proposal>,
        /// The strands whose changes are not in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<LeftOut>,
        /// What it cost.
        spent: Spent,
    },
    /// A change was looked at.
    ChangeReviewed {
        /// Why it cannot be taken, a line each. Empty: nothing speaks against it.
        objections: Vec<String>,
        /// What the person may want to look at, a line each.
        remarks: Vec<String>,
    },
    /// The suite ran on the changed tree.
    ChangeVerified {
        /// The evidence, green or not.
        receipt: Receipt,
        /// Red tests and problems of that run.
        report: TestReport,
        /// What it cost.
        spent: Spent,
    },
    /// The person's branch names another commit by now: the change is not handed over before it is known what it is worth there.
    HeadMoved {
        /// The commit, and the change on top of it.
        carried: Carried,
    },
    /// The person has the change.
    HandedOver {
        /// The branch, in a git workspace.
        branch: Option<String>,
        /// The commit on it.
        commit: Option<String>,
        /// The patch file, in a plain directory.
        patch: Option<String>,
        /// Files that the person changed in their directory since the snapshot (at most 100).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moved: Vec<String>,
    },
    /// Nothing was to be done, and was done.
    NothingDone,
    /// The action could not be performed.
    Failed {
        /// Why.
        failure: Failure,
        /// What it cost.
        #[serde(default)]
        spent: Spent,
    },
}

impl Outcome {
    /// What the attempt cost, where this is told.
    #[must_use]
    pub fn spent(&self) -> Option<&Spent> {
        match self {
            Self::BaselineMeasured { spent, .. }
            | Self::ChangeProposed { spent, .. }
            | Self::NoChangeFound { spent, .. }
            | Self::NeedsFirst { spent, .. }
            | Self::ModelAnswered { spent, .. }
            | Self::ReplyRefused { spent, .. }
            | Self::SpecificationWritten { spent, .. }
            | Self::ChangesMerged { spent, .. }
            | Self::ChangeVerified { spent, .. }
            | Self::Failed { spent, .. } => Some(spent),
            Self::SnapshotTaken { .. }
            | Self::ProjectSurveyed { .. }
            | Self::ContextGathered { .. }
            | Self::ChangeReviewed { .. }
            | Self::HeadMoved { .. }
            | Self::HandedOver { .. }
            | Self::NothingDone => None,
        }
    }

    /// The same, for whoever knows more of it.
    pub fn spent_mut(&mut self) -> Option<&mut Spent> {
        match self {
            Self::BaselineMeasured { spent, .. }
            | Self::ChangeProposed { spent, .. }
            | Self::NoChangeFound { spent, .. }
            | Self::NeedsFirst { spent, .. }
            | Self::ModelAnswered { spent, .. }
            | Self::ReplyRefused { spent, .. }
            | Self::SpecificationWritten { spent, .. }
            | Self::ChangesMerged { spent, .. }
            | Self::ChangeVerified { spent, .. }
            | Self::Failed { spent, .. } => Some(spent),
            Self::SnapshotTaken { .. }
            | Self::ProjectSurveyed { .. }
            | Self::ContextGathered { .. }
            | Self::ChangeReviewed { .. }
            | Self::HeadMoved { .. }
            | Self::HandedOver { .. }
            | Self::NothingDone => None,
        }
    }

    /// The commits that it speaks of and that may be new, each with the hash of its tree.
    #[must_use]
    pub fn brings(&self) -> Vec<(&str, &str)> {
        match self {
            Self::ChangeProposed { proposal, .. } | Self::ChangesMerged { proposal: Some(proposal), .. } => {
                vec![(&proposal.commit, &proposal.tree)]
            }
            Self::SpecificationWritten { snapshot, .. } => vec![(&snapshot.commit, &snapshot.tree)],
            Self::SnapshotTaken { .. }
            | Self::ProjectSurveyed { .. }
            | Self::BaselineMeasured { .. }
            | Self::NoChangeFound { .. }
            | Self::NeedsFirst { .. }
            | Self::ContextGathered { .. }
            | Self::ModelAnswered { .. }
            | Self::ReplyRefused { .. }
            | Self::ChangesMerged { proposal: None, .. }
            | Self::ChangeReviewed { .. }
            | Self::ChangeVerified { .. }
            | Self::HeadMoved { .. }
            | Self::HandedOver { .. }
            | Self::NothingDone
            | Self::Failed { .. } => Vec::new(),
        }
    }
}
