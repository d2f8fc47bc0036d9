//! The system call filter of a container, in the engines' own format: what the OS tier denies is denied here too.
//!
//! An engine's default filter is made for servers. It lets a guest make set-user-id files in the view, which belong to
//! the person outside, and reach the machine by socket families that no network namespace holds (`AF_VSOCK`).
//!
//! An engine looks at one condition for each argument of a call: two for the same would mean either.

use serde_json::{Value, json};

use crate::os::sockets::{PROTOCOLS, TYPE_BITS, foreign_types};

/// Answered as by a kernel that does not have them: a filter cannot read their arguments, and libraries know another way.
const ABSENT: &[&str] =
    &["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret", "openat2"];

/// Other processes, mounts and namespaces, the kernel's programmable parts, keys, the machine's time, name, modules and
/// accounting.
const DENIED: &[&str] = &[
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "pidfd_getfd",
    "kcmp",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "fanotify_init",
    "lookup_dcookie",
    "keyctl",
    "add_key",
    "request_key",
    "name_to_handle_at",
    "open_by_handle_at",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "init_module",
    "finit_module",
    "delete_module",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "vhangup",
    "nfsservctl",
    "personality",
    "migrate_pages",
    "move_pages",
    "iopl",
    "ioperm",
    "modify_ldt",
    "uselib",
    "_sysctl",
];

/// Calls that take a mode, and where.
const WITH_MODE: &[(&str, u32)] = &[
    ("chmod", 1),
    ("creat", 1),
    ("mkdir", 1),
    ("mknod", 1),
    ("fchmod", 1),
    ("fchmodat", 2),
    ("fchmodat2", 2),
    ("mkdirat", 2),
    ("mknodat", 2),
];

/// The profile. Calls of other kinds than this machine's own (i386, x32) are none that it lets through.
/// `loopback`: the container has a network of its own that leads nowhere but to itself.
pub(super) fn profile(loopback: bool) -> String {
    let mut calls = vec![deny(ABSENT, libc::ENOSYS, &[]), deny(DENIED, libc::EPERM, &[])];
    let not_unix = json!({"index": 0, "value": libc::AF_UNIX, "op": "SCMP_CMP_NE"});
    if loopback {
        calls.extend(foreign_sockets());
    } else {
        calls.push(deny(&["socket"], libc::EPERM, std::slice::from_ref(&not_unix)));
    }
    calls.push(deny(&["socketpair"], libc::EPERM, &[not_unix]));
    let spaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    calls.extend(spaces.iter().map(|bit| deny(&["clone"], libc::EPERM, &[has(0, bit.unsigned_abs())])));
    for request in [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS] {
        let is = json!({"index": 1, "value": request & 0xffff_ffff, "op": "SCMP_CMP_EQ"});
        calls.push(deny(&["ioctl"], libc::EPERM, &[is]));
    }
    for bit in [libc::S_ISUID, libc::S_ISGID] {
        calls.extend(WITH_MODE.iter().map(|(call, mode)| deny(&[call], libc::EPERM, &[has(*mode, bit)])));
        // The mode of an open means something only where a file is made.
        for make in [libc::O_CREAT.unsigned_abs(), libc::O_TMPFILE.unsigned_abs()] {
            calls.extend(
                [("open", 1), ("openat", 2)].map(|(call, flags)| {
                    deny(&[call], libc::EPERM, &[has(flags, make), has(flags + 1, bit)])
                }),
            );
        }
    }
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "SCMP_ARCH_AARCH64",
        _ => "SCMP_ARCH_X86_64",
    };
    json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture], "syscalls": calls}).to_string()
}

/// Sockets of all families but `AF_UNIX` and the internet's, and of these all but TCP and UDP.
fn foreign_sockets() -> Vec<Value> {
    let is = |index, value: i32| json!({"index": index, "value": value, "op": "SCMP_CMP_EQ"});
    let above = |index, value: i32| json!({"index": index, "value": value, "op": "SCMP_CMP_GT"});
    let refused = |args: &[Value]| deny(&["socket"], libc::EPERM, args);
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let most = |known: &[i32]| known.iter().copied().max().unwrap_or(0);
    let others = |known: &'static [i32]| (0..most(known)).filter(move |number| !known.contains(number));
    let mut calls: Vec<Value> = (0..most(&families))
        .filter(|family| !families.contains(family))
        .map(|family| refused(&[is(0, family)]))
        .collect();
    calls.push(refused(&[above(0, most(&families))]));
    for family in [libc::AF_INET, libc::AF_INET6] {
        calls.extend(foreign_types().map(|kind| {
            let bits = json!({"index": 1, "value": TYPE_BITS, "valueTwo": kind, "op": "SCMP_CMP_MASKED_EQ"});
            refused(&[is(0, family), bits])
        }));
        calls.extend(others(&PROTOCOLS).map(|protocol| refused(&[is(0, family), is(2, protocol)])));
        calls.push(refused(&[is(0, family), above(2, most(&PROTOCOLS))]));
    }
    calls
}

fn deny(names: &[&str], errno: i32, args: &[Value]) -> Value {
    json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": args})
}

/// That an argument has all of these bits.
fn has(index: u32, bits: u32) -> Value {
    json!({"index": index, "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"})
}
