//! The choice among changes that every test accepts, and how sure we are of it.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use crate::repair::{Candidate, EditKind, Found, Problem, Source};

/// Runners-up that are handed out; who tells them to a person takes as many as there is room for.
const MOST_RUNNERS_UP: usize = 39;

/// A candidate that every test accepts, with the files that it changes.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) candidate: Candidate,
    pub(super) overlay: BTreeMap<String, String>,
}

/// The survivors as findings, the best first.
pub(super) fn choose(problem: &Problem<'_>, survivors: Vec<Survivor>) -> Vec<Found> {
    let mut ranked: Vec<(f64, Survivor)> =
        survivors.into_iter().map(|survivor| (merit(&survivor.candidate), survivor)).collect();
    // Stable, so that what was tried first wins a tie.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let confidences = confidences(&ranked);
    let count = ranked.len();
    ranked
        .into_iter()
        .zip(confidences)
        .take(1 + MOST_RUNNERS_UP)
        .map(|((_, survivor), confidence)| found(problem, survivor, confidence, count))
        .collect()
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

fn found(problem: &Problem<'_>, survivor: Survivor, confidence: f64, count: usize) -> Found {
    let Survivor { candidate, overlay } = survivor;
    let says = candidate.kind.says();
    let others = match count {
        0 | 1 => String::new(),
        2 => "; one other change passes every test too".to_owned(),
        more => format!("; {} other changes pass every test too", more - 1),
    };
    let explanation = format!("{says}: {}{others}", candidate.describe());
    let sources = problem
        .sources
        .iter()
        .filter_map(|source| {
            let text = overlay.get(&source.path)?.clone();
            Some(Source { path: source.path.clone(), text })
        })
        .collect();
    Found { candidate, sources, confidence, explanation }
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
