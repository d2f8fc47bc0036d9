//! Directories as wholes: copied, told apart, and compared.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Files, links and directories of one task at most.
const MOST_ENTRIES: usize = 100_000;

/// What lies below a directory, but for `.git`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File { executable: bool },
    Link,
}

/// Everything below `top` by its path, sorted; a directory stands before what is in it.
fn entries(top: &Path) -> io::Result<Vec<(PathBuf, Kind)>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(top.join(&below))? {
            let entry = entry?;
            if below.as_os_str().is_empty() && entry.file_name() == ".git" {
                continue;
            }
            let (path, about) = (below.join(entry.file_name()), entry.metadata()?);
            let kind = if about.is_dir() {
                open.push(path.clone());
                Kind::Directory
            } else if about.is_symlink() {
                Kind::Link
            } else if about.is_file() {
                Kind::File { executable: about.permissions().mode() & 0o111 != 0 }
            } else {
                let what = format!("`{}` is neither a file nor a directory nor a link", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            };
            found.push((path, kind));
            if found.len() > MOST_ENTRIES {
                let what = format!("it holds more than {MOST_ENTRIES} files");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
    }
    found.sort();
    Ok(found)
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Paths are unique, so kinds never decide an order.
impl Ord for Kind {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// A name for what a directory holds (BLAKE3, hex): paths, kinds and contents, and nothing else.
pub(super) fn content(top: &Path) -> io::Result<String> {
    let mut hash = blake3::Hasher::new();
    let sized = |hash: &mut blake3::Hasher, bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    for (path, kind) in entries(top)? {
        sized(&mut hash, path.as_os_str().as_bytes());
        let full = top.join(&path);
        match kind {
            Kind::Directory => sized(&mut hash, b"d"),
            Kind::Link => {
                sized(&mut hash, b"l");
                sized(&mut hash, fs::read_link(full)?.as_os_str().as_bytes());
            }
            Kind::File { executable } => {
                sized(&mut hash, if executable { b"x" } else { b"f" });
                let mut one = blake3::Hasher::new();
                one.update_reader(File::open(full)?)?;
                hash.update(one.finalize().as_bytes());
            }
        }
    }
    Ok(hash.finalize().to_hex().to_string())
}

/// Copies what is below `from` to the new directory `to`. Links are copied as links.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for (path, kind) in entries(from)? {
        let (old, new) = (from.join(&path), to.join(&path));
        match kind {
            Kind::Directory => fs::create_dir(new)?,
            Kind::Link => symlink(fs::read_link(old)?, new)?,
            Kind::File { .. } => {
                fs::copy(old, &new)?;
                // What may only be read in the set may be changed in the copy.
                let mut mode = fs::metadata(&new)?.permissions();
                mode.set_mode(mode.mode() | 0o600);
                fs::set_permissions(new, mode)?;
            }
        }
    }
    Ok(())
}

/// Puts a copy of `from` in the place of `to`, whole or not at all.
pub(super) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    let (Some(above), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no name"));
    };
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(".partial");
    let partial = above.join(partial);
    remove(&partial)?;
    copy(from, &partial)?;
    remove(to)?;
    fs::rename(partial, to)
}

/// Removes a directory that may not be there.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The paths of what differs between two directories: content, kind, or there in one of them only.
pub(super) fn differences(a: &Path, b: &Path) -> io::Result<Vec<String>> {
    let (left, right) = (entries(a)?, entries(b)?);
    let mut paths: Vec<&PathBuf> = left.iter().chain(&right).map(|(path, _)| path).collect();
    paths.sort();
    paths.dedup();
    let mut differ = Vec::new();
    for path in paths {
        let kind = |of: &[(PathBuf, Kind)]| {
            of.binary_search_by(|(other, _)| other.cmp(path)).ok().map(|at| of[at].1)
        };
        let same = match (kind(&left), kind(&right)) {
            (Some(Kind::File { .. }), Some(Kind::File { .. })) => {
                fs::read(a.join(path))? == fs::read(b.join(path))?
            }
            (Some(Kind::Link), Some(Kind::Link)) => {
                fs::read_link(a.join(path))? == fs::read_link(b.join(path))?
            }
            (one, other) => one == other,
        };
        if !same {
            differ.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(differ)
}

#[cfg(test)]
mod tests;
