//! Conditions of other functions of the file, for places where the same names are known, and functions that are asked in
//! them.
//!
//! They are collected once for a file: a file has thousands of places.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::conditions::Condition;
use super::desk::{Desk, is_condition, is_whole_condition, names_in};
use super::facts::{Name, Origin};
use super::table::Shape;
use super::types;
use crate::syntax::text_of;

/// Conditions of other functions that are tried at one place.
const MOST: usize = 24;
/// Longest condition that is taken over, in bytes.
const LONGEST: usize = 80;

/// A condition of a file.
#[derive(Debug)]
pub(super) struct Shared<'t> {
    text: &'t str,
    level: u8,
    count: u32,
    names: BTreeSet<&'t str>,
    /// Those of its names that mean something in some function only.
    local: BTreeSet<&'t str>,
}

/// Conditions that are about names which are visible at `node`, the most frequent first.
pub(super) fn conditions(desk: &Desk<'_, '_>, node: Node<'_>) -> Vec<Condition> {
    let here: BTreeSet<&str> = desk.region.names_at(node.start_byte()).map(|name| name.text).collect();
    let mut found: Vec<Condition> = desk
        .facts
        .conditions
        .get_or_init(|| collect(desk))
        .iter()
        .filter(|shared| !shared.names.is_disjoint(&here) && shared.local.is_subset(&here))
        .map(|shared| Condition {
            text: shared.text.to_owned(),
            level: shared.level,
            fit: 0.6 * (1.0 + 0.1 * f64::from(shared.count.min(5))),
        })
        .collect();
    found.sort_by(|a, b| b.fit.total_cmp(&a.fit).then_with(|| a.text.cmp(&b.text)));
    found.truncate(MOST);
    found
}

fn collect<'t>(desk: &Desk<'_, 't>) -> Vec<Shared<'t>> {
    let text = desk.facts.text;
    let functions = || desk.facts.regions.iter().filter(|region| !region.function.is_empty());
    let locals: BTreeSet<&str> = functions()
        .flat_map(|region| {
            let targets = region.targets.iter().map(|target| text_of(text, target.node));
            region.parameters.iter().copied().chain(targets)
        })
        .collect();
    let mut found: BTreeMap<&str, Shared<'t>> = BTreeMap::new();
    for site in desk.facts.regions.iter().flat_map(|region| &region.expressions) {
        if site.node.byte_range().len() > LONGEST || !is_whole_condition(desk.grammar, site.node) {
            continue;
        }
        for part in terms(text, site.node) {
            let words = text_of(text, part);
            if words.contains('\n') {
                continue;
            }
            let known = found.entry(words).or_insert_with(|| {
                let names: BTreeSet<&str> =
                    names_in(desk.grammar, part).into_iter().map(|name| text_of(text, name)).collect();
                let local = names.intersection(&locals).copied().collect();
                Shared { text: words, level: desk.level(part), count: 0, names, local }
            });
            known.count += 1;
        }
    }
    found.into_values().collect()
}

/// Functions that conditions of the file ask about one thing, as they are called, the most frequent first.
pub(super) fn predicates<'d>(desk: &'d Desk<'_, '_>) -> &'d [String] {
    desk.facts.predicates.get_or_init(|| {
        let text = desk.facts.text;
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for region in &desk.facts.regions {
            for site in &region.expressions {
                let call = site.node;
                if desk.shape(call) != Shape::Call || !is_condition(desk.grammar, call) {
                    continue;
                }
                let Some(list) = call.child_by_field_name("arguments") else { continue };
                let Some(callee) = text.get(call.start_byte()..list.start_byte()) else { continue };
                // What begins with a name of the function means something there only.
                let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let root = &callee[..callee.find(|c| !part(c)).unwrap_or(callee.len())];
                let own = |name: &Name<'_>| {
                    name.text == root && name.depth == region.depth && name.origin != Origin::Global
                };
                let free = !root.is_empty() && !region.names.iter().any(own);
                if free && callee.len() <= LONGEST && desk.grammar.parts(list).len() == 1 {
                    *counts.entry(callee).or_insert(0) += 1;
                }
            }
        }
        let mut found: Vec<(&str, u32)> = counts.into_iter().collect();
        found.sort_by_key(|(callee, count)| (std::cmp::Reverse(*count), *callee));
        found.into_iter().map(|(callee, _)| callee.to_owned()).collect()
    })
}

/// What `&&` and `||` join in a condition.
fn terms<'n>(text: &str, node: Node<'n>) -> Vec<Node<'n>> {
    let operator = types::operator_of(node).map(|operator| text_of(text, operator));
    if matches!(operator, Some("&&" | "||")) {
        let sides = ["left", "right"].into_iter().filter_map(|side| node.child_by_field_name(side));
        return sides.flat_map(|side| terms(text, side)).collect();
    }
    vec![node]
}
