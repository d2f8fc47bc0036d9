//! One mutable value where each call, each object or each row should have its own.

use tree_sitter::Node;

use super::desk::Desk;
use super::facts::Site;
use super::level;
use crate::repair::EditKind;
use crate::syntax::{Splice, parts};

/// Edits of a function: its defaults, and its class's attributes where it makes the objects.
pub(super) fn of_function(desk: &mut Desk<'_, '_>) {
    defaults(desk);
    attributes(desk);
}

/// True for an expression that makes a new list, dictionary or set.
fn is_fresh(desk: &Desk<'_, '_>, value: Node<'_>) -> bool {
    matches!(
        value.kind(),
        "list"
            | "dictionary"
            | "set"
            | "list_comprehension"
            | "dictionary_comprehension"
            | "set_comprehension"
    ) || matches!(desk.text(value), "set()" | "list()" | "dict()")
}

/// Mutable defaults: `def f(x=[])` -> `def f(x=None)` and a line that makes a fresh one.
fn defaults(desk: &mut Desk<'_, '_>) {
    let node = desk.region.node;
    let (Some(parameters), Some(body)) =
        (node.child_by_field_name("parameters"), node.child_by_field_name("body"))
    else {
        return;
    };
    let Some(first) = desk.region.statements.first().copied() else { return };
    let Some(lines) = desk.lines(first.node).filter(|_| first.node.parent() == Some(body)) else { return };
    for parameter in parts(parameters) {
        let (Some(name), Some(value)) =
            (parameter.child_by_field_name("name"), parameter.child_by_field_name("value"))
        else {
            continue;
        };
        if is_fresh(desk, value) {
            let (name, fresh) = (desk.text(name), desk.text(value));
            let deeper = format!("{}{}", lines.indent, desk.facts.tab);
            let head = desk.line(&lines.indent, &format!("if {name} is None:"));
            let text = format!("{head}{}", desk.line(&deeper, &format!("{name} = {fresh}")));
            let start = lines.range.start;
            let splices = vec![
                Splice { range: value.byte_range(), new: "None".to_owned() },
                Splice { range: start..start, new: text },
            ];
            desk.pool.several(splices, EditKind::SharedDefault, first.weight, 1.0);
        }
    }
}

/// Mutable attributes of a class: `items = []` in its body -> `self.items = []` where objects are made.
fn attributes(desk: &mut Desk<'_, '_>) {
    let function = desk.region.node;
    let is_maker = &*desk.region.function == "__init__" && function.kind() == "function_definition";
    let Some(class_body) = function.parent().filter(|body| is_maker && body.kind() == "block") else {
        return;
    };
    let Some(body) = function.child_by_field_name("body") else { return };
    let Some(first) = desk.region.statements.first().copied() else { return };
    let Some(inner) = desk.lines(first.node).filter(|_| first.node.parent() == Some(body)) else { return };
    for statement in parts(class_body) {
        let [assignment] = parts(statement)[..] else { continue };
        let (Some(name), Some(value)) =
            (assignment.child_by_field_name("left"), assignment.child_by_field_name("right"))
        else {
            continue;
        };
        let Some(outer) = desk.lines(statement).filter(|_| statement.kind() == "expression_statement") else {
            continue;
        };
        if assignment.kind() != "assignment" || name.kind() != "identifier" || !is_fresh(desk, value) {
            continue;
        }
        let text = format!("self.{} = {}", desk.text(name), desk.text(value));
        let line = desk.line(&inner.indent, &text);
        let start = inner.range.start;
        let own = Splice { range: start..start, new: line.clone() };
        let less = Splice { range: outer.range, new: String::new() };
        desk.raw(first, start..start, line, EditKind::SharedDefault, 0.8);
        let mut both = vec![own, less];
        both.sort_by_key(|splice| splice.range.start);
        desk.pool.several(both, EditKind::SharedDefault, first.weight, 0.9);
    }
}

/// Rows that are one object: `[[0] * n] * m` -> `[[0] * n for _ in range(m)]`, `dict.fromkeys(a, [])` ->
/// `{key: [] for key in a}`.
pub(super) fn of_expression(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    match node.kind() {
        "binary_operator" => rows(desk, site),
        "call" => {
            let (Some(function), Some(list)) =
                (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
            else {
                return;
            };
            if let ("dict.fromkeys", [keys, value]) = (desk.text(function), &parts(list)[..])
                && is_fresh(desk, *value)
            {
                let text = format!("{{key: {} for key in {}}}", desk.text(*value), desk.text(*keys));
                desk.put(site, node, &text, level::ATOM, EditKind::SharedDefault, 1.0);
            }
        }
        _ => {}
    }
}

fn rows(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let field = |name| site.node.child_by_field_name(name);
    let (Some(left), Some(token), Some(right)) = (field("left"), field("operator"), field("right")) else {
        return;
    };
    if desk.text(token) != "*" {
        return;
    }
    for (list, count) in [(left, right), (right, left)] {
        let [row] = parts(list)[..] else { continue };
        let repeats = row.kind() == "binary_operator"
            && row.child_by_field_name("left").is_some_and(|left| is_fresh(desk, left));
        if list.kind() == "list" && (is_fresh(desk, row) || repeats) {
            let text = format!("[{} for _ in range({})]", desk.text(row), desk.text(count));
            desk.put(site, site.node, &text, level::ATOM, EditKind::SharedDefault, 1.0);
        }
    }
}
