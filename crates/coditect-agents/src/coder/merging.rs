//! The changes of strands become one change, in the order of the strands. The tester's run of the suite on it is its proof;
//! where that contradicts it, the change that does not go with those before it is looked for by halving, and left out.

use coditect_code::suite::SuiteRun;
use coditect_ports::Work;
use coditect_ports::workspace::Change;
use coditect_types::action::StrandChange;
use coditect_types::outcome::{Evidence, LeftOut, Proposal, Spent};
use coditect_types::{Failure, Outcome, TestReport, TestResult, TestStatus};

use super::proposing::cut;
use super::seats::Seat;
use super::{Case, Coder, is_flaky};
use crate::measure::{BUILD_MS, Place, selectable, stand_ins};
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
        let mut standing: Vec<&StrandChange> = train.changes.iter().collect();
        let mut left_out = Vec::new();
        let mut change = self.put_together(case, &mut standing, &mut left_out, work)?;
        if let Some(red) = train.contradicted {
            notices.doing("looking for the change that does not go with the others");
            let mut trial = Trial { coder: self, case, red, work, seat: &seat, notices: &mut notices, spent };
            while let Some((place, why)) = trial.culprit(&standing)? {
                let strand = standing.remove(place).strand.id;
                left_out.push(LeftOut { strand, why });
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
        standing: &mut Vec<&StrandChange>,
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
}

impl Trial<'_, '_> {
    /// The first change with which the suite is contradicted, and by what. None: it is not, with any of them.
    fn culprit(&mut self, standing: &[&StrandChange]) -> Result<Option<(usize, String)>, Failure> {
        let Some(mut why) = self.against(standing)? else { return Ok(None) };
        // With so many from the first on it is not contradicted, with so many it is.
        let (mut good, mut bad) = (0, standing.len());
        while bad - good > 1 {
            let half = good + (bad - good) / 2;
            match self.against(&standing[..half])? {
                Some(red) => (bad, why) = (half, red),
                None => good = half,
            }
        }
        let beside = if bad > 1 { "beside the strands before it, " } else { "" };
        Ok(Some((bad - 1, format!("{beside}{why}"))))
    }

    /// What speaks against these changes together.
    fn against(&mut self, some: &[&StrandChange]) -> Result<Option<String>, Failure> {
        if some.is_empty() {
            return Ok(None);
        }
        let (tools, case) = (&self.coder.tools, self.case);
        let commits: Vec<String> = some.iter().map(|one| one.proposal.commit.clone()).collect();
        let merged = tools.workspace.merge(&self.work.mission, &case.snapshot.commit, &commits, MESSAGE)?;
        let (purpose, unchanged) = (self.seat.purpose("merge"), self.seat.purpose("baseline"));
        let place = Place {
            tools,
            work: self.work,
            commit: &merged.change.commit,
            purpose: &purpose,
            unchanged: &unchanged,
            patience: None,
            project: case.project,
            sandbox: tools.sandbox(case.project.tier)?,
            limits: case.limits,
            waived: case.waived,
        };
        let imports = stand_ins(case.baseline);
        let select = selectable(self.red);
        let build_ms = BUILD_MS.max(case.limits.wall_ms);
        let how = SuiteRun { select, build_ms, imports: &imports, ..SuiteRun::whole(case.limits) };
        let run = place.run(&how, self.notices)?;
        self.spent.sandbox_runs += u64::from(run.runs);
        let left = case.left_by(&tests_of(some));
        if self.red.is_empty() {
            return Ok(case.refuted(&run.report, &left, &Default::default()));
        }
        let expected: Vec<String> = self.red.iter().filter(|id| !left.contains(id)).cloned().collect();
        Ok(case.fails_of(&expected, &run.report))
    }
}

fn tests_of(some: &[&StrandChange]) -> Vec<String> {
    some.iter().flat_map(|one| one.strand.tests.iter().cloned()).collect()
}

fn proposed(case: &Case<'_>, standing: &[&StrandChange], change: Change) -> Proposal {
    let changes = || standing.iter().map(|one| &one.proposal);
    let mut told: Vec<String> =
        changes().take(TOLD).map(|proposal| proposal.explanation.trim_end_matches('.').to_owned()).collect();
    let more = standing.len().saturating_sub(told.len());
    if more > 0 {
        told.push(format!("and {more} more changes"));
    }
    let flaky = changes().flat_map(|proposal| proposal.evidence.flaky.clone()).collect();
    let kind = changes().next().map_or_else(String::new, |proposal| proposal.evidence.kind.clone());
    let evidence =
        Evidence { kind, flaky, left_red: case.left_by(&tests_of(standing)), ..Evidence::default() };
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
