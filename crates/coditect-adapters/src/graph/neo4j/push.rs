//! Bringing the copy up to date.
//!
//! Each node there has the hash of what it is and of what it leads to; nodes stand in buckets by their numbers, and a node beside them
//! has the hashes of all buckets. So what a push writes is what changed, and what it reads are the hashes of buckets in which something
//! did. A node's hash is written after everything else of it: a push that breaks off is gone on with by the next one.

use std::collections::{BTreeMap, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Edge, Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId};
use neo4rs::{BoltType, query};

use super::{BATCH, Neo4jGraph, relation, shape_text};

/// The version of what is written.
const FORMAT: i64 = 1;
/// Numbers of nodes that share a bucket.
const BUCKET: u32 = 256;
/// Buckets that are read at once.
const BUCKETS: usize = 16;

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Nodes there are.
    pub nodes: usize,
    /// Nodes that were written, with what they lead to.
    pub written: usize,
    /// Nodes that were taken away.
    pub gone: usize,
}

/// A node, what it leads to, and the hash of both.
struct Kept {
    node: Node,
    out: Vec<Edge>,
    hash: String,
}

fn bucket(id: NodeId) -> i64 {
    i64::from(id.0 / BUCKET)
}

/// A count as the server knows numbers.
fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Every node of a graph by its number.
fn all(graph: &dyn Graph) -> Result<BTreeMap<NodeId, Kept>, PortError> {
    let mut nodes: Vec<Node> = Vec::new();
    graph.scan(&mut |node| nodes.push(node.into()))?;
    let ids: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();
    let mut out: HashMap<NodeId, Vec<Edge>> = HashMap::new();
    graph.edges(&ids, Way::Out, &mut |of, edge| out.entry(of).or_default().push(edge))?;
    let kept = nodes.into_iter().map(|node| {
        let mut out = out.remove(&node.id).unwrap_or_default();
        out.sort_unstable();
        let hash = hash(&node, &out);
        (node.id, Kept { node, out, hash })
    });
    Ok(kept.collect())
}

fn hash(node: &Node, out: &[Edge]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in [node.kind.name(), &node.name, &node.path, &node.full] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    for number in [node.lines.0, node.lines.1, node.loose] {
        hasher.update(&number.to_le_bytes());
    }
    let traits = node.traits;
    hasher.update(&[traits.exported, traits.for_tests, traits.entry].map(u8::from));
    hasher.update(&node.shape);
    for edge in out {
        hasher.update(&edge.to.0.to_le_bytes());
        hasher.update(edge.kind.name().as_bytes());
        hasher.update(&[edge.sure]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The hash of each bucket; those without nodes have `""`.
fn buckets(nodes: &BTreeMap<NodeId, Kept>) -> Vec<String> {
    let mut hashers: Vec<Option<blake3::Hasher>> = Vec::new();
    for (id, kept) in nodes {
        let at = (id.0 / BUCKET) as usize;
        if hashers.len() <= at {
            hashers.resize_with(at + 1, || None);
        }
        let hasher = hashers[at].get_or_insert_with(blake3::Hasher::new);
        hasher.update(&id.0.to_le_bytes());
        hasher.update(kept.hash.as_bytes());
    }
    let text = |hasher: Option<blake3::Hasher>| {
        hasher.map(|hasher| hasher.finalize().to_hex()[..16].to_owned()).unwrap_or_default()
    };
    hashers.into_iter().map(text).collect()
}

type Map = HashMap<String, BoltType>;

fn map(fields: Vec<(&str, BoltType)>) -> Map {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Neo4jGraph {
    /// Makes the copy what the graph is.
    ///
    /// # Errors
    /// `Unavailable` where the server does not answer, `Denied` where it does not let one in; the copy may then be a part of what
    /// it is to be, and the next push goes on.
    pub fn push(&self, graph: &dyn Graph) -> Result<Pushed, PortError> {
        let nodes = all(graph)?;
        let now = buckets(&nodes);
        let differing: Vec<i64> = match self.known()? {
            Some(there) => {
                let most = now.len().max(there.len());
                (0..most).filter(|at| now.get(*at) != there.get(*at)).map(signed).collect()
            }
            // What a push that broke off left, nobody knows.
            None => (0..signed(now.len()).max(self.buckets_there()?)).collect(),
        };
        let mut pushed = Pushed { nodes: nodes.len(), ..Pushed::default() };
        if differing.is_empty() {
            return Ok(pushed);
        }
        self.prepare()?;
        self.tell(&[], "writing")?;
        let old = self.hashes(&differing)?;
        let gone: Vec<NodeId> = old.keys().filter(|id| !nodes.contains_key(id)).copied().collect();
        let is_in = |id: &NodeId| differing.binary_search(&bucket(*id)).is_ok();
        let is_other = |(id, kept): &(&NodeId, &Kept)| is_in(id) && old.get(id) != Some(&kept.hash);
        let written: Vec<&Kept> = nodes.iter().filter(is_other).map(|(_, kept)| kept).collect();
        self.take_away(&gone)?;
        self.write(&written, &old)?;
        self.tell(&now, "whole")?;
        pushed.written = written.len();
        pushed.gone = gone.len();
        Ok(pushed)
    }

    /// The ranges of buckets that nodes stand in.
    pub(super) fn portions(&self) -> Result<Vec<(i64, i64)>, PortError> {
        let Some(there) = self.known()? else {
            return Err(self.not_ours("none of this graph, or a part only: a push of it broke off"));
        };
        let most = there.len();
        let portion = |from: usize| (signed(from), signed((from + BUCKETS).min(most)));
        Ok((0..most).step_by(BUCKETS).map(portion).collect())
    }

    /// The hashes of the buckets there. None: nothing is there, or a part of what was to be.
    fn known(&self) -> Result<Option<Vec<String>>, PortError> {
        let ask = query(
            "MATCH (m:CoditectGraph {name: $name}) RETURN m.format AS format, m.state AS state, m.buckets AS buckets",
        );
        let rows = self.rows(ask.param("name", self.name.as_str()))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let format = row.get::<i64>("format").unwrap_or_default();
        if format > FORMAT {
            return Err(
                self.not_ours(&format!("a graph of format {format}, and this version knows {FORMAT}"))
            );
        }
        let is_whole = format == FORMAT && row.get::<String>("state").is_ok_and(|state| state == "whole");
        Ok(row.get::<Vec<String>>("buckets").ok().filter(|_| is_whole))
    }

    fn tell(&self, buckets: &[String], state: &str) -> Result<(), PortError> {
        let write = query(
            "MERGE (m:CoditectGraph {name: $name}) SET m.format = $format, m.state = $state, m.buckets = $buckets",
        );
        let write = write.param("name", self.name.as_str()).param("format", FORMAT).param("state", state);
        self.run(write.param("buckets", buckets.to_vec()))
    }

    /// What finds nodes quickly, and keeps two pushes at once from making one twice.
    fn prepare(&self) -> Result<(), PortError> {
        for only in [
            "CREATE CONSTRAINT coditect_node_key IF NOT EXISTS FOR (n:CoditectNode) REQUIRE n.key IS UNIQUE",
            "CREATE CONSTRAINT coditect_graph IF NOT EXISTS FOR (m:CoditectGraph) REQUIRE m.name IS UNIQUE",
        ] {
            self.run(query(only))?;
        }
        for (name, on) in
            [("coditect_node_name", "n.graph, n.name"), ("coditect_node_bucket", "n.graph, n.bucket")]
        {
            self.run(query(&format!("CREATE INDEX {name} IF NOT EXISTS FOR (n:CoditectNode) ON ({on})")))?;
        }
        Ok(())
    }

    /// How many buckets nodes may stand in there.
    fn buckets_there(&self) -> Result<i64, PortError> {
        let ask = query("MATCH (n:CoditectNode {graph: $graph}) RETURN max(n.bucket) AS most");
        let rows = self.rows(ask.param("graph", self.name.as_str()))?;
        Ok(rows.first().and_then(|row| row.get::<i64>("most").ok()).map_or(0, |most| most + 1))
    }

    /// The hashes of the nodes in these buckets there.
    fn hashes(&self, buckets: &[i64]) -> Result<HashMap<NodeId, String>, PortError> {
        let mut hashes = HashMap::new();
        for some in buckets.chunks(BUCKETS) {
            let ask = query(
                "UNWIND $buckets AS b MATCH (n:CoditectNode {graph: $graph, bucket: b}) RETURN n.id AS id, n.hash AS hash",
            );
            let ask = ask.param("graph", self.name.as_str()).param("buckets", some.to_vec());
            for row in self.rows(ask)? {
                hashes.insert(self.id(&row, "id")?, row.get::<String>("hash").unwrap_or_default());
            }
        }
        Ok(hashes)
    }

    fn take_away(&self, gone: &[NodeId]) -> Result<(), PortError> {
        for some in gone.chunks(BATCH) {
            let write = query("UNWIND $keys AS k MATCH (n:CoditectNode {key: k}) DETACH DELETE n");
            self.run(write.param("keys", self.keys(some)))?;
        }
        Ok(())
    }

    /// Nodes first, then what they lead to, which must be there, then their hashes.
    fn write(&self, written: &[&Kept], old: &HashMap<NodeId, String>) -> Result<(), PortError> {
        for some in written.chunks(BATCH) {
            let rows: Vec<Map> = some.iter().map(|kept| self.row(&kept.node)).collect();
            self.run(query(UPSERT).param("graph", self.name.as_str()).param("rows", rows))?;
            let ids = some.iter().map(|kept| kept.node.id);
            let known: Vec<NodeId> = ids.filter(|id| old.contains_key(id)).collect();
            if !known.is_empty() {
                let write = query("UNWIND $keys AS k MATCH (n:CoditectNode {key: k})-[e]->() DELETE e");
                self.run(write.param("keys", self.keys(&known)))?;
            }
        }
        EdgeKind::ALL.into_iter().try_for_each(|kind| self.write_edges(written, kind))?;
        for some in written.chunks(BATCH) {
            let of = |kept: &&Kept| {
                map(vec![("key", self.key(kept.node.id).into()), ("hash", kept.hash.as_str().into())])
            };
            let rows: Vec<Map> = some.iter().map(of).collect();
            let write = query("UNWIND $rows AS r MATCH (n:CoditectNode {key: r.key}) SET n.hash = r.hash");
            self.run(write.param("rows", rows))?;
        }
        Ok(())
    }

    /// What the nodes lead to in one way. A relation's type is no parameter of Cypher.
    fn write_edges(&self, written: &[&Kept], kind: EdgeKind) -> Result<(), PortError> {
        let of = |kept: &&Kept| -> Vec<Map> {
            let edges = kept.out.iter().filter(|edge| edge.kind == kind);
            let row = |edge: &Edge| {
                map(vec![
                    ("a", self.key(kept.node.id).into()),
                    ("b", self.key(edge.to).into()),
                    ("sure", i64::from(edge.sure).into()),
                ])
            };
            edges.map(row).collect()
        };
        let rows: Vec<Map> = written.iter().flat_map(of).collect();
        let text = format!(
            "UNWIND $rows AS r MATCH (a:CoditectNode {{key: r.a}}) MATCH (b:CoditectNode {{key: r.b}}) \
             MERGE (a)-[e:{}]->(b) SET e.sure = r.sure",
            relation(kind)
        );
        rows.chunks(BATCH).try_for_each(|some| self.run(query(&text).param("rows", some.to_vec())))
    }

    fn row(&self, node: &Node) -> Map {
        let traits = node.traits;
        map(vec![
            ("key", self.key(node.id).into()),
            ("id", i64::from(node.id.0).into()),
            ("bucket", bucket(node.id).into()),
            ("kind", node.kind.name().into()),
            ("name", node.name.as_str().into()),
            ("path", node.path.as_str().into()),
            ("full", node.full.as_str().into()),
            ("first", i64::from(node.lines.0).into()),
            ("last", i64::from(node.lines.1).into()),
            ("exported", traits.exported.into()),
            ("for_tests", traits.for_tests.into()),
            ("entry", traits.entry.into()),
            ("shape", shape_text(&node.shape).into()),
            ("loose", i64::from(node.loose).into()),
        ])
    }
}

/// The hash is empty until everything of the node is there.
const UPSERT: &str = "UNWIND $rows AS r MERGE (n:CoditectNode {key: r.key}) SET n.hash = '', n.graph = $graph, n.id = r.id, \
     n.bucket = r.bucket, n.kind = r.kind, n.name = r.name, n.path = r.path, n.full = r.full, n.first = r.first, n.last = r.last, \
     n.exported = r.exported, n.for_tests = r.for_tests, n.entry = r.entry, n.shape = r.shape, n.loose = r.loose";
