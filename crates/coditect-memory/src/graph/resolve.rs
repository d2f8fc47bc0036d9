//! What names stand for.
//!
//! In this order: what is defined around the place, what the file defines, what it imports by that name (through files that only
//! pass names on), what its package or a star gives; of something that is used on a value, the type of that value where it is
//! written, and its bases. Only where nothing of that tells, a name that few things in the project have is taken for one of
//! these. Each way has its own confidence.

use std::collections::HashMap;
use std::rc::Rc;

use coditect_types::graph::{EdgeKind, NodeKind};

use super::names::{ByNumber, NONE, Name};
use super::{Family, Kept, KeptImport, KeptOn, KeptUse, NO, ProjectGraph};

mod guess;
mod modules;
mod pass;

/// How sure an edge is, of 100, by the way in which its end was found.
mod sure {
    pub(super) const CERTAIN: u8 = 100;
    /// Bound in the same file.
    pub(super) const HERE: u8 = 97;
    pub(super) const IMPORTED: u8 = 95;
    /// A member of a class of which the object is one.
    pub(super) const OWN: u8 = 93;
    pub(super) const PACKAGE: u8 = 90;
    /// A member of the type that is written.
    pub(super) const TYPED: u8 = 88;
    pub(super) const STAR: u8 = 85;
    /// The only thing in the project that has the name, and one of few.
    pub(super) const ONLY: u8 = 50;
    pub(super) const FEW: u8 = 30;
    /// A global name that some file defines.
    pub(super) const GLOBAL: u8 = 40;
}

/// Types that are looked into for a member.
const MOST_TYPES: usize = 200;

/// What was found of one file.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// From, to, what, how sure.
    pub(super) edges: Vec<(u32, u32, EdgeKind, u8)>,
    /// Packages of others that it imports.
    pub(super) dependencies: Vec<(String, u8)>,
    /// Names that lead nowhere for certain.
    pub(super) loose: Vec<Name>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant<'g> {
    Node(u32),
    File(u32),
    /// All files of a package.
    Files(&'g [u32]),
    /// Something that the project does not hold.
    Outside,
    Nothing,
}

/// One thread's look at the graph.
#[derive(Debug)]
pub(super) struct Sight<'g> {
    graph: &'g ProjectGraph,
    /// Modules that were looked for, from where; None: one is looked for just now.
    modules: HashMap<(Name, Name, u8), Option<Meant<'g>>>,
    /// What files have under a name for others, as far as it was asked.
    passed: pass::Passed<'g>,
    /// Types by their names, as files and packages see them.
    types: HashMap<(Name, Name), Option<u32>>,
    /// Members that are written outside of their types, by their names and those of the types.
    outside: ByNumber<Name, HashMap<(Family, Name), Vec<u32>>>,
    /// Files of packages, by their folders.
    packages: HashMap<(&'g str, Family, bool), Rc<[u32]>>,
    /// Crates of Rust by the names by which they are used.
    crates: ByNumber<Name, Option<u32>>,
    /// Names that say nothing, sorted.
    common: Vec<Name>,
    file: u32,
    /// What the file that is looked at imports, by the names there.
    imports: ByNumber<Name, Vec<KeptImport>>,
    stars: Vec<KeptImport>,
}

impl<'g> Sight<'g> {
    pub(super) fn of(graph: &'g ProjectGraph) -> Self {
        let mut common: Vec<Name> = guess::COMMON.iter().filter_map(|name| graph.names.find(name)).collect();
        common.sort_unstable();
        Self {
            graph,
            modules: HashMap::new(),
            passed: pass::Passed::default(),
            types: HashMap::new(),
            outside: ByNumber::default(),
            packages: HashMap::new(),
            crates: ByNumber::default(),
            common,
            file: NO,
            imports: ByNumber::default(),
            stars: Vec::new(),
        }
    }

    fn stand(&mut self, file: u32) -> Option<&'g Kept> {
        let kept = self.graph.file(file)?;
        if self.file != file {
            self.file = file;
            self.imports.clear();
            self.stars.clear();
            for import in &kept.imports {
                if self.graph.names.get(import.name) == "*" {
                    self.stars.push(*import);
                } else if import.local != NONE {
                    self.imports.entry(import.local).or_default().push(*import);
                }
            }
        }
        Some(kept)
    }

    /// What the types of a file are made from.
    pub(super) fn bases(&mut self, file: u32) -> Vec<(u32, u32)> {
        let Some(kept) = self.stand(file) else { return Vec::new() };
        let mut bases = Vec::new();
        for one in kept.uses.iter().filter(|one| one.kind == EdgeKind::Extends && one.from != NO) {
            if let Some((Meant::Node(node), _)) = self.meaning(kept, one)
                && self.graph.nodes[node as usize].kind == NodeKind::Type
            {
                bases.push((one.from, node));
            }
        }
        // Looked up by the type; the order in which one type names its bases stays.
        bases.sort_by_key(|(at, _)| *at);
        bases.dedup();
        bases
    }

    /// The edges that begin in a file.
    pub(super) fn edges(&mut self, file: u32) -> Found {
        let mut found = Found::default();
        let Some(kept) = self.stand(file) else { return found };
        // The index knows the type that something belongs to which is written outside of it.
        for (around, _, place) in &kept.index {
            let Some(one) = kept.symbols.get(*place as usize) else { continue };
            let parent = if one.owner == NONE { one.parent } else { around.wrapping_sub(1) };
            let around = kept.symbols.get(parent as usize).map_or(kept.node, |parent| parent.node);
            found.edges.push((around, one.node, EdgeKind::Defines, sure::CERTAIN));
        }
        for import in &kept.imports {
            match self.imported(kept, import).0 {
                Meant::Node(node) => {
                    let other = self.graph.nodes[node as usize].file;
                    let to = self.graph.file(other).map(|kept| kept.node).filter(|_| other != file);
                    found.edges.extend(to.map(|to| (kept.node, to, EdgeKind::Imports, sure::IMPORTED)));
                }
                Meant::File(other) if other != file => {
                    let to = self.graph.file(other).map(|kept| kept.node);
                    found.edges.extend(to.map(|to| (kept.node, to, EdgeKind::Imports, sure::IMPORTED)));
                }
                Meant::Files(files) => {
                    let others = files
                        .iter()
                        .filter(|other| **other != file)
                        .filter_map(|other| self.graph.file(*other));
                    found.edges.extend(
                        others.map(|other| (kept.node, other.node, EdgeKind::Imports, sure::PACKAGE)),
                    );
                }
                Meant::Outside => {
                    found
                        .dependencies
                        .extend(self.package_of(kept, import).map(|name| (name, sure::IMPORTED)));
                }
                Meant::File(_) | Meant::Nothing => {}
            }
            self.passing(kept, import, &mut found);
        }
        for one in &kept.uses {
            self.lead(kept, one, &mut found);
        }
        found.dependencies.sort_unstable();
        found.dependencies.dedup();
        found
    }

    /// A file that is imported for a name that it only passes on is imported all the same.
    fn passing(&mut self, kept: &'g Kept, import: &KeptImport, found: &mut Found) {
        if let Meant::File(hub) = self.module(kept, import.module, import.dots)
            && hub != self.file
            && let Some(hub) = self.graph.file(hub)
        {
            found.edges.push((kept.node, hub.node, EdgeKind::Imports, sure::IMPORTED));
        }
    }

    fn lead(&mut self, kept: &'g Kept, one: &KeptUse, found: &mut Found) {
        let source = kept.symbols.get(one.from as usize);
        let from = source.map_or(kept.node, |source| source.node);
        let is_test = source.is_some_and(|source| source.kind == NodeKind::Test);
        let mut push = |to: u32, sure: u8| {
            if to != from {
                let held = &self.graph.nodes[to as usize];
                let tests = is_test && !held.traits.for_tests && held.kind.is_symbol();
                found.edges.push((from, to, if tests { EdgeKind::Tests } else { one.kind }, sure));
            }
        };
        match self.meaning(kept, one) {
            Some((Meant::Node(node), sure)) => push(node, sure),
            Some((Meant::File(file), sure)) => {
                if let Some(file) = self.graph.file(file) {
                    push(file.node, sure);
                }
            }
            Some((Meant::Files(_) | Meant::Outside, _)) => {}
            Some((Meant::Nothing, _)) | None => {
                let guesses = self.guesses(kept, one);
                for (node, sure) in &guesses {
                    push(*node, *sure);
                }
                if guesses.len() != 1 {
                    found.loose.push(one.name);
                }
            }
        }
    }

    /// What a use means, as far as that can be told.
    fn meaning(&mut self, kept: &'g Kept, one: &KeptUse) -> Option<(Meant<'g>, u8)> {
        match one.on {
            KeptOn::Nothing => self.bare(kept, one.from, one.name),
            KeptOn::Own => {
                let own = self.own_type(kept, one.from)?;
                self.member(own, one.name).map(|node| (Meant::Node(node), sure::OWN))
            }
            KeptOn::Named(path) => {
                let (meant, sure) = self.path(kept, one.from, path)?;
                match self.inside(kept, meant, one.name) {
                    Meant::Nothing => None,
                    found @ (Meant::Node(_) | Meant::File(_) | Meant::Files(_) | Meant::Outside) => {
                        Some((found, sure))
                    }
                }
            }
            KeptOn::Typed(path) => {
                let (meant, _) = self.path(kept, one.from, path)?;
                match meant {
                    Meant::Node(of) => self.member(of, one.name).map(|node| (Meant::Node(node), sure::TYPED)),
                    Meant::Outside => Some((Meant::Outside, sure::TYPED)),
                    Meant::File(_) | Meant::Files(_) | Meant::Nothing => None,
                }
            }
            KeptOn::Unknown => None,
        }
    }

    /// The type that the code of a symbol belongs to.
    fn own_type(&mut self, kept: &'g Kept, from: u32) -> Option<u32> {
        let mut at = from;
        while let Some(symbol) = kept.symbols.get(at as usize) {
            if symbol.kind == NodeKind::Type {
                return Some(symbol.node);
            }
            if symbol.owner != NONE {
                return self.type_called(kept, symbol.owner);
            }
            at = symbol.parent;
        }
        None
    }

    /// A type of this file or its package by its name.
    fn type_called(&mut self, kept: &'g Kept, name: Name) -> Option<u32> {
        if let Some(known) = self.types.get(&(kept.path, name)) {
            return *known;
        }
        let is_type = |node: &u32| self.graph.nodes[*node as usize].kind == NodeKind::Type;
        let here = kept.symbols.iter().find(|one| one.kind == NodeKind::Type && one.name == name);
        let found = here.map(|one| one.node).or_else(|| {
            let folder = super::keep::folder_of(self.graph.names.get(kept.path));
            let is_near = |node: &u32| {
                let file = self.graph.file(self.graph.nodes[*node as usize].file);
                file.is_some_and(|file| {
                    file.family == kept.family
                        && (kept.family == Family::Rust
                            || super::keep::folder_of(self.graph.names.get(file.path)) == folder)
                })
            };
            let all = self.graph.definers.get(name).iter().copied();
            let mut near = all.filter(is_type).filter(is_near);
            near.next().filter(|_| near.next().is_none())
        });
        self.types.insert((kept.path, name), found);
        found
    }

    /// A member of a type, or of one that it is made from. Types may be made from one another in circles.
    fn member(&mut self, of: u32, name: Name) -> Option<u32> {
        let (mut open, mut seen) = (vec![of], Vec::new());
        while let Some(of) = open.pop() {
            if seen.contains(&of) || seen.len() >= MOST_TYPES {
                continue;
            }
            seen.push(of);
            let Some(held) = self.graph.nodes.get(of as usize) else { continue };
            let Some(kept) = self.graph.file(held.file) else { continue };
            let own = kept.symbols.get(held.place as usize).filter(|one| one.node == of);
            let Some(own) = own else { continue };
            if let Some(found) = kept.within(held.place + 1, name).next() {
                return Some(found);
            }
            if let Some(found) = self.elsewhere((held.file, kept.family, own.name), name) {
                return Some(found);
            }
            let from = kept.bases.partition_point(|(at, _)| *at < held.place);
            let bases = kept.bases[from..].iter().take_while(|(at, _)| *at == held.place);
            let before = open.len();
            open.extend(bases.map(|(_, base)| *base));
            open[before..].reverse();
        }
        None
    }

    /// What is written outside of a type's file for it, if it is one thing: `impl` blocks, methods of other files of the package.
    fn elsewhere(&mut self, (file, family, of): (u32, Family, Name), name: Name) -> Option<u32> {
        let graph = self.graph;
        let by_type = self.outside.entry(name).or_insert_with(|| {
            let mut by_type: HashMap<(Family, Name), Vec<u32>> = HashMap::new();
            for node in graph.definers.get(name) {
                let held = &graph.nodes[*node as usize];
                let Some(file) = graph.file(held.file) else { continue };
                if let Some(one) = file.symbols.get(held.place as usize).filter(|one| one.owner != NONE) {
                    by_type.entry((file.family, one.owner)).or_default().push(*node);
                }
            }
            by_type
        });
        let all = by_type.get(&(family, of)).into_iter().flatten().copied();
        let mut others = all.filter(|node| graph.nodes[*node as usize].file != file);
        others.next().filter(|_| others.next().is_none())
    }

    /// A name that stands alone.
    fn bare(&mut self, kept: &'g Kept, from: u32, name: Name) -> Option<(Meant<'g>, u8)> {
        let mut at = from;
        while let Some(symbol) = kept.symbols.get(at as usize) {
            if symbol.kind == NodeKind::Type && kept.family == Family::Java {
                if let Some(node) = self.member(symbol.node, name) {
                    return Some((Meant::Node(node), sure::OWN));
                }
            } else if (symbol.kind != NodeKind::Type || at == from)
                && let Some(node) = kept
                    .within(at + 1, name)
                    .find(|node| Some(*node) != kept.symbols.get(from as usize).map(|one| one.node))
            {
                return Some((Meant::Node(node), sure::HERE));
            }
            at = symbol.parent;
        }
        let is_bare = |node: &u32| {
            kept.family == Family::Java || self.graph.nodes[*node as usize].kind != NodeKind::Method
        };
        if let Some(node) = kept.within(0, name).find(is_bare) {
            return Some((Meant::Node(node), sure::HERE));
        }
        if let Some(found) = self.by_import(kept, name) {
            return Some(found);
        }
        self.in_package(kept, name).or_else(|| self.by_star(kept, name)).or_else(|| self.fixture(kept, name))
    }

    fn by_import(&mut self, kept: &'g Kept, name: Name) -> Option<(Meant<'g>, u8)> {
        let imports = if self.graph.file(self.file).is_some_and(|own| std::ptr::eq(own, kept)) {
            self.imports.get(&name).cloned().unwrap_or_default()
        } else {
            kept.imports
                .iter()
                .filter(|one| one.local == name && self.graph.names.get(one.name) != "*")
                .copied()
                .collect()
        };
        // The last of several is what the name is bound to in the end; one that leads somewhere is better than one that does not.
        let mut best = None;
        for import in imports.iter().rev() {
            match self.imported(kept, import) {
                (Meant::Nothing, _) => {}
                (Meant::Outside, sure) => best = best.or(Some((Meant::Outside, sure))),
                found => return Some(found),
            }
        }
        best
    }

    /// What the other files of a package define.
    fn in_package(&mut self, kept: &'g Kept, name: Name) -> Option<(Meant<'g>, u8)> {
        if !matches!(kept.family, Family::Go | Family::Java) {
            return None;
        }
        let top = |file: &'g Kept| {
            file.within(0, name).find(|node| self.graph.nodes[*node as usize].kind != NodeKind::Method)
        };
        let files = self.package(kept);
        files
            .iter()
            .filter_map(|file| self.graph.file(*file))
            .find_map(top)
            .map(|node| (Meant::Node(node), sure::PACKAGE))
    }

    fn by_star(&mut self, kept: &'g Kept, name: Name) -> Option<(Meant<'g>, u8)> {
        let stars = if self.graph.file(self.file).is_some_and(|own| std::ptr::eq(own, kept)) {
            self.stars.clone()
        } else {
            kept.imports.iter().filter(|one| self.graph.names.get(one.name) == "*").copied().collect()
        };
        for star in stars {
            let module = self.module(kept, star.module, star.dots);
            if let Meant::Node(node) = self.inside(kept, module, name) {
                return Some((Meant::Node(node), sure::STAR));
            }
        }
        None
    }

    /// What pytest gives to a test by the name of its parameter.
    fn fixture(&self, kept: &'g Kept, name: Name) -> Option<(Meant<'g>, u8)> {
        if kept.family != Family::Python || !kept.for_tests {
            return None;
        }
        let mut folder = Some(super::keep::folder_of(self.graph.names.get(kept.path)));
        while let Some(at) = folder {
            let path = if at.is_empty() { "conftest.py".to_owned() } else { format!("{at}/conftest.py") };
            let file = self.graph.names.find(&path).and_then(|path| self.graph.by_path.get(&path));
            if let Some(node) =
                file.and_then(|file| self.graph.file(*file)).and_then(|file| file.within(0, name).next())
            {
                return Some((Meant::Node(node), sure::STAR));
            }
            folder = (!at.is_empty()).then(|| super::keep::folder_of(at));
        }
        None
    }

    /// What has a name in something.
    fn inside(&mut self, from: &'g Kept, meant: Meant<'g>, name: Name) -> Meant<'g> {
        match meant {
            Meant::Node(node) => match self.member(node, name) {
                Some(member) => Meant::Node(member),
                None => Meant::Nothing,
            },
            Meant::File(file) => self.top(file, name),
            Meant::Files(files) => {
                let tops = files
                    .iter()
                    .filter_map(|file| self.graph.file(*file))
                    .filter(|file| !file.for_tests || from.for_tests);
                tops.into_iter()
                    .find_map(|file| file.within(0, name).next())
                    .map_or(Meant::Nothing, Meant::Node)
            }
            Meant::Outside => Meant::Outside,
            Meant::Nothing => Meant::Nothing,
        }
    }

    /// What a path of names stands for, from a place in a file.
    fn path(&mut self, kept: &'g Kept, from: u32, path: Name) -> Option<(Meant<'g>, u8)> {
        if let Some(found) = self.by_import(kept, path) {
            return Some(found);
        }
        let text = self.graph.names.get(path);
        if kept.family == Family::Rust
            && let Some(found) = self.rust_path(kept, text)
        {
            return Some((found, sure::IMPORTED));
        }
        let mut parts = super::keep::parts(text);
        let first = self.graph.names.find(parts.next()?)?;
        let (mut meant, sure) = self.bare(kept, from, first)?;
        for part in parts {
            let part = self.graph.names.find(part)?;
            meant = self.inside(kept, meant, part);
        }
        (meant != Meant::Nothing).then_some((meant, sure))
    }
}
