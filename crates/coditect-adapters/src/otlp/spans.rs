//! Spans.

use serde::Serialize;

use coditect_types::MissionId;
use serde_json::{Map, Value};

use super::queue::Parcel;
use super::{Attributes, Resource, SCOPE, Scope, Target, Text};
use crate::trace::{Context, Piece, ROOT};

/// A span in its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    own: Context,
    above: Option<Context>,
    piece: Piece,
}

impl Span {
    /// A piece of a mission, as its journal tells it: below the mission.
    #[must_use]
    pub fn of_mission(mission: &MissionId, piece: Piece) -> Self {
        let above = (piece.id != ROOT).then(|| Context::of_mission(mission));
        Self { own: Context::of_piece(mission, &piece.id), above, piece }
    }

    /// A piece below a span of any process.
    #[must_use]
    pub fn below(above: Context, piece: Piece) -> Self {
        Self { own: above.below(&piece.id), above: Some(above), piece }
    }
}

impl Parcel for Span {
    fn body(target: &Target, batch: &[Self]) -> Vec<u8> {
        let spans = batch.iter().map(Wire::of).collect();
        let scoped = [Scoped { scope: SCOPE, spans }];
        let body = Body { resource_spans: [Sourced { resource: Resource::of(target), scope_spans: scoped }] };
        // What is written here has texts for keys, which is all that this can fail for.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    resource_spans: [Sourced<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sourced<'a> {
    resource: Resource<'a>,
    scope_spans: [Scoped<'a>; 1],
}

#[derive(Serialize)]
struct Scoped<'a> {
    scope: Scope,
    spans: Vec<Wire<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: Text<u128>,
    end_time_unix_nano: Text<u128>,
    attributes: Attributes<'a>,
    events: Vec<Happened<'a>>,
    status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Happened<'a> {
    time_unix_nano: Text<u128>,
    name: &'a str,
    attributes: Attributes<'a>,
}

/// Nothing of it is the standard's "unset".
#[derive(Serialize)]
struct Status<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> Wire<'a> {
    fn of(span: &'a Span) -> Self {
        let Span { own, above, piece } = span;
        let (start_us, end_us) = piece.at_us;
        let happened = |(at_us, name, args): &'a (u64, String, Map<String, Value>)| Happened {
            time_unix_nano: nanos(*at_us),
            name,
            attributes: Attributes(args),
        };
        Self {
            trace_id: own.trace_id(),
            span_id: own.span_id(),
            parent_span_id: above.map(|above| above.span_id()),
            name: &piece.name,
            // 3 is a client's call, 1 is work of our own.
            kind: if piece.is_call { 3 } else { 1 },
            start_time_unix_nano: nanos(start_us),
            end_time_unix_nano: nanos(end_us.unwrap_or(start_us)),
            attributes: Attributes(&piece.args),
            events: piece.events.iter().map(happened).collect(),
            status: Status { code: piece.error.as_ref().map(|_| 2), message: piece.error.as_deref() },
        }
    }
}

fn nanos(us: u64) -> Text<u128> {
    Text(u128::from(us) * 1_000)
}
