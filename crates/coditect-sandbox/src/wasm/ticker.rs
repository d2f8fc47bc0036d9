//! One thread that keeps time for all guests of an engine.
//!
//! While guests live it advances the engine's epoch every [`TICK`], at which a computing guest yields to the host,
//! and wakes the hosts of guests that sleep. Some time after the last guest it goes to sleep and costs nothing; not
//! at once, since waking it for each of a thousand short guests a second would cost more than ticking on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use coditect_ports::PortError;
use wasmtime::{Engine, EngineWeak};

/// How often limits and flags are looked at.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Ticks without a guest before the thread goes to sleep.
const LINGER: u32 = 40;

/// How often the sleeping thread looks whether its owner is gone.
const NAP: Duration = Duration::from_millis(500);

/// The clock of an engine. Ends its thread when it is dropped.
pub(super) struct Ticker {
    shared: Mutex<Shared>,
    changed: Condvar,
}

#[derive(Default)]
struct Shared {
    next: u64,
    asleep: bool,
    live: Vec<(u64, Option<Waker>)>,
}

/// A guest's place in the ticker, left when dropped.
pub(super) struct Seat {
    ticker: Arc<Ticker>,
    number: u64,
}

impl Ticker {
    /// Starts the thread.
    pub(super) fn start(engine: &Engine) -> Result<Arc<Self>, PortError> {
        let ticker = Arc::new(Self { shared: Mutex::default(), changed: Condvar::new() });
        let (weak, engine) = (Arc::downgrade(&ticker), engine.weak());
        std::thread::Builder::new()
            .name("wasm-ticker".to_owned())
            .spawn(move || tick(&weak, &engine))
            .map_err(|e| super::unavailable("start the thread that keeps the guests' time", &e))?;
        Ok(ticker)
    }

    /// Takes a place: from now on the epoch advances.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let mut shared = self.lock();
        let number = shared.next;
        shared.next += 1;
        shared.live.push((number, None));
        if shared.asleep {
            self.changed.notify_one();
        }
        drop(shared);
        Seat { ticker: Arc::clone(self), number }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // No code can panic between two states that belong together, so a poisoned lock is still sound.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Wakes `waker` at the next tick.
    pub(super) fn wake_at_next(&self, waker: &Waker) {
        let mut shared = self.ticker.lock();
        if let Some((_, place)) = shared.live.iter_mut().find(|(number, _)| *number == self.number) {
            match place {
                Some(known) if known.will_wake(waker) => {}
                Some(_) | None => *place = Some(waker.clone()),
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.ticker.lock().live.retain(|(number, _)| *number != self.number);
    }
}

/// The thread. It ends when the last `PythonWasm` of its engine is gone.
fn tick(ticker: &Weak<Ticker>, engine: &EngineWeak) {
    let mut idle = 0;
    while let Some(ticker) = ticker.upgrade() {
        let mut shared = ticker.lock();
        shared.asleep = idle > LINGER;
        let pause = if shared.asleep { NAP } else { TICK };
        let (mut shared, _) =
            ticker.changed.wait_timeout(shared, pause).unwrap_or_else(PoisonError::into_inner);
        if shared.live.is_empty() {
            idle = idle.saturating_add(1);
            continue;
        }
        if shared.asleep {
            // Woken for a new guest, which has had no time yet.
            idle = 0;
            continue;
        }
        let wakers: Vec<Waker> = shared.live.iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        drop(shared);
        idle = 0;
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        wakers.into_iter().for_each(Waker::wake);
    }
}
