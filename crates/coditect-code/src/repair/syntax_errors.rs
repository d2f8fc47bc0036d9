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
//! - `brackets`, `quotes`, `layout`, `strange`, `words`, `tokens`: the changes.
//! - `queue`: the search over them; `stage`: what is done with its outcome.

use crate::repair::{Candidate, EditKind, Problem, Source};
use crate::syntax::Syntax;
use crate::syntax::splice;

use self::complaint::Complaint;
use self::fixes::{Fix, Fixes};
use self::lexicon::Lexicon;
use self::page::{Kind, Page};

mod brackets;
mod complaint;
mod fixes;
mod layout;
mod lexicon;
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

pub(super) use self::stage::{mend, unmendable};

/// Longest file that tree-sitter is asked about for each change, bytes.
const MOST_PARSED: usize = 200_000;
/// Changes of one complaint.
const MOST_FIXES: usize = 1_500;
/// A file with so many characters that no program has is no text, and so is one of which they are this part.
const MOST_STRANGE: (usize, usize) = (60, 8);

/// The table of the language of a file; None where it is not known.
fn lexicon_of(path: &str) -> Option<&'static Lexicon> {
    path.ends_with(".py").then_some(&lexicon::PYTHON)
}

/// The parser of the language of a file.
fn syntax_of(path: &str) -> Option<Syntax> {
    if path.ends_with(".py") { Syntax::python() } else { None }
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
    strange::conflicts(&mut fixes);
    strange::everywhere(&mut fixes);
    layout::tabs(&mut fixes);
    quotes::long(&mut fixes);
    for missing in &errors.missing {
        fixes.insert(missing.0, missing.1.clone(), 0.8);
    }
    for (row, share) in fixes::rows(&page, complaint, &errors.rows) {
        fixes.share = share;
        brackets::propose(&mut fixes, row);
        quotes::propose(&mut fixes, row);
        layout::propose(&mut fixes, row);
        strange::propose(&mut fixes, row);
        words::propose(&mut fixes, row);
        tokens::propose(&mut fixes, row);
    }
    let mut fixes = fixes.sorted();
    fixes.retain(|fix| changes(text, fix));
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
    pool.made
}
