//! Adapters: one file per technology behind the ports.
//!
//! Adapters never import one another or the core, decide nothing, and print nothing: what a person should be
//! told is given back as a value.
//!
//! Start reading at [`journal::Segments`], the embedded journal. It promises what
//! [`coditect_ports::journal::Journal`] promises, and `coditect_testkit::conformance` checks it.

pub mod access;
pub mod bench;
pub mod bus;
pub mod clock;
pub mod fleet;
pub mod graph;
pub mod journal;
pub mod mailbox;
pub mod model;
mod nats;
pub mod otlp;
pub mod shelves;
mod threads;
pub mod trace;

pub use bus::LocalBus;
pub use clock::{SystemClock, SystemEntropy};
pub use graph::GraphAt;
pub use journal::{JetStream, Segments};
pub use mailbox::Mailbox;
pub use shelves::DiskShelves;
