//! The flags of `coditect bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LadderFlags, TapeFlags};

const BENCH_HELP: &str = "\
Examples:
  coditect bench journal --json
  coditect bench search --json
  coditect bench tasks sets/tasks --out solutions";

#[derive(Debug, Args)]
#[command(after_help = BENCH_HELP)]
pub(crate) struct BenchArgs {
    /// What to measure
    #[command(subcommand)]
    pub(crate) suite: Suite,
}

/// A suite of measurements.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// A fresh isolated CPython beside a process
    Sandbox(Size),
    /// Durable events per second, one append at low load, replay
    Journal(Size),
    /// Durable events per second, their latency at a tenth of that, and one event at a time: embedded, or on `--nats`
    Events(EventsArgs),
    /// Concurrent missions of no-op actions through the whole ring
    Steps(StepsArgs),
    /// From a request to the first agent at work, no-op tasks a second, and how well 1 to 1,000 agents are kept at work: by
    /// threads here, or by a worker on `--nats`
    #[command(
        after_help = "Examples:\n  coditect bench dispatch --json\n  coditect bench dispatch --nats nats://127.0.0.1:4222\n  coditect bench dispatch --nats nats://127.0.0.1:4222 --redis redis://127.0.0.1:6379\n\nOn a server it has a fleet of its own, which is removed in the end. With `--redis`, it is said there which missions are under way."
    )]
    Dispatch(Size),
    /// The dashboard's page of a long mission, and how long an event is under way to those who watch it
    Watch(Size),
    /// Candidates of a search without a model per second, and where its time goes
    Search(SearchArgs),
    /// Missions in which something goes wrong, and others in which it only looks so: what is noticed, and what comes of it
    Faults(FaultsArgs),
    /// The world model of a large repository: events folded per second, and what queries take
    World(WorldBenchArgs),
    /// The knowledge graph of a large repository: made, brought up to date after an edit, and what questions take
    Graph(GraphBenchArgs),
    /// Memory of many episodes: kept per second, what it takes to find one, and whether it is found
    Memory(MemoryBenchArgs),
    /// Functions that people look for in their own words, beside BM25 alone
    Retrieval(RetrievalArgs),
    /// A stream of tasks, half of which have a relative before them, with memory and without
    Reuse(ReuseArgs),
    /// Work on folders of tasks, each as a mission of its own, and count what is solved
    Tasks(Box<TasksArgs>),
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// Smaller sizes, for a first impression in seconds
    #[arg(long)]
    pub(crate) quick: bool,
}

/// How steps are measured.
#[derive(Clone, Copy, Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect bench steps --json\n  coditect bench steps --telemetry\n\nWith `--telemetry`, rounds without and with traces, metrics and logs to a collector of this process alternate.\n`telemetry_cost` is what the steps a second lose by that, `telemetry_cost_to_last` the same where a round is over only\nonce the last of it was sent; `telemetry_cpu_cost` is what a step takes more of the processors, the collector included;\n`spans_dropped` is what waited too long to be sent."
)]
pub(crate) struct StepsArgs {
    /// The same work without and with telemetry, in turns
    #[arg(long)]
    pub(crate) telemetry: bool,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// How events are offered.
#[derive(Clone, Copy, Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect bench events --json\n  coditect bench events --nats nats://127.0.0.1:4222 --batch 1000\n\nOn a server it has a journal of its own, which is removed in the end. `nats_monitor` lets it tell when the server syncs."
)]
pub(crate) struct EventsArgs {
    /// Events of one append
    #[arg(long, value_name = "N", default_value_t = 2_048, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    pub(crate) batch: u16,
    /// Missions that append at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub(crate) producers: u16,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// How large the repository is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WorldBenchArgs {
    /// Source files [default: 100000, with --quick 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub(crate) files: Option<u32>,
    /// Tests [default: 50000, with --quick 5000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub(crate) tests: Option<u32>,
    /// What the repository is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// Which repository's graph is made.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect bench graph --json\n  coditect bench graph ~/src/django\n\nThe directory is only read. Its history is drawn, so that every question has an answer."
)]
pub(crate) struct GraphBenchArgs {
    /// An unpacked project; without it, a repository is made
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Source files of the repository that is made [default: 10000, with --quick 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=1_000_000), conflicts_with = "dir")]
    pub(crate) files: Option<u32>,
    /// What is drawn, and which edits and questions there are
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MemoryBenchArgs {
    /// Episodes [default: 1000000, with --quick 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) episodes: Option<u32>,
    /// What the episodes are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// What stream is worked on.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect bench reuse --quick\n  coditect bench reuse --seed 7 --json\n\nEach task is worked on with memory and without, so that the two can be compared whatever else the machine does."
)]
pub(crate) struct ReuseArgs {
    /// What the tasks are drawn from: the same seed gives the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Tasks [default: 300, with --quick 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) tasks: Option<u16>,
    /// A language model that may be asked where no search finds a change; can be given several times
    #[arg(long = "model", value_name = "NAME")]
    pub(crate) models: Vec<String>,
    #[command(flatten)]
    pub(crate) size: Size,
}

/// What is looked for.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  coditect bench retrieval sets --json\n\nThe folder holds `cosqa-functions.jsonl` (lines of `id`, `code`) and `cosqa-dev-queries.jsonl` (lines of\n`query`, `relevant`)."
)]
pub(crate) struct RetrievalArgs {
    /// The folder with the functions and the queries
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// A model that gives texts their vectors, as in the setting `memory_embeddings`; both ways are measured
    #[arg(long, value_name = "MODEL")]
    pub(crate) embeddings: Option<String>,
}

/// How much is searched.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SearchArgs {
    /// Candidates that are tried [default: 20000, with --quick 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) candidates: Option<u64>,
    #[command(flatten)]
    pub(crate) size: Size,
}

const FAULTS_HELP: &str = "\
Examples:
  coditect bench faults --seed 7 --json
  coditect bench faults --seed 7 --kind flaky_test --kind needs_network --each 5

Each case is a mission on a small repository that is drawn from the seed. In 32 of the 55 kinds something is wrong: in the
repository, with an agent, with a change, or since somebody edits the files meanwhile. In the others it only looks so. The
table tells of each kind in how many cases that was noticed, its cause named, and the mission ended as it should.

Exit codes: 0 every case ran, 1 a mission ended as verified with a wrong change, 2 usage, 5 no sandbox, 130 interrupted.";

/// Which cases are made.
#[derive(Clone, Debug, Args)]
#[command(after_help = FAULTS_HELP)]
pub(crate) struct FaultsArgs {
    /// What the cases are drawn from: the same seed gives the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Cases of each kind [default: 14, with --quick 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) each: Option<u16>,
    /// Only this kind of case; can be given several times
    #[arg(long = "kind", value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    #[command(flatten)]
    pub(crate) size: Size,
}

const TASKS_HELP: &str = "\
Examples:
  coditect bench tasks sets/tasks --out solutions --no-model
  coditect bench tasks sets/tasks --out solutions --budget-s 10 --jobs 2 --json > rows.jsonl

A task is a folder `DIR/<name>/` with a file `TASK.json`: `id` and `request` (texts), `test_command`
(a list of words; found out where it is missing) and `timeout_s` (of one run of its tests). The
folders are only read. `SOLUTIONS/<id>/` becomes a copy with the verified change in it, or an
unchanged copy where the task was not solved; `.git` is not copied. `SOLUTIONS/.results.jsonl` has a
row for each task that has ended: after a stop the same command goes on with the others.

Exit codes: 0 every task has a row (solved or not), 1 a task crashed, 2 usage, 5 no sandbox,
130 interrupted.";

#[derive(Debug, Args)]
#[command(after_help = TASKS_HELP, mut_arg("replay", |arg| arg.conflicts_with_all(["model", "no_model"])))]
pub(crate) struct TasksArgs {
    /// The directory that holds the folders of the tasks
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where the worked-on copies go: a new or empty directory, or that of an earlier run
    #[arg(long, value_name = "SOLUTIONS")]
    pub(crate) out: PathBuf,
    /// Time for one task, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) budget_s: u64,
    /// Tasks at work at the same time; the cores are shared out among them [default: half of the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Also work on tasks whose end is recorded already
    #[arg(long)]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) ladder: LadderFlags,
    #[command(flatten)]
    pub(crate) tapes: TapeFlags,
}
