//! The state of a mission: a fold over its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use coditect_types::context::FragmentKind;
use coditect_types::event::{Fork, Response, ViolationKind};
use coditect_types::limits::Verdict;
use coditect_types::outcome::{Proposal, Spent};
use coditect_types::plan::Intent;
use coditect_types::{
    Action, ApprovalId, AttemptId, Budget, Context, Event, Failure, Focus, Ground, Ledger, MissionId,
    MissionStatus, ModelSpec, Outcome, Policy, Project, Receipt, Rung, Snapshot, Strand, StrandId, Suspect,
    TaskId, TestReport, WorkspaceRef,
};

use crate::approvals::{self, Approval};
use crate::context::Turn;
use crate::expect::{SHOWS, waits_for_turn};
use crate::findings::{self, Finding};
use crate::gateway;
use crate::late::Latest;
use crate::luck;
use crate::newer::{self, Heads};
use crate::parametrize::parametrize;
use crate::request;
use crate::specification::{self, Specification};
use crate::spending::{self, pay, pay_rung};
use crate::stages::{self, Stages};
use crate::strands::{self, StrandState, Strands};
use crate::stuck::{self, Circles};
use crate::tasks::{Task, TaskState, Tasks};

/// An attempt under way.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its task.
    pub task: TaskId,
    /// What is being done.
    pub action: Arc<Action>,
    /// When it began, ms since 1970.
    pub started_ms: u64,
    /// When it must have ended, ms since 1970.
    pub deadline_ms: u64,
}

/// What is known of the world: every belief came from an outcome.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What the person saw.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The project.
    pub project: Option<Arc<Project>>,
    /// What the suite said of the snapshot.
    pub baseline: Option<Arc<TestReport>>,
    /// The receipt of that run.
    pub baseline_receipt: Option<Arc<Receipt>>,
    /// How long a proof is likely to take, builds included: what the baseline took without its red tests, ms.
    pub proof_ms: u64,
    /// Suspicious lines.
    pub suspects: Arc<Vec<Suspect>>,
    /// The change that is stood for now.
    pub proposal: Option<Arc<Proposal>>,
    /// Diffs that were refused.
    pub refused: Arc<Vec<String>>,
    /// What a review remarked on the change that is stood for.
    pub remarks: Arc<Vec<String>>,
    /// The newest receipt of a changed tree.
    pub receipt: Option<Arc<Receipt>>,
    /// What that run said.
    pub verified: Option<Arc<TestReport>>,
    /// What the rungs that found nothing said.
    pub accounts: Arc<Vec<String>>,
    /// A rung ended at its limit.
    pub at_limit: bool,
    /// How far the newest search that found nothing came.
    pub ground: Option<Ground>,
    /// What a model must know, once it was gathered.
    pub context: Option<Arc<Context>>,
    /// Files that agents asked for, beside what was gathered.
    pub granted: Arc<Vec<String>>,
    /// What was found out that a model which is asked anew must know, newest last.
    pub findings: Arc<Vec<Finding>>,
    /// How each model answered so far.
    pub turns: Arc<BTreeMap<String, Vec<Turn>>>,
    /// The newest answer of a model, while nobody has tried it.
    pub reply: Option<Arc<(String, String)>>,
    /// Tests that a model was asked for, since none showed what is asked for.
    pub specification: Arc<Specification>,
    /// The stages that the request is carried out in, where it asks for several things.
    pub stages: Arc<Stages>,
    /// The strands that the work falls into; none as long as it is one piece.
    pub strands: Arc<Strands>,
    /// The tests that were red when the suite contradicted the strands' changes together.
    pub contradicted: Option<Arc<Vec<String>>>,
    /// How often it did.
    pub contradictions: u32,
    /// The person has this: branch, commit, patch.
    pub handed: Option<(Option<String>, Option<String>, Option<String>)>,
    /// The newest failure of an action.
    pub failure: Option<Failure>,
    /// Files that the person changed since the snapshot, and did not commit.
    pub moved: Arc<Vec<String>>,
    /// What they committed since then.
    pub heads: Arc<Heads>,
    /// The newest violation that called for another plan.
    pub violation: Option<(ViolationKind, String)>,
}

impl World {
    /// How a model answered so far, for all of the work.
    #[must_use]
    pub fn turns(&self, model: &str) -> &[Turn] {
        self.turns_of(None, model)
    }

    /// How a model answered so far, for one strand or for all of the work.
    #[must_use]
    pub fn turns_of(&self, strand: Option<StrandId>, model: &str) -> &[Turn] {
        let turns = match strand {
            None => self.turns.get(model),
            Some(id) => self.strands.get(&id).and_then(|strand| strand.turns.get(model)),
        };
        turns.map_or(&[], Vec::as_slice)
    }

    /// Takes note of the files that an agent needs to see.
    fn grant(&mut self, needs: &[Intent]) {
        for need in needs {
            if let Intent::GatherMore { files } = need {
                Arc::make_mut(&mut self.granted).extend(files.iter().cloned());
            }
        }
    }

    /// The tests and files of a strand.
    #[must_use]
    pub fn strand(&self, id: Option<StrandId>) -> Option<&Strand> {
        self.strands.get(&id?).map(|strand: &StrandState| &*strand.spec)
    }
}

/// The state of one mission.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Its id, once submitted.
    pub mission: Option<MissionId>,
    /// The request.
    pub request: Arc<str>,
    /// The person's directory.
    pub workspace: Option<Arc<WorkspaceRef>>,
    /// How it is run.
    pub policy: Arc<Policy>,
    /// When it was submitted, ms since 1970.
    pub submitted_ms: u64,
    /// When the newest event was decided, ms since 1970.
    pub newest_ms: u64,
    /// How long it lay stopped, ms.
    pub paused_ms: u64,
    /// The plan.
    pub tasks: Tasks,
    /// Attempts under way.
    pub running: BTreeMap<AttemptId, Running>,
    /// Attempts started so far.
    pub attempts: u32,
    /// The tasks of the latest of them.
    pub latest: Latest,
    /// Those of them that failed by themselves.
    pub failures: u32,
    /// Attempts that asked nobody: a model is left alone.
    pub unasked: u32,
    /// What is known.
    pub world: World,
    /// What it cost so far.
    pub ledger: Ledger,
    /// What calls of models may have cost whose end nobody saw.
    pub lost: Budget,
    /// Times the plan was changed since a proposal was refused.
    pub replans: u32,
    /// A fork that has not gone on by itself yet, with how it is to.
    pub fork: Option<Arc<Fork>>,
    /// The person wants what there is.
    pub concluding: bool,
    /// Questions that wait for a person.
    pub approvals: BTreeMap<ApprovalId, Approval>,
    /// How many were asked so far.
    pub asked: u32,
    /// What was let pass, and who said so, a line each.
    pub approved: Vec<String>,
    /// Violations that were taken for luck, a line each.
    pub lucky: Vec<String>,
    /// The change that is stood for was taken though a test is red with it that luck does not explain.
    pub taken_red: bool,
    /// How work ended since something last came of it.
    pub circles: Arc<Circles>,
    /// How it ended.
    pub end: Option<MissionStatus>,
}

impl State {
    /// The task of this id.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<Task<'_>> {
        self.tasks.get(id)
    }

    /// Tasks that are not settled, in the order of planning.
    pub fn open_tasks(&self) -> impl Iterator<Item = Task<'_>> {
        self.tasks.open()
    }

    /// How long the mission has been at work at this time, ms; the time it lay stopped does not count.
    #[must_use]
    pub fn active_ms(&self, now_ms: u64) -> u64 {
        let now_ms = if approvals::is_waiting(self) { self.newest_ms } else { now_ms };
        now_ms.saturating_sub(self.submitted_ms).saturating_sub(self.paused_ms)
    }
}

/// Folds one event, decided at `at_ms`, into the state.
pub fn apply(state: &mut State, at_ms: u64, event: &Event) {
    // What took the mission up again counts the time itself.
    let is_back = matches!(event, Event::MissionResumed { .. } | Event::MissionForked { .. });
    if approvals::is_waiting(state) && !is_back {
        state.paused_ms += at_ms.saturating_sub(state.newest_ms);
    }
    match event {
        Event::MissionSubmitted { .. } => submitted(state, at_ms, event),
        Event::MissionForked { fork } => forked(state, at_ms, fork),
        Event::MissionResumed { lost } => resumed(state, at_ms, lost),
        Event::MissionConcluding {} => state.concluding = true,
        Event::PlanMade { tasks, strands, .. } => {
            strands::formed(state, at_ms, strands);
            state.tasks.add(tasks);
        }
        Event::StagesPlanned { stages, .. } => stages::planned(state, stages),
        Event::StageEnded { stage, end, why, .. } => {
            state.taken_red = false;
            stages::ended(state, *stage, *end, why);
        }
        Event::AttemptStarted { task, attempt, deadline_ms, .. } => {
            started(state, at_ms, *task, *attempt, *deadline_ms);
        }
        Event::AttemptEnded { task, attempt, outcome } => ended(state, *task, *attempt, at_ms, outcome),
        Event::OutcomeIgnored { .. } => {}
        Event::ViolationFound { task, kind, observed, response, confidence, .. } => {
            let strand = state.task(*task).and_then(|task| task.spec.strand);
            violated(state, strand, (*kind, observed.as_str()), *response);
            if *kind == ViolationKind::Stuck {
                went_in_a_circle(state, *task, observed);
            }
            if *kind == ViolationKind::TestExpectation && *response == Response::Ignore {
                if confidence * 100.0 < f64::from(state.policy.thresholds.ignore_below) {
                    state.lucky.push(format!("{observed}: taken for luck, confidence {confidence:.2}"));
                } else {
                    state.approved.push(format!("{observed}: nobody was asked, and the settings approve"));
                    state.taken_red = true;
                }
            }
        }
        Event::ApprovalAsked { approval, task, kind, observed, until_ms, .. } => {
            let asked =
                Approval { task: *task, kind: *kind, observed: observed.clone(), until_ms: *until_ms };
            approvals::asked(state, *approval, asked);
        }
        Event::ApprovalGiven { approval, verdict, by, .. } => {
            if let Some(asked) = approvals::given(state, *approval, *verdict, by.as_deref())
                && *verdict == Verdict::Denied
            {
                let strand = state.task(asked.task).and_then(|task| task.spec.strand);
                violated(state, strand, (asked.kind, asked.observed.as_str()), Response::Replan);
            }
        }
        Event::TaskSettled { task, end, why } => {
            newer::settled(state, *task, *end, why);
            state.approvals.retain(|_, asked| asked.task != *task);
            state.tasks.change(*task, |task| task.state = TaskState::Settled(*end));
            give_up(state, *task);
        }
        Event::MissionCompleted { status, .. } => {
            state.end = Some(*status);
            state.running.clear();
            state.approvals.clear();
        }
    }
    state.newest_ms = state.newest_ms.max(at_ms);
}

/// The mission begins.
fn submitted(state: &mut State, at_ms: u64, event: &Event) {
    let Event::MissionSubmitted { mission, request, workspace, policy, fork } = event else { return };
    state.mission = Some(mission.clone());
    state.request = Arc::from(request.as_str());
    state.workspace = Some(Arc::new(workspace.clone()));
    state.fork = fork.as_deref().map(|fork| Arc::new(fork.clone()));
    run_under(state, policy);
    state.submitted_ms = at_ms;
    state.lost = gateway::nothing();
}

/// From now on the mission is run so. What the request is about is the request's to say.
fn run_under(state: &mut State, policy: &Policy) {
    let focus = Focus { aim: request::aim(&state.request), ..policy.focus.clone() };
    state.policy = Arc::new(Policy { focus, ..policy.clone() });
}

/// What the mission that this one was forked from had under way is under way for nobody here, and nothing was paid for it.
fn forked(state: &mut State, at_ms: u64, fork: &Fork) {
    back(state, at_ms);
    run_under(state, &fork.policy);
    state.fork.take_if(|own| **own == *fork);
    for running in std::mem::take(&mut state.running).into_values() {
        state.tasks.change(running.task, |task| task.state = TaskState::Waiting { not_before_ms: 0 });
    }
}

/// The mission lay stopped until now.
fn back(state: &mut State, at_ms: u64) {
    let away_ms = at_ms.saturating_sub(state.newest_ms);
    state.paused_ms += away_ms;
    // Nobody could answer meanwhile.
    for asked in state.approvals.values_mut() {
        asked.until_ms = asked.until_ms.saturating_add(away_ms);
    }
}

fn resumed(state: &mut State, at_ms: u64, lost: &[AttemptId]) {
    back(state, at_ms);
    for attempt in lost {
        if let Some(running) = state.running.remove(attempt) {
            let is_call = lose_call(state, &running);
            let waiting = TaskState::Waiting { not_before_ms: 0 };
            state.tasks.change(running.task, |task| {
                task.state = waiting;
                // It may be paid for once more, and not again and again.
                task.failures += u32::from(is_call);
            });
        }
    }
}

/// What is under way for a task that came to its end is under way for nobody.
fn give_up(state: &mut State, id: TaskId) {
    let attempts = state.running.iter().filter(|(_, running)| running.task == id);
    let attempts: Vec<AttemptId> = attempts.map(|(attempt, _)| *attempt).collect();
    for attempt in attempts {
        if let Some(running) = state.running.remove(&attempt) {
            lose_call(state, &running);
        }
    }
}

/// A call of a model whose answer nobody will see: it is counted, and what it may have cost is not spent again.
fn lose_call(state: &mut State, running: &Running) -> bool {
    let Action::AskModel { model, request, .. } = &*running.action else { return false };
    let most = gateway::at_most(model, request);
    if let Some(strand) = state.task(running.task).and_then(|task| task.spec.strand) {
        strands::used(state, strand, 1, most.tokens, most.micro_usd);
    }
    state.lost.tokens = state.lost.tokens.saturating_add(most.tokens);
    state.lost.micro_usd = state.lost.micro_usd.saturating_add(most.micro_usd);
    spending::lose_call(&mut state.ledger, &model.name);
    true
}

fn started(state: &mut State, at_ms: u64, id: TaskId, attempt: AttemptId, deadline_ms: u64) {
    let Some(action) = state.task(id).and_then(|task| parametrize(state, task.spec, at_ms)) else { return };
    state.tasks.change(id, |task| task.state = TaskState::Running(attempt));
    state.attempts = state.attempts.max(attempt.0);
    state.latest.note(attempt, id);
    let action = Arc::new(action);
    state.running.insert(attempt, Running { task: id, action, started_ms: at_ms, deadline_ms });
}

fn ended(state: &mut State, id: TaskId, attempt: AttemptId, at_ms: u64, outcome: &Outcome) {
    let running = state.running.remove(&attempt);
    let strand = state.task(id).and_then(|task| task.spec.strand);
    if let Some(intent) = state.task(id).map(|task| task.spec.intent.clone()) {
        stuck::note(state, (&intent, strand), running.as_ref().map(|running| &*running.action), outcome);
    }
    if let Some(Action::AskModel { model, .. }) = running.as_ref().map(|running| &*running.action) {
        pay_model(state, model, strand, outcome);
    }
    let failure = if let Outcome::Failed { failure, .. } = outcome { Some(failure) } else { None };
    let unasked = failure.is_some_and(|failure| failure.unasked);
    let waits =
        |failure: &Failure| state.task(id).is_some_and(|task| waits_for_turn(state, task.spec, failure));
    let is_try = failure.is_some_and(|failure| !waits(failure));
    state.failures += u32::from(failure.is_some() && !unasked);
    state.unasked += u32::from(unasked);
    state.tasks.change(id, |task| {
        task.failures += u32::from(is_try);
        task.unasked = unasked;
        // Attempts after the second wait a little: what was unavailable gets time to come back.
        let wait_ms = failure.map_or(0, |failure| wait_ms(failure, task.failures));
        task.state = TaskState::Waiting { not_before_ms: at_ms + wait_ms };
    });
    let taken = match strand {
        Some(strand) => strands::learn(state, strand, outcome),
        None => {
            newer::learn(state, outcome)
                || stages::learn(state, id, outcome)
                || specification::learn(state, id, outcome)
        }
    };
    if !taken {
        learn(state, outcome);
    }
}

/// How long a task waits after a failure, ms: what was unavailable gets time to come back, as much as it asked for.
fn wait_ms(failure: &Failure, failures: u32) -> u64 {
    failure.retry_after_ms.unwrap_or(0).max(100_u64 << failures.min(6))
}

/// Takes a call of a model into the ledger, whatever came of it, and what it used into the share of its strand.
fn pay_model(state: &mut State, model: &ModelSpec, strand: Option<StrandId>, outcome: &Outcome) {
    let paid = spending::pay_call(&mut state.ledger, model, outcome);
    if let (Some((usage, micro_usd)), Some(strand)) = (paid, strand) {
        strands::used(state, strand, 1, usage.tokens_in + usage.tokens_out, micro_usd);
    }
}

/// Whoever is in it is not asked again, and the reason is told.
fn went_in_a_circle(state: &mut State, id: TaskId, observed: &str) {
    let Some((intent, strand)) = state.task(id).map(|task| (task.spec.intent.clone(), task.spec.strand))
    else {
        return;
    };
    stuck::found(state, (&intent, strand));
    Arc::make_mut(&mut state.world.accounts).push(format!("The work went in a circle: {observed}."));
}

fn violated(
    state: &mut State,
    strand: Option<StrandId>,
    (kind, observed): (ViolationKind, &str),
    response: Response,
) {
    if response != Response::Replan {
        return;
    }
    if let Some(strand) = strand {
        return strands::contradicted(state, strand, observed);
    }
    // A review that objects says nothing of which strand it is: to merge once more would end in the same change.
    if kind != ViolationKind::Objection && state.world.proposal.is_some() && strands::any_stands(state) {
        strands::merge_contradicted(state);
    }
    state.world.violation = Some((kind, observed.to_owned()));
    if let Some(proposal) = state.world.proposal.take() {
        Arc::make_mut(&mut state.world.refused).push(proposal.diff.clone());
        // What was said of it is said of nothing that comes after it.
        state.lucky.clear();
        state.approved.clear();
        state.taken_red = false;
        state.world.receipt = None;
        state.world.verified = None;
        state.ledger.solved_by = None;
        state.replans += 1;
        let said = match kind {
            ViolationKind::Objection => format!("A review objects: {observed}."),
            ViolationKind::TestExpectation
            | ViolationKind::VanishedTest
            | ViolationKind::UnexpectedFileChange
            | ViolationKind::HarmfulPart
            | ViolationKind::Stuck
            | ViolationKind::Timeout
            | ViolationKind::ActionFailed
            | ViolationKind::LateOutcome
            | ViolationKind::UnsteadyTest
            | ViolationKind::Environment
            | ViolationKind::Resource
            | ViolationKind::OffContract
            | ViolationKind::AgentSilent
            | ViolationKind::SpecificationConflict
            | ViolationKind::ConcurrentChange
            | ViolationKind::ReceiptStale
            | ViolationKind::ProcessKilled => {
                format!("With this change, the whole suite says otherwise: {observed}.")
            }
        };
        if specification::adds_tests(state) {
            return specification::tell(state, &said);
        }
        tell_model(state, proposal.rung, &said);
    }
}

/// What became of a model's change after it was proposed, for the model's next turn.
fn tell_model(state: &mut State, rung: Rung, said: &str) {
    let of_rung = state.policy.models.iter().rev().filter(|model| model.rung == rung);
    let asked = of_rung.map(|model| model.name.as_str()).find(|name| !state.world.turns(name).is_empty());
    let Some(name) = asked.map(str::to_owned) else { return };
    if let Some(turn) =
        Arc::make_mut(&mut state.world.turns).get_mut(&name).and_then(|turns| turns.last_mut())
    {
        said.clone_into(&mut turn.feedback);
        turn.refuted = true;
    }
}

/// What a proof takes beside its tests: a fresh copy, a start, ms.
const PROOF_BESIDE_MS: u64 = 1_000;

/// Takes what an outcome says into the world model and the ledger.
fn learn(state: &mut State, outcome: &Outcome) {
    let world = &mut state.world;
    match outcome {
        Outcome::SnapshotTaken { snapshot } => world.snapshot = Some(Arc::new(snapshot.clone())),
        Outcome::ProjectSurveyed { project, .. } => world.project = Some(Arc::new(project.clone())),
        Outcome::BaselineMeasured { project, report, suspects, receipt, spent, .. } => {
            baseline(state, (project, report, receipt), suspects, spent);
        }
        Outcome::ChangeProposed { proposal, spent } => {
            pay_rung(&mut state.ledger, proposal.rung, spent, 1);
            state.ledger.solved_by = Some(proposal.rung);
            state.world.reply = None;
            state.world.proposal = Some(Arc::new(proposal.clone()));
        }
        Outcome::NoChangeFound { rung, account, at_limit, ground, spent } => {
            world.at_limit |= *at_limit;
            world.ground = ground.clone().or(world.ground.take());
            Arc::make_mut(&mut world.accounts).push(account.clone());
            pay_rung(&mut state.ledger, *rung, spent, 0);
        }
        Outcome::ContextGathered { context } => {
            let before = world.context.take();
            world.context = Some(Arc::new(with_what_was_known(context.clone(), before.as_deref())));
        }
        Outcome::NeedsFirst { needs, spent, .. } => {
            world.grant(needs);
            pay(&mut state.ledger, spent);
        }
        Outcome::ModelAnswered { model, reply, .. } => {
            let turns = state.world.turns.get(model).map_or(&[][..], Vec::as_slice);
            let turn = Turn::to(state, (model, &reply.text), None, turns);
            Arc::make_mut(&mut state.world.turns).entry(model.clone()).or_default().push(turn);
            state.world.reply = Some(Arc::new((model.clone(), reply.text.clone())));
        }
        Outcome::ReplyRefused { rung, account, feedback, diff, halved, spent } => {
            if let Some(halved) = halved {
                findings::add(Arc::make_mut(&mut world.findings), halved);
            }
            if let Some((model, _)) = world.reply.take().as_deref()
                && let Some(turn) =
                    Arc::make_mut(&mut world.turns).get_mut(model).and_then(|turns| turns.last_mut())
            {
                turn.feedback.clone_from(feedback);
                turn.refuted = !diff.is_empty();
            }
            if !diff.is_empty() && !world.refused.contains(diff) {
                Arc::make_mut(&mut world.refused).push(diff.clone());
            }
            Arc::make_mut(&mut world.accounts).push(account.clone());
            pay_rung(&mut state.ledger, *rung, spent, 0);
        }
        Outcome::ChangeReviewed { remarks, .. } => world.remarks = Arc::new(remarks.clone()),
        Outcome::ChangeVerified { receipt, report, spent } => {
            world.receipt = Some(Arc::new(receipt.clone()));
            world.verified = Some(Arc::new(report.clone()));
            pay(&mut state.ledger, spent);
            strands::verified(state);
        }
        Outcome::ChangesMerged { proposal, left_out, spent } => {
            strands::merged(state, proposal.as_ref(), left_out, spent);
        }
        Outcome::HandedOver { branch, commit, patch, moved } => {
            world.moved = Arc::new(moved.clone());
            world.handed = Some((branch.clone(), commit.clone(), patch.clone()));
        }
        // Taken before, by whom it is for.
        Outcome::SpecificationWritten { .. } | Outcome::HeadMoved { .. } | Outcome::NothingDone => {}
        Outcome::Failed { failure, spent } => {
            world.failure = Some(failure.clone());
            pay(&mut state.ledger, spent);
        }
    }
}

/// Takes what the suite says of the snapshot.
fn baseline(
    state: &mut State,
    (project, report, receipt): (&Project, &TestReport, &Receipt),
    suspects: &[Suspect],
    spent: &Spent,
) {
    let world = &mut state.world;
    world.project = Some(Arc::new(project.clone()));
    let mut report = report.clone();
    if state.policy.focus.tests.is_empty() {
        luck::remember(&mut report, &state.policy.history.unsteady, SHOWS);
    }
    world.baseline = Some(Arc::new(report.clone()));
    world.suspects = Arc::new(suspects.to_vec());
    world.baseline_receipt = Some(Arc::new(receipt.clone()));
    let red_us: u64 = report.red().map(|test| test.us).sum();
    let all = spent.wall_ms.saturating_sub(red_us / 1_000);
    // What was tried in another tier before, and red tests that ran again, are no part of a proof; what was built is.
    let once = report.wall_ms + report.wall_ms / 10 + PROOF_BESIDE_MS;
    world.proof_ms = if project.toolchain().is_some() { all } else { all.min(once) };
    pay(&mut state.ledger, spent);
}

/// True where a task of this intent looks for a change.
#[must_use]
pub fn seeks_change(intent: &Intent) -> bool {
    matches!(intent, Intent::TurnTestsGreen { .. } | Intent::TryReply { .. } | Intent::Rename)
}

/// Values and examples are gathered once; what is gathered later is more files.
fn with_what_was_known(mut context: Context, before: Option<&Context>) -> Context {
    let Some(before) = before else { return context };
    if context.values.is_empty() {
        context.values.clone_from(&before.values);
    }
    if context.of(FragmentKind::Example).next().is_none() {
        context.fragments.extend(before.of(FragmentKind::Example).cloned());
    }
    context
}
