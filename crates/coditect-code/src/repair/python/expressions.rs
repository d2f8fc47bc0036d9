//! Whole expressions: another one of the neighbourhood, or one with a term more.

use super::desk::{Desk, is_callee, is_condition};
use super::facts::Site;
use super::level;
use super::types::Type;
use super::wraps::place_fit;
use crate::repair::EditKind;

/// Names that are tried as a further operand.
const MOST_OPERANDS: usize = 8;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    if is_callee(node) || matches!(node.kind(), "yield" | "parenthesized_expression") {
        return;
    }
    if !is_condition(node) {
        replace(desk, site);
    }
    if !matches!(
        node.kind(),
        "true" | "false" | "none" | "expression_list" | "lambda" | "comparison_operator"
    ) {
        extend(desk, site);
    }
}

/// An expression or name that stands nearby, in its place.
fn replace(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let ty = desk.ty(node);
    let old = desk.text(node);
    let place = place_fit(node);
    let mut choices: Vec<(String, u8, f64)> = desk
        .region
        .phrases_at(node.start_byte())
        .filter(|phrase| phrase.text != old && !phrase.text.contains(&format!("({old})")))
        .map(|phrase| {
            let short = 1.0 / (1.0 + phrase.text.len() as f64 / 24.0);
            let often = 1.0 + 0.1 * f64::from(phrase.uses.min(5));
            (phrase.text.clone(), phrase.level, ty.fit(phrase.ty) * short * often)
        })
        .collect();
    if node.kind() != "identifier" {
        for name in desk.values_at(node) {
            choices.push((name.text.clone(), level::ATOM, ty.fit(name.ty)));
        }
    }
    if node.parent().is_some_and(|parent| parent.kind() == "return_statement")
        && let Some(expected) = desk.facts.lore.expected.get(&*desk.region.function)
    {
        // Only the plainest of what tests expect: see `Lore::expects`.
        let plain = expected.iter().filter(|text| !text.starts_with(['\'', '"'])).cloned();
        choices.extend(plain.map(|text| (text, level::UNARY, 0.5)));
    }
    choices.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    for (rank, (text, level, fit)) in choices.into_iter().enumerate().take(60) {
        let fit = fit * place / (1.0 + 0.04 * rank as f64);
        desk.put(site, node, &text, level, EditKind::Expression, fit);
    }
}

/// One operand more.
fn extend(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let ty = desk.ty(node);
    let place = place_fit(node);
    let operands: Vec<(String, Type)> = desk
        .values_at(node)
        .into_iter()
        .map(|name| (name.text.clone(), name.ty))
        .take(MOST_OPERANDS)
        .collect();
    if ty.fit(Type::Int) > 0.5 {
        let sure = if ty.is_number() { 1.0 } else { 0.55 };
        numbers(desk, site, &operands, sure * place);
    }
    if matches!(ty, Type::Str | Type::List | Type::Unknown) {
        let sure = if ty == Type::Unknown { 0.5 } else { 1.0 };
        sequences(desk, site, ty, &operands, sure * place);
    }
    if !is_condition(node) && node.kind() != "integer" && node.kind() != "string" {
        desk.put(site, node, &format!("[{}]", desk.text(node)), level::ATOM, EditKind::Wrapped, 0.3 * place);
    }
}

fn numbers(desk: &mut Desk<'_, '_>, site: Site<'_>, operands: &[(String, Type)], fit: f64) {
    let node = site.node;
    let old = desk.text(node);
    let body = |needed: u8| desk.at_level(node, needed);
    let mut made: Vec<(String, u8, f64)> = Vec::new();
    for (rank, (name, ty)) in operands.iter().enumerate().filter(|(_, (_, ty))| ty.fit(Type::Int) > 0.5) {
        let near = ty.fit(Type::Int) / (1.0 + 0.15 * rank as f64);
        for (operator, own, share) in [
            ("-", level::ADD, 1.0),
            ("+", level::ADD, 1.0),
            ("*", level::MULTIPLY, 0.7),
            ("//", level::MULTIPLY, 0.4),
            ("%", level::MULTIPLY, 0.4),
            ("/", level::MULTIPLY, 0.3),
        ] {
            made.push((format!("{} {operator} {name}", body(own)), own, share * near));
        }
        if name != old {
            made.push((format!("max({name}, {old})"), level::ATOM, 0.6 * near));
            made.push((format!("min({name}, {old})"), level::ATOM, 0.6 * near));
            made.push((format!("{name} - {}", body(level::MULTIPLY)), level::ADD, 0.4 * near));
        }
    }
    for (text, own, share) in [
        (format!("max(0, {old})"), level::ATOM, 0.5),
        (format!("{} ** 2", body(level::ATOM)), level::POWER, 0.4),
        (format!("{} * 2", body(level::MULTIPLY)), level::MULTIPLY, 0.4),
        (format!("{} // 2", body(level::MULTIPLY)), level::MULTIPLY, 0.4),
        (format!("{} / 2", body(level::MULTIPLY)), level::MULTIPLY, 0.4),
        (format!("{} ** 3", body(level::ATOM)), level::POWER, 0.15),
        (format!("{} % 2", body(level::MULTIPLY)), level::MULTIPLY, 0.2),
        (format!("{} % 10", body(level::MULTIPLY)), level::MULTIPLY, 0.2),
    ] {
        made.push((text, own, share));
    }
    for (text, own, share) in made {
        desk.put(site, node, &text, own, EditKind::Extended, share * fit);
    }
}

fn sequences(desk: &mut Desk<'_, '_>, site: Site<'_>, ty: Type, operands: &[(String, Type)], fit: f64) {
    let node = site.node;
    let mut others: Vec<(String, u8, f64)> = Vec::new();
    for (name, other) in operands {
        if *other == ty || *other == Type::Unknown || ty == Type::Unknown {
            others.push((name.clone(), level::ATOM, ty.fit(*other)));
        }
        if ty == Type::List {
            others.push((format!("[{name}]"), level::ATOM, 0.6));
        }
    }
    for phrase in
        desk.region.phrases_at(node.start_byte()).filter(|phrase| phrase.ty == ty && ty != Type::Unknown)
    {
        others.push((phrase.text.clone(), phrase.level, 0.5));
    }
    if ty == Type::Str {
        others.extend(
            [("\" \"", 0.4), ("\".\"", 0.3), ("\", \"", 0.2), ("\"\\n\"", 0.25), ("\"-\"", 0.15)]
                .map(|(text, fit)| (text.to_owned(), level::ATOM, fit)),
        );
    }
    let old = desk.at_level(node, level::ADD);
    for (text, own, share) in others.into_iter().take(40) {
        let other = level::bracket(&text, own, level::ADD + 1);
        let after = format!("{old} + {other}");
        desk.put(site, node, &after, level::ADD, EditKind::Extended, share * fit);
        let first = level::bracket(&text, own, level::ADD);
        let before = format!("{first} + {}", desk.at_level(node, level::ADD + 1));
        desk.put(site, node, &before, level::ADD, EditKind::Extended, 0.9 * share * fit);
    }
}
