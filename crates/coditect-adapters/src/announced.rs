//! Announcements for programs that listen on a NATS server. `coditect-api/proto/coditect/v1/events.proto` says what they hear, and where.
//!
//! Nothing waits for it: what the server does not take in time is dropped and counted, and the count goes with what comes after.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver as Told, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use coditect_api::Message;
use coditect_api::v1::{Announcement, Announcements};
use coditect_ports::{Bus, Notice, PortError};
use coditect_types::{AttemptId, Event, MissionId, Outcome, Record, TaskId};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{nats, threads};

/// Announcements that wait for the server at most.
const WAITING: usize = 8_192;
/// How long one waits for others to go with it.
const GATHERS_FOR: Duration = Duration::from_millis(5);
/// Announcements of a message, and bytes of one that has several.
const MOST: usize = 512;
const MOST_BYTES: usize = 512 << 10;
/// Bytes of JSON that go with an announcement.
const JSON_BYTES: usize = 256 << 10;
/// How long the server is tried at the start, and waited for in the end.
const PATIENCE: Duration = Duration::from_secs(5);
const FAREWELL: Duration = Duration::from_secs(1);

/// Tells whoever listens on a server.
#[derive(Debug)]
pub struct Announced {
    /// Taken on dropping, which ends the messenger.
    sender: Option<Sender<Notice>>,
    dropped: Arc<AtomicU64>,
    /// Told once the last is said. In a lock only since whoever shares a bus shares this.
    done: Mutex<Told<()>>,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

/// Where announcements go.
#[derive(Clone, Debug)]
pub struct AnnouncedAt {
    /// The server, or several of one system separated by commas; may have a user and a password.
    pub url: String,
    /// A file of credentials.
    pub creds: Option<PathBuf>,
    /// What subjects begin with: `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// A name of this process that no other has.
    pub process: String,
}

impl Announced {
    /// Connects. Not on a thread of a tokio runtime.
    ///
    /// # Errors
    /// No server answers, or it refuses the credentials.
    pub fn open(at: &AnnouncedAt) -> Result<Self, PortError> {
        let runtime = threads::start("announced", 1)?;
        let client = runtime.block_on(nats::connect_to(&at.url, at.creds.as_deref(), PATIENCE))?;
        let (sender, receiver) = channel(WAITING);
        let (tell, done) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let messenger = Messenger {
            client,
            subject: format!("{}.events", at.name),
            process: at.process.clone(),
            dropped: Arc::clone(&dropped),
        };
        runtime.spawn(async move {
            messenger.run(receiver).await;
            // Nobody may wait for it.
            tell.send(()).ok();
        });
        Ok(Self { sender: Some(sender), dropped, done: Mutex::new(done), runtime: Some(runtime) })
    }

    /// Announcements that the server did not take in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Bus for Announced {
    fn announce(&self, notice: Notice) {
        let is_sent = self.sender.as_ref().is_some_and(|sender| sender.try_send(notice).is_ok());
        if !is_sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        drop(self.sender.take());
        // What is said last is that a mission has ended.
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        if done.recv_timeout(FAREWELL).is_err() {
            tracing::debug!("the server did not take all announcements in time");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Carries announcements to the server.
struct Messenger {
    client: Client,
    subject: String,
    process: String,
    dropped: Arc<AtomicU64>,
}

impl Messenger {
    async fn run(self, mut notices: Receiver<Notice>) {
        while let Some(first) = notices.recv().await {
            let (until, mut all) = (Instant::now() + GATHERS_FOR, vec![first]);
            while all.len() < MOST {
                match timeout_at(until, notices.recv()).await {
                    Ok(Some(notice)) => all.push(notice),
                    Ok(None) | Err(_) => break,
                }
            }
            self.publish(&all).await;
        }
        timeout(FAREWELL, self.client.flush()).await.ok();
    }

    async fn publish(&self, notices: &[Notice]) {
        // In their order on each subject.
        let mut by_subject: BTreeMap<String, Vec<Announcement>> = BTreeMap::new();
        for notice in notices {
            let (topic, announcement) = announcement(notice);
            let subject = format!("{}.{topic}.{}", self.subject, announcement.mission);
            by_subject.entry(subject).or_default().push(announcement);
        }
        for (subject, announcements) in by_subject {
            for part in parts(announcements) {
                let count = part.len() as u64;
                let dropped = self.dropped.load(Ordering::Relaxed);
                let message = Announcements { process: self.process.clone(), dropped, announcements: part };
                let sent = self.client.publish(subject.clone(), message.encode_to_vec().into()).await;
                if let Err(error) = sent {
                    self.dropped.fetch_add(count, Ordering::Relaxed);
                    tracing::debug!(%error, "announcements are lost");
                }
            }
        }
    }
}

/// Parts that a message can carry.
fn parts(announcements: Vec<Announcement>) -> Vec<Vec<Announcement>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for announcement in announcements {
        let size = announcement.encoded_len();
        if !part.is_empty() && bytes + size > MOST_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(announcement);
    }
    parts.push(part);
    parts
}

/// What is told of a notice, and its topic.
fn announcement(notice: &Notice) -> (&'static str, Announcement) {
    match notice {
        Notice::Recorded(record) => of_record(record),
        Notice::Doing { mission, task, attempt, .. } => {
            ("agent.act", progress(notice, "progress.doing", (mission, *task, Some(*attempt))))
        }
        Notice::Tests { mission, task, .. } => {
            ("system.metric", progress(notice, "progress.tests", (mission, *task, None)))
        }
        Notice::Search { mission, task, .. } => {
            ("system.metric", progress(notice, "progress.search", (mission, *task, None)))
        }
    }
}

fn progress(
    notice: &Notice,
    kind: &str,
    (mission, task, attempt): (&MissionId, TaskId, Option<AttemptId>),
) -> Announcement {
    Announcement {
        mission: mission.to_string(),
        seq: 0,
        at_ms: 0,
        r#type: kind.to_owned(),
        task: Some(task.0),
        attempt: attempt.map(|attempt| attempt.0),
        json: serde_json::to_string(notice).unwrap_or_default(),
    }
}

fn of_record(record: &Record) -> (&'static str, Announcement) {
    let json = serde_json::to_value(record).unwrap_or_default();
    let number = |name: &str| json[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let text = json.to_string();
    let announcement = Announcement {
        mission: record.mission.to_string(),
        seq: record.seq,
        at_ms: record.at_ms,
        r#type: json["type"].as_str().unwrap_or_default().to_owned(),
        task: number("task"),
        attempt: number("attempt"),
        json: if text.len() <= JSON_BYTES { text } else { String::new() },
    };
    (topic(&record.event), announcement)
}

/// The topic of an event.
fn topic(event: &Event) -> &'static str {
    match event {
        Event::MissionSubmitted { .. }
        | Event::MissionForked { .. }
        | Event::MissionResumed { .. }
        | Event::MissionConcluding { .. }
        | Event::MissionCompleted { .. } => "mission.state",
        Event::PlanMade { .. }
        | Event::StagesPlanned { .. }
        | Event::StageEnded { .. }
        | Event::TaskSettled { .. }
        | Event::ApprovalAsked { .. }
        | Event::ApprovalGiven { .. } => "system.decision",
        Event::AttemptStarted { action, .. } if action.starts_with("ask") => "agent.think",
        Event::AttemptEnded { outcome: Outcome::ModelAnswered { .. }, .. } => "agent.think",
        Event::AttemptEnded { outcome: Outcome::Failed { .. }, .. } | Event::OutcomeIgnored { .. } => {
            "system.error"
        }
        Event::AttemptStarted { .. } | Event::AttemptEnded { .. } => "agent.act",
        Event::ViolationFound { .. } => "agent.learn",
    }
}

#[cfg(test)]
mod tests;
