//! Signs in the code itself that something is missing, whatever the tests say: statements that nothing reaches, values
//! that nobody uses, values that are overwritten unread. Working code has few of them, and they point at one place
//! where coverage points at a whole function.
//!
//! Sources: data flow anomalies, Fosdick and Osterweil, "Data Flow Analysis in Software Reliability" (ACM Computing
//! Surveys 8(3), 1976); that they go with defects, Xie and Engler, "Using Redundancies to Find Errors" (FSE 2002).

use std::ops::Range;

use tree_sitter::Node;

use super::facts::{Region, has_word};
use super::statements::{assignment_of, block_of};
use crate::syntax::{parts, text_of};

/// How much likelier edits are at an anomaly than elsewhere: code that nothing reaches is hardly ever meant, the others are
/// now and then.
const UNREACHED: f64 = 12.0;
const UNUSED: f64 = 6.0;
/// The most of these.
pub(super) const LIKELIEST: f64 = UNREACHED;

/// A place where the code says that something is missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Anomaly {
    /// Bytes of the statement.
    pub(super) range: Range<usize>,
    /// How much likelier edits are here than elsewhere.
    pub(super) likelier: f64,
    /// What is in the statement is as likely to be wrong as where it stands.
    pub(super) inside: bool,
}

/// The anomalies of a region, in the order of its statements.
pub(super) fn of(text: &str, region: &Region<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for site in &region.statements {
        let node = site.node;
        let (likelier, inside) = match node.kind() {
            "return_statement" | "raise_statement" | "break_statement" | "continue_statement"
                if hides_code(node) =>
            {
                (UNREACHED, false)
            }
            "expression_statement" if does_nothing(text, node) => (UNUSED, true),
            "expression_statement" if overwrites(text, region, node) => (UNUSED, false),
            _ => continue,
        };
        found.push(Anomaly { range: node.byte_range(), likelier, inside });
    }
    found
}

/// A jump with code behind it.
fn hides_code(jump: Node<'_>) -> bool {
    let Some((_, siblings)) = block_of(jump) else { return false };
    let Some(at) = siblings.iter().position(|sibling| *sibling == jump) else { return false };
    siblings.get(at + 1).is_some_and(|next| !is_yield(*next))
}

/// A `yield` that is never reached makes a generator of a function, and is meant.
pub(in crate::repair) fn is_yield(statement: Node<'_>) -> bool {
    statement.kind() == "expression_statement" && parts(statement).iter().any(|part| part.kind() == "yield")
}

/// An expression that stands alone and does nothing. Where errors are caught, a look at a value may be meant to fail.
fn does_nothing(text: &str, statement: Node<'_>) -> bool {
    let [value] = parts(statement)[..] else { return false };
    let idle = match value.kind() {
        "identifier"
        | "attribute"
        | "subscript"
        | "comparison_operator"
        | "unary_operator"
        | "not_operator" => true,
        // Others give the signs of shifts and sets a meaning of their own.
        "binary_operator" => value.child_by_field_name("operator").is_some_and(|operator| {
            matches!(text_of(text, operator), "+" | "-" | "*" | "/" | "//" | "%" | "**")
        }),
        _ => false,
    };
    idle && !has_call(value) && !is_tried(statement)
}

fn has_call(node: Node<'_>) -> bool {
    matches!(node.kind(), "call" | "await" | "yield" | "named_expression")
        || parts(node).into_iter().any(has_call)
}

fn is_tried(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "try_statement" | "with_statement" => return true,
            "function_definition" | "class_definition" => return false,
            _ => at = parent,
        }
    }
    false
}

/// `def f(a): a = 1`, `a = 1; a = 2`: a value is gone before anything has looked at it.
fn overwrites(text: &str, region: &Region<'_>, statement: Node<'_>) -> bool {
    let Some((left, right)) = assignment_of(statement).filter(|(left, _)| left.kind() == "identifier") else {
        return false;
    };
    let name = text_of(text, left);
    let Some((block, siblings)) = block_of(statement) else { return false };
    if has_word(text_of(text, right), name) || region.node.kind() != "function_definition" {
        return false;
    }
    let before = siblings.iter().take_while(|sibling| **sibling != statement);
    let mut last = None;
    for sibling in before {
        if !last_use(text, *sibling, name, &mut last) {
            return false;
        }
    }
    let of_function = region.node.child_by_field_name("body") == Some(block);
    let is_parameter = of_function && region.parameters.iter().any(|parameter| parameter == name);
    last.unwrap_or(if is_parameter { Use::Write } else { Use::Read }) == Use::Write
}

/// What is done with a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

/// Finds what is done last with `name`, in the order in which it is done. False where that cannot be told: a function that
/// is called later knows the name.
fn last_use(text: &str, node: Node<'_>, name: &str, last: &mut Option<Use>) -> bool {
    let words = text_of(text, node);
    match node.kind() {
        _ if !has_word(words, name) => true,
        "identifier" => {
            *last = Some(Use::Read);
            true
        }
        "function_definition" | "class_definition" | "lambda" | "global_statement" | "nonlocal_statement" => {
            false
        }
        "assignment" | "augmented_assignment" | "for_statement" => {
            let left = node.child_by_field_name("left");
            let rest = parts(node).into_iter().filter(|part| Some(*part) != left);
            let is_target = |left: &Node<'_>| left.kind() == "identifier" && text_of(text, *left) == name;
            let written = left.is_some_and(|left| is_target(&left));
            let loops = node.kind() == "for_statement";
            if written && loops {
                *last = Some(Use::Write);
            }
            let known = rest.into_iter().all(|part| last_use(text, part, name, last))
                && (written || left.is_none_or(|left| last_use(text, left, name, last)));
            if written && !loops {
                *last = Some(Use::Write);
            }
            known
        }
        _ => parts(node).into_iter().all(|part| last_use(text, part, name, last)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::repair::pool::Weights;
    use crate::repair::python::walk;
    use crate::repair::{Problem, Source};
    use crate::syntax::Syntax;

    /// The lines with anomalies.
    fn lines_of(body: &str) -> Vec<String> {
        let text: Arc<str> = Arc::from(format!("def f(a, b=None):\n{body}"));
        let tree = Syntax::python().unwrap().parse(&text).unwrap();
        let source = Source { path: "m.py".to_owned(), text: text.to_string() };
        let weights = Weights::new(&Problem::default(), &source).unwrap();
        let regions = walk::regions(&text, tree.root_node(), &weights);
        regions
            .iter()
            .flat_map(|region| of(&text, region))
            .map(|found| text[found.range].to_owned())
            .collect()
    }

    #[test]
    fn code_that_nothing_reaches() {
        assert_eq!(lines_of("    raise TypeError(a)\n    return b\n"), ["raise TypeError(a)"]);
        assert_eq!(lines_of("    for x in a:\n        continue\n        print(x)\n"), ["continue"]);
        assert!(lines_of("    if a:\n        return 1\n    return 2\n").is_empty());
        assert!(lines_of("    return\n    yield\n").is_empty());
        assert!(lines_of("    return 1\n    # the end\n").is_empty());
    }

    #[test]
    fn values_that_nobody_uses() {
        assert_eq!(lines_of("    a\n    return b\n"), ["a"]);
        assert_eq!(lines_of("    a == b\n    return b\n"), ["a == b"]);
        assert_eq!(lines_of("    a.b\n    return b\n"), ["a.b"]);
        assert!(lines_of("    try:\n        a[b]\n    except KeyError:\n        pass\n").is_empty());
        assert!(
            lines_of("    \"\"\"What it does.\"\"\"\n    ...\n    a << b\n    f(a).x\n    yield a\n")
                .is_empty()
        );
    }

    #[test]
    fn values_that_are_overwritten_unread() {
        assert_eq!(lines_of("    b = len(a)\n    return b\n"), ["b = len(a)"]);
        assert_eq!(lines_of("    \"\"\"Of `b`.\"\"\"\n    b = 1\n"), ["b = 1"]);
        assert!(lines_of("    if b is None:\n        b = 1\n    return b\n").is_empty());
        assert!(lines_of("    print(b)\n    b = 1\n").is_empty());
        assert!(lines_of("    b = b or 1\n    c = 1\n    b += 1\n").is_empty());
        let branches = "    if a:\n        b = 1\n        if b < 2:\n            b = (b - 1) * 2\n";
        assert_eq!(lines_of(&format!("{branches}    b = 3\n    return b\n")), ["b = 3"]);
        assert!(lines_of(&format!("{branches}    else:\n        b = 3\n    return b\n")).is_empty());
        assert!(lines_of("    c = lambda: b\n    b = 3\n    return c\n").is_empty());
        assert!(
            lines_of("    c = b\n    for b in a:\n        print(b)\n    b = 2\n    return b\n").is_empty()
        );
    }
}
