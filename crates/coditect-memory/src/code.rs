//! The parts of a function's text: its name says most of what it is for, then the first words of its documentation.

use crate::index::Part;

/// What a word counts in a name and in the first paragraph of the documentation, beside 1 elsewhere; these have it there again.
const NAME: u8 = 3;
const FIRST: u8 = 2;

/// Words before the name of what is defined.
const DEFINES: &[&str] = &["def", "fn", "func", "function", "class", "struct", "trait", "interface", "enum"];

/// A function, method or class in any language, in parts.
#[must_use]
pub fn parts(code: &str) -> Vec<Part<'_>> {
    let mut parts = vec![Part { text: code, weight: 1 }];
    parts.extend(name(code).map(|text| Part { text, weight: NAME }));
    if let Some(doc) = documentation(code) {
        let first = doc.split("\n\n").next().unwrap_or(doc);
        parts.push(Part { text: first, weight: FIRST });
    }
    parts
}

/// The word behind the first one that defines something, else the word before the first bracket.
fn name(code: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words = || code.split(|c: char| !is_part(c)).filter(|word| !word.is_empty());
    let defined = words().zip(words().skip(1)).find(|(word, _)| DEFINES.contains(word)).map(|(_, name)| name);
    defined.or_else(|| code.split_once('(')?.0.rsplit(|c: char| !is_part(c)).find(|word| !word.is_empty()))
}

/// A docstring, or the comment that comes first.
fn documentation(code: &str) -> Option<&str> {
    for quote in ["\"\"\"", "'''"] {
        if let Some((_, rest)) = code.split_once(quote) {
            return rest.split_once(quote).map(|(doc, _)| doc);
        }
    }
    let begin = ["///", "/**", "//", "#"].iter().find(|mark| code.trim_start().starts_with(**mark))?;
    let code = code.trim_start();
    let end = match *begin {
        "/**" => code.find("*/").unwrap_or(code.len()),
        mark => code
            .split_inclusive('\n')
            .take_while(|line| line.trim_start().starts_with(mark))
            .map(str::len)
            .sum(),
    };
    code.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_falls_into_parts_in_any_language() {
        for (code, name, doc) in [
            (
                "def remove_all(path):\n    \"\"\"Delete it.\n\n    More.\"\"\"\n    pass",
                "remove_all",
                "Delete it.",
            ),
            (
                "/// Deletes it.\n/// All.\npub fn remove_all(path: &Path) {}",
                "remove_all",
                "/// Deletes it.\n/// All.\n",
            ),
            ("/** Deletes it. */\nvoid removeAll(Path path) {}", "removeAll", "/** Deletes it. "),
            ("const f = function removeAll() {}", "removeAll", ""),
        ] {
            let parts = parts(code);
            let of = |weight| parts.iter().find(|part| part.weight == weight).map_or("", |part| part.text);
            assert_eq!((of(NAME), of(FIRST)), (name, doc), "{code}");
        }
        assert_eq!(parts("").len(), 1);
    }
}
