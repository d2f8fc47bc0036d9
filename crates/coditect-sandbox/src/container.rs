//! The container tier: one container of an engine (Docker or Podman) for each run, for those who want the toolchain of
//! an image.
//!
//! # What is asked of the engine, and looked up again in what it made of it
//!
//! No network, a root that cannot be written, no capabilities, no new privileges, an ordinary user, a system call filter
//! of ours, limits of memory (without swap), processes, CPUs and files, a scratch directory in memory, and of the disk
//! only the view. An engine that answers with less is refused with `Denied`, and the cause names the protection.
//!
//! # What it never does
//!
//! It never pulls an image, never builds one, never shows the engine's socket to a guest, and never falls back to
//! another tier. It speaks to engines on this machine only, since the view must be there.
//!
//! # Nothing stays
//!
//! The container is removed by force at the end of its run, whatever the end. Should the host die, its *guard*, a small
//! process that holds the other end of a pipe, removes what the host had; what even that misses is swept by the next host.
//!
//! Start reading at `drive.rs`; `body.rs` is the whole of what is asked.

mod body;
mod client;
mod drive;
mod engine;
mod filter;
mod guard;
mod order;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use coditect_ports::sandbox::Probe;
use coditect_ports::{Job, PortError, Ran, Sandbox};
use coditect_types::{Enforced, Tier};

pub(crate) use guard::{GUARD, watch as guard_containers};

/// What the tier is told, by the program that reads the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Sockets at which an engine may answer; the first that does is taken.
    pub sockets: Vec<PathBuf>,
    /// The image that runs are made of, by name or id. It must be there.
    pub image: Option<String>,
    /// A program that calls [`crate::os::init_if_requested`], for the guard.
    pub launcher: PathBuf,
}

/// The container tier. Making one does nothing; the first run or probe looks for the engine.
#[derive(Debug)]
pub struct ContainerSandbox {
    settings: Settings,
    ready: OnceLock<engine::Ready>,
    guard: Mutex<Option<guard::Guard>>,
}

impl ContainerSandbox {
    /// A tier that speaks to the engine of these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, ready: OnceLock::new(), guard: Mutex::new(None) }
    }
}

impl Sandbox for ContainerSandbox {
    fn tier(&self) -> Tier {
        Tier::Container
    }

    fn probe(&self) -> Probe {
        engine::probe(self).unwrap_or_else(|error| {
            let enforced = Enforced { missing: vec![error.cause.clone()], ..Enforced::default() };
            let advice = [Some(error.cause), error.hint].into_iter().flatten().collect();
            Probe { tier: Tier::Container, usable: false, enforced, facts: Vec::new(), advice }
        })
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let begun = Instant::now();
        let mut ran = drive::run(self, job, on_report)?;
        ran.wall_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(ran)
    }
}

#[cfg(test)]
mod tests;
