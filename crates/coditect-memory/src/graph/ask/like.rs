//! What a person may mean who knows a part of a name.

use std::cmp::Ordering;

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, NodeRef};
use coditect_types::graph::NodeKind;

use super::{by_name, called, nodes};

/// How well a name fits what was typed: the less, the better.
fn rank(node: NodeRef<'_>, words: &str, whole: &str) -> Option<(u8, bool)> {
    let last = node.name.to_lowercase();
    let place = match () {
        () if last == words => 0,
        () if last.starts_with(words) => 1,
        () if last.contains(words) => 2,
        () if whole.contains(words) => 3,
        () => return None,
    };
    // Where both fit, code is looked for more often than what tests it.
    Some((place, node.kind == NodeKind::Test))
}

/// Files and symbols with this in their names or paths, whatever their case, the best first, at most `most`; and how many more there are.
pub fn like(graph: &dyn Graph, words: &str, most: usize) -> Result<(Vec<Node>, usize), PortError> {
    let words = words.trim().to_lowercase();
    if words.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let mut found = Vec::new();
    graph.scan(&mut |node| {
        if node.kind == NodeKind::File || node.kind == NodeKind::Dependency || node.kind.is_symbol() {
            let whole = called(node).to_lowercase();
            // Of those that fit alike, the shortest is the nearest.
            found.extend(rank(node, &words, &whole).map(|rank| (rank, whole.len(), node.id)));
        }
    })?;
    let left_out = found.len().saturating_sub(most);
    if left_out > 0 && most > 0 {
        let order = |a: &((u8, bool), usize, _), b: &((u8, bool), usize, _)| (a.0, a.1).cmp(&(b.0, b.1));
        found.select_nth_unstable_by(most - 1, order);
        // All that fit as the last one does are looked at, so that the answer does not depend on the numbers of nodes.
        let last = (found[most - 1].0, found[most - 1].1);
        found.retain(|(rank, length, _)| (*rank, *length) <= last);
    }
    let ids: Vec<_> = found.iter().map(|(.., id)| *id).collect();
    let mut all = nodes(graph, &ids)?;
    let place = |node: &Node| {
        let whole = called(node.lend()).to_lowercase();
        (rank(node.lend(), &words, &whole), whole.len())
    };
    all.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| -> Ordering { by_name(a, b) }));
    all.truncate(most);
    Ok((all, left_out))
}
