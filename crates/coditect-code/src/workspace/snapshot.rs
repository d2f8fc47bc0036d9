//! Keeping what the person sees.
//!
//! The directory is looked at twice: as the person's git sees it, which tells whether there is uncommitted work,
//! and byte by byte as it stands on the disk, which is the snapshot. The two differ where line ends or filters
//! (LFS) stand between disk and history.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{ErrorKind, Snapshot};

use super::disk::leads_out;
use super::gather::{Entry, Excludes, Gather};
use super::git::Git;
use super::lens::{Head, Lens};
use super::packs::{has, lock};
use super::paths::{below, make_dir, remove, shown};
use super::repository::{Place, Repository, locate};
use super::shadow::{Kept, Shadow};
use super::survey::{Survey, survey};
use super::taste::Taste;

/// Lines of `left_out` before the rest is only counted.
const MOST_NOTES: usize = 100;

const KEPT: &str = "snapshot.json";
/// A store of what the directory is at a later moment, below the mission's own.
const NOW: &str = "now";
const MESSAGE_WORK: &str = "coditect: snapshot of uncommitted work";
const MESSAGE_BYTES: &str = "coditect: snapshot of the files as they are on the disk";
const MESSAGE_FIRST: &str = "coditect: snapshot";

/// What a snapshot is taken of.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) git: &'a Git,
    /// The mission's directory.
    pub(super) root: &'a Path,
    /// Our state directory: never part of a snapshot.
    pub(super) home: &'a Path,
    /// The person's own settings.
    pub(super) taste: &'a Taste,
}

/// What an earlier call kept, if one came to its end.
pub(super) fn kept(shadow: &Shadow<'_>) -> Option<Kept> {
    shadow.note::<Kept>(KEPT).filter(|_| shadow.repo().is_dir())
}

/// Takes the snapshot of `dir`, or gives the one that the mission has.
pub(super) fn take(source: &Source<'_>, dir: &Path) -> Result<Snapshot, PortError> {
    let shadow = Shadow::at(source.git, source.root);
    if let Some(kept) = kept(&shadow) {
        return Ok(kept.snapshot);
    }
    let kept = match locate(source.git, dir)? {
        Place::Git(repository) => {
            let kept = of_repository(source, &shadow, &repository)?;
            match kept {
                Some(kept) => kept,
                // Say, a project in a home directory that is itself kept in git and ignores the project.
                None => of_plain(source, &shadow, &repository.top.join(&repository.subdir))?,
            }
        }
        Place::Plain(dir) => of_plain(source, &shadow, &dir)?,
    };
    if kept.snapshot.files == 0 {
        let cause = format!("`{}` holds no files", dir.display());
        return Err(PortError::new(ErrorKind::Invalid, cause).with_hint("name a directory with a project"));
    }
    shadow.write_note(KEPT, &kept)?;
    Ok(kept.snapshot)
}

/// Makes the store of a mission whose snapshot was taken elsewhere, on the same project in `dir`. What is in the snapshot comes as packs.
pub(super) fn adopt(source: &Source<'_>, dir: &Path, snapshot: &Snapshot) -> Result<(), PortError> {
    let shadow = Shadow::at(source.git, source.root);
    make_dir(source.root)?;
    // Two may bring it here at once.
    let _alone = lock(source.root)?;
    if kept(&shadow).is_some() {
        return Ok(());
    }
    let other = |cause: String| {
        PortError::new(ErrorKind::Conflict, cause).with_hint("go on with it on the machine where it began")
    };
    let Some(head) = snapshot.head.as_deref().filter(|_| snapshot.kind == WorkspaceKind::Git) else {
        let cause = format!(
            "without a commit it cannot be told whether `{}` is the project that it began with",
            dir.display()
        );
        return Err(other(cause));
    };
    let Place::Git(repository) = locate(source.git, dir)? else {
        let cause = format!("`{}` is no git work tree, and was one where the mission began", dir.display());
        return Err(other(cause));
    };
    shadow.create(Some(&repository))?;
    if !has(&shadow, head)? {
        remove(&shadow.repo())?;
        let cause = format!(
            "the repository in `{}` lacks the commit that the mission began at: it is another one than where it began",
            dir.display()
        );
        return Err(other(cause));
    }
    // What the files are in the person's history, where a filter stands between that and the disk, was known elsewhere: a branch has a
    // commit with the files as they were on the disk then.
    shadow.write_note(KEPT, &Kept { snapshot: snapshot.clone(), base: snapshot.commit.clone() })
}

/// The paths whose content in `dir` is another one than in the snapshot, those that are gone among them.
pub(super) fn changed_since(
    source: &Source<'_>,
    dir: &Path,
    snapshot: &Snapshot,
) -> Result<Vec<String>, PortError> {
    let root = source.root.join(NOW);
    // A process that was killed here may have left one of another moment.
    remove(&root)?;
    let now = take(&Source { git: source.git, root: &root, home: source.home, taste: source.taste }, dir);
    let differing = now.and_then(|now| {
        let before = contents(&Shadow::at(source.git, source.root), &snapshot.tree)?;
        let after = contents(&Shadow::at(source.git, &root), &now.tree)?;
        let gone = before.keys().filter(|path| !after.contains_key(*path));
        let other = after.iter().filter(|(path, file)| before.get(*path) != Some(file)).map(|(path, _)| path);
        let mut paths: Vec<String> = gone.chain(other).map(|path| shown(path)).collect();
        paths.sort();
        Ok(paths)
    });
    remove(&root)?;
    differing
}

/// What a tree says of each of its files.
fn contents(shadow: &Shadow<'_>, tree: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, PortError> {
    let said = shadow.call().args(["ls-tree", "-r", "-z", tree]).run()?;
    let entry = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b'\t')?;
        Some((line.get(at + 1..)?.to_owned(), line.get(..at)?.to_owned()))
    };
    Ok(said.split(|byte| *byte == 0).filter_map(entry).collect())
}

fn of_plain(source: &Source<'_>, shadow: &Shadow<'_>, dir: &Path) -> Result<Kept, PortError> {
    let survey = survey(dir, source.home)?;
    shadow.create(None)?;
    let gather =
        Gather { source, shadow, top: dir, git_sees: None, index: shadow.fresh_index("snapshot.index")? };
    let mut notes = survey.notes.clone();
    gather.add_untracked(
        &survey,
        &Excludes { common: source.taste.excludes.as_deref(), own: None },
        &mut notes,
    )?;
    let tree = gather.write_tree()?;
    let entries = gather.entries()?;
    let commit = shadow.commit_tree(&tree, None, MESSAGE_FIRST)?;
    let snapshot = Snapshot {
        kind: WorkspaceKind::Plain,
        commit: commit.clone(),
        tree,
        head: None,
        branch: None,
        uncommitted: false,
        subdir: String::new(),
        files: entries.len() as u64,
        left_out: left_out(dir, &survey, notes, &entries),
    };
    remove(&gather.index)?;
    Ok(Kept { snapshot, base: commit })
}

/// None where the named directory has nothing that the repository would keep.
fn of_repository(
    source: &Source<'_>,
    shadow: &Shadow<'_>,
    repository: &Repository,
) -> Result<Option<Kept>, PortError> {
    let survey = survey(&repository.top, source.home)?;
    shadow.create(Some(repository))?;
    let lens = Lens::open(source.git, repository, &shadow.path("lens.git"))?;
    let head = lens.head()?;
    let index = shadow.fresh_index("snapshot.index")?;
    let git_sees = Some((&lens, repository));
    let gather = Gather { source, shadow, top: &repository.top, git_sees, index };
    let mut notes = survey.notes.clone();
    gather.seed(repository, &lens, &head)?;
    let filtered = gather.filtered(&lens, survey.has_attributes)?;
    let tracked = gather.update_tracked(&filtered, &mut notes)?;
    let own = repository.common_dir.join("info/exclude");
    let common = repository.excludes.as_deref().or(source.taste.excludes.as_deref());
    gather.add_untracked(&survey, &Excludes { common, own: Some(&own) }, &mut notes)?;
    let seen_by_git = gather.write_tree()?;
    let converted = gather.rehash_converted(&filtered, &tracked)?;
    let tree = if converted { gather.write_tree()? } else { seen_by_git.clone() };
    let entries = gather.entries()?;
    let prefix = repository.subdir.as_os_str().as_bytes();
    if !prefix.is_empty() && !entries.iter().any(|entry| lies_in(&entry.path, prefix)) {
        return Ok(None);
    }
    let (kept_base, uncommitted) = commit_on(shadow, &head, &seen_by_git, MESSAGE_WORK)?;
    let commit = if tree == seen_by_git {
        kept_base.clone()
    } else {
        let message = if uncommitted { MESSAGE_WORK } else { MESSAGE_BYTES };
        commit_on(shadow, &head, &tree, message)?.0
    };
    let snapshot = Snapshot {
        kind: WorkspaceKind::Git,
        commit,
        tree,
        head: head.commit,
        branch: head.branch,
        uncommitted,
        subdir: repository.subdir.to_string_lossy().into_owned(),
        files: entries.iter().filter(|entry| !entry.is_submodule()).count() as u64,
        left_out: left_out(&repository.top, &survey, notes, &entries),
    };
    remove(&gather.index)?;
    remove(lens.dir())?;
    Ok(Some(Kept { snapshot, base: kept_base }))
}

/// HEAD itself where it has this very tree, else a commit on top of it; and whether there is such a commit.
fn commit_on(
    shadow: &Shadow<'_>,
    head: &Head,
    tree: &str,
    message: &str,
) -> Result<(String, bool), PortError> {
    match &head.commit {
        Some(commit) if shadow.tree_of(commit)? == tree => Ok((commit.clone(), false)),
        Some(commit) => Ok((shadow.commit_tree(tree, Some(commit), message)?, true)),
        None => Ok((shadow.commit_tree(tree, None, MESSAGE_FIRST)?, true)),
    }
}

fn lies_in(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// What a person is told was left out, a line each.
fn left_out(
    top: &Path,
    survey: &Survey,
    mut notes: BTreeMap<Vec<u8>, String>,
    entries: &[Entry],
) -> Vec<String> {
    for (path, cause) in &survey.pruned {
        if !cause.is_empty() {
            notes.insert(path.clone(), (*cause).to_owned());
        }
    }
    for entry in entries {
        if entry.is_submodule() {
            notes.insert(entry.path.clone(), "submodule".to_owned());
        } else if entry.mode == "120000" {
            let target = fs::read_link(below(top, &entry.path)).unwrap_or_default();
            let target = target.as_os_str().as_bytes();
            if leads_out(top, &entry.path, target) {
                let note = format!("link out of the tree, kept as a link to `{}`", shown(target));
                notes.insert(entry.path.clone(), note);
            }
        }
    }
    let more = notes.len().saturating_sub(MOST_NOTES);
    let lines = notes.iter().take(MOST_NOTES).map(|(path, cause)| format!("{}: {cause}", shown(path)));
    lines.chain((more > 0).then(|| format!("{more} more"))).collect()
}
