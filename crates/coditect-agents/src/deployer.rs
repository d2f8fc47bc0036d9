//! The deployer: gives a verified change to the person.

use std::path::Path;

use coditect_ports::{Agent, Work};
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::{Action, Delivery, Outcome};

use crate::notices::Notices;
use crate::{Tools, failed, interrupted, not_mine};

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
        let handed = match delivery {
            Delivery::Branch => store.hand_over(&work.mission, dir, snapshot, commit, message),
            Delivery::Patch => store.keep_patch(&work.mission, snapshot, commit, message),
        };
        match handed {
            Ok(handed) => Outcome::HandedOver {
                branch: handed.branch,
                commit: handed.commit,
                patch: handed.patch.map(|path| path.display().to_string()),
            },
            // A change that was handed over in spite of a raised flag is not handed over twice: the call repeats.
            Err(error) => failed(work, error, Spent::default()),
        }
    }
}
