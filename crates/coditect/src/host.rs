//! Facts of this machine that people and benches want to know.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use crate::environment::Environment;

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Host {
    /// The processor's name, where it tells.
    pub(crate) cpu: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// The kernel's release.
    pub(crate) kernel: String,
}

/// Asks the machine.
pub(crate) fn host() -> Host {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    Host { cpu, cores: cores(), kernel }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The name of this machine, as far as it has letters, digits, `-`, `_` and `.`; `host` where there is none.
pub(crate) fn name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = name.to_string_lossy().chars().filter(fits).take(60).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// Sees to it that this process leaves no image of its memory behind when it crashes: it is about to hold a key. The programs that
/// it starts leave none either.
pub(crate) fn leave_no_core() {
    // With a limit of 1 the kernel writes no file and asks no program to take one, which it does at 0 (core(5)).
    let hard = getrlimit(Resource::RLIMIT_CORE).map_or(1, |(_, hard)| hard.min(1));
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, hard, hard) {
        tracing::warn!(%error, "a crash could leave an image of the memory, with the key in it");
    }
}

/// Where a program is that a person has in the path.
pub(crate) fn on_path(env: &Environment, name: &str) -> Option<PathBuf> {
    let path = env.get("PATH")?;
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_absolute() && file.is_file())
}

/// A program that was found, and what it says of its version.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tool {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its version, as it says itself.
    pub(crate) version: String,
}

/// Looks for a program on `PATH` and asks for its version, in an empty directory's environment.
pub(crate) fn tool(env: &Environment, name: &str) -> Option<Tool> {
    let path = std::env::split_paths(env.get("PATH")?)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())?;
    let said = Command::new(&path)
        .arg("--version")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let said = String::from_utf8_lossy(&said.stdout);
    let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Some(Tool { version: version.unwrap_or("unknown").to_owned(), path })
}

/// Bytes that are free for this user where `path` is, or would be.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|above| above.exists())?;
    let stat = nix::sys::statvfs::statvfs(there).ok()?;
    Some(stat.blocks_available() * stat.fragment_size())
}
