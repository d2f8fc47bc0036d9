//! How tightly expressions bind, so that brackets are written where they are needed and nowhere else.

use tree_sitter::Node;

use super::table::{Grammar, Shape, Table};
use super::types::operator_of;
use crate::syntax::text_of;

/// Assignments, lambdas, ranges.
pub(super) const LOOSE: u8 = 0;
/// `c ? a : b`.
pub(super) const TERNARY: u8 = 1;
/// Where binary operators begin.
const BINARY: u8 = 2;
pub(super) const UNARY: u8 = 20;
/// Names, calls, literals, anything in brackets.
pub(super) const ATOM: u8 = 30;

/// How tightly a binary operator binds.
pub(super) fn of_operator(table: &Table, operator: &str) -> u8 {
    let at = table.levels.iter().position(|level| level.contains(&operator));
    at.and_then(|at| u8::try_from(at).ok()).map_or(LOOSE, |at| at + BINARY)
}

/// How tightly an expression binds.
pub(super) fn of(text: &str, grammar: &Grammar, node: Node<'_>) -> u8 {
    match grammar.shape(node) {
        Shape::Binary => {
            of_operator(grammar.table, operator_of(node).map_or("", |token| text_of(text, token)))
        }
        Shape::Unary | Shape::Reference | Shape::Update => UNARY,
        Shape::Await if grammar.language.is_script() => UNARY,
        Shape::Ternary => TERNARY,
        Shape::Cast => match grammar.language {
            crate::languages::Language::Rust => of_operator(grammar.table, "as"),
            crate::languages::Language::Java => UNARY,
            _ if node.kind() == "as_expression" => of_operator(grammar.table, "<"),
            _ => ATOM,
        },
        Shape::Value if node.kind() == "instanceof_expression" => of_operator(grammar.table, "instanceof"),
        Shape::Value if matches!(node.kind(), "yield_expression" | "sequence_expression") => LOOSE,
        Shape::Assign | Shape::Lambda | Shape::Range => LOOSE,
        _ => ATOM,
    }
}

/// How tightly an expression must bind to stand in the place of `node` without brackets.
pub(super) fn of_slot(text: &str, grammar: &Grammar, node: Node<'_>) -> u8 {
    let Some(parent) = node.parent() else { return LOOSE };
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    match grammar.shape(parent) {
        Shape::Binary => {
            let own = of(text, grammar, parent);
            if is("right") { own + 1 } else { own }
        }
        Shape::Unary | Shape::Reference | Shape::Update => UNARY,
        Shape::Await => {
            if grammar.language.is_script() {
                UNARY
            } else {
                ATOM
            }
        }
        Shape::Try => ATOM,
        Shape::Member => ATOM,
        Shape::Index | Shape::Slice => {
            if parent.named_child(0) == Some(node) {
                ATOM
            } else {
                LOOSE
            }
        }
        Shape::Call | Shape::New => ATOM,
        Shape::Ternary => {
            if is("condition") {
                BINARY
            } else {
                TERNARY
            }
        }
        Shape::Range => BINARY,
        Shape::Cast => match grammar.language {
            crate::languages::Language::Rust => of(text, grammar, parent),
            crate::languages::Language::Java => UNARY,
            _ if parent.kind() == "as_expression" => of(text, grammar, parent),
            _ => LOOSE,
        },
        Shape::Value if parent.kind() == "instanceof_expression" => of(text, grammar, parent),
        Shape::Lambda | Shape::Assign => TERNARY,
        _ => LOOSE,
    }
}

/// `text` in brackets where it binds less tightly than `needed`.
pub(super) fn bracket(text: &str, level: u8, needed: u8) -> String {
    if level < needed { format!("({text})") } else { text.to_owned() }
}
