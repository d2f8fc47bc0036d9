//! Memory on this machine: its shelves below the state directory, and who moves what is on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use coditect_adapters::DiskShelves;
use coditect_adapters::shelves::measured;
use coditect_code::workspace::{Git, Mined, mined};
use coditect_memory::episode::Commit;
use coditect_memory::{Episode, Episodes};
use coditect_ports::shelves::ShelfSize;
use coditect_ports::{PortError, Shelves};
use coditect_runtime::mover;
use coditect_types::MissionId;
use coditect_types::memory::Shelf;

use super::{archive, journal_dir, keeper, mailbox, make_home, now_ms, workspace};
use crate::environment::{Place, Site};
use crate::missions;
use crate::report::{Doing, Report};

/// Journals that are read for memory at a time, the newest.
pub(crate) const ALL: usize = usize::MAX;
pub(crate) const AT_ONCE: usize = 2_000;
/// Texts that a server is asked for the vectors of at a time, where a mission waits for them.
const VECTORS_AT_ONCE: usize = 512;
/// So long after the last time what is on the shelves is looked at again, or as soon as there are so many times as many as there
/// may be.
const ROUND: Duration = Duration::from_secs(12 * 3600);
const TOO_MANY: f64 = 1.1;
/// Touched at the end of each round.
const MARK: &str = "moved";

/// What one user's missions taught is nobody else's: each has shelves of their own.
fn dir(site: &Site) -> PathBuf {
    match &site.owner {
        None => site.home.join("memory"),
        Some(owner) => site.home.join("users").join(owner.as_str()).join("memory"),
    }
}

/// Whether anything was ever kept here, or could be.
pub(crate) fn is_there(site: &Site) -> bool {
    site.home.exists()
}

/// Whether there is anything to remember: what only reads memory makes none for it.
pub(crate) fn has_any(site: &Site) -> bool {
    dir(site).exists() || !matches!(site.journal, Place::Files) || journal_dir(site).exists()
}

/// How much is at hand and how much is put away; None: nothing was ever kept here. Only looks.
pub(crate) fn sizes(site: &Site) -> Result<Option<[(Shelf, ShelfSize); 2]>, PortError> {
    measured(&dir(site))
}

/// The shelves.
pub(crate) fn shelves(site: &Site) -> Result<Arc<DiskShelves>, Report> {
    make_home(&site.home)?;
    DiskShelves::open_with(&dir(site), site.cold.clone())
        .map(Arc::new)
        .map_err(hinted)
        .doing("opening memory")
}

fn hinted(error: PortError) -> PortError {
    if error.hint.is_some() {
        return error;
    }
    error.with_hint(
        "have space there and the right to write, or name another directory with `--home DIR`; missions go on without memory",
    )
}

/// Memory on these shelves; what they lack is read from the journals of missions that ended, of the newest `most`.
pub(crate) fn memory_on(site: &Site, shelves: Arc<DiskShelves>, most: usize) -> Episodes {
    let embedder = site.embedder.clone().map(|model| super::guarded::embedder(site, model));
    let site = site.clone();
    let others = Mutex::default();
    let load: coditect_memory::episodes::Load = Box::new(move |lacking| {
        let journals = archive(&site).map_err(port_error)?;
        missions::episodes(journals.journal(), most, (site.owner.as_ref(), &others), lacking)
    });
    let memory = Episodes::new(shelves, load);
    match embedder {
        Some(embedder) => memory.with(embedder, if most == ALL { ALL } else { VECTORS_AT_ONCE }),
        None => memory,
    }
}

/// Memory, as a person asks it.
pub(crate) fn memory(site: &Site) -> Result<(Episodes, Arc<DiskShelves>), Report> {
    let shelves = shelves(site)?;
    Ok((memory_on(site, Arc::clone(&shelves), ALL), shelves))
}

/// Memory, as a mission asks it, and what a person should know of it. What cannot be opened is none.
pub(super) fn for_mission(site: &Site) -> (Option<Arc<Episodes>>, Vec<String>) {
    match shelves(site) {
        Ok(shelves) => {
            let notes = shelves.findings();
            (Some(Arc::new(memory_on(site, shelves, AT_ONCE))), notes)
        }
        Err(report) => (None, vec![format!("memory cannot be used: {}", report.cause)]),
    }
}

/// How many episodes there are with a change that was proved. What cannot be opened has none.
pub(crate) fn proved(site: &Site) -> u64 {
    let count = || -> Result<u64, Report> {
        let shelves = shelves(site)?;
        memory_on(site, Arc::clone(&shelves), AT_ONCE).absorb().doing("reading the journals")?;
        Ok(shelves.sizes().doing("opening memory")?.iter().map(|(_, size)| size.proved).sum())
    };
    count().unwrap_or(0)
}

fn port_error(report: Report) -> PortError {
    PortError::new(report.kind, format!("{}: {}", report.doing, report.cause))
}

/// Moves what is to be moved in the background, where it is time for it. The process may end at any moment.
pub(super) fn start_mover(site: &Site) {
    let site = site.clone();
    let mover = move || {
        let done = (|| -> Result<(), Report> {
            let shelves = shelves(&site)?;
            let [(_, warm), _] = shelves.sizes().doing("opening memory")?;
            let mark = dir(&site).join(MARK);
            let last = fs::metadata(&mark).and_then(|meta| meta.modified()).ok();
            let is_old = last.is_none_or(|at| {
                // A clock that went back is no reason to wait.
                SystemTime::now().duration_since(at).map_or(true, |age| age > ROUND)
            });
            if is_old || warm.episodes as f64 > site.memory.warm_episodes as f64 * TOO_MANY {
                if let Err(error) = shelves.tend() {
                    tracing::warn!(%error, "what is to be done with the bucket is not done");
                }
                mover::round(&*shelves, &site.memory, now_ms()).doing("moving episodes")?;
                fs::write(&mark, b"")
                    .map_err(|error| PortError::from_io("marking", &error))
                    .doing("moving episodes")?;
            }
            Ok(())
        })();
        if let Err(report) = done {
            tracing::warn!(doing = report.doing, cause = report.cause, "memory is not moved");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("mover".to_owned()).spawn(mover) {
        tracing::warn!(%error, "memory is not moved");
    }
}

/// Removes what missions left: their directories, their commands, their journals.
pub(crate) fn remove_missions(site: &Site, gone: &[MissionId]) -> Result<Vec<(MissionId, String)>, Report> {
    let keeper = keeper(site)?;
    let workspace = workspace(site)?;
    let mailbox = mailbox(site);
    let mut kept = Vec::new();
    for mission in gone {
        // The directory first: a mission whose journal is gone could not be found again to remove the rest.
        let removed = workspace
            .clean(mission)
            .and_then(|()| mailbox.clean(mission))
            .and_then(|()| keeper.forget(mission));
        if let Err(error) = removed {
            kept.push((mission.clone(), error.cause));
        }
    }
    Ok(kept)
}

/// What commits of the repository at `dir` are remembered by, and how many of them were looked at.
pub(crate) fn learnt(site: &Site, dir: &Path, most: usize) -> Result<(Vec<Episode>, usize), Report> {
    let doing = "reading the history of commits";
    make_home(&site.home)?;
    let scratch = super::Scratch::open(&site.home)?;
    let git = Git::find(site.path.as_deref()).doing(doing)?;
    let (top, found, looked_at) = mined(&git, scratch.path(), dir, most).doing(doing)?;
    let workspace = top.to_string_lossy().into_owned();
    let episodes = found.into_iter().filter_map(|mined| {
        let Mined { commit, at_ms, subject, language, diff, tests } = mined;
        Episode::learnt(&workspace, Commit { hash: commit, at_ms, subject, language, diff, tests })
    });
    Ok((episodes.collect(), looked_at))
}
