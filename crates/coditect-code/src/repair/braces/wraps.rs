//! Values that lack a call or an operator round them, or have one too many; other expressions of the neighbourhood.

use super::borrowed;
use super::desk::{Desk, is_callee, is_condition, is_statement};
use super::facts::Site;
use super::level;
use super::table::Shape;
use super::types::Class;
use crate::languages::Language;
use crate::repair::EditKind;

/// Expressions of the neighbourhood that are tried in one place.
const MOST_EXPRESSIONS: usize = 14;

/// Functions that a condition is given to.
const MOST_PREDICATES: usize = 8;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    match desk.shape(node) {
        Shape::Await => {
            if let Some(inner) = desk.grammar.parts(node).first() {
                desk.put(site, node, desk.text(*inner), desk.level(*inner), EditKind::Unwrapped, 0.4);
            }
        }
        Shape::Try => attempt(desk, site),
        Shape::Reference | Shape::Cast => {
            let inner =
                node.child_by_field_name("value").or_else(|| desk.grammar.parts(node).first().copied());
            if let Some(inner) = inner {
                let fit = if desk.grammar.typed() { 0.1 } else { 0.15 };
                desk.put(site, node, desk.text(inner), desk.level(inner), EditKind::Unwrapped, fit);
            }
        }
        _ => {}
    }
    let callee = is_callee(node) || is_statement(desk.grammar, node);
    let shape = desk.shape(node);
    let target = node
        .parent()
        .is_some_and(|parent| matches!(desk.shape(parent), Shape::Update | Shape::Member | Shape::Try));
    if callee
        || target
        || !matches!(shape, Shape::Name | Shape::Member | Shape::Index | Shape::Call | Shape::Slice)
    {
        return;
    }
    around(desk, site);
    others(desk, site);
}

/// Rust's `?` for another end of a failure.
fn attempt(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let Some(inner) = desk.grammar.parts(site.node).first().copied() else { return };
    let text = desk.text(inner).to_owned();
    for (new, fit) in [
        (text.clone(), 0.15),
        (format!("{text}.unwrap_or_default()"), 0.1),
        (format!("{text}.unwrap()"), 0.05),
    ] {
        desk.put(site, site.node, &new, level::ATOM, EditKind::Unwrapped, fit);
    }
}

fn around(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    if is_condition(desk.grammar, node) {
        asked(desk, site);
        return;
    }
    let ty = desk.ty(node);
    let table = desk.grammar.table;
    let words = desk.text(node);
    for (form, classes, fit) in table.wrappers {
        let known = classes.contains(ty.class.letter());
        let fit = if known { *fit } else { continue };
        let unsure = if ty.class == Class::Unknown { 0.4 } else { 1.0 };
        let awaited = form.starts_with("await");
        if awaited && (desk.shape(node) != Shape::Call || !in_async(desk)) {
            continue;
        }
        let prefix = form.ends_with("{}") && !form.ends_with("({})");
        let inner = desk.at_level(
            node,
            if form.starts_with("{}") {
                level::ATOM
            } else if prefix {
                level::UNARY
            } else {
                0
            },
        );
        let new = form.replace("{}", &inner);
        if new.contains("()") && words.ends_with(form.trim_start_matches("{}")) {
            continue;
        }
        let own = if prefix { level::UNARY } else { level::ATOM };
        desk.put(site, node, &new, own, EditKind::Wrapped, fit * unsure);
    }
}

/// A condition that is a value, where anything may be one: what other conditions of the file ask about such values.
fn asked(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    if desk.grammar.typed() {
        return;
    }
    let value = desk.text(site.node).to_owned();
    let predicates: Vec<String> = borrowed::predicates(desk)
        .iter()
        .filter(|predicate| {
            **predicate != value
                && !predicate.starts_with(&format!("{value}."))
                && !value.starts_with(&format!("{predicate}("))
        })
        .take(MOST_PREDICATES)
        .cloned()
        .collect();
    for (rank, predicate) in predicates.into_iter().enumerate() {
        let fit = 0.8 / (1.0 + 0.2 * rank as f64);
        desk.put(site, site.node, &format!("{predicate}({value})"), level::ATOM, EditKind::Wrapped, fit);
    }
}

fn in_async(desk: &Desk<'_, '_>) -> bool {
    desk.text(desk.region.node).get(..40).unwrap_or_default().contains("async")
}

/// Another expression of the neighbourhood, of the same type or the same form.
fn others(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (here, shape, ty) = (desk.text(node), desk.shape(node), desk.ty(node));
    let head = here.split(['.', '(', '[']).next().unwrap_or_default();
    let mut found: Vec<(String, u8, f64)> = desk
        .region
        .phrases_at(node.start_byte())
        .filter(|phrase| phrase.text != here && !phrase.text.contains(here))
        .filter(|phrase| {
            !matches!(
                phrase.shape,
                Shape::Int
                    | Shape::Text
                    | Shape::True
                    | Shape::False
                    | Shape::Null
                    | Shape::Float
                    | Shape::Char
            )
        })
        .map(|phrase| {
            let form = if phrase.shape == shape { 1.0 } else { 0.35 };
            let same = if phrase.text.split(['.', '(', '[']).next() == Some(head) { 1.0 } else { 0.6 };
            let fit = desk.fit(&ty, &phrase.ty);
            let known = if ty.is_unknown() || phrase.ty.is_unknown() { 0.5 } else { 1.0 };
            let far = desk.facts.text.get(phrase.at.min(node.start_byte())..phrase.at.max(node.start_byte()));
            let near = 1.0 / (1.0 + 0.04 * far.map_or(40, |far| far.matches('\n').count()) as f64);
            (phrase.text.to_owned(), phrase.level, form * same * fit * known * near)
        })
        .collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    for (text, level, fit) in found.into_iter().take(MOST_EXPRESSIONS) {
        desk.put(site, node, &text, level, EditKind::Expression, 0.8 * fit);
    }
    if desk.grammar.language == Language::Rust && shape == Shape::Call {
        let swapped = [("Some(", "Ok("), ("Ok(", "Some("), ("Ok(", "Err("), ("Err(", "Ok(")];
        for (from, to) in swapped {
            if let Some(rest) = here.strip_prefix(from) {
                desk.raw(site, node.byte_range(), format!("{to}{rest}"), EditKind::Callee, 0.3);
            }
        }
    }
}
