//! How many do something at once, and how many may wait for that: who comes after them is told so at once, and when to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_types::ErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Oops;

/// Those who are sent away come again within so many seconds, spread over them.
const SPREAD_S: u64 = 10;

/// Turns of one kind.
#[derive(Debug)]
pub(crate) struct Turns {
    /// What is done in one, in a phrase.
    what: &'static str,
    /// What somebody is told who is sent away.
    kind: ErrorKind,
    places: Arc<Semaphore>,
    waiting: Semaphore,
    /// Those who were sent away.
    sent_away: AtomicU64,
}

impl Turns {
    /// Turns of so many at once, for which so many more may wait. Who is sent away is told that the server has too much to do.
    pub(super) fn new(what: &'static str, at_once: usize, waiting: usize) -> Self {
        Self {
            what,
            kind: ErrorKind::Unavailable,
            places: Arc::new(Semaphore::new(at_once)),
            waiting: Semaphore::new(waiting),
            sent_away: AtomicU64::new(0),
        }
    }

    /// The same, where who is sent away is told that nothing was done, and to ask again.
    pub(super) fn nothing_done(self) -> Self {
        Self { kind: ErrorKind::Exhausted, ..self }
    }

    /// One's turn, once it is that.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, Oops> {
        if let Ok(turn) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(turn);
        }
        let Ok(_waits) = self.waiting.try_acquire() else { return Err(self.send_away()) };
        let turn = Arc::clone(&self.places).acquire_owned().await;
        turn.map_err(|_| Oops::new(ErrorKind::Interrupted, "the server is stopping"))
    }

    fn send_away(&self) -> Oops {
        let seconds = 1 + self.sent_away.fetch_add(1, Ordering::Relaxed) % SPREAD_S;
        let cause = format!("too many wait to {} already; nothing was done", self.what);
        Oops::new(self.kind, cause).hint(format!("ask again in {seconds} s")).again_after(seconds)
    }
}
