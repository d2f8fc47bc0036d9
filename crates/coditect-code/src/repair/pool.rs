//! What the grammars of edits share: how suspicious lines are, and the pool that candidates go into.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::repair::layers::defined_on;
use crate::repair::{Candidate, Edit, EditKind, Place, Problem, Source};
use crate::syntax::{Splice, line_end, line_start, splice};

/// How much a line counts that no failing test ran. Above 0, since what ran is not always known fully (code in
/// child processes, in native callbacks).
const UNSEEN: f64 = 0.01;
/// How much code outside functions counts where it was not seen: it runs once, on import, which the measuring of
/// single tests misses.
const UNSEEN_TOP: f64 = 0.2;
/// What the least suspicious line that ran counts, against 1 for the most suspicious.
const SEEN: f64 = 0.15;

/// No candidate is likelier than its place is suspicious, times this.
pub(super) const LIKELIEST: f64 = 1.6;

/// How suspicious the lines of one file are.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// By row, from 0; None: nothing is known, so every line counts the same.
    rows: Option<Vec<f64>>,
    /// How much the request points at the file.
    hint: f64,
}

impl Weights {
    /// The weights of `source`; None where no failing test touched it and others were touched.
    pub(super) fn new(problem: &Problem<'_>, source: &Source) -> Option<Self> {
        let stem = source.path.rsplit('/').next().unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or_default();
        let hint = if mentions(problem.request, stem) { 1.3 } else { 1.0 };
        let known = |path: &str| problem.sources.iter().any(|source| source.path == path);
        let top = problem.suspects.iter().filter(|s| known(&s.file)).map(|s| s.score).fold(0.0, f64::max);
        if top <= 0.0 {
            return Some(Self { rows: None, hint });
        }
        let count = source.text.bytes().filter(|&b| b == b'\n').count() + 2;
        let mut rows = vec![0.0; count];
        let mut touched = false;
        for suspect in problem.suspects.iter().filter(|suspect| suspect.file == source.path) {
            let row = (suspect.line as usize).saturating_sub(1);
            if let Some(slot) = rows.get_mut(row) {
                *slot = f64::max(*slot, SEEN + (1.0 - SEEN) * suspect.score / top);
                touched = true;
            }
        }
        touched.then_some(Self { rows: Some(rows), hint })
    }

    /// The weight of a statement on these rows.
    pub(super) fn of_rows(&self, rows: Range<usize>, at_top: bool) -> f64 {
        let least = if at_top { UNSEEN_TOP } else { UNSEEN };
        let Some(known) = &self.rows else { return if at_top { 0.5 } else { 1.0 } * self.hint };
        let range = rows.start.min(known.len())..rows.end.min(known.len());
        self.hint * known[range].iter().copied().fold(least, f64::max)
    }

    /// The weight of what stands outside any statement.
    pub(super) fn at_top(&self) -> f64 {
        self.hint * UNSEEN_TOP
    }
}

/// True where the person's words name `name`. Short names are too common to be a hint.
pub(super) fn mentions(request: &str, name: &str) -> bool {
    name.len() > 2 && request.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
}

/// Candidates of one region, as they are made.
#[derive(Debug)]
pub(super) struct Pool<'t> {
    path: Arc<str>,
    text: &'t str,
    /// The function that is changed now.
    pub(super) function: Arc<str>,
    /// How much the request points at it.
    pub(super) hint: f64,
    starts: Vec<usize>,
    /// Scores that are wanted: what is likelier was made before, what is less likely is left for later.
    scores: Range<f64>,
    /// Edits that were proposed, with their numbers among what was made; None for those that were made before.
    seen: BTreeMap<(usize, usize, String), Option<usize>>,
    /// What was made; what turned out likelier than wanted is still among it.
    made: Vec<Candidate>,
}

/// Longest piece of text in a description, in characters.
const SHOWN: usize = 60;

impl<'t> Pool<'t> {
    /// An empty pool for one file.
    pub(super) fn new(path: Arc<str>, text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            path,
            text,
            function: Arc::from(""),
            hint: 1.0,
            starts,
            scores: 0.0..f64::INFINITY,
            seen: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// The pool for candidates with these scores and no others.
    pub(super) fn of_scores(self, scores: Range<f64>) -> Self {
        Self { scores, ..self }
    }

    /// What was made.
    pub(super) fn into_made(mut self) -> Vec<Candidate> {
        self.made.retain(|candidate| self.scores.contains(&candidate.score));
        self.made
    }

    /// How much was made so far.
    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    /// True where no edit of a place of this weight, or of a less suspicious one, has a score that is wanted.
    pub(super) fn is_past(&self, weight: f64) -> bool {
        weight * self.hint * LIKELIEST < self.scores.start
    }

    /// True where such an edit has a score that is wanted.
    pub(super) fn wants(&self, kind: EditKind, weight: f64, fit: f64) -> bool {
        self.score(kind, weight, fit) >= self.scores.start
    }

    /// Adds a candidate with one edit. `weight`: how suspicious the place is; `fit`: how well this very edit
    /// fits, 0 to 1, against the best of its kind.
    pub(super) fn replace(
        &mut self,
        range: Range<usize>,
        new: impl Into<String>,
        kind: EditKind,
        weight: f64,
        fit: f64,
    ) {
        let score = self.score(kind, weight, fit);
        if score < self.scores.start {
            return;
        }
        let key = (range.start, range.end, new.into());
        if self.text.get(range.clone()).is_none_or(|old| old == key.2)
            || self.splits_line_break(range.end, &key.2)
        {
            return;
        }
        if let Some(number) = self.seen.get(&key) {
            // Of two reasons for an edit the better one counts, in whatever order they come: so the order of candidates is
            // the same however many are made at a time. What is likelier than wanted for that reason leaves at the end, for
            // numbers must not change.
            if let Some(known) = number.and_then(|number| self.made.get_mut(number))
                && known.score < score
            {
                (known.score, known.kind) = (score, kind);
            }
            return;
        }
        let number = self.scores.contains(&score).then_some(self.made.len());
        if number.is_some() {
            self.push(vec![Splice { range, new: key.2.clone() }], kind, score);
        }
        self.seen.insert(key, number.filter(|number| *number < self.made.len()));
    }

    /// Adds a candidate with several edits. `at`: the range that is shown as its place.
    pub(super) fn several(&mut self, mut splices: Vec<Splice>, kind: EditKind, weight: f64, fit: f64) {
        let score = self.score(kind, weight, fit);
        if !self.scores.contains(&score) {
            return;
        }
        splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let apart = splices.windows(2).all(|two| two[0].range.end <= two[1].range.start);
        if splices.iter().any(|splice| self.splits_line_break(splice.range.end, &splice.new)) {
            return;
        }
        let (Some(first), Some(last)) = (splices.first(), splices.last()) else { return };
        let whole = first.range.start..last.range.end.max(first.range.start);
        let moved = splices.iter().map(|splice| Splice {
            range: splice.range.start.saturating_sub(whole.start)
                ..splice.range.end.saturating_sub(whole.start),
            new: splice.new.clone(),
        });
        let old = self.text.get(whole.clone()).unwrap_or_default();
        let new = splice(old, &moved.collect::<Vec<_>>());
        if apart && new.is_some_and(|new| new != old) {
            self.push(splices, kind, score);
        }
    }

    /// Whether a piece that would end at `end` brings one half of a line break: a comment's text has the first.
    fn splits_line_break(&self, end: usize, new: &str) -> bool {
        new.ends_with('\r') && !self.text.get(end..).is_some_and(|rest| rest.starts_with('\n'))
    }

    fn score(&self, kind: EditKind, weight: f64, fit: f64) -> f64 {
        debug_assert!(self.scores.start <= 0.0 || kind.prior() * fit <= LIKELIEST, "{kind:?} fits by {fit}");
        kind.prior() * weight * fit * self.hint
    }

    fn push(&mut self, splices: Vec<Splice>, kind: EditKind, score: f64) {
        if !(score.is_finite() && score > 0.0) {
            return;
        }
        let place = self.place(&splices);
        let path = &self.path;
        let edits = splices
            .into_iter()
            .map(|splice| Edit { path: path.clone(), range: splice.range, new: splice.new })
            .collect();
        self.made.push(Candidate { edits, kind, score, places: vec![place] });
    }

    fn place(&self, splices: &[Splice]) -> Place {
        let (mut before, mut after) = (String::new(), String::new());
        let mut start = usize::MAX;
        for splice in splices {
            let old = self.text.get(splice.range.clone()).unwrap_or_default();
            // A removed line is shown where it stood, an added one where it will stand.
            start = start.min(splice.range.start + old.len() - old.trim_start().len());
            let (old, new) = (old.trim(), splice.new.trim());
            if old != new {
                before.push_str(if before.is_empty() || old.is_empty() { "" } else { " ... " });
                before.push_str(old);
                after.push_str(if after.is_empty() || new.is_empty() { "" } else { " ... " });
                after.push_str(new);
            }
        }
        let row = self.starts.partition_point(|&at| at <= start).max(1);
        // What stands on a function's first line is its own, whatever is around it.
        let line = self.starts.get(row - 1).map_or("", |&at| &self.text[at..line_end(self.text, at)]);
        let own = defined_on(line).filter(|_| self.path.ends_with(".py"));
        Place {
            path: self.path.clone(),
            line: u32::try_from(row).unwrap_or(u32::MAX),
            function: own.map_or_else(|| self.function.clone(), Arc::from),
            before: shorten(&before),
            after: shorten(&after),
        }
    }

    /// The whole lines that `range` touches, line break included.
    pub(super) fn lines(&self, range: Range<usize>) -> Range<usize> {
        line_start(self.text, range.start)..line_end(self.text, range.end)
    }
}

/// One line of at most [`SHOWN`] characters.
pub(super) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let mut short: String = line.chars().take(SHOWN - 3).collect();
    short.push_str("...");
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edit_brings_half_a_line_break() {
        let text = "a = 1\r\nb = 2\r\n";
        let mut pool = Pool::new("m.py".into(), text);
        pool.replace(0..1, "c  # so\r", EditKind::Name, 1.0, 1.0);
        pool.several(
            vec![Splice { range: 0..1, new: "b\r".to_owned() }, Splice { range: 7..8, new: "a".to_owned() }],
            EditKind::Swap,
            1.0,
            1.0,
        );
        assert_eq!(pool.len(), 0);
        pool.replace(4..6, "2\r", EditKind::Constant, 1.0, 1.0);
        assert_eq!(pool.into_made().len(), 1);
    }
}
