//! The analyzer: keeps what the person sees, finds out how it is tested, runs the tests, and says which lines the
//! red ones point at.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_code::conflicts;
use coditect_code::python::Listing;
use coditect_code::reach::dependencies;
use coditect_code::suite::SuiteReport;
use coditect_code::survey::{self, Survey};
use coditect_ports::{Agent, PortError, Work};
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::project::{Framework, ReportSource};
use coditect_types::testing::Conflict;
use coditect_types::{
    Action, Failure, Limits, Outcome, Project, Snapshot, TestReport, TestStatus, WorkspaceRef,
};

use crate::coder::sources;
use crate::notices::Notices;
use crate::values::Asked;
use crate::{Tools, failed, interrupted, not_mine, receipt};

mod conventions;
mod gather;
mod hosting;
mod suspects;
mod trace;

use gather::Gather;
use hosting::Hosting;

/// Bytes of messages kept in full over all red tests of a report; later ones are cut to a line.
const MESSAGES: usize = 512 << 10;
/// What is left of a message past that.
const SHORT_MESSAGE: usize = 200;

/// Finds out.
#[derive(Clone, Debug)]
pub struct Analyzer {
    tools: Tools,
}

/// What a baseline is measured of, and how.
struct Baseline<'a> {
    snapshot: &'a Snapshot,
    project: &'a Project,
    limits: &'a Limits,
    choice: SandboxChoice,
    waived: &'a [String],
}

impl Analyzer {
    /// An analyzer that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    fn take_snapshot(&self, workspace: &WorkspaceRef, work: &Work) -> Result<Outcome, Failure> {
        Notices::new(work, &*self.tools.clock).doing("keeping what is there");
        let snapshot = self.tools.workspace.take_snapshot(&work.mission, Path::new(&workspace.path))?;
        Ok(Outcome::SnapshotTaken { snapshot })
    }

    fn survey(
        &self,
        snapshot: &Snapshot,
        workspace: Option<&WorkspaceRef>,
        (test_command, report): (Option<&[String]>, Option<&ReportSource>),
        sandbox: SandboxChoice,
        work: &Work,
    ) -> Result<Outcome, Failure> {
        Notices::new(work, &*self.tools.clock).doing("looking for the tests");
        let worktree = self.tools.workspace.worktree(&work.mission, &snapshot.commit, "survey")?;
        let project = survey::survey(&Survey {
            worktree: &worktree,
            subdir: &snapshot.subdir,
            home: workspace.map(|workspace| Path::new(workspace.path.as_str())),
            test_command,
            report,
            sandbox,
        })?;
        let root = worktree.join(&project.root);
        let files = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let texts = sources::read(&root, &files, &project, &TestReport::default(), &[]);
        // A part of them would say that nothing else uses what it has.
        let is_part = texts.product.len() >= sources::MOST_FILES;
        let sources = if is_part { Vec::new() } else { dependencies(&texts.product, &texts.tests) };
        Ok(Outcome::ProjectSurveyed { project, sources })
    }

    fn measure(&self, baseline: &Baseline<'_>, work: &Work, spent: &mut Spent) -> Result<Outcome, Failure> {
        let mut notices = Notices::new(work, &*self.tools.clock);
        let hosting = Hosting {
            tools: &self.tools,
            work,
            snapshot: baseline.snapshot,
            limits: baseline.limits,
            choice: baseline.choice,
            waived: baseline.waived,
        };
        let (mut project, mut measured) = hosting.find(baseline.project.clone(), &mut notices, spent)?;
        // What a build left out is known only now.
        let left_out = measured.suite.notes.iter().filter(|note| note.starts_with("left out: "));
        project.notes.extend(left_out.cloned());
        let suspects = suspects::rank(&measured.suite);
        shorten(&mut measured.suite.report);
        measured.suite.report.conflicts = self.conflicts(baseline, &project, &measured.suite.report, work)?;
        let tree = self.tools.workspace.tree_of(&work.mission, &baseline.snapshot.commit)?;
        let receipt = receipt::of(&project, tree, None, &measured, self.tools.clock.now_ms());
        let SuiteReport { report, tier, enforced, .. } = measured.suite;
        Ok(Outcome::BaselineMeasured {
            project,
            report,
            suspects,
            tier,
            enforced,
            receipt,
            spent: spent.clone(),
        })
    }
}

impl Analyzer {
    /// Tests that contradict each other, where some are red: then no change of the code can do.
    fn conflicts(
        &self,
        baseline: &Baseline<'_>,
        project: &Project,
        report: &TestReport,
        work: &Work,
    ) -> Result<Vec<Conflict>, Failure> {
        let is_read = matches!(project.framework, Framework::Unittest | Framework::Pytest);
        if !is_read || report.red().next().is_none() {
            return Ok(Vec::new());
        }
        let commit = &baseline.snapshot.commit;
        let root = self.tools.workspace.worktree(&work.mission, commit, "survey")?.join(&project.root);
        let ran = report.tests.iter().filter(|test| test.status != TestStatus::Skipped);
        let ids: BTreeSet<&str> = ran.map(|test| test.id.as_str()).collect();
        let paths: BTreeSet<&str> = ids.iter().filter_map(|id| Some(id.split_once("::")?.0)).collect();
        // A file that is not text has no tests that could be read.
        let texts = paths.iter().map(|path| (*path, std::fs::read_to_string(root.join(path))));
        let files: Vec<(&str, String)> = texts.filter_map(|(path, text)| Some((path, text.ok()?))).collect();
        let found = conflicts::conflicts(files.iter().map(|(path, text)| (*path, text.as_str())), &ids);
        let is_red = |id: &str| report.red().any(|test| test.id == id);
        Ok(found.into_iter().filter(|found| is_red(&found.one.0) || is_red(&found.other.0)).collect())
    }
}

/// Keeps a report small enough for the journal where very many tests are red.
fn shorten(report: &mut TestReport) {
    let mut kept = 0;
    for test in &mut report.tests {
        kept += test.message.len();
        if kept > MESSAGES && test.message.len() > SHORT_MESSAGE {
            let mut end = SHORT_MESSAGE;
            while !test.message.is_char_boundary(end) {
                end -= 1;
            }
            test.message.truncate(end);
            test.frames.drain(..test.frames.len().saturating_sub(3));
        }
    }
}

impl Agent for Analyzer {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        self.tools.noting(|tools| Self { tools }.work_at(action, work))
    }
}

impl Analyzer {
    fn work_at(&self, action: &Action, work: &Work) -> Outcome {
        if work.stop.is_raised() {
            return failed(work, interrupted(), Spent::default());
        }
        let started = self.tools.clock.monotonic_us();
        let mut spent = Spent::default();
        let outcome = match action {
            Action::TakeSnapshot { workspace } => self.take_snapshot(workspace, work),
            Action::SurveyProject { snapshot, workspace, test_command, report, sandbox } => {
                let command = (test_command.as_deref(), report.as_ref());
                self.survey(snapshot, workspace.as_ref(), command, *sandbox, work)
            }
            Action::MeasureBaseline { snapshot, project, limits, sandbox, waived } => {
                let baseline = Baseline { snapshot, project, limits, choice: *sandbox, waived };
                self.measure(&baseline, work, &mut spent)
            }
            Action::GatherContext {
                snapshot,
                project,
                baseline,
                suspects,
                request,
                focus,
                also,
                limits,
                waived,
                places,
            } => {
                let run = Asked { project, report: baseline, limits, waived };
                let of = Gather { snapshot, project, baseline, suspects, request, focus, also, run, places };
                self.gather(&of, work)
            }
            Action::DoNothing => Ok(Outcome::NothingDone),
            Action::SeekChange { .. }
            | Action::AskModel { .. }
            | Action::TrySpecification { .. }
            | Action::TryReply { .. }
            | Action::MergeStrands { .. }
            | Action::Rename { .. }
            | Action::ReviewChange { .. }
            | Action::VerifyChange { .. }
            | Action::HandOver { .. } => {
                return not_mine(action, "analyzer");
            }
        };
        spent.wall_ms = self.tools.clock.monotonic_us().saturating_sub(started) / 1000;
        match outcome {
            Ok(Outcome::BaselineMeasured { project, report, suspects, tier, enforced, receipt, .. }) => {
                Outcome::BaselineMeasured { project, report, suspects, tier, enforced, receipt, spent }
            }
            Ok(other) => other,
            Err(failure) => failed(work, failure, spent),
        }
    }
}
