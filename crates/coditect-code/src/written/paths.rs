//! Which file a block is about: a line above it, its fence, or its first line says so.

use std::collections::BTreeSet;

/// The path that a line of prose names, if it names one and hardly anything else.
pub(super) fn in_prose(line: &str, known: &BTreeSet<String>) -> Option<String> {
    let bare = line
        .trim()
        .trim_start_matches(['#', '>', '-', '*', ' '])
        .trim_end_matches(['*', ':', ' '])
        .trim_matches(['`', '"', '\'', '*']);
    let named = ["file:", "path:", "filename:", "filepath:", "file path:"];
    let lower = bare.to_ascii_lowercase();
    let prefix = named.iter().find(|prefix| lower.starts_with(**prefix)).map_or(0, |prefix| prefix.len());
    let bare = bare[prefix..].trim().trim_matches(['`', '"', '\'', '*', ':']);
    if is_path(bare) {
        return Some(clean(bare));
    }
    // In a sentence, only a file that there is, or one in backticks, can be meant.
    let quoted = line.split('`').skip(1).step_by(2).map(str::trim).filter(|word| is_path(word)).map(clean);
    let words = line.split_whitespace().map(|word| word.trim_matches(|c: char| "`'\"*:,()[]".contains(c)));
    let there = words.filter(|word| is_path(word)).map(clean).filter(|path| known.contains(path));
    let mut meant: Vec<String> = there.collect();
    if meant.is_empty() {
        meant = quoted.collect();
    }
    meant.dedup();
    // Of several, which one is meant is not certain.
    if meant.len() == 1 { meant.pop() } else { None }
}

/// The path in what follows a fence: `python src/a.py`, `src/a.py`, `python:src/a.py`, `python title="src/a.py"`.
pub(super) fn in_fence(info: &str) -> Option<String> {
    info.split(|c: char| c.is_whitespace() || "={}\"',".contains(c))
        .flat_map(|word| [word, word.split_once(':').map_or("", |(_, after)| after)])
        .map(|word| word.trim_matches('`'))
        .find(|word| word.contains(['.', '/']) && is_path(word))
        .map(clean)
}

/// The path in a comment that is a block's first line.
pub(super) fn in_comment(line: &str, known: &BTreeSet<String>) -> Option<String> {
    let line = line.trim();
    let opened = ["#", "//", "/*", "--", "<!--", ";"].iter().find_map(|mark| line.strip_prefix(mark))?;
    let inner = opened.trim_end_matches("*/").trim_end_matches("-->").trim();
    let inner = inner.strip_prefix("file:").or_else(|| inner.strip_prefix("File:")).unwrap_or(inner).trim();
    is_path(inner).then(|| clean(inner)).filter(|path| known.contains(path) || path.contains('/'))
}

/// Whether a word can be the path of a file. What leads out of the tree is one too: it is refused later, by name.
fn is_path(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let fits = |c: char| c.is_alphanumeric() || "._-+/@~$[]()".contains(c);
    !word.is_empty()
        && word.len() <= 255
        && word.chars().all(fits)
        && (word.contains('/') || has_extension(name) || matches!(name, "Makefile" | "Dockerfile"))
        && !word.ends_with(['/', '.'])
        && !word.starts_with("http")
        && name.chars().any(char::is_alphanumeric)
}

fn has_extension(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    !stem.is_empty()
        && (1..=8).contains(&extension.len())
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && !stem.ends_with('.')
}

/// A path without `./`, and without the prefixes of a diff where the rest is meant.
fn clean(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}
