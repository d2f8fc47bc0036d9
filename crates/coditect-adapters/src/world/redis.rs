//! Shared facts on Redis 6 or newer, or on what speaks its protocol with scripts; also on a cluster of several (slots, no sentinels).
//!
//! A fact is a hash `coditect:{NAME/KIND}:FACT` of its value (`v`) and its version (`n`), which the server expires. Beside the facts of a kind
//! stand the version that was given last (`...:#`) and the names with their ends (`...:*`, a sorted set). All of a kind have one hash
//! tag, so that scripts may change them together on a cluster, and no name of a fact has a sign as these.
//!
//! Scripts make what is looked at and what is written one step. A version is the server's clock, µs since 1970, or one more than the last where that
//! is later: so none comes twice, also after everything was lost, unless a clock was set back meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    Client, ErrorKind as RedisKind, FromRedisValue, RedisError, RedisResult, Script, ScriptInvocation,
    ServerErrorKind,
};
use coditect_ports::{PortError, WorldStore};
use coditect_types::{ErrorKind, Expected, Fact, FactKey, Put};
use reqwest::Url;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{MOST, PATIENCE, must_be_name, must_fit};
use crate::threads;

/// Servers of one cluster that may be named.
const SERVERS: usize = 16;
/// Facts that are read at once: all that they may have comes within a second.
const BATCH: usize = 16;
/// Where Redis listens, if nothing else is said.
const PORT: u16 = 6379;

/// `KEYS`: the fact, the last version, the names. `ARGV`: the value, how long it lasts (ms), what is expected (`*`: anything, `-`: nothing,
/// else a version), the name. Gives whether it is there, and the version that is.
const PUT: &str = r"
local found = redis.call('HGET', KEYS[1], 'n')
if ARGV[3] == '-' then
  if found then return {0, found} end
elseif ARGV[3] ~= '*' and found ~= ARGV[3] then
  return {0, found or ''}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local version = string.format('%.0f', math.max(now, last + 1))
local ends = string.format('%.0f', math.floor(now / 1000) + tonumber(ARGV[2]))
redis.call('SET', KEYS[2], version, 'PX', 604800000)
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'n', version)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[3], ends, ARGV[4])
redis.call('PEXPIRE', KEYS[3], 604800000)
return {1, version}
";

/// `KEYS`: the fact, the names. `ARGV`: the version, how long it lasts (ms), the name. Gives whether it is there.
const EXTEND: &str = r"
if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local ends = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', ends), ARGV[3])
redis.call('PEXPIRE', KEYS[2], 604800000)
return 1
";

/// `KEYS`: the fact, the names. `ARGV`: the version, the name. Gives whether it was there.
const REMOVE: &str = r"
if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
";

/// `KEYS`: the names. `ARGV`: how many at most. Gives those whose time is not over, by their names.
const NAMES: &str = r"
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
return redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'LIMIT', 0, ARGV[1])
";

/// `KEYS`: facts. Gives the version and the value of each; both are empty where there is none.
const READ: &str = r"
local all = {}
for i, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 'n', 'v')
  all[i] = {found[1] or '', found[2] or ''}
end
return all
";

/// Where facts are.
#[derive(Clone)]
pub struct RedisAt {
    /// Such as `redis://user:password@127.0.0.1:6379/0`, or `rediss:` with TLS. Several, separated by commas: a cluster.
    pub url: String,
    /// Which facts, where a server has those of several fleets: letters, digits and `-`.
    pub name: String,
}

// By hand, so that no password is ever printed.
impl std::fmt::Debug for RedisAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisAt").field("url", &redacted(&self.url)).field("name", &self.name).finish()
    }
}

/// See the module.
#[derive(Debug)]
pub struct RedisWorld {
    shared: Arc<Shared>,
    /// Its own. Taken on dropping, where nobody may wait.
    runtime: Option<Runtime>,
}

struct Shared {
    way: Way,
    /// What all keys begin with, but for the kind.
    name: String,
    /// The servers, for a person.
    shown: String,
    scripts: Scripts,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// The way to the server, or the servers.
enum Way {
    /// It connects again by itself, where the server did not refuse it.
    One(Box<Client>, Mutex<Option<ConnectionManager>>),
    Cluster(Box<ClusterClient>, Mutex<Option<ClusterConnection>>),
}

impl Way {
    /// Runs a script. After whatever did not go well the connection is made anew: the client keeps a refusal that was for a moment, waits for
    /// TCP where a network was cut, and stays with a server that is none to write to any more. Those who ask rest meanwhile.
    async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> RedisResult<T> {
        match self {
            Self::One(client, open) => {
                let mut own = {
                    let mut open = open.lock().await;
                    match &*open {
                        Some(own) => own.clone(),
                        None => open.insert(manager(client)?).clone(),
                    }
                };
                let answer = call.invoke_async(&mut own).await;
                if answer.is_err() {
                    *open.lock().await = None;
                }
                answer
            }
            Self::Cluster(client, open) => {
                let mut own = {
                    let mut open = open.lock().await;
                    match &*open {
                        Some(own) => own.clone(),
                        None => open.insert(client.get_async_connection().await?).clone(),
                    }
                };
                let answer = call.invoke_async(&mut own).await;
                if answer.is_err() {
                    *open.lock().await = None;
                }
                answer
            }
        }
    }
}

fn manager(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(20));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

struct Scripts {
    put: Script,
    extend: Script,
    remove: Script,
    names: Script,
    read: Script,
}

impl RedisWorld {
    /// Connects.
    ///
    /// # Errors
    /// No server answers, or it refuses the credentials.
    pub fn connect(at: &RedisAt) -> Result<Self, PortError> {
        let servers = servers(&at.url)?;
        must_be_name(&at.name)?;
        let shown = redacted(&at.url);
        let unusable = |error: RedisError| told(&shown, "reading the address", &error);
        let way = if let [server] = servers.as_slice() {
            Way::One(Box::new(Client::open(server.as_str()).map_err(unusable)?), Mutex::default())
        } else {
            let client = ClusterClient::builder(servers)
                .connection_timeout(PATIENCE)
                .response_timeout(PATIENCE)
                .overall_response_timeout(Some(PATIENCE * 2))
                .retries(3)
                .min_retry_wait(20)
                .max_retry_wait(500)
                .build();
            Way::Cluster(Box::new(client.map_err(unusable)?), Mutex::default())
        };
        let runtime = threads::start("redis", 1)?;
        let scripts = Scripts {
            put: Script::new(PUT),
            extend: Script::new(EXTEND),
            remove: Script::new(REMOVE),
            names: Script::new(NAMES),
            read: Script::new(READ),
        };
        let shared = Arc::new(Shared { way, name: at.name.clone(), shown, scripts });
        let world = Self { shared, runtime: Some(runtime) };
        // So that what is wrong with it is said at once.
        world.all("greeting")?;
        Ok(world)
    }

    fn asked<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PortError>> + Send + 'static,
    {
        threads::wait(self.runtime.as_ref(), work(Arc::clone(&self.shared)))
    }
}

impl Shared {
    fn key(&self, kind: &str, rest: &str) -> String {
        format!("coditect:{{{}/{kind}}}:{rest}", self.name)
    }

    fn fact(&self, key: &FactKey) -> String {
        self.key(key.kind(), key.name())
    }

    fn names(&self, kind: &str) -> String {
        self.key(kind, "*")
    }

    /// Runs a script.
    async fn run<T: FromRedisValue + Send>(
        &self,
        doing: &str,
        script: &Script,
        keys: &[String],
        args: &[&[u8]],
    ) -> Result<T, PortError> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key.as_str());
        }
        for arg in args {
            call.arg(*arg);
        }
        // The client's own limits are for one try.
        match timeout(PATIENCE * 2, self.way.run(&call)).await {
            Ok(answer) => answer.map_err(|error| told(&self.shown, doing, &error)),
            Err(_) => {
                let cause = format!(
                    "{doing} at `{}`: no answer within {} ms",
                    self.shown,
                    (PATIENCE * 2).as_millis()
                );
                Err(PortError::new(ErrorKind::Unavailable, cause).with_hint(START))
            }
        }
    }

    /// Facts, each as it was asked for.
    async fn read(&self, doing: &str, keys: &[String]) -> Result<Vec<Option<(u64, Vec<u8>)>>, PortError> {
        let found: Vec<(Vec<u8>, Vec<u8>)> = self.run(doing, &self.scripts.read, keys, &[]).await?;
        let read = |(version, value): (Vec<u8>, Vec<u8>)| match version.is_empty() {
            true => Ok(None),
            false => Ok(Some((number(&self.shown, &version)?, value))),
        };
        found.into_iter().map(read).collect()
    }
}

/// What to do where there is no server.
const START: &str = "start one with `redis-server`, or name another with `--redis URL`";

/// A version as it stands there.
fn number(shown: &str, text: &[u8]) -> Result<u64, PortError> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let cause = format!("at `{shown}` stands something else under our names: see `KEYS coditect:*`");
        PortError::new(ErrorKind::Invalid, cause)
    })
}

/// An error as one of ours.
fn told(shown: &str, doing: &str, error: &RedisError) -> PortError {
    // What a server says of a login may quote it.
    let is_login = matches!(error.kind(), RedisKind::AuthenticationFailed);
    let said = if is_login { "the login is refused".to_owned() } else { error.to_string() };
    let cause = format!("{doing} at `{shown}`: {said}");
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's list grows with its releases")]
    let (kind, hint) = match error.kind() {
        RedisKind::AuthenticationFailed | RedisKind::Server(ServerErrorKind::NoPerm) => {
            (ErrorKind::Denied, "name a user who may use keys `coditect:*` and scripts, in the address")
        }
        RedisKind::InvalidClientConfig => (ErrorKind::Invalid, "see the address"),
        RedisKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            (ErrorKind::Invalid, "it is one of a cluster: name several of its servers, separated by commas")
        }
        RedisKind::Server(ServerErrorKind::ReadOnly) => {
            (ErrorKind::Unavailable, "it is a replica: name the server that can be written to")
        }
        _ if error.code() == Some("OOM") => (ErrorKind::Exhausted, "give the server more memory"),
        _ if error.code() == Some("NOAUTH") || error.code() == Some("WRONGPASS") => {
            (ErrorKind::Denied, "name the user and the password in the address")
        }
        _ => (ErrorKind::Unavailable, START),
    };
    PortError::new(kind, cause).with_hint(hint)
}

/// How long a fact lasts, as the server wants to hear it.
fn millis(lasts: Duration) -> Vec<u8> {
    lasts.as_millis().to_string().into_bytes()
}

impl WorldStore for RedisWorld {
    fn get(&self, key: &FactKey) -> Result<Option<Fact>, PortError> {
        let key = key.clone();
        self.asked(|shared| async move {
            let mut found = shared.read("asking for a fact", &[shared.fact(&key)]).await?;
            let fact = found.pop().flatten();
            Ok(fact.map(|(version, value)| Fact { name: key.name().to_owned(), value, version }))
        })
    }

    fn put(
        &self,
        key: &FactKey,
        value: &[u8],
        expected: Expected,
        lasts: Duration,
    ) -> Result<Put, PortError> {
        must_fit(value, lasts)?;
        let (key, value) = (key.clone(), value.to_vec());
        self.asked(move |shared| async move {
            let keys = [shared.fact(&key), shared.key(key.kind(), "#"), shared.names(key.kind())];
            let expected = match expected {
                Expected::Anything => "*".to_owned(),
                Expected::Nothing => "-".to_owned(),
                Expected::Version(version) => version.to_string(),
            };
            let args: [&[u8]; 4] = [&value, &millis(lasts), expected.as_bytes(), key.name().as_bytes()];
            let answer = shared.run("keeping a fact", &shared.scripts.put, &keys, &args).await?;
            let (is_kept, version): (bool, Vec<u8>) = answer;
            Ok(match (is_kept, version.is_empty()) {
                (true, _) => Put::Kept(number(&shared.shown, &version)?),
                (false, true) => Put::Refused(None),
                (false, false) => Put::Refused(Some(number(&shared.shown, &version)?)),
            })
        })
    }

    fn extend(&self, key: &FactKey, version: u64, lasts: Duration) -> Result<bool, PortError> {
        must_fit(&[], lasts)?;
        let key = key.clone();
        self.asked(move |shared| async move {
            let keys = [shared.fact(&key), shared.names(key.kind())];
            let version = version.to_string();
            let args: [&[u8]; 3] = [version.as_bytes(), &millis(lasts), key.name().as_bytes()];
            shared.run("keeping a fact up", &shared.scripts.extend, &keys, &args).await
        })
    }

    fn remove(&self, key: &FactKey, version: u64) -> Result<bool, PortError> {
        let key = key.clone();
        self.asked(move |shared| async move {
            let keys = [shared.fact(&key), shared.names(key.kind())];
            let version = version.to_string();
            let args: [&[u8]; 2] = [version.as_bytes(), key.name().as_bytes()];
            shared.run("removing a fact", &shared.scripts.remove, &keys, &args).await
        })
    }

    fn all(&self, kind: &'static str) -> Result<Vec<Fact>, PortError> {
        const DOING: &str = "listing facts";
        self.asked(move |shared| async move {
            let (keys, most) = ([shared.names(kind)], (MOST + 1).to_string());
            let listed = shared.run(DOING, &shared.scripts.names, &keys, &[most.as_bytes()]).await?;
            let mut names: Vec<String> = listed;
            if names.len() > MOST {
                let cause = format!("{DOING} at `{}`: there are more than {MOST} of `{kind}`", shared.shown);
                return Err(PortError::new(ErrorKind::Exhausted, cause));
            }
            names.sort_unstable();
            let mut facts = Vec::with_capacity(names.len());
            for names in names.chunks(BATCH) {
                let keys: Vec<String> = names.iter().map(|name| shared.key(kind, name)).collect();
                let found = shared.read(DOING, &keys).await?;
                let named = names.iter().zip(found);
                facts.extend(named.filter_map(|(name, found)| {
                    let (version, value) = found?;
                    Some(Fact { name: name.clone(), value, version })
                }));
            }
            Ok(facts)
        })
    }
}

impl Drop for RedisWorld {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Checks an address, without a connection.
///
/// # Errors
/// `Invalid`, with what is wrong about it and nothing that is secret.
pub fn check(url: &str) -> Result<(), PortError> {
    servers(url).map(drop)
}

/// The address with `***` in place of what is secret, for a person; nothing of it where it cannot be read.
#[must_use]
pub fn redacted(url: &str) -> String {
    let one = |text: &str| {
        let Ok(mut server) = server(text) else { return "***".to_owned() };
        let has_login = !server.username().is_empty() || server.password().is_some();
        let removed = server.set_username("").and_then(|()| server.set_password(None));
        let (scheme, host) = (server.scheme(), server.host_str().unwrap_or_default());
        let rest = format!("{host}:{}{}", server.port().unwrap_or(PORT), server.path().trim_end_matches('/'));
        match removed {
            Err(()) => "***".to_owned(),
            Ok(()) => format!("{scheme}://{}{rest}", if has_login { "***@" } else { "" }),
        }
    };
    url.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// The addresses of one server, or of several of a cluster.
fn servers(url: &str) -> Result<Vec<String>, PortError> {
    let servers: Vec<Url> = url.split(',').map(server).collect::<Result<_, _>>()?;
    if servers.len() > SERVERS {
        return Err(bad(&format!("{} servers are named, and {SERVERS} can be", servers.len())));
    }
    if servers.len() > 1 && servers.iter().any(|server| !matches!(server.path(), "" | "/" | "/0")) {
        return Err(bad("a cluster has no numbered databases"));
    }
    let one = |server: &Url| (server.scheme().to_owned(), server.username().to_owned());
    if servers.iter().any(|server| one(server) != one(&servers[0])) {
        return Err(bad("servers of a cluster have one scheme and one user"));
    }
    Ok(servers.iter().map(Url::to_string).collect())
}

fn server(text: &str) -> Result<Url, PortError> {
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("redis://{text}") };
    // The parser's own words could quote the text.
    let server = Url::parse(&text).map_err(|_| bad("the address cannot be read"))?;
    if !matches!(server.scheme(), "redis" | "rediss") {
        return Err(bad(&format!(
            "the scheme of the address is `{}`, not `redis` or `rediss`",
            server.scheme()
        )));
    }
    if server.host_str().is_none_or(str::is_empty) {
        return Err(bad("the address has no host"));
    }
    let database = server.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return Err(bad("behind the port stands something else than the number of a database"));
    }
    if server.query().is_some() || server.fragment().is_some() {
        return Err(bad("the address has something behind the database"));
    }
    Ok(server)
}

fn bad(cause: &str) -> PortError {
    PortError::new(ErrorKind::Invalid, cause).with_hint("write it like `redis://127.0.0.1:6379`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_server_or_a_cluster() {
        let servers = |url: &str| servers(url).map_err(|error| error.cause);
        assert_eq!(servers("127.0.0.1:7000"), Ok(vec!["redis://127.0.0.1:7000".to_owned()]));
        assert_eq!(servers("redis://h, redis://h:2").map(|all| all.len()), Ok(2));
        assert!(servers("rediss://u:p@h:1/3").is_ok());
        for (bad, says) in [
            ("", "no host"),
            ("nats://h", "scheme"),
            ("redis://h/db", "number of a database"),
            ("redis://h/1?protocol=resp3", "behind the database"),
            ("redis://a/1,redis://b/1", "no numbered databases"),
            ("redis://a,rediss://b", "one scheme"),
            (&["h"; 17].join(","), "17 servers"),
        ] {
            let told = servers(bad);
            assert!(told.as_ref().is_err_and(|cause| cause.contains(says)), "{bad}: {told:?}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        assert_eq!(redacted("redis://ada:secret@h:1/2"), "redis://***@h:1/2");
        assert_eq!(redacted("redis://:secret@h, h2"), "redis://***@h:6379,redis://h2:6379");
        assert_eq!(redacted("redis://ada:secret@"), "***");
        let at = RedisAt { url: "redis://:secret@h".to_owned(), name: "x".to_owned() };
        assert!(!format!("{at:?}").contains("secret"), "{at:?}");
        let error = server("redis://ada:secret@h/secret").unwrap_err();
        assert!(!error.cause.contains("secret"), "{error:?}");
    }
}
