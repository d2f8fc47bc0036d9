//! Characters that no program has: what word processors, web pages and merges leave behind.

use super::fixes::Fixes;
use super::page::{Kind, Token};
use crate::syntax::Splice;

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
