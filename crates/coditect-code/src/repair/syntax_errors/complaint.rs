//! What a parser said is wrong, and where.

use coditect_types::TestResult;

use crate::repair::Source;

mod native;

/// Names of errors that say that a file does not parse.
const KINDS: &[&str] = &["SyntaxError", "IndentationError", "TabError"];

/// An error message about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Path of the file.
    pub(super) path: String,
    /// Row that it names, from 0.
    pub(super) row: usize,
    /// Row of the block's first line, where the message names one (`after 'if' statement on line 3`).
    pub(super) header: Option<usize>,
    /// The message.
    pub(super) said: String,
}

/// In which of its passes the parser of CPython gives up. A later pass comes to its errors only once the earlier
/// ones have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pass {
    /// Brackets, texts, indentation, characters.
    Tokens,
    /// Grammar.
    Grammar,
    /// What stands where it may not, as `return` outside a function.
    Scopes,
}

impl Complaint {
    pub(super) fn says(&self, words: &str) -> bool {
        self.said.contains(words)
    }

    /// True for errors of indentation.
    pub(super) fn is_layout(&self) -> bool {
        ["indent", "TabError", "use of tabs"].iter().any(|words| self.says(words))
    }

    pub(super) fn pass(&self) -> Pass {
        let says = |words: &[&str]| words.iter().any(|words| self.says(words));
        if says(&["outside ", "not properly in loop", "not in loop"]) {
            Pass::Scopes
        } else if says(&[
            "untermin",
            "unmatched",
            "does not match",
            "never closed",
            "tabs and spaces",
            "invalid character",
            "non-printable",
            "unexpected character",
            "null byte",
            "EOF",
        ]) {
            Pass::Tokens
        } else {
            Pass::Grammar
        }
    }

    /// The complaint of a red test, if that is what it failed on. `hint`: the file that is mended, for messages
    /// that name a file without its folder.
    pub(super) fn of_message(message: &str, sources: &[Source], hint: Option<&str>) -> Option<Self> {
        // The kind stands at the start of a line: a program may well talk about syntax errors.
        let names_kind = |line: &str| {
            KINDS.iter().any(|kind| {
                let line = line.trim_start_matches(['E', ' ']);
                line.split(&[':', ' '][..])
                    .next()
                    .is_some_and(|word| word == *kind || word.rsplit('.').next() == Some(kind))
                    || line.contains(&format!(": {kind}: "))
            })
        };
        if let Some(complaint) = native::complaint(message, sources) {
            return Some(complaint);
        }
        let line = message.lines().find(|line| names_kind(line))?;
        let mut places = places(message);
        places.reverse();
        let said = line.trim().to_owned();
        let found = places.iter().find_map(|(path, row)| Some((find(path, sources, hint)?, *row)));
        let (path, row) = match found {
            Some((path, row)) => (path.to_owned(), row),
            // Bytes that no program has are refused before lines are counted.
            None if said.contains("null byte") => {
                let nul = sources.iter().find(|source| source.text.contains('\0'))?;
                let at = nul.text.find('\0')?;
                (nul.path.clone(), nul.text[..at].matches('\n').count())
            }
            None => return None,
        };
        let header =
            said.find(" on line ").and_then(|at| number(&said[at + 9..])).map(|n| n.saturating_sub(1));
        Some(Self { path, row, header, said })
    }

    /// The complaint of a test's first run, whose frames name the file in full.
    pub(super) fn of_test(test: &TestResult, sources: &[Source]) -> Option<Self> {
        let typed = KINDS.iter().any(|kind| test.error_type.ends_with(kind));
        let message = if typed && !test.message.contains(&test.error_type) {
            format!("{}: {}", test.error_type, test.message)
        } else {
            test.message.clone()
        };
        let hint = test.frames.last().map(|frame| frame.file.as_str());
        let by_message = Self::of_message(&message, sources, hint);
        let by_frame = || {
            let frame = test.frames.last().filter(|_| typed)?;
            let source = sources.iter().find(|source| source.path == frame.file)?;
            let row = (frame.line as usize).saturating_sub(1);
            Some(Self { path: source.path.clone(), row, header: None, said: message.clone() })
        };
        by_message.or_else(by_frame).or_else(|| native::by_tree(&message, sources))
    }

    /// For a person: `expected ':' in line 3`.
    pub(super) fn brief(&self) -> String {
        let said = self.said.split(" (").next().unwrap_or_default();
        let said = KINDS.iter().fold(said, |said, kind| said.trim_start_matches(kind));
        let said = said.strip_prefix("error: ").unwrap_or(said);
        format!("line {}: {}", self.row + 1, said.trim_start_matches([':', ' ']))
    }
}

fn number(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// `File "pkg/mod.py", line 3` and `invalid syntax (mod.py, line 3)`: paths and rows, as they come.
fn places(message: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (at, sign) in message.match_indices(", line ") {
        let path = message[..at].trim_end_matches('"').rsplit(['"', '(', '\n']).next().unwrap_or_default();
        if let Some(line) = number(&message[at + sign.len()..]) {
            found.push((path, line.saturating_sub(1)));
        }
    }
    found
}

/// The file that a message means by `path`.
fn find<'s>(path: &str, sources: &'s [Source], hint: Option<&str>) -> Option<&'s str> {
    let matching =
        |own: &str| own == path || path.ends_with(&format!("/{own}")) || own.ends_with(&format!("/{path}"));
    let mut known = sources.iter().filter(|source| matching(&source.path)).map(|source| source.path.as_str());
    let first = known.next()?;
    Some(match hint {
        Some(hint) if hint != first => known.find(|own| *own == hint).unwrap_or(first),
        _ => first,
    })
}
