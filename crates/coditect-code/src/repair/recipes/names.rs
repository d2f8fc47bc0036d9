//! Names that are nearly right.

use std::collections::BTreeMap;

use crate::repair::Source;
use crate::repair::python::desk::alike;

/// Names that are tried for a misspelt one.
const MOST: usize = 8;
/// Names that are not this much alike are no slips of one another.
const ALIKE: f64 = 0.6;

/// The words of a text that may be names, each with how often it stands there.
pub(super) fn words_of(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
    for word in
        words.filter(|word| (2..60).contains(&word.len()) && !word.starts_with(|c: char| c.is_ascii_digit()))
    {
        *found.entry(word).or_insert(0) += 1;
    }
    found
}

/// Of `known`, those that are like `name`, the likest first.
pub(super) fn near<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    for other in known.into_iter().filter(|other| *other != name) {
        let alike = if other.eq_ignore_ascii_case(name) { 0.95 } else { alike(name, other) };
        if alike >= ALIKE && !found.iter().any(|(known, _)| known == other) {
            found.push((other.to_owned(), alike));
        }
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(MOST);
    found
}

/// Words of the file itself, then of all files, that are like `name`. A word that stands nowhere else is no name.
pub(super) fn near_in(name: &str, own: &str, sources: &[Source]) -> Vec<(String, f64)> {
    let mut found = near(name, words_of(own).keys().copied());
    let mut others: Vec<(String, f64)> = Vec::new();
    for source in sources {
        others.extend(near(name, words_of(&source.text).keys().copied()));
    }
    others.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (other, alike) in others {
        if !found.iter().any(|(known, _)| *known == other) {
            found.push((other, 0.9 * alike));
        }
    }
    found.truncate(MOST);
    found
}

/// What stands between the first pair of these quotes after `before`.
pub(super) fn after<'m>(said: &'m str, before: &str, quotes: (char, char)) -> Option<&'m str> {
    let rest = &said[said.find(before)? + before.len()..];
    let inner = &rest[rest.find(quotes.0)? + quotes.0.len_utf8()..];
    inner.split(quotes.1).next().filter(|name| !name.is_empty() && name.len() < 200)
}

/// True for a single name.
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'))
        && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

/// The name that a text begins with.
pub(super) fn leading(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(text.len());
    &text[..end]
}
