//! A name that is used before it has a value: it gets one, before the statement or before a block around it.

use std::collections::BTreeSet;

use coditect_types::TestResult;

use super::{Sheet, places};
use crate::repair::python::facts::words_in;
use crate::syntax::line_start;

/// Statements of the file that give a name of this kind a value, and that are tried.
const MOST_COPIED: usize = 6;
/// Longest statement that is copied, in bytes.
const LONGEST: usize = 120;

/// Answers to a name without a value.
pub(super) fn answer(test: &TestResult, sheets: &mut [Sheet<'_>], name: &str) {
    for (n, place) in places(test, sheets, name) {
        let text = sheets[n].source.text.as_str();
        let Some(blocks) = blocks_around(text, place.start) else { continue };
        if let Some((at, indent)) = body_around(text, place.start).filter(|_| is_global(text, name)) {
            sheets[n].put_line(at, &format!("{indent}global {name}"), 2.0);
        }
        let values = values(text, name);
        for (at, indent) in blocks {
            for (rank, value) in values.iter().enumerate() {
                sheets[n].put_line(at, &format!("{indent}{value}"), 0.9 / (1.0 + 0.1 * rank as f64));
            }
        }
    }
}

/// Starts of the lines that begin the statement at `at` and each block of its function around it, the outermost first, with
/// their indentation. None outside functions, where a name without a value is a misspelt one or one not imported.
fn blocks_around(text: &str, at: usize) -> Option<Vec<(usize, &str)>> {
    let mut start = line_start(text, at);
    let mut found = vec![(start, indent_of(&text[start..]))];
    while let Some(above) = start.checked_sub(1) {
        start = line_start(text, above);
        let line = text[start..above].trim_end();
        let indent = indent_of(line);
        let inner = found.last().map_or(0, |(_, inner)| inner.len());
        let code = line.trim_start();
        if code.is_empty() || code.starts_with('#') || indent.len() >= inner {
            continue;
        }
        if ["def ", "async def "].iter().any(|word| code.starts_with(word)) {
            found.reverse();
            return Some(found);
        }
        // What continues a branch has nothing before it in its block; what is not a head is a statement of several lines.
        let continues = ["else", "elif ", "except", "finally", ")", "]", "}", "case "];
        if continues.iter().any(|word| code.starts_with(word)) || !line.ends_with(':') {
            continue;
        }
        found.push((start, indent));
    }
    None
}

/// Whether the file gives the name a value outside of functions: then a function that assigns to it means that one.
fn is_global(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        line.strip_prefix(name).is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.starts_with('=') && !rest.starts_with("==")
        })
    })
}

/// The first line of code of the function around `at`, below its documentation, with its indentation.
fn body_around(text: &str, at: usize) -> Option<(usize, &str)> {
    let (outermost, _) = *blocks_around(text, at)?.first()?;
    let head = text[..outermost]
        .match_indices("def ")
        .map(|(at, _)| line_start(text, at))
        .filter(|at| indent_of(&text[*at..]).len() < indent_of(&text[outermost..]).len())
        .last()?;
    let mut quote = None;
    let mut start = head;
    for line in text[head..].split_inclusive('\n') {
        let code = line.trim();
        let (at, is_first) = (start, start == head);
        start += line.len();
        if let Some(mark) = quote {
            quote = (!code.ends_with(mark)).then_some(mark);
            continue;
        }
        if is_first || code.is_empty() || code.starts_with('#') {
            continue;
        }
        if let Some(mark) = ["\"\"\"", "'''"].into_iter().find(|mark| code.starts_with(mark)) {
            quote = (code.len() < 6 || !code.ends_with(mark)).then_some(mark);
            continue;
        }
        return Some((at, indent_of(line)));
    }
    None
}

fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Statements that give `name` a value: what the file says of such a name elsewhere, and what its uses ask for.
fn values(text: &str, name: &str) -> Vec<String> {
    let uses = |after: &str| {
        words_in(text, name).any(|word| text[word.end..].trim_start_matches([' ', '\t']).starts_with(after))
    };
    let mut plain: Vec<(&str, bool)> = vec![
        ("[]", uses(".append(") || uses(".extend(") || uses(".insert(")),
        ("set()", uses(".add(") || uses(".discard(")),
        ("{}", uses("[") || uses(".setdefault(") || uses(".get(")),
        ("0", uses("+=") || uses("-=") || uses("<") || uses(">")),
        ("None", uses("is ")),
        ("False", false),
        ("''", false),
        ("1", uses("*=")),
        ("True", false),
    ];
    plain.sort_by_key(|(_, asked_for)| !asked_for);
    let mut found: Vec<String> = plain.iter().map(|(value, _)| format!("{name} = {value}")).collect();
    let copied: BTreeSet<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.len() <= LONGEST)
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with("= ")))
        .filter(|line| {
            !line.ends_with(['(', '[', '{', '\\', ',']) && !found.iter().any(|known| known == line)
        })
        .collect();
    found.extend(copied.into_iter().take(MOST_COPIED).map(str::to_owned));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_before_the_statement_and_before_each_block_around_it() {
        let text = "class A:\n    def f(self, items):\n        # a note\n        for item in items:\n            if item:\n                pass\n            else:\n                found.append(item)\n        return found\n";
        let at = text.find("found").unwrap();
        let blocks: Vec<&str> = blocks_around(text, at)
            .unwrap()
            .iter()
            .map(|(at, _)| text[*at..].lines().next().unwrap())
            .collect();
        let wanted =
            ["        for item in items:", "            if item:", "                found.append(item)"];
        assert_eq!(blocks, wanted);
        let at = text.rfind("found").unwrap();
        assert_eq!(blocks_around(text, at).unwrap().len(), 1);
        assert_eq!(blocks_around("print(x)\n", 0), None);
    }

    #[test]
    fn values_that_uses_ask_for_come_first() {
        let text = "def f(a):\n    for x in a:\n        out.append(x)\n    return out\n";
        assert_eq!(values(text, "out")[0], "out = []");
        let text = "def f(a):\n    for x in a:\n        n += x\n\n\ndef g(a):\n    n = len(a)\n    n == 2\n";
        let values = values(text, "n");
        assert_eq!(values[0], "n = 0");
        assert_eq!(values.last().unwrap(), "n = len(a)");
    }
}
