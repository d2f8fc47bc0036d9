//! The knowledge graph of a directory: read from its file, brought up to date, kept again.
//!
//! The file is a cache: whatever is wrong with it, the graph is made anew, and that is said. Two processes may do so at once; each
//! renames a whole file into place.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coditect_adapters::DiskShelves;
use coditect_code::graph::walk::{self, Passed, Read};
use coditect_code::workspace::{Git, Log, log, stands_on};
use coditect_memory::Episode;
use coditect_memory::graph::ask::lines_of_diff;
use coditect_memory::graph::{Before, Changed, Changes, EpisodeFact, Origin, ProjectGraph, Updated};
use coditect_ports::{PortError, Shelves};
use coditect_types::graph::Stamp;

use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "reading the project";
/// Commits that are read of a history, the newest.
const MOST_COMMITS: usize = 5_000;
/// A file that was written this short before it was read may be written again with the same times, ns.
const TOO_YOUNG_NS: i64 = 2_000_000_000;

/// A graph that is up to date.
#[derive(Debug)]
pub(crate) struct Opened {
    /// It.
    pub(crate) graph: ProjectGraph,
    /// What was passed over.
    pub(crate) passed: Vec<Passed>,
    /// What a person should know, a line each.
    pub(crate) notes: Vec<String>,
    /// What was done.
    pub(crate) updated: Updated,
    /// Bytes of its file; 0: it was not written.
    pub(crate) file_bytes: usize,
}

/// Where graphs are.
fn graphs(site: &Site) -> PathBuf {
    site.home.join("graphs")
}

/// Removes every graph: what missions did is in them too, and they are made anew when they are asked for.
pub(crate) fn remove_all(site: &Site) -> Result<(), Report> {
    match std::fs::remove_dir_all(graphs(site)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PortError::from_io("removing graphs", &error)).doing("forgetting")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Bytes of a file's beginning that say of which directory it is: no path is longer.
const HEAD: u64 = 16 << 10;

/// The files of graphs whose directory is not there any more, and of those that no program will read again.
pub(crate) fn idle(site: &Site) -> Result<Vec<PathBuf>, Report> {
    let dir = graphs(site);
    let entries = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other
            .map_err(|error| PortError::from_io(&format!("`{}`", dir.display()), &error))
            .doing("looking at graphs")?,
    };
    let files = entries.flatten().map(|entry| entry.path());
    Ok(files.filter(|path| path.extension().is_some_and(|end| end == "graph") && is_idle(path)).collect())
}

fn is_idle(file: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut bytes));
    if read.is_err() {
        return false;
    }
    match Origin::of_bytes(&bytes) {
        // One on a disk that is away just now is made anew when it is asked for.
        Ok(origin) => !Path::new(OsStr::from_bytes(&origin.directory)).exists(),
        Err(why) => !why.is_newer(),
    }
}

/// Removes files of graphs.
pub(crate) fn remove(files: &[PathBuf]) -> Result<(), Report> {
    for file in files {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(PortError::from_io(&format!("`{}`", file.display()), &error))
                    .doing("removing a graph");
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The top of the work tree that a directory is in, where git can use it; else the directory.
pub(crate) fn top_of(site: &Site, dir: &Path) -> PathBuf {
    let found = Git::find(site.path.as_deref()).and_then(|git| stands_on(&git, dir));
    // Whatever is wrong with the repository is told when its history is read.
    found.ok().and_then(|all| all.into_iter().next()).unwrap_or_else(|| dir.to_owned())
}

/// What a directory's graph is called on a server that has graphs of many.
#[cfg(any(test, feature = "neo4j"))]
pub(crate) fn name_on_server(site: &Site, dir: &Path) -> String {
    // As in a file: what missions did is in it, and each owner has their own.
    let owner = site.owner.as_ref().map(|owner| Path::new(owner.as_str()));
    let parts: Vec<&Path> = std::iter::once(dir).chain(owner).collect();
    wiring::own_name(&site.home, &parts)
}

/// The file of a directory's graph.
fn file_of(site: &Site, dir: &Path) -> PathBuf {
    // It has episodes in it, and each owner their own.
    let mut name = blake3::Hasher::new();
    name.update(dir.as_os_str().as_bytes());
    if let Some(owner) = &site.owner {
        name.update(b"\0").update(owner.as_str().as_bytes());
    }
    let name = name.finalize().to_hex();
    graphs(site).join(format!("{}.graph", &name[..24]))
}

/// The graph of a directory, as it stands there now.
pub(crate) fn open(site: &Site, dir: &Path) -> Result<Opened, Report> {
    let file = file_of(site, dir);
    let mut notes = Vec::new();
    // Before the graph is read: with what is forgotten from here on it is not written.
    let memory = Remembered::of(site).unwrap_or_else(|report| {
        notes.push(format!("what missions did could not be read: {}", report.cause));
        Remembered::Closed
    });
    let mut graph = match std::fs::read(&file) {
        Ok(bytes) => ProjectGraph::of_bytes(&bytes).unwrap_or_else(|why| {
            notes.push(format!("the file of the graph could not be used ({why}): the graph was made anew"));
            ProjectGraph::default()
        }),
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                notes.push(format!(
                    "the file of the graph could not be read ({error}): the graph was made anew"
                ));
            }
            ProjectGraph::default()
        }
    };
    if graph.origin().forgotten < memory.forgotten() {
        // What was forgotten since may be in it.
        graph = ProjectGraph::default();
    }
    let origin = Origin { directory: dir.as_os_str().as_bytes().to_vec(), forgotten: memory.forgotten() };
    let is_moved = *graph.origin() != origin && graph.files().next().is_some();
    graph.set_origin(origin);
    let mut opened = Opened { graph, passed: Vec::new(), notes, updated: Updated::default(), file_bytes: 0 };
    if bring_up(site, dir, &mut opened, &memory)? || is_moved {
        match keep(site, &file, &opened.graph, &memory) {
            Ok(bytes) => opened.file_bytes = bytes,
            // What is asked can be answered all the same.
            Err(error) => opened
                .notes
                .push(format!("the graph could not be kept, and is made anew next time: {}", error.cause)),
        }
    }
    Ok(opened)
}

/// What missions are remembered by.
enum Remembered {
    /// Nothing ever was.
    Nothing,
    /// It cannot be opened. What is forgotten meanwhile is not known.
    Closed,
    /// These shelves, of which so many episodes had been forgotten.
    On(Arc<DiskShelves>, u64),
}

impl Remembered {
    fn of(site: &Site) -> Result<Self, Report> {
        if !remembering::has_any(site) {
            return Ok(Self::Nothing);
        }
        let shelves = remembering::shelves(site)?;
        let forgotten = shelves.removals().doing("asking memory")?.forgotten;
        Ok(Self::On(shelves, forgotten))
    }

    fn forgotten(&self) -> u64 {
        match self {
            Self::Nothing | Self::Closed => 0,
            Self::On(_, forgotten) => *forgotten,
        }
    }
}

/// Brings a graph up to date; true where anything of it changed.
fn bring_up(site: &Site, dir: &Path, opened: &mut Opened, memory: &Remembered) -> Result<bool, Report> {
    let history = history(site, dir, opened.graph.known_head());
    let history = history.unwrap_or_else(|error| {
        opened.notes.push(format!("the history could not be read: {}", error.cause));
        None
    });
    let head = history.as_ref().map_or_else(String::new, |log| log.head.clone());
    let stale = refresh(&mut opened.graph, dir, &head).doing(DOING)?;
    opened.passed = stale.passed;
    opened.updated = stale.updated;
    let mut is_other = stale.is_other;
    if let Some(log) = history.filter(|log| log.head != opened.graph.known_head()) {
        let before = match log.anew {
            true => Before::Other,
            false if log.gone.is_empty() => Before::Stays,
            false => Before::Without(&log.gone),
        };
        opened.graph.learn_commits(&log.commits, &log.head, before);
        is_other = true;
    }
    let known = opened.graph.episodes_through();
    if let Remembered::On(shelves, _) = memory {
        match episodes(site, shelves, dir, known) {
            Ok((episodes, through)) => {
                is_other |= through != known;
                opened.graph.learn_episodes(&episodes, through);
            }
            // What is asked of code can be answered all the same.
            Err(report) => {
                opened.notes.push(format!("what missions did could not be read: {}", report.cause));
            }
        }
    }
    Ok(is_other)
}

fn history(site: &Site, dir: &Path, known: &str) -> Result<Option<Log>, PortError> {
    // Without git there is no history, which is no error.
    let Ok(git) = Git::find(site.path.as_deref()) else { return Ok(None) };
    let scratch = tempfile::Builder::new().prefix("coditect-lens-").tempdir();
    let scratch = scratch.map_err(|error| PortError::from_io("a directory for a while", &error))?;
    log(&git, dir, &scratch.path().join("lens.git"), known, MOST_COMMITS)
}

/// What became of a look at the disk.
#[derive(Debug)]
pub(crate) struct Refreshed {
    /// What was passed over.
    pub(crate) passed: Vec<Passed>,
    /// What was done.
    pub(crate) updated: Updated,
    /// The graph is not what it was.
    pub(crate) is_other: bool,
}

/// Compares a graph with a directory, and takes in what changed.
pub(crate) fn refresh(graph: &mut ProjectGraph, dir: &Path, head: &str) -> Result<Refreshed, PortError> {
    let found = walk::walk(dir)?;
    let mut known: HashMap<&str, (Stamp, [u8; 16])> =
        graph.files().map(|(path, stamp, hash)| (path, (stamp, hash))).collect();
    let mut to_read: Vec<(&str, Option<[u8; 16]>)> = Vec::new();
    let mut stamps: Vec<Stamp> = Vec::new();
    for file in &found.files {
        match known.remove(file.path.as_str()) {
            Some((stamp, _)) if stamp == file.stamp => {}
            other => {
                to_read.push((&file.path, other.map(|(_, hash)| hash)));
                stamps.push(file.stamp);
            }
        }
    }
    let mut gone: Vec<String> = known.into_keys().map(str::to_owned).collect();
    gone.sort_unstable();
    let now_ns = i64::try_from(wiring::now_ms()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let too_young = now_ns.saturating_sub(TOO_YOUNG_NS);
    let (mut changed, mut touched, mut passed) = (Vec::new(), Vec::new(), found.passed);
    for ((path, hash), (read, mut stamp)) in
        to_read.iter().zip(walk::read(dir, &to_read).into_iter().zip(stamps))
    {
        if stamp.written_ns.max(stamp.changed_ns) > too_young {
            // It is looked at once more the next time.
            stamp.changed_ns = 0;
        }
        match read {
            Read::Same => touched.push(((*path).to_owned(), stamp)),
            Read::Facts { hash, facts } => {
                changed.push(Changed { path: (*path).to_owned(), hash, stamp, facts: *facts })
            }
            Read::Passed(why) => {
                if hash.is_some() {
                    gone.push((*path).to_owned());
                }
                passed.push(Passed { path: (*path).to_owned(), why });
            }
        }
    }
    let is_other = !(changed.is_empty() && touched.is_empty() && gone.is_empty());
    touched.into_iter().for_each(|(path, stamp)| graph.touch(&path, stamp));
    let updated = graph.update(Changes { changed, gone, head: head.to_owned() });
    Ok(Refreshed { passed, updated, is_other })
}

/// Writes the file whole, or not at all; gives its bytes. 0: something was forgotten since the graph was read, and may be in it, or
/// that cannot be known.
fn keep(site: &Site, file: &Path, graph: &ProjectGraph, memory: &Remembered) -> Result<usize, Report> {
    let doing = "keeping the graph";
    wiring::make_home(&site.home)?;
    let bytes = graph.to_bytes();
    let write = || -> std::io::Result<()> {
        let dir = file.parent().unwrap_or(file);
        // What a project is made of, and what missions did, is its owner's alone.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut fresh = tempfile::Builder::new().prefix(".graph-").tempfile_in(dir)?;
        fresh.write_all(&bytes)?;
        fresh.persist(file).map_err(|error| error.error)?;
        Ok(())
    };
    let write = || write().map_err(|error| PortError::from_io(&format!("`{}`", file.display()), &error));
    let is_written = match memory {
        Remembered::Nothing => write().map(|()| true),
        Remembered::Closed => Ok(false),
        Remembered::On(shelves, forgotten) => shelves.unless_forgotten(*forgotten, write),
    };
    Ok(if is_written.doing(doing)? { bytes.len() } else { 0 })
}

/// Missions that are taken in at a time, the newest.
const MOST_EPISODES: usize = 2_000;
/// Those that are looked through for the ones of a directory.
const LOOKED_THROUGH: u64 = 20_000;

/// What missions on a directory did that memory has after this number, and the number up to which it was looked through.
fn episodes(
    site: &Site,
    shelves: &Arc<DiskShelves>,
    dir: &Path,
    after: u64,
) -> Result<(Vec<EpisodeFact>, u64), Report> {
    let doing = "asking memory";
    remembering::memory_on(site, Arc::clone(shelves), remembering::AT_ONCE).absorb().doing(doing)?;
    // A memory that was thrown away and begun again counts from the beginning.
    let is_same = after > 0 && !shelves.fetch(&[after]).doing(doing)?.is_empty();
    let from = if is_same {
        after
    } else {
        let newest = shelves.standings().doing(doing)?.last().map_or(0, |standing| standing.number);
        newest.saturating_sub(LOOKED_THROUGH)
    };
    let (mut here, mut through): (Vec<Episode>, u64) = (Vec::new(), if is_same { after } else { 0 });
    shelves
        .each(from, &mut |row| {
            through = through.max(row.standing.number);
            if is_of(dir, Path::new(&row.kept.workspace)) {
                // What was learnt from a commit is in the history already.
                here.extend(Episode::from_kept(&row.kept).filter(|episode| episode.status.is_some()));
            }
            true
        })
        .doing(doing)?;
    here.drain(..here.len().saturating_sub(MOST_EPISODES));
    let fact = |episode: Episode| EpisodeFact {
        id: episode.id.to_string(),
        request: episode.request,
        files: episode.accepted.iter().flat_map(|accepted| files_of(&accepted.diff)).collect(),
        errors: episode.symptoms.into_iter().map(|of| of.error).filter(|error| !error.is_empty()).collect(),
    };
    Ok((here.into_iter().map(fact).collect(), through))
}

/// Whether what a mission on `workspace` changed is told by paths below `dir`: it worked there, or on a part of that work tree.
fn is_of(dir: &Path, workspace: &Path) -> bool {
    let has_git = |dir: &Path| dir.join(".git").exists();
    let mut between = workspace.ancestors().take_while(|above| *above != dir);
    workspace == dir || (workspace.starts_with(dir) && has_git(dir) && !between.any(has_git))
}

/// The files that a diff changes.
fn files_of(diff: &str) -> Vec<String> {
    let mut files: Vec<String> = lines_of_diff(diff).into_iter().map(|place| place.path).collect();
    files.dedup();
    files
}

#[cfg(test)]
mod tests;
