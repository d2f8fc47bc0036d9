//! A change that a person made otherwise afterwards is no example any more.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_ports::memory::PastEdit;

use crate::episode::Episode;

/// The lines of a change in one file.
struct Lines<'e> {
    path: &'e str,
    before: BTreeSet<&'e str>,
    after: BTreeSet<&'e str>,
}

impl<'e> Lines<'e> {
    fn of(edit: &'e PastEdit) -> Self {
        let lines = |text: &'e str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { path: &edit.path, before: lines(&edit.before), after: lines(&edit.after) }
    }

    fn added(&self) -> BTreeSet<&'e str> {
        self.after.difference(&self.before).copied().collect()
    }

    fn removed(&self) -> BTreeSet<&'e str> {
        self.before.difference(&self.after).copied().collect()
    }
}

/// Whether the `later` change, which a person made, says that the `earlier` one, which a mission made, was not right: it is at the
/// same place of the same file and does something else there, or takes away what the other brought.
pub(super) fn is_superseded(earlier: &Episode, later: &Episode) -> bool {
    let made_by_mission = earlier.accepted.as_ref().is_some_and(|accepted| accepted.rung.is_some());
    let made_by_person = later.accepted.as_ref().is_some_and(|accepted| accepted.rung.is_none());
    // A commit has whole seconds.
    let is_later = later.ended_ms / 1_000 >= earlier.ended_ms / 1_000;
    // A commit is of a repository, a mission may be of a directory in it.
    let is_there = Path::new(&earlier.workspace).starts_with(&later.workspace);
    if !made_by_mission || !made_by_person || !is_later || !is_there {
        return false;
    }
    let (Some(earlier), Some(later)) = (earlier.edits(), later.edits()) else { return false };
    let later: Vec<Lines<'_>> = later.iter().map(Lines::of).collect();
    earlier.iter().map(Lines::of).any(|old| {
        later.iter().filter(|new| new.path == old.path).any(|new| {
            let takes_away = !old.added().is_disjoint(&new.removed());
            // Lines around a change may be anywhere; those that it replaces are its place. Where it replaces none, all of them are.
            let same_place = match old.removed().is_empty() {
                true => old.before.iter().all(|line| new.before.contains(line)) && !old.before.is_empty(),
                false => !old.removed().is_disjoint(&new.removed()),
            };
            takes_away || (same_place && !old.added().is_subset(&new.added()))
        })
    })
}
