//! What the shell is to have under way for a state.

use std::sync::Arc;

use coditect_types::Effect;

use crate::approvals;
use crate::state::State;
use crate::tasks::TaskState;

/// Every effect of the state: attempts under way, and the time of the next tick that could change something.
/// After a restart this is all there is to know about what was going on.
#[must_use]
pub fn effects(state: &State) -> Vec<Effect> {
    if state.end.is_some() || state.mission.is_none() {
        return Vec::new();
    }
    let mut effects: Vec<Effect> = state
        .running
        .iter()
        .map(|(attempt, running)| Effect::PerformAction {
            attempt: *attempt,
            task: running.task,
            action: Arc::clone(&running.action),
            started_ms: running.started_ms,
            deadline_ms: running.deadline_ms,
            hurry: state.concluding,
        })
        .collect();
    if let Some(at_ms) = next_tick_ms(state) {
        effects.push(Effect::ArmTimer { at_ms });
    }
    effects
}

/// The earliest deadline: of an attempt, of a task that waits for its moment, of the mission.
fn next_tick_ms(state: &State) -> Option<u64> {
    let attempts = state.running.values().map(|running| running.deadline_ms);
    let waits = state.open_tasks().filter_map(|task| match task.state {
        TaskState::Waiting { not_before_ms } if not_before_ms > state.newest_ms => Some(not_before_ms),
        TaskState::Waiting { .. } | TaskState::Running(_) | TaskState::Asked(_) | TaskState::Settled(_) => {
            None
        }
    });
    let questions = state.approvals.values().map(|asked| asked.until_ms);
    // The time in which only a person is waited for is no time of the mission.
    let mission = (!approvals::is_waiting(state))
        .then(|| state.submitted_ms + state.paused_ms + state.policy.budget.wall_ms);
    attempts.chain(waits).chain(questions).chain(mission).min()
}
