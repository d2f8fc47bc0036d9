//! Literals, and values that are off by one.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::desk::{Desk, distance, is_callee, is_condition};
use super::facts::Site;
use super::level;
use super::lore::callee;
use super::types::Type;
use crate::repair::EditKind;
use crate::syntax::{parts, text_of};

/// Numbers of the tests that are tried for one literal.
const MOST_TEST_NUMBERS: usize = 8;
/// Texts that are tried for one literal.
const MOST_TEXTS: usize = 24;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "integer" => integer(desk, site),
        "float" => float(desk, site),
        "true" => desk.put(site, site.node, "False", level::ATOM, EditKind::Constant, 1.2),
        "false" => desk.put(site, site.node, "True", level::ATOM, EditKind::Constant, 1.2),
        "none" => others(desk, site, &["0", "False", "True", "[]", "\"\"", "{}", "-1"]),
        "list" => list(desk, site),
        "dictionary" if parts(site.node).is_empty() => others(desk, site, &["set()", "[]", "None"]),
        "string" => string(desk, site),
        _ => {}
    }
    off_by_one(desk, site);
}

fn others(desk: &mut Desk<'_, '_>, site: Site<'_>, constants: &[&str]) {
    for (rank, constant) in constants.iter().enumerate() {
        let fit = 0.4 / (1.0 + 0.3 * rank as f64);
        desk.put(site, site.node, constant, level::ATOM, EditKind::Constant, fit);
    }
}

fn number_level(number: i64) -> u8 {
    if number < 0 { level::UNARY } else { level::ATOM }
}

fn integer(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Ok(number) = desk.text(node).replace('_', "").parse::<i64>() else { return };
    let place = off_by_one_fit(desk, node);
    let near: BTreeSet<i64> = desk
        .region
        .expressions
        .iter()
        .filter(|other| other.node.kind() == "integer")
        .filter_map(|other| text_of(desk.facts.text, other.node).parse().ok())
        .collect();
    let mut choices: Vec<(i64, f64)> = vec![(number.saturating_add(1), 1.0), (number.saturating_sub(1), 1.0)];
    choices.extend([(0, 0.7), (1, 0.7), (2, 0.5), (-1, 0.45), (10, 0.15)]);
    choices.extend([
        (number.saturating_add(2), 0.35),
        (number.saturating_sub(2), 0.3),
        (number.saturating_neg(), 0.35),
    ]);
    choices.extend([(number.saturating_mul(2), 0.15), (number / 2, 0.15), (number.saturating_mul(10), 0.12)]);
    choices.extend(near.iter().map(|other| (*other, 0.4)));
    let in_tests =
        desk.facts.lore.numbers.iter().filter(|n| n.abs_diff(number) <= 64).take(MOST_TEST_NUMBERS);
    choices.extend(in_tests.map(|other| (*other, 0.12)));
    for (other, fit) in choices {
        let near = other.abs_diff(number) == 1;
        let kind = if near { EditKind::OffByOne } else { EditKind::Constant };
        // `0 + n` and `1 * n` pass where `n` is right, and nobody writes them.
        let summed = node.parent().is_some_and(|parent| parent.kind() == "binary_operator");
        let idle = if summed && matches!(other, 0 | 1) { 0.4 } else { 1.0 };
        let fit = idle * if near { fit * (0.6 + 0.4 * place) } else { fit };
        desk.put(site, node, &other.to_string(), number_level(other), kind, fit);
    }
    desk.put(site, node, &format!("{number}.0"), level::ATOM, EditKind::Constant, 0.1);
    if let Ok(power) = u32::try_from(number)
        && power > 10
    {
        desk.put(site, node, "float(\"inf\")", level::ATOM, EditKind::Constant, 0.1);
    }
    for name in desk.values_at(node).into_iter().map(|name| (name.text.clone(), name.ty)).collect::<Vec<_>>()
    {
        let fit = 0.35 * name.1.fit(Type::Int);
        desk.put(site, node, &name.0, level::ATOM, EditKind::Name, fit);
        if name.1.is_container() {
            let size = format!("len({})", name.0);
            desk.put(site, node, &size, level::ATOM, EditKind::Expression, 0.4);
        }
    }
}

fn float(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let Ok(number) = desk.text(site.node).parse::<f64>() else { return };
    let mut choices =
        vec![0.0, 1.0, 2.0, 0.5, number + 1.0, number - 1.0, -number, number * 10.0, number / 10.0];
    if number != 0.0 {
        choices.push(1.0 / number);
        choices.push(number * 100.0);
        choices.push(number / 100.0);
    }
    for (rank, other) in choices.into_iter().enumerate() {
        let level = if other < 0.0 { level::UNARY } else { level::ATOM };
        let fit = 0.7 / (1.0 + 0.15 * rank as f64);
        desk.put(site, site.node, &format!("{other:?}"), level, EditKind::Constant, fit);
    }
}

fn list(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let items = parts(site.node);
    if items.is_empty() {
        others(desk, site, &["[[]]", "None", "{}", "set()", "[0]", "[1]", "\"\""]);
        for name in desk.values_at(site.node).iter().map(|name| name.text.clone()).collect::<Vec<_>>() {
            desk.put(site, site.node, &format!("[{name}]"), level::ATOM, EditKind::Extended, 0.5);
        }
        return;
    }
    drop_items(desk, site, &items);
}

/// One item less, with its comma.
fn drop_items(desk: &mut Desk<'_, '_>, site: Site<'_>, items: &[Node<'_>]) {
    if items.len() < 2 || items.len() > 40 {
        return;
    }
    for n in 0..items.len() {
        let range = match items.get(n + 1) {
            Some(next) => items[n].start_byte()..next.start_byte(),
            None => items[n - 1].end_byte()..items[n].end_byte(),
        };
        let fit = 0.5 / (items.len() as f64).sqrt();
        desk.raw(site, range, "", EditKind::Narrowed, fit);
    }
}

fn string(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let words = desk.text(site.node);
    let Some((quote, inner)) = plain(words) else { return };
    let mut choices: Vec<(String, f64)> = Vec::new();
    let mut add = |text: String, fit: f64| choices.push((format!("{quote}{text}{quote}"), fit));
    // One letter has no case to slip in: it is more often another letter.
    let cased = if inner.chars().count() == 1 { 0.4 } else { 1.0 };
    let mut title: String = inner.to_lowercase();
    if let Some(first) = title.get(..1).map(str::to_uppercase) {
        title.replace_range(..1, &first);
    }
    for (text, fit) in [
        (title, 0.8 * cased),
        (inner.to_lowercase(), 0.8 * cased),
        (inner.to_uppercase(), 0.7 * cased),
        (inner.trim().to_owned(), 0.6),
    ] {
        add(text, fit);
    }
    for (text, fit) in [
        (format!("{inner} "), 0.3),
        (format!(" {inner}"), 0.3),
        (format!("{inner}\\n"), 0.15),
        (inner.chars().rev().collect(), 0.3),
        (format!("{}{}", inner.to_lowercase(), inner.to_uppercase()), 0.25),
        (format!("{inner}{}", inner.chars().next().unwrap_or(' ')), 0.1),
    ] {
        add(text, fit);
    }
    if inner.chars().count() == 1 {
        for separator in [" ", ",", "-", "_", ".", ":", ";", "/", "\\n", "\\t", "0", "1"] {
            add(separator.to_owned(), if separator == " " { 0.5 } else { 0.2 });
        }
    }
    if inner.is_empty() {
        for (text, fit) in [(" ", 0.7), ("\\n", 0.4), (", ", 0.3), (",", 0.3), ("-", 0.1), ("0", 0.2)] {
            add(text.to_owned(), fit);
        }
    } else {
        add(String::new(), 0.3);
    }
    let letters: Vec<char> = inner.chars().collect();
    if letters.len() <= 24 && !inner.contains('\\') {
        for n in 0..letters.len() {
            let less: String = letters.iter().enumerate().filter(|(i, _)| *i != n).map(|(_, c)| *c).collect();
            add(less, if n + 1 == letters.len() || n == 0 { 0.35 } else { 0.15 });
        }
    }
    choices.extend(known_texts(desk, words, &letters));
    for (text, fit) in choices {
        desk.put(site, site.node, &text, level::ATOM, EditKind::TextLiteral, fit);
    }
}

/// Texts of the same region, and texts of the tests that could be what this one is a slip of.
fn known_texts(desk: &Desk<'_, '_>, words: &str, letters: &[char]) -> Vec<(String, f64)> {
    let near = desk.region.expressions.iter().filter(|other| other.node.kind() == "string");
    let mut found: Vec<(String, f64)> = Vec::new();
    for text in near.map(|other| desk.text(other.node)).take(MOST_TEXTS) {
        if text != words && !found.iter().any(|(known, _)| known == text) {
            found.push((text.to_owned(), 0.4));
        }
    }
    let mut tested: Vec<(String, f64)> = Vec::new();
    for text in &desk.facts.lore.texts {
        let Some((_, inner)) = plain(text) else { continue };
        let other: Vec<char> = inner.chars().collect();
        let apart = distance(letters, &other);
        let longest = letters.len().max(other.len()).max(1);
        // A far text of a test is that test's answer, not this line's slip.
        if apart > 0 && longest > 2 && apart * 3 <= longest + 2 {
            tested.push((text.clone(), 0.7 / apart as f64));
        }
    }
    tested.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    tested.truncate(MOST_TEXTS);
    found.extend(tested);
    found
}

/// Quote and content of a string without prefix that stands on one line.
fn plain(text: &str) -> Option<(&str, &str)> {
    let quote = text.get(..1).filter(|quote| matches!(*quote, "'" | "\""))?;
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    (text.ends_with(quote) && !inner.contains(quote) && !text.contains('\n')).then_some((quote, inner))
}

/// How likely a value is off by one where it stands.
fn off_by_one_fit(desk: &Desk<'_, '_>, node: Node<'_>) -> f64 {
    let Some(parent) = node.parent() else { return 0.0 };
    match parent.kind() {
        "parenthesized_expression" => off_by_one_fit(desk, parent),
        "slice" => 1.0,
        "subscript" if parent.child_by_field_name("value") != Some(node) => 0.9,
        "argument_list" => {
            let call = parent.parent().and_then(|call| callee(desk.facts.text, call));
            match call {
                Some("range") => 1.0,
                Some(name) if *name == *desk.region.function => 0.8,
                _ => 0.45,
            }
        }
        "comparison_operator" => 0.6,
        "return_statement" | "assignment" | "augmented_assignment" => 0.55,
        "tuple" | "expression_list" | "list" => 0.5,
        "binary_operator" => 0.35,
        _ => 0.2,
    }
}

fn off_by_one(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    if !matches!(node.kind(), "identifier" | "call" | "subscript" | "attribute" | "binary_operator")
        || is_callee(node)
        || is_condition(node)
    {
        return;
    }
    let place = off_by_one_fit(desk, node);
    let known = desk.ty(node);
    let ty = match (known.is_number(), known == Type::Int) {
        (true, true) => 1.0,
        (true, false) => 0.6,
        (false, _) if known != Type::Unknown => return,
        (false, _) if place >= 0.9 => 0.9,
        (false, _) => 0.5,
    };
    if place <= 0.0 {
        return;
    }
    let text = desk.text(node);
    for (other, fit) in [("+ 1", 1.0), ("- 1", 1.0)] {
        // `n + 1` that should be `n` is a dropped operand; here it would become `n + 1 - 1`.
        let undone = (other == "- 1" && text.ends_with("+ 1")) || (other == "+ 1" && text.ends_with("- 1"));
        if !undone {
            let body = desk.at_level(node, level::ADD);
            desk.put(
                site,
                node,
                &format!("{body} {other}"),
                level::ADD,
                EditKind::OffByOne,
                fit * ty * place,
            );
        }
    }
}
