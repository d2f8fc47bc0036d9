//! What a change can reach, tests first.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::{About, WHOLE, by_name, called, nodes, spread};

/// Parts of a strength, in thousandths, that are left after a step.
mod left {
    /// From what is used to what uses it.
    pub(super) const USED: u32 = 930;
    /// From what is in a type to the type: whoever has one may call it.
    pub(super) const WITHIN: u32 = 400;
    /// From a file that changed to one that imports it and names nothing of it that is known.
    pub(super) const IMPORTED: u32 = 350;
    /// From what prepares tests to these tests.
    pub(super) const PREPARED: u32 = 850;
}

/// Something that a change can reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// What.
    pub node: Node,
    /// How strongly, above 0 to 1.
    pub strength: f64,
    /// Steps from the change.
    pub steps: u32,
    /// What it was reached from, and by which kind of edge.
    pub from: Option<(Node, EdgeKind)>,
}

/// What a change can reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Impact {
    /// Tests, those that are reached most strongly first.
    pub tests: Vec<Reached>,
    /// Other symbols, in the same order.
    pub symbols: Vec<Reached>,
    /// Files of these, with the strongest of each.
    pub files: Vec<(String, f64)>,
}

/// What a change of these nodes can reach. Of a file all is taken to have changed.
pub fn impact(graph: &dyn Graph, changed: &[NodeId]) -> Result<Impact, PortError> {
    let mut starts: Vec<NodeId> = Vec::new();
    let mut open = changed.to_vec();
    // What is in a file or a type that changed has changed.
    while !open.is_empty() {
        starts.extend(&open);
        let mut within = Vec::new();
        graph.edges(&open, Way::Out, &mut |_, edge| {
            if edge.kind == EdgeKind::Defines {
                within.push(edge.to);
            }
        })?;
        open = within;
    }
    starts.sort_unstable();
    starts.dedup();
    let weighed: Vec<(NodeId, u32)> = starts.iter().map(|node| (*node, WHOLE)).collect();
    let reached = spread(graph, &weighed, &[Way::In, Way::Out], &leads)?;
    let ids: Vec<NodeId> = reached.keys().copied().collect();
    let mut impact = Impact::default();
    let mut files: BTreeMap<String, f64> = BTreeMap::new();
    let mut origins: Vec<(usize, bool, NodeId, EdgeKind)> = Vec::new();
    for node in nodes(graph, &ids)? {
        let Some(way) = reached.get(&node.id) else { continue };
        let strength = f64::from(way.strength) / f64::from(WHOLE);
        if !node.path.is_empty() {
            let most = files.entry(node.path.clone()).or_default();
            *most = most.max(strength);
        }
        if !node.kind.is_symbol() {
            continue;
        }
        let is_test = node.kind == NodeKind::Test;
        let list = if is_test { &mut impact.tests } else { &mut impact.symbols };
        if let Some((from, kind)) = way.from {
            origins.push((list.len(), is_test, from, kind));
        }
        list.push(Reached { node, strength, steps: way.steps, from: None });
    }
    let from: Vec<NodeId> = origins.iter().map(|(.., from, _)| *from).collect();
    let from: BTreeMap<NodeId, Node> = nodes(graph, &from)?.into_iter().map(|node| (node.id, node)).collect();
    for (at, is_test, id, kind) in origins {
        let list = if is_test { &mut impact.tests } else { &mut impact.symbols };
        list[at].from = from.get(&id).map(|node| (node.clone(), kind));
    }
    impact.files = files.into_iter().collect();
    impact.sort();
    Ok(impact)
}

impl Impact {
    fn sort(&mut self) {
        for list in [&mut self.tests, &mut self.symbols] {
            list.sort_by(|a, b| {
                b.strength
                    .total_cmp(&a.strength)
                    .then(a.steps.cmp(&b.steps))
                    .then_with(|| by_name(&a.node, &b.node))
            });
        }
        self.files.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    }

    /// Takes in what was reached in another graph of the same project. What both have counts once, as it is reached more strongly.
    pub fn join(&mut self, other: Self) {
        for (list, more) in [(&mut self.tests, other.tests), (&mut self.symbols, other.symbols)] {
            let mut known: HashMap<String, usize> =
                list.iter().enumerate().map(|(at, one)| (called(one.node.lend()), at)).collect();
            for one in more {
                match known.entry(called(one.node.lend())) {
                    Entry::Occupied(at) if list[*at.get()].strength >= one.strength => {}
                    Entry::Occupied(at) => list[*at.get()] = one,
                    Entry::Vacant(place) => {
                        place.insert(list.len());
                        list.push(one);
                    }
                }
            }
        }
        let mut files: BTreeMap<String, f64> = std::mem::take(&mut self.files).into_iter().collect();
        for (path, strength) in other.files {
            let most = files.entry(path).or_default();
            *most = most.max(strength);
        }
        self.files = files.into_iter().collect();
        self.sort();
    }
}

/// Against the direction of use; and from what prepares tests to the tests.
fn leads(about: About, steps: u32, way: Way, edge: Edge) -> Option<u32> {
    let sure = u32::from(edge.sure) * 10;
    match (way, edge.kind) {
        (Way::In, EdgeKind::Calls | EdgeKind::Uses | EdgeKind::Extends | EdgeKind::Tests) => {
            Some(sure * left::USED / WHOLE)
        }
        (Way::In, EdgeKind::Defines) if about.kind == NodeKind::Method && steps < 3 => Some(left::WITHIN),
        (Way::In, EdgeKind::Imports) if about.kind == NodeKind::File && steps == 0 => Some(left::IMPORTED),
        (Way::Out, EdgeKind::Defines) if prepares(about, steps) => Some(left::PREPARED),
        _ => None,
    }
}

/// A group of tests, or a file of tests, whose preparation was reached.
fn prepares(about: About, steps: u32) -> bool {
    let holds = matches!(about.kind, NodeKind::Type | NodeKind::Module | NodeKind::File);
    holds && steps > 0 && about.for_tests
}
