//! `cargo test`: one program for each target with tests, and the examples in documentation.
//!
//! Programs of Rust's own test harness report as JSON lines. That format is not stabilised (it has been the same since
//! 2018), so it must be asked for with `RUSTC_BOOTSTRAP`, which only the test programs see. A target with a harness of
//! its own is one test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use coditect_ports::Ran;
use coditect_ports::sandbox::Reports;
use coditect_types::Project;
use coditect_types::testing::Frame;
use serde::Deserialize;

use super::{Broken, Driver, Ear, MESSAGE_BYTES, Step, Unit};
use crate::suggestions;
use crate::suite::protocol::{End, Line};

mod suggested;

/// The name of the unit of examples in documentation.
const DOC: &str = "doc";
/// What one example takes to be compiled and linked, at most, and on a busy machine.
const COMPILING: Duration = Duration::from_secs(20);
/// Files read at most to find out whether documentation has examples.
const MOST_READ: usize = 500;
/// Where the sandbox shows the project.
const PROJECT: &str = "/project/";

/// See the module.
pub(super) struct Cargo;

/// A line of `cargo --message-format=json`.
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        #[serde(default)]
        executable: Option<String>,
        manifest_path: String,
        target: Target,
        profile: Profile,
    },
    #[serde(rename = "compiler-message")]
    Said { message: Diagnostic },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    src_path: String,
    #[serde(default)]
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    level: String,
    #[serde(default)]
    rendered: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
    /// What explains it, and what is suggested.
    #[serde(default)]
    children: Vec<Diagnostic>,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    #[serde(default)]
    is_primary: bool,
    #[serde(default)]
    line_end: u32,
    #[serde(default)]
    column_start: u32,
    #[serde(default)]
    column_end: u32,
    #[serde(default)]
    suggested_replacement: Option<String>,
    #[serde(default)]
    suggestion_applicability: Option<String>,
}

/// A line of a test program.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    of: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    stdout: Option<String>,
    #[serde(default)]
    message: Option<String>,
    /// Seconds.
    #[serde(default)]
    exec_time: Option<f64>,
}

impl Driver for Cargo {
    fn builds(&self, project: &Project) -> Vec<Step> {
        let mut argv: Vec<String> =
            ["cargo", "test", "--no-run", "--offline", "--message-format=json"].map(str::to_owned).to_vec();
        argv.extend(project.targets.iter().cloned());
        vec![Step { argv, ..Step::default() }]
    }

    fn built(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken> {
        let Some(ran) = ran else { return Ok(Vec::new()) };
        let text = String::from_utf8_lossy(&ran.stdout);
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
        let (mut units, mut broken, mut has_library) = (Vec::new(), Broken::default(), false);
        let mut suggested = Vec::new();
        for message in messages {
            match message {
                Message::CompilerArtifact { executable: Some(program), manifest_path, target, profile }
                    if profile.test =>
                {
                    units.push(unit(project, &program, &manifest_path, &target));
                }
                Message::CompilerArtifact { target, .. } => {
                    has_library |=
                        target.kind.iter().any(|kind| kind == "lib") && target.src_path.starts_with(PROJECT);
                }
                Message::Said { message } if message.level.starts_with("error") => {
                    suggested.extend(suggested::of(&message));
                    broken.add(message);
                }
                Message::Said { .. } | Message::Other => {}
            }
        }
        if ran.exit != coditect_ports::Exit::Code(0) {
            if broken.message.is_empty() {
                broken.message = super::said(ran);
            }
            suggestions::add(&mut broken.message, suggested);
            return Err(broken);
        }
        units.sort_by(|a, b| a.name.cmp(&b.name));
        if has_library && !chooses(project) && has_examples(root) {
            let (name, step) = (DOC.to_owned(), doc(project));
            units.push(Unit { name, step, builds: true, compiling: COMPILING, ..Unit::default() });
        }
        Ok(units)
    }

    fn narrowed(&self, project: &Project, ids: &[String]) -> Option<Project> {
        if chooses(project) {
            return None;
        }
        let files = ids.iter().filter_map(|id| id.split("::").next()).filter(|file| *file != DOC);
        let flags: BTreeSet<Vec<String>> = files.map(target).collect::<Option<_>>()?;
        let mut targets = project.targets.clone();
        targets.extend(flags.into_iter().flatten());
        (targets.len() > project.targets.len()).then(|| Project { targets, ..project.clone() })
    }

    fn list(&self, unit: &Unit) -> Option<Step> {
        let mut step = unit.step.clone();
        step.argv.extend(["--list".to_owned(), "--format=terse".to_owned()]);
        Some(step)
    }

    fn listed(&self, unit: &Unit, ran: &Ran) -> Option<BTreeMap<String, String>> {
        if ran.exit != coditect_ports::Exit::Code(0) {
            return None;
        }
        let text = String::from_utf8_lossy(&ran.stdout);
        let mut names = BTreeMap::new();
        for name in text.lines().filter_map(|line| line.strip_suffix(": test")) {
            let mut id = format!("{}::{}", unit.name, without_line(name));
            while unit.name == DOC && names.values().any(|known| *known == id) {
                id.push('\'');
            }
            names.insert(name.to_owned(), id);
        }
        let known = text.lines().all(|line| line.ends_with(": test") || line.ends_with(": benchmark"));
        // A harness of the target's own does not know how to list, and says something else.
        (known || unit.name == DOC).then_some(names)
    }

    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step {
        let mut step = unit.step.clone();
        if unit.opaque {
            return step;
        }
        step.argv.extend(
            ["--format=json", "-Zunstable-options", "--report-time", "--test-threads=1"].map(str::to_owned),
        );
        step.env.push(("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
        if let Some(ids) = select {
            if unit.name == DOC {
                let items: BTreeSet<&str> = unit.named(ids).into_iter().map(item).collect();
                step.argv.extend(items.into_iter().map(str::to_owned));
                return step;
            }
            step.argv.push("--exact".to_owned());
            step.argv.extend(unit.named(ids).into_iter().map(str::to_owned));
        }
        step
    }

    fn reports(&self) -> Reports {
        Reports::Stdout
    }

    fn ear(&self, unit: &Unit, select: Option<&[String]>) -> Option<Box<dyn Ear>> {
        let asked = select.filter(|_| unit.name == DOC)?;
        Some(Box::new(Examples { unit: unit.clone(), asked: asked.to_vec() }))
    }

    fn hear(&self, unit: &Unit, line: &str, take: &mut dyn FnMut(Line)) {
        // The code under test may print without a line break of its own.
        let Some(from) = line.find("{ \"type\":").or_else(|| line.find("{\"type\":")) else { return };
        let Ok(event) = serde_json::from_str::<Event>(&line[from..]) else { return };
        let id = unit.id(&event.name);
        match (event.of.as_str(), event.event.as_str()) {
            ("test", "started") => take(Line::Start { id }),
            ("test", "ok" | "failed" | "timeout") if event.event != "timeout" => {
                let said = event.stdout.unwrap_or_default();
                take(Line::End(Box::new(ended(
                    id,
                    event.event == "ok",
                    event.exec_time,
                    &said,
                    event.message,
                ))));
            }
            ("test", "ignored") => {
                take(Line::End(Box::new(End {
                    id,
                    status: "skipped".to_owned(),
                    message: event.message,
                    ..End::default()
                })));
            }
            ("suite", "ok" | "failed") => {
                take(Line::Done { exit_code: if event.event == "ok" { 0 } else { 101 } })
            }
            _ => {}
        }
    }
}

/// Listens to examples in documentation, of which more may run than were asked for.
struct Examples {
    unit: Unit,
    asked: Vec<String>,
}

impl Ear for Examples {
    fn hear(&mut self, line: &str, take: &mut dyn FnMut(Line)) {
        Cargo.hear(&self.unit, line, &mut |said| {
            let is_asked = match &said {
                Line::Start { id } => self.asked.contains(id),
                Line::End(end) => self.asked.contains(&end.id),
                Line::Collected { .. }
                | Line::Paused { .. }
                | Line::Error(_)
                | Line::Note { .. }
                | Line::Done { .. }
                | Line::Answer { .. } => true,
            };
            if is_asked {
                take(said);
            }
        });
    }
}

/// What chooses an example: `rustdoc` splits what its tests are given at spaces, which their names have, and takes each word
/// for a part of a name.
fn item(name: &str) -> &str {
    without_line(name)
        .rsplit(' ')
        .next()
        .filter(|word| *word != "-")
        .unwrap_or(name.split(' ').next().unwrap_or(name))
}

impl Broken {
    fn add(&mut self, message: Diagnostic) {
        let rendered = message.rendered.unwrap_or_default();
        if self.message.len() < MESSAGE_BYTES {
            self.message.push_str(&rendered);
        }
        for span in message.spans.into_iter().filter(|span| span.is_primary) {
            self.frames.push(Frame { file: span.file_name, line: span.line_start, function: String::new() });
        }
    }
}

/// A test program of one target.
fn unit(project: &Project, program: &str, manifest: &str, target: &Target) -> Unit {
    let root = match project.root.as_str() {
        "" => PROJECT.to_owned(),
        root => format!("{PROJECT}{root}/"),
    };
    let below = |path: &str| path.strip_prefix(&root).map_or_else(|| path.to_owned(), str::to_owned);
    let package = manifest.strip_suffix("Cargo.toml").unwrap_or(manifest).trim_end_matches('/');
    let directory =
        package.strip_prefix(root.trim_end_matches('/')).unwrap_or_default().trim_matches('/').to_owned();
    // A file can be the root of two targets (a library that is also built as a program).
    let name = below(&target.src_path);
    let name = if target.kind.iter().any(|kind| kind == "bin") && name.ends_with("lib.rs") {
        format!("{name} ({})", target.name)
    } else {
        name
    };
    let env = vec![("CARGO_MANIFEST_DIR".to_owned(), package.to_owned())];
    let step = Step { argv: vec![program.to_owned()], env, directory, files: Vec::new() };
    Unit { name, step, ..Unit::default() }
}

/// Whether a project's command names targets, so that examples in documentation are no part of it.
fn chooses(project: &Project) -> bool {
    const NAMES: [&str; 9] = [
        "--lib",
        "--bin",
        "--bins",
        "--test",
        "--tests",
        "--example",
        "--examples",
        "--bench",
        "--all-targets",
    ];
    project.targets.iter().any(|flag| NAMES.contains(&flag.as_str()) || flag.starts_with("--test="))
}

/// The flags that choose the target with this file, where it lies where cargo looks by itself.
fn target(file: &str) -> Option<Vec<String>> {
    if file == "src/lib.rs" || file.ends_with("/src/lib.rs") {
        return Some(vec!["--lib".to_owned()]);
    }
    let below = file.strip_prefix("tests/").or_else(|| Some(file.rsplit_once("/tests/")?.1))?;
    let name = below.strip_suffix("/main.rs").or_else(|| below.strip_suffix(".rs"))?;
    (!name.contains('/')).then(|| vec!["--test".to_owned(), name.to_owned()])
}

fn doc(project: &Project) -> Step {
    let mut argv: Vec<String> =
        ["cargo", "test", "--doc", "--offline", "--quiet"].map(str::to_owned).to_vec();
    argv.extend(project.targets.iter().cloned());
    argv.push("--".to_owned());
    Step { argv, ..Step::default() }
}

/// Whether any documentation below `root` has a block of code.
fn has_examples(root: &Path) -> bool {
    let Ok(files) = crate::python::Listing::load(root) else { return false };
    files.files().iter().filter(|file| file.ends_with(".rs")).take(MOST_READ).any(|file| {
        files.text(file).is_some_and(|text| {
            text.lines().any(|line| {
                let line = line.trim_start();
                (line.starts_with("///") || line.starts_with("//!")) && line.contains("```")
            })
        })
    })
}

/// Examples in documentation are named by their line too, which an edit above them changes.
fn without_line(name: &str) -> &str {
    name.find(" (line ").map_or(name, |at| &name[..at])
}

fn ended(id: String, ok: bool, seconds: Option<f64>, said: &str, message: Option<String>) -> End {
    let us = seconds.map_or(0, |seconds| std::time::Duration::from_secs_f64(seconds.max(0.0)).as_micros());
    let status = if ok { "passed" } else { "failed" };
    let (what, frames) = panic_of(said);
    End {
        id,
        status: status.to_owned(),
        us: u64::try_from(us).unwrap_or(u64::MAX),
        message: (!ok)
            .then(|| if what.is_empty() { message.unwrap_or_else(|| said.trim().to_owned()) } else { what }),
        error_type: (!ok).then(|| "panic".to_owned()),
        frames,
        ..End::default()
    }
}

/// What a panic said, and where: `thread 'x' panicked at src/lib.rs:3:5:` and the lines after it.
fn panic_of(said: &str) -> (String, Vec<(String, u32, String)>) {
    const MARK: &str = " panicked at ";
    let Some(at) = said.find(MARK) else { return (String::new(), Vec::new()) };
    let rest = &said[at + MARK.len()..];
    let (place, text) = rest.split_once('\n').unwrap_or((rest, ""));
    let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
    let (_, line, file) = (parts.next(), parts.next(), parts.next());
    let frame = line.and_then(|line| line.parse().ok()).zip(file).filter(|(_, file)| !file.starts_with('/'));
    let frames = frame.map(|(line, file)| (file.to_owned(), line, String::new())).into_iter().collect();
    let text: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE")).collect();
    (text.join("\n").trim().to_owned(), frames)
}

#[cfg(test)]
mod tests;
