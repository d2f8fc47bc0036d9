//! The ring without a disk: how much of a step is ours? `cargo run --release --example steps`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for developers")]
use std::sync::Arc;
use std::time::Instant;

use coditect_ports::{Agent, Bus, Clock, Entropy, Notice, Work};
use coditect_runtime::{OwnBreakers, Ports, Settings, Shell};
use coditect_testkit::memory_journal::MemoryJournal;
use coditect_types::plan::Role;
use coditect_types::{Action, Command, MissionId, Outcome};

#[derive(Debug)]
struct Nothing;
impl Agent for Nothing {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }
    fn perform(&self, _: &Action, _: &Work) -> Outcome {
        Outcome::NothingDone
    }
}
impl Bus for Nothing {
    fn announce(&self, _: Notice) {}
}
impl Clock for Nothing {
    fn now_ms(&self) -> u64 {
        1
    }
    fn monotonic_us(&self) -> u64 {
        0
    }
}
impl Entropy for Nothing {
    fn next_u64(&self) -> u64 {
        1
    }
}

#[tokio::main]
async fn main() {
    let ports = Ports {
        journal: Arc::new(MemoryJournal::new()),
        bus: Arc::new(Nothing),
        clock: Arc::new(Nothing),
        entropy: Arc::new(Nothing),
        agents: vec![Arc::new(Nothing)],
        models: Vec::new(),
        breakers: Arc::new(OwnBreakers::default()),
        fleet: None,
    };
    let shell = Arc::new(Shell::start(ports, Settings::default()).unwrap());
    let steps = 50;
    let began = Instant::now();
    let ids: Vec<MissionId> = (0..1000).map(|n| MissionId::from_parts(n * 1000, n)).collect();
    for id in &ids {
        shell.submit(id.clone(), Command::SubmitNoOps { mission: id.clone(), steps }).await.unwrap();
    }
    println!("submitted after {:?}", began.elapsed());
    for id in &ids {
        shell.ended(id).await.unwrap();
    }
    println!("{:.0} steps/s", f64::from(steps) * 1000.0 / began.elapsed().as_secs_f64());
}
