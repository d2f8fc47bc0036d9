//! The person's directory, and the snapshot that a mission works on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which directory a mission is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceRef {
    /// Absolute path of the directory that the person named (lossy where it is not UTF-8).
    pub path: String,
}

/// What the directory is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceKind {
    /// A git work tree.
    Git,
    /// A directory without version control: the mission ends in a patch file.
    Plain,
}

/// What the person saw when the mission began, kept as a commit in the mission's own object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// Git or plain.
    pub kind: WorkspaceKind,
    /// The commit of the snapshot (hex).
    pub commit: String,
    /// Its tree (hex).
    pub tree: String,
    /// The person's HEAD commit, if there was one.
    pub head: Option<String>,
    /// The branch that HEAD names, if it names one.
    pub branch: Option<String>,
    /// The snapshot holds work that is not committed.
    pub uncommitted: bool,
    /// The named directory below the repository's top (`""` at the top, `/` between components).
    pub subdir: String,
    /// Files in the snapshot.
    pub files: u64,
    /// What was left out, each with its cause (submodules, links out of the tree, sockets, ...).
    pub left_out: Vec<String>,
}
