//! Tries what the error messages name, and goes on where a message gives way to the next: a project with three missing
//! imports is mended by three answers, each to the message that the one before left.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicU64;

use coditect_ports::PortError;
use coditect_types::{TestResult, TestStatus};

use crate::repair::layers::{Overlay, compose, red_test, sources_with, stacked};
use crate::repair::pick::{self, Survivor};
use crate::repair::search::batch::{accepts, on_threads};
use crate::repair::search::quick;
use crate::repair::{
    Candidate, EditKind, Found, Means, Problem, Progress, Scope, Sought, Trial, notes, syntax_errors,
};
use crate::suite::{BUILD, IMPORT};

/// Changes that are tried.
const MOST: u64 = 240;
/// Changes of one state.
const MOST_ANSWERS: usize = 120;
/// Changes that are tried together, where a judge can get ready for them.
const TOGETHER: usize = 32;
/// Answers on top of one another.
const DEEPEST: usize = 8;
/// States that are kept.
const MOST_STATES: usize = 12;
/// What a state counts that is further than the one before, and one that merely fails otherwise.
const COUNTS: [f64; 2] = [2.0, 0.5];

/// How far a project is from being green: what cannot be built or imported is furthest. Less is better.
type Distance = (u8, usize);

/// The project with some answers applied, and what its tests say then.
struct State {
    red: Vec<TestResult>,
    distance: Distance,
    score: f64,
    depth: usize,
    /// The best last.
    answers: Vec<(Overlay, Candidate)>,
}

/// A project on which some answers took hold, though tests are red still.
#[derive(Clone, Debug)]
pub(in crate::repair) struct Base {
    pub(in crate::repair) overlay: Overlay,
    pub(in crate::repair) score: f64,
    /// Tests that passed, and those that were red, with what they said.
    pub(in crate::repair) trial: Trial,
}

/// What came of it.
pub(in crate::repair) struct Answered {
    pub(in crate::repair) sought: Sought,
    /// Where a search could go on, the furthest first.
    pub(in crate::repair) bases: Vec<Base>,
}

/// Tries the changes that error messages name, and those that mend files that do not parse. The first one that every test
/// accepts is the best: they come likeliest first.
pub fn answer(
    problem: &Problem<'_>,
    means: &Means<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Sought {
    if let Some(sought) = syntax_errors::mend_only(problem, means, progress) {
        return sought;
    }
    follow(problem, means, problem.red, progress).sought
}

/// The chain of answers that begins with what these tests say.
pub(in crate::repair) fn follow(
    problem: &Problem<'_>,
    means: &Means<'_>,
    red: &[TestResult],
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Answered {
    let mut chain = Chain::new(problem, *means, red);
    chain.run(progress);
    chain.end()
}

struct Chain<'a> {
    problem: &'a Problem<'a>,
    means: Means<'a>,
    ids: Vec<String>,
    states: Vec<State>,
    seen: HashSet<Vec<(String, String)>>,
    bases: Vec<Base>,
    /// Changes that the messages name, tried or not, and those that were tried.
    named: usize,
    tried: u64,
    trials: u64,
    /// Red tests and errors of the beginning, and of the state that came furthest.
    first: Distance,
    nearest: Distance,
    found: Option<Survivor>,
    at_limit: bool,
    trouble: Option<PortError>,
}

impl<'a> Chain<'a> {
    fn new(problem: &'a Problem<'a>, means: Means<'a>, red: &[TestResult]) -> Self {
        let distance = distance(red.iter().map(|test| (test.id.as_str(), test.message.as_str())));
        let mut chain = Self {
            problem,
            means,
            ids: quick(problem.red).map(|test| test.id.clone()).collect(),
            states: Vec::new(),
            seen: HashSet::new(),
            bases: Vec::new(),
            named: 0,
            tried: 0,
            trials: 0,
            first: distance,
            nearest: distance,
            found: None,
            at_limit: false,
            trouble: None,
        };
        chain.open(Overlay::new(), red.to_vec(), distance, 1.0, 0);
        chain
    }

    /// A state with the answers to its messages.
    fn open(&mut self, overlay: Overlay, red: Vec<TestResult>, distance: Distance, score: f64, depth: usize) {
        let sources = sources_with(self.problem.sources, &overlay);
        let problem = Problem { sources: &sources, red: &red, ..*self.problem };
        let mut answers = Vec::new();
        let within = self.means.limits.within.as_ref();
        let wanted = |candidate: &Candidate| within.is_none_or(|within| within.allows(candidate));
        for candidate in super::all(&problem).into_iter().filter(wanted).take(MOST_ANSWERS) {
            let Some(above) = candidate.apply(&sources) else { continue };
            let whole = stacked(&overlay, &above);
            if self.seen.insert(whole.clone().into_iter().collect()) {
                answers.push((whole, candidate));
            }
        }
        self.named += answers.len();
        answers.reverse();
        if !answers.is_empty() && self.states.len() < MOST_STATES {
            self.states.push(State { red, distance, score, depth, answers });
        }
    }

    fn run(&mut self, progress: &mut (dyn FnMut(Progress) + Send)) {
        let limits = self.means.limits;
        let started = self.means.clock.monotonic_us();
        let deadline = started.saturating_add(limits.wall_ms.saturating_mul(1_000));
        while self.found.is_none() && self.trouble.is_none() {
            let over = self.means.stop.is_wanted() || self.means.clock.monotonic_us() >= deadline;
            if over || self.tried >= limits.candidates.min(MOST) {
                self.at_limit = !self.states.is_empty();
                return;
            }
            let Some(n) = self.best() else { return };
            let room = self.states[n].answers.len();
            let (ids, means) = (self.ids.clone(), self.means);
            let together = if means.judge.spares_starts() { TOGETHER } else { limits.threads.max(1) };
            let batch = self.states[n].answers.split_off(room.saturating_sub(together));
            if batch.len() > limits.threads.max(1) {
                // The best is the last.
                let likeliest_first: Vec<_> = batch.iter().rev().map(|(files, by)| (by, files)).collect();
                if let Err(trouble) = means.judge.ready(&likeliest_first) {
                    self.trouble = Some(trouble).filter(|_| !means.stop.is_wanted());
                    self.at_limit = true;
                    return;
                }
            }
            let trials =
                on_threads(&means, &batch, (&AtomicU64::new(deadline), |_: &_| false), |(overlay, _)| {
                    means.judge.judge(overlay, Scope::Tests { ids: &ids, stop_at_red: true })
                });
            // The best is the last.
            for ((overlay, candidate), trial) in batch.into_iter().zip(trials).rev() {
                match trial {
                    Some(Ok(trial)) => {
                        self.tried += 1;
                        self.trials += 1;
                        if let Err(trouble) = self.fold(n, overlay, &candidate, &trial) {
                            self.trouble = Some(trouble);
                        }
                    }
                    Some(Err(trouble)) => self.trouble = Some(trouble),
                    None => self.at_limit = true,
                }
                if self.found.is_some() || self.trouble.is_some() {
                    return;
                }
            }
            progress(Progress {
                tried: self.tried,
                nearest: 0,
                red: self.ids.len(),
                survivors: 0,
                trying: "what the error messages name".to_owned(),
            });
        }
    }

    /// The state with the likeliest answer to come.
    fn best(&self) -> Option<usize> {
        let score = |state: &State| Some(state.score * state.answers.last()?.1.score);
        let scores = self.states.iter().enumerate().filter_map(|(n, state)| Some((n, score(state)?)));
        scores.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0))).map(|(n, _)| n)
    }

    fn fold(&mut self, n: usize, overlay: Overlay, by: &Candidate, trial: &Trial) -> Result<(), PortError> {
        if trial.timed_out || !trial.complete {
            return Ok(());
        }
        if trial.red.is_empty() {
            return self.prove(overlay, by);
        }
        let (depth, score) = (self.states[n].depth, self.states[n].score);
        if depth + 1 >= DEEPEST || !self.says_otherwise(n, trial) {
            return Ok(());
        }
        let whole = self.means.judge.judge(&overlay, Scope::Tests { ids: &self.ids, stop_at_red: false })?;
        self.trials += 1;
        let single = whole.red.iter().any(|(id, _)| is_single(id));
        // What stands for all tests of a file says nothing once there are single ones.
        let red = whole.red.iter().filter(|(id, _)| !single || is_single(id));
        let red: Vec<TestResult> = red.map(|(id, message)| red_test(id, message)).collect();
        let now = distance(red.iter().map(|test| (test.id.as_str(), test.message.as_str())));
        let before = self.states[n].distance;
        if red.is_empty() || now > before {
            return Ok(());
        }
        let further = now < before;
        self.nearest = self.nearest.min(now);
        let score = score * by.score.min(3.0) / 3.0 * COUNTS[usize::from(!further)];
        if further {
            self.bases.push(Base { overlay: overlay.clone(), score, trial: whole });
        }
        self.open(overlay, red, now, score, depth + 1);
        Ok(())
    }

    /// Whether a test fails for another reason than before the change, or not at all any more.
    fn says_otherwise(&self, n: usize, trial: &Trial) -> bool {
        let Some((id, message)) = trial.red.first() else { return true };
        let before = self.states[n].red.iter().find(|test| test.id == *id);
        !trial.passed.is_empty() || before.is_none_or(|test| !message.ends_with(&test.message))
    }

    /// The whole suite decides on a change that turns the red tests green.
    fn prove(&mut self, overlay: Overlay, by: &Candidate) -> Result<(), PortError> {
        let whole = self.means.judge.judge(&overlay, Scope::Whole)?;
        self.trials += 1;
        if !accepts(&self.means, &whole, &self.ids) {
            return Ok(());
        }
        let Some(candidate) = compose(self.problem, &overlay, EditKind::Recipe, by.score) else {
            return Ok(());
        };
        let survivor = Survivor { candidate, overlay };
        if !pick::is_refused(self.problem, &survivor) {
            self.found = Some(survivor);
        }
        Ok(())
    }

    fn end(mut self) -> Answered {
        let best = self.found.take().map(|Survivor { candidate, overlay }| {
            let sources = sources_with(self.problem.sources, &overlay);
            let sources = sources.into_iter().filter(|source| overlay.contains_key(&source.path));
            Found {
                others: 0,
                confidence: candidate.kind.trust(),
                explanation: explain(&candidate),
                evidence: Vec::new(),
                sources: sources.collect(),
                candidate,
            }
        });
        let sought = Sought {
            account: if best.is_some() { self.told() } else { format!("{}{}", self.told(), self.came_to()) },
            best,
            tried: self.tried,
            trials: self.trials,
            at_limit: self.at_limit || self.trouble.is_some(),
            trouble: self.trouble,
            ..Sought::default()
        };
        self.bases.sort_by(|a, b| {
            let far =
                |base: &Base| distance(base.trial.red.iter().map(|(id, said)| (id.as_str(), said.as_str())));
            far(a).cmp(&far(b)).then_with(|| b.score.total_cmp(&a.score))
        });
        Answered { sought, bases: self.bases }
    }

    fn told(&self) -> String {
        match self.named {
            0 => "No error message names a cure.".to_owned(),
            named => format!("{} of {named} changes that the error messages name were tried.", self.tried),
        }
    }

    /// How near the best of them came.
    fn came_to(&self) -> String {
        match (self.first, self.nearest) {
            (first, nearest) if first == nearest => String::new(),
            ((2, _), (2, left)) => format!(" With some of them, {left} errors of the build are left."),
            ((2, _), (_, left)) => {
                format!(" With some of them the project builds, and {left} tests are red.")
            }
            ((1, _), (0, left)) => {
                format!(" With some of them the tests can be imported, and {left} are red.")
            }
            (_, (_, left)) => format!(" With some of them, {left} tests are still red."),
        }
    }
}

fn is_single(id: &str) -> bool {
    id != BUILD && !id.ends_with(IMPORT)
}

/// How far red tests are from being green.
fn distance<'t>(red: impl Iterator<Item = (&'t str, &'t str)>) -> Distance {
    let red: BTreeMap<&str, &str> = red.collect();
    if let Some(said) = red.get(BUILD)
        && red.len() == 1
    {
        return (2, errors_in(said));
    }
    let single = red.keys().filter(|id| is_single(id)).count();
    let files = red.keys().filter(|id| id.ends_with(IMPORT)).count();
    if files > 0 && single == 0 { (1, files) } else { (0, single.max(1)) }
}

/// Errors that a build's message tells of.
fn errors_in(said: &str) -> usize {
    let head = |line: &&str| {
        let line = line.strip_prefix("CompileError: ").unwrap_or(line);
        line.starts_with("error")
            || line.contains(": error")
            || line.contains(" error TS")
            || notes::is_go(line)
    };
    said.lines().filter(head).count().max(1)
}

/// What was wrong and what was changed.
fn explain(candidate: &Candidate) -> String {
    let says = candidate.says();
    let mut letters = says.chars();
    let says: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
    format!("{says}: {}.", candidate.describe())
}

/// The red tests with what they say now.
pub(in crate::repair) fn now_red(
    problem: &Problem<'_>,
    failures: &BTreeMap<String, String>,
) -> Vec<TestResult> {
    let now = |test: &TestResult| {
        let said = failures.get(&test.id)?;
        // The first run knows frames and the kind of the error too.
        if said.ends_with(&test.message) {
            return Some(test.clone());
        }
        Some(TestResult { status: TestStatus::Failed, ..red_test(&test.id, said) })
    };
    problem.red.iter().filter_map(now).collect()
}
