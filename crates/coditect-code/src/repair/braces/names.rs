//! Wrong names: variables, members, `this.`, places that are assigned to.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::desk::{Desk, callee_node, is_callee, member_name, object_of};
use super::facts::{Name, Origin, Site};
use super::level;
use super::table::{Shape, confusable};
use super::types::{Class, Ty};
use super::words::alike;
use crate::languages::Language;
use crate::repair::EditKind;
use crate::syntax::Splice;

/// Members of the project that are tried for one member.
const MOST_MEMBERS: usize = 8;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match desk.shape(site.node) {
        Shape::Name if !is_callee(site.node) => name(desk, site),
        Shape::Member => member(desk, site),
        _ => {}
    }
}

/// How well `name` stands at a place where `old` of type `ty` stood.
fn fit_of(desk: &Desk<'_, '_>, name: &Name<'_>, old: &str, ty: &Ty, at: usize) -> f64 {
    let near = match desk.region.depth.saturating_sub(name.depth) {
        0 => 1.0,
        1 => 0.5,
        _ => 0.3,
    };
    let origin = if name.origin == Origin::Global { 0.5 } else { 1.0 };
    // What was bound just before is what the next lines are about.
    let line =
        desk.facts.text.get(name.first.min(at)..at).map_or(40, |between| between.matches('\n').count());
    let recent = 0.7 + 0.3 / (1.0 + 0.15 * line as f64);
    // A name that is bound and never used was made for something.
    let idle = if name.uses == 0 && near > 0.9 && name.origin != Origin::Global { 1.6 } else { 1.0 };
    desk.fit(ty, &name.ty) * (0.55 + 0.45 * alike(old, name.text)) * near * origin * recent * idle
}

/// Names that could stand where `node` stands, likeliest first.
fn choices(desk: &Desk<'_, '_>, node: Node<'_>, assigned: bool) -> Vec<(String, f64)> {
    let old = desk.text(node);
    let ty = desk.ty(node);
    let own = desk.region.binding(old, node.start_byte()).map(|name| name.origin);
    let function = own == Some(Origin::Definition);
    let mut found: Vec<(String, f64)> = desk
        .region
        .names_at(node.start_byte())
        .filter(|name| name.text != old && (function == (name.origin == Origin::Definition)))
        .filter(|name| !assigned || !name.fixed || !desk.grammar.typed())
        .map(|name| (name.text.to_owned(), fit_of(desk, name, old, &ty, node.start_byte())))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(24);
    found
}

fn name(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let old = desk.text(node);
    let bound = desk.region.binding(old, node.start_byte()).is_some();
    // What nothing in the file binds is a type, a package or a builtin: names of values do not stand there.
    let object = node.parent().is_some_and(|parent| {
        matches!(desk.shape(parent), Shape::Member | Shape::Call) && object_of(parent) == Some(node)
    });
    if !bound && (object || !desk.grammar.language.is_script()) {
        well_known(desk, site);
        return;
    }
    let found = choices(desk, node, false);
    for (rank, (text, fit)) in found.iter().enumerate() {
        desk.put(site, node, text, level::ATOM, EditKind::Name, fit / (1.0 + 0.15 * rank as f64));
    }
    everywhere(desk, site, &found);
    well_known(desk, site);
    if !desk.grammar.table.this.is_empty() && desk.facts.declared.members.contains_key(old) {
        let this = desk.grammar.table.this;
        desk.put(site, node, &format!("{this}.{old}"), level::ATOM, EditKind::SelfSlip, 0.7);
    }
}

/// Another name of the table: `Less` for `Greater`.
fn well_known(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let old = desk.text(site.node);
    for (other, apart) in confusable(desk.grammar.table.functions, old) {
        desk.raw(site, site.node.byte_range(), other, EditKind::Name, 0.8 / apart as f64);
    }
}

/// The same name changed at each of its uses, where there are a few.
fn everywhere(desk: &mut Desk<'_, '_>, site: Site<'_>, choices: &[(String, f64)]) {
    let old = desk.text(site.node);
    let uses: Vec<Node<'_>> = desk
        .region
        .expressions
        .iter()
        .map(|other| other.node)
        .filter(|node| desk.shape(*node) == Shape::Name && desk.text(*node) == old && !is_callee(*node))
        .collect();
    if !(2..=6).contains(&uses.len()) || uses.first() != Some(&site.node) {
        return;
    }
    for (rank, (text, fit)) in choices.iter().take(4).enumerate() {
        let splices =
            uses.iter().map(|node| Splice { range: node.byte_range(), new: text.clone() }).collect();
        desk.pool.several(splices, EditKind::Everywhere, site.weight, fit / (1.0 + 0.3 * rank as f64));
    }
}

fn member(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(object), Some(name)) = (object_of(node), member_name(node)) else { return };
    members(desk, site, object, name, is_callee(node));
    let this = desk.grammar.table.this;
    let old = desk.text(name);
    if desk.text(object) == this
        && !this.is_empty()
        && desk.region.names_at(node.start_byte()).any(|known| known.text == old)
    {
        desk.put(site, node, old, level::ATOM, EditKind::SelfSlip, 0.8);
    }
    if !is_callee(node) && desk.shape(object) != Shape::This && !desk.grammar.typed() {
        desk.put(site, node, desk.text(object), desk.level(object), EditKind::Unwrapped, 0.2);
    }
}

/// Another member or method of the same object.
pub(super) fn members(
    desk: &mut Desk<'_, '_>,
    site: Site<'_>,
    object: Node<'_>,
    name: Node<'_>,
    called: bool,
) {
    let old = desk.text(name);
    let mut choices: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |text: &str, fit: f64| {
        if text != old {
            let slot = choices.entry(text.to_owned()).or_insert(0.0);
            *slot = slot.max(fit);
        }
    };
    for (other, apart) in confusable(desk.grammar.table.methods, old) {
        add(other, 1.0 / (0.75 + 0.25 * apart as f64));
    }
    // What else the program asks of the same object.
    let receiver = desk.text(object);
    let here = desk.facts.lore.declared.members.get(old).cloned().unwrap_or_default();
    let gives = desk.facts.lore.declared.calls.get(old).cloned().unwrap_or_default();
    for (inside, region) in
        desk.facts.regions.iter().map(|region| (std::ptr::eq(region, desk.region), region))
    {
        for other in region.expressions.iter().chain(&region.targets).map(|other| other.node) {
            let shape = desk.shape(other);
            let callee = shape == Shape::Call && other.kind() == "method_invocation";
            let member = shape == Shape::Member;
            if !(callee || member) || called != (callee || is_callee(other)) {
                continue;
            }
            let Some(of) = object_of(other).filter(|of| desk.text(*of) == receiver) else { continue };
            let found = if callee { callee_node(other) } else { member_name(other) };
            if let Some(found) = found.filter(|found| *found != of) {
                let text = desk.text(found);
                let lore = &desk.facts.lore.declared;
                let kin = if called { lore.calls.get(text) } else { lore.members.get(text) };
                let ty = desk.fit(if called { &gives } else { &here }, &kin.cloned().unwrap_or_default());
                let near = if inside { 1.0 } else { 0.55 };
                add(text, near * (0.4 + 0.5 * alike(old, text)) * (0.3 + 0.9 * ty).min(1.0));
            }
        }
    }
    let known = if called { &desk.facts.lore.methods } else { &desk.facts.lore.members };
    let mut spelt: Vec<(&String, f64)> = known
        .keys()
        .map(|text| (text, alike(old, text)))
        .filter(|(text, alike)| *text != old && *alike >= 0.45)
        .collect();
    spelt.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (text, alike) in spelt.into_iter().take(MOST_MEMBERS) {
        add(text, 0.55 * alike);
    }
    let private = desk.grammar.language == Language::Go;
    for (text, fit) in choices {
        // Go's packages show only names in capitals.
        let seen = !private || text.starts_with(char::is_uppercase) == old.starts_with(char::is_uppercase);
        desk.raw(site, name.byte_range(), text, EditKind::Attribute, if seen { fit } else { 0.4 * fit });
    }
}

/// Another place that is assigned to.
pub(super) fn of_target(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let shape = desk.shape(node);
    if shape == Shape::Name {
        for (rank, (text, fit)) in choices(desk, node, true).into_iter().enumerate() {
            desk.raw(site, node.byte_range(), text, EditKind::Name, 0.7 * fit / (1.0 + 0.15 * rank as f64));
        }
        let old = desk.text(node);
        let this = desk.grammar.table.this;
        if !this.is_empty() && desk.facts.declared.members.contains_key(old) {
            desk.raw(site, node.byte_range(), format!("{this}.{old}"), EditKind::SelfSlip, 0.8);
        }
        return;
    }
    let ty = desk.ty(node);
    let others: Vec<(String, f64)> = desk
        .region
        .targets
        .iter()
        .filter(|other| desk.shape(other.node) == shape)
        .map(|other| (desk.text(other.node).to_owned(), 0.5 * desk.fit(&ty, &desk.ty(other.node))))
        .collect();
    for (text, fit) in others {
        desk.raw(site, node.byte_range(), text, EditKind::Name, fit);
    }
    if shape == Shape::Member {
        member(desk, site);
    }
}

/// Functions of the file for a callee.
pub(super) fn functions_like(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<(String, f64)> {
    let old = desk.text(node);
    let lore = desk.facts.lore;
    let (takes, gives) = (lore.functions.get(old), lore.declared.calls.get(old).cloned().unwrap_or_default());
    let mut found: Vec<(String, f64)> = desk
        .region
        .names_at(node.start_byte())
        .filter(|name| name.text != old && *name.text != *desk.region.function)
        .filter(|name| name.origin == Origin::Definition || name.ty.class == Class::Function)
        .map(|name| {
            let same = match (takes, lore.functions.get(name.text)) {
                (Some(one), Some(two)) if one != two => {
                    if desk.grammar.typed() {
                        0.05
                    } else {
                        0.5
                    }
                }
                _ => 1.0,
            };
            let ty = lore.declared.calls.get(name.text).cloned().unwrap_or_default();
            let ty = (0.3 + 0.9 * desk.fit(&gives, &ty)).min(1.0);
            (name.text.to_owned(), same * ty * 0.7 * (0.3 + 0.7 * alike(old, name.text)))
        })
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(10);
    found
}
