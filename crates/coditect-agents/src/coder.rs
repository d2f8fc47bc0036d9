//! The coder: looks for a change that turns the red tests green, without a model.
//!
//! The search itself is [`coditect_code::repair`]; here it gets its sources, a judge that runs candidates in the
//! project's sandbox, its limits, and a last proof of the winner by the whole suite before it is proposed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coditect_code::python::Listing;
use coditect_code::repair::{self, Found, Means, Problem, SeekLimits, Sought, Source};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{Agent, PortError, Work};
use coditect_types::outcome::{Proposal, Spent};
use coditect_types::plan::Role;
use coditect_types::project::Framework;
use coditect_types::{
    Action, Budget, ErrorKind, Failure, Limits, Outcome, Project, Rung, Snapshot, Suspect, TestReport,
    TestResult, TestStatus, Tier,
};

use crate::notices::Notices;
use crate::{Tools, failed, not_mine};

mod judge;
pub(crate) mod sources;
pub(crate) mod trees;
mod woven;

use judge::{Bench, Stage};
use sources::{Script, Sources};
use trees::Trees;
use woven::Woven;

/// Bytes of a diff at most.
const DIFF_BYTES: usize = 64 << 10;

/// Looks for changes.
#[derive(Clone, Debug)]
pub struct Coder {
    tools: Tools,
}

/// What is to be repaired, as the action has it.
struct Case<'a> {
    rung: Rung,
    snapshot: &'a Snapshot,
    project: &'a Project,
    baseline: &'a TestReport,
    suspects: &'a [Suspect],
    request: &'a str,
    refused: &'a [String],
    limits: &'a Limits,
    budget: &'a Budget,
    seed: u64,
    waived: &'a [String],
}

impl Case<'_> {
    /// A path below the project's root, seen from the snapshot's top.
    fn below_top(&self, path: &str) -> String {
        match self.project.root.as_str() {
            "" => path.to_owned(),
            root => format!("{root}/{path}"),
        }
    }

    fn nothing(&self, account: impl Into<String>, at_limit: bool, spent: Spent) -> Outcome {
        Outcome::NoChangeFound { rung: self.rung, account: account.into(), at_limit, spent }
    }
}

impl Coder {
    /// A coder that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    fn seek(&self, case: &Case<'_>, work: &Work, spent: &mut Spent) -> Result<Outcome, Failure> {
        if !matches!(case.rung, Rung::Recipe | Rung::Reflex) {
            return Ok(case.nothing(
                format!("the coder has no way to look on the rung {:?}", case.rung),
                false,
                Spent::default(),
            ));
        }
        let known = case.project.framework.toolchain().is_some() || case.project.language == "python";
        if !known {
            let account = "no search without a model knows the language of this project";
            return Ok(case.nothing(account, false, Spent::default()));
        }
        // A test that passes now and then says nothing about a candidate.
        let red: Vec<TestResult> = case.baseline.red().filter(|test| !is_flaky(test)).cloned().collect();
        if red.is_empty() {
            return Ok(case.nothing("no test is red every time", false, Spent::default()));
        }
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing("reading the sources");
        let view = self.tools.workspace.worktree(&work.mission, &case.snapshot.commit, "seek-0")?;
        let root = view.join(&case.project.root);
        let files = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let sources = sources::read(&root, &files, case.project.framework, case.baseline, case.suspects);
        if sources.product.is_empty() {
            // Both rungs look at the same files: the first one says it.
            let nothing = || "There was nothing to search in.".to_owned();
            let account = if case.rung == Rung::Recipe { sources.why_none() } else { nothing() };
            return Ok(case.nothing(account, false, Spent::default()));
        }
        let threads = self.tools.search_threads();
        let mut bench = self.bench(case, &view, &sources, threads, work)?;
        bench.calibrate()?;
        bench.shorten(&red)?;
        let sought = self.search(case, &sources, &red, &bench, threads, work, &mut notices);
        spent.candidates = sought.tried;
        spent.sandbox_runs = bench.runs();
        if let Some(trouble) = sought.trouble {
            return Err(trouble.into());
        }
        if work.stop.is_raised() {
            return Err(crate::interrupted().into());
        }
        let outcome = self.propose(case, &bench, &sources.script, sought, work, &notices)?;
        spent.sandbox_runs = bench.runs();
        Ok(outcome)
    }

    fn bench<'a>(
        &'a self,
        case: &Case<'a>,
        view: &'a Path,
        sources: &'a Sources,
        threads: usize,
        work: &'a Work,
    ) -> Result<Bench<'a>, Failure> {
        let sandbox = self.tools.sandbox(case.project.tier)?;
        let stage = if case.project.tier == Tier::Wasm {
            Stage::Overlay(view)
        } else {
            let builds = case.project.framework.toolchain().is_some();
            let commit = &case.snapshot.commit;
            Stage::Disk(Trees::make(&*self.tools.workspace, &work.mission, commit, threads, builds)?)
        };
        let rest = (case.limits, case.waived, &work.stop);
        let mut bench = Bench::new(case.project, sandbox, stage, case.baseline, sources, rest);
        if matches!(case.project.framework, Framework::CargoTest | Framework::GoTest | Framework::Junit) {
            let workspace = &self.tools.workspace;
            let tree = workspace.worktree(&work.mission, &case.snapshot.commit, "seek-woven")?;
            let cache = workspace.cache(&work.mission, "seek-woven", Some("baseline"))?;
            bench.woven = Some(Woven::new(tree, cache));
        }
        Ok(bench)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one search, each of another origin")]
    fn search(
        &self,
        case: &Case<'_>,
        sources: &Sources,
        red: &[TestResult],
        bench: &Bench<'_>,
        threads: usize,
        work: &Work,
        notices: &mut Notices<'_>,
    ) -> Sought {
        let passed = |test: &&TestResult| test.status == TestStatus::Passed && !is_flaky(test);
        let ids = |tests: Vec<&TestResult>| -> BTreeSet<String> {
            tests.into_iter().map(|t| t.id.clone()).collect()
        };
        let limits = SeekLimits {
            wall_ms: case.budget.search_ms,
            candidates: case.budget.candidates,
            threads,
            keep_passing: ids(case.baseline.tests.iter().filter(passed).collect()),
            may_stay_red: ids(case.baseline.tests.iter().filter(|test| is_flaky(test)).collect()),
        };
        let problem = Problem {
            sources: &sources.product,
            others: &sources.tests,
            suspects: case.suspects,
            red,
            request: case.request,
            refused: case.refused,
            seed: case.seed,
        };
        let means = Means { judge: bench, limits: &limits, clock: &*self.tools.clock, stop: &work.stop };
        notices.doing(format!("looking for a change that turns {} red tests green", red.len()));
        let mut progress = |p: repair::Progress| notices.search(p.tried, p.survivors, p.nearest, p.red);
        match case.rung {
            Rung::Recipe => repair::answer(&problem, &means, &mut progress),
            Rung::Memory | Rung::Reflex | Rung::SmallModel | Rung::LargeModel => {
                repair::seek(&problem, &means, &mut progress)
            }
        }
    }

    /// Proves the winner by the whole suite once more, on the person's own limits, and commits it.
    fn propose(
        &self,
        case: &Case<'_>,
        bench: &Bench<'_>,
        script: &Script,
        sought: Sought,
        work: &Work,
        notices: &Notices<'_>,
    ) -> Result<Outcome, Failure> {
        let mut account = sought.account;
        let mut passing: Vec<Found> = sought.best.into_iter().chain(sought.runners_up).collect();
        while !passing.is_empty() {
            let found = passing.remove(0);
            notices.doing("proving the change by the whole suite");
            let overlay: BTreeMap<String, String> =
                found.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
            let proof = bench.whole(&overlay)?;
            if let Some(why) = refuted(case.baseline, &proof.report) {
                account = format!(
                    "{account} {} passed the search and was refuted: {why}.",
                    found.candidate.describe()
                );
                continue;
            }
            let change = self.commit(case, script, &found, work)?;
            let runners_up = passing.iter().take(5).filter_map(|other| {
                let other = self.commit(case, script, other, work).ok()?;
                Some(cut(other.diff))
            });
            let proposal = Proposal {
                rung: case.rung,
                runners_up: runners_up.collect(),
                commit: change.commit,
                tree: change.tree,
                diff: cut(change.diff),
                files: change.files,
                explanation: found.explanation,
                confidence: found.confidence,
            };
            return Ok(Outcome::ChangeProposed { proposal, spent: Spent::default() });
        }
        Ok(case.nothing(account, sought.at_limit, Spent::default()))
    }

    fn commit(
        &self,
        case: &Case<'_>,
        script: &Script,
        found: &Found,
        work: &Work,
    ) -> Result<Change, PortError> {
        let edit = |source: &Source| {
            let content = script.bytes(&source.path, &source.text).ok_or_else(|| {
                let cause = format!("`{}` has no way to write the change in its encoding", source.path);
                PortError::new(ErrorKind::Invalid, cause)
            })?;
            Ok(FileEdit { path: case.below_top(&source.path), content: Some(content) })
        };
        let edits = found.sources.iter().map(edit).collect::<Result<Vec<_>, PortError>>()?;
        self.tools.workspace.commit(&work.mission, &case.snapshot.commit, &edits, &found.explanation)
    }
}

/// Why a run of the whole suite speaks against a change, if it does.
fn refuted(baseline: &TestReport, proof: &TestReport) -> Option<String> {
    let unsteady: BTreeSet<&str> = baseline.flaky().map(|test| test.id.as_str()).collect();
    let ends: BTreeMap<&str, TestStatus> =
        proof.tests.iter().map(|test| (test.id.as_str(), test.status)).collect();
    if let Some(red) = proof.red().find(|test| !unsteady.contains(test.id.as_str())) {
        return Some(format!("`{}` is red", red.id));
    }
    let gone = baseline
        .tests
        .iter()
        .filter(|test| test.status != TestStatus::NotRun)
        .find(|test| ends.get(test.id.as_str()).is_none_or(|end| *end == TestStatus::NotRun));
    if let Some(gone) = gone {
        return Some(format!("`{}` did not run", gone.id));
    }
    proof.problems.first().map(|problem| format!("the suite says: {problem}"))
}

fn is_flaky(test: &TestResult) -> bool {
    test.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran)
}

fn cut(mut diff: String) -> String {
    if diff.len() > DIFF_BYTES {
        let mut end = DIFF_BYTES;
        while !diff.is_char_boundary(end) {
            end -= 1;
        }
        diff.truncate(end);
    }
    diff
}

impl Agent for Coder {
    fn roles(&self) -> &[Role] {
        &[Role::Coder]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::SeekChange {
            rung,
            snapshot,
            project,
            baseline,
            suspects,
            request,
            refused,
            limits,
            budget,
            seed,
            waived,
        } = action
        else {
            return not_mine(action, "coder");
        };
        let rung = *rung;
        let case = Case {
            rung,
            snapshot,
            project,
            baseline,
            suspects,
            request,
            refused,
            limits,
            budget,
            seed: *seed,
            waived,
        };
        let started = self.tools.clock.monotonic_us();
        let mut spent = Spent::default();
        let outcome = if work.stop.is_raised() {
            Err(Failure::new(ErrorKind::Interrupted, "stopped before it began"))
        } else {
            self.seek(&case, work, &mut spent)
        };
        spent.wall_ms = self.tools.clock.monotonic_us().saturating_sub(started) / 1000;
        match outcome {
            Ok(Outcome::ChangeProposed { proposal, .. }) => Outcome::ChangeProposed { proposal, spent },
            Ok(Outcome::NoChangeFound { rung, account, at_limit, .. }) => {
                Outcome::NoChangeFound { rung, account, at_limit, spent }
            }
            Ok(other) => other,
            Err(failure) => failed(work, failure, spent),
        }
    }
}
