//! From a candidate to the files that a judge is given: applied, parsed, and not seen before.

use std::collections::{BTreeMap, HashSet};

use tree_sitter::Tree;

use super::batch::Prepared;
use crate::languages::Language;
use crate::repair::{Candidate, EditKind, Problem};
use crate::syntax::{Splice, Syntax};

/// Applies candidates and leaves out what need not be judged.
pub(super) struct Preparer<'a> {
    problem: &'a Problem<'a>,
    /// A parser for each language; None where its grammar cannot be loaded.
    syntaxes: BTreeMap<Language, Option<Syntax>>,
    /// The tree of each file that was edited so far; None where the file itself has errors.
    trees: BTreeMap<String, Option<Tree>>,
    seen: HashSet<[u8; 16]>,
    dropped: u64,
}

impl<'a> Preparer<'a> {
    pub(super) fn new(problem: &'a Problem<'a>) -> Self {
        let languages = problem.sources.iter().filter_map(|source| Language::of_path(&source.path));
        let syntaxes = languages.map(|language| (language, language.syntax())).collect();
        Self { problem, syntaxes, trees: BTreeMap::new(), seen: HashSet::new(), dropped: 0 }
    }

    /// True where nothing can be parsed.
    pub(super) fn is_blind(&self) -> bool {
        self.syntaxes.values().any(Option::is_none)
    }

    /// Candidates that were left out.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The candidate with its files. None: its text was tried before, does not parse, or changes nothing.
    pub(super) fn prepare(&mut self, candidate: Candidate) -> Option<Prepared> {
        let prepared = self.checked(candidate);
        if prepared.is_none() {
            self.dropped += 1;
        }
        prepared
    }

    fn checked(&mut self, candidate: Candidate) -> Option<Prepared> {
        let overlay = candidate.apply(self.problem.sources)?;
        let mut hash = blake3::Hasher::new();
        let mut changed = false;
        for (path, text) in &overlay {
            hash.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
            changed |= self.problem.sources.iter().any(|source| source.path == *path && source.text != *text);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
        if !changed || !self.seen.insert(key) {
            return None;
        }
        let recipe = candidate.kind == EditKind::Recipe;
        let parses = recipe || overlay.iter().all(|(path, text)| self.parses(&candidate, path, text));
        parses.then_some(Prepared { candidate, overlay })
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
