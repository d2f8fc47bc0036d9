//! The graph as bytes: a head that says what they are, then what cannot be made again quickly.
//!
//! The head is a mark, a version and a hash of the rest. Bytes that are damaged, or of another version, are told from those that
//! are not; the graph is then made anew.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::endings::{EndedEdge, Endings};
use super::lists::Lists;
use super::names::{Name, Names};
use super::{Held, Kept, NO, Out, ProjectGraph};

const MARK: &[u8; 8] = b"CODIGRAF";
/// Grows with each change of what the bytes mean, also of what facts are.
const VERSION: u32 = 3;
const HEAD: usize = 8 + 4 + 32;

/// Why bytes are no graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// They are of an older or newer program.
    Version(u32),
    /// They are not as they were written.
    Damaged,
}

impl Unreadable {
    /// True for what another version of the program can read.
    #[must_use]
    pub fn is_newer(self) -> bool {
        matches!(self, Self::Version(version) if version > VERSION)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(_) if self.is_newer() => write!(f, "a newer version of this program wrote it"),
            Self::Version(_) => write!(f, "an older version of this program wrote it"),
            Self::Damaged => write!(f, "it is damaged"),
        }
    }
}

/// What whoever keeps a graph has to know of it without reading all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The directory that it is of, as the system names it.
    pub directory: Vec<u8>,
    /// How many episodes had been forgotten when it was made: what was forgotten since may be in it.
    pub forgotten: u64,
}

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Saved<'a> {
    /// It comes first, and is read alone where the rest does not matter.
    origin: Cow<'a, Origin>,
    text: Cow<'a, str>,
    ends: Cow<'a, [u32]>,
    nodes: Cow<'a, [Held]>,
    files: Cow<'a, [Option<Kept>]>,
    /// Edges of each node, one after the other.
    counts: Vec<u32>,
    edges: Vec<Out>,
    heads: Cow<'a, [String]>,
    ended: Cow<'a, [EndedEdge]>,
    known_head: Cow<'a, str>,
    /// By path, in the order of the paths' numbers.
    history: Vec<(Name, Vec<u32>)>,
    episodes_through: u64,
}

/// The head of bytes that this version wrote, and the rest.
fn parted(bytes: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    let (head, rest) = bytes.split_at_checked(HEAD).ok_or(Unreadable::Damaged)?;
    if head[..8] != MARK[..] {
        return Err(Unreadable::Damaged);
    }
    match u32::from_le_bytes([head[8], head[9], head[10], head[11]]) {
        VERSION => Ok((head, rest)),
        other => Err(Unreadable::Version(other)),
    }
}

impl Origin {
    /// The origin of the graph that begins with these bytes; whether the rest of it is whole is not looked at.
    ///
    /// # Errors
    /// Where they are not what this version writes.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (_, rest) = parted(bytes)?;
        postcard::take_from_bytes(rest).map(|(origin, _)| origin).map_err(|_| Unreadable::Damaged)
    }
}

impl ProjectGraph {
    /// It as bytes; names that are idle are not among them where most are.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.packed().as_ref().unwrap_or(self).as_bytes()
    }

    fn as_bytes(&self) -> Vec<u8> {
        let (text, ends) = self.names.kept();
        let nodes = u32::try_from(self.nodes.len()).unwrap_or(NO);
        let mut history: Vec<(Name, Vec<u32>)> =
            self.history.iter().map(|(path, nodes)| (*path, nodes.clone())).collect();
        history.sort_unstable();
        let saved = Saved {
            origin: Cow::Borrowed(&self.origin),
            text: text.into(),
            ends: ends.into(),
            nodes: self.nodes.as_slice().into(),
            files: self.files.as_slice().into(),
            counts: (0..nodes).map(|at| u32::try_from(self.out.get(at).len()).unwrap_or(0)).collect(),
            edges: (0..nodes).flat_map(|at| self.out.get(at)).copied().collect(),
            heads: self.heads.as_slice().into(),
            ended: self.ended.list().into(),
            known_head: self.known_head.as_str().into(),
            history,
            episodes_through: self.episodes_through,
        };
        let mut bytes = Vec::with_capacity(1 << 20);
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 32]);
        // Into memory it cannot fail; were it to, the hash would be that of nothing, and the bytes damaged.
        let mut bytes = postcard::to_extend(&saved, bytes).unwrap_or_default();
        if let Some(rest) = bytes.get(HEAD..) {
            let hash = blake3::hash(rest);
            bytes[12..HEAD].copy_from_slice(hash.as_bytes());
        }
        bytes
    }

    /// The graph that these bytes are.
    ///
    /// # Errors
    /// Where they are not what this version writes.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (head, rest) = parted(bytes)?;
        if blake3::hash(rest).as_bytes()[..] != head[12..] {
            return Err(Unreadable::Damaged);
        }
        let saved: Saved<'_> = postcard::from_bytes(rest).map_err(|_| Unreadable::Damaged)?;
        Self::of_saved(saved).ok_or(Unreadable::Damaged)
    }

    fn of_saved(saved: Saved<'_>) -> Option<Self> {
        let mut graph = Self {
            names: Names::of(saved.text.into_owned(), saved.ends.into_owned())?,
            nodes: saved.nodes.into_owned(),
            files: saved.files.into_owned(),
            heads: saved.heads.into_owned(),
            ended: Endings::of(saved.ended.into_owned()),
            known_head: saved.known_head.into_owned(),
            origin: saved.origin.into_owned(),
            history: saved.history.into_iter().collect(),
            episodes_through: saved.episodes_through,
            ..Self::default()
        };
        let count = graph.nodes.len();
        let fits = |node: u32| (node as usize) < count;
        let whole = saved.counts.len() == count
            && saved.counts.iter().map(|n| *n as usize).sum::<usize>() == saved.edges.len()
            && saved.edges.iter().all(|edge| fits(edge.to))
            && graph.files.iter().flatten().all(|file| file.is_whole(count))
            && graph.history.values().flatten().all(|node| fits(*node))
            && !graph.heads.is_empty();
        if !whole {
            return None;
        }
        let froms = (0..).zip(&saved.counts).flat_map(|(at, n)| std::iter::repeat_n(at, *n as usize));
        graph.out = Lists::of(count, froms.zip(saved.edges));
        graph.free = (0..).zip(&graph.nodes).filter(|(_, held)| !held.is_there).map(|(at, _)| at).collect();
        graph.free_files =
            (0..).zip(&graph.files).filter(|(_, file)| file.is_none()).map(|(at, _)| at).collect();
        graph.files.iter_mut().flatten().for_each(Kept::sort_index);
        for name in graph.files.iter().flatten().flat_map(|file| &file.loose) {
            *graph.loose.entry(*name).or_default() += 1;
        }
        graph.seen_at = u32::try_from(graph.heads.len() - 1).ok()?;
        graph.index_all();
        graph.link_back();
        Some(graph)
    }
}
