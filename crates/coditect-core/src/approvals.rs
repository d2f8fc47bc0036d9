//! Questions to a person: a violation that may be none and that much depends on waits for an answer, and what does not need
//! it goes on.

use coditect_types::command::Refusal;
use coditect_types::event::{Response, TaskEnd, ViolationKind};
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, AttemptId, ErrorKind, Event, TaskId};

use crate::decide::Draft;
use crate::expect::Violation;
use crate::state::State;
use crate::tasks::TaskState;

/// A question without an answer so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// The task that waits for it.
    pub task: TaskId,
    /// What was found.
    pub kind: ViolationKind,
    /// What was observed.
    pub observed: String,
    /// When it is answered by itself, ms since 1970.
    pub until_ms: u64,
}

/// What is done about a violation under the person's thresholds. Only what would have a change given up is held against them:
/// all else is harmless, or sure.
pub(crate) fn respond(state: &State, violation: &Violation) -> Response {
    // That files were changed which must not be, or tests are gone, is no matter of doubt.
    let is_doubt = matches!(violation.kind, ViolationKind::TestExpectation | ViolationKind::Objection);
    if violation.response != Response::Replan || !is_doubt {
        return violation.response;
    }
    let (thresholds, approvals) = (state.policy.thresholds, state.policy.approvals);
    let per_cent = violation.confidence * 100.0;
    if per_cent < f64::from(thresholds.ignore_below) {
        Response::Ignore
    } else if per_cent >= f64::from(thresholds.act_from) {
        Response::Replan
    } else if approvals.wait_ms > 0 && !state.concluding {
        Response::Ask
    } else {
        match approvals.otherwise {
            Verdict::Approved => Response::Ignore,
            Verdict::Denied => Response::Replan,
        }
    }
}

/// One question about two violations: the surer one, and what the other says.
pub(crate) fn both(one: Violation, other: &Violation) -> Violation {
    let (surer, less) =
        if one.confidence >= other.confidence { (one, other.clone()) } else { (other.clone(), one) };
    let kind = if less.kind == ViolationKind::TestExpectation { less.kind } else { surer.kind };
    let observed = format!("{}; and {}", surer.observed, less.observed);
    Violation { kind, observed, ..surer }
}

/// Asks. The task waits from then on.
pub(crate) fn ask(draft: &mut Draft, task: TaskId, attempt: AttemptId, violation: &Violation) {
    let approval = ApprovalId(draft.state.asked + 1);
    let until_ms = draft.now_ms.saturating_add(draft.state.policy.approvals.wait_ms);
    draft.push(Event::ApprovalAsked {
        approval,
        task,
        attempt,
        kind: violation.kind,
        expected: violation.expected.clone(),
        observed: violation.observed.clone(),
        confidence: violation.confidence,
        until_ms,
    });
}

/// A person's answer.
pub(crate) fn answer(
    draft: &mut Draft,
    approval: ApprovalId,
    verdict: Verdict,
    (by, why): (Option<&str>, &str),
) -> Result<(), Refusal> {
    let Some(asked) = draft.state.approvals.get(&approval) else {
        let (kind, cause) = if approval.0 > 0 && approval.0 <= draft.state.asked {
            (ErrorKind::Conflict, format!("question {approval} has an answer already"))
        } else {
            (ErrorKind::NotFound, format!("there is no question {approval}"))
        };
        return Err(Refusal {
            kind,
            cause,
            hint: Some("`coditect approvals` lists what is open".to_owned()),
        });
    };
    let task = asked.task;
    let by = by.map(str::to_owned);
    draft.push(Event::ApprovalGiven { approval, verdict, by, why: why.to_owned() });
    match verdict {
        Verdict::Approved => draft.settle(task, TaskEnd::Done, ""),
        Verdict::Denied => draft.settle(task, TaskEnd::Failed, "an expectation was contradicted"),
    }
    Ok(())
}

/// What nobody answered in time, or who is asked wants an end: what the policy says counts.
pub(crate) fn expire(draft: &mut Draft) {
    let now_ms = draft.now_ms;
    let over = |(id, asked): (&ApprovalId, &Approval)| (asked.until_ms <= now_ms).then_some(*id);
    let all = draft.state.concluding;
    let over: Vec<ApprovalId> = if all {
        draft.state.approvals.keys().copied().collect()
    } else {
        draft.state.approvals.iter().filter_map(over).collect()
    };
    let otherwise = draft.state.policy.approvals.otherwise;
    for approval in over {
        // It was open a moment ago.
        drop(answer(draft, approval, otherwise, (None, "")));
    }
}

/// Folds a question.
pub(crate) fn asked(state: &mut State, id: ApprovalId, asked: Approval) {
    state.asked = state.asked.max(id.0);
    state.tasks.change(asked.task, |task| task.state = TaskState::Asked(id));
    state.approvals.insert(id, asked);
}

/// Folds an answer. Gives what was asked, where it was open.
pub(crate) fn given(
    state: &mut State,
    id: ApprovalId,
    verdict: Verdict,
    by: Option<&str>,
) -> Option<Approval> {
    let asked = state.approvals.remove(&id)?;
    if verdict == Verdict::Approved {
        let who =
            by.map_or_else(|| "nobody said otherwise in time".to_owned(), |by| format!("approved by {by}"));
        state.approved.push(format!("{}: {who}", asked.observed));
        state.taken_red |= asked.kind == ViolationKind::TestExpectation;
    }
    Some(asked)
}

/// Whether the mission does nothing but wait for a person.
pub(crate) fn is_waiting(state: &State) -> bool {
    !state.approvals.is_empty() && state.running.is_empty()
}
