//! What a fleet has on its server: a work queue, a stream of outcomes, one of dead letters, a store of objects. Whoever comes first makes
//! them; what is there already is looked at, and not taken where it would lose what it is given.
//!
//! When the server syncs its disk is no matter here: the queue is a view of the journal, and what a crash takes of it is handed out again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::object_store::ObjectStore;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use coditect_ports::PortError;
use coditect_types::plan::Role;
use coditect_types::{AttemptId, MissionId};
use tokio::sync::watch::Receiver;

use super::parcel::away;
use super::seal::Seal;
use crate::nats::api::StreamConfig;
use crate::nats::link::REPLICAS;
use crate::nats::streams::{self, Keeps};
use crate::otlp::Sampler;

/// How long orders and outcomes stay where nobody takes them.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// And objects and dead letters: longer than any mission takes that work is still done for.
const LONG_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);
/// The least of either: what goes sooner is gone before whoever is to have it has come back.
const LEAST_KEPT: Duration = Duration::from_secs(3600);
/// Orders that wait at most, and their bytes: more are not taken, so that whoever hands them out waits.
const MOST_ORDERS: i64 = 100_000;
const MOST_ORDER_BYTES: i64 = 512 << 20;
/// Bytes of dead letters; the oldest make room.
const MOST_DEAD_BYTES: i64 = 64 << 20;
/// An order that is published twice within this is there once. Later ones find its outcome.
const TWICE: Duration = Duration::from_secs(600);
/// How long a worker may say nothing, usually.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a fleet is, and which of those that a server has.
#[derive(Clone)]
pub struct At {
    /// The server, or several of one system separated by commas; may have a user and a password.
    pub url: String,
    /// A file of credentials.
    pub creds: Option<PathBuf>,
    /// Which fleet: `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// A worker that says nothing for so long is taken for gone.
    pub silence: Duration,
    /// What is signed with, and who is trusted.
    pub seal: Seal,
    /// Which traces are told: workers hear of it.
    pub sampler: Sampler,
}

impl At {
    /// The fleet of a server, with everything else as usual.
    #[must_use]
    pub fn new(url: &str, creds: Option<PathBuf>) -> Self {
        Self {
            url: url.to_owned(),
            creds,
            name: "coditect".to_owned(),
            silence: SILENCE,
            seal: Seal::default(),
            sampler: Sampler::default(),
        }
    }
}

// By hand, so that no password is ever printed.
impl std::fmt::Debug for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("At")
            .field("url", &crate::nats::redacted(&self.url))
            .field("name", &self.name)
            .finish()
    }
}

/// The consumer of the orders; there is one for all roles.
pub(super) const CONSUMER: &str = "work";

/// What a fleet calls things on its server.
#[derive(Clone, Debug)]
pub(super) struct Names(String);

impl Names {
    /// Of the fleet of a name.
    pub(super) fn of(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The stream of its orders.
    pub(super) fn orders(&self) -> String {
        format!("{}_ORDERS", self.0.to_uppercase())
    }

    /// The stream of what came of them.
    fn outcomes(&self) -> String {
        format!("{}_OUTCOMES", self.0.to_uppercase())
    }

    /// The stream of dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}_DEAD", self.0.to_uppercase())
    }

    /// The store of objects.
    fn objects(&self) -> String {
        format!("{}-objects", self.0)
    }

    /// The orders of all roles.
    pub(super) fn all_orders(&self) -> String {
        format!("{}.order.*", self.0)
    }

    /// Where a worker says that it is there.
    pub(super) fn alive(&self) -> String {
        format!("{}.alive", self.0)
    }

    /// Where workers are asked who is there.
    pub(super) fn who(&self) -> String {
        format!("{}.who", self.0)
    }
}

/// The fleet as a process knows it.
#[derive(Clone)]
pub(super) struct House {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) orders: Stream,
    pub(super) outcomes: Stream,
    pub(super) dead: Stream,
    pub(super) store: ObjectStore,
    /// A worker that says nothing for so long is taken for gone.
    pub(super) silence: Duration,
    pub(super) seal: Seal,
    pub(super) sampler: Sampler,
    /// Whether the server itself takes an order away whose time is over.
    pub(super) ends_orders: bool,
    /// What a person should know of what was found there, a sentence each.
    pub(super) notes: Arc<[String]>,
    /// Changes with each connection to a server.
    pub(super) connected: Receiver<u64>,
    name: String,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A stream as a fleet wants it, and what it keeps.
type Wanted = (StreamConfig, Keeps<'static>);

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn keeps(what: &'static str) -> Keeps<'static> {
    Keeps { what, least_age: nanoseconds(LEAST_KEPT) }
}

/// The streams of a fleet: orders, outcomes, dead letters, and what the store of objects is kept in.
fn wanted(names: &Names, replicas: u32) -> [Wanted; 4] {
    let Names(name) = names;
    let usual = |stream: String, subjects: Vec<String>, description: &str| StreamConfig {
        name: stream,
        description: description.to_owned(),
        subjects,
        retention: "limits".to_owned(),
        storage: "file".to_owned(),
        discard: "old".to_owned(),
        num_replicas: replicas,
        max_age: nanoseconds(KEPT),
        max_msgs: -1,
        max_bytes: -1,
        max_msgs_per_subject: -1,
        max_msg_size: -1,
        allow_direct: true,
        ..StreamConfig::default()
    };
    let orders = StreamConfig {
        retention: "workqueue".to_owned(),
        discard: "new".to_owned(),
        max_msgs: MOST_ORDERS,
        max_bytes: MOST_ORDER_BYTES,
        duplicate_window: nanoseconds(TWICE),
        allow_direct: false,
        allow_msg_ttl: true,
        ..usual(names.orders(), vec![names.all_orders()], "actions that no worker has done yet")
    };
    let outcomes = StreamConfig {
        max_msgs_per_subject: 1,
        ..usual(names.outcomes(), vec![format!("{name}.outcome.>")], "what came of actions")
    };
    let dead = StreamConfig {
        max_age: nanoseconds(LONG_KEPT),
        max_bytes: MOST_DEAD_BYTES,
        ..usual(names.dead(), vec![format!("{name}.dead.*.*")], "actions that were given up, and why")
    };
    let bucket = names.objects();
    let subjects = vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")];
    let objects = StreamConfig {
        discard: "new".to_owned(),
        max_age: nanoseconds(LONG_KEPT),
        allow_rollup_hdrs: true,
        ..usual(format!("OBJ_{bucket}"), subjects, "commits, and what is too long for a message")
    };
    [
        (orders, keeps("orders")),
        (outcomes, keeps("outcomes")),
        (dead, keeps("dead letters")),
        (objects, keeps("commits")),
    ]
}

/// A server of a cluster may go without taking work with it.
fn replicas(client: &Client) -> u32 {
    if client.server_info().cluster.is_some() { REPLICAS } else { 1 }
}

/// What a person should know of a fleet's streams, a sentence each. Makes nothing: what is not there yet is made as it should be.
///
/// # Errors
/// The server cannot be reached, or one of them cannot be used.
pub(super) async fn notes(
    client: &Client,
    context: &Context,
    names: &Names,
) -> Result<Vec<String>, PortError> {
    let mut notes = Vec::new();
    for (wanted, keeps) in wanted(names, replicas(client)) {
        let Some(found) = streams::find(context, &wanted.name).await? else { continue };
        streams::check(&wanted, &found, keeps)?;
        notes.extend(streams::notes_on(&wanted, &found, keeps.what));
    }
    Ok(notes)
}

impl House {
    /// Connects, and makes what is not there yet.
    ///
    /// # Errors
    /// The server cannot be reached, keeps nothing, or has streams of these names that would lose what they are given.
    pub(super) async fn open(at: &At) -> Result<Self, PortError> {
        let (client, connected) =
            crate::nats::connect_watched(&at.url, at.creds.as_deref(), PATIENCE).await?;
        let context = jetstream::new(client.clone());
        let names = Names::of(&at.name);
        let (mut notes, mut ends_orders) = (Vec::new(), false);
        for (wanted, keeps) in wanted(&names, replicas(&client)) {
            let found = streams::make_or_find(&context, &wanted, keeps).await?;
            notes.extend(streams::notes_on(&wanted, &found, keeps.what));
            ends_orders |= wanted.allow_msg_ttl && found.config.allow_msg_ttl;
        }
        let stream = async |name: String| context.get_stream(name).await.map_err(|error| away(&error));
        let store = context.get_object_store(&names.objects()).await.map_err(|error| away(&error))?;
        Ok(Self {
            orders: stream(names.orders()).await?,
            outcomes: stream(names.outcomes()).await?,
            dead: stream(names.dead()).await?,
            client,
            context,
            store,
            silence: at.silence,
            seal: at.seal.clone(),
            sampler: at.sampler,
            ends_orders,
            notes: notes.into(),
            connected,
            name: at.name.clone(),
        })
    }

    /// Removes what the fleet has on its server.
    pub(super) async fn remove(&self) -> Result<(), PortError> {
        let names = Names::of(&self.name);
        for stream in [names.orders(), names.outcomes(), names.dead()] {
            self.context.delete_stream(&stream).await.map_err(|error| away(&error))?;
        }
        self.context.delete_object_store(&names.objects()).await.map_err(|error| away(&error))
    }

    /// The orders of a role; there is one consumer for all of them.
    pub(super) fn order(&self, role: Role) -> String {
        format!("{}.order.{}", self.name, role.name())
    }

    pub(super) fn outcome(&self, mission: &MissionId, attempt: AttemptId) -> String {
        format!("{}.outcome.{mission}.{attempt}", self.name)
    }

    /// The outcomes of all attempts of a mission.
    pub(super) fn outcomes_of(&self, mission: &MissionId) -> String {
        format!("{}.outcome.{mission}.*", self.name)
    }

    /// Where it stands why an attempt's order was given up.
    pub(super) fn dead_of(&self, mission: &str, attempt: &str) -> String {
        format!("{}.dead.{mission}.{attempt}", self.name)
    }

    /// What is said of all attempts of a mission.
    pub(super) fn doings_of(&self, mission: &MissionId) -> String {
        format!("{}.doing.{mission}.*", self.name)
    }

    /// All that is said to whoever performs something.
    pub(super) fn words(&self) -> String {
        format!("{}.word.*.*", self.name)
    }

    /// Where whoever performs an attempt is told something.
    pub(super) fn word(&self, mission: &MissionId, attempt: AttemptId) -> String {
        format!("{}.word.{mission}.{attempt}", self.name)
    }

    /// Where whoever performs an attempt says what it does.
    pub(super) fn doing(&self, mission: &MissionId, attempt: AttemptId) -> String {
        format!("{}.doing.{mission}.{attempt}", self.name)
    }

    /// Where a worker says that it is there.
    pub(super) fn alive(&self) -> String {
        Names::of(&self.name).alive()
    }

    /// Where workers are asked who is there.
    pub(super) fn who(&self) -> String {
        Names::of(&self.name).who()
    }
}

/// A mission's or an attempt's own name for an object.
pub(super) fn object(of: &str, mission: &MissionId, what: impl std::fmt::Display) -> String {
    format!("{of}-{mission}-{what}")
}
