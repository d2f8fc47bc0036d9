use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coditect_types::ErrorKind;
use coditect_types::model::{Finish, Message, Speaker};

use super::*;

pub(super) const KEY: &str = "sk-planted-key-123";

/// What a server sends, one piece after the other.
#[derive(Clone)]
pub(super) enum Piece {
    Text(String),
    /// Says nothing until the other side hangs up.
    Silence,
}

/// A server that answers each connection with the same pieces and then hangs up; what it was sent.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) sent: Arc<Mutex<Vec<String>>>,
}

pub(super) fn server(pieces: Vec<Piece>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            kept.lock().unwrap().push(request(&mut stream));
            for piece in &pieces {
                match piece {
                    // The other side may have hung up, which is what some tests are about.
                    Piece::Text(text) => drop(stream.write_all(text.as_bytes())),
                    Piece::Silence => drop(stream.read(&mut [0; 1])),
                }
            }
        }
    });
    Server { url, sent }
}

/// Reads a request with its body.
fn request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok();
    bytes.extend(body);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn stream_head() -> Piece {
    Piece::Text("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".into())
}

fn events(events: &[&str]) -> Vec<Piece> {
    let text = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    vec![stream_head(), Piece::Text(text)]
}

pub(super) fn status(line: &str, headers: &str, body: &str) -> Vec<Piece> {
    let length = body.len();
    vec![Piece::Text(format!(
        "HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))]
}

fn limits() -> CallLimits {
    CallLimits {
        connect_ms: 5_000,
        first_byte_ms: 5_000,
        idle_ms: 5_000,
        wall_ms: 20_000,
        reply_bytes: 10_000,
    }
}

fn asked() -> ModelRequest {
    ModelRequest {
        system: "be brief".into(),
        messages: vec![Message { speaker: Speaker::User, text: "hello".into() }],
        stable: 1,
        output_tokens: 100,
        temperature: 40,
        seed: 7,
        schema: None,
    }
}

fn call(protocol: Protocol, url: &str, limits: &CallLimits, stop: &Stop) -> Result<ModelReply, ModelError> {
    let endpoint = Endpoint {
        name: "mine".into(),
        protocol,
        url: url.into(),
        model: "coder".into(),
        key: Secret::new(KEY),
        context_tokens: 4_096,
    };
    Remote::new(endpoint).answer(&asked(), limits, stop, &mut |_| {})
}

fn chat(pieces: Vec<Piece>) -> Result<ModelReply, ModelError> {
    call(Protocol::Chat, &server(pieces).url, &limits(), &Stop::new())
}

#[test]
fn chat_completions_are_streamed() {
    let server = server(events(&[
        r#"{"choices":[{"delta":{"role":"assistant","content":"Hel"}}]}"#,
        r#"{"choices":[{"delta":{"content":"lo"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":8}}}"#,
        "[DONE]",
    ]));
    let reply = call(Protocol::Chat, &server.url, &limits(), &Stop::new()).unwrap();
    assert_eq!((reply.text.as_str(), reply.finish, reply.kept), ("Hello", Finish::Done, false));
    let usage = reply.usage;
    assert_eq!((usage.tokens_in, usage.tokens_cached, usage.tokens_out, usage.reckoned), (12, 8, 2, false));
    let sent = server.sent.lock().unwrap()[0].clone();
    assert!(sent.starts_with("POST /v1/chat/completions "), "{sent}");
    assert!(sent.contains(&format!("authorization: Bearer {KEY}")), "{sent}");
    let body: serde_json::Value = serde_json::from_str(sent.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        (&body["model"], &body["max_tokens"], &body["seed"]),
        (&"coder".into(), &100.into(), &7.into())
    );
    assert_eq!(body["messages"][0]["role"], "system");
}

#[test]
fn messages_of_anthropic_are_streamed() {
    let server = server(events(&[
        r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":20,"output_tokens":1}}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message_stop"}"#,
    ]));
    let reply = call(Protocol::Anthropic, &server.url, &limits(), &Stop::new()).unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("Hello", Finish::Length));
    assert_eq!((reply.usage.tokens_in, reply.usage.tokens_cached, reply.usage.tokens_out), (25, 20, 9));
    let sent = server.sent.lock().unwrap()[0].clone();
    assert!(sent.starts_with("POST /v1/messages ") && sent.contains(&format!("x-api-key: {KEY}")), "{sent}");
    assert!(sent.contains("cache_control"), "{sent}");
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    assert_eq!(chat(status("200 OK", "", body)).unwrap().text, "Hi");
}

#[test]
fn what_a_provider_refuses_says_what_to_do() {
    for (line, body, kind, said) in [
        (
            "401 Unauthorized",
            r#"{"error":{"message":"bad key sk-planted-key-123"}}"#,
            ErrorKind::Denied,
            "does not take the key",
        ),
        ("403 Forbidden", "{}", ErrorKind::Denied, "may not be used"),
        ("404 Not Found", r#"{"error":"no such model"}"#, ErrorKind::NotFound, "no model `coder`"),
        (
            "400 Bad Request",
            r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
            ErrorKind::Invalid,
            "too long",
        ),
        ("400 Bad Request", r#"{"error":{"message":"what?"}}"#, ErrorKind::Invalid, "status 400"),
        ("402 Payment Required", "{}", ErrorKind::Exhausted, "no money"),
        (
            "429 Too Many Requests",
            r#"{"error":{"code":"insufficient_quota"}}"#,
            ErrorKind::Exhausted,
            "no money",
        ),
        ("429 Too Many Requests", "{}", ErrorKind::Unavailable, "no more requests"),
        ("500 Internal Server Error", "<html>", ErrorKind::Unavailable, "in trouble"),
        ("529 Overloaded", "{}", ErrorKind::Unavailable, "in trouble"),
        ("302 Found", "", ErrorKind::Denied, "not followed"),
    ] {
        let headers = "retry-after: 30\r\nlocation: http://127.0.0.1:1/\r\n";
        let error = chat(status(line, headers, body)).unwrap_err();
        assert_eq!(error.error.kind, kind, "{line}: {error}");
        assert!(error.error.cause.contains(said), "{line}: {error}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        assert_eq!((error.retry_after_ms, error.usage), (Some(30_000), None), "{line}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_none_and_what_it_took_is_reckoned() {
    let error = chat(events(&[r#"{"choices":[{"delta":{"content":"Half an answ"}}]}"#])).unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::Unavailable);
    let usage = error.usage.unwrap();
    assert!(usage.reckoned && usage.tokens_out >= 4 && usage.tokens_in >= 4, "{usage:?}");
    for pieces in
        [events(&["{not json"]), events(&[r#"{"error":{"type":"overloaded_error","message":"later"}}"#])]
    {
        assert_eq!(chat(pieces).unwrap_err().error.kind, ErrorKind::Unavailable);
    }
    let none = events(&[r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#]);
    assert_eq!(chat(none).unwrap().text, "", "an empty answer is one");
    let refused = events(&[r#"{"choices":[{"delta":{"refusal":"No."},"finish_reason":"stop"}]}"#]);
    assert_eq!(chat(refused).unwrap().finish, Finish::Refused);
}

#[test]
fn an_answer_without_end_is_cut_off_by_its_bytes() {
    let text: String = (0..250).map(|n| format!("{n:04}")).collect();
    let event = format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    let error = chat(events(&[event.as_str(); 11])).unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::Invalid);
    assert!(error.error.cause.contains("longer than 10000 bytes"), "{error}");
    // An event that never ends fills no memory either.
    let line = Piece::Text(format!("data: {}", "x".repeat(2_000_000)));
    assert!(chat(vec![stream_head(), line]).is_err());
}

#[test]
fn an_answer_that_goes_round_is_stopped_where_it_does() {
    let event = r#"{"choices":[{"delta":{"content":"replace(a, b)."}}]}"#;
    // It never ends by itself: without the look at what it says, silence would end the call with an error.
    let mut pieces = events(&[event; 300]);
    pieces.push(Piece::Silence);
    let reply = chat(pieces).unwrap();
    assert_eq!(reply.finish, Finish::Looped);
    assert!((1_500..3_000).contains(&reply.text.len()) && reply.usage.reckoned, "{} bytes", reply.text.len());
}

#[test]
fn silence_ends_a_call_at_the_first_limit() {
    let began = Piece::Text("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".into());
    for (pieces, limits, said) in [
        (vec![Piece::Silence], CallLimits { first_byte_ms: 100, ..limits() }, "began to answer"),
        (vec![stream_head(), Piece::Silence], CallLimits { first_byte_ms: 100, ..limits() }, "went on"),
        (
            vec![stream_head(), began.clone(), Piece::Silence],
            CallLimits { idle_ms: 100, ..limits() },
            "went on",
        ),
        (vec![stream_head(), began, Piece::Silence], CallLimits { wall_ms: 200, ..limits() }, "took longer"),
    ] {
        let error = call(Protocol::Chat, &server(pieces).url, &limits, &Stop::new()).unwrap_err();
        assert_eq!(error.error.kind, ErrorKind::Interrupted, "{error}");
        assert!(error.error.cause.contains(said), "{error}");
    }
}

#[test]
fn a_raised_flag_ends_a_call() {
    let stop = Stop::new();
    stop.raise(coditect_ports::StopCause::Cancelled);
    let error = call(Protocol::Chat, &server(vec![Piece::Silence]).url, &limits(), &stop).unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::Interrupted);
}

#[test]
fn where_nobody_listens_the_address_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let error = call(Protocol::Chat, &url, &limits(), &Stop::new()).unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::Unavailable);
    assert!(error.error.cause.contains(&url) && error.error.hint.is_some(), "{error:?}");
}

#[test]
fn a_key_with_a_line_end_is_refused_without_being_told() {
    let endpoint = Endpoint {
        name: "mine".into(),
        protocol: Protocol::Chat,
        url: "http://127.0.0.1:1/v1".into(),
        model: "coder".into(),
        key: Secret::new("sk-a\nsk-b-secret"),
        context_tokens: 4_096,
    };
    let error = Remote::new(endpoint).answer(&asked(), &limits(), &Stop::new(), &mut |_| {}).unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::Denied);
    assert!(!format!("{error:?}").contains("sk-"), "{error:?}");
}

#[test]
fn the_models_of_a_server_are_listed() {
    let list = r#"{"object":"list","data":[{"id":"coder-1.5b"},{"id":"other"}]}"#;
    let endpoint = Endpoint {
        name: "mine".into(),
        protocol: Protocol::Chat,
        url: server(status("200 OK", "", list)).url,
        model: String::new(),
        key: Secret::default(),
        context_tokens: 4_096,
    };
    assert_eq!(offered(&endpoint, &limits(), &Stop::new()).unwrap(), ["coder-1.5b", "other"]);
}

/// It leaves the count out where it had the whole prompt in its cache.
#[test]
fn a_prompt_that_ollama_does_not_count_is_reckoned() {
    let said = |counts: &str| {
        let body = format!(r#"{{"message":{{"content":"Hello"}},"done":true,"done_reason":"stop"{counts}}}"#);
        let base = server(status("200 OK", "", &body)).url;
        let reply = call(Protocol::Ollama, base.trim_end_matches("/v1"), &limits(), &Stop::new()).unwrap();
        (reply.usage.tokens_in, reply.usage.tokens_out, reply.usage.reckoned)
    };
    let sent = (asked().system.len() + asked().messages[0].text.len()) as u64;
    assert_eq!(said(r#","prompt_eval_count":12,"eval_count":7"#), (12, 7, false));
    assert_eq!(said(r#","eval_count":7"#), (sent.div_ceil(3), 7, true));
    assert_eq!(said(""), (sent.div_ceil(3), 2, true));
}
