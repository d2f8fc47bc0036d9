//! The search over answers to complaints: best first, one error after the other.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicU64;

use coditect_ports::PortError;

use super::complaint::Complaint;
use super::fixes::Fix;
use super::{answers, conflicts, errors_left};
use crate::repair::layers::Overlay;
use crate::repair::search::batch::{accepts, on_threads};
use crate::repair::{EditKind, Means, Problem, Progress, Scope, Trial};
use crate::syntax::splice;

/// Changes that are tried between two foldings.
const BATCH: usize = 32;
/// States that are kept to go on from.
const MOST_STATES: usize = 40;
/// Errors that are mended one after the other.
const DEEPEST: usize = 16;
/// What coming further counts: errors that are gone are worth more than any likelihood.
const FURTHER: f64 = 3.0;
/// What a likely change counts by itself. A text that took more of them is no likelier for it.
const LIKELY: f64 = 3.5;
/// What each further state counts that fails on the same complaint as one before it.
const SIBLING: f64 = 0.75;
/// Trials of one search.
const MOST_TRIED: u64 = 10_000;
/// Trials after the first state that every test accepts, and after the first that parses.
const AFTER: [u64; 2] = [200, 500];
/// Changes below this part of the first one's score are not looked at after it.
const NEAR: [f64; 2] = [0.2, 0.06];
/// States that parse and are kept.
const MOST_PARSED: usize = 60;

/// Changed files that the parser accepts.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) overlay: Overlay,
    /// What brought it there.
    pub(super) kind: EditKind,
    /// How likely it is, against others.
    pub(super) score: f64,
    /// Tests that passed, and those that were red, with what they said.
    pub(super) trial: Trial,
}

/// What is left to do after some errors are mended.
struct State {
    overlay: Overlay,
    complaint: Complaint,
    score: f64,
    depth: usize,
    /// Errors in the tree of the file, see [`errors_left`].
    errors: Option<usize>,
    /// The best last; None: not made yet.
    fixes: Option<Vec<Fix>>,
}

/// The search and what it found.
pub(super) struct Queue<'a> {
    problem: &'a Problem<'a>,
    means: Means<'a>,
    order: Vec<String>,
    states: Vec<State>,
    seen: HashSet<[u8; 16]>,
    complaints: BTreeMap<String, i32>,
    /// Every test accepts these.
    pub(super) survivors: Vec<Parsed>,
    /// The parser accepts these, some test does not.
    pub(super) parsed: Vec<Parsed>,
    /// The time for rivals of a survivor is set.
    shortened: bool,
    first: Complaint,
    /// The complaint of the state that came furthest, and how many errors were mended before it.
    pub(super) furthest: (usize, Complaint),
    /// A file is no text of its language.
    pub(super) is_junk: bool,
    pub(super) tried: u64,
    pub(super) trials: u64,
    pub(super) at_limit: bool,
    pub(super) trouble: Option<PortError>,
    /// Trials and score when the first survived, and when the first parsed.
    firsts: [Option<(u64, f64)>; 2],
}

impl<'a> Queue<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, means: Means<'a>, complaint: Complaint) -> Self {
        let text = text_of(problem, &Overlay::new(), &complaint.path).map(str::to_owned);
        let state = State {
            overlay: Overlay::new(),
            complaint: complaint.clone(),
            score: 1.0,
            depth: 0,
            errors: text.and_then(|text| errors_left(&complaint.path, &text)),
            fixes: None,
        };
        Self {
            problem,
            means,
            order: problem.red.iter().map(|test| test.id.clone()).collect(),
            states: vec![state],
            seen: HashSet::new(),
            complaints: BTreeMap::new(),
            survivors: Vec::new(),
            parsed: Vec::new(),
            shortened: false,
            first: complaint.clone(),
            furthest: (0, complaint),
            is_junk: false,
            tried: 0,
            trials: 0,
            at_limit: false,
            trouble: None,
            firsts: [None; 2],
        }
    }

    /// Searches until it is enough, nothing is left, or `deadline_us`.
    pub(super) fn run(&mut self, deadline_us: u64, progress: &mut (dyn FnMut(Progress) + Send)) {
        let started = self.means.clock.monotonic_us();
        let mut deadline_us = deadline_us;
        loop {
            let (means, order) = (self.means, self.order.clone());
            if !self.survivors.is_empty() && !self.shortened {
                // Rivals are worth half the time that the first one took, and two seconds at least.
                let now = means.clock.monotonic_us();
                deadline_us = deadline_us.min(now + ((now - started) / 2).max(2_000_000));
                self.shortened = true;
            }
            if means.stop.is_raised()
                || means.clock.monotonic_us() >= deadline_us
                || self.tried >= MOST_TRIED.min(means.limits.candidates)
            {
                self.at_limit = true;
                return;
            }
            let batch = self.fill();
            let Some((_, first)) = batch.first() else { return };
            progress(Progress {
                tried: self.tried,
                nearest: 0,
                red: order.len(),
                survivors: self.survivors.len(),
                trying: format!("`{}`, {}", first.path, self.furthest.1.brief()),
            });
            let ids = order.as_slice();
            let trials = on_threads(
                &means,
                &batch,
                (&AtomicU64::new(deadline_us), |_: &_| false),
                |(_, next): &(usize, Next)| {
                    means.judge.judge(&next.overlay, Scope::Tests { ids, stop_at_red: true })
                },
            );
            for ((state, next), trial) in batch.into_iter().zip(trials) {
                match trial {
                    Some(Ok(trial)) => {
                        if let Err(trouble) = self.fold(state, next, trial) {
                            self.trouble = Some(trouble);
                            return;
                        }
                    }
                    Some(Err(trouble)) => {
                        self.trouble = Some(trouble);
                        return;
                    }
                    None => self.at_limit = true,
                }
            }
            self.prune();
        }
    }

    /// The next changes that were not tried yet, over all states. The number is that of the state's depth.
    fn fill(&mut self) -> Vec<(usize, Next)> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH && !self.means.stop.is_raised() {
            let Some(n) = self.best() else { break };
            let state = &mut self.states[n];
            let Some(fix) = state.fixes.as_mut().and_then(Vec::pop) else { break };
            let score = state.score * fix.fit;
            let over = |which: usize| {
                self.firsts[which]
                    .is_some_and(|(at, first)| self.tried > at + AFTER[which] || score < NEAR[which] * first)
            };
            if over(0) || over(1) {
                break;
            }
            let path = state.complaint.path.clone();
            let Some(text) =
                text_of(self.problem, &state.overlay, &path).and_then(|text| splice(text, &fix.splices))
            else {
                continue;
            };
            let mut overlay = state.overlay.clone();
            overlay.insert(path.clone(), text);
            if self.seen.insert(fingerprint(&overlay)) {
                let left = remaining(
                    text_of(self.problem, &state.overlay, &path).unwrap_or_default(),
                    &state.complaint,
                );
                let next = Next {
                    overlay,
                    score,
                    path,
                    left,
                    errors: state.errors,
                    pass: state.complaint.pass(),
                    said: state.complaint.said.clone(),
                };
                batch.push((state.depth, next));
            }
        }
        batch
    }

    /// The state with the best change to come.
    fn best(&mut self) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for n in 0..self.states.len() {
            if self.states[n].fixes.is_none() {
                self.make(n);
            }
            let state = &self.states[n];
            let Some(fix) = state.fixes.as_ref().and_then(|fixes| fixes.last()) else { continue };
            let score = state.score * fix.fit;
            if best.is_none_or(|(_, most)| score > most) {
                best = Some((n, score));
            }
        }
        best.map(|(n, _)| n)
    }

    fn make(&mut self, n: usize) {
        let state = &self.states[n];
        let text = text_of(self.problem, &state.overlay, &state.complaint.path).unwrap_or_default();
        let made = answers(text, &state.complaint);
        self.is_junk |= made.is_none();
        let mut fixes = made.unwrap_or_default();
        fixes.reverse();
        self.states[n].fixes = Some(fixes);
    }

    fn fold(&mut self, depth: usize, next: Next, trial: Trial) -> Result<(), PortError> {
        self.tried += 1;
        self.trials += 1;
        let complaint = trial
            .red
            .first()
            .and_then(|(_, message)| Complaint::of_message(message, self.problem.sources, Some(&next.path)));
        let Some(complaint) = complaint else { return self.keep_parsed(depth, next, &trial) };
        let text = text_of(self.problem, &next.overlay, &complaint.path).unwrap_or_default();
        let errors = errors_left(&complaint.path, text);
        if depth + 1 < DEEPEST && self.is_further(&next, &complaint, errors) {
            // The same complaint about the same rest of the file: the first such state is the likeliest.
            let key = format!("{} {} {}", complaint.path, remaining(text, &complaint), complaint.said);
            let siblings = self.complaints.entry(key).or_insert(0);
            let score = next.score * FURTHER * SIBLING.powi(*siblings);
            *siblings += 1;
            if depth + 1 > self.furthest.0 {
                self.furthest = (depth + 1, complaint.clone());
            }
            self.states.push(State {
                overlay: next.overlay,
                complaint,
                score,
                depth: depth + 1,
                errors,
                fixes: None,
            });
        }
        Ok(())
    }

    /// True where the parser comes further than before the change.
    fn is_further(&self, next: &Next, complaint: &Complaint, errors: Option<usize>) -> bool {
        if complaint.path != next.path {
            // This file is done, and another one is not; but never back and forth.
            return !next.overlay.contains_key(&complaint.path) || complaint.pass() > next.pass;
        }
        let text = text_of(self.problem, &next.overlay, &complaint.path).unwrap_or_default();
        let left = remaining(text, complaint);
        let same = left == next.left && complaint.said == next.said;
        if let (Some(before), Some(now)) = (next.errors, errors)
            && now != before
        {
            return now < before;
        }
        complaint.pass() > next.pass && !same || left < next.left
    }

    /// Every test accepts it, or it is a base to search on.
    fn keep_parsed(&mut self, depth: usize, next: Next, trial: &Trial) -> Result<(), PortError> {
        let green = trial.red.is_empty() && trial.complete && !trial.timed_out;
        let which = usize::from(!green);
        let scope = if green { Scope::Whole } else { Scope::Tests { ids: &self.order, stop_at_red: false } };
        if !green && self.parsed.len() >= MOST_PARSED {
            return Ok(());
        }
        let trial = self.means.judge.judge(&next.overlay, scope)?;
        self.trials += 1;
        let survives = green && accepts(&self.means, &trial, &self.order);
        let first = (self.tried, next.score);
        let score = next.score / (FURTHER * LIKELY).powi(i32::try_from(depth).unwrap_or(i32::MAX));
        let parsed = Parsed { overlay: next.overlay, kind: EditKind::Syntax, score, trial };
        self.firsts[which].get_or_insert(first);
        if survives {
            self.survivors.push(parsed)
        } else {
            self.parsed.push(parsed)
        }
        Ok(())
    }

    /// Conflicts of merges in the file that was complained about at first.
    pub(super) fn conflicts(&self) -> usize {
        let path = &self.first.path;
        text_of(self.problem, &Overlay::new(), path).map_or(0, conflicts::count)
    }

    fn prune(&mut self) {
        self.states.retain(|state| state.fixes.as_ref().is_none_or(|fixes| !fixes.is_empty()));
        if self.states.len() > MOST_STATES {
            self.states.sort_by(|a, b| b.score.total_cmp(&a.score));
            self.states.truncate(MOST_STATES);
        }
    }
}

/// A change that is to be tried, with what the parser said before it.
struct Next {
    overlay: Overlay,
    score: f64,
    path: String,
    /// Rows below the complaint, errors in the tree, and in which pass it came.
    left: usize,
    errors: Option<usize>,
    pass: super::complaint::Pass,
    said: String,
}

fn text_of<'t>(problem: &'t Problem<'_>, overlay: &'t Overlay, path: &str) -> Option<&'t str> {
    let own = || problem.sources.iter().find(|source| source.path == path).map(|source| source.text.as_str());
    overlay.get(path).map(String::as_str).or_else(own)
}

/// Rows from the complaint to the end of the file: what is above it may grow and shrink.
fn remaining(text: &str, complaint: &Complaint) -> usize {
    text.lines().count().saturating_sub(complaint.row)
}

fn fingerprint(overlay: &Overlay) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    for (path, text) in overlay {
        hash.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    key
}
