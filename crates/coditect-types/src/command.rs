//! Commands: what a person asks of a mission, and the answers.

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::event::MissionStatus;
use crate::ids::{ApprovalId, AttemptId, MissionId};
use crate::limits::{Policy, Verdict};
use crate::outcome::Outcome;
use crate::workspace::WorkspaceRef;

/// What a person asks.
#[expect(clippy::large_enum_variant, reason = "seldom many alive at once; boxes would only clutter")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin a mission.
    SubmitMission {
        /// Its id, made by the shell.
        mission: MissionId,
        /// The request in plain words (at most 64 KiB).
        request: String,
        /// The person's directory.
        workspace: WorkspaceRef,
        /// How it is to be run.
        policy: Policy,
    },
    /// Begin a mission of `steps` actions that do nothing, one after the other; for benches of the ring.
    SubmitNoOps {
        /// Its id, made by the shell.
        mission: MissionId,
        /// How many.
        steps: u32,
    },
    /// Come to an end with what there is: a change that was found is still verified and handed over, and no further one
    /// is looked for.
    ConcludeMission,
    /// Answer a question that a mission asked.
    AnswerApproval {
        /// The question.
        approval: ApprovalId,
        /// The answer.
        verdict: Verdict,
        /// Who says so.
        by: String,
        /// Why, in their words; may be empty.
        #[serde(default)]
        why: String,
    },
    /// End a mission.
    CancelMission {
        /// Why, in the person's words.
        reason: String,
    },
}

/// Who performs the actions of a mission for the process that takes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// Those of a process alone: what they were at ended with it.
    Own,
    /// Those of a fleet, too: what travels goes on without the process that handed it out, and its outcome is kept.
    Fleet,
}

/// What is handed to a mission's state machine.
#[expect(clippy::large_enum_variant, reason = "handed over once and taken apart at once")]
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A person's command.
    Command(Command),
    /// The outcome of an attempt.
    Outcome {
        /// The attempt; it counts only while it is the current one of its task.
        attempt: AttemptId,
        /// What came of it.
        outcome: Outcome,
    },
    /// A process took the mission up again; what was under way before is lost, but for what these workers go on with.
    Resume(Workers),
    /// Time has passed.
    Tick,
}

/// The answer to an input that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Taken; nothing more to say.
    Taken,
    /// The mission has ended with this status.
    Ended(MissionStatus),
}

/// The answer to an input that was not taken. It is data: nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to do next.
    pub kind: ErrorKind,
    /// Why, in a sentence.
    pub cause: String,
    /// The next step for a person.
    pub hint: Option<String>,
}
