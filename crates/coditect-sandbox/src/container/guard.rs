//! That no container outlives its host: labels, the guard, and the sweep.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use coditect_ports::PortError;
use serde_json::json;

use super::client::{Client, quoted};
use crate::os::MARK;

/// The label of our containers. Its value says whose they are.
pub(super) const LABEL: &str = "coditect.host";
/// Second argument of an init that is to be a guard.
pub(crate) const GUARD: &str = "containers";

/// A process that removes this host's containers once the host is gone.
#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
    /// Closed by the kernel when the host dies, however it does.
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts it. It has a process group of its own: Ctrl-C is for the host.
    pub(super) fn start(launcher: &Path, socket: &Path) -> std::io::Result<Self> {
        let mut process = Command::new(launcher)
            .args([MARK, GUARD])
            .arg(socket)
            .arg(label())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = process.stdin.take();
        Ok(Self { process, pipe })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.process.wait() {
            tracing::debug!(%error, "the guard of containers was not waited for");
        }
    }
}

/// What a guard does: waits until its standard input ends, then removes what has the label.
pub(crate) fn watch(socket: &Path, label: &str) -> std::io::Result<()> {
    let mut byte = [0];
    while std::io::stdin().read(&mut byte)? > 0 {}
    let other = |error: PortError| std::io::Error::other(error.cause);
    let (client, _) = Client::connect(socket).map_err(other)?;
    for (id, whose) in ours(&client).map_err(other)? {
        if whose == label {
            remove(&client, &id).map_err(other)?;
        }
    }
    Ok(())
}

/// Whose containers are whose: this boot, this pid namespace, this process, when it began.
pub(super) fn label() -> String {
    format!("{}/{}/{}", machine(), std::process::id(), started(std::process::id()).unwrap_or_default())
}

fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), space.display())
}

/// When a process began, in ticks since the boot.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

/// Whether the host of a label is known to be gone: only of hosts that would be seen from here.
fn is_gone(label: &str) -> bool {
    let Some(rest) = label.strip_prefix(&format!("{}/", machine())) else { return false };
    let Some((pid, begun)) = rest.split_once('/') else { return false };
    pid.parse().is_ok_and(|pid| started(pid).as_deref() != Some(begun))
}

/// Removes containers of hosts that are gone.
pub(super) fn sweep(client: &Client) -> Result<(), PortError> {
    for (id, label) in ours(client)? {
        if is_gone(&label) {
            remove(client, &id)?;
        }
    }
    Ok(())
}

/// Containers with our label, and its value.
fn ours(client: &Client) -> Result<Vec<(String, String)>, PortError> {
    let doing = "listing containers";
    let filters = json!({"label": [LABEL]}).to_string();
    let path = format!("/containers/json?all=true&filters={}", quoted(&filters));
    let found = client.call("GET", &path, None, doing)?.checked(doing)?;
    let pair = |one: &serde_json::Value| {
        Some((one["Id"].as_str()?.to_owned(), one["Labels"][LABEL].as_str()?.to_owned()))
    };
    Ok(found.as_array().into_iter().flatten().filter_map(pair).collect())
}

/// Kills and removes a container with its volumes. One that is gone already is no error.
pub(super) fn remove(client: &Client, id: &str) -> Result<(), PortError> {
    let doing = "removing the container";
    let path = format!("/containers/{}?force=true&v=true", quoted(id));
    let answer = client.call("DELETE", &path, None, doing)?;
    // 409: somebody else removes it at this moment.
    if matches!(answer.status, 404 | 409) { Ok(()) } else { answer.checked(doing).map(drop) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_would_be_seen_from_here_are_known_to_be_gone() {
        assert!(!is_gone(&label()));
        assert!(is_gone(&format!("{}/{}/1", machine(), std::process::id())));
        assert!(!is_gone("another-machine/pid:[1]/4/5"));
        assert!(!is_gone(""));
    }
}
