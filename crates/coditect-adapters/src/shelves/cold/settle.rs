//! Which store a memory uses: what the settings name, held against what the folder and the catalogue say of it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use rusqlite::Connection;

use super::super::bucket::{Bucket, BucketAt};
use super::super::{at, catalogue};
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
    /// What this memory is called there.
    owner: String,
    /// Which folder it is, so that a copy of it is known for one. None: a person took that out, so that it is said anew.
    place: Option<String>,
}

impl Mark {
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
        let Self { address, owner, place } = self;
        let place = place.as_ref().map_or(String::new(), |place| format!("place {place}\n"));
        let text = format!("bucket {address}\nowner {owner}\n{place}");
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
    let before = known.clone();
    let (parts, objects) = catalogue::stored(catalogue)?;
    let marked = Mark::read(cold);
    let is_lost = known.is_none() && !matches!(marked, Ok(None));
    // What a catalogue that was lost had put away is there still.
    let is_used = is_lost || parts + objects > 0 || catalogue::is_adopting(catalogue)?;
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
    if let Some(marked) = &marked
        && is_used
        && marked.address != named.address()
    {
        return closed(another(&marked.address, &named));
    }
    let here = place_of(dir)?;
    let (owner, was_at) = match (known, &marked) {
        // A copy of a memory that has nothing in a bucket: it is called otherwise from now on.
        (Some((_, place)), _) if !is_used && place != here => {
            remove(&cold.join(MARK))?;
            (catalogue::new_word(catalogue)?, here.clone())
        }
        (Some((known, _)), Some(marked)) if known != marked.owner => {
            return Ok(Store::Closed { error: of_two(cold), is_used: true });
        }
        // A person took the place out: it is this one.
        (Some((owner, _)), Some(Mark { place: None, .. })) => (owner, here.clone()),
        (Some((owner, place)), _) => (owner, place),
        (None, Some(Mark { owner, place, .. })) => {
            (owner.clone(), place.clone().unwrap_or_else(|| here.clone()))
        }
        (None, None) => (catalogue::new_word(catalogue)?, here.clone()),
    };
    let mark = Mark { address: named.address(), owner, place: Some(was_at.clone()) };
    if is_used && marked.as_ref() != Some(&mark) {
        mark.write(cold)?;
    }
    if before.as_ref() != Some(&(mark.owner.clone(), was_at.clone())) {
        catalogue::set_owner(catalogue, (&mark.owner, &was_at), is_lost)?;
    }
    match Bucket::new(named, &mark.owner) {
        Ok(bucket) if was_at == here => Ok(Store::Bucket(Box::new(bucket), Write::By(mark))),
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

fn another(marked: &str, named: &BucketAt) -> PortError {
    let cause = format!("what memory put away is in {marked}, and `memory_cold` names {}", named.address());
    PortError::new(ErrorKind::Unavailable, cause).with_hint(
        "name the first one again; with that, `coditect memory rebuild` has everything at hand, and another one may be named",
    )
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
