//! Paths as bytes, and small file operations that say which path they speak of.
//!
//! Git's names are bytes; so are ours, until they are shown to a person.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

/// `name` (bytes, `/` between components) below `top`.
pub(super) fn below(top: &Path, name: &[u8]) -> PathBuf {
    top.join(OsStr::from_bytes(name))
}

/// A name as a person may be shown it: lossy, and with no control characters that a terminal would obey.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    if text.chars().any(char::is_control) { text.escape_debug().to_string() } else { text.into_owned() }
}

/// The parts of a NUL-separated list.
pub(super) fn parts(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == 0).filter(|part| !part.is_empty())
}

/// A NUL-terminated list.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names {
        out.extend_from_slice(name);
        out.push(0);
    }
    out
}

/// The directories above `name`, outermost first: `a/b/c` gives `a`, `a/b`.
pub(super) fn above(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| &name[..at])
}

/// Git's answer as one line of text.
pub(super) fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// The error of an operation on `path`.
pub(super) fn trouble(doing: &str, path: &Path, error: &io::Error) -> PortError {
    let error = PortError::from_io(&format!("{doing} `{}`", path.display()), error);
    match error.kind {
        ErrorKind::Exhausted => error.with_hint("free some disk space, then run the same command again"),
        ErrorKind::Denied => error.with_hint("check who owns that path and whether it may be written"),
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Unavailable
        | ErrorKind::Interrupted
        | ErrorKind::NoSandbox
        | ErrorKind::Bug => error,
    }
}

/// A commit or tree name as git writes it: hex, 40 or 64 digits. Anything else could be read as an option or a
/// revision expression.
pub(super) fn checked_oid(text: &str) -> Result<&str, PortError> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && matches!(text.len(), 40 | 64) {
        Ok(text)
    } else {
        Err(PortError::new(ErrorKind::Invalid, format!("`{}` is not a commit", shown(text.as_bytes()))))
    }
}

/// Writes a whole file or nothing: a temporary name beside it, then a rename.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), PortError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| trouble("write", path, &error))
}

/// Writes a little to `dir`, which is ours, to learn whether the disk takes it. Some commands of git say that
/// they could not write, but not why.
pub(super) fn try_disk(dir: &Path) -> Result<(), PortError> {
    let file = dir.join("disk.new");
    let written = fs::write(&file, vec![0; 1 << 20]).map_err(|error| trouble("write to", dir, &error));
    remove(&file)?;
    written
}

/// Makes a directory with all above it.
pub(super) fn make_dir(path: &Path) -> Result<(), PortError> {
    fs::create_dir_all(path).map_err(|error| trouble("make the directory", path, &error))
}

/// Removes a file, link or whole directory; that it is not there is fine. Links are removed, never followed.
pub(super) fn remove(path: &Path) -> Result<(), PortError> {
    match remove_any(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // A test run may leave directories that their own owner may not enter.
            unlock_dirs(path).and_then(|()| remove_any(path))
        }
        done => done,
    }
    .map_err(|error| trouble("remove", path, &error))
}

fn remove_any(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Gives the owner every right on the directories of a tree.
fn unlock_dirs(path: &Path) -> io::Result<()> {
    let mut left = vec![path.to_owned()];
    while let Some(dir) = left.pop() {
        if !fs::symlink_metadata(&dir)?.is_dir() {
            continue;
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
