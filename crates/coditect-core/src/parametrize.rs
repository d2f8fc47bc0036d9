//! Parametrization: an intent and what is known become a concrete action, with all that an agent needs.

use coditect_types::limits::CallLimits;
use coditect_types::plan::Intent;
use coditect_types::{Action, Budget, Focus, ModelSpec, Rung, TaskSpec, TestReport};

use crate::expect;
use crate::gateway;
use crate::hand_over;
use crate::newer;
use crate::request::renews_snapshots;
use crate::specification;
use crate::stages::{self, wanted_and_files};
use crate::state::State;
use crate::strands;

/// Added to the limits of the runs inside an action: checkouts, reports, starting processes. ms.
const SLACK_MS: u64 = 120_000;
/// Attempts under way at once in one mission, where the policy does not say.
const AGENTS: usize = 8;
/// An action reruns a suite at most about this many times (hanging tests, flaky tests).
const SUITE_RUNS: u64 = 6;

/// One that looks for the change that does not go with the others runs a part of it at most about this many times.
const MERGE_RUNS: u64 = 24;

/// Time at most in which a search tries to mend one answer of a model, ms: no more than asking once more takes.
const MENDING_MS: u64 = 45_000;
/// The part of what is left that it may take.
const MENDING_PART: u64 = 4;
/// The same for a small model, whose next answer is near.
const MENDING_SMALL_MS: u64 = 20_000;
const MENDING_SMALL_PART: u64 = 8;

/// Time at most in which parts of a change are tried that does what it is for and breaks something else, ms, and the part of
/// what is left that this may take.
const HALVING_MS: u64 = 30_000;
const HALVING_PART: u64 = 8;

/// The action for a task at this time, or None while the world model lacks something that it needs.
#[must_use]
pub fn parametrize(state: &State, spec: &TaskSpec, now_ms: u64) -> Option<Action> {
    let world = &state.world;
    let policy = &state.policy;
    let snapshot = || world.snapshot.as_deref().cloned();
    let workspace = || state.workspace.as_deref().cloned();
    Some(match &spec.intent {
        Intent::TakeSnapshot => Action::TakeSnapshot { workspace: workspace()? },
        Intent::SurveyProject => Action::SurveyProject {
            snapshot: snapshot()?,
            workspace: workspace(),
            test_command: policy.test_command.clone(),
            report: policy.report.clone(),
            sandbox: policy.sandbox,
        },
        Intent::MeasureBaseline => Action::MeasureBaseline {
            snapshot: snapshot()?,
            project: world.project.as_deref()?.clone(),
            limits: policy.suite.clone(),
            sandbox: policy.sandbox,
            waived: policy.waived.clone(),
        },
        Intent::TurnTestsGreen { rung } => Action::SeekChange {
            rung: *rung,
            snapshot: snapshot()?,
            project: world.project.as_deref()?.clone(),
            baseline: world.baseline.as_deref()?.clone(),
            suspects: world.suspects.to_vec(),
            request: wanted_and_files(state),
            refused: world.refused.to_vec(),
            limits: policy.suite.clone(),
            budget: left(state, now_ms),
            seed: policy.seed,
            focus: Focus {
                test_snapshots: policy.focus.test_snapshots || renews_snapshots(stages::wanted(state)),
                ..expect::focus(state)
            },
            waived: policy.waived.clone(),
        },
        Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::AskForPlan { .. }
        | Intent::AskModel { .. }
        | Intent::AskForTests { .. }
        | Intent::TrySpecification { .. }
        | Intent::TryReply { .. }
        | Intent::MergeStrands => by_model(state, spec, now_ms)?,
        Intent::Rename => Action::Rename {
            snapshot: snapshot()?,
            project: world.project.as_deref()?.clone(),
            baseline: world.baseline.as_deref()?.clone(),
            focus: expect::focus(state),
            limits: policy.suite.clone(),
            waived: policy.waived.clone(),
        },
        Intent::ReviewChange => review(state)?,
        Intent::VerifyChange => verify(state)?,
        Intent::HandOver => hand_over(state)?,
        Intent::DoNothing => Action::DoNothing,
    })
}

/// The action that looks at the change that is stood for.
fn review(state: &State) -> Option<Action> {
    let world = &state.world;
    let proposal = world.proposal.as_deref()?;
    Some(Action::ReviewChange {
        snapshot: world.snapshot.as_deref()?.clone(),
        commit: proposal.commit.clone(),
        files: proposal.files.iter().map(|file| file.path.clone()).collect(),
        project: world.project.as_deref()?.clone(),
        baseline: world.baseline.as_deref()?.clone(),
        request: state.request.to_string(),
        focus: expect::focus(state),
    })
}

/// The action that proves it.
fn verify(state: &State) -> Option<Action> {
    let world = &state.world;
    Some(Action::VerifyChange {
        snapshot: world.snapshot.as_deref()?.clone(),
        commit: match newer::to_prove(state) {
            Some(carried) => carried.commit.clone()?,
            None => world.proposal.as_deref()?.commit.clone(),
        },
        project: world.project.as_deref()?.clone(),
        baseline: as_known_now(state)?,
        unsteady: expect::runs_needed(state),
        limits: state.policy.suite.clone(),
        waived: state.policy.waived.clone(),
    })
}

/// The action that gives it to the person.
fn hand_over(state: &State) -> Option<Action> {
    let (world, workspace) = (&state.world, state.workspace.as_deref()?);
    // Earlier stages, and tests that were written for it, are a part of what is handed over.
    let base = stages::base(state).or(specification::base(state)).or(world.snapshot.as_deref())?;
    Some(Action::HandOver {
        workspace: workspace.clone(),
        snapshot: base.clone(),
        commit: world.proposal.as_deref()?.commit.clone(),
        message: hand_over::message(state)?,
        delivery: state.policy.delivery,
        carried: newer::proved(state).cloned(),
        seen: world.heads.seen.clone(),
    })
}

/// What the suite said of the snapshot, with the tests that turned out to be flaky since.
fn as_known_now(state: &State) -> Option<TestReport> {
    let mut baseline = state.world.baseline.as_deref()?.clone();
    specification::with_earlier_tests(state, &mut baseline);
    let flaky = &state.world.proposal.as_deref()?.evidence.flaky;
    for test in &mut baseline.tests {
        if let Some(rate) = flaky.get(&test.id) {
            test.passes_of_runs = Some(*rate);
        }
    }
    Some(baseline)
}

fn gathering(state: &State) -> Option<Action> {
    let (world, policy) = (&state.world, &state.policy);
    Some(Action::GatherContext {
        snapshot: world.snapshot.as_deref()?.clone(),
        project: world.project.as_deref()?.clone(),
        baseline: world.baseline.as_deref()?.clone(),
        suspects: world.suspects.to_vec(),
        request: wanted_and_files(state),
        focus: expect::focus(state),
        also: world.granted.to_vec(),
        limits: policy.suite.clone(),
        waived: policy.waived.clone(),
        places: remembered_at(state),
    })
}

/// The directories whose past may be shown to a model: the person's, and the top of its repository. None where memory is not to be
/// asked.
fn remembered_at(state: &State) -> Vec<String> {
    let Some(workspace) = state.workspace.as_ref().filter(|_| state.policy.allows(Rung::Memory)) else {
        return Vec::new();
    };
    let mut places = vec![workspace.path.clone()];
    let subdir = state.world.snapshot.as_deref().map_or("", |snapshot| snapshot.subdir.as_str());
    if !subdir.is_empty()
        && let Some(top) = workspace.path.strip_suffix(subdir).and_then(|top| top.strip_suffix('/'))
    {
        places.push(top.to_owned());
    }
    places
}

/// The action for a task that has to do with models.
fn by_model(state: &State, spec: &TaskSpec, now_ms: u64) -> Option<Action> {
    let (world, policy) = (&state.world, &state.policy);
    let snapshot = || world.snapshot.as_deref().cloned();
    Some(match &spec.intent {
        Intent::GatherContext | Intent::GatherMore { .. } => gathering(state)?,
        Intent::AskForPlan { model } => plan_by(state, model, now_ms)?,
        Intent::AskModel { model } => {
            let model = policy.models.iter().find(|spec| spec.name == *model)?;
            Action::AskModel {
                model: model.clone(),
                request: gateway::affordable(state, model, spec.strand, now_ms)?,
                limits: call_limits(state, model, now_ms),
            }
        }
        Intent::AskForTests { .. } | Intent::TrySpecification { .. } => for_tests(state, spec, now_ms)?,
        Intent::TryReply { rung } => {
            let strand = spec.strand.and_then(|id| world.strands.get(&id));
            let (reply, refused) = match strand {
                Some(strand) => (strand.reply.as_deref(), &strand.refused),
                None => (world.reply.as_deref(), &*world.refused),
            };
            let (model, reply) = reply?;
            let turns = strand.map_or(&*world.turns, |strand| &strand.turns);
            let turn = turns.get(model).and_then(|turns| turns.last());
            Action::TryReply {
                in_part: turn.and_then(|turn| turn.in_part.as_deref().cloned()),
                rung: *rung,
                model: model.clone(),
                reply: reply.clone(),
                // What a change may reach for, the person says; the words of a stage are a model's.
                request: state.request.to_string(),
                snapshot: snapshot()?,
                project: world.project.as_deref()?.clone(),
                baseline: world.baseline.as_deref()?.clone(),
                refused: refused.clone(),
                mending: mending(state, spec, now_ms),
                halving_ms: halving_ms(state, now_ms),
                limits: policy.suite.clone(),
                focus: expect::focus(state),
                waived: policy.waived.clone(),
                strand: strand.map(|strand| strand.spec.as_ref().clone()),
                granted: world.granted.to_vec(),
            }
        }
        Intent::MergeStrands => Action::MergeStrands {
            snapshot: snapshot()?,
            project: world.project.as_deref()?.clone(),
            baseline: world.baseline.as_deref()?.clone(),
            changes: strands::changes(state),
            contradicted: world.contradicted.as_deref().cloned(),
            halving_ms: halving_ms(state, now_ms),
            limits: policy.suite.clone(),
            focus: expect::focus(state),
            waived: policy.waived.clone(),
        },
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::MeasureBaseline
        | Intent::TurnTestsGreen { .. }
        | Intent::Rename
        | Intent::ReviewChange
        | Intent::VerifyChange
        | Intent::HandOver
        | Intent::DoNothing => return None,
    })
}

/// The action that asks a model how the request divides.
fn plan_by(state: &State, model: &str, now_ms: u64) -> Option<Action> {
    let model = state.policy.models.iter().find(|spec| spec.name == model)?;
    let request = stages::affordable(state, model, now_ms)?;
    Some(Action::AskModel { model: model.clone(), request, limits: call_limits(state, model, now_ms) })
}

/// The action for a task that has to do with tests which are to be written.
fn for_tests(state: &State, spec: &TaskSpec, now_ms: u64) -> Option<Action> {
    let (world, policy) = (&state.world, &state.policy);
    if let Intent::AskForTests { model } = &spec.intent {
        let model = policy.models.iter().find(|spec| spec.name == *model)?;
        return Some(Action::AskModel {
            model: model.clone(),
            request: specification::affordable(state, model, now_ms)?,
            limits: call_limits(state, model, now_ms),
        });
    }
    let Intent::TrySpecification { rung } = &spec.intent else { return None };
    let (model, reply) = world.specification.reply.as_deref()?;
    Some(Action::TrySpecification {
        rung: *rung,
        model: model.clone(),
        reply: reply.clone(),
        request: state.request.to_string(),
        snapshot: world.snapshot.as_deref()?.clone(),
        project: world.project.as_deref()?.clone(),
        baseline: world.baseline.as_deref()?.clone(),
        as_it_is: specification::adds_tests(state),
        limits: policy.suite.clone(),
        waived: policy.waived.clone(),
    })
}

/// How long an action may take before it is given up, ms. Its own limits are reached first.
#[must_use]
pub fn allowance_ms(state: &State, intent: &Intent) -> u64 {
    let suite = state.policy.suite.wall_ms;
    match intent {
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::ReviewChange
        | Intent::HandOver
        | Intent::DoNothing => 5 * SLACK_MS,
        Intent::AskForPlan { model } | Intent::AskModel { model } | Intent::AskForTests { model } => {
            let spec = state.policy.models.iter().find(|spec| spec.name == *model);
            spec.map_or(CallLimits::default().wall_ms, |spec| spec.limits.wall_ms) + SLACK_MS / 4
        }
        Intent::MeasureBaseline | Intent::VerifyChange | Intent::TrySpecification { .. } | Intent::Rename => {
            SUITE_RUNS * suite + SLACK_MS
        }
        // Those of other strands may be before it, each of which runs a suite or two on one of the cores.
        Intent::TryReply { .. } => {
            let beside = state.world.strands.len().min(agents(state)) as u64;
            (SUITE_RUNS + beside) * suite + MENDING_MS + HALVING_MS + SLACK_MS
        }
        Intent::TurnTestsGreen { .. } => state.policy.budget.search_ms + SUITE_RUNS * suite + SLACK_MS,
        Intent::MergeStrands => MERGE_RUNS * suite + HALVING_MS + SLACK_MS,
    }
}

/// Attempts under way at once in a mission.
#[must_use]
pub fn agents(state: &State) -> usize {
    match state.policy.agents {
        0 => AGENTS,
        n => n as usize,
    }
}

/// What a search may spend on an answer that is nearly right. The tests of a strand alone tell too little for one.
fn mending(state: &State, spec: &TaskSpec, now_ms: u64) -> Budget {
    let left = left(state, now_ms);
    let by_tests = state.policy.focus.aim.is_default();
    let is_wanted =
        spec.strand.is_none() && by_tests && state.policy.allows(Rung::Reflex) && !state.concluding;
    let is_small = matches!(spec.intent, Intent::TryReply { rung: Rung::SmallModel });
    let (part, most_ms) =
        if is_small { (MENDING_SMALL_PART, MENDING_SMALL_MS) } else { (MENDING_PART, MENDING_MS) };
    let most = (left.wall_ms - reserve_ms(state, left.wall_ms)) / part;
    Budget { search_ms: if is_wanted { most.min(most_ms) } else { 0 }, ..left }
}

/// What trying parts of a change may take. Only red tests say which part does what it is for.
fn halving_ms(state: &State, now_ms: u64) -> u64 {
    if !state.policy.focus.aim.is_default() || state.concluding {
        return 0;
    }
    let left = left(state, now_ms);
    ((left.wall_ms - reserve_ms(state, left.wall_ms)) / HALVING_PART).min(HALVING_MS)
}

/// How long a call may take: no longer than the mission has, with time kept back to try what is answered.
fn call_limits(state: &State, model: &ModelSpec, now_ms: u64) -> CallLimits {
    let left = left(state, now_ms).wall_ms;
    let most = (left - reserve_ms(state, left)).max(1);
    let own = model.limits;
    CallLimits { wall_ms: own.wall_ms.min(most), first_byte_ms: own.first_byte_ms.min(most), ..own }
}

/// Time that no search gets, so that it reports before it is cut off and what it found can be proved and handed over: a
/// tenth of what is left, or what the proof is likely to take, up to three quarters: a change that cannot be proved is
/// worth nothing.
fn reserve_ms(state: &State, wall_ms: u64) -> u64 {
    (wall_ms / 10).max(state.world.proof_ms.min(wall_ms / 4 * 3))
}

/// What is left of the budget.
#[must_use]
pub fn left(state: &State, now_ms: u64) -> Budget {
    let budget = &state.policy.budget;
    let searches = [Rung::Memory, Rung::Recipe, Rung::Reflex];
    let searched: u64 =
        searches.iter().filter_map(|rung| state.ledger.rungs.get(rung)).map(|cost| cost.wall_ms).sum();
    let reserved = gateway::reserved(state);
    let tokens = state.ledger.tokens_in + state.ledger.tokens_out;
    let wall_ms = budget.wall_ms.saturating_sub(state.active_ms(now_ms));
    // A search that is followed by a model leaves it half of the time.
    let search_ms =
        (wall_ms - reserve_ms(state, wall_ms)) / if state.policy.models.is_empty() { 1 } else { 2 };
    Budget {
        wall_ms,
        search_ms: budget.search_ms.saturating_sub(searched).min(search_ms),
        candidates: budget.candidates.saturating_sub(state.ledger.candidates),
        model_calls: budget.model_calls.saturating_sub(state.ledger.model_calls + reserved.model_calls),
        tokens: budget.tokens.saturating_sub(tokens.saturating_add(state.lost.tokens + reserved.tokens)),
        micro_usd: budget
            .micro_usd
            .saturating_sub(state.ledger.micro_usd.saturating_add(state.lost.micro_usd + reserved.micro_usd)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_leaves_time_for_the_proof() {
        let mut state = State::default();
        let budget = Budget { wall_ms: 120_000, search_ms: 300_000, ..Budget::default() };
        state.policy = std::sync::Arc::new(coditect_types::Policy { budget, ..Default::default() });
        let search_ms = |proof_ms| {
            state.world.proof_ms = proof_ms;
            left(&state, 20_000).search_ms
        };
        assert_eq!([0, 9_000, 16_000, 60_000].map(search_ms), [90_000, 90_000, 84_000, 40_000]);
    }
}
