//! What limits a result, told beside it.

use coditect_types::testing::Conflict;
use coditect_types::{Delivery, Rung};

use crate::diagnose;
use crate::expect::{set_aside, still_red, touched_by_both};
use crate::foreign;
use crate::hand_over::count;
use crate::newer;
use crate::specification;
use crate::stages;
use crate::state::State;
use crate::strands;

use super::forms;

/// What limits the result, a line each.
pub(super) fn caveats(state: &State) -> Vec<String> {
    let world = &state.world;
    let mut lines = Vec::new();
    let mut flaky = std::collections::BTreeMap::new();
    for receipt in [world.baseline_receipt.as_deref(), world.receipt.as_deref()].into_iter().flatten() {
        flaky.extend(receipt.flaky.iter().map(|(id, rate)| (id.clone(), *rate)));
    }
    lines.extend(
        flaky.iter().map(|(id, (passed, ran))| format!("`{id}` is flaky: it passed {passed} of {ran} runs")),
    );
    lines.extend(state.approved.iter().chain(&state.lucky).filter(|_| world.handed.is_some()).cloned());
    if let Some(snapshot) = world.snapshot.as_deref() {
        if snapshot.uncommitted {
            let branch = world.handed.as_ref().is_some_and(|(branch, _, _)| branch.is_some());
            lines.push(match (branch, state.policy.delivery) {
                (true, _) | (false, Delivery::Branch) => {
                    "the snapshot holds uncommitted work; the branch carries it as a commit of its own".into()
                }
                (false, Delivery::Patch) => {
                    "the snapshot holds uncommitted work; the patch is against it, not against the last commit".into()
                }
            });
        }
        lines.extend(snapshot.left_out.iter().take(10).map(|line| format!("left out: {line}")));
    }
    if let Some(project) = world.project.as_deref() {
        lines.extend(project.notes.iter().filter(|note| note.starts_with("left out: ")).take(10).cloned());
    }
    let newest = world.receipt.as_deref().or(world.baseline_receipt.as_deref());
    if let Some(receipt) = newest {
        lines.extend(receipt.enforced.missing.iter().map(|line| format!("not enforced: {line}")));
    }
    lines.extend(committed_meanwhile(state));
    lines.extend(moved_meanwhile(state));
    lines.extend(specification::caveat(state).filter(|_| world.handed.is_some()));
    lines.extend(forms::caveat(state).map(str::to_owned).filter(|_| world.handed.is_some()));
    if world.handed.is_some() {
        lines.extend(world.remarks.iter().map(|line| format!("the review remarks: {line}")));
        lines.extend(stages::caveats(state));
        lines.extend(stages::asked_beyond(state));
    }
    lines.extend(said_of_left(state));
    lines.extend(why_set_aside(state));
    lines.extend(said_to_models(state));
    lines.extend(strands::accounts(state).into_iter().filter(|_| world.handed.is_some()));
    if let Some(proposal) = world.proposal.as_deref().filter(|_| world.handed.is_some())
        && state.policy.focus.aim.is_default()
        && world.stages.all.is_empty()
        && matches!(proposal.rung, Rung::SmallModel | Rung::LargeModel)
    {
        lines.push(
            "a model wrote it, and nothing but the tests speaks for it: read it before you take it".into(),
        );
    }
    if let Some(proposal) = world.proposal.as_deref()
        && proposal.confidence < 0.5
    {
        let passing = usize::try_from(proposal.evidence.others_passing).unwrap_or(usize::MAX);
        let others = match passing {
            0 => String::new(),
            n => format!("{} passed all tests too: ", count(n, "other change")),
        };
        lines.push(format!(
            "{others}read the change before you take it (confidence {:.2})",
            proposal.confidence
        ));
    }
    lines
}

/// What the person committed while the mission was at work, and what the change is worth there.
fn committed_meanwhile(state: &State) -> Option<String> {
    state.world.handed.as_ref()?;
    if let Some(carried) = newer::proved(state) {
        let head = newer::named(carried);
        return Some(format!(
            "you committed {head} while this was at work: the change stands on top of it, and the whole suite was run there"
        ));
    }
    let (carried, why) = newer::why_not(state)?;
    let head = newer::named(carried);
    Some(format!(
        "you committed {head} while this was at work, and the change was not put on top of it: {why}; nothing of yours was overwritten"
    ))
}

/// What the person changed while the mission was at work: the proof is of what they had before.
fn moved_meanwhile(state: &State) -> Option<String> {
    let moved = &state.world.moved;
    let first = moved.first()?;
    let files = match moved.len() {
        1 => format!("`{first}`"),
        n => format!("`{first}` and {}", count(n - 1, "other file")),
    };
    let both = touched_by_both(state, moved);
    let what = match both.first() {
        None => "this change touches none of that: it was proved without it, so run the tests once both are together".into(),
        Some(path) => format!("this change touches `{path}` too: nothing of yours was overwritten, look at both before you take it"),
    };
    Some(format!("you changed {files} while this was at work; {what}"))
}

/// What the project's texts say to models, a few of them: they were shown as data.
fn said_to_models(state: &State) -> Vec<String> {
    if state.ledger.models.is_empty() {
        return Vec::new();
    }
    let world = &state.world;
    let fragments = world.context.as_deref().into_iter().flat_map(|context| &context.fragments);
    let texts = fragments.map(|fragment| (&fragment.path, &fragment.text));
    let tests = world.baseline.as_deref().into_iter().flat_map(|report| report.red());
    texts
        .chain(tests.map(|test| (&test.id, &test.message)))
        // A name is shown too: that of a file, or of a test.
        .filter_map(|(name, text)| {
            let said = foreign::said_to_models(text).or_else(|| foreign::said_to_models(name))?;
            Some((name, said))
        })
        .take(5)
        .map(|(name, said)| format!("`{name}` speaks to models (\"{said}\"): it was shown to them as data"))
        .collect()
}

/// The tests that the change leaves red.
fn said_of_left(state: &State) -> Option<String> {
    state.world.handed.as_ref()?;
    let left = still_red(state);
    let named: Vec<String> = left.iter().take(20).map(|id| format!("`{id}`")).collect();
    let more = left.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!left.is_empty()).then(|| format!("still red, as before the change: {}{more}", named.join(", ")))
}

/// Why no change was looked for that turns some of these green.
fn why_set_aside(state: &State) -> Vec<String> {
    let (Some(baseline), Some(_)) = (state.world.baseline.as_deref(), &state.world.handed) else {
        return Vec::new();
    };
    let still = still_red(state);
    let aside = set_aside(state).into_iter().filter(|id| still.contains(id)).take(5);
    let why = |id: &str| {
        let lack = baseline.red().find(|test| test.id == id).and_then(diagnose::lacks);
        let of = |conflict: &&Conflict| conflict.one.0 == id || conflict.other.0 == id;
        let conflict = baseline.conflicts.iter().find(of).map(diagnose::both_sides);
        let why = lack.map(|lack| format!("`{id}` {}", lack.says)).or(conflict)?;
        Some(format!("{why}: no change was looked for that turns it green"))
    };
    aside.filter_map(why).collect()
}
