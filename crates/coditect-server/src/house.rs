//! What the server stands on.

use std::fmt::Debug;

use coditect_ports::Journal;
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, Expectation, MissionId, Record, Refusal, TaskId};
use serde::Serialize;

/// A sentence of a mission's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The task that it is about, if one.
    pub task: Option<TaskId>,
    /// What it tells: `asked`, `planned`, `expected`, `seen`, `decided` or `ended`.
    pub tells: &'static str,
    /// The sentence.
    pub text: String,
}

/// How a mission that a person begins is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The model that may be asked, by name; empty: as the person's settings say, or as the other mission.
    pub model: String,
    /// Time for the whole mission, s; None: as there.
    pub budget_s: Option<u64>,
    /// Seed of the search; None: as there.
    pub seed: Option<u64>,
}

/// What was known of one thing at two moments, or in two missions; None: nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// What it is about.
    pub label: String,
    /// The one and the other.
    pub texts: [Option<String>; 2],
}

/// What is otherwise at one moment of a mission than at another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// What is known otherwise.
    pub known: Vec<Both>,
    /// A unified diff of the files; None: they are not here, or there are none yet.
    pub diff: Option<String>,
}

/// Two missions side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What each says of the same thing.
    pub rows: Vec<Both>,
    /// The last record that they have in common; 0: they never were one.
    pub parted: u64,
    /// The way of each behind that, a line a step.
    pub paths: [Vec<String>; 2],
}

/// What the binary lends the server: the journal, words, and the way to a mission.
///
/// Every call may block, and is made on a thread where that is allowed.
pub trait House: Debug + Send + Sync {
    /// The journal, for reading. It shows what other processes write.
    fn journal(&self) -> &dyn Journal;

    /// What a person should know of the journal's files, a line each; none: it is whole.
    fn findings(&self) -> Vec<String>;

    /// Whether a process has the mission under way.
    fn is_running(&self, mission: &MissionId) -> bool;

    /// What a record tells, in the words of the command line.
    fn story(&self, record: &Record) -> Vec<Sentence>;

    /// An expectation, as the end of "it was expected that".
    fn expectation(&self, expectation: &Expectation) -> String;

    /// Ends a mission, as `coditect cancel` does. Gives what came of it, in a sentence.
    fn cancel(&self, mission: &MissionId, reason: String) -> Result<String, Refusal>;

    /// Answers a question, as `coditect approve` and `coditect deny` do. Gives what came of it, in a sentence.
    fn answer(
        &self,
        mission: &MissionId,
        approval: ApprovalId,
        verdict: Verdict,
        by: String,
        why: String,
    ) -> Result<String, Refusal>;

    /// Begins a mission on a directory in a process of its own, as `coditect run` does. Gives its id once its journal has
    /// begun; it goes on without the server.
    fn begin(&self, request: &str, dir: &str, terms: &Terms) -> Result<MissionId, Refusal>;

    /// Begins a mission where another one stood behind a record, as `coditect fork` does.
    fn fork(&self, of: &MissionId, at: u64, terms: &Terms) -> Result<MissionId, Refusal>;

    /// What changed between two moments of a mission, as `coditect diff` tells it.
    fn between(&self, mission: &MissionId, from: u64, to: u64) -> Result<Between, Refusal>;

    /// Two missions side by side, as `coditect compare` sets them.
    fn compare(&self, first: &MissionId, second: &MissionId) -> Result<Compared, Refusal>;

    /// Who the person is, for answers that are kept.
    fn person(&self) -> String;
}
