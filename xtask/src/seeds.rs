//! Real packages with seeded bugs: tasks for `coditect bench tasks` whose answers are known.
//!
//! A package's own suite decides what is a bug: a change of one place counts once a test of the package is red for it.
//! The changes come from a small mutator that knows nothing of the grammar of edits (the example `seed_bugs` of
//! `coditect-code`, since this program may not name that crate). Packages are in `seeds/packages.toml`.
//!
//! Their code runs here as it would for whoever installs them: outside of any sandbox, as the user who started this.

mod fetch;
mod natively;
mod packages;
mod plant;
mod score;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;
use crate::args::Args;
use crate::process::{cargo, output};

const HELP: &str = "\
Usage: cargo xtask seeds COMMAND [OPTIONS]

Makes tasks of real open-source packages: one bug in one place, which a test of the package notices.
Packages are fetched by cargo, pip, npm and apt-get, and their tests run outside of any sandbox.

Commands:
  list     The packages, by language
  plant    Fetch packages, plant bugs, and write a task folder for each bug
  score    Compare solutions with the originals

Options of plant:
  --out DIR          Where tasks go: DIR/<package>-<n>; answers and packages go beside DIR
  --language NAME    Only packages of this language
  --package NAME     Only this package
  --bugs N           Bugs in each package [default: 8]
  --seed N           Another seed, other bugs [default: 1]

Options of score:
  --tasks DIR        As --out of plant
  --solutions DIR    As --out of `coditect bench tasks`
  --language NAME    Only tasks of this language
  --quick            Compare texts only; run no suites
  --json             One object for programs";

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    match args.next_word().as_deref() {
        Some("list") => {
            args.finish(HELP)?;
            list()
        }
        Some("plant") => plant::main(args),
        Some("score") => score::main(args),
        Some(other) => Err(format!("`{other}` is not a command\n\n{HELP}")),
        None => Err(HELP.to_owned()),
    }
}

fn list() -> Done {
    for package in packages::all()? {
        println!("{:<12} {:<6} {} {}", package.language, package.from.word(), package.name, package.version);
    }
    Ok(())
}

/// A directory that a flag names, absolute.
fn directory(args: &mut Args, flag: &str) -> Result<PathBuf, String> {
    let named = args.value(flag)?.ok_or_else(|| format!("`{flag} DIR` is needed\n\n{HELP}"))?;
    std::path::absolute(&named).map_err(|error| format!("`{named}`: {error}"))
}

/// The directory beside that of the tasks.
fn beside(tasks: &Path, name: &str) -> PathBuf {
    tasks.parent().unwrap_or(tasks).join(name)
}

/// The mutator, built.
fn mutator() -> Result<PathBuf, String> {
    let build = ["build", "--quiet", "--locked", "--package", "coditect-code", "--example", "seed_bugs"];
    crate::process::run(cargo(build))?;
    let binary = crate::process::built_binary(crate::process::Build::Debug)?;
    Ok(binary.with_file_name("examples").join("seed_bugs"))
}

/// What the mutator prints.
fn ask_mutator(program: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(words);
    output(command)
}
