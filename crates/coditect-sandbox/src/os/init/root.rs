//! The fresh root: an empty file system in memory, into which is bound what the guest may see.
//!
//! Sources are opened before anything is covered, attributes are set on the detached copies, and only then are
//! they attached. So there is no moment at which a writable or set-uid mount could be seen, and no path is
//! looked up twice. Every directory in the view may be hostile; none is ever walked here, since the view is
//! attached last, and what is lent to it only where the host saw plain directories.

use std::ffi::CString;
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{fchdir, pivot_root};

use super::{Failed, Meaning, Standing, overlay};
use crate::os::plan::{Access, Entry, Identity, Plan, RUNNER_FILES, RUNNER_FOLDER, Raw};
use crate::os::sys;

const READS: &str = "file_reads";
const WRITES: &str = "file_writes";
pub(super) const SAFE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// The root that was entered.
#[derive(Debug)]
pub(super) struct FreshRoot {
    /// Its mount, to make it read-only in the end.
    mount: OwnedFd,
}

/// Where the old root is until [`FreshRoot::let_go`].
const OLD: &str = "/.old";

/// A detached copy and where it goes.
pub(super) struct Piece {
    pub(super) mount: OwnedFd,
    pub(super) target: PathBuf,
    pub(super) is_directory: bool,
}

/// Builds and enters it.
pub(super) fn build(
    plan: &Plan,
    userns: Option<BorrowedFd<'_>>,
    standing: &mut Standing,
) -> Result<FreshRoot, Failed> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
        .means(READS, "making the mounts private")?;
    let pieces = open_pieces(plan, userns)?;
    let layers = overlay::open(plan, userns)?;
    let size = CString::new(room(&plan.entries).to_string()).unwrap_or_default();
    let root = memory(&[(c"mode", c"0755".to_owned()), (c"size", size)])?;
    let stage = stage();
    let here = File::open("/").means(READS, "opening the root")?;
    let stage_path = sys::c_string(stage).means(READS, "naming the stage")?;
    sys::move_mount(root.as_fd(), here.as_fd(), &stage_path).means(READS, "attaching the fresh root")?;
    fchdir(root.as_fd()).means(READS, "entering the fresh root")?;
    DirBuilder::new()
        .mode(0o700)
        .create(OLD.trim_start_matches('/'))
        .means(READS, "making room for the old root")?;
    pivot_root(".", OLD.trim_start_matches('/')).means(READS, "changing the root")?;
    nix::unistd::chdir("/").means(READS, "entering the fresh root")?;

    scratch(plan, layers.is_some())?;
    if let Some(layers) = layers {
        // Before the pieces: some are attached within the project.
        overlay::put(layers, standing)?;
    }
    folder(Path::new("/proc"))?;
    for piece in &pieces {
        attach(piece)?;
    }
    for entry in &plan.entries {
        write_entry(entry)?;
    }
    match plan.identity {
        Identity::Ordinary { .. } => standing.by.extend(["ordinary_id".into(), "id_mapped_view".into()]),
        Identity::Owner { uid: 0, .. } => standing.missing.push(
            "ordinary_id: the view's file system cannot be id-mapped, so the guest runs as its owner, root, without \
             capabilities"
                .into(),
        ),
        Identity::Owner { .. } | Identity::Caller { .. } => {}
    }
    Ok(FreshRoot { mount: root })
}

/// Copies of everything that is bound, with their attributes.
fn open_pieces(plan: &Plan, userns: Option<BorrowedFd<'_>>) -> Result<Vec<Piece>, Failed> {
    let mut pieces = Vec::new();
    for entry in &plan.entries {
        let Entry::Bind { source, target, access } = entry else { continue };
        let Ok(kind) = std::fs::metadata(source.as_path()) else { continue };
        let (set, mapped_by) = match access {
            Access::Toolchain => (SAFE | libc::MOUNT_ATTR_RDONLY, None),
            Access::Read => (SAFE | libc::MOUNT_ATTR_RDONLY, userns),
            Access::Write => (SAFE, userns),
            Access::Device => (libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC, None),
        };
        let mount = copy(source, set, mapped_by)?;
        pieces.push(Piece { mount, target: target.as_path().to_owned(), is_directory: kind.is_dir() });
    }
    Ok(pieces)
}

/// A detached copy of what is at `source`, with its attributes.
pub(super) fn copy(source: &Raw, set: u64, mapped_by: Option<BorrowedFd<'_>>) -> Result<OwnedFd, Failed> {
    let name = source.as_path().display();
    let path = sys::c_string(&source.0).means(READS, format!("naming {name}"))?;
    let copy = sys::open_tree(&path).means(READS, format!("opening {name}"))?;
    sys::set_mount_attributes(copy.as_fd(), set, mapped_by)
        .means(if mapped_by.is_some() { MAPPING } else { WRITES }, format!("guarding {name}"))?;
    Ok(copy)
}

/// The name under which a failure of id-mapping is told. The host answers it by running the guest as the view's
/// owner, which is another way to the same protection.
const MAPPING: &str = crate::os::identity::MAPPING;

/// Bytes of the root's file system: its directories and links, and the files that it is given. The guest cannot write to it.
fn room(entries: &[Entry]) -> u64 {
    const BESIDE: u64 = 16 << 20;
    let page = 4096;
    let files = entries.iter().map(|entry| match entry {
        Entry::File { content, .. } => (content.0.len() as u64).next_multiple_of(page) + page,
        Entry::Bind { .. } | Entry::Overlay { .. } | Entry::Link { .. } | Entry::Runner => 0,
    });
    BESIDE + files.sum::<u64>()
}

/// A directory that every Linux has, to attach the fresh root at for a moment.
fn stage() -> &'static Path {
    const PLACES: [&str; 4] = ["/tmp", "/mnt", "/usr", "/proc"];
    PLACES.into_iter().map(Path::new).find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}

fn memory(options: &[(&std::ffi::CStr, CString)]) -> Result<OwnedFd, Failed> {
    sys::new_mount(c"tmpfs", options, SAFE).means(READS, "making a file system in memory")
}

/// `/tmp`, which is the guest's own and goes with it: home, temporary files and shared memory.
///
/// With a layer above the view, it is a part of the file system that holds that layer as well.
fn scratch(plan: &Plan, layered: bool) -> Result<(), Failed> {
    let size = CString::new(plan.scratch_bytes.to_string()).unwrap_or_default();
    // Inodes are kernel memory too: a bomb of empty files ends here.
    let options = [(c"mode", c"1777".to_owned()), (c"size", size), (c"nr_inodes", c"262144".to_owned())];
    let mount = memory(&options)?;
    let mount = if layered { overlay::room(mount)? } else { mount };
    attach(&Piece { mount, target: "/tmp".into(), is_directory: true })?;
    for name in ["/tmp/home", "/tmp/shm"] {
        DirBuilder::new().mode(0o777).create(name).means(READS, "making the scratch directories")?;
        let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(name, open_to_all).means(READS, "opening the scratch directories")?;
    }
    folder(Path::new("/dev"))?;
    for (name, to) in [
        ("/dev/shm", "/tmp/shm"),
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, name).means(READS, format!("linking {name}"))?;
    }
    Ok(())
}

pub(super) fn attach(piece: &Piece) -> Result<(), Failed> {
    let name = piece.target.display();
    if piece.is_directory {
        folder(&piece.target)?;
    } else {
        folder(piece.target.parent().unwrap_or(Path::new("/")))?;
        if !piece.target.exists() {
            File::create(&piece.target).means(READS, format!("making {name}"))?;
        }
    }
    let root = File::open("/").means(READS, "opening the fresh root")?;
    let path = sys::c_string(&piece.target).means(READS, format!("naming {name}"))?;
    sys::move_mount(piece.mount.as_fd(), root.as_fd(), &path).means(READS, format!("attaching {name}"))
}

fn write_entry(entry: &Entry) -> Result<(), Failed> {
    match entry {
        Entry::Bind { .. } | Entry::Overlay { .. } => Ok(()),
        Entry::Link { target, to } => {
            let target = target.as_path();
            folder(target.parent().unwrap_or(Path::new("/")))?;
            match symlink(to.as_path(), target) {
                // A toolchain that is bound above may hold the very link.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked.means(READS, format!("linking {}", target.display())),
            }
        }
        Entry::Runner => RUNNER_FILES
            .iter()
            .try_for_each(|(name, text)| write_file(&Path::new(RUNNER_FOLDER).join(name), text.as_bytes())),
        Entry::File { target, content } => write_file(target.as_path(), content.bytes()),
    }
}

fn write_file(target: &Path, content: &[u8]) -> Result<(), Failed> {
    folder(target.parent().unwrap_or(Path::new("/")))?;
    File::create(target)
        .and_then(|mut file| file.write_all(content))
        .means(READS, format!("writing {}", target.display()))
}

/// Makes a directory and those above it. The caller's umask was taken over from the host.
fn folder(path: &Path) -> Result<(), Failed> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .means(READS, format!("making {}", path.display()))
}

impl FreshRoot {
    /// Lets go of the old root, and with it of the last way to the machine's files. It stays until the first
    /// process has a fresh `/proc`, since the kernel gives one only to those who see a whole one already.
    pub(super) fn let_go(&self) -> Result<(), Failed> {
        umount2(OLD, MntFlags::MNT_DETACH).means(READS, "letting go of the old root")?;
        std::fs::remove_dir(OLD).means(READS, "removing its place")
    }

    /// Nothing can be added to or removed from the root itself any more. (Not recursive: the mounts within it
    /// have attributes of their own.)
    pub(super) fn seal(&self) -> Result<(), Failed> {
        let nothing = None::<&str>;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        let flags = flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        fchdir(self.mount.as_fd()).means(WRITES, "entering the root")?;
        mount(nothing, "/", nothing, flags, nothing).means(WRITES, "sealing the root")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_every_file_that_is_given() {
        let file =
            |bytes| Entry::File { target: Raw("/tool/a".into()), content: Raw("a".repeat(bytes).into()) };
        let none = room(&[Entry::Runner]);
        assert!(room(&[file(20 << 20), file(1)]) >= none + (20 << 20) + 4096);
    }
}
