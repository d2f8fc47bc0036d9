//! The tasks of a mission: what was planned, and where each task stands.
//!
//! The two are kept apart since a state is copied for every step: the plan is shared by all copies, and where a
//! task stands is a few bytes.

use std::sync::Arc;

use coditect_types::event::TaskEnd;
use coditect_types::{ApprovalId, AttemptId, TaskId, TaskSpec};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Waits for the tasks that it needs, for a slot, or for a moment.
    Waiting {
        /// Not before this time, ms since 1970.
        not_before_ms: u64,
    },
    /// An attempt is under way.
    Running(AttemptId),
    /// Its attempt ended, and a person is to say what it means.
    Asked(ApprovalId),
    /// Ended.
    Settled(TaskEnd),
}

/// A task and its history in short.
#[derive(Clone, Copy, Debug)]
pub struct Task<'s> {
    /// As planned.
    pub spec: &'s TaskSpec,
    /// Where it stands.
    pub state: TaskState,
    /// Attempts that ended with a failure of their own.
    pub failures: u32,
    /// Its newest attempt asked nobody: a model is left alone.
    pub unasked: bool,
}

impl Task<'_> {
    /// Something went wrong by itself, and not for want of a change.
    #[must_use]
    pub fn failed_by_itself(&self) -> bool {
        self.failures > 0 || self.unasked
    }
}

/// Where a task stands, and how often it failed by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) state: TaskState,
    pub(crate) failures: u32,
    pub(crate) unasked: bool,
}

/// All tasks of a mission in the order of planning; task `n` is at `n - 1`.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    specs: Arc<Vec<TaskSpec>>,
    /// As long as `specs`.
    standings: Vec<Standing>,
    /// Tasks before this index are settled.
    settled_before: usize,
    /// Tasks that are settled as failed.
    failed: usize,
    /// Tasks before this index are of stages that ended.
    begun_at: usize,
    /// Some task was delegated by another one.
    has_delegated: bool,
}

impl Tasks {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// True while nothing is planned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// The task of this id.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<Task<'_>> {
        let at = index(id)?;
        Some(task(self.specs.get(at)?, self.standings.get(at)?))
    }

    /// Every task of the stage under way, or of all the work where it has no stages, in the order of planning.
    pub fn iter(&self) -> impl Iterator<Item = Task<'_>> {
        let begun = self.specs.iter().zip(&self.standings).skip(self.begun_at);
        begun.map(|(spec, standing)| task(spec, standing))
    }

    /// A stage begins: what was planned so far tells nothing of it.
    pub(crate) fn begin(&mut self) {
        self.begun_at = self.specs.len();
    }

    /// Tasks that are not settled, in the order of planning.
    pub fn open(&self) -> impl Iterator<Item = Task<'_>> {
        let specs = &self.specs[self.settled_before..];
        specs
            .iter()
            .zip(&self.standings[self.settled_before..])
            .filter(|(_, standing)| !matches!(standing.state, TaskState::Settled(_)))
            .map(|(spec, standing)| task(spec, standing))
    }

    /// Tasks that are not settled and that this one delegated. Nothing is looked through where nothing was ever delegated.
    pub fn delegated_by(&self, parent: TaskId) -> impl Iterator<Item = Task<'_>> {
        let open = self.has_delegated.then(|| self.open());
        open.into_iter().flatten().filter(move |task| task.spec.parent == Some(parent))
    }

    /// True where a task was settled as failed.
    #[must_use]
    pub fn any_failed(&self) -> bool {
        self.failed > 0
    }

    pub(crate) fn add(&mut self, specs: &[TaskSpec]) {
        self.has_delegated |= specs.iter().any(|spec| spec.parent.is_some());
        Arc::make_mut(&mut self.specs).extend_from_slice(specs);
        let waiting =
            Standing { state: TaskState::Waiting { not_before_ms: 0 }, failures: 0, unasked: false };
        self.standings.resize(self.specs.len(), waiting);
    }

    /// Changes where a task stands; nothing where there is no such task.
    pub(crate) fn change(&mut self, id: TaskId, change: impl FnOnce(&mut Standing)) {
        let Some(standing) = index(id).and_then(|at| self.standings.get_mut(at)) else { return };
        let failed = |standing: &Standing| usize::from(standing.state == TaskState::Settled(TaskEnd::Failed));
        self.failed -= failed(standing);
        change(standing);
        self.failed += failed(standing);
        let settled = |standing: &&Standing| matches!(standing.state, TaskState::Settled(_));
        self.settled_before += self.standings[self.settled_before..].iter().take_while(settled).count();
    }
}

fn index(id: TaskId) -> Option<usize> {
    (id.0 as usize).checked_sub(1)
}

fn task<'s>(spec: &'s TaskSpec, standing: &Standing) -> Task<'s> {
    Task { spec, state: standing.state, failures: standing.failures, unasked: standing.unasked }
}

#[cfg(test)]
mod tests;
