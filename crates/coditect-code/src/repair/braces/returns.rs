//! A value that is returned: what the function has made, or what functions that are like this one give (overloads,
//! siblings, copies).
//!
//! Where a function gives a bare literal (`return null;`), nothing in it says what it should give. What stands beside it
//! often does: functions of the same type do the same for another argument, and their names differ by just the word in
//! which what they return differs.

use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::Node;

use super::desk::{Desk, names_in};
use super::facts::{Origin, Region, Site};
use super::table::Shape;
use super::words::{alike, parts};
use crate::repair::EditKind;
use crate::syntax::{Splice, children, splice};

/// Names in scope that are tried.
const MOST_MADE: usize = 8;
/// How much likelier something is given that is not used at all.
const IDLE: f64 = 2.5;
/// Functions that are looked at, the most alike first.
const MOST_KIN: usize = 12;
/// Ways in which one value is fitted in.
const MOST_WAYS: usize = 8;
/// Longest value that is taken over, in bytes.
const LONGEST: usize = 240;

/// What else a `return` with a bare literal could give.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>, value: Node<'_>) {
    let bare = matches!(
        desk.shape(value),
        Shape::Null | Shape::True | Shape::False | Shape::Int | Shape::Float | Shape::Text | Shape::Array
    );
    if !bare {
        return;
    }
    let sure = if desk.shape(value) == Shape::Null { 1.8 } else { 0.8 };
    let own = desk.region;
    let gives = own.gives.clone().unwrap_or_default();
    // What was made here, most likely to be given.
    let made: Vec<(&str, f64)> = desk
        .values_at(value)
        .into_iter()
        .filter(|name| matches!(name.origin, Origin::Local | Origin::Parameter) && name.depth == own.depth)
        .map(|name| {
            let local = if name.origin == Origin::Local { 1.0 } else { 0.6 };
            let idle = if name.uses == 0 { IDLE } else { 1.0 };
            (name.text, idle * local * if name.ty.is_unknown() { 0.5 } else { desk.fit(&gives, &name.ty) })
        })
        .collect();
    for (rank, (name, fit)) in made.into_iter().take(MOST_MADE).enumerate() {
        let fit = sure * fit / (1.0 + 0.15 * rank as f64);
        desk.raw(site, value.byte_range(), name.to_owned(), EditKind::Expression, fit);
    }
    if gives.name.is_empty() {
        return;
    }
    let mut kin: Vec<(f64, &Region<'_>)> = desk
        .facts
        .regions
        .iter()
        .filter(|other| !std::ptr::eq(*other, own) && !other.function.is_empty())
        .filter(|other| other.gives.as_ref().is_some_and(|given| given.name == gives.name))
        .map(|other| (alike(&own.function, &other.function), other))
        .collect();
    kin.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut rank = 0;
    for (near, other) in kin.into_iter().take(MOST_KIN) {
        for text in values(desk, other) {
            let fit = sure * (0.3 + 0.7 * near) / (1.0 + 0.08 * f64::from(rank));
            desk.raw(site, value.byte_range(), text, EditKind::Expression, fit);
            rank += 1;
        }
    }
}

/// What another function returns, in the words of this one.
fn values(desk: &Desk<'_, '_>, other: &Region<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for site in &other.statements {
        if desk.shape(site.node) != Shape::Return {
            continue;
        }
        let Some(value) = desk.grammar.parts(site.node).first().copied() else { continue };
        let text = desk.text(value);
        if children(value).is_empty() || text.len() > LONGEST {
            continue;
        }
        let mut ways = vec![renamed(desk, other, value)];
        ways.extend(refitted(desk, other, value));
        found.extend(ways.into_iter().flatten().take(MOST_WAYS));
    }
    found
}

/// The value with the word in which the names of the functions differ. None: it speaks of what is not known here.
fn renamed(desk: &Desk<'_, '_>, other: &Region<'_>, value: Node<'_>) -> Option<String> {
    if !missing(desk, other, value).is_empty() {
        return None;
    }
    let text = desk.text(value);
    let (theirs, ours) = (words(&other.function), words(&desk.region.function));
    let differ: Vec<(&String, &String)> = theirs.iter().zip(&ours).filter(|(a, b)| a != b).collect();
    match differ.as_slice() {
        [(from, to)] if theirs.len() == ours.len() => Some(replaced(text, from, to)),
        _ => Some(text.to_owned()),
    }
}

/// The words of a name, numbers apart from letters.
fn words(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in parts(name) {
        let mut now = String::new();
        for c in word.chars() {
            if now.chars().last().is_some_and(|last| last.is_ascii_digit() != c.is_ascii_digit()) {
                all.push(std::mem::take(&mut now));
            }
            now.push(c);
        }
        all.push(now);
    }
    all
}

/// `text` with `from` as `to`, in small letters, in capitals, and as a word within a name.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let titled = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    let mut new = text.replace(from, to);
    for case in [str::to_uppercase, titled as fn(&str) -> String] {
        let (old, with) = (case(from), case(to));
        if old != from && !new.contains(&with) {
            new = new.replace(&old, &with);
        }
    }
    new
}

/// The value with parameters of this function where it has one that is not known here, or something made of it.
fn refitted(desk: &Desk<'_, '_>, other: &Region<'_>, value: Node<'_>) -> Vec<Option<String>> {
    let lacking = missing(desk, other, value);
    let names: BTreeSet<&str> = lacking.iter().map(|node| desk.text(*node)).collect();
    let (Some(first), 1) = (lacking.first(), names.len()) else { return Vec::new() };
    let used = |name: &str| {
        let mut open = vec![value];
        while let Some(node) = open.pop() {
            if desk.shape(node) == Shape::Name && desk.text(node) == name {
                return true;
            }
            open.extend(children(node));
        }
        false
    };
    let parameters: Vec<&str> =
        desk.region.parameters.iter().copied().filter(|name| !used(name)).take(3).collect();
    let mut ways = Vec::new();
    for name in &parameters {
        let ranges: Vec<Range<usize>> = lacking.iter().map(Node::byte_range).collect();
        ways.push(put(desk, value, &ranges, name));
        // What is made of it may be what this function was given.
        let mut around = first.parent().filter(|_| lacking.len() == 1);
        while let Some(node) = around.filter(|node| *node != value) {
            if desk.shape(node).is_expression() {
                ways.push(put(desk, value, &[node.byte_range()], name));
            }
            around = node.parent();
        }
    }
    ways
}

fn put(desk: &Desk<'_, '_>, value: Node<'_>, ranges: &[Range<usize>], name: &str) -> Option<String> {
    let start = value.start_byte();
    let mut splices: Vec<Splice> = ranges
        .iter()
        .map(|range| Splice { range: range.start - start..range.end - start, new: name.to_owned() })
        .collect();
    splices.sort_by_key(|splice| splice.range.start);
    splice(desk.text(value), &splices)
}

/// Uses of parameters of the other function that this one does not have.
fn missing<'n>(desk: &Desk<'_, '_>, other: &Region<'_>, value: Node<'n>) -> Vec<Node<'n>> {
    let is_missing = |node: &Node<'_>| {
        let name = desk.text(*node);
        other.parameters.contains(&name) && !desk.region.parameters.contains(&name)
    };
    names_in(desk.grammar, value).into_iter().filter(is_missing).collect()
}
