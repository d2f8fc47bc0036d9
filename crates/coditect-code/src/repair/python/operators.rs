//! Operators: another one, swapped operands, one operand less, brackets in another place.

use tree_sitter::Node;

use super::desk::{Desk, is_condition, operators};
use super::facts::Site;
use super::level;
use super::tables::{ARITHMETIC, COMPARISONS, rivals};
use super::wraps;
use crate::repair::EditKind;
use crate::syntax::parts;

/// What an operator's rivals are worth, by rank.
fn by_rank(rank: usize) -> f64 {
    1.0 / (1.0 + 0.25 * rank as f64)
}

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "comparison_operator" => comparison(desk, site),
        "boolean_operator" => boolean(desk, site),
        "binary_operator" => binary(desk, site),
        "unary_operator" => {
            if let Some(argument) = site.node.child_by_field_name("argument") {
                let new = desk.text(argument);
                let level = level::of(desk.facts.text, argument);
                desk.put(site, site.node, new, level, EditKind::Arithmetic, 0.7);
            }
        }
        "not_operator" => {
            if let Some(argument) = site.node.child_by_field_name("argument") {
                let new = desk.text(argument);
                let level = level::of(desk.facts.text, argument);
                desk.put(site, site.node, new, level, EditKind::Negation, 1.0);
            }
        }
        _ => negate(desk, site),
    }
}

fn comparison(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let sides = parts(node);
    for token in operators(node) {
        let from = desk.text(token);
        for (rank, to) in rivals(COMPARISONS, from).iter().enumerate() {
            desk.raw(site, token.byte_range(), *to, EditKind::Comparison, by_rank(rank));
        }
        if let [left, right] = sides.as_slice() {
            if matches!(from, "in" | "not in") {
                desk.swap(site, *left, *right, EditKind::Swap, 0.9);
            }
            for (operand, before) in [(*right, false), (*left, true)] {
                bound(desk, site, token, operand, before);
            }
        }
    }
}

/// `x == 0` -> `x <= 1`: an operator and its bound are one thought, so they slip together.
fn bound(desk: &mut Desk<'_, '_>, site: Site<'_>, token: Node<'_>, operand: Node<'_>, before: bool) {
    let Ok(number) = desk.text(operand).parse::<i64>() else { return };
    let from = desk.text(token);
    for to in ["<", "<=", ">", ">=", "==", "!="].into_iter().filter(|to| *to != from) {
        for other in [number + 1, number - 1, 0, 1].into_iter().filter(|other| *other != number) {
            let (start, end) = if before {
                (operand.start_byte(), token.end_byte())
            } else {
                (token.start_byte(), operand.end_byte())
            };
            let new = if before { format!("{other} {to}") } else { format!("{to} {other}") };
            desk.raw(site, start..end, new, EditKind::Comparison, 0.15);
        }
    }
}

fn boolean(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(left), Some(token), Some(right)) = (
        node.child_by_field_name("left"),
        node.child_by_field_name("operator"),
        node.child_by_field_name("right"),
    ) else {
        return;
    };
    let to = if desk.text(token) == "and" { "or" } else { "and" };
    let as_is = level::of_operator(to);
    let whole = format!(
        "{} {to} {}",
        desk.at_level(left, level::COMPARISON),
        desk.at_level(right, level::COMPARISON)
    );
    // The operator alone is the smaller change, and means the same where no other operator is near.
    let simple = [left, right].iter().all(|side| side.kind() != "boolean_operator")
        && node.parent().is_none_or(|parent| parent.kind() != "boolean_operator");
    if simple {
        desk.raw(site, token.byte_range(), to, EditKind::BooleanOperator, 1.0);
    } else {
        desk.raw(site, token.byte_range(), to, EditKind::BooleanOperator, 0.8);
        desk.put(site, node, &whole, as_is, EditKind::BooleanOperator, 0.7);
    }
    for side in [left, right] {
        let level = level::of(desk.facts.text, side);
        desk.put(site, node, desk.text(side), level, EditKind::ConditionDropped, 0.8);
    }
    desk.swap(site, left, right, EditKind::Swap, 0.3);
    regroup(desk, site, left, right);
}

fn binary(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(left), Some(token), Some(right)) = (
        node.child_by_field_name("left"),
        node.child_by_field_name("operator"),
        node.child_by_field_name("right"),
    ) else {
        return;
    };
    let from = desk.text(token);
    for (rank, to) in rivals(ARITHMETIC, from).iter().enumerate() {
        let level = level::of_operator(to);
        let worth = by_rank(rank) * if is_idle(to, desk.text(left), desk.text(right)) { 0.2 } else { 1.0 };
        if level == level::of_operator(from) {
            desk.raw(site, token.byte_range(), *to, EditKind::Arithmetic, worth);
            continue;
        }
        let right_level = level + u8::from(*to != "**");
        let left_level = if *to == "**" { level::ATOM } else { level };
        // A person swaps the sign and forgets the brackets, or means the operands as they stand: both readings.
        desk.raw(site, token.byte_range(), *to, EditKind::Arithmetic, 0.95 * worth);
        let whole = format!("{} {to} {}", desk.at_level(left, left_level), desk.at_level(right, right_level));
        desk.put(site, node, &whole, level, EditKind::Arithmetic, 0.9 * worth);
    }
    let commutes = matches!(from, "+" | "*" | "&" | "|" | "^") && desk.ty(node).is_number();
    if !commutes {
        desk.swap(site, left, right, EditKind::Swap, 0.8);
    }
    for (side, other) in [(left, right), (right, left)] {
        let level = level::of(desk.facts.text, side);
        let one = if desk.text(other) == "1" { 1.0 } else { 0.7 };
        desk.put(site, node, desk.text(side), level, EditKind::Narrowed, one);
    }
    regroup(desk, site, left, right);
    wraps::of_operands(desk, site, (left, right), from);
}

/// True where an operator would do nothing, as in `1 * n`: nobody means that.
fn is_idle(operator: &str, left: &str, right: &str) -> bool {
    match operator {
        "*" => left == "1" || right == "1",
        "/" | "//" | "**" => right == "1",
        "+" | "|" => left == "0" || right == "0",
        "-" => right == "0",
        _ => false,
    }
}

/// `a - b // c` -> `(a - b) // c`, and the like.
fn regroup(desk: &mut Desk<'_, '_>, site: Site<'_>, left: Node<'_>, right: Node<'_>) {
    let text = desk.facts.text;
    let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default().trim();
    let kind =
        if site.node.kind() == "binary_operator" { EditKind::Arithmetic } else { EditKind::BooleanOperator };
    let slot = site.node;
    if let Some((one, two)) = operands(right) {
        let head = cut(slot.start_byte(), one.end_byte()).replacen(
            '(',
            "",
            usize::from(right.kind() == "parenthesized_expression"),
        );
        let tail = cut(one.end_byte(), two.end_byte());
        if right.kind() == "parenthesized_expression" {
            let flat = format!(
                "{} {}",
                cut(slot.start_byte(), right.start_byte()),
                cut(one.start_byte(), two.end_byte())
            );
            desk.put(site, slot, &flat, level::OR, kind, 0.3);
        }
        desk.put(
            site,
            slot,
            &format!("({head}) {tail}"),
            level::of(text, right).min(level::POWER),
            kind,
            0.4,
        );
    }
    // Deeper: `a - b * c / d` -> `(a - b) * c / d`.
    let mut inner = first_of(right).and_then(first_of);
    while let Some(one) = inner {
        let head = cut(slot.start_byte(), one.end_byte());
        let tail = cut(one.end_byte(), slot.end_byte());
        desk.put(site, slot, &format!("({head}) {tail}"), level::of(text, right), kind, 0.4);
        inner = first_of(one);
    }
    if let Some((one, two)) = operands(left) {
        let head = cut(one.start_byte(), two.start_byte());
        let tail = cut(left.end_byte(), slot.end_byte());
        desk.put(site, slot, &format!("{head} ({} {tail})", desk.text(two)), level::OR, kind, 0.4);
        if left.kind() == "parenthesized_expression" {
            let flat = format!("{} {tail}", cut(one.start_byte(), two.end_byte()));
            desk.put(site, slot, &flat, level::OR, kind, 0.3);
        }
    }
}

/// The left operand of an expression without brackets around it.
fn first_of(node: Node<'_>) -> Option<Node<'_>> {
    operands(node).filter(|_| node.kind() != "parenthesized_expression").map(|(one, _)| one)
}

/// Left and right of a binary or boolean expression, brackets around it or not.
fn operands(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let inner = if node.kind() == "parenthesized_expression" { *parts(node).first()? } else { node };
    inner.child_by_field_name("left").zip(inner.child_by_field_name("right"))
}

fn negate(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    if node.kind() != "parenthesized_expression" && is_condition(node) {
        let new = format!("not {}", desk.at_level(node, level::COMPARISON));
        desk.put(site, node, &new, level::NOT, EditKind::Negation, 0.8);
    }
    let a_number =
        matches!(node.kind(), "identifier" | "call" | "subscript" | "attribute" | "integer" | "float")
            && desk.ty(node).fit(super::types::Type::Int) > 0.5;
    if a_number && !super::desk::is_callee(node) && !is_condition(node) {
        let new = format!("-{}", desk.text(node));
        desk.put(site, node, &new, level::UNARY, EditKind::Arithmetic, 0.2);
    }
}

/// Edits of the operators of assignments.
pub(super) fn of_assignment(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    for assignment in parts(site.node) {
        match assignment.kind() {
            "augmented_assignment" => {
                let Some(token) = assignment.child_by_field_name("operator") else { continue };
                let from = desk.text(token).trim_end_matches('=');
                desk.raw(site, token.byte_range(), "=", EditKind::Augmented, 0.7);
                for (rank, to) in rivals(ARITHMETIC, from).iter().enumerate() {
                    if !to.chars().all(char::is_alphabetic) {
                        desk.raw(
                            site,
                            token.byte_range(),
                            format!("{to}="),
                            EditKind::Augmented,
                            by_rank(rank),
                        );
                    }
                }
            }
            "assignment" => {
                let Some(left) = assignment.child_by_field_name("left") else { continue };
                let token = operators(assignment).into_iter().find(|token| token.kind() == "=");
                if let (Some(token), true) = (token, !left.kind().ends_with("_list")) {
                    // `x =+ y`: the sign behind `=` is the operator's other half, not one of the value.
                    let value = assignment
                        .child_by_field_name("right")
                        .filter(|v| v.start_byte() == token.end_byte());
                    let sign = value.map_or("", |value| desk.text(value));
                    let turned = [("+ ", "+="), ("- ", "-=")]
                        .into_iter()
                        .find(|(sign_of, _)| sign.starts_with(sign_of));
                    if let Some((_, to)) = turned {
                        let range = token.start_byte()..token.end_byte() + 1;
                        desk.raw(site, range, to, EditKind::Augmented, 1.2);
                        continue;
                    }
                    for (to, fit) in [("+=", 0.7), ("-=", 0.3), ("*=", 0.3), ("//=", 0.1), ("|=", 0.1)] {
                        desk.raw(site, token.byte_range(), to, EditKind::Augmented, fit);
                    }
                }
            }
            _ => {}
        }
    }
}
