//! The walls inside the namespaces: capabilities, Landlock, resource limits, the system call filter.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

use super::{Failed, Meaning, Standing};
use crate::os::plan::{Access, Entry, GuestLimits, PROJECT, Plan, RUNNER_FILES, RUNNER_FOLDER};
use crate::os::sockets::{PROTOCOLS, TYPE_BITS, foreign_types};
use crate::os::sys;

/// Takes every capability out of the bounding set, so that no exec can ever give one back.
pub(super) fn drop_bounding_set() -> Result<(), Failed> {
    for capability in 0..64 {
        let known = sys::drop_from_bounding_set(capability);
        // Without CAP_SETPCAP it cannot be done, and need not be: no_new_privs says the same.
        if !matches!(known, Ok(true)) {
            break;
        }
    }
    Ok(())
}

/// Gives up every capability.
pub(super) fn drop_capabilities() -> Result<(), Failed> {
    use caps::CapSet;
    drop_bounding_set()?;
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(|_| Failed {
            protection: "processes",
            doing: "dropping capabilities".into(),
            errno: std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EPERM),
        })?;
    }
    Ok(())
}

/// A second wall behind the mount, network and pid namespaces: the same rules, kept by another part of the
/// kernel. Each level is all or nothing; the strongest one that the kernel has is taken.
pub(super) fn landlock(plan: &Plan, standing: &mut Standing) {
    let mut cause = String::new();
    for abi in [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1] {
        match restrict(plan, abi, standing.loopback) {
            Ok(RulesetStatus::FullyEnforced) => {
                standing.by.push(format!("landlock_abi{}", abi as i32));
                return;
            }
            Ok(status) => cause = format!("{status:?}"),
            Err(error) => cause = error.to_string(),
        }
    }
    standing.missing.push(format!("landlock: {cause}"));
}

fn restrict(plan: &Plan, abi: ABI, loopback: bool) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(abi);
    let read = AccessFs::from_read(abi);
    let mut rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(all)?;
    // Ports can be told apart, namespaces cannot: a network of the guest's own is for all to use, or not at all.
    if abi as i32 >= ABI::V4 as i32 && !loopback {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if abi as i32 >= ABI::V6 as i32 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    let mut created = rules.create()?;
    let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> Result<(), RulesetError> {
        let Ok(fd) = PathFd::new(path) else { return Ok(()) };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
        (&mut created).add_rule(PathBeneath::new(fd, access)).map(drop)
    };
    allow(Path::new("/"), AccessFs::ReadDir.into())?;
    allow(Path::new("/tmp"), all)?;
    allow(Path::new("/proc"), read & !AccessFs::Execute)?;
    for entry in &plan.entries {
        match entry {
            Entry::Bind { target, access: Access::Write, .. } => allow(target.as_path(), all)?,
            Entry::Overlay { .. } => allow(Path::new(PROJECT), all)?,
            Entry::Bind { target, access: Access::Toolchain | Access::Read, .. }
            | Entry::File { target, .. } => {
                allow(target.as_path(), read)?;
            }
            Entry::Bind { target, access: Access::Device, .. } => {
                allow(target.as_path(), AccessFs::ReadFile | AccessFs::WriteFile)?;
            }
            Entry::Runner => {
                for (name, _) in RUNNER_FILES {
                    allow(&Path::new(RUNNER_FOLDER).join(name), read)?;
                }
            }
            Entry::Link { .. } => {}
        }
    }
    debug_assert!(Path::new(PROJECT).is_dir());
    created.restrict_self().map(|status| status.ruleset)
}

/// Resource limits, soft and hard alike.
pub(super) fn limit(limits: &GuestLimits) -> Result<(), Failed> {
    let set = |resource, soft: u64, hard: u64| {
        setrlimit(resource, soft, hard).means("limits", format!("setting {resource:?}"))
    };
    // A stack may grow by a program's own wish (deep recursion in a thread or in C), within reason.
    set(Resource::RLIMIT_STACK, 8 << 20, 64 << 20)?;
    set(Resource::RLIMIT_CORE, 0, 0)?;
    set(Resource::RLIMIT_NOFILE, 1024, 4096)?;
    set(Resource::RLIMIT_MEMLOCK, 64 << 10, 64 << 10)?;
    set(Resource::RLIMIT_MSGQUEUE, 0, 0)?;
    set(Resource::RLIMIT_RTPRIO, 0, 0)?;
    set(Resource::RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)?;
    set(Resource::RLIMIT_NPROC, limits.processes, limits.processes)?;
    match limits.address_space {
        Some(bytes) => set(Resource::RLIMIT_AS, bytes, bytes),
        None => Ok(()),
    }
}

/// The system call filters, made ahead since making them needs memory and the filter is the last step.
pub(super) fn filters(limits: &GuestLimits, loopback: bool) -> Result<Vec<BpfProgram>, Failed> {
    let failed = |doing: String| Failed { protection: "seccomp", doing, errno: libc::ENOSYS };
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| failed(error.to_string()))?;
    let make = |rules, errno: i32| {
        let action = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch);
        filter.and_then(BpfProgram::try_from).map_err(|error| failed(error.to_string()))
    };
    // `ENOSYS` where libraries have another way: glibc's `clone` after `clone3`, whose flags a filter cannot
    // read, and everyone's plain IO after io_uring.
    let mut absent: BTreeMap<i64, Vec<SeccompRule>> = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    if limits.address_space.is_some() {
        absent.extend(UNCOUNTED.iter().map(|call| (*call, Vec::new())));
    }
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    denied.extend(conditional(loopback).map_err(|error| failed(error.to_string()))?);
    let mut first = make(absent, libc::ENOSYS)?;
    refuse_x32(&mut first);
    Ok(vec![first, make(denied, libc::EPERM)?])
}

/// Puts the filters in place. From here on, only what they allow can be called.
pub(super) fn filter_calls(filters: &[BpfProgram]) -> Result<(), Failed> {
    for filter in filters {
        seccompiler::apply_filter(filter).map_err(|_| Failed {
            protection: "seccomp",
            doing: "installing the system call filter".into(),
            errno: std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL),
        })?;
    }
    Ok(())
}

/// The x32 calls of x86-64 have the same architecture word but numbers of their own, which the rules above do
/// not know. (i386 calls have another architecture word, for which seccompiler's check kills.)
fn refuse_x32(filter: &mut BpfProgram) {
    const X32_BIT: u32 = 0x4000_0000;
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    // BPF: load the number (offset 0 of `seccomp_data`); at or above the bit, kill; else go on.
    let load = sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let compare = sock_filter { code: 0x35, jt: 0, jf: 1, k: X32_BIT };
    let kill = sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_KILL_PROCESS };
    filter.splice(0..0, [load, compare, kill]);
}

/// The sockets that are refused. With a network of the guest's own: of all families but `AF_UNIX` and the internet's, and of
/// these all but TCP and UDP. Without: of all but `AF_UNIX`.
fn sockets(loopback: bool) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let is = |argument, operator, value: u32| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value.into())
    };
    let no_family = |families: &[i32]| {
        families
            .iter()
            .map(|family| is(0, SeccompCmpOp::Ne, family.unsigned_abs()))
            .collect::<Result<Vec<_>, _>>()
    };
    if !loopback {
        return Ok(vec![SeccompRule::new(no_family(&[libc::AF_UNIX])?)?]);
    }
    let mut rules = vec![SeccompRule::new(no_family(&[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6])?)?];
    for kind in foreign_types() {
        let mut foreign = no_family(&[libc::AF_UNIX])?;
        foreign.push(is(1, SeccompCmpOp::MaskedEq(TYPE_BITS.into()), kind)?);
        rules.push(SeccompRule::new(foreign)?);
    }
    let mut foreign = no_family(&[libc::AF_UNIX])?;
    for protocol in PROTOCOLS {
        foreign.push(is(2, SeccompCmpOp::Ne, protocol.unsigned_abs())?);
    }
    rules.push(SeccompRule::new(foreign)?);
    Ok(rules)
}

/// Calls that depend on their arguments: sockets, `clone` into namespaces, and writing to a terminal's input.
fn conditional(loopback: bool) -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::BackendError> {
    let rule = |argument, operator, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let spaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let clones = spaces.iter().map(|flag| {
        let bit = u64::from(flag.unsigned_abs());
        rule(0, SeccompCmpOp::MaskedEq(bit), bit)
    });
    let ioctls = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS]
        .map(|request| rule(1, SeccompCmpOp::Eq, request & 0xffff_ffff));
    let mut rules = set_id_bits()?;
    rules.extend([
        (libc::SYS_socket, sockets(loopback)?),
        (libc::SYS_socketpair, sockets(false)?),
        (libc::SYS_clone, clones.collect::<Result<_, _>>()?),
        (libc::SYS_ioctl, ioctls.into_iter().collect::<Result<_, _>>()?),
    ]);
    Ok(rules)
}

/// Making set-user-id and set-group-id files. What the guest writes into a view belongs to the person outside,
/// who may be root, so such a file would be a way to the person's rights for everyone on the machine.
fn set_id_bits() -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::BackendError> {
    let has = |argument, bits: u32| {
        let bits = u64::from(bits);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), bits)
    };
    let mut rules = Vec::new();
    let with_mode = [
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_chmod, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_creat, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mkdir, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mknod, 1),
        (libc::SYS_fchmod, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_fchmodat2, 2),
        (libc::SYS_mkdirat, 2),
        (libc::SYS_mknodat, 2),
    ];
    let bits = [libc::S_ISUID, libc::S_ISGID];
    for (call, mode) in with_mode {
        let each = bits.iter().map(|bit| SeccompRule::new(vec![has(mode, *bit)?]));
        rules.push((call, each.collect::<Result<Vec<_>, _>>()?));
    }
    // The mode of an open means something only where a file is made.
    let makes = [libc::O_CREAT.unsigned_abs(), libc::O_TMPFILE.unsigned_abs()];
    let opens = [
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, 1),
        (libc::SYS_openat, 2),
    ];
    for (call, flags) in opens {
        let pairs = makes.iter().flat_map(|make| bits.iter().map(move |bit| (*make, *bit)));
        let each = pairs.map(|(make, bit)| SeccompRule::new(vec![has(flags, make)?, has(flags + 1, bit)?]));
        rules.push((call, each.collect::<Result<Vec<_>, _>>()?));
    }
    Ok(rules)
}

/// Calls that are answered as by a kernel that does not have them: their arguments are out of a filter's reach,
/// and libraries know another way.
const ABSENT: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_memfd_secret,
    // Its mode is in memory, where a filter cannot read it; everyone falls back to `openat`.
    libc::SYS_openat2,
];

/// Calls that make memory which no process is charged for. Only a cgroup counts it, so without one there is none.
const UNCOUNTED: &[i64] = &[libc::SYS_memfd_create, libc::SYS_shmget];

/// Calls that are refused: other processes, mounts and namespaces, the kernel's programmable parts, keys,
/// the machine's time, name, modules and accounting.
const DENIED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_personality,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];
