//! Shared facts on a NATS server: a bucket of its key-value layer (<https://github.com/nats-io/nats-architecture-and-design>, ADR-8), with
//! a time to live for each message (ADR-43 there). It is in the memory of one server, and on the disks of a cluster, which would remember the first
//! number of a stream and not the last.
//!
//! A version is the number of the message in its stream. A fact that is kept up is written again and says in a header which version it is of.
//! The first number of a stream is the time of whoever makes it, µs since 1970: where a server has lost its memory, no version comes twice, unless that clock is
//! behind by as long as the server had been there.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use coditect_ports::{PortError, WorldStore};
use coditect_types::{Expected, Fact, FactKey, Put};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::{MOST, PATIENCE, must_be_name, must_fit};
use crate::nats::address;
use crate::nats::api::{AskBatch, AskMessage, AskStream, Delete, Purged, StreamConfig, StreamInfo, code};
use crate::nats::link::{BATCH_BYTES, Fault, Link, Pause};
use crate::threads;

/// The version of a fact that was written again.
const VERSION: &str = "Coditect-Version";
/// Until when a message lasts.
const TTL: &str = "Nats-TTL";
/// A message in place of one that was removed, as clients of the layer write it.
const OPERATION: &str = "KV-Operation";

/// Where facts are.
#[derive(Clone)]
pub struct JetStreamAt {
    /// Such as `nats://127.0.0.1:4222`; several of one system separated by commas. May have a user and a password.
    pub url: String,
    /// A file of credentials.
    pub creds: Option<PathBuf>,
    /// Which facts, where a server has those of several fleets: letters, digits and `-`.
    pub name: String,
}

// By hand, so that no password is ever printed.
impl std::fmt::Debug for JetStreamAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JetStreamAt")
            .field("url", &address::redacted(&self.url))
            .field("creds", &self.creds)
            .field("name", &self.name)
            .finish()
    }
}

/// See the module.
#[derive(Debug)]
pub struct JetStreamWorld {
    shared: Arc<Shared>,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    link: Link,
    stream: String,
    /// What subjects begin with.
    subjects: String,
}

/// A message, and the fact that it is. None: it says that somebody removed one.
struct Written {
    seq: u64,
    fact: Option<Fact>,
}

impl Written {
    /// The number and the value of the fact of a version.
    fn of(self, version: u64) -> Option<(u64, Vec<u8>)> {
        let fact = self.fact.filter(|fact| fact.version == version)?;
        Some((self.seq, fact.value))
    }
}

/// Facts as one server has them, by their names; none where somebody removed one.
#[derive(Default)]
struct Listed {
    facts: BTreeMap<String, Option<Fact>>,
    /// Up to which number of the stream it has them. None: it has none of them.
    up_to: Option<u64>,
}

/// So often others change something that it is not our turn.
fn crowded() -> Fault {
    Fault::NotSent("others change it all the time".to_owned())
}

impl JetStreamWorld {
    /// Connects. The bucket is made once it is used.
    ///
    /// # Errors
    /// No server answers, or it refuses the credentials, or is too old.
    pub fn connect(at: &JetStreamAt) -> Result<Self, PortError> {
        let address = address::parse(&at.url, at.creds.as_deref())?;
        must_be_name(&at.name)?;
        let bucket = format!("{}_world", at.name);
        let runtime = threads::start("world", 1)?;
        let link = threads::wait(Some(&runtime), Link::connect(address, PATIENCE));
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let shared = Shared { link, stream: format!("KV_{bucket}"), subjects: format!("$KV.{bucket}.") };
        Ok(Self { shared: Arc::new(shared), runtime: Some(runtime) })
    }

    /// Does something; where its stream is gone, or was never there, makes it and does it again.
    fn asked<T, F>(
        &self,
        doing: &'static str,
        work: impl Fn(Arc<Shared>, Instant) -> F + Send + 'static,
    ) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        threads::wait(self.runtime.as_ref(), async move {
            let deadline = shared.link.deadline();
            let mut done = work(Arc::clone(&shared), deadline).await;
            let is_gone = |fault: &Fault| matches!(fault, Fault::Nobody) || fault.is(&[code::NO_STREAM]);
            if done.as_ref().is_err_and(is_gone) {
                let deadline = shared.link.deadline();
                done = match shared.make(deadline).await {
                    Ok(()) => work(Arc::clone(&shared), deadline).await,
                    Err(fault) => Err(fault),
                };
            }
            done.map_err(|fault| shared.link.error(doing, fault))
        })
    }
}

impl Shared {
    fn subject(&self, key: &FactKey) -> String {
        format!("{}{key}", self.subjects)
    }

    async fn make(&self, deadline: Instant) -> Result<(), Fault> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wanted = StreamConfig {
            name: self.stream.clone(),
            description: "CODITECT: what its processes share for a while".to_owned(),
            subjects: vec![format!("{}>", self.subjects)],
            retention: "limits".to_owned(),
            storage: if self.link.is_clustered() { "file".to_owned() } else { "memory".to_owned() },
            discard: "new".to_owned(),
            num_replicas: self.link.replicas(),
            max_msgs: -1,
            max_bytes: -1,
            max_msgs_per_subject: 1,
            max_msg_size: -1,
            duplicate_window: 1_000_000_000,
            allow_direct: true,
            allow_msg_ttl: true,
            allow_rollup_hdrs: true,
            first_seq: u64::try_from(since.as_micros()).unwrap_or(u64::MAX / 2),
            ..StreamConfig::default()
        };
        self.link.make_or_find(&wanted, deadline).await.map(drop)
    }

    /// What is written under a name, by the leader.
    async fn written(&self, key: &FactKey, deadline: Instant) -> Result<Option<Written>, Fault> {
        let subject = self.subject(key);
        let which = AskMessage { last_by_subj: Some(&subject), ..AskMessage::default() };
        let Some(message) = self.link.message(&self.stream, which, deadline).await? else { return Ok(None) };
        let odd = |what: &str| Fault::Odd(format!("{what} of the fact `{key}` cannot be read"));
        let value = BASE64_STANDARD.decode(&message.data).map_err(|_| odd("the value"))?;
        let headers = BASE64_STANDARD.decode(&message.hdrs).map_err(|_| odd("the headers"))?;
        let headers = String::from_utf8_lossy(&headers);
        let header = |name: &str| {
            let fields = headers.lines().filter_map(|line| line.split_once(':'));
            fields.filter(|(of, _)| *of == name).map(|(_, value)| value.trim().to_owned()).next()
        };
        let version = header(VERSION).and_then(|text| text.parse().ok()).unwrap_or(message.seq);
        let fact = Fact { name: key.name().to_owned(), value, version };
        let fact = header(OPERATION).is_none().then_some(fact);
        Ok(Some(Written { seq: message.seq, fact }))
    }

    /// Writes. None: the last message of the name is another one than the expected.
    async fn write(
        &self,
        key: &FactKey,
        value: Bytes,
        (expected, version): (Option<u64>, Option<u64>),
        lasts: Duration,
        deadline: Instant,
    ) -> Result<Option<u64>, Fault> {
        let seconds = lasts.as_secs() + u64::from(lasts.subsec_nanos() > 0);
        let mut headers = vec![(TTL, format!("{seconds}s"))];
        headers.extend(version.map(|version| (VERSION, version.to_string())));
        let subject = self.subject(key);
        let mut pause = Pause::default();
        loop {
            self.link.connected(deadline).await?;
            let sent = self.link.publish_with(&subject, expected, &headers, value.clone(), deadline).await;
            match sent {
                Ok(seq) => return Ok(Some(seq)),
                Err(fault) if fault.is(&[code::WRONG_LAST, code::WRONG_LAST_CONSTANT]) => return Ok(None),
                // A cluster between two leaders. What had no answer may be done, and is not tried again.
                Err(fault @ Fault::Refused(_)) if fault.passes() && pause.taken(deadline).await => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn put(
        &self,
        key: &FactKey,
        value: Bytes,
        expected: Expected,
        lasts: Duration,
        deadline: Instant,
    ) -> Result<Put, Fault> {
        let (mut pause, mut nothing) = (Pause::default(), 0);
        loop {
            let last = match expected {
                Expected::Anything => None,
                Expected::Nothing => Some(nothing),
                Expected::Version(version) => {
                    let found = self.written(key, deadline).await?;
                    let there = found.as_ref().and_then(|found| Some(found.fact.as_ref()?.version));
                    match found.and_then(|found| found.of(version)) {
                        Some((seq, _)) => Some(seq),
                        None => return Ok(Put::Refused(there)),
                    }
                }
            };
            if let Some(seq) = self.write(key, value.clone(), (last, None), lasts, deadline).await? {
                return Ok(Put::Kept(seq));
            }
            // Something came in between: it was kept up, or is another one.
            if expected == Expected::Nothing {
                let found = self.written(key, deadline).await?;
                nothing = found.as_ref().map_or(0, |found| found.seq);
                if let Some(fact) = found.and_then(|found| found.fact) {
                    return Ok(Put::Refused(Some(fact.version)));
                }
            }
            if !pause.taken(deadline).await {
                return Err(crowded());
            }
        }
    }

    async fn extend(
        &self,
        key: &FactKey,
        version: u64,
        lasts: Duration,
        deadline: Instant,
    ) -> Result<bool, Fault> {
        let mut pause = Pause::default();
        loop {
            let found = self.written(key, deadline).await?;
            let Some((seq, value)) = found.and_then(|found| found.of(version)) else { return Ok(false) };
            let of = (Some(seq), Some(version));
            if self.write(key, value.into(), of, lasts, deadline).await?.is_some() {
                return Ok(true);
            }
            if !pause.taken(deadline).await {
                return Err(crowded());
            }
        }
    }

    async fn remove(&self, key: &FactKey, version: u64, deadline: Instant) -> Result<bool, Fault> {
        let mut pause = Pause::default();
        loop {
            let found = self.written(key, deadline).await?;
            let Some((seq, _)) = found.and_then(|found| found.of(version)) else { return Ok(false) };
            let subject = format!("STREAM.MSG.DELETE.{}", self.stream);
            let delete = Delete { seq, no_erase: true };
            match self.link.api::<Purged>(&subject, &delete, deadline).await {
                Ok(removed) if removed.success => return Ok(true),
                Ok(_) => {}
                // It was kept up meanwhile, or is gone: the next look tells.
                Err(fault) if fault.is(&[code::NO_SEQUENCE, code::NOT_DELETED]) => {}
                Err(fault) => return Err(fault),
            }
            if !pause.taken(deadline).await {
                return Err(crowded());
            }
        }
    }

    async fn all(&self, kind: &'static str, deadline: Instant) -> Result<Vec<Fact>, Fault> {
        let begins = format!("{}{kind}.", self.subjects);
        let filter = format!("{begins}*");
        let info = format!("STREAM.INFO.{}", self.stream);
        let ask = AskStream { subjects_filter: &filter, offset: 0 };
        let mut pause = Pause::default();
        loop {
            // The leader says how much there is, and at once where there is no stream: any server may answer what comes then, and may be
            // behind.
            let state = self.link.api_patiently::<StreamInfo>(&info, &ask, deadline).await?.state;
            let listed = self.list(&begins, &filter, deadline).await?;
            let is_behind = match listed.up_to {
                Some(up_to) => up_to < state.last_seq,
                // Nothing at all comes without a number.
                None => state.subjects.is_some_and(|subjects| !subjects.is_empty()),
            };
            if !is_behind {
                return Ok(listed.facts.into_values().flatten().collect());
            }
            if !pause.taken(deadline).await {
                return Err(Fault::NoAnswer("a server of the cluster is behind".to_owned()));
            }
        }
    }

    /// The facts whose subjects begin so, as one server has them.
    async fn list(&self, begins: &str, filter: &str, deadline: Instant) -> Result<Listed, Fault> {
        let (mut listed, mut from) = (Listed::default(), None);
        loop {
            let which = AskBatch {
                multi_last: vec![filter],
                seq: from,
                batch: MOST,
                max_bytes: BATCH_BYTES,
                ..AskBatch::default()
            };
            let got = self.link.batch(&self.stream, &which, deadline).await?;
            if from.is_none() {
                listed.up_to = got.up_to;
            }
            from = got.messages.last().map(|last| last.seq + 1);
            for message in got.messages {
                let Some(name) = message.subject.strip_prefix(begins) else { continue };
                let is_removed = message.headers.get(OPERATION).is_some();
                let version = message.headers.get(VERSION).and_then(|text| text.as_str().parse().ok());
                let version = version.unwrap_or(message.seq);
                let fact = Fact { name: name.to_owned(), value: message.payload.into(), version };
                listed.facts.insert(name.to_owned(), (!is_removed).then_some(fact));
            }
            if got.pending == 0 || from.is_none() {
                return Ok(listed);
            }
        }
    }
}

impl WorldStore for JetStreamWorld {
    fn get(&self, key: &FactKey) -> Result<Option<Fact>, PortError> {
        let key = key.clone();
        let found = self.asked("asking for a fact", move |shared, deadline| {
            let key = key.clone();
            async move { shared.written(&key, deadline).await }
        });
        found.map(|found| found.and_then(|found| found.fact))
    }

    fn put(
        &self,
        key: &FactKey,
        value: &[u8],
        expected: Expected,
        lasts: Duration,
    ) -> Result<Put, PortError> {
        must_fit(value, lasts)?;
        let (key, value) = (key.clone(), Bytes::copy_from_slice(value));
        self.asked("keeping a fact", move |shared, deadline| {
            let (key, value) = (key.clone(), value.clone());
            async move { shared.put(&key, value, expected, lasts, deadline).await }
        })
    }

    fn extend(&self, key: &FactKey, version: u64, lasts: Duration) -> Result<bool, PortError> {
        must_fit(&[], lasts)?;
        let key = key.clone();
        self.asked("keeping a fact up", move |shared, deadline| {
            let key = key.clone();
            async move { shared.extend(&key, version, lasts, deadline).await }
        })
    }

    fn remove(&self, key: &FactKey, version: u64) -> Result<bool, PortError> {
        let key = key.clone();
        self.asked("removing a fact", move |shared, deadline| {
            let key = key.clone();
            async move { shared.remove(&key, version, deadline).await }
        })
    }

    fn all(&self, kind: &'static str) -> Result<Vec<Fact>, PortError> {
        self.asked("listing facts", move |shared, deadline| async move { shared.all(kind, deadline).await })
    }
}

impl Drop for JetStreamWorld {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
