//! Which process has which missions under way, where several machines share a journal. Each that writes says so every few seconds, in a store
//! whose facts end by themselves: one that is killed, hangs, or is cut off is not in it any more soon after.
//!
//! It is a hint and never a lock. Whoever takes up a mission that nobody seems to have may be wrong: then the journal tells, as ever, who
//! goes on with it.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use coditect_ports::{PortError, WorldStore};
use coditect_types::{Expected, FactKey, MissionId, Put};
use serde::{Deserialize, Serialize};

/// What facts of processes are called.
const KIND: &str = "held";
/// How often a process says what it has.
const BEAT: Duration = Duration::from_secs(5);
/// The same where it could not be said.
const AGAIN: Duration = Duration::from_secs(1);
/// How long that is remembered: three beats may be lost.
const KEPT: Duration = Duration::from_secs(20);
/// How long a change is kept back, for others that come with it.
const SOON: Duration = Duration::from_millis(100);
/// How long a process that ends waits until others have heard that.
const GOODBYE: Duration = Duration::from_millis(250);
/// What was read so short a time ago is told again, and that nothing could be read.
const FRESH: Duration = Duration::from_secs(1);
const UNKNOWN: Duration = Duration::from_secs(10);

/// Connects to the store, wherever it is.
pub type Open = Arc<dyn Fn() -> Result<Arc<dyn WorldStore>, PortError> + Send + Sync>;

/// A process, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The name of its machine.
    pub host: String,
    /// Its number there.
    pub pid: u32,
    /// Where that number is one of its own: which boot of which machine, and which container.
    pub place: String,
}

impl Process {
    /// The process that asks, on a machine of this name.
    #[must_use]
    pub fn this(host: String) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let names = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Self { host, pid: std::process::id(), place: format!("{} {}", boot.trim(), names.display()) }
    }

    /// Whether it has surely ended, though it is remembered for a while: its number is one of `here`, and nobody has it.
    fn is_gone(&self, here: &Self) -> bool {
        // Half a place is none: it could be another machine's.
        let is_here = self.place == here.place && self.place.contains("pid:[");
        is_here && !std::path::Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

/// A process, and what it says that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A name that no other process has.
    pub instance: String,
    /// Where it is.
    #[serde(flatten)]
    pub process: Process,
    /// Its version.
    pub version: String,
    /// The missions that it has under way.
    pub missions: Vec<MissionId>,
}

/// Says what this process has, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Sayer {
    instance: String,
    said: Arc<Said>,
    /// Told once nobody hears of it any more. In a lock only since whoever shares a journal shares this.
    done: Mutex<Receiver<()>>,
}

#[derive(Debug, Default)]
struct Said {
    has: Mutex<Has>,
    changed: Condvar,
    /// How often what was said was gone before its time.
    losses: AtomicU64,
}

#[derive(Debug, Default)]
struct Has {
    missions: BTreeSet<MissionId>,
    is_new: bool,
    is_over: bool,
}

impl Said {
    fn has(&self) -> MutexGuard<'_, Has> {
        self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next time to say something, so long at most. None: it is over. Otherwise what there is, and whether that is new.
    fn next(&self, rest: Duration) -> Option<(Vec<MissionId>, bool)> {
        let wait = |has, how_long, until: fn(&Has) -> bool| {
            let waited = self.changed.wait_timeout_while(has, how_long, |has| !until(has));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        let mut has = wait(self.has(), rest, |has| has.is_new || has.is_over);
        if has.is_new {
            has = wait(has, SOON, |has| has.is_over);
        }
        if has.is_over {
            return None;
        }
        Some((has.missions.iter().cloned().collect(), std::mem::take(&mut has.is_new)))
    }
}

impl Sayer {
    /// Begins to say what a process has. It connects by itself, as often as it takes.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn begin(open: Open, process: Process) -> Result<Self, PortError> {
        let seed = RandomState::new().hash_one(std::process::id());
        let instance = format!("{seed:016x}{:08x}", std::process::id());
        let said = Arc::new(Said::default());
        said.has().is_new = true;
        let (tell, done) = sync_channel(1);
        let mouth = Mouth { open, process, instance: instance.clone(), said: Arc::clone(&said) };
        std::thread::Builder::new()
            .name("holders".to_owned())
            .spawn(move || mouth.speak(&tell))
            .map_err(|error| PortError::from_io("starting a thread", &error))?;
        Ok(Self { instance, said, done: Mutex::new(done) })
    }

    /// What this process is called there.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// From now on it has a mission.
    pub fn has(&self, mission: &MissionId) {
        self.changes(|has| has.missions.insert(mission.clone()));
    }

    /// It has it no more.
    pub fn let_go(&self, mission: &MissionId) {
        self.changes(|has| has.missions.remove(mission));
    }

    /// How often what was said was gone before its time: others' words are gone then, too, until they are said again.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.said.losses.load(Ordering::Acquire)
    }

    fn changes(&self, change: impl FnOnce(&mut Has) -> bool) {
        let mut has = self.said.has();
        if change(&mut has) {
            has.is_new = true;
            self.said.changed.notify_all();
        }
    }
}

impl Drop for Sayer {
    fn drop(&mut self) {
        self.said.has().is_over = true;
        self.said.changed.notify_all();
        // Where nobody hears it, it is forgotten by itself.
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        done.recv_timeout(GOODBYE).ok();
    }
}

/// What speaks.
struct Mouth {
    open: Open,
    process: Process,
    instance: String,
    said: Arc<Said>,
}

impl Mouth {
    fn speak(self, tell: &SyncSender<()>) {
        let Some(key) = FactKey::new(KIND, &self.instance) else { return };
        let (mut store, mut kept, mut rest) = (None, None, BEAT);
        while let Some((missions, is_new)) = self.said.next(rest) {
            let said = self.opened(&mut store).and_then(|store| {
                self.say(store.as_ref(), &key, missions, kept.filter(|_| !is_new)).map(Some)
            });
            (kept, rest) = match said {
                Ok(version) => (version, BEAT),
                Err(error) => {
                    tracing::debug!(%error, "nobody hears which missions this process has");
                    // What was said may be gone, and what others said with it.
                    self.said.losses.fetch_add(u64::from(kept.is_some()), Ordering::Release);
                    (None, AGAIN)
                }
            };
        }
        if let (Some(store), Some(version)) = (store, kept)
            && let Err(error) = store.remove(&key, version)
        {
            tracing::debug!(%error, "it is remembered for a while what this process had");
        }
        // Nobody may wait for it.
        tell.send(()).ok();
    }

    fn opened<'a>(
        &self,
        store: &'a mut Option<Arc<dyn WorldStore>>,
    ) -> Result<&'a Arc<dyn WorldStore>, PortError> {
        match store {
            Some(store) => Ok(store),
            None => Ok(store.insert((self.open)()?)),
        }
    }

    /// Says it, or that it is as it was.
    fn say(
        &self,
        store: &dyn WorldStore,
        key: &FactKey,
        missions: Vec<MissionId>,
        kept: Option<u64>,
    ) -> Result<u64, PortError> {
        if let Some(version) = kept {
            if store.extend(key, version, KEPT)? {
                return Ok(version);
            }
            self.said.losses.fetch_add(1, Ordering::Release);
        }
        let holder = Holder {
            instance: self.instance.clone(),
            process: self.process.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            missions,
        };
        let value = serde_json::to_vec(&holder).unwrap_or_default();
        match store.put(key, &value, Expected::Anything, KEPT)? {
            Put::Kept(version) => Ok(version),
            // Nothing was expected.
            Put::Refused(version) => Ok(version.unwrap_or_default()),
        }
    }
}

/// What was read last, and when; or why nothing was.
type Last = Option<(Instant, Result<Arc<Vec<Holder>>, PortError>)>;

/// Hears what all processes say.
pub struct Holders {
    open: Open,
    last: Mutex<Last>,
    /// Held by whoever reads.
    store: Mutex<Option<Arc<dyn WorldStore>>>,
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holders").finish_non_exhaustive()
    }
}

impl Holders {
    /// Those of a store. It is connected to once somebody asks.
    #[must_use]
    pub fn new(open: Open) -> Self {
        Self { open, last: Mutex::default(), store: Mutex::default() }
    }

    /// What all processes say, as of the last second, in the order of their names. While another thread asks, what was heard before that, in the last
    /// twenty seconds.
    ///
    /// # Errors
    /// The store cannot be asked: then nobody knows, for ten seconds.
    pub fn read(&self) -> Result<Arc<Vec<Holder>>, PortError> {
        if let Some(fresh) = self.heard(|at, last| at.elapsed() < if last.is_ok() { FRESH } else { UNKNOWN })
        {
            return fresh;
        }
        let mut store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let is_recent = |at: &Instant, _: &Result<_, _>| at.elapsed() < KEPT;
                if let Some(older) = self.heard(is_recent) {
                    return older;
                }
                let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(read) = self.heard(is_recent) {
                    return read;
                }
                store
            }
        };
        let read = self.read_anew(&mut store);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), read.clone()));
        read
    }

    /// What was read last, where that will do.
    fn heard(
        &self,
        will_do: impl Fn(&Instant, &Result<Arc<Vec<Holder>>, PortError>) -> bool,
    ) -> Option<Result<Arc<Vec<Holder>>, PortError>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, last)| will_do(at, last)).map(|(_, last)| last.clone())
    }

    fn read_anew(&self, store: &mut Option<Arc<dyn WorldStore>>) -> Result<Arc<Vec<Holder>>, PortError> {
        let store = match store {
            Some(store) => store,
            None => store.insert((self.open)()?),
        };
        let here = Process::this(String::new());
        let read = |fact: coditect_types::Fact| match serde_json::from_slice::<Holder>(&fact.value) {
            Ok(holder) => (!holder.process.is_gone(&here)).then_some(holder),
            // Of a version that says it otherwise: nobody knows what it has, and the journal still tells who goes on.
            Err(error) => {
                tracing::warn!(%error, name = fact.name, "a process says what is not understood");
                None
            }
        };
        Ok(Arc::new(store.all(KIND)?.into_iter().filter_map(read).collect()))
    }
}

#[cfg(test)]
mod tests;
