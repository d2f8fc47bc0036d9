//! The init: the part of the sandbox that runs in a process of its own.
//!
//! The host starts its own executable again, with [`MARK`] as first argument and a socket as standard input. That
//! process (the *launcher*) takes the namespaces and builds the fresh root; its child is the *first process* of
//! the new pid namespace, which only waits and reaps; the child of that puts up the remaining walls and becomes
//! the *guest* program. When the first process dies, the kernel kills everything in the namespace, so the host
//! needs to kill only that one. Launcher and first process die with their parents (`PR_SET_PDEATHSIG`).
//!
//! A process can do this only while it has one thread, hence a program of its own and not a fork of the host.

mod first;
mod guest;
mod overlay;
mod root;
mod walls;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::plan::{INSIDE_ID, Identity, Message, Plan};
use super::sys;

/// First argument of a process that is to be the init.
pub(crate) const MARK: &str = "__coditect-sandbox-init";

/// A wall that cannot be built.
#[derive(Debug)]
struct Failed {
    /// The protection that it stands for.
    protection: &'static str,
    doing: String,
    errno: i32,
}

/// Gives an IO or system call error its meaning.
trait Meaning<T> {
    fn means(self, protection: &'static str, doing: impl Into<String>) -> Result<T, Failed>;
}

impl<T, E: Into<std::io::Error>> Meaning<T> for Result<T, E> {
    fn means(self, protection: &'static str, doing: impl Into<String>) -> Result<T, Failed> {
        self.map_err(|error| Failed {
            protection,
            doing: doing.into(),
            errno: error.into().raw_os_error().unwrap_or(libc::EIO),
        })
    }
}

/// What stands so far. Sent to the host before the program starts, and to the host only.
#[derive(Debug, Default)]
struct Standing {
    by: Vec<String>,
    missing: Vec<String>,
    waived: Vec<String>,
    /// There is a network of the guest's own, which leads nowhere but to itself.
    loopback: bool,
}

impl Standing {
    /// Counts a wall that stands. One that cannot be built is an error unless its protection was given up.
    fn essential(&mut self, name: &str, built: Result<(), Failed>) -> Result<(), Failed> {
        match built {
            Ok(()) => self.by.push(name.to_owned()),
            Err(failed) if self.waived.iter().any(|waived| waived == failed.protection) => {
                self.lack(name, &failed)
            }
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    /// Counts a second wall: when it cannot be built, the first one still stands, and it is merely said.
    fn second(&mut self, name: &str, built: Result<(), Failed>) {
        match built {
            Ok(()) => self.by.push(name.to_owned()),
            Err(failed) => self.lack(name, &failed),
        }
    }

    fn lack(&mut self, name: &str, failed: &Failed) {
        let error = std::io::Error::from_raw_os_error(failed.errno);
        self.missing.push(format!("{name}: {}: {error}", failed.doing));
    }
}

/// The descriptors that come with the plan.
#[derive(Debug)]
struct Given {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    report: Option<OwnedFd>,
    userns: Option<OwnedFd>,
}

/// Runs the init and ends the process, if this process was started to be one; returns at once otherwise.
///
/// A program that uses [`super::OsSandbox`] calls this first thing in `main`, before it starts a thread or
/// reads its arguments.
#[allow(clippy::exit, reason = "this process is the init: nothing of the caller's may run in it")]
pub fn init_if_requested() {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).as_deref() != Some(OsStr::new(MARK)) {
        return;
    }
    let part = arguments.next();
    let done = match part.as_deref().and_then(OsStr::to_str) {
        Some(HOLD_IDS) => hold_ids(),
        Some(crate::container::GUARD) => {
            let (socket, label) =
                (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
            crate::container::guard_containers(socket.as_ref(), &label.to_string_lossy())
        }
        Some(_) | None => launch(),
    };
    std::process::exit(i32::from(done.is_err()));
}

/// Second argument of an init that only holds a user namespace until the host has a descriptor of it.
pub(super) const HOLD_IDS: &str = "ids";

/// Takes a user namespace and waits until the host has written its maps and closes the socket.
fn hold_ids() -> std::io::Result<()> {
    let stdin = std::io::stdin();
    sys::die_with_parent()?;
    unshare(CloneFlags::CLONE_NEWUSER)?;
    sys::send_fds(stdin.as_fd(), b"ready", &[])?;
    // The end of the socket is the only thing that can come.
    sys::receive_fds(stdin.as_fd()).map(drop)
}

/// The launcher's life.
fn launch() -> std::io::Result<()> {
    sys::close_from(3)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let stdin = std::io::stdin();
    let socket = stdin.as_fd();
    // The numbers that will be the guest's are taken, so that no descriptor of ours is ever overwritten by one.
    sys::take_numbers_below(guest::ABOVE)?;
    say(socket, &Message::Hello, &[])?;
    let (mut plan, given) = receive(socket)?;
    let mut standing = Standing { waived: std::mem::take(&mut plan.waived), ..Standing::default() };
    let child = match prepare(&plan, &given, &mut standing, socket) {
        Ok(child) => child,
        Err(failed) => return refuse(socket, failed),
    };
    match child {
        Forked::Parent { pid } => {
            // The first process reports for itself; this one is only there to reap it.
            drop(given);
            let Ok(_) = waitpid(Pid::from_raw(pid), None) else { return Ok(()) };
            Ok(())
        }
        Forked::Child { root } => first::live(&plan, given, standing, root, socket),
    }
}

/// Which side of the fork this is.
enum Forked {
    Parent { pid: i32 },
    Child { root: root::FreshRoot },
}

/// Namespaces, root and the fork.
fn prepare(
    plan: &Plan,
    given: &Given,
    standing: &mut Standing,
    socket: BorrowedFd<'_>,
) -> Result<Forked, Failed> {
    alone(plan).means("processes", "making sure of one thread and a living host")?;
    // If the machine runs out of memory for all that, the guest is the first to go. Inherited by all.
    let first_to_go = std::fs::write("/proc/self/oom_score_adj", "1000").means("memory", "offering itself");
    standing.second("first_to_go", first_to_go);
    take_namespaces(plan, standing)?;
    // After the maps: the kernel gives the files of a hidden process in `/proc` to root.
    sys::set_undumpable().means("processes", "hiding the init")?;
    // A change of credentials clears the death signal, so it is set again, and the host looked for again.
    alone(plan).means("processes", "making sure of a living host")?;
    let root = root::build(plan, given.userns.as_ref().map(AsFd::as_fd), standing)?;
    // The host has put this process into its cgroup by now, or says that there is none: children inherit it.
    let (go, _) = sys::receive_fds(socket).means("memory", "waiting for the host")?;
    if go.is_empty() {
        return Err(Failed {
            protection: "processes",
            doing: "waiting for the host".into(),
            errno: libc::EPIPE,
        });
    }
    let (ours, theirs) = pair().means("processes", "making a socket pair")?;
    match sys::fork().means("processes", "starting the first process")? {
        Some(pid) => {
            drop(theirs);
            let born = sys::pidfd(pid).means("processes", "opening a pidfd")?;
            say(socket, &Message::Born, &[born.as_fd()]).means("processes", "telling the host")?;
            // The child has set its death signal when it writes; it goes on only when this process still lives.
            sys::receive_fds(ours.as_fd()).means("processes", "waiting for the first process")?;
            sys::send_fds(ours.as_fd(), b"go", &[]).means("processes", "starting the first process")?;
            Ok(Forked::Parent { pid })
        }
        None => {
            drop(ours);
            sys::die_with_parent().means("processes", "tying the first process to the host")?;
            sys::send_fds(theirs.as_fd(), b"armed", &[]).means("processes", "answering the launcher")?;
            let (go, _) = sys::receive_fds(theirs.as_fd()).means("processes", "waiting for the launcher")?;
            if go.is_empty() {
                let doing = "waiting for the launcher".into();
                return Err(Failed { protection: "processes", doing, errno: libc::EPIPE });
            }
            Ok(Forked::Child { root })
        }
    }
}

/// A socket pair that keeps message boundaries.
fn pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// Dies with the host from now on; an error if there are other threads or the host is gone already.
fn alone(plan: &Plan) -> std::io::Result<()> {
    sys::die_with_parent()?;
    if std::os::unix::process::parent_id() != plan.host.unsigned_abs() {
        return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
    }
    if std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() != 1) {
        return Err(std::io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(())
}

fn take_namespaces(plan: &Plan, standing: &mut Standing) -> Result<(), Failed> {
    if let Identity::Caller { uid, gid } = plan.identity {
        let taken = unshare(CloneFlags::CLONE_NEWUSER).means("file_reads", "taking a user namespace");
        taken.and_then(|()| map_caller(uid, gid))?;
        standing.by.push("user_namespace".into());
    }
    let flags = CloneFlags::CLONE_NEWNS;
    unshare(flags).means("file_reads", "taking a mount namespace")?;
    standing.by.push("mount_namespace".into());
    unshare(CloneFlags::CLONE_NEWPID).means("processes", "taking a pid namespace")?;
    standing.by.push("pid_namespace".into());
    let net = unshare(CloneFlags::CLONE_NEWNET).means("network", "taking a network namespace");
    let own_network = net.is_ok();
    standing.essential("network_namespace", net)?;
    // Tests that talk to a server of their own need it. Where it cannot be raised, there are no sockets for it either.
    standing.loopback = own_network && sys::raise_loopback().is_ok();
    let ipc = unshare(CloneFlags::CLONE_NEWIPC).means("processes", "taking an ipc namespace");
    standing.essential("ipc_namespace", ipc)?;
    let uts = unshare(CloneFlags::CLONE_NEWUTS)
        .and_then(|()| nix::unistd::sethostname("sandbox"))
        .means("host_name", "taking a uts namespace");
    standing.second("uts_namespace", uts);
    Ok(())
}

/// Maps the caller's own ids, which is all that an ordinary user may do.
fn map_caller(uid: u32, gid: u32) -> Result<(), Failed> {
    let write = |file: &str, text: String| {
        std::fs::write(format!("/proc/self/{file}"), text).means("file_reads", format!("writing {file}"))
    };
    write("setgroups", "deny".into())?;
    write("gid_map", format!("{INSIDE_ID} {gid} 1"))?;
    write("uid_map", format!("{INSIDE_ID} {uid} 1"))
}

fn say(socket: BorrowedFd<'_>, message: &Message, fds: &[BorrowedFd<'_>]) -> std::io::Result<()> {
    sys::send_fds(socket, &serde_json::to_vec(message)?, fds)
}

fn refuse(socket: BorrowedFd<'_>, failed: Failed) -> std::io::Result<()> {
    let Failed { protection, doing, errno } = failed;
    say(socket, &Message::Refused { protection: protection.into(), doing, errno }, &[])?;
    Err(std::io::Error::from_raw_os_error(errno))
}

/// Reads the plan and its descriptors.
fn receive(socket: BorrowedFd<'_>) -> std::io::Result<(Plan, Given)> {
    let lacking = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (_, fds) = sys::receive_fds(socket)?;
    let mut fds = fds.into_iter();
    let mut text = Vec::new();
    File::from(fds.next().ok_or_else(lacking)?).read_to_end(&mut text)?;
    let plan: Plan = serde_json::from_slice(&text)?;
    let given = Given {
        stdin: fds.next().ok_or_else(lacking)?,
        stdout: fds.next().ok_or_else(lacking)?,
        stderr: fds.next().ok_or_else(lacking)?,
        report: if plan.reports { Some(fds.next().ok_or_else(lacking)?) } else { None },
        userns: if plan.mapped { Some(fds.next().ok_or_else(lacking)?) } else { None },
    };
    Ok((plan, given))
}
