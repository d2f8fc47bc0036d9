//! Journals: where the truth is kept.

pub mod exported;
pub mod jetstream;
pub mod segments;
pub mod served;

pub use exported::Exported;
pub use jetstream::JetStream;
pub use segments::{Finding, Segments};
pub use served::Served;
