//! What other code of the project says of the same things: conditions that could be asked here, statements that stand
//! where the code around is the same.
//!
//! Source: the plastic surgery hypothesis, Barr et al., "The Plastic Surgery Hypothesis" (FSE 2014): most of what repairs
//! a program stands in it already. Product code only: a test's conditions are about its own cases.

use std::cmp::Reverse;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use tree_sitter::Node;

use super::conditions::Condition;
use super::desk::{Desk, is_callee, is_condition};
use super::facts::Name;
use super::level;
use super::statements::{assignment_of, block_of, one_line};
use super::tables::{BUILTINS, EXCEPTIONS};
use crate::syntax::{parts, text_of};

/// Conditions of other code that are tried at one place.
const MOST_CONDITIONS: usize = 40;
/// Names that a condition about one thing is asked of.
const MOST_NAMES: usize = 5;
/// Statements of other code that are tried at one place.
const MOST_STATEMENTS: usize = 6;
/// Longest condition that is taken over, in bytes.
const LONGEST: usize = 80;
/// Shortest line that says something of what stands next to it, in bytes: `else:` and `return` do not.
const TELLING: usize = 8;
/// Stands for the thing that a condition is about.
const HOLE: &str = "\u{0}";

/// A condition, with what it is about left open where that is one thing.
#[derive(Debug)]
struct Asked {
    level: u8,
    count: u32,
    /// Names that must be known where it is asked.
    needs: BTreeSet<String>,
}

/// A statement, with hashes of the lines before and after it in its block.
#[derive(Debug)]
struct Stands {
    text: String,
    needs: BTreeSet<String>,
    before: Option<u64>,
    after: Option<u64>,
}

/// Conditions and statements of a project.
#[derive(Debug, Default)]
pub(super) struct Borrowed {
    conditions: BTreeMap<String, Asked>,
    statements: Vec<Stands>,
    /// Numbers of statements by the line before them, and by the line after them.
    by_before: HashMap<u64, Vec<usize>>,
    by_after: HashMap<u64, Vec<usize>>,
}

impl Borrowed {
    /// Takes note of one node of the project's own code.
    pub(super) fn read(&mut self, text: &str, node: Node<'_>) {
        if is_condition(node) && !matches!(node.kind(), "boolean_operator" | "parenthesized_expression") {
            self.condition(text, node);
        } else if matches!(node.kind(), "expression_statement" | "return_statement" | "raise_statement") {
            self.statement(text, node);
        }
    }

    fn condition(&mut self, text: &str, node: Node<'_>) {
        // A condition and its opposite are one.
        if node.kind() == "not_operator"
            || node.byte_range().len() > LONGEST
            || text_of(text, node).contains('\n')
        {
            return;
        }
        let names = names_in(node);
        let about: BTreeSet<&str> = names
            .iter()
            .filter(|name| !is_callee(**name))
            .map(|name| text_of(text, *name))
            .filter(|name| is_of_a_function(name))
            .collect();
        let hole = about.first().copied().filter(|_| about.len() == 1);
        let (mut words, mut at) = (String::new(), node.start_byte());
        for name in names.iter().filter(|name| Some(text_of(text, **name)) == hole) {
            words.push_str(&text[at..name.start_byte()]);
            words.push_str(HOLE);
            at = name.end_byte();
        }
        words.push_str(&text[at..node.end_byte()]);
        // Such ones are made of every name anyway.
        let is_plain = |rest: &str| {
            let last = rest.rsplit(' ').next().unwrap_or_default();
            matches!(rest, "" | " is None" | " is not None")
                || (rest.starts_with(' ') && last.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if words.strip_prefix(HOLE).is_some_and(is_plain) {
            return;
        }
        let asked = self.conditions.entry(words).or_insert_with(|| Asked {
            level: level::of(text, node),
            count: 0,
            needs: needs(text, &names, hole),
        });
        asked.count += 1;
    }

    fn statement(&mut self, text: &str, node: Node<'_>) {
        let Some(words) = one_line(text, node) else { return };
        let Some((_, siblings)) = block_of(node) else { return };
        let Some(at) = siblings.iter().position(|sibling| *sibling == node) else { return };
        let (before, _) = gap(text, &siblings, at);
        let after = siblings.get(at + 1).and_then(|next| telling(text, *next));
        if before.is_none() && after.is_none() {
            return;
        }
        // What it gives a value needs none before.
        let is_name =
            |left: &Node<'_>| matches!(left.kind(), "identifier" | "pattern_list" | "tuple_pattern");
        let read = match assignment_of(node) {
            Some((left, right)) if is_name(&left) => right,
            _ => node,
        };
        let needs = needs(text, &names_in(read), None);
        let number = self.statements.len();
        for (index, line) in [(&mut self.by_before, before), (&mut self.by_after, after)] {
            if let Some(line) = line {
                index.entry(line).or_default().push(number);
            }
        }
        self.statements.push(Stands { text: words.to_owned(), needs, before, after });
    }
}

/// Conditions that other code asks and that could be asked at `node`, the most frequent first.
pub(super) fn conditions(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Condition> {
    let known = known_at(desk, node);
    let own = desk.values_at(node).into_iter().filter(|name| name.distance == 0);
    let values: Vec<&Name> = own.take(MOST_NAMES).collect();
    let mut found = Vec::new();
    for (words, asked) in &desk.facts.lore.borrowed.conditions {
        if !asked.needs.iter().all(|name| is_known(&known, name)) {
            continue;
        }
        let mut often = 0.45 + 0.05 * f64::from(asked.count.min(6));
        if words.starts_with("isinstance(") {
            often *= 1.3;
        }
        if asked.needs.contains("self") {
            // Other objects have other attributes.
            often *= 0.5;
        }
        if !words.contains(HOLE) {
            // It is about several things, all of which are known here under the same names.
            let near = if asked.needs.iter().any(|name| is_of_a_function(name)) { 1.2 } else { 0.2 };
            found.extend(both(words.clone(), asked.level, often * near));
            continue;
        }
        for (rank, name) in values.iter().enumerate() {
            let near = 1.0 / (1.0 + 0.15 * rank as f64);
            found.extend(both(words.replace(HOLE, &name.text), asked.level, often * near));
        }
    }
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit).then_with(|| a.text.cmp(&b.text)));
    found.truncate(MOST_CONDITIONS);
    found
}

/// A condition and its opposite.
fn both(text: String, own: u8, fit: f64) -> [Condition; 2] {
    let opposite = format!("not {}", level::bracket(&text, own, level::COMPARISON));
    [Condition { text, level: own, fit }, Condition { text: opposite, level: level::NOT, fit: 0.8 * fit }]
}

/// Statements that stand elsewhere between the same lines as what would be put before sibling `at` of a block, or after the
/// last one where there is none; with how well they fit, up to 1.
pub(super) fn statements(desk: &Desk<'_, '_>, siblings: &[Node<'_>], at: usize) -> Vec<(String, f64)> {
    let Some(place) = siblings.get(at).or(siblings.last()) else { return Vec::new() };
    let text = desk.facts.text;
    let (before, after) = gap(text, siblings, at);
    let borrowed = &desk.facts.lore.borrowed;
    let known = known_at(desk, *place);
    let beside: Vec<&str> = [at.checked_sub(1), Some(at)]
        .into_iter()
        .flatten()
        .filter_map(|n| siblings.get(n))
        .map(|sibling| text_of(text, *sibling))
        .collect();
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();
    let lines = [(&borrowed.by_before, before), (&borrowed.by_after, after)];
    for number in lines.into_iter().filter_map(|(index, line)| index.get(&line?)).flatten() {
        let stands = &borrowed.statements[*number];
        let is_new = !beside.contains(&stands.text.as_str());
        if !is_new || !stands.needs.iter().all(|name| is_known(&known, name)) {
            continue;
        }
        let same = |one: Option<u64>, two: Option<u64>| one.is_some() && one == two;
        let fit = match (same(stands.before, before), same(stands.after, after)) {
            (true, true) => 1.0,
            _ => 0.35,
        };
        let slot = found.entry(&stands.text).or_insert(0.0);
        // What stands there more than once is likelier.
        *slot = slot.max(fit) + 0.02;
    }
    let mut found: Vec<(&str, f64)> = found.into_iter().collect();
    found.sort_by_key(|(words, fit)| (Reverse((fit * 1_000.0) as u64), *words));
    found.truncate(MOST_STATEMENTS);
    found.into_iter().map(|(words, fit)| (words.to_owned(), fit.min(1.0))).collect()
}

/// The lines on both sides of a gap: before sibling `at`.
fn gap(text: &str, siblings: &[Node<'_>], at: usize) -> (Option<u64>, Option<u64>) {
    let before = match at.checked_sub(1).and_then(|n| siblings.get(n)) {
        Some(sibling) => telling(text, *sibling),
        None => {
            siblings.first().and_then(|first| first.parent()?.parent()).and_then(|owner| telling(text, owner))
        }
    };
    (before, siblings.get(at).and_then(|sibling| telling(text, *sibling)))
}

/// A hash of the first line of a statement, where it says something.
fn telling(text: &str, node: Node<'_>) -> Option<u64> {
    let line = text_of(text, node).lines().next()?.trim();
    if line.len() < TELLING || line.starts_with(['"', '\'', '@']) {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    Some(hasher.finish())
}

fn known_at<'d>(desk: &'d Desk<'_, '_>, node: Node<'_>) -> BTreeSet<&'d str> {
    desk.region.names_at(node.start_byte()).map(|name| name.text.as_str()).collect()
}

fn is_known(known: &BTreeSet<&str>, name: &str) -> bool {
    known.contains(name) || BUILTINS.contains(&name) || EXCEPTIONS.contains(&name)
}

/// Names that a condition or statement needs, but for what it is about.
fn needs(text: &str, names: &[Node<'_>], hole: Option<&str>) -> BTreeSet<String> {
    let names = names.iter().map(|name| text_of(text, *name));
    names.filter(|name| Some(*name) != hole).map(str::to_owned).collect()
}

/// Names as people write variables: no class, no constant, nothing that is there everywhere.
fn is_of_a_function(name: &str) -> bool {
    name.starts_with(|c: char| c.is_lowercase() || c == '_')
        && !matches!(name, "self" | "cls")
        && !BUILTINS.contains(&name)
}

/// Identifiers that mean something where they stand: no attributes, no names of keyword arguments.
fn names_in(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect<'n>(node: Node<'n>, found: &mut Vec<Node<'n>>) {
    match node.kind() {
        "identifier" => found.push(node),
        "attribute" => collect_fields(node, &["object"], found),
        "keyword_argument" => collect_fields(node, &["value"], found),
        _ => parts(node).into_iter().for_each(|part| collect(part, found)),
    }
}

fn collect_fields<'n>(node: Node<'n>, fields: &[&str], found: &mut Vec<Node<'n>>) {
    for field in fields {
        if let Some(child) = node.child_by_field_name(field) {
            collect(child, found);
        }
    }
}
