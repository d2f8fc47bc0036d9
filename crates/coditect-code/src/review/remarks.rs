//! What a person would remark on in a change that passes: nothing of it is wrong enough to refuse the change, and all of it is worth
//! a look before it is taken.

use std::collections::BTreeMap;

use super::{Asked, Changed};
use crate::languages::{Language, is_test_path};

/// Remarks that are told at most.
const MOST: usize = 12;
/// Files of which it is said by name that the request did not name them.
const MOST_NAMED: usize = 3;

/// What is left in code while one looks for something, or puts something off. A call counts where the file has none yet.
const LEFTOVERS: &[(Language, &str, &str)] = &[
    (Language::Python, "breakpoint()", "stops in a debugger"),
    (Language::Python, "set_trace()", "stops in a debugger"),
    (Language::Python, "print(", "prints while it runs"),
    (Language::Python, "raise NotImplementedError", "leaves something to be written"),
    (Language::JavaScript, "debugger", "stops in a debugger"),
    (Language::JavaScript, "console.log(", "prints while it runs"),
    (Language::Rust, "dbg!(", "prints while it runs"),
    (Language::Rust, "todo!(", "leaves something to be written"),
    (Language::Rust, "unimplemented!(", "leaves something to be written"),
    (Language::Go, "fmt.Println(", "prints while it runs"),
    (Language::Java, "System.out.print", "prints while it runs"),
    (Language::Java, "printStackTrace()", "prints while it runs"),
];

/// Words that put work off.
const LATER: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// What is worth a look in a change, a line each, in the order of its files.
#[must_use]
pub fn remarks(changes: &[Changed<'_>], asked: &Asked<'_>) -> Vec<String> {
    let mut told: Vec<String> = changes.iter().flat_map(|change| of_file(change)).collect();
    told.extend(beyond(changes, asked.request));
    told.truncate(MOST);
    told
}

/// The lines that a change adds, with their numbers from 1.
fn added<'a>(change: &Changed<'a>) -> Vec<(usize, &'a str)> {
    let mut had: BTreeMap<&str, usize> = BTreeMap::new();
    change.before.lines().for_each(|line| *had.entry(line).or_default() += 1);
    let mut new = Vec::new();
    for (number, line) in (1..).zip(change.after.lines()) {
        match had.get_mut(line) {
            Some(n) if *n > 0 => *n -= 1,
            Some(_) | None => new.push((number, line)),
        }
    }
    new
}

fn of_file(change: &Changed<'_>) -> Vec<String> {
    let mut told = Vec::new();
    let added = added(change);
    let language = Language::of_path(change.path);
    let mut remark = |line: usize, what: String| told.push(format!("`{}` line {line} {what}", change.path));
    for (of, mark, what) in LEFTOVERS {
        if language.map(as_script) == Some(*of)
            && !change.before.contains(mark)
            && !is_test_path(change.path)
            && let Some((line, _)) = added.iter().find(|(_, text)| is_code(text, mark))
        {
            remark(*line, format!("{what} (`{}`)", mark.trim_end_matches('(')));
        }
    }
    for word in LATER {
        let has = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word);
        if let Some((line, _)) =
            added.iter().find(|(_, text)| has(text) && !change.before.contains(text.trim()))
        {
            remark(*line, format!("puts work off (`{word}`)"));
        }
    }
    let ends_blank = |text: &&str| text.ends_with([' ', '\t']);
    if language.is_some()
        && !change.before.lines().any(|line| ends_blank(&line))
        && let Some((line, _)) = added.iter().find(|(_, text)| ends_blank(text))
    {
        remark(*line, "ends with blanks, as no other line does".to_owned());
    }
    let indents = |mark: char| change.before.lines().any(|line| line.starts_with(mark));
    let (tabs, blanks) = (indents('\t'), indents(' '));
    let other = match (tabs, blanks) {
        (true, false) => Some((' ', "blanks, and the file by tabs")),
        (false, true) => Some(('\t', "tabs, and the file by blanks")),
        (true, true) | (false, false) => None,
    };
    if let Some((mark, what)) = other
        && let Some((line, _)) = added.iter().find(|(_, text)| text.starts_with(mark))
    {
        remark(*line, format!("is indented by {what}"));
    }
    told
}

/// TypeScript leaves behind what JavaScript does.
fn as_script(language: Language) -> Language {
    if language.is_script() { Language::JavaScript } else { language }
}

/// A mark that stands in the code of a line, at the beginning of a word, and not in its comment.
fn is_code(line: &str, mark: &str) -> bool {
    let code = line.split(" #").next().unwrap_or(line);
    let code = code.split("//").next().unwrap_or(code);
    let at = code.match_indices(mark).map(|(at, _)| at);
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    // What belongs to something else stands behind a point.
    let mut at = at.filter(|at| begins(*at) || mark == "set_trace()" || mark == "printStackTrace()");
    at.next().is_some() && !line.trim_start().starts_with(['#', '*'])
}

/// The request names files, and the change touches others of the same kind.
fn beyond(changes: &[Changed<'_>], request: &str) -> Option<String> {
    let name = |path: &str| path.rsplit('/').next().is_some_and(|name| request.contains(name));
    let (named, others): (Vec<&Changed<'_>>, Vec<&Changed<'_>>) =
        changes.iter().partition(|change| name(change.path));
    let others: Vec<&Changed<'_>> = others.into_iter().filter(|change| !change.before.is_empty()).collect();
    if named.is_empty() || others.is_empty() {
        return None;
    }
    let shown: Vec<String> =
        others.iter().take(MOST_NAMED).map(|change| format!("`{}`", change.path)).collect();
    let more = others.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("the request does not name {}{more}, which the change touches too", shown.join(", ")))
}
