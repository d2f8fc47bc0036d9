//! Where parts are: files of a folder and, where a bucket is named, objects of it, of which the folder has those that were used last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::bucket::{Bucket, MOST_BYTES};
use super::catalogue::Place;
use super::part::{self, Source};
use super::{at, put_aside};

mod settle;

pub(super) use settle::{MARK, Mark, settle};

/// Bytes of parts of the store that the folder keeps.
pub(super) const KEPT: u64 = 64 << 20;

/// Where parts are beside the folder.
#[derive(Debug)]
pub(super) enum Store {
    /// Nowhere.
    Folder,
    /// In a bucket.
    Bucket(Box<Bucket>, Write),
    /// In one that cannot be asked, and why.
    Closed {
        error: PortError,
        /// This memory has, or may have, something there.
        is_used: bool,
    },
}

/// Whether anything in a bucket may be changed.
#[derive(Debug)]
pub(super) enum Write {
    /// By whoever has this mark.
    By(Mark),
    /// Not, and why.
    Not(PortError),
}

/// The parts.
#[derive(Debug)]
pub(super) struct Cold {
    pub(super) dir: PathBuf,
    pub(super) store: Store,
    /// Files of the folder which are what was put in the store.
    whole: Mutex<BTreeSet<String>>,
}

impl Cold {
    pub(super) fn new(dir: PathBuf, store: Store) -> Self {
        Self { dir, store, whole: Mutex::default() }
    }

    fn whole(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is put away from now on goes to a store.
    pub(super) fn is_far(&self) -> bool {
        !matches!(self.store, Store::Folder)
    }

    /// The bucket, for reading.
    pub(super) fn bucket(&self) -> Result<&Bucket, PortError> {
        match &self.store {
            Store::Bucket(bucket, _) => Ok(bucket),
            Store::Closed { error, .. } => Err(error.clone()),
            Store::Folder => Err(PortError::new(
                ErrorKind::Unavailable,
                "what was put away is in a bucket that no setting names",
            )
            .with_hint("name it again in `memory_cold`")),
        }
    }

    /// The bucket, for changing what is in it.
    pub(super) fn own_bucket(&self) -> Result<&Bucket, PortError> {
        match &self.store {
            Store::Bucket(_, Write::Not(error)) => Err(error.clone()),
            Store::Bucket(..) | Store::Closed { .. } | Store::Folder => self.bucket(),
        }
    }

    /// Reads a part. One of the store whose copy here is missing or damaged is got from there, whole, and given to `keep`.
    ///
    /// # Errors
    /// `NotFound` where it is lost, `Conflict` where it is damaged: wherever it is to be. Any other error says that it cannot be read now.
    pub(super) fn read<T>(
        &self,
        place: &Place,
        keep: &dyn Fn(&Place, &Bytes),
        read: &dyn Fn(&Source) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let path = self.dir.join(&place.file);
        let Some(sum) = &place.sum else { return read(&Source::File(path)) };
        if self.is_whole(&path, place, sum) {
            if let Ok(done) = read(&Source::File(path)) {
                return Ok(done);
            }
            self.whole().remove(&place.file);
        }
        let bytes = self.get(place, sum)?;
        let done = read(&Source::Bytes(place.file.clone(), bytes.clone()))?;
        keep(place, &bytes);
        Ok(done)
    }

    /// Whether the copy in the folder is what was put in the store.
    fn is_whole(&self, path: &Path, place: &Place, sum: &[u8; 32]) -> bool {
        if !fs::metadata(path).is_ok_and(|meta| meta.len() == place.bytes) {
            return false;
        }
        if !self.whole().contains(&place.file) {
            if !fs::read(path).is_ok_and(|bytes| blake3::hash(&bytes).as_bytes() == sum) {
                return false;
            }
            self.whole().insert(place.file.clone());
        }
        // The ones that were used last stay longest.
        let used = fs::File::options().append(true).open(path);
        used.and_then(|file| file.set_modified(SystemTime::now())).ok();
        true
    }

    fn get(&self, place: &Place, sum: &[u8; 32]) -> Result<Bytes, PortError> {
        let (bucket, Place { file, .. }) = (self.bucket()?, place);
        let is_it = |bytes: &Bytes| blake3::hash(bytes).as_bytes() == sum;
        match surely(bucket, (file, place.bytes), &is_it)? {
            Some(bytes) if is_it(&bytes) => Ok(bytes),
            Some(_) => {
                let cause = format!("`{file}` in {} is damaged", bucket.at());
                Err(PortError::new(ErrorKind::Conflict, cause))
            }
            None => {
                let cause = format!("`{file}` is not in {} any more", bucket.at());
                Err(PortError::new(ErrorKind::NotFound, cause))
            }
        }
    }

    /// An object that no part is, as the store has it: asked again where that is not what `is_it` looks for. None: it has none.
    pub(super) fn get_any(
        &self,
        file: &str,
        is_it: &dyn Fn(&Bytes) -> bool,
    ) -> Result<Option<Bytes>, PortError> {
        surely(self.bucket()?, (file, MOST_BYTES), is_it)
    }

    /// Sees to it that the store is the one that it was, and may be changed. Where it is not known to have anything of this memory's
    /// (`has_some`), the marks are made that say so there and here.
    pub(super) fn make_ready(&self, has_some: bool) -> Result<(), PortError> {
        self.own_bucket()?.check(!has_some)?;
        match &self.store {
            Store::Bucket(_, Write::By(mark)) if !has_some => mark.write(&self.dir),
            Store::Bucket(..) | Store::Closed { .. } | Store::Folder => Ok(()),
        }
    }

    /// Sends a part to the store; once this is done the store has it, whole.
    pub(super) fn send(&self, file: &str, bytes: &Bytes) -> Result<(), PortError> {
        let bucket = self.own_bucket()?;
        bucket.put(file, bytes.clone())?;
        // What says that it took something may be anybody.
        if bucket.get(file, bytes.len() as u64)?.as_ref() == Some(bytes) {
            return Ok(());
        }
        let cause = format!("{} has not what was put there", bucket.at());
        Err(PortError::new(ErrorKind::Unavailable, cause))
    }

    /// The files of the folder that are parts, or were to become some.
    fn files(&self) -> Result<BTreeSet<String>, PortError> {
        let entries = fs::read_dir(&self.dir).map_err(|error| at("reading", &self.dir, &error))?;
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let is_ours = |name: &String| part::is_part(name.strip_suffix(part::NEW).unwrap_or(name));
        Ok(entries.flatten().map(name).filter(is_ours).collect())
    }

    /// Removes the files that are not among `named`.
    pub(super) fn sweep(&self, named: &BTreeSet<String>) -> Result<(), PortError> {
        for name in self.files()?.difference(named) {
            remove(&self.dir.join(name))?;
        }
        self.whole().retain(|name| named.contains(name));
        Ok(())
    }

    /// Removes copies of parts that are in the store, which are all of `stored`, until those that are left are few: the ones that were
    /// not used for longest.
    pub(super) fn make_room(&self, stored: &BTreeSet<String>, kept: u64) -> Result<(), PortError> {
        let mut files: Vec<(SystemTime, u64, String)> = Vec::new();
        for name in self.files()?.into_iter().filter(|name| stored.contains(name)) {
            let meta = fs::metadata(self.dir.join(&name));
            if let Ok((Ok(used), bytes)) = meta.map(|meta| (meta.modified(), meta.len())) {
                files.push((used, bytes, name));
            }
        }
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, size, name) in files {
            if bytes <= kept {
                break;
            }
            remove(&self.dir.join(&name))?;
            bytes -= size;
        }
        Ok(())
    }

    /// Bytes of the parts among `named` that the folder has.
    pub(super) fn bytes_here(&self, named: &BTreeMap<String, u64>) -> u64 {
        let is_here = |name: &&String| self.dir.join(name).is_file();
        named.keys().filter(is_here).filter_map(|name| named.get(name)).sum()
    }

    /// Puts a part that is damaged out of the way, where nobody may have it forgotten. What the store has of it is let go of by the
    /// catalogue alone.
    pub(super) fn give_up(&self, place: &Place, forget: bool) -> Result<(), PortError> {
        let path = self.dir.join(&place.file);
        if place.sum.is_some()
            && !forget
            && let Some(bytes) = self.bucket()?.get(&place.file, MOST_BYTES)?
        {
            part::keep(&self.dir, &place.file, &bytes)?;
        }
        match (path.exists(), forget) {
            (true, true) => remove(&path),
            (true, false) => put_aside(&path),
            (false, _) => Ok(()),
        }
    }
}

/// The bytes of an object; None: there is none. What is not what `is_it` looks for is said twice, and by the store that is ours in
/// between: it may be another one that answers, or something on the way to ours.
fn surely(
    bucket: &Bucket,
    (file, most): (&str, u64),
    is_it: &dyn Fn(&Bytes) -> bool,
) -> Result<Option<Bytes>, PortError> {
    let got = bucket.get(file, most)?;
    if got.as_ref().is_some_and(is_it) {
        return Ok(got);
    }
    bucket.check(false)?;
    let again = bucket.get(file, most)?;
    if again == got || again.as_ref().is_some_and(is_it) {
        return Ok(again);
    }
    let cause = format!("{} gives now this for `{file}`, now that", bucket.at());
    Err(PortError::new(ErrorKind::Unavailable, cause))
}

/// Removes a file. One that is not there is removed.
pub(super) fn remove(path: &Path) -> Result<(), PortError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at("removing", path, &error)),
        _ => Ok(()),
    }
}
