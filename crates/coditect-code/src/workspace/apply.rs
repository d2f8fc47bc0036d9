//! Bringing a change into the person's own files. The one place that writes to them.
//!
//! Each file is merged by itself from three sides: the snapshot, the change, and what stands on the disk now.
//! All results are written beside their files before the first one is put in place, and a conflict anywhere
//! refuses everything. Git's `apply`, `merge` and `checkout` are not used: they would need the person's
//! configuration, and with it their filters, to be right; merging the bytes on the disk needs neither.

use std::path::Path;

use coditect_ports::PortError;
use coditect_ports::workspace::Applied;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{ErrorKind, MissionId, Snapshot};

use super::handover::{given, repository_at};
use super::history::History;
use super::merge::{Outcome, merge};
use super::paths::{shown, trouble};
use super::place::put_in_place;
use super::shadow::{Given, Shadow};
use super::taste::Taste;

/// Applies what was handed over to `dir`.
pub(super) fn apply(
    shadow: &Shadow<'_>,
    taste: &Taste,
    mission: &MissionId,
    dir: &Path,
    snapshot: &Snapshot,
) -> Result<Applied, PortError> {
    let Some(given) = given(shadow) else {
        let cause = format!("`{mission}` has handed nothing over");
        return Err(
            PortError::new(ErrorKind::NotFound, cause).with_hint("only a finished mission can be applied")
        );
    };
    match snapshot.kind {
        WorkspaceKind::Plain => {
            let top =
                std::fs::canonicalize(dir).map_err(|error| trouble("open the directory", dir, &error))?;
            let outcome = merged(shadow, &top, snapshot, &given)?;
            put_in_place(&top, mission, &outcome.writes)?;
            Ok(applied("patch to the working tree", &outcome))
        }
        WorkspaceKind::Git => {
            let repository = repository_at(shadow.git(), dir)?;
            let outcome = merged(shadow, &repository.top, snapshot, &given)?;
            let history = History::open(shadow, &repository, taste, mission)?;
            let how = match history.plan(snapshot, &given, &outcome)? {
                None => {
                    put_in_place(&repository.top, mission, &outcome.writes)?;
                    "patch to the working tree"
                }
                Some(step) => {
                    put_in_place(&repository.top, mission, &outcome.writes)?;
                    history.advance(&step)?;
                    step.how
                }
            };
            Ok(applied(how, &outcome))
        }
    }
}

/// Merges, and refuses on conflict.
fn merged(shadow: &Shadow<'_>, top: &Path, snapshot: &Snapshot, given: &Given) -> Result<Outcome, PortError> {
    let outcome = merge(shadow, top, &snapshot.commit, &given.change)?;
    if outcome.conflicts.is_empty() {
        return Ok(outcome);
    }
    let names: Vec<String> =
        outcome.conflicts.iter().take(10).map(|path| format!("`{}`", shown(path))).collect();
    let more = outcome.conflicts.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let cause = format!("the change does not fit what {}{more} holds now", names.join(", "));
    let hint = match snapshot.kind {
        WorkspaceKind::Git => "nothing was changed; merge the mission's branch by hand",
        WorkspaceKind::Plain => "nothing was changed; apply the patch file by hand",
    };
    Err(PortError::new(ErrorKind::Conflict, cause).with_hint(hint))
}

fn applied(how: &str, outcome: &Outcome) -> Applied {
    if outcome.writes.is_empty() && how == "patch to the working tree" {
        return Applied { how: "nothing to do: it is there already".to_owned(), files: Vec::new() };
    }
    Applied { how: how.to_owned(), files: outcome.results.iter().map(|result| shown(&result.path)).collect() }
}
