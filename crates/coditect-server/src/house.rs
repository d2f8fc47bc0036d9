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

    /// Who the person is, for answers that are kept.
    fn person(&self) -> String;
}
