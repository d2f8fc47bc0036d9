//! One mission at work: takes inputs one at a time, keeps what was decided, then lets it happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coditect_ports::{AppendError, Notice, Stop, StopCause, Work};
use coditect_types::{AttemptId, Command, Effect, ErrorKind, Input, MissionStatus, Reply};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::cell::{Cell, Step};
use crate::error::ShellError;
use crate::history::history_from;
use crate::pool::{Order, Pool};
use crate::shell::Ports;

/// Appends are tried this often before the mission stops here (it can be resumed).
const APPEND_TRIES: u32 = 6;
/// The wait before the second try, ms; it doubles.
const APPEND_WAIT_MS: u64 = 50;

/// What an actor is told.
#[derive(Debug)]
pub(crate) enum Message {
    Command(Box<Command>, oneshot::Sender<Result<Reply, ShellError>>),
    Outcome(AttemptId, Box<coditect_types::Outcome>),
}

/// How a mission stands, for whoever waits for its end.
pub(crate) type Ending = Option<Result<MissionStatus, ShellError>>;

pub(crate) struct Actor {
    pub(crate) cell: Cell,
    pub(crate) ports: Ports,
    pub(crate) pool: Arc<Pool>,
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// For the outcomes of this actor's own orders.
    pub(crate) self_inbox: mpsc::WeakSender<Message>,
    pub(crate) ending: watch::Sender<Ending>,
    pub(crate) shutdown: watch::Receiver<bool>,
    pub(crate) under_way: BTreeMap<AttemptId, Stop>,
    pub(crate) tick_at_ms: Option<u64>,
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
        for stop in self.under_way.values() {
            stop.raise(cause);
        }
        self.ports.journal.release(self.cell.mission());
        self.ending.send_replace(Some(ending));
    }

    async fn live(&mut self) -> Result<MissionStatus, ShellError> {
        loop {
            let message = tokio::select! {
                biased;
                _ = self.shutdown.wait_for(|down| *down) => return Err(ShellError::ShuttingDown),
                message = next_message(&mut self.inbox, wake_at(self.tick_at_ms, self.ports.clock.now_ms())) => message,
            };
            let (input, told) = match message {
                Next::Message(Message::Command(command, told)) => (Input::Command(*command), Some(told)),
                Next::Message(Message::Outcome(attempt, outcome)) => {
                    self.under_way.remove(&attempt);
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

    /// Decide, keep, tell, act.
    async fn take(&mut self, input: &Input) -> Result<Reply, ShellError> {
        let mut tries = 0;
        loop {
            let step = self.cell.step(self.ports.clock.now_ms(), input).map_err(ShellError::Refused)?;
            match self.keep(&step).await {
                Ok(()) => {
                    let (records, reply) = self.cell.kept(step);
                    for record in records {
                        self.ports.bus.announce(Notice::Recorded(Box::new(record)));
                    }
                    self.reconcile();
                    return Ok(reply);
                }
                Err(error) => {
                    tries += 1;
                    self.after_failed_append(error, tries).await?;
                    if !step.records.is_empty() && self.cell.seq() >= step.last_seq() {
                        // It was kept after all: this process alone writes the stream, so it can only be ours.
                        self.reconcile();
                        return Ok(self.cell.state().end.map_or(Reply::Taken, Reply::Ended));
                    }
                }
            }
        }
    }

    async fn keep(&self, step: &Step) -> Result<(), AppendError> {
        if step.records.is_empty() {
            return Ok(());
        }
        self.ports.journal.append(self.cell.mission(), self.cell.seq(), step.encode()).await.map(|_| ())
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
        let records = history_from(self.ports.journal.as_ref(), self.cell.mission(), 1)?;
        self.cell = Cell::replay(self.cell.mission().clone(), &records);
        Ok(())
    }

    /// Makes what is under way equal to what the state says is to be under way.
    fn reconcile(&mut self) {
        self.tick_at_ms = None;
        let mut wanted = Vec::new();
        for effect in self.cell.effects() {
            match effect {
                Effect::ArmTimer { at_ms } => self.tick_at_ms = Some(at_ms),
                Effect::PerformAction { attempt, task, action, .. } => wanted.push((attempt, task, action)),
            }
        }
        self.under_way.retain(|attempt, stop| {
            let keep = wanted.iter().any(|(wanted, ..)| wanted == attempt);
            if !keep {
                stop.raise(StopCause::Cancelled);
            }
            keep
        });
        for (attempt, task, action) in wanted {
            if self.under_way.contains_key(&attempt) {
                continue;
            }
            let stop = Stop::new();
            self.under_way.insert(attempt, stop.clone());
            let inbox = self.self_inbox.clone();
            self.pool.submit(Order {
                action,
                work: Work {
                    mission: self.cell.mission().clone(),
                    task,
                    attempt,
                    stop,
                    bus: Arc::clone(&self.ports.bus),
                },
                deliver: Box::new(move |outcome| {
                    if let Some(inbox) = inbox.upgrade() {
                        // A closed inbox means that the mission has ended or the program stops.
                        inbox.blocking_send(Message::Outcome(attempt, Box::new(outcome))).ok();
                    }
                }),
            });
        }
    }
}

enum Next {
    Message(Message),
    Tick,
    Closed,
}

async fn next_message(inbox: &mut mpsc::Receiver<Message>, wake: Option<Instant>) -> Next {
    let received = match wake {
        None => inbox.recv().await,
        Some(at) => match timeout_at(at, inbox.recv()).await {
            Ok(received) => received,
            Err(_) => return Next::Tick,
        },
    };
    received.map_or(Next::Closed, Next::Message)
}

fn wake_at(tick_at_ms: Option<u64>, now_ms: u64) -> Option<Instant> {
    tick_at_ms.map(|at| Instant::now() + Duration::from_millis(at.saturating_sub(now_ms).max(1)))
}

/// Resolves once `at` has come; used by shutdown.
pub(crate) async fn until(at: Instant) {
    sleep_until(at).await;
}
