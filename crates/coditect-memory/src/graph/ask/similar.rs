//! Symbols that are like another one: in the words of their names, in how they are built, in what they use.

use std::collections::{BTreeSet, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, NodeRef, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind, Shape};

use super::{by_name, nodes};

/// What each kind of likeness counts.
const NAME: f64 = 0.4;
const SHAPE: f64 = 0.4;
const USES: f64 = 0.2;
/// Those that are compared in what they use as well: it is the dearest of the three.
const COMPARED: usize = 200;
/// Triples of syntax, of sixteen, below which a symbol is too small for its shape to say anything.
const SEEN: usize = 4;

/// A symbol that is like another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// The symbol.
    pub node: Node,
    /// How like, of 1.
    pub likeness: f64,
    /// In their names.
    pub name: f64,
    /// In how they are built.
    pub shape: f64,
    /// In what they use.
    pub uses: f64,
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for letter in name.chars() {
        let begins = letter.is_uppercase() && !before.is_uppercase();
        if !letter.is_alphanumeric() {
            before = ' ';
            continue;
        }
        match words.last_mut().filter(|_| before != ' ' && !begins) {
            Some(word) => word.extend(letter.to_lowercase()),
            None => words.push(letter.to_lowercase().collect()),
        }
        before = letter;
    }
    words.sort_unstable();
    words.dedup();
    words
}

fn in_common<T: Ord>(a: &[T], b: &[T]) -> f64 {
    let common = a.iter().filter(|one| b.binary_search(one).is_ok()).count();
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}

fn alike(a: &Shape, b: &Shape) -> f64 {
    let seen = |shape: &Shape| shape.iter().filter(|byte| **byte != u8::MAX).count();
    if seen(a).min(seen(b)) < SEEN {
        return 0.0;
    }
    let both = a.iter().zip(b).filter(|(a, b)| **a != u8::MAX || **b != u8::MAX);
    let equal = both.clone().filter(|(a, b)| a == b).count();
    equal as f64 / both.count().max(1) as f64
}

fn class(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::Function | NodeKind::Method => 0,
        NodeKind::Test => 1,
        NodeKind::Type => 2,
        NodeKind::Value => 3,
        NodeKind::Module => 4,
        NodeKind::File
        | NodeKind::Dependency
        | NodeKind::Commit
        | NodeKind::Author
        | NodeKind::Episode
        | NodeKind::Error => 5,
    }
}

/// The symbols most like one, at most `most`.
pub fn similar(graph: &dyn Graph, of: NodeId, most: usize) -> Result<Vec<Similar>, PortError> {
    let Some(own) = nodes(graph, &[of])?.pop() else { return Ok(Vec::new()) };
    let mine = words(&own.name);
    let mut first: Vec<(f64, f64, f64, NodeId)> = Vec::new();
    let mut known: HashMap<String, f64> = HashMap::new();
    graph.scan(&mut |node: NodeRef<'_>| {
        if node.id == of || class(node.kind) != class(own.kind) || !node.kind.is_symbol() {
            return;
        }
        let name = match known.get(node.name) {
            Some(name) => *name,
            None => {
                let like = in_common(&mine, &words(node.name));
                known.insert(node.name.to_owned(), like);
                like
            }
        };
        let shape = alike(&own.shape, &node.shape);
        let score = NAME * name + SHAPE * shape;
        if score > 0.1 {
            first.push((score, name, shape, node.id));
        }
    })?;
    let keep = COMPARED.max(most * 4).min(first.len());
    let order = |a: &(f64, f64, f64, NodeId), b: &(f64, f64, f64, NodeId)| b.0.total_cmp(&a.0);
    if keep > 0 && keep < first.len() {
        // All that score as the last one stay, so that the answer does not depend on the order of numbers.
        first.select_nth_unstable_by(keep - 1, order);
        let least = first[keep - 1].0;
        first.retain(|(score, ..)| *score >= least);
    }
    let ids: Vec<NodeId> = first.iter().map(|(.., id)| *id).collect();
    let used = used(graph, &[&ids[..], &[of]].concat())?;
    let own_uses = used.get(&of).cloned().unwrap_or_default();
    let found: HashMap<NodeId, Node> = nodes(graph, &ids)?.into_iter().map(|node| (node.id, node)).collect();
    let mut all: Vec<Similar> = first
        .into_iter()
        .filter_map(|(score, name, shape, id)| {
            let uses = in_common(&own_uses, used.get(&id).map_or(&[][..], Vec::as_slice));
            Some(Similar { node: found.get(&id)?.clone(), likeness: score + USES * uses, name, shape, uses })
        })
        .collect();
    all.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| by_name(&a.node, &b.node)));
    all.truncate(most);
    Ok(all)
}

/// What symbols use, sorted.
fn used(graph: &dyn Graph, ids: &[NodeId]) -> Result<HashMap<NodeId, Vec<NodeId>>, PortError> {
    let mut used: HashMap<NodeId, BTreeSet<NodeId>> = HashMap::new();
    graph.edges(ids, Way::Out, &mut |node, edge| {
        if matches!(edge.kind, EdgeKind::Calls | EdgeKind::Uses | EdgeKind::Tests) {
            used.entry(node).or_default().insert(edge.to);
        }
    })?;
    Ok(used.into_iter().map(|(node, used)| (node, used.into_iter().collect())).collect())
}
