//! The analyzer: keeps what the person sees, finds out how it is tested, runs the tests, and says which lines the
//! red ones point at.

use std::path::Path;

use coditect_code::suite::SuiteReport;
use coditect_code::survey::{self, Survey};
use coditect_ports::{Agent, Work};
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::project::ReportSource;
use coditect_types::{Action, Failure, Limits, Outcome, Project, Snapshot, TestReport, WorkspaceRef};

use crate::notices::Notices;
use crate::{Tools, failed, interrupted, not_mine, receipt};

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
        Ok(Outcome::ProjectSurveyed { project })
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
            Action::GatherContext { snapshot, project, baseline, suspects, request, focus, also } => {
                self.gather(&Gather { snapshot, project, baseline, suspects, request, focus, also }, work)
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
