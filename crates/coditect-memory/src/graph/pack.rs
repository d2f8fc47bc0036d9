//! Names that nothing has any more go when a graph is kept.
//!
//! While a graph is in memory a name keeps its number, since names stand in all of it. A project that is edited for long has had many
//! more names than it has. When most of them are idle the rest get new numbers, in the same order, so that what is sorted stays so.

use super::keep::imported_as;
use super::names::{NONE, Name};
use super::{Kept, KeptOn, ProjectGraph};

impl ProjectGraph {
    /// It with the names alone that it has, to be written: its indexes are those of the old numbers. None: at most half of them are
    /// idle.
    pub(super) fn packed(&self) -> Option<Self> {
        let used = self.used_names();
        if used.iter().filter(|used| **used).count() * 2 >= used.len() {
            return None;
        }
        let mut new: Vec<Name> = Vec::with_capacity(used.len());
        let mut next: Name = 0;
        for used in &used {
            // Whatever had an idle name has none: a node that is not there.
            new.push(if *used { next } else { NONE });
            next += Name::from(*used);
        }
        let new = |name: &mut Name| *name = new.get(*name as usize).copied().unwrap_or(NONE);
        let mut graph = self.clone();
        graph.names = self.names.only(&used);
        for held in &mut graph.nodes {
            new(&mut held.name);
            new(&mut held.full);
        }
        graph.files.iter_mut().flatten().for_each(|file| file.rename(&new));
        graph.ended.each_name(&new);
        graph.history = std::mem::take(&mut graph.history)
            .into_iter()
            .map(|(mut path, nodes)| {
                new(&mut path);
                (path, nodes)
            })
            .collect();
        Some(graph)
    }

    /// Which names something has, by their numbers.
    fn used_names(&self) -> Vec<bool> {
        let mut used = vec![false; self.names.count()];
        let mut mark = |name: Name| {
            if let Some(used) = used.get_mut(name as usize) {
                *used = true;
            }
        };
        mark(NONE);
        for held in self.nodes.iter().filter(|held| held.is_there) {
            mark(held.name);
            mark(held.full);
        }
        for file in self.files.iter().flatten() {
            file.each_name(&mut mark);
            // Whoever reads the graph again looks these up.
            imported_as(self.names.get(file.path))
                .into_iter()
                .filter_map(|name| self.names.find(name))
                .for_each(&mut mark);
        }
        for edge in self.ended.list() {
            [edge.from.0, edge.from.1, edge.to.0, edge.to.1].into_iter().for_each(&mut mark);
        }
        self.history.keys().copied().for_each(&mut mark);
        used
    }
}

impl Kept {
    fn each_name(&self, mark: &mut impl FnMut(Name)) {
        mark(self.path);
        for symbol in &self.symbols {
            mark(symbol.name);
            mark(symbol.owner);
        }
        for import in &self.imports {
            [import.module, import.name, import.local].into_iter().for_each(&mut *mark);
        }
        for one in &self.uses {
            mark(one.name);
            match one.on {
                KeptOn::Named(path) | KeptOn::Typed(path) => mark(path),
                KeptOn::Nothing | KeptOn::Own | KeptOn::Unknown => {}
            }
        }
        for (name, local) in &self.exports {
            mark(*name);
            mark(*local);
        }
        self.mentions.iter().chain(&self.loose).copied().for_each(mark);
    }

    /// Gives every name in it the number that it has now. The index of its symbols is made anew when it is read.
    fn rename(&mut self, new: &impl Fn(&mut Name)) {
        new(&mut self.path);
        for symbol in &mut self.symbols {
            new(&mut symbol.name);
            new(&mut symbol.owner);
        }
        for import in &mut self.imports {
            [&mut import.module, &mut import.name, &mut import.local].into_iter().for_each(new);
        }
        for one in &mut self.uses {
            new(&mut one.name);
            match &mut one.on {
                KeptOn::Named(path) | KeptOn::Typed(path) => new(path),
                KeptOn::Nothing | KeptOn::Own | KeptOn::Unknown => {}
            }
        }
        for (name, local) in &mut self.exports {
            new(name);
            new(local);
        }
        self.mentions.iter_mut().chain(&mut self.loose).for_each(new);
    }
}
