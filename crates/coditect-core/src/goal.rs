//! The goal manager: is the mission done, failed, or in need of another plan?

use coditect_types::event::{Cause, TaskEnd};
use coditect_types::plan::Intent;
use coditect_types::{
    Aim, ErrorKind, Event, MissionId, MissionStatus, Policy, Receipt, Rung, TaskId, TestReport, WorkspaceRef,
};

use crate::cascade;
use crate::decide::Draft;
use crate::diagnose;
use crate::expect::{red_tests, set_aside, still_red};
use crate::gateway;
use crate::hand_over::count;
use crate::newer;
use crate::parametrize::left;
use crate::plan;
use crate::request::{Wish, wish};
use crate::specification;
use crate::stages::{self, wanted};
use crate::state::{State, seeks_change};
use crate::strands;
use crate::tasks::{Task, TaskState};

mod caveats;
mod forms;

/// A task is given up after so many attempts that failed by themselves.
pub const MAX_FAILURES: u32 = 3;
/// A mission is given up after so many refused proposals.
pub const MAX_REPLANS: u32 = 3;

/// How a mission is to end.
struct End {
    status: MissionStatus,
    summary: String,
    trouble: Option<ErrorKind>,
    hint: Option<String>,
    receipt: Option<Receipt>,
}

impl End {
    fn new(status: MissionStatus, summary: impl Into<String>) -> Self {
        Self { status, summary: summary.into(), trouble: None, hint: None, receipt: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The first plan of a mission that was just submitted, by rules.
pub(crate) fn begin(draft: &mut Draft) {
    let policy = &draft.state.policy;
    let has_model = policy.models.iter().any(|model| policy.allows(model.rung));
    if let (Aim::Rename { from, to }, true) = (&policy.focus.aim, policy.allows(Rung::Recipe)) {
        let reason = format!("rule `rename`: `{from}` is to be `{to}` wherever it stands");
        draft.push(Event::PlanMade { tasks: plan::measure(), reason, strands: Vec::new() });
        return;
    }
    match wish(&draft.state.request) {
        Wish::NeedsModel(_) | Wish::Unknown if has_model => draft.push(Event::PlanMade {
            tasks: plan::measure(),
            reason: rule_of(&policy.focus.aim).into(),
            strands: Vec::new(),
        }),
        Wish::FixTests => draft.push(Event::PlanMade {
            tasks: plan::measure(),
            reason: "rule `fix tests`: the request asks for red tests to turn green".into(),
            strands: Vec::new(),
        }),
        Wish::RenewSnapshots => draft.push(Event::PlanMade {
            tasks: plan::measure(),
            reason: "rule `renew snapshots`: the request asks for stale snapshots to be written anew".into(),
            strands: Vec::new(),
        }),
        Wish::NeedsModel(verb) => {
            let end = End::new(
                MissionStatus::NeedsPerson,
                format!(
                    "This request asks to {verb} something, which no search can answer: it needs a language model, \
                     and none is configured."
                ),
            );
            complete(draft, end.hint(WITHOUT_MODEL));
        }
        Wish::Unknown => {
            let end = End::new(
                MissionStatus::NeedsPerson,
                "No rule knows what this request asks for: it needs a language model to be understood, and none is \
                 configured.",
            );
            complete(draft, end.hint(WITHOUT_MODEL));
        }
    }
}

/// The rule by which a model is asked.
fn rule_of(aim: &Aim) -> &'static str {
    match aim {
        Aim::TurnTestsGreen => {
            "rule `make what tests describe`: a model is asked for what red tests show to be missing"
        }
        Aim::KeepBehaviour | Aim::Rename { .. } => {
            "rule `keep behaviour`: a model is asked for code after which every test says what it said"
        }
        Aim::KeepCode => {
            "rule `document`: a model is asked for comments and documents, and no code may change"
        }
        Aim::AddTests => "rule `add tests`: a model is asked for tests that pass on the code as it is",
    }
}

const WITHOUT_MODEL: &str = "without a model, ask for what failing tests describe: \"make the failing tests pass\"; \
     `coditect models` says how to choose one";

/// A mission of tasks that do nothing, in a chain.
pub(crate) fn begin_no_ops(draft: &mut Draft, mission: &MissionId, steps: u32) {
    draft.push(Event::MissionSubmitted {
        mission: mission.clone(),
        request: "do nothing".into(),
        workspace: WorkspaceRef { path: String::new() },
        policy: Policy::default(),
        fork: None,
    });
    let tasks = plan::chain(0, (0..steps).map(|_| Intent::DoNothing));
    draft.push(Event::PlanMade { tasks, reason: "a bench of the ring".into(), strands: Vec::new() });
}

/// A fork may be run otherwise than it was planned: what its policy does not allow is given up, and what waits for that with it.
pub(crate) fn give_up_what_is_not_allowed(draft: &mut Draft) {
    let policy = std::sync::Arc::clone(&draft.state.policy);
    let has_model =
        |name: &str| policy.models.iter().any(|model| model.name == name && policy.allows(model.rung));
    let why = |intent: &Intent| match intent {
        Intent::AskModel { model } | Intent::AskForTests { model } | Intent::AskForPlan { model } => {
            (!has_model(model)).then(|| format!("the fork does not ask `{model}`"))
        }
        Intent::TurnTestsGreen { rung } => {
            (!policy.allows(*rung)).then(|| "the fork does not stand on this rung".to_owned())
        }
        Intent::Rename => {
            (!policy.allows(Rung::Recipe)).then(|| "the fork does not stand on this rung".to_owned())
        }
        Intent::TakeSnapshot
        | Intent::SurveyProject
        | Intent::MeasureBaseline
        | Intent::GatherContext
        | Intent::GatherMore { .. }
        | Intent::TrySpecification { .. }
        | Intent::TryReply { .. }
        | Intent::MergeStrands
        | Intent::ReviewChange
        | Intent::VerifyChange
        | Intent::HandOver
        | Intent::DoNothing => None,
    };
    // One whose attempt waits for a person's word has done its work.
    let open = draft.state.open_tasks().filter(|task| !matches!(task.state, TaskState::Asked(_)));
    let given_up: Vec<(TaskId, String)> =
        open.filter_map(|task| Some((task.spec.id, why(&task.spec.intent)?))).collect();
    for (task, why) in given_up {
        draft.settle(task, TaskEnd::Failed, &why);
    }
}

/// A person ends the mission.
pub(crate) fn cancel(draft: &mut Draft, reason: &str) {
    let said = if reason.is_empty() { "Cancelled.".to_owned() } else { format!("Cancelled: {reason}.") };
    complete(draft, End::new(MissionStatus::Cancelled, said));
}

/// Brings the plan in line with what is known, and ends the mission where there is nothing left to do.
pub(crate) fn pursue(draft: &mut Draft) {
    if draft.state.end.is_some() {
        return;
    }
    // What was handed over in time is the person's, whatever the clock says by now.
    if left(&draft.state, draft.now_ms).wall_ms == 0 && draft.state.world.handed.is_none() {
        if newer::save(draft) {
            return;
        }
        let end = over_limit(&draft.state);
        if !stages::save(draft, &end.summary) {
            complete(draft, end);
        }
        return;
    }
    // Each round ends a stage.
    loop {
        newer::pursue(draft);
        let divides = stages::divide(draft);
        stages::pursue(draft);
        let is_open = !divides && !stages::are_over(&draft.state);
        if is_open {
            extend_plan(draft);
        }
        drop_what_is_not_needed(draft);
        // After what falls away: it may be the last thing that stood before another plan.
        if is_open {
            specification::pursue(draft);
            strands::pursue(draft);
            ask_a_model(draft);
        }
        match verdict(&draft.state) {
            Some(end) if stages::is_staged(&draft.state) => stages::close(draft, end.status, &end.summary),
            Some(end) => return complete(draft, end),
            None => return,
        }
    }
}

fn over_limit(state: &State) -> End {
    let ms = state.policy.budget.wall_ms;
    let mut end =
        End::new(MissionStatus::OverLimit, format!("The time budget of {} s is used up.", ms / 1000));
    end.trouble = Some(ErrorKind::Exhausted);
    end.hint("give it more with `--budget-s`")
}

/// Adds tasks that what is known calls for.
fn extend_plan(draft: &mut Draft) {
    let state = &draft.state;
    if !state.policy.focus.aim.is_default() {
        forms::pursue(draft);
        return;
    }
    if state.world.baseline.is_some() && !state.tasks.iter().any(|task| seeks_change(&task.spec.intent)) {
        let red = red_tests(state);
        if !red.is_empty() && unknown_tests(state).is_empty() && !state.concluding {
            let reason = format!(
                "{} red every time: look for a change, cheapest rung first",
                count(red.len(), "test")
            );
            let tasks = plan::repair(state, wish(wanted(state)));
            if !tasks.is_empty() {
                draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
            }
        }
        return;
    }
    let refused_and_open = state.world.violation.is_some()
        && state.world.proposal.is_none()
        && !state.world.refused.is_empty()
        && state.replans <= MAX_REPLANS
        && !state.concluding
        && !state.open_tasks().any(|task| seeks_change(&task.spec.intent))
        && proposals_asked_for(state) <= state.replans as usize
        && state.world.turns.is_empty()
        && state.world.strands.is_empty()
        && state.policy.allows(Rung::Reflex);
    if refused_and_open {
        let tasks = plan::another_proposal(state);
        let seen = state.world.violation.as_ref().map_or("", |(_, observed)| observed.as_str());
        draft.push(Event::PlanMade {
            tasks,
            reason: format!("the proposal was refused ({seen}): look for another"),
            strands: Vec::new(),
        });
    }
}

/// Where all cheaper rungs are spent, a model is asked, or asked again with what became of its last answer.
fn ask_a_model(draft: &mut Draft) {
    let state = &draft.state;
    let is_spent = state.world.baseline.is_some()
        && state.world.proposal.is_none()
        && !state.concluding
        && !strands::any_stands(state)
        && state.open_tasks().next().is_none()
        && (!red_tests(state).is_empty() || forms::asks_model(state))
        && unknown_tests(state).is_empty();
    if !is_spent {
        return;
    }
    if let gateway::Next::Ask(model) = gateway::next(state, draft.now_ms) {
        let reason = match state.world.turns(&model.name).len() {
            0 if forms::asks_model(state) => format!("no rule does this: ask `{}`", model.name),
            0 if state.world.strands.is_empty() => {
                format!("cheaper rungs found nothing: ask `{}`", model.name)
            }
            0 => format!("no strand found a change: ask `{}` for all of the work", model.name),
            n => format!("answer {n} of `{}` did not do: ask again with what became of it", model.name),
        };
        let over = cascade::told(state, &model, None, draft.now_ms);
        let tasks = plan::ask(state, &model);
        draft.push(Event::PlanMade { tasks, reason: reason + &over, strands: Vec::new() });
    }
}

/// How many plans so far asked for a proposal.
fn proposals_asked_for(state: &State) -> usize {
    state.tasks.iter().filter(|task| matches!(task.spec.intent, Intent::VerifyChange)).count()
}

/// Rungs above the one that found a change are dropped, and so is what waits for a task that failed.
fn drop_what_is_not_needed(draft: &mut Draft) {
    let mut dropped: Vec<(TaskId, &'static str)> = Vec::new();
    if draft.state.world.proposal.is_some() || draft.state.concluding {
        let why = match draft.state.concluding {
            true => "the person wants what there is",
            false => "a lower rung found a change",
        };
        for task in draft.state.open_tasks() {
            let leads_to_one = matches!(
                task.spec.intent,
                Intent::GatherContext
                    | Intent::GatherMore { .. }
                    | Intent::AskForPlan { .. }
                    | Intent::AskModel { .. }
                    | Intent::AskForTests { .. }
                    | Intent::TrySpecification { .. }
            );
            if (leads_to_one || seeks_change(&task.spec.intent))
                && matches!(task.state, TaskState::Waiting { .. })
            {
                dropped.push((task.spec.id, why));
            }
        }
    }
    for (task, why) in dropped {
        draft.settle(task, TaskEnd::Dropped, why);
    }
    // Only a task that failed blocks others, so where none did, nothing is looked through.
    while draft.state.tasks.any_failed() {
        let blocked = draft.state.open_tasks().find(|task| is_blocked(&draft.state, task));
        let Some(id) = blocked.map(|task| task.spec.id) else { break };
        // `Failed`, so that what waits for this one is blocked in its turn.
        draft.settle(id, TaskEnd::Failed, "a task that it needs failed");
    }
}

fn is_blocked(state: &State, task: &Task<'_>) -> bool {
    task.spec.needs.iter().any(|need| {
        state.task(*need).is_some_and(|needed| {
            needed.state == TaskState::Settled(TaskEnd::Failed)
                && !(seeks_change(&needed.spec.intent) && seeks_change(&task.spec.intent))
        })
    })
}

/// How the mission ends, once no task is open.
fn verdict(state: &State) -> Option<End> {
    if state.open_tasks().next().is_some() {
        return None;
    }
    let world = &state.world;
    if (world.handed.is_some() || stages::is_proved(state))
        && let Some(end) = taken_though_red(state)
    {
        return Some(end);
    }
    if stages::is_proved(state) {
        let explanation = world.proposal.as_deref().map_or_else(String::new, |p| sentence(&p.explanation));
        let left = left_undone(state);
        return Some(match left {
            0 => End::new(MissionStatus::Verified, format!("{explanation}.")),
            _ => partly(state, left, &explanation),
        });
    }
    if let (Some(handed), Some(receipt)) = (&world.handed, world.receipt.as_deref()) {
        let where_to = match handed {
            (Some(branch), _, _) => format!("on branch `{branch}`"),
            (None, _, Some(patch)) => format!("in patch file `{patch}`"),
            (None, _, None) => "in no place".into(),
        };
        let proposal = world.proposal.as_deref();
        let explanation = proposal.map_or_else(String::new, |p| sentence(&p.explanation));
        let left = left_undone(state);
        let on = newer::proved(state)
            .map_or_else(String::new, |head| format!(" on top of {}", newer::named(head)));
        let mut end = match left {
            0 => End::new(MissionStatus::Verified, format!("{explanation}. Verified{on}, {where_to}.")),
            _ => partly(state, left, &format!("{explanation}. {}", sentence(&where_to))),
        };
        let (done, all) = stages::tally(state);
        if done < all {
            let all = count(all, "stage");
            end = End::new(
                MissionStatus::PartlyVerified,
                format!("{explanation}. {done} of {all} verified, {where_to}."),
            );
            end = end.hint("take what there is, and ask for the rest from there");
        }
        end = beside_newer(state, end);
        end.receipt = Some(receipt.clone());
        return Some(end);
    }
    Some(unsolved(state))
}

/// Where the change does not stand on what the person committed meanwhile, they have to say how the two go together.
fn beside_newer(state: &State, end: End) -> End {
    let Some((carried, why)) = newer::why_not(state) else { return end };
    let text = format!(
        "{} It stands on what you had when this began, and not on your newer commit {}: {}.",
        end.summary,
        newer::named(carried),
        why.trim_end_matches('.')
    );
    End::new(MissionStatus::NeedsPerson, text)
        .hint("merge the branch by hand, or run again: the next mission begins where your branch is now")
}

/// A change that a person took, or that the policy took for them, though a test is red with it that luck does not explain: there is
/// no proof.
fn taken_though_red(state: &State) -> Option<End> {
    if !state.taken_red {
        return None;
    }
    let explanation = state.world.proposal.as_deref().map_or_else(String::new, |p| sentence(&p.explanation));
    let text = format!("{explanation}. A test is red with it, and it was taken all the same.");
    let mut end = End::new(MissionStatus::Unverified, text).hint("run the tests yourself before you take it");
    end.receipt = state.world.receipt.as_deref().cloned();
    Some(end)
}

/// The red tests that were to turn green and that the change leaves red, those among them that were set aside.
fn left_undone(state: &State) -> usize {
    let wanted = |id: &&str| state.policy.focus.wants_test(id);
    still_red(state).into_iter().filter(wanted).count()
}

/// A change that was verified and does not do all that was asked for.
fn partly(state: &State, left: usize, what: &str) -> End {
    let red = red_tests(state).len() + set_aside(state).len();
    let turned = red.saturating_sub(left);
    let text = format!("{what}: {turned} of {} turned green, {left} still red.", count(red, "red test"));
    let end = End::new(MissionStatus::PartlyVerified, text);
    end.hint(
        "take the change and run again: what is left may be found from there, or needs a person or a model",
    )
}

/// Tests that were asked for by names that no test has.
pub(crate) fn unknown_tests(state: &State) -> Vec<&str> {
    let baseline = state.world.baseline.as_deref();
    let ids: Vec<&str> =
        baseline.into_iter().flat_map(|report| &report.tests).map(|test| test.id.as_str()).collect();
    state.policy.focus.unknown_tests(&ids)
}

fn unsolved(state: &State) -> End {
    let world = &state.world;
    let (done, stages) = stages::tally(state);
    if stages::are_over(state) {
        if done == stages {
            let mut end = End::new(MissionStatus::Verified, "Nothing to change: all of it is there already.");
            end.receipt = world.baseline_receipt.as_deref().cloned();
            return end;
        }
        let told: Vec<String> = stages::left(state).iter().map(|line| sentence(line)).collect();
        return End::new(
            MissionStatus::Failed,
            format!("None of the {} was done. {}.", count(stages, "stage"), told.join(". ")),
        )
        .hint("look at `coditect why last`, and ask for less at once or in other words");
    }
    if state.concluding {
        return concluded(state);
    }
    if let Some(failure) = &world.failure
        && last_task_failed_by_itself(state)
        && !(asks_model(state) && any_answer(state))
    {
        let status = match failure.kind {
            ErrorKind::Denied | ErrorKind::NoSandbox => MissionStatus::NeedsPerson,
            ErrorKind::Exhausted | ErrorKind::Interrupted => MissionStatus::OverLimit,
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Unavailable
            | ErrorKind::Bug => MissionStatus::Failed,
        };
        let mut end = End::new(status, format!("{}.", sentence(&failure.cause)));
        end.trouble = Some(failure.kind);
        end.hint.clone_from(&failure.hint);
        return end;
    }
    if let Some(baseline) = world.baseline.as_deref().filter(|_| forms::is_measured(state)) {
        return forms::unmet(state, baseline);
    }
    if let Some(baseline) = world.baseline.as_deref()
        && !state.tasks.iter().any(|task| seeks_change(&task.spec.intent))
        && (red_tests(state).is_empty() || !unknown_tests(state).is_empty())
    {
        return nothing_red(state, baseline);
    }
    if !state.tasks.is_empty() && state.tasks.iter().all(|task| task.spec.intent == Intent::DoNothing) {
        return End::new(MissionStatus::Unverified, "Nothing was to be done, and was done.");
    }
    not_found(state)
}

/// Ended by a person before anything was found.
fn concluded(state: &State) -> End {
    let tried = match state.ledger.candidates {
        0 => "before a change was looked for".to_owned(),
        n => format!("after {n} candidates, none of which was a repair"),
    };
    let end = End::new(MissionStatus::Cancelled, format!("Stopped {tried}."));
    match &state.world.ground {
        Some(ground) if ground.judged > 0 => {
            end.hint("the same command goes on behind these candidates, as long as nothing changes")
        }
        Some(_) | None => end,
    }
}

/// No test that was asked for is red every time: there is nothing to search for.
fn nothing_red(state: &State, baseline: &TestReport) -> End {
    let unknown = unknown_tests(state);
    if let (Some(first), false) = (unknown.first(), baseline.tests.is_empty()) {
        let near = baseline.red().next().or(baseline.tests.first()).map_or("", |test| test.id.as_str());
        let mut end = End::new(MissionStatus::Failed, format!("There is no test `{first}`."));
        end.trouble = Some(ErrorKind::NotFound);
        return end.hint(format!("tests are named like `{near}`; a part of that up to `::` does as well"));
    }
    let is_by_tests = matches!(wish(wanted(state)), Wish::FixTests | Wish::RenewSnapshots);
    if !is_by_tests && baseline.flaky().next().is_none() {
        let dear = specification::too_dear(state, state.newest_ms);
        let status = if dear.is_some() { MissionStatus::OverLimit } else { MissionStatus::NeedsPerson };
        let mut end = End::new(
            status,
            format!(
                "{} green already: none of them shows what is asked for, so nothing could prove it. {}",
                count(baseline.tests.len(), "test"),
                specification::account(state)
            )
            .trim_end(),
        );
        end.trouble = dear.is_some().then_some(ErrorKind::Exhausted);
        return end.hint(match dear {
            Some(why) => format!("give it more: {why}"),
            None => "write a test that fails until it is there, and run again".into(),
        });
    }
    let flaky: Vec<&str> = baseline.flaky().map(|test| test.id.as_str()).collect();
    let problems = baseline.problems.first();
    if baseline.tests.is_empty() || problems.is_some() {
        let why = problems.map_or_else(|| "no test ran".to_owned(), Clone::clone);
        return End::new(MissionStatus::Failed, format!("The tests could not be run: {why}."))
            .hint("name the command with `--test-command`, or see `coditect log last`");
    }
    if !flaky.is_empty() {
        let named = flaky.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        return End::new(
            MissionStatus::Unverified,
            format!("No test is red every time; {} now and then: {named}.", count(flaky.len(), "test fails")),
        )
        .hint("a test that passes and fails on the same tree tells nothing about a change: steady it first");
    }
    let mut end = End::new(
        MissionStatus::Verified,
        match state.policy.focus.tests.len() {
            0 => format!("Nothing to change: {} green already.", count(baseline.tests.len(), "test")),
            _ => "Nothing to change: what was asked for is green already.".to_owned(),
        },
    );
    end.receipt = state.world.baseline_receipt.as_deref().cloned();
    end
}

fn not_found(state: &State) -> End {
    let world = &state.world;
    let red = red_tests(state).len();
    let told: Vec<String> =
        strands::accounts(state).iter().map(|line| format!("{}.", sentence(line))).collect();
    let accounts = [world.accounts.as_slice(), told.as_slice()].concat().join(" ");
    let status = if world.at_limit { MissionStatus::OverLimit } else { MissionStatus::Failed };
    let mut summary = format!("No change was found that turns {} green. {accounts}", count(red, "red test"));
    if let (true, Some((_, observed))) = (!world.refused.is_empty(), &world.violation) {
        let refused = match world.refused.len() {
            1 => "1 proposal was refused".to_owned(),
            n => format!("{n} proposals were refused"),
        };
        summary = format!("{refused}, the last since {observed}. {summary}");
    }
    let mut end = End::new(status, summary.trim().to_owned());
    let dear = match gateway::next(state, state.newest_ms) {
        gateway::Next::TooDear(why) => Some(why),
        gateway::Next::Ask(_) | gateway::Next::None => strands::too_dear(state, state.newest_ms),
    };
    if let Some(why) = dear {
        end.status = MissionStatus::OverLimit;
        end.trouble = Some(ErrorKind::Exhausted);
        return end.hint(format!("give it more: {why}"));
    }
    if let Some(end) = not_to_be_met(state, &accounts) {
        return end;
    }
    if world.at_limit {
        end.trouble = Some(ErrorKind::Exhausted);
        return end.hint("give the search more with `--budget-s`");
    }
    end.hint("look at `coditect why last`; a change of this size needs a person or a model")
}

/// Nothing was found since no change of the code could do: tests contradict each other, or lack what is not there.
fn not_to_be_met(state: &State, accounts: &str) -> Option<End> {
    let baseline = state.world.baseline.as_deref()?;
    let red = red_tests(state);
    let conflict = baseline
        .conflicts
        .iter()
        .find(|conflict| red.iter().any(|id| *id == conflict.one.0 || *id == conflict.other.0));
    if let Some(conflict) = conflict {
        let text = format!("Two tests contradict each other: {}. {accounts}", diagnose::both_sides(conflict));
        let end = End::new(MissionStatus::NeedsPerson, text.trim().to_owned());
        return Some(end.hint("say which of the two holds: change or remove the other test, and run again"));
    }
    let lacking = baseline.red().filter(|test| red.contains(&test.id));
    let lacks: Vec<_> = lacking.map(|test| diagnose::lacks(test).map(|lack| (test, lack))).collect();
    let all: Vec<_> = lacks.iter().flatten().collect();
    let (test, lack) = all.first().filter(|_| all.len() == lacks.len())?;
    let others = match all.len() - 1 {
        0 => String::new(),
        n => format!(" So it is with {}.", count(n, "other red test")),
    };
    let text =
        format!("`{}` {}, and no change was found that does without.{others} {accounts}", test.id, lack.says);
    let mut end = End::new(MissionStatus::NeedsPerson, text.trim().to_owned());
    let is_limit = lack.cause == Cause::Resource;
    end.trouble = Some(if is_limit { ErrorKind::Exhausted } else { ErrorKind::NotFound });
    Some(end.hint("make it available where the tests run, or let the test do without it, and run again"))
}

/// The newest task that ended did so by an error of its own, and not for want of a change.
fn last_task_failed_by_itself(state: &State) -> bool {
    state.tasks.iter().any(|task| {
        task.failed_by_itself()
            && task.state == TaskState::Settled(TaskEnd::Failed)
            && !task_was_satisfied_later(state, task.spec.id)
    })
}

/// The newest failure is one of a model that could not be asked.
fn asks_model(state: &State) -> bool {
    let failed = state.tasks.iter().filter(Task::failed_by_itself).last();
    failed.is_some_and(|task| task.spec.intent.asks_model().is_some())
}

/// A model answered, whatever that was good for.
fn any_answer(state: &State) -> bool {
    strands::any_answer(state)
        || specification::any_answer(state)
        || state.world.turns.values().any(|turns| !turns.is_empty())
}

/// A later task with the same intent was done.
fn task_was_satisfied_later(state: &State, id: TaskId) -> bool {
    let Some(task) = state.task(id) else { return false };
    state.tasks.iter().any(|other| {
        other.spec.id > id
            && other.spec.intent == task.spec.intent
            && other.state == TaskState::Settled(TaskEnd::Done)
    })
}

fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn complete(draft: &mut Draft, end: End) {
    let open: Vec<TaskId> = draft.state.open_tasks().map(|task| task.spec.id).collect();
    for task in open {
        draft.settle(task, TaskEnd::Dropped, "the mission ended");
    }
    let state = &draft.state;
    let (branch, commit, patch) = state.world.handed.clone().unwrap_or_default();
    let event = Event::MissionCompleted {
        status: end.status,
        summary: end.summary,
        trouble: end.trouble,
        hint: end.hint,
        caveats: caveats::caveats(state),
        branch,
        commit,
        patch,
        receipt: end.receipt,
        ledger: state.ledger.clone(),
        wall_ms: state.active_ms(draft.now_ms),
    };
    draft.push(event);
}
