//! A person's repository, the tools of the roles, and shorthands for actions.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime};

use coditect_agents::{Tools, roles};
use coditect_code::workspace::{Git, GitWorkspace};
use coditect_ports::workspace::FileEdit;
use coditect_ports::{Agent, Bus, Clock, Notice, Sandbox, Stop, Work};
use coditect_types::limits::SandboxChoice;
use coditect_types::outcome::Spent;
use coditect_types::{
    Action, AttemptId, Budget, Delivery, Focus, Limits, MissionId, Outcome, Project, Receipt, Rung, Snapshot,
    Suspect, TaskId, TestReport, Tier, WorkspaceRef,
};

use crate::python_host::Host;

#[derive(Debug)]
struct HostClock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for HostClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(START.elapsed().as_micros()).unwrap()
    }
}

#[derive(Debug, Default)]
struct Counted(AtomicUsize);

impl Bus for Counted {
    fn announce(&self, _: Notice) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What is there in one test.
pub(crate) struct World {
    person: tempfile::TempDir,
    _home: tempfile::TempDir,
    tools: Tools,
    agents: Vec<Arc<dyn Agent>>,
    mission: MissionId,
    bus: Arc<Counted>,
    pub(crate) stop: Stop,
}

/// A measured baseline, with what led to it.
pub(crate) struct Baseline {
    pub(crate) snapshot: Snapshot,
    pub(crate) project: Project,
    pub(crate) report: TestReport,
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) tier: Tier,
    pub(crate) receipt: Receipt,
    pub(crate) spent: Spent,
    workspace: WorkspaceRef,
}

impl World {
    /// A committed repository with these files.
    pub(crate) fn new(files: &[(&str, &str)], hosts: Vec<Host>) -> Self {
        let (person, home) = (crate::python_host::tree(files), tempfile::tempdir().unwrap());
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["add", "-A"],
            &["-c", "user.name=p", "-c", "user.email=p@localhost", "commit", "-q", "-m", "first"],
        ] {
            run_git(person.path(), arguments);
        }
        let tools = Tools {
            workspace: Arc::new(
                GitWorkspace::open(home.path(), Git::find(path().as_deref()).unwrap()).unwrap(),
            ),
            sandboxes: hosts.into_iter().map(|host| Arc::new(host) as Arc<dyn Sandbox>).collect(),
            clock: Arc::new(HostClock),
            memory: None,
            threads: 0,
        };
        Self {
            agents: roles(&tools),
            person,
            _home: home,
            tools,
            mission: MissionId::parse("m-test").unwrap(),
            bus: Arc::default(),
            stop: Stop::new(),
        }
    }

    pub(crate) fn workspace(&self) -> WorkspaceRef {
        WorkspaceRef { path: self.person.path().display().to_string() }
    }

    /// Has the right role perform an action.
    pub(crate) fn perform(&self, action: &Action) -> Outcome {
        let work = Work {
            mission: self.mission.clone(),
            task: TaskId(1),
            attempt: AttemptId(1),
            stop: self.stop.clone(),
            bus: self.bus.clone(),
            is_old: false,
            allowance_ms: None,
        };
        let agent = self.agents.iter().find(|agent| agent.roles().contains(&action.role())).unwrap();
        agent.perform(action, &work)
    }

    pub(crate) fn measure_action(
        &self,
        snapshot: &Snapshot,
        project: Project,
        sandbox: SandboxChoice,
    ) -> Action {
        Action::MeasureBaseline {
            snapshot: snapshot.clone(),
            project,
            limits: Limits { wall_ms: 20_000, ..Limits::default() },
            sandbox,
            waived: vec![],
        }
    }

    fn surveyed(&self, sandbox: SandboxChoice) -> (Snapshot, Project) {
        let workspace = self.workspace();
        let Outcome::SnapshotTaken { snapshot } =
            self.perform(&Action::TakeSnapshot { workspace: workspace.clone() })
        else {
            panic!("the snapshot is taken")
        };
        let survey = Action::SurveyProject {
            snapshot: snapshot.clone(),
            workspace: Some(workspace),
            test_command: None,
            report: None,
            sandbox,
        };
        match self.perform(&survey) {
            Outcome::ProjectSurveyed { project, .. } => (snapshot, project),
            other => panic!("the project is found: {other:?}"),
        }
    }

    /// The outcome of measuring the baseline.
    pub(crate) fn measure(&self, sandbox: SandboxChoice) -> Outcome {
        let (snapshot, project) = self.surveyed(sandbox);
        self.perform(&self.measure_action(&snapshot, project, sandbox))
    }

    pub(crate) fn baseline(&self) -> Baseline {
        self.baseline_with(SandboxChoice::Auto)
    }

    pub(crate) fn baseline_with(&self, sandbox: SandboxChoice) -> Baseline {
        let (snapshot, project) = self.surveyed(sandbox);
        self.measured(snapshot.clone(), &self.measure_action(&snapshot, project, sandbox))
    }

    pub(crate) fn baseline_within(&self, limits: &Limits) -> Baseline {
        let (snapshot, project) = self.surveyed(SandboxChoice::Auto);
        let sandbox = SandboxChoice::Auto;
        let action = Action::MeasureBaseline {
            snapshot: snapshot.clone(),
            project,
            limits: limits.clone(),
            sandbox,
            waived: vec![],
        };
        self.measured(snapshot, &action)
    }

    fn measured(&self, snapshot: Snapshot, action: &Action) -> Baseline {
        match self.perform(action) {
            Outcome::BaselineMeasured { project, report, suspects, tier, receipt, spent, .. } => {
                let workspace = self.workspace();
                Baseline { snapshot, project, report, suspects, tier, receipt, spent, workspace }
            }
            other => panic!("the baseline is measured: {other:?}"),
        }
    }

    /// A commit on the snapshot with one file changed.
    pub(crate) fn commit(&self, snapshot: &Snapshot, path: &str, text: &str) -> String {
        let edit = FileEdit { path: path.to_owned(), content: Some(text.as_bytes().to_vec()) };
        self.tools.workspace.commit(&self.mission, &snapshot.commit, &[edit], "change").unwrap().commit
    }

    /// Adds to a file of the person's; gives what it holds then.
    pub(crate) fn edited(&self, path: &str, more: &str) -> String {
        let place = self.person.path().join(path);
        let text = std::fs::read_to_string(&place).unwrap_or_default() + more;
        std::fs::write(&place, &text).unwrap();
        text
    }

    /// What git says in the person's repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run_git(self.person.path(), arguments)
    }

    pub(crate) fn notices(&self) -> usize {
        self.bus.0.load(Ordering::SeqCst)
    }
}

impl Baseline {
    pub(crate) fn seek(&self, rung: Rung) -> Action {
        Action::SeekChange {
            rung,
            snapshot: self.snapshot.clone(),
            project: self.project.clone(),
            baseline: self.report.clone(),
            suspects: self.suspects.clone(),
            request: "make the failing tests pass".to_owned(),
            refused: vec![],
            limits: Limits { wall_ms: 20_000, ..Limits::default() },
            budget: Budget { search_ms: 60_000, ..Budget::default() },
            seed: 1,
            focus: Focus::default(),
            waived: vec![],
        }
    }

    /// What a model must know to do what is asked for.
    pub(crate) fn gather(&self, request: &str) -> Action {
        Action::GatherContext {
            snapshot: self.snapshot.clone(),
            project: self.project.clone(),
            baseline: self.report.clone(),
            suspects: self.suspects.clone(),
            request: request.into(),
            focus: Default::default(),
            also: Vec::new(),
            limits: Limits { wall_ms: 20_000, ..Limits::default() },
            waived: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The trial of what a model answered, where these diffs were refused before.
    pub(crate) fn try_reply(&self, reply: &str, refused: &[String]) -> Action {
        self.try_reply_and_mend(reply, refused, 0)
    }

    /// The same, where a search may mend the answer for so long.
    pub(crate) fn try_reply_and_mend(&self, reply: &str, refused: &[String], search_ms: u64) -> Action {
        Action::TryReply {
            rung: Rung::SmallModel,
            model: "coder".into(),
            reply: reply.to_owned(),
            request: "implement what is marked TODO".into(),
            snapshot: self.snapshot.clone(),
            project: self.project.clone(),
            baseline: self.report.clone(),
            refused: refused.to_vec(),
            mending: Budget { search_ms, ..Budget::default() },
            halving_ms: 0,
            limits: Limits::default(),
            focus: Default::default(),
            waived: Vec::new(),
            strand: None,
            granted: Vec::new(),
            in_part: None,
        }
    }

    /// The same, where parts of the answer may be tried.
    pub(crate) fn try_parts_of(&self, reply: &str) -> Action {
        let mut action = self.try_reply(reply, &[]);
        if let Action::TryReply { halving_ms, .. } = &mut action {
            *halving_ms = 60_000;
        }
        action
    }

    pub(crate) fn verify(&self, commit: &str) -> Action {
        Action::VerifyChange {
            snapshot: self.snapshot.clone(),
            commit: commit.to_owned(),
            project: self.project.clone(),
            baseline: self.report.clone(),
            unsteady: Default::default(),
            limits: Limits { wall_ms: 20_000, ..Limits::default() },
            waived: vec![],
        }
    }

    pub(crate) fn hand_over(&self, commit: &str) -> Action {
        Action::HandOver {
            workspace: self.workspace.clone(),
            snapshot: self.snapshot.clone(),
            commit: commit.to_owned(),
            message: "Fix it".to_owned(),
            delivery: Delivery::Branch,
            carried: None,
            seen: Vec::new(),
        }
    }
}

fn path() -> Option<std::ffi::OsString> {
    std::env::var_os("PATH")
}

fn run_git(place: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(place).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
