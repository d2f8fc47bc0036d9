//! The shell: keeps the journal, carries out effects, brings outcomes back as inputs.
//!
//! One ring, one direction: an input comes in, the core decides, the journal keeps, whoever asked is told, the
//! effects are carried out, and each outcome is the next input. Decide, keep, tell, act, in that order.
//!
//! - [`cell`] is one mission without any waiting: the simulator drives the same code.
//! - [`shell`] drives many cells on tokio, with one actor a mission and a pool of worker threads.
//! - Models are asked in one place, the desk, on threads of its own; agents never see them.
//! - [`entry`], [`history`], [`moment`] and [`view`] read the journal for people, [`said`] has words for it; readers never enter
//!   the ring.
//! - [`at_work`] says who is at work in a mission.
//! - [`breakers`] is the way to what is remote.
//! - [`holders`] says which process has which missions, where several machines share a journal.
//! - [`known`] has the world model for programs.
//! - [`lookout`] says which missions have no process any more.
//! - [`trace`] makes spans of a mission's records.
//! - [`under_way`] says what a mission has under way, for whoever folds its records.
//! - [`fork`] makes the beginning of a mission out of that of another one.
//!
//! There are no protocols here, and nothing that prints.

mod actor;
pub mod at_work;
pub mod breakers;
pub mod cell;
mod desk;
pub mod entry;
pub mod error;
pub mod far;
pub mod fork;
#[cfg(test)]
mod hand;
pub mod history;
pub mod holders;
pub mod known;
pub mod lookout;
pub mod moment;
pub mod mover;
mod pool;
pub mod said;
pub mod shell;
pub mod trace;
pub mod under_way;
pub mod view;

pub use breakers::{Guarded, GuardedEmbedder, OwnBreakers};
pub use cell::Cell;
pub use coditect_core::Spending;
pub use coditect_core::world;
pub use entry::{Entry, entry};
pub use error::ShellError;
pub use far::FarGraph;
pub use history::history;
pub use moment::{Beliefs, Fold};
pub use shell::{Ports, Settings, Shell};
pub use view::{MissionView, TaskView, Viewer, view};
