//! From text to changes.

use std::collections::BTreeSet;

use super::{Change, paths};

const SEARCH: &str = "<<<<<<<";
const DIVIDE: &str = "=======";
const REPLACE: &str = ">>>>>>>";

/// The changes that a text holds, in its order. `known`: the files that there are; a block without a path is about the only
/// one of them, if there is only one.
#[must_use]
pub fn read(text: &str, known: &BTreeSet<String>) -> Vec<Change> {
    read_all(text, known, false)
}

/// The same where functions are answered: a block without a path is about the file of the one before it.
#[must_use]
pub fn read_functions(text: &str, known: &BTreeSet<String>) -> Vec<Change> {
    read_all(text, known, true)
}

fn read_all(text: &str, known: &BTreeSet<String>, goes_on: bool) -> Vec<Change> {
    let lines = without_hollow(text.lines().collect());
    let mut changes = Vec::new();
    let mut at = 0;
    // Some models put in tags what they were shown in tags. In an answer with anything else that says what is changed, what stands
    // in tags was only quoted.
    let only_tags = !lines.iter().any(|line| opening(line).is_some() || line.starts_with(SEARCH));
    // The newest line that named a file.
    let mut named: Option<String> = None;
    // It named a part of one, as files are shown that are too long to be shown whole.
    let mut of_part = false;
    while at < lines.len() {
        let line = lines[at];
        if let Some((fence, info)) = opening(line) {
            let end = closing(&lines, at + 1, (fence, indent(line)));
            let mut body = &lines[at + 1..end.unwrap_or(lines.len())];
            let inside = naming(body, known);
            if let Some((path, rest)) = inside.filter(|_| !is_shown(info)) {
                // The path has a block of its own, or stands in the one that is about it.
                named = Some(path.to_owned());
                if rest.iter().all(|line| line.trim().is_empty()) && end.is_some() {
                    at = end.map_or(lines.len(), |end| end + 1);
                    continue;
                }
                body = rest;
            }
            let inner = body.iter().find(|line| !line.trim().is_empty());
            let before = || changes.last().map(|change: &Change| change.path().to_owned());
            // A heading such as `Box.half` is no file.
            let is_file = |path: &String| {
                !goes_on || known.contains(path) || path.contains('/') || path.ends_with(".py")
            };
            let path = paths::in_fence(info)
                .filter(is_file)
                .or_else(|| named.take().filter(is_file))
                .or_else(|| inner.and_then(|line| paths::in_comment(line, known)))
                .or_else(|| before().filter(|_| goes_on && !is_shown(info)));
            block(body, info, path, end.is_some(), known, &mut changes);
            at = end.map_or(lines.len(), |end| end + 1);
            named = None;
        } else if let Some((end, path)) =
            tagged(&lines, at).filter(|_| only_tags && !of_part).zip(named.clone())
        {
            block(&lines[at + 1..end], "", Some(path), true, known, &mut changes);
            at = end + 1;
            named = None;
        } else if line.starts_with(SEARCH) {
            let path = named.clone().or_else(|| only(known));
            at = replaces(&lines, at, path, known, &mut changes);
        } else if starts_file(&lines, at) {
            at = diff(&lines, at, named.take(), &mut changes);
        } else {
            if !line.trim().is_empty() {
                of_part = line.contains("(a part)");
                named = paths::in_prose(line, known).or_else(|| named.take().filter(|_| !is_talk(line)));
            }
            at += 1;
        }
    }
    changes
}

/// The files that a text asks to see: those of lines `NEED path`, each once.
#[must_use]
pub fn needs(text: &str) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for line in text.lines().map(|line| line.trim().trim_matches(['`', '*', '-', ' '])) {
        let Some(path) = line.strip_prefix("NEED ").or_else(|| line.strip_prefix("NEED: ")) else { continue };
        let path = path.trim().trim_matches(['`', '"', '\'']).trim_start_matches("./");
        if !path.is_empty() && !path.contains(char::is_whitespace) && !files.iter().any(|known| known == path)
        {
            files.push(path.to_owned());
        }
    }
    files
}

/// Prose between a path and its block: the path is not the block's any more after much of it.
fn is_talk(line: &str) -> bool {
    line.len() > 80
}

fn only(known: &BTreeSet<String>) -> Option<String> {
    known.first().filter(|_| known.len() == 1).cloned()
}

/// A fence that opens a block, and what stands behind it.
fn opening(line: &str) -> Option<(&str, &str)> {
    let inner = line.trim_start();
    let mark = inner.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = inner.chars().take_while(|c| *c == mark).count();
    let info = &inner[length..];
    (length >= 3 && line.len() - inner.len() <= 8 && !(mark == '`' && info.contains('`')))
        .then(|| (&inner[..length], info.trim()))
}

/// The lines without blocks of nothing before a tag: some models begin the block that they were asked for, end it at once, and then put what was to
/// be in it in the tags in which they were shown it.
fn without_hollow(mut lines: Vec<&str>) -> Vec<&str> {
    let next = |lines: &[&str], from: usize| {
        lines.iter().skip(from).position(|line| !line.trim().is_empty()).map(|at| from + at)
    };
    let mut at = 0;
    while at < lines.len() {
        let hollow = opening(lines[at]).and_then(|(fence, _)| {
            let end = next(&lines, at + 1).filter(|end| lines[*end].trim() == fence)?;
            let tag = next(&lines, end + 1)?;
            tagged(&lines, tag).map(|_| end)
        });
        match hollow {
            Some(end) => drop(lines.drain(at..=end)),
            None => at += 1,
        }
    }
    lines
}

/// What is in a file that stands in the tags in which it was shown, within its fence. They are words of ours, which no code begins and ends with.
fn untagged<'l, 'b>(body: &'b [&'l str]) -> &'b [&'l str] {
    let of_text = |line: &str| line.trim().strip_prefix('<').is_some_and(|tag| tag.starts_with("text"));
    let Some(first) = body.iter().position(|line| !line.trim().is_empty()) else { return body };
    match tagged(body, first).filter(|_| of_text(body[first])) {
        Some(end) if body[end + 1..].iter().all(|line| line.trim().is_empty()) => &body[first + 1..end],
        Some(_) | None => body,
    }
}

/// Where the block ends that a tag opens, alone on its line.
fn tagged(lines: &[&str], at: usize) -> Option<usize> {
    let tag = lines[at].trim().strip_prefix('<')?.strip_suffix('>')?;
    let close = format!("</{tag}>");
    let end = lines[at + 1..].iter().position(|line| line.trim() == close)?;
    matches!(tag, "text" | "code" | "file" | "content" | "source").then_some(at + 1 + end)
}

/// The blanks before a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The line of the fence that closes a block. One that is further in (CommonMark, 4.5: by more than three blanks) is of what is in it, such
/// as a documentation string with an example.
fn closing(lines: &[&str], from: usize, (fence, own): (&str, usize)) -> Option<usize> {
    let closes = |line: &&str| {
        let inner = line.trim();
        inner.starts_with(fence) && inner.chars().all(|c| fence.starts_with(c))
    };
    let rest = &lines[from..];
    let loose = rest.iter().position(closes);
    let strict = rest.iter().position(|line| closes(line) && indent(line) <= own + 3);
    // Some indent the fence as what is before it: then another block begins before one that is not indented.
    let begins =
        |range: &[&str]| range.iter().any(|line| opening(line).is_some_and(|(_, info)| !info.is_empty()));
    let found = match (loose, strict) {
        (Some(loose), Some(strict)) if loose < strict && begins(&rest[loose + 1..strict]) => Some(loose),
        (_, Some(strict)) => Some(strict),
        (loose, None) => loose,
    };
    found.map(|at| from + at)
}

/// A fenced block.
fn block(
    body: &[&str],
    info: &str,
    path: Option<String>,
    closed: bool,
    known: &BTreeSet<String>,
    changes: &mut Vec<Change>,
) {
    if let Some(first) = body.iter().position(|line| line.starts_with(SEARCH)) {
        // A path may stand within the fence.
        let inner = body[..first].iter().rev().find(|line| !line.trim().is_empty());
        let path = inner.and_then(|line| paths::in_prose(line, known)).or(path).or_else(|| only(known));
        let mut at = first;
        let mut path = path;
        while at < body.len() {
            if body[at].starts_with(SEARCH) {
                at = replaces(body, at, path.clone(), known, changes);
            } else {
                path = paths::in_prose(body[at], known).or(path);
                at += 1;
            }
        }
        return;
    }
    let is_diff = matches!(info.split_whitespace().next(), Some("diff" | "patch" | "udiff"));
    if let Some(first) = (0..body.len()).find(|at| starts_file(body, *at)) {
        let mut at = first;
        while at < body.len() {
            at = if starts_file(body, at) { diff(body, at, path.clone(), changes) } else { at + 1 };
        }
        return;
    }
    if is_diff {
        if let (Some(path), Some(first)) =
            (path.or_else(|| only(known)), body.iter().position(|l| l.starts_with("@@")))
        {
            hunks(body, first, path, changes);
        }
        return;
    }
    let Some(path) = path.or_else(|| only(known).filter(|_| !is_shown(info))) else { return };
    if !closed {
        changes.push(Change::Broken { path });
        return;
    }
    let is_markup = ["xml", "html", "svg"].iter().any(|ending| path.ends_with(ending));
    let mut body = if is_markup { body } else { untagged(body) };
    if body.first().is_some_and(|line| paths::in_comment(line, known).is_some_and(|named| named == path))
        && !info.is_empty()
    {
        body = &body[1..];
    }
    let text = if body.is_empty() { String::new() } else { format!("{}\n", body.join("\n")) };
    changes.push(Change::Whole { path, text });
}

/// The file that is known and is all that the first line of a block says, and what stands below it.
fn naming<'l>(body: &'l [&'l str], known: &BTreeSet<String>) -> Option<(&'l str, &'l [&'l str])> {
    let first = body.iter().position(|line| !line.trim().is_empty())?;
    let path = body.get(first)?.trim();
    let rest = &body[first + 1..];
    // A list of files is none of them.
    let is_list = rest.iter().any(|line| known.contains(line.trim()));
    (known.contains(path) && !is_list).then_some((path, rest))
}

/// What is run in a shell, or shown as output, is no file.
fn is_shown(info: &str) -> bool {
    matches!(info.split_whitespace().next(), Some("sh" | "bash" | "shell" | "console" | "text" | "output"))
}

/// One block of lines to search and lines to put there; where it ends.
fn replaces(
    lines: &[&str],
    from: usize,
    path: Option<String>,
    known: &BTreeSet<String>,
    changes: &mut Vec<Change>,
) -> usize {
    let divide = lines[from + 1..].iter().position(|line| line.starts_with(DIVIDE)).map(|at| from + 1 + at);
    let Some(divide) = divide else {
        changes.extend(path.map(|path| Change::Broken { path }));
        return lines.len();
    };
    let end = lines[divide + 1..].iter().position(|line| line.starts_with(REPLACE)).map(|at| divide + 1 + at);
    // The marker may carry the path: `<<<<<<< SEARCH src/a.py`.
    let path = lines[from].split_whitespace().skip(1).find_map(|word| paths::in_prose(word, known)).or(path);
    let Some(path) = path else { return end.map_or(lines.len(), |end| end + 1) };
    let Some(end) = end else {
        changes.push(Change::Broken { path });
        return lines.len();
    };
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let (search, replace) = (text(&lines[from + 1..divide]), text(&lines[divide + 1..end]));
    changes.push(Change::Replace { path, search, replace });
    end + 1
}

/// Whether one file of a unified diff starts here: its two head lines.
fn starts_file(lines: &[&str], at: usize) -> bool {
    lines[at].starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ "))
}

/// One file of a unified diff, from the first of its two head lines; where it ends.
fn diff(lines: &[&str], from: usize, named: Option<String>, changes: &mut Vec<Change>) -> usize {
    let path_of = |line: &str| {
        let path = line[4..].split('\t').next().unwrap_or_default().trim();
        (path != "/dev/null").then(|| {
            let bare = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path);
            bare.trim_start_matches("./").to_owned()
        })
    };
    let path = path_of(lines[from + 1]).or_else(|| path_of(lines[from])).or(named);
    match path {
        Some(path) => hunks(lines, from + 2, path, changes),
        None => from + 2,
    }
}

/// The hunks from a line on; where they end.
fn hunks(lines: &[&str], from: usize, path: String, changes: &mut Vec<Change>) -> usize {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let mut at = from;
    while at < lines.len() {
        let line = lines[at];
        if line.starts_with("@@") {
            found.push((start_of(line), String::new(), String::new()));
        } else if let Some((_, old, new)) = found.last_mut() {
            match line.as_bytes().first() {
                Some(b'-') if starts_file(lines, at) => break,
                Some(b'-') => old.push_str(&format!("{}\n", &line[1..])),
                Some(b'+') => new.push_str(&format!("{}\n", &line[1..])),
                Some(b'\\') => {}
                Some(b' ') => {
                    old.push_str(&format!("{}\n", &line[1..]));
                    new.push_str(&format!("{}\n", &line[1..]));
                }
                // An empty line of context whose blank was lost.
                None => {
                    old.push('\n');
                    new.push('\n');
                }
                Some(_) => break,
            }
        } else if !line.trim().is_empty() {
            break;
        }
        at += 1;
    }
    // Empty lines after the last hunk are the prose's.
    for (_, old, new) in &mut found {
        while old.ends_with("\n\n") && new.ends_with("\n\n") {
            old.pop();
            new.pop();
        }
    }
    found.retain(|(_, old, new)| old != new);
    if !found.is_empty() {
        changes.push(Change::Hunks { path, hunks: found });
    }
    at.max(from)
}

/// The first old line of a hunk's heading; 1 where it does not say.
fn start_of(line: &str) -> usize {
    let digits = line.trim_start_matches('@').trim_start().strip_prefix('-').unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(1)
}
