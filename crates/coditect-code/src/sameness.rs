//! Whether two texts are the same code: their syntax trees say the same, but for comments and documentation strings.

use tree_sitter::Node;

use crate::languages::{Language, is_comment};
use crate::syntax::{children, text_of};

#[cfg(test)]
mod tests;

/// What begins a comment that tools read: it is code, whoever it looks like it is for.
const READ_BY_TOOLS: &[&str] = &[
    "#!",
    "# -*-",
    "# type:",
    "# noqa",
    "# pragma",
    "# pylint:",
    "# mypy:",
    "# fmt:",
    "# ruff:",
    "# coding",
    "//go:",
    "// +build",
    "// @ts-",
    "//@ts-",
    "// eslint",
    "/* eslint",
    "// prettier",
    "/* @__PURE__",
    "# nosec",
    "# isort:",
    "# doctest:",
    "// @flow",
    "/// <reference",
];

/// The line (from 1) of `after` from which on its code is not that of `before`. None: only comments, documentation strings and
/// white space differ. A text that does not parse is the same as no other.
#[must_use]
pub fn where_code_differs(language: Language, before: &str, after: &str) -> Option<usize> {
    if before == after {
        return None;
    }
    let mut syntax = language.syntax()?;
    let (Some(one), Some(other)) = (syntax.parse(before), syntax.parse(after)) else { return Some(1) };
    if one.root_node().has_error() || other.root_node().has_error() {
        return Some(1);
    }
    let (one, other) = (words(language, before, one.root_node()), words(language, after, other.root_node()));
    let at = one.iter().zip(&other).position(|(one, other)| one.0 != other.0);
    let at = at.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))?;
    Some(other.get(at).or(other.last()).map_or(1, |(_, row)| row + 1))
}

/// One step through a tree.
#[derive(PartialEq, Eq)]
enum Step<'t> {
    Into(u16),
    Leaf(&'t str),
    OutOf,
}

/// What a tree says, step by step, with the row of each.
fn words<'t>(language: Language, text: &'t str, root: Node<'_>) -> Vec<(Step<'t>, usize)> {
    let mut steps = Vec::new();
    walk(language, text, root, &mut steps);
    steps
}

fn walk<'t>(language: Language, text: &'t str, node: Node<'_>, steps: &mut Vec<(Step<'t>, usize)>) {
    let row = node.start_position().row;
    let said = text_of(text, node);
    if is_comment(node) {
        if READ_BY_TOOLS.iter().any(|begin| said.starts_with(begin)) {
            steps.push((Step::Leaf(said), row));
        }
        return;
    }
    if language == Language::Python && is_documentation(node) {
        return;
    }
    let below = children(node);
    // Between the tokens of a string there is more than white space.
    if below.is_empty() || is_text(node.kind()) {
        if !said.trim().is_empty() {
            steps.push((Step::Leaf(said), row));
        }
        return;
    }
    steps.push((Step::Into(node.kind_id()), row));
    for child in below {
        walk(language, text, child, steps);
    }
    steps.push((Step::OutOf, node.end_position().row));
}

fn is_text(kind: &str) -> bool {
    kind.contains("string")
        || kind.contains("regex")
        || matches!(kind, "char_literal" | "rune_literal" | "jsx_text")
}

/// Whether a statement is the documentation string of a module, a class or a function.
pub(crate) fn is_documentation(node: Node<'_>) -> bool {
    let of = node.parent().filter(|parent| match parent.kind() {
        "module" => true,
        "block" => {
            parent.parent().is_some_and(|of| matches!(of.kind(), "function_definition" | "class_definition"))
        }
        _ => false,
    });
    let Some(of) = of.filter(|_| node.kind() == "expression_statement") else { return false };
    let first = children(of).into_iter().find(|child| child.is_named() && !is_comment(*child));
    let is_plain = |string: &Node<'_>| {
        string.kind() == "string" && !children(*string).iter().any(|part| part.kind() == "interpolation")
    };
    first.is_some_and(|first| first.id() == node.id())
        && node.named_child_count() == 1
        && node.named_child(0).is_some_and(|string| is_plain(&string))
}
