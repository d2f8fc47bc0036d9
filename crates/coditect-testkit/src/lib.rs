//! Doubles with faults, one conformance suite per port, and the simulator. Never a normal dependency.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "oracles look at a few kinds of event and let the rest pass"
)]

pub mod chance;
pub mod conformance;
pub mod fleet;
pub mod invent;
pub mod memory_journal;
pub mod memory_world;
pub mod nats;
pub mod otlp;
pub mod pieces;
pub mod provider;
pub mod redis;
pub mod rules;
pub mod sim;
mod stopped;
