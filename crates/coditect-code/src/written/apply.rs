//! From changes to new texts of files.

use std::collections::BTreeMap;

use super::Change;
use super::parts::{self, Shown};

/// Lines that stand for what their writer left out.
const LEFT_OUT: &[&str] = &[
    "rest of the code",
    "rest of code",
    "rest of the file",
    "existing code",
    "remaining code",
    "unchanged code",
    "code remains the same",
    "remains unchanged",
    "other methods",
    "other functions",
    "previous code",
    "same as before",
];

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file.
    pub path: String,
    /// Why, in a phrase.
    pub why: String,
}

/// What came of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The new text of each file that is another now.
    pub files: BTreeMap<String, String>,
    /// What was not made, in order.
    pub refused: Vec<Refused>,
}

/// Makes the changes, one on top of the other. `current` gives the text of a file, None where there is none.
pub fn apply(changes: &[Change], current: &dyn Fn(&str) -> Option<String>) -> Applied {
    apply_in_part(changes, current, &|_| None)
}

/// The same where functions are answered of those files of which `shown` says what was shown: what is answered of them as a file are
/// functions of it.
pub fn apply_in_part<'s>(
    changes: &[Change],
    current: &dyn Fn(&str) -> Option<String>,
    shown: &dyn Fn(&str) -> Option<Shown<'s>>,
) -> Applied {
    let mut applied = Applied::default();
    let is_part = |path: &str| shown(path).is_some() && current(path).is_some();
    for change in &parts::joined(changes, &is_part) {
        let path = change.path().to_owned();
        let before = applied.files.get(&path).cloned();
        // What was shown was shown of the file as it is.
        if before.is_some() && is_part(&path) && matches!(change, Change::Whole { .. }) {
            let why = "it is answered in two ways".to_owned();
            applied.refused.push(Refused { path, why });
            continue;
        }
        let original = before.or_else(|| current(&path));
        let style = Style::of(original.as_deref().unwrap_or_default());
        let gaps = shown(&path).and_then(|shown| style.plain_gaps(original.as_deref()?, shown));
        match make(change, original.as_deref().map(|text| style.plain(text)).as_deref(), gaps) {
            Ok(text) => {
                let text = style.put_on(&text, original.as_deref());
                applied.files.insert(path, text);
            }
            Err(why) => applied.refused.push(Refused { path, why }),
        }
    }
    applied.files.retain(|path, text| current(path).as_ref() != Some(text));
    applied
}

/// How a file ends its lines.
struct Style {
    crlf: bool,
    bom: bool,
}

impl Style {
    fn of(text: &str) -> Self {
        let lines = text.matches('\n').count();
        Self { crlf: lines > 0 && text.matches("\r\n").count() == lines, bom: text.starts_with('\u{feff}') }
    }

    /// What was not shown of a text, in the text without its marks.
    fn plain_gaps(&self, text: &str, shown: Shown<'_>) -> Option<Vec<(usize, usize)>> {
        let Shown::But(gaps) = shown else { return Some(vec![(0, usize::MAX)]) };
        let mark = if self.bom { '\u{feff}'.len_utf8() } else { 0 };
        let plain = |at: usize| {
            let before = text.get(..at)?;
            let ends = if self.crlf { before.matches("\r\n").count() } else { 0 };
            at.checked_sub(mark + ends)
        };
        // What does not go with the file was shown of another one.
        let all: Option<Vec<_>> =
            gaps.iter().map(|(first, end)| Some((plain(*first)?, plain(*end)?))).collect();
        Some(all.unwrap_or_else(|| vec![(0, usize::MAX)]))
    }

    fn plain(&self, text: &str) -> String {
        let text = if self.bom { text.trim_start_matches('\u{feff}') } else { text };
        if self.crlf { text.replace("\r\n", "\n") } else { text.to_owned() }
    }

    /// The text as the file has had it: its line ends, its mark, and whether its last line has an end.
    fn put_on(&self, text: &str, original: Option<&str>) -> String {
        let mut text = text.to_owned();
        if original.is_some_and(|original| !original.is_empty() && !original.ends_with('\n')) {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.crlf {
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        if self.bom { format!("\u{feff}{text}") } else { text }
    }
}

/// `gaps`: where functions are answered, what of the file was not shown.
fn make(
    change: &Change,
    original: Option<&str>,
    gaps: Option<Vec<(usize, usize)>>,
) -> Result<String, String> {
    match change {
        Change::Broken { .. } => Err("the answer ended before the block did".into()),
        Change::Whole { text, .. } => match (original.zip(gaps), left_out(text, original)) {
            (Some((original, gaps)), _) => parts::put_in(original, text, &gaps),
            (None, Some(line)) => Err(format!("the file is not whole: `{line}` stands for a part of it")),
            (None, None) => Ok(text.clone()),
        },
        Change::Replace { search, replace, .. } => match (original, search.trim().is_empty()) {
            (None, true) => Ok(replace.clone()),
            (Some(text), true) if text.trim().is_empty() => Ok(replace.clone()),
            (Some(_), true) => Err("the search is empty, and the file is not".into()),
            (None, false) => Err("there is no such file to search in".into()),
            (Some(text), false) => replaced(text, search, replace, None),
        },
        Change::Hunks { hunks, .. } => {
            let Some(text) = original else {
                let new = hunks.iter().filter(|(_, old, _)| old.is_empty()).map(|(_, _, new)| new.as_str());
                let whole: String = new.collect();
                return if whole.is_empty() { Err("there is no such file".into()) } else { Ok(whole) };
            };
            let mut text = text.to_owned();
            let mut shift = 0_isize;
            for (line, old, new) in hunks {
                let at = line.saturating_add_signed(shift);
                text = match old.as_str() {
                    "" => inserted(&text, at, new),
                    old => replaced(&text, old, new, Some(at))?,
                };
                let count = |text: &str| isize::try_from(text.lines().count()).unwrap_or(0);
                shift += count(new) - count(old);
            }
            Ok(text)
        }
    }
}

/// A line that says that something was left out and that did not stand in the file before.
pub(super) fn left_out<'t>(text: &'t str, original: Option<&str>) -> Option<&'t str> {
    text.lines().map(str::trim).find(|line| {
        let comment = ["#", "//", "/*", "--", "..."].iter().any(|mark| line.starts_with(mark));
        let lower = line.to_ascii_lowercase();
        let inner = lower.trim_start_matches(['#', '/', '*', '-', ' ']);
        let says = LEFT_OUT
            .iter()
            .any(|said| inner.contains(said) && (inner.contains("...") || inner.contains('…')));
        let dots =
            inner.starts_with("...") && inner.trim_matches(['.', ' ', '*', '/']).len() < 40 && *line != "...";
        comment && (says || dots) && !original.is_some_and(|original| original.contains(line))
    })
}

fn inserted(text: &str, line: usize, new: &str) -> String {
    let at = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut out = text.to_owned();
    out.insert_str(at, new);
    out
}

/// Whether a line of a file is the one that is searched for.
type Same<'a> = &'a dyn Fn(&str, &str) -> bool;

/// Puts `replace` in the place of the lines `search`: where they stand exactly, else but for blanks at line ends, else
/// with another indentation, which the new lines get too. `near`: of several places, the one at this line (from 1).
fn replaced(text: &str, search: &str, replace: &str, near: Option<usize>) -> Result<String, String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (wanted, new) = blocks(search, replace);
    let exact = |line: &str, want: &str| line.trim_end_matches(['\n', '\r']) == want;
    let loose = |line: &str, want: &str| line.trim_end() == want.trim_end();
    let shifted = |line: &str, want: &str| line.trim() == want.trim();
    let kinds: [Same<'_>; 3] = [&exact, &loose, &shifted];
    for (kind, same) in kinds.iter().enumerate() {
        let mut places = places(&lines, &wanted, *same);
        if kind == 2 {
            places.retain(|at| shift(&lines[*at..at + wanted.len()], &wanted).is_some());
        }
        let at = match (places.as_slice(), near) {
            ([], _) => continue,
            ([at], _) => *at,
            (several, Some(line)) => {
                let nearest = several.iter().min_by_key(|at| (*at + 1).abs_diff(line));
                *nearest.unwrap_or(&several[0])
            }
            (several, None) => {
                return Err(format!(
                    "the searched lines stand {} times in it: take more lines around them",
                    several.len()
                ));
            }
        };
        let standing = &lines[at..at + wanted.len()];
        let by = if kind == 2 { shift(standing, &wanted) } else { None };
        let ends = standing.last().is_some_and(|line| line.ends_with('\n'));
        let mut out: String = lines[..at].concat();
        for (n, line) in new.iter().enumerate() {
            out.push_str(&by.as_ref().map_or_else(|| (*line).to_owned(), |by| by.put_on(line)));
            if ends || n + 1 < new.len() {
                out.push('\n');
            }
        }
        out.push_str(&lines[at + wanted.len()..].concat());
        return Ok(out);
    }
    let first = wanted.iter().find(|line| !line.trim().is_empty()).copied().unwrap_or_default();
    Err(format!("the searched lines, from `{}` on, do not stand in it", first.trim()))
}

/// The lines of a search and of what takes their place, without empty ones around them that both have.
fn blocks<'t>(search: &'t str, replace: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let mut wanted: Vec<&str> = search.lines().collect();
    let mut new: Vec<&str> = if replace.trim().is_empty() { Vec::new() } else { replace.lines().collect() };
    let is_empty = |line: Option<&&str>| line.is_some_and(|line| line.trim().is_empty());
    while wanted.len() > 1 && is_empty(wanted.first()) {
        wanted.remove(0);
        if is_empty(new.first()) {
            new.remove(0);
        }
    }
    while wanted.len() > 1 && is_empty(wanted.last()) {
        wanted.pop();
        if is_empty(new.last()) {
            new.pop();
        }
    }
    (wanted, new)
}

fn places(lines: &[&str], wanted: &[&str], same: Same<'_>) -> Vec<usize> {
    if wanted.is_empty() || wanted.len() > lines.len() {
        return Vec::new();
    }
    let stands = |at: &usize| lines[*at..].iter().zip(wanted).all(|(line, want)| same(line, want));
    (0..=lines.len() - wanted.len()).filter(stands).collect()
}

/// By how much lines are indented otherwise, the same for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shift {
    More(String),
    Less(String),
}

impl Shift {
    fn put_on(&self, line: &str) -> String {
        match self {
            _ if line.trim().is_empty() => String::new(),
            Self::More(blanks) => format!("{blanks}{line}"),
            Self::Less(blanks) => line.strip_prefix(blanks.as_str()).unwrap_or(line.trim_start()).to_owned(),
        }
    }
}

fn shift(standing: &[&str], wanted: &[&str]) -> Option<Shift> {
    let mut found: Option<Shift> = None;
    for (line, want) in standing.iter().zip(wanted).filter(|(line, _)| !line.trim().is_empty()) {
        let (has, asks) = (indent(line), indent(want));
        let one = match (has.strip_suffix(asks), asks.strip_suffix(has)) {
            (Some(more), _) => Shift::More(more.to_owned()),
            (None, Some(less)) => Shift::Less(less.to_owned()),
            (None, None) => return None,
        };
        if found.get_or_insert_with(|| one.clone()) != &one {
            return None;
        }
    }
    found
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}
