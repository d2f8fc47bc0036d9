//! Flags of `coditect memory`, `learn` and `sql`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect memory stats\n  coditect memory search \"division by zero in a mean\"\n  coditect memory show last --json\n  coditect memory forget --workspace ~/src/ledger --dry-run"
)]
pub(crate) struct MemoryArgs {
    #[command(subcommand)]
    pub(crate) ask: MemoryAsk,
}

/// A question to memory.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryAsk {
    /// How much there is
    #[command(after_help = "Examples:\n  coditect memory stats\n  coditect memory stats --json")]
    Stats,
    /// The episodes that fit some words best
    #[command(
        after_help = "Examples:\n  coditect memory search \"division by zero in a mean\"\n  coditect memory search KeyError -n 3 --json"
    )]
    Search {
        /// What it was about
        #[arg(value_name = "TEXT")]
        query: String,
        /// At most this many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// One episode
    #[command(after_help = "Examples:\n  coditect memory show last\n  coditect memory show m-t2kq1 --json")]
    Show {
        #[arg(value_name = "EPISODE", help = EPISODE)]
        episode: String,
    },
    /// Forget episodes for good, with the missions that they are of: they are in no file afterwards
    #[command(after_help = FORGET_HELP)]
    Forget(ForgetArgs),
    /// Write all episodes, a line of JSON each, to carry them elsewhere
    #[command(
        after_help = "Examples:\n  coditect memory export team.jsonl\n  coditect memory export | gzip > team.jsonl.gz"
    )]
    Export {
        /// The file to write; without it, or with `-`, standard output
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Take in episodes that were written by `export`; those that are known, or were forgotten, are passed over
    #[command(after_help = "Example:\n  coditect memory import team.jsonl")]
    Import {
        /// The file; `-` reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make memory anew from the journals; what only memory has stays
    #[command(after_help = "Example:\n  coditect memory rebuild")]
    Rebuild,
    /// Move what is to be moved between the tiers now; missions do it by themselves
    #[command(after_help = "Example:\n  coditect memory move --json")]
    Move,
}

const EPISODE: &str = "An episode's id or the beginning of one, or `last`";
const FORGET_HELP: &str = "\
Examples:
  coditect memory forget m-t2kq1
  coditect memory forget --workspace ~/src/ledger
  coditect memory forget --matching \"acme corp\" --dry-run
  coditect memory forget --older-than 26w

Several of these together forget what all of them fit. Missions that were forked from one that goes
have its records, and go with it; so do all graphs, and the answers of models that were kept.
Branches that were handed over stay.";

/// What is to be forgotten.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// Ids of episodes, or the beginnings of some
    #[arg(value_name = "EPISODE")]
    pub(crate) episodes: Vec<String>,
    /// Episodes of a directory, or of one below it
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Episodes that ended longer ago than this, such as 12h, 7d or 4w
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// Episodes with this text anywhere, or in their missions' journals, in large or small letters
    #[arg(long, value_name = "TEXT")]
    pub(crate) matching: Option<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["episodes", "workspace", "older_than", "matching"])]
    pub(crate) all: bool,
    /// Say what would be forgotten, and forget nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect learn\n  coditect learn -C ~/src/ledger --commits 5000\n\nNothing of the repository runs. What was learnt is tried like any proposal: the tests decide."
)]
pub(crate) struct LearnArgs {
    /// A directory of the repository
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Commits that are looked at, the newest
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) commits: u32,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  coditect sql \"SELECT rung, count(*), avg(wall_ms) FROM episodes GROUP BY rung\"\n  coditect sql \"SELECT id, request FROM episodes WHERE body LIKE '%KeyError%'\" --json\n\nThe table `episodes` has the columns id, workspace, language, status, rung, request, ended_ms, wall_ms,\nuses, held, seen, shelf and body (JSON); `ended_ms` are ms since 1970, `wall_ms` ms. The dialect is SQLite's."
)]
pub(crate) struct SqlArgs {
    /// A SELECT
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,
    /// Time for an answer, seconds; what takes longer is given up with exit code 4
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout_s: u64,
}
