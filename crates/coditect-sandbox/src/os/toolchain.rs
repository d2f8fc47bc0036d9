//! What a guest may see of the machine: system libraries and programs, a little of `/etc`, one Python and, for a tool,
//! its toolchain.
//!
//! Nothing is run to find this out: a project could make us run its own code. Links are read, and `pyvenv.cfg`.

mod python;
mod tools;

use std::path::{Path, PathBuf};

use super::plan::{Access, Entry, INSIDE_ID, Raw};

pub(super) use python::{Interpreter, resolve};
pub(super) use tools::{Tools, find};

/// Directories that hold programs and libraries on every Linux (and on Nix and Guix), none of them a person's.
pub(super) const SYSTEM: &[&str] = &["/usr", "/nix/store", "/gnu/store"];
/// Parts of the system that are links into `/usr` on most machines.
const MERGED: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// What programs need of `/etc`. No accounts, no keys, no names of machines.
const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
];
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// A file up to this size is copied, which is cheaper than a mount.
const COPIED: u64 = 4 << 10;

/// What every run sees, whatever it is.
pub(super) fn base() -> Vec<Entry> {
    let mut entries: Vec<Entry> = SYSTEM.iter().chain(MERGED).chain(ETC).filter_map(seen).collect();
    entries.extend(DEVICES.iter().map(|path| bind(Path::new(path), Access::Device)));
    let home = "/tmp/home";
    let passwd =
        format!("root:x:0:0:root:/:/bin/false\nuser:x:{INSIDE_ID}:{INSIDE_ID}:user:{home}:/bin/sh\n");
    for (target, content) in [
        ("/etc/passwd", passwd),
        ("/etc/group", format!("root:x:0:\nuser:x:{INSIDE_ID}:\n")),
        ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
        ("/etc/hostname", "sandbox\n".to_owned()),
    ] {
        entries.push(Entry::File { target: Raw::new(target), content: Raw::new(content) });
    }
    entries
}

/// A path of the machine as it is seen inside: a link as a link, a small file as a copy, all else bound.
fn seen(path: &&str) -> Option<Entry> {
    let path = Path::new(path);
    let kind = path.symlink_metadata().ok()?;
    if kind.is_symlink() {
        // A link whose end is in the system's directories works inside too.
        let to = std::fs::read_link(path).ok()?;
        if std::fs::canonicalize(path).is_ok_and(|end| is_system(&end)) {
            return Some(Entry::Link { target: Raw::new(path), to: Raw::new(to) });
        }
    }
    let small = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= COPIED);
    if small {
        use std::os::unix::ffi::OsStringExt;
        let content = Raw(std::ffi::OsString::from_vec(std::fs::read(path).ok()?));
        return Some(Entry::File { target: Raw::new(path), content });
    }
    Some(bind(path, Access::Toolchain))
}

/// Binds a path of the host at the same path.
pub(super) fn bind(path: &Path, access: Access) -> Entry {
    Entry::Bind { source: Raw::new(path), target: Raw::new(path), access }
}

/// Whether everyone sees the path anyway.
pub(super) fn is_system(path: &Path) -> bool {
    SYSTEM.iter().chain(MERGED).any(|folder| path.starts_with(folder))
}

/// `PATH` inside.
pub(super) fn search_path(interpreter: Option<&Interpreter>, tools: Option<&Tools>) -> String {
    let own = tools.into_iter().flat_map(|found| found.folders.iter());
    let own = own.chain(interpreter.into_iter().flat_map(|found| found.folders.iter()));
    let own = own.map(|folder| folder.to_string_lossy().into_owned());
    let system = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];
    let mut folders: Vec<String> = own.chain(system.into_iter().map(str::to_owned)).collect();
    let mut known = std::collections::BTreeSet::new();
    folders.retain(|folder| known.insert(folder.clone()));
    folders.join(":")
}

/// Toolchains of the person's own choice, as far as they exist.
pub(super) fn chosen(folders: &[PathBuf]) -> Vec<Entry> {
    folders.iter().filter(|folder| folder.is_dir()).map(|folder| bind(folder, Access::Read)).collect()
}
