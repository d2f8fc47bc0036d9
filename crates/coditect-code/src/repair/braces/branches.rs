//! Branches of the wrong kind or with their arms mixed up: `if`, ternaries, switches, ranges and slices.

use tree_sitter::Node;

use super::desk::Desk;
use super::facts::Site;
use super::level;
use super::table::Shape;
use crate::languages::Language;
use crate::repair::EditKind;
use crate::syntax::{Splice, children};

/// Edits of one expression.
pub(super) fn of_expression(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match desk.shape(site.node) {
        Shape::Ternary => {
            let node = site.node;
            let (Some(one), Some(two)) =
                (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
            else {
                return;
            };
            desk.swap(site, one, two, EditKind::Swap, 0.9);
            for arm in [one, two] {
                desk.put(site, node, desk.text(arm), desk.level(arm), EditKind::Unwrapped, 0.6);
            }
        }
        Shape::Range => range(desk, site),
        Shape::Slice => slice(desk, site),
        _ => {}
    }
}

/// `a..b` and `a..=b`, bounds too many.
fn range(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    for token in children(site.node) {
        let (to, fit) = match token.kind() {
            ".." => ("..=", 1.2),
            "..=" | "..." => ("..", 1.2),
            _ => continue,
        };
        desk.raw(site, token.byte_range(), to, EditKind::OffByOne, fit);
        if site.node.kind() == "range_pattern" {
            continue;
        }
        for part in desk.grammar.parts(site.node) {
            desk.raw(site, part.byte_range(), "", EditKind::Slice, 0.4);
        }
        let alone = desk.grammar.parts(site.node).len();
        if alone == 1 {
            let at = token.byte_range();
            let bound = desk.grammar.parts(site.node)[0];
            let upper = bound.start_byte() >= at.end;
            let whole = site.node.byte_range();
            let text = desk.text(bound).to_owned();
            let new = if upper { format!("{text}..") } else { format!("..{text}") };
            desk.raw(site, whole, new, EditKind::Slice, 0.6);
        }
    }
}

/// Go's `a[i:j]`: a bound too many, bounds on the wrong side.
fn slice(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let (start, end) = (node.child_by_field_name("start"), node.child_by_field_name("end"));
    let Some(operand) = node.child_by_field_name("operand") else { return };
    let text = desk.text(operand).to_owned();
    for bound in [start, end].into_iter().flatten() {
        desk.raw(site, bound.byte_range(), "", EditKind::Slice, 0.5);
    }
    let only = match (start, end) {
        (Some(start), None) => Some(format!("{text}[:{}]", desk.text(start))),
        (None, Some(end)) => Some(format!("{text}[{}:]", desk.text(end))),
        _ => None,
    };
    if let Some(new) = only {
        desk.raw(site, node.byte_range(), new, EditKind::Slice, 0.8);
    }
    desk.put(site, node, &text, level::ATOM, EditKind::Slice, 0.4);
}

/// Edits of a branch that stands as a statement, or in the place of one.
pub(super) fn of_statement(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    match desk.shape(node) {
        Shape::If => branch(desk, site, node),
        Shape::While if desk.text(node).starts_with("while") => {
            let start = node.start_byte();
            desk.raw(site, start..start + "while".len(), "if", EditKind::BranchSlip, 0.5);
        }
        Shape::Switch => arms(desk, site, node),
        _ => {}
    }
}

fn branch(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let (consequence, alternative) =
        (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"));
    let start = node.start_byte();
    if desk.grammar.language != Language::Go && desk.text(node).starts_with("if") && alternative.is_none() {
        desk.raw(site, start..start + 2, "while", EditKind::BranchSlip, 0.35);
    }
    let Some(body) = consequence else { return };
    if let Some(other) = alternative {
        let inner = if other.kind() == "else_clause" {
            desk.grammar.parts(other).first().copied()
        } else {
            Some(other)
        };
        if let Some(inner) = inner.filter(|inner| desk.shape(*inner) != Shape::If)
            && desk.text(inner) != desk.text(body)
        {
            let splices = vec![
                Splice { range: body.byte_range(), new: desk.text(inner).to_owned() },
                Splice { range: inner.byte_range(), new: desk.text(body).to_owned() },
            ];
            desk.pool.several(splices, EditKind::Swap, site.weight, 0.7);
        }
        // `else` goes; what it held too.
        let end = desk.facts.text[..body.end_byte()].len();
        desk.raw(
            site,
            end..other.end_byte(),
            "",
            EditKind::Deleted,
            0.5 / (1.0 + desk.text(other).len() as f64 / 200.0),
        );
    } else {
        unwrap(desk, site, node, body);
    }
    // An `if` after an `if` that is meant as its other case, and the reverse.
    if let Some(before) = node.prev_named_sibling().filter(|before| desk.shape(*before) == Shape::If)
        && before.child_by_field_name("alternative").is_none()
        && desk.grammar.language != Language::Rust
    {
        let gap = before.end_byte()..start;
        if desk.facts.text.get(gap.clone()).is_some_and(|gap| gap.trim().is_empty()) {
            desk.raw(site, gap, " else ", EditKind::BranchSlip, 0.5);
        }
    }
}

/// A branch's body that always runs.
fn unwrap(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>, body: Node<'_>) {
    let Some(outer) = desk.lines(node) else { return };
    let statements = match desk.grammar.parts(body).as_slice() {
        [list] if list.kind() == "statement_list" => desk.grammar.parts(*list),
        _ if body.kind() == "block" || body.kind() == "statement_block" => desk.grammar.parts(body),
        _ => vec![body],
    };
    let (Some(first), Some(last)) = (statements.first(), statements.last()) else { return };
    let text = desk.facts.text.get(first.start_byte()..last.end_byte()).unwrap_or_default();
    if text.len() > 1_500 {
        return;
    }
    let inner = desk.lines(*first).map(|lines| lines.indent).unwrap_or_default();
    let moved: Vec<String> = text
        .split_inclusive('\n')
        .enumerate()
        .map(|(n, line)| match line.strip_prefix(inner.as_str()) {
            Some(rest) if n > 0 && !inner.is_empty() => format!("{}{rest}", outer.indent),
            _ => line.to_owned(),
        })
        .collect();
    let fit = 0.7 / (1.0 + text.len() as f64 / 200.0);
    desk.raw(site, node.byte_range(), moved.concat(), EditKind::Deleted, fit);
}

/// Bodies of two arms that changed places, `break`s that are missing.
fn arms(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let Some(body) = node.child_by_field_name("body").or(Some(node)) else { return };
    let parts = desk.grammar.parts(body);
    let bodies: Vec<(Node<'_>, std::ops::Range<usize>)> = parts
        .iter()
        .filter_map(|part| {
            if part.kind() == "match_arm" {
                return part.child_by_field_name("value").map(|value| (*part, value.byte_range()));
            }
            if desk.shape(*part) != Shape::Case {
                return None;
            }
            let label = part.child_by_field_name("value").map_or(part.start_byte(), |value| value.end_byte());
            let inner = desk.grammar.parts(*part).into_iter().filter(|inner| {
                inner.start_byte() >= label
                    && inner.kind() != "switch_label"
                    && Some(inner.byte_range())
                        != part.child_by_field_name("value").map(|value| value.byte_range())
            });
            let inner: Vec<Node<'_>> = inner.collect();
            Some((*part, inner.first()?.start_byte()..inner.last()?.end_byte()))
        })
        .collect();
    for (n, (_, one)) in bodies.iter().enumerate() {
        for (_, two) in bodies.iter().skip(n + 1).take(3) {
            let text = desk.facts.text;
            let (first, second) = (&text[one.clone()], &text[two.clone()]);
            if first != second && first.len() + second.len() < 600 {
                let splices = vec![
                    Splice { range: one.clone(), new: second.to_owned() },
                    Splice { range: two.clone(), new: first.to_owned() },
                ];
                desk.pool.several(splices, EditKind::Swap, site.weight, 0.4);
            }
        }
    }
    if matches!(desk.grammar.language, Language::Rust | Language::Go) {
        return;
    }
    for (part, range) in bodies.iter().take(bodies.len().saturating_sub(1)) {
        let Some(last) = desk.grammar.parts(*part).last().copied() else { continue };
        if matches!(desk.shape(last), Shape::Break | Shape::Return | Shape::Continue | Shape::Throw) {
            continue;
        }
        let Some(lines) = desk.lines(last) else { continue };
        let at = range.end;
        let new = format!("{}{}break{}", desk.facts.eol, lines.indent, desk.semicolon());
        desk.raw(site, at..at, new, EditKind::JumpSlip, 1.0);
    }
}
