//! Source text as a concrete syntax tree, by tree-sitter: it knows every byte, and it parses what is broken too.
//!
//! Only parsing and small questions about trees live here; what a tree means is the business of those who ask.

use std::fmt;
use std::ops::Range;

use tree_sitter::{InputEdit, Node, Parser, Point, Tree};

#[cfg(test)]
mod tests;

/// A replacement of bytes: what stood at `range` becomes `new`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Splice {
    /// Bytes of the old text.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub new: String,
}

/// A parser for one language. Not shared between threads; making one is cheap.
pub struct Syntax {
    parser: Parser,
}

impl fmt::Debug for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syntax").finish_non_exhaustive()
    }
}

impl Syntax {
    /// A parser for `language`. None: the grammar was built for another tree-sitter, which is a mistake in the
    /// build and not of the input.
    #[must_use]
    pub fn new(language: &tree_sitter::Language) -> Option<Self> {
        let mut parser = Parser::new();
        parser.set_language(language).ok()?;
        Some(Self { parser })
    }

    /// A parser for Python 3.
    #[must_use]
    pub fn python() -> Option<Self> {
        Self::new(&tree_sitter_python::LANGUAGE.into())
    }

    /// The tree of `text`. Broken text has a tree too, with error nodes in it.
    pub fn parse(&mut self, text: &str) -> Option<Tree> {
        self.parser.parse(text, None)
    }

    /// The tree of `new_text`, which is `old_text` with `splices` applied (sorted, not overlapping). Reuses
    /// what `old` knows, so that its cost is that of the change and not of the file.
    pub fn reparse(
        &mut self,
        old: &Tree,
        old_text: &str,
        splices: &[&Splice],
        new_text: &str,
    ) -> Option<Tree> {
        let mut tree = old.clone();
        // From the last to the first, so that the earlier ranges still hold.
        for splice in splices.iter().rev() {
            let start = point_at(old_text, splice.range.start);
            let old_end = point_at(old_text, splice.range.end);
            tree.edit(&InputEdit {
                start_byte: splice.range.start,
                old_end_byte: splice.range.end,
                new_end_byte: splice.range.start + splice.new.len(),
                start_position: start,
                old_end_position: old_end,
                new_end_position: advance(start, &splice.new),
            });
        }
        self.parser.parse(new_text, Some(&tree))
    }
}

/// Applies `splices` to `text`. None where they overlap, leave the text, or cut a character in two.
#[must_use]
pub fn splice<'s>(text: &str, splices: impl IntoIterator<Item = &'s Splice>) -> Option<String> {
    let mut sorted: Vec<&Splice> = splices.into_iter().collect();
    sorted.sort_by_key(|s| (s.range.start, s.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for piece in sorted {
        if piece.range.start > piece.range.end {
            return None;
        }
        out.push_str(text.get(at..piece.range.start)?);
        out.push_str(&piece.new);
        at = piece.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// The text of `node`, `""` where the tree does not belong to the text.
#[must_use]
pub fn text_of<'t>(text: &'t str, node: Node<'_>) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The named children of `node` that are not comments.
pub fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// All children of `node`, tokens too.
pub fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Start of the line that holds byte `at`.
#[must_use]
pub fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1)
}

/// End of the line that holds byte `at`, its line break included.
#[must_use]
pub fn line_end(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    text.as_bytes()[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| at + n + 1)
}

fn point_at(text: &str, at: usize) -> Point {
    let before = &text.as_bytes()[..at.min(text.len())];
    let row = before.iter().filter(|&&b| b == b'\n').count();
    Point { row, column: at - line_start(text, at) }
}

fn advance(from: Point, text: &str) -> Point {
    match text.rfind('\n') {
        None => Point { row: from.row, column: from.column + text.len() },
        Some(last) => {
            let rows = text.bytes().filter(|&b| b == b'\n').count();
            Point { row: from.row + rows, column: text.len() - last - 1 }
        }
    }
}
