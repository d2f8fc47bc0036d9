//! One batch on its way, again where the standard says that this may help.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
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
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(target.timeout)
            .default_headers(target.headers.clone());
        // Where nothing is encrypted, the machine's certificates need not be read: it takes longer than all else here.
        let client = if is_plain(target) { client.tls_certs_only([]).no_proxy() } else { client };
        Some(Self { runtime, client: client.build().ok()? })
    }

    /// Sends a batch. Gives how many of it the collector did not want.
    pub(super) fn send(&self, target: &Target, body: bytes::Bytes) -> Result<u64, String> {
        self.runtime.block_on(send(&self.client, target, body))
    }
}

/// Whether it is a collector of this machine, without encryption: no proxy knows of it. One further away may have one before it that wants
/// encryption.
fn is_plain(target: &Target) -> bool {
    let is_here = matches!(target.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    is_here && target.url.scheme() == "http"
}

async fn send(client: &Client, target: &Target, body: bytes::Bytes) -> Result<u64, String> {
    let mut wait = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let request =
            client.post(target.url.clone()).header(CONTENT_TYPE, "application/x-protobuf").body(body.clone());
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
            Err(error) => (error.without_url().to_string(), None),
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
