//! `coditect bench faults`: missions in which something goes wrong, and missions in which something only looks like it.
//! Each is a mission like any other, on a repository that is drawn from a seed; what it said is held against what was wrong.

mod killer;
mod kinds;
mod meddler;
mod projects;
mod provider;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coditect_adapters::model::{Endpoint, Protocol, Secret, remote};
use coditect_ports::{Exit, PortError, Sandbox};
use coditect_runtime::Shell;
use coditect_types::limits::{CallLimits, SandboxChoice};
use coditect_types::model::{EditForm, Price};
use coditect_types::{
    Command, ErrorKind, Event, MissionStatus, ModelSpec, Policy, Record, Rung, Tier, WorkspaceRef,
};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sandbox;
use crate::args::{FaultsArgs, SettingFlags};
use crate::commands::Context;
use crate::host;
use crate::missions;
use crate::out::{brief, paint, painted};
use crate::report::{Doing, Done, Report};
use crate::settings;
use crate::signals::Signals;
use crate::wiring::{self, House, Lodging};

use kinds::{KINDS, Kind};
use meddler::{Meddler, Meddling, Plans};
use projects::{Chance, Project};
use provider::Provider;
use verdict::{Case, Corpus, Share};

/// Characters of a summary in a row for people.
const WIDTH: usize = 100;
/// Cases of each kind, and with `--quick`.
const EACH: [usize; 2] = [14, 2];
/// What a mission may take in all, and its search, ms.
const WALL_MS: u64 = 120_000;
const SEARCH_MS: u64 = 20_000;
const DOING: &str = "making a case";
/// Models that a case may have, and how long a call of one may take: until it begins, between two pieces, in all, ms.
const MODELS: usize = 2;
const CALL_MS: [u64; 3] = [3_000, 3_000, 30_000];
/// Tokens that such a model can hold.
const CONTEXT_TOKENS: u64 = 16_384;
/// Outcomes on their way to missions past the pool.
const REPORTS: usize = 64;

/// One case, ready to begin.
struct Ready {
    kind: &'static Kind,
    number: usize,
    dir: PathBuf,
    project: Project,
    meddling: Meddling,
}

pub(super) fn perform(mut cx: Context, args: &FaultsArgs) -> Done {
    let kinds = chosen(&args.kinds)?;
    let each = args.each.map_or(EACH[usize::from(args.size.quick)], usize::from);
    let mut lodging = wiring::lodging(&cx.site()?)?;
    let mut policy =
        settings::load(&SettingFlags::default(), &cx.env, &lodging.copies)?.settings.unattended();
    policy.budget.wall_ms = WALL_MS;
    policy.budget.search_ms = SEARCH_MS;
    policy.models.clear();
    policy.agents = u32::try_from(host::cores()).unwrap_or(1);
    let numbers =
        (0..each).flat_map(|round| kinds.iter().map(move |(n, kind)| (round * KINDS.len() + n, *kind)));
    let cases: Vec<(usize, &'static Kind)> = numbers.collect();
    let provider = Provider::start().map_err(|error| PortError::from_io("a port of 127.0.0.1", &error));
    let provider = provider.doing("starting the provider of models")?;
    let numbers = cases.iter().map(|(number, _)| *number);
    lodging.site.models = numbers
        .flat_map(|number| (0..MODELS).map(move |n| model(number, n)))
        .map(|name| remote(endpoint(&provider, name), None))
        .collect();
    let runtime = wiring::tokio_runtime()?;
    let began = Instant::now();
    let judged = runtime.block_on(all(&lodging, policy, provider, args.seed, &cases));
    runtime.shutdown_background();
    let corpus = Corpus::of(args.seed, &judged?, began.elapsed().as_secs_f64());
    match cx.out.json {
        true => cx.out.object(&corpus)?,
        false => print(&mut cx, &corpus)?,
    }
    Ok(u8::from(corpus.false_success > 0))
}

/// The kinds of these names, with their places; none named: all of them.
fn chosen(names: &[String]) -> Result<Vec<(usize, &'static Kind)>, Report> {
    if let Some(unknown) = names.iter().find(|name| KINDS.iter().all(|kind| kind.name != name.as_str())) {
        let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let cause = format!("there is no kind of case `{unknown}`");
        let hint = format!("one of {}", all.join(", "));
        return Err(Report::new(ErrorKind::Invalid, "choosing cases", cause).hint(hint));
    }
    let wanted = |kind: &Kind| names.is_empty() || names.iter().any(|name| name == kind.name);
    Ok(KINDS.iter().enumerate().filter(|(_, kind)| wanted(kind)).collect())
}

/// The name of a model of a case.
fn model(case: usize, n: usize) -> String {
    format!("case-{case}-{n}")
}

/// How a model of the bench's provider is reached.
fn endpoint(provider: &Provider, name: String) -> Endpoint {
    Endpoint {
        protocol: Protocol::Chat,
        url: provider.url(&name),
        model: name.clone(),
        key: Secret::default(),
        context_tokens: CONTEXT_TOKENS,
        name,
    }
}

/// What a mission is told of such a model. It costs nothing.
fn spec(name: String) -> ModelSpec {
    let [first_byte_ms, idle_ms, wall_ms] = CALL_MS;
    ModelSpec {
        name,
        rung: Rung::SmallModel,
        context_tokens: CONTEXT_TOKENS,
        output_tokens: CONTEXT_TOKENS / 4,
        edits: EditForm::Whole,
        price: Price::default(),
        limits: CallLimits { first_byte_ms, idle_ms, wall_ms, ..CallLimits::default() },
    }
}

/// Draws a case and writes its repository.
fn make(lodging: &Lodging, seed: u64, number: usize, kind: &'static Kind) -> Result<Ready, Report> {
    let mut chance = Chance::of(seed, number as u64);
    let mut project = Project::draw(&mut chance);
    let meddling = (kind.plant)(&mut project, &mut chance);
    let dir = lodging.copies.join(format!("case-{number}"));
    let failed = |error: std::io::Error| PortError::from_io(&dir.display().to_string(), &error);
    let write = |(path, text): (&String, &String)| {
        let path = dir.join(path);
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text))
    };
    project.files.iter().try_for_each(write).map_err(failed).doing(DOING)?;
    for arguments in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "Begin"],
    ] {
        git(&dir, arguments)?;
    }
    Ok(Ready { kind, number, dir, project, meddling })
}

/// What git says, in the repository of a case.
pub(super) fn git(dir: &Path, arguments: &[&str]) -> Result<String, Report> {
    let ran = std::process::Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| PortError::from_io("git", &error))
        .doing(DOING)?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
        return Err(Report::new(
            ErrorKind::Unavailable,
            DOING,
            format!("git {}: {said}", arguments.join(" ")),
        ));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Works on all cases, as many at once as there are cores.
async fn all(
    lodging: &Lodging,
    policy: Policy,
    provider: Provider,
    seed: u64,
    cases: &[(usize, &'static Kind)],
) -> Result<Vec<Case>, Report> {
    let mut house = wiring::house(&lodging.site, &policy, 1, &mut |_| {})?;
    let plans = Plans::default();
    let (reports, mut reported) = tokio::sync::mpsc::channel(REPORTS);
    house.put_before_agents(|inner, workspace| {
        Arc::new(Meddler { inner, plans: plans.clone(), workspace, reports: reports.clone() })
    });
    let bench = Bench {
        shell: house.start()?,
        judge: wiring::sandbox(&lodging.site, Tier::Wasm)?,
        house,
        plans,
        policy,
        provider,
    };
    let bar = bar(cases.len());
    let mut signals = Signals::listen()?;
    let mut waiting = cases.iter();
    let (mut at_work, mut judged) = (FuturesUnordered::new(), Vec::new());
    loop {
        while at_work.len() < host::cores()
            && let Some((number, kind)) = waiting.next()
        {
            at_work.push(bench.work_on(make(lodging, seed, *number, kind)?));
        }
        tokio::select! {
            biased;
            () = signals.next() => {
                let cause = format!("stopped by a signal after {} cases", judged.len());
                let hint = "the same `--seed` gives the same cases again";
                return Err(Report::new(ErrorKind::Interrupted, "working on cases", cause).hint(hint));
            }
            Some((mission, attempt, outcome)) = reported.recv() => {
                // A mission that has ended meanwhile hears nothing any more.
                bench.shell.report(&mission, attempt, outcome).await.ok();
            }
            next = at_work.next() => match next {
                None => break,
                Some(case) => {
                    bar.inc(1);
                    judged.push(case?);
                }
            },
        }
    }
    drop(at_work);
    bar.finish_and_clear();
    bench.shell.shut_down(Duration::from_millis(500)).await;
    judged.sort_by_key(|case: &Case| case.case);
    Ok(judged)
}

fn bar(cases: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(cases as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::default_bar().template("{bar:30} {pos} of {len} cases  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// All that the cases have in common.
struct Bench {
    house: House,
    shell: Shell,
    plans: Plans,
    policy: Policy,
    /// Whom the missions' models are at.
    provider: Provider,
    /// Where what was handed over is tried.
    judge: Arc<dyn Sandbox>,
}

impl Bench {
    async fn work_on(&self, case: Ready) -> Result<Case, Report> {
        let mission = self.shell.new_mission_id();
        let policy = self.policy_of(&case);
        self.plans.add(mission.clone(), case.meddling.clone(), &case.dir, &case.project);
        let command = Command::SubmitMission {
            mission: mission.clone(),
            request: "make the failing tests pass".to_owned(),
            workspace: WorkspaceRef { path: case.dir.display().to_string() },
            policy,
        };
        self.shell.submit(mission.clone(), command).await.doing(DOING)?;
        self.shell.ended(&mission).await.doing(DOING)?;
        let (records, _) = missions::load(&*self.house.journal, &mission)?;
        // The sandbox blocks, and brings a runtime of its own.
        let holds = tokio::task::block_in_place(|| self.holds(&case, &records))?;
        // Nobody looks at it again, and there are hundreds.
        self.house.workspace.clean(&mission).doing(DOING)?;
        std::fs::remove_dir_all(&case.dir)
            .map_err(|error| PortError::from_io(&case.dir.display().to_string(), &error))
            .doing(DOING)?;
        Ok(verdict::judge(case.kind, case.number, &records, holds))
    }

    /// How the case's mission is run. What its models answer is told their provider.
    fn policy_of(&self, case: &Ready) -> Policy {
        let policy = self.policy.clone();
        if let Meddling::KillsAProcess(..) | Meddling::InProcesses = &case.meddling {
            return Policy { sandbox: SandboxChoice::Only(Tier::Os), ..policy };
        }
        let Meddling::Models(all) = &case.meddling else { return policy };
        let names = (0..all.len()).map(|n| model(case.number, n));
        for (name, answers) in names.clone().zip(all) {
            self.provider.answers(name, answers.clone());
        }
        // What nobody wrote is nothing that a search need go through first.
        Policy { models: names.map(spec).collect(), rungs: vec![Rung::SmallModel], ..policy }
    }

    /// Whether what was handed over does what it should, on inputs that the tests do not have as well, and leaves the
    /// tests alone. None: nothing was handed over.
    fn holds(&self, case: &Ready, records: &[Record]) -> Result<Option<bool>, Report> {
        let end = records.iter().rev().find_map(|record| {
            let Event::MissionCompleted { status, branch, .. } = &record.event else { return None };
            Some((*status, branch.clone()?))
        });
        let Some((status, branch)) = end else { return Ok(None) };
        // What is called verified stands on what the person has committed by then.
        let lacks = git(&case.dir, &["rev-list", "--count", &format!("{branch}..main")])?;
        if status == MissionStatus::Verified && lacks.trim() != "0" {
            return Ok(Some(false));
        }
        let changed = git(&case.dir, &["diff", "--name-only", &format!("main...{branch}")])?;
        if changed.lines().any(|path| path == case.project.test_file || path.ends_with("conftest.py")) {
            return Ok(Some(false));
        }
        let code = git(&case.dir, &["show", &format!("{branch}:{}.py", case.project.module)])?;
        let program = sandbox::request(&format!("{code}\n\n{}", case.project.truth));
        let ran = sandbox::run_once(self.judge.as_ref(), &case.dir, &program)?;
        Ok(Some(ran.exit == Exit::Code(0)))
    }
}

fn print(cx: &mut Context, corpus: &Corpus) -> std::io::Result<()> {
    let label = |text: &str| painted(paint::LABEL, &format!("{text:<28}"));
    let figures = format!(
        "{:>6} {:>9} {:>10} {:>10} {:>12} {:>8} {:>6}",
        "cases", "detected", "diagnosed", "recovered", "false alarms", "seconds", "runs"
    );
    cx.out.line(&format!("{}{figures}", label("kind")))?;
    for (name, tally) in &corpus.kinds {
        cx.out.line(&format!(
            "{name:<28}{:>6} {:>9} {:>10} {:>10} {:>12} {:>8.1} {:>6}",
            tally.cases,
            tally.detected,
            tally.diagnosed,
            tally.recovered,
            tally.false_alarms,
            tally.seconds,
            tally.experiments
        ))?;
    }
    cx.out.line("")?;
    let shown = |share: Share| match share.value {
        Some(value) => format!("{value:.3} of {}", share.of),
        None => "none".to_owned(),
    };
    for (name, share) in [
        ("precision", corpus.precision),
        ("recall", corpus.recall),
        ("diagnosis right", corpus.diagnosis_right),
        ("recovered", corpus.recovered),
        ("benign verified", corpus.benign_verified),
    ] {
        cx.out.line(&format!("{}{}", label(name), shown(share)))?;
    }
    cx.out.line(&format!("{}{}", label("false success"), corpus.false_success))?;
    cx.out.line(&format!("{}seed {}, {:.0} s", label("how"), corpus.seed, corpus.wall_s))?;
    for case in &corpus.missed {
        cx.out.line(&painted(
            paint::WARN,
            &format!("case {} ({}): {}", case.case, case.kind, brief(&case.summary, WIDTH)),
        ))?;
    }
    Ok(())
}
