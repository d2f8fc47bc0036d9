//! `coditect doctor`: what this machine can enforce, what is there, and what a person can do about the rest.

use std::path::Path;

use coditect_ports::sandbox::Probe;
use serde::Serialize;

use super::Context;
use crate::environment::Site;
use crate::host::{self, Host, Tool};
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::{Done, NO_SANDBOX};
use crate::wiring;

/// Less than this is said to be little, bytes.
const LITTLE_DISK: u64 = 1 << 30;

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    host: Host,
    /// A sandbox can be used.
    usable: bool,
    sandboxes: Vec<Tier>,
    git: Option<Tool>,
    python3: Option<Tool>,
    state: State,
    journal: Journal,
    /// What a person can do, a line each.
    advice: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Tier {
    tier: coditect_types::Tier,
    usable: bool,
    enforced: coditect_types::Enforced,
    facts: Vec<(String, String)>,
    advice: Vec<String>,
}

impl From<Probe> for Tier {
    fn from(probe: Probe) -> Self {
        let Probe { tier, usable, enforced, facts, advice } = probe;
        Self { tier, usable, enforced, facts, advice }
    }
}

#[derive(Debug, Serialize)]
struct State {
    directory: std::path::PathBuf,
    exists: bool,
    writable: bool,
    free_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Journal {
    missions: usize,
    /// The server that has it, where it is not in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// What is wrong with it, a line each; none: it is whole.
    findings: Vec<String>,
}

pub(crate) fn perform(cx: &mut Context) -> Done {
    let findings = examine(cx, &cx.site()?);
    if cx.out.json {
        cx.out.object(&findings)?;
    } else {
        print(cx, &findings)?;
    }
    Ok(if findings.usable { 0 } else { NO_SANDBOX })
}

fn examine(cx: &Context, site: &Site) -> Findings {
    let home = &site.home;
    let sandboxes: Vec<Tier> = wiring::probes(site).into_iter().map(Tier::from).collect();
    let git = host::tool(&cx.env, "git");
    let state = state(home);
    let mut of_server = Vec::new();
    let journal = match wiring::archive(site) {
        Ok(archive) => {
            let server = archive.server();
            of_server.extend(server.iter().flat_map(|(_, notes)| notes.iter().cloned()));
            Journal {
                missions: archive.journal().streams().map_or(0, |streams| streams.len()),
                server: server.map(|(shown, _)| shown.to_owned()),
                findings: archive.findings(),
            }
        }
        Err(report) => {
            of_server.extend(report.hint);
            Journal { missions: 0, server: None, findings: vec![report.cause] }
        }
    };
    let mut advice: Vec<String> = sandboxes.iter().flat_map(|tier| tier.advice.clone()).collect();
    advice.append(&mut of_server);
    advice.extend(wiring::notes_on_fleet(site));
    if git.is_none() {
        advice.push("install git: snapshots and branches are made with it".to_owned());
    }
    if !state.writable {
        advice.push(format!("make `{}` writable, or name another with `--home`", home.display()));
    }
    if state.free_bytes.is_some_and(|free| free < LITTLE_DISK) {
        advice.push(format!("free some disk at `{}`, or `coditect clean --all`", home.display()));
    }
    Findings {
        version: env!("CARGO_PKG_VERSION"),
        host: host::host(),
        usable: sandboxes.iter().any(|tier| tier.usable),
        sandboxes,
        git,
        python3: host::tool(&cx.env, "python3"),
        state,
        journal,
        advice,
    }
}

/// Looks at the state directory without making it.
fn state(home: &Path) -> State {
    let there = home.ancestors().find(|above| above.exists());
    let writable = there
        .is_some_and(|dir| dir.is_dir() && nix::unistd::access(dir, nix::unistd::AccessFlags::W_OK).is_ok());
    State { directory: home.to_owned(), exists: home.exists(), writable, free_bytes: host::free_bytes(home) }
}

fn print(cx: &mut Context, found: &Findings) -> std::io::Result<()> {
    let host = &found.host;
    entry(
        cx,
        "coditect",
        &format!("{} on {}, {}", found.version, host.cpu, phrase::count_of(host.cores, "core")),
    )?;
    entry(cx, "kernel", &host.kernel)?;
    for tier in &found.sandboxes {
        let (word, style) = if tier.usable { ("usable", paint::GOOD) } else { ("not usable", paint::BAD) };
        let held = phrase::enforced(&tier.enforced);
        let name = format!("{} sandbox", phrase::tier(tier.tier));
        entry(cx, &name, &format!("{}: {held}", painted(style, word)))?;
        if !tier.enforced.by.is_empty() {
            entry(cx, "", &format!("by {}", tier.enforced.by.join(", ")))?;
        }
        for (fact, value) in &tier.facts {
            entry(cx, "", &format!("{}: {}", harmless(fact), harmless(value)))?;
        }
        for missing in &tier.enforced.missing {
            entry(cx, "", &format!("{} {}", painted(paint::WARN, "missing:"), harmless(missing)))?;
        }
    }
    let tool = |tool: &Option<Tool>| {
        tool.as_ref()
            .map_or_else(|| "not found".to_owned(), |t| format!("{} ({})", t.version, t.path.display()))
    };
    entry(cx, "git", &tool(&found.git))?;
    entry(cx, "python3", &format!("{}, for the os sandbox", tool(&found.python3)))?;
    let state = &found.state;
    let free = state.free_bytes.map_or_else(|| "unknown".to_owned(), |free| format!("{} MiB", free >> 20));
    let exists = if state.exists { "" } else { ", not made yet" };
    entry(cx, "state", &format!("{}{exists}; {free} free", state.directory.display()))?;
    let whole = if found.journal.findings.is_empty() { "whole" } else { "damaged" };
    let missions = phrase::count_of(found.journal.missions, "mission");
    let server = found.journal.server.as_ref().map_or_else(String::new, |server| format!(" on {server}"));
    entry(cx, "journal", &format!("{missions}{server}, {whole}"))?;
    for finding in &found.journal.findings {
        entry(cx, "", &harmless(finding))?;
    }
    for line in &found.advice {
        entry(cx, "advice", &harmless(line))?;
    }
    Ok(())
}

fn entry(cx: &mut Context, label: &str, text: &str) -> std::io::Result<()> {
    cx.out.line(&format!("{} {text}", painted(paint::LABEL, &format!("{label:<13}"))))
}
