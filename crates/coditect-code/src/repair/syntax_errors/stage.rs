//! What is done about files that do not parse, before the ordinary search and on top of which it goes on.

use std::collections::BTreeMap;

use coditect_types::Suspect;

use super::complaint::Complaint;
use super::queue::{Parsed, Queue};
use crate::repair::layers::{Layered, compose, red_test, sources_with, stacked};
use crate::repair::pick::{self, Survivor};
use crate::repair::recipes::chain::Base;
use crate::repair::search::search_parsed;
use crate::repair::{EditKind, Found, Means, Problem, Progress, SeekLimits, Sought};

/// The part of the time that mending may take, in hundredths, and the longest that it may, µs.
const SHARE: (u64, u64) = (60, 90_000_000);
/// The same where the ordinary search has a turn of its own afterwards.
const SHARE_ALONE: (u64, u64) = (30, 60_000_000);
/// Mended texts that are searched on, each with the part of what is left of the time, in hundredths.
const BASES: [u64; 3] = [65, 65, 100];
/// Ids of tests that stand for a file that cannot be imported end like this.
const IMPORT: &str = crate::suite::IMPORT;
/// The same for a project that cannot be built.
const BUILD: &str = crate::suite::BUILD;

/// True for tests that are named one by one.
fn is_single(id: &str) -> bool {
    !id.ends_with(IMPORT) && id != BUILD
}

/// Why a search for these failures is in vain: every red test fails since a file that must not be changed does not
/// parse.
pub(in crate::repair) fn unmendable(
    problem: &Problem<'_>,
    failures: &BTreeMap<String, String>,
) -> Option<String> {
    let mut first = None;
    for message in failures.values() {
        if Complaint::of_message(message, problem.sources, None).is_some() {
            return None;
        }
        first = first.or(Some(Complaint::of_message(message, problem.others, None)?));
    }
    let complaint = first?;
    Some(format!("`{}` does not parse ({}), and tests are not changed", complaint.path, complaint.brief()))
}

/// Mends the file that a red test complains about, and leaves it at that. None: no red test complains.
pub(in crate::repair) fn mend_only(
    problem: &Problem<'_>,
    means: &Means<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Option<Sought> {
    let complaint = problem.red.iter().find_map(|test| Complaint::of_test(test, problem.sources))?;
    Some(mended(problem, means, &complaint, SHARE_ALONE, progress).0)
}

/// The search over changes that make the file parse; the best is one that every test accepts.
fn mended<'a>(
    problem: &'a Problem<'a>,
    means: &Means<'a>,
    complaint: &Complaint,
    share: (u64, u64),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> (Sought, Queue<'a>) {
    let started = means.clock.monotonic_us();
    let wall_us = means.limits.wall_ms.saturating_mul(1_000);
    let deadline = started.saturating_add((wall_us / 100).saturating_mul(share.0).min(share.1));
    let mut queue = Queue::new(problem, *means, complaint.clone());
    queue.run(deadline, progress);
    let mut sought = empty(&queue);
    let survivors = survivors(problem, &queue);
    if survivors.is_empty() {
        sought.account = account(complaint, &queue);
        return (sought, queue);
    }
    let count = survivors.len();
    let mut found = pick::choose(problem, means, survivors).found;
    sought.best = if found.is_empty() { None } else { Some(found.remove(0)) };
    sought.runners_up = found;
    sought.at_limit = false;
    sought.account = format!(
        "`{}` did not parse ({}); {} candidates were tried; {count} pass every test",
        complaint.path,
        complaint.brief(),
        sought.tried
    );
    (sought, queue)
}

/// Mends the file that a red test complains about, and searches on. None: no red test fails on a file of the
/// problem that does not parse.
pub(in crate::repair) fn mend(
    problem: &Problem<'_>,
    means: &Means<'_>,
    failures: &BTreeMap<String, String>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Option<Sought> {
    let complaint = problem.red.iter().find_map(|test| {
        let now = failures.get(&test.id)?;
        Complaint::of_message(now, problem.sources, test.frames.last().map(|frame| frame.file.as_str()))
            .or_else(|| Complaint::of_test(test, problem.sources).filter(|_| now.ends_with(&test.message)))
    })?;
    let started = means.clock.monotonic_us();
    let wall_us = means.limits.wall_ms.saturating_mul(1_000);
    let (mut sought, queue) = mended(problem, means, &complaint, SHARE, progress);
    if sought.best.is_some() || queue.parsed.is_empty() || sought.trouble.is_some() {
        return Some(sought);
    }
    let ends = started.saturating_add(wall_us);
    search_on(problem, means, queue.parsed, ends, &mut sought, progress);
    sought.account = format!(
        "`{}` did not parse ({}) and was mended after {} candidates; on top of that {}",
        complaint.path,
        complaint.brief(),
        queue.tried,
        sought.account
    );
    Some(sought)
}

fn empty(queue: &Queue<'_>) -> Sought {
    Sought {
        best: None,
        runners_up: Vec::new(),
        tried: queue.tried,
        trials: queue.trials,
        deduplicated: 0,
        account: String::new(),
        at_limit: queue.at_limit,
        trouble: queue.trouble.clone(),
        ..Sought::default()
    }
}

fn survivors(problem: &Problem<'_>, queue: &Queue<'_>) -> Vec<Survivor> {
    let survivor = |parsed: &Parsed| {
        let candidate = compose(problem, &parsed.overlay, EditKind::Syntax, parsed.score)?;
        Some(Survivor { candidate, overlay: parsed.overlay.clone() })
    };
    let all = queue.survivors.iter().filter_map(survivor);
    all.filter(|survivor| !pick::is_refused(problem, survivor)).collect()
}

/// Why a file could not be mended.
fn account(complaint: &Complaint, queue: &Queue<'_>) -> String {
    let conflicts = queue.conflicts();
    let what = match conflicts {
        0 => format!("`{}` does not parse ({})", complaint.path, complaint.brief()),
        1 => format!("`{}` does not parse: a merge left a conflict in it", complaint.path),
        _ => format!("`{}` does not parse: a merge left {conflicts} conflicts in it", complaint.path),
    };
    if queue.is_junk && queue.tried == 0 {
        return format!("{what}: it is full of characters that no program has");
    }
    let (mended, furthest) = &queue.furthest;
    let got = match mended {
        0 => "none made the parser come further".to_owned(),
        n => format!("with {n} mended, the nearest comes to `{}` {}", furthest.path, furthest.brief()),
    };
    let end = if queue.at_limit { "the search ended at its limit" } else { "there was nothing left to try" };
    format!("{what}: {} changes were tried; {got}; {end}", queue.tried)
}

/// The ordinary search on top of answers to error messages that took hold.
pub(in crate::repair) fn go_on(
    problem: &Problem<'_>,
    means: &Means<'_>,
    bases: Vec<Base>,
    ends_us: u64,
    sought: &mut Sought,
    progress: &mut (dyn FnMut(Progress) + Send),
) {
    let parsed = bases.into_iter().map(|Base { overlay, score, trial }| Parsed {
        overlay,
        kind: EditKind::Recipe,
        score,
        trial,
    });
    search_on(problem, means, parsed.collect(), ends_us, sought, progress);
}

/// The ordinary search on the likeliest mended texts.
fn search_on(
    problem: &Problem<'_>,
    means: &Means<'_>,
    mut parsed: Vec<Parsed>,
    ends_us: u64,
    sought: &mut Sought,
    progress: &mut (dyn FnMut(Progress) + Send),
) {
    // What cannot be built has no single tests.
    let built = |parsed: &Parsed| parsed.trial.red.iter().any(|(id, _)| is_single(id));
    parsed.sort_by(|a, b| {
        let green = |parsed: &Parsed| (parsed.trial.passed.len(), built(parsed));
        green(b).cmp(&green(a)).then_with(|| b.score.total_cmp(&a.score))
    });
    sought.at_limit = false;
    for (base, share) in parsed.iter().zip(BASES) {
        let left_us = ends_us.saturating_sub(means.clock.monotonic_us());
        let candidates = means.limits.candidates.saturating_sub(sought.tried);
        if left_us == 0 || candidates == 0 || means.stop.is_raised() {
            sought.at_limit = true;
            return;
        }
        let mut limits =
            SeekLimits { wall_ms: left_us / 100_000 * share, candidates, ..means.limits.clone() };
        limits.keep_passing.extend(base.trial.passed.iter().filter(|id| is_single(id)).cloned());
        let on_top = search_base(problem, means, base, &limits, progress);
        sought.tried += on_top.tried;
        sought.trials += on_top.trials;
        sought.deduplicated += on_top.deduplicated;
        sought.account = on_top.account;
        sought.at_limit |= on_top.at_limit;
        sought.trouble = on_top.trouble;
        if on_top.best.is_some() {
            sought.best = on_top.best;
            sought.runners_up = on_top.runners_up;
            sought.at_limit = false;
        }
        if sought.best.is_some() || sought.trouble.is_some() {
            return;
        }
    }
}

fn search_base(
    problem: &Problem<'_>,
    means: &Means<'_>,
    base: &Parsed,
    limits: &SeekLimits,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Sought {
    let sources = sources_with(problem.sources, &base.overlay);
    let single = |id: &str| is_single(id) && !limits.may_stay_red.contains(id);
    let mut red: Vec<_> = base
        .trial
        .red
        .iter()
        .filter(|(id, _)| single(id))
        .map(|(id, message)| red_test(id, message))
        .collect();
    if red.is_empty() {
        red = problem.red.to_vec();
    }
    // Nothing is known of what the mended files run: every line of theirs counts the same.
    let mut suspects: Vec<Suspect> = problem.suspects.to_vec();
    if !suspects.is_empty() {
        suspects.retain(|suspect| !base.overlay.contains_key(&suspect.file));
        for (path, text) in &base.overlay {
            suspects.extend((1..=text.lines().count()).filter_map(|line| {
                Some(Suspect { file: path.clone(), line: u32::try_from(line).ok()?, score: 1.0 })
            }));
        }
    }
    let judge = Layered::new(means.judge, &base.overlay, &sources);
    let on_top = Problem { sources: &sources, suspects: &suspects, red: &red, refused: &[], ..*problem };
    let means = Means { judge: &judge, limits, ..*means };
    let mut sought = search_parsed(&on_top, &means, progress);
    sought.best = sought.best.and_then(|found| whole(problem, base, found));
    sought.runners_up =
        sought.runners_up.into_iter().filter_map(|found| whole(problem, base, found)).collect();
    sought
}

/// What was found on top of a mended text, as one change of the original.
fn whole(problem: &Problem<'_>, base: &Parsed, found: Found) -> Option<Found> {
    let above = found.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
    let overlay = stacked(&base.overlay, &above);
    let mended = compose(problem, &base.overlay, base.kind, base.score)?;
    let candidate = compose(problem, &overlay, EditKind::Pair, found.candidate.score)?;
    let survivor = Survivor { candidate, overlay };
    if pick::is_refused(problem, &survivor) {
        return None;
    }
    let Survivor { candidate, overlay } = survivor;
    let sources = sources_with(problem.sources, &overlay)
        .into_iter()
        .filter(|source| overlay.contains_key(&source.path));
    Some(Found {
        candidate,
        sources: sources.collect(),
        confidence: found.confidence * 0.9,
        explanation: format!("{}: {}; then {}", base.kind.says(), mended.describe(), found.explanation),
        others: found.others,
        evidence: found.evidence,
    })
}
