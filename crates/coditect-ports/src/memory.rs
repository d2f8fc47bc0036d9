//! Memory: what was done before in a situation like this one.

use std::fmt;

use coditect_types::{EpisodeId, TestResult};

use crate::PortError;

/// What a mission is in, as far as memory is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The person's words.
    pub request: &'a str,
    /// The project's language, as the survey names it.
    pub language: &'a str,
    /// The tests that are red.
    pub red: &'a [TestResult],
    /// The time, ms since 1970: what is long ago is less sure.
    pub now_ms: u64,
}

/// A part of a change that was accepted: some lines of a file, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEdit {
    /// The file.
    pub path: String,
    /// The lines as they were, with some around them.
    pub before: String,
    /// The same after the change.
    pub after: String,
}

/// A change that was accepted in a situation like this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    /// The episode that it was accepted in.
    pub episode: EpisodeId,
    /// What it did, in the order of its diff.
    pub edits: Vec<PastEdit>,
    /// How like the situations are, above 0 to 1.
    pub likeness: f64,
}

/// A change that was accepted before on the same directory, as an example of what is right there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The episode that it was accepted in.
    pub episode: EpisodeId,
    /// What was asked for.
    pub request: String,
    /// The change, as a unified diff.
    pub diff: String,
}

/// Remembers.
///
/// # Promises
/// - What it gives was accepted with a receipt when it was done. Nothing more: whoever uses it tests it again.
/// - The best come first, and no more than were asked for.
///
/// # May
/// Have nothing. Be called from many threads at once.
///
/// # Must not
/// Give what a person had it forget.
///
/// # When it fails
/// An error means that nothing can be known of the past just now; a mission goes on without.
pub trait Memory: fmt::Debug + Send + Sync {
    /// Changes that were accepted in the situations most like this one.
    fn recall(&self, situation: &Situation<'_>, most: usize) -> Result<Vec<Recalled>, PortError>;

    /// Small changes that were accepted on one of these directories in situations like this one. What was done elsewhere is nobody's
    /// business there.
    fn examples(
        &self,
        situation: &Situation<'_>,
        workspaces: &[String],
        most: usize,
    ) -> Result<Vec<Example>, PortError>;
}
