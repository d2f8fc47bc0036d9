//! The knowledge graph of a project: its files and symbols, what uses what, its commits, and what missions did to it.
//!
//! Made of facts that static analysis finds in one file at a time ([`coditect_types::graph`]); which symbol a name stands for
//! is found out here, where all files are known ([`mod@resolve`]). After an edit only the names are looked at again that the
//! edit can mean ([`mod@update`]); what comes out is the same as if all had been made anew. An edge says how sure it is, since
//! names are not resolved as a compiler does it, and since which commit it holds; what has ended is kept for a while.
//!
//! Start reading at [`ProjectGraph::update`], and at [`ask`] for the named questions.

use std::collections::HashMap;

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, NodeRef, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind, Shape, Stamp, Traits};
use serde::{Deserialize, Serialize};

pub mod ask;
pub mod draw;
mod endings;
mod history;
mod keep;
mod lists;
mod names;
mod pack;
mod resolve;
mod saved;
mod update;
mod write;

#[cfg(test)]
mod tests;

pub use history::{Before, EpisodeFact};
pub use saved::{Origin, Unreadable};
pub use update::{Changed, Changes, Updated};
pub use write::{Ended, Range};

use endings::Endings;
use lists::Lists;
use names::{ByNumber, NONE, Name, Names};

/// No number.
const NO: u32 = u32::MAX;

/// Languages that use one another's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Family {
    Python,
    Rust,
    Script,
    Go,
    Java,
}

impl Family {
    fn of(path: &str) -> Self {
        match path.rsplit('.').next().unwrap_or_default() {
            "py" => Self::Python,
            "rs" => Self::Rust,
            "go" => Self::Go,
            "java" => Self::Java,
            _ => Self::Script,
        }
    }
}

/// Endings of the files that are read.
const SOURCES: &[&str] = &["py", "rs", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "go", "java"];

/// True for a file that is read, by its name.
fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| SOURCES.contains(&end))
}

/// A node, as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    kind: NodeKind,
    traits: Traits,
    name: Name,
    full: Name,
    /// The file that it stands in, else [`NO`].
    file: u32,
    /// Its place among the file's symbols, else [`NO`].
    place: u32,
    lines: (u32, u32),
    shape: Shape,
    /// False: its number is free.
    is_there: bool,
}

/// What a name is used on, with names as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum KeptOn {
    Nothing,
    Own,
    Named(Name),
    Typed(Name),
    Unknown,
}

/// A use, with names as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct KeptUse {
    from: u32,
    name: Name,
    on: KeptOn,
    kind: EdgeKind,
}

/// An import, with names as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct KeptImport {
    module: Name,
    dots: u8,
    name: Name,
    local: Name,
}

/// A symbol of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptSymbol {
    /// Its node.
    node: u32,
    kind: NodeKind,
    name: Name,
    /// The symbol around, else [`NO`].
    parent: u32,
    owner: Name,
}

/// A file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    path: Name,
    node: u32,
    family: Family,
    for_tests: bool,
    broken: bool,
    hash: [u8; 16],
    stamp: Stamp,
    symbols: Vec<KeptSymbol>,
    imports: Vec<KeptImport>,
    uses: Vec<KeptUse>,
    exports: Vec<(Name, Name)>,
    /// Names that stand anywhere in it, sorted: only these can make its edges others.
    mentions: Vec<Name>,
    /// What its types are made from: symbol and node.
    bases: Vec<(u32, u32)>,
    /// Names that are used in it and lead nowhere for certain, sorted.
    loose: Vec<Name>,
    /// Its symbols by what they stand in (0: nothing, else place + 1) and name.
    #[serde(skip)]
    index: Vec<(u32, Name, u32)>,
}

/// An edge, as the node has it that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Out {
    to: u32,
    kind: EdgeKind,
    sure: u8,
    /// The head at which it was seen first, by its number.
    since: u32,
}

/// An edge, as the node has it that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Back {
    from: u32,
    kind: EdgeKind,
    sure: u8,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Source files.
    pub files: usize,
    /// Symbols, tests among them.
    pub symbols: usize,
    /// Tests.
    pub tests: usize,
    /// Edges.
    pub edges: usize,
    /// Commits.
    pub commits: usize,
    /// Files with syntax that could not be read everywhere.
    pub broken: usize,
    /// Bytes of memory, about.
    pub bytes: usize,
}

/// The graph of one project, in memory.
#[derive(Clone, Debug)]
pub struct ProjectGraph {
    names: Names,
    nodes: Vec<Held>,
    free: Vec<u32>,
    files: Vec<Option<Kept>>,
    free_files: Vec<u32>,
    by_path: ByNumber<Name, u32>,
    /// Symbols by their names.
    definers: Lists<u32>,
    /// Files by the name by which they are imported, and by their folder.
    stems: Lists<u32>,
    folders: HashMap<String, Vec<u32>>,
    /// Nodes that stand in no file, by kind and name.
    others: HashMap<(NodeKind, Name), u32>,
    out: Lists<Out>,
    back: Lists<Back>,
    /// In how many files a name leads nowhere for certain.
    loose: ByNumber<Name, u32>,
    /// Heads at which the graph was brought up to date; the first is none.
    heads: Vec<String>,
    ended: Endings,
    /// Commits and episodes that changed a file, by its path, by their nodes; also of files that are not there just now.
    history: ByNumber<Name, Vec<u32>>,
    /// Episodes are known up to this number of memory's.
    episodes_through: u64,
    /// The newest commit whose history is known.
    known_head: String,
    /// What whoever keeps it has to know of it.
    origin: Origin,
    /// Many files come at once: the indexes of names are made when all are there.
    many: bool,
    /// Many edges come at once: those that lead to a node are made from the others when all are there.
    unlinked: bool,
    /// The head at the last update, by its number.
    seen_at: u32,
}

impl Default for ProjectGraph {
    fn default() -> Self {
        Self {
            names: Names::default(),
            nodes: Vec::new(),
            free: Vec::new(),
            files: Vec::new(),
            free_files: Vec::new(),
            by_path: ByNumber::default(),
            definers: Lists::default(),
            stems: Lists::default(),
            folders: HashMap::new(),
            others: HashMap::new(),
            out: Lists::default(),
            back: Lists::default(),
            loose: ByNumber::default(),
            heads: vec![String::new()],
            ended: Endings::default(),
            history: ByNumber::default(),
            episodes_through: 0,
            known_head: String::new(),
            origin: Origin::default(),
            many: false,
            unlinked: false,
            seen_at: 0,
        }
    }
}

impl ProjectGraph {
    /// How much there is.
    #[must_use]
    pub fn size(&self) -> Size {
        let count = |is: &dyn Fn(NodeKind) -> bool| {
            self.nodes.iter().filter(|node| node.is_there && is(node.kind)).count()
        };
        let kept: usize = self
            .files
            .iter()
            .flatten()
            .map(|file| {
                file.uses.len() * size_of::<KeptUse>()
                    + file.symbols.len() * (size_of::<KeptSymbol>() + size_of::<(u32, Name, u32)>())
                    + file.imports.len() * size_of::<KeptImport>()
                    + (file.mentions.len() + file.loose.len()) * size_of::<Name>()
                    + size_of::<Kept>()
            })
            .sum();
        let (text, ends) = self.names.kept();
        Size {
            files: self.by_path.len(),
            symbols: count(&NodeKind::is_symbol),
            tests: count(&|kind| kind == NodeKind::Test),
            edges: self.out.len(),
            commits: count(&|kind| kind == NodeKind::Commit),
            broken: self.files.iter().flatten().filter(|file| file.broken).count(),
            bytes: kept
                + text.len()
                + ends.len() * 20
                + self.nodes.capacity() * size_of::<Held>()
                + self.out.bytes()
                + self.back.bytes()
                + self.definers.bytes(),
        }
    }

    /// The files that it knows: path, what stood on the disk, hash of the content.
    pub fn files(&self) -> impl Iterator<Item = (&str, Stamp, [u8; 16])> {
        self.files.iter().flatten().map(|file| (self.names.get(file.path), file.stamp, file.hash))
    }

    /// What whoever keeps it noted with it.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Notes what whoever keeps it has to know of it.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Notes that a file has the content that is known and something else on the disk about it.
    pub fn touch(&mut self, path: &str, stamp: Stamp) {
        let at = self.names.find(path).and_then(|path| self.by_path.get(&path).copied());
        if let Some(file) = at.and_then(|at| self.files[at as usize].as_mut()) {
            file.stamp = stamp;
        }
    }

    fn file(&self, at: u32) -> Option<&Kept> {
        self.files.get(at as usize)?.as_ref()
    }

    fn lend(&self, at: u32) -> Option<NodeRef<'_>> {
        let held = self.nodes.get(at as usize).filter(|held| held.is_there)?;
        let path = self.file(held.file).map_or("", |file| self.names.get(file.path));
        Some(NodeRef {
            id: NodeId(at),
            kind: held.kind,
            name: self.names.get(held.name),
            path,
            full: self.names.get(held.full),
            lines: held.lines,
            traits: held.traits,
            shape: held.shape,
            loose: self.loose.get(&held.name).copied().unwrap_or_default(),
        })
    }
}

impl Graph for ProjectGraph {
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        ids.iter().filter_map(|id| self.lend(id.0)).for_each(each);
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError> {
        let Some(name) = self.names.find(name).filter(|name| *name != NONE) else { return Ok(Vec::new()) };
        let mut found: Vec<NodeId> = self.definers.get(name).iter().copied().map(NodeId).collect();
        found.extend(self.by_path.get(&name).and_then(|at| self.file(*at)).map(|file| NodeId(file.node)));
        let others = NodeKind::ALL.iter().filter_map(|kind| self.others.get(&(*kind, name)));
        found.extend(others.copied().map(NodeId));
        found.sort_unstable();
        Ok(found)
    }

    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError> {
        for id in of {
            match way {
                Way::Out => {
                    for edge in self.out.get(id.0) {
                        each(*id, Edge { to: NodeId(edge.to), kind: edge.kind, sure: edge.sure });
                    }
                }
                Way::In => {
                    for edge in self.back.get(id.0) {
                        each(*id, Edge { to: NodeId(edge.from), kind: edge.kind, sure: edge.sure });
                    }
                }
            }
        }
        Ok(())
    }

    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        for at in 0..self.nodes.len() {
            let node = u32::try_from(at).ok().and_then(|at| self.lend(at));
            // What nothing leads to any more is not there.
            let is_used = |node: &NodeRef<'_>| {
                !matches!(node.kind, NodeKind::Dependency | NodeKind::Author)
                    || !self.back.get(node.id.0).is_empty()
            };
            if let Some(node) = node.filter(is_used) {
                each(node);
            }
        }
        Ok(())
    }
}
