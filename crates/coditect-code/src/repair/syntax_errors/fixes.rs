//! The pool of small changes that might mend a file, and the rows that they are looked for on.

use std::collections::BTreeMap;
use std::ops::Range;

use super::complaint::Complaint;
use super::lexicon::Lexicon;
use super::page::Page;
use crate::syntax::{Splice, splice};

/// A change of a broken file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fix {
    /// Sorted, not overlapping.
    pub(super) splices: Vec<Splice>,
    /// How well it fits, against others of the same file; above 0.
    pub(super) fit: f64,
}

/// Fixes as they are made, for one complaint about one file.
#[derive(Debug)]
pub(super) struct Fixes<'p> {
    pub(super) page: &'p Page<'p>,
    pub(super) lexicon: &'p Lexicon,
    pub(super) complaint: &'p Complaint,
    /// What a fix on the row that is looked at counts.
    pub(super) share: f64,
    made: Vec<Fix>,
    known: BTreeMap<Vec<(usize, usize, String)>, usize>,
}

impl<'p> Fixes<'p> {
    pub(super) fn new(page: &'p Page<'p>, lexicon: &'p Lexicon, complaint: &'p Complaint) -> Self {
        Self { page, lexicon, complaint, share: 1.0, made: Vec::new(), known: BTreeMap::new() }
    }

    /// Replaces bytes.
    pub(super) fn put(&mut self, range: Range<usize>, new: impl Into<String>, fit: f64) {
        self.several(vec![Splice { range, new: new.into() }], fit);
    }

    /// Adds text at a place.
    pub(super) fn insert(&mut self, at: usize, new: impl Into<String>, fit: f64) {
        self.put(at..at, new, fit);
    }

    /// Removes bytes, with the blank before or after them where two would meet.
    pub(super) fn remove(&mut self, range: Range<usize>, fit: f64) {
        let text = self.page.text;
        let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let before = text[..range.start].chars().next_back();
        let after = text[range.end..].chars().next();
        let range = match (before, after) {
            (Some(' '), after) if blank(after) => range.start - 1..range.end,
            (before, Some(' ')) if blank(before) => range.start..range.end + 1,
            _ => range,
        };
        self.put(range, "", fit);
    }

    /// Several replacements at once.
    pub(super) fn several(&mut self, mut splices: Vec<Splice>, fit: f64) {
        let fit = fit * self.share;
        splices.retain(|s| self.page.text.get(s.range.clone()).is_some_and(|old| old != s.new));
        splices.sort_by_key(|s| (s.range.start, s.range.end));
        let apart = splices.windows(2).all(|two| two[0].range.end <= two[1].range.start);
        if splices.is_empty() || !apart || fit <= 0.0 {
            return;
        }
        // Two pieces that swap may leave the text as it was, as `::` and `:` do.
        if splices.len() == 2 && splice(self.page.text, &splices).is_none_or(|new| new == self.page.text) {
            return;
        }
        let key = splices.iter().map(|s| (s.range.start, s.range.end, s.new.clone())).collect();
        match self.known.get(&key) {
            Some(known) => self.made[*known].fit = self.made[*known].fit.max(fit),
            None => {
                self.known.insert(key, self.made.len());
                self.made.push(Fix { splices, fit });
            }
        }
    }

    /// All of them, the best first; what was made first wins a tie.
    pub(super) fn sorted(mut self) -> Vec<Fix> {
        self.made.sort_by(|a, b| b.fit.total_cmp(&a.fit));
        self.made
    }
}

/// The rows on which the cause of a complaint may lie, each with what a fix there counts.
pub(super) fn rows(page: &Page<'_>, complaint: &Complaint, errors: &[usize]) -> Vec<(usize, f64)> {
    let mut rows: Vec<(usize, f64)> = Vec::new();
    let mut add = |row: Option<usize>, share: f64| {
        if let Some(row) = row.filter(|row| *row < page.lines.len())
            && !rows.iter().any(|(known, _)| *known == row)
        {
            rows.push((row, share));
        }
    };
    let row = complaint.row.min(page.lines.len().saturating_sub(1));
    let above = page.above(row);
    add(Some(row), 1.0);
    add(above, 0.75);
    add(complaint.header, 0.75);
    for error in errors.iter().take(if page.of_braces { 6 } else { 2 }) {
        add(Some(*error), 0.5);
    }
    add(above.and_then(|row| page.above(row)), 0.3);
    add(page.below(row), 0.2);
    rows
}
