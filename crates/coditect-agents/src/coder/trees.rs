//! Worktrees to try candidates in, for sandboxes that read the disk: one for each thread, brought back to the
//! commit's content after a run that wrote something.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use coditect_ports::{PortError, Workspace};
use coditect_types::MissionId;

/// What is known of a file without reading it: size, time of change, whether it is a plain file.
type Look = (u64, Option<SystemTime>, bool);

/// One worktree.
#[derive(Debug)]
pub(crate) struct Tree {
    purpose: String,
    path: PathBuf,
    /// Where it builds, if anything is built.
    cache: Option<PathBuf>,
    /// How it looked when it was clean.
    clean: BTreeMap<PathBuf, Look>,
}

impl Tree {
    /// The worktree's top.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory for what is built.
    pub(crate) fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }
}

/// Worktrees of one commit, lent to one trial at a time.
#[derive(Debug)]
pub(crate) struct Trees<'a> {
    workspace: &'a dyn Workspace,
    mission: &'a MissionId,
    commit: &'a str,
    /// Whether trees need a directory for what is built.
    builds: bool,
    /// Directories that runs need to find, see [`coditect_types::project::Lent`].
    places: Vec<String>,
    free: Mutex<Vec<Tree>>,
    returned: Condvar,
}

impl<'a> Trees<'a> {
    /// Makes `count` worktrees.
    pub(crate) fn make(
        workspace: &'a dyn Workspace,
        mission: &'a MissionId,
        commit: &'a str,
        count: usize,
        builds: bool,
        places: Vec<String>,
    ) -> Result<Self, PortError> {
        let (free, returned) = (Mutex::default(), Condvar::new());
        let trees = Self { workspace, mission, commit, builds, places, free, returned };
        for number in 0..count.max(1) {
            let tree = trees.fresh(format!("seek-{number}"))?;
            trees.lock().push(tree);
        }
        Ok(trees)
    }

    fn fresh(&self, purpose: String) -> Result<Tree, PortError> {
        let path = self.workspace.worktree(self.mission, self.commit, &purpose)?;
        let cache = if self.builds {
            Some(self.workspace.cache(self.mission, &purpose, Some("baseline"))?)
        } else {
            None
        };
        for place in &self.places {
            fs::create_dir_all(path.join(place))
                .map_err(|error| PortError::from_io("make room for dependencies", &error))?;
        }
        let clean = looks(&path);
        Ok(Tree { purpose, path, cache, clean })
    }

    /// Writes `files` (path below the top, whole content) over a worktree, lends it to `run`, and brings it back to
    /// what it was.
    pub(crate) fn with<T>(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        run: impl FnOnce(&Tree) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let mut lent = Lent { trees: self, tree: Some(self.take()) };
        let Some(tree) = lent.tree.as_mut() else { return Err(crate::interrupted()) };
        let before: Vec<(PathBuf, Option<Vec<u8>>)> = files
            .keys()
            .map(|path| tree.path.join(path))
            .map(|path| (path.clone(), fs::read(path).ok()))
            .collect();
        let written = files.iter().try_for_each(|(path, bytes)| replace(&tree.path.join(path), bytes));
        let result = written
            .map_err(|error| PortError::from_io("write a candidate into a worktree", &error))
            .and_then(|()| run(tree));
        // The files of the candidate are different anyway; any other difference was made by the run.
        if !is_clean_but(tree, &before) || restore(tree, before).is_err() {
            let purpose = tree.purpose.clone();
            *tree = self.fresh(purpose)?;
        }
        result
    }

    fn take(&self) -> Tree {
        let mut free = self.lock();
        loop {
            if let Some(tree) = free.pop() {
                return tree;
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A lock that stays usable: a worktree is in the list or it is not.
    fn lock(&self) -> MutexGuard<'_, Vec<Tree>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a worktree back, also when a trial unwinds: another thread may wait for it.
struct Lent<'a, 'b> {
    trees: &'a Trees<'b>,
    tree: Option<Tree>,
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        if let Some(tree) = self.tree.take() {
            self.trees.lock().push(tree);
            self.trees.returned.notify_one();
        }
    }
}

/// Replaces a file's content. It is made anew, so that a link that stands in its place is never followed.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let permissions =
        fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|old| old.permissions());
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// True where nothing but these files looks different from before.
fn is_clean_but(tree: &Tree, written: &[(PathBuf, Option<Vec<u8>>)]) -> bool {
    let now = looks(&tree.path);
    let is_written = |path: &PathBuf| written.iter().any(|(known, _)| known == path);
    now.iter().all(|(path, look)| is_written(path) || tree.clean.get(path) == Some(look))
        && tree.clean.keys().all(|path| is_written(path) || now.contains_key(path))
}

/// Puts files back as they were.
fn restore(tree: &mut Tree, before: Vec<(PathBuf, Option<Vec<u8>>)>) -> io::Result<()> {
    for (path, bytes) in before {
        match bytes {
            Some(bytes) => {
                replace(&path, &bytes)?;
                tree.clean.insert(path.clone(), look(&fs::symlink_metadata(&path)?));
            }
            None => remove(&path)?,
        }
    }
    Ok(())
}

fn look(about: &fs::Metadata) -> Look {
    (about.len(), about.modified().ok(), about.is_file())
}

/// Every file, link and directory below `top`.
fn looks(top: &Path) -> BTreeMap<PathBuf, Look> {
    let mut found = BTreeMap::new();
    let mut open = vec![top.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            if about.is_dir() {
                open.push(path.clone());
                // A directory's time changes with its entries, which are looked at themselves.
                found.insert(path, (0, None, false));
            } else {
                found.insert(path, look(&about));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
