//! Lock files: `flock` on a small file that names its holder.
//!
//! The kernel drops such a lock when its holder dies, however it dies. A process that forks without `exec` keeps
//! its parent's locks alive in the child, so the child must not outlive the parent.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    ends: Ends,
}

/// What becomes of the file when the lock is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Kept,
    Removed,
}

#[derive(Debug)]
pub(super) enum Locking {
    Taken(LockFile),
    /// Another handle holds it, of this process, where it is known.
    HeldBy(Option<u32>),
}

/// Takes the lock if nobody holds it. Never waits.
pub(super) fn take(path: &Path, ends: Ends) -> io::Result<Locking> {
    loop {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Locking::HeldBy(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever held it before may have removed the file between our open and our lock: then we hold a lock
        // on a file that nobody else will ever find. The loop ends as soon as nobody removes it under us.
        if is_still(path, &file)? {
            file.set_len(0)?;
            file.write_all(std::process::id().to_string().as_bytes())?;
            return Ok(Locking::Taken(LockFile { file, path: path.to_owned(), ends }));
        }
    }
}

fn is_still(path: &Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The process that wrote its number into the file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Removed while it is still locked, so that nobody's lock is removed but ours. When this fails the file
        // stays, unlocked, which does no harm.
        if self.ends == Ends::Removed
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "a lock file stays");
        }
        if let Err(error) = self.file.unlock() {
            tracing::debug!(path = %self.path.display(), %error, "unlocking at close instead");
        }
    }
}

/// How a person is told who holds something.
pub(super) fn name_of(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
