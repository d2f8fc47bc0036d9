//! The words of CODITECT: ids, commands, events, actions, outcomes, tests, receipts, limits and errors.
//!
//! Every other crate speaks in these types, and the journal keeps them, so they change with care:
//! a field that is added gets `#[serde(default)]`, a field that is removed stays readable.
//! There is no behaviour here beyond constructors and checks, no IO and no clock.
//!
//! Start reading at [`event::Event`]: the journal is a list of those, and all state is a fold over them.

pub mod access;
pub mod action;
pub mod breaker;
pub mod command;
pub mod context;
pub mod error;
pub mod event;
pub mod fact;
pub mod figure;
pub mod fleet;
pub mod focus;
pub mod graph;
pub mod ids;
pub mod limits;
pub mod memory;
pub mod model;
pub mod outcome;
pub mod plan;
pub mod project;
pub mod receipt;
pub mod run;
pub mod sandbox;
pub mod span;
pub mod testing;
pub mod words;
pub mod workspace;

pub use access::{Deed, UserName, UserRole, Visitor};
pub use action::Action;
pub use command::{Command, Input, Refusal, Reply, Workers};
pub use context::{Context, Fragment, Reach};
pub use error::ErrorKind;
pub use event::{Effect, Event, Fork, MissionStatus, Record};
pub use fact::{Expected, Fact, FactKey, Put};
pub use figure::{Amount, Family, Figure, Point, Spread};
pub use focus::{Aim, Delivery, Focus, Ground};
pub use graph::{EdgeKind, NodeId, NodeKind};
pub use ids::{ApprovalId, AttemptId, MissionId, StageId, StrandId, TaskId};
pub use limits::{Budget, Limits, Policy};
pub use memory::{EpisodeId, Reused};
pub use model::{ModelReply, ModelRequest, ModelSpec};
pub use outcome::{Failure, Outcome};
pub use plan::{Expectation, Intent, Role, Stage, Strand, TaskSpec};
pub use project::{Project, SourceFile};
pub use receipt::{Ledger, Receipt, Rung};
pub use run::{Run, RunEnd, Runs};
pub use sandbox::{Enforced, Tier};
pub use testing::{Suspect, TestReport, TestResult, TestStatus};
pub use workspace::{Snapshot, WorkspaceRef};
