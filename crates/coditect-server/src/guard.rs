//! Who is let in: the person who started the server, from this machine, from the server's own pages.
//!
//! A loopback address is open to every user of the machine and to every page that a browser has open. So there is a token,
//! which only who reads the binary's output has; a cookie, which no script can read and no other site makes the browser
//! send; a look at `Host`, since a name of somebody else may lead here (DNS rebinding); and a look at `Origin` with
//! another secret in each form, since a form of somebody else may lead here too.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use coditect_types::ErrorKind;

use crate::refusal::{Oops, Reader};
use crate::routes::Shared;

/// Scripts, styles and pictures from here and nothing from elsewhere; nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What goes with every answer. `same-origin` and not `no-referrer`, since a form's `Origin` would be `null` with that.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Fewer characters than this are no secret.
const LEAST: usize = 32;

/// The secrets of one process.
#[derive(Clone)]
pub struct Secrets {
    token: Arc<str>,
    form: Arc<str>,
    metrics: Option<Arc<str>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// The token that lets a person in, and the one that stands in the server's own forms. None: one is too short, or has
    /// other characters than `0-9a-zA-Z`.
    #[must_use]
    pub fn new(token: &str, form: &str) -> Option<Self> {
        (is_fit(token) && is_fit(form)).then(|| Self {
            token: token.into(),
            form: form.into(),
            metrics: None,
        })
    }

    /// The same with a token that opens `/metrics` and nothing else. None: it is too short, or has other characters.
    #[must_use]
    pub fn with_metrics(mut self, token: &str) -> Option<Self> {
        self.metrics = Some(token.into());
        is_fit(token).then_some(self)
    }

    /// The token of forms.
    pub(crate) fn form(&self) -> &str {
        &self.form
    }

    /// Whether a form is one of ours.
    pub(crate) fn is_own_form(&self, given: &str) -> bool {
        is_same(&self.form, given)
    }

    fn is_token(&self, given: &str) -> bool {
        is_same(&self.token, given)
    }

    fn opens_metrics(&self, given: &str) -> bool {
        self.metrics.as_deref().is_some_and(|token| is_same(token, given))
    }
}

fn is_fit(text: &str) -> bool {
    text.len() >= LEAST && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Compares without telling by its time how far two texts agree.
fn is_same(secret: &str, given: &str) -> bool {
    let differing = secret.bytes().zip(given.bytes()).fold(0_u8, |differing, (a, b)| differing | (a ^ b));
    secret.len() == given.len() && std::hint::black_box(differing) == 0
}

/// The first that a request meets, and the last that an answer does.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let reader = reader(request.uri().path());
    let mut response = match admit(&shared, &request) {
        Ok(None) => next.run(request).await,
        Ok(Some(answer)) => answer,
        Err(oops) => oops.answer(reader),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Who asks for this path.
pub(crate) fn reader(path: &str) -> Reader {
    let for_programs = path.starts_with("/api/") || path.starts_with("/health/") || path == "/metrics";
    if for_programs { Reader::Program } else { Reader::Person }
}

/// Lets a request in, or answers it: with a cookie for the token in its address, or with a refusal.
fn admit(shared: &Shared, request: &Request) -> Result<Option<Response>, Oops> {
    let (path, headers) = (request.uri().path(), request.headers());
    let host = own_host(headers)?;
    if path.starts_with("/health/") || path.starts_with("/assets/") {
        return Ok(None);
    }
    if request.method() == Method::GET
        && let Some(answer) = by_address(shared, request)?
    {
        return Ok(Some(answer));
    }
    let is_scrape = path == "/metrics" && matches!(*request.method(), Method::GET | Method::HEAD);
    if is_scrape && bearer(headers).is_some_and(|given| shared.secrets.opens_metrics(&given)) {
        return Ok(None);
    }
    if !is_known(shared, headers) {
        return Err(Oops::new(ErrorKind::Denied, "this page is for whoever started it")
            .hint("open the address that `coditect ui` printed, with its token; a restart makes a new one")
            .with_status(StatusCode::UNAUTHORIZED));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        own_origin(headers, &host)?;
    }
    Ok(None)
}

/// The `Host`, where it is this machine's own.
fn own_host(headers: &HeaderMap) -> Result<Authority, Oops> {
    let mut all = headers.get_all(header::HOST).iter();
    let host = all.next().and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = host.filter(|host| all.next().is_none() && is_loopback(host.host()));
    host.ok_or_else(|| {
        Oops::new(ErrorKind::Denied, "this server answers to `127.0.0.1`, `[::1]` and `localhost` only")
            .hint("open the address that `coditect ui` printed")
            .with_status(StatusCode::MISDIRECTED_REQUEST)
    })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What changes something comes from a page of ours.
fn own_origin(headers: &HeaderMap, host: &Authority) -> Result<(), Oops> {
    let said =
        |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned());
    let origin = said(header::ORIGIN);
    let site = said(HeaderName::from_static("sec-fetch-site"));
    let origin_fits = origin.as_ref().is_none_or(|origin| *origin == format!("http://{host}"));
    let site_fits = site.as_ref().is_none_or(|site| site == "same-origin");
    // Every browser says one of the two.
    if origin_fits && site_fits && (origin.is_some() || site.is_some()) {
        return Ok(());
    }
    Err(Oops::new(ErrorKind::Denied, "this was asked by a page of another site")
        .hint("do it on the mission's own page, or with `coditect cancel`, `approve` or `deny`"))
}

/// Whether the token was shown: in the cookie, as browsers do by themselves, or in `Authorization`, as programs do.
fn is_known(shared: &Shared, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    if bearer(headers).is_some_and(|given| shared.secrets.is_token(&given)) {
        return true;
    }
    let name = cookie(shared.port);
    let cookies: Vec<String> = headers.get_all(header::COOKIE).iter().filter_map(text).collect();
    let mut pairs =
        cookies.iter().flat_map(|all| all.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.any(|(of, value)| of == name && shared.secrets.is_token(value))
}

/// What a program shows.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let all = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    all.strip_prefix("Bearer ").map(str::to_owned)
}

/// Cookies do not know ports: two servers of one machine have cookies of different names.
fn cookie(port: u16) -> String {
    format!("coditect-ui-{port}")
}

/// A token in the address becomes a cookie, and leaves the address.
fn by_address(shared: &Shared, request: &Request) -> Result<Option<Response>, Oops> {
    let query = request.uri().query().unwrap_or_default();
    let (mut token, mut rest) = (None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.strip_prefix("token=") {
            Some(given) => token = Some(given),
            None => rest.push(pair),
        }
    }
    let Some(token) = token else { return Ok(None) };
    if !shared.secrets.is_token(token) {
        return Err(Oops::new(ErrorKind::Denied, "the token in this address is not the one of this server")
            .hint("open the address that `coditect ui` printed last; a restart makes a new one")
            .with_status(StatusCode::UNAUTHORIZED));
    }
    // One slash: two would be an address of another server.
    let path = format!("/{}", request.uri().path().trim_start_matches('/'));
    let to = if rest.is_empty() { path } else { format!("{path}?{}", rest.join("&")) };
    let kept = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict", cookie(shared.port));
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| Oops::new(ErrorKind::Invalid, "the address cannot be gone on with"))
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, value(&to)?);
    response.headers_mut().insert(header::SET_COOKIE, value(&kept)?);
    Ok(Some(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_this_machine_are_answered() {
        let of = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            own_host(&headers).is_ok()
        };
        for good in ["127.0.0.1", "127.0.0.1:7000", "localhost:7000", "LOCALHOST", "[::1]:7000", "127.8.8.8"]
        {
            assert!(of(good), "{good}");
        }
        for bad in [
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example.org:80",
            "0.0.0.0",
            "10.0.0.1",
            "",
            "a b",
        ] {
            assert!(!of(bad), "{bad}");
        }
        assert!(own_host(&HeaderMap::new()).is_err());
        let mut twice = HeaderMap::new();
        twice.append(header::HOST, HeaderValue::from_static("localhost"));
        twice.append(header::HOST, HeaderValue::from_static("example.org"));
        assert!(own_host(&twice).is_err());
    }

    #[test]
    fn what_changes_something_comes_from_an_own_page() {
        let host: Authority = "127.0.0.1:7000".parse().unwrap();
        let check = |said: &[(&'static str, &'static str)]| {
            let pairs = said
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            own_origin(&pairs.collect(), &host).is_ok()
        };
        assert!(check(&[("origin", "http://127.0.0.1:7000")]));
        assert!(check(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:7000")]));
        assert!(!check(&[]), "a browser says where it comes from");
        assert!(!check(&[("origin", "null")]));
        assert!(!check(&[("origin", "http://127.0.0.1:7001")]), "another server of this machine");
        assert!(!check(&[("origin", "http://example.org")]));
        assert!(!check(&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:7000")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn secrets_are_compared_whole_and_never_shown() {
        let secrets = Secrets::new(&"a".repeat(32), &"b".repeat(32)).unwrap();
        assert!(secrets.is_token(&"a".repeat(32)) && !secrets.is_token(&"a".repeat(33)));
        assert!(!secrets.is_token("") && !secrets.is_own_form(&"a".repeat(32)));
        assert_eq!(format!("{secrets:?}"), "Secrets");
        assert!(Secrets::new("short", &"b".repeat(32)).is_none());
        assert!(Secrets::new(&"a b ".repeat(10), &"b".repeat(32)).is_none());
    }
}
