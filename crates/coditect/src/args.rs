//! The flag tables: every command and flag is declared here once, with its docs and examples.
//!
//! Parsing touches nothing: no file, no environment, no clock.

mod bench;
mod graph;
mod memory;
mod repair;
mod serve;
mod team;
mod travel;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use coditect_types::{MissionId, UserName};

pub(crate) use bench::{
    BenchArgs, EventsArgs, FaultsArgs, GraphBenchArgs, MemoryBenchArgs, RetrievalArgs, ReuseArgs, SearchArgs,
    Size, Suite, TasksArgs, WorldBenchArgs,
};
pub(crate) use graph::{ChangeArgs, Form, GraphArgs, GraphAsk, GraphServer, Ways};
pub(crate) use memory::{ForgetArgs, LearnArgs, MemoryArgs, MemoryAsk, SqlArgs};
pub(crate) use repair::RepairArgs;
pub(crate) use serve::{DoorFlags, FleetArgs, Part, ServeArgs};
pub(crate) use team::{AuditArgs, TokenArgs, TokenAsk};
pub(crate) use travel::{
    CompareArgs, DiffArgs, ExportArgs, ForkArgs, ReplayArgs, TopArgs, TraceArgs, TraceFlags, WatchArgs,
};

const EXAMPLES: &str = "\
Examples:
  coditect run \"make the failing tests pass\"
  coditect why last
  coditect apply last

Exit codes: 0 verified, 1 failed, 2 usage, 3 needs a person, 4 budget or limit, 5 no sandbox,
130 interrupted.";

/// Takes a repository with failing tests to a verified branch, on your machine, with nothing installed.
#[derive(Debug, Parser)]
#[command(name = "coditect", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Where missions are kept [default: $CODITECT_HOME, else $XDG_STATE_HOME/coditect]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,
    /// The NATS server on which missions are kept, in place of files [default: the setting `nats`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) nats: Option<String>,
    /// The Redis on which the processes of `--nats` say what they have under way [default: the setting `redis`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) redis: Option<String>,
    /// The server that several people use (`coditect serve`) whose missions are meant, by the token in $CODITECT_TOKEN; of
    /// several with the same missions, all, by commas [default: $CODITECT_SERVER]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) server: Option<String>,
    /// A PEM file with the roots that the server's certificate may be by [default: those of the system]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) server_ca: Option<PathBuf>,
    /// A PEM file with a certificate and its key, where the server wants one of who connects
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) server_cert: Option<PathBuf>,
    /// The user of a shared server (`coditect serve`) whose missions and memory are meant [default: your own]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options", value_parser = UserName::parse)]
    pub(crate) owner: Option<UserName>,
    /// When to use colours (NO_COLOR and pipes turn `auto` off)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,
    /// Print JSON for programs in place of text for people
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Tell more on stderr; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Also in pipes and files.
    Always,
    /// Not at all.
    Never,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Begin a mission: a request on a directory becomes a verified change on a branch
    Run(RunArgs),
    /// Look for a change that turns red tests green, and print the patch
    Repair(RepairArgs),
    /// List missions, newest first
    List(ListArgs),
    /// Show where a mission stands and what it left
    Show(OneMission),
    /// Print a mission's journal: every event, in order
    Log(LogArgs),
    /// Tell a mission's story: what was expected, what was seen, what was decided
    Why(WhyArgs),
    /// Follow a mission to its end, whichever process has it
    Watch(WatchArgs),
    /// See what is under way: missions, who is at work, what they cost
    Top(TopArgs),
    /// Go back in time: show a mission as it stood
    Replay(ReplayArgs),
    /// Tell what changed between two moments of a mission: what was known, what was spent, the files
    Diff(DiffArgs),
    /// Begin a new mission where another one stood, with the files of that moment
    Fork(ForkArgs),
    /// Set two missions side by side: results, costs and paths
    Compare(CompareArgs),
    /// Write a mission into one file, without secrets, to be looked at elsewhere
    Export(ExportArgs),
    /// Write a mission as a trace that a browser opens without any server
    Trace(TraceArgs),
    /// Go on with a mission after any stop
    Resume(ResumeArgs),
    /// Bring a mission's change into the current branch or directory
    Apply(OneMission),
    /// List the questions that missions ask a person
    Approvals(ApprovalsArgs),
    /// Answer a question: go on as if nothing had been found
    Approve(AnswerArgs),
    /// Answer a question: what was found counts, and the change is given up
    Deny(AnswerArgs),
    /// End a mission
    Cancel(CancelArgs),
    /// Remove ended missions and their patch files; branches and memory stay
    Clean(CleanArgs),
    /// Find out what this machine can enforce and what is missing
    Doctor,
    /// Write a commented coditect.toml
    Init(InitArgs),
    /// Print each setting and where it comes from
    Config(ConfigArgs),
    /// List language models: chosen, described, found on this machine; with prices
    Models(ModelsArgs),
    /// Print what missions cost, by rung and by model; of one mission, by task
    Cost(CostArgs),
    /// Watch and steer missions in a browser
    Ui(UiArgs),
    /// Look into what missions that have ended are remembered by; forget, carry elsewhere
    Memory(MemoryArgs),
    /// Learn from the commits of a repository that touch code and tests
    Learn(LearnArgs),
    /// Ask memory in SQL
    Sql(SqlArgs),
    /// Ask what all missions on a directory have shown: its tests, what a change can reach
    World(WorldArgs),
    /// Ask the project's code and history: what a change reaches, which tests, what uses what
    Graph(GraphArgs),
    /// See who is at work on this machine and in its fleet, and what waits
    Fleet(FleetArgs),
    /// Serve several people, over HTTP with tokens and roles; or work for a fleet
    Serve(ServeArgs),
    /// Make, list and revoke the tokens of those who use `coditect serve`
    Token(TokenArgs),
    /// Read the book of what was asked of `coditect serve`, and check that nobody changed it
    Audit(AuditArgs),
    /// Stand over the server of an installed model; missions start it by themselves
    #[command(hide = true)]
    ServeModel(ServeModelArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  coditect completions bash > ~/.local/share/bash-completion/completions/coditect"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Measure this build on this machine
    Bench(BenchArgs),
}

const RUN_HELP: &str = "\
Examples:
  coditect run \"make the failing tests pass\"
  coditect run -C ~/src/ledger --test-command \"python -m pytest tests\" \"fix the rounding\"
  coditect run --test-command \"npx eslint src\" \"make the check pass\"   # by `eslint --fix`
  coditect run \"update the stale snapshots\"
  coditect run -f request.txt --json > events.jsonl
  echo \"make the failing tests pass\" | coditect run -

The working tree, index, branches, stash and config of DIR are not touched: the result is a new
branch `coditect/<mission>`, or a patch file where DIR is not under git. `coditect apply last`
brings it in.";

#[derive(Debug, Args)]
#[command(after_help = RUN_HELP, mut_arg("replay", |arg| arg.conflicts_with_all(["model", "no_model"])))]
pub(crate) struct RunArgs {
    /// What is wanted, in plain words; `-` reads it from standard input
    #[arg(value_name = "REQUEST", conflicts_with = "file", allow_hyphen_values = false)]
    pub(crate) request: Option<String>,
    /// The directory to work on
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Read the request from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The id that the mission is to have: for programs that begin one and look for it
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
    pub(crate) settings: SettingFlags,
}

/// What is printed while a mission runs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Shown {
    /// Print the end only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// With --json: print progress notices between the events too (they are not kept)
    #[arg(long, requires = "json")]
    pub(crate) progress: bool,
}

/// Settings of the ladder: which rungs it has, and what models may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct LadderFlags {
    /// A language model that may be asked where no search finds a change, such as `ollama/qwen2.5-coder`; may be
    /// repeated. Without it, and without `models` in your settings, no text leaves the machine
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Vec<String>,
    /// Ask no language model, whatever the settings say
    #[arg(long, conflicts_with = "model")]
    pub(crate) no_model: bool,
    /// The rungs on which changes are looked for, some of memory,recipe,reflex,small_model,large_model [default:
    /// all]
    #[arg(long, value_name = "NAMES")]
    pub(crate) rungs: Option<String>,
    /// Whether answers of language models are kept and used again for the very same request: on or off
    #[arg(long, value_name = "WHETHER")]
    pub(crate) reply_cache: Option<String>,
    /// Calls of language models
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_calls: Option<String>,
    /// Tokens of language models, of prompts and answers together
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_tokens: Option<String>,
    /// Money for language models, US dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub(crate) max_usd: Option<String>,
}

/// Exchanges with models on tape.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Record and replay")]
pub(crate) struct TapeFlags {
    /// Write every exchange with language models into a new file: what was sent and answered, word for word, and no key
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Ask no language model: take the answers out of a file that `--record` wrote, and fail where it has none
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    pub(crate) replay: Option<PathBuf>,
}

/// What a mission may spend, and how it goes about it: what a fork may have otherwise than the mission that it is of, since nothing that
/// is believed rests upon it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Settings (see `coditect config`)")]
pub(crate) struct PaceFlags {
    /// Time for the whole mission, of a fork the shared part included, seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) budget_s: Option<String>,
    /// Time for the search for a change, seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) search_s: Option<String>,
    /// Candidates that may be tried
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_candidates: Option<String>,
    #[command(flatten)]
    pub(crate) ladder: LadderFlags,
    /// Agents at work at the same time; 0: as many as there are cores
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) agents: Option<String>,
    /// How long a question to a person waits for an answer, seconds; 0: nobody is asked
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) ask_wait_s: Option<String>,
    /// Seed of the search: the same seed tries the same candidates in the same order
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<String>,
}

/// Settings that a flag can set; the same keys exist in files and in the environment.
// Numbers below 0 are let through to where all values are checked, which says what is right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Settings (see `coditect config`)")]
pub(crate) struct SettingFlags {
    /// From the global flag, by whoever asks where missions are kept.
    #[arg(skip)]
    pub(crate) nats: Option<String>,
    /// The same.
    #[arg(skip)]
    pub(crate) redis: Option<String>,
    /// How the tests are run, such as "python -m pytest tests"
    #[arg(long, value_name = "COMMAND")]
    pub(crate) test_command: Option<String>,
    /// How that command tells its results: junit-xml, tap or exit-code
    #[arg(long, value_name = "FORMAT")]
    pub(crate) test_report: Option<String>,
    /// The files with these results, such as "build/reports/*.xml"
    #[arg(long, value_name = "PATTERN")]
    pub(crate) report_path: Option<String>,
    /// Where code runs: auto, wasm, os or container
    #[arg(long, value_name = "TIER")]
    pub(crate) sandbox: Option<String>,
    /// The image of the container sandbox, by a name that Docker or Podman has; it is never pulled
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Go on without a protection of the sandbox that cannot be had here, by its name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) waive: Vec<String>,
    /// Whether the workers of a fleet do the work, on the server of `--nats`: on or off
    #[arg(long, value_name = "WHETHER")]
    pub(crate) fleet: Option<String>,
    #[command(flatten)]
    pub(crate) pace: PaceFlags,
    /// Time for one run of the test suite, seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) timeout_s: Option<String>,
    /// Memory for one run of the test suite, MiB
    #[arg(long, value_name = "MIB", allow_negative_numbers = true)]
    pub(crate) memory_mib: Option<String>,
}

const MISSION: &str = "A mission's id, the beginning of one, or `last`";

#[derive(Debug, Args)]
pub(crate) struct OneMission {
    #[arg(value_name = "MISSION", help = MISSION)]
    pub(crate) mission: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most this many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  coditect log last\n  coditect log m-t2 --follow --json")]
pub(crate) struct LogArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// Go on printing until the mission ends
    #[arg(short = 'F', long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  coditect why last\n  coditect why last t3")]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// One task of it, such as `t3`
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    #[command(flatten)]
    pub(crate) trace: TraceFlags,
    #[command(flatten)]
    pub(crate) tapes: TapeFlags,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  coditect approvals\n  coditect approvals last --json")]
pub(crate) struct ApprovalsArgs {
    /// A mission's id, the beginning of one, or `last`: all of its questions; without it, the open ones of all missions
    #[arg(value_name = "MISSION")]
    pub(crate) mission: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect approve last\n  coditect deny m-t2 1 -m \"it breaks the import\""
)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// The question's number; not needed where only one is open
    #[arg(value_name = "NUMBER")]
    pub(crate) number: Option<u32>,
    /// Why; it is kept in the journal
    #[arg(short = 'm', long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

/// Why a mission was cancelled, where nobody says it.
pub(crate) const CANCELLED: &str = "cancelled by a person";

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) of: OneMission,
    /// Why; it is kept in the journal
    #[arg(short = 'm', long, value_name = "TEXT", default_value = CANCELLED)]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("which").required(true).args(["mission", "all", "older_than"]),
    after_help = "Examples:\n  coditect clean last\n  coditect clean --older-than 30d --dry-run\n\nWith --all and --older-than graphs of directories that are gone are removed too."
)]
pub(crate) struct CleanArgs {
    #[arg(value_name = "MISSION", help = MISSION)]
    pub(crate) mission: Option<String>,
    /// Every mission that has ended
    #[arg(long)]
    pub(crate) all: bool,
    /// Every mission that ended longer ago than this, such as 12h, 7d or 4w
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// Also missions that have not ended, so that they can never be resumed (never one that is running)
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The directory to write it in
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  coditect models\n  coditect models --model ollama/qwen2.5-coder\n  coditect models install qwen2.5-coder-1.5b\n\nA model that is not a known provider's is described in your settings file:\n\n  models = [\"mine\"]\n  [model.mine]\n  url = \"http://127.0.0.1:8080/v1\"\n  context_tokens = 16384"
)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) what: Option<ModelsVerb>,
    /// The directory whose coditect.toml counts
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// What is to be done with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsVerb {
    /// Fetch a model's file by its name, or take a GGUF file of yours; it is served by `llama-server`
    Install(InstallArgs),
    /// Forget an installed model
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect models install qwen2.5-coder-1.5b\n  coditect models install mine --from ~/models/mine.gguf\n  coditect run --model local/mine \"implement what is marked TODO\""
)]
pub(crate) struct InstallArgs {
    /// A name of the catalogue (`coditect models` lists it), or one of yours with --from
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A GGUF file that is here; it stays where it is
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Tokens of prompt and answer together that it can hold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_024..=10_000_000))]
    pub(crate) context_tokens: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Its name, with or without `local/`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ServeModelArgs {
    /// The program that serves it
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) program: PathBuf,
    /// The model's file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Tokens of prompt and answer together
    #[arg(long, value_name = "N")]
    pub(crate) context_tokens: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  coditect cost\n  coditect cost last --json")]
pub(crate) struct CostArgs {
    /// A mission's id, the beginning of one, or `last`; without it, all that have ended
    #[arg(value_name = "MISSION")]
    pub(crate) mission: Option<String>,
}

const UI_HELP: &str = "\
Examples:
  coditect ui
  coditect ui --listen 127.0.0.1:7077
  curl -H \"Authorization: Bearer TOKEN\" http://127.0.0.1:7077/metrics
  coditect ui --listen 127.0.0.1:7077 --metrics-token-file metrics-token   # for Prometheus

It prints an address with a token, which is new each time: whoever has it can look at your
missions, begin and cancel some, and answer their questions. Nobody reaches it from another
machine; from there, use `ssh -L 7077:127.0.0.1:7077`. Missions go on without it. Ctrl-C stops
it.";

#[derive(Debug, Args)]
#[command(after_help = UI_HELP)]
pub(crate) struct UiArgs {
    /// Where to listen, on this machine only; port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = coditect_server::loopback)]
    pub(crate) listen: std::net::SocketAddr,
    /// The file with a token that stays the same and opens `/metrics` alone; made if it is not there. Others must not be able
    /// to read it, its group apart
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The directory whose coditect.toml counts
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

const WORLD_HELP: &str = "\
Examples:
  coditect world
  coditect world impact src/ledger.py
  coditect world test tests/test_ledger.py::Ledger::test_round
  coditect world flaky --json

What is known comes from the journals of missions on this directory, and is as old as the newest of them.";

#[derive(Debug, Args)]
#[command(after_help = WORLD_HELP)]
pub(crate) struct WorldArgs {
    /// The directory that missions worked on
    #[arg(short = 'C', value_name = "DIR", default_value = ".", global = true)]
    pub(crate) dir: PathBuf,
    /// What is asked; without it, a summary
    #[command(subcommand)]
    pub(crate) ask: Option<WorldAsk>,
}

/// A question to the world model.
#[derive(Debug, Subcommand)]
pub(crate) enum WorldAsk {
    /// Files, symbols and tests that a change of these files can reach
    Impact {
        /// Paths below the project's root
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
    },
    /// How a test ended whenever it ran
    Test {
        /// The test's id, or a part of it that no other has
        #[arg(value_name = "TEST")]
        id: String,
    },
    /// Tests that passed and failed on one tree
    Flaky,
    /// Tests that were red when they ran last
    Red,
    /// What went wrong, the newest first
    Troubles,
}
