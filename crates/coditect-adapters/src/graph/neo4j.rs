//! A copy of a project's graph on a server that speaks Bolt and Cypher, such as Neo4j.
//!
//! The graph is made here, by static analysis; [`Neo4jGraph::push`] brings the copy up to date with as few writes as it can, and the
//! port's questions are answered from there. Queries keep to the Cypher that Neo4j documents.

mod push;

use std::future::Future;
use std::time::Duration;

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, NodeRef, Way};
use coditect_types::ErrorKind;
use coditect_types::graph::{EdgeKind, NodeId, NodeKind, Shape, Traits};
use neo4rs::{BoltType, ConfigBuilder, Query, Row, query};
use tokio::runtime::Runtime;

use super::GraphAt;

pub use push::Pushed;

/// What one question or write may take, the connection included.
const WITHIN: Duration = Duration::from_secs(20);
/// What connecting, and each answer, may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Nodes that one question is about, and rows of one write.
const BATCH: usize = 1_000;
/// Rows that are fetched at once.
const FETCH: usize = 2_000;
/// Connections: the port is asked by one thread, mostly.
const CONNECTIONS: usize = 4;

/// What makes a node of an answer.
const NODE: &str = "n.id AS id, n.kind AS kind, n.name AS name, n.path AS path, n.full AS full, n.first AS first, n.last AS last, \
     n.exported AS exported, n.for_tests AS for_tests, n.entry AS entry, n.shape AS shape, n.loose AS loose";

/// See the module.
pub struct Neo4jGraph {
    runtime: Runtime,
    server: neo4rs::Graph,
    /// Tells the nodes of this graph from those of others in the database.
    name: String,
    url: String,
}

impl std::fmt::Debug for Neo4jGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neo4jGraph").field("url", &self.url).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Neo4jGraph {
    /// The graph of this name on a server. Nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid` where the address is none of such a server.
    pub fn open(at: &GraphAt, name: &str) -> Result<Self, PortError> {
        let wrong = |why: &str| {
            PortError::new(ErrorKind::Invalid, format!("`{}` is no address of a graph: {why}", at.url))
                .with_hint("write it as `bolt://127.0.0.1:7687`; the user and the password have settings of their own")
        };
        let known = ["bolt://", "bolt+s://", "bolt+ssc://", "neo4j://", "neo4j+s://", "neo4j+ssc://"];
        let Some(rest) = known.iter().find_map(|scheme| at.url.strip_prefix(scheme)) else {
            return Err(wrong("it begins with none of `bolt://`, `bolt+s://`, `neo4j://`, `neo4j+s://`"));
        };
        if rest.contains('@') {
            // The text of the error must not hold it, either.
            let at = GraphAt { url: "the address".to_owned(), ..at.clone() };
            let cause = format!("{} of the graph holds a user or a password", at.url);
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("take them out of the address; they have settings of their own"));
        }
        let mut config = ConfigBuilder::default()
            .uri(at.url.as_str())
            .user(at.user.as_str())
            .password(at.password.as_str())
            .fetch_size(FETCH)
            .max_connections(CONNECTIONS)
            .connection_timeout(ANSWER);
        if let Some(database) = &at.database {
            config = config.db(database.as_str());
        }
        let config = config.build().map_err(|error| wrong(&error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| PortError::from_io("starting what speaks with the graph's server", &error))?;
        let server = {
            let _inside = runtime.enter();
            neo4rs::Graph::connect(config).map_err(|error| wrong(&error.to_string()))?
        };
        Ok(Self { runtime, server, name: name.to_owned(), url: at.url.clone() })
    }

    /// Waits for an answer. The port blocks, and whoever calls it may be a task that must not: the waiting is done on a thread of its own.
    fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, neo4rs::Error>> + Send,
    ) -> Result<T, PortError> {
        let within = || self.runtime.block_on(async { tokio::time::timeout(WITHIN, work).await });
        let answer = std::thread::scope(|scope| scope.spawn(within).join());
        match answer {
            Ok(Ok(answer)) => answer.map_err(|error| self.failed(&error)),
            Ok(Err(_)) => Err(PortError::new(
                ErrorKind::Unavailable,
                format!("the graph's server at {} did not answer within {} s", self.url, WITHIN.as_secs()),
            )),
            Err(_) => Err(PortError::new(ErrorKind::Bug, "the thread that asks the graph's server broke")),
        }
    }

    fn failed(&self, error: &neo4rs::Error) -> PortError {
        let told = if let neo4rs::Error::Neo4j(told) = error { told.code() } else { "" };
        let is_denied = told.contains("Security") || matches!(error, neo4rs::Error::AuthenticationError(_));
        // What may be otherwise in a while is no fault of the question.
        let passes = ["Transient", "NotALeader", "Unavailable", "ReadOnly", "WriteOnReadOnly", "General"];
        if !told.is_empty() && !is_denied && !passes.iter().any(|word| told.contains(word)) {
            let cause = format!("the graph's server at {}: {error}", self.url);
            return PortError::new(ErrorKind::Invalid, cause);
        }
        let (kind, hint) = if is_denied {
            (ErrorKind::Denied, "name the user with `--graph-user`, and set CODITECT_GRAPH_PASSWORD")
        } else {
            (
                ErrorKind::Unavailable,
                "see that the server runs, and that it is the one that `--graph-url` names",
            )
        };
        PortError::new(kind, format!("the graph's server at {}: {error}", self.url)).with_hint(hint)
    }

    /// A write.
    fn run(&self, write: Query) -> Result<(), PortError> {
        self.wait(async { self.server.run(write).await.map(drop) })
    }

    /// Every row of an answer.
    fn rows(&self, ask: Query) -> Result<Vec<Row>, PortError> {
        self.wait(async {
            let mut stream = self.server.execute(ask).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next().await? {
                rows.push(row);
            }
            Ok(rows)
        })
    }

    fn key(&self, id: NodeId) -> String {
        format!("{}:{}", self.name, id.0)
    }

    fn keys(&self, ids: &[NodeId]) -> BoltType {
        ids.iter().map(|id| self.key(*id)).collect::<Vec<String>>().into()
    }

    fn not_ours(&self, what: &str) -> PortError {
        PortError::new(ErrorKind::Invalid, format!("the graph's server at {} holds {what}", self.url))
            .with_hint("another version may have written it: name another database with `--graph-database`")
    }

    fn id(&self, row: &Row, column: &str) -> Result<NodeId, PortError> {
        let number = row.get::<i64>(column).ok().and_then(|number| u32::try_from(number).ok());
        number
            .map(NodeId)
            .ok_or_else(|| self.not_ours(&format!("a node whose `{column}` is no number of one")))
    }

    fn node(&self, row: &Row) -> Result<Node, PortError> {
        let text = |column: &str| {
            row.get::<String>(column).map_err(|_| self.not_ours(&format!("a node without `{column}`")))
        };
        let number = |column: &str| {
            let number = row.get::<i64>(column).ok().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| self.not_ours(&format!("a node without `{column}`")))
        };
        let is = |column: &str| {
            row.get::<bool>(column).map_err(|_| self.not_ours(&format!("a node without `{column}`")))
        };
        let kind = text("kind")?;
        let kind = NodeKind::of_name(&kind)
            .ok_or_else(|| self.not_ours(&format!("a node of the unknown kind `{kind}`")))?;
        let shape =
            shape_of(&text("shape")?).ok_or_else(|| self.not_ours("a node with an unreadable `shape`"))?;
        Ok(Node {
            id: self.id(row, "id")?,
            kind,
            name: text("name")?,
            path: text("path")?,
            full: text("full")?,
            lines: (number("first")?, number("last")?),
            traits: Traits { exported: is("exported")?, for_tests: is("for_tests")?, entry: is("entry")? },
            shape,
            loose: number("loose")?,
        })
    }
}

fn shape_text(shape: &Shape) -> String {
    shape.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shape_of(text: &str) -> Option<Shape> {
    let mut shape = Shape::default();
    if text.len() != 2 * shape.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in shape.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(shape)
}

/// What an edge is called there: `CALLS`.
fn relation(kind: EdgeKind) -> String {
    kind.name().to_uppercase()
}

impl Graph for Neo4jGraph {
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let text = format!("UNWIND $keys AS k MATCH (n:CoditectNode {{key: k}}) RETURN {NODE}");
        for some in ids.chunks(BATCH) {
            for row in self.rows(query(&text).param("keys", self.keys(some)))? {
                each(self.node(&row)?.lend());
            }
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError> {
        let ask = query("MATCH (n:CoditectNode {graph: $graph, name: $name}) RETURN n.id AS id");
        let rows = self.rows(ask.param("graph", self.name.as_str()).param("name", name))?;
        let mut found: Vec<NodeId> =
            rows.iter().map(|row| self.id(row, "id")).collect::<Result<_, PortError>>()?;
        found.sort_unstable();
        Ok(found)
    }

    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError> {
        let pattern = match way {
            Way::Out => "-[e]->",
            Way::In => "<-[e]-",
        };
        let text = format!(
            "UNWIND $keys AS k MATCH (n:CoditectNode {{key: k}}){pattern}(m:CoditectNode) \
             RETURN n.id AS of, m.id AS to, type(e) AS kind, e.sure AS sure"
        );
        for some in of.chunks(BATCH) {
            for row in self.rows(query(&text).param("keys", self.keys(some)))? {
                let kind = row.get::<String>("kind").unwrap_or_default();
                let known = EdgeKind::ALL.into_iter().find(|known| relation(*known) == kind);
                let kind =
                    known.ok_or_else(|| self.not_ours(&format!("an edge of the unknown kind `{kind}`")))?;
                let sure = row.get::<i64>("sure").ok().and_then(|sure| u8::try_from(sure).ok());
                let sure = sure.ok_or_else(|| self.not_ours("an edge without `sure`"))?;
                each(self.id(&row, "of")?, Edge { to: self.id(&row, "to")?, kind, sure });
            }
        }
        Ok(())
    }

    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        let text = format!(
            "MATCH (n:CoditectNode) WHERE n.graph = $graph AND n.bucket >= $from AND n.bucket < $to RETURN {NODE} ORDER BY n.id"
        );
        for (from, to) in self.portions()? {
            let ask = query(&text).param("graph", self.name.as_str()).param("from", from).param("to", to);
            for row in self.rows(ask)? {
                each(self.node(&row)?.lend());
            }
        }
        Ok(())
    }
}
