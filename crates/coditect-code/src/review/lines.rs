//! Source text line by line: its code without comments and without what stands in strings, and its literals.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::languages::Language;
use crate::syntax::{children, text_of};

/// What stands on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its tokens; blanks stand between words only.
    pub(super) code: String,
    /// Its numbers and strings, the latter without their quotes.
    pub(super) literals: Vec<String>,
}

/// The lines of a text that have anything on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(BTreeMap<usize, Line>);

impl Lines {
    pub(super) fn of(language: Language, text: &str) -> Self {
        let mut lines = Self::default();
        let tree = language.syntax().and_then(|mut syntax| syntax.parse(text));
        if let Some(tree) = tree {
            lines.take(text, tree.root_node());
        }
        lines
    }

    /// The lines with their numbers, from 1.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.0.iter().map(|(number, line)| (*number, line))
    }

    /// Takes in a tree, without recursion: a hostile text nests as deep as it is long.
    fn take(&mut self, text: &str, root: Node<'_>) {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let kind = node.kind();
            if kind.contains("comment") {
                continue;
            }
            let line = self.0.entry(node.start_position().row + 1).or_default();
            let said = text_of(text, node);
            if is_string(kind) {
                let bare =
                    said.trim_start_matches(|c: char| c.is_alphabetic()).trim_matches(['"', '\'', '`', '#']);
                line.literals.push(bare.to_owned());
                line.code.push_str("\"\"");
                // What is put into a string is code.
                open.extend(children(node).into_iter().rev().filter(|part| {
                    part.kind().contains("interpolation") || part.kind().contains("substitution")
                }));
            } else if node.child_count() == 0 {
                if said.starts_with(|c: char| c.is_ascii_digit()) {
                    line.literals.push(said.to_owned());
                }
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                if line.code.ends_with(is_word) && said.starts_with(is_word) {
                    line.code.push(' ');
                }
                line.code.push_str(said);
            } else {
                open.extend(children(node).into_iter().rev());
            }
        }
        self.0.retain(|_, line| !line.code.is_empty());
    }
}

/// A whole string, not a part of one.
fn is_string(kind: &str) -> bool {
    matches!(
        kind,
        "string"
            | "template_string"
            | "string_literal"
            | "raw_string_literal"
            | "interpreted_string_literal"
            | "char_literal"
            | "character_literal"
            | "rune_literal"
    )
}
