//! What the person committed while the mission was at work. A change that goes with it is put on top of it, and the whole
//! suite is run there, before it is handed over; one that does not is handed over as it was proved, and a person decides.

use std::sync::Arc;

use coditect_types::event::{Cause, Diagnosis, Response, TaskEnd, ViolationKind};
use coditect_types::outcome::{Carried, MOST_HEADS};
use coditect_types::plan::Intent;
use coditect_types::{Event, Outcome, Receipt, TaskId, TestReport};

use crate::decide::Draft;
use crate::expect::{Violation, some};
use crate::hand_over::count;
use crate::parametrize::left;
use crate::plan;
use crate::spending::pay;
use crate::state::State;

/// How sure it is that a branch which names another commit was moved.
const SURE: f64 = 0.999;
/// What a proof may need beyond what the one before it took, ms: it is not begun where less is left.
const PROOF_SLACK_MS: u64 = 2_000;

/// The newest commit that was found, and what the change is worth there.
#[derive(Clone, Debug, PartialEq)]
pub struct Newer {
    /// Where the branch is now, and the change on top of it.
    pub carried: Carried,
    /// What became of the suite there.
    pub end: Ending,
}

/// What became of the suite on a carried change.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ending {
    /// It is to be run, or under way.
    #[default]
    Open,
    /// The run ended, and what it said is not weighed yet.
    Ran(Arc<(Receipt, TestReport)>),
    /// It is green there as far as it was on the snapshot: this is what is handed over.
    Proved,
    /// It is not, or could not be run there; why.
    Refuted(String),
}

/// What is known of newer commits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heads {
    /// Those that were found so far.
    pub seen: Vec<String>,
    /// The newest of them.
    pub newest: Option<Newer>,
}

/// The change on top of the newer commit, while the suite is yet to speak of it.
#[must_use]
pub fn to_prove(state: &State) -> Option<&Carried> {
    let newer = state.world.heads.newest.as_ref()?;
    let is_open = matches!(newer.end, Ending::Open | Ending::Ran(_)) && newer.carried.commit.is_some();
    is_open.then_some(&newer.carried)
}

/// The change on top of the newer commit, once the suite is green there.
#[must_use]
pub fn proved(state: &State) -> Option<&Carried> {
    let newer = state.world.heads.newest.as_ref()?;
    (newer.end == Ending::Proved).then_some(&newer.carried)
}

/// Why the change does not stand on the newer commit, where there is one on which it does not.
#[must_use]
pub fn why_not(state: &State) -> Option<(&Carried, String)> {
    let newer = state.world.heads.newest.as_ref()?;
    let why = match &newer.end {
        Ending::Refuted(why) => why.clone(),
        Ending::Proved => return None,
        Ending::Open | Ending::Ran(_) if newer.carried.commit.is_some() => {
            state.world.handed.as_ref()?;
            NO_TIME.to_owned()
        }
        Ending::Open | Ending::Ran(_) => {
            let names: Vec<&str> = newer.carried.conflicts.iter().map(String::as_str).collect();
            format!("both change {}", some(&names))
        }
    };
    Some((&newer.carried, why))
}

/// `0123456789ab` and the branch, as a person reads it.
#[must_use]
pub fn named(carried: &Carried) -> String {
    let commit = carried.head.get(..12).unwrap_or(&carried.head);
    match &carried.branch {
        Some(branch) => format!("`{commit}` on `{branch}`"),
        None => format!("`{commit}`"),
    }
}

/// What is told of a branch that has moved.
pub(crate) fn moved_on(carried: &Carried) -> Violation {
    let evidence = match carried.conflicts.len() {
        0 => "the change goes with it, and is proved on top of it".to_owned(),
        n => format!("{} changed by both: {}", count(n, "file"), carried.conflicts.join(", ")),
    };
    Violation {
        kind: ViolationKind::ConcurrentChange,
        expected: "the branch is where it was when the work began".into(),
        observed: format!("it was moved meanwhile: the newest commit is {}", named(carried)),
        confidence: SURE,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis { cause: Cause::ConcurrentChange, evidence, confidence: SURE, runs: 0 }),
    }
}

/// One commit more than are followed, or one that is known: to go on from it would be to go on for ever.
#[must_use]
pub(crate) fn too_many(state: &State, outcome: &Outcome) -> Option<Violation> {
    let Outcome::HeadMoved { carried } = outcome else { return None };
    let seen = &state.world.heads.seen;
    (seen.len() >= MOST_HEADS || seen.contains(&carried.head)).then(|| Violation {
        kind: ViolationKind::OffContract,
        expected: "the change is handed over as it stands".into(),
        observed: format!("another commit, {}", named(carried)),
        confidence: 1.0,
        response: Response::Retry,
        diagnosis: Some(Diagnosis {
            cause: Cause::Infrastructure,
            evidence: format!("{} were followed already", count(seen.len(), "newer commit")),
            confidence: 1.0,
            runs: 0,
        }),
    })
}

/// Takes what an outcome says of a newer commit. False: it speaks of something else.
pub(crate) fn learn(state: &mut State, outcome: &Outcome) -> bool {
    if let Outcome::HeadMoved { carried } = outcome {
        let heads = Arc::make_mut(&mut state.world.heads);
        heads.seen.push(carried.head.clone());
        heads.newest = Some(Newer { carried: carried.clone(), end: Ending::Open });
        return true;
    }
    let Outcome::ChangeVerified { receipt, report, spent } = outcome else { return false };
    if to_prove(state).is_none() {
        return false;
    }
    if let Some(newer) = &mut Arc::make_mut(&mut state.world.heads).newest {
        newer.end = Ending::Ran(Arc::new((receipt.clone(), report.clone())));
    }
    pay(&mut state.ledger, spent);
    true
}

/// The proof on top of the newer commit came to its end. What was proved before it stays the evidence where it failed.
pub(crate) fn settled(state: &mut State, task: TaskId, end: TaskEnd, why: &str) {
    let is_proof = state.task(task).is_some_and(|task| task.spec.intent == Intent::VerifyChange);
    if !is_proof || to_prove(state).is_none() {
        return;
    }
    let Some(newer) = &mut Arc::make_mut(&mut state.world.heads).newest else { return };
    match (&newer.end, end) {
        (Ending::Ran(said), TaskEnd::Done) => {
            let (receipt, report) = &**said;
            state.world.receipt = Some(Arc::new(receipt.clone()));
            state.world.verified = Some(Arc::new(report.clone()));
            newer.end = Ending::Proved;
        }
        _ => newer.end = Ending::Refuted(why.to_owned()),
    }
}

/// What speaks against a change on top of a newer commit speaks of the two together: the change itself stands, as it was proved
/// before. None: nothing does.
pub(crate) fn refuted(violations: &mut [Violation], outcome: &Outcome) -> Option<String> {
    if !matches!(outcome, Outcome::ChangeVerified { .. }) {
        return None;
    }
    let against = |violation: &Violation| match violation.response {
        Response::Ignore | Response::Retry => false,
        Response::Ask | Response::Replan | Response::Stop => true,
    };
    let why = violations.iter().find(|violation| against(violation)).map(|found| found.observed.clone());
    for violation in violations.iter_mut().filter(|violation| against(violation)) {
        violation.kind = ViolationKind::ConcurrentChange;
        violation.response = Response::Ignore;
        if let Some(diagnosis) = &mut violation.diagnosis {
            diagnosis.cause = Cause::ConcurrentChange;
            diagnosis.evidence =
                format!("{}; without the newer commit the suite is green", diagnosis.evidence);
        }
    }
    why
}

/// Plans what comes after a newer commit was found: the proof on top of it, where the change goes with it and there is time
/// for one, and then the hand-over.
pub(crate) fn pursue(draft: &mut Draft) {
    let state = &draft.state;
    let Some(newer) = state.world.heads.newest.as_ref() else { return };
    if state.world.handed.is_some() || state.open_tasks().next().is_some() {
        return;
    }
    let of = |intent: &Intent| state.tasks.iter().filter(|task| task.spec.intent == *intent).count();
    let head = named(&newer.carried);
    if to_prove(state).is_some() {
        let left_ms = left(state, draft.now_ms).wall_ms;
        if left_ms > state.world.proof_ms.saturating_add(PROOF_SLACK_MS) && !state.concluding {
            let reason =
                format!("the branch is at {head} by now: run the whole suite with the change on top of it");
            let tasks = plan::chain(state.tasks.len(), [Intent::VerifyChange]);
            draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
            return;
        }
    }
    // One for each that was found, and the one that ends it.
    if of(&Intent::HandOver) <= state.world.heads.seen.len() {
        let reason = match proved(state) {
            Some(_) => format!("the suite says the same on top of {head}"),
            None => format!("the change does not stand on {head}: hand over what was proved"),
        };
        let tasks = plan::hand_over(state);
        draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
    }
}

/// Out of time: what was proved before the newer commit was found is handed over. True: that is under way, and takes no
/// more than a moment.
pub(crate) fn save(draft: &mut Draft) -> bool {
    if draft.state.world.heads.newest.is_none() || draft.state.world.handed.is_some() {
        return false;
    }
    let open: Vec<TaskId> = draft
        .state
        .open_tasks()
        .filter(|task| task.spec.intent == Intent::VerifyChange)
        .map(|task| task.spec.id)
        .collect();
    for task in open {
        draft.settle(task, TaskEnd::Failed, NO_TIME);
    }
    pursue(draft);
    draft.state.open_tasks().any(|task| task.spec.intent == Intent::HandOver)
}

/// Why a proof that was not run says nothing.
pub(crate) const NO_TIME: &str = "there was no time to run the suite there";
