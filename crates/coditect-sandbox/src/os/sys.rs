//! System calls that `std` and `nix` do not offer in the form that the sandbox needs. All of them hand out owned
//! descriptors that are closed on exec, so that nothing leaks into a process that another thread starts.

#![allow(unsafe_code, reason = "raw system calls; each block says why it is sound")]

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

/// A path or text for the kernel. Refuses an inner NUL, which no path can have.
pub(super) fn c_string(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// The result of a system call: what is below zero is an error.
fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The descriptor that a system call gave.
fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let raw = RawFd::try_from(checked(result)?).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A detached copy of the mount tree at `path` (bind mount), with its submounts.
pub(super) fn open_tree(path: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    // SAFETY: `path` is a NUL-terminated string that outlives the call.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
}

/// Changes the attributes of a mount tree; with `userns`, it is id-mapped by that user namespace.
pub(super) fn set_mount_attributes(
    mount: BorrowedFd<'_>,
    set: u64,
    userns: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: if userns.is_some() { set | libc::MOUNT_ATTR_IDMAP } else { set },
        attr_clr: 0,
        propagation: 0,
        userns_fd: userns.map_or(0, |fd| fd.as_raw_fd().unsigned_abs().into()),
    };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the empty string is NUL-terminated, and `attributes` has the size that is passed.
    checked(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Attaches a detached mount at `path` below `at`, without following a link at its end.
pub(super) fn move_mount(mount: BorrowedFd<'_>, at: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    checked(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            at.as_raw_fd(),
            path.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// A new file system of this type, mounted nowhere yet. An option without a value is a flag.
pub(super) fn new_mount(kind: &CStr, options: &[(&CStr, CString)], attributes: u64) -> io::Result<OwnedFd> {
    // SAFETY: `kind` is NUL-terminated.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC) })?;
    let null = std::ptr::null::<libc::c_char>();
    for (key, value) in options {
        let (command, value) = if value.is_empty() {
            (libc::FSCONFIG_SET_FLAG, null)
        } else {
            (libc::FSCONFIG_SET_STRING, value.as_ptr())
        };
        // SAFETY: `key` and a value that is not null are NUL-terminated and outlive the call. A flag has no value.
        checked(unsafe {
            libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key.as_ptr(), value, 0)
        })?;
    }
    // SAFETY: this command takes no key and no value.
    checked(unsafe {
        libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), libc::FSCONFIG_CMD_CREATE, null, null, 0)
    })?;
    // SAFETY: only numbers are passed.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), libc::FSMOUNT_CLOEXEC, attributes) })
}

/// Sets an extended attribute of the file at `path`, which is no link.
pub(super) fn set_attribute(path: &CStr, name: &CStr, value: &[u8]) -> io::Result<()> {
    // SAFETY: both strings are NUL-terminated, and `value` is read up to its length only.
    checked(
        unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) }
            .into(),
    )
    .map(drop)
}

/// A descriptor of the process: readable once it has ended.
pub(super) fn pidfd(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: only numbers are passed; the kernel sets close-on-exec by itself.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// Sends SIGKILL. A process that has ended is no error.
pub(super) fn kill_by_pidfd(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo` makes the kernel fill it in.
    let sent = checked(unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, no_info, 0)
    });
    match sent {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// Closes every descriptor from `first` on.
pub(super) fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: the callers are single-threaded and use nothing at or above `first` afterwards, which their own
    // comments show.
    let closed = unsafe { libc::close_range(first.unsigned_abs(), libc::c_uint::MAX, 0) };
    checked(closed.into()).map(drop)
}

/// Makes `to` a copy of `from` that stays open on exec.
pub(super) fn duplicate_to(from: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    // SAFETY: only numbers are passed. `to` is one of the guest's fixed numbers, which no owned value holds.
    checked(unsafe { libc::dup2(from.as_raw_fd(), to) }.into()).map(drop)
}

/// A copy of the descriptor with a number that is at least `least`, closed on exec.
pub(super) fn duplicate_above(from: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: only numbers are passed; the result is a new descriptor.
    owned(unsafe { libc::fcntl(from.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) }.into())
}

/// The kernel sends SIGKILL to this process when the thread that started it ends.
pub(super) fn die_with_parent() -> io::Result<()> {
    // SAFETY: only numbers are passed.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }.into()).map(drop)
}

/// Keeps other processes of the same user from tracing this one and from reading its `/proc` entries.
pub(super) fn set_undumpable() -> io::Result<()> {
    // SAFETY: only numbers are passed.
    checked(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) }.into()).map(drop)
}

/// From here on no exec can gain privileges.
pub(super) fn set_no_new_privileges() -> io::Result<()> {
    // SAFETY: only numbers are passed.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into()).map(drop)
}

/// All signals as a new program expects them: default actions, none blocked.
pub(super) fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: setting the default action installs no handler. SIGKILL and SIGSTOP, and the two that libc
        // keeps for itself, are refused, which changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: an all-zero set is initialised by `sigemptyset` before it is used.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// A file in memory that holds `bytes`, at its start, which nobody can change any more.
pub(super) fn sealed_memory(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::{Seek, Write};
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` is NUL-terminated.
    let fd = owned(unsafe { libc::memfd_create(name.as_ptr(), flags) }.into())?;
    let mut file = std::fs::File::from(fd);
    file.write_all(bytes)?;
    file.rewind()?;
    let fd = OwnedFd::from(file);
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    // SAFETY: only numbers are passed.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }.into())?;
    Ok(fd)
}

/// Forks. The child gets `Ok(None)`.
///
/// # Errors
/// What the kernel says (`EAGAIN` at a process limit).
pub(super) fn fork() -> io::Result<Option<libc::pid_t>> {
    // SAFETY: only the init calls this, and it is single-threaded (it looked at `/proc/self/task` when it began
    // and starts no threads), so the child may go on using every lock and the allocator.
    let pid = unsafe { libc::fork() };
    checked(pid.into())?;
    Ok((pid != 0).then_some(pid))
}

/// Most descriptors that go in one message.
const MOST_FDS: usize = 8;

/// Room for the control message with [`MOST_FDS`] descriptors, aligned as the kernel wants it.
#[repr(align(8))]
struct ControlRoom([u8; 64]);

/// Sends one message with descriptors over a Unix socket.
pub(super) fn send_fds(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    if fds.len() > MOST_FDS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let mut room = ControlRoom([0; 64]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `msghdr` is plain data; zero is a valid value of each field. Every pointer that is set below
    // outlives the call; `room` has space for the header and 8 descriptors (16 + 32 bytes), which is the limit
    // checked above. The kernel only reads from `part`.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !raw.is_empty() {
            let length = u32::try_from(size_of_val(raw.as_slice())).unwrap_or(0);
            message.msg_control = room.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(length) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length) as _;
            std::ptr::copy_nonoverlapping(raw.as_ptr(), libc::CMSG_DATA(header).cast::<RawFd>(), raw.len());
        }
        checked(libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) as libc::c_long)
    }
    .map(drop)
}

/// Receives one message (at most 64 KiB) and its descriptors. An empty message means that the other end is gone.
pub(super) fn receive_fds(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0_u8; 64 << 10];
    let mut room = ControlRoom([0; 64]);
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut fds = Vec::new();
    // SAFETY: `msghdr` is plain data. The kernel writes at most `iov_len` and `msg_controllen` bytes to buffers
    // that live until the end of the function. Headers are walked by libc's own macros, and a descriptor that
    // came by SCM_RIGHTS is ours alone.
    let got = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = room.0.len() as _;
        let got = checked(
            libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) as libc::c_long
        )?;
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let length = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let first = libc::CMSG_DATA(header).cast::<RawFd>();
                for at in 0..length / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(first.add(at).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        got
    };
    bytes.truncate(usize::try_from(got).unwrap_or(0));
    Ok((bytes, fds))
}

/// Waits for any child: its process id and wait status. None when there is no child left.
pub(super) fn wait_any() -> io::Result<Option<(libc::pid_t, i32)>> {
    let mut status = 0;
    loop {
        // SAFETY: `status` lives through the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if pid > 0 {
            return Ok(Some((pid, status)));
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ECHILD) => return Ok(None),
            _ => return Err(error),
        }
    }
}

/// Takes a capability out of the bounding set. False when the kernel does not know it.
pub(super) fn drop_from_bounding_set(capability: u64) -> io::Result<bool> {
    // SAFETY: only numbers are passed.
    let dropped = checked(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }.into());
    match dropped {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Raises the loopback interface of this network namespace, which a new one has down.
pub(super) fn raise_loopback() -> io::Result<()> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers are passed.
    let socket = owned(unsafe { libc::socket(libc::AF_INET, kind, 0) }.into())?;
    // SAFETY: all zeros is a valid value of a structure of numbers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the request is laid out as the kernel's and outlives the call, which reads it only.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into())
        .map(drop)
}

/// Marks every descriptor from `first` on as closed on exec.
pub(super) fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: nothing is closed now, only marked.
    let marked = unsafe { libc::close_range(first.unsigned_abs(), libc::c_uint::MAX, flags) };
    checked(marked.into()).map(drop)
}

/// Fills every free descriptor number below `limit` for good.
pub(super) fn take_numbers_below(limit: RawFd) -> io::Result<()> {
    loop {
        let null = OwnedFd::from(std::fs::File::open("/dev/null")?);
        if null.as_raw_fd() >= limit {
            return Ok(());
        }
        // Closed by the exec of the guest, or by the end of this process.
        let _number = std::os::fd::IntoRawFd::into_raw_fd(null);
    }
}
