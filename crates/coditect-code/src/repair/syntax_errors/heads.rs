//! Statements of languages with braces: what ends them, and the heads of their blocks.

use super::fixes::Fixes;
use super::nesting::open_block;
use super::page::{Kind, Token};
use crate::syntax::Splice;

/// Words that begin a block's head.
const HEADS: &[&str] = &[
    "if",
    "else",
    "for",
    "while",
    "do",
    "switch",
    "match",
    "loop",
    "fn",
    "func",
    "function",
    "class",
    "struct",
    "enum",
    "impl",
    "trait",
    "interface",
    "try",
    "catch",
    "finally",
    "pub",
    "public",
    "private",
    "protected",
    "static",
    "async",
    "export",
    "mod",
    "select",
];
/// Those whose condition stands in brackets, where the language has them.
const BRACKETED: &[&str] = &["if", "while", "for", "switch", "catch"];

pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    if fixes.lexicon.indents || !page.has_code(row) {
        return;
    }
    let tokens: Vec<Token> = page.tokens_of(row).to_vec();
    end(fixes, row);
    let head = tokens.iter().take(3).any(|token| HEADS.contains(&page.of(token)));
    let deeper = page.below(row).is_some_and(|below| page.indent(below).len() > page.indent(row).len());
    let has_brace = tokens.iter().any(|token| page.of(token) == "{");
    if head && !has_brace {
        open_block(fixes, row, if deeper { 1.6 } else { 0.5 });
        // The brace stands on a row of its own where the language wants it here.
        if let Some(below) = page.below(row)
            && page.last(below) == "{"
            && page.tokens_of(below).len() == 1
        {
            let to = page.lines[below].range.start + page.lines[below].indent;
            fixes.put(page.lines[row].code_end..to, " ", 1.6);
        }
    }
    condition(fixes, &tokens);
    keyword(fixes, &tokens, deeper || has_brace);
}

/// What ends a statement is missing at the end of a row.
fn end(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    let end = fixes.lexicon.end;
    if end.is_empty() || matches!(page.last(row), "{" | "}" | ";" | "(" | "[") && page.last(row) != "}" {
        return;
    }
    let asked = ["';' expected", "expected `;`", "found `;`", "\";\" expected"]
        .iter()
        .any(|said| fixes.complaint.says(said));
    let at = page.lines[row].code_end;
    let fit = match (page.last(row), asked) {
        ("," | "." | "=" | "+" | "-" | "&&" | "||" | ":", _) => 0.4,
        ("}", _) => 0.4,
        (_, true) => 2.4,
        (_, false) => 1.3,
    };
    fixes.insert(at, end, fit);
    if matches!(page.last(row), ":" | "," | ".") {
        fixes.put(at - 1..at, end, 1.3);
    }
}

/// `if a > 1 {`: the brackets of a condition.
fn condition(fixes: &mut Fixes<'_>, tokens: &[Token]) {
    let page = fixes.page;
    let Some(n) = tokens.iter().position(|token| BRACKETED.contains(&page.of(token))) else { return };
    let Some(next) = tokens.get(n + 1) else { return };
    let brace = tokens.iter().rposition(|token| page.of(token) == "{").filter(|brace| *brace > n + 1);
    let last = brace.map_or(tokens.len() - 1, |brace| brace - 1);
    if last <= n {
        return;
    }
    let insert = |at: usize, new: &str| Splice { range: at..at, new: new.to_owned() };
    let close = insert(tokens[last].range.end, ")");
    match (page.of(next) == "(", page.of(&tokens[last]) == ")") {
        (false, true) => fixes.insert(next.range.start, "(", 1.4),
        (true, false) => fixes.insert(tokens[last].range.end, ")", 1.4),
        (false, false) => fixes.several(vec![insert(next.range.start, "("), close], 1.3),
        (true, true) => {}
    }
}

/// A keyword is missing where a row begins: of a function, of a declaration, of a branch.
fn keyword(fixes: &mut Fixes<'_>, tokens: &[Token], opens: bool) {
    let page = fixes.page;
    let (Some(first), Some(second)) = (tokens.first(), tokens.get(1)) else { return };
    let known = |word: &str| fixes.lexicon.statements.contains(&word);
    let begins = first.kind == Kind::Word && !fixes.lexicon.is_keyword(page.of(first));
    let calls = begins && page.of(second) == "(" && opens;
    for (word, fit) in [("fn", 1.5), ("func", 1.5), ("function", 1.5), ("void", 1.0)] {
        if known(word) && calls {
            fixes.insert(first.range.start, format!("{word} "), fit);
        }
    }
    for token in tokens.iter().filter(|token| matches!(page.of(token), "pub" | "export" | "async" | "static"))
    {
        for word in ["fn", "function", "struct", "const", "void"] {
            if known(word) {
                fixes.insert(token.range.end, format!(" {word}"), 0.9);
            }
        }
    }
    for word in ["let", "const", "var"] {
        let declares = begins && matches!(page.of(second), "=" | ":");
        if known(word) && (declares || fixes.complaint.says("missing keyword")) {
            fixes.insert(first.range.start, format!("{word} "), 0.8);
        }
    }
    if begins && opens {
        for word in ["if", "for", "while", "match", "switch"] {
            if known(word) {
                fixes.insert(first.range.start, format!("{word} "), 0.5);
            }
        }
    }
    // `} if (..) {` for `} else if (..) {`, and `} {` for `} else {`.
    if page.of(first) == "}" && matches!(page.of(second), "if" | "{") {
        fixes.insert(first.range.end, " else", 1.3);
    }
}
