//! Source code: how a project's tests are found and run, which lines are suspicious, which edits might repair
//! them, and the git worktrees that all of it happens in.
//!
//! Knows nothing of missions' plans, of the journal or of models. Runs project code only through the `Sandbox`
//! port; looks at files of a worktree as data.
//!
//! Start reading at [`survey::survey`] for what a project is, at [`suite::Suite`] for a run of its tests, at
//! [`repair::seek`] for the search, and at [`workspace::GitWorkspace`] for the person's repository.

pub mod blank;
pub mod conflicts;
pub mod excerpt;
pub mod graph;
pub mod halves;
pub mod languages;
pub mod outline;
pub mod provenance;
pub mod python;
pub mod reach;
pub mod rename;
pub mod repair;
pub mod review;
pub mod sameness;
mod shell;
pub mod suggestions;
pub mod suite;
pub mod survey;
pub mod syntax;
pub mod trace;
pub mod workspace;
pub mod written;
