//! Statements in the wrong order or at the wrong depth.

use tree_sitter::Node;

use super::desk::{Desk, Lines};
use super::facts::Site;
use super::statements::{block_of, blocks_of, reindented};
use crate::repair::EditKind;
use crate::syntax::{Splice, parts};

/// Statements that are larger than this are not moved, in bytes.
const LARGEST_MOVED: usize = 2_000;

/// Edits of one statement.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    reorder(desk, site);
    reindent(desk, site);
}

/// A statement and its neighbour change places.
fn reorder(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((_, siblings)) = block_of(node) else { return };
    let Some(at) = siblings.iter().position(|sibling| *sibling == node) else { return };
    for (apart, other) in siblings.iter().skip(at + 1).take(3).enumerate() {
        let (Some(one), Some(two)) = (desk.lines(node), desk.lines(*other)) else { return };
        if one.range.len() + two.range.len() > LARGEST_MOVED || other.kind() == "function_definition" {
            return;
        }
        let text = desk.facts.text;
        let (first, second) = (&text[one.range.clone()], &text[two.range.clone()]);
        let whole = |part: &str| {
            if part.ends_with('\n') { part.to_owned() } else { format!("{part}{}", desk.facts.eol) }
        };
        let splices = vec![
            Splice { range: one.range.clone(), new: whole(second) },
            Splice { range: two.range.clone(), new: whole(first) },
        ];
        let fit = 1.0 / (1.0 + 1.5 * apart as f64);
        desk.pool.several(splices, EditKind::Moved, site.weight, fit);
        if apart > 0 {
            // Past its neighbours, which stay in order.
            desk.pool.several(
                vec![
                    Splice { range: one.range.clone(), new: String::new() },
                    Splice { range: two.range.end..two.range.end, new: whole(first) },
                ],
                EditKind::Moved,
                site.weight,
                0.6 * fit,
            );
        }
    }
}

/// A statement out of its block, or into the one before or after it.
fn reindent(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((block, siblings)) = block_of(node) else { return };
    let Some(lines) = desk.lines(node) else { return };
    if lines.range.len() > LARGEST_MOVED {
        return;
    }
    let at = siblings.iter().position(|sibling| *sibling == node).unwrap_or(0);
    out_of(desk, site, block, &siblings, at, &lines);
    let before = at.checked_sub(1).and_then(|n| siblings.get(n)).copied();
    let alone = siblings.len() == 1;
    if alone {
        return;
    }
    if let Some(before) = before {
        for body in blocks_of(before) {
            let last = parts(body).last().copied().and_then(|last| desk.lines(last));
            if let Some(inner) = last
                && let Some(new) = reindented(desk, node, &lines, &inner.indent)
            {
                let end = inner.range.end;
                let gone = Splice { range: lines.range.clone(), new: String::new() };
                let fit = if end == lines.range.start { 1.0 } else { 0.7 };
                let added = Splice { range: end..end, new };
                desk.pool.several(vec![added, gone], EditKind::Reindented, site.weight, fit);
            }
        }
    }
    if let Some(body) = siblings.get(at + 1).and_then(|after| blocks_of(*after).first().copied()) {
        let first = parts(body).first().copied().and_then(|first| desk.lines(first));
        if let Some(inner) = first
            && let Some(new) = reindented(desk, node, &lines, &inner.indent)
        {
            let gone = Splice { range: lines.range.clone(), new: String::new() };
            let added = Splice { range: inner.range.start..inner.range.start, new };
            desk.pool.several(vec![gone, added], EditKind::Moved, site.weight, 0.5);
        }
    }
}

fn out_of(
    desk: &mut Desk<'_, '_>,
    site: Site<'_>,
    block: Node<'_>,
    siblings: &[Node<'_>],
    at: usize,
    lines: &Lines,
) {
    let Some(mut owner) = block.parent() else { return };
    let direct = !matches!(owner.kind(), "else_clause" | "elif_clause" | "except_clause" | "finally_clause");
    if !direct {
        match owner.parent() {
            Some(parent) => owner = parent,
            None => return,
        }
    }
    if matches!(owner.kind(), "function_definition" | "class_definition" | "module") {
        return;
    }
    let Some(outer) = desk.lines(owner) else { return };
    let Some(new) = reindented(desk, site.node, lines, &outer.indent) else { return };
    let gone = if siblings.len() == 1 {
        // A block is never empty.
        Splice { range: lines.range.clone(), new: desk.line(&lines.indent, "pass") }
    } else {
        Splice { range: lines.range.clone(), new: String::new() }
    };
    let last = at + 1 == siblings.len();
    let fit = if last { 1.0 } else { 0.5 } * if siblings.len() == 1 { 0.4 } else { 1.0 };
    let end = outer.range.end;
    let unfinished = !desk.facts.text[..end].ends_with('\n');
    let after = if unfinished { format!("{}{new}", desk.facts.eol) } else { new.clone() };
    if gone.range.end == end && gone.new.is_empty() {
        desk.raw(site, gone.range.clone(), new.clone(), EditKind::Reindented, fit);
    } else {
        let added = Splice { range: end..end, new: after };
        desk.pool.several(vec![gone.clone(), added], EditKind::Reindented, site.weight, fit);
    }
    let start = outer.range.start;
    let added = Splice { range: start..start, new };
    desk.pool.several(vec![added, gone], EditKind::Moved, site.weight, 0.5 * fit);
    trail(desk, site, &siblings[at..], owner, lines, &outer);
}

/// The rest of a block, from a statement on, after the block.
fn trail(
    desk: &mut Desk<'_, '_>,
    site: Site<'_>,
    rest: &[Node<'_>],
    owner: Node<'_>,
    lines: &Lines,
    outer: &Lines,
) {
    let [_, .., last] = rest else { return };
    let Some(tail) = desk.lines(*last) else { return };
    if tail.range.end != outer.range.end
        || site.node.prev_named_sibling().is_none()
        || owner.kind() == "module"
    {
        return;
    }
    let moved: Option<String> = rest
        .iter()
        .map(|node| desk.lines(*node).and_then(|own| reindented(desk, *node, &own, &outer.indent)))
        .collect();
    if let Some(moved) = moved {
        desk.raw(site, lines.range.start..tail.range.end, moved, EditKind::Reindented, 0.5);
    }
}
