//! A request that asks for several things is carried out in stages: each has a task list, a conversation and a proof of its
//! own, as if it were a mission, and works on the tree of the stages that are done. A model says which stages there are
//! ([`crate::planning`] holds its answer against the rules); where it cannot, the request is one piece of work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_types::event::TaskEnd;
use coditect_types::outcome::Proposal;
use coditect_types::plan::Intent;
use coditect_types::{
    Aim, Event, Focus, MissionStatus, ModelRequest, ModelSpec, Outcome, Policy, Project, Receipt, Rung,
    Snapshot, Stage, StageId, Suspect, TaskId, TestReport, TestResult, TestStatus,
};

use crate::context::{self, Turn};
use crate::decide::Draft;
use crate::expect::red_tests;
use crate::gateway;
use crate::hand_over::count;
use crate::plan;
use crate::planning;
use crate::request::{aim, aims, things};
use crate::specification::{self, Specification};
use crate::state::{State, World};
use crate::tasks::TaskState;

/// Plans that models are asked for at most: one, and one more with what was wrong with it.
const MAX_PLANS: usize = 2;
/// Calls that a stage needs at least: for its tests, and for its change.
const CALLS_OF_A_STAGE: u64 = 2;

/// How a request is divided, and how far its stages are.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// How each model answered that was asked for a plan.
    pub turns: BTreeMap<String, Vec<Turn>>,
    /// Why plans were refused.
    pub refused: Vec<String>,
    /// A plan that holds, until its stages begin: who made it, and they.
    pub found: Option<(String, Vec<Stage>)>,
    /// The stages; none as long as the work is one piece.
    pub all: Vec<StageState>,
    /// The one under way.
    pub current: Option<StageId>,
    /// What the person saw.
    pub base: Option<Arc<Snapshot>>,
    /// Where the stage under way began.
    start: Start,
}

/// One stage and what came of it.
#[derive(Clone, Debug)]
pub struct StageState {
    /// As planned.
    pub spec: Stage,
    /// How it ended, and what came of it.
    pub end: Option<(TaskEnd, String)>,
    /// Its change, where it was done and one was needed.
    proved: Option<Proved>,
}

/// A change of a stage and its proof.
#[derive(Clone, Debug)]
struct Proved {
    proposal: Arc<Proposal>,
    receipt: Arc<Receipt>,
    report: Option<Arc<TestReport>>,
    specification: Arc<Specification>,
    remarks: Arc<Vec<String>>,
}

/// What a stage finds when it begins.
#[derive(Clone, Debug, Default)]
struct Start {
    snapshot: Option<Arc<Snapshot>>,
    project: Option<Arc<Project>>,
    baseline: Option<Arc<TestReport>>,
    baseline_receipt: Option<Arc<Receipt>>,
    suspects: Arc<Vec<Suspect>>,
    proof_ms: u64,
}

impl Start {
    fn of(world: &World) -> Self {
        Self {
            snapshot: world.snapshot.clone(),
            project: world.project.clone(),
            baseline: world.baseline.clone(),
            baseline_receipt: world.baseline_receipt.clone(),
            suspects: Arc::clone(&world.suspects),
            proof_ms: world.proof_ms,
        }
    }

    /// A world in which nothing is known but this.
    fn world(&self, stages: Arc<Stages>) -> World {
        World {
            snapshot: self.snapshot.clone(),
            project: self.project.clone(),
            baseline: self.baseline.clone(),
            baseline_receipt: self.baseline_receipt.clone(),
            suspects: Arc::clone(&self.suspects),
            proof_ms: self.proof_ms,
            stages,
            ..World::default()
        }
    }
}

impl Stages {
    fn get(&self, id: StageId) -> Option<&StageState> {
        self.all.iter().find(|stage| stage.spec.id == id)
    }

    fn done(&self) -> impl Iterator<Item = &StageState> {
        self.all.iter().filter(|stage| matches!(stage.end, Some((TaskEnd::Done, _))))
    }

    fn proved(&self) -> impl Iterator<Item = &Proved> {
        self.all.iter().filter_map(|stage| stage.proved.as_ref())
    }
}

/// The stage under way.
#[must_use]
pub fn current(state: &State) -> Option<&Stage> {
    let stages = &state.world.stages;
    stages.get(stages.current?).map(|stage| &stage.spec)
}

/// What is to be done now: by the stage under way, else by the whole request.
#[must_use]
pub fn wanted(state: &State) -> &str {
    current(state).map_or(&*state.request, |stage| stage.what.as_str())
}

/// The same with the files that it is likely to touch, for whoever looks for what it is about.
pub(crate) fn wanted_and_files(state: &State) -> String {
    current(state).map_or_else(
        || state.request.to_string(),
        |stage| {
            let files: Vec<String> = stage.files.iter().map(|file| format!("`{file}`")).collect();
            format!("{}\n\n{}", stage.what, files.join(" ")).trim_end().to_owned()
        },
    )
}

/// True where a stage hands nothing over: its proof is the end of it.
pub(crate) fn is_staged(state: &State) -> bool {
    state.world.stages.current.is_some()
}

/// True where there were stages and all of them have ended: what is left is to hand over.
pub(crate) fn are_over(state: &State) -> bool {
    !state.world.stages.all.is_empty() && state.world.stages.current.is_none()
}

/// What the person saw, where work goes on from the trees of stages.
pub(crate) fn base(state: &State) -> Option<&Snapshot> {
    state.world.stages.base.as_deref()
}

/// Takes the stages of a plan: the first of them begins.
pub(crate) fn planned(state: &mut State, all: &[Stage]) {
    let start = Start::of(&state.world);
    let base = state.world.snapshot.clone();
    let stages = Arc::make_mut(&mut state.world.stages);
    stages.found = None;
    stages.base = base;
    stages.start = start;
    stages.all = all.iter().map(|spec| StageState { spec: spec.clone(), end: None, proved: None }).collect();
    begin_next(state);
}

/// Takes the end of a stage, and begins the next one.
pub(crate) fn ended(state: &mut State, id: StageId, end: TaskEnd, why: &str) {
    // Also of a stage that did only a part of what it was for: nothing is worse than before it.
    let proved = prove(&state.world);
    let concluding = state.concluding;
    let stages = Arc::make_mut(&mut state.world.stages);
    if let Some(proved) = &proved {
        stages.start.go_on_from(proved);
    }
    if let Some(stage) = stages.all.iter_mut().find(|stage| stage.spec.id == id) {
        stage.end = Some((end, why.to_owned()));
        stage.proved = proved;
    }
    let mut lost: BTreeSet<StageId> = BTreeSet::new();
    // Each stands behind those that it needs, so that one pass finds all.
    for stage in &mut stages.all {
        let needs_lost = stage.spec.needs.iter().any(|need| lost.contains(need));
        if stage.end.is_none() && (concluding || needs_lost) {
            let why =
                if needs_lost { "a stage that it needs failed" } else { "the person wants what there is" };
            stage.end = Some((TaskEnd::Dropped, why.to_owned()));
        }
        if matches!(stage.end, Some((TaskEnd::Failed | TaskEnd::Dropped, _))) {
            lost.insert(stage.spec.id);
        }
    }
    begin_next(state);
}

impl Start {
    /// What is proved is what the next stage finds.
    fn go_on_from(&mut self, proved: &Proved) {
        if let Some(snapshot) = &mut self.snapshot {
            let snapshot = Arc::make_mut(snapshot);
            snapshot.commit.clone_from(&proved.proposal.commit);
            snapshot.tree.clone_from(&proved.receipt.tree);
        }
        // Red tests need a run that says where they run along; where there are none, the proof says it all.
        let baseline = self.report_of(proved);
        self.baseline_receipt = baseline.as_ref().map(|_| Arc::clone(&proved.receipt));
        self.baseline = baseline.map(Arc::new);
        self.suspects = Arc::default();
    }

    /// What a proof says of its tree, as a baseline; None where a test is red on it. How long tests take is known from before.
    fn report_of(&self, proved: &Proved) -> Option<TestReport> {
        let receipt = &proved.receipt;
        if receipt.after.values().any(|status| status.is_red()) {
            return None;
        }
        let known = self.baseline.iter().flat_map(|report| &report.tests);
        let times: BTreeMap<&str, u64> = known.map(|test| (test.id.as_str(), test.us)).collect();
        let test = |(id, status): (&String, &TestStatus)| TestResult {
            id: id.clone(),
            status: *status,
            us: times.get(id.as_str()).copied().unwrap_or(0),
            message: String::new(),
            error_type: String::new(),
            frames: Vec::new(),
            passes_of_runs: receipt.flaky.get(id).copied(),
        };
        // A file that could not be imported has tests of its own by now.
        let named = receipt.after.iter().filter(|(id, _)| !id.ends_with("::<import>"));
        Some(TestReport {
            tests: named.map(test).collect(),
            exit_code: Some(receipt.exit_code),
            wall_ms: receipt.wall_ms,
            ..TestReport::default()
        })
    }
}

fn prove(world: &World) -> Option<Proved> {
    Some(Proved {
        proposal: world.proposal.clone()?,
        receipt: world.receipt.clone()?,
        report: world.verified.clone(),
        specification: Arc::clone(&world.specification),
        remarks: Arc::clone(&world.remarks),
    })
}

/// The next stage finds a world of its own; after the last one, what all of them come to stands to be handed over.
fn begin_next(state: &mut State) {
    let mut stages = std::mem::take(&mut state.world.stages);
    let about = Arc::make_mut(&mut stages);
    let next = about.all.iter().find(|stage| stage.end.is_none()).map(|stage| stage.spec.clone());
    about.current = next.as_ref().map(|stage| stage.id);
    let start = about.start.clone();
    state.world = start.world(stages);
    state.tasks.begin();
    state.replans = 0;
    let aim = next.map(|stage| stage.aim);
    if aim.is_none() {
        stand_for_all(state);
    }
    let focus = Focus { aim: aim.unwrap_or_default(), ..state.policy.focus.clone() };
    state.policy = Arc::new(Policy { focus, ..state.policy.as_ref().clone() });
}

/// The change of all stages that were done, with the proof of the last one: it ran on the tree of all.
fn stand_for_all(state: &mut State) {
    let stages = Arc::clone(&state.world.stages);
    let Some(last) = stages.proved().last() else { return };
    let Some(proposal) = Proposal::in_sequence(stages.proved().map(|proved| &*proved.proposal)) else {
        return;
    };
    let remarks = stages.proved().flat_map(|proved| proved.remarks.iter().cloned()).collect();
    state.world.remarks = Arc::new(remarks);
    state.ledger.solved_by = Some(proposal.rung);
    state.world.proposal = Some(Arc::new(proposal));
    state.world.receipt = Some(Arc::clone(&last.receipt));
    state.world.verified.clone_from(&last.report);
}

/// Takes what a model says of how the request divides. False: the outcome is of something else.
pub(crate) fn learn(state: &mut State, task: TaskId, outcome: &Outcome) -> bool {
    let asks = |spec: &Intent| matches!(spec, Intent::AskForPlan { .. });
    if !state.task(task).is_some_and(|task| asks(&task.spec.intent)) {
        return false;
    }
    let Outcome::ModelAnswered { model, reply, .. } = outcome else { return false };
    let read = planning::read(&reply.text, &state.request, payable(state));
    let stages = Arc::make_mut(&mut state.world.stages);
    let feedback = match read {
        Ok(found) => {
            stages.found = Some((model.clone(), found));
            String::new()
        }
        Err(why) => {
            let feedback = format!("This is no plan that can be carried out: {why}.");
            stages.refused.push(why);
            feedback
        }
    };
    let turn = Turn { feedback, ..Turn::new(&reply.text) };
    stages.turns.entry(model.clone()).or_default().push(turn);
    true
}

/// Stages that what is left for models is enough for.
fn payable(state: &State) -> usize {
    let calls = state.policy.budget.model_calls.saturating_sub(state.ledger.model_calls);
    usize::try_from(calls / CALLS_OF_A_STAGE).unwrap_or(usize::MAX)
}

/// Divides the request where it asks for several things. True: that is under way, and nothing else is planned meanwhile.
pub(crate) fn divide(draft: &mut Draft) -> bool {
    let state = &draft.state;
    let stages = &state.world.stages;
    if !stages.all.is_empty() || state.concluding {
        return false;
    }
    if let Some(stages) = by_rule(state) {
        let reason = format!("rule `rename`: {}, one after the other", count(stages.len(), "name"));
        draft.push(Event::StagesPlanned { stages, reason });
        return false;
    }
    if !is_composite(state) {
        return false;
    }
    if state.open_tasks().next().is_some() {
        return state.open_tasks().any(|task| matches!(task.spec.intent, Intent::AskForPlan { .. }));
    }
    if let Some((model, found)) = &stages.found {
        if found.len() < 2 {
            return false;
        }
        let reason = format!("`{model}` divides the request into {}", count(found.len(), "stage"));
        let event = Event::StagesPlanned { stages: found.clone(), reason };
        draft.push(event);
        return false;
    }
    let asked: usize = stages.turns.values().map(Vec::len).sum();
    if asked >= MAX_PLANS {
        return false;
    }
    let Some(model) = askable(state, draft.now_ms) else { return false };
    let reason = match stages.refused.last() {
        Some(why) => format!("the plan was refused ({why}): ask `{}` once more", model.name),
        None => format!("the request asks for several things: ask `{}` how they divide", model.name),
    };
    let tasks = plan::divide(state, &model);
    draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
    true
}

/// Several names to be replaced, which needs no model.
fn by_rule(state: &State) -> Option<Vec<Stage>> {
    let is_measured = state.world.baseline.is_some() && state.open_tasks().next().is_none();
    if !is_measured || !matches!(state.policy.focus.aim, Aim::Rename { .. }) {
        return None;
    }
    let things = things(&state.request);
    let stage = |(what, id): (&String, u32)| Stage {
        id: StageId(id),
        what: what.clone(),
        aim: aim(what),
        files: Vec::new(),
        accept: String::new(),
        needs: Vec::new(),
    };
    let stages: Vec<Stage> = things.iter().zip(1..).map(stage).collect();
    let are_names = stages.iter().all(|stage| matches!(stage.aim, Aim::Rename { .. }));
    (stages.len() > 1 && stages.len() <= planning::MOST && are_names).then_some(stages)
}

/// Whether the request asks for several things that are better done one after the other.
fn is_composite(state: &State) -> bool {
    let Some(baseline) = state.world.baseline.as_deref() else { return false };
    let one_by_one = state.world.project.as_deref().is_some_and(|project| project.is_test_by_test());
    let is_steady = baseline.problems.is_empty() && !baseline.tests.is_empty();
    // What red tests describe is not divided by words, unless the words ask for more than they do.
    let by_tests = !red_tests(state).is_empty() && aims(&state.request).len() < 2;
    is_steady && one_by_one && !by_tests && things(&state.request).len() > 1 && payable(state) > 1
}

/// The cheapest model that may answer and can be paid for.
fn askable(state: &State, now_ms: u64) -> Option<ModelSpec> {
    let failed = |spec: &ModelSpec| {
        state.tasks.iter().any(|task| {
            task.state == TaskState::Settled(TaskEnd::Failed)
                && matches!(&task.spec.intent, Intent::AskForPlan { model } if *model == spec.name)
        })
    };
    let mut models = state.policy.models.iter().filter(|spec| state.policy.allows(spec.rung));
    models.find(|spec| !failed(spec) && pay_for(state, spec, now_ms).is_ok()).cloned()
}

fn pay_for(state: &State, spec: &ModelSpec, now_ms: u64) -> Result<u64, String> {
    let request = context::request_for_plan(state, spec, turns(state, &spec.name));
    gateway::pay_for(&gateway::purse(state, None, now_ms), spec, request.as_ref())
}

/// The request for a plan as far as the mission can pay for it; None: it cannot.
pub(crate) fn affordable(state: &State, spec: &ModelSpec, now_ms: u64) -> Option<ModelRequest> {
    let request = context::request_for_plan(state, spec, turns(state, &spec.name))?;
    gateway::fitted(&gateway::purse(state, None, now_ms), spec, request)
}

fn turns<'s>(state: &'s State, model: &str) -> &'s [Turn] {
    state.world.stages.turns.get(model).map_or(&[], Vec::as_slice)
}

/// What the stage under way still needs before it can begin, or what is left to do once all have ended.
pub(crate) fn pursue(draft: &mut Draft) {
    let state = &draft.state;
    if state.world.stages.all.is_empty() || state.open_tasks().next().is_some() {
        return;
    }
    let has = |intent: &Intent| state.tasks.iter().any(|task| task.spec.intent == *intent);
    if is_staged(state) {
        let is_unknown = state.world.baseline.is_none() && specification::base(state).is_none();
        if is_unknown && !state.concluding && !has(&Intent::MeasureBaseline) {
            let reason = "what is red on the tree of the stages before?".to_owned();
            let tasks = plan::measure_again(state);
            draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
        }
    } else if state.world.proposal.is_some() && !has(&Intent::HandOver) {
        let done = state.world.stages.done().count();
        let reason = format!("{done} of {} done", count(state.world.stages.all.len(), "stage"));
        let tasks = plan::hand_over(state);
        draft.push(Event::PlanMade { tasks, reason, strands: Vec::new() });
    }
}

/// The change of the stage under way is proved.
pub(crate) fn is_proved(state: &State) -> bool {
    is_staged(state) && prove(&state.world).is_some()
}

/// Ends the stage under way. `end`: how a mission would end that was all of it.
pub(crate) fn close(draft: &mut Draft, status: MissionStatus, summary: &str) {
    let Some(id) = draft.state.world.stages.current else { return };
    let open: Vec<TaskId> = draft.state.open_tasks().map(|task| task.spec.id).collect();
    for task in open {
        draft.settle(task, TaskEnd::Dropped, "its stage ended");
    }
    let end = match status {
        MissionStatus::Verified => TaskEnd::Done,
        MissionStatus::PartlyVerified
        | MissionStatus::Unverified
        | MissionStatus::Failed
        | MissionStatus::NeedsPerson
        | MissionStatus::OverLimit
        | MissionStatus::Cancelled => TaskEnd::Failed,
    };
    let commit = prove(&draft.state.world).map(|proved| proved.proposal.commit.clone());
    draft.push(Event::StageEnded { stage: id, end, why: summary.to_owned(), commit });
}

/// Out of time: what was proved so far is handed over. True: that is under way, and takes no more than a moment.
pub(crate) fn save(draft: &mut Draft, summary: &str) -> bool {
    if draft.state.world.stages.proved().next().is_none() {
        return false;
    }
    while is_staged(&draft.state) {
        close(draft, MissionStatus::OverLimit, summary);
    }
    pursue(draft);
    draft.state.open_tasks().next().is_some()
}

/// What of the stages is not done, a line each.
pub(crate) fn left(state: &State) -> Vec<String> {
    let told = |stage: &StageState| match stage.end.as_ref()? {
        (TaskEnd::Done, _) => None,
        (TaskEnd::Failed | TaskEnd::Dropped, why) => {
            Some(format!("stage {} (\"{}\") was not done: {why}", stage.spec.id, stage.spec.what))
        }
    };
    state.world.stages.all.iter().filter_map(told).collect()
}

/// How many stages there are, and how many of them are done.
pub(crate) fn tally(state: &State) -> (usize, usize) {
    (state.world.stages.done().count(), state.world.stages.all.len())
}

/// What each stage that was done came to, for the commit.
pub(crate) fn told(state: &State) -> Option<String> {
    let stages = &state.world.stages;
    let line = |stage: &StageState| {
        let proved = stage.proved.as_ref()?;
        let explanation = proved.proposal.explanation.trim_end_matches('.');
        Some(format!("{}. {}\n   {explanation}.", stage.spec.id, stage.spec.what))
    };
    let lines: Vec<String> = stages.all.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What limits the result: how models wrote what, and why the request was not divided.
pub(crate) fn caveats(state: &State) -> Vec<String> {
    let stages = &state.world.stages;
    let mut lines = left(state);
    let wrote = stages.proved().filter_map(|proved| {
        let written = proved.specification.written.as_deref()?;
        Some(specification::caveat_of(written))
    });
    lines.extend(wrote);
    let by_model = |proved: &&Proved| matches!(proved.proposal.rung, Rung::SmallModel | Rung::LargeModel);
    if stages.proved().any(|proved| by_model(&proved)) {
        lines.push("models wrote it in stages: read each stage before you take it".to_owned());
    }
    if let (true, Some(why)) = (stages.all.is_empty() && stages.found.is_none(), stages.refused.last()) {
        lines
            .push(format!("the request was taken as one piece of work: the plan for it was refused ({why})"));
    }
    lines
}

/// Where nothing but tests speaks for a result and the request asks for more than tests show.
pub(crate) fn asked_beyond(state: &State) -> Option<String> {
    let all = aims(&state.request);
    let beyond = all.iter().filter(|aim| !aim.is_default()).map(|aim| match aim {
        Aim::KeepCode => "documents",
        Aim::AddTests => "tests",
        Aim::KeepBehaviour => "code in another form",
        Aim::Rename { .. } => "another name",
        Aim::TurnTestsGreen => "",
    });
    let beyond: BTreeSet<&str> = beyond.collect();
    let is_left = all.len() > 1 && state.world.stages.all.is_empty() && !beyond.is_empty();
    is_left.then(|| {
        let named: Vec<&str> = beyond.into_iter().collect();
        format!("the request also asks for {}: only what red tests describe was done", named.join(" and "))
    })
}
