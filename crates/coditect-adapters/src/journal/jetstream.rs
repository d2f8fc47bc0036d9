//! The journal on a NATS server with JetStream: one stream for all missions, one subject a mission, many records a
//! message.
//!
//! **Fencing.** Nobody holds a mission. A message is published under the number of the message that must be its
//! subject's last (`Nats-Expected-Last-Subject-Sequence`), so of two writers one is refused: a `Conflict`, and it
//! steps down. That number never expires, so no window of duplicates matters: a copy of a message that comes late
//! or twice is refused like any other.
//!
//! **No answer.** A publish without an answer may have been kept. The message behind the expected one says so, by
//! the id of the append; while there is none the same message is sent again, until the deadline. Then the append
//! is `Unknown`, and the caller reads.
//!
//! **Durability.** JetStream acknowledges once a message is written, and syncs its disk every two minutes unless it
//! is told `sync_interval: always`. A server that is killed loses nothing; a machine that loses power may. The port
//! promises more than that, so what is weaker is in [`JetStream::notes`], and whoever opens the journal says it.
//!
//! **Forgetting** purges the mission's subject. The server takes the bytes off its disk when it compacts, not at once.
//!
//! Start reading at [`codec`] for the bytes, at [`keep`] for the way of an append, at [`read`] for the way back.

mod codec;
mod keep;
mod read;
mod saved;
mod setup;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coditect_ports::journal::{BoxFuture, Saved, StreamInfo};
use coditect_ports::{AppendError, Journal, PortError};
use coditect_types::{ErrorKind, MissionId};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use self::keep::Tail;
use self::read::Places;
use self::setup::Names;
pub use self::setup::Syncs;
use crate::nats::address;
pub use crate::nats::address::{check, redacted};
use crate::nats::api::{Purge, Purged, code};
use crate::nats::link::Link;
use crate::threads;

/// Findings that are remembered.
const FINDINGS: usize = 100;
/// Memory that waiting appends may take, KiB.
const ROOM_KIB: usize = 64 << 10;
/// How long an operation may take before it ends with what is known.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the journal is, and how it is asked.
#[derive(Clone)]
pub struct Options {
    /// Such as `nats://127.0.0.1:4222`; several of one system separated by commas. May have a user and a password.
    pub url: String,
    /// A file of credentials, as `nsc` makes it.
    pub creds: Option<PathBuf>,
    /// The server's monitoring port, such as `http://127.0.0.1:8222`: it tells when the server syncs.
    pub monitor: Option<String>,
    /// Which journal, where a server has several.
    pub name: String,
    /// How long an operation may take before it ends with what is known.
    pub patience: Duration,
}

impl Options {
    /// The journal at an address, with everything else as usual.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            creds: None,
            monitor: None,
            name: "coditect".to_owned(),
            patience: PATIENCE,
        }
    }
}

// By hand, so that no password is ever printed.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("url", &redacted(&self.url))
            .field("creds", &self.creds)
            .field("monitor", &self.monitor)
            .field("name", &self.name)
            .field("patience", &self.patience)
            .finish()
    }
}

/// The journal on JetStream. See the module's documentation.
#[derive(Debug)]
pub struct JetStream {
    shared: Arc<Shared>,
    /// Its own: appends are awaited on any executor, and readers block theirs. Taken on dropping.
    runtime: Option<Runtime>,
    notes: Vec<String>,
    syncs: Syncs,
}

#[derive(Debug)]
struct Shared {
    link: Link,
    names: Names,
    /// What a message may have at most by the stream's own limit.
    largest: Option<usize>,
    turns: Mutex<HashMap<MissionId, Turn>>,
    places: Mutex<Places>,
    /// Missions that a listing passed over since their last message cannot be read, and why.
    findings: Mutex<BTreeSet<String>>,
    room: Semaphore,
    seed: u64,
    count: AtomicU64,
}

/// Whose turn it is to append to a mission, and where it ends as far as we know.
type Turn = Arc<tokio::sync::Mutex<Option<Tail>>>;

impl Shared {
    fn subject(&self, mission: &MissionId) -> String {
        format!("{}{mission}", self.names.of_journal)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<MissionId, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, mission: &MissionId) -> Turn {
        Arc::clone(self.turns().entry(mission.clone()).or_default())
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn findings(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mission that cannot be read does not hide the others: it is kept to be told.
    fn finds(&self, error: PortError) {
        let mut findings = self.findings();
        if findings.len() < FINDINGS {
            findings.insert(error.cause);
        }
    }

    /// An id that no other append has: chance of this handle, and a counter.
    fn next_id(&self) -> codec::Id {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.seed.to_le_bytes());
        id[8..].copy_from_slice(&count.to_le_bytes());
        id
    }
}

impl JetStream {
    /// Connects, and makes the streams or checks them. Blocks, for [`Options::patience`] at most a step.
    ///
    /// # Errors
    /// The server cannot be reached, refuses, is too old, has no JetStream, or a stream that would lose records.
    pub fn connect(options: &Options) -> Result<Self, PortError> {
        let address = address::parse(&options.url, options.creds.as_deref())?;
        let names = Names::of(&options.name)?;
        let runtime = threads::start("nats", 2)?;
        let options = options.clone();
        let opening = threads::wait(Some(&runtime), async move {
            let link = Link::connect(address, options.patience).await?;
            let opened = setup::open(&link, &names).await?;
            let syncs = setup::syncs(&link, options.monitor.as_deref()).await?;
            Ok((link, names, opened, syncs))
        });
        let (link, names, opened, syncs) = match opening {
            Ok(opened) => opened,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let mut notes = opened.notes;
        notes.extend(setup::note_on(syncs, link.is_clustered()));
        let shared = Shared {
            link,
            names,
            largest: opened.largest,
            turns: Mutex::default(),
            places: Mutex::default(),
            findings: Mutex::default(),
            room: Semaphore::new(ROOM_KIB),
            seed: RandomState::new().hash_one(std::process::id()),
            count: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared), runtime: Some(runtime), notes, syncs })
    }

    /// What a person should know: where the server promises less than a journal should, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What listings so far have passed over, a sentence each.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.shared.findings().iter().cloned().collect()
    }

    /// When the server syncs its disk, as far as it is known.
    #[must_use]
    pub fn syncs(&self) -> Syncs {
        self.syncs
    }

    /// The server's version.
    #[must_use]
    pub fn version(&self) -> String {
        self.shared.link.version()
    }

    /// The servers, without what is secret.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shared.link.shown
    }

    /// Removes the streams with all that is in them. For benches and tests, which have a journal of their own.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn remove(&self) -> Result<(), PortError> {
        self.blocking(|shared| async move {
            let deadline = shared.link.deadline();
            for stream in [&shared.names.saved, &shared.names.journal] {
                let subject = format!("STREAM.DELETE.{stream}");
                let removed = shared.link.api_patiently::<Purged>(&subject, &(), deadline).await;
                if matches!(&removed, Err(fault) if fault.is(&[code::NO_STREAM])) {
                    continue;
                }
                removed.map_err(|fault| shared.link.error("removing a journal", fault))?;
            }
            Ok(())
        })
    }

    /// Does something on our own threads and blocks until it is done. Each has a deadline of its own.
    fn blocking<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PortError>> + Send + 'static,
    {
        threads::wait(self.runtime.as_ref(), work(Arc::clone(&self.shared)))
    }

    async fn keep(
        &self,
        stream: &MissionId,
        expected: u64,
        records: Vec<Vec<u8>>,
    ) -> Result<u64, AppendError> {
        let runtime = self.runtime.as_ref().ok_or_else(|| AppendError::NotKept(gone()))?;
        let (shared, stream) = (Arc::clone(&self.shared), stream.clone());
        let written = keep::written(records)?;
        let append = runtime.spawn(async move { keep::append(&shared, &stream, expected, written).await });
        append.await.unwrap_or_else(|_| Err(AppendError::Unknown(gone())))
    }
}

fn gone() -> PortError {
    PortError::new(ErrorKind::Bug, "the threads for NATS are gone")
}

impl Journal for JetStream {
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(self.keep(stream, expected_seq, records))
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        let stream = stream.clone();
        self.blocking(|shared| async move { read::read(&shared, &stream, from, limit).await })
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        self.blocking(|shared| async move { read::streams(&shared).await })
    }

    fn release(&self, stream: &MissionId) {
        self.shared.turns().remove(stream);
        self.shared.places().forget(stream);
    }

    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
        let (stream, saved) = (stream.clone(), saved.clone());
        self.blocking(|shared| async move { saved::write(&shared, &stream, &saved).await })
    }

    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError> {
        let stream = stream.clone();
        self.blocking(|shared| async move { saved::read(&shared, &stream).await })
    }

    fn forget(&self, stream: &MissionId) -> Result<(), PortError> {
        self.release(stream);
        let stream = stream.clone();
        self.blocking(|shared| async move { forget(&shared, &stream).await })
    }
}

/// The snapshot first: without its records it would be the truth of nothing.
async fn forget(shared: &Shared, mission: &MissionId) -> Result<(), PortError> {
    let deadline = shared.link.deadline();
    let names = &shared.names;
    let filters =
        [(&names.saved, format!("{}{mission}.*", names.of_saved)), (&names.journal, shared.subject(mission))];
    for (stream, filter) in filters {
        let subject = format!("STREAM.PURGE.{stream}");
        let purged =
            shared.link.api_patiently::<Purged>(&subject, &Purge { filter: &filter }, deadline).await;
        let purged = purged.map_err(|fault| shared.link.error("forgetting a mission", fault))?;
        if !purged.success {
            return Err(PortError::new(ErrorKind::Unavailable, format!("`{filter}` was not purged")));
        }
    }
    Ok(())
}

impl Drop for JetStream {
    fn drop(&mut self) {
        self.shared.room.close();
        // What was acknowledged is kept; nobody is left who waits for more. Without waiting for long, since the last handle
        // may be dropped on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
