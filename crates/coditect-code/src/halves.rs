//! A change, taken apart: its hunks, and the search for those of them that do harm.
//!
//! A change that does what it is for and breaks something else need not be given up whole. [`halve`] finds the fewest hunks
//! that break something (ddmin: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) and says
//! what is left without them; where that does not do what it is for any more, the fewest hunks that do. It runs nothing
//! itself: whoever asks says how a part ends.

use std::collections::{BTreeMap, BTreeSet};

use similar::{DiffOp, TextDiff};

/// Hunks that a change may have: with more, no part of it is looked for.
pub const MOST_HUNKS: usize = 64;
/// Bytes of a hunk that are told.
const TOLD: usize = 400;

/// A file before and after a change. None: it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Its bytes before.
    pub before: Option<Vec<u8>>,
    /// And after it.
    pub after: Option<Vec<u8>>,
}

/// Lines of a change that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Which of the files.
    file: usize,
    /// The first line that it replaces, from 0, and how many. None: the whole file.
    old: Option<(usize, usize)>,
    new: Vec<String>,
    /// Where it stands in the changed file, from 1: first and last line.
    lines: (usize, usize),
    removed: Vec<String>,
}

/// A change and its hunks.
#[derive(Clone, Debug)]
pub struct Parted {
    files: Vec<FileChange>,
    hunks: Vec<Hunk>,
}

/// How a part of a change ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It does what the change is for.
    pub does: bool,
    /// What it breaks.
    pub breaks: Vec<String>,
    /// It does what the change is for, and everything else is as it is to be.
    pub passes: bool,
}

/// What was found out about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halves {
    /// The hunks of a part that passes, if there is one.
    pub part: Option<Vec<usize>>,
    /// Hunks that break something, each with as few others as are needed for that, and what they break.
    pub harmful: Vec<(Vec<usize>, Vec<String>)>,
}

impl Parted {
    /// Takes a change apart.
    #[must_use]
    pub fn of(files: Vec<FileChange>) -> Self {
        let mut hunks = Vec::new();
        for (place, file) in files.iter().enumerate() {
            let text =
                |bytes: &Option<Vec<u8>>| bytes.clone().and_then(|bytes| String::from_utf8(bytes).ok());
            match (text(&file.before), text(&file.after)) {
                (Some(before), Some(after)) => hunks.extend(hunks_of(place, &before, &after)),
                (_, after) if file.before != file.after => {
                    let new: Vec<String> = after.iter().flat_map(|text| text.lines()).map(line).collect();
                    let lines = (1, new.len().max(1));
                    hunks.push(Hunk { file: place, old: None, new, lines, removed: Vec::new() });
                }
                _ => {}
            }
        }
        Self { files, hunks }
    }

    /// How many hunks it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hunks.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }

    /// The files of it.
    #[must_use]
    pub fn files(&self) -> &[FileChange] {
        &self.files
    }

    /// The files as they are with these hunks alone; only those that change.
    #[must_use]
    pub fn with(&self, keep: &[usize]) -> Vec<FileChange> {
        let mut by_file: BTreeMap<usize, Vec<&Hunk>> = BTreeMap::new();
        for hunk in keep.iter().filter_map(|place| self.hunks.get(*place)) {
            by_file.entry(hunk.file).or_default().push(hunk);
        }
        let changed = by_file.into_iter().filter_map(|(place, mut hunks)| {
            let file = self.files.get(place)?;
            let all = self.hunks.iter().filter(|hunk| hunk.file == place).count();
            // All of them are the file as it was written, to the byte.
            let after = if hunks.len() == all {
                file.after.clone()
            } else {
                hunks.sort_by_key(|hunk| (hunk.old, hunk.lines));
                Some(patched(file.before.as_deref().unwrap_or_default(), &hunks))
            };
            Some(FileChange { path: file.path.clone(), before: file.before.clone(), after })
        });
        changed.filter(|file| file.before != file.after).collect()
    }

    /// Where a hunk stands: `calc.py:12-14`.
    #[must_use]
    pub fn place(&self, hunk: usize) -> Option<String> {
        let hunk = self.hunks.get(hunk)?;
        let path = &self.files.get(hunk.file)?.path;
        Some(match hunk.lines {
            (first, last) if first == last => format!("{path}:{first}"),
            (first, last) => format!("{path}:{first}-{last}"),
        })
    }

    /// What a hunk changes, with `-` and `+` before the lines.
    #[must_use]
    pub fn text(&self, hunk: usize) -> String {
        let Some(hunk) = self.hunks.get(hunk) else { return String::new() };
        let lines =
            hunk.removed.iter().map(|line| ('-', line)).chain(hunk.new.iter().map(|line| ('+', line)));
        let mut text = String::new();
        for (sign, line) in lines {
            if text.len() + line.len() > TOLD {
                text.push_str("[...]\n");
                break;
            }
            text.push(sign);
            text.push_str(line.trim_end_matches(['\n', '\r']));
            text.push('\n');
        }
        text
    }
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

/// The hunks of a text file.
fn hunks_of(file: usize, before: &str, after: &str) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(before, after);
    let (old, new) = (lines(before), lines(after));
    let mut hunks = Vec::new();
    for op in diff.ops() {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (from, to) = (op.old_range(), op.new_range());
        let removed: Vec<String> = old.get(from.clone()).unwrap_or_default().to_vec();
        let pieces = pieces(new.get(to.clone()).unwrap_or_default());
        let (mut replaced, mut removed) = (from.len(), removed);
        let mut at = to.start;
        for piece in pieces {
            let last = at + piece.len();
            let lines = (at + 1, last.max(at + 1));
            // The first of them takes the place of what was there; the others come behind it.
            let first = if replaced > 0 { from.start } else { from.end };
            hunks.push(Hunk {
                file,
                old: Some((first, replaced)),
                new: piece,
                lines,
                removed: std::mem::take(&mut removed),
            });
            (at, replaced) = (last, 0);
        }
    }
    hunks
}

/// Lines with their ends.
fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// New lines, parted where something begins that is not inside of what came before it: behind blank lines, and no deeper. One
/// piece at least, which may have no lines.
fn pieces(new: &[String]) -> Vec<Vec<String>> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (mut pieces, mut piece): (Vec<Vec<String>>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut outermost, mut blank) = (usize::MAX, false);
    for line in new {
        if line.trim().is_empty() {
            blank = true;
            piece.push(line.clone());
            continue;
        }
        let begins = blank && indent(line) <= outermost && line.trim_start().starts_with(is_of_a_name);
        if begins && piece.iter().any(|line| !line.trim().is_empty()) {
            // Blank lines belong to what comes after them.
            let blank = piece.iter().rev().take_while(|line| line.trim().is_empty()).count();
            let next = piece.split_off(piece.len() - blank);
            pieces.push(std::mem::replace(&mut piece, next));
            outermost = usize::MAX;
        }
        outermost = outermost.min(indent(line));
        blank = false;
        piece.push(line.clone());
    }
    pieces.push(piece);
    pieces
}

/// A statement, a decorator or a comment begins so, and what closes a block does not.
fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '/' | '*')
}

/// The text with these hunks, which stand in order.
fn patched(before: &[u8], hunks: &[&Hunk]) -> Vec<u8> {
    let before = String::from_utf8_lossy(before);
    let old = lines(&before);
    let (mut text, mut at) = (String::new(), 0);
    // Where the last line has no end, what follows it is not to stand beside it.
    let mut push = |line: &String| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line);
    };
    for hunk in hunks {
        let (first, replaced) = hunk.old.unwrap_or((0, old.len()));
        old.get(at..first).unwrap_or_default().iter().for_each(&mut push);
        hunk.new.iter().for_each(&mut push);
        at = at.max(first + replaced);
    }
    old.get(at..).unwrap_or_default().iter().for_each(&mut push);
    text.into_bytes()
}

/// Says how a part ends; None: no more of them are tried.
pub type Look<'l, E> = &'l mut dyn FnMut(&[usize]) -> Result<Option<Seen>, E>;

/// Finds the fewest hunks of `all` that break something, and a part that passes. All of them together do what they are for
/// and break `broken`.
///
/// # Errors
/// What `look` says.
pub fn halve<E>(all: usize, broken: &[String], look: Look<'_, E>) -> Result<Halves, E> {
    let mut found = Halves::default();
    if !(2..=MOST_HUNKS).contains(&all) {
        return Ok(found);
    }
    let mut seen = Parts { look, known: BTreeMap::new(), is_spent: false };
    let whole: Vec<usize> = (0..all).collect();
    let first = Seen { does: true, breaks: broken.to_vec(), passes: false };
    seen.known.insert(whole.clone(), first);
    let mut rest = whole.clone();
    let mut least: Option<Vec<usize>> = None;
    // What is left still does what it is for, and still breaks something.
    while !rest.is_empty() && found.part.is_none() {
        let bad = fewest(&rest, &mut seen, |seen| !seen.breaks.is_empty())?;
        let breaks = seen.known.get(&bad).map(|seen| seen.breaks.clone()).unwrap_or_default();
        let with = rest.clone();
        rest.retain(|hunk| !bad.contains(hunk));
        let is_apart = bad.len() < all;
        if is_apart {
            found.harmful.push((bad.clone(), breaks));
        }
        match if is_apart { seen.of(&rest)? } else { None } {
            Some(end) if end.passes => found.part = Some(rest.clone()),
            Some(end) if end.does && !end.breaks.is_empty() => {}
            Some(_) | None => {
                // One of those that break something together may be needed: then another one of them goes.
                least = seen.without_one(&with, &bad)?;
                break;
            }
        }
    }
    if found.part.is_none() {
        // What breaks something may be a part of what is needed only by half.
        found.part = least.or_else(|| seen.that_passes());
    }
    if found.part.is_none() {
        fewest(&whole, &mut seen, |seen| seen.does)?;
        found.part = seen.that_passes();
    }
    Ok(found)
}

/// Parts whose ends are known.
struct Parts<'l, E> {
    look: Look<'l, E>,
    known: BTreeMap<Vec<usize>, Seen>,
    is_spent: bool,
}

impl<E> Parts<'_, E> {
    fn of(&mut self, part: &[usize]) -> Result<Option<Seen>, E> {
        if part.is_empty() {
            return Ok(Some(Seen::default()));
        }
        if let Some(known) = self.known.get(part) {
            return Ok(Some(known.clone()));
        }
        if self.is_spent {
            return Ok(None);
        }
        let Some(seen) = (self.look)(part)? else {
            self.is_spent = true;
            return Ok(None);
        };
        self.known.insert(part.to_vec(), seen.clone());
        Ok(Some(seen))
    }

    /// All but one of those that break something together, if that passes.
    fn without_one(&mut self, with: &[usize], bad: &[usize]) -> Result<Option<Vec<usize>>, E> {
        for out in bad.iter().filter(|_| bad.len() > 1) {
            let part: Vec<usize> = with.iter().copied().filter(|hunk| hunk != out).collect();
            if self.of(&part)?.is_some_and(|end| end.passes) {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// The largest of them that passes: what tests do not see may be what was asked for.
    fn that_passes(&self) -> Option<Vec<usize>> {
        let passing = self.known.iter().filter(|(_, seen)| seen.passes).map(|(part, _)| part);
        passing.max_by_key(|part| part.len()).cloned()
    }
}

/// A part of `from` that ends so, of which nothing can be taken away: ddmin. `from` ends so itself. Where no more is tried, the
/// smallest that was seen.
fn fewest<E>(
    from: &[usize],
    seen: &mut Parts<'_, E>,
    ends_so: impl Fn(&Seen) -> bool,
) -> Result<Vec<usize>, E> {
    let mut part = from.to_vec();
    let mut pieces = 2;
    while part.len() >= 2 {
        let size = part.len().div_ceil(pieces);
        let chunks: Vec<Vec<usize>> = part.chunks(size).map(<[usize]>::to_vec).collect();
        let without = |chunk: &Vec<usize>| -> Vec<usize> {
            let chunk: BTreeSet<&usize> = chunk.iter().collect();
            part.iter().filter(|hunk| !chunk.contains(hunk)).copied().collect()
        };
        let rests: Vec<Vec<usize>> =
            if chunks.len() > 2 { chunks.iter().map(without).collect() } else { Vec::new() };
        let mut smaller = None;
        for (is_rest, candidate) in
            chunks.iter().map(|chunk| (false, chunk)).chain(rests.iter().map(|rest| (true, rest)))
        {
            match seen.of(candidate)? {
                Some(end) if ends_so(&end) => {
                    smaller = Some((candidate.clone(), if is_rest { pieces.max(3) - 1 } else { 2 }));
                    break;
                }
                Some(_) => {}
                None => return Ok(part),
            }
        }
        match smaller {
            Some((next, with)) => (part, pieces) = (next, with),
            None if pieces >= part.len() => break,
            None => pieces = (pieces * 2).min(part.len()),
        }
    }
    Ok(part)
}

#[cfg(test)]
mod tests;
