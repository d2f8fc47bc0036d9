#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use super::*;
use crate::model::Secret;
use crate::model::tests::{KEY, Piece, Server, server, status};

fn embeddings(server: &Server, protocol: Protocol) -> Embeddings {
    let endpoint = Endpoint {
        name: "vectors".into(),
        protocol,
        url: server.url.clone(),
        model: "small".into(),
        key: Secret::new(KEY),
        context_tokens: 512,
    };
    Embeddings::new(endpoint, CallLimits { first_byte_ms: 300, ..CallLimits::default() })
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn error(body: &str) -> PortError {
    let server = server(status("200 OK", "", body));
    embeddings(&server, Protocol::Chat).embed(&texts(&["a", "b"])).unwrap_err()
}

#[test]
fn texts_get_their_vectors_in_their_order_whichever_the_answer_has() {
    let body = r#"{"object":"list","data":[{"index":1,"embedding":[0.5,-1]},{"index":0,"embedding":[2,3e-2]}],
                   "usage":{"prompt_tokens":9}}"#;
    let server = server(status("200 OK", "", body));
    let embeddings = embeddings(&server, Protocol::Chat);
    let long = "x".repeat(5_000);
    let vectors = embeddings.embed(&texts(&[&long, ""])).unwrap();
    assert_eq!(vectors, [[2.0, 0.03], [0.5, -1.0]]);
    let sent = server.sent.lock().unwrap()[0].clone();
    assert!(sent.starts_with("POST /v1/embeddings "), "{sent}");
    assert!(sent.to_ascii_lowercase().contains(&format!("authorization: bearer {KEY}")), "{sent}");
    let body: serde_json::Value = serde_json::from_str(sent.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        body["input"],
        json!(["x".repeat(1_400), " "]),
        "long texts are cut, empty ones are refused by servers"
    );
    assert_eq!(embeddings.name(), format!("{} small", server.url));
}

#[test]
fn answers_without_an_order_and_the_address_of_ollama_are_known() {
    let body = r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
    let server = server(status("200 OK", "", body));
    let vectors = embeddings(&server, Protocol::Ollama).embed(&texts(&["a", "b"])).unwrap();
    assert_eq!(vectors, [[1.0], [2.0]]);
    assert!(server.sent.lock().unwrap()[0].starts_with("POST /v1/v1/embeddings "));
}

#[test]
fn an_answer_that_is_no_vectors_is_an_error_that_names_what_is_wrong() {
    for (body, cause) in [
        ("{\"data\": []}", "same length"),
        ("{\"data\": [{\"embedding\": [1, 2]}, {\"embedding\": [1]}]}", "same length"),
        ("{\"data\": [{\"embedding\": [1]}, {\"index\": 99, \"embedding\": [1]}]}", "same length"),
        ("{\"data\": [{\"embedding\": [1]}, {\"embedding\": [1e99]}]}", "numbers"),
        ("{\"choices\": []}", "it holds none"),
        ("<html>", "no JSON"),
    ] {
        let error = error(body);
        assert_eq!(error.kind, ErrorKind::Unavailable, "{body}");
        assert!(error.cause.contains(cause), "{body}: {error}");
    }
}

#[test]
fn the_key_is_told_to_nobody() {
    let body = format!("{{\"error\": {{\"message\": \"bad key {KEY}\"}}}}");
    let server = server(status("401 Unauthorized", "", &body));
    let embeddings = embeddings(&server, Protocol::Chat);
    let error = embeddings.embed(&texts(&["a"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(!error.to_string().contains(KEY), "{error}");
}

#[test]
fn a_server_that_is_silent_or_sends_elsewhere_is_an_error() {
    let silent = server(vec![Piece::Silence]);
    let error = embeddings(&silent, Protocol::Chat).embed(&texts(&["a"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted, "{error}");
    let moved = server(status("302 Found", "location: http://127.0.0.1:1/\r\n", ""));
    let error = embeddings(&moved, Protocol::Chat).embed(&texts(&["a"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
}

#[test]
fn a_text_that_is_too_long_is_no_reason_to_leave_the_server_alone() {
    let body = r#"{"error":{"code":500,"message":"input is too large to process. increase the physical batch size"}}"#;
    let server = server(status("500 Internal Server Error", "", body));
    let embeddings = embeddings(&server, Protocol::Chat);
    for _ in 0..2 {
        assert_eq!(embeddings.embed(&texts(&["a"])).unwrap_err().kind, ErrorKind::Invalid);
    }
    assert_eq!(server.sent.lock().unwrap().len(), 2);
}
