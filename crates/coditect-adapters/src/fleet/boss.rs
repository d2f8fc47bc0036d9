//! The way of an action to a worker, and of its outcome back.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use coditect_ports::workspace::Workspace;
use coditect_ports::{Dispatch, Done, Notice, PortError, StopCause, Work};
use coditect_types::{Action, ErrorKind, Failure, MissionId, Outcome, Snapshot};
use tokio::runtime::Runtime;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::dead::{Letter, NAME, sent_as};
use super::ears::{Ears, Heard, Hearing};
use super::packs::Packs;
use super::parcel::{away, read, unwrap, wrap, written};
use super::seal::{Matter, digest, is_of_order};
use super::setup::{At, House, object};
use super::signs::Sign;
use super::{NEW, Order, Report, TRACEPARENT, Word};
use crate::threads;
use crate::trace::Context;

/// Beside an order: how long the server keeps it.
const LIVES: &str = "Nats-TTL";
/// How often it is looked whether the work is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How often an outcome is looked for that nobody told of: a connection that was away hears nothing.
const SEARCH: Duration = Duration::from_secs(2);
/// The same for a dead letter, which is rarer.
const SEARCH_DEAD: Duration = Duration::from_secs(10);
/// How often a word is said again to whoever performs the action.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a worker that was told to stop is waited for.
const FAREWELL: Duration = Duration::from_secs(5);
/// The wait before something is tried again that the server did not do.
const PAUSE: Duration = Duration::from_millis(500);
/// It doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// After so long without a sign of a worker it is said that none is there.
const LONELY: Duration = Duration::from_secs(10);

/// Workers on other machines.
#[derive(Debug)]
pub struct Fleet {
    house: House,
    packs: Packs,
    ears: Arc<Ears>,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

impl Fleet {
    /// Joins a fleet as one who has work to give. The missions' stores are those of `workspace`.
    pub fn open(at: &At, workspace: Arc<dyn Workspace>) -> Result<Self, PortError> {
        let runtime = threads::start("fleet", threads::few())?;
        let house = runtime.block_on(House::open(at))?;
        Ok(Self { house, packs: Packs::new(workspace), ears: Arc::default(), runtime: Some(runtime) })
    }

    /// What a person should know of the fleet's server, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.house.notes
    }

    /// Brings a mission here that another machine began: makes its store for the project in `dir`, and fetches of the snapshot and of
    /// `commits`, which were made for it, what is on the server. Gives those that are not there. Not on a thread of a tokio runtime.
    ///
    /// # Errors
    /// The project in `dir` is another one, or the server does not have the snapshot.
    pub fn adopt(
        &self,
        mission: &MissionId,
        (dir, snapshot): (&Path, &Snapshot),
        commits: &[String],
    ) -> Result<Vec<String>, PortError> {
        let Some(runtime) = &self.runtime else { return Ok(commits.to_vec()) };
        self.packs.adopt(mission, dir, snapshot)?;
        runtime.block_on(async {
            if !self.packs.fetch_if_there(&self.house, mission, &snapshot.commit, None).await? {
                let cause = format!("the snapshot of {mission} is neither here nor on the server");
                let hint =
                    "where missions run with `--fleet on` it is there; go on with this one where it began";
                return Err(PortError::new(ErrorKind::NotFound, cause).with_hint(hint));
            }
            let mut missing = Vec::new();
            for commit in commits {
                // What a worker made goes there as a change; what became the snapshot of later work, whole.
                let mut is_here = false;
                for upon in [Some(snapshot.commit.as_str()), None] {
                    is_here =
                        is_here || self.packs.fetch_if_there(&self.house, mission, commit, upon).await?;
                }
                if !is_here {
                    missing.push(commit.clone());
                }
            }
            Ok(missing)
        })
    }

    /// Removes what the fleet has on its server: for one that was there for a bench. Nobody may be at work in it. Not on a thread of a
    /// tokio runtime.
    pub fn remove(&self) -> Result<(), PortError> {
        self.runtime.as_ref().map_or(Ok(()), |runtime| runtime.block_on(self.house.remove()))
    }
}

#[cfg(test)]
impl Fleet {
    /// Whether so many orders are in the queue.
    pub(super) fn is_out(&self, orders: u64) -> bool {
        let info = self.runtime.as_ref().map(|runtime| runtime.block_on(self.house.orders.get_info()));
        info.is_some_and(|info| info.is_ok_and(|info| info.state.messages == orders))
    }

    /// Hands out the order to do nothing for an attempt, as one that the server has never seen.
    #[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    pub(super) fn repeat(&self, attempt: u32, is_new: bool) {
        let work = Work {
            mission: MissionId::parse("m-test").unwrap(),
            task: coditect_types::TaskId(1),
            attempt: coditect_types::AttemptId(attempt),
            stop: coditect_ports::Stop::new(),
            bus: Arc::new(crate::LocalBus::new()),
            is_old: !is_new,
            allowance_ms: None,
        };
        let (house, packs) = (self.house.clone(), self.packs.clone());
        let ears = Arc::clone(&self.ears);
        let errand = Errand { house, packs, ears, action: Arc::new(Action::DoNothing), work };
        let order = errand.order().unwrap();
        let mut headers = HeaderMap::new();
        if is_new {
            headers.insert(NEW, "1");
        }
        let subject = self.house.order(errand.action.role());
        let sending = async {
            let payload = wrap(&order, "order", &self.house.store).await.unwrap();
            let sent = self.house.context.publish_with_headers(subject, headers, payload).await;
            sent.unwrap().await.unwrap();
        };
        self.runtime.as_ref().unwrap().block_on(sending);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Dispatch for Fleet {
    fn dispatch(&self, action: Arc<Action>, work: Work, done: Done) {
        let Some(runtime) = &self.runtime else { return };
        let (house, packs, ears) = (self.house.clone(), self.packs.clone(), Arc::clone(&self.ears));
        let errand = Errand { house, packs, ears, action, work };
        runtime.spawn(async move {
            let outcome = errand.run().await.unwrap_or_else(|error| Outcome::Failed {
                failure: Failure::from(error),
                spent: Default::default(),
            });
            done(outcome);
        });
    }
}

/// Why the server did not take an order.
fn untaken(house: &House, error: &PublishError) -> PortError {
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    if refusal.is_none_or(|refusal| refusal.error_code() != ErrorCode::STREAM_STORE_FAILED) {
        return away(error);
    }
    let queue = &house.orders.cached_info().config.name;
    let cause =
        format!("the queue `{queue}` is full, and takes no order before a worker has done one: {error}");
    PortError::new(ErrorKind::Unavailable, cause)
        .with_hint("start more workers, or see with `coditect fleet` what they do")
}

fn unavailable(error: PortError) -> PortError {
    PortError { kind: ErrorKind::Unavailable, ..error }
}

/// An order that is in the queue.
#[derive(Clone, Copy, Debug)]
struct Out {
    /// Its number there.
    number: u64,
    /// What outcomes of it name.
    of: [u8; 32],
    /// What dead letters of it name.
    sent: [u8; 32],
}

/// An action on its way.
struct Errand {
    house: House,
    packs: Packs,
    ears: Arc<Ears>,
    action: Arc<Action>,
    work: Work,
}

impl Errand {
    async fn run(&self) -> Result<Outcome, PortError> {
        let Work { mission, attempt, .. } = &self.work;
        let hearing = self.ears.listen(&self.house, mission, *attempt).await?;
        let order = self.order()?;
        let of = digest(&order);
        // An earlier life of this process may have handed it out.
        if self.work.is_old
            && let Some(outcome) = self.found(of).await?
        {
            return Ok(outcome);
        }
        let out = self.hand_out(&order).await?;
        self.wait(hearing, out).await
    }

    /// The order, as it is written.
    fn order(&self) -> Result<Vec<u8>, PortError> {
        let Work { mission, task, attempt, .. } = &self.work;
        written(&Order {
            mission: mission.clone(),
            task: *task,
            attempt: *attempt,
            action: self.action.packed_for_travel(),
            // In a header: an order is the same, whichever process hands it out, and so is what its outcome is bound to.
            traceparent: None,
            allowance_ms: self.work.allowance_ms,
            ends: None,
            digest: [0; 32],
        })
    }

    /// The span that the worker's are below.
    fn context(&self) -> Context {
        let Work { mission, attempt, .. } = &self.work;
        let is_told = self.house.sampler.keeps_mission(mission);
        Context::of_attempt(mission, *attempt).sampled(is_told)
    }

    /// Hands the order out, as soon as the server takes it: one whose queue is full takes it once there is room.
    async fn hand_out(&self, order: &[u8]) -> Result<Out, PortError> {
        // Beside the order, since the same one may be handed out again.
        let (mut is_new, mut pause) = (!self.work.is_old, PAUSE);
        loop {
            match self.hand_out_once(order, is_new).await {
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    tracing::warn!(%error, "an action waits for the fleet");
                    // It may be there all the same.
                    is_new = false;
                    self.say(format!("waiting for the fleet: {}", error.cause));
                    let until = Instant::now() + pause;
                    // A queue that is full stays so for a while, and there are many who look.
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    while Instant::now() < until {
                        self.unstopped()?;
                        sleep(LOOK).await;
                    }
                }
                other => return other,
            }
        }
    }

    async fn hand_out_once(&self, order: &[u8], mut is_new: bool) -> Result<Out, PortError> {
        let Work { mission, attempt, .. } = &self.work;
        self.unstopped()?;
        if let Some((base, commits)) = self.action.needs() {
            self.packs.send(&self.house, mission, base, None).await?;
            for commit in commits {
                self.packs.send(&self.house, mission, commit, Some(base)).await?;
            }
        }
        let payload = wrap(order, &object("order", mission, attempt), &self.house.store).await?;
        // Another order of the same name, of an older journal, is not this one.
        let of = digest(order);
        let short = &blake3::Hash::from(of).to_hex()[..16];
        let mut name = format!("{mission}.{attempt}.{short}");
        loop {
            let headers = self.beside(order, &name, is_new)?;
            let sent = sent_as(&payload, Some(&headers));
            let subject = self.house.order(self.action.role());
            let kept = self.house.context.publish_with_headers(subject, headers, payload.clone()).await;
            let kept = kept.map_err(|error| away(&error))?.await;
            let kept = kept.map_err(|error| untaken(&self.house, &error))?;
            if !kept.duplicate {
                return Ok(Out { number: kept.sequence, of, sent });
            }
            match self.house.orders.get_raw_message(kept.sequence).await {
                // Another process sent it, and signed it as that one does: what is said of it names what is in the queue.
                Ok(first) if first.payload == payload => {
                    let sent = sent_as(&first.payload, Some(&first.headers));
                    return Ok(Out { number: kept.sequence, of, sent });
                }
                // It is another one, or was done, given up or ended by its time: the server remembers the name alone. Under another name it is
                // there again, and whoever takes it looks whether it was done.
                Ok(_) => {}
                Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {}
                Err(error) => return Err(away(&error)),
            }
            (name, is_new) = (format!("{name}.{}", kept.sequence), false);
        }
    }

    /// What stands beside an order.
    fn beside(&self, order: &[u8], name: &str, is_new: bool) -> Result<HeaderMap, PortError> {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, name);
        headers.insert(TRACEPARENT, self.context().to_string().as_str());
        self.house.seal.sign(Matter::Order, order, &mut headers)?;
        if is_new {
            headers.insert(NEW, "1");
        }
        if let Some(allowance_ms) = self.work.allowance_ms.filter(|_| self.house.ends_orders) {
            headers.insert(LIVES, format!("{}s", allowance_ms.div_ceil(1_000).max(1)).as_str());
        }
        Ok(headers)
    }

    fn unstopped(&self) -> Result<(), PortError> {
        match self.work.stop.is_raised() {
            true => Err(PortError::new(ErrorKind::Interrupted, "stopped while a worker was waited for")),
            false => Ok(()),
        }
    }

    async fn wait(&self, mut hearing: Hearing, out: Out) -> Result<Outcome, PortError> {
        let Out { number, of, sent } = out;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        let (mut searched, mut said, mut stopping, mut heard) = (began, None, None, false);
        // An earlier life of this process may have missed it.
        let mut searched_dead = (!self.work.is_old).then_some(began);
        loop {
            tokio::select! {
                next = hearing.next() => match next {
                    None => return Err(away(&"the connection ended")),
                    Some(Heard::Outcome(message)) => {
                        if let Some(outcome) = self.taken((&message.payload, message.headers.as_ref()), of).await? {
                            return Ok(outcome);
                        }
                    }
                    Some(Heard::Dead(message)) => {
                        let letter = (&message.payload, message.headers.as_ref());
                        if let Some(outcome) = self.given_up(letter, sent) {
                            return Ok(outcome);
                        }
                    }
                    Some(Heard::Doing(message)) => {
                        heard = true;
                        self.pass_on(&message.payload);
                    }
                },
                _ = look.tick() => {
                    let now = Instant::now();
                    if now.duration_since(searched) >= SEARCH {
                        searched = now;
                        if let Some(outcome) = self.found(of).await? {
                            return Ok(outcome);
                        }
                        if searched_dead.is_none_or(|at| now.duration_since(at) >= SEARCH_DEAD) {
                            searched_dead = Some(now);
                            if let Some(outcome) = self.found_dead(sent).await {
                                return Ok(outcome);
                            }
                        }
                        if !heard && now.duration_since(began) >= LONELY {
                            heard = true;
                            self.say("waiting for a worker; none has taken it yet".to_owned());
                        }
                    }
                    let Some(word) = self.word() else { continue };
                    if self.work.stop.cause() == Some(StopCause::Shutdown) {
                        // The work goes on: who takes up the mission hands the same order out, and finds what came of it.
                        return Err(PortError::new(ErrorKind::Interrupted, "the process ends"));
                    }
                    if said.is_none_or(|at: Instant| now.duration_since(at) >= AGAIN) {
                        said = Some(now);
                        self.tell(word, number).await;
                    }
                    if word == Word::Stop && now.duration_since(*stopping.get_or_insert(now)) >= FAREWELL {
                        return Err(PortError::new(ErrorKind::Interrupted, "stopped"));
                    }
                }
            }
        }
    }

    /// What is to be said to the worker.
    fn word(&self) -> Option<Word> {
        let stop = &self.work.stop;
        if stop.is_raised() { Some(Word::Stop) } else { stop.is_wanted().then_some(Word::Hurry) }
    }

    /// Says it, and takes back an order that nobody should take any more. What is lost is said again.
    async fn tell(&self, word: Word, number: u64) {
        let Work { mission, attempt, .. } = &self.work;
        let text = serde_json::to_vec(&word).unwrap_or_default();
        let said = self.house.client.publish(self.house.word(mission, *attempt), Bytes::from(text)).await;
        if let Err(error) = said {
            tracing::debug!(%error, "a word to a worker is lost");
        }
        if word == Word::Stop
            && let Err(error) = self.house.orders.delete_message(number).await
        {
            tracing::debug!(%error, "an order cannot be taken back: it is done, or the server is away");
        }
    }

    /// An outcome that is kept already.
    async fn found(&self, of: [u8; 32]) -> Result<Option<Outcome>, PortError> {
        let Work { mission, attempt, .. } = &self.work;
        match self.house.outcomes.direct_get_last_for_subject(self.house.outcome(mission, *attempt)).await {
            Ok(message) => self.taken((&message.payload, Some(&message.headers)), of).await,
            // None yet, or the server is away: it is looked for again.
            Err(_) => Ok(None),
        }
    }

    /// That the order was given up, where that is kept already.
    async fn found_dead(&self, sent: [u8; 32]) -> Option<Outcome> {
        let Work { mission, attempt, .. } = &self.work;
        let subject = self.house.dead_of(mission.as_str(), &attempt.to_string());
        let letter = self.house.dead.direct_get_last_for_subject(subject).await.ok()?;
        self.given_up((&letter.payload, Some(&letter.headers)), sent)
    }

    /// What it comes to that the order was given up. None: this is about another one, or by nobody who is trusted.
    fn given_up(&self, (payload, headers): (&Bytes, Option<&HeaderMap>), sent: [u8; 32]) -> Option<Outcome> {
        match Letter::open(&self.house, sent, (payload, headers)) {
            Ok(letter) => letter.map(Letter::outcome),
            Err(error) => {
                tracing::warn!(%error, "a dead letter is passed over");
                None
            }
        }
    }

    /// An outcome with its commits here, and looked at. None: it cannot be had just now.
    async fn taken(
        &self,
        (payload, headers): (&Bytes, Option<&HeaderMap>),
        of: [u8; 32],
    ) -> Result<Option<Outcome>, PortError> {
        let again = |error: PortError| {
            if error.kind != ErrorKind::Unavailable {
                return Err(error);
            }
            tracing::warn!(%error, "an outcome cannot be had yet");
            Ok(None)
        };
        // One of another order is none: an older journal had an attempt of the same name.
        if !is_of_order(of, headers) {
            return Ok(None);
        }
        let json = match unwrap(payload, &self.house.store).await {
            Ok(json) => json,
            Err(error) => return again(error),
        };
        match self.house.seal.check(Matter::Outcome(of), &json, headers) {
            Ok(()) => {}
            // Of a list that is being written there is another reading.
            Err(error) if error.kind == ErrorKind::Invalid => return again(unavailable(error)),
            Err(error) => return again(error),
        }
        let report: Report<Outcome> = read(&json)?;
        let mission = &self.work.mission;
        for (commit, tree) in report.outcome.brings() {
            if let Err(error) = self.packs.fetch(&self.house, mission, commit, report.upon.as_deref()).await {
                return again(error);
            }
            self.packs.holds(mission, commit, tree).await?;
        }
        tracing::debug!(worker = report.worker, %mission, attempt = %self.work.attempt, "an outcome came");
        Ok(Some(report.outcome))
    }

    fn pass_on(&self, payload: &Bytes) {
        let Ok(sign) = serde_json::from_slice::<Sign>(payload) else { return };
        self.work.bus.announce(sign.notice(&self.work));
    }

    fn say(&self, what: String) {
        let (mission, task, attempt) = (self.work.mission.clone(), self.work.task, self.work.attempt);
        self.work.bus.announce(Notice::Doing { mission, task, attempt, what });
    }
}
