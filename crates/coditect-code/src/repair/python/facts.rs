//! What is known of one file before anything is changed: its regions (functions, classes, the top), the names
//! that are visible in each, its expressions and statements, and how suspicious each is.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use tree_sitter::{Node, Tree};

use super::desk::{alike, is_callee};
use super::lore::Lore;
use super::types::{self, Type};
use super::walk;
use crate::repair::pool::Weights;
use crate::syntax::text_of;

/// Attributes of the project that are tried for one attribute, and how alike they are at least.
const MOST_ATTRIBUTES: usize = 10;
const LEAST_ALIKE: f64 = 0.45;

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
    /// A function or class that is defined in the file.
    Definition,
    Import,
}

/// A name that can be used in a region.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) ty: Type,
    pub(super) uses: u32,
    /// Byte of its first binding.
    pub(super) first: usize,
    /// Bytes where it is visible: a comprehension or lambda, else everything.
    pub(super) visible: Range<usize>,
    pub(super) origin: Origin,
    /// How many regions outwards it was bound: 0 in the region itself.
    pub(super) distance: u32,
    /// It is bound in the function and nothing there uses it: it was made for something.
    pub(super) idle: bool,
}

/// An expression that stands in a region and could stand elsewhere in it.
#[derive(Clone, Debug)]
pub(super) struct Phrase<'t> {
    pub(super) text: String,
    pub(super) kind: &'t str,
    pub(super) ty: Type,
    pub(super) level: u8,
    pub(super) uses: u32,
    /// Comprehensions and lambdas within which alone its names are visible.
    pub(super) needs: Vec<Range<usize>>,
}

/// A function, a class body or the top of a file.
#[derive(Debug)]
pub(super) struct Region<'t> {
    pub(super) node: Node<'t>,
    pub(super) parent: Option<usize>,
    pub(super) function: Arc<str>,
    pub(super) is_class: bool,
    pub(super) parameters: Vec<String>,
    pub(super) names: Vec<Name>,
    pub(super) types: BTreeMap<String, Type>,
    pub(super) expressions: Vec<Site<'t>>,
    pub(super) targets: Vec<Site<'t>>,
    pub(super) statements: Vec<Site<'t>>,
    pub(super) exceptions: Vec<Site<'t>>,
    pub(super) phrases: Vec<Phrase<'t>>,
    /// Right-hand sides of names, to guess their types.
    pub(super) bound_to: Vec<(String, Bound<'t>)>,
}

/// What a name was bound to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound<'t> {
    Value(Node<'t>),
    /// The items of this value.
    Items(Node<'t>),
    Known(Type),
}

/// A file, parsed and looked through.
#[derive(Debug)]
pub(super) struct Facts<'t> {
    pub(super) path: Arc<str>,
    pub(super) text: &'t str,
    pub(super) eol: &'static str,
    pub(super) tab: String,
    pub(super) regions: Vec<Region<'t>>,
    /// Names of functions that take one argument.
    pub(super) of_one: BTreeSet<Arc<str>>,
    pub(super) lore: &'t Lore,
    /// Attributes by object and whether they are called; see [`Facts::asked_of`].
    asked: OnceCell<Asked<'t>>,
    /// See [`Facts::attributes_like`].
    like: RefCell<BTreeMap<&'t str, Alike<'t>>>,
}

/// Names, each with how alike it is to another.
type Alike<'t> = Rc<[(&'t str, f64)]>;

/// Names of attributes, by the text of their objects and whether they are called.
type Asked<'t> = HashMap<(&'t str, bool), BTreeSet<&'t str>>;

impl<'t> Region<'t> {
    /// An empty region.
    pub(super) fn new(node: Node<'t>, parent: Option<usize>, function: Arc<str>, is_class: bool) -> Self {
        Self {
            node,
            parent,
            function,
            is_class,
            parameters: Vec::new(),
            names: Vec::new(),
            types: BTreeMap::new(),
            expressions: Vec::new(),
            targets: Vec::new(),
            statements: Vec::new(),
            exceptions: Vec::new(),
            phrases: Vec::new(),
            bound_to: Vec::new(),
        }
    }

    /// The most suspicious place in it.
    pub(super) fn weight(&self) -> f64 {
        self.statements.iter().chain(&self.expressions).map(|site| site.weight).fold(0.0, f64::max)
    }

    /// Names that can be used at byte `at`, likeliest first: near ones, often used ones.
    pub(super) fn names_at(&self, at: usize) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(move |name| name.visible.contains(&at))
    }

    /// Expressions that can be used at byte `at`.
    pub(super) fn phrases_at(&self, at: usize) -> impl Iterator<Item = &Phrase<'t>> {
        self.phrases.iter().filter(move |phrase| phrase.needs.iter().all(|range| range.contains(&at)))
    }
}

impl<'t> Facts<'t> {
    /// Looks through a file, closely at the regions that are `wanted` and at those around them.
    pub(super) fn gather(
        path: &Arc<str>,
        text: &'t str,
        tree: &'t Tree,
        weights: &Weights,
        lore: &'t Lore,
        wanted: &[usize],
    ) -> Self {
        let mut regions = walk::regions(text, tree.root_node(), weights);
        // A region comes after the one around it, so names and types are inherited in this order.
        for n in with_surroundings(&regions, wanted) {
            guess_types(text, &mut regions, n, lore);
            inherit_names(&mut regions, n);
        }
        for n in wanted {
            let Some(region) = regions.get_mut(*n) else { continue };
            count_uses(text, region);
            region.phrases = phrases(text, region);
        }
        let of_one = regions.iter().filter(|region| region.parameters.len() == 1 && !region.is_class);
        let of_one = of_one.map(|region| region.function.clone()).collect();
        let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            path: path.clone(),
            text,
            eol,
            tab: indent_unit(text),
            regions,
            of_one,
            lore,
            asked: OnceCell::new(),
            like: RefCell::default(),
        }
    }

    /// What the file asks of the same object elsewhere.
    pub(super) fn asked_of(&self, object: &'t str, called: bool) -> impl Iterator<Item = &'t str> {
        let asked = self.asked.get_or_init(|| {
            let mut asked = Asked::new();
            for node in self.regions.iter().flat_map(|region| &region.expressions).map(|site| site.node) {
                let field = |name| node.child_by_field_name(name).map(|part| text_of(self.text, part));
                if let ("attribute", Some(object), Some(name)) =
                    (node.kind(), field("object"), field("attribute"))
                {
                    asked.entry((object, is_callee(node))).or_default().insert(name);
                }
            }
            asked
        });
        asked.get(&(object, called)).into_iter().flatten().copied()
    }

    /// Attributes of the project that are spelt alike, the likest first, with how alike they are.
    pub(super) fn attributes_like(&self, name: &'t str) -> Alike<'t> {
        let found = self.like.borrow().get(name).cloned();
        found.unwrap_or_else(|| {
            let lore: &'t Lore = self.lore;
            let mut found: Vec<(&'t str, f64)> = lore
                .attributes
                .keys()
                .map(|text| (text.as_str(), alike(name, text)))
                .filter(|(text, alike)| *text != name && *alike >= LEAST_ALIKE)
                .collect();
            found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            found.truncate(MOST_ATTRIBUTES);
            let found: Alike<'t> = Rc::from(found);
            self.like.borrow_mut().insert(name, found.clone());
            found
        })
    }
}

/// The regions and all that are around them.
fn with_surroundings(regions: &[Region<'_>], wanted: &[usize]) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for n in wanted {
        let mut at = Some(*n);
        while let Some(n) = at.filter(|n| *n < regions.len() && all.insert(*n)) {
            at = regions[n].parent;
        }
    }
    all
}

fn guess_types(text: &str, regions: &mut [Region<'_>], n: usize, lore: &Lore) {
    let mut known = regions[n].parent.map_or_else(BTreeMap::new, |parent| regions[parent].types.clone());
    // What it binds itself is not what is called so around it.
    for name in &regions[n].names {
        known.remove(&name.text);
    }
    if let Some(types) = lore.parameter_types.get(&*regions[n].function) {
        // What the code itself says of a parameter counts more than what tests hand over by position.
        let said = |name: &String| {
            regions[n].bound_to.iter().any(|(known, bound)| known == name && matches!(bound, Bound::Known(_)))
        };
        for (name, ty) in regions[n].parameters.iter().zip(types).filter(|(name, _)| !said(name)) {
            known.insert(name.clone(), *ty);
        }
    }
    // Twice, since a name's value may name one that is bound further down.
    for _ in 0..2 {
        for (name, bound) in &regions[n].bound_to {
            let guess = match *bound {
                Bound::Known(ty) => ty,
                Bound::Value(node) => types::guess(text, node, &known, 6),
                Bound::Items(node) => items_of(text, node, &known),
            };
            let slot = known.entry(name.clone()).or_default();
            if matches!(slot, Type::Unknown | Type::Nothing) && guess != Type::Unknown {
                *slot = guess;
            }
        }
    }
    // Twice, since an index tells of its list once its own type is known.
    for _ in 0..2 {
        for site in regions[n].expressions.iter().filter(|site| site.node.kind() == "identifier") {
            let name = text_of(text, site.node);
            if known.get(name).is_none_or(|ty| *ty == Type::Unknown) {
                let guess = types::of_use(text, site.node, &known);
                known.insert(name.to_owned(), guess);
            }
        }
    }
    regions[n].types = known;
}

fn items_of(text: &str, node: Node<'_>, known: &BTreeMap<String, Type>) -> Type {
    let callee = node.child_by_field_name("function").map_or("", |function| text_of(text, function));
    match (callee, types::guess(text, node, known, 4)) {
        ("range", _) => Type::Int,
        (_, Type::Str) => Type::Str,
        _ => Type::Unknown,
    }
}

/// Adds the names of the regions around region `n`, and sorts: near ones first, in the order of binding.
fn inherit_names(regions: &mut [Region<'_>], n: usize) {
    let types = regions[n].types.clone();
    for name in &mut regions[n].names {
        name.ty = types.get(&name.text).copied().unwrap_or_default();
    }
    let Some(parent) = regions[n].parent else { return };
    // A class body's names are not visible in its methods.
    let around = if regions[parent].is_class && !regions[n].is_class {
        regions[parent].parent.unwrap_or(0)
    } else {
        parent
    };
    let outer: Vec<Name> = regions[around]
        .names
        .iter()
        .filter(|name| !regions[n].names.iter().any(|own| own.text == name.text))
        .map(|name| Name { distance: name.distance + 1, uses: 0, idle: false, ..name.clone() })
        .collect();
    regions[n].names.extend(outer);
}

fn count_uses(text: &str, region: &mut Region<'_>) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for site in region.expressions.iter().filter(|site| site.node.kind() == "identifier") {
        *counts.entry(text_of(text, site.node)).or_insert(0) += 1;
    }
    let in_function = region.node.kind() == "function_definition";
    let own = text_of(text, region.node);
    for name in &mut region.names {
        name.uses = counts.get(name.text.as_str()).copied().unwrap_or(0);
        // By words, so that uses in inner functions count.
        name.idle = in_function
            && name.uses == 0
            && name.distance == 0
            && name.origin != Origin::Import
            && words_in(own, &name.text).take(2).count() == 1;
    }
    region.names.sort_by(|a, b| {
        (a.distance, std::cmp::Reverse(a.uses), a.first).cmp(&(
            b.distance,
            std::cmp::Reverse(b.uses),
            b.first,
        ))
    });
}

/// The longest expression that is copied elsewhere, in bytes.
const LONGEST_PHRASE: usize = 80;
/// Expressions of one region that are kept for copying.
const MOST_PHRASES: usize = 120;

fn phrases<'t>(text: &'t str, region: &Region<'t>) -> Vec<Phrase<'t>> {
    let mut found: BTreeMap<&str, Phrase<'t>> = BTreeMap::new();
    for site in &region.expressions {
        let node = site.node;
        let words = text_of(text, node);
        let trivial =
            matches!(node.kind(), "identifier" | "parenthesized_expression" | "yield" | "expression_list");
        let callee = node.parent().is_some_and(|parent| {
            parent.kind() == "call" && parent.child_by_field_name("function") == Some(node)
        });
        if trivial || callee || words.len() > LONGEST_PHRASE || words.contains('\n') {
            continue;
        }
        let range = node.byte_range();
        let needs = region
            .names
            .iter()
            .filter(|name| name.visible.len() < usize::MAX / 2)
            .map(|name| (&name.text, &name.visible))
            .filter(|(name, seen)| {
                let inside = seen.start >= range.start && seen.end <= range.end;
                !inside && seen.contains(&range.start) && has_word(words, name)
            })
            .map(|(_, visible)| visible.clone())
            .collect();
        let entry = found.entry(words).or_insert_with(|| Phrase {
            text: words.to_owned(),
            kind: node.kind(),
            ty: types::guess(text, node, &region.types, 6),
            level: super::level::of(text, node),
            uses: 0,
            needs,
        });
        entry.uses += 1;
    }
    let mut all: Vec<Phrase<'t>> = found.into_values().collect();
    all.sort_by(|a, b| (a.text.len(), &a.text).cmp(&(b.text.len(), &b.text)));
    all.truncate(MOST_PHRASES);
    all
}

/// Where `word` stands in `text` as a whole identifier.
pub(in crate::repair) fn words_in<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .filter(move |(at, _)| {
            !text[..*at].chars().next_back().is_some_and(is_part)
                && !text[at + word.len()..].chars().next().is_some_and(is_part)
        })
        .map(|(at, _)| at..at + word.len())
}

/// True where `word` stands in `text` as a whole identifier.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    words_in(text, word).next().is_some()
}

/// One step of indentation as the file writes it.
fn indent_unit(text: &str) -> String {
    let mut previous = "";
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(2_000) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(step) = indent.strip_prefix(previous)
            && !step.is_empty()
            && step.len() <= 8
        {
            return step.to_owned();
        }
        previous = indent;
    }
    "    ".to_owned()
}
