//! What is known of one file before anything is changed: its regions (functions, classes, the top), the names that
//! are visible in each, its expressions and statements, and how suspicious each is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tree_sitter::{Node, Tree};

use super::borrowed::Shared;
use super::lore::Lore;
use super::table::{Grammar, Shape};
use super::types::{self, Class, Declared, Known, Ty};
use super::walk;
use crate::repair::pool::Weights;
use crate::syntax::text_of;

/// A node with how suspicious its line is, above 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'t> {
    pub(super) node: Node<'t>,
    pub(super) weight: f64,
}

/// How a name came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Parameter,
    Local,
    /// A variable or constant of the file, or of a class whose members need no object before them.
    Global,
    /// A function that is defined in the file.
    Definition,
}

/// What a name was bound to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound<'t> {
    /// This type is declared.
    Type(Node<'t>),
    Value(Node<'t>),
    /// The items of this value.
    Items(Node<'t>),
    /// A counter.
    Count,
    Unknown,
}

/// A name and where it can be used.
#[derive(Clone, Debug)]
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    pub(super) bound: Bound<'t>,
    pub(super) origin: Origin,
    /// It cannot be assigned to.
    pub(super) fixed: bool,
    /// Byte of its binding.
    pub(super) first: usize,
    /// Bytes where it is visible.
    pub(super) visible: Range<usize>,
    /// Functions around its binding.
    pub(super) depth: u16,
    pub(super) ty: Ty,
    /// Uses in the region that is looked at.
    pub(super) uses: u32,
}

/// An expression that stands in a region and could stand elsewhere in it.
#[derive(Clone, Debug)]
pub(super) struct Phrase<'t> {
    pub(super) text: &'t str,
    pub(super) shape: Shape,
    pub(super) ty: Ty,
    pub(super) level: u8,
    pub(super) at: usize,
    /// Where its names are visible, for those that are not everywhere in the region.
    pub(super) needs: Vec<Range<usize>>,
}

/// A function, a class body or the top of a file.
#[derive(Debug)]
pub(super) struct Region<'t> {
    pub(super) node: Node<'t>,
    pub(super) function: Arc<str>,
    /// Functions around its inside.
    pub(super) depth: u16,
    /// Its parameters, in order.
    pub(super) parameters: Vec<&'t str>,
    /// What it gives, where that is declared.
    pub(super) gives: Option<Ty>,
    pub(super) expressions: Vec<Site<'t>>,
    pub(super) targets: Vec<Site<'t>>,
    pub(super) statements: Vec<Site<'t>>,
    pub(super) names: Vec<Name<'t>>,
    pub(super) phrases: Vec<Phrase<'t>>,
}

/// A file, parsed and looked through.
#[derive(Debug)]
pub(super) struct Facts<'t> {
    pub(super) path: Arc<str>,
    pub(super) text: &'t str,
    pub(super) eol: &'static str,
    pub(super) tab: String,
    pub(super) regions: Vec<Region<'t>>,
    pub(super) lore: &'t Lore,
    pub(super) declared: Declared,
    /// See [`super::borrowed`].
    pub(super) conditions: OnceLock<Vec<Shared<'t>>>,
    /// See [`super::borrowed`].
    pub(super) predicates: OnceLock<Vec<String>>,
}

impl<'t> Region<'t> {
    /// An empty region.
    pub(super) fn new(node: Node<'t>, function: Arc<str>, depth: u16) -> Self {
        Self {
            node,
            function,
            depth,
            parameters: Vec::new(),
            gives: None,
            expressions: Vec::new(),
            targets: Vec::new(),
            statements: Vec::new(),
            names: Vec::new(),
            phrases: Vec::new(),
        }
    }

    /// The most suspicious place in it.
    pub(super) fn weight(&self) -> f64 {
        self.statements.iter().chain(&self.expressions).map(|site| site.weight).fold(0.0, f64::max)
    }

    /// Names that can be used at byte `at`, likeliest first: near ones, often used ones. A name that hides another
    /// comes alone.
    pub(super) fn names_at(&self, at: usize) -> impl Iterator<Item = &Name<'t>> {
        let mut seen = BTreeSet::new();
        self.names.iter().filter(move |name| name.visible.contains(&at) && seen.insert(name.text))
    }

    /// The binding that a use of a name at byte `at` means.
    pub(super) fn binding(&self, text: &str, at: usize) -> Option<&Name<'t>> {
        let seen = self.names.iter().filter(|name| name.text == text && name.visible.contains(&at));
        seen.max_by_key(|name| name.visible.start)
    }

    /// Expressions that can be used at byte `at`.
    pub(super) fn phrases_at(&self, at: usize) -> impl Iterator<Item = &Phrase<'t>> {
        self.phrases.iter().filter(move |phrase| phrase.needs.iter().all(|range| range.contains(&at)))
    }
}

/// What is known while a region's names get their types.
pub(super) struct Types<'a, 't> {
    pub(super) names: &'a [Name<'t>],
    pub(super) declared: &'a Declared,
    pub(super) lore: &'a Lore,
}

impl Known for Types<'_, '_> {
    fn of_name(&self, name: &str, at: usize) -> Ty {
        let seen = self.names.iter().filter(|known| known.text == name && known.visible.contains(&at));
        seen.max_by_key(|known| known.visible.start).map_or_else(Ty::default, |known| known.ty.clone())
    }

    fn of_member(&self, name: &str) -> Ty {
        let own = self.declared.members.get(name);
        own.or_else(|| self.lore.declared.members.get(name)).cloned().unwrap_or_default()
    }

    fn of_call(&self, name: &str) -> Ty {
        let own = self.declared.calls.get(name);
        own.or_else(|| self.lore.declared.calls.get(name)).cloned().unwrap_or_default()
    }
}

impl<'t> Facts<'t> {
    /// Looks through a file, closely at the regions that are `wanted`.
    pub(super) fn gather(
        path: &Arc<str>,
        text: &'t str,
        tree: &'t Tree,
        grammar: &'t Grammar,
        weights: &Weights,
        lore: &'t Lore,
        wanted: &[usize],
    ) -> Self {
        let walk::Found { mut regions, names, declared } = walk::walk(text, tree, grammar, weights);
        for n in wanted {
            let Some(region) = regions.get_mut(*n) else { continue };
            let range = region.node.byte_range();
            region.names = names
                .iter()
                .filter(|name| name.visible.start < range.end && range.start < name.visible.end)
                .cloned()
                .collect();
            give_types(text, grammar, &declared, lore, &mut region.names);
            count_uses(text, grammar, region);
            region.phrases = phrases(text, grammar, &declared, lore, region);
        }
        let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            path: path.clone(),
            text,
            eol,
            tab: indent_unit(text),
            regions,
            lore,
            declared,
            conditions: OnceLock::new(),
            predicates: OnceLock::new(),
        }
    }
}

fn give_types(text: &str, grammar: &Grammar, declared: &Declared, lore: &Lore, names: &mut [Name<'_>]) {
    // Twice, since a name's value may name one that is bound further down.
    for round in 0..2 {
        for n in 0..names.len() {
            if round > 0 && !names[n].ty.is_unknown() {
                continue;
            }
            let known = Types { names, declared, lore };
            let ty = match names[n].bound {
                Bound::Type(node) => Ty::declared(grammar, text_of(text, node)),
                Bound::Value(node) => types::guess(text, grammar, &known, node, 5),
                Bound::Items(node) => match grammar.shape(node) {
                    Shape::Range => Ty::of(Class::Int),
                    _ => types::item_of(grammar, &types::guess(text, grammar, &known, node, 5)),
                },
                Bound::Count => {
                    Ty { class: Class::Int, name: if grammar.typed() { "int" } else { "" }.to_owned() }
                }
                Bound::Unknown => Ty::default(),
            };
            names[n].ty = ty;
        }
    }
}

fn count_uses(text: &str, grammar: &Grammar, region: &mut Region<'_>) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for site in region.expressions.iter().chain(&region.targets) {
        if grammar.shape(site.node) == Shape::Name {
            *counts.entry(text_of(text, site.node)).or_insert(0) += 1;
        }
    }
    for name in &mut region.names {
        name.uses = counts.get(name.text).copied().unwrap_or(0);
    }
    region.names.sort_by(|a, b| {
        (std::cmp::Reverse(a.depth), std::cmp::Reverse(a.uses), std::cmp::Reverse(a.first)).cmp(&(
            std::cmp::Reverse(b.depth),
            std::cmp::Reverse(b.uses),
            std::cmp::Reverse(b.first),
        ))
    });
}

/// The longest expression that is copied elsewhere, in bytes.
const LONGEST_PHRASE: usize = 80;
/// Expressions of one region that are kept for copying.
const MOST_PHRASES: usize = 160;

fn phrases<'t>(
    text: &'t str,
    grammar: &Grammar,
    declared: &Declared,
    lore: &Lore,
    region: &Region<'t>,
) -> Vec<Phrase<'t>> {
    let mut found: BTreeMap<&str, Phrase<'t>> = BTreeMap::new();
    let known = Types { names: &region.names, declared, lore };
    for site in &region.expressions {
        let node = site.node;
        let (words, shape) = (text_of(text, node), grammar.shape(node));
        let trivial = matches!(
            shape,
            Shape::Name
                | Shape::Paren
                | Shape::Lambda
                | Shape::Assign
                | Shape::Update
                | Shape::Path
                | Shape::This
        );
        if trivial || super::desk::is_callee(node) || words.len() > LONGEST_PHRASE || words.contains('\n') {
            continue;
        }
        found.entry(words).or_insert_with(|| Phrase {
            text: words,
            shape,
            ty: types::guess(text, grammar, &known, node, 5),
            level: super::level::of(text, grammar, node),
            at: node.start_byte(),
            needs: needs(text, grammar, region, node),
        });
    }
    let mut all: Vec<Phrase<'t>> = found.into_values().collect();
    all.sort_by(|a, b| (a.text.len(), a.text).cmp(&(b.text.len(), b.text)));
    all.truncate(MOST_PHRASES);
    all
}

/// Where the names of an expression are visible, for those that are not visible in the whole region.
pub(super) fn needs(text: &str, grammar: &Grammar, region: &Region<'_>, node: Node<'_>) -> Vec<Range<usize>> {
    let whole = region.node.byte_range();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut stack = vec![node];
    while let Some(inner) = stack.pop() {
        if grammar.shape(inner) == Shape::Name {
            let bound = region.binding(text_of(text, inner), inner.start_byte());
            let inside = node.byte_range();
            if let Some(bound) = bound
                && (bound.visible.start > whole.start || bound.visible.end < whole.end)
                && !(bound.first >= inside.start && bound.first < inside.end)
                && !found.contains(&bound.visible)
            {
                found.push(bound.visible.clone());
            }
        }
        stack.extend(grammar.parts(inner));
    }
    found
}

/// One step of indentation as the file writes it.
fn indent_unit(text: &str) -> String {
    let mut previous = "";
    let mut open = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(4_000) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(step) = indent.strip_prefix(previous)
            && open
            && !step.is_empty()
            && step.len() <= 8
        {
            return step.to_owned();
        }
        open = line.trim_end().ends_with('{');
        previous = indent;
    }
    "    ".to_owned()
}
