//! The knowledge graphs of missions' directories, for the dashboard: as they stand now, with what each visitor's own missions did.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_memory::graph::ProjectGraph;
use coditect_memory::graph::ask::{self, Exported, called};
use coditect_memory::graph::draw::{self, Part};
use coditect_ports::graph::{Graph, Node, Way};
use coditect_server::{
    Around, Block, Curve, Explored, Few, GraphAnswer, GraphAsked, GraphNode, GraphSize, HotFile, Neighbour,
    Neighbours, Picture, Reached, Whole,
};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};
use coditect_types::{UserName, Visitor};

use crate::environment::Site;
use crate::graphs;
use crate::report::{Doing, Report};

const DOING: &str = "asking the graph";
/// Graphs that are held, and for how long they are told as they were.
const HELD: usize = 4;
const FRESH: Duration = Duration::from_secs(5);
/// What is told of each list.
const MOST: usize = 50;
const HOT: usize = 20;
/// Nodes of a picture, and steps around something.
const DRAWN: usize = 30;
const DEPTH: u32 = 1;
/// Things of one name and kind that are told as one.
const ALIKE: usize = 20;
/// What was passed over and is named.
const PASSED: usize = 3;

/// A graph as it was read.
struct Held {
    graph: ProjectGraph,
    size: GraphSize,
    notes: Vec<String>,
}

/// Whose graph it is, of what, and since when it is held.
type Kept = ((Option<UserName>, PathBuf), Instant, Arc<Held>);

/// The graphs that were asked lately, by whose they are.
#[derive(Default)]
pub(super) struct Graphs(Mutex<Vec<Kept>>);

impl fmt::Debug for Graphs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graphs")
    }
}

impl Graphs {
    /// The graph of a directory as it stands there now, or did a moment ago.
    fn of(&self, site: &Site, by: &Visitor, dir: &Path) -> Result<Arc<Held>, Report> {
        let key = (by.user.clone(), dir.to_owned());
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut all = kept();
            all.retain(|(_, at, _)| at.elapsed() < FRESH);
            if let Some((.., held)) = all.iter().find(|(of, ..)| *of == key) {
                return Ok(Arc::clone(held));
            }
        }
        // What missions did that it tells of are those of the visitor.
        let site = Site { owner: by.user.clone(), ..site.clone() };
        let opened = graphs::open(&site, dir)?;
        let size = opened.graph.size();
        let mut notes = opened.notes;
        notes.extend(
            opened.passed.iter().take(PASSED).map(|one| format!("passed over: {} ({})", one.path, one.why)),
        );
        if opened.passed.len() > PASSED {
            notes.push(format!("and {} more were passed over", opened.passed.len() - PASSED));
        }
        let size = GraphSize {
            files: size.files,
            symbols: size.symbols,
            tests: size.tests,
            edges: size.edges,
            commits: size.commits,
            broken: size.broken,
            passed_over: opened.passed.len(),
        };
        let held = Arc::new(Held { graph: opened.graph, size, notes });
        let mut all = kept();
        all.retain(|(of, ..)| *of != key);
        if all.len() >= HELD {
            all.remove(0);
        }
        all.push((key, Instant::now(), Arc::clone(&held)));
        Ok(held)
    }
}

/// What the graph of a directory says.
pub(super) fn explore(
    graphs: &Graphs,
    site: &Site,
    by: &Visitor,
    (dir, asked): (&Path, &GraphAsked),
) -> Result<Explored, Report> {
    let held = graphs.of(site, by, dir)?;
    let graph: &dyn Graph = &held.graph;
    let answer = match asked.name.trim() {
        "" => GraphAnswer::Whole(Box::new(whole(graph, asked)?)),
        name => named(graph, name, &asked.kind)?,
    };
    let (directory, notes) = (dir.to_string_lossy().into_owned(), held.notes.clone());
    Ok(Explored { directory, size: held.size, notes, answer })
}

fn whole(graph: &dyn Graph, asked: &GraphAsked) -> Result<Whole, Report> {
    let hot = ask::hot(graph, usize::MAX).doing(DOING)?;
    let hot = Few::of(hot, HOT).map(|of| HotFile {
        path: of.path,
        score: of.score,
        commits: of.commits,
        used_by: of.used_by,
    });
    let which = if asked.exported_is_needed { Exported::IsNeeded } else { Exported::MayBeDead };
    let dead = Few::of(ask::dead(graph, which).doing(DOING)?, MOST).map(|node| told(&node));
    let picture = picture(&draw::files(graph, DRAWN).doing(DOING)?);
    Ok(Whole { hot, dead, picture })
}

/// What a name stands for: one thing with what stands around it, or what it may be.
fn named(graph: &dyn Graph, name: &str, kind: &str) -> Result<GraphAnswer, Report> {
    let mut found = ask::target(graph, name).doing(DOING)?.all();
    if let Some(kind) = NodeKind::of_name(kind) {
        found.retain(|node| node.kind == kind);
    }
    // Of several with the very name that was given, no other is meant.
    if found.iter().any(|node| called(node.lend()) == name) {
        found.retain(|node| called(node.lend()) == name);
    }
    let Some(first) = found.first() else {
        let (like, left_out) = ask::like(graph, name, MOST).doing(DOING)?;
        return Ok(GraphAnswer::Several(Few { list: like.iter().map(told).collect(), left_out }));
    };
    let is_first = |node: &Node| (node.kind, called(node.lend())) == (first.kind, called(first.lend()));
    if found.iter().all(is_first) {
        return Ok(GraphAnswer::One(Box::new(around(graph, found)?)));
    }
    Ok(GraphAnswer::Several(Few::of(found, MOST).map(|node| told(&node))))
}

fn around(graph: &dyn Graph, nodes: Vec<Node>) -> Result<Around, Report> {
    let nodes = Few::of(nodes, ALIKE);
    let ids: Vec<NodeId> = nodes.list.iter().map(|node| node.id).collect();
    let impact = if nodes.list.iter().any(|node| node.kind == NodeKind::File || node.kind.is_symbol()) {
        ask::impact(graph, &ids).doing(DOING)?
    } else {
        ask::Impact::default()
    };
    let reached = |of: ask::Reached| Reached { node: told(&of.node), strength: of.strength, steps: of.steps };
    // What changes itself is what was asked about.
    let others = |list: Vec<ask::Reached>| list.into_iter().filter(|of| !ids.contains(&of.node.id)).collect();
    Ok(Around {
        neighbours: neighbours(graph, &ids)?,
        tests: Few::of(others(impact.tests), MOST).map(reached),
        symbols: Few::of(others(impact.symbols), MOST).map(reached),
        files: Few::of(impact.files, MOST),
        picture: picture(&draw::around(graph, &ids, DEPTH, DRAWN).doing(DOING)?),
        nodes: nodes.map(|node| told(&node)),
    })
}

/// What stands next to some nodes, by the way in which it does.
fn neighbours(graph: &dyn Graph, ids: &[NodeId]) -> Result<Vec<Neighbours>, Report> {
    let mut edges: Vec<(&'static str, u8, NodeId)> = Vec::new();
    for (way, says) in [(Way::In, back as fn(EdgeKind) -> &'static str), (Way::Out, out)] {
        graph
            .edges(ids, way, &mut |_, edge| edges.push((says(edge.kind), edge.sure, edge.to)))
            .doing(DOING)?;
    }
    let others: Vec<NodeId> = edges.iter().map(|(.., id)| *id).collect();
    let known = ask::known(graph, &others).doing(DOING)?;
    let mut found = Vec::new();
    for kind in EdgeKind::ALL {
        for says in [back(kind), out(kind)] {
            let own = edges.iter().filter(|(way, ..)| *way == says);
            let mut nodes: Vec<(String, Neighbour)> = own
                .filter_map(|(_, sure, id)| {
                    let node = known.get(id)?;
                    Some((called(node.lend()), Neighbour { node: told(node), sure: *sure }))
                })
                .collect();
            // The surest first, then by name.
            nodes.sort_by(|a, b| b.1.sure.cmp(&a.1.sure).then_with(|| a.0.cmp(&b.0)));
            if !nodes.is_empty() {
                found.push(Neighbours { way: says, nodes: Few::of(nodes, MOST).map(|(_, node)| node) });
            }
        }
    }
    Ok(found)
}

/// What an edge says of the node that it leads to.
fn back(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Defines => "stands in",
        EdgeKind::Calls => "called by",
        EdgeKind::Uses => "used by",
        EdgeKind::Extends => "extended by",
        EdgeKind::Imports => "imported by",
        EdgeKind::Tests => "tested by",
        EdgeKind::ChangedBy => "changed",
        EdgeKind::MadeBy => "made",
        EdgeKind::WorkedOnBy => "worked on",
        EdgeKind::Showed => "shown by",
    }
}

/// What it says of the node that it comes from.
fn out(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Defines => "has in it",
        EdgeKind::Calls => "calls",
        EdgeKind::Uses => "uses",
        EdgeKind::Extends => "is made from",
        EdgeKind::Imports => "imports",
        EdgeKind::Tests => "tests",
        EdgeKind::ChangedBy => "changed by commits",
        EdgeKind::MadeBy => "made by",
        EdgeKind::WorkedOnBy => "worked on by missions",
        EdgeKind::Showed => "showed",
    }
}

fn told(node: &Node) -> GraphNode {
    let says = match node.kind {
        NodeKind::Commit | NodeKind::Episode => node.full.clone(),
        NodeKind::File
        | NodeKind::Type
        | NodeKind::Function
        | NodeKind::Method
        | NodeKind::Value
        | NodeKind::Module
        | NodeKind::Test
        | NodeKind::Dependency
        | NodeKind::Author
        | NodeKind::Error => String::new(),
    };
    // What a commit has in place of lines is its time.
    let lines = if node.kind.is_symbol() { node.lines } else { (0, 0) };
    GraphNode { kind: node.kind.name(), name: called(node.lend()), path: node.path.clone(), lines, says }
}

fn picture(part: &Part) -> Picture {
    let laid = draw::lay(part);
    let block = |(node, spot): (&Node, draw::Spot)| Block {
        x: spot.x,
        y: spot.y,
        width: spot.width,
        text: spot.text,
        node: told(node),
    };
    let curve = |of: draw::Curve| Curve { path: of.path, kind: of.kind.name(), is_faint: of.is_faint };
    Picture {
        size: laid.size,
        box_height: draw::BOX_HEIGHT,
        boxes: part.nodes.iter().zip(laid.spots).map(block).collect(),
        curves: laid.curves.into_iter().map(curve).collect(),
        left_out: part.left_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_is_told_from_both_of_its_ends() {
        let mut ways: Vec<&str> = EdgeKind::ALL.iter().flat_map(|kind| [back(*kind), out(*kind)]).collect();
        ways.sort_unstable();
        ways.dedup();
        assert_eq!(ways.len(), 2 * EdgeKind::ALL.len());
    }
}
