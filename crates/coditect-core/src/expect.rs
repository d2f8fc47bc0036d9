//! Expectations before an action, and the violations that an observation shows.
//!
//! What is expected is written down before the action starts, so that it cannot be bent to what was seen.

use std::collections::BTreeSet;

use coditect_types::event::{Response, ViolationKind};
use coditect_types::outcome::Proposal;
use coditect_types::plan::Intent;
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Expectation, Outcome, Receipt, TestReport, TestStatus};

use crate::gateway;
use crate::goal::MAX_FAILURES;
use crate::hand_over::count;
use crate::parametrize::{allowance_ms, left};
use crate::state::State;
use crate::strands;
use crate::tasks::Task;

/// A wait that a model asks for is waited up to this long where there is another model, ms.
const PATIENCE_MS: u64 = 15_000;

/// A contradiction between an expectation and an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Its kind.
    pub kind: ViolationKind,
    /// What was expected.
    pub expected: String,
    /// What was observed.
    pub observed: String,
    /// How sure it is that something is wrong, 0 to 1.
    pub confidence: f64,
    /// What is done about it.
    pub response: Response,
}

/// How often an action of ours does what it is for: infrastructure seldom fails.
const SUCCEEDS: f64 = 0.98;
/// A proposal passed the red tests and the whole suite once already when it comes to be verified.
const TURNS_GREEN: f64 = 0.97;
/// Nothing but a defect of ours makes a test vanish or touches a test file.
const KEEPS: f64 = 0.999;

/// A review goes by what stands there, not by what it means.
const OBJECTS: f64 = 0.9;

/// What is expected of a task's next attempt.
#[must_use]
pub fn expectations(state: &State, intent: &Intent) -> Vec<Expectation> {
    let mut all = vec![
        Expectation::Succeeds { probability: SUCCEEDS },
        Expectation::EndsWithin { ms: allowance_ms(state, intent), probability: SUCCEEDS },
    ];
    match intent {
        Intent::TurnTestsGreen { .. } | Intent::TryReply { .. } | Intent::MergeStrands => {
            all.push(Expectation::TestFilesUntouched { probability: KEEPS })
        }
        Intent::Rename => {}
        Intent::VerifyChange => all.extend([
            Expectation::TestsTurnGreen { tests: claimed(state), probability: TURNS_GREEN },
            Expectation::TestsStayGreen { probability: TURNS_GREEN },
            Expectation::NoTestVanishes { probability: KEEPS },
        ]),
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::MeasureBaseline
        | Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::ReviewChange
        | Intent::AskForPlan { .. }
        | Intent::AskModel { .. }
        | Intent::AskForTests { .. }
        | Intent::TrySpecification { .. }
        | Intent::HandOver
        | Intent::DoNothing => {}
    }
    all
}

/// The tests that are red on the snapshot every time and that are to turn green.
#[must_use]
pub fn red_tests(state: &State) -> Vec<String> {
    always_red(state).filter(|id| state.policy.focus.wants_test(id)).map(str::to_owned).collect()
}

/// The tests that are red on the snapshot every time.
fn always_red(state: &State) -> impl Iterator<Item = &str> {
    let red = state.world.baseline.as_deref().into_iter().flat_map(TestReport::red);
    red.filter(|test| !test.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran))
        .map(|test| test.id.as_str())
}

/// The tests that were red before the change and may be so after it: nobody asked for them, or the proposal says
/// itself that it leaves them red.
#[must_use]
pub fn left_red(state: &State) -> BTreeSet<&str> {
    let proposal = state.world.proposal.as_deref();
    let left: BTreeSet<&str> =
        proposal.into_iter().flat_map(|p| &p.evidence.left_red).map(String::as_str).collect();
    always_red(state).filter(|id| left.contains(id) || !state.policy.focus.wants_test(id)).collect()
}

/// The red tests that the proposal says it turns green.
fn claimed(state: &State) -> Vec<String> {
    let left = left_red(state);
    red_tests(state).into_iter().filter(|id| !left.contains(id.as_str())).collect()
}

/// A review that speaks against a change.
fn objected(objections: &[String]) -> Vec<Violation> {
    let violation = |first: &String| Violation {
        kind: ViolationKind::Objection,
        expected: "nothing speaks against the change".into(),
        observed: match objections.len() {
            1 => first.clone(),
            n => format!("{first}, and {} more", count(n - 1, "objection")),
        },
        confidence: OBJECTS,
        response: Response::Replan,
    };
    objections.first().map(violation).into_iter().collect()
}

/// What `outcome` contradicts of what was expected of the task.
#[must_use]
pub fn violations(state: &State, task: &Task<'_>, outcome: &Outcome) -> Vec<Violation> {
    match outcome {
        Outcome::Failed { failure, .. } => {
            // A call of a model that took all of its time would do so again.
            let is_slow_call =
                task.spec.intent.asks_model().is_some() && failure.kind == ErrorKind::Interrupted;
            let left_ms = left(state, state.newest_ms).wall_ms;
            // Where another model can be asked meanwhile, a long wait is not waited.
            let patience_ms = if gateway::has_other(state, task.spec) { PATIENCE_MS } else { u64::MAX };
            let comes_too_late = failure.retry_after_ms.is_some_and(|ms| ms >= left_ms || ms > patience_ms);
            let retry = is_transient(failure.kind)
                && !is_slow_call
                && !comes_too_late
                && task.failures + 1 < MAX_FAILURES;
            vec![Violation {
                kind: if failure.kind == ErrorKind::Interrupted {
                    ViolationKind::Timeout
                } else {
                    ViolationKind::ActionFailed
                },
                expected: "the action succeeds".into(),
                observed: failure.cause.clone(),
                confidence: SUCCEEDS,
                response: if retry { Response::Retry } else { Response::Stop },
            }]
        }
        Outcome::ChangeProposed { proposal, .. }
        | Outcome::ChangesMerged { proposal: Some(proposal), .. } => changes_others(state, task, proposal),
        Outcome::ChangeReviewed { objections, .. } => objected(objections),
        Outcome::ChangeVerified { receipt, report, .. } => contradicted_by(&left_red(state), receipt, report),
        Outcome::SnapshotTaken { .. }
        | Outcome::ProjectSurveyed { .. }
        | Outcome::BaselineMeasured { .. }
        | Outcome::NoChangeFound { .. }
        | Outcome::ContextGathered { .. }
        | Outcome::NeedsFirst { .. }
        | Outcome::ModelAnswered { .. }
        | Outcome::ReplyRefused { .. }
        | Outcome::SpecificationWritten { .. }
        | Outcome::ChangesMerged { proposal: None, .. }
        | Outcome::HandedOver { .. }
        | Outcome::NothingDone => Vec::new(),
    }
}

/// Files that a proposal changes though they are tests, or in the lease of another strand.
fn changes_others(state: &State, task: &Task<'_>, proposal: &Proposal) -> Vec<Violation> {
    let tests = test_files(state);
    let paths = proposal.files.iter().map(|file| file.path.as_str());
    let may_touch = state.policy.focus.aim.touches_tests();
    let touched: Vec<&str> = paths.filter(|path| !may_touch && tests.contains(*path)).collect();
    let taken = task.spec.strand.map(|strand| strands::taken_of_others(state, strand, proposal));
    let found = [
        (touched, "no file of the tests is changed"),
        (taken.unwrap_or_default(), "no file that is leased to another strand is changed"),
    ];
    let violation = |(files, expected): (Vec<&str>, &str)| Violation {
        kind: ViolationKind::UnexpectedFileChange,
        expected: expected.into(),
        observed: format!("the proposal changes {}", files.join(", ")),
        confidence: KEEPS,
        response: Response::Replan,
    };
    found.into_iter().filter(|(files, _)| !files.is_empty()).map(violation).collect()
}

/// What a run of the suite on the changed tree contradicts. `left`: may be red as before.
fn contradicted_by(left: &BTreeSet<&str>, receipt: &Receipt, report: &TestReport) -> Vec<Violation> {
    let mut found = Vec::new();
    let flaky: BTreeSet<&str> = report.flaky().map(|test| test.id.as_str()).collect();
    let red: Vec<&str> = report
        .red()
        .map(|test| test.id.as_str())
        .filter(|id| !flaky.contains(id) && !receipt.flaky.contains_key(*id) && !left.contains(id))
        .collect();
    let explained = !flaky.is_empty() || !receipt.flaky.is_empty() || !left.is_empty();
    if !red.is_empty() || (receipt.exit_code != 0 && !explained) {
        found.push(Violation {
            kind: ViolationKind::TestExpectation,
            expected: "the red tests turn green and the green ones stay green".into(),
            observed: said_of_red(&red, receipt.exit_code, &report.problems),
            confidence: TURNS_GREEN,
            response: Response::Replan,
        });
    }
    let vanished: Vec<&str> = receipt
        .before
        .keys()
        .filter(|id| receipt.after.get(*id).is_none_or(|s| *s == TestStatus::NotRun))
        .map(String::as_str)
        .filter(|id| !id.ends_with("::<import>"))
        .collect();
    if !vanished.is_empty() {
        found.push(Violation {
            kind: ViolationKind::VanishedTest,
            expected: "every test that ran before runs again".into(),
            observed: format!("{} did not run: {}", count(vanished.len(), "test"), some(&vanished)),
            confidence: KEEPS,
            response: Response::Replan,
        });
    }
    found
}

/// Trouble that may be gone on the next try.
#[must_use]
pub fn is_transient(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Interrupted | ErrorKind::Bug)
}

fn said_of_red(red: &[&str], exit_code: i32, problems: &[String]) -> String {
    if red.is_empty() {
        let first = problems.first().map_or_else(String::new, |p| format!(": {p}"));
        return format!("the suite ended with exit code {exit_code}{first}");
    }
    format!("{} red: {}", count(red.len(), "test"), some(red))
}

/// The first few, and how many more.
fn some(ids: &[&str]) -> String {
    let shown = ids.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if ids.len() > 5 { format!("{shown} and {} more", ids.len() - 5) } else { shown }
}

/// Whether a file of Rust lies where cargo looks for targets that are tests and nothing else.
fn holds_tests_only(file: &str) -> bool {
    file.split('/').rev().skip(1).any(|folder| matches!(folder, "tests" | "benches"))
}

/// Files that hold tests, below the snapshot's top.
fn test_files(state: &State) -> BTreeSet<String> {
    let Some(baseline) = state.world.baseline.as_deref() else { return BTreeSet::new() };
    let project = state.world.project.as_deref();
    let root = project.map_or("", |project| project.root.as_str());
    let in_rust = project.is_some_and(|project| project.framework == Framework::CargoTest);
    baseline
        .tests
        .iter()
        // A doctest lives in the very file that it tests.
        .filter(|test| !test.id.contains("::doctest::"))
        .filter_map(|test| test.id.split_once("::"))
        // So do a crate's unit tests; their ids begin with the crate's root, whichever of its files they are in.
        .filter(|(file, _)| !in_rust || holds_tests_only(file))
        .map(|(file, _)| if root.is_empty() { file.to_owned() } else { format!("{root}/{file}") })
        .collect()
}
