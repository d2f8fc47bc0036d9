//! `coditect completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Context;
use crate::args::Cli;
use crate::report::Done;

pub(crate) fn perform(cx: &mut Context, shell: Shell) -> Done {
    // Into memory first: the generator panics where its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "coditect", &mut script);
    cx.out.text(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
