//! A provider of models for the bench: it speaks chat completions over HTTP on a free port of 127.0.0.1, answers what a case
//! says, and fails as real ones do. An instrument: the product's own clients ask it as they would ask any other.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Letters of one piece of a stream.
const PIECE: usize = 24;
/// The longest that a connection which says nothing is held open, and the longest head and body that are read.
const HELD: Duration = Duration::from_secs(60);
const HEAD_BYTES: usize = 16 << 10;
const BODY_BYTES: usize = 4 << 20;

/// What comes back for one call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// This text, streamed, with its end and its count of tokens.
    Says(String),
    /// This text with a pause before each piece.
    SaysSlowly(String, Duration),
    /// This status, with the seconds to wait where they are said.
    Refuses(u16, Option<u64>),
    /// The stream begins with this text and then the connection is closed.
    BreaksOff(String),
    /// The stream begins with this text and then reports an error of its own.
    GivesUp(String),
    /// The stream holds a piece that is no JSON.
    Garbles,
    /// The connection is closed before a byte was sent.
    HangsUp,
    /// Nothing is sent, and the connection stays open.
    KeepsSilent,
}

/// The answers of each model, the next one first; the last one stays.
type Script = BTreeMap<String, Vec<Answer>>;

/// The provider. It lives as long as the process.
#[derive(Debug)]
pub(super) struct Provider {
    address: String,
    script: Arc<Mutex<Script>>,
}

impl Provider {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let script = Arc::<Mutex<Script>>::default();
        let kept = Arc::clone(&script);
        let accept = move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&kept);
                // The other side hangs up early where its patience is what a case is about: that is no error of ours.
                let serve = move || drop(serve(stream, &script));
                // Where no thread is to be had, the call is one that nobody answers.
                thread::Builder::new().name("provider-call".to_owned()).spawn(serve).ok();
            }
        };
        thread::Builder::new().name("provider".to_owned()).spawn(accept)?;
        Ok(Self { address, script })
    }

    /// The address of the model of this name.
    pub(super) fn url(&self, model: &str) -> String {
        format!("{}/{model}/v1", self.address)
    }

    /// What the model of this name answers.
    pub(super) fn answers(&self, model: String, answers: Vec<Answer>) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).insert(model, answers);
    }
}

/// The next answer of a model.
fn next(script: &Mutex<Script>, model: &str) -> Answer {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    match script.get_mut(model) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers.first().cloned().unwrap_or(Answer::HangsUp),
        None => Answer::Refuses(404, None),
    }
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>) -> io::Result<()> {
    stream.set_read_timeout(Some(HELD))?;
    let (path, asked_bytes) = read(&mut stream)?;
    let model = path.split('/').nth(1).unwrap_or_default();
    if !path.ends_with("/chat/completions") {
        let models = json!({ "object": "list", "data": [{ "id": model }] });
        return whole(&mut stream, 200, None, &models);
    }
    let tokens_in = asked_bytes / 4;
    match next(script, model) {
        Answer::Says(text) => says(&mut stream, &text, tokens_in, Duration::ZERO),
        Answer::SaysSlowly(text, pause) => says(&mut stream, &text, tokens_in, pause),
        Answer::Refuses(status, retry_after_s) => {
            let said = json!({ "error": { "message": "the bench lets this call fail" } });
            whole(&mut stream, status, retry_after_s, &said)
        }
        Answer::BreaksOff(text) => {
            begin(&mut stream)?;
            pieces(&mut stream, &text, Duration::ZERO)
        }
        Answer::GivesUp(text) => {
            begin(&mut stream)?;
            pieces(&mut stream, &text, Duration::ZERO)?;
            send(&mut stream, &json!({ "error": { "code": 502, "message": "the upstream is gone" } }))
        }
        Answer::Garbles => {
            begin(&mut stream)?;
            stream.write_all(b"data: {\"choi\n\n")
        }
        Answer::HangsUp => Ok(()),
        Answer::KeepsSilent => stream.read(&mut [0; 1]).map(drop),
    }
}

fn says(stream: &mut TcpStream, text: &str, tokens_in: usize, pause: Duration) -> io::Result<()> {
    begin(stream)?;
    pieces(stream, text, pause)?;
    send(stream, &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }))?;
    let usage = json!({ "prompt_tokens": tokens_in, "completion_tokens": text.len() / 4 + 1 });
    send(stream, &json!({ "choices": [], "usage": usage }))?;
    stream.write_all(b"data: [DONE]\n\n")
}

fn begin(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    send(stream, &json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] }))
}

fn pieces(stream: &mut TcpStream, text: &str, pause: Duration) -> io::Result<()> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(PIECE).try_for_each(|piece| {
        if !pause.is_zero() {
            thread::park_timeout(pause);
        }
        let content: String = piece.iter().collect();
        send(stream, &json!({ "choices": [{ "index": 0, "delta": { "content": content } }] }))
    })
}

fn send(stream: &mut TcpStream, event: &Value) -> io::Result<()> {
    write!(stream, "data: {event}\n\n")
}

fn whole(stream: &mut TcpStream, status: u16, retry_after_s: Option<u64>, said: &Value) -> io::Result<()> {
    let body = said.to_string();
    let wait = retry_after_s.map_or_else(String::new, |s| format!("retry-after: {s}\r\n"));
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{wait}\r\n{body}"
    )
}

/// Reads a request with its body: its path, and the bytes of the body.
fn read(stream: &mut TcpStream) -> io::Result<(String, usize)> {
    let odd = || io::Error::from(io::ErrorKind::InvalidData);
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > HEAD_BYTES {
            return Err(odd());
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).ok_or_else(odd)?.to_owned();
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let length: usize = length.unwrap_or(0);
    if length > BODY_BYTES {
        return Err(odd());
    }
    stream.read_exact(&mut vec![0; length])?;
    Ok((path, length))
}
