//! The world model of a workspace: what all its missions have shown of its files, tests, agents and surroundings.
//!
//! It is a fold over their records, mission by mission in the order in which they were submitted, and nothing else: thrown
//! away, it is made again. It grows with the files and tests that there are and were; what went wrong is bounded. The state of one mission ([`crate::state::World`]) is what that mission believes; this outlives it.
//!
//! Queries answer from indexes: what a change can reach is a walk against the direction of the dependencies, which tell by
//! names what files use of one another: mostly too large, and too small where names do not tell.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use coditect_types::event::{Cause, Diagnosis, ViolationKind};
use coditect_types::outcome::Spent;
use coditect_types::plan::{Intent, Role};
use coditect_types::{
    AttemptId, ErrorKind, Event, MissionId, MissionStatus, Outcome, Project, Record, Rung, Strand, TaskId,
    TaskSpec, TestReport,
};

use crate::belief::Rate;

mod files;
mod tests_seen;

pub use files::{Files, Impact};
pub use tests_seen::{TestFacts, Tests};

use tests_seen::Ended;

/// Errors and violations that are remembered, the newest.
const MOST_TROUBLES: usize = 1_000;
/// Missions that are under way at once, as far as their attempts are followed.
const MOST_OPEN: usize = 10_000;

/// What is known of the agents of a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentFacts {
    /// Attempts that ended.
    pub ended: u32,
    /// Those of them that failed by themselves.
    pub failed: u32,
    /// Attempts under way.
    pub running: u32,
    /// Wall clock of those that ended, ms.
    pub wall_ms: u64,
    /// When one of them was last heard of, ms since 1970.
    pub seen_ms: u64,
}

/// How a rung did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RungFacts {
    /// Times it was tried.
    pub tried: u32,
    /// Times that it had a change to propose.
    pub proposed: u32,
    /// Its wall clock, ms.
    pub wall_ms: u64,
}

/// What a model came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// Missions that ended with a result or without one, and in which it answered.
    pub tried: u32,
    /// Those of them in which its change was proved.
    pub proved: u32,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// When, ms since 1970.
    pub at_ms: u64,
    /// The mission.
    pub mission: MissionId,
    /// What it was.
    pub what: TroubleKind,
    /// What was seen, in a phrase.
    pub said: String,
    /// Why it was so, as far as was found out.
    pub diagnosis: Option<Diagnosis>,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// An action failed.
    Error(ErrorKind),
    /// An expectation was contradicted.
    Violation(ViolationKind),
}

/// What the missions took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Runs in a sandbox.
    pub sandbox_runs: u64,
    /// Candidates tried.
    pub candidates: u64,
    /// Calls of models.
    pub model_calls: u64,
    /// The largest run of a suite, ms.
    pub longest_suite_ms: u64,
}

/// An attempt under way, and the role of whoever has it.
type Open = BTreeMap<AttemptId, (TaskId, u64)>;

/// What is known of a mission as long as it is not over.
#[derive(Clone, Debug, Default)]
struct Mission {
    /// Its records up to this number are those of the mission that it was forked from, and count there.
    shared: u64,
    roles: BTreeMap<TaskId, Role>,
    open: Open,
    /// The tree that its suite runs on at first.
    tree: Arc<str>,
    /// What a change is to be, and the models that may be asked for one, with their rungs.
    aim: &'static str,
    models: Vec<(String, Rung)>,
    /// The tasks that ask for one, and the models that answered, the last one last.
    asks: BTreeSet<TaskId>,
    answered: Vec<String>,
    /// It is done in strands or stages: the ledger tells the largest rung of all of them alone, and each stage has an aim of its own.
    is_divided: bool,
}

impl Mission {
    fn planned(&mut self, tasks: &[TaskSpec], strands: &[Strand]) {
        self.is_divided |= !strands.is_empty();
        self.roles.extend(tasks.iter().map(|task| (task.id, task.role)));
        let asks = tasks.iter().filter(|task| matches!(task.intent, Intent::AskModel { .. }));
        self.asks.extend(asks.map(|task| task.id));
    }

    fn answered(&mut self, task: TaskId, model: &str) {
        if self.asks.contains(&task) {
            self.answered.retain(|other| other != model);
            self.answered.push(model.to_owned());
        }
    }

    /// The model of a rung that answered last.
    fn last_of(&self, rung: Rung) -> Option<&String> {
        let is_of = |name: &&String| self.models.iter().any(|(of, on)| of == *name && *on == rung);
        self.answered.iter().rev().find(is_of)
    }
}

/// What all missions on a workspace have shown.
#[derive(Clone, Debug, Default)]
pub struct WorldModel {
    files: Files,
    tests: Tests,
    agents: BTreeMap<Role, AgentFacts>,
    rungs: BTreeMap<Rung, RungFacts>,
    models: BTreeMap<String, BTreeMap<&'static str, ModelFacts>>,
    troubles: VecDeque<Trouble>,
    environment: BTreeMap<&'static str, String>,
    resources: Resources,
    open: BTreeMap<MissionId, Mission>,
    ends: BTreeMap<MissionStatus, u32>,
    records: u64,
}

impl WorldModel {
    /// Folds one record of one of the missions.
    pub fn apply(&mut self, record: &Record) {
        self.records += 1;
        match &record.event {
            Event::MissionSubmitted { request, policy, fork, .. } => {
                if self.open.len() < MOST_OPEN {
                    let shared = fork.as_ref().map_or(0, |fork| fork.at_seq);
                    let policy = fork.as_ref().map_or(policy, |fork| &fork.policy);
                    let models = policy.models.iter().map(|spec| (spec.name.clone(), spec.rung)).collect();
                    let aim = crate::request::aim(request).name();
                    let mission = Mission { shared, aim, models, ..Mission::default() };
                    self.open.insert(record.mission.clone(), mission);
                }
            }
            _ if self.is_shared(record) => self.take_shared(record),
            Event::PlanMade { tasks, strands, .. } => {
                if let Some(mission) = self.open.get_mut(&record.mission) {
                    mission.planned(tasks, strands);
                }
            }
            Event::StagesPlanned { .. } => {
                if let Some(mission) = self.open.get_mut(&record.mission) {
                    mission.is_divided = true;
                }
            }
            Event::AttemptStarted { task, attempt, .. } => self.started(record, *task, *attempt),
            Event::AttemptEnded { task, attempt, outcome } => {
                if let (Outcome::ModelAnswered { model, .. }, Some(mission)) =
                    (outcome, self.open.get_mut(&record.mission))
                {
                    mission.answered(*task, model);
                }
                self.attempt_ended(record, *attempt, outcome);
                self.learn(record, outcome);
            }
            Event::MissionResumed { lost } => {
                for attempt in lost {
                    self.close(&record.mission, *attempt, record.at_ms);
                }
            }
            Event::ViolationFound { kind, observed, diagnosis, .. } => {
                let (what, diagnosis) = (TroubleKind::Violation(*kind), diagnosis.clone());
                self.trouble(record, what, observed.clone(), diagnosis);
            }
            Event::MissionCompleted { status, ledger, .. } => {
                self.resources.model_calls += ledger.model_calls;
                *self.ends.entry(*status).or_default() += 1;
                let attempts: Vec<AttemptId> = self
                    .open
                    .get(&record.mission)
                    .map(|mission| mission.open.keys().copied().collect())
                    .unwrap_or_default();
                for attempt in attempts {
                    self.close(&record.mission, attempt, record.at_ms);
                }
                if let Some(mission) = self.open.remove(&record.mission) {
                    self.came_to(&mission, *status, ledger.solved_by);
                }
            }
            Event::MissionConcluding {}
            | Event::MissionForked { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. }
            | Event::TaskSettled { .. } => {}
        }
    }

    /// What a fork must know of the part that it shares, which counts where it happened.
    fn take_shared(&mut self, record: &Record) {
        let Some(mission) = self.open.get_mut(&record.mission) else { return };
        if let Event::PlanMade { tasks, strands, .. } = &record.event {
            mission.planned(tasks, strands);
        } else if let Event::StagesPlanned { .. } = &record.event {
            mission.is_divided = true;
        } else if let Event::AttemptEnded { outcome: Outcome::SnapshotTaken { snapshot }, .. } = &record.event
        {
            mission.tree = Arc::from(snapshot.tree.as_str());
        }
    }

    /// Whether a record was folded already, with the mission that its own was forked from.
    fn is_shared(&self, record: &Record) -> bool {
        self.open.get(&record.mission).is_some_and(|mission| record.seq <= mission.shared)
    }

    /// The files and what they use of one another.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The tests and how they ended.
    #[must_use]
    pub fn tests(&self) -> &Tests {
        &self.tests
    }

    /// What a change of these files (paths below the project's root) can reach.
    #[must_use]
    pub fn impact(&self, changed: &[&str]) -> Impact<'_> {
        self.files.impact(changed, &self.tests)
    }

    /// The agents by role.
    #[must_use]
    pub fn agents(&self) -> &BTreeMap<Role, AgentFacts> {
        &self.agents
    }

    /// How likely an attempt of this role is to do what it is for, with a prior of 98 in 100.
    #[must_use]
    pub fn succeeds(&self, role: Role) -> f64 {
        let facts = self.agents.get(&role).cloned().unwrap_or_default();
        Rate::prior(98.0, 2.0).seen(facts.ended - facts.failed.min(facts.ended), facts.failed).mean()
    }

    /// The rungs of the ladder.
    #[must_use]
    pub fn rungs(&self) -> &BTreeMap<Rung, RungFacts> {
        &self.rungs
    }

    /// What models came to, by name and by what their changes were to be.
    #[must_use]
    pub fn models(&self) -> &BTreeMap<String, BTreeMap<&'static str, ModelFacts>> {
        &self.models
    }

    /// What went wrong, the newest last.
    pub fn troubles(&self) -> impl DoubleEndedIterator<Item = &Trouble> {
        self.troubles.iter()
    }

    /// What was diagnosed of this cause, the newest last.
    pub fn diagnosed(&self, cause: Cause) -> impl DoubleEndedIterator<Item = &Trouble> {
        self.troubles.iter().filter(move |trouble| {
            trouble.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.cause == cause)
        })
    }

    /// Facts of the surroundings: language, framework, sandbox.
    #[must_use]
    pub fn environment(&self) -> &BTreeMap<&'static str, String> {
        &self.environment
    }

    /// What the missions took.
    #[must_use]
    pub fn resources(&self) -> Resources {
        self.resources
    }

    /// Missions by how they ended.
    #[must_use]
    pub fn ends(&self) -> &BTreeMap<MissionStatus, u32> {
        &self.ends
    }

    /// Records that were folded.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// What the models of a mission came to. One that was broken off, or that several did parts of, says nothing of them.
    fn came_to(&mut self, mission: &Mission, status: MissionStatus, solved_by: Option<Rung>) {
        if mission.is_divided {
            return;
        }
        let is_proved = match status {
            MissionStatus::Verified | MissionStatus::PartlyVerified => true,
            MissionStatus::Failed => false,
            MissionStatus::Unverified
            | MissionStatus::NeedsPerson
            | MissionStatus::OverLimit
            | MissionStatus::Cancelled => return,
        };
        let winner = solved_by.filter(|_| is_proved).and_then(|rung| mission.last_of(rung));
        for model in &mission.answered {
            let facts = self.models.entry(model.clone()).or_default().entry(mission.aim).or_default();
            facts.tried += 1;
            facts.proved += u32::from(winner == Some(model));
        }
    }

    fn started(&mut self, record: &Record, task: TaskId, attempt: AttemptId) {
        let Some(mission) = self.open.get_mut(&record.mission) else { return };
        mission.open.insert(attempt, (task, record.at_ms));
        if let Some(role) = mission.roles.get(&task) {
            let agent = self.agents.entry(*role).or_default();
            agent.running += 1;
            agent.seen_ms = agent.seen_ms.max(record.at_ms);
        }
    }

    /// An attempt that is under way no longer: its role, and how long it took.
    fn close(&mut self, mission: &MissionId, attempt: AttemptId, at_ms: u64) -> Option<(Role, u64)> {
        let mission = self.open.get_mut(mission)?;
        let (task, started_ms) = mission.open.remove(&attempt)?;
        let role = *mission.roles.get(&task)?;
        let agent = self.agents.entry(role).or_default();
        agent.running = agent.running.saturating_sub(1);
        agent.seen_ms = agent.seen_ms.max(at_ms);
        Some((role, at_ms.saturating_sub(started_ms)))
    }

    fn attempt_ended(&mut self, record: &Record, attempt: AttemptId, outcome: &Outcome) {
        let Some((role, wall_ms)) = self.close(&record.mission, attempt, record.at_ms) else { return };
        let agent = self.agents.entry(role).or_default();
        // What asked nobody was no try.
        if matches!(outcome, Outcome::Failed { failure, .. } if failure.unasked) {
            return;
        }
        agent.ended += 1;
        agent.failed += u32::from(matches!(outcome, Outcome::Failed { .. }));
        agent.wall_ms += wall_ms;
    }

    fn learn(&mut self, record: &Record, outcome: &Outcome) {
        match outcome {
            Outcome::SnapshotTaken { snapshot } => {
                if let Some(mission) = self.open.get_mut(&record.mission) {
                    mission.tree = Arc::from(snapshot.tree.as_str());
                }
            }
            Outcome::ProjectSurveyed { project, sources } => {
                self.surroundings(project);
                self.files.replace(sources);
            }
            Outcome::BaselineMeasured { project, report, spent, .. } => {
                self.surroundings(project);
                let tree = self.open.get(&record.mission).map(|mission| Arc::clone(&mission.tree));
                self.suite(report, &tree.unwrap_or_default(), record.at_ms);
                if !report.tests.is_empty() {
                    self.tests.whole_suite_at(record.at_ms);
                }
                self.spent(spent);
            }
            Outcome::ChangeVerified { receipt, report, spent } => {
                let tree = Arc::from(receipt.tree.as_str());
                self.suite(report, &tree, record.at_ms);
                // The journal keeps how each test ended in the receipt.
                let told: BTreeSet<&str> = report.tests.iter().map(|test| test.id.as_str()).collect();
                for (id, status) in receipt.after.iter().filter(|(id, _)| !told.contains(id.as_str())) {
                    self.tests.ended(
                        id,
                        Ended { status: *status, us: 0, runs: None },
                        &tree,
                        record.at_ms,
                        &self.files,
                    );
                }
                self.spent(spent);
            }
            Outcome::ChangeProposed { proposal, spent } => self.rung(proposal.rung, spent, 1),
            Outcome::NoChangeFound { rung, spent, .. } | Outcome::ReplyRefused { rung, spent, .. } => {
                self.rung(*rung, spent, 0);
            }
            Outcome::Failed { failure, .. } if failure.unasked => {}
            Outcome::Failed { failure, spent } => {
                self.trouble(record, TroubleKind::Error(failure.kind), failure.cause.clone(), None);
                self.spent(spent);
            }
            Outcome::ContextGathered { .. }
            | Outcome::NeedsFirst { .. }
            | Outcome::ModelAnswered { .. }
            | Outcome::ChangeReviewed { .. }
            | Outcome::ChangesMerged { .. }
            | Outcome::HeadMoved { .. }
            | Outcome::HandedOver { .. }
            | Outcome::SpecificationWritten { .. }
            | Outcome::NothingDone => {}
        }
    }

    fn suite(&mut self, report: &TestReport, tree: &Arc<str>, at_ms: u64) {
        self.resources.longest_suite_ms = self.resources.longest_suite_ms.max(report.wall_ms);
        for test in &report.tests {
            let ended = Ended { status: test.status, us: test.us, runs: test.passes_of_runs };
            self.tests.ended(&test.id, ended, tree, at_ms, &self.files);
        }
    }

    fn surroundings(&mut self, project: &Project) {
        let mut set = |name: &'static str, value: String| self.environment.insert(name, value);
        set("language", project.language.clone());
        set("framework", wire_name(&project.framework));
        set("sandbox", wire_name(&project.tier));
        if let Some(interpreter) = &project.interpreter {
            set("interpreter", interpreter.clone());
        }
    }

    fn rung(&mut self, rung: Rung, spent: &Spent, proposed: u32) {
        let facts = self.rungs.entry(rung).or_default();
        facts.tried += 1;
        facts.proposed += proposed;
        facts.wall_ms += spent.wall_ms;
        self.spent(spent);
    }

    fn spent(&mut self, spent: &Spent) {
        self.resources.sandbox_runs += spent.sandbox_runs;
        self.resources.candidates += spent.candidates;
    }

    fn trouble(&mut self, record: &Record, what: TroubleKind, said: String, diagnosis: Option<Diagnosis>) {
        if self.troubles.len() == MOST_TROUBLES {
            self.troubles.pop_front();
        }
        let mission = record.mission.clone();
        self.troubles.push_back(Trouble { at_ms: record.at_ms, mission, what, said, diagnosis });
    }
}

/// The name of a value as the journal has it.
fn wire_name(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
