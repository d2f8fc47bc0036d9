//! Simulated missions by seed: `sim --seed N` tells one as a story, `sim --seeds A..B` runs many. Behind `--fleet`, whole fleets.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

use std::process::ExitCode;

use coditect_testkit::fleet;
use coditect_testkit::sim::{Broken, run};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--seed", n] => n.parse().map_or_else(|_| usage(), story),
        ["--fleet", "--seed", n] => n.parse().map_or_else(|_| usage(), fleet_story),
        ["--seeds", range] => of(range).map_or_else(usage, |ends| many(ends, |seed| run(seed).map(drop))),
        ["--fleet", "--seeds", range] => {
            of(range).map_or_else(usage, |ends| many(ends, |seed| fleet::run(seed).map(drop)))
        }
        _ => usage(),
    }
}

fn of(range: &str) -> Option<(u64, u64)> {
    let (from, to) = range.split_once("..")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn usage() -> ExitCode {
    eprintln!("usage: sim [--fleet] --seed N | --seeds A..B");
    ExitCode::from(2)
}

fn fleet_story(seed: u64) -> ExitCode {
    match fleet::run(seed) {
        Ok(run) => {
            println!("seed {seed}: {:?}\n{:#?}", run.ends, run.counts);
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("seed {seed}: {}", broken.what);
            ExitCode::FAILURE
        }
    }
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

/// Runs them on as many threads as there are cores.
fn many((from, to): (u64, u64), run: impl Fn(u64) -> Result<(), Broken> + Sync) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let run = &run;
    let mut broken: Vec<Broken> = std::thread::scope(|scope| {
        // Whole stretches: every so many seeds one costs more than the others.
        let each = to.saturating_sub(from).div_ceil(threads);
        let part = move |n: u64| from + n * each..(from + (n + 1) * each).min(to);
        let threads: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || part(first).filter_map(|seed| run(seed).err()).collect::<Vec<_>>())
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    broken.sort_by_key(|one| one.seed);
    for one in broken.iter().take(10) {
        println!("seed {}: {}", one.seed, one.what.lines().next().unwrap_or_default());
    }
    let all = to.saturating_sub(from);
    println!("{} of {all} seeds keep every rule", all - broken.len() as u64);
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
