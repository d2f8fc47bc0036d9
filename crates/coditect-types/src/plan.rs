//! A plan: tasks, what each is for, and what is expected of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::focus::Aim;
use crate::ids::{StageId, StrandId, TaskId};
use crate::receipt::Rung;

/// The role of an agent; an agent offers one or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Layer 1 itself, which alone asks models.
    Orchestrator,
    /// Finds out: snapshot, project, failing tests, suspicious lines.
    Analyzer,
    /// Looks for a change.
    Coder,
    /// Writes comments and documents, and no code.
    Documenter,
    /// Looks at a change before it is proved: what it reaches for, what it leaves behind, what nobody asked for.
    Reviewer,
    /// Verifies a change on the merged tree.
    Tester,
    /// Hands the result over.
    Deployer,
}

impl Role {
    /// Its name, for people and for subjects of messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Analyzer => "analyzer",
            Self::Coder => "coder",
            Self::Documenter => "documenter",
            Self::Reviewer => "reviewer",
            Self::Tester => "tester",
            Self::Deployer => "deployer",
        }
    }
}

/// What a task is to achieve, before anyone has said how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "intent", rename_all = "snake_case")]
pub enum Intent {
    /// Keep what the person sees, so that work can start from it.
    TakeSnapshot,
    /// Find the project kind and how its tests are run.
    SurveyProject,
    /// Run the whole suite on the snapshot, and map red tests to suspicious lines.
    MeasureBaseline,
    /// Find a change that turns the red tests green, on this rung.
    TurnTestsGreen {
        /// The rung to look on.
        rung: Rung,
    },
    /// Gather what a model must know of the project.
    GatherContext,
    /// The same, with these files whole.
    GatherMore {
        /// Paths below the snapshot's top.
        files: Vec<String>,
    },
    /// Ask a model how the request divides into stages.
    AskForPlan {
        /// The model's name in the mission's policy.
        model: String,
    },
    /// Ask a model for a change.
    AskModel {
        /// The model's name in the mission's policy.
        model: String,
    },
    /// Ask a model for tests that show what is asked for, where none does.
    AskForTests {
        /// The model's name in the mission's policy.
        model: String,
    },
    /// Make what the model answered tests: red ones on the snapshot, beside which all others stay as they are.
    TrySpecification {
        /// The rung on which the model stands.
        rung: Rung,
    },
    /// Make what the model answered a change, and see what the tests say of it.
    TryReply {
        /// The rung on which the model stands.
        rung: Rung,
    },
    /// Make one change of those that the strands stand for.
    MergeStrands,
    /// Replace a name by another one wherever it stands, by rule and without a model.
    Rename,
    /// Look at a change that a model wrote, all of it together.
    ReviewChange,
    /// Run the whole suite on the changed tree and write the receipt.
    VerifyChange,
    /// Give the change to the person: a branch, or a patch file.
    HandOver,
    /// Nothing at all, for benches of the ring.
    DoNothing,
}

impl Intent {
    /// The model that it asks, if it asks one.
    #[must_use]
    pub fn asks_model(&self) -> Option<&str> {
        match self {
            Self::AskForPlan { model } | Self::AskModel { model } | Self::AskForTests { model } => {
                Some(model)
            }
            Self::TakeSnapshot
            | Self::SurveyProject
            | Self::MeasureBaseline
            | Self::TurnTestsGreen { .. }
            | Self::GatherContext
            | Self::GatherMore { .. }
            | Self::TrySpecification { .. }
            | Self::TryReply { .. }
            | Self::MergeStrands
            | Self::Rename
            | Self::ReviewChange
            | Self::VerifyChange
            | Self::HandOver
            | Self::DoNothing => None,
        }
    }
}

/// What the world model predicts of an action before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "expect", rename_all = "snake_case")]
pub enum Expectation {
    /// The action ends without an error of its own.
    Succeeds {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// These tests end green.
    TestsTurnGreen {
        /// Test ids.
        tests: Vec<String>,
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// Every test that was green stays green.
    TestsStayGreen {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// No test is missing that was there before.
    NoTestVanishes {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// No file of the tests is changed.
    TestFilesUntouched {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// A test ends alike each time that it is run on the same tree, whichever others ran before it.
    TestsAreSteady {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// What the tests need is there, and no two of them contradict each other.
    TestsCanBeMet {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// The person's directory is what it was when the snapshot was taken.
    WorkspaceStays {
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
    /// It ends within this time.
    EndsWithin {
        /// Wall clock, ms.
        ms: u64,
        /// Probability that it holds, 0 to 1.
        probability: f64,
    },
}

/// A task as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSpec {
    /// Its id.
    pub id: TaskId,
    /// The role that can do it.
    pub role: Role,
    /// What it is to achieve.
    pub intent: Intent,
    /// Tasks that must be done before it starts.
    pub needs: Vec<TaskId>,
    /// The strand that it is for; None: all of the mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strand: Option<StrandId>,
    /// The task whose agent delegated it: that one waits for it, and it does not outlive that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
}

/// A part of a mission's work that needs no file which another part needs: models are asked for it, and their answers
/// judged, beside the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Strand {
    /// Its id.
    pub id: StrandId,
    /// The red tests that it is to turn green.
    pub tests: Vec<String>,
    /// Its lease: the files, below the snapshot's top, that it alone may change.
    pub files: Vec<String>,
}

/// A part of a request that asks for several things: it is carried out and verified by itself, on the tree of the stages
/// before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Its id.
    pub id: StageId,
    /// What it is to do, in words.
    pub what: String,
    /// What a change is to be that does it.
    pub aim: Aim,
    /// Files that it is likely to touch, below the snapshot's top; new ones among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// How one sees that it is done, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub accept: String,
    /// Stages that must be done before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StageId>,
}
