//! The person's directory, and the mission's own copies of it.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use coditect_types::outcome::{Carried, ChangedFile};
use coditect_types::{MissionId, Snapshot};

use crate::PortError;

/// New content of one file in a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// Path below the snapshot's top, `/` between components.
    pub path: String,
    /// The whole new content; None removes the file.
    pub content: Option<Vec<u8>>,
}

/// A commit in the mission's own store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The commit (hex).
    pub commit: String,
    /// Its tree (hex).
    pub tree: String,
    /// Against its parent, unified diff with three lines of context.
    pub diff: String,
    /// The files it touches.
    pub files: Vec<ChangedFile>,
}

/// Several changes as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The commit of those that go together.
    pub change: Change,
    /// Places in the list of those that were left out, each with the file that stands against it.
    pub conflicts: Vec<(usize, String)>,
}

/// What is otherwise in one commit than in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A unified diff with three lines of context.
    pub diff: String,
    /// It goes on: what is here is its beginning.
    pub is_cut: bool,
    /// The files that differ.
    pub files: Vec<ChangedFile>,
}

/// What a person was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The branch, in a git workspace.
    pub branch: Option<String>,
    /// The commit on it.
    pub commit: Option<String>,
    /// The patch file, for a plain directory or a repository that takes no branch.
    pub patch: Option<PathBuf>,
}

/// What `apply` did to the person's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How, in a phrase (`fast-forward`, `cherry-pick`, `patch to the working tree`).
    pub how: String,
    /// Files that changed.
    pub files: Vec<String>,
}

/// Snapshots, worktrees, commits and hand-over of one directory.
///
/// # Promises
/// - Never touches the person's working tree, index, branches, stash, config or hooks. `hand_over` adds one new
///   ref `refs/heads/coditect/<mission>` and objects; `apply` is the one call that changes the working tree,
///   and refuses rather than overwrite.
/// - Runs no program that the repository names (hooks, filters, fsmonitor, textconv, external diff).
/// - Everything else lives under the mission's own directory and goes with `clean`.
/// - Every call can be repeated: after a crash the same call gives the same result.
///
/// # May
/// Share objects with the person's repository, read-only.
///
/// # Must not
/// Follow links out of the tree; write outside the mission's own directory.
///
/// # When it fails
/// With a cause that names the path; nothing of the person's is changed.
pub trait Workspace: Debug + Send + Sync {
    /// Keeps what the person sees in `dir` (tracked, changed and untracked files that are not ignored).
    fn take_snapshot(&self, mission: &MissionId, dir: &Path) -> Result<Snapshot, PortError>;

    /// The paths of files that `dir` has otherwise than the snapshot by now, new and removed ones among them, sorted.
    fn changed_since(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
    ) -> Result<Vec<String>, PortError>;

    /// A directory with the files of `commit`, made if need be. `purpose` tells worktrees of one commit apart
    /// (`[a-z0-9-]+`); a worktree that exists is brought back to the commit's exact content.
    fn worktree(&self, mission: &MissionId, commit: &str, purpose: &str) -> Result<PathBuf, PortError>;

    /// A directory of the mission for what is built, outside every worktree (`purpose`: as of a worktree). It is kept;
    /// a new one begins as a copy of the one of `like`, where that exists.
    fn cache(&self, mission: &MissionId, purpose: &str, like: Option<&str>) -> Result<PathBuf, PortError>;

    /// A commit with `edits` on top of `parent`. The same arguments give the same commit.
    fn commit(
        &self,
        mission: &MissionId,
        parent: &str,
        edits: &[FileEdit],
        message: &str,
    ) -> Result<Change, PortError>;

    /// The changes of `commits`, each of them a child of `base`, as one commit on top of `base`. They are taken in their
    /// order; one that changes a file otherwise than one before it is left out. The same arguments give the same commit.
    fn merge(
        &self,
        mission: &MissionId,
        base: &str,
        commits: &[String],
        message: &str,
    ) -> Result<Merged, PortError>;

    /// The tree hash of a commit.
    fn tree_of(&self, mission: &MissionId, commit: &str) -> Result<String, PortError>;

    /// Gives `commit` to the person, under `message`: a branch, or a patch file for a plain directory and for a
    /// repository that takes no branch (it may not be written, its disk is full, a branch `coditect` is in the way).
    fn hand_over(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
        message: &str,
    ) -> Result<Handed, PortError>;

    /// The change from the snapshot to `commit` on top of the commit that the snapshot's branch names in `dir` by now. None:
    /// that is the one which it named when the snapshot was taken, it is gone, or there is no branch at all. Nothing of the
    /// person's is written.
    fn carry(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
    ) -> Result<Option<Carried>, PortError>;

    /// As `hand_over`, for a change that was carried: the branch stands on the person's newer commit. What `apply` brings
    /// in is the change from the snapshot to `commit`.
    fn hand_over_onto(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
        commit: &str,
        carried: &Carried,
        message: &str,
    ) -> Result<Handed, PortError>;

    /// Keeps `commit` for the person as a patch file in the mission's own directory, under `message`; `apply` knows it.
    /// Their repository is not written to.
    fn keep_patch(
        &self,
        mission: &MissionId,
        snapshot: &Snapshot,
        commit: &str,
        message: &str,
    ) -> Result<Handed, PortError>;

    /// Brings what was handed over into the person's current branch or directory; refuses on conflict.
    fn apply(&self, mission: &MissionId, dir: &Path, snapshot: &Snapshot) -> Result<Applied, PortError>;

    /// Gives a new mission the snapshot and the commits that another one has so far, which keeps them. Refused where the new
    /// one has any already.
    fn fork(&self, from: &MissionId, into: &MissionId) -> Result<(), PortError>;

    /// What is otherwise in commit `new` of a mission than in its commit `old`.
    fn difference(&self, mission: &MissionId, old: &str, new: &str) -> Result<Difference, PortError>;

    /// Writes the files of a commit into `dir`, which is new or empty. They are the person's from then on.
    fn copy_out(&self, mission: &MissionId, commit: &str, dir: &Path) -> Result<(), PortError>;

    /// Whether the mission's own store has a commit.
    fn has(&self, mission: &MissionId, commit: &str) -> Result<bool, PortError>;

    /// A commit for another machine, as bytes that its [`Workspace::unpack`] takes in: all of its files and none of its history, or
    /// where `upon` is a commit that the other one has, what it has beyond that.
    fn pack(&self, mission: &MissionId, commit: &str, upon: Option<&str>) -> Result<Vec<u8>, PortError>;

    /// Makes the mission's store here, for a snapshot that another machine took of the same project, which is in `dir`. The commits come
    /// after that, by [`Workspace::unpack`]. Where there is a store, nothing is done.
    ///
    /// # Errors
    /// `Conflict` where `dir` is another project, or it cannot be told: it has no repository, or one without the commit that the snapshot
    /// stands on.
    fn adopt(&self, mission: &MissionId, dir: &Path, snapshot: &Snapshot) -> Result<(), PortError>;

    /// Takes a commit in that another machine packed. The first one of a mission makes its store.
    fn unpack(
        &self,
        mission: &MissionId,
        commit: &str,
        upon: Option<&str>,
        pack: Vec<u8>,
    ) -> Result<(), PortError>;

    /// Removes the mission's own directory. What was handed over stays.
    fn clean(&self, mission: &MissionId) -> Result<(), PortError>;
}
