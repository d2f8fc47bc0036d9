//! Everything that must hold before a change lands, cheapest first, one line a step.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Done;
use crate::args::Args;
use crate::process::{cargo, has_cargo_tool, output, root, run, run_keeping, shown, tested_binary};
use crate::toolchains::{self, ObjectStore, State};
use crate::{crash, generate, tidy};

const HELP: &str = "\
Usage: cargo xtask ci [OPTIONS]

Options:
  --list        Name the steps
  --only STEP   This step alone; may be repeated
  --from STEP   This step and those after it";

/// The binary's tests from outside: the last and the slowest.
const END_TO_END: &str = "package(coditect) & kind(test)";
/// Kill points. `cargo xtask crash` does a hundred.
const CRASH_SEEDS: u64 = 4;

/// How a step ended that did not fail.
enum End {
    Passed(String),
    Skipped(String),
}

type Ended = Result<End, String>;

struct Step {
    name: &'static str,
    run: fn() -> Ended,
}

const STEPS: [Step; 12] = [
    Step { name: "fetch", run: fetch },
    Step { name: "toolchains", run: bring_toolchains },
    Step { name: "fmt", run: fmt },
    Step { name: "tidy", run: tidy_up },
    Step { name: "deny", run: deny },
    Step { name: "clippy", run: clippy },
    Step { name: "tests", run: tests },
    Step { name: "doc-tests", run: doc_tests },
    Step { name: "reference", run: reference },
    Step { name: "crash", run: crash_points },
    Step { name: "graph", run: graph_server },
    Step { name: "end-to-end", run: end_to_end },
];

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let list = args.flag("--list");
    let from = args.value("--from")?;
    let mut only = Vec::new();
    while let Some(name) = args.value("--only")? {
        only.push(name);
    }
    args.finish(HELP)?;
    if list {
        STEPS.iter().for_each(|step| println!("{}", step.name));
        return Ok(());
    }
    for name in from.iter().chain(&only) {
        if !STEPS.iter().any(|step| step.name == name) {
            return Err(format!("`{name}` is not a step; `cargo xtask ci --list` names them"));
        }
    }
    let chosen = STEPS
        .iter()
        .skip_while(|step| from.as_ref().is_some_and(|name| step.name != name))
        .filter(|step| only.is_empty() || only.iter().any(|name| step.name == name));
    perform(chosen)
}

/// Runs the steps up to the first that fails, then prints them all again with their times.
fn perform<'a>(steps: impl Iterator<Item = &'a Step>) -> Done {
    let begun = Instant::now();
    let mut lines = Vec::new();
    for step in steps {
        println!("\n==> {}", step.name);
        let start = Instant::now();
        let end = (step.run)();
        let (word, note) = match &end {
            Ok(End::Passed(note)) => ("ok", note.as_str()),
            Ok(End::Skipped(why)) => ("skipped", why.as_str()),
            Err(_) => ("FAILED", ""),
        };
        let line = format!("{word:<8}{:<12}{:>9}  {note}", step.name, seconds(start.elapsed()));
        println!("{}", line.trim_end());
        lines.push(line);
        if let Err(report) = end {
            let again = format!("repeat with `cargo xtask ci --only {}`", step.name);
            summary(&lines, begun.elapsed());
            return Err(format!("\n{report}\nci: {} failed; {again}", step.name));
        }
    }
    summary(&lines, begun.elapsed());
    println!("ci: all {} steps ok", lines.len());
    Ok(())
}

fn summary(lines: &[String], whole: Duration) {
    println!("\n----");
    lines.iter().for_each(|line| println!("{}", line.trim_end()));
    println!("{:<8}{:<12}{:>9}", "", "in all", seconds(whole));
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn passed(done: Done) -> Ended {
    done.map(|()| End::Passed(String::new()))
}

/// Says what is run, then runs it.
fn tell(command: Command) -> Ended {
    println!("    {}", shown(&command));
    passed(run(command))
}

/// Everything from the network in one step, so that the times of the others are their own.
fn fetch() -> Ended {
    tell(cargo(["fetch", "--locked", "--quiet"]))
}

/// Go, Java, Node, a NATS server and one that speaks S3 for the tests that use them.
fn bring_toolchains() -> Ended {
    let store = toolchains::object_store().err();
    Ok(match (toolchains::bring(), store) {
        (State::There, None) => End::Passed(String::new()),
        (State::Brought(packages), None) => End::Passed(format!("installed {}", packages.join(", "))),
        (State::There | State::Brought(_), Some(why)) => {
            End::Skipped(format!("without an object store; {why}"))
        }
        (State::Missing(packages, why), store) => {
            let store = store.map_or(String::new(), |why| format!("; without an object store; {why}"));
            End::Skipped(format!("without {}; {why}{store}", packages.join(", ")))
        }
    })
}

/// Tells tests where the servers are that are in folders of their own.
fn with_servers(command: &mut Command) {
    if let Ok(ObjectStore::In(folder)) = toolchains::object_store() {
        command.env("CODITECT_TEST_MOTO", folder);
    }
}

fn fmt() -> Ended {
    if !component("fmt", "rustfmt") {
        return Ok(End::Skipped("rustfmt is not installed: `rustup component add rustfmt`".to_owned()));
    }
    let mut command = cargo(["fmt", "--all", "--check"]);
    if !std::io::stdout().is_terminal() {
        command.args(["--", "--color", "never"]);
    }
    tell(command)
}

fn tidy_up() -> Ended {
    passed(tidy::main(Args::new([])))
}

fn deny() -> Ended {
    if !has_cargo_tool("deny") {
        return Ok(End::Skipped(
            "cargo-deny is not installed: `cargo install cargo-deny --locked`".to_owned(),
        ));
    }
    tell(cargo(["deny", "--locked", "check", "licenses", "bans", "sources"]))
}

fn clippy() -> Ended {
    if !component("clippy", "clippy") {
        return Ok(End::Skipped("clippy is not installed: `rustup component add clippy`".to_owned()));
    }
    let mut command = cargo(["clippy", "--workspace", "--all-targets", "--locked", "--quiet"]);
    // What the default build leaves out is read with the rest: a second pass would read two crates twice.
    command.args(["--features", "coditect/neo4j,coditect-adapters/neo4j", "--", "-D", "warnings"]);
    tell(command)?;
    // By itself, the program has fewer features in its libraries than beside its tests, and is built so by whoever uses it.
    tell(cargo(["check", "--package", "coditect", "--locked", "--quiet"]))
}

/// True if a component of the toolchain is there, or rustup could bring it.
fn component(tool: &str, name: &str) -> bool {
    has_cargo_tool(tool) || {
        let mut rustup = Command::new("rustup");
        rustup.args(["component", "add", name]).current_dir(root()).stdin(Stdio::null());
        output(rustup).is_ok() && has_cargo_tool(tool)
    }
}

fn tests() -> Ended {
    if has_cargo_tool("nextest") {
        return nextest(&format!("not ({END_TO_END})"), None);
    }
    let mut command = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
    command.args(["--lib", "--bins", "--tests", "--exclude", "coditect"]);
    with_servers(&mut command);
    tell(command)?;
    tell(cargo(["test", "--package", "coditect", "--locked", "--no-fail-fast", "--bins"]))?;
    Ok(End::Passed(
        "by `cargo test`, since cargo-nextest is not installed: no limit of time on a test".to_owned(),
    ))
}

fn end_to_end() -> Ended {
    let axe = toolchains::axe();
    if let Err(why) = &axe {
        println!("    pages are not looked through for faults of accessibility: {why}");
    }
    if has_cargo_tool("nextest") {
        return nextest(END_TO_END, axe.ok().as_deref());
    }
    tell(cargo(["test", "--package", "coditect", "--locked", "--no-fail-fast", "--test", "*"]))
}

/// Runs the tests of a filter; its closing line is repeated in the summary. `axe`: what pages are looked through with.
fn nextest(filter: &str, axe: Option<&Path>) -> Ended {
    let mut command = cargo(["nextest", "run", "--workspace", "--locked", "--profile", "ci"]);
    command.args(["--cargo-quiet", "-E", filter]);
    command.args(["--color", if std::io::stderr().is_terminal() { "always" } else { "never" }]);
    // A snapshot that differs is a failure here, never a new file.
    command.env("INSTA_UPDATE", "no");
    command.envs(axe.map(|file| ("CODITECT_TEST_AXE", file)));
    with_servers(&mut command);
    println!("    {}", shown(&command));
    let closing = run_keeping(command, |line| line.trim_start().starts_with("Summary ["))?;
    let note = closing.last().and_then(|line| line.split_once(']')).map_or("", |(_, counts)| counts.trim());
    Ok(End::Passed(note.to_owned()))
}

fn doc_tests() -> Ended {
    tell(cargo(["test", "--workspace", "--doc", "--locked", "--quiet"]))
}

fn reference() -> Ended {
    let binary = tested_binary()?.display().to_string();
    passed(generate::main(Args::new(["--check".to_owned(), "--binary".to_owned(), binary])))
}

/// What the default build leaves out: a graph on a server that speaks Bolt, tested on a real one.
fn graph_server() -> Ended {
    let package = match toolchains::graph_server() {
        Ok(package) => package,
        Err(why) => return Ok(End::Skipped(why)),
    };
    // Of the whole workspace, so that the libraries are those of the other tests.
    let mut tests =
        cargo(["test", "--workspace", "--features", "coditect-adapters/neo4j", "--locked", "--quiet"]);
    tests.args(["--test", "graph_neo4j"]).env("CODITECT_TEST_ARCADEDB", package);
    tell(tests)
}

fn crash_points() -> Ended {
    let binary = tested_binary()?.display().to_string();
    crash::main(Args::new(["--seeds".to_owned(), CRASH_SEEDS.to_string(), "--binary".to_owned(), binary]))?;
    Ok(End::Passed(format!("{CRASH_SEEDS} kill points")))
}
