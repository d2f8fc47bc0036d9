//! A part of a graph for other eyes: chosen, and written as DOT, GraphML or SVG.
//!
//! Whoever has most edges stays where not all fit. The same part is always written the same way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::ask::nodes;

mod picture;

pub use picture::{BOX_HEIGHT, Curve, Laid, Spot, lay, svg};

/// An edge between two nodes of a part, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it says.
    pub kind: EdgeKind,
    /// How sure that is, of 100.
    pub sure: u8,
}

/// A part of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Its nodes, in an order that does not depend on their numbers.
    pub nodes: Vec<Node>,
    /// Its edges.
    pub lines: Vec<Line>,
    /// Nodes that would belong to it and were left out.
    pub left_out: usize,
}

fn is_history(kind: EdgeKind) -> bool {
    matches!(kind, EdgeKind::ChangedBy | EdgeKind::MadeBy | EdgeKind::WorkedOnBy | EdgeKind::Showed)
}

/// What stands around some nodes, at most `depth` steps away and `most` nodes, the nearest first.
pub fn around(graph: &dyn Graph, of: &[NodeId], depth: u32, most: usize) -> Result<Part, PortError> {
    let mut taken: Vec<NodeId> = of.to_vec();
    let mut seen: HashSet<NodeId> = of.iter().copied().collect();
    let mut ring = of.to_vec();
    let mut left_out = 0;
    for _ in 0..depth {
        if ring.is_empty() {
            break;
        }
        let mut next: HashMap<NodeId, usize> = HashMap::new();
        for way in [Way::Out, Way::In] {
            graph.edges(&ring, way, &mut |_, edge| {
                if !is_history(edge.kind) && !seen.contains(&edge.to) {
                    *next.entry(edge.to).or_default() += 1;
                }
            })?;
        }
        let ids: Vec<NodeId> = next.keys().copied().collect();
        let mut found = nodes(graph, &ids)?;
        // What has most to do with those that are there, then by name.
        found.sort_by(|a, b| next[&b.id].cmp(&next[&a.id]).then_with(|| order(a, b)));
        let room = most.saturating_sub(taken.len());
        left_out += found.len().saturating_sub(room);
        found.truncate(room);
        ring = found.iter().map(|node| node.id).collect();
        seen.extend(&ring);
        taken.extend(&ring);
    }
    part(graph, &taken, left_out)
}

/// Every node and every edge, or those with most edges.
pub fn all(graph: &dyn Graph, most: usize) -> Result<Part, PortError> {
    let mut ids: Vec<NodeId> = Vec::new();
    graph.scan(&mut |node| ids.push(node.id))?;
    let mut left_out = 0;
    if ids.len() > most {
        let mut counts: HashMap<NodeId, usize> = HashMap::new();
        for way in [Way::Out, Way::In] {
            graph.edges(&ids, way, &mut |node, _| *counts.entry(node).or_default() += 1)?;
        }
        let mut found = nodes(graph, &ids)?;
        found.sort_by(|a, b| counts.get(&b.id).cmp(&counts.get(&a.id)).then_with(|| order(a, b)));
        left_out = found.len() - most;
        ids = found.into_iter().take(most).map(|node| node.id).collect();
    }
    part(graph, &ids, left_out)
}

/// The files, and which uses which; those that have to do with most others stay.
pub fn files(graph: &dyn Graph, most: usize) -> Result<Part, PortError> {
    let mut by_path: BTreeMap<String, NodeId> = BTreeMap::new();
    let mut home: HashMap<NodeId, usize> = HashMap::new();
    let mut standing: Vec<(NodeId, String)> = Vec::new();
    graph.scan(&mut |node| {
        if node.kind == NodeKind::File {
            by_path.insert(node.path.to_owned(), node.id);
        }
        if !node.path.is_empty() {
            standing.push((node.id, node.path.to_owned()));
        }
    })?;
    let places: HashMap<&str, usize> =
        by_path.keys().enumerate().map(|(at, path)| (path.as_str(), at)).collect();
    for (node, path) in &standing {
        home.extend(places.get(path.as_str()).map(|at| (*node, *at)));
    }
    let ids: Vec<NodeId> = standing.iter().map(|(node, _)| *node).collect();
    let mut between: BTreeMap<(usize, usize), (EdgeKind, u8)> = BTreeMap::new();
    graph.edges(&ids, Way::Out, &mut |from, edge| {
        let ends = home.get(&from).zip(home.get(&edge.to)).filter(|(from, to)| from != to);
        if let Some((from, to)) = ends.filter(|_| edge.kind != EdgeKind::Defines && !is_history(edge.kind)) {
            let strongest = between.entry((*from, *to)).or_insert((edge.kind, edge.sure));
            if (edge.sure, edge.kind) > (strongest.1, strongest.0) {
                *strongest = (edge.kind, edge.sure);
            }
        }
    })?;
    let mut degree = vec![0_usize; by_path.len()];
    for (from, to) in between.keys() {
        degree[*from] += 1;
        degree[*to] += 1;
    }
    let files: Vec<NodeId> = by_path.values().copied().collect();
    let mut kept: Vec<usize> = (0..files.len()).collect();
    kept.sort_by_key(|at| (usize::MAX - degree[*at], *at));
    kept.truncate(most);
    kept.sort_unstable();
    let found: HashMap<NodeId, Node> =
        nodes(graph, &files)?.into_iter().map(|node| (node.id, node)).collect();
    let place: HashMap<usize, usize> = kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let lines = between.into_iter().filter_map(|((from, to), (kind, sure))| {
        Some(Line { from: *place.get(&from)?, to: *place.get(&to)?, kind, sure })
    });
    Ok(Part {
        lines: lines.collect(),
        left_out: files.len() - kept.len(),
        nodes: kept.iter().filter_map(|at| found.get(&files[*at]).cloned()).collect(),
    })
}

fn order(a: &Node, b: &Node) -> std::cmp::Ordering {
    (a.kind, &a.path, a.lines, &a.full, &a.name).cmp(&(b.kind, &b.path, b.lines, &b.full, &b.name))
}

/// These nodes with all edges between them.
fn part(graph: &dyn Graph, ids: &[NodeId], left_out: usize) -> Result<Part, PortError> {
    let mut found = nodes(graph, ids)?;
    found.sort_by(order);
    let place: HashMap<NodeId, usize> = found.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
    let mut lines = Vec::new();
    graph.edges(ids, Way::Out, &mut |from, edge| {
        if let (Some(from), Some(to)) = (place.get(&from), place.get(&edge.to)) {
            lines.push(Line { from: *from, to: *to, kind: edge.kind, sure: edge.sure });
        }
    })?;
    lines.sort_unstable();
    Ok(Part { nodes: found, lines, left_out })
}

/// The name of a node for people.
fn label(node: &Node) -> &str {
    match node.kind {
        NodeKind::Commit => node.name.get(..10).unwrap_or(&node.name),
        NodeKind::File | NodeKind::Dependency | NodeKind::Author | NodeKind::Episode | NodeKind::Error => {
            &node.name
        }
        NodeKind::Type
        | NodeKind::Function
        | NodeKind::Method
        | NodeKind::Value
        | NodeKind::Module
        | NodeKind::Test => &node.full,
    }
}

/// A text within an attribute of XML. What XML cannot hold is left out.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            _ => out.push(letter),
        }
    }
    out
}

/// For Graphviz.
#[must_use]
pub fn dot(part: &Part) -> String {
    let text = |text: &str| {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.replace('\\', "\\\\").replace('"', "\\\"")
    };
    let mut out = String::from(
        "digraph project {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
    );
    for (at, node) in part.nodes.iter().enumerate() {
        writeln!(
            out,
            "  n{at} [label=\"{}\", tooltip=\"{}\", class=\"{}\"];",
            text(label(node)),
            text(&node.path),
            node.kind.name()
        )
        .ok();
    }
    for line in &part.lines {
        writeln!(out, "  n{} -> n{} [label=\"{}\"];", line.from, line.to, line.kind.name()).ok();
    }
    out.push_str("}\n");
    out
}

/// For yEd, Gephi and the like.
#[must_use]
pub fn graphml(part: &Part) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
    );
    for (id, of, kind) in [
        ("kind", "node", "string"),
        ("name", "node", "string"),
        ("path", "node", "string"),
        ("line", "node", "int"),
        ("says", "edge", "string"),
        ("sure", "edge", "int"),
    ] {
        writeln!(out, "  <key id=\"{id}\" for=\"{of}\" attr.name=\"{id}\" attr.type=\"{kind}\"/>").ok();
    }
    out.push_str("  <graph edgedefault=\"directed\">\n");
    for (at, node) in part.nodes.iter().enumerate() {
        let line = if node.kind.is_symbol() { node.lines.0 } else { 0 };
        writeln!(
            out,
            "    <node id=\"n{at}\"><data key=\"kind\">{}</data><data key=\"name\">{}</data><data key=\"path\">{}</data>\
             <data key=\"line\">{line}</data></node>",
            node.kind.name(),
            xml(label(node)),
            xml(&node.path),
        )
        .ok();
    }
    for line in &part.lines {
        writeln!(
            out,
            "    <edge source=\"n{}\" target=\"n{}\"><data key=\"says\">{}</data><data key=\"sure\">{}</data></edge>",
            line.from,
            line.to,
            line.kind.name(),
            line.sure
        )
        .ok();
    }
    out.push_str("  </graph>\n</graphml>\n");
    out
}
