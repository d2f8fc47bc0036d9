//! Lines of the log.

use serde_json::{Map, Value};

use super::queue::Parcel;
use super::wire::{bytes, fixed, message, number, values};
use crate::trace::Context;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something went otherwise than it should, and was coped with.
    Warn,
    /// A person must act.
    Error,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When, µs since 1970.
    pub at_us: u64,
    /// How bad it is.
    pub severity: Severity,
    /// What it says.
    pub said: String,
    /// More of it.
    pub args: Map<String, Value>,
    /// The span in which it was said, where that is known; a mission's own where the attempt is not.
    pub within: Option<Context>,
}

impl Parcel for Line {
    fn write(&self, out: &mut Vec<u8>) {
        let (severity, name) = match self.severity {
            Severity::Warn => (13, "WARN"),
            Severity::Error => (17, "ERROR"),
        };
        let nanos = self.at_us.saturating_mul(1_000);
        fixed(out, 1, nanos);
        number(out, 2, severity);
        bytes(out, 3, name.as_bytes());
        message(out, 5, |out| bytes(out, 1, self.said.as_bytes()));
        values(out, 6, &self.args);
        if let Some(within) = &self.within {
            bytes(out, 9, within.trace_bytes());
            bytes(out, 10, within.span_bytes());
        }
        // When it was seen, which is when it was said.
        fixed(out, 11, nanos);
    }
}
