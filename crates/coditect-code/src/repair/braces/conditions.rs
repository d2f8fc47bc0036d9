//! Conditions: parts that are missing, and conditions that are wrong altogether.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use tree_sitter::Node;

use super::borrowed;
use super::desk::{Desk, is_statement, is_whole_condition, names_in};
use super::facts::Site;
use super::level;
use super::table::Shape;
use super::types::{Class, Ty};
use super::words::alike;
use crate::languages::Language;
use crate::repair::EditKind;
use crate::syntax::{Splice, splice};

/// Names that conditions are made of at one place.
const MOST_NAMES: usize = 8;
/// Conditions that are tried at one place.
const MOST_CONDITIONS: usize = 90;
/// Names that are as alike as this are likely to be treated alike.
const TWIN: f64 = 0.6;
/// Twins of one condition.
const MOST_TWINS: usize = 4;

/// A condition that could stand somewhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) level: u8,
    pub(super) fit: f64,
}

/// Edits of one expression.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let shape = desk.shape(node);
    if matches!(shape, Shape::Paren) || node.kind() == "let_condition" {
        return;
    }
    if is_whole_condition(desk.grammar, node) {
        whole(desk, site);
    } else if desk.ty(node).class == Class::Bool
        && !super::desk::is_condition(desk.grammar, node)
        && !super::desk::is_callee(node)
        && !is_statement(desk.grammar, node)
        && !matches!(shape, Shape::Assign | Shape::Lambda)
    {
        // A truth value that is returned, kept or handed on.
        let literal = matches!(desk.text(node), "true" | "false");
        for condition in conditions(desk, node).iter().take(40) {
            if literal {
                desk.put(
                    site,
                    node,
                    &condition.text,
                    condition.level,
                    EditKind::Expression,
                    0.5 * condition.fit,
                );
            } else {
                join(desk, site, condition, 0.5);
            }
        }
    }
}

fn whole(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    for constant in ["true", "false"] {
        desk.put(site, node, constant, level::ATOM, EditKind::ConditionReplaced, 0.5);
    }
    for condition in conditions(desk, node).iter() {
        desk.put(
            site,
            node,
            &condition.text,
            condition.level,
            EditKind::ConditionReplaced,
            0.8 * condition.fit,
        );
        join(desk, site, condition, 1.0);
    }
    for twin in twins(desk, node) {
        join(desk, site, &twin, 1.0);
    }
}

/// The condition itself about names that are like those in it: `n < len(text1)` and `n < len(text2)`.
fn twins(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Condition> {
    let text = desk.text(node);
    let (start, level) = (node.start_byte(), desk.level(node));
    let uses: Vec<Node<'_>> = names_in(desk.grammar, node);
    let used: BTreeSet<&str> = uses.iter().map(|name| desk.text(*name)).collect();
    let known = desk.values_at(node);
    let mut found = Vec::new();
    for name in &used {
        let Some(own) = known.iter().find(|other| other.text == *name) else { continue };
        for other in known.iter().filter(|other| !used.contains(other.text) && other.depth == own.depth) {
            let near = alike(name, other.text) * desk.fit(&own.ty, &other.ty);
            if near < TWIN {
                continue;
            }
            let mut splices: Vec<Splice> = uses
                .iter()
                .filter(|node| desk.text(**node) == *name)
                .map(|node| Splice {
                    range: node.start_byte() - start..node.end_byte() - start,
                    new: other.text.to_owned(),
                })
                .collect();
            splices.sort_by_key(|splice| splice.range.start);
            found.extend(splice(text, &splices).map(|text| Condition { text, level, fit: 1.6 * near }));
        }
    }
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit));
    found.truncate(MOST_TWINS);
    found
}

/// `c` -> `c && x`, `x && c`, `c || x`, `x || c`: the order matters where one side may break.
fn join(desk: &mut Desk<'_, '_>, site: Site<'_>, condition: &Condition, fit: f64) {
    let node = site.node;
    let here = desk.text(node);
    if matches!(here, "true" | "false") || here.contains(condition.text.as_str()) {
        return;
    }
    for (operator, share) in [("&&", 1.0), ("||", 0.8)] {
        let own = level::of_operator(desk.grammar.table, operator);
        let old = desk.at_level(node, own);
        let new = level::bracket(&condition.text, condition.level, own + 1);
        let fit = fit * share * condition.fit;
        desk.put(site, node, &format!("{old} {operator} {new}"), own, EditKind::ConditionAdded, fit);
        let old = desk.at_level(node, own + 1);
        let new = level::bracket(&condition.text, condition.level, own);
        desk.put(site, node, &format!("{new} {operator} {old}"), own, EditKind::ConditionAdded, 0.8 * fit);
    }
}

/// Conditions that could stand at `node`, likeliest first: those of the neighbourhood and their opposites, then those
/// made of names in scope.
pub(super) fn conditions(desk: &mut Desk<'_, '_>, node: Node<'_>) -> Rc<[Condition]> {
    // They depend on which names are visible, and on nothing else of the place.
    let at = node.start_byte();
    let seen: Vec<usize> =
        desk.region.names.iter().filter(|name| name.visible.contains(&at)).map(|name| name.first).collect();
    if let Some(made) = desk.conditions.get(&seen) {
        return made.clone();
    }
    let made: Rc<[Condition]> = Rc::from(make(desk, node));
    desk.conditions.insert(seen, made.clone());
    made
}

fn make(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Condition> {
    let mut found: Vec<Condition> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    let equality = level::of_operator(desk.grammar.table, desk.grammar.table.equal.0);
    let mut add = |text: String, level: u8, fit: f64| {
        if fit > 0.0 && known.insert(text.clone()) {
            found.push(Condition { text, level, fit });
        }
    };
    for phrase in desk.region.phrases_at(node.start_byte()).filter(|phrase| phrase.ty.class == Class::Bool) {
        if !matches!(phrase.shape, Shape::True | Shape::False) {
            add(phrase.text.to_owned(), phrase.level, 0.8);
            if !phrase.text.starts_with('!') && phrase.level >= level::UNARY {
                add(format!("!{}", phrase.text), level::UNARY, 0.5);
            }
        }
    }
    for condition in borrowed::conditions(desk, node) {
        add(condition.text, condition.level, condition.fit);
    }
    let names: Vec<(&str, Ty, f64)> = desk
        .values_at(node)
        .into_iter()
        .filter(|name| name.depth == desk.region.depth)
        .take(MOST_NAMES)
        .enumerate()
        .map(|(rank, name)| (name.text, name.ty.clone(), 1.0 / (1.0 + 0.12 * rank as f64)))
        .collect();
    for (name, ty, near) in &names {
        of_one(desk, name, ty, *near, equality, &mut add);
    }
    for (one, ty, near) in &names {
        for (two, other, nearer) in names.iter().filter(|(two, ..)| two != one) {
            of_two(desk, (one, ty), (two, other), near * nearer, equality, &mut add);
        }
    }
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit));
    found.truncate(MOST_CONDITIONS);
    found
}

fn of_one(
    desk: &Desk<'_, '_>,
    name: &str,
    ty: &Ty,
    near: f64,
    equality: u8,
    add: &mut dyn FnMut(String, u8, f64),
) {
    let table = desk.grammar.table;
    let script = desk.grammar.language.is_script();
    if ty.class == Class::Bool {
        add(name.to_owned(), level::ATOM, 0.8 * near);
        add(format!("!{name}"), level::UNARY, 0.8 * near);
        return;
    }
    let nullable = match desk.grammar.language {
        Language::Rust => ty.class == Class::Optional,
        Language::Go => matches!(ty.class, Class::Optional | Class::List | Class::Map),
        Language::Java => !ty.class.is_number() && ty.class != Class::Char,
        _ => !ty.class.is_number(),
    };
    if nullable && !(ty.is_unknown() && desk.grammar.typed()) {
        for (rank, (absent, present)) in table.null_tests.iter().enumerate() {
            let fit = 0.6 / (1.0 + 0.3 * rank as f64) * near;
            for form in [absent, present] {
                let level = if form.contains(' ') { equality } else { level::UNARY };
                add(form.replace("{}", name), level, fit);
            }
        }
    }
    if ty.class.is_number() || (script && ty.is_unknown()) {
        let sure = if ty.class.is_number() { 1.0 } else { 0.4 };
        let (same, other) = table.equal;
        let unsigned = ty.name.starts_with('u');
        for (operator, number, fit) in [
            (same, "0", 0.55),
            (">", "0", 0.5),
            ("<", "0", if unsigned { 0.0 } else { 0.5 }),
            (other, "0", 0.4),
            (same, "1", 0.35),
            (">", "1", 0.3),
            ("<=", "0", 0.2),
            (">=", "0", 0.2),
            (same, "-1", if unsigned { 0.0 } else { 0.2 }),
            (other, "-1", if unsigned { 0.0 } else { 0.2 }),
        ] {
            let level = level::of_operator(table, operator);
            add(format!("{name} {operator} {number}"), level, fit * sure * near);
        }
    }
    if ty.class.has_size() {
        for (form, fit) in table.size_tests {
            let text_only = form.contains("length()");
            let array = ty.name.ends_with("[]");
            let java = desk.grammar.language == Language::Java;
            if java && (array != (form.contains(".length ")) || (text_only && ty.class != Class::Text)) {
                continue;
            }
            let level = if form.contains(' ') { equality } else { level::UNARY };
            add(form.replace("{}", name), level, fit * near);
        }
    }
}

fn of_two(
    desk: &Desk<'_, '_>,
    one: (&str, &Ty),
    two: (&str, &Ty),
    near: f64,
    equality: u8,
    add: &mut dyn FnMut(String, u8, f64),
) {
    let ((a, a_type), (b, b_type)) = (one, two);
    let table = desk.grammar.table;
    if b_type.class.has_size() && a_type.class.is_number() {
        let java = desk.grammar.language == Language::Java;
        for length in table.lengths {
            let fits = match *length {
                _ if !java => true,
                "{}.length()" => b_type.class == Class::Text,
                "{}.length" => b_type.name.ends_with("[]"),
                _ => b_type.class != Class::Text && !b_type.name.ends_with("[]"),
            };
            if fits {
                let length = length.replace("{}", b);
                for (operator, fit) in [("<", 0.45), (">=", 0.45), (table.equal.0, 0.25), (">", 0.2)] {
                    add(format!("{a} {operator} {length}"), level::of_operator(table, operator), fit * near);
                }
            }
        }
    }
    let alike = desk.fit(a_type, b_type);
    let known = !a_type.is_unknown() && !b_type.is_unknown();
    // Each pair comes twice, the other way round: half of the operators are enough.
    if alike > 0.5 && known {
        let ordered = a_type.class.is_number();
        let (same, other) = table.equal;
        if ordered {
            for (operator, fit) in [("<", 0.35), ("<=", 0.3)] {
                add(format!("{a} {operator} {b}"), level::of_operator(table, operator), fit * alike * near);
            }
        }
        if a < b {
            add(format!("{a} {same} {b}"), equality, 0.3 * alike * near);
            add(format!("{a} {other} {b}"), equality, 0.25 * alike * near);
        }
    }
}
