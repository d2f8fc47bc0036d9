//! The shelves of memory on a disk: a catalogue and what is at hand in one SQLite file, what is put away in Parquet files.
//!
//! The catalogue alone says where an episode is. A part is written whole and synced before the catalogue names it, and is
//! removed after the catalogue has let go of it, so that a process may be killed anywhere: files that no catalogue names
//! are removed by the next one that writes. Several processes take turns by SQLite's own lock.

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

mod catalogue;
mod index;
mod part;
mod sql;
#[cfg(test)]
mod tests;

use catalogue::{Entry, failed};

pub use sql::{Answer, Cell};

/// The catalogue's file.
const FILE: &str = "memory.db";
/// Locked while the catalogue is opened.
const GATE: &str = "gate";
/// There where the catalogue was found to be damaged in use.
const SUSPECT: &str = "suspect";
/// Within the names of what was set aside.
const DAMAGED: &str = ".damaged-";
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

/// The shelves below one directory.
#[derive(Debug)]
pub struct DiskShelves {
    dir: PathBuf,
    catalogue: Mutex<Connection>,
    /// What a person should know, a line each.
    findings: Mutex<BTreeSet<String>>,
}

impl DiskShelves {
    /// Opens the shelves below `dir`, and makes them if need be. A catalogue that is damaged is set aside, and a new one
    /// is made of the parts that can be read. What a process that was killed had begun to erase is erased.
    pub fn open(dir: &Path) -> Result<Self, PortError> {
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
                findings
                    .insert(format!("{}; it was set aside, and what could be read was kept", error.cause));
                set_aside(dir)?;
                Self::connect(dir, &mut findings)?
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
        drop(gate);
        let shelves =
            Self { dir: dir.to_owned(), catalogue: Mutex::new(catalogue), findings: Mutex::new(findings) };
        if catalogue::is_erasing(&shelves.catalogue())?
            && let Err(error) = shelves.erase()
        {
            tracing::warn!(%error, "what was forgotten is not erased yet");
        }
        Ok(shelves)
    }

    /// What a person should know of what was found so far, a line each.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Erases what was forgotten and may be in some file still.
    pub fn erase(&self) -> Result<(), PortError> {
        index::remove(&self.dir)?;
        self.tidy()?;
        remove_damaged(&self.dir)?;
        let catalogue = self.catalogue();
        catalogue::erase(&catalogue)?;
        catalogue::set_erasing(&catalogue, false)
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

    /// The catalogue, and whether it was not there before.
    fn connect(dir: &Path, findings: &mut BTreeSet<String>) -> Result<(Connection, bool), PortError> {
        let path = dir.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut catalogue = Connection::open_with_flags(&path, flags).map_err(|error| failed(&error))?;
        // A new one names the parts that are there in the step that makes it: without them it would have them swept away.
        let is_new =
            catalogue::set_up(&mut catalogue, PATIENCE, &mut |step| adopt(step, &dir.join(COLD), findings))?;
        // Damage that a first look shows is found here.
        catalogue::is_erasing(&catalogue)?;
        catalogue::entries_after(&catalogue, 0, 1)?;
        Ok((catalogue, is_new))
    }

    fn catalogue(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked left no half transaction: SQLite rolled it back.
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cold(&self) -> PathBuf {
        self.dir.join(COLD)
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

    /// Removes the parts that the catalogue does not name: a process was killed before or after it did.
    fn sweep(&self, step: &Transaction<'_>) -> Result<(), PortError> {
        let named = catalogue::files(step)?;
        let cold = self.cold();
        for entry in fs::read_dir(&cold).map_err(|error| at("reading", &cold, &error))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_part =
                name.starts_with("part-") && (name.ends_with(".parquet") || name.ends_with(".parquet.new"));
            if is_part && !named.contains(&name) {
                fs::remove_file(entry.path()).map_err(|error| at("removing", &entry.path(), &error))?;
            }
        }
        Ok(())
    }

    /// Clears away what nobody names, and gives room back.
    fn tidy(&self) -> Result<(), PortError> {
        self.alone(|step| self.sweep(step))?;
        catalogue::shrink(&self.catalogue())
    }

    /// Writes rows as one part, and names it in the catalogue.
    fn put_away(&self, step: &Transaction<'_>, rows: &[Row]) -> Result<(), PortError> {
        for rows in rows.chunks(OF_PART) {
            let part = catalogue::new_part(step)?;
            let bytes = part::write(&self.cold(), &part.file, rows)?;
            catalogue::place(step, &part, bytes, rows)?;
        }
        Ok(())
    }

    /// Writes parts anew without the rows that are no longer in them, where these are many, or where they must not stay (`forget`).
    fn rewrite(&self, step: &Transaction<'_>, parts: &BTreeSet<i64>, forget: bool) -> Result<(), PortError> {
        for part in parts {
            let Some(file) = catalogue::file(step, *part)? else { continue };
            let left = catalogue::of_part(step, *part)?;
            let path = self.cold().join(&file);
            if !forget && left.len() * 2 > part::rows_of(&path).unwrap_or(0) {
                continue;
            }
            let entries: Vec<&Entry> = left.iter().collect();
            match part::read(&path, &entries) {
                Ok(rows) => self.put_away(step, &rows)?,
                Err(error) if error.kind == ErrorKind::Conflict => self.give_up(&path, &error, forget)?,
                // It is lost already, or it cannot be read just now.
                Err(error) if error.kind == ErrorKind::NotFound => self.found(error.cause),
                Err(error) => return Err(error),
            }
            catalogue::drop_part(step, *part)?;
        }
        Ok(())
    }

    /// Puts a part that is damaged out of the way; where something in it must be forgotten, it goes.
    fn give_up(&self, path: &Path, error: &PortError, forget: bool) -> Result<(), PortError> {
        self.found(format!("{}; what was in it is lost", error.cause));
        if forget {
            return fs::remove_file(path).map_err(|error| at("removing", path, &error));
        }
        put_aside(path)
    }

    /// The rows of these entries, in their order; what is in a part that cannot be read is left out.
    /// A part that is not there has been moved by another process, or is lost: where `is_last`, it is lost.
    fn rows(&self, catalogue: &Connection, entries: &[Entry], is_last: bool) -> Result<Vec<Row>, PortError> {
        let mut found: BTreeMap<u64, Row> = BTreeMap::new();
        let mut parts: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            match &entry.place {
                None => {
                    if let Some(row) = catalogue::warm(catalogue, entry)? {
                        found.insert(entry.standing.number, row);
                    }
                }
                Some((file, _)) => parts.entry(file).or_default().push(entry),
            }
        }
        for (file, entries) in parts {
            match part::read(&self.cold().join(file), &entries) {
                Ok(rows) => found.extend(rows.into_iter().map(|row| (row.standing.number, row))),
                Err(error) if error.kind == ErrorKind::NotFound && !is_last => return Err(error),
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {
                    self.found(error.cause);
                }
                // It is there, and cannot be read just now.
                Err(error) => return Err(error),
            }
        }
        Ok(entries.iter().filter_map(|entry| found.remove(&entry.standing.number)).collect())
    }

    /// Reads as of one moment, and begins again where another process cleared away what was to be read. `read` is told whether it
    /// is the last time.
    fn reading<T>(&self, read: impl Fn(&Connection, bool) -> Result<T, PortError>) -> Result<T, PortError> {
        let once = |is_last| {
            let catalogue = self.catalogue();
            let moment = catalogue.unchecked_transaction().map_err(|error| failed(&error))?;
            self.watched(read(&moment, is_last))
        };
        for _ in 1..TRIES {
            match once(false) {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                other => return other,
            }
        }
        once(true)
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
        self.reading(|catalogue, is_last| {
            self.rows(catalogue, &catalogue::entries(catalogue, numbers)?, is_last)
        })
    }

    fn each(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<(), PortError> {
        let mut after = after;
        loop {
            let (last, rows) = self.reading(|catalogue, is_last| {
                let entries = catalogue::entries_after(catalogue, after, TOGETHER)?;
                let last = entries.last().map(|entry| entry.standing.number);
                Ok((last, self.rows(catalogue, &entries, is_last)?))
            })?;
            let Some(last) = last else { return Ok(()) };
            for row in rows {
                if !take(row) {
                    return Ok(());
                }
            }
            after = last;
        }
    }

    fn number(&self, id: &EpisodeId) -> Result<Option<u64>, PortError> {
        self.watched(catalogue::number(&self.catalogue(), id))
    }

    fn move_to(&self, shelf: Shelf, numbers: &[u64]) -> Result<usize, PortError> {
        let mut moved = 0;
        for numbers in numbers.chunks(OF_PART) {
            moved += self.alone(|step| {
                self.sweep(step)?;
                let mut entries = catalogue::entries(step, numbers)?;
                entries.retain(|entry| entry.standing.shelf != shelf);
                let rows = self.rows(step, &entries, true)?;
                match shelf {
                    Shelf::Cold => self.put_away(step, &rows)?,
                    Shelf::Warm => {
                        catalogue::take_out(step, &rows)?;
                        let parts = entries.iter().filter_map(Entry::part).collect();
                        self.rewrite(step, &parts, false)?;
                    }
                }
                Ok(rows.len())
            })?;
        }
        self.tidy()?;
        Ok(moved)
    }

    fn remove(&self, numbers: &[u64], forget: bool) -> Result<(), PortError> {
        self.alone(|step| {
            if forget {
                // Whatever happens from here on, it is erased by whoever opens memory next.
                catalogue::set_erasing(step, true)?;
            }
            let entries = catalogue::entries(step, numbers)?;
            catalogue::remove(step, &entries, forget)?;
            let parts = entries.iter().filter_map(Entry::part).collect();
            self.rewrite(step, &parts, forget)
        })?;
        if forget { self.erase() } else { self.tidy() }
    }

    fn refill(&self, episodes: &[Kept], through: u64) -> Result<Put, PortError> {
        let put = self.alone(|step| {
            // What others put since, or what cannot be read, must not be lost by it.
            let mut later = Vec::new();
            let mut after = through;
            loop {
                let entries = catalogue::entries_after(step, after, TOGETHER)?;
                let Some(last) = entries.last() else { break };
                after = last.standing.number;
                later.extend(self.rows(step, &entries, true)?.into_iter().map(|row| row.kept));
            }
            for file in catalogue::files(step)? {
                let path = self.cold().join(file);
                match part::rows_of(&path) {
                    Err(error) if error.kind == ErrorKind::Conflict => self.give_up(&path, &error, false)?,
                    Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            catalogue::empty(step)?;
            let mut put = catalogue::put(step, episodes)?;
            let more = catalogue::put(step, &later)?;
            put.new += more.new;
            put.same += more.same;
            catalogue::forget_vectors(step)?;
            Ok(put)
        })?;
        index::remove(&self.dir)?;
        self.tidy()?;
        Ok(put)
    }

    fn save_index(&self, bytes: &[u8], forgotten: u64) -> Result<(), PortError> {
        // Nothing is forgotten while it is written.
        self.alone(|step| match catalogue::removals(step)?.forgotten == forgotten {
            true => index::write(&self.dir, bytes),
            false => Ok(()),
        })
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

/// Puts a damaged catalogue out of the way.
fn set_aside(dir: &Path) -> Result<(), PortError> {
    let free = |n: &u32| !dir.join(format!("{FILE}{DAMAGED}{n}")).exists();
    let n = (1..).find(free).unwrap_or(u32::MAX);
    for end in ["", "-wal", "-shm"] {
        let from = dir.join(format!("{FILE}{end}"));
        if from.exists() {
            let to = dir.join(format!("{FILE}{DAMAGED}{n}{end}"));
            fs::rename(&from, &to).map_err(|error| at("setting aside", &from, &error))?;
        }
    }
    Ok(())
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

/// Names the parts that are there in a new catalogue. Those that cannot be read are set aside.
fn adopt(step: &Transaction<'_>, cold: &Path, findings: &mut BTreeSet<String>) -> Result<(), PortError> {
    let mut files: Vec<PathBuf> = fs::read_dir(cold)
        .map_err(|error| at("reading", cold, &error))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    files.sort();
    for path in files {
        match part::read_all(&path) {
            Ok(rows) => catalogue::adopt(step, &path, &rows)?,
            Err(error) if error.kind == ErrorKind::Conflict => {
                findings.insert(format!("{}; what was in it is lost", error.cause));
                put_aside(&path)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn at(doing: &str, path: &Path, error: &std::io::Error) -> PortError {
    PortError::from_io(&format!("{doing} `{}`", path.display()), error)
}
