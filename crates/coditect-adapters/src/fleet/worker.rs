//! The other side: takes orders as long as it has a slot, performs them, and keeps what came of them before it lets go of the order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use bytes::Bytes;
use coditect_ports::workspace::Workspace;
use coditect_ports::{Agent, Notice, PortError, Stop, StopCause, Work};
use coditect_types::plan::Role;
use coditect_types::{Action, ErrorKind, Failure, MissionId, Outcome};
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, Interval, interval, interval_at, sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::account::{Account, Course, End, Fetched, Mark};
use super::dead::{later, too_often};
use super::packs::Packs;
use super::parcel::{away, read, unwrap, wrap, written};
use super::roll::{self, Alive};
use super::seal::{Matter, digest, is_of_order, say_order};
use super::setup::{At, CONSUMER, House, object};
use super::signs::{Sign, Speaks};
use super::times::{self, Way, is_over, over};
use super::wards::Wards;
use super::{NEW, Order, Pulse, Report, TRACEPARENT};
use crate::threads;

/// How often a worker says that it is at it while it would be taken for gone.
const SIGNS: u32 = 4;
/// How long orders are waited for at a time, how many at most, and how often at the same time: while one such wait is filled, the slots that
/// have become free wait by the next.
pub(super) const POLL: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 64;
const WAITS: usize = 2;
/// The wait after something that the server did not do.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether the worker is to end.
const LOOK: Duration = Duration::from_millis(100);
/// How long one rests that somebody sent who is not trusted here.
const DISTRUSTED: Duration = Duration::from_secs(15);
/// So often an order is handed out before it is taken for one that nobody survives.
const TRIES: i64 = 50;
/// How long an outcome is tried to be kept.
const LAST: Duration = Duration::from_secs(600);
/// Phrases that wait to be told: what is done between two looks, and more.
const SAID: usize = 4_096;
/// Stack of a thread that performs an action, bytes.
const STACK: usize = 16 << 20;

/// What a worker offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Actions at the same time.
    pub slots: usize,
    /// The roles that its agents fill.
    pub roles: Vec<Role>,
}

/// A worker of a fleet.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    pulse: Pulse,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    house: House,
    packs: Packs,
    agents: Vec<Arc<dyn Agent>>,
    offer: Offer,
    slots: Arc<Semaphore>,
    account: Arc<Account>,
    wards: Wards,
    pulse: Pulse,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Worker {
    /// Joins a fleet. Missions come to stores of `workspace`; `account` is told what it does.
    pub fn join(
        at: &At,
        workspace: Arc<dyn Workspace>,
        agents: Vec<Arc<dyn Agent>>,
        (offer, account): (Offer, Arc<Account>),
    ) -> Result<Self, PortError> {
        // Parsers and tree walks recurse.
        let runtime = threads::start_deep("fleet", threads::few(), (offer.slots.max(1), STACK))?;
        let house = runtime.block_on(House::open(at))?;
        let slots = Arc::new(Semaphore::new(offer.slots.max(1)));
        let (packs, wards) = (Packs::new(workspace), Wards::default());
        let pulse = Pulse::of(&house);
        let own = pulse.clone();
        let shared = Arc::new(Shared { house, packs, agents, offer, slots, account, wards, pulse: own });
        Ok(Self { shared, pulse, runtime: Some(runtime) })
    }

    /// Whether it can take orders, for whoever watches it.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// What a person should know of the fleet's server, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.shared.house.notes
    }

    /// Works until `stop` is hurried: then it takes no more orders and ends once those are done that it has. Where the flag is raised,
    /// these are handed back. `tell` hears of each that it takes, in a phrase.
    pub fn run(&self, stop: &Stop, tell: &(dyn Fn(String) + Send + Sync)) -> Result<(), PortError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(self.work(stop, tell)),
            None => Ok(()),
        }
    }

    async fn work(&self, stop: &Stop, tell: &(dyn Fn(String) + Send + Sync)) -> Result<(), PortError> {
        let (ends, end) = watch::channel(false);
        let (said, mut words) = tokio::sync::mpsc::channel(SAID);
        let mut tell_all = || std::iter::from_fn(|| words.try_recv().ok()).for_each(tell);
        let tasks = TaskTracker::new();
        let consumer = self.shared.consumer().await?;
        let shared = Arc::clone(&self.shared);
        tasks.spawn(shared.serve(consumer, tasks.clone(), stop.clone(), end, said.clone()));
        drop(said);
        let mut look = interval(LOOK);
        let client = &self.shared.house.client;
        let told = client.subscribe(self.shared.house.words()).await.map_err(|error| away(&error))?;
        self.pulse.begins();
        let mut listening = std::pin::pin!(self.shared.wards.listen(told));
        let mut present =
            std::pin::pin!(roll::present(&self.shared.house, || self.shared.alive(stop.is_wanted())));
        loop {
            tokio::select! {
                never = &mut present => match never {},
                never = &mut listening => match never {},
                _ = look.tick() => {
                    tell_all();
                    if stop.is_wanted() { break }
                }
            }
        }
        ends.send_replace(true);
        tasks.close();
        loop {
            tokio::select! {
                () = tasks.wait() => break,
                _ = look.tick() => tell_all(),
                never = &mut present => match never {},
                never = &mut listening => match never {},
            }
        }
        tell_all();
        self.shared.take_leave().await;
        Ok(())
    }

    /// Works for a while, and then says nothing more, as a process that is killed.
    #[cfg(test)]
    pub(super) fn dies_after(self, time: Duration) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async { timeout(time, self.work(&Stop::new(), &|_| {})).await.ok() });
        }
    }
}

impl Shared {
    /// One for all roles: every worker has them all.
    async fn consumer(&self) -> Result<PullConsumer, PortError> {
        let name = CONSUMER.to_owned();
        let config = pull::Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.house.silence,
            max_deliver: -1,
            max_ack_pending: 100_000,
            max_waiting: 10_000,
            ..pull::Config::default()
        };
        self.house.orders.get_or_create_consumer(&name, config).await.map_err(|error| away(&error))
    }

    /// What it says of itself.
    fn alive(&self, leaving: bool) -> Alive {
        // Not by the slots that are free: one is taken while an order is waited for.
        let (busy, jobs) = self.account.jobs();
        Alive { busy, leaving, jobs, ..Alive::of(&self.offer) }
    }

    /// Says that it is there no more. Who does not hear it takes it for silent after a while.
    async fn take_leave(&self) {
        let leave = Alive { left: true, ..self.alive(true) };
        let saying = async {
            roll::say(&self.house, self.house.alive().into(), &leave).await;
            self.house.client.flush().await.ok();
        };
        // A server that is away keeps nobody from leaving.
        timeout(PAUSE, saying).await.ok();
    }

    /// Takes orders for the slots that are free: whoever has nobody free takes nothing that others could do.
    async fn serve(
        self: Arc<Self>,
        consumer: PullConsumer,
        tasks: TaskTracker,
        stop: Stop,
        mut end: watch::Receiver<bool>,
        said: tokio::sync::mpsc::Sender<String>,
    ) {
        let waits = Arc::new(Semaphore::new(WAITS));
        loop {
            let free = async {
                let wait = Arc::clone(&waits).acquire_owned().await.ok()?;
                let mut slots = Arc::clone(&self.slots).acquire_owned().await.ok()?;
                let more = self.slots.available_permits().min(AT_ONCE - 1) as u32;
                // Nobody else takes any.
                if let Ok(more) = Arc::clone(&self.slots).try_acquire_many_owned(more) {
                    slots.merge(more);
                }
                Some((wait, slots))
            };
            let (wait, slots) = tokio::select! {
                free = free => match free {
                    Some(free) => free,
                    None => return,
                },
                _ = end.wait_for(|end| *end) => return,
            };
            let (shared, consumer) = (Arc::clone(&self), consumer.clone());
            let news = (end.clone(), self.house.connected.clone());
            let (tracker, stop, said) = (tasks.clone(), stop.clone(), said.clone());
            tasks.spawn(async move {
                let see_to = |message: Message, slot: OwnedSemaphorePermit| {
                    let (shared, began) = (Arc::clone(&shared), Mark::now());
                    let (stop, said) = (stop.clone(), said.clone());
                    // An action is large, and goes from hand to hand with its future.
                    tracker.spawn(async move {
                        Box::pin(shared.see_to((message, began), slot, stop, said)).await
                    });
                };
                let taken = take(&consumer, slots, news, see_to).await;
                shared.pulse.takes(taken.is_ok());
                if let Err(error) = taken {
                    tracing::warn!(%error, "no orders can be had");
                    // What orders are waited for by may have gone with its stream, which another process makes anew.
                    if let Err(error) = shared.consumer().await {
                        tracing::debug!(%error, "nor can they be waited for anew");
                    }
                    sleep(PAUSE).await;
                }
                drop(wait);
            });
        }
    }

    /// Reads an order, and performs it.
    async fn see_to(
        self: Arc<Self>,
        (message, began): (Message, Mark),
        _slot: OwnedSemaphorePermit,
        stop: Stop,
        said: tokio::sync::mpsc::Sender<String>,
    ) {
        // One that does not say how often it was handed out may have been before.
        let (tries, published_ns) = message
            .info()
            .map_or((2, None), |info| (info.delivered, Some(info.published.unix_timestamp_nanos())));
        let came = Instant::now();
        let mut order = match self.order(&message).await {
            Ok((order, Ok(()))) => order,
            Ok((order, Err(error))) => return self.distrusts(&order, (&message, tries), error).await,
            Err(error) if tries > TRIES => {
                tracing::warn!(%error, tries, "an order that nobody can read is given up");
                self.account.unread();
                return self.give_up((&message, tries), too_often(tries, Some(&error))).await;
            }
            Err(error) => {
                // Another worker may be able to, of another version or with a better connection.
                tracing::warn!(%error, "an order is handed back");
                self.account.unread();
                return answer(&message, AckKind::Nak(Some(later(tries)))).await;
            }
        };
        order.ends = times::end(&self.house, &order, Way { published_ns, tries, came }).await;
        // On every line of the log below it, so that these can be found from the mission; a name that is none is nobody's.
        let mission = MissionId::parse(order.mission.as_str()).map_or(String::new(), |id| id.to_string());
        let span = tracing::error_span!("order", %mission, attempt = %order.attempt);
        let bytes = message.payload.len();
        let course = Course::begin(&self.account, &order, (began, tries), (published_ns, bytes));
        self.carry_out(&order, course, (&message, tries), &stop, &said).instrument(span).await;
    }

    /// Reads an order, and says whether whoever sent it is trusted.
    async fn order(&self, message: &Message) -> Result<(Order<Action>, Result<(), PortError>), PortError> {
        let json = unwrap(&message.payload, &self.house.store).await?;
        let trusted = self.house.seal.check(Matter::Order, &json, message.headers.as_ref());
        let mut order = Order { digest: digest(&json), ..read(&json)? };
        let context = message.headers.as_ref().and_then(|headers| headers.get(TRACEPARENT));
        order.traceparent = context.map(|context| context.as_str().to_owned()).or(order.traceparent);
        Ok((order, trusted))
    }

    /// Hands an order back that somebody sent who is not trusted here: others may trust them. Where nobody did for long, that is what
    /// came of it, so that nobody waits for ever.
    async fn distrusts(&self, order: &Order<Action>, (message, tries): (&Message, i64), error: PortError) {
        tracing::warn!(%error, tries, "an order is not performed");
        self.account.unread();
        let cause = format!("no worker trusts whoever ordered it: {}", error.cause);
        let failure = Failure::new(error.kind, cause);
        if MissionId::parse(order.mission.as_str()).is_err() {
            return self.give_up((message, tries), failure).await;
        }
        if tries > TRIES {
            self.note_death((message, tries), &failure).await;
            let (outcome, sent) = (Outcome::Failed { failure, spent: Default::default() }, AtomicU64::new(0));
            timeout(LAST, self.keep(order, outcome, message, &sent)).await.ok();
            return;
        }
        let what = format!("`{}` does not perform it: {}", self.offer.name, error.cause);
        let sign = serde_json::to_vec(&Sign::Doing { what }).unwrap_or_default();
        let subject = self.house.doing(&order.mission, order.attempt);
        if let Err(error) = self.house.client.publish(subject, Bytes::from(sign)).await {
            tracing::debug!(%error, "nobody hears that an order is not performed");
        }
        answer(message, AckKind::Nak(Some(DISTRUSTED))).await;
    }

    /// Says why an order is given up, and takes it out of the queue. Where that is not kept, it rests: another worker may say it.
    async fn give_up(&self, (message, tries): (&Message, i64), failure: Failure) {
        match self.house.bury(&self.offer.name, (message, tries), failure).await {
            Ok(()) => answer(message, AckKind::Term).await,
            Err(error) => {
                tracing::warn!(%error, "why an order is given up is not kept yet");
                answer(message, AckKind::Nak(Some(later(tries)))).await;
            }
        }
    }

    /// Says why an order is given up whose outcome says so, too: for whoever looks after the queue.
    async fn note_death(&self, (message, tries): (&Message, i64), failure: &Failure) {
        if let Err(error) = self.house.bury(&self.offer.name, (message, tries), failure.clone()).await {
            tracing::debug!(%error, "an order is given up, and stands with no dead letters");
        }
    }

    /// Performs an order and keeps its outcome.
    async fn carry_out(
        &self,
        order: &Order<Action>,
        mut course: Course<'_>,
        (message, tries): (&Message, i64),
        stop: &Stop,
        said: &tokio::sync::mpsc::Sender<String>,
    ) {
        // What nobody took before has no outcome. A server that crashes may forget that somebody did: then it is done again, and the first
        // outcome counts.
        let is_new = tries <= 1 && message.headers.as_ref().is_some_and(|headers| headers.get(NEW).is_some());
        if !is_new && self.is_done(order).await {
            course.ends(End::Known);
            return answer(message, AckKind::Ack).await;
        }
        let what = format!("{} t{}: {}", order.mission, order.task, order.action.role().name());
        say(said, format!("took {what}"));
        let outcome = match refused(order) {
            _ if tries > TRIES => {
                let failure = too_often(tries, None);
                self.note_death((message, tries), &failure).await;
                Some(Outcome::Failed { failure, spent: Default::default() })
            }
            Some(failure) => Some(Outcome::Failed { failure, spent: Default::default() }),
            None if is_over(order) => Some(self.late(order, false)),
            None => self.perform(order, message, stop, &mut course).await,
        };
        let Some(outcome) = outcome else {
            say(said, format!("handed back {what}"));
            // Where it is not for this worker's end, what it is about cannot be had just now.
            let rest = (!stop.is_raised()).then(|| later(tries));
            return answer(message, AckKind::Nak(rest)).await;
        };
        let (end, began, sent) = (End::of(&outcome), Mark::now(), AtomicU64::new(0));
        let kept = {
            let mut keeping = std::pin::pin!(timeout(LAST, self.keep(order, outcome, message, &sent)));
            let mut sign = self.signs();
            loop {
                tokio::select! {
                    kept = &mut keeping => break kept,
                    _ = sign.tick() => at_it(message).await,
                }
            }
        };
        course.kept(began, sent.load(Ordering::Relaxed), kept.is_ok());
        match kept {
            Ok(()) => {
                course.ends(end);
                say(said, format!("did {what}"));
            }
            Err(_) => tracing::warn!("an outcome could not be kept; the order goes to another worker"),
        }
    }

    /// What came of an order whose time is over.
    fn late(&self, order: &Order<Action>, has_begun: bool) -> Outcome {
        let failure = over(order, &self.offer.name, has_begun);
        Outcome::Failed { failure, spent: Default::default() }
    }

    /// What came of an order that was stopped at the end of its time. One that was done by then is done.
    fn in_time(&self, order: &Order<Action>, outcome: Outcome) -> Outcome {
        let Outcome::Failed { spent, .. } = outcome else { return outcome };
        Outcome::Failed { failure: over(order, &self.offer.name, true), spent }
    }

    /// When to say that an order is being performed, by whoever has just said so or done something else that takes as little.
    fn signs(&self) -> Interval {
        let every = self.house.silence / SIGNS;
        interval_at(Instant::now() + every, every)
    }

    /// Whether an outcome of it is kept already: it was handed out twice.
    async fn is_done(&self, order: &Order<Action>) -> bool {
        let subject = self.house.outcome(&order.mission, order.attempt);
        let kept = self.house.outcomes.direct_get_last_for_subject(subject).await;
        kept.is_ok_and(|message| is_of_order(order.digest, Some(&message.headers)))
    }

    /// What came of it. None: it is to be handed back.
    async fn perform(
        &self,
        order: &Order<Action>,
        message: &Message,
        stop: &Stop,
        course: &mut Course<'_>,
    ) -> Option<Outcome> {
        if let Some(outcome) = self.fetch(order, message, stop, course).await? {
            return Some(outcome);
        }
        let began = Mark::now();
        let outcome = self.with_agent(order, message, stop).await;
        course.performed(began, outcome.as_ref());
        outcome
    }

    /// Sees to it that what an order is about is here. Gives why it is not, where that is an outcome. None: it is to be handed back.
    async fn fetch(
        &self,
        order: &Order<Action>,
        message: &Message,
        stop: &Stop,
        course: &Course<'_>,
    ) -> Option<Option<Outcome>> {
        let Some((base, commits)) = order.action.needs() else { return Some(None) };
        let (mission, began) = (&order.mission, Mark::now());
        let mut sign = interval(self.house.silence / SIGNS);
        let mut look = interval(LOOK);
        let fetching = async {
            let mut fetched = Fetched::default();
            fetched.add(self.packs.fetch(&self.house, mission, base, None).await?);
            for commit in commits {
                fetched.add(self.packs.fetch(&self.house, mission, commit, Some(base)).await?);
            }
            Ok::<Fetched, PortError>(fetched)
        };
        let mut fetching = std::pin::pin!(fetching);
        let fetched = loop {
            tokio::select! {
                fetched = &mut fetching => break fetched,
                _ = sign.tick() => at_it(message).await,
                _ = look.tick() => {
                    if stop.is_raised() { return None }
                    if is_over(order) { return Some(Some(self.late(order, true))) }
                }
            }
        };
        course.fetched(began, &fetched);
        match fetched {
            Ok(_) => Some(None),
            Err(error) if error.kind == ErrorKind::Unavailable => {
                tracing::warn!(%error, "what an order is about cannot be had");
                sleep(PAUSE).await;
                None
            }
            Err(error) => Some(Some(failed_by(error))),
        }
    }

    /// Has an agent perform it. None: it is to be handed back.
    async fn with_agent(&self, order: &Order<Action>, message: &Message, stop: &Stop) -> Option<Outcome> {
        let Order { mission, task, attempt, action, .. } = order;
        let mut sign = self.signs();
        let mut look = interval(LOOK);
        let own = Stop::new();
        let _ward = self.wards.add(self.house.word(mission, *attempt), own.clone());
        let bus = Arc::new(Speaks {
            house: self.house.clone(),
            subject: self.house.doing(mission, *attempt),
            handle: Handle::current(),
        });
        let work = Work {
            mission: mission.clone(),
            task: *task,
            attempt: *attempt,
            stop: own.clone(),
            bus,
            is_old: false,
            allowance_ms: order.allowance_ms,
        };
        work.bus.announce(Notice::Doing {
            mission: mission.clone(),
            task: *task,
            attempt: *attempt,
            what: format!("at work on `{}`", self.offer.name),
        });
        let mut doing = self.on_a_thread(action.clone(), work);
        loop {
            tokio::select! {
                outcome = &mut doing => {
                    // What it came to because this worker ends is nobody's outcome.
                    let is_ours = own.cause() == Some(StopCause::Shutdown);
                    let is_late = own.cause() == Some(StopCause::Deadline);
                    let outcome = outcome.ok().filter(|_| !is_ours)?;
                    return Some(if is_late { self.in_time(order, outcome) } else { outcome });
                }
                _ = sign.tick() => at_it(message).await,
                _ = look.tick() => {
                    if stop.is_raised() {
                        own.raise(StopCause::Shutdown);
                    } else if is_over(order) && !own.is_raised() {
                        own.raise(StopCause::Deadline);
                    }
                }
            }
        }
    }

    fn on_a_thread(&self, action: Action, work: Work) -> oneshot::Receiver<Outcome> {
        let (done, outcome) = oneshot::channel();
        let role = action.role();
        let agent = self.agents.iter().find(|agent| agent.roles().contains(&role)).cloned();
        let span = tracing::Span::current();
        let perform = move || {
            let _within = span.enter();
            let outcome = match agent {
                // What breaks an agent here breaks it everywhere: it is an outcome.
                Some(agent) => catch_unwind(AssertUnwindSafe(|| agent.perform(&action, &work)))
                    .unwrap_or_else(|_| failed(ErrorKind::Bug, "the agent broke: see the worker's log")),
                None if matches!(action, Action::DoNothing) => Outcome::NothingDone,
                None => failed(ErrorKind::NotFound, format!("no agent offers the role {role:?}")),
            };
            // Where nobody waits any more, it was handed back.
            done.send(outcome).ok();
        };
        // There are as many threads as slots, and more. Where the worker ends before it begins, the channel closes and the order is handed back.
        drop(tokio::task::spawn_blocking(perform));
        outcome
    }

    /// Keeps an outcome with its commits, and lets go of the order. Tried until it succeeds.
    async fn keep(&self, order: &Order<Action>, outcome: Outcome, message: &Message, sent: &AtomicU64) {
        let upon = order.action.needs().map(|(base, _)| base.to_owned());
        let report = Report { worker: self.offer.name.clone(), outcome, upon };
        while let Err(error) = self.keep_once(order, &report, sent).await {
            tracing::warn!(%error, "an outcome is not kept yet");
            at_it(message).await;
            sleep(PAUSE).await;
        }
        // Where this is lost, another worker takes it and finds its outcome.
        answer(message, AckKind::Ack).await;
    }

    async fn keep_once(
        &self,
        order: &Order<Action>,
        report: &Report<Outcome>,
        sent: &AtomicU64,
    ) -> Result<(), PortError> {
        let Order { mission, attempt, .. } = order;
        for (commit, _) in report.outcome.brings() {
            let bytes = self.packs.send(&self.house, mission, commit, report.upon.as_deref()).await?;
            sent.fetch_add(bytes, Ordering::Relaxed);
        }
        let json = written(report)?;
        let mut headers = HeaderMap::new();
        say_order(order.digest, &mut headers);
        self.house.seal.sign(Matter::Outcome(order.digest), &json, &mut headers)?;
        let payload = wrap(&json, &object("outcome", mission, attempt), &self.house.store).await?;
        sent.fetch_add(payload.len() as u64, Ordering::Relaxed);
        let subject = self.house.outcome(mission, *attempt);
        let kept = self.house.context.publish_with_headers(subject, headers, payload).await;
        kept.map_err(|error| away(&error))?.await.map(drop).map_err(|error| away(&error))
    }
}

/// Takes an order for each of these slots as they come, for a while, and has it seen to.
async fn take(
    consumer: &PullConsumer,
    mut slots: OwnedSemaphorePermit,
    (mut end, mut connected): (watch::Receiver<bool>, watch::Receiver<u64>),
    see_to: impl Fn(Message, OwnedSemaphorePermit),
) -> Result<(), PortError> {
    connected.mark_unchanged();
    let asking = consumer.batch().max_messages(slots.num_permits()).expires(POLL).messages();
    let mut messages = tokio::select! {
        messages = asking => messages.map_err(|error| away(&error))?,
        _ = end.wait_for(|end| *end) => return Ok(()),
    };
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            // A server knows nothing of what a connection before this one has asked for.
            _ = connected.changed() => break,
            _ = end.wait_for(|end| *end) => break,
        };
        let Some(message) = message.transpose().map_err(|error| away(&error))? else { return Ok(()) };
        match slots.split(1) {
            Some(slot) => see_to(message, slot),
            // More than were asked for.
            None => answer(&message, AckKind::Nak(None)).await,
        }
    }
    // What is here already is for others: they need not wait until it is missed. Nothing more comes once nobody listens.
    let mut left = Vec::new();
    tokio::task::unconstrained(async {
        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
            left.push(message);
        }
    })
    .await;
    drop(messages);
    for message in &left {
        answer(message, AckKind::Nak(None)).await;
    }
    Ok(())
}

/// Says something for whoever watches the worker. What finds no room is lost: it was a hint.
fn say(said: &tokio::sync::mpsc::Sender<String>, what: String) {
    if let Err(error) = said.try_send(what) {
        tracing::debug!(%error, "more is done than can be told");
    }
}

/// Says that an order is being performed.
async fn at_it(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Progress).await {
        tracing::debug!(%error, "nobody hears that an order is being performed");
    }
}

/// Tells the queue what becomes of an order. What it does not hear, it finds out by itself.
async fn answer(message: &Message, how: AckKind) {
    if let Err(error) = message.ack_with(how).await {
        tracing::debug!(%error, "the queue does not hear what became of an order");
    }
}

/// Why an order is not performed here, if it is not.
fn refused(order: &Order<Action>) -> Option<Failure> {
    // Its name becomes that of a directory.
    if MissionId::parse(order.mission.as_str()).is_err() || !order.action.travels() {
        return Some(Failure::new(ErrorKind::Invalid, "the order is none that a worker performs"));
    }
    let waived = order.action.waived();
    (!waived.is_empty()).then(|| {
        let cause =
            format!("a worker gives up no protection of its sandbox, and `{}` is to be", waived.join("`, `"));
        Failure::new(ErrorKind::NoSandbox, cause)
            .with_hint("run this mission without `--fleet on`, or without `--waive`")
    })
}

pub(super) fn failed(kind: ErrorKind, cause: impl Into<String>) -> Outcome {
    Outcome::Failed { failure: Failure::new(kind, cause), spent: Default::default() }
}

fn failed_by(error: PortError) -> Outcome {
    Outcome::Failed { failure: Failure::from(error), spent: Default::default() }
}
