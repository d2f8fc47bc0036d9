//! The simulator from seeds: `cargo xtask sim --seed N` repeats one run exactly.

use std::ops::Range;

use crate::Done;
use crate::args::Args;
use crate::process::{Build, cargo, run};

const HELP: &str = "\
Usage: cargo xtask sim [OPTIONS]

Runs whole missions in a simulated world, with the kinds of fault that each seed switches on.

Options:
  --fleet         Whole fleets: machines, processes, workers, and the server between them
  --seed N        One seed, told in full
  --seeds A..B    Seeds A up to B, B not included [default: 0..1000]
  --release       Optimised; worth it from some thousand seeds on";

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let build = Build::of(args.flag("--release"));
    let is_fleet = args.flag("--fleet");
    let seeds = args.seeds(0..1000)?;
    args.finish(HELP)?;
    simulate(seeds, is_fleet, build)
}

/// Runs these seeds in the simulator of the testkit.
pub(crate) fn simulate(seeds: Range<u64>, is_fleet: bool, build: Build) -> Done {
    let mut command =
        cargo(["run", "--quiet", "--locked", "--package", "coditect-testkit", "--example", "sim"]);
    command.args(build.flag()).arg("--").args(is_fleet.then_some("--fleet"));
    match seeds.end.saturating_sub(seeds.start) {
        1 => command.args(["--seed", &seeds.start.to_string()]),
        _ => command.args(["--seeds", &format!("{}..{}", seeds.start, seeds.end)]),
    };
    run(command)
}
