//! Nodes, for people and for programs.

use coditect_memory::graph::ProjectGraph;
use coditect_memory::graph::ask::called;
use coditect_ports::graph::Node;
use coditect_types::graph::{EdgeKind, NodeKind};
use serde_json::{Value, json};

use crate::out::{harmless, paint, painted};

/// A node as JSON.
pub(super) fn object(node: &Node) -> Value {
    let mut object = json!({ "kind": node.kind, "name": called(node.lend()) });
    if !node.path.is_empty() {
        object["path"] = json!(node.path);
    }
    if node.kind.is_symbol() {
        object["lines"] = json!([node.lines.0, node.lines.1]);
    }
    if matches!(node.kind, NodeKind::Commit | NodeKind::Episode) {
        object["says"] = json!(node.full);
    }
    object
}

/// A node in a line.
pub(super) fn line_of(node: &Node) -> String {
    match node.kind {
        NodeKind::Commit => {
            let id = node.name.get(..10).unwrap_or(&node.name);
            format!("{} {}", painted(paint::NAME, &harmless(id)), harmless(&node.full))
        }
        NodeKind::File | NodeKind::Dependency | NodeKind::Author | NodeKind::Error => {
            painted(paint::NAME, &harmless(&node.name))
        }
        NodeKind::Episode => {
            format!("{} {}", painted(paint::NAME, &harmless(&node.name)), harmless(&node.full))
        }
        NodeKind::Type
        | NodeKind::Function
        | NodeKind::Method
        | NodeKind::Value
        | NodeKind::Module
        | NodeKind::Test => {
            let place = format!("  {}:{}", node.path, node.lines.0);
            format!(
                "{}{}",
                painted(paint::NAME, &harmless(&node.full)),
                painted(paint::DIM, &harmless(&place))
            )
        }
    }
}

/// A node with what stands next to it.
pub(super) fn neighbours(own: &ProjectGraph, node: &Node, edges: &[(bool, EdgeKind, u8, Node)]) -> Value {
    let mut told = object(node);
    let edges: Vec<Value> = edges
        .iter()
        .map(|(is_in, kind, sure, other)| {
            let (from, to) = if *is_in { (other.id, node.id) } else { (node.id, other.id) };
            let since = own.range(from, to, *kind).map(|range| range.from).filter(|from| !from.is_empty());
            json!({
                "way": if *is_in { "in" } else { "out" }, "kind": kind, "sure": sure, "since": since, "node": object(other),
            })
        })
        .collect();
    told["edges"] = json!(edges);
    told
}
