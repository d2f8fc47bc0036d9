//! Control groups: the kernel's own account of a whole process tree, where this process may make one.
//!
//! Version 2 with the memory and pids controllers handed down, or version 1 with those hierarchies writable.
//! Where neither is to be had, limits are kept per process and a watcher adds up (see [`super::watch`]).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_types::Limits;

const ROOT: &str = "/sys/fs/cgroup";
/// Start of the names of our groups; the host's process id follows.
const PREFIX: &str = "coditect-";

/// Where groups can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One directory for both controllers.
    Unified(PathBuf),
    /// A directory for each.
    Split { memory: PathBuf, pids: PathBuf },
}

/// A group of one run. Its directories go when it is dropped, which must be after its last process.
#[derive(Debug)]
pub(super) struct Group {
    memory: PathBuf,
    pids: PathBuf,
    unified: bool,
}

impl Place {
    /// Finds a place and really makes and removes a group there. Groups that a killed host left are removed.
    pub(super) fn find() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        candidates(Path::new(ROOT), &own).into_iter().find(|place| {
            place.sweep();
            place.group(&Limits::default()).is_ok()
        })
    }

    /// Makes a group with these limits.
    pub(super) fn group(&self, limits: &Limits) -> io::Result<Group> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // The launcher and the first process count too.
        let processes = (u64::from(limits.processes) + 2).to_string();
        let memory_bytes = limits.memory_bytes.to_string();
        match self {
            Self::Unified(parent) => {
                let path = parent.join(name);
                fs::create_dir(&path)?;
                let group = Group { memory: path.clone(), pids: path.clone(), unified: true };
                fs::write(path.join("memory.max"), memory_bytes)?;
                fs::write(path.join("pids.max"), processes)?;
                // Old kernels and kernels without swap lack these; the limits above hold without them.
                for (file, value) in [("memory.swap.max", "0"), ("memory.oom.group", "1")] {
                    if path.join(file).exists() {
                        fs::write(path.join(file), value)?;
                    }
                }
                Ok(group)
            }
            Self::Split { memory, pids } => {
                let (memory, pids) = (memory.join(&name), pids.join(&name));
                fs::create_dir(&memory)?;
                let group = Group { memory: memory.clone(), pids: pids.clone(), unified: false };
                fs::create_dir(&pids)?;
                fs::write(memory.join("memory.limit_in_bytes"), &memory_bytes)?;
                let with_swap = memory.join("memory.memsw.limit_in_bytes");
                if with_swap.exists() {
                    fs::write(with_swap, &memory_bytes)?;
                }
                fs::write(pids.join("pids.max"), processes)?;
                Ok(group)
            }
        }
    }

    fn parents(&self) -> Vec<&Path> {
        match self {
            Self::Unified(path) => vec![path],
            Self::Split { memory, pids } => vec![memory, pids],
        }
    }

    /// Removes empty groups of hosts that are gone. A group with processes cannot be removed, so nothing of a
    /// living host is at risk.
    fn sweep(&self) {
        for parent in self.parents() {
            let Ok(entries) = fs::read_dir(parent) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let host = name
                    .to_str()
                    .and_then(|name| name.strip_prefix(PREFIX))
                    .and_then(|rest| rest.split('-').next());
                if host.is_some_and(|host| !Path::new("/proc").join(host).exists()) {
                    remove(&entry.path());
                }
            }
        }
    }

    /// `cgroup2` or `cgroup1`.
    pub(super) fn version(&self) -> &'static str {
        match self {
            Self::Unified(_) => "cgroup2",
            Self::Split { .. } => "cgroup1",
        }
    }
}

/// Places worth trying, best first. `own` is the text of `/proc/self/cgroup`.
fn candidates(root: &Path, own: &str) -> Vec<Place> {
    let mut unified = None;
    let (mut memory, mut pids) = (None, None);
    for line in own.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let below = |mount: &Path| {
            let path = mount.join(path.trim_start_matches('/'));
            // In a container the path is the host's, and the mount shows our own group as its top.
            if path.is_dir() { path } else { mount.to_owned() }
        };
        let has = |name: &str| controllers.split(',').any(|controller| controller == name);
        if controllers.is_empty() && root.join("cgroup.controllers").exists() {
            unified = Some(below(root));
        }
        if has("memory") {
            memory = Some(below(&root.join("memory")));
        }
        if has("pids") {
            pids = Some(below(&root.join("pids")));
        }
    }
    let mut places = Vec::new();
    if let Some(own) = unified {
        // A group with processes cannot hand controllers down, but its parent often does (systemd's slices).
        let above = own.parent().filter(|parent| parent.starts_with(root)).map(Path::to_owned);
        places.extend(
            [Some(own), above].into_iter().flatten().filter(|path| hands_down(path)).map(Place::Unified),
        );
    }
    if let (Some(memory), Some(pids)) = (memory, pids) {
        places.push(Place::Split { memory, pids });
    }
    places
}

/// Whether a group of version 2 gives its children the memory and pids controllers.
fn hands_down(group: &Path) -> bool {
    let given = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    ["memory", "pids"].iter().all(|name| given.split_whitespace().any(|word| word == *name))
}

impl Group {
    /// Puts a process in, and with it all that it starts from then on.
    pub(super) fn add(&self, pid: u32) -> io::Result<()> {
        fs::write(self.memory.join("cgroup.procs"), pid.to_string())?;
        if self.unified { Ok(()) } else { fs::write(self.pids.join("cgroup.procs"), pid.to_string()) }
    }

    /// Whether the kernel has killed a process of the group for its memory.
    pub(super) fn was_out_of_memory(&self) -> bool {
        let file = if self.unified { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.memory.join(file)).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }

    /// The most memory that it had, bytes.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let file = if self.unified { "memory.peak" } else { "memory.max_usage_in_bytes" };
        fs::read_to_string(self.memory.join(file)).ok()?.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.memory);
        if !self.unified {
            remove(&self.pids);
        }
    }
}

/// Removes a group. One that cannot be removed is swept up by a later host.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir(path) {
        tracing::debug!(path = %path.display(), %error, "a cgroup stays until the next start");
    }
}

#[cfg(test)]
mod tests;
