//! One guest: its store, what it may call, and the loop that watches it.

use std::future::Future;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use coditect_ports::Stop;
use wasmtime::component::{Linker, ResourceTable, TypedFunc};
use wasmtime::{Engine, ResourceLimiter, Store, Trap};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::wasi::{self, Quota};
use super::{Ended, PythonWasm, WasmLimits, WasmRun, ticker};

/// Bytes kept of what native code of the interpreter prints; it prints only when it breaks.
const NATIVE_OUTPUT: usize = 64 << 10;

/// The directories of a run.
#[derive(Clone, Copy)]
pub(super) struct Dirs<'a> {
    pub(super) view: &'a Path,
    pub(super) scratch: Option<&'a Path>,
    /// A directory with an empty file `null`, for this run alone. WASI has no devices.
    pub(super) devices: Option<&'a Path>,
}

/// What belongs to one guest.
pub(super) struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    memory: Memory,
    pub(super) quota: Quota,
    mail: Arc<Mutex<Mail>>,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Counts and caps the linear memory.
struct Memory {
    cap: usize,
    peak: usize,
    refused: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.cap.min(maximum.unwrap_or(usize::MAX)) {
            self.refused = true;
            return Ok(false);
        }
        self.peak = self.peak.max(desired);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}

/// One report on its way from the guest to the caller, and the answer on its way back. The guest waits for the
/// answer, so there is never more than one of each.
#[derive(Default)]
struct Mail {
    report: Option<String>,
    answer: Option<bool>,
}

/// A lock that stays usable: nothing can panic between two writes that belong together.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a guest may call: WASI 0.2 and `report`.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::<Guest>::new(engine);
    wasi::add_to_linker(&mut linker)?;
    linker.root().func_wrap_async("report", |store, (line,): (String,)| {
        let mail = Arc::clone(&store.data().mail);
        lock(&mail).report = Some(line);
        // The guest stays here until the watcher has delivered the report: see `Watched`.
        Box::new(std::future::poll_fn(move |_| match lock(&mail).answer.take() {
            Some(stop) => Poll::Ready(Ok((stop,))),
            None => Poll::Pending,
        }))
    })?;
    Ok(linker)
}

/// Places for living guests: each takes some GiB of address space.
pub(super) struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

/// A place, given back when dropped.
pub(super) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self { free: Mutex::new(count), freed: Condvar::new() }
    }

    /// Takes a place, or waits for one.
    pub(super) fn take(&self) -> Slot<'_> {
        let mut free = self
            .freed
            .wait_while(lock(&self.free), |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

/// Runs one request in a guest of its own. `wall_us` is left to the caller.
pub(super) fn run(
    python: &PythonWasm,
    request: &str,
    dirs: Dirs<'_>,
    limits: WasmLimits,
    on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    cancel: &Stop,
) -> WasmRun {
    match Life::new(python, dirs) {
        Ok(mut life) => life.enter(python, request, limits, on_report, cancel),
        Err(error) => broken(format!("open the directories of the run: {error:#}")),
    }
}

/// The function that a guest offers.
type Run = TypedFunc<(String,), (Result<String, String>,)>;

/// A guest: nothing yet, then an instance that can be entered again for as long as each call ends as it should.
pub(super) struct Life {
    store: Store<Guest>,
    run: Option<Run>,
    patience: Option<Duration>,
    output: MemoryOutputPipe,
}

impl Life {
    pub(super) fn new(python: &PythonWasm, dirs: Dirs<'_>) -> wasmtime::Result<Self> {
        let output = MemoryOutputPipe::new(NATIVE_OUTPUT);
        let wasi = context(python, dirs, &output)?;
        let memory = Memory { cap: 0, peak: 0, refused: false };
        let (table, quota, mail) = (ResourceTable::new(), Quota::new(0), Arc::default());
        let mut store = Store::new(python.ready.engine(), Guest { wasi, table, memory, quota, mail });
        store.limiter(|guest| &mut guest.memory);
        store.epoch_deadline_async_yield_and_update(1);
        Ok(Self { store, run: None, patience: None, output })
    }

    /// From now on a guest that is told that enough is known may take so long to end by itself.
    pub(super) fn be_patient(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// Whether the last call ended as it should, so that the guest can be entered again.
    pub(super) fn is_whole(&self) -> bool {
        self.run.is_some()
    }

    /// Hands the guest a request. It must be new, or [`Life::is_whole`].
    pub(super) fn enter(
        &mut self,
        python: &PythonWasm,
        request: &str,
        limits: WasmLimits,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
        cancel: &Stop,
    ) -> WasmRun {
        let guest = self.store.data_mut();
        let cap = usize::try_from(limits.memory_bytes.min(WasmLimits::MEMORY_MAX)).unwrap_or(usize::MAX);
        guest.memory = Memory { cap, peak: guest.memory.peak, refused: false };
        guest.quota = Quota::new(limits.scratch_bytes);
        let mail = Arc::clone(&guest.mail);
        *lock(&mail) = Mail::default();
        // At each tick a computing guest yields, which is when `Watched` looks at limits and flags.
        self.store.set_epoch_deadline(1);
        let known = self.run.take();
        let watched = Watched {
            guest: Box::pin(call(python, &mut self.store, known, request)),
            mail: &mail,
            seat: python.ticker.seat(),
            deadline: Instant::now().checked_add(Duration::from_millis(limits.wall_ms)),
            report_bytes: limits.output_bytes,
            patience: self.patience,
            enough: false,
            on_report,
            cancel,
        };
        let outcome = wasmtime_wasi::runtime::in_tokio(watched);
        let (peak, refused) = (self.store.data().memory.peak, self.store.data().memory.refused);
        let outcome = match outcome {
            Ok((Ok((run, answer)), enough)) => {
                self.run = Some(run);
                if enough { Err(Ended::Stopped) } else { Ok(Ok(answer)) }
            }
            Ok((Err(error), _)) => Ok(Err(error)),
            Err(ended) => Err(ended),
        };
        let (result, ended) = settle(outcome, refused);
        let native_output = self.output.contents().to_vec();
        WasmRun { result, ended, native_output, wall_us: 0, peak_memory: peak as u64 }
    }
}

/// The WASI context: a few directories and nothing else.
fn context(python: &PythonWasm, dirs: Dirs<'_>, output: &MemoryOutputPipe) -> wasmtime::Result<WasiCtx> {
    let mut wasi = WasiCtxBuilder::new();
    // File calls are short and the thread is ours: handing each to a pool would only add two thread switches.
    wasi.allow_blocking_current_thread(true);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    wasi.stdout(output.clone()).stderr(output.clone());
    // The library lies where the snapshot remembers it: the standard library, then pytest and what it needs.
    wasi.preopened_dir(python.library.join("python"), "/python", FsPerms::ReadOnly)?;
    wasi.preopened_dir(python.library.join("0"), "/0", FsPerms::ReadOnly)?;
    wasi.preopened_dir(dirs.view, "/project", FsPerms::ReadOnly)?;
    if let Some(scratch) = dirs.scratch {
        wasi.preopened_dir(scratch, "/tmp", FsPerms::ReadWrite)?;
    }
    if let Some(devices) = dirs.devices {
        wasi.preopened_dir(devices, "/dev", FsPerms::ReadWrite)?;
    }
    Ok(wasi.build())
}

/// Instantiates the interpreter, if that was not done yet, and hands it the request.
async fn call(
    python: &PythonWasm,
    store: &mut Store<Guest>,
    known: Option<Run>,
    request: &str,
) -> wasmtime::Result<(Run, Result<String, String>)> {
    let run = match known {
        Some(run) => run,
        None => python.ready.instantiate_async(&mut *store).await?.get_typed_func(&mut *store, "run")?,
    };
    let (answer,) = run.call_async(&mut *store, (request.to_owned(),)).await?;
    Ok((run, answer))
}

/// A guest under watch. Polled on the caller's thread, so that reports reach the caller without a channel, and
/// polled at least once per tick, whether the guest computes (it yields) or sleeps (the ticker wakes us).
struct Watched<'a, F> {
    guest: Pin<Box<F>>,
    mail: &'a Mutex<Mail>,
    seat: ticker::Seat,
    deadline: Option<Instant>,
    report_bytes: u64,
    /// How long a guest that is told that enough is known may take to end by itself. None: it is ended at once.
    patience: Option<Duration>,
    enough: bool,
    on_report: &'a mut dyn FnMut(&str) -> ControlFlow<()>,
    cancel: &'a Stop,
}

impl<F> Watched<'_, F> {
    /// Delivers the report that the guest waits with, if there is one.
    fn deliver(&mut self) -> Option<Delivered> {
        let report = lock(self.mail).report.take()?;
        let Some(left) = self.report_bytes.checked_sub(report.len() as u64) else {
            return Some(Delivered::End(Ended::Trapped("its reports passed their limit".to_owned())));
        };
        self.report_bytes = left;
        // Once enough is known nobody listens any more.
        let stop = self.enough || (self.on_report)(&report).is_break();
        lock(self.mail).answer = Some(stop);
        let Some(patience) = self.patience.filter(|_| stop) else {
            return Some(if stop { Delivered::End(Ended::Stopped) } else { Delivered::GoOn });
        };
        if !self.enough {
            self.enough = true;
            let end = Instant::now().checked_add(patience);
            self.deadline = [self.deadline, end].into_iter().flatten().min();
        }
        Some(Delivered::GoOn)
    }

    fn limit_reached(&self) -> Option<Ended> {
        if self.cancel.is_raised() {
            return Some(Ended::Cancelled);
        }
        let ended = if self.enough { Ended::Stopped } else { Ended::TimedOut };
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(ended)
    }
}

enum Delivered {
    GoOn,
    End(Ended),
}

impl<F, T> Future for Watched<'_, F>
where
    F: Future<Output = wasmtime::Result<T>>,
{
    /// What the guest answered, and whether it was told before that enough is known; or how it was ended.
    type Output = Result<(wasmtime::Result<T>, bool), Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Some(ended) = this.limit_reached() {
                return Poll::Ready(Err(ended));
            }
            if let Poll::Ready(answer) = this.guest.as_mut().poll(cx) {
                return Poll::Ready(Ok((answer, this.enough)));
            }
            match this.deliver() {
                Some(Delivered::GoOn) => {}
                Some(Delivered::End(ended)) => return Poll::Ready(Err(ended)),
                None => {
                    this.seat.wake_at_next(cx.waker());
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Turns what came out of the guest into how it ended.
fn settle(
    outcome: Result<wasmtime::Result<Result<String, String>>, Ended>,
    refused: bool,
) -> (Result<String, String>, Ended) {
    let ended = match outcome {
        Ok(Ok(answer)) => return (answer, Ended::Finished),
        Ok(Err(error)) if refused => {
            tracing::debug!(%error, "guest broke after it was refused memory");
            Ended::OutOfMemory
        }
        Ok(Err(error)) => Ended::Trapped(trap_text(&error)),
        Err(ended) => ended,
    };
    let text = match &ended {
        Ended::Finished => String::new(),
        Ended::TimedOut => "stopped at its wall clock limit".to_owned(),
        Ended::OutOfMemory => "stopped at its memory limit".to_owned(),
        Ended::Stopped => "stopped since enough was known".to_owned(),
        Ended::Cancelled => "cancelled".to_owned(),
        Ended::Trapped(cause) => cause.clone(),
    };
    (Err(text), ended)
}

/// A trap in words.
fn trap_text(error: &wasmtime::Error) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("the interpreter exited with code {}", exit.0);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "stack overflow in native code of the interpreter".to_owned(),
        Some(trap) => trap.to_string(),
        None => format!("{:#}", error),
    }
}

/// A run that never began.
fn broken(cause: String) -> WasmRun {
    WasmRun {
        result: Err(cause.clone()),
        ended: Ended::Trapped(cause),
        native_output: Vec::new(),
        wall_us: 0,
        peak_memory: 0,
    }
}
