//! Events: immutable facts in the journal. All state is a fold over them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::error::ErrorKind;
use crate::ids::{ApprovalId, AttemptId, MissionId, StageId, TaskId};
use crate::limits::{Policy, Verdict};
use crate::outcome::Outcome;
use crate::plan::{Expectation, Stage, Strand, TaskSpec};
use crate::receipt::{Ledger, Receipt};
use crate::workspace::WorkspaceRef;

/// How a mission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissionStatus {
    /// A receipt newer than the last edit shows every test green (of a search that was narrowed to some tests: those,
    /// and none of the others worse than before).
    Verified,
    /// A receipt shows that the change turned some of the red tests green and broke none; others are still red.
    PartlyVerified,
    /// There is a result, and nothing that could prove it.
    Unverified,
    /// It could not be done.
    Failed,
    /// It cannot go on without a person (a model, a decision).
    NeedsPerson,
    /// A budget or limit was reached.
    OverLimit,
    /// A person ended it.
    Cancelled,
}

impl MissionStatus {
    /// The exit code that tells it to a calling program.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::PartlyVerified | Self::Unverified | Self::Failed => 1,
            Self::NeedsPerson => 3,
            Self::OverLimit => 4,
            Self::Cancelled => 130,
        }
    }
}

/// Kinds of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// A test did not end as expected.
    TestExpectation,
    /// A test that existed is gone.
    VanishedTest,
    /// A file changed that must not.
    UnexpectedFileChange,
    /// A review found a reason not to take a change.
    Objection,
    /// A part of a change breaks what was green, while the rest does what it is for.
    HarmfulPart,
    /// The same work on the same tree ends the same way again and again.
    Stuck,
    /// An action took longer than it may.
    Timeout,
    /// An action ended with an error of its own.
    ActionFailed,
    /// An outcome came for an attempt that is no longer current.
    LateOutcome,
    /// A test ends now so and now so on the same tree, or otherwise beside others than alone.
    UnsteadyTest,
    /// What is needed is not there: the network, a module, a program, a setting, a right.
    Environment,
    /// A limit of memory, time, disk or output was reached.
    Resource,
    /// An outcome of another kind than the action calls for.
    OffContract,
    /// An agent did not answer by its deadline, or broke.
    AgentSilent,
    /// Two tests ask for what cannot both be.
    SpecificationConflict,
    /// The person changed their files while the mission was at work.
    ConcurrentChange,
    /// Evidence is not of the tree that it is to speak for.
    ReceiptStale,
    /// A process of the tests was killed from outside while they ran.
    ProcessKilled,
}

/// Why an expectation was contradicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A test that passes and fails on the same tree.
    Flaky,
    /// A test whose end depends on which others ran before it.
    OrderDependent,
    /// A change that does something else than it is to do.
    WrongChange,
    /// A test that asks for something that is not so.
    WrongTest,
    /// Something that is missing or other around the project.
    Environment,
    /// Somebody else changed the same files meanwhile.
    ConcurrentChange,
    /// Too little time, memory, disk or room for output.
    Resource,
    /// A part of CODITECT itself, or what it stands on, gave way.
    Infrastructure,
    /// Two demands that cannot both be met.
    SpecificationConflict,
    /// Attempts go in a circle: nothing that is tried changes anything.
    Stuck,
    /// Nobody knows.
    Unknown,
}

/// The end of an investigation: why something is not as it was expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Why.
    pub cause: Cause,
    /// What shows it, in a phrase.
    pub evidence: String,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Runs of tests that were made to find out.
    #[serde(default)]
    pub runs: u32,
}

/// What is done about a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Kept in the journal, nothing else.
    Ignore,
    /// The same action again.
    Retry,
    /// A person decides between the two: what follows waits for them.
    Ask,
    /// Another way is planned.
    Replan,
    /// The mission ends.
    Stop,
}

/// Where a fork begins, and how it is run from there on. Its records up to there are those of the mission that it was forked
/// from, word for word but for the id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fork {
    /// The mission that it was forked from.
    pub from: MissionId,
    /// The number of the last record that both have.
    pub at_seq: u64,
    /// When it was forked, ms since 1970.
    pub at_ms: u64,
    /// How it is run from there on.
    pub policy: Policy,
}

/// A fact about one mission.
#[expect(clippy::large_enum_variant, reason = "seldom many alive at once; boxes would only clutter")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    /// A mission began.
    #[serde(rename = "mission.submitted")]
    MissionSubmitted {
        /// Its id; `id` on the wire, since the record around it has `mission` already.
        #[serde(rename = "id")]
        mission: MissionId,
        /// The request in the person's words.
        request: String,
        /// The person's directory.
        workspace: WorkspaceRef,
        /// How it is run.
        policy: Policy,
        /// Set in a mission that was forked from another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fork: Option<Box<Fork>>,
    },
    /// The part that a fork shares with the mission that it was forked from is over: from here on it is run as the fork says.
    /// What was under way at that moment starts again under new attempts.
    #[serde(rename = "mission.forked")]
    MissionForked {
        /// As in the submission: a fork of a fork has several of these, and each says whose it is.
        fork: Box<Fork>,
    },
    /// The mission goes on after its process had stopped. Attempts that were running in it then are lost: their
    /// tasks start again under new attempts. Those that workers of a fleet go on with are not, and stay under way.
    #[serde(rename = "mission.resumed")]
    MissionResumed {
        /// The attempts that were lost.
        lost: Vec<AttemptId>,
    },
    /// A person wants what there is: no further change is looked for.
    #[serde(rename = "mission.concluding")]
    MissionConcluding {},
    /// The planner made or extended the plan.
    #[serde(rename = "plan.made")]
    PlanMade {
        /// The tasks that were added.
        tasks: Vec<TaskSpec>,
        /// The rule or reason, in a sentence.
        reason: String,
        /// The strands that the work falls into from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        strands: Vec<Strand>,
    },
    /// The request asks for several things, which are carried out one after the other: the first of them begins.
    #[serde(rename = "stages.planned")]
    StagesPlanned {
        /// The stages, each behind those that it needs.
        stages: Vec<Stage>,
        /// Who divided the request so, in a sentence.
        reason: String,
    },
    /// A stage came to its end, and the next one begins: on its tree where it was done. Stages that need one which failed
    /// are dropped.
    #[serde(rename = "stage.ended")]
    StageEnded {
        /// The stage.
        stage: StageId,
        /// How.
        end: TaskEnd,
        /// What came of it, in a sentence or two.
        why: String,
        /// Its commit, on which the next stage works, where it has a change that was proved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// An agent was given a task.
    #[serde(rename = "attempt.started")]
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: AttemptId,
        /// The task's intent made concrete. Derived from state; kept as a name, not as a copy.
        action: String,
        /// What is expected of it.
        expectations: Vec<Expectation>,
        /// When it must have ended, ms since 1970.
        deadline_ms: u64,
    },
    /// An attempt ended.
    #[serde(rename = "attempt.ended")]
    AttemptEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: AttemptId,
        /// What came of it.
        outcome: Outcome,
    },
    /// An outcome came too late or twice and changed nothing.
    #[serde(rename = "outcome.ignored")]
    OutcomeIgnored {
        /// The attempt that it was for.
        attempt: AttemptId,
        /// Why it does not count.
        reason: String,
    },
    /// An expectation was contradicted by an observation.
    #[serde(rename = "violation.found")]
    ViolationFound {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: AttemptId,
        /// Its kind.
        kind: ViolationKind,
        /// What was expected.
        expected: String,
        /// What was observed.
        observed: String,
        /// How sure it is that something is wrong, 0 to 1.
        confidence: f64,
        /// What is done about it.
        response: Response,
        /// Why it is so, as far as is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Diagnosis>,
    },
    /// A violation that may be none, and that much depends on: what follows waits for a person.
    #[serde(rename = "approval.asked")]
    ApprovalAsked {
        /// The question.
        approval: ApprovalId,
        /// The task that waits.
        task: TaskId,
        /// Its attempt that gave cause for it.
        attempt: AttemptId,
        /// The kind of violation.
        kind: ViolationKind,
        /// What was expected.
        expected: String,
        /// What was observed.
        observed: String,
        /// How sure it is that something is wrong, 0 to 1.
        confidence: f64,
        /// When the question is answered by itself, ms since 1970.
        until_ms: u64,
    },
    /// A question was answered.
    #[serde(rename = "approval.given")]
    ApprovalGiven {
        /// The question.
        approval: ApprovalId,
        /// The answer.
        verdict: Verdict,
        /// Who gave it. None: nobody did in time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// A task came to its end.
    #[serde(rename = "task.settled")]
    TaskSettled {
        /// The task.
        task: TaskId,
        /// How.
        end: TaskEnd,
        /// Why, where it was not done.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// The mission came to its end.
    #[serde(rename = "mission.completed")]
    MissionCompleted {
        /// How.
        status: MissionStatus,
        /// What happened, in one to three sentences.
        summary: String,
        /// What kind of trouble ended it, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<ErrorKind>,
        /// The next step for a person, if there is one.
        hint: Option<String>,
        /// What limits the result, a line each (flaky tests, no tests, ...).
        caveats: Vec<String>,
        /// The branch that was handed over.
        branch: Option<String>,
        /// The commit on it.
        commit: Option<String>,
        /// The patch file, for a directory without git.
        patch: Option<String>,
        /// The evidence.
        receipt: Option<Receipt>,
        /// The cost.
        ledger: Ledger,
        /// From submission to here, ms.
        wall_ms: u64,
    },
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// It achieved its intent.
    Done,
    /// It did not.
    Failed,
    /// It is no longer needed.
    Dropped,
}

/// An event in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The mission.
    pub mission: MissionId,
    /// Its number within the mission, from 1, without gaps.
    pub seq: u64,
    /// When it was decided, ms since 1970.
    pub at_ms: u64,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}

/// An effect: what the shell is to have under way for a state. Derived, never stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have an agent perform this action.
    PerformAction {
        /// The attempt: idempotency key and fencing token.
        attempt: AttemptId,
        /// Its task.
        task: TaskId,
        /// What to do.
        action: Arc<Action>,
        /// When it was begun, ms since 1970.
        started_ms: u64,
        /// When it must have ended, ms since 1970.
        deadline_ms: u64,
        /// It is to come to an end with what it has.
        hurry: bool,
    },
    /// Hand in a tick at this time, ms since 1970.
    ArmTimer {
        /// When.
        at_ms: u64,
    },
}

#[cfg(test)]
mod tests;
