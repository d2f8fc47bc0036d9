//! The same as the JSON API for programs that speak gRPC; `coditect-api/proto` describes it.
//!
//! Every call is an address of the JSON API that is asked here, inside the process, with the caller's token: so there is one guard, one book,
//! one pace and one way of doing things under both doors, and this one can open nothing that the other does not.

mod line;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Method, Request as Asking, StatusCode, header};
use axum::middleware::{self, from_fn_with_state};
use coditect_api::DESCRIPTORS;
use coditect_api::v1::fleet_server::{Fleet, FleetServer};
use coditect_api::v1::missions_server::{Missions, MissionsServer};
use coditect_api::v1::{self as api};
use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId, Visitor};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::TaskTracker;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::ServiceExt;

use crate::answered::{Within, counted_call};
use crate::follow;
use crate::guard::{self, Peer};
use crate::refusal::{Oops, Reader};
use crate::routes::{ADMITTED_EVERY, STREAMS, Shared};
use crate::serve::{Tls, listen, stopped};

/// Bytes of a message that comes in.
const MESSAGE: usize = 256 << 10;
/// Bytes of an answer of the JSON API.
const ANSWER: usize = 64 << 20;
/// Bytes of JSON within a message: programs take 4 MiB unless they are told otherwise.
pub(crate) const JSON: usize = 3 << 20;
/// Bytes of what is said of a refusal: it goes in a header.
const SAID: usize = 1 << 10;
/// Calls at once of one connection, as many as a user may have, beside what they watch.
const CALLS: usize = 32;
/// A call is answered within this time, streams apart: a little later than the JSON API gives up, which says why.
const WITHIN: Duration = Duration::from_secs(70);
/// A connection that says nothing is asked whether it is there, and is let go after so long; whoever watches asks again.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
const LIVES_FOR: Duration = Duration::from_secs(3_600);
/// What whoever watches is told where a stream ends before its mission.
const AGAIN: &str =
    "the stream has ended, and the mission has not: ask again from the record behind the last one";
/// How long whoever watches may take nothing while there is something to take.
const STUCK: Duration = Duration::from_secs(60);
/// How often the health is looked at.
const HEALTH_EVERY: Duration = Duration::from_secs(1);
/// Records that are read at a time for whoever watches.
const READ: usize = 64;

/// A door for gRPC that listens and does not answer yet.
#[derive(Debug)]
pub struct Grpc {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Grpc {
    /// Listens. Port 0 is a free one. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be had: `Conflict` where another program has it.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, PortError> {
        let (listener, address) = listen(address, "--grpc 127.0.0.1:PORT").await?;
        Ok(Self { listener, address, tls })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the server stops, by what the addresses of `router` answer.
    pub(crate) async fn run(
        self,
        (router, shared): (Router, Arc<Shared>),
        tasks: TaskTracker,
        stopping: watch::Receiver<bool>,
    ) {
        let door = Door { router, shared: Arc::clone(&shared), tasks, stopping: stopping.clone() };
        let (health, health_service) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let (v1, v1alpha) = match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(v1), Ok(v1alpha)) => (v1, v1alpha),
            (Err(error), _) | (_, Err(error)) => {
                // What it is made of is compiled in, and a test makes it.
                return tracing::error!(%error, "the door for gRPC has no description of itself");
            }
        };
        let routes = Routes::new(MissionsServer::new(door.clone()).max_decoding_message_size(MESSAGE))
            .add_service(FleetServer::new(door.clone()).max_decoding_message_size(MESSAGE))
            .add_service(health_service)
            .add_service(v1)
            .add_service(v1alpha);
        shared.doors().speaks_grpc();
        let routes = routes.into_axum_router().layer(from_fn_with_state(Arc::clone(&shared), gate));
        let routes = routes.layer(from_fn_with_state(shared, counted_call));
        let serving = tonic::transport::Server::builder()
            .timeout(WITHIN)
            .concurrency_limit_per_connection(CALLS)
            .max_concurrent_streams(u32::try_from(CALLS + STREAMS).ok())
            .http2_keepalive_interval(Some(ALIVE_EVERY))
            .max_connection_age(LIVES_FOR)
            .add_routes(Routes::from(routes));
        let mut until = stopping.clone();
        let lines = line::lines(self.listener, self.tls.as_ref().map(Tls::acceptor_for_grpc), stopping);
        let serving = serving.serve_with_incoming_shutdown(lines, async move { stopped(&mut until).await });
        tokio::select! {
            served = serving => if let Err(error) = served {
                tracing::warn!(%error, "the door for gRPC is closed");
            },
            never = looks_after(&door, health) => match never {},
        }
    }
}

/// Tells whoever asks for the health what `/health/ready` says.
async fn looks_after(door: &Door, health: HealthReporter) -> Infallible {
    let mut told = None;
    loop {
        let is_ready = door.is_ready().await;
        if told != Some(is_ready) {
            told = Some(is_ready);
            let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in ["", "coditect.v1.Missions", "coditect.v1.Fleet"] {
                health.set_service_status(name, status).await;
            }
        }
        tokio::time::sleep(HEALTH_EVERY).await;
    }
}

/// Refuses who is not known before what they send is read. What they may do is looked at behind it, by the guard of the JSON API.
async fn gate(
    State(shared): State<Arc<Shared>>,
    mut request: Asking<Body>,
    next: middleware::Next,
) -> axum::response::Response {
    if !request.uri().path().starts_with("/coditect.") {
        return next.run(request).await;
    }
    let call = guard::Call::of(&request);
    match guard::known(&shared, &call).await {
        Ok(visitor) => {
            request.extensions_mut().insert(Arc::new(visitor));
            next.run(request).await
        }
        Err(oops) => {
            shared.doors().refused(oops.status);
            let answer = oops.answer(Reader::Program);
            refused(answer.status(), answer).await.into_http::<tonic::body::Body>().map(Body::new)
        }
    }
}

/// What answers calls.
#[derive(Clone, Debug)]
struct Door {
    router: Router,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stopping: watch::Receiver<bool>,
}

/// Whoever calls, as the JSON API wants to know it.
#[derive(Debug)]
struct Caller {
    authorization: Option<HeaderValue>,
    peer: Option<Peer>,
}

impl Caller {
    fn of<T>(request: &Request<T>) -> Self {
        let shown = request.metadata().get("authorization");
        let authorization = shown.and_then(|shown| HeaderValue::from_bytes(shown.as_bytes()).ok());
        Self { authorization, peer: request.extensions().get::<Peer>().copied() }
    }
}

impl Door {
    async fn is_ready(&self) -> bool {
        let nobody = Caller { authorization: None, peer: None };
        self.ask(&nobody, Method::GET, "/health/ready", None).await.is_ok()
    }

    /// Asks an address of the JSON API.
    async fn ask(
        &self,
        caller: &Caller,
        method: Method,
        address: &str,
        body: Option<Value>,
    ) -> Result<axum::response::Response, Status> {
        let mut asking = Asking::builder().method(method).uri(address).header(header::HOST, "localhost");
        if let Some(authorization) = &caller.authorization {
            asking = asking.header(header::AUTHORIZATION, authorization);
        }
        if body.is_some() {
            asking = asking.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut asking = asking
            .body(body)
            .map_err(|error| Status::invalid_argument(format!("this cannot be asked: {error}")))?;
        asking.extensions_mut().insert(Within);
        if let Some(peer) = caller.peer {
            asking.extensions_mut().insert(peer);
        }
        // A router never fails: it answers.
        let answer = self.router.clone().oneshot(asking).await.unwrap_or_else(|never| match never {});
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status => Err(refused(status, answer).await),
        }
    }

    /// A mission's id as it stands in an address, so that nothing else comes to stand there. What is none is refused by the guard, which
    /// has it in its book.
    async fn named(&self, caller: &Caller, id: &str) -> Result<MissionId, Status> {
        if let Ok(id) = MissionId::parse(id) {
            return Ok(id);
        }
        self.ask(caller, Method::GET, "/api/missions/-", None).await?;
        Err(Status::not_found("there is no such mission"))
    }

    async fn told(
        &self,
        caller: &Caller,
        (method, address): (Method, &str),
        body: Option<Value>,
    ) -> Result<Value, Status> {
        let answer = self.ask(caller, method, address, body).await?;
        let bytes = to_bytes(answer.into_body(), ANSWER).await;
        let bytes = bytes.map_err(|error| Status::internal(format!("an answer broke off: {error}")))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Status::internal(format!("an answer is no JSON: {error}")))
    }
}

/// Why something was not done, as gRPC says it: the one map from kinds to codes.
async fn refused(status: StatusCode, answer: axum::response::Response) -> Status {
    let again = answer.headers().get(header::RETRY_AFTER).cloned();
    let bytes = to_bytes(answer.into_body(), ANSWER).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let error = &said["error"];
    let kind = serde_json::from_value::<ErrorKind>(error["kind"].clone()).unwrap_or(match status {
        StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
        _ => ErrorKind::Bug,
    });
    let code = match kind {
        _ if status == StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::NoSandbox | ErrorKind::Conflict => Code::FailedPrecondition,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable | ErrorKind::Interrupted => Code::Unavailable,
        ErrorKind::Bug => Code::Internal,
    };
    let cut = |text: &str| text[..text.floor_char_boundary(SAID)].to_owned();
    let mut metadata = MetadataMap::new();
    if let Some(hint) = error["hint"].as_str() {
        metadata.insert_bin("coditect-hint-bin", MetadataValue::from_bytes(cut(hint).as_bytes()));
    }
    if let Some(again) = again.and_then(|again| MetadataValue::try_from(again.as_bytes()).ok()) {
        metadata.insert("retry-after", again);
    }
    let cause = error["cause"].as_str().unwrap_or("the server does not say why");
    Status::with_metadata(code, cut(cause), metadata)
}

/// A mission that was begun.
fn begun(said: &Value) -> Response<api::SubmitReply> {
    Response::new(api::SubmitReply { mission: wire::text(said, "mission") })
}

#[tonic::async_trait]
impl Missions for Door {
    async fn submit(
        &self,
        request: Request<api::SubmitRequest>,
    ) -> Result<Response<api::SubmitReply>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let id = (!asked.id.is_empty()).then_some(asked.id);
        let body = json!({
            "request": asked.request,
            "dir": asked.directory,
            "model": asked.model,
            "budget_s": asked.budget_s,
            "id": id,
        });
        Ok(begun(&self.told(&caller, (Method::POST, "/api/missions"), Some(body)).await?))
    }

    async fn list(&self, request: Request<api::ListRequest>) -> Result<Response<api::ListReply>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("status", &asked.status)
            .append_pair("q", &asked.words)
            .append_pair("page", &asked.page.max(1).to_string())
            .finish();
        let said = self.told(&caller, (Method::GET, &format!("/api/missions?{query}")), None).await?;
        let missions = wire::list(&said, "missions").iter().map(wire::entry).collect();
        Ok(Response::new(api::ListReply { missions, all: wire::number(&said, "all") }))
    }

    async fn get(&self, request: Request<api::GetRequest>) -> Result<Response<api::Mission>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let at = asked.at.map_or_else(String::new, |at| format!("?at={at}"));
        let address = format!("/api/missions/{}{at}", self.named(&caller, &asked.mission).await?);
        let said = self.told(&caller, (Method::GET, &address), None).await?;
        Ok(Response::new(wire::mission(&said)))
    }

    type WatchStream = BoxStream<'static, Result<api::Record, Status>>;

    async fn watch(
        &self,
        request: Request<api::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let visitor = request.extensions().get::<Arc<Visitor>>().cloned();
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let (mission, from) = (self.named(&caller, &asked.mission).await?, asked.from.max(1));
        let address = format!("/api/missions/{mission}/events?from={from}");
        let answer = self.ask(&caller, Method::GET, &address, None).await?;
        // Nothing comes behind the end of a mission.
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(Response::new(futures::stream::empty().boxed()));
        }
        let visitor = visitor.ok_or_else(|| Status::unauthenticated("no token was shown"))?;
        let watching = Watching {
            shared: Arc::clone(&self.shared),
            visitor,
            looked: Instant::now(),
            stopping: self.stopping.clone(),
            mission,
            next: from,
            told: from.saturating_sub(1),
            hints: Some(answer.into_body().into_data_stream()),
            unread: String::new(),
        };
        let (sender, receiver) = mpsc::channel(1);
        self.tasks.spawn(watching.tell(sender));
        let records = futures::stream::unfold(Some(receiver), |receiver| async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Ok(Some(record))) => Some((Ok(record), Some(receiver))),
                Some(Ok(None)) => None,
                Some(Err(status)) => Some((Err(status), None)),
                // Whoever told gave up: the mission goes on.
                None => Some((Err(Status::aborted(AGAIN)), None)),
            }
        });
        Ok(Response::new(records.boxed()))
    }

    async fn list_approvals(
        &self,
        request: Request<api::ListApprovalsRequest>,
    ) -> Result<Response<api::ListApprovalsReply>, Status> {
        let said = self.told(&Caller::of(&request), (Method::GET, "/api/approvals"), None).await?;
        let asked = |one: &Value| wire::approval(&wire::text(one, "mission"), &one["question"], true);
        let approvals = wire::list(&said, "approvals").iter().map(asked).collect();
        Ok(Response::new(api::ListApprovalsReply { approvals }))
    }

    async fn answer(
        &self,
        request: Request<api::AnswerRequest>,
    ) -> Result<Response<api::AnswerReply>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let address = format!(
            "/api/missions/{}/approvals/{}",
            self.named(&caller, &asked.mission).await?,
            asked.number
        );
        let body = json!({ "verdict": asked.verdict, "why": asked.why });
        let said = self.told(&caller, (Method::POST, &address), Some(body)).await?;
        Ok(Response::new(api::AnswerReply { said: wire::text(&said, "said") }))
    }

    async fn cancel(
        &self,
        request: Request<api::CancelRequest>,
    ) -> Result<Response<api::CancelReply>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let address = format!("/api/missions/{}/cancel", self.named(&caller, &asked.mission).await?);
        let body = json!({ "why": asked.why });
        let said = self.told(&caller, (Method::POST, &address), Some(body)).await?;
        Ok(Response::new(api::CancelReply { said: wire::text(&said, "said") }))
    }

    async fn fork(&self, request: Request<api::ForkRequest>) -> Result<Response<api::SubmitReply>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let address = format!("/api/missions/{}/fork", self.named(&caller, &asked.mission).await?);
        let body =
            json!({ "at": asked.at, "model": asked.model, "budget_s": asked.budget_s, "seed": asked.seed });
        Ok(begun(&self.told(&caller, (Method::POST, &address), Some(body)).await?))
    }
}

#[tonic::async_trait]
impl Fleet for Door {
    async fn look(&self, request: Request<api::LookRequest>) -> Result<Response<api::FleetView>, Status> {
        let said = self.told(&Caller::of(&request), (Method::GET, "/api/fleet"), None).await?;
        Ok(Response::new(wire::fleet(&said)))
    }

    async fn world(&self, request: Request<api::WorldRequest>) -> Result<Response<api::World>, Status> {
        let (caller, asked) = (Caller::of(&request), request.into_inner());
        let address = format!("/api/missions/{}/world", self.named(&caller, &asked.mission).await?);
        let said = self.told(&caller, (Method::GET, &address), None).await?;
        Ok(Response::new(wire::world(&said)))
    }
}

/// One caller who watches a mission. The event stream of the JSON API says which records there are; what is in them is read here.
struct Watching {
    shared: Arc<Shared>,
    visitor: Arc<Visitor>,
    /// When it was looked last whether their token opens anything.
    looked: Instant,
    stopping: watch::Receiver<bool>,
    mission: MissionId,
    /// The next record that they are told.
    next: u64,
    /// The newest record that there is, as far as one knows.
    told: u64,
    /// None: it has ended.
    hints: Option<BodyDataStream>,
    /// The beginning of a line that is not all there yet.
    unread: String,
}

/// What a caller is told next; None within: the mission has ended.
type Next = Result<Option<api::Record>, Status>;

impl Watching {
    /// Tells until nothing more comes, the caller is gone or takes nothing for too long, or their token opens nothing any more.
    async fn tell(mut self, sender: mpsc::Sender<Next>) {
        let until = Instant::now() + LIVES_FOR;
        loop {
            let page = tokio::select! {
                page = self.page() => page,
                () = sender.closed() => return,
                () = sleep_until(until) => Err(Status::unavailable(AGAIN)),
            };
            let (page, is_last): (Vec<Next>, bool) = match page {
                Ok(Some(records)) => (records.into_iter().map(|record| Ok(Some(record))).collect(), false),
                Ok(None) => (vec![Ok(None)], true),
                Err(status) => (vec![Err(status)], true),
            };
            for told in page {
                if !self.hands(&sender, told).await {
                    return;
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Hands it to the caller. False: they do not take it, or may not have it any more.
    async fn hands(&mut self, sender: &mpsc::Sender<Next>, told: Next) -> bool {
        let stuck = Instant::now() + STUCK;
        loop {
            if let Err(status) = self.must_be_admitted().await {
                // Nobody may be there to hear it.
                sender.try_send(Err(status)).ok();
                return false;
            }
            let again = self.looked + ADMITTED_EVERY;
            match timeout_at(again.min(stuck), sender.reserve()).await {
                Ok(Ok(place)) => {
                    place.send(told);
                    return true;
                }
                Ok(Err(_)) => return false,
                Err(_) if Instant::now() >= stuck => return false,
                Err(_) => {}
            }
        }
    }

    /// Looks now and then whether the token still opens it.
    async fn must_be_admitted(&mut self) -> Result<(), Status> {
        if self.looked.elapsed() < ADMITTED_EVERY {
            return Ok(());
        }
        let (shared, visitor) = (Arc::clone(&self.shared), Arc::clone(&self.visitor));
        let asked = tokio::task::spawn_blocking(move || shared.house.is_admitted(&visitor)).await;
        self.looked = Instant::now();
        // Where it cannot be told, nothing is shown.
        match asked {
            Ok(Ok(true)) => Ok(()),
            _ => Err(Status::aborted(AGAIN)),
        }
    }

    /// The next records. None: no more come.
    async fn page(&mut self) -> Result<Option<Vec<api::Record>>, Status> {
        while self.told < self.next {
            let Some(hints) = &mut self.hints else { return self.over().await };
            match hints.next().await {
                Some(hint) => self.hear(hint)?,
                None if *self.stopping.borrow() => return Err(Status::unavailable("the server is stopping")),
                None => self.hints = None,
            }
        }
        // What has come meanwhile is read with it.
        while let Some(hint) = self.hints.as_mut().and_then(|hints| hints.next().now_or_never()) {
            match hint {
                Some(hint) => self.hear(hint)?,
                None => self.hints = None,
            }
        }
        self.must_be_admitted().await?;
        let from = self.next;
        let most = usize::try_from(self.told + 1 - from).unwrap_or(READ).min(READ);
        let page =
            self.looks(move |shared, mission| Ok(shared.house.journal().read(mission, from, most)?)).await?;
        let told = page.iter().map(|(seq, bytes)| wire::record(&self.mission, *seq, bytes));
        let records: Vec<api::Record> = told.collect::<Result<_, _>>()?;
        match records.last() {
            Some(last) => self.next = last.seq + 1,
            None => return Err(Status::data_loss(format!("record {from} is not there any more"))),
        }
        Ok(Some(records))
    }

    /// Notes the numbers of the records that the event stream tells.
    fn hear(&mut self, hint: Result<axum::body::Bytes, axum::Error>) -> Result<(), Status> {
        let bytes = hint.map_err(|error| Status::unavailable(format!("the stream broke off: {error}")))?;
        self.unread.push_str(&String::from_utf8_lossy(&bytes));
        while let Some((line, rest)) = self.unread.split_once('\n') {
            if let Some(seq) = line.strip_prefix("id:").and_then(|seq| seq.trim().parse::<u64>().ok()) {
                self.told = self.told.max(seq);
            }
            self.unread = rest.to_owned();
        }
        Ok(())
    }

    /// The event stream has ended: with the mission, at a record that cannot be read, or since the token opens it no more.
    async fn over(&mut self) -> Result<Option<Vec<api::Record>>, Status> {
        let next = self.next;
        let behind =
            self.looks(move |shared, mission| Ok(shared.house.journal().read(mission, next, 1)?)).await?;
        if let Some((seq, bytes)) = behind.first() {
            wire::record(&self.mission, *seq, bytes)?;
            return Err(Status::aborted(AGAIN));
        }
        let has_ended = self.looks(|shared, mission| Ok(shared.moment(mission, None)?.view.status.is_some()));
        match has_ended.await? {
            true => Ok(None),
            false => Err(Status::aborted(AGAIN)),
        }
    }

    /// Reads the journal where that may block, when it is the turn of whoever watches.
    async fn looks<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&Shared, &MissionId) -> Result<T, Oops> + Send + 'static,
    ) -> Result<T, Status> {
        let stopping = || Status::unavailable("the server is stopping");
        let turn = follow::turn().await.map_err(|_| stopping())?;
        let (shared, mission) = (Arc::clone(&self.shared), self.mission.clone());
        let read = tokio::task::spawn_blocking(move || read(&shared, &mission)).await;
        drop(turn);
        match read.map_err(|_| stopping())? {
            Ok(read) => Ok(read),
            Err(oops) => {
                let answer = oops.answer(Reader::Program);
                Err(refused(answer.status(), answer).await)
            }
        }
    }
}

#[cfg(test)]
mod tests;
