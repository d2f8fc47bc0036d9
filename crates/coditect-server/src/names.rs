//! Names of things for people and for metrics: those of the journal's JSON, so that all three agree.

use coditect_runtime::view::TaskProgress;
use coditect_types::MissionStatus;
use serde::Serialize;

/// The name of a value that is a word in JSON.
pub(crate) fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        // Nothing that is named here is written as anything but a word.
        Ok(_) | Err(_) => String::new(),
    }
}

/// The same with blanks.
pub(crate) fn words<T: Serialize>(value: &T) -> String {
    name(value).replace('_', " ")
}

/// Where a mission stands: how it ended, else whether a process is at it.
pub(crate) fn standing(status: Option<MissionStatus>, is_running: bool) -> String {
    match status {
        Some(status) => name(&status),
        None if is_running => "running".to_owned(),
        None => "stopped".to_owned(),
    }
}

/// Every standing that there is, in the order in which a person looks for them.
pub(crate) const STANDINGS: [&str; 9] = [
    "running",
    "stopped",
    "verified",
    "partly_verified",
    "unverified",
    "failed",
    "needs_person",
    "over_limit",
    "cancelled",
];

/// Every state of a task.
pub(crate) const TASK_STATES: [TaskProgress; 5] = [
    TaskProgress::Waiting,
    TaskProgress::Running,
    TaskProgress::Done,
    TaskProgress::Failed,
    TaskProgress::Dropped,
];

/// How a status looks: its colour, which never says anything that the words beside it do not.
pub(crate) fn mood(status: Option<MissionStatus>) -> &'static str {
    match status {
        Some(MissionStatus::Verified) => "good",
        Some(
            MissionStatus::PartlyVerified
            | MissionStatus::Unverified
            | MissionStatus::NeedsPerson
            | MissionStatus::OverLimit,
        ) => "warn",
        Some(MissionStatus::Failed | MissionStatus::Cancelled) => "bad",
        None => "live",
    }
}
