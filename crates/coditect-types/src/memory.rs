//! What memory keeps, as its tiers and its policy see it.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MissionId;
use crate::ids::BadId;

/// Names one episode: the id of its mission, or `c-` and the commit that it was learnt from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EpisodeId(Arc<str>);

impl EpisodeId {
    /// Checks `text`: a mission's id, or `c-` and 1 to 40 characters of `0-9a-f`.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let is_commit = text.strip_prefix("c-").is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if is_commit {
            return Ok(Self(Arc::from(text)));
        }
        MissionId::parse(text).map(|mission| Self::from(&mission))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mission whose episode it is, where it is one's.
    #[must_use]
    pub fn mission(&self) -> Option<MissionId> {
        MissionId::parse(&self.0).ok()
    }
}

impl From<&MissionId> for EpisodeId {
    fn from(mission: &MissionId) -> Self {
        Self(Arc::from(mission.as_str()))
    }
}

impl fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An episode whose change was tried again, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reused {
    /// The episode.
    pub episode: EpisodeId,
    /// Whether the change was right here too.
    pub held: bool,
}

/// Where an episode is kept. One that is under way is hot: it is in its journal alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// At hand.
    Warm,
    /// Put away, compressed.
    Cold,
}

/// What the policy of memory looks at of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its number: those of later ones are higher, and none is given twice.
    pub number: u64,
    /// Where it is.
    pub shelf: Shelf,
    /// Whether it has a change that was proved.
    pub proved: bool,
    /// When its mission ended, ms since 1970.
    pub ended_ms: u64,
    /// When it was used last, ms since 1970; 0: never.
    pub used_ms: u64,
    /// How often its change was tried again, and how often that was right.
    pub uses: (u32, u32),
    /// Bytes that it takes where it is, as far as is known.
    pub bytes: u64,
}

/// How much memory may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Episodes that are warm.
    pub warm_episodes: u64,
    /// Days after which an episode that nothing used is put away.
    pub warm_days: u64,
    /// Bytes of what is put away.
    pub cold_bytes: u64,
    /// Days after which an episode without a proved change is dropped.
    pub unproved_days: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { warm_episodes: 20_000, warm_days: 90, cold_bytes: 4 << 30, unproved_days: 365 }
    }
}

/// What is to be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// To be put away.
    pub demote: Vec<u64>,
    /// To be had at hand again.
    pub promote: Vec<u64>,
    /// To be dropped.
    pub evict: Vec<u64>,
}
