//! Several changes of the same commit as one, in a fixed order.

use std::collections::BTreeMap;

use coditect_ports::PortError;
use coditect_ports::workspace::{Change, Merged};

use super::paths::{above, checked_oid, shown};
use super::shadow::{Difference, ModeAndBlob, Shadow};

/// What the changes so far have at a path; None: nothing.
type Files = BTreeMap<Vec<u8>, Option<ModeAndBlob>>;

/// Puts the changes of `commits` together on top of `base`.
pub(super) fn merge(
    shadow: &Shadow<'_>,
    base: &str,
    commits: &[String],
    message: &str,
) -> Result<Merged, PortError> {
    let old_tree = shadow.tree_of(checked_oid(base)?)?;
    let (mut files, mut conflicts) = (Files::new(), Vec::new());
    for (place, commit) in commits.iter().enumerate() {
        let changed = shadow.differences(base, checked_oid(commit)?)?;
        match changed.iter().find(|change| !goes_with(&files, change)) {
            Some(against) => conflicts.push((place, shown(&against.path))),
            None => files.extend(changed.into_iter().map(|change| (change.path, change.new))),
        }
    }
    let entries = files.into_iter().collect();
    let tree = shadow.tree_with(&old_tree, &entries)?;
    let commit = shadow.commit_tree(&tree, Some(base), message)?;
    let diff = String::from_utf8_lossy(&shadow.diff(&old_tree, &tree, &[])?).into_owned();
    let files = shadow.changed_files(&old_tree, &tree)?;
    Ok(Merged { change: Change { commit, tree, diff, files }, conflicts })
}

/// Whether a change of a file stands beside those before it: none of them makes anything else of it, nor a directory of
/// what is a file here, or the other way round. Lines are not put together: two that change one file did not know of one
/// another.
fn goes_with(files: &Files, change: &Difference) -> bool {
    let is_same = files.get(&change.path).is_none_or(|there| *there == change.new);
    let is_there = |path: &[u8]| files.get(path).is_some_and(Option::is_some);
    let inside = [&change.path[..], b"/"].concat();
    let over = files.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
    let makes_room = change.new.is_none();
    is_same
        && (makes_room
            || (!above(&change.path).any(is_there) && !over.into_iter().any(|(_, there)| there.is_some())))
}

#[cfg(test)]
mod tests;
