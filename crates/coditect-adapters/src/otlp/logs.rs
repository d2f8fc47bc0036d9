//! Lines of the log.

use serde::Serialize;
use serde_json::{Map, Value};

use super::queue::Parcel;
use super::{Any, Attributes, Resource, SCOPE, Scope, Target, Text};
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
    fn body(target: &Target, batch: &[Self]) -> Vec<u8> {
        let bodies: Vec<Value> = batch.iter().map(|line| Value::from(line.said.as_str())).collect();
        let records = batch.iter().zip(&bodies).map(|(line, said)| Wire::of(line, said)).collect();
        let scoped = [Scoped { scope: SCOPE, log_records: records }];
        let body = Body { resource_logs: [Sourced { resource: Resource::of(target), scope_logs: scoped }] };
        // What is written here has texts for keys, which is all that this can fail for.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    resource_logs: [Sourced<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sourced<'a> {
    resource: Resource<'a>,
    scope_logs: [Scoped<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scoped<'a> {
    scope: Scope,
    log_records: Vec<Wire<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    time_unix_nano: Text<u128>,
    observed_time_unix_nano: Text<u128>,
    severity_number: u8,
    severity_text: &'static str,
    body: Any<'a>,
    attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
}

impl<'a> Wire<'a> {
    fn of(line: &'a Line, said: &'a Value) -> Self {
        let (severity_number, severity_text) = match line.severity {
            Severity::Warn => (13, "WARN"),
            Severity::Error => (17, "ERROR"),
        };
        let nanos = u128::from(line.at_us) * 1_000;
        Self {
            time_unix_nano: Text(nanos),
            observed_time_unix_nano: Text(nanos),
            severity_number,
            severity_text,
            body: Any(said),
            attributes: Attributes(&line.args),
            trace_id: line.within.map(|within| within.trace_id()),
            span_id: line.within.map(|within| within.span_id()),
        }
    }
}
