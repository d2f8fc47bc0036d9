//! The planner's rules: from what is wished and known to tasks.

use coditect_types::plan::{Intent, Role};
use coditect_types::{Aim, ModelSpec, Rung, StrandId, TaskId, TaskSpec};

use crate::request::Wish;
use crate::stages;
use crate::state::State;

/// The role that an intent is for.
#[must_use]
pub fn role_of(intent: &Intent) -> Role {
    match intent {
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::MeasureBaseline
        | Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::DoNothing => Role::Analyzer,
        Intent::AskForPlan { .. } | Intent::AskModel { .. } | Intent::AskForTests { .. } => {
            Role::Orchestrator
        }
        Intent::TurnTestsGreen { .. } | Intent::TryReply { .. } | Intent::MergeStrands | Intent::Rename => {
            Role::Coder
        }
        Intent::ReviewChange => Role::Reviewer,
        Intent::VerifyChange | Intent::TrySpecification { .. } => Role::Tester,
        Intent::HandOver => Role::Deployer,
    }
}

/// The same in a mission: where no code may change, an answer is tried by another trade.
fn role_in(state: &State, intent: &Intent) -> Role {
    match (intent, &state.policy.focus.aim) {
        (Intent::TryReply { .. }, Aim::KeepCode) => Role::Documenter,
        (other, _) => role_of(other),
    }
}

/// A chain of tasks behind what is planned already: each needs the one before it.
#[must_use]
pub fn chain(planned: usize, intents: impl IntoIterator<Item = Intent>) -> Vec<TaskSpec> {
    let first = u32::try_from(planned).unwrap_or(u32::MAX).saturating_add(1);
    intents
        .into_iter()
        .zip(first..)
        .map(|(intent, id)| TaskSpec {
            id: TaskId(id),
            role: role_of(&intent),
            intent,
            needs: if id > first { vec![TaskId(id - 1)] } else { Vec::new() },
            strand: None,
            parent: None,
        })
        .collect()
}

/// The first tasks of every repair: what is there, how is it tested, what do the tests say.
#[must_use]
pub fn measure() -> Vec<TaskSpec> {
    chain(0, [Intent::TakeSnapshot, Intent::SurveyProject, Intent::MeasureBaseline])
}

/// How a change ends: with its proof, and with its hand-over where it is not a stage of something larger.
fn ending(state: &State) -> impl Iterator<Item = Intent> + use<> {
    let hands_over = (!stages::is_staged(state)).then_some(Intent::HandOver);
    [Intent::VerifyChange].into_iter().chain(hands_over)
}

/// The same for a change that a model wrote: it is looked at before.
fn ending_of_model(state: &State) -> impl Iterator<Item = Intent> + use<> {
    [Intent::ReviewChange].into_iter().chain(ending(state))
}

/// The task that hands over what the stages came to.
#[must_use]
pub fn hand_over(state: &State) -> Vec<TaskSpec> {
    chain(state.tasks.len(), [Intent::HandOver])
}

/// The tasks that ask a model how the request divides.
#[must_use]
pub fn divide(state: &State, model: &ModelSpec) -> Vec<TaskSpec> {
    let gather = state.world.context.is_none().then_some(Intent::GatherContext);
    let ask = Intent::AskForPlan { model: model.name.clone() };
    chain(state.tasks.len(), gather.into_iter().chain([ask]))
}

/// The tasks that turn red tests green: the rungs that need no model, then proof, then hand-over. Code that is yet to be
/// written is nothing that a search over small changes finds. Empty where the person allows none of these rungs.
#[must_use]
pub fn repair(state: &State, wish: Wish) -> Vec<TaskSpec> {
    let rungs: &[Rung] = match wish {
        // To change the code until it fits a stale snapshot is not what was asked.
        Wish::NeedsModel(_) | Wish::RenewSnapshots => &[Rung::Recipe],
        Wish::FixTests | Wish::Unknown if state.policy.history.episodes > 0 => {
            &[Rung::Memory, Rung::Recipe, Rung::Reflex]
        }
        Wish::FixTests | Wish::Unknown => &[Rung::Recipe, Rung::Reflex],
    };
    let ladder: Vec<Intent> = rungs
        .iter()
        .filter(|rung| state.policy.allows(**rung))
        .map(|rung| Intent::TurnTestsGreen { rung: *rung })
        .collect();
    if ladder.is_empty() {
        return Vec::new();
    }
    chain(state.tasks.len(), ladder.into_iter().chain(ending(state)))
}

/// The tasks after a refused proposal: another one, with the knowledge of what was refused.
#[must_use]
pub fn another_proposal(state: &State) -> Vec<TaskSpec> {
    let seek = Intent::TurnTestsGreen { rung: Rung::Reflex };
    chain(state.tasks.len(), [seek].into_iter().chain(ending(state)))
}

/// The tasks that ask a model for tests which show what is asked for.
#[must_use]
pub fn specify(state: &State, model: &ModelSpec) -> Vec<TaskSpec> {
    let gather = state.world.context.is_none().then_some(Intent::GatherContext);
    let ask = Intent::AskForTests { model: model.name.clone() };
    chain(state.tasks.len(), gather.into_iter().chain([ask, Intent::TrySpecification { rung: model.rung }]))
}

/// The tasks that ask a model for tests which are all that is asked for.
#[must_use]
pub fn add_tests(state: &State, model: &ModelSpec) -> Vec<TaskSpec> {
    let gather = state.world.context.is_none().then_some(Intent::GatherContext);
    let ask = Intent::AskForTests { model: model.name.clone() };
    let rest = [ask, Intent::TrySpecification { rung: model.rung }];
    chain(state.tasks.len(), gather.into_iter().chain(rest).chain(ending_of_model(state)))
}

/// The tasks that replace one name by another.
#[must_use]
pub fn rename(state: &State) -> Vec<TaskSpec> {
    chain(state.tasks.len(), [Intent::Rename].into_iter().chain(ending(state)))
}

/// The tasks that an agent delegates, for the strand that it works for. They do not wait for one another.
#[must_use]
pub fn delegated(state: &State, parent: &TaskSpec, needs: &[Intent]) -> Vec<TaskSpec> {
    let chain = chain(state.tasks.len(), needs.iter().cloned());
    let of = |spec| TaskSpec { needs: Vec::new(), strand: parent.strand, parent: Some(parent.id), ..spec };
    chain.into_iter().map(of).collect()
}

/// What the suite says of the snapshot with the tests that were written.
#[must_use]
pub fn measure_again(state: &State) -> Vec<TaskSpec> {
    chain(state.tasks.len(), [Intent::MeasureBaseline])
}

/// The tasks that ask a model for a change, after all cheaper rungs.
#[must_use]
pub fn ask(state: &State, model: &ModelSpec) -> Vec<TaskSpec> {
    let gather = state.world.context.is_none().then_some(Intent::GatherContext);
    let ask = Intent::AskModel { model: model.name.clone() };
    let rest = [ask, Intent::TryReply { rung: model.rung }];
    let chain = chain(state.tasks.len(), gather.into_iter().chain(rest).chain(ending_of_model(state)));
    chain.into_iter().map(|spec| TaskSpec { role: role_in(state, &spec.intent), ..spec }).collect()
}

/// The tasks that ask a model for a change of one strand, behind what is planned already. They need no task of another one.
#[must_use]
pub fn ask_for(planned: usize, strand: StrandId, model: &ModelSpec) -> Vec<TaskSpec> {
    let intents = [Intent::AskModel { model: model.name.clone() }, Intent::TryReply { rung: model.rung }];
    let chain = chain(planned, intents);
    chain.into_iter().map(|spec| TaskSpec { strand: Some(strand), ..spec }).collect()
}

/// The tasks that make one change of those of the strands, after the tasks that found them.
#[must_use]
pub fn merge(state: &State, needs: Vec<TaskId>) -> Vec<TaskSpec> {
    let merge = [Intent::MergeStrands].into_iter();
    let mut tasks = chain(state.tasks.len(), merge.chain(ending_of_model(state)));
    if let Some(first) = tasks.first_mut() {
        first.needs = needs;
    }
    tasks
}
