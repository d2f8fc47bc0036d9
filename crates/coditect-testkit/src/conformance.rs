//! One conformance suite per port: what every adapter must do, whatever its technology.
//!
//! A suite panics at the first promise that is broken, and names it. An adapter's test is one line:
//! `conformance::journal(|| Arc::new(MyJournal::new()))`.

mod breakers;
mod graph;
mod journal;
mod world_store;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

pub use breakers::breakers;
pub use graph::{ListedGraph, graph};
pub use journal::{journal, journal_on_disk, journal_on_server};
pub use world_store::world_store;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread. For futures that need no runtime of their own, as those of ports do not.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
