//! The lens: a git directory of our own whose refs and objects are links to the person's.
//!
//! Git pointed at a lens sees the person's refs and objects, under our configuration and with no hooks. It never
//! opens their `config`, so whatever that names (hooks, filters, fsmonitor, a remote's ssh command) cannot run.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::git::{Call, Git};
use super::paths::{line, make_dir, remove, shown, trouble};
use super::repository::Repository;
use super::shadow::Shadow;
use super::taste::Taste;

/// A lens on one repository.
#[derive(Debug)]
pub(super) struct Lens<'a> {
    git: &'a Git,
    dir: PathBuf,
    /// The person's git directory, which errors speak of.
    theirs: PathBuf,
}

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// None: no commits yet.
    pub(super) commit: Option<String>,
    /// None: detached.
    pub(super) branch: Option<String>,
}

impl<'a> Lens<'a> {
    /// Makes a fresh lens in `dir`, which belongs to the mission.
    pub(super) fn open(git: &'a Git, repository: &Repository, dir: &Path) -> Result<Self, PortError> {
        remove(dir)?;
        make_dir(&dir.join("info"))?;
        make_dir(&dir.join("logs"))?;
        fill(repository, dir).map_err(|error| {
            let error = trouble("look into", &repository.git_dir, &error);
            if error.kind == ErrorKind::Invalid {
                error.with_hint("run `git status` there, and check a branch out")
            } else {
                error
            }
        })?;
        Ok(Self { git, dir: dir.to_owned(), theirs: repository.common_dir.clone() })
    }

    pub(super) fn call(&self) -> Call {
        self.git.call(&self.dir).git_dir(&self.dir).seen_as(&self.dir, &self.theirs)
    }

    /// A command whose writes are on the disk when it ends: what is the person's outlives a loss of power.
    pub(super) fn durable_call(&self) -> Call {
        // One flush for many objects. A git that is too old for these two flushes nothing, as it always did.
        self.call().setting("core.fsync=all").setting("core.fsyncMethod=batch")
    }

    /// A command that looks at the person's files as their git does: under their attributes and line ends, but
    /// with no filter, since those are programs that only their configuration names. What it hashes goes to the
    /// shadow.
    pub(super) fn look(
        &self,
        repository: &Repository,
        taste: &Taste,
        shadow: &Shadow<'_>,
        index: &Path,
    ) -> Call {
        let top = &repository.top;
        let mut call = self.git.call(top).git_dir(&self.dir).work_tree(top).index(index);
        call = call.seen_as(&self.dir, &self.theirs);
        call = call.env("GIT_OBJECT_DIRECTORY", shadow.repo().join("objects"));
        if let Some(file) = &taste.attributes {
            call = call.setting_path("core.attributesFile=", file);
        }
        // The repository's own settings beat the person's common ones.
        taste.line_ends.iter().chain(&repository.disk).fold(call, |call, setting| call.setting(setting))
    }

    /// The git directory of the lens.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The commit and branch that HEAD names.
    pub(super) fn head(&self) -> Result<Head, PortError> {
        let symbolic = self.call().args(["symbolic-ref", "-q", "HEAD"]).ask()?;
        let name = symbolic.as_deref().map(line);
        let at = name.as_deref().unwrap_or("HEAD");
        let Some(value) = self.resolve(at)? else {
            if name.is_none() {
                return Err(PortError::new(ErrorKind::Invalid, "HEAD names neither a branch nor a commit")
                    .with_hint("run `git status` there, and check a branch out"));
            }
            return Ok(Head { commit: None, branch: name.map(short) });
        };
        let commit =
            self.call().args(["rev-parse", "-q", "--verify", &format!("{value}^{{commit}}")]).answer()?;
        if commit.code != Some(0) {
            let cause = format!("HEAD is `{value}`, but the repository does not have that commit");
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("run `git fsck` in the repository to see what is damaged"));
        }
        Ok(Head { commit: Some(line(&commit.stdout)), branch: name.map(short) })
    }

    /// What a ref holds, if it exists.
    pub(super) fn resolve(&self, name: &str) -> Result<Option<String>, PortError> {
        let answer = self.call().args(["rev-parse", "-q", "--verify", name]).answer()?;
        match answer.code {
            Some(0) => Ok(Some(line(&answer.stdout))),
            Some(_) => Ok(None),
            None => Err(answer.refusal()),
        }
    }
}

/// `refs/heads/main` -> `main`; anything else as it is.
fn short(name: String) -> String {
    shown(name.strip_prefix("refs/heads/").unwrap_or(&name).as_bytes())
}

/// Writes configuration and HEAD, and links the rest.
fn fill(repository: &Repository, dir: &Path) -> io::Result<()> {
    let (own, common) = (&repository.git_dir, &repository.common_dir);
    let mut config = String::from("[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n");
    if repository.sha256 {
        config.push_str("\tobjectFormat = sha256\n");
    }
    if repository.reftable {
        config.push_str("\trefStorage = reftable\n");
    }
    fs::write(dir.join("config"), config)?;
    fs::write(dir.join("HEAD"), head_of(own)?)?;
    for name in ["objects", "refs"] {
        symlink(common.join(name), dir.join(name))?;
    }
    for name in ["packed-refs", "shallow", "reftable", "info/attributes"] {
        // Only what can be read without waiting: git would open a fifo and never come back.
        if fs::metadata(common.join(name)).is_ok_and(|meta| meta.is_file() || meta.is_dir()) {
            symlink(common.join(name), dir.join(name))?;
        }
    }
    symlink(own.join("logs/HEAD"), dir.join("logs/HEAD"))?;
    symlink(common.join("logs/refs"), dir.join("logs/refs"))
}

/// The text of HEAD. Very old repositories have a link there.
fn head_of(git_dir: &Path) -> io::Result<Vec<u8>> {
    let file = git_dir.join("HEAD");
    let meta = fs::symlink_metadata(&file)?;
    if meta.is_symlink() {
        let target = fs::read_link(&file)?;
        return Ok([b"ref: ", target.as_os_str().as_bytes(), b"\n"].concat());
    }
    if !meta.is_file() || meta.len() > 65_536 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "HEAD is not a small file"));
    }
    let text = fs::read(&file)?;
    let commit = text.trim_ascii_end();
    if text.starts_with(b"ref: ") || (commit.len() >= 40 && commit.iter().all(u8::is_ascii_hexdigit)) {
        return Ok(text);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "HEAD names neither a branch nor a commit"))
}
