//! Missions with a model, by the real program against a server that speaks chat completions.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use world::World;

const KEY: &str = "sk-planted-key-4711";
const WISH: &str = "implement the functions marked TODO so that the tests pass";
const ROMAN: &str = "def to_roman(n):\n    raise NotImplementedError  # TODO\n";
const TESTS: &str = "import unittest\nfrom roman import to_roman\n\n\nclass T(unittest.TestCase):\n    def test_small(self):\n        \
    self.assertEqual(to_roman(3), 'III')\n\n    def test_four(self):\n        self.assertEqual(to_roman(4), 'IV')\n";
const WRONG: &str = "roman.py\n```python\ndef to_roman(n):\n    return 'I' * n\n```\n";
const RIGHT: &str = "roman.py\n```python\ndef to_roman(n):\n    return {3: 'III', 4: 'IV'}[n]\n```\n";

/// Answers each call with the next of `answers`, and with the last one from then on; keeps what it was sent.
fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut bytes = Vec::new();
            let mut byte = [0; 1];
            while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                bytes.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            let n = kept.lock().unwrap().len();
            kept.lock().unwrap().push(format!("{head}{}", String::from_utf8_lossy(&body)));
            let answer = answers[n.min(answers.len() - 1)];
            let events = [
                json!({ "choices": [{ "delta": { "content": answer } }] }),
                json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }),
                json!({ "choices": [], "usage": { "prompt_tokens": 300, "completion_tokens": 50 } }),
            ];
            let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{text}data: [DONE]\n\n")
                .unwrap();
        }
    });
    (url, sent)
}

/// A repository with a function that is to be written, and a person who chose the model `mine`.
fn world(url: &str) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    std::fs::write(world.path("project/roman.py"), ROMAN).unwrap();
    std::fs::write(world.path("project/test_roman.py"), TESTS).unwrap();
    let settings = format!(
        "models = [\"mine\"]\n[model.mine]\nurl = \"{url}\"\napi_key_command = \"echo {KEY}\"\nusd_per_mtok_in = 1.0\n\
         usd_per_mtok_out = 10.0\n"
    );
    std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
    std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
    world
}

fn completed(world: &World, flags: &[&str]) -> (Value, i32) {
    let output = world.coditect(&[&["run", "--json", WISH], flags].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (serde_json::from_str(last).unwrap(), output.status.code().unwrap())
}

/// Whether a file below `dir` holds the text.
fn holds(dir: &std::path::Path, text: &str) -> Option<std::path::PathBuf> {
    std::fs::read_dir(dir).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|part| part == text.as_bytes()).then_some(path)
    })
}

#[test]
fn a_model_is_told_what_became_of_its_answer_and_its_change_is_proved() {
    let (url, sent) = server(&[WRONG, RIGHT]);
    let world = world(&url);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let ledger = &end["ledger"];
    assert_eq!(
        (&ledger["model_calls"], &ledger["tokens_in"], &ledger["tokens_out"]),
        (&json!(2), &json!(600), &json!(100))
    );
    // 600 tokens for 1 dollar a million, 100 for 10.
    assert_eq!((&ledger["micro_usd"], &ledger["models"]["mine"]["calls"]), (&json!(1_600), &json!(2)));
    assert_eq!(ledger["solved_by"], "small_model");
    assert!(end["caveats"].to_string().contains("a model wrote it"), "{end}");
    let sent = sent.lock().unwrap();
    assert!(sent[0].contains(&format!("bearer {KEY}")) && sent[0].contains("marked TODO"), "{}", sent[0]);
    assert!(sent[1].contains("test_four") && sent[1].contains("fails still"), "{}", sent[1]);
    drop(sent);
    assert_eq!(holds(&world.path("home"), KEY), None, "the key is nowhere in what is kept");
    let cost = world.json(&["cost", "last", "--json"]);
    assert_eq!(cost["sum"]["models"]["mine"]["tokens_in"], 600);
}

#[test]
fn without_a_useful_answer_the_mission_fails_after_a_few() {
    let (url, sent) = server(&["I cannot help with that."]);
    let (end, code) = completed(&world(&url), &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    assert_eq!(sent.lock().unwrap().len(), 3);
    assert!(end["summary"].as_str().unwrap().contains("holds no change"), "{end}");
}

#[test]
fn what_could_cost_more_than_the_budget_is_not_asked() {
    for flags in [["--max-tokens", "500"], ["--max-usd", "0.001"], ["--max-calls", "0"]] {
        let (url, sent) = server(&[RIGHT]);
        let (end, code) = completed(&world(&url), &flags);
        assert_eq!((code, &end["status"]), (4, &json!("over_limit")), "{flags:?} {end}");
        assert_eq!(sent.lock().unwrap().len(), 0, "{flags:?}");
        assert!(end["hint"].as_str().unwrap().contains(flags[0]), "{end}");
    }
    let (url, sent) = server(&[WRONG]);
    let (end, code) = completed(&world(&url), &["--max-calls", "1"]);
    assert_eq!((code, &end["status"], sent.lock().unwrap().len()), (4, &json!("over_limit"), 1), "{end}");
}

#[test]
fn nothing_is_sent_where_no_model_is_wanted_or_none_can_be_reached() {
    let (url, sent) = server(&[RIGHT]);
    let there = world(&url);
    let (end, code) = completed(&there, &["--no-model"]);
    assert_eq!((code, &end["status"]), (3, &json!("needs_person")), "{end}");
    // A project's own file cannot choose who is sent its text.
    std::fs::write(there.path(".config/coditect/config.toml"), "").unwrap();
    std::fs::write(there.path("project/coditect.toml"), "models = [\"ollama/x\"]\n").unwrap();
    assert_eq!(completed(&there, &[]).1, 3);
    assert_eq!(sent.lock().unwrap().len(), 0);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (end, code) = completed(&world(&format!("http://{closed}/v1")), &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    assert!(end["summary"].as_str().unwrap().contains("cannot be reached"), "{end}");
}
