//! The sockets in the wall: what the shell and the agents need from the outside world, as traits.
//!
//! There are no implementations here. Each trait's doc has four headings: Promises, May, Must not, When it
//! fails. Every adapter passes the port's conformance suite in `coditect-testkit`.
//!
//! Ports that compute or touch files or wait for others ([`Sandbox`], [`Workspace`], [`Agent`], [`Model`]) block: the shell calls them on
//! threads of their own. The [`Journal`] does not, since thousands of missions wait for one fsync together.

pub mod agent;
pub mod breakers;
pub mod bus;
pub mod clock;
pub mod dispatch;
pub mod embedder;
pub mod error;
pub mod graph;
pub mod journal;
pub mod memory;
pub mod model;
pub mod sandbox;
pub mod shelves;
pub mod stop;
pub mod under_way;
pub mod workspace;
pub mod world_store;

pub use agent::{Agent, Work};
pub use breakers::Breakers;
pub use bus::{Bus, Notice};
pub use clock::{Clock, Entropy};
pub use dispatch::{Dispatch, Done};
pub use embedder::Embedder;
pub use error::PortError;
pub use graph::Graph;
pub use journal::{AppendError, Journal};
pub use memory::Memory;
pub use model::{Model, ModelError};
pub use sandbox::{Exit, Job, Program, Ran, Sandbox, Writes};
pub use shelves::Shelves;
pub use stop::{Stop, StopCause};
pub use under_way::{Attempted, UnderWay};
pub use workspace::Workspace;
pub use world_store::WorldStore;
