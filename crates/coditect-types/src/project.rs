//! What the analyzer found out about a directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::Tier;

/// How the tests of a project are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framework {
    /// `python -m unittest`
    Unittest,
    /// `python -m pytest`
    Pytest,
    /// `python -m doctest`
    Doctest,
    /// A command of the person's own; only its exit code is known.
    Command,
}

/// A project and the way its tests are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// `python`, ...
    pub language: String,
    /// How the tests are run.
    pub framework: Framework,
    /// The command as a person would type it in `root` (program first).
    pub command: Vec<String>,
    /// The project's root below the snapshot's top (`""` at the top).
    pub root: String,
    /// Directories below `root` that imports start from, first one first (`""` is `root`).
    pub import_paths: Vec<String>,
    /// What the framework is told to run (files, directories, modules); empty = its own discovery.
    pub targets: Vec<String>,
    /// The tier that can host it.
    pub tier: Tier,
    /// Why that tier, in a sentence.
    pub tier_reason: String,
    /// The interpreter for the OS tier: path in the project (`.venv/bin/python`) or name on `PATH`.
    pub interpreter: Option<String>,
    /// What else was noticed, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
}
