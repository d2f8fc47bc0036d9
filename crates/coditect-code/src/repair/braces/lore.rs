//! What the whole project says, tests included: which members exist, what functions take and give, which texts are
//! written. It ranks candidates and names members; a test's input never becomes a case.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::desk::{callee_name, member_name};
use super::table::{Grammar, Shape};
use super::types::{Declared, Ty};
use crate::languages::Language;
use crate::repair::Source;
use crate::syntax::text_of;

/// Text that is read of all files together, in bytes: enough for a large package, and bounded.
const MOST_TEXT: usize = 4 << 20;
/// Nodes that are looked at in one file.
const MOST_NODES: usize = 400_000;
/// Longest text literal that is kept, in bytes.
const LONGEST_TEXT: usize = 60;

/// Facts of the project, of one language.
#[derive(Debug, Default)]
pub(super) struct Lore {
    /// Names of members with how often they are used.
    pub(super) members: BTreeMap<String, u32>,
    /// Names of methods with how often they are called.
    pub(super) methods: BTreeMap<String, u32>,
    /// Types of members and of what functions give.
    pub(super) declared: Declared,
    /// Functions with how many parameters they take; of several with one name, the most.
    pub(super) functions: BTreeMap<String, usize>,
    /// Text literals of tests, quotes included.
    pub(super) texts: BTreeSet<String>,
}

impl Lore {
    /// Reads the project's files of one grammar.
    pub(super) fn gather(grammar: &Grammar, sources: &[Source], others: &[Source]) -> Self {
        let mut lore = Self::default();
        let mut left = MOST_TEXT;
        for (source, is_test) in sources.iter().map(|s| (s, false)).chain(others.iter().map(|s| (s, true))) {
            let language =
                Language::of_path(&source.path).filter(|language| kin(*language, grammar.language));
            let Some(language) = language.filter(|_| source.text.len() <= left) else { continue };
            left -= source.text.len();
            if let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(&source.text)) {
                // Kinds have other numbers in a kindred grammar.
                if language == grammar.language {
                    lore.read(&source.text, grammar, tree.root_node(), is_test);
                } else if let Some(own) = Grammar::of(language) {
                    lore.read(&source.text, &own, tree.root_node(), is_test);
                }
            }
        }
        lore
    }

    fn read(&mut self, text: &str, grammar: &Grammar, root: Node<'_>, is_test: bool) {
        let mut stack = vec![root];
        let mut seen = 0;
        while let Some(node) = stack.pop() {
            seen += 1;
            if seen > MOST_NODES {
                return;
            }
            match grammar.shape(node) {
                Shape::Member => {
                    if let Some(name) = member_name(node) {
                        let called = super::desk::is_callee(node);
                        let map = if called { &mut self.methods } else { &mut self.members };
                        *map.entry(text_of(text, name).to_owned()).or_insert(0) += 1;
                    }
                }
                // Java's calls name their method without a member around it.
                Shape::Call if node.kind() == "method_invocation" => {
                    if let Some(name) = callee_name(text, node) {
                        *self.methods.entry(name.to_owned()).or_insert(0) += 1;
                    }
                }
                Shape::Function if !is_test => self.function(text, grammar, node),
                Shape::Text if is_test && node.byte_range().len() <= LONGEST_TEXT => {
                    self.texts.insert(text_of(text, node).to_owned());
                }
                _ => self.field(text, grammar, node, is_test),
            }
            stack.extend(grammar.parts(node));
        }
    }

    fn function(&mut self, text: &str, grammar: &Grammar, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let gives =
            ["return_type", "result", "type"].iter().find_map(|field| node.child_by_field_name(field));
        let gives = gives.map(|ty| Ty::declared(grammar, text_of(text, ty))).unwrap_or_default();
        Declared::note(&mut self.declared.calls, text_of(text, name), gives);
        let parameters =
            node.child_by_field_name("parameters").map(|list| grammar.parts(list).len()).unwrap_or(0);
        let most = self.functions.entry(text_of(text, name).to_owned()).or_insert(parameters);
        *most = parameters.max(*most);
    }

    fn field(&mut self, text: &str, grammar: &Grammar, node: Node<'_>, is_test: bool) {
        let fields =
            matches!(node.kind(), "field_declaration" | "public_field_definition" | "property_signature");
        if is_test || !fields {
            return;
        }
        let Some(ty) = node.child_by_field_name("type") else { return };
        let ty = Ty::declared(grammar, text_of(text, ty));
        let mut cursor = node.walk();
        let names: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
        let mut cursor = node.walk();
        let declarators: Vec<Node<'_>> = node.children_by_field_name("declarator", &mut cursor).collect();
        let declared = declarators.into_iter().filter_map(|one| one.child_by_field_name("name"));
        for name in names.into_iter().chain(declared) {
            Declared::note(&mut self.declared.members, text_of(text, name), ty.clone());
        }
    }
}

/// True where two languages are written alike and call one another.
fn kin(one: Language, two: Language) -> bool {
    one == two || (one.is_script() && two.is_script())
}
