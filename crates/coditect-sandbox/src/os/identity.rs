//! As whom the guest runs.
//!
//! An ordinary host can only map its own id. A privileged one (root with its capabilities) runs the guest as an
//! id that owns nothing on this machine, and id-maps the view so that the files of its owner are the guest's own
//! inside, and what the guest writes belongs to the owner outside. Where the file system of the view cannot be
//! id-mapped (overlayfs, some network file systems), the guest runs as the owner of the view.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::init::{HOLD_IDS, MARK};
use super::plan::Identity;
use super::sys;

/// How the init names a view that cannot be id-mapped.
pub(super) const MAPPING: &str = "id_mapped_view";

/// An id that no distribution hands out (systemd's table of ids has it as unused), and the one of `nobody` for
/// hosts that are themselves in a user namespace with few ids.
const ORDINARY_IDS: [u32; 2] = [0x7ffc_0de5, 65534];

/// What is known about ids on this machine. Kept for the life of the sandbox.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// By owner of a view: the user namespace whose map is used for id-mapping.
    namespaces: Mutex<HashMap<(u32, u32), Arc<OwnedFd>>>,
    /// Devices (file systems) that cannot be id-mapped.
    unmappable: Mutex<HashSet<u64>>,
}

/// A choice, and the user namespace for the view's id-mapping if there is one.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) identity: Identity,
    pub(super) userns: Option<Arc<OwnedFd>>,
    device: u64,
}

impl Identities {
    /// Chooses for a view. `launcher` starts the helper process whose user namespace is borrowed.
    pub(super) fn choose(&self, view: &Path, launcher: &Path) -> io::Result<Chosen> {
        let owner = std::fs::metadata(view)?;
        let (uid, gid, device) = (owner.uid(), owner.gid(), owner.dev());
        if !is_privileged() {
            let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
            return Ok(Chosen { identity: Identity::Caller { uid, gid }, userns: None, device });
        }
        let by_owner = Chosen { identity: Identity::Owner { uid, gid }, userns: None, device };
        let Some(id) = ordinary_id() else { return Ok(by_owner) };
        if held(&self.unmappable).contains(&device) {
            return Ok(by_owner);
        }
        match self.namespace(uid, gid, id, launcher) {
            Ok(userns) => {
                Ok(Chosen { identity: Identity::Ordinary { uid: id, gid: id }, userns: Some(userns), device })
            }
            // No user namespace is to be had (`user.max_user_namespaces` is 0): the guest does without.
            Err(_) => Ok(by_owner),
        }
    }

    /// Remembers that the view's file system cannot be id-mapped.
    pub(super) fn cannot_map(&self, chosen: &Chosen) {
        held(&self.unmappable).insert(chosen.device);
    }

    fn namespace(&self, uid: u32, gid: u32, id: u32, launcher: &Path) -> io::Result<Arc<OwnedFd>> {
        let mut namespaces = held(&self.namespaces);
        if let Some(known) = namespaces.get(&(uid, gid)) {
            return Ok(known.clone());
        }
        let made = Arc::new(make_namespace(uid, gid, id, launcher)?);
        namespaces.insert((uid, gid), made.clone());
        Ok(made)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another thread between two insertions leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A user namespace in which the owner's ids are the ordinary id outside. It lives as long as the descriptor.
fn make_namespace(uid: u32, gid: u32, id: u32, launcher: &Path) -> io::Result<OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let mut holder = Command::new(launcher)
        .args([MARK, HOLD_IDS])
        .env_clear()
        .stdin(theirs)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let taken = sys::receive_fds(ours.as_fd()).and_then(|(ready, _)| {
        if ready.is_empty() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let process = format!("/proc/{}", holder.id());
        std::fs::write(format!("{process}/gid_map"), format!("{gid} {id} 1"))?;
        std::fs::write(format!("{process}/uid_map"), format!("{uid} {id} 1"))?;
        std::fs::File::open(format!("{process}/ns/user")).map(OwnedFd::from)
    });
    drop(ours);
    holder.kill()?;
    holder.wait()?;
    taken
}

/// True if this process can build everything without a user namespace.
pub(super) fn is_privileged() -> bool {
    use caps::{CapSet, Capability};
    let needed = [
        Capability::CAP_SYS_ADMIN,
        Capability::CAP_SETUID,
        Capability::CAP_SETGID,
        Capability::CAP_SETPCAP,
        Capability::CAP_CHOWN,
        Capability::CAP_DAC_OVERRIDE,
    ];
    nix::unistd::geteuid().is_root()
        && needed.iter().all(|one| caps::has_cap(None, CapSet::Effective, *one).unwrap_or(false))
}

/// The first of [`ORDINARY_IDS`] that exists in this user namespace, both as user and as group.
fn ordinary_id() -> Option<u32> {
    let maps = ["/proc/self/uid_map", "/proc/self/gid_map"].map(|file| std::fs::read_to_string(file).ok());
    let [Some(users), Some(groups)] = maps else { return None };
    ORDINARY_IDS.into_iter().find(|id| is_mapped(&users, *id) && is_mapped(&groups, *id))
}

/// Whether an id is in a map (`inside outside count`, a line each).
fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if (first..first + count).contains(&id.into()))
    })
}

#[cfg(test)]
mod tests;
