//! Commits on their way to another machine: a pack has the objects that the other side lacks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::git::Git;
use super::paths::{checked_oid, make_dir, trouble, write_whole};
use super::shadow::Shadow;

/// Bytes of the largest pack.
const LARGEST: usize = 2 << 30;

/// The objects of a commit: all of its files without its history, or what it has beyond the commit `upon`, which the other side has.
pub(super) fn pack(shadow: &Shadow<'_>, commit: &str, upon: Option<&str>) -> Result<Vec<u8>, PortError> {
    let commit = checked_oid(commit)?;
    let objects = match upon {
        None => objects_of(shadow, &[commit])?,
        Some(upon) => {
            let upon = checked_oid(upon)?;
            let range = [commit, &format!("^{upon}")];
            let between = shadow.call().args(["rev-list", "--max-count=50"]).args(range).run()?;
            let between = String::from_utf8_lossy(&between).into_owned();
            let all = objects_of(shadow, &between.lines().chain([commit]).collect::<Vec<_>>())?;
            // What the other side has is the files of that commit, and not those of commits before it.
            let there = objects_of(shadow, &[upon])?;
            all.difference(&there).cloned().collect()
        }
    };
    let objects: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let objects = objects.into_bytes();
    let pack = shadow.call().args(["pack-objects", "--stdout", "-q", "--threads=1"]).stdin(objects).run()?;
    if pack.len() <= LARGEST {
        return Ok(pack);
    }
    let cause = format!(
        "the files of {commit} take {} MiB packed, and {} may go elsewhere",
        pack.len() >> 20,
        LARGEST >> 20
    );
    Err(PortError::new(ErrorKind::Exhausted, cause).with_hint("run this mission on one machine"))
}

/// These commits and all files of them, without what was before them.
fn objects_of(shadow: &Shadow<'_>, commits: &[&str]) -> Result<BTreeSet<String>, PortError> {
    let call = shadow.call().args(["rev-list", "--objects", "--no-object-names", "--no-walk"]);
    let objects = call.args(commits).run()?;
    Ok(String::from_utf8_lossy(&objects).lines().map(str::to_owned).collect())
}

/// Takes the objects of a commit in. The first commit of a mission makes its store, in which it is the oldest one.
pub(super) fn unpack(
    git: &Git,
    root: &Path,
    commit: &str,
    upon: Option<&str>,
    pack: Vec<u8>,
) -> Result<(), PortError> {
    let commit = checked_oid(commit)?;
    let shadow = Shadow::at(git, root);
    make_dir(root)?;
    // Two actions of one mission may come at once.
    let gate = lock(root)?;
    if !shadow.repo().is_dir() {
        if upon.is_some() {
            let cause = "a change came before what it is a change of";
            return Err(PortError::new(ErrorKind::Unavailable, cause));
        }
        shadow.create_of(commit.len() == 64)?;
    }
    if !has(&shadow, commit)? {
        // One that borrows from the person's repository has what was before the commit, too.
        if upon.is_none() && !shadow.borrows() {
            bound(&shadow, commit)?;
        }
        shadow.call().args(["index-pack", "--stdin"]).stdin(pack).run()?;
    }
    drop(gate);
    match has(&shadow, commit)? {
        true => Ok(()),
        false => Err(PortError::new(ErrorKind::Invalid, format!("the pack has no commit {commit}"))),
    }
}

/// Whoever has it is alone with the making of a mission's store.
pub(super) fn lock(root: &Path) -> Result<File, PortError> {
    let gate = File::create(root.join("packs.lock")).and_then(|file| file.lock().map(|()| file));
    gate.map_err(|error| trouble("lock", root, &error))
}

/// Whether a store has a commit.
pub(super) fn has(shadow: &Shadow<'_>, commit: &str) -> Result<bool, PortError> {
    if !shadow.repo().is_dir() {
        return Ok(false);
    }
    let name = format!("{}^{{commit}}", checked_oid(commit)?);
    Ok(shadow.call().args(["cat-file", "-e", &name]).answer()?.code == Some(0))
}

/// Says that a commit's history ends with it here, before it is there.
fn bound(shadow: &Shadow<'_>, commit: &str) -> Result<(), PortError> {
    let file = shadow.repo().join("shallow");
    let known = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(trouble("read", &file, &error)),
    };
    if known.lines().any(|line| line == commit) {
        return Ok(());
    }
    write_whole(&file, format!("{known}{commit}\n").as_bytes())
}
