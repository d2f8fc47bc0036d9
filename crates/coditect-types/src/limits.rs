//! What may be spent: by one run in a sandbox, and by a whole mission.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::UserName;
use crate::focus::{Delivery, Focus};
use crate::model::ModelSpec;
use crate::project::ReportSource;
use crate::receipt::Rung;
use crate::sandbox::Tier;

/// Limits of one run in a sandbox. Every one is enforced or the tier says that it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Wall clock of the whole run, ms; the process tree is killed at its end.
    pub wall_ms: u64,
    /// Memory of the run, bytes.
    pub memory_bytes: u64,
    /// Output kept of each of stdout and stderr, bytes; the rest is counted and dropped.
    pub output_bytes: u64,
    /// Processes and threads alive at once (OS tier).
    pub processes: u32,
    /// Largest file that may be written, bytes (OS tier).
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_ms: 60_000,
            memory_bytes: 1 << 30,
            output_bytes: 1 << 20,
            processes: 256,
            file_bytes: 1 << 30,
        }
    }
}

/// How long one call of a model may take. Each limit ends the call by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CallLimits {
    /// Until the connection stands, ms.
    pub connect_ms: u64,
    /// Until the first byte of the answer, ms: a model without a graphics card reads a long prompt for minutes.
    pub first_byte_ms: u64,
    /// Between two bytes of the answer, ms.
    pub idle_ms: u64,
    /// The whole call, ms.
    pub wall_ms: u64,
    /// The answer, bytes.
    pub reply_bytes: u64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            first_byte_ms: 300_000,
            idle_ms: 60_000,
            wall_ms: 600_000,
            reply_bytes: 1 << 20,
        }
    }
}

/// What one mission may spend, over all its attempts. Reaching one ends it with `over_limit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Wall clock of the mission while it runs, ms.
    pub wall_ms: u64,
    /// Wall clock of the search for a change, ms.
    pub search_ms: u64,
    /// Candidates that may be tried.
    pub candidates: u64,
    /// Calls of a language model.
    pub model_calls: u64,
    /// Tokens of models, of prompts and answers together.
    pub tokens: u64,
    /// Money for models, millionths of a US dollar.
    pub micro_usd: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            wall_ms: 1_800_000,
            search_ms: 300_000,
            candidates: 1_000_000,
            model_calls: 50,
            tokens: 1_000_000,
            micro_usd: 1_000_000,
        }
    }
}

/// When a contradicted expectation is acted on. Per cent of its confidence, see `violation.found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Thresholds {
    /// Below this it is told and nothing else.
    pub ignore_below: u8,
    /// From this on a change is given up for it. Between the two a person is asked.
    pub act_from: u8,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { ignore_below: 20, act_from: 80 }
    }
}

/// A person's answer to a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The work goes on as if nothing had been found.
    Approved,
    /// What was found counts.
    #[default]
    Denied,
}

/// How long a person is waited for, and what counts where none answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Approvals {
    /// How long a question waits, ms. 0: nobody is asked.
    pub wait_ms: u64,
    /// What counts where nobody answered.
    pub otherwise: Verdict,
}

/// What earlier missions on the same directory have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct History {
    /// Attempts that ended, and those of them that failed by themselves.
    pub attempts: (u32, u32),
    /// Missions that ended with a proof, on this directory or others: what memory has.
    pub episodes: u32,
    /// Tests that passed and failed on one tree: times each passed, times it ran.
    pub unsteady: BTreeMap<String, (u32, u32)>,
    /// What models came to, by name and by the aim of the work: missions in which one answered, and those of them that its change was
    /// proved in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, BTreeMap<String, (u32, u32)>>,
}

/// How a mission is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Policy {
    /// The user whose mission it is, where it was begun through a door that several people use; None: the person's whose
    /// machine it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Limits of each run of the test suite.
    pub suite: Limits,
    /// The budget of the whole mission.
    pub budget: Budget,
    /// Where code runs: by itself (WASM, else OS), or one tier only.
    pub sandbox: SandboxChoice,
    /// A named protection that the person gave up (`--allow-weak network`, ...); empty by default.
    pub waived: Vec<String>,
    /// The models that may be asked, in this order; none: no request leaves the machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelSpec>,
    /// The rungs of the ladder that may be stood on; none named: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<Rung>,
    /// The test command, where the person gave one (program first).
    pub test_command: Option<Vec<String>>,
    /// Where that command leaves its results test by test, where the person said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportSource>,
    /// Agents at work at the same time; 0 = as many as the machine has cores.
    pub agents: u32,
    /// Makes searches repeat: the same seed tries the same candidates in the same order.
    pub seed: u64,
    /// What the search is narrowed to.
    #[serde(skip_serializing_if = "is_default")]
    pub focus: Focus,
    /// In which form a change is handed over.
    #[serde(skip_serializing_if = "is_default")]
    pub delivery: Delivery,
    /// When a contradicted expectation is acted on.
    #[serde(skip_serializing_if = "is_default")]
    pub thresholds: Thresholds,
    /// How long a person is waited for.
    #[serde(skip_serializing_if = "is_default")]
    pub approvals: Approvals,
    /// What was known when the mission began.
    #[serde(skip_serializing_if = "is_default")]
    pub history: History,
}

impl Policy {
    /// Whether changes may be looked for on this rung.
    #[must_use]
    pub fn allows(&self, rung: Rung) -> bool {
        self.rungs.is_empty() || self.rungs.contains(&rung)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxChoice {
    /// The strongest tier that can host the project.
    #[default]
    Auto,
    /// This tier or none.
    Only(Tier),
}
