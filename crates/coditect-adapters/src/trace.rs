//! Traces of missions: as files, and sent to a collector.

pub mod file;
pub mod otlp;

use serde_json::{Map, Value};

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What tells it from the others of its mission. The one that all others are part of is called [`ROOT`].
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who does it: in a picture, pieces of one kind are drawn in rows of their own.
    pub row: String,
    /// When it began and ended, ms since 1970. None: it had not ended when the last record was written.
    pub at_ms: (u64, Option<u64>),
    /// It waits for somebody outside: a model, a person.
    pub is_call: bool,
    /// Why it is taken for a failure, if it is.
    pub error: Option<String>,
    /// What is known of it.
    pub args: Map<String, Value>,
    /// What happened meanwhile: when, what, and more of it.
    pub events: Vec<(u64, String, Map<String, Value>)>,
}

/// The id of the piece that all others are part of.
pub const ROOT: &str = "mission";
