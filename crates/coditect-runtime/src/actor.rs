//! One mission at work: takes inputs one at a time, keeps what was decided, then lets it happen.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use coditect_ports::{AppendError, Clock, Journal, Stop, StopCause, Work};
use coditect_types::plan::Role;
use coditect_types::{
    AttemptId, Command, Effect, ErrorKind, Input, MissionId, MissionStatus, Outcome, Record, Reply,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::cell::{Cell, Step};
use crate::error::ShellError;
use crate::history::history_from;
use crate::pool::{Order, Pool};
use crate::shell::Ports;
use crate::under_way::OfState;

/// Appends are tried this often before the mission stops here (it can be resumed).
const APPEND_TRIES: u32 = 6;
/// The wait before the second try, ms; it doubles.
const APPEND_WAIT_MS: u64 = 50;

/// What an actor is told.
pub(crate) enum Message {
    Command(Box<Command>, oneshot::Sender<Result<Reply, ShellError>>),
    Done(Box<Order>),
    /// What came of an attempt that was performed outside of the pool.
    Reported(AttemptId, Box<Outcome>),
}

/// How a mission stands, for whoever waits for its end.
pub(crate) type Ending = Option<Result<MissionStatus, ShellError>>;

pub(crate) struct Actor {
    pub(crate) cell: Cell,
    pub(crate) ports: Ports,
    pub(crate) pool: Arc<Pool>,
    /// Where models are asked.
    pub(crate) desk: Arc<Pool>,
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// For the outcomes of this actor's own orders.
    pub(crate) self_inbox: mpsc::WeakSender<Message>,
    pub(crate) ending: watch::Sender<Ending>,
    pub(crate) shutdown: watch::Receiver<bool>,
    /// Attempts under way: as few as a mission has slots.
    pub(crate) under_way: Vec<(AttemptId, Stop)>,
    pub(crate) tick_at_ms: Option<u64>,
    /// Attempts that were under way when the journal was read.
    pub(crate) old: Vec<AttemptId>,
}

impl Actor {
    /// Runs to the mission's end, to a failure that retries do not mend, or to shutdown.
    pub(crate) async fn run(mut self, first: Input, told: oneshot::Sender<Result<Reply, ShellError>>) {
        let begun = self.take(&first).await;
        let go_on = begun.is_ok();
        let status = begun.clone();
        // Nobody may be waiting for the answer any more, which changes nothing.
        told.send(begun).ok();
        let ending = match status {
            Ok(Reply::Ended(status)) => Ok(status),
            Ok(Reply::Taken) if go_on => self.live().await,
            Ok(Reply::Taken) => Err(ShellError::ShuttingDown),
            Err(error) => Err(error),
        };
        let cause = if ending.is_ok() { StopCause::Cancelled } else { StopCause::Shutdown };
        for (_, stop) in &self.under_way {
            stop.raise(cause);
        }
        self.ports.journal.release(self.cell.mission());
        self.ending.send_replace(Some(ending));
    }

    async fn live(&mut self) -> Result<MissionStatus, ShellError> {
        let mut shutdown = self.shutdown.clone();
        let mut down = pin!(async move {
            // An error means that the shell is gone, which is a shutdown too.
            shutdown.wait_for(|down| *down).await.ok();
        });
        let mut alarm = Alarm::default();
        loop {
            let next = poll_fn(|cx| self.poll_next(down.as_mut(), &mut alarm, cx));
            let (input, told) = match next.await {
                Next::Message(Message::Command(command, told)) => (Input::Command(*command), Some(told)),
                Next::Message(Message::Done(mut order)) => {
                    let attempt = order.work.attempt;
                    self.under_way.retain(|(under_way, _)| *under_way != attempt);
                    (Input::Outcome { attempt, outcome: order.take_outcome() }, None)
                }
                Next::Message(Message::Reported(attempt, outcome)) => {
                    (Input::Outcome { attempt, outcome: *outcome }, None)
                }
                Next::Tick => (Input::Tick, None),
                Next::Closed => return Err(ShellError::ShuttingDown),
            };
            let taken = self.take(&input).await;
            let reply = match (&taken, told.is_some()) {
                // What a command was refused for is the commander's to know; the mission goes on.
                (Err(ShellError::Refused(_)), true) => Reply::Taken,
                (Err(error), _) => {
                    let error = error.clone();
                    told.map(|told| told.send(taken));
                    return Err(error);
                }
                (Ok(reply), _) => reply.clone(),
            };
            told.map(|told| told.send(taken));
            if let Reply::Ended(status) = reply {
                return Ok(status);
            }
        }
    }

    /// What the mission waits for: a shutdown before all else, then what it was sent, then its moment.
    fn poll_next(
        &mut self,
        down: Pin<&mut impl Future<Output = ()>>,
        alarm: &mut Alarm,
        cx: &mut Context<'_>,
    ) -> Poll<Next> {
        if *self.shutdown.borrow() {
            return Poll::Ready(Next::Closed);
        }
        if let Poll::Ready(message) = self.inbox.poll_recv(cx) {
            return Poll::Ready(message.map_or(Next::Closed, Next::Message));
        }
        // Looked at only where there is nothing to do, since both take locks that all missions share.
        if down.poll(cx).is_ready() {
            return Poll::Ready(Next::Closed);
        }
        let Some(at_ms) = self.tick_at_ms else { return Poll::Pending };
        alarm.poll(at_ms, self.ports.clock.as_ref(), cx).map(|()| Next::Tick)
    }

    /// Decide, keep, tell, act.
    async fn take(&mut self, input: &Input) -> Result<Reply, ShellError> {
        let mut tries = 0;
        loop {
            let step = self.cell.step(self.ports.clock.now_ms(), input).map_err(ShellError::Refused)?;
            match self.keep(&step).await {
                Ok(()) => {
                    let (before, mut records, reply) = self.cell.exchange(step);
                    self.ports.bus.announce_step(&mut records, &OfState(&before));
                    drop(before);
                    self.reconcile();
                    return Ok(reply);
                }
                Err(error) => {
                    tries += 1;
                    let known = self.cell.seq();
                    self.after_failed_append(error, tries).await?;
                    if self.is_there(&step).await? {
                        // It was kept after all, perhaps since the journal was read: it is read again.
                        let mut records = self.read_again().await?;
                        records.retain(|record| record.seq <= step.last_seq());
                        let own = records.split_off(records.partition_point(|record| record.seq <= known));
                        let before = Cell::replay(self.cell.mission().clone(), &records);
                        self.ports.bus.announce_step(&mut own.into_iter(), &OfState(before.state()));
                        self.reconcile();
                        return Ok(self.cell.state().end.map_or(Reply::Taken, Reply::Ended));
                    }
                }
            }
        }
    }

    async fn keep(&self, step: &Step) -> Result<(), AppendError> {
        if step.is_empty() {
            return Ok(());
        }
        self.ports.journal.append(self.cell.mission(), self.cell.seq(), step.encode()).await.map(|_| ())
    }

    /// Whether what was tried is in the journal after all. Where something else stands in its place, another process
    /// goes on with the mission: a journal on a server is held by nobody.
    async fn is_there(&self, step: &Step) -> Result<bool, ShellError> {
        let tried = step.encode();
        let (first, most) = (step.last_seq() + 1 - tried.len() as u64, tried.len());
        let there = self.look(move |journal, mission| Ok(journal.read(mission, first, most)?)).await?;
        match there.iter().map(|(_, record)| record).eq(&tried) {
            true => Ok(!tried.is_empty()),
            false if there.is_empty() => Ok(false),
            false => Err(ShellError::SteppedDown(self.cell.mission().clone())),
        }
    }

    /// Decides whether to try again. What may have been kept is read before anything is decided anew.
    async fn after_failed_append(&mut self, error: AppendError, tries: u32) -> Result<(), ShellError> {
        let cause = match error {
            AppendError::Conflict { .. } => {
                return Err(ShellError::SteppedDown(self.cell.mission().clone()));
            }
            AppendError::Held(error) => return Err(ShellError::Held(error)),
            AppendError::Unknown(error) | AppendError::NotKept(error) => error,
        };
        if tries >= APPEND_TRIES || cause.kind == ErrorKind::Invalid {
            return Err(ShellError::Port(cause));
        }
        tracing::warn!(mission = %self.cell.mission(), seq = self.cell.seq(), tries, %cause, "append failed; trying again");
        tokio::time::sleep(Duration::from_millis(APPEND_WAIT_MS << tries)).await;
        self.read_again().await.map(drop)
    }

    /// Makes the mission anew of what the journal has.
    async fn read_again(&mut self) -> Result<Vec<Record>, ShellError> {
        let records = self.look(|journal, mission| history_from(journal, mission, 1)).await?;
        self.cell = Cell::replay(self.cell.mission().clone(), &records);
        self.old = self.cell.state().running.keys().copied().collect();
        Ok(records)
    }

    /// Reads the journal where that may block: a server that is away is waited for, and other missions go on meanwhile.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Journal, &MissionId) -> Result<T, ShellError> + Send + 'static,
    ) -> Result<T, ShellError> {
        let (journal, mission) = (Arc::clone(&self.ports.journal), self.cell.mission().clone());
        let reading = tokio::task::spawn_blocking(move || read(journal.as_ref(), &mission));
        // It ends otherwise only when the program does.
        reading.await.unwrap_or(Err(ShellError::ShuttingDown))
    }

    /// Makes what is under way equal to what the state says is to be under way.
    fn reconcile(&mut self) {
        let effects = self.cell.effects();
        self.tick_at_ms = effects.iter().find_map(|effect| match effect {
            Effect::ArmTimer { at_ms } => Some(*at_ms),
            Effect::PerformAction { .. } => None,
        });
        self.under_way.retain(|(under_way, stop)| {
            let keep = effects.iter().any(
                |effect| matches!(effect, Effect::PerformAction { attempt, .. } if attempt == under_way),
            );
            if !keep {
                stop.raise(StopCause::Cancelled);
            }
            keep
        });
        for effect in effects {
            let Effect::PerformAction { attempt, task, action, started_ms, deadline_ms, hurry } = effect
            else {
                continue;
            };
            if let Some((_, stop)) = self.under_way.iter().find(|(under_way, _)| *under_way == attempt) {
                if hurry {
                    stop.hurry();
                }
                continue;
            }
            let stop = Stop::new();
            if hurry {
                stop.hurry();
            }
            self.under_way.push((attempt, stop.clone()));
            let mission = self.cell.mission().clone();
            let (bus, is_old) = (Arc::clone(&self.ports.bus), self.old.contains(&attempt));
            let allowance_ms = Some(deadline_ms.saturating_sub(started_ms));
            let work = Work { mission, task, attempt, stop, bus, is_old, allowance_ms };
            if let Some(fleet) = self.ports.fleet.as_ref().filter(|_| action.travels()) {
                let (inbox, shell) = (self.self_inbox.clone(), tokio::runtime::Handle::current());
                let report = move |outcome| report(&inbox, attempt, outcome, &shell);
                fleet.dispatch(action, work, Box::new(report));
                continue;
            }
            let pool = if action.role() == Role::Orchestrator { &self.desk } else { &self.pool };
            pool.submit(Order::new(action, work, self.self_inbox.clone()));
        }
    }
}

/// Takes an outcome that comes from elsewhere into the ring, and returns at once.
fn report(
    inbox: &mpsc::WeakSender<Message>,
    attempt: AttemptId,
    outcome: Outcome,
    shell: &tokio::runtime::Handle,
) {
    let Some(inbox) = inbox.upgrade() else { return };
    // A closed inbox means that the mission has ended or the program stops. A full one is waited for, here and not by whoever brings it.
    if let Err(mpsc::error::TrySendError::Full(message)) =
        inbox.try_send(Message::Reported(attempt, Box::new(outcome)))
    {
        drop(shell.spawn(async move { inbox.send(message).await.ok() }));
    }
}

enum Next {
    Message(Message),
    Tick,
    Closed,
}

/// Rings at a moment that moves with nearly every step.
///
/// Setting a timer takes a lock that all missions share, so a moment that moves away is let be: the timer rings
/// too early, once, and is set again.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What `sleep` rings for, ms since 1970. None: it is not set.
    set_for_ms: Option<u64>,
}

impl Alarm {
    /// Ready once `at_ms` has come.
    fn poll(&mut self, at_ms: u64, clock: &dyn Clock, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.set_for_ms.is_none_or(|set| set > at_ms) {
                self.set_for_ms = Some(at_ms);
                let wait_ms = at_ms.saturating_sub(clock.now_ms()).max(1);
                let at = Instant::now() + Duration::from_millis(wait_ms);
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(at),
                    None => self.sleep = Some(Box::pin(sleep_until(at))),
                }
            }
            let Some(sleep) = &mut self.sleep else { return Poll::Pending };
            ready!(sleep.as_mut().poll(cx));
            if self.set_for_ms.take() == Some(at_ms) {
                return Poll::Ready(());
            }
        }
    }
}

/// Resolves once `at` has come; used by shutdown.
pub(crate) async fn until(at: Instant) {
    sleep_until(at).await;
}

#[cfg(test)]
mod tests;
