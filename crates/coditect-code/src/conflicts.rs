//! Tests that contradict each other: two of them ask for different results of the same call.
//!
//! Only what can be told from the text is told. A call counts where it names something that the file imports, all of its
//! arguments are literals, and nothing but assertions stands before it in its test; tests with fixtures, decorators or a
//! set-up of their own do not count, since what they run in may differ. So little is found, and what is found is so.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::testing::Conflict;
use tree_sitter::Node;

use crate::syntax::{Syntax, children, parts, text_of};

/// Conflicts that are told.
const MOST: usize = 20;

/// What a test asks of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    test: String,
    wants: String,
    /// See [`meaning`].
    means: Option<String>,
}

impl Claim {
    fn contradicts(&self, other: &Self) -> bool {
        self.means.is_some() && other.means.is_some() && self.means != other.means
    }
}

/// Pairs of these tests that ask for what cannot both be. `files`: path as in test ids, and text; in Python.
#[must_use]
pub fn conflicts<'t>(
    files: impl IntoIterator<Item = (&'t str, &'t str)>,
    tests: &BTreeSet<&str>,
) -> Vec<Conflict> {
    let Some(mut syntax) = Syntax::python() else { return Vec::new() };
    let mut claims: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for (path, text) in files {
        let Some(tree) = syntax.parse(text) else { continue };
        if !tree.root_node().has_error() {
            Reading { path, text, tests }.read(tree.root_node(), &mut claims);
        }
    }
    let pair = |(about, claims): (String, Vec<Claim>)| {
        let first = claims.iter().find(|claim| claim.means.is_some())?;
        let other = claims.iter().find(|claim| claim.test != first.test && claim.contradicts(first))?;
        let side = |claim: &Claim| (claim.test.clone(), claim.wants.clone());
        // Behind the `@` stands where the name comes from.
        let about = about.rsplit_once('@').map_or(about.as_str(), |(about, _)| about).to_owned();
        Some(Conflict { about, one: side(first), other: side(other) })
    };
    claims.into_iter().filter_map(pair).take(MOST).collect()
}

struct Reading<'t> {
    path: &'t str,
    text: &'t str,
    tests: &'t BTreeSet<&'t str>,
}

impl<'t> Reading<'t> {
    fn read(&self, root: Node<'_>, claims: &mut BTreeMap<String, Vec<Claim>>) {
        let imports = self.imports(root);
        for node in parts(root) {
            match node.kind() {
                "function_definition" => self.test(node, "", &imports, claims),
                "class_definition" => {
                    // What a class inherits may set things up.
                    let above = node.child_by_field_name("superclasses").map_or("", |node| self.say(node));
                    let is_plain =
                        matches!(above, "" | "()" | "(object)" | "(unittest.TestCase)" | "(TestCase)");
                    let Some(body) = node.child_by_field_name("body").filter(|_| is_plain) else { continue };
                    let methods =
                        || parts(body).into_iter().filter(|node| node.kind() == "function_definition");
                    if methods().any(|method| self.name(method).to_ascii_lowercase().starts_with("setup")) {
                        continue;
                    }
                    let class = format!("{}::", self.name(node));
                    for method in methods() {
                        self.test(method, &class, &imports, claims);
                    }
                }
                _ => {}
            }
        }
    }

    fn say(&self, node: Node<'_>) -> &'t str {
        text_of(self.text, node)
    }

    fn name(&self, node: Node<'_>) -> &'t str {
        node.child_by_field_name("name").map_or("", |name| self.say(name))
    }

    /// Names that the file imports, each with where it comes from.
    fn imports(&self, root: Node<'_>) -> BTreeMap<&'t str, String> {
        let mut found = BTreeMap::new();
        for node in parts(root) {
            let from = match node.kind() {
                "import_from_statement" => {
                    node.child_by_field_name("module_name").map_or("", |n| self.say(n))
                }
                "import_statement" => "",
                _ => continue,
            };
            let mut cursor = node.walk();
            for name in node.children_by_field_name("name", &mut cursor) {
                let (whole, known) =
                    match (name.child_by_field_name("name"), name.child_by_field_name("alias")) {
                        (Some(whole), Some(alias)) => (self.say(whole), self.say(alias)),
                        _ => (self.say(name), self.say(name).split('.').next().unwrap_or_default()),
                    };
                found.insert(known, format!("{from}.{whole}"));
            }
        }
        found
    }

    fn test(
        &self,
        node: Node<'_>,
        class: &str,
        imports: &BTreeMap<&'t str, String>,
        claims: &mut BTreeMap<String, Vec<Claim>>,
    ) {
        let id = format!("{}::{class}{}", self.path, self.name(node));
        let Some(id) = self.tests.get(id.as_str()) else { return };
        let takes = node.child_by_field_name("parameters").map_or(0, |given| parts(given).len());
        let is_plain = takes == usize::from(!class.is_empty());
        let Some(body) = node.child_by_field_name("body").filter(|_| is_plain) else { return };
        for statement in parts(body) {
            match self.assertion(statement) {
                Some((call, wants)) => {
                    if let Some(from) = self.is_told(call, imports) {
                        let about = format!("{}@{from}", spaced(self.say(call)));
                        let (wants, means) = (spaced(self.say(wants)), meaning(self.text, wants));
                        claims.entry(about).or_default().push(Claim { test: (*id).to_owned(), wants, means });
                    }
                }
                None if matches!(statement.kind(), "assert_statement" | "comment" | "pass_statement") => {}
                None if is_text(statement) || self.is_assertion(statement) => {}
                // What it does may change what the same call gives.
                None => return,
            }
        }
    }

    fn is_assertion(&self, statement: Node<'_>) -> bool {
        self.say(statement).trim_start().starts_with("self.assert")
    }

    /// The call and the literal that a statement says are equal.
    fn assertion<'n>(&self, statement: Node<'n>) -> Option<(Node<'n>, Node<'n>)> {
        let inner = *parts(statement).first()?;
        let (left, right) = if statement.kind() == "assert_statement" {
            let sides = parts(inner);
            let operators: Vec<&str> = children(inner).iter().map(|node| node.kind()).collect();
            let is_equation =
                inner.kind() == "comparison_operator" && sides.len() == 2 && operators.contains(&"==");
            is_equation.then(|| (sides[0], sides[1]))?
        } else {
            let function = inner.child_by_field_name("function").map(|node| self.say(node))?;
            let given = parts(inner.child_by_field_name("arguments")?);
            let is_equation =
                matches!(function, "self.assertEqual" | "self.assertEquals") && given.len() >= 2;
            is_equation.then(|| (given[0], given[1]))?
        };
        match (left.kind(), right.kind()) {
            ("call", _) if is_literal(right) => Some((left, right)),
            (_, "call") if is_literal(left) => Some((right, left)),
            _ => None,
        }
    }

    /// Where what is called comes from, where it is imported and its arguments are all literals.
    fn is_told(&self, call: Node<'_>, imports: &BTreeMap<&'t str, String>) -> Option<String> {
        let function = call.child_by_field_name("function")?;
        let root = self.say(function).split('.').next()?;
        let is_name = matches!(function.kind(), "identifier" | "attribute");
        let given = parts(call.child_by_field_name("arguments")?);
        // Without arguments, each call may give something new.
        let is_told = is_name && !given.is_empty() && given.iter().all(|node| is_literal(*node));
        imports.get(root).filter(|_| is_told).cloned()
    }
}

fn is_text(statement: Node<'_>) -> bool {
    statement.kind() == "expression_statement"
        && parts(statement).first().is_some_and(|node| node.kind() == "string")
}

fn is_literal(node: Node<'_>) -> bool {
    match node.kind() {
        "integer" | "float" | "true" | "false" | "none" => true,
        "string" => !parts(node).iter().any(|part| part.kind() == "interpolation"),
        "list" | "tuple" | "set" | "dictionary" | "pair" | "unary_operator" | "parenthesized_expression" => {
            parts(node).into_iter().all(is_literal)
        }
        "keyword_argument" => node.child_by_field_name("value").is_some_and(is_literal),
        _ => false,
    }
}

/// The text with single spaces.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a literal means, in one way of writing it. None: it can be written in ways that are not looked into here.
fn meaning(text: &str, node: Node<'_>) -> Option<String> {
    let said = text_of(text, node);
    let all =
        |nodes: Vec<Node<'_>>| nodes.into_iter().map(|node| meaning(text, node)).collect::<Option<Vec<_>>>();
    let number = |said: &str| said.replace('_', "").parse::<f64>().ok().map(|number| format!("{number:.9e}"));
    match node.kind() {
        "true" => number("1"),
        "false" => number("0"),
        "none" => Some("None".to_owned()),
        "integer" | "float" => number(said),
        "unary_operator" => number(&spaced(said).replace(' ', "")),
        "string" => {
            let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| said.starts_with(quote))?;
            let inner = said.strip_prefix(quote)?.strip_suffix(quote)?;
            (!inner.contains('\\')).then(|| format!("{inner:?}"))
        }
        "parenthesized_expression" => meaning(text, *parts(node).first()?),
        "list" => Some(format!("[{}]", all(parts(node))?.join(", "))),
        "tuple" => Some(format!("({},)", all(parts(node))?.join(", "))),
        "pair" => Some(all(parts(node))?.join(": ")),
        "set" | "dictionary" => {
            let mut members = all(parts(node))?;
            members.sort_unstable();
            Some(format!("{{{}}}", members.join(", ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, tests: &[&str]) -> Vec<Conflict> {
        let ids: Vec<String> = tests.iter().map(|test| format!("test_a.py::{test}")).collect();
        conflicts([("test_a.py", text)], &ids.iter().map(String::as_str).collect())
    }

    #[test]
    fn two_tests_that_cannot_both_be_met_are_told() {
        let text = "from a import add\nimport a\n\
            def test_one():\n    \"\"\"Says.\"\"\"\n    assert add(1, 2) == 3\n\
            def test_two():\n    assert 4 == add(1,  2)\n\
            class T:\n    def test_three(self):\n        self.assertEqual(a.neg([1, -2]), 'x')\n\
            \x20   def test_four(self):\n        self.assertTrue(1)\n        self.assertEqual(a.neg([1, -2]), 'y')\n";
        let all = found(text, &["test_one", "test_two", "T::test_three", "T::test_four"]);
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0].about, "a.neg([1, -2])");
        assert_eq!(all[1].one, ("test_a.py::test_one".into(), "3".into()));
        assert_eq!(all[1].other, ("test_a.py::test_two".into(), "4".into()));
        let text = text.replace("(1, 2)", "('a@b', 2)").replace("(1,  2)", "('a@b', 2)");
        assert!(found(&text, &["test_one", "test_two"]).iter().any(|found| found.about == "add('a@b', 2)"));
        // A test that does not run asks for nothing.
        assert_eq!(found(&text, &["test_one", "T::test_three"]), []);
    }

    #[test]
    fn containers_that_differ_contradict_each_other() {
        for (one, other) in [
            ("{'a': 2, 'b': 1}", "{'none': 0}"),
            ("[1, 2]", "[2, 1]"),
            ("[1, 2]", "(1, 2)"),
            ("{1, 2}", "{1, 3}"),
            ("'{'", "'}'"),
            ("None", "0"),
            ("-1", "1"),
        ] {
            let text = format!(
                "from a import f\ndef test_one():\n    assert f(1) == {one}\ndef test_two():\n    assert f(1) == {other}\n"
            );
            assert_eq!(found(&text, &["test_one", "test_two"]).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_may_well_both_be_is_no_conflict() {
        for text in [
            "from a import f\ndef test_one():\n    assert f(1) == {'a': 1, 'b': [2]}\ndef test_two():\n    assert f(1) == {'b': [2.0], \"a\": True}\n",
            "from a import f\ndef test_one():\n    assert f(1) == 0.3\ndef test_two():\n    assert f(1) == 0.30000000000000004\n",
            // The same value, written otherwise.
            "from a import f\ndef test_one():\n    assert f(1) == 1\ndef test_two():\n    assert f(1) == 1.0\n",
            "from a import f\ndef test_one():\n    assert f(1) == 'a'\ndef test_two():\n    assert f(1) == \"a\"\n",
            "from a import f\ndef test_one():\n    assert f(1) == 'a'\ndef test_two():\n    assert f(1) == '\\x61'\n",
            // Something is done before.
            "from a import f, g\ndef test_one():\n    g(2)\n    assert f(1) == 1\ndef test_two():\n    assert f(1) == 2\n",
            // Fixtures, set-ups and decorators.
            "from a import f\ndef test_one(tmp):\n    assert f(1) == 1\ndef test_two():\n    assert f(1) == 2\n",
            "from a import f\nimport b\n@b.patch\ndef test_one():\n    assert f(1) == 1\ndef test_two():\n    assert f(1) == 2\n",
            // No arguments, names, calls of what is not imported.
            "from a import f\ndef test_one():\n    assert f() == 1\ndef test_two():\n    assert f() == 2\n",
            "from a import f\nX = 1\ndef test_one():\n    assert f(X) == 1\ndef test_two():\n    assert f(X) == 2\n",
            "def f(x):\n    pass\ndef test_one():\n    assert f(1) == 1\ndef test_two():\n    assert f(1) == 2\n",
            "from a import f\ndef test_one():\n    assert f(1) != 1\ndef test_two():\n    assert f(1) == 2\n",
        ] {
            assert_eq!(found(text, &["test_one", "test_two"]), [], "{text}");
        }
        let text = "import a\nclass T(Base):\n    def test_one(self):\n        self.assertEqual(a.f(1), 1)\n\
            class U(Other):\n    def test_two(self):\n        self.assertEqual(a.f(1), 2)\n";
        assert_eq!(found(text, &["T::test_one", "U::test_two"]), []);
        let text = "import a\nclass T:\n    def setUp(self):\n        a.be(2)\n    def test_one(self):\n        self.assertEqual(a.f(1), 1)\n\
            class U:\n    def test_two(self):\n        self.assertEqual(a.f(1), 2)\n";
        assert_eq!(found(text, &["T::test_one", "U::test_two"]), []);
    }
}
