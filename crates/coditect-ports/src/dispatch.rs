//! Actions for whoever can perform them, on this machine or another.

use std::fmt::Debug;
use std::sync::Arc;

use coditect_types::{Action, Outcome};

use crate::Work;

/// Hears what came of an action. It returns at once, whatever thread it is called on.
pub type Done = Box<dyn FnOnce(Outcome) + Send>;

/// The dispatcher.
///
/// # Promises
/// - An action is performed at least once, by an agent that offers its role, and `done` hears once what came of it: of the first outcome
///   that came, where several did. Until then it is waited for, until the flag of the work is raised.
/// - What an outcome speaks of is in the mission's own store here before `done` hears of it.
/// - Once the flag of the work is raised, `done` hears within seconds, and whoever performs the action is told as well as may be. Where it
///   is raised since this process ends ([`StopCause::Shutdown`](crate::StopCause)), whoever performs it goes on.
/// - An attempt that is dispatched again, after whoever dispatched it was gone, gets the outcome that came meanwhile.
///
/// # May
/// Have an action performed twice, also at the same time. Call `done` on any thread.
///
/// # Must not
/// Hand on what does not travel ([`Action::travels`]), or change an outcome.
///
/// # When it fails
/// With `Outcome::Failed`: the cause, and the next step for a person.
pub trait Dispatch: Debug + Send + Sync {
    /// Hands an action over. Returns at once.
    fn dispatch(&self, action: Arc<Action>, work: Work, done: Done);
}
