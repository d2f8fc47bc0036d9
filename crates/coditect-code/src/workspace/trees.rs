//! Worktrees: directories with the exact files of a commit, for agents and tests to work in.
//!
//! They are not git worktrees: there is no `.git` in them, so code under test finds no repository. Each has an
//! index beside it, by which bringing it back costs a look at every file and not a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::paths::{above, below, checked_oid, make_dir, parts, remove, trouble, try_disk};
use super::shadow::Shadow;

/// What a commit has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Link,
    Submodule,
}

/// Makes or brings back the worktree of `purpose`.
pub(super) fn worktree(shadow: &Shadow<'_>, commit: &str, purpose: &str) -> Result<PathBuf, PortError> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if purpose.is_empty() || purpose.len() > 100 || !purpose.bytes().all(good) {
        let cause = format!("`{}` names no worktree: `a-z`, `0-9` and `-` do", purpose.escape_debug());
        return Err(PortError::new(ErrorKind::Invalid, cause));
    }
    let commit = checked_oid(commit)?;
    shadow.tree_of(commit)?;
    let (dir, index) =
        (shadow.path("trees").join(purpose), shadow.path("trees").join(format!("{purpose}.index")));
    remove(&index.with_extension("index.lock"))?;
    let whole = index.is_file() && fs::symlink_metadata(&dir).is_ok_and(|meta| meta.is_dir());
    if !whole {
        start_anew(&dir, &index)?;
    } else {
        sweep(&dir, &contents(shadow, commit)?)?;
    }
    match fill(shadow, commit, &dir, &index) {
        // An index that was torn by a crash: the files are not worth more than a fresh checkout.
        Err(_) if whole => {
            try_disk(&shadow.path("trees"))?;
            start_anew(&dir, &index)?;
            fill(shadow, commit, &dir, &index)?;
        }
        done => done?,
    }
    Ok(dir)
}

fn start_anew(dir: &Path, index: &Path) -> Result<(), PortError> {
    remove(index)?;
    remove(dir)?;
    make_dir(dir)
}

/// Writes every file that is not there as the commit has it.
pub(super) fn fill(shadow: &Shadow<'_>, commit: &str, dir: &Path, index: &Path) -> Result<(), PortError> {
    let call = shadow.git().call(dir).git_dir(&shadow.repo()).work_tree(dir).index(index);
    // The store's own disk may differ from where git found out how modes behave, so say it.
    let call = call.setting("core.fileMode=true").setting("core.symlinks=true");
    // As many writers as there are cores, where there is much to write.
    let call = call.setting("checkout.workers=0");
    let done = call.args(["read-tree", "--reset", "-u", "--no-recurse-submodules", commit]).run();
    done.map(drop).map_err(|error| match try_disk(&shadow.path("trees")) {
        Ok(()) => error,
        Err(cause) => cause,
    })
}

/// Every path of a commit.
fn contents(shadow: &Shadow<'_>, commit: &str) -> Result<BTreeMap<Vec<u8>, Kind>, PortError> {
    let said = shadow.call().args(["ls-tree", "-r", "-z", commit]).run()?;
    let entry = |part: &[u8]| {
        let tab = part.iter().position(|&byte| byte == b'\t')?;
        let kind = match part.get(..6)? {
            b"120000" => Kind::Link,
            b"160000" => Kind::Submodule,
            _ => Kind::File,
        };
        Some((part[tab + 1..].to_vec(), kind))
    };
    Ok(parts(&said).filter_map(entry).collect())
}

/// Removes whatever the commit does not have, before git writes: a directory that a test replaced by a link
/// must not lead a write elsewhere.
fn sweep(dir: &Path, expected: &BTreeMap<Vec<u8>, Kind>) -> Result<(), PortError> {
    let dirs: BTreeSet<&[u8]> = expected.keys().flat_map(|path| above(path)).collect();
    let mut left: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(at) = left.pop() {
        let path = below(dir, &at);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // Its own owner may not read it: it goes as a whole, and git writes it again.
            Err(_) if !at.is_empty() => {
                remove(&path)?;
                continue;
            }
            Err(error) => return Err(trouble("read the directory", &path, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| trouble("read the directory", &path, &error))?;
            let kind = entry.file_type().map_err(|error| trouble("look at", &entry.path(), &error))?;
            let name = entry.file_name();
            let name = if at.is_empty() {
                name.as_bytes().to_vec()
            } else {
                [&at[..], b"/", name.as_bytes()].concat()
            };
            if kind.is_dir() && dirs.contains(&name[..]) {
                left.push(name);
                continue;
            }
            let stays = match expected.get(&name) {
                Some(Kind::File) => kind.is_file(),
                Some(Kind::Link) => kind.is_symlink(),
                Some(Kind::Submodule) => kind.is_dir() && fs::remove_dir(entry.path()).is_ok(),
                None => false,
            };
            if !stays {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}
