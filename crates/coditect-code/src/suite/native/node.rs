//! Node: its own runner, Jest, Vitest and Mocha.
//!
//! Each runner is the project's own, from its `node_modules`, with a part of ours that tells how tests go: a reporter, a
//! test runner, a file that is loaded first (see the scripts beside this file). They report over a channel that tests do
//! not print to, choose tests by their whole ids, and never write snapshots. Node's runner starts a process for each
//! file, as it does by itself; the others run all files in one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coditect_ports::sandbox::{Reports, TOOL_CACHE, TOOL_FILES};
use coditect_ports::{Exit, Ran};
use coditect_types::Project;
use coditect_types::project::Framework;
use coditect_types::testing::Frame;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::many::Order;
use super::{Broken, Driver, Step, Unit};
use crate::python::Listing;
use crate::suite::protocol::Line;

mod files;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use told::Told;

/// Where the sandbox shows the project.
const PROJECT: &str = "/project";
/// Where our scripts are, below [`TOOL_FILES`]. What is in `node_modules` is nothing that a runner would compile.
const FOLDER: &str = "node_modules/coditect";
const REQUEST: &str = "node_modules/coditect/request.json";
const SCRIPTS: &[(&str, &str)] = &[
    ("report.cjs", include_str!("node/report.cjs")),
    ("launch.cjs", include_str!("node/launch.cjs")),
    ("mocha.cjs", include_str!("node/mocha.cjs")),
    ("jest.cjs", include_str!("node/jest.cjs")),
    ("jest-reporter.cjs", include_str!("node/jest-reporter.cjs")),
    ("vitest.mjs", include_str!("node/vitest.mjs")),
    ("vitest-runner.mjs", include_str!("node/vitest-runner.mjs")),
    ("node-test.cjs", include_str!("node/node-test.cjs")),
    ("node-test.mjs", include_str!("node/node-test.mjs")),
    ("many.cjs", include_str!("node/many.cjs")),
    ("many-hooks.mjs", include_str!("node/many-hooks.mjs")),
    ("many-node.mjs", include_str!("node/many-node.mjs")),
];
/// Flags of Jest that take a value, beside those of [`crate::survey`] that are not passed on.
const JEST_VALUES: &[&str] = &[
    "-c",
    "--config",
    "--env",
    "--testEnvironment",
    "--rootDir",
    "--roots",
    "--selectProjects",
    "--testTimeout",
    "--setupFilesAfterEnv",
    "--setupFiles",
];
/// Options of Vitest that take a value and are passed on.
const VITEST_VALUES: &[&str] = &["config", "root", "dir", "environment", "project", "testTimeout", "mode"];
/// Loaders by which Node runs TypeScript.
const TYPED: &[&str] =
    &["tsx", "ts-node", "swc", "strip-types", "transform-types", "esbuild", "sucrase", "jiti"];

/// See the module.
pub(super) struct Node(pub(super) Framework);

/// What our scripts are asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Request {
    /// The project's root, as it is inside.
    root: String,
    /// Ids of the tests that are to be run; none: all.
    select: Option<Vec<String>>,
    /// Ids of tests that are not.
    skip: Vec<String>,
    /// The file, for Node's own runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Candidates that are tried one after the other, see [`super::many`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    many: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vitest: Option<Vitest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Vitest {
    options: Map<String, Value>,
    filters: Vec<String>,
}

impl Driver for Node {
    fn builds(&self, project: &Project) -> Vec<Step> {
        let told = Told::of(project);
        told.builds.iter().map(|command| shell(&told, command)).collect()
    }

    fn built(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken> {
        if let Some(ran) = ran.filter(|ran| ran.exit != Exit::Code(0)) {
            let message = super::said(ran);
            let frames = places(&message);
            return Err(Broken { message, frames, lacks: false });
        }
        let told = Told::of(project);
        if let Some(command) = &told.opaque {
            let step = shell(&told, command);
            return Ok(vec![Unit { name: command.clone(), step, opaque: true, ..Unit::default() }]);
        }
        if self.0 != Framework::NodeTest {
            return Ok(vec![self.whole(project, &told)]);
        }
        let package = root.join(&told.package);
        let files = Listing::load(&package).map_err(|error| Broken {
            message: format!("list the files of `{}`: {error}", package.display()),
            frames: Vec::new(),
            lacks: false,
        })?;
        let (flags, arguments) = flags_and_files(&told.words);
        let typed = flags.iter().any(|flag| TYPED.iter().any(|loader| flag.contains(loader)));
        let found = files::of(&files, &arguments, typed);
        Ok(found.iter().map(|file| one_file(project, &told, &flags, file)).collect())
    }

    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step {
        let mut step = asked(unit, |request| request.select = select.map(<[String]>::to_vec));
        if let (Framework::Jest, Some(ids)) = (self.0, select.filter(|_| !unit.opaque)) {
            by_path(unit, &mut step, ids);
        }
        step
    }

    /// Jest since 29.5; those before it refuse, which shows nothing.
    fn order(&self, _unit: &Unit, step: &mut Step, seed: u64) {
        if self.0 == Framework::Jest {
            // Among the flags: files may follow.
            let at = step.argv.iter().position(|word| word == "--ci").unwrap_or(step.argv.len());
            step.argv.splice(at..at, ["--randomize".to_owned(), format!("--seed={seed}")]);
        } else if self.0 == Framework::Vitest {
            ask(step, |request| {
                if let Some(vitest) = &mut request.vitest {
                    let sequence = serde_json::json!({"shuffle": true, "seed": seed});
                    vitest.options.insert("sequence".to_owned(), sequence);
                }
            });
        }
    }

    fn resume(&self, unit: &Unit, ended: &[String]) -> Option<Step> {
        Some(asked(unit, |request| request.skip = ended.to_vec()))
    }

    fn many(&self, unit: &Unit, select: &[String], order: &Order<'_>) -> Option<Step> {
        if unit.opaque {
            return None;
        }
        let told = serde_json::to_value(order).ok()?;
        let mut step = asked(unit, |request| {
            request.select = Some(select.to_vec());
            request.many = Some(told);
        });
        // What is broken off leaves Node's books on who called whom unfinished, which is no harm but to its own checks.
        add_option(&mut step.env, "--no-force-async-hooks-checks");
        if self.0 == Framework::Jest {
            by_path(unit, &mut step, select);
        }
        if self.0 == Framework::NodeTest
            && let Some(file) = step.argv.last_mut()
        {
            *file = format!("{TOOL_FILES}/{FOLDER}/many-node.mjs");
        }
        Some(step)
    }

    fn portions(&self, select: Vec<String>) -> Vec<Vec<String>> {
        if self.0 != Framework::Jest {
            return vec![select];
        }
        // It tries all candidates with one file before it looks at the next.
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for id in select {
            files.entry(id.split("::").next().unwrap_or(&id).to_owned()).or_default().push(id);
        }
        files.into_values().collect()
    }

    fn reports(&self) -> Reports {
        Reports::Channel
    }

    fn tells_lines(&self) -> bool {
        self.0 != Framework::NodeTest
    }

    fn hear(&self, _unit: &Unit, line: &str, take: &mut dyn FnMut(Line)) {
        if let Ok(line) = serde_json::from_str::<Line>(line) {
            take(line);
        }
    }
}

impl Node {
    /// The unit of all tests, for runners that run every file in one process.
    fn whole(&self, project: &Project, told: &Told) -> Unit {
        let mut request = Request { root: inside(&project.root), ..Request::default() };
        let script = |name: &str| format!("{TOOL_FILES}/{FOLDER}/{name}");
        let mut argv = vec!["node".to_owned()];
        match self.0 {
            Framework::Jest => {
                argv.extend([script("launch.cjs"), "jest".to_owned()]);
                argv.extend(told.words.iter().cloned());
                argv.extend(
                    ["--ci", "--runInBand", "--passWithNoTests", "--coverage=false"].map(str::to_owned),
                );
                argv.push(format!("--testRunner={}", script("jest.cjs")));
                argv.push(format!("--reporters={}", script("jest-reporter.cjs")));
                argv.push(format!("--cacheDirectory={TOOL_CACHE}/jest"));
            }
            Framework::Mocha => {
                argv.extend([script("launch.cjs"), "mocha".to_owned()]);
                argv.extend(told.words.iter().cloned());
                argv.extend(["--no-parallel", "--exit", "--no-bail", "--require"].map(str::to_owned));
                argv.extend([script("mocha.cjs"), "--reporter".to_owned(), script("mocha.cjs")]);
            }
            Framework::CargoTest
            | Framework::Unittest
            | Framework::Pytest
            | Framework::Doctest
            | Framework::NodeTest
            | Framework::Vitest
            | Framework::GoTest
            | Framework::Junit
            | Framework::Command => {
                argv.push(script("vitest.mjs"));
                request.vitest = Some(vitest(&told.words));
            }
        }
        // What was compiled is kept under its content's hash.
        Unit { builds: self.0 != Framework::Mocha, ..unit(String::new(), told, argv, &request) }
    }
}

/// The unit of one file, for Node's own runner.
fn one_file(project: &Project, told: &Told, flags: &[&str], file: &str) -> Unit {
    let name = if told.package.is_empty() { file.to_owned() } else { format!("{}/{file}", told.package) };
    let path = format!("{}/{name}", inside(&project.root));
    let script = |name: &str| format!("{TOOL_FILES}/{FOLDER}/{name}");
    let mut argv = vec!["node".to_owned()];
    argv.extend(flags.iter().map(|flag| (*flag).to_owned()));
    argv.extend(["--require".to_owned(), script("node-test.cjs")]);
    argv.extend(["--test-reporter".to_owned(), script("node-test.mjs")]);
    argv.extend(["--test-reporter-destination", "stdout"].map(str::to_owned));
    argv.push(path.clone());
    let request = Request { root: inside(&project.root), file: Some(path), ..Request::default() };
    unit(name, told, argv, &request)
}

fn unit(name: String, told: &Told, argv: Vec<String>, request: &Request) -> Unit {
    let mut files: Vec<(String, String)> =
        SCRIPTS.iter().map(|(name, text)| (format!("{FOLDER}/{name}"), (*text).to_owned())).collect();
    files.push((REQUEST.to_owned(), serde_json::to_string(request).unwrap_or_default()));
    // Directories that are lent are shown below the place where a run starts, which is the root.
    let argv = if told.package.is_empty() {
        argv
    } else {
        let enter = ["sh", "-c", "cd \"$0\" && exec \"$@\"", &told.package].map(str::to_owned);
        enter.into_iter().chain(argv).collect()
    };
    let mut env = told.env.clone();
    env.push(("TSX_DISABLE_CACHE".to_owned(), "1".to_owned()));
    env.push(("BABEL_DISABLE_CACHE".to_owned(), "1".to_owned()));
    let step = Step { argv, env, directory: String::new(), files };
    Unit { name, step, ..Unit::default() }
}

/// A command of a shell in the package, with its packages' programs on the path.
fn shell(told: &Told, command: &str) -> Step {
    let package = if told.package.is_empty() { "." } else { &told.package };
    let script =
        "top=$PWD; cd \"$0\"; PATH=\"$PWD/node_modules/.bin:$top/node_modules/.bin:$PATH\" exec sh -c \"$1\"";
    let argv = ["sh", "-c", script, package, command].map(str::to_owned).to_vec();
    Step { argv, env: told.env.clone(), ..Step::default() }
}

/// Adds an option of Node to those that the project gives.
fn add_option(env: &mut Vec<(String, String)>, option: &str) {
    match env.iter_mut().rev().find(|(name, _)| name == "NODE_OPTIONS") {
        Some((_, options)) => *options = format!("{options} {option}"),
        None => env.push(("NODE_OPTIONS".to_owned(), option.to_owned())),
    }
}

/// The step of a unit, asked for something else.
fn asked(unit: &Unit, change: impl FnOnce(&mut Request)) -> Step {
    let mut step = unit.step.clone();
    ask(&mut step, change);
    step
}

/// Asks a step of a unit for something else.
fn ask(step: &mut Step, change: impl FnOnce(&mut Request)) {
    if let Some((_, text)) = step.files.iter_mut().find(|(name, _)| name == REQUEST)
        && let Ok(mut request) = serde_json::from_str::<Request>(text)
    {
        change(&mut request);
        *text = serde_json::to_string(&request).unwrap_or_default();
    }
}

fn root_of(unit: &Unit) -> Option<String> {
    let (_, text) = unit.step.files.iter().find(|(name, _)| name == REQUEST)?;
    serde_json::from_str::<Request>(text).ok().map(|request| request.root)
}

/// A project's root as it is inside.
fn inside(root: &str) -> String {
    if root.is_empty() { PROJECT.to_owned() } else { format!("{PROJECT}/{root}") }
}

/// Has Jest look only at the files of these tests.
fn by_path(unit: &Unit, step: &mut Step, ids: &[String]) {
    if ids.iter().any(|id| id == super::BUILD) {
        return;
    }
    let of = |id: &String| Some(format!("{}/{}", root_of(unit)?, id.split("::").next()?));
    let files: BTreeSet<String> = ids.iter().filter_map(of).collect();
    without_patterns(&mut step.argv);
    step.argv.push("--runTestsByPath".to_owned());
    step.argv.extend(files);
}

/// Takes the words that are no flags, nor the values of flags, from Jest's arguments: they choose files.
fn without_patterns(argv: &mut Vec<String>) {
    let Some(start) = argv.iter().position(|word| word == "jest") else { return };
    let mut of_flag = false;
    let mut at = 0;
    argv.retain(|word| {
        at += 1;
        let keep = at <= start + 1 || word.starts_with('-') || of_flag;
        of_flag = JEST_VALUES.contains(&word.as_str());
        keep
    });
}

/// Words of `node --test`: what is for Node, and what names files.
fn flags_and_files(words: &[String]) -> (Vec<&str>, Vec<&str>) {
    const WITH_VALUE: &[&str] = &[
        "--import",
        "--require",
        "-r",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
        "--env-file",
    ];
    let (mut flags, mut files) = (Vec::new(), Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            flags.push(word);
            flags.extend(words.next());
        } else if word.starts_with('-') {
            flags.push(word);
        } else {
            files.push(word);
        }
    }
    (flags, files)
}

/// Words of `vitest` as its interface takes them.
fn vitest(words: &[String]) -> Vitest {
    let mut options = Map::new();
    let mut filters = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            filters.push(word.clone());
            continue;
        };
        let (name, value) =
            flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
        let name = match name {
            "c" => "config",
            "r" => "root",
            name => name,
        };
        let value = match value {
            None if VITEST_VALUES.contains(&name) => words.next().cloned(),
            value => value,
        };
        match (name, value) {
            ("project", Some(value)) => {
                options.insert("project".to_owned(), Value::from(vec![value]));
            }
            ("testTimeout", Some(value)) => {
                options.insert("testTimeout".to_owned(), value.parse::<u64>().unwrap_or(5_000).into());
            }
            (name, Some(value)) => {
                options.insert(name.to_owned(), value.into());
            }
            ("globals" | "dom", None) => {
                options.insert(name.to_owned(), true.into());
            }
            _ => {}
        }
    }
    Vitest { options, filters }
}

/// The places that a compiler names: `src/a.ts(12,3): error` or `src/a.ts:12:3 - error`.
fn places(message: &str) -> Vec<Frame> {
    let place = |line: &str| {
        let (file, rest) = line.split_once(['(', ':'])?;
        let line: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let known = crate::languages::Language::of_path(file).is_some();
        Some(Frame { file: file.to_owned(), line: line.parse().ok()?, function: String::new() })
            .filter(|_| known)
    };
    message.lines().filter_map(|line| place(line.trim_start())).take(50).collect()
}
