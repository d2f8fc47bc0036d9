//! The words of the knowledge graph: kinds of nodes and edges, and what one file says of itself before names are resolved.
//!
//! Facts are made by static analysis and never by a model. They name things as the source does; what a name stands for is
//! found out where all files are known.

use serde::{Deserialize, Serialize};

/// A node of a graph. Numbers are given by the graph that has the node, and mean nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A source file.
    File,
    /// A class, struct, enum, interface, trait or alias.
    Type,
    /// A function that belongs to no type.
    Function,
    /// A function of a type.
    Method,
    /// A constant, variable or field that has a name of its own.
    Value,
    /// A module or namespace within a file.
    Module,
    /// A test.
    Test,
    /// A package that the project uses and does not hold.
    Dependency,
    /// A commit.
    Commit,
    /// Whoever wrote commits, by the name that git has.
    Author,
    /// A mission that has ended.
    Episode,
    /// A kind of error that was seen.
    Error,
}

impl NodeKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::File,
        Self::Type,
        Self::Function,
        Self::Method,
        Self::Value,
        Self::Module,
        Self::Test,
        Self::Dependency,
        Self::Commit,
        Self::Author,
        Self::Episode,
        Self::Error,
    ];

    /// Its name, as JSON has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Type => "type",
            Self::Function => "function",
            Self::Method => "method",
            Self::Value => "value",
            Self::Module => "module",
            Self::Test => "test",
            Self::Dependency => "dependency",
            Self::Commit => "commit",
            Self::Author => "author",
            Self::Episode => "episode",
            Self::Error => "error",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// True for what stands in a source file and has a name there.
    #[must_use]
    pub fn is_symbol(self) -> bool {
        matches!(self, Self::Type | Self::Function | Self::Method | Self::Value | Self::Module | Self::Test)
    }
}

/// What an edge says of its two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A file or symbol holds the symbol.
    Defines,
    /// A symbol or a file's top calls the other.
    Calls,
    /// It names the other without a call.
    Uses,
    /// A type is made from the other, or implements it.
    Extends,
    /// A file imports a file or a dependency.
    Imports,
    /// A test calls or names what is no test.
    Tests,
    /// A commit changed the file.
    ChangedBy,
    /// The author made the commit.
    MadeBy,
    /// An episode changed the file.
    WorkedOnBy,
    /// An episode began with the error.
    Showed,
}

impl EdgeKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Defines,
        Self::Calls,
        Self::Uses,
        Self::Extends,
        Self::Imports,
        Self::Tests,
        Self::ChangedBy,
        Self::MadeBy,
        Self::WorkedOnBy,
        Self::Showed,
    ];

    /// Its name, as JSON has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Defines => "defines",
            Self::Calls => "calls",
            Self::Uses => "uses",
            Self::Extends => "extends",
            Self::Imports => "imports",
            Self::Tests => "tests",
            Self::ChangedBy => "changed_by",
            Self::MadeBy => "made_by",
            Self::WorkedOnBy => "worked_on_by",
            Self::Showed => "showed",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a symbol is built, as a sketch of sixteen bytes: the share of equal bytes of two sketches estimates how many
/// triples of neighbouring kinds of syntax they have in common (MinHash, Broder 1997, in one permutation).
pub type Shape = [u8; 16];

/// What is known of a symbol beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Traits {
    /// It can be used from outside of the project, or is meant to be.
    pub exported: bool,
    /// It stands in code that is for tests.
    pub for_tests: bool,
    /// Something calls it that no source names: a runtime, a framework, the language.
    pub entry: bool,
}

/// A symbol, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolFact {
    /// What it is.
    pub kind: NodeKind,
    /// Its name alone.
    pub name: String,
    /// The symbol that it stands in, by its place in the list; always before it.
    pub parent: Option<u32>,
    /// The type that it belongs to, where it stands outside of it (a method in Go, what is in an `impl` in Rust); else `""`.
    pub owner: String,
    /// Its lines, first and last, from 1.
    pub lines: (u32, u32),
    /// What else is known.
    pub traits: Traits,
    /// How it is built.
    pub shape: Shape,
}

/// On what a name is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum On {
    /// On nothing: it stands alone.
    Nothing,
    /// On the object that the code belongs to (`self`, `this`, `Self`, `super()`).
    Own,
    /// On something that has this name or path, as it stands (`json`, `crate::text`).
    Named(String),
    /// On a value whose type is written, or made by the type's name, beside it.
    Typed(String),
    /// On something of which nothing is known.
    Unknown,
}

/// How a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum How {
    /// It is called, or an object is made of it.
    Called,
    /// It is named.
    Named,
    /// A type is made from it, or implements it.
    Extended,
}

/// A name that is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UseFact {
    /// The symbol that uses it, by its place in the list; None: the file's top.
    pub from: Option<u32>,
    /// The name alone.
    pub name: String,
    /// On what.
    pub on: On,
    /// How.
    pub how: How,
}

/// Something that a file imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImportFact {
    /// The module, as the language writes it, without leading dots of Python.
    pub module: String,
    /// Python's leading dots.
    pub dots: u8,
    /// The name that is taken out of it; `""`: the module itself; `*`: all.
    pub name: String,
    /// What it is called here.
    pub local: String,
}

/// What one file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its symbols, those around others first.
    pub symbols: Vec<SymbolFact>,
    /// What it imports.
    pub imports: Vec<ImportFact>,
    /// Names that it uses, each once for a symbol.
    pub uses: Vec<UseFact>,
    /// Names under which it exports something that has another name here: both names.
    pub exports: Vec<(String, String)>,
    /// Its syntax could not be read everywhere; what could be read is here.
    pub broken: bool,
    /// It is a test, all of it.
    pub for_tests: bool,
}

/// What stands on the disk of a file, as far as it tells whether the file changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// When it was written last, ns since 1970.
    pub written_ns: i64,
    /// When anything of it changed last, ns since 1970.
    pub changed_ns: i64,
}

/// One commit, as far as a graph knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitFact {
    /// Its name.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When, s since 1970.
    pub at_s: i64,
    /// The first line of its message.
    pub subject: String,
    /// Files that it changed, below the project's directory.
    pub files: Vec<String>,
}
