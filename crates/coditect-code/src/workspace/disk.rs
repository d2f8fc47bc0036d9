//! What stands on the person's disk.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use coditect_ports::PortError;

use super::paths::{above, make_dir, trouble};

/// What stands at a path of the disk.
#[derive(Debug)]
pub(super) enum Standing {
    /// A file or link that can be read.
    File(Metadata),
    Absent,
    /// A directory, or what must not be opened.
    Other,
    Unreadable,
}

pub(super) fn standing(path: &Path) -> Standing {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => Standing::File(meta),
        // Opening every file to learn whether it can be read would double the time, so only those are opened
        // that somebody may not read.
        Ok(meta) if meta.is_file() && (meta.mode() & 0o444 == 0o444 || File::open(path).is_ok()) => {
            Standing::File(meta)
        }
        Ok(meta) if meta.is_file() => Standing::Unreadable,
        Ok(_) => Standing::Other,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Standing::Unreadable,
        Err(_) => Standing::Absent,
    }
}

/// True where a link at `path` (below `top`) names something that is not below `top`.
pub(super) fn leads_out(top: &Path, path: &[u8], target: &[u8]) -> bool {
    if target.starts_with(b"/") {
        return !Path::new(std::ffi::OsStr::from_bytes(target)).starts_with(top);
    }
    let mut depth = above(path).count();
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => return true,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Copies an index with its time, which is what tells git which entries may have changed within the same
/// second as the index was written. A split index needs its shared half in the git directory too. False where
/// there is no index.
pub(super) fn copy_index(
    theirs: &Path,
    ours: &Path,
    their_dir: &Path,
    our_dir: &Path,
) -> Result<bool, PortError> {
    let copy = || -> io::Result<bool> {
        let meta = match fs::symlink_metadata(theirs) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        for entry in fs::read_dir(their_dir)? {
            let entry = entry?;
            if entry.file_name().as_bytes().starts_with(b"sharedindex.") && entry.file_type()?.is_file() {
                fs::write(our_dir.join(entry.file_name()), fs::read(entry.path())?)?;
            }
        }
        // Not `fs::copy`: it would take over that the person's file may not be written.
        let mut file = File::create(ours)?;
        file.write_all(&fs::read(theirs)?)?;
        file.set_modified(meta.modified()?)?;
        Ok(true)
    };
    make_dir(our_dir)?;
    copy().map_err(|error| trouble(&format!("copy `{}` to", theirs.display()), ours, &error))
}

#[cfg(test)]
mod tests;
