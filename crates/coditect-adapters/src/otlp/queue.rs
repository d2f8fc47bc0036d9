//! What waits to be sent, and the thread that sends it.

use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coditect_ports::PortError;

use super::send::Sender;
use super::{THREAD, Tally, Target};

/// What waits to be sent at most.
pub(super) const WAITING: usize = 4_096;
/// What goes with one request, and how long the first of it waits for others.
const BATCH: usize = 512;
const GATHERED_FOR: Duration = Duration::from_secs(1);

/// What can be sent.
pub trait Parcel: Debug + Send + Sized + 'static {
    /// The body of a request.
    fn body(target: &Target, batch: &[Self]) -> Vec<u8>;
}

/// A thread that sends, the way to it, and what became of what was to be sent.
#[derive(Debug)]
pub(super) struct Sending<T> {
    /// Whoever closes it ends the thread, once it has sent what waits.
    door: Mutex<Option<SyncSender<T>>>,
    tally: Arc<Tally>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<T: Send + 'static> Sending<T> {
    /// Starts the thread, for which `room` things may wait.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(
        room: usize,
        send: impl FnOnce(&Receiver<T>, &Tally) + Send + 'static,
    ) -> Result<Self, PortError> {
        let (door, things) = sync_channel(room);
        let tally = Arc::new(Tally::default());
        let own = Arc::clone(&tally);
        let thread =
            std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || send(&things, &own)).map_err(
                |error| PortError::from_io("starting the thread that sends to a collector", &error),
            )?;
        Ok(Self { door: Mutex::new(Some(door)), tally, thread: Mutex::new(Some(thread)) })
    }

    /// Hands one over, if there is room: it is never waited for.
    fn try_hand_over(&self, thing: T) -> bool {
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        door.as_ref().is_some_and(|door| door.try_send(thing).is_ok())
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Takes no more, and sends what waits without waiting for more.
    pub(super) fn close(&self) {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The same, and waits for that, for at most `within`. Gives how many were sent, and how many were not, for whatever reason.
    pub(super) fn finish(&self, within: Duration) -> (u64, u64) {
        self.close();
        wait_for(self.thread.lock().unwrap_or_else(PoisonError::into_inner).take(), within);
        let (offered, sent) = (self.tally.offered.load(Ordering::Relaxed), self.tally.sent());
        (sent, offered.saturating_sub(sent))
    }
}

/// Sends one kind of things, on a thread of its own.
#[derive(Debug)]
pub struct Exporter<T: Parcel>(Sending<T>);

impl<T: Parcel> Exporter<T> {
    /// Starts the thread. Nothing is sent before there is something.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(target: Target) -> Result<Self, PortError> {
        Sending::start(WAITING, move |things, tally| send_all(&target, things, tally)).map(Self)
    }

    /// Hands one over. Never waits: where too many wait already, it is dropped.
    pub fn offer(&self, thing: T) {
        let tally = self.0.tally();
        tally.offered.fetch_add(1, Ordering::Relaxed);
        // Whoever looks at the tally is told; a line of the log for each would make it worse.
        if !self.0.try_hand_over(thing) {
            tally.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What becomes of what is handed over.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(self.0.tally())
    }

    /// Takes no more, and sends what waits without waiting for more.
    pub fn close(&self) {
        self.0.close();
    }

    /// Takes no more, sends what waits, for at most `within`, and gives how many were sent, and how many of those that were handed
    /// over were not, for whatever reason.
    pub fn finish(&self, within: Duration) -> (u64, u64) {
        self.0.finish(within)
    }
}

/// Waits for a thread that sends, for at most so long. One that is not done by then ends with the process, and what it has is not sent.
fn wait_for(sender: Option<JoinHandle<()>>, within: Duration) {
    let until = Instant::now() + within;
    let Some(sender) = sender else { return };
    while !sender.is_finished() && Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    if sender.is_finished() && sender.join().is_err() {
        tracing::warn!("the thread that sends to a collector broke");
    }
}

fn send_all<T: Parcel>(target: &Target, things: &Receiver<T>, tally: &Tally) {
    let Some(sender) = Sender::open(target) else { return };
    while let Ok(first) = things.recv() {
        let batch = gather(first, things);
        let done = sender.send(target, T::body(target, &batch));
        tally.settle(target.signal, target, batch.len() as u64, done);
    }
}

/// The first, and what comes soon after it.
fn gather<T>(first: T, things: &Receiver<T>) -> Vec<T> {
    let mut batch = vec![first];
    let until = Instant::now() + GATHERED_FOR;
    while batch.len() < BATCH {
        match things.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(thing) => batch.push(thing),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    batch
}
