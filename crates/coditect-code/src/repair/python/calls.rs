//! Calls: another function, arguments that are missing, too many or in the wrong order.

use tree_sitter::Node;

use super::desk::{Desk, is_callee};
use super::facts::Site;
use super::level;
use super::lore::callee;
use super::tables::{FUNCTIONS, KEYWORDS, confusable};
use super::types::Type;
use super::{names, slices, wraps};
use crate::repair::EditKind;
use crate::syntax::parts;

/// Names that are tried as a new argument.
pub(super) const MOST_NEW_ARGUMENTS: usize = 8;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "call" => call(desk, site),
        "subscript" => slices::of_subscript(desk, site),
        "tuple" | "expression_list" | "list" => {
            let items = parts(site.node);
            swaps(desk, site, &items, 0.9);
        }
        "conditional_expression" => {
            if let [one, _, two] = parts(site.node).as_slice() {
                desk.swap(site, *one, *two, EditKind::Swap, 0.9);
                for arm in [*one, *two] {
                    let level = level::of(desk.facts.text, arm);
                    desk.put(site, site.node, desk.text(arm), level, EditKind::Unwrapped, 0.6);
                }
            }
        }
        _ => {}
    }
    if !is_callee(site.node) {
        wraps::propose(desk, site);
    }
}

/// Swaps of two of several items.
pub(super) fn swaps(desk: &mut Desk<'_, '_>, site: Site<'_>, items: &[Node<'_>], fit: f64) {
    for (n, one) in items.iter().enumerate().take(5) {
        for (apart, two) in items.iter().skip(n + 1).enumerate().take(3) {
            desk.swap(site, *one, *two, EditKind::Swap, fit / (1.0 + apart as f64));
        }
    }
}

fn call(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(function), Some(list)) =
        (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
    else {
        return;
    };
    let name = callee(desk.facts.text, node).unwrap_or_default();
    if function.kind() == "identifier" {
        for (other, apart) in confusable(FUNCTIONS, name) {
            let fit = 1.0 / (0.8 + 0.2 * apart as f64);
            desk.raw(site, function.byte_range(), other, EditKind::Callee, fit);
        }
        for (other, fit) in names::functions_like(desk, function) {
            desk.raw(site, function.byte_range(), other, EditKind::Callee, fit);
        }
    }
    if let (Some(object), false) = (function.child_by_field_name("object"), is_statement(node)) {
        let level = level::of(desk.facts.text, object);
        desk.put(site, node, desk.text(object), level, EditKind::Unwrapped, 0.6);
    }
    if list.kind() != "argument_list" {
        return;
    }
    let arguments = parts(list);
    let plain: Vec<Node<'_>> =
        arguments.iter().copied().filter(|argument| argument.kind() != "keyword_argument").collect();
    if !is_statement(node) {
        for (n, argument) in plain.iter().enumerate() {
            let level = level::of(desk.facts.text, *argument);
            let fit = if plain.len() == 1 { 1.0 } else { 0.6 / (1.0 + n as f64) };
            desk.put(site, node, desk.text(*argument), level, EditKind::Unwrapped, fit);
        }
    }
    swaps(desk, site, &plain, 1.0);
    drop_arguments(desk, site, &arguments);
    add_arguments(desk, site, name, &plain, list);
    if matches!((name, plain.len()), ("min" | "max", 1 | 2)) {
        extremes(desk, site, list);
    }
    if name == "range" {
        slices::of_range(desk, site, list, &plain);
    }
    if matches!(name, "float" | "Decimal") {
        for (from, to) in
            [("\"inf\"", "\"-inf\""), ("'inf'", "'-inf'"), ("\"-inf\"", "\"inf\""), ("'-inf'", "'inf'")]
        {
            if plain.first().is_some_and(|first| desk.text(*first) == from) {
                desk.raw(site, plain[0].byte_range(), to, EditKind::Constant, 1.0);
            }
        }
    }
}

/// `max(items)` that should be `max(best, item)`.
fn extremes(desk: &mut Desk<'_, '_>, site: Site<'_>, list: Node<'_>) {
    let names: Vec<String> = desk
        .values_at(site.node)
        .into_iter()
        .filter(|name| name.ty.fit(Type::Int) > 0.5)
        .take(MOST_NEW_ARGUMENTS)
        .map(|name| name.text.clone())
        .collect();
    for (rank, one) in names.iter().enumerate() {
        for two in &names[rank + 1..] {
            let fit = 0.5 / (1.0 + 0.2 * rank as f64);
            desk.raw(site, list.byte_range(), format!("({one}, {two})"), EditKind::ArgumentAdded, fit);
        }
    }
}

fn is_statement(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| parent.kind() == "expression_statement")
}

fn drop_arguments(desk: &mut Desk<'_, '_>, site: Site<'_>, arguments: &[Node<'_>]) {
    for (n, argument) in arguments.iter().enumerate() {
        let range = match (arguments.get(n + 1), n.checked_sub(1).and_then(|n| arguments.get(n))) {
            (Some(next), _) => argument.start_byte()..next.start_byte(),
            (None, Some(previous)) => previous.end_byte()..argument.end_byte(),
            (None, None) => argument.byte_range(),
        };
        let keyword = argument.kind() == "keyword_argument";
        let (kind, fit) = if keyword { (EditKind::Keyword, 0.9) } else { (EditKind::ArgumentDropped, 0.8) };
        desk.raw(site, range, "", kind, fit);
    }
}

fn add_arguments(desk: &mut Desk<'_, '_>, site: Site<'_>, name: &str, plain: &[Node<'_>], list: Node<'_>) {
    let arguments = parts(list);
    let end = arguments.last().map_or(list.start_byte() + 1, Node::end_byte);
    let comma = if arguments.is_empty() { "" } else { ", " };
    // Not after a lonely generator: `f(x for x in y, 1)` is no call.
    for (_, argument, fit) in KEYWORDS.iter().filter(|(function, ..)| *function == name) {
        let keyword = argument.split('=').next().unwrap_or_default();
        if !arguments.iter().any(|known| desk.text(*known).starts_with(keyword)) {
            desk.raw(site, end..end, format!("{comma}{argument}"), EditKind::Keyword, *fit);
        }
    }
    if matches!(name, "sorted" | "sort" | "min" | "max")
        && !arguments.iter().any(|argument| desk.text(*argument).starts_with("key="))
    {
        for (key, fit) in wraps::keys(desk, site.node).into_iter().filter(|(key, _)| key.starts_with("key="))
        {
            desk.raw(site, end..end, format!("{comma}{key}"), EditKind::Keyword, fit);
        }
    }
    let known = desk.facts.lore.keywords.get(name);
    let values: Vec<String> = desk
        .values_at(site.node)
        .into_iter()
        .take(MOST_NEW_ARGUMENTS)
        .map(|name| name.text.clone())
        .collect();
    for keyword in known.into_iter().flatten().take(6) {
        if arguments.iter().any(|a| desk.text(*a).starts_with(&format!("{keyword}="))) {
            continue;
        }
        let same = values.iter().filter(|value| *value == keyword).map(String::as_str);
        for (rank, value) in same.chain(["True", "False", "None", "0", "1"]).enumerate() {
            let fit = 0.4 / (1.0 + rank as f64);
            desk.raw(site, end..end, format!("{comma}{keyword}={value}"), EditKind::Keyword, fit);
        }
    }
    for (rank, value) in values.iter().map(String::as_str).chain(["0", "1", "None", "True"]).enumerate() {
        if plain.iter().any(|argument| desk.text(*argument) == value) {
            continue;
        }
        let fit = 0.5 / (1.0 + 0.3 * rank as f64);
        desk.raw(site, end..end, format!("{comma}{value}"), EditKind::ArgumentAdded, fit);
        if let Some(first) = plain.first() {
            let at = first.start_byte();
            desk.raw(site, at..at, format!("{value}, "), EditKind::ArgumentAdded, 0.7 * fit);
        }
    }
}
