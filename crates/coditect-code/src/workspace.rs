//! The `Workspace` port for git repositories and plain directories.
//!
//! # How it keeps its promises
//! Everything is done by the `git` binary, since only git itself reads every index, ignore rule, ref format and
//! pack as the person's own git does. But git is never pointed at the person's git directory, because its
//! `config` may name programs: filters, hooks, fsmonitor, an ssh command. It works on two stand-ins that live in
//! the mission's directory and have configuration of our own:
//!
//! - the **shadow** (`repo.git`) borrows the person's objects and holds the mission's; snapshots, commits and
//!   worktrees are made there, under attributes that turn every conversion off. What is hashed is what stands on
//!   the disk, byte by byte;
//! - the **lens** (`lens.git`) has the person's refs and objects as links; HEAD is read and the one new branch
//!   is made through it.
//!
//! A plain directory has a shadow that borrows from nowhere.
//!
//! Why not a library (`gix`, `libgit2`): the person's index, attributes and ref store come in every version and
//! extension that their git knows (split and sparse indexes, SHA-256, reftables, shallow and partial clones),
//! and whatever we misread would become a wrong snapshot or a damaged repository. Calls are few: a dozen for a
//! snapshot, two for a worktree, one per file for a commit.
//!
//! # What lies where
//! Below the state directory, `missions/<mission>/`: `repo.git`, `snapshot.json`, `trees/<purpose>` with
//! `<purpose>.index`, `handed.json`, and for plain directories `<mission>.patch`. Other names are temporary.
//!
//! # What is in a snapshot
//! Tracked files as they stand on the disk, and untracked ones that no ignore rule names. Left out and told:
//! submodules and other repositories inside (their entries stay in the tree), fifos, sockets, devices, files
//! that cannot be read, virtual environments and caches that are not tracked. Links are kept as links. Empty
//! directories and ignored files are not part of it, as with git.
//!
//! Start reading at [`snapshot::take`].

mod apply;
mod caches;
mod carry;
mod change;
mod disk;
mod gather;
mod git;
mod handover;
mod history;
mod lens;
mod lines;
mod log;
mod merge;
mod mined;
mod moment;
mod packs;
mod paths;
mod place;
mod repository;
mod shadow;
mod snapshot;
mod survey;
mod taste;
mod train;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};

use coditect_ports::workspace::{Applied, Change, Difference, FileEdit, Handed, Merged};
use coditect_ports::{PortError, Workspace};
use coditect_types::outcome::Carried;
use coditect_types::{ErrorKind, MissionId, Snapshot};

pub use git::Git;
pub use log::{Log, log};
pub use mined::{Mined, mined};
pub use repository::stands_on;
pub use taste::Taste;

use paths::{make_dir, remove, trouble, try_disk};
use shadow::Shadow;

/// The `Workspace` of git repositories and plain directories.
#[derive(Debug)]
pub struct GitWorkspace {
    git: Git,
    home: PathBuf,
    taste: Taste,
}

impl GitWorkspace {
    /// Keeps missions below `home`, the state directory, which is made if need be.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    pub fn open(home: &Path, git: Git) -> Result<Self, PortError> {
        make_dir(home)?;
        let home = fs::canonicalize(home).map_err(|error| trouble("open the directory", home, &error))?;
        Ok(Self { git, home, taste: Taste::default() })
    }

    /// Takes the person's own git settings into account (see [`Taste::read`]).
    #[must_use]
    pub fn with_taste(mut self, taste: Taste) -> Self {
        self.taste = taste;
        self
    }

    /// The git in use.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The directory of one mission.
    #[must_use]
    pub fn mission_dir(&self, mission: &MissionId) -> PathBuf {
        self.home.join("missions").join(mission.as_str())
    }

    /// Git does not always say why it could not write. Where the state directory takes nothing, that is the cause.
    fn told<T>(&self, mission: &MissionId, done: Result<T, PortError>) -> Result<T, PortError> {
        done.map_err(|error| match error.kind {
            ErrorKind::Unavailable | ErrorKind::Invalid => {
                let cause = try_disk(&self.mission_dir(mission)).err();
                cause.filter(|cause| cause.kind == ErrorKind::Exhausted).unwrap_or(error)
            }
            ErrorKind::Denied
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Exhausted
            | ErrorKind::Interrupted
            | ErrorKind::NoSandbox
            | ErrorKind::Bug => error,
        })
    }

    fn shadow(&self, mission: &MissionId) -> Result<Shadow<'_>, PortError> {
        Shadow::open(&self.git, &self.mission_dir(mission))
    }
}

impl Workspace for GitWorkspace {
    fn take_snapshot(&self, mission: &MissionId, dir: &Path) -> Result<Snapshot, PortError> {
        let root = self.mission_dir(mission);
        let source = snapshot::Source { git: &self.git, root: &root, home: &self.home, taste: &self.taste };
        self.told(mission, snapshot::take(&source, dir))
    }

    fn changed_since(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
    ) -> Result<Vec<String>, PortError> {
        let root = self.mission_dir(mission);
        let source = snapshot::Source { git: &self.git, root: &root, home: &self.home, taste: &self.taste };
        self.told(mission, snapshot::changed_since(&source, dir, snapshot))
    }

    fn worktree(&self, mission: &MissionId, commit: &str, purpose: &str) -> Result<PathBuf, PortError> {
        self.told(mission, trees::worktree(&self.shadow(mission)?, commit, purpose))
    }

    fn cache(&self, mission: &MissionId, purpose: &str, like: Option<&str>) -> Result<PathBuf, PortError> {
        self.told(mission, caches::cache(&self.mission_dir(mission), purpose, like))
    }

    fn commit(
        &self,
        mission: &MissionId,
        parent: &str,
        edits: &[FileEdit],
        message: &str,
    ) -> Result<Change, PortError> {
        self.told(mission, change::commit(&self.shadow(mission)?, parent, edits, message))
    }

    fn merge(
        &self,
        mission: &MissionId,
        base: &str,
        commits: &[String],
        message: &str,
    ) -> Result<Merged, PortError> {
        self.told(mission, train::merge(&self.shadow(mission)?, base, commits, message))
    }

    fn tree_of(&self, mission: &MissionId, commit: &str) -> Result<String, PortError> {
        self.shadow(mission)?.tree_of(commit)
    }

    fn hand_over(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
        message: &str,
    ) -> Result<Handed, PortError> {
        handover::hand_over(&self.shadow(mission)?, mission, dir, snapshot, (commit, None), message)
    }

    fn carry(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
    ) -> Result<Option<Carried>, PortError> {
        self.told(mission, carry::carry(&self.shadow(mission)?, dir, snapshot, commit))
    }

    fn hand_over_onto(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
        carried: &Carried,
        message: &str,
    ) -> Result<Handed, PortError> {
        handover::hand_over(&self.shadow(mission)?, mission, dir, snapshot, (commit, Some(carried)), message)
    }

    fn keep_patch(
        &self,
        mission: &MissionId,
        snapshot: &Snapshot,
        commit: &str,
        message: &str,
    ) -> Result<Handed, PortError> {
        handover::keep_patch(&self.shadow(mission)?, mission, snapshot, commit, message)
    }

    fn apply(&self, mission: &MissionId, dir: &Path, snapshot: &Snapshot) -> Result<Applied, PortError> {
        apply::apply(&self.shadow(mission)?, &self.taste, mission, dir, snapshot)
    }

    fn fork(&self, from: &MissionId, into: &MissionId) -> Result<(), PortError> {
        let own = Shadow::at(&self.git, &self.mission_dir(into));
        self.told(into, moment::fork(&self.shadow(from)?, &own))
    }

    fn difference(&self, mission: &MissionId, old: &str, new: &str) -> Result<Difference, PortError> {
        moment::difference(&self.shadow(mission)?, old, new)
    }

    fn copy_out(&self, mission: &MissionId, commit: &str, dir: &Path) -> Result<(), PortError> {
        moment::copy_out(&self.shadow(mission)?, commit, dir)
    }

    fn has(&self, mission: &MissionId, commit: &str) -> Result<bool, PortError> {
        packs::has(&Shadow::at(&self.git, &self.mission_dir(mission)), commit)
    }

    fn pack(&self, mission: &MissionId, commit: &str, upon: Option<&str>) -> Result<Vec<u8>, PortError> {
        packs::pack(&self.shadow(mission)?, commit, upon)
    }

    fn unpack(
        &self,
        mission: &MissionId,
        commit: &str,
        upon: Option<&str>,
        pack: Vec<u8>,
    ) -> Result<(), PortError> {
        self.told(mission, packs::unpack(&self.git, &self.mission_dir(mission), commit, upon, pack))
    }

    fn adopt(&self, mission: &MissionId, dir: &Path, snapshot: &Snapshot) -> Result<(), PortError> {
        let root = self.mission_dir(mission);
        let source = snapshot::Source { git: &self.git, root: &root, home: &self.home, taste: &self.taste };
        self.told(mission, snapshot::adopt(&source, dir, snapshot))
    }

    /// A patch file that was handed over stays, alone in the mission's directory.
    fn clean(&self, mission: &MissionId) -> Result<(), PortError> {
        let root = self.mission_dir(mission);
        let patch = root.join(format!("{mission}.patch"));
        if !patch.is_file() {
            return remove(&root);
        }
        let entries = fs::read_dir(&root).map_err(|error| trouble("read the directory", &root, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| trouble("read the directory", &root, &error))?.path();
            if path != patch {
                remove(&path)?;
            }
        }
        Ok(())
    }
}
