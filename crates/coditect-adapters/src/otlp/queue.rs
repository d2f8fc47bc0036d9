//! What waits to be sent, and the thread that sends it.
//!
//! Things are written into the body of the next request as they are handed over, by whoever hands them over: nothing of them is kept
//! beside it, and nobody is woken for one of them.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_types::MissionId;
use coditect_types::span::Span as MissionSpan;

use super::send::Sender;
use super::wire::{Head, thing};
use super::{Span, THREAD, Tally, Target};
use crate::shards::Shards;
use crate::trace::MissionTrace;

/// What waits to be sent at most where nobody says, beside what threads are writing: things, and bytes of them. A request that is full
/// while there is room is taken whole.
pub(super) const WAITING: usize = 16_384;
const WAITING_BYTES: usize = 32 << 20;
/// What goes with one request where nobody says: no more things are added from there on. Gateways often take no more than a mebibyte. And
/// how long the first of it waits for others.
pub(super) const BATCH: usize = 2_048;
const BATCH_BYTES: usize = 900 << 10;
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// Bodies that were sent whose memory is kept.
const SPARE: usize = 4;

/// How much waits, and goes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Things that wait, beside what threads are writing.
    pub(super) waiting: usize,
    /// Things that go with one request.
    pub(super) batch: usize,
    /// How long the first of these waits for others.
    pub(super) gathered_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: WAITING, batch: BATCH, gathered_for: GATHERED_FOR }
    }
}

/// What can be sent.
pub trait Parcel: Debug + Send + Sized + 'static {
    /// Writes it, without its length.
    fn write(&self, out: &mut Vec<u8>);
}

/// A thread that sends, and what became of what was to be sent.
#[derive(Debug)]
pub(super) struct Sending {
    tally: Arc<Tally>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sending {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives none.
    pub(super) fn start(send: impl FnOnce(&Tally) + Send + 'static) -> Result<Self, PortError> {
        let tally = Arc::new(Tally::default());
        let own = Arc::clone(&tally);
        let thread = std::thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || send(&own))
            .map_err(|error| PortError::from_io("starting the thread that sends to a collector", &error))?;
        Ok(Self { tally, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Waits for the thread, which was told to end, for at most `within`. Gives how many were sent, and how many were not, for whatever
    /// reason.
    pub(super) fn finish(&self, within: Duration) -> (u64, u64) {
        wait_for(self.thread.lock().unwrap_or_else(PoisonError::into_inner).take(), within);
        let (offered, sent) = (self.tally.offered.load(Ordering::Relaxed), self.tally.sent());
        (sent, offered.saturating_sub(sent))
    }
}

/// Sends one kind of things, on a thread of its own.
#[derive(Debug)]
pub struct Exporter<T: Parcel> {
    queue: Arc<Queue>,
    sending: Sending,
    of: PhantomData<fn(T)>,
}

impl<T: Parcel> Exporter<T> {
    /// Starts the thread. Nothing is sent before there is something.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(target: Target) -> Result<Self, PortError> {
        let queue = Arc::new(Queue::new(Head::new(&target), target.limits));
        let own = Arc::clone(&queue);
        let sending = Sending::start(move |tally| send_all(&target, &own, tally))?;
        Ok(Self { queue, sending, of: PhantomData })
    }

    /// Hands one over. Never waits for a collector: where too many wait already, it is dropped.
    pub fn offer(&self, thing: T) {
        self.offer_written(|out| thing.write(out));
    }

    fn offer_written(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let tally = self.sending.tally();
        tally.offered.fetch_add(1, Ordering::Relaxed);
        // Whoever looks at the tally is told of what is dropped; a line of the log for each would make it worse.
        if !self.queue.add(write) {
            tally.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What becomes of what is handed over.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(self.sending.tally())
    }

    /// Takes no more, and sends what waits without waiting for more.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Takes no more, sends what waits, for at most `within`, and gives how many were sent, and how many of those that were handed
    /// over were not, for whatever reason.
    pub fn finish(&self, within: Duration) -> (u64, u64) {
        self.close();
        self.sending.finish(within)
    }
}

impl Exporter<Span> {
    /// Hands over a span of a mission, which is written as it is.
    pub fn offer_of(&self, mission: &MissionId, trace: &MissionTrace, span: &MissionSpan) {
        let (own, above) = (trace.span(mission, span.of), trace.above(mission, span.of));
        self.offer_written(|out| super::spans::write_of_mission(out, (own, above), span));
    }
}

impl<T: Parcel> Drop for Exporter<T> {
    /// The thread ends once it has sent what waits.
    fn drop(&mut self) {
        self.close();
    }
}

/// The body of a request that is being written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    body: Vec<u8>,
    things: usize,
    /// What is written whole, bytes.
    whole: usize,
    /// When the first of it came.
    since: Option<Instant>,
}

impl Batch {
    /// One that uses the memory of another body.
    fn within(body: Vec<u8>) -> Self {
        Self { body, ..Self::default() }
    }

    /// Adds one, behind what stands before all of them.
    pub(super) fn add(&mut self, head: &Head, write: impl FnOnce(&mut Vec<u8>)) {
        // What somebody broke off in the middle of is no part of it.
        self.body.truncate(self.whole);
        if self.things == 0 {
            head.begin(&mut self.body);
        }
        thing(&mut self.body, write);
        self.things += 1;
        self.whole = self.body.len();
        self.since.get_or_insert_with(Instant::now);
    }

    /// Takes what is in another one, if there is room for it.
    fn join(&mut self, head: &Head, limits: &Limits, other: &mut Self) {
        let more = other.whole.saturating_sub(head.size());
        if self.things + other.things > limits.batch || self.whole + more > BATCH_BYTES || other.things == 0 {
            return;
        }
        self.body.truncate(self.whole);
        self.body.extend_from_slice(&other.body[head.size()..other.whole]);
        self.things += other.things;
        self.whole = self.body.len();
        other.body.clear();
        *other = Self::within(std::mem::take(&mut other.body));
    }

    fn is_due(&self, limits: &Limits, is_closed: bool) -> bool {
        self.waits_for(limits).is_some_and(|left| is_closed || left.is_zero())
    }

    fn is_full(&self, limits: &Limits) -> bool {
        self.things >= limits.batch || self.whole >= BATCH_BYTES
    }

    /// How long it still waits for others; None: it has nothing.
    fn waits_for(&self, limits: &Limits) -> Option<Duration> {
        self.since.map(|since| limits.gathered_for.saturating_sub(since.elapsed()))
    }

    /// The body, and how many things are in it.
    pub(super) fn end(mut self, head: &Head) -> (Vec<u8>, u64) {
        self.body.truncate(self.whole);
        head.end(&mut self.body);
        (self.body, self.things as u64)
    }
}

/// What waits. Each thread that hands things over writes into a batch of its own. Whoever holds one of these may lock [`Full`], and
/// nobody the other way round.
#[derive(Debug)]
struct Queue {
    head: Head,
    limits: Limits,
    open: Shards<Batch>,
    full: Mutex<Full>,
    /// Of `full`: there is more, or the thread need not wait any longer.
    changed: Condvar,
    /// The thread waits for the first thing. It is made false by who holds `full`.
    is_idle: AtomicBool,
    is_closed: AtomicBool,
}

/// Batches that nothing is added to.
#[derive(Debug, Default)]
struct Full {
    batches: VecDeque<Batch>,
    /// In these.
    things: usize,
    bytes: usize,
    /// The memory of bodies that were sent: they are large, and the system would have to find it anew each time.
    spare: Vec<Vec<u8>>,
}

impl Full {
    /// Puts a new batch in the place of this one.
    fn take(&mut self, open: &mut Batch) -> Batch {
        std::mem::replace(open, Batch::within(self.spare.pop().unwrap_or_default()))
    }
}

/// What is to be done next.
enum Next {
    Send(Batch),
    /// Nothing before this is over, but for a batch that is full.
    Wait(Duration),
    /// There is nothing.
    Idle,
}

impl Queue {
    fn new(head: Head, limits: Limits) -> Self {
        let (is_idle, is_closed) = (AtomicBool::new(false), AtomicBool::new(false));
        let open = Shards::new(Batch::default);
        Self { head, limits, open, full: Mutex::default(), changed: Condvar::new(), is_idle, is_closed }
    }

    fn full(&self) -> MutexGuard<'_, Full> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one, if there is room: it is never waited for.
    fn add(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut open = self.open.own();
        // There was no room for one that is full still; there may be by now.
        let is_closed = self.is_closed.load(Ordering::Acquire);
        if is_closed || (open.is_full(&self.limits) && !self.hand_over(&mut open)) {
            return false;
        }
        open.add(&self.head, write);
        if open.is_full(&self.limits) {
            self.hand_over(&mut open);
        }
        drop(open);
        // Whoever made it so has looked at this batch before, or is going to.
        if self.is_idle.load(Ordering::SeqCst) {
            let full = self.full();
            self.is_idle.store(false, Ordering::SeqCst);
            drop(full);
            self.changed.notify_one();
        }
        true
    }

    /// Puts a batch to those that are full, if there is room.
    fn hand_over(&self, open: &mut Batch) -> bool {
        let mut full = self.full();
        if full.things >= self.limits.waiting || full.bytes >= WAITING_BYTES {
            return false;
        }
        let batch = full.take(open);
        full.things += batch.things;
        full.bytes += batch.whole;
        full.batches.push_back(batch);
        drop(full);
        self.changed.notify_one();
        true
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        // Who has seen that it was open waits by now, or has not looked yet.
        drop(self.full());
        self.changed.notify_one();
    }

    /// The next batch: one that is full, or whose first thing has waited long enough. None: there is nothing, and nothing will come.
    fn next(&self) -> Option<Batch> {
        loop {
            // Looked at first: what is added after that is refused.
            let is_closed = self.is_closed.load(Ordering::Acquire);
            match self.look(is_closed) {
                Next::Send(batch) => return Some(batch),
                Next::Idle if is_closed => return None,
                Next::Idle => self.wait_for_first(),
                Next::Wait(within) => self.wait(within),
            }
        }
    }

    fn look(&self, is_closed: bool) -> Next {
        // By age: neither what one thread fills all the time keeps the few things of another from being sent, nor the other way round.
        let oldest = self.full().batches.front().and_then(|batch| batch.since);
        let is_due = |open: &Batch| {
            open.is_due(&self.limits, false) && oldest.is_none_or(|full| open.since < Some(full))
        };
        if let Some(batch) = self.gather(is_due).or_else(|| self.first()).or_else(|| {
            let is_ready = |open: &Batch| open.is_full(&self.limits) || open.is_due(&self.limits, is_closed);
            self.gather(is_ready)
        }) {
            return Next::Send(batch);
        }
        let soonest = self.open.all().filter_map(|open| open.waits_for(&self.limits)).min();
        match soonest {
            Some(soonest) => Next::Wait(soonest),
            // A batch may have been filled and put away meanwhile.
            None if self.full().batches.is_empty() => Next::Idle,
            None => Next::Wait(Duration::ZERO),
        }
    }

    /// The first of the batches that are full.
    fn first(&self) -> Option<Batch> {
        let mut full = self.full();
        let batch = full.batches.pop_front()?;
        full.things -= batch.things;
        full.bytes -= batch.whole;
        Some(batch)
    }

    /// The oldest batch that is ready, with what other threads have by now as far as there is room.
    fn gather(&self, is_ready: impl Fn(&Batch) -> bool) -> Option<Batch> {
        let all = self.open.all().enumerate();
        let ready = all.filter(|(_, open)| is_ready(open)).map(|(part, open)| (open.since, part));
        let (_, oldest) = ready.min()?;
        let mut batch = self.open.all().nth(oldest).and_then(|mut open| {
            // It may have been put away meanwhile.
            let is_ready = is_ready(&open);
            is_ready.then(|| self.full().take(&mut open))
        })?;
        self.open.all().for_each(|mut open| batch.join(&self.head, &self.limits, &mut open));
        Some(batch)
    }

    /// Waits for the first thing.
    fn wait_for_first(&self) {
        let full = self.full();
        self.is_idle.store(true, Ordering::SeqCst);
        drop(full);
        // What was added before that was added by somebody who was not to say so.
        if self.open.all().any(|open| open.things > 0) {
            self.is_idle.store(false, Ordering::SeqCst);
            return;
        }
        let waits = |full: &mut Full| {
            full.batches.is_empty()
                && self.is_idle.load(Ordering::SeqCst)
                && !self.is_closed.load(Ordering::Acquire)
        };
        let woken = self.changed.wait_while(self.full(), waits);
        drop(woken.unwrap_or_else(PoisonError::into_inner));
        self.is_idle.store(false, Ordering::SeqCst);
    }

    /// Waits for a full batch.
    fn wait(&self, within: Duration) {
        let waits = |full: &mut Full| full.batches.is_empty() && !self.is_closed.load(Ordering::Acquire);
        let woken = self.changed.wait_timeout_while(self.full(), within, waits);
        drop(woken.unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes back the memory of a body that was sent, where nobody looks at it any more.
    fn keep(&self, body: Bytes) {
        if let Ok(body) = body.try_into_mut() {
            let mut body = Vec::from(body);
            body.clear();
            let mut full = self.full();
            if full.spare.len() < SPARE {
                full.spare.push(body);
            }
        }
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

/// Ends a queue, however its thread does.
struct Ends<'a> {
    queue: &'a Queue,
    tally: &'a Tally,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.queue.close();
        while let Some(batch) = self.queue.next() {
            self.tally.dropped.fetch_add(batch.things as u64, Ordering::Relaxed);
        }
    }
}

fn send_all(target: &Target, queue: &Queue, tally: &Tally) {
    let _ends = Ends { queue, tally };
    let Some(sender) = Sender::open(target) else { return };
    while let Some(batch) = queue.next() {
        let (body, things) = batch.end(&queue.head);
        let body = Bytes::from(body);
        let done = sender.send(target, body.clone());
        tally.settle(target.signal, target, things, done);
        queue.keep(body);
    }
}
