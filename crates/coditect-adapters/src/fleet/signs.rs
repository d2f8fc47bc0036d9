//! What an agent says of what it does, on its way from a worker to the mission. Nothing waits for it, and it may be lost.

use bytes::Bytes;
use coditect_ports::{Bus, Notice, Work};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::setup::House;

/// What is said.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    Doing { what: String },
    Tests { green: u32, red: u32, of: Option<u32> },
    Search { tried: u64, of: Option<u64>, passing: u32, best_green: u32, red: u32 },
}

impl Sign {
    fn of(notice: Notice) -> Option<Self> {
        match notice {
            Notice::Recorded(_) => None,
            Notice::Doing { what, .. } => Some(Self::Doing { what }),
            Notice::Tests { green, red, of, .. } => Some(Self::Tests { green, red, of }),
            Notice::Search { tried, of, passing, best_green, red, .. } => {
                Some(Self::Search { tried, of, passing, best_green, red })
            }
        }
    }

    /// The same for whoever watches the mission.
    pub(super) fn notice(self, work: &Work) -> Notice {
        let (mission, task, attempt) = (work.mission.clone(), work.task, work.attempt);
        match self {
            Self::Doing { what } => Notice::Doing { mission, task, attempt, what },
            Self::Tests { green, red, of } => Notice::Tests { mission, task, green, red, of },
            Self::Search { tried, of, passing, best_green, red } => {
                Notice::Search { mission, task, tried, of, passing, best_green, red }
            }
        }
    }
}

/// Takes what an agent says, and sends it.
#[derive(Debug)]
pub(super) struct Speaks {
    pub(super) house: House,
    pub(super) subject: String,
    pub(super) handle: Handle,
}

impl Bus for Speaks {
    fn announce(&self, notice: Notice) {
        let Some(sign) = Sign::of(notice) else { return };
        let Ok(text) = serde_json::to_vec(&sign) else { return };
        let (client, subject) = (self.house.client.clone(), self.subject.clone());
        self.handle.spawn(async move { client.publish(subject, Bytes::from(text)).await });
    }
}
