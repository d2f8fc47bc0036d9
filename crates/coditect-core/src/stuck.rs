//! Attempts that go in a circle: the same work on the same tree ends the same way again and again, and nothing comes of it. Limits on
//! failures, replans and answers hold for each of them by itself; this looks at what is done, whoever does it.
//!
//! Who waits is in no circle: for a provider that is busy, a lease, a slot, a person, a process that was stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_types::event::{Cause, Diagnosis, Response, ViolationKind};
use coditect_types::plan::Intent;
use coditect_types::{Action, ErrorKind, Outcome, Rung, StrandId};

use crate::decide::intent_name;
use crate::expect::Violation;
use crate::gateway;
use crate::state::State;
use crate::tasks::Task;

/// Ends that are alike make so many of them a circle.
pub const MOST_ALIKE: usize = 3;
/// The same of answers that are drawn one after the other from a small model which no larger one stands behind, where they do not come in a
/// row: the same one comes now and then, and the next one is another.
const MOST_DRAWN_ALIKE: usize = 6;
/// Ends that are remembered of one kind of work: a circle may lead through several.
const KEPT: usize = 8;
/// How sure it is: luck would have ended otherwise once.
const SURE: f64 = 0.95;

/// A kind of work: what is done, whoever is asked for it, and for which strand.
type Work = (&'static str, Option<StrandId>);

/// How work ended since something last came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circles {
    ends: BTreeMap<Work, Ends>,
    /// Models whose answers go in a circle, and for which strand.
    models: BTreeSet<(Option<StrandId>, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ends {
    /// Fingerprints of the tree and of what came of it, newest last.
    seen: Vec<u64>,
    /// The model whose answer was tried last.
    model: Option<String>,
}

impl Circles {
    /// Whether this model is not asked again, since its answers go in a circle.
    #[must_use]
    pub fn is_stuck(&self, strand: Option<StrandId>, model: &str) -> bool {
        self.models.iter().any(|(of, name)| *of == strand && name == model)
    }
}

/// What an end says of how the work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Something came of it.
    Forward,
    /// It waits for something else.
    Waits,
    /// Nothing came of it, in this way.
    Back(u64),
}

/// Takes note of how an attempt ended.
pub(crate) fn note(
    state: &mut State,
    (intent, strand): (&Intent, Option<StrandId>),
    action: Option<&Action>,
    outcome: &Outcome,
) {
    let step = step(state, outcome);
    let work = work(intent, strand);
    // Most work gets on, and a state is copied for every step: nothing is kept of what needs no keeping.
    if step == Step::Waits || (step == Step::Forward && !state.circles.ends.contains_key(&work)) {
        return;
    }
    let ends = Arc::make_mut(&mut state.circles).ends.entry(work).or_default();
    match step {
        Step::Waits => {}
        Step::Forward => ends.seen.clear(),
        Step::Back(end) => {
            ends.seen.push(end);
            let over = ends.seen.len().saturating_sub(KEPT);
            ends.seen.drain(..over);
        }
    }
    if let Some(Action::TryReply { model, .. }) = action {
        ends.model = Some(model.clone());
    }
}

/// Ends the circle: the model that is in it is not asked again.
pub(crate) fn found(state: &mut State, (intent, strand): (&Intent, Option<StrandId>)) {
    let circles = Arc::make_mut(&mut state.circles);
    let Some(ends) = circles.ends.get_mut(&work(intent, strand)) else { return };
    ends.seen.clear();
    if let Some(model) = ends.model.clone() {
        circles.models.insert((strand, model));
    }
}

/// The circle that this outcome closes, if it closes one.
pub(crate) fn violation(state: &State, task: &Task<'_>, outcome: &Outcome) -> Option<Violation> {
    let Step::Back(end) = step(state, outcome) else { return None };
    let known = state.circles.ends.get(&work(&task.spec.intent, task.spec.strand));
    let seen = known.map_or(&[][..], |ends| &ends.seen);
    let before = seen.iter().filter(|seen| **seen == end).count();
    let in_a_row = seen.iter().rev().take_while(|seen| **seen == end).count();
    let is_drawn = matches!(task.spec.intent, Intent::TryReply { rung: Rung::SmallModel })
        && matches!(outcome, Outcome::ReplyRefused { .. })
        && !gateway::has_larger(state, Rung::SmallModel);
    let is_circle = match is_drawn {
        true => in_a_row + 1 >= MOST_ALIKE || before + 1 >= MOST_DRAWN_ALIKE,
        false => before + 1 >= MOST_ALIKE,
    };
    if !is_circle {
        return None;
    }
    // What ended by itself goes on by the plan; what would begin again does not.
    let begins_again = matches!(outcome, Outcome::Failed { .. } | Outcome::NeedsFirst { .. });
    let name = intent_name(&task.spec.intent);
    Some(Violation {
        kind: ViolationKind::Stuck,
        expected: format!("`{name}` comes to something else than before"),
        observed: format!("`{name}` ended the same way {} times on the same tree", before + 1),
        confidence: SURE,
        response: if begins_again { Response::Stop } else { Response::Ignore },
        diagnosis: Some(Diagnosis {
            cause: Cause::Stuck,
            evidence: format!("the same work, the same tree and the same end, {} times", before + 1),
            confidence: SURE,
            runs: 0,
        }),
    })
}

/// The rung is left out: two models that end alike are in the same circle.
fn work(intent: &Intent, strand: Option<StrandId>) -> Work {
    let name = intent_name(intent);
    let is_of_model = name.starts_with("try_reply");
    (if is_of_model { "try_reply" } else { name }, strand)
}

fn step(state: &State, outcome: &Outcome) -> Step {
    let said = match outcome {
        Outcome::Failed { failure, .. } => {
            let waits = failure.retry_after_ms.is_some()
                || matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::Interrupted);
            if waits {
                return Step::Waits;
            }
            format!("failed {:?} {}", failure.kind, failure.cause)
        }
        Outcome::ReplyRefused { account, feedback, diff, .. } if diff.is_empty() => {
            format!("refused {account} {feedback}")
        }
        Outcome::ReplyRefused { diff, .. } => format!("refused {diff}"),
        Outcome::NeedsFirst { needs, .. } => format!("needs {needs:?}"),
        Outcome::SnapshotTaken { .. }
        | Outcome::ProjectSurveyed { .. }
        | Outcome::BaselineMeasured { .. }
        | Outcome::ChangeProposed { .. }
        | Outcome::NoChangeFound { .. }
        | Outcome::ContextGathered { .. }
        | Outcome::ModelAnswered { .. }
        | Outcome::SpecificationWritten { .. }
        | Outcome::ChangesMerged { .. }
        | Outcome::ChangeReviewed { .. }
        | Outcome::ChangeVerified { .. }
        | Outcome::HeadMoved { .. }
        | Outcome::HandedOver { .. }
        | Outcome::NothingDone => return Step::Forward,
    };
    let tree = state.world.snapshot.as_deref().map_or("", |snapshot| snapshot.tree.as_str());
    Step::Back(fingerprint(&[tree, &said]))
}

/// FNV-1a (Fowler, Noll and Vo).
fn fingerprint(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
