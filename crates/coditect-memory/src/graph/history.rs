//! Who changed what: commits, those who made them, and missions.

use std::collections::{BTreeMap, HashSet};

use coditect_types::graph::{CommitFact, EdgeKind, NodeKind};

use super::names::Name;
use super::{Kept, NO, ProjectGraph, is_source};

/// Files of one commit that count: a commit that touches more moves or formats, and says nothing of any of them.
const MOST_FILES: usize = 300;
/// Commits that are kept of one file, the newest.
const MOST_OF_FILE: usize = 200;

/// What becomes of the history that was known when more of it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before<'a> {
    /// It is part of the history.
    Stays,
    /// It is, but for these commits: the directory stands on another branch.
    Without(&'a [String]),
    /// It was another history.
    Other,
}

/// A mission that has ended, as far as a graph knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpisodeFact {
    /// The mission's id.
    pub id: String,
    /// What was asked for.
    pub request: String,
    /// Files that it changed.
    pub files: Vec<String>,
    /// Kinds of errors that it began with.
    pub errors: Vec<String>,
}

impl ProjectGraph {
    /// The newest commit whose history is known; `""`: none is.
    #[must_use]
    pub fn known_head(&self) -> &str {
        &self.known_head
    }

    /// Takes commits in that are not known, the newest first; `head` is the newest of all.
    pub fn learn_commits(&mut self, commits: &[CommitFact], head: &str, before: Before<'_>) {
        match before {
            Before::Stays => {}
            Before::Without(gone) => {
                let commit = |id: &String| Some((NodeKind::Commit, self.names.find(id)?));
                let gone: Vec<u32> =
                    gone.iter().filter_map(commit).filter_map(|of| self.others.get(&of).copied()).collect();
                self.drop_others(gone);
                let is_idle = |(kind, _): &(NodeKind, Name), node: &u32| {
                    *kind == NodeKind::Author && self.back.get(*node).is_empty()
                };
                let idle = self
                    .others
                    .iter()
                    .filter(|(of, node)| is_idle(of, node))
                    .map(|(_, node)| *node)
                    .collect();
                self.drop_others(idle);
            }
            Before::Other => {
                let is_history = |kind: NodeKind| matches!(kind, NodeKind::Commit | NodeKind::Author);
                let all = self
                    .others
                    .iter()
                    .filter(|((kind, _), _)| is_history(*kind))
                    .map(|(_, node)| *node)
                    .collect();
                self.drop_others(all);
            }
        }
        head.clone_into(&mut self.known_head);
        let mut touched: BTreeMap<Name, Vec<u32>> = BTreeMap::new();
        for commit in commits {
            let node = self.other(NodeKind::Commit, &commit.id);
            let author = self.other(NodeKind::Author, &commit.author);
            let subject = self.names.keep(&commit.subject);
            // A commit has no lines: these two halves are when it was made.
            let seconds = u64::try_from(commit.at_s).unwrap_or(0);
            let held = &mut self.nodes[node as usize];
            held.full = subject;
            held.lines = ((seconds >> 32) as u32, (seconds & u64::from(u32::MAX)) as u32);
            self.replace(node, &[(author, EdgeKind::MadeBy, 100)]);
            if commit.files.len() <= MOST_FILES {
                self.note(&mut touched, &commit.files, node);
            }
        }
        self.changed_by(touched);
    }

    /// Episodes are known up to this number of memory's; 0: none is.
    #[must_use]
    pub fn episodes_through(&self) -> u64 {
        self.episodes_through
    }

    /// Takes in what missions on the project did, the newest last; `through` is the number of memory's up to which all are known
    /// now.
    pub fn learn_episodes(&mut self, episodes: &[EpisodeFact], through: u64) {
        self.episodes_through = through;
        let mut touched: BTreeMap<Name, Vec<u32>> = BTreeMap::new();
        for episode in episodes.iter().rev() {
            let node = self.other(NodeKind::Episode, &episode.id);
            self.nodes[node as usize].full = self.names.keep(&episode.request);
            let mut errors: Vec<(u32, EdgeKind, u8)> = episode
                .errors
                .iter()
                .map(|error| (self.other(NodeKind::Error, error), EdgeKind::Showed, 100))
                .collect();
            errors.sort_unstable();
            errors.dedup();
            self.replace(node, &errors);
            self.note(&mut touched, &episode.files, node);
        }
        self.changed_by(touched);
    }

    /// Notes which files something changed. Those that are not there may come back, with a branch.
    fn note(&mut self, touched: &mut BTreeMap<Name, Vec<u32>>, files: &[String], by: u32) {
        for path in files.iter().filter(|path| is_source(path)) {
            touched.entry(self.names.keep(path)).or_default().push(by);
        }
    }

    /// Puts commits and episodes before those that files have.
    fn changed_by(&mut self, touched: BTreeMap<Name, Vec<u32>>) {
        for (path, mut nodes) in touched {
            let known = self.history.entry(path).or_default();
            nodes.append(known);
            let mut seen = HashSet::new();
            nodes.retain(|node| seen.insert(*node));
            nodes.truncate(MOST_OF_FILE);
            *known = nodes;
            if let Some(file) = self.by_path.get(&path).copied() {
                self.write_history(file);
            }
        }
    }

    /// Writes the edges from a file to what changed it, beside the others that it has.
    fn write_history(&mut self, file: u32) {
        let Some(kept) = self.file(file) else { return };
        let node = kept.node;
        let is_history = |kind: EdgeKind| matches!(kind, EdgeKind::ChangedBy | EdgeKind::WorkedOnBy);
        let others = self.out.get(node).iter().filter(|edge| !is_history(edge.kind));
        let mut list: Vec<(u32, EdgeKind, u8)> = others.map(|edge| (edge.to, edge.kind, edge.sure)).collect();
        let changed_by = self.history.get(&kept.path).into_iter().flatten();
        list.extend(changed_by.map(|by| (*by, self.by_kind(*by), 100)));
        list.sort_unstable();
        self.replace(node, &list);
    }

    /// What an edge to a commit or an episode says.
    pub(super) fn by_kind(&self, node: u32) -> EdgeKind {
        if self.nodes[node as usize].kind == NodeKind::Commit {
            EdgeKind::ChangedBy
        } else {
            EdgeKind::WorkedOnBy
        }
    }

    /// Takes nodes out that stand in no file.
    fn drop_others(&mut self, nodes: Vec<u32>) {
        let gone: HashSet<u32> = nodes.iter().copied().collect();
        if gone.is_empty() {
            return;
        }
        for by in self.history.values_mut() {
            by.retain(|node| !gone.contains(node));
        }
        self.history.retain(|_, by| !by.is_empty());
        for node in nodes {
            let held = self.nodes[node as usize];
            self.others.remove(&(held.kind, held.name));
            self.forget_edges(node);
            self.nodes[node as usize].is_there = false;
            self.free.push(node);
        }
    }
}

/// When a commit was made, s since 1970, of the lines of its node.
pub(super) fn made_at(lines: (u32, u32)) -> u64 {
    u64::from(lines.0) << 32 | u64::from(lines.1)
}

impl Kept {
    /// True where all numbers in it mean something among so many nodes.
    pub(super) fn is_whole(&self, nodes: usize) -> bool {
        let fits = |node: u32| (node as usize) < nodes;
        let symbols = u32::try_from(self.symbols.len()).unwrap_or(NO);
        fits(self.node)
            && self
                .symbols
                .iter()
                .enumerate()
                .all(|(at, one)| fits(one.node) && (one.parent == NO || (one.parent as usize) < at))
            && self.uses.iter().all(|one| one.from == NO || one.from < symbols)
            && self.bases.iter().all(|(at, node)| *at < symbols && fits(*node))
    }
}
