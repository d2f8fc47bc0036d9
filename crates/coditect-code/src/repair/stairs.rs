//! Several mistakes at once: what turns some red tests green and breaks none is kept, and the search goes on from there.
//!
//! One change can never turn all tests green where their mistakes lie apart. So the best half-success that breaks nothing
//! becomes a step, the tests that are still red are searched for on top of it, and so on. What comes of it is told as one
//! change: a repair where nothing is red at the end, else the part of one.

use std::collections::{BTreeMap, BTreeSet};

use coditect_ports::PortError;
use coditect_types::TestResult;

use crate::repair::layers::{Layered, compose, sources_with, stacked};
use crate::repair::pick::{self, Survivor};
use crate::repair::search::{Partial, search_parsed};
use crate::repair::{EditKind, Found, Means, Partly, Problem, Progress, Scope, SeekLimits, SeekTime, Trial};

/// Half-successes that the whole suite is asked about.
const MOST_STEPS: usize = 8;
/// The part of the time that is left which the steps above may take, in hundredths.
const SHARE: u64 = 60;
/// Trust in a change of several steps, each of which passes for itself.
const TRUST: f64 = 0.8;

/// What climbing came to.
#[derive(Debug, Default)]
pub(super) struct Climbed {
    /// Changes that every test accepts.
    pub(super) survivors: Vec<Survivor>,
    /// Where there are none: the change that turns most red tests green.
    pub(super) partly: Option<Partly>,
    /// Candidates that were judged.
    pub(super) tried: u64,
    /// Trials.
    pub(super) trials: u64,
    /// Where the time of the search above went.
    pub(super) time: SeekTime,
}

/// Files of a step with the red tests that it turns green.
struct Step {
    overlay: BTreeMap<String, String>,
    kind: EditKind,
    score: f64,
    green: BTreeSet<String>,
    /// What the tests that are still red say now.
    red: BTreeMap<String, String>,
}

/// Looks for the rest of the repair on top of the best of `halves`. `left`: time in µs and candidates that are left.
pub(super) fn climb(
    problem: &Problem<'_>,
    means: &Means<'_>,
    halves: &[Partial],
    left: (u64, u64),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Climbed, PortError> {
    let mut climbed = Climbed::default();
    let until_us = means.clock.monotonic_us().saturating_add(left.0);
    let Some(step) = best_step(problem, means, halves, until_us, &mut climbed.trials)? else {
        return Ok(climbed);
    };
    let (sought, still) = above(problem, means, &step, left, progress);
    climbed.tried += sought.tried;
    climbed.trials += sought.trials;
    climbed.time = sought.time;
    if let Some(trouble) = sought.trouble {
        return Err(trouble);
    }
    let upper = |found: &Found| -> BTreeMap<String, String> {
        found.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect()
    };
    let joined = |found: &Found| {
        let overlay = stacked(&step.overlay, &upper(found));
        // As likely as the less likely of its steps.
        let score = step.score.min(found.candidate.score) * EditKind::Pair.prior();
        Some(Survivor { candidate: compose(problem, &overlay, EditKind::Pair, score)?, overlay })
    };
    let found = sought.best.iter().chain(&sought.runners_up);
    climbed.survivors = found.filter_map(joined).collect();
    if climbed.survivors.is_empty() {
        let higher = sought.partly.and_then(|partly| told(problem, joined(&partly.found)?, partly.left));
        climbed.partly = higher.or_else(|| alone(problem, &step, still));
    }
    Ok(climbed)
}

/// The best part of a repair among `halves`, for a search that has ended and looks for nothing more. With the number of
/// trials that it took. Behind `until_us` one more is asked about and no other: what is left of the mission's time is for the
/// proof.
pub(super) fn standing(
    problem: &Problem<'_>,
    means: &Means<'_>,
    halves: &[Partial],
    until_us: u64,
) -> Result<(Option<Partly>, u64), PortError> {
    let mut trials = 0;
    let Some(step) = best_step(problem, means, halves, until_us, &mut trials)? else {
        return Ok((None, trials));
    };
    let red = problem.red.iter().map(|test| test.id.clone());
    let left = red.filter(|id| !step.green.contains(id)).collect();
    Ok((alone(problem, &step, left), trials))
}

/// A step by itself.
fn alone(problem: &Problem<'_>, step: &Step, left: Vec<String>) -> Option<Partly> {
    let candidate = compose(problem, &step.overlay, step.kind, step.score)?;
    told(problem, Survivor { candidate, overlay: step.overlay.clone() }, left)
}

/// The part of a repair, as it is handed out.
fn told(problem: &Problem<'_>, survivor: Survivor, left: Vec<String>) -> Option<Partly> {
    if pick::is_refused(problem, &survivor) {
        return None;
    }
    let mut found = pick::alone(problem, survivor)?;
    found.confidence *= TRUST;
    let what = found.candidate.describe();
    found.explanation = match found.candidate.places.len() {
        1 => format!("one thing was wrong: {what}"),
        n => format!("{n} things were wrong: {what}"),
    };
    Some(Partly { found, left })
}

/// The half-success that turns most red tests green and breaks none.
fn best_step(
    problem: &Problem<'_>,
    means: &Means<'_>,
    halves: &[Partial],
    until_us: u64,
    trials: &mut u64,
) -> Result<Option<Step>, PortError> {
    let red: BTreeSet<&str> = problem.red.iter().map(|test| test.id.as_str()).collect();
    let mut halves: Vec<&Partial> =
        halves.iter().filter(|half| half.green > 0 && half.green < red.len()).collect();
    halves.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    let ids: Vec<String> = problem
        .red
        .iter()
        .map(|test| test.id.clone())
        .chain(means.limits.keep_passing.iter().cloned())
        .collect();
    let asked_before = *trials;
    let mut best: Option<Step> = None;
    for half in halves.into_iter().take(MOST_STEPS) {
        // Who is in a hurry wants what there is: this asks about that, and about few.
        if means.stop.is_raised() {
            break;
        }
        if *trials > asked_before && means.clock.monotonic_us() >= until_us {
            break;
        }
        // One that cannot beat the best need not be asked about.
        if best.as_ref().is_some_and(|best| half.green < best.green.len()) {
            continue;
        }
        let Some(overlay) = half.candidate.apply(problem.sources) else { continue };
        *trials += 1;
        let trial = means.judge.judge(&overlay, Scope::Tests { ids: &ids, stop_at_red: false })?;
        let Some(green) = turned(means, &red, &trial) else { continue };
        if best.as_ref().is_none_or(|best| green.len() > best.green.len()) {
            let red = trial.red.into_iter().filter(|(id, _)| red.contains(id.as_str())).collect();
            let (kind, score) = (half.candidate.kind, half.candidate.score);
            best = Some(Step { overlay, kind, score, green, red });
        }
    }
    Ok(best)
}

/// More tests, then likelier changes of a kind that is trusted.
fn worth(half: &Partial) -> f64 {
    half.green as f64 + half.candidate.score.min(1.0) * half.candidate.kind.trust()
}

/// The red tests that a step turns green. None: it breaks another, or turns none.
fn turned(means: &Means<'_>, red: &BTreeSet<&str>, trial: &Trial) -> Option<BTreeSet<String>> {
    let limits = means.limits;
    let passed: BTreeSet<&String> = trial.passed.iter().collect();
    let kept = limits.keep_passing.iter().all(|id| passed.contains(id));
    let known = |id: &String| red.contains(id.as_str()) || limits.may_stay_red.contains(id);
    let breaks_none = kept && trial.red.iter().all(|(id, _)| known(id));
    let green: BTreeSet<String> =
        trial.passed.iter().filter(|id| red.contains(id.as_str())).cloned().collect();
    (breaks_none && trial.complete && !green.is_empty()).then_some(green)
}

/// Searches on top of a step. Also gives the tests that it leaves red.
fn above(
    problem: &Problem<'_>,
    means: &Means<'_>,
    step: &Step,
    left: (u64, u64),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> (crate::repair::Sought, Vec<String>) {
    let sources = sources_with(problem.sources, &step.overlay);
    let red: Vec<TestResult> = problem
        .red
        .iter()
        .filter(|test| !step.green.contains(&test.id))
        .map(|test| TestResult {
            message: step.red.get(&test.id).unwrap_or(&test.message).clone(),
            ..test.clone()
        })
        .collect();
    let still: Vec<String> = red.iter().map(|test| test.id.clone()).collect();
    let limits = SeekLimits {
        wall_ms: left.0 / 100_000 * SHARE,
        candidates: left.1 / 100 * SHARE,
        keep_passing: means.limits.keep_passing.iter().chain(&step.green).cloned().collect(),
        covered: None,
        // Ranges of the original do not fit what was changed.
        within: means.limits.within.as_ref().map(|within| within.again(&sources)),
        ..means.limits.clone()
    };
    let judge = Layered::new(means.judge, &step.overlay, &sources);
    let on_top = Problem { sources: &sources, red: &red, refused: &[], ..*problem };
    let means = Means { judge: &judge, limits: &limits, ..*means };
    (search_parsed(&on_top, &means, progress), still)
}
