//! Slips that beginners make and that no exchange of one part for another mends: a method that is named and not called, an
//! alternative that is no question (`c == "a" or "b"`), `and` and `or` the wrong way round in one condition, results that
//! are printed and not returned.
//!
//! Sources: Brown and Altadmri, "Investigating Novice Programming Mistakes: Educator Beliefs vs. Student Data" (ICER 2014);
//! Altadmri and Brown, "37 Million Compilations" (SIGCSE 2015).

use tree_sitter::Node;

use super::desk::Desk;
use super::facts::Site;
use super::level;
use super::statements::block_of;
use crate::repair::EditKind;
use crate::syntax::{Splice, parts};

/// Methods of Python's own types that take no argument, or need none.
const METHODS: &[&str] = &[
    "isupper",
    "islower",
    "isdigit",
    "isalpha",
    "isalnum",
    "isspace",
    "isnumeric",
    "isdecimal",
    "istitle",
    "isidentifier",
    "upper",
    "lower",
    "title",
    "capitalize",
    "casefold",
    "swapcase",
    "strip",
    "lstrip",
    "rstrip",
    "split",
    "splitlines",
    "keys",
    "values",
    "items",
    "copy",
    "pop",
    "popitem",
    "sort",
    "reverse",
    "clear",
    "read",
    "readline",
    "readlines",
    "close",
    "encode",
    "decode",
    "hex",
    "is_integer",
    "bit_length",
    "conjugate",
    "total_seconds",
    "date",
    "time",
    "weekday",
    "isoformat",
    "exists",
    "is_file",
    "is_dir",
    "group",
    "groups",
    "start",
    "end",
];

/// What expressions of a region ask for.
pub(super) fn of_expression(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    match site.node.kind() {
        "attribute" => uncalled(desk, site),
        "boolean_operator" if site.node.parent().is_none_or(|parent| parent.kind() != "boolean_operator") => {
            alternatives(desk, site);
            exchanged(desk, site);
        }
        _ => {}
    }
}

/// `if letter.isupper:` -> `if letter.isupper():`.
fn uncalled(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(name) = node.child_by_field_name("attribute").map(|name| desk.text(name)) else { return };
    let is_plain = node.parent().is_some_and(|parent| match parent.kind() {
        // Called, decorating, given as a key, or the object of something else.
        "call" => parent.child_by_field_name("function") != Some(node),
        "attribute" | "decorator" | "keyword_argument" | "argument_list" | "delete_statement" => false,
        "assignment" | "augmented_assignment" => parent.child_by_field_name("left") != Some(node),
        _ => true,
    });
    let own = || desk.facts.text.contains(&format!("def {name}(self)"));
    if is_plain && (METHODS.contains(&name) || own()) {
        let new = format!("{}()", desk.text(node));
        desk.put(site, node, &new, level::ATOM, EditKind::Wrapped, 3.0);
    }
}

/// The operands of a chain of boolean operators, and the operators.
fn chain<'n>(node: Node<'n>, operands: &mut Vec<Node<'n>>, operators: &mut Vec<Node<'n>>) {
    let side = |name: &str| node.child_by_field_name(name);
    let (Some(left), Some(operator), Some(right)) = (side("left"), side("operator"), side("right")) else {
        return;
    };
    for (one, is_left) in [(left, true), (right, false)] {
        if one.kind() == "boolean_operator" {
            chain(one, operands, operators);
        } else {
            operands.push(one);
        }
        if is_left {
            operators.push(operator);
        }
    }
}

/// `c == "a" or "b"` -> `c in ("a", "b")`, `c != "a" and "b"` -> `c not in ("a", "b")`.
fn alternatives(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let (mut operands, mut operators) = (Vec::new(), Vec::new());
    chain(site.node, &mut operands, &mut operators);
    let Some((first, rest)) = operands.split_first() else { return };
    let is_value = |node: &Node<'_>| matches!(node.kind(), "string" | "integer" | "float");
    if first.kind() != "comparison_operator" || rest.is_empty() || !rest.iter().all(is_value) {
        return;
    }
    let [asked, value] = parts(*first)[..] else { return };
    let (Some(sign), true) = (first.child_by_field_name("operators"), is_value(&value)) else { return };
    let word = match desk.text(sign) {
        "==" => "in",
        "!=" => "not in",
        _ => return,
    };
    let values: Vec<&str> =
        std::iter::once(value).chain(rest.iter().copied()).map(|one| desk.text(one)).collect();
    let new = format!("{} {word} ({})", desk.text(asked), values.join(", "));
    desk.put(site, site.node, &new, level::COMPARISON, EditKind::ConditionReplaced, 8.0);
}

/// `a or b and c` -> `a and b or c`.
fn exchanged(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let (mut operands, mut operators) = (Vec::new(), Vec::new());
    chain(site.node, &mut operands, &mut operators);
    let is_mixed = operators.iter().any(|one| desk.text(*one) != desk.text(operators[0]));
    if is_mixed {
        let other = |one: &Node<'_>| Splice {
            range: one.byte_range(),
            new: if desk.text(*one) == "and" { "or" } else { "and" }.to_owned(),
        };
        let splices = operators.iter().map(other).collect();
        desk.pool.several(splices, EditKind::BooleanOperator, site.weight, 0.6);
    }
}

/// A function that prints in its branches and never returns: each prints what it should return.
pub(super) fn of_function(desk: &mut Desk<'_, '_>) {
    if desk.region.node.kind() != "function_definition" {
        return;
    }
    let is_return = |site: &Site<'_>| site.node.kind() == "return_statement" && !parts(site.node).is_empty();
    if desk.region.statements.iter().any(is_return) {
        return;
    }
    let mut splices = Vec::new();
    let mut weight = 0.0;
    for site in &desk.region.statements {
        let [call] = parts(site.node)[..] else { continue };
        let (Some(function), Some(arguments)) =
            (call.child_by_field_name("function"), call.child_by_field_name("arguments"))
        else {
            continue;
        };
        let is_last = block_of(site.node).is_some_and(|(_, siblings)| siblings.last() == Some(&site.node));
        if site.node.kind() == "expression_statement" && desk.text(function) == "print" && is_last {
            let [value] = parts(arguments)[..] else { continue };
            splices.push(Splice { range: call.byte_range(), new: format!("return {}", desk.text(value)) });
            weight = f64::max(weight, site.weight);
        }
    }
    if splices.len() > 1 {
        desk.pool.several(splices, EditKind::Everywhere, weight, 4.0);
    }
}
