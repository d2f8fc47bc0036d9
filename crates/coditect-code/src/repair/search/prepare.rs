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
        let sorted: Vec<&Splice> = splices.iter().collect();
        syntax.reparse(old, &source.text, &sorted, new_text).is_some_and(|tree| !tree.root_node().has_error())
    }
}
