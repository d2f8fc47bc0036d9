//! Where models are asked: the one place of the shell that holds them. Each is asked through its circuit breaker, and the bus is told
//! how an answer comes along.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use coditect_ports::{Breakers, Clock, Model, ModelError, Notice, PortError, Work};
use coditect_types::breaker::{Remote, RemoteKind};
use coditect_types::limits::CallLimits;
use coditect_types::outcome::Spent;
use coditect_types::{Action, ErrorKind, Failure, Outcome};

use crate::breakers::{Call, Guarded, OwnBreakers};
use crate::pool::{Performs, failed};

/// How often a notice tells how far an answer is, µs.
const NOTICE_US: u64 = 500_000;
/// How long a call waits for its turn with a model that is tried by another one, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);

/// The models that the person chose.
pub(crate) struct Desk {
    models: BTreeMap<String, Chosen>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

/// A model, and the way to it.
struct Chosen {
    model: Arc<dyn Model>,
    way: Guarded,
    /// Held by the one call that waits for its turn: threads are there for other models, too.
    waits: Mutex<()>,
}

impl Desk {
    pub(crate) fn new(
        models: &[Arc<dyn Model>],
        breakers: &Arc<dyn Breakers>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let own: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
        let of = |model: &Arc<dyn Model>| {
            let remote = Remote::new(RemoteKind::Model, model.name());
            let breakers = if model.is_shared() { breakers } else { &own };
            let way = Guarded::new(Arc::clone(breakers), Arc::clone(&clock), remote).bold();
            (model.name().to_owned(), Chosen { model: Arc::clone(model), way, waits: Mutex::default() })
        };
        Self { models: models.iter().map(of).collect(), clock, patience: PATIENCE }
    }

    /// Waits for a call's turn with a model, where that comes soon. Gives how long it waited, ms.
    fn turn<'w>(
        &self,
        chosen: &'w Chosen,
        limits: &CallLimits,
        work: &Work,
    ) -> Result<(Call<'w>, u64), Failure> {
        let (since, patience) =
            (Instant::now(), self.patience.min(Duration::from_millis(limits.wall_ms / 2)));
        let mut turn = None;
        loop {
            let waited = since.elapsed();
            let left_alone = match chosen.way.pass(limits.wall_ms) {
                Ok(call) => return Ok((call, u64::try_from(waited.as_millis()).unwrap_or(u64::MAX))),
                Err(left_alone) => left_alone,
            };
            let retry_after_ms = left_alone.retry_after_ms;
            let is_soon = waited + Duration::from_millis(retry_after_ms) <= patience;
            turn = turn.or_else(|| chosen.waits.try_lock().ok());
            if !is_soon || turn.is_none() || work.stop.is_wanted() {
                let failure = Failure::from(PortError::from(left_alone));
                return Err(Failure { retry_after_ms: Some(retry_after_ms), unasked: true, ..failure });
            }
            thread::park_timeout(LOOK);
        }
    }
}

impl Performs for Desk {
    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::AskModel { model: spec, request, limits } = action else {
            return failed(ErrorKind::Bug, "the desk was handed an action that asks no model");
        };
        let Some(chosen) = self.models.get(&spec.name) else {
            return failed(ErrorKind::NotFound, format!("the model `{}` is not configured here", spec.name));
        };
        let (call, waited_ms) = match self.turn(chosen, limits, work) {
            Ok(turn) => turn,
            Err(failure) => return Outcome::Failed { failure, spent: Spent::default() },
        };
        // Less than that is the mission's own budget.
        let has_its_time = limits.wall_ms >= spec.limits.wall_ms;
        let limits = &CallLimits { wall_ms: limits.wall_ms.saturating_sub(waited_ms), ..*limits };
        let started = self.clock.monotonic_us();
        let (mut bytes, mut told_us) = (0, started);
        let mut hear = |piece: &str| {
            bytes += piece.len();
            let now = self.clock.monotonic_us();
            if now.saturating_sub(told_us) >= NOTICE_US {
                told_us = now;
                let what = format!("`{}` is writing, {bytes} bytes so far", spec.name);
                let (mission, task, attempt) = (work.mission.clone(), work.task, work.attempt);
                work.bus.announce(Notice::Doing { mission, task, attempt, what });
            }
        };
        let answer = chosen.model.answer(request, limits, &work.stop, &mut hear);
        let wall_ms = self.clock.monotonic_us().saturating_sub(started) / 1_000;
        let spent = Spent { wall_ms, ..Spent::default() };
        match answer {
            Ok(reply) => {
                // What was kept from an earlier call says nothing of how the model is now.
                if !reply.kept {
                    call.succeeded();
                }
                Outcome::ModelAnswered { model: spec.name.clone(), reply, spent }
            }
            Err(ModelError { error, retry_after_ms, usage }) => {
                // A trial that takes all of its time would do so again, and others wait for it.
                let is_theirs = error.kind == ErrorKind::Unavailable
                    || (error.kind == ErrorKind::Interrupted && has_its_time && call.is_trial());
                if is_theirs && !work.stop.is_raised() {
                    call.failed();
                }
                let failure = Failure { retry_after_ms, ..Failure::from(error) };
                Outcome::Failed { failure, spent: Spent { usage, ..spent } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
