//! Worker threads: they take actions and perform them, one at a time each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use coditect_ports::{Agent, Stop, Work};
use coditect_types::{Action, ErrorKind, Failure, Outcome};

/// One action for whichever worker is free first.
pub(crate) struct Order {
    pub(crate) action: Arc<Action>,
    pub(crate) work: Work,
    /// Takes the outcome back into the ring.
    pub(crate) deliver: Box<dyn FnOnce(Outcome) + Send>,
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<Order>,
    /// Workers that wait. Waking nobody costs a system call all the same, so it is not done.
    idle: usize,
    closed: bool,
}

/// The pool. Orders wait in the sequence in which they came; how many there can be is bounded by the number of
/// missions that the shell admits times the slots of each.
pub(crate) struct Pool {
    queue: Mutex<Queue>,
    changed: Condvar,
    agents: Vec<Arc<dyn Agent>>,
}

impl Pool {
    pub(crate) fn start(agents: Vec<Arc<dyn Agent>>, workers: usize) -> std::io::Result<Arc<Self>> {
        let pool = Arc::new(Self { queue: Mutex::default(), changed: Condvar::new(), agents });
        for n in 0..workers.max(1) {
            let worker = Arc::clone(&pool);
            thread::Builder::new()
                .name(format!("worker-{n}"))
                // Parsers and tree walks recurse; the default of 2 MiB is small for generated code.
                .stack_size(16 << 20)
                .spawn(move || worker.run())?;
        }
        Ok(pool)
    }

    pub(crate) fn submit(&self, order: Order) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.closed {
            queue.orders.push_back(order);
            let wake = queue.idle > 0;
            drop(queue);
            if wake {
                self.changed.notify_one();
            }
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
        while let Some(order) = self.next() {
            let outcome = self.perform(&order.action, &order.work);
            (order.deliver)(outcome);
        }
    }

    fn next(&self) -> Option<Order> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(order) = queue.orders.pop_front() {
                return Some(order);
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        if stopped_before(&work.stop) {
            return failed(ErrorKind::Interrupted, "stopped before it began");
        }
        let role = action.role();
        let Some(agent) = self.agents.iter().find(|agent| agent.roles().contains(&role)) else {
            return failed(ErrorKind::NotFound, format!("no agent offers the role {role:?}"));
        };
        // A panic fails one attempt, not the process: the attempt's state is dropped with it.
        catch_unwind(AssertUnwindSafe(|| agent.perform(action, work))).unwrap_or_else(|panic| {
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

fn failed(kind: ErrorKind, cause: impl Into<String>) -> Outcome {
    Outcome::Failed { failure: Failure::new(kind, cause), spent: Default::default() }
}
