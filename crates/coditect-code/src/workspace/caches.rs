//! Directories for what is built, beside the worktrees.
//!
//! A build of a project is worth keeping: most of it is dependencies that no candidate changes. Each purpose has a
//! directory of its own, so that what one wrote is nothing that another believes; a new one may begin as a copy of
//! another, with the times of its files, by which build tools tell what is out of date.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;

use super::paths::{make_dir, remove, trouble};

/// The directory of `purpose` below `root`. A new one begins as a copy of that of `like`, where there is one.
pub(super) fn cache(root: &Path, purpose: &str, like: Option<&str>) -> Result<PathBuf, PortError> {
    let caches = root.join("caches");
    let dir = caches.join(purpose);
    if dir.is_dir() {
        return Ok(dir);
    }
    make_dir(&caches)?;
    let from = like.map(|like| caches.join(like)).filter(|from| from.is_dir());
    let Some(from) = from else {
        make_dir(&dir)?;
        return Ok(dir);
    };
    // It gets its name when it is whole.
    let fresh = caches.join(format!("{purpose}.new"));
    remove(&fresh)?;
    copy(&from, &fresh).map_err(|error| trouble("copy what was built to", &fresh, &error))?;
    fs::rename(&fresh, &dir).map_err(|error| trouble("make", &dir, &error))?;
    Ok(dir)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, source, target) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
            let about = entry.metadata()?;
            File::options().write(true).open(&target)?.set_modified(about.modified()?)?;
        }
    }
    let about = fs::metadata(from)?;
    File::open(to)?.set_modified(about.modified()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::*;

    #[test]
    fn a_copy_has_the_times_of_what_it_copies_and_goes_its_own_way() {
        let root = tempfile::tempdir().unwrap();
        let first = cache(root.path(), "one", None).unwrap();
        fs::create_dir(first.join("deps")).unwrap();
        fs::write(first.join("deps/a"), "built").unwrap();
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::options().write(true).open(first.join("deps/a")).unwrap().set_modified(then).unwrap();
        let second = cache(root.path(), "two", Some("one")).unwrap();
        assert_eq!(fs::metadata(second.join("deps/a")).unwrap().modified().unwrap(), then);
        fs::write(second.join("deps/a"), "other").unwrap();
        assert_eq!(fs::read_to_string(first.join("deps/a")).unwrap(), "built");
        assert_eq!(cache(root.path(), "two", Some("one")).unwrap(), second);
        assert_eq!(fs::read_to_string(second.join("deps/a")).unwrap(), "other");
    }
}
