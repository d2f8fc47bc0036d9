//! The rules that a whole journal keeps, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use coditect_core::State;
use coditect_core::decide::{MAX_DELEGATED, intent_name};
use coditect_core::stuck::MOST_ALIKE;
use coditect_core::tasks::{Task, TaskState};
use coditect_types::event::ViolationKind;
use coditect_types::{
    AttemptId, Event, Ledger, MissionStatus, Outcome, Record, Strand, StrandId, TaskId, TaskSpec,
};

use crate::invent::Truth;
use crate::sim::Broken;

/// Models used no more than was given for them, as far as their use is known.
fn keeps_budget(records: &[Record]) -> Result<(), String> {
    let Some(Event::MissionSubmitted { policy, .. }) = records.first().map(|record| &record.event) else {
        return Ok(());
    };
    let end = records.iter().find_map(|record| match &record.event {
        Event::MissionCompleted { ledger, .. } => Some(ledger),
        _ => None,
    });
    let Some(ledger) = end else { return Ok(()) };
    let budget = &policy.budget;
    let uses = [
        ("calls", ledger.model_calls, budget.model_calls),
        ("tokens", ledger.tokens_in + ledger.tokens_out, budget.tokens),
        ("micro dollars", ledger.micro_usd, budget.micro_usd),
    ];
    match uses.iter().find(|(_, used, given)| used > given) {
        Some((what, used, given)) => Err(format!("models used {used} {what} of {given}")),
        None => Ok(()),
    }
}

/// What is called a circle is one, and whoever is in it is not asked again: the same end of the same work, which waits for nothing,
/// so many times on one tree.
fn leaves_circles(records: &[Record]) -> Result<(), String> {
    let mut planned: BTreeMap<TaskId, TaskSpec> = BTreeMap::new();
    let mut ends: BTreeMap<(String, Option<StrandId>), Vec<String>> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::PlanMade { tasks, .. } => {
                planned.extend(tasks.iter().map(|task| (task.id, task.clone())));
            }
            Event::AttemptEnded { task, outcome, .. } => {
                let Some(spec) = planned.get(task) else { continue };
                let work = intent_name(&spec.intent).split(':').next().unwrap_or_default().to_owned();
                let said = match outcome {
                    Outcome::Failed { failure, .. } if failure.retry_after_ms.is_some() => continue,
                    Outcome::Failed { failure, .. } => format!("{:?} {}", failure.kind, failure.cause),
                    Outcome::ReplyRefused { account, diff, .. } => format!("{account} {diff}"),
                    Outcome::NeedsFirst { needs, .. } => format!("{needs:?}"),
                    _ => {
                        ends.entry((work, spec.strand)).or_default().clear();
                        continue;
                    }
                };
                ends.entry((work, spec.strand)).or_default().push(said);
            }
            Event::ViolationFound { task, kind: ViolationKind::Stuck, .. } => {
                let Some(spec) = planned.get(task) else { return Err(format!("{task} is of no plan")) };
                let work = intent_name(&spec.intent).split(':').next().unwrap_or_default().to_owned();
                let seen = ends.remove(&(work, spec.strand)).unwrap_or_default();
                let alike = seen.iter().filter(|end| seen.last() == Some(end)).count();
                if alike < MOST_ALIKE {
                    return Err(format!("{task} is said to go in a circle, and ended so {alike} times"));
                }
            }
            _ => {}
        }
    }
    let around = ends.iter().find(|(_, seen)| {
        let is_refused = |end: &&String| end.starts_with("A test is red");
        let refused: Vec<&String> = seen.iter().filter(is_refused).collect();
        refused.iter().any(|end| refused.iter().filter(|other| other == &end).count() >= MOST_ALIKE)
    });
    around.map_or(Ok(()), |((work, _), _)| Err(format!("{work} goes in a circle, and nobody says so")))
}

/// The rules that a whole journal keeps.
pub fn check(seed: u64, records: &[Record], truth: &Truth) -> Result<(), Broken> {
    let broken = |what: String| Err(Broken { seed, what });
    for rule in
        [keeps_budget, leaves_circles, keeps_leases, counts_once, closes_tasks, delegates_within_limits]
    {
        rule(records).or_else(broken)?;
    }
    let strands = strand_of(records);
    let mut started = BTreeMap::new();
    let mut ended = BTreeSet::new();
    let mut newest_proposal: Option<String> = None;
    let mut proof: Option<(String, bool)> = None;
    for (record, seq) in records.iter().zip(1..) {
        if record.seq != seq {
            return broken(format!("record {} stands at place {seq}", record.seq));
        }
        match &record.event {
            Event::AttemptStarted { task, attempt, .. } if started.insert(*attempt, *task).is_some() => {
                return broken(format!("{attempt} was started twice"));
            }
            Event::AttemptEnded { task, attempt, outcome } => {
                if started.get(attempt) != Some(task) {
                    return broken(format!("{attempt} of {task} ended and was never started"));
                }
                if !ended.insert(*attempt) {
                    return broken(format!("{attempt} ended twice"));
                }
                match outcome {
                    // The change of a strand is none that the mission stands for.
                    Outcome::ChangeProposed { .. } if strands.contains_key(task) => {}
                    Outcome::ChangeProposed { proposal, .. }
                    | Outcome::ChangesMerged { proposal: Some(proposal), .. } => {
                        newest_proposal = Some(proposal.commit.clone());
                        proof = None;
                    }
                    Outcome::ChangeVerified { receipt, .. } => {
                        proof = Some((receipt.tree.clone(), receipt.exit_code == 0 || truth.flaky > 0));
                    }
                    _ => {}
                }
            }
            Event::MissionCompleted { status: MissionStatus::Verified, receipt, commit, .. } => {
                let Some(receipt) = receipt else { return broken("verified without a receipt".into()) };
                if receipt.after.iter().any(|(id, s)| s.is_red() && !receipt.flaky.contains_key(id)) {
                    return broken("verified with a red test".into());
                }
                if let Some(commit) = commit {
                    let tree = commit.replace("commit", "tree");
                    if newest_proposal.as_ref() != Some(commit)
                        || proof != Some((tree.clone(), true))
                        || receipt.tree != tree
                        || !truth.is_right(commit)
                    {
                        return broken(format!("{commit} was handed over without proof of it"));
                    }
                }
            }
            _ => {}
        }
    }
    let completed = records.iter().filter(|r| matches!(r.event, Event::MissionCompleted { .. })).count();
    if completed != 1 {
        return broken(format!("the mission ended {completed} times"));
    }
    Ok(())
}

fn tasks(records: &[Record]) -> impl Iterator<Item = &TaskSpec> {
    records.iter().flat_map(|record| match &record.event {
        Event::PlanMade { tasks, .. } => tasks.as_slice(),
        _ => &[],
    })
}

fn strand_of(records: &[Record]) -> BTreeMap<TaskId, StrandId> {
    tasks(records).filter_map(|spec| Some((spec.id, spec.strand?))).collect()
}

/// No two attempts that are under way at the same time are for the same strand, or for strands with a file in common.
fn keeps_leases(records: &[Record]) -> Result<(), String> {
    let strands = strand_of(records);
    let mut leases: BTreeMap<StrandId, &Strand> = BTreeMap::new();
    let mut under_way: BTreeMap<AttemptId, (TaskId, StrandId)> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::PlanMade { strands, .. } => {
                leases.extend(strands.iter().map(|strand| (strand.id, strand)))
            }
            Event::AttemptStarted { task, attempt, .. } => {
                let Some(strand) = strands.get(task) else { continue };
                let Some(lease) = leases.get(strand) else {
                    return Err(format!("{strand} was never formed"));
                };
                for (other, (_, holder)) in &under_way {
                    let held = leases
                        .get(holder)
                        .is_some_and(|held| held.files.iter().any(|f| lease.files.contains(f)));
                    if held || holder == strand {
                        return Err(format!("{attempt} and {other} hold the lease of {strand} and {holder}"));
                    }
                }
                under_way.insert(*attempt, (*task, *strand));
            }
            Event::AttemptEnded { attempt, .. } => {
                under_way.remove(attempt);
            }
            Event::MissionResumed { lost } => under_way.retain(|attempt, _| !lost.contains(attempt)),
            Event::MissionForked { .. } => under_way.clear(),
            Event::TaskSettled { task, .. } => under_way.retain(|_, (of, _)| of != task),
            _ => {}
        }
    }
    Ok(())
}

/// What attempts used is in the ledger once, and nothing else is.
fn counts_once(records: &[Record]) -> Result<(), String> {
    let asks: BTreeSet<TaskId> =
        tasks(records).filter(|spec| spec.intent.asks_model().is_some()).map(|spec| spec.id).collect();
    let mut started: BTreeMap<AttemptId, TaskId> = BTreeMap::new();
    let mut sum = Ledger::default();
    for record in records {
        match &record.event {
            Event::AttemptStarted { task, attempt, .. } => {
                started.insert(*attempt, *task);
            }
            // What was under way there was paid for there.
            Event::MissionForked { .. } => started.clear(),
            Event::MissionResumed { lost } => {
                let asked = lost
                    .iter()
                    .filter(|attempt| started.remove(attempt).is_some_and(|task| asks.contains(&task)));
                sum.model_calls += asked.count() as u64;
            }
            Event::AttemptEnded { task, attempt, outcome } => {
                started.remove(attempt);
                add(&mut sum, outcome, asks.contains(task));
            }
            Event::TaskSettled { task, .. } => {
                let lost = started.extract_if(.., |_, of| of == task).count() as u64;
                sum.model_calls += if asks.contains(task) { lost } else { 0 };
            }
            Event::MissionCompleted { ledger, .. } => {
                let used = |ledger: &Ledger| {
                    let tokens = ledger.tokens_in + ledger.tokens_out;
                    (ledger.model_calls, tokens, ledger.candidates, ledger.sandbox_runs)
                };
                if used(ledger) != used(&sum) {
                    return Err(format!(
                        "the ledger says {:?} and the attempts {:?}",
                        used(ledger),
                        used(&sum)
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn add(sum: &mut Ledger, outcome: &Outcome, is_call: bool) {
    let spent = match outcome {
        Outcome::BaselineMeasured { spent, .. }
        | Outcome::ChangeProposed { spent, .. }
        | Outcome::NoChangeFound { spent, .. }
        | Outcome::ReplyRefused { spent, .. }
        | Outcome::SpecificationWritten { spent, .. }
        | Outcome::ChangesMerged { spent, .. }
        | Outcome::ChangeVerified { spent, .. }
        | Outcome::Failed { spent, .. } => spent.clone(),
        _ => Default::default(),
    };
    sum.candidates += spent.candidates;
    sum.sandbox_runs += spent.sandbox_runs;
    let usage = match outcome {
        Outcome::ModelAnswered { reply, .. } if !reply.kept => reply.usage,
        Outcome::Failed { failure, spent } if is_call && !failure.unasked => spent.usage.unwrap_or_default(),
        _ => return,
    };
    sum.model_calls += 1;
    sum.tokens_in += usage.tokens_in;
    sum.tokens_out += usage.tokens_out;
}

/// What was delegated begins after the attempt that delegated it, is over before the next attempt at that task, and does not
/// outlive it; there is never more of it than a task may delegate.
fn delegates_within_limits(records: &[Record]) -> Result<(), String> {
    let parents: BTreeMap<TaskId, TaskId> =
        tasks(records).filter_map(|spec| Some((spec.id, spec.parent?))).collect();
    let mut of: BTreeMap<TaskId, usize> = BTreeMap::new();
    parents.values().for_each(|parent| *of.entry(*parent).or_default() += 1);
    if let Some((task, n)) = of.iter().find(|(_, n)| **n > MAX_DELEGATED) {
        return Err(format!("{task} delegated {n} tasks"));
    }
    let mut open: BTreeSet<TaskId> = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::PlanMade { tasks, .. } => open.extend(tasks.iter().map(|spec| spec.id)),
            Event::AttemptStarted { task, .. } => {
                if let Some(child) = open.iter().find(|child| parents.get(child) == Some(task)) {
                    return Err(format!("{task} began again while {child} is open"));
                }
            }
            Event::TaskSettled { task, .. } => {
                open.remove(task);
            }
            _ => {}
        }
        // Within one step, a task and what it delegated end one after the other.
        let is_last = |task: &TaskId| open.contains(task);
        if matches!(record.event, Event::AttemptStarted { .. } | Event::MissionCompleted { .. })
            && let Some(orphan) =
                open.iter().find(|child| parents.get(child).is_some_and(|parent| !is_last(parent)))
        {
            return Err(format!("{orphan} outlived the task that delegated it"));
        }
    }
    Ok(())
}

/// Every task that was planned is settled once before the mission ends, and none after it.
fn closes_tasks(records: &[Record]) -> Result<(), String> {
    let mut open: BTreeSet<TaskId> = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::PlanMade { tasks, .. } => open.extend(tasks.iter().map(|spec| spec.id)),
            Event::TaskSettled { task, .. } if !open.remove(task) => {
                return Err(format!("{task} was settled and was not open"));
            }
            Event::MissionCompleted { .. } if !open.is_empty() => {
                return Err(format!("the mission ended and {open:?} are open"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether nothing is under way, nobody is asked, and no moment is waited for that a task begins at, though the mission is not over.
#[must_use]
pub fn sleeps(state: &State) -> bool {
    let waits = |task: Task<'_>| match task.state {
        TaskState::Waiting { not_before_ms } => not_before_ms > state.newest_ms,
        TaskState::Running(_) | TaskState::Asked(_) | TaskState::Settled(_) => false,
    };
    let is_begun = state.mission.is_some() && state.fork.is_none() && state.end.is_none();
    is_begun && state.running.is_empty() && state.approvals.is_empty() && !state.open_tasks().any(waits)
}
