//! What tree-sitter's tree says of broken text: where it has errors, and which changes leave fewer of them.

use tree_sitter::{Node, Tree};

use super::fixes::Fix;
use crate::syntax::{Splice, Syntax, children, splice};

/// Errors of a tree that are looked at.
const MOST_ERRORS: usize = 200;
/// What a change counts that leaves no error, fewer, as many, more.
const COUNTS: [f64; 4] = [1.6, 1.2, 0.8, 0.4];

/// The errors of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Errors {
    /// How many, up to [`MOST_ERRORS`].
    pub(super) count: usize,
    /// Rows on which they begin, first ones first, without repetitions.
    pub(super) rows: Vec<usize>,
    /// Tokens that the parser would have needed: where, and what.
    pub(super) missing: Vec<(usize, String)>,
}

/// The errors of a tree, in the order of the text.
pub(super) fn errors(tree: &Tree) -> Errors {
    let mut found = Errors::default();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if found.count >= MOST_ERRORS {
            break;
        }
        if node.is_error() || node.is_missing() {
            found.count += 1;
            let row = node.start_position().row;
            if !found.rows.contains(&row) {
                found.rows.push(row);
            }
            let mark = !node.kind().is_empty() && node.kind().chars().all(|c| c.is_ascii_punctuation());
            if node.is_missing() && mark {
                found.missing.push((node.start_byte(), node.kind().to_owned()));
            }
        }
        let inner: Vec<Node<'_>> = children(node).into_iter().filter(Node::has_error).collect();
        open.extend(inner.into_iter().rev());
    }
    found
}

/// Bytes that are parsed to weigh the changes of one complaint: a long file has only its likeliest ones weighed.
const MOST_BYTES: usize = 8_000_000;

/// Puts changes first that leave fewer errors than there are.
pub(super) fn weigh(fixes: &mut [Fix], syntax: &mut Syntax, tree: &Tree, text: &str, count: usize) {
    let most = MOST_BYTES / text.len().max(1);
    for fix in fixes.iter_mut().skip(most) {
        fix.fit *= COUNTS[2];
    }
    for fix in fixes.iter_mut().take(most) {
        let Some(new) = splice(text, &fix.splices) else { continue };
        let sorted: Vec<&Splice> = fix.splices.iter().collect();
        let left = syntax.reparse(tree, text, &sorted, &new).map_or(usize::MAX, |tree| errors(&tree).count);
        let place = match left {
            0 => 0,
            left if left < count => 1,
            left if left == count => 2,
            _ => 3,
        };
        fix.fit *= COUNTS[place];
    }
    fixes.sort_by(|a, b| b.fit.total_cmp(&a.fit));
}
