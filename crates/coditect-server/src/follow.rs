//! Event streams that follow the journal, and go on where they were.
//!
//! One task looks at the journal of each mission that is watched, however many watch it, and hands what is new to all of
//! them over a channel that is bounded. A watcher that falls behind loses what the channel had, and reads it from the
//! journal once it can take it; one that stops reading is not waited for by anybody, and costs its buffers and a place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::Event as Message;
use coditect_runtime::ShellError;
use coditect_runtime::said::{kind, moment};
use coditect_types::{Event, MissionId, Record};
use futures::Stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use crate::house::House;
use crate::moments::decoded;
use crate::serve::stopped;
use crate::text::plain;

/// Watchers at once.
pub(crate) const WATCHERS: usize = 1_000;
/// How often the journal of a mission that is watched is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(80);
/// Records that are read at a time, and that a channel holds.
const PAGE: usize = 64;
const HELD: usize = 256;
/// Sentences of a record, and characters of one: the whole of it is in `/api`.
const SENTENCES: usize = 40;
const LETTERS: usize = 2_000;
/// A browser that lost the stream asks again after this.
const AGAIN: Duration = Duration::from_millis(1_000);

/// A record as watchers are told it.
#[derive(Debug)]
struct Told {
    seq: u64,
    data: String,
    is_end: bool,
}

impl Told {
    fn new(house: &dyn House, record: &Record) -> Self {
        let story = house.story(record);
        let lines: Vec<_> = story
            .iter()
            .take(SENTENCES)
            .map(|one| {
                let text: String = plain(&one.text).chars().take(LETTERS).collect();
                json!({ "task": one.task, "tells": one.tells, "text": text })
            })
            .collect();
        let data = json!({
            "seq": record.seq,
            "at_ms": record.at_ms,
            "at": moment(record.at_ms),
            "type": kind(&record.event),
            "lines": lines,
        });
        let is_end = matches!(record.event, Event::MissionCompleted { .. });
        Self { seq: record.seq, data: data.to_string(), is_end }
    }
}

/// All that watch.
#[derive(Debug)]
pub(crate) struct Followers {
    house: Arc<dyn House>,
    channels: Arc<Mutex<BTreeMap<MissionId, broadcast::Sender<Arc<Told>>>>>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: watch::Receiver<bool>,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    /// The first record that is to be told.
    pub(crate) next: u64,
    /// The newest record that the journal has.
    pub(crate) last_seq: u64,
    /// The mission has ended: nothing comes behind that.
    pub(crate) has_ended: bool,
}

impl Followers {
    /// Nobody watches yet. What follows ends when `stop` says so.
    pub(crate) fn new(house: Arc<dyn House>, tasks: TaskTracker, stop: watch::Receiver<bool>) -> Self {
        let places = Arc::new(Semaphore::new(WATCHERS));
        Self { house, channels: Arc::default(), places, tasks, stop }
    }

    /// The places of streams, for whoever counts those that are taken.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.places)
    }

    /// How many watch.
    pub(crate) fn count(&self) -> usize {
        WATCHERS - self.places.available_permits()
    }

    /// A stream of a mission's records. None: too many watch already.
    pub(crate) fn watch(
        &self,
        mission: &MissionId,
        from: From,
    ) -> Option<impl Stream<Item = Result<Message, std::convert::Infallible>> + use<>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        // Listening begins before reading, so that nothing falls in between.
        let hints = if from.has_ended { None } else { Some(self.listen(mission, from.last_seq)) };
        let watcher = Watcher {
            house: Arc::clone(&self.house),
            mission: mission.clone(),
            next: from.next,
            ready: VecDeque::new(),
            is_behind: true,
            is_over: false,
            is_greeted: false,
            hints,
            stop: self.stop.clone(),
            _place: place,
        };
        Some(futures::stream::unfold(watcher, |mut watcher| async move {
            let message = watcher.step().await?;
            Some((Ok(message), watcher))
        }))
    }

    /// What is new of a mission from now on; somebody begins to look at it where nobody does yet.
    fn listen(&self, mission: &MissionId, last_seq: u64) -> broadcast::Receiver<Arc<Told>> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(mission) {
            return channel.subscribe();
        }
        let (sender, receiver) = broadcast::channel(HELD);
        channels.insert(mission.clone(), sender.clone());
        let scout = Scout {
            house: Arc::clone(&self.house),
            mission: mission.clone(),
            next: last_seq + 1,
            channels: Arc::clone(&self.channels),
            sender,
        };
        self.tasks.spawn(scout.run(self.stop.clone()));
        receiver
    }
}

/// Journals that are read at the same time for those who watch: a thousand pages that come back at once read one after the other.
static READING: Semaphore = Semaphore::const_new(8);

/// A turn at reading for who watches. It is never closed.
pub(crate) async fn turn() -> Result<SemaphorePermit<'static>, ShellError> {
    READING.acquire().await.map_err(|_| ShellError::ShuttingDown)
}

/// Whoever looks at a journal for all that watch it.
struct Scout {
    house: Arc<dyn House>,
    mission: MissionId,
    next: u64,
    channels: Arc<Mutex<BTreeMap<MissionId, broadcast::Sender<Arc<Told>>>>>,
    sender: broadcast::Sender<Arc<Told>>,
}

impl Scout {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                _ = look.tick() => {}
            }
            if self.is_alone() {
                return;
            }
            match read(&self.house, &self.mission, self.next).await {
                Ok(page) => {
                    for told in page {
                        self.next = told.seq + 1;
                        // Nobody is there to hear it: then nobody misses it.
                        self.sender.send(told).ok();
                    }
                }
                // Looked at again in a moment; who watches has what came before.
                Err(error) => {
                    tracing::debug!(mission = %self.mission, %error, "a journal cannot be followed")
                }
            }
        }
    }

    /// Whether nobody listens any more; then the next who does begins anew.
    fn is_alone(&self) -> bool {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alone = self.sender.receiver_count() == 0;
        if is_alone {
            channels.remove(&self.mission);
        }
        is_alone
    }
}

/// Records from number `next` on, a page at most.
async fn read(house: &Arc<dyn House>, mission: &MissionId, next: u64) -> Result<Vec<Arc<Told>>, ShellError> {
    let (house, mission) = (Arc::clone(house), mission.clone());
    let turn = turn().await?;
    let reading = tokio::task::spawn_blocking(move || {
        let page = house.journal().read(&mission, next, PAGE)?;
        page.iter()
            .map(|(seq, bytes)| Ok(Arc::new(Told::new(house.as_ref(), &decoded(&mission, *seq, bytes)?))))
            .collect()
    });
    // It ends otherwise only when the program does.
    let read = reading.await.unwrap_or(Err(ShellError::ShuttingDown));
    drop(turn);
    read
}

/// One event stream.
struct Watcher {
    house: Arc<dyn House>,
    mission: MissionId,
    /// The next record to tell.
    next: u64,
    ready: VecDeque<Arc<Told>>,
    /// The journal may have more than was told, and no hint of it will come.
    is_behind: bool,
    /// The mission's end was told.
    is_over: bool,
    is_greeted: bool,
    hints: Option<broadcast::Receiver<Arc<Told>>>,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// The next message. None: the stream ends.
    async fn step(&mut self) -> Option<Message> {
        if !self.is_greeted {
            self.is_greeted = true;
            return Some(Message::default().retry(AGAIN).comment("the journal follows"));
        }
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(told) = self.ready.pop_front() {
                // Also one that is not told, to who asked for what comes behind it.
                self.is_over |= told.is_end;
                if told.seq > self.next {
                    // Something is missing in between.
                    self.is_behind = true;
                    self.ready.clear();
                } else if told.seq == self.next {
                    self.next += 1;
                    let name = if told.is_end { "ended" } else { "record" };
                    return Some(Message::default().id(told.seq.to_string()).event(name).data(&told.data));
                }
            } else if self.is_behind {
                self.catch_up().await?;
            } else {
                self.hear().await?;
            }
        }
    }

    /// Reads what the journal has. None: it cannot be read, and the browser may ask again.
    async fn catch_up(&mut self) -> Option<()> {
        match read(&self.house, &self.mission, self.next).await {
            Ok(page) => {
                self.is_behind = !page.is_empty();
                self.ready.extend(page);
                Some(())
            }
            Err(error) => {
                tracing::info!(mission = %self.mission, %error, "an event stream ends");
                None
            }
        }
    }

    /// Waits for what is new. None: nothing more comes.
    async fn hear(&mut self) -> Option<()> {
        let hints = self.hints.as_mut().filter(|_| !self.is_over)?;
        tokio::select! {
            () = stopped(&mut self.stop) => None,
            hint = hints.recv() => match hint {
                Ok(told) => {
                    self.ready.push_back(told);
                    Some(())
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.is_behind = true;
                    Some(())
                }
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}
