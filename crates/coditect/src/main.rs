//! `coditect`: arguments, settings, wiring and reports.
//!
//! This crate decides nothing about missions. It is the only place that names concrete adapters, reads the
//! environment, prints, and exits. Start reading at [`commands::perform`], then [`wiring`].

mod args;
mod commands;
mod ending;
mod environment;
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
mod traces;
mod travel;
mod watch;
mod wiring;
mod words;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{BenchArgs, Cli, Global, Suite, Verb};
use crate::environment::Environment;
use crate::report::{Fault, INTERRUPTED};

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
    trace(&cli.global, &env);
    let global = cli.global.clone();
    // A reader that went away stops a mission, and is the quiet end of anything else.
    let bench_tasks = matches!(&cli.verb, Verb::Bench(BenchArgs { suite: Suite::Tasks(_) }));
    let works =
        bench_tasks || matches!(cli.verb, Verb::Run(_) | Verb::Resume(_) | Verb::Repair(_) | Verb::Fork(_));
    let on_closed = if works { INTERRUPTED } else { 0 };
    match commands::perform(cli, env) {
        Ok(code) => ExitCode::from(code),
        Err(Fault::Closed) => ExitCode::from(on_closed),
        Err(Fault::Report(report)) => {
            out::error(&global, &report);
            ExitCode::from(report.exit_code)
        }
    }
}

/// Log lines on standard error: what a person must act on, and more with `-v` or `$CODITECT_LOG`.
fn trace(global: &Global, env: &Environment) {
    let level = match global.verbose {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let wanted = env.get("CODITECT_LOG").and_then(|filter| filter.to_str()).unwrap_or(level);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        // Without this, a closed standard error would be a panic.
        .log_internal_errors(false)
        .finish();
    // Fails only where a subscriber is set already, and then that one is used.
    tracing::subscriber::set_global_default(lines).ok();
}
