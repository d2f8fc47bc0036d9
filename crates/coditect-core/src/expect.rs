//! Expectations before an action, and the violations that an observation shows.
//!
//! What is expected is written down before the action starts, so that it cannot be bent to what was seen.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::event::{Cause, Diagnosis, Response, ViolationKind};
use coditect_types::outcome::Proposal;
use coditect_types::plan::Intent;
use coditect_types::project::Framework;
use coditect_types::testing::Conflict;
use coditect_types::{
    ErrorKind, Expectation, Failure, Focus, Outcome, Receipt, TaskSpec, TestReport, TestResult, TestStatus,
};

use crate::belief::{self, Rate};
use crate::diagnose;
use crate::gateway;
use crate::goal::MAX_FAILURES;
use crate::hand_over::count;
use crate::luck;
use crate::newer;
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
    /// Why it is so, as far as is known.
    pub diagnosis: Option<Diagnosis>,
}

/// How often an action of ours does what it is for: infrastructure seldom fails.
const SUCCEEDS: Rate = Rate::prior(98.0, 2.0);
/// A proposal passed the red tests and the whole suite once already when it comes to be verified.
const TURNS_GREEN: Rate = Rate::prior(97.0, 3.0);
/// Most suites are steady, have what they need and agree with themselves.
const STEADY: f64 = 0.9;
const CAN_BE_MET: f64 = 0.95;
/// Most people wait for what they asked for.
const STAYS: f64 = 0.95;
/// How often a wrong change, or a broken action, shows.
pub(crate) const SHOWS: f64 = 0.95;
/// How often a run says that a test is red that is not; one that is red now and then was told before.
const TEST_NOISE: f64 = 0.005;
/// Runs that contradict a change: the suite's own, and those again that look for luck.
const RUNS_AGAINST: u32 = 2;
/// Nothing but a defect of ours makes a test vanish or touches a test file.
const KEEPS: f64 = 0.999;

/// How often an action says that it failed though it did not.
const FAILS_FOR_NOTHING: f64 = 1e-3;

/// A review goes by what stands there, not by what it means.
const OBJECTS: f64 = 0.9;

/// What is expected of a task's next attempt.
#[must_use]
pub fn expectations(state: &State, intent: &Intent) -> Vec<Expectation> {
    let mut all = vec![
        Expectation::Succeeds { probability: succeeds(state) },
        Expectation::EndsWithin { ms: allowance_ms(state, intent), probability: succeeds(state) },
    ];
    match intent {
        Intent::TurnTestsGreen { .. } | Intent::TryReply { .. } | Intent::MergeStrands => {
            all.push(Expectation::TestFilesUntouched { probability: KEEPS })
        }
        Intent::Rename => {}
        Intent::VerifyChange => all.extend([
            Expectation::TestsTurnGreen { tests: claimed(state), probability: turns_green(state) },
            Expectation::TestsStayGreen { probability: turns_green(state) },
            Expectation::NoTestVanishes { probability: KEEPS },
        ]),
        Intent::MeasureBaseline => all.extend([
            Expectation::TestsAreSteady { probability: STEADY },
            Expectation::TestsCanBeMet { probability: CAN_BE_MET },
        ]),
        Intent::HandOver => all.push(Expectation::WorkspaceStays { probability: STAYS }),
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::ReviewChange
        | Intent::AskForPlan { .. }
        | Intent::AskModel { .. }
        | Intent::AskForTests { .. }
        | Intent::TrySpecification { .. }
        | Intent::DoNothing => {}
    }
    all
}

/// Nobody was asked, and there is nobody else to ask: that is no try. A plan can be done without.
#[must_use]
pub(crate) fn waits_for_turn(state: &State, spec: &TaskSpec, failure: &Failure) -> bool {
    failure.unasked && !matches!(spec.intent, Intent::AskForPlan { .. }) && !gateway::has_other(state, spec)
}

/// How likely an action is to succeed, by how those of this mission did.
fn succeeds(state: &State) -> f64 {
    let (ended, failed) = state.policy.history.attempts;
    let failures = state.failures.saturating_add(failed);
    // What asked nobody was no try.
    let tries = state.attempts.saturating_sub(state.unasked).saturating_add(ended);
    SUCCEEDS.seen(tries.saturating_sub(failures), failures).mean()
}

/// How likely a proposal is to hold, by how those of this mission did.
fn turns_green(state: &State) -> f64 {
    TURNS_GREEN.seen(u32::from(state.world.receipt.is_some()), state.replans).mean()
}

/// The tests that are red on the snapshot every time and that are to turn green.
#[must_use]
pub fn red_tests(state: &State) -> Vec<String> {
    let aside = set_aside(state);
    let wanted = |id: &&str| state.policy.focus.wants_test(id) && !aside.contains(*id);
    always_red(state).map(|test| test.id.as_str()).filter(wanted).map(str::to_owned).collect()
}

/// How sure it must be that no change of the code helps a test before none is looked for.
const SET_ASIDE: f64 = 0.85;

/// Red tests that no change of the code can help, as far as their diagnoses tell: they lack something, or contradict a test
/// that is green. Where that is so of all of them it is not believed, and nothing is set aside where the person named tests.
#[must_use]
pub fn set_aside(state: &State) -> BTreeSet<&str> {
    let Some(baseline) = state.world.baseline.as_deref() else { return BTreeSet::new() };
    let focus = &state.policy.focus;
    if !focus.tests.is_empty() || !focus.aim.is_default() {
        return BTreeSet::new();
    }
    let is_green =
        |id: &str| baseline.tests.iter().any(|test| test.id == id && test.status == TestStatus::Passed);
    let contradicts = |id: &str| {
        baseline.conflicts.iter().any(|Conflict { one, other, .. }| {
            (one.0 == id && is_green(&other.0)) || (other.0 == id && is_green(&one.0))
        })
    };
    let lacks = |test: &TestResult| diagnose::lacks(test).is_some_and(|lack| lack.confidence >= SET_ASIDE);
    let red: Vec<&TestResult> = always_red(state).collect();
    let hopeless = red.iter().filter(|test| lacks(test) || contradicts(&test.id));
    let aside: BTreeSet<&str> = hopeless.map(|test| test.id.as_str()).collect();
    if aside.len() == red.len() { BTreeSet::new() } else { aside }
}

/// What the search and models are to go for: what the person said, without what is set aside.
#[must_use]
pub fn focus(state: &State) -> Focus {
    let focus = state.policy.focus.clone();
    if set_aside(state).is_empty() { focus } else { Focus { tests: red_tests(state), ..focus } }
}

/// The tests that are red on the snapshot every time.
fn always_red(state: &State) -> impl Iterator<Item = &TestResult> {
    let red = state.world.baseline.as_deref().into_iter().flat_map(TestReport::red);
    red.filter(|test| !test.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran))
}

/// The tests that were red before the change and may be so after it: nobody asked for them, or the proposal says
/// itself that it leaves them red.
#[must_use]
pub fn left_red(state: &State) -> BTreeSet<&str> {
    let proposal = state.world.proposal.as_deref();
    let left: BTreeSet<&str> =
        proposal.into_iter().flat_map(|p| &p.evidence.left_red).map(String::as_str).collect();
    let aside = set_aside(state);
    let may_stay = |id: &&str| left.contains(id) || aside.contains(id) || !state.policy.focus.wants_test(id);
    always_red(state).map(|test| test.id.as_str()).filter(may_stay).collect()
}

/// Those of them that are red after the change, as far as its proof tells.
#[must_use]
pub fn still_red(state: &State) -> BTreeSet<&str> {
    let turned = |id: &str| {
        let receipt = state.world.receipt.as_deref();
        receipt.is_some_and(|receipt| receipt.after.get(id) == Some(&TestStatus::Passed))
    };
    left_red(state).into_iter().filter(|id| !turned(id)).collect()
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
        diagnosis: Some(diagnose::wrong_change(first.clone(), OBJECTS, 0)),
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
                && (waits_for_turn(state, task.spec, failure) || task.failures + 1 < MAX_FAILURES);
            vec![Violation {
                kind: kind_of(failure.kind),
                expected: "the action succeeds".into(),
                observed: failure.cause.clone(),
                // It said so itself.
                confidence: belief::wrong(succeeds(state), 1.0, FAILS_FOR_NOTHING, 1),
                response: if retry { Response::Retry } else { Response::Stop },
                diagnosis: Some(diagnose::failure(failure)),
            }]
        }
        Outcome::ChangeProposed { proposal, .. }
        | Outcome::ChangesMerged { proposal: Some(proposal), .. } => {
            let mut found = changes_others(state, task, proposal);
            found.extend(proposal.evidence.halved.iter().flat_map(diagnose::halved));
            found.extend(newly_flaky(state, proposal.evidence.flaky.iter()));
            found
        }
        Outcome::ChangeReviewed { objections, .. } => objected(objections),
        Outcome::ChangeVerified { receipt, report, .. } => {
            let mut found = contradicted_by(state, receipt, report);
            found.extend(newly_flaky(state, receipt.flaky.iter()));
            found.extend(diagnose::killed(report));
            found
        }
        Outcome::ReplyRefused { halved, diff, account, .. } => {
            let mut found: Vec<Violation> = halved.iter().flat_map(diagnose::halved).collect();
            // Where a change could be made of it, the tests judge that, which is the ordinary way of an answer.
            let is_none = diff.is_empty() && matches!(task.spec.intent, Intent::TryReply { .. });
            found.extend(is_none.then(|| diagnose::no_answer(account)));
            found
        }
        Outcome::BaselineMeasured { report, .. } => diagnose::baseline(report),
        Outcome::HeadMoved { carried } => vec![newer::moved_on(carried)],
        Outcome::HandedOver { moved, .. } => moved_on(state, moved),
        Outcome::SnapshotTaken { .. }
        | Outcome::ProjectSurveyed { .. }
        | Outcome::NoChangeFound { .. }
        | Outcome::ContextGathered { .. }
        | Outcome::NeedsFirst { .. }
        | Outcome::ModelAnswered { .. }
        | Outcome::SpecificationWritten { .. }
        | Outcome::ChangesMerged { proposal: None, .. }
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
        diagnosis: Some(diagnose::wrong_change(expected, KEEPS, 0)),
    };
    found.into_iter().filter(|(files, _)| !files.is_empty()).map(violation).collect()
}

/// What a run of the suite on the changed tree contradicts. `left`: may be red as before.
fn contradicted_by(state: &State, receipt: &Receipt, report: &TestReport) -> Vec<Violation> {
    let mut found: Vec<Violation> = broken(state, report).into_iter().collect();
    let left = &left_red(state);
    let flaky: BTreeSet<&str> = report.flaky().map(|test| test.id.as_str()).collect();
    let by_order = |id: &str| report.orders.iter().any(|seen| seen.test == id && !seen.green);
    let ordered: Vec<Violation> =
        report.orders.iter().filter(|seen| !seen.green).map(diagnose::red_by_order).collect();
    let red: Vec<&str> = report
        .red()
        .map(|test| test.id.as_str())
        .filter(|id| !flaky.contains(id) && !receipt.flaky.contains_key(*id) && !left.contains(id))
        .filter(|id| luck::known(state, id).is_none() && !by_order(id))
        .collect();
    let explained = !ordered.is_empty() || !flaky.is_empty() || !receipt.flaky.is_empty() || !left.is_empty();
    if !red.is_empty() || (receipt.exit_code != 0 && !explained) {
        let confidence = belief::wrong(TURNS_GREEN.mean(), SHOWS, TEST_NOISE, RUNS_AGAINST);
        found.push(Violation {
            kind: ViolationKind::TestExpectation,
            expected: "the red tests turn green and the green ones stay green".into(),
            observed: said_of_red(&red, receipt.exit_code, &report.problems),
            confidence,
            response: Response::Replan,
            diagnosis: Some(diagnose::wrong_change("red each time with it", confidence, RUNS_AGAINST)),
        });
    }
    found.extend(ordered);
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
            diagnosis: Some(diagnose::wrong_change("tests are gone with it", KEEPS, 1)),
        });
    }
    found
}

/// Of the tests that were unsteady before and are red in each run with the change, the one that is likeliest to be broken.
fn broken(state: &State, report: &TestReport) -> Option<Violation> {
    let left = left_red(state);
    let red = report.red().filter(|test| !left.contains(test.id.as_str()));
    let each = red.filter_map(|test| {
        let known = luck::known(state, &test.id)?;
        let (passed, ran) = test.passes_of_runs.unwrap_or((0, 1));
        (passed == 0).then(|| (luck::broken(TURNS_GREEN.mean(), SHOWS, known, ran), test, known, ran))
    });
    let (confidence, test, (passed, runs), ran) = each.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let evidence = format!("red in {ran} of {ran} runs with it, and it passed {passed} of {runs} without");
    Some(Violation {
        kind: ViolationKind::TestExpectation,
        expected: format!("`{}` is as steady with the change as without it", test.id),
        observed: format!("`{}` was {evidence}", test.id),
        confidence,
        response: Response::Replan,
        diagnosis: Some(diagnose::wrong_change(evidence, confidence, ran)),
    })
}

/// How often each test that is known to be unsteady must be red in a row with a change to be broken by it.
#[must_use]
pub(crate) fn runs_needed(state: &State) -> BTreeMap<String, u32> {
    luck::runs_needed(state, TURNS_GREEN.mean(), SHOWS)
}

/// Tests that turned out to be flaky only now.
fn newly_flaky<'r>(
    state: &State,
    found: impl Iterator<Item = (&'r String, &'r (u32, u32))>,
) -> Vec<Violation> {
    let world = &state.world;
    let known = |id: &String| {
        let in_baseline =
            world.baseline.as_deref().is_some_and(|report| report.flaky().any(|test| test.id == *id));
        let in_proposal =
            world.proposal.as_deref().is_some_and(|proposal| proposal.evidence.flaky.contains_key(id));
        in_baseline || in_proposal
    };
    found
        .filter(|(id, _)| !known(id))
        .map(|(id, (passed, ran))| diagnose::unsteady(id, *passed, *ran))
        .collect()
}

/// The kind of a failure that an action tells of itself.
fn kind_of(kind: ErrorKind) -> ViolationKind {
    match kind {
        ErrorKind::Interrupted => ViolationKind::Timeout,
        ErrorKind::Exhausted => ViolationKind::Resource,
        ErrorKind::NoSandbox | ErrorKind::NotFound | ErrorKind::Denied => ViolationKind::Environment,
        ErrorKind::Bug => ViolationKind::AgentSilent,
        ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::Unavailable => ViolationKind::ActionFailed,
    }
}

/// What the person changed in their directory meanwhile.
fn moved_on(state: &State, moved: &[String]) -> Vec<Violation> {
    if moved.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = moved.iter().map(String::as_str).collect();
    let evidence = match touched_by_both(state, moved).as_slice() {
        [] => "none of these files is in the change".to_owned(),
        both => format!("the change has {} too", some(both)),
    };
    vec![Violation {
        kind: ViolationKind::ConcurrentChange,
        expected: "your files are what they were when the work began".into(),
        observed: format!("{} changed meanwhile: {}", count(moved.len(), "file"), some(&names)),
        confidence: KEEPS,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis { cause: Cause::ConcurrentChange, evidence, confidence: KEEPS, runs: 0 }),
    }]
}

/// Files that the person changed meanwhile and that the change touches as well.
#[must_use]
pub fn touched_by_both<'m>(state: &State, moved: &'m [String]) -> Vec<&'m str> {
    let files = state.world.proposal.as_deref().map(|proposal| proposal.files.as_slice()).unwrap_or_default();
    moved.iter().map(String::as_str).filter(|path| files.iter().any(|file| file.path == *path)).collect()
}

/// A receipt that is not of the tree that it is to speak for.
#[must_use]
pub fn stale(state: &State, outcome: &Outcome) -> Option<Violation> {
    let Outcome::ChangeVerified { receipt, .. } = outcome else { return None };
    let tree = match newer::to_prove(state) {
        Some(carried) => carried.tree.as_deref()?,
        None => &state.world.proposal.as_deref()?.tree,
    };
    (receipt.tree != tree).then(|| Violation {
        kind: ViolationKind::ReceiptStale,
        expected: format!("a receipt of tree {}", short(tree)),
        observed: format!("a receipt of tree {}", short(&receipt.tree)),
        confidence: KEEPS,
        response: Response::Retry,
        diagnosis: Some(Diagnosis {
            cause: Cause::Infrastructure,
            evidence: "the evidence is of another tree".into(),
            confidence: KEEPS,
            runs: 0,
        }),
    })
}

fn short(tree: &str) -> &str {
    tree.get(..12).unwrap_or(tree)
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
pub(crate) fn some(ids: &[&str]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn test(id: &str, status: TestStatus, error_type: &str, message: &str) -> TestResult {
        TestResult {
            id: id.into(),
            status,
            us: 1,
            message: message.into(),
            error_type: error_type.into(),
            frames: Vec::new(),
            passes_of_runs: None,
        }
    }

    fn state(tests: Vec<TestResult>, conflicts: Vec<Conflict>) -> State {
        let mut state = State::default();
        state.world.baseline = Some(Arc::new(TestReport { tests, conflicts, ..TestReport::default() }));
        state
    }

    fn wrong() -> TestResult {
        test("t::wrong", TestStatus::Failed, "AssertionError", "1 != 2")
    }

    fn offline() -> TestResult {
        test("t::online", TestStatus::Errored, "gaierror", "[Errno -3] Temporary failure in name resolution")
    }

    #[test]
    fn what_no_change_can_help_is_set_aside_beside_others() {
        let state = state(vec![offline(), wrong()], Vec::new());
        assert_eq!(set_aside(&state), BTreeSet::from(["t::online"]));
        assert_eq!(red_tests(&state), ["t::wrong"]);
        assert_eq!(left_red(&state), BTreeSet::from(["t::online"]));
        assert_eq!(focus(&state).tests, ["t::wrong"]);
    }

    #[test]
    fn what_was_set_aside_and_turned_green_is_not_red() {
        let mut state = state(vec![offline(), wrong()], Vec::new());
        let mut receipt: Receipt = serde_json::from_value(serde_json::json!({
            "command": [], "directory": "", "tree": "", "exit_code": 0, "before": {}, "flaky": {}, "output_hash": "",
            "after": { "t::online": "failed" }, "tier": "wasm", "enforced": {}, "taken_at_ms": 0, "wall_ms": 0,
        }))
        .unwrap();
        state.world.receipt = Some(Arc::new(receipt.clone()));
        assert_eq!(still_red(&state), BTreeSet::from(["t::online"]));
        receipt.after.insert("t::online".into(), TestStatus::Passed);
        state.world.receipt = Some(Arc::new(receipt));
        assert!(still_red(&state).is_empty());
    }

    #[test]
    fn where_all_of_them_lack_something_nothing_is_set_aside() {
        let state = state(vec![offline()], Vec::new());
        assert!(set_aside(&state).is_empty() && left_red(&state).is_empty());
        assert_eq!(red_tests(&state), ["t::online"]);
        assert_eq!(focus(&state), state.policy.focus);
    }

    #[test]
    fn whoever_names_tests_gets_them() {
        let mut state = state(vec![offline(), wrong()], Vec::new());
        let named = Focus { tests: vec!["t::online".into()], ..Focus::default() };
        state.policy = Arc::new(coditect_types::Policy { focus: named, ..Default::default() });
        assert!(set_aside(&state).is_empty());
        assert_eq!(red_tests(&state), ["t::online"]);
    }

    #[test]
    fn a_red_test_that_contradicts_a_green_one_is_set_aside() {
        let conflict = |one: &str, other: &str| Conflict {
            about: "f(1)".into(),
            one: (one.into(), "1".into()),
            other: (other.into(), "2".into()),
        };
        let green = test("t::green", TestStatus::Passed, "", "");
        let says = test("t::says", TestStatus::Failed, "AssertionError", "1 != 2");
        let of = |conflict| state(vec![green.clone(), says.clone(), wrong()], vec![conflict]);
        assert_eq!(set_aside(&of(conflict("t::green", "t::says"))), BTreeSet::from(["t::says"]));
        // Of two red ones, either may be the right one.
        assert!(set_aside(&of(conflict("t::says", "t::wrong"))).is_empty());
    }

    #[test]
    fn what_a_mission_saw_moves_what_it_expects() {
        let mut state = State { attempts: 10, ..State::default() };
        let calm = succeeds(&state);
        state.failures = 6;
        assert!(succeeds(&state) < calm);
        let first = turns_green(&state);
        state.replans = 3;
        assert!(turns_green(&state) < first);
    }
}
