//! What a worker does, as figures for whoever scrapes it and as spans below the attempts of the missions that it works for.
//!
//! Nothing here waits: a lock is held for a few additions, and who hears of spans takes them or drops them. No span and no figure
//! has anything of a project in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coditect_types::figure::{Amount, Family, Figure, Point, Spread};
use coditect_types::fleet::Job;
use coditect_types::plan::Role;
use coditect_types::{Action, AttemptId, ErrorKind, MissionId, Outcome};
use serde_json::{Map, Value, json};

use super::Order;
use crate::trace::{Context, Piece};

/// Orders that are told of at a time.
const JOBS: usize = 200;

/// Hears of each span, and what it is below. It must not wait.
pub type Hear = Box<dyn Fn(Context, Piece) + Send + Sync>;

/// The account of a worker.
pub struct Account {
    worker: String,
    slots: usize,
    roles: Vec<Role>,
    hear: Option<Hear>,
    counts: Mutex<Counts>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("worker", &self.worker).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Counts {
    running: u64,
    /// What is performed now, by whose it is.
    jobs: BTreeMap<(MissionId, AttemptId), Job>,
    taken: BTreeMap<&'static str, u64>,
    ended: BTreeMap<(&'static str, &'static str), u64>,
    took: BTreeMap<&'static str, Spread>,
    waited: Spread,
    unread: u64,
    /// Commits that an order needed: those that were here, and those that came from the server.
    found: [u64; 2],
    fetched_bytes: u64,
    sent_bytes: u64,
}

const SLOTS: Family =
    Family::gauge("coditect_worker_slots", "{order}", "Orders that it performs at the same time at most.");
const RUNNING: Family =
    Family::gauge("coditect_worker_orders_running", "{order}", "Orders that it is performing.");
const TAKEN: Family =
    Family::counter("coditect_worker_orders_taken_total", "{order}", "Orders that it took, by role.");
const ENDED: Family = Family::counter(
    "coditect_worker_orders_ended_total",
    "{order}",
    "Orders that it let go of, by role and how.",
);
const UNREAD: Family = Family::counter(
    "coditect_worker_orders_unread_total",
    "{order}",
    "Orders that it could not read: of another version, or damaged.",
);
const TOOK: Family = Family::histogram(
    "coditect_worker_order_duration_seconds",
    "s",
    "From taking an order to letting go of it, by role.",
);
const WAITED: Family = Family::histogram(
    "coditect_worker_order_wait_seconds",
    "s",
    "How long orders were in the queue before they were taken for the first time.",
);
const COMMITS: Family = Family::counter(
    "coditect_worker_commits_total",
    "{commit}",
    "Commits that orders needed, by where they were: here already, or on the server.",
);
const FETCHED: Family =
    Family::counter("coditect_worker_fetched_bytes_total", "By", "Bytes of orders and commits that came.");
const SENT: Family =
    Family::counter("coditect_worker_sent_bytes_total", "By", "Bytes of outcomes and commits that it sent.");

/// How an order ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An outcome was kept.
    Done,
    /// An outcome was kept that says why there is no better one.
    Failed(ErrorKind),
    /// Nobody wanted it any more.
    Stopped,
    /// Another worker is to do it.
    HandedBack,
    /// Another worker had done it.
    Known,
}

impl End {
    const WORDS: [&'static str; 5] = ["done", "failed", "stopped", "handed_back", "known"];

    pub(super) fn of(outcome: &Outcome) -> Self {
        let Outcome::Failed { failure, .. } = outcome else { return Self::Done };
        if failure.kind == ErrorKind::Interrupted { Self::Stopped } else { Self::Failed(failure.kind) }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
            Self::HandedBack => "handed_back",
            Self::Known => "known",
        }
    }
}

impl Account {
    /// Of a worker that has done nothing yet.
    #[must_use]
    pub fn new(offer: &super::Offer, hear: Option<Hear>) -> Self {
        let (worker, slots, roles) = (offer.name.clone(), offer.slots.max(1), offer.roles.clone());
        Self { worker, slots, roles, hear, counts: Mutex::default() }
    }

    /// What it comes to.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let counts = self.counts();
        let offered = self.roles.iter().map(|role| role.name());
        // An action that needs no agent may be of another role.
        let roles: BTreeSet<&'static str> = offered.chain(counts.taken.keys().copied()).collect();
        let by_role = |role: &&'static str, n: u64| Point::labelled("role", *role, n);
        let taken = |role: &&'static str| by_role(role, counts.taken.get(role).copied().unwrap_or(0));
        let ended = |role: &&'static str, end: &&'static str| Point {
            labels: vec![("role", (*role).to_owned()), ("end", (*end).to_owned())],
            amount: Amount::Count(counts.ended.get(&(*role, *end)).copied().unwrap_or(0)),
        };
        let took = |role: &&'static str| Point {
            labels: vec![("role", (*role).to_owned())],
            amount: Amount::Spread(counts.took.get(role).cloned().unwrap_or_default()),
        };
        let [here, server] = counts.found;
        let of = |family: Family, points: Vec<Point>| Figure { family, points };
        vec![
            of(SLOTS, vec![Point::plain(self.slots as u64)]),
            of(RUNNING, vec![Point::plain(counts.running)]),
            of(TAKEN, roles.iter().map(taken).collect()),
            of(
                ENDED,
                roles.iter().flat_map(|role| End::WORDS.iter().map(move |end| ended(role, end))).collect(),
            ),
            of(UNREAD, vec![Point::plain(counts.unread)]),
            of(TOOK, roles.iter().map(took).collect()),
            of(WAITED, vec![Point { labels: Vec::new(), amount: Amount::Spread(counts.waited.clone()) }]),
            of(
                COMMITS,
                vec![Point::labelled("from", "here", here), Point::labelled("from", "server", server)],
            ),
            of(FETCHED, vec![Point::plain(counts.fetched_bytes)]),
            of(SENT, vec![Point::plain(counts.sent_bytes)]),
        ]
    }

    /// How many orders it is performing, and which, as far as they are told of.
    pub(super) fn jobs(&self) -> (u64, Vec<Job>) {
        let counts = self.counts();
        (counts.running, counts.jobs.values().take(JOBS).cloned().collect())
    }

    /// An order came that cannot be read.
    pub(super) fn unread(&self) {
        self.counts().unread += 1;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An order on its way through a worker. However it ends, it is counted.
#[derive(Debug)]
pub(super) struct Course<'a> {
    account: &'a Account,
    role: &'static str,
    /// What it is a part of, and itself.
    above: Context,
    own: Context,
    id: String,
    job: (MissionId, AttemptId),
    began: Mark,
    args: Map<String, Value>,
    end: End,
}

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    at_us: u64,
    at: Instant,
}

impl Mark {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { at_us: micros(since), at: Instant::now() }
    }

    /// From here until now, µs since 1970: a clock that is set meanwhile changes no duration.
    fn until_now(self) -> (u64, Option<u64>) {
        (self.at_us, Some(self.at_us + micros(self.at.elapsed())))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl<'a> Course<'a> {
    /// An order was taken, at `began`, for the `tries`th time. `published_ns`: when the server got it, by the server's clock.
    pub(super) fn begin(
        account: &'a Account,
        order: &Order<Action>,
        (began, tries): (Mark, i64),
        (published_ns, bytes): (Option<i128>, usize),
    ) -> Self {
        let role = order.action.role().name();
        // One without a context, or with one that is none: the ids are those that the mission's own spans have all the same.
        let above = order.traceparent.as_deref().and_then(Context::parse);
        let above = above.unwrap_or_else(|| Context::of_attempt(&order.mission, order.attempt));
        let id = format!("order {} {} {tries}", order.attempt, account.worker);
        let own = above.below(&id);
        // Two machines' clocks: what was taken before it came did not wait.
        let published_us = published_ns.and_then(|ns| u64::try_from(ns / 1_000).ok());
        let published_us = published_us.map_or(began.at_us, |published| published.min(began.at_us));
        let job = (order.mission.clone(), order.attempt);
        let mut counts = account.counts();
        counts.running += 1;
        counts.jobs.insert(
            job.clone(),
            Job {
                mission: order.mission.clone(),
                task: order.task,
                attempt: order.attempt,
                role: role.to_owned(),
                since_ms: began.at_us / 1_000,
            },
        );
        *counts.taken.entry(role).or_default() += 1;
        counts.fetched_bytes += bytes as u64;
        if tries <= 1 {
            counts.waited.see((began.at_us - published_us) / 1_000);
        }
        drop(counts);
        let mut course =
            Self { account, role, above, own, id, job, began, args: Map::new(), end: End::HandedBack };
        if let Ok(mission) = MissionId::parse(order.mission.as_str()) {
            course.say("coditect.mission.id", mission.to_string());
        }
        course.say("coditect.task.id", order.task.to_string());
        course.say("coditect.attempt.id", order.attempt.to_string());
        course.say("coditect.worker", account.worker.clone());
        course.say("coditect.order.delivery", tries);
        if tries <= 1 {
            course.tell("wait", "wait for a worker", (published_us, Some(began.at_us)), Map::new(), None);
        }
        course
    }

    fn say(&mut self, name: &str, value: impl Into<Value>) {
        self.args.insert(name.to_owned(), value.into());
    }

    /// Commits were fetched since `began`: so many were needed, so many of them came, with so many bytes.
    pub(super) fn fetched(&self, began: Mark, done: &Result<Fetched, coditect_ports::PortError>) {
        let mut args = Map::new();
        if let Ok(Fetched { here, came, bytes }) = done {
            args.insert("coditect.commits.here".to_owned(), json!(here));
            args.insert("coditect.commits.fetched".to_owned(), json!(came));
            args.insert("coditect.bytes".to_owned(), json!(bytes));
            let mut counts = self.account.counts();
            counts.found[0] += here;
            counts.found[1] += came;
            counts.fetched_bytes += bytes;
        }
        let error = done.as_ref().err().map(|error| word(error.kind));
        self.tell("fetch", "fetch commits", began.until_now(), args, error);
    }

    /// An agent was at it since `began`. None: what it came to is nobody's.
    pub(super) fn performed(&mut self, began: Mark, outcome: Option<&Outcome>) {
        let mut args = Map::new();
        if let Some(spent) = outcome.and_then(Outcome::spent) {
            args.insert("coditect.candidates".to_owned(), json!(spent.candidates));
            args.insert("coditect.sandbox_runs".to_owned(), json!(spent.sandbox_runs));
        }
        let error = match outcome {
            Some(Outcome::Failed { failure, .. }) => Some(word(failure.kind)),
            Some(_) => None,
            None => Some(End::HandedBack.word().to_owned()),
        };
        self.tell("perform", "perform in the sandbox", began.until_now(), args, error);
    }

    /// An outcome was kept, or not, since `began`, and so many bytes were sent.
    pub(super) fn kept(&self, began: Mark, bytes: u64, is_kept: bool) {
        self.account.counts().sent_bytes += bytes;
        let mut args = Map::new();
        args.insert("coditect.bytes".to_owned(), json!(bytes));
        let error = (!is_kept).then(|| word(ErrorKind::Unavailable));
        self.tell("keep", "send the outcome", began.until_now(), args, error);
    }

    /// How it ends; without this, it is handed back.
    pub(super) fn ends(&mut self, end: End) {
        self.end = end;
    }

    fn tell(
        &self,
        id: &str,
        name: &str,
        at_us: (u64, Option<u64>),
        args: Map<String, Value>,
        error: Option<String>,
    ) {
        if let Some(hear) = &self.account.hear {
            hear(self.own, piece(id.to_owned(), name.to_owned(), at_us, args, error));
        }
    }
}

impl Drop for Course<'_> {
    fn drop(&mut self) {
        let at_us = self.began.until_now();
        let mut counts = self.account.counts();
        counts.running = counts.running.saturating_sub(1);
        counts.jobs.remove(&self.job);
        *counts.ended.entry((self.role, self.end.word())).or_default() += 1;
        counts.took.entry(self.role).or_default().see(micros(self.began.at.elapsed()) / 1_000);
        drop(counts);
        let Some(hear) = &self.account.hear else { return };
        let mut args = std::mem::take(&mut self.args);
        args.insert("coditect.order.end".to_owned(), json!(self.end.word()));
        let error = match self.end {
            End::Done | End::Known => None,
            End::Failed(kind) => Some(word(kind)),
            End::Stopped | End::HandedBack => Some(self.end.word().to_owned()),
        };
        let name = format!("order {}", self.role);
        hear(self.above, piece(std::mem::take(&mut self.id), name, at_us, args, error));
    }
}

/// What came of looking for commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) here: u64,
    pub(super) came: u64,
    pub(super) bytes: u64,
}

impl Fetched {
    /// One more, of which so many bytes came; None: it was here.
    pub(super) fn add(&mut self, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => {
                self.came += 1;
                self.bytes += bytes;
            }
            None => self.here += 1,
        }
    }
}

fn piece(
    id: String,
    name: String,
    at_us: (u64, Option<u64>),
    mut args: Map<String, Value>,
    error: Option<String>,
) -> Piece {
    args.extend(error.as_ref().map(|error| ("error.type".to_owned(), json!(error))));
    let (row, events) = ("worker".to_owned(), Vec::new());
    Piece { id, above: None, name, row, at_us, is_call: false, error, args, events }
}

/// A kind of error, as in JSON.
fn word(kind: ErrorKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}
