//! Where a search may change the program, when a person has narrowed it to some functions.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::languages::{Language, function_bodies};
use crate::repair::{Candidate, Source};

/// Bytes of files that may be changed, by path. Files that are not named may not be changed at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    names: Vec<String>,
    ranges: BTreeMap<String, Vec<Range<usize>>>,
}

impl Within {
    /// The functions with these names, signature included: `total`, or `Ledger.total` for one that stands in something
    /// called `Ledger`. Also gives the names that no function has.
    #[must_use]
    pub fn functions(sources: &[Source], names: &[String]) -> (Self, Vec<String>) {
        let mut within = Self { names: names.to_vec(), ..Self::default() };
        let mut unknown: Vec<String> = names.to_vec();
        for source in sources {
            let Some(language) = Language::of_path(&source.path) else { continue };
            let tree = language.syntax().and_then(|mut syntax| syntax.parse(&source.text));
            let Some(tree) = tree else { continue };
            for body in function_bodies(&source.text, &tree, language) {
                let fits = |name: &String| {
                    let (owner, own) = name.rsplit_once(['.', ':']).unwrap_or(("", name));
                    own == body.name && (owner.is_empty() || stands_in(&source.text, &body.whole, owner))
                };
                if names.iter().any(fits) {
                    unknown.retain(|name| !fits(name));
                    within.ranges.entry(source.path.clone()).or_default().push(body.whole);
                }
            }
        }
        (within, unknown)
    }

    /// The same functions in a text of the sources that was changed.
    #[must_use]
    pub(crate) fn again(&self, sources: &[Source]) -> Self {
        Self::functions(sources, &self.names).0
    }

    /// True for a candidate that changes nothing outside.
    #[must_use]
    pub fn allows(&self, candidate: &Candidate) -> bool {
        candidate.edits.iter().all(|edit| {
            let ranges = self.ranges.get(&*edit.path).map_or(&[][..], Vec::as_slice);
            ranges.iter().any(|range| range.start <= edit.range.start && edit.range.end <= range.end)
        })
    }

    /// True where a file has something that may be changed.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        self.ranges.contains_key(path)
    }
}

/// True where the function at `range` stands in a class, type or object of that name, or is a method of it (Go, Rust):
/// its name is a word of a line above that is less indented, or of the function's own first line.
fn stands_in(text: &str, range: &Range<usize>, owner: &str) -> bool {
    let owner = owner.rsplit(['.', ':']).next().unwrap_or(owner);
    let has = |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == owner);
    let start = crate::syntax::line_start(text, range.start);
    let own = text[start..].lines().next().unwrap_or_default();
    if has(own) {
        return true;
    }
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let mut depth = indent_of(own);
    for line in text[..start].lines().rev().filter(|line| !line.trim().is_empty()) {
        if depth == 0 {
            break;
        }
        let indent = indent_of(line);
        if indent < depth {
            depth = indent;
            if has(line) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
