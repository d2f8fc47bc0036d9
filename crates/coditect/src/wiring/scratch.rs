//! Where this process keeps what it needs for a moment: one directory below the state directory, gone with the process.
//!
//! Sandboxes make small directories for their guests. A process that is stopped in the middle of a run has no time to
//! remove them, and one that is killed cannot. So all of them lie in one directory that the process has locked, and
//! every start removes the directories that nobody has locked any more.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use coditect_ports::PortError;

use crate::report::{Doing, Report};

/// The directory of this process.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: tempfile::TempDir,
    /// Held for as long as the directory is in use; the system lets go of it however the process ends.
    _lock: File,
}

impl Scratch {
    /// Removes what dead processes left below `home`, and makes the place where temporary directories of this process
    /// are made from now on.
    pub(super) fn open(home: &Path) -> Result<Self, Report> {
        let all = home.join("tmp");
        let failed = |error: io::Error| {
            PortError::from_io(&format!("`{}`", all.display()), &error).with_hint(
                "have space there and the right to write, or name another directory with `--home DIR`",
            )
        };
        let scratch = make(&all).map_err(failed).doing("making a directory for temporary files")?;
        // A process has one mission; in a second one the first directory stays in use.
        drop(tempfile::env::override_temp_dir(scratch.dir.path()));
        Ok(scratch)
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn make(all: &Path) -> io::Result<Scratch> {
    fs::create_dir_all(all)?;
    // Nobody sweeps between the making of a directory and its locking.
    let gate = File::open(all)?;
    gate.lock()?;
    for entry in fs::read_dir(all)? {
        sweep(&entry?.path());
    }
    let dir = tempfile::Builder::new().prefix("p").tempdir_in(all)?;
    let lock = File::open(dir.path())?;
    lock.try_lock().map_err(io::Error::from)?;
    Ok(Scratch { dir, _lock: lock })
}

/// Removes a directory that no process has locked. What cannot be removed is looked at again the next time.
fn sweep(dir: &Path) {
    let dead = File::open(dir).is_ok_and(|lock| lock.try_lock().is_ok());
    if dead && let Err(error) = fs::remove_dir_all(dir) {
        tracing::debug!(dir = %dir.display(), %error, "a temporary directory stays");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::*;

    #[test]
    fn what_the_dead_left_is_removed_and_the_living_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let all = home.path().join("tmp");
        let living = make(&all).unwrap();
        fs::write(living.dir.path().join("file"), "x").unwrap();
        fs::create_dir_all(all.join("dead/below")).unwrap();
        let own = make(&all).unwrap();
        assert!(living.dir.path().join("file").exists());
        assert!(!all.join("dead").exists());
        let (first, second) = (living.dir.path().to_owned(), own.dir.path().to_owned());
        drop((living, own));
        assert!(!first.exists() && !second.exists());
    }
}
