//! The error of a port: a kind for the program, a cause and a next step for the person.

use coditect_types::{ErrorKind, Failure};

/// What an adapter answers when it cannot do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct PortError {
    /// What to do next, for a program.
    pub kind: ErrorKind,
    /// The cause, in a sentence (lower case, no full stop).
    pub cause: String,
    /// The next step for a person, if there is one.
    pub hint: Option<String>,
}

impl PortError {
    /// An error without a hint.
    #[must_use]
    pub fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), hint: None }
    }

    /// The same with the next step for a person.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind that an IO error stands for.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's list grows with each release")]
    pub fn from_io(doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
            Io::StorageFull | Io::QuotaExceeded | Io::OutOfMemory => ErrorKind::Exhausted,
            Io::InvalidInput | Io::InvalidData | Io::NotADirectory | Io::IsADirectory => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, format!("{doing}: {error}"))
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self { hint: error.hint, ..Self::new(error.kind, error.cause) }
    }
}
