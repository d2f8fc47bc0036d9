//! Missions of users whose process is gone are gone on with, so that a crash of it, or a machine that starts again, is not theirs to see.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coditect_ports::{Stop, WorldStore};
use coditect_runtime::cell;
use coditect_runtime::history::history_from;
use coditect_runtime::lookout::{Eyes, LISTENS_FOR_MS, LOOK_EVERY_MS, Lookout, TRIES};
use coditect_types::{Event, FactKey, MissionId};

use crate::commands::ui::begun;
use crate::environment::{Place, Site};
use crate::missions::{self, Entry};
use crate::report::{Doing, Report};
use crate::wiring::{self, Archive, Witness};

/// Missions that have not ended and are looked at, the newest.
const NEWEST: usize = 1_000;

/// The lock of whoever takes up a mission.
const LOCK: &str = "takeover";
/// So long it is left to them beyond the last look at which their process was there, and not heard yet.
const LEFT_FOR: Duration = Duration::from_secs(15);

/// A process that is not heard after so long hangs: another door may try.
const HEARD_WITHIN: Duration = Duration::from_secs(300);

/// What is known of missions that have no process.
#[derive(Debug)]
struct Known {
    lookout: Lookout,
    /// When it was begun to look.
    began: Instant,
    /// Missions that have ended, or are those of a person who is at this machine.
    over: BTreeSet<MissionId>,
    /// Processes that were begun and may not have their missions yet: the first start on a machine compiles the interpreter.
    begun: BTreeMap<MissionId, Begun>,
}

/// A process that was begun, and what keeps other doors from doing so until it is heard.
#[derive(Debug)]
struct Begun {
    child: Child,
    since: Instant,
    lock: Option<Lock>,
}

/// A lock, with its token.
type Lock = (FactKey, u64);

/// What a look needs.
struct Watchman<'a> {
    site: &'a Site,
    /// Below these, users begin missions here.
    projects: &'a [PathBuf],
    archive: Archive,
    /// Of a journal on a server: who is there beside this process.
    others: Option<Others>,
}

/// Processes of other machines.
struct Others {
    witness: Witness,
    /// Since when they are listened to.
    since: Cell<Instant>,
    /// Where one of several doors says that it takes a mission up.
    world: Arc<dyn WorldStore>,
}

/// Looks after missions until it is to stop. Where the journal is on a server, processes of other machines say which missions they have;
/// one that is taken up all the same, since its process was not heard, steps down at the first record of another writer.
pub(super) fn watch(site: &Site, projects: &[PathBuf], stop: &Stop, told: &dyn Fn(String)) {
    let (mut known, mut watchman) = (Known::new(), None);
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
                known.lookout.sees_nothing();
            }
        }
        let until = Instant::now() + Duration::from_millis(LOOK_EVERY_MS);
        while !stop.is_wanted() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl<'a> Watchman<'a> {
    fn open(site: &'a Site, projects: &'a [PathBuf]) -> Result<Self, Report> {
        let others = match &site.journal {
            Place::Files => None,
            Place::Unknown(report) => return Err(Report::clone(report)),
            Place::Server(nats) => {
                let open = wiring::world(nats);
                let world = open().doing("joining the other processes")?;
                let witness = Witness::join(&open)?;
                Some(Others { witness, since: Cell::new(Instant::now()), world })
            }
        };
        Ok(Self { site, projects, archive: wiring::archive(site)?, others })
    }

    /// Which missions processes of other machines have. None: nobody can tell.
    fn elsewhere(&self) -> Option<BTreeSet<MissionId>> {
        match &self.others {
            None => Some(BTreeSet::new()),
            Some(Others { witness, since, .. }) => {
                let held = witness.held();
                if held.is_none() {
                    // A server that was started anew has forgotten them all, and others say it again some seconds after us.
                    since.set(Instant::now());
                }
                held.filter(|_| since.get().elapsed() >= Duration::from_millis(LISTENS_FOR_MS))
            }
        }
    }

    /// Takes the lock of a mission. None: another door that saw the same has it. The inner one is none where there are no other doors.
    fn lock(&self, mission: &MissionId) -> Result<Option<Option<Lock>>, Report> {
        let Some(others) = &self.others else { return Ok(Some(None)) };
        let Some(key) = FactKey::new(LOCK, mission.as_str()) else { return Ok(Some(None)) };
        let token =
            others.world.lock(&key, &wiring::new_instance(), LEFT_FOR).doing("taking a mission up")?;
        Ok(token.map(|token| Some((key, token))))
    }

    fn unlock(&self, lock: Option<Lock>) {
        if let (Some(others), Some((key, token))) = (&self.others, lock)
            && let Err(error) = others.world.remove(&key, token)
        {
            tracing::debug!(%error, "a lock ends by itself");
        }
    }

    /// Keeps up the locks of processes that are there and not heard yet, and lets go of the others. `heard`: the missions that processes say
    /// they have; None: nobody can tell.
    fn keep_up(&self, begun: &mut BTreeMap<MissionId, Begun>, heard: Option<&BTreeSet<MissionId>>) {
        begun.retain(|mission, one| {
            let is_there = matches!(one.child.try_wait(), Ok(None));
            if !is_there || one.since.elapsed() > HEARD_WITHIN {
                self.unlock(one.lock.take());
            } else if heard.is_some_and(|heard| heard.contains(mission)) {
                // Another door may have looked before it was heard: the lock ends by itself.
                one.lock = None;
            } else if let (Some(others), Some((key, token))) = (&self.others, one.lock.clone()) {
                match others.world.extend(&key, token, LEFT_FOR) {
                    Ok(true) => {}
                    // The store lost it, or it ended.
                    Ok(false) => one.lock = self.lock(mission).ok().flatten().flatten(),
                    Err(error) => tracing::debug!(%error, "a lock is not kept up"),
                }
            }
            is_there
        });
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
    // Those that have ended: their missions have, too, or have no process again.
    let elsewhere = watchman.elsewhere();
    watchman.keep_up(&mut known.begun, elsewhere.as_ref());
    let Some(elsewhere) = elsewhere else {
        known.lookout.sees_nothing();
        return Ok(Vec::new());
    };
    let entries = watchman.open_missions(known)?;
    let open: Vec<_> = entries.iter().map(|entry| (entry.mission.clone(), entry.last_seq)).collect();
    let entries = entries.iter().map(|entry| (&entry.mission, entry)).collect();
    let sight = Sight { watchman, elsewhere, entries, begun: &known.begun };
    let due = known.lookout.look(elapsed_ms(known.began), &open, &sight);
    let mut told = Vec::new();
    for (mission, last_seq) in due {
        let lock = match watchman.lock(&mission) {
            Ok(Some(lock)) => lock,
            Ok(None) => continue,
            Err(report) => {
                tracing::warn!(%mission, cause = report.cause, "it is left alone: another may take it up");
                continue;
            }
        };
        let tried = known.lookout.tries(elapsed_ms(known.began), &mission, last_seq);
        match begun::again(watchman.site, &mission) {
            Ok(child) => {
                let last = if tried == TRIES { ", for the last time" } else { "" };
                told.push(format!("{mission} had no process and is gone on with{last}"));
                known.begun.insert(mission, Begun { child, since: Instant::now(), lock });
            }
            Err(report) => {
                watchman.unlock(lock);
                tracing::warn!(%mission, cause = report.cause, "it cannot be gone on with");
            }
        }
    }
    Ok(told)
}

/// What is seen at one look.
struct Sight<'a> {
    watchman: &'a Watchman<'a>,
    elsewhere: BTreeSet<MissionId>,
    entries: BTreeMap<&'a MissionId, &'a Entry>,
    begun: &'a BTreeMap<MissionId, Begun>,
}

impl Eyes for Sight<'_> {
    fn is_free(&self, mission: &MissionId) -> bool {
        let archive = &self.watchman.archive;
        !self.begun.contains_key(mission)
            && !self.elsewhere.contains(mission)
            && archive.holder(mission).is_none()
    }

    fn is_at_hand(&self, mission: &MissionId) -> bool {
        let Watchman { site, projects, .. } = self.watchman;
        self.entries.get(mission).is_some_and(|entry| is_at_hand(site, projects, entry))
    }

    fn newest_age_ms(&self, mission: &MissionId, last_seq: u64) -> Option<u64> {
        let mut records = self.watchman.archive.journal().read(mission, last_seq, 1).ok()?;
        let (_, bytes) = records.pop()?;
        Some(wiring::now_ms().saturating_sub(cell::decode(&bytes).ok()?.at_ms))
    }

    fn came_further(&self, mission: &MissionId, behind: u64) -> bool {
        let journal = self.watchman.archive.journal();
        let since = history_from(journal, mission, behind + 1).unwrap_or_default();
        since.iter().any(|record| matches!(record.event, Event::AttemptEnded { .. }))
    }
}

/// Whether a mission can be gone on with here. One that began on another machine only where a user could have begun it here.
fn is_at_hand(site: &Site, projects: &[PathBuf], entry: &Entry) -> bool {
    let dir = Path::new(&entry.workspace);
    let began_here = wiring::has_store(site, &entry.mission);
    began_here
        || (!projects.is_empty() && dir.is_dir() && wiring::must_be_within(site, dir, projects).is_ok())
}

impl Known {
    fn new() -> Self {
        Self {
            lookout: Lookout::default(),
            began: Instant::now(),
            over: BTreeSet::new(),
            begun: BTreeMap::new(),
        }
    }
}

/// How long it is looked, ms.
fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
