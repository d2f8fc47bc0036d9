//! Outcomes of attempts that are not under way any more: they came twice, or too late. They change nothing, and are told.

use coditect_types::event::{Cause, Diagnosis, Response, ViolationKind};
use coditect_types::{AttemptId, TaskId};

use crate::expect::Violation;
use crate::state::State;
use crate::tasks::TaskState;

/// Attempts that are remembered. What comes later than so many others is only counted as ignored.
const MOST: usize = 32;

/// Which tasks the latest attempts were of. It is copied with the state for every step, so it is of one size and small.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latest([Option<(AttemptId, TaskId)>; MOST]);

impl Latest {
    /// An attempt begins.
    pub(crate) fn note(&mut self, attempt: AttemptId, task: TaskId) {
        self.0[place(attempt)] = Some((attempt, task));
    }

    /// The task of an attempt, where it is one of the latest.
    #[must_use]
    pub fn task(&self, attempt: AttemptId) -> Option<TaskId> {
        self.0[place(attempt)].filter(|(known, _)| *known == attempt).map(|(_, task)| task)
    }
}

fn place(attempt: AttemptId) -> usize {
    attempt.0 as usize % MOST
}

/// What an outcome of an attempt that has ended contradicts. None: nothing is known of such an attempt, or nothing is expected any more.
pub(crate) fn violation(state: &State, attempt: AttemptId) -> Option<(TaskId, Violation)> {
    let id = state.latest.task(attempt).filter(|_| state.end.is_none())?;
    let now = match state.task(id)?.state {
        TaskState::Running(other) => format!("{other} is under way in its place"),
        TaskState::Waiting { .. } => "its task waits for another attempt".to_owned(),
        TaskState::Asked(approval) => format!("its task waits for an answer to {approval}"),
        TaskState::Settled(_) => "its task is settled".to_owned(),
    };
    let found = Violation {
        kind: ViolationKind::LateOutcome,
        expected: "each attempt has one outcome, while it is under way".into(),
        observed: format!("an outcome of {attempt} came after that had ended; it changed nothing"),
        confidence: 1.0,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis { cause: Cause::Infrastructure, evidence: now, confidence: 1.0, runs: 0 }),
    };
    Some((id, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_attempts_are_known_and_older_ones_are_nobodys() {
        let mut latest = Latest::default();
        for n in 1..=40 {
            latest.note(AttemptId(n), TaskId(n / 2));
        }
        assert_eq!(latest.task(AttemptId(40)), Some(TaskId(20)));
        assert_eq!(latest.task(AttemptId(9)), Some(TaskId(4)));
        assert_eq!((latest.task(AttemptId(8)), latest.task(AttemptId(41))), (None, None));
    }
}
