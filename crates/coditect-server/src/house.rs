//! What the server stands on.

pub(crate) mod graph;

use std::fmt::Debug;

use coditect_ports::{Journal, PortError};
use coditect_types::access::{Admission, Asked};
use coditect_types::fleet::{FleetView, Held};
use coditect_types::limits::Verdict;
use coditect_types::{
    ApprovalId, EpisodeId, Expectation, Figure, MissionId, Record, Refusal, TaskId, Visitor,
};
use serde::Serialize;

use self::graph::{Explored, GraphAsked};

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
    /// What it is to be called, by whoever may have to ask twice; None: a name is found for it.
    pub id: Option<MissionId>,
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

/// An episode of memory, in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recalled {
    /// Its id.
    pub id: String,
    /// The request, or what a commit says.
    pub request: String,
    /// How it ended.
    pub status: String,
    /// What was wrong, where something was accepted.
    pub explanation: String,
    /// The project's language.
    pub language: String,
    /// The person's directory.
    pub workspace: String,
    /// When it ended, ms since 1970.
    pub ended_at_ms: u64,
    /// How well it fits what was looked for; None: nothing was.
    pub score: Option<f32>,
}

/// What memory has on some words.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recollection {
    /// How many episodes there are.
    pub episodes: u64,
    /// Those that fit best, or the newest where nothing was looked for.
    pub found: Vec<Recalled>,
    /// What a person should know, a line each.
    pub findings: Vec<String>,
}

/// An episode, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its id.
    pub id: String,
    /// The mission, where its journal is still here.
    pub mission: Option<MissionId>,
    /// What is known of it, with what each is about.
    pub entries: Vec<(String, String)>,
    /// What was accepted, a unified diff; empty: nothing was.
    pub diff: String,
}

/// What the binary lends the server: the journal, words, and the way to a mission.
///
/// Every call may block, and is made on a thread where that is allowed.
pub trait House: Debug + Send + Sync {
    /// The journal, for reading. It shows what other processes write.
    fn journal(&self) -> &dyn Journal;

    /// Looks whether the journal can be read, at little cost.
    ///
    /// # Errors
    /// It cannot: why.
    fn look(&self) -> Result<(), Refusal> {
        let nobody = MissionId::from_parts(0, 0);
        let read = self.journal().read(&nobody, 1, 1);
        read.map(drop).map_err(|PortError { kind, cause, hint }| Refusal { kind, cause, hint })
    }

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

    /// Begins a mission of this visitor's on a directory in a process of its own, as `coditect run` does. Gives its id once its
    /// journal has begun; it goes on without the server.
    fn begin(&self, by: &Visitor, request: &str, dir: &str, terms: &Terms) -> Result<MissionId, Refusal>;

    /// Begins a mission of this visitor's where another one stood behind a record, as `coditect fork` does.
    fn fork(&self, by: &Visitor, of: &MissionId, at: u64, terms: &Terms) -> Result<MissionId, Refusal>;

    /// What changed between two moments of a mission, as `coditect diff` tells it.
    fn between(&self, mission: &MissionId, from: u64, to: u64) -> Result<Between, Refusal>;

    /// Two missions side by side, as `coditect compare` sets them.
    fn compare(&self, first: &MissionId, second: &MissionId) -> Result<Compared, Refusal>;

    /// The episodes of a visitor's memory that fit some words best; without words the newest.
    fn recall(&self, by: &Visitor, words: &str, most: usize) -> Result<Recollection, Refusal>;

    /// One episode of a visitor's memory, as `coditect memory show` tells it.
    fn episode(&self, by: &Visitor, id: &EpisodeId) -> Result<Told, Refusal>;

    /// Who is at work on this machine and in its fleet, and what waits; without the missions, which whoever asks may not all see.
    fn fleet(&self) -> Result<FleetView, Refusal>;

    /// The process that has a mission under way.
    fn holder(&self, mission: &MissionId) -> Option<Held>;

    /// What the knowledge graph of a mission's directory says, as the directory stands now. A visitor reaches the mission; whether they
    /// reach the directory is looked at here.
    fn explore(&self, by: &Visitor, dir: &str, asked: &GraphAsked) -> Result<Explored, Refusal>;

    /// What is sent to collectors, and what of it is not taken: figures beside those of the missions.
    fn telemetry(&self) -> Vec<Figure> {
        Vec::new()
    }

    /// Figures of what is beside missions, such as memory and the fleet's queue.
    fn gauges(&self) -> Vec<Figure> {
        Vec::new()
    }

    /// Who the person is, for answers that are kept.
    fn person(&self) -> String;

    /// Who shows this token, where users are known by tokens.
    fn admit(&self, token: &str) -> Result<Admission, Refusal>;

    /// Whether the token that let this visitor in still does.
    fn is_admitted(&self, visitor: &Visitor) -> Result<bool, Refusal>;

    /// Writes into the book what was asked of the server, and is done once the disk has it. Where that fails, it is not done.
    fn keep(&self, asked: &Asked) -> Result<(), Refusal>;
}
