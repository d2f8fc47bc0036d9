//! The watch over single tests: the sandbox knows only the limit of a whole run.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use coditect_ports::{Stop, StopCause};

/// How often the flag of the work around is looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    hung: bool,
    over: bool,
}

/// Raises a flag of its own when a test takes longer than its share, or when the work around it is stopped.
#[derive(Debug)]
pub(super) struct Watch {
    share: Duration,
    stop: Stop,
    state: Mutex<State>,
    changed: Condvar,
}

impl Watch {
    pub(super) fn new(share: Duration) -> Self {
        Self { share, stop: Stop::new(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// The flag for the run.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// A test begins.
    pub(super) fn begin(&self) {
        self.lock().began = Some(Instant::now());
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.lock().began = None;
    }

    /// True once a test took longer than its share.
    pub(super) fn is_hung(&self) -> bool {
        self.lock().hung
    }

    /// Does `run` while a thread watches.
    pub(super) fn over<T>(&self, around: &Stop, run: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            scope.spawn(|| self.look(around));
            // Ends the thread also when `run` unwinds: a scope waits for its threads.
            let _end = End(self);
            run()
        })
    }

    fn look(&self, around: &Stop) {
        let mut state = self.lock();
        while !state.over {
            if let Some(cause) = around.cause() {
                self.stop.raise(cause);
                return;
            }
            if state.began.is_some_and(|began| began.elapsed() > self.share) {
                state.hung = true;
                self.stop.raise(StopCause::Deadline);
                return;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A lock that stays usable: nothing can panic between two writes that belong together.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct End<'a>(&'a Watch);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.changed.notify_all();
    }
}
