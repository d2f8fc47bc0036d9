//! The world model of a repository that is made up: what it takes to fold events into it, and to ask it.

use std::hint::black_box;
use std::time::Instant;

use coditect_memory::numbers::Numbers;
use coditect_runtime::world::WorldModel;
use coditect_types::event::{Response, TaskEnd, ViolationKind};
use coditect_types::outcome::Spent;
use coditect_types::plan::{Intent, Role, TaskSpec};
use coditect_types::project::Framework;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{
    AttemptId, Enforced, ErrorKind, Event, MissionId, MissionStatus, Outcome, Policy, Project, Receipt,
    Record, Snapshot, SourceFile, TaskId, TestReport, TestResult, TestStatus, Tier, WorkspaceRef,
};
use serde_json::json;

use super::{Figure, Measured};
use crate::args::WorldBenchArgs;
use crate::report::Report;

/// Files and tests, and with `--quick`.
const FILES: [u32; 2] = [100_000, 10_000];
const TESTS: [u32; 2] = [50_000, 5_000];
/// Missions whose records are folded, and those that are made at a time, since a record takes more room than what is kept.
const MISSIONS: [u64; 2] = [40_000, 4_000];
const AT_A_TIME: u64 = 2_000;
/// Tests that the suite of such a mission has: most missions are about a part.
const SUITE: u32 = 20;
/// Times that each question is asked.
const ASKED: usize = 2_000;
/// Files that one file uses, at most, and how far away most of them are.
const USES: u64 = 8;
const NEAR: u64 = 400;
/// Files that a large change touches.
const LARGE_CHANGE: usize = 20;
const TASKS: u32 = 5;

/// The repository.
struct Made {
    sources: Vec<SourceFile>,
    tests: Vec<String>,
    numbers: Numbers,
}

impl Made {
    /// Files in packages, which use files before them: most of them near, some anywhere, so that some are used by many.
    fn new(files: u32, tests: u32, seed: u64) -> Self {
        let mut numbers = Numbers::of(seed);
        let test_files = (tests / 10).clamp(1, files / 2);
        let mut sources: Vec<SourceFile> = Vec::with_capacity(files as usize);
        for at in 0..files {
            let is_test = at >= files - test_files;
            let path = match is_test {
                true => format!("tests/area_{:03}/test_module_{at:06}.py", at % 311),
                false => format!("src/package_{:03}/module_{at:06}.py", at / 200),
            };
            let reach = u64::from(at.min(files - test_files));
            let mut uses: Vec<u32> = (0..numbers.below(USES))
                .map(|_| match numbers.below(20) {
                    0 => numbers.below(reach.min(50)),
                    _ => reach.saturating_sub(1 + numbers.below(NEAR.min(reach.max(1)))),
                })
                .filter_map(|to| u32::try_from(to).ok())
                .filter(|to| *to < at)
                .collect();
            uses.sort_unstable();
            uses.dedup();
            let symbols = (0..4).map(|n| format!("function_{at}_{n}")).collect();
            sources.push(SourceFile {
                path,
                hash: format!("{:016x}", numbers.below(u64::MAX)),
                symbols,
                uses,
            });
        }
        let homes: Vec<&str> =
            sources[(files - test_files) as usize..].iter().map(|source| source.path.as_str()).collect();
        let tests = (0..tests as usize)
            .map(|n| format!("{}::Suite::test_case_{n}", homes[n % homes.len()]))
            .collect();
        Self { sources, tests, numbers }
    }

    fn report(&mut self, from: usize, count: usize) -> TestReport {
        let ids = self.tests.iter().cycle().skip(from % self.tests.len()).take(count);
        let mut tests: Vec<TestResult> = Vec::with_capacity(count);
        for id in ids {
            let status = match self.numbers.below(50) {
                0 => TestStatus::Failed,
                _ => TestStatus::Passed,
            };
            let us = 50 + self.numbers.below(5_000);
            tests.push(TestResult {
                id: id.clone(),
                status,
                us,
                message: String::new(),
                error_type: String::new(),
                frames: Vec::new(),
                passes_of_runs: None,
            });
        }
        TestReport { tests, ..TestReport::default() }
    }

    /// The records of a mission: submitted, planned, some tasks carried out, a violation, the end.
    fn mission(&mut self, n: u64) -> Vec<Record> {
        let mission = MissionId::from_parts(n * 1_000, n);
        let ids: Vec<TaskId> = (1..=TASKS).map(TaskId).collect();
        let roles = [Role::Analyzer, Role::Analyzer, Role::Coder, Role::Tester, Role::Deployer];
        let tasks: Vec<TaskSpec> = ids
            .iter()
            .zip(roles)
            .map(|(id, role)| TaskSpec {
                id: *id,
                role,
                intent: Intent::DoNothing,
                needs: Vec::new(),
                strand: None,
                parent: None,
            })
            .collect();
        let mut events = vec![
            Event::MissionSubmitted {
                mission: mission.clone(),
                request: "make the failing tests pass".to_owned(),
                workspace: WorkspaceRef { path: "/work".to_owned() },
                policy: Policy::default(),
                fork: None,
            },
            Event::PlanMade { tasks, reason: "tests are red".to_owned(), strands: Vec::new() },
        ];
        for (task, attempt) in ids.iter().zip(1..) {
            let attempt = AttemptId(attempt);
            let outcome = match attempt.0 {
                1 => Outcome::SnapshotTaken { snapshot: snapshot(n) },
                4 => baseline(self.report(n as usize * 7, SUITE as usize)),
                _ => Outcome::NothingDone,
            };
            events.extend([
                Event::AttemptStarted {
                    task: *task,
                    attempt,
                    action: "do_nothing".to_owned(),
                    expectations: Vec::new(),
                    deadline_ms: 0,
                },
                Event::AttemptEnded { task: *task, attempt, outcome },
                Event::TaskSettled { task: *task, end: TaskEnd::Done, why: String::new() },
            ]);
        }
        events.push(Event::ViolationFound {
            task: TaskId(1),
            attempt: AttemptId(1),
            kind: ViolationKind::UnsteadyTest,
            expected: "tests are steady".to_owned(),
            observed: "one is not".to_owned(),
            confidence: 0.9,
            response: Response::Ignore,
            diagnosis: None,
        });
        events.push(Event::MissionCompleted {
            status: MissionStatus::Verified,
            summary: String::new(),
            trouble: None::<ErrorKind>,
            hint: None,
            caveats: Vec::new(),
            branch: None,
            commit: None,
            patch: None,
            receipt: None,
            ledger: Default::default(),
            wall_ms: 0,
        });
        let record = |(event, seq): (Event, u64)| Record { mission: mission.clone(), seq, at_ms: n, event };
        events.into_iter().zip(1..).map(record).collect()
    }
}

fn baseline(report: TestReport) -> Outcome {
    Outcome::BaselineMeasured {
        project: project(),
        report,
        suspects: Vec::new(),
        tier: Tier::Wasm,
        enforced: Enforced::default(),
        receipt: receipt(),
        spent: Spent::default(),
    }
}

fn snapshot(n: u64) -> Snapshot {
    Snapshot {
        kind: WorkspaceKind::Git,
        commit: format!("{n:040x}"),
        tree: format!("{n:040x}"),
        head: None,
        branch: None,
        uncommitted: false,
        subdir: String::new(),
        files: 0,
        left_out: Vec::new(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        command: Vec::new(),
        directory: String::new(),
        tree: String::new(),
        exit_code: 0,
        before: Default::default(),
        after: Default::default(),
        flaky: Default::default(),
        output_hash: String::new(),
        tier: Tier::Wasm,
        enforced: Enforced::default(),
        taken_at_ms: 0,
        wall_ms: 0,
    }
}

fn project() -> Project {
    Project {
        language: "python".to_owned(),
        framework: Framework::Unittest,
        command: Vec::new(),
        root: String::new(),
        import_paths: Vec::new(),
        targets: Vec::new(),
        tier: Tier::Wasm,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    }
}

pub(super) fn measure(args: &WorldBenchArgs, quick: bool) -> Result<Measured, Report> {
    let files = args.files.unwrap_or(FILES[usize::from(quick)]);
    let tests = args.tests.unwrap_or(TESTS[usize::from(quick)]).max(10);
    let missions = MISSIONS[usize::from(quick)];
    let mut made = Made::new(files, tests, args.seed);
    let mut measured = Measured::default();
    for (name, value) in [
        ("files", json!(made.sources.len())),
        ("tests", json!(made.tests.len())),
        ("uses", json!(made.sources.iter().map(|source| source.uses.len()).sum::<usize>())),
        ("missions", json!(missions)),
        ("seed", json!(args.seed)),
    ] {
        measured.params.insert(name, value);
    }
    let mut world = WorldModel::default();
    let survey = Outcome::ProjectSurveyed { project: project(), sources: made.sources.clone() };
    let all = made.tests.len();
    let whole = baseline(made.report(0, all));
    for (name, outcome) in [("survey_ms", survey), ("suite_ms", whole)] {
        let event = Event::AttemptEnded { task: TaskId(1), attempt: AttemptId(1), outcome };
        let record = Record { mission: MissionId::from_parts(0, 0), seq: 1, at_ms: 0, event };
        let began = Instant::now();
        world.apply(&record);
        measured.results.insert(name, Figure::One { unit: "ms", value: ms(began) });
    }
    let (mut folded, mut seconds) = (0_u64, 0.0);
    for from in (0..missions).step_by(AT_A_TIME as usize) {
        let records: Vec<Record> =
            (from..missions.min(from + AT_A_TIME)).flat_map(|n| made.mission(n + 1)).collect();
        let began = Instant::now();
        for record in &records {
            world.apply(record);
        }
        seconds += began.elapsed().as_secs_f64();
        folded += records.len() as u64;
    }
    let one = |unit, value| Figure::One { unit, value };
    measured.results.insert("events", one("1", folded as f64));
    measured.results.insert("events_per_s", one("1/s", folded as f64 / seconds));
    questions(&world, &mut made, &mut measured);
    Ok(measured)
}

/// Asks each question many times, of files and tests that are drawn.
fn questions(world: &WorldModel, made: &mut Made, measured: &mut Measured) {
    let Made { sources, tests, numbers } = made;
    let drawn = |numbers: &mut Numbers, count: usize| -> Vec<usize> {
        (0..count).map(|_| numbers.below(sources.len() as u64) as usize).collect()
    };
    let mut all: Vec<f64> = Vec::new();
    let mut reached: Vec<f64> = Vec::new();
    let mut note = |measured: &mut Measured, name, mut times: Vec<f64>| {
        all.extend(&times);
        measured.results.insert(name, Figure::spread("ms", &mut times));
    };
    for (name, count) in [("impact_of_one_ms", 1), ("impact_of_many_ms", LARGE_CHANGE)] {
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let places = drawn(numbers, count);
            let changed: Vec<&str> = places.iter().map(|at| sources[*at].path.as_str()).collect();
            let began = Instant::now();
            let impact = world.impact(&changed);
            black_box(impact.tests().count());
            times.push(ms(began));
            reached.push(impact.len() as f64);
        }
        note(measured, name, times);
    }
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ASKED {
        let id = &tests[numbers.below(tests.len() as u64) as usize];
        let began = Instant::now();
        black_box(world.tests().get(id).map(|test| (test.rate(), test.flaky())));
        times.0.push(ms(began));
        let path = &sources[drawn(numbers, 1)[0]].path;
        let began = Instant::now();
        black_box((world.files().hash(path), world.files().used_by(path).count()));
        times.1.push(ms(began));
    }
    note(measured, "test_ms", times.0);
    note(measured, "file_ms", times.1);
    let mut times = Vec::new();
    for _ in 0..ASKED / 10 {
        let began = Instant::now();
        black_box((world.tests().red().count(), world.tests().flaky().count()));
        times.push(ms(began));
    }
    note(measured, "red_and_flaky_ms", times);
    measured.results.insert("query_ms", Figure::spread("ms", &mut all));
    measured.results.insert("reached_files", Figure::spread("1", &mut reached));
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}
