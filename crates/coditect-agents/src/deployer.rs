//! The deployer: gives a verified change to the person.

use std::path::Path;

use coditect_ports::{Agent, Work};
use coditect_types::outcome::{Carried, MOST_HEADS, Spent};
use coditect_types::plan::Role;
use coditect_types::{Action, Delivery, Outcome, Snapshot};

use crate::notices::Notices;
use crate::{Tools, failed, interrupted, not_mine};

/// Files that a person changed meanwhile, as far as they are named.
const MOST_MOVED: usize = 100;

/// Hands changes over: a branch in a git workspace, a patch file for a plain directory or where no branch can be made.
#[derive(Clone, Debug)]
pub struct Deployer {
    tools: Tools,
}

impl Deployer {
    /// A deployer that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }
}

impl Deployer {
    /// The change on a commit that the person made meanwhile, where there is one that nobody knows of so far. A patch file is
    /// against the snapshot, whatever comes after it.
    fn newer(
        &self,
        work: &Work,
        dir: &Path,
        (snapshot, commit): (&Snapshot, &str),
        delivery: Delivery,
        seen: &[String],
    ) -> Option<Carried> {
        if delivery != Delivery::Branch || seen.len() >= MOST_HEADS {
            return None;
        }
        let carried = self.tools.workspace.carry(&work.mission, dir, snapshot, commit);
        let carried = carried.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether the person's branch has moved cannot be told");
            None
        });
        carried.filter(|carried| !seen.contains(&carried.head))
    }

    /// Files that the person changed meanwhile and did not commit. Nothing is overwritten in any case; but what was proved
    /// is not what they have by now.
    fn moved(&self, work: &Work, dir: &Path, snapshot: &Snapshot, newer: Option<&str>) -> Vec<String> {
        let store = &self.tools.workspace;
        let since = |snapshot: &Snapshot| store.changed_since(&work.mission, dir, snapshot);
        let found = since(snapshot).and_then(|mut moved| {
            let Some(newer) = newer.filter(|_| !moved.is_empty()) else { return Ok(moved) };
            let tree = store.tree_of(&work.mission, newer)?;
            let others = since(&Snapshot { tree, ..snapshot.clone() })?;
            moved.retain(|path| others.contains(path));
            Ok(moved)
        });
        let mut moved = found.unwrap_or_else(|error| {
            tracing::warn!(%error, "what the person changed meanwhile cannot be told");
            Vec::new()
        });
        moved.truncate(MOST_MOVED);
        moved
    }
}

impl Agent for Deployer {
    fn roles(&self) -> &[Role] {
        &[Role::Deployer]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::HandOver { workspace, snapshot, commit, message, delivery, carried, seen } = action
        else {
            return not_mine(action, "deployer");
        };
        if work.stop.is_raised() {
            return failed(work, interrupted(), Spent::default());
        }
        Notices::new(work, &*self.tools.clock).doing("handing the change over");
        let dir = Path::new(&workspace.path);
        let store = &self.tools.workspace;
        if let Some(carried) = self.newer(work, dir, (snapshot, commit), *delivery, seen) {
            return Outcome::HeadMoved { carried };
        }
        let moved = self.moved(work, dir, snapshot, seen.last().map(String::as_str));
        let handed = match (delivery, carried) {
            (Delivery::Branch, Some(carried)) => {
                store.hand_over_onto(&work.mission, dir, snapshot, commit, carried, message)
            }
            (Delivery::Branch, None) => store.hand_over(&work.mission, dir, snapshot, commit, message),
            (Delivery::Patch, _) => store.keep_patch(&work.mission, snapshot, commit, message),
        };
        match handed {
            Ok(handed) => Outcome::HandedOver {
                branch: handed.branch,
                commit: handed.commit,
                patch: handed.patch.map(|path| path.display().to_string()),
                moved,
            },
            // A change that was handed over in spite of a raised flag is not handed over twice: the call repeats.
            Err(error) => failed(work, error, Spent::default()),
        }
    }
}
