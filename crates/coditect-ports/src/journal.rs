//! The journal: the truth.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use coditect_types::MissionId;

use crate::PortError;

/// A boxed future that may be awaited on any thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why an append was not done. Nothing of it was kept, except under `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another writer was first: the stream is at `actual`.
    #[error("the stream is at {actual}, not at {expected}")]
    Conflict {
        /// What the caller expected.
        expected: u64,
        /// Where the stream is.
        actual: u64,
    },
    /// Another process holds the stream.
    #[error("{0}")]
    Held(PortError),
    /// It may or may not have been kept: read before going on.
    #[error("{0}")]
    Unknown(PortError),
    /// It was not kept.
    #[error("{0}")]
    NotKept(PortError),
}

/// What the journal knows of one stream without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The stream.
    pub stream: MissionId,
    /// Its last number.
    pub last_seq: u64,
}

/// A snapshot of folded state: a shortcut for reading, never the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The state as of this number.
    pub seq: u64,
    /// The version of the fold that wrote it.
    pub version: u32,
    /// The state.
    pub bytes: Vec<u8>,
}

/// Ordered, durable streams of records, one stream a mission. Records are bytes here.
///
/// # Promises
/// - `append` keeps all records or none, numbered `expected_seq + 1 ..` without gaps, and resolves only when
///   they are durable. Appends to one stream are ordered; one fsync may serve many.
/// - `append` with an `expected_seq` that is not the stream's last number is a `Conflict` and keeps nothing.
/// - `read` gives what was kept, in order, from a number on.
/// - What was acknowledged survives a kill at any moment. A torn tail is cut off on opening, and said.
///
/// # May
/// Hold a stream for one process until `release`; lose a snapshot.
///
/// # Must not
/// Look into records; reorder; acknowledge before the bytes are durable.
///
/// # When it fails
/// With the error that says whether the records may have been kept. A full disk refuses and stays readable.
pub trait Journal: Debug + Send + Sync {
    /// Appends to a stream that is at `expected_seq` (0: it does not exist yet). Gives the new last number.
    fn append<'a>(
        &'a self,
        stream: &'a MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>>;

    /// Up to `limit` records from number `from` (>= 1) on, with their numbers.
    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError>;

    /// Every stream, in the order of ids.
    fn streams(&self) -> Result<Vec<StreamInfo>, PortError>;

    /// Lets other processes write to the stream.
    fn release(&self, stream: &MissionId);

    /// Keeps a snapshot in place of an older one.
    fn save(&self, stream: &MissionId, saved: &Saved) -> Result<(), PortError>;

    /// The newest snapshot that is whole, if any.
    fn saved(&self, stream: &MissionId) -> Result<Option<Saved>, PortError>;

    /// Removes a stream and its snapshot for good. The stream must not be held by another process.
    fn forget(&self, stream: &MissionId) -> Result<(), PortError>;
}
