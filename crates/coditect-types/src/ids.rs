//! Names of things. All are short, printable, and safe as a file name and as a git ref component.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one mission: `m-` and 13 characters of `0-9a-z`, made from time and entropy by the shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MissionId(Arc<str>);

/// A text that cannot name a mission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadId(pub String);

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a mission id: one is `m-` and up to 40 of `0-9a-z-`", self.0)
    }
}

impl std::error::Error for BadId {}

impl MissionId {
    /// Checks `text`: `m-` followed by 1 to 40 characters of `0-9a-z-`.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let ok = text.strip_prefix("m-").is_some_and(|rest| {
            (1..=40).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-')
        });
        if ok { Ok(Self(Arc::from(text))) } else { Err(BadId(text.to_owned())) }
    }

    /// An id that sorts by `at_ms` (Unix time) and is told apart by `entropy`.
    #[must_use]
    pub fn from_parts(at_ms: u64, entropy: u64) -> Self {
        Self(format!("m-{}{}", base36(at_ms / 1000, 6), base36(entropy, 7)).into())
    }

    /// When an id was made that [`MissionId::from_parts`] made (Unix time, to the second). None: it is another one.
    #[must_use]
    pub fn made_at_ms(&self) -> Option<u64> {
        let digits = self.0.strip_prefix("m-").filter(|digits| digits.len() == 13 && digits.is_ascii())?;
        u64::from_str_radix(digits.get(..6)?, 36).ok()?.checked_mul(1000)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The last `width` digits of `n` in base 36.
fn base36(mut n: u64, width: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut out = vec![b'0'; width];
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(n % 36) as usize];
        n /= 36;
    }
    out.into_iter().map(char::from).collect()
}

impl fmt::Display for MissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one task within its mission: 1, 2, 3 in the order of planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TaskId(pub u32);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

/// Names one strand of a mission: 1, 2, 3 in the order of its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StrandId(pub u32);

impl fmt::Display for StrandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// Names one stage of a mission, as the plan numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StageId(pub u32);

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names one question to a person within its mission: 1, 2, 3 in the order of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ApprovalId(pub u32);

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names one attempt at a task. Within a mission no two attempts share an id, so it is the fencing token of
/// outcomes and the idempotency key of effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AttemptId(pub u32);

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}
