//! Missions of tasks: each on a copy of its folder, from the submission to the solution.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use coditect_code::python::is_test_path;
use coditect_ports::{Journal, Workspace};
use coditect_runtime::{MissionView, Shell, ShellError};
use coditect_types::{Command, ErrorKind, Event, MissionId, MissionStatus, ModelSpec, Policy, WorkspaceRef};

use super::folder::Task;
use super::row::{End, Row};
use super::tree;
use crate::args::SettingFlags;
use crate::environment::Environment;
use crate::missions;
use crate::report::Report;
use crate::settings;
use crate::wiring::House;

/// What all missions share.
pub(super) struct Crew {
    pub(super) shell: Shell,
    journal: Arc<dyn Journal>,
    workspace: Arc<dyn Workspace>,
    env: Environment,
    /// Where the copies are made that missions work on.
    copies: PathBuf,
    budget_s: u64,
    /// What the person said of the ladder and of what models may cost.
    flags: SettingFlags,
    /// Models that each mission may ask.
    models: Vec<ModelSpec>,
    /// Missions are kept when they have ended.
    keep: bool,
}

/// How long a task is given and where it is worked on.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) env: Environment,
    pub(super) copies: PathBuf,
    pub(super) budget_s: u64,
    pub(super) flags: SettingFlags,
    pub(super) models: Vec<ModelSpec>,
    pub(super) keep: bool,
}

impl Crew {
    /// Starts the shell. Call it inside a tokio runtime.
    pub(super) fn start(house: &House, terms: Terms) -> Result<Self, Report> {
        let Terms { env, copies, budget_s, flags, models, keep } = terms;
        let (journal, workspace) = (Arc::clone(&house.journal), Arc::clone(&house.workspace));
        let shell = house.start()?;
        Ok(Self { shell, journal, workspace, env, copies, budget_s, flags, models, keep })
    }

    /// Works on one task to its end, and puts its solution at `solution`. None: the shell was stopped before.
    pub(super) async fn work_on(&self, task: Task, solution: PathBuf) -> Option<Row> {
        let copy = self.copies.join(&task.id);
        let begun = self.begin(&task, &copy).await;
        let (mission, ended) = match begun {
            Ok(policy) => {
                let mission = self.shell.new_mission_id();
                let ended = self.mission(&task, &copy, &mission, policy).await;
                if matches!(ended, Err(ShellError::ShuttingDown)) {
                    return None;
                }
                (Some(mission), ended.map(drop).map_err(|error| (End::Crashed, error.to_string())))
            }
            Err(why) => (None, Err((End::Failed, why))),
        };
        let end = Ending {
            journal: Arc::clone(&self.journal),
            workspace: Arc::clone(&self.workspace),
            task,
            copy,
            solution,
            keep: self.keep,
        };
        let task = end.task.clone();
        let row = tokio::task::spawn_blocking(move || end.row(mission, ended)).await;
        let row =
            row.unwrap_or_else(|error| Row::bare(&task, End::Crashed, format!("a thread broke: {error}")));
        Some(Row { budget_s: self.budget_s, ..row })
    }

    /// Makes the copy, and finds out how the mission is to be run.
    async fn begin(&self, task: &Task, copy: &Path) -> Result<Policy, String> {
        let (from, to, env) = (task.path.clone(), copy.to_owned(), self.env.clone());
        let flags = self.flags.clone();
        let made = tokio::task::spawn_blocking(move || {
            tree::remove(&to).and_then(|()| tree::copy(&from, &to)).map_err(|error| error.to_string())?;
            settings::load(&flags, &env, &to).map_err(|report| report.cause)
        });
        let mut policy = match made.await {
            Ok(resolved) => resolved?.settings.unattended(),
            Err(error) => return Err(format!("a thread broke: {error}")),
        };
        policy.models.clone_from(&self.models);
        policy.budget.wall_ms = self.budget_s * 1000;
        policy.budget.search_ms = policy.budget.search_ms.min(policy.budget.wall_ms);
        if let Some(command) = &task.test_command {
            policy.test_command = Some(command.clone());
        }
        if let Some(timeout_ms) = task.timeout_ms {
            policy.suite.wall_ms = timeout_ms;
        }
        Ok(policy)
    }

    async fn mission(
        &self,
        task: &Task,
        copy: &Path,
        mission: &MissionId,
        policy: Policy,
    ) -> Result<MissionStatus, ShellError> {
        let command = Command::SubmitMission {
            mission: mission.clone(),
            request: task.request.clone(),
            workspace: WorkspaceRef { path: copy.display().to_string() },
            policy,
        };
        self.shell.submit(mission.clone(), command).await?;
        self.shell.ended(mission).await
    }
}

/// A task whose mission has ended, or could not begin.
struct Ending {
    journal: Arc<dyn Journal>,
    workspace: Arc<dyn Workspace>,
    task: Task,
    copy: PathBuf,
    solution: PathBuf,
    keep: bool,
}

impl Ending {
    /// Puts the solution in its place and says how it went.
    fn row(self, mission: Option<MissionId>, ended: Result<(), (End, String)>) -> Row {
        let row = match (ended, &mission) {
            (Ok(()), Some(mission)) => self.judged(mission),
            (Ok(()), None) => Row::bare(&self.task, End::Crashed, "it ended without a mission"),
            (Err((end, why)), _) => Row::bare(&self.task, end, why),
        };
        let row = self.solved(row);
        // Only space would be lost, and the directory that all is in goes at the end.
        tree::remove(&self.copy).ok();
        if let (Some(mission), false) = (mission, self.keep) {
            self.workspace.clean(&mission).ok();
        }
        row
    }

    /// The row of the mission; where it was verified, its change is brought into the copy.
    fn judged(&self, mission: &MissionId) -> Row {
        let (records, view) = match missions::load(&*self.journal, mission) {
            Ok(loaded) => loaded,
            Err(report) => return Row::bare(&self.task, End::Crashed, report.cause),
        };
        let mut row = Row::of(&self.task, &view);
        if records.iter().any(|record| is_bug(&record.event)) {
            row.status = End::Crashed;
        }
        if row.status == End::Solved
            && let Err(why) = self.apply(mission, &view)
        {
            row = Row { summary: why, ..Row::bare(&self.task, End::Crashed, "") };
        }
        row
    }

    fn apply(&self, mission: &MissionId, view: &MissionView) -> Result<(), String> {
        let handed = view.branch.is_some() || view.patch.is_some();
        // A task whose tests are green already has no change.
        let (Some(snapshot), true) = (&view.snapshot, handed) else { return Ok(()) };
        let applied = self.workspace.apply(mission, &self.copy, snapshot);
        applied.map(drop).map_err(|error| format!("the change could not be applied: {}", error.cause))
    }

    /// Puts the worked-on copy in its place, or an unchanged one, and looks at what differs.
    fn solved(&self, mut row: Row) -> Row {
        let solved = row.status == End::Solved;
        let from = if solved { &self.copy } else { &self.task.path };
        let put = tree::publish(from, &self.solution)
            .and_then(|()| tree::differences(&self.task.path, &self.solution));
        match put {
            Ok(differ) => {
                row.tests_touched = differ.iter().filter(|path| is_test_path(path)).count() as u64;
                row
            }
            Err(error) => {
                Row::bare(&self.task, End::Failed, format!("its solution could not be written: {error}"))
            }
        }
    }
}

/// A mission that ended for trouble of ours.
fn is_bug(event: &Event) -> bool {
    matches!(event, Event::MissionCompleted { trouble: Some(ErrorKind::Bug), .. })
}
