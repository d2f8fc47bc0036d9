//! The gateway to models: which one is asked next, and whether the mission can pay for it. A call that could cost more than
//! is left is refused before it is made.

use coditect_types::event::TaskEnd;
use coditect_types::model::{Usage, dollars};
use coditect_types::plan::Intent;
use coditect_types::{Action, Budget, ModelRequest, ModelSpec};

use crate::context;
use crate::parametrize::left;
use crate::state::State;
use crate::tasks::TaskState;

/// Answers that one model may give in a mission: the first, and what it makes of the tests' verdict.
pub const MAX_REPLIES: usize = 3;
/// Tokens that an answer needs at least to be worth asking for.
const LEAST_OUTPUT: u64 = 256;

/// Which model is to be asked now.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This one.
    Ask(ModelSpec),
    /// One could be asked, and the mission cannot pay for it.
    TooDear(String),
    /// There is none, or each was asked as often as makes sense.
    None,
}

/// The next model of the cascade.
#[must_use]
pub fn next(state: &State, now_ms: u64) -> Next {
    let mut dear = None;
    for spec in &state.policy.models {
        if !state.policy.allows(spec.rung)
            || given_up(state, &spec.name)
            || state.world.turns(&spec.name).len() >= MAX_REPLIES
        {
            continue;
        }
        // What it will be told is not known before it was gathered.
        let Some(request) = context::request(state, spec, state.world.turns(&spec.name)) else {
            return match afford(&left(state, now_ms), spec, LEAST_OUTPUT) {
                Ok(_) => Next::Ask(spec.clone()),
                Err(why) => Next::TooDear(why),
            };
        };
        match afford(&left(state, now_ms), spec, request.tokens_at_most()) {
            Ok(_) => return Next::Ask(spec.clone()),
            Err(why) => dear = dear.or(Some(why)),
        }
    }
    dear.map_or(Next::None, Next::TooDear)
}

/// Whether there is another model to ask than the one that this intent asks.
#[must_use]
pub fn has_other(state: &State, intent: &Intent) -> bool {
    let Intent::AskModel { model } = intent else { return false };
    state.policy.models.iter().any(|spec| {
        spec.name != *model
            && state.policy.allows(spec.rung)
            && !given_up(state, &spec.name)
            && state.world.turns(&spec.name).len() < MAX_REPLIES
    })
}

/// Whether a model could not be asked, so that another one is.
fn given_up(state: &State, model: &str) -> bool {
    state.tasks.iter().any(|task| {
        task.state == TaskState::Settled(TaskEnd::Failed)
            && matches!(&task.spec.intent, Intent::AskModel { model: of } if of == model)
    })
}

/// The request to a model as far as the mission can pay for it; None: it cannot.
#[must_use]
pub fn affordable(state: &State, spec: &ModelSpec, now_ms: u64) -> Option<ModelRequest> {
    let mut request = context::request(state, spec, state.world.turns(&spec.name))?;
    let most = afford(&left(state, now_ms), spec, request.tokens_at_most()).ok()?;
    request.output_tokens = request.output_tokens.min(most);
    Some(request)
}

/// Tokens that an answer may have, when the prompt has `tokens_in` at most; or why the call is refused.
fn afford(left: &Budget, spec: &ModelSpec, tokens_in: u64) -> Result<u64, String> {
    if left.model_calls == 0 {
        return Err("the budget of model calls is used up (`--max-calls`)".into());
    }
    let Some(tokens) = left.tokens.checked_sub(tokens_in).filter(|rest| *rest >= LEAST_OUTPUT) else {
        return Err(format!(
            "`{}` may need more than the {} tokens that are left (`--max-tokens`)",
            spec.name, left.tokens
        ));
    };
    let of = |tokens_out| spec.price.of(&Usage { tokens_in, tokens_out, ..Usage::default() });
    if of(LEAST_OUTPUT) > left.micro_usd {
        return Err(format!(
            "`{}` may cost more than the {} that are left (`--max-usd`)",
            spec.name,
            dollars(left.micro_usd)
        ));
    }
    let payable = match spec.price.tokens_out {
        0 => u64::MAX,
        // What rounding up could add is kept back.
        price => (left.micro_usd - of(0)).saturating_sub(1).saturating_mul(1_000_000) / price,
    };
    Ok(tokens.min(payable.max(LEAST_OUTPUT)).min(spec.output_tokens))
}

/// What calls under way may use, at most: it is kept back until their end is known.
#[must_use]
pub fn reserved(state: &State) -> Budget {
    let mut sum = nothing();
    for running in state.running.values() {
        if let Action::AskModel { model, request, .. } = &*running.action {
            let one = at_most(model, request);
            sum.model_calls += one.model_calls;
            sum.tokens = sum.tokens.saturating_add(one.tokens);
            sum.micro_usd = sum.micro_usd.saturating_add(one.micro_usd);
        }
    }
    sum
}

/// What one call may use, at most.
#[must_use]
pub fn at_most(model: &ModelSpec, request: &ModelRequest) -> Budget {
    let (tokens_in, tokens_out) = (request.tokens_at_most(), request.output_tokens);
    let micro_usd = model.price.of(&Usage { tokens_in, tokens_out, ..Usage::default() });
    Budget { model_calls: 1, tokens: tokens_in.saturating_add(tokens_out), micro_usd, ..nothing() }
}

/// A budget of nothing.
#[must_use]
pub fn nothing() -> Budget {
    Budget { wall_ms: 0, search_ms: 0, candidates: 0, model_calls: 0, tokens: 0, micro_usd: 0 }
}

#[cfg(test)]
mod tests;
