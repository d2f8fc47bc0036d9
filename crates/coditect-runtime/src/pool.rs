//! Worker threads: they take actions and perform them, one at a time each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use coditect_ports::{Agent, Stop, Work};
use coditect_types::{Action, ErrorKind, Failure, Outcome};
use tokio::sync::mpsc;

use crate::actor::Message;

/// How often a worker that finds nothing lets others run and looks again before it sleeps. Orders come in bunches,
/// and a sleep costs the mission's thread a wake-up for each order, which is more than many an action takes.
const LOOKS: u32 = 4;

/// One action for whichever worker is free first, and then its outcome on the way back.
///
/// It goes there and back in one box: memory that one thread takes and another gives back makes both wait for
/// the allocator's lock.
pub(crate) struct Order {
    pub(crate) action: Arc<Action>,
    pub(crate) work: Work,
    /// The mission that waits for the outcome.
    pub(crate) inbox: mpsc::WeakSender<Message>,
    outcome: Option<Outcome>,
}

impl Order {
    pub(crate) fn new(action: Arc<Action>, work: Work, inbox: mpsc::WeakSender<Message>) -> Box<Self> {
        Box::new(Self { action, work, inbox, outcome: None })
    }

    /// What came of it, once.
    pub(crate) fn take_outcome(&mut self) -> Outcome {
        self.outcome.take().unwrap_or_else(|| failed(ErrorKind::Bug, "nobody performed the action"))
    }

    /// Takes the outcome back into the ring.
    fn deliver(self: Box<Self>) {
        let Some(inbox) = self.inbox.upgrade() else { return };
        // A closed inbox means that the mission has ended or the program stops. A full one is waited for.
        if let Err(mpsc::error::TrySendError::Full(message)) = inbox.try_send(Message::Done(self)) {
            inbox.blocking_send(message).ok();
        }
    }
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<Box<Order>>,
    /// Workers that wait and that nobody has woken yet.
    idle: usize,
    /// Workers that were woken and have not come yet. They look at the queue themselves, so nobody wakes them a
    /// second time: each wake-up is a system call.
    woken: usize,
    closed: bool,
}

/// How the threads of a pool perform an action.
pub(crate) trait Performs: Send + Sync {
    fn perform(&self, action: &Action, work: &Work) -> Outcome;
}

/// Agents, each action to the first that offers its role.
impl Performs for Vec<Arc<dyn Agent>> {
    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let role = action.role();
        match self.iter().find(|agent| agent.roles().contains(&role)) {
            Some(agent) => agent.perform(action, work),
            None => failed(ErrorKind::NotFound, format!("no agent offers the role {role:?}")),
        }
    }
}

/// The pool. Orders wait in the sequence in which they came; how many there can be is bounded by the number of
/// missions that the shell admits times the slots of each.
pub(crate) struct Pool {
    queue: Mutex<Queue>,
    changed: Condvar,
    performs: Box<dyn Performs>,
}

impl Pool {
    /// Starts `workers` threads whose names begin with `name`.
    pub(crate) fn start(
        name: &str,
        performs: Box<dyn Performs>,
        workers: usize,
    ) -> std::io::Result<Arc<Self>> {
        let pool = Arc::new(Self { queue: Mutex::default(), changed: Condvar::new(), performs });
        for n in 0..workers {
            let worker = Arc::clone(&pool);
            thread::Builder::new()
                .name(format!("{name}-{n}"))
                // Parsers and tree walks recurse; the default of 2 MiB is small for generated code.
                .stack_size(16 << 20)
                .spawn(move || worker.run())?;
        }
        Ok(pool)
    }

    pub(crate) fn submit(&self, order: Box<Order>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return;
        }
        queue.orders.push_back(order);
        let wake = queue.idle > 0;
        if wake {
            queue.idle -= 1;
            queue.woken += 1;
        }
        drop(queue);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Takes no more orders and forgets the waiting ones; workers end after what they do now.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        queue.orders.clear();
        drop(queue);
        self.changed.notify_all();
    }

    fn run(&self) {
        while let Some(mut order) = self.next() {
            order.outcome = Some(self.perform(&order.action, &order.work));
            order.deliver();
        }
    }

    fn next(&self) -> Option<Box<Order>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looks = 0;
        loop {
            if let Some(order) = queue.orders.pop_front() {
                return Some(order);
            }
            if queue.closed {
                return None;
            }
            if looks < LOOKS {
                looks += 1;
                drop(queue);
                thread::yield_now();
                queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            looks = 0;
            queue.idle += 1;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            // Whoever comes first takes the note of the wake-up; without one nobody was counted out yet.
            if queue.woken > 0 {
                queue.woken -= 1;
            } else {
                queue.idle -= 1;
            }
        }
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        if stopped_before(&work.stop) {
            return failed(ErrorKind::Interrupted, "stopped before it began");
        }
        // A panic fails one attempt, not the process: the attempt's state is dropped with it.
        catch_unwind(AssertUnwindSafe(|| self.performs.perform(action, work))).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            failed(ErrorKind::Bug, format!("the agent broke: {said}"))
        })
    }
}

fn stopped_before(stop: &Stop) -> bool {
    stop.is_raised()
}

pub(crate) fn failed(kind: ErrorKind, cause: impl Into<String>) -> Outcome {
    Outcome::Failed { failure: Failure::new(kind, cause), spent: Default::default() }
}

#[cfg(test)]
mod tests;
