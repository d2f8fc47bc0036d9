//! Names, each kept once and called by a number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A name's number.
pub(super) type Name = u32;
/// The number of `""`, which is no name.
pub(super) const NONE: Name = 0;

/// Names that are kept; numbers are never used again while they are in memory ([`mod@super::pack`]).
#[derive(Clone, Debug)]
pub(super) struct Names {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// By the hash of their text; those that share one stand in a row.
    by_hash: HashMap<u64, Vec<Name>, BuildHasherDefault<Plain>>,
}

/// Passes a hash on.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        // Fibonacci hashing (Knuth 6.4).
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }
}

/// A map by numbers that we give ourselves.
pub(super) type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Plain>>;

/// FNV-1a, eight bytes at a time.
fn hash(name: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64 ^ name.len() as u64;
    for chunk in name.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01B3);
        hash ^= hash >> 29;
    }
    hash
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { text: String::new(), ends: Vec::new(), by_hash: HashMap::default() };
        names.keep("");
        names
    }
}

impl Names {
    /// The names of a kept text. None: the ends do not fit it.
    pub(super) fn of(text: String, ends: Vec<u32>) -> Option<Self> {
        let mut names = Self { text, ends: Vec::new(), by_hash: HashMap::default() };
        let mut from = 0;
        for end in ends {
            let name = names.text.get(from as usize..end as usize)?;
            let hash = hash(name);
            let number = u32::try_from(names.ends.len()).ok()?;
            names.by_hash.entry(hash).or_default().push(number);
            names.ends.push(end);
            from = end;
        }
        (from as usize == names.text.len() && names.get(NONE).is_empty()).then_some(names)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Those alone that are used, in the order that they have.
    pub(super) fn only(&self, used: &[bool]) -> Self {
        let mut names = Self::default();
        for (name, _) in (0..).zip(used).skip(1).filter(|(_, used)| **used) {
            names.keep(self.get(name));
        }
        names
    }

    /// Their text, and where each ends.
    pub(super) fn kept(&self) -> (&str, &[u32]) {
        (&self.text, &self.ends)
    }

    pub(super) fn get(&self, name: Name) -> &str {
        let end = self.ends.get(name as usize).copied().unwrap_or_default();
        let from = name
            .checked_sub(1)
            .and_then(|before| self.ends.get(before as usize))
            .copied()
            .unwrap_or_default();
        self.text.get(from as usize..end as usize).unwrap_or_default()
    }

    pub(super) fn find(&self, name: &str) -> Option<Name> {
        self.by_hash.get(&hash(name))?.iter().copied().find(|known| self.get(*known) == name)
    }

    pub(super) fn keep(&mut self, name: &str) -> Name {
        if let Some(known) = self.find(name) {
            return known;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.text.push_str(name);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.by_hash.entry(hash(name)).or_default().push(number);
        number
    }
}
