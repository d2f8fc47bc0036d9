//! What a command means: scripts of `package.json` are followed to the runner that they start in the end.
//!
//! A line of a shell is followed as far as it is plain: commands joined by `&&`, with variables before them. What comes
//! before the runner and is no check of style is kept as a step that makes what the tests run on.

use coditect_types::project::Framework;

use super::manifest::Manifest;
use crate::shell::{quoted, split};

/// Scripts that call one another at most.
const DEEPEST: u32 = 8;
/// Programs that look at sources and make nothing.
const CHECKS: &[&str] = &[
    "eslint",
    "prettier",
    "standard",
    "semistandard",
    "xo",
    "ts-standard",
    "tsd",
    "attw",
    "publint",
    "size-limit",
    "biome",
    "oxlint",
    "dpdm",
    "madge",
    "knip",
    "echo",
    "codecov",
    "coveralls",
    "jshint",
    "jscs",
    "tslint",
    "markdownlint",
    "commitlint",
    "cspell",
    "depcheck",
    "aegir",
    "npmPkgJsonLint",
    "dtslint",
    "standardx",
    "ls-lint",
    "remark",
    "true",
    "sleep",
    "exit",
    "skott",
    "sherif",
    "expect-type",
    "vue-tsc",
    "dprint",
    "remark-cli",
    "check-dts",
    "sort-package-json",
];
/// Programs that run another and measure it.
const AROUND: &[&str] =
    &["nyc", "c8", "cross-env", "cross-env-shell", "env", "dotenv", "npx", "bunx", "istanbul"];

/// Options of a runner that are not passed on, and those that make it another run than that of all tests.
struct Options {
    framework: Framework,
    /// Without a value, or with one after `=`.
    dropped: &'static [&'static str],
    /// The same with a value as the next word.
    dropped_with: &'static [&'static str],
    /// It chooses tests by name, which is not understood.
    choosing: &'static [&'static str],
}

const OPTIONS: &[Options] = &[
    Options {
        framework: Framework::Jest,
        dropped: &[
            "--coverage",
            "--collectCoverage",
            "--watch",
            "--watchAll",
            "--verbose",
            "--ci",
            "--no-ci",
            "--silent",
            "-i",
            "--runInBand",
            "--bail",
            "-b",
            "--passWithNoTests",
            "-u",
            "--updateSnapshot",
            "--color",
            "--colors",
            "--no-color",
            "--no-cache",
            "--coverageReporters",
            "--coverageDirectory",
            "--reporters",
            "--maxWorkers",
            "--notify",
            "--json",
            "--outputFile",
            "--collectCoverageFrom",
            "--workerThreads",
            "--no-coverage",
            "--logHeapUsage",
            "--no-watchman",
            "--watchman",
            "--cacheDirectory",
            "--testRunner",
        ],
        dropped_with: &[
            "-w",
            "--maxWorkers",
            "--reporters",
            "--coverageReporters",
            "--coverageDirectory",
            "--collectCoverageFrom",
            "--outputFile",
            "--cacheDirectory",
            "--testRunner",
        ],
        choosing: &[
            "-t",
            "--testNamePattern",
            "--shard",
            "-o",
            "--onlyChanged",
            "--onlyFailures",
            "-f",
            "--changedSince",
        ],
    },
    Options {
        framework: Framework::Mocha,
        dropped: &[
            "--reporter",
            "-R",
            "--watch",
            "-w",
            "--parallel",
            "-p",
            "--bail",
            "-b",
            "--exit",
            "--jobs",
            "-j",
            "--colors",
            "--color",
            "-c",
            "--no-colors",
            "--no-color",
            "--reporter-options",
            "--reporter-option",
            "-O",
            "--check-leaks",
            "--full-trace",
            "--diff",
            "--no-diff",
            "--inline-diffs",
        ],
        dropped_with: &["--reporter", "-R", "--jobs", "-j", "--reporter-options", "--reporter-option", "-O"],
        choosing: &["-g", "--grep", "-f", "--fgrep", "-i", "--invert", "--dry-run"],
    },
    Options {
        framework: Framework::Vitest,
        dropped: &[
            "run",
            "--run",
            "--coverage",
            "--no-coverage",
            "--watch",
            "-w",
            "--ui",
            "--silent",
            "-u",
            "--update",
            "--reporter",
            "--reporters",
            "--no-threads",
            "--threads",
            "--single-thread",
            "--passWithNoTests",
            "--no-watch",
            "--no-color",
            "--bail",
            "--typecheck",
            "--maxWorkers",
            "--minWorkers",
            "--no-file-parallelism",
            "--hideSkippedTests",
            "--logHeapUsage",
            "--outputFile",
            "--open",
            "--no-open",
            "--allowOnly",
            "--expandSnapshotDiff",
        ],
        dropped_with: &[
            "--reporter",
            "--reporters",
            "--bail",
            "--maxWorkers",
            "--minWorkers",
            "--outputFile",
            "--retry",
        ],
        choosing: &[
            "-t",
            "--testNamePattern",
            "--shard",
            "bench",
            "related",
            "--changed",
            "list",
            "--browser",
        ],
    },
    Options {
        framework: Framework::NodeTest,
        dropped: &[
            "--test",
            "--watch",
            "--test-reporter",
            "--test-reporter-destination",
            "--test-concurrency",
            "--test-timeout",
            "--experimental-test-coverage",
            "--test-coverage-include",
            "--test-coverage-exclude",
            "--test-coverage-lines",
            "--test-coverage-branches",
            "--test-coverage-functions",
            "--test-isolation",
            "--experimental-test-isolation",
            "--test-force-exit",
            "--no-test-coverage",
            "--test-update-snapshots",
            "--trace-warnings",
        ],
        dropped_with: &[
            "--test-reporter",
            "--test-reporter-destination",
            "--test-concurrency",
            "--test-timeout",
            "--test-coverage-include",
            "--test-coverage-exclude",
        ],
        choosing: &[
            "--test-name-pattern",
            "--test-skip-pattern",
            "--test-shard",
            "-e",
            "-p",
            "--eval",
            "--print",
            "--check",
        ],
    },
];

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) framework: Framework,
    pub(super) env: Vec<(String, String)>,
    pub(super) builds: Vec<String>,
    /// Arguments of the runner.
    pub(super) words: Vec<String>,
    pub(super) found: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            framework: Framework::Command,
            env: Vec::new(),
            builds: Vec::new(),
            words: Vec::new(),
            found: false,
        }
    }
}

impl Reading {
    /// Follows a command. None: it leads to no runner that is known.
    pub(super) fn of(manifest: &Manifest, given: &[String]) -> Option<Self> {
        let mut reading = Self::default();
        reading.command(manifest, given, 0)?;
        reading.found.then_some(reading)
    }

    /// A line of a shell.
    fn line(&mut self, manifest: &Manifest, line: &str, more: &[String], depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let Some(mut commands) = split(line) else {
            // What is too much for us is left to a shell, as long as it is not the tests themselves.
            let tests = ["mocha", "jest", "vitest", "--test"].iter().any(|runner| line.contains(runner));
            if tests || self.found {
                return None;
            }
            self.builds.push(line.to_owned());
            return Some(());
        };
        if let Some(last) = commands.last_mut() {
            last.extend(more.iter().cloned());
        }
        for command in &commands {
            self.command(manifest, command, depth)?;
        }
        Some(())
    }

    fn script(&mut self, manifest: &Manifest, name: &str, more: &[String], depth: u32) -> Option<()> {
        if let Some(before) = manifest.script(&format!("pre{name}")) {
            self.line(manifest, before, &[], depth + 1)?;
        }
        match manifest.script(name) {
            Some(line) => self.line(manifest, line, more, depth + 1),
            None if name.starts_with("lint") => Some(()),
            None => None,
        }
    }

    fn command(&mut self, manifest: &Manifest, words: &[String], depth: u32) -> Option<()> {
        if self.found || words.is_empty() {
            // What comes after the tests is no part of them.
            return Some(());
        }
        let first = words[0].as_str();
        if let Some((name, value)) = variable(first) {
            self.env.push((name.to_owned(), value.to_owned()));
            return self.command(manifest, &words[1..], depth);
        }
        let program = first.rsplit('/').next().unwrap_or(first);
        let program = program.strip_suffix(".js").or_else(|| program.strip_suffix(".mjs")).unwrap_or(program);
        match program {
            "npm" | "pnpm" | "yarn" | "bun" => self.manager(manifest, program, &words[1..], depth),
            "run-s" | "npm-run-all" | "run-p" | "npm-run-all2" => {
                let names = words[1..].iter().filter(|word| !word.starts_with('-'));
                names
                    .cloned()
                    .collect::<Vec<_>>()
                    .iter()
                    .try_for_each(|name| self.script(manifest, name, &[], depth))
            }
            _ if AROUND.contains(&program) => {
                let rest = words[1..].iter().position(|word| is_program(word) || variable(word).is_some());
                self.command(manifest, &words[1 + rest?..], depth)
            }
            "jest" => self.runner(Framework::Jest, &words[1..]),
            "vitest" => self.runner(Framework::Vitest, &words[1..]),
            "mocha" | "_mocha" => self.runner(Framework::Mocha, &words[1..]),
            "ts-mocha" => {
                self.runner(Framework::Mocha, &words[1..])?;
                self.words.splice(0..0, ["--require".to_owned(), "ts-node/register".to_owned()]);
                Some(())
            }
            "tsx" if words.iter().any(|word| word == "--test") => {
                self.runner(Framework::NodeTest, &words[1..])?;
                self.words.splice(0..0, ["--import".to_owned(), "tsx".to_owned()]);
                Some(())
            }
            "node" => self.node(manifest, &words[1..], depth),
            _ if CHECKS.contains(&program) => Some(()),
            "tsc" if words.iter().any(|word| word == "--noEmit") => Some(()),
            _ => {
                self.builds.push(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
                Some(())
            }
        }
    }

    /// `npm test`, `yarn run x`, `pnpm exec mocha`.
    fn manager(&mut self, manifest: &Manifest, manager: &str, words: &[String], depth: u32) -> Option<()> {
        let mut words: Vec<String> = words
            .iter()
            .filter(|word| !matches!(word.as_str(), "-s" | "--silent" | "-q" | "--quiet"))
            .cloned()
            .collect();
        if words
            .iter()
            .any(|word| matches!(word.as_str(), "-r" | "--recursive" | "-ws" | "--workspaces" | "workspaces"))
        {
            return None;
        }
        let mut name = if words.is_empty() { return Some(()) } else { words.remove(0) };
        if matches!(name.as_str(), "run" | "run-script" | "exec" | "x" | "dlx") && !words.is_empty() {
            let exec = name.starts_with('e') || name == "x" || name == "dlx";
            words.retain(|word| word != "--" || !exec);
            if exec {
                return self.command(manifest, &words, depth);
            }
            name = words.remove(0);
        } else if matches!(name.as_str(), "t" | "tst") {
            "test".clone_into(&mut name);
        } else if matches!(name.as_str(), "install" | "ci" | "i" | "audit" | "ls" | "pack" | "version") {
            return Some(());
        }
        if manager == "npm" {
            // What npm takes for itself comes before the dashes.
            let at = words.iter().position(|word| word == "--");
            words = at.map_or_else(Vec::new, |at| words.split_off(at + 1));
        } else if words.first().is_some_and(|word| word == "--") {
            words.remove(0);
        }
        if manifest.script(&name).is_none() && manager != "npm" {
            let command: Vec<String> = std::iter::once(name).chain(words).collect();
            return self.command(manifest, &command, depth);
        }
        self.script(manifest, &name, &words, depth)
    }

    /// `node --test`, or a runner's own file, or one that is a test.
    fn node(&mut self, manifest: &Manifest, words: &[String], depth: u32) -> Option<()> {
        let takes = |word: &str| {
            matches!(word, "-r" | "--require" | "--import" | "--loader" | "--experimental-loader" | "-C")
        };
        let mut at = 0;
        while at < words.len() && words[at].starts_with('-') {
            at += if takes(&words[at]) { 2 } else { 1 };
        }
        let runs_tests = words.iter().any(|word| word == "--test");
        let file = words.get(at).map_or("", String::as_str);
        let named = file.rsplit('/').next().unwrap_or(file);
        let runner = ["mocha", "_mocha", "jest", "vitest"].into_iter().find(|runner| {
            named == *runner || ["js", "mjs", "cjs"].iter().any(|end| named == format!("{runner}.{end}"))
        });
        if let Some(runner) = runner.filter(|_| !runs_tests) {
            if at > 0 {
                self.env.push(("NODE_OPTIONS".to_owned(), words[..at].join(" ")));
            }
            let command: Vec<String> =
                std::iter::once(runner.to_owned()).chain(words[at + 1..].iter().cloned()).collect();
            return self.command(manifest, &command, depth);
        }
        let is_test = file.split(['/', '.', '-', '_']).any(|part| part.starts_with("test") || part == "spec");
        if runs_tests || is_test {
            return self.runner(Framework::NodeTest, words);
        }
        // A script of the project's own that makes something.
        self.builds.push(
            std::iter::once("node").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join(" "),
        );
        Some(())
    }

    fn runner(&mut self, framework: Framework, words: &[String]) -> Option<()> {
        let options = OPTIONS.iter().find(|options| options.framework == framework)?;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.split('=').next().unwrap_or(word);
            if options.choosing.contains(&name) {
                return None;
            }
            if options.dropped_with.contains(&word.as_str()) {
                words.next();
            } else if !options.dropped.contains(&name) && !name.starts_with("--coverage.") {
                self.words.push(word.clone());
            }
        }
        self.framework = framework;
        self.found = true;
        Some(())
    }
}

/// The package that a command names (`npm test -w packages/a`), and the command without that.
pub(super) fn workspace_of(given: &[String]) -> (Option<String>, Vec<String>) {
    let mut rest = Vec::new();
    let mut named = None;
    let manager = given.first().is_some_and(|word| matches!(word.as_str(), "npm" | "pnpm" | "yarn"));
    let mut words = given.iter();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some(("--workspace" | "--filter", name)) if manager => named = Some(name.to_owned()),
            None if manager && matches!(word.as_str(), "-w" | "--workspace" | "--filter" | "-F") => {
                named = words.next().cloned();
            }
            None if manager && word == "workspace" && rest.len() == 1 => named = words.next().cloned(),
            _ => rest.push(word.clone()),
        }
    }
    (named.map(|name| name.trim_start_matches("./").trim_end_matches('/').to_owned()), rest)
}

fn is_program(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    AROUND.contains(&name)
        || matches!(
            name,
            "mocha"
                | "_mocha"
                | "jest"
                | "vitest"
                | "node"
                | "npm"
                | "yarn"
                | "pnpm"
                | "tsx"
                | "ts-mocha"
                | "tsc"
        )
}

fn variable(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(letters) && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then_some((name, value))
}
