//! Where code ran, and what was enforced while it did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tier of the sandbox ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// WebAssembly: no system call reaches the kernel except through the host.
    Wasm,
    /// Namespaces, Landlock, seccomp and rlimits.
    Os,
    /// A container engine.
    Container,
}

impl Tier {
    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Os => "os",
            Self::Container => "container",
        }
    }
}

/// What a sandbox enforced in one run. `false` or `None` means: not enforced, and said so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Enforced {
    /// The mechanisms in force, by name (`wasm`, `user_namespace`, `landlock`, `seccomp`, ...).
    pub by: Vec<String>,
    /// No network could be reached.
    pub network: bool,
    /// Nothing outside the project's view and the scratch directory could be written.
    pub file_writes: bool,
    /// Nothing outside the project's view, the scratch directory and the toolchains could be read.
    pub file_reads: bool,
    /// No outside process could be seen or signalled.
    pub processes: bool,
    /// The wall clock limit, ms.
    pub wall_ms: Option<u64>,
    /// The memory limit, bytes.
    pub memory_bytes: Option<u64>,
    /// Protections that were asked for and could not be had, each with its cause.
    pub missing: Vec<String>,
}
