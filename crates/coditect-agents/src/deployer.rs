//! The deployer: gives a verified change to the person.

use std::path::Path;

use coditect_ports::{Agent, Work};
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::{Action, Delivery, Outcome};

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

impl Agent for Deployer {
    fn roles(&self) -> &[Role] {
        &[Role::Deployer]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::HandOver { workspace, snapshot, commit, message, delivery } = action else {
            return not_mine(action, "deployer");
        };
        if work.stop.is_raised() {
            return failed(work, interrupted(), Spent::default());
        }
        Notices::new(work, &*self.tools.clock).doing("handing the change over");
        let dir = Path::new(&workspace.path);
        let store = &self.tools.workspace;
        // Nothing is overwritten in any case; but what was proved is not what the person has by now.
        let mut moved = store.changed_since(&work.mission, dir, snapshot).unwrap_or_else(|error| {
            tracing::warn!(%error, "what the person changed meanwhile cannot be told");
            Vec::new()
        });
        moved.truncate(MOST_MOVED);
        let handed = match delivery {
            Delivery::Branch => store.hand_over(&work.mission, dir, snapshot, commit, message),
            Delivery::Patch => store.keep_patch(&work.mission, snapshot, commit, message),
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
