//! Many candidates in one process, for runners that can load a project again.
//!
//! Starting a runner takes a hundred times as long as the tests that most candidates fail. So a process gets a batch of
//! candidates, tries one after the other, and says of each how its tests went. A candidate that hangs or ends the
//! process is told by the last line, and the others go on in a new one. What was loaded from packages, and what a
//! candidate did to the world around it, is left for the next: all this is a hint for the search, no proof.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, PortError, Stop};
use coditect_types::{ErrorKind, Limits};
use serde::{Deserialize, Serialize};

use super::{Built, Native, Unit, is_of};
use crate::suite::imports::IMPORT;
use crate::suite::protocol::{End, Line};
use crate::suite::watch::Watch;

/// Processes that may be lost to candidates that hang or end them.
const MOST_LOST: usize = 12;
/// Stands for a test where a candidate breaks the process.
const PROCESS: &str = "(process)";

/// A change of one file, as what replaces a range of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Below the project's root.
    pub path: String,
    /// The first byte that is replaced.
    pub start: usize,
    /// The end of what is replaced.
    pub end: usize,
    /// What stands there then.
    pub new: String,
}

impl Patch {
    /// The change that makes `new` of `old`. None where `new` is no UTF-8.
    #[must_use]
    pub fn between(path: &str, old: &[u8], new: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(new).ok()?;
        let most = old.len().min(new.len());
        let mut start = (0..most).find(|at| old[*at] != new[*at]).unwrap_or(most);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let same = |n: &usize| old[old.len() - 1 - n] == new[new.len() - 1 - n];
        let mut tail = (0..most - start).find(|n| !same(n)).unwrap_or(most - start);
        while !text.is_char_boundary(new.len() - tail) {
            tail -= 1;
        }
        let new = text.get(start..new.len() - tail)?.to_owned();
        Some(Self { path: path.to_owned(), start, end: old.len() - tail, new })
    }
}

/// A candidate as a runner is told of it.
#[derive(Debug, Serialize)]
pub(in crate::suite) struct Candidate<'a> {
    n: usize,
    files: &'a [Patch],
}

/// How the tests of a candidate went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Tests that passed.
    pub passed: Vec<String>,
    /// Tests that were red, with what they said.
    pub red: Vec<(String, String)>,
    /// It did not end.
    pub hung: bool,
    /// How long it took.
    pub took: Duration,
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Many<'a> {
    /// The changes of each candidate.
    pub candidates: &'a [Vec<Patch>],
    /// Ids of the tests that are run for each.
    pub select: &'a [String],
    /// Limits of one process.
    pub limits: &'a Limits,
    /// The longest that one candidate may take.
    pub share: Duration,
}

/// The line that begins or ends a candidate.
#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
enum Mark {
    Candidate { n: usize },
    CandidateEnd { n: usize },
}

/// What is known so far.
struct Heard {
    fates: Vec<Option<Fate>>,
    /// The one that is tried now, and how far it came.
    current: Option<(usize, Fate, Instant)>,
}

impl Native<'_> {
    /// Tries candidates in as few processes as it takes. None: nothing is known of this one, so it is to be run by itself.
    /// The number is that of processes.
    pub(in crate::suite) fn run_many(
        &self,
        built: &Built,
        many: &Many<'_>,
        stop: &Stop,
    ) -> Result<(Vec<Option<Fate>>, u32), PortError> {
        let mut all: Vec<Option<Fate>> = vec![Some(Fate::default()); many.candidates.len()];
        let mut runs = 0;
        for unit in built.units.iter().filter(|unit| many.select.iter().any(|id| is_of(unit, id))) {
            let select: Vec<String> = many.select.iter().filter(|id| is_of(unit, id)).cloned().collect();
            // One red test decides.
            let open = |fate: &Option<Fate>| fate.as_ref().is_some_and(|f| f.red.is_empty() && !f.hung);
            let left: Vec<usize> = (0..all.len()).filter(|n| open(&all[*n])).collect();
            let found = self.of_unit(unit, many, &select, left.clone(), &mut runs, stop)?;
            for n in left {
                let sum = match (all[n].take(), &found[n]) {
                    (Some(mut sum), Some(fate)) => {
                        sum.passed.extend(fate.passed.iter().cloned());
                        sum.red.extend(fate.red.iter().cloned());
                        sum.hung |= fate.hung;
                        sum.took += fate.took;
                        Some(sum)
                    }
                    _ => None,
                };
                all[n] = sum;
            }
        }
        Ok((all, runs))
    }

    fn of_unit(
        &self,
        unit: &Unit,
        many: &Many<'_>,
        select: &[String],
        mut left: Vec<usize>,
        runs: &mut u32,
        stop: &Stop,
    ) -> Result<Vec<Option<Fate>>, PortError> {
        let mut heard = Heard { fates: vec![None; many.candidates.len()], current: None };
        for _ in 0..MOST_LOST {
            let told: Vec<Candidate<'_>> =
                left.iter().map(|n| Candidate { n: *n, files: &many.candidates[*n] }).collect();
            let Some(step) = self.driver.many(unit, select, &told).filter(|_| !left.is_empty()) else {
                break;
            };
            let watch = Watch::new(many.share);
            *runs += 1;
            let ran = watch.over(stop, || {
                let reports = self.driver.reports();
                self.run(step, unit.builds, reports, many.limits, &[], watch.stop(), &mut |line| {
                    self.hear_many(unit, line, select, &watch, &mut heard);
                    if watch.is_hung() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
            })?;
            if stop.is_raised() {
                return Err(PortError::new(ErrorKind::Interrupted, "stopped while candidates were tried"));
            }
            let Some((n, mut fate, _)) = heard.current.take() else { break };
            if watch.is_hung() || ran.exit == Exit::TimedOut {
                fate.hung = true;
            } else if fate.red.is_empty() {
                fate.red.push((PROCESS.to_owned(), "it ended the process".to_owned()));
            }
            heard.fates[n] = Some(fate);
            left.retain(|n| heard.fates[*n].is_none());
        }
        Ok(heard.fates)
    }

    fn hear_many(&self, unit: &Unit, line: &str, select: &[String], watch: &Watch, heard: &mut Heard) {
        match serde_json::from_str::<Mark>(line) {
            Ok(Mark::Candidate { n }) if n < heard.fates.len() => {
                heard.current = Some((n, Fate::default(), Instant::now()));
                watch.begin();
            }
            Ok(Mark::CandidateEnd { n }) => {
                watch.end();
                if let Some((_, mut fate, since)) = heard.current.take_if(|(current, ..)| *current == n) {
                    fate.took = since.elapsed();
                    fate.take_missing(select);
                    heard.fates[n] = Some(fate);
                }
            }
            _ => {
                if let Some((_, fate, _)) = &mut heard.current {
                    self.driver.hear(unit, line, &mut |said| fate.hear(said));
                }
            }
        }
    }
}

impl Fate {
    fn hear(&mut self, line: Line) {
        match line {
            Line::End(end) if matches!(end.status.as_str(), "passed" | "skipped") => self.passed.push(end.id),
            Line::End(end) => {
                let message = message(&end);
                self.red.push((end.id, message));
            }
            Line::Error(trouble) => {
                let message = trouble.message.unwrap_or_default();
                self.red.push((format!("{}{IMPORT}", trouble.place), message));
            }
            Line::Collected { .. } | Line::Start { .. } | Line::Paused { .. } | Line::Note { .. } => {}
            Line::Done { .. } | Line::Answer {} => {}
        }
    }

    fn has_passed(&self, id: &str) -> bool {
        let in_file = |file: &str| self.passed.iter().any(|test| test.starts_with(&format!("{file}::")));
        // A file that could not be loaded has tests under other names once it can be.
        self.passed.iter().any(|test| test == id) || id.strip_suffix(IMPORT).is_some_and(in_file)
    }

    /// A test that never ran is not green.
    fn take_missing(&mut self, select: &[String]) {
        if self.red.is_empty()
            && let Some(missing) = select.iter().find(|id| !self.has_passed(id))
        {
            self.red.push((missing.clone(), "it did not run".to_owned()));
        }
    }
}

/// What a red test says, as [`crate::repair::Trial::red`] has it.
fn message(end: &End) -> String {
    let message = end.message.as_deref().unwrap_or_default();
    match end.error_type.as_deref().unwrap_or_default() {
        "" => message.to_owned(),
        kind if message.starts_with(kind) => message.to_owned(),
        kind => format!("{kind}: {message}"),
    }
}

#[cfg(test)]
mod tests;
