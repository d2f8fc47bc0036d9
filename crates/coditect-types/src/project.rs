//! What the analyzer found out about a directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::Tier;

/// How the tests of a project are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framework {
    /// `python -m unittest`
    Unittest,
    /// `python -m pytest`
    Pytest,
    /// `python -m doctest`
    Doctest,
    /// `cargo test`
    CargoTest,
    /// `node --test`
    NodeTest,
    /// Jest
    Jest,
    /// Vitest
    Vitest,
    /// Mocha
    Mocha,
    /// `go test`
    GoTest,
    /// JUnit 4 or 5
    Junit,
    /// A command of the person's own: its exit code is known, and its tests where it leaves a report.
    Command,
}

impl Project {
    /// True where results come test by test, and not as one exit code.
    #[must_use]
    pub fn is_test_by_test(&self) -> bool {
        let reports = self.report.as_ref().is_some_and(|report| report.format != ReportFormat::ExitCode);
        self.framework != Framework::Command || reports
    }
}

impl Framework {
    /// The toolchain that runs it, where that is not Python.
    #[must_use]
    pub fn toolchain(self) -> Option<Toolchain> {
        match self {
            Self::CargoTest => Some(Toolchain::Rust),
            Self::NodeTest | Self::Jest | Self::Vitest | Self::Mocha => Some(Toolchain::Node),
            Self::GoTest => Some(Toolchain::Go),
            Self::Junit => Some(Toolchain::Java),
            Self::Unittest | Self::Pytest | Self::Doctest | Self::Command => None,
        }
    }
}

/// The programs of a language, which are looked for on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Toolchain {
    /// rustc and cargo, with the packages that cargo has fetched.
    Rust,
    /// Node.js.
    Node,
    /// Go, with the modules that it has fetched.
    Go,
    /// A JDK, with the local Maven repository.
    Java,
}

/// A directory of the person's own that is not under version control and that tests need: it is shown, and never
/// written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lent {
    /// Where it is on the machine.
    pub from: String,
    /// Where the project has it, below its root, such as `node_modules`.
    pub at: String,
}

/// How a test command tells its results test by test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// JUnit's XML, in any of its dialects.
    JunitXml,
    /// The Test Anything Protocol, versions 12 to 14.
    Tap,
    /// Not at all: the exit code is one test.
    ExitCode,
}

/// Where a test command leaves its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportSource {
    /// Their format.
    pub format: ReportFormat,
    /// The files, below the project's root; `*`, `**` and `?` stand for names. None: standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A project and the way its tests are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// `python`, `rust`, `javascript`, `typescript`, `go`, `java`, `unknown`.
    pub language: String,
    /// How the tests are run.
    pub framework: Framework,
    /// The command as a person would type it in `root` (program first).
    pub command: Vec<String>,
    /// The project's root below the snapshot's top (`""` at the top).
    pub root: String,
    /// Directories below `root` that imports start from, first one first (`""` is `root`).
    pub import_paths: Vec<String>,
    /// What the framework is told to run (files, directories, modules); empty = its own discovery.
    pub targets: Vec<String>,
    /// The tier that can host it.
    pub tier: Tier,
    /// Why that tier, in a sentence.
    pub tier_reason: String,
    /// The interpreter for the OS tier: path in the project (`.venv/bin/python`) or name on `PATH`.
    pub interpreter: Option<String>,
    /// Directories that the project's tests need and that are not under version control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lent: Vec<Lent>,
    /// Where a command of the person's own leaves its results test by test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportSource>,
    /// What else was noticed, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A source file and what it needs of others, told from names alone: nothing is run for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// Path below the project's root.
    pub path: String,
    /// BLAKE3 of its text, the first 16 hexadecimal digits.
    pub hash: String,
    /// Functions, types and values at its top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// The files that it uses, by their place in the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<u32>,
}

impl Project {
    /// The toolchain that its tests need: that of its framework, or of the program that a command of the person's own begins
    /// with, where such programs live in a home directory.
    #[must_use]
    pub fn toolchain(&self) -> Option<Toolchain> {
        // `env A=B cargo test` begins with `cargo`.
        let is_around = |word: &&String| *word == "env" || word.contains('=');
        let first = self.command.iter().find(|word| !is_around(word));
        let first = first.filter(|_| self.framework == Framework::Command);
        self.framework.toolchain().or(match first.map(String::as_str) {
            Some("cargo") => Some(Toolchain::Rust),
            Some("go" | "gofmt") => Some(Toolchain::Go),
            Some("node" | "npm" | "npx" | "yarn" | "pnpm") => Some(Toolchain::Node),
            // Packages are lent to nothing but programs of Node.
            _ if !self.lent.is_empty() => Some(Toolchain::Node),
            _ => None,
        })
    }
}
