//! Statements that are too many or of the wrong form, branches of the wrong kind.

use tree_sitter::Node;

use super::desk::{Desk, Lines};
use super::facts::Site;
use super::moves;
use super::names;
use super::operators;
use super::types::Type;
use crate::repair::EditKind;
use crate::syntax::{Splice, children, parts, text_of};

/// Edits of one statement.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "expression_statement" => {
            operators::of_assignment(desk, site);
            form(desk, site);
        }
        "return_statement" => {
            if let Some(value) = parts(site.node).first() {
                let text = desk.text(*value);
                // Python calls methods like `__eq__` itself, and asks for a value.
                if !desk.region.function.contains("__") {
                    let new = format!("yield {text}");
                    desk.raw(site, site.node.byte_range(), new, EditKind::YieldSlip, 0.5);
                }
                desk.raw(site, site.node.byte_range(), text, EditKind::ReturnSlip, 0.3);
            }
        }
        "raise_statement" => names::of_raise(desk, site),
        "break_statement" | "continue_statement" | "pass_statement" => jumps(desk, site),
        "if_statement" => branches(desk, site),
        "while_statement" => keyword(desk, site, "while", "if", 0.7),
        _ => {}
    }
    if !matches!(
        site.node.kind(),
        "import_statement" | "import_from_statement" | "global_statement" | "nonlocal_statement"
    ) {
        delete(desk, site);
        moves::propose(desk, site);
    }
}

fn jumps(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let here = desk.text(site.node);
    for (to, fit) in [("break", 1.0), ("continue", 1.0), ("return", 0.4), ("pass", 0.6)] {
        if to != here {
            desk.raw(site, site.node.byte_range(), to, EditKind::JumpSlip, fit);
        }
    }
}

/// Other forms of an expression that stands alone, and of an assignment.
fn form(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let [inner] = parts(site.node)[..] else { return };
    let range = inner.byte_range();
    let text = desk.text(inner);
    match inner.kind() {
        "assignment" => {
            if let Some(value) = inner.child_by_field_name("right") {
                // What changes a list in place gives nothing that could be kept.
                let fit = if desk.ty(value) == Type::Nothing { 3.0 } else { 0.3 };
                let value = desk.text(value);
                desk.raw(site, range.clone(), format!("return {value}"), EditKind::ReturnSlip, 0.4);
                desk.raw(site, range, value, EditKind::Reformed, fit);
            }
            return;
        }
        "augmented_assignment" => return,
        "yield" => {
            let value = text.trim_start_matches("yield").trim_start();
            let plain = value.strip_prefix("from ").unwrap_or(value).trim_start();
            for other in [format!("yield {plain}"), format!("yield from {plain}"), format!("return {plain}")]
            {
                desk.raw(site, range.clone(), other, EditKind::YieldSlip, 1.0);
            }
            return;
        }
        _ => {}
    }
    if inner.kind() == "binary_operator"
        && let (Some(left), Some(operator), Some(right)) = (
            inner.child_by_field_name("left"),
            inner.child_by_field_name("operator"),
            inner.child_by_field_name("right"),
        )
        && matches!(left.kind(), "identifier" | "attribute" | "subscript")
    {
        // A result that is lost: `number // 10`.
        let changed = format!("{} {}= {}", desk.text(left), desk.text(operator), desk.text(right));
        desk.raw(site, range.clone(), changed, EditKind::Reformed, 4.0);
    }
    desk.raw(site, range.clone(), format!("return {text}"), EditKind::ReturnSlip, 1.0);
    desk.raw(site, range.clone(), format!("yield from {text}"), EditKind::YieldSlip, 0.4);
    let Some(function) = inner.child_by_field_name("function") else { return };
    let (Some(object), Some(method), Some(list)) = (
        function.child_by_field_name("object"),
        function.child_by_field_name("attribute"),
        inner.child_by_field_name("arguments"),
    ) else {
        return;
    };
    let object = desk.text(object);
    // A method that gives a new value, whose value was lost.
    desk.raw(site, range.clone(), format!("{object} = {text}"), EditKind::Reformed, 0.8);
    if desk.text(method) == "sort" {
        desk.raw(site, range.clone(), format!("{object} = sorted({object})"), EditKind::Reformed, 0.2);
    }
    if let [value] = parts(list).as_slice() {
        let value = desk.text(*value);
        for (other, fit) in [
            (format!("{object} = {value}"), 0.6),
            (format!("{object} += {value}"), 0.5),
            (format!("{object}[{value}] = True"), 0.1),
        ] {
            desk.raw(site, range.clone(), other, EditKind::Reformed, fit);
        }
    }
}

fn keyword(desk: &mut Desk<'_, '_>, site: Site<'_>, from: &str, to: &str, fit: f64) {
    let start = site.node.start_byte();
    if desk.text(site.node).starts_with(from) {
        desk.raw(site, start..start + from.len(), to, EditKind::BranchSlip, fit);
    }
}

fn branches(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    keyword(desk, site, "if", "while", 0.4);
    if node.prev_named_sibling().is_some_and(|before| {
        before.kind() == "if_statement" && !parts(before).iter().any(|part| part.kind() == "else_clause")
    }) {
        keyword(desk, site, "if", "elif", 0.9);
    }
    let mut bodies: Vec<Node<'_>> = node.child_by_field_name("consequence").into_iter().collect();
    for clause in parts(node) {
        match clause.kind() {
            "elif_clause" => {
                let start = clause.start_byte();
                desk.raw(site, start..start + "elif".len(), "if", EditKind::BranchSlip, 0.8);
                bodies.extend(clause.child_by_field_name("consequence"));
            }
            "else_clause" => {
                bodies.extend(clause.child_by_field_name("body"));
                drop_else(desk, site, clause);
            }
            _ => {}
        }
    }
    turned_round(desk, site);
    for (n, one) in bodies.iter().enumerate() {
        for two in &bodies[n + 1..] {
            if desk.text(*one) != desk.text(*two) {
                let splices = vec![
                    Splice { range: one.byte_range(), new: desk.text(*two).to_owned() },
                    Splice { range: two.byte_range(), new: desk.text(*one).to_owned() },
                ];
                desk.pool.several(splices, EditKind::Swap, site.weight, 0.9);
            }
        }
    }
    if bodies.len() == 1 {
        unwrap(desk, site, bodies[0]);
    }
}

/// The branches of a ladder of comparisons in the opposite order: `>= 50`, `>= 60`, `>= 70` never comes to its end.
fn turned_round(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let clauses: Vec<Node<'_>> = std::iter::once(site.node)
        .chain(parts(site.node).into_iter().filter(|part| part.kind() == "elif_clause"))
        .collect();
    let field = |name: &'static str| -> Option<Vec<Node<'_>>> {
        clauses.iter().map(|clause| clause.child_by_field_name(name)).collect()
    };
    let (Some(conditions), Some(bodies)) = (field("condition"), field("consequence")) else { return };
    let subject = |node: &Node<'_>| parts(*node).first().map(|left| desk.text(*left));
    let is_ladder = conditions.len() > 2
        && conditions.iter().all(|condition| {
            condition.kind() == "comparison_operator" && subject(condition) == subject(&conditions[0])
        });
    if !is_ladder {
        return;
    }
    let turned = |nodes: &[Node<'_>]| -> Vec<Splice> {
        let pairs = nodes.iter().zip(nodes.iter().rev());
        pairs.map(|(to, from)| Splice { range: to.byte_range(), new: desk.text(*from).to_owned() }).collect()
    };
    let mut splices = [turned(&conditions), turned(&bodies)].concat();
    splices.sort_by_key(|splice| splice.range.start);
    desk.pool.several(splices, EditKind::Swap, site.weight, 0.4);
}

/// `else:` goes and its body always runs.
fn drop_else(desk: &mut Desk<'_, '_>, site: Site<'_>, clause: Node<'_>) {
    let Some(body) = clause.child_by_field_name("body") else { return };
    let (Some(outer), Some(lines)) = (desk.lines(site.node), desk.lines(body)) else { return };
    if body.start_position().row > clause.start_position().row
        && let Some(new) = reindented(desk, body, &lines, &outer.indent)
    {
        let start = desk.pool.lines(clause.byte_range()).start;
        desk.raw(site, start..lines.range.end, new, EditKind::Reindented, 0.5);
    }
}

/// A branch's body that always runs.
fn unwrap(desk: &mut Desk<'_, '_>, site: Site<'_>, body: Node<'_>) {
    let Some(outer) = desk.lines(site.node) else { return };
    let Some(lines) = desk.lines(body) else { return };
    if let Some(new) = reindented(desk, body, &lines, &outer.indent) {
        desk.raw(site, outer.range, new, EditKind::Deleted, 0.7);
    }
}

/// What a statement gives a value, and the value; None where it is no plain assignment.
pub(super) fn assignment_of<'n>(statement: Node<'n>) -> Option<(Node<'n>, Node<'n>)> {
    let [assignment] = parts(statement)[..] else { return None };
    let sides = (assignment.child_by_field_name("left")?, assignment.child_by_field_name("right")?);
    (assignment.kind() == "assignment").then_some(sides)
}

pub(super) fn block_of(node: Node<'_>) -> Option<(Node<'_>, Vec<Node<'_>>)> {
    let block = node.parent().filter(|parent| matches!(parent.kind(), "block" | "module"))?;
    Some((block, parts(block)))
}

fn delete(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some((_, siblings)) = block_of(node) else { return };
    let large = 1.0 / (1.0 + desk.text(node).len() as f64 / 200.0);
    if node.kind() == "pass_statement" {
        return;
    }
    match desk.lines(node) {
        Some(lines) if siblings.len() > 1 => {
            desk.raw(site, lines.range, "", EditKind::Deleted, large);
        }
        _ => desk.raw(site, node.byte_range(), "pass", EditKind::Deleted, 0.6 * large),
    }
}

/// The blocks of a compound statement, the first first.
pub(super) fn blocks_of(node: Node<'_>) -> Vec<Node<'_>> {
    if !matches!(
        node.kind(),
        "if_statement" | "for_statement" | "while_statement" | "with_statement" | "try_statement"
    ) {
        return Vec::new();
    }
    let mut blocks = Vec::new();
    for part in children(node) {
        if part.kind() == "block" {
            blocks.push(part);
        } else if part.kind().ends_with("_clause") {
            blocks.extend(children(part).into_iter().filter(|inner| inner.kind() == "block"));
        }
    }
    blocks
}

/// A statement's lines at another indentation. None where a text of several lines stands in it, whose content
/// would change with its indentation.
pub(super) fn reindented(desk: &Desk<'_, '_>, node: Node<'_>, lines: &Lines, indent: &str) -> Option<String> {
    let mut stack = vec![node];
    while let Some(inner) = stack.pop() {
        if inner.kind() == "string" && inner.start_position().row != inner.end_position().row {
            return None;
        }
        stack.extend(parts(inner));
    }
    let text = desk.facts.text.get(lines.range.clone())?;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            out.push_str(line);
        } else {
            out.push_str(indent);
            out.push_str(line.strip_prefix(lines.indent.as_str())?);
        }
    }
    if !out.ends_with('\n') {
        out.push_str(desk.facts.eol);
    }
    Some(out)
}

/// The words of a statement of one line.
pub(super) fn one_line<'t>(text: &'t str, node: Node<'_>) -> Option<&'t str> {
    let words = text_of(text, node);
    (!words.contains('\n') && words.len() <= 120).then_some(words)
}
