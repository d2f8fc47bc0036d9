//! The WASM tier: CPython as a pre-initialised component on wasmtime.
//!
//! The interpreter, the standard library and pytest were imported when the component was built
//! (`python/build.sh`), and the memory that resulted is part of it. A fresh interpreter is therefore a
//! copy-on-write mapping of that memory, kept from run to run and mended in between: about a millisecond.
//!
//! Nothing passes from run to run: each has its own store, tables, clock of its limits and WASI context, and a memory
//! whose every byte is the snapshot's (see [`memory`]). Only a search may ask for less: see [`warm`].
//! The guest sees these directories and nothing else: the project at `/project` (read-only), Python's own library
//! at `/python` and `/0` (read-only) and, if it was given one, a scratch directory at `/tmp`, with a `/dev` whose
//! only file is `null`. It has no network, no environment of the host, no processes and no threads.
//!
//! Start reading at [`PythonWasm::run`]. The request and the reports are those of `python/runner.py`.

mod adapter;
mod assets;
mod cache;
mod engine;
mod guest;
mod memory;
mod rooms;
mod snapshot;
mod stack;
mod ticker;
mod warm;
mod wasi;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use coditect_ports::{PortError, Stop};
use coditect_types::ErrorKind;
use wasmtime::component::InstancePre;

pub use adapter::WasmSandbox;
pub use cache::Progress;

/// Limits of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmLimits {
    /// Wall clock, ms, from the first instruction of the guest.
    pub wall_ms: u64,
    /// Linear memory, bytes; at most [`WasmLimits::MEMORY_MAX`]. The interpreter itself needs about 40 MiB of it.
    pub memory_bytes: u64,
    /// Everything it may write below `/tmp`, bytes, rewritten bytes counted again; then its disk is full.
    pub scratch_bytes: u64,
    /// All report lines together, bytes. A run that passes it ends as [`Ended::Trapped`].
    pub output_bytes: u64,
}

impl WasmLimits {
    /// The most memory that a guest can have, bytes: the address space of wasm32.
    pub const MEMORY_MAX: u64 = 4 << 30;
}

impl Default for WasmLimits {
    fn default() -> Self {
        Self { wall_ms: 60_000, memory_bytes: 1 << 30, scratch_bytes: 1 << 30, output_bytes: 256 << 20 }
    }
}

/// How a run ended. Whatever a guest does, it is one of these and never a crash of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The guest answered.
    Finished,
    /// It was stopped at its wall clock limit.
    TimedOut,
    /// It broke after it was refused memory. (Python code that is refused memory and catches `MemoryError`
    /// ends as `Finished`.)
    OutOfMemory,
    /// It was stopped since `on_report` asked for it.
    Stopped,
    /// It was stopped since the caller's flag was raised.
    Cancelled,
    /// It broke: a trap, a stack overflow in the interpreter's own code, an exit, too many reports.
    Trapped(String),
}

/// What a run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmRun {
    /// The guest's answer. An error says how it ended, or what the runner itself stumbled over.
    pub result: Result<String, String>,
    /// How it ended.
    pub ended: Ended,
    /// First bytes of what native code of the interpreter wrote to its standard output and error.
    pub native_output: Vec<u8>,
    /// Wall clock, µs, creation and destruction of the sandbox included.
    pub wall_us: u64,
    /// Peak of the linear memory, bytes.
    pub peak_memory: u64,
}

/// The compiled interpreter, ready to be instantiated. Cheap to share behind an `Arc`; drop it to end its ticker.
pub struct PythonWasm {
    ready: InstancePre<guest::Guest>,
    library: PathBuf,
    slots: guest::Slots,
    /// A `/dev` whose only file is an empty `null`: WASI has no devices, and logging wants to open one.
    devices: rooms::Rooms,
    ticker: Arc<ticker::Ticker>,
    facts: Vec<(String, String)>,
}

impl std::fmt::Debug for PythonWasm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PythonWasm").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl PythonWasm {
    /// Loads the interpreter, and compiles it where `cache_dir` does not have it yet: once per installation and
    /// processor, some seconds of all cores. `on_progress` hears of each step.
    ///
    /// `cache_dir` need not exist. One that cannot be written or trusted (not ours, or open to others) costs the
    /// compilation at every start, and an unpacked library in the system's directory for temporary files.
    ///
    /// # Errors
    /// `Unavailable` if the machine refuses the mappings or files that are needed, `Bug` if the kept artefact does
    /// not fit this build.
    pub fn open(cache_dir: &Path, on_progress: &mut dyn FnMut(Progress)) -> Result<Self, PortError> {
        let memories = Arc::new(memory::Memories::new());
        let engine = engine::open(&memories)?;
        let cache = cache::Cache::open(cache_dir);
        let loaded = cache::load(&engine, &cache, &memories, on_progress)?;
        let library = assets::unpack_library(&cache)?;
        let linker = guest::linker(&engine).map_err(|e| engine::bug("link the interpreter", &e))?;
        let ready =
            linker.instantiate_pre(&loaded.component).map_err(|e| engine::bug("link the interpreter", &e))?;
        let facts = vec![
            ("engine".to_owned(), format!("wasmtime {}", engine::WASMTIME)),
            (
                "memory".to_owned(),
                if memories.tracked() { "written pages mended" } else { "mapped anew" }.to_owned(),
            ),
            ("interpreter".to_owned(), format!("cpython {}", assets::PYTHON)),
            ("compiled".to_owned(), loaded.origin.to_string()),
            ("cache".to_owned(), cache.to_string()),
        ];
        let ticker = ticker::Ticker::start(&engine)?;
        let devices = rooms::Rooms::new("coditect-dev-", Some("null"));
        Ok(Self { ready, library, slots: guest::Slots::new(engine::SLOTS), devices, ticker, facts })
    }

    /// Facts worth printing, name and value.
    #[must_use]
    pub fn facts(&self) -> &[(String, String)] {
        &self.facts
    }

    /// Runs one request in a fresh interpreter.
    ///
    /// `view` is the project, seen read-only at `/project`; symbolic links that lead out of it are not followed.
    /// `scratch` is a directory of the caller, writable at `/tmp`. `on_report` gets each report as it comes, on
    /// the calling thread, and ends the run early by `Break`.
    ///
    /// May be called from many threads at once; past [`engine::SLOTS`] live guests a call waits for a slot. It
    /// blocks: call it from an ordinary thread, never from within an async task.
    ///
    /// The stack of the calling thread does not matter: a guest runs on a stack of its own, large enough that
    /// Python's `RecursionError` comes long before the end of it (see [`engine`]).
    pub fn run(
        &self,
        request_json: &str,
        view: &Path,
        scratch: Option<&Path>,
        limits: WasmLimits,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
        cancel: &Stop,
    ) -> WasmRun {
        let _slot = self.slots.take();
        let started = Instant::now();
        // None where it cannot be made, which the guest sees as a missing file.
        let devices = scratch.and_then(|_| self.devices.lend().ok());
        let dirs = guest::Dirs { view, scratch, devices: devices.as_ref().map(rooms::Lent::path) };
        let mut run = guest::run(self, request_json, dirs, limits, on_report, cancel);
        drop(devices);
        run.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        run
    }
}

/// An error about the machine rather than about our code.
fn unavailable(doing: &str, error: &dyn std::fmt::Display) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("{doing}: {error}"))
}
