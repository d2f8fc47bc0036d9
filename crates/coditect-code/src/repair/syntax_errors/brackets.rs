//! Brackets that are missing, too many, or of the wrong kind.

use super::fixes::Fixes;
use super::page::{Kind, Token, partner};
use crate::syntax::Splice;

/// Rows below an open bracket on which it may be closed.
const MOST_ROWS: usize = 40;
/// Brackets of one line that are looked at.
const MOST_BRACKETS: usize = 6;

pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    let (open, closing) = page.unpaired(row);
    let mut open: Vec<Token> = open.into_iter().rev().take(MOST_BRACKETS).cloned().collect();
    let mut closing: Vec<Token> = closing.into_iter().take(MOST_BRACKETS).cloned().collect();
    if page.of_braces {
        // Blocks are not closed where they are opened: `nesting` looks at them.
        open.retain(|token| page.of(token) != "{");
        closing.retain(|token| page.of(token) != "}");
    }
    let sure = if fixes.complaint.says("never closed") { 2.0 } else { 1.2 };
    for (rank, opener) in open.iter().enumerate() {
        let sure = sure / (1.0 + rank as f64);
        close_in_row(fixes, row, opener, sure);
        close_below(fixes, row, opener, sure);
        fixes.remove(opener.range.clone(), 0.35 * sure);
    }
    if open.len() > 1 {
        close_all(fixes, row, &open, sure);
    }
    for closer in &closing {
        surplus(fixes, row, closer);
    }
    if let (Some(opener), Some(closer)) = (open.first(), closing.first()) {
        let (right, left) = (partner(page.of(opener)), partner(page.of(closer)));
        fixes.put(closer.range.clone(), right, 1.6);
        fixes.put(opener.range.clone(), left, 1.2);
    }
}

/// The closing bracket at every place of the opener's own row.
fn close_in_row(fixes: &mut Fixes<'_>, row: usize, opener: &Token, sure: f64) {
    let page = fixes.page;
    let close = partner(page.of(opener));
    let tokens = page.tokens_of(row);
    let heads = fixes.lexicon.blocks.contains(&page.first_word(row));
    let last = tokens.len().saturating_sub(1);
    for (n, token) in tokens.iter().enumerate().filter(|(_, token)| token.range.start >= opener.range.start) {
        let next = tokens.get(n + 1).map_or("", |next| page.of(next));
        let own = page.of(token);
        // Nothing is closed right after an operator or a comma.
        let ended = token.kind != Kind::Mark || matches!(own, ")" | "]" | "}") || token == opener;
        let fit = match next {
            "" if own == ":" && heads => 0.1,
            "" if own == "," => 0.3,
            "" => 1.0,
            "{" | ";" if page.of_braces => 1.3,
            ":" if n + 1 == last && heads => 1.3,
            "," if n + 1 == last => 0.8,
            ")" | "]" | "}" => 0.6,
            "," | "=" | "==" | "in" | "if" | "for" | "and" | "or" | "else" | "not" | "->" | "=>" => 0.5,
            "." | "(" | "[" => 0.2,
            _ => 0.4,
        };
        let fit = if token == opener { 0.4 * fit } else { fit };
        fixes.insert(token.range.end, close, sure * if ended { fit } else { 0.3 * fit });
    }
}

/// The closing bracket at the end of a row below, or on a row of its own.
fn close_below(fixes: &mut Fixes<'_>, row: usize, opener: &Token, sure: f64) {
    let page = fixes.page;
    let close = partner(page.of(opener));
    let depth = page.indent(row).len();
    let hangs = page.tokens_of(row).last() == Some(opener);
    for below in (row + 1..page.lines.len()).take(MOST_ROWS) {
        let word = page.first_word(below);
        let begins = fixes.lexicon.statements.contains(&word)
            && !matches!(word, "for" | "if" | "else" | "async" | "await");
        if page.has_code(below) && begins && page.indent(below).len() <= depth.max(1) {
            break;
        }
        let line = &page.lines[below];
        if !page.has_code(below) {
            continue;
        }
        // The last row of what is in the brackets: what comes next stands no deeper than the opener's row.
        let ends = page.below(below).is_none_or(|next| page.indent(next).len() <= depth);
        let fit = if ends { 0.9 } else { 0.3 };
        let comma = page.last(below) == ",";
        fixes.insert(line.code_end, close, sure * fit * if comma { 0.4 } else { 1.0 });
        if comma {
            fixes.insert(line.code_end - 1, close, sure * fit * 0.7);
        }
        if page.last(below) == ":" {
            fixes.insert(line.code_end - 1, close, sure * fit);
        }
        if hangs || comma {
            let own_row = format!("{}{}{close}", page.eol(), page.indent(row));
            fixes.insert(line.range.end, own_row, sure * fit * if hangs { 1.1 } else { 0.5 });
        }
        if page.indent(below).len() <= depth && !matches!(page.last(below), ")" | "]" | "}") {
            break;
        }
    }
}

/// Everything that the row opens, closed at its end.
fn close_all(fixes: &mut Fixes<'_>, row: usize, open: &[Token], sure: f64) {
    let page = fixes.page;
    let all: String = open.iter().map(|opener| partner(page.of(opener))).collect();
    let end = page.lines[row].code_end;
    let before = [":", ";", "{"].contains(&page.last(row));
    let end = if before { page.text[..end - 1].trim_end().len() } else { end };
    fixes.insert(end, all, 1.2 * sure);
}

/// A closing bracket that nothing opens: it goes, or something opens it.
fn surplus(fixes: &mut Fixes<'_>, row: usize, closer: &Token) {
    let page = fixes.page;
    let kind = page.of(closer);
    let tokens = page.tokens_of(row);
    for token in tokens.iter().filter(|token| page.of(token) == kind) {
        fixes.remove(token.range.clone(), if token == closer { 1.5 } else { 0.9 });
    }
    let open = partner(kind);
    for (n, token) in
        tokens.iter().enumerate().take_while(|(_, token)| token.range.start < closer.range.start)
    {
        let fit = match n.checked_sub(1).and_then(|n| tokens.get(n)) {
            // `foo a)`: a call without its bracket.
            Some(before) if before.kind == Kind::Word && token.kind != Kind::Mark => {
                let keyword = fixes.lexicon.is_keyword(page.of(before));
                let fit = if keyword { 0.6 } else { 1.4 };
                fixes.put(before.range.end..token.range.start, open, fit);
                0.5
            }
            Some(before) if before.kind == Kind::Word && page.of(token) == kind => 1.3,
            Some(before) if before.kind == Kind::Mark => 0.7,
            _ => 0.5,
        };
        fixes.insert(token.range.start, open, fit);
    }
    if open == "(" && tokens.first().map(|token| page.of(token)) == Some(kind) {
        // A bracket on a row of its own.
        let line = &page.lines[row];
        fixes.several(vec![Splice { range: line.range.clone(), new: String::new() }], 0.5);
    }
    // The bracket around it ends here too early: another one closes before.
    fixes.insert(closer.range.start, open, 0.2);
    for other in [")", "]", "}"] {
        if other != kind {
            fixes.put(closer.range.clone(), other, 0.4);
            fixes.insert(closer.range.start, other, 0.5);
        }
    }
}
