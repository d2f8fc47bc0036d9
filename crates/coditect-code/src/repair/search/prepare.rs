//! From a candidate to the files that a judge is given: applied, parsed, and not seen before.

use std::collections::{BTreeMap, HashSet};
use std::panic::resume_unwind;
use std::thread;

use tree_sitter::Tree;

use super::batch::Prepared;
use crate::languages::Language;
use crate::repair::{Candidate, EditKind, Problem};
use crate::syntax::{Splice, Syntax};

/// Applies candidates and leaves out what need not be judged.
pub(super) struct Preparer<'a> {
    problem: &'a Problem<'a>,
    /// One for each thread.
    checkers: Vec<Checker<'a>>,
    seen: HashSet<[u8; 16]>,
    dropped: u64,
}

impl<'a> Preparer<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, threads: usize) -> Self {
        let checkers = (0..threads.max(1)).map(|_| Checker::new(problem)).collect();
        Self { problem, checkers, seen: HashSet::new(), dropped: 0 }
    }

    /// True where nothing can be parsed.
    pub(super) fn is_blind(&self) -> bool {
        self.checkers.iter().any(|checker| checker.syntaxes.values().any(Option::is_none))
    }

    /// Candidates that were left out.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The candidate with its files. None: its text was tried before, or it changes nothing.
    pub(super) fn apply(&mut self, candidate: Candidate) -> Option<Prepared> {
        let prepared = self.fresh(candidate);
        if prepared.is_none() {
            self.dropped += 1;
        }
        prepared
    }

    fn fresh(&mut self, candidate: Candidate) -> Option<Prepared> {
        let overlay = candidate.apply(self.problem.sources)?;
        let mut hash = blake3::Hasher::new();
        let mut changed = false;
        for (path, text) in &overlay {
            hash.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
            changed |= self.problem.sources.iter().any(|source| source.path == *path && source.text != *text);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
        (changed && self.seen.insert(key)).then_some(Prepared { candidate, overlay })
    }

    /// Those that parse, in the same order.
    pub(super) fn that_parse(&mut self, applied: Vec<Prepared>) -> Vec<Prepared> {
        let share = applied.len().div_ceil(self.checkers.len()).max(LEAST_SHARE);
        let fine: Vec<bool> = thread::scope(|scope| {
            let shares = applied.chunks(share).zip(&mut self.checkers);
            let check = |(part, checker): (&'_ [Prepared], &'_ mut Checker<'a>)| -> Vec<bool> {
                part.iter().map(|prepared| checker.accepts(prepared)).collect()
            };
            let mut shares = shares.collect::<Vec<_>>();
            let own = if shares.is_empty() { None } else { Some(shares.remove(0)) };
            let others: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || check(share))).collect();
            let mut fine = own.map(check).unwrap_or_default();
            for other in others {
                match other.join() {
                    Ok(part) => fine.extend(part),
                    Err(panic) => resume_unwind(panic),
                }
            }
            fine
        });
        let before = applied.len();
        let kept: Vec<Prepared> =
            applied.into_iter().zip(fine).filter_map(|(prepared, fine)| fine.then_some(prepared)).collect();
        self.dropped += (before - kept.len()) as u64;
        kept
    }
}

/// Fewer are not worth another thread.
const LEAST_SHARE: usize = 8;

/// Parses what candidates make of files.
struct Checker<'a> {
    problem: &'a Problem<'a>,
    /// A parser for each language; None where its grammar cannot be loaded.
    syntaxes: BTreeMap<Language, Option<Syntax>>,
    /// The tree of each file that was edited so far; None where the file itself has errors.
    trees: BTreeMap<String, Option<Tree>>,
}

impl<'a> Checker<'a> {
    fn new(problem: &'a Problem<'a>) -> Self {
        let languages = problem.sources.iter().filter_map(|source| Language::of_path(&source.path));
        let syntaxes = languages.map(|language| (language, language.syntax())).collect();
        Self { problem, syntaxes, trees: BTreeMap::new() }
    }

    fn accepts(&mut self, prepared: &Prepared) -> bool {
        let Prepared { candidate, overlay } = prepared;
        candidate.kind == EditKind::Recipe
            || overlay.iter().all(|(path, text)| self.parses(candidate, path, text))
    }

    /// True where the new text has no errors that the old one did not have.
    fn parses(&mut self, candidate: &Candidate, path: &str, new_text: &str) -> bool {
        let Some(source) = self.problem.sources.iter().find(|source| source.path == path) else {
            return false;
        };
        // Of a file in no language that we read nothing is known: its tests decide.
        let Some(language) = Language::of_path(path) else { return true };
        let Some(Some(syntax)) = self.syntaxes.get_mut(&language) else { return false };
        if !self.trees.contains_key(path) {
            let tree = syntax.parse(&source.text).filter(|tree| !tree.root_node().has_error());
            self.trees.insert(path.to_owned(), tree);
        }
        let Some(Some(old)) = self.trees.get(path) else { return true };
        let splices: Vec<Splice> = candidate
            .edits
            .iter()
            .filter(|edit| &*edit.path == path)
            .map(|edit| Splice { range: edit.range.clone(), new: edit.new.clone() })
            .collect();
        if language == Language::Python
            && let Some(statement) = statement_of(old, &source.text, &splices, new_text)
        {
            return syntax.parse(&statement).is_some_and(|tree| !tree.root_node().has_error());
        }
        let sorted: Vec<&Splice> = splices.iter().collect();
        syntax.reparse(old, &source.text, &sorted, new_text).is_some_and(|tree| !tree.root_node().has_error())
    }
}

/// The innermost statement of Python that all of a change lies in, as the change makes it, as a text of its own. To parse it
/// takes a fraction of what the change costs in the tree of the file.
fn statement_of(old: &Tree, old_text: &str, splices: &[Splice], new_text: &str) -> Option<String> {
    let start = splices.iter().map(|splice| splice.range.start).min()?;
    let end = splices.iter().map(|splice| splice.range.end).max()?;
    let mut node = old.root_node().descendant_for_byte_range(start, end)?;
    loop {
        let parent = node.parent()?;
        let lead = old_text.get(..node.start_byte())?;
        let indent = &lead[lead.rfind('\n').map_or(0, |at| at + 1)..];
        if matches!(parent.kind(), "module" | "block")
            && node.start_byte() <= start
            && end <= node.end_byte()
            && indent.trim().is_empty()
        {
            let behind = old_text.len() - node.end_byte();
            let changed = new_text.get(node.start_byte()..new_text.len().checked_sub(behind)?)?;
            let head = if indent.is_empty() { "" } else { "if 1:\n" };
            return Some(format!("{head}{indent}{changed}\n"));
        }
        node = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import re\n\nclass A:\n    def f(self, n):\n        if n < 1: return 0\n        \
                        for i in [1,\n                  2]:\n            n += i\n        return n\n\nx = f(\n    1)\n";

    /// What is parsed for a change of the first `old` to `new`, and whether it parses, alone and in the file.
    fn checked(old: &str, new: &str) -> (Option<String>, bool, bool) {
        let mut syntax = Syntax::python().unwrap();
        let tree = syntax.parse(TEXT).unwrap();
        let start = TEXT.find(old).unwrap();
        let change = Splice { range: start..start + old.len(), new: new.to_owned() };
        let changed = TEXT.replacen(old, new, 1);
        let statement = statement_of(&tree, TEXT, std::slice::from_ref(&change), &changed);
        let whole = syntax.reparse(&tree, TEXT, &[&change], &changed).unwrap();
        let alone = statement.as_deref().map(|text| syntax.parse(text).unwrap());
        let alone = alone.is_none_or(|tree| !tree.root_node().has_error());
        (statement, alone, !whole.root_node().has_error())
    }

    #[test]
    fn a_change_is_parsed_in_its_innermost_statement() {
        let statement = |old, new| checked(old, new).0.unwrap();
        assert_eq!(statement("n += i", "n -= i"), "if 1:\n            n -= i\n");
        // What stands behind a colon has no line of its own.
        assert_eq!(statement("return 0", "return 1"), "if 1:\n        if n < 1: return 1\n");
        assert_eq!(statement("f(\n    1)", "f(\n    2)"), "x = f(\n    2)\n");
        assert_eq!(statement("import re", "import os"), "import os\n");
        assert!(statement("n):", "n, m):").starts_with("if 1:\n    def f(self, n, m):\n        if n < 1"));
        // From one statement into the next: the one that has both.
        assert!(statement("i\n        return", "i\n        print").contains("print n"));
    }

    #[test]
    fn it_parses_alone_where_it_parses_in_the_file() {
        for (old, new) in [
            ("n < 1", "n <= 1"),
            ("n < 1", "n < "),
            ("n < 1", "(n < 1"),
            ("return 0", "return"),
            ("return 0", "if x: return"),
            ("n += i", "n = = i"),
            ("n += i", "if i > 1:\n                n += i"),
            ("n += i", "if i > 1:\n            n += i"),
            ("        return n\n", ""),
            ("            n += i\n", ""),
            ("return n", "return 'n"),
            ("return n", "return n\n        print(n)"),
            ("class A:", "class A(B):"),
            ("class A:", "class A(B:"),
            ("for i in", "for in"),
            ("x = f(", "x = = f("),
            ("import re", "import"),
            ("import re\n", ""),
        ] {
            let (statement, alone, whole) = checked(old, new);
            assert_eq!(alone, whole, "{old:?} to {new:?}: {statement:?}");
        }
    }
}
