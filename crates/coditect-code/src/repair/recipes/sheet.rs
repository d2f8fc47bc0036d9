//! A file as answers to messages see it.

use std::ops::Range;
use std::sync::Arc;

use crate::languages::Language;
use crate::repair::pool::Pool;
use crate::repair::{EditKind, Source};
use crate::suggestions::byte_at;
use crate::syntax::{Splice, line_end, line_start};

/// A file that can be changed, with its candidates.
pub(in crate::repair) struct Sheet<'p> {
    pub(in crate::repair) source: &'p Source,
    pub(in crate::repair) pool: Pool<'p>,
}

impl<'p> Sheet<'p> {
    /// One for each of these files.
    pub(in crate::repair) fn of(sources: &'p [Source]) -> Vec<Self> {
        let sheet = |source: &'p Source| Sheet {
            source,
            pool: Pool::new(Arc::from(source.path.as_str()), &source.text),
        };
        sources.iter().map(sheet).collect()
    }

    /// Bytes of line `line` (from 1), without its line break.
    pub(in crate::repair) fn line(&self, line: u32) -> Option<Range<usize>> {
        let text = &self.source.text;
        let row = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = if row == 0 { 0 } else { text.match_indices('\n').nth(row - 1)?.0 + 1 };
        let whole = &text[start..line_end(text, start)];
        Some(start..start + whole.trim_end_matches(['\r', '\n']).len())
    }

    /// Proposes an edit; `fit` above 1 puts it before others.
    pub(in crate::repair) fn put(&mut self, range: Range<usize>, new: impl Into<String>, fit: f64) {
        self.pool.replace(range, new, EditKind::Recipe, 1.0, fit);
    }

    pub(in crate::repair) fn eol(&self) -> &'static str {
        if self.source.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Proposes several edits at once.
    pub(in crate::repair) fn put_all(&mut self, splices: Vec<Splice>, fit: f64) {
        self.pool.several(splices, EditKind::Recipe, 1.0, fit);
    }

    /// Proposes a line above the one that holds byte `at`.
    pub(in crate::repair) fn put_line(&mut self, at: usize, line: &str, fit: f64) {
        let start = line_start(&self.source.text, at);
        let new = format!("{line}{}", self.eol());
        self.put(start..start, new, fit);
    }

    /// Proposes that a whole line goes.
    pub(in crate::repair) fn remove_line(&mut self, at: usize, fit: f64) {
        let text = &self.source.text;
        self.put(line_start(text, at)..line_end(text, at), "", fit);
    }

    /// The byte at a line and column, both from 1; the start of the line's code where the column is not known.
    pub(in crate::repair) fn at(&self, line: u32, column: u32) -> Option<usize> {
        if column > 0
            && let Some(at) = byte_at(&self.source.text, (line, column))
        {
            return Some(at);
        }
        let range = self.line(line)?;
        let code = &self.source.text[range.clone()];
        Some(range.start + (code.len() - code.trim_start().len()))
    }

    /// Where `word` stands on a line, the one nearest to a column first.
    pub(in crate::repair) fn words_on(&self, line: u32, column: u32, word: &str) -> Vec<Range<usize>> {
        let (Some(range), Some(at)) = (self.line(line), self.at(line, column)) else { return Vec::new() };
        let text = &self.source.text[range.clone()];
        let found = crate::repair::python::facts::words_in(text, word);
        let mut found: Vec<Range<usize>> =
            found.map(|word| range.start + word.start..range.start + word.end).collect();
        found.sort_by_key(|word| word.start.abs_diff(at));
        found
    }

    /// The language of the file.
    pub(in crate::repair) fn language(&self) -> Option<Language> {
        Language::of_path(&self.source.path)
    }
}
