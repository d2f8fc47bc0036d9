//! A bucket of an object store that speaks S3, as one memory uses it: below a name of its own.
//!
//! Everything that is not an answer of that store to that question is an error that says "not now": nothing is taken for lost since a
//! proxy, another server or an empty disk in its place said so.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use futures::StreamExt;
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket as Signer, Credentials, S3Action, UrlStyle};

mod address;

pub use address::{BucketAt, check_bucket};

use super::part::is_new_part;

/// How long a request that was signed may be on its way.
const SIGNED: Duration = Duration::from_secs(300);
/// Until a connection stands, until an answer begins and between two pieces of it, and a whole request besides what its bytes take.
const CONNECT: Duration = Duration::from_secs(4);
const IDLE: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(40);
/// The slowest line that is waited for, bytes a second.
const SLOWEST: u64 = 32 << 10;
/// How often a request is made that finds nobody, or somebody in trouble, and the wait before the second time, which doubles.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(150);
/// A store that could not be reached is not asked again before this.
const PAUSE: Duration = Duration::from_secs(20);
/// Bytes of a part, of a list of names and of a refusal that are taken.
pub(super) const MOST_BYTES: u64 = 1 << 30;
const LIST_BYTES: u64 = 8 << 20;
const REFUSAL_BYTES: usize = 16 << 10;
/// Lists of names that are asked for, of up to 1,000 each.
const LISTS: usize = 2_000;
/// Letters of a store's own words that are told.
const SAID: usize = 200;
/// The object that says whose the others beside it are.
const MARK: &str = "owner";

/// The bucket, as it is asked.
pub(super) struct Bucket {
    at: BucketAt,
    /// What this memory is called in it.
    owner: String,
    signer: Signer,
    credentials: Option<Credentials>,
    client: Client,
    /// How long it may say nothing while it is not being sent anything.
    pub(super) idle: Duration,
    /// When it could not be reached, and why.
    failed: Mutex<Option<(Instant, PortError)>>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.at, self.owner)
    }
}

/// What a store said.
struct Answer {
    status: StatusCode,
    /// The code of its refusal; empty where it has none.
    code: String,
    /// What is told of it.
    said: String,
    /// It keeps what is written over or deleted.
    keeps_versions: bool,
    body: Bytes,
}

/// A request without an answer.
struct Broken {
    error: PortError,
    /// It may have arrived, or arrive still.
    is_sent: bool,
}

impl Answer {
    /// There is no such object, and it is the store that says so.
    fn is_no_such_key(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.code == "NoSuchKey"
    }
}

impl Bucket {
    /// The bucket of the memory called `owner`. Nothing is asked yet.
    pub(super) fn new(at: BucketAt, owner: &str) -> Result<Self, PortError> {
        let wrong = |why: String| PortError::new(ErrorKind::Invalid, format!("{at} cannot be asked: {why}"));
        // The bucket in the path: every store knows that, and no name of a host must be found for it.
        let signer = Signer::new(at.endpoint.clone(), UrlStyle::Path, at.bucket.clone(), at.region.clone())
            .map_err(|error| wrong(error.to_string()))?;
        let credentials = at.key.clone().map(|(key, secret)| match at.token.clone() {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        });
        let client = Client::builder()
            // No `read_timeout`: that of reqwest runs while something is sent, and cuts off whatever takes longer.
            .connect_timeout(CONNECT)
            // A signed request is for one address.
            .redirect(redirect::Policy::none())
            // A connection belongs to the thread of the request that made it.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("coditect/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(deepest(&error)))?;
        let (owner, failed) = (owner.to_owned(), Mutex::new(None));
        Ok(Self { at, owner, signer, credentials, client, idle: IDLE, failed })
    }

    /// What this memory is called in it.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Where it is, for whoever is told.
    pub(super) fn at(&self) -> &BucketAt {
        &self.at
    }

    fn object(&self, name: &str) -> String {
        match self.at.prefix.as_str() {
            "" => format!("{}/{name}", self.owner),
            prefix => format!("{prefix}/{}/{name}", self.owner),
        }
    }

    /// Sees to it that this is the bucket that this memory uses: its mark is there. Where `may_make`, it is made if it is not.
    pub(super) fn check(&self, may_make: bool) -> Result<(), PortError> {
        let answer = self.get_raw(MARK, 1 << 10)?;
        if answer.status.is_success() && answer.body == self.owner.as_bytes() {
            return Ok(());
        }
        if answer.is_no_such_key() && may_make {
            self.put(MARK, Bytes::from(self.owner.clone()))?;
            let again = self.get_raw(MARK, 1 << 10)?;
            if again.status.is_success() && again.body == self.owner.as_bytes() {
                return Ok(());
            }
            return Err(self.refused(&again, "the mark of this memory was put there, and is not"));
        }
        if answer.status.is_success() || answer.is_no_such_key() {
            let error = self
                .unavailable("it has not what this memory put there: it is another one, or lost all of it");
            return Err(error.with_hint(
                "bring it back, or look at AWS_ENDPOINT_URL; nothing is taken for lost until then",
            ));
        }
        Err(self.refused(&answer, "looking for the mark of this memory"))
    }

    /// Keeps bytes under a name. That they are there is not sure before they were read again.
    pub(super) fn put(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        let object = self.object(name);
        let url = || self.signer.put_object(self.credentials.as_ref(), &object).sign(SIGNED);
        let answer = self.ask(Method::PUT, &url, &bytes, 0)?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer, "putting something there"));
        }
        if answer.keeps_versions { Err(self.keeps_versions()) } else { Ok(()) }
    }

    /// The bytes of an object, of which there are no more than `most`: of one that is longer than that a few more are given, so that it
    /// is known for one. None: there is no such object. Whether that is so for good is told by [`Self::check`].
    pub(super) fn get(&self, name: &str, most: u64) -> Result<Option<Bytes>, PortError> {
        let answer = self.get_raw(name, most)?;
        if answer.status == StatusCode::OK {
            return Ok(Some(answer.body));
        }
        if answer.is_no_such_key() {
            Ok(None)
        } else {
            Err(self.refused(&answer, "getting something from there"))
        }
    }

    fn get_raw(&self, name: &str, most: u64) -> Result<Answer, PortError> {
        let object = self.object(name);
        let url = || self.signer.get_object(self.credentials.as_ref(), &object).sign(SIGNED);
        self.ask(Method::GET, &url, &Bytes::new(), most)
    }

    /// Deletes an object. One that is not there is deleted.
    pub(super) fn delete(&self, name: &str) -> Result<(), PortError> {
        let object = self.object(name);
        let url = || self.signer.delete_object(self.credentials.as_ref(), &object).sign(SIGNED);
        let answer = self.ask(Method::DELETE, &url, &Bytes::new(), LIST_BYTES)?;
        if answer.keeps_versions {
            return Err(self.keeps_versions());
        }
        // Whoever answers with a page is not the store.
        let is_done = answer.status == StatusCode::NO_CONTENT
            || (answer.status == StatusCode::OK && answer.body.is_empty())
            || answer.is_no_such_key();
        if is_done { Ok(()) } else { Err(self.refused(&answer, "deleting something there")) }
    }

    /// The names of this memory's objects that can be parts.
    pub(super) fn list(&self) -> Result<BTreeSet<String>, PortError> {
        let prefix = self.object("");
        let mut names = BTreeSet::new();
        let mut next: Option<String> = None;
        for _ in 0..LISTS {
            let url = || {
                let mut list = self.signer.list_objects_v2(self.credentials.as_ref());
                list.with_prefix(prefix.clone());
                if let Some(next) = &next {
                    list.with_continuation_token(next.clone());
                }
                list.sign(SIGNED)
            };
            let answer = self.ask(Method::GET, &url, &Bytes::new(), LIST_BYTES)?;
            if answer.status != StatusCode::OK {
                return Err(self.refused(&answer, "asking what it has"));
            }
            let unreadable =
                |why: String| self.unavailable(&format!("its list of names cannot be read: {why}"));
            if answer.body.len() as u64 > LIST_BYTES {
                return Err(unreadable("it is too long".to_owned()));
            }
            let text = std::str::from_utf8(&answer.body).map_err(|error| unreadable(error.to_string()))?;
            let page = ListObjectsV2::parse_response(text).map_err(|error| unreadable(error.to_string()))?;
            let own = page.contents.iter().filter_map(|of| of.key.strip_prefix(&prefix));
            names.extend(own.filter(|name| is_new_part(name)).map(str::to_owned));
            match page.next_continuation_token {
                Some(token) if Some(&token) == next.as_ref() => {
                    return Err(unreadable("it has no end".to_owned()));
                }
                Some(token) => next = Some(token),
                None => return Ok(names),
            }
        }
        Err(self.unavailable("it has more objects than are looked at"))
    }

    /// Asks the store. One that could not be reached is left alone for a while. Of its answer `most` bytes are taken, and a little more
    /// where it is longer.
    fn ask(
        &self,
        method: Method,
        url: &(dyn Fn() -> Url + Sync),
        body: &Bytes,
        most: u64,
    ) -> Result<Answer, PortError> {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, error)) = &*failed()
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        let done = on_a_thread(self.try_to(method, url, body, most));
        let error = done.as_ref().err().filter(|error| error.kind == ErrorKind::Unavailable);
        *failed() = error.map(|error| (Instant::now(), error.clone()));
        done
    }

    /// Makes a request, and again where that may help. What is put is not put again where the first time may still arrive, after
    /// somebody had it deleted: another name is taken then, another time.
    async fn try_to(
        &self,
        method: Method,
        url: &(dyn Fn() -> Url + Sync),
        body: &Bytes,
        most: u64,
    ) -> Result<Answer, PortError> {
        let mut wait = WAIT;
        for tried in 1.. {
            // A signature is of its moment: each try has its own.
            let done = self.request(method.clone(), url(), body.clone(), most).await;
            let is_put = method == Method::PUT;
            let (is_trouble, may_again) = match &done {
                Ok(Answer { status, .. }) => {
                    let is_busy =
                        matches!(*status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
                    (is_busy || status.is_server_error(), is_busy || !is_put)
                }
                Err(Broken { is_sent, .. }) => (true, !(is_put && *is_sent)),
            };
            let done = done.map_err(|broken| broken.error);
            if !is_trouble {
                return done;
            }
            if tried >= TRIES || !may_again {
                return done.and_then(|answer| Err(self.refused(&answer, "it is in trouble")));
            }
            tokio::time::sleep(wait + jitter(wait)).await;
            wait *= 2;
        }
        Err(self.unavailable("it was not asked"))
    }

    async fn request(&self, method: Method, url: Url, body: Bytes, most: u64) -> Result<Answer, Broken> {
        let sent = body.len() as u64;
        let within = WHOLE + Duration::from_secs((sent + most.min(MOST_BYTES)) / SLOWEST);
        let mut request = self.client.request(method.clone(), url).timeout(within);
        if method == Method::PUT {
            request = request.header(reqwest::header::CONTENT_LENGTH, sent).body(body);
        }
        // What is sent takes its time, and only the whole is bounded.
        let begins = if method == Method::PUT { within } else { CONNECT + self.idle };
        let response = self.in_time(begins, request.send()).await?.map_err(|error| self.broke(&error))?;
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let keeps_versions = header("x-amz-delete-marker") == Some("true")
            || (method == Method::PUT && header("x-amz-version-id").is_some_and(|id| id != "null"));
        if !status.is_success() {
            let text = self.text_of(response).await;
            let (code, said) = (between(&text, "Code"), self.without_keys(said(&text)));
            return Ok(Answer { status, code, said, keeps_versions, body: Bytes::new() });
        }
        let (mut body, mut pieces) = (BytesMut::new(), response.bytes_stream());
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(REFUSAL_BYTES);
        while let Some(piece) = self.in_time(self.idle, pieces.next()).await? {
            let piece = piece.map_err(|error| self.broke(&error))?;
            body.extend_from_slice(&piece);
            if body.len() > most {
                // Who compares it with what was put there sees that it is something else. Twice the same is the same.
                body.truncate(most + 1);
                break;
            }
        }
        let (code, said) = (String::new(), String::new());
        Ok(Answer { status, code, said, keeps_versions, body: body.freeze() })
    }

    /// Waits for no longer than that.
    async fn in_time<T>(&self, within: Duration, doing: impl Future<Output = T>) -> Result<T, Broken> {
        tokio::time::timeout(within, doing).await.map_err(|_| {
            let error = self.unavailable("it cannot be reached: it took too long");
            Broken { error, is_sent: true }
        })
    }

    /// A refusal as text, as far as it may be long.
    async fn text_of(&self, response: Response) -> String {
        let (mut body, mut pieces) = (Vec::new(), response.bytes_stream());
        while let Ok(Some(Ok(piece))) = self.in_time(self.idle, pieces.next()).await {
            if body.len() + piece.len() > REFUSAL_BYTES {
                break;
            }
            body.extend_from_slice(&piece);
        }
        String::from_utf8_lossy(&body).into_owned()
    }

    /// What a refusal means: none of them that something is lost.
    fn refused(&self, answer: &Answer, doing: &str) -> PortError {
        let (at, Answer { status, code, said, .. }) = (&self.at, answer);
        let status = status.as_u16();
        if status == 404 && code == "NoSuchBucket" {
            let cause = format!("there is no bucket `{}` at {}", at.bucket, at.endpoint);
            return PortError::new(ErrorKind::Unavailable, cause)
                .with_hint("make it, or look at `memory_cold` and AWS_ENDPOINT_URL");
        }
        let cause = format!("{at}: {doing}: status {status}{said}");
        match status {
            301 | 307 | 308 | 400 | 401 | 403 => PortError::new(ErrorKind::Denied, cause).with_hint(
                "look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL; the key must be \
                 allowed to get, put, delete and list",
            ),
            _ => PortError::new(ErrorKind::Unavailable, cause),
        }
    }

    /// A store may repeat what it was asked with.
    fn without_keys(&self, said: String) -> String {
        let BucketAt { key, token, .. } = &self.at;
        let secrets = key.iter().flat_map(|(name, secret)| [name, secret]).chain(token);
        secrets.fold(said, |said, secret| said.replace(secret.as_str(), "..."))
    }

    fn keeps_versions(&self) -> PortError {
        let cause = format!("{} keeps versions: what is deleted, and forgotten, would stay there", self.at);
        PortError::new(ErrorKind::Denied, cause)
            .with_hint("suspend versioning of the bucket, or name one without it in `memory_cold`")
    }

    fn unavailable(&self, why: &str) -> PortError {
        PortError::new(ErrorKind::Unavailable, format!("{}: {why}", self.at))
    }

    /// What an error of the connection says; its address is signed and is nobody's business.
    fn broke(&self, error: &reqwest::Error) -> Broken {
        let why = if error.is_timeout() { "it took too long".to_owned() } else { deepest(error) };
        let cause = format!("{} cannot be reached: {why}", self.at);
        Broken { error: PortError::new(ErrorKind::Unavailable, cause), is_sent: !error.is_connect() }
    }
}

fn deepest(error: &reqwest::Error) -> String {
    let mut deepest: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(source) = deepest.and_then(std::error::Error::source) {
        deepest = Some(source);
    }
    deepest.map_or_else(|| "it does not work".to_owned(), ToString::to_string)
}

/// Up to half of it more, so that several do not come again at once.
fn jitter(wait: Duration) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    wait.mul_f64(f64::from(now.subsec_nanos() % 1_000) / 2_000.0)
}

/// What stands in an element of XML, as far as it is letters.
fn between(body: &str, tag: &str) -> String {
    let found = body.split_once(&format!("<{tag}>")).and_then(|(_, rest)| Some(rest.split_once("</")?.0));
    let text = found.unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect()
}

/// The code and the words of a refusal.
fn said(body: &str) -> String {
    let words: Vec<String> = ["Code", "Message"]
        .map(|tag| between(body, tag))
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(": ")) }
}

/// Waits for what a store is asked, on a thread of its own: whoever asks may be on one that must not wait in this way.
fn on_a_thread<T: Send>(asking: impl Future<Output = Result<T, PortError>> + Send) -> Result<T, PortError> {
    let failed =
        |why: String| PortError::new(ErrorKind::Unavailable, format!("asking the object store: {why}"));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| failed(error.to_string()))?.block_on(asking)
        });
        asking.join().unwrap_or_else(|_| Err(failed("it broke off".to_owned())))
    })
}
