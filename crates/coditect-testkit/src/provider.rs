//! A provider of models that speaks the protocols of real ones over HTTP, on a free port of 127.0.0.1, and fails in all the ways
//! in which they fail. What it answers is said by the test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// Bytes of one piece of a stream.
const PIECE: usize = 24;
/// The longest that a connection that says nothing is held open.
const HELD: Duration = Duration::from_secs(60);

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path with what follows it.
    pub path: String,
    /// The headers, in lower case.
    pub head: String,
    /// The body; null where it was no JSON.
    pub body: Value,
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This text, streamed, with its end and its count of tokens.
    Says(String),
    /// A status and a body, with the seconds to wait where they are said.
    Refuses {
        /// The status.
        status: u16,
        /// The header `retry-after`.
        retry_after_s: Option<u64>,
        /// The body.
        body: String,
    },
    /// The model declines, in these words.
    Declines(String),
    /// The stream begins with this text and then the connection is closed.
    BreaksOff(String),
    /// The stream begins with this text and then reports an error of its own.
    GivesUp(String),
    /// The stream holds a piece that is no JSON.
    Garbles,
    /// The model calls a tool that it was not offered.
    CallsTool,
    /// The connection is closed before a byte was sent.
    HangsUp,
    /// Nothing is sent, and the connection stays open.
    KeepsSilent,
    /// This text, a byte at a time with this pause between.
    Drips(String, Duration),
    /// The same text again and again, until the other side hangs up.
    Loops(String),
    /// Something that is no HTTP.
    TalksNonsense,
}

/// The server. It lives as long as the process.
#[derive(Clone, Debug)]
pub struct Provider {
    authority: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Provider {
    /// Starts one. `answer` is told how many requests came before this one.
    ///
    /// # Panics
    ///
    /// Where no port is free.
    #[must_use]
    pub fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        #[expect(clippy::expect_used, reason = "a test without its server is over")]
        let (listener, authority) = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let authority = listener.local_addr().expect("a bound address").to_string();
            (listener, authority)
        };
        let provider = Self { authority, asked: Arc::default() };
        let (kept, answer) = (Arc::clone(&provider.asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        provider
    }

    /// The address for this protocol's clients: `chat`, `responses` and `anthropic` have a version in it.
    #[must_use]
    pub fn url(&self, protocol: &str) -> String {
        match protocol {
            "ollama" => format!("http://{}", self.authority),
            "gemini" => format!("http://{}/v1beta", self.authority),
            _ => format!("http://{}/v1", self.authority),
        }
    }

    /// What was asked so far; lists of models are not among it.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answer: &dyn Fn(usize, &Asked) -> Answer) {
    // A test that hangs up early is what some tests are about: nothing here is an error.
    stream.set_read_timeout(Some(HELD)).ok();
    let Some(asked) = read(&mut stream) else { return };
    let Some(dialect) = Dialect::of(&asked.path) else {
        whole(&mut stream, 200, "", &list(&asked.path)).ok();
        return;
    };
    let n = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(asked.clone());
        kept.len() - 1
    };
    let tokens_in = asked.body.to_string().len() / 4;
    say(&mut stream, dialect, tokens_in, answer(n, &asked)).ok();
}

fn say(stream: &mut TcpStream, dialect: Dialect, tokens_in: usize, answer: Answer) -> std::io::Result<()> {
    let begin = |stream: &mut TcpStream| {
        let kind = if dialect == Dialect::Ollama { "application/x-ndjson" } else { "text/event-stream" };
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n")?;
        dialect.opening(tokens_in).iter().try_for_each(|event| dialect.send(stream, event))
    };
    let spread = |stream: &mut TcpStream, text: &str| {
        let letters: Vec<char> = text.chars().collect();
        letters
            .chunks(PIECE)
            .try_for_each(|piece| dialect.send(stream, &dialect.piece(&piece.iter().collect::<String>())))
    };
    match answer {
        Answer::Says(text) => {
            begin(stream)?;
            spread(stream, &text)?;
            dialect.end(stream, tokens_in, text.len() / 4 + 1)
        }
        Answer::Refuses { status, retry_after_s, body } => {
            let wait = retry_after_s.map_or_else(String::new, |s| format!("retry-after: {s}\r\n"));
            whole(stream, status, &wait, &body)
        }
        Answer::Declines(text) => {
            begin(stream)?;
            for event in dialect.decline(&text, tokens_in) {
                dialect.send(stream, &event)?;
            }
            Ok(())
        }
        Answer::BreaksOff(text) => {
            begin(stream)?;
            spread(stream, &text)
        }
        Answer::GivesUp(text) => {
            begin(stream)?;
            spread(stream, &text)?;
            dialect.send(stream, &dialect.trouble())
        }
        Answer::Garbles => {
            begin(stream)?;
            let garbled =
                if dialect == Dialect::Ollama { "{\"message\":{\"con\n" } else { "data: {\"choi\n\n" };
            stream.write_all(garbled.as_bytes())
        }
        Answer::CallsTool => {
            begin(stream)?;
            dialect.send(stream, &dialect.tool_call())?;
            dialect.end(stream, tokens_in, 10)
        }
        Answer::HangsUp => Ok(()),
        Answer::KeepsSilent => stream.read(&mut [0; 1]).map(drop),
        Answer::Drips(text, pause) => {
            begin(stream)?;
            for letter in text.chars() {
                std::thread::park_timeout(pause);
                dialect.send(stream, &dialect.piece(&letter.to_string()))?;
            }
            dialect.end(stream, tokens_in, text.len() / 4 + 1)
        }
        Answer::Loops(text) => {
            begin(stream)?;
            loop {
                dialect.send(stream, &dialect.piece(&text))?;
            }
        }
        Answer::TalksNonsense => stream.write_all(b"220 mail.example ESMTP\r\n\0\x01\xff\r\n\r\n"),
    }
}

/// Reads a request with its body.
fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1)?.to_owned();
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(Asked { path, head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

fn whole(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: \
         close\r\n{headers}\r\n{body}"
    )
}

/// The models of the server.
fn list(path: &str) -> String {
    let models = match path {
        "/api/tags" => json!({ "models": [{ "name": "coder" }] }),
        _ if path.starts_with("/v1beta") => json!({ "models": [{ "name": "models/coder" }] }),
        _ => json!({ "object": "list", "data": [{ "id": "coder" }] }),
    };
    models.to_string()
}

/// A protocol, from the provider's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Chat,
    Responses,
    Anthropic,
    Ollama,
    Gemini,
}

impl Dialect {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/v1/chat/completions" => Self::Chat,
            "/v1/responses" => Self::Responses,
            "/v1/messages" => Self::Anthropic,
            "/api/chat" => Self::Ollama,
            _ if path.starts_with("/v1beta/models/") && path.ends_with(":streamGenerateContent?alt=sse") => {
                Self::Gemini
            }
            _ => return None,
        })
    }

    fn send(self, stream: &mut TcpStream, event: &Value) -> std::io::Result<()> {
        match self {
            Self::Ollama => writeln!(stream, "{event}"),
            Self::Anthropic | Self::Responses => {
                let kind = event["type"].as_str().unwrap_or_default();
                write!(stream, "event: {kind}\ndata: {event}\n\n")
            }
            Self::Chat | Self::Gemini => write!(stream, "data: {event}\n\n"),
        }
    }

    fn opening(self, tokens_in: usize) -> Vec<Value> {
        match self {
            Self::Chat => {
                vec![json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] })]
            }
            Self::Responses => {
                vec![json!({ "type": "response.created", "response": { "status": "in_progress" } })]
            }
            Self::Anthropic => vec![
                json!({ "type": "message_start", "message": { "usage": { "input_tokens": tokens_in, "output_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
                json!({ "type": "ping" }),
            ],
            Self::Ollama | Self::Gemini => Vec::new(),
        }
    }

    fn piece(self, text: &str) -> Value {
        match self {
            Self::Chat => {
                json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
            }
            Self::Responses => json!({ "type": "response.output_text.delta", "delta": text }),
            Self::Anthropic => {
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } })
            }
            Self::Ollama => json!({ "message": { "role": "assistant", "content": text }, "done": false }),
            Self::Gemini => {
                json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }] })
            }
        }
    }

    fn end(self, stream: &mut TcpStream, tokens_in: usize, tokens_out: usize) -> std::io::Result<()> {
        let events = match self {
            Self::Chat => vec![
                json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
                json!({ "choices": [], "usage": { "prompt_tokens": tokens_in, "completion_tokens": tokens_out } }),
            ],
            Self::Responses => vec![json!({ "type": "response.completed", "response": {
                "status": "completed",
                "usage": { "input_tokens": tokens_in, "output_tokens": tokens_out },
            } })],
            Self::Anthropic => vec![
                json!({ "type": "content_block_stop", "index": 0 }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": tokens_out } }),
                json!({ "type": "message_stop" }),
            ],
            Self::Ollama => vec![json!({
                "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop",
                "prompt_eval_count": tokens_in, "eval_count": tokens_out,
            })],
            Self::Gemini => vec![json!({
                "candidates": [{ "content": { "role": "model", "parts": [] }, "finishReason": "STOP" }],
                "usageMetadata": { "promptTokenCount": tokens_in, "candidatesTokenCount": tokens_out },
            })],
        };
        events.iter().try_for_each(|event| self.send(stream, event))?;
        if self == Self::Chat { stream.write_all(b"data: [DONE]\n\n") } else { Ok(()) }
    }

    fn decline(self, text: &str, tokens_in: usize) -> Vec<Value> {
        match self {
            Self::Chat => {
                vec![json!({ "choices": [{ "delta": { "refusal": text }, "finish_reason": "stop" }] })]
            }
            Self::Responses => vec![
                json!({ "type": "response.refusal.delta", "delta": text }),
                json!({ "type": "response.completed", "response": { "usage": { "input_tokens": tokens_in, "output_tokens": 3 } } }),
            ],
            Self::Anthropic => vec![
                self.piece(text),
                json!({ "type": "message_delta", "delta": { "stop_reason": "refusal" }, "usage": { "output_tokens": 3 } }),
                json!({ "type": "message_stop" }),
            ],
            // It has no such end: the model just says so.
            Self::Ollama => vec![
                self.piece(text),
                json!({ "done": true, "done_reason": "stop", "prompt_eval_count": tokens_in, "eval_count": 3 }),
            ],
            Self::Gemini => vec![json!({
                "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": { "promptTokenCount": tokens_in },
            })],
        }
    }

    /// An error within a stream.
    fn trouble(self) -> Value {
        match self {
            Self::Chat => json!({ "error": { "code": 502, "message": "the upstream is gone" } }),
            Self::Responses => {
                json!({ "type": "response.failed", "response": { "error": { "code": "server_error", "message": "later" } } })
            }
            Self::Anthropic => {
                json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } })
            }
            Self::Ollama => json!({ "error": "the runner has stopped" }),
            Self::Gemini => {
                json!({ "error": { "code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded" } })
            }
        }
    }

    fn tool_call(self) -> Value {
        let arguments = r#"{"command":"rm -rf /"}"#;
        match self {
            Self::Chat => json!({ "choices": [{ "delta": { "tool_calls": [
                { "index": 0, "id": "c1", "type": "function", "function": { "name": "shell", "arguments": arguments } },
            ] } }] }),
            Self::Responses => {
                json!({ "type": "response.function_call_arguments.delta", "delta": arguments })
            }
            Self::Anthropic => json!({ "type": "content_block_start", "index": 1, "content_block": {
                "type": "tool_use", "name": "shell", "input": {},
            } }),
            Self::Ollama => json!({ "message": { "content": "", "tool_calls": [
                { "function": { "name": "shell", "arguments": { "command": "rm -rf /" } } },
            ] }, "done": false }),
            Self::Gemini => json!({ "candidates": [{ "content": { "parts": [
                { "functionCall": { "name": "shell", "args": { "command": "rm -rf /" } } },
            ] } }] }),
        }
    }
}
