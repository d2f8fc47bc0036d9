//! `go test`: one program for each package with tests, examples or fuzz targets.
//!
//! `go test -exec` hands every test program to a script of ours, which keeps it and tells how `go` would have started
//! it. So one command of any Go builds them all, and the answer also says what that Go's programs understand.
//! Commands of `go` run no code of the project, which is why they may write to the cache.

use std::collections::BTreeMap;
use std::path::Path;

use coditect_ports::sandbox::{Reports, TOOL_FILES};
use coditect_ports::{Exit, PortError, Ran};
use coditect_types::Project;
use coditect_types::testing::Frame;
use serde::Deserialize;

use self::complaints::{Complaints, Lack};
use super::{Autopsy, Broken, Driver, Ear, MESSAGE_BYTES, Step, Unit};
use crate::suite::IMPORT;
use crate::suite::protocol::Line;

mod complaints;
mod files;
mod panics;
mod report;
mod select;

/// What the script says before a program that it kept.
const KEPT: &str = "coditect-test\t";
/// Where the sandbox shows the project.
const PROJECT: &str = "/project";
/// The name of the package at the project's root.
const TOP: &str = ".";
/// Packages that are named one by one.
const MOST_FOLDERS: usize = 100;

/// See the module.
pub(super) struct Go;

/// A line of `go test -json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Event {
    action: String,
    output: String,
}

/// What a build said.
struct Said {
    units: Vec<Unit>,
    complaints: Complaints,
}

impl Driver for Go {
    fn builds(&self, project: &Project) -> Vec<Step> {
        let words = Words::of(project);
        let script = |name: &str| vec!["sh".to_owned(), format!("{TOOL_FILES}/{name}")];
        let mut mode = script("mode.sh");
        mode.extend(words.flags.iter().filter(|flag| chooses_files(flag)).cloned());
        mode.extend(words.patterns.iter().cloned());
        let mut test = script("build.sh");
        test.push(words.slot());
        test.extend(["go", "test", "-json", "-count=1", "-gcflags=-e"].map(str::to_owned));
        if !words.flags.iter().any(|flag| flag.starts_with("-vet=")) {
            test.push("-vet=off".to_owned());
        }
        test.push(format!("-exec=sh {TOOL_FILES}/keep.sh"));
        test.extend(words.flags);
        test.extend(words.patterns);
        let files = [
            ("mode.sh", include_str!("go/mode.sh")),
            ("build.sh", include_str!("go/build.sh")),
            ("keep.sh", include_str!("go/keep.sh")),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let step =
            |argv| Step { argv, env: words.env.clone(), directory: String::new(), files: files.clone() };
        vec![step(mode), step(test)]
    }

    fn built(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken> {
        let Some(ran) = ran else { return Ok(Vec::new()) };
        let said = said(project, root, ran);
        let is_broken = !said.complaints.frames.is_empty() || said.complaints.lacks.is_empty();
        if ran.exit == Exit::Code(0) || (!is_broken && !said.units.is_empty()) {
            return Ok(said.units);
        }
        let Complaints { mut message, frames, .. } = said.complaints;
        if message.is_empty() {
            message = super::said(ran);
        }
        Err(Broken { message, frames, lacks: false })
    }

    fn rest(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Vec<Unit> {
        ran.map(|ran| said(project, root, ran).units).unwrap_or_default()
    }

    fn lacks(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Option<PortError> {
        let said = said(project, root, ran?);
        if !said.units.is_empty() || !said.complaints.frames.is_empty() {
            return None;
        }
        said.complaints.lacks.first().map(Lack::error)
    }

    fn notes(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Vec<String> {
        let Some(ran) = ran else { return Vec::new() };
        said(project, root, ran).complaints.lacks.iter().map(Lack::note).collect()
    }

    fn list(&self, unit: &Unit) -> Option<Step> {
        let mut step = unit.step.clone();
        let chosen = step.argv.iter().find_map(|word| word.strip_prefix("-test.run="));
        let first = chosen.map_or(".", |pattern| select::first_level(pattern)).to_owned();
        step.argv.retain(|word| !word.starts_with("-test.v"));
        step.argv.push(format!("-test.list={first}"));
        Some(step)
    }

    fn listed(&self, unit: &Unit, ran: &Ran) -> Option<BTreeMap<String, String>> {
        if ran.exit != Exit::Code(0) {
            return None;
        }
        let known = unit.names.clone().unwrap_or_default();
        let mut names = BTreeMap::new();
        for name in String::from_utf8_lossy(&ran.stdout).lines().filter(|line| files::is_test_name(line)) {
            let id = known.get(name).cloned().unwrap_or_else(|| format!("{}::{name}", unit.name));
            names.insert(name.to_owned(), id);
        }
        Some(names)
    }

    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step {
        let mut step = unit.step.clone();
        if let (false, Some(ids)) = (unit.opaque, select) {
            step.argv.retain(|word| !word.starts_with("-test.run="));
            step.argv.push(format!("-test.run={}", select::pattern(unit, ids)));
        }
        step
    }

    /// Since Go 1.17; those before it refuse, which shows nothing.
    fn order(&self, _unit: &Unit, step: &mut Step, seed: u64) {
        step.argv.retain(|word| !word.starts_with("-test.shuffle="));
        step.argv.push(format!("-test.shuffle={seed}"));
    }

    fn narrowed(&self, project: &Project, ids: &[String]) -> Option<Project> {
        let mut targets: Vec<String> =
            project.targets.iter().filter(|word| !Words::is_pattern(word)).cloned().collect();
        let mut folders: Vec<String> = ids.iter().filter_map(|id| select::folder(id)).collect();
        folders.sort();
        folders.dedup();
        if folders.is_empty() || folders.len() > MOST_FOLDERS {
            return None;
        }
        targets.extend(folders);
        Some(Project { targets, ..project.clone() })
    }

    fn format(&self, old: &str, new: &str) -> Option<Step> {
        let script = format!("[ -z \"$(gofmt -l {TOOL_FILES}/old.go)\" ] && exec gofmt {TOOL_FILES}/new.go");
        let files = [("old.go", old), ("new.go", new)];
        Some(Step {
            argv: vec!["sh".to_owned(), "-c".to_owned(), script],
            files: files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec(),
            ..Step::default()
        })
    }

    fn reports(&self) -> Reports {
        Reports::Stdout
    }

    fn hear(&self, _unit: &Unit, _line: &str, _take: &mut dyn FnMut(Line)) {}

    fn ear(&self, unit: &Unit, select: Option<&[String]>) -> Option<Box<dyn Ear>> {
        Some(Box::new(report::Report::new(unit, select)))
    }

    fn autopsy(&self, unit: &Unit, ran: &Ran) -> Option<Autopsy> {
        panics::read(&String::from_utf8_lossy(&ran.stderr), &|path| below(&unit.root, path))
    }
}

/// What `go` is told, by kind. [`crate::survey`] writes a flag and its value as one word.
#[derive(Debug, Default)]
struct Words {
    env: Vec<(String, String)>,
    flags: Vec<String>,
    patterns: Vec<String>,
}

impl Words {
    fn of(project: &Project) -> Self {
        let mut words = Self::default();
        for word in &project.targets {
            match word.split_once('=') {
                _ if word.starts_with('-') => words.flags.push(word.clone()),
                // The sandbox has flags of its own in that variable.
                Some(("GOFLAGS", flags)) => {
                    words.env.push(("GOFLAGS".to_owned(), format!("-buildvcs=false {flags}")));
                }
                Some((name, value)) => words.env.push((name.to_owned(), value.to_owned())),
                None => words.patterns.push(word.clone()),
            }
        }
        if words.patterns.is_empty() {
            words.patterns.push("./...".to_owned());
        }
        words
    }

    fn is_pattern(word: &str) -> bool {
        !word.starts_with('-') && !word.contains('=')
    }

    /// Where the test programs are kept: those of a part of the packages beside those of all.
    fn slot(&self) -> String {
        let open = self.patterns.iter().any(|pattern| pattern.contains("..."));
        if open { "all".to_owned() } else { self.patterns.len().to_string() }
    }
}

/// True for flags that say which files belong to a package, which `go list` must know too.
fn chooses_files(flag: &str) -> bool {
    ["-tags=", "-mod=", "-modfile=", "-race", "-msan", "-asan"].iter().any(|known| flag.starts_with(known))
}

/// Reads what a build said.
fn said(project: &Project, root: &Path, ran: &Ran) -> Said {
    let place = match project.root.as_str() {
        "" => PROJECT.to_owned(),
        root => format!("{PROJECT}/{root}"),
    };
    let mut text = String::from_utf8_lossy(&ran.stderr).into_owned();
    let mut units = Vec::new();
    for line in String::from_utf8_lossy(&ran.stdout).lines() {
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        match event.action.as_str() {
            "build-output" => text.push_str(&event.output),
            "output" => {
                units.extend(event.output.strip_prefix(KEPT).and_then(|kept| unit(&place, root, kept)))
            }
            _ => {}
        }
    }
    units.sort_by(|a, b| a.name.cmp(&b.name));
    let complaints = complaints::read(&text, MESSAGE_BYTES, &|path| below(&place, path));
    Said { units, complaints }
}

/// A test program: the directory of its package, where it is, and its arguments.
fn unit(place: &str, root: &Path, kept: &str) -> Option<Unit> {
    let mut words = kept.trim_end_matches('\n').split('\t');
    let (directory, built_in, program) = (below(place, words.next()?)?, words.next()?, words.next()?);
    let mut argv = vec![program.to_owned()];
    // One test at a time. How long it may take is watched from outside.
    let ours = ["-test.timeout", "-test.testlogfile", "-test.count", "-test.parallel"];
    argv.extend(words.filter(|word| !ours.iter().any(|flag| word.starts_with(flag))).map(str::to_owned));
    argv.extend(["-test.parallel=1".to_owned(), "-test.timeout=0".to_owned()]);
    let names = files::tests_in(&root.join(&directory), &directory);
    Some(Unit {
        name: if directory.is_empty() { TOP.to_owned() } else { directory.clone() },
        names: Some(names),
        nests: true,
        // Its tests have no names as long as the program cannot even list them.
        whole: Some(format!("{}{IMPORT}", if directory.is_empty() { TOP } else { &directory })),
        root: built_in.strip_suffix(&directory).unwrap_or(built_in).trim_end_matches('/').to_owned(),
        step: Step { argv, directory, ..Step::default() },
        ..Unit::default()
    })
}

/// A path of the build, seen from the project's root, which the sandbox has in `place`.
fn below(place: &str, path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some(path.strip_prefix("./").unwrap_or(path).to_owned())
            .filter(|path| !path.starts_with("../"));
    }
    if let Some(rest) = path.strip_prefix(place) {
        return (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned());
    }
    None
}

/// A place in a message or a trace.
fn frame(file: String, line: u32, function: &str) -> Frame {
    Frame { file, line, function: function.to_owned() }
}

#[cfg(test)]
mod tests;
