//! The first process of the pid namespace. It starts the guest, waits, and reaps what the guest leaves behind;
//! when it ends, the kernel kills all that is left, so no process can outlive a run.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::root::FreshRoot;
use super::{Failed, Given, Meaning, Standing, guest, pair, refuse, say, walls};
use crate::os::plan::{INSIDE_ID, Identity, Message, Plan};
use crate::os::sys;

/// Entries of `/proc` that speak of the whole machine and that no test needs.
const MASKED: &[&str] = &[
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kallsyms",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
];

/// What the guest tells this process: it has a user namespace and waits for its maps.
pub(super) const MAP: &[u8] = b"map";

/// Its life, in the child of the launcher's fork.
pub(super) fn live(
    plan: &Plan,
    given: Given,
    mut standing: Standing,
    root: FreshRoot,
    socket: BorrowedFd<'_>,
) -> std::io::Result<()> {
    let prepared = match start(plan, &mut standing, &root) {
        Ok(prepared) => prepared,
        Err(failed) => return refuse(socket, failed),
    };
    match prepared {
        Started::Guest { channel } => guest::become_program(plan, given, standing, &channel, socket),
        Started::First { guest } => {
            // The guest's output must end when the guest's processes do, not with this one.
            drop(given);
            reap(guest, socket)
        }
    }
}

enum Started {
    First { guest: i32 },
    Guest { channel: OwnedFd },
}

fn start(plan: &Plan, standing: &mut Standing, root: &FreshRoot) -> Result<Started, Failed> {
    let proc = sys::new_mount(c"proc", &[], libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV);
    let proc = proc.means("processes", "mounting a fresh /proc");
    root.let_go()?;
    standing.by.push("fresh_root".into());
    let (ours, theirs) = pair().means("processes", "making a socket pair")?;
    let Some(guest) = sys::fork().means("processes", "starting the guest")? else {
        drop(ours);
        return Ok(Started::Guest { channel: theirs });
    };
    drop(theirs);
    let (wish, _) = sys::receive_fds(ours.as_fd()).means("processes", "waiting for the guest")?;
    let mut ours_standing = Standing { waived: standing.waived.clone(), ..Standing::default() };
    if wish == MAP {
        let proc = proc.as_ref().map(AsFd::as_fd).ok();
        ours_standing.second("user_namespace", map_guest(plan, guest, proc));
    }
    // Where a container hides parts of its own /proc, the kernel refuses a fresh one. The guest then has none,
    // which is stricter, but some programs miss it.
    ours_standing.second("fresh_proc", proc.and_then(|proc| attach_proc(&proc)));
    root.seal()?;
    walls::drop_capabilities()?;
    let news = serde_json::to_vec(&(&ours_standing.by, &ours_standing.missing)).unwrap_or_default();
    sys::send_fds(ours.as_fd(), &news, &[]).means("processes", "starting the guest")?;
    Ok(Started::First { guest })
}

/// Maps the guest's id in its new user namespace. The order is the kernel's: groups first.
fn map_guest(plan: &Plan, guest: i32, proc: Option<BorrowedFd<'_>>) -> Result<(), Failed> {
    let (Identity::Ordinary { uid, gid } | Identity::Owner { uid, gid } | Identity::Caller { uid, gid }) =
        plan.identity;
    let Some(proc) = proc else {
        return Err(Failed {
            protection: "user_namespace",
            doing: "finding /proc".into(),
            errno: libc::ENOENT,
        });
    };
    for (name, id) in [("gid_map", gid), ("uid_map", uid)] {
        openat(proc, format!("{guest}/{name}").as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())
            .and_then(|file| nix::unistd::write(file, format!("{INSIDE_ID} {id} 1").as_bytes()))
            .means("user_namespace", format!("writing {name}"))?;
    }
    Ok(())
}

/// `/proc`, read-only, without what speaks of the machine.
fn attach_proc(proc: &OwnedFd) -> Result<(), Failed> {
    let doing = "guarding /proc";
    sys::set_mount_attributes(proc.as_fd(), libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOEXEC, None)
        .means("processes", doing)?;
    let root = std::fs::File::open("/").means("processes", doing)?;
    sys::move_mount(proc.as_fd(), root.as_fd(), c"/proc").means("processes", "attaching /proc")?;
    for path in MASKED {
        let target = sys::c_string(path).means("processes", doing)?;
        if !std::path::Path::new(path).exists() {
            continue;
        }
        let null = sys::open_tree(c"/dev/null").means("processes", doing)?;
        sys::move_mount(null.as_fd(), root.as_fd(), &target).means("processes", format!("masking {path}"))?;
    }
    Ok(())
}

/// Waits for the guest, reaping orphans on the way, and tells the host how it ended.
fn reap(guest: i32, socket: BorrowedFd<'_>) -> std::io::Result<()> {
    loop {
        let Some((pid, status)) = sys::wait_any()? else { return Ok(()) };
        if pid == guest {
            return say(socket, &Message::Exited { status }, &[]);
        }
    }
}
