//! The watch over single tests: the sandbox knows only the limit of a whole run.
//!
//! One thread watches over all runs of the process: a search makes a thousand runs a second.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use coditect_ports::{Stop, StopCause};

/// How often runs and the flags of the work around them are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Looks without a run before the thread waits to be called.
const LINGER: u32 = 20;

/// Raises a flag of its own when a test takes longer than its share, or when the work around it is stopped.
#[derive(Debug)]
pub(super) struct Watch {
    share: Duration,
    stop: Stop,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    hung: bool,
}

impl Watch {
    pub(super) fn new(share: Duration) -> Self {
        Self { share, stop: Stop::new(), state: Arc::default() }
    }

    /// The flag for the run.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// A test begins.
    pub(super) fn begin(&self) {
        lock(&self.state).began = Some(Instant::now());
    }

    /// It has ended.
    pub(super) fn end(&self) {
        lock(&self.state).began = None;
    }

    /// True once a test took longer than its share.
    pub(super) fn is_hung(&self) -> bool {
        lock(&self.state).hung
    }

    /// Does `run` under watch.
    pub(super) fn over<T>(&self, around: &Stop, run: impl FnOnce() -> T) -> T {
        let _under_watch = Watchman::of_the_process().take(Watched {
            share: self.share,
            around: around.clone(),
            stop: self.stop.clone(),
            state: Arc::clone(&self.state),
        });
        run()
    }
}

/// What the thread knows of a run.
struct Watched {
    share: Duration,
    around: Stop,
    stop: Stop,
    state: Arc<Mutex<State>>,
}

impl Watched {
    fn look(&self) {
        if let Some(cause) = self.around.cause() {
            self.stop.raise(cause);
            return;
        }
        let mut state = lock(&self.state);
        if state.began.is_some_and(|began| began.elapsed() > self.share) {
            state.hung = true;
            self.stop.raise(StopCause::Deadline);
        }
    }
}

/// The thread that watches, and the runs that it watches over.
#[derive(Default)]
struct Watchman {
    shift: Mutex<Shift>,
    called: Condvar,
}

#[derive(Default)]
struct Shift {
    runs: Vec<(u64, Watched)>,
    next: u64,
    /// The thread waits to be called.
    rests: bool,
}

impl Watchman {
    fn of_the_process() -> &'static Self {
        static WATCHMAN: OnceLock<&'static Watchman> = OnceLock::new();
        WATCHMAN.get_or_init(|| {
            // One for the life of the process, as is its thread.
            let watchman: &'static Self = Box::leak(Box::default());
            thread::spawn(|| watchman.watch());
            watchman
        })
    }

    fn take(&'static self, run: Watched) -> UnderWatch {
        let mut shift = lock(&self.shift);
        let number = shift.next;
        shift.next += 1;
        shift.runs.push((number, run));
        if shift.rests {
            self.called.notify_one();
        }
        UnderWatch { watchman: self, number }
    }

    fn watch(&self) {
        let mut idle = 0;
        let mut shift = lock(&self.shift);
        loop {
            idle = if shift.runs.is_empty() { idle + 1 } else { 0 };
            shift.runs.iter().for_each(|(_, run)| run.look());
            if idle > LINGER {
                shift.rests = true;
                let resting = |shift: &mut Shift| shift.runs.is_empty();
                shift = self.called.wait_while(shift, resting).unwrap_or_else(PoisonError::into_inner);
                shift.rests = false;
                idle = 0;
            }
            shift = self.called.wait_timeout(shift, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A run under watch, until this is dropped.
struct UnderWatch {
    watchman: &'static Watchman,
    number: u64,
}

impl Drop for UnderWatch {
    fn drop(&mut self) {
        lock(&self.watchman.shift).runs.retain(|(number, _)| *number != self.number);
    }
}

/// A lock that stays usable: nothing can panic between two writes that belong together.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(what: impl Fn() -> bool) -> bool {
        (0..2_000).any(|_| {
            thread::park_timeout(Duration::from_millis(5));
            what()
        })
    }

    #[test]
    fn a_test_that_takes_too_long_raises_the_flag_of_its_run_and_no_other() {
        let around = Stop::new();
        let (slow, quick) = (Watch::new(Duration::from_millis(20)), Watch::new(Duration::from_millis(20)));
        quick.over(&around, || {
            slow.over(&around, || {
                slow.begin();
                quick.begin();
                quick.end();
                assert!(until(|| slow.stop().is_raised()));
            });
        });
        assert!(slow.is_hung() && !quick.is_hung() && !quick.stop().is_raised() && !around.is_raised());
    }

    #[test]
    fn a_run_is_stopped_with_the_work_around_it() {
        let around = Stop::new();
        let watch = Watch::new(Duration::from_secs(600));
        watch.over(&around, || {
            around.raise(StopCause::Cancelled);
            assert!(until(|| watch.stop().is_raised()));
        });
        assert_eq!(watch.stop().cause(), Some(StopCause::Cancelled));
        assert!(!watch.is_hung());
    }

    #[test]
    fn the_watch_goes_on_after_a_rest() {
        let watchman: &'static Watchman = Box::leak(Box::default());
        thread::spawn(|| watchman.watch());
        assert!(until(|| lock(&watchman.shift).rests));
        let watch = Watch::new(Duration::ZERO);
        let run = Watched {
            share: watch.share,
            around: Stop::new(),
            stop: watch.stop.clone(),
            state: Arc::clone(&watch.state),
        };
        watch.begin();
        let _under_watch = watchman.take(run);
        assert!(until(|| watch.is_hung()));
    }
}
