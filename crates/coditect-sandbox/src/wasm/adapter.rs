//! The WASM tier behind the [`Sandbox`] port.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use coditect_ports::sandbox::Probe;
use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox};
use coditect_types::{Enforced, ErrorKind, Limits, Tier};
use serde_json::{Map, Value, json};

use super::rooms::Rooms;
use super::warm::{self, WarmPool};
use super::{Ended, Progress, PythonWasm, WasmLimits, WasmRun};

/// Where a guest sees the view.
const PROJECT: &str = "/project";

/// Bytes of reports in one run, beyond the output of the tests. They are streamed, so this only ends a run that
/// would never end.
const REPORT_BYTES: u64 = 256 << 20;

/// The WASM tier. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WasmSandbox {
    python: Arc<PythonWasm>,
    scratches: Rooms,
    warm: WarmPool,
}

impl WasmSandbox {
    /// A tier on an interpreter that is open.
    #[must_use]
    pub fn new(python: Arc<PythonWasm>) -> Self {
        let scratches = Rooms::new("coditect-scratch-", None);
        Self { python, warm: WarmPool::new(scratches.clone()), scratches }
    }

    /// Opens the interpreter: see [`PythonWasm::open`].
    ///
    /// # Errors
    /// Those of [`PythonWasm::open`].
    pub fn open(cache_dir: &Path, on_progress: &mut dyn FnMut(Progress)) -> Result<Self, PortError> {
        PythonWasm::open(cache_dir, on_progress).map(|python| Self::new(Arc::new(python)))
    }
}

impl WasmSandbox {
    fn cold(
        &self,
        job: &Job<'_>,
        request: &str,
        limits: WasmLimits,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<WasmRun, PortError> {
        let scratch =
            self.scratches.lend().map_err(|e| PortError::from_io("make a scratch directory", &e))?;
        Ok(self.python.run(request, job.view, Some(scratch.path()), limits, on_report, job.stop))
    }
}

impl Sandbox for WasmSandbox {
    fn tier(&self) -> Tier {
        Tier::Wasm
    }

    fn probe(&self) -> Probe {
        Probe {
            tier: Tier::Wasm,
            usable: true,
            enforced: enforced(&Limits::default()),
            facts: self.python.facts().to_vec(),
            advice: Vec::new(),
        }
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let mut request = match job.program {
            Program::Python { request, .. } => at_project(request, job.directory)?,
            Program::Command { argv, .. } => return Err(no_commands(argv)),
            Program::Tool(tool) => return Err(no_commands(&tool.argv)),
        };
        if !job.view.is_dir() {
            let cause = format!("the view `{}` is not a directory", job.view.display());
            return Err(PortError::new(ErrorKind::NotFound, cause));
        }
        let limits = WasmLimits {
            wall_ms: job.limits.wall_ms,
            memory_bytes: job.limits.memory_bytes,
            scratch_bytes: job.limits.file_bytes,
            output_bytes: REPORT_BYTES.saturating_add(job.limits.output_bytes),
        };
        let kinds = warm::kinds(job.view, &mut request);
        let request = Value::Object(request).to_string();
        let warm = match &kinds {
            Some(kinds) => kinds
                .iter()
                .find_map(|kind| self.warm.run(&self.python, kind, &request, limits, on_report, job.stop)),
            None => {
                self.warm.sweep();
                None
            }
        };
        let run = match warm {
            Some(run) => run,
            None => self.cold(job, &request, limits, on_report)?,
        };
        if let Ok(answer) = &run.result {
            // The native runner says the same at its end. A `Break` is too late to change anything.
            let line = json!({ "e": "answer", "answer": answer }).to_string();
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = on_report(&line);
        }
        Ok(ran(run, job.limits))
    }
}

/// The request with its `root` as the guest sees it.
fn at_project(request: &str, directory: &str) -> Result<Map<String, Value>, PortError> {
    let mut fields: Map<String, Value> = serde_json::from_str(request).map_err(|e| {
        PortError::new(ErrorKind::Bug, format!("the request to the Python runner is not an object: {e}"))
    })?;
    let root = if directory.is_empty() { PROJECT.to_owned() } else { format!("{PROJECT}/{directory}") };
    fields.insert("root".to_owned(), root.into());
    Ok(fields)
}

fn no_commands(argv: &[String]) -> PortError {
    let name = argv.first().map_or("", String::as_str);
    PortError::new(ErrorKind::Invalid, format!("the WASM tier runs Python only, not `{name}`"))
        .with_hint("run it in the OS tier: `--sandbox os`")
}

fn ran(run: WasmRun, limits: &Limits) -> Ran {
    let exit = match (run.ended, &run.result) {
        (Ended::Finished, Ok(answer)) => Exit::Code(exit_code(answer)),
        (Ended::Finished, Err(fault)) => Exit::Crashed(fault.clone()),
        (Ended::TimedOut, _) => Exit::TimedOut,
        (Ended::OutOfMemory, _) => Exit::OutOfMemory,
        (Ended::Stopped, _) => Exit::Enough,
        (Ended::Cancelled, _) => Exit::Stopped,
        (Ended::Trapped(cause), _) => Exit::Crashed(cause),
    };
    let (stderr, dropped) = capped(run.native_output, limits.output_bytes);
    Ran {
        exit,
        stdout: Vec::new(),
        stderr,
        dropped,
        wall_us: run.wall_us,
        peak_memory: Some(run.peak_memory),
        enforced: enforced(limits),
    }
}

fn capped(mut bytes: Vec<u8>, cap: u64) -> (Vec<u8>, u64) {
    let keep = usize::try_from(cap).unwrap_or(usize::MAX).min(bytes.len());
    let dropped = (bytes.len() - keep) as u64;
    bytes.truncate(keep);
    (bytes, dropped)
}

/// The runner's exit code; an answer without one is a fault of the runner, hence red.
fn exit_code(answer: &str) -> i32 {
    serde_json::from_str::<Value>(answer)
        .ok()
        .and_then(|answer| i32::try_from(answer.get("exit_code")?.as_i64()?).ok())
        .unwrap_or(1)
}

/// What every run of this tier has: the guest can name nothing but what it was given.
fn enforced(limits: &Limits) -> Enforced {
    Enforced {
        by: vec!["wasm".to_owned()],
        network: true,
        file_writes: true,
        file_reads: true,
        processes: true,
        wall_ms: Some(limits.wall_ms),
        memory_bytes: Some(limits.memory_bytes.min(WasmLimits::MEMORY_MAX)),
        missing: Vec::new(),
    }
}
