//! The planner's rules: from what is wished and known to tasks.

use coditect_types::plan::{Intent, Role};
use coditect_types::{Rung, TaskId, TaskSpec};

use crate::state::State;

/// The role that an intent is for.
#[must_use]
pub fn role_of(intent: &Intent) -> Role {
    match intent {
        Intent::TakeSnapshot | Intent::SurveyProject | Intent::MeasureBaseline | Intent::DoNothing => {
            Role::Analyzer
        }
        Intent::TurnTestsGreen { .. } => Role::Coder,
        Intent::VerifyChange => Role::Tester,
        Intent::HandOver => Role::Deployer,
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
        })
        .collect()
}

/// The first tasks of every repair: what is there, how is it tested, what do the tests say.
#[must_use]
pub fn measure() -> Vec<TaskSpec> {
    chain(0, [Intent::TakeSnapshot, Intent::SurveyProject, Intent::MeasureBaseline])
}

/// The tasks that turn red tests green: the ladder from the lowest rung on, then proof, then hand-over.
#[must_use]
pub fn repair(state: &State) -> Vec<TaskSpec> {
    let ladder = [Rung::Recipe, Rung::Reflex].map(|rung| Intent::TurnTestsGreen { rung });
    chain(state.tasks.len(), ladder.into_iter().chain([Intent::VerifyChange, Intent::HandOver]))
}

/// The tasks after a refused proposal: another one, with the knowledge of what was refused.
#[must_use]
pub fn another_proposal(state: &State) -> Vec<TaskSpec> {
    let seek = Intent::TurnTestsGreen { rung: Rung::Reflex };
    chain(state.tasks.len(), [seek, Intent::VerifyChange, Intent::HandOver])
}
