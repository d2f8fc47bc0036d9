//! Requests that no red test describes, and that something else can judge: code that is to do what it did, documents, tests
//! for what is there, a new name.

use coditect_types::plan::Intent;
use coditect_types::{Aim, ErrorKind, Event, MissionStatus, TestReport};

use super::{End, sentence};
use crate::decide::Draft;
use crate::gateway;
use crate::hand_over::count;
use crate::plan;
use crate::specification;
use crate::state::State;

/// Whether the suite says of the snapshot what a change can be held against.
pub(super) fn is_measured(state: &State) -> bool {
    !state.policy.focus.aim.is_default()
        && state
            .world
            .baseline
            .as_deref()
            .is_some_and(|baseline| baseline.problems.is_empty() && !baseline.tests.is_empty())
}

/// Whether a model is asked for a change that is to keep what there is.
pub(super) fn asks_model(state: &State) -> bool {
    is_measured(state) && matches!(state.policy.focus.aim, Aim::KeepBehaviour | Aim::KeepCode)
}

/// Plans what a rule does by itself.
pub(super) fn pursue(draft: &mut Draft) {
    let state = &draft.state;
    let Aim::Rename { from, to } = &state.policy.focus.aim else { return };
    let is_planned = state.tasks.iter().any(|task| task.spec.intent == Intent::Rename);
    if is_measured(state) && !is_planned && !state.concluding {
        let reason = format!("the suite is measured: `{from}` becomes `{to}`");
        draft.push(Event::PlanMade { tasks: plan::rename(state), reason, strands: Vec::new() });
    }
}

/// Nothing came of it.
pub(super) fn unmet(state: &State, baseline: &TestReport) -> End {
    let (what, dear) = match &state.policy.focus.aim {
        Aim::AddTests => ("No tests were added".to_owned(), specification::too_dear(state, state.newest_ms)),
        Aim::Rename { from, to } => (format!("`{from}` was not renamed to `{to}`"), None),
        Aim::TurnTestsGreen | Aim::KeepBehaviour | Aim::KeepCode => {
            let dear = match gateway::next(state, state.newest_ms) {
                gateway::Next::TooDear(why) => Some(why),
                gateway::Next::Ask(_) | gateway::Next::None => None,
            };
            ("No change was found that does what was asked for and nothing else".to_owned(), dear)
        }
    };
    let told = match &state.policy.focus.aim {
        Aim::AddTests => vec![specification::account(state).to_owned()],
        Aim::TurnTestsGreen | Aim::KeepBehaviour | Aim::KeepCode | Aim::Rename { .. } => {
            state.world.accounts.to_vec()
        }
    };
    let refused = state.world.violation.as_ref().filter(|_| !state.world.refused.is_empty());
    let refused = refused.map(|(_, observed)| format!("The newest one was refused: {}.", sentence(observed)));
    let told: Vec<String> = told.into_iter().chain(refused).filter(|text| !text.is_empty()).collect();
    let held = format!(
        "{} said what they say now before anything was changed.",
        count(baseline.tests.len(), "test")
    );
    let summary = format!("{what}. {}", if told.is_empty() { held } else { told.join(" ") });
    let mut end = End::new(MissionStatus::Failed, summary);
    if let Some(why) = dear {
        end.status = MissionStatus::OverLimit;
        end.trouble = Some(ErrorKind::Exhausted);
        return end.hint(format!("give it more: {why}"));
    }
    end.hint("look at `coditect why last`, and ask for less at once or in other words")
}

/// What limits a result that no test asked for.
pub(super) fn caveat(state: &State) -> Option<&'static str> {
    match &state.policy.focus.aim {
        Aim::TurnTestsGreen | Aim::Rename { .. } => None,
        Aim::KeepBehaviour => Some(
            "a model wrote it: every test says what it said before, and whether it is what you meant only you can say",
        ),
        Aim::KeepCode => Some(
            "a model wrote it: no code changed, by the syntax trees, and whether it tells the truth only you can say",
        ),
        Aim::AddTests => Some(
            "a model wrote these tests from the code as it is: where the code is wrong, they may hold it to that",
        ),
    }
}
