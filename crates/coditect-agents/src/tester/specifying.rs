//! Tests that a model wrote from a request become a part of the snapshot, if they show what is lacking: they are found by
//! the suite's own command, red as the code is, and leave every other test as it was.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_code::languages::{Language, is_test_path};
use coditect_code::python::Listing;
use coditect_code::review::{self, Asked, Changed};
use coditect_code::suite::{BUILD, SuiteRun};
use coditect_code::written::{self, Applied};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Work};
use coditect_types::outcome::{Evidence, Proposal, Spent};
use coditect_types::{Failure, Limits, Outcome, Project, Rung, Snapshot, TestReport, TestResult, TestStatus};

use super::Tester;
use crate::coder::by_tools::text_below;
use crate::coder::proposing::cut;
use crate::coder::replying::{PASSES, is_below_directories, is_outside};
use crate::coder::sources::{self, Sources};
use crate::measure::{BUILD_MS, Place, stand_ins};
use crate::notices::Notices;
use crate::paths::{below_root, below_top};

/// Files of tests that one answer may hold.
const MOST_FILES: usize = 8;
/// Bytes of a message that are told.
const MESSAGE_BYTES: usize = 1_000;
/// Tests that are told by name.
const MOST_TOLD: usize = 5;

/// What is to be specified, and by which answer.
pub(super) struct Specify<'a> {
    pub(super) rung: Rung,
    pub(super) model: &'a str,
    pub(super) reply: &'a str,
    pub(super) request: &'a str,
    pub(super) snapshot: &'a Snapshot,
    pub(super) project: &'a Project,
    pub(super) baseline: &'a TestReport,
    /// They are all that is asked for, and are to pass.
    pub(super) as_it_is: bool,
    pub(super) limits: &'a Limits,
    pub(super) waived: &'a [String],
}

/// Why an answer holds no tests that could be worked by.
struct Refusal {
    account: String,
    feedback: String,
}

impl Refusal {
    fn new(account: impl Into<String>, feedback: impl Into<String>) -> Self {
        Self { account: account.into(), feedback: feedback.into() }
    }
}

impl Tester {
    /// Adds the tests of an answer to the snapshot, and sees that they show what is lacking.
    pub(super) fn specify(
        &self,
        of: &Specify<'_>,
        work: &Work,
        spent: &mut Spent,
    ) -> Result<Outcome, Failure> {
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing(format!("reading the tests that `{}` wrote", of.model));
        let workspace = &self.tools.workspace;
        let view = workspace.worktree(&work.mission, &of.snapshot.commit, "specify")?;
        let root = view.join(&of.project.root);
        let files = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let sources = sources::read(&root, &files, of.project, of.baseline, &[]);
        let edits = match of.edits(&view, &sources) {
            Ok(edits) => edits,
            Err(refusal) => return Ok(of.refused(refusal)),
        };
        let parent = &of.snapshot.commit;
        let change =
            workspace.commit(&work.mission, parent, &edits, "Add tests that show what is asked for")?;
        notices.doing("running the suite with the new tests");
        let place = Place {
            tools: &self.tools,
            work,
            commit: &change.commit,
            purpose: "specify",
            unchanged: "baseline",
            patience: None,
            project: of.project,
            sandbox: self.tools.sandbox(of.project.tier)?,
            limits: of.limits,
            waived: of.waived,
        };
        let imports = stand_ins(of.baseline);
        let build_ms = BUILD_MS.max(of.limits.wall_ms);
        let how = SuiteRun { build_ms, imports: &imports, ..SuiteRun::whole(of.limits) };
        let run = place.run(&how, &mut notices)?;
        spent.sandbox_runs += u64::from(run.runs);
        if of.as_it_is {
            return Ok(of.added(change, &run.report));
        }
        match of.red(&run.report) {
            Ok(tests) => Ok(Outcome::SpecificationWritten {
                model: of.model.to_owned(),
                snapshot: Snapshot {
                    commit: change.commit,
                    tree: change.tree,
                    files: of.snapshot.files
                        + change.files.iter().filter(|file| file.removed == 0).count() as u64,
                    ..of.snapshot.clone()
                },
                tests,
                files: change.files,
                diff: cut(change.diff),
                spent: Spent::default(),
            }),
            Err(refusal) => Ok(of.refused(refusal)),
        }
    }
}

impl Specify<'_> {
    fn refused(&self, refusal: Refusal) -> Outcome {
        let Refusal { account, feedback } = refusal;
        let (rung, spent) = (self.rung, Spent::default());
        Outcome::ReplyRefused { rung, account, feedback, diff: String::new(), halved: None, spent }
    }

    /// The files of tests that the answer adds, or adds to. Code that stands beside them is passed over.
    fn edits(&self, view: &Path, sources: &Sources) -> Result<Vec<FileEdit>, Refusal> {
        let known: BTreeSet<String> = sources
            .tests
            .iter()
            .chain(&sources.product)
            .map(|source| below_top(self.project, &source.path))
            .collect();
        let current = |path: &str| text_below(view, path);
        let Applied { files, refused } = written::apply(&written::read(self.reply, &known), &current);
        let (tests, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(path, _)| is_test_path(below_root(self.project, path)));
        if tests.is_empty() {
            let why = match (refused.first(), others.first()) {
                (Some(first), _) => format!("`{}` was not applied: {}", first.path, first.why),
                (None, Some((path, _))) => format!("`{path}` is no file of tests by its name"),
                (None, None) => "it holds no file".to_owned(),
            };
            return Err(Refusal::new(
                format!("The answer of `{}` holds no tests: {why}.", self.model),
                format!(
                    "No tests could be read in your answer: {why}. Name the file as tests of this project are named."
                ),
            ));
        }
        let mut edits = Vec::new();
        for (path, text) in tests.into_iter().take(MOST_FILES) {
            let before = current(&path);
            if let Some(why) = self.why_not(&path, &text, before.as_deref(), view, sources) {
                return Err(Refusal::new(
                    format!("The tests of `{}` were refused: `{path}` {why}.", self.model),
                    format!("`{path}` {why}. Write the tests again without that."),
                ));
            }
            edits.push(FileEdit { path, content: Some(text.into_bytes()) });
        }
        Ok(edits)
    }

    /// Why a file of tests is not taken, if it is not.
    fn why_not(
        &self,
        path: &str,
        text: &str,
        before: Option<&str>,
        view: &Path,
        sources: &Sources,
    ) -> Option<String> {
        if is_outside(path) {
            return Some("is outside of the repository".into());
        }
        match before {
            Some(before) if !keeps_lines(before, text) => {
                return Some("takes away lines of tests that are there".into());
            }
            Some(_) => {}
            None => {
                let all = sources.tests.iter().chain(&sources.product);
                let languages = all.filter_map(|source| Language::of_path(&source.path)).collect();
                if let Some(why) = review::why_not_new(below_root(self.project, path), &languages) {
                    return Some(format!("may not be added: {why}"));
                }
                if let Err(why) = is_below_directories(view, path) {
                    return Some(format!("may not be added: {why}"));
                }
            }
        }
        if !parses(path, text) {
            return Some("has a syntax error".into());
        }
        let changed = [Changed { path, before: before.unwrap_or_default(), after: text }];
        let tests: Vec<(&str, &str)> =
            sources.tests.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
        let found = review::review_tests(&changed, &Asked { request: self.request, tests: &tests, red: &[] });
        found.first().map(|finding| format!("was refused by a review: {finding}"))
    }

    /// The tests that were not there before.
    fn fresh<'r>(&self, report: &'r TestReport) -> Vec<&'r TestResult> {
        let known: BTreeSet<&str> = self.baseline.tests.iter().map(|test| test.id.as_str()).collect();
        report.tests.iter().filter(|test| !known.contains(test.id.as_str())).collect()
    }

    /// Tests that are all that was asked for, as a change; or why they are none: all must pass, as all others do.
    fn added(&self, change: Change, report: &TestReport) -> Outcome {
        let fresh = self.fresh(report);
        let red: Vec<&&TestResult> = fresh.iter().filter(|test| test.status.is_red()).collect();
        if let Some(first) = red.first() {
            let told: String = red
                .iter()
                .take(MOST_TOLD)
                .map(|test| format!("\n{}:\n{}\n", test.id, clipped(&test.message)))
                .collect();
            return self.refused(Refusal::new(
                format!("A test of `{}` does not pass on the code as it is: `{}`.", self.model, first.id),
                format!(
                    "The code is right, and these tests of yours do not pass on it. Expect what the code does, or leave \
                     them out:\n{told}"
                ),
            ));
        }
        if let Err(refusal) = self.undisturbed(report, true) {
            return self.refused(refusal);
        }
        let passing = fresh.iter().filter(|test| test.status == TestStatus::Passed).count();
        if passing == 0 {
            return self.refused(self.not_found());
        }
        let names: Vec<String> = change.files.iter().map(|file| format!("`{}`", file.path)).collect();
        let tests = if passing == 1 { "a test".to_owned() } else { format!("{passing} tests") };
        let proposal = Proposal {
            rung: self.rung,
            commit: change.commit,
            tree: change.tree,
            diff: cut(change.diff),
            files: change.files,
            explanation: format!("`{}` added {tests} in {}", self.model, names.join(", ")),
            confidence: PASSES,
            runners_up: Vec::new(),
            evidence: Evidence { kind: "tests that a model wrote".into(), ..Evidence::default() },
        };
        Outcome::ChangeProposed { proposal, spent: Spent::default() }
    }

    /// The new tests that are red, where nothing else changed.
    fn red(&self, report: &TestReport) -> Result<Vec<String>, Refusal> {
        let fresh = || self.fresh(report).into_iter();
        let red: Vec<String> =
            fresh().filter(|test| test.status.is_red()).map(|test| test.id.clone()).collect();
        self.undisturbed(report, !red.iter().any(|id| id == BUILD))?;
        if !red.is_empty() {
            return Ok(red);
        }
        let passing: Vec<&str> = fresh().map(|test| test.id.as_str()).take(MOST_TOLD).collect();
        Err(match passing.first() {
            Some(first) => Refusal::new(
                format!(
                    "The tests of `{}` pass as the code is (`{first}`), so they show nothing.",
                    self.model
                ),
                format!(
                    "Your tests pass already: {}. Write tests of what the request asks for and the code does not do yet.",
                    passing.join(", ")
                ),
            ),
            None => self.not_found(),
        })
    }

    /// The suite's own command does not find the tests.
    fn not_found(&self) -> Refusal {
        let command = self.project.command.join(" ");
        let known: Vec<&str> =
            self.baseline.tests.iter().take(MOST_TOLD).map(|test| test.id.as_str()).collect();
        Refusal::new(
            format!("`{command}` does not find the tests of `{}`.", self.model),
            format!(
                "`{command}` does not find your tests. Name the file and its tests as those that are there: {}.",
                known.join(", ")
            ),
        )
    }

    /// Every test that passed before passes beside the new ones, as far as anything was built.
    fn undisturbed(&self, report: &TestReport, is_built: bool) -> Result<(), Refusal> {
        let ends = |id: &str| report.tests.iter().find(|test| test.id == id).map(|test| test.status);
        let was_green =
            |test: &&TestResult| test.status == TestStatus::Passed && test.passes_of_runs.is_none();
        let broken: Vec<&str> = self
            .baseline
            .tests
            .iter()
            .filter(was_green)
            .map(|test| test.id.as_str())
            .filter(|id| is_built && ends(id) != Some(TestStatus::Passed))
            .collect();
        if let Some(first) = broken.first() {
            return Err(Refusal::new(
                format!("The tests of `{}` disturb others: `{first}` does not pass beside them.", self.model),
                format!(
                    "With your tests, {} that passed before does not: {first}. They must not touch others.",
                    broken.len()
                ),
            ));
        }
        Ok(())
    }
}

/// The beginning of a message.
fn clipped(message: &str) -> &str {
    let message = message.trim();
    let mut end = MESSAGE_BYTES.min(message.len());
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

/// Whether every line of `before` stands in `after`, in order.
fn keeps_lines(before: &str, after: &str) -> bool {
    let mut left = after.lines().map(str::trim_end);
    before
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .all(|line| left.any(|other| other == line))
}

/// Whether a file of a known language has no syntax error.
fn parses(path: &str, text: &str) -> bool {
    let Some(mut syntax) = Language::of_path(path).and_then(Language::syntax) else { return true };
    syntax.parse(text).is_none_or(|tree| !tree.root_node().has_error())
}

#[cfg(test)]
mod tests {
    use super::{keeps_lines, parses};

    #[test]
    fn lines_may_be_added_and_not_taken_away() {
        let before = "def test_a():\n    assert a()\n";
        assert!(keeps_lines(
            before,
            "import b\n\n\ndef test_a():\n    assert a()\n\n\ndef test_b():\n    assert b()\n"
        ));
        assert!(!keeps_lines(before, "def test_a():\n    pass\n"));
        assert!(!keeps_lines(before, "    assert a()\ndef test_a():\n"));
    }

    #[test]
    fn what_does_not_parse_is_no_test() {
        assert!(parses("test_a.py", "def test_a():\n    assert True\n"));
        assert!(!parses("test_a.py", "def test_a(:\n    assert True\n"));
        assert!(parses("notes.txt", "anything ("));
    }
}
