//! Putting new files in place: all of them or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::MissionId;

use super::paths::{above, below, remove, trouble};

/// One file to write or remove.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) path: Vec<u8>,
    /// What it held, to go back to.
    pub(super) before: Option<Vec<u8>>,
    /// What it is to hold; None removes it.
    pub(super) after: Option<Vec<u8>>,
    /// Permissions; None: as any new file.
    pub(super) mode: Option<u32>,
}

/// Writes every file beside its place, then renames. A full disk or a missing permission shows before the first
/// file has changed; a failure after that takes back what was done. A crash in between leaves files that are
/// either old or new, and the same call finishes the work.
pub(super) fn put_in_place(top: &Path, mission: &MissionId, writes: &[Write]) -> Result<(), PortError> {
    let (mut staged, mut made) = (Vec::new(), Vec::new());
    for write in writes {
        made.extend(missing_above(top, &write.path));
        match stage(top, mission, write) {
            Ok(temporary) => staged.push(temporary),
            Err(error) => {
                forget(&staged);
                remove_empty(made.iter().rev());
                return Err(trouble("write", &below(top, &write.path), &error));
            }
        }
    }
    for (at, (write, temporary)) in writes.iter().zip(&staged).enumerate() {
        let file = below(top, &write.path);
        let done = match temporary {
            Some(temporary) => fs::rename(temporary, &file),
            None => fs::remove_file(&file),
        };
        if let Err(error) = done {
            take_back(top, mission, &writes[..at]);
            forget(&staged[at..]);
            remove_empty(made.iter().rev());
            return Err(trouble("replace", &file, &error));
        }
    }
    for write in writes.iter().filter(|write| write.after.is_none()) {
        remove_empty_above(top, &write.path);
    }
    Ok(())
}

/// The new content under a temporary name in the same directory; None where the file is to go.
fn stage(top: &Path, mission: &MissionId, write: &Write) -> io::Result<Option<PathBuf>> {
    let Some(after) = &write.after else { return Ok(None) };
    let file = below(top, &write.path);
    let dir = file.parent().unwrap_or(top);
    fs::create_dir_all(dir)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".{mission}"));
    let temporary = dir.join(name);
    // What a killed call left there; a link of that name must not be written through.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let result = (|| {
        let mut out = File::create_new(&temporary)?;
        out.write_all(after)?;
        if let Some(mode) = write.mode {
            out.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        out.sync_all()
    })();
    match result {
        Ok(()) => Ok(Some(temporary)),
        Err(error) => {
            forget(&[Some(temporary)]);
            Err(error)
        }
    }
}

fn forget(staged: &[Option<PathBuf>]) {
    for temporary in staged.iter().flatten() {
        // The error that led here is the one to tell.
        if let Err(error) = remove(temporary) {
            tracing::warn!(%error, "a temporary file stays behind");
        }
    }
}

fn take_back(top: &Path, mission: &MissionId, done: &[Write]) {
    for write in done {
        let back = Write { before: write.after.clone(), after: write.before.clone(), ..write.clone() };
        let file = below(top, &write.path);
        let undone = match stage(top, mission, &back) {
            Ok(Some(temporary)) => fs::rename(temporary, &file),
            Ok(None) => fs::remove_file(&file),
            Err(error) => Err(error),
        };
        if let Err(error) = undone {
            tracing::error!(file = %file.display(), %error, "a file could not be put back");
        }
    }
}

/// Directories that hold nothing any more go, as git has it.
fn remove_empty_above(top: &Path, path: &[u8]) {
    let file = below(top, path);
    for dir in file.ancestors().skip(1).take_while(|dir| *dir != top) {
        if fs::remove_dir(dir).is_err() {
            return;
        }
    }
}

/// The directories above `path` that are not there, outermost first.
fn missing_above(top: &Path, path: &[u8]) -> Vec<PathBuf> {
    above(path).map(|dir| below(top, dir)).filter(|dir| fs::symlink_metadata(dir).is_err()).collect()
}

/// Removes directories that were made in vain.
fn remove_empty<'a>(dirs: impl Iterator<Item = &'a PathBuf>) {
    for dir in dirs {
        if let Err(error) = fs::remove_dir(dir) {
            tracing::debug!(dir = %dir.display(), %error, "a directory stays");
        }
    }
}
