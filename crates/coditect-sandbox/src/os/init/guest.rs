//! The guest: from the fork to the program's first instruction. Every step gives something up, and the last one
//! before the program is the system call filter.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{AccessFlags, Gid, Uid, access, setgroups, setresgid, setresuid, setsid};

use super::{Failed, Given, Meaning, Standing, first, refuse, say, walls};
use crate::os::plan::{INSIDE_ID, Identity, Message, Plan, REPORT_FD};
use crate::os::sys;

/// Descriptors below this one are the guest's; the init's own are above, except its socket, which is 0.
pub(super) const ABOVE: i32 = 10;

/// Becomes the program. Comes back only when it could not be started, which the host has been told then.
pub(super) fn become_program(
    plan: &Plan,
    given: Given,
    mut standing: Standing,
    channel: &OwnedFd,
    socket: BorrowedFd<'_>,
) -> std::io::Result<()> {
    let socket = sys::duplicate_above(socket, ABOVE)?;
    let socket = socket.as_fd();
    match strip(plan, given, &mut standing, channel) {
        Ok(()) => {}
        Err(failed) => return refuse(socket, failed),
    }
    let Some(program) = find(plan) else {
        return say(socket, &Message::NotStarted { errno: libc::ENOENT }, &[]);
    };
    let text = |raw: &crate::os::plan::Raw| CString::new(raw.bytes());
    let argv = plan.argv.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let env = plan
        .env
        .iter()
        .map(|(name, value)| CString::new([name.bytes(), b"=", value.bytes()].concat()))
        .collect::<Result<Vec<_>, _>>()?;
    let program = CString::new(program.as_os_str().as_bytes())?;
    let filters = match walls::filters(&plan.limits, standing.loopback) {
        Ok(filters) => filters,
        Err(failed) => return refuse(socket, failed),
    };
    standing.by.push("seccomp".into());
    let Standing { by, missing, .. } = standing;
    // This must be said before the filter is in place, so the host takes it back if the filter is refused.
    say(socket, &Message::Ready { by, missing }, &[])?;
    if let Err(failed) = walls::filter_calls(&filters) {
        if !plan.waived.iter().any(|waived| waived == failed.protection) {
            return refuse(socket, failed);
        }
        say(socket, &Message::Lacking { name: "seccomp".into(), errno: failed.errno }, &[])?;
    }
    let Err(errno) = nix::unistd::execve(&program, &argv, &env);
    say(socket, &Message::NotStarted { errno: errno as i32 }, &[])
}

fn strip(plan: &Plan, given: Given, standing: &mut Standing, channel: &OwnedFd) -> Result<(), Failed> {
    // A session of its own: no terminal can be its controlling one.
    setsid().means("processes", "leaving the session")?;
    let wants_maps = !matches!(plan.identity, Identity::Caller { .. });
    let taken = if wants_maps { unshare(CloneFlags::CLONE_NEWUSER) } else { Ok(()) };
    let wish = if wants_maps && taken.is_ok() { first::MAP } else { b"none" };
    sys::send_fds(channel.as_fd(), wish, &[]).means("processes", "asking for maps")?;
    let (news, _) = sys::receive_fds(channel.as_fd()).means("processes", "waiting for the first process")?;
    let (by, missing): (Vec<String>, Vec<String>) = serde_json::from_slice(&news)
        .map_err(std::io::Error::from)
        .means("processes", "hearing from the first process")?;
    let mapped = by.iter().any(|name| name == "user_namespace");
    standing.by.extend(by);
    standing.missing.extend(missing);
    if let Err(errno) = taken {
        standing.second("user_namespace", Err(errno).means("user_namespace", "taking a user namespace"));
    }
    place(given).means("file_reads", "placing the descriptors")?;
    walls::drop_bounding_set()?;
    match plan.identity {
        Identity::Caller { .. } => {}
        Identity::Ordinary { uid, gid } | Identity::Owner { uid, gid } => {
            let (uid, gid) = if mapped { (INSIDE_ID, INSIDE_ID) } else { (uid, gid) };
            // In some containers even root may not do this. The groups then are those of the host's process, and
            // reach no further than the fresh root does.
            standing.second("no_groups", setgroups(&[]).means("file_reads", "leaving all groups"));
            shed(uid, gid)?;
        }
    }
    nix::unistd::chdir(plan.directory.as_path()).means("directory", "entering the directory in the view")?;
    sys::set_no_new_privileges().means("processes", "giving up new privileges")?;
    standing.by.push("no_new_privs".into());
    walls::drop_capabilities()?;
    standing.by.push("no_capabilities".into());
    walls::landlock(plan, standing);
    walls::limit(&plan.limits)?;
    standing.by.push("rlimits".into());
    sys::reset_signals();
    Ok(())
}

/// Becomes an ordinary user.
fn shed(uid: u32, gid: u32) -> Result<(), Failed> {
    let doing = "becoming an ordinary user";
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setresgid(gid, gid, gid).means("processes", doing)?;
    setresuid(uid, uid, uid).means("processes", doing)
}

/// Puts the guest's descriptors where it expects them, and marks all others to be closed on exec.
fn place(given: Given) -> std::io::Result<()> {
    sys::duplicate_to(given.stdin.as_fd(), 0)?;
    sys::duplicate_to(given.stdout.as_fd(), 1)?;
    sys::duplicate_to(given.stderr.as_fd(), 2)?;
    if let Some(report) = &given.report {
        sys::duplicate_to(report.as_fd(), REPORT_FD)?;
        return sys::close_on_exec_from(REPORT_FD + 1);
    }
    sys::close_on_exec_from(REPORT_FD)
}

/// The program's path inside: as given where it has a slash, else the first match on `PATH`.
fn find(plan: &Plan) -> Option<PathBuf> {
    let name = plan.argv.first()?;
    if name.bytes().contains(&b'/') {
        return Some(name.as_path().to_owned());
    }
    let (_, path) = plan.env.iter().find(|(variable, _)| variable.bytes() == b"PATH")?;
    std::env::split_paths(&path.0).map(|folder| folder.join(name.as_path())).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, AccessFlags::X_OK).is_ok()
}
