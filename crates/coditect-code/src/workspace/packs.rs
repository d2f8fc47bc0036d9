//! Commits on their way to another machine: a pack has the objects that the other side lacks.

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
    let call = shadow.call().args(["rev-list", "--objects", "--no-object-names"]);
    let call = match upon {
        None => call.args(["--no-walk", commit]),
        Some(upon) => call.args([commit, &format!("^{}", checked_oid(upon)?)]),
    };
    let objects = call.run()?;
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
    let gate = root.join("packs.lock");
    let gate = File::create(&gate).and_then(|file| file.lock().map(|()| file));
    let gate = gate.map_err(|error| trouble("lock", root, &error))?;
    if !shadow.repo().is_dir() {
        if upon.is_some() {
            let cause = "a change came before what it is a change of";
            return Err(PortError::new(ErrorKind::Unavailable, cause));
        }
        shadow.create_of(commit.len() == 64)?;
    }
    if !has(&shadow, commit)? {
        if upon.is_none() {
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
