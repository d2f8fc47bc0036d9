//! Invented outcomes for simulated missions: a small world with red tests, in which some changes are right.

use std::collections::BTreeMap;

use coditect_types::outcome::{ChangedFile, Evidence, Proposal, Spent};
use coditect_types::project::Framework;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{
    Action, Enforced, ErrorKind, Failure, Outcome, Project, Receipt, Rung, Snapshot, TestReport, TestResult,
    TestStatus, Tier,
};

use crate::chance::Chance;

/// What is true in one simulated world, whatever the mission believes.
#[derive(Clone, Debug)]
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
        }
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
            Action::SurveyProject { .. } => Outcome::ProjectSurveyed { project: project() },
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
            Action::VerifyChange { commit, baseline, .. } => {
                let report = self.report(self.is_right(commit));
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
            },
            Action::DoNothing => Outcome::NothingDone,
        }
    }

    /// True where the commit's change is the right one.
    #[must_use]
    pub fn is_right(&self, commit: &str) -> bool {
        let n: u32 = commit.strip_prefix("commit-").and_then(|n| n.parse().ok()).unwrap_or(0);
        (self.recipe_finds && n == 1) || (self.reflex_right_at != 0 && n >= self.reflex_right_at)
    }

    fn seek(&mut self, rung: Rung) -> Outcome {
        let spent = Spent { candidates: 10, sandbox_runs: 10, wall_ms: 50, search: None };
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
        TestReport { tests, problems: Vec::new(), exit_code: Some(i32::from(bad)), wall_ms: 1 }
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
