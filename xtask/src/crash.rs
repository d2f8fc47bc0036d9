//! Kill -9 at seeded moments: every mission must resume to the end that an uninterrupted one has, with nothing of
//! the person's changed and nothing left running.
//!
//! Each seed gets a repository of its own, with work that is staged, changed, new and stashed. The mission is run,
//! its whole process group is killed after a part of the time that an uninterrupted mission takes, and it is
//! resumed. A seed gives the same moment each time; what the machine does by then is the machine's.

mod mission;
mod person;
mod processes;

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Done;
use crate::args::Args;
use crate::process::{Build, built_binary, cargo, run};
use mission::{End, Mission, Ran};
use person::Person;

const HELP: &str = "\
Usage: cargo xtask crash [OPTIONS]

Kills a mission and all its processes at a seeded moment, resumes it, and compares its end with that of one that was
left in peace. Also compares, byte for byte, everything of the person's, and looks for processes that are left.

Options:
  --seed N         One kill point
  --seeds A..B     Seeds A up to B, B not included [default: 0..100]
  --example NAME   The repository below examples/ to work on [default: ledger]
  --release        Use the optimised program
  --binary PATH    Use this program, which is built already
  --keep           Leave the directories of seeds that fail, and say where they are";

/// Every so many seeds the interpreter's compiled code is not there yet, so that a kill can hit its making.
const COLD_EVERY: u64 = 25;

/// What all seeds share.
struct Trial {
    binary: PathBuf,
    example: String,
    top: PathBuf,
    /// How an uninterrupted mission ends.
    end: End,
    /// How long it takes, with the compiled code at hand and without.
    warm: Duration,
    cold: Duration,
}

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let build = Build::of(args.flag("--release"));
    let keep = args.flag("--keep");
    let example = args.value("--example")?.unwrap_or_else(|| "ledger".to_owned());
    let given = args.value("--binary")?.map(PathBuf::from);
    let seeds = args.seeds(0..100)?;
    args.finish(HELP)?;

    let binary = given.map_or_else(|| built(build), Ok)?;
    let mut top = tempfile::Builder::new()
        .prefix("coditect-crash-")
        .tempdir()
        .map_err(|error| format!("making a directory for the missions: {error}"))?;
    top.disable_cleanup(keep);
    processes::adopt_orphans()?;
    let trial = Trial::prepare(binary, example, top.path().to_owned())?;
    trial.perform(seeds, keep)
}

/// Builds the program and says where it is.
fn built(build: Build) -> Result<PathBuf, String> {
    let mut command = cargo(["build", "--quiet", "--locked", "--package", "coditect"]);
    command.args(build.flag());
    run(command)?;
    built_binary(build)
}

impl Trial {
    /// Two missions without interruption: the first compiles the interpreter, the second finds it compiled.
    fn prepare(binary: PathBuf, example: String, top: PathBuf) -> Result<Self, String> {
        let nothing = End::default();
        let mut trial =
            Self { binary, example, top, end: nothing, warm: Duration::ZERO, cold: Duration::ZERO };
        let (first, cold) = trial.uninterrupted("first")?;
        let (second, warm) = trial.uninterrupted("second")?;
        if first != second {
            return Err(format!("two uninterrupted missions ended differently: {first}; then {second}"));
        }
        println!(
            "    uninterrupted: {second}, in {:.1} s ({:.1} s at first)",
            warm.as_secs_f64(),
            cold.as_secs_f64()
        );
        trial.end = second;
        trial.warm = warm;
        trial.cold = cold;
        Ok(trial)
    }

    fn uninterrupted(&self, name: &str) -> Result<(End, Duration), String> {
        let directory = self.top.join(name);
        let person = Person::settle(&directory, &self.example)?;
        let mission = self.mission(&directory, self.top.join("cache"));
        let ran = mission.run(&person.repository, None)?;
        let end = ran.end(&person)?;
        self.nothing_left(&person, "the uninterrupted mission")?;
        Ok((end, ran.wall))
    }

    fn mission(&self, directory: &Path, cache: PathBuf) -> Mission {
        Mission { binary: self.binary.clone(), directory: directory.to_owned(), cache }
    }

    fn perform(&self, seeds: Range<u64>, keep: bool) -> Done {
        let (mut good, mut all, mut killed) = (0, 0, 0);
        for seed in seeds {
            all += 1;
            let directory = self.directory(seed);
            let done = self.seed(seed);
            match &done {
                Ok(was_killed) => {
                    good += 1;
                    killed += u64::from(*was_killed);
                }
                Err(report) => println!("    seed {seed}: {report}"),
            }
            if keep && done.is_err() {
                println!("    seed {seed}: kept in {}", directory.display());
            } else if directory.exists() {
                std::fs::remove_dir_all(&directory)
                    .map_err(|error| format!("{}: {error}", directory.display()))?;
            }
        }
        println!(
            "    {good} of {all} ended as an uninterrupted mission does ({killed} were killed while they ran)"
        );
        if good == all {
            Ok(())
        } else {
            Err(format!("crash: {} of {all} kill points went wrong", all - good))
        }
    }

    fn directory(&self, seed: u64) -> PathBuf {
        self.top.join(format!("seed-{seed}"))
    }

    /// One kill point; true if the mission was still running then.
    fn seed(&self, seed: u64) -> Result<bool, String> {
        let directory = self.directory(seed);
        let is_cold = seed % COLD_EVERY == COLD_EVERY - 1;
        let (cache, expected) =
            if is_cold { (directory.join("cache"), self.cold) } else { (self.top.join("cache"), self.warm) };
        let person = Person::settle(&directory, &self.example)?;
        let mission = self.mission(&directory, cache);

        let moment = expected.mul_f64(share(seed));
        let at = format!("killed at {} ms", moment.as_millis());
        let first = mission.run(&person.repository, Some(moment))?;
        self.nothing_left(&person, &at)?;
        let last = self.carry_on(&mission, &person, &first).map_err(|error| format!("{at}: {error}"))?;
        let end = last.end(&person).map_err(|error| format!("{at}: {error}"))?;
        if end != self.end {
            return Err(format!("{at}: ended with {end}; uninterrupted it is {}", self.end));
        }
        self.nothing_left(&person, &format!("{at}, then resumed"))?;
        Ok(first.was_killed)
    }

    /// Does what a person would do after the kill.
    fn carry_on(&self, mission: &Mission, person: &Person, first: &Ran) -> Result<Ran, String> {
        if first.has_ended() {
            return Ok(first.clone());
        }
        let resumed = mission.resume()?;
        // Killed before anything was promised: there may be no mission yet, and the person asks again.
        if !resumed.has_ended() && first.events.is_empty() && resumed.events.is_empty() {
            return mission.run(&person.repository, None);
        }
        Ok(resumed)
    }

    /// The person's belongings are as they were, and no process is left.
    fn nothing_left(&self, person: &Person, when: &str) -> Done {
        let left = processes::left_over(Duration::from_secs(5))?;
        if !left.is_empty() {
            return Err(format!("{when}: still running: {}", left.join(", ")));
        }
        let changed = person.changes()?;
        if changed.is_empty() { Ok(()) } else { Err(format!("{when}: changed: {}", changed.join(", "))) }
    }
}

/// A number from 0 to below 1 for each seed (splitmix64, whose neighbours have nothing in common).
fn share(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let top_bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX);
    f64::from(top_bits) / (f64::from(u32::MAX) + 1.0)
}

/// A variable of our own environment that the programs need too.
fn inherited(name: &str) -> std::ffi::OsString {
    std::env::var_os(name).unwrap_or_else(|| OsStr::new("").to_owned())
}

#[cfg(test)]
mod tests;
