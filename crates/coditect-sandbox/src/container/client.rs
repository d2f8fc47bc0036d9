//! The engine's own interface, as much of it as is needed: HTTP over a Unix socket, one connection for each call.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use serde_json::Value;

/// How long the engine may take to answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Largest answer that is read, bytes.
const LARGEST: u64 = 16 << 20;
/// Largest head of an answer, bytes.
const LARGEST_HEAD: usize = 64 << 10;
/// Headers of an answer that are read.
const HEADERS: usize = 64;

/// An engine.
#[derive(Clone, Debug)]
pub(super) struct Client {
    socket: PathBuf,
    /// Before every path, such as `/v1.41`.
    version: String,
}

/// What the engine said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The body of an answer that is no error. `doing` begins the cause of the one that is.
    pub(super) fn checked(self, doing: &str) -> Result<Value, PortError> {
        if self.status < 400 {
            return Ok(self.body);
        }
        let said = self.body["message"].as_str().unwrap_or("no reason is given").trim();
        Err(PortError::new(ErrorKind::Unavailable, format!("{doing}: {said}")))
    }
}

impl Client {
    /// An engine at a socket. It is asked which version of its interface it speaks best.
    pub(super) fn connect(socket: &Path) -> Result<(Self, Value), PortError> {
        let doing = format!("asking the container engine at `{}`", socket.display());
        let mut client = Self { socket: socket.to_owned(), version: String::new() };
        let version = client.call("GET", "/version", None, &doing)?.checked(&doing)?;
        let Some(speaks) = version["ApiVersion"].as_str() else {
            return Err(PortError::new(
                ErrorKind::Unavailable,
                format!("{doing}: it is no container engine"),
            ));
        };
        client.version = format!("/v{speaks}");
        Ok((client, version))
    }

    /// One call.
    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        doing: &str,
    ) -> Result<Answer, PortError> {
        let answer = self.open(method, path, body, "close").and_then(|stream| {
            let mut bytes = Vec::new();
            stream.take(LARGEST).read_to_end(&mut bytes)?;
            parse(&bytes)
        });
        answer.map_err(|error| PortError::from_io(doing, &error))
    }

    /// Begins a call whose answer is not waited for.
    pub(super) fn begin(&self, method: &str, path: &str) -> io::Result<UnixStream> {
        self.open(method, path, None, "close")
    }

    /// A call after which the connection is a stream of bytes in both directions.
    pub(super) fn upgrade(&self, path: &str) -> io::Result<UnixStream> {
        let mut stream = self.open("POST", path, None, "Upgrade\r\nUpgrade: tcp")?;
        let mut head = Vec::new();
        let mut byte = [0];
        // What comes after the head belongs to the stream.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= LARGEST_HEAD {
                return Err(malformed("its head has no end"));
            }
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let (status, ..) = parse_head(&head)?;
        if matches!(status, 101 | 200) {
            return Ok(stream);
        }
        stream.take(LARGEST).read_to_end(&mut head)?;
        let said = parse(&head)?.body["message"].as_str().unwrap_or_default().trim().to_owned();
        Err(io::Error::other(said))
    }

    fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        connection: &str,
    ) -> io::Result<UnixStream> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let head = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: engine\r\nConnection: {connection}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.version,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }
}

/// A part of a path or a query, quoted.
pub(super) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let quote = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(quote).collect()
}

/// A whole answer, its connection closed.
pub(super) fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let (status, head, chunked) = parse_head(bytes)?;
    let body = if chunked { joined(&bytes[head..])? } else { bytes[head..].to_vec() };
    // An answer without content, or with text, says all by its status.
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Answer { status, body })
}

/// Status, where the body begins, and whether it comes in chunks.
fn parse_head(bytes: &[u8]) -> io::Result<(u16, usize, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => {
            let chunked = response.headers.iter().any(|header| {
                header.name.eq_ignore_ascii_case("transfer-encoding")
                    && header.value.eq_ignore_ascii_case(b"chunked")
            });
            Ok((response.code.unwrap_or_default(), head, chunked))
        }
        Ok(httparse::Status::Partial) => Err(malformed("it ends before its head does")),
        Err(error) => Err(malformed(&error.to_string())),
    }
}

/// A body that comes in chunks.
fn joined(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((_, 0))) => return Ok(body),
            Ok(httparse::Status::Complete((begin, length))) => {
                let end = usize::try_from(length).ok().and_then(|length| begin.checked_add(length));
                let Some(chunk) = end.and_then(|end| rest.get(begin..end)) else {
                    return Err(malformed("a chunk of it is cut short"));
                };
                body.extend_from_slice(chunk);
                rest = rest.get(begin + chunk.len() + 2..).unwrap_or_default();
            }
            Ok(httparse::Status::Partial) => return Err(malformed("its last chunk is missing")),
            Err(error) => return Err(malformed(&error.to_string())),
        }
    }
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the engine's answer cannot be read: {why}"))
}

#[cfg(test)]
mod tests;
