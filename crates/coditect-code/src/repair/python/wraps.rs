//! A call, a method or a slice around a value.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::desk::{Desk, is_condition};
use super::facts::{Origin, Region, Site};
use super::level;
use super::lore::callee;
use super::tables::{SUFFIXES, WRAPPERS};
use super::types::Type;
use crate::repair::EditKind;
use crate::syntax::{Splice, parts, text_of};

/// Functions that the region calls elsewhere and that are tried around a value.
const MOST_CALLED: usize = 8;
/// The longest of these, in bytes.
const LONGEST_CALLEE: usize = 40;

/// What things can be sorted and compared by: tables and functions of one argument that are in scope.
pub(super) fn keys(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let mut keys: Vec<(String, f64)> = Vec::new();
    for name in desk.values_at(node).into_iter().filter(|name| name.ty == Type::Dict) {
        let wanted = if name.idle { 1.5 } else { 0.6 };
        keys.push((format!("key={}.get", name.text), wanted));
    }
    for (function, wanted) in single_parameter(desk, node) {
        if *function != *desk.region.function {
            keys.push((format!("key={function}"), 0.4 * wanted));
        }
    }
    keys.extend(
        [("reverse=True", 0.6), ("key=len", 0.5), ("key=str.lower", 0.2)]
            .map(|(key, fit)| (key.to_owned(), fit)),
    );
    keys
}

/// A call, a method or a slice around a value.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    if matches!(
        node.kind(),
        "true" | "false" | "none" | "yield" | "expression_list" | "lambda" | "generator_expression"
    ) || (node.kind() == "integer" || node.kind() == "string")
    {
        return;
    }
    let ty = desk.ty(node);
    let known = if ty == Type::Unknown { 0.5 } else { 1.0 };
    let place = if is_condition(node) { 0.25 } else { place_fit(node) };
    let text = desk.text(node);
    let own = node.parent().and_then(|parent| parent.parent()).and_then(|c| callee(desk.facts.text, c));
    for (function, classes, fit) in WRAPPERS.iter().filter(|(_, classes, _)| ty.is_in(classes)) {
        let module = function.split_once('.').map(|(module, _)| module);
        let usable = module.is_none_or(|module| desk.region.names.iter().any(|name| name.text == module));
        let twice = own == Some(*function) || text.starts_with(&format!("{function}("));
        if usable && !twice && (ty != Type::Unknown || classes.len() < 3) {
            let new = format!("{function}({text})");
            desk.put(site, node, &new, level::ATOM, EditKind::Wrapped, fit * known * place);
        }
    }
    for (suffix, classes, fit) in SUFFIXES.iter().filter(|(_, classes, _)| ty.is_in(classes)) {
        if !classes.is_empty() && !text.ends_with(suffix) {
            let new = format!("{}{suffix}", desk.at_level(node, level::ATOM));
            let kind = if suffix.starts_with('[') { EditKind::Slice } else { EditKind::Wrapped };
            desk.put(site, node, &new, level::ATOM, kind, fit * known * place * 0.7);
        }
    }
    if matches!(ty, Type::List | Type::Set | Type::Dict) && own != Some("sorted") && place >= 0.7 {
        for (key, fit) in keys(desk, node) {
            let new = format!("sorted({text}, {key})");
            desk.put(site, node, &new, level::ATOM, EditKind::Wrapped, 0.7 * fit * place);
        }
    }
    let single = single_parameter(desk, node);
    for (function, wanted) in single.iter().filter(|(function, _)| own != Some(function.as_str())) {
        let fit = if **function == *desk.region.function { 0.3 } else { 0.5 };
        desk.put(
            site,
            node,
            &format!("{function}({text})"),
            level::ATOM,
            EditKind::Wrapped,
            fit * wanted * place,
        );
    }
    of_calls_nearby(desk, site, &single, place);
    if ty.is_sequence() || ty == Type::Unknown {
        for name in desk
            .values_at(node)
            .into_iter()
            .filter(|n| n.ty.fit(Type::Int) > 0.5 && n.text != text)
            .take(6)
            .map(|n| n.text.clone())
            .collect::<Vec<_>>()
        {
            let body = desk.at_level(node, level::ATOM);
            let fit = 0.3 * known * place;
            desk.put(site, node, &format!("{body}[{name}:]"), level::ATOM, EditKind::Slice, fit);
            desk.put(site, node, &format!("{body}[:{name}]"), level::ATOM, EditKind::Slice, 0.9 * fit);
            desk.put(site, node, &format!("{body}[{name}]"), level::ATOM, EditKind::Slice, 0.8 * fit);
        }
    }
}

/// What the region calls with one argument elsewhere, around a value.
fn of_calls_nearby(desk: &mut Desk<'_, '_>, site: Site<'_>, single: &[(String, f64)], place: f64) {
    let node = site.node;
    let text = desk.text(node);
    let alone = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
    let around =
        node.parent().and_then(|parent| parent.parent()).and_then(|c| c.child_by_field_name("function"));
    let around = around.map(|function| desk.text(function));
    for (rank, function) in desk.called.clone().iter().copied().enumerate() {
        let known = single.iter().any(|(known, _)| known == function)
            || WRAPPERS.iter().any(|(known, ..)| *known == function)
            || around == Some(function);
        if !known && is_visible(desk, function, node) {
            // What stands alone is there for what it does, and a value does nothing.
            let place = if alone { 2.0 } else { place };
            let fit = 0.3 * place / (1.0 + 0.15 * rank as f64);
            desk.put(site, node, &format!("{function}({text})"), level::ATOM, EditKind::Wrapped, fit);
        }
    }
}

/// Both operands converted: what was read as text and is meant as numbers, or the reverse.
pub(super) fn of_operands(
    desk: &mut Desk<'_, '_>,
    site: Site<'_>,
    (left, right): (Node<'_>, Node<'_>),
    token: &str,
) {
    let may_be_text = |ty: Type| matches!(ty, Type::Unknown | Type::Str);
    let is_name = |node: Node<'_>| matches!(node.kind(), "identifier" | "call" | "subscript" | "attribute");
    if !is_name(left) || !is_name(right) || !may_be_text(desk.ty(left)) || !may_be_text(desk.ty(right)) {
        return;
    }
    for (function, fit) in [("int", 0.3), ("float", 0.2), ("str", 0.1)] {
        let (one, two) = (desk.text(left), desk.text(right));
        let splices = vec![
            Splice { range: left.byte_range(), new: format!("{function}({one})") },
            Splice { range: right.byte_range(), new: format!("{function}({two})") },
        ];
        if function != "str" || token == "+" {
            desk.pool.several(splices, EditKind::Wrapped, site.weight, fit);
        }
    }
}

/// Functions of the file that take one argument, each with how likely it is wanted: one that nothing calls was
/// made for something.
pub(super) fn single_parameter(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    desk.region
        .names_at(node.start_byte())
        .filter(|name| name.origin == Origin::Definition && desk.facts.of_one.contains(name.text.as_str()))
        .map(|name| (name.text.clone(), if name.idle { 2.5 } else { 1.0 }))
        .take(6)
        .collect()
}

/// Functions and methods that are called with one argument in a region, as they are called, the most frequent first.
pub(super) fn called_with_one<'t>(text: &'t str, region: &Region<'t>) -> Vec<&'t str> {
    let mut counts: BTreeMap<&'t str, u32> = BTreeMap::new();
    for call in region.expressions.iter().map(|site| site.node).filter(|other| other.kind() == "call") {
        let (Some(function), Some(list)) =
            (call.child_by_field_name("function"), call.child_by_field_name("arguments"))
        else {
            continue;
        };
        let words = text_of(text, function);
        let plain = words.len() <= LONGEST_CALLEE
            && matches!(function.kind(), "identifier" | "attribute")
            && !words.contains(['(', '[', '\n']);
        if plain && matches!(parts(list)[..], [only] if only.kind() != "keyword_argument") {
            *counts.entry(words).or_insert(0) += 1;
        }
    }
    let mut found: Vec<(&str, u32)> = counts.into_iter().collect();
    found.sort_by_key(|(words, count)| (std::cmp::Reverse(*count), *words));
    found.truncate(MOST_CALLED);
    found.into_iter().map(|(words, _)| words).collect()
}

/// True where what is called `words` is known at `node`: not a variable of a comprehension elsewhere.
fn is_visible(desk: &Desk<'_, '_>, words: &str, node: Node<'_>) -> bool {
    let root = words.split('.').next().unwrap_or_default();
    let is_bound = desk.region.names.iter().any(|name| name.text == root);
    !is_bound || desk.region.names_at(node.start_byte()).any(|name| name.text == root)
}

/// Whole values are wrapped more often than parts of sums.
pub(super) fn place_fit(node: Node<'_>) -> f64 {
    match node.parent().map_or("", |parent| parent.kind()) {
        "return_statement" | "assignment" | "argument_list" | "for_statement" | "for_in_clause" => 1.0,
        "augmented_assignment" | "list" | "tuple" | "comparison_operator" | "keyword_argument" => 0.7,
        "attribute" | "subscript" => 0.35,
        _ => 0.5,
    }
}
