//! Who or what knows an area, and where much changes that much depends on.

use std::collections::{BTreeMap, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::super::history::made_at;
use super::nodes;

/// Seconds before the newest commit after which one counts half.
const HALF_S: f64 = 180.0 * 86_400.0;

/// Someone who changed an area.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Their name.
    pub name: String,
    /// Their part of all changes, lately made ones counting more, of 1.
    pub share: f64,
    /// Their commits.
    pub commits: usize,
    /// When they made the last, s since 1970.
    pub last_s: u64,
}

/// Who and what knows an area.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owners {
    /// Those who changed it, whoever knows most first.
    pub owners: Vec<Owner>,
    /// Missions that changed it: id and request.
    pub episodes: Vec<(String, String)>,
    /// Files of the area.
    pub files: usize,
}

/// A file in which much changes that much depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hot {
    /// The file.
    pub path: String,
    /// Changes times use; only the order means something.
    pub score: f64,
    /// Commits that changed it, lately made ones counting more.
    pub changes: f64,
    /// Commits, each for one.
    pub commits: usize,
    /// Symbols of other files that use something of it.
    pub used_by: usize,
}

/// How much each commit counts, when it was made, and by whom.
fn weights(graph: &dyn Graph) -> Result<HashMap<NodeId, (f64, u64)>, PortError> {
    let mut made: Vec<(NodeId, u64)> = Vec::new();
    graph.scan(&mut |node| {
        if node.kind == NodeKind::Commit {
            made.push((node.id, made_at(node.lines)));
        }
    })?;
    let newest = made.iter().map(|(_, at)| *at).max().unwrap_or_default();
    let weight = |at: u64| 0.5_f64.powf((newest - at) as f64 / HALF_S);
    Ok(made.into_iter().map(|(node, at)| (node, (weight(at), at))).collect())
}

/// Who knows the files of an area.
pub fn owners(graph: &dyn Graph, files: &[NodeId]) -> Result<Owners, PortError> {
    let weights = weights(graph)?;
    let mut commits: Vec<NodeId> = Vec::new();
    let mut missions: Vec<NodeId> = Vec::new();
    graph.edges(files, Way::Out, &mut |_, edge| match edge.kind {
        EdgeKind::ChangedBy => commits.push(edge.to),
        EdgeKind::WorkedOnBy => missions.push(edge.to),
        EdgeKind::Defines
        | EdgeKind::Calls
        | EdgeKind::Uses
        | EdgeKind::Extends
        | EdgeKind::Imports
        | EdgeKind::Tests
        | EdgeKind::MadeBy
        | EdgeKind::Showed => {}
    })?;
    for list in [&mut commits, &mut missions] {
        list.sort_unstable();
        list.dedup();
    }
    let mut makers: Vec<(NodeId, NodeId)> = Vec::new();
    graph.edges(&commits, Way::Out, &mut |commit, edge| {
        if edge.kind == EdgeKind::MadeBy {
            makers.push((commit, edge.to));
        }
    })?;
    let mut by_maker: BTreeMap<NodeId, (f64, usize, u64)> = BTreeMap::new();
    for (commit, maker) in makers {
        let (weight, at) = weights.get(&commit).copied().unwrap_or_default();
        let entry = by_maker.entry(maker).or_default();
        *entry = (entry.0 + weight, entry.1 + 1, entry.2.max(at));
    }
    let all: f64 = by_maker.values().map(|(weight, ..)| weight).sum();
    let ids: Vec<NodeId> = by_maker.keys().copied().collect();
    let mut owners: Vec<Owner> = nodes(graph, &ids)?
        .into_iter()
        .filter_map(|node| {
            let (weight, commits, last_s) = *by_maker.get(&node.id)?;
            Some(Owner { name: node.name, share: weight / all.max(f64::MIN_POSITIVE), commits, last_s })
        })
        .collect();
    owners.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.name.cmp(&b.name)));
    let mut episodes: Vec<(String, String)> =
        nodes(graph, &missions)?.into_iter().map(|node| (node.name, node.full)).collect();
    episodes.sort_unstable();
    Ok(Owners { owners, episodes, files: files.len() })
}

/// The hottest files, at most `most`. Empty where no history is known.
pub fn hot(graph: &dyn Graph, most: usize) -> Result<Vec<Hot>, PortError> {
    let weights = weights(graph)?;
    let mut files: Vec<(NodeId, String)> = Vec::new();
    graph.scan(&mut |node| {
        if node.kind == NodeKind::File {
            files.push((node.id, node.path.to_owned()));
        }
    })?;
    let ids: Vec<NodeId> = files.iter().map(|(id, _)| *id).collect();
    let mut changes: HashMap<NodeId, (f64, usize)> = HashMap::new();
    graph.edges(&ids, Way::Out, &mut |file, edge| {
        if edge.kind == EdgeKind::ChangedBy {
            let entry = changes.entry(file).or_default();
            *entry = (entry.0 + weights.get(&edge.to).map_or(0.0, |(weight, _)| *weight), entry.1 + 1);
        }
    })?;
    let changed: Vec<NodeId> =
        files.iter().map(|(id, _)| *id).filter(|id| changes.contains_key(id)).collect();
    let used = used_by(graph, &changed)?;
    let mut found: Vec<Hot> = files
        .into_iter()
        .filter_map(|(id, path)| {
            let (changes, commits) = *changes.get(&id)?;
            let used_by = used.get(&id).copied().unwrap_or_default();
            let score = changes * (1.0 + used_by as f64).ln_1p();
            Some(Hot { path, score, changes, commits, used_by })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    found.truncate(most);
    Ok(found)
}

/// How many nodes of other files use something of each of these files.
fn used_by(graph: &dyn Graph, files: &[NodeId]) -> Result<HashMap<NodeId, usize>, PortError> {
    let mut owner: HashMap<NodeId, NodeId> = files.iter().map(|file| (*file, *file)).collect();
    let mut open = files.to_vec();
    while !open.is_empty() {
        let mut within = Vec::new();
        graph.edges(&open, Way::Out, &mut |around, edge| {
            if edge.kind == EdgeKind::Defines {
                within.push((edge.to, around));
            }
        })?;
        open = within.iter().map(|(node, _)| *node).collect();
        for (node, around) in within {
            if let Some(file) = owner.get(&around).copied() {
                owner.insert(node, file);
            }
        }
    }
    let all: Vec<NodeId> = owner.keys().copied().collect();
    let mut users: Vec<(NodeId, NodeId)> = Vec::new();
    graph.edges(&all, Way::In, &mut |node, edge| {
        let is_use =
            matches!(edge.kind, EdgeKind::Calls | EdgeKind::Uses | EdgeKind::Extends | EdgeKind::Tests);
        if let Some(file) = owner.get(&node).filter(|file| is_use && owner.get(&edge.to) != Some(file)) {
            users.push((*file, edge.to));
        }
    })?;
    users.sort_unstable();
    users.dedup();
    let mut counts = HashMap::new();
    users.into_iter().for_each(|(file, _)| *counts.entry(file).or_default() += 1);
    Ok(counts)
}
