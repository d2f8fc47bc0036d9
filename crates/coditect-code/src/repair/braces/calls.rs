//! Calls: another function, arguments that are missing, too many or in the wrong order; calls round a value.

use tree_sitter::Node;

use super::desk::{Desk, callee_name, callee_node, is_callee, is_statement, object_of};
use super::facts::{Origin, Site};
use super::names;
use super::table::{Shape, confusable};
use crate::repair::EditKind;

/// How much likelier an argument is missing that is a parameter without any use.
const IDLE: f64 = 2.5;
/// Names that are tried as a new argument.
const MOST_NEW_ARGUMENTS: usize = 5;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match desk.shape(site.node) {
        Shape::Call | Shape::New => call(desk, site),
        Shape::Path => path(desk, site),
        Shape::Macro => path(desk, site),
        _ => {}
    }
}

/// Swaps of two of several items, likelier where their types are alike.
pub(super) fn swaps(desk: &mut Desk<'_, '_>, site: Site<'_>, items: &[Node<'_>], fit: f64) {
    for (n, one) in items.iter().enumerate().take(5) {
        for (apart, two) in items.iter().skip(n + 1).enumerate().take(4) {
            let alike = desk.fit(&desk.ty(*one), &desk.ty(*two));
            let kin = if desk.grammar.typed() { 0.1 + 0.9 * alike } else { 0.4 + 0.6 * alike };
            let far = 1.0 + 0.5 * apart as f64;
            desk.swap(site, *one, *two, EditKind::Swap, fit * kin / far);
        }
    }
}

fn call(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(list) = node.child_by_field_name("arguments") else { return };
    let name = callee_name(desk.facts.text, node).unwrap_or_default();
    let callee = callee_node(node);
    if let Some(callee) = callee {
        if node.kind() == "method_invocation" {
            method(desk, site, callee);
        }
        if callee.kind() == "identifier" && object_of(node).is_none() {
            for (other, apart) in confusable(desk.grammar.table.functions, name) {
                desk.raw(
                    site,
                    callee.byte_range(),
                    other,
                    EditKind::Callee,
                    1.0 / (0.8 + 0.2 * apart as f64),
                );
            }
            for (other, fit) in names::functions_like(desk, callee) {
                desk.raw(site, callee.byte_range(), other, EditKind::Callee, fit);
            }
        }
    } else if let Some(made) =
        node.child_by_field_name("type").or_else(|| node.child_by_field_name("constructor"))
    {
        for (other, apart) in confusable(desk.grammar.table.functions, desk.text(made)) {
            desk.raw(site, made.byte_range(), other, EditKind::ExceptionType, 0.8 / apart as f64);
        }
    }
    let arguments = desk.grammar.parts(list);
    swaps(desk, site, &arguments, 0.9);
    drop_arguments(desk, site, name, &arguments);
    add_arguments(desk, site, name, &arguments, list);
    if !is_statement(desk.grammar, node) && !is_callee(node) {
        unwrap(desk, site, &arguments);
    }
}

/// Java's methods of an object, and of the class where there is none.
fn method(desk: &mut Desk<'_, '_>, site: Site<'_>, name: Node<'_>) {
    match object_of(site.node) {
        Some(object) => names::members(desk, site, object, name, true),
        None => {
            for (other, fit) in methods_like(desk, name) {
                desk.raw(site, name.byte_range(), other, EditKind::Callee, fit);
            }
            for (other, apart) in confusable(desk.grammar.table.methods, desk.text(name)) {
                desk.raw(site, name.byte_range(), other, EditKind::Callee, 0.9 / apart as f64);
            }
        }
    }
}

fn methods_like(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let old = desk.text(node);
    let calls = &desk.facts.declared.calls;
    let gives = calls.get(old).cloned().unwrap_or_default();
    let takes = desk.facts.lore.functions.get(old);
    let mut found: Vec<(String, f64)> = calls
        .iter()
        .filter(|(name, _)| *name != old && **name != *desk.region.function)
        .map(|(name, ty)| {
            let same =
                if takes.is_some() && takes != desk.facts.lore.functions.get(name) { 0.3 } else { 1.0 };
            let ty = (0.2 + desk.fit(&gives, ty)).min(1.0);
            (name.clone(), 0.7 * same * ty * (0.2 + 0.8 * super::words::alike(old, name)))
        })
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(10);
    found
}

/// Another end of a path: `i32::MIN` for `i32::MAX`; another macro.
fn path(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let called = node.child_by_field_name("macro");
    let Some(last) = node.child_by_field_name("name").or(called) else { return };
    let old = desk.text(last);
    // A macro is no method of the same name.
    let methods = if called.is_some() { &[] } else { desk.grammar.table.methods };
    for table in [desk.grammar.table.functions, methods] {
        for (other, apart) in confusable(table, old) {
            desk.raw(site, last.byte_range(), other, EditKind::Callee, 1.0 / (0.75 + 0.25 * apart as f64));
        }
    }
    // Other ends that the file writes after the same beginning: another variant, another constant.
    let Some(start) = node.child_by_field_name("path") else { return };
    let start = desk.text(start);
    let mut seen: Vec<&str> = Vec::new();
    for (inside, region) in
        desk.facts.regions.iter().map(|region| (std::ptr::eq(region, desk.region), region))
    {
        for other in region.expressions.iter().map(|other| other.node) {
            if desk.shape(other) != Shape::Path
                || other.child_by_field_name("path").map(|p| desk.text(p)) != Some(start)
            {
                continue;
            }
            let Some(name) = other.child_by_field_name("name").map(|name| desk.text(name)) else { continue };
            let cased = name.starts_with(char::is_uppercase) == old.starts_with(char::is_uppercase);
            if name != old && cased && !seen.contains(&name) && is_callee(other) == is_callee(node) {
                seen.push(name);
                let fit = if inside { 0.7 } else { 0.4 } * (0.5 + 0.5 * super::words::alike(old, name));
                desk.raw(site, last.byte_range(), name, EditKind::Callee, fit);
            }
        }
    }
}

fn drop_arguments(desk: &mut Desk<'_, '_>, site: Site<'_>, name: &str, arguments: &[Node<'_>]) {
    // Where the number of parameters is known, so is what an argument less would mean.
    let takes = desk.facts.lore.functions.get(name).copied();
    let exact = desk.grammar.typed() && desk.grammar.language != crate::languages::Language::Java;
    let fit = if exact { if takes.is_some() { 0.03 } else { 0.1 } } else { 0.6 };
    for (n, argument) in arguments.iter().enumerate() {
        let range = match (arguments.get(n + 1), n.checked_sub(1).and_then(|n| arguments.get(n))) {
            (Some(next), _) => argument.start_byte()..next.start_byte(),
            (None, Some(previous)) => previous.end_byte()..argument.end_byte(),
            (None, None) => argument.byte_range(),
        };
        let last = if n + 1 == arguments.len() { 1.0 } else { 0.6 };
        desk.raw(site, range, "", EditKind::ArgumentDropped, fit * last);
    }
}

fn add_arguments(
    desk: &mut Desk<'_, '_>,
    site: Site<'_>,
    name: &str,
    arguments: &[Node<'_>],
    list: Node<'_>,
) {
    let takes = desk.facts.lore.functions.get(name).copied();
    let lacking = takes.is_some_and(|takes| takes > arguments.len());
    let exact = desk.grammar.typed() && desk.grammar.language != crate::languages::Language::Java;
    if exact && !lacking {
        return;
    }
    let fit: f64 = if lacking {
        0.9
    } else if takes.is_some() {
        0.1
    } else {
        0.25
    };
    let end = arguments.last().map_or(list.start_byte() + 1, Node::end_byte);
    let comma = if arguments.is_empty() { "" } else { ", " };
    let mut values: Vec<(String, bool)> = desk
        .values_at(site.node)
        .into_iter()
        .filter(|name| name.depth == desk.region.depth)
        .map(|name| (name.text.to_owned(), name.origin == Origin::Parameter && name.uses == 0))
        .collect();
    // A parameter that nothing in the function speaks of was meant for something.
    values.sort_by_key(|(_, idle)| !idle);
    values.truncate(MOST_NEW_ARGUMENTS);
    let constants = ["true", "false", "0", "1"].map(|text| (text.to_owned(), false));
    for (rank, (value, idle)) in values.into_iter().chain(constants).enumerate() {
        if arguments.iter().any(|argument| desk.text(*argument) == value) {
            continue;
        }
        let fit = if idle { IDLE * fit.max(0.6) } else { fit } / (1.0 + 0.3 * rank as f64);
        desk.raw(site, end..end, format!("{comma}{value}"), EditKind::ArgumentAdded, fit);
        if let Some(first) = arguments.first().filter(|_| lacking || idle) {
            let at = first.start_byte();
            desk.raw(site, at..at, format!("{value}, "), EditKind::ArgumentAdded, 0.5 * fit);
        }
    }
}

/// `f(x)` -> `x`, `x.f()` -> `x`.
fn unwrap(desk: &mut Desk<'_, '_>, site: Site<'_>, arguments: &[Node<'_>]) {
    let node = site.node;
    let ty = desk.ty(node);
    if let Some(object) = object_of(node).filter(|object| desk.shape(*object) != Shape::This) {
        let kin = desk.fit(&ty, &desk.ty(object));
        let fit = if desk.grammar.typed() { 0.5 * kin } else { 0.4 };
        // `strings.ToLower(s)` has a package before it and no object.
        let value = desk.shape(object) != Shape::Name
            || desk.region.binding(desk.text(object), object.start_byte()).is_some();
        if value {
            desk.put(site, node, desk.text(object), desk.level(object), EditKind::Unwrapped, fit);
        }
    }
    for (n, argument) in arguments.iter().enumerate().take(3) {
        if matches!(desk.shape(*argument), Shape::Lambda) {
            continue;
        }
        let kin = desk.fit(&ty, &desk.ty(*argument));
        let fit = if arguments.len() == 1 { 0.8 } else { 0.4 / (1.0 + n as f64) };
        let fit = if desk.grammar.typed() { fit * kin } else { fit * (0.4 + 0.6 * kin) };
        desk.put(site, node, desk.text(*argument), desk.level(*argument), EditKind::Unwrapped, fit);
    }
}
