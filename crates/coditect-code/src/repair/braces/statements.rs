//! Statements that are too many, in the wrong place or of the wrong form.

use tree_sitter::Node;

use super::branches;
use super::desk::{Desk, Lines};
use super::facts::Site;
use super::table::Shape;
use super::types::Class;
use crate::languages::Language;
use crate::repair::EditKind;
use crate::syntax::{Splice, children};

/// Statements that are larger than this are not moved, in bytes.
const LARGEST_MOVED: usize = 1_500;

/// The statement itself: without what makes an expression one.
pub(super) fn core<'n>(desk: &Desk<'_, '_>, node: Node<'n>) -> Node<'n> {
    match desk.shape(node) {
        Shape::Plain => desk.grammar.parts(node).first().copied().unwrap_or(node),
        _ => node,
    }
}

/// Edits of one statement.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let inner = core(desk, site.node);
    match desk.shape(inner) {
        Shape::Return => returned(desk, site, inner),
        Shape::Break | Shape::Continue => jump(desk, site, inner),
        Shape::Call | Shape::Macro => lost_value(desk, site, inner),
        Shape::Member | Shape::Name | Shape::Binary | Shape::Unary | Shape::Index
            if desk.grammar.language.is_script() && desk.shape(site.node) == Shape::Plain =>
        {
            // A value that stands alone does nothing: `(u) => { u.active }`.
            desk.raw(site, inner.start_byte()..inner.start_byte(), "return ", EditKind::ReturnSlip, 1.8);
        }
        _ => branches::of_statement(desk, site, inner),
    }
    // Initial values, and values that are given, are expressions with families of their own.
    delete(desk, site, inner);
    reorder(desk, site);
    out_of_block(desk, site);
}

fn returned(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let parts = desk.grammar.parts(node);
    let Some(value) = parts.first().copied() else { return };
    // Go has a list around a single value too.
    let value = match children(value).as_slice() {
        [only] if value.kind() == "expression_list" => *only,
        _ => value,
    };
    let gives = desk.region.gives.clone().unwrap_or_default();
    let ty = if gives.is_unknown() { desk.ty(value) } else { gives };
    let here = desk.text(value);
    let table = desk.grammar.table;
    let list = value.kind() == "expression_list";
    if list {
        return;
    }
    for (letter, values) in table.defaults {
        if *letter == ty.class.letter() || (ty.class == Class::Int && *letter == 'i') {
            for (rank, text) in values.iter().enumerate() {
                let fit = 0.5 / (1.0 + 0.3 * rank as f64);
                desk.raw(site, value.byte_range(), *text, EditKind::Constant, fit);
            }
        }
    }
    if !desk.grammar.typed() && ty.is_unknown() {
        for (rank, text) in ["true", "false", "null", "undefined", "''", "0", "[]"].iter().enumerate() {
            desk.raw(site, value.byte_range(), *text, EditKind::Constant, 0.2 / (1.0 + 0.3 * rank as f64));
        }
    }
    super::returns::propose(desk, site, value);
    // What else the function gives.
    let returned: Vec<String> = desk
        .region
        .statements
        .iter()
        .map(|other| core(desk, other.node))
        .filter(|other| desk.shape(*other) == Shape::Return && *other != node)
        .filter_map(|other| desk.grammar.parts(other).first().map(|value| desk.text(*value).to_owned()))
        .filter(|text| text != here && text.len() < 60 && !text.contains('\n'))
        .collect();
    for text in returned {
        desk.raw(site, value.byte_range(), text, EditKind::Expression, 0.6);
    }
    let names: Vec<(String, f64)> = desk
        .values_at(node)
        .into_iter()
        .filter(|name| name.depth == desk.region.depth)
        .map(|name| (name.text.to_owned(), desk.fit(&ty, &name.ty)))
        .filter(|(text, _)| text != here)
        .collect();
    for (rank, (text, fit)) in names.into_iter().take(8).enumerate() {
        desk.raw(site, value.byte_range(), text, EditKind::Name, 0.4 * fit / (1.0 + 0.15 * rank as f64));
    }
}

fn jump(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let here = desk.text(node).trim_end_matches(';');
    let end = desk.text(node).len() - here.len();
    let range = node.start_byte()..node.end_byte() - end;
    for (to, fit) in [("break", 1.0), ("continue", 1.0), ("return", 0.4)] {
        let typed = to == "return" && desk.grammar.typed() && desk.region.gives.is_some();
        if to != here && !typed {
            desk.raw(site, range.clone(), to, EditKind::JumpSlip, fit);
        }
    }
}

/// A call whose value is lost: it was to be returned, awaited or kept.
fn lost_value(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let at = node.start_byte();
    let tail = desk.shape(site.node) != Shape::Plain;
    let gives = desk.region.gives.clone().unwrap_or_default();
    let returns = !desk.grammar.typed()
        || (desk.region.gives.is_some() && desk.fit(&gives, &desk.ty(node)) > 0.5 && gives.name != "void");
    if returns && !tail && desk.region.depth > 0 {
        let fit = if desk.grammar.typed() { 0.4 } else { 0.7 };
        desk.raw(site, at..at, "return ", EditKind::ReturnSlip, fit);
    }
    let script = desk.grammar.language.is_script();
    if script && desk.text(desk.region.node).get(..60).unwrap_or_default().contains("async") {
        desk.raw(site, at..at, "await ", EditKind::Wrapped, 0.8);
    }
    if let Some(object) = super::desk::object_of(node)
        && script
        && matches!(desk.shape(object), Shape::Name | Shape::Member)
    {
        let object = desk.text(object);
        desk.raw(site, at..at, format!("{object} = "), EditKind::Reformed, 0.4);
    }
}

fn delete(desk: &mut Desk<'_, '_>, site: Site<'_>, inner: Node<'_>) {
    let node = site.node;
    let Some((_, siblings)) = desk.siblings(node) else { return };
    let shape = desk.shape(inner);
    let large = 1.0 / (1.0 + desk.text(node).len() as f64 / 150.0);
    let last = siblings.last() == Some(&node);
    // A compiler refuses a function without its end, and names without their declaration.
    let needed = desk.grammar.typed()
        && (shape == Shape::Local
            || (last && matches!(shape, Shape::Return) && desk.region.gives.is_some())
            || (last
                && desk.grammar.language == Language::Rust
                && desk.shape(node) != Shape::Plain
                && desk.region.gives.is_some()));
    let share = if needed {
        0.1
    } else if shape == Shape::Local {
        0.3
    } else {
        1.0
    };
    match desk.lines(node) {
        Some(lines) => desk.raw(site, lines.range, "", EditKind::Deleted, share * large),
        None => desk.raw(site, node.byte_range(), "", EditKind::Deleted, 0.7 * share * large),
    }
}

/// A statement and its neighbour change places.
fn reorder(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((_, siblings)) = desk.siblings(node) else { return };
    let Some(at) = siblings.iter().position(|sibling| *sibling == node) else { return };
    for (apart, other) in siblings.iter().skip(at + 1).take(3).enumerate() {
        let (Some(one), Some(two)) = (desk.lines(node), desk.lines(*other)) else { return };
        if one.range.len() + two.range.len() > LARGEST_MOVED
            || matches!(desk.shape(*other), Shape::Function | Shape::Holder)
        {
            return;
        }
        let tail = desk.grammar.language == Language::Rust
            && desk.shape(*other) != Shape::Plain
            && desk.shape(*other) != Shape::Local;
        // What comes after a jump never runs.
        let ends = [node, *other].iter().any(|one| {
            matches!(
                desk.shape(core(desk, *one)),
                Shape::Return | Shape::Break | Shape::Continue | Shape::Throw
            )
        });
        if tail || ends {
            continue;
        }
        let uses = desk.shape(node) == Shape::Local && uses_of(desk, node, *other);
        let text = desk.facts.text;
        let (first, second) = (text[one.range.clone()].to_owned(), text[two.range.clone()].to_owned());
        if !first.ends_with('\n') || !second.ends_with('\n') {
            continue;
        }
        let fit = 0.8 / (1.0 + 1.5 * apart as f64) * if uses { 0.1 } else { 1.0 };
        let splices = vec![Splice { range: one.range, new: second }, Splice { range: two.range, new: first }];
        desk.pool.several(splices, EditKind::Moved, site.weight, fit);
    }
}

/// True where `two` uses a name that the declaration `one` binds.
fn uses_of(desk: &Desk<'_, '_>, one: Node<'_>, two: Node<'_>) -> bool {
    let bound: Vec<&str> = desk
        .region
        .names
        .iter()
        .filter(|name| one.byte_range().contains(&name.first))
        .map(|name| name.text)
        .collect();
    let mut stack = vec![two];
    while let Some(node) = stack.pop() {
        if desk.shape(node) == Shape::Name && bound.contains(&desk.text(node)) {
            return true;
        }
        stack.extend(desk.grammar.parts(node));
    }
    false
}

/// The last statement of a block that belongs after it, the first that belongs before it.
fn out_of_block(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((list, siblings)) = desk.siblings(node) else { return };
    let Some(lines) = desk.lines(node).filter(|lines| lines.range.len() < 300) else { return };
    let mut owner = list;
    // Up to the statement that stands in a list itself.
    while desk.siblings(owner).is_none() {
        let Some(parent) = owner.parent() else { return };
        if matches!(desk.shape(parent), Shape::Function | Shape::Lambda | Shape::Holder) {
            return;
        }
        owner = parent;
    }
    let Some(outer) = desk.lines(owner) else { return };
    if siblings.len() < 2 || desk.shape(list) == Shape::Case {
        return;
    }
    let Some(new) = moved(desk, &lines, &outer) else { return };
    let gone = Splice { range: lines.range.clone(), new: String::new() };
    if siblings.last() == Some(&node) && desk.facts.text[..outer.range.end].ends_with('\n') {
        let added = Splice { range: outer.range.end..outer.range.end, new: new.clone() };
        desk.pool.several(vec![gone.clone(), added], EditKind::Reindented, site.weight, 0.5);
    }
    if siblings.first() == Some(&node) {
        let added = Splice { range: outer.range.start..outer.range.start, new };
        desk.pool.several(vec![added, gone], EditKind::Moved, site.weight, 0.4);
    }
}

/// A statement's lines at the indentation of others.
fn moved(desk: &Desk<'_, '_>, lines: &Lines, to: &Lines) -> Option<String> {
    let text = desk.facts.text.get(lines.range.clone())?;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            out.push_str(line);
        } else {
            out.push_str(&to.indent);
            out.push_str(line.strip_prefix(lines.indent.as_str())?);
        }
    }
    out.ends_with('\n').then_some(out)
}
