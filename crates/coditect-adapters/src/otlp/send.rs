//! One batch on its way, again where the standard says that this may help.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::runtime::Runtime;

use super::{Target, wire};

/// Tries of one batch, and the wait before the second, which doubles.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait that a collector may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// What a thread sends with.
pub(super) struct Sender {
    runtime: Runtime,
    client: Client,
}

impl Sender {
    /// None: the system gives no means to.
    pub(super) fn open(target: &Target) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(Self { runtime, client: client(target).ok()? })
    }

    /// Sends a batch. Gives how many of it the collector did not want.
    pub(super) fn send(&self, target: &Target, body: bytes::Bytes) -> Result<u64, String> {
        let body = if target.is_compressed { packed(&body)? } else { body };
        self.runtime.block_on(async {
            let sending = send(&self.client, target, body);
            let Some(within) = target.within else { return sending.await };
            let late = |_| Err(format!("it took longer than {} ms", within.as_millis()));
            tokio::time::timeout(within, sending).await.unwrap_or_else(late)
        })
    }
}

/// What asks this collector.
pub(super) fn client(target: &Target) -> reqwest::Result<Client> {
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(target.timeout)
        .default_headers(target.headers.clone());
    let client = if is_here(target) { client.no_proxy() } else { client };
    // Where nothing is encrypted, the machine's certificates need not be read: it takes longer than all else here.
    let is_plain = is_here(target) && target.url.scheme() == "http";
    let client = if is_plain { client.tls_certs_only([]) } else { client };
    target.trust.given_to(client).build()
}

/// An error with all that it came from: the first alone says little.
pub(super) fn causes(error: &dyn Error) -> String {
    let (mut all, mut below) = (error.to_string(), error.source());
    while let Some(cause) = below {
        all.push_str(": ");
        all.push_str(&cause.to_string());
        below = cause.source();
    }
    all
}

/// The body by gzip, quickly: it is sent once.
fn packed(body: &[u8]) -> Result<bytes::Bytes, String> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let packed = packer.write_all(body).and_then(|()| packer.finish());
    packed.map(bytes::Bytes::from).map_err(|error| format!("it cannot be compressed: {error}"))
}

/// Whether it is a collector of this machine: no proxy knows of it. One further away may have one before it that wants encryption.
fn is_here(target: &Target) -> bool {
    matches!(target.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

async fn send(client: &Client, target: &Target, body: bytes::Bytes) -> Result<u64, String> {
    let mut wait = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let request = client.post(target.url.clone()).header(CONTENT_TYPE, "application/x-protobuf");
        let request = if target.is_compressed { request.header(CONTENT_ENCODING, "gzip") } else { request };
        let request = request.body(body.clone());
        let (cause, asked) = match request.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(rejected(answer).await),
            Ok(answer) => {
                let status = answer.status();
                let cause = format!("it answers {status}");
                if !passes(status) {
                    return Err(cause);
                }
                (cause, asked(answer.headers()))
            }
            Err(error) => (causes(&error.without_url()), None),
        };
        if tries >= TRIES {
            return Err(cause);
        }
        tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
        tries += 1;
        wait *= 2;
    }
}

/// Whether this is an answer of a moment.
fn passes(status: StatusCode) -> bool {
    [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

/// How long the collector wants to be left alone.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// How many the collector did not want of a batch that it took. One that does not say so wanted all.
async fn rejected(mut answer: Response) -> u64 {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return 0;
        }
    }
    wire::rejected(&body).unwrap_or(0)
}
