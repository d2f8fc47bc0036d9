//! From a job to what is started: program, environment, what it reads, what it sees of the disk.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use coditect_ports::sandbox::{OVERLAY, Reports, TOOL_CACHE, TOOL_FILES, Tool};
use coditect_ports::{Job, PortError, Program, Writes};
use coditect_types::ErrorKind;

use super::engine::Ready;
use crate::os::{
    PROJECT, RUNNER, RUNNER_FILES, RUNNER_FOLDER, checked_directory, checked_view, request_inside,
};

/// An id that no distribution hands out: it owns nothing on this machine but what it is given.
const ORDINARY: u32 = 0x7ffc_0de5;
/// Entries of a view that are given to it at most.
const MOST_ENTRIES: usize = 1 << 20;
/// Reports leave by standard output, and what the program prints there is told with its errors.
const REPORTS_BY_STDOUT: &str =
    "import os, sys\nos.dup2(1, 3)\nos.dup2(2, 1)\nos.execv(sys.executable, [sys.executable] + sys.argv[1:])";

/// A directory or file that the guest sees.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) source: PathBuf,
    pub(super) target: String,
    pub(super) writable: bool,
}

/// What is started.
#[derive(Debug)]
pub(super) struct Order {
    /// Program first.
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) stdin: Vec<u8>,
    pub(super) reports: Reports,
    pub(super) shown: Vec<Shown>,
    /// Where it starts.
    pub(super) directory: String,
    /// As whom it runs.
    pub(super) user: (u32, u32),
    /// Files that are shown. They go with the order.
    _files: tempfile::TempDir,
}

/// Makes the order of a job.
pub(super) fn order(job: &Job<'_>, ready: &Ready) -> Result<Order, PortError> {
    let writable = match job.writes {
        Writes::Refused => false,
        Writes::Kept => true,
        Writes::Dropped { .. } => {
            let cause = format!("the container sandbox has no `{OVERLAY}`");
            return Err(PortError::new(ErrorKind::NoSandbox, cause));
        }
    };
    let view = checked_view(job.view)?;
    let directory = checked_directory(job.directory)?;
    // The engine makes directories that are not there, following links of the project's while it does.
    plain(&view, directory)?;
    let io = |error: std::io::Error| PortError::from_io("preparing the container", &error);
    let files = tempfile::tempdir().map_err(io)?;
    let mut shown = vec![Shown { source: view.clone(), target: PROJECT.to_owned(), writable }];
    let mut env = vec!["HOME=/tmp".to_owned(), "LANG=C.UTF-8".to_owned(), "TMPDIR=/tmp".to_owned()];
    let (argv, named, stdin, reports) = match job.program {
        Program::Python { request, interpreter } => {
            for (name, text) in RUNNER_FILES {
                put(files.path(), name, text).map_err(io)?;
                shown.push(read_only(files.path().join(name), format!("{RUNNER_FOLDER}/{name}")));
            }
            env.push("CODITECT_REPORT_FD=3".to_owned());
            let name = interpreter.as_deref().and_then(Path::to_str).filter(|name| !name.contains('/'));
            let start = [name.unwrap_or("python3"), "-I", "-S", "-B", "-c", REPORTS_BY_STDOUT];
            let argv = start.into_iter().chain(["-I", "-B", RUNNER]).map(str::to_owned).collect();
            (argv, &[][..], request_inside(request, directory)?.into_bytes(), Reports::Channel)
        }
        Program::Command { argv, env } => (argv.clone(), env.as_slice(), job.stdin.to_vec(), Reports::None),
        Program::Tool(tool) => {
            shown.extend(tool_shown(tool, files.path(), &view, directory)?);
            let mut argv = tool.argv.clone();
            if tool.reports == Reports::Channel {
                env.push("CODITECT_REPORT_FD=3".to_owned());
                let start = ["sh", "-c", "exec \"$@\" 3>&1 1>&2", "sh"].map(str::to_owned);
                argv.splice(0..0, start);
            }
            (argv, tool.env.as_slice(), job.stdin.to_vec(), tool.reports)
        }
    };
    if argv.is_empty() {
        return Err(PortError::new(ErrorKind::Invalid, "the command is empty"));
    }
    env.retain(|set| named.iter().all(|(name, _)| !set.starts_with(&format!("{name}="))));
    env.extend(named.iter().map(|(name, value)| format!("{name}={value}")));
    let user = user(&shown, ready)?;
    let directory = Path::new(PROJECT).join(directory).to_string_lossy().trim_end_matches('/').to_owned();
    Ok(Order { argv, env, stdin, reports, shown, directory, user, _files: files })
}

fn read_only(source: PathBuf, target: impl Into<String>) -> Shown {
    Shown { source, target: target.into(), writable: false }
}

/// Writes a file that any user may read.
fn put(folder: &Path, name: &str, content: &str) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    fs::write(folder.join(name), content)?;
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644))
}

/// What a tool sees beside the project.
fn tool_shown(tool: &Tool, files: &Path, view: &Path, directory: &Path) -> Result<Vec<Shown>, PortError> {
    let mut shown = Vec::new();
    for (name, content) in &tool.files {
        put(files, name, content).map_err(|error| PortError::from_io("preparing the container", &error))?;
        shown.push(read_only(files.join(name), format!("{TOOL_FILES}/{name}")));
    }
    shown.extend(tool.cache.iter().map(|cache| Shown {
        source: cache.path.clone(),
        target: TOOL_CACHE.to_owned(),
        writable: cache.writable,
    }));
    for lent in &tool.lent {
        let below = directory.join(checked_directory(&lent.at)?);
        plain(view, &below)?;
        shown.push(read_only(PathBuf::from(&lent.from), Path::new(PROJECT).join(&below).to_string_lossy()));
    }
    Ok(shown)
}

/// Refuses what is not a plain directory below the view.
fn plain(view: &Path, below: &Path) -> Result<(), PortError> {
    let mut at = view.to_owned();
    for part in below.components() {
        at.push(part);
        if !at.symlink_metadata().is_ok_and(|kind| kind.is_dir()) {
            let cause = format!("`{}` is not a plain directory of the project", below.display());
            return Err(PortError::new(ErrorKind::NotFound, cause));
        }
    }
    Ok(())
}

/// As whom the guest runs: the owner of the view, and never root. What belongs to root is given to an id that owns
/// nothing else first, where the host is root and can.
fn user(shown: &[Shown], ready: &Ready) -> Result<(u32, u32), PortError> {
    if ready.is_rootless() && !ready.is_podman() {
        // Root of an engine without root is this person outside, and has no capability.
        return Ok((0, 0));
    }
    let view = &shown[0].source;
    let about = fs::metadata(view).map_err(|error| PortError::from_io("looking at the view", &error))?;
    if about.uid() != 0 && about.uid() != ORDINARY {
        return Ok((about.uid(), if about.gid() == 0 { about.uid() } else { about.gid() }));
    }
    if !nix::unistd::geteuid().is_root() {
        let cause = format!("`{}` belongs to root, as whom no container runs", view.display());
        return Err(PortError::new(ErrorKind::Denied, cause).with_hint("make the project your own"));
    }
    let mut left = MOST_ENTRIES;
    for one in shown.iter().filter(|one| one.writable || one.target == PROJECT) {
        give(&one.source, &mut left)
            .map_err(|error| PortError::from_io("giving the view to the guest", &error))?;
    }
    Ok((ORDINARY, ORDINARY))
}

/// Gives everything of root's below a directory to the guest's id. Links are given and not followed.
fn give(top: &Path, left: &mut usize) -> std::io::Result<()> {
    let mut waiting = vec![top.to_owned()];
    while let Some(path) = waiting.pop() {
        *left = left.checked_sub(1).ok_or_else(|| std::io::Error::other("it has too many files"))?;
        let about = path.symlink_metadata()?;
        if about.uid() == 0 {
            lchown(&path, Some(ORDINARY), Some(ORDINARY))?;
        }
        if about.is_dir() {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        }
    }
    Ok(())
}
