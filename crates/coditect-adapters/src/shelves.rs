//! The shelves of memory on a disk: a catalogue and what is at hand in one SQLite file, what is put away in Parquet files, which may be
//! in a bucket of an object store.
//!
//! The catalogue alone says where an episode is. A part is written whole and synced before the catalogue names it, and is
//! removed after the catalogue has let go of it, so that a process may be killed anywhere: files that no catalogue names
//! are removed by the next one that moves episodes. In a bucket nothing is deleted but what the catalogue has noted: before it was sent,
//! or as it was let go. Several processes take turns by SQLite's own lock, and those that move episodes by one of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coditect_ports::shelves::{Embedded, Kept, Put, Removals, Row, ShelfSize};
use coditect_ports::{PortError, Shelves};
use coditect_types::memory::{Shelf, Standing};
use coditect_types::{EpisodeId, ErrorKind};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

mod bucket;
mod catalogue;
mod cold;
mod index;
mod moving;
mod part;
mod reading;
mod salvage;
mod sql;
#[cfg(test)]
mod tests;

use catalogue::{Part, Place, Tried, failed};
use cold::{Cold, Store};

pub use bucket::{BucketAt, check_bucket};
pub use moving::Held;
pub use sql::{Answer, Cell};

/// The catalogue's file.
const FILE: &str = "memory.db";
/// Locked while the catalogue is opened.
const GATE: &str = "gate";
/// Locked by who forgets.
const FORGETTING: &str = "forgetting";
/// There where the catalogue was found to be damaged in use.
const SUSPECT: &str = "suspect";
/// Within the names of what was set aside.
const DAMAGED: &str = ".damaged-";
/// Behind the name of a catalogue that was set aside, once what can be read of it is in another one.
const TAKEN: &str = ".taken";
/// Where parts are.
const COLD: &str = "cold";
/// Episodes of one part.
const OF_PART: usize = 5_000;
/// Episodes that are read together.
const TOGETHER: usize = 512;
/// How long one process waits for another.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a read that another process got ahead of is begun again.
const TRIES: usize = 5;

/// What is put away beside the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Far {
    /// Where.
    pub place: String,
    /// Bytes that are there.
    pub bytes: u64,
    /// Bytes of copies of them that are here.
    pub here_bytes: u64,
    /// Objects that were let go, and are not deleted there yet.
    pub to_delete: usize,
}

/// The shelves below one directory.
#[derive(Debug)]
pub struct DiskShelves {
    dir: PathBuf,
    cold: Cold,
    /// Bytes of the copies of parts that are in a store.
    kept_bytes: u64,
    /// So long something may be on its way to a store.
    lease: Duration,
    /// Which file the catalogue is.
    file: Option<u64>,
    catalogue: Mutex<Connection>,
    /// What a person should know, a line each.
    findings: Mutex<BTreeSet<String>>,
}

impl DiskShelves {
    /// Opens the shelves below `dir`, and makes them if need be. A catalogue that is damaged is set aside, and a new one
    /// is made of the parts that can be read. What a process that was killed had begun to erase is erased.
    pub fn open(dir: &Path) -> Result<Self, PortError> {
        Self::open_with(dir, None)
    }

    /// The same, where what is put away goes into a bucket. Where that cannot be, or be asked, what is at hand is used, and nothing is
    /// taken for lost: [`Self::findings`] say so.
    pub fn open_with(dir: &Path, named: Option<Result<BucketAt, PortError>>) -> Result<Self, PortError> {
        let cold = dir.join(COLD);
        for dir in [dir, &cold] {
            // What is remembered is its owner's alone.
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|error| at("making", dir, &error))?;
        }
        let gate = File::create(dir.join(GATE)).and_then(|gate| gate.lock().map(|()| gate));
        let gate = gate.map_err(|error| at("locking", &dir.join(GATE), &error))?;
        let mut findings = BTreeSet::new();
        let suspect = dir.join(SUSPECT);
        let opened = Self::connect(dir, &mut findings).and_then(|opened| match suspect.exists() {
            true => Err(PortError::new(ErrorKind::Bug, "the catalogue of memory is damaged")),
            false => Ok(opened),
        });
        let (catalogue, is_new) = match opened {
            Err(error) if error.kind == ErrorKind::Bug => {
                // Who moves something by it comes to its end before.
                let _held = moving::hold(dir)?;
                let aside = set_aside(dir)?;
                let opened = Self::connect(dir, &mut findings)?;
                findings.insert(format!("{}; it was set aside as `{}`", error.cause, aside.display()));
                opened
            }
            other => other?,
        };
        if is_new {
            // The numbers of another catalogue mean nothing here.
            index::remove(dir)?;
        }
        if suspect.exists() {
            fs::remove_file(&suspect).map_err(|error| at("removing", &suspect, &error))?;
        }
        let store = cold::settle(&catalogue, (dir, &cold), named)?;
        let file = moving::file_of(dir)?;
        drop(gate);
        if let Store::Closed { error, .. } = &store {
            let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
            findings.insert(format!("{}{hint}", error.cause));
        }
        let shelves = Self {
            dir: dir.to_owned(),
            cold: Cold::new(cold, store),
            kept_bytes: cold::KEPT,
            lease: moving::LEASE,
            file,
            catalogue: Mutex::new(catalogue),
            findings: Mutex::new(findings),
        };
        shelves.go_on();
        Ok(shelves)
    }

    /// Does what another process began, where nobody is at it. What does not work now is done another time.
    fn go_on(&self) {
        let done = || -> Result<(), PortError> {
            let (is_erasing, is_adopting) = {
                let catalogue = self.catalogue();
                (catalogue::is_erasing(&catalogue)?, catalogue::is_adopting(&catalogue)?)
            };
            if !is_erasing && !is_adopting {
                return Ok(());
            }
            let Some(held) = self.try_to_hold()? else { return Ok(()) };
            if is_erasing { self.erase_held(&held) } else { self.adopt_stored(&held) }
        };
        if let Err(error) = done() {
            self.found(error.cause);
        }
    }

    /// What a person should know of what was found so far, a line each.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn found(&self, finding: String) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).insert(finding);
    }

    /// Hands an error on. One that says that the catalogue is damaged is seen to by whoever opens it next.
    fn watched<T>(&self, done: Result<T, PortError>) -> Result<T, PortError> {
        done.map_err(|error| {
            if error.kind != ErrorKind::Bug {
                return error;
            }
            if let Err(error) = fs::write(self.dir.join(SUSPECT), b"") {
                tracing::warn!(%error, "that the catalogue is damaged cannot be written down");
            }
            error.with_hint("try again: it is set aside then, and made anew of what can be read")
        })
    }

    /// Whether there are shelves below `dir`.
    #[must_use]
    pub fn are_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// The catalogue, and whether it was not there before. A new one takes over what can be read of those that were set aside, also by
    /// a process that came no further.
    fn connect(dir: &Path, findings: &mut BTreeSet<String>) -> Result<(Connection, bool), PortError> {
        let path = dir.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut catalogue = Connection::open_with_flags(&path, flags).map_err(|error| failed(&error))?;
        // A new one names the parts that are there in the step that makes it: without them it would have them swept away.
        let is_new = catalogue::set_up(&mut catalogue, PATIENCE, &mut |step| {
            let asides = not_taken_over(dir)?;
            let mut all = Vec::new();
            for aside in &asides {
                let saved = salvage::read(dir, aside)?;
                catalogue::keep_forgotten(step, &saved.forgotten)?;
                catalogue::doom(step, &saved.doomed)?;
                if saved.erasing {
                    catalogue::set_erasing(step, true)?;
                }
                all.push(saved);
            }
            let tried = adopt(step, &dir.join(COLD), findings)?;
            for saved in all {
                let put = catalogue::put(step, &saved.episodes)?;
                findings.insert(saved.says(put.new));
            }
            // What was tried again may have been at hand, or put away.
            tried.iter().try_for_each(|(reused, ended_ms)| catalogue::count_uses(step, reused, *ended_ms))
        })?;
        if is_new {
            for aside in not_taken_over(dir)? {
                let mark = PathBuf::from(format!("{}{TAKEN}", aside.display()));
                fs::write(&mark, b"").map_err(|error| at("writing", &mark, &error))?;
            }
        }
        // Damage that a first look shows is found here.
        catalogue::is_erasing(&catalogue)?;
        catalogue::entries_after(&catalogue, 0, 1)?;
        Ok((catalogue, is_new))
    }

    fn catalogue(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked left no half transaction: SQLite rolled it back.
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The episodes whose names begin so, with or without the two letters that say of what kind they are; of no letters, all. Also those
    /// that cannot be read any more.
    ///
    /// # Errors
    /// As the catalogue has them.
    pub fn called(&self, beginning: &str) -> Result<Vec<(u64, EpisodeId)>, PortError> {
        self.watched(catalogue::called(&self.catalogue(), beginning))
    }

    /// Notes episodes that are going to be removed with their missions: should the process end on the way, whoever finds them noted does
    /// the rest.
    ///
    /// # Errors
    /// As the catalogue has them.
    pub fn doom(&self, names: &[EpisodeId]) -> Result<(), PortError> {
        self.alone(|step| catalogue::doom(step, names))
    }

    /// The episodes that are noted, and not removed yet.
    ///
    /// # Errors
    /// As the catalogue has them.
    pub fn doomed(&self) -> Result<Vec<EpisodeId>, PortError> {
        self.watched(catalogue::doomed(&self.catalogue()))
    }

    /// Says that they are removed.
    ///
    /// # Errors
    /// As the catalogue has them.
    pub fn removed(&self, names: &[EpisodeId]) -> Result<(), PortError> {
        self.alone(|step| catalogue::removed(step, names))
    }

    /// Keeps others from forgetting, as long as what is given is there. None: somebody else is at it, and is not waited for.
    ///
    /// # Errors
    /// As the folder has them, and where somebody is waited for in vain.
    pub fn hold_forgetting(&self, is_waited_for: bool) -> Result<Option<Held>, PortError> {
        match is_waited_for {
            true => moving::wait_for(&self.dir, FORGETTING).map(Some),
            false => moving::try_for(&self.dir, FORGETTING),
        }
    }

    /// What was set aside as damaged, and goes with the next that is forgotten: what is forgotten may be in it.
    #[must_use]
    pub fn set_aside(&self) -> Vec<PathBuf> {
        let of = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_aside = |path: &PathBuf| {
            let name = path.to_string_lossy();
            name.contains(DAMAGED)
                && path.is_file()
                && ![TAKEN, "-wal", "-shm"].iter().any(|end| name.ends_with(end))
        };
        of(&self.dir).chain(of(&self.cold.dir)).filter(is_aside).collect()
    }

    /// Where what is put away is, besides this directory.
    ///
    /// # Errors
    /// As the catalogue has them.
    pub fn far(&self) -> Result<Option<Far>, PortError> {
        let place = match &self.cold.store {
            Store::Folder => return Ok(None),
            Store::Bucket(bucket, _) => bucket.at().to_string(),
            Store::Closed { .. } => "a bucket that cannot be asked".to_owned(),
        };
        let parts = catalogue::parts(&self.catalogue())?.into_iter().filter(|part| part.place.sum.is_some());
        let stored: BTreeMap<String, u64> =
            parts.map(|Part { place: Place { file, bytes, .. }, .. }| (file, bytes)).collect();
        let objects = catalogue::objects(&self.catalogue())?;
        Ok(Some(Far {
            place,
            bytes: stored.values().sum(),
            here_bytes: self.cold.bytes_here(&stored),
            to_delete: objects.iter().filter(|object| object.is_gone).count(),
        }))
    }

    /// Does something where `forgotten` is how many episodes were forgotten; nothing is forgotten meanwhile. False: more were, and it
    /// was not done.
    ///
    /// # Errors
    /// As the catalogue and `work` have them.
    pub fn unless_forgotten(
        &self,
        forgotten: u64,
        work: impl FnOnce() -> Result<(), PortError>,
    ) -> Result<bool, PortError> {
        self.alone(|step| match catalogue::removals(step)?.forgotten == forgotten {
            true => work().map(|()| true),
            false => Ok(false),
        })
    }

    /// Does something as one step, alone among all processes.
    fn alone<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, PortError>) -> Result<T, PortError> {
        let once = || {
            let mut catalogue = self.catalogue();
            let step = catalogue
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|error| failed(&error))?;
            let done = work(&step)?;
            step.commit().map_err(|error| failed(&error))?;
            Ok(done)
        };
        self.watched(once())
    }
}

impl Shelves for DiskShelves {
    fn put(&self, episodes: &[Kept]) -> Result<Put, PortError> {
        self.alone(|step| catalogue::put(step, episodes))
    }

    fn lacking(&self, names: Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError> {
        self.watched(catalogue::lacking(&self.catalogue(), names))
    }

    fn names(&self, number: u64) -> Result<Vec<EpisodeId>, PortError> {
        self.watched(catalogue::names(&self.catalogue(), number))
    }

    fn removals(&self) -> Result<Removals, PortError> {
        self.watched(catalogue::removals(&self.catalogue()))
    }

    fn standings(&self) -> Result<Vec<Standing>, PortError> {
        self.watched(catalogue::standings(&self.catalogue()))
    }

    fn fetch(&self, numbers: &[u64]) -> Result<Vec<Row>, PortError> {
        let read = self.gather(&|catalogue| catalogue::entries(catalogue, numbers), None)?;
        self.pass_over(&read);
        Ok(read.rows)
    }

    fn each(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<(), PortError> {
        self.each_row(after, None, take)
    }

    fn each_in_reach(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<Vec<u64>, PortError> {
        let mut away = Vec::new();
        self.each_row(after, Some(&mut away), take)?;
        Ok(away)
    }

    fn number(&self, id: &EpisodeId) -> Result<Option<u64>, PortError> {
        self.watched(catalogue::number(&self.catalogue(), id))
    }

    fn move_to(&self, shelf: Shelf, numbers: &[u64]) -> Result<usize, PortError> {
        if numbers.is_empty() {
            return Ok(0);
        }
        let mut moved = 0;
        for numbers in numbers.chunks(OF_PART) {
            // Others have their turn between two of them.
            let held = self.hold()?;
            self.sweep()?;
            moved += match shelf {
                Shelf::Cold => self.put_away(&held, numbers)?,
                Shelf::Warm => self.take_back(&held, numbers)?,
            };
        }
        self.tidy(&self.hold()?)?;
        Ok(moved)
    }

    fn remove(&self, numbers: &[u64], forget: bool) -> Result<(), PortError> {
        let held = self.hold()?;
        if forget {
            self.can_forget()?;
        }
        self.alone(|step| {
            if forget {
                // Whatever happens from here on, it is erased by whoever opens memory next.
                catalogue::set_erasing(step, true)?;
            }
            let entries = catalogue::entries(step, numbers)?;
            catalogue::remove(step, &entries, forget)?;
            catalogue::drop_emptied(step, moving::now_ms())
        })?;
        if forget {
            return self.erase_held(&held);
        }
        self.compact_lightly(&held);
        self.tidy(&held)
    }

    fn refill(&self, episodes: &[Kept], through: u64) -> Result<Put, PortError> {
        let held = self.hold()?;
        let put = self.refill_held(&held, episodes, through)?;
        index::remove(&self.dir)?;
        self.tidy(&held)?;
        Ok(put)
    }

    fn save_index(&self, bytes: &[u8], forgotten: u64) -> Result<(), PortError> {
        self.unless_forgotten(forgotten, || index::write(&self.dir, bytes)).map(drop)
    }

    fn index(&self) -> Result<Option<Vec<u8>>, PortError> {
        index::read(&self.dir)
    }

    fn vectors(&self, space: &str, wanted: &[(EpisodeId, [u8; 32])]) -> Result<Vec<Embedded>, PortError> {
        self.watched(catalogue::vectors(&self.catalogue(), space, wanted))
    }

    fn keep_vectors(&self, space: &str, vectors: &[Embedded]) -> Result<(), PortError> {
        self.alone(|step| catalogue::keep_vectors(step, space, vectors))
    }

    fn count_vectors(&self, space: &str) -> Result<u64, PortError> {
        self.watched(catalogue::count_vectors(&self.catalogue(), space))
    }

    fn sizes(&self) -> Result<[(Shelf, ShelfSize); 2], PortError> {
        let catalogue = self.catalogue();
        let [mut warm, cold] = catalogue::sizes(&catalogue)?;
        let files = [FILE.to_owned(), format!("{FILE}-wal")];
        warm.bytes =
            files.iter().filter_map(|file| Some(fs::metadata(self.dir.join(file)).ok()?.len())).sum();
        Ok([(Shelf::Warm, warm), (Shelf::Cold, cold)])
    }
}

/// How much is kept below `dir`, as its catalogue says now; None: nothing ever was. Only looks: it neither mends nor brings
/// back anything, and waits for whoever writes for a moment at most.
///
/// # Errors
/// The catalogue cannot be read as it is.
pub fn measured(dir: &Path) -> Result<Option<[(Shelf, ShelfSize); 2]>, PortError> {
    let file = dir.join(FILE);
    if !file.exists() {
        return Ok(None);
    }
    let [mut warm, cold] = catalogue::looked_at(&file)?;
    let files = [FILE.to_owned(), format!("{FILE}-wal")];
    warm.bytes = files.iter().filter_map(|file| Some(fs::metadata(dir.join(file)).ok()?.len())).sum();
    Ok(Some([(Shelf::Warm, warm), (Shelf::Cold, cold)]))
}

/// Puts a damaged catalogue out of the way, and gives where it is.
fn set_aside(dir: &Path) -> Result<PathBuf, PortError> {
    let free = |n: &u32| !dir.join(format!("{FILE}{DAMAGED}{n}")).exists();
    let n = (1..).find(free).unwrap_or(u32::MAX);
    for end in ["", "-wal", "-shm"] {
        let from = dir.join(format!("{FILE}{end}"));
        if from.exists() {
            let to = dir.join(format!("{FILE}{DAMAGED}{n}{end}"));
            fs::rename(&from, &to).map_err(|error| at("setting aside", &from, &error))?;
        }
    }
    Ok(dir.join(format!("{FILE}{DAMAGED}{n}")))
}

/// Catalogues that were set aside, and of which nothing was taken over yet.
fn not_taken_over(dir: &Path) -> Result<Vec<PathBuf>, PortError> {
    let entries = fs::read_dir(dir).map_err(|error| at("reading", dir, &error))?;
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let number = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(DAMAGED));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            && !PathBuf::from(format!("{}{TAKEN}", path.display())).exists()
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_aside).collect();
    found.sort();
    Ok(found)
}

/// Gives a damaged part a name that is none of a part's.
fn put_aside(path: &Path) -> Result<(), PortError> {
    let to = |n: u32| path.with_extension(format!("parquet{DAMAGED}{n}"));
    let n = (1..).find(|n| !to(*n).exists()).unwrap_or(u32::MAX);
    fs::rename(path, to(n)).map_err(|error| at("setting aside", path, &error))
}

/// Removes everything that was set aside: what is forgotten may be in it.
fn remove_damaged(dir: &Path) -> Result<(), PortError> {
    for dir in [dir, &dir.join(COLD)] {
        for entry in fs::read_dir(dir).map_err(|error| at("reading", dir, &error))?.flatten() {
            if entry.file_name().to_string_lossy().contains(DAMAGED) && entry.path().is_file() {
                fs::remove_file(entry.path()).map_err(|error| at("removing", &entry.path(), &error))?;
            }
        }
    }
    Ok(())
}

/// Names the parts that are there in a new catalogue. Those that cannot be read are set aside. Gives what their episodes tried again.
fn adopt(
    step: &Transaction<'_>,
    cold: &Path,
    findings: &mut BTreeSet<String>,
) -> Result<Vec<Tried>, PortError> {
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let entries = fs::read_dir(cold).map_err(|error| at("reading", cold, &error))?;
    let mut files: Vec<String> = entries.flatten().map(name).filter(|name| part::is_part(name)).collect();
    files.sort();
    let mut tried = Vec::new();
    for file in files {
        let path = cold.join(&file);
        match part::read_all(&part::Source::File(path.clone())) {
            Ok(rows) => {
                let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
                let place = Place { file, bytes, sum: None };
                tried.extend(catalogue::adopt(step, &place, &rows, |row| Some(row.standing.number))?);
            }
            Err(error) if error.kind == ErrorKind::Conflict => {
                findings.insert(format!("{}; what was in it is lost", error.cause));
                put_aside(&path)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(tried)
}

fn at(doing: &str, path: &Path, error: &std::io::Error) -> PortError {
    PortError::from_io(&format!("{doing} `{}`", path.display()), error)
}
