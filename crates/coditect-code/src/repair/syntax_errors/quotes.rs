//! Texts whose quotes are missing, too many, or not a pair.

use super::fixes::Fixes;
use super::lexicon::Lexicon;
use super::page::{Kind, Page, Token, is_word};
use crate::syntax::{Splice, splice};

/// Places of one text that are tried.
const MOST_PLACES: usize = 40;
/// Long texts before the complaint that may be the open one, and rows on which one may end.
const MOST_LONG: usize = 12;
const MOST_ROWS: usize = 24;

/// Quotes of one line.
pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    let Some(open) = page.tokens_of(row).iter().find(|token| token.kind == Kind::Text { closed: false })
    else {
        return;
    };
    let body = page.of(open);
    let Some(quote_at) = body.find(['"', '\'', '`']) else { return };
    let quote = &body[quote_at..=quote_at];
    if body[quote_at..].starts_with(&quote.repeat(3)) || Lexicon::is_long(quote) {
        return;
    }
    let start = open.range.start + quote_at;
    let mut trial = Trial { row, rank: 0 };
    // Closed somewhere behind, the later the likelier.
    let line = &page.lines[row];
    for at in places(page, start + 1, line.range.end) {
        trial.put(fixes, at..at, quote, 2.0);
    }
    // Closed by the other quote, or opened by it.
    trial.rank = 0;
    let other = if quote == "'" { "\"" } else { "'" };
    let rest = &page.text[start + 1..line.range.end];
    for (offset, _) in rest.match_indices(other).take(MOST_PLACES) {
        trial.put(fixes, start + 1 + offset..start + 2 + offset, quote, 2.2);
    }
    if rest.contains(other) {
        trial.put(fixes, start..start + 1, other, 2.0);
    }
    // What is here is its end: it begins before.
    trial.rank = 0;
    for token in page.tokens_of(row).iter().rev().filter(|token| token.range.start < start).take(MOST_PLACES)
    {
        trial.put(fixes, token.range.start..token.range.start, quote, 1.4);
    }
    trial.rank = 0;
    trial.put(fixes, start..start + 1, "", 1.4);
    apostrophes(fixes, row, start, quote, other);
}

/// Rows of a language with braces on which a text is not closed: its compiler may complain far below.
pub(super) fn open_rows(page: &Page<'_>, lexicon: &Lexicon) -> Vec<usize> {
    if lexicon.indents {
        return Vec::new();
    }
    let open =
        |row: &usize| page.tokens_of(*row).iter().any(|token| token.kind == Kind::Text { closed: false });
    (0..page.lines.len()).filter(open).take(3).collect()
}

/// Where a text may end between `from` and `to`, last first.
fn places(page: &Page<'_>, from: usize, to: usize) -> Vec<usize> {
    let rest = page.text.get(from..to).unwrap_or_default();
    let code = rest.trim_end();
    let mut found = vec![from + code.len()];
    let mut before = ' ';
    for (offset, c) in code.char_indices() {
        let blanks = before == ' ' && c == ' ';
        if (!is_word(c) && !blanks) || (is_word(c) && !is_word(before)) {
            found.push(from + offset);
        }
        before = c;
    }
    found.sort_unstable();
    found.dedup();
    found.reverse();
    found.truncate(MOST_PLACES);
    found
}

/// Tries a place, and knows how many before it looked as good.
struct Trial {
    row: usize,
    rank: usize,
}

impl Trial {
    /// Counts fully only where every text and bracket of the new line is closed.
    fn put(&mut self, fixes: &mut Fixes<'_>, range: std::ops::Range<usize>, new: &str, fit: f64) {
        let page = fixes.page;
        let line = &page.lines[self.row].range;
        let inner = Splice { range: range.start - line.start..range.end - line.start, new: new.to_owned() };
        let Some(text) = splice(&page.text[line.clone()], [&inner]) else { return };
        let after = Page::read(&text, fixes.lexicon);
        let closed = after.tokens.iter().all(|token| token.kind != Kind::Text { closed: false });
        let (mut open, mut closing) = after.unpaired(0);
        if after.of_braces {
            open.retain(|token| after.of(token) != "{");
            closing.retain(|token| after.of(token) != "}");
        }
        let heads = fixes.lexicon.blocks.contains(&after.first_word(0));
        let strange = after.tokens.iter().any(|token| token.kind == Kind::Strange);
        let fits =
            closed && open.is_empty() && closing.is_empty() && !strange && (!heads || after.last(0) == ":");
        let glued = after
            .tokens
            .windows(2)
            .any(|two| two[0].range.end == two[1].range.start && is_value(&two[0]) && is_value(&two[1]));
        let fit = fit * if fits { 0.85_f64.powi(i32::try_from(self.rank).unwrap_or(99)) } else { 0.12 };
        self.rank += usize::from(fits);
        fixes.put(range, new, if glued { 0.2 * fit } else { fit });
    }
}

fn is_value(token: &Token) -> bool {
    token.kind != Kind::Mark
}

/// `'don't'`: the inner one is escaped, or the outer ones become the other kind.
fn apostrophes(fixes: &mut Fixes<'_>, row: usize, last: usize, quote: &str, other: &str) {
    let page = fixes.page;
    let tokens = page.tokens_of(row);
    for (n, token) in tokens.iter().enumerate() {
        let next = tokens.get(n + 1);
        let glued = next
            .is_some_and(|next| next.range.start == token.range.end && page.of(next).starts_with(is_word));
        if token.kind != (Kind::Text { closed: true }) || !glued || !page.of(token).ends_with(quote) {
            continue;
        }
        let inner = token.range.end - 1;
        fixes.insert(inner, "\\", 1.8);
        let first = token.range.start + page.of(token).find(quote).unwrap_or(0);
        if !page.text[first..last].contains(other) {
            let swap = |at: usize| Splice { range: at..at + 1, new: other.to_owned() };
            fixes.several(vec![swap(first), swap(last)], 2.4);
        }
    }
}

/// Texts of several lines, in the whole file: one of them begins or ends in the wrong place.
pub(super) fn long(fixes: &mut Fixes<'_>) {
    let page = fixes.page;
    let quotes: Vec<&'static str> =
        fixes.lexicon.quotes.iter().copied().filter(|quote| Lexicon::is_long(quote)).collect();
    let open = page.tokens.iter().any(|token| {
        token.kind == Kind::Text { closed: false }
            && quotes.iter().any(|quote| page.of(token).contains(quote))
    });
    if !open && !fixes.complaint.says("triple-quoted") {
        return;
    }
    for quote in quotes {
        let at: Vec<usize> = page.text.match_indices(quote).map(|(at, _)| at).collect();
        if at.len().is_multiple_of(2) && !fixes.complaint.says("triple-quoted") {
            continue;
        }
        // The last ones before the complaint are the likeliest.
        let upto = at.iter().filter(|at| row_of(page, **at) <= fixes.complaint.row).count();
        for (rank, start) in at[..upto].iter().rev().take(MOST_LONG).enumerate() {
            close_long(fixes, *start, quote, 1.6 / (1.0 + 0.2 * rank as f64));
            fixes.remove(*start..*start + quote.len(), 0.5 / (1.0 + rank as f64));
        }
    }
}

fn row_of(page: &Page<'_>, at: usize) -> usize {
    page.lines.partition_point(|line| line.range.end < at)
}

/// The end of a long text at the ends of the rows that follow its beginning.
fn close_long(fixes: &mut Fixes<'_>, start: usize, quote: &str, sure: f64) {
    let page = fixes.page;
    let first = row_of(page, start);
    let indent = {
        let line = &page.text[page.lines[first].range.clone()];
        line[..line.len() - line.trim_start().len()].to_owned()
    };
    for row in (first..page.lines.len()).take(MOST_ROWS) {
        let line = page.lines[row].range.clone();
        let text = &page.text[line.clone()];
        let trimmed = text.trim_end();
        if row > first && text.contains(quote) {
            break;
        }
        let end = line.start + trimmed.len();
        // Its end is there, but a quote of it is missing.
        let one = &quote[..1];
        let cut = trimmed.len() - trimmed.trim_end_matches(one).len();
        if (1..3).contains(&cut) && end > start + quote.len() {
            fixes.put(end - cut..end, quote, 1.5 * sure);
        }
        let prose = row == first || text.trim().is_empty() || text.starts_with(&indent);
        if trimmed.len() > indent.len() {
            let fit = if row == first { 1.2 } else { 0.5 };
            fixes.insert(end, quote, fit * sure);
            if row > first {
                fixes.insert(end, format!("{}{indent}{quote}", page.eol()), 0.55 * sure);
            }
        } else if row > first && trimmed.is_empty() {
            fixes.insert(line.start, format!("{indent}{quote}{}", page.eol()), 0.3 * sure);
        }
        if !prose {
            break;
        }
    }
}
