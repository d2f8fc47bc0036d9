//! Which process has which missions under way. Each that writes says so every few seconds, in a stream whose messages go by themselves:
//! one that is killed, hangs, or is cut off is not in it any more soon after.
//!
//! It is a hint and never a lock. Clocks are those of the server alone. Whoever takes up a mission that nobody seems to have may be wrong:
//! then the number of the next message tells, as ever, who goes on with it (see the module above).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::MissionId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Shared;
use super::api::{AskBatch, Purge, Purged, StreamConfig};
use super::link::{BATCH_BYTES, Link};
use super::setup::{Names, make_or_find, replicas};

/// How often a process says what it has.
const BEAT: Duration = Duration::from_secs(5);
/// How long the server keeps what it said: three beats may be lost.
const KEPT: Duration = Duration::from_secs(20);
/// How long a change is kept back, for others that come with it.
const SOON: Duration = Duration::from_millis(100);
/// How long it is asked or made: nothing depends on it.
const BRIEFLY: Duration = Duration::from_secs(2);
/// Processes that are told. Servers answer for so many subjects at once.
const MOST: usize = 1_024;
/// What was read so short a time ago is told again, and that nothing could be read.
const FRESH: Duration = Duration::from_secs(1);
const UNKNOWN: Duration = Duration::from_secs(10);

/// A process, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The name of its machine.
    pub host: String,
    /// Its number there.
    pub pid: u32,
    /// Where that number is one of its own: which boot of which machine, and which container.
    pub place: String,
}

impl Process {
    /// The process that asks, on a machine of this name.
    #[must_use]
    pub fn this(host: String) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let names = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Self { host, pid: std::process::id(), place: format!("{} {}", boot.trim(), names.display()) }
    }

    /// Whether it has surely ended, though the server remembers it for a while: its number is one of `here`, and nobody has it.
    fn is_gone(&self, here: &Self) -> bool {
        // Half a place is none: it could be another machine's.
        let is_here = self.place == here.place && self.place.contains("pid:[");
        is_here && !std::path::Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

/// A process, and what it says that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A name that no other process has.
    pub instance: String,
    /// Where it is.
    #[serde(flatten)]
    pub process: Process,
    /// Its version.
    pub version: String,
    /// The missions that it has under way.
    pub missions: Vec<MissionId>,
}

/// What was read of all, and when; or why nothing was.
pub(super) type Known = Option<(Instant, Result<Arc<Vec<Holder>>, PortError>)>;

fn subject(names: &Names, instance: &str) -> String {
    format!("{}{instance}", names.of_held)
}

/// Makes the stream where it is not there yet. It may be gone with the server's memory.
pub(super) async fn make(link: &Link, names: &Names) -> Result<(), PortError> {
    let wanted = StreamConfig {
        name: names.held.clone(),
        description: "which process has which missions".to_owned(),
        subjects: vec![subject(names, "*")],
        retention: "limits".to_owned(),
        storage: "memory".to_owned(),
        discard: "old".to_owned(),
        num_replicas: replicas(link),
        max_age: i64::try_from(KEPT.as_nanos()).unwrap_or(i64::MAX),
        max_msgs: -1,
        max_bytes: -1,
        max_msgs_per_subject: 1,
        max_msg_size: -1,
        duplicate_window: 1_000_000_000,
        allow_direct: true,
        ..StreamConfig::default()
    };
    let made = make_or_find(link, &wanted, Instant::now() + BRIEFLY).await;
    made.map(drop).map_err(|fault| link.error("making the list of who has which missions", fault))
}

/// Says what this process has, as long as it lives.
pub(super) async fn say(shared: Arc<Shared>, process: Process) {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_made = false;
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shared.changed.notified() => sleep(SOON).await,
        }
        let said = match is_made {
            true => say_once(&shared, &process).await,
            false => match make(&shared.link, &shared.names).await {
                Ok(()) => say_once(&shared, &process).await,
                Err(error) => Err(error),
            },
        };
        is_made = said.is_ok();
        if let Err(error) = said {
            tracing::debug!(%error, "nobody hears which missions this process has");
        }
    }
}

async fn say_once(shared: &Shared, process: &Process) -> Result<(), PortError> {
    let link = &shared.link;
    let mut missions: Vec<MissionId> = shared.turns().keys().cloned().collect();
    missions.sort_unstable();
    let holder = Holder {
        instance: shared.instance(),
        process: process.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        missions,
    };
    let payload = serde_json::to_vec(&holder).unwrap_or_default();
    let subject = subject(&shared.names, &holder.instance);
    let sent = link.publish(&subject, None, payload.into(), Instant::now() + BEAT).await;
    sent.map(drop).map_err(|fault| link.error("saying which missions this process has", fault))
}

/// Says that this process has nothing any more.
pub(super) async fn leave(shared: &Shared) {
    let link = &shared.link;
    let purge = Purge { filter: &subject(&shared.names, &shared.instance()) };
    let call = format!("STREAM.PURGE.{}", shared.names.held);
    // Where nobody hears it, the server forgets it by itself.
    link.api::<Purged>(&call, &purge, Instant::now() + BRIEFLY).await.ok();
}

/// What all processes say, in the order of their names.
pub(super) async fn read(shared: &Shared) -> Result<Arc<Vec<Holder>>, PortError> {
    if let Some((at, known)) = &*shared.holders()
        && at.elapsed() < if known.is_ok() { FRESH } else { UNKNOWN }
    {
        return known.clone();
    }
    let mut read = read_anew(shared).await;
    // It goes with the memory of a server that has no others.
    if read.is_err() && make(&shared.link, &shared.names).await.is_ok() {
        read = read_anew(shared).await;
    }
    *shared.holders() = Some((Instant::now(), read.clone()));
    read
}

async fn read_anew(shared: &Shared) -> Result<Arc<Vec<Holder>>, PortError> {
    let link = &shared.link;
    let all = subject(&shared.names, "*");
    let which =
        AskBatch { multi_last: vec![&all], batch: MOST, max_bytes: BATCH_BYTES, ..AskBatch::default() };
    let got = link.batch(&shared.names.held, &which, Instant::now() + BRIEFLY).await;
    let got = got.map_err(|fault| link.error("asking who has which missions", fault))?;
    let (mut holders, here) = (BTreeMap::new(), Process::this(String::new()));
    for message in got.messages {
        // Of a version that says it otherwise: nobody knows what it has, and the number of the next message still fences.
        match serde_json::from_slice::<Holder>(&message.payload) {
            Ok(holder) if holder.process.is_gone(&here) => {}
            Ok(holder) => drop(holders.insert(holder.instance.clone(), holder)),
            Err(error) => {
                tracing::warn!(%error, subject = message.subject, "a process says what is not understood")
            }
        }
    }
    Ok(Arc::new(holders.into_values().collect()))
}
