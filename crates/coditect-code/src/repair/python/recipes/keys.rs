//! A key that is not there: its first value is given where it is used first.

use std::ops::Range;

use coditect_types::TestResult;

use super::Sheet;

/// Frames of a failure that are looked at, the innermost first.
const MOST_FRAMES: usize = 3;

/// Answers to a `KeyError`.
pub(super) fn answer(test: &TestResult, sheets: &mut [Sheet<'_>]) {
    for frame in test.frames.iter().rev().take(MOST_FRAMES) {
        for sheet in sheets.iter_mut().filter(|sheet| sheet.source.path == frame.file) {
            if let Some(line) = sheet.line(frame.line) {
                of_line(sheet, line);
            }
        }
    }
}

fn of_line(sheet: &mut Sheet<'_>, line: Range<usize>) {
    let text = &sheet.source.text[line.clone()];
    for item in items(text) {
        let (whole, object, key) =
            (&text[item.start..item.end], &text[item.start..item.open], item.key(text));
        let place = line.start + item.start..line.start + item.end;
        let rest = &text[item.end..];
        if let Some((operator, value)) = augmented(rest).filter(|_| text[..item.start].trim().is_empty()) {
            let first = first_of(operator, value);
            let new = format!("{whole} = {object}.get({key}, {first}) {operator} {value}");
            sheet.put(line.start + item.start..line.start + text.trim_end().len(), new, 2.5);
            continue;
        }
        for (method, first) in [
            (".append(", "[]"),
            (".extend(", "[]"),
            (".insert(", "[]"),
            (".add(", "set()"),
            (".update(", "{}"),
            ("[", "{}"),
        ] {
            if rest.starts_with(method) {
                sheet.put(place.clone(), format!("{object}.setdefault({key}, {first})"), 2.5);
            }
        }
        let is_assigned = rest.trim_start().starts_with('=') && !rest.trim_start().starts_with("==");
        if !is_assigned {
            for (n, first) in [", 0", "", ", []", ", ''"].iter().enumerate() {
                sheet.put(place.clone(), format!("{object}.get({key}{first})"), 1.2 - 0.1 * n as f64);
            }
        }
    }
}

/// `+= 1`: the operator without `=`, and the value.
fn augmented(rest: &str) -> Option<(&str, &str)> {
    let (operator, value) = rest.trim_start().split_once('=')?;
    let value = value.split(" #").next().unwrap_or(value).trim();
    let is_operator = matches!(operator, "+" | "-" | "*" | "|" | "&" | "^" | "/" | "//");
    (is_operator && !value.is_empty() && !value.starts_with('=')).then_some((operator, value))
}

/// What such a value begins with.
fn first_of(operator: &str, value: &str) -> &'static str {
    match (operator, value.chars().next()) {
        ("*", _) => "1",
        ("+", Some('\'' | '"')) => "''",
        ("+", Some('[')) => "[]",
        ("|" | "&", Some('{' | 's')) => "set()",
        _ => "0",
    }
}

/// `object[key]` on a line.
struct Item {
    start: usize,
    open: usize,
    end: usize,
}

impl Item {
    /// The key as an argument: one of several parts stands in brackets.
    fn key(&self, text: &str) -> String {
        let key = text[self.open + 1..self.end - 1].trim();
        let mut depth = 0_usize;
        let parts = key.chars().any(|c| {
            match c {
                '[' | '(' | '{' => depth += 1,
                ']' | ')' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        });
        if parts { format!("({key})") } else { key.to_owned() }
    }
}

fn items(text: &str) -> Vec<Item> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let of = |open: usize| {
        let head = &text[..open];
        let start = open - head.chars().rev().take_while(|c| is_name(*c)).map(char::len_utf8).sum::<usize>();
        let mut depth = 0_usize;
        let close = text[open..].char_indices().find(|(_, c)| {
            match c {
                '[' | '(' | '{' => depth += 1,
                ']' | ')' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })?;
        let end = open + close.0 + 1;
        let is_named = text[start..open].starts_with(|c: char| c.is_alphabetic() || c == '_');
        // A slice has no key.
        (is_named && end > open + 2 && !text[open..end].contains(':')).then_some(Item { start, open, end })
    };
    text.match_indices('[').filter_map(|(open, _)| of(open)).collect()
}
