//! The flags of `coditect repair`.

use std::path::PathBuf;

use clap::Args;

use super::SettingFlags;

const HELP: &str = "\
Examples:
  coditect repair                                  # the diff on stdout, all else on stderr
  coditect repair > fix.patch && git apply fix.patch
  coditect repair -C ~/src/ledger --function Period.__contains__ --test test_last_day
  coditect repair --file src/parser.py --budget-s 600 --all
  coditect repair --json | jq -r '.patches[0].diff'
  coditect repair --apply

Runs the tests, looks for a change that turns the red ones green, and proves it by the whole suite
in a fresh copy. Nothing of DIR is touched, no branch is made; `--apply` brings the change in as
carefully as `coditect apply` does, and refuses on conflict. With --all, the other changes that
pass stand behind the best one, as comments that `git apply` passes over.

No language model is asked: that is `coditect run`.

Ctrl-C ends the search: a change that was found until then is still proved and printed (a second
Ctrl-C stops at once). A search that ended before its end is gone on with by the same command, as
long as the files and the tests are the same: what was tried is not tried again.

Exit codes: 0 a verified patch (or nothing was red), 1 none, or one that turns only some of the red
tests green, 2 usage, 3 needs a person, 4 budget or limit, 5 no sandbox, 130 interrupted.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct RepairArgs {
    /// The directory to work on
    #[arg(short = 'C', value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Change this file only, or files below this directory (below DIR); may be repeated
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Change functions of this name only, such as `total` or `Ledger.total`; may be repeated
    #[arg(long = "function", value_name = "NAME")]
    pub(crate) functions: Vec<String>,
    /// Turn this test green, and leave other red ones be: its id, or a part of that up to or from a `::`; may be
    /// repeated
    #[arg(long = "test", value_name = "ID")]
    pub(crate) tests: Vec<String>,
    /// Tell every change that passes, best first, each proved by the whole suite
    #[arg(long)]
    pub(crate) all: bool,
    /// Bring a verified change in, as `coditect apply` does: as a commit where your branch has not moved, else into the
    /// files
    #[arg(long)]
    pub(crate) apply: bool,
    /// Where snapshots that tests compare with are stale, write them anew (Jest, Vitest, syrupy, insta, `-update` of
    /// Go's tests)
    #[arg(long)]
    pub(crate) update_snapshots: bool,
    /// Print the patch only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}
