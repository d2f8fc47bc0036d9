//! Signs that code was written for the very inputs of tests. Each of them stands in honest code too; together with what a
//! change does, and does not do, for other inputs they say something.

use std::collections::{BTreeMap, BTreeSet};

use crate::languages::Language;

use super::lines::{Line, Lines};
use super::{Asked, Changed, added};

/// The part of the results that red tests ask for, in hundredths, from which on code tells their answers.
const ANSWERS: usize = 75;
/// Digits of a number that nobody has by chance.
const DIGITS: usize = 3;
/// Values of a check that no line holds by chance.
const SEVERAL: usize = 3;
/// Lines of one shape that are a table, or a chain.
const CHAIN: usize = 2;
/// How many times the values of tests a table has that is none of theirs.
const TIMES: usize = 2;
/// Literals of a line that is a table: an entry more is what such a line is for.
const TABLE: usize = 4;

/// Signs in the added lines of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Where a value is told that a red test hands in: path and line.
    pub input: Option<(String, usize)>,
    /// Where most of the results are told that red tests ask for.
    pub answers: Option<(String, usize)>,
    /// Where something is compared with a number that stands in no test, no document and no code, or with several that
    /// red tests hand in.
    pub number: Option<(String, usize)>,
    /// It asks somewhere what is more.
    pub is_bounded: bool,
    /// It asks somewhere whether something is the same as a value that it names.
    pub is_matched: bool,
}

/// Values of red tests.
#[derive(Debug, Default)]
struct Asks {
    inputs: BTreeSet<String>,
    results: BTreeSet<String>,
    all: BTreeSet<String>,
    /// How many they are, each as often as it stands there.
    values: usize,
}

/// The signs in a change, as far as the tests that it is to turn green tell.
#[must_use]
pub fn signs(changes: &[Changed<'_>], asked: &Asked<'_>) -> Signs {
    let asks = asks(asked);
    let mut known = words(asked.request);
    for change in changes {
        known.extend(words(&without_examples(change.before)));
    }
    let (mut signs, mut results) = (Signs::default(), BTreeSet::new());
    let mut first_result = None;
    for change in changes {
        let Some(language) = Language::of_path(change.path) else { continue };
        let (before, after) = (Lines::of(language, change.before), Lines::of(language, change.after));
        let added = added(&before, &after);
        let shapes = Shapes::of(&before);
        for (number, line) in &added {
            let place = || (change.path.to_owned(), *number);
            let tokens = tokens(line);
            signs.is_bounded |= is_order(line);
            // One that holds more than tests ask for is made for more.
            if shapes.has(line) || line.literals.len() >= asks.values.saturating_mul(TIMES).max(TABLE) {
                continue;
            }
            let told: Vec<&String> = tokens.iter().filter(|token| asks.results.contains(*token)).collect();
            if !told.is_empty() {
                results.extend(told.into_iter().cloned());
                first_result.get_or_insert_with(place);
            }
            if is_order(line) {
                continue;
            }
            signs.is_matched |= is_equality(line) && !line.literals.is_empty();
            let is_new = |token: &&String| !known.contains(*token) && is_rich(token);
            let mut new = tokens.iter().filter(is_new);
            if signs.input.is_none() && new.clone().any(|token| asks.inputs.contains(token)) {
                signs.input = Some(place());
            }
            let is_odd = |token: &String| {
                token.len() >= DIGITS
                    && token.starts_with(|c: char| c.is_ascii_digit())
                    && !asks.all.contains(token)
            };
            let is_handed_in = |token: &&String| {
                asks.inputs.contains(*token) && token.starts_with(|c: char| c.is_ascii_digit())
            };
            let is_told = new.clone().filter(is_handed_in).count() >= 2 || new.any(is_odd);
            // Of what is divided, a remainder says more than that it is one number.
            let is_remainder = line.code.contains('%');
            if signs.number.is_none() && is_equality(line) && is_told && !is_remainder {
                signs.number = Some(place());
            }
        }
    }
    // One result may be a bound that the code is to keep.
    let says_much = match asks.results.len() {
        0 => false,
        1 => !signs.is_bounded && results.iter().any(|result| is_rich(result) && !known.contains(result)),
        all => results.len() * 100 >= all * ANSWERS,
    };
    signs.answers = first_result.filter(|_| says_much);
    signs
}

/// The lines that are no more than another entry of a table, or of a chain of the same questions: of one that was there, or of
/// one that holds more than the tests ask for.
pub(super) fn without_entries<'l>(
    before: &Lines,
    added: &[(usize, &'l Line)],
    checks: &[BTreeSet<String>],
) -> Vec<(usize, &'l Line)> {
    let old = Shapes::of(before);
    let mut new: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in added {
        *new.entry(shape(line)).or_default() += 1;
    }
    let is_entry = |line: &Line| {
        !line.literals.is_empty()
            && (old.has(line)
                || new.get(&shape(line)).is_some_and(|n| *n > checks.len() * TIMES && *n >= TABLE))
    };
    added.iter().filter(|(_, line)| !is_entry(line)).copied().collect()
}

/// The line, with the one below it, that tells a red test all of its own values: where nothing can be called, that has to do.
pub(super) fn branch(added: &[(usize, &Line)], checks: &[BTreeSet<String>]) -> Option<usize> {
    let says_much = |check: &&BTreeSet<String>| {
        check.len() >= SEVERAL || check.iter().filter(|value| is_rich(value)).count() >= 2
    };
    added.iter().enumerate().find_map(|(at, (number, line))| {
        let next = added.get(at + 1).filter(|(below, _)| *below == number + 1).map(|(_, line)| *line);
        let here: BTreeSet<String> = [Some(*line), next].into_iter().flatten().flat_map(tokens).collect();
        let is_table = line.literals.len() >= TABLE * TIMES;
        let told =
            checks.iter().filter(says_much).any(|check| check.iter().all(|value| here.contains(value)));
        (told && !is_table && !line.literals.is_empty()).then_some(*number)
    })
}

fn asks(asked: &Asked<'_>) -> Asks {
    let mut asks = Asks::default();
    for (path, text) in asked.red {
        let Some(language) = Language::of_path(path) else { continue };
        for (_, line) in Lines::of(language, text).all() {
            asks.all.extend(tokens(line));
            asks.values += line.literals.len();
            match line.literals.split_last() {
                Some((last, rest)) if super::values::is_check(line) && !rest.is_empty() => {
                    asks.results.insert(last.clone());
                    asks.inputs.extend(rest.iter().cloned());
                }
                Some(_) => asks.inputs.extend(line.literals.iter().cloned()),
                None => {}
            }
        }
    }
    asks.inputs.retain(|value| is_rich(value));
    asks
}

/// A line's literals, and the words and numbers within its texts.
fn tokens(line: &Line) -> BTreeSet<String> {
    let mut tokens: BTreeSet<String> = line.literals.iter().cloned().collect();
    tokens.extend(line.literals.iter().flat_map(|literal| words(literal)));
    tokens
}

fn words(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let words = text.split(|c: char| !is_part(c)).map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A text without the examples in its documents: a call with what it gives is a check.
fn without_examples(text: &str) -> String {
    let mut kept = String::new();
    let mut is_result = false;
    for line in text.lines() {
        let is_call = line.trim_start().starts_with(">>>");
        if !is_call && !is_result {
            kept.push_str(line);
            kept.push('\n');
        }
        is_result = is_call;
    }
    kept
}

/// A value that is not everywhere anyway.
fn is_rich(value: &str) -> bool {
    value.chars().count() >= 2 && !["10", "0.0", "1.0", "-1", "100"].contains(&value)
}

/// The line asks what is more, and not what is the same.
fn is_order(line: &Line) -> bool {
    let code = line.code.replace("->", "").replace("=>", "").replace("<<", "").replace(">>", "");
    (code.contains(['<', '>']) || code.contains("min(") || code.contains("max(")) && !is_equality(line)
}

fn is_equality(line: &Line) -> bool {
    ["==", "!=", ".equals(", "case "].iter().any(|sign| line.code.contains(sign))
}

/// The shapes of the lines that were there: one more line of a table, or of a chain of the same questions, is nothing special.
struct Shapes(BTreeMap<String, usize>);

impl Shapes {
    fn of(before: &Lines) -> Self {
        let mut shapes = BTreeMap::new();
        for (_, line) in before.all().filter(|(_, line)| !line.literals.is_empty()) {
            *shapes.entry(shape(line)).or_default() += 1;
            if line.literals.len() >= TABLE {
                shapes.insert(head(line), 1);
            }
        }
        Self(shapes)
    }

    fn has(&self, line: &Line) -> bool {
        self.0.get(&shape(line)).is_some_and(|n| *n >= CHAIN)
            || (line.literals.len() > TABLE && self.0.contains_key(&head(line)))
    }
}

/// The code with its numbers left open.
fn shape(line: &Line) -> String {
    let mut code = line.code.clone();
    for literal in line.literals.iter().filter(|literal| literal.starts_with(|c: char| c.is_ascii_digit())) {
        code = code.replacen(literal.as_str(), "#", 1);
    }
    code.trim_end_matches(',').to_owned()
}

/// The code up to its first literal.
fn head(line: &Line) -> String {
    let digit = line.code.find(|c: char| c.is_ascii_digit());
    let text = line.code.find("\"\"");
    let end = digit.into_iter().chain(text).min().unwrap_or(line.code.len());
    format!("{}...", &line.code[..end])
}
