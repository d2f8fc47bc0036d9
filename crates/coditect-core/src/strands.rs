//! The strands of a mission: parts of its work that need no file of one another, each with a conversation and a change of
//! its own, and with a share of what models may cost. Which parts there are is decided in [`crate::division`].
//!
//! Nothing that happens in one strand depends on how far another one is: not what it is told, nor what it may spend. So
//! the merged tree is the same however many agents there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_types::action::StrandChange;
use coditect_types::event::TaskEnd;
use coditect_types::outcome::{LeftOut, Proposal, Spent};
use coditect_types::plan::Intent;
use coditect_types::{Budget, Event, ModelSpec, Outcome, Strand, StrandId, TaskId, TaskSpec};

use crate::context::Turn;
use crate::decide::Draft;
use crate::division;
use crate::expect::{left_red, red_tests};
use crate::findings::{self, Finding};
use crate::gateway::{self, MAX_REPLIES};
use crate::goal::MAX_REPLANS;
use crate::hand_over::count;
use crate::parametrize::left;
use crate::plan;
use crate::spending::{pay, pay_rung};
use crate::state::State;
use crate::tasks::TaskState;

/// Strands of which is told what became of them.
const TOLD: usize = 10;

/// One strand and what is known of it.
#[derive(Clone, Debug)]
pub struct StrandState {
    /// Its tests and its files.
    pub spec: Arc<Strand>,
    /// What models may use for it: nobody else takes of it.
    pub share: Budget,
    /// What they used, with what calls may have used whose end nobody saw.
    pub used: Budget,
    /// How each model answered so far.
    pub turns: BTreeMap<String, Vec<Turn>>,
    /// The model and the text of the newest answer, while nobody has tried it.
    pub reply: Option<Arc<(String, String)>>,
    /// The change that it stands for.
    pub proposal: Option<Arc<Proposal>>,
    /// Diffs that were refused.
    pub refused: Vec<String>,
    /// What was found out about refused ones.
    pub findings: Vec<Finding>,
    /// What its newest answer that did not do came to.
    pub account: String,
    /// Why its change is not among the merged ones, if it is not.
    pub left_out: Option<String>,
}

/// All strands, none as long as the work is one piece.
pub type Strands = BTreeMap<StrandId, StrandState>;

/// What of a mission's state is told by its strands.
pub(crate) fn formed(state: &mut State, at_ms: u64, strands: &[Strand]) {
    if strands.is_empty() {
        return;
    }
    let share = gateway::share(&left(state, at_ms), strands.len());
    let fresh = |spec: &Strand| StrandState {
        spec: Arc::new(spec.clone()),
        share: share.clone(),
        used: gateway::nothing(),
        turns: BTreeMap::new(),
        reply: None,
        proposal: None,
        refused: Vec::new(),
        findings: Vec::new(),
        account: String::new(),
        left_out: None,
    };
    state.world.strands = Arc::new(strands.iter().map(|spec| (spec.id, fresh(spec))).collect());
}

fn of_mut(state: &mut State, id: StrandId) -> Option<&mut StrandState> {
    Arc::make_mut(&mut state.world.strands).get_mut(&id)
}

/// Takes what an outcome says of one strand. False: it says nothing of a strand in particular.
pub(crate) fn learn(state: &mut State, id: StrandId, outcome: &Outcome) -> bool {
    let turn = if let Outcome::ModelAnswered { model, reply, .. } = outcome {
        let turns = state.world.strands.get(&id).and_then(|strand| strand.turns.get(model));
        let turns = turns.map_or(&[][..], Vec::as_slice);
        Turn::to(state, (model, &reply.text), state.world.strand(Some(id)), turns)
    } else {
        Turn::new("")
    };
    let Some(strand) = of_mut(state, id) else { return false };
    let (rung, spent, proposals) = if let Outcome::ChangeProposed { proposal, spent } = outcome {
        strand.reply = None;
        strand.proposal = Some(Arc::new(proposal.clone()));
        (proposal.rung, spent, 1)
    } else if let Outcome::ReplyRefused { rung, account, feedback, diff, spent, halved } = outcome {
        strand.reply_failed(feedback, !diff.is_empty());
        strand.account.clone_from(account);
        if !diff.is_empty() && !strand.refused.contains(diff) {
            strand.refused.push(diff.clone());
        }
        if let Some(halved) = halved {
            findings::add(&mut strand.findings, halved);
        }
        (*rung, spent, 0)
    } else if let Outcome::ModelAnswered { model, reply, .. } = outcome {
        strand.turns.entry(model.clone()).or_default().push(turn);
        strand.reply = Some(Arc::new((model.clone(), reply.text.clone())));
        return true;
    } else {
        return false;
    };
    pay_rung(&mut state.ledger, rung, spent, proposals);
    true
}

impl StrandState {
    /// What became of the newest answer is told the model that gave it.
    fn reply_failed(&mut self, feedback: &str, refuted: bool) {
        if let Some((model, _)) = self.reply.take().as_deref()
            && let Some(turn) = self.turns.get_mut(model).and_then(|turns| turns.last_mut())
        {
            feedback.clone_into(&mut turn.feedback);
            turn.refuted = refuted;
        }
    }

    /// Its change is one of those that are merged.
    fn stands(&self) -> bool {
        self.proposal.is_some() && self.left_out.is_none()
    }
}

/// What a call used counts for its strand.
pub(crate) fn used(state: &mut State, id: StrandId, calls: u64, tokens: u64, micro_usd: u64) {
    if let Some(strand) = of_mut(state, id) {
        strand.used.model_calls += calls;
        strand.used.tokens = strand.used.tokens.saturating_add(tokens);
        strand.used.micro_usd = strand.used.micro_usd.saturating_add(micro_usd);
    }
}

/// The change of a strand contradicts what was expected of it.
pub(crate) fn contradicted(state: &mut State, id: StrandId, observed: &str) {
    let Some(strand) = of_mut(state, id) else { return };
    let Some(proposal) = strand.proposal.take() else { return };
    strand.refused.push(proposal.diff.clone());
    strand.account = format!("A change was refused: {observed}.");
    let last = strand.turns.values_mut().filter_map(|turns| turns.last_mut());
    for turn in last.filter(|turn| turn.feedback.is_empty()) {
        turn.feedback = format!("This change cannot be taken: {observed}.");
        turn.refuted = true;
    }
}

/// The suite contradicts the merged change: what was red then is what the next merge looks into.
pub(crate) fn merge_contradicted(state: &mut State) {
    let left: BTreeSet<String> = left_red(state).into_iter().map(str::to_owned).collect();
    let report = state.world.verified.as_deref();
    let flaky = |id: &String| report.is_some_and(|report| report.flaky().any(|test| test.id == *id));
    let red = report.into_iter().flat_map(|report| report.red()).map(|test| test.id.clone());
    let red: Vec<String> = red.filter(|id| !left.contains(id) && !flaky(id)).collect();
    state.world.contradicted = Some(Arc::new(red));
    state.world.contradictions += 1;
}

/// Takes the merged change.
pub(crate) fn merged(state: &mut State, proposal: Option<&Proposal>, left_out: &[LeftOut], spent: &Spent) {
    pay(&mut state.ledger, spent);
    for one in left_out {
        if let Some(strand) = of_mut(state, one.strand) {
            strand.left_out = Some(one.why.clone());
        }
    }
    state.ledger.solved_by = proposal.map(|proposal| proposal.rung);
    state.world.proposal = proposal.map(|proposal| Arc::new(proposal.clone()));
}

/// What the merged tree turned green beside what its strands claim: tests of their sum, or of one that found nothing.
pub(crate) fn verified(state: &mut State) {
    let (false, Some(report), Some(proposal)) =
        (state.world.strands.is_empty(), state.world.verified.as_deref(), state.world.proposal.as_deref())
    else {
        return;
    };
    let red: BTreeSet<&str> = report.red().map(|test| test.id.as_str()).collect();
    let mut proposal = proposal.clone();
    proposal.evidence.left_red.retain(|id| red.contains(id.as_str()));
    state.world.proposal = Some(Arc::new(proposal));
}

/// The changes that a merge takes, in the order of the strands.
pub(crate) fn changes(state: &State) -> Vec<StrandChange> {
    let standing = state.world.strands.values().filter(|strand| strand.stands());
    let change = |strand: &StrandState| {
        let proposal = strand.proposal.as_deref()?.clone();
        Some(StrandChange { strand: strand.spec.as_ref().clone(), proposal })
    };
    standing.filter_map(change).collect()
}

/// True where a model answered in one of them.
pub(crate) fn any_answer(state: &State) -> bool {
    state.world.strands.values().any(|strand| strand.turns.values().any(|turns| !turns.is_empty()))
}

/// True where the work was divided and there is a change to go on with: the whole is not asked for once more.
pub(crate) fn any_stands(state: &State) -> bool {
    state.world.strands.values().any(StrandState::stands)
}

/// Plans what the strands call for.
pub(crate) fn pursue(draft: &mut Draft) {
    divide(draft);
    ask_again(draft);
    merge(draft);
}

/// Where a model is about to be asked for all of the work and that falls into strands, each is asked for by itself.
fn divide(draft: &mut Draft) {
    let Some((strands, model)) = division(&draft.state, draft.now_ms) else { return };
    let reason =
        format!("the work falls into {} that need no file of one another", count(strands.len(), "strand"));
    let open: Vec<TaskId> = draft.state.open_tasks().map(|task| task.spec.id).collect();
    for task in open {
        draft.settle(task, TaskEnd::Dropped, reason.clone());
    }
    let mut tasks: Vec<TaskSpec> = Vec::new();
    for strand in &strands {
        let planned = draft.state.tasks.len() + tasks.len();
        tasks.extend(plan::ask_for(planned, strand.id, &model));
    }
    draft.push(Event::PlanMade {
        tasks,
        reason: format!("{reason}: a model is asked for each by itself"),
        strands,
    });
}

/// The strands of the work and the model that is asked, where a model is about to be asked for all of it.
fn division(state: &State, now_ms: u64) -> Option<(Vec<Strand>, ModelSpec)> {
    let context = state.world.context.as_deref().filter(|context| !context.reach.is_empty())?;
    if !state.world.strands.is_empty() || !state.world.turns.is_empty() || state.concluding {
        return None;
    }
    let asked = state.open_tasks().find_map(|task| {
        let Intent::AskModel { model } = &task.spec.intent else { return None };
        let is_fresh = matches!(task.state, TaskState::Waiting { .. }) && task.failures == 0;
        is_fresh.then_some(model)
    })?;
    let model = state.policy.models.iter().find(|spec| spec.name == *asked)?;
    let left = left(state, now_ms);
    // Each can be asked as often as one model may answer.
    let most = usize::try_from(left.model_calls).unwrap_or(usize::MAX) / MAX_REPLIES;
    let strands = division::divide(&context.reach, &red_tests(state), most)?;
    let share = gateway::share(&left, strands.len());
    let is_paid = |strand: &Strand| gateway::can_pay(state, model, strand, &share);
    strands.iter().all(is_paid).then(|| (strands, model.clone()))
}

/// A strand whose answer did not do is asked for again, as long as that makes sense and it can be paid for.
fn ask_again(draft: &mut Draft) {
    let state = &draft.state;
    let is_over = state.world.strands.is_empty() || state.concluding || merges(state) > 0;
    if is_over {
        return;
    }
    let busy: BTreeSet<StrandId> = state.open_tasks().filter_map(|task| task.spec.strand).collect();
    let idle = state.world.strands.values().filter(|strand| strand.proposal.is_none());
    let idle: Vec<StrandId> = idle.map(|strand| strand.spec.id).filter(|id| !busy.contains(id)).collect();
    for id in idle {
        let gateway::Next::Ask(model) = gateway::next_of(&draft.state, Some(id), draft.now_ms) else {
            continue;
        };
        let reason = match draft.state.world.turns_of(Some(id), &model.name).len() {
            0 => format!("strand {id}: ask `{}`", model.name),
            n => format!(
                "strand {id}: answer {n} of `{}` did not do: ask again with what became of it",
                model.name
            ),
        };
        let tasks = plan::ask_for(draft.state.tasks.len(), id, &model);
        draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
    }
}

/// Once every strand has come to its end, what they stand for becomes one change; and again without what does not go with
/// the others, where the suite contradicts it.
fn merge(draft: &mut Draft) {
    let state = &draft.state;
    let is_due = any_stands(state)
        && state.world.proposal.is_none()
        && state.open_tasks().next().is_none()
        && merges(state) == state.world.contradictions as usize
        && state.world.contradictions <= MAX_REPLANS;
    if !is_due {
        return;
    }
    let changes = changes(state);
    let standing: BTreeSet<StrandId> = changes.iter().map(|change| change.strand.id).collect();
    let tried = |intent: &Intent| matches!(intent, Intent::TryReply { .. });
    let mut last: BTreeMap<StrandId, TaskId> = BTreeMap::new();
    for task in state.tasks.iter().filter(|task| tried(&task.spec.intent)) {
        if let Some(strand) = task.spec.strand.filter(|strand| standing.contains(strand)) {
            last.insert(strand, task.spec.id);
        }
    }
    let tasks = plan::merge(state, last.into_values().collect());
    let reason = match state.world.contradictions {
        0 => format!("{} stand for a change: make one of them", strands_of(state, changes.len())),
        _ => "the strands' changes together were contradicted: find the one that does not go with the others"
            .to_owned(),
    };
    draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
}

/// `3 of 4 strands`, `all 4 strands`.
fn strands_of(state: &State, some: usize) -> String {
    let all = state.world.strands.len();
    if some == all {
        format!("all {}", count(all, "strand"))
    } else {
        format!("{some} of {}", count(all, "strand"))
    }
}

/// How often a merge was planned.
fn merges(state: &State) -> usize {
    // Nothing is looked through where there are no strands.
    if state.world.strands.is_empty() {
        return 0;
    }
    state.tasks.iter().filter(|task| task.spec.intent == Intent::MergeStrands).count()
}

/// What became of those that are not in the change, a line each.
pub(crate) fn accounts(state: &State) -> Vec<String> {
    let all = &state.world.strands;
    let lacking: Vec<String> = all.values().filter_map(account).collect();
    let more = lacking.len().saturating_sub(TOLD);
    let mut told: Vec<String> = lacking.into_iter().take(TOLD).collect();
    if more > 0 {
        told.push(format!("{} more found nothing", count(more, "strand")));
    }
    told
}

fn account(strand: &StrandState) -> Option<String> {
    let what = format!("strand {} ({})", strand.spec.id, count(strand.spec.tests.len(), "test"));
    match (&strand.left_out, &strand.proposal) {
        (Some(why), _) => Some(format!("{what} was left out: {why}")),
        (None, Some(_)) => None,
        (None, None) if strand.account.is_empty() => Some(format!("{what} found nothing")),
        (None, None) => Some(format!("{what} found nothing: {}", strand.account.trim_end_matches('.'))),
    }
}

/// Why a strand could not be asked for again, where that is for want of a budget.
pub(crate) fn too_dear(state: &State, now_ms: u64) -> Option<String> {
    let idle = state.world.strands.values().filter(|strand| strand.proposal.is_none());
    idle.map(|strand| gateway::next_of(state, Some(strand.spec.id), now_ms)).find_map(|next| match next {
        gateway::Next::TooDear(why) => Some(why),
        gateway::Next::Ask(_) | gateway::Next::None => None,
    })
}

/// The files of a strand's change that are in another one's lease.
pub(crate) fn taken_of_others<'p>(state: &State, id: StrandId, proposal: &'p Proposal) -> Vec<&'p str> {
    let others = state.world.strands.values().filter(|strand| strand.spec.id != id);
    let leased: BTreeSet<&str> = others.flat_map(|strand| &strand.spec.files).map(String::as_str).collect();
    proposal.files.iter().map(|file| file.path.as_str()).filter(|path| leased.contains(*path)).collect()
}
