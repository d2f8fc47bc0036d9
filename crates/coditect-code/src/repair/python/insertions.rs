//! Statements that are missing: copies of statements nearby, simple ones made of names in scope, guards, cases.

use tree_sitter::Node;

use super::borrowed;
use super::conditions::{conditions, conditions_of};
use super::desk::{Desk, Lines};
use super::facts::{Name, Site};
use super::statements::{blocks_of, one_line};
use super::types::Type;
use crate::repair::EditKind;
use crate::syntax::parts;

/// Statements that are tried at one place.
const MOST_STATEMENTS: usize = 80;
/// Conditions of guards at one place.
const MOST_GUARDS: usize = 40;

/// Conditions that are put around one statement.
const MOST_AROUND: usize = 48;
/// How much likelier a statement is that stands between the same lines elsewhere than one of the neighbourhood.
const TRANSPLANTED: f64 = 3.0;

/// A statement that could stand somewhere.
struct Material {
    text: String,
    kind: EditKind,
    fit: f64,
}

/// Edits at one statement: what could stand before it, after it, or around it.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(lines) = desk.lines(node) else { return };
    let Some(block) = node.parent().filter(|parent| matches!(parent.kind(), "block" | "module")) else {
        return;
    };
    let siblings = parts(block);
    let here = materials(desk, node);
    for material in &here {
        let line = desk.line(&lines.indent, &material.text);
        desk.insert(site.weight, lines.range.start, &line, material.kind, material.fit);
    }
    if let Some(at) = siblings.iter().position(|sibling| *sibling == node) {
        transplants(desk, site, &lines, &siblings, at);
    }
    if siblings.last() == Some(&node) && !ends_block(node) {
        for material in &here {
            let line = desk.line(&lines.indent, &material.text);
            desk.insert(site.weight, lines.range.end, &line, material.kind, material.fit);
        }
    }
    if node.kind() == "if_statement" && !parts(node).iter().any(|part| part.kind() == "else_clause") {
        otherwise(desk, site, &lines.indent, lines.range.end, &here);
    }
    guards(desk, site, &lines.indent, lines.range.start);
    around(desk, site, &lines.indent);
}

/// Statements that stand between the same lines elsewhere, before the statement and after it where it is the last.
fn transplants(desk: &mut Desk<'_, '_>, site: Site<'_>, lines: &Lines, siblings: &[Node<'_>], at: usize) {
    let mut gaps = vec![(at, lines.range.start)];
    if at + 1 == siblings.len() && !ends_block(site.node) {
        gaps.push((at + 1, lines.range.end));
    }
    for (gap, byte) in gaps {
        for (words, fit) in borrowed::statements(desk, siblings, gap) {
            let line = desk.line(&lines.indent, &words);
            desk.insert(site.weight, byte, &line, EditKind::Copied, TRANSPLANTED * fit);
        }
    }
}

/// True where nothing after the statement would run.
fn ends_block(node: Node<'_>) -> bool {
    matches!(node.kind(), "return_statement" | "break_statement" | "continue_statement" | "raise_statement")
}

fn in_loop(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "for_statement" | "while_statement" => return true,
            "function_definition" | "class_definition" => return false,
            _ => at = parent,
        }
    }
    false
}

fn in_function(desk: &Desk<'_, '_>) -> bool {
    desk.region.node.kind() == "function_definition"
}

fn materials(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Material> {
    let mut found: Vec<Material> = Vec::new();
    let mut add = |text: String, kind: EditKind, fit: f64| {
        if fit > 0.0 && !found.iter().any(|known| known.text == text) {
            found.push(Material { text, kind, fit });
        }
    };
    let row = node.start_position().row;
    for other in &desk.region.statements {
        let Some(text) = one_line(desk.facts.text, other.node) else { continue };
        if matches!(other.node.kind(), "expression_statement" | "return_statement" | "raise_statement") {
            let near = 1.0 / (1.0 + 0.1 * other.node.start_position().row.abs_diff(row) as f64);
            add(text.to_owned(), EditKind::Copied, 0.8 * near);
        }
    }
    let names: Vec<&Name> = desk.values_at(node).into_iter().take(10).collect();
    for (rank, name) in names.iter().enumerate() {
        let near = 1.0 / (1.0 + 0.1 * rank as f64);
        of_one(desk, name, near, &mut add);
        for (nearer, other) in names.iter().enumerate().filter(|(_, other)| other.text != name.text) {
            of_two(name, other, near / (1.0 + 0.1 * nearer as f64), &mut add);
        }
    }
    if in_loop(node) {
        add("break".to_owned(), EditKind::Inserted, 0.7);
        add("continue".to_owned(), EditKind::Inserted, 0.5);
    }
    if in_function(desk) {
        add("return".to_owned(), EditKind::ReturnSlip, 0.15);
    }
    found.sort_by(|a, b| (b.fit * b.kind.prior()).total_cmp(&(a.fit * a.kind.prior())));
    found.truncate(MOST_STATEMENTS);
    found
}

fn of_one(desk: &Desk<'_, '_>, name: &Name, near: f64, add: &mut dyn FnMut(String, EditKind, f64)) {
    let text = &name.text;
    if in_function(desk) {
        add(format!("return {text}"), EditKind::ReturnSlip, 0.5 * near);
    }
    if name.ty.fit(Type::Int) > 0.5 {
        let sure = if name.ty.is_number() { 1.0 } else { 0.3 };
        for (change, fit) in
            [("+= 1", 0.8), ("-= 1", 0.5), ("= 0", 0.5), ("= 1", 0.3), ("*= 2", 0.1), ("//= 2", 0.1)]
        {
            add(format!("{text} {change}"), EditKind::Inserted, fit * sure * near);
        }
    }
    let resets: &[(&str, f64)] = match name.ty {
        Type::List => {
            &[("= []", 0.4), (".sort()", 0.7), (".reverse()", 0.5), (".pop()", 0.3), (".append([])", 0.1)]
        }
        Type::Str => &[(" = \"\"", 0.3), (" = ''", 0.1)],
        Type::Bool => &[(" = True", 0.7), (" = False", 0.7)],
        Type::Set | Type::Dict => &[(".clear()", 0.2)],
        Type::Unknown | Type::Int | Type::Float | Type::Tuple | Type::Function | Type::Nothing => &[],
    };
    for (change, fit) in resets {
        let space = if change.starts_with('=') { " " } else { "" };
        add(format!("{text}{space}{change}"), EditKind::Inserted, fit * near);
    }
    if desk.region.parameters.first().is_some_and(|first| first == "self") && name.distance == 0 {
        add(format!("self.{text} = {text}"), EditKind::Inserted, 0.5 * near);
    }
}

fn of_two(one: &Name, two: &Name, near: f64, add: &mut dyn FnMut(String, EditKind, f64)) {
    let (a, b) = (&one.text, &two.text);
    match one.ty {
        Type::List => {
            add(format!("{a}.append({b})"), EditKind::Inserted, 0.9 * near);
            add(format!("{a}.extend({b})"), EditKind::Inserted, 0.15 * near);
            add(format!("{a}.remove({b})"), EditKind::Inserted, 0.15 * near);
        }
        Type::Set => {
            add(format!("{a}.add({b})"), EditKind::Inserted, 1.0 * near);
            add(format!("{a}.discard({b})"), EditKind::Inserted, 0.2 * near);
        }
        Type::Dict => add(format!("{a}[{b}] = True"), EditKind::Inserted, 0.2 * near),
        Type::Unknown
        | Type::Int
        | Type::Float
        | Type::Str
        | Type::Bool
        | Type::Tuple
        | Type::Function
        | Type::Nothing => {}
    }
    let alike = one.ty.fit(two.ty);
    if alike > 0.5 && one.distance == 0 {
        add(format!("{a} = {b}"), EditKind::Inserted, 0.5 * alike * near);
        if matches!(one.ty, Type::Int | Type::Float | Type::Str | Type::List) {
            add(format!("{a} += {b}"), EditKind::Inserted, 0.4 * alike * near);
            add(format!("{a} -= {b}"), EditKind::Inserted, 0.15 * alike * near);
        }
    }
}

/// A branch for the other case.
fn otherwise(desk: &mut Desk<'_, '_>, site: Site<'_>, indent: &str, at: usize, materials: &[Material]) {
    let Some(inner) = blocks_of(site.node).first().and_then(|block| parts(*block).first().copied()) else {
        return;
    };
    let deeper =
        desk.lines(inner).map_or_else(|| format!("{indent}{}", desk.facts.tab), |lines| lines.indent);
    for material in materials.iter().take(30) {
        let text = format!("{}{}", desk.line(indent, "else:"), desk.line(&deeper, &material.text));
        desk.insert(site.weight, at, &text, EditKind::Inserted, 0.7 * material.fit);
    }
}

/// Ends of a case that is treated early: what the function gives elsewhere, and what tests expect of it.
fn ends(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut add = |text: String, fit: f64| {
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, fit));
        }
    };
    if in_loop(node) {
        add("continue".to_owned(), 0.8);
        add("break".to_owned(), 0.7);
    }
    if !in_function(desk) {
        return found;
    }
    for other in desk
        .region
        .statements
        .iter()
        .filter(|other| matches!(other.node.kind(), "return_statement" | "raise_statement"))
    {
        let simple = parts(other.node).first().is_none_or(|value| {
            matches!(
                value.kind(),
                "true"
                    | "false"
                    | "none"
                    | "integer"
                    | "float"
                    | "string"
                    | "list"
                    | "tuple"
                    | "dictionary"
                    | "identifier"
                    | "unary_operator"
            ) || other.node.kind() == "raise_statement"
        });
        if let (true, Some(text)) = (simple, one_line(desk.facts.text, other.node)) {
            add(text.to_owned(), 1.0);
        }
    }
    let lore = desk.facts.lore;
    for value in lore.expected.get(&*desk.region.function).into_iter().flatten() {
        if !value.starts_with(['\'', '"']) {
            add(format!("return {value}"), 0.7);
        }
    }
    let expected = lore.expected_types.get(&*desk.region.function).copied().unwrap_or_default();
    let usual: &[&str] = match expected {
        Type::Int | Type::Float => &["0", "1", "-1"],
        Type::Str => &["\"\""],
        Type::Bool => &["True", "False"],
        Type::List => &["[]"],
        Type::Dict => &["{}"],
        Type::Set => &["set()"],
        Type::Tuple => &["()"],
        Type::Unknown | Type::Nothing | Type::Function => &["None"],
    };
    for value in usual {
        add(format!("return {value}"), 0.5);
    }
    for name in desk.values_at(node).into_iter().take(4) {
        if expected == Type::Unknown || name.ty == expected || name.ty == Type::Unknown {
            add(format!("return {}", name.text), 0.4);
        }
        if expected == Type::List {
            add(format!("return [{}]", name.text), 0.25);
        }
    }
    found
}

/// `if c: return v` before a statement: likeliest at the start of a function, where cases are treated.
fn guards(desk: &mut Desk<'_, '_>, site: Site<'_>, indent: &str, at: usize) {
    let node = site.node;
    let first = node.parent().and_then(|block| block.parent()).is_some_and(|owner| owner == desk.region.node)
        && desk.region.statements.first().is_some_and(|first| first.node == node);
    let starts_loop = node.parent().is_some_and(|block| {
        parts(block).first() == Some(&node)
            && block.parent().is_some_and(|owner| matches!(owner.kind(), "for_statement" | "while_statement"))
    });
    let (place, most) = if first {
        (1.0, MOST_GUARDS)
    } else if starts_loop {
        (0.5, 20)
    } else {
        (0.25, 12)
    };
    let conditions = conditions(desk, node);
    let ends = ends(desk, node);
    for (rank, condition) in conditions.iter().take(most).enumerate() {
        let fit = condition.fit / (1.0 + 0.05 * rank as f64);
        for (end, share) in ends.iter().take(8) {
            let deeper = format!("{indent}{}", desk.facts.tab);
            let head = desk.line(indent, &format!("if {}:", condition.text));
            let text = format!("{head}{}", desk.line(&deeper, end));
            desk.insert(site.weight, at, &text, EditKind::Guard, fit * share * place);
        }
    }
}

/// A statement that is to run in some cases only.
fn around(desk: &mut Desk<'_, '_>, site: Site<'_>, indent: &str) {
    let node = site.node;
    let Some(words) = one_line(desk.facts.text, node) else { return };
    let simple = matches!(
        node.kind(),
        "expression_statement"
            | "return_statement"
            | "break_statement"
            | "continue_statement"
            | "raise_statement"
    );
    if !simple {
        return;
    }
    for condition in conditions_of(desk, node).iter().take(MOST_AROUND) {
        let deeper = format!("{indent}{}", desk.facts.tab);
        let new = format!("if {}:{}{deeper}{words}", condition.text, desk.facts.eol);
        desk.raw(site, node.byte_range(), new, EditKind::Conditioned, condition.fit);
    }
}
