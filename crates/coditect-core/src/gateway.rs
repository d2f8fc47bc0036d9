//! The gateway to models: which one is asked next, and whether the mission can pay for it. A call that could cost more than
//! is left is refused before it is made.

use coditect_types::event::TaskEnd;
use coditect_types::model::{Usage, dollars};
use coditect_types::plan::Intent;
use coditect_types::{Action, Budget, ModelRequest, ModelSpec, Rung, Strand, StrandId, TaskSpec};

use crate::cascade;
use crate::context::{self, Turn};
use crate::parametrize::left;
use crate::state::State;
use crate::tasks::{Task, TaskState};

/// Answers that one model may give in a mission: the first, and what it makes of the tests' verdict.
pub const MAX_REPLIES: usize = 3;
/// Changes that a small model may propose: it is asked for one after the other, and the tests pick. Of the tasks that it solves in many
/// tries it solves most in the first few, so where a larger model waits it is that one's turn then; where none does, it is time and
/// budget that end it (Chen et al., "Evaluating Large Language Models Trained on Code", 2021: pass@k grows with log k).
const SAMPLES: usize = 6;
const SAMPLES_OF_THE_LAST: usize = 24;

/// Whether a model of a higher rung waits for its turn.
pub(crate) fn has_larger(state: &State, rung: Rung) -> bool {
    state.policy.models.iter().any(|other| other.rung > rung && state.policy.allows(other.rung))
}

/// Whether a model was asked as often as makes sense, in a mission or for a strand of one.
fn is_spent(state: &State, spec: &ModelSpec, turns: &[Turn]) -> bool {
    if spec.rung != Rung::SmallModel {
        return turns.len() >= MAX_REPLIES;
    }
    if has_larger(state, spec.rung) {
        let refuted = turns.iter().filter(|turn| turn.refuted).count();
        return refuted >= SAMPLES || turns.len() - refuted >= MAX_REPLIES;
    }
    // Answers in a row of which no change could be made: there is no use in more of them.
    let in_vain = turns.iter().rev().take_while(|turn| !turn.refuted).count();
    turns.len() >= SAMPLES_OF_THE_LAST || in_vain >= MAX_REPLIES
}
/// Tokens that an answer needs at least to be worth asking for.
pub(crate) const LEAST_OUTPUT: u64 = 256;

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

/// The next model of the cascade, for all of the work.
#[must_use]
pub fn next(state: &State, now_ms: u64) -> Next {
    next_of(state, None, now_ms)
}

/// The same for one strand, which has turns and a purse of its own.
#[must_use]
pub fn next_of(state: &State, strand: Option<StrandId>, now_ms: u64) -> Next {
    let mut dear = None;
    for spec in &state.policy.models {
        let turns = state.world.turns_of(strand, &spec.name);
        if !state.policy.allows(spec.rung)
            || given_up(state, strand, &spec.name)
            || state.circles.is_stuck(strand, &spec.name)
            || is_spent(state, spec, turns)
            || cascade::passed_over(state, spec, strand, now_ms).is_some()
        {
            continue;
        }
        let purse = purse(state, strand, now_ms);
        let request = context::request_of(state, spec, state.world.strand(strand), turns);
        match pay_for(&purse, spec, request.as_ref()) {
            Ok(_) => return Next::Ask(spec.clone()),
            Err(why) if request.is_none() => return Next::TooDear(why),
            Err(why) => dear = dear.or(Some(why)),
        }
    }
    dear.map_or(Next::None, Next::TooDear)
}

/// Whether there is another model to ask than the one that this task asks.
#[must_use]
pub fn has_other(state: &State, task: &TaskSpec) -> bool {
    let Some(model) = task.intent.asks_model() else { return false };
    let mut others =
        state.policy.models.iter().filter(|spec| spec.name != *model && state.policy.allows(spec.rung));
    if !matches!(task.intent, Intent::AskModel { .. }) {
        // For tests or a plan: whoever was not asked for that in vain.
        let in_vain = |spec: &ModelSpec| {
            state.tasks.iter().any(|other| {
                other.state == TaskState::Settled(TaskEnd::Failed)
                    && std::mem::discriminant(&other.spec.intent) == std::mem::discriminant(&task.intent)
                    && other.spec.intent.asks_model() == Some(&spec.name)
            })
        };
        return others.any(|spec| !in_vain(spec));
    }
    others.any(|spec| {
        !given_up(state, task.strand, &spec.name)
            && !state.circles.is_stuck(task.strand, &spec.name)
            && !is_spent(state, spec, state.world.turns_of(task.strand, &spec.name))
    })
}

/// Whether a model could not be asked, so that another one is: for the same strand, or, where it never answered at all, for
/// any of them.
pub(crate) fn given_up(state: &State, strand: Option<StrandId>, model: &str) -> bool {
    let failed = |task: &Task<'_>| {
        task.state == TaskState::Settled(TaskEnd::Failed)
            && matches!(&task.spec.intent, Intent::AskModel { model: of } if of == model)
    };
    let here = state.tasks.iter().any(|task| task.spec.strand == strand && failed(&task));
    let elsewhere = || {
        let never = state.world.strands.values().all(|strand| !strand.turns.contains_key(model));
        never
            && state
                .tasks
                .iter()
                .any(|task| task.spec.strand.is_some() && task.failed_by_itself() && failed(&task))
    };
    here || elsewhere()
}

/// The request to a model as far as the mission can pay for it; None: it cannot.
#[must_use]
pub fn affordable(
    state: &State,
    spec: &ModelSpec,
    strand: Option<StrandId>,
    now_ms: u64,
) -> Option<ModelRequest> {
    let turns = state.world.turns_of(strand, &spec.name);
    let request = context::request_of(state, spec, state.world.strand(strand), turns)?;
    fitted(&purse(state, strand, now_ms), spec, request)
}

/// A request with an answer that is no longer than what is left pays for; None: nothing is worth asking for.
pub(crate) fn fitted(left: &Budget, spec: &ModelSpec, mut request: ModelRequest) -> Option<ModelRequest> {
    let most = pay_for(left, spec, Some(&request)).ok()?;
    request.output_tokens = request.output_tokens.min(most);
    Some(request)
}

/// Tokens that an answer to this request may have, or why it is refused. None: what will be asked is not known before something
/// was gathered.
pub(crate) fn pay_for(
    left: &Budget,
    spec: &ModelSpec,
    request: Option<&ModelRequest>,
) -> Result<u64, String> {
    afford(left, spec, request.map_or(LEAST_OUTPUT, ModelRequest::tokens_at_most))
}

/// What each of some strands gets of what is left for models: an equal part, that nobody else may use, so that what one
/// can pay for does not depend on how far the others are.
#[must_use]
pub fn share(left: &Budget, strands: usize) -> Budget {
    let strands = strands.max(1) as u64;
    Budget {
        model_calls: left.model_calls / strands,
        tokens: left.tokens / strands,
        micro_usd: left.micro_usd / strands,
        ..nothing()
    }
}

/// Whether a share pays for asking a model for a strand the first time.
#[must_use]
pub fn can_pay(state: &State, spec: &ModelSpec, strand: &Strand, share: &Budget) -> bool {
    let request = context::request_of(state, spec, Some(strand), &[]);
    request.is_some_and(|request| afford(share, spec, request.tokens_at_most()).is_ok())
}

/// What is left for models: of a strand's share, and in no case more than is left of the mission's budget.
pub(crate) fn purse(state: &State, strand: Option<StrandId>, now_ms: u64) -> Budget {
    let left = left(state, now_ms);
    let Some(strand) = strand.and_then(|id| state.world.strands.get(&id)) else { return left };
    let (share, used) = (&strand.share, &strand.used);
    Budget {
        model_calls: share.model_calls.saturating_sub(used.model_calls).min(left.model_calls),
        tokens: share.tokens.saturating_sub(used.tokens).min(left.tokens),
        micro_usd: share.micro_usd.saturating_sub(used.micro_usd).min(left.micro_usd),
        ..left
    }
}

/// Tokens that an answer may have, when the prompt has `tokens_in` at most; or why the call is refused.
pub(crate) fn afford(left: &Budget, spec: &ModelSpec, tokens_in: u64) -> Result<u64, String> {
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
