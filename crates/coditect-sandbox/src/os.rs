//! The OS tier: namespaces, a fresh root, Landlock, a system call filter and resource limits, for what WASM cannot
//! host.
//!
//! # What must stand, and what is a second wall
//!
//! | protection | kept by (essential) | second wall |
//! |---|---|---|
//! | `file_reads`, `file_writes` | mount namespace with a fresh root in memory | Landlock, an ordinary id, no capabilities |
//! | `processes` | pid and ipc namespaces, no new privileges, no capabilities, `RLIMIT_NPROC` | Landlock's signal scope, user namespace, cgroup |
//! | `network` | network namespace (without even a loopback that is up) | system call filter, Landlock |
//! | `seccomp` | the system call filter | |
//! | `limits` | rlimits | cgroup |
//! | `memory` | cgroup, or `RLIMIT_AS` for each process and a watcher over all | |
//!
//! Where an essential wall cannot be built, [`OsSandbox`] refuses with `Denied`, and the cause names the
//! protection. `network`, `seccomp` and `processes` (of that, only the ipc namespace) may be waived. The mount
//! and pid namespaces may not: without them there would be neither a view nor a way to end a whole process tree.
//! A second wall that is missing is told in `Enforced::missing`.
//!
//! # Processes
//!
//! The host starts its own executable again as the *init* (module `init` tells the rest), so a program that
//! uses this tier calls [`init_if_requested`] first thing in `main`.
//!
//! Start reading at [`OsSandbox`] and `run.rs`.

mod cgroup;
mod identity;
mod init;
mod plan;
mod probe;
mod pump;
mod run;
pub(crate) mod sockets;
mod sys;
mod toolchain;
mod watch;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use coditect_ports::sandbox::Probe;
use coditect_ports::{Job, PortError, Ran, Sandbox};
use coditect_types::Tier;

pub(crate) use init::MARK;
pub use init::init_if_requested;
pub(crate) use plan::{PROJECT, RUNNER, RUNNER_FILES, RUNNER_FOLDER};
pub(crate) use pump::{Lines, Reported};
pub(crate) use run::{checked_directory, checked_view, request_inside};

/// What the tier is told about the machine, by the program that reads the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A program that calls [`init_if_requested`].
    pub launcher: PathBuf,
    /// Where interpreters are looked for, as in `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The person's home directory: never shown, nor anything that holds it.
    pub home: Option<PathBuf>,
    /// Where toolchains are, as the environment has it: `CARGO_HOME`, `RUSTUP_HOME`, `GOMODCACHE`.
    pub variables: BTreeMap<String, PathBuf>,
    /// More directories that every run may read, at the same paths inside (a Rust toolchain, ...).
    pub toolchains: Vec<PathBuf>,
}

impl Settings {
    /// For a program that calls [`init_if_requested`] itself: its own executable is the launcher.
    #[must_use]
    pub fn this_program(search_path: Vec<PathBuf>, home: Option<PathBuf>) -> Self {
        // This name stays right when the file is replaced by a newer version while the program runs.
        let launcher = Path::new("/proc/self/exe").to_owned();
        Self { launcher, search_path, home, variables: BTreeMap::new(), toolchains: Vec::new() }
    }
}

/// The OS tier. Making one does nothing; the first run or probe finds out what the machine can do.
#[derive(Debug)]
pub struct OsSandbox {
    settings: Settings,
    base: OnceLock<Vec<plan::Entry>>,
    cgroups: OnceLock<Option<cgroup::Place>>,
    identities: identity::Identities,
    probe: OnceLock<Probe>,
}

impl OsSandbox {
    /// A tier for this machine.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            base: OnceLock::new(),
            cgroups: OnceLock::new(),
            identities: identity::Identities::default(),
            probe: OnceLock::new(),
        }
    }

    fn base(&self) -> &[plan::Entry] {
        self.base.get_or_init(toolchain::base)
    }

    fn cgroups(&self) -> Option<&cgroup::Place> {
        self.cgroups.get_or_init(cgroup::Place::find).as_ref()
    }
}

impl Sandbox for OsSandbox {
    fn tier(&self) -> Tier {
        Tier::Os
    }

    fn probe(&self) -> Probe {
        self.probe.get_or_init(|| probe::probe(self)).clone()
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        run::run(self, job, on_report)
    }
}
