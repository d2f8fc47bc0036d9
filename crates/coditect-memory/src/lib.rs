//! Memory: texts are found again by their words and by what they are about.
//!
//! [`index::Index`] is where to start: it keeps texts, each in parts of different weight, and answers a query with the
//! likeliest of them. Words are matched exactly ([`lexical`], BM25), and by the company that they keep in these texts
//! ([`semantic`]: vectors that are learnt here, without a model and without a service); the two are added up.
//!
//! [`graph::ProjectGraph`] is the other half: what the project is made of, and what uses what.
//!
//! Nothing here reads a disk or a clock. Numbers of texts are given in the order in which they come, and are never used again.

pub mod code;
mod diff;
pub mod episode;
pub mod episodes;
pub mod graph;
pub mod index;
pub mod lexical;
pub mod numbers;
pub mod redact;
pub mod semantic;
pub mod text;

pub use episode::Episode;
pub use episodes::Episodes;
pub use index::{Hit, Index, Part};
