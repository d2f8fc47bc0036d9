//! Where candidates of one region are made: the facts to look at and the pool to put them in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use tree_sitter::Node;

use super::conditions::Condition;
use super::facts::{Facts, Name, Origin, Region, Site, Types};
use super::level;
use super::table::{Grammar, Shape};
use super::types::{self, Class, Ty};
use crate::repair::EditKind;
use crate::repair::pool::Pool;
use crate::syntax::{Splice, children, line_end, line_start, text_of};

/// One region, with the pool for its candidates.
#[derive(Debug)]
pub(super) struct Desk<'a, 't> {
    pub(super) facts: &'a Facts<'t>,
    pub(super) grammar: &'t Grammar,
    pub(super) region: &'a Region<'t>,
    pub(super) pool: &'a mut Pool<'t>,
    /// Conditions that were made already, by the names that are visible.
    pub(super) conditions: BTreeMap<Vec<usize>, Rc<[Condition]>>,
}

/// The whole lines of a statement that shares them with no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// Bytes, the last line break included.
    pub(super) range: Range<usize>,
    /// White space before the statement.
    pub(super) indent: String,
}

impl<'t> Desk<'_, 't> {
    /// The text of a node.
    pub(super) fn text(&self, node: Node<'_>) -> &'t str {
        text_of(self.facts.text, node)
    }

    /// What a node is.
    pub(super) fn shape(&self, node: Node<'_>) -> Shape {
        self.grammar.shape(node)
    }

    /// A guess at its type.
    pub(super) fn ty(&self, node: Node<'_>) -> Ty {
        let known =
            Types { names: &self.region.names, declared: &self.facts.declared, lore: self.facts.lore };
        types::guess(self.facts.text, self.grammar, &known, node, 6)
    }

    /// How well a value of one type stands where another stood.
    pub(super) fn fit(&self, here: &Ty, other: &Ty) -> f64 {
        here.fit(other, self.grammar.typed())
    }

    /// How tightly an expression binds.
    pub(super) fn level(&self, node: Node<'_>) -> u8 {
        level::of(self.facts.text, self.grammar, node)
    }

    /// The text of a node, in brackets where it binds less tightly than `needed`.
    pub(super) fn at_level(&self, node: Node<'_>, needed: u8) -> String {
        level::bracket(self.text(node), self.level(node), needed)
    }

    /// Proposes `new`, which binds as tightly as `level`, in place of an expression.
    pub(super) fn put(
        &mut self,
        site: Site<'_>,
        node: Node<'_>,
        new: &str,
        level: u8,
        kind: EditKind,
        fit: f64,
    ) {
        let new = level::bracket(new, level, level::of_slot(self.facts.text, self.grammar, node));
        self.pool.replace(node.byte_range(), new, kind, site.weight, fit);
    }

    /// Proposes `new` in place of bytes, as it is.
    pub(super) fn raw(
        &mut self,
        site: Site<'_>,
        range: Range<usize>,
        new: impl Into<String>,
        kind: EditKind,
        fit: f64,
    ) {
        self.pool.replace(range, new, kind, site.weight, fit);
    }

    /// Proposes that two nodes change places.
    pub(super) fn swap(&mut self, site: Site<'_>, one: Node<'_>, two: Node<'_>, kind: EditKind, fit: f64) {
        if self.text(one) == self.text(two) {
            return;
        }
        let text = |from: Node<'_>, to: Node<'_>| {
            level::bracket(
                self.text(from),
                self.level(from),
                level::of_slot(self.facts.text, self.grammar, to),
            )
        };
        let splices = vec![
            Splice { range: one.byte_range(), new: text(two, one) },
            Splice { range: two.byte_range(), new: text(one, two) },
        ];
        self.pool.several(splices, kind, site.weight, fit);
    }

    /// Names of values (no functions, classes, modules) that are visible at `node`, likeliest first.
    pub(super) fn values_at(&self, node: Node<'_>) -> Vec<&Name<'t>> {
        self.region
            .names_at(node.start_byte())
            .filter(|name| name.origin != Origin::Definition && name.ty.class != Class::Function)
            .collect()
    }

    /// The whole lines of a statement, where it shares them with no other.
    pub(super) fn lines(&self, node: Node<'_>) -> Option<Lines> {
        let text = self.facts.text;
        let start = line_start(text, node.start_byte());
        let end = line_end(text, node.end_byte());
        let indent = text.get(start..node.start_byte())?;
        let rest = text.get(node.end_byte()..end)?.trim();
        let over = rest.trim_start_matches(';').trim_start();
        let alone = indent.chars().all(|c| c == ' ' || c == '\t')
            && (over.is_empty()
                || over.starts_with("//")
                || (over.starts_with("/*") && over.ends_with("*/")));
        alone.then(|| Lines { range: start..end, indent: indent.to_owned() })
    }

    /// `statement` as a line of its own, with the file's line break.
    pub(super) fn line(&self, indent: &str, statement: &str) -> String {
        format!("{indent}{statement}{}", self.facts.eol)
    }

    /// A statement's end as the file around `node` writes it: people who write no `;` mean it.
    pub(super) fn semicolon(&self) -> &'static str {
        if self.grammar.language.is_script()
            && !self.facts.text.contains(";\n")
            && !self.facts.text.contains(";\r\n")
        {
            return "";
        }
        self.grammar.table.semicolon
    }

    /// The statements of the list that holds `node`, with the list.
    pub(super) fn siblings<'n>(&self, node: Node<'n>) -> Option<(Node<'n>, Vec<Node<'n>>)> {
        let list = node.parent()?;
        let shape = self.shape(list);
        let holds = matches!(shape, Shape::Block | Shape::Case) || list.kind() == "program";
        let label = list.child_by_field_name("value");
        holds.then(|| {
            let parts = self.grammar.parts(list).into_iter();
            (list, parts.filter(|part| Some(*part) != label && part.kind() != "switch_label").collect())
        })
    }
}

/// The name of the function or method that a call names.
pub(super) fn callee_name<'t>(text: &'t str, call: Node<'_>) -> Option<&'t str> {
    if call.kind() == "method_invocation" {
        return call.child_by_field_name("name").map(|name| text_of(text, name));
    }
    let mut function = call
        .child_by_field_name("function")
        .or_else(|| call.child_by_field_name("macro"))
        .or_else(|| call.child_by_field_name("constructor"))
        .or_else(|| call.child_by_field_name("type"))?;
    if function.kind() == "generic_function" {
        function = function.child_by_field_name("function")?;
    }
    let name = match function.kind() {
        "identifier" | "type_identifier" => function,
        "scoped_identifier" => function.child_by_field_name("name")?,
        _ => member_name(function)?,
    };
    Some(text_of(text, name))
}

/// The node that names what a call calls.
pub(super) fn callee_node(call: Node<'_>) -> Option<Node<'_>> {
    if call.kind() == "method_invocation" {
        return call.child_by_field_name("name");
    }
    let mut function = call.child_by_field_name("function")?;
    if function.kind() == "generic_function" {
        function = function.child_by_field_name("function")?;
    }
    match function.kind() {
        "identifier" => Some(function),
        "scoped_identifier" => function.child_by_field_name("name"),
        _ => member_name(function),
    }
}

/// The node that names a member.
pub(super) fn member_name(node: Node<'_>) -> Option<Node<'_>> {
    ["field", "property"].iter().find_map(|field| node.child_by_field_name(field))
}

/// What a member belongs to, or the receiver of a method call.
pub(super) fn object_of(node: Node<'_>) -> Option<Node<'_>> {
    let node = match node.kind() {
        "call_expression" => node.child_by_field_name("function")?,
        _ => node,
    };
    let field = if node.kind() == "field_expression" { "value" } else { "object" };
    node.child_by_field_name(field).or_else(|| {
        (node.kind() == "selector_expression").then(|| node.child_by_field_name("operand")).flatten()
    })
}

/// True where `node` is the function of a call.
pub(super) fn is_callee(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        ["function", "constructor", "macro"]
            .iter()
            .any(|field| parent.child_by_field_name(field) == Some(node))
            && !parent.kind().ends_with("definition")
    })
}

/// The names of values in an expression.
pub(super) fn names_in<'n>(grammar: &Grammar, node: Node<'n>) -> Vec<Node<'n>> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if grammar.shape(node) == Shape::Name && !is_callee(node) {
            found.push(node);
        }
        open.extend(children(node));
    }
    found
}

/// True where `node` is a condition: of a branch, a loop, a ternary, or a part of one.
pub(super) fn is_condition(grammar: &Grammar, node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    if parent.child_by_field_name("condition") == Some(node) {
        return grammar.shape(parent) != Shape::Switch;
    }
    match grammar.shape(parent) {
        Shape::Paren => is_condition(grammar, parent),
        Shape::Binary => types::operator_of(parent).is_some_and(|token| matches!(token.kind(), "&&" | "||")),
        Shape::Unary => types::operator_of(parent).is_some_and(|token| token.kind() == "!"),
        // Go's `for x < y {`.
        Shape::For => {
            node.kind() != "for_clause"
                && node.kind() != "range_clause"
                && node.kind() != "block"
                && parent.kind() == "for_statement"
                && parent.named_child(0) == Some(node)
                && grammar.language == crate::languages::Language::Go
        }
        _ => parent.kind() == "let_chain",
    }
}

/// The whole of a condition: not a part of a larger one.
pub(super) fn is_whole_condition(grammar: &Grammar, node: Node<'_>) -> bool {
    is_condition(grammar, node)
        && node.parent().is_some_and(|parent| {
            !matches!(grammar.shape(parent), Shape::Binary | Shape::Unary | Shape::Paren)
                || whole_in_brackets(grammar, parent)
        })
}

/// True for the brackets round the condition of an `if` or `while`.
fn whole_in_brackets(grammar: &Grammar, paren: Node<'_>) -> bool {
    grammar.shape(paren) == Shape::Paren
        && paren.parent().is_some_and(|owner| owner.child_by_field_name("condition") == Some(paren))
}

/// True where the value of an expression is thrown away.
pub(super) fn is_statement(grammar: &Grammar, node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| grammar.shape(parent) == Shape::Plain)
}
