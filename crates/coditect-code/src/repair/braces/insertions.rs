//! Statements that are missing: copies of statements nearby and in similar code, simple ones made of names in scope,
//! jumps, guards.

use tree_sitter::Node;

use super::conditions::conditions;
use super::desk::Desk;
use super::facts::Site;
use super::statements::core;
use super::table::Shape;
use super::types::Class;
use crate::languages::Language;
use crate::repair::EditKind;

/// Statements that are tried at one place.
const MOST_STATEMENTS: usize = 24;
/// Conditions of guards at one place.
const MOST_GUARDS: usize = 24;

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
    let Some((_, siblings)) = desk.siblings(node) else { return };
    let here = materials(desk, node);
    let inner = desk.shape(core(desk, node));
    for material in &here {
        let line = desk.line(&lines.indent, &material.text);
        desk.raw(site, lines.range.start..lines.range.start, line, material.kind, material.fit);
    }
    let ends = matches!(inner, Shape::Return | Shape::Break | Shape::Continue | Shape::Throw);
    // Rust's last expression is the value of its block: nothing stands after it.
    let tail =
        desk.grammar.language == Language::Rust && !matches!(desk.shape(node), Shape::Plain | Shape::Local);
    let closed = desk.facts.text[..lines.range.end].ends_with('\n');
    if siblings.last() == Some(&node) && !ends && !tail && closed {
        for material in &here {
            let line = desk.line(&lines.indent, &material.text);
            desk.raw(site, lines.range.end..lines.range.end, line, material.kind, material.fit);
        }
    }
    guards(desk, site, &lines.indent, lines.range.start);
    around(desk, site, &lines.indent);
}

/// True where a jump out of a loop may stand.
fn in_loop(desk: &Desk<'_, '_>, node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        let shape = desk.shape(parent);
        if shape.is_loop() {
            return true;
        }
        if matches!(shape, Shape::Function | Shape::Lambda | Shape::Holder) {
            return false;
        }
        at = parent;
    }
    false
}

fn one_line<'t>(desk: &Desk<'_, 't>, node: Node<'_>) -> Option<&'t str> {
    let words = desk.text(node);
    (!words.contains('\n') && words.len() <= 120).then_some(words)
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
        let Some(text) = one_line(desk, other.node) else { continue };
        let inner = desk.shape(core(desk, other.node));
        let copied = matches!(inner, Shape::Assign | Shape::Update | Shape::Call | Shape::Macro)
            || (matches!(inner, Shape::Statement | Shape::Value) && desk.grammar.language != Language::Rust);
        let bare = desk.grammar.language == Language::Rust && desk.shape(other.node) != Shape::Plain;
        let visible = super::facts::needs(desk.facts.text, desk.grammar, desk.region, other.node);
        if copied && !bare && visible.iter().all(|range| range.contains(&node.start_byte())) {
            let near = 1.0 / (1.0 + 0.1 * other.node.start_position().row.abs_diff(row) as f64);
            add(text.to_owned(), EditKind::Copied, 0.7 * near);
        }
    }
    let end = desk.semicolon();
    if in_loop(desk, node) {
        add(format!("break{end}"), EditKind::Inserted, 0.35);
        add(format!("continue{end}"), EditKind::Inserted, 0.3);
    }
    let names = desk.values_at(node);
    let own = names.into_iter().filter(|name| name.depth == desk.region.depth).take(8);
    for (rank, name) in own.enumerate() {
        let near = 1.0 / (1.0 + 0.12 * rank as f64);
        let free = !name.fixed;
        let text = name.text;
        if name.ty.class.is_number() && free {
            let (up, down) = match desk.grammar.language {
                Language::Rust => (format!("{text} += 1"), format!("{text} -= 1")),
                _ => (format!("{text}++"), format!("{text}--")),
            };
            let counted = if name.origin == super::facts::Origin::Parameter { 0.4 } else { 1.0 };
            add(format!("{up}{end}"), EditKind::Inserted, 0.55 * near * counted);
            add(format!("{down}{end}"), EditKind::Inserted, 0.35 * near * counted);
            add(format!("{text} = 0{end}"), EditKind::Inserted, 0.2 * near * counted);
        }
        if name.ty.class == Class::Bool && free {
            add(format!("{text} = true{end}"), EditKind::Inserted, 0.45 * near);
            add(format!("{text} = false{end}"), EditKind::Inserted, 0.45 * near);
        }
        let gives = desk.region.gives.clone().unwrap_or_default();
        let typed = desk.grammar.typed();
        let fits =
            if typed { desk.region.gives.is_some() && desk.fit(&gives, &name.ty) >= 0.8 } else { true };
        if fits && desk.region.depth > 0 {
            add(format!("return {text}{end}"), EditKind::ReturnSlip, if typed { 0.2 } else { 0.12 } * near);
        }
    }
    if desk.region.depth > 0 && desk.region.gives.is_none() {
        add(format!("return{end}"), EditKind::ReturnSlip, 0.1);
    }
    found.sort_by(|a, b| (b.fit * b.kind.prior()).total_cmp(&(a.fit * a.kind.prior())));
    found.truncate(MOST_STATEMENTS);
    found
}

/// Ends of a case that is treated early: what the function gives elsewhere, and what its type gives by default.
fn ends(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut add = |text: String, fit: f64| {
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, fit));
        }
    };
    let end = desk.semicolon();
    if in_loop(desk, node) {
        add(format!("continue{end}"), 0.8);
        add(format!("break{end}"), 0.6);
    }
    if desk.region.depth == 0 {
        return found;
    }
    for other in &desk.region.statements {
        let inner = core(desk, other.node);
        if !matches!(desk.shape(inner), Shape::Return | Shape::Throw) {
            continue;
        }
        let Some(text) = one_line(desk, other.node).filter(|text| text.len() <= 60) else { continue };
        let visible = super::facts::needs(desk.facts.text, desk.grammar, desk.region, other.node);
        if visible.iter().all(|range| range.contains(&node.start_byte())) {
            let closed =
                if desk.grammar.language == Language::Rust && !text.ends_with(';') { ";" } else { "" };
            add(format!("{text}{closed}"), 1.0);
        }
    }
    let gives = desk.region.gives.clone().unwrap_or_default();
    if desk.region.gives.is_none() || gives.name == "void" {
        add(format!("return{end}"), 0.7);
    }
    for (letter, values) in desk.grammar.table.defaults {
        if *letter == gives.class.letter() {
            for (rank, value) in values.iter().enumerate() {
                add(format!("return {value}{end}"), 0.6 / (1.0 + 0.2 * rank as f64));
            }
        }
    }
    if gives.is_unknown() && !desk.grammar.typed() {
        for value in ["false", "null", "undefined"] {
            add(format!("return {value}{end}"), 0.3);
        }
    }
    let names: Vec<&str> = desk
        .values_at(node)
        .into_iter()
        .filter(|name| {
            desk.region.depth == name.depth && (!desk.grammar.typed() || desk.fit(&gives, &name.ty) >= 0.8)
        })
        .take(3)
        .map(|name| name.text)
        .collect();
    for name in names {
        add(format!("return {name}{end}"), 0.4);
    }
    found
}

/// `if (c) { return v; }` before a statement: likeliest at the start of a function, where cases are treated.
fn guards(desk: &mut Desk<'_, '_>, site: Site<'_>, indent: &str, at: usize) {
    let node = site.node;
    let Some((list, siblings)) = desk.siblings(node) else { return };
    let first = siblings.first() == Some(&node);
    let of_function = list
        .parent()
        .is_some_and(|owner| owner == desk.region.node || owner.parent() == Some(desk.region.node));
    let of_loop = list.parent().is_some_and(|owner| {
        desk.shape(owner).is_loop() || owner.parent().is_some_and(|owner| desk.shape(owner).is_loop())
    });
    let (place, most) = match (first && of_function, first && of_loop) {
        (true, _) => (1.0, MOST_GUARDS),
        (_, true) => (0.6, 16),
        _ => (0.3, 8),
    };
    let conditions = conditions(desk, node);
    let ends = ends(desk, node);
    for (rank, condition) in conditions.iter().take(most).enumerate() {
        let fit = condition.fit / (1.0 + 0.05 * rank as f64);
        for (end, share) in ends.iter().take(5) {
            let text = branch(desk, indent, &condition.text, end);
            desk.raw(site, at..at, text, EditKind::Guard, fit * share * place);
        }
    }
}

/// `if c { s }` on lines of its own.
fn branch(desk: &Desk<'_, '_>, indent: &str, condition: &str, statement: &str) -> String {
    let head = if desk.grammar.table.bracketed {
        format!("if ({condition}) {{")
    } else {
        format!("if {condition} {{")
    };
    let deeper = format!("{indent}{}", desk.facts.tab);
    format!("{}{}{}", desk.line(indent, &head), desk.line(&deeper, statement), desk.line(indent, "}"))
}

/// A statement that is to run in some cases only.
fn around(desk: &mut Desk<'_, '_>, site: Site<'_>, indent: &str) {
    let node = site.node;
    let Some(words) = one_line(desk, node) else { return };
    let inner = desk.shape(core(desk, node));
    let simple = matches!(
        inner,
        Shape::Assign
            | Shape::Update
            | Shape::Call
            | Shape::Return
            | Shape::Break
            | Shape::Continue
            | Shape::Throw
    );
    let bare = desk.grammar.language == Language::Rust && desk.shape(node) != Shape::Plain;
    if !simple || bare {
        return;
    }
    for condition in conditions(desk, node).iter().take(12) {
        let text = branch(desk, indent, &condition.text, words);
        let new = text[indent.len()..].trim_end_matches(['\r', '\n']).to_owned();
        desk.raw(site, node.byte_range(), new, EditKind::Conditioned, condition.fit);
    }
}
