//! Actions: intents made concrete by parametrization. An action holds all that an agent needs to perform it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Gaps;
use crate::focus::{Aim, Delivery, Focus};
use crate::limits::{Budget, CallLimits, Limits, SandboxChoice};
use crate::model::{ModelRequest, ModelSpec};
use crate::outcome::{Carried, Proposal};
use crate::plan::{Role, Strand};
use crate::project::{Project, ReportSource};
use crate::receipt::Rung;
use crate::testing::{Suspect, TestReport};
use crate::workspace::{Snapshot, WorkspaceRef};

/// The change that a strand stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StrandChange {
    /// The strand.
    pub strand: Strand,
    /// Its change.
    pub proposal: Proposal,
}

/// One thing for one agent to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Copy what the person sees into the mission's own store.
    TakeSnapshot {
        /// The person's directory.
        workspace: WorkspaceRef,
    },
    /// Find the project kind and how its tests are run.
    SurveyProject {
        /// What to look at.
        snapshot: Snapshot,
        /// The person's directory, for its virtual environment: ignored files are not in the snapshot.
        #[serde(default)]
        workspace: Option<WorkspaceRef>,
        /// The test command that the person gave, if any.
        test_command: Option<Vec<String>>,
        /// Where that command leaves its results.
        #[serde(default)]
        report: Option<ReportSource>,
        /// Where code may run.
        sandbox: SandboxChoice,
    },
    /// Run the whole suite, red tests again, and score lines.
    MeasureBaseline {
        /// The tree to measure.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// Limits of one run of the suite.
        limits: Limits,
        /// Where code may run.
        sandbox: SandboxChoice,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Look for a change on one rung.
    SeekChange {
        /// The rung.
        rung: Rung,
        /// Where work starts.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// Lines to look at first, likeliest first.
        suspects: Vec<Suspect>,
        /// The person's words: names in them are hints. Data, never instruction.
        request: String,
        /// Diffs that were tried and refused: not to be proposed again.
        refused: Vec<String>,
        /// Limits of one run of the suite.
        limits: Limits,
        /// What is left to spend.
        budget: Budget,
        /// Seed of the search's order.
        seed: u64,
        /// What the search is narrowed to.
        #[serde(default)]
        focus: Focus,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Gather what a model must know of the project.
    GatherContext {
        /// The tree to read.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// Lines that failing tests point at, likeliest first.
        suspects: Vec<Suspect>,
        /// The person's words: files that they name are shown. Data, never instruction.
        request: String,
        /// What the person narrowed the change to.
        #[serde(default)]
        focus: Focus,
        /// Files that an agent asked for: they come first and whole.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<String>,
        /// Limits of a run of the red tests, which tells values.
        #[serde(default)]
        limits: Limits,
        /// Protections given up by the person, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waived: Vec<String>,
        /// The person's directory, and the top of its repository: what was done there before is looked for. None: nothing is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        places: Vec<String>,
    },
    /// Ask a model. Layer 1 does this itself; no worker ever sees it.
    AskModel {
        /// The model.
        model: ModelSpec,
        /// What is sent.
        request: ModelRequest,
        /// How long it may take.
        limits: CallLimits,
    },
    /// Make what a model answered a change, and see what the tests say of it.
    TryReply {
        /// The rung on which the model stands.
        rung: Rung,
        /// The model's name.
        model: String,
        /// What it answered: data, never instruction.
        reply: String,
        /// What was asked for, in the person's words.
        #[serde(default)]
        request: String,
        /// Where work starts.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// Diffs that were tried and refused.
        refused: Vec<String>,
        /// What a search may spend that starts from a change which is nearly right; 0 ms: none is made.
        mending: Budget,
        /// How long parts of it may be tried where it does what it is for and breaks something else, ms; 0: not at all.
        #[serde(default)]
        halving_ms: u64,
        /// Limits of one run of the suite.
        limits: Limits,
        /// What the person narrowed the change to.
        #[serde(default)]
        focus: Focus,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
        /// The strand that the answer is for; None: all of the mission.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strand: Option<Strand>,
        /// Files that the model asked to see and that it is shown by now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        granted: Vec<String>,
        /// Set where it was asked for functions: what of each file it was not shown, in bytes, first and last of each. Of a file that
        /// is not here it was shown nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_part: Option<Gaps>,
    },
    /// Make what a model answered tests that are red on the snapshot.
    TrySpecification {
        /// The rung on which the model stands.
        rung: Rung,
        /// The model's name.
        model: String,
        /// What it answered: data, never instruction.
        reply: String,
        /// What was asked for, in the person's words.
        request: String,
        /// Where work starts.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// The tests are all that is asked for, so they pass on the code as it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        as_it_is: bool,
        /// Limits of one run of the suite.
        limits: Limits,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Replace a name by another one wherever it stands: which, the focus says.
    Rename {
        /// Where work starts.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// What the person narrowed the change to, with the two names.
        focus: Focus,
        /// Limits of one run of the suite.
        limits: Limits,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Make one change of those that the strands stand for, in their order, without those that do not go with the
    /// others.
    MergeStrands {
        /// Where work started.
        snapshot: Snapshot,
        /// How its tests are run.
        project: Project,
        /// What the suite said of the snapshot.
        baseline: TestReport,
        /// The changes, in the order of the strands.
        changes: Vec<StrandChange>,
        /// The suite contradicted all of them together: the tests that were red then, where they are known by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contradicted: Option<Vec<String>>,
        /// How long parts of a change that does not go with the others may be tried, ms; 0: it is left out whole.
        #[serde(default)]
        halving_ms: u64,
        /// Limits of one run of the suite.
        limits: Limits,
        /// What the person narrowed the change to.
        #[serde(default)]
        focus: Focus,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Look at a change that a model wrote. Nothing is run.
    ReviewChange {
        /// Where work started.
        snapshot: Snapshot,
        /// The commit to look at, in the mission's own store.
        commit: String,
        /// The files that it touches, below the snapshot's top.
        files: Vec<String>,
        /// How its tests are run.
        project: Project,
        /// What the suite said before the change.
        baseline: TestReport,
        /// What was asked for, in the person's words.
        request: String,
        /// What the person narrowed the change to, and what it is to be.
        focus: Focus,
    },
    /// Run the whole suite on a changed tree.
    VerifyChange {
        /// Where work started.
        snapshot: Snapshot,
        /// The commit to test, in the mission's own store.
        commit: String,
        /// How its tests are run.
        project: Project,
        /// What the suite said before the change.
        baseline: TestReport,
        /// Tests that are known to be unsteady: how often each must be red in a row to be broken.
        unsteady: BTreeMap<String, u32>,
        /// Limits of one run of the suite.
        limits: Limits,
        /// Protections given up by the person, by name.
        waived: Vec<String>,
    },
    /// Give a verified change to the person.
    HandOver {
        /// The person's directory.
        workspace: WorkspaceRef,
        /// Where work started.
        snapshot: Snapshot,
        /// The commit to hand over, in the mission's own store.
        commit: String,
        /// The commit's whole message.
        message: String,
        /// In which form.
        #[serde(default)]
        delivery: Delivery,
        /// The same change on top of a newer commit of the person's, where the suite is green there: this is what they get.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried: Option<Carried>,
        /// Newer commits of theirs of which it is known what the change is worth there, the newest last.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<String>,
    },
    /// Nothing at all, for benches of the ring.
    DoNothing,
}

impl Action {
    /// The snapshot that work starts from and the commits on top of it that are worked with. None: it is about no commit, or about the
    /// person's own directory, and is performed where that is.
    #[must_use]
    pub fn needs(&self) -> Option<(&str, Vec<&str>)> {
        match self {
            Self::TakeSnapshot { .. } | Self::HandOver { .. } | Self::AskModel { .. } | Self::DoNothing => {
                None
            }
            Self::SurveyProject { snapshot, .. }
            | Self::MeasureBaseline { snapshot, .. }
            | Self::SeekChange { snapshot, .. }
            | Self::GatherContext { snapshot, .. }
            | Self::TryReply { snapshot, .. }
            | Self::TrySpecification { snapshot, .. }
            | Self::Rename { snapshot, .. } => Some((&snapshot.commit, Vec::new())),
            Self::MergeStrands { snapshot, changes, .. } => {
                let commits = changes.iter().map(|change| change.proposal.commit.as_str()).collect();
                Some((&snapshot.commit, commits))
            }
            Self::ReviewChange { snapshot, commit, .. } | Self::VerifyChange { snapshot, commit, .. } => {
                Some((&snapshot.commit, vec![commit]))
            }
        }
    }

    /// Whether another machine can perform it: it touches nothing of the person's, asks no model, and needs nothing of what is remembered
    /// here.
    #[must_use]
    pub fn travels(&self) -> bool {
        let asks_memory =
            matches!(self, Self::GatherContext { .. } | Self::SeekChange { rung: Rung::Memory, .. });
        matches!(self, Self::DoNothing) || (self.needs().is_some() && !asks_memory)
    }

    /// The protections that the person gave up for it, on their own machine.
    #[must_use]
    pub fn waived(&self) -> &[String] {
        match self {
            Self::MeasureBaseline { waived, .. }
            | Self::SeekChange { waived, .. }
            | Self::GatherContext { waived, .. }
            | Self::TryReply { waived, .. }
            | Self::TrySpecification { waived, .. }
            | Self::Rename { waived, .. }
            | Self::MergeStrands { waived, .. }
            | Self::VerifyChange { waived, .. } => waived,
            Self::TakeSnapshot { .. }
            | Self::SurveyProject { .. }
            | Self::AskModel { .. }
            | Self::ReviewChange { .. }
            | Self::HandOver { .. }
            | Self::DoNothing => &[],
        }
    }

    /// It as it goes to another machine: where the person's directory is says nothing there.
    #[must_use]
    pub fn packed_for_travel(&self) -> Self {
        let mut action = self.clone();
        if let Self::SurveyProject { workspace, .. } = &mut action {
            *workspace = None;
        }
        action
    }

    /// The role that performs it.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::TakeSnapshot { .. }
            | Self::SurveyProject { .. }
            | Self::MeasureBaseline { .. }
            | Self::GatherContext { .. }
            | Self::DoNothing => Role::Analyzer,
            Self::AskModel { .. } => Role::Orchestrator,
            // Where no code may change, it is another trade.
            Self::TryReply { focus, .. } if focus.aim == Aim::KeepCode => Role::Documenter,
            Self::SeekChange { .. }
            | Self::TryReply { .. }
            | Self::MergeStrands { .. }
            | Self::Rename { .. } => Role::Coder,
            Self::ReviewChange { .. } => Role::Reviewer,
            Self::VerifyChange { .. } | Self::TrySpecification { .. } => Role::Tester,
            Self::HandOver { .. } => Role::Deployer,
        }
    }
}
