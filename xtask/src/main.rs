//! The keepers of the house: what a developer or CI runs on this repository, as `cargo xtask COMMAND`.
//!
//! It needs cargo, git and a C compiler. Everything else (`cargo-nextest`, `cargo-deny`, `cargo-llvm-cov`) is used
//! where it is installed and done without where it is not, and that is said.
//!
//! Start reading at [`ci`], which lists the steps; [`tidy`] holds the layer table.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for developers that talks on the terminal"
)]

mod args;
mod ci;
mod coverage;
mod crash;
mod generate;
mod process;
mod seeds;
mod sim;
mod tidy;
mod toolchains;

use std::process::ExitCode;

use args::Args;

const HELP: &str = "\
Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  ci         Everything that must hold before a change lands, cheapest first
  tidy       The layer table, and the habits that no compiler keeps
  generate   Write docs/reference/ from the program; with --check, compare only
  sim        Run the simulator from seeds
  crash      Kill missions at seeded moments and compare their ends with an uninterrupted one
  seeds      Plant bugs in real packages, and score their repairs
  coverage   Lines that the tests run, with a gate

`cargo xtask COMMAND --help` tells the options of a command.";

/// A command's end: the error is a report for a person, of one or more lines.
type Done = Result<(), String>;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let args = Args::new(words);
    let done = match command.as_str() {
        "ci" => ci::main(args),
        "coverage" => coverage::main(args),
        "crash" => crash::main(args),
        "generate" => generate::main(args),
        "seeds" => seeds::main(args),
        "sim" => sim::main(args),
        "tidy" => tidy::main(args),
        "-h" | "--help" | "help" => {
            println!("{HELP}");
            Ok(())
        }
        "" => Err(HELP.to_owned()),
        other => Err(format!("`{other}` is not a command\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("{report}");
            ExitCode::FAILURE
        }
    }
}
