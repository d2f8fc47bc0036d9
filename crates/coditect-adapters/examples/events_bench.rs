//! `cargo run --release -p coditect-adapters --example events_bench -- DIR|nats://HOST:PORT BATCH PRODUCERS SECONDS`
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coditect_adapters::bench::events::{self, Load};
use coditect_adapters::journal::jetstream::Options;
use coditect_adapters::{JetStream, Segments};
use coditect_ports::Journal;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, batch, producers, seconds] = arguments.as_slice() else {
        return Err("name a place, the events of a batch, the producers, and seconds".into());
    };
    let time = Duration::from_secs_f64(seconds.parse()?);
    let load = Load { batch: batch.parse()?, producers: producers.parse()?, time };
    if !place.contains("://") {
        let journal: Arc<dyn Journal> = Arc::new(Segments::open(Path::new(place))?);
        println!("{:#?}", events::measure(&journal, load)?);
        return Ok(());
    }
    let name = format!("bench-{}", std::process::id());
    let journal = Arc::new(JetStream::connect(&Options { name, ..Options::at(place) })?);
    let found = events::measure(&(Arc::clone(&journal) as Arc<dyn Journal>), load);
    let removed = journal.remove();
    println!("{:#?}", found?);
    removed?;
    Ok(())
}
