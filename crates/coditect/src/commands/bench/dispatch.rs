//! How soon an agent is at work on a request, and how well many are kept at work: through the whole ring, every event durable, by threads
//! of this process or by a worker on a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::{Agent, Dispatch, Work};
use coditect_runtime::{Ports, Settings, Shell, ShellError};
use coditect_types::{Action, Command, MissionId, Outcome, Role};
use serde_json::json;

use super::{Figure, Measured};
use crate::environment::{Place, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::settings::Nats;
use crate::wiring::{self, BenchFleet};

const DOING: &str = "dispatching no-op tasks";
/// What one piece of simulated work takes.
const WORK: Duration = Duration::from_millis(100);
/// Pieces that each agent has, one after the other.
const PIECES: u32 = 10;

/// Works for a known time by waiting, and notes when each mission first had an agent.
#[derive(Debug)]
struct Simulated {
    work: Duration,
    first: Mutex<HashMap<MissionId, Instant>>,
}

impl Agent for Simulated {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }

    fn perform(&self, _: &Action, work: &Work) -> Outcome {
        let now = Instant::now();
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.entry(work.mission.clone()).or_insert(now);
        drop(first);
        let until = now + self.work;
        while Instant::now() < until {
            std::thread::park_timeout(until - Instant::now());
        }
        Outcome::NothingDone
    }
}

/// Where actions are performed.
struct Ring<'a> {
    site: &'a Site,
    nats: Option<&'a Nats>,
}

/// What one load came to.
struct Ran {
    wall_s: f64,
    /// From a request to its first agent, ms.
    assigned_ms: Vec<f64>,
}

impl Ring<'_> {
    /// Missions of so many steps each, begun `at_once` or one after the other, on so many agents.
    fn run(
        &self,
        agents: usize,
        work: Duration,
        (missions, steps): (u32, u32),
        at_once: bool,
    ) -> Result<Ran, Report> {
        let (_dir, site) = wiring::bench_site(self.site)?;
        let agent = Arc::new(Simulated { work, first: Mutex::default() });
        let all: Vec<Arc<dyn Agent>> = vec![Arc::clone(&agent) as Arc<dyn Agent>];
        let fleet = self.nats.map(|nats| BenchFleet::begin(&site, nats, all.clone(), agents)).transpose()?;
        let mut journal = wiring::keeper(&site)?;
        if let Some(redis) = self.nats.and_then(|nats| nats.redis.as_ref()) {
            journal = wiring::said(journal, wiring::on_redis(redis))?;
        }
        let ports = Ports {
            journal,
            bus: wiring::silent_bus(),
            clock: wiring::clock(),
            entropy: wiring::entropy(),
            agents: all,
            models: Vec::new(),
            breakers: wiring::own_breakers(),
            fleet: fleet.as_ref().map(|own| Arc::clone(&own.fleet) as Arc<dyn Dispatch>),
        };
        // Threads of the ring perform nothing where a worker does.
        let workers = if fleet.is_some() { host::cores() } else { agents };
        let settings = Settings { workers, ..Settings::default() };
        let runtime = wiring::tokio_runtime()?;
        let ran = runtime.block_on(through(ports, settings, (missions, steps), at_once)).doing(DOING);
        drop(runtime);
        if let Some(fleet) = fleet {
            fleet.end()?;
        }
        let (begun, wall_s) = ran?;
        let first = agent.first.lock().unwrap_or_else(PoisonError::into_inner);
        let assigned = begun.iter().filter_map(|(mission, at)| Some(first.get(mission)?.duration_since(*at)));
        Ok(Ran { wall_s, assigned_ms: assigned.map(|took| took.as_secs_f64() * 1e3).collect() })
    }
}

/// Runs the missions, and gives when each was asked for and what all took, s.
async fn through(
    ports: Ports,
    settings: Settings,
    (missions, steps): (u32, u32),
    at_once: bool,
) -> Result<(Vec<(MissionId, Instant)>, f64), ShellError> {
    let shell = Shell::start(ports, settings)?;
    let began = Instant::now();
    let ids: Vec<MissionId> = (0..missions).map(|_| shell.new_mission_id()).collect();
    let mut asked = Vec::new();
    let command = |mission: &MissionId| Command::SubmitNoOps { mission: mission.clone(), steps };
    if at_once {
        asked.extend(ids.iter().map(|mission| (mission.clone(), Instant::now())));
        let submitted = ids.iter().map(|mission| shell.submit(mission.clone(), command(mission)));
        for begun in futures::future::join_all(submitted).await {
            begun?;
        }
        for mission in &ids {
            shell.ended(mission).await?;
        }
    } else {
        for mission in ids {
            asked.push((mission.clone(), Instant::now()));
            shell.submit(mission.clone(), command(&mission)).await?;
            shell.ended(&mission).await?;
        }
    }
    let wall_s = began.elapsed().as_secs_f64();
    shell.shut_down(Duration::from_millis(500)).await;
    Ok((asked, wall_s))
}

pub(super) fn measure(site: &Site, quick: bool) -> Result<Measured, Report> {
    let nats = match &site.journal {
        Place::Files => None,
        Place::Server(nats) => Some(nats),
        Place::Unknown(report) => return Err(Report::clone(report)),
    };
    let ring = Ring { site, nats };
    let (alone, missions, steps) = if quick { (20, 20, 10) } else { (200, 200, 50) };
    let crowds: &[(usize, &'static str)] = match quick {
        true => &[(1, "efficiency_1"), (8, "efficiency_8")],
        false => &[
            (1, "efficiency_1"),
            (8, "efficiency_8"),
            (50, "efficiency_50"),
            (200, "efficiency_200"),
            (1_000, "efficiency_1000"),
        ],
    };
    let cores = host::cores();
    let mut measured = Measured::default();
    measured.params.insert("dispatch", json!(if nats.is_some() { "nats" } else { "embedded" }));
    let is_said = nats.is_some_and(|nats| nats.redis.is_some());
    measured.params.insert("world_store", json!(if is_said { "redis" } else { "none" }));
    measured.params.insert("requests", json!(alone));
    measured.params.insert("missions", json!(missions));
    measured.params.insert("steps_each", json!(steps));
    measured.params.insert("work_ms", json!(WORK.as_millis()));
    measured.params.insert("pieces_each", json!(PIECES));
    let mut one = ring.run(cores, Duration::ZERO, (alone, 1), false)?;
    measured.results.insert("assign_ms", Figure::spread("ms", &mut one.assigned_ms));
    let many = ring.run(cores, Duration::ZERO, (missions, steps), true)?;
    let per_s = f64::from(missions) * f64::from(steps) / many.wall_s;
    measured.results.insert("tasks_per_s", Figure::One { unit: "1/s", value: per_s });
    for (agents, name) in crowds {
        // As many missions as agents: with nothing in between, all of it takes as long as one mission's pieces.
        let load = (u32::try_from(*agents).unwrap_or(u32::MAX), PIECES);
        let ran = ring.run(*agents, WORK, load, true)?;
        let ideal_s = (WORK * PIECES).as_secs_f64();
        measured.results.insert(name, Figure::One { unit: "of 1", value: ideal_s / ran.wall_s });
    }
    Ok(measured)
}
