//! The files of a candidate as a layer over a worktree that all trials share, for sandboxes that can mount one.
//!
//! A trial then costs what its candidate changes: nothing is written to the worktree, and nothing there has to be looked
//! at afterwards, since what a run writes goes with it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind as Io};
use std::path::{Component, Path, PathBuf};

use super::trees::{remove, replace};

/// A directory whose files stand in place of those of the worktree.
#[derive(Debug)]
pub(super) struct Layer {
    path: PathBuf,
    /// Files that are built stay once they are there, as the worktree has them: build tools go by the time of change,
    /// and must see that a file is no longer the one of the candidate before.
    builds: bool,
    /// Paths below it, and whether what stands there is a candidate's.
    holds: BTreeMap<String, Holds>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Candidates,
    Worktrees,
}

impl Layer {
    /// A layer at a directory, which may hold what a killed process left.
    pub(super) fn open(path: PathBuf, builds: bool) -> io::Result<Self> {
        let mut holds = BTreeMap::new();
        let mut waiting = vec![path.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    waiting.push(entry.path());
                } else if let Some(below) = entry.path().strip_prefix(&path).ok().and_then(Path::to_str) {
                    holds.insert(below.to_owned(), Holds::Candidates);
                }
            }
        }
        Ok(Self { path, builds, holds })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it hold these files of a candidate for the worktree at `top`, and no others of a candidate.
    pub(super) fn hold(&mut self, top: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        let gone: Vec<String> = self
            .holds
            .iter()
            .filter(|(path, holds)| **holds == Holds::Candidates && !files.contains_key(*path))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            let before = if self.builds { fs::read(top.join(&path)).ok() } else { None };
            match before {
                Some(before) => {
                    replace(&self.path.join(&path), &before)?;
                    self.holds.insert(path, Holds::Worktrees);
                }
                None => {
                    remove(&self.path.join(&path))?;
                    self.holds.remove(&path);
                }
            }
        }
        for (path, bytes) in files {
            self.put(top, path, bytes)?;
        }
        Ok(())
    }

    fn put(&mut self, top: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
        let at = self.path.join(path);
        // A run that is repeated finds what it built.
        if self.holds.contains_key(path) && fs::read(&at).is_ok_and(|there| there == bytes) {
            self.holds.insert(path.to_owned(), Holds::Candidates);
            return Ok(());
        }
        self.make_folders(top, Path::new(path))?;
        self.holds.insert(path.to_owned(), Holds::Candidates);
        replace(&at, bytes)?;
        match fs::symlink_metadata(top.join(path)) {
            Ok(about) if about.is_file() => fs::set_permissions(&at, about.permissions()),
            _ => Ok(()),
        }
    }

    /// The directories above a file, as the worktree has them.
    fn make_folders(&self, top: &Path, path: &Path) -> io::Result<()> {
        let (mut here, mut there) = (self.path.clone(), top.to_owned());
        for part in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(part) = part else { return Err(Io::InvalidInput.into()) };
            here.push(part);
            there.push(part);
            let above = fs::symlink_metadata(&there).ok();
            if above.as_ref().is_some_and(|about| !about.is_dir()) {
                // The target of a link may be anywhere, and a directory in its place would hide it.
                return Err(Io::NotADirectory.into());
            }
            match fs::create_dir(&here) {
                Err(error) if error.kind() == Io::AlreadyExists => continue,
                made => made?,
            }
            if let Some(about) = above {
                fs::set_permissions(&here, about.permissions())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
