//! Files that do not parse are mended before anything else is searched.
//!
//! The parser itself says what is wrong: the message of the test that could not import the file names a row and a
//! reason. Around it small changes are made, likeliest first (brackets, quotes, layout, words, single tokens);
//! each is tried by importing the file again. One that makes the parser come further is kept, and the next
//! message is answered on top of it, so that several errors of one file are mended one after the other (best
//! first, over a bounded queue). Where the parser accepts the file, the tests decide as ever; what they still
//! find wrong is searched for on top of the mended text.
//!
//! The tree of tree-sitter, which exists for broken text too, puts changes first that leave fewer errors in it.
//! It does not decide: it accepts some programs that the language refuses, and the reverse.
//!
//! - `complaint`: what parsers say. `page`, `lexicon`: the file as tokens, by a table for each language.
//! - `brackets`, `quotes`, `layout`, `strange`, `words`, `tokens`: the changes; `nesting`, `heads`: those that only
//!   languages with braces need; `conflicts`: what merges leave.
//! - `queue`: the search over them; `stage`: what is done with its outcome.

use std::ops::Range;

use crate::languages::Language;
use crate::repair::{Candidate, EditKind, Problem, Source};
use crate::syntax::Syntax;
use crate::syntax::splice;

use self::complaint::Complaint;
use self::fixes::{Fix, Fixes};
use self::lexicon::Lexicon;
use self::page::{Kind, Page};

mod brackets;
mod complaint;
mod conflicts;
mod fixes;
mod heads;
mod layout;
mod lexicon;
mod nesting;
mod page;
mod queue;
mod quotes;
mod stage;
mod strange;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;
mod words;

pub(super) use self::stage::{go_on, mend, mend_only, unmendable};

/// Longest file that tree-sitter is asked about for each change, bytes.
const MOST_PARSED: usize = 200_000;
/// Changes of one complaint.
const MOST_FIXES: usize = 1_500;
/// A file with so many characters that no program has is no text, and so is one of which they are this part.
const MOST_STRANGE: (usize, usize) = (60, 8);

/// The table of the language of a file; None where it is not known.
fn lexicon_of(path: &str) -> Option<&'static Lexicon> {
    Some(match Language::of_path(path)? {
        Language::Python => &lexicon::PYTHON,
        Language::Rust => &lexicon::RUST,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &lexicon::SCRIPT,
        Language::Go => &lexicon::GO,
        Language::Java => &lexicon::JAVA,
    })
}

/// The parser of the language of a file.
fn syntax_of(path: &str) -> Option<Syntax> {
    Language::of_path(path)?.syntax()
}

/// Errors in the tree of a text in a language with braces, whose compilers stop at the first or tell them in an order of
/// their own. None: it is not known, or the language's own messages tell it better.
fn errors_left(path: &str, text: &str) -> Option<usize> {
    let language = Language::of_path(path).filter(|language| *language != Language::Python)?;
    let tree = Some(text).filter(|text| text.len() <= MOST_PARSED).and(language.syntax()?.parse(text))?;
    Some(tree::errors(&tree).count)
}

/// Changes of `text` that answer a complaint, the best first. None: it is no text of this language at all.
fn answers(text: &str, complaint: &Complaint) -> Option<Vec<Fix>> {
    let lexicon = lexicon_of(&complaint.path)?;
    let page = Page::read(text, lexicon);
    let strange = page.tokens.iter().filter(|token| token.kind == Kind::Strange).count();
    if strange > MOST_STRANGE.0 && strange * MOST_STRANGE.1 > page.tokens.len() {
        return None;
    }
    let mut syntax = syntax_of(&complaint.path).filter(|_| text.len() <= MOST_PARSED);
    let tree = syntax.as_mut().and_then(|syntax| syntax.parse(text));
    let errors = tree.as_ref().map(tree::errors).unwrap_or_default();
    let mut fixes = Fixes::new(&page, lexicon, complaint);
    let tests = test_parts(text, &complaint.path);
    let outside = |fix: &Fix| {
        let inside = |at: usize| tests.iter().any(|part| part.start < at && at < part.end);
        fix.splices.iter().all(|splice| !inside(splice.range.start) && !inside(splice.range.end))
    };
    if conflicts::propose(&mut fixes) {
        // Nothing else makes such a file parse.
        return Some(fixes.sorted().into_iter().filter(outside).take(MOST_FIXES).collect());
    }
    nesting::propose(&mut fixes);
    strange::everywhere(&mut fixes);
    layout::tabs(&mut fixes);
    quotes::long(&mut fixes);
    for missing in &errors.missing {
        fixes.insert(missing.0, missing.1.clone(), 0.8);
    }
    let mut wrong = errors.rows.clone();
    wrong.extend(quotes::open_rows(&page, lexicon));
    for (row, share) in fixes::rows(&page, complaint, &wrong) {
        fixes.share = share;
        brackets::propose(&mut fixes, row);
        quotes::propose(&mut fixes, row);
        layout::propose(&mut fixes, row);
        strange::propose(&mut fixes, row);
        words::propose(&mut fixes, row);
        tokens::propose(&mut fixes, row);
        heads::propose(&mut fixes, row);
    }
    let mut fixes = fixes.sorted();
    fixes.retain(|fix| outside(fix) && changes(text, fix));
    fixes.truncate(MOST_FIXES);
    if let (Some(syntax), Some(tree)) = (syntax.as_mut(), tree.as_ref()) {
        tree::weigh(&mut fixes, syntax, tree, text, errors.count);
    }
    Some(fixes)
}

/// Whether a fix changes anything: neighbours that are swapped can read as before (`...` and `.`).
fn changes(text: &str, fix: &Fix) -> bool {
    splice(text, &fix.splices).is_some_and(|new| new != text)
}

/// Parts of a product file that are tests. Only Rust keeps them there; the tree does not tell, since it is broken: they
/// are modules from their attribute to the brace at the same depth, or to the end of the file.
fn test_parts(text: &str, path: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut open: Option<(usize, &str)> = None;
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        let indent = &line[..line.len() - line.trim_start().len()];
        match open {
            None if path.ends_with(".rs") && code.starts_with("#[cfg(test)]") => open = Some((at, indent)),
            Some((start, depth)) if code == "}" && indent == depth => {
                parts.push(start..at + line.len());
                open = None;
            }
            // `#[cfg(test)] use ...;` and `mod tests;` have no body.
            Some((start, depth)) if indent == depth && code.ends_with(';') => {
                parts.push(start..at + line.len());
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    parts.extend(open.map(|(start, _)| start..text.len() + 1));
    parts
}

/// The answers to the complaint of a red test as candidates, for the rung that tries one change at a time.
pub(super) fn recipes(problem: &Problem<'_>) -> Vec<Candidate> {
    let mut made = Vec::new();
    let mut heard: Vec<Complaint> = Vec::new();
    for test in problem.red {
        let Some(complaint) = Complaint::of_test(test, problem.sources) else { continue };
        if heard.len() < 4 && !heard.contains(&complaint) {
            made.extend(candidates(problem.sources, &complaint));
            heard.push(complaint);
        }
    }
    made
}

fn candidates(sources: &[Source], complaint: &Complaint) -> Vec<Candidate> {
    let Some(source) = sources.iter().find(|source| source.path == complaint.path) else { return Vec::new() };
    let fixes = answers(&source.text, complaint).unwrap_or_default();
    let mut pool = crate::repair::pool::Pool::new(complaint.path.as_str().into(), &source.text);
    for fix in fixes {
        pool.several(fix.splices, EditKind::Syntax, 1.0, fix.fit);
    }
    pool.into_made()
}
