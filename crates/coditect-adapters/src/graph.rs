//! Knowledge graphs that are kept elsewhere.

#[cfg(feature = "neo4j")]
mod neo4j;

#[cfg(feature = "neo4j")]
pub use neo4j::{Neo4jGraph, Pushed};

/// Where a graph is kept, and who asks there.
#[derive(Clone, PartialEq, Eq)]
pub struct GraphAt {
    /// `bolt://HOST:PORT`, or `bolt+s://` or `neo4j+s://` with TLS. No user and no password stand in it.
    pub url: String,
    /// Who asks.
    pub user: String,
    /// What shows that.
    pub password: String,
    /// The database; None: the server's own default.
    pub database: Option<String>,
}

impl std::fmt::Debug for GraphAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphAt")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
