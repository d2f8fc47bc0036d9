//! The choice among changes that every test accepts, and how sure we are of it.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use crate::repair::behaviour::{self, Behaviour, Evidence, Inquiry};
use crate::repair::layers::compose;
use crate::repair::{Candidate, EditKind, Found, Means, Problem, Source, said_of_others};

mod dead;
mod looks;

pub(super) use dead::makes_dead_code;

/// Runners-up that are handed out; who tells them to a person takes as many as there is room for.
const MOST_RUNNERS_UP: usize = 39;

/// A candidate that every test accepts, with the files that it changes.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) candidate: Candidate,
    pub(super) overlay: BTreeMap<String, String>,
}

/// Survivors that are looked at more closely: the likeliest.
const MOST_COMPARED: usize = 20;
/// One of these is told at most for the best change.
const MOST_EVIDENCE: usize = 4;

/// The survivors as findings, the best first. Those that special-case inputs of tests are left out.
pub(super) fn choose(problem: &Problem<'_>, means: &Means<'_>, survivors: Vec<Survivor>) -> Choice {
    let merit =
        |survivor: &Survivor| merit(&survivor.candidate) * looks::factor(problem, &survivor.candidate);
    let mut ranked: Vec<(f64, Survivor)> =
        survivors.into_iter().map(|survivor| (merit(&survivor), survivor)).collect();
    // Stable, so that what was tried first wins a tie.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let behaviour = compare(problem, means, &ranked);
    let Some(behaviour) = behaviour else { return by_merit(problem, ranked) };
    let merits: Vec<f64> = ranked.iter().take(behaviour.variants.len()).map(|(merit, _)| *merit).collect();
    let evidence = behaviour::weigh(&behaviour, &merits);
    by_behaviour(problem, ranked, &behaviour, evidence)
}

/// What the choice came to.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The best first.
    pub(super) found: Vec<Found>,
    /// Survivors that were made for the inputs of the tests.
    pub(super) special: usize,
}

/// What the likeliest survivors do elsewhere. None: the judge cannot tell, or there is no time left.
fn compare(problem: &Problem<'_>, means: &Means<'_>, ranked: &[(f64, Survivor)]) -> Option<Behaviour> {
    let closer = &ranked[..ranked.len().min(MOST_COMPARED)];
    if closer.is_empty() || means.stop.is_raised() {
        return None;
    }
    let variants: Vec<&BTreeMap<String, String>> = closer.iter().map(|(_, s)| &s.overlay).collect();
    let places = closer.iter().flat_map(|(_, survivor)| &survivor.candidate.places);
    let changed = places.map(|place| (place.path.to_string(), place.function.to_string())).collect();
    let red: Vec<String> = problem.red.iter().map(|test| test.id.clone()).collect();
    let inquiry = Inquiry { variants: &variants, changed: &changed, red: &red, seed: problem.seed };
    match means.judge.compare(&inquiry, means) {
        Ok(found) => found.filter(|found| found.variants.len() == closer.len()),
        Err(error) => {
            // The tests have spoken already: what is missing is only a closer look.
            tracing::debug!(%error, "changes could not be compared");
            None
        }
    }
}

/// A survivor that has no rival.
pub(super) fn alone(problem: &Problem<'_>, survivor: Survivor) -> Option<Found> {
    by_merit(problem, vec![(merit(&survivor.candidate), survivor)]).found.into_iter().next()
}

fn by_merit(problem: &Problem<'_>, ranked: Vec<(f64, Survivor)>) -> Choice {
    let confidences = confidences(&ranked);
    let count = ranked.len();
    let found = ranked
        .into_iter()
        .zip(confidences)
        .take(1 + MOST_RUNNERS_UP)
        .map(|((_, survivor), confidence)| found(problem, survivor, confidence, count - 1))
        .collect();
    Choice { found, special: 0 }
}

/// One of each group that does the same, the likeliest with the evidence first.
fn by_behaviour(
    problem: &Problem<'_>,
    ranked: Vec<(f64, Survivor)>,
    behaviour: &Behaviour,
    evidence: Vec<Evidence>,
) -> Choice {
    let mut special = 0;
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    // The likeliest of a group comes first and speaks for it; what was not compared is of no group.
    for (n, ((merit, survivor), evidence)) in ranked.into_iter().zip(evidence).enumerate() {
        if evidence.special && behaviour::names_a_value(&survivor.candidate.edits) {
            special += 1;
            continue;
        }
        let weight = merit * evidence.factor;
        let slot =
            groups.entry(evidence.group).or_insert_with(|| Group { n, weight, count: 0, evidence, survivor });
        slot.count += 1;
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    // That several ways lead to the same adds a little.
    let weight = |group: &Group| group.weight * (group.count as f64).powf(0.25);
    groups.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let all: f64 = groups.iter().map(weight).sum();
    let others = groups.len().saturating_sub(1);
    let (best, second) = (groups.first().map(|g| g.n), groups.get(1).map(|g| g.n));
    let found = groups
        .into_iter()
        .take(1 + MOST_RUNNERS_UP)
        .enumerate()
        .map(|(place, group)| {
            let share = if all > 0.0 { weight(&group) / all } else { 0.0 };
            let confidence = (group.survivor.candidate.kind.trust() * share.sqrt()).clamp(0.05, 0.97);
            let other = if place == 0 { second } else { best };
            let differs = other.and_then(|other| behaviour::difference(behaviour, group.n, other));
            let mut found = found(problem, group.survivor, confidence, others);
            if let Some((input, mine, other)) = differs {
                let whose = if place == 0 { "the next one" } else { "the first one" };
                let told = format!("for `{input}` {mine}; with {whose} {other}");
                if place == 0 {
                    found.explanation = format!("{} ({told})", found.explanation);
                }
                found.evidence.push(told);
            }
            if group.count > 1 {
                found.evidence.push(format!("{} changes do the same as this one", group.count - 1));
            }
            found.evidence.extend(group.evidence.says.into_iter().take(MOST_EVIDENCE));
            found
        })
        .collect();
    Choice { found, special }
}

/// Survivors that do the same.
struct Group {
    n: usize,
    weight: f64,
    count: usize,
    evidence: Evidence,
    survivor: Survivor,
}

/// How good a change is that passes: likely to begin with, of a kind that is trusted, small.
fn merit(candidate: &Candidate) -> f64 {
    // What only changes places adds nothing that could be wrong.
    let moves = matches!(candidate.kind, EditKind::Swap | EditKind::Moved | EditKind::Reindented);
    let sizes = candidate.edits.iter().map(|edit| edit.new.len().max(edit.range.len()));
    let size: usize = if moves { 0 } else { sizes.sum() };
    candidate.score.sqrt() * candidate.kind.trust().powi(2) / (1.0 + size as f64 / 120.0)
}

/// For each survivor the share of the merit of all that are told apart by place and kind, times the trust in its
/// kind. Many different ways to pass mean that the tests do not say which is right.
fn confidences(ranked: &[(f64, Survivor)]) -> Vec<f64> {
    let mut groups: BTreeMap<(String, u32, &str), f64> = BTreeMap::new();
    let key = |candidate: &Candidate| {
        let place = candidate.places.first();
        // Where a bracket closes is the whole question of such a change.
        let path = if candidate.kind == EditKind::Syntax {
            candidate.describe()
        } else {
            place.map_or_else(String::new, |place| place.path.to_string())
        };
        (path, place.map_or(0, |place| place.line), candidate.kind.says())
    };
    for (merit, survivor) in ranked {
        let slot = groups.entry(key(&survivor.candidate)).or_insert(0.0);
        *slot = slot.max(*merit);
    }
    let all: f64 = groups.values().sum();
    ranked
        .iter()
        .map(|(merit, survivor)| {
            let share = if all > 0.0 { merit / all } else { 0.0 };
            (survivor.candidate.kind.trust() * share.sqrt()).clamp(0.05, 0.97)
        })
        .collect()
}

/// `others`: how many other changes pass, those that do the same as this one left out.
fn found(problem: &Problem<'_>, survivor: Survivor, confidence: f64, others: usize) -> Found {
    let Survivor { candidate, overlay } = survivor;
    let says = candidate.says();
    let explanation = format!("{says}: {}{}", candidate.describe(), said_of_others(others));
    let sources = problem
        .sources
        .iter()
        .filter_map(|source| {
            let text = overlay.get(&source.path)?.clone();
            Some(Source { path: source.path.clone(), text })
        })
        .collect();
    Found { candidate, sources, confidence, explanation, others, evidence: Vec::new() }
}

/// A change that another tool made, as a find. None where it changes nothing, or what a person refused. It is not judged
/// yet.
pub(super) fn of_tool(problem: &Problem<'_>, overlay: BTreeMap<String, String>, tool: &str) -> Option<Found> {
    let candidate = compose(problem, &overlay, EditKind::Tool, EditKind::Tool.prior())?;
    let survivor = Survivor { candidate, overlay };
    if is_refused(problem, &survivor) {
        return None;
    }
    let mut found = alone(problem, survivor)?;
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let (places, files) = (found.candidate.places.len(), found.sources.len());
    found.explanation = format!(
        "{}: `{tool}` changed {} in {}",
        EditKind::Tool.says(),
        count(places, "place"),
        count(files, "file")
    );
    Some(found)
}

/// True where the survivor's lines are those of a diff that was refused.
pub(super) fn is_refused(problem: &Problem<'_>, survivor: &Survivor) -> bool {
    if problem.refused.is_empty() {
        return false;
    }
    let mut own = BTreeSet::new();
    for (path, text) in &survivor.overlay {
        let Some(source) = problem.sources.iter().find(|source| source.path == *path) else { continue };
        for change in TextDiff::from_lines(&source.text, text).iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            own.insert(format!("{sign}{}", change.value().trim_end()));
        }
    }
    problem.refused.iter().any(|diff| {
        let lines: BTreeSet<String> = diff
            .lines()
            .filter(|line| {
                line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
            })
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines == own
    })
}
