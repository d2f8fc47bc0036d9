//! Where models are asked: the one place of the shell that holds them. It keeps a circuit breaker for each and tells on the
//! bus how an answer comes along.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_core::breaker::{Breaker, Pass};
use coditect_ports::{Clock, Model, ModelError, Notice, Work};
use coditect_types::outcome::Spent;
use coditect_types::{Action, ErrorKind, Failure, Outcome};

use crate::pool::{Performs, failed};

/// How often a notice tells how far an answer is, µs.
const NOTICE_US: u64 = 500_000;

/// The models that the person chose.
pub(crate) struct Desk {
    models: BTreeMap<String, (Arc<dyn Model>, Mutex<Breaker>)>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    pub(crate) fn new(models: &[Arc<dyn Model>], clock: Arc<dyn Clock>) -> Self {
        let of = |model: &Arc<dyn Model>| (model.name().to_owned(), (Arc::clone(model), Mutex::default()));
        Self { models: models.iter().map(of).collect(), clock }
    }
}

impl Performs for Desk {
    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::AskModel { model: spec, request, limits } = action else {
            return failed(ErrorKind::Bug, "the desk was handed an action that asks no model");
        };
        let Some((model, breaker)) = self.models.get(&spec.name) else {
            return failed(ErrorKind::NotFound, format!("the model `{}` is not configured here", spec.name));
        };
        let breaker = || breaker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Pass::Refused { retry_after_ms } = breaker().pass(self.clock.now_ms()) {
            let cause =
                format!("`{}` failed several times in a row and is left alone for a while", spec.name);
            let failure = Failure {
                retry_after_ms: Some(retry_after_ms),
                ..Failure::new(ErrorKind::Unavailable, cause)
            };
            return Outcome::Failed { failure, spent: Spent::default() };
        }
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
        let answer = model.answer(request, limits, &work.stop, &mut hear);
        let wall_ms = self.clock.monotonic_us().saturating_sub(started) / 1_000;
        let spent = Spent { wall_ms, ..Spent::default() };
        match answer {
            Ok(reply) => {
                breaker().succeeded();
                Outcome::ModelAnswered { model: spec.name.clone(), reply, spent }
            }
            Err(ModelError { error, retry_after_ms, usage }) => {
                let is_theirs = error.kind == ErrorKind::Unavailable;
                if is_theirs && !work.stop.is_raised() {
                    breaker().failed(self.clock.now_ms());
                } else {
                    breaker().released();
                }
                let failure = Failure { retry_after_ms, ..Failure::from(error) };
                Outcome::Failed { failure, spent: Spent { usage, ..spent } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
