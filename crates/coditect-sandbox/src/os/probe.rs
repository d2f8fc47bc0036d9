//! What the tier can do on this machine, found out by doing it.

use std::io;
use std::ops::ControlFlow;

use coditect_ports::sandbox::{OVERLAY, Probe};
use coditect_ports::{Exit, Job, PortError, Program, Ran, Stop, Writes};
use coditect_types::{Enforced, ErrorKind, Limits, Tier};

use super::{OsSandbox, identity, run};

/// Runs a program that does nothing, with everything that a real run has.
pub(super) fn probe(sandbox: &OsSandbox) -> Probe {
    let outcome = nothing(sandbox, Writes::Kept);
    let mut facts = facts(sandbox);
    match outcome {
        Ok(ran) if ran.exit == Exit::Code(0) => {
            facts.push(("time of a run of `true`".into(), format!("{} us", ran.wall_us)));
            facts.push((OVERLAY.into(), overlay(sandbox)));
            stands(ran, facts)
        }
        Ok(ran) => falls(&format!("`true` ended with {:?} in the sandbox", ran.exit), None, facts),
        Err(error) => falls(&error.cause, error.hint, facts),
    }
}

fn nothing(sandbox: &OsSandbox, writes: Writes<'_>) -> Result<Ran, PortError> {
    let program = Program::Command { argv: vec!["true".into()], env: Vec::new() };
    let limits = Limits { wall_ms: 10_000, ..Limits::default() };
    let view = tempfile::tempdir().map_err(|error| PortError::from_io("making a directory", &error))?;
    let job = Job {
        program: &program,
        view: view.path(),
        directory: "",
        writes,
        stdin: b"",
        limits: &limits,
        waived: &[],
        stop: &Stop::new(),
    };
    run::run(sandbox, &job, &mut |_| ControlFlow::Continue(()))
}

/// Whether runs can have a layer above the view. Nothing depends on it but how fast candidates are tried.
fn overlay(sandbox: &OsSandbox) -> String {
    match nothing(sandbox, Writes::Dropped { over: None }) {
        Ok(ran) => format!("candidates share one worktree, {} us for a run of `true`", ran.wall_us),
        Err(error) => format!("none, so that each candidate is written to a worktree: {}", error.cause),
    }
}

fn stands(ran: Ran, facts: Vec<(String, String)>) -> Probe {
    let mut enforced = ran.enforced;
    // The limits of a run are a job's own; here they only say that they can be had.
    enforced.wall_ms = None;
    enforced.memory_bytes = None;
    let advice = enforced.missing.iter().map(|missing| format!("not to be had here: {missing}")).collect();
    Probe { tier: Tier::Os, usable: true, enforced, facts, advice }
}

fn falls(cause: &str, hint: Option<String>, facts: Vec<(String, String)>) -> Probe {
    let enforced = Enforced { missing: vec![cause.to_owned()], ..Enforced::default() };
    let advice = [Some(cause.to_owned()), hint].into_iter().flatten().collect();
    Probe { tier: Tier::Os, usable: false, enforced, facts, advice }
}

fn facts(sandbox: &OsSandbox) -> Vec<(String, String)> {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let mut facts = Vec::new();
    let mut tell = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    tell("kernel", read("/proc/sys/kernel/osrelease"));
    tell("security modules", read("/sys/kernel/security/lsm"));
    let host = if identity::is_privileged() { "privileged (root with its capabilities)" } else { "ordinary" };
    tell("host process", Some(host.to_owned()));
    tell("user namespaces allowed", read("/proc/sys/user/max_user_namespaces"));
    let cgroup =
        sandbox.cgroups().map_or("none: limits per process, and a watcher", super::cgroup::Place::version);
    tell("cgroup", Some(cgroup.to_owned()));
    facts
}

/// The refusal of a run for a wall that cannot be built.
pub(super) fn denied(protection: &str, doing: &str, errno: i32) -> PortError {
    let error = io::Error::from_raw_os_error(errno);
    let cause = format!("the sandbox cannot give `{protection}`: {doing}: {error}");
    let waivable = ["network", "processes", "seccomp"].contains(&protection);
    let hint = match hindrance() {
        Some(hindrance) => hindrance,
        // Whoever asks for the layer has another way.
        None if protection == OVERLAY => return PortError::new(ErrorKind::NoSandbox, cause),
        None if waivable => format!("allow it in this container, or give it up with `--waive {protection}`"),
        None => "use the WASM tier, or run where user and mount namespaces are allowed".to_owned(),
    };
    PortError::new(ErrorKind::NoSandbox, cause).with_hint(hint)
}

/// The usual reasons why namespaces are not to be had, by the files that tell of them.
fn hindrance() -> Option<String> {
    let is = |path: &str, value: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    let off = |name: &str, value: &str| {
        Some(format!(
            "unprivileged user namespaces are switched off: `sudo sysctl {name}={value}` allows them"
        ))
    };
    if is("/proc/sys/user/max_user_namespaces", "0") {
        return off("user.max_user_namespaces", "10000");
    }
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return off("kernel.unprivileged_userns_clone", "1");
    }
    if !identity::is_privileged() && is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return off("kernel.apparmor_restrict_unprivileged_userns", "0");
    }
    None
}
