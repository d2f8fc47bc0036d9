//! Bringing the graph up to date after files changed.
//!
//! What an edit can mean elsewhere is told by names: a symbol that came or went can change the edges of those files alone in
//! which its name stands, and of those that led to it. So these are looked at again, and no others.

use std::collections::{BTreeSet, HashSet};

use coditect_types::graph::{EdgeKind, FileFacts, Stamp};

use super::keep::{imported_as, stem_of};
use super::names::{NONE, Name};
use super::resolve::{Found, Sight};
use super::{Family, KeptImport, NO, ProjectGraph};

/// Files that come at once, from which on the indexes of names are made anew.
const MANY: usize = 200;
/// Names of which it is cheaper to look at every file again.
const MOST_TOUCHED: usize = 2_000;
/// Rounds in which the bases of types settle; each round goes one step down a hierarchy.
const ROUNDS: usize = 12;
/// Files from which on several threads look at them.
const WORTH_THREADS: usize = 48;

/// A file that is new or changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// The hash of its content.
    pub hash: [u8; 16],
    /// What stands on the disk about it.
    pub stamp: Stamp,
    /// What it says.
    pub facts: FileFacts,
}

/// What happened to a project.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Files that are new or changed.
    pub changed: Vec<Changed>,
    /// Files that are no more.
    pub gone: Vec<String>,
    /// The commit that the directory stands at, `""` where there is none.
    pub head: String,
}

/// What an update did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Files that were taken in.
    pub taken: usize,
    /// Files that went.
    pub gone: usize,
    /// Files whose names were looked at again.
    pub looked_at: usize,
}

/// What has to be looked at again.
#[derive(Debug, Default)]
struct Touched {
    names: HashSet<Name>,
    files: BTreeSet<u32>,
    all: bool,
}

impl ProjectGraph {
    /// Takes changes in. Afterwards the graph is the same as one that was made of all files at once.
    pub fn update(&mut self, changes: Changes) -> Updated {
        let mut updated = Updated { taken: changes.changed.len(), gone: 0, looked_at: 0 };
        self.stand_at(&changes.head);
        if changes.changed.is_empty() && changes.gone.is_empty() {
            return updated;
        }
        let mut touched = Touched::default();
        self.many = changes.changed.len() > MANY;
        touched.all = self.many;
        for path in &changes.gone {
            updated.gone += usize::from(self.remove(path, &mut touched));
        }
        for changed in changes.changed {
            self.take(changed, &mut touched);
        }
        if self.many {
            self.index_all();
        }
        let files = self.affected(&mut touched);
        updated.looked_at = files.len();
        let found = self.sighted(&files);
        self.unlinked = files.len() > MANY;
        for (file, found) in files.into_iter().zip(found) {
            self.write(file, found);
        }
        if self.unlinked {
            self.link_back();
        }
        self.ended.settle();
        updated
    }

    fn remove(&mut self, path: &str, touched: &mut Touched) -> bool {
        let at = self.names.find(path).and_then(|name| self.by_path.get(&name).copied());
        let Some(file) = at else { return false };
        let Some(kept) = self.file(file) else { return false };
        let (node, name, loose) = (kept.node, kept.path, kept.loose.clone());
        let symbols: Vec<u32> = kept.symbols.iter().map(|one| one.node).collect();
        self.unregister(file);
        for name in loose {
            self.less_loose(name);
        }
        for symbol in symbols {
            self.drop_node(symbol, touched);
        }
        self.drop_node(node, touched);
        self.by_path.remove(&name);
        self.files[file as usize] = None;
        self.free_files.push(file);
        touched.files.remove(&file);
        self.touch_path(path, touched);
        true
    }

    fn touch_path(&mut self, path: &str, touched: &mut Touched) {
        for name in imported_as(path) {
            touched.names.insert(self.names.keep(name));
        }
        if matches!(stem_of(path), "__init__" | "lib" | "main" | "mod") {
            // Where packages and crates begin decides what every path of the language stands for.
            let family = Family::of(path);
            let all = (0..)
                .zip(&self.files)
                .filter(|(_, file)| file.as_ref().is_some_and(|file| file.family == family));
            touched.files.extend(all.map(|(at, _)| at));
        }
        // What a folder gives to all in it may come from this file.
        if let Some(files) = self.folders.get(super::keep::folder_of(path)) {
            touched.files.extend(files);
        }
    }

    /// Takes a node out, with its edges; files that led to it are looked at again.
    fn drop_node(&mut self, node: u32, touched: &mut Touched) {
        let held = self.nodes[node as usize];
        touched.names.insert(held.name);
        let leading: Vec<u32> = self.back.get(node).iter().map(|back| back.from).collect();
        for from in leading {
            let file = self.nodes[from as usize].file;
            if file != NO && self.file(file).is_some() {
                touched.files.insert(file);
            }
        }
        self.forget_edges(node);
        if held.kind.is_symbol() {
            self.defines_no_more(held.name, node);
        }
        self.nodes[node as usize].is_there = false;
        self.free.push(node);
    }

    fn take(&mut self, changed: Changed, touched: &mut Touched) {
        let known = self.names.find(&changed.path).and_then(|name| self.by_path.get(&name).copied());
        let is_new = known.is_none();
        let file = known.unwrap_or_else(|| self.new_file(&changed.path));
        if is_new {
            self.touch_path(&changed.path, touched);
        }
        touched.files.insert(file);
        let Some(kept) = self.file(file) else { return };
        let (old, old_imports, old_exports) =
            (kept.symbols.clone(), kept.imports.clone(), kept.exports.clone());
        let old_bases = self.based(file);
        let (symbols, new, gone) = self.take_symbols(file, &changed.facts, &old);
        self.take_facts(file, &changed.facts);
        if let Some(kept) = self.files[file as usize].as_mut() {
            (kept.symbols, kept.hash, kept.stamp) = (symbols, changed.hash, changed.stamp);
            kept.sort_index();
        }
        touched.names.extend(new);
        for node in gone {
            self.drop_node(node, touched);
        }
        let Some(kept) = self.file(file) else { return };
        let imports: BTreeSet<&KeptImport> = kept.imports.iter().collect();
        let before: BTreeSet<&KeptImport> = old_imports.iter().collect();
        let mut hubs = false;
        for one in imports.symmetric_difference(&before) {
            touched.names.insert(one.local);
            hubs |= one.local == NONE;
        }
        let exports: BTreeSet<_> = kept.exports.iter().collect();
        for (name, local) in exports.symmetric_difference(&old_exports.iter().collect()) {
            touched.names.extend([*name, *local]);
        }
        if hubs && !touched.all {
            // Whoever takes all of this file gets other names than before.
            let node = kept.node;
            self.importers(node, touched);
        }
        if self.based(file) != old_bases && !touched.all {
            let types: Vec<u32> = self.types_of(file);
            self.heirs(&types, touched);
        }
    }

    /// What the types of a file are made from, by the words of the file.
    fn based(&self, file: u32) -> Vec<(Name, Name)> {
        let Some(kept) = self.file(file) else { return Vec::new() };
        let uses = kept.uses.iter().filter(|one| one.kind == EdgeKind::Extends);
        let mut bases: Vec<(Name, Name)> =
            uses.filter_map(|one| Some((kept.symbols.get(one.from as usize)?.name, one.name))).collect();
        bases.sort_unstable();
        bases
    }

    fn types_of(&self, file: u32) -> Vec<u32> {
        self.file(file).into_iter().flat_map(|kept| &kept.symbols).map(|one| one.node).collect()
    }

    /// Notes the names of all that is made from these types, step by step.
    fn heirs(&self, types: &[u32], touched: &mut Touched) {
        let mut open = types.to_vec();
        let mut seen: HashSet<u32> = HashSet::new();
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                touched.names.insert(self.nodes[node as usize].name);
                let heirs = self.back.get(node).iter().filter(|back| back.kind == EdgeKind::Extends);
                open.extend(heirs.map(|back| back.from));
            }
        }
    }

    /// Notes the files that import a file, and those that import these.
    fn importers(&self, node: u32, touched: &mut Touched) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for back in self.back.get(node).iter().filter(|back| back.kind == EdgeKind::Imports) {
                if touched.files.insert(self.nodes[back.from as usize].file) {
                    open.push(back.from);
                }
            }
        }
    }

    /// The files whose names are to be looked at again; what their types are made from is known afterwards.
    fn affected(&mut self, touched: &mut Touched) -> Vec<u32> {
        for round in 0..ROUNDS {
            self.widen(touched);
            let files: Vec<u32> = touched.files.iter().copied().collect();
            let bases = self.in_parts(&files, |sight, file| sight.bases(file));
            let mut moved: Vec<u32> = Vec::new();
            for (file, bases) in files.iter().zip(bases) {
                if let Some(kept) = self.files[*file as usize].as_mut()
                    && kept.bases != bases
                {
                    moved.extend(
                        kept.bases
                            .iter()
                            .chain(&bases)
                            .filter_map(|(at, _)| Some(kept.symbols.get(*at as usize)?.node)),
                    );
                    kept.bases = bases;
                }
            }
            if moved.is_empty() || (touched.all && round > 0) {
                break;
            }
            self.heirs(&moved, touched);
        }
        touched.files.iter().copied().collect()
    }

    /// Takes in every file in which one of the names stands.
    fn widen(&self, touched: &mut Touched) {
        touched.names.remove(&NONE);
        let all = (0..).zip(&self.files).filter_map(|(at, file)| Some((at, file.as_ref()?)));
        if touched.all || touched.names.len() > MOST_TOUCHED {
            touched.all = true;
            touched.files.extend(all.map(|(at, _)| at));
            return;
        }
        let mut names: Vec<Name> = touched.names.iter().copied().collect();
        names.sort_unstable();
        for (at, file) in all {
            if !touched.files.contains(&at) && meets(&file.mentions, &names) {
                touched.files.insert(at);
            }
        }
    }

    fn sighted(&self, files: &[u32]) -> Vec<Found> {
        self.in_parts(files, |sight, file| sight.edges(file))
    }

    /// Looks at files side by side where there are many.
    fn in_parts<T: Send + Default>(
        &self,
        files: &[u32],
        look: impl Fn(&mut Sight<'_>, u32) -> T + Sync,
    ) -> Vec<T> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if threads == 1 || files.len() < WORTH_THREADS {
            let mut sight = Sight::of(self);
            return files.iter().map(|file| look(&mut sight, *file)).collect();
        }
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut sight = Sight::of(self);
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(file) = files.get(at) else { return done };
                done.push((at, look(&mut sight, *file)));
            }
        };
        let mut all: Vec<T> = files.iter().map(|_| T::default()).collect();
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for handle in handles {
                // A thread that panics has lost what it found: its files have no edges until they change.
                for (at, found) in handle.join().unwrap_or_default() {
                    all[at] = found;
                }
            }
        });
        all
    }
}

/// True where two sorted lists have something in common; the second may be much shorter.
fn meets(mentions: &[Name], names: &[Name]) -> bool {
    let mut rest = mentions;
    for name in names {
        let at = rest.partition_point(|one| one < name);
        rest = &rest[at..];
        match rest.first() {
            Some(found) if found == name => return true,
            Some(_) => {}
            None => return false,
        }
    }
    false
}
