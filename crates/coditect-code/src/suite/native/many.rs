//! Many candidates in one process, for runners that can load a project again.
//!
//! Starting a runner takes a hundred times as long as the tests that most candidates fail. So a process gets a batch of
//! candidates, tries one after the other, and says of each how its tests went. A candidate that hangs or ends the
//! process is told by the last line, and the others go on in a new one. What was loaded from packages, and what a
//! candidate did to the world around it, is left for the next: all this is a hint for the search, no proof.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, PortError, Stop};
use coditect_types::{ErrorKind, Limits};
use serde::{Deserialize, Serialize};

use super::{Built, Native, Step, Unit, is_of};
use crate::suite::imports::IMPORT;
use crate::suite::protocol::{End, Line};
use crate::suite::watch::Watch;

/// Processes that may be lost to candidates that end them, or that leave something behind.
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
    pub(in crate::suite) n: usize,
    pub(in crate::suite) files: &'a [Patch],
}

/// What a runner is asked for.
#[derive(Debug, Serialize)]
pub(in crate::suite) struct Order<'a> {
    candidates: Vec<Candidate<'a>>,
    /// Tests for those that turn the others green.
    near: Vec<&'a String>,
    /// The unchanged project does not end with these tests.
    hangs: bool,
}

/// How the tests of a candidate went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Tests that passed.
    pub passed: Vec<String>,
    /// Tests that were red, with what they said.
    pub red: Vec<(String, String)>,
    /// Tests near the red ones that it broke, where it turned these green.
    pub broke: Vec<(String, String)>,
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
    /// Ids of green tests that are run for those that turn the others green.
    pub near: &'a [String],
    /// The selected tests do not end on the unchanged project.
    pub hangs: bool,
    /// Limits of one process.
    pub limits: &'a Limits,
    /// The longest that one candidate may take.
    pub share: Duration,
    /// The same without what a busy machine may add, for runners that can break one off without harm to the others.
    pub tests_share: Duration,
}

/// The line that begins or ends a candidate.
#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
enum Mark {
    Candidate {
        n: usize,
    },
    /// It turned the selected tests green, and those near them are run.
    Near {
        n: usize,
    },
    CandidateEnd {
        n: usize,
        #[serde(default)]
        hung: bool,
    },
    /// The unchanged project says another thing than before the candidates.
    Spoilt,
    /// The process ends, and the candidate under way is to be tried again.
    Lost,
}

/// A candidate under way, and how far it came.
struct Current {
    n: usize,
    fate: Fate,
    near: bool,
    since: Instant,
}

/// What is known so far.
pub(in crate::suite) struct Heard {
    pub(in crate::suite) fates: Vec<Option<Fate>>,
    current: Option<Current>,
    spoilt: bool,
}

/// Gives a runner's line to the last argument as the lines of the protocol that it means.
pub(in crate::suite) type Reads<'a> = dyn Fn(&str, &mut dyn FnMut(Line)) + 'a;

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
            for select in self.driver.portions(select) {
                // One red test decides.
                let open = |fate: &Option<Fate>| {
                    fate.as_ref().is_some_and(|f| f.red.is_empty() && f.broke.is_empty() && !f.hung)
                };
                let left: Vec<usize> = (0..all.len()).filter(|n| open(&all[*n])).collect();
                let found = self.of_unit(unit, many, &select, left.clone(), &mut runs, stop)?;
                for (n, fate) in left.into_iter().zip(found) {
                    all[n] = all[n].take().zip(fate).map(|(sum, fate)| sum.and(fate));
                }
            }
        }
        Ok((all, runs))
    }

    /// What came of the candidates with these numbers, in their order.
    fn of_unit(
        &self,
        unit: &Unit,
        many: &Many<'_>,
        select: &[String],
        left: Vec<usize>,
        runs: &mut u32,
        stop: &Stop,
    ) -> Result<Vec<Option<Fate>>, PortError> {
        let mut heard = Heard::new(many.candidates.len());
        let mut parts = VecDeque::from([left.clone()]);
        for _ in 0..MOST_LOST {
            let Some(part) = parts.pop_front() else { break };
            let Some(step) = self.step(unit, many, select, &part) else { break };
            *runs += 1;
            self.try_part(unit, many, select, step, &mut heard, stop)?;
            if std::mem::take(&mut heard.spoilt) && part.len() > 1 {
                // What came before the one that did it is right, and nobody knows which that was.
                part.iter().for_each(|n| heard.fates[*n] = None);
                let (front, back) = part.split_at(part.len() / 2);
                parts.extend([front.to_vec(), back.to_vec()]);
                continue;
            }
            let rest: Vec<usize> = part.iter().copied().filter(|n| heard.fates[*n].is_none()).collect();
            if rest.len() < part.len() && !rest.is_empty() {
                parts.push_front(rest);
            }
        }
        Ok(left.into_iter().map(|n| heard.fates[n].take()).collect())
    }

    fn step(&self, unit: &Unit, many: &Many<'_>, select: &[String], part: &[usize]) -> Option<Step> {
        let order = Order {
            candidates: part.iter().map(|n| Candidate { n: *n, files: &many.candidates[*n] }).collect(),
            near: many.near.iter().filter(|id| is_of(unit, id)).collect(),
            hangs: many.hangs,
        };
        self.driver.many(unit, select, &order).filter(|_| !part.is_empty())
    }

    /// One process.
    fn try_part(
        &self,
        unit: &Unit,
        many: &Many<'_>,
        select: &[String],
        step: Step,
        heard: &mut Heard,
        stop: &Stop,
    ) -> Result<(), PortError> {
        let watch = Watch::new(many.share);
        let reads = |line: &str, told: &mut dyn FnMut(Line)| self.driver.hear(unit, line, told);
        let ran = watch.over(stop, || {
            let reports = self.driver.reports();
            self.run(step, unit.builds, reports, many.limits, &[], watch.stop(), &mut |line| {
                heard.hear(line, select, &watch, &reads);
                if watch.is_hung() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while candidates were tried"));
        }
        heard.ended(watch.is_hung() || ran.exit == Exit::TimedOut);
        Ok(())
    }
}

impl Heard {
    /// Of so many candidates.
    pub(in crate::suite) fn new(candidates: usize) -> Self {
        Self { fates: vec![None; candidates], current: None, spoilt: false }
    }

    /// The process is gone: what was under way then?
    pub(in crate::suite) fn ended(&mut self, hung: bool) {
        if let Some(Current { n, mut fate, near, .. }) = self.current.take() {
            if hung {
                fate.ends_hung(near);
            } else if near {
                fate.broke.push((PROCESS.to_owned(), "it ended the process".to_owned()));
            } else if fate.red.is_empty() {
                fate.red.push((PROCESS.to_owned(), "it ended the process".to_owned()));
            }
            self.fates[n] = Some(fate);
        }
    }

    /// One line of the process.
    pub(in crate::suite) fn hear(&mut self, line: &str, select: &[String], watch: &Watch, reads: &Reads<'_>) {
        match serde_json::from_str::<Mark>(line) {
            Ok(Mark::Candidate { n }) if n < self.fates.len() => {
                let (fate, since) = (Fate::default(), Instant::now());
                self.current = Some(Current { n, fate, near: false, since });
                watch.begin();
            }
            Ok(Mark::Near { n }) => {
                if let Some(current) = self.current.as_mut().filter(|current| current.n == n) {
                    current.fate.took = current.since.elapsed();
                    current.near = true;
                    watch.begin();
                }
            }
            Ok(Mark::CandidateEnd { n, hung }) => {
                watch.end();
                if let Some(Current { mut fate, near, since, .. }) =
                    self.current.take_if(|current| current.n == n)
                {
                    if !near {
                        fate.took = since.elapsed();
                    }
                    if hung {
                        fate.ends_hung(near);
                    } else {
                        fate.take_missing(select);
                    }
                    self.fates[n] = Some(fate);
                }
            }
            Ok(Mark::Spoilt) => self.spoilt = true,
            Ok(Mark::Lost) => {
                watch.end();
                self.current = None;
            }
            _ => {
                if let Some(Current { fate, near, .. }) = &mut self.current {
                    reads(line, &mut |said| fate.hear(said, *near));
                }
            }
        }
    }
}

impl Fate {
    /// This and what came of the same candidate with other tests.
    fn and(mut self, other: Self) -> Self {
        self.passed.extend(other.passed);
        self.red.extend(other.red);
        self.broke.extend(other.broke);
        self.hung |= other.hung;
        self.took += other.took;
        self
    }

    fn ends_hung(&mut self, near: bool) {
        if near {
            self.broke.push((PROCESS.to_owned(), "it did not end".to_owned()));
        } else {
            self.hung = true;
        }
    }

    fn hear(&mut self, line: Line, near: bool) {
        if near {
            return self.hear_near(line);
        }
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

    fn hear_near(&mut self, line: Line) {
        match line {
            Line::End(end) if !matches!(end.status.as_str(), "passed" | "skipped") => {
                let message = message(&end);
                self.broke.push((end.id, message));
            }
            Line::Error(trouble) => {
                let message = trouble.message.unwrap_or_default();
                self.broke.push((format!("{}{IMPORT}", trouble.place), message));
            }
            Line::Collected { .. }
            | Line::Start { .. }
            | Line::End(_)
            | Line::Paused { .. }
            | Line::Note { .. }
            | Line::Done { .. }
            | Line::Answer { .. } => {}
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
