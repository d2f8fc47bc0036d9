//! Invented outcomes for simulated missions: a small world with red tests, in which some changes are right.

use std::collections::BTreeMap;

use coditect_types::limits::{Approvals, Thresholds, Verdict};
use coditect_types::model::{EditForm, Finish, Price, Usage};
use coditect_types::outcome::{ChangedFile, Evidence, Proposal, Spent};
use coditect_types::plan::Intent;
use coditect_types::project::Framework;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{
    Action, Budget, Context, Enforced, ErrorKind, Failure, ModelReply, ModelRequest, ModelSpec, Outcome,
    Policy, Project, Receipt, Rung, Snapshot, TestReport, TestResult, TestStatus, Tier,
};

use crate::chance::Chance;
use crate::pieces::Pieces;

/// What is true in one simulated world, whatever the mission believes.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Tests that are red on the snapshot.
    pub red: u32,
    /// Tests that are green on the snapshot.
    pub green: u32,
    /// Tests that are red now and then.
    pub flaky: u32,
    /// The recipe rung finds a change.
    pub recipe_finds: bool,
    /// The reflex rung finds the right change at its try of this number; 0: never.
    pub reflex_right_at: u32,
    /// Proposals made so far.
    pub proposals: u32,
    /// Actions fail by themselves this often, of 100.
    pub failing: u64,
    /// A proposal touches a test file.
    pub cheats: bool,
    /// Models that may be asked.
    pub models: u32,
    /// The answer of this number is the right change; 0: none is.
    pub model_right_at: u32,
    /// What is asked for is shown by no test until the answer of this number holds some; 0: tests show it from the start.
    pub specified_at: u32,
    /// Stages that a model divides the request into; 0: it asks for one thing.
    pub stages: u32,
    /// What models answer is always the same change.
    pub in_circles: bool,
    /// Answers given so far.
    pub answers: u32,
    /// Pieces that the work falls into, where there are several.
    pub pieces: Pieces,
}

impl Truth {
    /// A world of this chance.
    #[must_use]
    pub fn of(chance: &mut Chance) -> Self {
        Self {
            red: chance.below(4) as u32,
            green: chance.below(5) as u32,
            flaky: u32::from(chance.percent(15)),
            recipe_finds: chance.percent(15),
            reflex_right_at: chance.below(4) as u32,
            proposals: 0,
            failing: if chance.percent(50) { 10 } else { 0 },
            cheats: chance.percent(5),
            models: chance.below(3) as u32,
            model_right_at: chance.below(6) as u32,
            specified_at: 0,
            stages: 0,
            in_circles: false,
            answers: 0,
            pieces: Pieces::default(),
        }
        .or_in_pieces(chance)
        .or_unspecified(chance)
    }

    /// In some worlds no test shows what is asked for.
    fn or_unspecified(mut self, chance: &mut Chance) -> Self {
        if self.pieces.count == 0 && chance.percent(6) {
            (self.red, self.flaky, self.recipe_finds, self.reflex_right_at) = (0, 0, false, 0);
            (self.green, self.models) = (self.green.max(1), self.models.max(1));
            self.specified_at = 1 + chance.below(4) as u32;
            self.stages = if chance.percent(50) { 2 + chance.below(3) as u32 } else { 0 };
        }
        self
    }

    /// The request of a person in this world.
    #[must_use]
    pub fn request(&self) -> &'static str {
        match (self.specified_at, self.stages) {
            (0, _) => "make the failing tests pass",
            (_, 0) => "add a way to greet",
            (_, _) => "add a way to greet, refactor the greeter and document how to greet",
        }
    }

    /// In some worlds, the red tests need different files, and no search finds anything.
    fn or_in_pieces(mut self, chance: &mut Chance) -> Self {
        if chance.percent(4) {
            self.pieces = Pieces::of(chance);
            self.red = self.pieces.count + chance.below(3) as u32;
            // A test that shows it where changes do not go together.
            self.green = self.green.max(1);
            self.reflex_right_at = if chance.percent(90) { 0 } else { self.reflex_right_at };
            self.recipe_finds &= chance.percent(10);
            self.models = self.models.max(1);
        }
        self
    }

    /// What comes of an action in this world.
    pub fn perform(&mut self, action: &Action, chance: &mut Chance) -> Outcome {
        if chance.percent(self.failing) {
            let kinds =
                [ErrorKind::Unavailable, ErrorKind::Interrupted, ErrorKind::Bug, ErrorKind::Exhausted];
            let kind = kinds[chance.below(4) as usize];
            return Outcome::Failed {
                failure: Failure::new(kind, "invented trouble"),
                spent: Spent::default(),
            };
        }
        match action {
            Action::TakeSnapshot { .. } => Outcome::SnapshotTaken { snapshot: snapshot() },
            Action::SurveyProject { .. } => surveyed(),
            Action::MeasureBaseline { .. } => {
                let report = self.report(false);
                let receipt = receipt("tree-0", &report, &report);
                Outcome::BaselineMeasured {
                    project: project(),
                    report,
                    suspects: Vec::new(),
                    tier: Tier::Wasm,
                    enforced: Enforced::default(),
                    receipt,
                    spent: Spent { sandbox_runs: 1, ..Spent::default() },
                }
            }
            Action::SeekChange { rung, .. } => self.seek(*rung),
            Action::GatherContext { .. } => Outcome::ContextGathered {
                context: Context { reach: self.pieces.reach(self.red), ..Context::default() },
            },
            Action::AskModel { model, request, .. } => self.answer(model, request, chance),
            Action::TryReply { rung, reply, strand: Some(strand), .. } => {
                self.pieces.answered(*rung, strand, reply)
            }
            Action::TrySpecification { rung, model, .. } => self.specify(*rung, model),
            Action::TryReply { strand: None, granted, .. } if chance.percent(8) && !self.pieces.steady => {
                // Most agents ask once, and some again and again for what they were shown.
                let files = vec![format!("asked_{}.py", granted.len() % 3)];
                let needs = vec![Intent::GatherMore { files }];
                Outcome::NeedsFirst { needs, why: "it asks to see a file".into(), spent: Spent::default() }
            }
            Action::TryReply { rung, strand: None, .. } => self.try_reply(*rung),
            Action::MergeStrands { baseline, changes, contradicted, .. } => {
                self.pieces.merge(baseline, changes, contradicted.is_some())
            }
            Action::ReviewChange { .. } => {
                let objects = chance.percent(4) && !self.pieces.steady;
                let objections = if objects { vec!["it reaches too far".to_owned()] } else { Vec::new() };
                Outcome::ChangeReviewed { objections, remarks: Vec::new() }
            }
            Action::VerifyChange { commit, baseline, .. } => {
                let report = match self.pieces.verify(commit, baseline) {
                    Some(report) => report,
                    None => self.report(self.is_right(commit)),
                };
                let receipt = receipt(&commit.replace("commit", "tree"), baseline, &report);
                Outcome::ChangeVerified {
                    receipt,
                    report,
                    spent: Spent { sandbox_runs: 1, ..Spent::default() },
                }
            }
            Action::HandOver { commit, .. } => Outcome::HandedOver {
                branch: Some("coditect/simulated".into()),
                commit: Some(commit.clone()),
                patch: None,
                moved: Vec::new(),
            },
            // No world of these has a request to rename anything.
            Action::Rename { .. } => self.seek(Rung::Recipe),
            Action::DoNothing => Outcome::NothingDone,
        }
    }

    /// True where the commit's change is the right one.
    #[must_use]
    pub fn is_right(&self, commit: &str) -> bool {
        if self.pieces.is_merged(commit) {
            return self.pieces.goes_together(commit);
        }
        let n: u32 = commit.strip_prefix("commit-").and_then(|n| n.parse().ok()).unwrap_or(0);
        (self.recipe_finds && n == 1) || (self.reflex_right_at != 0 && n >= self.reflex_right_at)
    }

    /// The models of this world: some cost nothing, some have a price.
    #[must_use]
    pub fn policy(&self, chance: &mut Chance) -> Policy {
        let model = |n: u32| ModelSpec {
            name: format!("model-{n}"),
            rung: if n == 0 { Rung::SmallModel } else { Rung::LargeModel },
            context_tokens: 2_000,
            output_tokens: 500,
            edits: EditForm::Whole,
            price: Price {
                tokens_in: u64::from(n) * 3_000_000,
                tokens_cached: 0,
                tokens_out: u64::from(n) * 15_000_000,
            },
            limits: Default::default(),
        };
        // Each piece takes about as much as a whole mission does.
        let times = u64::from(self.pieces.count.max(1));
        let budget = Budget {
            model_calls: chance.below(8) * times,
            tokens: chance.below(30_000) * times,
            micro_usd: chance.below(40_000) * times,
            ..Budget::default()
        };
        let agents = chance.below(10) as u32;
        // In some worlds a person is asked about whatever is not quite sure.
        let act_from = if chance.percent(20) { 100 } else { 80 };
        let wait_ms = if chance.percent(70) { 1 + chance.below(900_000) } else { 0 };
        let otherwise = if chance.percent(30) { Verdict::Approved } else { Verdict::Denied };
        Policy {
            models: (0..self.models).map(model).collect(),
            budget,
            agents,
            thresholds: Thresholds { act_from, ..Thresholds::default() },
            approvals: Approvals { wait_ms, otherwise },
            ..Policy::default()
        }
    }

    /// An answer that uses anything up to what it may; or a provider in trouble, which may have used something too.
    fn answer(&mut self, model: &ModelSpec, request: &ModelRequest, chance: &mut Chance) -> Outcome {
        let (most_in, most_out) = (request.tokens_at_most(), request.output_tokens);
        let (tokens_in, tokens_out) = match self.pieces.steady {
            true => (most_in / 4, most_out / 2),
            false => (chance.below(most_in + 1), chance.below(most_out + 1)),
        };
        let usage = Usage { tokens_in, tokens_cached: 0, tokens_out, reckoned: false };
        let spent = Spent { wall_ms: chance.below(2_000), ..Spent::default() };
        if chance.percent(20) && !self.pieces.steady {
            let mut failure = Failure::new(ErrorKind::Unavailable, "invented overload");
            failure.retry_after_ms = chance.percent(50).then(|| chance.below(90_000));
            // Some were not asked at all.
            failure.unasked = failure.retry_after_ms.is_some_and(|ms| ms % 3 == 0);
            let usage = chance.percent(30).then_some(usage).filter(|_| !failure.unasked);
            return Outcome::Failed { failure, spent: Spent { usage, ..spent } };
        }
        self.answers += 1;
        // The seed tells which turn of its conversation it is.
        let text = match request.schema {
            Some(_) => self.plan(chance),
            None => format!("answer {}", request.seed + 1),
        };
        let kept = chance.percent(5) && !self.pieces.steady;
        let reply = ModelReply { text, finish: Finish::Done, usage, kept };
        Outcome::ModelAnswered { model: model.name.clone(), reply, spent }
    }

    /// A plan of as many stages as there are, or one that cannot be carried out.
    fn plan(&self, chance: &mut Chance) -> String {
        let intents = ["implement", "refactor", "document", "fix", "add_tests"];
        let breaks = chance.percent(20) && !self.pieces.steady;
        let task = |id: u32, needs: Vec<u32>| {
            let intent = intents[(id as usize - 1) % intents.len()];
            serde_json::json!({ "id": id, "intent": intent, "what": format!("greet, part {id}"), "needs": needs })
        };
        let mut tasks = Vec::new();
        for id in 1..=self.stages {
            let mut needs: Vec<u32> = (1..id).filter(|_| chance.percent(40)).collect();
            needs.extend(breaks.then_some(self.stages + 1 - id));
            tasks.push(task(id, needs));
        }
        serde_json::json!({ "tasks": tasks }).to_string()
    }

    fn specify(&mut self, rung: Rung, model: &str) -> Outcome {
        let spent = Spent { sandbox_runs: 1, ..Spent::default() };
        if self.specified_at == 0 || self.answers < self.specified_at {
            let (account, feedback) = ("The tests pass as the code is.".into(), "They pass already.".into());
            return Outcome::ReplyRefused {
                rung,
                account,
                feedback,
                diff: String::new(),
                halved: None,
                spent,
            };
        }
        self.red = 1;
        Outcome::SpecificationWritten {
            model: model.to_owned(),
            snapshot: Snapshot { commit: "commit-0t".into(), tree: "tree-0t".into(), ..snapshot() },
            tests: vec!["test_a.py::red_0".into()],
            files: vec![ChangedFile { path: "test_a.py".into(), added: 3, removed: 0 }],
            diff: "tests".into(),
            spent,
        }
    }

    fn try_reply(&mut self, rung: Rung) -> Outcome {
        if self.model_right_at != 0 && self.answers >= self.model_right_at {
            // From now on every proposal of this world is right, and those that were stay so.
            if self.reflex_right_at == 0 || self.reflex_right_at > self.proposals {
                self.reflex_right_at = self.proposals + 1;
            }
            return self.seek(rung);
        }
        Outcome::ReplyRefused {
            rung,
            account: "A test is red.".into(),
            feedback: "Try again.".into(),
            diff: format!("answered diff {}", if self.in_circles { 1 } else { self.answers }),
            halved: None,
            spent: Spent { candidates: 1, sandbox_runs: 1, wall_ms: 20, ..Spent::default() },
        }
    }

    fn seek(&mut self, rung: Rung) -> Outcome {
        let spent = Spent { candidates: 10, sandbox_runs: 10, wall_ms: 50, ..Spent::default() };
        let finds = if rung == Rung::Recipe { self.recipe_finds } else { self.reflex_right_at != 0 };
        if !finds {
            return Outcome::NoChangeFound {
                rung,
                account: "Nothing fits.".into(),
                at_limit: false,
                ground: None,
                spent,
            };
        }
        self.proposals += 1;
        let n = self.proposals;
        let path = if self.cheats { "test_a.py" } else { "a.py" };
        Outcome::ChangeProposed {
            proposal: Proposal {
                rung,
                commit: format!("commit-{n}"),
                tree: format!("tree-{n}"),
                diff: format!("diff {n}"),
                files: vec![ChangedFile { path: path.into(), added: 1, removed: 1 }],
                explanation: "One sign was wrong.".into(),
                confidence: 0.9,
                runners_up: Vec::new(),
                evidence: Evidence::default(),
            },
            spent,
        }
    }

    fn report(&self, mended: bool) -> TestReport {
        let test = |id: String, status, passes_of_runs| TestResult {
            id,
            status,
            us: 10,
            message: String::new(),
            error_type: String::new(),
            frames: Vec::new(),
            passes_of_runs,
        };
        let red_now = if mended { TestStatus::Passed } else { TestStatus::Failed };
        let mut tests = Vec::new();
        tests.extend(
            (0..self.flaky).map(|n| test(format!("test_a.py::flaky_{n}"), TestStatus::Failed, Some((1, 3)))),
        );
        tests
            .extend((0..self.green).map(|n| test(format!("test_a.py::green_{n}"), TestStatus::Passed, None)));
        tests.extend((0..self.red).map(|n| test(format!("test_a.py::red_{n}"), red_now, None)));
        let bad = tests.iter().any(|t| t.status.is_red());
        TestReport { tests, exit_code: Some(i32::from(bad)), wall_ms: 1, ..TestReport::default() }
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        kind: WorkspaceKind::Git,
        commit: "commit-0".into(),
        tree: "tree-0".into(),
        head: Some("commit-0".into()),
        branch: Some("main".into()),
        uncommitted: false,
        subdir: String::new(),
        files: 3,
        left_out: Vec::new(),
    }
}

fn surveyed() -> Outcome {
    Outcome::ProjectSurveyed { project: project(), sources: Vec::new() }
}

fn project() -> Project {
    Project {
        language: "python".into(),
        framework: Framework::Unittest,
        command: vec!["python3".into(), "-m".into(), "unittest".into()],
        root: String::new(),
        import_paths: vec![String::new()],
        targets: Vec::new(),
        tier: Tier::Wasm,
        tier_reason: "invented".into(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    }
}

fn receipt(tree: &str, before: &TestReport, after: &TestReport) -> Receipt {
    let by_name = |report: &TestReport| {
        report.tests.iter().map(|t| (t.id.clone(), t.status)).collect::<BTreeMap<_, _>>()
    };
    Receipt {
        command: vec!["python3".into(), "-m".into(), "unittest".into()],
        directory: String::new(),
        tree: tree.into(),
        exit_code: after.exit_code.unwrap_or(1),
        before: by_name(before),
        after: by_name(after),
        flaky: after.flaky().filter_map(|t| Some((t.id.clone(), t.passes_of_runs?))).collect(),
        output_hash: "0".into(),
        tier: Tier::Wasm,
        enforced: Enforced::default(),
        taken_at_ms: 0,
        wall_ms: 1,
    }
}
