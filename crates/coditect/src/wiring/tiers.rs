//! The tiers of the sandbox on this machine.

use std::sync::Arc;

use coditect_ports::sandbox::Probe;
use coditect_ports::{PortError, Sandbox};
use coditect_sandbox::container::{self, ContainerSandbox};
use coditect_sandbox::os::{OsSandbox, Settings};
use coditect_sandbox::wasm::{Progress, WasmSandbox};
use coditect_types::limits::SandboxChoice;
use coditect_types::{Enforced, ErrorKind, Policy, Tier};

use crate::environment::Site;
use crate::phrase;
use crate::report::{Doing, NO_SANDBOX, Report};

/// The tiers that were asked for, opened or not.
pub(crate) struct Tiers(Vec<(Tier, Opened)>);

type Opened = Result<Arc<dyn Sandbox>, PortError>;

impl Tiers {
    /// Opens the tiers that `choice` allows, the strongest first.
    pub(crate) fn open(site: &Site, choice: SandboxChoice, say: &mut dyn FnMut(String)) -> Self {
        let wanted = |tier| match choice {
            // Nobody is moved into an image that they did not ask for.
            SandboxChoice::Auto => tier != Tier::Container,
            SandboxChoice::Only(only) => only == tier,
        };
        let mut tiers: Vec<(Tier, Opened)> = Vec::new();
        if wanted(Tier::Wasm) {
            let opened = WasmSandbox::open(&site.cache, &mut |progress| say_compiling(progress, say));
            tiers.push((Tier::Wasm, opened.map(|sandbox| Arc::new(sandbox) as Arc<dyn Sandbox>)));
        }
        if wanted(Tier::Os) {
            let settings = Settings {
                variables: site.toolchains.clone(),
                ..Settings::this_program(site.search_path(), site.user_home.clone())
            };
            tiers.push((Tier::Os, Ok(Arc::new(OsSandbox::new(settings)))));
        }
        if wanted(Tier::Container) {
            tiers.push((Tier::Container, Ok(Arc::new(container(site)))));
        }
        Self(tiers)
    }

    /// What each tier can do here. A tier that could not be opened is one that is not usable.
    fn probes(&self) -> Vec<Probe> {
        let probe = |(tier, sandbox): &(Tier, Opened)| match sandbox {
            Ok(sandbox) => sandbox.probe(),
            Err(error) => {
                let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
                let advice =
                    format!("the {} sandbox cannot be opened: {}{hint}", phrase::tier(*tier), error.cause);
                let (enforced, facts) = (Enforced::default(), Vec::new());
                Probe { tier: *tier, usable: false, enforced, facts, advice: vec![advice] }
            }
        };
        self.0.iter().map(probe).collect()
    }

    /// The sandboxes for a mission. Refuses where none can be used; a person who waives a protection is let
    /// through, and the run itself refuses what was not waived.
    pub(crate) fn usable(self, policy: &Policy) -> Result<Vec<Arc<dyn Sandbox>>, Report> {
        // The first that is usable is enough to begin; the others are probed where they are needed.
        let any =
            self.0.iter().any(|(_, opened)| opened.as_ref().is_ok_and(|sandbox| sandbox.probe().usable));
        let waived = !policy.waived.is_empty() && self.0.iter().any(|(_, opened)| opened.is_ok());
        if any || waived {
            return Ok(self.0.into_iter().filter_map(|(_, opened)| opened.ok()).collect());
        }
        let advice: Vec<String> = self.probes().into_iter().flat_map(|probe| probe.advice).collect();
        let cause = if advice.is_empty() { "none can be used here".to_owned() } else { advice.join("; ") };
        Err(Report::new(ErrorKind::NoSandbox, "looking for a sandbox", cause)
            .hint("`coditect doctor` says what each tier lacks")
            .exit(NO_SANDBOX))
    }
}

fn say_compiling(progress: Progress, say: &mut dyn FnMut(String)) {
    match progress {
        Progress::Compiling => {
            say("compiling the Python interpreter for this machine, once; this takes some seconds".to_owned());
        }
        Progress::Compiled { ms } => say(format!("compiled it in {}", phrase::span(ms))),
        Progress::Found => {}
    }
}

/// The container tier; it looks for its engine when it is first used.
fn container(site: &Site) -> ContainerSandbox {
    ContainerSandbox::new(container::Settings {
        sockets: site.engines.clone(),
        image: site.image.clone(),
        launcher: "/proc/self/exe".into(),
    })
}

/// What each tier can do on this machine.
pub(crate) fn probes(site: &Site) -> Vec<Probe> {
    let mut probes = Tiers::open(site, SandboxChoice::Auto, &mut |_| {}).probes();
    let mut probe = container(site).probe();
    // Only who named an image wants to hear what it takes.
    if site.image.is_none() {
        probe.advice.clear();
    }
    probes.push(probe);
    probes
}

/// One tier, opened.
pub(crate) fn sandbox(site: &Site, tier: Tier) -> Result<Arc<dyn Sandbox>, Report> {
    let (_, opened) = Tiers::open(site, SandboxChoice::Only(tier), &mut |_| {}).0.remove(0);
    opened.doing("opening the sandbox")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::*;

    #[test]
    fn without_a_sandbox_nothing_begins_and_the_exit_code_says_so() {
        let broken =
            || Err(PortError::new(ErrorKind::Unavailable, "no memory to map").with_hint("free some"));
        let tiers = Tiers(vec![(Tier::Wasm, broken())]);
        let report = tiers.usable(&Policy::default()).unwrap_err();
        assert_eq!(report.exit_code, NO_SANDBOX);
        assert_eq!(report.cause, "the wasm sandbox cannot be opened: no memory to map; free some");
        // Waiving a protection does not make a sandbox.
        let policy = Policy { waived: vec!["network".to_owned()], ..Policy::default() };
        assert!(Tiers(vec![(Tier::Wasm, broken())]).usable(&policy).is_err());
    }
}
