//! Single tokens: one missing, too many, in place of another, in the wrong order; and lines that are one or two.

use super::fixes::Fixes;
use super::page::{Kind, Token};
use crate::syntax::{Splice, line_end};

/// Tokens of a line that are looked at.
const MOST_TOKENS: usize = 60;

pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    if !page.has_code(row) {
        return;
    }
    let tokens: Vec<Token> = page.tokens_of(row).iter().take(MOST_TOKENS).cloned().collect();
    colon(fixes, row, &tokens);
    for (n, token) in tokens.iter().enumerate() {
        let own = page.of(token);
        let fit = match token.kind {
            Kind::Mark if n + 1 == tokens.len() => 0.9,
            Kind::Mark => 0.5,
            Kind::Word | Kind::Number | Kind::Text { .. } => 0.3,
            Kind::Strange => 1.0,
        };
        fixes.remove(token.range.clone(), fit);
        for (from, to, fit) in fixes.lexicon.confused {
            if own == *from && (token.kind == Kind::Mark || token.kind == Kind::Word) {
                fixes.put(token.range.clone(), *to, *fit);
            }
        }
        let Some(next) = tokens.get(n + 1) else { continue };
        between(fixes, token, next);
        if token.kind == Kind::Word || next.kind == Kind::Word || token.kind == next.kind {
            let swap = |range: &Token, new: &Token| Splice {
                range: range.range.clone(),
                new: page.of(new).to_owned(),
            };
            let keyword = fixes.lexicon.is_keyword(own) || fixes.lexicon.is_keyword(page.of(next));
            fixes.several(vec![swap(token, next), swap(next, token)], if keyword { 0.7 } else { 0.3 });
        }
    }
    lines(fixes, row, &tokens);
}

/// The colon of a block.
fn colon(fixes: &mut Fixes<'_>, row: usize, tokens: &[Token]) {
    let page = fixes.page;
    if !fixes.lexicon.blocks.contains(&page.first_word(row)) || page.last(row) == ":" {
        return;
    }
    let line = &page.lines[row];
    let said = if fixes.complaint.says("expected ':'") { 1.5 } else { 1.0 };
    fixes.insert(line.code_end, ":", 2.0 * said);
    if matches!(page.last(row), ";" | "," | "." | "=" | "{" | "-") {
        fixes.put(line.code_end - 1..line.code_end, ":", 2.2 * said);
    }
    // The whole of what a block of braces has.
    if page.last(row) == "{" {
        braces(fixes, row);
    }
    for token in tokens {
        fixes.insert(token.range.end, ":", 0.4 * said);
    }
}

/// `def f(a) {` ... `}`: the opening brace becomes a colon, the line of the closing one goes.
fn braces(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    let code_end = page.lines[row].code_end;
    let before = page.text[..code_end - 1].trim_end().len();
    let mut splices = vec![Splice { range: before..code_end, new: ":".to_owned() }];
    let closing = (row + 1..page.lines.len()).find(|below| {
        page.first_word(*below).is_empty()
            && page.tokens_of(*below).first().is_some_and(|token| page.of(token) == "}")
            && page.indent(*below).len() <= page.indent(row).len()
    });
    if let Some(closing) = closing {
        let line = &page.lines[closing].range;
        splices.push(Splice { range: line.start..line_end(page.text, line.start), new: String::new() });
    }
    fixes.several(splices, 2.4);
}

/// What is forgotten between two tokens.
fn between(fixes: &mut Fixes<'_>, token: &Token, next: &Token) {
    let page = fixes.page;
    let (one, two) = (page.of(token), page.of(next));
    let keyword = |token: &Token| {
        fixes.lexicon.is_keyword(page.of(token))
            && !matches!(page.of(token), "None" | "True" | "False" | "print")
    };
    let ends = (token.kind != Kind::Mark && !keyword(token)) || matches!(one, ")" | "]" | "}");
    let begins = (next.kind != Kind::Mark && !keyword(next)) || matches!(two, "(" | "[" | "{");
    // Two values side by side need something between them; a call or an index does not.
    let place = match (ends, begins) {
        (true, true) if matches!(two, "(" | "[") => 0.4,
        (true, true) => 1.5,
        (false, true) | (true, false) => 0.35,
        (false, false) => 0.2,
    };
    let said = if fixes.complaint.says("forgot a comma") { 1.5 } else { 1.0 };
    let text = fixes.page.text;
    for (new, fit) in fixes.lexicon.between {
        let fit = place * fit * if *new == "," { said } else { 1.0 };
        if matches!(*new, "." | "(" | "[") {
            fixes.put(token.range.end..next.range.start, *new, fit);
        } else if token.range.end == next.range.start
            && new.starts_with(' ')
            && text.is_char_boundary(next.range.start)
        {
            fixes.insert(token.range.end, format!("{new} "), fit);
        } else {
            fixes.insert(token.range.end, *new, fit);
        }
    }
}

/// Lines that were joined, split, or do not belong here.
fn lines(fixes: &mut Fixes<'_>, row: usize, tokens: &[Token]) {
    let page = fixes.page;
    let line = &page.lines[row];
    // Two statements on one line.
    for two in tokens.windows(2) {
        let keyword = fixes.lexicon.statements.contains(&page.of(&two[1]));
        let apart = two[0].range.end < two[1].range.start;
        let assigns = tokens.iter().filter(|token| page.of(token) == "=").count() > 1;
        let fit = match (keyword, apart) {
            (true, true) => 0.8,
            (true, false) => 0.4,
            (false, true) if assigns => 0.7,
            (false, true) => 0.3,
            (false, false) => 0.1,
        };
        let mut indent = page.indent(row).to_owned();
        if page.of(&two[0]) == ":" {
            indent.push_str(&super::layout::unit(page));
        }
        fixes.put(two[0].range.end..two[1].range.start, format!("{}{indent}", page.eol()), fit);
    }
    // One statement on two lines.
    if let Some(below) = page.below(row) {
        let next = &page.lines[below];
        let start = next.range.start + next.indent;
        let operator = |text: &str| {
            matches!(
                text,
                "+" | "-"
                    | "*"
                    | "/"
                    | "%"
                    | "="
                    | "=="
                    | "and"
                    | "or"
                    | "not"
                    | "in"
                    | "is"
                    | ","
                    | "."
                    | "if"
                    | "else"
                    | "<"
                    | ">"
                    | "return"
                    | "("
                    | "["
            )
        };
        let first = page.tokens_of(below).first().map_or("", |token| page.of(token));
        let fit = if operator(page.last(row)) || operator(first) { 1.4 } else { 0.35 };
        let glue = if matches!(page.last(row), "(" | "[" | ".") || matches!(first, "." | ")" | "]" | ",") {
            ""
        } else {
            " "
        };
        fixes.put(line.code_end..start, glue, fit);
        if line.code_end == line.range.end && fixes.lexicon.indents {
            fixes.insert(line.code_end, " \\", 0.5 * fit);
        }
    }
    // Something that is no code at all.
    fixes.put(line.range.start..line_end(page.text, line.range.start), "", 0.12);
    fixes.insert(
        line.range.start + line.indent,
        format!("{} ", fixes.lexicon.comments.first().copied().unwrap_or("#")),
        0.16,
    );
}
