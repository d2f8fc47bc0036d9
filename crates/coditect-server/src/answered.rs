//! What the doors were asked and what they answered, as figures: whether people and programs get answers is seen here, and not in the
//! journals.
//!
//! Addresses are counted by the pattern that they fit, and calls of gRPC by their method, so that no label has what somebody sent. What is
//! asked under a call of gRPC is that call, and no request of its own.
//!
//! A stream counts when it begins: how long it lasts says nothing of whoever answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use coditect_types::figure::{Amount, Family, Figure, Point, Spread};
use tonic::Code;

use crate::routes::Shared;

const REQUESTS: Family = Family::counter(
    "coditect_http_requests_total",
    "{request}",
    "Requests that came over HTTP, by the pattern of their address and how they were answered.",
);
const REQUEST_TOOK: Family = Family::histogram(
    "coditect_http_request_duration_seconds",
    "s",
    "How long requests took until they were answered, event streams apart, by the pattern of their address.",
);
const CALLS: Family = Family::counter(
    "coditect_grpc_calls_total",
    "{call}",
    "Calls that came over gRPC, by method and how they were answered.",
);
const CALL_TOOK: Family = Family::histogram(
    "coditect_grpc_call_duration_seconds",
    "s",
    "How long calls took until they were answered, streams apart, by method.",
);
const REFUSED: Family =
    Family::counter("coditect_refusals_total", "{refusal}", "Who was not let in or not let do it, by why.");

/// Upper ends of the buckets of times, ms: up to what a request may take.
const ENDS_MS: [u64; 9] = [5, 25, 100, 250, 1_000, 2_500, 10_000, 30_000, 60_000];

/// The classes of answers, and of those that nobody waited for.
const CLASSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", GONE];
const GONE: &str = "gone";
/// An address that fits no pattern.
const NOWHERE: &str = "nowhere";
/// Methods of gRPC, and what is none of them.
const METHODS: [&str; 11] = [
    "Missions/Submit",
    "Missions/List",
    "Missions/Get",
    "Missions/Watch",
    "Missions/ListApprovals",
    "Missions/Answer",
    "Missions/Cancel",
    "Missions/Fork",
    "Fleet/Look",
    "Fleet/World",
    NOWHERE,
];
/// Its one stream.
const WATCH: &str = "Missions/Watch";
/// Where methods are.
const PACKAGE: &str = "/coditect.v1.";
/// Why somebody is refused.
const REASONS: [&str; 6] = ["unknown", "denied", "hidden", "host", "too_many", "unavailable"];

/// What was asked and answered since the process began.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    requests: Mutex<Tally>,
    calls: Mutex<Tally>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// Of one door: by what was asked.
#[derive(Debug, Default)]
struct Tally(BTreeMap<String, Counts>);

/// Of one address or method.
#[derive(Debug, Default)]
struct Counts {
    by_code: BTreeMap<&'static str, u64>,
    /// None: nothing of it was timed yet.
    took: Option<Spread>,
}

impl Tally {
    /// There are rows from now on, so that the first of its kind is seen as growth.
    fn begin(&mut self, of: &str, codes: &[&'static str]) {
        if !self.0.contains_key(of) {
            let by_code = codes.iter().map(|code| (*code, 0)).collect();
            self.0.insert(of.to_owned(), Counts { by_code, took: None });
        }
    }

    fn count(&mut self, of: &str, code: &'static str, took: Option<Duration>) {
        self.begin(of, &[code]);
        let Some(counts) = self.0.get_mut(of) else { return };
        *counts.by_code.entry(code).or_default() += 1;
        if let Some(took) = took {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            counts.took.get_or_insert_with(|| Spread::new(&ENDS_MS, 1_000)).see(ms);
        }
    }

    fn figures(&self, label: &'static str, [counts, took]: [Family; 2]) -> [Figure; 2] {
        let mut figures =
            [Figure { family: counts, points: Vec::new() }, Figure { family: took, points: Vec::new() }];
        let [counted, timed] = &mut figures;
        for (of, counts) in &self.0 {
            counted.points.extend(counts.by_code.iter().map(|(code, n)| Point {
                labels: vec![(label, of.clone()), ("code", (*code).to_owned())],
                amount: Amount::Count(*n),
            }));
            timed.points.extend(counts.took.iter().map(|spread| Point {
                labels: vec![(label, of.clone())],
                amount: Amount::Spread(spread.clone()),
            }));
        }
        figures
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answered {
    /// There is a door for gRPC.
    pub(crate) fn speaks_grpc(&self) {
        let mut calls = locked(&self.calls);
        METHODS.iter().for_each(|method| calls.begin(method, &[code_name(Code::Ok)]));
    }

    /// Somebody was refused with this status.
    pub(crate) fn refused(&self, status: StatusCode) {
        let why = match status {
            StatusCode::UNAUTHORIZED => "unknown",
            StatusCode::NOT_FOUND => "hidden",
            StatusCode::MISDIRECTED_REQUEST => "host",
            StatusCode::TOO_MANY_REQUESTS => "too_many",
            status if status.is_server_error() => "unavailable",
            _ => "denied",
        };
        *locked(&self.refused).entry(why).or_default() += 1;
    }

    /// What it comes to so far.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let refused = locked(&self.refused);
        let refusals =
            REASONS.map(|why| Point::labelled("why", why, refused.get(why).copied().unwrap_or_default()));
        drop(refused);
        let mut figures = Vec::from(locked(&self.requests).figures("route", [REQUESTS, REQUEST_TOOK]));
        figures.extend(locked(&self.calls).figures("method", [CALLS, CALL_TOOK]));
        figures.push(Figure { family: REFUSED, points: refusals.to_vec() });
        figures
    }
}

/// What is asked and not answered yet. It is counted however it ends: whoever goes away before that drops it.
struct Open<'a> {
    tally: &'a Mutex<Tally>,
    of: String,
    since: Instant,
    code: &'static str,
    is_timed: bool,
}

impl<'a> Open<'a> {
    fn new(tally: &'a Mutex<Tally>, of: String, unless_answered: &'static str) -> Self {
        Self { tally, of, since: Instant::now(), code: unless_answered, is_timed: false }
    }

    fn answered(mut self, code: &'static str, is_stream: bool) {
        self.code = code;
        self.is_timed = !is_stream;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let took = self.is_timed.then(|| self.since.elapsed());
        locked(self.tally).count(&self.of, self.code, took);
    }
}

/// Marks what a call of gRPC asks: that is counted as a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within;

/// Counts a request. It stands around all others, so that what the guard answers counts, too.
pub(crate) async fn counted(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Within>().is_some() {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(NOWHERE, MatchedPath::as_str).to_owned();
    let requests = &shared.doors().requests;
    locked(requests).begin(&route, &CLASSES);
    let open = Open::new(requests, route, GONE);
    let response = next.run(request).await;
    open.answered(class(response.status()), is_stream(response.headers()));
    response
}

/// Counts a call of gRPC. What else is asked there, such as the health, is no call of ours.
pub(crate) async fn counted_call(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(method) = request.uri().path().strip_prefix(PACKAGE) else { return next.run(request).await };
    let known = METHODS.iter().find(|known| **known == method);
    let method = known.copied().unwrap_or(NOWHERE);
    // Whoever waits no longer cancels it; so does what ends a call that takes too long.
    let open = Open::new(&shared.doors().calls, method.to_owned(), code_name(Code::Cancelled));
    let response = next.run(request).await;
    // Where all went well, this stands behind the body.
    let code =
        response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    open.answered(code_name(code), method == WATCH);
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A code as the standard of gRPC has it, in small letters.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests;
