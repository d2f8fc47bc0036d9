//! How a change looks beside the rest of the project: code is repetitive (Hindle et al., "On the Naturalness of Software",
//! 2012), and a slip often shows as something that stands nowhere else.
//!
//! Tests of few cases accept many changes. What the project says elsewhere is evidence of another kind: the very line that a
//! change makes may stand in a function beside it, and a text or method that is found nowhere else was mistyped.

use crate::repair::{Candidate, Edit, Problem};
use crate::syntax::{Splice, splice};

/// The line that the change makes stands elsewhere, and the line as it was does not.
const LINE_ELSEWHERE: f64 = 2.5;
/// A text that stands nowhere else becomes one that does, and that differs in a letter or two or in capitals.
const MISTYPED: f64 = 3.0;
/// The same of a method or attribute, as it is called on that object.
const UNKNOWN_MEMBER: f64 = 1.6;
/// The same of a part of a line (`y * self.width + x`).
const PHRASE_ELSEWHERE: f64 = 3.0;
/// An operator that the project uses nowhere else; one that works on bits in its place.
const STRANGE_OPERATOR: f64 = 0.5;
const STRANGE_BITS: f64 = 0.2;
/// Operators that are easily taken for one another: that a small program had no need for one of them says nothing.
const FAMILIES: &[&[&str]] = &[
    &["<", "<=", ">", ">="],
    &["==", "!="],
    &["===", "!=="],
    &["+", "-"],
    &["*", "/", "//", "%"],
    &["&&", "||"],
];
const BITS: &[&str] = &["&", "|", "^", "<<", ">>", ">>>", "&^"];
/// What is computed with a neutral or absorbing number (`x * 0`, `x - 0`), made by the change, or mended by it.
const POINTLESS: f64 = 0.4;
const NO_MORE_POINTLESS: f64 = 1.5;
/// A name for what a method of a list gives that changes the list, which is nothing: left as it is by the change, or mended.
const STILL_NOTHING: f64 = 0.3;
const NO_MORE_NOTHING: f64 = 1.5;
/// A function becomes a generator, which is true whatever it yields, and runs nothing when it is called.
const NEW_YIELD: f64 = 0.3;
/// Lines that are shorter say nothing (`}`, `return x`), in bytes without white space.
const SHORTEST: usize = 14;
/// Texts below this differ in few letters anyway, in bytes with quotes.
const LONG_ENOUGH: usize = 7;
/// Letters that may differ in what was mistyped.
const LETTERS: usize = 2;

/// A factor for the merit of a change.
pub(super) fn factor(problem: &Problem<'_>, candidate: &Candidate) -> f64 {
    let (Some(first), Some(last)) = (candidate.edits.first(), candidate.edits.last()) else { return 1.0 };
    let Some(source) = problem.sources.iter().find(|source| source.path == *first.path) else { return 1.0 };
    if candidate.edits.iter().any(|edit| edit.path != first.path) {
        return 1.0;
    }
    let (text, range) = (source.text.as_str(), first.range.start..last.range.end);
    if range.is_empty() && candidate.edits.len() > 1 || text.get(range.clone()).is_none() {
        return 1.0;
    }
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at);
    let was = &text[start..end];
    let moved = |edit: &Edit| Splice {
        range: edit.range.start - start..edit.range.end - start,
        new: edit.new.clone(),
    };
    let Some(is) = splice(was, &candidate.edits.iter().map(moved).collect::<Vec<_>>()) else { return 1.0 };
    if was.contains('\n') || is.contains('\n') {
        return 1.0;
    }
    let new_len = is.len() + range.len() - was.len();
    let new = &is[range.start - start..range.start - start + new_len];
    // The place itself is not elsewhere.
    let elsewhere = |wanted: &str| {
        let of_others = problem.sources.iter().chain(problem.others);
        let here = text[..start].contains(wanted) || text[end..].contains(wanted);
        here || of_others.filter(|other| other.path != source.path).any(|other| other.text.contains(wanted))
    };
    let mut factor = 1.0;
    let line = |line: &str| line.trim().to_owned();
    let (old_line, new_line) = (line(was), line(&is));
    let telling = new_line.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() >= SHORTEST;
    let is_line = |wanted: &str| {
        let own = text[..start].lines().chain(text[end..].lines());
        let others = problem.sources.iter().chain(problem.others).filter(|other| other.path != source.path);
        own.chain(others.flat_map(|other| other.text.lines())).any(|line| line.trim() == wanted)
    };
    if telling && elsewhere(&new_line) && is_line(&new_line) && !is_line(&old_line) {
        factor *= LINE_ELSEWHERE;
    } else if let Some(new_phrase) = phrase(&is, range.start - start..range.start - start + new_len)
        && let Some(old_phrase) = phrase(was, range.start - start..range.end - start)
        && elsewhere(new_phrase)
        && !elsewhere(old_phrase)
    {
        factor *= PHRASE_ELSEWHERE;
    }
    let grown = Grown::of(was, &is, range.start - start, range.end - start, new_len);
    if let Some(Grown { old, new, quoted }) = grown {
        let unknown = !elsewhere(old) && elsewhere(new);
        let alike = old.to_lowercase() == new.to_lowercase()
            || (old.len() >= LONG_ENOUGH && distance(old, new) <= LETTERS);
        if quoted && unknown && alike {
            factor *= MISTYPED;
        } else if !quoted && unknown && old.contains('.') {
            factor *= UNKNOWN_MEMBER;
        }
    }
    let (old_operator, operator) = (text[range.clone()].trim(), new.trim());
    if is_strange(old_operator, operator) && !elsewhere(&format!(" {operator} ")) {
        let bits = BITS.contains(&operator) && !BITS.contains(&old_operator);
        factor *= if bits { STRANGE_BITS } else { STRANGE_OPERATOR };
    }
    factor * sense(was, &is)
}

/// Whether an operator took the place of one that is not easily taken for it.
fn is_strange(old: &str, new: &str) -> bool {
    let together = FAMILIES.iter().any(|family| family.contains(&old) && family.contains(&new));
    is_operator(new) && is_operator(old) && !together
}

/// What a line that makes no sense says, before or after.
fn sense(was: &str, is: &str) -> f64 {
    let mut factor = match (names_nothing(was), names_nothing(is)) {
        (true, true) => STILL_NOTHING,
        (true, false) => NO_MORE_NOTHING,
        (false, _) => 1.0,
    };
    if is.contains("yield ") && !was.contains("yield") {
        factor *= NEW_YIELD;
    }
    match (is_pointless(was), is_pointless(is)) {
        (false, true) => factor *= POINTLESS,
        (true, false) => factor *= NO_MORE_POINTLESS,
        _ => {}
    }
    factor
}

/// A word or text that a change replaces by another, whole: with the quotes of a text, with the object of a member.
struct Grown<'a> {
    old: &'a str,
    new: &'a str,
    quoted: bool,
}

impl<'a> Grown<'a> {
    /// `from..to` of `was` became `len` bytes of `is`.
    fn of(was: &'a str, is: &'a str, from: usize, to: usize, len: usize) -> Option<Self> {
        let (head, old_tail, new_tail) = (&was[..from], &was[to..], &is[from + len..]);
        let quote = |text: &str| text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        // All of a text, quotes included.
        if let Some(mark) =
            quote(&was[from..to]).filter(|mark| was[from..to].len() > 1 && was[from..to].ends_with(*mark))
        {
            let new = &is[from..from + len];
            return new.starts_with(mark).then_some(Self { old: &was[from..to], new, quoted: true });
        }
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let part = |c: char| word(c) || c == '.';
        let before =
            head.len() - head.chars().rev().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
        let after = |tail: &str| tail.chars().take_while(|c| word(*c)).map(char::len_utf8).sum::<usize>();
        let old = &was[before..to + after(old_tail)];
        let new = &is[before..from + len + after(new_tail)];
        let is_path = |text: &str| {
            text.chars().all(part) && text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
        };
        (is_path(old) && is_path(new) && old != new).then_some(Self { old, new, quoted: false })
    }
}

/// The part of a line around a change that is a value by itself, where it says enough to be telling.
fn phrase(line: &str, range: std::ops::Range<usize>) -> Option<&str> {
    let ends = |c: char| "(){}[],;:".contains(c);
    let head = &line[..range.start];
    let assigned = head.rfind(" = ").map_or(0, |at| at + 3);
    let start = head.rfind(ends).map_or(0, |at| at + 1).max(assigned);
    let end = line[range.end..].find(ends).map_or(line.len(), |at| range.end + at);
    let phrase = line[start..end].trim().trim_start_matches("return ");
    let words = phrase.split_whitespace().count();
    let telling = phrase.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() >= SHORTEST;
    (words >= 3 && telling && phrase.len() < line.trim().len()).then_some(phrase)
}

/// `a = b.append(c)`.
fn names_nothing(line: &str) -> bool {
    let Some((_, value)) = line.split_once(" = ") else { return false };
    let ends = ["append", "extend", "sort", "reverse", "insert"];
    ends.iter().any(|name| value.contains(&format!(".{name}("))) && !line.contains("==")
}

fn is_operator(text: &str) -> bool {
    !text.is_empty() && text.len() <= 3 && text.chars().all(|c| "+-*/%<>=!&|^?~".contains(c))
}

/// Whether a line computes with a number that changes nothing, or leaves nothing.
fn is_pointless(line: &str) -> bool {
    let bytes = line.as_bytes();
    [" + 0", " - 0", " * 0", " / 0", " * 1", " / 1", " % 1"].iter().any(|phrase| {
        line.match_indices(phrase).any(|(at, _)| {
            // Not `x + 0.5`, `x * 10` or `e - 0x1f`.
            let next = bytes.get(at + phrase.len()).copied().unwrap_or(b' ');
            !(next.is_ascii_alphanumeric() || next == b'.' || next == b'_')
        })
    })
}

/// Edits of single letters from one word to another (Levenshtein), as far as [`LETTERS`] matter.
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    if one.len().abs_diff(two.len()) > LETTERS {
        return LETTERS + 1;
    }
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (n, a) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = n + 1;
        for (m, b) in two.iter().enumerate() {
            let cost = corner + usize::from(a != b);
            corner = row[m + 1];
            row[m + 1] = cost.min(corner + 1).min(row[m] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repair::{EditKind, Source};

    /// The factor of a change of `old`, which stands once in the text, to `new`.
    fn of(text: &str, others: &str, old: &str, new: &str) -> f64 {
        let at = text.find(old).unwrap();
        assert_eq!(text.matches(old).count(), 1);
        let sources = [
            Source { path: "a.js".to_owned(), text: text.to_owned() },
            Source { path: "b.js".to_owned(), text: others.to_owned() },
        ];
        let problem = Problem { sources: &sources, ..Problem::default() };
        let edit = Edit { path: "a.js".into(), range: at..at + old.len(), new: new.to_owned() };
        factor(
            &problem,
            &Candidate { edits: vec![edit], kind: EditKind::Name, score: 1.0, places: Vec::new() },
        )
    }

    fn is(factor: f64, expected: f64) {
        assert!((factor - expected).abs() < 1e-9, "{factor}, not {expected}");
    }

    #[test]
    fn a_line_that_stands_elsewhere_speaks_for_a_change() {
        let text = "function f(pairs) {\n  if (pairs.length !== 1) fail()\n}\n";
        let other = "function g(pairs) {\n  if (pairs.length !== 2) fail()\n}\n";
        is(of(text, other, "1", "2"), LINE_ELSEWHERE);
        is(of(text, "", "1", "2"), 1.0);
    }

    #[test]
    fn a_part_of_a_line_that_stands_elsewhere_speaks_for_a_change() {
        let text = "let index = y * self.height + x;\n";
        let other = "self.cells.get(y * self.width + x).copied()\n";
        is(of(text, other, "height", "width"), PHRASE_ELSEWHERE * UNKNOWN_MEMBER);
        is(of(text, other, "height", "depth"), 1.0);
        is(of(text, other, " * ", " + "), 1.0);
    }

    #[test]
    fn what_was_mistyped_stands_nowhere_else() {
        let text = "if (typeof a === 'string ') return 1\n";
        let other = "if (typeof b === 'string') return 2\n";
        is(of(text, other, "'string '", "'string'"), MISTYPED);
        is(of(text, "", "'string '", "'string'"), 1.0);
        is(of("open(\"THEAD\")\n", "close(\"thead\")\n", "\"THEAD\"", "\"thead\""), MISTYPED);
        is(of("x = Array.map(y)\n", "z = Array.isArray(z)\n", "map", "isArray"), UNKNOWN_MEMBER);
        is(of("x = Array.map(y)\n", "z = y.isArray(z)\n", "map", "isArray"), 1.0);
    }

    #[test]
    fn strange_and_pointless_code_speaks_against_one() {
        is(of("x = a || b\n", "y = c || d\n", "||", "??"), STRANGE_OPERATOR);
        is(of("x = a || b\n", "y = c ?? d\n", "||", "??"), 1.0);
        is(of("if (a <= 18) x()\n", "", "<=", "<"), 1.0);
        is(of("if (a <= 18) x()\n", "", "<=", "!="), STRANGE_OPERATOR);
        is(of("n = n + 18\n", "", "+", "%"), STRANGE_OPERATOR);
        is(of("n = n / 18\n", "", "/", "%"), 1.0);
        is(of("if (a % 4 == 0) x()\n", "", "%", "&"), STRANGE_BITS);
        is(of("result = result.append(n)\n", "", "result =", "other ="), STILL_NOTHING);
        is(of("result = result.append(n)\n", "", "result = ", ""), NO_MORE_NOTHING);
        is(of("x = n - 0\n", "m * 2", "-", "*"), 1.0);
        is(of("x = n - 0\n", "", "0", "1"), NO_MORE_POINTLESS);
        is(of("x = n - 2\n", "", "2", "0"), POINTLESS);
        is(of("x = n * 2\n", "", "2", "0.5"), 1.0);
    }

    #[test]
    fn letters_are_counted() {
        for (one, two, apart) in
            [("string ", "string", 1), ("colour", "color", 1), ("abc", "abc", 0), ("abcd", "x", 3)]
        {
            assert_eq!(distance(one, two), apart, "{one} {two}");
        }
    }
}
