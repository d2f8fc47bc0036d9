//! Who is at work, on this machine and in a fleet, and what waits: as people and programs are told it.
//!
//! What workers say of themselves is theirs to say: it is shown, and nothing is decided by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::breaker::BreakerSeen;
use crate::ids::{AttemptId, MissionId, StrandId, TaskId};

/// Who is at work, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetView {
    /// When this was so, ms since 1970, by the clock of who looked.
    pub at_ms: u64,
    /// The machine of whoever looked; None: that is not for who asks.
    pub here: Option<Here>,
    /// The server on which missions and workers meet, without what is secret; None: none is named, so that there is no fleet.
    pub server: Option<String>,
    /// Why nothing is known of the fleet, where a server is named.
    pub trouble: Option<String>,
    /// Workers, by their names.
    pub workers: Vec<WorkerSeen>,
    /// How often others were heard, for whom there was no room.
    pub more_workers: u64,
    /// What waits for them; None: nothing was ever handed out on that server, or that is not for who asks.
    pub queue: Option<OrderQueue>,
    /// Missions that have not ended, the newest first.
    pub missions: Vec<UnderWay>,
    /// Older ones that are not told one by one.
    pub more_missions: u64,
    /// What did not answer the machine of whoever looked, and is left alone where that was several times in a row; none: that is not for
    /// who asks.
    #[serde(default)]
    pub breakers: Vec<BreakerSeen>,
}

/// A machine on which missions are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// Its name.
    pub machine: String,
    /// Cores that a process may use: so many agents are at work in a mission where its policy names no other number.
    pub cores: u64,
    /// Whether missions that are begun here hand actions to workers, as the person's settings say.
    pub hands_out: bool,
}

/// How a worker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStanding {
    /// It was heard lately.
    #[default]
    Here,
    /// It takes no more orders, and ends once those that it has are done.
    Leaving,
    /// It said that it is there, has not said so for a while, and did not take its leave.
    Silent,
}

impl WorkerStanding {
    /// Its name, as JSON has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Leaving => "leaving",
            Self::Silent => "silent",
        }
    }
}

/// A worker, as it was heard last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSeen {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: WorkerStanding,
    /// The roles that its agents fill.
    pub roles: Vec<String>,
    /// Orders that it performs at the same time at most.
    pub slots: u64,
    /// Orders that it is performing; None: that is not for who asks.
    pub busy: Option<u64>,
    /// Its version.
    pub version: String,
    /// When it was heard last, ms since 1970, by the clock of who heard it.
    pub heard_at_ms: u64,
    /// What it is performing, as far as it says so: an older one does not.
    pub jobs: Vec<Job>,
}

/// An order that a worker is performing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Whose it is.
    pub mission: MissionId,
    /// The task.
    pub task: TaskId,
    /// The try at it.
    pub attempt: AttemptId,
    /// The role that performs it.
    pub role: String,
    /// When it was taken, ms since 1970, by the worker's clock.
    pub since_ms: u64,
}

/// The orders of a fleet that are not done yet, and how many were given up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderQueue {
    /// Orders that no worker has taken yet.
    pub waiting: u64,
    /// When the oldest of these was handed out, ms since 1970, by the server's clock.
    pub waiting_since_ms: Option<u64>,
    /// Orders that a worker has taken and has not let go of.
    pub under_way: u64,
    /// Those of them that were handed out again, since a worker was silent or handed them back.
    pub again: u64,
    /// When the oldest order of all was handed out, ms since 1970, by the server's clock.
    pub since_ms: Option<u64>,
    /// Orders, waiting and under way, by role.
    pub by_role: BTreeMap<String, u64>,
    /// Dead letters: orders that no worker could read, or that nobody survived. Each ended an attempt as failed, and is kept for two weeks.
    #[serde(default)]
    pub dead: u64,
}

/// A mission that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// Its id.
    pub mission: MissionId,
    /// The process that has it. None: none has, as far as one knows from here.
    pub held: Option<Held>,
    /// Agents that it lets work at the same time; 0: as many as the machine has cores.
    pub agents: u32,
    /// What is at work in it, as its journal has it.
    pub tasks: Vec<TaskAtWork>,
    /// Models that it asked.
    pub models: Vec<ModelAsked>,
    /// Files that one of its strands alone may change.
    #[serde(default)]
    pub leases: Vec<Lease>,
}

/// The files that a strand of a mission alone may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The strand.
    pub strand: StrandId,
    /// The files, below the snapshot's top.
    pub files: Vec<String>,
}

/// A process that has a mission under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its number, where that is known.
    pub process: Option<u32>,
    /// Its machine, where that is another one.
    pub machine: Option<String>,
}

/// A task that an agent is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAtWork {
    /// The task.
    pub task: TaskId,
    /// The agent's role.
    pub role: String,
    /// What it is for.
    pub intent: String,
    /// The worker that says that it performs it.
    pub worker: Option<String>,
}

/// How a model answered one mission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAsked {
    /// The model.
    pub model: String,
    /// Calls.
    pub calls: u64,
    /// Calls that it did not answer.
    pub failed: u64,
    /// Calls of which nobody knows whether it answered: the process ended.
    pub lost: u64,
}
