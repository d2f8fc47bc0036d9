//! `coditect`: arguments, settings, wiring and reports.
//!
//! This crate decides nothing about missions. It is the only place that names concrete adapters, reads the
//! environment, prints, and exits. Start reading at [`commands::perform`], then [`wiring`].

mod args;
mod commands;
mod ending;
mod environment;
mod fleets;
mod graphs;
mod host;
mod log;
mod missions;
mod models;
mod out;
mod phrase;
mod progress;
mod report;
mod settings;
mod signals;
mod story;
mod telemetry;
mod traces;
mod travel;
mod watch;
mod wiring;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{BenchArgs, Cli, Suite, Verb};
use crate::environment::Environment;
use crate::report::{Fault, INTERRUPTED};
use crate::telemetry::logs::{self, Further};

fn main() -> ExitCode {
    // The sandbox starts this very program as the first process of its namespaces: that must come before
    // anything else, while there is one thread.
    coditect_sandbox::os::init_if_requested();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Also `--help` and `--version`. A reader that went away is no error.
            usage.print().ok();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(report::USAGE));
        }
    };
    let env = Environment::read();
    let measured =
        matches!(&cli.verb, Verb::Bench(BenchArgs { suite: Suite::Steps(args) }) if args.telemetry);
    let further = if measured { Further::AlsoLater } else { Further::AsWanted };
    logs::listen(&cli.global, &env, further);
    let global = cli.global.clone();
    // A reader that went away stops a mission, and is the quiet end of anything else.
    let bench_tasks = matches!(&cli.verb, Verb::Bench(BenchArgs { suite: Suite::Tasks(_) }));
    let works =
        bench_tasks || matches!(cli.verb, Verb::Run(_) | Verb::Resume(_) | Verb::Repair(_) | Verb::Fork(_));
    let on_closed = if works { INTERRUPTED } else { 0 };
    let code = match commands::perform(cli, env) {
        Ok(code) => code,
        Err(Fault::Closed) => on_closed,
        Err(Fault::Report(report)) => {
            out::error(&global, &report);
            report.exit_code
        }
    };
    logs::finish();
    ExitCode::from(code)
}
