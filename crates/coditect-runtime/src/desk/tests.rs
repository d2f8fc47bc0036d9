#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::sync::atomic::{AtomicU32, Ordering};

use coditect_ports::{Bus, PortError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::model::{Finish, Usage};
use coditect_types::{AttemptId, MissionId, ModelReply, ModelRequest, ModelSpec, Rung, TaskId};

use super::*;
use crate::breakers::OwnBreakers;
use crate::hand::Hand;

/// Answers the calls that `fails` lets through.
#[derive(Debug)]
struct Double {
    fails: fn(u32) -> Option<ErrorKind>,
    calls: AtomicU32,
}

impl Model for Double {
    fn name(&self) -> &str {
        "double"
    }

    fn answer(
        &self,
        _: &ModelRequest,
        _: &CallLimits,
        _: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let usage = Usage { tokens_in: 3, tokens_out: 2, ..Usage::default() };
        if let Some(kind) = (self.fails)(self.calls.fetch_add(1, Ordering::Relaxed)) {
            let error = PortError::new(kind, "trouble");
            return Err(ModelError { error, retry_after_ms: Some(7), usage: Some(usage) });
        }
        hear("yes");
        Ok(ModelReply { text: "yes".into(), finish: Finish::Done, usage, kept: false })
    }
}

#[derive(Debug)]
struct Silence;

impl Bus for Silence {
    fn announce(&self, _: Notice) {}
}

fn desk(fails: fn(u32) -> Option<ErrorKind>) -> (Desk, Arc<Double>) {
    desk_with(fails, &(Arc::new(OwnBreakers::default()) as Arc<dyn Breakers>))
}

fn desk_with(fails: fn(u32) -> Option<ErrorKind>, breakers: &Arc<dyn Breakers>) -> (Desk, Arc<Double>) {
    let model = Arc::new(Double { fails, calls: AtomicU32::new(0) });
    let desk = Desk::new(&[Arc::clone(&model) as Arc<dyn Model>], breakers, Arc::new(Hand::at(1_000)));
    (Desk { patience: Duration::ZERO, ..desk }, model)
}

fn ask(desk: &Desk, name: &str) -> Outcome {
    let model = ModelSpec {
        name: name.into(),
        rung: Rung::SmallModel,
        context_tokens: 1_024,
        output_tokens: 64,
        edits: Default::default(),
        price: Default::default(),
        limits: Default::default(),
    };
    let request = ModelRequest {
        system: String::new(),
        messages: Vec::new(),
        stable: 0,
        output_tokens: 64,
        temperature: 0,
        seed: 0,
        schema: None,
    };
    let work = Work {
        mission: MissionId::parse("m-1").unwrap(),
        task: TaskId(1),
        attempt: AttemptId(1),
        stop: Stop::new(),
        bus: Arc::new(Silence),
        is_old: false,
        allowance_ms: None,
    };
    desk.perform(&Action::AskModel { model, request, limits: CallLimits::default() }, &work)
}

fn failure(outcome: Outcome) -> (Failure, Spent) {
    let Outcome::Failed { failure, spent } = outcome else { panic!("{outcome:?}") };
    (failure, spent)
}

#[test]
fn an_answer_comes_back_with_its_model() {
    let (desk, _) = desk(|_| None);
    let Outcome::ModelAnswered { model, reply, .. } = ask(&desk, "double") else { panic!("no answer") };
    assert_eq!((model.as_str(), reply.text.as_str()), ("double", "yes"));
    let (unknown, _) = failure(ask(&desk, "stranger"));
    assert_eq!(unknown.kind, ErrorKind::NotFound);
}

#[test]
fn a_failure_tells_when_to_ask_again_and_what_it_used() {
    let (desk, _) = desk(|_| Some(ErrorKind::Unavailable));
    let (failure, spent) = failure(ask(&desk, "double"));
    assert_eq!((failure.kind, failure.retry_after_ms), (ErrorKind::Unavailable, Some(7)));
    assert_eq!(spent.usage.unwrap().tokens_in, 3);
}

#[test]
fn what_fails_in_a_row_is_left_alone_and_what_is_refused_is_not_the_models_fault() {
    let (broken, model) = desk(|_| Some(ErrorKind::Unavailable));
    for _ in 0..20 {
        ask(&broken, "double");
    }
    let made = model.calls.load(Ordering::Relaxed);
    assert!(made < 20, "{made} calls were made");
    let (left_alone, spent) = failure(ask(&broken, "double"));
    assert!(left_alone.cause.contains("left alone") && spent.usage.is_none(), "{left_alone:?}");
    let (refuses, model) = desk(|_| Some(ErrorKind::Invalid));
    for _ in 0..20 {
        ask(&refuses, "double");
    }
    assert_eq!(model.calls.load(Ordering::Relaxed), 20);
}

/// A hundred missions find out together that a provider is down, and not one by one.
#[test]
fn what_one_mission_found_out_another_one_does_not_ask() {
    let breakers: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
    let (one, _) = desk_with(|_| Some(ErrorKind::Unavailable), &breakers);
    (0..20).for_each(|_| drop(ask(&one, "double")));
    let (other, model) = desk_with(|_| Some(ErrorKind::Unavailable), &breakers);
    let (left_alone, _) = failure(ask(&other, "double"));
    assert!(left_alone.cause.contains("left alone"), "{left_alone:?}");
    assert!(left_alone.unasked && left_alone.retry_after_ms.is_some_and(|ms| ms > 0), "{left_alone:?}");
    assert_eq!(model.calls.load(Ordering::Relaxed), 0);
}

/// Whoever is next is not told that it failed: it was never asked.
#[test]
fn a_call_waits_while_another_one_tries() {
    let breakers: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
    let of = Remote::new(RemoteKind::Model, "double");
    let trial = coditect_types::breaker::Standing::HalfOpen { until_ms: 4_000, open_ms: 5_000 };
    breakers.change(&of, &mut |_| trial);
    let (desk, model) = desk_with(|_| None, &breakers);
    let desk = Desk { patience: Duration::from_secs(60), ..desk };
    thread::scope(|scope| {
        let asked = scope.spawn(|| ask(&desk, "double"));
        thread::park_timeout(3 * LOOK);
        assert_eq!(model.calls.load(Ordering::Relaxed), 0);
        breakers.change(&of, &mut |_| coditect_types::breaker::Standing::default());
        let answer = asked.join().unwrap();
        assert!(matches!(answer, Outcome::ModelAnswered { .. }), "{answer:?}");
    });
}

/// What is played from a tape, or served by this process alone, is nobody else's business.
#[test]
fn what_is_ones_own_has_a_breaker_of_ones_own() {
    #[derive(Debug)]
    struct Own(Double);
    impl Model for Own {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn is_shared(&self) -> bool {
            false
        }
        fn answer(
            &self,
            request: &ModelRequest,
            limits: &CallLimits,
            stop: &Stop,
            hear: &mut dyn FnMut(&str),
        ) -> Result<ModelReply, ModelError> {
            self.0.answer(request, limits, stop, hear)
        }
    }
    let breakers: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
    let model = Own(Double { fails: |_| Some(ErrorKind::Unavailable), calls: AtomicU32::new(0) });
    let desk = Desk::new(&[Arc::new(model) as Arc<dyn Model>], &breakers, Arc::new(Hand::at(1_000)));
    let desk = Desk { patience: Duration::ZERO, ..desk };
    (0..20).for_each(|_| drop(ask(&desk, "double")));
    assert!(breakers.all().is_empty());
}
