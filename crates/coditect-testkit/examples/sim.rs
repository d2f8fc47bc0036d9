//! Simulated missions by seed: `sim --seed N` tells one as a story, `sim --seeds A..B` runs many.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

use std::process::ExitCode;

use coditect_testkit::sim::run;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--seed", n] => n.parse().map_or_else(|_| usage(), story),
        ["--seeds", range] => {
            let ends = range.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            ends.map_or_else(usage, |(a, b)| many(a, b))
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: sim --seed N | --seeds A..B");
    ExitCode::from(2)
}

fn story(seed: u64) -> ExitCode {
    match run(seed) {
        Ok(run) => {
            for record in &run.records {
                println!(
                    "{:>4} {:>9} {}",
                    record.seq,
                    record.at_ms,
                    serde_json::to_string(&record.event).unwrap_or_default()
                );
            }
            println!("seed {seed}: {:?} after {} inputs and {} crashes", run.status, run.inputs, run.crashes);
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("seed {seed}: {}", broken.what);
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, to: u64) -> ExitCode {
    let broken: Vec<_> = (from..to).filter_map(|seed| run(seed).err()).collect();
    for one in broken.iter().take(10) {
        println!("seed {}: {}", one.seed, one.what.lines().next().unwrap_or_default());
    }
    println!(
        "{} of {} seeds keep every rule",
        to.saturating_sub(from) - broken.len() as u64,
        to.saturating_sub(from)
    );
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
