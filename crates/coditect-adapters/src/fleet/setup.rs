//! What a fleet has on its server: a work queue, a stream of outcomes, a store of objects.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::{self, Context};
use coditect_ports::PortError;
use coditect_types::plan::Role;
use coditect_types::{AttemptId, ErrorKind, MissionId};
use tokio::sync::watch::Receiver;

use super::parcel::away;
use super::seal::Seal;
use crate::otlp::Sampler;

/// How long orders and outcomes stay where nobody takes them.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// And objects: longer than any mission takes that work is still done for.
const OBJECTS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);
/// An order that is published twice within this is there once. Later ones find its outcome.
const TWICE: Duration = Duration::from_secs(600);
/// How long a worker may say nothing, usually.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a cluster is to keep it.
const REPLICAS: usize = 3;
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
    pub(super) store: ObjectStore,
    /// A worker that says nothing for so long is taken for gone.
    pub(super) silence: Duration,
    pub(super) seal: Seal,
    pub(super) sampler: Sampler,
    /// Changes with each connection to a server.
    pub(super) connected: Receiver<u64>,
    name: String,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("name", &self.name).finish_non_exhaustive()
    }
}

impl House {
    /// Connects, and makes what is not there yet.
    pub(super) async fn open(at: &At) -> Result<Self, PortError> {
        let (client, connected) =
            crate::nats::connect_watched(&at.url, at.creds.as_deref(), PATIENCE).await?;
        let context = jetstream::new(client.clone());
        let name = at.name.clone();
        // A server of a cluster may go without taking work with it.
        let num_replicas = if client.server_info().cluster.is_some() { REPLICAS } else { 1 };
        let upper = name.to_uppercase();
        let orders = Config {
            name: Names::of(&name).orders(),
            subjects: vec![Names::of(&name).all_orders()],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_age: KEPT,
            duplicate_window: TWICE,
            num_replicas,
            description: Some("actions that no worker has done yet".to_owned()),
            ..Config::default()
        };
        let outcomes = Config {
            name: format!("{upper}_OUTCOMES"),
            subjects: vec![format!("{name}.outcome.>")],
            max_messages_per_subject: 1,
            max_age: KEPT,
            allow_direct: true,
            num_replicas,
            description: Some("what came of actions".to_owned()),
            ..Config::default()
        };
        let refused = |error: &dyn std::fmt::Display| {
            PortError::new(ErrorKind::Unavailable, format!("the fleet's server keeps nothing: {error}"))
                .with_hint("start it with JetStream: `nats-server -js`")
        };
        let orders = context.get_or_create_stream(orders).await.map_err(|error| refused(&error))?;
        let outcomes = context.get_or_create_stream(outcomes).await.map_err(|error| refused(&error))?;
        let bucket = format!("{name}-objects");
        let store = match context.get_object_store(&bucket).await {
            Ok(store) => store,
            Err(_) => {
                let config = object_store::Config {
                    bucket,
                    max_age: OBJECTS_KEPT,
                    num_replicas,
                    ..object_store::Config::default()
                };
                context.create_object_store(config).await.map_err(|error| away(&error))?
            }
        };
        Ok(Self {
            client,
            context,
            orders,
            outcomes,
            store,
            silence: at.silence,
            seal: at.seal.clone(),
            sampler: at.sampler,
            connected,
            name,
        })
    }

    /// Removes what the fleet has on its server.
    pub(super) async fn remove(&self) -> Result<(), PortError> {
        let upper = self.name.to_uppercase();
        for stream in [format!("{upper}_ORDERS"), format!("{upper}_OUTCOMES")] {
            self.context.delete_stream(&stream).await.map_err(|error| away(&error))?;
        }
        let bucket = format!("{}-objects", self.name);
        self.context.delete_object_store(&bucket).await.map_err(|error| away(&error))
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
