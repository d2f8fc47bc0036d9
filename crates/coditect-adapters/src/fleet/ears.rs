//! What is heard of attempts that are away: a few subscriptions for each mission, and none for each attempt, since a server looks through
//! all of them for each message, and anew where one comes or goes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Message, Subscriber};
use coditect_ports::PortError;
use coditect_types::{AttemptId, MissionId};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval};

use super::parcel::away;
use super::setup::House;

/// How long a mission is listened to of which no attempt is away: the next one comes soon.
const IDLE: Duration = Duration::from_secs(5);
/// What waits for one attempt. An outcome that finds no room is found later where it is kept.
const WAITING: usize = 256;

/// What is heard of an attempt.
#[derive(Debug)]
pub(super) enum Heard {
    Outcome(Message),
    Dead(Message),
    Doing(Message),
}

/// Those who wait for attempts of one mission, by the ends of subjects, each with a number of their own.
type Waiting = HashMap<String, (u64, Sender<Heard>)>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// Whoever comes second to a mission waits until it is listened to.
    opening: tokio::sync::Mutex<()>,
    waiting: Mutex<HashMap<MissionId, Waiting>>,
    count: AtomicU64,
}

/// Hears of one attempt until it is dropped.
#[derive(Debug)]
pub(super) struct Hearing {
    ears: Arc<Ears>,
    of: (MissionId, String),
    number: u64,
    heard: Receiver<Heard>,
}

impl Hearing {
    /// What is heard next. None: the connection ended.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        let (mission, attempt) = &self.of;
        let mut all = self.ears.waiting();
        let Some(waiting) = all.get_mut(mission) else { return };
        // Whoever came after for the same attempt stays.
        if waiting.get(attempt).is_some_and(|(number, _)| *number == self.number) {
            waiting.remove(attempt);
        }
    }
}

impl Ears {
    fn waiting(&self) -> MutexGuard<'_, HashMap<MissionId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen: what is sent after an order that is handed out now is heard.
    pub(super) async fn listen(
        self: &Arc<Self>,
        house: &House,
        mission: &MissionId,
        attempt: AttemptId,
    ) -> Result<Hearing, PortError> {
        let turn = self.opening.lock().await;
        let (tell, heard) = channel(WAITING);
        let of = (mission.clone(), attempt.to_string());
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let is_new = {
            let mut waiting = self.waiting();
            let is_new = !waiting.contains_key(mission);
            waiting.entry(mission.clone()).or_default().insert(of.1.clone(), (number, tell));
            is_new
        };
        let hearing = Hearing { ears: Arc::clone(self), of, number, heard };
        if is_new && let Err(error) = self.open(house, mission).await {
            self.waiting().remove(mission);
            return Err(error);
        }
        drop(turn);
        Ok(hearing)
    }

    async fn open(self: &Arc<Self>, house: &House, mission: &MissionId) -> Result<(), PortError> {
        let outcomes =
            house.client.subscribe(house.outcomes_of(mission)).await.map_err(|error| away(&error))?;
        let dead = house.client.subscribe(house.dead_of(mission.as_str(), "*")).await;
        let dead = dead.map_err(|error| away(&error))?;
        let doing = house.client.subscribe(house.doings_of(mission)).await.map_err(|error| away(&error))?;
        let (ears, mission) = (Arc::clone(self), mission.clone());
        let said = (outcomes, dead, doing);
        drop(Handle::current().spawn(async move { ears.pass_on(&mission, said).await }));
        Ok(())
    }

    /// Passes on what comes, until nobody has waited for it for a while.
    async fn pass_on(
        &self,
        mission: &MissionId,
        (mut outcomes, mut dead, mut doing): (Subscriber, Subscriber, Subscriber),
    ) {
        let mut look = interval(IDLE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        let mut was_idle = false;
        loop {
            let heard = tokio::select! {
                outcome = outcomes.next() => outcome.map(Heard::Outcome),
                letter = dead.next() => letter.map(Heard::Dead),
                sign = doing.next() => sign.map(Heard::Doing),
                _ = look.tick() => {
                    if self.is_over(mission, &mut was_idle) { return } else { continue }
                }
            };
            let Some(heard) = heard else {
                // Those who wait hear of that by the end of what they listen to.
                self.waiting().remove(mission);
                return;
            };
            let (Heard::Outcome(message) | Heard::Dead(message) | Heard::Doing(message)) = &heard;
            let waiting = self.waiting();
            let whom = message.subject.rsplit('.').next();
            let tell = whom.and_then(|attempt| waiting.get(mission)?.get(attempt));
            if tell.is_some_and(|(_, tell)| tell.try_send(heard).is_err()) {
                tracing::debug!(%mission, "what a worker says is lost: more came than was listened to");
            }
        }
    }

    /// Whether nobody waits, now and at the last look: then it is listened no more.
    fn is_over(&self, mission: &MissionId, was_idle: &mut bool) -> bool {
        let mut all = self.waiting();
        let is_idle = all.get(mission).is_none_or(HashMap::is_empty);
        let is_over = is_idle && std::mem::replace(was_idle, is_idle);
        if is_over {
            all.remove(mission);
        }
        is_over
    }
}
