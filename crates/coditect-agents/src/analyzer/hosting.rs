//! Which sandbox can host a project: found out by running its tests, not by a list.
//!
//! The WASM tier comes first. A module or an ability that it lacks, as the real errors name it, moves the project
//! to the OS tier; so does a test that is red there and green here (it writes to the disk, it asks for the
//! machine), and a suite that takes long. What the OS tier lacks too is told to the person, by name.

use std::time::Duration;

use coditect_code::python::Listing;
use coditect_code::python::stdlib::{is_slip, is_slip_of_stdlib, is_stdlib};
use coditect_code::suite::{Coverage, IMPORT, SuiteRun};
use coditect_ports::{Exit, Work};
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::{ErrorKind, Failure, Limits, Project, Snapshot, TestResult, TestStatus, Tier};

use super::trace;
use crate::measure::{Measured, Place, is_test_by_test};
use crate::notices::Notices;
use crate::{Tools, is_allowed};

/// What all tests may take in WASM where another tier can be had: programs run some three times faster there, and each
/// candidate that looks like a repair runs them all.
const PATIENCE: Duration = Duration::from_secs(15);
/// Red tests that are tried in the other tier at most.
const MOST_COMPARED: usize = 50;

/// What errors say where the project's files cannot be written.
const READ_ONLY: &[&str] =
    &["Read-only file system", "Operation not permitted", "Permission denied", "Capabilities insufficient"];

/// Finds the tier that can host a project.
pub(super) struct Hosting<'a> {
    pub(super) tools: &'a Tools,
    pub(super) work: &'a Work,
    pub(super) snapshot: &'a Snapshot,
    pub(super) limits: &'a Limits,
    pub(super) choice: SandboxChoice,
    pub(super) waived: &'a [String],
}

impl Hosting<'_> {
    /// The project with the tier that can host it, and what its tests said there.
    pub(super) fn find(
        &self,
        mut project: Project,
        notices: &mut Notices<'_>,
        spent: &mut Spent,
    ) -> Result<(Project, Measured), Failure> {
        if project.tier == Tier::Wasm && self.tools.usable(Tier::Wasm).is_none() {
            let why = self.tools.why_not(Tier::Wasm);
            project = self.moved(project, &why)?;
        }
        let first = self.measure(&project, notices, spent)?;
        if project.tier != Tier::Wasm {
            return self.settled(project, first, None);
        }
        if let Some(lack) = self.lack(&project, &first)? {
            let native = self.moved(project.clone(), &lack)?;
            let second = self.measure(&native, notices, spent)?;
            return self.settled(native, second, Some((project, first)));
        }
        if let Some(reason) = self.difference(&project, &first, notices, spent)? {
            let native = self.moved(project, &reason)?;
            let second = self.measure(&native, notices, spent)?;
            return self.settled(native, second, None);
        }
        self.settled(project, first, None)
    }

    fn place<'b>(&'b self, project: &'b Project) -> Result<Place<'b>, Failure> {
        Ok(Place {
            unchanged: "baseline",
            tools: self.tools,
            work: self.work,
            commit: &self.snapshot.commit,
            purpose: "baseline",
            project,
            sandbox: self.tools.sandbox(project.tier)?,
            limits: self.limits,
            waived: self.waived,
            patience: (project.tier == Tier::Wasm && self.can_move()).then_some(PATIENCE),
        })
    }

    fn measure(
        &self,
        project: &Project,
        notices: &mut Notices<'_>,
        spent: &mut Spent,
    ) -> Result<Measured, Failure> {
        notices.doing(format!("running the tests ({})", crate::tier_name(project.tier)));
        let mut measured = self.place(project)?.measure(Coverage::Lines, &[], notices)?;
        trace::add_lines(&self.place(project)?, &mut measured, notices)?;
        spent.sandbox_runs += measured.runs;
        Ok(measured)
    }

    /// The project in the OS tier, where that is allowed and can be had.
    fn moved(&self, mut project: Project, reason: &str) -> Result<Project, Failure> {
        let refused = |kind, cause: String, hint: &str| Err(Failure::new(kind, cause).with_hint(hint));
        if !is_allowed(self.choice, Tier::Os) {
            return refused(
                ErrorKind::Denied,
                format!("the WASM sandbox cannot host the tests: {reason}; no other sandbox is allowed"),
                "allow the OS sandbox with `--sandbox auto`",
            );
        }
        // What the person gave up by name may be just what keeps the tier from being usable: a run decides.
        if self.tools.usable(Tier::Os).is_none() && self.waived.is_empty() {
            return refused(
                ErrorKind::NoSandbox,
                format!("the WASM sandbox cannot host the tests: {reason}; {}", self.tools.why_not(Tier::Os)),
                "`coditect doctor` says what the OS sandbox lacks here",
            );
        }
        project.tier = Tier::Os;
        reason.clone_into(&mut project.tier_reason);
        Ok(project)
    }

    fn can_move(&self) -> bool {
        is_allowed(self.choice, Tier::Os) && self.tools.usable(Tier::Os).is_some()
    }

    /// What the WASM tier lacks, as the errors of the run name it.
    fn lack(&self, project: &Project, measured: &Measured) -> Result<Option<String>, Failure> {
        if measured.suite.slow {
            let seconds = PATIENCE.as_secs();
            return Ok(Some(format!("its tests take more than {seconds} s in WASM")));
        }
        if let Some(what) = &measured.suite.unsupported {
            return Ok(Some(format!("WASM has no {what}")));
        }
        if let Some(module) = self.foreign_module(project, measured)? {
            return Ok(Some(format!("module `{module}` is not part of the project or of WASM's Python")));
        }
        let suite = &measured.suite;
        if suite.report.tests.is_empty()
            && let Some(problem) = suite.report.problems.first()
            && suite.exit != Exit::TimedOut
        {
            return Ok(Some(format!("the tests could not be started in WASM ({problem})")));
        }
        Ok(None)
    }

    /// The top-level name of a missing module that the project itself does not have.
    fn foreign_module(&self, project: &Project, measured: &Measured) -> Result<Option<String>, Failure> {
        let Some(module) = measured.suite.missing_module.as_deref() else { return Ok(None) };
        let head = module.split('.').next().unwrap_or(module);
        let files = self.files(project)?;
        let own = project.import_paths.iter().any(|path| files.provides(path, head));
        Ok((!own).then(|| head.to_owned()))
    }

    fn files(&self, project: &Project) -> Result<Listing, Failure> {
        let root = self.place(project)?.fresh()?.join(&project.root);
        Listing::load(&root).map_err(|error| {
            Failure::new(ErrorKind::Unavailable, format!("list the project's files: {error}"))
        })
    }

    /// Why the tiers differ: a test that is red every time in WASM is green in the OS tier, or red for another
    /// reason.
    fn difference(
        &self,
        project: &Project,
        measured: &Measured,
        notices: &mut Notices<'_>,
        spent: &mut Spent,
    ) -> Result<Option<String>, Failure> {
        let allowed = self.can_move();
        let red: Vec<String> = measured
            .suite
            .report
            .red()
            .filter(|test| test.status != TestStatus::TimedOut && !test.id.ends_with(IMPORT))
            .filter(|test| test.passes_of_runs.is_none_or(|(passed, _)| passed == 0))
            // These are run without the others.
            .filter(|test| !measured.suite.report.order_dependent.contains(&test.id))
            .take(MOST_COMPARED)
            .map(|test| test.id.clone())
            .collect();
        if !allowed || red.is_empty() || !is_test_by_test(project) {
            return Ok(None);
        }
        notices.doing("looking whether the sandbox makes the difference");
        let native = Project { tier: Tier::Os, ..project.clone() };
        let place = self.place(&native)?;
        let how = SuiteRun { select: Some(&red), ..SuiteRun::whole(self.limits) };
        // A tier that refuses to run it has nothing to say here.
        let Ok(other) = place.run(&how, &mut Notices::new(self.work, &*self.tools.clock)) else {
            return Ok(None);
        };
        spent.sandbox_runs += u64::from(other.runs);
        Ok(measured.suite.report.red().find_map(|here| {
            let there = other.report.tests.iter().find(|test| test.id == here.id)?;
            differs(here, there)
        }))
    }

    /// The end of the search for a tier: the result, or what is missing. `wasm` is what the first tier said.
    fn settled(
        &self,
        project: Project,
        measured: Measured,
        wasm: Option<(Project, Measured)>,
    ) -> Result<(Project, Measured), Failure> {
        if let Some(module) = self.foreign_module(&project, &measured)? {
            let slip = self.is_slip(&project, &module)?;
            match wasm {
                // A misspelt import is a defect that can be repaired, and WASM hosts the rest.
                Some((project, first)) if slip && first.suite.unsupported.is_none() && !first.suite.slow => {
                    return Ok((project, first));
                }
                _ if slip => {}
                // Some tests ask for it and the others do not: these can be worked on all the same.
                Some((project, first)) if runs_without_it(&first) => return Ok((project, first)),
                _ => return Err(self.missing(&project, &module)?),
            }
        }
        let suite = &measured.suite;
        if suite.report.tests.is_empty() {
            return Err(no_tests(&project, &measured));
        }
        Ok((project, measured))
    }

    fn is_slip(&self, project: &Project, module: &str) -> Result<bool, Failure> {
        if is_slip_of_stdlib(module) {
            return Ok(true);
        }
        let files = self.files(project)?;
        Ok(files.files().iter().flat_map(|file| file.split('/')).any(|part| {
            let name = part.strip_suffix(".py").unwrap_or(part);
            is_slip(module, name)
        }))
    }

    /// What the snapshot left out of that name: a submodule, a link out of the tree.
    fn left_out(&self, project: &Project, module: &str) -> Option<&str> {
        let lines = self.snapshot.left_out.iter();
        lines.map(String::as_str).find(|line| is_module(line, &project.root, module))
    }

    /// No tier has the module.
    fn missing(&self, project: &Project, module: &str) -> Result<Failure, Failure> {
        let python = project.interpreter.as_deref().unwrap_or("python3");
        let cause = format!("the tests need module `{module}`, which neither the project nor `{python}` has");
        let files = self.files(project)?;
        let pip = if files.has("requirements.txt") {
            ".venv/bin/pip install -r requirements.txt".to_owned()
        } else if files.has("pyproject.toml") || files.has("setup.py") {
            format!(".venv/bin/pip install -e . {module}")
        } else {
            format!(".venv/bin/pip install {module}")
        };
        let hint = if let Some(left_out) = self.left_out(project, module) {
            format!("the snapshot leaves out `{left_out}`: have those files in the project itself")
        } else if is_stdlib(module) {
            format!("`{module}` belongs to Python itself: install a Python that has it")
        } else {
            format!(
                "make a virtual environment beside the tests and run again: `python3 -m venv .venv && {pip}`"
            )
        };
        Ok(Failure::new(ErrorKind::NotFound, cause).with_hint(hint))
    }
}

/// Whether what a snapshot left out (`path: cause`) is a module of this name.
fn is_module(line: &str, root: &str, module: &str) -> bool {
    let path = line.split_once(": ").map_or(line, |(path, _)| path);
    let below = path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'));
    below.split('/').any(|part| part.strip_suffix(".py").unwrap_or(part) == module)
}

/// What the tier has to do with a test's end, if it has.
fn differs(here: &TestResult, there: &TestResult) -> Option<String> {
    let said = here.message.lines().next().unwrap_or_default();
    let is_os_error = said.starts_with("[Errno ");
    let same = here.error_type == there.error_type
        && (!is_os_error || there.message.lines().next().unwrap_or_default() == said);
    if !matches!(there.status, TestStatus::Passed | TestStatus::Failed | TestStatus::Errored)
        || (there.status != TestStatus::Passed && same)
    {
        return None;
    }
    let id = &here.id;
    Some(if is_os_error && READ_ONLY.iter().any(|phrase| said.contains(phrase)) {
        format!("`{id}` writes below the project, which WASM shows read-only")
    } else if there.status == TestStatus::Passed {
        format!("`{id}` is red in WASM ({said}) and green in the OS sandbox")
    } else {
        format!(
            "`{id}` fails in WASM with {} and in the OS sandbox with {}",
            here.error_type, there.error_type
        )
    })
}

/// The suite ran and had no test, or could not be run.
fn no_tests(project: &Project, measured: &Measured) -> Failure {
    let command = project.command.join(" ");
    let report = &measured.suite.report;
    match report.problems.first() {
        Some(problem) if measured.suite.exit == Exit::TimedOut => {
            Failure::new(ErrorKind::Exhausted, format!("`{command}`: {problem}"))
                .with_hint("give one run of the suite more time with `--timeout-s`")
        }
        Some(problem) => Failure::new(ErrorKind::Invalid, format!("`{command}` could not run: {problem}"))
            .with_hint("name the command that runs the tests with `--test-command \"...\"`"),
        None => Failure::new(ErrorKind::NotFound, format!("`{command}` found no tests to run"))
            .with_hint("name the command that runs the tests with `--test-command \"...\"`"),
    }
}

/// Whether every file was imported and some tests pass: a module that is missing is missing to some tests only.
fn runs_without_it(measured: &Measured) -> bool {
    let suite = &measured.suite;
    let tests = &suite.report.tests;
    suite.unsupported.is_none()
        && !suite.slow
        && !tests.iter().any(|test| test.status.is_red() && test.id.ends_with(IMPORT))
        && tests.iter().any(|test| test.status == TestStatus::Passed)
}
