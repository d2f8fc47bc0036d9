//! Characters that no program has: what word processors, web pages and merges leave behind.

use super::fixes::Fixes;
use super::page::{Kind, Token};
use crate::syntax::{Splice, line_end};

/// Characters with what was meant.
const MEANT: &[(&str, &str)] = &[
    ("\u{2018}\u{2019}\u{201a}\u{201b}\u{2032}\u{b4}\u{ff07}", "'"),
    ("\u{201c}\u{201d}\u{201e}\u{201f}\u{2033}\u{ab}\u{bb}\u{ff02}", "\""),
    ("\u{a0}\u{2002}\u{2003}\u{2007}\u{2009}\u{202f}\u{3000}", " "),
    ("\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\0", ""),
    ("\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}", "-"),
    ("\u{d7}\u{2217}", "*"),
    ("\u{f7}\u{2215}", "/"),
    ("\u{2264}", "<="),
    ("\u{2265}", ">="),
    ("\u{2260}", "!="),
    ("\u{2192}", "->"),
    ("\u{2026}", "..."),
    ("\u{ff08}", "("),
    ("\u{ff09}", ")"),
    ("\u{ff0c}\u{3001}", ","),
    ("\u{ff1a}", ":"),
    ("\u{ff1b}", ";"),
    ("\u{ff1d}", "="),
    ("\u{ff0b}", "+"),
    ("\u{ff3b}\u{3010}", "["),
    ("\u{ff3d}\u{3011}", "]"),
    ("\u{3002}\u{ff0e}", "."),
];

fn meant(c: &str) -> Option<&'static str> {
    MEANT.iter().find(|(signs, _)| signs.contains(c)).map(|(_, meant)| *meant)
}

/// All of them in the file at once, and those of each row.
pub(super) fn everywhere(fixes: &mut Fixes<'_>) {
    let page = fixes.page;
    let all: Vec<&Token> = page.tokens.iter().filter(|token| token.kind == Kind::Strange).collect();
    let splices = |tokens: &[&Token]| -> Vec<Splice> {
        tokens
            .iter()
            .filter_map(|token| {
                Some(Splice { range: token.range.clone(), new: meant(page.of(token))?.to_owned() })
            })
            .collect()
    };
    fixes.several(splices(&all), 2.5);
}

/// Those of one row: as they are meant, or gone.
pub(super) fn propose(fixes: &mut Fixes<'_>, row: usize) {
    let page = fixes.page;
    let mut all = Vec::new();
    for token in page.tokens_of(row).iter().filter(|token| token.kind == Kind::Strange) {
        fixes.remove(token.range.clone(), 1.0);
        if let Some(meant) = meant(page.of(token)) {
            fixes.put(token.range.clone(), meant, 1.2);
            all.push(Splice { range: token.range.clone(), new: meant.to_owned() });
        }
    }
    fixes.several(all, 2.2);
    // A backslash at the end of a line that is followed by blanks.
    let line = &page.lines[row];
    let text = &page.text[line.range.clone()];
    if text.trim_end().ends_with('\\') && text.trim_end().len() < text.len() {
        fixes.put(line.range.start + text.trim_end().len()..line.range.end, "", 2.0);
    }
}

/// One conflict that a merge left: where its parts begin.
struct Conflict {
    /// `<<<<<<<` to the end of the line of `>>>>>>>`.
    start: usize,
    ours: usize,
    /// Ends where the base or the other side begins.
    ours_end: usize,
    theirs: usize,
    theirs_end: usize,
    end: usize,
}

/// What merges left: ours, theirs or both, for all conflicts or for the first.
pub(super) fn conflicts(fixes: &mut Fixes<'_>) {
    let text = fixes.page.text;
    let found = find_conflicts(text);
    let take = |conflict: &Conflict, which: usize| {
        let (ours, theirs) =
            (&text[conflict.ours..conflict.ours_end], &text[conflict.theirs..conflict.theirs_end]);
        let new = match which {
            0 => ours.to_owned(),
            1 => theirs.to_owned(),
            2 => format!("{ours}{theirs}"),
            _ => format!("{theirs}{ours}"),
        };
        Splice { range: conflict.start..conflict.end, new }
    };
    for (which, fit) in [(0, 3.0), (1, 2.9), (2, 2.6), (3, 1.5)] {
        if found.len() > 1 {
            fixes.several(found.iter().map(|conflict| take(conflict, which)).collect(), fit);
        }
        // The first that is left: the others come with the next complaint.
        fixes.several(found.first().map(|conflict| take(conflict, which)).into_iter().collect(), 0.9 * fit);
    }
    if found.is_empty() {
        let stray: Vec<Splice> = fixes
            .page
            .lines
            .iter()
            .filter(|line| MARKERS.iter().any(|marker| is_marker(&text[line.range.clone()], marker)))
            .map(|line| Splice {
                range: line.range.start..line_end(text, line.range.start),
                new: String::new(),
            })
            .collect();
        fixes.several(stray, 2.5);
    }
}

const MARKERS: &[&str] = &["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
}

fn find_conflicts(text: &str) -> Vec<Conflict> {
    let mut found = Vec::new();
    let (mut start, mut ours_end, mut theirs) = (None, None, None);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        let next = at + line.len();
        if is_marker(bare, "<<<<<<<") {
            (start, ours_end, theirs) = (Some((at, next)), None, None);
        } else if is_marker(bare, "|||||||") && start.is_some() {
            ours_end = Some(at);
        } else if is_marker(bare, "=======") && start.is_some() && theirs.is_none() {
            (ours_end, theirs) = (ours_end.or(Some(at)), Some(next));
        } else if is_marker(bare, ">>>>>>>")
            && let (Some((from, ours)), Some(ours_end), Some(theirs)) = (start.take(), ours_end, theirs)
        {
            found.push(Conflict { start: from, ours, ours_end, theirs, theirs_end: at, end: next });
        }
        at = next;
    }
    found
}
