//! How a command reaches the process that runs a mission: a directory of small files.
//!
//! `coditect cancel M` in one process puts `inbox/M/N.json`; the process that runs M looks into `inbox/M` every
//! so often (one readdir of a directory that is nearly always empty or absent), carries out what is there, and only
//! then removes it: a crash in between leaves the command for the next process. A file is whole or not there, since
//! it is written aside and renamed. What cannot be read is set aside, never in the way.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use coditect_ports::PortError;
use coditect_types::{Command, ErrorKind, MissionId};

/// Largest file that is read or written, bytes. A request has 64 KiB at most.
pub const LETTER_BYTES: usize = 256 << 10;
/// Commands that may wait for one mission.
pub const WAITING: usize = 64;

/// Commands for missions, between processes that share a home.
#[derive(Debug)]
pub struct Mailbox {
    dir: PathBuf,
    count: AtomicU64,
}

/// A command that waits. It stays until [`Mailbox::done`].
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// What is asked for.
    pub command: Command,
    file: PathBuf,
}

/// What [`Mailbox::look`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waiting {
    /// The commands, oldest first.
    pub letters: Vec<Letter>,
    /// Files that held no command, each with what was wrong, set aside beside the others.
    pub set_aside: Vec<(PathBuf, String)>,
}

impl Mailbox {
    /// The mailbox below `dir` (the home's `inbox`). Touches nothing yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), count: AtomicU64::new(0) }
    }

    /// Leaves a command for whoever runs the mission, now or later.
    ///
    /// # Errors
    /// `Invalid` for a command that is too large, `Exhausted` when too many wait already.
    pub fn send(&self, mission: &MissionId, command: &Command) -> Result<(), PortError> {
        let bytes = serde_json::to_vec(command)
            .map_err(|error| PortError::new(ErrorKind::Bug, format!("writing a command: {error}")))?;
        if bytes.len() > LETTER_BYTES {
            return Err(PortError::new(
                ErrorKind::Invalid,
                format!("a command may have {LETTER_BYTES} bytes at most"),
            ));
        }
        let dir = self.dir.join(mission.as_str());
        let failed =
            |error: io::Error| PortError::from_io(&format!("writing to `{}`", dir.display()), &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
        if letters(&dir).map_err(failed)?.len() >= WAITING {
            let text = format!("{WAITING} commands wait for `{mission}` already");
            return Err(PortError::new(ErrorKind::Exhausted, text)
                .with_hint("start the mission with `coditect resume`, which takes them"));
        }
        let name = self.next_name();
        let draft = dir.join(format!(".{name}"));
        let write = || {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            std::fs::rename(&draft, dir.join(format!("{name}.json")))
        };
        write().map_err(failed)
    }

    /// Every command that waits for the mission, left where it is. Cheap when there is none.
    ///
    /// # Errors
    /// The directory cannot be read, or a file in it that holds no command cannot be set aside.
    pub fn look(&self, mission: &MissionId) -> Result<Waiting, PortError> {
        let dir = self.dir.join(mission.as_str());
        let failed = |error: io::Error| PortError::from_io(&format!("reading `{}`", dir.display()), &error);
        let mut waiting = Waiting::default();
        for file in letters(&dir).map_err(failed)? {
            match open(&file) {
                Ok(command) => waiting.letters.push(Letter { command, file }),
                Err(why) => {
                    let aside = file.with_extension("bad");
                    std::fs::rename(&file, &aside).map_err(failed)?;
                    waiting.set_aside.push((aside, why));
                }
            }
        }
        Ok(waiting)
    }

    /// Removes a command that was carried out, or refused for good. To be called when what came of it is kept: until
    /// then a crash must find the command again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn done(&self, letter: &Letter) -> Result<(), PortError> {
        match std::fs::remove_file(&letter.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(PortError::from_io(&format!("removing `{}`", letter.file.display()), &error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes the mission's directory with all that is in it.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clean(&self, mission: &MissionId) -> Result<(), PortError> {
        let dir = self.dir.join(mission.as_str());
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(PortError::from_io(&format!("removing `{}`", dir.display()), &error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A name that sorts by time and that no other sender makes.
    fn next_name(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{now:020}-{}-{count}", std::process::id())
    }
}

/// The files that hold commands, oldest first.
fn letters(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut letters = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            letters.push(path);
        }
    }
    letters.sort();
    Ok(letters)
}

/// Reads one command; or says what is wrong with the file.
fn open(path: &Path) -> Result<Command, String> {
    // A link or a pipe with that name is not ours: opening it could wait for ever.
    let kind = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LETTER_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > LETTER_BYTES {
        return Err(format!("it has more than {LETTER_BYTES} bytes"));
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
