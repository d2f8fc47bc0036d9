//! What merges leave behind: conflicts between two sides, each as it was written down with its markers.
//!
//! Where one side says nothing new, the other one is taken. Else each conflict offers either side, or both, and the
//! tests decide; several conflicts of one file are tried together, the likeliest ways first.

use super::fixes::Fixes;
use crate::syntax::{Splice, line_end};

/// Ways to settle all conflicts of a file that are tried.
const MOST_WAYS: usize = 96;
/// How sure the likeliest way is, against other changes.
const SURE: f64 = 3.0;

const MARKERS: &[&str] = &["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// One conflict: where its parts are.
struct Conflict {
    /// `<<<<<<<` to the end of the line of `>>>>>>>`.
    start: usize,
    ours: usize,
    /// Ends where the base or the other side begins.
    ours_end: usize,
    /// What both sides began with, where it was written down.
    base: Option<(usize, usize)>,
    theirs: usize,
    theirs_end: usize,
    end: usize,
}

/// Proposes ways to settle them. False: there are none.
pub(super) fn propose(fixes: &mut Fixes<'_>) -> bool {
    let text = fixes.page.text;
    let found = find(text);
    if found.is_empty() {
        stray(fixes);
        return false;
    }
    let offers: Vec<Vec<(String, f64)>> = found.iter().map(|conflict| settled(text, conflict)).collect();
    for (way, fit) in ways(&offers) {
        let splices = found.iter().zip(&offers).zip(&way).map(|((conflict, offers), n)| Splice {
            range: conflict.start..conflict.end,
            new: offers[*n].0.clone(),
        });
        fixes.several(splices.collect(), SURE * fit);
    }
    true
}

/// How many conflicts a text holds, for a person.
pub(super) fn count(text: &str) -> usize {
    find(text).len()
}

/// What may stand in place of a conflict, the likeliest first.
fn settled(text: &str, conflict: &Conflict) -> Vec<(String, f64)> {
    let (ours, theirs) =
        (&text[conflict.ours..conflict.ours_end], &text[conflict.theirs..conflict.theirs_end]);
    let bare = |side: &str| side.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let same = |one: &str, two: &str| bare(one) == bare(two);
    if same(ours, theirs) {
        return vec![(ours.to_owned(), 1.0)];
    }
    let base = conflict.base.map(|(from, to)| &text[from..to]);
    // A side that left the base as it was has nothing to say.
    match base {
        Some(base) if same(base, ours) => return vec![(theirs.to_owned(), 1.0), (ours.to_owned(), 0.3)],
        Some(base) if same(base, theirs) => return vec![(ours.to_owned(), 1.0), (theirs.to_owned(), 0.3)],
        _ => {}
    }
    match (ours.trim().is_empty(), theirs.trim().is_empty()) {
        (true, _) => return vec![(theirs.to_owned(), 1.0), (ours.to_owned(), 0.6)],
        (_, true) => return vec![(ours.to_owned(), 1.0), (theirs.to_owned(), 0.6)],
        (false, false) => {}
    }
    vec![
        (ours.to_owned(), 1.0),
        (theirs.to_owned(), 0.95),
        (format!("{ours}{theirs}"), 0.8),
        (format!("{theirs}{ours}"), 0.5),
    ]
}

/// Ways to settle all of them, as the number of an offer each, the likeliest first: of many conflicts only the likeliest
/// are followed, and settling all in the same way is likelier than any mixture.
fn ways(offers: &[Vec<(String, f64)>]) -> Vec<(Vec<usize>, f64)> {
    let mut ways: Vec<(Vec<usize>, f64)> = vec![(Vec::new(), 1.0)];
    for offers in offers {
        let mut longer: Vec<(Vec<usize>, f64)> = Vec::with_capacity(ways.len() * offers.len());
        for (way, fit) in &ways {
            for (n, (_, share)) in offers.iter().enumerate() {
                longer.push((way.iter().copied().chain([n]).collect(), fit * share));
            }
        }
        longer.sort_by(|a, b| b.1.total_cmp(&a.1));
        longer.truncate(MOST_WAYS);
        ways = longer;
    }
    for which in 1..4 {
        let same: Vec<usize> = offers.iter().map(|offers| which.min(offers.len() - 1)).collect();
        ways.retain(|(way, _)| *way != same);
        ways.push((same, 0.97_f64.powi(which as i32)));
    }
    ways.sort_by(|a, b| b.1.total_cmp(&a.1));
    ways
}

/// Markers without their partners go.
fn stray(fixes: &mut Fixes<'_>) {
    let text = fixes.page.text;
    let markers =
        fixes.page.lines.iter().filter(|line| {
            MARKERS.iter().any(|marker| is_marker(text[line.range.clone()].trim_end(), marker))
        });
    let stray: Vec<Splice> = markers
        .map(|line| Splice { range: line.range.start..line_end(text, line.range.start), new: String::new() })
        .collect();
    fixes.several(stray, 2.5);
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The conflicts of a text. One that is not whole is none.
fn find(text: &str) -> Vec<Conflict> {
    let mut found = Vec::new();
    let (mut start, mut ours_end, mut base, mut theirs) = (None, None, None, None);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        let next = at + line.len();
        if is_marker(bare, "<<<<<<<") {
            (start, ours_end, base, theirs) = (Some((at, next)), None, None, None);
        } else if is_marker(bare, "|||||||") && start.is_some() && theirs.is_none() {
            (ours_end, base) = (Some(at), Some(next));
        } else if is_marker(bare, "=======") && start.is_some() && theirs.is_none() {
            base = base.map(|from: usize| from.min(at));
            (ours_end, theirs) = (ours_end.or(Some(at)), Some((at, next)));
        } else if is_marker(bare, ">>>>>>>")
            && let (Some((from, ours)), Some(ours_end), Some((middle, theirs))) =
                (start.take(), ours_end, theirs)
        {
            let base = base.map(|from| (from, middle));
            found.push(Conflict { start: from, ours, ours_end, base, theirs, theirs_end: at, end: next });
        }
        at = next;
    }
    found
}
