//! What is answered where something cannot be done: one map from kinds to HTTP, one form for people and one for programs.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use coditect_ports::PortError;
use coditect_runtime::ShellError;
use coditect_types::{ErrorKind, Refusal};
use serde_json::json;

use crate::text::plain;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person, for a page.
    Person,
    /// A program, for JSON.
    Program,
}

/// Why something was not done, and the status that says so.
#[derive(Clone, Debug)]
pub(crate) struct Oops {
    /// The status.
    pub(crate) status: StatusCode,
    /// After how many seconds it is worth asking again, where that is known.
    again_s: Option<u64>,
    refusal: Refusal,
}

/// A page that says what is wrong and what to do.
#[derive(Template)]
#[template(path = "oops.html")]
struct OopsPage<'a> {
    status: u16,
    cause: &'a str,
    hint: Option<&'a str>,
}

impl Oops {
    /// With the status that follows from the kind.
    pub(crate) fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Self::from(Refusal { kind, cause: cause.into(), hint: None })
    }

    /// The same with the next step.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.refusal.hint = Some(hint.into());
        self
    }

    /// The same with a status of its own.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same for who should ask again after some seconds.
    #[must_use]
    pub(crate) fn again_after(mut self, seconds: u64) -> Self {
        self.again_s = Some(seconds);
        self
    }

    /// What is wrong.
    pub(crate) fn cause(&self) -> &str {
        &self.refusal.cause
    }

    /// The answer.
    pub(crate) fn answer(&self, reader: Reader) -> Response {
        let Refusal { kind, cause, hint } = &self.refusal;
        let (kind_of_text, body) = match reader {
            Reader::Program => {
                let hint = hint.as_deref().map(plain);
                let object = json!({ "error": { "kind": kind, "cause": plain(cause), "hint": hint } });
                ("application/json", object.to_string())
            }
            Reader::Person => {
                let page = OopsPage { status: self.status.as_u16(), cause, hint: hint.as_deref() };
                // A template into memory cannot fail; if it does, the cause alone is still said.
                (
                    "text/html; charset=utf-8",
                    page.render().unwrap_or_else(|_| "something went wrong".to_owned()),
                )
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind_of_text));
        if let Some(seconds) = self.again_s.or_else(|| again_s(self.status)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// After how many seconds it is worth asking again where nobody knows better: what is too much is less by then, and what is not there may
/// be there again.
fn again_s(status: StatusCode) -> Option<u64> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(5),
        StatusCode::SERVICE_UNAVAILABLE => Some(2),
        _ => None,
    }
}

/// The one map from kinds to HTTP.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::NoSandbox | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable | ErrorKind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refusal> for Oops {
    fn from(refusal: Refusal) -> Self {
        Self { status: status(refusal.kind), again_s: None, refusal }
    }
}

impl From<PortError> for Oops {
    fn from(error: PortError) -> Self {
        Self::from(Refusal { kind: error.kind, cause: error.cause, hint: error.hint })
    }
}

impl From<ShellError> for Oops {
    fn from(error: ShellError) -> Self {
        let (kind, hint) = (error.kind(), error.hint().map(str::to_owned));
        Self::from(Refusal { kind, cause: error.to_string(), hint })
    }
}
