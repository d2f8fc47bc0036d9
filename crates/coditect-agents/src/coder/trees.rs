//! Where candidates are tried in sandboxes that read the disk: one place for each thread.
//!
//! Where the sandbox can mount a layer above a worktree, all places share one worktree, and each has a layer of its own
//! for the files of its candidate. Where it cannot, each is a worktree, into which the candidate is written, and which is
//! looked at afterwards and brought back to the commit's content.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use coditect_ports::{Job, PortError, Program, Sandbox, Stop, Workspace, Writes};
use coditect_types::{Limits, MissionId};

use super::layer::Layer;

/// What is known of a file without reading it: size, time of change, whether it is a plain file.
type Look = (u64, Option<SystemTime>, bool);

/// One place.
#[derive(Debug)]
pub(crate) struct Tree {
    number: usize,
    /// Where it builds, if anything is built.
    cache: Option<PathBuf>,
    stand: Stand,
}

#[derive(Debug)]
enum Stand {
    /// A layer over the shared worktree.
    Layer(Layer, PathBuf),
    /// A worktree of its own.
    Copy(Copy),
}

/// A worktree that is written to.
#[derive(Debug)]
struct Copy {
    path: PathBuf,
    /// How it looked when it was clean.
    clean: BTreeMap<PathBuf, Look>,
}

impl Tree {
    /// The worktree's top.
    pub(crate) fn path(&self) -> &Path {
        match &self.stand {
            Stand::Layer(_, shared) => shared,
            Stand::Copy(copy) => &copy.path,
        }
    }

    /// Its directory for what is built.
    pub(crate) fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// What becomes of what a run writes.
    pub(crate) fn writes(&self) -> Writes<'_> {
        match &self.stand {
            Stand::Layer(layer, _) => Writes::Dropped { over: Some(layer.path()) },
            Stand::Copy(_) => Writes::Kept,
        }
    }
}

/// Places for one commit, lent to one trial at a time.
#[derive(Debug)]
pub(crate) struct Trees<'a> {
    workspace: &'a dyn Workspace,
    mission: &'a MissionId,
    commit: &'a str,
    /// Whether there is a directory for what is built.
    builds: bool,
    /// Whether places are layers.
    layered: AtomicBool,
    /// Directories that runs need to find, see [`coditect_types::project::Lent`].
    places: Vec<String>,
    free: Mutex<Vec<Tree>>,
    returned: Condvar,
}

impl<'a> Trees<'a> {
    /// Makes `count` places.
    pub(crate) fn make(
        workspace: &'a dyn Workspace,
        mission: &'a MissionId,
        commit: &'a str,
        count: usize,
        (builds, places): (bool, Vec<String>),
        (sandbox, waived): (&dyn Sandbox, &[String]),
    ) -> Result<Self, PortError> {
        let trees = Self {
            workspace,
            mission,
            commit,
            builds,
            places,
            layered: AtomicBool::new(true),
            free: Mutex::default(),
            returned: Condvar::new(),
        };
        let shared = workspace.worktree(mission, commit, "seek-shared")?;
        make_room(&shared, &trees.places)?;
        let first = trees.layer(&shared, 0)?;
        trees.layered.store(can_layer(sandbox, waived, &first), Ordering::Relaxed);
        let mut free = vec![first];
        for number in 1..count.max(1) {
            free.push(trees.layer(&shared, number)?);
        }
        *trees.lock() = free;
        Ok(trees)
    }

    /// Whether places share a worktree.
    pub(crate) fn are_layered(&self) -> bool {
        self.layered.load(Ordering::Relaxed)
    }

    /// From now on each place is a worktree of its own: the project needs what layers cannot do.
    pub(crate) fn give_up_layers(&self) {
        self.layered.store(false, Ordering::Relaxed);
    }

    /// As [`Trees::with`], in a worktree that nobody else has.
    pub(crate) fn alone<T>(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        run: impl FnOnce(&Tree) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let path = self.workspace.worktree(self.mission, self.commit, "seek-alone")?;
        make_room(&path, &self.places)?;
        let stand = Stand::Copy(Copy { path, clean: BTreeMap::new() });
        let tree = Tree { number: 0, cache: None, stand };
        write(&tree, files)?;
        run(&tree)
    }

    fn layer(&self, shared: &Path, number: usize) -> Result<Tree, PortError> {
        let purpose = format!("seek-{number}");
        let path = self.workspace.cache(self.mission, &format!("{purpose}-layer"), None)?;
        let layer = Layer::open(path, self.builds)
            .map_err(|error| PortError::from_io("look at the layer of a candidate", &error))?;
        let cache = self.cache(&purpose)?;
        Ok(Tree { number, cache, stand: Stand::Layer(layer, shared.to_owned()) })
    }

    fn cache(&self, purpose: &str) -> Result<Option<PathBuf>, PortError> {
        let make = || self.workspace.cache(self.mission, purpose, Some("baseline"));
        self.builds.then(make).transpose()
    }

    fn copy(&self, number: usize) -> Result<Copy, PortError> {
        let path = self.workspace.worktree(self.mission, self.commit, &format!("seek-{number}"))?;
        make_room(&path, &self.places)?;
        let clean = looks(&path);
        Ok(Copy { path, clean })
    }

    /// Puts `files` (path below the top, whole content) in place of those of the commit, and lends a place with them to
    /// `run`. The next one finds nothing of what it wrote there.
    pub(crate) fn with<T>(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        run: impl FnOnce(&Tree) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let mut lent = Lent { trees: self, tree: Some(self.take()) };
        let Some(tree) = lent.tree.as_mut() else { return Err(crate::interrupted()) };
        let number = tree.number;
        if !self.are_layered() && matches!(tree.stand, Stand::Layer(..)) {
            tree.stand = Stand::Copy(self.copy(number)?);
            // What was built last is a candidate's, and its files here need not be newer than that.
            tree.cache = self.cache(&format!("seek-{number}-copy"))?;
        }
        let before = match &mut tree.stand {
            Stand::Layer(layer, shared) => {
                layer.hold(shared, files).map_err(|error| PortError::from_io(WRITING, &error))?;
                return run(tree);
            }
            Stand::Copy(copy) => copy.before(files),
        };
        let result = write(tree, files).and_then(|()| run(tree));
        if let Stand::Copy(copy) = &mut tree.stand
            && (!copy.is_clean_but(&before) || copy.restore(before).is_err())
        {
            // The files of the candidate are different anyway; any other difference was made by the run.
            *copy = self.copy(number)?;
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

const WRITING: &str = "write a candidate for the sandbox";

/// Writes a candidate into a worktree.
fn write(tree: &Tree, files: &BTreeMap<String, Vec<u8>>) -> Result<(), PortError> {
    let mut files = files.iter();
    files
        .try_for_each(|(path, bytes)| replace(&tree.path().join(path), bytes))
        .map_err(|error| PortError::from_io(WRITING, &error))
}

/// Makes the directories that dependencies are shown in.
pub(crate) fn make_room(path: &Path, places: &[String]) -> Result<(), PortError> {
    let mut places = places.iter();
    places
        .try_for_each(|place| fs::create_dir_all(path.join(place)))
        .map_err(|error| PortError::from_io("make room for dependencies", &error))
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

impl Copy {
    /// What stands at the paths of a candidate.
    fn before(&self, files: &BTreeMap<String, Vec<u8>>) -> Before {
        let paths = files.keys().map(|path| self.path.join(path));
        paths.map(|path| (path.clone(), fs::read(path).ok())).collect()
    }

    /// True where nothing but these files looks different from before.
    fn is_clean_but(&self, written: &Before) -> bool {
        let now = looks(&self.path);
        let is_written = |path: &PathBuf| written.iter().any(|(known, _)| known == path);
        now.iter().all(|(path, look)| is_written(path) || self.clean.get(path) == Some(look))
            && self.clean.keys().all(|path| is_written(path) || now.contains_key(path))
    }

    /// Puts files back as they were.
    fn restore(&mut self, before: Before) -> io::Result<()> {
        for (path, bytes) in before {
            match bytes {
                Some(bytes) => {
                    replace(&path, &bytes)?;
                    self.clean.insert(path.clone(), look(&fs::symlink_metadata(&path)?));
                }
                None => remove(&path)?,
            }
        }
        Ok(())
    }
}

/// Files, and what stood there.
type Before = Vec<(PathBuf, Option<Vec<u8>>)>;

/// Whether the sandbox can run something in this place, by doing it: it is a matter of the kernel, and of the file system
/// that the worktree is on.
fn can_layer(sandbox: &dyn Sandbox, waived: &[String], tree: &Tree) -> bool {
    let program = Program::Command { argv: vec!["true".to_owned()], env: Vec::new() };
    let (limits, stop) = (Limits::default(), Stop::new());
    let job = Job {
        program: &program,
        view: tree.path(),
        directory: "",
        writes: tree.writes(),
        stdin: &[],
        limits: &limits,
        waived,
        stop: &stop,
    };
    sandbox.run(&job, &mut |_| ControlFlow::Continue(())).is_ok()
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
