//! Who of the cascade is passed over: a small model that hardly ever came to anything with such work on this directory, or whose
//! window does not hold what is likely to change. A call of it would cost time and tokens that the larger one has to spend anyway.
//! Nobody is passed over for want of anyone: a larger model must be there, and the mission must be able to pay for it.

use coditect_types::plan::Intent;
use coditect_types::{ModelSpec, Rung, StrandId, TaskSpec};

use crate::belief::Rate;
use crate::context;
use crate::gateway::{given_up, pay_for, purse};
use crate::state::State;

/// Missions after which a record says something, and how likely a proof must be to be worth a try.
const ENOUGH: u32 = 10;
const WORTH: f64 = 0.1;

/// Why a model is passed over in favour of a larger one, in words that follow its name. None: it is not.
pub(crate) fn passed_over(
    state: &State,
    spec: &ModelSpec,
    strand: Option<StrandId>,
    now_ms: u64,
) -> Option<String> {
    if spec.rung != Rung::SmallModel {
        return None;
    }
    if let Some((tried, proved)) = poor(state, spec) {
        let is_there = |other: &&ModelSpec| waits(state, other, strand, now_ms);
        let why = || {
            format!("was proved right in {proved} of the {tried} missions like this one that it answered in")
        };
        return larger(state, spec).any(|other| is_there(&other)).then(why);
    }
    let has_room = |other: &&ModelSpec| other.context_tokens > spec.context_tokens;
    let turns = state.world.turns_of(strand, &spec.name);
    let of = state.world.strand(strand);
    let is_small = turns.is_empty()
        && larger(state, spec).any(|other| has_room(&other) && waits(state, other, strand, now_ms))
        && !context::holds_first(state, spec, of);
    is_small.then(|| format!("has a window of {} tokens, too small for the first file", spec.context_tokens))
}

/// Why a task that is to ask a model is not begun: the model is passed over after all. None: it is begun.
pub(crate) fn in_vain(state: &State, task: &TaskSpec, now_ms: u64) -> Option<String> {
    let Intent::AskModel { model } = &task.intent else { return None };
    let spec = state.policy.models.iter().find(|spec| spec.name == *model)?;
    Some(format!("`{model}` {}", passed_over(state, spec, task.strand, now_ms)?))
}

/// How a plan that asks `asked` first tells whom it passed over: a phrase behind its reason, or nothing.
pub(crate) fn told(state: &State, asked: &ModelSpec, strand: Option<StrandId>, now_ms: u64) -> String {
    let before = state.policy.models.iter().take_while(|spec| spec.name != asked.name);
    let allowed = before.filter(|spec| state.policy.allows(spec.rung));
    let over = allowed.filter_map(|spec| Some((&spec.name, passed_over(state, spec, strand, now_ms)?)));
    over.map(|(name, why)| format!("; `{name}` is passed over: it {why}")).collect()
}

/// What a model came to with such work, where that is a reason to do without: missions it answered in, and those it was proved in.
fn poor(state: &State, spec: &ModelSpec) -> Option<(u32, u32)> {
    let policy = &state.policy;
    let &(tried, proved) = policy.history.models.get(&spec.name)?.get(policy.focus.aim.name())?;
    // Before anything was seen, both ends are as likely.
    let rate = Rate::prior(1.0, 1.0).seen(proved, tried.saturating_sub(proved));
    (tried >= ENOUGH && rate.mean() < WORTH).then_some((tried, proved))
}

/// The models of higher rungs.
fn larger<'a>(state: &'a State, spec: &ModelSpec) -> impl Iterator<Item = &'a ModelSpec> {
    let rung = spec.rung;
    state.policy.models.iter().filter(move |other| other.rung > rung && state.policy.allows(other.rung))
}

/// Whether a model is asked for this, or could be.
fn waits(state: &State, spec: &ModelSpec, strand: Option<StrandId>, now_ms: u64) -> bool {
    let turns = state.world.turns_of(strand, &spec.name);
    let can_pay = || {
        let request = context::request_of(state, spec, state.world.strand(strand), turns);
        pay_for(&purse(state, strand, now_ms), spec, request.as_ref()).is_ok()
    };
    !given_up(state, strand, &spec.name) && (!turns.is_empty() || can_pay())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use coditect_types::context::FragmentKind;
    use coditect_types::limits::History;
    use coditect_types::model::{EditForm, Price};
    use coditect_types::{Budget, Context, Fragment, Policy};

    use super::*;
    use crate::gateway::nothing;

    fn model(name: &str, rung: Rung, context_tokens: u64) -> ModelSpec {
        ModelSpec {
            name: name.into(),
            rung,
            context_tokens,
            output_tokens: 500,
            edits: EditForm::Whole,
            price: Price::default(),
            limits: Default::default(),
        }
    }

    /// A mission with a small model of that record and a large one, and a file of so many bytes.
    fn state((tried, proved): (u32, u32), bytes: usize, budget: Budget) -> State {
        let record = [("turn_tests_green".to_owned(), (tried, proved))].into();
        let history = History { models: [("small".to_owned(), record)].into(), ..History::default() };
        let models = vec![model("small", Rung::SmallModel, 4_000), model("large", Rung::LargeModel, 64_000)];
        let policy = Policy { models, history, budget, ..Policy::default() };
        let text = "x = 1\n".repeat(bytes / 6);
        let source = Fragment { kind: FragmentKind::Source, path: "a.py".into(), text, cut: false };
        // As a mission has it that was just submitted.
        let mut state = State { policy: Arc::new(policy), lost: nothing(), ..State::default() };
        state.world.context = Some(Arc::new(Context { fragments: vec![source], ..Context::default() }));
        state
    }

    fn over(state: &State, model: usize) -> bool {
        passed_over(state, &state.policy.models[model], None, 0).is_some()
    }

    #[test]
    fn a_poor_record_counts_once_there_is_enough_of_it() {
        for (record, is_over) in [
            ((0, 0), false),
            ((9, 0), false),
            ((10, 0), true),
            ((10, 1), false),
            ((40, 1), true),
            ((40, 20), false),
        ] {
            let state = state(record, 60, Budget::default());
            assert_eq!((over(&state, 0), over(&state, 1)), (is_over, false), "{record:?}");
            let told = told(&state, &state.policy.models[1], None, 0);
            assert_eq!(
                told.starts_with("; `small` is passed over: it was proved right in"),
                is_over,
                "{told}"
            );
        }
    }

    #[test]
    fn a_window_that_does_not_hold_the_first_file_is_too_small() {
        assert!(!over(&state((0, 0), 6_000, Budget::default()), 0));
        assert!(over(&state((0, 0), 30_000, Budget::default()), 0));
    }

    #[test]
    fn nobody_is_passed_over_for_want_of_anyone() {
        for (record, bytes) in [((10, 0), 60), ((0, 0), 30_000)] {
            let alone = |change: fn(&mut Policy)| {
                let mut state = state(record, bytes, Budget::default());
                change(Arc::make_mut(&mut state.policy));
                over(&state, 0)
            };
            assert!(alone(|_| {}));
            assert!(!alone(|policy| drop(policy.models.pop())));
            assert!(!alone(|policy| policy.rungs = vec![Rung::SmallModel]));
            // The large one costs more than there is.
            assert!(!alone(|policy| {
                policy.models[1].price.tokens_in = u64::from(u32::MAX);
                policy.budget.micro_usd = 1;
            }));
            // It is known for other work only.
            let mut other = state((10, 0), 60, Budget::default());
            Arc::make_mut(&mut other.policy).focus.aim = coditect_types::Aim::KeepCode;
            assert!(!over(&other, 0));
        }
    }
}
