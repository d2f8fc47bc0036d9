use std::sync::Mutex;

use coditect_types::model::{Message, Speaker, Usage};

use super::*;
use crate::model::{Protocol, Secret};

/// Counts how often it is asked.
#[derive(Debug)]
struct Counting(Arc<Mutex<u64>>, Finish);

impl Model for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn answer(
        &self,
        _: &ModelRequest,
        _: &CallLimits,
        _: &Stop,
        _: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        *self.0.lock().unwrap() += 1;
        Ok(ModelReply { text: "yes".into(), finish: self.1, usage: Usage::default(), kept: false })
    }
}

fn request(seed: u64) -> ModelRequest {
    ModelRequest {
        system: String::new(),
        messages: vec![Message { speaker: Speaker::User, text: "well?".into() }],
        stable: 1,
        output_tokens: 100,
        temperature: 0,
        seed,
        schema: None,
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        name: "counting".into(),
        protocol: Protocol::Chat,
        url: url.into(),
        model: "m".into(),
        key: Secret::new("sk-planted-key-99"),
        context_tokens: 4_096,
    }
}

#[test]
fn the_very_same_request_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("replies");
    let calls = Arc::new(Mutex::new(0));
    let of =
        |url: &str, finish| Kept::new(Arc::new(Counting(Arc::clone(&calls), finish)), &endpoint(url), &dir);
    let ask = |model: &Kept, seed| {
        model.answer(&request(seed), &CallLimits::default(), &Stop::new(), &mut |_| {}).unwrap().kept
    };
    let here = of("http://127.0.0.1:1/v1", Finish::Done);
    assert_eq!([ask(&here, 1), ask(&here, 1), ask(&here, 2), ask(&here, 1)], [false, true, false, true]);
    let elsewhere = of("http://127.0.0.1:2/v1", Finish::Refused);
    assert_eq!([ask(&elsewhere, 1), ask(&elsewhere, 1)], [false, false], "a refusal is not kept");
    assert_eq!(*calls.lock().unwrap(), 4);
    for entry in fs::read_dir(&dir).unwrap().flatten() {
        assert!(!fs::read_to_string(entry.path()).unwrap().contains("sk-planted"));
        // A file that was cut short is no answer.
        fs::write(entry.path(), "{\"url\":").unwrap();
    }
    assert!(!ask(&here, 1));
}
