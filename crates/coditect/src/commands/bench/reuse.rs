//! `coditect bench reuse`: a stream of tasks over several repositories, worked on with memory and without.
//!
//! Each task is a module with a bug and its tests, committed into one of the repositories. Two missions work on it, the one with
//! memory and the other without, each with a state directory of its own. Then the bug is mended by hand with one test more, as a
//! team would, and the one with memory learns from that commit.

mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coditect_memory::Episode;
use coditect_ports::{Exit, PortError, Sandbox, Shelves};
use coditect_runtime::Shell;
use coditect_types::{Command, ErrorKind, Event, Ledger, Policy, Record, Rung, Tier, WorkspaceRef};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::faults::git;
use super::{Figure, Measured, sandbox};
use crate::args::{ReuseArgs, SettingFlags, TapeFlags};
use crate::environment::{Environment, Site};
use crate::host;
use crate::missions;
use crate::models::Choice;
use crate::report::{Doing, Report};
use crate::settings;
use crate::signals::Signals;
use crate::wiring::{self, House, Lodging, remembering};

use stream::{Kin, Task};

/// Tasks, and with `--quick`.
const TASKS: [usize; 2] = [300, 30];
const REPOSITORIES: usize = 6;
/// What a mission may take in all, and its search, ms.
const WALL_MS: u64 = 60_000;
const SEARCH_MS: u64 = 6_000;
const DOING: &str = "working on a task";

/// Missions of one kind: with memory, or without.
struct Side {
    lodging: Lodging,
    house: House,
    shell: Shell,
    policy: Policy,
    sum: Sum,
}

/// What they came to.
#[derive(Default)]
struct Sum {
    solved: usize,
    wrong: usize,
    tokens: u64,
    candidates: u64,
    seconds: Vec<f64>,
}

/// What is told apart of those with memory.
#[derive(Default)]
struct FromMemory {
    related: usize,
    new: usize,
    wrong: usize,
}

/// How one mission ended.
struct End {
    ledger: Ledger,
    wall_ms: u64,
    /// Whether what was handed over does what it should, on inputs that no test has as well. None: nothing was.
    holds: Option<bool>,
}

pub(super) fn measure(
    env: &Environment,
    site: &Site,
    args: &ReuseArgs,
    quick: bool,
) -> Result<Measured, Report> {
    let count = args.tasks.map_or(TASKS[usize::from(quick)], usize::from);
    let tasks = stream::draw(args.seed, count, REPOSITORIES);
    let runtime = wiring::tokio_runtime()?;
    let bar = bar(count);
    let measured = runtime.block_on(async {
        let mut with = Side::open(env, site, args, true)?;
        let mut without = Side::open(env, site, args, false)?;
        let judge = wiring::sandbox(&with.lodging.site, Tier::Wasm)?;
        let repositories = repositories(&with.lodging.copies)?;
        let (mut from, mut signals) = (FromMemory::default(), Signals::listen()?);
        for (n, task) in tasks.iter().enumerate() {
            let dir = &repositories[task.repository];
            let work = work_on(task, dir, &judge, (&mut with, &mut without), &mut from);
            tokio::select! {
                biased;
                () = signals.next() => {
                    let cause = format!("stopped by a signal after {n} tasks");
                    return Err(Report::new(ErrorKind::Interrupted, DOING, cause)
                        .hint("the same `--seed` gives the same tasks again"));
                }
                done = work => done?,
            }
            bar.inc(1);
        }
        with.shell.shut_down(Duration::from_millis(500)).await;
        without.shell.shut_down(Duration::from_millis(500)).await;
        let related = tasks.iter().filter(|task| task.kin != Kin::None).count();
        Ok(told(args, (count, related), &from, (with.sum, without.sum)))
    });
    bar.finish_and_clear();
    runtime.shutdown_background();
    measured
}

fn bar(tasks: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(tasks as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::default_bar().template("{bar:30} {pos} of {len} tasks  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn repositories(copies: &Path) -> Result<Vec<PathBuf>, Report> {
    let mut all = Vec::new();
    for n in 0..REPOSITORIES {
        let dir = copies.join(format!("repository-{n}"));
        write(&dir, &[("README.md", "# Functions\n"), ("tests/__init__.py", "")])?;
        git(&dir, &["init", "-q", "-b", "main"])?;
        commit(&dir, "Begin")?;
        all.push(dir);
    }
    Ok(all)
}

fn write(dir: &Path, files: &[(&str, &str)]) -> Result<(), Report> {
    for (path, text) in files {
        let path = dir.join(path);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| PortError::from_io(&path.display().to_string(), &error))
            .doing(DOING)?;
    }
    Ok(())
}

fn commit(dir: &Path, says: &str) -> Result<(), Report> {
    git(dir, &["add", "-A"])?;
    git(dir, &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", says])?;
    Ok(())
}

async fn work_on(
    task: &Task,
    dir: &Path,
    judge: &Arc<dyn Sandbox>,
    (with, without): (&mut Side, &mut Side),
    from: &mut FromMemory,
) -> Result<(), Report> {
    let (code, tests) = (format!("{}.py", task.module), format!("tests/test_{}.py", task.module));
    write(dir, &[(&code, &task.broken), (&tests, &task.tests)])?;
    commit(dir, &format!("Add {}", task.module))?;
    let end = with.mission(task, dir, judge).await?;
    if end.ledger.solved_by == Some(Rung::Memory) {
        let is_right = end.holds == Some(true);
        from.related += usize::from(is_right && task.kin != Kin::None);
        from.new += usize::from(is_right && task.kin == Kin::None);
        from.wrong += usize::from(end.holds == Some(false));
    }
    with.sum.add(&end);
    without.sum.add(&without.mission(task, dir, judge).await?);
    write(dir, &[(&code, &task.right), (&tests, &task.more_tests)])?;
    commit(dir, &format!("Mend {}", task.module))?;
    let (episodes, _) = remembering::learnt(&with.lodging.site, dir, 1)?;
    let kept: Vec<_> = episodes.iter().map(Episode::kept).collect();
    remembering::shelves(&with.lodging.site)?.put(&kept).doing(DOING)?;
    Ok(())
}

impl Sum {
    fn add(&mut self, end: &End) {
        self.solved += usize::from(end.holds == Some(true));
        self.wrong += usize::from(end.holds == Some(false));
        self.tokens += end.ledger.tokens_in + end.ledger.tokens_out;
        self.candidates += end.ledger.candidates;
        self.seconds.push(end.wall_ms as f64 / 1e3);
    }
}

impl Side {
    fn open(env: &Environment, site: &Site, args: &ReuseArgs, has_memory: bool) -> Result<Self, Report> {
        let lodging = wiring::lodging(site)?;
        let settings = settings::load(&SettingFlags::default(), env, &lodging.copies)?.settings;
        let mut policy = settings.unattended();
        policy.budget.wall_ms = WALL_MS;
        policy.budget.search_ms = SEARCH_MS;
        policy.agents = u32::try_from(host::cores()).unwrap_or(1);
        policy.rungs = vec![Rung::Recipe, Rung::Reflex, Rung::SmallModel, Rung::LargeModel];
        if has_memory {
            policy.rungs.push(Rung::Memory);
        }
        let mut own = lodging.site.clone();
        let tapes = TapeFlags::default();
        let choice = Choice::at(site, env, (&settings, &tapes));
        own.models = choice.of(&args.models, &mut policy)?;
        let house = wiring::house(&own, &policy, 0, &mut |_| {})?;
        let shell = house.start()?;
        Ok(Self { lodging, house, shell, policy, sum: Sum::default() })
    }

    /// One mission, whose branch and directories go again.
    async fn mission(&self, task: &Task, dir: &Path, judge: &Arc<dyn Sandbox>) -> Result<End, Report> {
        let workspace = dir.display().to_string();
        let mut policy = self.policy.clone();
        policy.history = missions::known_of(&*self.house.journal, &workspace, None);
        if policy.rungs.contains(&Rung::Memory) {
            let proved = remembering::proved(&self.lodging.site);
            policy.history.episodes = u32::try_from(proved).unwrap_or(u32::MAX);
        }
        let mission = self.shell.new_mission_id();
        let command = Command::SubmitMission {
            mission: mission.clone(),
            request: task.request.clone(),
            workspace: WorkspaceRef { path: workspace },
            policy,
        };
        self.shell.submit(mission.clone(), command).await.doing(DOING)?;
        self.shell.ended(&mission).await.doing(DOING)?;
        let (records, _) = missions::load(&*self.house.journal, &mission)?;
        // The sandbox blocks, and brings a runtime of its own.
        let end = tokio::task::block_in_place(|| ended(task, dir, &**judge, &records))?;
        self.house.workspace.clean(&mission).doing(DOING)?;
        Ok(end)
    }
}

/// How a mission ended, and whether what it handed over is right.
fn ended(task: &Task, dir: &Path, judge: &dyn Sandbox, records: &[Record]) -> Result<End, Report> {
    for record in records.iter().rev() {
        let Event::MissionCompleted { branch, ledger, wall_ms, .. } = &record.event else { continue };
        let mut holds = None;
        if let Some(branch) = branch {
            let changed = git(dir, &["diff", "--name-only", &format!("main...{branch}")])?;
            let code = git(dir, &["show", &format!("{branch}:{}.py", task.module)])?;
            let program = sandbox::request(&format!("{code}\n\n{}", task.truth));
            let ran = sandbox::run_once(judge, dir, &program)?;
            let is_alone = changed.lines().all(|path| !path.starts_with("tests/"));
            holds = Some(is_alone && ran.exit == Exit::Code(0));
            git(dir, &["branch", "-q", "-D", branch])?;
        }
        return Ok(End { ledger: ledger.clone(), wall_ms: *wall_ms, holds });
    }
    Err(Report::new(ErrorKind::Bug, DOING, "a mission ended without saying how"))
}

fn told(
    args: &ReuseArgs,
    (count, related): (usize, usize),
    from: &FromMemory,
    (with, without): (Sum, Sum),
) -> Measured {
    let mut measured = Measured::default();
    measured.params.insert("seed", json!(args.seed));
    measured.params.insert("tasks", json!(count));
    measured.params.insert("related", json!(related));
    measured.params.insert("repositories", json!(REPOSITORIES));
    measured.params.insert("models", json!(args.models));
    let mut one = |name, unit, value| measured.results.insert(name, Figure::One { unit, value });
    let solved = from.related + from.new;
    one("solved_from_memory", "1", solved as f64);
    one("solved_from_memory_share", "1", solved as f64 / count.max(1) as f64);
    one("related_solved_from_memory", "1", from.related as f64);
    one("new_solved_from_memory", "1", from.new as f64);
    one("wrong_reuse_accepted", "1", from.wrong as f64);
    one("solved_with", "1", with.solved as f64);
    one("solved_without", "1", without.solved as f64);
    one("wrong_with", "1", with.wrong as f64);
    one("wrong_without", "1", without.wrong as f64);
    one("tokens_with", "1", with.tokens as f64);
    one("tokens_without", "1", without.tokens as f64);
    one("candidates_with", "1", with.candidates as f64);
    one("candidates_without", "1", without.candidates as f64);
    for (name, mut seconds) in [("seconds_with", with.seconds), ("seconds_without", without.seconds)] {
        measured.results.insert(name, Figure::spread("s", &mut seconds));
    }
    measured
}
