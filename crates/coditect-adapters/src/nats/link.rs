//! The connection: requests with deadlines, and what became of each.
//!
//! The client connects again by itself, for as long as it takes. Nobody waits for that longer than a deadline: each
//! operation here ends by then, with what is known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::{Client, Event, HeaderMap, Message};
use bytes::Bytes;
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::api::{
    Answer, ApiError, AskBatch, AskMessage, AskStream, GotMessage, Stored, StoredMessage, StreamConfig,
    StreamInfo, code,
};
use crate::nats::address::Address;
use crate::nats::{START, connect};

/// The longest wait between two looks at the connection, and between two tries.
const LOOK: Duration = Duration::from_millis(100);
/// Messages of one batch.
pub(crate) const BATCH: usize = 256;
/// Bytes of one batch, beside its last message.
pub(crate) const BATCH_BYTES: usize = 4 << 20;

/// How often a message is to be kept by a cluster.
pub(crate) const REPLICAS: u32 = 3;

/// Refusals that come with 503 and that waiting does not mend.
const LASTING: [u64; 5] =
    [code::NOT_ENABLED, code::NOT_ENABLED_FOR_ACCOUNT, code::NOT_STORED, code::STORAGE, code::RESOURCES];

/// A connection that stands or is being made again.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    /// The servers, for a person.
    pub(crate) shown: String,
    /// How long an operation may take.
    pub(crate) patience: Duration,
    changed: watch::Receiver<u64>,
    complaint: Arc<Mutex<Option<String>>>,
}

/// Why a request has no answer that helps.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The server refused.
    Refused(ApiError),
    /// Nobody listens there: no such stream, no leader, or no JetStream. It was surely not done.
    Nobody,
    /// It was not sent.
    NotSent(String),
    /// There was no answer in time: it may or may not have been done.
    NoAnswer(String),
    /// There was an answer that makes no sense.
    Odd(String),
}

impl Fault {
    /// Whether it was refused with one of these numbers.
    pub(crate) fn is(&self, codes: &[u64]) -> bool {
        matches!(self, Self::Refused(error) if codes.contains(&error.err_code))
    }

    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Nobody | Self::NotSent(_) | Self::NoAnswer(_) => true,
            // 503: a cluster without a leader has one soon. What is full stays full.
            Self::Refused(error) => error.code == 503 && !LASTING.contains(&error.err_code),
            Self::Odd(_) => false,
        }
    }
}

/// A message of a batch.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) subject: String,
    pub(crate) seq: u64,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// A batch.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<Got>,
    /// Up to which number of the stream the server that answered had it, where it said.
    pub(crate) up_to: Option<u64>,
    /// Messages that did not fit into it, where it said.
    pub(crate) pending: u64,
}

impl Link {
    /// Connects. Ends within `patience`.
    pub(crate) async fn connect(address: Address, patience: Duration) -> Result<Self, PortError> {
        let (tell, changed) = watch::channel(0);
        let complaint = Arc::new(Mutex::new(None));
        let (shown, kept) = (address.shown.clone(), Arc::clone(&complaint));
        let told = shown.clone();
        let client = connect(address, patience, move |event| {
            hear(&event, &told, &kept);
            tell.send_modify(|count| *count += 1);
        })
        .await?;
        Ok(Self { client, shown, patience, changed, complaint })
    }

    /// What a message may have at most, its headers included, bytes.
    pub(crate) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// The server that is connected.
    pub(crate) fn server_id(&self) -> String {
        self.client.server_info().server_id
    }

    /// The server's version.
    pub(crate) fn version(&self) -> String {
        self.client.server_info().version
    }

    /// Whether the server is one of a cluster.
    pub(crate) fn is_clustered(&self) -> bool {
        self.client.server_info().cluster.is_some()
    }

    /// How often a message is to be kept.
    pub(crate) fn replicas(&self) -> u32 {
        if self.is_clustered() { REPLICAS } else { 1 }
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Waits until the connection stands.
    pub(crate) async fn connected(&self, deadline: Instant) -> Result<(), Fault> {
        let mut changed = self.changed.clone();
        loop {
            changed.mark_unchanged();
            match self.client.connection_state() {
                State::Connected => return Ok(()),
                State::Pending | State::Disconnected => {}
            }
            if Instant::now() >= deadline {
                return Err(Fault::NotSent("the connection is lost".to_owned()));
            }
            // An event may come before the state it speaks of, so the state is looked at in any case.
            let look = deadline.min(Instant::now() + LOOK);
            if let Ok(Err(_)) = timeout_at(look, changed.changed()).await {
                return Err(Fault::NotSent("the connection was closed".to_owned()));
            }
        }
    }

    /// One request, with its answer by `deadline`.
    async fn ask(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Message, Fault> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut request = Request::new().payload(payload).timeout(Some(left));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        // The client's own limit begins once the request is in its queue.
        let answer = timeout_at(deadline, self.client.send_request(subject, request)).await;
        let late = || Fault::NoAnswer(format!("no answer within {} ms", left.as_millis()));
        match answer {
            Err(_) => Err(late()),
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(match error.kind() {
                RequestErrorKind::TimedOut => late(),
                RequestErrorKind::NoResponders => Fault::Nobody,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Fault::NotSent(error.to_string())
                }
                RequestErrorKind::Other => Fault::NoAnswer("the connection was lost".to_owned()),
            }),
        }
    }

    /// Publishes to a stream whose last message of the subject must be `expected`. Gives the message's number.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        expected: Option<u64>,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<u64, Fault> {
        self.publish_with(subject, expected, &[], payload, deadline).await
    }

    /// The same, with headers.
    pub(crate) async fn publish_with(
        &self,
        subject: &str,
        expected: Option<u64>,
        more: &[(&'static str, String)],
        payload: Bytes,
        deadline: Instant,
    ) -> Result<u64, Fault> {
        let mut headers = HeaderMap::new();
        if let Some(expected) = expected {
            headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
        }
        for (name, value) in more {
            headers.insert(*name, value.as_str());
        }
        let headers = (!headers.is_empty()).then_some(headers);
        let answer = self.ask(subject.to_owned(), headers, payload, deadline).await?;
        read_answer::<Stored>(&answer.payload).map(|stored| stored.seq)
    }

    /// Asks JetStream's API once.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &(impl Serialize + Sync),
        deadline: Instant,
    ) -> Result<T, Fault> {
        let body = to_json(body)?;
        let answer = self.ask(format!("$JS.API.{subject}"), None, body, deadline).await?;
        read_answer(&answer.payload)
    }

    /// Asks JetStream's API for what can be asked twice, until there is an answer or the deadline.
    pub(crate) async fn api_patiently<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &(impl Serialize + Sync),
        deadline: Instant,
    ) -> Result<T, Fault> {
        let mut pause = Pause::default();
        loop {
            self.connected(deadline).await?;
            match self.api(subject, body, self.try_until(deadline)).await {
                Err(fault) if fault.passes() && pause.taken(deadline).await => {}
                ended => return ended,
            }
        }
    }

    /// Until when one try may take, where there may be several: short, since a leader that is gone answers nothing, and
    /// what is sent twice is kept once.
    pub(crate) fn try_until(&self, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.patience / 8)
    }

    /// A stream as it is, and as it is wanted where it was not there.
    pub(crate) async fn make_or_find(
        &self,
        wanted: &StreamConfig,
        deadline: Instant,
    ) -> Result<StreamInfo, Fault> {
        let ask = AskStream { subjects_filter: "", offset: 0 };
        let info = format!("STREAM.INFO.{}", wanted.name);
        match self.api_patiently(&info, &ask, deadline).await {
            Err(fault) if fault.is(&[code::NO_STREAM]) => {}
            ended => return ended,
        }
        let create = format!("STREAM.CREATE.{}", wanted.name);
        match self.api_patiently(&create, wanted, deadline).await {
            // Another process was faster.
            Err(fault) if fault.is(&[code::NAME_IN_USE]) => self.api_patiently(&info, &ask, deadline).await,
            ended => ended,
        }
    }

    /// One message from the stream's leader, which has the newest. None: there is none.
    pub(crate) async fn message(
        &self,
        stream: &str,
        which: AskMessage<'_>,
        deadline: Instant,
    ) -> Result<Option<StoredMessage>, Fault> {
        let subject = format!("STREAM.MSG.GET.{stream}");
        match self.api_patiently::<GotMessage>(&subject, &which, deadline).await {
            Ok(got) => Ok(Some(got.message)),
            Err(fault) if fault.is(&[code::NO_MESSAGE]) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Several messages from whichever server has them.
    pub(crate) async fn batch(
        &self,
        stream: &str,
        which: &AskBatch<'_>,
        deadline: Instant,
    ) -> Result<Batch, Fault> {
        let mut pause = Pause::default();
        loop {
            self.connected(deadline).await?;
            match self.try_batch(stream, which, deadline).await {
                Err(fault) if fault.passes() && pause.taken(deadline).await => {}
                ended => return ended,
            }
        }
    }

    async fn try_batch(&self, stream: &str, which: &AskBatch<'_>, deadline: Instant) -> Result<Batch, Fault> {
        let inbox = self.client.new_inbox();
        let lost = || Fault::NoAnswer("the connection was lost".to_owned());
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|_| lost())?;
        let body = to_json(which)?;
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        self.client.publish_with_reply(subject, inbox, body).await.map_err(|_| lost())?;
        let mut batch = Batch::default();
        loop {
            // Of a slow link there is something now and then; what is silent for long is not slow.
            let Ok(next) = timeout_at(self.try_until(deadline), answers.next()).await else {
                return Err(Fault::NoAnswer("a batch of messages did not come in time".to_owned()));
            };
            let message = next.ok_or_else(lost)?;
            let headers = message.headers.unwrap_or_default();
            let number = |name: &str| headers.get(name).and_then(|value| value.as_str().parse::<u64>().ok());
            match message.status.map(|status| status.as_u16()) {
                None => {
                    let seq = number("Nats-Sequence");
                    let subject = headers.get("Nats-Subject").map(|value| value.as_str().to_owned());
                    let (Some(seq), Some(subject)) = (seq, subject) else {
                        return Err(Fault::Odd("a message of a batch has no number".to_owned()));
                    };
                    batch.messages.push(Got { subject, seq, headers, payload: message.payload });
                }
                Some(204) => {
                    batch.up_to = number("Nats-UpTo-Sequence");
                    batch.pending = number("Nats-Num-Pending").unwrap_or_default();
                    return Ok(batch);
                }
                Some(404) => return Ok(batch),
                Some(503) => return Err(Fault::Nobody),
                Some(status) => {
                    let words = message.description.unwrap_or_default();
                    return Err(Fault::Odd(format!("{status} {words}")));
                }
            }
        }
    }

    /// The fault as an error: what was being done, and what to do.
    pub(crate) fn error(&self, doing: &str, fault: Fault) -> PortError {
        let (kind, cause, hint) = match fault {
            Fault::Refused(error) => refused(&error),
            Fault::Nobody => (
                ErrorKind::Unavailable,
                "no JetStream answers there: its stream is gone, has no leader, or JetStream is off"
                    .to_owned(),
                "see `nats stream ls`; `nats-server -js` has JetStream",
            ),
            Fault::NotSent(cause) => (ErrorKind::Unavailable, cause, START),
            Fault::NoAnswer(cause) => {
                (ErrorKind::Unavailable, cause, "see whether the server is well, then go on")
            }
            Fault::Odd(cause) => (
                ErrorKind::Unavailable,
                format!("an answer that makes no sense: {cause}"),
                "see the server's log",
            ),
        };
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).take();
        let complaint = complaint.map_or(String::new(), |text| format!("; the server said: {text}"));
        PortError::new(kind, format!("{doing} at `{}`: {cause}{complaint}", self.shown)).with_hint(hint)
    }
}

/// Waits between tries that double.
#[derive(Debug, Default)]
pub(crate) struct Pause(u32);

impl Pause {
    /// Waits, unless the deadline comes first.
    pub(crate) async fn taken(&mut self, deadline: Instant) -> bool {
        let wait = LOOK.min(Duration::from_millis(2 << self.0.min(6)));
        self.0 += 1;
        if Instant::now() + wait >= deadline {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }
}

fn to_json(body: &impl Serialize) -> Result<Bytes, Fault> {
    let json = serde_json::to_vec(body).map_err(|error| Fault::NotSent(error.to_string()))?;
    // `()` is no request: where there is nothing to say, the server wants to hear nothing.
    Ok(if json == b"null" { Bytes::new() } else { Bytes::from(json) })
}

fn read_answer<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Fault> {
    match serde_json::from_slice(payload) {
        Ok(Answer::Done(done)) => Ok(done),
        Ok(Answer::Refused { error }) => Err(Fault::Refused(error)),
        Err(error) => Err(Fault::Odd(error.to_string())),
    }
}

/// What the client tells of the connection.
fn hear(event: &Event, shown: &str, complaint: &Mutex<Option<String>>) {
    match event {
        Event::Connected => tracing::info!(server = shown, "connected to NATS"),
        Event::Disconnected => {
            tracing::warn!(server = shown, "the connection to NATS is lost; connecting again")
        }
        Event::ServerError(error) => {
            tracing::warn!(server = shown, %error, "NATS complains");
            *complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
        Event::LameDuckMode
        | Event::Draining
        | Event::Closed
        | Event::SlowConsumer(_)
        | Event::ClientError(_) => tracing::warn!(server = shown, %event, "NATS"),
    }
}

/// What a refusal is, and what to do.
pub(super) fn refused(error: &ApiError) -> (ErrorKind, String, &'static str) {
    let said = || format!("the server refuses: {} ({})", error.description, error.err_code);
    match error.err_code {
        code::NOT_ENABLED | code::NOT_ENABLED_FOR_ACCOUNT => {
            (ErrorKind::Invalid, said(), "start the server with `-js -sd DIR`, or give the account JetStream")
        }
        code::NOT_STORED | code::STORAGE | code::RESOURCES => {
            (ErrorKind::Exhausted, said(), "make room on the server's disk, or raise its limits")
        }
        code::TOO_LARGE => (ErrorKind::Invalid, said(), "raise `max_msg_size` of the stream"),
        code::NO_SUITABLE_PEERS => (
            ErrorKind::Unavailable,
            said(),
            "wait until three servers of the cluster are up, or make the streams by hand with fewer replicas",
        ),
        code::SUBJECTS_OVERLAP => {
            (ErrorKind::Conflict, said(), "another stream has these subjects: see `nats stream ls`")
        }
        code::NO_STREAM => {
            (ErrorKind::NotFound, said(), "the stream was deleted: start again to make it anew")
        }
        _ if error.code == 503 => {
            (ErrorKind::Unavailable, said(), "see whether the cluster has a leader, then go on")
        }
        _ => (ErrorKind::Unavailable, said(), "see the server's log"),
    }
}
