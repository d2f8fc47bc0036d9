//! Missions of users whose process is gone are gone on with, so that a crash of it, or a machine that starts again, is not theirs to see.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::time::{Duration, Instant};

use coditect_ports::Stop;
use coditect_runtime::cell;
use coditect_types::MissionId;

use crate::commands::ui::begun;
use crate::environment::{Place, Site};
use crate::missions;
use crate::report::Report;
use crate::wiring;

/// How often it is looked. A mission is taken up that no process had at two looks in a row: one that has just begun, or is about to
/// end, is let be.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Nor one that wrote something so short a time ago: a fork is copied before its process has it.
const QUIET_MS: u64 = 30_000;
/// How often a mission is taken up; one whose process dies each time is a person's to look at.
const TRIES: u32 = 3;
/// Missions that are looked through, the newest.
const NEWEST: usize = 1_000;
/// Missions that are taken up at one look: each is a process.
const AT_ONCE: usize = 4;

/// What is known of missions that have no process.
#[derive(Debug, Default)]
struct Known {
    alone: BTreeSet<MissionId>,
    tried: BTreeMap<MissionId, u32>,
    /// Processes that were begun and may not have their missions yet: the first start on a machine compiles the interpreter.
    begun: BTreeMap<MissionId, Child>,
}

/// Looks after missions until it is to stop. A journal on a server is shared with other machines, whose processes nobody sees from here:
/// there nothing is taken up.
pub(super) fn watch(site: &Site, stop: &Stop, told: &dyn Fn(String)) {
    if !matches!(site.journal, Place::Files) {
        return;
    }
    let mut known = Known::default();
    while !stop.is_wanted() {
        match look(site, &mut known) {
            Ok(taken) => taken.into_iter().for_each(told),
            Err(report) => tracing::warn!(cause = report.cause, "missions cannot be looked after"),
        }
        let until = Instant::now() + LOOK_EVERY;
        while !stop.is_wanted() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// Takes up what has no process for the second time in a row, and has had none for a while.
fn look(site: &Site, known: &mut Known) -> Result<Vec<String>, Report> {
    // Those that have ended: their missions have, too, or have no process again.
    known.begun.retain(|_, child| matches!(child.try_wait(), Ok(None)));
    let archive = wiring::archive(site)?;
    let (entries, _) = missions::list(archive.journal(), NEWEST)?;
    let now_ms = wiring::now_ms();
    let is_quiet = |mission: &MissionId, last_seq: u64| {
        let last = archive.journal().read(mission, last_seq, 1).ok().and_then(|mut records| records.pop());
        let at_ms = last.and_then(|(_, bytes)| Some(cell::decode(&bytes).ok()?.at_ms));
        at_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) >= QUIET_MS)
    };
    let alone = entries.into_iter().filter(|entry| {
        entry.end.is_none()
            && entry.owner.is_some()
            && known.tried.get(&entry.mission).is_none_or(|tried| *tried < TRIES)
            && !known.begun.contains_key(&entry.mission)
            && archive.holder(&entry.mission).is_none()
            && is_quiet(&entry.mission, entry.last_seq)
    });
    let alone: BTreeSet<MissionId> = alone.map(|entry| entry.mission).collect();
    drop(archive);
    let mut told = Vec::new();
    for mission in alone.intersection(&known.alone).take(AT_ONCE) {
        let tried = known.tried.entry(mission.clone()).or_default();
        *tried += 1;
        match begun::again(site, mission) {
            Ok(child) => {
                known.begun.insert(mission.clone(), child);
                let last = if *tried == TRIES { ", for the last time" } else { "" };
                told.push(format!("{mission} had no process and is gone on with{last}"));
            }
            Err(report) => tracing::warn!(%mission, cause = report.cause, "it cannot be gone on with"),
        }
    }
    known.alone = alone;
    Ok(told)
}
