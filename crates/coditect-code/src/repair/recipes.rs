//! What error messages name: compilers, run times and interpreters often say where the cure lies and what it is.
//!
//! - `suggested`: changes that a compiler suggests in a form for programs; `rust`, `go`, `java`, `script`: what the words
//!   of the messages say. Python's are in `python::recipes`.
//! - `sheet`, `names`: what they share.
//! - [`chain`]: tries them, one on top of the other where a message gives way to the next.

use crate::languages::{Language, is_test_code};
use crate::repair::notes::{self, Note};
use crate::repair::{Candidate, Problem, Source, python};

use self::sheet::Sheet;

pub(super) mod chain;
mod go;
mod java;
mod names;
mod rust;
mod script;
pub(super) mod sheet;
mod suggested;
#[cfg(test)]
mod tests;

/// Messages that are answered: many tests fail for the same reason.
const MOST_MESSAGES: usize = 24;
/// Notes of one message that are answered.
const MOST_NOTES: usize = 24;

/// All answers to the messages of the red tests, likeliest first; none of them touches a test.
pub(super) fn all(problem: &Problem<'_>) -> Vec<Candidate> {
    let mut made = python::recipes::recipes(problem);
    let mut sheets = Sheet::of(problem.sources);
    let mut heard: Vec<&str> = Vec::new();
    for test in problem.red {
        if heard.len() >= MOST_MESSAGES || heard.contains(&test.message.as_str()) {
            continue;
        }
        heard.push(&test.message);
        made.extend(suggested::answer(problem, &test.message));
        let notes = notes_of(&test.message, problem.sources);
        for note in notes.iter().chain(&frames(test, problem.sources)).take(MOST_NOTES) {
            answer(problem, note, &mut sheets);
        }
    }
    made.extend(sheets.into_iter().flat_map(|sheet| sheet.pool.into_made()));
    made.retain(|candidate| is_of_product(candidate, problem.sources));
    made.sort_by(|a, b| b.score.total_cmp(&a.score));
    made
}

fn notes_of<'m>(message: &'m str, sources: &[Source]) -> Vec<Note<'m>> {
    notes::read(message, sources)
}

/// Where a test's error was thrown, for run times that say what is wrong apart from where.
fn frames<'m>(test: &'m coditect_types::TestResult, sources: &[Source]) -> Vec<Note<'m>> {
    let is_script = |path: &str| Language::of_path(path).is_some_and(Language::is_script);
    let of_frames = test.frames.iter().rev().filter(|frame| is_script(&frame.file)).filter_map(|frame| {
        let source = notes::find(&frame.file, sources)?;
        Some(Note { source, line: frame.line, column: 0, said: test.message.as_str(), rest: String::new() })
    });
    let mut found: Vec<Note<'m>> = of_frames.take(6).collect();
    if found.is_empty() {
        found = stack(&test.message, sources);
    }
    if found.is_empty() && script::names_itself(&test.message) {
        // It names no place: every file may be meant.
        let all = sources.iter().enumerate().filter(|(_, source)| is_script(&source.path)).take(6);
        found.extend(all.map(|(source, _)| Note {
            source,
            line: 0,
            column: 0,
            said: test.message.as_str(),
            rest: String::new(),
        }));
    }
    found
}

/// The frames that a message itself lists: `at f (/project/a.js:1:2)`.
fn stack<'m>(message: &'m str, sources: &[Source]) -> Vec<Note<'m>> {
    let lines = message.lines().filter(|line| line.trim_start().starts_with("at "));
    let places = lines.filter_map(|line| {
        let place = line.trim_start().trim_start_matches("at ");
        notes::place(place, sources)
    });
    places
        .take(4)
        .map(|(source, line, column)| Note { source, line, column, said: message, rest: String::new() })
        .collect()
}

fn answer(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    match sheets[note.source].language() {
        Some(Language::Rust) => rust::answer(problem, note, sheets),
        Some(Language::Go) => go::answer(problem, note, sheets),
        Some(Language::Java) => java::answer(problem, note, sheets),
        Some(Language::JavaScript | Language::TypeScript | Language::Tsx) => {
            script::answer(problem, note, sheets);
        }
        Some(Language::Python) | None => {}
    }
}

/// True where a candidate changes no part of a file that is a test.
fn is_of_product(candidate: &Candidate, sources: &[Source]) -> bool {
    let touches = |edit: &crate::repair::Edit| {
        let source = sources.iter().find(|source| source.path == *edit.path);
        // Right before a test and right behind one is not in it.
        let inner = edit.range.start..edit.range.end;
        source.is_some_and(|source| {
            source.path.ends_with(".rs") && is_test_code(&source.path, &source.text, inner)
        })
    };
    !candidate.edits.iter().any(touches)
}
