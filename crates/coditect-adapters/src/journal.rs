//! Journals: where the truth is kept.

pub mod jetstream;
pub mod segments;

pub use jetstream::JetStream;
pub use segments::{Finding, Segments};
