//! A fleet on NATS JetStream: actions go to whichever worker is free, outcomes come back, and the commits that both speak of go by an
//! object store.
//!
//! **Orders.** An action is a message of a work queue, one subject a role, under the name of its attempt: one that is published twice is
//! there once. A worker that takes it says every few seconds that it is at it; one that does not is taken for gone, and the order goes to
//! another. It is done once its outcome is kept, and not before.
//!
//! **Outcomes** are kept for a day, the last one of each attempt. Whoever dispatched the action hears of it at once, or finds it later
//! where it dispatches the same attempt again.
//!
//! **Dead letters.** An order that nobody can read, or that nobody survives, is given up after a while: why stands in a stream of its own,
//! and whoever waits for it hears of it ([`dead`]).
//!
//! **Time.** An order says how long its attempt may take. It is not begun after that, and stopped at the end of it ([`times`]).
//!
//! **Commits.** A snapshot goes to the store once a mission; what an agent made goes there beyond it. Names are those of the commits, so
//! the same is never sent twice.
//!
//! **Spans.** An order says which attempt it is for as a span of a trace, and a worker tells what it does as spans below that; nobody
//! waits for that, and nothing depends on it ([`account`]).
//!
//! **Who is there** is said by each worker, every few seconds and to whoever asks ([`roll`]).
//!
//! Start reading at [`parcel`] for the bytes, at [`boss`] for the way out and back, at [`worker`] for the other side.

mod account;
mod boss;
mod dead;
mod ears;
mod packs;
mod parcel;
mod pulse;
mod roll;
mod seal;
mod setup;
mod signs;
mod times;
mod wards;
mod worker;

use coditect_types::{AttemptId, MissionId, TaskId};
use tokio::time::Instant;

pub use account::{Account, Hear};
pub use boss::Fleet;
pub use pulse::Pulse;
pub use roll::{Lookout, Roll};
pub use seal::Seal;
pub use worker::{Offer, Worker};

/// Where a fleet is.
pub use setup::At;

/// Beside an order: it is the first of its attempt, so that there is no outcome unless it was taken before. Orchestrators of an older version
/// do not say it.
const NEW: &str = "Coditect-New";

/// The span that performing an order is a part of (W3C Trace Context), in a header.
const TRACEPARENT: &str = "traceparent";

/// An action, and whose it is. An order of one attempt is the same bytes, whichever process hands it out.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Order<A> {
    mission: MissionId,
    task: TaskId,
    attempt: AttemptId,
    action: A,
    /// The span that performing it is a part of, where an orchestrator of an older version says it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// How long the attempt may take, from when it was begun, ms: the same however often it is handed out. Orchestrators of an older version
    /// do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowance_ms: Option<u64>,
    /// When that is over here: whoever reads it sets that.
    #[serde(skip)]
    ends: Option<Instant>,
    /// What its outcome is bound to: whoever reads it sets that.
    #[serde(skip)]
    digest: [u8; 32],
}

/// What came of it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Report<O> {
    /// Who performed it.
    worker: String,
    outcome: O,
    /// What its commits are packed upon.
    upon: Option<String>,
}

/// What is said to whoever performs an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Nobody wants the outcome any more.
    Stop,
    /// To come to an end with what there is.
    Hurry,
}

#[cfg(test)]
mod tests;
