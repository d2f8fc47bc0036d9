//! A search for a change on a program of some 250 lines whose whole suite takes under a millisecond: an ordinary mission,
//! measured by what its coder says. What its two red tests ask for is not there yet, so the search goes on to its limit and
//! meets what searches meet: candidates that do nothing, that break other tests, that hang.

use std::time::Duration;

use coditect_types::outcome::{SearchTime, Spent};
use coditect_types::{
    Command, ErrorKind, Event, MissionId, Outcome, Policy, Record, Rung, Tier, WorkspaceRef,
};
use serde_json::json;

use super::{Figure, Measured, sandbox};
use crate::args::{SearchArgs, SettingFlags};
use crate::environment::{Environment, Site};
use crate::host;
use crate::missions;
use crate::report::{Doing, Report};
use crate::settings;
use crate::wiring::{self, House};

/// The program and its tests.
const PROJECT: &[(&str, &str)] = &[
    ("subscriptions.py", include_str!("search/subscriptions.py")),
    ("test_subscriptions.py", include_str!("search/test_subscriptions.py")),
];
/// Candidates that are tried, and with `--quick`.
const CANDIDATES: [u64; 2] = [20_000, 2_000];
/// However slow the machine is, it ends by then.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Processes that tell how fast the machine is.
const PROCESSES: usize = 50;
const DOING: &str = "measuring a search";

/// What the mission told.
struct Told {
    tier: Tier,
    /// Tests, and their own time in the sandbox, µs.
    tests: (usize, u64),
    spent: Spent,
    time: SearchTime,
}

pub(super) fn measure(
    env: &Environment,
    site: &Site,
    args: &SearchArgs,
    quick: bool,
) -> Result<Measured, Report> {
    let candidates = args.candidates.unwrap_or(CANDIDATES[usize::from(quick)]);
    let lodging = wiring::lodging(site)?;
    let project = lodging.copies.join("project");
    std::fs::create_dir(&project).map_err(unwritten)?;
    for (name, text) in PROJECT {
        std::fs::write(project.join(name), text).map_err(unwritten)?;
    }
    let mut policy = settings::load(&SettingFlags::default(), env, &project)?.settings.unattended();
    policy.budget.wall_ms = u64::try_from(LONGEST.as_millis()).unwrap_or(u64::MAX);
    policy.budget.search_ms = policy.budget.wall_ms;
    policy.budget.candidates = candidates;
    let records = mission(&lodging.site, &project.display().to_string(), policy)?;
    let told = told(&records)?;
    let mut measured = figures(&told, candidates);
    if let Some(mut times) = sandbox::process_python(env, PROCESSES)? {
        beside_processes(&mut measured, Figure::spread("ms", &mut times));
    }
    Ok(measured)
}

/// How fast this machine is with Python itself: what the figures of two machines have in common is a ratio to this.
fn beside_processes(measured: &mut Measured, process: Figure) {
    let rate = measured.results.get("candidates_per_s").map(Figure::middle);
    if let Some(rate) = rate {
        let value = rate * process.middle() / 1_000.0;
        measured.results.insert("candidates_per_process_python", Figure::One { unit: "1", value });
    }
    measured.compared.insert("process_python", process.clone());
    measured.results.insert("process_python", process);
}

fn unwritten(error: std::io::Error) -> Report {
    Report::new(ErrorKind::Unavailable, DOING, format!("the project could not be written: {error}"))
}

/// Runs the mission to its end; gives its records.
fn mission(site: &Site, path: &str, policy: Policy) -> Result<Vec<Record>, Report> {
    let house = wiring::house(site, &policy, 0, &mut |_| {})?;
    let runtime = wiring::tokio_runtime()?;
    let mission = runtime.block_on(ended(&house, path, policy));
    runtime.shutdown_background();
    let (records, _) = missions::load(&*house.journal, &mission?)?;
    Ok(records)
}

async fn ended(house: &House, path: &str, policy: Policy) -> Result<MissionId, Report> {
    let shell = house.start()?;
    let mission = shell.new_mission_id();
    let command = Command::SubmitMission {
        mission: mission.clone(),
        request: "make the failing tests pass".to_owned(),
        workspace: WorkspaceRef { path: path.to_owned() },
        policy,
    };
    shell.submit(mission.clone(), command).await.doing(DOING)?;
    shell.ended(&mission).await.doing(DOING)?;
    shell.shut_down(Duration::from_millis(500)).await;
    Ok(mission)
}

fn told(records: &[Record]) -> Result<Told, Report> {
    let outcomes = || {
        records.iter().filter_map(|record| {
            let Event::AttemptEnded { outcome, .. } = &record.event else { return None };
            Some(outcome)
        })
    };
    let baseline = outcomes().find_map(|outcome| {
        let Outcome::BaselineMeasured { project, report, .. } = outcome else { return None };
        Some((project.tier, (report.tests.len(), report.tests.iter().map(|test| test.us).sum())))
    });
    let spent = outcomes().find_map(|outcome| {
        let (Outcome::NoChangeFound { rung: Rung::Reflex, spent, .. }
        | Outcome::ChangeProposed { spent, .. }) = outcome
        else {
            return None;
        };
        Some((spent.clone(), spent.search?))
    });
    if let (Some((tier, tests)), Some((spent, time))) = (baseline, spent) {
        return Ok(Told { tier, tests, spent, time });
    }
    let summary = records.iter().rev().find_map(|record| {
        let Event::MissionCompleted { summary, .. } = &record.event else { return None };
        Some(summary.as_str())
    });
    let cause = format!("there was no search: {}", summary.unwrap_or("the mission did not end"));
    Err(Report::new(ErrorKind::Bug, DOING, cause))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts and µs of an hour at most, which a double holds exactly"
)]
fn figures(told: &Told, candidates: u64) -> Measured {
    let Told { tier, tests, spent, time } = told;
    let threads = host::cores();
    let mut measured = Measured::default();
    let lines = PROJECT.iter().map(|(_, text)| text.lines().count()).sum::<usize>();
    for (name, value) in [
        ("candidates_most", json!(candidates)),
        ("lines", json!(lines)),
        ("tests", json!(tests.0)),
        ("threads", json!(threads)),
        ("tier", json!(tier)),
    ] {
        measured.params.insert(name, value);
    }
    let mut put = |name: &'static str, unit: &'static str, value: f64| {
        measured.results.insert(name, Figure::One { unit, value });
    };
    let seconds = |us: u64| us as f64 / 1e6;
    let (wall, tried) = (seconds(time.wall_us).max(1e-6), spent.candidates as f64);
    put("candidates", "1", tried);
    put("candidates_per_s", "1/s", tried / wall);
    put("dropped", "1", time.deduplicated as f64);
    put("trials", "1", time.trials as f64);
    put("search_s", "s", wall);
    put("making_s", "s", seconds(time.making_us));
    put("judging_s", "s", seconds(time.judging_us));
    put("rest_s", "s", (wall - seconds(time.making_us) - seconds(time.judging_us)).max(0.0));
    put("trial_ms", "ms", time.trials_us as f64 / 1e3 / (time.trials.max(1) as f64));
    // What threads wait for each other at the end of a batch.
    let idle = 1.0 - seconds(time.trials_us) / (seconds(time.judging_us) * threads as f64).max(1e-6);
    put("idle_share", "1", idle.clamp(0.0, 1.0));
    put("suite_ms", "ms", tests.1 as f64 / 1e3);
    measured
}
