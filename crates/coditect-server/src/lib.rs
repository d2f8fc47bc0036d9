//! The door for browsers: a dashboard of a person's own missions, the same as JSON, event streams, and metrics.
//!
//! It decides nothing. What it shows is folded from the journal, what a person does goes through the same door as on the
//! command line, by way of the [`House`] that the binary lends it. Readers never enter the ring: a watcher that is slow,
//! or stops reading, costs itself some events, which it reads again later, and no mission anything.
//!
//! `coditect ui` is for the person alone: whoever has the token that it prints is that person. `coditect serve` is for several users, each with
//! tokens and roles of their own. [`guard`] says who is let in and to what, [`pace`] and [`serve`] how much of it at once.
//!
//! [`grpc`] is the same API for programs that speak gRPC.
//!
//! Processes without a dashboard, such as workers, have a smaller door for whoever scrapes them ([`scrape`]).
//!
//! Start reading at [`routes`].

mod answered;
mod catalogue;
mod evidence;
mod follow;
mod graph;
mod grpc;
mod guard;
mod health;
mod house;
mod metrics;
mod moments;
mod names;
mod pace;
mod pages;
mod refusal;
mod routes;
mod scrape;
mod serve;
mod text;
#[cfg(test)]
mod trial;

pub use grpc::Grpc;
pub use guard::Secrets;
pub use health::Vitals;
pub use house::graph::{
    Around, Block, Curve, Explored, Few, GraphAnswer, GraphAsked, GraphNode, GraphSize, HotFile, Neighbour,
    Neighbours, Picture, Reached, Whole,
};
pub use house::{Between, Both, Compared, House, Recalled, Recollection, Sentence, Terms, Told};
pub use metrics::{Metrics, Own, OwnMission, of_process};
pub use pace::Pace;
pub use scrape::{Read, Scrape};
pub use serve::{Ground, Server, Tls, loopback};
