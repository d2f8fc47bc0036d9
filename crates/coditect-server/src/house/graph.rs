//! What the knowledge graph of a project says, in parts that fit on a page.

use serde::Serialize;

/// What is asked of the graph of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphAsked {
    /// A name, a path, lines of a file, or a part of a name; empty: the project as a whole.
    pub name: String,
    /// Only what is of this kind, where a name is that of several things; empty: of any.
    pub kind: String,
    /// Whether code that others could use counts as needed in the list of dead code.
    pub exported_is_needed: bool,
}

/// Some of a list, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Few<T> {
    /// Those.
    pub list: Vec<T>,
    /// How many more.
    pub left_out: usize,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { list: Vec::new(), left_out: 0 }
    }
}

impl<T> Few<T> {
    /// The first `most` of these.
    #[must_use]
    pub fn of(mut list: Vec<T>, most: usize) -> Self {
        let left_out = list.len().saturating_sub(most);
        list.truncate(most);
        Self { list, left_out }
    }

    /// Each of them as something else.
    #[must_use]
    pub fn map<U>(self, as_other: impl FnMut(T) -> U) -> Few<U> {
        Few { list: self.list.into_iter().map(as_other).collect(), left_out: self.left_out }
    }
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GraphNode {
    /// What it is: `file`, `function`, `test`, `commit`, ...
    pub kind: &'static str,
    /// The name that no other of this kind has.
    pub name: String,
    /// The file that it stands in; empty: none.
    pub path: String,
    /// Its lines, first and last; 0: it has none.
    pub lines: (u32, u32),
    /// What a commit or an episode says; empty: nothing.
    pub says: String,
}

/// A node that stands next to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// It.
    pub node: GraphNode,
    /// How sure that is, of 100.
    pub sure: u8,
}

/// What stands next to a node in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbours {
    /// In which way, such as `called by`.
    pub way: &'static str,
    /// Those.
    pub nodes: Few<Neighbour>,
}

/// What a change can reach.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// It.
    pub node: GraphNode,
    /// How strongly, above 0 to 1.
    pub strength: f64,
    /// Steps from the change.
    pub steps: u32,
}

/// A file in which much changes that much depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HotFile {
    /// The file.
    pub path: String,
    /// Only the order means something.
    pub score: f64,
    /// Commits that changed it.
    pub commits: usize,
    /// Symbols of other files that use something of it.
    pub used_by: usize,
}

/// A box of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// How wide it is.
    pub width: usize,
    /// What stands in it.
    pub text: String,
    /// The node.
    pub node: GraphNode,
}

/// A line of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// Its way, as the attribute `d` of a path has it.
    pub path: String,
    /// What it says.
    pub kind: &'static str,
    /// It is less sure than others.
    pub is_faint: bool,
}

/// A part of the graph as a picture: what uses something stands left of what it uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// How wide and how high it is.
    pub size: (usize, usize),
    /// How high each box is.
    pub box_height: usize,
    /// Nodes.
    pub boxes: Vec<Block>,
    /// Edges.
    pub curves: Vec<Curve>,
    /// Nodes that would belong to it and are left out.
    pub left_out: usize,
}

/// How much a graph has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GraphSize {
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
    /// Files and folders that were passed over.
    pub passed_over: usize,
}

/// A project as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Whole {
    /// The hottest files; none: no history is known.
    pub hot: Few<HotFile>,
    /// Code that nothing needs, as far as names tell.
    pub dead: Few<GraphNode>,
    /// Its files, and which uses which.
    pub picture: Picture,
}

/// One thing of a project.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Around {
    /// It; several, where they have one name and are of one kind.
    pub nodes: Few<GraphNode>,
    /// What stands next to it.
    pub neighbours: Vec<Neighbours>,
    /// Tests that a change of it can reach.
    pub tests: Few<Reached>,
    /// Other symbols that it can reach.
    pub symbols: Few<Reached>,
    /// Files of all these, with the strongest of each.
    pub files: Few<(String, f64)>,
    /// What stands around it.
    pub picture: Picture,
}

/// What a graph answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphAnswer {
    /// Nothing was asked for by name.
    Whole(Box<Whole>),
    /// What was asked for.
    One(Box<Around>),
    /// What it may be; empty: nothing.
    Several(Few<GraphNode>),
}

/// What the graph of a directory says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explored {
    /// The directory.
    pub directory: String,
    /// How much there is.
    pub size: GraphSize,
    /// What a person should know, a line each.
    pub notes: Vec<String>,
    /// The answer.
    pub answer: GraphAnswer,
}
