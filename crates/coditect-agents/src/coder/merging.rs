//! The changes of strands become one change, in the order of the strands. The tester's run of the suite on it is its proof;
//! where that contradicts it, the change that does not go with those before it is looked for by halving. The part of it that
//! does go with them stays, if there is one that its own tests accept; else it is left out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use coditect_code::halves::{FileChange, Parted};
use coditect_ports::Work;
use coditect_ports::workspace::Change;
use coditect_types::action::StrandChange;
use coditect_types::outcome::{Evidence, Halved, LeftOut, Proposal, Spent};
use coditect_types::{Failure, Outcome, TestReport, TestResult, TestStatus};

use super::halving::{self, Aims};
use super::proposing::cut;
use super::seats::Seat;
use super::{Case, Coder, On, is_flaky};
use crate::measure::selectable;
use crate::notices::Notices;

/// Changes that are told one by one.
const TOLD: usize = 5;
/// What is written on a commit that nobody is handed.
const MESSAGE: &str = "the changes of the strands";

/// Changes of strands and what is known of all of them together.
pub(super) struct Train<'a> {
    pub(super) changes: &'a [StrandChange],
    /// The suite contradicted them: the tests that were red, where they are known by name.
    pub(super) contradicted: Option<&'a [String]>,
}

impl Coder {
    /// Makes one change of them.
    pub(super) fn merge(
        &self,
        case: &Case<'_>,
        train: &Train<'_>,
        work: &Work,
        spent: &mut Spent,
    ) -> Result<Outcome, Failure> {
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing(format!("putting {} changes together", train.changes.len()));
        let seat = self.seats.take(&work.mission);
        let mut standing: Vec<StrandChange> = train.changes.to_vec();
        let mut left_out = Vec::new();
        let mut change = self.put_together(case, &mut standing, &mut left_out, work)?;
        if let Some(red) = train.contradicted {
            notices.doing("looking for the change that does not go with the others");
            let mut trial = Trial {
                coder: self,
                case,
                red,
                work,
                seat: &seat,
                notices: &mut notices,
                spent,
                halving: Duration::ZERO,
            };
            let mut parted = BTreeSet::new();
            while let Some((place, against)) = trial.culprit(&standing)? {
                let whole = standing.remove(place);
                // What is left of a change is not taken apart once more.
                let is_whole = parted.insert(whole.strand.id);
                let may = is_whole && trial.halving < case.halving && !work.stop.is_wanted();
                match if may { trial.part_of(&whole, &standing[..place], &against)? } else { None } {
                    Some(part) => standing.insert(place, part),
                    None => left_out.push(LeftOut { strand: whole.strand.id, why: against.why }),
                }
            }
            change = self.put_together(case, &mut standing, &mut left_out, work)?;
        }
        left_out.sort_by_key(|one| one.strand);
        let proposal = (!standing.is_empty()).then(|| proposed(case, &standing, change));
        Ok(Outcome::ChangesMerged { proposal, left_out, spent: Spent::default() })
    }

    /// One commit of the changes that stand. Those that change a file otherwise than one before them do not stand.
    fn put_together(
        &self,
        case: &Case<'_>,
        standing: &mut Vec<StrandChange>,
        left_out: &mut Vec<LeftOut>,
        work: &Work,
    ) -> Result<Change, Failure> {
        let commits: Vec<String> = standing.iter().map(|one| one.proposal.commit.clone()).collect();
        let merged = self.tools.workspace.merge(&work.mission, &case.snapshot.commit, &commits, MESSAGE)?;
        for (place, file) in merged.conflicts.into_iter().rev() {
            let strand = standing.remove(place).strand.id;
            left_out.push(LeftOut { strand, why: format!("a strand before it changes `{file}` otherwise") });
        }
        Ok(merged.change)
    }
}

/// Runs of the tests that were red on the changes together.
struct Trial<'a, 'n> {
    coder: &'a Coder,
    case: &'a Case<'a>,
    red: &'a [String],
    work: &'a Work,
    seat: &'a Seat<'a>,
    notices: &'a mut Notices<'n>,
    spent: &'a mut Spent,
    /// What parts took so far.
    halving: Duration,
}

impl Trial<'_, '_> {
    /// The first change with which the suite is contradicted, and by what. None: it is not, with any of them.
    fn culprit(&mut self, standing: &[StrandChange]) -> Result<Option<(usize, Against)>, Failure> {
        let Some(mut against) = self.against(standing)? else { return Ok(None) };
        // With so many from the first on it is not contradicted, with so many it is.
        let (mut good, mut bad) = (0, standing.len());
        while bad - good > 1 {
            let half = good + (bad - good) / 2;
            match self.against(&standing[..half])? {
                Some(red) => (bad, against) = (half, red),
                None => good = half,
            }
        }
        let beside = if bad > 1 { "beside the strands before it, " } else { "" };
        against.why = format!("{beside}{}", against.why);
        Ok(Some((bad - 1, against)))
    }

    /// The part of a change that its own tests accept and that goes with those before it.
    fn part_of(
        &mut self,
        whole: &StrandChange,
        before: &[StrandChange],
        against: &Against,
    ) -> Result<Option<StrandChange>, Failure> {
        let (case, coder, work) = (self.case, self.coder, self.work);
        let Some(aims) = Aims::new(whole.strand.tests.clone(), against.red.clone()) else { return Ok(None) };
        let paths: Vec<String> = whole.proposal.files.iter().map(|file| file.path.clone()).collect();
        let commits = (case.snapshot.commit.as_str(), whole.proposal.commit.as_str());
        let parted = Parted::of(coder.between(commits, &paths, (work, &self.seat.purpose("merge")))?);
        self.notices.doing("looking for the part of that change which goes with the others");
        let asked = aims.asked();
        let within = (case.halving.saturating_sub(self.halving), &work.stop);
        let mut run = |files: &[FileChange]| -> Result<TestReport, Failure> {
            let part = coder.commit_part(case, files, MESSAGE, work)?;
            let others = before.iter().map(|one| one.proposal.commit.clone());
            let commits: Vec<String> = others.chain([part.commit]).collect();
            self.run(&commits, selectable(&asked))
        };
        let began = Instant::now();
        let sought = halving::halve(case, (&parted, &aims), within, &mut run);
        self.halving += began.elapsed();
        let (part, halved) = sought?;
        let Some(files) = part else { return Ok(None) };
        let change = coder.commit_part(case, &files, MESSAGE, work)?;
        let explanation = format!("{}{}", whole.proposal.explanation.trim_end_matches('.'), halved.says());
        let evidence = Evidence { halved: Some(halved), ..whole.proposal.evidence.clone() };
        let proposal = Proposal {
            commit: change.commit,
            tree: change.tree,
            diff: cut(change.diff),
            files: change.files,
            explanation,
            evidence,
            ..whole.proposal.clone()
        };
        Ok(Some(StrandChange { strand: whole.strand.clone(), proposal }))
    }

    /// What speaks against these changes together.
    fn against(&mut self, some: &[StrandChange]) -> Result<Option<Against>, Failure> {
        if some.is_empty() {
            return Ok(None);
        }
        let case = self.case;
        let commits: Vec<String> = some.iter().map(|one| one.proposal.commit.clone()).collect();
        let report = self.run(&commits, selectable(self.red))?;
        let left = case.left_by(&tests_of(some));
        let why = if self.red.is_empty() {
            case.refuted(&report, &left, &Default::default())
        } else {
            let expected: Vec<String> = self.red.iter().filter(|id| !left.contains(id)).cloned().collect();
            case.fails_of(&expected, &report)
        };
        let red = case.against(&report, &left, &Default::default());
        Ok(why.map(|why| Against { why, red }))
    }

    /// Runs these tests on these changes together.
    fn run(&mut self, commits: &[String], select: Option<&[String]>) -> Result<TestReport, Failure> {
        let (tools, case) = (&self.coder.tools, self.case);
        let merged = tools.workspace.merge(&self.work.mission, &case.snapshot.commit, commits, MESSAGE)?;
        let on = On { commit: &merged.change.commit, purpose: "merge", select };
        let runs = &mut self.spent.sandbox_runs;
        self.coder.run_on(case, &on, (self.work, self.seat), runs, self.notices)
    }
}

/// What speaks against some changes together.
struct Against {
    why: String,
    /// The tests that are red with them.
    red: Vec<String>,
}

fn tests_of(some: &[StrandChange]) -> Vec<String> {
    some.iter().flat_map(|one| one.strand.tests.iter().cloned()).collect()
}

fn proposed(case: &Case<'_>, standing: &[StrandChange], change: Change) -> Proposal {
    let changes = || standing.iter().map(|one| &one.proposal);
    let mut told: Vec<String> =
        changes().take(TOLD).map(|proposal| proposal.explanation.trim_end_matches('.').to_owned()).collect();
    let more = standing.len().saturating_sub(told.len());
    if more > 0 {
        told.push(format!("and {more} more changes"));
    }
    let flaky = changes().flat_map(|proposal| proposal.evidence.flaky.clone()).collect();
    let kind = changes().next().map_or_else(String::new, |proposal| proposal.evidence.kind.clone());
    let halved = changes().filter_map(|proposal| proposal.evidence.halved.clone()).reduce(both);
    let left_red = case.left_by(&tests_of(standing));
    let evidence = Evidence { kind, flaky, left_red, halved, ..Evidence::default() };
    Proposal {
        rung: changes().map(|proposal| proposal.rung).max().unwrap_or(case.rung),
        commit: change.commit,
        tree: change.tree,
        diff: cut(change.diff),
        files: change.files,
        explanation: told.join("; "),
        confidence: changes().map(|proposal| proposal.confidence).fold(1.0, f64::min),
        runners_up: Vec::new(),
        evidence,
    }
}

/// What was left out of two changes.
fn both(one: Halved, other: Halved) -> Halved {
    Halved {
        parts: one.parts.into_iter().chain(other.parts).collect(),
        left_out: one.left_out.into_iter().chain(other.left_out).collect(),
        runs: one.runs + other.runs,
    }
}

impl Case<'_> {
    /// The red tests that are wanted green and that no change with these tests claims to turn green.
    pub(super) fn left_by(&self, tests: &[String]) -> Vec<String> {
        let red = self.baseline.red().filter(|test| !is_flaky(test) && self.focus.wants_test(&test.id));
        red.map(|test| test.id.clone()).filter(|id| !tests.contains(id)).collect()
    }

    /// Those that a change of the strand leaves red: what others work on. None where all of the work is asked for.
    pub(super) fn left(&self) -> Vec<String> {
        self.strand.map_or_else(Vec::new, |strand| self.left_by(&strand.tests))
    }

    /// Why a run of these tests speaks against a change, if it does.
    pub(super) fn fails_of(&self, tests: &[String], report: &TestReport) -> Option<String> {
        let end = |id: &String| report.tests.iter().find(|test| test.id == *id);
        let steady = |id: &&String| !self.baseline.tests.iter().any(|test| test.id == **id && is_flaky(test));
        tests.iter().filter(steady).find_map(|id| match end(id).map(|test: &TestResult| test.status) {
            None | Some(TestStatus::NotRun) => Some(format!("`{id}` did not run")),
            Some(status) => status.is_red().then(|| format!("`{id}` is red")),
        })
    }
}
