//! Moving, forgetting, and what belongs to them. Who does it keeps the others from it for so long, and holds up nobody who only reads or
//! puts: a store is asked while the catalogue is free, and the catalogue is changed in one step once it has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_ports::shelves::{Kept, Put, Row};
use coditect_types::ErrorKind;
use rusqlite::{Connection, Transaction};

use super::bucket::Bucket;
use super::catalogue::{self, Entry, Part, Place, Written};
use super::cold::{self, MARK, Store, Write};
use super::part::Source;
use super::{DiskShelves, FILE, TOGETHER, at, index, part, remove_damaged};

/// Locked by who changes what is put away.
const MOVING: &str = "moving";
/// How long one waits for another, and how long between two looks.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
/// So long after something was to be sent it is not on its way any more: nothing is sent for as long, and who sends dies with what it
/// sends.
pub(super) const LEASE: Duration = Duration::from_secs(24 * 3_600);

/// While this is there nobody else changes what is put away. It ends with the value, or with the process.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Where a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    /// Into the folder alone.
    Folder,
    /// Into the store, too.
    Store,
}

/// Which parts are written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compact {
    /// Those of which half is no episode any more, where that works.
    Light,
    /// Those with anything that is no episode any more: it must not stay.
    All,
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

fn changed() -> PortError {
    PortError::new(ErrorKind::Unavailable, "another process changed what was to be moved")
        .with_hint("try again")
}

/// Whether a part is lost, or damaged: for good, and not just now.
fn is_lost(error: &PortError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict)
}

/// Which file the catalogue below `dir` is; None: there is none.
pub(super) fn file_of(dir: &Path) -> Result<Option<u64>, PortError> {
    let path = dir.join(FILE);
    match fs::metadata(&path) {
        Ok(meta) => Ok(Some(meta.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("reading", &path, &error)),
    }
}

fn try_to_hold(dir: &Path) -> Result<Option<Held>, PortError> {
    try_for(dir, MOVING)
}

/// Locks a file below `dir`, where nobody else does.
pub(super) fn try_for(dir: &Path, name: &str) -> Result<Option<Held>, PortError> {
    let path = dir.join(name);
    let file = File::create(&path).map_err(|error| at("locking", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at("locking", &path, &error)),
    }
}

/// Holds what is put away below `dir`; another one who does is waited for.
pub(super) fn hold(dir: &Path) -> Result<Held, PortError> {
    wait_for(dir, MOVING)
}

/// Locks a file below `dir`; another one who does is waited for.
pub(super) fn wait_for(dir: &Path, name: &str) -> Result<Held, PortError> {
    let began = Instant::now();
    loop {
        if let Some(held) = try_for(dir, name)? {
            return Ok(held);
        }
        if began.elapsed() > PATIENCE {
            let cause = "another process moves or forgets episodes";
            return Err(PortError::new(ErrorKind::Unavailable, cause).with_hint("try again in a minute"));
        }
        std::thread::park_timeout(LOOK);
    }
}

impl DiskShelves {
    /// Holds what is put away, where nobody else does.
    pub(super) fn try_to_hold(&self) -> Result<Option<Held>, PortError> {
        let held = try_to_hold(&self.dir)?;
        self.is_current().and_then(|()| self.is_own_store(&self.catalogue())).map(|()| held)
    }

    /// The same; another one is waited for.
    pub(super) fn hold(&self) -> Result<Held, PortError> {
        let held = hold(&self.dir)?;
        self.is_current().and_then(|()| self.is_own_store(&self.catalogue())).map(|()| held)
    }

    /// Whether the catalogue is the one that others use, too. One that was set aside says nothing of what may be removed.
    fn is_current(&self) -> Result<(), PortError> {
        if file_of(&self.dir)? == self.file {
            return Ok(());
        }
        Err(PortError::new(ErrorKind::Unavailable, "memory was made anew by another process")
            .with_hint("try again"))
    }

    /// Whether the store that is asked here is the one that the catalogue means: another process may have been told of another one since.
    fn is_own_store(&self, catalogue: &Connection) -> Result<(), PortError> {
        let Store::Bucket(bucket, _) = &self.cold.store else { return Ok(()) };
        match catalogue::owner(catalogue)? {
            Some(owner) if owner.word != bucket.owner() => {
                let other = owner.bucket;
                let cause = format!("another process was told that what memory puts away goes to {other}");
                Err(PortError::new(ErrorKind::Unavailable, cause).with_hint("begin anew"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What an error of reading a part means: another store than the one that has it says nothing of what is lost.
    pub(super) fn judged(&self, place: &Place, error: PortError) -> PortError {
        if place.sum.is_none() || !is_lost(&error) {
            return error;
        }
        self.is_own_store(&self.catalogue()).err().unwrap_or(error)
    }

    /// Does what is left to do with a store, where there is one: names what an older catalogue had there, sends what the folder alone
    /// has, and deletes what was let go.
    ///
    /// # Errors
    /// Where the store cannot be asked now, or nothing of it may be changed.
    pub fn tend(&self) -> Result<(), PortError> {
        if !self.cold.is_far() {
            return Ok(());
        }
        let held = self.hold()?;
        self.sweep()?;
        self.adopt_stored(&held)?;
        self.send_parts(&held)?;
        self.delete_objects(&held, false)?;
        self.tidy(&held)
    }

    /// Erases what was forgotten and may be in some file still, or in the store.
    ///
    /// # Errors
    /// Where it is not everywhere erased: whoever opens memory next goes on with it.
    pub fn erase(&self) -> Result<(), PortError> {
        let held = self.hold()?;
        self.erase_held(&held)
    }

    /// Whether what is forgotten now can be erased in the store, too: else nothing is begun.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn can_forget(&self) -> Result<(), PortError> {
        let checked = match self.has_far()? {
            true => self.cold.own_bucket().and_then(|bucket| bucket.check(false)),
            false => Ok(()),
        };
        checked.map_err(|error| {
            let PortError { kind, cause, hint } = error;
            let cause = format!("nothing is forgotten while it would stay where it was put away: {cause}");
            PortError { kind, cause, hint }
        })
    }

    /// Whether anything of this memory is in a store, or may be.
    fn has_far(&self) -> Result<bool, PortError> {
        let catalogue = self.catalogue();
        let (parts, objects) = catalogue::stored(&catalogue)?;
        Ok(match &self.cold.store {
            // What was on its way to a store that is named no more keeps nobody from the folder.
            Store::Folder => catalogue::is_used(&catalogue)?,
            // As it was opened; another process may have used it since.
            Store::Closed { is_used: true, .. } => true,
            Store::Closed { is_used: false, .. } | Store::Bucket(..) => {
                parts + objects > 0 || catalogue::is_adopting(&catalogue)?
            }
        })
    }

    pub(super) fn erase_held(&self, held: &Held) -> Result<(), PortError> {
        // What a setting that is missing hides may hold it, too.
        let is_known = match self.has_far()? {
            true => self.cold.own_bucket().map(drop),
            false => Ok(()),
        };
        let adopted = is_known.and_then(|()| self.adopt_stored(held));
        // What is in the folder does not wait for a store.
        let compacted = self.compact(held, Compact::All);
        let deleted = self.delete_objects(held, true);
        let done = adopted.and(compacted).and(deleted);
        // What can be erased here does not wait for it.
        index::remove(&self.dir)?;
        self.sweep()?;
        remove_damaged(&self.dir)?;
        {
            let catalogue = self.catalogue();
            catalogue::erase(&catalogue)?;
        }
        done.map_err(|error| {
            let PortError { kind, cause, hint } = error;
            let error = PortError::new(kind, format!("what was forgotten is not everywhere erased: {cause}"));
            let before =
                hint.map_or_else(|| "once that is mended".to_owned(), |hint| format!("{hint}; after that"));
            error.with_hint(format!(
                "{before}, `coditect memory stats`, or whatever opens memory, does the rest"
            ))
        })?;
        catalogue::set_erasing(&self.catalogue(), false)
    }

    /// Removes the files that nobody names: a process was killed before or after somebody did.
    pub(super) fn sweep(&self) -> Result<(), PortError> {
        let files = catalogue::files(&self.catalogue())?;
        self.cold.sweep(&files.into_keys().collect())
    }

    /// Clears away what nobody names, and gives room back.
    pub(super) fn tidy(&self, held: &Held) -> Result<(), PortError> {
        self.sweep()?;
        self.cold.make_room(&self.stored()?, self.kept_bytes)?;
        if let Err(error) = self.delete_objects(held, false) {
            tracing::warn!(%error, "what was let go is not deleted in the store yet");
        }
        catalogue::shrink(&self.catalogue())
    }

    /// Deletes in the store what this memory let go of, and nothing else. What was to be sent long ago and was never named is deleted, too.
    /// Where `erases`, also what was to be sent of late: as it may arrive there still, it is noted until it is old, and deleted again.
    fn delete_objects(&self, _held: &Held, erases: bool) -> Result<(), PortError> {
        let objects = catalogue::objects(&self.catalogue())?;
        let now_ms = now_ms();
        let is_over = |since_ms: u64| u128::from(now_ms.saturating_sub(since_ms)) >= self.lease.as_millis();
        let due: Vec<_> = objects
            .into_iter()
            .map(|object| (object.is_gone || is_over(object.since_ms), object.file))
            .filter(|(is_done, _)| *is_done || erases)
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let bucket = self.cold.own_bucket()?;
        // Another store in its place would say that there is nothing, and what is in ours would stay.
        bucket.check(false)?;
        for (is_done, file) in due {
            bucket.delete(&file)?;
            if is_done {
                self.alone(|step| catalogue::object_gone(step, &file))?;
            }
        }
        Ok(())
    }

    /// Writes bytes as a part. It is named by nobody yet.
    fn write(&self, _held: &Held, bytes: &Bytes, into: Into) -> Result<Place, PortError> {
        let file = catalogue::new_file(&self.catalogue())?;
        let is_far = into == Into::Store;
        if is_far {
            self.cold.make_ready(self.has_far()?)?;
            self.alone(|step| {
                self.is_own_store(step)?;
                catalogue::note_sent(step, &file, now_ms())
            })?;
        }
        part::keep(&self.cold.dir, &file, bytes)?;
        if is_far {
            self.cold.send(&file, bytes)?;
        }
        let sum = is_far.then(|| *blake3::hash(bytes).as_bytes());
        Ok(Place { file, bytes: bytes.len() as u64, sum })
    }

    fn write_rows(&self, held: &Held, rows: Vec<Row>, into: Into) -> Result<Written, PortError> {
        let place = self.write(held, &Bytes::from(part::packed(&rows)?), into)?;
        Ok(Written { place, rows })
    }

    /// Names a part, and says that its rows are in it.
    fn name(&self, step: &Transaction<'_>, Written { place, rows }: &Written) -> Result<(), PortError> {
        // A version of before sweeps without asking anybody.
        if place.sum.is_none() && !self.cold.dir.join(&place.file).is_file() {
            return Err(changed());
        }
        if place.sum.is_some() {
            self.is_own_store(step)?;
        }
        let part = catalogue::name(step, place, rows.len())?;
        catalogue::place(step, part, place.bytes, rows)
    }

    /// Puts episodes away. Gives how many.
    pub(super) fn put_away(&self, held: &Held, numbers: &[u64]) -> Result<usize, PortError> {
        let chosen = |catalogue: &Connection| {
            let mut entries = catalogue::entries(catalogue, numbers)?;
            entries.retain(|entry| entry.part().is_none());
            Ok(entries)
        };
        let rows = self.gather(&chosen, Some(held))?.whole()?.rows;
        if rows.is_empty() {
            return Ok(0);
        }
        let into = if self.cold.is_far() { Into::Store } else { Into::Folder };
        let written = self.write_rows(held, rows, into)?;
        self.alone(|step| {
            self.are_still(step, &written.rows, |entry| entry.part().is_none())?;
            self.name(step, &written)
        })?;
        Ok(written.rows.len())
    }

    /// Has episodes at hand again. Those that cannot be read stay where they are. Gives how many.
    pub(super) fn take_back(&self, held: &Held, numbers: &[u64]) -> Result<usize, PortError> {
        let chosen = |catalogue: &Connection| {
            let mut entries = catalogue::entries(catalogue, numbers)?;
            entries.retain(|entry| entry.part().is_some());
            Ok(entries)
        };
        let read = self.gather(&chosen, Some(held))?;
        let read = if read.rows.is_empty() { read.whole()? } else { read };
        self.pass_over(&read);
        if read.rows.is_empty() {
            return Ok(0);
        }
        let was: BTreeMap<u64, Option<i64>> =
            read.entries.iter().map(|entry| (entry.standing.number, entry.part())).collect();
        self.alone(|step| {
            self.are_still(step, &read.rows, |entry| was.get(&entry.standing.number) == Some(&entry.part()))?;
            catalogue::take_out(step, &read.rows)?;
            catalogue::drop_emptied(step, now_ms())
        })?;
        self.compact_lightly(held);
        Ok(read.rows.len())
    }

    /// Whether the rows are where they were when they were read.
    fn are_still(
        &self,
        step: &Transaction<'_>,
        rows: &[Row],
        is_there: impl Fn(&Entry) -> bool,
    ) -> Result<(), PortError> {
        let numbers: Vec<u64> = rows.iter().map(|row| row.standing.number).collect();
        let now = catalogue::entries(step, &numbers)?;
        let is_same = |(entry, row): (&Entry, &Row)| entry.id == row.kept.id && is_there(entry);
        match now.len() == rows.len() && now.iter().zip(rows).all(is_same) {
            true => Ok(()),
            false => Err(changed()),
        }
    }

    pub(super) fn compact_lightly(&self, held: &Held) {
        // It takes more room until it works, and that is all.
        if let Err(error) = self.compact(held, Compact::Light) {
            tracing::warn!(%error, "what is put away is not written anew");
        }
    }

    /// Writes parts anew without the rows that are no episodes any more.
    fn compact(&self, held: &Held, which: Compact) -> Result<(), PortError> {
        let parts = catalogue::parts(&self.catalogue())?;
        let mut done = Ok(());
        for part in parts {
            // One that cannot be written anew now keeps the others from nothing.
            let one = self.compact_one(held, &part, which);
            done = done.and(one);
        }
        done
    }

    fn compact_one(&self, held: &Held, part: &Part, which: Compact) -> Result<(), PortError> {
        let rows = match self.rows_of(part) {
            Err(error) if is_lost(&error) => return self.without_its_rows(part, which, error),
            other => other?,
        };
        let dead = rows.saturating_sub(part.live);
        let is_wanted = match which {
            Compact::Light => dead > 0 && part.live * 2 <= rows,
            Compact::All => dead > 0 || part.forgets,
        };
        if is_wanted { self.rewrite(held, part, which) } else { Ok(()) }
    }

    /// How many rows a part has. One that does not say so is looked at.
    fn rows_of(&self, part: &Part) -> Result<usize, PortError> {
        if let Some(rows) = part.rows {
            return Ok(rows);
        }
        let rows = self.cold.read(&part.place, &|_, _| {}, &part::rows_of);
        let rows = rows.map_err(|error| self.judged(&part.place, error))?;
        catalogue::set_rows(&self.catalogue(), part.number, rows)?;
        Ok(rows)
    }

    /// What becomes of a part that is to be written anew and cannot be read. It goes, with all that was in it, where something is forgotten
    /// that it held; and nowhere else, since what is damaged here may be whole in somebody's backup.
    fn without_its_rows(&self, part: &Part, which: Compact, error: PortError) -> Result<(), PortError> {
        if which == Compact::Light {
            return Ok(());
        }
        if part.place.sum.is_some() {
            // A copy of a memory lets go of nothing that the other one has.
            self.cold.own_bucket()?;
        }
        let PortError { kind, cause, .. } = error;
        if kind == ErrorKind::NotFound && part.place.sum.is_none() {
            // The folder may be on a disk that is not there just now, and the text with it.
            return Err(PortError::new(ErrorKind::Unavailable, cause).with_hint(
                "bring back the folder that it was in, or, where it is lost, have memory made anew without it by `coditect memory rebuild`",
            ));
        }
        if !part.forgets {
            self.found(format!("{cause}; it is left as it is"));
            return Ok(());
        }
        self.found(format!("{cause}; what was in it is lost"));
        self.cold.give_up(&part.place, true)?;
        self.alone(|step| catalogue::drop_part(step, part.number, now_ms()))
    }

    fn rewrite(&self, held: &Held, part: &Part, which: Compact) -> Result<(), PortError> {
        // It stays where it is: the folder has its own, whether or not there is a store to be had.
        let into = if part.place.sum.is_some() { Into::Store } else { Into::Folder };
        if into == Into::Store {
            self.cold.own_bucket()?;
        }
        let entries = catalogue::of_part(&self.catalogue(), part.number)?;
        let entries: Vec<&Entry> = entries.iter().collect();
        let read = match entries.is_empty() {
            true => Ok(Vec::new()),
            false => self.cold.read(&part.place, &|_, _| {}, &|source| part::read(source, &entries)),
        };
        let rows = match read.map_err(|error| self.judged(&part.place, error)) {
            Err(error) if is_lost(&error) => return self.without_its_rows(part, which, error),
            other => other?,
        };
        if rows.len() < entries.len() {
            let cause = format!("`{}` lacks some of what was put into it", part.place.file);
            if which == Compact::Light || !part.forgets || rows.is_empty() {
                return self.without_its_rows(part, which, PortError::new(ErrorKind::Conflict, cause));
            }
            self.found(cause);
        }
        let written = if rows.is_empty() { None } else { Some(self.write_rows(held, rows, into)?) };
        self.alone(|step| {
            if let Some(written) = &written {
                self.are_still(step, &written.rows, |entry| entry.part() == Some(part.number))?;
                self.name(step, written)?;
            }
            catalogue::drop_part(step, part.number, now_ms())
        })
    }

    /// Names the parts which a catalogue that was lost had put into the store. Nothing that this one knows is changed by them. It is asked
    /// for them again another time where any could not be had as it is.
    pub(super) fn adopt_stored(&self, _held: &Held) -> Result<(), PortError> {
        if !catalogue::is_adopting(&self.catalogue())? {
            return Ok(());
        }
        let bucket = self.cold.bucket()?;
        bucket.check(false)?;
        let (parts, objects) = {
            let catalogue = self.catalogue();
            (catalogue::parts(&catalogue)?, catalogue::objects(&catalogue)?)
        };
        let noted: BTreeSet<String> = objects.into_iter().map(|object| object.file).collect();
        let known: BTreeMap<&str, &Part> =
            parts.iter().map(|part| (part.place.file.as_str(), part)).collect();
        let mut has_all = true;
        for file in bucket.list()?.into_iter().filter(|file| !noted.contains(file)) {
            let part = known.get(file.as_str()).copied();
            if part.is_none_or(|part| part.place.sum.is_none()) {
                has_all &= self.adopt_one(bucket, &file, part)?;
            }
        }
        if has_all { self.alone(catalogue::all_adopted) } else { Ok(()) }
    }

    /// Names one of them, of which the folder may have a copy that was named already. Gives false where it is to be looked at again.
    fn adopt_one(&self, bucket: &Bucket, file: &str, part: Option<&Part>) -> Result<bool, PortError> {
        let path = self.cold.dir.join(file);
        let here = match part.map(|_| fs::read(&path)) {
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(at("reading", &path, &error));
            }
            other => other.and_then(Result::ok).map(|bytes| blake3::hash(&bytes)),
        };
        // Nobody else draws the same name: without the copy, its length is enough.
        let may_be = |bytes: &Bytes| part.is_none_or(|part| part.place.bytes == bytes.len() as u64);
        let rows = |bytes: &Bytes| part::read_all(&Source::Bytes(file.to_owned(), bytes.clone()));
        let is_it = |bytes: &Bytes| match here {
            Some(here) => blake3::hash(bytes) == here,
            None => may_be(bytes) && rows(bytes).is_ok(),
        };
        let Some(bytes) = self.cold.get_any(file, &is_it)? else {
            self.found(format!("`{file}` is in the list of {}, and cannot be had", bucket.at()));
            return Ok(false);
        };
        let sum = *blake3::hash(&bytes).as_bytes();
        let place = Place { file: file.to_owned(), bytes: bytes.len() as u64, sum: Some(sum) };
        if let Some(part) = part {
            if is_it(&bytes) {
                self.alone(|step| catalogue::set_stored(step, part.number, &place))?;
                return Ok(true);
            }
            self.found(format!("`{file}` is another one here than in {}", bucket.at()));
            return Ok(false);
        }
        match rows(&bytes) {
            // What they were called before is taken by others: they come behind all that was looked at.
            Ok(rows) => self.alone(|step| {
                for (reused, ended_ms) in catalogue::adopt(step, &place, &rows, |_| None)? {
                    catalogue::count_uses(step, &reused, ended_ms)?;
                }
                Ok(())
            })?,
            Err(error) => self.found(format!("{} in {}; it is left there", error.cause, bucket.at())),
        }
        Ok(true)
    }

    /// Sends the parts that the folder alone has: they were written before there was a store.
    fn send_parts(&self, held: &Held) -> Result<(), PortError> {
        if self.cold.own_bucket().is_err() {
            return Ok(());
        }
        let parts = catalogue::parts(&self.catalogue())?;
        for part in parts.iter().filter(|part| part.place.sum.is_none()) {
            let path = self.cold.dir.join(&part.place.file);
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                other => Bytes::from(other.map_err(|error| at("reading", &path, &error))?),
            };
            // What is damaged stays where a person can look at it.
            if part::read_all(&Source::Bytes(part.place.file.clone(), bytes.clone())).is_ok() {
                let place = self.write(held, &bytes, Into::Store)?;
                self.alone(|step| {
                    self.is_own_store(step)?;
                    catalogue::set_sent(step, part.number, &place)
                })?;
            }
        }
        Ok(())
    }

    /// Has these episodes in place of all that are kept with numbers up to `through`.
    pub(super) fn refill_held(&self, held: &Held, episodes: &[Kept], through: u64) -> Result<Put, PortError> {
        // What others put since, or what cannot be read, must not be lost by it.
        let (mut later, mut after) = (Vec::new(), through);
        loop {
            let some = |catalogue: &Connection| catalogue::entries_after(catalogue, after, TOGETHER);
            let read = self.gather(&some, Some(held))?.whole()?;
            let Some(last) = read.entries.last() else { break };
            after = last.standing.number;
            later.extend(read.rows.into_iter().map(|row| row.kept));
        }
        let parts = catalogue::parts(&self.catalogue())?;
        for part in parts {
            let read = self.cold.read(&part.place, &|_, _| {}, &part::rows_of);
            match read.map_err(|error| self.judged(&part.place, error)) {
                Err(error) if error.kind == ErrorKind::Conflict => {
                    self.found(format!("{}; what was in it is lost", error.cause));
                    self.cold.give_up(&part.place, false)?;
                }
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let is_copy = matches!(self.cold.store, Store::Bucket(_, Write::Not(_)));
        if is_copy {
            // Before the step: whoever is killed in between has it written again as the catalogue has it. After the step it would say
            // of a catalogue that knows no store that it was lost.
            cold::remove(&self.cold.dir.join(MARK))?;
        }
        let put = self.alone(|step| {
            while let Some(last) = self.put_since(step, after, &mut later)? {
                after = last;
            }
            catalogue::empty(step, now_ms())?;
            let mut put = catalogue::put(step, episodes)?;
            let more = catalogue::put(step, &later)?;
            put.new += more.new;
            put.same += more.same;
            catalogue::forget_vectors(step)?;
            if is_copy {
                catalogue::disown(step)?;
            }
            Ok(put)
        })?;
        Ok(put)
    }

    /// The next episodes behind `after`, which were put a moment ago and are at hand. Gives the number of the last.
    fn put_since(
        &self,
        step: &Transaction<'_>,
        after: u64,
        later: &mut Vec<Kept>,
    ) -> Result<Option<u64>, PortError> {
        let entries = catalogue::entries_after(step, after, TOGETHER)?;
        for entry in &entries {
            if entry.part().is_some() {
                return Err(changed());
            }
            later.extend(catalogue::warm(step, entry)?.map(|row| row.kept));
        }
        Ok(entries.last().map(|entry| entry.standing.number))
    }
}
