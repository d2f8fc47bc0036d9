//! The flags of the commands that follow missions and go back in time.

use std::path::PathBuf;

use clap::Args;
use coditect_types::MissionId;

use super::{OneMission, PaceFlags, Shown, TapeFlags};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect watch last\n  coditect watch m-t2 --json\n\nIt only looks: Ctrl-C ends the looking, and the mission goes on. The exit code is that of the mission's end."
)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect top\n  coditect top --once --json\n\nDrawn anew each second, until Ctrl-C. Times and costs are those of missions as they stand."
)]
pub(crate) struct TopArgs {
    /// Draw it once, and leave
    #[arg(long)]
    pub(crate) once: bool,
    /// Missions at most, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

const REPLAY_HELP: &str = "\
Examples:
  coditect replay last
  coditect replay m-t2 --at 17
  coditect replay m-t2 --at 17 --files /tmp/as-it-was
  coditect replay last --step

Without --at, every record is told with what it changed. A moment is a fold over the mission's
records up to a number (`coditect log` shows them), so nothing runs, and the journal is not
written to.";

#[derive(Debug, Args)]
#[command(after_help = REPLAY_HELP)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// Show the mission as it stood behind this record
    #[arg(long, value_name = "SEQ")]
    pub(crate) at: Option<u64>,
    /// Go from moment to moment by hand: Enter, `b`, a number, `q`
    #[arg(long, conflicts_with_all = ["json", "files"])]
    pub(crate) step: bool,
    /// Write the files of that moment into a new directory
    #[arg(long, value_name = "DIR", requires = "at")]
    pub(crate) files: Option<PathBuf>,
}

const DIFF_HELP: &str = "\
Examples:
  coditect diff last 12 30
  coditect diff m-t2 1 45 --json

What was known and what was spent at the two moments is set side by side, with the change of the
files between them. A number is that of a record; `coditect log` shows them.";

#[derive(Debug, Args)]
#[command(after_help = DIFF_HELP)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The first moment: the number of a record
    #[arg(value_name = "A")]
    pub(crate) from: u64,
    /// The second one
    #[arg(value_name = "B")]
    pub(crate) to: u64,
}

const FORK_HELP: &str = "\
Examples:
  coditect fork last --at 17
  coditect fork m-t2 --at 17 --model ollama/qwen2.5-coder
  coditect fork m-t2 --at 30 --budget-s 1200 --seed 7

The new mission has the records, the beliefs and the files of the other one up to that moment,
and goes on by itself; the other one stays as it is. It can share 30 MiB of records. What was
decided together is taken together: it begins behind the step that SEQ belongs to. Settings that
are not given are those of the other mission. What CODITECT does not record cannot be brought
back: services outside, the clock, ignored files, what is installed on this machine. They are as
they are now.";

#[derive(Debug, Args)]
#[command(after_help = FORK_HELP, mut_arg("replay", |arg| arg.conflicts_with_all(["model", "no_model"])))]
pub(crate) struct ForkArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The moment to begin at: the number of a record of the mission
    #[arg(long, value_name = "SEQ")]
    pub(crate) at: u64,
    /// The id that the fork is to have: for programs that begin one and look for it
    #[arg(long, value_name = "ID", hide = true, value_parser = MissionId::parse)]
    pub(crate) id: Option<MissionId>,
    /// A directory that the project's repository has to be below: for a server that begins a user's mission
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) within: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) trace: TraceFlags,
    #[command(flatten)]
    pub(crate) tapes: TapeFlags,
    #[command(flatten)]
    pub(crate) settings: PaceFlags,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect compare m-t2 m-t9\n  coditect compare last m-t2 --json\n\nOf a fork and the mission that it is of, costs and paths are told from where they part."
)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The mission to hold it against
    #[arg(value_name = "OTHER")]
    pub(crate) other: String,
}

const TRACE_HELP: &str = "\
Examples:
  coditect trace last trace.json
  coditect run --trace-out trace.json \"make the failing tests pass\"

The file opens in chrome://tracing and in Perfetto, without any server. Attributes have the
names of OpenTelemetry's conventions; requests, prompts, answers, code and paths are not in it.";

#[derive(Debug, Args)]
#[command(after_help = TRACE_HELP)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The file to write, which is not there yet; without it, or with `-`, standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Where a trace is written.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TraceFlags {
    /// Write a trace of the mission into a new file when it ends or stops; see `coditect trace`
    #[arg(long, value_name = "FILE")]
    pub(crate) trace_out: Option<PathBuf>,
}

const EXPORT_HELP: &str = "\
Examples:
  coditect export last mission.jsonl
  coditect export m-t2 | gzip > mission.jsonl.gz
  coditect show ./mission.jsonl

The file has a mission's records, a line of JSON each, without what looks like a secret. `show`,
`log`, `why`, `cost`, `replay`, `diff`, `compare` and `trace` take such a file in place of a
mission. The files of the project are not in it, other than what diffs and test output show of
them: look at it before you give it away.";

#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The file to write, which is not there yet; without it, or with `-`, standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
