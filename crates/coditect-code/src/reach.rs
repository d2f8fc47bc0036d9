//! Which files of a project a test needs, told from names alone: those that it uses and that one file alone defines, those
//! that it imports, those that its traceback leads through, and what these files need in their turn.
//!
//! It is a guess on the safe side: names that stand for something else make it too large, so that work that could be done
//! side by side is done as one piece. Nothing is run for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use coditect_types::project::SourceFile;
use coditect_types::{Reach, TestReport, TestResult};
use tree_sitter::{Node, Tree};

use crate::languages::{Language, function_bodies};
use crate::repair::Source;
use crate::syntax::{children, text_of};

mod names;

use names::{Names, stem_of};

/// Bytes of sources that are looked at: of a larger project it takes longer than it may save.
const MOST_BYTES: usize = 8 << 20;
/// Bytes from which on several threads read them sooner than one.
const WORTH_THREADS: usize = 256 << 10;
/// Files whose names say nothing of what is in them: they pass on what others define.
const HUBS: &[&str] = &["__init__", "index", "mod", "lib", "main"];

/// The sources of a project, by what they name.
struct Project<'s> {
    product: Vec<Names<'s>>,
    /// Names that one file alone defines.
    defined_in: BTreeMap<&'s str, usize>,
    /// Files by the name by which they are imported.
    stems: BTreeMap<&'s str, Vec<usize>>,
}

/// What the `red` tests of a report need, those that need the same together. Paths are as those of the sources.
#[must_use]
pub fn reach(product: &[Source], tests: &[Source], report: &TestReport, red: &[&TestResult]) -> Vec<Reach> {
    let bytes: usize = product.iter().chain(tests).map(|source| source.text.len()).sum();
    if bytes > MOST_BYTES {
        return Vec::new();
    }
    let project = Project::of(product);
    let mut files: BTreeMap<&str, Option<Names<'_>>> = BTreeMap::new();
    let mut found: Vec<Reach> = Vec::new();
    for test in red {
        let sources = sources_of(&test.id, tests);
        for source in sources.iter().copied() {
            files.entry(source.path.as_str()).or_insert_with(|| Names::of(source));
        }
        let others = test_functions(&test.id, report);
        let names = sources.iter().filter_map(|source| files.get(source.path.as_str())?.as_ref());
        let (needed, raised) = project.needs(test, names.collect(), &others);
        let paths = |places: BTreeSet<usize>| -> Vec<String> {
            places.into_iter().map(|at| project.product[at].path.to_owned()).collect()
        };
        let (needed, raised) = (paths(needed), paths(raised));
        let stand_in: Vec<String> = sources.iter().map(|source| source.path.clone()).collect();
        let alike =
            |one: &&mut Reach| one.files == needed && one.raised == raised && one.test_files == stand_in;
        match found.iter_mut().find(alike) {
            Some(one) => one.tests.push(test.id.clone()),
            None => found.push(Reach {
                tests: vec![test.id.clone()],
                test_files: stand_in,
                files: needed,
                raised,
            }),
        }
    }
    found
}

/// Every file of a project with what it uses of the others, tests last. None where that takes longer than it is worth.
#[must_use]
pub fn dependencies(product: &[Source], tests: &[Source]) -> Vec<SourceFile> {
    let bytes: usize = product.iter().chain(tests).map(|source| source.text.len()).sum();
    if bytes > MOST_BYTES {
        return Vec::new();
    }
    // Tests use one another's helpers as they use the product.
    let mut names = names_of(product);
    names.extend(names_of(tests));
    let project = Project::named_so(names);
    let hashes: BTreeMap<&str, String> = product
        .iter()
        .chain(tests)
        .map(|source| (source.path.as_str(), blake3::hash(source.text.as_bytes()).to_hex()[..16].to_owned()))
        .collect();
    let file = |names: &Names<'_>| SourceFile {
        path: names.path.to_owned(),
        hash: hashes.get(names.path).cloned().unwrap_or_default(),
        symbols: names.defines.iter().map(|name| (*name).to_owned()).collect(),
        uses: project
            .named(names, &names.all())
            .into_iter()
            .filter_map(|at| u32::try_from(at).ok())
            .collect(),
    };
    project.product.iter().map(file).collect()
}

/// The names of each file, in the order of the files. Parsing is what takes time, and no file needs another for it.
fn names_of(sources: &[Source]) -> Vec<Names<'_>> {
    let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || bytes < WORTH_THREADS {
        return sources.iter().filter_map(Names::of).collect();
    }
    let share = bytes / threads + 1;
    let mut parts: Vec<&[Source]> = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (at, source) in sources.iter().enumerate() {
        size += source.text.len();
        if size >= share || at + 1 == sources.len() {
            parts.push(&sources[from..=at]);
            (from, size) = (at + 1, 0);
        }
    }
    std::thread::scope(|scope| {
        let handles: Vec<_> = parts
            .iter()
            .map(|part| scope.spawn(move || part.iter().map(Names::of).collect::<Vec<_>>()))
            .collect();
        // A parser that panics has said nothing of its files.
        handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).flatten().collect()
    })
}

/// The test files that a test's id names: by its path, or as the languages do whose ids name a class or a package.
pub(crate) fn sources_of<'s>(id: &str, tests: &'s [Source]) -> Vec<&'s Source> {
    let file = id.split("::").next().unwrap_or_default();
    let named: Vec<&Source> = tests.iter().filter(|source| source.path == file).collect();
    if !named.is_empty() {
        return named;
    }
    let parts: BTreeSet<&str> = file.split(['.', '/']).collect();
    tests.iter().filter(|source| parts.contains(stem_of(&source.path))).collect()
}

/// The names of the test functions that stand in the file of a test, without its own.
fn test_functions<'r>(id: &str, report: &'r TestReport) -> BTreeSet<&'r str> {
    let (file, own) = (id.split("::").next().unwrap_or_default(), function_of(id));
    let beside = report.tests.iter().filter(|test| test.id.split("::").next() == Some(file));
    beside.map(|test| function_of(&test.id)).filter(|name| *name != own).collect()
}

/// `test_x` of `a.py::TestA::test_x[1-2]`.
pub(crate) fn function_of(id: &str) -> &str {
    let last = id.rsplit("::").next().unwrap_or_default();
    last.split(['[', '(', '/']).next().unwrap_or_default()
}

impl<'s> Project<'s> {
    fn of(product: &'s [Source]) -> Self {
        Self::named_so(names_of(product))
    }

    fn named_so(product: Vec<Names<'s>>) -> Self {
        let (mut defined_in, mut several) = (BTreeMap::new(), BTreeSet::new());
        let mut stems: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, file) in product.iter().enumerate() {
            for name in &file.defines {
                if defined_in.insert(*name, at).is_some_and(|other| other != at) {
                    several.insert(*name);
                }
            }
            stems.entry(imported_as(file.path)).or_default().push(at);
        }
        defined_in.retain(|name, _| !several.contains(name));
        Self { product, defined_in, stems }
    }

    /// What a test needs, and where its error was raised.
    fn needs(
        &self,
        test: &TestResult,
        files: Vec<&Names<'_>>,
        others: &BTreeSet<&str>,
    ) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let place = |path: &str| self.product.iter().position(|file| file.path == path);
        let frames: Vec<usize> = test.frames.iter().filter_map(|frame| place(&frame.file)).collect();
        let mut direct: BTreeSet<usize> =
            frames.iter().copied().filter(|at| !is_hub(self.product[*at].path)).collect();
        let raised: BTreeSet<usize> = frames.last().copied().into_iter().collect();
        direct.extend(&raised);
        let mut named = BTreeSet::new();
        for file in &files {
            named.extend(self.named(file, &file.within(others)));
        }
        if named.is_empty() {
            for file in &files {
                named.extend(self.named(file, &file.all()));
            }
        }
        direct.extend(named);
        direct.extend(self.standing_in(&test.id));
        (self.closure(direct), raised)
    }

    /// The file of a test that stands in the product itself, as in Rust: its id has the module's name.
    fn standing_in(&self, id: &str) -> Vec<usize> {
        let mut parts = id.split("::");
        let file = parts.next().unwrap_or_default();
        let Some(own) = self.product.iter().position(|names| names.path == file) else { return Vec::new() };
        let modules = parts.filter_map(|part| self.stems.get(part)).flatten().copied();
        let modules: Vec<usize> = modules.filter(|at| self.product[*at].path.ends_with(".rs")).collect();
        if modules.is_empty() { vec![own] } else { modules }
    }

    /// The files that a file's use of these names leads to.
    fn named(&self, file: &Names<'_>, used: &BTreeSet<&str>) -> BTreeSet<usize> {
        let mut found: BTreeSet<usize> =
            used.iter().filter_map(|name| self.defined_in.get(name).copied()).collect();
        for import in file.imports.iter().filter(|import| import.is_used(used)) {
            for (_, name) in import.bound.iter().filter(|(local, _)| used.contains(local)) {
                found.extend(self.defined_in.get(name).copied());
                found.extend(self.stems.get(name).into_iter().flatten().copied());
            }
            let modules = import.path.iter().filter_map(|part| self.stems.get(part)).flatten();
            for at in modules {
                found.insert(*at);
                found.extend(self.passed_on(*at, import, used));
            }
        }
        found.retain(|at| self.product[*at].path != file.path);
        found
    }

    /// Where a hub has the names from that are imported of it.
    fn passed_on(&self, hub: usize, import: &names::Import<'_>, used: &BTreeSet<&str>) -> BTreeSet<usize> {
        let hub = &self.product[hub];
        if !is_hub(hub.path) {
            return BTreeSet::new();
        }
        let wanted: BTreeSet<&str> =
            import.bound.iter().filter(|(local, _)| used.contains(local)).map(|(_, name)| *name).collect();
        let passes =
            hub.imports.iter().filter(|import| import.bound.iter().any(|(local, _)| wanted.contains(local)));
        passes
            .flat_map(|import| &import.path)
            .filter_map(|part| self.stems.get(part))
            .flatten()
            .copied()
            .collect()
    }

    /// These files and what they need in their turn. Hubs pass nothing on: what is wanted of them is known by name.
    fn closure(&self, mut open: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        while let Some(at) = open.pop_first() {
            if reached.insert(at) && !is_hub(self.product[at].path) {
                let file = &self.product[at];
                open.extend(self.named(file, &file.all()).difference(&reached));
            }
        }
        reached
    }
}

fn is_hub(path: &str) -> bool {
    HUBS.contains(&stem_of(path))
}

/// The name by which a file is imported: its own, or that of its folder.
fn imported_as(path: &str) -> &str {
    let stem = stem_of(path);
    if !is_hub(path) {
        return stem;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    // What is built as a whole is not imported by the name of the folder that it lies in.
    let is_whole = matches!(stem, "lib" | "main");
    if is_whole { "" } else { folder.rsplit('/').next().unwrap_or_default() }
}

#[cfg(test)]
mod tests;
