//! Changes that were accepted before, made again where the code is of the same form: names are holes that the new place
//! fills, and what stands around the change says how sure it is to be the place.
//!
//! An abstraction of names with the context of the change, as in Getafix (Bader et al., "Getafix: Learning to Fix Bugs
//! Automatically", 2019), over tokens in place of trees, so that every language has it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use coditect_ports::PortError;
use coditect_ports::memory::{PastEdit, Recalled};
use coditect_types::{EpisodeId, Reused};

use crate::repair::layers::{Overlay, compose};
use crate::repair::pick::{self, Survivor};
use crate::repair::search::batch::on_threads;
use crate::repair::search::quick;
use crate::repair::{Candidate, Edit, EditKind, Means, Problem, Progress, Sought, Source};

mod parts;
mod tokens;

use parts::{Fate, fate};
use tokens::{Kind, Token, lex};

/// Tokens on each side that a place must have in common with the one that was changed: all of them, or fewer for less trust.
const AROUND: [(usize, f64); 3] = [(8, 1.0), (4, 0.5), (2, 0.2)];
/// A pattern of fewer tokens fits anywhere.
const LEAST: usize = 4;
/// Candidates that are tried, and those that are tried before the survivors among them are looked at.
const MOST: usize = 240;
const TOGETHER: usize = 16;
/// Places of one change, and those that are looked at for one.
const MOST_PLACES: usize = 60;
const MOST_FITS: usize = 400;
/// Files above this are tables or generated, bytes; and what is compared in all, tokens.
const LARGEST: usize = 300_000;
const MOST_COMPARED: usize = 40_000_000;
/// A place that no red test runs.
const UNSUSPECTED: f64 = 0.1;

/// An edit, in an order: its file, the bytes from and to, what stands there then.
type Fit = (Arc<str>, usize, usize, String);

/// A file as patterns are held against it.
struct Read<'t> {
    source: &'t Source,
    tokens: Vec<Token<'t>>,
    words: BTreeSet<&'t str>,
    lines: Vec<usize>,
}

impl<'t> Read<'t> {
    fn of(source: &'t Source) -> Self {
        let tokens = lex(&source.path, &source.text);
        let words = tokens.iter().map(|token| token.text).collect();
        let lines = source.text.match_indices('\n').map(|(at, _)| at).collect();
        Self { source, tokens, words, lines }
    }
}

/// A change as a pattern.
struct Pattern<'a> {
    left: &'a [Token<'a>],
    core: &'a [Token<'a>],
    right: &'a [Token<'a>],
    /// What stands in the core's place afterwards, with the gaps on both sides where these belong to it.
    instead: Instead<'a>,
    /// The indentation of the line where it begins.
    indent: usize,
}

struct Instead<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    /// Where `text` begins in the file that `tokens` count in.
    offset: usize,
}

/// Whether any of these changes can be made in these sources.
#[must_use]
pub fn fits(sources: &[Source], recalled: &[Recalled]) -> bool {
    let problem =
        Problem { sources, others: &[], suspects: &[], red: &[], request: "", refused: &[], seed: 0 };
    !likely(&problem, recalled).is_empty()
}

/// Tries the changes that memory has. What every test accepts is looked at as in any search.
pub fn recall(
    problem: &Problem<'_>,
    means: &Means<'_>,
    recalled: &[Recalled],
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Sought {
    let made = candidates(problem, recalled);
    let deadline = means.clock.monotonic_us().saturating_add(means.limits.wall_ms.saturating_mul(1_000));
    let ids: Vec<String> = quick(problem.red).map(|test| test.id.clone()).collect();
    let mut sought = Sought::default();
    let (mut survivors, mut breaking) = (Vec::new(), Vec::new());
    let within = means.limits.within.as_ref();
    let wanted = |made: &&Made| within.is_none_or(|within| within.allows(&made.candidate));
    let made: Vec<&Made> = made.iter().filter(wanted).take(MOST).collect();
    let mut held: BTreeMap<EpisodeId, bool> = BTreeMap::new();
    for batch in made.chunks(TOGETHER) {
        let over = means.stop.is_wanted() || means.clock.monotonic_us() >= deadline;
        if over || !survivors.is_empty() {
            sought.at_limit = over;
            break;
        }
        if let Err(trouble) = ready(means, batch) {
            sought.trouble = Some(trouble).filter(|_| !means.stop.is_wanted());
            break;
        }
        let trials = on_threads(means, batch, (&AtomicU64::new(deadline), |_: &_| false), |made| {
            fate(means, &made.overlay, &ids)
        });
        for (made, fate) in batch.iter().zip(trials) {
            match fate {
                Some(Ok(fate)) => {
                    sought.tried += 1;
                    sought.trials += 1;
                    let survivor = made.survivor();
                    let fate = fate.unless(pick::is_refused(problem, &survivor));
                    made.count(recalled, matches!(fate, Fate::Passes), &mut held);
                    match fate {
                        Fate::Passes => survivors.push(survivor),
                        Fate::Breaks(tests) => breaking.push((survivor, tests)),
                        Fate::DoesNot => {}
                    }
                }
                Some(Err(trouble)) => sought.trouble = Some(trouble),
                None => sought.at_limit = true,
            }
        }
        if sought.trouble.is_some() {
            sought.reused = reused(held);
            return sought;
        }
        progress(Progress {
            tried: sought.tried,
            nearest: 0,
            red: ids.len(),
            survivors: survivors.len(),
            trying: "what was right before".to_owned(),
        });
    }
    sought.reused = reused(held);
    let mut left_out = String::new();
    if survivors.is_empty() {
        match parts::part_that_passes(problem, means, &breaking, (&ids, deadline)) {
            Ok(Some((part, out))) => (survivors, left_out) = (vec![part], out),
            Ok(None) => {}
            Err(trouble) => sought.trouble = Some(trouble).filter(|_| !means.stop.is_wanted()),
        }
    }
    let passing = survivors.len();
    let mut found = pick::choose(problem, means, survivors).found;
    sought.best = if found.is_empty() { None } else { Some(found.remove(0)) };
    if let Some(best) = &mut sought.best {
        best.explanation.push_str(&left_out);
    }
    sought.runners_up = found;
    sought.account = account(sought.tried, passing);
    sought
}

/// Tells the judge what is coming, where it can do with one start for many.
fn ready(means: &Means<'_>, batch: &[&Made]) -> Result<(), PortError> {
    if !means.judge.spares_starts() {
        return Ok(());
    }
    let ready: Vec<_> = batch.iter().map(|made| (&made.candidate, &made.overlay)).collect();
    means.judge.ready(&ready)
}

/// What came of it, in a sentence.
fn account(tried: u64, passing: usize) -> String {
    match (tried, passing) {
        (0, _) => "Nothing that memory has fits this code.".to_owned(),
        (tried, 0) => format!("{tried} changes that were right elsewhere were tried; none is right here."),
        (tried, passing) => {
            format!("{tried} changes that were right elsewhere were tried; {passing} pass every test.")
        }
    }
}

/// A change that memory has, at a place that it fits.
struct Made {
    candidate: Candidate,
    overlay: Overlay,
    /// Those of the recalled that it is made of.
    of: Vec<usize>,
}

impl Made {
    fn survivor(&self) -> Survivor {
        Survivor { candidate: self.candidate.clone(), overlay: self.overlay.clone() }
    }

    /// Says of the episodes that it is made of whether it is right here.
    fn count(&self, recalled: &[Recalled], survives: bool, held: &mut BTreeMap<EpisodeId, bool>) {
        for of in &self.of {
            *held.entry(recalled[*of].episode.clone()).or_default() |= survives;
        }
    }
}

fn reused(held: BTreeMap<EpisodeId, bool>) -> Vec<Reused> {
    held.into_iter().map(|(episode, held)| Reused { episode, held }).collect()
}

/// The changes that memory has at each place that they fit, as candidates, the surest first.
fn candidates(problem: &Problem<'_>, recalled: &[Recalled]) -> Vec<Made> {
    let made = |Likely { score, edits, of }| {
        let draft = Candidate { edits, kind: EditKind::Remembered, score, places: Vec::new() };
        let overlay = draft.apply(problem.sources)?;
        let candidate = compose(problem, &overlay, EditKind::Remembered, score)?;
        Some(Made { candidate, overlay, of })
    };
    likely(problem, recalled).into_iter().filter_map(made).collect()
}

/// The same as edits.
struct Likely {
    score: f64,
    edits: Vec<Edit>,
    of: Vec<usize>,
}

fn likely(problem: &Problem<'_>, recalled: &[Recalled]) -> Vec<Likely> {
    let read: Vec<Read<'_>> =
        problem.sources.iter().filter(|source| source.text.len() <= LARGEST).map(Read::of).collect();
    let mut room = MOST_COMPARED;
    let mut best: BTreeMap<Vec<Fit>, Likely> = BTreeMap::new();
    for (of, past) in recalled.iter().enumerate() {
        let places: Vec<Vec<(f64, Edit)>> =
            past.edits.iter().map(|edit| places(problem, edit, &read, &mut room)).collect();
        if places.is_empty() || places.iter().any(Vec::is_empty) {
            continue;
        }
        // Of a change in one place, each place that fits; of one in several, the surest of each.
        let changes: Vec<(f64, Vec<Edit>)> = match places.as_slice() {
            [one] => one.iter().map(|(score, edit)| (*score, vec![edit.clone()])).collect(),
            many => {
                let surest = many.iter().filter_map(|all| all.first());
                let score = surest.clone().map(|(score, _)| *score).fold(1.0, f64::min);
                vec![(score, surest.map(|(_, edit)| edit.clone()).collect())]
            }
        };
        for (score, mut edits) in changes {
            edits.sort_by(|a, b| (&a.path, a.range.start).cmp(&(&b.path, b.range.start)));
            let key = edits
                .iter()
                .map(|edit| (Arc::clone(&edit.path), edit.range.start, edit.range.end, edit.new.clone()))
                .collect();
            let known = best.entry(key).or_insert(Likely { score: 0.0, edits, of: Vec::new() });
            known.score = known.score.max(score * past.likeness);
            if known.of.last() != Some(&of) {
                known.of.push(of);
            }
        }
    }
    let mut likely: Vec<Likely> = best.into_values().collect();
    likely.sort_by(|a, b| b.score.total_cmp(&a.score));
    likely.truncate(MOST);
    likely
}

/// Where a past edit fits, the surest first. `room`: tokens that may be compared still.
fn places(problem: &Problem<'_>, past: &PastEdit, read: &[Read<'_>], room: &mut usize) -> Vec<(f64, Edit)> {
    let (before, after) = (lex(&past.path, &past.before), lex(&past.path, &past.after));
    let mut found: BTreeMap<Fit, f64> = BTreeMap::new();
    for (around, trust) in AROUND {
        let Some(pattern) = pattern((past, &before, &after), around) else { continue };
        for file in read {
            let source = file.source;
            if extension(&source.path) != extension(&past.path) {
                continue;
            }
            let path: Arc<str> = Arc::from(source.path.as_str());
            for at in 0..file.tokens.len() {
                if *room == 0 || found.len() >= MOST_FITS {
                    break;
                }
                *room -= 1;
                let Some((range, new, alike)) = fill(&pattern, file, at) else { continue };
                let same_file = if source.path == past.path { 1.0 } else { 0.8 };
                let score = trust * alike * same_file * suspicion(problem, file, range.start);
                let key = (Arc::clone(&path), range.start, range.end, new);
                let known = found.entry(key).or_insert(0.0);
                *known = known.max(score);
            }
        }
    }
    let mut all: Vec<(f64, Edit)> = found
        .into_iter()
        .map(|((path, start, end, new), score)| (score, Edit { path, range: start..end, new }))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(MOST_PLACES);
    all
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// How much the red tests suspect the line.
fn suspicion(problem: &Problem<'_>, file: &Read<'_>, at: usize) -> f64 {
    if problem.suspects.is_empty() {
        return 1.0;
    }
    let line = file.lines.partition_point(|end| *end < at) + 1;
    let near = |suspect: &&coditect_types::Suspect| {
        suspect.file == file.source.path && (suspect.line as usize).abs_diff(line) <= 1
    };
    let most = problem.suspects.iter().map(|suspect| suspect.score).fold(f64::MIN_POSITIVE, f64::max);
    let own = problem.suspects.iter().filter(near).map(|suspect| suspect.score).fold(0.0, f64::max);
    UNSUSPECTED.max(own / most)
}

/// The change with so many tokens around it. None: too little is left of it to be known again.
fn pattern<'a>(
    (past, before, after): (&'a PastEdit, &'a [Token<'a>], &'a [Token<'a>]),
    around: usize,
) -> Option<Pattern<'a>> {
    let same = |(a, b): &(&Token<'_>, &Token<'_>)| a.text == b.text;
    let prefix = before.iter().zip(after).take_while(same).count();
    let rest = before.len().min(after.len()) - prefix;
    let suffix = before.iter().rev().zip(after.iter().rev()).take_while(same).count().min(rest);
    let (core, new) = (&before[prefix..before.len() - suffix], &after[prefix..after.len() - suffix]);
    if core.is_empty() && new.is_empty() {
        return None;
    }
    let left = &before[prefix.saturating_sub(around)..prefix];
    let right = &before[before.len() - suffix..(before.len() - suffix + around).min(before.len())];
    let firm = left.iter().chain(core).chain(right).filter(|token| !is_hole(token)).count();
    if left.len() + core.len() + right.len() < LEAST || firm < 2 {
        return None;
    }
    // A gap belongs to the change where there is nothing on one of the sides of it.
    let gaps = core.is_empty() || new.is_empty();
    let begin = match (gaps, prefix.checked_sub(1)) {
        (true, Some(last)) => after[last].range.end,
        (true, None) => 0,
        (false, _) => new.first()?.range.start,
    };
    let end = match (gaps, suffix) {
        (true, 0) => past.after.len(),
        (true, _) => after[after.len() - suffix].range.start,
        (false, _) => new.last()?.range.end,
    };
    let place = core.first().or(right.first()).or(left.last()).map_or(0, |token| token.range.start);
    let instead = Instead { text: past.after.get(begin..end)?, tokens: new, offset: begin };
    Some(Pattern { left, core, right, instead, indent: indentation(&past.before, place) })
}

fn is_hole(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Name | Kind::Text)
}

/// How far the line at this place is indented, bytes.
fn indentation(text: &str, at: usize) -> usize {
    let begin = text[..at.min(text.len())].rfind('\n').map_or(0, |end| end + 1);
    text[begin..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The change at this token: the bytes that it takes the place of, what stands there then, and how alike the names are. None: it does
/// not fit.
fn fill(pattern: &Pattern<'_>, file: &Read<'_>, at: usize) -> Option<(Range<usize>, String, f64)> {
    let (text, tokens) = (file.source.text.as_str(), &file.tokens);
    let length = pattern.left.len() + pattern.core.len() + pattern.right.len();
    let here = tokens.get(at..at + length)?;
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut alike, mut holes) = (0_usize, 0_usize);
    for (token, wanted) in here.iter().zip(pattern.left.iter().chain(pattern.core).chain(pattern.right)) {
        if token.kind != wanted.kind {
            return None;
        }
        if !is_hole(wanted) {
            // A word that is firm in the pattern, or a sign.
            if token.text != wanted.text {
                return None;
            }
            continue;
        }
        if *names.entry(wanted.text).or_insert(token.text) != token.text {
            return None;
        }
        holes += 1;
        alike += usize::from(token.text == wanted.text);
    }
    let (left, core) = (pattern.left.len(), pattern.core.len());
    let gaps = core == 0 || pattern.instead.tokens.is_empty();
    let start = match (gaps, left) {
        (true, 0) => here.first()?.range.start,
        (true, left) => here[left - 1].range.end,
        (false, left) => here[left].range.start,
    };
    let end = match (gaps, here.get(left + core)) {
        (true, Some(next)) => next.range.start,
        (true, None) | (false, _) => here[left + core - 1].range.end,
    };
    let old = text.get(start..end)?;
    if !is_bare(old, start, here) {
        return None;
    }
    let mut new = String::new();
    let mut done = pattern.instead.offset;
    for token in pattern.instead.tokens {
        let piece = pattern
            .instead
            .text
            .get(done - pattern.instead.offset..token.range.start - pattern.instead.offset)?;
        // A comment of the other place is none of this one.
        if !piece.trim().is_empty() {
            return None;
        }
        new.push_str(piece);
        let name = names.get(token.text).copied();
        // A name that the change brought along must mean something here, and a text of another project is none of this one.
        if name.is_none() && is_hole(token) && !file.words.contains(token.text) {
            return None;
        }
        new.push_str(name.filter(|_| is_hole(token)).unwrap_or(token.text));
        done = token.range.end;
    }
    let rest = pattern.instead.text.get(done - pattern.instead.offset..)?;
    if !rest.trim().is_empty() {
        return None;
    }
    new.push_str(rest);
    // Depths that are counted in tabs are not told from those in blanks.
    if new.contains('\n') && (new.contains('\t') || old.contains('\t') || text.contains("\n\t")) {
        return None;
    }
    let place = here.get(left).map_or(start, |token| token.range.start);
    let begins_a_line = gaps && (left == 0 || here[left - 1].kind == Kind::Line);
    let mut new = indented(&new, (pattern.indent, indentation(text, place)), begins_a_line);
    if text.contains("\r\n") {
        new = new.replace('\n', "\r\n");
    }
    let alike = if holes == 0 { 1.0 } else { 0.5 + 0.5 * alike as f64 / holes as f64 };
    (old != new).then_some((start..end, new, alike))
}

/// Whether these bytes hold tokens and blanks, and no comment that would be lost. `from`: where they begin.
fn is_bare(old: &str, from: usize, tokens: &[Token<'_>]) -> bool {
    let mut done = from;
    let end = from + old.len();
    for token in tokens.iter().filter(|token| token.range.start >= from && token.range.end <= end) {
        if old.get(done - from..token.range.start - from).is_none_or(|gap| !gap.trim().is_empty()) {
            return false;
        }
        done = token.range.end;
    }
    old.get(done - from..).is_some_and(|gap| gap.trim().is_empty())
}

/// Lines that were indented for one place, for another. `begins`: the first one is a whole line, too.
fn indented(text: &str, (from, to): (usize, usize), begins: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        // An empty line stays empty; the last piece is what stands before the next token.
        if (n == 0 && !begins) || line.is_empty() {
            out.push_str(line);
            continue;
        }
        let own = line.bytes().take_while(|byte| *byte == b' ').count();
        out.push_str(&" ".repeat((own + to).saturating_sub(from)));
        out.push_str(&line[own..]);
    }
    out
}

#[cfg(test)]
mod tests;
