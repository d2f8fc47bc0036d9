//! Which store a memory uses: what the settings name, held against what the folder and the catalogue say of it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use rusqlite::Connection;

use super::super::at;
use super::super::bucket::{Bucket, BucketAt};
use super::super::catalogue::{self, Owner};
use super::{Store, Write, remove};

/// The file of the folder that says in which bucket parts are, and what this memory is called there.
pub(in crate::shelves) const MARK: &str = "bucket";
/// What tells machines apart, where there is something.
const MACHINE: &str = "/etc/machine-id";

/// What that file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::shelves) struct Mark {
    /// As in the settings.
    address: String,
    /// The address of the store that has it. None: a version before this one wrote it, or a person took that out, so that it is said anew.
    endpoint: Option<String>,
    /// What this memory is called there.
    owner: String,
    /// Which folder it is, so that a copy of it is known for one. None: a person took that out, so that it is said anew.
    place: Option<String>,
}

impl Mark {
    fn at(named: &BucketAt, Owner { word, place, .. }: &Owner) -> Self {
        let (address, endpoint) = (named.address(), Some(named.endpoint().to_owned()));
        Self { address, endpoint, owner: word.clone(), place: Some(place.clone()) }
    }

    /// The same of what the catalogue says, where it says which bucket it is.
    fn of(Owner { word, place, bucket }: &Owner) -> Option<Self> {
        let (address, endpoint) = bucket.split_once(" at ")?;
        let (address, endpoint) = (address.to_owned(), Some(endpoint.to_owned()));
        Some(Self { address, endpoint, owner: word.clone(), place: Some(place.clone()) })
    }

    /// Whether it is of the bucket that the settings name.
    fn is_at(&self, named: &BucketAt) -> bool {
        let endpoint = self.endpoint.as_deref();
        self.address == named.address() && endpoint.is_none_or(|endpoint| endpoint == named.endpoint())
    }

    fn read(cold: &Path) -> Result<Option<Self>, PortError> {
        let path = cold.join(MARK);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| at("reading", &path, &error))?,
        };
        let mut mark = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("bucket", address)) => address.clone_into(&mut mark.address),
                Some(("endpoint", endpoint)) => mark.endpoint = Some(endpoint.to_owned()),
                Some(("owner", owner)) if is_owner(owner) => owner.clone_into(&mut mark.owner),
                Some(("place", place)) => mark.place = Some(place.to_owned()),
                _ => {}
            }
        }
        if mark.address.is_empty() || mark.owner.is_empty() {
            let cause = format!("`{}` does not say in which bucket parts are", path.display());
            return Err(PortError::new(ErrorKind::Unavailable, cause)
                .with_hint("write the line `bucket s3://BUCKET/PREFIX` into it, and `owner` with the name below that prefix"));
        }
        Ok(Some(mark))
    }

    pub(in crate::shelves) fn write(&self, cold: &Path) -> Result<(), PortError> {
        let (path, new) = (cold.join(MARK), cold.join(format!("{MARK}.new")));
        let Self { address, endpoint, owner, place } = self;
        let line = |name: &str, text: &Option<String>| {
            text.as_ref().map_or(String::new(), |text| format!("{name} {text}\n"))
        };
        let (endpoint, place) = (line("endpoint", endpoint), line("place", place));
        let text = format!("bucket {address}\n{endpoint}owner {owner}\n{place}");
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            fs::File::open(cold)?.sync_all()
        });
        written.map_err(|error| at("writing", &path, &error))
    }
}

/// Whether this can be what a memory is called in a bucket.
fn is_owner(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Which directory on which machine this is. A copy is another one.
fn place_of(dir: &Path) -> Result<String, PortError> {
    let inode = fs::metadata(dir).map_err(|error| at("reading", dir, &error))?.ino();
    let machine = fs::read(MACHINE).unwrap_or_default();
    Ok(format!("{inode}-{}", &blake3::hash(machine.trim_ascii()).to_hex()[..16]))
}

/// Finds out which store is used by the memory in `dir` whose parts are in `cold`. Whoever asks is alone in opening it.
pub(in crate::shelves) fn settle(
    catalogue: &Connection,
    (dir, cold): (&Path, &Path),
    named: Option<Result<BucketAt, PortError>>,
) -> Result<Store, PortError> {
    let known = catalogue::owner(catalogue)?;
    let marked = Mark::read(cold);
    let is_lost = known.is_none() && !matches!(marked, Ok(None));
    // What a catalogue that was lost had put away is there still.
    let is_used = is_lost || catalogue::is_used(catalogue)?;
    let closed = |error| Ok(Store::Closed { error, is_used });
    let marked = match marked {
        // Where the catalogue knows who it is, the mark is written anew.
        Err(error) if known.is_none() => return closed(error),
        marked => marked.ok().flatten(),
    };
    let named = match named {
        None if !is_used => return Ok(Store::Folder),
        None => return closed(unnamed(marked.as_ref())),
        Some(Err(error)) => return closed(error),
        Some(Ok(named)) => named,
    };
    // What the folder says comes first, so that a person may say it anew there.
    let noted = marked.clone().or_else(|| Mark::of(known.as_ref()?));
    let another = noted.filter(|noted| !noted.is_at(&named));
    if let Some(noted) = another.as_ref().filter(|_| is_used) {
        if marked.is_none() {
            noted.write(cold)?;
        }
        return closed(other(noted, &named, cold));
    }
    let here = place_of(dir)?;
    // It has nothing there, and is a copy or goes elsewhere: what is called so where it was, or there, may be another one's.
    let begins_anew = !is_used && known.as_ref().is_some_and(|of| another.is_some() || of.place != here);
    let (word, was_at) = match (&known, &marked) {
        (Some(_), _) if begins_anew => {
            remove(&cold.join(MARK))?;
            (catalogue::new_word(catalogue)?, here.clone())
        }
        (Some(known), Some(marked)) if known.word != marked.owner => {
            return Ok(Store::Closed { error: of_two(cold), is_used: true });
        }
        // A person took the place out: it is this one.
        (Some(known), Some(Mark { place: None, .. })) => (known.word.clone(), here.clone()),
        (Some(known), _) => (known.word.clone(), known.place.clone()),
        (None, Some(Mark { owner, place, .. })) => {
            (owner.clone(), place.clone().unwrap_or_else(|| here.clone()))
        }
        (None, None) => (catalogue::new_word(catalogue)?, here.clone()),
    };
    let owner = Owner { word, place: was_at, bucket: named.to_string() };
    let mark = Mark::at(&named, &owner);
    if (is_used || (marked.is_some() && !begins_anew)) && marked.as_ref() != Some(&mark) {
        mark.write(cold)?;
    }
    if known.as_ref() != Some(&owner) {
        catalogue::set_owner(catalogue, &owner, is_lost)?;
    }
    match Bucket::new(named, &owner.word) {
        Ok(bucket) if owner.place == here => Ok(Store::Bucket(Box::new(bucket), Write::By(mark))),
        Ok(bucket) => Ok(Store::Bucket(Box::new(bucket), Write::Not(copied(cold)))),
        Err(error) => closed(error),
    }
}

fn of_two(cold: &Path) -> PortError {
    let cause = format!("the catalogue and `{}` are of two memories", cold.join(MARK).display());
    PortError::new(ErrorKind::Unavailable, cause).with_hint(
        "bring back the one that was there before, or remove that file, so that the catalogue alone counts",
    )
}

fn unnamed(marked: Option<&Mark>) -> PortError {
    let of = marked.map_or("a bucket", |marked| marked.address.as_str());
    let error = PortError::new(
        ErrorKind::Unavailable,
        format!("what memory put away is in {of}, and no setting names it"),
    );
    match marked {
        Some(marked) => error.with_hint(format!("set `memory_cold = \"{}\"` again", marked.address)),
        None => error.with_hint("set `memory_cold` again"),
    }
}

fn other(noted: &Mark, named: &BucketAt, cold: &Path) -> PortError {
    let first = "name the first one again; with that, `coditect memory rebuild` has everything at hand, and another one may be named";
    if noted.address != named.address() {
        let at = noted.endpoint.as_ref().map_or(String::new(), |endpoint| format!(" at {endpoint}"));
        let cause =
            format!("what memory put away is in {}{at}, and `memory_cold` names {named}", noted.address);
        return PortError::new(ErrorKind::Unavailable, cause).with_hint(first);
    }
    let endpoint = noted.endpoint.as_deref().unwrap_or_default();
    let cause = format!(
        "what memory put away is in {} at {endpoint}, and AWS_ENDPOINT_URL names {}",
        noted.address,
        named.endpoint()
    );
    // A mirror, or a backup of before: only a person knows that it is the very same one.
    PortError::new(ErrorKind::Unavailable, cause).with_hint(format!(
        "{first}; where both are one store, and not a copy of it, take the line `endpoint` out of `{}`",
        cold.join(MARK).display()
    ))
}

fn copied(cold: &Path) -> PortError {
    let cause =
        "this memory was copied or moved from elsewhere: what it has in the bucket may be another one's, too";
    PortError::new(ErrorKind::Denied, cause).with_hint(format!(
        "where there is no other one any more, take the line `place` out of `{}`; else `coditect memory rebuild` has everything at \
         hand, and leaves the bucket to the other one",
        cold.join(MARK).display()
    ))
}
