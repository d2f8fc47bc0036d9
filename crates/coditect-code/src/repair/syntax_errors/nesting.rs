//! Blocks of languages with braces whose braces do not pair up, over the whole file. The compiler mostly complains at
//! the end of the file; where a brace is missing or too many, the depth of the lines tells.

use super::fixes::Fixes;
use super::page::{Kind, Page, Token, partner};
use crate::syntax::Splice;

/// Places that are looked at.
const MOST: usize = 12;
/// Rows above which an opening brace is looked for.
const MOST_ROWS: usize = 200;

/// A bracket that waits for its partner.
struct Open<'p> {
    token: &'p Token,
    row: usize,
    /// Columns before the first token of its row.
    depth: usize,
}

pub(super) fn propose(fixes: &mut Fixes<'_>) {
    if fixes.lexicon.indents {
        return;
    }
    let page = fixes.page;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut said = 0;
    for row in 0..page.lines.len() {
        let depth = depth(page, row);
        for (n, token) in page.tokens_of(row).iter().enumerate() {
            match page.of(token) {
                "(" | "[" | "{" if token.kind == Kind::Mark => open.push(Open { token, row, depth }),
                close @ (")" | "]" | "}") if token.kind == Kind::Mark && said < MOST => {
                    said += usize::from(!closes(fixes, &mut open, (row, n, depth), token, close));
                }
                _ => {}
            }
        }
    }
    for (rank, opener) in open.iter().rev().take(MOST).enumerate() {
        unclosed(fixes, opener, 1.5 / (1.0 + 0.2 * rank as f64));
    }
}

/// Takes the partner of a closing bracket off the stack. False: something about the pair is wrong.
fn closes(
    fixes: &mut Fixes<'_>,
    open: &mut Vec<Open<'_>>,
    (row, n, depth): (usize, usize, usize),
    token: &Token,
    close: &str,
) -> bool {
    let page = fixes.page;
    let Some(top) = open.last() else {
        surplus(fixes, row, token, 1.6);
        return false;
    };
    if page.of(top.token) != partner(close) {
        // The bracket inside is not closed, or this one is of the wrong kind.
        let inner = partner(page.of(top.token));
        fixes.put(token.range.clone(), inner, 0.7);
        fixes.insert(end_of(page, top.row), inner, 1.2);
        fixes.insert(token.range.start, inner, 1.0);
        surplus(fixes, row, token, 0.7);
        let around = open.iter().rposition(|open| page.of(open.token) == partner(close));
        open.truncate(around.unwrap_or(open.len()));
        return false;
    }
    if close != "}" || n > 0 || top.depth == depth {
        open.pop();
        return true;
    }
    if top.depth > depth {
        // The inner block goes on where its depth has ended: it is not closed, and this closes one around it.
        unclosed(fixes, top, 1.6);
        open.pop();
        while open.last().is_some_and(|open| open.depth > depth) {
            open.pop();
        }
        open.pop();
        return false;
    }
    // It closes something that is not open: a head without its brace, or nothing.
    headless(fixes, row, depth, 1.5);
    surplus(fixes, row, token, 1.0);
    false
}

/// Columns of white space before the code of a row.
fn depth(page: &Page<'_>, row: usize) -> usize {
    page.indent(row).chars().map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

/// Where something is added at the end of a row's code: before what ends a statement or opens a block.
fn end_of(page: &Page<'_>, row: usize) -> usize {
    let end = page.lines[row].code_end;
    match page.last(row) {
        ";" | "{" | "," => page.text[..end - 1].trim_end().len(),
        _ => end,
    }
}

/// A closing bracket too many, with its row where it stands there alone.
fn surplus(fixes: &mut Fixes<'_>, row: usize, token: &Token, sure: f64) {
    let page = fixes.page;
    let line = &page.lines[row];
    if page.tokens_of(row).len() == 1 && line.code_end == line.range.end {
        let end = crate::syntax::line_end(page.text, line.range.end);
        let start = if end == line.range.end { line.range.start.saturating_sub(1) } else { line.range.start };
        fixes.several(vec![Splice { range: start..end, new: String::new() }], sure);
    } else {
        fixes.remove(token.range.clone(), sure);
    }
}

/// A bracket that is never closed: it is closed where the depth of its block ends.
fn unclosed(fixes: &mut Fixes<'_>, opener: &Open<'_>, sure: f64) {
    let page = fixes.page;
    let close = partner(page.of(opener.token));
    let last_row = page.lines.len().saturating_sub(1);
    let own = page.indent(opener.row);
    if close != "}" {
        fixes.insert(end_of(page, opener.row), close, sure);
        return;
    }
    let mut before = opener.row;
    let mut offered = 0;
    for row in opener.row + 1..=last_row {
        if !page.has_code(row) {
            continue;
        }
        if depth(page, row) <= opener.depth {
            let word = page.first_word(row);
            let goes_on = matches!(word, "else" | "catch" | "finally" | "while");
            let at = page.lines[before].range.end;
            let fit = sure / (1.0 + 0.3 * f64::from(offered));
            if goes_on {
                // `else` without the brace before it.
                fixes.insert(page.lines[row].range.start + page.lines[row].indent, "} ", 1.2 * fit);
            } else {
                fixes.insert(at, format!("{}{own}}}", page.eol()), fit);
            }
            offered += 1;
            if offered >= 4 {
                return;
            }
        }
        before = row;
    }
    fixes.insert(page.lines[before].range.end, format!("{}{own}}}", page.eol()), 0.9 * sure);
    fixes.insert(page.lines[opener.row].code_end, " }", 0.5 * sure);
}

/// The head of a block above `row`, at the same depth, that has no brace.
fn headless(fixes: &mut Fixes<'_>, row: usize, own: usize, sure: f64) {
    let page = fixes.page;
    for above in (row.saturating_sub(MOST_ROWS)..row).rev().filter(|above| page.has_code(*above)) {
        let there = depth(page, above);
        if there < own {
            return;
        }
        if there == own {
            if !matches!(page.last(above), "{" | ";" | "}") {
                open_block(fixes, above, sure);
            }
            return;
        }
    }
}

/// A brace at the end of a row, in place of what was typed for it.
pub(super) fn open_block(fixes: &mut Fixes<'_>, row: usize, sure: f64) {
    let page = fixes.page;
    let end = page.lines[row].code_end;
    if matches!(page.last(row), ":" | "[" | "(" | ";") {
        let before = page.text[..end - 1].trim_end().len();
        fixes.put(before..end, " {", sure);
    }
    fixes.insert(end, " {", sure);
}
