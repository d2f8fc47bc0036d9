//! Who changed what: commits, those who made them, and missions.

use std::collections::BTreeMap;

use coditect_types::graph::{CommitFact, EdgeKind, NodeKind};

use super::{Kept, NO, ProjectGraph};

/// Files of one commit that count: a commit that touches more moves or formats, and says nothing of any of them.
const MOST_FILES: usize = 300;
/// Commits that are kept of one file, the newest.
const MOST_OF_FILE: usize = 200;

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

    /// Takes commits in that are not known, the newest first; `head` is the newest of all. `anew`: what was known before was another
    /// history.
    pub fn learn_commits(&mut self, commits: &[CommitFact], head: &str, anew: bool) {
        if anew {
            for file in self.files.iter_mut().flatten() {
                file.commits.clear();
            }
            self.drop_others(&[NodeKind::Commit, NodeKind::Agent]);
        }
        head.clone_into(&mut self.known_head);
        let mut touched: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for commit in commits {
            let known: Vec<u32> = commit.files.iter().filter_map(|path| self.file_at(path)).collect();
            let node = self.other(NodeKind::Commit, &commit.id);
            let agent = self.other(NodeKind::Agent, &commit.author);
            let subject = self.names.keep(&commit.subject);
            // A commit has no lines: these two halves are when it was made.
            let seconds = u64::try_from(commit.at_s).unwrap_or(0);
            let held = &mut self.nodes[node as usize];
            held.full = subject;
            held.lines = ((seconds >> 32) as u32, (seconds & u64::from(u32::MAX)) as u32);
            self.replace(node, &[(agent, EdgeKind::MadeBy, 100)]);
            if commit.files.len() <= MOST_FILES {
                known.into_iter().for_each(|file| touched.entry(file).or_default().push(node));
            }
        }
        self.changed_by(touched);
    }

    /// What missions on the project did.
    pub fn learn_episodes(&mut self, episodes: &[EpisodeFact]) {
        let mut touched: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for episode in episodes {
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
            for file in episode.files.iter().filter_map(|path| self.file_at(path)) {
                touched.entry(file).or_default().push(node);
            }
        }
        self.changed_by(touched);
    }

    fn file_at(&self, path: &str) -> Option<u32> {
        self.names.find(path).and_then(|name| self.by_path.get(&name)).copied()
    }

    /// Puts commits and episodes before those that files have.
    fn changed_by(&mut self, touched: BTreeMap<u32, Vec<u32>>) {
        for (file, mut nodes) in touched {
            let Some(kept) = self.files[file as usize].as_mut() else { continue };
            nodes.extend(kept.commits.iter().copied());
            let mut seen = std::collections::HashSet::new();
            nodes.retain(|node| seen.insert(*node));
            nodes.truncate(MOST_OF_FILE);
            kept.commits = nodes;
            self.write_history(file);
        }
    }

    /// Writes the edges from a file to what changed it, beside the others that it has.
    fn write_history(&mut self, file: u32) {
        let Some(kept) = self.file(file) else { return };
        let node = kept.node;
        let is_history = |kind: EdgeKind| matches!(kind, EdgeKind::ChangedBy | EdgeKind::WorkedOnBy);
        let others = self.out.get(node).iter().filter(|edge| !is_history(edge.kind));
        let mut list: Vec<(u32, EdgeKind, u8)> = others.map(|edge| (edge.to, edge.kind, edge.sure)).collect();
        list.extend(kept.commits.iter().map(|commit| (*commit, self.by_kind(*commit), 100)));
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

    fn drop_others(&mut self, kinds: &[NodeKind]) {
        let gone: Vec<u32> =
            self.others.iter().filter(|((kind, _), _)| kinds.contains(kind)).map(|(_, node)| *node).collect();
        for node in gone {
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
            && self.commits.iter().all(|node| fits(*node))
    }
}
