//! The sandbox: run one thing under explicit limits.

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use coditect_types::project::{Lent, Toolchain};
use coditect_types::{Enforced, ErrorKind, Limits, RunEnd, Tier};

use crate::{PortError, Stop};

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A request to the Python runner (`crates/coditect-sandbox/python/runner.py` has the protocol). Both tiers
    /// run the same runner: the WASM tier its own CPython, the OS tier the interpreter named here.
    Python {
        /// The request, JSON. Its `root` is set by the sandbox.
        request: String,
        /// The interpreter for the OS tier: absolute, or a name on `PATH`. None: `python3`.
        interpreter: Option<PathBuf>,
    },
    /// A program with its arguments (OS tier and containers only), started in the view.
    Command {
        /// Program first.
        argv: Vec<String>,
        /// Environment: these variables and no others, beside `PATH`, `HOME` (scratch), `LANG`, `TMPDIR`.
        env: Vec<(String, String)>,
    },
    /// A program of a toolchain that the sandbox finds on the machine (OS tier only).
    Tool(Tool),
}

/// A program that needs a toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// What must be on its `PATH`.
    pub toolchain: Toolchain,
    /// Program first.
    pub argv: Vec<String>,
    /// Environment, as of a command; what the toolchain itself needs is set by the sandbox.
    pub env: Vec<(String, String)>,
    /// Read-only files for it, name and content, in [`TOOL_FILES`].
    pub files: Vec<(String, String)>,
    /// Where its report lines come from.
    pub reports: Reports,
    /// A directory outside the view that it sees as [`TOOL_CACHE`], for what is built.
    pub cache: Option<Cache>,
    /// Directories that are shown below the place where it starts.
    pub lent: Vec<Lent>,
}

/// A directory for what is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Where it is on the machine.
    pub path: PathBuf,
    /// Whether this run may write there.
    pub writable: bool,
}

/// Where report lines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// There are none.
    None,
    /// Lines of standard output, which is kept all the same.
    Stdout,
    /// A descriptor of their own, whose number is in `CODITECT_REPORT_FD`.
    Channel,
}

/// Where a tool sees [`Tool::files`].
pub const TOOL_FILES: &str = "/tool";
/// Where a tool sees [`Tool::cache`].
pub const TOOL_CACHE: &str = "/cache";

/// One run.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// What is run.
    pub program: &'a Program,
    /// The directory that the run sees as its project. Nothing else of the disk but toolchains is visible.
    pub view: &'a Path,
    /// Directory below the view in which it starts (`""`: the view).
    pub directory: &'a str,
    /// What becomes of what it writes to the view.
    pub writes: Writes<'a>,
    /// Bytes for its standard input.
    pub stdin: &'a [u8],
    /// What it may use.
    pub limits: &'a Limits,
    /// Protections that the person gave up, by name (see [`Sandbox::run`]).
    pub waived: &'a [String],
    /// Raised to stop it at once.
    pub stop: &'a Stop,
}

/// What becomes of what a run writes to its view. The WASM tier never lets it write there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes<'a> {
    /// It may not write there.
    Refused,
    /// It may write there, and all of that goes with the run: the view stays as it is. A tier that has no such layer
    /// refuses, and the cause names [`OVERLAY`].
    Dropped {
        /// A directory whose files stand in place of those of the view, or beside them. It stays as it is, too, and
        /// nobody may change it, or the view, while the run is under way.
        over: Option<&'a Path>,
    },
    /// It may write there, and what it writes stays.
    Kept,
}

/// How a layer above the view is called where it is enforced, or refused.
pub const OVERLAY: &str = "overlay";

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code. The Python runner's code is 0 when every test was green.
    Code(i32),
    /// By a signal that the sandbox did not send.
    Signal(i32),
    /// Killed at the wall clock limit.
    TimedOut,
    /// Killed at the memory limit.
    OutOfMemory,
    /// Ended early since `on_report` asked for it.
    Enough,
    /// Ended early since [`Job::stop`] was raised.
    Stopped,
    /// The guest broke in a way that is its own fault (a trap, a stack overflow in native code).
    Crashed(String),
}

/// What a run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// Bytes of output that were dropped past the limit.
    pub dropped: u64,
    /// Wall clock, µs, creation and destruction of the sandbox included.
    pub wall_us: u64,
    /// Peak memory, bytes, where the tier can tell.
    pub peak_memory: Option<u64>,
    /// What was enforced in this very run.
    pub enforced: Enforced,
}

/// How a run ended, for whoever counts them.
#[must_use]
pub fn end_of(ran: &Result<Ran, PortError>) -> RunEnd {
    match ran {
        Ok(ran) => match ran.exit {
            Exit::Code(_) => RunEnd::Exited,
            Exit::Signal(_) => RunEnd::Signal,
            Exit::TimedOut => RunEnd::TimedOut,
            Exit::OutOfMemory => RunEnd::OutOfMemory,
            Exit::Enough => RunEnd::Enough,
            Exit::Stopped => RunEnd::Stopped,
            Exit::Crashed(_) => RunEnd::Crashed,
        },
        Err(error) if error.kind == ErrorKind::Denied => RunEnd::Refused,
        Err(_) => RunEnd::Lost,
    }
}

/// What a tier can do on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The tier.
    pub tier: Tier,
    /// It can run things with everything that is required of it.
    pub usable: bool,
    /// What it would enforce.
    pub enforced: Enforced,
    /// Facts worth printing, name and value.
    pub facts: Vec<(String, String)>,
    /// What is missing and what a person can do about it, a line each.
    pub advice: Vec<String>,
}

/// A tier of the sandbox.
///
/// # Promises
/// - The run sees the view, a scratch directory of its own that goes with it, and toolchains read-only; it has
///   no network, no credentials, no environment but what is named, no outside process.
/// - It ends within its limits, with its whole process tree, also when it is stopped or the host dies.
/// - Each call is fresh: nothing of one run is seen by another, except what was written to a view that keeps it
///   ([`Writes::Kept`]).
/// - What a run writes to a view that drops it ([`Writes::Dropped`]) is held to its limits, costs what it is and not
///   what the view is, and is gone when the call returns, also when the host dies.
/// - `Ran::enforced` says what was really in force.
///
/// # May
/// Be called from many threads at once.
///
/// # Must not
/// Fall back to something weaker. Where a protection cannot be had, `run` is refused with `Denied`, and the
/// cause names the protection; it goes on without it only where `waived` has that name. (A layer above the view is no
/// protection, so it cannot be waived.)
///
/// # When it fails
/// An error means that nothing was run or its result is not known. What the guest did wrong is an [`Exit`].
pub trait Sandbox: Debug + Send + Sync {
    /// The tier.
    fn tier(&self) -> Tier;

    /// Finds out what can be enforced here. Cheap after the first call.
    fn probe(&self) -> Probe;

    /// Runs one thing. `on_report` gets each report line of the Python runner, or of a tool, as it comes (never for
    /// commands); `Break` ends the run early.
    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError>;
}
