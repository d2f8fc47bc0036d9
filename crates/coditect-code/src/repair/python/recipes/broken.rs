//! Files that do not parse: slips of one line that the message points at.

use coditect_types::TestResult;

use super::Sheet;
use crate::repair::python::desk::alike;

/// Words that a block starts with.
const BLOCKS: &[&str] = &[
    "if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "async",
    "match", "case",
];
/// Words that a statement starts with.
const KEYWORDS: &[&str] = &[
    "if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "return",
    "yield", "import", "from", "raise", "assert", "global", "nonlocal", "lambda", "pass", "break",
    "continue", "del",
];

/// Answers to errors of syntax.
pub(super) fn answer(test: &TestResult, sheets: &mut [Sheet<'_>]) {
    for (n, line) in lines_named(test, sheets) {
        let sheet = &mut sheets[n];
        for (line, share) in [(line, 1.0), (line.saturating_sub(1), 0.8)] {
            if line > 0 {
                one_line(sheet, line, share);
                indentation(sheet, line, share);
            }
        }
        tabs(sheet);
    }
}

/// Files and lines that the message or the traceback names.
fn lines_named(test: &TestResult, sheets: &[Sheet<'_>]) -> Vec<(usize, u32)> {
    let mut found: Vec<(usize, u32)> = Vec::new();
    let mut add = |path: &str, line: u32| {
        let matching = |own: &str| {
            own == path || path.ends_with(&format!("/{own}")) || own.ends_with(&format!("/{path}"))
        };
        for (n, _) in sheets.iter().enumerate().filter(|(_, sheet)| matching(&sheet.source.path)) {
            if !found.contains(&(n, line)) {
                found.push((n, line));
            }
        }
    };
    // `File "pkg/mod.py", line 3` and `invalid syntax (mod.py, line 3)`.
    for (at, _) in test.message.match_indices(", line ") {
        let digits: String = test.message[at + 7..].chars().take_while(char::is_ascii_digit).collect();
        let path =
            test.message[..at].trim_end_matches('"').rsplit(['"', '(', ' ']).next().unwrap_or_default();
        if let Ok(line) = digits.parse() {
            add(path, line);
        }
    }
    for frame in test.frames.iter().rev() {
        add(&frame.file, frame.line);
    }
    // What the message means is named last.
    found.reverse();
    found.truncate(4);
    found
}

fn one_line(sheet: &mut Sheet<'_>, line: u32, share: f64) {
    let Some(range) = sheet.line(line) else { return };
    let text = sheet.source.text[range.clone()].to_owned();
    let code = text.split(" #").next().unwrap_or_default().trim_end();
    let end = range.start + code.len();
    let first = code.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let indent = code.len() - code.trim_start().len();
    if BLOCKS.contains(&first) && !code.ends_with(':') {
        sheet.put(end..end, ":", 3.0 * share);
        if code.ends_with([';', ',', '.', '=']) {
            sheet.put(end - 1..end, ":", 2.0 * share);
        }
    }
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let opened = code.matches(open).count();
        let closed = code.matches(close).count();
        if opened > closed {
            sheet.put(end..end, close.to_string(), 2.0 * share);
            if let Some(before) = code.strip_suffix(':') {
                let at = range.start + before.len();
                sheet.put(at..at, close.to_string(), 2.2 * share);
            }
        }
        if closed > opened {
            for (at, _) in code.match_indices(close) {
                sheet.put(range.start + at..range.start + at + 1, "", 1.8 * share);
            }
            sheet.put(range.start + indent..range.start + indent, open.to_string(), 0.5 * share);
        }
    }
    for quote in ['"', '\''] {
        if code.matches(quote).count() % 2 == 1 {
            for back in [")", "]", "):", ")]", ",", ":", ""] {
                if let Some(before) = code.strip_suffix(back) {
                    let at = range.start + before.len();
                    sheet.put(at..at, quote.to_string(), 1.8 * share);
                }
            }
        }
    }
    if matches!(first, "if" | "elif" | "while" | "assert" | "return") {
        for (at, _) in code.match_indices('=') {
            let around = code.get(at.saturating_sub(1)..at + 2).unwrap_or_default();
            if !["==", "!=", "<=", ">="].iter().any(|operator| around.contains(operator)) {
                sheet.put(range.start + at..range.start + at + 1, "==", 2.5 * share);
            }
        }
    }
    words(sheet, &range, code, first, indent, share);
}

/// Slips of words: misspelt keywords, words of other languages, a comma between two values.
fn words(
    sheet: &mut Sheet<'_>,
    range: &std::ops::Range<usize>,
    code: &str,
    first: &str,
    indent: usize,
    share: f64,
) {
    let start = range.start + indent;
    for (from, to) in [
        ("else if", "elif"),
        ("elseif", "elif"),
        ("elsif", "elif"),
        ("function", "def"),
        ("func", "def"),
        ("&&", "and"),
        ("||", "or"),
        ("===", "=="),
        ("=<", "<="),
        ("=>", ">="),
        ("<>", "!="),
        ("++", " += 1"),
        ("--", " -= 1"),
        ("null", "None"),
        ("true", "True"),
        ("false", "False"),
        ("!", "not "),
    ] {
        for (at, _) in code.match_indices(from) {
            sheet.put(range.start + at..range.start + at + from.len(), to, 1.5 * share);
        }
    }
    for keyword in KEYWORDS.iter().filter(|keyword| **keyword != first) {
        let fit = alike(first, keyword);
        if fit >= 0.5 {
            sheet.put(start..start + first.len(), *keyword, 1.5 * fit * share);
        }
    }
    if let Some(rest) = code.trim_start().strip_prefix("print ") {
        sheet.put(start..range.start + code.len(), format!("print({rest})"), 2.0 * share);
    }
    let gaps = code.char_indices().skip(1).filter(|(_, c)| *c == ' ').map(|(at, _)| at);
    for at in gaps.filter(|at| *at > indent).take(24) {
        sheet.put(range.start + at..range.start + at, ",", 0.4 * share);
    }
}

/// The line at the depth of the lines around it, or one deeper.
fn indentation(sheet: &mut Sheet<'_>, line: u32, share: f64) {
    let Some(range) = sheet.line(line) else { return };
    let text = sheet.source.text.as_str();
    let own = &text[range.clone()];
    let width = own.len() - own.trim_start().len();
    let mut indents: Vec<String> = Vec::new();
    let mut add = |indent: String| {
        if !indents.contains(&indent) && indent != own[..width] {
            indents.push(indent);
        }
    };
    let before = text[..range.start].lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let indent = before[..before.len() - before.trim_start().len()].to_owned();
    let unit = if indent.contains('\t') { "\t" } else { "    " };
    if before.trim_end().ends_with(':') {
        add(format!("{indent}{unit}"));
    }
    add(indent.clone());
    add(indent.strip_suffix(unit).unwrap_or_default().to_owned());
    for other in text[..range.start].lines().rev().take(20).filter(|line| !line.trim().is_empty()) {
        add(other[..other.len() - other.trim_start().len()].to_owned());
    }
    let start = range.start;
    for (rank, indent) in indents.into_iter().take(6).enumerate() {
        sheet.put(start..start + width, indent, 1.6 * share / (1.0 + 0.3 * rank as f64));
    }
}

/// Tabs and spaces mixed: every tab at the start of a line becomes spaces.
fn tabs(sheet: &mut Sheet<'_>) {
    let text = sheet.source.text.as_str();
    let leads = |line: &str| line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned();
    if !text.lines().any(|line| leads(line).contains('\t')) {
        return;
    }
    for width in [4, 8] {
        let mut splices = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let lead = leads(line);
            if lead.contains('\t') {
                let new = lead.replace('\t', &" ".repeat(width));
                splices.push(crate::syntax::Splice { range: at..at + lead.len(), new });
            }
            at += line.len();
        }
        sheet.pool.several(splices, crate::repair::EditKind::Recipe, 1.0, 1.4);
    }
}
