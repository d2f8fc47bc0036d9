//! The spots of JavaScript and TypeScript: blocks, and what is written without one. Arrow functions whose body is an
//! expression, arms of `switch`, and statements and arms of conditionals that stand on lines of their own.

use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::Node;

use crate::languages::is_comment;
use crate::syntax::{Splice, children};

/// Nodes below each other that are looked at.
const DEEPEST: u32 = 200;

/// A place that says that it was reached.
pub(super) struct Spot {
    /// Bytes that are run when it is reached.
    range: Range<usize>,
    /// Rows, from 0, that are within.
    rows: Range<usize>,
    /// It opens and closes on lines that belong to what is around it too.
    braces: bool,
    what: What,
}

/// How a call is put in.
#[derive(Clone, Copy)]
enum What {
    /// As a statement at this byte.
    Statement(usize),
    /// As a statement before one that gets braces.
    Braced,
    /// As an expression before another.
    Expression,
}

/// The spots of a file, outer ones first.
pub(super) fn spots(root: Node<'_>) -> Vec<Spot> {
    let mut found = Vec::new();
    walk(root, &mut found, 0);
    found.sort_by_key(|spot| (spot.range.start, std::cmp::Reverse(spot.range.end)));
    found
}

impl Spot {
    /// What puts in a call.
    pub(super) fn splices(&self, call: &str) -> Vec<Splice> {
        let at = |at: usize, new: String| Splice { range: at..at, new };
        let Range { start, end } = self.range;
        match self.what {
            // A directive need not end with a semicolon.
            What::Statement(place) if self.braces && place > start + 1 => {
                vec![at(place, format!("; {call}; "))]
            }
            What::Statement(place) => vec![at(place, format!(" {call}; "))],
            What::Braced => vec![at(start, format!("{{ {call}; ")), at(end, " }".to_owned())],
            What::Expression => vec![at(start, format!("(({call}), ")), at(end, ")".to_owned())],
        }
    }

    /// Its lines, from 1, that belong to no spot within it.
    pub(super) fn own_lines(&self, all: &[Self]) -> Vec<u32> {
        let inner = all.iter().filter(|other| self.holds(other)).map(|other| other.inner_rows());
        let taken: BTreeSet<usize> = inner.flatten().collect();
        lines(self.rows.clone().filter(|row| !taken.contains(row)))
    }

    fn holds(&self, other: &Self) -> bool {
        self.range != other.range
            && self.range.start <= other.range.start
            && other.range.end <= self.range.end
    }

    /// The rows that are not also those of what is around it.
    fn inner_rows(&self) -> Range<usize> {
        if self.braces { self.rows.start + 1..self.rows.end.saturating_sub(1) } else { self.rows.clone() }
    }
}

/// Lines of a file that run when it is loaded: those in no spot.
pub(super) fn lines_of_loading(root: Node<'_>, all: &[Spot]) -> Vec<u32> {
    let taken: BTreeSet<usize> = all.iter().flat_map(Spot::inner_rows).collect();
    let rows: BTreeSet<usize> = children(root)
        .into_iter()
        .filter(|node| !is_comment(*node) && node.kind() != "import_statement")
        .flat_map(rows)
        .collect();
    lines(rows.into_iter().filter(|row| !taken.contains(row)))
}

fn walk(node: Node<'_>, found: &mut Vec<Spot>, depth: u32) {
    if depth > DEEPEST {
        return;
    }
    found.extend(spot(node));
    for child in children(node).into_iter().filter(Node::is_named) {
        walk(child, found, depth + 1);
    }
}

fn spot(node: Node<'_>) -> Option<Spot> {
    let parent = node.parent()?;
    let field = |name: &str| parent.child_by_field_name(name).is_some_and(|child| child.id() == node.id());
    let on_own_line = node.start_position().row > parent.start_position().row;
    let make =
        |braces: bool, what: What| Some(Spot { range: node.byte_range(), rows: rows(node), braces, what });
    match (node.kind(), parent.kind()) {
        ("statement_block", _) => make(true, What::Statement(after_directives(node))),
        (_, "arrow_function") if field("body") => make(false, What::Expression),
        ("switch_case" | "switch_default", _) => {
            let first = children(node).into_iter().skip_while(|child| child.kind() != ":").nth(1)?;
            if first.kind() == "statement_block" {
                return None;
            }
            let rows = first.start_position().row..node.end_position().row + 1;
            let (range, what) = (first.start_byte()..node.end_byte(), What::Statement(first.start_byte()));
            Some(Spot { range, rows, braces: false, what })
        }
        (kind, "if_statement" | "else_clause" | "for_statement" | "for_in_statement" | "while_statement")
            if on_own_line
                && kind.ends_with("_statement")
                && kind != "if_statement"
                && !field("condition") =>
        {
            make(false, What::Braced)
        }
        (_, "ternary_expression")
            if on_own_line && !field("condition") && node.is_named() && !is_comment(node) =>
        {
            make(false, What::Expression)
        }
        _ => None,
    }
}

/// Where the first statement of a block stands that is no directive such as `"use strict"`.
fn after_directives(block: Node<'_>) -> usize {
    let mut at = block.start_byte() + 1;
    for statement in children(block).into_iter().filter(|child| child.is_named() && !is_comment(*child)) {
        let only = statement.named_child(0).filter(|_| statement.kind() == "expression_statement");
        if only.is_none_or(|only| only.kind() != "string") {
            break;
        }
        at = statement.end_byte();
    }
    at
}

fn rows(node: Node<'_>) -> Range<usize> {
    node.start_position().row..node.end_position().row + 1
}

fn lines(rows: impl Iterator<Item = usize>) -> Vec<u32> {
    rows.filter_map(|row| u32::try_from(row + 1).ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use crate::repair::Source;
    use crate::suite::Lines;
    use crate::trace::Trace;

    fn traced(path: &str, text: &str) -> (String, Trace) {
        let trace = Trace::of(&[Source { path: path.to_owned(), text: text.to_owned() }]);
        (trace.files[path].clone(), trace)
    }

    #[test]
    fn what_has_no_block_is_a_spot_too() {
        let text = "\
const twice = (x) => x * 2;
function f(a) {
  'use strict';
  if (a)
    return 1;
  switch (a) {
    case 1:
      g();
  }
  return a
    ? 1
    : 2;
}
";
        let (new, trace) = traced("a.js", text);
        assert!(new.contains("(x) => ((globalThis.__coditect&&globalThis.__coditect(0)), x * 2);"), "{new}");
        assert!(new.contains("'use strict';; globalThis.__coditect&&globalThis.__coditect(1); "), "{new}");
        assert!(new.contains("    { globalThis.__coditect&&globalThis.__coditect(2); return 1; }"), "{new}");
        assert!(new.contains("       globalThis.__coditect&&globalThis.__coditect(3); g();"), "{new}");
        assert!(new.contains("? ((globalThis.__coditect&&globalThis.__coditect(4)), 1)"), "{new}");
        let of = |hits: &[u32]| trace.lines(hits)["a.js"].clone();
        assert_eq!(of(&[1]), [2, 3, 4, 6, 7, 9, 10, 13]);
        assert_eq!(of(&[2]), [5]);
        assert_eq!(of(&[3]), [8]);
        assert_eq!(trace.lines_of_loading(&["a.js"]), Lines::from([("a.js".to_owned(), vec![2, 13])]));
    }

    #[test]
    fn a_call_in_typescript_passes_its_checks() {
        let (new, _) = traced("a.ts", "export function f(): number { return 1; }\n");
        assert!(
            new.contains("{ (globalThis as any).__coditect&&(globalThis as any).__coditect(0);  return 1;"),
            "{new}"
        );
    }
}
