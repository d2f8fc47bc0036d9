//! A walk over the person's directory that opens no file: it finds what a snapshot cannot or should not hold.
//!
//! Git's own listing passes over fifos, sockets and devices in silence, opens whatever is named `.gitignore`
//! (a fifo of that name would make it wait for ever), and descends into caches that nobody wants in a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::paths::{above, below, shown, trouble};

/// Directories that tools fill and can fill again. They are left out where they are not tracked. A directory
/// with a `pyvenv.cfg` (a virtual environment) or a `CACHEDIR.TAG` (<https://bford.info/cachedir/>) is one too,
/// whatever its name.
const CACHES: &[&str] = &[
    "__pycache__",
    "node_modules",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".svn",
    ".hg",
];

/// Entries looked at before the directory is called too large.
const MOST_ENTRIES: u64 = 5_000_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Directories whose untracked files are left out, with the cause (empty: not worth telling).
    pub(super) pruned: BTreeMap<Vec<u8>, &'static str>,
    /// Things that are not files, with the cause.
    pub(super) notes: BTreeMap<Vec<u8>, String>,
    /// There is at least one `.gitattributes`.
    pub(super) has_attributes: bool,
}

impl Survey {
    /// True where `name` lies in a directory that is left out.
    pub(super) fn prunes(&self, name: &[u8]) -> bool {
        above(name).any(|dir| self.pruned.contains_key(dir))
    }

    /// The same as lines of a gitignore file, so that git need not descend.
    pub(super) fn patterns(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // A name with a line break cannot be written here; `prunes` catches those.
        for dir in self.pruned.keys().filter(|dir| !dir.contains(&b'\n')) {
            out.push(b'/');
            for &byte in dir {
                if b"\\*?[ !#".contains(&byte) {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.extend_from_slice(b"/\n");
        }
        out
    }
}

/// Walks `top`. `home` (absolute) is our own state: it is passed over where it lies below.
pub(super) fn survey(top: &Path, home: &Path) -> Result<Survey, PortError> {
    let mut found = Survey::default();
    let mut left: Vec<Vec<u8>> = vec![Vec::new()];
    let mut entries = 0_u64;
    while let Some(dir) = left.pop() {
        let listed = match list(&below(top, &dir)) {
            Ok(listed) => listed,
            Err(error) if dir.is_empty() => return Err(trouble("read the directory", top, &error)),
            Err(error) => {
                found.notes.insert(dir, format!("directory that cannot be read ({error})"));
                continue;
            }
        };
        entries += listed.len() as u64;
        if entries > MOST_ENTRIES {
            let cause = format!("`{}` has more than {MOST_ENTRIES} files", top.display());
            return Err(PortError::new(ErrorKind::Exhausted, cause).with_hint("name a smaller directory"));
        }
        if let Some(cause) = cause_to_prune(&dir, &listed, &below(top, &dir), home) {
            found.pruned.insert(dir, cause);
            continue;
        }
        for (name, kind) in listed {
            let path = if dir.is_empty() { name.clone() } else { [&dir[..], b"/", &name].concat() };
            look(&mut found, &mut left, &name, path, kind)?;
        }
    }
    Ok(found)
}

/// Names and kinds of the entries of a directory.
fn list(dir: &Path) -> io::Result<Vec<(Vec<u8>, fs::FileType)>> {
    fs::read_dir(dir)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().as_bytes().to_vec(), entry.file_type()?))
        })
        .collect()
}

/// Why a directory is not descended into, if it is not.
fn cause_to_prune(
    dir: &[u8],
    listed: &[(Vec<u8>, fs::FileType)],
    path: &Path,
    home: &Path,
) -> Option<&'static str> {
    if dir.is_empty() {
        return None;
    }
    let names: BTreeSet<&[u8]> = listed.iter().map(|(name, _)| &name[..]).collect();
    let own = dir.rsplit(|&byte| byte == b'/').next().unwrap_or(dir);
    if path == home || own == b"__pycache__" {
        Some("")
    } else if names.contains(&b"pyvenv.cfg"[..]) {
        Some("virtual environment")
    } else if CACHES.iter().any(|cache| cache.as_bytes() == own) || names.contains(&b"CACHEDIR.TAG"[..]) {
        Some("cache")
    } else if names.contains(&b".git"[..]) {
        Some("git repository of its own")
    } else {
        None
    }
}

/// Takes one entry in.
fn look(
    found: &mut Survey,
    left: &mut Vec<Vec<u8>>,
    name: &[u8],
    path: Vec<u8>,
    kind: fs::FileType,
) -> Result<(), PortError> {
    if kind.is_dir() {
        if name != b".git" {
            left.push(path);
        }
        return Ok(());
    }
    if name == b".gitattributes" {
        found.has_attributes = true;
    }
    if kind.is_file() || kind.is_symlink() {
        return Ok(());
    }
    if matches!(name, b".gitignore" | b".gitattributes" | b".gitmodules") {
        let cause = format!("`{}` is not a file", shown(&path));
        return Err(
            PortError::new(ErrorKind::Invalid, cause).with_hint("move it away: git would wait for it")
        );
    }
    let what = if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    };
    found.notes.insert(path, what.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests;
