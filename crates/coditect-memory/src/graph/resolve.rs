//! What names stand for.
//!
//! In this order: what is defined around the place, what the file defines, what it imports by that name (through files that only
//! pass names on), what its package or a star gives; of something that is used on a value, the type of that value where it is
//! written, and its bases. Only where nothing of that tells, a name that few things in the project have is taken for one of
//! these. Each way has its own confidence.

use std::collections::HashMap;

use coditect_types::graph::{EdgeKind, NodeKind};

use super::names::{ByNumber, NONE, Name};
use super::{Family, Kept, KeptImport, KeptOn, KeptUse, NO, ProjectGraph};

mod guess;
mod modules;

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

/// Steps through files that pass names on, and up a hierarchy of types.
const DEEPEST: usize = 8;

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
    /// Modules that were looked for, from where.
    modules: HashMap<(Name, Name, u8), Meant<'g>>,
    /// What files have under a name for others, as far as it was asked.
    tops: HashMap<(u32, Name), Meant<'g>>,
    /// How many files pass the name on that is looked for just now.
    deep: usize,
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
            tops: HashMap::new(),
            deep: 0,
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
            match self.imported(kept, import, 0).0 {
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
                self.member(own, one.name, 0).map(|node| (Meant::Node(node), sure::OWN))
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
                    Meant::Node(of) => {
                        self.member(of, one.name, 0).map(|node| (Meant::Node(node), sure::TYPED))
                    }
                    Meant::Outside => Some((Meant::Outside, sure::TYPED)),
                    Meant::File(_) | Meant::Files(_) | Meant::Nothing => None,
                }
            }
            KeptOn::Unknown => None,
        }
    }

    /// The type that the code of a symbol belongs to.
    fn own_type(&self, kept: &'g Kept, from: u32) -> Option<u32> {
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
    fn type_called(&self, kept: &'g Kept, name: Name) -> Option<u32> {
        let is_type = |node: &u32| self.graph.nodes[*node as usize].kind == NodeKind::Type;
        let here = kept.symbols.iter().find(|one| one.kind == NodeKind::Type && one.name == name);
        here.map(|one| one.node).or_else(|| {
            let folder = super::keep::folder_of(self.graph.names.get(kept.path));
            let near = self.graph.definers.get(name).iter().copied().filter(is_type).filter(|node| {
                let file = self.graph.file(self.graph.nodes[*node as usize].file);
                file.is_some_and(|file| {
                    file.family == kept.family
                        && (kept.family == Family::Rust
                            || super::keep::folder_of(self.graph.names.get(file.path)) == folder)
                })
            });
            let near: Vec<u32> = near.collect();
            (near.len() == 1).then(|| near[0])
        })
    }

    /// A member of a type, or of one that it is made from.
    fn member(&self, of: u32, name: Name, depth: usize) -> Option<u32> {
        let held = self.graph.nodes.get(of as usize)?;
        let kept = self.graph.file(held.file)?;
        let around = kept.symbols.get(held.place as usize).filter(|one| one.node == of)?;
        if let Some(found) = kept.within(held.place + 1, name).next() {
            return Some(found);
        }
        // What is written elsewhere for it: `impl` blocks, methods of other files of the package.
        let elsewhere = self.graph.definers.get(name).iter().copied().filter(|node| {
            let other = &self.graph.nodes[*node as usize];
            let file = self.graph.file(other.file).filter(|file| file.family == kept.family);
            other.file != held.file
                && file
                    .and_then(|file| file.symbols.get(other.place as usize))
                    .is_some_and(|one| one.owner == around.name)
        });
        let elsewhere: Vec<u32> = elsewhere.take(2).collect();
        if let [one] = elsewhere[..] {
            return Some(one);
        }
        if depth >= DEEPEST {
            return None;
        }
        let bases = kept.bases.iter().filter(|(at, node)| *at == held.place && *node != of);
        bases.into_iter().find_map(|(_, base)| self.member(*base, name, depth + 1))
    }

    /// A name that stands alone.
    fn bare(&mut self, kept: &'g Kept, from: u32, name: Name) -> Option<(Meant<'g>, u8)> {
        let mut at = from;
        while let Some(symbol) = kept.symbols.get(at as usize) {
            if symbol.kind == NodeKind::Type && kept.family == Family::Java {
                if let Some(node) = self.member(symbol.node, name, 0) {
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
            match self.imported(kept, import, 0) {
                (Meant::Nothing, _) => {}
                (Meant::Outside, sure) => best = best.or(Some((Meant::Outside, sure))),
                found => return Some(found),
            }
        }
        best
    }

    /// What the other files of a package define.
    fn in_package(&self, kept: &'g Kept, name: Name) -> Option<(Meant<'g>, u8)> {
        if !matches!(kept.family, Family::Go | Family::Java) {
            return None;
        }
        let top = |file: &'g Kept| {
            file.within(0, name).find(|node| self.graph.nodes[*node as usize].kind != NodeKind::Method)
        };
        let files = self.package(kept);
        files
            .into_iter()
            .filter_map(|file| self.graph.file(file))
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
            Meant::Node(node) => match self.member(node, name, 0) {
                Some(member) => Meant::Node(member),
                None => Meant::Nothing,
            },
            Meant::File(file) => self.top(file, name, 0),
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

    /// What a file has under a name for others: its own, what it exports by that name, what it passes on.
    fn top(&mut self, file: u32, name: Name, depth: usize) -> Meant<'g> {
        // Files may pass one another's names on in a circle.
        if self.deep > DEEPEST {
            return Meant::Nothing;
        }
        if let Some(known) = self.tops.get(&(file, name)) {
            return *known;
        }
        self.deep += 1;
        let found = self.passed_on(file, name, depth);
        self.deep -= 1;
        if self.deep == 0 {
            self.tops.insert((file, name), found);
        }
        found
    }

    fn passed_on(&mut self, file: u32, name: Name, depth: usize) -> Meant<'g> {
        let Some(kept) = self.graph.file(file).filter(|_| depth <= DEEPEST) else { return Meant::Nothing };
        let is_bare = |node: &u32| self.graph.nodes[*node as usize].kind != NodeKind::Method;
        if let Some(node) = kept.within(0, name).find(is_bare) {
            return Meant::Node(node);
        }
        let local = kept
            .exports
            .iter()
            .find(|(exported, local)| *exported == name && *local != name)
            .map(|(_, local)| *local);
        if let Some(node) = local.and_then(|local| kept.within(0, local).next()) {
            return Meant::Node(node);
        }
        let mut outside = false;
        for import in kept.imports.iter().filter(|one| one.local == name || Some(one.local) == local) {
            match self.imported(kept, import, depth + 1).0 {
                Meant::Nothing => {}
                Meant::Outside => outside = true,
                found @ (Meant::Node(_) | Meant::File(_) | Meant::Files(_)) => return found,
            }
        }
        if let Some(child) = self.child_module(kept, name) {
            return Meant::File(child);
        }
        let stars = kept.imports.iter().filter(|one| self.graph.names.get(one.name) == "*");
        for star in stars {
            match self.module(kept, star.module, star.dots) {
                Meant::File(other) if other != file => {
                    let found = self.top(other, name, depth + 1);
                    if found != Meant::Nothing && found != Meant::Outside {
                        return found;
                    }
                }
                Meant::Files(_) | Meant::File(_) | Meant::Node(_) | Meant::Outside | Meant::Nothing => {}
            }
        }
        if outside { Meant::Outside } else { Meant::Nothing }
    }

    /// What an import brings.
    fn imported(&mut self, kept: &'g Kept, import: &KeptImport, depth: usize) -> (Meant<'g>, u8) {
        if depth > DEEPEST {
            return (Meant::Nothing, 0);
        }
        let module = self.module(kept, import.module, import.dots);
        let name = self.graph.names.get(import.name);
        if module == Meant::Nothing
            && let Some(file) = self.submodule(kept, import)
        {
            return (Meant::File(file), sure::IMPORTED);
        }
        if matches!(name, "" | "*") {
            return (module, sure::IMPORTED);
        }
        let found = match module {
            Meant::File(file) => {
                let found = self.top(file, import.name, depth + 1);
                // Whatever a module gives as a whole is the module.
                if found == Meant::Nothing && name == "default" { Meant::File(file) } else { found }
            }
            Meant::Node(_) | Meant::Files(_) | Meant::Outside | Meant::Nothing => {
                self.inside(kept, module, import.name)
            }
        };
        (found, sure::IMPORTED)
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
