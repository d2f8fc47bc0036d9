//! Concurrent missions of no-op actions through the whole ring, every event durable before anyone is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use coditect_ports::{Agent, Work};
use coditect_runtime::{Ports, Settings, Shell};
use coditect_types::{Action, Command, MissionId, Outcome, Role};
use serde_json::json;

use super::{Figure, Measured};
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring;

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

pub(super) fn measure(site: &Site, quick: bool) -> Result<Measured, Report> {
    let (missions, steps) = if quick { (100_u32, 10_u32) } else { (1000, 100) };
    let (_dir, site) = wiring::bench_site(site)?;
    let keeper = wiring::keeper(&site)?;
    let idler = Arc::new(Idler::default());
    let ports = Ports {
        journal: keeper,
        bus: wiring::silent_bus(),
        clock: wiring::clock(),
        entropy: wiring::entropy(),
        agents: vec![Arc::clone(&idler) as Arc<dyn Agent>],
        models: Vec::new(),
        fleet: None,
    };
    let runtime = wiring::tokio_runtime()?;
    let began = Instant::now();
    let wall_s = runtime.block_on(async {
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
        let wall_s = began.elapsed().as_secs_f64();
        shell.shut_down(std::time::Duration::from_millis(500)).await;
        Ok::<_, coditect_runtime::ShellError>(wall_s)
    });
    let wall_s = wall_s.doing("running no-op missions")?;
    let mut seen = idler.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let mut measured = Measured::default();
    measured.params.insert("missions", json!(missions));
    measured.params.insert("steps_each", json!(steps));
    let per_s = f64::from(missions) * f64::from(steps) / wall_s;
    measured.results.insert("steps_per_s", Figure::One { unit: "1/s", value: per_s });
    measured.results.insert("step_ms", Figure::spread("ms", &mut seen.turns_ms));
    Ok(measured)
}
