//! The decisions of a mission: planning by rules, the queue, expectations and violations, budgets, the goal.
//!
//! A mission is a deterministic state machine. [`decide`] takes a state, a time and an input and answers with
//! events, or with a refusal that changes nothing. [`apply`] folds one event into the state and is the same for
//! live work and for replay. [`effects`] lists what the shell is to have under way for a state; effects are
//! derived, never stored, so a restart asks for them again.
//!
//! The core never waits, never reads a clock, never touches a disk, never draws a random number, and does not
//! know the ports. Maps are ordered, so that the same journal gives the same state on every machine.
//!
//! Start reading at [`decide::decide`], then [`goal`].

pub mod approvals;
pub mod belief;
pub mod breaker;
mod cascade;
pub mod context;
pub mod decide;
pub mod diagnose;
pub mod division;
pub mod effects;
pub mod expect;
pub mod findings;
pub mod foreign;
pub mod gateway;
pub mod goal;
pub mod hand_over;
pub mod late;
mod luck;
pub mod memory;
pub mod newer;
pub mod parametrize;
pub mod plan;
pub mod planning;
pub mod request;
pub mod specification;
pub mod spending;
pub mod stages;
pub mod state;
pub mod strands;
pub mod stuck;
pub mod tasks;
pub mod world;

pub use decide::{Decision, decide};
pub use effects::effects;
pub use spending::Spending;
pub use state::{State, apply};
