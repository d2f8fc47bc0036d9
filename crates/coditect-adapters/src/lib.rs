//! Adapters: one file per technology behind the ports.
//!
//! Adapters never import one another or the core, decide nothing, and print nothing: what a person should be
//! told is given back as a value.
//!
//! Start reading at [`journal::Segments`], the embedded journal. It promises what
//! [`coditect_ports::journal::Journal`] promises, and `coditect_testkit::conformance` checks it.

pub mod access;
pub mod announced;
pub mod bench;
pub mod breakers;
pub mod bus;
pub mod clock;
pub mod fleet;
pub mod graph;
pub mod journal;
pub mod mailbox;
pub mod model;
mod nats;
pub mod otlp;
mod shards;
pub mod shelves;
mod threads;
pub mod trace;
pub mod world;

pub use breakers::FileBreakers;
pub use bus::LocalBus;
pub use clock::{SystemClock, SystemEntropy};
pub use graph::GraphAt;
pub use journal::{JetStream, Segments};
pub use mailbox::Mailbox;
pub use shards::Shards;
pub use shelves::DiskShelves;
