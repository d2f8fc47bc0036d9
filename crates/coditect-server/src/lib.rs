//! The door for browsers: a dashboard of a person's own missions, the same as JSON, event streams, and metrics.
//!
//! It decides nothing. What it shows is folded from the journal, what a person does goes through the same door as on the
//! command line, by way of the [`House`] that the binary lends it. Readers never enter the ring: a watcher that is slow,
//! or stops reading, costs itself some events, which it reads again later, and no mission anything.
//!
//! It listens on a loopback address only, since it has no users and roles yet: whoever has the token that the binary
//! prints is the person. [`guard`] says who is let in, [`serve`] how much of it at once.
//!
//! Start reading at [`routes`].

mod catalogue;
mod evidence;
mod follow;
mod graph;
mod guard;
mod house;
mod metrics;
mod moments;
mod names;
mod pages;
mod refusal;
mod routes;
mod serve;
mod text;
#[cfg(test)]
mod trial;

pub use guard::Secrets;
pub use house::{Between, Both, Compared, House, Sentence, Terms};
pub use serve::{Server, loopback};
