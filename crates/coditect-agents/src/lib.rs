//! The roles: analyzer, coder, documenter, reviewer, tester and deployer. Each turns one action into one outcome.
//!
//! An agent performs what it is told, through the ports that it was made with, and reports what really happened.
//! It never reaches the journal, a model or the network, keeps nothing between two actions, and takes text of the
//! repository as data. What comes of a stopped action is `Interrupted`; nothing of it is left running.
//!
//! Start reading at [`Analyzer`]: it is the first to work on a mission. [`roles`] makes all of them.

use std::sync::Arc;
use std::thread;

use coditect_ports::{Agent, Clock, Memory, PortError, Sandbox, Work, Workspace};
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::{Action, ErrorKind, Failure, Outcome, Tier};

pub mod analyzer;
pub mod coder;
pub mod deployer;
mod doubt;
mod measure;
mod notices;
mod orders;
mod paths;
mod receipt;
pub mod reviewer;
mod runs;
mod script;
pub mod tester;
mod values;

pub use analyzer::Analyzer;
pub use coder::Coder;
pub use deployer::Deployer;
pub use reviewer::Reviewer;
pub use tester::Tester;

/// The ports that the roles work through.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The person's directory and the mission's copies.
    pub workspace: Arc<dyn Workspace>,
    /// The tiers of the sandbox that this machine may use, at most one of each.
    pub sandboxes: Vec<Arc<dyn Sandbox>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What was done before. None: nothing is remembered.
    pub memory: Option<Arc<dyn Memory>>,
    /// Threads that one search may use; 0: as many as there are cores.
    pub threads: usize,
}

impl Tools {
    /// The sandbox of a tier.
    fn sandbox(&self, tier: Tier) -> Result<&dyn Sandbox, Failure> {
        self.sandboxes.iter().find(|sandbox| sandbox.tier() == tier).map(AsRef::as_ref).ok_or_else(|| {
            Failure::new(ErrorKind::NoSandbox, format!("there is no {} sandbox here", tier_name(tier)))
                .with_hint("`coditect doctor` says which sandboxes hold on this machine")
        })
    }

    /// Threads for one search, at least 1.
    fn search_threads(&self) -> usize {
        match self.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }

    /// The sandbox of a tier, where it can run things here with everything that is required of it.
    fn usable(&self, tier: Tier) -> Option<&dyn Sandbox> {
        self.sandbox(tier).ok().filter(|sandbox| sandbox.probe().usable)
    }

    /// Why a tier cannot be used, in a phrase.
    fn why_not(&self, tier: Tier) -> String {
        match self.sandbox(tier) {
            Err(failure) => failure.cause,
            Ok(sandbox) => {
                let advice = sandbox.probe().advice;
                format!("the {} sandbox is not usable here: {}", tier_name(tier), advice.join("; "))
            }
        }
    }
}

/// All roles, for the shell.
#[must_use]
pub fn roles(tools: &Tools) -> Vec<Arc<dyn Agent>> {
    vec![
        Arc::new(Analyzer::new(tools.clone())),
        Arc::new(Coder::new(tools.clone())),
        Arc::new(Reviewer::new(tools.clone())),
        Arc::new(Tester::new(tools.clone())),
        Arc::new(Deployer::new(tools.clone())),
    ]
}

/// How people call a tier.
fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Wasm => "WASM",
        Tier::Os => "OS",
        Tier::Container => "container",
    }
}

/// True where the person lets the work move to this tier.
fn is_allowed(choice: SandboxChoice, tier: Tier) -> bool {
    match choice {
        SandboxChoice::Auto => true,
        SandboxChoice::Only(only) => only == tier,
    }
}

/// What went wrong with what it cost until then; a raised flag explains any failure.
fn failed(work: &Work, error: impl Into<Failure>, spent: Spent) -> Outcome {
    let mut failure: Failure = error.into();
    if work.stop.is_raised() {
        failure = Failure::new(ErrorKind::Interrupted, "stopped before it was done");
    }
    Outcome::Failed { failure, spent }
}

/// An action that belongs to another role: a defect of whoever handed it out.
fn not_mine(action: &Action, role: &str) -> Outcome {
    let cause = format!("the {role} was handed an action for the role {:?}", action.role());
    Outcome::Failed { failure: Failure::new(ErrorKind::Bug, cause), spent: Spent::default() }
}

/// Says that work was stopped.
fn interrupted() -> PortError {
    PortError::new(ErrorKind::Interrupted, "stopped before it was done")
}
