//! Code that a change makes dead: a `return` above what is wrong passes many a test, and is never what was meant.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::languages::Language;
use crate::repair::Source;
use crate::repair::python::anomalies::is_yield;
use crate::syntax::{Syntax, children};

/// True where more statements of the changed files stand behind a jump, where nothing reaches them, than did before.
pub(in crate::repair) fn makes_dead_code(sources: &[Source], overlay: &BTreeMap<String, String>) -> bool {
    overlay.iter().any(|(path, new)| {
        let old = sources.iter().find(|source| source.path == *path).map_or("", |source| &source.text);
        let counts = |language: Language, text: &str| {
            let mut syntax = Syntax::new(&language.grammar())?;
            let tree = syntax.parse(text)?;
            Some(unreached(tree.root_node()))
        };
        let count = |text: &str| Language::of_path(path).and_then(|language| counts(language, text));
        count(new).is_some_and(|after| after > 0 && count(old).is_some_and(|before| after > before))
    })
}

/// Statements right behind a jump.
fn unreached(root: Node<'_>) -> usize {
    let mut found = 0;
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        let parts = children(node);
        let statements = || parts.iter().filter(|part| part.is_named() && !part.kind().ends_with("comment"));
        found += statements()
            .zip(statements().skip(1))
            .filter(|(one, next)| is_jump(**one) && !is_elsewhere(**next))
            .count();
        open.extend(parts);
    }
    found
}

/// A jump that is a statement of its own.
fn is_jump(node: Node<'_>) -> bool {
    match node.kind() {
        "return_statement" | "raise_statement" | "throw_statement" | "break_statement"
        | "continue_statement" => true,
        // Rust's jumps are expressions.
        "expression_statement" => {
            let inner = children(node);
            let first = inner.first().map(|inner| inner.kind());
            matches!(first, Some("return_expression" | "break_expression" | "continue_expression"))
        }
        _ => false,
    }
}

/// What may stand behind a jump: it is reached in another way, or says something else than that it is run.
fn is_elsewhere(node: Node<'_>) -> bool {
    let kind = node.kind();
    let is_declared = ["function", "class", "label", "case", "declaration", "item", "clause"];
    is_declared.iter().any(|part| kind.contains(part)) || is_yield(node) || kind == "empty_statement"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn makes_dead(path: &str, old: &str, new: &str) -> bool {
        let sources = [Source { path: path.to_owned(), text: old.to_owned() }];
        makes_dead_code(&sources, &BTreeMap::from([(path.to_owned(), new.to_owned())]))
    }

    #[test]
    fn a_return_above_other_code_makes_it_dead() {
        for (path, old, new) in [
            ("a.py", "def f(a):\n    return a + 1\n", "def f(a):\n    return a\n    return a + 1\n"),
            (
                "a.py",
                "def f(a):\n    a = 1\n    # so\n    g(a)\n",
                "def f(a):\n    raise a\n    # so\n    g(a)\n",
            ),
            ("a.js", "function f(a) {\n  g();\n  h();\n}\n", "function f(a) {\n  return;\n  h();\n}\n"),
            ("a.rs", "fn f() -> u8 {\n    g();\n    1\n}\n", "fn f() -> u8 {\n    return 2;\n    1\n}\n"),
            (
                "A.java",
                "class A { int f() { g(); return 1; } }\n",
                "class A { int f() { throw g(); return 1; } }\n",
            ),
            (
                "a.go",
                "package a\nfunc f() {\n\tg()\n\th()\n}\n",
                "package a\nfunc f() {\n\treturn\n\th()\n}\n",
            ),
        ] {
            assert!(makes_dead(path, old, new), "{new}");
            assert!(!makes_dead(path, new, old), "{old}");
            // What was dead already is not the change's doing.
            assert!(!makes_dead(path, new, &new.replace('1', "3")), "{new}");
        }
    }

    #[test]
    fn what_is_reached_in_another_way_is_not_dead() {
        for (path, new) in [
            ("a.py", "def f(a):\n    return\n    yield\n"),
            ("a.js", "function f(a) {\n  return g();\n  function g() {}\n}\n"),
            ("a.js", "switch (a) {\n  case 1:\n    break;\n  case 2:\n    f();\n}\n"),
            (
                "a.go",
                "package a\nfunc f(a int) {\n\tswitch a {\n\tcase 1:\n\t\treturn\n\tcase 2:\n\t\tg()\n\t}\n}\n",
            ),
            ("a.py", "def f(a):\n    if a:\n        return\n    g()\n"),
            ("a.rs", "fn f(a: u8) -> u8 {\n    if a > 1 {\n        return 2;\n    }\n    1\n}\n"),
        ] {
            assert!(!makes_dead(path, "", new), "{new}");
        }
    }
}
