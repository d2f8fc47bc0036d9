//! The layer above a view: what the guest writes to its project goes there, and with it.
//!
//! It is a directory of the scratch file system, so that one limit of bytes and inodes holds for all that a guest can
//! write to. The layers below are attached read-only for the moment of mounting only: the kernel keeps copies of its
//! own, and the guest sees none of them.

use std::fs::DirBuilder;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;

use nix::mount::{MntFlags, umount2};

use coditect_ports::sandbox::OVERLAY;

use super::root::{self, Piece, SAFE};
use super::{Failed, Meaning, Standing};
use crate::os::plan::{Entry, PROJECT, Plan};
use crate::os::sys;

/// Where the whole scratch file system is while there is something to do in it.
const ROOM: &str = "/.room";
const TMP: &str = "/.room/tmp";
const UPPER: &str = "/.room/upper";
const WORK: &str = "/.room/work";
const VIEW: &str = "/.view";
const OVER: &str = "/.over";

/// The layers below, each a detached copy.
pub(super) struct Layers {
    view: OwnedFd,
    over: Option<OwnedFd>,
}

/// Opens the layers of a plan, if it has any. Done before anything is covered, as for all that is bound.
pub(super) fn open(plan: &Plan, userns: Option<BorrowedFd<'_>>) -> Result<Option<Layers>, Failed> {
    let layers = plan.entries.iter().find_map(|entry| match entry {
        Entry::Overlay { view, over } => Some((view, over)),
        Entry::Bind { .. } | Entry::Link { .. } | Entry::Runner | Entry::File { .. } => None,
    });
    let Some((view, over)) = layers else { return Ok(None) };
    let below = |source| root::copy(source, SAFE | libc::MOUNT_ATTR_RDONLY, userns);
    Ok(Some(Layers { view: below(view)?, over: over.as_ref().map(below).transpose()? }))
}

/// Makes room for the upper layer in the scratch file system; gives the part of it that the guest sees as `/tmp`.
pub(super) fn room(scratch: OwnedFd) -> Result<OwnedFd, Failed> {
    root::attach(&Piece { mount: scratch, target: ROOM.into(), is_directory: true })?;
    for (path, mode) in [(TMP, 0o1777), (UPPER, 0o755), (WORK, 0o700)] {
        let made = DirBuilder::new().mode(mode).create(path);
        made.and_then(|()| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)))
            .means(OVERLAY, "making room for the layer")?;
    }
    let path = sys::c_string(TMP).means(OVERLAY, "naming the scratch directory")?;
    sys::open_tree(&path).means(OVERLAY, "opening the scratch directory")
}

/// Mounts the layers and attaches them where the project is seen.
pub(super) fn put(layers: Layers, standing: &mut Standing) -> Result<(), Failed> {
    let mut below = vec![VIEW];
    root::attach(&Piece { mount: layers.view, target: VIEW.into(), is_directory: true })?;
    if let Some(over) = layers.over {
        root::attach(&Piece { mount: over, target: OVER.into(), is_directory: true })?;
        below.insert(0, OVER);
    }
    like(VIEW, UPPER).means(OVERLAY, "making the layer the guest's")?;
    let mount = mount(&below.join(":"))?;
    root::attach(&Piece { mount, target: PROJECT.into(), is_directory: true })?;
    for path in below.into_iter().chain([ROOM]) {
        umount2(path, MntFlags::MNT_DETACH).means(OVERLAY, "letting go of the layers")?;
        std::fs::remove_dir(path).means(OVERLAY, "removing their places")?;
    }
    standing.by.push(OVERLAY.to_owned());
    Ok(())
}

/// The top of the upper layer is what is seen of the top: it gets the view's owner and mode.
fn like(view: &str, upper: &str) -> std::io::Result<()> {
    let about = std::fs::metadata(view)?;
    chown(Path::new(upper), Some(about.uid()), Some(about.gid()))?;
    std::fs::set_permissions(upper, PermissionsExt::from_mode(about.mode() & 0o777))
}

fn mount(below: &str) -> Result<OwnedFd, Failed> {
    let text = |text: &str| sys::c_string(text).means(OVERLAY, "naming the layers");
    let mut options = vec![
        (c"lowerdir", text(below)?),
        (c"upperdir", text(UPPER)?),
        (c"workdir", text(WORK)?),
        (c"index", text("off")?),
        (c"metacopy", text("off")?),
    ];
    // A directory that was removed and made again is marked by an attribute. The kind that the machine's root alone may
    // set also lets directories of the view be renamed.
    if marks(c"trusted.overlay.coditect") {
        options.push((c"redirect_dir", text("on")?));
    } else if marks(c"user.overlay.coditect") {
        options.push((c"userxattr", std::ffi::CString::default()));
    } else {
        return Err(Failed {
            protection: OVERLAY,
            doing: "marking directories of the layer".to_owned(),
            errno: libc::EOPNOTSUPP,
        });
    }
    sys::new_mount(c"overlay", &options, SAFE).means(OVERLAY, "mounting the layers")
}

/// Whether the upper layer takes such an attribute.
fn marks(name: &std::ffi::CStr) -> bool {
    sys::c_string(WORK).is_ok_and(|path| sys::set_attribute(&path, name, b"y").is_ok())
}
