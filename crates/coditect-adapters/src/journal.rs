//! Journals: where the truth is kept.

pub mod segments;

pub use segments::{Finding, Segments};
