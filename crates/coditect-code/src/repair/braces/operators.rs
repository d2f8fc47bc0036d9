//! Operators: another one, swapped operands, one operand less, brackets in another place, negation.

use tree_sitter::Node;

use super::desk::{Desk, is_callee, is_condition, is_statement};
use super::facts::Site;
use super::level;
use super::table::{Shape, rivals};
use super::types::{Class, operator_of};
use crate::languages::Language;
use crate::repair::EditKind;

/// What an operator's rivals are worth, by rank.
fn by_rank(rank: usize) -> f64 {
    1.0 / (1.0 + 0.25 * rank as f64)
}

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match desk.shape(site.node) {
        Shape::Binary => {
            let operator = operator_of(site.node).map_or("", |token| desk.text(token));
            match operator {
                "&&" | "||" => boolean(desk, site),
                _ if desk.grammar.table.comparisons.iter().any(|(known, _)| *known == operator) => {
                    comparison(desk, site);
                }
                _ => binary(desk, site),
            }
            negate(desk, site);
        }
        Shape::Unary => unary(desk, site),
        Shape::Update => update(desk, site),
        Shape::Assign => assignment(desk, site),
        Shape::Paren => {}
        _ => negate(desk, site),
    }
}

fn sides<'n>(node: Node<'n>) -> Option<(Node<'n>, Node<'n>, Node<'n>)> {
    Some((node.child_by_field_name("left")?, operator_of(node)?, node.child_by_field_name("right")?))
}

fn comparison(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let Some((left, token, right)) = sides(site.node) else { return };
    let from = desk.text(token);
    let typed = desk.grammar.typed();
    let (one, two) = (desk.ty(left), desk.ty(right));
    let nothing = |node: Node<'_>| {
        desk.shape(node) == Shape::Null || desk.grammar.table.nothing.contains(&desk.text(node))
    };
    let is_nothing = nothing(left) || nothing(right);
    let unordered = is_nothing
        || [&one, &two].iter().any(|ty| match ty.class {
            Class::Bool | Class::Optional => true,
            // Java has no order of texts, Go and scripts have.
            Class::Text | Class::List | Class::Map => desk.grammar.language == Language::Java,
            _ => false,
        });
    // Loops end at bounds, where `<` and `<=` are mixed up more than elsewhere.
    let bound = |to: &str| matches!((from, to), ("<", "<=") | ("<=", "<") | (">", ">=") | (">=", ">"));
    let equality = |to: &str| matches!(to, "==" | "!=" | "===" | "!==");
    for (rank, to) in rivals(desk.grammar.table.comparisons, from).iter().enumerate() {
        let ordered = !equality(to);
        let fit = if ordered && unordered {
            if typed { continue } else { 0.1 }
        } else if bound(to) {
            1.1
        } else if equality(from) && ordered {
            if one.class.is_number() || two.class.is_number() { 0.5 } else { 0.2 }
        } else {
            by_rank(rank)
        };
        desk.raw(site, token.byte_range(), *to, EditKind::Comparison, fit);
    }
    if desk.grammar.language == Language::Java && equality(from) && !is_nothing {
        equals(desk, site, (left, right), from);
    }
    // Of numbers, texts and the like a person may mean either order; equality is the same both ways.
    if !equality(from) && level::of(desk.facts.text, desk.grammar, left) > 0 {
        desk.swap(site, left, right, EditKind::Swap, 0.3);
    }
}

/// Java's `==` asks whether two texts are the same object: `a == "b"` -> `a.equals("b")`.
fn equals(desk: &mut Desk<'_, '_>, site: Site<'_>, (left, right): (Node<'_>, Node<'_>), from: &str) {
    let is_text = |node: Node<'_>| desk.ty(node).class == Class::Text;
    if !is_text(left) && !is_text(right) {
        return;
    }
    let (object, other) = if is_text(left) { (left, right) } else { (right, left) };
    let not = if from == "!=" { "!" } else { "" };
    let new = format!("{not}{}.equals({})", desk.at_level(object, level::ATOM), desk.text(other));
    let own = if not.is_empty() { level::ATOM } else { level::UNARY };
    desk.put(site, site.node, &new, own, EditKind::Comparison, 1.2);
}

fn boolean(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((left, token, right)) = sides(node) else { return };
    let from = desk.text(token);
    let to = if from == "&&" { "||" } else { "&&" };
    desk.raw(site, token.byte_range(), to, EditKind::BooleanOperator, 1.0);
    if desk.grammar.language.is_script() && from == "||" {
        desk.raw(site, token.byte_range(), "??", EditKind::BooleanOperator, 0.3);
    }
    // The same with its operands kept together, where the other operator binds otherwise.
    let own = level::of_operator(desk.grammar.table, to);
    let whole = format!("{} {to} {}", desk.at_level(left, own), desk.at_level(right, own + 1));
    desk.put(site, node, &whole, own, EditKind::BooleanOperator, 0.6);
    for side in [left, right] {
        let level = desk.level(side);
        desk.put(site, node, desk.text(side), level, EditKind::ConditionDropped, 0.7);
    }
    desk.swap(site, left, right, EditKind::Swap, 0.25);
    regroup(desk, site, left, right);
}

fn binary(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((left, token, right)) = sides(node) else { return };
    let from = desk.text(token);
    let ty = desk.ty(node);
    let joined = ty.class == Class::Text;
    for (rank, to) in rivals(desk.grammar.table.arithmetic, from).iter().enumerate() {
        let worth = by_rank(rank)
            * if is_idle(to, desk.text(left), desk.text(right)) { 0.2 } else { 1.0 }
            * if joined { 0.1 } else { 1.0 };
        if joined && desk.grammar.typed() {
            continue;
        }
        let logical = matches!(*to, "&&" | "||");
        if logical && ty.class.is_number() {
            continue;
        }
        // A person mistakes the sign and leaves the rest: both readings where the new one binds otherwise.
        desk.raw(site, token.byte_range(), *to, EditKind::Arithmetic, worth);
        let (own, old) =
            (level::of_operator(desk.grammar.table, to), level::of_operator(desk.grammar.table, from));
        if own != old {
            let new = format!("{} {to} {}", desk.at_level(left, own), desk.at_level(right, own + 1));
            desk.put(site, node, &new, own, EditKind::Arithmetic, 0.5 * worth);
        }
    }
    if !matches!(from, "+" | "*" | "&" | "|" | "^") || joined {
        desk.swap(site, left, right, EditKind::Swap, 0.7);
    } else {
        desk.swap(site, left, right, EditKind::Swap, 0.08);
    }
    for (side, other) in [(left, right), (right, left)] {
        let level = desk.level(side);
        let one = if desk.text(other) == "1" { 1.0 } else { 0.6 };
        desk.put(site, node, desk.text(side), level, EditKind::Narrowed, one);
    }
    regroup(desk, site, left, right);
}

/// True where an operator would do nothing, as in `1 * n`: nobody means that.
fn is_idle(operator: &str, left: &str, right: &str) -> bool {
    match operator {
        "*" => left == "1" || right == "1",
        "/" | "%" | "**" => right == "1",
        "+" | "|" => left == "0" || right == "0",
        "-" | "<<" | ">>" => right == "0",
        _ => false,
    }
}

/// `a - b / c` -> `(a - b) / c`, `a && (b || c)` -> `a && b || c`, and the like.
fn regroup(desk: &mut Desk<'_, '_>, site: Site<'_>, left: Node<'_>, right: Node<'_>) {
    let text = desk.facts.text;
    let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default().trim();
    let node = site.node;
    let operator = operator_of(node).map_or("", |token| desk.text(token));
    let logical = matches!(operator, "&&" | "||");
    let kind = if logical { EditKind::BooleanOperator } else { EditKind::Arithmetic };
    let own = level::of_operator(desk.grammar.table, operator);
    for (side, is_left) in [(left, true), (right, false)] {
        let bracketed = desk.shape(side) == Shape::Paren;
        let inner = if bracketed { desk.grammar.parts(side).first().copied() } else { Some(side) };
        let Some(inner) = inner.filter(|inner| desk.shape(*inner) == Shape::Binary) else { continue };
        let Some((one, token, two)) = sides(inner) else { continue };
        let other = desk.text(token);
        // Brackets that change nothing are no candidate.
        if level::of_operator(desk.grammar.table, other) == own && other == operator {
            continue;
        }
        if bracketed {
            desk.pool.replace(side.byte_range(), desk.text(inner).to_owned(), kind, site.weight, 0.4);
        } else if is_left {
            let new = format!(
                "{} ({} {})",
                cut(one.start_byte(), token.end_byte()),
                desk.text(two),
                cut(left.end_byte(), node.end_byte())
            );
            desk.put(site, node, &new, level::of_operator(desk.grammar.table, other), kind, 0.3);
        } else {
            let new = format!(
                "({} {}) {}",
                cut(node.start_byte(), right.start_byte()),
                desk.text(one),
                cut(token.start_byte(), right.end_byte())
            );
            desk.put(site, node, &new, level::of_operator(desk.grammar.table, other), kind, 0.3);
        }
    }
}

fn unary(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let Some(operand) = desk.grammar.parts(site.node).last().copied() else { return };
    let operator = operator_of(site.node).map_or("", |token| desk.text(token));
    let (kind, fit) = match operator {
        "!" => (EditKind::Negation, 1.0),
        "-" | "+" | "~" => (EditKind::Arithmetic, 0.7),
        "*" | "&" => (EditKind::Unwrapped, 0.2),
        _ => (EditKind::Unwrapped, 0.3),
    };
    let bare = match desk.shape(operand) {
        Shape::Paren if level::of_slot(desk.facts.text, desk.grammar, site.node) < 2 => {
            desk.grammar.parts(operand).first().copied().unwrap_or(operand)
        }
        _ => operand,
    };
    let level = desk.level(bare);
    desk.put(site, site.node, desk.text(bare), level, kind, fit);
    if bare != operand {
        desk.put(site, site.node, desk.text(operand), level::ATOM, kind, 0.8 * fit);
    }
}

fn update(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(token) = operator_of(node).or_else(|| {
        crate::syntax::children(node).into_iter().find(|child| matches!(child.kind(), "++" | "--"))
    }) else {
        return;
    };
    let Some(operand) = desk.grammar.parts(node).first().copied() else { return };
    let (from, name) = (desk.text(token), desk.text(operand));
    let to = if from == "++" { "--" } else { "++" };
    desk.raw(site, token.byte_range(), to, EditKind::Augmented, 1.0);
    let used = !is_statement(desk.grammar, node)
        && node.parent().is_some_and(|parent| !matches!(desk.shape(parent), Shape::For | Shape::Block));
    if used && desk.grammar.language != Language::Go {
        let prefix = token.start_byte() < operand.start_byte();
        let other = if prefix { format!("{name}{from}") } else { format!("{from}{name}") };
        desk.raw(site, node.byte_range(), other, EditKind::OffByOne, 0.9);
        desk.put(site, node, name, level::ATOM, EditKind::Narrowed, 0.4);
        let sign = if from == "++" { "+" } else { "-" };
        let own = level::of_operator(desk.grammar.table, sign);
        desk.put(site, node, &format!("{name} {sign} 1"), own, EditKind::Reformed, 0.3);
    } else if desk.grammar.language != Language::Rust {
        let sign = if from == "++" { "+=" } else { "-=" };
        desk.raw(site, node.byte_range(), format!("{name} {sign} 2"), EditKind::Augmented, 0.2);
    }
}

/// Another operator of an assignment.
fn assignment(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else {
        return;
    };
    let token = crate::syntax::children(node).into_iter().find(|child| {
        !child.is_named() && child.kind().ends_with('=') && child.start_byte() >= left.end_byte()
    });
    let Some(token) = token.or_else(|| node.child_by_field_name("operator")) else { return };
    let from = desk.text(token);
    let ty = desk.ty(right);
    let held = desk.ty(left);
    if from == "=" {
        let number = ty.class.is_number() || held.class.is_number();
        let text = ty.class == Class::Text || held.class == Class::Text;
        let flag = ty.class == Class::Bool;
        let other =
            matches!(ty.class, Class::List | Class::Map | Class::Optional | Class::Named | Class::Function);
        let choices: &[(&str, f64)] = match (number, text, flag) {
            (true, _, _) => &[("+=", 0.7), ("-=", 0.5), ("*=", 0.3), ("|=", 0.2), ("/=", 0.15)],
            (_, true, _) => &[("+=", 0.8)],
            (_, _, true) => &[("|=", 0.5), ("&=", 0.4)],
            _ if other => &[],
            _ => &[("+=", 0.5), ("-=", 0.3), ("|=", 0.1), ("*=", 0.1)],
        };
        let several = desk.text(left).contains(',');
        let choices = if several || desk.shape(right) == Shape::Lambda { &[] } else { choices };
        for (to, fit) in choices {
            desk.raw(site, token.byte_range(), *to, EditKind::Augmented, *fit);
        }
    } else {
        let operator = from.trim_end_matches('=');
        desk.raw(site, token.byte_range(), "=", EditKind::Augmented, 0.6);
        for (rank, to) in rivals(desk.grammar.table.arithmetic, operator).iter().enumerate() {
            if matches!(*to, "&&" | "||") || (held.class == Class::Text && *to != "+") {
                continue;
            }
            desk.raw(site, token.byte_range(), format!("{to}="), EditKind::Augmented, 1.2 * by_rank(rank));
        }
    }
}

/// `c` -> `!c`.
fn negate(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let shape = desk.shape(node);
    if matches!(shape, Shape::Assign | Shape::Lambda | Shape::Range | Shape::Path) || is_callee(node) {
        return;
    }
    let condition = is_condition(desk.grammar, node);
    let truth = condition || desk.ty(node).class == Class::Bool;
    if truth && node.kind() != "let_condition" && !is_statement(desk.grammar, node) && shape != Shape::This {
        // A comparison's opposite is another operator, and nobody writes the brackets.
        let fit = match shape {
            Shape::Binary => {
                if is_logical(desk, node) {
                    0.5
                } else {
                    0.3
                }
            }
            Shape::True | Shape::False => return,
            _ if condition => 0.9,
            _ => 0.6,
        };
        let new = format!("!{}", desk.at_level(node, level::UNARY));
        desk.put(site, node, &new, level::UNARY, EditKind::Negation, fit);
        return;
    }
    let a_number =
        matches!(shape, Shape::Name | Shape::Call | Shape::Index | Shape::Member | Shape::Float | Shape::Int)
            && desk.ty(node).class.is_number()
            && desk.text(node) != "0";
    let unsigned = desk.ty(node).name.starts_with(['u']);
    if a_number && !unsigned && !is_statement(desk.grammar, node) {
        let new = format!("-{}", desk.text(node));
        let fit = if matches!(shape, Shape::Int | Shape::Float) { 0.3 } else { 0.12 };
        desk.put(site, node, &new, level::UNARY, EditKind::Arithmetic, fit);
    }
}

fn is_logical(desk: &Desk<'_, '_>, node: Node<'_>) -> bool {
    operator_of(node).is_some_and(|token| matches!(desk.text(token), "&&" | "||"))
}
