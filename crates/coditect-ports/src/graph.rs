//! The knowledge graph: what a project is made of, and who changed what.

use std::fmt;

use coditect_types::graph::{EdgeKind, NodeId, NodeKind, Shape, Traits};

use crate::PortError;

/// A node, as a graph lends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeRef<'a> {
    /// Its number in this graph.
    pub id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Its name alone; of a file its path, of a commit its id.
    pub name: &'a str,
    /// The file that it stands in, of a file itself; `""` for what stands in none.
    pub path: &'a str,
    /// Names of what it stands in, from the outside, with `::` between, its own last.
    pub full: &'a str,
    /// Its lines, first and last, from 1; 0 where it has none.
    pub lines: (u32, u32),
    /// What is known of a symbol.
    pub traits: Traits,
    /// How a symbol is built.
    pub shape: Shape,
    /// In how many files its name is used in a way that leads nowhere for certain: it may be meant there.
    pub loose: u32,
}

/// A node that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its number in the graph that it comes from.
    pub id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// As in [`NodeRef`].
    pub name: String,
    /// As in [`NodeRef`].
    pub path: String,
    /// As in [`NodeRef`].
    pub full: String,
    /// As in [`NodeRef`].
    pub lines: (u32, u32),
    /// As in [`NodeRef`].
    pub traits: Traits,
    /// As in [`NodeRef`].
    pub shape: Shape,
    /// As in [`NodeRef`].
    pub loose: u32,
}

impl Node {
    /// It, lent.
    #[must_use]
    pub fn lend(&self) -> NodeRef<'_> {
        NodeRef {
            id: self.id,
            kind: self.kind,
            name: &self.name,
            path: &self.path,
            full: &self.full,
            lines: self.lines,
            traits: self.traits,
            shape: self.shape,
            loose: self.loose,
        }
    }
}

impl From<NodeRef<'_>> for Node {
    fn from(of: NodeRef<'_>) -> Self {
        Self {
            id: of.id,
            kind: of.kind,
            name: of.name.to_owned(),
            path: of.path.to_owned(),
            full: of.full.to_owned(),
            lines: of.lines,
            traits: of.traits,
            shape: of.shape,
            loose: of.loose,
        }
    }
}

/// An edge, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The other end.
    pub to: NodeId,
    /// What it says.
    pub kind: EdgeKind,
    /// How sure that is, of 100.
    pub sure: u8,
}

/// The end of an edge that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What the node leads to.
    Out,
    /// What leads to the node.
    In,
}

/// Answers what stands next to what. Named questions are asked of these, so that every graph answers them alike.
///
/// # Promises
/// - The same project gives the same nodes and edges, whatever the order in which its files came.
/// - An edge that is given holds now. It was found by static analysis, and says how sure it is.
///
/// # May
/// Answer from a copy that is a little old. Be called from many threads at once.
///
/// # Must not
/// Run anything of the project, or ask a model.
///
/// # When it fails
/// An error means that nothing can be known just now: whoever asks does without, or asks another graph.
pub trait Graph: fmt::Debug + Send + Sync {
    /// Nodes by their numbers, each once, in any order; numbers that are not there are passed over.
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError>;

    /// Nodes with this very name; files by their path.
    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError>;

    /// The edges of some nodes, in any order: `each` gets the node that was asked about, and an edge.
    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError>;

    /// Every node.
    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError>;
}
