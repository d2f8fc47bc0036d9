//! Traces of missions: what a span is here, and where it belongs.

mod context;
pub mod file;

use serde_json::{Map, Value};

pub use context::{Context, MissionTrace};

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What tells it from the others of its mission. The one that all others are part of is called [`ROOT`].
    pub id: String,
    /// The one that it is a part of, by its id. None: the root, or it is the root.
    pub above: Option<String>,
    /// Its name.
    pub name: String,
    /// Who does it: in a picture, pieces of one kind are drawn in rows of their own.
    pub row: String,
    /// When it began and ended, µs since 1970. None: it had not ended when the last record was written.
    pub at_us: (u64, Option<u64>),
    /// It waits for somebody outside: a model, a person.
    pub is_call: bool,
    /// Why it is taken for a failure, if it is.
    pub error: Option<String>,
    /// What is known of it.
    pub args: Map<String, Value>,
    /// What happened meanwhile: when, µs since 1970, what, and more of it.
    pub events: Vec<(u64, String, Map<String, Value>)>,
}

/// The id of the piece that all others are part of.
pub const ROOT: &str = "mission";
