//! How one symbol leads to another.

use std::collections::{BTreeMap, HashMap, HashSet};

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId};

use super::{MOST, known};

/// A step of a way.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it leads.
    pub node: Node,
    /// By what, and how sure that is; None at the start.
    pub by: Option<(EdgeKind, u8)>,
}

/// What a node costs to reach, and from where, by what, how sure.
type Cost = (u32, Option<(NodeId, EdgeKind, u8)>);

/// The shortest way from one of these nodes to one of those, where a step that is less sure counts for more. Empty: there is none.
pub fn path(graph: &dyn Graph, from: &[NodeId], to: &[NodeId]) -> Result<Vec<Step>, PortError> {
    let mut best: HashMap<NodeId, Cost> = HashMap::new();
    let mut open: BTreeMap<u32, Vec<NodeId>> = BTreeMap::new();
    open.entry(0).or_default().extend(from);
    best.extend(from.iter().map(|node| (*node, (0, None))));
    // A name may stand for thousands.
    let to: HashSet<NodeId> = to.iter().copied().collect();
    let mut end = from.iter().copied().find(|node| to.contains(node));
    while let Some((cost, mut batch)) = open.pop_first().filter(|_| end.is_none()) {
        batch.retain(|node| best.get(node).is_some_and(|(least, _)| *least == cost));
        batch.sort_unstable();
        batch.dedup();
        if let Some(found) = batch.iter().copied().find(|node| to.contains(node)) {
            end = Some(found);
            break;
        }
        if best.len() > MOST {
            break;
        }
        graph.edges(&batch, Way::Out, &mut |from, edge| {
            let Some(step) = step(edge.kind) else { return };
            let new = cost + step + u32::from(100 - edge.sure.min(100));
            if best.get(&edge.to).is_none_or(|(least, _)| new < *least) {
                best.insert(edge.to, (new, Some((from, edge.kind, edge.sure))));
                open.entry(new).or_default().push(edge.to);
            }
        })?;
    }
    let mut steps: Vec<(NodeId, Option<(EdgeKind, u8)>)> = Vec::new();
    let mut at = end;
    while let Some(node) = at {
        let by = best.get(&node).and_then(|(_, by)| *by);
        steps.push((node, by.map(|(_, kind, sure)| (kind, sure))));
        at = by.map(|(from, ..)| from);
    }
    steps.reverse();
    let ids: Vec<NodeId> = steps.iter().map(|(node, _)| *node).collect();
    let mut found = known(graph, &ids)?;
    Ok(steps.into_iter().filter_map(|(id, by)| Some(Step { node: found.remove(&id)?, by })).collect())
}

/// What a step costs; None: it is no way to go.
fn step(kind: EdgeKind) -> Option<u32> {
    match kind {
        EdgeKind::Calls | EdgeKind::Uses | EdgeKind::Extends | EdgeKind::Tests => Some(100),
        EdgeKind::Defines | EdgeKind::Imports => Some(180),
        EdgeKind::ChangedBy | EdgeKind::MadeBy | EdgeKind::WorkedOnBy | EdgeKind::Showed => None,
    }
}
