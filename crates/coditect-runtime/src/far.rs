//! A graph that is kept elsewhere, with one's own behind it.
//!
//! Questions go there first. Where that fails, one's own graph answers, and after some failures in a row nothing is asked there for a
//! while. What was answered once is kept: named questions look at the same nodes again and again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, NodeRef, Way};
use coditect_types::ErrorKind;
use coditect_types::graph::NodeId;

use crate::breakers::Guarded;

/// Answers that are kept of one kind; where there are more, all are forgotten.
const MOST: usize = 200_000;
/// How long one question may take, ms: nothing is heard of one that was not answered by then.
const WALL_MS: u64 = 30_000;
/// Questions that the other side refused: from then on one's own graph answers.
const MOST_REFUSED: u32 = 5;

/// See the module.
#[derive(Debug)]
pub struct FarGraph<'a> {
    far: &'a dyn Graph,
    own: &'a dyn Graph,
    way: &'a Guarded,
    known: Mutex<Known>,
}

/// What is known of the other side.
#[derive(Debug, Default)]
struct Known {
    nodes: HashMap<NodeId, Option<Node>>,
    out: HashMap<NodeId, Vec<Edge>>,
    back: HashMap<NodeId, Vec<Edge>>,
    names: HashMap<String, Vec<NodeId>>,
    /// Why questions were answered by one's own graph, each reason once.
    failed: Vec<String>,
    refused: u32,
}

impl Known {
    fn edges(&mut self, way: Way) -> &mut HashMap<NodeId, Vec<Edge>> {
        match way {
            Way::Out => &mut self.out,
            Way::In => &mut self.back,
        }
    }
}

/// Makes room where there is none.
fn keep<K: Eq + Hash, V>(kept: &mut HashMap<K, V>, more: impl IntoIterator<Item = (K, V)>) {
    if kept.len() >= MOST {
        kept.clear();
    }
    kept.extend(more);
}

impl<'a> FarGraph<'a> {
    /// `far` is a copy of `own`: numbers of nodes mean the same in both. `way` leads to it.
    #[must_use]
    pub fn new(far: &'a dyn Graph, own: &'a dyn Graph, way: &'a Guarded) -> Self {
        Self { far, own, way, known: Mutex::default() }
    }

    /// Why one's own graph answered in place of the other one, if it did.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.known().failed.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is known is whole after each line that changes it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the other side. None: it does not answer, or was not asked.
    fn ask<T>(&self, question: impl FnOnce(&dyn Graph) -> Result<T, PortError>) -> Option<T> {
        if self.known().refused >= MOST_REFUSED {
            return None;
        }
        let call = self.way.pass(WALL_MS).ok()?;
        match question(self.far) {
            Ok(answer) => {
                call.succeeded();
                Some(answer)
            }
            Err(error) => {
                let mut known = self.known();
                // What it does not want to answer is between it and who asks: others are not kept from asking.
                if error.kind == ErrorKind::Unavailable {
                    call.failed();
                } else {
                    known.refused += 1;
                }
                if !known.failed.contains(&error.cause) {
                    known.failed.push(error.cause);
                }
                None
            }
        }
    }
}

/// What is kept of these, and which are not.
fn split<V: Clone>(kept: &HashMap<NodeId, V>, ids: &[NodeId]) -> (HashMap<NodeId, V>, Vec<NodeId>) {
    let known = ids.iter().filter_map(|id| Some((*id, kept.get(id)?.clone()))).collect();
    let unknown = ids.iter().filter(|id| !kept.contains_key(id)).copied().collect();
    (known, unknown)
}

impl Graph for FarGraph<'_> {
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        let (mut nodes, unknown) = split(&self.known().nodes, ids);
        if !unknown.is_empty() {
            let found = self.ask(|far| {
                let mut found: HashMap<NodeId, Option<Node>> = unknown.iter().map(|id| (*id, None)).collect();
                far.look(&unknown, &mut |node| drop(found.insert(node.id, Some(node.into()))))?;
                Ok(found)
            });
            let Some(found) = found else { return self.own.look(ids, each) };
            keep(&mut self.known().nodes, found.clone());
            nodes.extend(found);
        }
        let nodes = ids.iter().filter_map(|id| nodes.get(id)?.as_ref());
        nodes.for_each(|node| each(node.lend()));
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError> {
        if let Some(found) = self.known().names.get(name) {
            return Ok(found.clone());
        }
        let Some(found) = self.ask(|far| far.named(name)) else { return self.own.named(name) };
        keep(&mut self.known().names, [(name.to_owned(), found.clone())]);
        Ok(found)
    }

    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError> {
        let (mut edges, unknown) = split(self.known().edges(way), of);
        if !unknown.is_empty() {
            let found = self.ask(|far| {
                let mut found: HashMap<NodeId, Vec<Edge>> =
                    unknown.iter().map(|id| (*id, Vec::new())).collect();
                far.edges(&unknown, way, &mut |id, edge| found.entry(id).or_default().push(edge))?;
                Ok(found)
            });
            let Some(found) = found else { return self.own.edges(of, way, each) };
            keep(self.known().edges(way), found.clone());
            edges.extend(found);
        }
        for id in of {
            edges.get(id).into_iter().flatten().for_each(|edge| each(*id, *edge));
        }
        Ok(())
    }

    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        let found = self.ask(|far| {
            let mut found: Vec<Node> = Vec::new();
            far.scan(&mut |node| found.push(node.into()))?;
            Ok(found)
        });
        let Some(found) = found else { return self.own.scan(each) };
        found.iter().for_each(|node| each(node.lend()));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
