//! Putting a change on top of what the person committed while the mission was at work, in the mission's own store: their
//! branch is looked at and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::Snapshot;
use coditect_types::outcome::Carried;
use coditect_types::workspace::WorkspaceKind;

use super::handover::repository_at;
use super::lens::Lens;
use super::lines::for_history;
use super::merge::three_way;
use super::paths::{above, checked_oid, line, parts, remove, shown};
use super::shadow::{Difference, Entries, ModeAndBlob, Shadow};
use super::snapshot::kept;

/// The message of such a commit. What is handed over gets another one.
const MESSAGE: &str = "The change on top of a newer commit";
/// Files that do not fit, as far as they are named.
const MOST_CONFLICTS: usize = 100;

/// What a commit has at each path.
type Files = BTreeMap<Vec<u8>, ModeAndBlob>;

/// The change of `commit` on top of where the person's branch is by now. None: it is where the snapshot found it.
pub(super) fn carry(
    shadow: &Shadow<'_>,
    dir: &Path,
    snapshot: &Snapshot,
    commit: &str,
) -> Result<Option<Carried>, PortError> {
    let (WorkspaceKind::Git, Some(was)) = (snapshot.kind, snapshot.head.as_deref()) else { return Ok(None) };
    let Some(head) = branch_now(shadow, dir, snapshot)?.filter(|now| now != was) else { return Ok(None) };
    let head = checked_oid(&head)?.to_owned();
    let (entries, conflicts) = merged(shadow, checked_oid(&snapshot.commit)?, checked_oid(commit)?, &head)?;
    let carried = Carried { head, branch: snapshot.branch.clone(), commit: None, tree: None, conflicts };
    if !carried.conflicts.is_empty() {
        return Ok(Some(carried));
    }
    let tree = shadow.tree_with(&shadow.tree_of(&carried.head)?, &entries)?;
    let commit = shadow.commit_tree(&tree, Some(&carried.head), MESSAGE)?;
    Ok(Some(Carried { commit: Some(commit), tree: Some(tree), ..carried }))
}

/// The commit that the branch of the snapshot names by now; of a HEAD without one, HEAD's own. None: it is gone.
fn branch_now(shadow: &Shadow<'_>, dir: &Path, snapshot: &Snapshot) -> Result<Option<String>, PortError> {
    let repository = repository_at(shadow.git(), dir)?;
    let lens = Lens::open(shadow.git(), &repository, &shadow.path("lens.git"))?;
    let name =
        snapshot.branch.as_ref().map_or_else(|| "HEAD".to_owned(), |name| format!("refs/heads/{name}"));
    let now = lens.resolve(&name);
    remove(lens.dir())?;
    now
}

/// What the change makes of the files of `head`, and those that do not fit.
fn merged(
    shadow: &Shadow<'_>,
    start: &str,
    commit: &str,
    head: &str,
) -> Result<(Entries, Vec<String>), PortError> {
    // What the person's history had at the snapshot, which may be in other line ends than their disk.
    let history = kept(shadow).filter(|kept| kept.snapshot.commit == start).map(|kept| kept.base);
    let converted = match history.filter(|base| base != start) {
        Some(base) => shadow.differences(&base, start)?,
        None => Vec::new(),
    };
    let theirs = files_of(shadow, head)?;
    let (mut entries, mut conflicts) = (Entries::new(), Vec::new());
    for difference in shadow.differences(start, commit)? {
        let old = match converted.iter().find(|other| other.path == difference.path) {
            Some(other) => other.old.clone(),
            None => difference.old.clone(),
        };
        match fitted(shadow, &theirs, &difference, old)? {
            Some(entry) => entries.push((difference.path, entry)),
            None => conflicts.push(shown(&difference.path)),
        }
    }
    conflicts.truncate(MOST_CONFLICTS);
    Ok((entries, conflicts))
}

/// What a file of the change is to be on top of their files. None where it does not fit.
fn fitted(
    shadow: &Shadow<'_>,
    theirs: &Files,
    change: &Difference,
    old: Option<ModeAndBlob>,
) -> Result<Option<Option<ModeAndBlob>>, PortError> {
    let blob = |side: &Option<ModeAndBlob>| side.as_ref().map(|(_, oid)| oid.clone());
    let new = match &change.new {
        None => None,
        Some((mode, oid)) => {
            let (disk, history) = (blob(&change.old), blob(&old));
            match for_history(shadow, oid, disk.as_deref(), history.as_deref())? {
                Some(oid) => Some((mode.clone(), oid)),
                // Only a filter of theirs could convert it.
                None => return Ok(None),
            }
        }
    };
    let there = theirs.get(&change.path).cloned();
    if there == new {
        return Ok(Some(new));
    }
    if there == old {
        return Ok((new.is_none() || has_room(theirs, &change.path)).then_some(new));
    }
    let (Some(there), Some(old), Some(new)) = (there, old, new) else { return Ok(None) };
    let are_files = [&there, &old, &new].iter().all(|(mode, _)| mode.starts_with("100"));
    if !are_files {
        return Ok(None);
    }
    let merged = three_way(shadow, &shadow.blob(&there.1)?, &shadow.blob(&old.1)?, &shadow.blob(&new.1)?)?;
    let mode = if new.0 == old.0 { there.0 } else { new.0 };
    merged.map(|bytes| Ok(Some((mode, shadow.keep_blob(bytes)?)))).transpose()
}

/// Whether nothing of theirs is a file above this path, or stands below it.
fn has_room(theirs: &Files, path: &[u8]) -> bool {
    let inside = [path, b"/"].concat();
    let below = theirs.range(inside.clone()..).next().is_some_and(|(other, _)| other.starts_with(&inside));
    !below && !above(path).any(|dir| theirs.contains_key(dir))
}

/// What a commit has at each path: lines of `<mode> <type> <oid>\t<path>`.
fn files_of(shadow: &Shadow<'_>, commit: &str) -> Result<Files, PortError> {
    let said = shadow.call().args(["ls-tree", "-r", "-z", commit]).run()?;
    let entry = |part: &[u8]| {
        let tab = part.iter().position(|&byte| byte == b'\t')?;
        let head = line(&part[..tab]);
        let mut words = head.split(' ');
        let (mode, oid) = (words.next()?.to_owned(), words.nth(1)?.to_owned());
        Some((part[tab + 1..].to_vec(), (mode, oid)))
    };
    Ok(parts(&said).filter_map(entry).collect())
}
