//! The flags of `coditect graph`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const GRAPH_HELP: &str = "\
Examples:
  coditect graph
  coditect graph impact src/ledger.py::Ledger::add
  git diff | coditect graph tests --diff -
  coditect graph cause tests/test_ledger.py::test_round
  coditect graph path main Store.put
  coditect graph export --around Ledger --depth 2 --format svg -o ledger.svg
  coditect graph --graph-url bolt://127.0.0.1:7687 impact src/ledger.py

A file is named by its path, from where you stand or from the top of the work tree, lines of it as
`src/a.py:10-20`, a symbol by its name, by what it stands in (`Ledger::add` or `Ledger.add`), or by
all of it (`src/a.py::Ledger::add`). The graph is that of the whole work tree. It is made by reading
the files, never by running them, and never by a model. It is kept in the state directory; after an
edit only what changed is read again.";

#[derive(Debug, Args)]
#[command(after_help = GRAPH_HELP)]
pub(crate) struct GraphArgs {
    /// A directory of the project; the work tree that it is in is meant
    #[arg(short = 'C', long = "workspace", value_name = "DIR", default_value = ".", global = true)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) server: GraphServer,
    /// What is asked; without it, a summary
    #[command(subcommand)]
    pub(crate) ask: Option<GraphAsk>,
}

/// The server that has a copy of the graph.
#[derive(Clone, Debug, Args)]
pub(crate) struct GraphServer {
    /// Keep a copy of the graph on a server that speaks Bolt and Cypher, such as Neo4j, and ask that; the embedded
    /// graph answers where it does not [setting: graph_url]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) graph_url: Option<String>,
    /// The server's user; the password is that of CODITECT_GRAPH_PASSWORD [setting: graph_user]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) graph_user: Option<String>,
    /// The server's database, where it is not its default one [setting: graph_database]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) graph_database: Option<String>,
}

/// What changed.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct ChangeArgs {
    /// Files, lines of files, or symbols that change
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// A unified diff that the directory has taken in, such as that of `git diff`; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) diff: Option<PathBuf>,
}

const MOST: &str = "At most this many";

/// A question to the graph.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GraphAsk {
    /// What a change can reach: tests first, then symbols and files
    #[command(
        after_help = "Examples:\n  coditect graph impact src/ledger.py\n  git diff | coditect graph impact --diff - --json"
    )]
    Impact {
        #[command(flatten)]
        change: ChangeArgs,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// The tests that a change can reach, those that need it most first, an id a line
    #[command(
        after_help = "Examples:\n  coditect graph tests src/ledger.py:10-20\n  git diff | coditect graph tests --diff - -n 20 | xargs python -m pytest\n  git diff main... | coditect graph tests --diff - --json\n\nA diff that changes nothing the graph knows of is no error: a note says so, and no test is named."
    )]
    Tests {
        #[command(flatten)]
        change: ChangeArgs,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// What may be the cause of a failing test: what it reaches, how near, how lately changed
    #[command(
        after_help = "Examples:\n  coditect graph cause test_round\n  coditect graph cause tests/test_ledger.py::test_round --changed src/ledger.py"
    )]
    Cause {
        /// The test's id, or a part of it that no other test has
        #[arg(value_name = "TEST")]
        test: String,
        /// A file that changed since the newest commit; may be repeated
        #[arg(long, value_name = "FILE")]
        changed: Vec<String>,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// How one symbol leads to another
    #[command(
        after_help = "Examples:\n  coditect graph path main Store.put\n  coditect graph path tests/test_ledger.py::test_round src/money.py --json"
    )]
    Path {
        /// The one
        #[arg(value_name = "FROM")]
        from: String,
        /// The other
        #[arg(value_name = "TO")]
        to: String,
    },
    /// Symbols like another one: in name, in how they are built, in what they use
    #[command(
        after_help = "Examples:\n  coditect graph similar Ledger.add -n 5\n  coditect graph similar src/money.py::round_up --json"
    )]
    Similar {
        /// The symbol
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// Who, and which missions, changed an area
    #[command(
        after_help = "Examples:\n  coditect graph owners src/ledger\n  coditect graph owners Ledger.add"
    )]
    Owners {
        /// A file, a folder, or a symbol
        #[arg(value_name = "AREA", default_value = ".")]
        area: String,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// Files that change often and that much depends on
    #[command(after_help = "Examples:\n  coditect graph hot\n  coditect graph hot -n 5 --json")]
    Hot {
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// Code that no test, no entry and no export leads to
    #[command(after_help = "Examples:\n  coditect graph dead\n  coditect graph dead src/old --exported")]
    Dead {
        /// Only below this path
        #[arg(value_name = "PATH", default_value = "")]
        below: String,
        /// Also what is exported and that nothing here uses
        #[arg(long)]
        exported: bool,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// What a name stands for, and what stands next to it
    #[command(
        after_help = "Examples:\n  coditect graph query Ledger.add\n  coditect graph query json --edge imports --way in"
    )]
    Query {
        /// A name, a path, a commit
        #[arg(value_name = "NAME")]
        name: String,
        /// Only edges of this kind: defines, calls, uses, extends, imports, tests, changed_by, made_by, ...
        #[arg(long, value_name = "KIND")]
        edge: Option<String>,
        /// Only edges in this direction
        #[arg(long, value_name = "WAY", default_value = "both")]
        way: Ways,
        #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), help = MOST)]
        limit: u32,
    },
    /// Write a part of the graph, or all of it, for other programs, or draw it
    #[command(
        after_help = "Examples:\n  coditect graph export --format svg -o files.svg\n  coditect graph export --around Ledger --depth 2 | dot -Tpdf > ledger.pdf\n  coditect graph export --all --format graphml -o all.graphml\n\nWithout --around and --all: the files, and which uses which."
    )]
    Export {
        /// Its form
        #[arg(long, value_name = "FORMAT", default_value = "dot")]
        format: Form,
        /// What stands around this symbol or file
        #[arg(long, value_name = "SYMBOL", conflicts_with = "all")]
        around: Option<String>,
        /// Steps from there, at most 32
        #[arg(long, value_name = "N", default_value_t = 2, requires = "around", value_parser = clap::value_parser!(u32).range(0..=32))]
        depth: u32,
        /// Every node and every edge
        #[arg(long)]
        all: bool,
        /// At most so many nodes, those with most edges [default: 60; with --all: no limit]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        most: Option<u32>,
        /// Write it to a file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl GraphAsk {
    /// What changes, where the question is about a change.
    pub(crate) fn change(&self) -> Option<&ChangeArgs> {
        match self {
            Self::Impact { change, .. } | Self::Tests { change, .. } => Some(change),
            Self::Cause { .. }
            | Self::Path { .. }
            | Self::Similar { .. }
            | Self::Owners { .. }
            | Self::Hot { .. }
            | Self::Dead { .. }
            | Self::Query { .. }
            | Self::Export { .. } => None,
        }
    }
}

/// Directions of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ways {
    /// What it leads to.
    Out,
    /// What leads to it.
    In,
    /// Both.
    Both,
}

/// Forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For Graphviz.
    Dot,
    /// For yEd, Gephi and the like.
    Graphml,
    /// Nodes and edges.
    Json,
    /// A picture.
    Svg,
}
