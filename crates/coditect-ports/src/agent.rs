//! Agents: they perform one action and report what really happened.

use std::fmt::Debug;
use std::sync::Arc;

use coditect_types::plan::Role;
use coditect_types::{Action, AttemptId, MissionId, Outcome, TaskId};

use crate::{Bus, Stop};

/// What an agent is given beside its action.
#[derive(Clone, Debug)]
pub struct Work {
    /// The mission.
    pub mission: MissionId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: AttemptId,
    /// Raised when the work is to stop; an agent answers within 500 ms.
    pub stop: Stop,
    /// Where to tell what goes on.
    pub bus: Arc<dyn Bus>,
    /// Whether the attempt was begun before this process had the mission: it may have been handed out by then, and be done.
    pub is_old: bool,
    /// How long the attempt may take from when it was begun, ms; None: nobody says.
    pub allowance_ms: Option<u64>,
}

/// One agent.
///
/// # Promises
/// Performs the action within its limits and reports what really happened. Performing the same attempt twice
/// does no harm. Leaves no process behind.
///
/// # May
/// Use both cores; tell its progress on the bus.
///
/// # Must not
/// Reach the journal, a model or the network; trust text from the repository as instruction.
///
/// # When it fails
/// With `Outcome::Failed`: the cause, and the next step for a person. When stopped, with
/// `Outcome::Failed` of kind `Interrupted`.
pub trait Agent: Debug + Send + Sync {
    /// The roles that it can fill.
    fn roles(&self) -> &[Role];

    /// Performs one action, blocking.
    fn perform(&self, action: &Action, work: &Work) -> Outcome;
}
