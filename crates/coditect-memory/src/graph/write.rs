//! Writing edges: what is new holds from the commit that the directory stands at, what is no more has ended with the last one
//! at which it was seen.

use coditect_types::graph::{EdgeKind, NodeKind};

use super::endings::EndedEdge;
use super::names::Name;
use super::resolve::Found;
use super::{Back, NO, Out, ProjectGraph};

/// Heads that are told apart, a head each time that the directory came to stand there; with more, the oldest counts for all before
/// it.
const MOST_HEADS: usize = 10_000;

/// Commits between which an edge held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The commit at which it was seen first; `""`: before there was one.
    pub from: String,
    /// The last commit at which it was seen; None: it holds.
    pub until: Option<String>,
}

/// An edge that holds no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Where it came from: path and name.
    pub from: String,
    /// Where it led.
    pub to: String,
    /// What it said.
    pub kind: EdgeKind,
    /// When it held.
    pub range: Range,
}

impl ProjectGraph {
    /// Notes the commit that the directory stands at.
    pub(super) fn stand_at(&mut self, head: &str) {
        self.seen_at = self.head();
        if head.is_empty() || self.heads.last().is_some_and(|last| last == head) {
            return;
        }
        self.heads.push(head.to_owned());
        if self.heads.len() > MOST_HEADS {
            self.forget_heads(MOST_HEADS / 2);
        }
    }

    /// Takes so many of the oldest heads for one. The first of all stands for none, and stays.
    fn forget_heads(&mut self, count: usize) {
        let less = u32::try_from(count).unwrap_or(0);
        let new = |at: u32| if at == 0 { 0 } else { at.saturating_sub(less).max(1) };
        self.heads.drain(1..=count);
        self.seen_at = new(self.seen_at);
        self.out.each(|edge| edge.since = new(edge.since));
        self.ended.renumber(new);
    }

    fn head(&self) -> u32 {
        u32::try_from(self.heads.len() - 1).unwrap_or(0)
    }

    /// When the edges between two nodes hold.
    #[must_use]
    pub fn range(
        &self,
        from: coditect_types::NodeId,
        to: coditect_types::NodeId,
        kind: EdgeKind,
    ) -> Option<Range> {
        let edge = self.out.get(from.0).iter().find(|edge| edge.to == to.0 && edge.kind == kind)?;
        Some(Range { from: self.heads.get(edge.since as usize).cloned().unwrap_or_default(), until: None })
    }

    /// Edges that hold no more, the newest last.
    pub fn ended(&self) -> impl Iterator<Item = Ended> {
        let place = |(path, full): (Name, Name)| {
            let (path, full) = (self.names.get(path), self.names.get(full));
            if path == full || path.is_empty() { full.to_owned() } else { format!("{path}::{full}") }
        };
        let head = |at: u32| self.heads.get(at as usize).cloned().unwrap_or_default();
        self.ended.list().iter().map(move |one| Ended {
            from: place(one.from),
            to: place(one.to),
            kind: one.kind,
            range: Range { from: head(one.since), until: Some(head(one.until)) },
        })
    }

    fn place(&self, node: u32) -> (Name, Name) {
        let held = self.nodes[node as usize];
        (self.file(held.file).map_or(super::NONE, |file| file.path), held.full)
    }

    /// Writes what was found of a file.
    pub(super) fn write(&mut self, file: u32, found: Found) {
        let Some(kept) = self.file(file) else { return };
        let (node, commits) = (kept.node, self.history.get(&kept.path).cloned().unwrap_or_default());
        let mut sources: Vec<u32> = kept.symbols.iter().map(|one| one.node).collect();
        sources.push(node);
        let mut edges = found.edges;
        for (dependency, sure) in &found.dependencies {
            edges.push((node, self.other(NodeKind::Dependency, dependency), EdgeKind::Imports, *sure));
        }
        edges.extend(commits.iter().map(|commit| (node, *commit, self.by_kind(*commit), 100)));
        edges.sort_unstable_by_key(|(from, to, kind, sure)| (*from, *to, *kind, 100 - *sure));
        // The surest of those that say the same.
        edges.dedup_by_key(|(from, to, kind, _)| (*from, *to, *kind));
        sources.sort_unstable();
        let mut rest = edges.as_slice();
        for from in sources {
            let skip = rest.partition_point(|(other, ..)| *other < from);
            let own = rest[skip..].partition_point(|(other, ..)| *other == from);
            let list: Vec<(u32, EdgeKind, u8)> =
                rest[skip..skip + own].iter().map(|(_, to, kind, sure)| (*to, *kind, *sure)).collect();
            self.replace(from, &list);
            rest = &rest[skip + own..];
        }
        self.keep_loose(file, found.loose);
    }

    /// Gives a node other edges than it had; `list` is sorted.
    pub(super) fn replace(&mut self, from: u32, list: &[(u32, EdgeKind, u8)]) {
        let old = self.out.get(from).to_vec();
        let mut new: Vec<Out> = Vec::with_capacity(list.len());
        for (to, kind, sure) in list {
            let at = old.binary_search_by_key(&(*to, *kind), |edge| (edge.to, edge.kind));
            let since = match at {
                Ok(at) => old[at].since,
                Err(_) => self.began(from, *to, *kind),
            };
            new.push(Out { to: *to, kind: *kind, sure: *sure, since });
        }
        if new == old {
            return;
        }
        for edge in &old {
            match new.binary_search_by_key(&(edge.to, edge.kind), |edge| (edge.to, edge.kind)) {
                Ok(at) if new[at].sure == edge.sure => {}
                Ok(_) => self.unlink(from, edge.to, edge.kind),
                Err(_) => {
                    self.unlink(from, edge.to, edge.kind);
                    self.end(from, *edge);
                }
            }
        }
        if self.unlinked {
            self.out.set(from, &new);
            return;
        }
        for edge in &new {
            let known = old.binary_search_by_key(&(edge.to, edge.kind), |edge| (edge.to, edge.kind));
            if known.is_err() || known.is_ok_and(|at| old[at].sure != edge.sure) {
                let mut back = self.back.get(edge.to).to_vec();
                let new = Back { from, kind: edge.kind, sure: edge.sure };
                let at = back.partition_point(|one| *one < new);
                back.insert(at, new);
                self.back.set(edge.to, &back);
            }
        }
        self.out.set(from, &new);
    }

    fn unlink(&mut self, from: u32, to: u32, kind: EdgeKind) {
        if self.unlinked {
            return;
        }
        let back: Vec<Back> =
            self.back.get(to).iter().copied().filter(|one| (one.from, one.kind) != (from, kind)).collect();
        self.back.set(to, &back);
    }

    /// Since when an edge holds that was not there at the last look.
    fn began(&mut self, from: u32, to: u32, kind: EdgeKind) -> u32 {
        let head = self.head();
        if self.ended.list().is_empty() || !ends(kind) {
            return head;
        }
        let key = (self.place(from), self.place(to), kind);
        self.ended.take_back(key, &self.heads).unwrap_or(head)
    }

    /// Keeps that an edge has ended; one that was never seen at a commit leaves nothing.
    fn end(&mut self, from: u32, edge: Out) {
        if self.seen_at == 0 || !ends(edge.kind) {
            return;
        }
        self.ended.push(EndedEdge {
            from: self.place(from),
            to: self.place(edge.to),
            kind: edge.kind,
            since: edge.since,
            until: self.seen_at.max(edge.since),
        });
    }

    /// Takes all edges of a node away, those that lead to it too.
    pub(super) fn forget_edges(&mut self, node: u32) {
        self.replace(node, &[]);
        for back in self.back.get(node).to_vec() {
            let edges = self.out.get(back.from).to_vec();
            for edge in edges.iter().filter(|edge| edge.to == node) {
                self.end(back.from, *edge);
            }
            let left: Vec<Out> = edges.into_iter().filter(|edge| edge.to != node).collect();
            self.out.set(back.from, &left);
        }
        self.back.set(node, &[]);
    }

    pub(super) fn less_loose(&mut self, name: Name) {
        if let Some(count) = self.loose.get_mut(&name) {
            *count = count.saturating_sub(1);
        }
    }

    fn keep_loose(&mut self, file: u32, mut loose: Vec<Name>) {
        loose.sort_unstable();
        loose.dedup();
        let Some(kept) = self.files[file as usize].as_mut() else { return };
        let old = std::mem::replace(&mut kept.loose, loose.clone());
        old.into_iter().for_each(|name| self.less_loose(name));
        for name in loose {
            *self.loose.entry(name).or_default() += 1;
        }
    }

    /// Makes the edges that lead to each node anew.
    pub(super) fn link_back(&mut self) {
        let mut all: Vec<(u32, Back)> = Vec::with_capacity(self.out.len());
        for from in 0..self.out.count() {
            let from = u32::try_from(from).unwrap_or(NO);
            let edges = self.out.get(from).iter();
            all.extend(edges.map(|edge| (edge.to, Back { from, kind: edge.kind, sure: edge.sure })));
        }
        all.sort_unstable();
        self.back = super::lists::Lists::of(self.nodes.len(), all.into_iter());
        self.unlinked = false;
    }
}

/// True for what can end: what stands where is told by the files themselves, and what a commit did it has done for ever.
fn ends(kind: EdgeKind) -> bool {
    match kind {
        EdgeKind::Calls | EdgeKind::Uses | EdgeKind::Extends | EdgeKind::Imports | EdgeKind::Tests => true,
        EdgeKind::Defines
        | EdgeKind::ChangedBy
        | EdgeKind::MadeBy
        | EdgeKind::WorkedOnBy
        | EdgeKind::Showed => false,
    }
}
