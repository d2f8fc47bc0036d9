//! Forks: a new mission that begins with the records of another one up to some moment, and goes on from there by itself.
//!
//! A mission is a fold over its records, so a copy of the first of them is a mission that stands where the other one stood.
//! Steps are kept whole: what was decided together is shared together, or not at all.

use coditect_types::{ErrorKind, Event, Fork, Ledger, MissionId, Policy, Record, Refusal};

use crate::cell::Cell;
use crate::view::{MissionView, TaskView, view};

/// The number of the last record that was decided together with number `at`: where a fork at `at` begins.
///
/// # Errors
/// There is no such record, or it belongs to the end of the mission, behind which there is nothing to do.
pub fn begins_behind(records: &[Record], at: u64) -> Result<u64, Refusal> {
    let last = records.last().map_or(0, |record| record.seq);
    let refused = |kind, cause: String, hint: String| Err(Refusal { kind, cause, hint: Some(hint) });
    let Some(record) = records.iter().find(|record| record.seq == at) else {
        let hint = "`coditect log` shows what each of them says".to_owned();
        return refused(ErrorKind::Invalid, format!("it has no record {at}: they are 1 to {last}"), hint);
    };
    let step = records.iter().filter(|other| other.at_ms == record.at_ms);
    let end = step.map(|record| record.seq).max().unwrap_or(at);
    let completed = records.iter().find(|record| matches!(record.event, Event::MissionCompleted { .. }));
    let Some(completed) = completed.filter(|completed| completed.seq <= end) else { return Ok(end) };
    let before = records.iter().rev().find(|record| record.at_ms < completed.at_ms);
    let hint = match before {
        Some(before) => format!("fork at {} or before", before.seq),
        None => "run the request again with `coditect run`".to_owned(),
    };
    refused(
        ErrorKind::Conflict,
        format!("record {at} belongs to its end, and nothing is left to do there"),
        hint,
    )
}

/// The records that mission `into` begins with: those of another one up to number `until`, with where they come from.
#[must_use]
pub fn shared(
    records: &[Record],
    until: u64,
    into: &MissionId,
    (now_ms, policy): (u64, Policy),
) -> Vec<Record> {
    let from = records.first().map_or_else(|| into.clone(), |record| record.mission.clone());
    let own = Fork { from, at_seq: until, at_ms: now_ms, policy };
    let copy = |record: &Record| {
        let mut record = Record { mission: into.clone(), ..record.clone() };
        if let Event::MissionSubmitted { mission, fork, .. } = &mut record.event {
            mission.clone_from(into);
            *fork = Some(Box::new(own.clone()));
        }
        record
    };
    records.iter().take_while(|record| record.seq <= until).map(copy).collect()
}

/// What a mission cost by itself: of a fork, without the part that it shares with the mission that it was forked from, which
/// was paid for there. `ledger` is its ledger as it stands.
#[must_use]
pub fn own_cost(records: &[Record], ledger: &Ledger) -> Ledger {
    let Some(Event::MissionSubmitted { fork: Some(fork), .. }) = records.first().map(|record| &record.event)
    else {
        return ledger.clone();
    };
    cost_since(records, fork.at_seq, ledger)
}

/// The tasks of a mission with what each cost by itself: of a fork, those of the part that it shares as far as they went on in it.
/// `of` is the mission as it stands.
#[must_use]
pub fn own_tasks(records: &[Record], of: &MissionView) -> Vec<TaskView> {
    let Some(fork) = &of.forked_from else { return of.tasks.clone() };
    let shared = records.iter().take_while(|record| record.seq <= fork.seq).count();
    let before = view(&records[..shared]).map(|then| then.tasks).unwrap_or_default();
    let since = |task: &TaskView| {
        let Some(then) = before.iter().find(|then| then.id == task.id) else { return Some(task.clone()) };
        let (ledger, wall_ms) = (task.ledger.since(&then.ledger), task.wall_ms - then.wall_ms);
        let went_on = wall_ms > 0 || ledger != Ledger { solved_by: ledger.solved_by, ..Ledger::default() };
        went_on.then(|| TaskView { ledger, wall_ms, ..task.clone() })
    };
    of.tasks.iter().filter_map(since).collect()
}

/// What a mission cost behind its record `seq`.
#[must_use]
pub fn cost_since(records: &[Record], seq: u64, ledger: &Ledger) -> Ledger {
    let Some(first) = records.first() else { return ledger.clone() };
    let before = records.iter().take_while(|record| record.seq <= seq);
    ledger.since(&Cell::replay(first.mission.clone(), before).state().ledger)
}

#[cfg(test)]
mod tests;
