//! Where candidates of one region are made: the facts to look at and the pool to put them in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use tree_sitter::Node;

use super::conditions::Condition;
use super::facts::{Facts, Name, Origin, Region, Site};
use super::level;
use super::types::{self, Type};
use crate::repair::EditKind;
use crate::repair::pool::Pool;
use crate::syntax::{Splice, children, line_end, line_start, parts, text_of};

/// One region, with the pool for its candidates.
#[derive(Debug)]
pub(super) struct Desk<'a, 't> {
    pub(super) facts: &'a Facts<'t>,
    pub(super) region: &'a Region<'t>,
    pub(super) pool: &'a mut Pool<'t>,
    /// Conditions that were made already, by the starts of the comprehensions and lambdas around them.
    pub(super) conditions: BTreeMap<BTreeSet<usize>, Rc<[Condition]>>,
    /// Functions that the region calls with one argument, as they are called.
    pub(super) called: Rc<[&'t str]>,
}

/// The whole lines of a statement that shares them with no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// Bytes, the last line break included.
    pub(super) range: Range<usize>,
    /// White space before the statement.
    pub(super) indent: String,
}

impl<'t> Desk<'_, 't> {
    /// The text of a node.
    pub(super) fn text(&self, node: Node<'_>) -> &'t str {
        text_of(self.facts.text, node)
    }

    /// A guess at its type.
    pub(super) fn ty(&self, node: Node<'_>) -> Type {
        types::guess(self.facts.text, node, &self.region.types, 6)
    }

    /// The text of a node, in brackets where it binds less tightly than `needed`.
    pub(super) fn at_level(&self, node: Node<'_>, needed: u8) -> String {
        level::bracket(self.text(node), level::of(self.facts.text, node), needed)
    }

    /// Proposes `new`, which binds as tightly as `level`, in place of an expression.
    pub(super) fn put(
        &mut self,
        site: Site<'_>,
        node: Node<'_>,
        new: &str,
        level: u8,
        kind: EditKind,
        fit: f64,
    ) {
        // Most are not wanted yet, and looking around in the tree takes longer than anything else here.
        if !self.pool.wants(kind, site.weight, fit) {
            return;
        }
        let new = level::bracket(new, level, level::of_slot(self.facts.text, node));
        self.pool.replace(node.byte_range(), new, kind, site.weight, fit);
    }

    /// Proposes `new` in place of bytes, as it is.
    pub(super) fn raw(
        &mut self,
        site: Site<'_>,
        range: Range<usize>,
        new: impl Into<String>,
        kind: EditKind,
        fit: f64,
    ) {
        self.pool.replace(range, new, kind, site.weight, fit);
    }

    /// Proposes that two nodes change places.
    pub(super) fn swap(&mut self, site: Site<'_>, one: Node<'_>, two: Node<'_>, kind: EditKind, fit: f64) {
        if self.text(one) == self.text(two) {
            return;
        }
        let text = |from: Node<'_>, to: Node<'_>| {
            level::bracket(
                self.text(from),
                level::of(self.facts.text, from),
                level::of_slot(self.facts.text, to),
            )
        };
        let splices = vec![
            Splice { range: one.byte_range(), new: text(two, one) },
            Splice { range: two.byte_range(), new: text(one, two) },
        ];
        self.pool.several(splices, kind, site.weight, fit);
    }

    /// Names of values (no functions, classes, modules) that are visible at `node`.
    pub(super) fn values_at(&self, node: Node<'_>) -> Vec<&Name> {
        self.region
            .names_at(node.start_byte())
            .filter(|name| matches!(name.origin, Origin::Parameter | Origin::Local))
            .filter(|name| name.text != "self" && name.text != "cls" && name.text != "_")
            .collect()
    }

    /// The whole lines of a statement, where it shares them with no other.
    pub(super) fn lines(&self, node: Node<'_>) -> Option<Lines> {
        let text = self.facts.text;
        let start = line_start(text, node.start_byte());
        let end = line_end(text, node.end_byte());
        let indent = text.get(start..node.start_byte())?;
        let rest = text.get(node.end_byte()..end)?.trim();
        let alone =
            indent.chars().all(|c| c == ' ' || c == '\t') && (rest.is_empty() || rest.starts_with('#'));
        alone.then(|| Lines { range: start..end, indent: indent.to_owned() })
    }

    /// `statement` as a line of its own, with the file's line break.
    pub(super) fn line(&self, indent: &str, statement: &str) -> String {
        format!("{indent}{statement}{}", self.facts.eol)
    }

    /// Proposes a new line at byte `at`, the start of a line or the end of the file.
    pub(super) fn insert(&mut self, weight: f64, at: usize, line: &str, kind: EditKind, fit: f64) {
        let text = self.facts.text;
        let unfinished = at > 0 && at == text.len() && !text.ends_with('\n');
        let new = if unfinished {
            format!("{}{}", self.facts.eol, line.trim_end_matches(['\r', '\n']))
        } else {
            line.to_owned()
        };
        self.pool.replace(at..at, new, kind, weight, fit);
    }
}

/// True where `node` is the function of a call.
pub(super) fn is_callee(node: Node<'_>) -> bool {
    node.parent()
        .is_some_and(|parent| parent.kind() == "call" && parent.child_by_field_name("function") == Some(node))
}

/// True where `node` is a condition: of a branch, a loop, a filter, a ternary, or a part of one.
pub(super) fn is_condition(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "if_statement" | "elif_clause" | "while_statement" => {
            parent.child_by_field_name("condition") == Some(node)
        }
        "if_clause" | "not_operator" | "boolean_operator" | "assert_statement" => true,
        "conditional_expression" => parts(parent).get(1) == Some(&node),
        "parenthesized_expression" => is_condition(parent),
        _ => false,
    }
}

/// The whole of a condition: not a part of a larger one.
pub(super) fn is_whole_condition(node: Node<'_>) -> bool {
    is_condition(node)
        && node.parent().is_some_and(|parent| !matches!(parent.kind(), "not_operator" | "boolean_operator"))
}

/// The operator tokens of a node.
pub(super) fn operators(node: Node<'_>) -> Vec<Node<'_>> {
    children(node).into_iter().filter(|child| !child.is_named() || child.kind().contains(' ')).collect()
}

/// How alike two names are, 0 to 1: by common words and by common letters.
pub(in crate::repair) fn alike(one: &str, two: &str) -> f64 {
    if one == two {
        return 1.0;
    }
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let longest = a.len().max(b.len()).max(1);
    let letters = 1.0 - distance(&a, &b) as f64 / longest as f64;
    let words = |name: &str| name.split('_').filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (left, right) = (words(one), words(two));
    let common = left.iter().filter(|word| right.contains(word)).count();
    let by_words = 2.0 * common as f64 / (left.len() + right.len()).max(1) as f64;
    letters.max(0.9 * by_words)
}

/// Edits between two texts: insert, remove, replace, or swap neighbours, a letter each.
pub(super) fn distance(a: &[char], b: &[char]) -> usize {
    // Long texts are not slips of one another; the cap bounds the table.
    if a.len() > 200 || b.len() > 200 {
        return a.len().max(b.len());
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(x != y)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}
