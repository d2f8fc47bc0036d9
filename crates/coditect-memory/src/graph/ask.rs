//! The named questions. Each is asked of any graph by way of its port, so that all graphs give the same answers: what a graph has
//! to know is what stands next to what.
//!
//! What leads on from a node gets a strength: that of the node, times how sure the edge is, times what a step costs. The best
//! way to a node counts (Dijkstra 1959, in whole thousandths, a batch of nodes for each value).

use std::collections::{BTreeMap, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, NodeRef, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

mod cause;
mod dead;
mod diffed;
mod find;
mod impact;
mod like;
mod path;
mod people;
mod similar;

pub use cause::{Candidate, cause};
pub use dead::{Exported, dead};
pub use diffed::{Diffed, Gone, diffed};
pub use find::{Place, Target, find, lines_of_diff, target};
pub use impact::{Impact, Reached, impact};
pub use like::like;
pub use path::{Step, path};
pub use people::{Hot, Owner, Owners, hot, owners};
pub use similar::{Similar, similar};

/// A whole strength, in thousandths.
const WHOLE: u32 = 1_000;
/// What is weaker is not followed.
const WEAKEST: u32 = 20;
/// Nodes that a question looks at.
const MOST: usize = 300_000;

/// How a node was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrival {
    strength: u32,
    steps: u32,
    /// Where from, and by what.
    from: Option<(NodeId, EdgeKind)>,
}

/// What is known of a node while a question is followed.
#[derive(Clone, Copy, Debug)]
struct About {
    kind: NodeKind,
    for_tests: bool,
}

/// Follows edges from some nodes on. `leads` says which way an edge goes on from a node, and what part of the strength is left,
/// of 1,000; each node is settled once, the strongest first.
fn spread(
    graph: &dyn Graph,
    starts: &[(NodeId, u32)],
    ways: &[Way],
    leads: &dyn Fn(About, u32, Way, Edge) -> Option<u32>,
) -> Result<HashMap<NodeId, Arrival>, PortError> {
    let mut reached: HashMap<NodeId, Arrival> = HashMap::new();
    let mut open: BTreeMap<u32, Vec<NodeId>> = BTreeMap::new();
    for (node, strength) in starts {
        reached.insert(*node, Arrival { strength: *strength, steps: 0, from: None });
        open.entry(*strength).or_default().push(*node);
    }
    while let Some((strength, mut batch)) = open.pop_last() {
        batch.retain(|node| reached.get(node).is_some_and(|way| way.strength == strength));
        batch.sort_unstable();
        batch.dedup();
        if batch.is_empty() || reached.len() > MOST {
            continue;
        }
        let mut about: HashMap<NodeId, About> = HashMap::with_capacity(batch.len());
        graph.look(&batch, &mut |node| {
            about.insert(node.id, About { kind: node.kind, for_tests: node.traits.for_tests });
        })?;
        for way in ways {
            graph.edges(&batch, *way, &mut |from, edge| {
                let Some(about) = about.get(&from) else { return };
                let steps = reached.get(&from).map_or(0, |way| way.steps);
                let Some(part) = leads(*about, steps, *way, edge) else { return };
                // A step always costs something, so that what is settled stays so.
                let left = (strength * part.min(990) / WHOLE).min(strength - 1);
                let known = reached.get(&edge.to).map_or(0, |way| way.strength);
                if left >= WEAKEST && left > known {
                    let new = Arrival { strength: left, steps: steps + 1, from: Some((from, edge.kind)) };
                    reached.insert(edge.to, new);
                    open.entry(left).or_default().push(edge.to);
                }
            })?;
        }
    }
    Ok(reached)
}

/// Nodes by their numbers, kept; those that are not there are missing.
pub fn known(graph: &dyn Graph, ids: &[NodeId]) -> Result<HashMap<NodeId, Node>, PortError> {
    let mut found: HashMap<NodeId, Node> = HashMap::with_capacity(ids.len());
    graph.look(ids, &mut |node| {
        found.insert(node.id, node.into());
    })?;
    Ok(found)
}

/// Nodes, kept, in the order of the numbers; each once, so that they stand at other places than their numbers.
pub fn nodes(graph: &dyn Graph, ids: &[NodeId]) -> Result<Vec<Node>, PortError> {
    let mut found = known(graph, ids)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The name of a symbol that no other has: path and name, as tests are called too.
#[must_use]
pub fn called(node: NodeRef<'_>) -> String {
    if node.kind.is_symbol() { format!("{}::{}", node.path, node.full) } else { node.name.to_owned() }
}

/// An order that does not depend on the numbers that a graph gave.
fn by_name(a: &Node, b: &Node) -> std::cmp::Ordering {
    (a.path.as_str(), a.lines, a.full.as_str(), a.kind).cmp(&(
        b.path.as_str(),
        b.lines,
        b.full.as_str(),
        b.kind,
    ))
}
