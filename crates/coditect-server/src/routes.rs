//! Which address gives what.
//!
//! | address | gives |
//! |---|---|
//! | `/` | the missions |
//! | `/missions/ID` | one mission, now or at a record (`?at=SEQ`) |
//! | `/missions/ID/events` | its records as server-sent events, which resume by `Last-Event-ID` |
//! | `/missions/ID/between`, `/missions/ID/compare` | what changed between two moments; another mission beside it |
//! | `/missions`, `/missions/ID/fork`, `/missions/ID/cancel`, `/missions/ID/approvals/N` | what a person does, as forms |
//! | `/costs`, `/memory`, `/memory/ID` | what missions cost day by day; what they are remembered by |
//! | `/fleet` | who is at work, and what waits |
//! | `/graph`, `/missions/ID/graph` | projects that missions worked on; what the one of a mission is made of |
//! | `/sign-in`, `/sign-out` | where users show their tokens, where there are any |
//! | `/api/...` | the same as JSON, to read and to do; `/api/openapi.json` describes it |
//! | `/metrics`, `/health/live`, `/health/ready`, `/health/startup` | for programs that watch |

mod api;
mod begun;
mod deeds;
mod fleet;
mod graph;
mod looks;
mod sign_in;
mod turns;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Extension, Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use coditect_runtime::{Entry, ShellError, entry};
use coditect_types::access::{Admission, Asked};
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, Deed, ErrorKind, MissionId, UserName, Visitor};
use futures::StreamExt;
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::answered::{Answered, counted};
use crate::catalogue::Catalogue;
use crate::follow::{Followers, From};
use crate::guard::{self, SIGN_IN, SIGN_OUT, Secrets, guard, reader};
use crate::health::{self, Health, Vitals};
use crate::house::House;
use crate::metrics::Metrics;
use crate::moments::{Moment, Moments};
use crate::pace::{Pace, Places};
use crate::pages::{self, Who, json};
use crate::refusal::{Oops, Reader};
use crate::serve::{Ground, stopped};
use turns::Turns;

/// Readings of the journal at once, and those that wait for their turn.
const READING: (usize, usize) = (8, 128);
/// Missions that are begun at once, and those that wait: as many as are begun while a request may take.
const BEGINNING: (usize, usize) = (2, 32);
/// Graphs, and looks at a fleet, that are made at once: a graph may take long, and so may a server that does not answer.
const ASIDE: (usize, usize) = (2, 16);
/// A request is answered within this time, streams apart.
const WITHIN: Duration = Duration::from_secs(60);
/// Bytes of a form.
const FORM_BYTES: usize = 256 << 10;
/// Bytes of a person's words in a form.
const WORDS: usize = 4 << 10;
/// An open event stream says every so often that it is there.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Streams of one user at once.
pub(crate) const STREAMS: usize = 100;
/// Owners of missions that are kept; one more, and they are looked up anew.
const OWNERS: usize = 10_000;
/// An open stream looks every so often whether its token still opens it.
pub(crate) const ADMITTED_EVERY: Duration = Duration::from_secs(2);

/// Where the server is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) port: u16,
    /// Names that it answers to beside those of the machine itself.
    pub(crate) hosts: Vec<String>,
    pub(crate) is_tls: bool,
}

impl Place {
    pub(crate) fn new(port: u16, ground: &Ground) -> Self {
        Self { port, hosts: ground.hosts.clone(), is_tls: ground.tls.is_some() || ground.is_behind_tls }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) house: Arc<dyn House>,
    pub(crate) secrets: Secrets,
    pub(crate) place: Place,
    pub(crate) pace: Arc<Pace>,
    pub(crate) places: Places,
    owners: Mutex<BTreeMap<MissionId, Option<UserName>>>,
    catalogue: Catalogue,
    moments: Moments,
    metrics: Arc<Metrics>,
    followers: Followers,
    turns: Turns,
    /// Of those who begin something, which takes long: they keep nobody from reading.
    begins: Turns,
    graphs: Turns,
    worlds: Turns,
    fleets: Turns,
    /// Whoever watches the server is to see that it has too much to do.
    scrapes: Turns,
    hands: pages::fleet::Hands,
    health: Health,
}

impl Shared {
    /// Nothing was read yet.
    pub(crate) fn new(
        house: Arc<dyn House>,
        secrets: Secrets,
        place: Place,
        tasks: &TaskTracker,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        Self {
            followers: Followers::new(Arc::clone(&house), tasks.clone(), stop.clone()),
            house,
            secrets,
            place,
            pace: Arc::default(),
            places: Places::default(),
            owners: Mutex::default(),
            catalogue: Catalogue::default(),
            moments: Moments::default(),
            metrics: Arc::default(),
            turns: Turns::new("read the journal", READING.0, READING.1),
            begins: Turns::new("begin missions", BEGINNING.0, BEGINNING.1).nothing_done(),
            graphs: Turns::new("look at graphs", ASIDE.0, ASIDE.1),
            worlds: Turns::new("look at world models", 1, ASIDE.1),
            fleets: Turns::new("look at the fleet", ASIDE.0, ASIDE.1),
            scrapes: Turns::new("read the metrics", 1, ASIDE.1),
            hands: pages::fleet::Hands::default(),
            health: Health::default(),
        }
    }

    /// The same with metrics that others look at, too.
    pub(crate) fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        metrics.watch(self.followers.places());
        Self { metrics, ..self }
    }

    /// The same with a pace that others look at, too.
    pub(crate) fn with_pace(self, pace: Arc<Pace>) -> Self {
        Self { pace, ..self }
    }

    /// Where what the doors answer is counted.
    pub(crate) fn doors(&self) -> &Answered {
        self.metrics.answered()
    }

    /// The same, looked at in another rhythm.
    #[cfg(test)]
    pub(crate) fn with_health(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// How the server stands.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Looks how the server stands, until it is to stop. First of all the journals are read once, so that the first who asks does not
    /// wait for that.
    pub(crate) async fn look_after(self: Arc<Self>, tasks: TaskTracker, mut stopping: watch::Receiver<bool>) {
        let turn = Arc::new(Semaphore::new(1));
        let shared = Arc::clone(&self);
        let begin = move || {
            let Ok(turn) = Arc::clone(&turn).try_acquire_owned() else { return };
            let shared = Arc::clone(&shared);
            tasks.spawn_blocking(move || {
                match shared.metrics.refresh(shared.house.as_ref()) {
                    Ok(()) => shared.health.has_begun(),
                    Err(error) => tracing::warn!(%error, "the journal cannot be read"),
                }
                drop(turn);
            });
        };
        tokio::select! {
            () = self.health.watch(&self.house, begin) => {}
            () = stopped(&mut stopping) => {}
        }
    }

    /// Does what blocks where that is allowed, when it is its turn.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Oops> + Send + 'static,
    ) -> Result<T, Oops> {
        self.in_turn(&self.turns, work).await
    }

    /// Begins something.
    async fn beginning<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Oops> + Send + 'static,
    ) -> Result<T, Oops> {
        self.in_turn(&self.begins, work).await
    }

    async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Turns,
        work: impl FnOnce(&Self) -> Result<T, Oops> + Send + 'static,
    ) -> Result<T, Oops> {
        let stopping = || Oops::new(ErrorKind::Interrupted, "the server is stopping");
        let turn = turns.take().await?;
        let shared = Arc::clone(self);
        // The turn goes with the work: that goes on where nobody waits for it any more.
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&shared);
            drop(turn);
            done
        });
        let done = working.await;
        done.unwrap_or_else(|error| {
            if error.is_panic() {
                return Err(Oops::new(ErrorKind::Bug, "this page broke; please report it"));
            }
            Err(stopping())
        })
    }

    /// Who shows this token.
    pub(crate) async fn admission(self: &Arc<Self>, token: String) -> Result<Admission, Oops> {
        let house = Arc::clone(&self.house);
        aside(move || Ok(house.admit(&token)?)).await
    }

    /// Writes into the book what was asked.
    pub(crate) async fn keep(self: &Arc<Self>, asked: Asked) -> Result<(), Oops> {
        let house = Arc::clone(&self.house);
        aside(move || Ok(house.keep(&asked)?)).await
    }

    /// What a page is to offer to a visitor.
    fn who(&self, visitor: &Visitor) -> Who<'_> {
        let person = visitor.user.as_ref().map_or_else(|| self.house.person(), ToString::to_string);
        Who {
            form: self.secrets.form(),
            person,
            sees_all: visitor.reaches(None),
            is_user: visitor.user.is_some(),
            may_begin: visitor.may(Deed::Begin),
            may_cancel: visitor.may(Deed::Cancel),
            may_answer: visitor.may(Deed::Answer),
        }
    }

    /// Whether a mission is one of those that a visitor reaches. One that there is not is nobody's.
    pub(crate) async fn reaches(
        self: &Arc<Self>,
        visitor: &Arc<Visitor>,
        mission: &MissionId,
    ) -> Result<bool, Oops> {
        let (shared, visitor, mission) = (Arc::clone(self), Arc::clone(visitor), mission.clone());
        aside(move || shared.is_reached(&visitor, &mission)).await
    }

    /// The same, where blocking is allowed.
    fn is_reached(&self, visitor: &Visitor, mission: &MissionId) -> Result<bool, Oops> {
        let known = || self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = known().get(mission) {
            return Ok(visitor.reaches(owner.as_ref()));
        }
        let Some(owner) = entry::owner(self.house.journal(), mission)? else {
            return Ok(visitor.reaches(None));
        };
        let mut owners = known();
        if owners.len() >= OWNERS {
            owners.clear();
        }
        let is_reached = visitor.reaches(owner.as_ref());
        // Who begins a mission owns it for good.
        owners.insert(mission.clone(), owner);
        Ok(is_reached)
    }

    /// Refuses a mission that a visitor does not reach, as one that there is not.
    fn must_reach(&self, visitor: &Visitor, mission: &MissionId) -> Result<(), Oops> {
        if self.is_reached(visitor, mission)? {
            return Ok(());
        }
        Err(Oops::from(ShellError::NoSuchMission(mission.clone())).hint("the list of missions is at `/`"))
    }

    /// The missions that a visitor reaches, and how many those are.
    fn missions(&self, visitor: &Visitor) -> Result<(Vec<Entry>, usize), Oops> {
        let (mut entries, all) = self.catalogue.list(self.house.journal())?;
        if !self.secrets.has_users() {
            return Ok((entries, all));
        }
        let listed = entries.len();
        entries.retain(|entry| visitor.reaches(entry.owner.as_ref()));
        // How many others there are is nothing that they learn.
        let count = if entries.len() == listed { all } else { entries.len() };
        Ok((entries, count))
    }

    /// The directory that a mission is about.
    fn workspace(&self, mission: &MissionId) -> Result<String, Oops> {
        let (entries, _) = self.catalogue.list(self.house.journal())?;
        let entry = entries.into_iter().find(|entry| entry.mission == *mission);
        // One of those that are too old for the list.
        let read = || self.moment(mission, None).map(|moment| moment.view.workspace);
        entry.map_or_else(read, |entry| Ok(entry.workspace))
    }

    /// A mission at a record, or as it stands.
    pub(crate) fn moment(&self, mission: &MissionId, at: Option<u64>) -> Result<Moment, Oops> {
        let journal = self.house.journal();
        let moment = match at {
            Some(seq) => self.moments.at(journal, mission, seq),
            None => self.moments.now(journal, mission),
        };
        moment.map_err(|error| {
            let is_missing = matches!(error, ShellError::NoSuchMission(_));
            let oops = Oops::from(error);
            if is_missing { oops.hint("the list of missions is at `/`") } else { oops }
        })
    }
}

type Shares = State<Arc<Shared>>;
type Visits = Extension<Arc<Visitor>>;

/// Does what blocks for a moment, beside those who read.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Oops> + Send + 'static,
) -> Result<T, Oops> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Oops::new(ErrorKind::Interrupted, "the server is stopping")))
}

/// All addresses, behind the guard.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let timed = Router::new()
        .route("/", get(list))
        .route("/missions/{id}", get(mission))
        .route("/missions", post(begun::begin))
        .route("/missions/{id}/fork", post(begun::fork))
        .route("/missions/{id}/between", get(begun::between))
        .route("/missions/{id}/compare", get(begun::compare))
        .route("/missions/{id}/graph", get(graph::page_of))
        .route("/missions/{id}/cancel", post(cancel))
        .route("/missions/{id}/approvals/{number}", post(answer))
        .route("/costs", get(looks::costs))
        .route("/memory", get(looks::memory))
        .route("/memory/{id}", get(looks::episode))
        .route("/fleet", get(fleet::page_of))
        .route("/graph", get(graph::list))
        .route(SIGN_IN, get(sign_in::page).post(sign_in::enter))
        .route(SIGN_OUT, post(sign_in::leave))
        .merge(api::routes())
        .route("/metrics", get(metrics))
        .route("/missions/{id}/events", get(events))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/health/startup", get(startup))
        .route("/assets/app.js", get(|| async { asset("text/javascript", include_str!("../assets/app.js")) }))
        .route("/assets/style.css", get(|| async { asset("text/css", include_str!("../assets/style.css")) }))
        .route(
            "/assets/icon.svg",
            get(|| async { asset("image/svg+xml", include_str!("../assets/icon.svg")) }),
        )
        .route(
            "/assets/manifest.webmanifest",
            get(|| async {
                asset("application/manifest+json", include_str!("../assets/manifest.webmanifest"))
            }),
        )
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn(in_time))
        .with_state(Arc::clone(&shared));
    let guarded = timed.layer(from_fn_with_state(Arc::clone(&shared), guard));
    guarded.layer(from_fn_with_state(shared, counted))
}

/// Ends what takes too long. A stream has begun by then, and goes on.
async fn in_time(request: Request, next: Next) -> Response {
    let reader = reader(request.uri().path());
    let is_read = matches!(*request.method(), axum::http::Method::GET | axum::http::Method::HEAD);
    let hint = match is_read {
        true => "try again in a moment",
        false => "it may have been done, or be done yet: look at the list before you try again",
    };
    tokio::time::timeout(WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        let seconds = WITHIN.as_secs();
        let oops = Oops::new(ErrorKind::Unavailable, format!("this took longer than {seconds} s"));
        oops.hint(hint).answer(reader)
    })
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let kind = format!("{kind}; charset=utf-8");
    let cached = (header::CACHE_CONTROL, "no-cache".to_owned());
    ([(header::CONTENT_TYPE, kind), cached], text).into_response()
}

fn page(text: Result<String, askama::Error>) -> Result<Response, Oops> {
    text.map(html).map_err(|error| Oops::new(ErrorKind::Bug, format!("the page cannot be made: {error}")))
}

fn html(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

fn object(value: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

/// What is answered, or why not, for whoever asks.
fn told(done: Result<Response, Oops>, reader: Reader) -> Response {
    done.unwrap_or_else(|oops| oops.answer(reader))
}

/// The mission that an address names.
fn named(id: &str) -> Result<MissionId, Oops> {
    MissionId::parse(id)
        .map_err(|bad| Oops::new(ErrorKind::NotFound, bad.to_string()).hint("the list of missions is at `/`"))
}

fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Oops> {
    query.map(|Query(asked)| asked).map_err(|bad| {
        Oops::new(ErrorKind::Invalid, format!("the address asks for what cannot be: {}", bad.body_text()))
    })
}

fn sent<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Oops> {
    form.map(|Form(sent)| sent).map_err(|bad| {
        let oops = Oops::new(ErrorKind::Invalid, format!("the form cannot be read: {}", bad.body_text()));
        oops.with_status(bad.status()).hint("open the mission's page again, and send its form")
    })
}

/// What the list is narrowed to.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    /// Where the missions stand; empty: anywhere.
    #[serde(default)]
    pub(crate) status: String,
    /// Words in the request, the directory, the summary or the id.
    #[serde(default)]
    pub(crate) q: String,
    /// Which page of it, from 1.
    #[serde(default)]
    pub(crate) page: Option<usize>,
}

async fn list(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let done = async {
        let wanted = asked(query)?;
        let made = shared.blocking(move |shared| {
            let (entries, all) = shared.missions(&visitor)?;
            let chosen = pages::list::choose(shared.house.as_ref(), entries, &wanted)?;
            let view = |of: &Entry| Some(shared.moments.now(shared.house.journal(), &of.mission).ok()?.view);
            let glance = |of: &Entry| shared.catalogue.glance(of, || view(of));
            let who = shared.who(&visitor);
            Ok(pages::list::make(shared.house.as_ref(), &glance, (chosen, all), &wanted, &who))
        });
        page(made.await?)
    };
    told(done.await, Reader::Person)
}

/// Which moment of a mission is looked at, and which part of its timeline.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct When {
    /// The record at which the state is shown; None: the newest.
    pub(crate) at: Option<u64>,
    /// The first record of the timeline that is shown; None: such that the last is there.
    pub(crate) from: Option<u64>,
}

async fn mission(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    query: Result<Query<When>, QueryRejection>,
) -> Response {
    let done = async {
        let (id, when) = (named(&id)?, asked(query)?);
        let made = shared.blocking(move |shared| {
            let moment = shared.moment(&id, when.at)?;
            pages::mission::make(shared.house.as_ref(), &moment, when, &shared.who(&visitor))
        });
        Ok(html(made.await?))
    };
    told(done.await, Reader::Person)
}

/// Where a stream is to begin, where a browser does not say it.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Begin {
    from: Option<u64>,
}

async fn events(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    query: Result<Query<Begin>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let done = async {
        let (id, begin) = (named(&id)?, asked(query)?);
        let next = resumed(&headers)?.or(begin.from).unwrap_or(1).max(1);
        let of = id.clone();
        let moment = shared.blocking(move |shared| shared.moment(&of, None)).await?;
        let (last_seq, has_ended) = (moment.newest_seq, moment.view.status.is_some());
        if has_ended && next > last_seq {
            // The one answer after which a browser does not ask again.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let stream = shared.followers.watch(&id, From { next, last_seq, has_ended }).ok_or_else(|| {
            Oops::new(ErrorKind::Exhausted, "too many pages follow missions already")
                .hint("close some of them")
        })?;
        let alive = KeepAlive::new().interval(ALIVE_EVERY);
        let place = match &visitor.user {
            Some(user) => Some(shared.places.take("streams", user.as_str(), STREAMS)?),
            None => None,
        };
        let stream = stream.map(move |message| {
            // It is given back with the stream.
            let _held = &place;
            message
        });
        // A token that is past closes what it opened.
        let stream = stream.take_until(past(Arc::clone(&shared), visitor));
        Ok(Sse::new(stream).keep_alive(alive).into_response())
    };
    told(done.await, Reader::Program)
}

/// Resolves once the token of a visitor opens nothing any more.
async fn past(shared: Arc<Shared>, visitor: Arc<Visitor>) {
    if !shared.secrets.has_users() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(ADMITTED_EVERY).await;
        let (house, who) = (Arc::clone(&shared.house), Arc::clone(&visitor));
        // Where it cannot be told, nothing is shown.
        if !aside(move || Ok(house.is_admitted(&who)?)).await.unwrap_or(false) {
            return;
        }
    }
}

/// The record behind the last one that a browser had.
fn resumed(headers: &HeaderMap) -> Result<Option<u64>, Oops> {
    let Some(last) = headers.get("last-event-id") else { return Ok(None) };
    let number = last.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    let number = number.ok_or_else(|| {
        Oops::new(ErrorKind::Invalid, "`Last-Event-ID` is no record's number")
            .hint("send the `id` of the last event, or leave it out")
    })?;
    Ok(Some(number.saturating_add(1)))
}

/// The form that ends a mission.
#[derive(Clone, Debug, Deserialize)]
struct CancelForm {
    form: String,
    #[serde(default)]
    why: String,
}

async fn cancel(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    form: Result<Form<CancelForm>, FormRejection>,
) -> Response {
    let done = async {
        let (id, sent) = (named(&id)?, sent(form)?);
        own_form(&shared, &sent.form)?;
        page(pages::said(&id, &shared.cancelled(&visitor, &id, &sent.why).await?))
    };
    told(done.await, Reader::Person)
}

/// The form that answers a question.
#[derive(Clone, Debug, Deserialize)]
struct AnswerForm {
    form: String,
    verdict: Verdict,
    #[serde(default)]
    by: String,
    #[serde(default)]
    why: String,
}

async fn answer(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path((id, number)): Path<(String, String)>,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Response {
    let done = async {
        let (id, sent) = (named(&id)?, sent(form)?);
        own_form(&shared, &sent.form)?;
        let said = shared.answered(visitor, (&id, &number), sent.verdict, (&sent.by, &sent.why));
        page(pages::said(&id, &said.await?))
    };
    told(done.await, Reader::Person)
}

/// Refuses a form that is not one of this server's.
fn own_form(shared: &Shared, given: &str) -> Result<(), Oops> {
    if shared.secrets.is_own_form(given) {
        return Ok(());
    }
    Err(Oops::new(ErrorKind::Denied, "this form is not of this server")
        .hint("open the mission's page again, and send its form; a restart makes old pages worthless"))
}

/// A person's words, within what is kept of them.
fn words(text: &str) -> Result<String, Oops> {
    if text.len() > WORDS {
        return Err(Oops::new(ErrorKind::Invalid, format!("{WORDS} bytes of text are kept at most")));
    }
    Ok(text.trim().to_owned())
}

async fn metrics(State(shared): Shares) -> Response {
    let made = shared.in_turn(&shared.scrapes, |shared| {
        let text = shared.metrics.text(shared.house.as_ref(), shared.followers.count())?;
        // The first reading may have failed, and this one has not.
        shared.health.has_begun();
        Ok(text)
    });
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    told(made.await.map(|text| ([(header::CONTENT_TYPE, kind)], text).into_response()), Reader::Program)
}

async fn ready(State(shared): Shares) -> Response {
    health::told("ready", shared.health.ready())
}

async fn startup(State(shared): Shares) -> Response {
    health::told("started", shared.health.startup())
}

async fn nowhere(uri: Uri) -> Response {
    let oops = Oops::new(ErrorKind::NotFound, "there is nothing at this address");
    oops.hint("the list of missions is at `/`").answer(guard::reader(uri.path()))
}

async fn wrong_method(uri: Uri) -> Response {
    let oops = Oops::new(ErrorKind::Invalid, "this address does not take that method");
    oops.with_status(StatusCode::METHOD_NOT_ALLOWED).answer(guard::reader(uri.path()))
}

#[cfg(test)]
mod tests;
