//! Who is let in: the person who started the server, from this machine, from the server's own pages.
//!
//! A loopback address is open to every user of the machine and to every page that a browser has open. So there is a token,
//! which only who reads the binary's output has; a cookie, which no script can read and no other site makes the browser
//! send; a look at `Host`, since a name of somebody else may lead here (DNS rebinding); and a look at `Origin` with
//! another secret in each form, since a form of somebody else may lead here too.
//!
//! Where several people use a server, each has a token of their own: [`Secrets::users`]. What it opens is said by
//! [`coditect_types::access`] and looked up here, before any page is made: which deed an address is, whether this visitor is let do it, and
//! whether the mission is one of those that they reach. Whoever is not let is written down, and so is what changes something.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use coditect_runtime::ShellError;
use coditect_types::access::{Admission, Asked};
use coditect_types::{Deed, ErrorKind, MissionId, Visitor};

use crate::pace::Place;
use crate::refusal::{Oops, Reader};
use crate::routes::{self, Shared};

/// Scripts, styles and pictures from here and nothing from elsewhere; nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

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
    /// The person's own; None: users are known by tokens of theirs.
    token: Option<Arc<str>>,
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
        let own = Self { token: Some(token.into()), ..Self::users(form)? };
        is_fit(token).then_some(own)
    }

    /// Users are known by tokens of theirs, which the [`House`](crate::House) has. None: as above.
    #[must_use]
    pub fn users(form: &str) -> Option<Self> {
        is_fit(form).then(|| Self { token: None, form: form.into(), metrics: None })
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

    /// Whether users sign in.
    pub(crate) fn has_users(&self) -> bool {
        self.token.is_none()
    }

    fn is_token(&self, given: &str) -> bool {
        self.token.as_deref().is_some_and(|token| is_same(token, given))
    }

    fn opens_metrics(&self, given: &str) -> bool {
        self.metrics.as_deref().is_some_and(|token| is_same(token, given))
    }
}

pub(crate) fn is_fit(text: &str) -> bool {
    text.len() >= LEAST && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Compares without telling by its time how far two texts agree.
pub(crate) fn is_same(secret: &str, given: &str) -> bool {
    let differing = secret.bytes().zip(given.bytes()).fold(0_u8, |differing, (a, b)| differing | (a ^ b));
    secret.len() == given.len() && std::hint::black_box(differing) == 0
}

/// What of a request tells whether it is let in.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    from: String,
}

impl Call {
    pub(crate) fn of(request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            from: peer.map_or_else(|| "local".to_owned(), |peer| peer.0.to_string()),
        }
    }

    fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The same for the book, by whoever it is.
    fn asked(&self) -> Asked {
        Asked {
            user: None,
            token: None,
            from: self.from.clone(),
            call: format!("{} {}", self.method, self.path),
            about: None,
            allowed: false,
            why: String::new(),
            unwritten: 0,
        }
    }

    /// Whether a browser asks for a page to show, and not a script of one.
    fn is_for_a_page(&self) -> bool {
        let dest = self.headers.get("sec-fetch-dest");
        self.method == Method::GET
            && reader(&self.path) == Reader::Person
            && dest.is_none_or(|dest| dest == "document")
    }
}

/// How a request is let in.
enum Entry {
    /// It needs nobody.
    Open,
    /// It is answered already.
    Answered(Response),
    /// By whom, and what the book has of it.
    By(Arc<Visitor>, Option<(Asked, Place)>),
}

/// The first that a request meets, and the last that an answer does.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let call = Call::of(&request);
    let by_address = by_address(&shared, &request);
    let entry = match by_address {
        Ok(Some(answer)) => Ok(Entry::Answered(answer)),
        Ok(None) => admit(&shared, &call).await,
        Err(oops) => Err(oops),
    };
    let mut response = match entry {
        Ok(Entry::Open) => next.run(request).await,
        Ok(Entry::Answered(answer)) => answer,
        Ok(Entry::By(visitor, asked)) => {
            request.extensions_mut().insert(visitor);
            let (asked, _place) = asked.unzip();
            let response = next.run(request).await;
            let came = came_of(&call, asked, &response);
            after(&shared, came).await;
            response
        }
        Err(oops) => {
            shared.doors().refused(oops.status);
            oops.answer(reader(&call.path))
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if shared.place.is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What came of what changes something, and what was refused behind the guard, for the book.
fn came_of(call: &Call, asked: Option<Asked>, response: &Response) -> Option<Asked> {
    let asked = asked?;
    let status = response.status();
    let is_refused = matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
    if call.is_read() && !is_refused {
        return None;
    }
    // A mission that was begun is named by where it is to be looked for.
    let place = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    let begun = place.and_then(|place| mission_of(place).ok().flatten()).map(|mission| mission.to_string());
    let allowed = status.is_success() || status.is_redirection();
    let why = format!("answered {}", status.as_u16());
    Some(Asked { about: begun.or(asked.about.clone()), allowed, why, ..asked })
}

async fn after(shared: &Arc<Shared>, came: Option<Asked>) {
    let Some(came) = came else { return };
    if !came.allowed && came.call.starts_with("GET ") {
        return note(shared, came).await;
    }
    if let Err(error) = shared.keep(came).await {
        tracing::error!(error = error.cause(), "what came of a request cannot be written into the book");
    }
}

/// Who asks for this path.
pub(crate) fn reader(path: &str) -> Reader {
    let for_programs = path.starts_with("/api/") || path.starts_with("/health/") || path == "/metrics";
    if for_programs { Reader::Program } else { Reader::Person }
}

/// Lets a request in, with the visitor beside it, or answers it: with a refusal, or the way to where one signs in.
async fn admit(shared: &Arc<Shared>, call: &Call) -> Result<Entry, Oops> {
    let host = own_host(shared, &call.headers)?;
    if call.path.starts_with("/health/") || call.path.starts_with("/assets/") {
        return Ok(Entry::Open);
    }
    if shared.secrets.has_users() && (call.path == SIGN_IN || call.path == SIGN_OUT) {
        if !call.is_read() {
            own_origin(shared, &call.headers, &host)?;
        }
        return Ok(Entry::Open);
    }
    let given = bearer(&call.headers);
    let opens_metrics = || given.as_ref().is_some_and(|given| shared.secrets.opens_metrics(given));
    if call.path == "/metrics" && call.is_read() && opens_metrics() {
        return Ok(Entry::By(Arc::new(Visitor::person()), None));
    }
    if !shared.secrets.has_users() {
        if !is_the_person(shared, &call.headers) {
            return Err(strange());
        }
        if !call.is_read() {
            own_origin(shared, &call.headers, &host)?;
        }
        return Ok(Entry::By(Arc::new(Visitor::person()), None));
    }
    let visitor = match known(shared, call).await {
        Ok(visitor) => Arc::new(visitor),
        Err(oops) if oops.status == StatusCode::UNAUTHORIZED && call.is_for_a_page() => {
            return Ok(Entry::Answered(Redirect::to(SIGN_IN).into_response()));
        }
        Err(oops) => return Err(oops),
    };
    // No page of another site makes a browser send a token in this header.
    if !call.is_read() && given.is_none() {
        own_origin(shared, &call.headers, &host)?;
    }
    let name = visitor.user.as_ref().map_or("", |user| user.as_str());
    // Before anything is written down as let happen.
    let place = shared.places.take("requests", name, UNDER_WAY)?;
    let asked = permit(shared, call, &visitor).await?;
    Ok(Entry::By(visitor, Some((asked, place))))
}

/// Requests of one user that are under way at once.
const UNDER_WAY: usize = 32;

/// Where users show their tokens, and where they take them back.
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const SIGN_OUT: &str = "/sign-out";

/// What an address asks for. The only place that says so; what is not named here is a look.
fn deed(is_read: bool, path: &str) -> Deed {
    let last = path.rsplit('/').next().unwrap_or_default();
    match (is_read, last) {
        (true, "metrics") if path == "/metrics" => Deed::Measure,
        (true, _) => Deed::Look,
        (false, "cancel") => Deed::Cancel,
        (false, _) if path.contains("/approvals/") => Deed::Answer,
        (false, _) => Deed::Begin,
    }
}

/// The mission that an address is about; None: it is about none.
///
/// # Errors
/// There is something in the place of a mission's id that is none as it stands: behind the guard it is read without its escapes, and must be
/// the same there as here.
fn mission_of(path: &str) -> Result<Option<MissionId>, Oops> {
    let nowhere = || {
        Oops::new(ErrorKind::NotFound, "there is nothing at this address")
            .hint("the list of missions is at `/`")
    };
    if path.contains('%') {
        return Err(nowhere());
    }
    let Some(rest) = path.strip_prefix("/api").unwrap_or(path).strip_prefix("/missions/") else {
        return Ok(None);
    };
    let id = rest.split('/').next().unwrap_or_default();
    MissionId::parse(id).map(Some).map_err(|_| nowhere())
}

/// Whether this visitor is let do what is asked, which is written down where it changes something, and where they are not. Gives what the
/// book has of it.
async fn permit(shared: &Arc<Shared>, call: &Call, visitor: &Arc<Visitor>) -> Result<Asked, Oops> {
    let deed = deed(call.is_read(), &call.path);
    let name = visitor.user.as_ref().map_or("", |user| user.as_str());
    let asked = Asked { user: visitor.user.clone(), token: visitor.token.clone(), ..call.asked() };
    let mission = match mission_of(&call.path) {
        Ok(mission) => mission,
        Err(oops) => return refuse(shared, asked, oops).await,
    };
    let asked = Asked { about: mission.as_ref().map(ToString::to_string), ..asked };
    if let Err(oops) = shared.pace.take(name, deed) {
        return refuse(shared, asked, oops).await;
    }
    if !visitor.may(deed) {
        let roles: Vec<&str> = visitor.roles.iter().map(|role| role.name()).collect();
        let cause = format!("to {} is not for who is {}", deed.name(), roles.join(" and "));
        let oops = Oops::new(ErrorKind::Denied, cause).hint("ask an admin for a token with another role");
        return refuse(shared, asked, oops).await;
    }
    if let Some(mission) = mission
        && !shared.reaches(visitor, &mission).await?
    {
        // Whether there is such a mission is nothing that they learn.
        let oops = Oops::from(ShellError::NoSuchMission(mission)).hint("the list of missions is at `/`");
        return refuse(shared, Asked { why: "another user's".to_owned(), ..asked }, oops).await;
    }
    if !call.is_read() {
        shared.keep(Asked { allowed: true, ..asked.clone() }).await?;
    }
    Ok(asked)
}

/// Writes a refusal down, and gives it.
pub(crate) async fn refuse<T>(shared: &Arc<Shared>, asked: Asked, oops: Oops) -> Result<T, Oops> {
    let why = if asked.why.is_empty() { oops.cause().to_owned() } else { asked.why.clone() };
    note(shared, Asked { why, ..asked }).await;
    Err(oops)
}

/// Writes a refusal down, or counts it.
async fn note(shared: &Arc<Shared>, asked: Asked) {
    let who = asked.user.as_ref().map(|user| user.as_str().to_owned());
    match shared.pace.refusals(who.as_deref()) {
        // A refusal stands whether it can be written down or not.
        Some(unwritten) => {
            if let Err(error) = shared.keep(Asked { unwritten, ..asked }).await {
                shared.pace.put_back(unwritten + 1);
                tracing::error!(error = error.cause(), "a refusal cannot be written into the book");
            }
        }
        None => {
            tracing::warn!(why = asked.why, "a refusal is counted and not written: too many come at once")
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The `Host`, where it is this machine's own, or a name that the server was given.
fn own_host(shared: &Shared, headers: &HeaderMap) -> Result<Authority, Oops> {
    host_among(&shared.place.hosts, headers)
}

pub(crate) fn host_among(hosts: &[String], headers: &HeaderMap) -> Result<Authority, Oops> {
    let mut all = headers.get_all(header::HOST).iter();
    let host = all.next().and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let is_ours = |host: &str| is_loopback(host) || hosts.iter().any(|name| name.eq_ignore_ascii_case(host));
    let host = host.filter(|host| all.next().is_none() && is_ours(host.host()));
    host.ok_or_else(|| {
        Oops::new(ErrorKind::Denied, "this server does not answer to that name")
            .hint("open the address that was printed when it began; `--host NAME` gives it another name")
            .with_status(StatusCode::MISDIRECTED_REQUEST)
    })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What changes something comes from a page of ours.
fn own_origin(shared: &Shared, headers: &HeaderMap, host: &Authority) -> Result<(), Oops> {
    origin_is(shared.place.scheme(), headers, host)
}

fn origin_is(scheme: &str, headers: &HeaderMap, host: &Authority) -> Result<(), Oops> {
    let said =
        |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned());
    let origin = said(header::ORIGIN);
    let site = said(HeaderName::from_static("sec-fetch-site"));
    let origin_fits = origin.as_ref().is_none_or(|origin| *origin == format!("{scheme}://{host}"));
    let site_fits = site.as_ref().is_none_or(|site| site == "same-origin");
    // Every browser says one of the two.
    if origin_fits && site_fits && (origin.is_some() || site.is_some()) {
        return Ok(());
    }
    Err(Oops::new(ErrorKind::Denied, "this was asked by a page of another site")
        .hint("do it on the mission's own page, or with `coditect cancel`, `approve` or `deny`"))
}

/// Whether the person's own token was shown: in the cookie, as browsers do by themselves, or in `Authorization`, as programs do.
fn is_the_person(shared: &Shared, headers: &HeaderMap) -> bool {
    let is_token = |given: &String| shared.secrets.is_token(given);
    bearer(headers).as_ref().is_some_and(is_token) || by_cookie(shared, headers).iter().any(is_token)
}

/// Which user shows a token.
pub(crate) async fn known(shared: &Arc<Shared>, call: &Call) -> Result<Visitor, Oops> {
    let shown = bearer(&call.headers).or_else(|| by_cookie(shared, &call.headers).pop());
    let asked = call.asked();
    let Some(shown) = shown else {
        return refuse(shared, asked, unknown("no token was shown")).await;
    };
    match shared.admission(shown).await? {
        Admission::Known(visitor) => Ok(visitor),
        Admission::Unknown => refuse(shared, asked, unknown("this token is not known here")).await,
        Admission::Past { user, token, why } => {
            let asked = Asked { user: Some(user), token: Some(token), ..asked };
            refuse(shared, asked, unknown(&format!("this token is {why}"))).await
        }
    }
}

fn unknown(cause: &str) -> Oops {
    Oops::new(ErrorKind::Denied, cause)
        .hint("show one that `coditect token add` made: `Authorization: Bearer TOKEN`, or at `/sign-in`")
        .with_status(StatusCode::UNAUTHORIZED)
}

fn strange() -> Oops {
    Oops::new(ErrorKind::Denied, "this page is for whoever started it")
        .hint("open the address that `coditect ui` printed, with its token; a restart makes a new one")
        .with_status(StatusCode::UNAUTHORIZED)
}

/// What a browser shows.
fn by_cookie(shared: &Shared, headers: &HeaderMap) -> Vec<String> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let name = cookie(&shared.place);
    let cookies: Vec<String> = headers.get_all(header::COOKIE).iter().filter_map(text).collect();
    let pairs = cookies.iter().flat_map(|all| all.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(of, _)| *of == name).map(|(_, value)| value.to_owned()).collect()
}

/// What a program shows.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let all = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    all.strip_prefix("Bearer ").map(str::to_owned)
}

/// Cookies do not know ports: two servers of one machine have cookies of different names. One with this prefix is set by no other name
/// of the same domain.
fn cookie(place: &routes::Place) -> String {
    let prefix = if place.is_tls { "__Host-" } else { "" };
    format!("{prefix}coditect-ui-{}", place.port)
}

/// The cookie that shows a token from now on; an empty one is gone at once.
pub(crate) fn kept(shared: &Shared, token: &str) -> String {
    let secure = if shared.place.is_tls { "; Secure" } else { "" };
    let gone = if token.is_empty() { "; Max-Age=0" } else { "" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{gone}", cookie(&shared.place))
}

/// A token in the address becomes a cookie, and leaves the address.
fn by_address(shared: &Shared, request: &Request) -> Result<Option<Response>, Oops> {
    // A user's own would stay in a browser's history and in the books of proxies.
    let path = request.uri().path();
    let is_open = path.starts_with("/health/") || path.starts_with("/assets/");
    if request.method() != Method::GET || shared.secrets.has_users() || is_open {
        return Ok(None);
    }
    own_host(shared, request.headers())?;
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
    let kept = kept(shared, token);
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
            host_among(&[], &headers).is_ok()
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
        assert!(host_among(&[], &HeaderMap::new()).is_err());
        let mut twice = HeaderMap::new();
        twice.append(header::HOST, HeaderValue::from_static("localhost"));
        twice.append(header::HOST, HeaderValue::from_static("example.org"));
        assert!(host_among(&[], &twice).is_err());
    }

    #[test]
    fn what_changes_something_comes_from_an_own_page() {
        let host: Authority = "127.0.0.1:7000".parse().unwrap();
        let check = |said: &[(&'static str, &'static str)]| {
            let pairs = said
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            origin_is("http", &pairs.collect(), &host).is_ok()
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
