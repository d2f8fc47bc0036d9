//! Changes that a compiler suggests, kept in the message of the test that stands for the build.
//!
//! A message is text for people. What a tool said in a form for programs goes behind it, a line for each suggestion, so
//! that it is in the journal too and reaches whoever answers the message, after a restart as well.

use serde::{Deserialize, Serialize};

/// What such a line begins with.
const MARK: &str = "suggestion: ";
/// Suggestions of one message, and bytes of one.
const MOST: usize = 60;
const MOST_BYTES: usize = 4 << 10;

/// A change that a compiler suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The compiler is sure of it (`MachineApplicable`).
    pub sure: bool,
    /// Its parts, all of which belong to it.
    pub parts: Vec<Part>,
}

/// A place and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The file, as the compiler names it.
    pub file: String,
    /// Line and column of its first letter, from 1.
    pub from: (u32, u32),
    /// Behind its last letter.
    pub to: (u32, u32),
    /// The new text.
    pub new: String,
}

/// Puts suggestions behind a message, each once, those that the compiler is sure of first.
pub fn add(message: &mut String, mut suggestions: Vec<Suggestion>) {
    suggestions.sort_by_key(|suggestion| !suggestion.sure);
    let mut known: Vec<&Suggestion> = Vec::new();
    for suggestion in &suggestions {
        if known.len() >= MOST || known.contains(&suggestion) {
            continue;
        }
        known.push(suggestion);
        if let Ok(line) = serde_json::to_string(suggestion)
            && line.len() <= MOST_BYTES
        {
            if !message.is_empty() && !message.ends_with('\n') {
                message.push('\n');
            }
            message.push_str(MARK);
            message.push_str(&line);
            message.push('\n');
        }
    }
}

/// The suggestions of a message. It is text of the project as much as of the compiler: what is no suggestion is passed
/// over.
#[must_use]
pub fn read(message: &str) -> Vec<Suggestion> {
    let lines = message.lines().filter_map(|line| line.strip_prefix(MARK));
    lines.filter_map(|line| serde_json::from_str(line).ok()).take(MOST).collect()
}

/// The byte at a line and column of a text, both from 1. None where there is no such place.
#[must_use]
pub fn byte_at(text: &str, (line, column): (u32, u32)) -> Option<usize> {
    let row = usize::try_from(line).ok()?.checked_sub(1)?;
    let start = if row == 0 { 0 } else { text.match_indices('\n').nth(row - 1)?.0 + 1 };
    let rest = &text[start..];
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    match line.char_indices().nth(column) {
        Some((at, _)) => Some(start + at),
        None => (line.chars().count() == column).then_some(start + line.len()),
    }
}
