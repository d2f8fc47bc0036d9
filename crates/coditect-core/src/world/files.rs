//! Files, and what a change of some of them can reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use coditect_types::SourceFile;

use super::Tests;

/// The place of a file in the list of all.
pub(super) type FileId = u32;

/// Lists of files, one for each file, one behind the other in one piece of memory: a walk over a hundred thousand of them
/// waits for memory and for nothing else.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Where the list of each file begins, and behind the last one its end.
    starts: Vec<u32>,
    all: Vec<FileId>,
}

impl Lists {
    /// Lists of these pairs: for the first of each, the second.
    fn of(files: usize, pairs: &[(FileId, FileId)]) -> Self {
        let mut starts = vec![0_u32; files + 1];
        for (from, _) in pairs {
            starts[*from as usize + 1] += 1;
        }
        for at in 0..files {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut all = vec![0; pairs.len()];
        for (from, to) in pairs {
            let place = &mut next[*from as usize];
            all[*place as usize] = *to;
            *place += 1;
        }
        Self { starts, all }
    }

    /// The list of a file; a file that came later has none.
    fn of_file(&self, id: FileId) -> &[FileId] {
        let at = id as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(from), Some(to)) => &self.all[*from as usize..*to as usize],
            _ => &[],
        }
    }
}

/// The files of a workspace and what they use of one another.
#[derive(Clone, Debug, Default)]
pub struct Files {
    known: BTreeMap<Arc<str>, FileId>,
    paths: Vec<Arc<str>>,
    /// Hash of each text when it was last seen; empty where only tests speak of the file.
    hashes: Vec<String>,
    symbols: Vec<Vec<String>>,
    uses: Lists,
    used_by: Lists,
}

/// What a change can reach.
#[derive(Clone, Debug)]
pub struct Impact<'w> {
    all: &'w Files,
    tests: &'w Tests,
    reached: Vec<FileId>,
    /// Changed files of which nothing is known: what they reach cannot be told.
    pub unknown: Vec<String>,
}

impl<'w> Impact<'w> {
    /// How many files it reaches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reached.len()
    }

    /// Whether it reaches none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty()
    }

    /// The changed files, and those that use them, directly or through others.
    pub fn files(&self) -> impl Iterator<Item = &'w str> {
        let all = self.all;
        self.reached.iter().map(move |id| &*all.paths[*id as usize])
    }

    /// The symbols of these files.
    pub fn symbols(&self) -> impl Iterator<Item = &'w str> {
        let all = self.all;
        self.reached.iter().flat_map(move |id| all.symbols[*id as usize].iter().map(String::as_str))
    }

    /// The tests that stand in these files.
    pub fn tests(&self) -> impl Iterator<Item = &'w str> {
        let tests = self.tests;
        self.reached.iter().flat_map(move |id| tests.in_file(*id as usize))
    }
}

impl Files {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The hash of a file's text when it was last seen.
    #[must_use]
    pub fn hash(&self, path: &str) -> Option<&str> {
        let hash = self.hashes[*self.known.get(path)? as usize].as_str();
        (!hash.is_empty()).then_some(hash)
    }

    /// The symbols that a file defines.
    #[must_use]
    pub fn symbols(&self, path: &str) -> Option<&[String]> {
        Some(&self.symbols[*self.known.get(path)? as usize])
    }

    /// The files that a file uses directly.
    pub fn uses(&self, path: &str) -> impl Iterator<Item = &str> {
        self.beside(&self.uses, path)
    }

    /// The files that use a file directly.
    pub fn used_by(&self, path: &str) -> impl Iterator<Item = &str> {
        self.beside(&self.used_by, path)
    }

    fn beside<'w>(&'w self, lists: &'w Lists, path: &str) -> impl Iterator<Item = &'w str> {
        let ids = self.known.get(path).map_or(&[][..], |id| lists.of_file(*id));
        ids.iter().map(|id| &*self.paths[*id as usize])
    }

    pub(super) fn known_id(&self, path: &str) -> Option<FileId> {
        self.known.get(path).copied()
    }

    /// The place of a file, which is new where nothing was known of it.
    fn id(&mut self, path: &str) -> FileId {
        if let Some(id) = self.known.get(path) {
            return *id;
        }
        let id = FileId::try_from(self.paths.len()).unwrap_or(FileId::MAX);
        let path: Arc<str> = Arc::from(path);
        self.known.insert(Arc::clone(&path), id);
        self.paths.push(path);
        self.hashes.push(String::new());
        self.symbols.push(Vec::new());
        id
    }

    /// Takes in all source files as they are now. Where none are told, nothing is known to have changed.
    pub(super) fn replace(&mut self, sources: &[SourceFile]) {
        if sources.is_empty() {
            return;
        }
        let ids: Vec<FileId> = sources.iter().map(|source| self.id(&source.path)).collect();
        self.hashes.iter_mut().for_each(String::clear);
        self.symbols.iter_mut().for_each(Vec::clear);
        let mut uses = Vec::new();
        for (id, source) in ids.iter().zip(sources) {
            self.hashes[*id as usize].clone_from(&source.hash);
            self.symbols[*id as usize].clone_from(&source.symbols);
            // A list that somebody else wrote may name places that there are not.
            let used = source.uses.iter().filter_map(|at| ids.get(*at as usize));
            uses.extend(used.map(|used| (*id, *used)));
        }
        self.uses = Lists::of(self.paths.len(), &uses);
        let used_by: Vec<(FileId, FileId)> = uses.into_iter().map(|(from, to)| (to, from)).collect();
        self.used_by = Lists::of(self.paths.len(), &used_by);
    }

    pub(super) fn impact<'w>(&'w self, changed: &[&str], tests: &'w Tests) -> Impact<'w> {
        let mut impact = Impact { all: self, tests, reached: Vec::new(), unknown: Vec::new() };
        let mut seen = vec![false; self.paths.len()];
        for path in changed {
            match self.known.get(*path) {
                Some(id) if !std::mem::replace(&mut seen[*id as usize], true) => impact.reached.push(*id),
                Some(_) => {}
                None => impact.unknown.push((*path).to_owned()),
            }
        }
        let mut at = 0;
        while let Some(id) = impact.reached.get(at).copied() {
            at += 1;
            for by in self.used_by.of_file(id) {
                if !std::mem::replace(&mut seen[*by as usize], true) {
                    impact.reached.push(*by);
                }
            }
        }
        impact
    }
}
