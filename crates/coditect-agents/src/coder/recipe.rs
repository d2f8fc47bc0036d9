//! The rung of recipes: the few changes that the error messages themselves name, tried one after the other.

use std::collections::BTreeSet;

use coditect_code::repair::{self, Candidate, Found, Means, Problem, Scope, Sought, Source};
use coditect_ports::PortError;

/// Recipes tried at most; messages name one or two cures each.
const MOST: usize = 200;

/// Tries every recipe on the red tests, and those that pass on the whole suite. The first one that every test
/// accepts is the best: they come likeliest first.
pub(super) fn seek(
    problem: &Problem<'_>,
    means: &Means<'_>,
    progress: &mut (dyn FnMut(repair::Progress) + Send),
) -> Sought {
    let mut candidates = repair::recipes(problem);
    candidates.retain(|candidate| means.limits.within.as_ref().is_none_or(|within| within.allows(candidate)));
    let of = candidates.len().min(MOST);
    let mut sought = Sought::default();
    let started = means.clock.monotonic_us();
    let red: Vec<String> = problem.red.iter().map(|test| test.id.clone()).collect();
    for candidate in candidates.into_iter().take(MOST) {
        let spent_ms = means.clock.monotonic_us().saturating_sub(started) / 1000;
        if means.stop.is_wanted()
            || spent_ms > means.limits.wall_ms
            || sought.tried >= means.limits.candidates
        {
            sought.at_limit = true;
            break;
        }
        sought.tried += 1;
        match passes(&candidate, problem, means, &red, &mut sought.trials) {
            Ok(None) => {}
            Ok(Some(sources)) => {
                sought.best = Some(Found {
                    confidence: candidate.kind.trust(),
                    explanation: explain(&candidate),
                    evidence: Vec::new(),
                    candidate,
                    sources,
                });
                break;
            }
            Err(error) => {
                sought.trouble = Some(error);
                break;
            }
        }
        progress(repair::Progress {
            tried: sought.tried,
            nearest: 0,
            red: red.len(),
            survivors: 0,
            trying: "what the error messages name".to_owned(),
        });
    }
    sought.account = match of {
        0 => "No error message names a cure.".to_owned(),
        _ => format!("{} of {of} changes that the error messages name were tried.", sought.tried),
    };
    sought
}

/// The files of a candidate that turns the red tests green and keeps the rest of the suite so.
fn passes(
    candidate: &Candidate,
    problem: &Problem<'_>,
    means: &Means<'_>,
    red: &[String],
    trials: &mut u64,
) -> Result<Option<Vec<Source>>, PortError> {
    let Some(overlay) = candidate.apply(problem.sources) else { return Ok(None) };
    *trials += 1;
    let first = means.judge.judge(&overlay, Scope::Tests { ids: red, stop_at_red: true })?;
    if !first.complete || !first.red.is_empty() {
        return Ok(None);
    }
    *trials += 1;
    let whole = means.judge.judge(&overlay, Scope::Whole)?;
    let passed: BTreeSet<&String> = whole.passed.iter().collect();
    let kept = means.limits.keep_passing.iter().chain(red).all(|id| passed.contains(id));
    let accepted = whole.red.iter().all(|(id, _)| means.limits.may_stay_red.contains(id));
    let sources = overlay.into_iter().map(|(path, text)| Source { path, text }).collect();
    Ok((kept && accepted && whole.complete).then_some(sources))
}

/// What was wrong and what was changed.
fn explain(candidate: &Candidate) -> String {
    let says = candidate.kind.says();
    let mut letters = says.chars();
    let says: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
    format!("{says}: {}.", candidate.describe())
}
