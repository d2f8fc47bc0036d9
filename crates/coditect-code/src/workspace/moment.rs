//! The files of a mission's moments, after the fact: given to a fork, compared with one another, copied out.

use std::fs;
use std::path::Path;

use coditect_ports::PortError;
use coditect_ports::workspace::Difference;
use coditect_types::ErrorKind;

use super::paths::{checked_oid, make_dir, remove, trouble};
use super::shadow::{Kept, Shadow};
use super::trees;

/// Bytes of a diff that are kept; a change is looked at, and what is longer is not read.
const DIFF_BYTES: usize = 4 << 20;

/// Makes the store of a fork: what `from` has been given and has made so far. Objects are never written to, so both have the
/// same files; everything else is the fork's own.
pub(super) fn fork(from: &Shadow<'_>, into: &Shadow<'_>) -> Result<(), PortError> {
    make_dir(&into.path(""))?;
    let (fresh, name) = (into.path("repo.git.new"), into.repo());
    if name.exists() {
        let cause = format!("there is a mission in `{}` already", into.path("").display());
        return Err(PortError::new(ErrorKind::Conflict, cause));
    }
    remove(&fresh)?;
    copy_store(&from.repo(), &fresh, As::Copies)?;
    if let Some(kept) = from.note::<Kept>("snapshot.json") {
        into.write_note("snapshot.json", &kept)?;
    }
    // It gets its name when it is whole.
    fs::rename(&fresh, &name).map_err(|error| trouble("make", &name, &error))
}

/// How a directory of a bare repository is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    /// Files of its own.
    Copies,
    /// Other names of the same files, where the disk has such: objects and packs.
    Links,
}

/// Copies a bare repository of ours.
fn copy_store(from: &Path, into: &Path, how: As) -> Result<(), PortError> {
    make_dir(into)?;
    let entries = fs::read_dir(from).map_err(|error| trouble("read the directory", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| trouble("read the directory", from, &error))?;
        let (old, new, name) = (entry.path(), into.join(entry.file_name()), entry.file_name());
        let kind = entry.file_type().map_err(|error| trouble("look at", &old, &error))?;
        let name = name.to_string_lossy();
        // What git is about to write, in a mission that is under way.
        if name.starts_with("tmp_") || name.ends_with(".lock") {
            continue;
        }
        if kind.is_dir() {
            let how = match &*name {
                "objects" => As::Links,
                "info" => As::Copies,
                _ => how,
            };
            copy_store(&old, &new, how)?;
            continue;
        }
        if how == As::Links && fs::hard_link(&old, &new).is_ok() {
            continue;
        }
        match fs::copy(&old, &new) {
            // It was packed or renamed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => copied.map(drop).map_err(|error| trouble("copy", &old, &error))?,
        }
    }
    Ok(())
}

/// What is otherwise in commit `new` than in commit `old`.
pub(super) fn difference(shadow: &Shadow<'_>, old: &str, new: &str) -> Result<Difference, PortError> {
    let (old, new) = (checked_oid(old)?, checked_oid(new)?);
    shadow.tree_of(old)?;
    shadow.tree_of(new)?;
    let mut diff = String::from_utf8_lossy(&shadow.diff(old, new, &[])?).into_owned();
    let is_cut = diff.len() > DIFF_BYTES;
    diff.truncate(diff.floor_char_boundary(DIFF_BYTES));
    Ok(Difference { diff, is_cut, files: shadow.changed_files(old, new)? })
}

/// Writes the files of a commit into a directory that is new or empty.
pub(super) fn copy_out(shadow: &Shadow<'_>, commit: &str, dir: &Path) -> Result<(), PortError> {
    let commit = checked_oid(commit)?;
    shadow.tree_of(commit)?;
    if let Ok(mut entries) = fs::read_dir(dir)
        && entries.next().is_some()
    {
        let cause = format!("`{}` is not empty", dir.display());
        return Err(
            PortError::new(ErrorKind::Conflict, cause).with_hint("name a directory that is not there yet")
        );
    }
    make_dir(dir)?;
    let dir = fs::canonicalize(dir).map_err(|error| trouble("open the directory", dir, &error))?;
    let index = shadow.fresh_index("copy.index")?;
    trees::fill(shadow, commit, &dir, &index)?;
    remove(&index)
}
