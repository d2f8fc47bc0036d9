//! Announcements: hints for whoever watches. Losing one loses nothing.

use std::fmt::Debug;
use std::sync::Arc;

use coditect_types::{AttemptId, MissionId, Record, TaskId};
use serde::Serialize;

use crate::under_way::UnderWay;

/// A hint about what goes on right now. Only `Recorded` speaks of something that is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Notice {
    /// A record is in the journal.
    #[serde(skip)]
    Recorded(Box<Record>),
    /// An agent says what it does now, in a short phrase.
    #[serde(rename = "progress.doing")]
    Doing {
        /// The mission.
        mission: MissionId,
        /// Its task.
        task: TaskId,
        /// The attempt.
        attempt: AttemptId,
        /// Such as `running 14 tests`.
        what: String,
    },
    /// Tests so far in the run under way.
    #[serde(rename = "progress.tests")]
    Tests {
        /// The mission.
        mission: MissionId,
        /// Its task.
        task: TaskId,
        /// Green so far.
        green: u32,
        /// Red so far.
        red: u32,
        /// All that will run, where known.
        of: Option<u32>,
    },
    /// The search so far.
    #[serde(rename = "progress.search")]
    Search {
        /// The mission.
        mission: MissionId,
        /// Its task.
        task: TaskId,
        /// Candidates tried.
        tried: u64,
        /// Candidates known.
        of: Option<u64>,
        /// Candidates that pass every test so far.
        passing: u32,
        /// The best so far: formerly red tests that it turns green.
        best_green: u32,
        /// Red tests in all.
        red: u32,
    },
}

/// The announcer.
///
/// # Promises
/// Returns at once.
///
/// # May
/// Drop notices when watchers are slow.
///
/// # Must not
/// Block, or carry anything that is not in the journal and must be kept.
///
/// # When it fails
/// Silently.
pub trait Bus: Debug + Send + Sync {
    /// Tells whoever watches.
    fn announce(&self, notice: Notice);

    /// Tells of the records of one step, which are of one mission and follow one another. All of them are taken out of `records`, whoever
    /// watches. `_before`: what was under way as the step began.
    fn announce_step(&self, records: &mut dyn Iterator<Item = Record>, _before: &dyn UnderWay) {
        records.for_each(|record| self.announce(Notice::Recorded(Box::new(record))));
    }

    /// A bus on which one mission announces from now on, and no other, as long as somebody here is at it. It has the records `before` by
    /// now. None: this one is as good.
    fn of_mission(&self, _: &MissionId, _before: &[Record]) -> Option<Arc<dyn Bus>> {
        None
    }
}
