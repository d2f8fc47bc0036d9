//! Wrong names: variables, attributes, `self.`, places that are assigned to, exceptions.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::desk::{Desk, alike, is_callee};
use super::facts::{Name, Origin, Site};
use super::level;
use super::tables::{BUILTINS, EXCEPTIONS, METHODS, confusable};
use crate::repair::EditKind;
use crate::syntax::Splice;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "identifier" if !is_callee(site.node) => identifier(desk, site),
        "attribute" => attribute(desk, site),
        _ => {}
    }
}

/// How well `name` stands at a place where `old` of type `ty` stood, before its rank.
fn fit_of(name: &Name, old: &str, ty: super::types::Type, at: usize) -> f64 {
    let near = match name.distance {
        0 => 1.0,
        1 => 0.6,
        _ => 0.35,
    };
    // A name that is bound further down is empty here, unless a loop comes round.
    let bound = if name.first <= at { 1.0 } else { 0.5 };
    let idle = if name.idle { 1.5 } else { 1.0 };
    ty.fit(name.ty) * (0.6 + 0.4 * alike(old, &name.text)) * near * bound * idle
}

fn identifier(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let old = desk.text(node);
    if matches!(old, "self" | "cls" | "super") {
        return;
    }
    let ty = desk.ty(node);
    let is_function =
        desk.region.names.iter().any(|name| name.text == old && name.origin == Origin::Definition);
    let mut choices: Vec<(String, f64)> = desk
        .region
        .names_at(node.start_byte())
        .filter(|name| name.text != old && !matches!(name.text.as_str(), "self" | "cls" | "_"))
        .filter(|name| is_function || matches!(name.origin, Origin::Parameter | Origin::Local))
        .map(|name| (name.text.clone(), fit_of(name, old, ty, node.start_byte())))
        .collect();
    choices.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (rank, (text, fit)) in choices.iter().enumerate() {
        desk.put(site, node, text, level::ATOM, EditKind::Name, fit / (1.0 + 0.12 * rank as f64));
    }
    everywhere(desk, site, &choices);
    indexed(desk, site);
    if in_method(desk) && desk.facts.lore.attributes.contains_key(old) {
        desk.put(site, node, &format!("self.{old}"), level::ATOM, EditKind::SelfSlip, 1.0);
    }
}

/// An item where a name stands that is no item: `n` -> `items[i]`.
fn indexed(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    use super::types::Type;
    let node = site.node;
    let names = desk.values_at(node);
    let mut made: Vec<(String, f64)> = Vec::new();
    for holder in names.iter().filter(|name| matches!(name.ty, Type::List | Type::Str | Type::Tuple)).take(4)
    {
        for index in names.iter().filter(|name| name.ty == Type::Int).take(4) {
            made.push((format!("{}[{}]", holder.text, index.text), 0.3));
        }
    }
    for (text, fit) in made {
        desk.put(site, node, &text, level::ATOM, EditKind::Expression, fit);
    }
}

fn in_method(desk: &Desk<'_, '_>) -> bool {
    desk.region.parameters.first().is_some_and(|first| first == "self")
}

/// The same name changed at each of its uses, where there are a few.
fn everywhere(desk: &mut Desk<'_, '_>, site: Site<'_>, choices: &[(String, f64)]) {
    let old = desk.text(site.node);
    let uses: Vec<Node<'_>> = desk
        .region
        .expressions
        .iter()
        .map(|other| other.node)
        .filter(|node| node.kind() == "identifier" && desk.text(*node) == old && !is_callee(*node))
        .collect();
    if !(2..=6).contains(&uses.len()) || uses.first() != Some(&site.node) {
        return;
    }
    for (rank, (text, fit)) in choices.iter().take(6).enumerate() {
        let splices =
            uses.iter().map(|node| Splice { range: node.byte_range(), new: text.clone() }).collect();
        desk.pool.several(splices, EditKind::Everywhere, site.weight, fit / (1.0 + 0.3 * rank as f64));
    }
}

fn attribute(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(object), Some(name)) =
        (node.child_by_field_name("object"), node.child_by_field_name("attribute"))
    else {
        return;
    };
    let old = desk.text(name);
    let mut choices: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |text: &str, fit: f64| {
        if text != old {
            let slot = choices.entry(text.to_owned()).or_insert(0.0);
            *slot = slot.max(fit);
        }
    };
    for (other, apart) in confusable(METHODS, old) {
        add(other, 1.0 / (0.8 + 0.2 * apart as f64));
    }
    // What else the program asks of the same object.
    let receiver = desk.text(object);
    for text in desk.facts.asked_of(receiver, is_callee(node)) {
        add(text, 0.5 + 0.4 * alike(old, text));
    }
    for (text, alike) in desk.facts.attributes_like(old).iter() {
        add(text, 0.7 * alike);
    }
    for (text, fit) in choices {
        desk.raw(site, name.byte_range(), text, EditKind::Attribute, fit);
    }
    if receiver == "self" && desk.region.names_at(node.start_byte()).any(|known| known.text == old) {
        desk.put(site, node, old, level::ATOM, EditKind::SelfSlip, 1.0);
    }
    if !is_callee(node) {
        desk.put(site, node, receiver, level::ATOM, EditKind::Unwrapped, 0.3);
    }
}

/// Another place that is assigned to.
pub(super) fn of_target(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let old = desk.text(node);
    let mut choices: Vec<(String, f64)> = Vec::new();
    if node.kind() == "identifier" {
        let ty = desk.ty(node);
        for name in desk.values_at(node) {
            choices.push((name.text.clone(), 0.6 * fit_of(name, old, ty, usize::MAX)));
        }
        if in_method(desk) && desk.facts.lore.attributes.contains_key(old) {
            desk.raw(site, node.byte_range(), format!("self.{old}"), EditKind::SelfSlip, 0.8);
        }
    } else {
        for other in desk.region.targets.iter().filter(|other| other.node.kind() == node.kind()) {
            choices.push((desk.text(other.node).to_owned(), 0.5));
        }
        for phrase in desk.region.phrases_at(node.start_byte()).filter(|phrase| phrase.kind == node.kind()) {
            choices.push((phrase.text.clone(), 0.4));
        }
        attribute_of_target(desk, site);
        // An index that belongs to another container.
        if let (Some(value), "subscript") = (node.child_by_field_name("value"), node.kind()) {
            let ty = desk.ty(value);
            for name in desk.values_at(node).into_iter().cloned().collect::<Vec<_>>() {
                let fit = 0.5 * fit_of(&name, desk.text(value), ty, usize::MAX);
                desk.raw(site, value.byte_range(), name.text, EditKind::Name, fit);
            }
        }
    }
    for (text, fit) in choices {
        desk.raw(site, node.byte_range(), text, EditKind::Name, fit);
    }
}

fn attribute_of_target(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    if site.node.kind() == "attribute" {
        attribute(desk, site);
    }
}

/// Another class of exception.
pub(super) fn of_exception(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    exception(desk, site, site.node);
}

fn exception(desk: &mut Desk<'_, '_>, site: Site<'_>, name: Node<'_>) {
    let old = desk.text(name);
    let own: Vec<String> = desk.facts.regions[0]
        .names
        .iter()
        .filter(|known| known.text.ends_with("Error") || known.text.ends_with("Exception"))
        .map(|known| known.text.clone())
        .collect();
    let builtin = EXCEPTIONS.iter().map(|known| (*known).to_owned());
    for (rank, text) in own.into_iter().chain(builtin).filter(|text| text != old).enumerate() {
        desk.raw(site, name.byte_range(), text, EditKind::ExceptionType, 1.0 / (1.0 + 0.15 * rank as f64));
    }
}

/// Another class in `raise X(...)`.
pub(super) fn of_raise(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    for part in crate::syntax::parts(site.node) {
        let name = part.child_by_field_name("function").unwrap_or(part);
        if name.kind() == "identifier" {
            exception(desk, site, name);
        }
    }
}

/// Other functions for a callee: of the file, and builtins that are spelt alike.
pub(super) fn functions_like(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let old = desk.text(node);
    let mut found: Vec<(String, f64)> = desk
        .region
        .names_at(node.start_byte())
        .filter(|name| name.text != old && name.text != "self")
        .filter(|name| name.origin != Origin::Local || name.ty == super::types::Type::Function)
        .map(|name| {
            let called = if name.origin == Origin::Definition { 0.6 } else { 0.2 };
            (name.text.clone(), called * (0.5 + 0.5 * alike(old, &name.text)))
        })
        .collect();
    for builtin in BUILTINS.iter().filter(|builtin| **builtin != old) {
        let alike = alike(old, builtin);
        if alike >= 0.6 {
            found.push(((*builtin).to_owned(), 0.6 * alike));
        }
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(16);
    found
}
