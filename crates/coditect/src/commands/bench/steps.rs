//! Concurrent missions of no-op actions through the whole ring, every event durable before anyone is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use coditect_ports::{Agent, Work};
use coditect_runtime::{Ports, Settings, Shell};
use coditect_types::{Action, Command, ErrorKind, MissionId, Outcome, Role};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::json;

use super::{Figure, Measured};
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::telemetry::logs;
use crate::wiring;

mod collector;
mod observer;

use collector::Collector;
use observer::Observer;

/// Does nothing, and notes when each mission came back for more.
#[derive(Debug, Default)]
struct Idler {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    last: HashMap<MissionId, Instant>,
    turns_ms: Vec<f64>,
}

impl Agent for Idler {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }

    fn perform(&self, _: &Action, work: &Work) -> Outcome {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = seen.last.insert(work.mission.clone(), now) {
            // From one action to the next of the same mission: one turn of the ring.
            seen.turns_ms.push(now.duration_since(before).as_secs_f64() * 1000.0);
        }
        Outcome::NothingDone
    }
}

/// How much is done in one round.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    missions: u32,
    steps: u32,
    /// Rounds of each kind, where two are compared.
    rounds: usize,
}

fn sizes(quick: bool) -> Sizes {
    match quick {
        true => Sizes { missions: 100, steps: 10, rounds: 3 },
        false => Sizes { missions: 1_000, steps: 100, rounds: 15 },
    }
}

/// One round.
#[derive(Debug, Default)]
struct Round {
    per_s: f64,
    /// The same where the round is over once the shell has ended and all was sent.
    per_s_to_last: f64,
    turns_ms: Vec<f64>,
    /// What a step takes of the processors, µs, those of a collector included: the disk has no part in it.
    cpu_us: f64,
    /// From the end of the shell until all was sent, ms.
    rest_ms: f64,
}

pub(super) fn measure(site: &Site, quick: bool) -> Result<Measured, Report> {
    let sizes = sizes(quick);
    let mut round = round(site, sizes, None)?;
    let mut measured = params(sizes);
    measured.results.insert("steps_per_s", Figure::One { unit: "1/s", value: round.per_s });
    measured.results.insert("step_ms", Figure::spread("ms", &mut round.turns_ms));
    Ok(measured)
}

/// The same work without and with telemetry, in turns, so that whatever else the machine does meets both.
pub(super) fn compare(site: &Site, quick: bool) -> Result<Measured, Report> {
    let sizes = sizes(quick);
    let collector = Collector::listen().doing(DOING)?;
    let (mut without, mut with, mut rests) = (Vec::new(), Vec::new(), Vec::new());
    let (mut costs, mut costs_to_last) = (Vec::new(), Vec::new());
    let (mut cpu_without, mut cpu_with, mut cpu_costs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent, mut dropped) = ([0; 3], [0; 3]);
    for n in 0..sizes.rounds {
        let mut watched = || {
            let observer = Observer::start(&collector)?;
            let done = round(site, sizes, Some(&observer))?;
            let told = observer.tallies();
            (0..2).for_each(|kind| {
                sent[kind] += told[kind].0;
                dropped[kind] += told[kind].1;
            });
            Ok::<Round, Report>(done)
        };
        // Whoever comes second has a warmer machine: they take turns in that, too.
        let (off, on) = if n % 2 == 0 {
            let off = round(site, sizes, None)?;
            (off, watched()?)
        } else {
            let on = watched()?;
            (round(site, sizes, None)?, on)
        };
        costs.push(100.0 * (1.0 - on.per_s / off.per_s));
        costs_to_last.push(100.0 * (1.0 - on.per_s_to_last / off.per_s_to_last));
        cpu_costs.push(100.0 * (on.cpu_us / off.cpu_us - 1.0));
        cpu_without.push(off.cpu_us);
        cpu_with.push(on.cpu_us);
        without.push(off.per_s);
        with.push(on.per_s);
        rests.push(on.rest_ms);
    }
    // Lines go one way for the whole process.
    logs::finish();
    (sent[2], dropped[2]) = logs::tally().map_or((0, 0), |tally| (tally.sent(), tally.dropped()));
    let mut measured = params(sizes);
    measured.params.insert("rounds", json!(sizes.rounds));
    measured.results.insert("steps_per_s", Figure::spread("1/s", &mut without));
    measured.results.insert("steps_per_s_telemetry", Figure::spread("1/s", &mut with));
    measured.results.insert("telemetry_cost", Figure::spread("%", &mut costs));
    measured.results.insert("telemetry_cost_to_last", Figure::spread("%", &mut costs_to_last));
    measured.results.insert("step_cpu_us", Figure::spread("us", &mut cpu_without));
    measured.results.insert("step_cpu_us_telemetry", Figure::spread("us", &mut cpu_with));
    measured.results.insert("telemetry_cpu_cost", Figure::spread("%", &mut cpu_costs));
    measured.results.insert("telemetry_rest_ms", Figure::spread("ms", &mut rests));
    let count = |n: u64| Figure::One { unit: "1", value: n as f64 };
    let names =
        [("spans_sent", "spans_dropped"), ("points_sent", "points_dropped"), ("lines_sent", "lines_dropped")];
    for (kind, (of_sent, of_dropped)) in names.into_iter().enumerate() {
        measured.results.insert(of_sent, count(sent[kind]));
        measured.results.insert(of_dropped, count(dropped[kind]));
    }
    let received = collector.received();
    measured.results.insert("bytes_received", Figure::One { unit: "B", value: received.bytes as f64 });
    measured.results.insert("spans_received", count(received.spans));
    measured.results.insert("lines_received", count(received.lines));
    Ok(measured)
}

fn params(sizes: Sizes) -> Measured {
    let mut measured = Measured::default();
    measured.params.insert("missions", json!(sizes.missions));
    measured.params.insert("steps_each", json!(sizes.steps));
    measured
}

const DOING: &str = "running no-op missions";

/// What this process has used of the processors, µs.
fn cpu_us() -> Result<f64, Report> {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let usage = usage.map_err(|error| Report::new(ErrorKind::Bug, DOING, error.to_string()))?;
    let all = usage.user_time() + usage.system_time();
    Ok(all.num_microseconds() as f64)
}

/// Runs missions to their end. Where somebody observes, the round is over once they have seen all of it.
fn round(site: &Site, sizes: Sizes, observer: Option<&Observer>) -> Result<Round, Report> {
    let Sizes { missions, steps, .. } = sizes;
    let (_dir, site) = wiring::bench_site(site)?;
    let keeper = wiring::keeper(&site)?;
    let idler = Arc::new(Idler::default());
    let ports = Ports {
        journal: keeper,
        bus: observer.map_or_else(wiring::silent_bus, Observer::bus),
        clock: wiring::clock(),
        entropy: wiring::entropy(),
        agents: vec![Arc::clone(&idler) as Arc<dyn Agent>],
        models: Vec::new(),
        breakers: wiring::own_breakers(),
        fleet: None,
    };
    let runtime = wiring::tokio_runtime()?;
    let used = cpu_us()?;
    let began = Instant::now();
    let ended = runtime.block_on(async {
        let shell = Shell::start(ports, Settings::default())?;
        let mut ids = Vec::new();
        for _ in 0..missions {
            ids.push(shell.new_mission_id());
        }
        let submitted = ids
            .iter()
            .map(|id| shell.submit(id.clone(), Command::SubmitNoOps { mission: id.clone(), steps }));
        for begun in futures::future::join_all(submitted).await {
            begun?;
        }
        for id in &ids {
            shell.ended(id).await?;
        }
        let ended = began.elapsed();
        shell.shut_down(std::time::Duration::from_millis(500)).await;
        Ok::<_, coditect_runtime::ShellError>(ended)
    });
    let ended = ended.doing(DOING)?;
    drop(runtime);
    let stopped = Instant::now();
    observer.iter().for_each(|observer| observer.see_out());
    let rest_ms = stopped.elapsed().as_secs_f64() * 1_000.0;
    let all = f64::from(missions) * f64::from(steps);
    let cpu_us = (cpu_us()? - used) / all;
    let per_s = all / ended.as_secs_f64();
    let per_s_to_last = all / began.elapsed().as_secs_f64();
    let mut seen = idler.seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Round { per_s, per_s_to_last, turns_ms: std::mem::take(&mut seen.turns_ms), cpu_us, rest_ms })
}
