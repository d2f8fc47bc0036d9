//! Puts faults into missions: agents that break, answer something else or propose what is wrong, and a person who edits
//! their files meanwhile. An instrument of the bench; no mission of a person ever meets it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::workspace::FileEdit;
use coditect_ports::{Agent, PortError, Work, Workspace};
use coditect_types::outcome::{Proposal, Spent};
use coditect_types::plan::Role;
use coditect_types::{Action, AttemptId, ErrorKind, Failure, MissionId, Outcome, Rung, Snapshot};

use super::git;
use super::killer::{Victim, strike};
use super::projects::Project;
use super::provider::Answer;

/// What is done to one mission, once. A number names the action that it is done to, see [`is_the`].
#[derive(Clone, Debug)]
pub(super) enum Meddling {
    /// Nothing: the fault, if there is one, is in the project.
    None,
    /// The agent's thread unwinds.
    Breaks(usize),
    /// An outcome of another kind than the action calls for.
    AnswersSomethingElse(usize),
    /// The action fails since something is away.
    IsUnavailable(usize),
    /// The action fails since it was cut off.
    IsCutOff(usize),
    /// The action takes a second longer.
    IsSlow(usize),
    /// The outcome comes once more.
    AnswersTwice(usize),
    /// The action is given up, and what came of it arrives while the next attempt is under way.
    AnswersLate(usize),
    /// Somebody kills a process of the tests while this action is under way. Tests run in processes of the machine.
    KillsAProcess(usize, Victim),
    /// Nothing, and tests run in processes of the machine.
    InProcesses,
    /// Nothing that an agent does: what each model answers, in this order.
    Models(Vec<Vec<Answer>>),
    /// The first proposal mends what is asked for, and breaks what only a flaky test sees: what a function returns.
    BreaksTheFlaky(usize),
    /// The receipt names another tree.
    StaleReceipt,
    /// The first proposal changes a file of tests.
    EditsATest,
    /// The first proposal breaks a test that was green.
    BreaksAnother,
    /// The first proposal changes nothing that a test sees.
    DoesNothing,
    /// With the first proposal, no test is found.
    HidesTests,
    /// The person writes this file before the change is proved.
    Writes(String, String),
    /// The person writes this file then, and commits it.
    Commits(String, String),
    /// The person makes a commit on another branch then.
    CommitsElsewhere,
    /// The person removes this file then.
    Removes(String),
    /// The person writes this file as it is.
    Touches(String),
}

/// The numbers of the actions that run the whole suite.
pub(super) const BASELINE: usize = 1;
pub(super) const PROOF: usize = 3;

/// Outcomes that come from beside the pool, on their way to the missions.
pub(super) type Reports = tokio::sync::mpsc::Sender<(MissionId, AttemptId, Outcome)>;

/// A second, which no limit minds.
const SLOW: Duration = Duration::from_secs(1);

/// A mission that is meddled with.
#[derive(Debug)]
struct Case {
    meddling: Meddling,
    dir: PathBuf,
    project: Project,
}

/// What is to be done to which mission. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans(Arc<Mutex<BTreeMap<MissionId, Case>>>, Late);

/// Outcomes of attempts that were given up.
type Late = Arc<Mutex<BTreeMap<MissionId, (AttemptId, Outcome)>>>;

impl Plans {
    pub(super) fn add(&self, mission: MissionId, meddling: Meddling, dir: &Path, project: &Project) {
        let case = Case { meddling, dir: dir.to_owned(), project: project.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mission, case);
    }

    /// Takes what is to be done to this action, if anything is: it is done once.
    fn take(&self, work: &Work, action: &Action) -> Option<Case> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.get(&work.mission).filter(|case| concerns(&case.meddling, action))?;
        plans.remove(&work.mission)
    }

    /// Keeps an outcome until the mission's next attempt is under way.
    fn keep(&self, work: &Work, outcome: Outcome) {
        let mut late = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        late.insert(work.mission.clone(), (work.attempt, outcome));
    }

    fn take_late(&self, work: &Work) -> Option<(AttemptId, Outcome)> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).remove(&work.mission)
    }
}

fn concerns(meddling: &Meddling, action: &Action) -> bool {
    match meddling {
        Meddling::None | Meddling::InProcesses | Meddling::Models(_) => false,
        Meddling::Breaks(n)
        | Meddling::AnswersSomethingElse(n)
        | Meddling::IsUnavailable(n)
        | Meddling::IsCutOff(n)
        | Meddling::AnswersTwice(n)
        | Meddling::AnswersLate(n)
        | Meddling::KillsAProcess(n, _)
        | Meddling::IsSlow(n) => is_the(*n, action),
        Meddling::StaleReceipt
        | Meddling::Writes(..)
        | Meddling::Commits(..)
        | Meddling::CommitsElsewhere
        | Meddling::Removes(_)
        | Meddling::Touches(_) => matches!(action, Action::VerifyChange { .. }),
        Meddling::EditsATest
        | Meddling::BreaksAnother
        | Meddling::BreaksTheFlaky(_)
        | Meddling::DoesNothing
        | Meddling::HidesTests => matches!(action, Action::SeekChange { .. }),
    }
}

/// Whether this is the action of that number: each of those that a repair cannot do without.
fn is_the(number: usize, action: &Action) -> bool {
    match number {
        0 => matches!(action, Action::SurveyProject { .. }),
        BASELINE => matches!(action, Action::MeasureBaseline { .. }),
        2 => matches!(action, Action::SeekChange { .. }),
        _ => matches!(action, Action::VerifyChange { .. }),
    }
}

/// An agent between the mission and another one.
#[derive(Debug)]
pub(super) struct Meddler {
    pub(super) inner: Arc<dyn Agent>,
    pub(super) plans: Plans,
    pub(super) workspace: Arc<dyn Workspace>,
    pub(super) reports: Reports,
}

impl Agent for Meddler {
    fn roles(&self) -> &[Role] {
        self.inner.roles()
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        if let Some((attempt, outcome)) = self.plans.take_late(work) {
            self.report(work, attempt, outcome);
        }
        let Some(case) = self.plans.take(work, action) else { return self.inner.perform(action, work) };
        match self.meddle(&case, action, work) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => self.inner.perform(action, work),
            Err(error) => Outcome::Failed { failure: error.into(), spent: Spent::default() },
        }
    }
}

impl Meddler {
    /// Brings an outcome to the mission past the pool. A bench that ends hears nothing any more, which is no matter.
    fn report(&self, work: &Work, attempt: AttemptId, outcome: Outcome) {
        self.reports.blocking_send((work.mission.clone(), attempt, outcome)).ok();
    }

    /// The outcome of an action during which somebody kills a process of the mission's.
    fn struck(&self, victim: Victim, action: &Action, work: &Work) -> Outcome {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| strike(&work.mission, victim, &over));
            let outcome = self.inner.perform(action, work);
            over.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// What comes late: of a search, a change that does nothing; of everything else, what came of it.
    fn late(&self, case: &Case, action: &Action, work: &Work) -> Result<Outcome, PortError> {
        if sought(action).is_some() {
            let code = case.project.code();
            let text = case.project.files.get(&code).cloned().unwrap_or_default();
            if let Some(outcome) = self.propose(action, work, &code, format!("{text}# Mended.\n"))? {
                return Ok(outcome);
            }
        }
        Ok(self.inner.perform(action, work))
    }

    /// What is told in place of the agent's own outcome. None: it is asked all the same.
    fn meddle(&self, case: &Case, action: &Action, work: &Work) -> Result<Option<Outcome>, PortError> {
        let failed = |kind, cause| {
            Some(Outcome::Failed { failure: Failure::new(kind, cause), spent: Spent::default() })
        };
        let code = case.project.code();
        let read = |path: &str| std::fs::read_to_string(case.dir.join(path));
        let text = |path: &str| read(path).map_err(|error| PortError::from_io(path, &error));
        let told = match &case.meddling {
            Meddling::None | Meddling::InProcesses | Meddling::Models(_) => None,
            Meddling::AnswersTwice(_) => {
                let outcome = self.inner.perform(action, work);
                self.report(work, work.attempt, outcome.clone());
                Some(outcome)
            }
            Meddling::AnswersLate(_) => {
                self.plans.keep(work, self.late(case, action, work)?);
                failed(ErrorKind::Interrupted, "the bench gave the attempt up")
            }
            Meddling::KillsAProcess(_, victim) => Some(self.struck(*victim, action, work)),
            Meddling::BreaksTheFlaky(limit) => {
                let mended = case.project.mended();
                let broken = mended.replacen(&format!("return {limit}\n"), "return None\n", 1);
                self.propose(action, work, &code, broken)?
            }
            // Without the message that a panic prints: this one is meant.
            Meddling::Breaks(_) => std::panic::resume_unwind(Box::new("the bench broke this agent")),
            Meddling::AnswersSomethingElse(_) => Some(Outcome::NothingDone),
            Meddling::IsUnavailable(_) => failed(ErrorKind::Unavailable, "the bench took the disk away"),
            Meddling::IsCutOff(_) => failed(ErrorKind::Interrupted, "the bench cut the action off"),
            Meddling::IsSlow(_) => {
                let until = Instant::now() + SLOW;
                while let Some(left) = until.checked_duration_since(Instant::now()) {
                    std::thread::park_timeout(left);
                }
                None
            }
            Meddling::StaleReceipt => {
                let mut outcome = self.inner.perform(action, work);
                if let Outcome::ChangeVerified { receipt, .. } = &mut outcome {
                    receipt.tree = receipt.tree.chars().rev().collect();
                }
                Some(outcome)
            }
            Meddling::EditsATest => {
                let path = &case.project.test_file;
                self.propose(action, work, path, format!("# All is well.\n{}", text(path)?))?
            }
            Meddling::BreaksAnother => {
                let name = case.project.sound.0;
                self.propose(
                    action,
                    work,
                    &code,
                    format!("{}\n\ndef {name}(*_):\n    return None\n", text(&code)?),
                )?
            }
            Meddling::DoesNothing => {
                self.propose(action, work, &code, format!("{}# Mended.\n", text(&code)?))?
            }
            Meddling::HidesTests => {
                self.propose(action, work, "conftest.py", "collect_ignore_glob = [\"*test_main*\"]\n".into())?
            }
            Meddling::Writes(..)
            | Meddling::Commits(..)
            | Meddling::CommitsElsewhere
            | Meddling::Removes(_)
            | Meddling::Touches(_) => {
                person_works(case)?;
                None
            }
        };
        Ok(told)
    }

    /// A change of one file, proposed as if it were what was looked for.
    fn propose(
        &self,
        action: &Action,
        work: &Work,
        path: &str,
        text: String,
    ) -> Result<Option<Outcome>, PortError> {
        let Some((snapshot, rung)) = sought(action) else { return Ok(None) };
        let edit = FileEdit { path: path.to_owned(), content: Some(text.into_bytes()) };
        let change =
            self.workspace.commit(&work.mission, &snapshot.commit, &[edit], "a change of the bench")?;
        let proposal = Proposal {
            rung,
            commit: change.commit,
            tree: change.tree,
            diff: change.diff,
            files: change.files,
            explanation: "the bench proposes something wrong".into(),
            confidence: 0.9,
            runners_up: Vec::new(),
            evidence: Default::default(),
        };
        Ok(Some(Outcome::ChangeProposed { proposal, spent: Spent::default() }))
    }
}

fn sought(action: &Action) -> Option<(&Snapshot, Rung)> {
    if let Action::SeekChange { snapshot, rung, .. } = action { Some((snapshot, *rung)) } else { None }
}

/// What the person does meanwhile.
fn person_works(case: &Case) -> Result<(), PortError> {
    let dir = &case.dir;
    let odd = |path: &str, error: std::io::Error| PortError::from_io(path, &error);
    match &case.meddling {
        Meddling::Writes(path, text) => write(&dir.join(path), text),
        Meddling::Touches(path) => {
            let text = std::fs::read_to_string(dir.join(path)).map_err(|error| odd(path, error))?;
            write(&dir.join(path), &text)
        }
        Meddling::Removes(path) => std::fs::remove_file(dir.join(path)).map_err(|error| odd(path, error)),
        Meddling::Commits(path, text) => {
            write(&dir.join(path), text)?;
            person(dir, &["add", "-A"])?;
            person(dir, &["commit", "-q", "-m", "Meanwhile"]).map(drop)
        }
        Meddling::CommitsElsewhere => {
            let commit = person(dir, &["commit-tree", "main^{tree}", "-p", "main", "-m", "Elsewhere"])?;
            person(dir, &["update-ref", "refs/heads/side", commit.trim()]).map(drop)
        }
        Meddling::None
        | Meddling::InProcesses
        | Meddling::Models(_)
        | Meddling::Breaks(_)
        | Meddling::AnswersSomethingElse(_)
        | Meddling::IsUnavailable(_)
        | Meddling::IsCutOff(_)
        | Meddling::IsSlow(_)
        | Meddling::AnswersTwice(_)
        | Meddling::AnswersLate(_)
        | Meddling::KillsAProcess(..)
        | Meddling::StaleReceipt
        | Meddling::EditsATest
        | Meddling::BreaksAnother
        | Meddling::BreaksTheFlaky(_)
        | Meddling::DoesNothing
        | Meddling::HidesTests => Ok(()),
    }
}

/// A command of git under the person's name.
fn person(dir: &Path, arguments: &[&str]) -> Result<String, PortError> {
    let name = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    git(dir, &[&name, arguments].concat()).map_err(|_| {
        PortError::new(
            ErrorKind::Unavailable,
            format!("git {} in the repository of a case", arguments.join(" ")),
        )
    })
}

fn write(path: &Path, text: &str) -> Result<(), PortError> {
    let shown = path.display().to_string();
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above).map_err(|error| PortError::from_io(&shown, &error))?;
    }
    std::fs::write(path, text).map_err(|error| PortError::from_io(&shown, &error))
}
