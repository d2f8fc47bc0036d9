//! Two edits at once, for when one is not enough: halves that changed something come first.

use crate::repair::search::Partial;
use crate::repair::{Candidate, EditKind};

/// Second halves that are tried with each first one.
const MOST_SECONDS: usize = 1_200;
/// First halves that changed nothing by themselves.
const MOST_BLIND: usize = 40;

/// Pairs, likeliest first.
pub(super) struct Pairs {
    firsts: Vec<Candidate>,
    seconds: Vec<Candidate>,
    /// Score and indices, the best last.
    order: Vec<(f64, u32, u32)>,
}

impl Pairs {
    /// Pairs of a candidate that changed something with any other, and of the likeliest with one another.
    pub(super) fn new(partial: &[Partial], halves: &[Candidate]) -> Self {
        let mut seconds = halves.to_vec();
        seconds.sort_by(|a, b| b.score.total_cmp(&a.score));
        seconds.truncate(MOST_SECONDS);
        let most = partial.iter().map(|half| half.green).max().unwrap_or(0).max(1) as f64;
        let mut firsts: Vec<(Candidate, f64)> = partial
            .iter()
            .map(|half| {
                let gain = if half.green == 0 { 0.15 } else { 0.4 + half.green as f64 / most };
                let score = half.candidate.score.sqrt();
                (half.candidate.clone(), gain * (0.1 + score))
            })
            .collect();
        firsts.extend(seconds.iter().take(MOST_BLIND).map(|half| (half.clone(), 0.2 * half.score)));
        let mut order = Vec::with_capacity(firsts.len() * seconds.len());
        for (a, (first, gain)) in firsts.iter().enumerate() {
            for (b, second) in seconds.iter().enumerate() {
                if fit_together(first, second) {
                    let score = EditKind::Pair.prior() * gain * second.score * kinship(first, second);
                    order.push((score, a as u32, b as u32));
                }
            }
        }
        order.sort_by(|x, y| x.0.total_cmp(&y.0).then_with(|| (y.1, y.2).cmp(&(x.1, x.2))));
        Self { firsts: firsts.into_iter().map(|(first, _)| first).collect(), seconds, order }
    }

    /// The next pair.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        let (score, a, b) = self.order.pop()?;
        let (first, second) = (&self.firsts[a as usize], &self.seconds[b as usize]);
        let mut edits = first.edits.clone();
        edits.extend(second.edits.iter().cloned());
        edits.sort_by(|x, y| {
            (&x.path, x.range.start, x.range.end).cmp(&(&y.path, y.range.start, y.range.end))
        });
        let mut places = first.places.clone();
        places.extend(second.places.iter().cloned());
        places.sort_by(|x, y| (&x.path, x.line).cmp(&(&y.path, y.line)));
        Some(Candidate { edits, kind: EditKind::Pair, score, places })
    }
}

/// True where no edit of one touches an edit of the other.
fn fit_together(one: &Candidate, two: &Candidate) -> bool {
    one.edits.iter().all(|a| {
        two.edits.iter().all(|b| {
            a.path != b.path
                || a.range.end < b.range.start
                || b.range.end < a.range.start
                || (a.range.end == b.range.start || b.range.end == a.range.start)
                    && !a.range.is_empty()
                    && !b.range.is_empty()
        })
    })
}

/// Slips come in families: the same function, the same kind, the same words.
fn kinship(one: &Candidate, two: &Candidate) -> f64 {
    let (Some(a), Some(b)) = (one.places.first(), two.places.first()) else { return 1.0 };
    let function = if a.path == b.path && a.function == b.function { 2.0 } else { 1.0 };
    let kind = if one.kind == two.kind { 1.5 } else { 1.0 };
    let words = if a.before == b.before && a.after == b.after { 3.0 } else { 1.0 };
    function * kind * words
}
