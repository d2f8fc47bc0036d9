//! A change that turns the red tests green and breaks others is not given up whole: parts of it are tried, until it is known
//! which hunks break what, and whether the rest does what the change is for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use coditect_code::halves::{self, FileChange, Halves, Parted, Seen};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Stop, Work};
use coditect_types::outcome::{Halved, HarmfulPart, Spent};
use coditect_types::{Failure, TestReport};

use super::replying::looked_at;
use super::seats::Seat;
use super::sources::Sources;
use super::{Case, Coder, On};
use crate::measure::{selectable, stands_for_others};
use crate::notices::Notices;

/// Parts of one change that are tried at most.
const MOST_RUNS: u32 = 24;
/// Places that are told of what is left out.
const MOST_PLACES: usize = 24;
/// Harmful parts that are told, and tests of each.
const MOST_PARTS: usize = 8;
const MOST_TESTS: usize = 5;
/// What is written on a commit that nobody is handed.
const MESSAGE: &str = "a part of a change";

/// Tests that are red or did not end as they should: passes, runs.
pub(super) type Flaky = BTreeMap<String, (u32, u32)>;

/// What a change is for, and what it breaks.
pub(super) struct Aims {
    /// The red tests that it turns green.
    wanted: Vec<String>,
    /// Tests that were green and are red with it.
    broken: Vec<String>,
}

impl Aims {
    /// None: it does not do what it is for, or breaks nothing that could be looked for.
    pub(super) fn of(case: &Case<'_>, report: &TestReport, left: &[String], flaky: &Flaky) -> Option<Self> {
        if !case.focus.aim.is_default() {
            return None;
        }
        let wanted = case.left_by(left);
        let broken = case.against(report, left, flaky);
        let does = !wanted.is_empty() && case.fails_of(&wanted, report).is_none();
        (does && !broken.is_empty()).then_some(Self { wanted, broken })
    }

    /// The same for tests that are known already. What is wanted is not broken: it was red before.
    pub(super) fn new(wanted: Vec<String>, mut broken: Vec<String>) -> Option<Self> {
        broken.retain(|id| !wanted.contains(id));
        (!wanted.is_empty() && !broken.is_empty()).then_some(Self { wanted, broken })
    }

    /// The tests that are run for each part; None: all of them.
    pub(super) fn asked(&self) -> Vec<String> {
        self.wanted.iter().chain(&self.broken).cloned().collect()
    }

    /// How a part ends. What is not known to be red is not known to be broken: where nothing can be built, nothing is.
    fn seen(&self, case: &Case<'_>, report: &TestReport) -> Seen {
        let red: BTreeSet<&str> = report.red().map(|test| test.id.as_str()).collect();
        let is_red = |id: &&String| red.contains(id.as_str());
        let breaks: Vec<String> = self.broken.iter().filter(is_red).cloned().collect();
        let named: Vec<String> = self.broken.iter().filter(|id| !stands_for_others(id)).cloned().collect();
        let does = case.fails_of(&self.wanted, report).is_none();
        let passes = does && breaks.is_empty() && case.fails_of(&named, report).is_none();
        Seen { does, breaks, passes }
    }
}

/// Tries parts of a change: `run` makes one and runs the tests that are asked about it.
pub(super) fn halve(
    case: &Case<'_>,
    (parted, aims): (&Parted, &Aims),
    (within, stop): (Duration, &Stop),
    run: &mut dyn FnMut(&[FileChange]) -> Result<TestReport, Failure>,
) -> Result<(Option<Vec<FileChange>>, Halved), Failure> {
    let (began, mut runs) = (Instant::now(), 0);
    let mut look = |part: &[usize]| -> Result<Option<Seen>, Failure> {
        if runs >= MOST_RUNS || began.elapsed() >= within || stop.is_wanted() {
            return Ok(None);
        }
        runs += 1;
        Ok(Some(aims.seen(case, &run(&parted.with(part))?)))
    };
    let found = halves::halve(parted.len(), &aims.broken, &mut look)?;
    let part = found.part.as_ref().map(|part| parted.with(part));
    let is_out = |hunk: &usize| found.part.as_ref().is_some_and(|part| !part.contains(hunk));
    let left_out = (0..parted.len()).filter(is_out).filter_map(|hunk| parted.place(hunk)).take(MOST_PLACES);
    Ok((part, Halved { parts: told(parted, &found), left_out: left_out.collect(), runs }))
}

/// What does harm, in words.
fn told(parted: &Parted, found: &Halves) -> Vec<HarmfulPart> {
    let part = |(hunks, breaks): &(Vec<usize>, Vec<String>)| HarmfulPart {
        places: hunks.iter().take(MOST_PARTS).filter_map(|hunk| parted.place(*hunk)).collect(),
        text: hunks.iter().take(2).map(|hunk| parted.text(*hunk)).collect(),
        breaks: breaks.iter().take(MOST_TESTS).cloned().collect(),
    };
    found.harmful.iter().take(MOST_PARTS).map(part).collect()
}

/// What a halving says, a line each.
pub(super) fn lines(halved: &Halved) -> String {
    halved.parts.iter().map(|part| format!("- {}:\n{}", part.says(), part.text)).collect()
}

/// An answer that does what it is for and breaks something.
pub(super) struct Breaking<'a> {
    pub(super) edits: &'a [FileEdit],
    pub(super) report: &'a TestReport,
    /// Tests that say nothing against it.
    pub(super) excused: &'a Flaky,
    pub(super) sources: &'a Sources,
}

impl Coder {
    /// Looks for the part of an answer that passes, and proves it by the whole suite.
    pub(super) fn halve_reply(
        &self,
        case: &Case<'_>,
        breaking: &Breaking<'_>,
        (work, seat): (&Work, &Seat<'_>),
        spent: &mut Spent,
    ) -> Result<(Option<Change>, Option<Halved>), Failure> {
        let left = case.left();
        let nothing = Ok((None, None));
        if case.halving.is_zero() || work.stop.is_wanted() {
            return nothing;
        }
        let Some(aims) = Aims::of(case, breaking.report, &left, breaking.excused) else { return nothing };
        let parted = Parted::of(self.before_and_after(case, breaking.edits, (work, seat))?);
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing("looking for the part of the change that breaks what was green");
        let asked = aims.asked();
        let mut runs = 0;
        let mut run = |files: &[FileChange]| {
            let change = self.commit_part(case, files, MESSAGE, work)?;
            let on = On { commit: &change.commit, purpose: "reply", select: selectable(&asked) };
            self.run_on(case, &on, (work, seat), &mut runs, &mut notices)
        };
        let (part, mut halved) = halve(case, (&parted, &aims), (case.halving, &work.stop), &mut run)?;
        let mut proved = None;
        if let Some(files) = part.filter(|files| passes_review(case, files, breaking.sources)) {
            notices.doing("proving what is left of the change by the whole suite");
            let change = self.commit_part(case, &files, "what is left of a change", work)?;
            let on = On { commit: &change.commit, purpose: "reply", select: None };
            let report = self.run_on(case, &on, (work, seat), &mut runs, &mut notices)?;
            let is_new = !case.refused.contains(&super::proposing::cut(change.diff.clone()));
            if is_new && case.refuted(&report, &left, breaking.excused).is_none() {
                proved = Some(change);
            }
        }
        spent.sandbox_runs += runs;
        spent.candidates += u64::from(halved.runs);
        if proved.is_none() {
            halved.left_out.clear();
        }
        let says = !halved.parts.is_empty() || proved.is_some();
        Ok((proved, Some(halved).filter(|_| says)))
    }

    /// Each file of a change as it was and as it is to be.
    fn before_and_after(
        &self,
        case: &Case<'_>,
        edits: &[FileEdit],
        (work, seat): (&Work, &Seat<'_>),
    ) -> Result<Vec<FileChange>, PortError> {
        let view =
            self.tools.workspace.worktree(&work.mission, &case.snapshot.commit, &seat.purpose("reply"))?;
        let file = |edit: &FileEdit| FileChange {
            path: edit.path.clone(),
            before: bytes_below(&view, &edit.path),
            after: edit.content.clone(),
        };
        Ok(edits.iter().map(file).collect())
    }

    /// The files that two commits have otherwise, as they are in each.
    pub(super) fn between(
        &self,
        (before, after): (&str, &str),
        paths: &[String],
        (work, purpose): (&Work, &str),
    ) -> Result<Vec<FileChange>, PortError> {
        let read = |commit: &str| -> Result<Vec<Option<Vec<u8>>>, PortError> {
            let view = self.tools.workspace.worktree(&work.mission, commit, purpose)?;
            Ok(paths.iter().map(|path| bytes_below(&view, path)).collect())
        };
        let (before, after) = (read(before)?, read(after)?);
        let files = paths.iter().zip(before.into_iter().zip(after));
        Ok(files
            .map(|(path, (before, after))| FileChange { path: path.clone(), before, after })
            .filter(|file| file.before != file.after)
            .collect())
    }

    /// A part of a change as a commit on the snapshot.
    pub(super) fn commit_part(
        &self,
        case: &Case<'_>,
        files: &[FileChange],
        message: &str,
        work: &Work,
    ) -> Result<Change, PortError> {
        let edit = |file: &FileChange| FileEdit { path: file.path.clone(), content: file.after.clone() };
        let edits: Vec<FileEdit> = files.iter().map(edit).collect();
        self.tools.workspace.commit(&work.mission, &case.snapshot.commit, &edits, message)
    }
}

/// A review has nothing against a part, either.
fn passes_review(case: &Case<'_>, files: &[FileChange], sources: &Sources) -> bool {
    let text = |bytes: &Option<Vec<u8>>| {
        bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    };
    let after: Vec<(String, String)> =
        files.iter().map(|file| (file.path.clone(), text(&file.after))).collect();
    let current = |path: &str| files.iter().find(|file| file.path == path).map(|file| text(&file.before));
    looked_at(case, &after, sources, &current).is_empty()
}

fn bytes_below(top: &Path, path: &str) -> Option<Vec<u8>> {
    let place = top.join(path);
    let is_file = std::fs::symlink_metadata(&place).is_ok_and(|about| about.is_file());
    is_file.then(|| std::fs::read(place).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_is_for_is_nothing_that_it_breaks() {
        let ids = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
        let aims = Aims::new(ids(&["a", "b"]), ids(&["b", "c"])).unwrap();
        assert_eq!((&aims.broken, aims.asked()), (&ids(&["c"]), ids(&["a", "b", "c"])));
        assert!(Aims::new(ids(&["a"]), ids(&["a"])).is_none());
        assert!(Aims::new(Vec::new(), ids(&["a"])).is_none());
    }
}
