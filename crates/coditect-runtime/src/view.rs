//! A mission as a person wants to see it: a fold over its records, for `list`, `show` and others.

use std::collections::BTreeMap;

use coditect_core::Spending;
use coditect_core::decide::intent_name;
use coditect_types::event::{Fork, TaskEnd, ViolationKind};
use coditect_types::limits::Verdict;
use coditect_types::outcome::{ChangedFile, Proposal};
use coditect_types::plan::Role;
use coditect_types::{
    ApprovalId, AttemptId, Event, Ledger, MissionId, MissionStatus, Outcome, Policy, Project, Receipt,
    Record, Snapshot, Stage, StageId, Strand, StrandId, TaskId, TaskSpec,
};
use serde::Serialize;

/// Where a task stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskProgress {
    /// Not started.
    Waiting,
    /// An attempt is under way, or was when the journal ends.
    Running,
    /// Achieved.
    Done,
    /// Not achieved.
    Failed,
    /// Not needed any more.
    Dropped,
}

/// One task.
#[derive(Clone, Debug, Serialize)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Who can do it.
    pub role: Role,
    /// What it is to achieve.
    pub intent: String,
    /// The strand that it is for; None: all of the mission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strand: Option<StrandId>,
    /// Where it stands.
    pub state: TaskProgress,
    /// Attempts so far.
    pub attempts: u32,
    /// Why it ended as it did, where that needs a word.
    pub why: String,
    /// Wall clock of its attempts, ms.
    pub wall_ms: u64,
    /// Its part of what the mission cost.
    pub ledger: Ledger,
}

/// Tests that a model wrote from the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WrittenTests {
    /// The model.
    pub model: String,
    /// The files that hold them.
    pub files: Vec<ChangedFile>,
    /// What was added, as a unified diff (at most 64 KiB).
    pub diff: String,
}

/// One mission.
#[derive(Clone, Debug, Serialize)]
pub struct MissionView {
    /// Its id.
    pub mission: MissionId,
    /// The request.
    pub request: String,
    /// The person's directory.
    pub workspace: String,
    /// How it is run.
    pub policy: Policy,
    /// How it ended; None: it has not.
    pub status: Option<MissionStatus>,
    /// What happened or what is going on, in a sentence.
    pub summary: String,
    /// The next step for a person, if there is one.
    pub hint: Option<String>,
    /// What limits the result.
    pub caveats: Vec<String>,
    /// The plan.
    pub tasks: Vec<TaskView>,
    /// The stages that the request is carried out in; none where it is one piece of work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageView>,
    /// The strands that the work falls into; none as long as it is one piece.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strands: Vec<Strand>,
    /// What the person saw.
    pub snapshot: Option<Snapshot>,
    /// The project.
    pub project: Option<Project>,
    /// Tests that were written first, since none showed what is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specification: Option<WrittenTests>,
    /// The change that is or was stood for.
    pub proposal: Option<Proposal>,
    /// The branch that was handed over.
    pub branch: Option<String>,
    /// The commit on it.
    pub commit: Option<String>,
    /// The patch file.
    pub patch: Option<String>,
    /// The evidence.
    pub receipt: Option<Receipt>,
    /// Questions that were asked of a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalView>,
    /// The cost.
    pub ledger: Ledger,
    /// When it was submitted, ms since 1970; a fork: the mission that it was forked from.
    pub submitted_at_ms: u64,
    /// Where it was forked from another mission, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
    /// When it ended, ms since 1970.
    pub ended_at_ms: Option<u64>,
    /// Time at work, ms.
    pub wall_ms: u64,
    /// The number of its newest record.
    pub last_seq: u64,
}

/// Where a mission was forked from another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForkedFrom {
    /// The other one.
    pub mission: MissionId,
    /// The last record that both have.
    pub seq: u64,
    /// When it was forked, ms since 1970.
    pub at_ms: u64,
}

/// A question to a person, and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApprovalView {
    /// Its number.
    pub approval: ApprovalId,
    /// The task that waits.
    pub task: TaskId,
    /// The kind of violation.
    pub kind: ViolationKind,
    /// What was expected.
    pub expected: String,
    /// What was observed.
    pub observed: String,
    /// How sure it is that something is wrong, 0 to 1.
    pub confidence: f64,
    /// When it was asked, ms since 1970.
    pub asked_at_ms: u64,
    /// When it is answered by itself, ms since 1970, as long as the mission runs.
    pub until_ms: u64,
    /// The answer, once there is one.
    pub verdict: Option<Verdict>,
    /// Its task came to an end without it.
    pub is_void: bool,
    /// Who gave it; None: nobody, so far or in time.
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl ApprovalView {
    /// Whether it waits for an answer.
    #[must_use]
    pub fn is_open(&self, of: &MissionView) -> bool {
        self.verdict.is_none() && !self.is_void && of.status.is_none()
    }
}

/// A stage of a mission, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageView {
    /// As planned.
    #[serde(flatten)]
    pub stage: Stage,
    /// How it ended, once it has.
    pub end: Option<TaskEnd>,
    /// What came of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Tests that were written for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specification: Option<WrittenTests>,
    /// Its change, where one was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
}

/// Folds records into a view. None if they do not begin with a submission.
#[must_use]
pub fn view(records: &[Record]) -> Option<MissionView> {
    let mut viewer = Viewer::default();
    records.iter().for_each(|record| viewer.take(record));
    viewer.view()
}

/// The same fold, record by record: for whoever follows a mission, or does not want all of its records at once.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    view: Option<MissionView>,
    started_ms: BTreeMap<AttemptId, u64>,
    spending: Spending,
    /// When the newest record was decided, and how long nobody was at work until then, ms.
    newest_ms: u64,
    away_ms: u64,
}

impl Viewer {
    /// Takes the next record. Nothing counts before a submission.
    pub fn take(&mut self, record: &Record) {
        if self.view.is_none() {
            self.view = submitted(record);
        }
        let Some(view) = &mut self.view else { return };
        if matches!(record.event, Event::MissionResumed { .. } | Event::MissionForked { .. }) {
            self.away_ms += record.at_ms.saturating_sub(self.newest_ms);
        }
        self.newest_ms = record.at_ms;
        fold(view, record, &mut self.started_ms);
        self.spending.take(&record.event);
        view.last_seq = record.seq;
        if view.status.is_none() {
            let since_ms = record.at_ms.saturating_sub(view.submitted_at_ms);
            view.wall_ms = since_ms.saturating_sub(self.away_ms);
        }
    }

    /// What the records so far come to.
    #[must_use]
    pub fn view(&self) -> Option<MissionView> {
        let mut view = self.view.clone()?;
        for task in &mut view.tasks {
            task.ledger = self.spending.tasks().get(&task.id).cloned().unwrap_or_default();
        }
        if view.status.is_none() {
            view.ledger = self.spending.ledger().clone();
            let open = view.approvals.iter().filter(|asked| asked.is_open(&view)).count();
            view.summary = match open {
                0 => under_way(&view.tasks),
                1 => "Waits for a person's answer.".into(),
                n => format!("Waits for a person's answers to {n} questions."),
            };
        }
        Some(view)
    }
}

/// A view that knows of nothing but the submission.
fn submitted(first: &Record) -> Option<MissionView> {
    let Event::MissionSubmitted { mission, request, workspace, policy, fork } = &first.event else {
        return None;
    };
    let forked_from =
        |fork: &Fork| ForkedFrom { mission: fork.from.clone(), seq: fork.at_seq, at_ms: fork.at_ms };
    // The part that both have was run as the other one was, and the fork is not asked about that.
    let policy = fork.as_ref().map_or(policy, |fork| &fork.policy);
    Some(MissionView {
        mission: mission.clone(),
        request: request.clone(),
        workspace: workspace.path.clone(),
        policy: policy.clone(),
        status: None,
        summary: String::new(),
        hint: None,
        caveats: Vec::new(),
        tasks: Vec::new(),
        stages: Vec::new(),
        strands: Vec::new(),
        snapshot: None,
        project: None,
        specification: None,
        proposal: None,
        branch: None,
        commit: None,
        patch: None,
        receipt: None,
        approvals: Vec::new(),
        ledger: Ledger::default(),
        submitted_at_ms: first.at_ms,
        forked_from: fork.as_deref().map(forked_from),
        ended_at_ms: None,
        wall_ms: 0,
        last_seq: 0,
    })
}

/// What goes on, in a sentence.
fn under_way(tasks: &[TaskView]) -> String {
    let mut running = tasks.iter().filter(|task| task.state == TaskProgress::Running);
    let Some(first) = running.next() else { return "Between tasks.".into() };
    match running.count() {
        0 => format!("At {}.", first.intent),
        more => format!("At {} tasks side by side.", more + 1),
    }
}

fn fold(view: &mut MissionView, record: &Record, started_ms: &mut BTreeMap<AttemptId, u64>) {
    match &record.event {
        Event::PlanMade { tasks, strands, .. } => {
            view.tasks.extend(tasks.iter().map(waiting));
            view.strands.extend(strands.iter().cloned());
        }
        Event::StagesPlanned { stages, .. } => view.stages = stages.iter().map(StageView::new).collect(),
        Event::StageEnded { stage, end, why, commit } => {
            end_stage(view, *stage, (*end, why), commit.is_some())
        }
        Event::AttemptStarted { task, attempt, .. } => {
            started_ms.insert(*attempt, record.at_ms);
            if let Some(task) = task_of(view, *task) {
                task.state = TaskProgress::Running;
                task.attempts += 1;
            }
        }
        Event::AttemptEnded { task, attempt, outcome } => {
            let began = started_ms.remove(attempt).unwrap_or(record.at_ms);
            let mut strand = None;
            if let Some(task) = task_of(view, *task) {
                task.state = TaskProgress::Waiting;
                task.wall_ms += record.at_ms.saturating_sub(began);
                strand = task.strand;
            }
            // The change of a strand is not yet one that the mission stands for.
            if strand.is_none() {
                learn(view, outcome);
            }
        }
        Event::ApprovalAsked { .. } | Event::ApprovalGiven { .. } => ask(view, record),
        Event::TaskSettled { task, end, why } => settle(view, *task, *end, why),
        Event::MissionCompleted {
            status,
            summary,
            hint,
            caveats,
            branch,
            commit,
            patch,
            receipt,
            ledger,
            wall_ms,
            ..
        } => {
            view.status = Some(*status);
            view.summary.clone_from(summary);
            view.hint.clone_from(hint);
            view.caveats.clone_from(caveats);
            view.branch.clone_from(branch);
            view.commit.clone_from(commit);
            view.patch.clone_from(patch);
            view.receipt.clone_from(receipt);
            view.ledger = ledger.clone();
            view.ended_at_ms = Some(record.at_ms);
            view.wall_ms = *wall_ms;
        }
        Event::MissionSubmitted { .. }
        | Event::MissionForked { .. }
        | Event::MissionResumed { .. }
        | Event::MissionConcluding {}
        | Event::OutcomeIgnored { .. }
        | Event::ViolationFound { .. } => {}
    }
}

/// Takes a question, or an answer.
fn ask(view: &mut MissionView, record: &Record) {
    if let Event::ApprovalAsked { approval, task, kind, expected, observed, confidence, until_ms, .. } =
        &record.event
    {
        view.approvals.push(ApprovalView {
            approval: *approval,
            task: *task,
            kind: *kind,
            expected: expected.clone(),
            observed: observed.clone(),
            confidence: *confidence,
            asked_at_ms: record.at_ms,
            until_ms: *until_ms,
            verdict: None,
            is_void: false,
            by: None,
            why: String::new(),
        });
    } else if let Event::ApprovalGiven { approval, verdict, by, why } = &record.event
        && let Some(asked) = view.approvals.iter_mut().find(|asked| asked.approval == *approval)
    {
        asked.verdict = Some(*verdict);
        asked.by.clone_from(by);
        asked.why.clone_from(why);
    }
}

fn settle(view: &mut MissionView, task: TaskId, end: TaskEnd, why: &str) {
    for asked in view.approvals.iter_mut().filter(|asked| asked.task == task && asked.verdict.is_none()) {
        asked.is_void = true;
    }
    if let Some(task) = task_of(view, task) {
        task.state = match end {
            TaskEnd::Done => TaskProgress::Done,
            TaskEnd::Failed => TaskProgress::Failed,
            TaskEnd::Dropped => TaskProgress::Dropped,
        };
        why.clone_into(&mut task.why);
    }
}

impl StageView {
    fn new(stage: &Stage) -> Self {
        Self { stage: stage.clone(), end: None, why: String::new(), specification: None, proposal: None }
    }
}

/// What was stood for belongs to the stage, where it was proved; the next one begins with nothing.
fn end_stage(view: &mut MissionView, id: StageId, (end, why): (TaskEnd, &str), proved: bool) {
    let (specification, proposal) = (view.specification.take(), view.proposal.take());
    view.strands.clear();
    if let Some(of) = view.stages.iter_mut().find(|of| of.stage.id == id) {
        of.end = Some(end);
        why.clone_into(&mut of.why);
        if proved {
            (of.specification, of.proposal) = (specification, proposal);
        }
    }
}

fn waiting(spec: &TaskSpec) -> TaskView {
    TaskView {
        id: spec.id,
        role: spec.role,
        intent: intent_name(&spec.intent).to_owned(),
        strand: spec.strand,
        state: TaskProgress::Waiting,
        attempts: 0,
        why: String::new(),
        wall_ms: 0,
        ledger: Ledger::default(),
    }
}

fn learn(view: &mut MissionView, outcome: &Outcome) {
    match outcome {
        Outcome::SnapshotTaken { snapshot } => view.snapshot = Some(snapshot.clone()),
        Outcome::ProjectSurveyed { project, .. } => view.project = Some(project.clone()),
        Outcome::BaselineMeasured { project, receipt, .. } => {
            view.project = Some(project.clone());
            view.receipt = Some(receipt.clone());
        }
        Outcome::ChangeProposed { proposal, .. }
        | Outcome::ChangesMerged { proposal: Some(proposal), .. } => view.proposal = Some(proposal.clone()),
        Outcome::SpecificationWritten { model, files, diff, .. } => {
            view.specification =
                Some(WrittenTests { model: model.clone(), files: files.clone(), diff: diff.clone() });
        }
        Outcome::ChangeVerified { receipt, .. } => view.receipt = Some(receipt.clone()),
        Outcome::HandedOver { branch, commit, patch, .. } => {
            view.branch.clone_from(branch);
            view.commit.clone_from(commit);
            view.patch.clone_from(patch);
            if !view.stages.is_empty() {
                view.proposal = sum_of(&view.stages);
            }
        }
        Outcome::NoChangeFound { .. }
        | Outcome::HeadMoved { .. }
        | Outcome::ContextGathered { .. }
        | Outcome::NeedsFirst { .. }
        | Outcome::ChangeReviewed { .. }
        | Outcome::ModelAnswered { .. }
        | Outcome::ReplyRefused { .. }
        | Outcome::ChangesMerged { proposal: None, .. }
        | Outcome::NothingDone
        | Outcome::Failed { .. } => {}
    }
}

/// The changes of all stages as one, with the tests that were written for them.
fn sum_of(stages: &[StageView]) -> Option<Proposal> {
    let with_tests = |stage: &StageView| {
        let mut proposal = stage.proposal.clone()?;
        if let Some(written) = &stage.specification {
            proposal.files.splice(..0, written.files.iter().cloned());
            proposal.diff.insert_str(0, &written.diff);
        }
        Some(proposal)
    };
    let proved: Vec<Proposal> = stages.iter().filter_map(with_tests).collect();
    Proposal::in_sequence(proved.iter())
}

fn task_of(view: &mut MissionView, id: TaskId) -> Option<&mut TaskView> {
    // They are numbered in the order of planning, so that none has to be looked for.
    view.tasks.get_mut(id.0.checked_sub(1)? as usize).filter(|task| task.id == id)
}
