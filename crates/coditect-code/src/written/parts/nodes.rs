//! What the trees of Python's statements say.

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::syntax::{self, line_start, text_of};

/// A statement of nothing but three dots.
pub(super) fn is_dots(node: &Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && matches!(syntax::parts(*node).as_slice(), [one] if one.kind() == "ellipsis")
}

pub(super) fn statements(function: Node<'_>) -> Vec<Node<'_>> {
    function.child_by_field_name("body").map(syntax::parts).unwrap_or_default()
}

pub(super) fn is_text(node: &Node<'_>) -> bool {
    matches!(syntax::parts(*node).as_slice(), [one] if one.kind() == "string")
        && node.kind() == "expression_statement"
}

/// Whether a function is shown by its head alone, as the one who answers was shown it.
pub(super) fn is_gap(function: Node<'_>) -> bool {
    let all = statements(function);
    all.last().is_some_and(is_dots) && all.iter().all(|node| is_dots(node) || is_text(node))
}

/// Whether a function does nothing.
pub(super) fn is_idle(function: Node<'_>) -> bool {
    statements(function).iter().all(|node| node.kind() == "pass_statement" || is_text(node) || is_dots(node))
}

/// How many nodes of a tree are so.
pub(super) fn count_of(node: Node<'_>, is_so: &dyn Fn(Node<'_>) -> bool) -> usize {
    let (mut open, mut count) = (vec![node], 0);
    while let Some(node) = open.pop() {
        count += usize::from(is_so(node));
        open.extend(syntax::children(node));
    }
    count
}

/// Names that are looked up as a statement is carried out, and not when what it defines is called.
pub(super) fn names_outside_bodies<'t>(text: &'t str, node: Node<'_>, names: &mut BTreeSet<&'t str>) {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if node.kind() == "identifier" {
            names.insert(text_of(text, node));
        }
        let body = match node.kind() {
            "function_definition" | "lambda" => node.child_by_field_name("body"),
            _ => None,
        };
        open.extend(syntax::children(node).into_iter().filter(|child| Some(*child) != body));
    }
}

/// What an import names, each with where it is from, and the name that it is known by.
pub(super) fn imported(text: &str, import: Node<'_>) -> Vec<(String, String)> {
    let from = import.child_by_field_name("module_name").map_or("", |module| text_of(text, module));
    let mut cursor = import.walk();
    let names = import.children_by_field_name("name", &mut cursor);
    let one = |name: Node<'_>| {
        let of = |field: &str| name.child_by_field_name(field).map(|node| text_of(text, node).to_owned());
        let whole = text_of(text, name);
        let first = || whole.split('.').next().unwrap_or(whole).to_owned();
        let what = of("name").unwrap_or_else(|| whole.to_owned());
        (format!("{from} {what}"), of("alias").unwrap_or_else(first))
    };
    let mut found: Vec<(String, String)> = names.map(one).collect();
    if found.is_empty() {
        found.push((format!("{from} *"), "*".to_owned()));
    }
    found
}

/// What statements make names stand for that are carried out as the file is read: imports, with where they are from, and values.
pub(super) fn bound(text: &str, node: Node<'_>) -> BTreeSet<(String, String)> {
    let (mut open, mut found) = (vec![node], BTreeSet::new());
    while let Some(node) = open.pop() {
        match node.kind() {
            "function_definition" | "class_definition" | "lambda" => continue,
            "import_statement" | "import_from_statement" | "future_import_statement" => {
                found.extend(imported(text, node));
            }
            "assignment" => {
                let left = node.child_by_field_name("left");
                // Those that stand alone in a block are known by that.
                let names = left.filter(|left| left.kind() != "identifier" || is_deep(node));
                let mut of_left = names.into_iter().collect::<Vec<_>>();
                while let Some(name) = of_left.pop() {
                    if name.kind() == "identifier" {
                        found.insert((String::new(), text_of(text, name).to_owned()));
                    }
                    of_left.extend(syntax::parts(name));
                }
            }
            _ => {}
        }
        open.extend(syntax::children(node));
    }
    found
}

/// Whether an assignment is within something else than a module or a class.
fn is_deep(assignment: Node<'_>) -> bool {
    let block = assignment.parent().and_then(|statement| statement.parent());
    !block.is_some_and(|block| {
        block.kind() == "module" || block.parent().is_some_and(|above| above.kind() == "class_definition")
    })
}

/// The decorators of a definition, in one line.
pub(super) fn decorators(text: &str, outer: Node<'_>) -> String {
    let of = syntax::parts(outer).into_iter().filter(|node| node.kind() == "decorator");
    let bare = |node| text_of(text, node).split_whitespace().collect::<Vec<_>>().join(" ");
    of.map(bare).collect::<Vec<_>>().join(" ")
}

/// A text without blanks at the ends of its lines.
pub(super) fn lines_of(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The blanks before a place in its line; the line itself where something else stands there.
pub(super) fn indent(text: &str, at: usize) -> &str {
    text.get(line_start(text, at)..at).unwrap_or_default()
}

/// What a line defines with this keyword.
pub(super) fn defined<'l>(line: &'l str, keyword: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(keyword)?.trim_start();
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}
