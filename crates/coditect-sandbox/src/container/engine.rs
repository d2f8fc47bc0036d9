//! The engine: finding it, what it can enforce, and the image.

use std::path::PathBuf;

use coditect_ports::PortError;
use coditect_ports::sandbox::Probe;
use coditect_types::{Enforced, ErrorKind, Tier};
use serde_json::Value;

use super::client::{Client, quoted};
use super::{ContainerSandbox, guard};

/// An engine that answers, and the image.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) client: Client,
    pub(super) socket: PathBuf,
    /// Name and version.
    pub(super) engine: String,
    /// The image's id: what its name means cannot change under a mission.
    pub(super) image: String,
    /// Paths at which the image wants volumes.
    pub(super) volumes: Vec<String>,
    pub(super) cpus: i64,
    /// `cgroup1` or `cgroup2`.
    pub(super) cgroup: String,
    /// Such as `name=seccomp,profile=default`.
    pub(super) options: Vec<String>,
    pub(super) limits_memory: bool,
    pub(super) limits_processes: bool,
}

impl Ready {
    pub(super) fn is_podman(&self) -> bool {
        self.engine.starts_with("podman")
    }

    pub(super) fn is_rootless(&self) -> bool {
        self.has("rootless")
    }

    /// Whether the engine has system call filters.
    pub(super) fn has_seccomp(&self) -> bool {
        self.has("seccomp")
    }

    fn has(&self, option: &str) -> bool {
        let name = format!("name={option}");
        self.options.iter().any(|one| one.split(',').next() == Some(name.as_str()))
    }

    /// Ids must mean inside what they mean for the view.
    pub(super) fn userns_mode(&self) -> Option<&'static str> {
        match (self.is_rootless(), self.is_podman()) {
            (true, true) => Some("keep-id"),
            (false, false) if self.has("userns") => Some("host"),
            _ => None,
        }
    }
}

/// The engine and the image, found out once.
pub(super) fn ready(sandbox: &ContainerSandbox) -> Result<&Ready, PortError> {
    if let Some(ready) = sandbox.ready.get() {
        return Ok(ready);
    }
    let found = find(sandbox)?;
    if let Err(error) = guard::sweep(&found.client) {
        tracing::debug!(%error, "what other hosts left is not known");
    }
    Ok(sandbox.ready.get_or_init(|| found))
}

fn find(sandbox: &ContainerSandbox) -> Result<Ready, PortError> {
    let Some(name) = sandbox.settings.image.as_deref() else {
        let cause = "no image is named for the container sandbox";
        return Err(PortError::new(ErrorKind::NoSandbox, cause)
            .with_hint("name one that the engine has with `--image NAME` (`image` in your settings)"));
    };
    let (client, version, socket) = engine(&sandbox.settings.sockets)?;
    let asking = "asking the container engine what it can do";
    let info = client.call("GET", "/info", None, asking)?.checked(asking)?;
    let components = version["Components"].as_array().cloned().unwrap_or_default();
    let is_podman = |part: &Value| part["Name"].as_str().is_some_and(|name| name.starts_with("Podman"));
    let kind = if components.iter().any(is_podman) { "podman" } else { "docker" };
    let looking = "looking at the image";
    let image = client.call("GET", &format!("/images/{}/json", quoted(name)), None, looking)?;
    if image.status == 404 {
        let cause = format!("the container engine has no image `{name}`");
        return Err(PortError::new(ErrorKind::NoSandbox, cause)
            .with_hint(format!("`{kind} pull {name}` gets it: CODITECT itself never pulls")));
    }
    let image = image.checked(looking)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let options = info["SecurityOptions"].as_array().cloned().unwrap_or_default();
    Ok(Ready {
        client,
        socket,
        engine: format!("{kind} {}", text(&version["Version"])),
        image: image["Id"].as_str().unwrap_or(name).to_owned(),
        volumes: image["Config"]["Volumes"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys().cloned())
            .collect(),
        cpus: info["NCPU"].as_i64().unwrap_or(1),
        cgroup: format!("cgroup{}", text(&info["CgroupVersion"])),
        options: options.iter().map(text).collect(),
        limits_memory: info["MemoryLimit"] == true,
        limits_processes: info["PidsLimit"] == true,
    })
}

/// The first engine that answers, and what it says of its version.
fn engine(sockets: &[PathBuf]) -> Result<(Client, Value, PathBuf), PortError> {
    let mut said = Vec::new();
    for socket in sockets.iter().filter(|socket| socket.exists()) {
        match Client::connect(socket) {
            Ok((client, version)) => return Ok((client, version, socket.clone())),
            Err(error) => said.push(error.cause),
        }
    }
    let cause = if said.is_empty() {
        let looked: Vec<String> = sockets.iter().map(|socket| format!("`{}`", socket.display())).collect();
        format!("no container engine answers: there is no socket at {}", looked.join(", "))
    } else {
        format!("no container engine answers: {}", said.join("; "))
    };
    Err(PortError::new(ErrorKind::NoSandbox, cause)
        .with_hint("start Docker or Podman (`podman system service`), or name its socket in `DOCKER_HOST`"))
}

/// What the tier can do here.
pub(super) fn probe(sandbox: &ContainerSandbox) -> Result<Probe, PortError> {
    let ready = ready(sandbox)?;
    let mut enforced = Enforced {
        by: by(ready, ready.has_seccomp()),
        network: true,
        file_writes: true,
        file_reads: true,
        processes: true,
        ..Enforced::default()
    };
    let mut advice = Vec::new();
    for (has, what) in [
        (ready.has_seccomp(), "seccomp: the engine has no system call filters"),
        (ready.limits_memory, "memory: the engine cannot limit it"),
        (ready.limits_processes, "limits: the engine cannot limit processes"),
    ] {
        if !has {
            enforced.missing.push(what.to_owned());
            advice.push(format!("not to be had in containers here: {what}"));
        }
    }
    let facts = vec![
        ("engine".to_owned(), format!("{} at {}", ready.engine, ready.socket.display())),
        ("image".to_owned(), ready.image.clone()),
        ("engine's options".to_owned(), ready.options.join(" ")),
    ];
    Ok(Probe { tier: Tier::Container, usable: advice.is_empty(), enforced, facts, advice })
}

/// What holds a guest, by name.
pub(super) fn by(ready: &Ready, filtered: bool) -> Vec<String> {
    let mut by = vec![ready.engine.clone()];
    by.extend(
        ["namespaces", "network_none", "read_only_root", "no_capabilities", "no_new_privs", "rlimits"]
            .map(str::to_owned),
    );
    by.push(if ready.is_rootless() { "rootless_engine" } else { "ordinary_user" }.to_owned());
    if filtered {
        by.push("seccomp".to_owned());
    }
    by.push(ready.cgroup.clone());
    by
}
