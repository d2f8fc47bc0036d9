//! One report per error, made in one place: what was being done, the cause, a hint that is an action.

use std::io;

use coditect_ports::PortError;
use coditect_types::{ErrorKind, Failure, MissionStatus};
use serde::Serialize;

/// Exit code for a wrong call.
pub(crate) const USAGE: u8 = 2;
/// Exit code for a machine without a usable sandbox.
pub(crate) const NO_SANDBOX: u8 = 5;
/// Exit code for a stop by a signal, or by a reader of the output who went away.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what was asked, for the person and for a calling program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// What to do next, for a program.
    pub(crate) kind: ErrorKind,
    /// What was being done, such as `reading the request`.
    pub(crate) doing: String,
    /// The cause (lower case, no full stop).
    pub(crate) cause: String,
    /// The next step for the person.
    pub(crate) hint: Option<String>,
    /// The exit code.
    pub(crate) exit_code: u8,
}

impl Report {
    /// A report without a hint; the exit code follows from the kind.
    pub(crate) fn new(kind: ErrorKind, doing: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), cause: cause.into(), hint: None, exit_code: exit_code(kind) }
    }

    /// The same with the next step for the person.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with an exit code of its own.
    #[must_use]
    pub(crate) fn exit(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }
}

/// The exit code of an error: the one map from kinds.
pub(crate) fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Invalid | ErrorKind::NotFound => USAGE,
        ErrorKind::Denied => 3,
        ErrorKind::NoSandbox => NO_SANDBOX,
        ErrorKind::Exhausted => 4,
        ErrorKind::Interrupted => INTERRUPTED,
        ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Bug => 1,
    }
}

/// The exit code of a mission that has ended, as its last event tells it.
pub(crate) fn end_code(status: MissionStatus, trouble: Option<ErrorKind>) -> u8 {
    match trouble {
        Some(ErrorKind::NoSandbox) => NO_SANDBOX,
        Some(_) | None => status.exit_code(),
    }
}

/// How a command stopped before its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// With a report.
    Report(Report),
    /// The reader of standard output went away: nothing more to say to anyone.
    Closed,
}

/// What a command gives: its exit code.
pub(crate) type Done = Result<u8, Fault>;

impl From<Report> for Fault {
    fn from(report: Report) -> Self {
        Self::Report(report)
    }
}

/// Errors of writing to standard output; every other error of IO is given its context where it happens.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            let report = Report::from(PortError::from_io("standard output", &error)).doing("printing");
            Self::Report(report.hint("nothing else is lost: `coditect list` shows how each mission stands"))
        }
    }
}

impl From<PortError> for Report {
    fn from(error: PortError) -> Self {
        let mut report = Self::new(error.kind, "", error.cause);
        report.hint = error.hint;
        report
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        let mut report = Self::new(failure.kind, "", failure.cause);
        report.hint = failure.hint;
        report
    }
}

impl Report {
    fn doing(mut self, what: &str) -> Self {
        what.clone_into(&mut self.doing);
        self
    }
}

/// Says what was being done when an error came up from below.
pub(crate) trait Doing<T> {
    /// The same, with what was being done.
    fn doing(self, what: &str) -> Result<T, Report>;
}

impl<T, E: Into<Report>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Report> {
        self.map_err(|error| error.into().doing(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_sandbox_has_an_exit_code_of_its_own() {
        assert_eq!(end_code(MissionStatus::NeedsPerson, Some(ErrorKind::NoSandbox)), NO_SANDBOX);
        assert_eq!(end_code(MissionStatus::NeedsPerson, Some(ErrorKind::Denied)), 3);
        assert_eq!(end_code(MissionStatus::Verified, None), 0);
        assert_eq!(exit_code(ErrorKind::NoSandbox), NO_SANDBOX);
    }
}
