//! The missions of a server that several people use (`coditect serve`), by its API: to look at as if they were here, and to steer.
//!
//! A request that the server cannot take now is sent again after what it says, twice as late each time, and not for ever; one that was too much
//! waits for its turn for two minutes. One that does something is sent again only where the server said that it did not do it, or where doing it twice is doing it once: a mission is
//! begun under a name that is chosen here.
//!
//! Several servers of one journal may be named: one that is away is passed over.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::PortError;
use coditect_ports::journal::{AppendError, BoxFuture, Journal, Saved, StreamInfo};
use coditect_types::fleet::FleetView;
use coditect_types::{ErrorKind, MissionId};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use crate::threads;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A server answers within a minute, or says that it does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(75);
/// How often a request is sent, and what lies between the first two at least and at most.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(20);
/// How long a request waits for its turn where others of the same user come first, in all.
const TURN_WITHIN: Duration = Duration::from_secs(120);
/// Bytes of an answer.
const MOST_BYTES: usize = 256 << 20;
/// Records that are asked for at a time.
const PAGE: usize = 1_000;
/// For how long it is believed which missions are under way.
const FRESH: Duration = Duration::from_millis(500);

/// How a server is reached.
#[derive(Clone, Default)]
pub struct Reach {
    /// Its address; of several that have the same missions, all of them, separated by commas.
    pub url: String,
    /// What it knows the user by.
    pub token: String,
    /// Roots that its certificate may be by, PEM; None: those of the system.
    pub roots: Option<Vec<u8>>,
    /// A certificate and its key, PEM, where the server wants one.
    pub identity: Option<Vec<u8>>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The missions of a server.
#[derive(Debug)]
pub struct Served {
    client: Client,
    doors: Arc<Doors>,
    authorization: HeaderValue,
    /// Those under way, and when that was so.
    running: Mutex<(Option<Instant>, BTreeSet<MissionId>)>,
    runtime: Option<Runtime>,
}

/// Servers that have the same missions.
#[derive(Debug)]
struct Doors {
    urls: Vec<Url>,
    /// The one that is asked next.
    at: AtomicUsize,
}

impl Doors {
    fn url(&self) -> &Url {
        &self.urls[self.at.load(Ordering::Relaxed) % self.urls.len()]
    }

    /// Another one is to be asked.
    fn turn(&self) {
        self.at.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a request may come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twice {
    Harmless,
    /// It is sent again where it surely was not done.
    Not,
}

#[derive(Deserialize)]
struct List {
    missions: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    mission: MissionId,
    status: String,
    last_seq: u64,
}

#[derive(Deserialize)]
struct Page {
    records: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Place {
    mission: MissionId,
    seq: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: Why,
}

#[derive(Deserialize)]
struct Why {
    kind: ErrorKind,
    cause: String,
    #[serde(default)]
    hint: Option<String>,
}

impl Served {
    /// The server at an address. Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid`: the address is none, has a password in it, or would have a token go to another machine in the clear.
    pub fn new(reach: &Reach) -> Result<Self, PortError> {
        let urls = reach.url.split(',').map(|url| door(url.trim())).collect::<Result<Vec<Url>, _>>()?;
        let is_here = urls.iter().all(is_here);
        // What stays on this machine goes through no proxy, and what leaves it may have to: there is one way for all of them.
        if !is_here && urls.iter().any(|url| url.scheme() != "https") {
            return Err(wrong("servers of this machine and of others are named together".to_owned()));
        }
        let doors = Arc::new(Doors { urls, at: AtomicUsize::new(0) });
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", reach.token)).map_err(|_| {
            PortError::new(ErrorKind::Invalid, "the token holds a byte that no header may have")
        })?;
        authorization.set_sensitive(true);
        let pem = |what: &str, error: &reqwest::Error| wrong(format!("{what} cannot be read: {error}"));
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            // The token goes to the address that the person wrote down, and to no other.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("coditect/", env!("CARGO_PKG_VERSION")));
        if is_here {
            // What stays on this machine goes through no other.
            builder = builder.no_proxy();
        }
        if let Some(roots) = &reach.roots {
            let roots = Certificate::from_pem_bundle(roots).map_err(|error| pem("the roots", &error))?;
            builder = builder.tls_certs_only(roots);
        }
        if let Some(identity) = &reach.identity {
            let identity =
                Identity::from_pem(identity).map_err(|error| pem("the certificate with its key", &error))?;
            builder = builder.identity(identity);
        }
        let client = builder
            .build()
            .map_err(|error| PortError::new(ErrorKind::Unavailable, format!("no HTTP client: {error}")))?;
        let runtime = threads::start("served", 1)?;
        Ok(Self { client, doors, authorization, running: Mutex::default(), runtime: Some(runtime) })
    }

    /// The server, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(self.doors.url())
    }

    /// Whether a process has the mission under way.
    #[must_use]
    pub fn is_running(&self, mission: &MissionId) -> bool {
        {
            let (at, running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if at.is_some_and(|at| at.elapsed() < FRESH) {
                return running.contains(mission);
            }
        }
        let told = self.get(&format!("api/missions/{mission}"));
        told.is_ok_and(|told| told["running"] == true)
    }

    /// Begins a mission on a directory of the server's. One that `id` in the body names can be asked for twice.
    pub fn begin(&self, body: &Value) -> Result<MissionId, PortError> {
        let twice = if body["id"].is_null() { Twice::Not } else { Twice::Harmless };
        self.begun(self.post("api/missions", body, twice)?)
    }

    fn begun(&self, told: Value) -> Result<MissionId, PortError> {
        serde_json::from_value(told["mission"].clone()).map_err(|_| self.strange("it names no mission"))
    }

    /// Ends a mission. Gives what came of it, in a sentence.
    pub fn cancel(&self, mission: &MissionId, why: &str) -> Result<String, PortError> {
        let told = self.post(
            &format!("api/missions/{mission}/cancel"),
            &serde_json::json!({ "why": why }),
            Twice::Not,
        )?;
        Ok(told["said"].as_str().unwrap_or_default().to_owned())
    }

    /// Answers a question. Gives what came of it, in a sentence.
    pub fn answer(&self, mission: &MissionId, number: u32, body: &Value) -> Result<String, PortError> {
        let told = self.post(&format!("api/missions/{mission}/approvals/{number}"), body, Twice::Not)?;
        Ok(told["said"].as_str().unwrap_or_default().to_owned())
    }

    /// Who is at work there, and what waits.
    pub fn fleet(&self) -> Result<FleetView, PortError> {
        let told = self.get("api/fleet")?;
        serde_json::from_value(told).map_err(|error| self.strange(&error.to_string()))
    }

    fn get(&self, path: &str) -> Result<Value, PortError> {
        let bytes = self.ask(Method::GET, path, None, Twice::Harmless)?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(&error.to_string()))
    }

    fn post(&self, path: &str, body: &Value, twice: Twice) -> Result<Value, PortError> {
        let bytes = self.ask(Method::POST, path, Some(body.to_string()), twice)?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(&error.to_string()))
    }

    fn strange(&self, why: &str) -> PortError {
        PortError::new(ErrorKind::Unavailable, format!("`{}` answers strangely: {why}", self.shown()))
            .with_hint("look whether it is a `coditect serve` of this version")
    }

    /// Sends a request, and gives the answer's body.
    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        twice: Twice,
    ) -> Result<Vec<u8>, PortError> {
        let (client, authorization) = (self.client.clone(), self.authorization.clone());
        let (doors, path) = (Arc::clone(&self.doors), path.to_owned());
        threads::wait(self.runtime.as_ref(), async move {
            let is_harmless = twice == Twice::Harmless;
            let (mut patience, mut passed, mut is_unknown) = (Patience::default(), 0, false);
            loop {
                let url = doors.url();
                let at = shown(url);
                let url = url.join(&path).map_err(|error| wrong(format!("this is no address: {error}")))?;
                let mut request = client.request(method.clone(), url);
                request = request.header(AUTHORIZATION, authorization.clone());
                if let Some(body) = &body {
                    request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
                }
                let pause = patience.pause;
                let (error, after) = match request.send().await {
                    Ok(response) if response.status().is_success() => match body_of(response, &at).await {
                        Ok(body) => return Ok(body),
                        // An answer that breaks off is one that did not come.
                        Err(error) => {
                            is_unknown = true;
                            (error, is_harmless.then_some(Again::Later(pause)))
                        }
                    },
                    Ok(response) => {
                        let after = again_after(&response, is_harmless.then_some(pause));
                        let error = refused(response, &at).await;
                        let may_be_done = is_unknown && method != Method::GET && after.is_some();
                        (if may_be_done { of_unknown(error) } else { error }, after)
                    }
                    // Whether it was done is not known, except where nobody was there.
                    Err(error) => {
                        let is_slow = error.is_timeout() && !error.is_connect();
                        is_unknown |= !error.is_connect();
                        let again = error.is_connect() || (is_harmless && !is_slow);
                        let after = again.then_some(Again::Later(pause));
                        doors.turn();
                        passed += 1;
                        if after.is_some() && passed < doors.urls.len() {
                            continue;
                        }
                        passed = 0;
                        (away(&at, &error), after)
                    }
                };
                let Some(wait) = after.and_then(|again| patience.wait(again)) else { return Err(error) };
                tracing::info!(%error, wait_ms = wait.as_millis(), "the server is asked again");
                tokio::time::sleep(wait).await;
            }
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Also on a thread where blocking is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// When a request is worth sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// It was too much: nothing was done, and its turn comes after so long.
    Turn(Duration),
    /// The server could not take it.
    Later(Duration),
}

/// How often and for how long a request is sent again.
#[derive(Debug)]
struct Patience {
    left: u32,
    pause: Duration,
    waited: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { left: TRIES, pause: PAUSE, waited: Duration::ZERO }
    }
}

impl Patience {
    /// The wait before the next try. None: it was tried for long enough.
    fn wait(&mut self, again: Again) -> Option<Duration> {
        match again {
            Again::Turn(after) => {
                let wait = after.clamp(PAUSE, MOST_PAUSE);
                self.waited += wait;
                (self.waited <= TURN_WITHIN).then_some(wait)
            }
            Again::Later(after) => {
                let wait = after.max(self.pause).min(MOST_PAUSE);
                self.left -= 1;
                self.pause *= 2;
                (self.left > 0).then_some(wait)
            }
        }
    }
}

/// What a server says of a request of which an earlier try had no answer: it may have been done by that one.
fn of_unknown(error: PortError) -> PortError {
    let cause = format!("{}; an earlier try had no answer, and may have done it", error.cause);
    let hint = "look at `coditect list` before you ask for it again";
    PortError { cause, hint: Some(hint.to_owned()), ..error }
}

fn wrong(cause: String) -> PortError {
    PortError::new(ErrorKind::Invalid, cause).with_hint("name it as `https://HOST:PORT`")
}

/// Checks the address of a server.
fn door(text: &str) -> Result<Url, PortError> {
    let url = Url::parse(text).map_err(|error| wrong(format!("this is no address: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a name or a password stands in the address".to_owned()));
    }
    if url.host_str().is_none() {
        return Err(wrong("there is no host in the address".to_owned()));
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here(&url)) {
        return Err(wrong("a token would go to another machine in the clear".to_owned()));
    }
    Ok(url)
}

/// Whether an address is one of this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn shown(url: &Url) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}

/// When a request that was refused is worth sending again; None: it is not. One that was too much was not done; after another refusal
/// that is sure only of what reads.
fn again_after(response: &Response, of_read: Option<Duration>) -> Option<Again> {
    let said = || response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs);
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => said().map(Again::Turn),
        StatusCode::SERVICE_UNAVAILABLE => of_read.map(|pause| Again::Later(said().unwrap_or(pause))),
        _ => None,
    }
}

async fn body_of(mut response: Response, shown: &str) -> Result<Vec<u8>, PortError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(shown, &error))? {
        if bytes.len() + chunk.len() > MOST_BYTES {
            let cause = format!("the answer of `{shown}` has no end");
            return Err(PortError::new(ErrorKind::Unavailable, cause));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What the server says of why not.
async fn refused(response: Response, shown: &str) -> PortError {
    let status = response.status();
    let bytes = body_of(response, shown).await.unwrap_or_default();
    match serde_json::from_slice::<Refused>(&bytes) {
        Ok(Refused { error: Why { kind, cause, hint } }) => {
            let error = PortError::new(kind, cause);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        }
        Err(_) => PortError::new(ErrorKind::Unavailable, format!("`{shown}` answers with {status}"))
            .with_hint("look whether it is a `coditect serve`"),
    }
}

fn away(shown: &str, error: &reqwest::Error) -> PortError {
    let mut causes = Vec::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let why = causes.pop().unwrap_or_else(|| "it does not answer in time".to_owned());
    PortError::new(ErrorKind::Unavailable, format!("`{shown}` cannot be reached: {why}"))
        .with_hint("look whether `coditect serve` runs there; `--server` names it")
}

/// What every call that would write is answered.
fn read_only() -> PortError {
    let cause = "missions of a server are gone on with there";
    PortError::new(ErrorKind::Denied, cause).with_hint("do it on the server's machine, without `--server`")
}

impl Journal for Served {
    fn append<'a>(
        &'a self,
        _: &'a MissionId,
        _: u64,
        _: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async { Err(AppendError::NotKept(read_only())) })
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
        while records.len() < limit {
            let next = records.last().map_or(from.max(1), |(seq, _)| seq + 1);
            let some = PAGE.min(limit - records.len());
            let path = format!("api/missions/{stream}/records?from={next}&limit={some}");
            let bytes = match self.ask(Method::GET, &path, None, Twice::Harmless) {
                Ok(bytes) => bytes,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            };
            let page: Page =
                serde_json::from_slice(&bytes).map_err(|error| self.strange(&error.to_string()))?;
            if page.records.is_empty() {
                break;
            }
            for (record, wanted) in page.records.iter().zip(next..) {
                let place: Place =
                    serde_json::from_str(record.get()).map_err(|error| self.strange(&error.to_string()))?;
                if place.mission != *stream || place.seq != wanted {
                    return Err(self.strange("its records are not in order"));
                }
                records.push((wanted, record.get().as_bytes().to_vec()));
            }
        }
        records.truncate(limit);
        Ok(records)
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        let bytes = self.ask(Method::GET, "api/missions", None, Twice::Harmless)?;
        let list: List = serde_json::from_slice(&bytes).map_err(|error| self.strange(&error.to_string()))?;
        let running = list.missions.iter().filter(|one| one.status == "running");
        let running = running.map(|one| one.mission.clone()).collect();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = (Some(Instant::now()), running);
        let mut streams: Vec<StreamInfo> = list
            .missions
            .into_iter()
            .map(|one| StreamInfo { stream: one.mission, last_seq: one.last_seq })
            .collect();
        streams.sort_by(|a, b| a.stream.cmp(&b.stream));
        Ok(streams)
    }

    fn release(&self, _: &MissionId) {}

    fn save(&self, _: &MissionId, _: &Saved) -> Result<(), PortError> {
        Err(read_only())
    }

    fn saved(&self, _: &MissionId) -> Result<Option<Saved>, PortError> {
        Ok(None)
    }

    fn forget(&self, _: &MissionId) -> Result<(), PortError> {
        Err(read_only())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Served, PortError> {
        Served::new(&Reach { url: url.to_owned(), token: "cdt_x".to_owned(), ..Reach::default() })
    }

    #[test]
    fn a_token_goes_to_no_other_machine_in_the_clear() {
        for good in
            ["http://127.0.0.1:7077", "http://localhost:1", "http://[::1]:7", "https://ci.example.org"]
        {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "http://ci.example.org",
            "http://127.0.0.1.example.org",
            "ftp://localhost",
            "ci.example.org:7077",
            "https://ada:secret@ci.example.org",
            "",
        ] {
            let error = at(bad).unwrap_err();
            assert!(error.kind == ErrorKind::Invalid && !error.cause.contains("secret"), "{error:?}");
        }
        assert!(!format!("{:?}", at("https://ci.example.org").unwrap()).contains("cdt_x"));
    }

    #[test]
    fn of_several_servers_one_that_is_away_is_passed_over() {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (there, gone) = (free(), free().local_addr().unwrap());
        let address = there.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = there.accept().unwrap();
            let mut some = [0; 2048];
            let read = std::io::Read::read(&mut stream, &mut some).unwrap();
            let body = "{\"missions\":[]}";
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&some[..read]).into_owned()
        });
        let served = at(&format!("http://{gone}, http://{address}")).unwrap();
        assert_eq!(served.streams().unwrap(), []);
        assert!(serving.join().unwrap().starts_with("GET /api/missions "));
        // It is stayed with.
        assert_eq!(served.shown(), format!("http://{address}"));
        assert!(at("http://127.0.0.1:1,http://ci.example.org").is_err());
        assert!(at("http://127.0.0.1:1,").is_err());
        // A token would go to the proxy of the one that is away.
        assert!(at("http://127.0.0.1:1,https://ci.example.org").is_err());
    }

    #[test]
    fn what_is_too_much_waits_for_its_turn_longer_than_what_is_tried_again() {
        let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = there.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            for n in 0..=TRIES + 2 {
                let (mut stream, _) = there.accept().unwrap();
                std::io::Read::read(&mut stream, &mut [0; 2048]).unwrap();
                let (status, body) = match n {
                    n if n < TRIES + 2 => ("429 Too Many Requests\r\nretry-after: 0", "{}"),
                    _ => ("200 OK", "{\"missions\":[]}"),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            }
        });
        assert_eq!(at(&format!("http://{address}")).unwrap().streams().unwrap(), []);
        serving.join().unwrap();
    }

    #[test]
    fn nothing_is_asked_again_for_ever() {
        let mut patience = Patience::default();
        let mut later = || patience.wait(Again::Later(Duration::ZERO)).map(|wait| wait.as_millis());
        assert_eq!(
            [(); 6].map(|()| later()),
            [Some(250), Some(500), Some(1000), Some(2000), Some(4000), None]
        );
        let turns = |after: u64| {
            let mut patience = Patience::default();
            std::iter::from_fn(|| patience.wait(Again::Turn(Duration::from_secs(after)))).count()
        };
        assert_eq!((turns(0), turns(2), turns(3_600)), (480, 60, 6));
    }

    #[test]
    fn where_an_earlier_try_is_unknown_it_is_not_said_to_ask_again() {
        let too_much = PortError::new(ErrorKind::Exhausted, "too much").with_hint("ask again in 2 s");
        let told = of_unknown(too_much);
        assert!(told.cause.contains("may have done it") && told.kind == ErrorKind::Exhausted, "{told:?}");
        assert!(told.hint.is_some_and(|hint| hint.contains("coditect list")));
    }

    #[test]
    fn a_server_that_is_not_there_is_said_to_be_away() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = at(&format!("http://{free}")).unwrap().streams().unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.cause.contains("refused"), "{error:?}");
    }
}
