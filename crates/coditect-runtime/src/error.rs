//! What the shell answers when a mission cannot go on here.

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId, Refusal};

/// Why the shell could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShellError {
    /// The core refused; nothing was changed.
    #[error("{}", .0.cause)]
    Refused(Refusal),
    /// The mission's inbox, or the shell, is full: try again after a moment.
    #[error("too much is under way: try again in {retry_ms} ms")]
    Busy {
        /// When to try again, ms.
        retry_ms: u64,
    },
    /// The journal has no such mission.
    #[error("there is no mission `{0}`")]
    NoSuchMission(MissionId),
    /// The mission is not under way in this process.
    #[error("mission `{0}` is not under way here")]
    NotHere(MissionId),
    /// Another process writes this mission's journal.
    #[error("{0}")]
    Held(PortError),
    /// Another writer was first: this process steps down.
    #[error("another process took mission `{0}` over")]
    SteppedDown(MissionId),
    /// A port failed in a way that retries did not mend. The mission can be resumed.
    #[error("{0}")]
    Port(#[from] PortError),
    /// A record in the journal cannot be understood.
    #[error("record {seq} of mission `{mission}` cannot be read: {cause}")]
    BadRecord {
        /// The mission.
        mission: MissionId,
        /// The record's number.
        seq: u64,
        /// What is wrong with it.
        cause: String,
    },
    /// The shell is shutting down; the mission can be resumed.
    #[error("the program is stopping; the mission can be resumed")]
    ShuttingDown,
}

impl ShellError {
    /// What to do next, for a program.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => refusal.kind,
            Self::Busy { .. } => ErrorKind::Unavailable,
            Self::NoSuchMission(_) | Self::NotHere(_) => ErrorKind::NotFound,
            Self::Held(_) | Self::SteppedDown(_) => ErrorKind::Conflict,
            Self::Port(error) => error.kind,
            Self::BadRecord { .. } => ErrorKind::Bug,
            Self::ShuttingDown => ErrorKind::Interrupted,
        }
    }

    /// The next step for a person, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.hint.as_deref(),
            Self::Held(error) | Self::Port(error) => error.hint.as_deref(),
            Self::BadRecord { .. } => {
                Some("it may have been written by a newer version: update, then try again")
            }
            Self::Busy { .. }
            | Self::NoSuchMission(_)
            | Self::NotHere(_)
            | Self::SteppedDown(_)
            | Self::ShuttingDown => None,
        }
    }
}
