//! Flags of `coditect serve`.

use clap::{Args, ValueEnum};

const SERVE_HELP: &str = "\
Examples:
  nats-server -js -sd /var/lib/nats &
  coditect serve --role worker --nats nats://127.0.0.1:4222
  coditect run --fleet on --nats nats://127.0.0.1:4222 \"make the failing tests pass\"

A worker runs the code of every project whose mission is on that server, in its own sandbox; it
has no key and no model. Whoever may write to the server can have it run code.
The first Ctrl-C (or SIGTERM) lets it finish what it has, the second hands that back.";

/// What a process of a fleet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Performs actions.
    Worker,
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    /// What this process does
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Part,
    /// Actions at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) slots: Option<u16>,
    /// What the worker is called [default: the host's name and the process]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}
