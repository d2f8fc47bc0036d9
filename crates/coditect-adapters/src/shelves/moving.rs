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
pub(super) struct Held {
    _file: File,
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
    let path = dir.join(MOVING);
    let file = File::create(&path).map_err(|error| at("locking", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at("locking", &path, &error)),
    }
}

/// Holds what is put away below `dir`; another one who does is waited for.
pub(super) fn hold(dir: &Path) -> Result<Held, PortError> {
    let began = Instant::now();
    loop {
        if let Some(held) = try_to_hold(dir)? {
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
        self.is_current().map(|()| held)
    }

    /// The same; another one is waited for.
    pub(super) fn hold(&self) -> Result<Held, PortError> {
        let held = hold(&self.dir)?;
        self.is_current().map(|()| held)
    }

    /// Whether the catalogue is the one that others use, too. One that was set aside says nothing of what may be removed.
    fn is_current(&self) -> Result<(), PortError> {
        if file_of(&self.dir)? == self.file {
            return Ok(());
        }
        Err(PortError::new(ErrorKind::Unavailable, "memory was made anew by another process")
            .with_hint("try again"))
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
        if let Store::Closed { is_used, .. } = &self.cold.store {
            return Ok(*is_used);
        }
        let catalogue = self.catalogue();
        let (parts, objects) = catalogue::stored(&catalogue)?;
        Ok(parts + objects > 0 || catalogue::is_adopting(&catalogue)?)
    }

    pub(super) fn erase_held(&self, held: &Held) -> Result<(), PortError> {
        // What a setting that is missing hides may hold it, too.
        let is_known = match self.has_far()? {
            true => self.cold.own_bucket().map(drop),
            false => Ok(()),
        };
        let far = is_known
            .and_then(|()| self.adopt_stored(held))
            .and_then(|()| self.compact(held, Compact::All))
            .and_then(|()| self.delete_objects(held, true));
        // What can be erased here does not wait for it.
        index::remove(&self.dir)?;
        self.sweep()?;
        remove_damaged(&self.dir)?;
        {
            let catalogue = self.catalogue();
            catalogue::erase(&catalogue)?;
        }
        far.map_err(|error| {
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

    /// Writes bytes as a part, here and where parts are. It is named by nobody yet.
    fn write(&self, _held: &Held, bytes: &Bytes) -> Result<Place, PortError> {
        let file = catalogue::new_file(&self.catalogue())?;
        let is_far = self.cold.is_far();
        if is_far {
            self.cold.make_ready(self.has_far()?)?;
            self.alone(|step| catalogue::note_sent(step, &file, now_ms()))?;
        }
        part::keep(&self.cold.dir, &file, bytes)?;
        if is_far {
            self.cold.send(&file, bytes)?;
        }
        let sum = is_far.then(|| *blake3::hash(bytes).as_bytes());
        Ok(Place { file, bytes: bytes.len() as u64, sum })
    }

    fn write_rows(&self, held: &Held, rows: Vec<Row>) -> Result<Written, PortError> {
        let place = self.write(held, &Bytes::from(part::packed(&rows)?))?;
        Ok(Written { place, rows })
    }

    /// Names a part, and says that its rows are in it.
    fn name(&self, step: &Transaction<'_>, Written { place, rows }: &Written) -> Result<(), PortError> {
        // A version of before sweeps without asking anybody.
        if place.sum.is_none() && !self.cold.dir.join(&place.file).is_file() {
            return Err(changed());
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
        let written = self.write_rows(held, rows)?;
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
        for part in parts {
            let rows = self.rows_of(&part, which)?;
            let dead = rows.saturating_sub(part.live);
            let is_wanted = match which {
                Compact::Light => dead > 0 && part.live * 2 <= rows,
                Compact::All => dead > 0,
            };
            if is_wanted {
                self.rewrite(held, &part, which)?;
            }
        }
        Ok(())
    }

    /// How many rows a part has. One that cannot say has to be looked at where all must be.
    fn rows_of(&self, part: &Part, which: Compact) -> Result<usize, PortError> {
        if let Some(rows) = part.rows {
            return Ok(rows);
        }
        match self.cold.read(&part.place, &|_, _| {}, &part::rows_of) {
            Ok(rows) => {
                catalogue::set_rows(&self.catalogue(), part.number, rows)?;
                Ok(rows)
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {
                Ok(if which == Compact::All { usize::MAX } else { 0 })
            }
            Err(error) => Err(error),
        }
    }

    fn rewrite(&self, held: &Held, part: &Part, which: Compact) -> Result<(), PortError> {
        let entries = catalogue::of_part(&self.catalogue(), part.number)?;
        let entries: Vec<&Entry> = entries.iter().collect();
        let read = match entries.is_empty() {
            true => Ok(Vec::new()),
            false => self.cold.read(&part.place, &|_, _| {}, &|source| part::read(source, &entries)),
        };
        if read.as_ref().is_ok_and(|rows| rows.len() < entries.len()) && which == Compact::All {
            self.found(format!("`{}` lacks some of what was put into it", part.place.file));
        }
        let written = match read {
            // Somebody may find out why; to forget does not wait for that.
            Ok(rows) if rows.len() < entries.len() && which == Compact::Light => return Ok(()),
            Ok(rows) if rows.is_empty() => None,
            Ok(rows) => Some(self.write_rows(held, rows)?),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {
                if which == Compact::Light {
                    return Ok(());
                }
                self.found(format!("{}; what was in it is lost", error.cause));
                self.cold.give_up(&part.place, true)?;
                None
            }
            Err(error) => return Err(error),
        };
        self.alone(|step| {
            if let Some(written) = &written {
                self.are_still(step, &written.rows, |entry| entry.part() == Some(part.number))?;
                self.name(step, written)?;
            }
            catalogue::drop_part(step, part.number, now_ms())
        })
    }

    /// Names the parts which a catalogue that was lost had put into the store. Nothing that this one knows is changed by them.
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
        for file in bucket.list()?.into_iter().filter(|file| !noted.contains(file)) {
            let part = known.get(file.as_str());
            if part.is_some_and(|part| part.place.sum.is_some()) {
                continue;
            }
            let Some(bytes) = self.cold.get_any(&file)? else { continue };
            let sum = *blake3::hash(&bytes).as_bytes();
            let place = Place { file: file.clone(), bytes: bytes.len() as u64, sum: Some(sum) };
            if let Some(part) = part {
                // A copy that was here was named already.
                let here = fs::read(self.cold.dir.join(&file)).unwrap_or_default();
                if blake3::hash(&here) == sum {
                    self.alone(|step| catalogue::set_stored(step, part.number, &place))?;
                }
                continue;
            }
            match part::read_all(&Source::Bytes(file, bytes)) {
                // What they were called before is taken by others: they come behind all that was looked at.
                Ok(rows) => self.alone(|step| catalogue::adopt(step, &place, &rows, |_| None))?,
                Err(error) => self.found(format!("{} in {}; it is left there", error.cause, bucket.at())),
            }
        }
        self.alone(catalogue::all_adopted)
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
                let place = self.write(held, &bytes)?;
                self.alone(|step| catalogue::set_sent(step, part.number, &place))?;
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
            match self.cold.read(&part.place, &|_, _| {}, &part::rows_of) {
                Err(error) if error.kind == ErrorKind::Conflict => {
                    self.found(format!("{}; what was in it is lost", error.cause));
                    self.cold.give_up(&part.place, false)?;
                }
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let is_copy = matches!(self.cold.store, Store::Bucket(_, Write::Not(_)));
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
        if is_copy {
            cold::remove(&self.cold.dir.join(MARK))?;
        }
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
