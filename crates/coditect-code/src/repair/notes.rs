//! What compilers and run times say about places of a project: one note for each place that a message names with a
//! reason. All that differs is how a tool writes them, so they are read the same way whatever the language is.

use crate::languages::Language;
use crate::repair::Source;

/// Notes of one message.
const MOST: usize = 60;
/// Lines below the name of a file in which its error is looked for.
const BELOW: usize = 8;

/// Something that is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::repair) struct Note<'m> {
    /// The file, as an index into the sources.
    pub(in crate::repair) source: usize,
    /// From 1.
    pub(in crate::repair) line: u32,
    /// In characters, from 1; 0: not known.
    pub(in crate::repair) column: u32,
    /// What is wrong, on one line.
    pub(in crate::repair) said: &'m str,
    /// The lines below, up to the next note.
    pub(in crate::repair) rest: String,
}

/// The notes of a message, in its order. Those about files that are not among the sources are left out.
pub(in crate::repair) fn read<'m>(message: &'m str, sources: &[Source]) -> Vec<Note<'m>> {
    let lines: Vec<&str> = message.lines().collect();
    let mut heads = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if heads.len() >= MOST {
            break;
        }
        if let Some(note) = head(&lines, at, line, sources) {
            heads.push((at, note));
        }
    }
    let ends: Vec<usize> = heads.iter().skip(1).map(|(at, _)| *at).chain([lines.len()]).collect();
    let mut notes: Vec<Note<'m>> = Vec::new();
    for ((at, mut note), end) in heads.into_iter().zip(ends) {
        note.rest = lines[at + 1..end].join("\n");
        if note.column == 0 {
            note.column = caret(&note.rest);
        }
        notes.push(note);
    }
    notes
}

fn head<'m>(lines: &[&'m str], at: usize, line: &'m str, sources: &[Source]) -> Option<Note<'m>> {
    let bare = line.trim_start();
    // Places that explain an error, and frames of a stack, say nothing by themselves.
    if bare.starts_with(":::") || bare.starts_with("at ") || bare.starts_with("- ") {
        return None;
    }
    let (source, rest) = file_in(line, sources)?;
    let (row, column, rest) = position(rest)?;
    let said = trimmed(rest);
    let said = if !said.is_empty() {
        said
    } else if bare.starts_with("-->") {
        let mut above = lines[..at].iter().rev();
        above.find_map(|line| Some(&line[line.find("error").filter(|at| is_head(&line[..*at]))?..]))?.trim()
    } else {
        let below = lines.iter().skip(at + 1).take(BELOW);
        below.map(|line| line.trim()).find(|line| names_error(line))?
    };
    Some(Note { source, line: row, column, said, rest: String::new() })
}

/// Whether a line may be the head of an error, by what stands before the word.
fn is_head(before: &str) -> bool {
    before.is_empty() || before.ends_with("Error: ")
}

/// `SyntaxError: ...`, at the start of a line.
fn names_error(line: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(kind, _)| kind.split(' ').next().is_some_and(|kind| kind.ends_with("Error")))
}

/// The first source that a line names, with what stands behind its name.
fn file_in<'m>(line: &'m str, sources: &[Source]) -> Option<(usize, &'m str)> {
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        let from = rest.find(of_path)?;
        let run = &rest[from..];
        let len = run.find(|c| !of_path(c)).unwrap_or(run.len());
        let path = run[..len].trim_end_matches('.');
        if Language::of_path(path).is_some()
            && let Some(source) = find(path, sources)
        {
            return Some((source, &run[path.len()..]));
        }
        at += from + len;
    }
    None
}

fn of_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | '@' | '+' | '$')
}

/// True for a line as the compiler of Go writes it: `./a.go:3:5: undefined: x`.
pub(in crate::repair) fn is_go(line: &str) -> bool {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    line.split_once(".go:").is_some_and(|(path, rest)| {
        !path.contains(' ') && number(rest).is_some_and(|(_, rest)| rest.starts_with(':'))
    })
}

/// The place that a text names: the source, row and column (0: none).
pub(in crate::repair) fn place(text: &str, sources: &[Source]) -> Option<(usize, u32, u32)> {
    let (source, rest) = file_in(text, sources)?;
    let (row, column, _) = position(rest)?;
    Some((source, row, column))
}

/// The source that a message means by `path`, which may be longer or shorter than its own: the longest that fits.
pub(in crate::repair) fn find(path: &str, sources: &[Source]) -> Option<usize> {
    let path = path.trim_start_matches("./").replace('\\', "/");
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let all = || sources.iter().enumerate();
    let by_own = all().filter(|(_, source)| ends(&path, &source.path));
    let longest = by_own.max_by_key(|(_, source)| source.path.len()).map(|(n, _)| n);
    longest.or_else(|| all().find(|(_, source)| ends(&source.path, &path)).map(|(n, _)| n))
}

/// `:3:5`, `:3`, `(3,5)`, `:[3,5]` at the start of `rest`: row, column (0: none), what follows.
fn position(rest: &str) -> Option<(u32, u32, &str)> {
    if let Some(inner) = rest.strip_prefix('(').or_else(|| rest.strip_prefix(":[")) {
        let (row, rest) = number(inner)?;
        let (column, rest) = number(rest.strip_prefix(',')?.trim_start())?;
        return Some((row, column, rest.trim_start_matches([')', ']'])));
    }
    let after = rest.strip_prefix(':')?;
    if let Some((row, rest)) = number(after) {
        let column = rest.strip_prefix(':').and_then(number);
        let (column, rest) = column.unwrap_or((0, rest));
        return Some((row, column, rest));
    }
    // `SyntaxError: /project/x.js: Unexpected token (3:5)`
    let open = after.rfind('(')?;
    let (row, rest) = number(&after[open + 1..])?;
    let (column, rest) = number(rest.strip_prefix(':')?)?;
    rest.starts_with(')').then_some((row, column, &after[..open]))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// What is said behind a place.
fn trimmed(rest: &str) -> &str {
    let mut said = rest.trim_matches([':', ' ', '-', ')', ']', '\t']);
    for word in ["error", "ERROR"] {
        if let Some(rest) = said.strip_prefix(word)
            && rest.starts_with([':', ' '])
        {
            said = rest.trim_start_matches([':', ' ']);
        }
    }
    said
}

/// The column of a line that holds nothing but `^`.
fn caret(rest: &str) -> u32 {
    let line = rest.lines().take(4).find(|line| line.trim_start().starts_with('^'));
    line.and_then(|line| line.find('^')).and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
