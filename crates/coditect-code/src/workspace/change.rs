//! A change as a commit in the shadow.

use std::collections::{BTreeMap, BTreeSet};

use coditect_ports::PortError;
use coditect_ports::workspace::{Change, FileEdit};
use coditect_types::ErrorKind;

use super::paths::{above, checked_oid, line, parts, shown};
use super::shadow::Shadow;

const DEFAULT_MODE: &str = "100644";

/// Commits `edits` on top of `parent`.
pub(super) fn commit(
    shadow: &Shadow<'_>,
    parent: &str,
    edits: &[FileEdit],
    message: &str,
) -> Result<Change, PortError> {
    let old_tree = shadow.tree_of(checked_oid(parent)?)?;
    let present = present(shadow, parent)?;
    check(edits, &present)?;
    let mut entries = Vec::new();
    for edit in edits {
        let path = edit.path.as_bytes().to_vec();
        let entry = match &edit.content {
            None => None,
            Some(content) => {
                let mode = present.get(&path).map_or(DEFAULT_MODE, String::as_str);
                Some((mode.to_owned(), shadow.keep_blob(content.clone())?))
            }
        };
        entries.push((path, entry));
    }
    let tree = shadow.tree_with(&old_tree, &entries)?;
    let commit = shadow.commit_tree(&tree, Some(parent), message)?;
    let diff = String::from_utf8_lossy(&shadow.diff(&old_tree, &tree, &[])?).into_owned();
    let files = shadow.changed_files(&old_tree, &tree)?;
    Ok(Change { commit, tree, diff, files })
}

/// Path and mode of everything in a commit.
fn present(shadow: &Shadow<'_>, commit: &str) -> Result<BTreeMap<Vec<u8>, String>, PortError> {
    let said = shadow.call().args(["ls-tree", "-r", "-z", commit]).run()?;
    let entry = |part: &[u8]| {
        let tab = part.iter().position(|&byte| byte == b'\t')?;
        Some((part[tab + 1..].to_vec(), line(part.get(..6)?)))
    };
    Ok(parts(&said).filter_map(entry).collect())
}

/// Refuses what is not a plain change of plain files. Edits come from searches and models: they are data.
fn check(edits: &[FileEdit], present: &BTreeMap<Vec<u8>, String>) -> Result<(), PortError> {
    let mut after: BTreeSet<&[u8]> = present.keys().map(Vec::as_slice).collect();
    let mut seen = BTreeSet::new();
    for edit in edits {
        let path = edit.path.as_bytes();
        let refuse = |what: &str| {
            Err(PortError::new(ErrorKind::Invalid, format!("an edit of `{}`: {what}", shown(path))))
        };
        if let Some(fault) = fault_of(path) {
            return refuse(fault);
        }
        if !seen.insert(path) {
            return refuse("the same file is named twice");
        }
        match present.get(path).map(String::as_str) {
            Some("120000") => return refuse("it is a link"),
            Some("160000") => return refuse("it is a submodule"),
            None if edit.content.is_none() => return refuse("there is no such file to remove"),
            _ => {}
        }
        for dir in above(path) {
            match present.get(dir).map(String::as_str) {
                Some("120000") => return refuse("it leads through a link"),
                Some("160000") => return refuse("it lies in a submodule"),
                _ => {}
            }
        }
        if edit.content.is_some() {
            after.insert(path);
        } else {
            after.remove(path);
        }
    }
    // What is a file afterwards may not be a directory too.
    for edit in edits.iter().filter(|edit| edit.content.is_some()) {
        let path = edit.path.as_bytes();
        let inside = [path, b"/"].concat();
        let over = after.range(&inside[..]..).next().filter(|next| next.starts_with(&inside)).map(|_| path);
        if let Some(dir) = over.or_else(|| above(path).find(|dir| after.contains(dir))) {
            let cause = format!("`{}` would be a file and a directory", shown(dir));
            return Err(PortError::new(ErrorKind::Invalid, cause));
        }
    }
    Ok(())
}

/// What is wrong with a path, if anything.
fn fault_of(path: &[u8]) -> Option<&'static str> {
    if path.is_empty() || path.len() > 4096 {
        return Some("a path has 1 to 4096 bytes");
    }
    if path.starts_with(b"/") {
        return Some("the path is absolute");
    }
    if path.contains(&0) {
        return Some("the path holds a NUL");
    }
    path.split(|&byte| byte == b'/').find_map(|part| match part {
        b"" | b"." => Some("the path is not in its simplest form"),
        b".." => Some("the path leads out of the tree"),
        // Git takes the last one for `.git` too, since a Windows disk would.
        _ if part.eq_ignore_ascii_case(b".git") || part.eq_ignore_ascii_case(b"git~1") => {
            Some("the path leads into git's own directory")
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
