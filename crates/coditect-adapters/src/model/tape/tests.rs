use coditect_types::model::{Finish, Message, Speaker};

use super::*;

/// Answers what it was asked, and fails each second time.
#[derive(Debug, Default)]
struct Echo(Mutex<u64>);

impl Model for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn answer(
        &self,
        request: &ModelRequest,
        _: &CallLimits,
        _: &Stop,
        _: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let mut calls = self.0.lock().unwrap();
        *calls += 1;
        if calls.is_multiple_of(2) {
            let error = PortError::new(ErrorKind::Unavailable, "tired");
            return Err(ModelError { error, retry_after_ms: Some(7), usage: Some(Usage::default()) });
        }
        let text = format!("{}, for the {calls}. time", request.messages[0].text);
        Ok(ModelReply {
            text,
            finish: Finish::Done,
            usage: Usage { tokens_out: 3, ..Usage::default() },
            kept: false,
        })
    }
}

fn request(text: &str) -> ModelRequest {
    ModelRequest {
        system: "be brief".into(),
        messages: vec![Message { speaker: Speaker::User, text: text.into() }],
        stable: 1,
        output_tokens: 100,
        temperature: 0,
        seed: 7,
        schema: None,
    }
}

fn spec() -> ModelSpec {
    ModelSpec {
        name: "echo".into(),
        rung: coditect_types::Rung::SmallModel,
        context_tokens: 4_096,
        output_tokens: 256,
        edits: Default::default(),
        price: Default::default(),
        limits: Default::default(),
    }
}

fn ask(model: &dyn Model, text: &str) -> Result<ModelReply, ModelError> {
    model.answer(&request(text), &CallLimits::default(), &Stop::new(), &mut |_| {})
}

#[test]
fn what_was_recorded_is_played_back_in_order_errors_included() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tape.jsonl");
    let recorder = Recorder::create(&path, &[spec()]).unwrap();
    let model = recorder.listen(Arc::new(Echo::default()));
    let asked = ["one", "one", "one", "two"];
    let said: Vec<_> = asked.iter().map(|text| ask(&*model, text)).collect();
    drop((model, recorder));
    let tape = Tape::open(&path).unwrap();
    assert_eq!(tape.specs(), [spec()]);
    let models = tape.models();
    let again: Vec<_> = asked.iter().map(|text| ask(&*models[0], text)).collect();
    assert_eq!(said, again);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let twice = Recorder::create(&path, &[spec()]).unwrap_err();
    assert!(twice.kind == ErrorKind::Invalid && twice.cause.contains("exists"), "{twice:?}");
}

#[test]
fn a_miss_is_told_with_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tape.jsonl");
    let recorder = Recorder::create(&path, &[spec()]).unwrap();
    ask(&*recorder.listen(Arc::new(Echo::default())), "the tests of yesterday").unwrap();
    let models = Tape::open(&path).unwrap().models();
    let error = ask(&*models[0], "the tests of today").unwrap_err().error;
    assert_eq!(error.kind, ErrorKind::NotFound);
    let hint = error.hint.unwrap();
    assert!(hint.contains("yesterday") && hint.contains("today"), "{hint}");
    ask(&*models[0], "the tests of yesterday").unwrap();
    let error = ask(&*models[0], "the tests of yesterday").unwrap_err().error;
    assert!(error.hint.unwrap().contains("more often"), "each answer is given once");
}

#[test]
fn what_is_no_tape_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (text, cause) in [("", "names no model"), ("{}\n", "line 1"), ("hello", "line 1")] {
        let path = dir.path().join("tape.jsonl");
        std::fs::write(&path, text).unwrap();
        let error = Tape::open(&path).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.cause.contains(cause), "{error:?}");
    }
    assert_eq!(Tape::open(&dir.path().join("none")).unwrap_err().kind, ErrorKind::NotFound);
}
