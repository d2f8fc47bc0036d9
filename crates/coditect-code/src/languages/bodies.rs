//! Where functions have their bodies.

use super::{Language, Node, Range, Tree, children, is_comment, text_of};

/// A function or method that is written as a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its name; for one without a name that of the variable, field or key that it is given to, else `""`.
    pub name: String,
    /// Bytes of the whole function, its signature included.
    pub whole: Range<usize>,
    /// Bytes of the block, its braces included (Python: the indented statements).
    pub range: Range<usize>,
    /// A statement at the very start of the block would not compile or would change what the function means:
    /// Rust's `const fn` (and what stands in one) and bodies that begin with `#![...]`, Java's constructors that
    /// begin with `this(...)` or `super(...)`, JavaScript's bodies that begin with a directive such as `"use strict"`.
    pub special: bool,
}

/// Every function and method of a file that has a block for a body, nested ones after those around them.
#[must_use]
pub fn function_bodies(text: &str, tree: &Tree, language: Language) -> Vec<Body> {
    let mut found = Vec::new();
    let mut stack = vec![(tree.root_node(), false)];
    while let Some((node, in_const)) = stack.pop() {
        let mut inside = in_const;
        if let Some(block) = block_of(node) {
            let is_const = is_const(text, node, in_const);
            inside = is_const;
            found.push(Body {
                name: name_of(text, node),
                whole: node.byte_range(),
                range: block.byte_range(),
                special: is_const || opens_specially(block, language),
            });
        }
        if matches!(node.kind(), "const_item" | "static_item") {
            inside = true;
        }
        stack.extend(children(node).into_iter().rev().filter(|child| child.is_named()).map(|c| (c, inside)));
    }
    found
}

/// True where a node is a function, a method or a lambda, in any of the grammars.
pub(crate) fn is_function(kind: &str) -> bool {
    matches!(
        kind,
        "function_definition"
            | "function_item"
            | "closure_expression"
            | "function_declaration"
            | "generator_function_declaration"
            | "function_expression"
            | "generator_function"
            | "arrow_function"
            | "method_definition"
            | "method_declaration"
            | "func_literal"
            | "constructor_declaration"
            | "compact_constructor_declaration"
            | "lambda_expression"
    )
}

/// The block of a function; None for other nodes and for functions without one.
pub(crate) fn block_of(node: Node<'_>) -> Option<Node<'_>> {
    if !is_function(node.kind()) {
        return None;
    }
    let body = node.child_by_field_name("body")?;
    matches!(body.kind(), "block" | "statement_block" | "constructor_body").then_some(body)
}

/// The name of a function; for one without a name that of what it is given to.
pub(crate) fn name_of(text: &str, node: Node<'_>) -> String {
    if let Some(name) = node.child_by_field_name("name") {
        return text_of(text, name).to_owned();
    }
    let Some(parent) = node.parent() else { return String::new() };
    let owner = match parent.kind() {
        // Go: `f := func() {...}` has a list on each side.
        "expression_list" => parent.parent(),
        _ => Some(parent),
    };
    let given_to = owner.and_then(|owner| {
        ["name", "left", "key", "property", "pattern", "field"]
            .iter()
            .find_map(|field| owner.child_by_field_name(field))
            .filter(|name| name.end_byte() <= node.start_byte())
    });
    let words = given_to.map_or("", |name| text_of(text, name));
    let last = words.rsplit(['.', ':']).next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
    if last.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$') {
        last.to_owned()
    } else {
        String::new()
    }
}

fn is_const(text: &str, node: Node<'_>, around: bool) -> bool {
    if node.kind() == "closure_expression" {
        return around;
    }
    node.kind() == "function_item"
        && children(node).into_iter().any(|child| {
            child.kind() == "function_modifiers"
                && text_of(text, child).split_whitespace().any(|word| word == "const")
        })
}

fn opens_specially(block: Node<'_>, language: Language) -> bool {
    let first = children(block).into_iter().find(|child| child.is_named() && !is_comment(*child));
    first.is_some_and(|first| match language {
        Language::Rust => first.kind() == "inner_attribute_item",
        Language::Java => first.kind() == "explicit_constructor_invocation",
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            first.kind() == "expression_statement"
                && first.named_child(0).is_some_and(|inner| inner.kind() == "string")
        }
        Language::Python | Language::Go => false,
    })
}
