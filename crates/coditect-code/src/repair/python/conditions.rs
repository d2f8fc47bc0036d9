//! Conditions: parts that are missing, and conditions that are wrong altogether.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use tree_sitter::Node;

use super::borrowed;
use super::desk::{Desk, is_whole_condition};
use super::facts::{Origin, Region, Site, has_word};
use super::level;
use super::statements::assignment_of;
use super::types::Type;
use super::wraps::single_parameter;
use crate::repair::EditKind;
use crate::syntax::text_of;

/// Names that conditions are made of at one place.
const MOST_NAMES: usize = 8;
/// Conditions that are tried at one place.
const MOST_CONDITIONS: usize = 160;

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
    // What is in the brackets is a site of its own.
    if node.kind() == "parenthesized_expression" {
        return;
    }
    if is_whole_condition(node) {
        whole(desk, site);
    } else if matches!(
        node.kind(),
        "list_comprehension" | "generator_expression" | "set_comprehension" | "dictionary_comprehension"
    ) {
        filter(desk, site);
    } else if desk.ty(node) == Type::Bool && !super::desk::is_condition(node) && !super::desk::is_callee(node)
    {
        // A truth value that is returned, kept or handed on.
        let here = desk.text(node).to_owned();
        for condition in conditions(desk, node).iter() {
            let fit = 0.8 * condition.fit;
            if matches!(here.as_str(), "True" | "False") {
                desk.put(site, node, &condition.text, condition.level, EditKind::Expression, fit);
            } else {
                join(desk, site, condition, 0.6);
            }
        }
    }
}

fn whole(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let parent = node.parent().map_or("", |parent| parent.kind());
    for constant in ["True", "False"] {
        let fit = if parent == "while_statement" && constant == "True" { 2.0 } else { 0.5 };
        desk.put(site, node, constant, level::ATOM, EditKind::ConditionReplaced, fit);
    }
    for condition in conditions(desk, node).iter() {
        let looping = if parent == "while_statement" { 1.5 } else { 0.8 };
        let fit = looping * condition.fit;
        desk.put(site, node, &condition.text, condition.level, EditKind::ConditionReplaced, fit);
        join(desk, site, condition, 1.0);
    }
}

/// `c` -> `c and x`, `x and c`, `c or x`, `x or c`: the order matters where one side may break.
fn join(desk: &mut Desk<'_, '_>, site: Site<'_>, condition: &Condition, fit: f64) {
    let node = site.node;
    if matches!(desk.text(node), "True" | "False") || condition.text == desk.text(node) {
        return;
    }
    for (operator, own) in [("and", level::AND), ("or", level::OR)] {
        let old = desk.at_level(node, own);
        let new = level::bracket(&condition.text, condition.level, own);
        let fit = fit * condition.fit;
        let after = format!("{old} {operator} {new}");
        desk.put(site, node, &after, own, EditKind::ConditionAdded, fit);
        let before = format!("{new} {operator} {old}");
        desk.put(site, node, &before, own, EditKind::ConditionAdded, 0.8 * fit);
    }
}

/// A filter that a comprehension lacks, or has too many.
fn filter(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let clauses = crate::syntax::parts(site.node);
    for clause in clauses.iter().filter(|clause| clause.kind() == "if_clause") {
        let start = desk.facts.text[..clause.start_byte()].trim_end().len();
        desk.raw(site, start..clause.end_byte(), "", EditKind::ConditionDropped, 0.6);
    }
    let Some(last) = clauses.last() else { return };
    if last.kind() != "if_clause" {
        let at = last.end_byte();
        for condition in conditions(desk, *last).iter() {
            let text = level::bracket(&condition.text, condition.level, level::OR);
            desk.raw(site, at..at, format!(" if {text}"), EditKind::ConditionAdded, 1.2 * condition.fit);
        }
    }
}

/// Conditions that could stand at `node`, likeliest first: those of the neighbourhood and their opposites, then
/// those made of names in scope.
pub(super) fn conditions(desk: &mut Desk<'_, '_>, node: Node<'_>) -> Rc<[Condition]> {
    // They depend on which comprehensions and lambdas are around, and on nothing else of the place.
    let at = node.start_byte();
    let limited = desk.region.names.iter().filter(|name| name.visible.end < usize::MAX);
    let around: BTreeSet<usize> =
        limited.filter(|name| name.visible.contains(&at)).map(|name| name.visible.start).collect();
    if let Some(made) = desk.conditions.get(&around) {
        return made.clone();
    }
    let made: Rc<[Condition]> = Rc::from(make(desk, node));
    desk.conditions.insert(around, made.clone());
    made
}

/// Conditions under which a statement could run, likeliest first: those about what it uses, and above all about what it
/// would overwrite.
pub(super) fn conditions_of(desk: &mut Desk<'_, '_>, statement: Node<'_>) -> Vec<Condition> {
    let words = desk.text(statement);
    let target = assignment_of(statement).map(|(left, _)| desk.text(left));
    // A jump says nothing of what it depends on.
    let far = if statement.kind() == "expression_statement" { 0.5 } else { 1.0 };
    let mut found = conditions(desk, statement).to_vec();
    let at = statement.start_byte();
    let later: BTreeSet<&str> = desk
        .region
        .names
        .iter()
        .filter(|name| name.distance == 0 && name.origin == Origin::Local && name.first > at)
        .map(|name| name.text.as_str())
        .collect();
    let of_types = statement.kind() == "raise_statement" && words.contains("TypeError");
    for condition in &mut found {
        if of_types
            && ["isinstance(", "callable(", "hasattr("].iter().any(|call| condition.text.contains(call))
        {
            condition.fit *= 1.4;
        }
        let names = condition.text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let names =
            names.filter(|name| !name.is_empty() && !matches!(*name, "not" | "and" | "or" | "is" | "None"));
        let (mut near, mut overwrites) = (false, false);
        for name in names {
            if later.contains(name) {
                // It has no value here, unless a loop comes round.
                condition.fit *= 0.3;
            }
            near |= has_word(words, name);
            overwrites |= target == Some(name);
        }
        condition.fit *= match (overwrites, near) {
            (true, _) => 1.5,
            (_, true) => 1.0,
            _ => far,
        };
    }
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit));
    found
}

fn make(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Condition> {
    let mut found: Vec<Condition> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    let mut add = |text: String, level: u8, fit: f64| {
        if fit > 0.0 && known.insert(text.clone()) {
            found.push(Condition { text, level, fit });
        }
    };
    for phrase in desk.region.phrases_at(node.start_byte()).filter(|phrase| phrase.ty == Type::Bool) {
        if !matches!(phrase.kind, "true" | "false") {
            add(phrase.text.clone(), phrase.level, 1.0);
            let opposite = format!("not {}", level::bracket(&phrase.text, phrase.level, level::COMPARISON));
            add(opposite, level::NOT, 0.5);
        }
    }
    let names: Vec<(String, Type, f64)> = desk
        .values_at(node)
        .into_iter()
        .take(MOST_NAMES)
        .enumerate()
        .map(|(rank, name)| {
            // What is the same for all calls is seldom what a case depends on.
            let far = if name.distance == 0 { 1.0 } else { 0.5 };
            (name.text.clone(), name.ty, far / (1.0 + 0.12 * rank as f64))
        })
        .collect();
    for (name, ty, near) in &names {
        of_one(name, *ty, *near, &mut add);
    }
    for (function, wanted) in single_parameter(desk, node) {
        if *function == *desk.region.function {
            continue;
        }
        // Most functions answer no question.
        let asks = if ["is", "has", "can", "should"].iter().any(|word| {
            function.trim_start_matches('_').strip_prefix(word).is_some_and(|rest| !rest.is_empty())
        }) {
            1.0
        } else {
            0.5
        };
        for (name, _, near) in &names {
            add(format!("{function}({name})"), level::ATOM, 0.6 * asks * wanted * near);
            add(format!("not {function}({name})"), level::NOT, 0.4 * asks * wanted * near);
        }
    }
    for (one, ty, near) in &names {
        for (two, other, nearer) in names.iter().filter(|(two, ..)| two != one) {
            of_two((one, *ty), (two, *other), near * nearer, &mut add);
        }
    }
    for borrowed in borrowed::conditions(desk, node) {
        add(borrowed.text, borrowed.level, borrowed.fit);
    }
    for number in numbers_of(desk.region, desk.facts.text) {
        for (name, _, near) in names.iter().filter(|(_, ty, _)| ty.fit(Type::Int) > 0.5) {
            for operator in ["==", "!=", "<", ">", "<=", ">="] {
                add(format!("{name} {operator} {number}"), level::COMPARISON, 0.2 * near);
            }
        }
    }
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit));
    found.truncate(MOST_CONDITIONS);
    found
}

fn of_one(name: &str, ty: Type, near: f64, add: &mut dyn FnMut(String, u8, f64)) {
    let truth = if matches!(ty, Type::Int | Type::Float | Type::Function) { 0.3 } else { 0.8 };
    add(name.to_owned(), level::ATOM, truth * near);
    add(format!("not {name}"), level::NOT, truth * near);
    if !matches!(ty, Type::Int | Type::Float | Type::Bool) {
        add(format!("{name} is None"), level::COMPARISON, 0.6 * near);
        add(format!("{name} is not None"), level::COMPARISON, 0.6 * near);
    }
    if ty.fit(Type::Int) > 0.5 {
        let sure = if ty.is_number() { 1.0 } else { 0.5 };
        for (test, fit) in [
            ("> 0", 0.6),
            ("< 0", 0.5),
            ("== 0", 0.6),
            ("!= 0", 0.5),
            (">= 0", 0.5),
            ("<= 0", 0.4),
            ("== 1", 0.4),
            ("> 1", 0.4),
            ("<= 1", 0.4),
            ("% 2 == 0", 0.4),
            ("% 2 == 1", 0.4),
            ("% 2 != 0", 0.3),
        ] {
            add(format!("{name} {test}"), level::COMPARISON, fit * sure * near);
        }
    }
    if ty.is_container() {
        for (test, fit) in
            [("== 0", 0.3), ("== 1", 0.5), ("<= 1", 0.5), ("> 1", 0.5), ("< 2", 0.2), ("> 0", 0.2)]
        {
            add(format!("len({name}) {test}"), level::COMPARISON, fit * near);
        }
    }
}

fn of_two(one: (&str, Type), two: (&str, Type), near: f64, add: &mut dyn FnMut(String, u8, f64)) {
    let ((a, a_type), (b, b_type)) = (one, two);
    if b_type.is_container() {
        add(format!("{a} in {b}"), level::COMPARISON, 0.45 * near);
        add(format!("{a} not in {b}"), level::COMPARISON, 0.45 * near);
        if a_type.fit(Type::Int) > 0.5 {
            add(format!("{a} < len({b})"), level::COMPARISON, 0.45 * near);
            add(format!("{a} == len({b})"), level::COMPARISON, 0.2 * near);
        }
    }
    let alike = a_type.fit(b_type);
    // Each pair comes twice, the other way round: half of the operators are enough.
    if alike > 0.5 {
        for (operator, fit) in [("<", 0.35), ("<=", 0.3), ("==", 0.35), ("!=", 0.3)] {
            add(format!("{a} {operator} {b}"), level::COMPARISON, fit * alike * near);
        }
    }
}

/// Small numbers that the region itself uses. Numbers of tests never become conditions.
fn numbers_of(region: &Region<'_>, text: &str) -> Vec<i64> {
    let mut numbers: Vec<i64> = region
        .expressions
        .iter()
        .filter(|site| site.node.kind() == "integer")
        .filter_map(|site| text_of(text, site.node).parse().ok())
        .filter(|number| !matches!(number, 0 | 1))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.truncate(4);
    numbers
}
