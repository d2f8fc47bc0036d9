//! What files have under a name for others: their own, what they export by that name, what they pass on.
//!
//! Files may pass one another's names on in circles, and each may pass on all of many others. So a search goes to each file once
//! for a name, with a stack of its own, and stops after so many steps; what it found is kept where nothing cut it short, so that an
//! answer does not depend on what was asked before.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::super::names::{ByNumber, NONE, Name};
use super::super::{Kept, KeptImport};
use super::{Meant, Sight, sure};
use coditect_types::graph::NodeKind;

/// Questions within one another: the path of a module may lead through what another one passes on.
const DEEPEST: usize = 16;
/// Files that a question looks into, each as often as one leads there.
const MOST_STEPS: usize = 20_000;

/// A place at which a name is looked for.
#[derive(Clone, Copy, Debug)]
enum Step<'g> {
    /// In a file, by the name that it has there; whether a star led to it.
    Ask(u32, Name, Led),
    /// It is this, where nothing before told anything.
    Take(Meant<'g>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Led {
    ByName,
    ByStar,
}

/// The imports and exports of a file, by the names that it has for them.
#[derive(Debug, Default)]
struct Passing {
    imports: ByNumber<Name, Vec<usize>>,
    exports: ByNumber<Name, Name>,
    stars: Vec<usize>,
}

/// What is known of what files pass on.
#[derive(Debug, Default)]
pub(super) struct Passed<'g> {
    tops: HashMap<(u32, Name), Meant<'g>>,
    files: ByNumber<u32, Rc<Passing>>,
    /// Questions that are open.
    deep: usize,
    steps: usize,
    /// Something was cut short: what is found holds for this question alone.
    cut: bool,
}

impl<'g> Sight<'g> {
    /// Answers a question that may lead to others; `keep` gets an answer that holds for ever.
    pub(super) fn ask(
        &mut self,
        look: impl FnOnce(&mut Self) -> Meant<'g>,
        keep: impl FnOnce(&mut Self, Meant<'g>),
    ) -> Meant<'g> {
        if self.passed.deep >= DEEPEST {
            self.passed.cut = true;
            return Meant::Nothing;
        }
        let before = std::mem::take(&mut self.passed.cut);
        self.passed.deep += 1;
        let found = look(self);
        self.passed.deep -= 1;
        let is_outermost = self.passed.deep == 0;
        if is_outermost || !self.passed.cut {
            keep(self, found);
        }
        self.passed.cut = !is_outermost && (before || self.passed.cut);
        if is_outermost {
            self.passed.steps = 0;
        }
        found
    }

    /// Notes that a question leads to itself.
    pub(super) fn cut_short(&mut self) {
        self.passed.cut = true;
    }

    /// What a file has under a name for others.
    pub(super) fn top(&mut self, file: u32, name: Name) -> Meant<'g> {
        if let Some(known) = self.passed.tops.get(&(file, name)) {
            return *known;
        }
        let keep = |sight: &mut Self, found| {
            sight.passed.tops.insert((file, name), found);
        };
        self.ask(|sight| sight.search(file, name), keep)
    }

    fn search(&mut self, file: u32, name: Name) -> Meant<'g> {
        let mut open = vec![Step::Ask(file, name, Led::ByName)];
        let mut seen: HashSet<(u32, Name)> = HashSet::new();
        let mut is_outside = false;
        while let Some(step) = open.pop() {
            let (file, name, led) = match step {
                Step::Take(Meant::Outside) => {
                    is_outside = true;
                    continue;
                }
                Step::Take(found) => return found,
                Step::Ask(file, name, led) => (file, name, led),
            };
            let is_known = self.passed.tops.get(&(file, name)) == Some(&Meant::Nothing);
            if is_known || !seen.insert((file, name)) {
                continue;
            }
            let Some(kept) = self.graph.file(file) else { continue };
            let mut next = Vec::new();
            if let Some(node) = self.onward(kept, (file, name), led, &mut next) {
                return Meant::Node(node);
            }
            next.retain(|step| !matches!(step, Step::Ask(file, name, _) if seen.contains(&(*file, *name))));
            self.passed.steps += 1 + next.len();
            if self.passed.steps > MOST_STEPS {
                self.passed.cut = true;
                return Meant::Nothing;
            }
            open.extend(next.into_iter().rev());
        }
        if is_outside {
            return Meant::Outside;
        }
        if !self.passed.cut {
            // Who was asked on the way has nothing of that name either.
            self.passed.tops.extend(seen.into_iter().map(|asked| (asked, Meant::Nothing)));
        }
        Meant::Nothing
    }

    /// What a file itself has under a name; else where to look next, in that order.
    fn onward(
        &mut self,
        kept: &'g Kept,
        (file, name): (u32, Name),
        led: Led,
        next: &mut Vec<Step<'g>>,
    ) -> Option<u32> {
        let is_bare = |node: &u32| self.graph.nodes[*node as usize].kind != NodeKind::Method;
        if let Some(node) = kept.within(0, name).find(is_bare) {
            return Some(node);
        }
        let passing = self.passed_by(file, kept);
        let local = passing.exports.get(&name).copied();
        if let Some(node) = local.and_then(|local| kept.within(0, local).next()) {
            return Some(node);
        }
        let at = |name: Name| passing.imports.get(&name).into_iter().flatten().copied();
        let mut imports: Vec<usize> = at(name).chain(local.into_iter().flat_map(at)).collect();
        imports.sort_unstable();
        imports.dedup();
        for import in imports.into_iter().filter_map(|at| kept.imports.get(at)) {
            self.through(kept, import, led, next);
        }
        next.extend(self.child_module(kept, name).map(|child| Step::Take(Meant::File(child))));
        for star in passing.stars.iter().filter_map(|at| kept.imports.get(*at)) {
            if let Meant::File(other) = self.module(kept, star.module, star.dots) {
                next.push(Step::Ask(other, name, Led::ByStar));
            }
        }
        None
    }

    /// Where an import of a file that passes a name on leads.
    fn through(&mut self, kept: &'g Kept, import: &KeptImport, led: Led, next: &mut Vec<Step<'g>>) {
        let found = match self.origin(kept, import) {
            (Meant::File(other), true) => {
                next.push(Step::Ask(other, import.name, led));
                if self.graph.names.get(import.name) == "default" {
                    next.push(Step::Take(Meant::File(other)));
                }
                return;
            }
            (module, true) => self.inside(kept, module, import.name),
            (found, false) => found,
        };
        match found {
            Meant::Nothing => {}
            // That some other package may have a name that a star brings says nothing.
            Meant::Outside if led == Led::ByStar => {}
            Meant::Outside | Meant::Node(_) | Meant::File(_) | Meant::Files(_) => {
                next.push(Step::Take(found));
            }
        }
    }

    /// The module that an import names, and whether something is taken out of it.
    fn origin(&mut self, kept: &'g Kept, import: &KeptImport) -> (Meant<'g>, bool) {
        let module = self.module(kept, import.module, import.dots);
        if module == Meant::Nothing
            && let Some(file) = self.submodule(kept, import)
        {
            return (Meant::File(file), false);
        }
        (module, !matches!(self.graph.names.get(import.name), "" | "*"))
    }

    /// What an import brings.
    pub(super) fn imported(&mut self, kept: &'g Kept, import: &KeptImport) -> (Meant<'g>, u8) {
        let found = match self.origin(kept, import) {
            (Meant::File(file), true) => {
                let found = self.top(file, import.name);
                // Whatever a module gives as a whole is the module.
                let is_whole = found == Meant::Nothing && self.graph.names.get(import.name) == "default";
                if is_whole { Meant::File(file) } else { found }
            }
            (module, true) => self.inside(kept, module, import.name),
            (found, false) => found,
        };
        (found, sure::IMPORTED)
    }

    fn passed_by(&mut self, file: u32, kept: &Kept) -> Rc<Passing> {
        if let Some(known) = self.passed.files.get(&file) {
            return Rc::clone(known);
        }
        let mut passing = Passing::default();
        for (at, import) in kept.imports.iter().enumerate() {
            if self.graph.names.get(import.name) == "*" {
                passing.stars.push(at);
            }
            if import.local != NONE {
                passing.imports.entry(import.local).or_default().push(at);
            }
        }
        for (exported, local) in kept.exports.iter().filter(|(exported, local)| exported != local) {
            passing.exports.entry(*exported).or_insert(*local);
        }
        let passing = Rc::new(passing);
        self.passed.files.insert(file, Rc::clone(&passing));
        passing
    }
}
