//! What every knowledge graph must answer: the same as a graph that is a list of nodes and edges.

use std::collections::{BTreeMap, BTreeSet};

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, NodeRef, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind, Traits};

use crate::chance::Chance;

/// A graph that is a list of nodes and edges.
#[derive(Clone, Debug, Default)]
pub struct ListedGraph {
    nodes: BTreeMap<NodeId, Node>,
    edges: BTreeMap<(NodeId, NodeId, EdgeKind), u8>,
}

/// Names that may break a query or a text.
const NAMES: &[&str] =
    &["total", "größe", "it's", "a\"b", "back\\slash", "{x: 1}", "$name", "", "line\nbreak", "n"];

fn one_of<T: Copy>(chance: &mut Chance, of: &[T]) -> T {
    of[below(chance, of.len())]
}

fn below(chance: &mut Chance, n: usize) -> usize {
    // A rest of `n` fits what `n` fits.
    usize::try_from(chance.below(n as u64)).unwrap_or_default()
}

impl ListedGraph {
    /// A graph of so many nodes, by chance.
    #[must_use]
    pub fn of(chance: &mut Chance, nodes: u32) -> Self {
        let mut graph = Self::default();
        for id in 0..nodes {
            graph.change_node(NodeId(id), chance);
        }
        graph
    }

    fn change_node(&mut self, id: NodeId, chance: &mut Chance) {
        let name = one_of(chance, NAMES);
        let mut shape = [0; 16];
        shape.fill_with(|| chance.bits().to_le_bytes()[0]);
        let node = Node {
            id,
            kind: one_of(chance, &NodeKind::ALL),
            name: name.to_owned(),
            path: format!("dir/{}.py", one_of(chance, NAMES)),
            full: format!("{name}::{}", id.0),
            lines: (id.0, id.0 + 3),
            traits: Traits {
                exported: chance.percent(50),
                for_tests: chance.percent(50),
                entry: chance.percent(50),
            },
            shape,
            loose: u32::try_from(chance.below(9)).unwrap_or_default(),
        };
        self.nodes.insert(id, node);
        self.edges.retain(|(from, ..), _| *from != id);
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for _ in 0..chance.below(5) {
            let sure = u8::try_from(chance.below(101)).unwrap_or_default();
            self.edges.insert((id, one_of(chance, &ids), one_of(chance, &EdgeKind::ALL)), sure);
        }
    }

    /// Some nodes change, some go, some come.
    pub fn change(&mut self, chance: &mut Chance) {
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for _ in 0..3 {
            self.change_node(one_of(chance, &ids), chance);
            let gone = one_of(chance, &ids);
            self.nodes.remove(&gone);
            self.edges.retain(|(from, to, _), _| *from != gone && *to != gone);
        }
        let next = ids.last().map_or(0, |id| id.0 + 1);
        self.change_node(NodeId(next + 300), chance);
    }
}

impl Graph for ListedGraph {
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        ids.iter().filter_map(|id| self.nodes.get(id)).for_each(|node| each(node.lend()));
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError> {
        Ok(self.nodes.values().filter(|node| node.name == name).map(|node| node.id).collect())
    }

    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError> {
        for ((from, to, kind), sure) in &self.edges {
            let (near, far) = match way {
                Way::Out => (from, to),
                Way::In => (to, from),
            };
            if of.contains(near) {
                each(*near, Edge { to: *far, kind: *kind, sure: *sure });
            }
        }
        Ok(())
    }

    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        self.nodes.values().for_each(|node| each(node.lend()));
        Ok(())
    }
}

/// Holds every answer of a graph against those of the list that it was made of.
///
/// # Panics
/// Where one differs.
pub fn graph(listed: &ListedGraph, graph: &dyn Graph) {
    let sorted = |nodes: Vec<Node>| -> BTreeMap<NodeId, Node> {
        let count = nodes.len();
        let sorted: BTreeMap<NodeId, Node> = nodes.into_iter().map(|node| (node.id, node)).collect();
        assert_eq!(sorted.len(), count, "a node was given twice");
        sorted
    };
    let mut scanned = Vec::new();
    graph.scan(&mut |node| scanned.push(node.into())).unwrap_or_else(|error| panic!("scan: {error}"));
    assert_eq!(sorted(scanned), listed.nodes, "every node is scanned, as it is");
    let none = NodeId(u32::MAX);
    let ids: Vec<NodeId> = listed.nodes.keys().copied().chain([none]).collect();
    let mut seen = Vec::new();
    graph.look(&ids, &mut |node| seen.push(node.into())).unwrap_or_else(|error| panic!("look: {error}"));
    assert_eq!(
        sorted(seen),
        listed.nodes,
        "nodes are found by their numbers, and those that are not there are passed over"
    );
    for name in NAMES.iter().chain(&["nobody has it"]) {
        let of = |graph: &dyn Graph| -> BTreeSet<NodeId> {
            let found = graph.named(name).unwrap_or_else(|error| panic!("named: {error}"));
            found.into_iter().collect()
        };
        assert_eq!(of(graph), of(listed), "nodes called {name:?}");
    }
    for way in [Way::Out, Way::In] {
        let of = |graph: &dyn Graph, ids: &[NodeId]| {
            let mut edges = Vec::new();
            graph
                .edges(ids, way, &mut |of, edge| edges.push((of, edge)))
                .unwrap_or_else(|error| panic!("edges: {error}"));
            edges.sort_unstable();
            edges
        };
        assert_eq!(of(graph, &ids), of(listed, &ids), "all edges, {way:?}");
        for id in ids.iter().take(20) {
            assert_eq!(of(graph, &[*id]), of(listed, &[*id]), "the edges of {id:?}, {way:?}");
        }
    }
    assert_eq!(graph.edges(&[], Way::Out, &mut |_, _| panic!("of nothing")), Ok(()));
}
