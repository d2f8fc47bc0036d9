//! Edges that hold no more, and whether one that begins is one of them come back.
//!
//! Whoever goes to another branch and back ends edges and begins them again. At a head at which an edge was seen before it holds on as
//! it did; were it taken for a new one, it would hold since the wrong commit, and what has ended would fill up with what has not.

use std::collections::HashMap;

use coditect_types::graph::EdgeKind;
use serde::{Deserialize, Serialize};

use super::names::Name;

/// Edges that have ended which are kept, the newest.
const MOST: usize = 50_000;

/// An edge that holds no more, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EndedEdge {
    /// Path and name of where it came from.
    pub(super) from: (Name, Name),
    /// Path and name of where it led.
    pub(super) to: (Name, Name),
    pub(super) kind: EdgeKind,
    /// The head at which it was seen first, and the last one.
    pub(super) since: u32,
    pub(super) until: u32,
}

/// What tells an edge from others, whatever numbers its nodes have.
pub(super) type Key = ((Name, Name), (Name, Name), EdgeKind);

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Endings {
    list: Vec<EndedEdge>,
    /// Those from here on ended in this update.
    fresh: usize,
    /// Those that would be the same edge as one that begins now.
    come_back: Option<HashMap<Key, usize>>,
    /// Those that did.
    back: Vec<usize>,
}

impl Endings {
    pub(super) fn of(list: Vec<EndedEdge>) -> Self {
        Self { fresh: list.len(), list, ..Self::default() }
    }

    pub(super) fn list(&self) -> &[EndedEdge] {
        &self.list
    }

    pub(super) fn push(&mut self, edge: EndedEdge) {
        if let Some(known) = &mut self.come_back {
            known.insert((edge.from, edge.to, edge.kind), self.list.len());
        }
        self.list.push(edge);
    }

    /// Since when an edge that begins now has held, if it is one of these; `heads` are all that were seen, the last is where we are.
    pub(super) fn take_back(&mut self, key: Key, heads: &[String]) -> Option<u32> {
        if self.list.is_empty() {
            return None;
        }
        let (list, fresh) = (&self.list, self.fresh);
        let known = self.come_back.get_or_insert_with(|| {
            let here: Vec<u32> =
                (0..).zip(heads).filter(|(_, head)| Some(*head) == heads.last()).map(|(at, _)| at).collect();
            let holds_here = |edge: &EndedEdge| {
                let next = here.partition_point(|at| *at < edge.since);
                here.get(next).is_some_and(|at| *at <= edge.until)
            };
            let all = list.iter().enumerate();
            let some = all.filter(|(at, edge)| *at >= fresh || holds_here(edge));
            some.map(|(at, edge)| ((edge.from, edge.to, edge.kind), at)).collect()
        });
        let at = known.remove(&key)?;
        self.back.push(at);
        self.list.get(at).map(|edge| edge.since)
    }

    /// An update is over.
    pub(super) fn settle(&mut self) {
        self.come_back = None;
        self.back.sort_unstable();
        let (back, mut at) = (std::mem::take(&mut self.back), 0..);
        if !back.is_empty() {
            self.list.retain(|_| at.next().is_none_or(|at| back.binary_search(&at).is_err()));
        }
        if self.list.len() > MOST {
            self.list.drain(..self.list.len() - (MOST - MOST / 10));
        }
        self.fresh = self.list.len();
    }

    /// Gives every name in them the number that it has now.
    pub(super) fn each_name(&mut self, new: &impl Fn(&mut Name)) {
        for EndedEdge { from, to, .. } in &mut self.list {
            [&mut from.0, &mut from.1, &mut to.0, &mut to.1].into_iter().for_each(new);
        }
    }

    /// The oldest heads are no longer told apart.
    pub(super) fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        for edge in &mut self.list {
            (edge.since, edge.until) = (new(edge.since), new(edge.until));
        }
    }
}
