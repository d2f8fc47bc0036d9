//! Facts that processes share for a while: what each is called, and how it is changed by several at once.

use std::fmt;
use std::time::Duration;

/// The shortest and the longest that a fact may last without being kept up.
pub const LASTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// Bytes of a fact.
pub const FACT_BYTES: usize = 256 << 10;
/// Letters of a name.
const NAME: usize = 128;

/// What a fact is of, and its name among those.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactKey {
    kind: &'static str,
    name: String,
}

impl FactKey {
    /// One of a kind of ours. None: the name has something else than `a-z`, `A-Z`, `0-9`, `-` and `_`, nothing, or more than 128 of it.
    #[must_use]
    pub fn new(kind: &'static str, name: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = !name.is_empty() && name.len() <= NAME && name.bytes().all(fits);
        is_name.then(|| Self { kind, name: name.to_owned() })
    }

    /// What it is of.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

/// A fact, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name among those of its kind.
    pub name: String,
    /// What it says.
    pub value: Vec<u8>,
    /// Of two values of a name, the later one has the greater version, also where nothing was in between.
    pub version: u64,
}

/// What must be there for a fact to be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    Anything,
    /// Nothing.
    Nothing,
    /// The fact of this version.
    Version(u64),
}

/// What came of putting a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there, with this version.
    Kept(u64),
    /// Something else than was expected is there: of this version, or nothing.
    Refused(Option<u64>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_numbers_and_two_marks() {
        let is_name = |name: &str| FactKey::new("kind", name).is_some();
        assert!(is_name("m-tfq3k2x0d81ma") && is_name("A_9") && is_name(&"a".repeat(128)));
        for bad in ["", "a.b", "a b", "a/b", "*", ">", "{a}", "\u{e4}", "a\n", &"a".repeat(129)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
