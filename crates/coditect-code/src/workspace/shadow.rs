//! The shadow: the mission's own bare repository. It borrows the person's objects by `objects/info/alternates`
//! and has its own configuration and attributes, under which no file is ever converted: what is hashed is what
//! stands on the disk, byte by byte, and what is checked out is what was hashed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::PortError;
use coditect_types::outcome::ChangedFile;
use coditect_types::{ErrorKind, Snapshot};
use serde::{Deserialize, Serialize};

use super::git::{Call, Git};
use super::paths::{checked_oid, line, list, make_dir, parts, remove, shown, trouble, write_whole};
use super::repository::Repository;

/// These beat every `.gitattributes`. `!` gives an attribute its default, where an unset one would have a
/// meaning of its own: `-diff` is "binary", and `-working-tree-encoding` is an error.
const ATTRIBUTES: &str = "* -text -crlf !eol -filter -ident !working-tree-encoding !diff !merge !whitespace !conflict-marker-size\n";

/// Author and committer of every commit that we make.
const NAME: &str = "CODITECT";
const MAIL: &str = "coditect@localhost";

/// The date of a commit without a parent (Unix time, s): any fixed one will do.
const FIRST_DATE: u64 = 1_000_000_000;

/// What a mission remembers of its snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) snapshot: Snapshot,
    /// Like the snapshot's commit, but with files that only a conversion (line ends, LFS) made different from
    /// HEAD as they are in HEAD. Hand-over builds on this one.
    pub(super) base: String,
}

/// What a mission remembers of its hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Given {
    /// The commit that was handed over.
    pub(super) handed: String,
    /// The commit that it was made from.
    pub(super) change: String,
}

/// Mode (six octal digits) and blob of a file.
pub(super) type ModeAndBlob = (String, String);

/// Paths with what a tree or index is to have there; None: nothing.
pub(super) type Entries = Vec<(Vec<u8>, Option<ModeAndBlob>)>;

/// One file that differs between two trees.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) path: Vec<u8>,
    /// Before; None where it was not there.
    pub(super) old: Option<ModeAndBlob>,
    /// After.
    pub(super) new: Option<ModeAndBlob>,
}

/// The files of one mission.
#[derive(Debug)]
pub(super) struct Shadow<'a> {
    git: &'a Git,
    root: PathBuf,
}

impl<'a> Shadow<'a> {
    /// The mission's directory, whatever is in it.
    pub(super) fn at(git: &'a Git, root: &Path) -> Self {
        Self { git, root: root.to_owned() }
    }

    /// The mission's directory, with a store that a snapshot was kept in.
    pub(super) fn open(git: &'a Git, root: &Path) -> Result<Self, PortError> {
        let shadow = Self::at(git, root);
        if shadow.repo().is_dir() {
            return Ok(shadow);
        }
        let cause = format!("the mission has no snapshot in `{}`", root.display());
        Err(PortError::new(ErrorKind::NotFound, cause).with_hint("it was cleaned: run the request again"))
    }

    /// Makes the store anew. It gets its name when it is whole.
    pub(super) fn create(&self, source: Option<&Repository>) -> Result<(), PortError> {
        self.make(source, source.is_some_and(|source| source.sha256))
    }

    /// Makes the store anew for commits that come from elsewhere.
    pub(super) fn create_of(&self, sha256: bool) -> Result<(), PortError> {
        self.make(None, sha256)
    }

    fn make(&self, source: Option<&Repository>, sha256: bool) -> Result<(), PortError> {
        make_dir(&self.root)?;
        let (fresh, name) = (self.path("repo.git.new"), self.repo());
        remove(&fresh)?;
        remove(&name)?;
        let format = if sha256 { "sha256" } else { "sha1" };
        let init = self.git.call(&self.root).args(["init", "-q", "--bare", "--template="]);
        init.arg(format!("--object-format={format}")).arg(&fresh).run()?;
        make_dir(&fresh.join("info"))?;
        write_whole(&fresh.join("info/attributes"), ATTRIBUTES.as_bytes())?;
        if let Some(source) = source {
            make_dir(&fresh.join("objects/info"))?;
            let objects = source.common_dir.join("objects");
            write_whole(&fresh.join("objects/info/alternates"), &quoted(objects.as_os_str().as_bytes()))?;
            let shallow = source.common_dir.join("shallow");
            if shallow.is_file() {
                // Without it a walk over history would look for the parents that were never fetched.
                fs::copy(&shallow, fresh.join("shallow"))
                    .map_err(|error| trouble("copy", &shallow, &error))?;
            }
        }
        fs::rename(&fresh, &name).map_err(|error| trouble("make", &name, &error))
    }

    /// Whether the person's objects are seen through it.
    pub(super) fn borrows(&self) -> bool {
        self.repo().join("objects/info/alternates").is_file()
    }

    pub(super) fn git(&self) -> &'a Git {
        self.git
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn repo(&self) -> PathBuf {
        self.root.join("repo.git")
    }

    /// A command on the store.
    pub(super) fn call(&self) -> Call {
        self.git.call(&self.root).git_dir(&self.repo())
    }

    /// A place for an index of ours, with nothing left there by a run that was killed.
    pub(super) fn fresh_index(&self, name: &str) -> Result<PathBuf, PortError> {
        let file = self.path(name);
        remove(&self.path(&format!("{name}.lock")))?;
        remove(&file)?;
        Ok(file)
    }

    pub(super) fn tree_of(&self, commit: &str) -> Result<String, PortError> {
        let name = format!("{}^{{tree}}", checked_oid(commit)?);
        let answer = self.call().args(["rev-parse", "-q", "--verify", &name]).answer()?;
        if answer.code == Some(0) {
            return Ok(line(&answer.stdout));
        }
        Err(PortError::new(ErrorKind::NotFound, format!("the mission has no commit `{commit}`")))
    }

    /// A commit of ours. Its date is its parent's plus one second, so that the same arguments give the same
    /// commit.
    pub(super) fn commit_tree(
        &self,
        tree: &str,
        parent: Option<&str>,
        message: &str,
    ) -> Result<String, PortError> {
        let date = match parent {
            Some(parent) => self.date_of(parent)?.saturating_add(1),
            None => FIRST_DATE,
        };
        let date = format!("@{date} +0000");
        let mut call = self.call().args(["commit-tree", tree]);
        if let Some(parent) = parent {
            call = call.args(["-p", parent]);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            call = call.env(&format!("GIT_{who}_NAME"), NAME);
            call = call.env(&format!("GIT_{who}_EMAIL"), MAIL).env(&format!("GIT_{who}_DATE"), &date);
        }
        // Git refuses a NUL in a message. Messages are partly made of text from the repository.
        let message = format!("{}\n", message.replace('\0', " ").trim_end());
        Ok(line(&call.stdin(message.into_bytes()).run()?))
    }

    /// The committer's date of a commit (Unix time, s). Dates before 1970 and beyond reason count as the first.
    fn date_of(&self, commit: &str) -> Result<u64, PortError> {
        let said = self.call().args(["rev-list", "--max-count=1", "--timestamp", commit]).run()?;
        let date = line(&said).split(' ').next().and_then(|text| text.parse().ok());
        Ok(date.filter(|&date: &u64| date < u64::from(u32::MAX) * 64).unwrap_or(FIRST_DATE))
    }

    /// Keeps bytes as a blob.
    pub(super) fn keep_blob(&self, bytes: Vec<u8>) -> Result<String, PortError> {
        Ok(line(&self.call().args(["hash-object", "-w", "--stdin"]).stdin(bytes).run()?))
    }

    pub(super) fn blob(&self, oid: &str) -> Result<Vec<u8>, PortError> {
        self.call().args(["cat-file", "blob", oid]).run()
    }

    /// `base` with some entries changed: (path, mode and blob), None removes.
    pub(super) fn tree_with(&self, base: &str, entries: &Entries) -> Result<String, PortError> {
        // Commits may be made by several threads at once.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let index = self.fresh_index(&format!("change-{}-{number}.index", std::process::id()))?;
        self.call().index(&index).args(["read-tree", base]).run()?;
        let null = "0".repeat(base.len());
        // What goes makes room first: a file may become a directory.
        let (gone, kept): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, entry)| entry.is_none());
        let lines: Vec<Vec<u8>> = gone
            .into_iter()
            .chain(kept)
            .map(|(path, entry)| {
                let (mode, oid) = entry.as_ref().map_or(("0", &null[..]), |(mode, oid)| (mode, oid));
                [format!("{mode} {oid} 0\t").as_bytes(), path].concat()
            })
            .collect();
        let update = self.call().index(&index).args(["update-index", "--add", "-z", "--index-info"]);
        update.stdin(list(lines.iter().map(Vec::as_slice))).run()?;
        let tree = line(&self.call().index(&index).args(["write-tree", "--missing-ok"]).run()?);
        remove(&index)?;
        Ok(tree)
    }

    /// The files that differ between two commits or trees.
    pub(super) fn differences(&self, old: &str, new: &str) -> Result<Vec<Difference>, PortError> {
        let said = self.call().args(["diff-tree", "-r", "-z", "--raw", "--no-renames", old, new]).run()?;
        let mut parts = parts(&said);
        let mut out = Vec::new();
        while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
            let head = String::from_utf8_lossy(head);
            let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
            let &[old_mode, new_mode, old_oid, new_oid, _] = &words[..] else {
                return Err(PortError::new(ErrorKind::Bug, format!("git diff-tree said `{head}`")));
            };
            let side = |mode: &str, oid: &str| (mode != "000000").then(|| (mode.to_owned(), oid.to_owned()));
            out.push(Difference {
                path: path.to_vec(),
                old: side(old_mode, old_oid),
                new: side(new_mode, new_oid),
            });
        }
        Ok(out)
    }

    /// A unified diff with three lines of context, with `flags` beside.
    pub(super) fn diff(&self, old: &str, new: &str, flags: &[&str]) -> Result<Vec<u8>, PortError> {
        let call = self.call().args(["diff-tree", "-r", "-p", "-U3", "--no-ext-diff", "--no-textconv"]);
        let call = call.args(["--no-renames", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"]);
        call.args(flags).args([old, new]).run()
    }

    /// Lines added and removed by file.
    pub(super) fn changed_files(&self, old: &str, new: &str) -> Result<Vec<ChangedFile>, PortError> {
        let call = self.call().args(["diff-tree", "-r", "-z", "--numstat", "--no-renames"]);
        let said = call.args(["--no-ext-diff", "--no-textconv", old, new]).run()?;
        let file = |part: &[u8]| {
            let mut fields = part.splitn(3, |&byte| byte == b'\t');
            // Binary files have `-` for both numbers.
            let mut number = || line(fields.next().unwrap_or_default()).parse().unwrap_or(0);
            let (added, removed) = (number(), number());
            ChangedFile { path: shown(fields.next().unwrap_or_default()), added, removed }
        };
        Ok(parts(&said).map(file).collect())
    }

    /// Reads a note of ours; None where there is none or it was not written to its end.
    pub(super) fn note<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.path(name)).ok()?).ok()
    }

    /// Writes a note, whole or not at all.
    pub(super) fn write_note<T: Serialize>(&self, name: &str, note: &T) -> Result<(), PortError> {
        let bytes = serde_json::to_vec(note)
            .map_err(|error| PortError::new(ErrorKind::Bug, format!("write `{name}`: {error}")))?;
        write_whole(&self.path(name), &bytes)
    }
}

/// A path as a line of `objects/info/alternates`: quoted as in C, since a bare one may not start with `#` or
/// hold a line break.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in path {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    out.extend_from_slice(b"\"\n");
    out
}

#[cfg(test)]
mod tests;
