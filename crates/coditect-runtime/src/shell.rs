//! The shell: many missions at once, each its own actor, over one journal and one pool of workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coditect_ports::{Agent, Breakers, Bus, Clock, Dispatch, Entropy, Journal, Model, PortError};
use coditect_types::{
    AttemptId, Command, Event, Input, MissionId, MissionStatus, Outcome, Record, Reply, Workers,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::actor::{Actor, Ending, Message, until};
use crate::cell::Cell;
use crate::desk::Desk;
use crate::error::ShellError;
use crate::history::history;
use crate::pool::Pool;

/// What the shell stands on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// Announcements.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The agents; each action goes to the first that offers its role.
    pub agents: Vec<Arc<dyn Agent>>,
    /// The models that the person chose. Agents never see them.
    pub models: Vec<Arc<dyn Model>>,
    /// Where it is kept which of these are left alone.
    pub breakers: Arc<dyn Breakers>,
    /// Whoever performs the actions that travel. None: the agents here do.
    pub fleet: Option<Arc<dyn Dispatch>>,
}

/// Sizes of the shell.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Worker threads.
    pub workers: usize,
    /// Inputs that may wait for one mission. At least the attempts that a mission may have under way.
    pub inbox: usize,
    /// Missions under way at once; one more is refused with `Busy`.
    pub missions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { workers: 2, inbox: 64, missions: 10_000 }
    }
}

/// Calls of models under way at once, at least: a call waits for the other side and takes nothing of this machine, so there
/// may be as many as there are agents.
const CALLS: usize = 4;

struct Door {
    inbox: mpsc::Sender<Message>,
    ending: watch::Receiver<Ending>,
}

/// A running shell. Dropping it stops its missions, which can be resumed.
pub struct Shell {
    ports: Ports,
    settings: Settings,
    pool: Arc<Pool>,
    desk: Arc<Pool>,
    doors: Arc<Mutex<BTreeMap<MissionId, Door>>>,
    actors: TaskTracker,
    shutdown: watch::Sender<bool>,
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shell {
    /// Starts the worker threads. Call it inside a tokio runtime.
    pub fn start(ports: Ports, settings: Settings) -> Result<Self, ShellError> {
        let failed = |error| ShellError::Port(PortError::from_io("starting a worker thread", &error));
        let pool =
            Pool::start("worker", Box::new(ports.agents.clone()), settings.workers.max(1)).map_err(failed)?;
        // One is there in any case: it says that a model is not configured here.
        let calls = if ports.models.is_empty() { 1 } else { CALLS.max(settings.workers) };
        let desk = Desk::new(&ports.models, &ports.breakers, Arc::clone(&ports.clock));
        let desk = Pool::start("model", Box::new(desk), calls).map_err(failed)?;
        Ok(Self {
            ports,
            settings,
            pool,
            desk,
            doors: Arc::default(),
            actors: TaskTracker::new(),
            shutdown: watch::Sender::new(false),
        })
    }

    /// An id that no mission of this machine has.
    #[must_use]
    pub fn new_mission_id(&self) -> MissionId {
        MissionId::from_parts(self.ports.clock.now_ms(), self.ports.entropy.next_u64())
    }

    /// Begins a mission with a submitting command. Resolves once the journal has it.
    pub async fn submit(&self, mission: MissionId, command: Command) -> Result<Reply, ShellError> {
        self.open(Cell::new(mission), Vec::new(), Input::Command(command)).await
    }

    /// Takes a mission up again after any stop. Resolves once the journal knows.
    pub async fn resume(&self, mission: &MissionId) -> Result<Reply, ShellError> {
        let records = history(self.ports.journal.as_ref(), mission)?;
        let workers = if self.ports.fleet.is_some() { Workers::Fleet } else { Workers::Own };
        self.open(Cell::replay(mission.clone(), &records), records, Input::Resume(workers)).await
    }

    /// Hands a command to a mission that is under way here.
    pub async fn command(&self, mission: &MissionId, command: Command) -> Result<Reply, ShellError> {
        let inbox = self
            .door(mission, |door| door.inbox.clone())
            .ok_or_else(|| ShellError::NotHere(mission.clone()))?;
        let (told, answer) = oneshot::channel();
        inbox.try_send(Message::Command(Box::new(command), told)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ShellError::Busy { retry_ms: 100 },
            mpsc::error::TrySendError::Closed(_) => ShellError::NotHere(mission.clone()),
        })?;
        answer.await.unwrap_or(Err(ShellError::ShuttingDown))
    }

    /// Hands in what came of an attempt that was performed outside of the pool. Whoever delivers may do so twice, and late:
    /// only the first outcome of an attempt that is under way counts, and the journal keeps that others came.
    pub async fn report(
        &self,
        mission: &MissionId,
        attempt: AttemptId,
        outcome: Outcome,
    ) -> Result<(), ShellError> {
        let inbox = self.door(mission, |door| door.inbox.clone());
        let inbox = inbox.ok_or_else(|| ShellError::NotHere(mission.clone()))?;
        let sent = inbox.send(Message::Reported(attempt, Box::new(outcome))).await;
        sent.map_err(|_| ShellError::NotHere(mission.clone()))
    }

    /// Waits for a mission's end here: its status, or why it does not go on in this process.
    pub async fn ended(&self, mission: &MissionId) -> Result<MissionStatus, ShellError> {
        let Some(mut ending) = self.door(mission, |door| door.ending.clone()) else {
            return self.ended_before(mission);
        };
        let ended = ending.wait_for(Option::is_some).await.map(|ended| ended.clone());
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).remove(mission);
        match ended {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(_) => Err(ShellError::ShuttingDown),
        }
    }

    /// The status of a mission that is not under way here, if the journal says that it has ended.
    fn ended_before(&self, mission: &MissionId) -> Result<MissionStatus, ShellError> {
        let records = history(self.ports.journal.as_ref(), mission)?;
        match records.last().map(|record| &record.event) {
            Some(Event::MissionCompleted { status, .. }) => Ok(*status),
            Some(_) | None => Err(ShellError::NotHere(mission.clone())),
        }
    }

    /// Stops: agents are told, the journal is left as it is, every mission can be resumed. Takes at most about
    /// `within`; what does not stop by then is abandoned to the end of the process.
    pub async fn shut_down(&self, within: Duration) {
        self.shutdown.send_replace(true);
        self.pool.close();
        self.desk.close();
        self.actors.close();
        tokio::select! {
            () = self.actors.wait() => {}
            () = until(Instant::now() + within) => {}
        }
    }

    fn door<T>(&self, mission: &MissionId, of: impl FnOnce(&Door) -> T) -> Option<T> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).get(mission).map(of)
    }

    /// Begins to be at a mission, which has these records.
    async fn open(&self, cell: Cell, before: Vec<Record>, first: Input) -> Result<Reply, ShellError> {
        let mission = cell.mission().clone();
        let (inbox, receiver) = mpsc::channel(self.settings.inbox);
        let (ending, ended) = watch::channel(None);
        let self_inbox = inbox.downgrade();
        {
            let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            if doors.len() >= self.settings.missions {
                // Whoever asks for the end of one of these later is answered from the journal.
                doors.retain(|_, door| door.ending.borrow().is_none());
            }
            if doors.get(&mission).is_some_and(|door| door.ending.borrow().is_none()) {
                return Err(ShellError::SteppedDown(mission));
            }
            if doors.len() >= self.settings.missions {
                return Err(ShellError::Busy { retry_ms: 1_000 });
            }
            doors.insert(mission.clone(), Door { inbox, ending: ended });
        }
        let mut ports = self.ports.clone();
        if let Some(bus) = ports.bus.of_mission(&mission, &before) {
            ports.bus = bus;
        }
        drop(before);
        let actor = Actor {
            old: cell.state().running.keys().copied().collect(),
            cell,
            ports,
            pool: Arc::clone(&self.pool),
            desk: Arc::clone(&self.desk),
            inbox: receiver,
            self_inbox,
            ending,
            shutdown: self.shutdown.subscribe(),
            under_way: Vec::new(),
            tick_at_ms: None,
        };
        let (told, answer) = oneshot::channel();
        self.actors.spawn(actor.run(first, told));
        let answer = answer.await.unwrap_or(Err(ShellError::ShuttingDown));
        if answer.is_err() {
            self.doors.lock().unwrap_or_else(PoisonError::into_inner).remove(&mission);
        }
        answer
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
        self.pool.close();
        self.desk.close();
    }
}
