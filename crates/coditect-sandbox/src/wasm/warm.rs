//! Guests that have run a project's tests once, and are rewound to that moment before each further run.
//!
//! Most of a short run is spent on what every run of the same tests does alike: finding the files, compiling them,
//! importing the library. A warm guest has that behind it. Its memory at that moment is kept (see
//! [`super::memory::Handle::settle`]), so that no run sees another's traces in it.
//!
//! There are two kinds. A *hot* guest has imported the project and collected its tests too: it runs candidates whose changes
//! can be put into the functions as they are (`python/hot.py`), and says so where they cannot. A *warm* one imports the
//! project again for each run.
//!
//! What a warm guest says is less than a proof: state outside its memory (open files, the place of the clock) goes on, and
//! the tests that it ran at first may have left something in the library. It serves a search, whose findings are then
//! proved by a fresh guest.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::Stop;

use super::guest::{Dirs, Life};
use super::memory::{Faults, Handle, Held};
use super::rooms::{Lent, Rooms};
use super::{Ended, PythonWasm, WasmLimits, WasmRun};

/// Bytes that a warm guest may grow by. Rewound, it does not know of them, and would grow by as much again.
const GROWTH: usize = 64 << 20;

/// Guests of a kind that are made before it is asked whether they are worth it.
const TRIALS: u32 = 12;

/// How long a guest may take to end once its answer is known. To make another takes about as long.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs of one warm guest: files that runs leave open add up.
const RUNS: u32 = 2_000;

/// The answer of a hot guest that cannot take a candidate, or that cannot be hot.
const COLD: &str = "{\"cold\":true}";

/// A warm guest. It belongs to the directories that it was given, and expects that their files do not change.
struct Warm {
    /// Dropped first, before its directories.
    life: Life,
    memory: Handle,
    size: usize,
    runs: u32,
    scratch: Lent,
    devices: Lent,
}

/// What a warm guest is good for: the project and all of the request but the candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) view: PathBuf,
    /// The request that made it warm, an object of JSON.
    pub(super) request: String,
}

/// Warm guests that nobody uses at the moment.
#[derive(Clone)]
pub(super) struct WarmPool {
    idle: Arc<Mutex<Vec<(Kind, Warm)>>>,
    most: usize,
    scratches: Rooms,
    /// Kinds of this search and the last ones, with what became of them.
    records: Arc<Mutex<Vec<Record>>>,
}

/// How a kind of warm guests has served.
struct Record {
    kind: Kind,
    made: u32,
    runs: u32,
    refused: bool,
}

impl std::fmt::Debug for WarmPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarmPool").field("most", &self.most).finish_non_exhaustive()
    }
}

impl WarmPool {
    pub(super) fn new(scratches: Rooms) -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from) * 3;
        Self { idle: Arc::default(), most, scratches, records: Arc::default() }
    }

    /// Runs a request in a warm guest of this kind, which is made if there is none. None if one cannot be had.
    pub(super) fn run(
        &self,
        python: &PythonWasm,
        kind: &Kind,
        request: &str,
        limits: WasmLimits,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
        cancel: &Stop,
    ) -> Option<WasmRun> {
        let started = Instant::now();
        let mut warm = match self.take(kind) {
            Some(warm) => warm,
            None => self.make(python, kind, limits, cancel)?,
        };
        warm.runs += 1;
        self.note(kind, |record| record.runs += 1);
        let faults = Faults::now();
        let mut run = warm.life.enter(python, request, limits, on_report, cancel);
        if warm.is_good() {
            match warm.memory.rewind(faults) {
                Ok(()) => self.put(kind.clone(), warm),
                Err(error) => tracing::warn!(%error, "a warm guest could not be rewound"),
            }
        }
        run.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (!is_cold(&run)).then_some(run)
    }

    /// Lets go of guests whose project is gone.
    pub(super) fn sweep(&self) {
        self.lock().retain(|(kind, _)| kind.view.is_dir());
        self.records().retain(|record| record.kind.view.is_dir());
    }

    fn make(&self, python: &PythonWasm, kind: &Kind, limits: WasmLimits, cancel: &Stop) -> Option<Warm> {
        if !self.note(kind, |record| {
            record.made += 1;
            // A guest costs as much as some runs. Where hardly any serves twice, they are not worth it.
            record.refused |= record.made > TRIALS && record.runs < record.made * 3;
            !record.refused
        }) {
            return None;
        }
        let warm = Warm::new(python, kind, self.scratches.lend().ok()?, limits, cancel);
        if warm.is_none() && !cancel.is_raised() {
            self.note(kind, |record| record.refused = true);
        }
        warm
    }

    fn note<T>(&self, kind: &Kind, note: impl FnOnce(&mut Record) -> T) -> T {
        let mut records = self.records();
        if let Some(record) = records.iter_mut().find(|record| record.kind == *kind) {
            return note(record);
        }
        let mut record = Record { kind: kind.clone(), made: 0, runs: 0, refused: false };
        let noted = note(&mut record);
        records.push(record);
        noted
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, kind: &Kind) -> Option<Warm> {
        let mut idle = self.lock();
        let place = idle.iter().position(|(known, _)| known == kind)?;
        Some(idle.swap_remove(place).1)
    }

    fn put(&self, kind: Kind, warm: Warm) {
        let mut idle = self.lock();
        if idle.len() >= self.most {
            // The oldest: most likely of a search that is over.
            idle.remove(0);
        }
        idle.push((kind, warm));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Kind, Warm)>> {
        // A list of values of their own: no code can leave it half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Warm {
    fn new(
        python: &PythonWasm,
        kind: &Kind,
        scratch: Lent,
        limits: WasmLimits,
        cancel: &Stop,
    ) -> Option<Self> {
        let devices = python.devices.lend().ok()?;
        let dirs = Dirs { view: &kind.view, scratch: Some(scratch.path()), devices: Some(devices.path()) };
        let mut life = Life::new(python, dirs).ok()?;
        life.be_patient(PATIENCE);
        let run = life.enter(python, &kind.request, limits, &mut |_| ControlFlow::Continue(()), cancel);
        let memory = Handle::latest()?;
        if run.ended != Ended::Finished || run.result.is_err() || is_cold(&run) {
            tracing::debug!(?run.ended, ?run.result, "no warm guest");
            return None;
        }
        let held = run.result.as_deref().ok().and_then(Held::told);
        memory.settle(held).inspect_err(|error| tracing::warn!(%error, "no warm guest")).ok()?;
        let size = memory.size();
        let warm = Self { life, memory, size, runs: 0, scratch, devices };
        warm.is_good().then_some(warm)
    }

    /// Whether another run may have it: nothing is left of the earlier ones.
    fn is_good(&self) -> bool {
        self.life.is_whole()
            && self.runs < RUNS
            && self.memory.size() - self.size <= GROWTH
            && (self.scratch.untouched() || self.scratch.clear().is_ok())
            && self.devices.untouched()
    }
}

/// The guest has seen nothing of the candidate but that it is not for it.
fn is_cold(run: &WasmRun) -> bool {
    run.result.as_deref() == Ok(COLD)
}

/// The kinds of warm guests that a request may be run in, the fastest first, and the request without that wish. None if it
/// wants none.
pub(super) fn kinds(
    view: &Path,
    request: &mut serde_json::Map<String, serde_json::Value>,
) -> Option<[Kind; 2]> {
    let warm = request.remove("warm")?;
    let serde_json::Value::Object(mut tests) = warm else { return None };
    for name in ["framework", "paths", "targets", "max_output", "root"] {
        let value = request.get(name).cloned().unwrap_or(serde_json::Value::Null);
        tests.entry(name).or_insert(value);
    }
    tests.insert("stop_on_failure".to_owned(), false.into());
    tests.retain(|_, value| !value.is_null());
    Some(["hot", "warm"].map(|op| {
        tests.insert("op".to_owned(), op.into());
        Kind { view: view.to_owned(), request: serde_json::Value::Object(tests.clone()).to_string() }
    }))
}
