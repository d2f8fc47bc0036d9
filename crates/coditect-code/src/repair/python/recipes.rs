//! Answers to Python's error messages. Many of them name the place and the cure; these are tried before any
//! search, and like everything else they count only if the tests say so.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use coditect_types::TestResult;

use super::desk::alike;
use super::facts::{has_word, words_in};
use super::tables::{BUILTINS, IMPORTS, MODULES};
use crate::repair::pool::Pool;
use crate::repair::recipes::sheet::Sheet;
use crate::repair::{Candidate, Problem};
use crate::syntax::{line_end, line_start};

mod arguments;
mod first_values;
mod keys;
#[cfg(test)]
mod tests;

/// Names that are tried for a misspelt one.
const MOST_NAMES: usize = 8;

/// What stands for the constants of Python elsewhere. Such a name is never given a value: the test would pass, and the code
/// would say the opposite of what it does.
const FOREIGN: &[&str] = &["true", "false", "none", "null", "nil", "undefined"];

/// All answers to all messages of the red tests.
pub(in crate::repair) fn recipes(problem: &Problem<'_>) -> Vec<Candidate> {
    let mut sheets: Vec<Sheet<'_>> = problem
        .sources
        .iter()
        .filter(|source| source.path.ends_with(".py"))
        .map(|source| Sheet { source, pool: Pool::new(Arc::from(source.path.as_str()), &source.text) })
        .collect();
    let mut heard: BTreeSet<&str> = BTreeSet::new();
    for test in problem.red {
        // Many tests fail for the same reason.
        if heard.len() < 24 && heard.insert(&test.message) {
            answer(problem, test, &mut sheets);
        }
    }
    sheets.into_iter().flat_map(|sheet| sheet.pool.into_made()).collect()
}

fn answer(problem: &Problem<'_>, test: &TestResult, sheets: &mut [Sheet<'_>]) {
    let message = test.message.as_str();
    let quoted = |before: &str| quoted_after(message, before);
    if let Some(name) = quoted("name ")
        && message.contains("is not defined")
    {
        undefined(problem, test, sheets, name);
    }
    if let Some(name) = quoted("cannot access local variable ").or_else(|| quoted("local variable ")) {
        misspelt(test, sheets, name, &[]);
        first_values::answer(test, sheets, name);
    }
    if let Some(name) = quoted("cannot import name ") {
        let near = sheets.iter().flat_map(|sheet| definitions(&sheet.source.text)).collect::<Vec<_>>();
        import_slip(test, sheets, name, &near);
    }
    if let Some(name) = quoted("No module named ") {
        let own = problem.sources.iter().map(|source| module_of(&source.path));
        let near: Vec<String> = own.chain(MODULES.iter().map(|name| (*name).to_owned())).collect();
        import_slip(test, sheets, name, &near);
    }
    if let Some(name) = quoted("has no attribute ") {
        attribute_slip(problem, test, sheets, name);
    }
    if test.error_type == "KeyError" {
        keys::answer(test, sheets);
    }
    arguments::answer(test, sheets);
}

/// What stands in quotes after `before`.
pub(super) fn quoted_after<'m>(message: &'m str, before: &str) -> Option<&'m str> {
    let at = message.find(before)? + before.len();
    let rest = message.get(at..)?.trim_start_matches([':', ' ']);
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = rest.get(1..)?;
    inner.split(quote).next().filter(|name| !name.is_empty() && name.len() < 200)
}

/// `Did you mean: 'x'?`
fn meant(message: &str) -> Option<&str> {
    quoted_after(message, "Did you mean")
}

/// Lines of product files that the failure names, the innermost first; every line with `word` where it names none.
fn places(test: &TestResult, sheets: &[Sheet<'_>], word: &str) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    for frame in test.frames.iter().rev() {
        for (n, sheet) in sheets.iter().enumerate().filter(|(_, sheet)| sheet.source.path == frame.file) {
            if let Some(range) =
                sheet.line(frame.line).filter(|r| has_word(&sheet.source.text[r.clone()], word))
            {
                found.push((n, range));
            }
        }
    }
    if found.is_empty() {
        for (n, sheet) in sheets.iter().enumerate() {
            found.extend(words(&sheet.source.text, word).into_iter().take(20).map(|range| (n, range)));
        }
    }
    found.truncate(20);
    found
}

/// Where `word` stands as a whole identifier.
pub(super) fn words(text: &str, word: &str) -> Vec<Range<usize>> {
    words_in(text, word).collect()
}

fn undefined(problem: &Problem<'_>, test: &TestResult, sheets: &mut [Sheet<'_>], name: &str) {
    let mut files: Vec<usize> = Vec::new();
    for (n, _) in places(test, sheets, name) {
        if !files.contains(&n) {
            files.push(n);
        }
    }
    let mut lines: Vec<(String, f64)> = Vec::new();
    if MODULES.contains(&name) {
        lines.push((format!("import {name}"), 3.0));
    }
    for (_, module) in IMPORTS.iter().filter(|(known, _)| *known == name) {
        lines.push((format!("from {module} import {name}"), 3.0));
    }
    for source in problem.sources.iter().filter(|source| definitions(&source.text).iter().any(|d| d == name))
    {
        lines.push((format!("from {} import {name}", module_of(&source.path)), 2.5));
        let own = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".py");
        lines.push((format!("from .{own} import {name}"), 2.0));
    }
    for n in files {
        for (line, fit) in &lines {
            let text = sheets[n].source.text.as_str();
            let (at, eol) = (import_place(text), sheets[n].eol());
            // What stands apart from the top of the file stays apart from what stands there now.
            let apart = text[..at].ends_with(&eol.repeat(2))
                && ["def ", "class ", "async ", "@"].iter().any(|word| text[at..].starts_with(word));
            let new = format!("{line}{}", eol.repeat(if apart { 3 } else { 1 }));
            sheets[n].put(at..at, new, *fit);
        }
    }
    let suggested = meant(&test.message).map(str::to_owned);
    misspelt(test, sheets, name, suggested.as_slice());
    if FOREIGN.iter().any(|word| word.eq_ignore_ascii_case(name)) {
        literals(test, sheets, name);
    } else {
        first_values::answer(test, sheets, name);
    }
}

/// A constant as another language writes it, or with a slip of the shift key: it may be the wrong one as well.
fn literals(test: &TestResult, sheets: &mut [Sheet<'_>], name: &str) {
    for (n, place) in places(test, sheets, name) {
        for range in words(&sheets[n].source.text[place.clone()], name) {
            let range = place.start + range.start..place.start + range.end;
            for literal in ["True", "False", "None"] {
                sheets[n].put(range.clone(), literal, 1.0);
            }
        }
    }
}

/// A name on a line of the failure becomes one that is spelt alike, there or everywhere in the file.
fn misspelt(test: &TestResult, sheets: &mut [Sheet<'_>], name: &str, suggested: &[String]) {
    for (n, place) in places(test, sheets, name) {
        let text = sheets[n].source.text.as_str();
        let mut near: Vec<(String, f64)> = identifiers(text)
            .into_iter()
            .chain(BUILTINS.iter().copied())
            .filter(|other| *other != name)
            .map(|other| (other.to_owned(), alike(name, other)))
            .filter(|(_, alike)| *alike >= 0.55)
            .collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        near.dedup();
        near.truncate(MOST_NAMES);
        near.splice(0..0, suggested.iter().map(|name| (name.clone(), 1.5)));
        for range in words(&text[place.clone()], name) {
            let range = place.start + range.start..place.start + range.end;
            for (other, fit) in &near {
                sheets[n].put(range.clone(), other.clone(), 1.5 * fit);
            }
        }
    }
}

fn import_slip(test: &TestResult, sheets: &mut [Sheet<'_>], name: &str, known: &[String]) {
    let mut near: Vec<(&str, f64)> = known.iter().map(|other| (other.as_str(), alike(name, other))).collect();
    near.extend(meant(&test.message).map(|name| (name, 2.0)));
    near.retain(|(other, alike)| *other != name && *alike >= 0.4);
    near.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    near.dedup_by(|a, b| a.0 == b.0);
    near.truncate(MOST_NAMES);
    for sheet in sheets {
        let text = sheet.source.text.as_str();
        let found = words(text, name);
        let (imported, used): (Vec<_>, Vec<_>) = found.into_iter().partition(|range| {
            let line = text[line_start(text, range.start)..line_end(text, range.start)].trim_start();
            line.starts_with("import ") || line.starts_with("from ")
        });
        for (other, fit) in &near {
            for range in &imported {
                sheet.put(range.clone(), *other, 1.5 * fit);
            }
            // A definition of the product that tests import under the right name.
            for range in used.iter().filter(|range| text[..range.start].ends_with("def ")) {
                sheet.put(range.clone(), *other, *fit);
            }
        }
        // The other way round: tests import a name that the product defines misspelt.
        for other in definitions(text) {
            let alike = alike(name, &other);
            if alike >= 0.6 && other != name {
                for range in words(text, &other).into_iter().take(1) {
                    sheet.put(range, name, 1.2 * alike);
                }
            }
        }
    }
}

fn attribute_slip(problem: &Problem<'_>, test: &TestResult, sheets: &mut [Sheet<'_>], name: &str) {
    let mut near: Vec<(String, f64)> = Vec::new();
    for source in problem.sources.iter().chain(problem.others) {
        for other in identifiers(&source.text) {
            let alike = alike(name, other);
            if other != name && alike >= 0.5 && !near.iter().any(|(known, _)| known == other) {
                near.push((other.to_owned(), alike));
            }
        }
    }
    near.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    near.truncate(MOST_NAMES);
    near.splice(0..0, meant(&test.message).map(|name| (name.to_owned(), 1.6)));
    for (n, place) in places(test, sheets, name) {
        for range in words(&sheets[n].source.text[place.clone()], name) {
            let range = place.start + range.start..place.start + range.end;
            for (other, fit) in &near {
                sheets[n].put(range.clone(), other.clone(), 1.3 * fit);
            }
        }
    }
}

/// Where an import goes: after the file's comments, text and `__future__` imports at its top.
fn import_place(text: &str) -> usize {
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut quote = None;
    loop {
        let end = line_end(text, at);
        let line = text[at..end].trim();
        if let Some(open) = quote {
            if line.ends_with(open) {
                quote = None;
            }
        } else if let Some(open) = ["\"\"\"", "'''"].into_iter().find(|open| line.starts_with(open)) {
            if line.len() < 6 || !line.ends_with(open) {
                quote = Some(open);
            }
        } else if !(line.is_empty() || line.starts_with('#') || line.starts_with("from __future__")) {
            return at;
        }
        if end >= text.len() {
            return if quote.is_some() { 0 } else { at };
        }
        at = end;
    }
}

/// Names that a file defines at its top.
fn definitions(text: &str) -> Vec<String> {
    let head = |line: &str| {
        let rest = line
            .strip_prefix("def ")
            .or_else(|| line.strip_prefix("class "))
            .or_else(|| line.strip_prefix("async def "));
        match rest {
            Some(rest) => rest.split(['(', ':', '[']).next().map(|name| name.trim().to_owned()),
            None => line
                .split_once(" = ")
                .map(|(name, _)| name.split(':').next().unwrap_or_default().trim().to_owned())
                .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_')),
        }
    };
    text.lines().filter_map(head).filter(|name| !name.is_empty()).collect()
}

fn identifiers(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.len() > 1 && word.len() < 60 && !word.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

/// The module that a path is imported as.
fn module_of(path: &str) -> String {
    let path = path.trim_end_matches(".py").trim_end_matches("/__init__");
    path.strip_prefix("src/").unwrap_or(path).replace('/', ".")
}
