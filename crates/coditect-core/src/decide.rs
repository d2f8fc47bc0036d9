//! One step of a mission: an input becomes events, or a refusal that changes nothing.

use coditect_types::command::{Command, Input, Refusal, Reply, Workers};
use coditect_types::event::{Cause, Diagnosis, Response, TaskEnd, ViolationKind};
use coditect_types::plan::Intent;
use coditect_types::{AttemptId, ErrorKind, Event, Failure, Fork, Outcome, TaskId};

use crate::approvals;
use crate::cascade;
use crate::expect;
use crate::gateway;
use crate::goal;
use crate::late;
use crate::newer;
use crate::parametrize::{agents, allowance_ms, parametrize};
use crate::plan;
use crate::state::{Running, State, apply, seeks_change};
use crate::stuck;
use crate::tasks::{Task, TaskState};

/// An outcome that an agent is about to report gets this long past the deadline, ms.
const GRACE_MS: u64 = 2_000;

/// What came of a step that was taken.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The facts to keep, in order. May be empty: then there is nothing to keep.
    pub events: Vec<Event>,
    /// The state after them.
    pub next: State,
    /// The answer to whoever handed the input in.
    pub reply: Reply,
}

/// Events being decided, each one folded in at once so that the next sees it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) state: State,
    pub(crate) now_ms: u64,
    events: Vec<Event>,
}

impl Draft {
    pub(crate) fn push(&mut self, event: Event) {
        apply(&mut self.state, self.now_ms, &event);
        self.events.push(event);
    }

    /// A task came to its end, and with it what it delegated.
    pub(crate) fn settle(&mut self, task: TaskId, end: TaskEnd, why: impl Into<String>) {
        // One that others of the same step end is ended already where it was delegated by one of them.
        if self.state.task(task).is_none_or(|of| matches!(of.state, TaskState::Settled(_))) {
            return;
        }
        self.push(Event::TaskSettled { task, end, why: why.into() });
        let child = |state: &State| state.tasks.delegated_by(task).next().map(|child| child.spec.id);
        while let Some(child) = child(&self.state) {
            self.settle(child, TaskEnd::Dropped, "the task that delegated it ended");
        }
    }
}

/// Decides what `input` means for a mission in `state` at `now_ms` (ms since 1970). Pure: the same arguments
/// give the same answer. A refusal changes nothing.
pub fn decide(state: &State, now_ms: u64, input: &Input) -> Result<Decision, Refusal> {
    // Time does not go back within a mission, whatever the clock says.
    let now_ms = now_ms.max(state.newest_ms);
    let mut draft = Draft { state: state.clone(), now_ms, events: Vec::new() };
    match input {
        Input::Command(command) => obey(&mut draft, command)?,
        Input::Outcome { attempt, outcome } => observe(&mut draft, *attempt, outcome),
        Input::Resume(workers) => resume(&mut draft, *workers)?,
        Input::Tick => tick(&mut draft),
    }
    if draft.state.mission.is_some() {
        goal::pursue(&mut draft);
        start_ready(&mut draft);
    }
    let reply = draft.state.end.map_or(Reply::Taken, Reply::Ended);
    Ok(Decision { events: draft.events, next: draft.state, reply })
}

fn refusal(kind: ErrorKind, cause: impl Into<String>, hint: Option<&str>) -> Refusal {
    Refusal { kind, cause: cause.into(), hint: hint.map(str::to_owned) }
}

fn obey(draft: &mut Draft, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::SubmitMission { mission, request, workspace, policy } => {
            if draft.state.mission.is_some() {
                return Err(refusal(ErrorKind::Conflict, format!("mission `{mission}` exists"), None));
            }
            if request.trim().is_empty() {
                let hint = "say what is to be done, such as \"make the failing tests pass\"";
                return Err(refusal(ErrorKind::Invalid, "the request is empty", Some(hint)));
            }
            if request.len() > 65_536 {
                return Err(refusal(ErrorKind::Invalid, "the request is longer than 64 KiB", None));
            }
            draft.push(Event::MissionSubmitted {
                mission: mission.clone(),
                request: request.clone(),
                workspace: workspace.clone(),
                policy: policy.clone(),
                fork: None,
            });
            goal::begin(draft);
        }
        Command::SubmitNoOps { mission, steps } => {
            if draft.state.mission.is_some() {
                return Err(refusal(ErrorKind::Conflict, format!("mission `{mission}` exists"), None));
            }
            goal::begin_no_ops(draft, mission, *steps);
        }
        Command::ConcludeMission => {
            known(&draft.state)?;
            if !draft.state.concluding {
                draft.push(Event::MissionConcluding {});
                approvals::expire(draft);
            }
        }
        Command::AnswerApproval { approval, verdict, by, why } => {
            known(&draft.state)?;
            approvals::answer(draft, *approval, *verdict, (Some(by), why))?;
        }
        Command::CancelMission { reason } => {
            known(&draft.state)?;
            goal::cancel(draft, reason);
        }
    }
    Ok(())
}

fn known(state: &State) -> Result<(), Refusal> {
    if state.mission.is_none() {
        return Err(refusal(ErrorKind::NotFound, "there is no such mission", None));
    }
    if let Some(status) = state.end {
        return Err(refusal(
            ErrorKind::Conflict,
            format!("the mission has ended already ({status:?})"),
            None,
        ));
    }
    Ok(())
}

fn resume(draft: &mut Draft, workers: Workers) -> Result<(), Refusal> {
    known(&draft.state)?;
    if let Some(fork) = draft.state.fork.clone() {
        draft.push(Event::MissionForked { fork: Box::new(Fork::clone(&fork)) });
        goal::give_up_what_is_not_allowed(draft);
        return Ok(());
    }
    let now_ms = draft.now_ms;
    // What has little time left may have been given to nobody: lost, it costs no attempt.
    let is_worth_it = |of: &Running| {
        of.deadline_ms.saturating_sub(now_ms) > of.deadline_ms.saturating_sub(of.started_ms) / 10
    };
    let goes_on = |of: &Running| workers == Workers::Fleet && of.action.travels() && is_worth_it(of);
    let lost = draft.state.running.iter().filter(|(_, running)| !goes_on(running));
    let lost: Vec<AttemptId> = lost.map(|(attempt, _)| *attempt).collect();
    draft.push(Event::MissionResumed { lost });
    Ok(())
}

/// An outcome counts only if it carries the current attempt of its task; a late one changes nothing.
fn observe(draft: &mut Draft, attempt: AttemptId, outcome: &Outcome) {
    let Some(running) = draft.state.running.get(&attempt) else {
        let reason = if draft.state.end.is_some() {
            "the mission has ended"
        } else {
            "the attempt is not under way any more"
        };
        draft.push(Event::OutcomeIgnored { attempt, reason: reason.into() });
        if let Some((task, violation)) = late::violation(&draft.state, attempt) {
            draft.push(found(task, attempt, violation));
        }
        return;
    };
    let task_id = running.task;
    let Some(task) = draft.state.task(task_id) else { return };
    // What is no answer to what was asked is not learnt from.
    let unsound = off_contract(&task.spec.intent, outcome)
        .or_else(|| expect::stale(&draft.state, outcome))
        .or_else(|| newer::too_many(&draft.state, outcome));
    let failed = unsound.as_ref().map(|violation| {
        let cause = format!("{}, where {} was expected", violation.observed, violation.expected);
        Outcome::Failed { failure: Failure::new(ErrorKind::Bug, cause), spent: Default::default() }
    });
    let outcome = failed.as_ref().unwrap_or(outcome);
    let mut violations = expect::violations(&draft.state, &task, outcome);
    if let (Some(told), Some(found)) = (violations.first_mut(), unsound) {
        // One thing is wrong, and this is what.
        *told = expect::Violation { response: told.response, ..found };
    }
    violations.extend(stuck::violation(&draft.state, &task, outcome));
    // A change that was proved once stands, whatever becomes of it on top of a newer commit.
    let refuted = newer::to_prove(&draft.state).and_then(|_| newer::refuted(&mut violations, outcome));
    draft.push(Event::AttemptEnded { task: task_id, attempt, outcome: outcome.clone() });
    let mut response = Response::Ignore;
    let mut question: Option<expect::Violation> = None;
    for mut violation in violations {
        violation.response = approvals::respond(&draft.state, &violation);
        if violation.response == Response::Ask {
            question = Some(match question.take() {
                None => violation.clone(),
                Some(asked) => approvals::both(asked, &violation),
            });
        }
        response = worse(response, violation.response);
        draft.push(found(task_id, attempt, violation));
    }
    match (refuted, question.filter(|_| response == Response::Ask)) {
        (Some(why), _) => draft.settle(task_id, TaskEnd::Failed, why),
        (None, Some(question)) => approvals::ask(draft, task_id, attempt, &question),
        (None, None) => settle(draft, task_id, outcome, response),
    }
}

fn found(task: TaskId, attempt: AttemptId, violation: expect::Violation) -> Event {
    Event::ViolationFound {
        task,
        attempt,
        kind: violation.kind,
        expected: violation.expected,
        observed: violation.observed,
        confidence: violation.confidence,
        response: violation.response,
        diagnosis: violation.diagnosis,
    }
}

/// An outcome of another kind than the intent calls for.
fn off_contract(intent: &Intent, outcome: &Outcome) -> Option<expect::Violation> {
    let fits = matches!(
        (intent, outcome),
        (_, Outcome::Failed { .. })
            | (Intent::TakeSnapshot, Outcome::SnapshotTaken { .. })
            | (Intent::SurveyProject, Outcome::ProjectSurveyed { .. })
            | (Intent::MeasureBaseline, Outcome::BaselineMeasured { .. })
            | (Intent::TurnTestsGreen { .. }, Outcome::ChangeProposed { .. } | Outcome::NoChangeFound { .. })
            | (Intent::GatherContext | Intent::GatherMore { .. }, Outcome::ContextGathered { .. })
            | (Intent::TryReply { .. }, Outcome::NeedsFirst { .. })
            | (
                Intent::AskForPlan { .. } | Intent::AskModel { .. } | Intent::AskForTests { .. },
                Outcome::ModelAnswered { .. }
            )
            | (
                Intent::TrySpecification { .. },
                Outcome::SpecificationWritten { .. }
                    | Outcome::ChangeProposed { .. }
                    | Outcome::ReplyRefused { .. }
            )
            | (Intent::Rename, Outcome::ChangeProposed { .. } | Outcome::NoChangeFound { .. })
            | (Intent::TryReply { .. }, Outcome::ChangeProposed { .. } | Outcome::ReplyRefused { .. })
            | (Intent::MergeStrands, Outcome::ChangesMerged { .. })
            | (Intent::ReviewChange, Outcome::ChangeReviewed { .. })
            | (Intent::VerifyChange, Outcome::ChangeVerified { .. })
            | (Intent::HandOver, Outcome::HandedOver { .. } | Outcome::HeadMoved { .. })
            | (Intent::DoNothing, Outcome::NothingDone)
    );
    (!fits).then(|| expect::Violation {
        kind: ViolationKind::OffContract,
        expected: format!("an outcome of {}", intent_name(intent)),
        observed: "an outcome of another kind".into(),
        confidence: 1.0,
        response: Response::Retry,
        diagnosis: Some(Diagnosis {
            cause: Cause::Infrastructure,
            evidence: "an agent answered what it was not asked".into(),
            confidence: 1.0,
            runs: 0,
        }),
    })
}

fn worse(a: Response, b: Response) -> Response {
    let rank = |r: Response| match r {
        Response::Ignore => 0,
        Response::Retry => 1,
        Response::Ask => 2,
        Response::Replan => 3,
        Response::Stop => 4,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn settle(draft: &mut Draft, task: TaskId, outcome: &Outcome, response: Response) {
    match response {
        Response::Retry | Response::Ask => {}
        Response::Replan => draft.settle(task, TaskEnd::Failed, "an expectation was contradicted"),
        Response::Stop => {
            let why = match outcome {
                Outcome::Failed { failure, .. } => failure.cause.clone(),
                Outcome::NeedsFirst { why, .. } => format!("it goes in a circle: {why}"),
                Outcome::SnapshotTaken { .. }
                | Outcome::ProjectSurveyed { .. }
                | Outcome::BaselineMeasured { .. }
                | Outcome::ChangeProposed { .. }
                | Outcome::NoChangeFound { .. }
                | Outcome::ContextGathered { .. }
                | Outcome::ModelAnswered { .. }
                | Outcome::ReplyRefused { .. }
                | Outcome::SpecificationWritten { .. }
                | Outcome::ChangesMerged { .. }
                | Outcome::ChangeReviewed { .. }
                | Outcome::ChangeVerified { .. }
                | Outcome::HeadMoved { .. }
                | Outcome::HandedOver { .. }
                | Outcome::NothingDone => "an outcome of another kind".into(),
            };
            draft.settle(task, TaskEnd::Failed, why);
        }
        Response::Ignore => match outcome {
            Outcome::NeedsFirst { needs, why, .. } => delegate(draft, task, needs, why),
            Outcome::HeadMoved { .. } => {
                draft.settle(task, TaskEnd::Dropped, "the branch has moved meanwhile")
            }
            Outcome::NoChangeFound { account, .. } | Outcome::ReplyRefused { account, .. } => {
                draft.settle(task, TaskEnd::Failed, account.clone())
            }
            Outcome::ChangesMerged { proposal: None, .. } => {
                draft.settle(task, TaskEnd::Failed, "none of the strands' changes goes with the suite")
            }
            Outcome::SnapshotTaken { .. }
            | Outcome::ProjectSurveyed { .. }
            | Outcome::BaselineMeasured { .. }
            | Outcome::ChangeProposed { .. }
            | Outcome::ContextGathered { .. }
            | Outcome::ModelAnswered { .. }
            | Outcome::SpecificationWritten { .. }
            | Outcome::ChangesMerged { .. }
            | Outcome::ChangeReviewed { .. }
            | Outcome::ChangeVerified { .. }
            | Outcome::HandedOver { .. }
            | Outcome::NothingDone
            | Outcome::Failed { .. } => draft.settle(task, TaskEnd::Done, ""),
        },
    }
}

/// Tasks that one task may delegate, and how far tasks that were delegated may delegate in their turn.
pub const MAX_DELEGATED: usize = 4;
pub const MAX_DEPTH: usize = 2;

/// Plans what an agent needs of others: whoever has the role does it, and the task begins again after that.
fn delegate(draft: &mut Draft, id: TaskId, needs: &[Intent], why: &str) {
    let state = &draft.state;
    let Some(task) = state.task(id) else { return };
    let above =
        std::iter::successors(task.spec.parent, |up| state.task(*up).and_then(|task| task.spec.parent));
    let before = state.tasks.iter().filter(|other| other.spec.parent == Some(id)).count();
    // What costs a model, or is seen by the person, is for no agent to ask for; and its own work is its own.
    let is_for_others = |need: &Intent| {
        matches!(need, Intent::GatherMore { files } if !files.is_empty())
            && plan::role_of(need) != task.spec.role
    };
    let refused = if needs.is_empty() || !needs.iter().all(is_for_others) {
        Some("it delegates what no other agent may do for it")
    } else if before + needs.len() > MAX_DELEGATED || above.count() >= MAX_DEPTH {
        Some("it delegates more than it may")
    } else {
        None
    };
    match refused {
        Some(refused) => draft.settle(id, TaskEnd::Failed, refused),
        None => {
            let tasks = plan::delegated(state, task.spec, needs);
            let reason = format!("{id} needs others first: {why}");
            draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
        }
    }
}

/// Attempts past their deadline are given up; their late outcomes will be ignored. Questions past theirs are answered by the
/// policy.
fn tick(draft: &mut Draft) {
    approvals::expire(draft);
    let late: Vec<AttemptId> = draft
        .state
        .running
        .iter()
        .filter(|(_, running)| running.deadline_ms + GRACE_MS <= draft.now_ms)
        .map(|(attempt, _)| *attempt)
        .collect();
    for attempt in late {
        let failure = Failure::new(ErrorKind::Interrupted, "it did not end by its deadline and was given up");
        observe(draft, attempt, &Outcome::Failed { failure, spent: Default::default() });
    }
}

/// Gives every ready task to an agent, in the order of planning, up to the slots of the mission.
fn start_ready(draft: &mut Draft) {
    // Where a task is given up as it is to begin, what is planned in its place begins in this step too: nothing else wakes the mission.
    while begin_ready(draft) {}
}

/// Begins what is ready. True where one was given up in place of that, so that others may be ready now.
fn begin_ready(draft: &mut Draft) -> bool {
    let state = &draft.state;
    if state.end.is_some() {
        return false;
    }
    let free = agents(state).saturating_sub(state.running.len());
    let ready = state.open_tasks().filter(|task| is_ready(state, task, draft.now_ms));
    let ready: Vec<TaskId> = ready.take(free).map(|task| task.spec.id).collect();
    let mut given_up = false;
    for id in ready {
        // One before it may have ended the mission, or this task.
        let is_open = |state: &State| {
            state.end.is_none() && state.task(id).is_some_and(|task| is_ready(state, &task, draft.now_ms))
        };
        if is_open(&draft.state) {
            start(draft, id);
            given_up |= draft.state.task(id).is_some_and(|task| matches!(task.state, TaskState::Settled(_)));
        }
    }
    given_up
}

fn is_ready(state: &State, task: &Task<'_>, now_ms: u64) -> bool {
    let TaskState::Waiting { not_before_ms } = task.state else { return false };
    not_before_ms <= now_ms
        && state.tasks.delegated_by(task.spec.id).next().is_none()
        && task.spec.needs.iter().all(|need| {
            state.task(*need).is_some_and(|needed| match needed.state {
                TaskState::Settled(TaskEnd::Done | TaskEnd::Dropped) => true,
                // A rung that found nothing is what the next rung waits for.
                TaskState::Settled(TaskEnd::Failed) => {
                    seeks_change(&needed.spec.intent) && seeks_change(&task.spec.intent)
                }
                TaskState::Waiting { .. } | TaskState::Running(_) | TaskState::Asked(_) => false,
            })
        })
}

/// Drops a task, and what waits for it. Dropped, and not failed: where a larger model cannot be asked after all, it is the turn of this one.
fn drop_with_followers(draft: &mut Draft, id: TaskId, why: &str) {
    let mut left = vec![id];
    while let Some(id) = left.pop() {
        let followers = draft.state.open_tasks().filter(|task| task.spec.needs.contains(&id));
        left.extend(followers.map(|task| task.spec.id));
        draft.settle(id, TaskEnd::Dropped, why.to_owned());
    }
}

fn start(draft: &mut Draft, id: TaskId) {
    let state = &draft.state;
    let Some(spec) = state.task(id).map(|task| task.spec) else { return };
    // How long its prompt is was not known when it was planned.
    if let Some(why) = cascade::in_vain(state, spec, draft.now_ms) {
        drop_with_followers(draft, id, &why);
        goal::pursue(draft);
        return;
    }
    if parametrize(state, spec, draft.now_ms).is_none() {
        let why = match gateway::next_of(state, spec.strand, draft.now_ms) {
            gateway::Next::TooDear(why) if spec.intent.asks_model().is_some() => why,
            gateway::Next::Ask(_) | gateway::Next::TooDear(_) | gateway::Next::None => {
                "what it needs to know is not known".to_owned()
            }
        };
        draft.settle(id, TaskEnd::Failed, why);
        goal::pursue(draft);
        return;
    }
    let attempt = AttemptId(state.attempts + 1);
    let expectations = expect::expectations(state, &spec.intent);
    let deadline_ms = draft.now_ms + allowance_ms(state, &spec.intent);
    let action = intent_name(&spec.intent).to_owned();
    draft.push(Event::AttemptStarted { task: id, attempt, action, expectations, deadline_ms });
}

/// The name of an intent, as in the journal.
#[must_use]
pub fn intent_name(intent: &Intent) -> &'static str {
    match intent {
        Intent::TakeSnapshot => "take_snapshot",
        Intent::SurveyProject => "survey_project",
        Intent::MeasureBaseline => "measure_baseline",
        Intent::TurnTestsGreen { rung: coditect_types::Rung::Memory } => "seek_change: memory",
        Intent::TurnTestsGreen { rung: coditect_types::Rung::Recipe } => "seek_change: recipe",
        Intent::TurnTestsGreen { rung: coditect_types::Rung::Reflex } => "seek_change: reflex",
        Intent::TurnTestsGreen { rung: coditect_types::Rung::SmallModel } => "seek_change: small_model",
        Intent::TurnTestsGreen { rung: coditect_types::Rung::LargeModel } => "seek_change: large_model",
        Intent::GatherContext => "gather_context",
        Intent::GatherMore { .. } => "gather_more",
        Intent::AskForPlan { .. } => "ask_for_plan",
        Intent::AskModel { .. } => "ask_model",
        Intent::AskForTests { .. } => "ask_for_tests",
        Intent::TrySpecification { .. } => "try_specification",
        Intent::TryReply { rung: coditect_types::Rung::LargeModel } => "try_reply: large_model",
        Intent::TryReply { .. } => "try_reply: small_model",
        Intent::MergeStrands => "merge_strands",
        Intent::Rename => "rename",
        Intent::ReviewChange => "review_change",
        Intent::VerifyChange => "verify_change",
        Intent::HandOver => "hand_over",
        Intent::DoNothing => "do_nothing",
    }
}
