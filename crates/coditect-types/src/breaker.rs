//! Circuit breakers, as they are kept and told: before what, and where each stands.

use serde::{Deserialize, Serialize};

/// What a remote thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteKind {
    /// A language model.
    Model,
    /// A model that gives memory the vectors of texts.
    Embeddings,
    /// A server that has copies of graphs.
    Graph,
}

impl RemoteKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Model, Self::Embeddings, Self::Graph];

    /// Its name, as JSON has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Embeddings => "embeddings",
            Self::Graph => "graph",
        }
    }
}

/// A remote thing that is asked through a breaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remote {
    /// What it is.
    pub kind: RemoteKind,
    /// What it is called: a model's name, or an address without what is secret.
    pub name: String,
}

impl Remote {
    /// One of this name.
    #[must_use]
    pub fn new(kind: RemoteKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Calls pass.
    Closed {
        /// So many failed in a row.
        failures: u32,
        /// When the newest of these did, ms since 1970.
        #[serde(default)]
        last_ms: u64,
    },
    /// No call passes.
    Open {
        /// Before this time, ms since 1970.
        until_ms: u64,
        /// How long it was opened for, ms.
        open_ms: u64,
    },
    /// One call is under way that decides.
    HalfOpen {
        /// From then on nothing is expected of that call any more, ms since 1970: whoever made it may be gone.
        until_ms: u64,
        /// How long it was open before, ms.
        open_ms: u64,
    },
}

impl Default for Standing {
    fn default() -> Self {
        Self::Closed { failures: 0, last_ms: 0 }
    }
}

impl Standing {
    /// The names of all states, as JSON has them.
    pub const STATES: [&'static str; 3] = ["closed", "half_open", "open"];

    /// The name of its state.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// A breaker, as people and programs are told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerSeen {
    /// Before what it is.
    #[serde(flatten)]
    pub remote: Remote,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn a_breaker_is_one_flat_object() {
        let seen = BreakerSeen {
            remote: Remote::new(RemoteKind::Model, "openai/large"),
            standing: Standing::Open { until_ms: 7, open_ms: 5 },
        };
        let json = serde_json::to_string(&seen).unwrap();
        let said = r#"{"kind":"model","name":"openai/large","state":"open","until_ms":7,"open_ms":5}"#;
        assert_eq!(json, said);
        assert_eq!(serde_json::from_str::<BreakerSeen>(&json).unwrap(), seen);
    }

    #[test]
    fn names_are_those_of_json() {
        for kind in RemoteKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let all = [
            Standing::default(),
            Standing::HalfOpen { until_ms: 1, open_ms: 1 },
            Standing::Open { until_ms: 1, open_ms: 1 },
        ];
        for (standing, name) in all.into_iter().zip(Standing::STATES) {
            assert_eq!(serde_json::to_value(standing).unwrap()["state"], name);
            assert_eq!(standing.state(), name);
        }
    }
}
