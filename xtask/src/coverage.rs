//! Lines that the tests run. `cargo-llvm-cov` measures; this finds it the tools of LLVM that it needs.

use std::path::PathBuf;
use std::process::Command;

use crate::Done;
use crate::args::Args;
use crate::process::{cargo, has_cargo_tool, output, run};

const HELP: &str = "\
Usage: cargo xtask coverage [OPTIONS]

Needs cargo-llvm-cov (`cargo install cargo-llvm-cov --locked`) and LLVM's llvm-cov and llvm-profdata: the rustup
component `llvm-tools`, or the ones of a system package (llvm-19 or newer).

Options:
  --gate PERCENT  Fail below this share of lines [default: 85]
  --html          Also write coverage/html/index.html";

/// Not measured: this tool, the doubles, and the tests themselves, which would only flatter the number.
const LEFT_OUT: &str = r"(^|/)(xtask|crates/coditect-testkit)/|/tests\.rs$|/tests/|/examples/|/benches/";

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let gate = args.number("--gate")?.unwrap_or(85);
    let html = args.flag("--html");
    args.finish(HELP)?;
    if !has_cargo_tool("llvm-cov") {
        return Err(format!("cargo-llvm-cov is not installed\n\n{HELP}"));
    }
    let tools = llvm_tools()?;
    let measured = |args: &[&str]| {
        let mut command = cargo(["llvm-cov"]);
        command.args(args).envs(tools.iter().map(|(name, path)| (*name, path)));
        command
    };
    let tester = if has_cargo_tool("nextest") { "nextest" } else { "test" };
    // A test that fails, which some do only where they are measured and slow, must not cost the figure: it is told after it.
    let tested = run(measured(&[tester, "--no-report", "--workspace", "--locked", "--no-fail-fast"]));
    // Processes that a test kills on purpose leave torn profiles: those are left out of the sum.
    let report = ["report", "--failure-mode", "all", "--ignore-filename-regex", LEFT_OUT];
    if html {
        run(measured(&[&report[..], &["--html", "--output-dir", "coverage"]].concat()))?;
    }
    run(measured(&[&report[..], &["--fail-under-lines", &gate.to_string()]].concat()))?;
    tested
}

/// What to set so that `cargo llvm-cov` finds LLVM's tools; nothing where it finds them itself.
fn llvm_tools() -> Result<Vec<(&'static str, PathBuf)>, String> {
    if std::env::var_os("LLVM_COV").is_some() {
        return Ok(Vec::new());
    }
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir"]);
    let beside_rustc = PathBuf::from(output(rustc)?.trim()).parent().map(|dir| dir.join("bin/llvm-cov"));
    if beside_rustc.is_some_and(|path| path.exists()) {
        return Ok(Vec::new());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest = std::env::split_paths(&path)
        .flat_map(|dir| (19..40).map(move |version| (version, dir.clone())))
        .filter(|(version, dir)| dir.join(format!("llvm-cov-{version}")).exists())
        .max_by_key(|(version, _)| *version);
    let (version, dir) = newest.ok_or_else(|| format!("LLVM's `llvm-cov` was not found\n\n{HELP}"))?;
    Ok(vec![
        ("LLVM_COV", dir.join(format!("llvm-cov-{version}"))),
        ("LLVM_PROFDATA", dir.join(format!("llvm-profdata-{version}"))),
    ])
}
