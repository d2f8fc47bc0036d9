//! Literals, and values that are off by one.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::desk::{Desk, is_callee, is_condition, is_statement};
use super::facts::{Origin, Site};
use super::level;
use super::table::Shape;
use super::types::{Class, operator_of};
use super::{chars, texts};
use crate::repair::EditKind;

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    match desk.shape(node) {
        Shape::Int | Shape::Float => number(desk, site),
        Shape::True | Shape::False => {
            let other = if desk.text(node) == "true" { "false" } else { "true" };
            desk.put(site, node, other, level::ATOM, EditKind::Constant, 1.2);
        }
        Shape::Null => nothing(desk, site),
        Shape::Array => array(desk, site),
        Shape::Text => texts::propose(desk, site),
        Shape::Char => chars::propose(desk, site),
        _ => {}
    }
    off_by_one(desk, site);
}

/// Another thing that stands for nothing.
fn nothing(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let here = desk.text(site.node);
    for other in desk.grammar.table.nothing.iter().filter(|other| **other != here) {
        desk.put(site, site.node, other, level::ATOM, EditKind::Constant, 0.5);
    }
    if !desk.grammar.typed() {
        for (rank, other) in ["false", "true", "0", "''", "[]", "{}"].iter().enumerate() {
            desk.put(
                site,
                site.node,
                other,
                level::ATOM,
                EditKind::Constant,
                0.25 / (1.0 + 0.3 * rank as f64),
            );
        }
    }
}

/// How a whole number is written: its value, what stands before its digits and after them.
struct Written<'t> {
    value: i128,
    hex: bool,
    suffix: &'t str,
}

fn written(text: &str) -> Option<Written<'_>> {
    let (digits, radix) = match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (&text[2..], 16),
        Some("0b") => (&text[2..], 2),
        Some("0o") => (&text[2..], 8),
        _ => (text, 10),
    };
    let end = digits.find(|c: char| !(c.is_digit(radix) || c == '_')).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let value = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    // `1.5` and `1e3` are no whole numbers.
    let whole = !suffix.starts_with(['.', 'e', 'E', 'f', 'F', 'd', 'D']) || suffix.is_empty();
    whole.then_some(Written { value, hex: radix == 16, suffix })
}

impl Written<'_> {
    fn write(&self, value: i128) -> String {
        match (self.hex, value < 0) {
            (true, false) => format!("0x{value:x}{}", self.suffix),
            _ => format!("{value}{}", self.suffix),
        }
    }
}

fn number(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(own) = written(desk.text(node)) else {
        float(desk, site);
        return;
    };
    let number = own.value;
    let place = off_by_one_fit(desk, node);
    let near: BTreeSet<i128> = desk
        .region
        .expressions
        .iter()
        .filter(|other| desk.shape(other.node) == Shape::Int)
        .filter_map(|other| written(desk.text(other.node)).map(|other| other.value))
        .collect();
    let mut choices: Vec<(i128, f64)> =
        vec![(number.saturating_add(1), 1.0), (number.saturating_sub(1), 1.0)];
    choices.extend([(0, 0.5), (1, 0.5), (2, 0.25), (-1, 0.3)]);
    choices.extend([
        (number.saturating_neg(), 0.3),
        (number.saturating_add(2), 0.15),
        (number.saturating_sub(2), 0.12),
    ]);
    choices.extend([(number.saturating_mul(2), 0.1), (number / 2, 0.1), (number.saturating_mul(10), 0.08)]);
    choices.extend(near.iter().map(|other| (*other, 0.3)));
    let unsigned = desk.grammar.language == crate::languages::Language::Rust && !signed_place(desk, node);
    let in_pattern = node.parent().is_some_and(|parent| parent.kind().ends_with("pattern"));
    for (other, fit) in choices {
        if other < 0 && (unsigned || own.suffix.starts_with('u') || in_pattern) {
            continue;
        }
        let by_one = other.abs_diff(number) == 1;
        let kind = if by_one { EditKind::OffByOne } else { EditKind::Constant };
        let summed = operator_of(node.parent().unwrap_or(node)).map_or("", |token| desk.text(token));
        let idle = if matches!((summed, other), ("+" | "-" | "|", 0) | ("*" | "/" | "%", 1 | 0)) {
            0.3
        } else {
            1.0
        };
        let fit = idle * if by_one { fit * (0.75 + 0.35 * place) } else { fit };
        let level = if other < 0 { level::UNARY } else { level::ATOM };
        desk.put(site, node, &own.write(other), level, kind, fit);
    }
    if in_pattern {
        return;
    }
    let ty = desk.ty(node);
    let names: Vec<(String, f64)> = desk
        .values_at(node)
        .into_iter()
        .filter(|name| name.ty.class.is_number())
        .map(|name| {
            let near = if name.depth == desk.region.depth { 1.0 } else { 0.4 };
            let sure = if name.origin == Origin::Global { 0.5 } else { 1.0 };
            (name.text.to_owned(), 0.25 * near * sure * desk.fit(&ty, &name.ty))
        })
        .collect();
    for (rank, (text, fit)) in names.into_iter().take(12).enumerate() {
        desk.put(site, node, &text, level::ATOM, EditKind::Name, fit / (1.0 + 0.1 * rank as f64));
    }
}

/// True where a negative number could stand: in Rust most numbers are sizes.
fn signed_place(desk: &Desk<'_, '_>, node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let other = ["left", "right"]
        .iter()
        .filter_map(|field| parent.child_by_field_name(field))
        .find(|other| *other != node);
    let name = match other {
        Some(other) => desk.ty(other).name,
        None => match desk.shape(parent) {
            Shape::Local => {
                parent.child_by_field_name("type").map_or(String::new(), |ty| desk.text(ty).to_owned())
            }
            Shape::Return => desk.region.gives.clone().unwrap_or_default().name,
            _ => String::new(),
        },
    };
    name.starts_with('i') || name.starts_with('f')
}

fn float(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let words = desk.text(site.node);
    let end = words
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_')))
        .unwrap_or(words.len());
    let (digits, suffix) = words.split_at(end);
    let Ok(number) = digits.replace('_', "").parse::<f64>() else { return };
    let mut choices =
        vec![number + 1.0, number - 1.0, 0.0, 1.0, -number, 2.0, 0.5, number * 10.0, number / 10.0];
    if number != 0.0 {
        choices.extend([1.0 / number, number * 100.0, number / 100.0]);
    }
    let whole = !digits.contains('.');
    for (rank, other) in choices.into_iter().enumerate() {
        let level = if other < 0.0 { level::UNARY } else { level::ATOM };
        let fit = 0.7 / (1.0 + 0.15 * rank as f64);
        let text = if whole && other.fract() == 0.0 { format!("{other}") } else { format!("{other:?}") };
        desk.put(site, site.node, &format!("{text}{suffix}"), level, EditKind::Constant, fit);
    }
}

/// Items of a list or tuple in another order, or one less.
fn array(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let items = desk.grammar.parts(site.node);
    super::calls::swaps(desk, site, &items, 0.6);
    if items.len() < 2 || items.len() > 20 || desk.grammar.typed() {
        return;
    }
    for n in 0..items.len() {
        let range = match items.get(n + 1) {
            Some(next) => items[n].start_byte()..next.start_byte(),
            None => items[n - 1].end_byte()..items[n].end_byte(),
        };
        let fit = 0.4 / (items.len() as f64).sqrt();
        desk.raw(site, range, "", EditKind::Narrowed, fit);
    }
}

/// How likely a value is off by one where it stands.
fn off_by_one_fit(desk: &Desk<'_, '_>, node: Node<'_>) -> f64 {
    let Some(parent) = node.parent() else { return 0.0 };
    match desk.shape(parent) {
        Shape::Paren => off_by_one_fit(desk, parent),
        Shape::Slice | Shape::Range => 1.0,
        Shape::Index if parent.named_child(0) != Some(node) => 0.9,
        Shape::Arguments => {
            let call = parent.parent().and_then(|call| super::desk::callee_name(desk.facts.text, call));
            match call {
                Some(
                    "slice" | "substring" | "substr" | "charAt" | "charCodeAt" | "codePointAt" | "get"
                    | "nth" | "subSequence" | "subList" | "skip" | "take" | "splice" | "at" | "split_at"
                    | "make" | "drain",
                ) => 0.9,
                Some(name) if *name == *desk.region.function => 0.8,
                _ => 0.35,
            }
        }
        Shape::Binary => {
            let operator = operator_of(parent).map_or("", |token| desk.text(token));
            if desk.grammar.table.comparisons.iter().any(|(known, _)| *known == operator) { 0.6 } else { 0.3 }
        }
        Shape::Return | Shape::Assign => 0.45,
        Shape::Local | Shape::Array => 0.45,
        _ if matches!(parent.kind(), "variable_declarator" | "expression_list" | "let_declaration") => 0.45,
        _ => 0.15,
    }
}

fn off_by_one(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let shape = desk.shape(node);
    if !matches!(shape, Shape::Name | Shape::Call | Shape::Index | Shape::Member | Shape::Binary)
        || is_callee(node)
        || is_condition(desk.grammar, node)
        || is_statement(desk.grammar, node)
    {
        return;
    }
    let place = off_by_one_fit(desk, node);
    let known = desk.ty(node);
    let ty = match known.class {
        Class::Int => 1.0,
        Class::Float => 0.6,
        Class::Unknown if place >= 0.9 => 0.8,
        Class::Unknown => 0.3,
        _ => return,
    };
    let parent = node.parent().map(|parent| desk.shape(parent));
    // `a + b` plus one is written where the sum is used, not inside of it.
    if place <= 0.2 || (shape == Shape::Binary && parent == Some(Shape::Binary)) {
        return;
    }
    let text = desk.text(node);
    let add = level::of_operator(desk.grammar.table, "+");
    for other in ["+ 1", "- 1"] {
        let undone = text.ends_with("+ 1") || text.ends_with("- 1");
        if !undone {
            let body = desk.at_level(node, add);
            desk.put(site, node, &format!("{body} {other}"), add, EditKind::OffByOne, 0.6 * ty * place);
        }
    }
}
