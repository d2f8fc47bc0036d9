//! Where no test shows what is asked for, tests are written first: a model is asked for some that fail now and pass once the
//! work is done. Once they are red on the snapshot, and nothing else is, the mission goes on as if the person had written
//! them, from the cheapest rung.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_types::event::TaskEnd;
use coditect_types::outcome::ChangedFile;
use coditect_types::plan::Intent;
use coditect_types::{Aim, Event, ModelRequest, ModelSpec, Outcome, Snapshot, TaskId, TestReport};

use crate::context::{self, Turn};
use crate::decide::Draft;
use crate::expect::red_tests;
use crate::gateway::{self, MAX_REPLIES};
use crate::goal::unknown_tests;
use crate::plan;
use crate::request::{Wish, wish};
use crate::spending::{pay, pay_rung};
use crate::stages::wanted;
use crate::state::State;
use crate::tasks::TaskState;

/// What was asked for and answered, and the tests that came of it.
#[derive(Clone, Debug, Default)]
pub struct Specification {
    /// How each model answered so far.
    pub turns: BTreeMap<String, Vec<Turn>>,
    /// The model and the text of the newest answer, while nobody has tried it.
    pub reply: Option<Arc<(String, String)>>,
    /// What the newest answer that did not do came to.
    pub account: String,
    /// The tests, once there are some.
    pub written: Option<Arc<Written>>,
}

/// Tests that a model wrote from the request.
#[derive(Clone, Debug)]
pub struct Written {
    /// The model.
    pub model: String,
    /// What the person saw, without them.
    pub base: Snapshot,
    /// What the suite said of that.
    pub baseline: Option<Arc<TestReport>>,
    /// Those that were red.
    pub tests: Vec<String>,
    /// The files that hold them.
    pub files: Vec<ChangedFile>,
}

/// Takes what an outcome says of tests that are to be written. False: it says nothing of them.
pub(crate) fn learn(state: &mut State, task: TaskId, outcome: &Outcome) -> bool {
    let Some(intent) = state.task(task).map(|task| task.spec.intent.clone()) else { return false };
    let is_ours = matches!(intent, Intent::AskForTests { .. } | Intent::TrySpecification { .. });
    let about = Arc::make_mut(&mut state.world.specification);
    if let (true, Outcome::ModelAnswered { model, reply, .. }) = (is_ours, outcome) {
        let turn = Turn::new(&reply.text);
        about.turns.entry(model.clone()).or_default().push(turn);
        about.reply = Some(Arc::new((model.clone(), reply.text.clone())));
    } else if let (true, Outcome::ReplyRefused { rung, account, feedback, spent, .. }) = (is_ours, outcome) {
        if let Some((model, _)) = about.reply.take().as_deref()
            && let Some(turn) = about.turns.get_mut(model).and_then(|turns| turns.last_mut())
        {
            turn.feedback.clone_from(feedback);
        }
        about.account.clone_from(account);
        pay_rung(&mut state.ledger, *rung, spent, 0);
    } else if let (true, Outcome::ChangeProposed { .. }) = (is_ours, outcome) {
        // Tests that are all that was asked for: the rest is a change like others.
        about.reply = None;
        return false;
    } else if let (true, Outcome::SpecificationWritten { model, snapshot, tests, files, spent, .. }) =
        (is_ours, outcome)
    {
        about.reply = None;
        pay(&mut state.ledger, spent);
        let Some(base) = state.world.snapshot.as_deref() else { return true };
        about.written = Some(Arc::new(Written {
            model: model.clone(),
            base: base.clone(),
            baseline: state.world.baseline.take(),
            tests: tests.clone(),
            files: files.clone(),
        }));
        // What was known is of another tree.
        state.world.snapshot = Some(Arc::new(snapshot.clone()));
        state.world.baseline_receipt = None;
        state.world.context = None;
        state.world.suspects = Arc::default();
    } else {
        return false;
    }
    true
}

/// Plans what is needed to have tests.
pub(crate) fn pursue(draft: &mut Draft) {
    let state = &draft.state;
    if state.concluding || state.open_tasks().next().is_some() {
        return;
    }
    let about = &state.world.specification;
    if let (Some(written), None) = (&about.written, &state.world.baseline) {
        let is_measured = |intent: &Intent| *intent == Intent::MeasureBaseline;
        if state.tasks.iter().filter(|task| is_measured(&task.spec.intent)).count() > 1 {
            return;
        }
        let reason = format!("`{}` wrote tests that show what is asked for: they come first", written.model);
        let tasks = plan::measure_again(state);
        draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
        return;
    }
    if !is_wanted(state) {
        return;
    }
    let Some(model) = next(state, draft.now_ms) else { return };
    let reason = match about.turns.get(&model.name).map_or(0, Vec::len) {
        0 if adds_tests(state) => format!("tests are asked for: ask `{}`", model.name),
        0 => format!(
            "no test shows what is asked for: ask `{}` for some that fail until it is there",
            model.name
        ),
        n => format!("answer {n} of `{}` holds no such tests: ask again with what became of it", model.name),
    };
    let tasks = if adds_tests(state) { plan::add_tests(state, &model) } else { plan::specify(state, &model) };
    draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
}

/// Whether tests are lacking for what is asked for.
fn is_wanted(state: &State) -> bool {
    let by_tests = matches!(wish(wanted(state)), Wish::FixTests | Wish::RenewSnapshots);
    let Some(baseline) = state.world.baseline.as_deref() else { return false };
    let steady = baseline.problems.is_empty() && !baseline.tests.is_empty();
    let one_by_one = state.world.project.as_deref().is_some_and(|project| project.is_test_by_test());
    if adds_tests(state) {
        return steady && one_by_one && state.world.proposal.is_none() && state.world.handed.is_none();
    }
    !by_tests
        && steady
        && one_by_one
        && state.policy.focus.aim.is_default()
        && state.world.specification.written.is_none()
        && red_tests(state).is_empty()
        && baseline.red().next().is_none()
        && unknown_tests(state).is_empty()
}

/// Tests are all that is asked for.
pub(crate) fn adds_tests(state: &State) -> bool {
    state.policy.focus.aim == Aim::AddTests
}

/// What became of tests after they were proposed, for the next turn of the model that wrote them.
pub(crate) fn tell(state: &mut State, said: &str) {
    let about = Arc::make_mut(&mut state.world.specification);
    about.account = format!("Tests were refused. {said}");
    // Any of them may have been the newest: models that said nothing since are told nothing.
    if let Some(turn) =
        about.turns.values_mut().filter_map(|turns| turns.last_mut()).find(|turn| turn.feedback.is_empty())
    {
        said.clone_into(&mut turn.feedback);
    }
}

/// The next model of the cascade that is to write tests and that can be paid for.
fn next(state: &State, now_ms: u64) -> Option<ModelSpec> {
    askable(state).find(|spec| pay_for(state, spec, now_ms).is_ok()).cloned()
}

/// Why no model was asked once more, where that is for want of a budget.
pub(crate) fn too_dear(state: &State, now_ms: u64) -> Option<String> {
    let first =
        askable(state).filter(|_| is_wanted(state)).map(|spec| pay_for(state, spec, now_ms)).next()?;
    first.err()
}

/// The models that may answer once more, cheapest first.
fn askable(state: &State) -> impl Iterator<Item = &ModelSpec> {
    state.policy.models.iter().filter(|spec| {
        state.policy.allows(spec.rung)
            && !given_up(state, &spec.name)
            && turns(state, &spec.name).len() < MAX_REPLIES
    })
}

fn pay_for(state: &State, spec: &ModelSpec, now_ms: u64) -> Result<u64, String> {
    let request = context::request_for_tests(state, spec, turns(state, &spec.name));
    gateway::pay_for(&gateway::purse(state, None, now_ms), spec, request.as_ref())
}

/// The request for tests as far as the mission can pay for it; None: it cannot.
pub(crate) fn affordable(state: &State, spec: &ModelSpec, now_ms: u64) -> Option<ModelRequest> {
    let request = context::request_for_tests(state, spec, turns(state, &spec.name))?;
    gateway::fitted(&gateway::purse(state, None, now_ms), spec, request)
}

fn turns<'s>(state: &'s State, model: &str) -> &'s [Turn] {
    state.world.specification.turns.get(model).map_or(&[], Vec::as_slice)
}

fn given_up(state: &State, model: &str) -> bool {
    state.tasks.iter().any(|task| {
        task.state == TaskState::Settled(TaskEnd::Failed)
            && matches!(&task.spec.intent, Intent::AskForTests { model: of } if of == model)
    })
}

/// A model answered, whatever that was good for.
pub(crate) fn any_answer(state: &State) -> bool {
    !state.world.specification.turns.is_empty()
}

/// What the person saw, where work starts from tests that were added to it.
pub(crate) fn base(state: &State) -> Option<&Snapshot> {
    state.world.specification.written.as_deref().map(|written| &written.base)
}

/// Tests that ran before others were added must run after the change, though what was added may have kept all from being
/// built.
pub(crate) fn with_earlier_tests(state: &State, baseline: &mut TestReport) {
    let Some(earlier) =
        state.world.specification.written.as_deref().and_then(|written| written.baseline.as_deref())
    else {
        return;
    };
    let known: BTreeSet<&str> = baseline.tests.iter().map(|test| test.id.as_str()).collect();
    let lacking: Vec<_> =
        earlier.tests.iter().filter(|test| !known.contains(test.id.as_str())).cloned().collect();
    baseline.tests.extend(lacking);
}

/// What became of the attempts to have tests.
pub(crate) fn account(state: &State) -> &str {
    &state.world.specification.account
}

/// Who wrote which tests, in a sentence.
pub(crate) fn told(state: &State) -> Option<String> {
    let written = state.world.specification.written.as_deref()?;
    let files: Vec<String> = written.files.iter().map(|file| format!("`{}`", file.path)).collect();
    Some(format!("Tests came first: `{}` wrote {} from the request.", written.model, files.join(", ")))
}

/// What limits a result that rests on such tests.
pub(crate) fn caveat(state: &State) -> Option<String> {
    state.world.specification.written.as_deref().map(caveat_of)
}

/// The same for some that were written.
pub(crate) fn caveat_of(written: &Written) -> String {
    let files: Vec<String> = written.files.iter().map(|file| format!("`{}`", file.path)).collect();
    format!(
        "`{}` wrote the tests that prove it ({}), from your words: read them first",
        written.model,
        files.join(", ")
    )
}
