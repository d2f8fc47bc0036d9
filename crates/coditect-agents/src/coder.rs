//! The coder: looks for a change that turns the red tests green, without a model.
//!
//! The search itself is [`coditect_code::repair`]; here it gets its sources, a judge that runs candidates in the
//! project's sandbox, its limits, and a last proof of the winner by the whole suite before it is proposed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coditect_code::python::Listing;
use coditect_code::repair::{self, Means, Problem, SeekLimits, Sought, Within};
use coditect_code::suite::{BUILD, IMPORT, LACKS, SuiteRun};
use coditect_ports::memory::{Recalled, Situation};
use coditect_ports::{Agent, PortError, Work};
use coditect_types::outcome::{SearchTime, Spent};
use coditect_types::plan::Role;
use coditect_types::project::{Framework, Toolchain};
use coditect_types::{
    Action, Budget, ErrorKind, Failure, Focus, Ground, Limits, Outcome, Project, Rung, Snapshot, Strand,
    Suspect, TestReport, TestResult, TestStatus, Tier,
};

use crate::measure::{BUILD_MS, Place, stand_ins};
use crate::notices::Notices;
use crate::paths;
use crate::{Tools, failed, not_mine};

mod batches;
pub(crate) mod by_tools;
mod flaky;
mod halving;
pub(crate) mod hollow;
mod judge;
mod layer;
mod mending;
mod merging;
mod narrow;
mod parts;
mod patience;
mod picks;
mod probe;
pub(crate) mod proposing;
mod renaming;
pub(crate) mod replying;
mod seats;
pub(crate) mod sources;
pub(crate) mod trees;
mod woven;

use batches::Later;
use by_tools::Asking;
use judge::{Bench, Stage};
use merging::Train;
use parts::{Part, is_dear};
use proposing::Proposing;
use replying::Reply;
use seats::{Seat, Seats};
use sources::Sources;
use trees::Trees;
use woven::Woven;

/// Part of the time that answers to error messages may take, in hundredths.
const ANSWERS: u64 = 25;

/// The part of a search's time that parts of what it found may take, where the whole suite refutes that.
const HALVES: u64 = 8;

/// Episodes whose changes are tried again.
const MOST_RECALLED: usize = 20;

/// Looks for changes.
#[derive(Clone, Debug)]
pub struct Coder {
    tools: Tools,
    seats: Arc<Seats>,
    /// Whoever calls changed functions does so alone.
    probing: Arc<Mutex<()>>,
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
    focus: &'a Focus,
    waived: &'a [String],
    /// The part of the work that it is about; None: all of it.
    strand: Option<&'a Strand>,
    /// How long parts of a change may be tried that breaks something.
    halving: Duration,
}

/// What is done about it.
enum Doing<'a> {
    Search,
    Try(Reply<'a>),
    Rename,
    Merge(Train<'a>),
}

impl Case<'_> {
    /// A path below the project's root, seen from the snapshot's top.
    fn below_top(&self, path: &str) -> String {
        paths::below_top(self.project, path)
    }

    /// A path below the snapshot's top, seen from the project's root.
    fn below_root<'p>(&self, path: &'p str) -> &'p str {
        paths::below_root(self.project, path)
    }

    fn nothing(&self, account: impl Into<String>, at_limit: bool, ground: Option<Ground>) -> Outcome {
        let spent = Spent::default();
        Outcome::NoChangeFound { rung: self.rung, account: account.into(), at_limit, ground, spent }
    }
}

/// A commit, what its worktree is for, and the tests that are run: all of them where none are named.
struct On<'a> {
    commit: &'a str,
    purpose: &'a str,
    select: Option<&'a [String]>,
}

impl Coder {
    /// A coder that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools, seats: Arc::default(), probing: Arc::default() }
    }

    fn seek(&self, case: &Case<'_>, work: &Work, spent: &mut Spent) -> Result<Outcome, Failure> {
        if !matches!(case.rung, Rung::Memory | Rung::Recipe | Rung::Reflex) {
            return Ok(case.nothing(
                format!("the coder has no way to look on the rung {:?}", case.rung),
                false,
                None,
            ));
        }
        // A test that passes now and then says nothing about a candidate.
        let steady = case.baseline.red().filter(|test| !is_flaky(test));
        let red: Vec<TestResult> = steady.filter(|test| case.focus.wants_test(&test.id)).cloned().collect();
        if red.is_empty() {
            return Ok(case.nothing("no test is red every time", false, None));
        }
        if let Some(lacking) = red.iter().find(|test| test.error_type == LACKS) {
            // No change of the project's own files puts a jar on the machine.
            let account = lacking.message.lines().take(2).collect::<Vec<_>>().join("; ");
            return Ok(case.nothing(account, false, None));
        }
        let recalled = match case.rung {
            Rung::Memory => self.recalled(case, &red),
            Rung::Recipe | Rung::Reflex | Rung::SmallModel | Rung::LargeModel => Vec::new(),
        };
        if case.rung == Rung::Memory && recalled.is_empty() {
            return Ok(case.nothing("Memory has nothing that is like this.", false, None));
        }
        let ends_us =
            self.tools.clock.monotonic_us().saturating_add(case.budget.search_ms.saturating_mul(1_000));
        let mut notices = Notices::new(work, &*self.tools.clock);
        notices.doing("reading the sources");
        let view = self.tools.workspace.worktree(&work.mission, &case.snapshot.commit, "seek-0")?;
        let root = view.join(&case.project.root);
        let files = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let mut sources = sources::read(&root, &files, case.project, case.baseline, case.suspects);
        let within = narrow::narrow(case, &mut sources)?;
        if sources.product.is_empty() {
            // Both rungs look at the same files: the first one says it.
            let nothing = || "There was nothing to search in.".to_owned();
            let account = if case.rung == Rung::Recipe { sources.why_none() } else { nothing() };
            return Ok(case.nothing(account, false, None));
        }
        if case.rung == Rung::Memory && !repair::fits(&sources.product, &recalled) {
            return Ok(case.nothing("Nothing that memory has fits this code.", false, None));
        }
        let threads = self.tools.search_threads();
        let mut bench = self.bench(case, &view, &sources, threads, work)?;
        let asked: Vec<TestResult> = repair::quick(&red).cloned().collect();
        self.warm_up(case, &mut bench, (&red, &asked), threads)?;
        let mut limits = limits(case, within, threads);
        if bench.spares_the_suite() {
            limits.keep_passing = bench.near.iter().cloned().collect();
        }
        let looked = (&sources, red.as_slice(), recalled.as_slice());
        let (sought, ground) = self.search(case, looked, &bench, limits, work, &mut notices);
        spent.candidates = sought.tried;
        spent.search = Some(search_time(&sought));
        spent.reused.clone_from(&sought.reused);
        spent.sandbox_runs = bench.runs();
        if let Some(trouble) = sought.trouble {
            return Err(trouble.into());
        }
        if work.stop.is_raised() {
            return Err(crate::interrupted().into());
        }
        let script = &sources.script;
        let with = Proposing { case, bench: &bench, script, work, notices: &notices, ends_us };
        let outcome = self.propose(&with, sought, ground)?;
        spent.sandbox_runs = bench.runs();
        Ok(outcome)
    }

    /// Finds out what makes trials of these red tests quick. `asked`: those of them that each candidate is asked about.
    fn warm_up<'a>(
        &self,
        case: &Case<'_>,
        bench: &mut Bench<'a>,
        (red, asked): (&'a [TestResult], &'a [TestResult]),
        threads: usize,
    ) -> Result<(), Failure> {
        if case.baseline.red().any(|test| !case.focus.wants_test(&test.id)) {
            bench.lets_some_stay_red();
        }
        if is_dear(case.baseline, case.budget.search_ms) {
            bench.spare_the_suite(red);
        }
        bench.doubt_within(case.budget.search_ms);
        bench.until = Instant::now().checked_add(Duration::from_millis(case.budget.search_ms));
        bench.calibrate(asked)?;
        let is_shared = bench.seek_company(red)?;
        if !is_shared {
            bench.shorten(asked)?;
        }
        if is_shared {
            // Nothing that tries the red tests alone says anything of them.
        } else if case.rung == Rung::Reflex {
            bench.prepare_batches(asked, threads)?;
        } else if case.project.framework.toolchain() == Some(Toolchain::Node) || bench.forks() {
            // Most messages name nothing, or one or two changes.
            bench.later.get_or_init(|| Later::new(asked, threads));
        }
        Ok(())
    }

    /// What memory has for such red tests. One that cannot be asked is no reason to do without the other rungs.
    fn recalled(&self, case: &Case<'_>, red: &[TestResult]) -> Vec<Recalled> {
        let Some(memory) = &self.tools.memory else { return Vec::new() };
        let now_ms = self.tools.clock.now_ms();
        let situation = Situation { request: case.request, language: &case.project.language, red, now_ms };
        memory.recall(&situation, MOST_RECALLED).unwrap_or_else(|error| {
            tracing::warn!(%error, "memory cannot be asked");
            Vec::new()
        })
    }

    /// Where the tests of a commit are run. `purposes`: of its worktree, and of the unchanged one.
    fn place<'a>(
        &'a self,
        case: &Case<'a>,
        commit: &'a str,
        (purpose, unchanged): (&'a str, &'a str),
        work: &'a Work,
    ) -> Result<Place<'a>, Failure> {
        Ok(Place {
            tools: &self.tools,
            work,
            commit,
            purpose,
            unchanged,
            patience: None,
            project: case.project,
            sandbox: self.tools.sandbox(case.project.tier)?,
            limits: case.limits,
            waived: case.waived,
        })
    }

    /// What tests say on a commit.
    fn run_on(
        &self,
        case: &Case<'_>,
        on: &On<'_>,
        (work, seat): (&Work, &Seat<'_>),
        runs: &mut u64,
        notices: &mut Notices<'_>,
    ) -> Result<TestReport, Failure> {
        let purposes = (seat.purpose(on.purpose), seat.purpose("baseline"));
        let place = self.place(case, on.commit, (&purposes.0, &purposes.1), work)?;
        let imports = stand_ins(case.baseline);
        let build_ms = BUILD_MS.max(case.limits.wall_ms);
        let how = SuiteRun { select: on.select, build_ms, imports: &imports, ..SuiteRun::whole(case.limits) };
        let run = place.run(&how, notices)?;
        *runs += u64::from(run.runs);
        Ok(run.report)
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
            let builds = case.project.toolchain().is_some();
            let commit = &case.snapshot.commit;
            let workspace = &*self.tools.workspace;
            let tier = (sandbox, case.waived);
            let places = case.project.lent.iter().map(|lent| case.below_top(&lent.at)).collect();
            let trees = Trees::make(workspace, &work.mission, commit, threads, (builds, places), tier)?;
            if case.project.report.as_ref().is_some_and(|report| report.path.is_some()) {
                // It is read once the command has ended, and what was written into a layer is gone by then.
                trees.give_up_layers();
            }
            Stage::Disk(trees)
        };
        let rest = (case.limits, case.waived, &work.stop);
        let mut bench = Bench::new(case.project, sandbox, stage, case.baseline, sources, rest);
        if matches!(case.project.framework, Framework::CargoTest | Framework::GoTest | Framework::Junit) {
            let workspace = &self.tools.workspace;
            let tree = workspace.worktree(&work.mission, &case.snapshot.commit, "seek-woven")?;
            let cache = workspace.cache(&work.mission, "seek-woven", Some("baseline"))?;
            let only = Part::of(case.project.framework, case.baseline);
            bench.woven = Some(Woven::new(tree, cache, threads, only));
        }
        Ok(bench)
    }

    fn search(
        &self,
        case: &Case<'_>,
        (sources, red, recalled): (&Sources, &[TestResult], &[Recalled]),
        bench: &Bench<'_>,
        mut limits: SeekLimits,
        work: &Work,
        notices: &mut Notices<'_>,
    ) -> (Sought, Option<Ground>) {
        let problem = Problem {
            sources: &sources.product,
            others: &sources.tests,
            suspects: case.suspects,
            red,
            request: case.request,
            refused: case.refused,
            seed: case.seed,
        };
        notices.doing(format!("looking for a change that turns {} red tests green", red.len()));
        let name = repair::problem_name(&problem, &limits);
        limits.covered = case.focus.covered.as_ref().filter(|ground| ground.problem == name).map(|ground| {
            let near: BTreeSet<u64> = ground.near.iter().copied().collect();
            (ground.judged, near)
        });
        let means = Means { judge: bench, limits: &limits, clock: &*self.tools.clock, stop: &work.stop };
        let mut progress = |p: repair::Progress| notices.search(p.tried, p.survivors, p.nearest, p.red);
        let within = limits.within.as_ref();
        let asking = Asking { case, problem: &problem, within, bench, work };
        let sought = match self.by_tools(&asking) {
            Ok(sought) if sought.best.is_some() || sought.partly.is_some() => sought,
            Ok(tools) => {
                let mut sought = match case.rung {
                    Rung::Recipe => repair::answer(&problem, &means, &mut progress),
                    Rung::Memory => repair::recall(&problem, &means, recalled, &mut progress),
                    Rung::Reflex | Rung::SmallModel | Rung::LargeModel => {
                        repair::seek(&problem, &means, &mut progress)
                    }
                };
                sought.account = format!("{} {}", tools.account, sought.account).trim().to_owned();
                sought
            }
            Err(trouble) => Sought { trouble: Some(trouble), ..Sought::default() },
        };
        let ground = sought.ground.clone().filter(|_| sought.at_limit).map(|(judged, near)| Ground {
            problem: name,
            judged,
            near,
            by: Some(work.mission.clone()),
        });
        (sought, ground)
    }
}

/// What the search may use, and what it must keep.
fn limits(case: &Case<'_>, within: Option<Within>, threads: usize) -> SeekLimits {
    let ids = |wanted: &dyn Fn(&TestResult) -> bool| -> BTreeSet<String> {
        case.baseline.tests.iter().filter(|test| wanted(test)).map(|test| test.id.clone()).collect()
    };
    // Answers to messages are worth a part of the time; where nothing runs before one is found, all of it.
    let blocked = |test: &TestResult| test.id == BUILD || test.id.ends_with(IMPORT);
    let is_part = matches!(case.rung, Rung::Memory | Rung::Recipe) && !case.baseline.red().any(blocked);
    SeekLimits {
        wall_ms: if is_part { case.budget.search_ms / 100 * ANSWERS } else { case.budget.search_ms },
        candidates: case.budget.candidates,
        threads,
        keep_passing: ids(&|test| test.status == TestStatus::Passed && !is_flaky(test)),
        may_stay_red: ids(&|test| {
            is_flaky(test) || (test.status.is_red() && !case.focus.wants_test(&test.id))
        }),
        within,
        covered: None,
    }
}

/// Where the time of a search went.
fn search_time(sought: &Sought) -> SearchTime {
    let repair::SeekTime { wall_us, making_us, judging_us, trials_us } = sought.time;
    let (trials, deduplicated) = (sought.trials, sought.deduplicated);
    SearchTime { wall_us, making_us, judging_us, trials_us, trials, deduplicated }
}

fn is_flaky(test: &TestResult) -> bool {
    test.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran)
}

impl Agent for Coder {
    fn roles(&self) -> &[Role] {
        &[Role::Coder, Role::Documenter]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        self.tools.noting(|tools| Self { tools, ..self.clone() }.work_at(action, work))
    }
}

impl Coder {
    fn work_at(&self, action: &Action, work: &Work) -> Outcome {
        let nothing = Budget { search_ms: 0, ..Budget::default() };
        let Some((case, doing)) = task(action, &nothing) else { return not_mine(action, "coder") };
        let started = self.tools.clock.monotonic_us();
        let mut spent = Spent::default();
        let outcome = if work.stop.is_raised() {
            Err(Failure::new(ErrorKind::Interrupted, "stopped before it began"))
        } else {
            match doing {
                Doing::Search => self.seek(&case, work, &mut spent),
                Doing::Try(reply) => self.try_reply(&case, &reply, work, &mut spent),
                Doing::Rename => self.rename(&case, work),
                Doing::Merge(train) => self.merge(&case, &train, work, &mut spent),
            }
        };
        spent.wall_ms = self.tools.clock.monotonic_us().saturating_sub(started) / 1000;
        match outcome {
            Ok(Outcome::ChangeProposed { proposal, .. }) => Outcome::ChangeProposed { proposal, spent },
            Ok(Outcome::NoChangeFound { rung, account, at_limit, ground, .. }) => {
                Outcome::NoChangeFound { rung, account, at_limit, ground, spent }
            }
            Ok(Outcome::ReplyRefused { rung, account, feedback, diff, halved, .. }) => {
                Outcome::ReplyRefused { rung, account, feedback, diff, halved, spent }
            }
            Ok(Outcome::ChangesMerged { proposal, left_out, .. }) => {
                Outcome::ChangesMerged { proposal, left_out, spent }
            }
            Ok(other) => other,
            Err(failure) => failed(work, failure, spent),
        }
    }
}

/// What an action asks for; what has no search in it has a budget of `nothing`. None: it is for others.
fn task<'a>(action: &'a Action, nothing: &'a Budget) -> Option<(Case<'a>, Doing<'a>)> {
    search(action)
        .or_else(|| trial(action))
        .or_else(|| train(action, nothing))
        .or_else(|| renaming(action, nothing))
}

fn renaming<'a>(action: &'a Action, nothing: &'a Budget) -> Option<(Case<'a>, Doing<'a>)> {
    let Action::Rename { snapshot, project, baseline, focus, limits, waived } = action else { return None };
    let case = Case {
        rung: Rung::Recipe,
        snapshot,
        project,
        baseline,
        suspects: &[],
        request: "",
        refused: &[],
        limits,
        budget: nothing,
        seed: 0,
        focus,
        waived,
        strand: None,
        halving: Duration::ZERO,
    };
    Some((case, Doing::Rename))
}

fn search(action: &Action) -> Option<(Case<'_>, Doing<'_>)> {
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
        focus,
        waived,
    } = action
    else {
        return None;
    };
    let case = Case {
        rung: *rung,
        snapshot,
        project,
        baseline,
        suspects,
        request,
        refused,
        limits,
        budget,
        seed: *seed,
        focus,
        waived,
        strand: None,
        halving: Duration::from_millis(budget.search_ms / HALVES),
    };
    Some((case, Doing::Search))
}

fn trial(action: &Action) -> Option<(Case<'_>, Doing<'_>)> {
    let Action::TryReply {
        rung,
        model,
        reply,
        request,
        snapshot,
        project,
        baseline,
        refused,
        mending,
        halving_ms,
        limits,
        focus,
        waived,
        strand,
        granted,
        in_part,
    } = action
    else {
        return None;
    };
    let case = Case {
        rung: *rung,
        snapshot,
        project,
        baseline,
        suspects: &[],
        request,
        refused,
        limits,
        budget: mending,
        seed: 0,
        focus,
        waived,
        strand: strand.as_ref(),
        halving: Duration::from_millis(*halving_ms),
    };
    Some((case, Doing::Try(Reply { model, text: reply, granted, in_part: in_part.as_ref() })))
}

fn train<'a>(action: &'a Action, nothing: &'a Budget) -> Option<(Case<'a>, Doing<'a>)> {
    let Action::MergeStrands {
        snapshot,
        project,
        baseline,
        changes,
        contradicted,
        halving_ms,
        limits,
        focus,
        waived,
    } = action
    else {
        return None;
    };
    let case = Case {
        rung: changes.first().map_or(Rung::SmallModel, |change| change.proposal.rung),
        snapshot,
        project,
        baseline,
        suspects: &[],
        request: "",
        refused: &[],
        limits,
        budget: nothing,
        seed: 0,
        focus,
        waived,
        strand: None,
        halving: Duration::from_millis(*halving_ms),
    };
    Some((case, Doing::Merge(Train { changes, contradicted: contradicted.as_deref() })))
}
