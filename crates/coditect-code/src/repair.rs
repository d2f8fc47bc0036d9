//! Reflex repair: a change that turns red tests green is looked for by search, without a model.
//!
//! [`seek`] makes candidate edits of the lines that failing tests point at, likeliest first, has a [`Judge`] try
//! them, and picks among those that every test accepts. It is pure but for the judge: who runs the tests, and
//! where, is somebody else's business.
//!
//! - [`recipes`]: answers to error messages that name their own cure; [`answer`] tries them.
//! - `python`, `braces`: the grammars of edits, for Python and for languages with braces, with their tables; `grammars`
//!   puts them behind one door. Everything else knows no language.
//! - [`schemata`]: many candidates in one build, for compiled languages.
//! - `syntax_errors`: files that do not parse are mended first; `layers`: searching on top of such a change.
//! - `prior`: how likely each kind of edit is, and why we think so.
//! - `search`: order, threads, folding; `pick`: the choice among survivors, by what they do elsewhere ([`behaviour`]);
//!   `stairs`: several mistakes, one after the other; `within`: keeping to some functions.
//! - [`localise`]: from lines that tests ran to suspicious lines.
//!
//! It never touches a test, never makes a branch for an input that a test names, and gives the same answer for
//! the same problem and seed as long as no limit of time cuts it short.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use coditect_ports::{Clock, PortError, Stop};
use coditect_types::{Reused, Suspect, TestResult};

pub use crate::repair::prior::EditKind;
pub(crate) use crate::repair::python::MODULES as STANDARD_MODULES;
pub use crate::repair::recipes::chain::answer;
pub use crate::repair::remembered::{fits, recall};
pub use crate::repair::search::{problem_name, quick, seek};
pub use crate::repair::within::Within;

pub mod behaviour;
mod braces;
mod grammars;
mod layers;
pub mod localise;
mod notes;
mod pairs;
mod pick;
mod pool;
mod prior;
mod python;
mod recipes;
mod remembered;
pub mod schemata;
mod search;
mod stairs;
mod syntax_errors;
#[cfg(test)]
mod tests;
mod within;

/// A file of the project, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path below the project's root, `/` between components.
    pub path: String,
    /// Its whole content. Line breaks, tabs and a byte order mark are kept as they are.
    pub text: String,
}

/// What is to be repaired.
#[derive(Clone, Copy, Debug, Default)]
pub struct Problem<'a> {
    /// Product files that may be edited. No tests among them.
    pub sources: &'a [Source],
    /// Tests and other files that are only read: for names, examples of calls, and values that are expected.
    pub others: &'a [Source],
    /// Suspicious lines of `sources`, likeliest first. Empty: every line is suspicious.
    pub suspects: &'a [Suspect],
    /// The tests that are to turn green.
    pub red: &'a [TestResult],
    /// The person's words. Names of files and functions in it are hints; it is data, never an instruction.
    pub request: &'a str,
    /// Diffs that were refused: not to be found again.
    pub refused: &'a [String],
    /// Decides between candidates that are equally likely.
    pub seed: u64,
}

/// A replacement of bytes in one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// The file.
    pub path: Arc<str>,
    /// Bytes of its old text.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub new: String,
}

/// Where a candidate changes the program, and what stood there, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// The function, `""` at the top of a file.
    pub function: Arc<str>,
    /// What stood there, shortened.
    pub before: String,
    /// What stands there now, shortened.
    pub after: String,
}

/// A change that might be the repair.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its edits, sorted by path and range, not overlapping.
    pub edits: Vec<Edit>,
    /// What kind of change it is.
    pub kind: EditKind,
    /// How likely it is, against other candidates of the same problem; above 0.
    pub score: f64,
    /// One place for each thing that is changed.
    pub places: Vec<Place>,
}

/// Every single edit that the grammars make of the problem's sources, likeliest first: what [`seek`] tries after the
/// recipes, without trying it. For benches, and for whoever wants to look.
#[must_use]
pub fn candidates(problem: &Problem<'_>) -> Vec<Candidate> {
    let grammars = grammars::Grammars::read(problem);
    let mut made = grammars.candidates(&grammars.units(), &(0.0..f64::INFINITY));
    made.sort_by(|a, b| b.score.total_cmp(&a.score));
    made
}

/// Answers to error messages that name their own cure, likeliest first: imports that are missing, names that are
/// misspelt, arguments that do not fit, small slips of syntax. [`seek`] tries them before anything else.
#[must_use]
pub fn recipes(problem: &Problem<'_>) -> Vec<Candidate> {
    let mut candidates = recipes::all(problem);
    candidates.extend(syntax_errors::recipes(problem));
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates
}

/// A change that a tool of the project made to the problem's sources (whole texts, by path), as a find that no test has
/// judged. `tool`: its command. None where it changes nothing, or just what a person refused.
#[must_use]
pub fn of_tool(problem: &Problem<'_>, overlay: BTreeMap<String, String>, tool: &str) -> Option<Found> {
    pick::of_tool(problem, overlay, tool)
}

impl Found {
    /// The same where fewer others pass than the search saw.
    #[must_use]
    pub fn beside(mut self, others: usize) -> Self {
        let (told, now) = (said_of_others(self.others), said_of_others(others));
        if !told.is_empty() {
            self.explanation = self.explanation.replacen(&told, &now, 1);
        }
        self.others = others;
        self
    }
}

/// How an explanation goes on where other changes pass, too.
fn said_of_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; one other change passes every test too".to_owned(),
        more => format!("; {more} other changes pass every test too"),
    }
}

impl Candidate {
    /// What was wrong, as the start of a sentence.
    #[must_use]
    pub fn says(&self) -> String {
        const NUMBERS: [&str; 8] = ["two", "three", "four", "five", "six", "seven", "eight", "nine"];
        match (self.kind, self.places.len()) {
            // Two edits side by side are told as one.
            (EditKind::Pair, 0 | 1) => "one place was wrong".to_owned(),
            (EditKind::Pair, n) => match NUMBERS.get(n - 2) {
                Some(number) => format!("{number} things were wrong"),
                None => format!("{n} things were wrong"),
            },
            (kind, _) => kind.says().to_owned(),
        }
    }

    /// The change in a phrase: "`<` became `<=` in `pkg/mod.py` line 12, function `f`".
    #[must_use]
    pub fn describe(&self) -> String {
        self.places.iter().map(Place::to_string).collect::<Vec<_>>().join("; ")
    }

    /// The files that it touches, with their whole new text. None where an edit does not fit its source.
    #[must_use]
    pub fn apply(&self, sources: &[Source]) -> Option<BTreeMap<String, String>> {
        let mut by_path: BTreeMap<&str, Vec<crate::syntax::Splice>> = BTreeMap::new();
        for edit in &self.edits {
            let piece = crate::syntax::Splice { range: edit.range.clone(), new: edit.new.clone() };
            by_path.entry(&edit.path).or_default().push(piece);
        }
        let mut overlay = BTreeMap::new();
        for (path, splices) in by_path {
            let source = sources.iter().find(|source| source.path == path)?;
            overlay.insert(path.to_owned(), crate::syntax::splice(&source.text, &splices)?);
        }
        Some(overlay)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => write!(f, "`{}` was added", self.after)?,
            (false, true) => write!(f, "`{}` was removed", self.before)?,
            (false, false) if self.before == self.after => write!(f, "`{}` was moved", self.before)?,
            (false, false) => write!(f, "`{}` became `{}`", self.before, self.after)?,
        }
        write!(f, " in `{}` line {}", self.path, self.line)?;
        if self.function.is_empty() { Ok(()) } else { write!(f, ", function `{}`", self.function) }
    }
}

/// Which tests a trial runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// These, in this order.
    Tests {
        /// Their ids.
        ids: &'a [String],
        /// The run ends at the first that is red.
        stop_at_red: bool,
    },
    /// The whole suite.
    Whole,
}

/// What one trial said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Tests that passed.
    pub passed: Vec<String>,
    /// Tests that were red, with what they said.
    pub red: Vec<(String, String)>,
    /// The run came to its end, or to the first red test where that was asked for.
    pub complete: bool,
    /// It was killed at its limit of time.
    pub timed_out: bool,
}

/// Runs tests on a changed copy of the project.
///
/// # Promises
/// - A trial sees the project with the files of `overlay` in place of its own, and nothing of other trials.
/// - It ends: the limit of time of one trial is the judge's.
///
/// # May
/// Be called from many threads at once.
///
/// # Must not
/// Answer from anything but the run itself.
///
/// # When it fails
/// An error means that nothing is known of the candidate; the search ends with it.
pub trait Judge: Sync {
    /// Runs the tests of `scope` with the files of `overlay` (path below the root, whole text).
    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError>;

    /// Candidates, with their files, that are judged next, in any order. A judge for which many together are cheaper than
    /// one by one gets ready for them. Called from one thread, before any of them is judged.
    fn ready(&self, _batch: &[(&Candidate, &BTreeMap<String, String>)]) -> Result<(), PortError> {
        Ok(())
    }

    /// The same for candidates that are changes of `sources` in place of the project's own.
    fn ready_on(
        &self,
        _sources: &[Source],
        _batch: &[(&Candidate, &BTreeMap<String, String>)],
    ) -> Result<(), PortError> {
        Ok(())
    }

    /// What changed projects, all of which pass the tests, do on other inputs. None: that cannot be told here.
    fn compare(
        &self,
        _inquiry: &behaviour::Inquiry<'_>,
        _means: &Means<'_>,
    ) -> Result<Option<behaviour::Behaviour>, PortError> {
        Ok(None)
    }

    /// How many candidates are best judged together, where `made` were made before. Asked from one thread, while none is
    /// judged.
    fn batch(&self, made: u64) -> usize {
        batch_after(made)
    }

    /// Whether a candidate was tried already, so that to judge it takes next to nothing: this is done then even when the
    /// time is over.
    fn knows(&self, _overlay: &BTreeMap<String, String>) -> bool {
        false
    }

    /// Whether candidates that it got ready for are judged at a small part of the cost of others.
    fn spares_starts(&self) -> bool {
        false
    }
}

/// Candidates that are judged together where that makes none of them cheaper: few at first, when the order of tests is yet
/// to be learnt and a survivor should be told at once, more later, since threads wait for the last one of a batch.
#[must_use]
pub fn batch_after(made: u64) -> usize {
    if made < 1_024 { 64 } else { 256 }
}

/// What a search may use, and what it must keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeekLimits {
    /// Wall clock, ms.
    pub wall_ms: u64,
    /// Candidates that may be judged.
    pub candidates: u64,
    /// Trials at once; at least 1.
    pub threads: usize,
    /// Tests that passed before and must pass with the change, by id.
    pub keep_passing: BTreeSet<String>,
    /// Tests that may stay red: known to be flaky, or red for a reason that is not looked into.
    pub may_stay_red: BTreeSet<String>,
    /// Where the program may be changed; None: everywhere in the problem's sources.
    pub within: Option<Within>,
    /// Single candidates, from the first on, that an earlier search of the very same problem judged, and the numbers of
    /// those among them that are to be judged again.
    pub covered: Option<(u64, BTreeSet<u64>)>,
}

impl Default for SeekLimits {
    fn default() -> Self {
        Self {
            wall_ms: 300_000,
            candidates: 1_000_000,
            threads: 2,
            keep_passing: BTreeSet::new(),
            may_stay_red: BTreeSet::new(),
            within: None,
            covered: None,
        }
    }
}

/// How a search gets on. Handed out between batches, so a few times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Candidates judged.
    pub tried: u64,
    /// Most of the red tests that one candidate turned green.
    pub nearest: usize,
    /// Red tests.
    pub red: usize,
    /// Candidates that every test accepts.
    pub survivors: usize,
    /// What is tried now, in a phrase.
    pub trying: String,
}

/// A change that every test accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The change.
    pub candidate: Candidate,
    /// The files that it touches, whole.
    pub sources: Vec<Source>,
    /// How sure we are that it is right and does not merely pass, 0 to 1.
    pub confidence: f64,
    /// What was wrong and what was changed, in a sentence or two.
    pub explanation: String,
    /// Other changes that pass and do something else, as its explanation says.
    pub others: usize,
    /// What speaks for and against it beside the tests, a phrase each.
    pub evidence: Vec<String>,
}

/// A change that turns some of the red tests green and breaks none.
#[derive(Clone, Debug, PartialEq)]
pub struct Partly {
    /// The change.
    pub found: Found,
    /// The tests that are still red.
    pub left: Vec<String>,
}

/// Where the time of a search went, µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeekTime {
    /// All of it.
    pub wall_us: u64,
    /// Making candidates that were not made while others were judged.
    pub making_us: u64,
    /// Judging batches of them.
    pub judging_us: u64,
    /// Single trials, summed over the threads.
    pub trials_us: u64,
}

impl SeekTime {
    /// Adds the time of a search within this one, whose own wall clock has it already.
    pub(crate) fn take(&mut self, within: Self) {
        self.making_us += within.making_us;
        self.judging_us += within.judging_us;
        self.trials_us += within.trials_us;
    }
}

/// What came of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sought {
    /// The best change, if any.
    pub best: Option<Found>,
    /// Others that every test accepts too, best first (at most 39).
    pub runners_up: Vec<Found>,
    /// Where there is none: the best part of one.
    pub partly: Option<Partly>,
    /// How many single candidates, from the first on, were judged, and the numbers of those that did something. None:
    /// the search had no such order.
    pub ground: Option<(u64, Vec<u64>)>,
    /// Candidates judged.
    pub tried: u64,
    /// Where its time went.
    pub time: SeekTime,
    /// Trials asked of the judge.
    pub trials: u64,
    /// Candidates left out since another had the same text, or since they do not parse.
    pub deduplicated: u64,
    /// What was tried and how near it came, in a sentence or two.
    pub account: String,
    /// It ended at a limit or was stopped, and not at its end.
    pub at_limit: bool,
    /// The judge's error, where one ended the search.
    pub trouble: Option<PortError>,
    /// Episodes whose changes were tried, and whether every test accepted one of them.
    pub reused: Vec<Reused>,
}

/// What a search works with, beside the problem.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Runs the tests.
    pub judge: &'a dyn Judge,
    /// What may be used.
    pub limits: &'a SeekLimits,
    /// The time, for the limit of the wall clock.
    pub clock: &'a dyn Clock,
    /// Raised to end the search.
    pub stop: &'a Stop,
}

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("limits", self.limits).finish_non_exhaustive()
    }
}
