#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::sync::atomic::{AtomicU32, Ordering};

use coditect_ports::{Bus, PortError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::model::{Finish, Usage};
use coditect_types::{AttemptId, MissionId, ModelReply, ModelRequest, ModelSpec, Rung, TaskId};

use super::*;

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
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_000
    }
    fn monotonic_us(&self) -> u64 {
        0
    }
}

#[derive(Debug)]
struct Silence;

impl Bus for Silence {
    fn announce(&self, _: Notice) {}
}

fn desk(fails: fn(u32) -> Option<ErrorKind>) -> (Desk, Arc<Double>) {
    let model = Arc::new(Double { fails, calls: AtomicU32::new(0) });
    (Desk::new(&[Arc::clone(&model) as Arc<dyn Model>], Arc::new(Still)), model)
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
