//! What a driver of one framework knows: which commands build the tests, which programs there are then, and what their
//! report lines mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use coditect_ports::sandbox::Reports;
use coditect_ports::{Exit, PortError, Ran};
use coditect_types::project::{Framework, Toolchain};
use coditect_types::testing::Frame;
use coditect_types::{Limits, Project};

use super::{MOST_NAMED, is_of};
use crate::suite::protocol::Line;

/// A command, as a driver wants it run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::suite) struct Step {
    /// Program first.
    pub(in crate::suite) argv: Vec<String>,
    pub(in crate::suite) env: Vec<(String, String)>,
    /// Below the project's root.
    pub(in crate::suite) directory: String,
    /// Read-only files for it, see [`Tool::files`].
    pub(in crate::suite) files: Vec<(String, String)>,
}

/// Tests that one process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::suite) struct Unit {
    /// What their ids begin with, without the `::`: a file, as far as there is one. Empty: they are of any file.
    pub(in crate::suite) name: String,
    /// What starts it.
    pub(in crate::suite) step: Step,
    /// It knows no single tests: its exit code is all that it says.
    pub(in crate::suite) opaque: bool,
    /// It builds while it runs, so that it must write to the cache.
    pub(in crate::suite) builds: bool,
    /// What each of its tests may take to be compiled, which it does as it goes. Zero: they are compiled before.
    pub(in crate::suite) compiling: Duration,
    /// Its tests, where they are known before it runs: their ids, by what the framework calls them.
    pub(in crate::suite) names: Option<BTreeMap<String, String>>,
    /// A test may hold others: their names and ids are its own, a `/`, and more.
    pub(in crate::suite) nests: bool,
    /// The id that stands for all of its tests where it cannot even list them. None: its name.
    pub(in crate::suite) whole: Option<String>,
    /// What its program calls the project's root.
    pub(in crate::suite) root: String,
    /// The files that its tests are in, where they are known and the tests are not; ids begin with these.
    pub(in crate::suite) files: BTreeSet<String>,
    /// What is to be known of it, such as tests that were left out.
    pub(in crate::suite) notes: Vec<String>,
}

impl Unit {
    /// The id of a test that the framework calls by `name`.
    pub(in crate::suite) fn id(&self, name: &str) -> String {
        let (known, rest) = self.split(name);
        let known = self.names.as_ref().and_then(|names| names.get(known));
        known.map_or_else(|| format!("{}::{name}", self.name), |id| format!("{id}{rest}"))
    }

    /// A name at the top, and what follows it.
    pub(super) fn split<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        name.find('/').filter(|_| self.nests).map_or((name, ""), |at| name.split_at(at))
    }

    /// What the framework calls the tests with these ids.
    pub(in crate::suite) fn named<'a>(&'a self, ids: &'a [String]) -> Vec<&'a str> {
        if self.nests {
            let own = ids.iter().filter(|id| is_of(self, id));
            return own.filter_map(|id| Some(id.rsplit_once("::")?.1)).collect();
        }
        match &self.names {
            Some(names) => {
                let asked = |(_, id): &(&String, &String)| ids.contains(id);
                names.iter().filter(asked).map(|(name, _)| name.as_str()).collect()
            }
            None => ids.iter().filter_map(|id| id.strip_prefix(&self.name)?.strip_prefix("::")).collect(),
        }
    }

    pub(super) fn tests(&self) -> Option<Vec<String>> {
        self.names.as_ref().map(|names| names.values().cloned().collect())
    }
}

/// A copy of a function that was woven into a file, for a candidate of that number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The candidate.
    pub number: u32,
    /// The file, below the project's root.
    pub path: String,
    /// Its lines, from 1; whole ones.
    pub lines: std::ops::Range<u32>,
}

/// Other texts of files, by their paths below the project's root, under a number.
pub type Variant<'a> = (u32, &'a BTreeMap<String, String>);

/// Why a project cannot be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::suite) struct Broken {
    /// What the compiler says.
    pub(in crate::suite) message: String,
    /// Where, innermost last.
    pub(in crate::suite) frames: Vec<Frame>,
    /// It lacks what is not its own, see [`LACKS`].
    pub(in crate::suite) lacks: bool,
}

/// A built suite: its units can be run any number of times, as long as its cache is left alone.
#[derive(Clone, Debug, Default)]
pub struct Built {
    pub(in crate::suite) units: Vec<Unit>,
    pub(in crate::suite) broken: Option<Broken>,
    /// What the build itself printed, for the hash of the evidence.
    pub(super) said: Vec<u8>,
    pub(super) notes: Vec<String>,
    /// Processes that it took.
    pub(in crate::suite) runs: u32,
    /// How the last one ended, where it was not by itself.
    pub(super) exit: Option<Exit>,
    pub(super) enforced: coditect_types::Enforced,
}

impl Built {
    /// What the compiler said, where the project cannot be built: the text, and the places that it names.
    #[must_use]
    pub fn broken(&self) -> Option<(&str, &[Frame])> {
        self.broken.as_ref().map(|broken| (broken.message.as_str(), broken.frames.as_slice()))
    }

    /// Without the tests that are compiled when they are run, from the files as they are then.
    #[must_use]
    pub fn of_compiled(mut self) -> Self {
        self.units.retain(|unit| unit.compiling.is_zero());
        self
    }

    pub(super) fn take(&mut self, ran: &Ran) {
        self.runs += 1;
        self.said.extend_from_slice(&ran.stdout);
        self.enforced = ran.enforced.clone();
    }
}

/// What broke a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::suite) struct Autopsy {
    pub(in crate::suite) error_type: String,
    pub(in crate::suite) message: String,
    /// Where, innermost last.
    pub(in crate::suite) frames: Vec<Frame>,
}

/// Listens to the report lines of one process, where what a line means depends on those before it.
pub(in crate::suite) trait Ear {
    /// Takes a line.
    fn hear(&mut self, line: &str, take: &mut dyn FnMut(Line));
}

/// One framework.
pub(in crate::suite) trait Driver: Sync {
    /// The commands that build the tests, in order. None where there is nothing to build.
    fn builds(&self, project: &Project) -> Vec<Step>;

    /// What the last of them left. `root` is the project's root on the disk.
    fn built(&self, project: &Project, root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken>;

    /// A command that lists the tests of a unit, where there is one.
    fn list(&self, _unit: &Unit) -> Option<Step> {
        None
    }

    /// What it listed, see [`Unit::names`]. None: the unit knows no single tests.
    fn listed(&self, _unit: &Unit, _ran: &Ran) -> Option<BTreeMap<String, String>> {
        None
    }

    /// The command that runs a unit, or of it only the tests with these ids.
    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step;

    /// Has a command that runs tests of a unit run them in another order, see [`crate::suite::can_order`].
    fn order(&self, _unit: &Unit, _step: &mut Step, _seed: u64) {}

    /// The command that runs all tests of a unit but those that have ended, where its tests are known only once they
    /// run. None: those that are known are all.
    fn resume(&self, _unit: &Unit, _ended: &[String]) -> Option<Step> {
        None
    }

    /// The command that tries candidates one after the other, and runs of a unit the tests with these ids for each. None:
    /// this framework starts anew for each.
    fn many(&self, _unit: &Unit, _select: &[String], _order: &super::many::Order<'_>) -> Option<Step> {
        None
    }

    /// Tests of a unit in portions that one process can run for a candidate.
    fn portions(&self, select: Vec<String>) -> Vec<Vec<String>> {
        vec![select]
    }

    /// The command that runs tests of an instrumented build each by itself, and reports which blocks it reached. None:
    /// the process prints that, so it is started for each test.
    fn traced(&self, _unit: &Unit, _ids: &[String]) -> Option<Step> {
        None
    }

    /// The command that builds other texts of some files, each beside what is built already.
    fn variants(&self, _project: &Project, _variants: &[Variant<'_>]) -> Option<Step> {
        None
    }

    /// The commands that build a project into which candidates are woven, with variants beside it, where the compiler's own
    /// process can take out what does not compile; [`Driver::fitting`] tells then of both. None: it is built as any other.
    fn woven(&self, _project: &Project, _arms: &[Arm], _variants: &[Variant<'_>]) -> Option<Vec<Step>> {
        None
    }

    /// Which of them can be run in place of what they change, and which do not compile. What is missing must be built by
    /// itself.
    fn fitting(&self, _ran: &Ran) -> Fitting {
        BTreeMap::new()
    }

    /// The command that tries candidates of a woven build one after the other, see [`picks`].
    fn picks(&self, _unit: &Unit, _picks: &[u32], _ids: &[String], _near: &[String]) -> Option<Step> {
        None
    }

    /// Tests that a command names one by one at most; for more, the whole unit is run.
    fn most_named(&self) -> usize {
        MOST_NAMED
    }

    /// Tells a command what it may use.
    fn fit(&self, _step: &mut Step, _limits: &Limits) {}

    /// Where report lines come from.
    fn reports(&self) -> Reports;

    /// The project with only what these tests need, where less than all of it can be built.
    fn narrowed(&self, _project: &Project, _ids: &[String]) -> Option<Project> {
        None
    }

    /// Whether each test's end says what it reached (see [`HITS`]), so that many can be traced in one process.
    fn tells_lines(&self) -> bool {
        false
    }

    /// Writes a changed file in the language's own format to standard output, and fails where it was not in that format
    /// before.
    fn format(&self, _old: &str, _new: &str) -> Option<Step> {
        None
    }

    /// What a report line means.
    fn hear(&self, unit: &Unit, line: &str, take: &mut dyn FnMut(Line));

    /// Who listens to a process in place of [`Driver::hear`].
    fn ear(&self, _unit: &Unit, _select: Option<&[String]>) -> Option<Box<dyn Ear>> {
        None
    }

    /// What broke a process, by what it left.
    fn autopsy(&self, _unit: &Unit, _ran: &Ran) -> Option<Autopsy> {
        None
    }

    /// Units that can be run although [`Driver::built`] says that something is broken.
    fn rest(&self, _project: &Project, _root: &Path, _ran: Option<&Ran>) -> Vec<Unit> {
        Vec::new()
    }

    /// Why nothing can be built, where no change of the project's sources could help.
    fn lacks(&self, _project: &Project, _root: &Path, _ran: Option<&Ran>) -> Option<PortError> {
        None
    }

    /// Remarks about the build.
    fn notes(&self, _project: &Project, _root: &Path, _ran: Option<&Ran>) -> Vec<String> {
        Vec::new()
    }
}

/// Which variants can be run in place of what they change, and why others cannot, by number.
pub type Fitting = BTreeMap<u32, Result<(), String>>;

/// The driver of a framework.
pub(in crate::suite) fn driver(framework: Framework) -> Option<(&'static dyn Driver, Toolchain)> {
    let driver: &dyn Driver = match framework {
        Framework::CargoTest => &super::cargo::Cargo,
        Framework::Unittest | Framework::Pytest | Framework::Doctest | Framework::Command => return None,
        Framework::GoTest => &super::go::Go,
        Framework::Junit => &super::java::Java,
        Framework::NodeTest => &super::node::Node(Framework::NodeTest),
        Framework::Jest => &super::node::Node(Framework::Jest),
        Framework::Vitest => &super::node::Node(Framework::Vitest),
        Framework::Mocha => &super::node::Node(Framework::Mocha),
    };
    framework.toolchain().map(|toolchain| (driver, toolchain))
}
