//! One call over HTTP: sent, listened to event by event, ended by the first limit that is reached.

use std::net::IpAddr;
use std::time::Duration;

use coditect_ports::{ModelError, PortError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::model::{Finish, Speaker, Usage};
use coditect_types::{ErrorKind, ModelReply, ModelRequest};
use futures::StreamExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::frames::{frames, framing};
use super::looping::Looping;
use super::{Endpoint, errors};

/// How often a call looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of a refusal that are read.
const REFUSAL_BYTES: usize = 64 << 10;
/// Bytes that a stream may have for each byte of an answer: a token in an event of its own takes some 200.
const STREAM_FACTOR: u64 = 100;
/// Bytes that a token of text stands for, where the provider does not count: reckoned high rather than low.
const BYTES_PER_TOKEN: u64 = 3;

/// What a protocol must say of itself.
pub(super) trait Speaks {
    /// The path behind the address.
    fn path(&self, endpoint: &Endpoint) -> String;
    /// The path of the list of models behind the address.
    fn list_path(&self) -> &'static str {
        "/models"
    }
    /// Headers with the key.
    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)>;
    /// The body of a request.
    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value;
    /// Takes in an event of the answer, or the whole of one that was not streamed.
    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value>;
}

/// The header of a key that its bearer may use (RFC 6750), where there is one.
pub(super) fn bearer(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    match endpoint.key.is_empty() {
        true => Vec::new(),
        false => vec![("authorization", format!("Bearer {}", endpoint.key.reveal()))],
    }
}

/// The conversation as most servers want it, what the model is as its first message.
pub(super) fn messages(request: &ModelRequest) -> Vec<Value> {
    let said = request.messages.iter().map(|message| {
        let role = match message.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        json!({ "role": role, "content": message.text })
    });
    std::iter::once(json!({ "role": "system", "content": request.system })).chain(said).collect()
}

/// What requests with the same beginning have in common and no others: a provider sends them to where it has that beginning cached.
pub(super) fn cache_key(endpoint: &Endpoint, request: &ModelRequest) -> String {
    let stable = &request.messages[..request.stable.min(request.messages.len())];
    let begins = json!([endpoint.model, request.system, stable]).to_string();
    blake3::hash(begins.as_bytes()).to_hex()[..32].to_owned()
}

/// The text below a key, or none.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What an answer has been so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its text.
    pub(super) text: String,
    /// Bytes of thoughts that are not part of it.
    pub(super) thought_bytes: u64,
    /// Why it ended, once it said so.
    pub(super) finish: Option<Finish>,
    /// What the provider counted.
    pub(super) usage: Option<Usage>,
    /// Tokens of the answer, where it counted nothing else.
    pub(super) tokens_out: Option<u64>,
}

/// A call to be made.
pub(super) struct Call<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) request: &'a ModelRequest,
    pub(super) limits: &'a CallLimits,
    pub(super) stop: &'a Stop,
}

impl Call<'_> {
    /// Makes the call, blocking.
    pub(super) fn make(
        &self,
        speaks: &mut dyn Speaks,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let mut told = Told::default();
        let end = block_on(within(self.stop, self.limits, self.listen(speaks, &mut told, hear)));
        let sent = self.sent_bytes();
        match end.and_then(|end| end) {
            Ok(()) => {
                let usage = told.usage.unwrap_or_else(|| reckoned(sent, &told));
                let finish = told.finish.unwrap_or(Finish::Done);
                Ok(ModelReply { text: told.text, finish, usage, kept: false })
            }
            Err(mut error) => {
                // What was written until then is paid for, whether anybody reads it or not.
                let began = !told.text.is_empty()
                    || told.thought_bytes > 0
                    || error.error.kind == ErrorKind::Interrupted;
                error.usage = told.usage.or_else(|| began.then(|| reckoned(sent, &told)));
                Err(error)
            }
        }
    }

    fn sent_bytes(&self) -> u64 {
        let texts = self.request.messages.iter().map(|message| message.text.len()).sum::<usize>();
        (texts + self.request.system.len()) as u64
    }

    async fn listen(
        &self,
        speaks: &mut dyn Speaks,
        told: &mut Told,
        hear: &mut dyn FnMut(&str),
    ) -> Result<(), ModelError> {
        let Self { endpoint, request, limits, .. } = self;
        let url = format!("{}{}", endpoint.url.trim_end_matches('/'), speaks.path(endpoint));
        let body = speaks.body(endpoint, request).to_string();
        let client = client(endpoint, limits)?;
        let headers = headers(&speaks.headers(endpoint))?;
        let sending = client.post(url).headers(headers).body(body).send();
        let first = Instant::now() + ms(limits.first_byte_ms);
        let response = by(first, sending, || slow(endpoint, "began to answer", limits.first_byte_ms)).await?;
        let response = response.map_err(|error| unreachable(endpoint, &error))?;
        if !response.status().is_success() {
            return Err(refused(endpoint, response, limits).await);
        }
        let Some(framing) = framing(&response) else {
            let most = usize::try_from(limits.reply_bytes.saturating_mul(4)).unwrap_or(usize::MAX);
            let body =
                by(first, text_of(response, most), || slow(endpoint, "answered", limits.first_byte_ms))
                    .await?;
            let body = body.ok_or_else(|| too_long(endpoint, limits))?;
            let event = parsed(endpoint, &body)?;
            self.take(speaks, &event, told, hear)?;
            return self.whole(told);
        };
        let mut pieces = frames(response, framing, limits.reply_bytes.saturating_mul(STREAM_FACTOR));
        let (mut next_by, mut looping) = (first, Looping::default());
        loop {
            let limit_ms = if next_by == first { limits.first_byte_ms } else { limits.idle_ms };
            let next = by(next_by, pieces.next(), || slow(endpoint, "went on", limit_ms)).await?;
            let piece = match next {
                None => break,
                Some(Ok(piece)) => piece,
                Some(Err(error)) => {
                    return Err(unavailable(format!("the answer of `{}` broke off: {error}", endpoint.name)));
                }
            };
            let piece = piece.trim();
            // What only keeps the connection open is no sign that the answer comes along.
            if piece.is_empty() {
                continue;
            }
            next_by = Instant::now() + ms(limits.idle_ms);
            if piece == "[DONE]" {
                break;
            }
            self.take(speaks, &parsed(endpoint, piece)?, told, hear)?;
            if looping.is_in(&told.text) {
                // Whoever hangs up is not served any further.
                told.finish = Some(Finish::Looped);
                break;
            }
        }
        self.whole(told)
    }

    fn take(
        &self,
        speaks: &mut dyn Speaks,
        event: &Value,
        told: &mut Told,
        hear: &mut dyn FnMut(&str),
    ) -> Result<(), ModelError> {
        let before = told.text.len();
        speaks.take(event, told).map_err(|error| errors::of_refusal(self.endpoint, 0, &error, ""))?;
        if told.text.len() as u64 + told.thought_bytes > self.limits.reply_bytes {
            return Err(too_long(self.endpoint, self.limits));
        }
        hear(&told.text[before..]);
        Ok(())
    }

    /// An answer counts only if it said that it was at its end.
    fn whole(&self, told: &Told) -> Result<(), ModelError> {
        if told.finish.is_some() {
            return Ok(());
        }
        let bytes = told.text.len();
        Err(unavailable(format!("the answer of `{}` broke off after {bytes} bytes", self.endpoint.name)))
    }
}

fn reckoned(sent: u64, told: &Told) -> Usage {
    let written = (told.text.len() as u64 + told.thought_bytes).div_ceil(BYTES_PER_TOKEN);
    let tokens_out = told.tokens_out.unwrap_or(written);
    Usage { tokens_in: sent.div_ceil(BYTES_PER_TOKEN), tokens_cached: 0, tokens_out, reckoned: true }
}

/// The names of the models that a server offers.
pub(super) fn offered(
    endpoint: &Endpoint,
    speaks: &dyn Speaks,
    limits: &CallLimits,
    stop: &Stop,
) -> Result<Vec<String>, ModelError> {
    let asking = async {
        let url = format!("{}{}", endpoint.url.trim_end_matches('/'), speaks.list_path());
        let sending = client(endpoint, limits)?.get(url).headers(headers(&speaks.headers(endpoint))?).send();
        let response = sending.await.map_err(|error| unreachable(endpoint, &error))?;
        if !response.status().is_success() {
            return Err(refused(endpoint, response, limits).await);
        }
        let body = text_of(response, 1 << 20).await.ok_or_else(|| too_long(endpoint, limits))?;
        let list = parsed(endpoint, &body)?;
        let models = list.get("data").or_else(|| list.get("models")).and_then(Value::as_array);
        let name = |model: &Value| {
            let id = model.get("id").or_else(|| model.get("name")).and_then(Value::as_str)?;
            let id = id.strip_prefix("models/").unwrap_or(id);
            Some(id.chars().filter(|c| !c.is_control()).take(200).collect())
        };
        Ok(models.into_iter().flatten().filter_map(name).take(1_000).collect())
    };
    block_on(within(stop, limits, asking)).and_then(|names| names)
}

/// A question that is answered at once and as a whole.
pub(super) struct Post<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// Behind the address.
    pub(super) path: &'a str,
    pub(super) limits: &'a CallLimits,
    /// Bytes that the answer may have.
    pub(super) most: usize,
}

impl Post<'_> {
    /// Asks, blocking.
    pub(super) fn make(&self, body: &Value, stop: &Stop) -> Result<Value, ModelError> {
        let Self { endpoint, path, limits, most } = self;
        let asking = async {
            let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
            let client = client(endpoint, limits)?.post(url).headers(headers(&bearer(endpoint))?);
            let first = Instant::now() + ms(limits.first_byte_ms);
            let late = || slow(endpoint, "began to answer", limits.first_byte_ms);
            let response = by(first, client.body(body.to_string()).send(), late).await?;
            let response = response.map_err(|error| unreachable(endpoint, &error))?;
            if !response.status().is_success() {
                return Err(refused(endpoint, response, limits).await);
            }
            let text = text_of(response, *most).await.ok_or_else(|| {
                let cause = format!("the answer of `{}` is longer than {most} bytes", endpoint.name);
                ModelError::from(PortError::new(ErrorKind::Invalid, cause))
            })?;
            parsed(endpoint, &text)
        };
        block_on(within(stop, limits, asking)).and_then(|answer| answer)
    }
}

/// Runs a call on this thread. Each has a runtime of its own: nothing of it outlives it.
fn block_on<T>(call: impl Future<Output = Result<T, ModelError>>) -> Result<T, ModelError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| unavailable(format!("no runtime for a call: {error}")))?.block_on(call)
}

/// Ends a call with the flag, or when all of its time is used up.
async fn within<T>(stop: &Stop, limits: &CallLimits, call: impl Future<Output = T>) -> Result<T, ModelError> {
    let mut call = std::pin::pin!(call);
    let until = Instant::now() + ms(limits.wall_ms);
    loop {
        tokio::select! {
            biased;
            end = &mut call => return Ok(end),
            () = sleep_until(until) => {
                let cause = format!("the call took longer than its {} s", limits.wall_ms / 1_000);
                return Err(with_longer(interrupted(cause), "call_s"));
            }
            () = sleep(LOOK) => {
                // Who wants an end with what there is does not wait for an answer either.
                if stop.is_wanted() {
                    return Err(interrupted("stopped before it was answered".into()));
                }
            }
        }
    }
}

async fn by<T>(
    until: Instant,
    work: impl Future<Output = T>,
    late: impl FnOnce() -> ModelError,
) -> Result<T, ModelError> {
    tokio::time::timeout_at(until, work).await.map_err(|_| late())
}

/// Whether an address is this machine's own. What is no address is not.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn client(endpoint: &Endpoint, limits: &CallLimits) -> Result<Client, ModelError> {
    let builder = Client::builder()
        .connect_timeout(ms(limits.connect_ms))
        // The key goes to the address that the person wrote down, and to no other.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("coditect/", env!("CARGO_PKG_VERSION")));
    // A proxy of the environment is for the web: what is said to a server of this machine is not sent to it.
    let builder = if is_loopback(&endpoint.url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| unavailable(format!("no HTTP client: {error}")))
}

fn headers(all: &[(&'static str, String)]) -> Result<HeaderMap, ModelError> {
    let mut map = HeaderMap::new();
    map.insert("content-type", HeaderValue::from_static("application/json"));
    map.insert("accept", HeaderValue::from_static("text/event-stream, application/json"));
    for (name, value) in all {
        let value = HeaderValue::from_str(value).map_err(|_| {
            // The error must not say what the value is.
            ModelError::from(
                PortError::new(ErrorKind::Denied, "the key holds a byte that no header may have")
                    .with_hint("set the key again, without line ends"),
            )
        });
        let mut value = value?;
        value.set_sensitive(true);
        map.insert(HeaderName::from_static(name), value);
    }
    Ok(map)
}

/// The body as text, if it is no longer than `most` bytes; what broke off is as far as it came.
async fn text_of(response: Response, most: usize) -> Option<String> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        if body.len() + chunk.len() > most {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(String::from_utf8_lossy(&body).into_owned())
}

async fn refused(endpoint: &Endpoint, response: Response, limits: &CallLimits) -> ModelError {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let reading = tokio::time::timeout(ms(limits.idle_ms), text_of(response, REFUSAL_BYTES));
    let body = reading.await.ok().flatten().unwrap_or_default();
    errors::of_status(endpoint, status, &headers, &body)
}

fn parsed(endpoint: &Endpoint, text: &str) -> Result<Value, ModelError> {
    serde_json::from_str(text)
        .map_err(|error| unavailable(format!("the answer of `{}` is no JSON: {error}", endpoint.name)))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn unavailable(cause: String) -> ModelError {
    PortError::new(ErrorKind::Unavailable, cause).into()
}

fn interrupted(cause: String) -> ModelError {
    PortError::new(ErrorKind::Interrupted, cause).into()
}

fn slow(endpoint: &Endpoint, did: &str, limit_ms: u64) -> ModelError {
    let cause = format!("nothing of `{}` {did} within {} s", endpoint.name, limit_ms.div_ceil(1_000));
    let key = if did == "went on" { "idle_s" } else { "first_byte_s" };
    with_longer(interrupted(cause), key)
}

/// The error with the setting that gives such a call longer.
fn with_longer(error: ModelError, key: &str) -> ModelError {
    let hint = format!("give it longer with `{key}` in the model's table, or choose a quicker one");
    ModelError { error: error.error.with_hint(hint), ..error }
}

fn too_long(endpoint: &Endpoint, limits: &CallLimits) -> ModelError {
    let cause = format!("the answer of `{}` is longer than {} bytes", endpoint.name, limits.reply_bytes);
    PortError::new(ErrorKind::Invalid, cause).into()
}

fn unreachable(endpoint: &Endpoint, error: &reqwest::Error) -> ModelError {
    let cause = format!("`{}` at {} cannot be reached: {}", endpoint.name, endpoint.url, deepest(error));
    PortError::new(ErrorKind::Unavailable, endpoint.key.scrub(&cause))
        .with_hint("is the server running? `coditect models` says which can be reached")
        .into()
}

/// The innermost cause, which is the one that a person can do something about.
pub(super) fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
