//! The text of single tests, and of what a change touches.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lines::Lines;
use crate::languages::{Language, function_bodies};
use crate::reach::{function_of, sources_of};
use crate::repair::Source;
use crate::syntax::{line_end, line_start};

/// Red tests as path and text, each text once: the function that a test's id names, with what stands right above it. Where that
/// holds no value the values stand elsewhere in the file, and all of it is given. Tests may stand among the product.
#[must_use]
pub fn red_texts<'s>(
    red: impl Iterator<Item = &'s str>,
    tests: &'s [Source],
    product: &'s [Source],
) -> Vec<(&'s str, &'s str)> {
    let mut texts = BTreeSet::new();
    for id in red {
        for source in sources_of(id, tests) {
            let own = text_of(source, id).filter(|text| has_values(&source.path, text));
            texts.insert((source.path.as_str(), own.unwrap_or(&source.text)));
        }
        let file = id.split("::").next().unwrap_or_default();
        if let Some(source) = product.iter().find(|source| source.path == file) {
            texts.extend(text_of(source, id).map(|text| (source.path.as_str(), text)));
        }
    }
    texts.into_iter().collect()
}

/// The function of a test. One without a name, as tests of JavaScript are, is known by the text that it is given with.
fn text_of<'s>(source: &'s Source, id: &str) -> Option<&'s str> {
    let language = Language::of_path(&source.path)?;
    let text = source.text.as_str();
    let tree = language.syntax()?.parse(text)?;
    let name = function_of(id);
    let bodies = function_bodies(text, &tree, language);
    let is_given = |whole: &Range<usize>| {
        let line = &text[line_start(text, whole.start)..whole.start];
        ['"', '\'', '`'].iter().any(|quote| line.contains(&format!("{quote}{name}{quote}")))
    };
    let found =
        bodies.iter().find(|body| body.name == name || (body.name.is_empty() && is_given(&body.whole)))?;
    let mut from = line_start(text, found.whole.start);
    // Decorators, with their tables: what begins with one above it, up to a blank line or another function.
    let mut at = from;
    while at > 0 {
        let above = line_start(text, at - 1);
        let line = text[above..at].trim();
        let is_other = bodies.iter().any(|body| body.whole.end > above && body.whole.end <= at);
        if line.is_empty() || is_other {
            break;
        }
        if line.starts_with('@') || line.starts_with("#[") {
            from = above;
        }
        at = above;
    }
    Some(&text[from..found.whole.end])
}

fn has_values(path: &str, text: &str) -> bool {
    let lines = Language::of_path(path).map(|language| Lines::of(language, text)).unwrap_or_default();
    lines.all().any(|(_, line)| !line.literals.is_empty())
}

/// The functions around lines that a file did not have.
#[must_use]
pub fn changed_functions(path: &str, before: &str, after: &str) -> BTreeSet<String> {
    let Some(language) = Language::of_path(path) else { return BTreeSet::new() };
    let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(after)) else {
        return BTreeSet::new();
    };
    let known: BTreeSet<&str> = before.lines().map(str::trim).collect();
    let is_new = |line: &str| !line.trim().is_empty() && !known.contains(line.trim());
    let mut names: BTreeSet<String> = function_bodies(after, &tree, language)
        .into_iter()
        .filter(|body| {
            after[line_start(after, body.whole.start)..line_end(after, body.whole.end)].lines().any(is_new)
        })
        .map(|body| body.name)
        .collect();
    names.remove("");
    names
}
