//! What went wrong, for a program: each kind says what to do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of an error. Mapped once each to exit codes, gRPC and HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The caller's input is wrong: change it.
    Invalid,
    /// Not allowed by policy, permission or sandbox: ask a person.
    Denied,
    /// No sandbox of this machine can host it with every protection that is required: lower the bar by name, or mend
    /// the machine.
    NoSandbox,
    /// What was named does not exist.
    NotFound,
    /// Someone else was first, or the state does not allow it: read again, then decide.
    Conflict,
    /// A budget, limit, disk or queue is used up.
    Exhausted,
    /// A part is down or busy: retry later.
    Unavailable,
    /// The work was stopped on purpose: a person's interrupt or a limit of time.
    Interrupted,
    /// A broken promise of our own code: report it.
    Bug,
}
