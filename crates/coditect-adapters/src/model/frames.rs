//! An answer piece by piece: events of a server (WHATWG HTML, 9.2), or lines of JSON.

use std::io::Error;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use reqwest::Response;
use sse_stream::SseStream;

use super::wire::deepest;

/// How the pieces of an answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Events of a server.
    Events,
    /// A line each.
    Lines,
}

/// How an answer is framed; None: it is one whole.
pub(super) fn framing(response: &Response) -> Option<Framing> {
    let kind = response.headers().get("content-type")?.to_str().ok()?;
    match kind.split(';').next().unwrap_or_default().trim() {
        "text/event-stream" => Some(Framing::Events),
        "application/x-ndjson" | "application/jsonl" | "application/json-lines" => Some(Framing::Lines),
        _ => None,
    }
}

/// The pieces of an answer, with an error where they have more than `most` bytes together.
pub(super) fn frames(
    response: Response,
    framing: Framing,
    most: u64,
) -> BoxStream<'static, Result<String, String>> {
    let bytes = bounded(response, most);
    match framing {
        Framing::Events => SseStream::from_bytes_stream(bytes)
            .map(|event| match event {
                Ok(event) => Ok(event.data.unwrap_or_default()),
                Err(error) => Err(error.to_string()),
            })
            .boxed(),
        Framing::Lines => lines(bytes).boxed(),
    }
}

/// The bytes of a body, with an error where there are too many: a piece without an end would fill the memory.
fn bounded(
    response: Response,
    most: u64,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static {
    let mut seen = 0_u64;
    response
        .bytes_stream()
        .map(move |chunk| {
            let chunk = chunk.map_err(|error| Error::other(deepest(&error)))?;
            seen += chunk.len() as u64;
            if seen > most { Err(Error::other("it is too long")) } else { Ok(chunk) }
        })
        .boxed()
}

/// Lines of bytes as they come; the last one needs no end.
fn lines(
    bytes: impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static,
) -> impl Stream<Item = Result<String, String>> + Send {
    let text = |line: &[u8]| String::from_utf8_lossy(line).trim().to_owned();
    stream::unfold((bytes, Vec::new(), false), move |(mut bytes, mut held, is_over)| async move {
        if is_over {
            return None;
        }
        loop {
            if let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = held.drain(..=end).collect();
                return Some((Ok(text(&line)), (bytes, held, false)));
            }
            match bytes.next().await {
                Some(Ok(chunk)) => held.extend_from_slice(&chunk),
                Some(Err(error)) => return Some((Err(error.to_string()), (bytes, held, true))),
                None if held.is_empty() => return None,
                None => return Some((Ok(text(&held)), (bytes, Vec::new(), true))),
            }
        }
    })
}
