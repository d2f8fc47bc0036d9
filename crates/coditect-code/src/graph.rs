//! What a project's files say of themselves, for the knowledge graph: symbols, what each uses and on what, imports.
//!
//! One file is read by itself, so that an edit costs what the file costs, and files are read side by side. Names are kept as
//! they stand; what they stand for is found out where all files are known. Code with syntax errors gives what can be read of
//! it. Nothing is run for it.
//!
//! Start reading at [`facts`] for one file and at [`walk`] for a directory.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use coditect_types::NodeKind;
use coditect_types::graph::{FileFacts, How, ImportFact, On, Shape, SymbolFact, Traits, UseFact};
use tree_sitter::Node;

use crate::languages::{Language, is_comment, is_test_path, test_regions};
use crate::syntax::text_of;

mod bindings;
mod definitions;
mod imports;
mod types;
mod uses;
pub mod walk;

#[cfg(test)]
mod tests;

/// How deep code may be nested; what lies deeper is not read. Generated expressions go deeper, people do not.
const DEEPEST: usize = 600;
/// Symbols of a file, and names that they use: of more, a file is data.
const MOST_SYMBOLS: usize = 50_000;
const MOST_USES: usize = 200_000;

/// A node on the way down to where we are.
#[derive(Clone, Copy)]
struct Frame<'t> {
    node: Node<'t>,
    kind: &'t str,
    field: Option<&'t str>,
}

/// Something that is open where we are: a symbol, or what gives symbols an owner.
struct Scope<'t> {
    end: usize,
    symbol: Option<u32>,
    is_function: bool,
    /// The type that what stands in it belongs to.
    owner: Option<&'t str>,
    /// It implements a trait for that type.
    implements: bool,
    /// Names that are bound here, with the type of their value where that is written.
    locals: HashMap<&'t str, Option<&'t str>>,
    /// The last kinds of syntax, for the shape.
    last: [u16; 2],
}

/// A use that was seen already: from, name, on, how.
type Seen<'t> = HashSet<(Option<u32>, &'t str, How, On)>;

/// One file, while it is read.
struct Reader<'t> {
    language: Language,
    text: &'t str,
    above: Vec<Frame<'t>>,
    scopes: Vec<Scope<'t>>,
    facts: FileFacts,
    seen: Seen<'t>,
    /// Names that a symbol or the file's top defines in Python, where one name is bound again and again.
    bound: HashMap<Option<u32>, HashSet<String>>,
    /// Types of Rust by their names, for what is written outside of them.
    types: HashMap<String, u32>,
    /// Types of fields, by the type that has the field.
    fields: HashMap<(&'t str, &'t str), &'t str>,
    /// Patterns that are bound from a place on, with the type of their value.
    later: Vec<(usize, Node<'t>, Option<&'t str>)>,
    /// Parts that are for tests.
    regions: Vec<Range<usize>>,
    /// Attributes of the item that comes next, and whose children they are.
    attributes: Option<(usize, Vec<&'t str>)>,
}

/// What a file says of itself. None: it is in no language that is read here, or its tree cannot be made.
#[must_use]
pub fn facts(path: &str, text: &str) -> Option<FileFacts> {
    let language = Language::of_path(path)?;
    let tree = language.syntax()?.parse(text)?;
    let for_tests = is_test_path(path);
    let mut reader = Reader {
        language,
        text,
        above: Vec::new(),
        scopes: vec![Scope::of(usize::MAX, None)],
        facts: FileFacts { broken: tree.root_node().has_error(), for_tests, ..FileFacts::default() },
        seen: HashSet::new(),
        bound: HashMap::new(),
        types: HashMap::new(),
        fields: HashMap::new(),
        later: Vec::new(),
        regions: test_regions(text, &tree, language),
        attributes: None,
    };
    reader.read(tree.root_node());
    Some(reader.done())
}

impl<'t> Scope<'t> {
    fn of(end: usize, symbol: Option<u32>) -> Self {
        Self {
            end,
            symbol,
            is_function: false,
            owner: None,
            implements: false,
            locals: HashMap::new(),
            last: [0; 2],
        }
    }
}

impl<'t> Reader<'t> {
    fn read(&mut self, root: Node<'t>) {
        let mut cursor = root.walk();
        loop {
            let node = cursor.node();
            self.above.push(Frame { node, kind: node.kind(), field: cursor.field_name() });
            let goes_on = self.enter();
            if goes_on && self.above.len() < DEEPEST && cursor.goto_first_child() {
                continue;
            }
            loop {
                self.above.pop();
                if cursor.goto_next_sibling() {
                    break;
                }
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    /// The frame `up` steps above the current one.
    fn frame(&self, up: usize) -> Option<Frame<'t>> {
        self.above.len().checked_sub(up + 1).map(|at| self.above[at])
    }

    fn text(&self, node: Node<'t>) -> &'t str {
        text_of(self.text, node)
    }

    fn field(&self, node: Node<'t>, name: &str) -> Option<&'t str> {
        node.child_by_field_name(name).map(|child| self.text(child))
    }

    /// The symbol that the current place belongs to.
    fn symbol(&self) -> Option<u32> {
        self.scopes.iter().rev().find_map(|scope| scope.symbol)
    }

    fn in_function(&self) -> bool {
        self.scopes.iter().any(|scope| scope.is_function)
    }

    /// The type whose code this is, by its name.
    fn own_type(&self) -> Option<&'t str> {
        self.scopes.iter().rev().find_map(|scope| scope.owner)
    }

    /// Looks at the node that was just reached; false: what is in it needs no look.
    fn enter(&mut self) -> bool {
        let Some(frame) = self.frame(0) else { return false };
        let node = frame.node;
        while let Some(at) = self.later.iter().position(|(from, ..)| *from <= node.start_byte()) {
            let (_, pattern, of) = self.later.swap_remove(at);
            self.pattern(pattern, of);
        }
        while self.scopes.len() > 1 && self.scopes.last().is_some_and(|scope| scope.end <= node.start_byte())
        {
            self.scopes.pop();
        }
        if is_comment(node) {
            return false;
        }
        self.sketch(node);
        if self.is_attribute(frame) || self.import(frame) {
            return false;
        }
        self.bind(frame);
        if self.facts.symbols.len() < MOST_SYMBOLS && self.define(frame) {
            return true;
        }
        if node.child_count() == 0 {
            self.mention(frame);
        }
        true
    }

    /// Takes a node into the shape of the function around it.
    fn sketch(&mut self, node: Node<'t>) {
        let Some(scope) = self.scopes.iter_mut().rev().find(|scope| scope.symbol.is_some()) else { return };
        if !node.is_named() {
            return;
        }
        let kind = node.kind_id();
        let triple =
            u64::from(scope.last[0]) << 32 | u64::from(scope.last[1]) << 16 | u64::from(kind) | 1 << 60;
        scope.last = [scope.last[1], kind];
        // Fibonacci hashing (Knuth 6.4), twice, so that its high bits depend on all of the triple.
        let hash = triple.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let hash = (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let (place, value) = ((hash >> 60) as usize, (hash >> 40) as u8);
        if let Some(symbol) = scope.symbol.and_then(|at| self.facts.symbols.get_mut(at as usize)) {
            let least = &mut symbol.shape[place];
            *least = value.min(*least);
        }
    }

    /// Keeps Rust's attributes for the item that follows.
    fn is_attribute(&mut self, frame: Frame<'t>) -> bool {
        if self.language != Language::Rust {
            return false;
        }
        let around = self.frame(1).map_or(0, |above| above.node.id());
        if frame.kind == "attribute_item" {
            let text = self.text(frame.node);
            match &mut self.attributes {
                Some((of, attributes)) if *of == around => attributes.push(text),
                Some(_) | None => self.attributes = Some((around, vec![text])),
            }
            return true;
        }
        false
    }

    /// A symbol that begins here, with what it opens.
    fn open(&mut self, node: Node<'t>, fact: SymbolFact, owner: Option<&'t str>) {
        let at = u32::try_from(self.facts.symbols.len()).unwrap_or(u32::MAX);
        let is_function = matches!(fact.kind, NodeKind::Function | NodeKind::Method | NodeKind::Test);
        if self.language == Language::Python {
            self.bound.entry(fact.parent).or_default().insert(fact.name.clone());
        } else if self.language == Language::Rust && fact.kind == NodeKind::Type {
            self.types.entry(fact.name.clone()).or_insert(at);
        }
        self.facts.symbols.push(fact);
        let mut scope = Scope::of(node.end_byte(), Some(at));
        scope.is_function = is_function;
        scope.owner = owner;
        self.scopes.push(scope);
    }

    /// A symbol without what is told of it elsewhere.
    fn fact(&self, kind: NodeKind, name: &str, node: Node<'t>, traits: Traits) -> SymbolFact {
        let row = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
        let region = self.regions.partition_point(|region| region.end <= node.start_byte());
        let is_within = self.regions.get(region).is_some_and(|region| region.contains(&node.start_byte()));
        let for_tests = self.facts.for_tests || is_within;
        SymbolFact {
            kind,
            name: name.to_owned(),
            parent: self.symbol(),
            owner: String::new(),
            lines: (row(node.start_position().row), row(node.end_position().row)),
            traits: Traits { for_tests, ..traits },
            shape: Shape::from([u8::MAX; 16]),
        }
    }

    fn used(&mut self, from: Option<u32>, name: &'t str, on: On, how: How) {
        if name.is_empty() || self.facts.uses.len() >= MOST_USES {
            return;
        }
        let one = (from, name, how, on);
        if !self.seen.contains(&one) {
            self.facts.uses.push(UseFact { from, name: name.to_owned(), on: one.3.clone(), how });
            self.seen.insert(one);
        }
    }

    fn imported(&mut self, module: &str, name: &str, local: &str) {
        self.facts.imports.push(ImportFact {
            module: module.to_owned(),
            dots: 0,
            name: name.to_owned(),
            local: local.to_owned(),
        });
    }

    /// What was read; what is exported by a list of names is known now.
    fn done(self) -> FileFacts {
        let mut facts = self.facts;
        let exported: HashSet<&str> = facts.exports.iter().map(|(_, local)| local.as_str()).collect();
        for symbol in facts.symbols.iter_mut().filter(|symbol| symbol.parent.is_none()) {
            symbol.traits.exported |= exported.contains(symbol.name.as_str());
        }
        facts
    }
}
