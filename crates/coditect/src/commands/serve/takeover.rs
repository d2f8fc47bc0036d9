//! Missions of users whose process is gone are gone on with, so that a crash of it, or a machine that starts again, is not theirs to see.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use coditect_ports::Stop;
use coditect_runtime::cell;
use coditect_runtime::history::history_from;
use coditect_types::{Event, MissionId};

use crate::commands::ui::begun;
use crate::environment::{Place, Site};
use crate::missions::{self, Entry};
use crate::report::{Doing, Report};
use crate::wiring::{self, Archive, Witness};

/// How often it is looked. A mission is taken up that no process had at so many looks in a row: one that has just begun, or is about to
/// end, is let be.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKS: u32 = 2;
/// How long this process is with others on a server before it believes what it hears there: each says every few seconds what it has.
const LISTENS_FOR: Duration = Duration::from_secs(8);
/// Nor one that wrote something so short a time ago: a fork is copied before its process has it.
const QUIET_MS: u64 = 30_000;
/// How often a mission is taken up that comes no further; one whose process dies each time is a person's to look at. Between two tries
/// lies twice as much as before that, from the first pause on and up to the longest.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);
/// Missions that have not ended and are looked at, the newest.
const NEWEST: usize = 1_000;
/// Missions that are taken up at one look: each is a process.
const AT_ONCE: usize = 4;

/// What is known of missions that have no process.
#[derive(Debug, Default)]
struct Known {
    /// Missions that have ended, or are those of a person who is at this machine.
    over: BTreeSet<MissionId>,
    /// At how many looks in a row they had none.
    alone: BTreeMap<MissionId, u32>,
    tried: BTreeMap<MissionId, Tried>,
    /// Where they stood, and since when.
    seen: BTreeMap<MissionId, (u64, Instant)>,
    /// Processes that were begun and may not have their missions yet: the first start on a machine compiles the interpreter.
    begun: BTreeMap<MissionId, Child>,
}

/// How often a mission was taken up.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// Where it stood the last time.
    seq: u64,
    times: u32,
    /// Not again before.
    until: Instant,
}

/// What a look needs.
struct Watchman<'a> {
    site: &'a Site,
    /// Below these, users begin missions here.
    projects: &'a [PathBuf],
    archive: Archive,
    /// Of a journal on a server: who is there beside this process, and since when that is listened to.
    witness: Option<(Witness, Instant)>,
}

/// Looks after missions until it is to stop. Where the journal is on a server, processes of other machines say which missions they have;
/// one that is taken up all the same, since its process was not heard, steps down at the first record of another writer.
pub(super) fn watch(site: &Site, projects: &[PathBuf], stop: &Stop, told: &dyn Fn(String)) {
    let (mut known, mut watchman) = (Known::default(), None);
    while !stop.is_wanted() {
        let looked = match &watchman {
            Some(watchman) => look(watchman, &mut known),
            None => Watchman::open(site, projects).map(|opened| {
                watchman = Some(opened);
                Vec::new()
            }),
        };
        match looked {
            Ok(taken) => taken.into_iter().for_each(told),
            Err(report) => {
                tracing::warn!(cause = report.cause, "missions cannot be looked after");
                known.alone.clear();
            }
        }
        let until = Instant::now() + LOOK_EVERY;
        while !stop.is_wanted() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl<'a> Watchman<'a> {
    fn open(site: &'a Site, projects: &'a [PathBuf]) -> Result<Self, Report> {
        let witness = match &site.journal {
            Place::Files => None,
            Place::Unknown(report) => return Err(Report::clone(report)),
            Place::Server(nats) => Some((Witness::join(nats)?, Instant::now())),
        };
        Ok(Self { site, projects, archive: wiring::archive(site)?, witness })
    }

    /// Which missions processes of other machines have. None: nobody can tell.
    fn elsewhere(&self) -> Option<BTreeSet<MissionId>> {
        match &self.witness {
            None => Some(BTreeSet::new()),
            Some((_, since)) if since.elapsed() < LISTENS_FOR => None,
            Some((witness, _)) => witness.held(),
        }
    }

    /// The newest missions of users that have not ended.
    fn open_missions(&self, known: &mut Known) -> Result<Vec<Entry>, Report> {
        let journal = self.archive.journal();
        let streams = journal.streams().doing("listing missions")?;
        let newest: Vec<_> = streams
            .into_iter()
            .rev()
            .filter(|info| !known.over.contains(&info.stream))
            .take(NEWEST)
            .collect();
        let mut open = Vec::new();
        for stream in newest {
            let Some(entry) = missions::entry(journal, &stream.stream, stream.last_seq)? else { continue };
            if entry.end.is_some() || entry.owner.is_none() {
                known.over.insert(entry.mission);
            } else {
                open.push(entry);
            }
        }
        Ok(open)
    }
}

/// Takes up what has had no process for a while.
fn look(watchman: &Watchman<'_>, known: &mut Known) -> Result<Vec<String>, Report> {
    let Watchman { site, projects, archive, .. } = watchman;
    // Those that have ended: their missions have, too, or have no process again.
    known.begun.retain(|_, child| matches!(child.try_wait(), Ok(None)));
    let Some(elsewhere) = watchman.elsewhere() else {
        known.alone.clear();
        return Ok(Vec::new());
    };
    let open = watchman.open_missions(known)?;
    for entry in &open {
        known.looks_at(archive, entry);
    }
    let is_alone = |entry: &Entry| {
        known.may_try(&entry.mission)
            && !elsewhere.contains(&entry.mission)
            && archive.holder(&entry.mission).is_none()
            && known.is_quiet(archive, entry)
            && is_at_hand(site, projects, entry)
    };
    let alone: BTreeMap<MissionId, u64> = open
        .iter()
        .filter(|entry| is_alone(entry))
        .map(|entry| (entry.mission.clone(), entry.last_seq))
        .collect();
    let is_open: BTreeSet<MissionId> = open.iter().map(|entry| entry.mission.clone()).collect();
    known.seen.retain(|mission, _| is_open.contains(mission));
    known.alone.retain(|mission, _| alone.contains_key(mission));
    alone.keys().for_each(|mission| *known.alone.entry(mission.clone()).or_default() += 1);
    let long = alone.into_iter().filter(|(mission, _)| known.alone.get(mission) >= Some(&LOOKS));
    let mut told = Vec::new();
    for (mission, last_seq) in long.take(AT_ONCE).collect::<Vec<_>>() {
        known.alone.remove(&mission);
        let tried = known.tries(&mission, last_seq);
        match begun::again(site, &mission) {
            Ok(child) => {
                let last = if tried == TRIES { ", for the last time" } else { "" };
                told.push(format!("{mission} had no process and is gone on with{last}"));
                known.begun.insert(mission, child);
            }
            Err(report) => tracing::warn!(%mission, cause = report.cause, "it cannot be gone on with"),
        }
    }
    Ok(told)
}

/// Whether a mission can be gone on with here. One that began on another machine only where a user could have begun it here.
fn is_at_hand(site: &Site, projects: &[PathBuf], entry: &Entry) -> bool {
    let dir = Path::new(&entry.workspace);
    let began_here = wiring::has_store(site, &entry.mission);
    began_here
        || (!projects.is_empty() && dir.is_dir() && wiring::must_be_within(site, dir, projects).is_ok())
}

impl Known {
    /// Notes whether a mission has grown, and whether it came further since it was taken up: an attempt ended.
    fn looks_at(&mut self, archive: &Archive, entry: &Entry) {
        let (mission, last_seq) = (&entry.mission, entry.last_seq);
        let seen = self.seen.entry(mission.clone()).or_insert_with(|| (last_seq, Instant::now()));
        if seen.0 != last_seq {
            *seen = (last_seq, Instant::now());
        }
        let Some(tried) = self.tried.get_mut(mission).filter(|tried| tried.times > 0 && tried.seq < last_seq)
        else {
            return;
        };
        let since = history_from(archive.journal(), mission, tried.seq + 1).unwrap_or_default();
        tried.seq = last_seq;
        if since.iter().any(|record| matches!(record.event, Event::AttemptEnded { .. })) {
            tried.times = 0;
        }
    }

    /// Whether nothing was written to a mission for a while: by the clock of whoever wrote it, or, since that may be wrong, by our own.
    fn is_quiet(&self, archive: &Archive, entry: &Entry) -> bool {
        let for_ms = Duration::from_millis(QUIET_MS);
        if self.seen.get(&entry.mission).is_some_and(|(_, since)| since.elapsed() >= for_ms) {
            return true;
        }
        let last = archive.journal().read(&entry.mission, entry.last_seq, 1).ok();
        let last = last.and_then(|mut records| records.pop());
        let at_ms = last.and_then(|(_, bytes)| Some(cell::decode(&bytes).ok()?.at_ms));
        at_ms.is_some_and(|at_ms| wiring::now_ms().saturating_sub(at_ms) >= QUIET_MS)
    }

    fn may_try(&self, mission: &MissionId) -> bool {
        let may = |tried: &Tried| tried.times < TRIES && tried.until <= Instant::now();
        self.tried.get(mission).is_none_or(may) && !self.begun.contains_key(mission)
    }

    /// Counts one more try, and gives how many there were since the mission came further.
    fn tries(&mut self, mission: &MissionId, last_seq: u64) -> u32 {
        let now = Instant::now();
        let tried =
            self.tried.entry(mission.clone()).or_insert(Tried { seq: last_seq, times: 0, until: now });
        tried.seq = last_seq;
        tried.until = now + LONGEST.min(PAUSE * (1 << tried.times.min(8)));
        tried.times += 1;
        tried.times
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn a_mission_that_comes_no_further_is_left_to_a_person() {
        let (mut known, mission) = (Known::default(), MissionId::parse("m-1").unwrap());
        assert!(known.may_try(&mission));
        for times in 1..=TRIES {
            // Each writes that it was taken up, and what it began, and comes to no end of that.
            assert_eq!(known.tries(&mission, 7 * u64::from(times)), times);
            assert!(!known.may_try(&mission), "it rests");
            known.tried.get_mut(&mission).unwrap().until = Instant::now();
        }
        assert!(!known.may_try(&mission));
        known.tried.get_mut(&mission).unwrap().times = 0;
        assert!(known.may_try(&mission));
        assert_eq!(known.tries(&mission, 99), 1);
        let rests = known.tried[&mission].until - Instant::now();
        assert!(rests <= PAUSE, "{rests:?}");
    }
}
