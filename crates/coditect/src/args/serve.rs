//! Flags of `coditect serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

const SERVE_HELP: &str = "\
Examples:
  coditect token add ada --role operator --role approver
  coditect serve --projects /srv/projects
  coditect serve --listen 0.0.0.0:7077 --host ci.example.org --tls-cert chain.pem --tls-key key.pem
  coditect serve --projects /srv/projects --grpc 127.0.0.1:7078
  nats-server -js -sd /var/lib/nats &
  coditect serve --role worker --nats nats://127.0.0.1:4222
  coditect serve --role worker --nats nats://127.0.0.1:4222 --metrics 127.0.0.1:9464
  coditect run --fleet on --nats nats://127.0.0.1:4222 \"make the failing tests pass\"

Without a role it serves people: a dashboard and a JSON API, for whoever shows a token that
`coditect token add` made. Each user reaches their own missions and memory. Missions run as processes
of their own and go on without it. What is refused and what changes something is in the book
(`coditect audit`).

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
    /// What this process does [default: it serves people]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Part>,
    #[command(flatten)]
    pub(crate) doors: DoorFlags,
    /// Of a worker: actions at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", requires = "role", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) slots: Option<u16>,
    /// Of a worker: what it is called [default: the host's name and the process]
    #[arg(long, value_name = "NAME", requires = "role")]
    pub(crate) name: Option<String>,
    /// Of a worker: where Prometheus can read what it does, at `/metrics`; port 0 is a free one. Beyond this machine only with a token
    #[arg(long, value_name = "ADDRESS", requires = "role")]
    pub(crate) metrics: Option<SocketAddr>,
    /// The file with a token that opens `/metrics` and nothing else; made if it is not there. Others must not be able to read it, its
    /// group apart
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_token_file: Option<PathBuf>,
}

const FLEET_HELP: &str = "\
Examples:
  coditect fleet
  coditect fleet --json --nats nats://127.0.0.1:4222

Workers are asked who is there, and those that answer within a third of a second are told: a worker
that is gone is not among them. `coditect ui` shows the same, and who has become silent since.";

#[derive(Debug, Args)]
#[command(after_help = FLEET_HELP)]
pub(crate) struct FleetArgs {
    /// Missions at most that have not ended, those that a process has first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Print the key that missions of this state directory sign their orders with, for workers to trust
    #[arg(long)]
    pub(crate) key: bool,
}

/// Where people come in.
#[derive(Debug, Args)]
#[command(next_help_heading = "For people")]
pub(crate) struct DoorFlags {
    /// Where to listen; other machines reach it only with a certificate
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7077", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Where to listen for programs that speak gRPC, with the same certificate; port 0 is a free one
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) grpc: Option<SocketAddr>,
    /// A name that it answers to beside `localhost`; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Its certificate with those up to the root, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of the certificate, a PEM file that others cannot read, its group apart
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front of it speaks TLS: browsers know it by `https` and the name of `--host`
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_tls: bool,
    /// Who connects must have a certificate by one of these roots, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Users begin missions on directories below this one, admins on any; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) projects: Vec<PathBuf>,
    /// Missions that are begun here and under way at once; who wants another one is told to come again [default: 32 for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) missions: Option<u16>,
    /// Leave missions of users alone whose process is gone, in place of going on with them
    #[arg(long)]
    pub(crate) no_takeover: bool,
}

/// An address and a port; `localhost:7077` is one.
fn address(text: &str) -> Result<SocketAddr, String> {
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    named
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("`{text}` is no address and port, such as `127.0.0.1:7077` or `0.0.0.0:7077`"))
}
