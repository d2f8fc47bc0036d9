//! What a model answered becomes a change, and the tests say what it is worth. The answer is data: it names files and
//! lines, and nothing else that it says is done.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_code::languages::{Language, is_test_path};
use coditect_code::python::Listing;
use coditect_code::review::{self, Asked, Changed};
use coditect_code::sameness::where_code_differs;
use coditect_code::suite::SuiteRun;
use coditect_code::written::{self, Applied, Refused, Shown};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Work};
use coditect_types::context::{Failing, Gaps};
use coditect_types::outcome::{Evidence, Halved, HarmfulPart, Proposal, Spent};
use coditect_types::plan::Intent;
use coditect_types::{Aim, Failure, Outcome, Rung, TestReport, TestResult};

use super::by_tools::text_below;
use super::halving::{self, Breaking, Flaky};
use super::hollow::red_texts;
use super::mending::Nearly;
use super::narrow::is_in;
use super::proposing::cut;
use super::seats::Seat;
use super::sources::{self, Sources};
use super::{Case, Coder};
use crate::doubt::Doubts;
use crate::measure::{BUILD_MS, Place, selectable, stand_ins};
use crate::notices::Notices;
use crate::values;

/// How sure one can be of a change of which nothing is known but that it passes.
pub(crate) const PASSES: f64 = 0.5;
/// Red tests whose messages are told the model, and bytes of each.
const MOST_TOLD: usize = 5;
const MESSAGE_BYTES: usize = 1_000;
/// Files that one answer may ask to see.
const MOST_SHOWN: usize = 8;
/// Files that one answer may change.
const MOST_FILES: usize = 50;

/// Why a test is not changed.
const TESTS_STAY: &str = "it is a test, and tests are not changed";

/// An answer and who gave it.
pub(super) struct Reply<'a> {
    pub(super) model: &'a str,
    pub(super) text: &'a str,
    /// Files that it asked to see and that it is shown by now.
    pub(super) granted: &'a [String],
    /// Where functions were asked for: what it was not shown of each file that it was shown.
    pub(super) in_part: Option<&'a Gaps>,
}

impl Reply<'_> {
    /// What it changes.
    fn changes(&self, product: &BTreeSet<String>) -> Vec<written::Change> {
        match self.in_part {
            Some(_) => written::read_functions(self.text, product),
            None => written::read(self.text, product),
        }
    }

    /// What was shown of a file, where functions of it are answered.
    fn shown(&self, path: &str) -> Option<Shown<'_>> {
        let gaps = self.in_part.filter(|_| path.ends_with(".py"))?;
        Some(gaps.get(path).map_or(Shown::Nothing, |gaps| Shown::But(gaps)))
    }
}

/// Why an answer is no change that could be proposed.
struct Refusal {
    account: String,
    feedback: String,
    diff: String,
    halved: Option<Box<Halved>>,
}

impl Refusal {
    fn new(account: impl Into<String>, feedback: impl Into<String>) -> Self {
        Self { account: account.into(), feedback: feedback.into(), diff: String::new(), halved: None }
    }

    /// With what else was tried, in a sentence.
    fn after(self, tried: &str) -> Self {
        let account = format!("{} {tried}", self.account).trim_end().to_owned();
        Self { account, ..self }
    }
}

impl Coder {
    /// Makes an answer a change, and proves or refutes it by the whole suite.
    pub(super) fn try_reply(
        &self,
        case: &Case<'_>,
        reply: &Reply<'_>,
        work: &Work,
        spent: &mut Spent,
    ) -> Result<Outcome, Failure> {
        let notices = Notices::new(work, &*self.tools.clock);
        notices.doing(format!("reading the answer of `{}`", reply.model));
        let seat = match case.strand {
            Some(_) => self.seats.wait(&work.mission, self.tools.search_threads(), &work.stop)?,
            None => self.seats.take(&work.mission),
        };
        let view =
            self.tools.workspace.worktree(&work.mission, &case.snapshot.commit, &seat.purpose("reply"))?;
        let root = view.join(&case.project.root);
        let files = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let sources = sources::read(&root, &files, case.project, case.baseline, &[]);
        match asks_to_see(case, reply, &view, &sources) {
            Some(Ok(needs)) => return Ok(needs),
            Some(Err(refusal)) => return Ok(refused(case, refusal)),
            None => {}
        }
        let edits = match self.edits(case, reply, &view, &sources) {
            Ok(edits) => edits,
            Err(refusal) => return Ok(refused(case, refusal)),
        };
        match self.judge_edits(case, reply, (&edits, &sources), (work, &seat), spent)? {
            Ok(proposal) => {
                let hollow = self.only_for_tests(case, &proposal, &sources, (work, &seat), spent)?;
                Ok(match hollow {
                    None => Outcome::ChangeProposed { proposal, spent: Spent::default() },
                    Some(finding) => refused(case, made_for_tests(reply.model, &finding, proposal.diff)),
                })
            }
            Err(refusal) => Ok(refused(case, refusal)),
        }
    }

    /// The new content of each file that the answer changes.
    fn edits(
        &self,
        case: &Case<'_>,
        reply: &Reply<'_>,
        view: &Path,
        sources: &Sources,
    ) -> Result<Vec<FileEdit>, Refusal> {
        let product: BTreeSet<String> =
            sources.product.iter().map(|source| case.below_top(&source.path)).collect();
        let changes = reply.changes(&product);
        if changes.is_empty() {
            return Err(Refusal::new(
                format!("The answer of `{}` holds no change.", reply.model),
                "No change could be read in the answer. Name the path on a line of its own, with a fenced block below it.",
            ));
        }
        let current = |path: &str| {
            let known = sources.product.iter().find(|source| case.below_top(&source.path) == path);
            known.map(|source| source.text.clone()).or_else(|| text_below(view, path))
        };
        let Applied { files, mut refused } =
            written::apply_in_part(&changes, &current, &|path| reply.shown(path));
        // Small models like to write the tests down beside the code. What they make of them counts for nothing; what they make
        // of the code may be right.
        let (tests, files): (Vec<_>, Vec<_>) =
            files.into_iter().take(MOST_FILES).partition(|(path, _)| is_test(case.below_root(path), sources));
        if files.is_empty() {
            let of = |(path, _): (String, String)| Refused { path, why: TESTS_STAY.into() };
            refused.extend(tests.into_iter().map(of));
        } else {
            refused.retain(|refused| !is_test(case.below_root(&refused.path), sources));
        }
        if let Some(refusal) = beyond_documents(case, reply, &files, &current) {
            return Err(refusal);
        }
        let findings = looked_at(case, &files, sources, &current);
        let mut edits = Vec::new();
        for (path, text) in files {
            match may_change(case, &path, view, &product, sources) {
                Ok(()) => match sources.script.bytes(case.below_root(&path), &text) {
                    Some(content) => edits.push(FileEdit { path, content: Some(content) }),
                    None => {
                        refused.push(Refused { path, why: "its encoding has no way to write this".into() })
                    }
                },
                Err(why) => refused.push(Refused { path, why: why.to_owned() }),
            }
        }
        if let Some(first) = refused.first() {
            let account = format!(
                "Of the answer of `{}`, `{}` was not applied: {}.",
                reply.model, first.path, first.why
            );
            let told: String =
                refused.iter().map(|refused| format!("- {}: {}\n", refused.path, refused.why)).collect();
            return Err(Refusal::new(
                account,
                format!("These changes of yours could not be applied, so none was:\n{told}"),
            ));
        }
        if edits.is_empty() {
            return Err(Refusal::new(
                format!("The answer of `{}` changes nothing.", reply.model),
                match case.focus.aim.is_default() {
                    true => "Your answer leaves every file as it was, and the tests fail.",
                    false => "Your answer leaves every file as it was.",
                },
            ));
        }
        if let Some(first) = findings.first() {
            let told: String = findings.iter().map(|finding| format!("- {finding}\n")).collect();
            return Err(Refusal::new(
                format!("A change of `{}` was refused unrun: {first}.", reply.model),
                format!(
                    "A review refused this change before any test ran. Write one that does without:\n{told}"
                ),
            ));
        }
        Ok(edits)
    }

    /// Runs the whole suite on the changed tree; of a strand, its own tests before all others.
    fn judge_edits(
        &self,
        case: &Case<'_>,
        reply: &Reply<'_>,
        (edits, sources): (&[FileEdit], &Sources),
        (work, seat): (&Work, &Seat<'_>),
        spent: &mut Spent,
    ) -> Result<Result<Proposal, Refusal>, Failure> {
        let names: Vec<String> = edits.iter().map(|edit| format!("`{}`", edit.path)).collect();
        let explanation = format!("`{}` changed {}", reply.model, names.join(", "));
        let parent = &case.snapshot.commit;
        let change = self.tools.workspace.commit(&work.mission, parent, edits, &explanation)?;
        let diff = cut(change.diff.clone());
        if case.refused.contains(&diff) {
            return Ok(Err(once_more(reply.model, diff)));
        }
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing(format!("running the tests on the change of `{}`", reply.model));
        let purposes = (seat.purpose("reply"), seat.purpose("baseline"));
        let place = self.place(case, &change.commit, (&purposes.0, &purposes.1), work)?;
        spent.candidates = 1;
        let refusal = |why: String, report: &TestReport| Refusal {
            account: format!("A change of `{}` was refuted: {why}.", reply.model),
            feedback: feedback(case, report, &self.values(case, report, &place)),
            diff: diff.clone(),
            halved: None,
        };
        let imports = stand_ins(case.baseline);
        let build_ms = BUILD_MS.max(case.limits.wall_ms);
        let how = SuiteRun { build_ms, imports: &imports, ..SuiteRun::whole(case.limits) };
        if let Some(strand) = case.strand {
            let select = selectable(&strand.tests);
            let run = place.run(&SuiteRun { select, ..how.clone() }, &mut notices)?;
            spent.sandbox_runs += u64::from(run.runs);
            if let Some(why) = case.fails_of(&strand.tests, &run.report) {
                return Ok(Err(refusal(why, &run.report)));
            }
        }
        let run = place.run(&how, &mut notices)?;
        spent.sandbox_runs += u64::from(run.runs);
        let (left, mut doubts) = (case.left(), Doubts::default());
        let red = case.against(&run.report, &left, doubts.flaky());
        let was_red = |id: &String| case.baseline.red().any(|test| test.id == *id);
        if !red.is_empty() && !red.iter().any(was_red) {
            doubts.again(&red, &place, case.snapshot, case.baseline, &mut notices)?;
            spent.sandbox_runs += doubts.runs();
        }
        // What is red whatever the change is, in another order, is for the tester to tell and for a person to judge.
        let excused = doubts.excused();
        if let Some(why) = case.refuted(&run.report, &left, &excused) {
            let breaking = Breaking { edits, report: &run.report, excused: &excused, sources };
            let (part, halved) = self.halve_reply(case, &breaking, (work, seat), spent)?;
            if let Some(part) = part {
                return Ok(Ok(proposed(case, part, explanation, (doubts.flaky(), halved))));
            }
            let nearly = Nearly { model: reply.model, change: &change, edits, report: &run.report };
            let mended = self.mend_nearly(case, &nearly, (work, seat), spent)?;
            let tried = match mended {
                Ok(proposal) if !case.refused.contains(&proposal.diff) => return Ok(Ok(proposal)),
                Ok(_) => String::new(),
                Err(tried) => tried,
            };
            return Ok(Err(with_parts(refusal(why, &run.report), halved).after(&tried)));
        }
        Ok(Ok(proposed(case, change, explanation, (doubts.flaky(), None))))
    }

    /// What is known of where tests fail with a change. A small model is asked anew and not told; and where it cannot be found out, what
    /// the tests say is told without it.
    fn values(&self, case: &Case<'_>, report: &TestReport, place: &Place<'_>) -> Vec<Failing> {
        if case.rung == Rung::SmallModel || !values::can_tell(case.project) || place.work.stop.is_wanted() {
            return Vec::new();
        }
        let asked = values::Asked { project: case.project, report, limits: case.limits, waived: case.waived };
        let told = place
            .fresh()
            .map_err(Failure::from)
            .and_then(|view| values::values(&self.tools, &asked, &view, place.work));
        told.unwrap_or_else(|failure| {
            tracing::debug!(cause = %failure.cause, "values could not be asked for");
            Vec::new()
        })
    }
}

/// A change that the whole suite accepts; of a part, what was left out is named.
fn proposed(
    case: &Case<'_>,
    change: Change,
    mut explanation: String,
    (flaky, halved): (&Flaky, Option<Halved>),
) -> Proposal {
    explanation.extend(halved.as_ref().map(Halved::says));
    Proposal {
        rung: case.rung,
        commit: change.commit,
        tree: change.tree,
        diff: cut(change.diff),
        files: change.files,
        explanation,
        confidence: PASSES,
        runners_up: Vec::new(),
        evidence: Evidence {
            kind: "code that a model wrote".into(),
            flaky: flaky.clone(),
            halved,
            ..Evidence::default()
        },
    }
}

/// Tells which parts of a change break something.
fn with_parts(refusal: Refusal, halved: Option<Halved>) -> Refusal {
    let Some(halved) = halved else { return refusal };
    let first = halved.parts.first().map(HarmfulPart::says).unwrap_or_default();
    let feedback = format!(
        "The change does what the failing tests ask for, and parts of it break others. Found by trying parts of it:\n{}\n{}",
        halving::lines(&halved),
        refusal.feedback
    );
    let account = format!("{} Of its parts, {first}.", refusal.account);
    Refusal { account, feedback, halved: Some(Box::new(halved)), ..refusal }
}

/// A change that passes and does nothing else.
fn made_for_tests(model: &str, finding: &review::Finding, diff: String) -> Refusal {
    Refusal {
        account: format!("A change of `{model}` passes the tests and was refused: {finding}."),
        feedback: format!(
            "The tests pass, and the change was refused all the same: {finding}. Write code that does what is asked for \
             whatever the input is."
        ),
        diff,
        halved: None,
    }
}

/// What a review has to say of files as they are to be.
pub(super) fn looked_at(
    case: &Case<'_>,
    files: &[(String, String)],
    sources: &Sources,
    current: &dyn Fn(&str) -> Option<String>,
) -> Vec<review::Finding> {
    let before: Vec<String> = files.iter().map(|(path, _)| current(path).unwrap_or_default()).collect();
    let changes: Vec<Changed<'_>> =
        files.iter().zip(&before).map(|((path, after), before)| Changed { path, before, after }).collect();
    let tests: Vec<(&str, &str)> =
        sources.tests.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
    let red = red_texts(case.baseline, sources);
    review::review(&changes, &Asked { request: case.request, tests: &tests, red: &red })
}

/// Where no code may change: why an answer changes some.
fn beyond_documents(
    case: &Case<'_>,
    reply: &Reply<'_>,
    files: &[(String, String)],
    current: &dyn Fn(&str) -> Option<String>,
) -> Option<Refusal> {
    if case.focus.aim != Aim::KeepCode {
        return None;
    }
    let differs = |(path, after): &(String, String)| {
        let language = Language::of_path(path)?;
        let line = where_code_differs(language, &current(path).unwrap_or_default(), after)?;
        Some(format!("`{path}` has other code from line {line} on"))
    };
    let first = files.iter().find_map(differs)?;
    Some(Refusal::new(
        format!("An answer of `{}` changes code where only documents were asked for: {first}.", reply.model),
        format!(
            "{first}. Only comments, documentation strings and documents may change: every line of code stays exactly \
             as it is."
        ),
    ))
}

/// Endings of documents.
const DOCUMENTS: &[&str] = &["md", "markdown", "rst", "adoc", "txt"];

/// Whether a file is a document that this mission may change.
fn is_document(case: &Case<'_>, path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    case.focus.aim == Aim::KeepCode && !is_hidden && DOCUMENTS.contains(&ending)
}

fn refused(case: &Case<'_>, refusal: Refusal) -> Outcome {
    let Refusal { account, feedback, diff, halved } = refusal;
    let halved = halved.map(|halved| *halved);
    Outcome::ReplyRefused { rung: case.rung, account, feedback, diff, halved, spent: Spent::default() }
}

/// Whether a file below the project's root is a test.
fn is_test(below: &str, sources: &Sources) -> bool {
    is_test_path(below) || sources.tests.iter().any(|source| source.path == below)
}

/// Why a file may not be changed, if it may not.
fn may_change(
    case: &Case<'_>,
    path: &str,
    view: &Path,
    product: &BTreeSet<String>,
    sources: &Sources,
) -> Result<(), &'static str> {
    if is_outside(path) {
        return Err("it is outside of the repository");
    }
    if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err("it belongs to git");
    }
    let below = case.below_root(path);
    if is_test(below, sources) {
        return Err(TESTS_STAY);
    }
    if case
        .strand
        .is_some_and(|strand| product.contains(path) && !strand.files.iter().any(|file| file == path))
    {
        return Err(
            "it is none of the files that may be changed here: others work on it, or all need it as it is",
        );
    }
    if !case.focus.files.is_empty() && !case.focus.files.iter().any(|name| is_in(case, below, name)) {
        return Err("only the files that were named may be changed");
    }
    // A link could lead anywhere, and a directory is no file; what a tool wrote is not in the list of what may be edited.
    match std::fs::symlink_metadata(view.join(path)) {
        Ok(about) if !about.is_file() => Err("it is no plain file"),
        Ok(_) if !product.contains(path) && !is_document(case, path) => {
            Err("it is no source file that may be changed")
        }
        Ok(_) => Ok(()),
        Err(_) if is_document(case, path) => is_below_directories(view, path),
        Err(_) => {
            let known = product.iter().filter_map(|path| Language::of_path(path)).collect();
            review::why_not_new(below, &known).map_or_else(|| is_below_directories(view, path), Err)
        }
    }
}

/// Whether a path leads out of the repository, or could.
pub(crate) fn is_outside(path: &str) -> bool {
    path.starts_with(['/', '~'])
        || path.contains('\\')
        || path.split('/').any(|part| matches!(part, "" | "." | ".."))
}

/// Whether every directory on the way to a new file is one, or is not there yet.
pub(crate) fn is_below_directories(view: &Path, path: &str) -> Result<(), &'static str> {
    let mut at = view.to_owned();
    for part in path.split('/') {
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(about) if about.is_dir() => {}
            Ok(_) => return Err("a file or a link is in the way of it"),
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// An answer that holds no change and asks for files: whoever gathers is to show those that there are.
fn asks_to_see(
    case: &Case<'_>,
    reply: &Reply<'_>,
    view: &Path,
    sources: &Sources,
) -> Option<Result<Outcome, Refusal>> {
    let product: BTreeSet<String> =
        sources.product.iter().map(|source| case.below_top(&source.path)).collect();
    let asked = written::needs(reply.text);
    // What one strand asks for would change what the others are told.
    if asked.is_empty() || case.strand.is_some() || !written::read(reply.text, &product).is_empty() {
        return None;
    }
    let is_new = |path: &&String| !reply.granted.contains(path);
    let tests = || sources.tests.iter().map(|source| case.below_top(&source.path));
    // Of what is no code, prose alone: settings and data of a project may hold what no model is to see, and an answer may ask
    // for what a text of the project told it to ask for.
    let is_prose = |path: &str| is_prose(path) && !is_outside(path) && text_below(view, path).is_some();
    let is_there = |path: &&String| {
        product.contains(*path) || tests().any(|test| test == **path) || is_prose(path.as_str())
    };
    let files: Vec<String> = asked.iter().filter(is_new).filter(is_there).take(MOST_SHOWN).cloned().collect();
    if files.is_empty() {
        let named: Vec<String> = asked.iter().map(|path| format!("`{path}`")).collect();
        let (some, named) = (asked.iter().any(|path| reply.granted.contains(path)), named.join(", "));
        return Some(Err(Refusal::new(
            format!("`{}` asked to see {named} and wrote no change.", reply.model),
            match some {
                true => "What you asked to see is shown by now, as far as it is there. Write the change."
                    .to_owned(),
                false => {
                    format!(
                        "{named} is no code and no document of this repository. Write the change with what is shown."
                    )
                }
            },
        )));
    }
    let named: Vec<String> = files.iter().map(|path| format!("`{path}`")).collect();
    let why = format!("`{}` asks to see {}", reply.model, named.join(", "));
    Some(Ok(Outcome::NeedsFirst { needs: vec![Intent::GatherMore { files }], why, spent: Spent::default() }))
}

/// A document for people, by its name.
fn is_prose(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "md" | "markdown" | "rst" | "adoc") && !path.split('/').any(|part| part.starts_with('.'))
}

fn once_more(model: &str, diff: String) -> Refusal {
    let account = format!("`{model}` proposed once more what was refused before.");
    let feedback = "This is the very change that failed before. Find another way.";
    Refusal { diff, ..Refusal::new(account, feedback) }
}

/// What is told the model of a run with its change.
fn feedback(case: &Case<'_>, report: &TestReport, values: &[Failing]) -> String {
    let before: BTreeSet<&str> = case.baseline.red().map(|test| test.id.as_str()).collect();
    let left = case.left();
    let mut red: Vec<&TestResult> = report.red().filter(|test| !left.contains(&test.id)).collect();
    // What worked before says most of what the change did.
    red.sort_by_key(|test| before.contains(test.id.as_str()));
    let mut text = format!("Tests that fail with this change: {}. The first of them:\n", red.len());
    for test in red.iter().take(MOST_TOLD) {
        let was = if before.contains(test.id.as_str()) { "fails still" } else { "did not fail before" };
        let mut end = MESSAGE_BYTES.min(test.message.len());
        while !test.message.is_char_boundary(end) {
            end -= 1;
        }
        text.push_str(&format!("\n{} ({was}):\n{}\n", test.id, test.message[..end].trim()));
        let known = values.iter().filter(|failing| failing.test == test.id).flat_map(Failing::lines);
        text.extend(known.map(|line| format!("{line}\n")));
    }
    for problem in report.problems.iter().take(MOST_TOLD) {
        text.push_str(&format!("\n{problem}\n"));
    }
    text
}
