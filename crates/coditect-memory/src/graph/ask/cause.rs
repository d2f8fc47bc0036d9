//! What may be the cause of a failing test: what the test reaches, how near that is, and how lately it changed.

use std::collections::HashMap;

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::super::history::made_at;
use super::{About, WHOLE, by_name, nodes, spread};

/// What is left of a strength after a step from a user to what it uses.
const USES: u32 = 850;
/// From a type to what is in it: whoever makes one may call it.
const HOLDS: u32 = 500;
/// Commits after which a change counts half.
const HALF: f64 = 10.0;
/// What a file counts that no commit changed lately.
const QUIET: f64 = 0.15;

/// Something that may be the cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What.
    pub node: Node,
    /// How likely beside the others; the first is at most 1.
    pub score: f64,
    /// How strongly the test reaches it.
    pub strength: f64,
    /// Steps from the test.
    pub steps: u32,
    /// How lately its file changed: 1 with the newest commit, or not committed yet.
    pub recent: f64,
    /// The newest commit that changed its file: id, and the first line of its message.
    pub commit: Option<(String, String)>,
}

/// The likeliest causes of a test's failure, at most `most`. `edited` are files that changed since the newest commit.
pub fn cause(
    graph: &dyn Graph,
    test: NodeId,
    edited: &[String],
    most: usize,
) -> Result<Vec<Candidate>, PortError> {
    let reached = spread(graph, &[(test, WHOLE)], &[Way::Out], &leads)?;
    let ids: Vec<NodeId> = reached.keys().copied().collect();
    let ranks = ranks(graph)?;
    let mut files: HashMap<String, (f64, Option<(String, String)>)> = HashMap::new();
    let mut found = Vec::new();
    for node in nodes(graph, &ids)? {
        let is_code =
            matches!(node.kind, NodeKind::Function | NodeKind::Method | NodeKind::Value | NodeKind::Type);
        let (true, Some(way)) = (is_code && !node.traits.for_tests, reached.get(&node.id)) else { continue };
        let (recent, commit) = match files.get(&node.path) {
            Some(known) => known.clone(),
            None => {
                let mut of = changed(graph, &node.path, &ranks)?;
                if edited.contains(&node.path) {
                    of.0 = 1.0;
                }
                files.entry(node.path.clone()).or_insert(of).clone()
            }
        };
        let strength = f64::from(way.strength) / f64::from(WHOLE);
        // A type says less than the function in it.
        let part = if node.kind == NodeKind::Type { 0.5 } else { 1.0 };
        let score = strength * part * (QUIET + (1.0 - QUIET) * recent);
        found.push(Candidate { node, score, strength, steps: way.steps, recent, commit });
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| by_name(&a.node, &b.node)));
    found.truncate(most);
    Ok(found)
}

fn leads(about: About, _: u32, _: Way, edge: Edge) -> Option<u32> {
    match edge.kind {
        EdgeKind::Calls | EdgeKind::Tests => Some(u32::from(edge.sure) * 10 * USES / WHOLE),
        EdgeKind::Uses | EdgeKind::Extends => Some(u32::from(edge.sure) * 8 * USES / WHOLE),
        EdgeKind::Defines if about.kind == NodeKind::Type => Some(HOLDS),
        EdgeKind::Defines
        | EdgeKind::Imports
        | EdgeKind::ChangedBy
        | EdgeKind::MadeBy
        | EdgeKind::WorkedOnBy
        | EdgeKind::Showed => None,
    }
}

/// A commit, by its age among the others.
type Ranks = HashMap<NodeId, (usize, String, String)>;

/// All commits, the newest first.
fn ranks(graph: &dyn Graph) -> Result<Ranks, PortError> {
    let mut commits: Vec<(u64, String, String, NodeId)> = Vec::new();
    graph.scan(&mut |node| {
        if node.kind == NodeKind::Commit {
            commits.push((made_at(node.lines), node.name.to_owned(), node.full.to_owned(), node.id));
        }
    })?;
    commits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let ranked = commits.into_iter().enumerate();
    Ok(ranked.map(|(rank, (_, id, subject, node))| (node, (rank, id, subject))).collect())
}

/// How lately a file changed, and by which commit last.
fn changed(
    graph: &dyn Graph,
    path: &str,
    ranks: &Ranks,
) -> Result<(f64, Option<(String, String)>), PortError> {
    let file = graph.named(path)?;
    let (mut recent, mut newest) = (0.0_f64, None::<(usize, String, String)>);
    graph.edges(&file, Way::Out, &mut |_, edge| {
        if let (EdgeKind::ChangedBy, Some((rank, id, subject))) = (edge.kind, ranks.get(&edge.to)) {
            recent = recent.max(0.5_f64.powf(*rank as f64 / HALF));
            if newest.as_ref().is_none_or(|(best, ..)| rank < best) {
                newest = Some((*rank, id.clone(), subject.clone()));
            }
        }
    })?;
    Ok((recent, newest.map(|(_, id, subject)| (id, subject))))
}
