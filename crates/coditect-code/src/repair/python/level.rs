//! How tightly expressions bind, so that brackets are written where they are needed and nowhere else.

use tree_sitter::Node;

use crate::syntax::{parts, text_of};

/// `a, b` without brackets.
pub(super) const BARE_TUPLE: u8 = 0;
/// `a if c else b`, `lambda: a`.
pub(super) const TERNARY: u8 = 1;
pub(super) const OR: u8 = 2;
pub(super) const AND: u8 = 3;
pub(super) const NOT: u8 = 4;
pub(super) const COMPARISON: u8 = 5;
pub(super) const BIT_OR: u8 = 6;
pub(super) const ADD: u8 = 10;
pub(super) const MULTIPLY: u8 = 11;
pub(super) const UNARY: u8 = 12;
pub(super) const POWER: u8 = 13;
/// Names, calls, literals, anything in brackets.
pub(super) const ATOM: u8 = 15;

/// How tightly a binary or boolean operator binds.
pub(super) fn of_operator(operator: &str) -> u8 {
    match operator {
        "or" => OR,
        "and" => AND,
        "|" => BIT_OR,
        "^" => 7,
        "&" => 8,
        "<<" | ">>" => 9,
        "+" | "-" => ADD,
        "**" => POWER,
        "*" | "/" | "//" | "%" | "@" => MULTIPLY,
        _ => COMPARISON,
    }
}

/// How tightly an expression binds.
pub(super) fn of(text: &str, node: Node<'_>) -> u8 {
    match node.kind() {
        "expression_list" => BARE_TUPLE,
        "conditional_expression" | "lambda" | "named_expression" | "yield" | "list_splat" => TERNARY,
        "boolean_operator" | "binary_operator" => {
            node.child_by_field_name("operator").map_or(TERNARY, |op| of_operator(text_of(text, op)))
        }
        "not_operator" => NOT,
        "comparison_operator" => COMPARISON,
        "unary_operator" => UNARY,
        "await" => POWER,
        _ => ATOM,
    }
}

/// How tightly an expression must bind to stand where `node` stands.
pub(super) fn of_slot(text: &str, node: Node<'_>) -> u8 {
    let Some(parent) = node.parent() else { return BARE_TUPLE };
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    match parent.kind() {
        "binary_operator" => {
            let own = of(text, parent);
            match (own == POWER, is("left")) {
                (true, true) => ATOM,
                (true, false) => UNARY,
                (false, true) => own,
                (false, false) => own + 1,
            }
        }
        "boolean_operator" => of(text, parent),
        "comparison_operator" => BIT_OR,
        "not_operator" => NOT,
        "unary_operator" => UNARY,
        "await" => ATOM,
        "attribute" => ATOM,
        "subscript" if is("value") => ATOM,
        "call" if is("function") => ATOM,
        "list_splat" | "dictionary_splat" => BIT_OR,
        "for_in_clause" | "if_clause" => OR,
        "conditional_expression" if parts(parent).last() != Some(&node) => OR,
        "return_statement" | "assignment" | "expression_statement" | "subscript" | "for_statement" => {
            BARE_TUPLE
        }
        _ => TERNARY,
    }
}

/// `text`, in brackets where it binds less tightly than `needed`.
pub(super) fn bracket(text: &str, level: u8, needed: u8) -> String {
    if level < needed { format!("({text})") } else { text.to_owned() }
}
