//! Who is there: workers say so every few seconds, and whenever somebody asks; whoever asks hears of the queue too.
//!
//! **What is said.** On `NAME.alive`, and as the answer to a message on `NAME.who`, JSON of at most 256 KiB: [`Alive`]. Its `v` is 1; a worker
//! of an older version says none, no jobs, and answers nobody. A field that is not known is passed over, one that is not there is empty. It is
//! plain NATS: nothing is kept of it on the server, and who says nothing any more is silent.
//!
//! **Whoever looks** makes nothing on the server, and believes what is said as far as it can be shown: names and lists have bounds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, Message, Subject, Subscriber};
use bytes::Bytes;
use coditect_ports::PortError;
use coditect_types::MissionId;
use coditect_types::fleet::{Job, OrderQueue, WorkerSeen, WorkerStanding};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

use super::parcel::away;
use super::setup::{self, At, CONSUMER, House, Names};
use crate::nats::streams;
use crate::threads;

/// How often a worker says that it is there.
const ALIVE: Duration = Duration::from_secs(5);
/// How long answers are waited for.
const ANSWERS: Duration = Duration::from_millis(300);
/// How long the server may take to tell of its queue.
const QUEUE: Duration = Duration::from_secs(3);
/// How long it is believed what was heard: pages that are open ask again and again.
const FRESH: Duration = Duration::from_secs(1);
/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who says nothing for so long is silent; who does not for so long more is forgotten.
const SILENT: Duration = Duration::from_secs(12);
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Workers that are kept in mind, and bytes of what one says.
const WORKERS: usize = 1_000;
const BYTES: usize = 256 << 10;
/// Jobs, roles, and characters of a name that are taken of it.
const JOBS: usize = 32;
const ROLES: usize = 20;
const NAME: usize = 100;

/// What a worker says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Alive {
    /// The version of what is said; 0: an older one.
    #[serde(default)]
    pub(super) v: u32,
    pub(super) name: String,
    pub(super) slots: u64,
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// Actions that it performs now.
    #[serde(default)]
    pub(super) busy: u64,
    /// Its version.
    #[serde(default)]
    pub(super) version: String,
    /// It takes no more.
    #[serde(default)]
    pub(super) leaving: bool,
    /// It is gone.
    #[serde(default)]
    pub(super) left: bool,
    /// What it performs.
    #[serde(default)]
    pub(super) jobs: Vec<Job>,
}

impl Alive {
    /// Of a worker of this version that offers this.
    pub(super) fn of(offer: &super::Offer) -> Self {
        Self {
            v: 1,
            name: offer.name.clone(),
            slots: offer.slots.max(1) as u64,
            roles: offer.roles.iter().map(|role| role.name().to_owned()).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Self::default()
        }
    }
}

/// Says that a worker is there, every few seconds and to whoever asks, as long as it is polled.
pub(super) async fn present(house: &House, alive: impl Fn() -> Alive) -> Infallible {
    let mut every = interval(ALIVE);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = house.client.subscribe(house.who()).await.ok();
    loop {
        tokio::select! {
            _ = every.tick() => say(house, house.alive().into(), &alive()).await,
            question = next(&mut asked) => {
                if let Some(whom) = question.and_then(|question| question.reply) {
                    say(house, whom, &alive()).await;
                }
            }
        }
    }
}

/// The next question; one that ends leaves only what is said every few seconds.
async fn next(asked: &mut Option<Subscriber>) -> Option<Message> {
    let question = match asked {
        Some(asked) => asked.next().await,
        None => pending().await,
    };
    if question.is_none() {
        *asked = None;
    }
    question
}

/// Says something. Where nobody hears it, nothing else is lost.
pub(super) async fn say(house: &House, whom: Subject, alive: &Alive) {
    let text = serde_json::to_vec(alive).unwrap_or_default();
    if let Err(error) = house.client.publish(whom, Bytes::from(text)).await {
        tracing::debug!(%error, "nobody hears that this worker is there");
    }
}

/// A worker, as it was heard last.
struct Heard {
    alive: Alive,
    at: Instant,
    at_ms: u64,
}

/// The workers that were heard, by their names.
#[derive(Default)]
struct Known {
    workers: BTreeMap<String, Heard>,
    /// Messages of others, for whom there was no room.
    more: u64,
}

impl Known {
    /// Takes what somebody said of themselves, if it can be shown.
    fn hear(&mut self, bytes: &[u8], now: Instant, now_ms: u64) {
        if bytes.len() > BYTES {
            return;
        }
        let Ok(mut alive) = serde_json::from_slice::<Alive>(bytes) else { return };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if alive.name.is_empty() || alive.name.len() > NAME || !alive.name.chars().all(is_name) {
            return;
        }
        if alive.left {
            self.workers.remove(&alive.name);
            return;
        }
        self.workers.retain(|_, heard| now.duration_since(heard.at) < FORGOTTEN);
        if self.workers.len() >= WORKERS && !self.workers.contains_key(&alive.name) {
            self.more += 1;
            return;
        }
        alive.version = alive.version.chars().take(NAME).collect();
        alive.roles.truncate(ROLES);
        alive.roles = alive.roles.iter().map(|role| role.chars().take(NAME).collect()).collect();
        // An id is part of an address.
        alive.jobs.retain(|job| MissionId::parse(job.mission.as_str()).is_ok());
        alive.jobs.truncate(JOBS);
        for job in &mut alive.jobs {
            job.role = job.role.chars().take(NAME).collect();
        }
        self.workers.insert(alive.name.clone(), Heard { alive, at: now, at_ms: now_ms });
    }

    /// All of them.
    fn tell(&mut self, now: Instant) -> (Vec<WorkerSeen>, u64) {
        self.workers.retain(|_, heard| now.duration_since(heard.at) < FORGOTTEN);
        let seen = |heard: &Heard| {
            let Alive { name, slots, roles, busy, version, leaving, jobs, .. } = heard.alive.clone();
            let is_silent = now.duration_since(heard.at) >= SILENT;
            let standing = match (is_silent, leaving) {
                (true, _) => WorkerStanding::Silent,
                (false, true) => WorkerStanding::Leaving,
                (false, false) => WorkerStanding::Here,
            };
            // Whoever is silent does nothing that anybody knows of.
            let (busy, jobs) = if is_silent { (0, Vec::new()) } else { (busy, jobs) };
            WorkerSeen {
                name,
                standing,
                roles,
                slots,
                busy: Some(busy),
                version,
                heard_at_ms: heard.at_ms,
                jobs,
            }
        };
        (self.workers.values().map(seen).collect(), std::mem::take(&mut self.more))
    }
}

/// Who is there, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// Workers, by their names.
    pub workers: Vec<WorkerSeen>,
    /// Messages of workers beyond those.
    pub more: u64,
    /// The orders; None: nothing was ever handed out there.
    pub queue: Option<OrderQueue>,
}

/// Whoever looks at a fleet, and has no part in it. As long as it is there it hears who says what, so that it knows who has become silent.
pub struct Lookout {
    client: Client,
    context: Context,
    names: Names,
    shown: String,
    known: Arc<Mutex<Known>>,
    last: Mutex<Option<(Instant, Roll)>>,
    now_ms: fn() -> u64,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout").field("server", &self.shown).finish_non_exhaustive()
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Lookout {
    /// Connects, and makes nothing. `now_ms` tells the time, ms since 1970.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn open(at: &At, now_ms: fn() -> u64) -> Result<Self, PortError> {
        let runtime = threads::start("lookout", 1)?;
        let names = Names::of(&at.name);
        let known = Arc::<Mutex<Known>>::default();
        let (url, creds) = (at.url.clone(), at.creds.clone());
        let alive = names.alive();
        let (client, context, said) = threads::wait(Some(&runtime), async move {
            let client = crate::nats::connect_to(&url, creds.as_deref(), PATIENCE).await?;
            let said = client.subscribe(alive).await.map_err(|error| away(&error))?;
            // It has a task of its own, on the threads of whoever makes it.
            let context = jetstream::new(client.clone());
            Ok((client, context, said))
        })?;
        let of = Arc::clone(&known);
        runtime.spawn(listen(said, of, now_ms));
        let shown = crate::nats::redacted(&at.url);
        Ok(Self {
            client,
            context,
            names,
            shown,
            known,
            last: Mutex::default(),
            now_ms,
            runtime: Some(runtime),
        })
    }

    /// The server, without what is secret.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What a person should know of the streams of the fleet, a sentence each. Blocks, and makes nothing.
    ///
    /// # Errors
    /// The server does not answer, or has streams that cannot be used.
    pub fn notes(&self) -> Result<Vec<String>, PortError> {
        let (client, context, names) = (self.client.clone(), self.context.clone(), self.names.clone());
        threads::wait(self.runtime.as_ref(), async move {
            let noting = timeout(QUEUE, setup::notes(&client, &context, &names));
            noting.await.unwrap_or_else(|_| Err(away(&"it does not answer")))
        })
    }

    /// Asks who is there, and what waits. Blocks for about a third of a second; what was found is told again for a second.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn look(&self) -> Result<Roll, PortError> {
        // Who looks at the same moment waits here, and is told the same.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, roll)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(roll.clone());
        }
        let (client, names) = (self.client.clone(), self.names.clone());
        let (known, now_ms) = (Arc::clone(&self.known), self.now_ms);
        let context = self.context.clone();
        let (asked, queue) = threads::wait(self.runtime.as_ref(), async move {
            let asking = call(&client, names.who(), &known, now_ms);
            let counting = timeout(QUEUE, queue(&context, &names));
            let (asked, queue) = tokio::join!(asking, counting);
            Ok((asked, queue.unwrap_or_else(|_| Err(away(&"it does not answer")))))
        })?;
        asked?;
        let queue = queue?;
        let (workers, more) = locked(&self.known).tell(Instant::now());
        let roll = Roll { workers, more, queue };
        *last = Some((Instant::now(), roll.clone()));
        Ok(roll)
    }
}

fn locked(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears who says that they are there.
async fn listen(mut said: Subscriber, known: Arc<Mutex<Known>>, now_ms: fn() -> u64) {
    while let Some(message) = said.next().await {
        locked(&known).hear(&message.payload, Instant::now(), now_ms());
    }
}

/// Asks who is there, and hears the answers that come soon.
async fn call(
    client: &Client,
    who: String,
    known: &Mutex<Known>,
    now_ms: fn() -> u64,
) -> Result<(), PortError> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| away(&error))?;
    let asked = client.publish_with_reply(who, inbox, Bytes::new()).await;
    asked.map_err(|error| away(&error))?;
    let end = Instant::now() + ANSWERS;
    while let Ok(Some(answer)) = timeout_at(end, answers.next()).await {
        locked(known).hear(&answer.payload, Instant::now(), now_ms());
    }
    Ok(())
}

/// What waits.
async fn queue(context: &Context, names: &Names) -> Result<Option<OrderQueue>, PortError> {
    let stream = match context.get_stream(names.orders()).await {
        Ok(stream) => stream,
        Err(error) => {
            let GetStreamErrorKind::JetStream(told) = error.kind() else { return Err(away(&error)) };
            // Nobody has joined a fleet there yet.
            let is_missing = told.error_code() == ErrorCode::STREAM_NOT_FOUND;
            return if is_missing { Ok(None) } else { Err(away(&error)) };
        }
    };
    let state = &stream.cached_info().state;
    let dead = streams::find(context, &names.dead()).await?.map_or(0, |found| found.state.messages);
    let mut queue = OrderQueue { waiting: state.messages, dead, ..OrderQueue::default() };
    queue.since_ms = (state.messages > 0).then(|| ms(state.first_timestamp.unix_timestamp_nanos()));
    queue.waiting_since_ms = queue.since_ms;
    // Without a consumer no worker was ever there: all of it waits.
    if let Ok(consumer) = stream.get_consumer::<pull::Config>(CONSUMER).await {
        let info = consumer.cached_info();
        queue.waiting = info.num_pending;
        queue.under_way = info.num_ack_pending as u64;
        queue.again = info.num_redelivered as u64;
        let behind = info.delivered.stream_sequence.saturating_add(1);
        queue.waiting_since_ms = if queue.waiting == 0 { None } else { since(&stream, names, behind).await };
    }
    let all = names.all_orders();
    let mut by_subject = stream.info_with_subjects(all).await.map_err(|error| away(&error))?;
    while let Some((subject, count)) = by_subject.try_next().await.map_err(|error| away(&error))? {
        let role = subject.rsplit('.').next().unwrap_or_default();
        if queue.by_role.len() < ROLES {
            *queue.by_role.entry(role.chars().take(NAME).collect()).or_default() += count as u64;
        }
    }
    Ok(Some(queue))
}

/// When the first order from a number on was handed out.
async fn since(stream: &Stream, names: &Names, number: u64) -> Option<u64> {
    let asked = stream.raw_message_builder().sequence(number).next_by_subject(names.all_orders());
    let message = asked.send().await.ok()?;
    Some(ms(message.time.unix_timestamp_nanos()))
}

fn ms(ns: i128) -> u64 {
    u64::try_from(ns / 1_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, known: &mut Known, at: Instant) {
        known.hear(text.as_bytes(), at, 7);
    }

    #[test]
    fn who_says_nothing_is_silent_and_who_takes_their_leave_is_gone() {
        let (mut known, begin) = (Known::default(), Instant::now());
        said(r#"{"name":"one","slots":2,"roles":["coder"],"busy":1,"version":"0.1"}"#, &mut known, begin);
        said(r#"{"v":9,"name":"two","slots":1,"leaving":true,"new":[]}"#, &mut known, begin);
        let told = |known: &mut Known, at: Instant| -> Vec<String> {
            let (workers, _) = known.tell(at);
            let one = |of: &WorkerSeen| format!("{} {} {:?}", of.name, of.standing.name(), of.busy);
            workers.iter().map(one).collect()
        };
        assert_eq!(told(&mut known, begin), ["one here Some(1)", "two leaving Some(0)"]);
        assert_eq!(told(&mut known, begin + SILENT), ["one silent Some(0)", "two silent Some(0)"]);
        said(r#"{"name":"two","slots":1,"left":true}"#, &mut known, begin + SILENT);
        assert_eq!(told(&mut known, begin + SILENT), ["one silent Some(0)"]);
        assert_eq!(told(&mut known, begin + FORGOTTEN), [""; 0]);
    }

    #[test]
    fn what_is_said_has_bounds_whoever_says_it() {
        let (mut known, now) = (Known::default(), Instant::now());
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"name":"","slots":1}"#,
            r#"{"name":"a/b","slots":1}"#,
            r#"{"name":"<b>","slots":1}"#,
            r#"{"name":"a","slots":-1}"#,
        ] {
            said(bad, &mut known, now);
        }
        said(&format!(r#"{{"name":"{}","slots":1}}"#, "a".repeat(101)), &mut known, now);
        said(&format!(r#"{{"name":"a","slots":1,"version":"{}"}}"#, "a".repeat(BYTES)), &mut known, now);
        assert!(known.workers.is_empty());
        let job = |mission: &str| {
            format!(r#"{{"mission":"{mission}","task":1,"attempt":1,"role":"coder","since_ms":1}}"#)
        };
        let jobs = [job("m-1"), job("../etc")].join(",");
        let roles = vec!["\"r\""; 50].join(",");
        let text = format!(r#"{{"name":"a","slots":1,"roles":[{roles}],"jobs":[{jobs}]}}"#);
        said(&text, &mut known, now);
        let (workers, _) = known.tell(now);
        assert_eq!((workers[0].roles.len(), workers[0].jobs.len()), (ROLES, 1));
        for n in 0..WORKERS + 5 {
            said(&format!(r#"{{"name":"w{n}","slots":1}}"#), &mut known, now);
        }
        let (workers, more) = known.tell(now);
        assert_eq!((workers.len(), more), (WORKERS, 6));
    }
}
