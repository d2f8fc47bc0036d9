//! Taking a file in, and out again: its nodes, and the indexes by which names are found.

use std::collections::HashSet;

use coditect_types::graph::{EdgeKind, FileFacts, How, NodeKind, On, Shape, Traits};

use super::lists::Lists;
use super::names::{NONE, Name};
use super::{Family, Held, Kept, KeptImport, KeptOn, KeptSymbol, KeptUse, NO, ProjectGraph};

/// Names of files that stand for the folder that they are in.
const HUBS: &[&str] = &["__init__", "index", "mod", "lib", "main"];

/// A file's name without what follows its first dot.
pub(super) fn stem_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

/// The folder that a file is in; `""`: the top.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn is_hub(path: &str) -> bool {
    HUBS.contains(&stem_of(path))
}

/// The names by which a file may be imported: its own, and its folder's where it stands for it or is one of a package.
pub(super) fn imported_as(path: &str) -> Vec<&str> {
    let mut names = vec![stem_of(path)];
    let folder = folder_of(path).rsplit('/').next().unwrap_or_default();
    if !folder.is_empty() {
        names.push(folder);
    }
    names
}

/// The parts of a module's or a type's path, in any language.
pub(super) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', ':', '/']).filter(|part| !part.is_empty())
}

/// What tells a symbol from the others of its file, so that it stays the same node when the file changes.
type Key = (NodeKind, Name, Name);

impl ProjectGraph {
    pub(super) fn new_node(&mut self, held: Held) -> u32 {
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = held;
            return at;
        }
        self.nodes.push(held);
        u32::try_from(self.nodes.len() - 1).unwrap_or(NO)
    }

    /// A node that stands in no file, made if need be.
    pub(super) fn other(&mut self, kind: NodeKind, name: &str) -> u32 {
        let name = self.names.keep(name);
        if let Some(known) = self.others.get(&(kind, name)) {
            return *known;
        }
        let at = self.new_node(Held {
            kind,
            traits: Traits::default(),
            name,
            full: name,
            file: NO,
            place: NO,
            lines: (0, 0),
            shape: Shape::default(),
            is_there: true,
        });
        self.others.insert((kind, name), at);
        at
    }

    /// A file that was not known: its place, with nothing in it yet.
    pub(super) fn new_file(&mut self, path: &str) -> u32 {
        let name = self.names.keep(path);
        let file = self.free_files.pop().unwrap_or_else(|| {
            self.files.push(None);
            u32::try_from(self.files.len() - 1).unwrap_or(NO)
        });
        let node = self.new_node(Held {
            kind: NodeKind::File,
            traits: Traits::default(),
            name,
            full: name,
            file,
            place: NO,
            lines: (0, 0),
            shape: Shape::default(),
            is_there: true,
        });
        self.files[file as usize] = Some(Kept {
            path: name,
            node,
            family: Family::of(path),
            for_tests: false,
            broken: false,
            hash: [0; 16],
            stamp: coditect_types::graph::Stamp::default(),
            symbols: Vec::new(),
            imports: Vec::new(),
            uses: Vec::new(),
            exports: Vec::new(),
            mentions: Vec::new(),
            bases: Vec::new(),
            loose: Vec::new(),
            index: Vec::new(),
        });
        self.by_path.insert(name, file);
        self.register(file);
        file
    }

    /// Puts a file into the indexes by which it is imported.
    pub(super) fn register(&mut self, file: u32) {
        if self.many {
            return;
        }
        let Some(path) = self.file(file).map(|kept| self.names.get(kept.path).to_owned()) else { return };
        for name in imported_as(&path) {
            let name = self.names.keep(name);
            let mut files = self.stems.get(name).to_vec();
            if let Err(at) = files.binary_search(&file) {
                files.insert(at, file);
                self.stems.set(name, &files);
            }
        }
        let files = self.folders.entry(folder_of(&path).to_owned()).or_default();
        if let Err(at) = files.binary_search(&file) {
            files.insert(at, file);
        }
    }

    pub(super) fn unregister(&mut self, file: u32) {
        if self.many {
            return;
        }
        let Some(path) = self.file(file).map(|kept| self.names.get(kept.path).to_owned()) else { return };
        for name in imported_as(&path) {
            let name = self.names.keep(name);
            let files: Vec<u32> = self.stems.get(name).iter().copied().filter(|one| *one != file).collect();
            self.stems.set(name, &files);
        }
        if let Some(files) = self.folders.get_mut(folder_of(&path)) {
            files.retain(|one| *one != file);
        }
    }

    /// Makes the indexes of names anew.
    pub(super) fn index_all(&mut self) {
        self.many = false;
        self.by_path =
            (0..).zip(&self.files).filter_map(|(at, file)| Some((file.as_ref()?.path, at))).collect();
        self.folders.clear();
        let mut stems: Vec<(Name, u32)> = Vec::new();
        for (at, file) in (0..).zip(&self.files) {
            let Some(file) = file else { continue };
            let path = self.names.get(file.path).to_owned();
            stems.extend(imported_as(&path).into_iter().map(|name| (self.names.keep(name), at)));
            self.folders.entry(folder_of(&path).to_owned()).or_default().push(at);
        }
        stems.sort_unstable();
        stems.dedup();
        let symbols = (0..).zip(&self.nodes).filter(|(_, held)| held.is_there && held.kind.is_symbol());
        let mut definers: Vec<(Name, u32)> = symbols.map(|(at, held)| (held.name, at)).collect();
        definers.sort_unstable();
        let count = self.names.kept().1.len();
        self.stems = Lists::of(count, stems.into_iter());
        self.definers = Lists::of(count, definers.into_iter());
        self.others = (0..)
            .zip(&self.nodes)
            .filter(|(_, held)| held.is_there && held.kind != NodeKind::File && !held.kind.is_symbol())
            .map(|(at, held)| ((held.kind, held.name), at))
            .collect();
    }

    pub(super) fn defines(&mut self, name: Name, node: u32) {
        if self.many {
            return;
        }
        let mut nodes = self.definers.get(name).to_vec();
        if let Err(at) = nodes.binary_search(&node) {
            nodes.insert(at, node);
            self.definers.set(name, &nodes);
        }
    }

    pub(super) fn defines_no_more(&mut self, name: Name, node: u32) {
        if self.many {
            return;
        }
        let nodes: Vec<u32> = self.definers.get(name).iter().copied().filter(|one| *one != node).collect();
        self.definers.set(name, &nodes);
    }

    /// The symbols of a file as nodes. Those that were there stay the nodes that they are; gives the ones that are new and
    /// the nodes that nothing stands for any more.
    pub(super) fn take_symbols(
        &mut self,
        file: u32,
        facts: &FileFacts,
        old: &[KeptSymbol],
    ) -> (Vec<KeptSymbol>, Vec<Name>, Vec<u32>) {
        let mut left: Vec<(Key, u32)> = old
            .iter()
            .map(|one| ((one.kind, self.nodes[one.node as usize].full, one.owner), one.node))
            .collect();
        // Of several that are alike the first stays the first.
        left.sort_by_key(|(key, _)| *key);
        // How many of those that are alike are taken, at the first of them.
        let mut taken = vec![0_usize; left.len()];
        let mut stays: HashSet<u32> = HashSet::new();
        let (mut symbols, mut new): (Vec<KeptSymbol>, Vec<Name>) =
            (Vec::with_capacity(facts.symbols.len()), Vec::new());
        for (place, fact) in facts.symbols.iter().enumerate() {
            let name = self.names.keep(&fact.name);
            let owner = self.names.keep(&fact.owner);
            let around = fact
                .parent
                .and_then(|at| symbols.get(at as usize))
                .map(|one| self.nodes[one.node as usize].full);
            let full = match around.or(Some(owner).filter(|owner| *owner != NONE)) {
                Some(around) => {
                    let text = format!("{}::{}", self.names.get(around), fact.name);
                    self.names.keep(&text)
                }
                None => name,
            };
            let held = Held {
                kind: fact.kind,
                traits: fact.traits,
                name,
                full,
                file,
                place: u32::try_from(place).unwrap_or(NO),
                lines: fact.lines,
                shape: fact.shape,
                is_there: true,
            };
            let key = (fact.kind, full, owner);
            let from = left.partition_point(|(other, _)| *other < key);
            let next = from + taken.get(from).copied().unwrap_or_default();
            let node = match left.get(next).filter(|(other, _)| *other == key) {
                Some((_, node)) => {
                    taken[from] += 1;
                    stays.insert(*node);
                    self.nodes[*node as usize] = held;
                    *node
                }
                None => {
                    let node = self.new_node(held);
                    self.defines(name, node);
                    new.push(name);
                    node
                }
            };
            symbols.push(KeptSymbol {
                node,
                kind: fact.kind,
                name,
                parent: fact.parent.unwrap_or(NO),
                owner,
            });
        }
        let gone = left.iter().map(|(_, node)| *node).filter(|node| !stays.contains(node)).collect();
        (symbols, new, gone)
    }

    /// What else a file says, with names as numbers.
    pub(super) fn take_facts(&mut self, file: u32, facts: &FileFacts) {
        let names = &mut self.names;
        let uses: Vec<KeptUse> = facts
            .uses
            .iter()
            .map(|one| KeptUse {
                from: one.from.unwrap_or(NO),
                name: names.keep(&one.name),
                on: match &one.on {
                    On::Nothing => KeptOn::Nothing,
                    On::Own => KeptOn::Own,
                    On::Named(path) => KeptOn::Named(names.keep(path)),
                    On::Typed(path) => KeptOn::Typed(names.keep(path)),
                    On::Unknown => KeptOn::Unknown,
                },
                kind: match one.how {
                    How::Called => EdgeKind::Calls,
                    How::Named => EdgeKind::Uses,
                    How::Extended => EdgeKind::Extends,
                },
            })
            .collect();
        let imports: Vec<KeptImport> = facts
            .imports
            .iter()
            .map(|one| KeptImport {
                module: names.keep(&one.module),
                dots: one.dots,
                name: names.keep(&one.name),
                local: names.keep(&one.local),
            })
            .collect();
        let exports =
            facts.exports.iter().map(|(name, local)| (names.keep(name), names.keep(local))).collect();
        let mut mentions: Vec<Name> = Vec::new();
        let mut paths: Vec<Name> = Vec::new();
        for one in &uses {
            mentions.push(one.name);
            match one.on {
                KeptOn::Named(path) | KeptOn::Typed(path) => paths.push(path),
                KeptOn::Nothing | KeptOn::Own | KeptOn::Unknown => {}
            }
        }
        for one in &imports {
            mentions.extend([one.name, one.local]);
            paths.push(one.module);
        }
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let text = names.get(path).to_owned();
            mentions.extend(parts(&text).map(|part| names.keep(stem_of(part))));
        }
        mentions.sort_unstable();
        mentions.dedup();
        if let Some(kept) = self.files[file as usize].as_mut() {
            kept.uses = uses;
            kept.imports = imports;
            kept.exports = exports;
            kept.mentions = mentions;
            kept.broken = facts.broken;
            kept.for_tests = facts.for_tests;
            self.nodes[kept.node as usize].traits.for_tests = facts.for_tests;
        }
    }
}

impl Kept {
    /// Makes the index of its symbols anew.
    pub(super) fn sort_index(&mut self) {
        let types = self.symbols.iter().enumerate().filter(|(_, one)| one.kind == NodeKind::Type);
        let mut types: Vec<(Name, u32)> =
            types.map(|(at, one)| (one.name, u32::try_from(at).unwrap_or(NO))).collect();
        types.sort_unstable();
        let within = |one: &KeptSymbol| {
            if one.parent != NO && one.owner == NONE {
                return one.parent + 1;
            }
            if one.owner == NONE {
                return 0;
            }
            let at = types.partition_point(|(name, _)| *name < one.owner);
            // What belongs to a type of another file stands nowhere here.
            types.get(at).filter(|(name, _)| *name == one.owner).map_or(NO, |(_, at)| at + 1)
        };
        self.index = self
            .symbols
            .iter()
            .enumerate()
            .map(|(at, one)| (within(one), one.name, u32::try_from(at).unwrap_or(NO)))
            .collect();
        self.index.sort_unstable();
    }

    /// The symbols of a name within another (0: at the top), as nodes; the last one first, since it is what the name is bound
    /// to in the end.
    pub(super) fn within(&self, around: u32, name: Name) -> impl Iterator<Item = u32> {
        let from = self.index.partition_point(|(a, n, _)| (*a, *n) < (around, name));
        let to = self.index.partition_point(|(a, n, _)| (*a, *n) <= (around, name));
        self.index[from..to]
            .iter()
            .rev()
            .filter_map(|(_, _, at)| self.symbols.get(*at as usize))
            .map(|one| one.node)
    }
}
