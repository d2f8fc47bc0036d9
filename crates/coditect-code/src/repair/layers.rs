//! Searching on top of a change that is kept: the changed files take the place of the project's own, and what is
//! found there is told as one change of the originals.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use coditect_ports::PortError;
use coditect_types::{TestResult, TestStatus};
use similar::{DiffOp, TextDiff};

use crate::repair::behaviour::{Behaviour, Inquiry};
use crate::repair::pool::shorten;
use crate::repair::{Candidate, Edit, EditKind, Judge, Means, Place, Problem, Scope, Source, Trial};

/// Changed files, by path, whole.
pub(super) type Overlay = BTreeMap<String, String>;

/// A judge that sees the project with the files of an overlay in place of its own.
pub(super) struct Layered<'a> {
    judge: &'a dyn Judge,
    below: &'a Overlay,
    /// The project's sources with these files.
    sources: &'a [Source],
}

impl<'a> Layered<'a> {
    pub(super) fn new(judge: &'a dyn Judge, below: &'a Overlay, sources: &'a [Source]) -> Self {
        Self { judge, below, sources }
    }
}

impl Judge for Layered<'_> {
    fn judge(&self, overlay: &Overlay, scope: Scope<'_>) -> Result<Trial, PortError> {
        self.judge.judge(&stacked(self.below, overlay), scope)
    }

    fn ready(&self, batch: &[(&Candidate, &Overlay)]) -> Result<(), PortError> {
        self.ready_on(self.sources, batch)
    }

    fn ready_on(&self, sources: &[Source], batch: &[(&Candidate, &Overlay)]) -> Result<(), PortError> {
        let whole: Vec<(&Candidate, Overlay)> =
            batch.iter().map(|(candidate, above)| (*candidate, stacked(self.below, above))).collect();
        let batch: Vec<(&Candidate, &Overlay)> =
            whole.iter().map(|(candidate, all)| (*candidate, all)).collect();
        self.judge.ready_on(sources, &batch)
    }

    fn batch(&self, made: u64) -> usize {
        self.judge.batch(made)
    }

    fn compare(&self, inquiry: &Inquiry<'_>, means: &Means<'_>) -> Result<Option<Behaviour>, PortError> {
        let stacked: Vec<Overlay> = inquiry.variants.iter().map(|above| stacked(self.below, above)).collect();
        let variants: Vec<&Overlay> = stacked.iter().collect();
        self.judge.compare(&Inquiry { variants: &variants, ..inquiry.clone() }, means)
    }
}

/// The files of both; where both have one, that of `above`.
pub(super) fn stacked(below: &Overlay, above: &Overlay) -> Overlay {
    let mut all = below.clone();
    all.extend(above.iter().map(|(path, text)| (path.clone(), text.clone())));
    all
}

/// The project's sources with the files of an overlay.
pub(super) fn sources_with(sources: &[Source], overlay: &Overlay) -> Vec<Source> {
    let text = |source: &Source| overlay.get(&source.path).unwrap_or(&source.text).clone();
    sources.iter().map(|source| Source { path: source.path.clone(), text: text(source) }).collect()
}

/// A test that a trial found red.
pub(super) fn red_test(id: &str, message: &str) -> TestResult {
    let kind = message.split(':').next().unwrap_or_default();
    let typed = !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '_');
    TestResult {
        id: id.to_owned(),
        status: TestStatus::Failed,
        us: 0,
        message: message.to_owned(),
        error_type: if typed { kind.to_owned() } else { String::new() },
        frames: Vec::new(),
        passes_of_runs: None,
    }
}

/// The whole change from the originals to `overlay` as one candidate, with the smallest edits that make it. None
/// where nothing changes.
pub(super) fn compose(
    problem: &Problem<'_>,
    overlay: &Overlay,
    kind: EditKind,
    score: f64,
) -> Option<Candidate> {
    let (mut edits, mut places) = (Vec::new(), Vec::new());
    for (path, text) in overlay {
        let source = problem.sources.iter().find(|source| source.path == *path)?;
        let path: Arc<str> = Arc::from(path.as_str());
        for edit in differences(&path, &source.text, text) {
            places.push(place(&source.text, &edit));
            edits.push(edit);
        }
    }
    (!edits.is_empty()).then_some(Candidate { edits, kind, score, places })
}

/// What differs between two texts, as edits of the first that are as small as can be.
fn differences(path: &Arc<str>, old: &str, new: &str) -> Vec<Edit> {
    let starts = |text: &str| -> Vec<usize> {
        let mut at = 0;
        let mut starts = vec![0];
        for line in text.split_inclusive('\n') {
            at += line.len();
            starts.push(at);
        }
        starts
    };
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let (old_starts, new_starts) = (starts(old), starts(new));
    let diff = TextDiff::from_slices(&old_lines, &new_lines);
    let mut edits = Vec::new();
    for op in diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
        let (was, is) = (op.old_range(), op.new_range());
        // Lines that pair up are told one by one.
        let paired = was.len() == is.len();
        let groups = if paired { was.len() } else { 1 };
        for n in 0..groups {
            let (was, is) = if paired {
                (was.start + n..was.start + n + 1, is.start + n..is.start + n + 1)
            } else {
                (was.clone(), is.clone())
            };
            let from = old_starts[was.start]..old_starts[was.end];
            let to = &new[new_starts[is.start]..new_starts[is.end]];
            edits.extend(trimmed(path, old, from, to));
        }
    }
    edits
}

fn trimmed(path: &Arc<str>, old: &str, range: Range<usize>, new: &str) -> Option<Edit> {
    let was = &old[range.clone()];
    let prefix: usize =
        was.chars().zip(new.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (was_rest, new_rest) = (&was[prefix..], &new[prefix..]);
    let suffix: usize = was_rest
        .chars()
        .rev()
        .zip(new_rest.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let range = range.start + prefix..range.end - suffix;
    let new = new_rest[..new_rest.len() - suffix].to_owned();
    (!range.is_empty() || !new.is_empty()).then(|| Edit { path: path.clone(), range, new })
}

fn place(old: &str, edit: &Edit) -> Place {
    let line = old[..edit.range.start].matches('\n').count() + 1;
    let (was, new) = in_words(old, edit);
    let shown = |text: &str| if text.trim().is_empty() { String::new() } else { shorten(text) };
    let (mut before, mut after) = (shown(&was), shown(&new));
    if before.is_empty() && after.is_empty() {
        // White space alone says nothing: the whole line does.
        let start = crate::syntax::line_start(old, edit.range.start);
        let whole = &old[start..crate::syntax::line_end(old, edit.range.end)];
        before = shorten(whole);
        after.clone_from(&before);
    }
    Place {
        path: edit.path.clone(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        function: Arc::from(function_at(old, edit.range.start)),
        before,
        after,
    }
}

/// What an edit takes and gives, in whole words and operators: that `fe` became `ef` says little, that `dfe` became `def`
/// says what was wrong.
fn in_words<'t>(old: &'t str, edit: &Edit) -> (Cow<'t, str>, Cow<'t, str>) {
    let Range { start, end } = edit.range;
    let was = &old[start..end];
    let ends = |one: Option<char>, other: Option<char>| {
        let of = |class: fn(char) -> bool| one.is_some_and(class) && other.is_some_and(class);
        if of(is_word) {
            Some(is_word as fn(char) -> bool)
        } else {
            of(is_operator).then_some(is_operator as _)
        }
    };
    let ahead = old[..start].chars().next_back();
    let behind = old[end..].chars().next();
    let is_cut =
        |near: Option<char>, was: Option<char>, new: Option<char>| ends(near, was).or(ends(near, new));
    let from = is_cut(ahead, was.chars().next(), edit.new.chars().next())
        .map_or(start, |class| old[..start].trim_end_matches(class).len());
    let to = is_cut(behind, was.chars().next_back(), edit.new.chars().next_back())
        .map_or(end, |class| old.len() - old[end..].trim_start_matches(class).len());
    if (from, to) == (start, end) {
        return (Cow::Borrowed(was), Cow::Owned(edit.new.clone()));
    }
    (Cow::Borrowed(&old[from..to]), Cow::Owned(format!("{}{}{}", &old[from..start], edit.new, &old[end..to])))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_operator(c: char) -> bool {
    "+-*/%<>=!&|^~".contains(c)
}

/// The function of Python whose first line this is.
pub(super) fn defined_on(line: &str) -> Option<&str> {
    let bare = line.trim_start_matches(['\u{feff}', ' ', '\t']);
    let rest = bare.strip_prefix("async ").unwrap_or(bare).trim_start().strip_prefix("def ")?;
    let name = rest.trim_start().split(|c: char| !is_word(c)).next()?;
    (!name.is_empty()).then_some(name)
}

/// The name of the function around a byte, by indentation: the text may not parse.
fn function_at(text: &str, at: usize) -> &str {
    let start = crate::syntax::line_start(text, at);
    let own = &text[start..crate::syntax::line_end(text, at)];
    // Its first line belongs to a function too.
    if let Some(name) = defined_on(own) {
        return name;
    }
    let mut depth = own.len() - own.trim_start().len();
    for line in text[..start].lines().rev().filter(|line| !line.trim().is_empty()) {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if indent < depth {
            depth = indent;
            if let Some(name) = defined_on(line) {
                return name;
            }
        }
        if depth == 0 {
            break;
        }
    }
    ""
}

#[cfg(test)]
mod tests;
