//! A long file in part: the functions that matter whole, of the others the heads. A model that reads a tenth of a file answers sooner,
//! costs less, and has less to be led astray by.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use tree_sitter::{Node, Tree};

use crate::languages::{Language, is_function};
use crate::syntax::{children, text_of};

/// What stands in place of a body that is not shown.
const GAP: &str = "...";
/// Bytes of a file that is shown whole in any case.
const SHORT: usize = 6 << 10;
/// Methods that make an object what it is.
const MAKERS: &[&str] = &["__init__", "__new__", "__post_init__"];
/// Lines of a body that are as soon shown as told.
const BRIEF: usize = 4;
/// Of a file of which more than this is left, in hundredths, the rest may as well be there.
const WORTH: usize = 75;

/// A function of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function<'t> {
    /// Its name.
    pub name: &'t str,
    /// All of its text.
    pub text: &'t str,
    /// Its lines, from 1.
    pub lines: RangeInclusive<usize>,
}

/// A file without the bodies of functions that do not `matter`. None: it is short, none of them does, or too little would be gone.
/// What one that matters calls in the same file matters too.
#[must_use]
pub fn excerpt(path: &str, text: &str, matters: &dyn Fn(&Function<'_>) -> bool) -> Option<String> {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for body in gaps(path, text, matters)? {
        out.push_str(&text[at..body.start]);
        let gap = if text[..body.start].ends_with('{') { &format!(" {GAP} ") } else { GAP };
        out.push_str(gap);
        at = body.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// Where the bodies stand that `excerpt` leaves away, in bytes and in order.
#[must_use]
pub fn gaps(path: &str, text: &str, matters: &dyn Fn(&Function<'_>) -> bool) -> Option<Vec<Range<usize>>> {
    if text.len() <= SHORT {
        return None;
    }
    let tree = Language::of_path(path)?.syntax()?.parse(text)?;
    let found = functions(&tree, text);
    let mut kept: BTreeSet<usize> = (0..found.len()).filter(|at| matters(&found[*at].function)).collect();
    if kept.is_empty() {
        return None;
    }
    // What an object has stands where it is made.
    let classes: BTreeSet<usize> = kept.iter().filter_map(|at| found[*at].class).collect();
    let makes = |one: &Found<'_>| {
        one.class.is_some_and(|class| classes.contains(&class)) && MAKERS.contains(&one.function.name)
    };
    kept.extend((0..found.len()).filter(|at| makes(&found[*at])));
    let used: BTreeSet<&str> = kept.iter().flat_map(|at| words(found[*at].function.text)).collect();
    let (mut gaps, mut at) = (Vec::new(), 0);
    for (number, one) in found.into_iter().enumerate() {
        let body = one.body;
        let is_brief = text[body.clone()].lines().count() <= BRIEF;
        if kept.contains(&number) || is_brief || used.contains(one.function.name) || body.start < at {
            continue;
        }
        at = body.end;
        gaps.push(body);
    }
    let gone: usize = gaps.iter().map(|body| body.len().saturating_sub(GAP.len())).sum();
    ((text.len() - gone) * 100 <= text.len() * WORTH).then_some(gaps)
}

/// What stands in the functions that are `wanted`.
#[must_use]
pub fn texts(path: &str, text: &str, wanted: &dyn Fn(&Function<'_>) -> bool) -> Vec<String> {
    let Some(tree) =
        Language::of_path(path).and_then(Language::syntax).and_then(|mut syntax| syntax.parse(text))
    else {
        return Vec::new();
    };
    let found = functions(&tree, text).into_iter().map(|one| one.function);
    found.filter(|function| wanted(function)).map(|function| function.text.to_owned()).collect()
}

/// A function, and what is left away where it is not shown.
struct Found<'t> {
    function: Function<'t>,
    /// Without the braces, where there are some.
    body: Range<usize>,
    /// Where the class begins that it is a method of.
    class: Option<usize>,
}

/// The functions of a file that are in no other function, in their order.
fn functions<'t>(tree: &Tree, text: &'t str) -> Vec<Found<'t>> {
    let mut found = Vec::new();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        match is_function(node.kind()) {
            true => found.extend(function(text, node)),
            false => open.extend(children(node).into_iter().rev()),
        }
    }
    found
}

fn function<'t>(text: &'t str, node: Node<'_>) -> Option<Found<'t>> {
    let name = text_of(text, node.child_by_field_name("name")?);
    let body = node.child_by_field_name("body")?;
    let outer = node.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(node);
    let inner = match text_of(text, body).starts_with('{') && text_of(text, body).ends_with('}') {
        true => body.start_byte() + 1..body.end_byte().saturating_sub(1),
        false => body.byte_range(),
    };
    let within = outer.parent().and_then(|block| block.parent());
    let class = within.filter(|node| node.kind() == "class_definition").map(|node| node.start_byte());
    let lines = outer.start_position().row + 1..=outer.end_position().row + 1;
    Some(Found { function: Function { name, text: text_of(text, outer), lines }, body: inner, class })
}

/// Words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() > 2)
}

#[cfg(test)]
mod tests;
