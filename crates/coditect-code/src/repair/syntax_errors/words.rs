//! Words: keywords that are misspelt, glued, split, doubled or missing, and words of other languages.

use super::fixes::Fixes;
use super::page::{Kind, Token};
use crate::repair::python::desk::alike;
use crate::syntax::Splice;

/// Tokens of a line that are looked at.
const MOST_TOKENS: usize = 80;

pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let tokens: Vec<Token> = fixes.page.tokens_of(row).iter().take(MOST_TOKENS).cloned().collect();
    for (n, token) in tokens.iter().enumerate() {
        foreign(fixes, &tokens, n);
        if token.kind == Kind::Word {
            misspelt(fixes, &tokens, n);
            glued(fixes, token);
        }
        if let Some(next) = tokens.get(n + 1) {
            split(fixes, token, next);
        }
    }
    if let Some(first) = tokens.first()
        && fixes.lexicon.indents
    {
        missing(fixes, row, &tokens, first);
    }
}

/// What other languages write here.
fn foreign(fixes: &mut Fixes<'_>, tokens: &[Token], n: usize) {
    let (page, token) = (fixes.page, &tokens[n]);
    let own = page.of(token);
    let next = tokens.get(n + 1);
    for (from, to, fit) in fixes.lexicon.foreign {
        let range = match from.split_once(' ') {
            Some((one, two)) if own == one && next.is_some_and(|next| page.of(next) == two) => {
                token.range.start..next.map_or(token.range.end, |next| next.range.end)
            }
            None if own == *from && matches!(token.kind, Kind::Word | Kind::Mark | Kind::Strange) => {
                token.range.clone()
            }
            _ => continue,
        };
        // As the first word of a line it is surely a keyword; a name is used elsewhere too.
        let name = token.kind == Kind::Word && n > 0 && uses(page.text, own) > 1;
        let fit = if name { 0.5 * fit } else { *fit };
        if to.is_empty() {
            fixes.remove(range, fit);
            continue;
        }
        let before = page.text[..range.start].chars().next_back();
        let after = page.text[range.end..].chars().next();
        let wordy = to.starts_with(|c: char| c.is_alphabetic()) || to.contains(' ');
        let needs = |c: Option<char>| {
            wordy && c.is_some_and(|c| !c.is_whitespace() && !matches!(c, '(' | '[' | ')' | ']' | ':' | ','))
        };
        let (left, right) = (if needs(before) { " " } else { "" }, if needs(after) { " " } else { "" });
        fixes.put(range, format!("{left}{to}{right}"), fit);
    }
    // `a ? b : c`
    if own == "?"
        && fixes.lexicon.indents
        && let Some(colon) = tokens[n..].iter().find(|token| page.of(token) == ":")
        && let (Some(last), Some(from)) = (tokens.last(), value_start(fixes, tokens, n))
        && colon.range.end < last.range.end
    {
        let condition = page.text[from..token.range.start].trim();
        let yes = page.text[token.range.end..colon.range.start].trim();
        let no = page.text[colon.range.end..last.range.end].trim();
        fixes.put(from..last.range.end, format!("{yes} if {condition} else {no}"), 1.5);
    }
}

/// Where the value begins that token `n` is in: after `return` or `=`.
fn value_start(fixes: &Fixes<'_>, tokens: &[Token], n: usize) -> Option<usize> {
    let before =
        tokens[..n].iter().rposition(|token| matches!(fixes.page.of(token), "return" | "=" | "yield"));
    Some(tokens.get(before? + 1)?.range.start)
}

fn uses(text: &str, word: &str) -> usize {
    crate::repair::python::facts::words_in(text, word).take(3).count()
}

/// A word that is nearly a keyword.
fn misspelt(fixes: &mut Fixes<'_>, tokens: &[Token], n: usize) {
    let (page, token) = (fixes.page, &tokens[n]);
    let own = page.of(token);
    if fixes.lexicon.is_keyword(own) && own != "print" {
        // One keyword for another.
        for (from, to, fit) in
            [("else", "elif", 1.2), ("elif", "else", 1.0), ("if", "elif", 0.4), ("elif", "if", 0.8)]
        {
            if own == from && n == 0 && fixes.lexicon.indents {
                fixes.put(token.range.clone(), to, fit);
            }
        }
        return;
    }
    let next = tokens.get(n + 1).map_or("", |next| page.of(next));
    // A name that something is done with is a name.
    let name = n == 0 && matches!(next, "=" | "." | "+=" | "-=" | "[");
    let rare = if uses(page.text, own) > 1 { 0.5 } else { 1.2 };
    let inner: &[&str] = if n == 0 { &[] } else { fixes.lexicon.inner };
    for keyword in fixes.lexicon.statements.iter().chain(inner) {
        if *keyword == own {
            continue;
        }
        let near = if keyword.eq_ignore_ascii_case(own) { 1.2 } else { alike(own, keyword) };
        let least = if keyword.len() <= 2 { 0.5 } else { 0.55 };
        if near >= least && (own.len() > 1 || keyword.len() == 2) {
            let place = if n == 0 { 1.7 } else { 1.2 };
            let fit = place * near * rare * if name { 0.3 } else { 1.0 };
            fixes.put(token.range.clone(), *keyword, fit);
        }
    }
}

/// `returnx`, `defadd`: a blank is missing after or before a keyword.
fn glued(fixes: &mut Fixes<'_>, token: &Token) {
    let page = fixes.page;
    let own = page.of(token);
    if fixes.lexicon.is_keyword(own) {
        return;
    }
    for keyword in fixes.lexicon.statements.iter().chain(fixes.lexicon.inner) {
        let mut add = |at: usize, rest: &str| {
            let known = rest.starts_with(|c: char| c.is_ascii_digit())
                || fixes.lexicon.is_keyword(rest)
                || uses(page.text, rest) > 0;
            let fit = if known { 1.2 } else { 0.35 };
            fixes.insert(token.range.start + at, " ", if keyword.len() < 3 { 0.7 * fit } else { fit });
        };
        if let Some(rest) = own.strip_prefix(keyword).filter(|rest| !rest.is_empty()) {
            add(keyword.len(), rest);
        }
        if let Some(rest) = own.strip_suffix(keyword).filter(|rest| !rest.is_empty()) {
            add(rest.len(), rest);
        }
    }
}

/// Two tokens that are one, or one that stands there twice.
fn split(fixes: &mut Fixes<'_>, token: &Token, next: &Token) {
    let page = fixes.page;
    let (one, two) = (page.of(token), page.of(next));
    let gap = token.range.end..next.range.start;
    if one == two && !matches!(one, "(" | ")" | "[" | "]" | "{" | "}") {
        fixes.remove(next.range.clone(), 1.8);
    }
    if gap.is_empty() {
        return;
    }
    let joined = format!("{one}{two}");
    let fit = match (token.kind, next.kind) {
        (Kind::Word, Kind::Word) if fixes.lexicon.is_keyword(&joined) => 1.6,
        (Kind::Word, Kind::Word) if uses(page.text, &joined) > 0 => 1.3,
        (Kind::Word, Kind::Number) if uses(page.text, &joined) > 0 => 0.9,
        (Kind::Word | Kind::Number, Kind::Word | Kind::Number) => 0.15,
        (Kind::Mark, Kind::Mark) if fixes.lexicon.marks.contains(&joined.as_str()) => 1.4,
        _ => return,
    };
    fixes.put(gap, "", fit);
}

/// Words that are missing.
fn missing(fixes: &mut Fixes<'_>, row: usize, tokens: &[Token], first: &Token) {
    let page = fixes.page;
    let has = |word: &str| tokens.iter().any(|token| page.of(token) == word);
    let (own, second) = (page.of(first), tokens.get(1).map_or("", |token| page.of(token)));
    let start = first.range.start;
    let heads = page.last(row) == ":";
    if heads && !fixes.lexicon.blocks.contains(&own) {
        let capital = own.starts_with(|c: char| c.is_uppercase());
        let calls = first.kind == Kind::Word && second == "(";
        let compares =
            ["==", "<", ">", "<=", ">=", "!=", "not", "is", "and", "or"].iter().any(|mark| has(mark));
        for (word, fit) in [
            ("def", if calls && !capital { 1.6 } else { 0.3 }),
            ("class", if capital { 1.4 } else { 0.2 }),
            ("if", if compares { 1.2 } else { 0.5 }),
            ("while", if compares { 0.8 } else { 0.3 }),
            ("elif", if compares { 0.8 } else { 0.3 }),
            ("for", if has("in") { 1.6 } else { 0.1 }),
            ("except", if own.ends_with("Error") || own.ends_with("Exception") { 1.6 } else { 0.1 }),
            ("with", if has("as") { 1.4 } else { 0.1 }),
        ] {
            fixes.insert(start, format!("{word} "), fit);
        }
        if tokens.len() == 1 {
            for word in ["else", "try", "finally"] {
                fixes.insert(start, word, 1.0);
            }
        }
        // No block at all.
        fixes.put(page.lines[row].code_end - 1..page.lines[row].code_end, "", 0.9);
    }
    if matches!(own, "if" | "elif" | "while" | "assert" | "return") || fixes.complaint.says("'=='") {
        for token in tokens.iter().filter(|token| page.of(token) == "=") {
            fixes.put(token.range.clone(), "==", 2.4);
        }
    }
    if own == "for" && !has("in") {
        for token in tokens.iter().skip(1) {
            fixes.insert(token.range.end, " in", if token.kind == Kind::Word { 1.4 } else { 0.4 });
        }
    }
    if own == "else" && second != ":" && heads {
        let end = page.lines[row].code_end - 1;
        fixes.put(first.range.end..end, "", 0.9);
    }
    if own == "elif" && second == ":" {
        fixes.put(first.range.clone(), "else", 1.6);
    }
    if has("import") && own != "from" && own != "import" {
        fixes.insert(start, "from ", 1.6);
    }
    python2(fixes, row, tokens, own);
}

/// Statements of Python 2.
fn python2(fixes: &mut Fixes<'_>, row: usize, tokens: &[Token], own: &str) {
    let page = fixes.page;
    let (Some(first), end) = (tokens.first(), page.lines[row].code_end) else { return };
    let called = tokens.get(1).is_some_and(|token| page.of(token) == "(");
    if matches!(own, "print" | "exec") && tokens.len() > 1 {
        let rest = page.text[first.range.end..end].trim();
        let bare = rest.trim_end_matches(',');
        let fit = if called { 0.6 } else { 2.4 };
        if bare.len() == rest.len() {
            fixes.put(first.range.end..end, format!("({bare})"), fit);
            printed_everywhere(fixes);
        } else {
            fixes.put(first.range.end..end, format!("({bare}, end=\" \")"), fit);
        }
    }
    if own == "print" && tokens.len() == 1 {
        fixes.insert(first.range.end, "()", 1.0);
    }
    let comma = tokens.iter().find(|token| page.of(token) == ",");
    if let (Some(comma), true) = (comma, matches!(own, "raise" | "except")) {
        let (kind, rest) =
            (&page.text[first.range.end..comma.range.start], page.text[comma.range.end..end].trim());
        if own == "raise" {
            fixes.put(first.range.end..end, format!("{kind}({rest})"), 1.8);
        } else {
            fixes.put(comma.range.clone(), " as", 1.8);
            let listed = rest.trim_end_matches(':');
            fixes.put(first.range.end..end, format!(" ({}, {listed}):", kind.trim()), 1.0);
        }
    }
    let quoted: Vec<&Token> = tokens.iter().filter(|token| page.of(token) == "`").collect();
    if let [open, close] = quoted.as_slice() {
        let put = |token: &Token, new: &str| Splice { range: token.range.clone(), new: new.to_owned() };
        fixes.several(vec![put(open, "repr("), put(close, ")")], 1.6);
    }
    for token in tokens.iter().filter(|token| token.kind == Kind::Number) {
        let digits = page.of(token);
        if let Some(bare) = digits.strip_suffix(['l', 'L']) {
            fixes.put(token.range.clone(), bare, 1.5);
        }
        let octal = digits.strip_prefix('0').filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        if let Some(rest) = octal.filter(|rest| !rest.is_empty()) {
            fixes.put(token.range.clone(), format!("0o{rest}"), 1.2);
            fixes.put(token.range.clone(), rest.trim_start_matches('0'), 1.2);
        }
    }
}

/// A program of Python 2 has more than one of them.
fn printed_everywhere(fixes: &mut Fixes<'_>) {
    let page = fixes.page;
    let mut splices = Vec::new();
    for row in (0..page.lines.len()).filter(|row| page.first_word(*row) == "print") {
        let tokens = page.tokens_of(row);
        let end = page.lines[row].code_end;
        if let (Some(first), Some(second)) = (tokens.first(), tokens.get(1))
            && page.of(second) != "("
            && page.last(row) != ","
        {
            let rest = page.text[first.range.end..end].trim();
            splices.push(Splice { range: first.range.end..end, new: format!("({rest})") });
        }
    }
    if splices.len() > 1 {
        fixes.several(splices, 2.6);
    }
}
