//! Code that nothing needs: no test, no entry, no file's top and no export leads to it, and nothing else has its name.

use std::collections::{HashMap, HashSet};

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::{by_name, nodes};

/// Whether what is exported counts as needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// Someone else may need it.
    IsNeeded,
    /// Only what the project itself needs is.
    MayBeDead,
}

/// Symbols that nothing needs, by their places; what stands in one of them is not told beside it.
pub fn dead(graph: &dyn Graph, exported: Exported) -> Result<Vec<Node>, PortError> {
    let mut roots: Vec<NodeId> = Vec::new();
    let mut all: Vec<NodeId> = Vec::new();
    graph.scan(&mut |node| {
        let counts = exported == Exported::IsNeeded && node.traits.exported;
        let is_root = matches!(node.kind, NodeKind::File | NodeKind::Test)
            || node.traits.entry
            || node.traits.for_tests
            || counts;
        if is_root {
            roots.push(node.id);
        } else if node.kind.is_symbol() && node.kind != NodeKind::Module {
            all.push(node.id);
        }
    })?;
    let mut live: HashSet<NodeId> = roots.iter().copied().collect();
    follow(graph, &mut live, roots)?;
    // What overrides a method is called through the type that it is made from.
    let mut names: HashSet<String> = HashSet::new();
    let ids: Vec<NodeId> = live.iter().copied().collect();
    graph.look(&ids, &mut |node| {
        if node.kind == NodeKind::Method {
            names.insert(node.name.to_owned());
        }
    })?;
    let mut left: Vec<NodeId> = Vec::new();
    let mut more: Vec<NodeId> = Vec::new();
    let unreached: Vec<NodeId> = all.into_iter().filter(|node| !live.contains(node)).collect();
    graph.look(&unreached, &mut |node| {
        let overrides = node.kind == NodeKind::Method && names.contains(node.name);
        if node.loose > 0 || overrides {
            more.push(node.id);
        } else {
            left.push(node.id);
        }
    })?;
    live.extend(&more);
    follow(graph, &mut live, more)?;
    left.retain(|node| !live.contains(node));
    outermost(graph, left)
}

/// Takes in all that these lead to.
fn follow(graph: &dyn Graph, live: &mut HashSet<NodeId>, from: Vec<NodeId>) -> Result<(), PortError> {
    let mut open = from;
    while !open.is_empty() {
        let mut next = Vec::new();
        for (way, kinds) in [
            (Way::Out, &[EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Extends, EdgeKind::Tests][..]),
            // Whoever is needed needs what it stands in.
            (Way::In, &[EdgeKind::Defines][..]),
        ] {
            graph.edges(&open, way, &mut |_, edge| {
                if kinds.contains(&edge.kind) && live.insert(edge.to) {
                    next.push(edge.to);
                }
            })?;
        }
        open = next;
    }
    Ok(())
}

/// Without those that stand in another one of them, and without the fields of types that are needed.
fn outermost(graph: &dyn Graph, ids: Vec<NodeId>) -> Result<Vec<Node>, PortError> {
    let dead: HashSet<NodeId> = ids.iter().copied().collect();
    let mut around: HashMap<NodeId, NodeId> = HashMap::new();
    graph.edges(&ids, Way::In, &mut |node, edge| {
        if edge.kind == EdgeKind::Defines {
            around.insert(node, edge.to);
        }
    })?;
    let outer: Vec<NodeId> = around.values().copied().collect();
    let mut kinds: HashMap<NodeId, NodeKind> = HashMap::new();
    graph.look(&outer, &mut |node| {
        kinds.insert(node.id, node.kind);
    })?;
    let mut found = nodes(graph, &ids)?;
    found.retain(|node| {
        let outer = around.get(&node.id);
        let kind = outer.and_then(|outer| kinds.get(outer));
        let is_field = node.kind == NodeKind::Value && kind.is_some_and(|kind| *kind != NodeKind::File);
        !is_field && outer.is_none_or(|outer| !dead.contains(outer))
    });
    found.sort_by(by_name);
    Ok(found)
}
