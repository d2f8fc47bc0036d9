//! Every protocol against a server that speaks it: answers arrive whole and counted, and every fault ends a call in time with an
//! error that says what to do.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use coditect_adapters::model::{Endpoint, Protocol, Remote, Secret, offered};
use coditect_ports::{Model, ModelError, Stop};
use coditect_testkit::provider::{Answer, Provider};
use coditect_types::limits::CallLimits;
use coditect_types::model::{Finish, Message, Speaker};
use coditect_types::{ErrorKind, ModelReply, ModelRequest};
use serde_json::json;

const KEY: &str = "sk-planted-key-0815";
const TEXT: &str = "src/räuber.py\n```python\nprint(\"ü\")\n```\n";

fn limits() -> CallLimits {
    CallLimits {
        connect_ms: 5_000,
        first_byte_ms: 2_000,
        idle_ms: 2_000,
        wall_ms: 10_000,
        reply_bytes: 20_000,
    }
}

fn endpoint(name: &str, protocol: Protocol, provider: &Provider) -> Endpoint {
    Endpoint {
        name: "mine".into(),
        protocol,
        url: provider.url(name),
        model: "coder".into(),
        key: Secret::new(KEY),
        context_tokens: 16_384,
    }
}

fn request() -> ModelRequest {
    let message = |speaker, text: &str| Message { speaker, text: text.into() };
    ModelRequest {
        system: "be brief".into(),
        messages: vec![
            message(Speaker::User, "write it"),
            message(Speaker::Assistant, "no"),
            message(Speaker::User, "again"),
        ],
        stable: 1,
        output_tokens: 500,
        temperature: 40,
        seed: 7,
        schema: Some(json!({ "type": "object" })),
    }
}

fn ask(
    name: &str,
    protocol: Protocol,
    provider: &Provider,
    limits: &CallLimits,
) -> Result<ModelReply, ModelError> {
    Remote::new(endpoint(name, protocol, provider)).answer(&request(), limits, &Stop::new(), &mut |_| {})
}

#[test]
fn every_protocol_says_all_that_a_request_holds() {
    for (name, protocol) in Protocol::ALL {
        let provider = Provider::start(|_, _| Answer::Says(TEXT.into()));
        let mut heard = String::new();
        let model = Remote::new(endpoint(name, protocol, &provider));
        let reply =
            model.answer(&request(), &limits(), &Stop::new(), &mut |piece| heard.push_str(piece)).unwrap();
        assert_eq!((reply.text.as_str(), reply.finish, heard.as_str()), (TEXT, Finish::Done, TEXT), "{name}");
        let asked = provider.asked();
        let body = asked[0].body.to_string();
        let usage = reply.usage;
        assert_eq!(
            (usage.tokens_in, usage.tokens_out, usage.reckoned),
            (body.len() as u64 / 4, TEXT.len() as u64 / 4 + 1, false),
            "{name}"
        );
        for part in ["be brief", "write it", "again", "500", "\"object\""] {
            assert!(body.contains(part), "{name} says nothing of {part}: {body}");
        }
        assert!(asked[0].head.contains(KEY) && !body.contains(KEY), "{name}");
        let names = offered(&endpoint(name, protocol, &provider), &limits(), &Stop::new()).unwrap();
        assert_eq!(names, ["coder"], "{name}");
    }
}

#[test]
fn the_window_is_told_to_the_server_that_would_cut_a_prompt() {
    let provider = Provider::start(|_, _| Answer::Says(TEXT.into()));
    ask("ollama", Protocol::Ollama, &provider, &limits()).unwrap();
    assert_eq!(provider.asked()[0].body["options"]["num_ctx"], 16_384);
}

#[test]
fn what_a_prompt_begins_with_is_marked_for_the_providers_cache() {
    let body = |model: &str, protocol: Protocol, name: &str, request: &ModelRequest| {
        let provider = Provider::start(|_, _| Answer::Says(TEXT.into()));
        let endpoint = Endpoint { model: model.into(), ..endpoint(name, protocol, &provider) };
        Remote::new(endpoint).answer(request, &limits(), &Stop::new(), &mut |_| {}).unwrap();
        provider.asked()[0].body.clone()
    };
    // Behind OpenRouter, models of Anthropic want marks, and others text.
    let marked = body("anthropic/claude", Protocol::Chat, "chat", &request());
    let mark =
        |text: &str| json!([{ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } }]);
    assert_eq!(marked["messages"][0]["content"], mark("be brief"));
    assert_eq!(marked["messages"][1]["content"], mark("write it"));
    assert_eq!(marked["messages"][3]["content"], "again");
    let plain = body("coder", Protocol::Chat, "chat", &request());
    assert_eq!(
        (&plain["messages"][0]["content"], &plain["prompt_cache_key"]),
        (&json!("be brief"), &json!(null))
    );
    // OpenAI wants a key that is the same for what begins alike.
    let key = |request: &ModelRequest| {
        let body = body("coder", Protocol::Responses, "responses", request);
        body["prompt_cache_key"].as_str().unwrap().to_owned()
    };
    let first = key(&request());
    let mut other = request();
    other.messages[2].text = "once more".into();
    assert_eq!(key(&other), first);
    other.messages[0].text = "write that".into();
    assert_ne!(key(&other), first);
    assert!(first.len() <= 64 && !first.contains("brief"), "{first}");
}

#[test]
fn what_gemini_asks_to_wait_for_is_passed_on() {
    let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s" }]);
    let body = json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow", "details": details } });
    for (retry_after_s, ms) in [(None, 27_000), (Some(3), 3_000)] {
        let answer = Answer::Refuses { status: 429, retry_after_s, body: body.to_string() };
        let provider = Provider::start(move |_, _| answer.clone());
        let error = ask("gemini", Protocol::Gemini, &provider, &limits()).unwrap_err();
        assert_eq!((error.error.kind, error.retry_after_ms), (ErrorKind::Unavailable, Some(ms)), "{error:?}");
    }
}

#[test]
fn every_fault_of_every_protocol_ends_the_call_with_the_truth() {
    let faults: [(Answer, ErrorKind); 12] = [
        (refusal(401, None, "bad key sk-planted-key-0815"), ErrorKind::Denied),
        (refusal(429, Some(20), "slow down"), ErrorKind::Unavailable),
        (refusal(500, None, "oops"), ErrorKind::Unavailable),
        (refusal(400, None, "maximum context length exceeded"), ErrorKind::Invalid),
        (Answer::BreaksOff("src/a.py\n```python\n".into()), ErrorKind::Unavailable),
        (Answer::GivesUp("src/a".into()), ErrorKind::Unavailable),
        (Answer::Garbles, ErrorKind::Unavailable),
        (Answer::HangsUp, ErrorKind::Unavailable),
        (Answer::TalksNonsense, ErrorKind::Unavailable),
        (Answer::KeepsSilent, ErrorKind::Interrupted),
        (Answer::Drips("x".repeat(1_000), Duration::from_millis(20)), ErrorKind::Interrupted),
        // Numbers are no loop that one could notice.
        (Answer::Loops((0..400).map(|n| format!("{n} ")).collect()), ErrorKind::Invalid),
    ];
    let short = CallLimits { first_byte_ms: 500, idle_ms: 500, wall_ms: 1_000, ..limits() };
    for (name, protocol) in Protocol::ALL {
        for (answer, kind) in &faults {
            let provider = Provider::start({
                let answer = answer.clone();
                move |_, _| answer.clone()
            });
            // Only what is slow needs short limits; a busy machine may take its time for the rest.
            let limits = if *kind == ErrorKind::Interrupted { &short } else { &limits() };
            let error = ask(name, protocol, &provider, limits).unwrap_err();
            assert_eq!(error.error.kind, *kind, "{name} {answer:?}: {error}");
            assert!(!format!("{error:?}").contains(KEY), "{name} {answer:?}: {error:?}");
            assert_eq!(provider.asked().len(), 1, "{name} {answer:?}: a call is made once");
        }
    }
}

fn refusal(status: u16, retry_after_s: Option<u64>, message: &str) -> Answer {
    Answer::Refuses { status, retry_after_s, body: json!({ "error": { "message": message } }).to_string() }
}

#[test]
fn what_is_no_fault_of_the_connection_is_an_answer() {
    for (name, protocol) in Protocol::ALL {
        let answers = [
            (Answer::Says(String::new()), Finish::Done),
            (Answer::CallsTool, Finish::Done),
            (Answer::Loops("again and again ".to_owned()), Finish::Looped),
            // A model of one's own machine has no other way to decline than to say so.
            (
                Answer::Declines("I cannot".into()),
                if name == "ollama" { Finish::Done } else { Finish::Refused },
            ),
        ];
        for (answer, finish) in answers {
            let provider = Provider::start({
                let answer = answer.clone();
                move |_, _| answer.clone()
            });
            let reply = ask(name, protocol, &provider, &limits()).unwrap();
            assert_eq!(reply.finish, finish, "{name} {answer:?}");
            assert!(!reply.text.contains("rm -rf"), "{name} {answer:?}: {}", reply.text);
        }
    }
}
