//! What the whole project says, tests included: which attributes exist, how functions are called, which values
//! and types are expected of them. It ranks candidates and names constants; a test's input never becomes a case.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::borrowed::Borrowed;
use super::types::{self, Type};
use crate::repair::Source;
use crate::syntax::{Syntax, children, parts, text_of};

/// Text that is read of all files together, in bytes: enough for a large package, and bounded.
const MOST_TEXT: usize = 4 << 20;
/// Nodes that are looked at in one file.
const MOST_NODES: usize = 400_000;
/// Longest text literal that is kept, in bytes.
const LONGEST_TEXT: usize = 60;

/// Facts of the project.
#[derive(Debug, Default)]
pub(super) struct Lore {
    /// Attribute and method names with how often they are used.
    pub(super) attributes: BTreeMap<String, u32>,
    /// By function: types of positional arguments in the tests' calls.
    pub(super) parameter_types: BTreeMap<String, Vec<Type>>,
    /// By function: constants that tests expect of it, as source text (`True`, `0`, `[]`, `None`).
    pub(super) expected: BTreeMap<String, BTreeSet<String>>,
    /// By function: the type that tests expect of it.
    pub(super) expected_types: BTreeMap<String, Type>,
    /// Text literals of tests, quotes included.
    pub(super) texts: BTreeSet<String>,
    /// Integers of tests.
    pub(super) numbers: BTreeSet<i64>,
    /// Keyword arguments by function: names that calls use.
    pub(super) keywords: BTreeMap<String, BTreeSet<String>>,
    /// What could stand elsewhere too.
    pub(super) borrowed: Borrowed,
}

impl Lore {
    /// Reads the project.
    pub(super) fn gather(syntax: &mut Syntax, sources: &[Source], others: &[Source]) -> Self {
        let mut lore = Self::default();
        let mut left = MOST_TEXT;
        for (source, is_test) in sources.iter().map(|s| (s, false)).chain(others.iter().map(|s| (s, true))) {
            if !source.path.ends_with(".py") || source.text.len() > left {
                continue;
            }
            left -= source.text.len();
            if let Some(tree) = syntax.parse(&source.text) {
                lore.read(&source.text, tree.root_node(), is_test);
            }
        }
        lore
    }

    fn read(&mut self, text: &str, root: Node<'_>, is_test: bool) {
        let mut stack = vec![root];
        let mut seen = 0;
        while let Some(node) = stack.pop() {
            seen += 1;
            if seen > MOST_NODES {
                return;
            }
            if !is_test {
                self.borrowed.read(text, node);
            }
            match node.kind() {
                "attribute" => {
                    if let Some(name) = node.child_by_field_name("attribute") {
                        *self.attributes.entry(text_of(text, name).to_owned()).or_insert(0) += 1;
                    }
                }
                "call" => self.call(text, node, is_test),
                "comparison_operator" if is_test => self.comparison(text, node),
                "string" if is_test && node.byte_range().len() <= LONGEST_TEXT => {
                    self.texts.insert(text_of(text, node).to_owned());
                }
                "integer" if is_test => {
                    if let Ok(number) = text_of(text, node).parse() {
                        self.numbers.insert(number);
                    }
                }
                _ => {}
            }
            stack.extend(parts(node));
        }
    }

    fn call(&mut self, text: &str, node: Node<'_>, is_test: bool) {
        let Some(name) = callee(text, node) else { return };
        let arguments = node.child_by_field_name("arguments").map(parts).unwrap_or_default();
        for argument in arguments.iter().filter(|argument| argument.kind() == "keyword_argument") {
            if let Some(keyword) = argument.child_by_field_name("name") {
                let known = self.keywords.entry(name.to_owned()).or_default();
                known.insert(text_of(text, keyword).to_owned());
            }
        }
        if !is_test {
            return;
        }
        // `assertEqual(f(x), 1)`, in either order.
        if let [one, two, ..] = arguments.as_slice()
            && name.starts_with("assert")
        {
            self.expects(text, *one, *two);
            self.expects(text, *two, *one);
        }
        let constant = match name {
            "assertTrue" => "True",
            "assertFalse" => "False",
            "assertIsNone" => "None",
            _ => "",
        };
        if let ([one, ..], false) = (arguments.as_slice(), constant.is_empty())
            && one.kind() == "call"
            && let Some(function) = callee(text, *one)
        {
            self.expected.entry(function.to_owned()).or_default().insert(constant.to_owned());
        }
        let types = self.parameter_types.entry(name.to_owned()).or_default();
        for (n, argument) in arguments.iter().enumerate().take(12) {
            if types.len() <= n {
                types.push(Type::Unknown);
            }
            let guess = types::guess(text, *argument, &BTreeMap::new(), 4);
            if matches!(types[n], Type::Unknown | Type::Nothing) && guess != Type::Unknown {
                types[n] = guess;
            }
        }
    }

    fn comparison(&mut self, text: &str, node: Node<'_>) {
        let sides = parts(node);
        if let [one, two] = sides.as_slice()
            && children(node).iter().any(|token| matches!(token.kind(), "==" | "is"))
        {
            self.expects(text, *one, *two);
            self.expects(text, *two, *one);
        }
    }

    fn expects(&mut self, text: &str, call: Node<'_>, value: Node<'_>) {
        if call.kind() != "call" {
            return;
        }
        let Some(name) = callee(text, call) else { return };
        let ty = types::guess(text, value, &BTreeMap::new(), 4);
        let slot = self.expected_types.entry(name.to_owned()).or_default();
        if matches!(slot, Type::Unknown | Type::Nothing) {
            *slot = ty;
        }
        let words = text_of(text, value);
        // Only what says nothing of one input: truth values, nothing, the smallest numbers, empty containers.
        let plain = matches!(
            words,
            "True"
                | "False"
                | "None"
                | "0"
                | "1"
                | "-1"
                | "0.0"
                | "[]"
                | "()"
                | "{}"
                | "''"
                | "\"\""
                | "set()"
        );
        if plain || (value.kind() == "string" && words.len() <= LONGEST_TEXT) {
            self.expected.entry(name.to_owned()).or_default().insert(words.to_owned());
        }
    }
}

/// The name of the function or method that a call names.
pub(super) fn callee<'t>(text: &'t str, call: Node<'_>) -> Option<&'t str> {
    let function = call.child_by_field_name("function")?;
    let name = match function.kind() {
        "identifier" => function,
        "attribute" => function.child_by_field_name("attribute")?,
        _ => return None,
    };
    Some(text_of(text, name))
}
