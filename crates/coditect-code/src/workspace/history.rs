//! Moving the person's current branch when a change is applied to a clean work tree.
//!
//! Their index is replaced under `index.lock`, as git itself does it; their branch moves through the lens, with
//! a line in its reflog. No hook and no filter of theirs runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId, Snapshot};

use super::disk::copy_index;
use super::git::Call;
use super::handover::send_objects;
use super::lens::Lens;
use super::lines::for_history;
use super::merge::Outcome;
use super::paths::{line, list, parts, remove, trouble};
use super::repository::Repository;
use super::shadow::{Entries, Given, Shadow};
use super::taste::Taste;

/// Signs of a merge, rebase or the like that the person has not finished. A bisect is one: it goes by where HEAD is.
const UNFINISHED: &[&str] = &[
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "sequencer",
    "rebase-merge",
    "rebase-apply",
];

/// The person's branch and index, locked.
#[derive(Debug)]
pub(super) struct History<'a> {
    shadow: &'a Shadow<'a>,
    repository: &'a Repository,
    taste: &'a Taste,
    mission: &'a MissionId,
    lens: Lens<'a>,
    index: PathBuf,
    _lock: IndexLock,
}

/// How the branch is to move.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) how: &'static str,
    from: String,
    to: String,
    detached: bool,
    entries: Entries,
}

impl<'a> History<'a> {
    pub(super) fn open(
        shadow: &'a Shadow<'a>,
        repository: &'a Repository,
        taste: &'a Taste,
        mission: &'a MissionId,
    ) -> Result<Self, PortError> {
        let lock = IndexLock::take(&repository.git_dir, mission)?;
        let lens = Lens::open(shadow.git(), repository, &shadow.path("lens.git"))?;
        let index = shadow.fresh_index("apply.index")?;
        Ok(Self { shadow, repository, taste, mission, lens, index, _lock: lock })
    }

    /// A command on our copy of their index and their files.
    fn call(&self) -> Call {
        self.lens.look(self.repository, self.taste, self.shadow, &self.index)
    }

    /// How the branch can move, or None where the change belongs into the work tree only: there is work that is
    /// not committed, or was when the mission began, or the branch has the change already.
    pub(super) fn plan(
        &self,
        snapshot: &Snapshot,
        given: &Given,
        outcome: &Outcome,
    ) -> Result<Option<Step>, PortError> {
        let head = self.lens.head()?;
        let (Some(from), false) = (head.commit, snapshot.uncommitted || self.is_unfinished()) else {
            return Ok(None);
        };
        let has_it =
            self.shadow.call().args(["merge-base", "--is-ancestor", &given.handed, &from]).answer()?;
        if has_it.code == Some(0) {
            return Ok(None);
        }
        let Some(entries) = self.entries(&from, outcome)? else { return Ok(None) };
        if !self.is_clean(&from, outcome, &entries)? {
            return Ok(None);
        }
        let old_tree = self.shadow.tree_of(&from)?;
        let tree = self.shadow.tree_with(&old_tree, &entries)?;
        if tree == old_tree {
            return Ok(None);
        }
        let parent = self.shadow.call().args(["rev-parse", "-q", "--verify", &format!("{}^", given.handed)]);
        let parent = parent.answer()?;
        let ahead = parent.code == Some(0) && line(&parent.stdout) == from;
        let detached = head.branch.is_none();
        if ahead && self.shadow.tree_of(&given.handed)? == tree {
            let to = given.handed.clone();
            return Ok(Some(Step { how: "fast-forward", from, to, detached, entries }));
        }
        let message = self.shadow.call().args(["cat-file", "commit", &given.handed]).run()?;
        let message = String::from_utf8_lossy(&message).into_owned();
        let message = message.split_once("\n\n").map_or("", |(_, message)| message);
        let to = self.shadow.commit_tree(&tree, Some(&from), message)?;
        Ok(Some(Step { how: "cherry-pick", from, to, detached, entries }))
    }

    fn is_unfinished(&self) -> bool {
        UNFINISHED.iter().any(|name| self.repository.git_dir.join(name).exists())
    }

    /// What the commit is to have for each file of the change. None where a filter of theirs stands between.
    fn entries(&self, head: &str, outcome: &Outcome) -> Result<Option<Entries>, PortError> {
        let said = self.shadow.call().args(["ls-tree", "-r", "-z", head]).run()?;
        // `<mode> <type> <oid>\t<path>`
        let committed: BTreeMap<&[u8], String> = parts(&said)
            .filter_map(|part| {
                let tab = part.iter().position(|&byte| byte == b'\t')?;
                Some((&part[tab + 1..], line(part[..tab].rsplit(|&byte| byte == b' ').next()?)))
            })
            .collect();
        let mut entries = Entries::new();
        for result in &outcome.results {
            let Some(after) = &result.after else {
                entries.push((result.path.clone(), None));
                continue;
            };
            let history = committed.get(&result.path[..]);
            let new = self.shadow.keep_blob(after.clone())?;
            let disk = result.before.clone().map(|bytes| self.shadow.keep_blob(bytes)).transpose()?;
            // A file that a killed call has put in place already needs no conversion, or is not ours to guess.
            let placed = disk.as_ref() == Some(&new);
            let oid = if placed {
                Some(new)
            } else {
                for_history(self.shadow, &new, disk.as_deref(), history.map(String::as_str))?
            };
            let Some(oid) = oid else { return Ok(None) };
            let mode = if result.executable { "100755" } else { "100644" };
            entries.push((result.path.clone(), Some((mode.to_owned(), oid))));
        }
        Ok(Some(entries))
    }

    /// True where index and files are as HEAD has them, but for what a killed call of this very change has done.
    fn is_clean(&self, head: &str, outcome: &Outcome, entries: &Entries) -> Result<bool, PortError> {
        let theirs = self.repository.git_dir.join("index");
        if !copy_index(&theirs, &self.index, &self.repository.git_dir, self.lens.dir())? {
            return Ok(false);
        }
        // Exit code 1 says that some file differs; which, is asked next.
        self.call().args(["update-index", "-q", "--refresh", "--ignore-submodules"]).answer()?;
        let waiting: BTreeSet<&[u8]> = outcome.writes.iter().map(|write| &write.path[..]).collect();
        let wanted: BTreeMap<&[u8], Option<&str>> = entries
            .iter()
            .map(|(path, entry)| (&path[..], entry.as_ref().map(|(_, oid)| oid.as_str())))
            .collect();
        let flags = ["-z", "--raw", "--no-renames", "--ignore-submodules=all"];
        let staged = self.call().args(["diff-index", "--cached"]).args(flags).arg(head).run()?;
        let mut staged = parts(&staged);
        while let (Some(status), Some(path)) = (staged.next(), staged.next()) {
            let status = line(status);
            // `:<old mode> <new mode> <old oid> <new oid> <letter>`
            let oid = status.split(' ').nth(3).filter(|oid| oid.bytes().any(|digit| digit != b'0'));
            if wanted.get(path) != Some(&oid) {
                return Ok(false);
            }
        }
        let changed = self.call().arg("diff-files").args(flags).arg("--name-only").run()?;
        Ok(parts(&changed).all(|path| wanted.contains_key(path) && !waiting.contains(path)))
    }

    /// Moves index and branch. The files are in place already.
    pub(super) fn advance(&self, step: &Step) -> Result<(), PortError> {
        send_objects(self.shadow, &self.lens, &step.to, Some(&step.from))?;
        self.replace_index(&step.entries)?;
        let keeps_log = self.repository.common_dir.join("logs").is_dir();
        let call = self.lens.durable_call();
        let call = call.setting(&format!("core.logAllRefUpdates={keeps_log}"));
        let call =
            call.env("GIT_COMMITTER_NAME", "CODITECT").env("GIT_COMMITTER_EMAIL", "coditect@localhost");
        let reason = format!("coditect: apply {} ({})", self.mission, step.how);
        call.args(["update-ref", "-m", &reason, "HEAD", &step.to, &step.from]).run()?;
        if step.detached && !self.repository.reftable {
            self.replace_head(&step.to)?;
        }
        remove(self.lens.dir())
    }

    /// Puts our copy of their index, with the change's entries, in the place of theirs.
    fn replace_index(&self, entries: &Entries) -> Result<(), PortError> {
        let width = self.lens.head()?.commit.map_or(40, |commit| commit.len());
        let null = "0".repeat(width);
        let lines: Vec<Vec<u8>> = entries
            .iter()
            .map(|(path, entry)| {
                let (mode, oid) = entry.as_ref().map_or(("0", &null[..]), |(mode, oid)| (mode, oid));
                [format!("{mode} {oid} 0\t").as_bytes(), path].concat()
            })
            .collect();
        let update = self.call().args(["update-index", "--add", "-z", "--index-info"]);
        update.stdin(list(lines.iter().map(Vec::as_slice))).run()?;
        // Gives the entries the times of their files. Exit code 1 speaks of files that a filter changes.
        self.call().args(["update-index", "-q", "--refresh", "--ignore-submodules"]).answer()?;
        let theirs = self.repository.git_dir.join("index");
        let fresh = self.repository.git_dir.join(format!("index.{}", self.mission));
        let copy = || -> io::Result<()> {
            let permissions = fs::metadata(&theirs)?.permissions();
            remove(&fresh).map_err(io::Error::other)?;
            let mut file = File::create_new(&fresh)?;
            file.write_all(&fs::read(&self.index)?)?;
            file.set_permissions(permissions)?;
            file.sync_all()?;
            fs::rename(&fresh, &theirs)
        };
        copy().map_err(|error| trouble("replace", &theirs, &error))?;
        remove(&self.index)
    }

    /// Moves a detached HEAD, under its lock.
    fn replace_head(&self, commit: &str) -> Result<(), PortError> {
        let (head, lock) = (self.repository.git_dir.join("HEAD"), self.repository.git_dir.join("HEAD.lock"));
        let write = || -> io::Result<()> {
            let mut file = File::create_new(&lock)?;
            file.write_all(format!("{commit}\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&lock, &head)
        };
        write().map_err(|error| {
            trouble("replace", &head, &error).with_hint("if no git is at work there, remove `HEAD.lock`")
        })
    }
}

/// `index.lock`, by which programs of git keep one another out.
#[derive(Debug)]
struct IndexLock(PathBuf);

impl IndexLock {
    fn take(git_dir: &Path, mission: &MissionId) -> Result<Self, PortError> {
        let file = git_dir.join("index.lock");
        // Tells our own lock, left by a killed call, from that of a git at work.
        let marker = format!("coditect {mission}\n");
        match appear(&file, &git_dir.join(format!("index.lock-{mission}")), marker.as_bytes()) {
            Ok(()) => Ok(Self(file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let small = fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() < 100);
                if small && fs::read(&file).is_ok_and(|text| text == marker.as_bytes()) {
                    return Ok(Self(file));
                }
                let cause = format!("`{}` exists: another git is at work there", file.display());
                Err(PortError::new(ErrorKind::Unavailable, cause)
                    .with_hint("wait for it; if none runs, remove that file"))
            }
            Err(error) => Err(trouble("lock", &file, &error)),
        }
    }
}

/// Makes a file that is not there, with its content from the first moment on: a call may be killed at any time, and a lock
/// that does not say whose it is would stay.
fn appear(file: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
    let gone = |path: &Path| match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let make = |path: &Path| File::create_new(path).and_then(|mut made| made.write_all(content));
    // A killed call may have left it.
    gone(beside)?;
    make(beside)?;
    let linked = fs::hard_link(beside, file);
    gone(beside)?;
    match linked {
        // Some file systems have no links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => make(file),
        linked => linked,
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "the lock stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_lock_says_whose_it_is_at_any_moment() {
        let dir = tempfile::tempdir().unwrap();
        let mission = MissionId::parse("m-lock").unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut seen = 0;
                while !over.load(Ordering::Relaxed) {
                    if let Ok(text) = fs::read_to_string(dir.path().join("index.lock")) {
                        assert_eq!(text, "coditect m-lock\n");
                        seen += 1;
                    }
                }
                seen
            });
            for _ in 0..2_000 {
                drop(IndexLock::take(dir.path(), &mission).unwrap());
            }
            over.store(true, Ordering::Relaxed);
            assert!(looks.join().unwrap() > 0);
        });
        fs::write(dir.path().join("index.lock"), "").unwrap();
        let refused = IndexLock::take(dir.path(), &mission).unwrap_err();
        assert!(refused.cause.contains("another git is at work"), "{refused:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left there");
    }
}
